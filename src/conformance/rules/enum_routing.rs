//! Addresses found through ENUM: RFC 4238, RFC 6116. Judged by the records and entries that are known,
//! and by the address itself.

use super::lookup::*;
use super::samples::*;
use crate::conformance::rule::{Findings, Level, Rule, Sample, Samples};
use crate::vpim::directory::Answer;
use crate::vpim::{Class, Survey};

/// A voice message to an address that was made of a telephone number.
const CONSTRUCTED: Sample = VOICE.to(&["+496912345@vpim.example.org"]);

/// The rules.
pub static RULES: &[Rule] = &[
    Rule {
        id: "enum-ldap-address-used",
        level: Level::Should,
        rfc: 4238,
        section: "2.3",
        text: "The address that the directory gives for a number is used in the envelope and in To.",
        remedy: "Let the voice system write the address it looked up into To as well.",
        classes: ALL,
        check: ldap_address_used,
        repair: None,
        samples: Samples {
            good: VOICE.knowing(
                "dn: cn=3002\nvPIMRfc822Mailbox: 3002@vm.example.org\nvPIMTelephoneNumber: +496912345\n",
            ),
            bad: VOICE.with(&[("<3002@vm.example.org>", "<+496912345@example.com>")]).knowing(
                "dn: cn=3002\nvPIMRfc822Mailbox: 3002@vm.example.org\nvPIMTelephoneNumber: +496912345\n",
            ),
        },
    },
    Rule {
        id: "enum-mailto-address",
        level: Level::May,
        rfc: 4238,
        section: "3.2",
        text: "In the basic service the address is made by the expression of the E2U+vpim:mailto record.",
        remedy: "Write an expression whose replacement names no group that its pattern has not.",
        classes: ALL,
        check: mailto_address,
        repair: None,
        samples: Samples {
            good: VOICE.knowing("1.e164.arpa. NAPTR 1 1 \"u\" \"E2U+vpim:ldap\" \"!^.*$!ldap://x/!\" ."),
            bad: VOICE.knowing(
                r#"1.e164.arpa. NAPTR 1 1 "u" "E2U+vpim:mailto" "!^.*$!mailto:\\1@vpim.example.org!" ."#,
            ),
        },
    },
    Rule {
        id: "enum-vpim-marker-in-domain",
        level: Level::Should,
        rfc: 4238,
        section: "3",
        text: "An address whose domain begins with the label VPIM gets voice messages of VPIM version 2.",
        remedy: "Send VPIM voice messages to such addresses, or have the mail converted.",
        classes: &[Class::Vpim1, Class::Ivm, Class::Fax, Class::VoiceOther],
        check: vpim_marker_in_domain,
        repair: None,
        samples: Samples { good: CONSTRUCTED, bad: INTERNET.to(&["+496912345@vpim.example.org"]) },
    },
    Rule {
        id: "enum-basic-profile-only",
        level: Level::Should,
        rfc: 4238,
        section: "3",
        text: "A message to an address made of a number uses only the media and contents of VPIM version 2.",
        remedy: "Send nothing but audio/32KADPCM, fax and forwarded messages to such addresses.",
        classes: ALL,
        check: basic_profile_only,
        repair: None,
        samples: Samples {
            good: CONSTRUCTED,
            bad: CONSTRUCTED.with(&[("Content-Type: audio/32KADPCM", "Content-Type: audio/wav")]),
        },
    },
];

fn ldap_address_used(s: &Survey<'_>, f: &mut Findings<'_>) {
    let shown: Vec<_> = ["To", "Cc"].iter().flat_map(|n| s.all_mailboxes(n)).collect();
    for entry in s.answers.iter().filter_map(|a| match a {
        Answer::Entry(entry) => Some(entry),
        Answer::Naptr(_) => None,
    }) {
        for mailbox in entry.values("vPIMRfc822Mailbox") {
            let number = |local: &str| entry.values("vPIMTelephoneNumber").any(|n| n == local);
            let in_envelope = s.envelope.rcpt_to.iter().any(|r| same_mailbox(r, &mailbox));
            let in_header = shown.iter().any(|m| same_mailbox(&m.address, &mailbox));
            let other = match (in_envelope, in_header) {
                (true, false) => shown.iter().map(|m| &m.address).find(|a| number(local_part(a))),
                (false, true) => s.envelope.rcpt_to.iter().find(|r| number(local_part(r))),
                _ => None,
            };
            if let Some(other) = other {
                let (here, there) = if in_envelope { ("To", "RCPT TO") } else { ("RCPT TO", "To") };
                f.envelope(format!("{here} has {}, {there} {}", quoted(other), quoted(&mailbox)));
            }
        }
    }
}

fn mailto_address(s: &Survey<'_>, f: &mut Findings<'_>) {
    for answer in s.answers {
        let Answer::Naptr(record) = answer else { continue };
        let services: String = record.services.to_ascii_lowercase().split_whitespace().collect();
        if services != "e2u+vpim:mailto" {
            continue;
        }
        let what = match record.address(&format!("+{}", record.number())) {
            Some(address) => format!("makes the address {}", quoted(&address)),
            None => format!("makes no address with {}", quoted(&record.regexp)),
        };
        f.envelope(format!("NAPTR record of {}: {what}", quoted(&record.owner)));
    }
}

fn vpim_marker_in_domain(s: &Survey<'_>, f: &mut Findings<'_>) {
    for path in s.recipients().iter().filter(|p| is_marked(p)) {
        f.envelope(format!("{} is for VPIM voice messages", quoted(path)));
    }
}

fn basic_profile_only(s: &Survey<'_>, f: &mut Findings<'_>) {
    let number = |p: &str| {
        local_part(p).strip_prefix('+').is_some_and(|n| n.bytes().all(|c| c.is_ascii_digit() || c == b'+'))
    };
    let paths = s.recipients();
    let Some(path) = paths.iter().find(|p| is_marked(p) && number(p)) else { return };
    for (id, e) in s.judged().filter(|(_, e)| e.is_leaf()) {
        // "Because no capabilities information is provided about the recipient."
        let known = s.target.is_some_and(|t| t.is_known_to_take(&e.content_type.essence()));
        let allowed = e.content_type.is("audio/32kadpcm") || is_tiff(e) || known;
        let returned = s.is_report() && matches!(e.content_type.main.as_str(), "text" | "message");
        if !allowed && !returned {
            f.entity(id, format!("{} for {}", quoted(&e.content_type.essence()), quoted(path)));
        }
    }
}

/// RFC 4238 3: the first label of the domain says VPIM.
fn is_marked(address: &str) -> bool {
    let label = domain(address).and_then(|d| d.split('.').next());
    label.is_some_and(|l| l.eq_ignore_ascii_case("vpim"))
}
