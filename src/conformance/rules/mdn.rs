//! Disposition notifications: RFC 3801 4.7, RFC 8098.

use super::lookup::*;
use super::samples::*;
use super::status::*;
use crate::conformance::rule::{Findings, Level, Rule, Samples};
use crate::message::edit::EditList;
use crate::message::{Entity, EntityId, Field, Span, mend};
use crate::vpim::{Survey, VoiceKind};

/// The rules.
pub static RULES: &[Rule] = &[
    Rule {
        id: "vpim2-send-disposition-notification",
        level: Level::Should,
        rfc: 3801,
        section: "4.7",
        text: "Disposition notifications are supported and then follow the MDN format.",
        remedy: "Let the voice system write a message/disposition-notification part.",
        classes: VPIM2,
        check: send_disposition_notification,
        repair: None,
        samples: Samples::changed(
            DISPOSITION,
            &[("Content-Type: message/disposition-notification", "Content-Type: text/plain")],
        ),
    },
    Rule {
        id: "mdn-7bit",
        level: Level::Must,
        rfc: 8098,
        section: "3.1",
        text: "message/disposition-notification is 7bit.",
        remedy: "Send message/disposition-notification as 7bit.",
        classes: VPIM2,
        check: mdn_7bit,
        repair: None,
        samples: Samples::changed(
            DISPOSITION,
            &[(
                "Content-Type: message/disposition",
                "Content-Transfer-Encoding: 8bit\nContent-Type: message/disposition",
            )],
        ),
    },
    Rule {
        id: "mdn-final-recipient",
        level: Level::Must,
        rfc: 8098,
        section: "3.2.4",
        text: "Final-Recipient is present.",
        remedy: "Let the system name the recipient in Final-Recipient.",
        classes: VPIM2,
        check: mdn_final_recipient,
        repair: None,
        samples: Samples::changed(DISPOSITION, &[("Final-Recipient: rfc822;3002@vm.example.org\n", "")]),
    },
    Rule {
        id: "mdn-disposition",
        level: Level::Must,
        rfc: 8098,
        section: "3.2.6",
        text: "Disposition is present with action mode, sending mode, type and optional modifiers.",
        remedy: "Write Disposition as RFC 8098 says.",
        classes: VPIM2,
        check: mdn_disposition,
        repair: None,
        samples: Samples::changed(DISPOSITION, &[("displayed", "heard")]),
    },
    Rule {
        id: "mdn-single-block",
        level: Level::Must,
        rfc: 8098,
        section: "3.1",
        text: "The fields form one block without blank lines.",
        remedy: "Write the fields without empty lines between them.",
        classes: VPIM2,
        check: mdn_single_block,
        repair: Some(close_gaps),
        samples: Samples::changed(DISPOSITION, &[("ExampleVoice\n", "ExampleVoice\n\n")]),
    },
    Rule {
        id: "mdn-no-mdn-request",
        level: Level::MustNot,
        rfc: 8098,
        section: "3",
        text: "An MDN does not ask for an MDN.",
        remedy: "Do not ask for a notification of a notification.",
        classes: VPIM2,
        check: mdn_no_mdn_request,
        repair: Some(delete_request),
        samples: Samples::changed(
            DISPOSITION,
            &[("Subject:", "Disposition-Notification-To: <1@vm.example.org>\nSubject:")],
        ),
    },
    Rule {
        id: "mdn-own-message-id",
        level: Level::Must,
        rfc: 8098,
        section: "3",
        text: "The MDN's Message-ID differs from that of the original.",
        remedy: "Give the notification a Message-ID of its own.",
        classes: VPIM2,
        check: mdn_own_message_id,
        repair: Some(give_own_message_id),
        samples: Samples::changed(DISPOSITION, &[("<d2@vm.example.org>", "<a1@vm.example.net>")]),
    },
    Rule {
        id: "mdn-spoken-part-label",
        level: Level::Must,
        rfc: 3801,
        section: "4.3.2",
        text: "A spoken notification part has the voice value Voice-Message-Notification.",
        remedy: "Label the spoken part voice=Voice-Message-Notification.",
        classes: VPIM2,
        check: mdn_spoken_part_label,
        repair: Some(label_spoken_part),
        samples: Samples::changed(
            DISPOSITION,
            &[("voice=Voice-Message-Notification", "voice=Voice-Message")],
        ),
    },
    Rule {
        id: "mdn-multipart-report",
        level: Level::Must,
        rfc: 8098,
        section: "3",
        text: "A disposition notification is multipart/report with report-type=disposition-notification.",
        remedy: "Let the system write report-type=disposition-notification.",
        classes: ALL,
        check: mdn_multipart_report,
        repair: Some(mdn_set_report_type),
        samples: Samples::changed(DISPOSITION, &[("report-type=disposition-notification; ", "")]),
    },
    Rule {
        id: "mdn-original-message-id",
        level: Level::Must,
        rfc: 8098,
        section: "3.2.5",
        text: "Original-Message-ID is present where the original has a Message-ID.",
        remedy: "Let the system copy the Message-ID of the original.",
        classes: ALL,
        check: original_message_id,
        repair: Some(copy_message_id),
        samples: Samples::changed(
            DISPOSITION,
            &[
                ("Original-Message-ID: <a1@vm.example.net>\n", ""),
                (
                    "--b1--",
                    "--b1\nContent-Type: message/rfc822\n\nMessage-ID: <a1@vm.example.net>\n\nx\n--b1--",
                ),
            ],
        ),
    },
    Rule {
        id: "mdn-not-automatic-on-mismatch",
        level: Level::MustNot,
        rfc: 8098,
        section: "2.1",
        text: "No disposition notification is sent without asking where it would go elsewhere than to the sender.",
        remedy: "Ask for notifications to the one address that is the envelope sender.",
        classes: ALL,
        check: not_automatic_on_mismatch,
        repair: None,
        samples: Samples {
            good: VOICE.with(&[("Subject:", "Disposition-Notification-To: <2001@vm.example.net>\nSubject:")]),
            bad: VOICE.with(&[("Subject:", "Disposition-Notification-To: <2002@vm.example.net>\nSubject:")]),
        },
    },
    Rule {
        id: "mdn-options-required",
        level: Level::MustNot,
        rfc: 8098,
        section: "2.2",
        text: "No disposition notification is sent where an unknown option is required.",
        remedy: "Mark options as optional, or ask for none.",
        classes: ALL,
        check: options_required,
        repair: None,
        samples: Samples::changed(
            VOICE,
            &[("Subject:", "Disposition-Notification-Options: x-spoken=required,yes\nSubject:")],
        ),
    },
];

fn send_disposition_notification(s: &Survey<'_>, f: &mut Findings<'_>) {
    let second = s.children(s.message.root()).nth(1).map(|(_, e)| e.content_type.sub.clone());
    if says(s, MDN) && !second.is_some_and(|t| t.ends_with("disposition-notification")) {
        f.entity(ROOT, "the second part is no message/disposition-notification");
    }
}

fn mdn_7bit(s: &Survey<'_>, f: &mut Findings<'_>) {
    plain_text_only(s, f, "disposition-notification");
}

fn mdn_final_recipient(s: &Survey<'_>, f: &mut Findings<'_>) {
    for (id, blocks) in status(s, MDN) {
        if !blocks.iter().any(|b| typed(b, "final-recipient")) {
            f.entity(id, "no Final-Recipient: type; address");
        }
    }
}

fn mdn_disposition(s: &Survey<'_>, f: &mut Findings<'_>) {
    for (id, blocks) in status(s, MDN) {
        let value = blocks.iter().find_map(|b| of(b, "disposition")).unwrap_or_default().to_ascii_lowercase();
        if !is_disposition(&value.replace(' ', "")) {
            f.entity(id, format!("Disposition {}", quoted(&value)));
        }
    }
}

fn mdn_single_block(s: &Survey<'_>, f: &mut Findings<'_>) {
    for (id, blocks) in status(s, MDN).filter(|(_, blocks)| blocks.len() > 1) {
        f.entity(id, format!("{} groups of fields", blocks.len()));
    }
}

fn mdn_no_mdn_request(s: &Survey<'_>, f: &mut Findings<'_>) {
    if says(s, MDN) {
        for field in s.fields(ROOT, "Disposition-Notification-To") {
            f.field(ROOT, field, "a notification asks for a notification");
        }
    }
}

fn mdn_own_message_id(s: &Survey<'_>, f: &mut Findings<'_>) {
    if let Some(field) = copied_message_id(s) {
        f.field(ROOT, field, "the Message-ID of the original");
    }
}

/// The Message-ID of a notification that is that of the original.
fn copied_message_id<'a>(s: &'a Survey<'_>) -> Option<&'a Field> {
    let field = s.top("Message-ID")?;
    let own = s.text(field);
    let copied = |b: &Block| of(b, "original-message-id") == Some(own.as_str());
    status(s, MDN).any(|(_, blocks)| blocks.iter().any(copied)).then_some(field)
}

fn mdn_spoken_part_label(s: &Survey<'_>, f: &mut Findings<'_>) {
    if let Some(id) = unlabelled(s) {
        f.entity(id, "a spoken notification without voice=Voice-Message-Notification");
    }
}

/// The spoken part of a notification, where it is not labelled as one.
fn unlabelled(s: &Survey<'_>) -> Option<EntityId> {
    let (id, e) = s.children(s.message.root()).next()?;
    let spoken = s.is_report() && e.content_type.main == "audio";
    let label = s.disposition(e, "voice").and_then(VoiceKind::parse);
    (spoken && label != Some(VoiceKind::Notification)).then_some(id)
}

/// RFC 8098 3.2.6, and the words of RFC 2298 that RFC 3801 Appendix D uses.
fn is_disposition(value: &str) -> bool {
    let Some((mode, kind)) = value.split_once(';') else { return false };
    let Some((action, sending)) = mode.split_once('/') else { return false };
    let kind = kind.split('/').next().unwrap_or_default();
    matches!(action, "manual-action" | "automatic-action")
        && matches!(sending, "mdn-sent-manually" | "mdn-sent-automatically")
        && matches!(kind, "displayed" | "deleted" | "dispatched" | "processed" | "denied" | "failed")
}

fn delete_request(s: &Survey<'_>, edits: &mut EditList) {
    if says(s, MDN) {
        s.fields(ROOT, "Disposition-Notification-To").for_each(|field| s.delete(edits, field));
    }
}

fn mdn_multipart_report(s: &Survey<'_>, f: &mut Findings<'_>) {
    report_of(s, f, MDN);
}

fn original_message_id(s: &Survey<'_>, f: &mut Findings<'_>) {
    if let Some((id, _, wanted)) = missing_message_id(s) {
        f.entity(id, format!("no Original-Message-ID, the original is {}", quoted(&wanted)));
    }
}

fn not_automatic_on_mismatch(s: &Survey<'_>, f: &mut Findings<'_>) {
    let Some(field) = s.top("Disposition-Notification-To") else { return };
    let wanted = s.mailboxes(field);
    if wanted.len() > 1 {
        f.field(ROOT, field, "several addresses: no notification will come without the reader's consent");
    }
    let path = s.envelope.mail_from.as_deref();
    if let ([one], Some(path)) = (wanted.as_slice(), path)
        && !same_mailbox(&one.address, path)
    {
        f.field(ROOT, field, format!("{} is not the envelope sender {}", quoted(&one.address), quoted(path)));
    }
}

fn options_required(s: &Survey<'_>, f: &mut Findings<'_>) {
    const KNOWN: [&str; 2] = ["signed-receipt-protocol", "signed-receipt-micalg"];
    for field in s.fields(ROOT, "Disposition-Notification-Options") {
        for option in s.text(field).split(';') {
            let (name, value) = option.split_once('=').unwrap_or((option, ""));
            let name = name.trim();
            let required = value.split(',').next().is_some_and(|v| v.trim().eq_ignore_ascii_case("required"));
            if required && !KNOWN.iter().any(|k| name.eq_ignore_ascii_case(k)) {
                f.field(ROOT, field, format!("the option {} is required and unknown", quoted(name)));
            }
        }
    }
}

fn mdn_set_report_type(s: &Survey<'_>, edits: &mut EditList) {
    set_report_type(s, edits, MDN);
}

/// The notification without Original-Message-ID of a returned message that has a Message-ID.
fn missing_message_id<'a>(s: &'a Survey<'_>) -> Option<(EntityId, &'a Entity, String)> {
    let (id, blocks) = status(s, MDN).next()?;
    if blocks.iter().any(|b| of(b, "original-message-id").is_some()) {
        return None;
    }
    let (_, returned) = s.children(s.message.root()).nth(2)?;
    let (original, _) = s.children(returned).next()?;
    let wanted = s.text(s.fields(original, "Message-ID").next()?);
    Some((id, s.message.entity(id)?, wanted)).filter(|(.., wanted)| !wanted.is_empty())
}

fn copy_message_id(s: &Survey<'_>, edits: &mut EditList) {
    if let Some((_, e, wanted)) = missing_message_id(s).filter(|(_, e, _)| e.encoding.is_identity()) {
        let line = format!("Original-Message-ID: {wanted}{}", s.message.eol().text());
        edits.body(Span::at(e.body.start), line.into_bytes());
    }
}

fn give_own_message_id(s: &Survey<'_>, edits: &mut EditList) {
    if let (Some(_), Some(host)) = (copied_message_id(s), s.stamp.host) {
        s.set(edits, ROOT, "Message-ID", Some(&mend::identifier(s.message, host)));
    }
}

fn label_spoken_part(s: &Survey<'_>, edits: &mut EditList) {
    if let Some(id) = unlabelled(s) {
        s.set_disposition(edits, id, "voice", "Voice-Message-Notification");
    }
}

/// Takes the empty lines between fields out; those at the end end nothing.
fn close_gaps(s: &Survey<'_>, edits: &mut EditList) {
    for (id, _) in status(s, MDN).filter(|(_, blocks)| blocks.len() > 1) {
        let Some(e) = s.message.entity(id).filter(|e| e.encoding.is_identity()) else { continue };
        let mut at = e.body.start;
        let text = e.body.of(s.message.raw());
        let end = e.body.start + text.trim_ascii_end().len();
        for line in text.split_inclusive(|c| *c == b'\n') {
            if line.trim_ascii().is_empty() && at < end {
                edits.body(Span::new(at, at + line.len()), Vec::new());
            }
            at += line.len();
        }
    }
}
