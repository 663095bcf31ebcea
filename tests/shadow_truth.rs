//! What shadow mode and `route` foretell is what enforce mode does: for every message of the corpus and of the
//! samples, every built-in profile, and routes that reject, repair and hold.

#![allow(clippy::unwrap_used)]

use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};
use vpim_milter::engine::{self, Ambient, Outcome, Record, Verdict};
use vpim_milter::policy::profile::{Refusal, builtin};
use vpim_milter::policy::route::Action;
use vpim_milter::policy::{Match, Mode, Route, Settings};
use vpim_milter::vpim::{Envelope, Target};

const SHARED: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../shared/corpus");

/// Messages by name: the corpus where it lies, else what `samples` writes.
fn messages() -> Vec<(String, Vec<u8>)> {
    let mut out = Vec::new();
    match std::fs::read_dir(SHARED) {
        Ok(files) => {
            for path in files.map(|f| f.unwrap().path()).filter(|p| p.extension().is_some_and(|e| e == "eml"))
            {
                let name = path.file_stem().unwrap().to_string_lossy().into_owned();
                out.push((name, std::fs::read(&path).unwrap()));
            }
        }
        Err(_) => {
            println!("skipped: the corpus (no ../shared); the samples instead");
            let kit = vpim_milter::samples::golden().unwrap().into_iter();
            let kit = kit.chain(vpim_milter::samples::broken());
            out.extend(kit.map(|sample| (sample.verdict.file, sample.octets)));
        }
    }
    out.sort();
    assert!(out.len() > 100, "{}", out.len());
    out
}

/// Runs `one` over all messages on all processors, and adds its counts.
fn counted<const N: usize>(one: impl Fn(&str, &[u8]) -> [u32; N] + Sync) -> [u32; N] {
    let (messages, next) = (messages(), AtomicUsize::new(0));
    let work = || {
        let mut sum = [0; N];
        while let Some((name, raw)) = messages.get(next.fetch_add(1, Ordering::Relaxed)) {
            for (total, count) in sum.iter_mut().zip(one(name, raw)) {
                *total += count;
            }
        }
        sum
    };
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        let running: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        let mut sum = [0; N];
        for thread in running {
            for (total, count) in sum.iter_mut().zip(thread.join().unwrap()) {
                *total += count;
            }
        }
        sum
    })
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

const ACTIONS: [(Action, Refusal); 3] = [
    (Action::Reject, Refusal::Tempfail),
    (Action::Repair, Refusal::Reject),
    (Action::Quarantine, Refusal::Quarantine),
];

#[test]
fn shadow_mode_says_what_enforce_mode_does() {
    let envelope = Envelope { rcpt_to: vec!["3002@vm.example.org".into()], ..Envelope::default() };
    let profiles = builtin();
    let matrix: Vec<_> =
        profiles.keys().flat_map(|p| ACTIONS.map(|(action, cannot)| (p, action, cannot))).collect();
    let [compared, refused, changed, lost] = counted(|name, raw| {
        let mut counts = [0; 4];
        for (profile, action, cannot) in &matrix {
            let context = format!("{name} {profile} {action:?}");
            let settings = settings(profile, *action, *cannot);
            let done = |mode| {
                let settings = Settings { mode, ..settings.clone() };
                engine::rewrite(raw, &envelope, &settings, &ambient())
            };
            let (enforce, shadow) = (done(Mode::Enforce), done(Mode::Shadow));
            assert_eq!((shadow.verdict, shadow.rewritten), (Verdict::Deliver, None), "{context}");
            let said = shadow.record.would.clone().unwrap_or(Verdict::Deliver);
            assert_eq!(said, enforce.verdict, "{context}");
            let record = Record { would: None, ..shadow.record };
            assert_eq!(record, enforce.record, "{context}");
            // The octets out are those of the message that leaves.
            let octets = enforce.rewritten.as_ref().map_or(raw.len(), Vec::len);
            assert_eq!(record.bytes_out, octets, "{context}");
            counts[0] += 1;
            counts[1] += u32::from(enforce.verdict != Verdict::Deliver);
            counts[2] += u32::from(!record.actions.is_empty());
            counts[3] += u32::from(!record.losses.is_empty());
        }
        counts
    });
    println!("{compared} compared: {refused} refused or held, {changed} changed, {lost} with losses");
    assert!(refused > 50 && changed > 100 && lost > 20, "{refused} {changed} {lost}");
}

#[test]
fn shadow_and_report_mode_change_nothing_but_the_label() {
    let settings = settings("desktop", Action::Annotate, Refusal::Deliver);
    let raw = messages().into_iter().find(|(name, _)| name.contains("conf-")).map(|(_, raw)| raw);
    let raw = raw.unwrap_or_else(|| messages().swap_remove(0).1);
    let enforce = outcome(&raw, &Envelope::default(), &settings, Mode::Enforce);
    assert!(enforce.modifications.len() > 1, "{:?}", enforce.record);
    assert_eq!(outcome(&raw, &Envelope::default(), &settings, Mode::Shadow).modifications, []);
    assert_eq!(outcome(&raw, &Envelope::default(), &settings, Mode::Report).modifications.len(), 1);
}

#[test]
fn report_mode_says_the_refusals_for_what_it_finds() {
    let envelope = Envelope::default();
    let settings = settings("untouched", Action::Reject, Refusal::Deliver);
    let [refused] = counted(|name, raw| {
        let enforce = outcome(raw, &envelope, &settings, Mode::Enforce);
        let report = outcome(raw, &envelope, &settings, Mode::Report);
        assert_eq!(report.verdict, Verdict::Deliver, "{name}");
        assert_eq!(report.record.would.unwrap_or(Verdict::Deliver), enforce.verdict, "{name}");
        [u32::from(enforce.verdict != Verdict::Deliver)]
    });
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
    let [conflicts] = counted(|name, raw| {
        let foresight = engine::foresee(raw, &envelope, &settings, &ambient());
        // Each once: refused for good, or in one copy.
        let mut told: Vec<&String> = foresight.copies.iter().flat_map(|c| &c.recipients).collect();
        told.extend(foresight.refused.iter().map(|(path, _)| path));
        told.sort();
        let mut wanted: Vec<&String> = envelope.rcpt_to.iter().collect();
        wanted.sort();
        assert_eq!(told, wanted, "{name}");
        let [(_, reply)] = foresight.refused.as_slice() else { panic!("{name}: {:?}", foresight.refused) };
        assert_eq!(reply.enhanced, (5, 1, 1), "{name}");
        let mut conflicts = 0;
        for copy in &foresight.copies {
            let together = Envelope { rcpt_to: copy.recipients.clone(), ..Envelope::default() };
            assert_eq!(outcome(raw, &together, &settings, Mode::Enforce), copy.outcome, "{name}");
            let because = copy.outcome.record.unchanged_because.as_deref();
            conflicts += u32::from(because == Some("its recipients need different profiles"));
        }
        [conflicts]
    });
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
    for (name, raw) in messages().into_iter().step_by(17) {
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
