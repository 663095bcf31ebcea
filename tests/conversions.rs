//! Every message we have through every profile: nothing breaks, a second pass changes nothing, what is
//! not converted stays octet for octet, and what leaves for a voice system conforms.

use std::fs;
use std::path::{Path, PathBuf};
use vpim_milter::engine::{self, Ambient, Outcome};
use vpim_milter::limits::{Budget, Limits};
use vpim_milter::message::Message;
use vpim_milter::policy::Settings;
use vpim_milter::vpim::{Class, Envelope, Survey, class};
use vpim_milter::{conformance, media};

const PROFILES: [&str; 2] = ["desktop", "vpim2"];

/// The bundled messages, and the whole corpus where it lies beside the project.
fn messages() -> Vec<(String, Vec<u8>)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut files: Vec<PathBuf> = Vec::new();
    for folder in ["examples/messages", "tests/data/corpus", "../shared/corpus"] {
        match fs::read_dir(root.join(folder)) {
            Ok(entries) => files.extend(entries.flatten().map(|e| e.path())),
            Err(_) => println!("skipped: {folder} is not here"),
        }
    }
    files.retain(|f| f.extension().is_some_and(|e| e == "eml"));
    files.sort();
    assert!(files.len() >= 5, "the bundled messages are missing");
    let name = |f: &PathBuf| f.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    files.iter().map(|f| (name(f), fs::read(f).expect("just listed"))).collect()
}

fn rewritten(raw: &[u8], profile: &str) -> Outcome {
    let ambient = Ambient { date: Some("Sun, 22 Nov 2026 12:00:00 +0000".to_owned()), ..Ambient::default() };
    engine::rewrite(raw, &Envelope::default(), &Settings::for_profile(profile, "mx.test"), &ambient)
}

#[test]
fn a_second_pass_changes_nothing() {
    for (name, raw) in messages() {
        for profile in PROFILES {
            let Some(once) = rewritten(&raw, profile).rewritten else { continue };
            let twice = rewritten(&once, profile);
            let again = twice.rewritten.as_ref().unwrap_or(&once);
            let same = String::from_utf8_lossy(again) == String::from_utf8_lossy(&once);
            assert!(same, "{name} to {profile}: {:?}", twice.record);
        }
    }
}

#[test]
fn ordinary_mail_is_never_changed() {
    let mut seen = 0;
    for (name, raw) in messages().into_iter().filter(|(n, _)| n.starts_with("pass-")) {
        for profile in PROFILES {
            let outcome = rewritten(&raw, profile);
            assert!(outcome.rewritten.is_none(), "{name} to {profile}: {:?}", outcome.record);
            seen += 1;
        }
    }
    assert!(seen > 0);
}

#[test]
fn modifications_and_rewriting_give_the_same_message() {
    for (name, raw) in messages().into_iter().filter(|(_, raw)| raw.windows(2).any(|w| w == b"\r\n")) {
        for profile in PROFILES {
            let settings = Settings::for_profile(profile, "mx.test");
            let ambient = Ambient::default();
            let whole = engine::rewrite(&raw, &Envelope::default(), &settings, &ambient);
            let steps = engine::process(&raw, &Envelope::default(), &settings, &ambient);
            assert_eq!(whole.record, steps.record, "{name}");
            assert_eq!(whole.rewritten.is_none(), steps.modifications.is_empty(), "{name} to {profile}");
        }
    }
}

#[test]
fn what_leaves_for_a_voice_system_conforms() {
    let limits = Limits::default();
    let (mut converted, mut conforming) = (0, 0);
    for (name, raw) in messages() {
        let before = class::classify(&Message::parse(&raw, &limits));
        if !matches!(before, Class::VoiceOther | Class::Fax | Class::Ivm | Class::Vpim1) {
            continue;
        }
        let outcome = rewritten(&raw, "vpim2");
        let Some(out) = outcome.rewritten.filter(|_| outcome.record.unchanged_because.is_none()) else {
            println!("{name}: not converted: {}", outcome.record.unchanged_because.unwrap_or_default());
            continue;
        };
        converted += 1;
        let message = Message::parse(&out, &limits);
        let envelope = Envelope::default();
        let survey = Survey::new(&message, &envelope, None, &limits, &mut Budget::new(&limits));
        assert_eq!(survey.class, Class::Vpim2, "{name}");
        let findings = conformance::judge(&survey);
        let broken: Vec<_> = findings.iter().filter(|f| f.rule.level.is_must()).collect();
        // A conversion does not rewrite what the sender said of itself: its address, date, identifier.
        let ours: Vec<String> = broken
            .iter()
            .filter(|f| {
                f.part.is_some()
                    || !matches!(f.header.as_deref(), Some("From" | "Date" | "Message-ID" | "To"))
            })
            .map(|f| format!("{} ({})", f.rule.id, f.message))
            .collect();
        assert!(ours.is_empty(), "{name}: {ours:?}");
        conforming += usize::from(broken.is_empty());
        for body in &survey.bodies {
            let facts = body.facts.as_ref().expect("our own output can be read");
            if let media::Facts::Audio(audio) = &facts.facts {
                assert_eq!((audio.container.as_str(), audio.codec.as_str()), ("raw", "g726-32"), "{name}");
                assert!(!audio.nibble_order.is_some_and(|o| o.swapped && o.confidence > 0.5), "{name}");
            }
        }
    }
    println!("{converted} messages converted to vpim2, {conforming} of them without any MUST finding");
    assert!(converted >= 2);
}

#[test]
fn what_leaves_for_a_desk_can_be_played_and_read() {
    let limits = Limits::default();
    let mut converted = 0;
    for (name, raw) in messages() {
        let outcome = rewritten(&raw, "desktop");
        let Some(out) = outcome.rewritten.filter(|_| outcome.record.actions.iter().any(|a| a.contains("->")))
        else {
            continue;
        };
        converted += 1;
        let message = Message::parse(&out, &limits);
        let kept: Vec<&String> =
            outcome.record.losses.iter().filter(|l| l.contains("left as it came")).collect();
        for (id, entity) in message.entities().filter(|(_, e)| e.is_leaf()) {
            let in_returned = message.lineage(id).any(|e| e.content_type.is("multipart/report"));
            let essence = entity.content_type.essence();
            let playable = !["audio/32kadpcm", "image/tiff", "audio/basic"].contains(&essence.as_str());
            assert!(
                playable || in_returned || !kept.is_empty(),
                "{name}: {essence} is left: {:?}",
                outcome.record
            );
        }
        let voice_message = message.entities().any(|(id, e)| {
            e.content_type.is("multipart/voice-message")
                && !message.lineage(id).any(|e| e.content_type.is("multipart/report"))
        });
        assert!(!voice_message, "{name}");
    }
    println!("{converted} messages converted to desktop");
    assert!(converted >= 2);
}
