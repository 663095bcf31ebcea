//! The structure of a voice message: container, contents, forwarding (RFC 3801 4.4, 4.5, 4.8).

use super::lookup::*;
use super::samples::*;
use super::structure_mend::contain_voice;
use crate::conformance::rule::{Findings, Level, Rule, Samples};
use crate::message::edit::EditList;
use crate::message::{Entity, EntityId};
use crate::vpim::Survey;

/// The rules.
pub static RULES: &[Rule] = &[
    Rule {
        id: "vpim2-top-level-voice-message",
        level: Level::Should,
        rfc: 3801,
        section: "4.2.11",
        text: "The usual outermost content is multipart/voice-message.",
        remedy: "Send the voice message as the whole mail, or inside multipart/mixed.",
        classes: VPIM2,
        check: top_level_voice_message,
        repair: None,
        samples: Samples::changed(
            VOICE,
            &[(
                "Content-Type: multipart/voice-message; version=2.0; boundary=b1\n",
                "Content-Type: multipart/related; boundary=b0\n\n--b0\nContent-Type: multipart/voice-message; version=2.0; boundary=b1\n",
            )],
        ),
    },
    Rule {
        id: "vpim2-voice-message-required",
        level: Level::Must,
        rfc: 3801,
        section: "4.4.1",
        text: "A VPIM message contains a multipart/voice-message, outermost or inside multipart/mixed or message/rfc822.",
        remedy: "Put the audio into a multipart/voice-message; a conversion to VPIM does.",
        classes: VPIM2_OR_OTHER,
        check: voice_message_required,
        repair: Some(contain_voice),
        samples: Samples::changed(VOICE, &[("multipart/voice-message; version=2.0", "multipart/mixed")]),
    },
    Rule {
        id: "vpim2-voice-message-version",
        level: Level::Must,
        rfc: 3801,
        section: "4.4.1",
        text: "multipart/voice-message has a version parameter whose value for this profile is 2.0.",
        remedy: "Let the voice system write version=2.0.",
        classes: VPIM2,
        check: voice_message_version,
        repair: Some(add_version),
        samples: Samples::changed(VOICE, &[(" version=2.0;", "")]),
    },
    Rule {
        id: "vpim2-voice-message-boundary",
        level: Level::Must,
        rfc: 2046,
        section: "5.1.1",
        text: "A usable boundary parameter is present.",
        remedy: "Check what shortened or rewrote the message on its way; the parts cannot be found.",
        classes: VPIM,
        check: voice_message_boundary,
        repair: None,
        samples: Samples::changed(VOICE, &[("boundary=b1", "boundary=b9")]),
    },
    Rule {
        id: "vpim2-other-content-in-voice-message",
        level: Level::MustNot,
        rfc: 3801,
        section: "4.5",
        text: "No content outside the profile is created inside a VM.",
        remedy: "Send other contents beside the multipart/voice-message, in a multipart/mixed.",
        classes: VPIM2,
        check: other_content_in_voice_message,
        repair: Some(move_other_out),
        samples: Samples::changed(VOICE, &[("--b1--", "--b1\nContent-Type: text/html\n\n<p>x</p>\n--b1--")]),
    },
    Rule {
        id: "vpim2-voice-message-profiled-children",
        level: Level::Must,
        rfc: 3801,
        section: "4.4.1",
        text: "Direct children of a VM are only audio/*, image/* and message/rfc822.",
        remedy: "Leave only audio, images and message/rfc822 in the multipart/voice-message.",
        classes: VPIM2,
        check: voice_message_profiled_children,
        repair: Some(move_foreign_out),
        samples: Samples::changed(
            VOICE,
            &[(
                "--b1--",
                "--b1\nContent-Type: multipart/voice-message; version=2.0; boundary=b2\n\n--b2\nContent-Type: audio/32KADPCM\nContent-Transfer-Encoding: base64\nContent-Disposition: inline; voice=Voice-Message\n\n////////\n--b2--\n--b1--",
            )],
        ),
    },
    Rule {
        id: "vpim2-text-directory-not-sent",
        level: Level::ShouldNot,
        rfc: 3801,
        section: "4.5.2",
        text: "text/directory is no longer sent.",
        remedy: "Switch off vCards in the voice system; RFC 3801 withdrew them.",
        classes: RFC3801,
        check: text_directory_not_sent,
        repair: Some(remove_vcards),
        samples: Samples::changed(
            VOICE,
            &[("--b1--", "--b1\nContent-Type: text/directory\n\nBEGIN:VCARD\n--b1--")],
        ),
    },
    Rule {
        id: "vpim2-text-plain-in-voice-message",
        level: Level::ShouldNot,
        rfc: 3801,
        section: "4.5.4",
        text: "text/plain is not placed inside a VM.",
        remedy: "Send text beside the multipart/voice-message, in a multipart/mixed.",
        classes: VPIM2,
        check: text_plain_in_voice_message,
        repair: Some(move_text_out),
        samples: Samples::changed(VOICE, &[("--b1--", "--b1\nContent-Type: text/plain\n\nHello\n--b1--")]),
    },
    Rule {
        id: "vpim2-annotated-fax-in-voice-message",
        level: Level::Should,
        rfc: 3801,
        section: "4.4.4",
        text: "A fax with voice annotation travels inside the VM.",
        remedy: "Put the fax into the multipart/voice-message that has the annotation.",
        classes: VPIM2,
        check: annotated_fax_in_voice_message,
        repair: Some(contain_annotated_fax),
        samples: Samples::changed(
            VOICE_FAX,
            &[
                ("multipart/voice-message; version=2.0;", "multipart/mixed;"),
                (
                    "--b1--",
                    "--b1\nContent-Type: audio/32KADPCM\nContent-Disposition: inline; voice=Voice-Message\n\n\n--b1--",
                ),
            ],
        ),
    },
    Rule {
        id: "vpim2-forward-minimum-header",
        level: Level::Must,
        rfc: 3801,
        section: "4.8",
        text: "The enclosed message has at least one of From, Subject and Date.",
        remedy: "Keep the header of a forwarded message, or make one with From, Subject and Date.",
        classes: VPIM2,
        check: forward_minimum_header,
        repair: Some(insert_forward_subject),
        samples: Samples::changed(
            FORWARD,
            &[(
                "From: \"Test, Tom\" <4004@vm.example.com>\nDate: Mon, 3 Mar 2025 08:00:00 +0100\nSubject: Voice Message\n",
                "",
            )],
        ),
    },
    Rule {
        id: "vpim2-forward-mime-header",
        level: Level::Must,
        rfc: 3801,
        section: "4.8",
        text: "The enclosed message has its own MIME-Version and Content-Type.",
        remedy: "Keep MIME-Version and Content-Type of a forwarded message.",
        classes: VPIM2,
        check: forward_mime_header,
        repair: Some(insert_forward_version),
        samples: Samples::changed(
            FORWARD,
            &[("Subject: Voice Message\nMIME-Version: 1.0 (Voice 2.0)\n", "Subject: Voice Message\n")],
        ),
    },
    Rule {
        id: "vpim2-forward-simulated-header",
        level: Level::Should,
        rfc: 3801,
        section: "4.8",
        text: "When the original header is lost, a substitute with the original sender and time is made up.",
        remedy: "Keep From and Date of a forwarded message.",
        classes: VPIM2,
        check: forward_simulated_header,
        repair: None,
        samples: Samples::changed(FORWARD, &[("Date: Mon, 3 Mar 2025 08:00:00 +0100\n", "")]),
    },
    Rule {
        id: "vpim2421-vcard-one-per-level",
        level: Level::Must,
        rfc: 2421,
        section: "4.3.3",
        text: "At most one vCard occurs at a message level; those of forwarded messages stay inside message/rfc822.",
        remedy: "Send one vCard, that of the originator.",
        classes: RFC2421,
        check: vpim2421_vcard_one_per_level,
        repair: Some(keep_first_vcard),
        samples: Samples::changed(
            VOICE_2421,
            &[(
                "--b1--",
                "--b1\nContent-Type: text/directory\n\nA\n--b1\nContent-Type: text/directory\n\nB\n--b1--",
            )],
        ),
    },
];

fn top_level_voice_message(s: &Survey<'_>, f: &mut Findings<'_>) {
    const USUAL: [&str; 4] =
        ["multipart/voice-message", "multipart/mixed", "multipart/report", "multipart/signed"];
    let ct = &s.message.root().content_type;
    if s.containers().next().is_some() && !USUAL.iter().any(|t| ct.is(t)) {
        f.entity(ROOT, format!("the message is {}", quoted(&ct.essence())));
    }
}

fn voice_message_required(s: &Survey<'_>, f: &mut Findings<'_>) {
    let root = s.message.root();
    if s.has_audio() && !s.is_report() && s.containers().next().is_none() && root.type_declared {
        f.entity(
            ROOT,
            format!("audio in {}, not in a multipart/voice-message", quoted(&root.content_type.essence())),
        );
    }
}

fn voice_message_version(s: &Survey<'_>, f: &mut Findings<'_>) {
    for (id, e) in s.containers() {
        let Some(field) = s.fields(id, "Content-Type").next() else { continue };
        match e.content_type.parameters.value("version") {
            None => f.field(id, field, "no version parameter"),
            Some(v) if v.trim() != "2.0" => f.field(id, field, format!("version is {}", quoted(v))),
            Some(_) => {}
        }
    }
}

fn voice_message_boundary(s: &Survey<'_>, f: &mut Findings<'_>) {
    for (id, e) in s.containers() {
        let boundary = e.content_type.parameters.value("boundary").unwrap_or_default();
        let legal = |c: u8| c.is_ascii_alphanumeric() || b"'()+_,-./:=? ".contains(&c);
        if boundary.is_empty()
            || boundary.len() > 70
            || boundary.ends_with(' ')
            || !boundary.bytes().all(legal)
        {
            f.entity(id, format!("boundary {} is not legal", quoted(boundary)));
        } else if e.children().is_empty() {
            f.entity(id, format!("boundary {} never occurs", quoted(boundary)));
        }
    }
}

fn other_content_in_voice_message(s: &Survey<'_>, f: &mut Findings<'_>) {
    for (id, e) in
        s.contents().filter(|(_, e)| is_foreign(e) && !e.content_type.is("multipart/voice-message"))
    {
        f.entity(id, format!("{} in a multipart/voice-message", quoted(&e.content_type.essence())));
    }
}

fn voice_message_profiled_children(s: &Survey<'_>, f: &mut Findings<'_>) {
    for (id, e) in s.contents().filter(|(_, e)| is_foreign(e)) {
        f.entity(id, format!("{} directly in a multipart/voice-message", quoted(&e.content_type.essence())));
    }
}

fn text_directory_not_sent(s: &Survey<'_>, f: &mut Findings<'_>) {
    for (id, _) in s.contents().filter(|(_, e)| is_vcard(e)) {
        f.entity(id, "a vCard in a multipart/voice-message");
    }
}

fn text_plain_in_voice_message(s: &Survey<'_>, f: &mut Findings<'_>) {
    for (id, _) in s.contents().filter(|(_, e)| e.content_type.is("text/plain")) {
        f.entity(id, "text in a multipart/voice-message");
    }
}

fn annotated_fax_in_voice_message(s: &Survey<'_>, f: &mut Findings<'_>) {
    for (id, _) in annotated_faxes(s) {
        f.entity(id, "audio and fax side by side in multipart/mixed");
    }
}

/// The multipart/mixed entities with voice and a fax side by side.
fn annotated_faxes<'a>(s: &'a Survey<'_>) -> impl Iterator<Item = (EntityId, &'a Entity)> {
    let has = |e: &Entity, t: &str| s.children(e).any(|(_, c)| c.content_type.is(t));
    s.judged().filter(move |(_, e)| {
        e.content_type.is("multipart/mixed") && has(e, "image/tiff") && has(e, "audio/32kadpcm")
    })
}

fn forward_minimum_header(s: &Survey<'_>, f: &mut Findings<'_>) {
    for (id, _) in s.forwarded() {
        if ["From", "Subject", "Date"].into_iter().all(|n| s.fields(id, n).next().is_none()) {
            f.entity(id, "a forwarded message without From, Subject and Date");
        }
    }
}

fn forward_mime_header(s: &Survey<'_>, f: &mut Findings<'_>) {
    for (id, _) in s.forwarded() {
        for name in ["MIME-Version", "Content-Type"] {
            if s.fields(id, name).next().is_none() {
                f.missing(id, name, format!("a forwarded message without {name}"));
            }
        }
    }
}

fn forward_simulated_header(s: &Survey<'_>, f: &mut Findings<'_>) {
    for (id, _) in s.forwarded() {
        for name in ["From", "Date"] {
            if s.fields(id, name).next().is_none() {
                f.missing(id, name, format!("a forwarded message without {name}"));
            }
        }
    }
}

fn vpim2421_vcard_one_per_level(s: &Survey<'_>, f: &mut Findings<'_>) {
    for (_, container) in s.containers() {
        if let Some((id, _)) = s.children(container).filter(|(_, e)| is_vcard(e)).nth(1) {
            f.entity(id, "a second vCard");
        }
    }
}

/// What RFC 3801 4.4.1 keeps out and no receiver must take: text/plain and vCards have rules of
/// their own (4.5.2, 4.5.4).
pub fn is_foreign(e: &Entity) -> bool {
    let ct = &e.content_type;
    !matches!(ct.main.as_str(), "audio" | "image" | "message") && !ct.is("text/plain") && !is_vcard(e)
}

fn add_version(s: &Survey<'_>, edits: &mut EditList) {
    for (id, e) in s.containers().filter(|(_, e)| e.content_type.parameters.value("version").is_none()) {
        if let Some(field) = s.fields(id, "Content-Type").next().filter(|_| !e.children().is_empty()) {
            s.append_parameter(edits, id, field, "version=2.0");
        }
    }
}

fn contain_annotated_fax(s: &Survey<'_>, edits: &mut EditList) {
    for (id, e) in annotated_faxes(s) {
        s.make_container(edits, id, e);
    }
}

fn remove_vcards(s: &Survey<'_>, edits: &mut EditList) {
    for (id, _) in s.contents().filter(|(_, e)| is_vcard(e)) {
        s.remove_part(edits, id);
    }
}

/// RFC 3801 4.5.4: text that says something goes beside the voice message, a blank one goes.
fn move_text_out(s: &Survey<'_>, edits: &mut EditList) {
    let blank = |e: &Entity| s.message.decoded(e).bytes.trim_ascii().is_empty();
    let text = |e: &Entity| e.content_type.is("text/plain");
    if s.contents().any(|(_, e)| text(e) && !blank(e)) {
        return s.move_out(edits, |_, e| text(e) && !blank(e));
    }
    for (id, _) in s.contents().filter(|(_, e)| text(e)) {
        s.remove_part(edits, id);
    }
}

fn move_other_out(s: &Survey<'_>, edits: &mut EditList) {
    s.move_out(edits, |_, e| is_foreign(e) && !e.content_type.is("multipart/voice-message"));
}

fn move_foreign_out(s: &Survey<'_>, edits: &mut EditList) {
    s.move_out(edits, |_, e| is_foreign(e));
}

fn insert_forward_subject(s: &Survey<'_>, edits: &mut EditList) {
    for (id, _) in s.forwarded() {
        if ["From", "Subject", "Date"].into_iter().all(|n| s.fields(id, n).next().is_none()) {
            s.set(edits, id, "Subject", Some("Forwarded voice message"));
        }
    }
}

/// A message without Content-Type is text, and its type cannot be made up.
fn insert_forward_version(s: &Survey<'_>, edits: &mut EditList) {
    for (id, e) in s.forwarded().filter(|(_, e)| e.type_declared) {
        if s.fields(id, "MIME-Version").next().is_none() {
            let voice = e.content_type.is("multipart/voice-message");
            s.set(edits, id, "MIME-Version", Some(if voice { "1.0 (Voice 2.0)" } else { "1.0" }));
        }
    }
}

fn keep_first_vcard(s: &Survey<'_>, edits: &mut EditList) {
    for (_, container) in s.containers() {
        for (id, _) in s.children(container).filter(|(_, e)| is_vcard(e)).skip(1) {
            s.remove_part(edits, id);
        }
    }
}
