//! What a voice message is made of and what may be made of it: RFC 3801 4.3.2, 4.4, 4.5, 4.8.

use super::lookup::*;
use super::samples::*;
use super::structure::is_foreign;
use crate::conformance::rule::{Findings, Level, Rule, Samples};
use crate::message::{Entity, EntityId, value};
use crate::vpim::{Survey, VoiceKind};

/// The rules.
pub static RULES: &[Rule] = &[
    Rule {
        id: "vpim2-repeated-voice-type-together",
        level: Level::Should,
        rfc: 3801,
        section: "4.3.2",
        text: "Repeated parts of the same voice type at one level are presented together.",
        remedy: "Send parts of the same kind one behind the other.",
        classes: VPIM2,
        check: repeated_voice_type_together,
        repair: None,
        samples: Samples::changed(VOICE, &[("--b1--", "--b1\nContent-Type: audio/32KADPCM\nContent-Transfer-Encoding: base64\nContent-Disposition: inline; voice=Originator-Spoken-Name\n\n////////\n--b1--")]),
    },
    Rule {
        id: "vpim2-send-message-rfc822",
        level: Level::Should,
        rfc: 3801,
        section: "4.4.2",
        text: "Forwarded messages and originals in replies are enclosed as message/rfc822 within the VM.",
        remedy: "Let the voice system forward with message/rfc822.",
        classes: VPIM2,
        check: send_message_rfc822,
        repair: None,
        samples: Samples::changed(VOICE, &[("Subject: Voice", "Subject: Fwd: Voice"), ("voice=Originator-Spoken-Name", "voice=Voice-Message")]),
    },
    Rule {
        id: "vpim2-forward-message-rfc822",
        level: Level::Should,
        rfc: 3801,
        section: "4.8",
        text: "A forward is a VM that encloses the entire original as message/rfc822, next to which the annotation stands as its own audio or image part.",
        remedy: "Send the annotation of a forward as audio or image.",
        classes: VPIM2,
        check: forward_message_rfc822,
        repair: None,
        samples: Samples::changed(FORWARD, &[("audio/32KADPCM", "text/plain")]),
    },
    Rule {
        id: "vpim2-forward-single-audio",
        level: Level::May,
        rfc: 3801,
        section: "4.8",
        text: "If forwarding information was lost, everything may be one audio segment.",
        remedy: "Forward with message/rfc822, so that sender and time are kept.",
        classes: VPIM2,
        check: forward_single_audio,
        repair: None,
        samples: Samples::changed(VOICE, &[("Subject: Voice", "Subject: Fwd: Voice")]),
    },
    Rule {
        id: "vpim2-simple-fax-without-voice-message",
        level: Level::May,
        rfc: 3801,
        section: "4.4.4",
        text: "A fax without voice may be sent outside any VM for the sake of fax-only receivers.",
        remedy: "Nothing to do; a voice system may want the fax in a multipart/voice-message.",
        classes: FAX_PAGES,
        check: simple_fax_without_voice_message,
        repair: None,
        samples: Samples { good: VOICE_FAX, bad: SIMPLE_FAX },
    },
    Rule {
        id: "vpim2-multipart-mixed-wrapper",
        level: Level::May,
        rfc: 3801,
        section: "4.5.1",
        text: "A VM may sit inside a top-level multipart/mixed together with non-voice contents.",
        remedy: "Nothing to do.",
        classes: VPIM2,
        check: multipart_mixed_wrapper,
        repair: None,
        samples: Samples::changed(VOICE, &[("Content-Type: multipart/voice-message; version=2.0; boundary=b1\n", "Content-Type: multipart/mixed; boundary=b0\n\n--b0\nContent-Type: multipart/voice-message; version=2.0; boundary=b1\n"), ("--b1--", "--b1--\n--b0\nContent-Type: text/plain\n\nx\n--b0--")]),
    },
    Rule {
        id: "vpim2-text-plain-outside",
        level: Level::May,
        rfc: 3801,
        section: "4.5.4",
        text: "text/plain may be sent outside the VM.",
        remedy: "Nothing to do; voice systems may drop the text.",
        classes: VPIM2,
        check: text_plain_outside,
        repair: None,
        samples: Samples::changed(VOICE, &[("Content-Type: multipart/voice-message; version=2.0; boundary=b1\n", "Content-Type: multipart/mixed; boundary=b0\n\n--b0\nContent-Type: multipart/voice-message; version=2.0; boundary=b1\n"), ("--b1--", "--b1--\n--b0\nContent-Type: text/plain\n\nx\n--b0--")]),
    },
    Rule {
        id: "vpim2-unprofiled-content-by-agreement",
        level: Level::ShouldNot,
        rfc: 3801,
        section: "4.5",
        text: "Contents the profile does not mention are sent, even outside the VM, only by agreement.",
        remedy: "Send other contents only to systems known to take them; name their media types in the profile.",
        classes: VPIM2,
        check: unprofiled_content_by_agreement,
        repair: None,
        samples: Samples::changed(VOICE, &[("Content-Type: multipart/voice-message; version=2.0; boundary=b1\n", "Content-Type: multipart/mixed; boundary=b0\n\n--b0\nContent-Type: multipart/voice-message; version=2.0; boundary=b1\n"), ("--b1--", "--b1--\n--b0\nContent-Type: application/pdf\n\nx\n--b0--")]),
    },
    Rule {
        id: "vpim2-recv-unprofiled-outside",
        level: Level::May,
        rfc: 3801,
        section: "4.5",
        text: "Unprofiled contents outside the VM may be received.",
        remedy: "Nothing to do; a voice system may drop the part.",
        classes: VPIM2,
        check: recv_unprofiled_outside,
        repair: None,
        samples: Samples::changed(VOICE, &[("Content-Type: multipart/voice-message; version=2.0; boundary=b1\n", "Content-Type: multipart/mixed; boundary=b0\n\n--b0\nContent-Type: multipart/voice-message; version=2.0; boundary=b1\n"), ("--b1--", "--b1--\n--b0\nContent-Type: application/pdf\n\nx\n--b0--")]),
    },
    Rule {
        id: "vpim2-recv-voice-message-as-mixed",
        level: Level::May,
        rfc: 3801,
        section: "4.4.1",
        text: "Systems that do not know the subtype may treat it as multipart/mixed.",
        remedy: "Nothing to do; readers of mail see a row of attachments.",
        classes: VPIM2,
        check: recv_voice_message_as_mixed,
        repair: None,
        samples: Samples { good: VOICE.with(&[("Content-Type: audio/32KADPCM\nContent-Transfer-Encoding: base64\nContent-Disposition: inline; voice=Originator-Spoken-Name; filename=name.726\n\n////////\n--b1\n", "")]), bad: VOICE },
    },
    Rule {
        id: "vpim2-recv-flatten-forward",
        level: Level::May,
        rfc: 3801,
        section: "4.4.2",
        text: "The forwarding structure may be flattened into successive or concatenated voice contents.",
        remedy: "Nothing to do.",
        classes: VPIM2,
        check: recv_flatten_forward,
        repair: None,
        samples: Samples { good: VOICE, bad: FORWARD },
    },
    Rule {
        id: "vpim2-recv-concatenate-in-order",
        level: Level::Should,
        rfc: 3801,
        section: "4.4.3",
        text: "A receiver limited to one voice body concatenates several in the order they came.",
        remedy: "Send all voice parts in one encoding, so that a system with one part per message can join them.",
        classes: VPIM2,
        check: recv_concatenate_in_order,
        repair: None,
        samples: Samples::changed(VOICE, &[("Content-Type: audio/32KADPCM", "Content-Type: audio/basic"), ("voice=Originator-Spoken-Name", "voice=Voice-Message")]),
    },
    Rule {
        id: "vpim2-recv-other-contents-in-vm",
        level: Level::May,
        rfc: 3801,
        section: "4.4",
        text: "Prohibited contents in a VM may be accepted, rendered, or dropped to deliver the rest.",
        remedy: "Send other contents beside the multipart/voice-message.",
        classes: VPIM2,
        check: recv_other_contents_in_vm,
        repair: None,
        samples: Samples::changed(VOICE, &[("--b1--", "--b1\nContent-Type: text/html\n\n<p>x</p>\n--b1--")]),
    },
    Rule {
        id: "vpim2-recv-other-codecs",
        level: Level::May,
        rfc: 3801,
        section: "4.5.3",
        text: "Other audio and image types may be accepted if they can be decoded.",
        remedy: "Send audio/32KADPCM, or convert on the way.",
        classes: VPIM2,
        check: recv_other_codecs,
        repair: None,
        samples: Samples::changed(VOICE, &[("audio/32KADPCM", "audio/basic")]),
    },
];

fn repeated_voice_type_together(s: &Survey<'_>, f: &mut Findings<'_>) {
    for (_, container) in s.containers() {
        let mut seen: Vec<VoiceKind> = Vec::new();
        for (id, kind) in s.children(container).filter_map(|(id, e)| Some((id, kind(s, e)?))) {
            if seen.last() != Some(&kind) && seen.contains(&kind) {
                f.entity(id, format!("another {} behind parts of another kind", kind.name()));
            }
            seen.push(kind);
        }
    }
}

fn send_message_rfc822(s: &Survey<'_>, f: &mut Findings<'_>) {
    if let Some((id, voices)) = bare_forward(s).filter(|(_, voices)| *voices > 1) {
        f.entity(id, format!("a forward of {voices} voice messages side by side, without message/rfc822"));
    }
}

fn forward_single_audio(s: &Survey<'_>, f: &mut Findings<'_>) {
    if let Some((id, _)) = bare_forward(s).filter(|(_, voices)| *voices == 1) {
        f.entity(id, "a forward in one audio part: who said it is lost");
    }
}

fn forward_message_rfc822(s: &Survey<'_>, f: &mut Findings<'_>) {
    for (_, container) in s.containers() {
        let children: Vec<_> = s.children(container).collect();
        let is = |main: &str| children.iter().any(|(_, c)| c.content_type.main == main);
        let stray = children
            .iter()
            .find(|(_, c)| !matches!(c.content_type.main.as_str(), "audio" | "image" | "message"));
        if let (true, false, Some((id, e))) = (is("message"), is("audio") || is("image"), stray) {
            f.entity(*id, format!("{} as the annotation of a forward", quoted(&e.content_type.essence())));
        }
    }
}

fn simple_fax_without_voice_message(s: &Survey<'_>, f: &mut Findings<'_>) {
    if let Some((id, _)) = s.tiffs().next().filter(|_| s.containers().next().is_none() && !s.has_audio()) {
        f.entity(id, "a fax outside of any multipart/voice-message");
    }
}

fn multipart_mixed_wrapper(s: &Survey<'_>, f: &mut Findings<'_>) {
    let root = s.message.root();
    if root.content_type.is("multipart/mixed") && s.children(root).any(|(_, e)| is_container(e)) {
        f.entity(ROOT, "a voice message among other contents");
    }
}

fn text_plain_outside(s: &Survey<'_>, f: &mut Findings<'_>) {
    for (id, _) in beside(s).filter(|(_, e)| e.content_type.is("text/plain")) {
        f.entity(id, "text beside the voice message");
    }
}

fn unprofiled_content_by_agreement(s: &Survey<'_>, f: &mut Findings<'_>) {
    let agreed = |essence: &str| s.target.is_some_and(|t| !t.media.is_empty() && t.may_take(essence));
    for (id, e) in beside(s).filter(|(_, e)| is_unprofiled(e)) {
        let essence = e.content_type.essence();
        if !agreed(&essence) {
            f.entity(id, format!("{} beside the voice message", quoted(&essence)));
        }
    }
}

fn recv_unprofiled_outside(s: &Survey<'_>, f: &mut Findings<'_>) {
    for (id, e) in beside(s).filter(|(_, e)| is_unprofiled(e)) {
        f.entity(id, format!("{} need not be taken", quoted(&e.content_type.essence())));
    }
}

fn recv_voice_message_as_mixed(s: &Survey<'_>, f: &mut Findings<'_>) {
    for (id, e) in s.containers().filter(|(_, e)| e.children().len() > 1) {
        f.entity(
            id,
            format!("{} parts side by side for a reader that knows no voice mail", e.children().len()),
        );
    }
}

fn recv_flatten_forward(s: &Survey<'_>, f: &mut Findings<'_>) {
    for (id, _) in s.contents().filter(|(_, e)| e.content_type.is("message/rfc822")) {
        f.entity(id, "a forwarded message may be played as part of this one");
    }
}

fn recv_concatenate_in_order(s: &Survey<'_>, f: &mut Findings<'_>) {
    for (_, container) in s.containers() {
        let voices = s.children(container).filter(|(_, e)| kind(s, e) == Some(VoiceKind::VoiceMessage));
        let mut codecs = voices.filter_map(|(id, _)| Some((id, s.audio_facts(id)?.codec.as_str())));
        let Some((_, first)) = codecs.next() else { continue };
        if let Some((id, other)) = codecs.find(|(_, codec)| *codec != first) {
            f.entity(id, format!("{other} behind {first}: the parts cannot be joined as they are"));
        }
    }
}

fn recv_other_codecs(s: &Survey<'_>, f: &mut Findings<'_>) {
    for (id, _) in s.audio() {
        if let Some(facts) = s.audio_facts(id).filter(|a| a.codec != "g726-32" && a.samples.is_some()) {
            f.entity(id, format!("{} is decoded by some receivers only", facts.codec));
        }
    }
}

fn recv_other_contents_in_vm(s: &Survey<'_>, f: &mut Findings<'_>) {
    for (id, e) in s.contents().filter(|(_, e)| is_foreign(e)) {
        f.entity(id, format!("{} may be dropped", quoted(&e.content_type.essence())));
    }
}

fn is_container(e: &Entity) -> bool {
    e.content_type.is("multipart/voice-message")
}

fn kind(s: &Survey<'_>, e: &Entity) -> Option<VoiceKind> {
    s.disposition(e, "voice").and_then(VoiceKind::parse)
}

/// What stands beside a multipart/voice-message in multipart/mixed.
fn beside<'a>(s: &'a Survey<'_>) -> impl Iterator<Item = (EntityId, &'a Entity)> {
    s.judged()
        .filter(|(_, e)| e.content_type.is("multipart/mixed") && s.children(e).any(|(_, c)| is_container(c)))
        .flat_map(|(_, e)| s.children(e))
        .filter(|(_, e)| !is_container(e))
}

/// Contents RFC 3801 does not mention; multipart/alternative may hold text/plain.
fn is_unprofiled(e: &Entity) -> bool {
    let ct = &e.content_type;
    ct.main != "audio"
        && !is_tiff(e)
        && !["text/plain", "message/rfc822", "multipart/alternative"].iter().any(|t| ct.is(t))
}

/// Where Subject speaks of a forward and no message is enclosed: the container, and its voices.
fn bare_forward(s: &Survey<'_>) -> Option<(EntityId, usize)> {
    let subject = value::text(s.octets(s.top("Subject")?)).to_ascii_lowercase();
    let forward = ["fwd:", "fw:"].iter().any(|p| subject.starts_with(p));
    if !forward || s.judged().any(|(_, e)| e.content_type.is("message/rfc822")) {
        return None;
    }
    let (id, container) = s.containers().next()?;
    let is_voice = |e: &Entity| matches!(kind(s, e), None | Some(VoiceKind::VoiceMessage));
    let voices = s.children(container).filter(|(_, e)| e.content_type.main == "audio" && is_voice(e));
    Some((id, voices.count()))
}
