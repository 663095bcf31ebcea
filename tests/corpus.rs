//! Classification and rules over the message corpus: a copy of a part of it in tests/data/corpus,
//! and the whole of it where ../shared is there.

#![allow(clippy::unwrap_used)]

use proptest::prelude::*;
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use vpim_milter::conformance::{Finding, judge};
use vpim_milter::engine::{self, Ambient, Verdict};
use vpim_milter::limits::{Budget, Limits};
use vpim_milter::message::Message;
use vpim_milter::policy::Settings;
use vpim_milter::vpim::class::{classify, may_be_ours};
use vpim_milter::vpim::dialect;
use vpim_milter::vpim::{Class, Envelope, Survey};

const SHARED: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../shared/corpus");
const OWN: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/corpus");

struct Judged {
    class: Class,
    conformant: bool,
    findings: Vec<Finding>,
}

fn check(raw: &[u8], envelope: &Envelope) -> Judged {
    let limits = Limits::default();
    let message = Message::parse(raw, &limits);
    let survey = Survey::new(&message, envelope, None, &limits, &mut Budget::new(&limits));
    let findings = judge(&survey);
    let conformant = vpim_milter::conformance::conformant(&survey, &findings);
    Judged { class: survey.class, conformant, findings }
}

fn envelope(known: &Value) -> Envelope {
    let envelope = &known["envelope"];
    Envelope {
        mail_from: envelope["mail_from"].as_str().map(str::to_owned),
        rcpt_to: envelope["rcpt_to"]
            .as_array()
            .map(|list| list.iter().filter_map(Value::as_str).map(str::to_owned).collect())
            .unwrap_or_default(),
        binary_mime: envelope["body"].as_str() == Some("BINARYMIME"),
        ..Envelope::default()
    }
}

/// The messages of a folder: name, octets, what is known.
fn messages(folder: &str) -> Vec<(String, Vec<u8>, Value)> {
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    let mut paths: Vec<PathBuf> = entries.filter_map(|e| Some(e.ok()?.path())).collect();
    paths.sort();
    let is_mail = |p: &&PathBuf| p.extension().is_some_and(|e| e == "eml");
    paths.iter().filter(is_mail).map(|path| read(path)).collect()
}

fn read(path: &Path) -> (String, Vec<u8>, Value) {
    let known = std::fs::read(path.with_extension("json")).expect("every message has its JSON");
    let name = path.file_stem().unwrap().to_string_lossy().into_owned();
    (name, std::fs::read(path).unwrap(), serde_json::from_slice(&known).unwrap())
}

/// Verdicts of the corpus that we read otherwise; the corpus calls all of them uncertain.
const OTHER_VERDICTS: &[(&str, &str)] = &[
    (
        "hostile-deep-multipart",
        "RFC 2046 5.1.2: markers are recognised at ANY level of nesting; depth alone breaks no MUST",
    ),
    (
        "hostile-header-flood",
        "RFC 5321 6.3: a server counts Received fields and SHOULD allow many; a MUST is nowhere",
    ),
    (
        "tol-empty-part",
        "RFC 3801 4.5.4: text/plain SHOULD NOT be sent in a voice message, so no MUST is broken",
    ),
    (
        "viol-basic-inside",
        "RFC 3801 4.4.3: MUST send Audio/32KADPCM by default for voice; no agreement is known",
    ),
    ("viol-mp3-inside", "RFC 3801 4.4.3, as viol-basic-inside"),
    ("viol-wav-inside", "RFC 3801 4.4.3, as viol-basic-inside"),
];

/// Violations the corpus cites by another section than the rule that finds them, or that are none:
/// message, RFC and section of the corpus, the rule (empty: no violation), the reason.
const OTHER_CITATIONS: &[(&str, u64, &str, &str, &str)] = &[
    (
        "real-cisco-t37-verbatim",
        3801,
        "4.2.6",
        "",
        "a fax of RFC 3965, not of RFC 3801; RFC 5321 4.4: the final delivering server adds Return-Path, and this \
         is a copy from a mailbox",
    ),
    (
        "rfc1911-example",
        2045,
        "6.1",
        "",
        "RFC 1911 4.2 names the encoding Base-64 itself (lines 418, 1117), older than RFC 2045: receivers decode it",
    ),
    (
        "rfc3801-b4-mdn",
        3798,
        "3.1",
        "mdn-single-block",
        "RFC 8098 3.1 has the same text and obsoletes RFC 3798",
    ),
    (
        "viol-dsn-no-status-part",
        3462,
        "2",
        "dsn-part-order",
        "the parts are listed in RFC 3462 1; 2 is Text/RFC822-Headers",
    ),
    (
        "viol-fax-jpeg-rgb",
        2306,
        "3.3",
        "tiff-f-bits-per-sample",
        "RFC 3949 4.2.1 (profile F), which describes what RFC 2306 did",
    ),
    ("viol-fax-jpeg-rgb", 2306, "3.2", "tiff-f-compression", "RFC 3949 4.2.1 (profile F), as above"),
    (
        "viol-nibble-order",
        3802,
        "3.2",
        "audio-32kadpcm-little-endian",
        "RFC 3802 4 (IANA registration) has the MUST on the order; 3.2 only mentions it",
    ),
];

fn agreement(folder: &str, least: usize) {
    let all = messages(folder);
    if all.is_empty() {
        println!("skipped: the corpus {folder} (no ../shared)");
        return;
    }
    assert!(all.len() >= least, "{} messages in {folder}", all.len());
    let mut wrong = Vec::new();
    let mut listed = 0;
    for (name, raw, known) in &all {
        let judged = check(raw, &envelope(known));
        let conformant = known["conformant"].as_bool().unwrap();
        let profile = match known["profile"].as_str().unwrap() {
            "none" if !conformant => "voice-other",
            other => other,
        };
        let musts: Vec<_> =
            judged.findings.iter().filter(|f| f.rule.level.is_must()).map(|f| f.rule.id).collect();
        let read_otherwise = OTHER_VERDICTS.iter().any(|(n, _)| n == name);
        if read_otherwise {
            assert_eq!(
                known["conformant_certain"], false,
                "{name}: only uncertain verdicts can be read otherwise"
            );
        }
        if judged.class.name() != profile || (judged.conformant != conformant) != read_otherwise {
            wrong.push(format!(
                "{name}: expected {profile} {conformant}, got {} {} {musts:?}",
                judged.class.name(),
                judged.conformant
            ));
        }
        if known["category"] == "pass" && !judged.findings.is_empty() {
            wrong.push(format!("{name}: findings on ordinary mail"));
        }
        let of_section = |rfc: u64, section: &str| {
            judged.findings.iter().any(|f| u64::from(f.rule.rfc) == rfc && f.rule.section == section)
        };
        for violation in known["violations"].as_array().into_iter().flatten() {
            if violation["certainty"] == "debatable" {
                continue;
            }
            listed += 1;
            let (rfc, section) = (violation["rfc"].as_u64().unwrap(), violation["section"].as_str().unwrap());
            let other = OTHER_CITATIONS.iter().find(|o| (o.0, o.1, o.2) == (name.as_str(), rfc, section));
            let agreed = match other {
                Some((.., "", _)) => !of_section(rfc, section),
                Some((.., rule, _)) => judged.findings.iter().any(|f| f.rule.id == *rule),
                None => of_section(rfc, section),
            };
            if !agreed {
                wrong.push(format!("{name}: {rfc} {section} {} {musts:?}", violation["what"]));
            }
        }
    }
    println!("{folder}: {} messages, {listed} certain violations", all.len());
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn verdicts_agree_with_the_corpus() {
    agreement(SHARED, 170);
}

#[test]
fn verdicts_agree_with_the_bundled_part_of_the_corpus() {
    agreement(OWN, 20);
}

#[test]
fn the_part_of_a_violation_is_named() {
    let mut seen = 0;
    for (name, part, rule) in [
        ("viol-nibble-order", "1", "audio-32kadpcm-little-endian"),
        ("viol-fax-jpeg-rgb", "1", "tiff-f-compression"),
        ("viol-wav-inside", "1", "vpim2-audio-32kadpcm-default"),
        ("rfc3801-b4-mdn", "2", "mdn-single-block"),
    ] {
        for (_, raw, known) in messages(SHARED).into_iter().chain(messages(OWN)).filter(|m| m.0 == name) {
            let judged = check(&raw, &envelope(&known));
            let found = judged.findings.iter().find(|f| f.rule.id == rule);
            assert_eq!(found.and_then(|f| f.part.as_deref()), Some(part), "{name}");
            seen += 1;
        }
    }
    assert!(seen > 0, "none of the messages is there");
}

#[test]
fn a_repair_never_makes_a_message_worse_and_a_second_one_changes_nothing() {
    let settings = Settings::for_profile("repair", "mx.test");
    let (mut repaired, mut wrong) = (0, Vec::new());
    for (name, raw, known) in messages(OWN).into_iter().chain(messages(SHARED)) {
        let envelope = envelope(&known);
        let pass = |raw: &[u8]| engine::rewrite(raw, &envelope, &settings, &Ambient::default());
        let once = pass(&raw);
        if once.verdict != Verdict::Deliver || once.record.actions.is_empty() {
            continue;
        }
        let after =
            once.rewritten.unwrap_or_else(|| panic!("{name}: {:?} and the same", once.record.actions));
        let (before, now) = (check(&raw, &envelope), check(&after, &envelope));
        // A MUST that is kept outweighs a SHOULD that is not.
        let weight = |judged: &Judged| {
            (judged.findings.iter().filter(|f| f.rule.level.is_must()).count(), judged.findings.len())
        };
        let better = weight(&now) < weight(&before) && (now.conformant || !before.conformant);
        if now.class != before.class || !better || pass(&after).rewritten.is_some() {
            wrong.push(format!("{name}: {:?}", once.record.actions));
        }
        repaired += 1;
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(repaired >= 3, "{repaired} messages repaired");
}

#[test]
fn what_has_a_class_is_wanted_by_its_header() {
    for (name, raw, _) in messages(OWN).into_iter().chain(messages(SHARED)) {
        let class = classify(&Message::parse(&raw, &Limits::default()));
        let end = raw.windows(4).position(|w| w == b"\r\n\r\n").map(|at| at + 4);
        let end =
            end.or_else(|| raw.windows(2).position(|w| w == b"\n\n").map(|at| at + 2)).unwrap_or(raw.len());
        assert!(
            class == Class::None || may_be_ours(&raw[..end]),
            "{name} is {class:?} and its body not wanted"
        );
    }
}

/// The systems that messages of known origin come from; begins of names.
const SENDERS: &[(&str, &str)] = &[
    ("pbx-asterisk-gsm", "Asterisk"),
    ("pbx-asterisk-wav", "Asterisk"),
    ("pbx-asterisk-wav49", "Asterisk"),
    ("pbx-cisco-t37-fax", "Cisco T.37"),
    ("pbx-exchange-um-mp3", "Microsoft Exchange"),
    ("pbx-freeswitch-wav", "FreeSWITCH"),
    ("pbx-hylafax-pdf", "HylaFAX"),
    ("pbx-hylafax-tiff", "HylaFAX"),
    ("real-cisco-t37-verbatim", "Cisco T.37"),
    ("real-vvm-omtp-voice", "visual voice mail"),
];

#[test]
fn senders_are_named_and_only_those_that_show() {
    let all = messages(SHARED);
    let all = if all.is_empty() { messages(OWN) } else { all };
    let mut named = 0;
    for (name, raw, _) in all {
        let message = Message::parse(&raw, &Limits::default());
        let found = dialect::sender(&message, classify(&message));
        match SENDERS.iter().find(|(n, _)| *n == name) {
            Some((_, wanted)) => {
                assert!(found.is_some_and(|s| s.name.starts_with(wanted)), "{name} is no {wanted}");
                named += 1;
            }
            None => assert_eq!(found, None, "{name}"),
        }
    }
    assert!(named >= 2, "{named} messages of known origin");
}

#[test]
fn hostile_messages_take_time_by_their_size_only() {
    let deep: Vec<u8> = (0..20_000)
        .flat_map(|n| {
            format!("Content-Type: multipart/voice-message; boundary=b{n}\r\n\r\n--b{n}\r\n").into_bytes()
        })
        .collect();
    let part = "--b\r\nContent-Type: audio/32KADPCM\r\nContent-Duration: x\r\n\r\n////\r\n";
    let top = "MIME-Version: 1.0 (Voice 2.0)\r\nContent-Type: multipart/voice-message; boundary=b\r\n\r\n";
    let broad = format!("{top}{}--b--\r\n", part.repeat(20_000)).into_bytes();
    let fields = format!("{}{top}", "Content-Duration: 1\r\nTo: a@b\r\n".repeat(50_000)).into_bytes();
    let hostile = messages(SHARED).into_iter().filter(|(name, ..)| name.starts_with("hostile-"));
    let made = [("deep", deep), ("broad", broad), ("fields", fields)];
    for (name, raw) in hostile.map(|(n, r, _)| (n, r)).chain(made.map(|(n, r)| (n.to_owned(), r))) {
        let start = Instant::now();
        check(&raw, &Envelope::default());
        let took = start.elapsed();
        println!("{name}: {} octets in {took:?}", raw.len());
        assert!(took < Duration::from_secs(10), "{name} took {took:?}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn random_messages_never_panic(raw in proptest::collection::vec(any::<u8>(), 0..2_000)) {
        check(&raw, &Envelope::default());
        may_be_ours(&raw);
    }

    #[test]
    fn mutated_messages_never_panic(
        pick in any::<prop::sample::Index>(),
        changes in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..30),
        cut in any::<prop::sample::Index>(),
    ) {
        let all = small();
        let mut raw = all[pick.index(all.len())].clone();
        for (at, octet) in changes {
            // Most of a message is media; the structure is at its beginning.
            let at = at.index(raw.len().min(3_000));
            raw[at] = octet;
        }
        raw.truncate(cut.index(raw.len() * 4).max(1));
        check(&raw, &Envelope::default());
        let settings = Settings::for_profile("repair", "mx.test");
        let outcome = engine::rewrite(&raw, &Envelope::default(), &settings, &Ambient::default());
        // Nothing that comes in may end in a fault of ours.
        prop_assert_eq!(outcome.verdict, Verdict::Deliver, "{:?}", outcome.record.unchanged_because);
        may_be_ours(&raw);
    }
}

/// The bundled messages.
fn small() -> &'static [Vec<u8>] {
    static ALL: std::sync::OnceLock<Vec<Vec<u8>>> = std::sync::OnceLock::new();
    ALL.get_or_init(|| {
        messages(OWN).into_iter().map(|(_, raw, _)| raw).filter(|r| r.len() < 30_000).collect()
    })
}
