//! Header fields a sender may use and a receiver may ignore: RFC 3801 4.2 and 4.3. Notes only.

use super::header_mend::merge_addresses;
use super::lookup::*;
use super::samples::*;
use crate::conformance::rule::{Findings, Level, Rule, Samples};
use crate::vpim::Survey;

/// The rules.
pub static RULES: &[Rule] = &[
    Rule {
        id: "vpim2-to-fields-multiple",
        level: Level::May,
        rfc: 3801,
        section: "4.2.2",
        text: "A message may carry more than one To field.",
        remedy: "Write one To with all addresses where the message leaves the world of VPIM.",
        classes: VPIM2,
        check: to_fields_multiple,
        repair: Some(|s, edits| merge_addresses(s, edits, "To")),
        samples: Samples::changed(VOICE, &[("Subject:", "To: <3003@vm.example.org>\nSubject:")]),
    },
    Rule {
        id: "vpim2-cc-optional",
        level: Level::May,
        rfc: 3801,
        section: "4.2.3",
        text: "Cc may be sent when every recipient was known at origination.",
        remedy: "Nothing to do.",
        classes: VPIM2,
        check: |s, f| present(s, f, "Cc", "some voice systems do not know Cc"),
        repair: None,
        samples: Samples::changed(VOICE, &[("Subject:", "Cc: <3003@vm.example.org>\nSubject:")]),
    },
    Rule {
        id: "vpim2-recv-cc",
        level: Level::May,
        rfc: 3801,
        section: "4.2.3",
        text: "Cc addresses may be merged into To, dropped, or used for reply-to-all.",
        remedy: "Nothing to do; who must be seen by everybody belongs into To.",
        classes: VPIM2,
        check: |s, f| present(s, f, "Cc", "receivers may put these addresses into To, or drop them"),
        repair: None,
        samples: Samples::changed(VOICE, &[("Subject:", "Cc: <3003@vm.example.org>\nSubject:")]),
    },
    Rule {
        id: "vpim2-date-zone-name-comment",
        level: Level::May,
        rfc: 3801,
        section: "4.2.4",
        text: "A zone name in parentheses may follow the numeric offset.",
        remedy: "Nothing to do.",
        classes: VPIM2,
        check: date_zone_name_comment,
        repair: None,
        samples: Samples::changed(VOICE, &[("+0100\nMessage-ID", "+0100 (CET)\nMessage-ID")]),
    },
    Rule {
        id: "vpim2-sender-optional",
        level: Level::May,
        rfc: 3801,
        section: "4.2.5",
        text: "Sender may be present when an agent sends on the author's behalf.",
        remedy: "Nothing to do.",
        classes: VPIM2,
        check: |s, f| present(s, f, "Sender", "receivers may drop Sender"),
        repair: None,
        samples: Samples::changed(VOICE, &[("Subject:", "Sender: <2001@vm.example.net>\nSubject:")]),
    },
    Rule {
        id: "vpim2-sensitivity-optional",
        level: Level::May,
        rfc: 3801,
        section: "4.2.13",
        text: "A Sensitivity field may request privacy.",
        remedy: "Nothing to do; see whether the recipients' system keeps private messages private.",
        classes: VPIM2,
        check: |s, f| present(s, f, "Sensitivity", "a wish that not every system can keep"),
        // A wish of the sender is no fault; several fields are the business of vpim2-sensitivity-private-token.
        repair: None,
        samples: Samples::changed(VOICE, &[("Subject:", "Sensitivity: Private\nSubject:")]),
    },
    Rule {
        id: "vpim2-sensitivity-others-ignored",
        level: Level::May,
        rfc: 3801,
        section: "4.2.13",
        text: "Personal and Company-Confidential may be ignored on reception.",
        remedy: "Use Private where the wish must be kept.",
        classes: VPIM2,
        check: sensitivity_others_ignored,
        repair: None,
        samples: Samples::changed(VOICE, &[("Subject:", "Sensitivity: Personal\nSubject:")]),
    },
    Rule {
        id: "vpim2-importance-optional",
        level: Level::May,
        rfc: 3801,
        section: "4.2.14",
        text: "An Importance field may be present, its absence meaning normal.",
        remedy: "Nothing to do.",
        classes: VPIM2,
        check: |s, f| present(s, f, "Importance", "some systems play all messages alike"),
        repair: None,
        samples: Samples::changed(VOICE, &[("Subject:", "Importance: high\nSubject:")]),
    },
    Rule {
        id: "vpim2-other-header-fields-sent",
        level: Level::May,
        rfc: 3801,
        section: "4.2",
        text: "Header fields not mentioned by the profile may be sent.",
        remedy: "Nothing to do; nothing that matters should stand in such fields alone.",
        classes: VPIM2,
        check: other_header_fields_sent,
        repair: None,
        samples: Samples::changed(VOICE, &[("Subject:", "X-Priority: 1\nSubject:")]),
    },
    Rule {
        id: "vpim2-recv-message-id-tracking",
        level: Level::May,
        rfc: 3801,
        section: "4.2.7",
        text: "The Message-ID may serve tracking and audit.",
        remedy: "Let the voice system write Message-ID as <left@right>.",
        classes: VPIM2,
        check: recv_message_id_tracking,
        repair: None,
        samples: Samples::changed(VOICE, &[("Message-ID: <a1@vm.example.net>\n", "")]),
    },
    Rule {
        id: "vpim2-reply-address-choice",
        level: Level::May,
        rfc: 3801,
        section: "4.2.8",
        text: "A reply may go to Reply-To if present, else to From.",
        remedy: "Leave Reply-To out where replies must reach From.",
        classes: VPIM2,
        check: reply_address_choice,
        repair: None,
        samples: Samples::changed(VOICE, &[("Subject:", "Reply-To: <2009@vm.example.net>\nSubject:")]),
    },
    Rule {
        id: "vpim2-content-description-optional",
        level: Level::May,
        rfc: 3801,
        section: "4.3.1",
        text: "Content-Description with free text may accompany a body part.",
        remedy: "Nothing to do.",
        classes: VPIM2,
        check: |s, f| on_parts(s, f, "Content-Description", "some systems do not show Content-Description"),
        repair: None,
        samples: Samples::changed(VOICE, &[("Content-Duration: 1", "Content-Description: A greeting")]),
    },
    Rule {
        id: "vpim2-recv-content-description",
        level: Level::May,
        rfc: 3801,
        section: "4.3.1",
        text: "A received Content-Description may be shown or ignored.",
        remedy: "Nothing to do.",
        classes: VPIM2,
        check: |s, f| on_parts(s, f, "Content-Description", "receivers may ignore Content-Description"),
        repair: None,
        samples: Samples::changed(VOICE, &[("Content-Duration: 1", "Content-Description: A greeting")]),
    },
    Rule {
        id: "vpim2-content-duration-optional",
        level: Level::May,
        rfc: 3801,
        section: "4.3.3",
        text: "Content-Duration may state the length of an audio part in seconds.",
        remedy: "Nothing to do.",
        classes: VPIM2,
        check: |s, f| on_parts(s, f, "Content-Duration", "some systems do not know Content-Duration"),
        repair: None,
        samples: Samples { good: VOICE.with(&[("Content-Duration: 1\n", "")]), bad: VOICE },
    },
    Rule {
        id: "vpim2-recv-content-duration",
        level: Level::May,
        rfc: 3801,
        section: "4.3.3",
        text: "Use of a received Content-Duration is a local matter.",
        remedy: "Nothing to do.",
        classes: VPIM2,
        check: |s, f| on_parts(s, f, "Content-Duration", "receivers may count for themselves"),
        repair: None,
        samples: Samples { good: VOICE.with(&[("Content-Duration: 1\n", "")]), bad: VOICE },
    },
    Rule {
        id: "vpim2-content-language-optional",
        level: Level::May,
        rfc: 3801,
        section: "4.3.4",
        text: "Content-Language may state the spoken language of an audio part.",
        remedy: "Nothing to do.",
        classes: VPIM2,
        check: |s, f| on_parts(s, f, "Content-Language", "some systems do not know Content-Language"),
        repair: None,
        samples: Samples::changed(VOICE, &[("Content-Duration: 1", "Content-Language: en-GB")]),
    },
    Rule {
        id: "vpim2-recv-content-language",
        level: Level::May,
        rfc: 3801,
        section: "4.3.4",
        text: "A received Content-Language may be used as a hint.",
        remedy: "Nothing to do.",
        classes: VPIM2,
        check: |s, f| on_parts(s, f, "Content-Language", "a hint that receivers may ignore"),
        repair: None,
        samples: Samples::changed(VOICE, &[("Content-Duration: 1", "Content-Language: en-GB")]),
    },
];

fn to_fields_multiple(s: &Survey<'_>, f: &mut Findings<'_>) {
    if let Some(second) = s.fields(ROOT, "To").nth(1) {
        f.field(ROOT, second, "a second To, which mail systems other than VPIM do not expect");
    }
}

fn date_zone_name_comment(s: &Survey<'_>, f: &mut Findings<'_>) {
    for field in s.fields(ROOT, "Date").filter(|x| s.octets(x).contains(&b'(')) {
        f.field(ROOT, field, "a comment behind the zone: the number counts");
    }
}

fn sensitivity_others_ignored(s: &Survey<'_>, f: &mut Findings<'_>) {
    for field in s.fields(ROOT, "Sensitivity").filter(|x| !s.text(x).eq_ignore_ascii_case("private")) {
        f.field(ROOT, field, format!("{} asks nothing of the receiver", quoted(&s.text(field))));
    }
}

/// Fields of RFC 3801, of MIME and of transport; anything else is a guest.
fn other_header_fields_sent(s: &Survey<'_>, f: &mut Findings<'_>) {
    const KNOWN: [&str; 24] = [
        "from",
        "to",
        "cc",
        "bcc",
        "date",
        "sender",
        "reply-to",
        "return-path",
        "message-id",
        "received",
        "mime-version",
        "subject",
        "sensitivity",
        "importance",
        "disposition-notification-to",
        "disposition-notification-options",
        "in-reply-to",
        "references",
        "caller-id",
        "caller-name",
        "message-context",
        "dkim-signature",
        "authentication-results",
        "x-vpim-milter",
    ];
    let raw = s.message.raw();
    let is_other = |name: &[u8]| {
        !KNOWN.iter().any(|k| name.eq_ignore_ascii_case(k.as_bytes()))
            && !name.get(..8).is_some_and(|p| p.eq_ignore_ascii_case(b"Content-"))
    };
    let mut others = s.message.root().header.fields.iter().filter(|x| is_other(x.name.of(raw)));
    if let Some(first) = others.next() {
        f.field(ROOT, first, format!("{} fields the profile does not mention", others.count() + 1));
    }
}

fn recv_message_id_tracking(s: &Survey<'_>, f: &mut Findings<'_>) {
    let usable = |text: String| text.starts_with('<') && text.ends_with('>') && text.contains('@');
    match s.top("Message-ID") {
        None => f.missing(ROOT, "Message-ID", "no Message-ID by which it could be traced"),
        Some(field) if !usable(s.text(field)) => {
            f.field(ROOT, field, "no Message-ID by which it could be traced")
        }
        Some(_) => {}
    }
}

fn reply_address_choice(s: &Survey<'_>, f: &mut Findings<'_>) {
    let Some(field) = s.top("Reply-To") else { return };
    let from = s.all_mailboxes("From");
    if s.mailboxes(field).iter().any(|m| !from.iter().any(|x| same_mailbox(&x.address, &m.address))) {
        f.field(ROOT, field, "replies may go to another mailbox than From");
    }
}

/// A note for every field `name` of the message header.
fn present(s: &Survey<'_>, f: &mut Findings<'_>, name: &str, what: &str) {
    for field in s.fields(ROOT, name) {
        f.field(ROOT, field, what);
    }
}

/// A note for every field `name` of a part.
fn on_parts(s: &Survey<'_>, f: &mut Findings<'_>, name: &str, what: &str) {
    for (id, _) in s.media() {
        for field in s.fields(id, name) {
            f.field(id, field, what);
        }
    }
}
