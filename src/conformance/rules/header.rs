//! Header fields of a voice message: RFC 3801 4.2, RFC 5322.

use super::header_mend::*;
use super::lookup::*;
use super::samples::*;
use crate::conformance::rule::{Findings, Level, Rule, Samples};
use crate::message::edit::EditList;
use crate::message::value;
use crate::vpim::Survey;

/// The rules.
pub static RULES: &[Rule] = &[
    Rule {
        id: "vpim2-from-present",
        level: Level::Must,
        rfc: 3801,
        section: "4.2.1",
        text: "The originator's full mailbox address appears in From.",
        remedy: "Configure the mailbox and the domain of the voice system, so that From can be answered.",
        classes: VPIM2,
        check: from_present,
        repair: Some(insert_from),
        samples: Samples::changed(VOICE, &[("From: \"Example, Ann\" <2001@vm.example.net>\n", "")]),
    },
    Rule {
        id: "vpim2-from-text-name",
        level: Level::Should,
        rfc: 3801,
        section: "4.2.1",
        text: "From carries the person's name in a quoted phrase when the name is known.",
        remedy: "Enter the names of the mailbox owners in the voice system.",
        classes: VPIM2,
        check: from_text_name,
        repair: Some(name_from_caller),
        samples: Samples::changed(
            VOICE,
            &[("\"Example, Ann\" ", ""), ("Subject:", "Caller-Name: Ann Example\nSubject:")],
        ),
    },
    Rule {
        id: "vpim2-date-present",
        level: Level::Must,
        rfc: 3801,
        section: "4.2.4",
        text: "Date states when the message was sent.",
        remedy: "Let the voice system write a Date of RFC 5322; check its clock.",
        classes: VPIM,
        check: date_present,
        repair: Some(insert_date),
        samples: Samples::changed(VOICE, &[("Date: Tue, 4 Mar 2025 09:00:00 +0100", "Date: yesterday")]),
    },
    Rule {
        id: "vpim2-date-zone-present",
        level: Level::Must,
        rfc: 3801,
        section: "4.2.4",
        text: "Date includes a time zone.",
        remedy: "Configure the time zone of the voice system.",
        classes: VPIM2,
        check: date_zone_present,
        repair: Some(add_zone),
        samples: Samples::changed(VOICE, &[("09:00:00 +0100\nMess", "09:00:00\nMess")]),
    },
    Rule {
        id: "vpim2-date-zone-numeric",
        level: Level::Should,
        rfc: 3801,
        section: "4.2.4",
        text: "The zone is a signed four-digit offset rather than a name.",
        remedy: "Write the zone as +hhmm or -hhmm.",
        classes: VPIM2,
        check: date_zone_numeric,
        repair: Some(number_zone),
        samples: Samples::changed(VOICE, &[("09:00:00 +0100\nMess", "09:00:00 GMT\nMess")]),
    },
    Rule {
        id: "vpim2-date-four-digit-year",
        level: Level::Must,
        rfc: 5322,
        section: "3.3",
        text: "Generated dates use a year of four digits and a correct day of week.",
        remedy: "Correct the date format of the voice system: four digits of the year and the right day of the week.",
        classes: VPIM,
        check: date_four_digit_year,
        repair: Some(write_date),
        samples: Samples::changed(VOICE, &[("Date: Tue, 4", "Date: Wed, 4")]),
    },
    Rule {
        id: "vpim2-return-path-not-sent",
        level: Level::MustNot,
        rfc: 3801,
        section: "4.2.6",
        text: "The originating system does not put a Return-Path field in the message.",
        remedy: "Switch off Return-Path in the sending system; the last MTA adds it.",
        classes: VPIM2,
        check: return_path_not_sent,
        repair: Some(delete_return_path),
        samples: Samples::changed(VOICE, &[("Subject:", "Return-Path: <2001@vm.example.net>\nSubject:")]),
    },
    Rule {
        id: "vpim2-message-id-present",
        level: Level::Must,
        rfc: 3801,
        section: "4.2.7",
        text: "Each message carries a Message-ID.",
        remedy: "Let the voice system write a Message-ID.",
        classes: VPIM2_OR_OTHER,
        check: message_id_present,
        repair: Some(insert_message_id),
        samples: Samples::changed(VOICE, &[("Message-ID: <a1@vm.example.net>\n", "")]),
    },
    Rule {
        id: "vpim2-message-id-syntax",
        level: Level::Must,
        rfc: 5322,
        section: "3.6.4",
        text: "The identifier is written as left@right inside angle brackets.",
        remedy: "Write the Message-ID as <left@right>.",
        classes: ALL,
        check: message_id_syntax,
        repair: Some(bracket_message_id),
        samples: Samples::changed(VOICE, &[("<a1@vm.example.net>", "a1@vm.example.net")]),
    },
    Rule {
        id: "vpim2-reply-to-absent",
        level: Level::ShouldNot,
        rfc: 3801,
        section: "4.2.8",
        text: "Senders avoid Reply-To because voice systems keep only one originator address.",
        remedy: "Do not send Reply-To; voice systems answer the From mailbox.",
        classes: VPIM2,
        check: reply_to_absent,
        repair: Some(delete_same_reply_to),
        samples: Samples::changed(VOICE, &[("Subject:", "Reply-To: <2001@vm.example.net>\nSubject:")]),
    },
    Rule {
        id: "vpim2-mime-version-present",
        level: Level::Must,
        rfc: 3801,
        section: "4.2.10",
        text: "MIME-Version is present and says 1.0.",
        remedy: "Let the voice system write MIME-Version: 1.0 (Voice 2.0).",
        classes: VPIM2_OR_OTHER,
        check: mime_version_present,
        repair: Some(insert_mime_version),
        samples: Samples::changed(VOICE, &[("MIME-Version: 1.0 (Voice 2.0)\n", "")]),
    },
    Rule {
        id: "vpim2-mime-version-voice-comment",
        level: Level::Should,
        rfc: 3801,
        section: "4.2.10",
        text: "The MIME-Version field has a comment with the token Voice 2.0.",
        remedy: "Let the voice system write MIME-Version: 1.0 (Voice 2.0).",
        classes: VPIM2_OR_OTHER,
        check: mime_version_voice_comment,
        repair: Some(add_voice_comment),
        samples: Samples::changed(VOICE, &[(" (Voice 2.0)", "")]),
    },
    Rule {
        id: "vpim2-content-type-present",
        level: Level::Must,
        rfc: 3801,
        section: "4.2.11",
        text: "The message header has a Content-Type.",
        remedy: "Let the voice system write a Content-Type with a type and a subtype.",
        classes: VPIM2,
        check: content_type_present,
        repair: None,
        samples: Samples::changed(
            VOICE,
            &[("Content-Type: multipart/voice-message; version=2.0; boundary=b1\n", "")],
        ),
    },
    Rule {
        id: "vpim2-sensitivity-private-token",
        level: Level::Must,
        rfc: 3801,
        section: "4.2.13",
        text: "A message the user marked private is sent with the value Private and no other.",
        remedy: "Mark private messages with Sensitivity: Private and nothing else.",
        classes: VPIM,
        check: sensitivity_private_token,
        repair: Some(make_private),
        samples: Samples::changed(VOICE, &[("Subject:", "Sensitivity: Private, Personal\nSubject:")]),
    },
    Rule {
        id: "vpim2-sensitivity-no-personal",
        level: Level::ShouldNot,
        rfc: 3801,
        section: "4.2.13",
        text: "Personal and Company-Confidential are not sent, as VPIM gives them no meaning.",
        remedy: "Use Private or nothing; VPIM gives the other values no meaning.",
        classes: VPIM2,
        check: sensitivity_no_personal,
        repair: None,
        samples: Samples::changed(VOICE, &[("Subject:", "Sensitivity: Personal\nSubject:")]),
    },
    Rule {
        id: "vpim2-sensitivity-normal-omitted",
        level: Level::Should,
        rfc: 3801,
        section: "4.2.13",
        text: "Normal sensitivity is expressed by leaving the field out.",
        remedy: "Leave the field out for ordinary messages.",
        classes: VPIM2,
        check: sensitivity_normal_omitted,
        repair: Some(delete_normal_sensitivity),
        samples: Samples::changed(VOICE, &[("Subject:", "Sensitivity: Normal\nSubject:")]),
    },
    Rule {
        id: "vpim2-importance-values",
        level: Level::Must,
        rfc: 3801,
        section: "4.2.14",
        text: "The only importance values are low, normal and high.",
        remedy: "Use low, normal or high.",
        classes: VPIM,
        check: importance_values,
        repair: Some(name_importance),
        samples: Samples::changed(VOICE, &[("Subject:", "Importance: urgent\nSubject:")]),
    },
    Rule {
        id: "vpim2-subject-present",
        level: Level::Should,
        rfc: 3801,
        section: "4.2.15",
        text: "A text Subject is generated for the benefit of text mailboxes.",
        remedy: "Let the voice system write a text Subject for readers of mail.",
        classes: VPIM2,
        check: subject_present,
        repair: Some(insert_subject),
        samples: Samples::changed(VOICE, &[("Subject: Voice Message\n", "")]),
    },
    Rule {
        id: "vpim2-mdn-request-field",
        level: Level::Should,
        rfc: 3801,
        section: "4.7",
        text: "The ability to ask for a disposition notification is exercised through Disposition-Notification-To.",
        remedy: "Let Disposition-Notification-To name a mailbox.",
        classes: ALL,
        check: mdn_request_field,
        repair: None,
        samples: Samples::changed(VOICE, &[("Subject:", "Disposition-Notification-To: yes\nSubject:")]),
    },
    Rule {
        id: "vpim2-private-no-forward",
        level: Level::Must,
        rfc: 3801,
        section: "4.2.13",
        text: "A message marked private cannot be forwarded by its recipient to anyone else.",
        remedy: "Private messages cannot be forwarded; take the marked message out.",
        classes: VPIM,
        check: private_no_forward,
        repair: None,
        samples: Samples::changed(FORWARD, &[("From: \"Test", "Sensitivity: Private\nFrom: \"Test")]),
    },
    Rule {
        id: "vpim2-private-ndn-not-private",
        level: Level::ShouldNot,
        rfc: 3801,
        section: "4.2.13",
        text: "The notice about a private message is itself not marked private.",
        remedy: "Do not mark the notice itself private.",
        classes: VPIM2,
        check: private_ndn_not_private,
        repair: Some(delete_private),
        samples: Samples::changed(DELIVERY, &[("Subject:", "Sensitivity: Private\nSubject:")]),
    },
    Rule {
        id: "vpim2421-same-originator-addresses",
        level: Level::Should,
        rfc: 2421,
        section: "4.2.1",
        text: "From, Reply-To, Sender and MAIL FROM hold the same address.",
        remedy: "Use one address in From, Reply-To, Sender and the envelope.",
        classes: RFC2421,
        check: vpim2421_same_originator_addresses,
        repair: None,
        samples: Samples::changed(VOICE_2421, &[("Subject:", "Sender: <2009@vm.example.net>\nSubject:")]),
    },
];

fn from_present(s: &Survey<'_>, f: &mut Findings<'_>) {
    let fields: Vec<_> = s.fields(ROOT, "From").collect();
    match fields.as_slice() {
        [] => f.missing(ROOT, "From", "no From"),
        [field] => {
            let mailboxes = s.mailboxes(field);
            if !mailboxes.iter().any(|m| m.domain().is_some_and(|d| d.contains('.'))) {
                f.field(ROOT, field, "no fully qualified address");
            }
        }
        [_, second, ..] => f.field(ROOT, second, "more than one From"),
    }
}

fn from_text_name(s: &Survey<'_>, f: &mut Findings<'_>) {
    let nameless =
        |m: &value::Mailbox| m.name.as_deref().is_none_or(str::is_empty) && !is_non_mail_user(&m.address);
    for field in s.fields(ROOT, "From").filter(|_| !s.is_report()) {
        if s.mailboxes(field).iter().any(nameless) {
            f.field(ROOT, field, "From has no text name");
        }
    }
}

fn date_present(s: &Survey<'_>, f: &mut Findings<'_>) {
    let fields: Vec<_> = s.fields(ROOT, "Date").collect();
    match fields.as_slice() {
        [] => f.missing(ROOT, "Date", "no Date"),
        [field] if !is_date(&s.text(field)) => f.field(ROOT, field, "Date cannot be read"),
        [_, second, ..] => f.field(ROOT, second, "more than one Date"),
        _ => {}
    }
}

fn date_zone_present(s: &Survey<'_>, f: &mut Findings<'_>) {
    for field in s.fields(ROOT, "Date") {
        let text = s.text(field);
        if is_date(&text) && zone(&text).is_none() {
            f.field(ROOT, field, "no time zone");
        }
    }
}

fn date_zone_numeric(s: &Survey<'_>, f: &mut Findings<'_>) {
    for field in s.fields(ROOT, "Date") {
        let text = s.text(field);
        if let Some(zone) = zone(&text).filter(|z| !z.starts_with(['+', '-'])) {
            f.field(ROOT, field, format!("zone {} is a name", quoted(zone)));
        }
    }
}

fn date_four_digit_year(s: &Survey<'_>, f: &mut Findings<'_>) {
    for field in s.fields(ROOT, "Date") {
        let text = s.text(field);
        let Some(date) = value::date(text.as_bytes()).filter(|_| is_date(&text)) else { continue };
        let day = text.split_once(',').map(|(d, _)| d.trim());
        let right = DAYS.get(usize::from(date.weekday)).copied().unwrap_or_default();
        let short_year = short_year(&text);
        if short_year {
            f.field(ROOT, field, "the year has two digits");
        }
        if let Some(day) = day.filter(|d| !short_year && !is_day(d, right)) {
            f.field(ROOT, field, format!("the day of the week is {right}, not {}", quoted(day)));
        }
    }
}

/// Days of the week, Sunday first.
pub const DAYS: [&str; 7] = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"];

/// True where a day of the week, however long it is written, is `right`.
pub fn is_day(day: &str, right: &str) -> bool {
    day.get(..3).is_some_and(|d| d.eq_ignore_ascii_case(right))
}

/// True where no word of a date is a year of four digits.
pub fn short_year(text: &str) -> bool {
    !words(text.as_bytes()).iter().any(|w| w.len() == 4 && w.bytes().all(|c| c.is_ascii_digit()))
}

fn return_path_not_sent(s: &Survey<'_>, f: &mut Findings<'_>) {
    for field in s.fields(ROOT, "Return-Path") {
        f.field(ROOT, field, "Return-Path before final delivery");
    }
}

fn message_id_present(s: &Survey<'_>, f: &mut Findings<'_>) {
    let fields: Vec<_> = s.fields(ROOT, "Message-ID").collect();
    match fields.as_slice() {
        [] => f.missing(ROOT, "Message-ID", "no Message-ID"),
        [field] if s.text(field).is_empty() => f.field(ROOT, field, "Message-ID is empty"),
        [_, second, ..] => f.field(ROOT, second, "more than one Message-ID"),
        _ => {}
    }
}

fn message_id_syntax(s: &Survey<'_>, f: &mut Findings<'_>) {
    for field in s.fields(ROOT, "Message-ID") {
        let text = s.text(field);
        if !text.is_empty() && bracketed(&text).as_ref() != Some(&text) {
            f.field(ROOT, field, format!("{} is not <left@right>", quoted(&text)));
        }
    }
}

fn reply_to_absent(s: &Survey<'_>, f: &mut Findings<'_>) {
    for field in s.fields(ROOT, "Reply-To") {
        f.field(ROOT, field, "Reply-To present");
    }
}

fn mime_version_present(s: &Survey<'_>, f: &mut Findings<'_>) {
    let fields: Vec<_> = s.fields(ROOT, "MIME-Version").collect();
    match fields.as_slice() {
        [] => f.missing(ROOT, "MIME-Version", "no MIME-Version"),
        [field] if words(s.octets(field)).concat() != "1.0" => {
            f.field(ROOT, field, "MIME-Version is not 1.0")
        }
        [_, second, ..] => f.field(ROOT, second, "more than one MIME-Version"),
        _ => {}
    }
}

fn mime_version_voice_comment(s: &Survey<'_>, f: &mut Findings<'_>) {
    let Some(field) = s.top("MIME-Version").filter(|_| !s.is_report() && s.has_audio()) else {
        return;
    };
    if !claims_voice_2(s.octets(field)) {
        f.field(ROOT, field, "no comment (Voice 2.0)");
    }
}

fn content_type_present(s: &Survey<'_>, f: &mut Findings<'_>) {
    if !s.message.root().type_declared {
        match s.top("Content-Type") {
            Some(field) => f.field(ROOT, field, "no type/subtype"),
            None => f.missing(ROOT, "Content-Type", "no Content-Type"),
        }
    }
}

fn sensitivity_private_token(s: &Survey<'_>, f: &mut Findings<'_>) {
    let fields: Vec<_> = s.fields(ROOT, "Sensitivity").collect();
    const KNOWN: [&str; 5] =
        ["private", "personal", "company-confidential", "company confidential", "normal"];
    for field in &fields {
        let text = s.text(field).to_ascii_lowercase();
        if !KNOWN.contains(&text.as_str()) {
            f.field(ROOT, field, format!("value {} is not defined", quoted(&text)));
        }
    }
    if let [_, second, ..] = fields.as_slice() {
        f.field(ROOT, second, "more than one Sensitivity");
    }
}

fn sensitivity_no_personal(s: &Survey<'_>, f: &mut Findings<'_>) {
    let value = s.top_token("Sensitivity").unwrap_or_default();
    if let Some(field) = s.top("Sensitivity")
        && ["personal", "company-confidential", "company confidential"].contains(&value.as_str())
    {
        f.field(ROOT, field, format!("value {}", quoted(&value)));
    }
}

fn sensitivity_normal_omitted(s: &Survey<'_>, f: &mut Findings<'_>) {
    for field in s.fields(ROOT, "Sensitivity").filter(|x| s.text(x).eq_ignore_ascii_case("normal")) {
        f.field(ROOT, field, "Normal is expressed by leaving the field out");
    }
}

fn importance_values(s: &Survey<'_>, f: &mut Findings<'_>) {
    for field in s.fields(ROOT, "Importance") {
        let text = s.text(field).to_ascii_lowercase();
        if !["low", "normal", "high"].contains(&text.as_str()) {
            f.field(ROOT, field, format!("value {} is not defined", quoted(&text)));
        }
    }
}

fn subject_present(s: &Survey<'_>, f: &mut Findings<'_>) {
    match s.top("Subject") {
        None => f.missing(ROOT, "Subject", "no Subject"),
        Some(field) if value::text(s.octets(field)).is_empty() => f.field(ROOT, field, "Subject is empty"),
        Some(_) => {}
    }
}

fn mdn_request_field(s: &Survey<'_>, f: &mut Findings<'_>) {
    for field in s.fields(ROOT, "Disposition-Notification-To") {
        if s.mailboxes(field).iter().all(|m| m.domain().is_none()) {
            f.field(ROOT, field, "no mailbox to notify");
        }
    }
}

fn private_no_forward(s: &Survey<'_>, f: &mut Findings<'_>) {
    for (id, _) in s.forwarded() {
        for field in
            s.fields(id, "Sensitivity").filter(|x| s.text(x).to_ascii_lowercase().contains("private"))
        {
            f.field(id, field, "a private message is forwarded");
        }
    }
}

fn private_ndn_not_private(s: &Survey<'_>, f: &mut Findings<'_>) {
    let private = s.top("Sensitivity").filter(|x| s.is_report() && s.text(x).eq_ignore_ascii_case("private"));
    if let Some(field) = private {
        f.field(ROOT, field, "a report that is marked private");
    }
}

fn vpim2421_same_originator_addresses(s: &Survey<'_>, f: &mut Findings<'_>) {
    let Some(from) = s.all_mailboxes("From").into_iter().next() else { return };
    for field in ["Reply-To", "Sender"].into_iter().flat_map(|n| s.fields(ROOT, n)) {
        if s.mailboxes(field).iter().any(|m| !same_mailbox(&m.address, &from.address)) {
            f.field(ROOT, field, "differs from From");
        }
    }
}

/// A date of RFC 5322 3.3, also where the zone is missing.
pub fn is_date(text: &str) -> bool {
    let zoned = if zone(text).is_some() { text.to_owned() } else { format!("{text} +0000") };
    let is_time = |w: &String| w.contains(':') && w.starts_with(|c: char| c.is_ascii_digit());
    value::date(zoned.as_bytes()).is_some() && words(text.as_bytes()).iter().any(is_time)
}

/// What follows the time of day.
pub fn zone(text: &str) -> Option<&str> {
    text.split_ascii_whitespace().skip_while(|w| !w.contains(':')).nth(1)
}

fn claims_voice_2(octets: &[u8]) -> bool {
    let field = crate::message::structured::parameterized(octets);
    let squeezed = |c: &String| c.split_ascii_whitespace().collect::<Vec<_>>().join(" ").to_ascii_lowercase();
    field.comments.iter().any(|c| squeezed(c).contains("voice 2.0"))
}

fn delete_return_path(s: &Survey<'_>, edits: &mut EditList) {
    s.fields(ROOT, "Return-Path").for_each(|field| s.delete(edits, field));
}

fn delete_normal_sensitivity(s: &Survey<'_>, edits: &mut EditList) {
    let normal = s.fields(ROOT, "Sensitivity").filter(|x| s.text(x).eq_ignore_ascii_case("normal"));
    normal.for_each(|field| s.delete(edits, field));
}

fn insert_mime_version(s: &Survey<'_>, edits: &mut EditList) {
    if s.top("MIME-Version").is_none() {
        insert(edits, "MIME-Version", if s.is_report() { "1.0" } else { "1.0 (Voice 2.0)" });
    }
}

fn add_voice_comment(s: &Survey<'_>, edits: &mut EditList) {
    let Some(field) = s.top("MIME-Version") else { return };
    if !s.is_report() && !claims_voice_2(s.octets(field)) && words(s.octets(field)).concat() == "1.0" {
        s.replace(edits, ROOT, field, b" 1.0 (Voice 2.0)");
    }
}

fn insert_subject(s: &Survey<'_>, edits: &mut EditList) {
    if s.top("Subject").is_none() {
        insert(edits, "Subject", if s.audio().next().is_some() { "Voice Message" } else { "Fax Message" });
    }
}
