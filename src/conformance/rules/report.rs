//! The form of the machine-readable part of reports: RFC 3464 2.1, RFC 8098 3.1. A part that breaks these
//! is read differently by every program.

use super::lookup::*;
use super::samples::*;
use super::status::*;
use crate::conformance::rule::{Findings, Level, Rule, Samples};
use crate::message::Entity;
use crate::vpim::Survey;

/// The rules.
pub static RULES: &[Rule] = &[
    Rule {
        id: "report-line-is-field",
        level: Level::Must,
        rfc: 3464,
        section: "2.1",
        text: "The machine-readable part of a report consists of fields: a name, a colon, a value.",
        remedy: "Let the system write text for people into the first part.",
        classes: ALL,
        check: line_is_field,
        repair: None,
        samples: Samples::changed(DELIVERY, &[("Action: failed\n", "Action: failed\nThe mailbox is gone\n")]),
    },
    Rule {
        id: "report-field-once",
        level: Level::Must,
        rfc: 3464,
        section: "2.1.1",
        text: "A field occurs once in its group.",
        remedy: "Let the system write a group for every recipient, with an empty line before it.",
        classes: ALL,
        check: field_once,
        repair: None,
        samples: Samples::changed(
            DELIVERY,
            &[(
                "Action: failed\n",
                "Action: failed\nFinal-Recipient: rfc822; 3003@vm.example.org\nAction: failed\n",
            )],
        ),
    },
    Rule {
        id: "report-recipient-group",
        level: Level::Must,
        rfc: 3464,
        section: "2.1",
        text: "A delivery notification has a group of fields for at least one recipient.",
        remedy: "Let the system write an empty line between the fields of the message and those of the recipient.",
        classes: ALL,
        check: recipient_group,
        repair: None,
        samples: Samples::changed(DELIVERY, &[("+0100\n\nFinal-Recipient", "+0100\nFinal-Recipient")]),
    },
    Rule {
        id: "report-group-order",
        level: Level::Must,
        rfc: 3464,
        section: "2.1",
        text: "The fields of the message come first, those of the recipients in groups behind them.",
        remedy: "Let the system write Reporting-MTA, Arrival-Date and Received-From-MTA in the first group only.",
        classes: ALL,
        check: group_order,
        repair: None,
        samples: Samples::changed(
            DELIVERY,
            &[("Action: failed\n", "Action: failed\nReporting-MTA: dns; vm.example.org\n")],
        ),
    },
    Rule {
        id: "report-typed-fields",
        level: Level::Must,
        rfc: 3464,
        section: "2.1.2",
        text: "Diagnostic-Code, Remote-MTA, Received-From-MTA and DSN-Gateway begin with a type and a semicolon.",
        remedy: "Let the system write smtp; before diagnostics and dns; before host names.",
        classes: ALL,
        check: typed_fields,
        repair: None,
        samples: Samples::changed(
            DELIVERY,
            &[("Action: failed", "Action: failed\nDiagnostic-Code: 550 no mailbox")],
        ),
    },
    Rule {
        id: "report-status-agrees",
        level: Level::Should,
        rfc: 3464,
        section: "2.3.4",
        text: "The class of Status agrees with Action: 2 for success, 4 for a delay, 4 or 5 for a failure.",
        remedy: "Let the system write a status of the class of the action.",
        classes: ALL,
        check: status_agrees,
        repair: None,
        samples: Samples::changed(DELIVERY, &[("Status: 5.1.1", "Status: 2.1.1")]),
    },
    Rule {
        id: "report-original-recipient-typed",
        level: Level::Must,
        rfc: 8098,
        section: "3.2.3",
        text: "Original-Recipient of a disposition notification is a type, a semicolon and an address.",
        remedy: "Let the system write rfc822; before the address.",
        classes: ALL,
        check: mdn_original_recipient,
        repair: None,
        samples: Samples::changed(
            DISPOSITION,
            &[("Final-Recipient:", "Original-Recipient: 3002@vm.example.org\nFinal-Recipient:")],
        ),
    },
];

fn line_is_field(s: &Survey<'_>, f: &mut Findings<'_>) {
    let machine =
        |e: &Entity| e.content_type.main == "message" && [DSN, MDN].contains(&e.content_type.sub.as_str());
    for (id, e) in s.children(s.message.root()).filter(|(_, e)| s.is_report() && machine(e)) {
        let decoded = s.message.decoded(e).bytes;
        let name = |n: &[u8]| !n.is_empty() && n.iter().all(u8::is_ascii_graphic);
        let is_field = |l: &[u8]| {
            let colon = memchr::memchr(b':', l);
            colon.and_then(|at| l.get(..at)).is_some_and(|n| name(n.trim_ascii_end()))
        };
        let mut lines = decoded.split(|c| *c == b'\n').enumerate();
        let wrong = |l: &[u8]| !l.trim_ascii().is_empty() && !l.starts_with(b" ") && !l.starts_with(b"\t");
        if let Some((n, line)) = lines.find(|(_, l)| wrong(l) && !is_field(l)) {
            let text = String::from_utf8_lossy(line.trim_ascii_end());
            f.entity(id, format!("line {} of the part is no field: {}", n + 1, quoted(&text)));
        }
    }
}

fn field_once(s: &Survey<'_>, f: &mut Findings<'_>) {
    const ONCE: [&str; 9] = [
        "reporting-mta",
        "original-envelope-id",
        "arrival-date",
        "original-recipient",
        "final-recipient",
        "action",
        "status",
        "disposition",
        "original-message-id",
    ];
    for (id, blocks) in status(s, DSN).chain(status(s, MDN)) {
        for block in &blocks {
            for name in ONCE.into_iter().filter(|n| block.iter().filter(|(b, _)| b == n).count() > 1) {
                f.entity(id, format!("{name} more than once in a group"));
            }
        }
    }
}

fn recipient_group(s: &Survey<'_>, f: &mut Findings<'_>) {
    for (id, _) in status(s, DSN).filter(|(_, blocks)| blocks.len() < 2) {
        f.entity(id, "no group of fields for a recipient");
    }
}

fn group_order(s: &Survey<'_>, f: &mut Findings<'_>) {
    const OF_MESSAGE: [&str; 4] =
        ["reporting-mta", "arrival-date", "received-from-mta", "original-envelope-id"];
    for (id, blocks) in status(s, DSN) {
        for name in OF_MESSAGE.into_iter().filter(|n| blocks.iter().skip(1).any(|b| of(b, n).is_some())) {
            f.entity(id, format!("{name} in the group of a recipient"));
        }
    }
}

fn typed_fields(s: &Survey<'_>, f: &mut Findings<'_>) {
    const TYPED: [&str; 4] = ["diagnostic-code", "remote-mta", "received-from-mta", "dsn-gateway"];
    for (id, blocks) in status(s, DSN) {
        for block in &blocks {
            for name in TYPED.into_iter().filter(|n| of(block, n).is_some() && !typed(block, n)) {
                f.entity(id, format!("{name} {} has no type", quoted(of(block, name).unwrap_or_default())));
            }
        }
    }
}

fn status_agrees(s: &Survey<'_>, f: &mut Findings<'_>) {
    for (id, blocks) in status(s, DSN) {
        for block in blocks.iter().skip(1) {
            let value = |name| of(block, name).map(|v| without_comments(v.as_bytes()).to_ascii_lowercase());
            let (Some(action), Some(code)) = (value("action"), value("status")) else { continue };
            let right = match action.as_str() {
                "failed" => code.starts_with(['4', '5']),
                "delayed" => code.starts_with('4'),
                "delivered" | "relayed" | "expanded" => code.starts_with('2'),
                _ => true,
            };
            if !right {
                f.entity(id, format!("Status {} for {}", quoted(&code), quoted(&action)));
            }
        }
    }
}

fn mdn_original_recipient(s: &Survey<'_>, f: &mut Findings<'_>) {
    for (id, blocks) in status(s, MDN) {
        let untyped = |b: &&Block| of(b, "original-recipient").is_some() && !typed(b, "original-recipient");
        if blocks.iter().find(untyped).is_some() {
            f.entity(id, "Original-Recipient is no type; address");
        }
    }
}
