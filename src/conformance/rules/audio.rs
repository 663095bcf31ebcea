//! Audio bodies: codec, order of the code words, transfer encoding (RFC 3801 4.2.12 and 4.4.3, RFC 3802).
//! Labels are not believed: what the bytes are decides.

use super::labels::relabel_registered;
use super::lookup::*;
use super::samples::*;
use crate::conformance::rule::{Findings, Level, Rule, Samples};
use crate::message::edit::EditList;
use crate::message::{Encoding, Entity};
use crate::vpim::Survey;
use crate::vpim::VoiceKind;

/// The rules.
pub static RULES: &[Rule] = &[
    Rule {
        id: "vpim2-audio-32kadpcm-default",
        level: Level::Must,
        rfc: 3801,
        section: "4.4.3",
        text: "Voice is sent as audio/32KADPCM unless the recipient is known to take something else.",
        remedy: "Let the voice system send audio/32KADPCM, or have the mail converted.",
        classes: VPIM2_OR_OTHER,
        check: audio_32kadpcm_default,
        repair: None,
        samples: Samples::changed(VOICE, &[("audio/32KADPCM", "audio/basic")]),
    },
    Rule {
        id: "vpim2-other-encodings-need-agreement",
        level: Level::ShouldNot,
        rfc: 3801,
        section: "4.5.3",
        text: "Audio or image formats other than the two required ones are not sent without knowing the recipient takes them.",
        remedy: "Send other codecs only to systems that are known to take them.",
        classes: VPIM2,
        check: other_encodings_need_agreement,
        repair: None,
        samples: Samples::changed(VOICE, &[("audio/32KADPCM", "audio/basic")]),
    },
    Rule {
        id: "vpim2-other-encodings-registered",
        level: Level::Should,
        rfc: 3801,
        section: "4.5.3",
        text: "Other codecs are labelled with registered audio or image subtypes.",
        remedy: "Label codecs with registered subtypes.",
        classes: VPIM2,
        check: other_encodings_registered,
        repair: Some(relabel_registered),
        samples: Samples::changed(
            VOICE,
            &[
                ("audio/32KADPCM", "audio/x-wav"),
                ("////////", "UklGRigAAABXQVZFZm10IBAAAAABAAEAQB8AAIA+AAACABAAZGF0YQQAAAAAAAEA"),
            ],
        ),
    },
    Rule {
        id: "vpim2-spoken-name-length",
        level: Level::Should,
        rfc: 3801,
        section: "4.4.3",
        text: "A spoken name is expected to last about five seconds and a spoken subject about ten.",
        remedy: "Limit spoken names to 12 and spoken subjects to 20 seconds.",
        classes: VPIM2,
        check: spoken_name_length,
        repair: None,
        samples: Samples::changed(VOICE, &[("////////", "␥")]),
    },
    Rule {
        id: "audio-32kadpcm-no-header",
        level: Level::Must,
        rfc: 3802,
        section: "3.1",
        text: "audio/32KADPCM bodies are bare code words without any file header.",
        remedy: "Send the bare code words, without the header of a file format.",
        classes: AUDIO,
        check: audio_32kadpcm_no_header,
        repair: Some(strip_adpcm_header),
        samples: Samples::changed(
            VOICE,
            &[("\n////////\n", "\nLnNuZAAAABgAAAAIAAAAFwAAH0AAAAAB//////////8=\n")],
        ),
    },
    Rule {
        id: "audio-32kadpcm-little-endian",
        level: Level::Must,
        rfc: 3802,
        section: "4",
        text: "The earlier of two code words sits in the low four bits of the octet, the later one in the high four bits.",
        remedy: "Set the G.726 packing of the voice system to RFC 3802 (first code word in the low bits).",
        classes: AUDIO,
        check: audio_32kadpcm_little_endian,
        repair: None,
        samples: Samples { good: VOICE, bad: SWAPPED },
    },
    Rule {
        id: "audio-32kadpcm-empty-body",
        level: Level::ShouldNot,
        rfc: 3802,
        section: "3.1",
        text: "An audio part is not empty in version 2.",
        remedy: "Leave empty parts out.",
        classes: VPIM2,
        check: audio_32kadpcm_empty_body,
        repair: Some(remove_empty_parts),
        samples: Samples::changed(VOICE, &[("////////", "")]),
    },
    Rule {
        id: "audio-basic-format",
        level: Level::Must,
        rfc: 2046,
        section: "4.3",
        text: "audio/basic is headerless 8-bit mu-law, 8000 Hz, one channel.",
        remedy: "Send headerless mu-law, 8000 Hz, one channel, as audio/basic.",
        classes: AUDIO,
        check: audio_basic_format,
        repair: Some(strip_basic_header),
        samples: Samples::changed(
            INTERNET,
            &[("////////////", "LnNuZAAAABgAAAAIAAAAAQAAH0AAAAAB//////////8=")],
        ),
    },
    Rule {
        id: "vpim2-send-not-7bit",
        level: Level::MustNot,
        rfc: 3801,
        section: "4.2.12",
        text: "Audio and fax bodies are not sent with the 7bit encoding.",
        remedy: "Let the voice system encode audio and fax in base64.",
        classes: VPIM2,
        check: send_not_7bit,
        repair: Some(recode_7bit),
        samples: Samples::changed(
            VOICE,
            &[(
                "base64\nContent-Disposition: inline; voice=Voice-Message",
                "7bit\nContent-Disposition: inline; voice=Voice-Message",
            )],
        ),
    },
    Rule {
        id: "vpim2-send-not-8bit",
        level: Level::MustNot,
        rfc: 3801,
        section: "4.2.12",
        text: "Audio and fax bodies are not sent with the 8bit encoding.",
        remedy: "Let the voice system encode audio and fax in base64.",
        classes: VPIM2,
        check: send_not_8bit,
        repair: Some(recode_8bit),
        samples: Samples::changed(VOICE, &[("base64", "8bit")]),
    },
    Rule {
        id: "vpim2-send-not-quoted-printable",
        level: Level::MustNot,
        rfc: 3801,
        section: "4.2.12",
        text: "Audio and fax bodies are not sent as quoted-printable.",
        remedy: "Let the voice system encode audio and fax in base64.",
        classes: VPIM2,
        check: send_not_quoted_printable,
        repair: Some(recode_quoted_printable),
        samples: Samples::changed(VOICE, &[("base64", "quoted-printable")]),
    },
    Rule {
        id: "vpim2-send-base64",
        level: Level::Must,
        rfc: 3801,
        section: "4.2.12",
        text: "Without binary transport, audio and fax bodies are base64.",
        remedy: "Send audio as base64 unless the transport is BINARYMIME.",
        classes: VPIM2,
        check: send_base64,
        repair: Some(recode_binary),
        samples: Samples::changed(VOICE, &[("base64", "binary")]),
    },
    Rule {
        id: "binary-without-binarymime",
        level: Level::Should,
        rfc: 3030,
        section: "3",
        text: "A part in binary that came without BODY=BINARYMIME is returned as undeliverable.",
        remedy: "Send base64, or BODY=BINARYMIME where the server offers it.",
        classes: ALL,
        check: binary_without_binarymime,
        repair: Some(recode_all_binary),
        samples: Samples::changed(VOICE, &[("base64", "binary")]),
    },
    Rule {
        id: "vpim2-cte-declared",
        level: Level::Must,
        rfc: 3801,
        section: "4.2.12",
        text: "The transfer encoding of audio and fax bodies is declared with Content-Transfer-Encoding.",
        remedy: "Let the voice system write Content-Transfer-Encoding: base64.",
        classes: VPIM2,
        check: cte_declared,
        repair: Some(declare_encoding),
        samples: Samples::changed(VOICE, &[("Content-Transfer-Encoding: base64\n", "")]),
    },
    Rule {
        id: "vpim2421-spoken-name-max",
        level: Level::MustNot,
        rfc: 2423,
        section: "3.2",
        text: "A spoken name is never longer than 12 seconds.",
        remedy: "Limit spoken names to 12 seconds.",
        classes: RFC2421,
        check: vpim2421_spoken_name_max,
        repair: None,
        samples: Samples::changed(VOICE_2421, &[("////////", "␥")]),
    },
];

fn audio_32kadpcm_default(s: &Survey<'_>, f: &mut Findings<'_>) {
    for (body, e) in s
        .judged_bodies()
        .filter(|(b, _)| s.audio_facts(b.entity).is_some() || b.declared.type_() == mime::AUDIO)
    {
        let known = s.target.is_some_and(|t| t.is_known_to_take(&e.content_type.essence()));
        if !e.content_type.is("audio/32kadpcm") && !known {
            f.entity(body.entity, format!("voice is sent as {}", quoted(&e.content_type.essence())));
        }
    }
}

fn other_encodings_need_agreement(s: &Survey<'_>, f: &mut Findings<'_>) {
    for (id, e) in s.contents().filter(|(_, e)| e.is_leaf()) {
        let ct = &e.content_type;
        if s.target.is_some_and(|t| t.is_known_to_take(&ct.essence())) {
            continue;
        }
        if (ct.main == "audio" && ct.sub != "32kadpcm") || (ct.main == "image" && !is_tiff(e)) {
            f.entity(id, format!("{} without knowledge of the recipient", quoted(&ct.essence())));
        }
    }
}

fn other_encodings_registered(s: &Survey<'_>, f: &mut Findings<'_>) {
    for (id, e) in s.contents().filter(|(_, e)| matches!(e.content_type.main.as_str(), "audio" | "image")) {
        if e.content_type.sub.starts_with("x-") {
            f.entity(id, format!("{} is not registered", quoted(&e.content_type.essence())));
        }
    }
}

fn spoken_name_length(s: &Survey<'_>, f: &mut Findings<'_>) {
    for (body, _) in s.judged_bodies() {
        let limit = match body.voice {
            Some(VoiceKind::OriginatorSpokenName | VoiceKind::RecipientSpokenName) => 12.0,
            Some(VoiceKind::SpokenSubject) => 20.0,
            _ => continue,
        };
        if let Some(seconds) = s.audio_facts(body.entity).and_then(|a| a.duration_s()).filter(|d| *d > limit)
        {
            f.entity(body.entity, format!("lasts {seconds:.0} s, more than {limit:.0} s"));
        }
    }
}

fn audio_32kadpcm_no_header(s: &Survey<'_>, f: &mut Findings<'_>) {
    for (body, e) in s.judged_bodies().filter(|(_, e)| e.content_type.is("audio/32kadpcm")) {
        if let Some(facts) = s.audio_facts(body.entity).filter(|a| a.container != "raw") {
            let found = format!("{} {}", facts.container, facts.codec);
            f.entity(
                body.entity,
                format!("the body of {} is a file: {found}", quoted(&e.content_type.essence())),
            );
        }
    }
}

fn audio_32kadpcm_little_endian(s: &Survey<'_>, f: &mut Findings<'_>) {
    for (body, _) in s.judged_bodies().filter(|(_, e)| e.content_type.is("audio/32kadpcm")) {
        let order = s.audio_facts(body.entity).and_then(|a| a.nibble_order);
        if let Some(order) = order.filter(|o| o.swapped && o.confidence >= 0.5) {
            f.entity(
                body.entity,
                format!("the code words are packed the other way round (certainty {:.2})", order.confidence),
            );
        }
    }
}

fn audio_32kadpcm_empty_body(s: &Survey<'_>, f: &mut Findings<'_>) {
    for (body, _) in s.judged_bodies().filter(|(b, e)| b.octets == 0 && e.content_type.main == "audio") {
        f.entity(body.entity, "an audio part without audio");
    }
}

fn audio_basic_format(s: &Survey<'_>, f: &mut Findings<'_>) {
    for (body, _) in s.judged_bodies().filter(|(_, e)| e.content_type.is("audio/basic")) {
        if let Some(facts) = s.audio_facts(body.entity).filter(|a| a.container != "raw") {
            f.entity(
                body.entity,
                format!("the body of audio/basic is a file: {} {}", facts.container, facts.codec),
            );
        }
    }
}

fn send_not_7bit(s: &Survey<'_>, f: &mut Findings<'_>) {
    encoded_as(s, f, |e| *e == Encoding::SevenBit);
}

fn send_not_8bit(s: &Survey<'_>, f: &mut Findings<'_>) {
    encoded_as(s, f, |e| *e == Encoding::EightBit);
}

fn send_not_quoted_printable(s: &Survey<'_>, f: &mut Findings<'_>) {
    encoded_as(s, f, |e| *e == Encoding::QuotedPrintable);
}

fn send_base64(s: &Survey<'_>, f: &mut Findings<'_>) {
    if !s.envelope.binary_mime {
        encoded_as(s, f, |e| *e == Encoding::Binary);
    }
}

fn binary_without_binarymime(s: &Survey<'_>, f: &mut Findings<'_>) {
    let known = s.envelope.mail_from.is_some() && !s.envelope.binary_mime;
    for (id, e) in s.judged().filter(|(_, e)| known && e.encoding == Encoding::Binary) {
        f.entity(
            id,
            format!("{} in binary, sent without BODY=BINARYMIME", quoted(&e.content_type.essence())),
        );
    }
}

fn cte_declared(s: &Survey<'_>, f: &mut Findings<'_>) {
    for (id, _) in s.media() {
        match s.fields(id, "Content-Transfer-Encoding").count() {
            0 => f.missing(id, "Content-Transfer-Encoding", "no Content-Transfer-Encoding"),
            1 => {}
            _ => f.entity(id, "more than one Content-Transfer-Encoding"),
        }
    }
}

fn vpim2421_spoken_name_max(s: &Survey<'_>, f: &mut Findings<'_>) {
    for (body, _) in s.judged_bodies().filter(|(b, _)| b.voice == Some(VoiceKind::OriginatorSpokenName)) {
        if s.audio_facts(body.entity).and_then(|a| a.duration_s()).is_some_and(|d| d > 12.0) {
            f.entity(body.entity, "a spoken name of more than 12 s");
        }
    }
}

/// RFC 3801 4.2.12 and its table: audio and fax travel as base64 or, where the transport can, binary.
fn encoded_as(s: &Survey<'_>, f: &mut Findings<'_>, wrong: fn(&Encoding) -> bool) {
    for (id, e) in s.media().filter(|(_, e)| wrong(&e.encoding)) {
        let what = format!("{} in {}", e.content_type.essence(), e.encoding.name());
        match s.fields(id, "Content-Transfer-Encoding").next() {
            Some(field) => f.field(id, field, what),
            None => f.missing(id, "Content-Transfer-Encoding", what),
        }
    }
}

/// Encodes anew what `wrong` says of the encoding, where the octets still make sense.
fn recode(s: &Survey<'_>, edits: &mut EditList, wrong: fn(&Encoding) -> bool) {
    let sound = |id| s.body(id).is_some_and(|b| b.facts.is_ok());
    for (id, e) in
        s.media().filter(|(id, e)| wrong(&e.encoding) && (e.encoding != Encoding::EightBit || sound(*id)))
    {
        s.recode(edits, id, e);
    }
}

fn recode_7bit(s: &Survey<'_>, edits: &mut EditList) {
    recode(s, edits, |e| *e == Encoding::SevenBit);
}

fn recode_8bit(s: &Survey<'_>, edits: &mut EditList) {
    recode(s, edits, |e| *e == Encoding::EightBit);
}

fn recode_quoted_printable(s: &Survey<'_>, edits: &mut EditList) {
    recode(s, edits, |e| *e == Encoding::QuotedPrintable);
}

fn recode_binary(s: &Survey<'_>, edits: &mut EditList) {
    if !s.envelope.binary_mime {
        recode(s, edits, |e| *e == Encoding::Binary);
    }
}

/// Leaves first: what encloses them is 7bit only when they are.
fn recode_all_binary(s: &Survey<'_>, edits: &mut EditList) {
    let known = s.envelope.mail_from.is_some() && !s.envelope.binary_mime;
    let plain = |e: &Entity| {
        let body = e.body.of(s.message.raw());
        body.is_ascii() && !body.contains(&0) && body.split(|c| *c == b'\n').all(|line| line.len() < 998)
    };
    for (id, e) in s.judged().filter(|(_, e)| known && e.encoding == Encoding::Binary) {
        let media = matches!(e.content_type.main.as_str(), "audio" | "image");
        if e.is_leaf() && (media || !plain(e)) {
            s.recode(edits, id, e);
        } else if plain(e) {
            s.set(edits, id, "Content-Transfer-Encoding", Some("7bit"));
        }
    }
}

fn declare_encoding(s: &Survey<'_>, edits: &mut EditList) {
    for (id, e) in s.media() {
        if s.fields(id, "Content-Transfer-Encoding").next().is_none() {
            s.recode(edits, id, e);
        }
    }
}

/// An empty name or subject says nothing; an empty message does.
fn remove_empty_parts(s: &Survey<'_>, edits: &mut EditList) {
    for (body, _) in s.judged_bodies().filter(|(b, e)| b.octets == 0 && e.content_type.main == "audio") {
        if !matches!(body.voice, None | Some(VoiceKind::VoiceMessage)) {
            s.remove_part(edits, body.entity);
        }
    }
}

fn strip_basic_header(s: &Survey<'_>, edits: &mut EditList) {
    strip_header(s, edits, "audio/basic", "pcmu");
}

/// AU files hold the code words of G.721 in the order of RFC 3802.
fn strip_adpcm_header(s: &Survey<'_>, edits: &mut EditList) {
    strip_header(s, edits, "audio/32kadpcm", "g726-32");
}

/// The octets behind the header of an AU file, where it says what the media type says.
fn strip_header(s: &Survey<'_>, edits: &mut EditList, essence: &str, codec: &str) {
    for (body, e) in s.judged_bodies().filter(|(_, e)| e.content_type.is(essence)) {
        let basic = s.audio_facts(body.entity).is_some_and(|a| {
            a.container == "au" && a.codec == codec && a.sample_rate_hz == 8_000 && a.channels == 1
        });
        let octets = s.message.decoded(e).bytes;
        let field = |at: usize| {
            let four = octets.get(at..at + 4).and_then(|f| <[u8; 4]>::try_from(f).ok());
            four.and_then(|f| usize::try_from(u32::from_be_bytes(f)).ok())
        };
        let (Some(offset), Some(size)) = (field(4), field(8)) else { continue };
        let Some(rest) = octets.get(offset..).filter(|rest| basic && offset >= 24 && !rest.is_empty()) else {
            continue;
        };
        s.set_octets(edits, body.entity, e, rest.get(..size).unwrap_or(rest));
    }
}
