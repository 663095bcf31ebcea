//! VPIM version 1: RFC 1911.

use super::lookup::*;
use super::samples::*;
use crate::conformance::rule::{Findings, Level, Rule, Samples};
use crate::vpim::Survey;

/// The rules.
pub static RULES: &[Rule] = &[
    Rule {
        id: "vpim1-mime-version-voice-comment",
        level: Level::Must,
        rfc: 1911,
        section: "4.2",
        text: "Version 1 messages bear the Voice 1.0 comment in MIME-Version.",
        remedy: "Let the voice system write MIME-Version: 1.0 (Voice 1.0).",
        classes: VPIM1,
        check: vpim1_mime_version_voice_comment,
        repair: None,
        samples: Samples::changed(VOICE1, &[(" (Voice 1.0)", "")]),
    },
    Rule {
        id: "vpim1-empty-parts-present",
        level: Level::Must,
        rfc: 1911,
        section: "14",
        text: "An unavailable spoken name or subject is sent as an empty part rather than left out.",
        remedy: "Send an empty part for a missing name or subject.",
        classes: VPIM1,
        check: vpim1_empty_parts_present,
        repair: None,
        samples: Samples::changed(
            VOICE1,
            &[("--b1\nContent-Type: audio/32KADPCM\nContent-Transfer-Encoding: base64\n\n\n", "")],
        ),
    },
    Rule {
        id: "vpim1-three-positional-parts",
        level: Level::Must,
        rfc: 1911,
        section: "14",
        text: "The container has exactly three parts: spoken name, spoken subject, message.",
        remedy: "Send spoken name, spoken subject and message, in this order.",
        classes: VPIM1,
        check: vpim1_three_positional_parts,
        repair: None,
        samples: Samples::changed(VOICE1, &[("audio/32KADPCM", "text/plain")]),
    },
    Rule {
        id: "vpim1-spoken-name-max",
        level: Level::MustNot,
        rfc: 1911,
        section: "14",
        text: "The spoken name lasts no more than 12 seconds.",
        remedy: "Limit spoken names to 12 seconds.",
        classes: VPIM1,
        check: vpim1_spoken_name_max,
        repair: None,
        samples: Samples::changed(VOICE1, &[("base64\n\n\n", "base64\n\n␥\n")]),
    },
    Rule {
        id: "vpim1-spoken-subject-max",
        level: Level::MustNot,
        rfc: 1911,
        section: "14",
        text: "The spoken subject lasts no more than 20 seconds.",
        remedy: "Limit spoken subjects to 20 seconds.",
        classes: VPIM1,
        check: vpim1_spoken_subject_max,
        repair: None,
        samples: Samples::changed(
            VOICE1,
            &[(
                "base64\n\n\n--b1\nContent-Type: audio/32KADPCM\nContent-Transfer-Encoding: base64\n\n\n",
                "base64\n\n\n--b1\nContent-Type: audio/32KADPCM\nContent-Transfer-Encoding: base64\n\n␥\n",
            )],
        ),
    },
    Rule {
        id: "vpim1-sender-not-sent",
        level: Level::ShouldNot,
        rfc: 1911,
        section: "4.2",
        text: "Sender is not generated.",
        remedy: "Do not send Sender.",
        classes: VPIM1,
        check: vpim1_sender_not_sent,
        repair: None,
        samples: Samples::changed(VOICE1, &[("MIME-Version", "Sender: <1@vm.example.net>\nMIME-Version")]),
    },
    Rule {
        id: "vpim1-no-text-plain",
        level: Level::MustNot,
        rfc: 1911,
        section: "4.3",
        text: "Text is never sent by a version 1 system.",
        remedy: "Send no text.",
        classes: VPIM1,
        check: vpim1_no_text_plain,
        repair: None,
        samples: Samples::changed(VOICE1, &[("audio/32KADPCM", "text/plain")]),
    },
    Rule {
        id: "vpim1-no-message-rfc822",
        level: Level::ShouldNot,
        rfc: 1911,
        section: "4.3",
        text: "Version 1 systems do not forward with message/rfc822, though they accept it.",
        remedy: "Forward as a nested multipart/voice-message.",
        classes: VPIM1,
        check: vpim1_no_message_rfc822,
        repair: None,
        samples: Samples::changed(
            VOICE1,
            &[("--b1--", "--b1\nContent-Type: message/rfc822\n\nSubject: x\n\n--b1--")],
        ),
    },
];

fn vpim1_mime_version_voice_comment(s: &Survey<'_>, f: &mut Findings<'_>) {
    let claim = s
        .top("MIME-Version")
        .map(|x| String::from_utf8_lossy(s.octets(x)).to_ascii_lowercase().replace([' ', '\t'], ""));
    if !claim.is_some_and(|c| c.contains("(voice1.0)")) {
        f.missing(ROOT, "MIME-Version", "no comment (Voice 1.0)");
    }
}

fn vpim1_empty_parts_present(s: &Survey<'_>, f: &mut Findings<'_>) {
    for (id, e) in s.containers().filter(|(_, e)| (1..3).contains(&e.children().len())) {
        f.entity(id, format!("{} parts instead of 3", e.children().len()));
    }
}

fn vpim1_three_positional_parts(s: &Survey<'_>, f: &mut Findings<'_>) {
    for (id, e) in s.containers() {
        let wrong = s.children(e).take(2).any(|(_, c)| c.content_type.main != "audio");
        if e.children().len() > 3 || wrong {
            f.entity(id, "not two audio parts and a message");
        }
    }
}

fn vpim1_spoken_name_max(s: &Survey<'_>, f: &mut Findings<'_>) {
    longer_than(s, f, 0, 12.0);
}

fn vpim1_spoken_subject_max(s: &Survey<'_>, f: &mut Findings<'_>) {
    longer_than(s, f, 1, 20.0);
}

fn vpim1_sender_not_sent(s: &Survey<'_>, f: &mut Findings<'_>) {
    for field in s.fields(ROOT, "Sender") {
        f.field(ROOT, field, "Sender present");
    }
}

fn vpim1_no_text_plain(s: &Survey<'_>, f: &mut Findings<'_>) {
    for (id, _) in s.leaves("text").filter(|(_, e)| e.content_type.sub == "plain") {
        f.entity(id, "text in a message of version 1");
    }
}

fn vpim1_no_message_rfc822(s: &Survey<'_>, f: &mut Findings<'_>) {
    for (id, _) in s.judged().filter(|(_, e)| e.content_type.is("message/rfc822")) {
        f.entity(id, "message/rfc822 in a message of version 1");
    }
}

/// The parts have their meaning by position (RFC 1911 14).
fn longer_than(s: &Survey<'_>, f: &mut Findings<'_>, position: usize, limit: f64) {
    for (_, container) in s.containers() {
        let Some((id, _)) = s.children(container).nth(position) else { continue };
        if s.audio_facts(id).and_then(|a| a.duration_s()).is_some_and(|d| d > limit) {
            f.entity(id, format!("lasts more than {limit} s"));
        }
    }
}
