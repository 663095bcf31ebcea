//! Replies in the SMTP dialogue.

use super::seen::{INTERNET, VOICE, octets, processed, strict};
use super::support::milter_process::MilterProcess;
use super::{Kept, Scene, need};
use vpim_milter::engine::{Outcome, Reply, Verdict};
use vpim_milter::milter::reply::{SafeReply, safe};
use vpim_milter::policy::profile::Refusal;
use vpim_milter::policy::route::Action;
use vpim_milter::probe::{Envelope, Options, run};

pub const SCENES: &[Scene] = &[
    Scene { id: "vpim2-esmtp-enhanced-codes", play: codes_are_sound },
    Scene { id: "enhanced-code-syntax", play: codes_are_sound },
    Scene { id: "enhanced-code-conversion", play: media_codes },
    Scene { id: "dsn-vpim-status-codes", play: voice_codes },
    Scene {
        id: "ifax-relay-failure-reported",
        play: |sound| refused_fax(if sound { BROKEN_FAX } else { VOICE }),
    },
    Scene { id: "ifax-processing-failure-not-silent", play: never_silent },
];

const BROKEN_FAX: &str = "From: <a@x.test>\nTo: <b@y.test>\nDate: Tue, 4 Mar 2025 09:00:00 +0100\nMessage-ID: <f@x.test>\nSubject: fax\nMIME-Version: 1.0\nContent-Type: image/tiff\nContent-Transfer-Encoding: base64\n\nSUkqAAgAAAAAAA==\n";

/// Messages that a voice system cannot get, and the detail of their code (RFC 3463 3.7).
fn refusals() -> Vec<(&'static str, Vec<u8>, u8)> {
    vec![
        ("a broken file", octets(INTERNET, &[("audio/basic", "audio/wav"), ("////////////", "UklGRgAA")]), 1),
        ("a broken fax", octets(BROKEN_FAX, &[]), 1),
        ("a ban", octets(INTERNET, &[("Subject:", "Conversion: prohibited\nSubject:")]), 2),
        (
            "no decoder",
            octets(
                INTERNET,
                &[
                    ("; handling=REQUIRED", ""),
                    ("audio/basic", "audio/amr"),
                    ("////////////", "IyFBTVJfTUMxLjAKAAAAAg=="),
                ],
            ),
            3,
        ),
    ]
}

fn reply_to(raw: &[u8], wish: Refusal) -> Result<Reply, String> {
    let mut settings = strict("vpim2");
    settings.profiles.get_mut("vpim2").unwrap().cannot_convert = wish;
    match processed(raw, &settings) {
        Outcome { verdict: Verdict::Refuse(reply), .. } => Ok(reply),
        outcome => Err(format!("{:?} {:?}", outcome.verdict, outcome.record)),
    }
}

/// Class 4 or 5, the class of the reply; numbers without leading zeros.
fn is_sound(reply: &SafeReply) -> Kept {
    let numbers: Vec<&str> = reply.enhanced.split('.').collect();
    let number = |n: &&str| n.parse::<u16>().is_ok_and(|v| v < 1000 && v.to_string() == **n);
    let class = numbers.first().is_some_and(|c| matches!(*c, "4" | "5") && reply.code.starts_with(c));
    need(numbers.len() == 3 && numbers.iter().all(number) && class && reply.code.len() == 3, || {
        format!("{reply:?}")
    })
}

fn codes_are_sound(sound: bool) -> Kept {
    let mut replies = Vec::new();
    for (name, raw, _) in refusals() {
        for wish in [Refusal::Reject, Refusal::Tempfail] {
            replies.push(safe(&reply_to(&raw, wish).map_err(|e| format!("{name}: {e}"))?));
        }
    }
    for action in [Action::Reject, Action::Tempfail] {
        let mut settings = strict("vpim2");
        settings.routes[0].on_must = action;
        let raw = octets(VOICE, &[("Content-Disposition: inline; voice=Originator-Spoken-Name\n", "")]);
        let Verdict::Refuse(reply) = processed(&raw, &settings).verdict else {
            return Err("not refused".to_owned());
        };
        replies.push(safe(&reply));
    }
    if !sound {
        replies.push(SafeReply { code: "550".into(), enhanced: "4.06.1".into(), lines: vec![] });
    }
    replies.iter().try_for_each(is_sound)
}

fn media_codes(sound: bool) -> Kept {
    for (name, raw, detail) in refusals() {
        let detail = if sound { detail } else { 4 };
        let (last, lost) = (reply_to(&raw, Refusal::Reject)?, reply_to(&raw, Refusal::Tempfail)?);
        need((last.code, last.enhanced) == (554, (5, 6, detail)), || format!("{name}: {last:?}"))?;
        need((lost.code, lost.enhanced) == (451, (4, 6, detail)), || format!("{name}: {lost:?}"))?;
    }
    Ok(())
}

/// No mailbox 5.1.1; no fax 5.6.1.
fn voice_codes(sound: bool) -> Kept {
    let milter = MilterProcess::start("mode = \"enforce\"\n[[route]]\nname = \"vm\"\nprofile = \"vpim2\"\n");
    let recipient = if sound { "<Non-Mail-User@vm.example.org>" } else { "<3002@vm.example.org>" };
    let envelope = Envelope::new("<2001@vm.example.net>", [recipient]);
    let raw = octets(VOICE, &[]);
    let report = run(&milter.socket().parse().unwrap(), Options::default(), &envelope, &raw).unwrap();
    let refused = report.recipients[0].refused.as_ref().map(ToString::to_string).unwrap_or_default();
    need(refused.starts_with("550 5.1.1 "), || refused)?;
    refused_fax(BROKEN_FAX)
}

/// A fax that cannot be relayed is refused with 5.6.1 before it is taken.
fn refused_fax(text: &str) -> Kept {
    let reply = reply_to(&octets(text, &[]), Refusal::Reject)?;
    let said = reply.lines.iter().any(|l| l.contains("tiff") || l.contains("TIFF"));
    need((reply.code, reply.enhanced) == (554, (5, 6, 1)) && said, || format!("{reply:?}"))
}

/// Delivered all the same, the message says what could not be done.
fn never_silent(sound: bool) -> Kept {
    refused_fax(BROKEN_FAX)?;
    let mut settings = vpim_milter::policy::Settings::for_profile("vpim2", "mx.test");
    settings.results.enabled = sound;
    let outcome = processed(&octets(BROKEN_FAX, &[]), &settings);
    let out = String::from_utf8_lossy(outcome.rewritten.as_deref().unwrap_or_default()).into_owned();
    let said = out.contains("VPIM-Results:") && out.contains("policy.unchanged=");
    need(outcome.verdict == Verdict::Deliver && said, || format!("{:?} {out}", outcome.verdict))
}
