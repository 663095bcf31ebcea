//! VPIM version 1: RFC 1911.

use super::lookup::*;
use super::samples::*;
use crate::conformance::rule::{Findings, Level, Rule, Sample, Samples};
use crate::message::edit::EditList;
use crate::message::{Span, value};
use crate::vpim::{Class, Survey, VoiceKind};

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
        // Nowhere in a message of version 1 is there a place for text, and what it says may not go unseen:
        // only a conversion has the words to say that it went.
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
    Rule {
        id: "vpim1-voice-message-no-version",
        level: Level::Must,
        rfc: 1911,
        section: "14",
        text: "The version 1 container has only the boundary parameter.",
        remedy: "Leave the parameter out, or convert the message to version 2.",
        classes: VPIM1,
        check: vpim1_voice_message_no_version,
        repair: None,
        samples: Samples::changed(
            VOICE1,
            &[("multipart/voice-message; boundary", "multipart/voice-message; version=1.0; boundary")],
        ),
    },
    Rule {
        id: "vpim1-third-part-any",
        level: Level::May,
        rfc: 1911,
        section: "14",
        text: "The message part may be any content, including a multipart.",
        remedy: "Nothing to do; not every system plays other contents.",
        classes: VPIM1,
        check: vpim1_third_part_any,
        repair: None,
        samples: Samples::changed(
            VOICE1,
            &[(
                "Content-Type: audio/32KADPCM\nContent-Transfer-Encoding: base64\n\n////////",
                "Content-Type: image/tiff\nContent-Transfer-Encoding: base64\n\nSUkqAA==",
            )],
        ),
    },
    Rule {
        id: "vpim1-voice-message-when-name-or-subject",
        level: Level::Must,
        rfc: 1911,
        section: "4.3",
        text: "The container is used whenever a spoken name or subject exists; otherwise bare contents are fine.",
        remedy: "Send name and subject in a multipart/voice-message.",
        classes: VPIM1,
        check: vpim1_voice_message_when_name_or_subject,
        repair: None,
        samples: Samples::changed(
            VOICE1,
            &[
                ("multipart/voice-message", "multipart/mixed"),
                ("base64\n\n\n", "base64\nContent-Description: Spoken Name\n\n////\n"),
            ],
        ),
    },
    Rule {
        id: "vpim1-text-name-order",
        level: Level::Must,
        rfc: 1911,
        section: "4.2",
        text: "Text names in From, To and Cc are written last name first, separated by commas, in a quoted phrase.",
        remedy: "Write names as \"Last, First\" in quotes.",
        classes: VPIM1,
        check: vpim1_text_name_order,
        repair: Some(quote_phrases),
        samples: Samples::changed(VOICE1, &[("\"Example, Ann\"", "Example, Ann")]),
    },
    Rule {
        id: "vpim1-32kadpcm-nibble-order-unspecified",
        level: Level::May,
        rfc: 1911,
        section: "13",
        text: "Version 1 does not say how two code words share an octet.",
        remedy: "Listen to a message; a conversion swaps the code words where the order is certain.",
        classes: VPIM1,
        check: vpim1_nibble_order,
        repair: None,
        samples: Samples { good: VOICE1, bad: Sample { class: Some(Class::Vpim1), ..SWAPPED } },
    },
    Rule {
        id: "vpim1-accepted-by-version-2",
        level: Level::Should,
        rfc: 3801,
        section: "16.2",
        text: "A version 2 system still accepts and handles a version 1 container.",
        remedy: "Send the three parts of version 1, so that they can be given their names of version 2.",
        classes: VPIM1,
        check: vpim1_accepted_by_version_2,
        repair: None,
        samples: Samples::changed(
            VOICE1,
            &[("--b1\nContent-Type: audio/32KADPCM\nContent-Transfer-Encoding: base64\n\n\n", "")],
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

fn vpim1_voice_message_no_version(s: &Survey<'_>, f: &mut Findings<'_>) {
    for (id, e) in s.containers() {
        if let Some((name, _)) = e.content_type.parameters.iter().find(|(n, _)| *n != "boundary") {
            f.entity(id, format!("multipart/voice-message of version 1 with parameter {}", quoted(name)));
        }
    }
}

fn vpim1_third_part_any(s: &Survey<'_>, f: &mut Findings<'_>) {
    for (_, container) in s.containers() {
        for (id, e) in s.children(container).skip(2).filter(|(_, e)| e.content_type.main != "audio") {
            f.entity(id, format!("the message is {}", quoted(&e.content_type.essence())));
        }
    }
}

fn vpim1_voice_message_when_name_or_subject(s: &Survey<'_>, f: &mut Findings<'_>) {
    if s.containers().next().is_some() {
        return;
    }
    for (id, e) in s.audio() {
        let described = |x| value::text(s.octets(x)).to_ascii_lowercase();
        let description = s.fields(id, "Content-Description").next().map(described).unwrap_or_default();
        let spoken = ["spoken name", "spoken subject"].iter().any(|w| description.contains(w));
        let kind = s.disposition(e, "voice").and_then(VoiceKind::parse);
        if spoken || kind.is_some_and(|k| k != VoiceKind::VoiceMessage) {
            f.entity(id, "a spoken name or subject outside of multipart/voice-message");
        }
    }
}

fn vpim1_text_name_order(s: &Survey<'_>, f: &mut Findings<'_>) {
    for field in ["From", "To", "Cc"].into_iter().flat_map(|n| s.fields(ROOT, n)) {
        for phrase in phrases(s.octets(field)) {
            let text = String::from_utf8_lossy(phrase.of(s.octets(field))).into_owned();
            match (text.starts_with('"'), text.contains(',')) {
                (false, true) => f.field(ROOT, field, format!("{} is not quoted", quoted(&text))),
                (_, false) if text.split_ascii_whitespace().count() > 1 => {
                    f.field(ROOT, field, format!("{} is not last name, first name", quoted(&text)))
                }
                _ => {}
            }
        }
    }
}

fn vpim1_nibble_order(s: &Survey<'_>, f: &mut Findings<'_>) {
    for (id, _) in s.audio() {
        let Some(order) = s.audio_facts(id).and_then(|a| a.nibble_order).filter(|o| o.confidence >= 0.5)
        else {
            continue;
        };
        let first = if order.swapped { "high" } else { "low" };
        f.entity(
            id,
            format!("the first code word is in the {first} half (certainty {:.2})", order.confidence),
        );
    }
}

fn vpim1_accepted_by_version_2(s: &Survey<'_>, f: &mut Findings<'_>) {
    for (id, e) in s.containers().filter(|(_, e)| e.children().len() != 3) {
        f.entity(
            id,
            format!("{} parts: which is name, subject and message cannot be known", e.children().len()),
        );
    }
}

/// The names before addresses in angle brackets, in the octets of an address field.
fn phrases(value: &[u8]) -> Vec<Span> {
    let mut out = Vec::new();
    let mut start = 0;
    for open in memchr::memchr_iter(b'<', value) {
        let before = value.get(start..open).unwrap_or_default();
        // Commas, blanks and complete addresses between the last bracket and this name.
        let from = before
            .iter()
            .rposition(|c| *c == b'@')
            .and_then(|at| before.get(at..)?.iter().position(|c| *c == b',').map(|comma| at + comma));
        let skip = from.unwrap_or(0);
        let rest = before.get(skip..).unwrap_or_default();
        let lead = rest.iter().take_while(|c| matches!(c, b',' | b' ' | b'\t' | b'\r' | b'\n')).count();
        let text = rest.get(lead..).unwrap_or_default().trim_ascii_end();
        if !text.is_empty() {
            let at = start + skip + lead;
            out.push(Span::new(at, at + text.len()));
        }
        start =
            value.get(open..).and_then(|v| memchr::memchr(b'>', v)).map_or(value.len(), |at| open + at + 1);
        if start >= value.len() {
            break;
        }
    }
    out
}

fn quote_phrases(s: &Survey<'_>, edits: &mut EditList) {
    for field in ["From", "To", "Cc"].into_iter().flat_map(|n| s.fields(ROOT, n)) {
        let octets = s.octets(field);
        let mut value = octets.to_vec();
        for phrase in phrases(octets).into_iter().rev() {
            let text = phrase.of(octets);
            if text.contains(&b',') && !text.iter().any(|c| matches!(c, b'"' | b'\\' | b'(' | b'\r' | b'\n'))
            {
                value.splice(phrase.start..phrase.end, [b"\"", text, b"\""].concat());
            }
        }
        if value != octets {
            s.replace(edits, ROOT, field, &value);
        }
    }
}
