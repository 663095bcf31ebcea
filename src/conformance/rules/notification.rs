//! Delivery and disposition notifications: RFC 3801 4.6 and 4.7, RFC 3462, RFC 3464, RFC 8098.

use super::lookup::*;
use super::samples::*;
use crate::conformance::rule::{Findings, Level, Rule, Samples};
use crate::message::edit::EditList;
use crate::message::{Entity, EntityId};
use crate::vpim::Survey;

/// The rules.
pub static RULES: &[Rule] = &[
    Rule {
        id: "vpim2-send-delivery-status",
        level: Level::Must,
        rfc: 3801,
        section: "4.6",
        text: "A delivery notification has a message/delivery-status part.",
        remedy: "Let the voice system write a message/delivery-status part.",
        classes: VPIM2,
        check: send_delivery_status,
        repair: None,
        samples: Samples::changed(DELIVERY, &[("message/delivery-status", "text/plain")]),
    },
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
        id: "dsn-part-order",
        level: Level::Must,
        rfc: 3462,
        section: "1",
        text: "A report has two or three parts: explanation, machine-readable part, optional returned message.",
        remedy: "Send explanation, machine-readable part and returned message, in this order.",
        classes: VPIM2,
        check: dsn_part_order,
        repair: None,
        samples: Samples::changed(
            DELIVERY,
            &[(
                "--b1\nContent-Type: message/delivery-status",
                "--b1\nContent-Type: text/plain\n\nx\n--b1\nContent-Type: message/delivery-status",
            )],
        ),
    },
    Rule {
        id: "dsn-report-type-parameter",
        level: Level::Must,
        rfc: 3462,
        section: "1",
        text: "report-type equals the subtype of the second part.",
        remedy: "Let report-type name the type of the second part.",
        classes: VPIM2,
        check: dsn_report_type_parameter,
        repair: None,
        samples: Samples::changed(DELIVERY, &[("report-type=delivery-status", "report-type=delivery")]),
    },
    Rule {
        id: "dsn-reporting-mta",
        level: Level::Must,
        rfc: 3461,
        section: "6.3",
        text: "Reporting-MTA is present, of type dns with the FQDN when known.",
        remedy: "Let the system name itself in Reporting-MTA.",
        classes: VPIM2,
        check: dsn_reporting_mta,
        repair: None,
        samples: Samples::changed(DELIVERY, &[("Reporting-MTA: dns; vm.example.org\n", "")]),
    },
    Rule {
        id: "dsn-final-recipient",
        level: Level::Must,
        rfc: 3464,
        section: "2.3.2",
        text: "Each recipient group has Final-Recipient.",
        remedy: "Let the system name the recipient in Final-Recipient.",
        classes: VPIM2,
        check: dsn_final_recipient,
        repair: None,
        samples: Samples::changed(DELIVERY, &[("Final-Recipient: rfc822; 3002@vm.example.org\n", "")]),
    },
    Rule {
        id: "dsn-action",
        level: Level::Must,
        rfc: 3464,
        section: "2.3.3",
        text: "Each recipient group has Action with a defined value.",
        remedy: "Use failed, delayed, delivered, relayed or expanded.",
        classes: VPIM2,
        check: dsn_action,
        repair: None,
        samples: Samples::changed(DELIVERY, &[("Action: failed", "Action: lost")]),
    },
    Rule {
        id: "dsn-status",
        level: Level::Must,
        rfc: 3464,
        section: "2.3.4",
        text: "Each recipient group has Status of three numbers without leading zeros, an optional comment after it.",
        remedy: "Write Status as three numbers.",
        classes: VPIM2,
        check: dsn_status,
        repair: None,
        samples: Samples::changed(DELIVERY, &[("Status: 5.1.1", "Status: 511")]),
    },
    Rule {
        id: "dsn-will-retry-only-delayed",
        level: Level::MustNot,
        rfc: 3464,
        section: "2.3.9",
        text: "Will-Retry-Until appears only with Action delayed.",
        remedy: "Write Will-Retry-Until only with Action: delayed.",
        classes: VPIM2,
        check: dsn_will_retry_only_delayed,
        repair: None,
        samples: Samples::changed(
            DELIVERY,
            &[("Action: failed", "Action: failed\nWill-Retry-Until: Tue, 4 Mar 2025 10:00:00 +0100")],
        ),
    },
    Rule {
        id: "dsn-delivery-status-7bit",
        level: Level::Must,
        rfc: 3464,
        section: "2.1",
        text: "message/delivery-status is 7bit.",
        remedy: "Send message/delivery-status as 7bit.",
        classes: VPIM2,
        check: dsn_delivery_status_7bit,
        repair: None,
        samples: Samples::changed(
            DELIVERY,
            &[(
                "Content-Type: message/delivery-status",
                "Content-Transfer-Encoding: 8bit\nContent-Type: message/delivery-status",
            )],
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
        repair: None,
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
        repair: None,
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
        repair: None,
        samples: Samples::changed(
            DISPOSITION,
            &[("voice=Voice-Message-Notification", "voice=Voice-Message")],
        ),
    },
];

fn send_delivery_status(s: &Survey<'_>, f: &mut Findings<'_>) {
    let second = s.children(s.message.root()).nth(1).map(|(_, e)| e.content_type.sub.clone());
    if says(s, DSN)
        && !second.is_some_and(|t| {
            matches!(t.as_str(), "delivery-status" | "global-delivery-status" | "notification")
        })
    {
        f.entity(ROOT, "the second part is no message/delivery-status");
    }
}

fn send_disposition_notification(s: &Survey<'_>, f: &mut Findings<'_>) {
    let second = s.children(s.message.root()).nth(1).map(|(_, e)| e.content_type.sub.clone());
    if says(s, MDN) && !second.is_some_and(|t| t.ends_with("disposition-notification")) {
        f.entity(ROOT, "the second part is no message/disposition-notification");
    }
}

fn dsn_part_order(s: &Survey<'_>, f: &mut Findings<'_>) {
    if !s.is_report() {
        return;
    }
    let types: Vec<_> = s.children(s.message.root()).map(|(_, e)| e.content_type.essence()).collect();
    let machine = types.get(1).is_some_and(|t| {
        t.contains("delivery-status")
            || t.contains("disposition-notification")
            || t.contains("message/notification")
    });
    let returned = types.get(2).is_none_or(|t| t.starts_with("message/") || t.starts_with("text/"));
    if !(2..=3).contains(&types.len()) || !machine || !returned {
        f.entity(ROOT, format!("parts of the report: {}", types.join(", ")));
    }
}

fn dsn_report_type_parameter(s: &Survey<'_>, f: &mut Findings<'_>) {
    let root = s.message.root();
    let Some((_, second)) =
        s.children(root).nth(1).filter(|(_, e)| s.is_report() && e.content_type.main == "message")
    else {
        return;
    };
    let stated = root.content_type.parameters.value("report-type").unwrap_or_default().to_ascii_lowercase();
    if second.content_type.sub != "rfc822" && stated != second.content_type.sub.trim_start_matches("global-")
    {
        f.entity(ROOT, format!("report-type {} for {}", quoted(&stated), second.content_type.essence()));
    }
}

fn dsn_reporting_mta(s: &Survey<'_>, f: &mut Findings<'_>) {
    for (id, blocks) in status(s, DSN) {
        if !blocks.first().is_some_and(|b| typed(b, "reporting-mta")) {
            f.entity(id, "no Reporting-MTA: type; name");
        }
    }
}

fn dsn_final_recipient(s: &Survey<'_>, f: &mut Findings<'_>) {
    each_recipient(s, f, |block| {
        (!typed(block, "final-recipient")).then(|| "no Final-Recipient: type; address".to_owned())
    });
}

fn dsn_action(s: &Survey<'_>, f: &mut Findings<'_>) {
    const ACTIONS: [&str; 5] = ["failed", "delayed", "delivered", "relayed", "expanded"];
    each_recipient(s, f, |block| {
        let action = of(block, "action").unwrap_or_default().to_ascii_lowercase();
        let action = without_comments(action.as_bytes());
        (!ACTIONS.contains(&action.as_str())).then(|| format!("Action {}", quoted(&action)))
    });
}

fn dsn_status(s: &Survey<'_>, f: &mut Findings<'_>) {
    each_recipient(s, f, |block| {
        let status = without_comments(of(block, "status").unwrap_or_default().as_bytes());
        (!is_status(&status)).then(|| format!("Status {}", quoted(&status)))
    });
}

fn dsn_will_retry_only_delayed(s: &Survey<'_>, f: &mut Findings<'_>) {
    each_recipient(s, f, |block| {
        let delayed = of(block, "action").is_some_and(|a| a.eq_ignore_ascii_case("delayed"));
        (!delayed && of(block, "will-retry-until").is_some())
            .then(|| "Will-Retry-Until without delay".to_owned())
    });
}

fn dsn_delivery_status_7bit(s: &Survey<'_>, f: &mut Findings<'_>) {
    plain_text_only(s, f, "delivery-status");
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
    let Some(field) = s.top("Message-ID") else { return };
    let own = s.text(field);
    if status(s, MDN)
        .any(|(_, blocks)| blocks.iter().any(|b| of(b, "original-message-id") == Some(own.as_str())))
    {
        f.field(ROOT, field, "the Message-ID of the original");
    }
}

fn mdn_spoken_part_label(s: &Survey<'_>, f: &mut Findings<'_>) {
    let first =
        s.children(s.message.root()).next().filter(|(_, e)| s.is_report() && e.content_type.main == "audio");
    if let Some((id, e)) = first
        && !s.disposition(e, "voice").is_some_and(|v| v.eq_ignore_ascii_case("Voice-Message-Notification"))
    {
        f.entity(id, "a spoken notification without voice=Voice-Message-Notification");
    }
}

pub const DSN: &str = "delivery-status";
pub const MDN: &str = "disposition-notification";

/// More groups of fields than this are not read.
const MAX_BLOCKS: usize = 1_000;

pub type Block = Vec<(String, String)>;

/// True for a report that says it is of this kind.
pub fn says(s: &Survey<'_>, kind: &str) -> bool {
    let stated = s.message.root().content_type.parameters.value("report-type");
    s.is_report() && stated.is_some_and(|t| t.eq_ignore_ascii_case(kind))
}

/// The machine-readable parts of a report of this kind, as groups of fields.
pub fn status<'a>(s: &'a Survey<'_>, kind: &'a str) -> impl Iterator<Item = (EntityId, Vec<Block>)> + 'a {
    s.children(s.message.root())
        .filter(move |(_, e)| s.is_report() && e.content_type.main == "message" && e.content_type.sub == kind)
        .map(|(id, e)| (id, blocks(s, e)))
}

fn blocks(s: &Survey<'_>, e: &Entity) -> Vec<Block> {
    let decoded = s.message.decoded(e).bytes;
    let text = String::from_utf8_lossy(&decoded);
    let mut out: Vec<Block> = vec![Vec::new()];
    for line in text.lines() {
        let full = out.len() >= MAX_BLOCKS;
        match out.last_mut() {
            Some(block) if line.starts_with([' ', '\t']) => {
                if let Some((_, value)) = block.last_mut() {
                    value.push_str(line);
                }
            }
            Some(block) if line.trim().is_empty() && !block.is_empty() && !full => out.push(Vec::new()),
            Some(block) => {
                if let Some((name, value)) = line.split_once(':') {
                    block.push((name.trim().to_ascii_lowercase(), value.trim().to_owned()));
                }
            }
            None => {}
        }
    }
    out.retain(|b| !b.is_empty());
    out
}

/// The value of a field of a group.
pub fn of<'b>(block: &'b Block, name: &str) -> Option<&'b str> {
    block.iter().find(|(n, _)| n == name).map(|(_, v)| v.as_str())
}

/// A field of the form `type; value`.
fn typed(block: &Block, name: &str) -> bool {
    of(block, name)
        .and_then(|v| v.split_once(';'))
        .is_some_and(|(t, v)| !t.trim().is_empty() && !v.trim().is_empty())
}

fn each_recipient(s: &Survey<'_>, f: &mut Findings<'_>, wrong: fn(&Block) -> Option<String>) {
    for (id, blocks) in status(s, DSN) {
        for what in blocks.iter().skip(1).filter_map(wrong) {
            f.entity(id, what);
        }
    }
}

/// RFC 3464 2.3.4, RFC 3463 2.
fn is_status(text: &str) -> bool {
    let numbers: Vec<_> = text.split('.').collect();
    let number = |n: &&str| {
        (1..=3).contains(&n.len())
            && n.bytes().all(|c| c.is_ascii_digit())
            && (n.len() == 1 || !n.starts_with('0'))
    };
    numbers.len() == 3 && numbers.iter().all(number) && matches!(numbers.first(), Some(&("2" | "4" | "5")))
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

fn plain_text_only(s: &Survey<'_>, f: &mut Findings<'_>, kind: &str) {
    let of_kind = |e: &Entity| e.content_type.main == "message" && e.content_type.sub == kind;
    for (id, e) in s.children(s.message.root()).filter(|(_, e)| s.is_report() && of_kind(e)) {
        if e.encoding.name() != "7bit" || !e.body.of(s.message.raw()).is_ascii() {
            f.entity(id, format!("message/{kind} in {}", e.encoding.name()));
        }
    }
}

fn delete_request(s: &Survey<'_>, edits: &mut EditList) {
    if says(s, MDN) {
        s.fields(ROOT, "Disposition-Notification-To").for_each(|field| s.delete(edits, field));
    }
}
