//! Envelope and addresses of VPIM: RFC 3801 4.1, RFC 3804, RFC 3192, RFC 3461.
//!
//! A message judged offline has no envelope: what needs one is then not judged, or judged by the
//! header fields.

use super::lookup::*;
use super::samples::*;
use crate::conformance::rule::{Findings, Level, Rule, Samples};
use crate::vpim::Survey;

/// The rules.
pub static RULES: &[Rule] = &[
    Rule {
        id: "vpim2-address-dns-domain",
        level: Level::Must,
        rfc: 3801,
        section: "4.1",
        text: "Every address of a VPIM message is a local-part@domain mailbox whose domain is a DNS name.",
        remedy: "Configure the fully qualified domain of the voice system; addresses need it for replies.",
        classes: VPIM2,
        check: address_dns_domain,
        repair: None,
        samples: Samples::changed(VOICE, &[("<3002@vm.example.org>", "<3002@[192.0.2.1]>")]),
    },
    Rule {
        id: "vpim2-address-numeric-local-part",
        level: Level::Should,
        rfc: 3801,
        section: "4.1.1",
        text: "Mailbox identifiers are short digit strings, because many voice systems can only store and dial digits.",
        remedy: "Give the mailbox a digit alias; many voice systems can store and dial digits only.",
        classes: VPIM2,
        check: address_numeric_local_part,
        repair: None,
        samples: Samples::changed(VOICE, &[("<2001@", "<ann@")]),
    },
    Rule {
        id: "vpim2-address-e164-length",
        level: Level::Should,
        rfc: 3801,
        section: "4.1.1",
        text: "An E.164 mailbox has at most 15 digits, and an extension after it has at most 15 more.",
        remedy: "Write public numbers as + and at most 15 digits, an extension behind a second +.",
        classes: VPIM2,
        check: address_e164_length,
        repair: None,
        samples: Samples::changed(VOICE, &[("<2001@", "<+1234567890123456@")]),
    },
    Rule {
        id: "vpim2-address-printable-ascii",
        level: Level::Must,
        rfc: 3801,
        section: "4.1.1",
        text: "The local-part uses only printable US-ASCII characters.",
        remedy: "Use letters, digits and printable ASCII in mailbox names.",
        classes: VPIM2,
        check: address_printable_ascii,
        repair: None,
        samples: Samples::changed(VOICE, &[("<2001@", "<200é@")]),
    },
    Rule {
        id: "vpim2-non-mail-user-originator",
        level: Level::Should,
        rfc: 3801,
        section: "4.1.2",
        text: "A message nobody can answer, such as a telephone-answering message, carries non-mail-user@domain as its originator.",
        remedy: "Send messages nobody can answer from non-mail-user@ the domain of the voice system.",
        classes: VPIM2,
        check: non_mail_user_originator,
        repair: None,
        samples: Samples { good: VOICE, bad: VOICE.from("") },
    },
    Rule {
        id: "vpim2-non-mail-user-reject",
        level: Level::Must,
        rfc: 3801,
        section: "4.1.2",
        text: "Mail addressed to non-mail-user is refused with the bad-mailbox status.",
        remedy: "Do not send to non-mail-user: the message that came from there cannot be answered.",
        classes: VPIM,
        check: non_mail_user_reject,
        repair: None,
        samples: Samples { good: VOICE, bad: VOICE.to(&["non-mail-user@vm.example.org"]) },
    },
    Rule {
        id: "vpim2-from-equals-mail-from",
        level: Level::Should,
        rfc: 3801,
        section: "4.2.1",
        text: "The envelope sender and the From address are the same mailbox.",
        remedy: "Let the voice system use the mailbox of From as envelope sender.",
        classes: VPIM2,
        check: from_equals_mail_from,
        repair: None,
        samples: Samples { good: VOICE, bad: VOICE.from("2000@vm.example.net") },
    },
    Rule {
        id: "vpim2421-null-sender-for-call-answer",
        level: Level::Should,
        rfc: 2421,
        section: "4.6",
        text: "Telephone-answering messages use the null reverse-path.",
        remedy: "Send call answering messages with the null reverse-path.",
        classes: RFC2421,
        check: vpim2421_null_sender_for_call_answer,
        repair: None,
        samples: Samples::changed(VOICE_2421, &[("<2001@", "<non-mail-user@")]),
    },
    Rule {
        id: "dsn-null-envelope-sender",
        level: Level::Must,
        rfc: 3461,
        section: "6.1",
        text: "A DSN is sent with the null reverse-path.",
        remedy: "Send notifications with MAIL FROM:<>; anything else can loop.",
        classes: VPIM2,
        check: dsn_null_envelope_sender,
        repair: None,
        samples: Samples { good: DELIVERY, bad: DELIVERY.from("postmaster@vm.example.org") },
    },
    Rule {
        id: "mdn-null-envelope-sender",
        level: Level::Must,
        rfc: 8098,
        section: "3",
        text: "An MDN is sent with the null reverse-path.",
        remedy: "Send notifications with MAIL FROM:<>; anything else can loop.",
        classes: VPIM2,
        check: mdn_null_envelope_sender,
        repair: None,
        samples: Samples { good: DISPOSITION, bad: DISPOSITION.from("3002@vm.example.org") },
    },
    Rule {
        id: "ifax-mail-from-usable",
        level: Level::Must,
        rfc: 3965,
        section: "2.3.1",
        text: "MAIL FROM can receive return notices.",
        remedy: "Give the fax gateway an envelope sender that takes failure notices.",
        classes: FAX,
        check: ifax_mail_from_usable,
        repair: None,
        samples: Samples { good: SIMPLE_FAX, bad: SIMPLE_FAX.from("") },
    },
    Rule {
        id: "ifax-other-formats-distinct",
        level: Level::Must,
        rfc: 3965,
        section: "3.3",
        text: "Other address formats cannot be mistaken for that one.",
        remedy: "Write fax numbers as FAX=+number@domain (RFC 3192).",
        classes: FAX,
        check: ifax_other_formats_distinct,
        repair: None,
        samples: Samples { good: SIMPLE_FAX, bad: SIMPLE_FAX.to(&["FAX=office@fax.example.org"]) },
    },
    Rule {
        id: "fax-t33s-digits",
        level: Level::Must,
        rfc: 3192,
        section: "2",
        text: "The T.33 subaddress holds digits only, without padding or #.",
        remedy: "Give the sub-address in digits.",
        classes: ALL,
        check: fax_t33s_digits,
        repair: None,
        samples: Samples {
            good: SIMPLE_FAX,
            bad: SIMPLE_FAX.to(&["FAX=+39402263/T33S=12#3@fax.example.org"]),
        },
    },
];

fn address_dns_domain(s: &Survey<'_>, f: &mut Findings<'_>) {
    for name in ["From", "To", "Cc", "Sender", "Reply-To"] {
        for field in s.fields(ROOT, name) {
            for bad in s.mailboxes(field).iter().filter(|m| !m.domain().is_some_and(is_dns_domain)) {
                f.field(ROOT, field, format!("{} has no domain of the DNS", quoted(&bad.address)));
            }
        }
    }
    let paths = s.envelope.mail_from.iter().filter(|p| !p.is_empty()).chain(&s.envelope.rcpt_to);
    for path in paths.filter(|p| !domain(p).is_some_and(is_dns_domain)) {
        f.envelope(format!("{} has no domain of the DNS", quoted(path)));
    }
}

fn address_numeric_local_part(s: &Survey<'_>, f: &mut Findings<'_>) {
    if s.is_report() {
        return;
    }
    for field in s.fields(ROOT, "From") {
        for bad in s.mailboxes(field).iter().filter(|m| !is_dialable(m.local_part())) {
            f.field(ROOT, field, format!("mailbox {} cannot be dialled", quoted(bad.local_part())));
        }
    }
}

fn address_e164_length(s: &Survey<'_>, f: &mut Findings<'_>) {
    let header = ["From", "To", "Cc"].into_iter().flat_map(|n| s.all_mailboxes(n)).map(|m| m.address);
    let long = |half: &str| half.is_empty() || half.len() > 15 || !half.bytes().all(|c| c.is_ascii_digit());
    for address in header.chain(s.envelope.rcpt_to.iter().cloned()) {
        let number = local_part(&address).replace(['-', '.'], "");
        let Some(number) = number.strip_prefix('+') else { continue };
        let (number, extension) = number.split_once('+').unwrap_or((number, "0"));
        if long(number) || long(extension) {
            f.envelope(format!("{} is no number of the form +number or +number+extension", quoted(&address)));
        }
    }
}

fn address_printable_ascii(s: &Survey<'_>, f: &mut Findings<'_>) {
    let paths = s.envelope.mail_from.iter().chain(&s.envelope.rcpt_to).cloned();
    let header = ["From", "To", "Cc"].into_iter().flat_map(|n| s.all_mailboxes(n)).map(|m| m.address);
    for address in paths.chain(header) {
        if !local_part(&address).bytes().all(|c| (0x21..=0x7e).contains(&c)) {
            f.envelope(format!("{} is not printable ASCII", quoted(&address)));
        }
    }
}

fn non_mail_user_originator(s: &Survey<'_>, f: &mut Findings<'_>) {
    let null = s.envelope.mail_from.as_deref() == Some("");
    let answerable = |m: &crate::message::value::Mailbox| !is_non_mail_user(&m.address);
    if let Some(field) = s.top("From").filter(|_| null && !s.is_report())
        && s.mailboxes(field).iter().any(answerable)
    {
        f.field(ROOT, field, "the reverse-path is null, but From is a mailbox that could be answered");
    }
}

fn non_mail_user_reject(s: &Survey<'_>, f: &mut Findings<'_>) {
    for recipient in s.recipients().iter().filter(|r| is_non_mail_user(r)) {
        f.envelope(format!("{} is a mailbox that takes no mail", quoted(recipient)));
    }
}

fn from_equals_mail_from(s: &Survey<'_>, f: &mut Findings<'_>) {
    let path = s.envelope.mail_from.as_deref().filter(|p| !p.is_empty());
    if let (Some(path), Some(field), false) = (path, s.top("From"), s.is_report())
        && !s.mailboxes(field).iter().any(|m| same_mailbox(&m.address, path))
    {
        f.field(ROOT, field, format!("From differs from the envelope sender {}", quoted(path)));
    }
}

fn vpim2421_null_sender_for_call_answer(s: &Survey<'_>, f: &mut Findings<'_>) {
    let path = s.envelope.mail_from.as_deref().unwrap_or_default();
    if !path.is_empty() && s.all_mailboxes("From").iter().any(|m| is_non_mail_user(&m.address)) {
        f.envelope(format!("{} for a message from non-mail-user", quoted(path)));
    }
}

fn dsn_null_envelope_sender(s: &Survey<'_>, f: &mut Findings<'_>) {
    report_path(s, f, "delivery-status");
}

fn mdn_null_envelope_sender(s: &Survey<'_>, f: &mut Findings<'_>) {
    report_path(s, f, "disposition-notification");
}

fn ifax_mail_from_usable(s: &Survey<'_>, f: &mut Findings<'_>) {
    let Some(path) = s.envelope.mail_from.as_deref() else { return };
    let dead = local_part(path).to_ascii_lowercase();
    if path.is_empty() || is_non_mail_user(path) || dead.replace(['-', '_', '.'], "").starts_with("noreply") {
        f.envelope(format!("{} cannot take a failure notice", quoted(path)));
    }
}

fn ifax_other_formats_distinct(s: &Survey<'_>, f: &mut Findings<'_>) {
    for address in s.recipients() {
        let local = local_part(&address).trim_matches(['"', '/']).to_ascii_lowercase();
        let Some(number) = local.strip_prefix("fax=") else { continue };
        let number = number.split('/').next().unwrap_or_default();
        let plain = number.strip_prefix('+').unwrap_or(number);
        if plain.is_empty() || !plain.bytes().all(|c| c.is_ascii_digit() || matches!(c, b'-' | b'.')) {
            f.envelope(format!("{} looks like a fax address and is none", quoted(&address)));
        }
    }
}

fn fax_t33s_digits(s: &Survey<'_>, f: &mut Findings<'_>) {
    for address in s.recipients() {
        let local = local_part(&address).to_ascii_lowercase();
        let Some((_, sub)) = local.split_once("/t33s=") else { continue };
        let sub = sub.trim_matches(['"', '/']);
        if sub.is_empty() || !sub.bytes().all(|c| c.is_ascii_digit()) {
            f.envelope(format!("sub-address of {} is not all digits", quoted(&address)));
        }
    }
}

/// A mailbox that a telephone can dial, or one that is exempt (RFC 3801 4.1.1, 4.1.2).
fn is_dialable(local: &str) -> bool {
    let digits = local.replace(['-', '.'], "");
    let number = digits.strip_prefix('+').unwrap_or(&digits);
    let (number, extension) = number.split_once('+').unwrap_or((number, "0"));
    let all_digits = |t: &str| !t.is_empty() && t.bytes().all(|c| c.is_ascii_digit());
    let exempt = ["postmaster", "non-mail-user"].iter().any(|n| local.eq_ignore_ascii_case(n));
    exempt || local.contains('=') || (all_digits(number) && all_digits(extension))
}

fn report_path(s: &Survey<'_>, f: &mut Findings<'_>, kind: &str) {
    let Some(path) = s.envelope.mail_from.as_deref().filter(|p| !p.is_empty()) else { return };
    let root = s.message.root();
    let report_type = root.content_type.parameters.value("report-type").unwrap_or_default();
    if s.is_report() && report_type.eq_ignore_ascii_case(kind) {
        f.envelope(format!("a {kind} report from {}", quoted(path)));
    }
}
