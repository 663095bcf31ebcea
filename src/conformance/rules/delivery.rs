//! Delivery notifications: RFC 3801 4.6, RFC 3462, RFC 3464, RFC 3461 6.

use super::lookup::*;
use super::samples::*;
use super::status::*;
use crate::conformance::rule::{Findings, Level, Rule, Samples};
use crate::message::edit::EditList;
use crate::message::{Entity, EntityId, Span};
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
        repair: Some(name_report_type),
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
        id: "dsn-multipart-report",
        level: Level::Must,
        rfc: 3464,
        section: "2",
        text: "A delivery notification is multipart/report with report-type=delivery-status.",
        remedy: "Let the system write report-type=delivery-status.",
        classes: ALL,
        check: dsn_multipart_report,
        repair: Some(dsn_set_report_type),
        samples: Samples::changed(DELIVERY, &[("report-type=delivery-status; ", "")]),
    },
    Rule {
        id: "report-top-level",
        level: Level::Must,
        rfc: 3462,
        section: "1",
        text: "multipart/report is the outermost type of a report.",
        remedy: "Let the system put nothing around a report.",
        classes: ALL,
        check: report_top_level,
        repair: None,
        samples: Samples {
            good: INTERNET.from(""),
            bad: INTERNET.from("").with(&[(
                "--b1--",
                "--b1\nContent-Type: multipart/report; report-type=delivery-status; boundary=c1\n\n--c1\n\nx\n--c1\nContent-Type: message/delivery-status\n\nReporting-MTA: dns; x.example\n\n--c1--\n--b1--",
            )]),
        },
    },
    Rule {
        id: "dsn-headers-only-label",
        level: Level::Should,
        rfc: 3462,
        section: "2",
        text: "Returned header fields without a body are text/rfc822-headers.",
        remedy: "Label returned header fields text/rfc822-headers.",
        classes: ALL,
        check: headers_only_label,
        repair: Some(relabel_headers),
        samples: Samples::changed(
            DELIVERY,
            &[("--b1--", "--b1\nContent-Type: message/rfc822\n\nFrom: <2001@vm.example.net>\nSubject: x\n--b1--")],
        ),
    },
    Rule {
        id: "dsn-original-envelope-id",
        level: Level::Must,
        rfc: 3461,
        section: "6.3",
        text: "Original-Envelope-Id is the ENVID of the message, decoded.",
        remedy: "Let the system decode xtext before it writes the field.",
        classes: ALL,
        check: original_envelope_id,
        repair: None,
        samples: Samples::changed(DELIVERY, &[("Arrival-Date:", "Original-Envelope-Id: a+2Bb\nArrival-Date:")]),
    },
    Rule {
        id: "dsn-original-recipient",
        level: Level::Must,
        rfc: 3461,
        section: "6.3",
        text: "Original-Recipient is the ORCPT of the recipient: a type and an address.",
        remedy: "Write the type, a semicolon and the address.",
        classes: ALL,
        check: original_recipient,
        repair: None,
        samples: Samples::changed(
            DELIVERY,
            &[("Final-Recipient:", "Original-Recipient: 3002@vm.example.org\nFinal-Recipient:")],
        ),
    },
    Rule {
        id: "dsn-dates-numeric-zone",
        level: Level::Must,
        rfc: 3464,
        section: "2.3.7",
        text: "Dates in a delivery notification have numeric zones.",
        remedy: "Write the zone as + or - and four digits.",
        classes: ALL,
        check: dates_numeric_zone,
        repair: Some(number_zones),
        samples: Samples::changed(DELIVERY, &[("08:59:00 +0100", "07:59:00 GMT")]),
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

fn dsn_multipart_report(s: &Survey<'_>, f: &mut Findings<'_>) {
    report_of(s, f, DSN);
}

fn report_top_level(s: &Survey<'_>, f: &mut Findings<'_>) {
    // RFC 6522 lets reports be nested; one from nobody is a bounce.
    let bounce = s.envelope.mail_from.as_deref() == Some("");
    let nested = |e: &Entity| e.parent == Some(ROOT) && e.content_type.is("multipart/report");
    for (id, _) in s.judged().filter(|(_, e)| bounce && nested(e)) {
        f.entity(id, "a report within another multipart");
    }
}

fn headers_only_label(s: &Survey<'_>, f: &mut Findings<'_>) {
    for (id, _) in headers_only(s) {
        f.entity(id, "message/rfc822 for header fields without a body");
    }
}

fn original_envelope_id(s: &Survey<'_>, f: &mut Findings<'_>) {
    let coded = |v: &str| {
        let upper = |c: &u8| c.is_ascii_digit() || (b'A'..=b'F').contains(c);
        v.as_bytes().windows(3).any(|w| matches!(w, [b'+', a, b] if upper(a) && upper(b)))
    };
    for (id, blocks) in status(s, DSN) {
        for value in blocks.iter().filter_map(|b| of(b, "original-envelope-id")).filter(|v| coded(v)) {
            f.entity(id, format!("Original-Envelope-Id {} looks like xtext", quoted(value)));
        }
    }
}

fn original_recipient(s: &Survey<'_>, f: &mut Findings<'_>) {
    each_recipient(s, f, |block| {
        let wrong = of(block, "original-recipient").filter(|_| !typed(block, "original-recipient"))?;
        Some(format!("Original-Recipient {} is no type; address", quoted(wrong)))
    });
}

fn dates_numeric_zone(s: &Survey<'_>, f: &mut Findings<'_>) {
    for (id, at, zone) in named_zones(s) {
        f.offset(id, at.start, format!("the zone is {}", quoted(&zone)));
    }
}

/// The third parts of reports that are message/rfc822 and nothing but a header.
fn headers_only<'a>(s: &'a Survey<'_>) -> impl Iterator<Item = (EntityId, &'a Entity)> {
    let third = s.children(s.message.root()).nth(2);
    third
        .filter(|(_, e)| s.is_report() && e.content_type.is("message/rfc822"))
        .filter(|(_, e)| s.children(e).next().is_some_and(|(_, m)| m.body.is_empty()))
        .into_iter()
}

fn relabel_headers(s: &Survey<'_>, edits: &mut EditList) {
    for (id, _) in headers_only(s) {
        if let Some(field) = s.fields(id, "Content-Type").next() {
            s.replace(edits, id, field, b" text/rfc822-headers");
        }
    }
}

fn dsn_set_report_type(s: &Survey<'_>, edits: &mut EditList) {
    set_report_type(s, edits, DSN);
}

/// Zone names (RFC 5322 4.3) and what they stand for.
const ZONES: [(&str, &str); 12] = [
    ("GMT", "+0000"),
    ("UT", "+0000"),
    ("UTC", "+0000"),
    ("Z", "+0000"),
    ("EST", "-0500"),
    ("EDT", "-0400"),
    ("CST", "-0600"),
    ("CDT", "-0500"),
    ("MST", "-0700"),
    ("MDT", "-0600"),
    ("PST", "-0800"),
    ("PDT", "-0700"),
];

/// The dates of delivery notifications that end with another zone than a number: where it stands.
fn named_zones(s: &Survey<'_>) -> Vec<(EntityId, Span, String)> {
    const DATES: [&str; 3] = ["arrival-date", "last-attempt-date", "will-retry-until"];
    let mut out = Vec::new();
    let of_dsn = |e: &Entity| s.is_report() && e.content_type.is("message/delivery-status");
    for (id, e) in s.children(s.message.root()).filter(|(_, e)| of_dsn(e) && e.encoding.is_identity()) {
        let mut start = e.body.start;
        for line in e.body.of(s.message.raw()).split_inclusive(|c| *c == b'\n') {
            let text = String::from_utf8_lossy(line);
            let is_date = |name: &str| DATES.iter().any(|d| name.trim().eq_ignore_ascii_case(d));
            let value = text.split_once(':').filter(|(name, _)| is_date(name));
            let zone = value.and_then(|(_, v)| v.split('(').next()?.split_whitespace().next_back());
            if let Some(zone) = zone.filter(|z| !is_offset(z) && line.is_ascii())
                && let Some(at) = text.rfind(zone)
            {
                out.push((id, Span::new(start + at, start + at + zone.len()), zone.to_owned()));
            }
            start += line.len();
        }
    }
    out
}

fn is_offset(zone: &str) -> bool {
    zone.strip_prefix(['+', '-']).is_some_and(|d| d.len() == 4 && d.bytes().all(|c| c.is_ascii_digit()))
}

fn number_zones(s: &Survey<'_>, edits: &mut EditList) {
    for (_, at, zone) in named_zones(s) {
        if let Some((_, number)) = ZONES.iter().find(|(name, _)| name.eq_ignore_ascii_case(&zone)) {
            edits.body(at, number.as_bytes().to_vec());
        }
    }
}

/// Where the second part is of a type that reports are made of.
fn name_report_type(s: &Survey<'_>, edits: &mut EditList) {
    let second = s.children(s.message.root()).nth(1).map(|(_, e)| &e.content_type).filter(|_| s.is_report());
    let Some(kind) = second.filter(|ct| ct.main == "message").map(|ct| ct.sub.trim_start_matches("global-"))
    else {
        return;
    };
    let stated = s.message.root().content_type.parameters.value("report-type");
    let known = matches!(kind, "delivery-status" | "disposition-notification" | "tracking-status");
    if let Some(field) =
        s.top("Content-Type").filter(|_| known && stated.is_none_or(|r| !r.eq_ignore_ascii_case(kind)))
    {
        s.set_parameter(edits, ROOT, field, "report-type", kind);
    }
}
