//! Content-Disposition and the other fields of parts: RFC 3801 4.3, RFC 2183, RFC 2045.

use super::lookup::*;
use super::samples::*;
use crate::conformance::rule::{Findings, Level, Rule, Samples};
use crate::message::edit::EditList;
use crate::message::{Entity, EntityId};
use crate::vpim::Survey;
use crate::vpim::VoiceKind;

/// The rules.
pub static RULES: &[Rule] = &[
    Rule {
        id: "vpim2-content-disposition-present",
        level: Level::Must,
        rfc: 3801,
        section: "4.3.2",
        text: "Each audio part of a voice message has a Content-Disposition.",
        remedy: "Let the voice system write Content-Disposition: inline; voice=Voice-Message.",
        classes: VPIM2,
        check: content_disposition_present,
        repair: Some(add_disposition),
        samples: Samples::changed(
            VOICE,
            &[("Content-Disposition: inline; voice=Voice-Message; filename=m1.726\n", "")],
        ),
    },
    Rule {
        id: "vpim2-audio-disposition-inline",
        level: Level::Must,
        rfc: 3801,
        section: "4.3.2",
        text: "The disposition of audio contents is inline.",
        remedy: "Let the voice system write inline instead of attachment.",
        classes: VPIM2_OR_OTHER,
        check: audio_disposition_inline,
        repair: Some(make_inline),
        samples: Samples::changed(
            VOICE,
            &[("inline; voice=Voice-Message", "attachment; voice=Voice-Message")],
        ),
    },
    Rule {
        id: "vpim2-voice-parameter-values",
        level: Level::Must,
        rfc: 3801,
        section: "4.3.2",
        text: "The voice parameter distinguishes audio contents with one of five defined values.",
        remedy: "Let the voice system write one of the five voice values.",
        classes: VPIM2,
        check: voice_parameter_values,
        repair: Some(spell_voice),
        samples: Samples::changed(VOICE, &[("voice=Voice-Message;", "voice=VoiceMessage;")]),
    },
    Rule {
        id: "vpim2-one-instance-per-voice-type",
        level: Level::Should,
        rfc: 3801,
        section: "4.3.2",
        text: "Each voice type occurs once per message level.",
        remedy: "Send each kind of audio once.",
        classes: VPIM2,
        check: one_instance_per_voice_type,
        repair: None,
        samples: Samples::changed(VOICE, &[("voice=Originator-Spoken-Name", "voice=Voice-Message")]),
    },
    Rule {
        id: "vpim2-recipient-spoken-name-single",
        level: Level::MustNot,
        rfc: 3801,
        section: "4.3.2",
        text: "A recipient-spoken-name part is not used when the message has several recipients.",
        remedy: "Leave the spoken name of the recipient out when there are several.",
        classes: VPIM2,
        check: recipient_spoken_name_single,
        repair: Some(remove_recipient_names),
        samples: Samples::changed(
            VOICE,
            &[
                ("voice=Originator", "voice=Recipient"),
                ("To: <3002@vm.example.org>", "To: <3002@vm.example.org>, <3003@vm.example.org>"),
            ],
        ),
    },
    Rule {
        id: "vpim2-disposition-filename-safe",
        level: Level::ShouldNot,
        rfc: 2183,
        section: "2.3",
        text: "Directory information in a filename is not obeyed.",
        remedy: "Send plain file names.",
        classes: ALL,
        check: disposition_filename_safe,
        repair: Some(make_names_safe),
        samples: Samples::changed(VOICE, &[("filename=m1.726", "filename=\"../m1.726\"")]),
    },
    Rule {
        id: "vpim2-content-id-form",
        level: Level::Must,
        rfc: 2045,
        section: "7",
        text: "A Content-ID is unique and written in angle brackets like a Message-ID.",
        remedy: "Write Content-ID as <left@right>, different in each part.",
        classes: VPIM2,
        check: content_id_form,
        repair: Some(bracket_content_ids),
        samples: Samples::changed(VOICE, &[("Content-Duration: 1", "Content-ID: part1@vm.example.net")]),
    },
    Rule {
        id: "vpim2-content-language-tag",
        level: Level::Must,
        rfc: 3801,
        section: "4.3.4",
        text: "The language is coded as a standard language tag.",
        remedy: "Write a language tag like en-GB.",
        classes: VPIM2,
        check: content_language_tag,
        repair: None,
        samples: Samples::changed(VOICE, &[("Content-Duration: 1", "Content-Language: British English")]),
    },
];

fn content_disposition_present(s: &Survey<'_>, f: &mut Findings<'_>) {
    for (id, _) in s.audio() {
        match s.fields(id, "Content-Disposition").nth(1) {
            Some(second) => f.field(id, second, "more than one Content-Disposition"),
            None if s.fields(id, "Content-Disposition").next().is_none() => {
                f.missing(id, "Content-Disposition", "no Content-Disposition")
            }
            None => {}
        }
    }
}

fn audio_disposition_inline(s: &Survey<'_>, f: &mut Findings<'_>) {
    for (body, e) in s.judged_bodies().filter(|(_, e)| !is_tiff(e) && !is_pdf(e)) {
        let Some(head) = e.disposition.as_ref().map(|d| d.head.as_str()) else { continue };
        if let Some(field) = s.fields(body.entity, "Content-Disposition").next().filter(|_| head != "inline")
        {
            f.field(body.entity, field, format!("disposition of audio is {}", quoted(head)));
        }
    }
}

fn voice_parameter_values(s: &Survey<'_>, f: &mut Findings<'_>) {
    for (id, e) in s.audio().filter(|(_, e)| e.disposition.is_some()) {
        let Some(field) = s.fields(id, "Content-Disposition").next() else { continue };
        match s.disposition(e, "voice") {
            Some(v) if VoiceKind::parse(v).is_none() => {
                f.field(id, field, format!("voice={} is not defined", quoted(v)))
            }
            None if s.audio().count() > 1 => {
                f.field(id, field, "one of several audio parts, and no voice parameter")
            }
            _ => {}
        }
    }
}

fn one_instance_per_voice_type(s: &Survey<'_>, f: &mut Findings<'_>) {
    for (_, container) in s.containers() {
        for kind in VoiceKind::ALL {
            let of_kind = |e| s.disposition(e, "voice").and_then(VoiceKind::parse) == Some(kind);
            if let Some((id, _)) = s.children(container).filter(|(_, e)| of_kind(e)).nth(1) {
                f.entity(id, format!("a second {}", kind.name()));
            }
        }
    }
}

fn recipient_spoken_name_single(s: &Survey<'_>, f: &mut Findings<'_>) {
    for (id, recipients) in recipient_names(s) {
        f.entity(id, format!("a recipient's spoken name for {recipients} recipients"));
    }
}

/// The spoken names of recipients in a message for several, and how many these are.
fn recipient_names(s: &Survey<'_>) -> Vec<(EntityId, usize)> {
    let header: Vec<_> = ["To", "Cc"].into_iter().flat_map(|n| s.all_mailboxes(n)).collect();
    let recipients = s.envelope.rcpt_to.len().max(header.len());
    let is_name =
        |e| s.disposition(e, "voice").and_then(VoiceKind::parse) == Some(VoiceKind::RecipientSpokenName);
    let names = s.contents().filter(|(_, e)| recipients > 1 && is_name(e));
    names.map(|(id, _)| (id, recipients)).collect()
}

fn is_unsafe(name: &str) -> bool {
    name.len() > 255
        || name.contains(['/', '\\'])
        || name.contains("..")
        || name.chars().any(char::is_control)
}

fn disposition_filename_safe(s: &Survey<'_>, f: &mut Findings<'_>) {
    for (body, e) in s.judged_bodies() {
        let Some(name) = s.disposition(e, "filename") else { continue };
        if is_unsafe(name) {
            f.entity(body.entity, format!("file name {} could lead elsewhere", quoted(name)));
        }
    }
}

fn content_id_form(s: &Survey<'_>, f: &mut Findings<'_>) {
    let mut seen = std::collections::HashSet::new();
    for (id, _) in s.judged() {
        let Some(field) = s.fields(id, "Content-ID").next() else { continue };
        let text = s.text(field);
        if !(text.starts_with('<') && text.ends_with('>')) {
            f.field(id, field, format!("{} is not in angle brackets", quoted(&text)));
        } else if !seen.insert(text) {
            f.field(id, field, "the same Content-ID on two parts");
        }
    }
}

fn content_language_tag(s: &Survey<'_>, f: &mut Findings<'_>) {
    let is_tag = |t: &str| {
        t.split('-').all(|s| (1..=8).contains(&s.len()) && s.bytes().all(|c| c.is_ascii_alphanumeric()))
    };
    for (id, _) in s.audio() {
        let Some(field) = s.fields(id, "Content-Language").next() else { continue };
        if let Some(bad) = s.text(field).split(',').map(str::trim).find(|t| !is_tag(t)) {
            f.field(id, field, format!("{} is no language tag", quoted(bad)));
        }
    }
}

fn is_pdf(e: &Entity) -> bool {
    e.content_type.is("application/pdf")
}

/// Writes `inline` over another disposition type of a part.
fn make_inline(s: &Survey<'_>, edits: &mut EditList) {
    for (id, e) in s.audio().filter(|(id, _)| *id != ROOT) {
        let Some(disposition) = e.disposition.as_ref().filter(|d| d.head != "inline" && !d.head.is_empty())
        else {
            continue;
        };
        let Some(field) = s.fields(id, "Content-Disposition").next() else { continue };
        let value = s.octets(field);
        let head = disposition.head.as_bytes();
        if let Some(at) = value.windows(head.len()).position(|w| w.eq_ignore_ascii_case(head)) {
            let start = field.value.start + at;
            edits.body(crate::message::Span::new(start, start + head.len()), b"inline".to_vec());
        }
    }
}

/// Writes a disposition where it is certain what the part is: no other part is the voice message.
fn add_disposition(s: &Survey<'_>, edits: &mut EditList) {
    for (_, container) in s.containers() {
        let audio = || s.children(container).filter(|(_, e)| e.content_type.main == "audio");
        let is_message =
            |e| s.disposition(e, "voice").and_then(VoiceKind::parse) == Some(VoiceKind::VoiceMessage);
        let mut bare = audio().filter(|(_, e)| e.disposition.is_none());
        if let (Some((_, part)), None, false) =
            (bare.next(), bare.next(), audio().any(|(_, e)| is_message(e)))
        {
            insert_in_part(s, edits, part, "Content-Disposition: inline; voice=Voice-Message");
        }
    }
}

/// The defined value a sender meant: only the signs between the words differ.
fn meant(value: &str) -> Option<VoiceKind> {
    let letters = |v: &str| {
        v.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_lowercase()).collect::<String>()
    };
    VoiceKind::ALL.into_iter().find(|k| letters(k.name()) == letters(value))
}

/// Spells values as defined; the one audio part without a value is the message, where no other is.
fn spell_voice(s: &Survey<'_>, edits: &mut EditList) {
    let kind = |e: &Entity| s.disposition(e, "voice").and_then(meant);
    let bare = |e: &Entity| e.disposition.is_some() && s.disposition(e, "voice").is_none();
    let alone = s.audio().filter(|(_, e)| bare(e)).count() == 1
        && s.audio().count() > 1
        && !s.audio().any(|(_, e)| kind(e) == Some(VoiceKind::VoiceMessage));
    for (id, e) in s.audio() {
        let undefined = s.disposition(e, "voice").is_some_and(|v| VoiceKind::parse(v).is_none());
        match kind(e) {
            Some(kind) if undefined => s.set_disposition(edits, id, "voice", kind.name()),
            None if alone && bare(e) => {
                s.set_disposition(edits, id, "voice", VoiceKind::VoiceMessage.name());
            }
            _ => {}
        }
    }
}

fn remove_recipient_names(s: &Survey<'_>, edits: &mut EditList) {
    for (id, _) in recipient_names(s) {
        s.remove_part(edits, id);
    }
}

/// The last component of a name, without what no file system should be given.
fn safe_name(name: &str) -> String {
    let last = name.rsplit(['/', '\\']).next().unwrap_or_default();
    let mut out = String::new();
    for c in last.chars().take(255) {
        match c {
            '.' if out.is_empty() || out.ends_with('.') => {}
            c if c.is_ascii() && !c.is_ascii_control() => out.push(c),
            _ => out.push('_'),
        }
    }
    if out.is_empty() { "part".to_owned() } else { out }
}

fn make_names_safe(s: &Survey<'_>, edits: &mut EditList) {
    for (body, e) in s.judged_bodies() {
        if let Some(name) = s.disposition(e, "filename").filter(|name| is_unsafe(name)) {
            s.set_disposition(edits, body.entity, "filename", &safe_name(name));
        }
    }
}

fn bracket_content_ids(s: &Survey<'_>, edits: &mut EditList) {
    for (id, _) in s.judged() {
        let Some(field) = s.fields(id, "Content-ID").next() else { continue };
        let text = s.text(field);
        if let Some(right) = super::header_mend::bracketed(&text).filter(|right| *right != text) {
            s.replace(edits, id, field, format!(" {right}").as_bytes());
        }
    }
}
