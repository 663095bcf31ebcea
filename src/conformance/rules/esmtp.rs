//! The SMTP session and the trace it leaves: RFC 3801 4.2.9 and 5, RFC 3461, RFC 1870, RFC 2421 5.
//!
//! A message judged offline has no session: then nothing is found.

use super::lookup::*;
use super::samples::*;
use crate::conformance::rule::{Findings, Level, Rule, Samples};
use crate::vpim::envelope::parameters;
use crate::vpim::{Envelope, Survey};
use std::net::{IpAddr, Ipv4Addr};

/// The rules.
pub static RULES: &[Rule] = &[
    Rule {
        id: "vpim2-received-added",
        level: Level::Must,
        rfc: 3801,
        section: "4.2.9",
        text: "A VPIM system adds a Received trace field.",
        remedy: "Let the system that brought the message add Received.",
        classes: VPIM,
        check: received_added,
        repair: None,
        samples: Samples {
            good: VOICE,
            bad: VOICE
                .with(&[(
                    "Received: from vm.example.net by vm.example.org; Tue, 4 Mar 2025 09:00:01 +0100\n",
                    "",
                )])
                .in_session(|e| Envelope { client: Some(IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1))), ..e }),
        },
    },
    Rule {
        id: "vpim2-received-gateway-info",
        level: Level::Should,
        rfc: 3801,
        section: "4.2.9",
        text: "A gateway's Received field tells which system the message came from.",
        remedy: "Let the gateway say in Received where a message came from.",
        classes: VPIM2,
        check: received_gateway_info,
        repair: None,
        samples: Samples::changed(VOICE, &[("Received: from vm.example.net by", "Received: by")]),
    },
    Rule {
        id: "vpim2-smtp-mail-from",
        level: Level::Must,
        rfc: 3801,
        section: "5.1",
        text: "The MAIL FROM command with ESMTP parameters is implemented.",
        remedy: "Check the SMTP client of the voice system: parameters are KEYWORD or KEYWORD=value.",
        classes: ALL,
        check: smtp_mail_from,
        repair: None,
        samples: Samples {
            good: VOICE,
            bad: VOICE.in_session(|e| Envelope { mail_parameters: vec!["SIZE=".into()], ..e }),
        },
    },
    Rule {
        id: "vpim2-smtp-rcpt-to",
        level: Level::Must,
        rfc: 3801,
        section: "5.1",
        text: "The RCPT TO command with ESMTP parameters is implemented.",
        remedy: "Check the SMTP client of the voice system: parameters are KEYWORD or KEYWORD=value.",
        classes: ALL,
        check: smtp_rcpt_to,
        repair: None,
        samples: Samples {
            good: VOICE,
            bad: VOICE.in_session(|e| Envelope { rcpt_parameters: vec![vec!["=NEVER".into()]], ..e }),
        },
    },
    Rule {
        id: "vpim2-esmtp-notify",
        level: Level::Must,
        rfc: 3801,
        section: "5.2.1",
        text: "The NOTIFY parameter of RCPT is supported.",
        remedy: "Write NEVER, or a list of SUCCESS, FAILURE and DELAY.",
        classes: ALL,
        check: esmtp_notify,
        repair: None,
        samples: Samples {
            good: VOICE
                .in_session(|e| Envelope { rcpt_parameters: vec![vec!["NOTIFY=SUCCESS,DELAY".into()]], ..e }),
            bad: VOICE
                .in_session(|e| Envelope { rcpt_parameters: vec![vec!["NOTIFY=NEVER,FAILURE".into()]], ..e }),
        },
    },
    Rule {
        id: "vpim2-esmtp-ret",
        level: Level::Should,
        rfc: 3801,
        section: "5.2.1",
        text: "The RET parameter is supported.",
        remedy: "Write FULL or HDRS.",
        classes: ALL,
        check: esmtp_ret,
        repair: None,
        samples: Samples {
            good: VOICE.in_session(|e| Envelope { mail_parameters: vec!["RET=HDRS".into()], ..e }),
            bad: VOICE.in_session(|e| Envelope { mail_parameters: vec!["RET=BODY".into()], ..e }),
        },
    },
    Rule {
        id: "vpim2-esmtp-envid",
        level: Level::May,
        rfc: 3801,
        section: "5.2.1",
        text: "The ENVID parameter may be supported.",
        remedy: "Nothing to do.",
        classes: VPIM2,
        check: esmtp_envid,
        repair: None,
        samples: Samples {
            good: VOICE,
            bad: VOICE.in_session(|e| Envelope { mail_parameters: vec!["ENVID=a1".into()], ..e }),
        },
    },
    Rule {
        id: "vpim2-esmtp-orcpt",
        level: Level::May,
        rfc: 3801,
        section: "5.2.1",
        text: "The ORCPT parameter may be supported.",
        remedy: "Nothing to do.",
        classes: VPIM2,
        check: esmtp_orcpt,
        repair: None,
        samples: Samples {
            good: VOICE,
            bad: VOICE.in_session(|e| Envelope {
                rcpt_parameters: vec![vec!["ORCPT=rfc822;3002@vm.example.org".into()]],
                ..e
            }),
        },
    },
    Rule {
        id: "vpim2-esmtp-size",
        level: Level::Must,
        rfc: 3801,
        section: "5.2.2",
        text: "The SIZE extension is supported.",
        remedy: "Write the octets of the message in digits.",
        classes: ALL,
        check: esmtp_size,
        repair: None,
        samples: Samples {
            good: VOICE.in_session(|e| Envelope { mail_parameters: vec!["SIZE=5000".into()], ..e }),
            bad: VOICE.in_session(|e| Envelope { mail_parameters: vec!["SIZE=5k".into()], ..e }),
        },
    },
    Rule {
        id: "vpim2-esmtp-binarymime",
        level: Level::May,
        rfc: 3801,
        section: "5.2.6",
        text: "The BINARYMIME extension may be supported, and then CHUNKING is supported too.",
        remedy: "Nothing to do; messages to systems without BINARYMIME must be encoded on the way.",
        classes: VPIM2,
        check: esmtp_binarymime,
        repair: None,
        samples: Samples { good: VOICE, bad: VOICE.in_session(|e| Envelope { binary_mime: true, ..e }) },
    },
    Rule {
        id: "vpim2421-size-parameter",
        level: Level::Should,
        rfc: 2421,
        section: "5.2.2",
        text: "Clients announce the size on MAIL FROM when the server offers SIZE.",
        remedy: "Let the SMTP client announce the whole size, header and line ends included.",
        classes: RFC2421,
        check: size_parameter,
        repair: None,
        samples: Samples {
            good: VOICE_2421.in_session(|e| Envelope { mail_parameters: vec!["SIZE=5000".into()], ..e }),
            bad: VOICE_2421.in_session(|e| Envelope { mail_parameters: vec!["SIZE=100".into()], ..e }),
        },
    },
    Rule {
        id: "vpim2421-no-helo",
        level: Level::ShouldNot,
        rfc: 2421,
        section: "5.1.1",
        text: "Clients do not fall back to HELO unless EHLO failed.",
        remedy: "Let the SMTP client greet with EHLO.",
        classes: RFC2421,
        check: no_helo,
        repair: None,
        samples: Samples {
            good: VOICE_2421.in_session(|e| Envelope { protocol: Some("ESMTP".into()), ..e }),
            bad: VOICE_2421.in_session(|e| Envelope { protocol: Some("SMTP".into()), ..e }),
        },
    },
];

fn received_added(s: &Survey<'_>, f: &mut Findings<'_>) {
    let relayed = s.envelope.auth.is_none() && s.envelope.client.is_some_and(|c| !c.is_loopback());
    if relayed && s.top("Received").is_none() {
        f.missing(ROOT, "Received", "another system brought the message and left no Received");
    }
}

fn received_gateway_info(s: &Survey<'_>, f: &mut Findings<'_>) {
    let says_from = |octets: &[u8]| {
        octets
            .split(|c| !c.is_ascii_alphanumeric())
            .any(|w| w.eq_ignore_ascii_case(b"from") || w.eq_ignore_ascii_case(b"with"))
    };
    for field in s.fields(ROOT, "Received").filter(|x| !says_from(s.octets(x))) {
        f.field(ROOT, field, "does not say where the message came from");
    }
}

fn smtp_mail_from(s: &Survey<'_>, f: &mut Findings<'_>) {
    for bad in s.envelope.mail_parameters.iter().filter(|p| !is_parameter(p)) {
        f.envelope(format!("MAIL FROM with {}", quoted(bad)));
    }
}

fn smtp_rcpt_to(s: &Survey<'_>, f: &mut Findings<'_>) {
    for bad in s.envelope.rcpt_parameters.iter().flatten().filter(|p| !is_parameter(p)) {
        f.envelope(format!("RCPT TO with {}", quoted(bad)));
    }
}

fn esmtp_notify(s: &Survey<'_>, f: &mut Findings<'_>) {
    let is_notify = |value: &str| {
        value.eq_ignore_ascii_case("NEVER")
            || value
                .split(',')
                .all(|w| ["SUCCESS", "FAILURE", "DELAY"].iter().any(|n| w.eq_ignore_ascii_case(n)))
    };
    for given in &s.envelope.rcpt_parameters {
        for bad in parameters(given, "NOTIFY").filter(|v| !is_notify(v)) {
            f.envelope(format!("NOTIFY={}", quoted(bad)));
        }
    }
}

fn esmtp_ret(s: &Survey<'_>, f: &mut Findings<'_>) {
    let is_ret = |v: &&str| v.eq_ignore_ascii_case("FULL") || v.eq_ignore_ascii_case("HDRS");
    for bad in parameters(&s.envelope.mail_parameters, "RET").filter(|v| !is_ret(v)) {
        f.envelope(format!("RET={}", quoted(bad)));
    }
}

fn esmtp_size(s: &Survey<'_>, f: &mut Findings<'_>) {
    let is_size = |v: &&str| (1..=20).contains(&v.len()) && v.bytes().all(|c| c.is_ascii_digit());
    for bad in parameters(&s.envelope.mail_parameters, "SIZE").filter(|v| !is_size(v)) {
        f.envelope(format!("SIZE={}", quoted(bad)));
    }
}

fn size_parameter(s: &Survey<'_>, f: &mut Findings<'_>) {
    let octets = s.message.raw().len();
    for stated in parameters(&s.envelope.mail_parameters, "SIZE").filter_map(|v| v.parse::<usize>().ok()) {
        if stated < octets {
            f.envelope(format!("SIZE={stated} for a message of {octets} octets"));
        }
    }
}

fn no_helo(s: &Survey<'_>, f: &mut Findings<'_>) {
    if s.envelope.protocol.as_deref().is_some_and(|p| p.eq_ignore_ascii_case("SMTP")) {
        f.envelope("the client greeted with HELO");
    }
}

fn esmtp_envid(s: &Survey<'_>, f: &mut Findings<'_>) {
    for id in parameters(&s.envelope.mail_parameters, "ENVID") {
        f.envelope(format!("ENVID={}: some systems do not give it back", quoted(id)));
    }
}

fn esmtp_orcpt(s: &Survey<'_>, f: &mut Findings<'_>) {
    for given in &s.envelope.rcpt_parameters {
        for address in parameters(given, "ORCPT") {
            f.envelope(format!("ORCPT={}: some systems do not give it back", quoted(address)));
        }
    }
}

fn esmtp_binarymime(s: &Survey<'_>, f: &mut Findings<'_>) {
    if s.envelope.binary_mime {
        f.envelope("BODY=BINARYMIME: the next system may not take binary mail");
    }
}

/// esmtp-param of RFC 5321 4.1.2, with UTF-8 values for SMTPUTF8.
fn is_parameter(text: &str) -> bool {
    let (keyword, value) = text.split_once('=').map_or((text, None), |(k, v)| (k, Some(v)));
    keyword.starts_with(|c: char| c.is_ascii_alphanumeric())
        && keyword.bytes().all(|c| c.is_ascii_alphanumeric() || c == b'-')
        && value.is_none_or(|v| !v.is_empty() && !v.contains(|c: char| c.is_ascii_control() || c == ' '))
}
