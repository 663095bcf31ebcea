//! Extended Internet fax (RFC 2532, RFC 3249): confirmations, abilities, what cannot be processed.

use super::fax::{is_fax_address, undecodable};
use super::lookup::*;
use super::samples::*;
use super::status::{DSN, MDN, of, says, status};
use super::tiff_samples::put;
use crate::conformance::rule::{Findings, Level, Rule, Sample, Samples};
use crate::message::edit::EditList;
use crate::vpim::{Class, Survey};
use sha2::{Digest, Sha256};

/// A notification about a fax.
const FAX_DISPOSITION: Sample = Sample { class: Some(Class::Fax), ..DISPOSITION };
const FAX_DELIVERY: Sample = Sample { class: Some(Class::Fax), ..DELIVERY };

/// The rules.
pub static RULES: &[Rule] = &[
    Rule {
        id: "efax-processing-confirmation",
        level: Level::Must,
        rfc: 2532,
        section: "2.1.2",
        text: "A sender asks for confirmation of processing with Disposition-Notification-To.",
        remedy: "Let the fax gateway ask with Disposition-Notification-To.",
        classes: FAX,
        check: processing_confirmation,
        repair: Some(ask_properly),
        samples: Samples::changed(
            SIMPLE_FAX,
            &[("Subject:", "Return-Receipt-To: <FAX=+16135550100@fax.example.net>\nSubject:")],
        ),
    },
    Rule {
        id: "efax-mdn-address-matches-sender",
        level: Level::Should,
        rfc: 2532,
        section: "2.1.2",
        text: "The address for disposition notifications is the envelope sender.",
        remedy: "Name the envelope sender in Disposition-Notification-To.",
        classes: FAX,
        check: mdn_address_matches_sender,
        repair: None,
        samples: Samples::changed(
            SIMPLE_FAX,
            &[("Subject:", "Disposition-Notification-To: <other@fax.example.net>\nSubject:")],
        ),
    },
    Rule {
        id: "efax-failure-address-works",
        level: Level::Must,
        rfc: 2532,
        section: "2.1",
        text: "Who asks for confirmation has an envelope sender that takes notices of failure.",
        remedy: "Give the fax gateway an envelope sender that takes failure notices.",
        classes: FAX,
        check: failure_address_works,
        repair: None,
        samples: Samples {
            good: SIMPLE_FAX,
            bad: SIMPLE_FAX.from("").with(&[(
                "Subject:",
                "Disposition-Notification-To: <FAX=+16135550100@fax.example.net>\nSubject:",
            )]),
        },
    },
    Rule {
        id: "efax-media-features-syntax",
        level: Level::Must,
        rfc: 2530,
        section: "3",
        text: "Media-Accept-Features holds a feature expression: parentheses that match.",
        remedy: "Write abilities as RFC 2533 says, as in (& (color=Binary) (dpi=204)).",
        classes: ALL,
        check: media_features_syntax,
        repair: None,
        samples: Samples::changed(
            FAX_DELIVERY,
            &[("Status: 5.1.1", "Media-Accept-Features: color=Binary)\nStatus: 5.1.1")],
        ),
    },
    Rule {
        id: "efax-no-unsolicited-success-mdn",
        level: Level::MustNot,
        rfc: 2532,
        section: "2.2.1",
        text: "Nobody gets a notice of success who did not ask for one.",
        remedy: "Send notices of success only where Disposition-Notification-To asks for them.",
        classes: FAX,
        check: no_unsolicited_success_mdn,
        repair: None,
        samples: Samples::changed(
            FAX_DISPOSITION,
            &[(
                "displayed\n\n--b1",
                "displayed\n\n--b1\nContent-Type: text/rfc822-headers\n\nSubject: Fax\nFrom: a@example.net\n\n--b1",
            )],
        ),
    },
    Rule {
        id: "efax-no-empty-probe",
        level: Level::MustNot,
        rfc: 2532,
        section: "3.3.1",
        text: "No message without contents is sent to learn the abilities of a receiver.",
        remedy: "Ask for a notification of a real fax.",
        classes: FAX,
        check: no_empty_probe,
        repair: None,
        samples: Samples {
            good: SIMPLE_FAX,
            bad: Sample {
                class: Some(Class::Fax),
                ..Sample::of(
                    "From: <a@fax.example.net>
To: <FAX=+3940226338@fax.example.org>
Date: Tue, 4 Mar 2025 09:00:00 +0100
Disposition-Notification-To: <a@fax.example.net>
MIME-Version: 1.0

",
                )
            },
        },
    },
    Rule {
        id: "efax-alternative-with-profile-s",
        level: Level::May,
        rfc: 2532,
        section: "3",
        text: "A richer TIFF may accompany profile S in multipart/alternative; not every receiver chooses.",
        remedy: "Send profile S alone where the receiver is not known to choose.",
        classes: FAX,
        check: alternative_with_profile_s,
        repair: None,
        samples: Samples::changed(
            SIMPLE_FAX,
            &[
                ("multipart/mixed", "multipart/alternative"),
                ("Content-Type: text/plain", "Content-Type: image/tiff"),
            ],
        ),
    },
    Rule {
        id: "efax-reject-unprocessable",
        level: Level::Should,
        rfc: 2532,
        section: "5.2",
        text: "A fax that cannot be processed is refused at once, not left to a notification.",
        remedy: "Send TIFF of profile S or F, whole.",
        classes: FAX,
        check: undecodable,
        repair: None,
        samples: Samples::edited(SIMPLE_FAX, |t| t.truncate(6)),
    },
    Rule {
        id: "efax-any-attachment-fails",
        level: Level::Should,
        rfc: 3249,
        section: "4.4.5",
        text: "One attachment that cannot be decoded makes the message one that cannot be decoded.",
        remedy: "Send TIFF of profile S or F, whole.",
        classes: FAX,
        check: undecodable,
        repair: None,
        samples: Samples::edited(SIMPLE_FAX, |t| t.truncate(6)),
    },
    Rule {
        id: "efax-mdn-request-has-message-id",
        level: Level::Should,
        rfc: 3249,
        section: "4.2",
        text: "A message that asks for a disposition notification has a Message-ID.",
        remedy: "Let the fax gateway write a Message-ID.",
        classes: FAX,
        check: mdn_request_has_message_id,
        repair: Some(add_message_id),
        samples: Samples::changed(
            SIMPLE_FAX,
            &[(
                "Message-ID: <a6@fax.example.net>\n",
                "Disposition-Notification-To: <FAX=+16135550100@fax.example.net>\n",
            )],
        ),
    },
    Rule {
        id: "efax-mdn-disposition-choice",
        level: Level::Should,
        rfc: 3249,
        section: "4.4.1.2",
        text: "A machine that prints reports dispatched, or processed with an error; only a person has seen it displayed.",
        remedy: "Let automatic notices say dispatched or processed/error.",
        classes: FAX,
        check: mdn_disposition_choice,
        repair: None,
        samples: Samples::changed(
            FAX_DISPOSITION,
            &[("manual-action/MDN-sent-manually", "automatic-action/MDN-sent-automatically")],
        ),
    },
    Rule {
        id: "ifax-relay-failure-dsn-format",
        level: Level::Should,
        rfc: 3965,
        section: "2.3.1",
        text: "A relay tells of its failure in a delivery status notification.",
        remedy: "Let the relay send failure notices as multipart/report.",
        classes: FAX,
        check: relay_failure_dsn_format,
        repair: None,
        samples: Samples {
            good: SIMPLE_FAX,
            bad: SIMPLE_FAX.from("").with(&[(
                "From: <FAX=+16135550100@fax.example.net>",
                "From: <MAILER-DAEMON@fax.example.net>",
            )]),
        },
    },
    Rule {
        id: "ifax-offramp-authorisation",
        level: Level::Should,
        rfc: 3965,
        section: "5.2.2",
        text: "A gateway to the telephone network knows whose faxes it sends.",
        remedy: "Authenticate to the gateway, or give an envelope sender it can know.",
        classes: FAX,
        check: offramp_authorisation,
        repair: None,
        samples: Samples { good: SIMPLE_FAX, bad: SIMPLE_FAX.from("") },
    },
    Rule {
        id: "ifax-any-part-failure-fails-all",
        level: Level::Must,
        rfc: 3965,
        section: "2.2.4",
        text: "Where one part of a fax cannot be processed, the message as a whole counts as failed.",
        remedy: "Send TIFF of profile S or F, whole, and nothing else than text beside it.",
        classes: FAX,
        check: undecodable,
        repair: None,
        samples: Samples::edited(SIMPLE_FAX, |t| put(t, 273, 60_000)),
    },
];

/// Fields of old that ask for a receipt.
const RECEIPTS: [&str; 2] = ["Return-Receipt-To", "X-Confirm-Reading-To"];
const REQUEST: &str = "Disposition-Notification-To";

fn processing_confirmation(s: &Survey<'_>, f: &mut Findings<'_>) {
    if s.top(REQUEST).is_none() {
        for field in RECEIPTS.iter().filter_map(|name| s.top(name)) {
            f.field(ROOT, field, "a receipt is asked for without Disposition-Notification-To");
        }
    }
}

/// A request for notifications to somebody else than the sender is not made on anybody's behalf.
fn ask_properly(s: &Survey<'_>, edits: &mut EditList) {
    let Some(sender) = s.envelope.mail_from.as_deref().filter(|_| s.top(REQUEST).is_none()) else { return };
    let mailboxes = RECEIPTS.iter().flat_map(|name| s.all_mailboxes(name));
    if let Some(mailbox) = mailboxes.into_iter().find(|m| same_mailbox(&m.address, sender)) {
        insert(edits, REQUEST, &format!("<{}>", mailbox.address));
    }
}

fn mdn_address_matches_sender(s: &Survey<'_>, f: &mut Findings<'_>) {
    let Some(sender) = s.envelope.mail_from.as_deref().filter(|path| !path.is_empty()) else { return };
    let Some(field) = s.top(REQUEST) else { return };
    for mailbox in s.mailboxes(field).iter().filter(|m| !same_mailbox(&m.address, sender)) {
        f.field(ROOT, field, format!("{} is not {}", quoted(&mailbox.address), quoted(sender)));
    }
}

fn failure_address_works(s: &Survey<'_>, f: &mut Findings<'_>) {
    if s.top(REQUEST).is_some() && s.envelope.mail_from.as_deref() == Some("") {
        f.envelope("confirmation is asked for from the null reverse-path");
    }
}

fn media_features_syntax(s: &Survey<'_>, f: &mut Findings<'_>) {
    for kind in [DSN, MDN] {
        for (id, blocks) in status(s, kind) {
            for value in blocks.iter().filter_map(|block| of(block, "media-accept-features")) {
                if !is_feature_expression(value) {
                    f.entity(id, format!("Media-Accept-Features: {}", quoted(value)));
                }
            }
        }
    }
}

/// RFC 2533 4.1, as far as parentheses go.
fn is_feature_expression(value: &str) -> bool {
    let mut depth = 0usize;
    let mut quoted = false;
    for c in value.chars() {
        match c {
            '"' => quoted = !quoted,
            '(' if !quoted => depth += 1,
            ')' if !quoted => match depth.checked_sub(1) {
                Some(less) => depth = less,
                None => return false,
            },
            _ => {}
        }
    }
    depth == 0 && value.trim_start().starts_with('(')
}

/// The dispositions a notification tells, in lower case without blanks.
fn dispositions(s: &Survey<'_>) -> Vec<String> {
    let of_block = |block: &Vec<(String, String)>| {
        Some(of(block, "disposition")?.to_ascii_lowercase().replace([' ', '\t'], ""))
    };
    status(s, MDN).flat_map(|(_, blocks)| blocks.iter().filter_map(of_block).collect::<Vec<_>>()).collect()
}

fn no_unsolicited_success_mdn(s: &Survey<'_>, f: &mut Findings<'_>) {
    let failed =
        |d: &String| ["/error", "/failure", "/warning", ";failed", ";denied"].iter().any(|w| d.contains(w));
    let told = dispositions(s);
    if !says(s, MDN) || told.is_empty() || told.iter().any(failed) {
        return;
    }
    let Some((id, returned)) = s.children(s.message.root()).nth(2) else { return };
    let text = s.message.decoded(returned).bytes;
    let header = String::from_utf8_lossy(&text).to_ascii_lowercase();
    if !header.lines().any(|line| line.starts_with("disposition-notification-to:")) {
        f.entity(id, "the header returned does not ask for a notification");
    }
}

fn no_empty_probe(s: &Survey<'_>, f: &mut Findings<'_>) {
    let empty = |e: &crate::message::Entity| s.message.decoded(e).bytes.trim_ascii().is_empty();
    let asks = s.top(REQUEST).is_some();
    if asks && s.judged().filter(|(_, e)| e.is_leaf()).all(|(_, e)| empty(e)) {
        f.entity(ROOT, "a notification is asked for, and there is nothing to process");
    }
}

fn alternative_with_profile_s(s: &Survey<'_>, f: &mut Findings<'_>) {
    for (id, e) in s.judged().filter(|(_, e)| e.content_type.is("multipart/alternative")) {
        let tiffs = s.children(e).filter(|(_, child)| is_tiff(child)).count();
        if tiffs > 1 {
            f.entity(id, format!("{tiffs} TIFF files to choose from"));
        }
    }
}

fn mdn_request_has_message_id(s: &Survey<'_>, f: &mut Findings<'_>) {
    if s.top(REQUEST).is_some() && s.top("Message-ID").is_none() {
        f.missing(ROOT, "Message-ID", "a notification could not be matched");
    }
}

/// The digest of the message makes an identifier that is the same every time.
fn add_message_id(s: &Survey<'_>, edits: &mut EditList) {
    if s.top(REQUEST).is_none() || s.top("Message-ID").is_some() {
        return;
    }
    let from = s.all_mailboxes("From");
    let Some(domain) = from.iter().find_map(|m| domain(&m.address)).filter(|d| is_dns_domain(d)) else {
        return;
    };
    let digest = Sha256::digest(s.message.raw());
    let left: String = digest.iter().take(16).map(|octet| format!("{octet:02x}")).collect();
    insert(edits, "Message-ID", &format!("<{left}@{domain}>"));
}

fn mdn_disposition_choice(s: &Survey<'_>, f: &mut Findings<'_>) {
    for told in dispositions(s) {
        let (mode, kind) = told.split_once(';').unwrap_or((&told, ""));
        if mode.starts_with("automatic-action/") && kind.starts_with("displayed") {
            f.entity(ROOT, format!("disposition {}", quoted(&told)));
        }
    }
}

fn relay_failure_dsn_format(s: &Survey<'_>, f: &mut Findings<'_>) {
    let daemon = |address: &str| {
        let local = local_part(address).to_ascii_lowercase();
        matches!(local.as_str(), "mailer-daemon" | "postmaster")
    };
    let notice = s.envelope.mail_from.as_deref() == Some("")
        && s.all_mailboxes("From").iter().any(|m| daemon(&m.address));
    if notice && !s.is_report() {
        f.entity(ROOT, format!("a failure notice as {}", quoted(&s.message.root().content_type.essence())));
    }
}

fn offramp_authorisation(s: &Survey<'_>, f: &mut Findings<'_>) {
    let nobody = s.envelope.auth.is_none() && s.envelope.mail_from.as_deref() == Some("");
    let offramp = s.envelope.rcpt_to.iter().find(|address| is_fax_address(address));
    if let (true, Some(address)) = (nobody, offramp) {
        f.envelope(format!("a fax to {} from nobody", quoted(address)));
    }
}
