//! Replies and notifications: RFC 3801 4.2.1, 4.2.7, 4.2.13, 4.6, RFC 2421 4.2.17, 4.4.5, RFC 1911 4.3.

use super::lookup::*;
use super::samples::*;
use super::status::{Block, DSN, MDN, blocks, of, says, status};
use crate::conformance::rule::{Findings, Level, Rule, Samples};
use crate::message::edit::{EditList, HeaderEdit};
use crate::message::{Entity, EntityId, Span, value};
use crate::vpim::Survey;

/// The rules.
pub static RULES: &[Rule] = &[
    Rule {
        id: "vpim2-recv-from-used-for-reply",
        level: Level::Should,
        rfc: 3801,
        section: "4.2.1",
        text: "Replies go to the From address.",
        remedy: "Let the voice system send replies to From of the message.",
        classes: VPIM2,
        check: recv_from_used_for_reply,
        repair: None,
        samples: Samples::changed(
            FORWARD,
            &[
                ("Subject:", "In-Reply-To: <o1@vm.example.com>\nSubject:"),
                ("From: \"Test", "Message-ID: <o1@vm.example.com>\nFrom: \"Test"),
            ],
        ),
    },
    Rule {
        id: "vpim2-recv-message-id-in-mdn",
        level: Level::Must,
        rfc: 3801,
        section: "4.2.7",
        text: "The original Message-ID is quoted when a disposition notification is sent.",
        remedy: "Let the voice system name the message in Original-Message-ID.",
        classes: VPIM2,
        check: recv_message_id_in_mdn,
        repair: Some(name_original),
        samples: Samples::changed(
            DISPOSITION,
            &[
                ("Original-Message-ID: <a1@vm.example.net>\n", ""),
                (
                    "--b1--",
                    "--b1\nContent-Type: text/rfc822-headers\n\nMessage-ID: <a1@vm.example.net>\nSubject: Voice Message\n\n--b1--",
                ),
            ],
        ),
    },
    Rule {
        id: "vpim2-private-ndn-returns-content",
        level: Level::Should,
        rfc: 3801,
        section: "4.2.13",
        text: "The notice for an undeliverable private message gives back the message content.",
        remedy: "Return private messages as a whole: the caller may have no other copy.",
        classes: VPIM2,
        check: private_ndn_returns_content,
        repair: None,
        samples: Samples::changed(
            DELIVERY,
            &[(
                "--b1--",
                "--b1\nContent-Type: text/rfc822-headers\n\nSensitivity: Private\nSubject: Voice Message\n\n--b1--",
            )],
        ),
    },
    Rule {
        id: "vpim2-private-reply-without-original",
        level: Level::ShouldNot,
        rfc: 3801,
        section: "4.2.13",
        text: "A reply to a private message does not include the original content.",
        remedy: "Let the voice system leave a private original out of replies.",
        classes: VPIM2,
        check: private_reply_without_original,
        repair: None,
        samples: Samples::changed(
            FORWARD,
            &[
                ("Subject:", "In-Reply-To: <o1@vm.example.com>\nSubject:"),
                ("From: \"Test", "Sensitivity: Private\nFrom: \"Test"),
            ],
        ),
    },
    Rule {
        id: "vpim2-send-multipart-report",
        level: Level::Must,
        rfc: 3801,
        section: "4.6",
        text: "Notifications are sent as multipart/report.",
        remedy: "Send notifications as multipart/report.",
        classes: VPIM2,
        check: send_multipart_report,
        repair: Some(label_report),
        samples: Samples::changed(
            DELIVERY,
            &[
                ("MIME-Version: 1.0", "MIME-Version: 1.0 (Voice 2.0)"),
                ("multipart/report; report-type=delivery-status;", "multipart/mixed;"),
            ],
        ),
    },
    Rule {
        id: "vpim2-notify-multipart-report",
        level: Level::Must,
        rfc: 3801,
        section: "4.6",
        text: "Every delivery or disposition notice uses the multipart/report format.",
        remedy: "Send notifications as multipart/report.",
        classes: VPIM2,
        check: notify_multipart_report,
        repair: None,
        samples: Samples::changed(
            DELIVERY,
            &[
                ("MIME-Version: 1.0", "MIME-Version: 1.0 (Voice 2.0)"),
                ("multipart/report; report-type=delivery-status;", "multipart/mixed;"),
            ],
        ),
    },
    Rule {
        id: "vpim2-report-human-part-voice",
        level: Level::Should,
        rfc: 3801,
        section: "4.6",
        text: "The human-readable part of a notification is spoken.",
        remedy: "Begin notifications with speech in audio/32KADPCM, or with text.",
        classes: VPIM2,
        check: report_human_part_voice,
        repair: None,
        samples: Samples::changed(DELIVERY, &[("audio/32KADPCM", "audio/basic")]),
    },
    Rule {
        id: "vpim2-report-human-part-text",
        level: Level::May,
        rfc: 3801,
        section: "4.6",
        text: "The human-readable part may be text instead.",
        remedy: "Nothing to do; a voice mailbox may have to speak the text.",
        classes: VPIM2,
        check: report_human_part_text,
        repair: None,
        samples: Samples::changed(
            DELIVERY,
            &[
                ("MIME-Version: 1.0", "MIME-Version: 1.0 (Voice 2.0)"),
                (
                    "audio/32KADPCM\nContent-Transfer-Encoding: base64\nContent-Disposition: inline; voice=Voice-Message-Notification\n\n////////",
                    "text/plain\n\nNo such mailbox.",
                ),
            ],
        ),
    },
    Rule {
        id: "vpim2421-mdn-only-on-request",
        level: Level::MustNot,
        rfc: 2421,
        section: "4.4.5",
        text: "No disposition notification is sent without a request.",
        remedy: "Let the voice system send notifications only to those who ask for them.",
        classes: RFC2421,
        check: mdn_only_on_request,
        repair: None,
        samples: Samples::changed(
            DISPOSITION_2421,
            &[(
                "--b1--",
                "--b1\nContent-Type: text/rfc822-headers\n\nMessage-ID: <a1@vm.example.net>\nSubject: Voice Message\n\n--b1--",
            )],
        ),
    },
    Rule {
        id: "vpim2421-mdn-options-parsed",
        level: Level::Must,
        rfc: 2421,
        section: "4.2.17",
        text: "Disposition-Notification-Options is parsed, and an unknown required option suppresses the notification.",
        remedy: "Write options as name=required,value or name=optional,value.",
        classes: RFC2421,
        check: mdn_options_parsed,
        repair: None,
        samples: Samples::changed(
            VOICE_2421,
            &[("Subject:", "Disposition-Notification-Options: whizzbang\nSubject:")],
        ),
    },
    Rule {
        id: "vpim2421-report-mime-comment",
        level: Level::May,
        rfc: 2421,
        section: "15",
        text: "Notifications of the older version may show the Voice 2.0 comment too.",
        remedy: "Nothing to do; systems of RFC 3801 leave the comment out.",
        classes: RFC2421,
        check: report_mime_comment,
        repair: None,
        samples: Samples::changed(
            DISPOSITION_2421,
            &[("MIME-Version: 1.0", "MIME-Version: 1.0 (Voice 2.0)")],
        ),
    },
    Rule {
        id: "vpim1-message-notification",
        level: Level::Must,
        rfc: 1911,
        section: "4.3",
        text: "Version 1 notices use the media type message/notification inside multipart/report.",
        remedy: "Let the system send message/delivery-status, or convert its notices.",
        classes: VPIM,
        check: vpim1_message_notification,
        repair: Some(relabel_notice),
        samples: Samples::changed(DELIVERY, &[("message/delivery-status", "message/notification")]),
    },
];

fn recv_from_used_for_reply(s: &Survey<'_>, f: &mut Findings<'_>) {
    let Some(field) = s.top("In-Reply-To").filter(|_| !s.is_report()) else { return };
    let answered = s.text(field);
    let header = ["To", "Cc"].into_iter().flat_map(|n| s.all_mailboxes(n)).map(|m| m.address);
    let recipients: Vec<_> = header.chain(s.envelope.rcpt_to.iter().cloned()).collect();
    for (id, _) in s.forwarded() {
        let is_original = s.fields(id, "Message-ID").next().is_some_and(|x| answered.contains(&s.text(x)));
        let originators: Vec<_> = ["From", "Reply-To"]
            .into_iter()
            .flat_map(|n| s.fields(id, n))
            .flat_map(|x| s.mailboxes(x))
            .collect();
        let reached = originators.iter().any(|o| recipients.iter().any(|r| same_mailbox(r, &o.address)));
        if is_original && !originators.is_empty() && !reached {
            f.field(ROOT, field, "the reply does not go to From of the message it answers");
        }
    }
}

fn recv_message_id_in_mdn(s: &Survey<'_>, f: &mut Findings<'_>) {
    for (id, original) in unnamed_originals(s) {
        f.entity(id, format!("no Original-Message-ID, though the message had {}", quoted(&original)));
    }
}

fn private_ndn_returns_content(s: &Survey<'_>, f: &mut Findings<'_>) {
    let failed = |b: &Block| of(b, "action").is_some_and(|a| a.eq_ignore_ascii_case("failed"));
    if !status(s, DSN).any(|(_, blocks)| blocks.iter().any(failed)) {
        return;
    }
    let Some((id, e)) = returned(s).filter(|(_, e)| e.content_type.is("text/rfc822-headers")) else { return };
    let private = |b: &Block| of(b, "sensitivity").is_some_and(|v| v.eq_ignore_ascii_case("private"));
    if blocks(s, e).iter().any(private) {
        f.entity(id, "the header of a private message without its content");
    }
}

fn private_reply_without_original(s: &Survey<'_>, f: &mut Findings<'_>) {
    if s.is_report() || (s.top("In-Reply-To").is_none() && s.top("References").is_none()) {
        return;
    }
    for (id, _) in s.forwarded() {
        for field in s.fields(id, "Sensitivity").filter(|x| s.text(x).eq_ignore_ascii_case("private")) {
            f.field(id, field, "a reply that gives back a private message");
        }
    }
}

fn send_multipart_report(s: &Survey<'_>, f: &mut Findings<'_>) {
    if let Some((kind, _)) = unreported(s) {
        f.entity(ROOT, format!("message/{kind} in {}", quoted(&s.message.root().content_type.essence())));
    }
}

fn notify_multipart_report(s: &Survey<'_>, f: &mut Findings<'_>) {
    const WORDS: [&str; 8] = [
        "undeliver",
        "returned mail",
        "returned message",
        "returned voice",
        "delivery status",
        "delivery failure",
        "failure notice",
        "mail delivery",
    ];
    let notice =
        s.envelope.mail_from.as_deref() == Some("") && !s.is_report() && s.containers().next().is_none();
    let Some(field) = s.top("Subject").filter(|_| notice) else { return };
    let subject = value::text(s.octets(field)).to_ascii_lowercase();
    if WORDS.iter().any(|w| subject.contains(w)) {
        f.field(ROOT, field, "a notification that is no multipart/report");
    }
}

fn report_human_part_voice(s: &Survey<'_>, f: &mut Findings<'_>) {
    if let Some((id, e)) =
        human_part(s).filter(|(_, e)| !is_readable(e) && !e.content_type.is("audio/32kadpcm"))
    {
        f.entity(id, format!("{} is neither speech nor text", quoted(&e.content_type.essence())));
    }
}

fn report_human_part_text(s: &Survey<'_>, f: &mut Findings<'_>) {
    if let Some((id, _)) = human_part(s).filter(|(_, e)| is_readable(e)) {
        f.entity(id, "the notification is not spoken");
    }
}

fn mdn_only_on_request(s: &Survey<'_>, f: &mut Findings<'_>) {
    if let Some((id, e)) = returned(s).filter(|_| says(s, MDN))
        && returned_field(s, id, e, "Disposition-Notification-To").is_none()
    {
        f.entity(id, "the message returned asked for no notification");
    }
}

fn mdn_options_parsed(s: &Survey<'_>, f: &mut Findings<'_>) {
    let fits = |option: &str| {
        let Some((name, rest)) = option.split_once('=') else { return false };
        let importance = rest.split(',').next().unwrap_or_default().trim().to_ascii_lowercase();
        let token = |t: &str| !t.is_empty() && t.bytes().all(|c| c.is_ascii_graphic());
        token(name.trim())
            && matches!(importance.as_str(), "required" | "optional")
            && rest.split(',').skip(1).map(str::trim).all(token)
            && rest.contains(',')
    };
    for field in s.fields(ROOT, "Disposition-Notification-Options") {
        let text = s.text(field);
        if let Some(bad) = text.split(';').map(str::trim).find(|o| !fits(o)) {
            f.field(
                ROOT,
                field,
                format!("{} is no name=required or name=optional with a value", quoted(bad)),
            );
        }
    }
}

fn report_mime_comment(s: &Survey<'_>, f: &mut Findings<'_>) {
    let voiced = |octets: &[u8]| String::from_utf8_lossy(octets).to_ascii_lowercase().contains("voice 2.0");
    if let Some(field) = s.top("MIME-Version").filter(|x| s.is_report() && voiced(s.octets(x))) {
        f.field(ROOT, field, "a notification with the comment of voice messages");
    }
}

fn vpim1_message_notification(s: &Survey<'_>, f: &mut Findings<'_>) {
    if let Some((id, _)) = old_notice(s) {
        f.entity(id, "message/notification is read by systems of version 1 only");
    }
}

fn human_part<'a>(s: &'a Survey<'_>) -> Option<(EntityId, &'a Entity)> {
    s.children(s.message.root()).next().filter(|_| s.is_report())
}

fn is_readable(e: &Entity) -> bool {
    e.content_type.main == "text" || e.content_type.is("multipart/alternative")
}

/// The third part of a report: the message it is about, or its header.
fn returned<'a>(s: &'a Survey<'_>) -> Option<(EntityId, &'a Entity)> {
    s.children(s.message.root()).nth(2).filter(|_| s.is_report())
}

/// A field of the message that a report is about.
fn returned_field(s: &Survey<'_>, id: EntityId, e: &Entity, name: &str) -> Option<String> {
    if e.content_type.is("text/rfc822-headers") {
        let lower = name.to_ascii_lowercase();
        return blocks(s, e).iter().find_map(|b| of(b, &lower)).map(str::to_owned);
    }
    let child = s.message.entity(id)?.children().first()?;
    s.fields(*child, name).next().map(|x| s.text(x))
}

/// Disposition notifications that name no message, though they return one: (part, its Message-ID).
/// Where another is named, either may be right: systems on the way rewrite Message-ID.
fn unnamed_originals(s: &Survey<'_>) -> Vec<(EntityId, String)> {
    let Some((id, e)) = returned(s).filter(|_| says(s, MDN)) else { return Vec::new() };
    let Some(original) = returned_field(s, id, e, "Message-ID") else { return Vec::new() };
    let named = |blocks: &[Block]| blocks.iter().any(|b| of(b, "original-message-id").is_some());
    status(s, MDN).filter(|(_, blocks)| !named(blocks)).map(|(part, _)| (part, original.clone())).collect()
}

/// The machine-readable part of a report that is no multipart/report, or one of another kind.
fn unreported<'a>(s: &'a Survey<'_>) -> Option<(&'a str, usize)> {
    let root = s.message.root();
    let mut children = s.children(root).enumerate();
    let (place, (_, e)) = children.find(|(_, (_, e))| {
        e.content_type.main == "message" && [DSN, MDN].contains(&e.content_type.sub.as_str())
    })?;
    let kind = e.content_type.sub.as_str();
    (!s.is_report() || !says(s, kind)).then_some((kind, place))
}

fn old_notice<'a>(s: &'a Survey<'_>) -> Option<(EntityId, &'a Entity)> {
    s.children(s.message.root())
        .nth(1)
        .filter(|(_, e)| s.is_report() && e.content_type.is("message/notification"))
}

/// Makes multipart/report of multipart/mixed where the parts stand in the order of a report.
fn label_report(s: &Survey<'_>, edits: &mut EditList) {
    let root = s.message.root();
    let Some((kind, 1)) = unreported(s) else { return };
    let Some(field) = s.top("Content-Type").filter(|_| root.content_type.is("multipart/mixed")) else {
        return;
    };
    let value = s.octets(field);
    let place = value.windows(15).position(|w| w.eq_ignore_ascii_case(b"multipart/mixed"));
    let index = root.header.fields.iter().position(|x| x.span == field.span);
    if let (Some(at), Some(field)) = (place, index) {
        let mut with = value.to_vec();
        with.splice(at..at + 15, format!("multipart/report; report-type={kind}").into_bytes());
        with.retain(|c| *c != b'\r');
        edits.header(HeaderEdit::Replace { field, value: with });
    }
}

/// Writes the Message-ID of the returned message above Disposition.
fn name_original(s: &Survey<'_>, edits: &mut EditList) {
    for (id, original) in unnamed_originals(s) {
        let Some(e) = s.message.entity(id).filter(|e| e.encoding.is_identity()) else { continue };
        let body = e.body.of(s.message.raw());
        let line = body
            .split_inclusive(|c| *c == b'\n')
            .scan(0, |at, line| Some((std::mem::replace(at, *at + line.len()), line)))
            .find(|(_, line)| line.get(..12).is_some_and(|p| p.eq_ignore_ascii_case(b"Disposition:")));
        if let Some((at, _)) = line.filter(|_| original.bytes().all(|c| c.is_ascii_graphic())) {
            let field = format!("Original-Message-ID: {original}{}", s.message.eol().text());
            edits.body(Span::at(e.body.start + at), field.into_bytes());
        }
    }
}

/// Names the notice and its report as systems of version 2 do.
fn relabel_notice(s: &Survey<'_>, edits: &mut EditList) {
    let Some((id, _)) = old_notice(s) else { return };
    let Some(field) = s.fields(id, "Content-Type").next() else { return };
    let value = s.octets(field);
    if let Some(at) = value.windows(20).position(|w| w.eq_ignore_ascii_case(b"message/notification")) {
        let start = field.value.start + at;
        edits.body(Span::new(start, start + 20), b"message/delivery-status".to_vec());
    }
    let parameters = &s.message.root().content_type.parameters;
    if let Some(field) = s.top("Content-Type").filter(|_| parameters.value("report-type").is_none()) {
        s.append_parameter(edits, ROOT, field, "report-type=delivery-status");
    }
}
