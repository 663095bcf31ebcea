//! Telephone addresses: RFC 3191, RFC 3192, RFC 2846, RFC 3804.

use super::lookup::*;
use super::samples::*;
use crate::conformance::rule::{Findings, Level, Rule, Samples};
use crate::vpim::gstn::Gstn;
use crate::vpim::{Survey, Target};
use std::net::IpAddr;

/// The rules.
pub static RULES: &[Rule] = &[
    Rule {
        id: "gstn-submission-forms",
        level: Level::Must,
        rfc: 3804,
        section: "4.2",
        text: "A telephone number is addressed with the service selector VPIM, VOICE, AMIS or FAX.",
        remedy: "Write one of the four selectors before the number.",
        classes: ALL,
        check: submission_forms,
        repair: None,
        samples: Samples { good: SIMPLE_FAX, bad: SIMPLE_FAX.to(&["TEL=+496912345@gw.example.org"]) },
    },
    Rule {
        id: "gstn-vpim-extension",
        level: Level::May,
        rfc: 3804,
        section: "4.2.1",
        text: "An extension follows a VPIM number behind /EXT= or +, a distribution list behind /DL=.",
        remedy: "Write extensions and lists in digits.",
        classes: ALL,
        check: vpim_extension,
        repair: None,
        samples: Samples { good: SIMPLE_FAX, bad: SIMPLE_FAX.to(&["VPIM=+496912345/EXT=12@gw.example.org"]) },
    },
    Rule {
        id: "gstn-amis-mailbox",
        level: Level::Must,
        rfc: 3804,
        section: "4.2.3",
        text: "An AMIS address is a mailbox of at most 32 characters within the limits of AMIS, and perhaps a system number.",
        remedy: "Write AMIS= and digits with + between country, area and local number.",
        classes: ALL,
        check: amis_mailbox,
        repair: None,
        samples: Samples {
            good: SIMPLE_FAX,
            bad: SIMPLE_FAX.to(&["AMIS=12345678901234567890123456789012345@gw.example.org"]),
        },
    },
    Rule {
        id: "gstn-sysnum-amis-only",
        level: Level::MustNot,
        rfc: 3804,
        section: "6.4",
        text: "SYSNUM stands only in addresses with the selector AMIS.",
        remedy: "Leave /SYSNUM= out.",
        classes: ALL,
        check: sysnum_amis_only,
        repair: None,
        samples: Samples {
            good: SIMPLE_FAX,
            bad: SIMPLE_FAX.to(&["FAX=+3940226338/SYSNUM=1+401+3279542+@gw.example.org"]),
        },
    },
    Rule {
        id: "gstn-outdial-authorised",
        level: Level::Should,
        rfc: 3804,
        section: "5",
        text: "A gateway does not place calls for anyone and to any number.",
        remedy: "Let the client authenticate, or refuse it at the gateway.",
        classes: ALL,
        check: outdial_authorised,
        repair: None,
        samples: Samples { good: SIMPLE_FAX, bad: SIMPLE_FAX.towards(gateway).client("192.0.2.7") },
    },
    Rule {
        id: "gstn-plus-reserved",
        level: Level::MustNot,
        rfc: 3191,
        section: "2.1",
        text: "A plus sign begins full international numbers of at most 15 digits and nothing else.",
        remedy: "Leave the plus sign out of private and local numbers.",
        classes: ALL,
        check: plus_reserved,
        repair: None,
        samples: Samples {
            good: SIMPLE_FAX,
            bad: SIMPLE_FAX.to(&["FAX=+39402263380123456@fax.example.org"]),
        },
    },
    Rule {
        id: "gstn-slashes-not-generated",
        level: Level::ShouldNot,
        rfc: 3191,
        section: "4",
        text: "No slash stands before or behind a telephone address.",
        remedy: "Leave the slashes at the ends of the local-part out.",
        classes: ALL,
        check: slashes_not_generated,
        repair: None,
        samples: Samples { good: SIMPLE_FAX, bad: SIMPLE_FAX.to(&["/FAX=+3940226338/@fax.example.org"]) },
    },
    Rule {
        id: "gstn-quoting",
        level: Level::Must,
        rfc: 3191,
        section: "4",
        text: "A telephone address is quoted where it has characters that mail wants quoted.",
        remedy: "Write the local-part in quotes, or without blanks, commas and parentheses.",
        classes: ALL,
        check: quoting,
        repair: None,
        samples: Samples { good: SIMPLE_FAX, bad: SIMPLE_FAX.to(&["FAX=+39(402)26338@fax.example.org"]) },
    },
    Rule {
        id: "gstn-one-subaddress-per-address",
        level: Level::Must,
        rfc: 3191,
        section: "4.1",
        text: "Several sub-addresses of a number are several recipients.",
        remedy: "Write an address for each sub-address.",
        classes: ALL,
        check: one_subaddress,
        repair: None,
        samples: Samples {
            good: SIMPLE_FAX,
            bad: SIMPLE_FAX.to(&["FAX=+3940226338/T33S=1/T33S=2@fax.example.org"]),
        },
    },
    Rule {
        id: "gstn-post-dial",
        level: Level::May,
        rfc: 2846,
        section: "2.3",
        text: "A post-dial string may follow behind /POSTD=, an ISDN sub-address behind /ISUB=.",
        remedy: "Leave them out for gateways that do not know them.",
        classes: ALL,
        check: post_dial,
        repair: None,
        samples: Samples {
            good: SIMPLE_FAX,
            bad: SIMPLE_FAX.to(&["FAX=+3940226338/POSTD=pp17@fax.example.org"]),
        },
    },
    Rule {
        id: "fax-t33s-fax-only",
        level: Level::MustNot,
        rfc: 3192,
        section: "7.2",
        text: "T33S stands only in addresses with the selector FAX.",
        remedy: "Leave /T33S= out, or write FAX=.",
        classes: ALL,
        check: t33s_fax_only,
        repair: None,
        samples: Samples {
            good: SIMPLE_FAX,
            bad: SIMPLE_FAX.to(&["VOICE=+3940226338/T33S=1@gw.example.org"]),
        },
    },
];

fn gateway() -> Target {
    Target { dials: true, ..Target::default() }
}

fn submission_forms(s: &Survey<'_>, f: &mut Findings<'_>) {
    each(s, f, |_, g| {
        (!g.is_known()).then(|| format!("the service selector {} is none of RFC 3804", quoted(&g.selector)))
    });
}

fn vpim_extension(s: &Survey<'_>, f: &mut Findings<'_>) {
    each(s, f, |_, g| {
        let of_list = |name: &str| matches!(name, "ext" | "dl");
        let behind_plus = g.digits().strip_prefix('+').is_some_and(|n| n.contains('+'));
        if g.selector != "vpim" || !(behind_plus || g.elements.iter().any(|(n, _)| of_list(n))) {
            return None;
        }
        let right = g.elements.iter().all(|(name, value)| of_list(name) && all(value, &[]));
        Some(
            if right {
                "with an extension or list"
            } else {
                "with an extension or list that is not all digits"
            }
            .to_owned(),
        )
    });
}

fn amis_mailbox(s: &Survey<'_>, f: &mut Findings<'_>) {
    each(s, f, |_, g| {
        if g.selector != "amis" {
            return None;
        }
        // The sample of RFC 3804 has a slash within the number, which its grammar has not.
        let inner = g.elements.iter().filter(|(name, _)| name.is_empty());
        let mailbox = inner.fold(g.number.clone(), |all, (_, more)| all + more);
        let number = |n: &str| {
            let digits = n.bytes().filter(u8::is_ascii_digit).count();
            all(n, b"+") && digits > 0 && digits <= if n.starts_with("0++") { 14 } else { 15 }
        };
        let digital = |n: &str| {
            let id = if n.contains('+') { n.split('+').nth(1) } else { Some(n) };
            n.bytes().all(|c| c.is_ascii_graphic()) && id.is_some_and(|id| (1..=16).contains(&id.len()))
        };
        let fits = mailbox.len() <= 32 && (number(&mailbox) || digital(&mailbox));
        let system = g.values("sysnum").all(number);
        match (fits, system) {
            (false, _) => Some("the mailbox does not fit AMIS".to_owned()),
            (_, false) => Some("the system number is no number of AMIS".to_owned()),
            _ => None,
        }
    });
}

fn sysnum_amis_only(s: &Survey<'_>, f: &mut Findings<'_>) {
    each(s, f, |_, g| foreign(g, "sysnum", "amis"));
}

fn outdial_authorised(s: &Survey<'_>, f: &mut Findings<'_>) {
    let outside = match s.envelope.client {
        Some(IpAddr::V4(a)) => !(a.is_private() || a.is_loopback() || a.is_link_local()),
        Some(IpAddr::V6(a)) => !(a.is_loopback() || a.is_unique_local() || a.is_unicast_link_local()),
        None => false,
    };
    if outside && s.envelope.auth.is_none() && s.target.is_some_and(|t| t.dials) {
        each(s, f, |_, g| {
            let calls = matches!(g.selector.as_str(), "fax" | "voice");
            calls.then(|| "a client that did not authenticate makes the gateway call".to_owned())
        });
    }
}

fn plus_reserved(s: &Survey<'_>, f: &mut Findings<'_>) {
    each(s, f, |_, g| {
        let number = g.number.strip_prefix('+')?;
        // Behind a second plus stands an extension (RFC 3804 4.2.1).
        let main = if g.selector == "vpim" { number.split('+').next().unwrap_or_default() } else { number };
        let digits = main.bytes().filter(u8::is_ascii_digit).count();
        let global = all(main, b"-.") && (1..=15).contains(&digits);
        (g.selector != "amis" && !global).then(|| "+ before what is no international number".to_owned())
    });
}

fn slashes_not_generated(s: &Survey<'_>, f: &mut Findings<'_>) {
    each(s, f, |_, g| g.slashes.then(|| "slashes around the address".to_owned()));
}

fn quoting(s: &Survey<'_>, f: &mut Findings<'_>) {
    each(s, f, |local, _| {
        let atom = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-/=?^_`{|}~.".contains(c);
        let bad = local.chars().find(|c| !atom(*c)).filter(|_| !local.starts_with('"'))?;
        Some(format!("{} wants quotes", quoted(&bad.to_string())))
    });
}

fn one_subaddress(s: &Survey<'_>, f: &mut Findings<'_>) {
    each(s, f, |_, g| {
        let several = ["t33s", "isub"]
            .into_iter()
            .find(|name| g.values(name).count() > 1 || g.values(name).any(|v| v.contains('#')))?;
        Some(format!("several sub-addresses {}", several.to_ascii_uppercase()))
    });
}

fn post_dial(s: &Survey<'_>, f: &mut Findings<'_>) {
    each(s, f, |_, g| {
        let (name, value) = g.elements.iter().find(|(name, _)| matches!(name.as_str(), "postd" | "isub"))?;
        let right = if name == "postd" { all(value, b"#*ABCDabcdPpWw-.") } else { all(value, b"-.") };
        let what = if right { "" } else { " that cannot be dialled" };
        Some(format!("{}={}{what}", name.to_ascii_uppercase(), quoted(value)))
    });
}

fn t33s_fax_only(s: &Survey<'_>, f: &mut Findings<'_>) {
    each(s, f, |_, g| foreign(g, "t33s", "fax"));
}

/// An element of one selector in an address of another.
fn foreign(g: &Gstn, element: &str, selector: &str) -> Option<String> {
    let here = g.selector != selector && g.values(element).next().is_some();
    here.then(|| format!("{} with the selector {}", element.to_ascii_uppercase(), quoted(&g.selector)))
}

/// Digits and these characters only, and at least one.
fn all(text: &str, more: &[u8]) -> bool {
    !text.is_empty() && text.bytes().all(|c| c.is_ascii_digit() || more.contains(&c))
}

/// Findings on the telephone addresses of the recipients.
fn each(s: &Survey<'_>, f: &mut Findings<'_>, wrong: impl Fn(&str, &Gstn) -> Option<String>) {
    for address in s.recipients() {
        let local = local_part(&address);
        if let Some(what) = Gstn::parse(local).and_then(|g| wrong(local, &g)) {
            f.envelope(format!("{}: {what}", quoted(&address)));
        }
    }
}
