//! `vpim-milter inspect`: what a message is made of, octet for octet.

use super::files;
use crate::conformance::report::{PartReport, printable, sender_text};
use crate::limits::{Budget, Limits};
use crate::media::Facts;
use crate::media::audio::AudioFacts;
use crate::media::fax::FaxFacts;
use crate::message::{Defect, Entity, EntityId, Message, Span};
use crate::vpim::class::{classify, evidence};
use crate::vpim::dialect::{self, Sender};
use crate::vpim::{Body, Class, Envelope, Survey};
use serde::Serialize;
use std::fmt::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;

/// Cells of the level bar, from -60 dB to full scale.
const BAR: usize = 30;
const BAR_FLOOR_DB: f32 = -60.0;

/// How the tree is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    /// For people.
    Text,
    /// One JSON object.
    Json,
}

/// Arguments of `inspect`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// How to write
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
    /// A message; - is standard input
    #[arg(value_name = "FILE")]
    file: PathBuf,
}

#[derive(Serialize)]
struct Inspection<'a> {
    file: &'a str,
    profile: &'static str,
    why: Vec<String>,
    sender: Option<Sender>,
    bytes: usize,
    entities: Vec<Node>,
    defects: Vec<&'a Defect>,
}

#[derive(Serialize)]
struct Node {
    part: Option<String>,
    depth: usize,
    #[serde(rename = "type")]
    media_type: String,
    declared: bool,
    encoding: String,
    header: Span,
    body: Span,
    media: Option<PartReport>,
    facts: Option<Facts>,
}

/// Runs the command.
pub fn run(args: &Args) -> ExitCode {
    let limits = Limits::default();
    let name = args.file.to_string_lossy();
    files::finish(files::read_at_most(&args.file, limits.message_bytes).and_then(|raw| {
        files::print(render(&name, &raw, args.format, &limits).as_bytes())?;
        Ok(ExitCode::SUCCESS)
    }))
}

fn render(file: &str, raw: &[u8], format: Format, limits: &Limits) -> String {
    let message = Message::parse(raw, limits);
    let envelope = Envelope::default();
    let class = classify(&message);
    // Audio and fax bodies are shown whatever the class.
    let looked_at = if class == Class::None { Class::VoiceOther } else { class };
    let survey = Survey::new(&message, &envelope, Some(looked_at), limits, &mut Budget::new(limits));
    let inspection = Inspection {
        file,
        profile: class.name(),
        why: evidence(&message),
        sender: dialect::sender(&message, class),
        bytes: raw.len(),
        entities: message.entities().map(|(id, e)| node(&survey, id, e)).collect(),
        defects: message.defects().iter().collect(),
    };
    match format {
        Format::Json => serde_json::to_string_pretty(&inspection).unwrap_or_default() + "\n",
        Format::Text => text(&message, &inspection),
    }
}

fn node(survey: &Survey<'_>, id: EntityId, entity: &Entity) -> Node {
    let body: Option<&Body> = survey.body(id);
    Node {
        part: survey.message.part_number(id),
        depth: survey.message.lineage(id).count().saturating_sub(1),
        media_type: entity.content_type.essence(),
        declared: entity.type_declared,
        encoding: entity.encoding.name().to_owned(),
        header: entity.header.span,
        body: entity.body,
        media: body.map(|b| PartReport::new(survey, b)),
        facts: body.and_then(|b| b.facts.as_ref().ok()).map(|r| r.facts.clone()),
    }
}

fn text(message: &Message<'_>, inspection: &Inspection<'_>) -> String {
    let mut out =
        format!("{}: {}, {} octets\n", printable(inspection.file), inspection.profile, inspection.bytes);
    for why in &inspection.why {
        let _ = writeln!(out, "  {}", printable(why));
    }
    out.extend(inspection.sender.as_ref().map(|s| format!("  {}\n", sender_text(s))));
    for node in &inspection.entities {
        let indent = "  ".repeat(node.depth.min(32));
        let _ = writeln!(
            out,
            "{indent}{} {}{}  {}  header {}..{}  body {}..{}",
            node.part.as_deref().unwrap_or("-"),
            printable(&node.media_type),
            if node.declared { "" } else { " (by default)" },
            printable(&node.encoding),
            node.header.start,
            node.header.end,
            node.body.start,
            node.body.end
        );
        if let Some(media) = &node.media {
            let _ = writeln!(out, "{indent}    {}", media.text());
        }
        let lines = match &node.facts {
            Some(Facts::Audio(audio)) => audio_lines(audio),
            Some(Facts::Fax(fax)) => fax_lines(fax),
            None => Vec::new(),
        };
        for line in lines {
            let _ = writeln!(out, "{indent}    {}", printable(&line));
        }
    }
    for defect in &inspection.defects {
        let _ = writeln!(
            out,
            "defect at {} (line {}): {}",
            defect.at,
            message.line(defect.at),
            defect.kind.text()
        );
    }
    out
}

fn audio_lines(audio: &AudioFacts) -> Vec<String> {
    let mut lines = vec![format!("container {}, codec {}", audio.container, audio.codec)];
    if let (Some(rms), Some(peak)) = (audio.rms_dbfs, audio.peak_dbfs) {
        lines.push(format!("level [{}] rms {rms:.1} dB, peak {peak:.1} dB of full scale", bar(rms, peak)));
    }
    if let Some(share) = audio.silence_share {
        lines.push(format!("silence {:.0} % of the time", 100.0 * share));
        lines.extend(drawing(&audio.outline));
    }
    if let Some(order) = audio.nibble_order {
        let first = if order.swapped { "high bits (wrong for RFC 3802)" } else { "low bits" };
        lines.push(format!("first code word in the {first}, certainty {:.2}", order.confidence));
    }
    lines.extend(audio.defects.iter().map(|d| format!("defect: {d}")));
    lines
}

/// `=` up to the rms level, `-` up to the peak.
fn bar(rms: f32, peak: f32) -> String {
    let cell = |n: usize| BAR_FLOOR_DB - BAR_FLOOR_DB * (n as f32 + 0.5) / BAR as f32;
    (0..BAR)
        .map(|n| {
            if cell(n) <= rms {
                '='
            } else if cell(n) <= peak {
                '-'
            } else {
                ' '
            }
        })
        .collect()
}

/// Rows of a drawing of a waveform, half of them above the middle.
const ROWS: usize = 8;

/// A waveform in text: a column is the range of its span, on a scale that its loudest sample fills.
fn drawing(outline: &[(i16, i16)]) -> Vec<String> {
    let reach = |&(low, high): &(i16, i16)| low.unsigned_abs().max(high.unsigned_abs());
    let highest = outline.iter().map(reach).max().unwrap_or_default();
    if highest == 0 {
        return Vec::new();
    }
    let half = (ROWS / 2) as f32;
    let scale = half / f32::from(highest);
    let row = |row: usize| -> String {
        // From the middle of the top row down.
        let level = half - 0.5 - row as f32;
        let column = |&(low, high): &(i16, i16)| {
            let inside = f32::from(low) * scale <= level && level <= f32::from(high) * scale;
            if inside { '#' } else { ' ' }
        };
        format!("|{}|", outline.iter().map(column).collect::<String>())
    };
    (0..ROWS).map(row).collect()
}

fn fax_lines(fax: &FaxFacts) -> Vec<String> {
    let mut lines = vec![format!(
        "container {} {}, first directory at {}",
        fax.container,
        fax.byte_order.as_deref().unwrap_or_default(),
        fax.first_ifd_offset.map_or_else(|| "-".to_owned(), |o| o.to_string())
    )];
    for (n, page) in fax.pages.iter().enumerate() {
        let resolution = |r: Option<f64>| r.map_or_else(|| "?".to_owned(), |r| format!("{r:.0}"));
        lines.push(format!(
            "page {}: {} x {} {}, {} x {} dpi, FillOrder {}, {} strip(s)",
            n + 1,
            page.width,
            page.length,
            page.coding,
            resolution(page.x_resolution),
            resolution(page.y_resolution),
            page.fill_order.unwrap_or(1),
            page.strips
        ));
    }
    lines.extend(fax.defects.iter().map(|d| format!("defect: {d}")));
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tree_is_shown_with_offsets() {
        let raw = b"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: audio/x-wav\r\n\r\nx\r\n--b--\r\n";
        let out = render("m", raw, Format::Text, &Limits::default());
        assert!(out.contains("- multipart/mixed  7bit  header 0..43  body 45.."), "{out}");
        assert!(out.contains("\n  1 audio/x-wav"), "{out}");
        let json: serde_json::Value =
            serde_json::from_str(&render("m", raw, Format::Json, &Limits::default())).unwrap();
        assert_eq!(json["entities"][1]["part"], "1");
    }

    #[test]
    fn the_waveform_is_drawn_on_its_own_scale() {
        let drawn = drawing(&[(-1_000, 1_000), (0, 500), (0, 0), (-250, 250)]);
        let wanted = ["|#   |", "|#   |", "|##  |", "|## #|", "|#  #|", "|#   |", "|#   |", "|#   |"];
        assert_eq!(drawn, wanted);
        assert!(drawing(&[(0, 0); 9]).is_empty() && drawing(&[]).is_empty());
    }

    #[test]
    fn the_level_bar_shows_rms_and_peak() {
        assert_eq!(bar(-60.0, 0.0).matches('-').count(), BAR);
        assert_eq!(bar(0.0, 0.0), "=".repeat(BAR));
        assert_eq!(bar(f32::NAN, f32::NAN), " ".repeat(BAR));
    }
}
