//! What the recipients' system will do with a message, as far as its abilities are known: RFC 3801
//! 4.2, 4.4, 4.5, RFC 2421 4.2 to 4.4, RFC 1911 4.2. Nothing is found where nothing is known.

use super::lookup::*;
use super::samples::*;
use super::structure::is_foreign;
use crate::conformance::rule::{Findings, Level, Rule, Samples};
use crate::media::Facts;
use crate::message::{Entity, EntityId};
use crate::vpim::{Survey, Target};

/// The rules.
pub static RULES: &[Rule] = &[
    Rule {
        id: "vpim2-private-unsupported-returned",
        level: Level::Must,
        rfc: 3801,
        section: "4.2.13",
        text: "A system without privacy support returns a private message with a failure status instead of delivering it.",
        remedy: "Refuse such messages with 554 5.6.0, or teach the recipients' system to keep them private.",
        classes: VPIM,
        check: private_unsupported_returned,
        repair: None,
        samples: Samples { good: VOICE, bad: VOICE.with(&[("Subject:", "Sensitivity: Private\nSubject:")]).towards(|| Target { privacy: Some(false), ..Target::default() }) },
    },
    Rule {
        id: "vpim2-recv-reply-to-single-originator",
        level: Level::Must,
        rfc: 3801,
        section: "4.2.8",
        text: "A system able to keep only one originator address keeps From and may drop Reply-To.",
        remedy: "Let the voice system write its mailbox in From.",
        classes: VPIM2,
        check: recv_reply_to_single_originator,
        repair: None,
        samples: Samples::changed(VOICE, &[("From: \"Example, Ann\" <2001@vm.example.net>\n", "Reply-To: <2001@vm.example.net>\n")]),
    },
    Rule {
        id: "vpim2-recv-fax-in-voice-message",
        level: Level::Should,
        rfc: 3801,
        section: "4.4.4",
        text: "Fax parts inside a VM are accepted even by systems that cannot show them, dropping only the fax.",
        remedy: "Convert the fax for these recipients, or send it where fax can be read.",
        classes: VPIM2,
        check: recv_fax_in_voice_message,
        repair: None,
        samples: Samples { good: VOICE_FAX, bad: VOICE_FAX.towards(|| Target { fax: Some(false), ..Target::default() }) },
    },
    Rule {
        id: "vpim2-recv-fax-outside-reject",
        level: Level::May,
        rfc: 3801,
        section: "4.4.4",
        text: "A fax outside a VM may be refused as a whole by a system that cannot handle it.",
        remedy: "Convert the fax for these recipients, or send it where fax can be read.",
        classes: FAX_PAGES,
        check: recv_fax_outside_reject,
        repair: None,
        samples: Samples { good: SIMPLE_FAX, bad: SIMPLE_FAX.towards(|| Target { fax: Some(false), ..Target::default() }) },
    },
    Rule {
        id: "vpim2-recv-text-directory",
        level: Level::Must,
        rfc: 3801,
        section: "4.5.2",
        text: "text/directory is accepted, though it need not be kept or shown.",
        remedy: "Take vCards out for these recipients.",
        classes: VPIM2,
        check: recv_text_directory,
        repair: None,
        samples: Samples { good: VOICE, bad: VOICE.with(&[("--b1--", "--b1\nContent-Type: text/directory\n\nBEGIN:VCARD\n--b1--")]).towards(|| Target { strict_contents: Some(true), ..Target::default() }) },
    },
    Rule {
        id: "vpim2-recv-text-in-voice-message",
        level: Level::May,
        rfc: 3801,
        section: "4.5.4",
        text: "Text inside a VM may be dropped so that audio and fax get through.",
        remedy: "Send text to mailboxes that can show it.",
        classes: VPIM2,
        check: recv_text_in_voice_message,
        repair: None,
        samples: Samples { good: VOICE, bad: VOICE.with(&[("--b1--", "--b1\nContent-Type: text/plain\n\nHello\n--b1--")]).towards(|| Target { text: Some(false), ..Target::default() }) },
    },
    Rule {
        id: "vpim2-recv-unrenderable-media",
        level: Level::Must,
        rfc: 3801,
        section: "4.5.3",
        text: "Audio or image types that cannot be stored or played make the message go back with a media-unsupported notice.",
        remedy: "Send what the recipients' system plays or shows, or refuse with 554 5.6.1.",
        classes: VPIM2,
        check: recv_unrenderable_media,
        repair: None,
        samples: Samples { good: VOICE, bad: VOICE.with(&[("--b1--", "--b1\nContent-Type: image/jpeg\nContent-Transfer-Encoding: base64\n\n/9j/\n--b1--")]).towards(|| Target { media: vec!["audio/32KADPCM".into()], ..Target::default() }) },
    },
    Rule {
        id: "vpim2421-sensitivity-personal-private",
        level: Level::Must,
        rfc: 2421,
        section: "4.2.13",
        text: "Both Personal and Private forbid forwarding and, without privacy support, force a failure notice.",
        remedy: "Refuse such messages, or teach the recipients' system to keep them private.",
        classes: VPIM2,
        check: sensitivity_personal_private,
        repair: None,
        samples: Samples { good: VOICE, bad: VOICE.with(&[("Subject:", "Sensitivity: Personal\nSubject:")]).towards(|| Target { rfc2421: true, privacy: Some(false), ..Target::default() }) },
    },
    Rule {
        id: "vpim2421-prohibited-content-ndn",
        level: Level::Should,
        rfc: 2421,
        section: "4.3",
        text: "Foreign content inside a VM leads to a failure notice.",
        remedy: "Take the part out, or move it beside the multipart/voice-message, for these recipients.",
        classes: VPIM2,
        check: prohibited_content_ndn,
        repair: None,
        samples: Samples { good: VOICE, bad: VOICE.with(&[("--b1--", "--b1\nContent-Type: text/html\n\n<p>x</p>\n--b1--")]).towards(|| Target { rfc2421: true, ..Target::default() }) },
    },
    Rule {
        id: "vpim2421-fax-unrenderable-returned",
        level: Level::Must,
        rfc: 2421,
        section: "4.3.5",
        text: "A fax the receiver cannot show makes the whole message go back.",
        remedy: "Take the fax out for these recipients, or send it where fax can be read.",
        classes: VPIM2,
        check: fax_unrenderable_returned,
        repair: None,
        samples: Samples { good: VOICE_FAX, bad: VOICE_FAX.towards(|| Target { rfc2421: true, fax: Some(false), ..Target::default() }) },
    },
    Rule {
        id: "vpim2421-text-unrenderable-returned",
        level: Level::Must,
        rfc: 2421,
        section: "4.4.2",
        text: "Text that cannot be rendered makes the whole message go back.",
        remedy: "Take the text out for these recipients.",
        classes: VPIM2,
        check: text_unrenderable_returned,
        repair: None,
        samples: Samples { good: VOICE, bad: VOICE.with(&[("Content-Type: multipart/voice-message; version=2.0; boundary=b1\n", "Content-Type: multipart/mixed; boundary=b0\n\n--b0\nContent-Type: multipart/voice-message; version=2.0; boundary=b1\n"), ("--b1--", "--b1--\n--b0\nContent-Type: text/plain\n\nx\n--b0--")]).towards(|| Target { rfc2421: true, text: Some(false), ..Target::default() }) },
    },
    Rule {
        id: "vpim1-sensitivity-returned",
        level: Level::Must,
        rfc: 1911,
        section: "4.2",
        text: "Personal and Private messages are returned when privacy is unsupported, and never forwarded.",
        remedy: "Refuse such messages, or teach the recipients' system to keep them private.",
        classes: VPIM1,
        check: vpim1_sensitivity_returned,
        repair: None,
        samples: Samples { good: VOICE1, bad: VOICE1.with(&[("MIME-Version", "Sensitivity: Personal\nMIME-Version")]).towards(|| Target { privacy: Some(false), ..Target::default() }) },
    },
];

fn private_unsupported_returned(s: &Survey<'_>, f: &mut Findings<'_>) {
    without_privacy(s, f, |_| true, &["private"]);
}

fn sensitivity_personal_private(s: &Survey<'_>, f: &mut Findings<'_>) {
    without_privacy(s, f, |t| t.rfc2421, &["personal", "private"]);
}

fn vpim1_sensitivity_returned(s: &Survey<'_>, f: &mut Findings<'_>) {
    without_privacy(s, f, |_| true, &["personal", "private"]);
}

fn recv_reply_to_single_originator(s: &Survey<'_>, f: &mut Findings<'_>) {
    let usable = || s.all_mailboxes("From").iter().any(|m| m.domain().is_some());
    if let Some(field) = s.top("Reply-To").filter(|_| !usable()) {
        f.field(ROOT, field, "where one originator is kept, From is: nothing is left to answer");
    }
}

fn recv_fax_in_voice_message(s: &Survey<'_>, f: &mut Findings<'_>) {
    for (id, _) in fax_for_the_deaf(s, |t| !t.rfc2421) {
        f.entity(id, "the recipient's system shows no fax: the pages are lost");
    }
}

fn recv_fax_outside_reject(s: &Survey<'_>, f: &mut Findings<'_>) {
    let fax = s.tiffs().next().filter(|_| knows(s, |t| t.fax == Some(false)));
    if let Some((id, _)) = fax.filter(|_| s.containers().next().is_none()) {
        f.entity(id, "the recipient's system takes no fax and may refuse the message");
    }
}

fn fax_unrenderable_returned(s: &Survey<'_>, f: &mut Findings<'_>) {
    for (id, _) in fax_for_the_deaf(s, |t| t.rfc2421) {
        f.entity(id, "the recipient's system shows no fax and sends the message back");
    }
}

fn recv_text_directory(s: &Survey<'_>, f: &mut Findings<'_>) {
    let strict = knows(s, |t| t.strict_contents == Some(true));
    let taken = |e: &Entity| knows(s, |t| !t.media.is_empty() && t.may_take(&e.content_type.essence()));
    for (id, _) in s.contents().filter(|(_, e)| strict && is_vcard(e) && !taken(e)) {
        f.entity(id, "the recipient's system refuses the message for its vCard");
    }
}

fn recv_text_in_voice_message(s: &Survey<'_>, f: &mut Findings<'_>) {
    let mute = knows(s, |t| t.text == Some(false));
    for (id, _) in s.contents().filter(|(_, e)| mute && e.content_type.is("text/plain")) {
        f.entity(id, "the recipient's system drops the text");
    }
}

fn text_unrenderable_returned(s: &Survey<'_>, f: &mut Findings<'_>) {
    let strict = knows(s, |t| t.rfc2421 && t.text == Some(false)) && !s.is_report();
    for (id, _) in s.leaves("text").filter(|(_, e)| strict && !is_vcard(e)) {
        f.entity(id, "the recipient's system cannot show text and sends the message back");
    }
}

fn recv_unrenderable_media(s: &Survey<'_>, f: &mut Findings<'_>) {
    let Some(target) = s.target.filter(|t| !t.media.is_empty()) else { return };
    let here = |id: EntityId| match s.body(id).map(|b| &b.facts) {
        Some(Ok(report)) => match &report.facts {
            Facts::Audio(audio) => audio.samples.is_some(),
            Facts::Fax(_) => true,
        },
        _ => false,
    };
    for (id, e) in s.media().filter(|(id, e)| !target.may_take(&e.content_type.essence()) && !here(*id)) {
        f.entity(
            id,
            format!(
                "neither the recipient's system nor this filter decodes {}",
                quoted(&e.content_type.essence())
            ),
        );
    }
}

fn prohibited_content_ndn(s: &Survey<'_>, f: &mut Findings<'_>) {
    let strict = knows(s, |t| t.rfc2421 && t.strict_contents != Some(false));
    for (id, e) in s.contents().filter(|(_, e)| strict && is_foreign(e)) {
        f.entity(
            id,
            format!("the recipient's system sends messages with {} back", quoted(&e.content_type.essence())),
        );
    }
}

fn knows(s: &Survey<'_>, what: impl Fn(&Target) -> bool) -> bool {
    s.target.is_some_and(what)
}

/// Messages with one of these values of Sensitivity for a system that keeps nothing private.
fn without_privacy(s: &Survey<'_>, f: &mut Findings<'_>, follows: fn(&Target) -> bool, values: &[&str]) {
    if s.is_report() || !knows(s, |t| t.privacy == Some(false) && follows(t)) {
        return;
    }
    for field in s.fields(ROOT, "Sensitivity") {
        let value = s.text(field).to_ascii_lowercase();
        if values.contains(&value.as_str()) {
            f.field(ROOT, field, format!("the recipient's system cannot keep a message {value}"));
        }
    }
}

/// Fax pages in a multipart/voice-message for a system that shows none.
fn fax_for_the_deaf<'a>(
    s: &'a Survey<'_>,
    follows: fn(&Target) -> bool,
) -> impl Iterator<Item = (EntityId, &'a Entity)> {
    let deaf = knows(s, |t| t.fax == Some(false) && follows(t));
    s.contents().filter(move |(_, e)| deaf && is_tiff(e))
}
