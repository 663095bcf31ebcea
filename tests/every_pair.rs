//! Every kind of source to every profile: what leaves conforms to the rules of its destination, sounds as
//! long and has as many pages as what came (read by ffmpeg, libtiff and poppler), says what it lost, and
//! is not changed by a second pass. The table is printed: `cargo test --test every_pair -- --nocapture`.

mod support;

use mailparse::ParsedMail;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use support::directory::TestDirectory;
use support::tools;
use vpim_milter::conformance;
use vpim_milter::engine::{self, Ambient, Outcome, Verdict};
use vpim_milter::limits::{Budget, Limits};
use vpim_milter::message::Message;
use vpim_milter::policy::profile::{Medium, Structure, builtin};
use vpim_milter::policy::{Profile, Settings};
use vpim_milter::vpim::{Class, Envelope, Survey};

/// A kind of source and a message of it.
const SOURCES: &[(&str, &str)] = &[
    ("VPIM v1", "v1-full"),
    ("VPIM v2 (RFC 2421, vCard)", "v2-2421-vcard"),
    ("VPIM v2", "conf-name-subject"),
    ("VPIM v2 with fax", "conf-voice-fax"),
    ("VPIM v2, forwarded", "conf-forward-one"),
    ("VPIM v2, fax alone", "fax-mh-98-ii-lsb"),
    ("VPIM v2, spoken DSN", "dsn-failed-spoken"),
    ("IVM", "ivm-simple"),
    ("visual voice mail", "real-vvm-omtp-voice"),
    ("Asterisk, wav49", "pbx-asterisk-wav49"),
    ("Asterisk, wav", "pbx-asterisk-wav"),
    ("FreeSWITCH", "pbx-freeswitch-wav"),
    ("hosted PBX, MP3 and HTML", "pbx-generic-mp3"),
    ("PBX, transcript", "pbx-voice-and-transcript"),
    ("PBX, AMR", "pbx-amr"),
    ("PBX, Opus", "pbx-ogg-opus"),
    ("Exchange UM", "pbx-exchange-um-mp3"),
    ("Internet fax", "ifax-simple"),
    ("HylaFAX, TIFF", "pbx-hylafax-tiff"),
    ("HylaFAX, PDF", "pbx-hylafax-pdf"),
    ("Cisco T.37", "pbx-cisco-t37-fax"),
];

/// Recommendations that the message breaks after conversion, and why that stands.
const STANDS: &[(&str, &str)] = &[
    ("vpim2421-vcard-sent", "a vCard is not invented for a sender who sent none"),
    ("vpim2-address-numeric-local-part", "numbers for addresses are the business of number rules"),
    ("vpim2-from-text-name", "a name is not invented"),
    ("vpim2-unprofiled-content-by-agreement", "the profile is the agreement"),
    ("vpim2-text-directory-not-sent", "the profile keeps the vCard: its system reads it"),
    ("vpim2-one-instance-per-voice-type", "two voice messages stay two"),
    ("ifax-no-extension-without-knowledge", "sizes and orders of TIFF-F are kept: profile S would lose dots"),
    ("ivm-other-parts-criticality", "the sender did not mark them"),
];

fn find(name: &str) -> Option<Vec<u8>> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let folders = ["examples/messages", "tests/data/sources", "tests/data/corpus", "../shared/corpus"];
    let file = folders.iter().map(|f| root.join(f).join(format!("{name}.eml"))).find(|f| f.exists())?;
    Some(std::fs::read(file).expect("just seen"))
}

fn envelope() -> Envelope {
    Envelope { rcpt_to: vec!["+14165550199@there.example.org".to_owned()], ..Envelope::default() }
}

fn converted(raw: &[u8], profile: &str) -> Outcome {
    let ambient = Ambient { date: Some("Sun, 22 Nov 2026 12:00:00 +0000".to_owned()), ..Ambient::default() };
    engine::rewrite(raw, &envelope(), &Settings::for_profile(profile, "mx.test"), &ambient)
}

/// Rules of the destination's own class that the message breaks, as `MUST id`.
fn findings(raw: &[u8], class: Class, profile: &Profile) -> Vec<(bool, &'static str)> {
    let limits = Limits::default();
    let message = Message::parse(raw, &limits);
    let envelope = envelope();
    let mut budget = Budget::new(&limits);
    let survey = Survey::new(&message, &envelope, Some(class), &limits, &mut budget);
    let survey = survey.towards(profile.target.as_ref());
    conformance::judge(&survey).iter().map(|f| (f.rule.level.is_must(), f.rule.id)).collect()
}

/// Seconds of audio and fax pages in a message, by other people's programs.
fn media(directory: &TestDirectory, raw: &[u8]) -> (f64, usize) {
    let mail = mailparse::parse_mail(raw).expect("a message");
    let (mut seconds, mut pages) = (0.0, 0);
    measure(directory, &mail, &mut seconds, &mut pages);
    (seconds, pages)
}

fn measure(directory: &TestDirectory, mail: &ParsedMail<'_>, seconds: &mut f64, pages: &mut usize) {
    mail.subparts.iter().for_each(|part| measure(directory, part, seconds, pages));
    let octets = mail.get_body_raw().unwrap_or_default();
    let media_type = mail.ctype.mimetype.to_ascii_lowercase();
    if media_type == "message/rfc822" {
        let inner = mailparse::parse_mail(&octets).expect("a message within");
        measure(directory, &inner, seconds, pages);
    }
    if octets.is_empty() {
        return;
    }
    let file = directory.join("body");
    std::fs::write(&file, &octets).expect("own directory");
    match media_type.as_str() {
        "audio/32kadpcm" => *seconds += octets.len() as f64 / 4_000.0,
        "audio/basic" => *seconds += octets.len() as f64 / 8_000.0,
        // ffmpeg leaves frames without data out: they last as long as others (RFC 4867 5.3).
        "audio/amr" => *seconds += amr_frames(&octets) as f64 / 50.0,
        m if m.starts_with("audio/") => *seconds += decoded_seconds(&file),
        "image/tiff" => *pages += tiff_pages(&file),
        "application/pdf" => *pages += pdf_pages(&file),
        _ => {}
    }
}

fn output(command: &mut Command) -> String {
    let output = command.output().expect("installed");
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn decoded_seconds(file: &Path) -> f64 {
    let mut command = Command::new("ffmpeg");
    command.args(["-v", "error", "-i"]).arg(file).args(["-ac", "1", "-ar", "8000", "-f", "s16le", "-"]);
    let out = command.output().expect("installed");
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
    out.stdout.len() as f64 / 16_000.0
}

fn amr_frames(octets: &[u8]) -> usize {
    const OCTETS: [usize; 16] = [13, 14, 16, 18, 20, 21, 27, 32, 6, 1, 1, 1, 1, 1, 1, 1];
    let mut rest = octets.strip_prefix(b"#!AMR\n").expect("AMR storage format");
    let mut frames = 0;
    while let Some(head) = rest.first() {
        rest = rest.get(OCTETS[usize::from(head >> 3 & 15)]..).expect("whole frames");
        frames += 1;
    }
    frames
}

fn tiff_pages(file: &Path) -> usize {
    // tiffcp decodes every strip; its complaints are ours.
    let copy: PathBuf = file.with_extension("copy");
    let mut command = Command::new("tiffcp");
    let done = command.args(["-c", "none"]).arg(file).arg(&copy).output().expect("installed");
    assert!(done.status.success() && done.stderr.is_empty(), "{}", String::from_utf8_lossy(&done.stderr));
    output(Command::new("tiffinfo").arg(&copy)).matches("Image Width").count()
}

fn pdf_pages(file: &Path) -> usize {
    let text = output(Command::new("pdfinfo").arg(file));
    let line = text.lines().find_map(|l| l.strip_prefix("Pages:")).expect("pdfinfo says so");
    line.trim().parse().expect("a number")
}

/// One cell of the table.
#[derive(Default)]
struct Cell {
    as_it_came: usize,
    refused: usize,
    left: usize,
    losses: usize,
}

#[test]
fn every_source_for_every_profile() {
    if !tools::available(&["ffmpeg", "tiffcp", "tiffinfo", "pdfinfo"]) {
        return;
    }
    let directory = TestDirectory::new("every-pair");
    let profiles = builtin();
    let mut table: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    let (mut sources, mut wrong) = (0, Vec::new());
    for (kind, name) in SOURCES {
        let Some(raw) = find(name) else {
            println!("skipped: {name} ({kind}) is not here");
            continue;
        };
        sources += 1;
        let before = media(&directory, &raw);
        for (id, profile) in profiles.iter().filter(|(id, _)| !["untouched", "repair"].contains(&id.as_str()))
        {
            let cell = match pair(&directory, &raw, before, (id, profile)) {
                Ok(cell) => cell,
                Err(why) => {
                    wrong.push(format!("{name} to {id}: {why}"));
                    continue;
                }
            };
            let text = match cell {
                Cell { refused: 1, .. } => "refused".to_owned(),
                Cell { as_it_came: 1, left, .. } => format!("as it came, {left} findings"),
                Cell { left, losses, .. } => format!("converted, {left} findings, {losses} losses"),
            };
            table.entry(kind).or_default().push(format!("{id}: {text}"));
        }
    }
    for (kind, cells) in &table {
        println!("{kind}\n    {}", cells.join("\n    "));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(sources >= 19, "{sources} sources");
}

fn pair(
    directory: &TestDirectory,
    raw: &[u8],
    before: (f64, usize),
    (id, profile): (&str, &Profile),
) -> Result<Cell, String> {
    let outcome = converted(raw, id);
    let record = &outcome.record;
    match &outcome.verdict {
        Verdict::Refuse(reply) => {
            let reason = reply.lines.join(" ");
            let fair = reason.contains("has no place for") || reason.contains("private");
            return if fair { Ok(Cell { refused: 1, ..Cell::default() }) } else { Err(reason) };
        }
        Verdict::Quarantine(why) => return Err(why.clone()),
        Verdict::Deliver => {}
    }
    if let Some(why) = &record.unchanged_because {
        return match why.contains("has no place for") && record.actions.is_empty() {
            true => Ok(Cell { as_it_came: 1, left: record.rules.len(), ..Cell::default() }),
            false => Err(why.clone()),
        };
    }
    let out = outcome.rewritten.as_deref().unwrap_or(raw);
    let twice = converted(out, id);
    if twice.rewritten.as_deref().is_some_and(|again| again != out) {
        return Err(format!("second pass: {:?}", twice.record.actions));
    }
    let mut left = 0;
    // A report stays one (RFC 3462), whatever form the message had.
    let is_report = Message::parse(out, &Limits::default()).root().content_type.is("multipart/report");
    if let Some(class) = class_of(profile, before).filter(|c| *c != Class::Ivm || !is_report) {
        for (is_must, rule) in findings(out, class, profile) {
            if is_must || !STANDS.iter().any(|(id, _)| *id == rule) {
                return Err(format!("breaks {rule}; {:?}", record.actions));
            }
            left += 1;
        }
    }
    compare(media(directory, out), before, profile, &record.losses)?;
    Ok(Cell { left, losses: record.losses.len(), ..Cell::default() })
}

/// The class whose rules hold at the destination.
fn class_of(profile: &Profile, (seconds, _): (f64, usize)) -> Option<Class> {
    match profile.conforms? {
        Class::Ivm if seconds == 0.0 => Some(Class::Fax),
        class => Some(class),
    }
}

/// Dropped parts are on record; silence may be cut where the profile says so.
fn compare(
    after: (f64, usize),
    before: (f64, usize),
    profile: &Profile,
    losses: &[String],
) -> Result<(), String> {
    let text = profile.structure == Structure::Text;
    let carries = |medium| profile.carries(medium) && !text;
    let voice = if carries(Medium::Voice) { before.0 } else { 0.0 };
    let pages = if carries(Medium::Fax) { before.1 } else { 0 };
    if after.1 != pages {
        return Err(format!("{} pages of {pages}; {losses:?}", after.1));
    }
    let shortened = profile.trim_silence || losses.iter().any(|l| l.contains("dropped"));
    // Frames of MP3 and AMR are filled up.
    let near = (after.0 - voice).abs() < 0.35;
    if !(near || shortened && after.0 < voice) {
        return Err(format!("{} s of {voice} s; {losses:?}", after.0));
    }
    if (voice < before.0 || pages < before.1) && losses.is_empty() {
        return Err("lost in silence".to_owned());
    }
    Ok(())
}
