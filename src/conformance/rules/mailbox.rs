//! Mailboxes and lists of them: RFC 3801 4.1 and 4.2.2, RFC 1911 4.1.

use super::lookup::*;
use super::samples::*;
use crate::conformance::rule::{Findings, Level, Rule, Samples};
use crate::vpim::{Survey, Target};

/// The rules.
pub static RULES: &[Rule] = &[
    Rule {
        id: "vpim2-address-e164-plus",
        level: Level::Should,
        rfc: 3801,
        section: "4.1.1",
        text: "A mailbox that is a public telephone number is written in E.164 form and flagged by a leading plus sign.",
        remedy: "Write public numbers as + and the full international number.",
        classes: VPIM2,
        check: address_e164_plus,
        repair: None,
        samples: Samples::changed(VOICE, &[("<2001@", "<16135550100@")]),
    },
    Rule {
        id: "vpim2-address-four-forms",
        level: Level::May,
        rfc: 3801,
        section: "4.1.1",
        text: "A VPIM local-part is one of four shapes: mailbox, mailbox+extension, +international, +international+extension.",
        remedy: "Nothing to do; a mail system that cuts addresses at + would lose the extension.",
        classes: VPIM2,
        check: address_four_forms,
        repair: None,
        samples: Samples::changed(VOICE, &[("<2001@", "<+16135550100+2001@")]),
    },
    Rule {
        id: "vpim2-address-separators-ignorable",
        level: Level::May,
        rfc: 3801,
        section: "4.1.1",
        text: "Separators such as a hyphen inside a numeric local-part carry no meaning and can be skipped when comparing numbers.",
        remedy: "Nothing to do; write numbers without separators for systems that compare letter by letter.",
        classes: VPIM2,
        check: address_separators_ignorable,
        repair: None,
        samples: Samples::changed(VOICE, &[("<2001@", "<20-01@")]),
    },
    Rule {
        id: "vpim2-address-alphanumeric-allowed",
        level: Level::May,
        rfc: 3801,
        section: "4.1.1",
        text: "Letters and long identifiers in the local-part are legal, merely unfriendly to telephone-only systems.",
        remedy: "Nothing to do; give the mailbox a digit alias for telephone-only systems.",
        classes: VPIM2,
        check: address_alphanumeric_allowed,
        repair: None,
        samples: Samples::changed(VOICE, &[("<2001@", "<ann@")]),
    },
    Rule {
        id: "vpim2-postmaster-exists",
        level: Level::Must,
        rfc: 3801,
        section: "4.1.2",
        text: "Each system provides a postmaster mailbox, which is likely to get plain text mail.",
        remedy: "Give the voice system a postmaster mailbox that text can be read in, or route postmaster elsewhere.",
        classes: VPIM2,
        check: postmaster_exists,
        repair: None,
        samples: Samples {
            good: VOICE,
            bad: VOICE
                .with(&[("--b1--", "--b1\nContent-Type: text/plain\n\nHello\n--b1--")])
                .to(&["Postmaster@vm.example.org"])
                .towards(|| Target { text: Some(false), ..Target::default() }),
        },
    },
    Rule {
        id: "vpim2-non-mail-user-no-reply",
        level: Level::MustNot,
        rfc: 3801,
        section: "4.1.2",
        text: "Replies to a message whose originator is non-mail-user are not allowed.",
        remedy: "Let the voice system offer no reply to callers without a mailbox.",
        classes: VPIM,
        check: non_mail_user_no_reply,
        repair: None,
        samples: Samples {
            good: VOICE,
            bad: VOICE.to(&["3002@vm.example.org", "Non-Mail-User@vm.example.net"]),
        },
    },
    Rule {
        id: "vpim2-dl-reply-and-error-paths",
        level: Level::Should,
        rfc: 3801,
        section: "4.1.3",
        text: "List expansion keeps replies going to the originator fields and errors going to the envelope sender.",
        remedy: "Let the list leave Reply-To alone, and take errors itself or leave them to the submitter.",
        classes: VPIM2,
        check: dl_reply_and_error_paths,
        repair: None,
        samples: Samples::changed(
            VOICE,
            &[(
                "Subject:",
                "List-Post: <mailto:all@vm.example.org>\nReply-To: <all@vm.example.org>\nSubject:",
            )],
        ),
    },
    Rule {
        id: "vpim2-recipient-fields-omitted-if-incomplete",
        level: Level::Should,
        rfc: 3801,
        section: "4.1.3",
        text: "When the complete recipient list cannot be given, the recipient fields are left out altogether.",
        remedy: "Name all recipients or none.",
        classes: VPIM2,
        check: recipient_fields_omitted,
        repair: None,
        samples: Samples::changed(
            VOICE,
            &[("To: <3002@vm.example.org>", "To: <3002@vm.example.org>, undisclosed-recipients:;")],
        ),
    },
    Rule {
        id: "vpim2-to-complete-or-absent",
        level: Level::Should,
        rfc: 3801,
        section: "4.2.2",
        text: "To lists recipients only if all of them are known, and may be missing otherwise.",
        remedy: "Leave To out where the recipients are not known.",
        classes: VPIM2,
        check: to_complete_or_absent,
        repair: None,
        samples: Samples::changed(VOICE, &[("To: <3002@vm.example.org>", "To:")]),
    },
    Rule {
        id: "vpim1-loopback-address",
        level: Level::Should,
        rfc: 1911,
        section: "4.1",
        text: "A loopback mailbox returns test messages to the sender.",
        remedy: "Test with a mailbox of your own; RFC 2421 withdrew loopback as a danger.",
        classes: VPIM1,
        check: vpim1_loopback_address,
        repair: None,
        samples: Samples { good: VOICE1, bad: VOICE1.to(&["loopback@vm.example.org"]) },
    },
];

fn address_e164_plus(s: &Survey<'_>, f: &mut Findings<'_>) {
    each_address(s, f, |local| {
        let shape = Shape::of(local);
        match (local.starts_with('+'), shape) {
            (true, Some(Shape { digits: 1..=15, .. })) => None,
            (true, _) => Some("no number of 1 to 15 digits behind the +"),
            (false, Some(Shape { digits: 11..=15, extension: false })) => {
                Some("looks like a public number, and has no +")
            }
            _ => None,
        }
    });
}

fn address_four_forms(s: &Survey<'_>, f: &mut Findings<'_>) {
    each_address(s, f, |local| {
        Shape::of(local).filter(|s| s.extension).map(|_| "an extension behind the +, no sub-address")
    });
}

fn address_separators_ignorable(s: &Survey<'_>, f: &mut Findings<'_>) {
    each_address(s, f, |local| {
        (local.contains(['-', '.']) && Shape::of(local).is_some())
            .then_some("the separators are no part of the number")
    });
}

fn address_alphanumeric_allowed(s: &Survey<'_>, f: &mut Findings<'_>) {
    each_address(s, f, |local| {
        let named = ["postmaster", "non-mail-user"].iter().any(|n| local.eq_ignore_ascii_case(n));
        (!named && (local.len() > 16 || Shape::of(local).is_none()))
            .then_some("cannot be dialled on a telephone")
    });
}

fn postmaster_exists(s: &Survey<'_>, f: &mut Findings<'_>) {
    let deaf = s.target.is_some_and(|t| t.text == Some(false)) && s.leaves("text").next().is_some();
    for recipient in s.recipients().iter().filter(|r| deaf && is_local_part(r, "postmaster")) {
        f.envelope(format!("{} is on a system that takes no text", quoted(recipient)));
    }
}

fn non_mail_user_no_reply(s: &Survey<'_>, f: &mut Findings<'_>) {
    for recipient in s.envelope.rcpt_to.iter().filter(|r| is_non_mail_user(r)) {
        f.envelope(format!("{} stands for a caller who cannot be answered", quoted(recipient)));
    }
}

fn dl_reply_and_error_paths(s: &Survey<'_>, f: &mut Findings<'_>) {
    let Some(mark) = ["List-Post", "List-Id", "Mailing-List"].into_iter().find_map(|n| s.top(n)) else {
        return;
    };
    let post = s.top("List-Post").map(|x| s.text(x)).unwrap_or_default();
    let post = post.split_once("mailto:").map(|(_, a)| a.split(['>', '?']).next().unwrap_or_default());
    let lists: Vec<String> = match post {
        Some(post) => vec![post.to_owned()],
        None => s.all_mailboxes("To").into_iter().map(|m| m.address).collect(),
    };
    for field in s.fields(ROOT, "Reply-To") {
        if s.mailboxes(field).iter().any(|m| lists.iter().any(|l| same_mailbox(l, &m.address))) {
            f.field(ROOT, field, "replies go to the list, not to the originator");
        }
    }
    if s.envelope.mail_from.as_deref() == Some("") && !s.is_report() {
        f.field(ROOT, mark, "mail of a list with the null reverse-path: nobody hears of failures");
    }
}

fn recipient_fields_omitted(s: &Survey<'_>, f: &mut Findings<'_>) {
    for field in ["To", "Cc"].into_iter().flat_map(|n| s.fields(ROOT, n)) {
        let squeezed: String = s.text(field).split_ascii_whitespace().collect();
        if squeezed.contains(":;") && !s.mailboxes(field).is_empty() {
            f.field(ROOT, field, "some recipients are named, others are not");
        }
    }
}

fn to_complete_or_absent(s: &Survey<'_>, f: &mut Findings<'_>) {
    for field in s.fields(ROOT, "To") {
        if !s.text(field).contains(':') && s.mailboxes(field).is_empty() {
            f.field(ROOT, field, "To names nobody");
        }
    }
}

fn vpim1_loopback_address(s: &Survey<'_>, f: &mut Findings<'_>) {
    for recipient in s.recipients().iter().filter(|r| is_local_part(r, "loopback")) {
        f.envelope(format!(
            "{}: loopback mailboxes were withdrawn, nothing will come back",
            quoted(recipient)
        ));
    }
}

/// A local-part of digits (RFC 3801 4.1.1), separators left out.
struct Shape {
    /// Digits of the mailbox or number.
    digits: usize,
    /// An extension follows behind `+`.
    extension: bool,
}

impl Shape {
    fn of(local: &str) -> Option<Shape> {
        let plain = local.replace(['-', '.'], "");
        let number = plain.strip_prefix('+').unwrap_or(&plain);
        let (number, extension) = number.split_once('+').map_or((number, None), |(n, e)| (n, Some(e)));
        let all_digits = |t: &str| !t.is_empty() && t.bytes().all(|c| c.is_ascii_digit());
        (all_digits(number) && extension.is_none_or(all_digits))
            .then(|| Shape { digits: number.len(), extension: extension.is_some() })
    }
}

/// What `wrong` says of the local-parts of the message and its envelope, each address once.
fn each_address(s: &Survey<'_>, f: &mut Findings<'_>, wrong: fn(&str) -> Option<&'static str>) {
    let header = ["From", "To", "Cc"].into_iter().flat_map(|n| s.all_mailboxes(n)).map(|m| m.address);
    let paths = s.envelope.mail_from.iter().chain(&s.envelope.rcpt_to).filter(|p| !p.is_empty()).cloned();
    let mut addresses: Vec<_> = header.chain(paths).collect();
    addresses.sort_unstable();
    addresses.dedup();
    for address in addresses {
        if let Some(what) = wrong(local_part(&address)) {
            f.envelope(format!("{}: {what}", quoted(&address)));
        }
    }
}

fn is_local_part(address: &str, name: &str) -> bool {
    local_part(address).trim_matches('"').eq_ignore_ascii_case(name)
}
