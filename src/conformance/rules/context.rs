//! Message-Context, Caller-ID and Caller-Name: RFC 3458, RFC 3939.

use super::lookup::*;
use super::samples::*;
use crate::conformance::rule::{Findings, Level, Rule, Samples};
use crate::message::edit::EditList;
use crate::message::{Field, value};
use crate::vpim::Survey;

/// The rules.
pub static RULES: &[Rule] = &[
    Rule {
        id: "context-registered-value",
        level: Level::Must,
        rfc: 3458,
        section: "6.2",
        text: "The value is a registered class.",
        remedy: "Write one of the registered classes.",
        classes: ALL,
        check: context_registered_value,
        repair: Some(name_context),
        samples: Samples::changed(VOICE, &[("Subject:", "Message-Context: voicemail\nSubject:")]),
    },
    Rule {
        id: "context-at-most-one",
        level: Level::Must,
        rfc: 3458,
        section: "8.3",
        text: "The field occurs at most once.",
        remedy: "Write the field once.",
        classes: ALL,
        check: context_at_most_one,
        repair: Some(keep_first_context),
        samples: Samples::changed(
            INTERNET,
            &[("Content-Type: multipart", "Message-Context: none\nContent-Type: multipart")],
        ),
    },
    Rule {
        id: "context-top-level-only",
        level: Level::Must,
        rfc: 3458,
        section: "6",
        text: "It is a field of the message header, not of a body part.",
        remedy: "Write the field in the header of the message.",
        classes: ALL,
        check: context_top_level_only,
        repair: None,
        samples: Samples::changed(VOICE, &[("Content-Duration: 1", "Message-Context: voice-message")]),
    },
    Rule {
        id: "context-matches-content",
        level: Level::Should,
        rfc: 3458,
        section: "8.1",
        text: "voice-message announces mainly audio, fax-message mainly images.",
        remedy: "Write voice-message for voice and fax-message for fax.",
        classes: ALL,
        check: context_matches_content,
        repair: None,
        samples: Samples::changed(VOICE, &[("Subject:", "Message-Context: fax-message\nSubject:")]),
    },
    Rule {
        id: "caller-id-digits",
        level: Level::Must,
        rfc: 3939,
        section: "3",
        text: "Caller-ID contains the digits of the number only.",
        remedy: "Write the digits of the number only.",
        classes: ALL,
        check: caller_id_digits,
        repair: Some(digits_only),
        samples: Samples::changed(VOICE, &[("Subject:", "Caller-ID: 613-555-0100\nSubject:")]),
    },
    Rule {
        id: "caller-id-no-prefix-symbols",
        level: Level::MustNot,
        rfc: 3939,
        section: "3.2",
        text: "International prefixes and symbols such as + are left out of Caller-ID.",
        remedy: "Leave + and prefixes out.",
        classes: ALL,
        check: caller_id_no_prefix_symbols,
        repair: Some(digits_only),
        samples: Samples::changed(VOICE, &[("Subject:", "Caller-ID: +16135550100\nSubject:")]),
    },
    Rule {
        id: "caller-name-length",
        level: Level::MustNot,
        rfc: 3939,
        section: "4",
        text: "Caller-Name is not longer than 50 characters.",
        remedy: "Shorten the name to 50 characters.",
        classes: ALL,
        check: caller_name_length,
        repair: None,
        samples: Samples::changed(
            VOICE,
            &[(
                "Subject:",
                "Caller-Name: A name that is a good deal longer than fifty characters are\nSubject:",
            )],
        ),
    },
    Rule {
        id: "caller-name-ascii",
        level: Level::Must,
        rfc: 3939,
        section: "4",
        text: "Caller-Name is ASCII, other scripts being written as encoded-words.",
        remedy: "Write other scripts as encoded words.",
        classes: ALL,
        check: caller_name_ascii,
        repair: None,
        samples: Samples::changed(VOICE, &[("Subject:", "Caller-Name: André\nSubject:")]),
    },
    Rule {
        id: "context-video-value",
        level: Level::May,
        rfc: 3938,
        section: "3.1",
        text: "The class video-message may be used.",
        remedy: "Use it only for recipients whose clients know it.",
        classes: ALL,
        check: context_video_value,
        repair: None,
        samples: Samples::changed(VOICE, &[("Subject:", "Message-Context: video-message\nSubject:")]),
    },
    Rule {
        id: "caller-id-numbering-plan",
        level: Level::May,
        rfc: 3939,
        section: "5.1",
        text: "NumberingPlan=unknown, local, e164 or an x- token may follow the number.",
        remedy: "Leave the qualifier out, or write one that RFC 3939 names.",
        classes: ALL,
        check: caller_id_numbering_plan,
        repair: Some(drop_numbering_plan),
        samples: Samples::changed(
            VOICE,
            &[("Subject:", "Caller-ID: 6135550100, NumberingPlan=national\nSubject:")],
        ),
    },
];

fn context_registered_value(s: &Survey<'_>, f: &mut Findings<'_>) {
    for field in s.fields(ROOT, "Message-Context") {
        let text = s.text(field).to_ascii_lowercase();
        if !is_registered(&text) {
            f.field(ROOT, field, format!("{} is not registered", quoted(&text)));
        }
    }
}

/// True for a class of RFC 3458 6.2 or RFC 3938 3.1, in lower case.
pub fn is_registered(class: &str) -> bool {
    const CLASSES: [&str; 7] = [
        "voice-message",
        "fax-message",
        "pager-message",
        "multimedia-message",
        "text-message",
        "video-message",
        "none",
    ];
    CLASSES.contains(&class)
}

fn context_at_most_one(s: &Survey<'_>, f: &mut Findings<'_>) {
    if let Some(second) = s.fields(ROOT, "Message-Context").nth(1) {
        f.field(ROOT, second, "a second Message-Context");
    }
}

fn context_top_level_only(s: &Survey<'_>, f: &mut Findings<'_>) {
    let is_part = |e: &crate::message::Entity| {
        e.parent.and_then(|p| s.message.entity(p)).is_some_and(|p| p.content_type.main != "message")
    };
    for (id, _) in s.judged().filter(|(_, e)| is_part(e)) {
        for field in s.fields(id, "Message-Context") {
            f.field(id, field, "Message-Context in the header of a part");
        }
    }
}

fn context_matches_content(s: &Survey<'_>, f: &mut Findings<'_>) {
    let Some(field) = s.top("Message-Context") else { return };
    let (audio, fax) = (s.audio().next().is_some(), s.tiffs().next().is_some());
    match s.text(field).to_ascii_lowercase().as_str() {
        "voice-message" if !audio && fax => f.field(ROOT, field, "voice-message for a fax"),
        "fax-message" if audio && !fax => f.field(ROOT, field, "fax-message for voice"),
        _ => {}
    }
}

fn caller_id_digits(s: &Survey<'_>, f: &mut Findings<'_>) {
    for field in s.fields(ROOT, "Caller-ID") {
        let text = s.text(field);
        let number = text.split(',').next().unwrap_or_default().trim();
        if number.is_empty() || !number.bytes().all(|c| c.is_ascii_digit()) {
            f.field(ROOT, field, format!("{} is not all digits", quoted(number)));
        }
    }
}

fn caller_id_no_prefix_symbols(s: &Survey<'_>, f: &mut Findings<'_>) {
    for field in s.fields(ROOT, "Caller-ID").filter(|x| s.text(x).starts_with('+')) {
        f.field(ROOT, field, "the number begins with +");
    }
}

fn caller_name_length(s: &Survey<'_>, f: &mut Findings<'_>) {
    for field in s.fields(ROOT, "Caller-Name") {
        let length = value::text(s.octets(field)).chars().count();
        if length > 50 {
            f.field(ROOT, field, format!("{length} characters"));
        }
    }
}

fn caller_name_ascii(s: &Survey<'_>, f: &mut Findings<'_>) {
    for field in s.fields(ROOT, "Caller-Name").filter(|x| !s.octets(x).is_ascii()) {
        f.field(ROOT, field, "octets that are not ASCII");
    }
}

fn context_video_value(s: &Survey<'_>, f: &mut Findings<'_>) {
    for field in s.fields(ROOT, "Message-Context") {
        if s.text(field).eq_ignore_ascii_case("video-message") {
            f.field(ROOT, field, "video-message, which came after RFC 3458");
        }
    }
}

fn caller_id_numbering_plan(s: &Survey<'_>, f: &mut Findings<'_>) {
    for (field, _, plan, known) in numbering_plans(s) {
        let what = if known { "is named" } else { "is none of RFC 3939" };
        f.field(ROOT, field, format!("the numbering plan {} {what}", quoted(&plan)));
    }
}

fn drop_numbering_plan(s: &Survey<'_>, edits: &mut EditList) {
    for (field, number, ..) in numbering_plans(s).filter(|(.., known)| !known) {
        s.replace(edits, ROOT, field, format!(" {number}").as_bytes());
    }
}

/// Caller-ID fields with a qualifier: number, qualifier, whether RFC 3939 5.1 knows it.
fn numbering_plans<'a>(s: &'a Survey<'_>) -> impl Iterator<Item = (&'a Field, String, String, bool)> {
    s.fields(ROOT, "Caller-ID").filter_map(|field| {
        let text = s.text(field);
        let (number, plan) = text.split_once(',')?;
        let (name, value) = plan.split_once('=').unwrap_or((plan, ""));
        let value = value.trim().to_ascii_lowercase();
        let known = name.trim().eq_ignore_ascii_case("NumberingPlan")
            && (matches!(value.as_str(), "unknown" | "local" | "e164")
                || value.len() > 2 && value.starts_with("x-"));
        Some((field, number.trim().to_owned(), plan.trim().to_owned(), known))
    })
}

/// The digits of a number; a plus says that the number is an international one (RFC 3939 5.1).
fn digits_only(s: &Survey<'_>, edits: &mut EditList) {
    for field in s.fields(ROOT, "Caller-ID") {
        let text = s.text(field);
        let (number, plan) = text.split_once(',').map_or((text.as_str(), None), |(n, p)| (n.trim(), Some(p)));
        let digits: String = number.chars().filter(char::is_ascii_digit).collect();
        if digits == number && !digits.is_empty() {
            continue;
        }
        let value = match plan {
            _ if digits.is_empty() => None,
            Some(plan) => Some(format!(" {digits},{plan}")),
            None if number.starts_with('+') && digits.len() <= 15 => {
                Some(format!(" {digits}, NumberingPlan=e164"))
            }
            None => Some(format!(" {digits}")),
        };
        match value {
            Some(value) => s.replace(edits, ROOT, field, value.as_bytes()),
            None => s.delete(edits, field),
        }
    }
}

fn keep_first_context(s: &Survey<'_>, edits: &mut EditList) {
    s.keep_first(edits, ROOT, "Message-Context");
}

/// What the parts are, where they are of one kind; otherwise an unknown class says nothing.
fn name_context(s: &Survey<'_>, edits: &mut EditList) {
    let class = match (s.audio().next().is_some(), s.tiffs().next().is_some()) {
        (true, false) => Some(b" voice-message".as_slice()),
        (false, true) => Some(b" fax-message".as_slice()),
        _ => None,
    };
    for field in s.fields(ROOT, "Message-Context") {
        match class {
            _ if is_registered(&s.text(field).to_ascii_lowercase()) => {}
            Some(class) => s.replace(edits, ROOT, field, class),
            None => s.delete(edits, field),
        }
    }
}
