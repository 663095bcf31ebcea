//! Modes, refusals and repairs of whole messages.

use super::*;
use crate::conformance::Level;
use crate::conformance::{judge, rules};
use crate::message::edit::Modification;
use crate::policy::Mode;
use crate::policy::route::{Action, Signed};
use crate::vpim::Target;

const VOICE: &str = "From: Ann <1@a.test>\r\nDate: Tue, 4 Mar 2025 09:00:00 +0100\r\nMessage-ID: <a@a.test>\r\n\
    DKIM-Signature: v=1; d=a.test; s=x; b=AAAA\r\nMIME-Version: 1.0 (Voice 2.0)\r\n\
    Content-Type: multipart/voice-message; version=2.0; boundary=b\r\n\r\n--b\r\n\
    Content-Type: audio/32KADPCM\r\nContent-Transfer-Encoding: base64\r\n\r\n////////\r\n--b--\r\n";

fn answered(raw: &str, mode: Mode, change: impl Fn(&mut Settings)) -> Outcome {
    let mut settings = Settings::for_profile("desktop", "mx.test");
    settings.mode = mode;
    change(&mut settings);
    process(raw.as_bytes(), &Envelope::default(), &settings, &Ambient::default())
}

fn kinds(outcome: &Outcome) -> Vec<&'static str> {
    let kind = |m: &Modification| match m {
        Modification::ChangeHeader { .. } => "change",
        Modification::DeleteHeader { .. } => "delete",
        Modification::InsertHeader { .. } => "insert",
        Modification::ReplaceBody(_) => "body",
    };
    outcome.modifications.iter().map(kind).collect()
}

#[test]
fn each_mode_goes_as_far_as_it_says() {
    let report = answered(VOICE, Mode::Report, |_| {});
    assert_eq!(kinds(&report), ["insert"]);
    let shadow = answered(VOICE, Mode::Shadow, |_| {});
    assert_eq!((kinds(&shadow), shadow.record.actions.len()), (vec![], 3));
    assert!(shadow.record.bytes_out > shadow.record.bytes_in);
    let enforce = answered(VOICE, Mode::Enforce, |_| {});
    assert_eq!(kinds(&enforce), ["change", "change", "insert", "body"]);
}

#[test]
fn a_broken_signature_is_named() {
    let outcome = answered(VOICE, Mode::Enforce, |_| {});
    assert_eq!(outcome.record.broken_signatures, ["DKIM-Signature d=a.test"]);
    let named = outcome.modifications.iter().any(|m| {
        matches!(m, Modification::InsertHeader { value, .. } if String::from_utf8_lossy(value).contains("d=a.test"))
    });
    assert!(named);
    assert!(answered(VOICE, Mode::Report, |_| {}).record.broken_signatures.is_empty());
}

#[test]
fn a_route_can_leave_signed_mail_as_it_came() {
    let leave = |s: &mut Settings| s.routes[0].signed = Signed::Leave;
    for mode in [Mode::Shadow, Mode::Enforce] {
        let outcome = answered(VOICE, mode, leave);
        assert!(outcome.modifications.is_empty());
        let why = outcome.record.unchanged_because.unwrap();
        assert_eq!(why, "the route leaves signed mail: DKIM-Signature d=a.test");
    }
    let unsigned = VOICE.replace("DKIM-Signature", "X-Signature");
    assert_eq!(kinds(&answered(&unsigned, Mode::Enforce, leave)), ["change", "change", "insert", "body"]);
}

#[test]
fn a_route_can_refuse_what_does_not_conform_and_only_in_enforce() {
    let strict = |s: &mut Settings| s.routes[0].on_must = Action::Reject;
    let Verdict::Refuse(reply) = answered(VOICE, Mode::Enforce, strict).verdict else {
        panic!("not refused")
    };
    assert_eq!((reply.code, reply.enhanced), (554, (5, 6, 0)));
    assert!(
        reply.lines[1]
            .contains("vpim2-content-disposition-present (MUST of RFC 3801 section 4.3.2): part 1:"),
        "{:?}",
        reply.lines
    );
    for mode in [Mode::Report, Mode::Shadow] {
        assert_eq!(answered(VOICE, mode, strict).verdict, Verdict::Deliver);
    }
}

#[test]
fn signed_mail_and_mail_without_route_get_not_even_a_label() {
    let signed = "Content-Type: multipart/signed; boundary=s\r\n\r\n--s\r\n".to_owned() + VOICE + "--s--\r\n";
    let outcome = answered(&signed, Mode::Enforce, |_| {});
    assert_eq!((kinds(&outcome), outcome.verdict), (vec![], Verdict::Deliver));
    let outcome = answered(VOICE, Mode::Enforce, |s| s.routes.clear());
    assert_eq!(
        (kinds(&outcome), outcome.record.unchanged_because.as_deref()),
        (vec![], Some("no route matches"))
    );
}

#[test]
fn time_that_is_over_is_a_temporary_failure_not_an_unconverted_delivery() {
    let settings = Settings::for_profile("desktop", "mx.test");
    let ambient = Ambient::default();
    ambient.stop.store(true, std::sync::atomic::Ordering::Relaxed);
    let outcome = process(VOICE.as_bytes(), &Envelope::default(), &settings, &ambient);
    let Verdict::Refuse(reply) = outcome.verdict else { panic!("{:?}", outcome.verdict) };
    assert_eq!((reply.code, reply.enhanced), (451, (4, 3, 2)));
}

/// A message of RFC 3801 with two faults that have repairs.
fn broken() -> String {
    VOICE
        .replace(
            "DKIM-Signature: v=1; d=a.test; s=x; b=AAAA\r\n",
            "Return-Path: <1@a.test>\r\nSubject: x\r\n",
        )
        .replace("base64\r\n", "base64\r\nContent-Disposition: attachment; voice=Voice-Message\r\n")
}

#[test]
fn a_repair_is_the_smallest_edit_and_a_second_pass_finds_nothing_to_do() {
    let raw = broken();
    let settings = Settings::for_profile("repair", "mx.test");
    let (envelope, ambient) = (Envelope::default(), Ambient::default());
    let outcome = rewrite(raw.as_bytes(), &envelope, &settings, &ambient);
    assert_eq!(
        outcome.record.actions,
        ["repaired vpim2-audio-disposition-inline", "repaired vpim2-return-path-not-sent"]
    );
    let repaired = outcome.rewritten.unwrap();
    let text = String::from_utf8(repaired.clone()).unwrap();
    let (label, rest) = text.split_once("\r\nFrom:").unwrap();
    assert!(
        label.starts_with("VPIM-Results: ") && label.contains("repaired vpim2-audio-disposition-inline"),
        "{label}"
    );
    let wanted = raw.replace("Return-Path: <1@a.test>\r\n", "").replace("attachment;", "inline;");
    assert_eq!(format!("From:{rest}"), wanted);
    let again = rewrite(&repaired, &envelope, &settings, &ambient);
    assert_eq!((again.rewritten, again.record.actions.len()), (None, 0));
    assert!(again.record.conformant, "{:?}", again.record.rules);
}

#[test]
fn a_route_repairs_by_level_and_by_rule_and_converts_after_it() {
    let raw = broken();
    let done = |profile: &str, change: fn(&mut Settings)| {
        let mut settings = Settings::for_profile(profile, "mx.test");
        change(&mut settings);
        let outcome = process(raw.as_bytes(), &Envelope::default(), &settings, &Ambient::default());
        (outcome.record.actions.clone(), kinds(&outcome))
    };
    assert_eq!(done("untouched", |_| {}), (vec![], vec!["insert"]));
    let (actions, kinds) = done("untouched", |s| s.routes[0].on_must = Action::Repair);
    assert_eq!((actions.len(), kinds), (2, vec!["delete", "insert", "body"]));
    let (actions, kinds) =
        done("untouched", |s| s.routes[0].rules = vec![("*return-path*".into(), Action::Repair)]);
    assert_eq!((actions.len(), kinds), (1, vec!["delete", "insert"]));
    let (actions, _) = done("desktop", |s| s.routes[0].on_must = Action::Repair);
    assert!(actions[0].starts_with("repaired ") && actions.len() > 3, "{actions:?}");
    let (actions, _) = done("repair", |s| s.routes[0].rules = vec![("*".into(), Action::Annotate)]);
    assert_eq!(actions.len(), 0);
}

#[test]
fn signed_mail_is_not_repaired_and_only_in_enforce_anything_is() {
    let signed =
        "Content-Type: multipart/signed; boundary=s\r\n\r\n--s\r\n".to_owned() + &broken() + "--s--\r\n";
    let settings = Settings::for_profile("repair", "mx.test");
    let outcome = rewrite(signed.as_bytes(), &Envelope::default(), &settings, &Ambient::default());
    assert_eq!((outcome.rewritten, outcome.record.actions.len()), (None, 0));
    for (mode, actions) in [(Mode::Report, 0), (Mode::Shadow, 2)] {
        let mut settings = settings.clone();
        settings.mode = mode;
        let outcome = process(broken().as_bytes(), &Envelope::default(), &settings, &Ambient::default());
        assert_eq!(outcome.record.actions.len(), actions);
        assert!(!kinds(&outcome).contains(&"body"));
    }
}

#[test]
fn every_repairable_sample_leaves_the_engine_repaired_or_untouched_with_a_reason() {
    let settings = Settings::for_profile("repair", "mx.test");
    let date = Some("Tue, 4 Mar 2025 09:00:02 +0100".to_owned());
    let ambient = Ambient { date, ..Ambient::default() };
    let (mut cured, mut left, mut wrong) = (0, Vec::new(), Vec::new());
    // A note is no reproach, and no reason to change anything.
    for rule in rules::all().filter(|r| r.repair.is_some() && r.level != Level::May) {
        let sample = rule.samples.bad;
        let (raw, envelope) = (sample.octets(), sample.envelope());
        let target = sample.target.map(|target| target());
        let mut settings = settings.clone();
        settings.profiles.get_mut("repair").unwrap().target = target.clone();
        // Judged as another profile than the engine would, or claiming none, or no voice at all to it.
        let class = class::classify(&Message::parse(&raw, &settings.limits));
        if matches!(class, Class::None | Class::VoiceOther) || sample.class.is_some_and(|c| c != class) {
            continue;
        }
        let outcome = rewrite(&raw, &envelope, &settings, &ambient);
        let Some(after) = &outcome.rewritten else {
            wrong.push(format!("{}: not even a label: {:?}", rule.id, outcome.record));
            continue;
        };
        let breaks = |raw: &[u8]| {
            let message = Message::parse(raw, &settings.limits);
            let mut budget = Budget::new(&settings.limits);
            let survey = Survey::new(&message, &envelope, None, &settings.limits, &mut budget)
                .towards(target.as_ref());
            judge(&survey).iter().any(|f| f.rule.id == rule.id)
        };
        // Some faults show only towards a system of which something is known.
        if !outcome.record.rules.contains(&rule.id) {
            continue;
        }
        match &outcome.record.unchanged_because {
            Some(why) => left.push(format!("{}: {why}", rule.id)),
            None => {
                let label = format!("repaired {}", rule.id);
                let again = rewrite(after, &envelope, &settings, &ambient);
                let named = outcome.record.actions.contains(&label);
                if breaks(after) || !named || again.rewritten.is_some() {
                    wrong.push(format!("{}: {:?}, then {:?}", rule.id, outcome.record, again.record));
                }
                cured += 1;
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    println!("{cured} cured; left as they came:\n{}", left.join("\n"));
    assert!(cured > 5 * left.len(), "{cured} cured; left as they came:\n{}", left.join("\n"));
}

#[test]
fn private_mail_is_refused_where_the_system_is_known_to_tell() {
    let private = VOICE.replace("DKIM-Sig", "Sensitivity: Private\r\nDKIM-Sig");
    let towards = |raw: &str, privacy: Option<bool>, rules: Vec<(String, Action)>| {
        answered(raw, Mode::Enforce, |s| {
            let profile = s.profiles.get_mut("desktop").unwrap();
            profile.target = Some(Target { privacy, ..Target::default() });
            s.routes[0].rules = rules.clone();
        })
        .verdict
    };
    let Verdict::Refuse(reply) = towards(&private, Some(false), vec![]) else { panic!("not refused") };
    assert_eq!((reply.code, reply.enhanced), (554, (5, 6, 0)));
    assert!(reply.lines[0].contains("(RFC 3801 section 4.2.13)"), "{:?}", reply.lines);
    for privacy in [Some(true), None] {
        assert_eq!(towards(&private, privacy, vec![]), Verdict::Deliver);
    }
    assert_eq!(towards(VOICE, Some(false), vec![]), Verdict::Deliver);
    let pbx = "From: PBX <pbx@a.test>\r\nMessage-ID: <Asterisk-3-1-1212-42@pbx.test>\r\nSensitivity: private\r\n\
        X-Asterisk-CallerID: 4411\r\nContent-Type: audio/x-wav; name=\"msg0003.wav\"\r\n\r\nx\r\n";
    assert!(matches!(towards(pbx, Some(false), vec![]), Verdict::Refuse(_)));
    assert_eq!(towards(pbx, None, vec![]), Verdict::Deliver);
    let other = |action| vec![("vpim2-private-*".to_owned(), action)];
    assert_eq!(towards(&private, Some(false), other(Action::Annotate)), Verdict::Deliver);
    assert!(matches!(towards(&private, Some(false), other(Action::Quarantine)), Verdict::Quarantine(_)));
}

#[test]
fn a_required_part_that_would_be_dropped_refuses_the_message() {
    let part = |mark: &str| {
        let part = format!("--b\r\nContent-Type: text/plain\r\n{mark}\r\nhello\r\n--b--\r\n");
        VOICE.replace("--b--\r\n", &part)
    };
    let verdict = |raw: &str, profile: &str| {
        let settings = Settings::for_profile(profile, "mx.test");
        process(raw.as_bytes(), &Envelope::default(), &settings, &Ambient::default()).verdict
    };
    let required = part("Content-Disposition: inline; handling=REQUIRED\r\n");
    let Verdict::Refuse(reply) = verdict(&required, "vpim2") else { panic!("not refused") };
    assert_eq!((reply.code, reply.enhanced), (554, (5, 6, 1)));
    assert!(reply.lines[0].contains("part 2: text/plain"), "{:?}", reply.lines);
    assert_eq!(verdict(&required, "desktop"), Verdict::Deliver);
    for mark in ["Content-Disposition: inline; handling=optional\r\n", ""] {
        assert_eq!(verdict(&part(mark), "vpim2"), Verdict::Deliver);
    }
}
