//! What shadow mode and `route` foretell is what enforce mode does: for every message of the corpus and of the
//! samples, every built-in profile, and routes that reject, repair and hold.

#![allow(clippy::unwrap_used)]

use std::process::Command;
use vpim_milter::engine::{self, Ambient, Outcome, Verdict};
use vpim_milter::policy::profile::{Refusal, builtin};
use vpim_milter::policy::route::Action;
use vpim_milter::policy::{Match, Mode, Route, Settings};
use vpim_milter::vpim::{Envelope, Target};

const FOLDERS: [&str; 2] = [
    concat!(env!("CARGO_MANIFEST_DIR"), "/../shared/corpus"),
    concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/corpus"),
];

/// Messages by name: the corpus, and what `samples` writes.
fn messages() -> Vec<(String, Vec<u8>)> {
    let mut out = Vec::new();
    for folder in FOLDERS {
        let Ok(files) = std::fs::read_dir(folder) else {
            println!("skipped: {folder} (not there)");
            continue;
        };
        for path in files.map(|f| f.unwrap().path()).filter(|p| p.extension().is_some_and(|e| e == "eml")) {
            out.push((
                path.file_stem().unwrap().to_string_lossy().into_owned(),
                std::fs::read(&path).unwrap(),
            ));
        }
    }
    let broken = vpim_milter::samples::broken();
    let kit = vpim_milter::samples::golden().unwrap().into_iter().chain(broken.into_iter().step_by(5));
    out.extend(kit.map(|sample| (sample.verdict.file, sample.octets)));
    out.sort();
    assert!(out.len() > 20, "{}", out.len());
    out
}

/// Settings of one route to `profile` that acts on findings.
fn settings(profile: &str, action: Action, cannot_convert: Refusal) -> Settings {
    let mut settings = Settings::for_profile(profile, "mx.test");
    for route in &mut settings.routes {
        route.on_must = action;
    }
    let profile = settings.profiles.get_mut(profile).unwrap();
    profile.cannot_convert = cannot_convert;
    if action == Action::Quarantine {
        profile.target = Some(Target { privacy: Some(false), ..Target::default() });
    }
    settings
}

fn ambient() -> Ambient {
    Ambient { date: Some("Tue, 4 Mar 2025 09:00:02 +0100".to_owned()), ..Ambient::default() }
}

/// What `mode` says and does, by the way the milter goes.
fn outcome(raw: &[u8], envelope: &Envelope, settings: &Settings, mode: Mode) -> Outcome {
    let settings = Settings { mode, ..settings.clone() };
    engine::process(raw, envelope, &settings, &ambient())
}

const ACTIONS: [(Action, Refusal); 4] = [
    (Action::Annotate, Refusal::Deliver),
    (Action::Reject, Refusal::Tempfail),
    (Action::Repair, Refusal::Reject),
    (Action::Quarantine, Refusal::Quarantine),
];

#[test]
fn shadow_mode_says_what_enforce_mode_does() {
    let envelope = Envelope { rcpt_to: vec!["3002@vm.example.org".into()], ..Envelope::default() };
    let (mut compared, mut refused, mut changed, mut lost) = (0, 0, 0, 0);
    for (name, raw) in messages() {
        for profile in builtin().keys() {
            for (action, cannot) in ACTIONS {
                let settings = settings(profile, action, cannot);
                let enforce = outcome(&raw, &envelope, &settings, Mode::Enforce);
                let shadow = outcome(&raw, &envelope, &settings, Mode::Shadow);
                let context = format!("{name} {profile} {action:?}");
                assert_eq!(
                    (&shadow.verdict, shadow.modifications.len()),
                    (&Verdict::Deliver, 0),
                    "{context}"
                );
                assert_eq!(shadow.rewritten, None, "{context}");
                let said = shadow.record.would.clone().unwrap_or(Verdict::Deliver);
                assert_eq!(said, enforce.verdict, "{context}");
                let mut record = shadow.record;
                record.would = None;
                assert_eq!(record, enforce.record, "{context}");
                // The octets out are those of the message that leaves.
                if enforce.verdict == Verdict::Deliver {
                    let done = engine::rewrite(
                        &raw,
                        &envelope,
                        &Settings { mode: Mode::Enforce, ..settings },
                        &ambient(),
                    );
                    let octets = done.rewritten.as_ref().map_or(raw.len(), Vec::len);
                    assert_eq!(record.bytes_out, octets, "{context}");
                }
                compared += 1;
                refused += u32::from(enforce.verdict != Verdict::Deliver);
                changed += u32::from(!record.actions.is_empty());
                lost += u32::from(!record.losses.is_empty());
            }
        }
    }
    println!("{compared} compared: {refused} refused or held, {changed} changed, {lost} with losses");
    assert!(refused > 50 && changed > 100 && lost > 20, "{refused} {changed} {lost}");
}

#[test]
fn report_mode_says_the_refusals_for_what_it_finds() {
    let envelope = Envelope::default();
    let mut refused = 0;
    for (name, raw) in messages() {
        let settings = settings("untouched", Action::Reject, Refusal::Deliver);
        let enforce = outcome(&raw, &envelope, &settings, Mode::Enforce);
        let report = outcome(&raw, &envelope, &settings, Mode::Report);
        assert_eq!(report.verdict, Verdict::Deliver, "{name}");
        assert_eq!(report.record.would.unwrap_or(Verdict::Deliver), enforce.verdict, "{name}");
        refused += u32::from(enforce.verdict != Verdict::Deliver);
    }
    assert!(refused > 5, "{refused}");
}

#[test]
fn the_json_of_the_record_has_the_refusal() {
    let settings = settings("vpim2", Action::Reject, Refusal::Deliver);
    let (_, raw) = messages()
        .into_iter()
        .find(|(_, raw)| {
            outcome(raw, &Envelope::default(), &settings, Mode::Enforce).verdict != Verdict::Deliver
        })
        .unwrap();
    let shadow = outcome(&raw, &Envelope::default(), &settings, Mode::Shadow);
    let json = serde_json::to_value(&shadow.record).unwrap();
    assert!(json["would"]["refuse"]["code"].as_u64().is_some_and(|code| code >= 500), "{json}");
    assert!(json["would"]["refuse"]["lines"][0].is_string(), "{json}");
}

/// Routes of four kinds, the last only for messages with a subject.
fn routes() -> Settings {
    let mut settings = Settings::for_profile("desktop", "mx.test");
    let route = |name: &str, profile: &str, recipient: &str, on_must| Route {
        when: Match { recipient: vec![recipient.to_owned()], ..Match::default() },
        on_must,
        ..Route::catch_all(name, profile)
    };
    let mut by_header = route("subject", "repair", "*@h.test", Action::Annotate);
    by_header.when.header = vec![("Subject".into(), "*voice*".into())];
    settings.routes = vec![
        by_header,
        route("people", "desktop", "*@p.test", Action::Annotate),
        route("hub", "vpim2", "*@vm.test", Action::Annotate),
        route("strict", "vpim2", "*@s.test", Action::Reject),
    ];
    settings
}

#[test]
fn each_recipient_is_foretold_what_its_transaction_gets() {
    let settings = routes();
    let all =
        ["1@p.test", "2@vm.test", "3@p.test", "non-mail-user@p.test", "4@s.test", "5@none.test", "6@h.test"];
    let envelope = Envelope { rcpt_to: all.iter().map(|r| (*r).to_owned()).collect(), ..Envelope::default() };
    let mut conflicts = 0;
    for (name, raw) in messages() {
        let foresight = engine::foresee(&raw, &envelope, &settings, &ambient());
        // Each once: refused for good, or in one copy.
        let mut told: Vec<&String> = foresight.copies.iter().flat_map(|c| &c.recipients).collect();
        told.extend(foresight.refused.iter().map(|(path, _)| path));
        told.sort();
        let mut wanted: Vec<&String> = envelope.rcpt_to.iter().collect();
        wanted.sort();
        assert_eq!(told, wanted, "{name}");
        assert_eq!(foresight.refused.len(), 1, "{name}");
        assert_eq!(foresight.refused[0].1.enhanced, (5, 1, 1), "{name}");
        for copy in &foresight.copies {
            let alone = Envelope { rcpt_to: copy.recipients.clone(), ..Envelope::default() };
            assert_eq!(outcome(&raw, &alone, &settings, Mode::Enforce), copy.outcome, "{name}");
            // Every recipient alone gets the same message, unless only the header told them apart.
            let conflict = copy.outcome.record.unchanged_because.as_deref()
                == Some("its recipients need different profiles");
            conflicts += u32::from(conflict);
            for recipient in copy.recipients.iter().filter(|_| !conflict) {
                let alone = Envelope { rcpt_to: vec![recipient.clone()], ..Envelope::default() };
                let got = outcome(&raw, &alone, &settings, Mode::Enforce);
                assert_eq!(got.verdict, copy.outcome.verdict, "{name} {recipient}");
                assert_eq!(got.record.bytes_out, copy.outcome.record.bytes_out, "{name} {recipient}");
            }
        }
    }
    assert!(conflicts > 0);
}

#[test]
fn the_command_says_the_same() {
    let folder = std::env::temp_dir().join(format!("vpim-route-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let config = folder.join("c.toml");
    std::fs::write(
        &config,
        "mode = \"shadow\"\n[results]\nauthserv_id = \"mx.test\"\n\
         [[route]]\nname = \"people\"\nmatch = { recipient = [\"*@p.test\"] }\nprofile = \"desktop\"\n\
         [[route]]\nname = \"strict\"\nmatch = { recipient = [\"*@s.test\"] }\nprofile = \"vpim2\"\non_must = \"reject\"\n",
    )
    .unwrap();
    let text = std::fs::read_to_string(&config).unwrap();
    let settings = vpim_milter::config::load_text(&[("c", &text)], builtin()).unwrap().settings;
    let run = |file: &std::path::Path, format: &str| {
        let output = Command::new(env!("CARGO_BIN_EXE_vpim-milter"))
            .args(["route", "--format", format, "--rcpt-to", "<1@p.test>", "--rcpt-to", "2@s.test"])
            .arg("--config")
            .arg(&config)
            .arg(file)
            .output()
            .unwrap();
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).unwrap()
    };
    for (name, raw) in messages().into_iter().step_by(11) {
        let file = folder.join("m.eml");
        std::fs::write(&file, &raw).unwrap();
        let said: serde_json::Value = serde_json::from_str(&run(&file, "json")).unwrap();
        assert_eq!(said["mode"], "shadow");
        for (n, recipient) in ["1@p.test", "2@s.test"].into_iter().enumerate() {
            let alone = Envelope { rcpt_to: vec![recipient.to_owned()], ..Envelope::default() };
            let enforce = outcome(&raw, &alone, &settings, Mode::Enforce);
            let copy = &said["copies"][n];
            assert_eq!(said["recipients"][n]["route"], ["people", "strict"][n], "{name}");
            let verdict = match enforce.verdict {
                Verdict::Deliver => "deliver",
                Verdict::Refuse(_) => "refuse",
                Verdict::Quarantine(_) => "quarantine",
            };
            assert_eq!(copy["verdict"], verdict, "{name} {recipient}");
            assert_eq!(copy["actions"], serde_json::to_value(&enforce.record.actions).unwrap(), "{name}");
            assert_eq!(copy["losses"], serde_json::to_value(&enforce.record.losses).unwrap(), "{name}");
        }
        let text = run(&file, "text");
        assert!(
            text.contains("<1@p.test>: route people, profile desktop (recipient *@p.test): copy 1"),
            "{text}"
        );
        assert!(text.contains("copy 2 for 1 recipients, sent again by the client after 452 4.5.3"), "{text}");
    }
    std::fs::remove_dir_all(&folder).unwrap();
}
