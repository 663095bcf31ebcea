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
    ("ivm-other-parts-criticality", "the sender did not mark them"),
];

fn find(name: &str) -> Option<Vec<u8>> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let folders = ["examples/messages", "tests/data/sources", "tests/data/corpus", "../shared/corpus"];
    let file = folders.iter().map(|f| root.join(f).join(format!("{name}.eml"))).find(|f| f.exists())?;
    Some(std::fs::read(file).expect("just seen"))
}

fn envelope() -> Envelope {
    Envelope { rcpt_to: vec!["<+14165550199@there.example.org>".to_owned()], ..Envelope::default() }
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
    changed: usize,
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
    let mut sources = 0;
    for (kind, name) in SOURCES {
        let Some(raw) = find(name) else {
            println!("skipped: {name} ({kind}) is not here");
            continue;
        };
        sources += 1;
        let before = media(&directory, &raw);
        for (id, profile) in profiles.iter().filter(|(id, _)| !["untouched", "repair"].contains(&id.as_str()))
        {
            let cell = pair(&directory, name, &raw, before, (id, profile));
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
    assert!(sources >= 19, "{sources} sources");
}

fn pair(
    directory: &TestDirectory,
    name: &str,
    raw: &[u8],
    before: (f64, usize),
    to: (&str, &Profile),
) -> Cell {
    let (id, profile) = to;
    let outcome = converted(raw, id);
    let record = &outcome.record;
    match &outcome.verdict {
        Verdict::Refuse(reply) => {
            let reason = reply.lines.join(" ");
            let fair = reason.contains("has no place for") || reason.contains("private");
            assert!(fair, "{name} to {id}: {reason}");
            return Cell { refused: 1, ..Cell::default() };
        }
        other => assert_eq!(*other, Verdict::Deliver, "{name} to {id}"),
    }
    if let Some(why) = &record.unchanged_because {
        assert!(why.contains("has no place for"), "{name} to {id}: {why}");
        assert!(outcome.rewritten.is_none() || record.actions.is_empty(), "{name} to {id}");
        return Cell { as_it_came: 1, left: record.rules.len(), ..Cell::default() };
    }
    let out = outcome.rewritten.as_deref().unwrap_or(raw);
    let twice = converted(out, id);
    assert!(
        twice.rewritten.as_deref().is_none_or(|again| again == out),
        "{name} to {id}, second pass: {:?}",
        twice.record
    );
    let mut left = 0;
    if let Some(class) = class_of(profile, before) {
        for (is_must, rule) in findings(out, class, profile) {
            let stands = STANDS.iter().any(|(id, _)| *id == rule);
            assert!(stands && !is_must, "{name} to {id} breaks {rule}\n{record:?}");
            left += 1;
        }
    }
    compare(directory, name, out, before, to, record);
    Cell { changed: 1, left, losses: record.losses.len(), ..Cell::default() }
}

/// The class whose rules hold at the destination.
fn class_of(profile: &Profile, (seconds, _): (f64, usize)) -> Option<Class> {
    match profile.conforms? {
        Class::Ivm if seconds == 0.0 => Some(Class::Fax),
        class => Some(class),
    }
}

fn compare(
    directory: &TestDirectory,
    name: &str,
    out: &[u8],
    before: (f64, usize),
    (id, profile): (&str, &Profile),
    record: &engine::Record,
) {
    let after = media(directory, out);
    if profile.structure == Structure::Text {
        assert_eq!(after, (0.0, 0), "{name} to {id}");
        return;
    }
    // Dropped parts are on record; silence may be cut where the profile says so; joined parts have pauses.
    let voice = if profile.carries(Medium::Voice) { before.0 } else { 0.0 };
    let pages = if profile.carries(Medium::Fax) { before.1 } else { 0 };
    assert_eq!(after.1, pages, "{name} to {id}: pages; {record:?}");
    let shortened = profile.trim_silence || record.losses.iter().any(|l| l.contains("dropped"));
    let near = (after.0 - voice).abs() < 0.15;
    assert!(near || (shortened && after.0 < voice), "{name} to {id}: {} s of {voice} s; {record:?}", after.0);
    let missing = voice < before.0 || pages < before.1;
    assert!(!missing || !record.losses.is_empty(), "{name} to {id}: lost in silence");
}
