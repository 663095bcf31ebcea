//! What a directory answers about the addresses of a message: entries of RFC 4237 and the addresses
//! that are resolved with them (RFC 3801 6). Without answers nothing is found.

use super::lookup::*;
use super::samples::*;
use crate::conformance::rule::{Findings, Level, Rule, Sample, Samples};
use crate::media::audio::g726_doubt;
use crate::vpim::directory::{Answer, Entry};
use crate::vpim::{Survey, VoiceKind};

/// The voice message, and an entry of its recipient with these lines.
macro_rules! user {
    ($($line:literal)*) => {
        VOICE.knowing(concat!("dn: cn=3002,dc=example,dc=org\nobjectClass: vPIMUser\n", $($line, "\n",)*))
    };
}

/// An entry that keeps all rules.
const USER: Sample = user!(
    "vPIMRfc822Mailbox: 3002@vm.example.org"
    "vPIMTelephoneNumber: +496912345+3002"
    "vPIMTelephoneNumber: +496912346+3002"
    "vPIMSpokenName:: //////////8="
    "vPIMSupportedAudioMediaTypes: audio32kadpcm"
    "vPIMSupportedAudioMediaTypes: basic"
    "vPIMSupportedMessageContext: voice-message"
    "vPIMExtendedAbsenceStatus: Off"
    "vPIMSupportedUABehaviors: MessageSensitivity"
    "vPIMMaxMessageSize: 300"
    "vPIMSubMailboxes: 12"
);

/// The rules.
pub static RULES: &[Rule] = &[
    Rule {
        id: "vpim2-resolve-addresses",
        level: Level::Should,
        rfc: 3801,
        section: "6",
        text: "A dialled number is resolved to an address with a domain before the message is sent.",
        remedy: "Let the voice system look dialled numbers up in its directory.",
        classes: VPIM2,
        check: resolve_addresses,
        repair: None,
        samples: Samples { good: VOICE, bad: VOICE.to(&["3002"]) },
    },
    Rule {
        id: "vpim2-harvest-directory",
        level: Level::May,
        rfc: 3801,
        section: "6",
        text: "The name, address and spoken name of the sender may go into a local directory.",
        remedy: "Mark messages private whose sender wants no entry in the recipient's directory.",
        classes: VPIM2,
        check: harvest_directory,
        repair: None,
        samples: Samples { good: VOICE.with(&[("Subject:", "Sensitivity: private\nSubject:")]), bad: VOICE },
    },
    Rule {
        id: "vpimdir-required-attributes",
        level: Level::Must,
        rfc: 4237,
        section: "2",
        text: "An entry has both a mailbox and a telephone number.",
        remedy: "Give the entry vPIMRfc822Mailbox and vPIMTelephoneNumber.",
        classes: ALL,
        check: required_attributes,
        repair: None,
        samples: Samples { good: USER, bad: user!("vPIMTelephoneNumber: +496912345") },
    },
    Rule {
        id: "vpimdir-telephone-number-format",
        level: Level::Must,
        rfc: 4237,
        section: "2.1",
        text: "A telephone number is + and digits, a mailbox behind a second +, and no separators.",
        remedy: "Write vPIMTelephoneNumber in full international form without blanks, dots or hyphens.",
        classes: ALL,
        check: telephone_number_format,
        repair: None,
        samples: Samples { good: USER, bad: user!("vPIMTelephoneNumber: +49 69 12345") },
    },
    Rule {
        id: "vpimdir-distinct-numbers",
        level: Level::Must,
        rfc: 4237,
        section: "2.1",
        text: "Several numbers of one entry differ before the second plus sign.",
        remedy: "Make an entry of its own for every mailbox behind the same number.",
        classes: ALL,
        check: distinct_numbers,
        repair: None,
        samples: Samples {
            good: USER,
            bad: user!("vPIMTelephoneNumber: +496912345+1" "vPIMTelephoneNumber: +496912345+2"),
        },
    },
    Rule {
        id: "vpimdir-spoken-name-codec",
        level: Level::Must,
        rfc: 4237,
        section: "2.3",
        text: "A spoken name is 32 kbit/s ADPCM, the same octets as in a part of type audio/32KADPCM.",
        remedy: "Convert the spoken name to audio/32KADPCM, without the header of a file.",
        classes: ALL,
        check: spoken_name_codec,
        repair: None,
        samples: Samples { good: USER, bad: user!("vPIMSpokenName:: UklGRiwAAABXQVZFZm10IBAAAAA=") },
    },
    Rule {
        id: "vpimdir-spoken-name-max",
        level: Level::MustNot,
        rfc: 4237,
        section: "2.3",
        text: "A spoken name in the directory is not longer than five seconds.",
        remedy: "Record a shorter name.",
        classes: ALL,
        check: spoken_name_max,
        repair: None,
        samples: Samples { good: USER, bad: user!("vPIMSpokenName:: ␥") },
    },
    Rule {
        id: "vpimdir-adpcm-listed",
        level: Level::Must,
        rfc: 4237,
        section: "2.5",
        text: "A list of audio types includes 32 kbit/s ADPCM.",
        remedy: "Add audio32kadpcm to vPIMSupportedAudioMediaTypes, or remove the attribute.",
        classes: ALL,
        check: adpcm_listed,
        repair: None,
        samples: Samples { good: USER, bad: user!("vPIMSupportedAudioMediaTypes: basic") },
    },
    Rule {
        id: "vpimdir-private-values-prefixed",
        level: Level::Must,
        rfc: 4237,
        section: "2.5",
        text: "Audio types and behaviours that are not registered begin with x-.",
        remedy: "Write x- before names of your own.",
        classes: ALL,
        check: private_values_prefixed,
        repair: None,
        samples: Samples {
            good: user!("vPIMSupportedUABehaviors: x-Paging" "vPIMSupportedAudioMediaTypes: 32kadpcm"),
            bad: user!("vPIMSupportedUABehaviors: Paging"),
        },
    },
    Rule {
        id: "vpimdir-message-context-values",
        level: Level::May,
        rfc: 4237,
        section: "2.6",
        text: "A list of message contexts says what the mailbox takes; the values are those of Message-Context.",
        remedy: "List voice-message for a mailbox that takes voice mail.",
        classes: ALL,
        check: message_context_values,
        repair: None,
        samples: Samples { good: USER, bad: user!("vPIMSupportedMessageContext: fax-message") },
    },
    Rule {
        id: "vpimdir-msgblocked",
        level: Level::ShouldNot,
        rfc: 4237,
        section: "2.7",
        text: "Nothing is sent to a mailbox whose extended absence blocks messages.",
        remedy: "Wait until the recipient takes messages again.",
        classes: ALL,
        check: msgblocked,
        repair: None,
        samples: Samples {
            good: USER,
            bad: user!("vPIMRfc822Mailbox: 3002@vm.example.org" "vPIMExtendedAbsenceStatus: MsgBlocked"),
        },
    },
    Rule {
        id: "vpimdir-behaviours",
        level: Level::May,
        rfc: 4237,
        section: "2.8",
        text: "A list of behaviours without MessageSensitivity says that private messages are not kept private.",
        remedy: "List MessageSensitivity for a mailbox that keeps private messages private.",
        classes: ALL,
        check: behaviours,
        repair: None,
        samples: Samples { good: USER, bad: user!("vPIMSupportedUABehaviors: MessageImportance") },
    },
    Rule {
        id: "vpimdir-max-message-size",
        level: Level::May,
        rfc: 4237,
        section: "2.9",
        text: "The directory says how many seconds a message to a mailbox may last.",
        remedy: "Send shorter messages to the mailbox.",
        classes: ALL,
        check: max_message_size,
        repair: None,
        samples: Samples {
            good: USER.with(&[("////////", "␥")]),
            bad: user!("vPIMRfc822Mailbox: 3002@vm.example.org" "vPIMMaxMessageSize: 10")
                .with(&[("////////", "␥")]),
        },
    },
    Rule {
        id: "vpimdir-submailboxes",
        level: Level::May,
        rfc: 4237,
        section: "2.10",
        text: "Sub-mailboxes are numbers from 1 to 9999.",
        remedy: "Write sub-mailboxes as numbers of one to four digits.",
        classes: ALL,
        check: submailboxes,
        repair: None,
        samples: Samples { good: USER, bad: user!("vPIMSubMailboxes: 12345") },
    },
];

fn resolve_addresses(s: &Survey<'_>, f: &mut Findings<'_>) {
    let unresolved = |address: &str| match address.rsplit_once('@') {
        None => !address.is_empty(),
        Some((_, domain)) => !domain.is_empty() && domain.bytes().all(|c| c.is_ascii_digit()),
    };
    for path in s.envelope.rcpt_to.iter().filter(|p| unresolved(p)) {
        f.envelope(format!("{} was not resolved to an address with a domain", quoted(path)));
    }
    for field in ["To", "Cc"].into_iter().flat_map(|n| s.fields(ROOT, n)) {
        for bad in s.mailboxes(field).iter().filter(|m| unresolved(&m.address)) {
            f.field(ROOT, field, format!("{} was not resolved", quoted(&bad.address)));
        }
    }
}

fn harvest_directory(s: &Survey<'_>, f: &mut Findings<'_>) {
    let private = s.top_token("Sensitivity").is_some_and(|v| v == "private");
    let Some(field) = s.top("From").filter(|_| !private && !s.is_report()) else { return };
    let spoken = s.judged_bodies().any(|(b, _)| b.voice == Some(VoiceKind::OriginatorSpokenName));
    for from in s.mailboxes(field).iter().filter(|m| !is_non_mail_user(&m.address)) {
        if spoken || from.name.is_some() {
            let what = if spoken { "spoken name" } else { "name" };
            f.field(ROOT, field, format!("tells the {what} of {}", quoted(&from.address)));
        }
    }
}

fn required_attributes(s: &Survey<'_>, f: &mut Findings<'_>) {
    for entry in users(s) {
        for name in [MAILBOX, NUMBER].into_iter().filter(|n| !entry.has(n)) {
            f.envelope(about(entry, format!("no {name}")));
        }
    }
}

fn telephone_number_format(s: &Survey<'_>, f: &mut Findings<'_>) {
    each_value(s, f, NUMBER, |number| {
        let digits = |t: &str| !t.is_empty() && t.bytes().all(|c| c.is_ascii_digit());
        let (main, mailbox) = number.strip_prefix('+').map(|n| n.split_once('+').unwrap_or((n, "0")))?;
        (digits(main) && main.len() <= 15 && digits(mailbox)).then_some(())
    });
}

fn distinct_numbers(s: &Survey<'_>, f: &mut Findings<'_>) {
    for entry in users(s) {
        let main = |n: &String| n.get(1..).and_then(|n| n.split('+').next()).unwrap_or_default().to_owned();
        let mut numbers: Vec<_> = entry.values(NUMBER).map(|n| main(&n)).collect();
        numbers.sort();
        if let Some([same, _]) = numbers.windows(2).find(|w| w[0] == w[1]) {
            f.envelope(about(entry, format!("the number +{same} twice")));
        }
    }
}

fn spoken_name_codec(s: &Survey<'_>, f: &mut Findings<'_>) {
    for entry in users(s) {
        for doubt in entry.octets(SPOKEN_NAME).filter_map(g726_doubt) {
            f.envelope(about(entry, format!("{SPOKEN_NAME} {doubt}")));
        }
    }
}

fn spoken_name_max(s: &Survey<'_>, f: &mut Findings<'_>) {
    /// Five seconds of 32 kbit/s.
    const MAX_OCTETS: usize = 5 * 4_000;
    for entry in users(s) {
        for name in entry.octets(SPOKEN_NAME).filter(|o| o.len() > MAX_OCTETS) {
            f.envelope(about(entry, format!("{SPOKEN_NAME} lasts {:.1} s", name.len() as f64 / 4_000.0)));
        }
    }
}

fn adpcm_listed(s: &Survey<'_>, f: &mut Findings<'_>) {
    for entry in users(s).filter(|e| e.has(AUDIO_TYPES)) {
        if !entry.values(AUDIO_TYPES).any(|v| subtype(&v).ends_with("32kadpcm")) {
            f.envelope(about(entry, format!("{AUDIO_TYPES} without audio32kadpcm")));
        }
    }
}

fn private_values_prefixed(s: &Survey<'_>, f: &mut Findings<'_>) {
    const BEHAVIOURS: [&str; 3] =
        ["messagedispositionnotification", "messagesensitivity", "messageimportance"];
    /// Audio subtypes that IANA has registered and telephone systems use.
    const REGISTERED: [&str; 40] = [
        "32kadpcm",
        "3gpp",
        "3gpp2",
        "aac",
        "ac3",
        "amr",
        "amr-wb",
        "amr-wb+",
        "basic",
        "cn",
        "dvi4",
        "evrc",
        "evs",
        "flac",
        "g719",
        "g722",
        "g7221",
        "g723",
        "g726-16",
        "g726-24",
        "g726-32",
        "g726-40",
        "g728",
        "g729",
        "gsm",
        "gsm-efr",
        "gsm-hr-08",
        "ilbc",
        "l16",
        "l8",
        "lpc",
        "mp4",
        "mpeg",
        "ogg",
        "opus",
        "pcma",
        "pcmu",
        "qcelp",
        "speex",
        "vnd.wave",
    ];
    let private = |v: &str| v.get(..2).is_some_and(|p| p.eq_ignore_ascii_case("x-"));
    each_value(s, f, BEHAVIOUR, |v| {
        (private(v) || BEHAVIOURS.contains(&v.to_ascii_lowercase().as_str())).then_some(())
    });
    each_value(s, f, AUDIO_TYPES, |v| {
        (private(v) || REGISTERED.contains(&subtype(v).as_str())).then_some(())
    });
}

fn message_context_values(s: &Survey<'_>, f: &mut Findings<'_>) {
    each_value(s, f, CONTEXT, |v| super::context::is_registered(&v.to_ascii_lowercase()).then_some(()));
    for entry in users(s).filter(|e| e.has(CONTEXT)) {
        if !entry.values(CONTEXT).any(|v| v.eq_ignore_ascii_case("voice-message")) {
            f.envelope(about(entry, format!("{CONTEXT} without voice-message")));
        }
    }
}

fn msgblocked(s: &Survey<'_>, f: &mut Findings<'_>) {
    for (path, entry) in recipients(s) {
        if entry.values("vPIMExtendedAbsenceStatus").any(|v| v.eq_ignore_ascii_case("MsgBlocked")) {
            f.envelope(about(entry, format!("{} takes no messages now", quoted(&path))));
        }
    }
}

fn behaviours(s: &Survey<'_>, f: &mut Findings<'_>) {
    for entry in users(s).filter(|e| e.has(BEHAVIOUR)) {
        if !entry.values(BEHAVIOUR).any(|v| v.eq_ignore_ascii_case("MessageSensitivity")) {
            f.envelope(about(entry, "private messages are not kept private".to_owned()));
        }
    }
}

fn max_message_size(s: &Survey<'_>, f: &mut Findings<'_>) {
    let seconds: f64 = s.judged().filter_map(|(id, _)| s.audio_facts(id)?.duration_s()).sum();
    for (path, entry) in recipients(s) {
        let sizes = entry.values("vPIMMaxMessageSize").filter_map(|v| v.parse::<u32>().ok());
        for size in sizes.filter(|size| f64::from(*size) < seconds) {
            let what = format!("{seconds:.0} s of voice for {}, which takes {size} s", quoted(&path));
            f.envelope(about(entry, what));
        }
    }
}

fn submailboxes(s: &Survey<'_>, f: &mut Findings<'_>) {
    each_value(s, f, "vPIMSubMailboxes", |v| {
        let digits = (1..=4).contains(&v.len()) && v.bytes().all(|c| c.is_ascii_digit());
        (digits && v.bytes().any(|c| c != b'0')).then_some(())
    });
}

const MAILBOX: &str = "vPIMRfc822Mailbox";
const NUMBER: &str = "vPIMTelephoneNumber";
const SPOKEN_NAME: &str = "vPIMSpokenName";
const AUDIO_TYPES: &str = "vPIMSupportedAudioMediaTypes";
const CONTEXT: &str = "vPIMSupportedMessageContext";
const BEHAVIOUR: &str = "vPIMSupportedUABehaviors";

/// The entries of users.
fn users<'a>(s: &'a Survey<'_>) -> impl Iterator<Item = &'a Entry> {
    s.answers.iter().filter_map(|a| match a {
        Answer::Entry(entry) if entry.is_vpim_user() => Some(entry),
        _ => None,
    })
}

/// The entries of users, with the recipient they are of.
fn recipients<'a>(s: &'a Survey<'_>) -> Vec<(String, &'a Entry)> {
    let paths = s.recipients();
    let mut out = Vec::new();
    for entry in users(s) {
        for mailbox in entry.values(MAILBOX) {
            let own = paths.iter().filter(|path| same_mailbox(&mailbox, path));
            out.extend(own.map(|path| (path.clone(), entry)));
        }
    }
    out
}

/// A finding on each value of an attribute that `right` gives nothing for.
fn each_value(s: &Survey<'_>, f: &mut Findings<'_>, name: &str, right: impl Fn(&str) -> Option<()>) {
    for entry in users(s) {
        for value in entry.values(name).filter(|v| right(v).is_none()) {
            f.envelope(about(entry, format!("{name}: {}", quoted(&value))));
        }
    }
}

fn about(entry: &Entry, what: String) -> String {
    format!("directory entry {}: {what}", quoted(&entry.dn))
}

/// An audio type with or without `audio/`, in lower case. RFC 4237 2.5 writes `audio32kadpcm` too.
fn subtype(value: &str) -> String {
    let lower = value.to_ascii_lowercase();
    let bare = lower.strip_prefix("audio/").unwrap_or(&lower);
    if bare == "audio32kadpcm" { "32kadpcm".to_owned() } else { bare.to_owned() }
}
