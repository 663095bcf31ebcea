//! What is heard and seen: a waveform for each voice part, small pictures of the pages of each fax.

use super::escape::{bdi, escaped};
use crate::conformance::report::{PartReport, Report};
use crate::limits::{Budget, Limits};
use crate::media::fax::FaxFacts;
use crate::media::{self, Facts, Job, Preview, Thumbnail};
use crate::vpim::{Body, Survey, VoiceKind};
use std::fmt::Write as _;

/// Half the height of the drawing of a waveform.
const HALF: i32 = 128;
/// Quiet sounds are drawn larger, at most so many times; noise of silence is not.
const ZOOM: i32 = 12;

/// The section on all audio and fax bodies; nothing where there is none.
pub(super) fn section(report: &Report, survey: &Survey<'_>, limits: &Limits, budget: &mut Budget) -> String {
    if survey.bodies.is_empty() {
        return String::new();
    }
    let mut out = "<h2>Voice and fax</h2>\n".to_owned();
    for (body, part) in survey.bodies.iter().zip(&report.parts) {
        out.push_str(&card(body, part, survey, limits, budget));
    }
    out
}

fn card(body: &Body, part: &PartReport, survey: &Survey<'_>, limits: &Limits, budget: &mut Budget) -> String {
    let number = part.part.as_deref().unwrap_or("-");
    let mut out = format!(
        "<section class=\"card\">\n<h3>{} <span class=\"soft\">part {}</span></h3>\n<p class=\"soft\">{}, {}</p>\n",
        title(body),
        escaped(number),
        bdi(&part.media_type),
        bdi(&part.details().join(", "))
    );
    let Some(entity) = survey.message.entity(body.entity) else { return out + "</section>\n" };
    let job = Job::Preview { declared: body.declared.clone() };
    match media::run(&job, &survey.message.decoded(entity).bytes, limits, budget) {
        Ok(output) => {
            match (Preview::of(&output), &output.report.facts) {
                (Preview::Waveform(wave), facts) => out.push_str(&waveform(&wave, facts)),
                (Preview::Pages(pages), Facts::Fax(facts)) => out.push_str(&thumbnails(&pages, facts)),
                (Preview::Pages(_), Facts::Audio(_)) => {}
            }
            for loss in &output.report.losses {
                let _ = writeln!(out, "<p class=\"soft\">{}</p>", bdi(loss));
            }
        }
        Err(error) => {
            let _ = writeln!(out, "<p>Cannot be shown: {}</p>", bdi(&error.to_string()));
        }
    }
    out.push_str("</section>\n");
    out
}

/// What a part is to people.
fn title(body: &Body) -> &'static str {
    match (body.voice, body.declared.type_() == mime::AUDIO) {
        (_, false) => "Fax",
        (Some(VoiceKind::VoiceMessage), _) => "Voice message",
        (Some(VoiceKind::OriginatorSpokenName), _) => "Spoken name of the sender",
        (Some(VoiceKind::RecipientSpokenName), _) => "Spoken name of the recipient",
        (Some(VoiceKind::SpokenSubject), _) => "Spoken subject",
        (Some(VoiceKind::Notification), _) => "Spoken notification",
        (None, _) => "Sound",
    }
}

/// The wave as one filled shape: along the highest samples, back along the lowest.
fn waveform(wave: &[(i8, i8)], facts: &Facts) -> String {
    let Facts::Audio(audio) = facts else { return String::new() };
    let peak = wave.iter().map(|&(low, high)| i32::from(high).max(-i32::from(low))).max().unwrap_or(0);
    let zoom = ((HALF - 8) / peak.max(1)).clamp(1, ZOOM);
    let mut path = String::new();
    for (x, &(_, high)) in wave.iter().enumerate() {
        let _ = write!(path, "{}{x} {}", if x == 0 { 'M' } else { 'L' }, -(i32::from(high) * zoom) - 1);
    }
    for (x, &(low, _)) in wave.iter().enumerate().rev() {
        let _ = write!(path, "L{x} {}", -(i32::from(low) * zoom) + 1);
    }
    let seconds = audio.duration_s().unwrap_or(0.0);
    let level = match audio.rms_dbfs {
        Some(level) => format!("mean level {level:.0} dB of full scale"),
        None => "silence".to_owned(),
    };
    let zoomed = if zoom > 1 { format!(", drawn {zoom} times as loud") } else { String::new() };
    format!(
        "<svg class=\"wave\" viewBox=\"0 -{HALF} {} {}\" preserveAspectRatio=\"none\" role=\"img\" \
         aria-label=\"Waveform of {seconds:.1} seconds\"><path fill=\"currentColor\" d=\"{path}Z\"/></svg>\n\
         <p class=\"time\"><span>0 s</span><span>{seconds:.1} s, {level}{zoomed}</span><span>{}</span></p>\n",
        wave.len().saturating_sub(1).max(1),
        2 * HALF,
        clock(seconds)
    )
}

/// Minutes and seconds.
fn clock(seconds: f64) -> String {
    let whole = seconds.max(0.0).round() as u64;
    format!("{}:{:02}", whole / 60, whole % 60)
}

fn thumbnails(pages: &[Thumbnail], facts: &FaxFacts) -> String {
    let mut out = "<div class=\"pages\">\n".to_owned();
    for (n, page) in pages.iter().enumerate() {
        let Some(png) = png(page) else { continue };
        let _ = writeln!(
            out,
            "<figure><img alt=\"Fax page {}\" width=\"{}\" height=\"{}\" src=\"data:image/png;base64,{}\">\
             <figcaption>Page {}{}</figcaption></figure>",
            n + 1,
            page.width,
            page.height,
            data_encoding::BASE64.encode(&png),
            n + 1,
            caption(facts, n, pages.len())
        );
    }
    out.push_str("</div>\n");
    let left = facts.pages.len().saturating_sub(pages.len());
    if left > 0 {
        let _ = writeln!(out, "<p class=\"soft\">Pages not shown: {left}</p>");
    }
    out
}

/// Size and coding, where the pages shown are the first ones of the file.
fn caption(facts: &FaxFacts, n: usize, shown: usize) -> String {
    let Some(page) = facts.pages.get(n).filter(|_| shown <= facts.pages.len()) else { return String::new() };
    format!(": {} &#215; {}, {}", page.width, page.length, bdi(&page.coding))
}

/// A picture of 16 shades. `None` where it cannot be written, which no size that a thumbnail has does.
fn png(page: &Thumbnail) -> Option<Vec<u8>> {
    let rows = page.grey.chunks(usize::try_from(page.width).ok()?.max(1));
    let packed: Vec<u8> = rows.flat_map(|row| row.chunks(2).map(two_pixels)).collect();
    let mut out = Vec::new();
    let mut encoder = png::Encoder::new(&mut out, page.width, page.height);
    encoder.set_color(png::ColorType::Grayscale);
    encoder.set_depth(png::BitDepth::Four);
    encoder.set_compression(png::Compression::Balanced);
    let mut writer = encoder.write_header().ok()?;
    writer.write_image_data(&packed).ok()?;
    writer.finish().ok()?;
    Some(out)
}

fn two_pixels(pair: &[u8]) -> u8 {
    let shade = |n: usize| pair.get(n).copied().unwrap_or(0) >> 4;
    shade(0) << 4 | shade(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thumbnail_becomes_a_png_of_its_size_and_shades() {
        let page = Thumbnail { width: 3, height: 2, grey: vec![0, 255, 128, 255, 0, 64] };
        let file = png(&page).unwrap();
        let mut decoder = png::Decoder::new(std::io::Cursor::new(file));
        decoder.set_transformations(png::Transformations::EXPAND);
        let mut reader = decoder.read_info().unwrap();
        let mut grey = vec![0; reader.output_buffer_size().unwrap()];
        let info = reader.next_frame(&mut grey).unwrap();
        assert_eq!((info.width, info.height), (3, 2));
        assert_eq!(grey, [0, 255, 136, 255, 0, 68]);
    }

    #[test]
    fn lengths_are_said_in_minutes_and_seconds() {
        assert_eq!((clock(0.4), clock(59.6), clock(3_601.0)), ("0:00".into(), "1:00".into(), "60:01".into()));
    }
}
