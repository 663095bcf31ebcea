//! Parameters of MAIL and RCPT that ask for notifications: RFC 3461, RFC 3249 6. They are the client's;
//! a message judged offline has none.

use super::lookup::*;
use super::samples::*;
use crate::conformance::rule::{Findings, Level, Rule, Samples};
use crate::vpim::Survey;
use crate::vpim::envelope::parameters;

/// The rules.
pub static RULES: &[Rule] = &[
    Rule {
        id: "dsn-notify-syntax",
        level: Level::Must,
        rfc: 3461,
        section: "4.1",
        text: "NOTIFY is NEVER alone, or a list of SUCCESS, FAILURE and DELAY.",
        remedy: "Let the client write NOTIFY as RFC 3461 says.",
        classes: ALL,
        check: notify_syntax,
        repair: None,
        samples: Samples {
            good: VOICE.rcpt(&["NOTIFY=success,FAILURE"]),
            bad: VOICE.rcpt(&["NOTIFY=NEVER,DELAY"]),
        },
    },
    Rule {
        id: "dsn-orcpt-syntax",
        level: Level::Must,
        rfc: 3461,
        section: "4.2",
        text: "ORCPT is an address type, a semicolon and an address in xtext, of at most 500 characters.",
        remedy: "Let the client write ORCPT=rfc822; and the address.",
        classes: ALL,
        check: orcpt_syntax,
        repair: None,
        samples: Samples {
            good: VOICE.rcpt(&["ORCPT=rfc822;3002@vm.example.org"]),
            bad: VOICE.rcpt(&["ORCPT=3002@vm.example.org"]),
        },
    },
    Rule {
        id: "dsn-xtext-encoding",
        level: Level::Must,
        rfc: 3461,
        section: "4",
        text: "In ENVID and ORCPT other characters than printable ASCII, + and = are + and two hexadecimal digits.",
        remedy: "Let the client write + and two upper-case hexadecimal digits.",
        classes: ALL,
        check: xtext_encoding,
        repair: None,
        samples: Samples { good: VOICE.mail(&["ENVID=a+2Bb"]), bad: VOICE.mail(&["ENVID=a+2bb"]) },
    },
    Rule {
        id: "dsn-ret-syntax",
        level: Level::Must,
        rfc: 3461,
        section: "4.3",
        text: "RET is FULL or HDRS.",
        remedy: "Let the client write RET=FULL or RET=HDRS.",
        classes: ALL,
        check: ret_syntax,
        repair: None,
        samples: Samples { good: VOICE.mail(&["ret=hdrs"]), bad: VOICE.mail(&["RET=BODY"]) },
    },
    Rule {
        id: "dsn-envid-syntax",
        level: Level::Must,
        rfc: 3461,
        section: "4.4",
        text: "ENVID has 1 to 100 characters.",
        remedy: "Let the client write a shorter ENVID, or none.",
        classes: ALL,
        check: envid_syntax,
        repair: None,
        samples: Samples { good: VOICE.mail(&["ENVID=QQ314159"]), bad: VOICE.mail(&["ENVID="]) },
    },
    Rule {
        id: "dsn-parameters-once",
        level: Level::MustNot,
        rfc: 3461,
        section: "4.5",
        text: "A parameter occurs at most once in a command.",
        remedy: "Let the client write each parameter once.",
        classes: ALL,
        check: parameters_once,
        repair: None,
        samples: Samples {
            good: VOICE.mail(&["RET=FULL", "ENVID=a"]),
            bad: VOICE.mail(&["RET=FULL", "ret=HDRS"]),
        },
    },
    Rule {
        id: "dsn-no-ret-on-dsn",
        level: Level::MustNot,
        rfc: 3461,
        section: "6.1",
        text: "A notification is sent without RET.",
        remedy: "Let the system send notifications without RET.",
        classes: ALL,
        check: no_ret_on_dsn,
        repair: None,
        samples: Samples { good: DELIVERY, bad: DELIVERY.mail(&["RET=HDRS"]) },
    },
    Rule {
        id: "dsn-notify-never-on-dsn",
        level: Level::Must,
        rfc: 3461,
        section: "6.1",
        text: "A notification is sent with NOTIFY=NEVER or without NOTIFY.",
        remedy: "Let the system ask for no notification of a notification.",
        classes: ALL,
        check: notify_never_on_dsn,
        repair: None,
        samples: Samples { good: DELIVERY.rcpt(&["NOTIFY=NEVER"]), bad: DELIVERY.rcpt(&["NOTIFY=FAILURE"]) },
    },
    Rule {
        id: "efax-envid-for-correlation",
        level: Level::Should,
        rfc: 3249,
        section: "4.3",
        text: "A client that asks for a notification of delivery gives an ENVID to know it by.",
        remedy: "Let the fax gateway write ENVID on MAIL where it asks for NOTIFY=SUCCESS.",
        classes: FAX,
        check: envid_for_correlation,
        repair: None,
        samples: Samples {
            good: SIMPLE_FAX.mail(&["ENVID=a1"]).rcpt(&["NOTIFY=SUCCESS,FAILURE"]),
            bad: SIMPLE_FAX.rcpt(&["NOTIFY=SUCCESS,FAILURE"]),
        },
    },
    Rule {
        id: "orcpt-plus-equals-encoded",
        level: Level::Must,
        rfc: 3249,
        section: "6",
        text: "In ORCPT the + and = of a telephone address are +2B and +3D.",
        remedy: "Let the client write +2B for + and +3D for = in ORCPT.",
        classes: ALL,
        check: orcpt_plus_equals_encoded,
        repair: None,
        samples: Samples {
            good: SIMPLE_FAX.rcpt(&["ORCPT=rfc822;FAX+3D+2B3940226338@fax.example.org"]),
            bad: SIMPLE_FAX.rcpt(&["ORCPT=rfc822;FAX=+3940226338@fax.example.org"]),
        },
    },
    Rule {
        id: "ivm-dsn-may-be-requested",
        level: Level::May,
        rfc: 4239,
        section: "4",
        text: "A delivery notification may be asked for.",
        remedy: "Send NOTIFY only where the recipient's system is known to keep it.",
        classes: IVM,
        check: dsn_may_be_requested,
        repair: None,
        samples: Samples { good: INTERNET, bad: INTERNET.rcpt(&["NOTIFY=SUCCESS"]) },
    },
];

fn notify_syntax(s: &Survey<'_>, f: &mut Findings<'_>) {
    for value in values(s, "NOTIFY") {
        let words: Vec<_> = value.split(',').map(str::to_ascii_uppercase).collect();
        let events = words.iter().all(|w| matches!(w.as_str(), "SUCCESS" | "FAILURE" | "DELAY"));
        if !events && words != ["NEVER"] {
            f.envelope(format!("NOTIFY={}", quoted(value)));
        }
    }
}

fn orcpt_syntax(s: &Survey<'_>, f: &mut Findings<'_>) {
    for value in values(s, "ORCPT") {
        let kind = |k: &str| !k.is_empty() && k.bytes().all(|c| c.is_ascii_alphanumeric() || c == b'-');
        let typed = value.split_once(';').is_some_and(|(k, address)| kind(k) && !address.is_empty());
        if !typed || value.len() > 500 {
            f.envelope(format!("ORCPT={}", quoted(value)));
        }
    }
}

fn xtext_encoding(s: &Survey<'_>, f: &mut Findings<'_>) {
    for value in values(s, "ENVID").filter(|v| !is_xtext(v)) {
        f.envelope(format!("ENVID={} is no xtext", quoted(value)));
    }
    for value in values(s, "ORCPT") {
        if !is_xtext(value.split_once(';').map_or(value, |(_, address)| address)) {
            f.envelope(format!("ORCPT={} is no xtext", quoted(value)));
        }
    }
}

fn ret_syntax(s: &Survey<'_>, f: &mut Findings<'_>) {
    for value in values(s, "RET").filter(|v| !["FULL", "HDRS"].iter().any(|r| v.eq_ignore_ascii_case(r))) {
        f.envelope(format!("RET={}", quoted(value)));
    }
}

fn envid_syntax(s: &Survey<'_>, f: &mut Findings<'_>) {
    for value in values(s, "ENVID").filter(|v| !(1..=100).contains(&v.len())) {
        f.envelope(format!("ENVID of {} characters", value.len()));
    }
}

fn parameters_once(s: &Survey<'_>, f: &mut Findings<'_>) {
    for name in ["RET", "ENVID"].into_iter().filter(|n| values(s, n).count() > 1) {
        f.envelope(format!("{name} more than once"));
    }
    for (of_one, path) in s.envelope.rcpt_parameters.iter().zip(&s.envelope.rcpt_to) {
        for name in ["NOTIFY", "ORCPT"].into_iter().filter(|n| parameters(of_one, n).count() > 1) {
            f.envelope(format!("{name} more than once for {}", quoted(path)));
        }
    }
}

fn no_ret_on_dsn(s: &Survey<'_>, f: &mut Findings<'_>) {
    if s.is_report() && values(s, "RET").next().is_some() {
        f.envelope("RET for a notification");
    }
}

fn notify_never_on_dsn(s: &Survey<'_>, f: &mut Findings<'_>) {
    for value in values(s, "NOTIFY").filter(|v| s.is_report() && !v.eq_ignore_ascii_case("NEVER")) {
        f.envelope(format!("NOTIFY={} for a notification", quoted(value)));
    }
}

fn envid_for_correlation(s: &Survey<'_>, f: &mut Findings<'_>) {
    let wanted = values(s, "NOTIFY").any(|v| v.split(',').any(|n| n.trim().eq_ignore_ascii_case("SUCCESS")));
    if wanted && values(s, "ENVID").next().is_none() {
        f.envelope("NOTIFY=SUCCESS without ENVID");
    }
}

fn orcpt_plus_equals_encoded(s: &Survey<'_>, f: &mut Findings<'_>) {
    for value in values(s, "ORCPT") {
        let address = value.split_once(';').map_or(value, |(_, address)| address);
        if !is_xtext(address) && address.contains(['+', '=']) {
            f.envelope(format!("ORCPT={} has a bare + or =", quoted(value)));
        }
    }
}

fn dsn_may_be_requested(s: &Survey<'_>, f: &mut Findings<'_>) {
    for value in values(s, "NOTIFY").filter(|v| !v.eq_ignore_ascii_case("NEVER")) {
        f.envelope(format!("NOTIFY={}", quoted(value)));
    }
}

/// The values of a parameter of MAIL or RCPT.
fn values<'a>(s: &'a Survey<'_>, name: &'a str) -> impl Iterator<Item = &'a str> {
    let given = std::iter::once(&s.envelope.mail_parameters).chain(&s.envelope.rcpt_parameters);
    given.flat_map(move |given| parameters(given, name))
}

/// RFC 3461 4.
fn is_xtext(text: &str) -> bool {
    let upper = |c: Option<u8>| c.is_some_and(|c| c.is_ascii_digit() || (b'A'..=b'F').contains(&c));
    let mut octets = text.bytes();
    while let Some(c) = octets.next() {
        let right = match c {
            b'+' => upper(octets.next()) && upper(octets.next()),
            b'=' => false,
            c => c.is_ascii_graphic(),
        };
        if !right {
            return false;
        }
    }
    true
}
