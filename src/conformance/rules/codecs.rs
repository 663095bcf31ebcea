//! What audio bodies are coded in, by their octets: RFC 3802, RFC 2361 (WAVE).

use super::labels::*;
use super::lookup::*;
use super::samples::*;
use crate::conformance::rule::{Findings, Level, Rule, Samples};
use crate::media::MediaError;
use crate::message::edit::EditList;
use crate::message::transfer::{decode, encode_base64};
use crate::message::{Encoding, Entity, EntityId};
use crate::vpim::Survey;

/// The rules.
pub static RULES: &[Rule] = &[
    Rule {
        id: "audio-32kadpcm-even-codewords",
        level: Level::Must,
        rfc: 3802,
        section: "4",
        text: "The code words of 32 kbit/s ADPCM fill whole octets.",
        remedy: "Drop the last code word or add one of silence, and check what cut the base64.",
        classes: AUDIO,
        check: even_codewords,
        repair: None,
        samples: Samples::changed(VOICE, &[("////////", "/////////")]),
    },
    Rule {
        id: "audio-32kadpcm-g726-exact",
        level: Level::Must,
        rfc: 3802,
        section: "3.1",
        text: "audio/32KADPCM is G.726 at 32 kbit/s: 8000 samples a second of four bits, one channel.",
        remedy: "Find out what the voice system really sends; its codec setting and its label differ.",
        classes: AUDIO,
        check: g726_exact,
        repair: Some(undo_double_base64),
        samples: Samples::changed(
            VOICE,
            &[(
                "\n////////\n",
                "\nLy8vLy8vLy8vLy8vLy8vLy8vLy8vLy8vLy8vLy8vLy8vLy8vLy8vLy8vLy8vLy8vLy8vLy8vLy8v\nLy8vLy8vLw==\n",
            )],
        ),
    },
    Rule {
        id: "audio-32kadpcm-no-parameters",
        level: Level::May,
        rfc: 3802,
        section: "4",
        text: "audio/32KADPCM has no parameters; readers ignore any.",
        remedy: "Write audio/32KADPCM without parameters.",
        classes: WITH_AUDIO,
        check: no_parameters,
        repair: Some(remove_default_parameters),
        samples: Samples::changed(VOICE, &[("audio/32KADPCM\n", "audio/32KADPCM; rate=8000; channels=1\n")]),
    },
    Rule {
        id: "audio-32kadpcm-encoding-preferred",
        level: Level::Should,
        rfc: 3802,
        section: "4",
        text: "audio/32KADPCM is encoded in base64 or binary.",
        remedy: "Let the voice system encode audio in base64.",
        classes: WITH_AUDIO,
        check: encoding_preferred,
        repair: Some(encode_as_base64),
        samples: Samples::changed(
            VOICE,
            &[("Content-Transfer-Encoding: base64", "Content-Transfer-Encoding: quoted-printable")],
        ),
    },
    Rule {
        id: "audio-32kadpcm-file-extension",
        level: Level::May,
        rfc: 3802,
        section: "4",
        text: "The customary extension of files of audio/32KADPCM is .726.",
        remedy: "Name the file *.726; programs choose the decoder by the extension.",
        classes: WITH_AUDIO,
        check: file_extension,
        repair: None,
        samples: Samples::changed(VOICE, &[("filename=name.726", "filename=name.vox")]),
    },
    Rule {
        id: "audio-unknown-subtype-opaque",
        level: Level::Should,
        rfc: 2046,
        section: "4.3",
        text: "Audio of a subtype that is not recognised is handled like application/octet-stream.",
        remedy: "Label audio with the registered name of its format; nobody can play it otherwise.",
        classes: WITH_AUDIO,
        check: unknown_subtype,
        repair: Some(relabel_unknown),
        samples: Samples::changed(
            VOICE,
            &[
                ("audio/32KADPCM", "audio/x-vendor-voice"),
                (
                    "\n////////\n",
                    "\nUklGRiwAAABXQVZFZm10IBAAAAABAAEAQB8AAIA+AAACABAAZGF0YQgAAAAAAAAAAAAAAA==\n",
                ),
            ],
        ),
    },
    Rule {
        id: "audio-wave-codec-parameter",
        level: Level::Must,
        rfc: 2361,
        section: "2",
        text: "audio/vnd.wave names its codec by the hexadecimal WAVE format number in a codec parameter.",
        remedy: "Write the format number of the file into the parameter codec.",
        classes: WITH_AUDIO,
        check: wave_codec_parameter,
        repair: Some(set_wave_codec),
        samples: Samples::changed(
            VOICE,
            &[
                ("audio/32KADPCM", "audio/vnd.wave; codec=7"),
                (
                    "\n////////\n",
                    "\nUklGRiwAAABXQVZFZm10IBAAAAABAAEAQB8AAIA+AAACABAAZGF0YQgAAAAAAAAAAAAAAA==\n",
                ),
            ],
        ),
    },
    Rule {
        id: "audio-wave-registry-map",
        level: Level::May,
        rfc: 2361,
        section: "Appendix A",
        text: "The codec of a WAVE file is the one registered for its format number.",
        remedy: "Send PCM, or audio/32KADPCM: few players know the other formats.",
        classes: WITH_AUDIO,
        check: wave_registry_map,
        repair: None,
        samples: Samples::changed(
            PBX,
            &[("UklGRgAAAABXQVZF", "UklGRhwAAABXQVZFZm10IBAAAAAxAAEAQB8AAFkGAABBAAAA")],
        ),
    },
    Rule {
        id: "audio-rtp-g726-labels",
        level: Level::May,
        rfc: 3551,
        section: "4.5.4",
        text: "The names G726-32 and AAL2-G726-32 of RTP are the codec of audio/32KADPCM, the second one with its code words exchanged.",
        remedy: "Label G.726 in mail as audio/32KADPCM.",
        classes: WITH_AUDIO,
        check: rtp_g726_labels,
        repair: Some(relabel_rtp),
        samples: Samples::changed(VOICE, &[("audio/32KADPCM", "audio/G726-32")]),
    },
    Rule {
        id: "mime-audio-label",
        level: Level::Should,
        rfc: 2045,
        section: "5",
        text: "Content-Type says what the body is.",
        remedy: "Label the audio as what it is; players believe the label.",
        classes: WITH_AUDIO,
        check: audio_label,
        repair: None,
        samples: Samples::changed(
            PBX,
            &[
                ("audio/x-wav", "audio/mpeg"),
                ("UklGRgAAAABXQVZF", "LnNuZAAAABgAAAAIAAAAAQAAH0AAAAAB//////////8="),
            ],
        ),
    },
    Rule {
        id: "mail-voice-silent",
        level: Level::May,
        rfc: 3801,
        section: "4.4.3",
        text: "A voice part may have nothing to hear in it.",
        remedy: "Check the recording: a whole message of silence is often a fault of the line or the codec.",
        classes: WITH_AUDIO,
        check: voice_silent,
        repair: None,
        samples: Samples { good: SWAPPED, bad: VOICE.with(&[("////////", "␥")]) },
    },
];

fn even_codewords(s: &Survey<'_>, f: &mut Findings<'_>) {
    for (id, e) in adpcm(s).filter(|(_, e)| e.encoding == Encoding::Base64) {
        let of_alphabet = |c: &&u8| c.is_ascii_alphanumeric() || b"+/".contains(c);
        // One character holds six bits: a code word and a half. Where the end is whole nothing is counted.
        if s.body(id).is_some_and(|b| !b.unpadded && b.garbage == 0) {
            continue;
        }
        if e.body.of(s.message.raw()).iter().filter(of_alphabet).count() % 4 == 1 {
            f.entity(id, "the last octet is cut");
        }
    }
}

fn g726_exact(s: &Survey<'_>, f: &mut Findings<'_>) {
    for (id, _) in adpcm(s) {
        if let Some(doubt) = s.audio_facts(id).and_then(|a| a.g726_doubt.as_ref()) {
            f.entity(id, format!("the body of audio/32KADPCM {doubt}"));
        }
    }
}

fn no_parameters(s: &Survey<'_>, f: &mut Findings<'_>) {
    for (id, e) in adpcm(s) {
        let names: Vec<_> = e.content_type.parameters.iter().map(|(n, v)| format!("{n}={v}")).collect();
        if !names.is_empty() {
            label(s, f, id, format!("parameters that say nothing: {}", quoted(&names.join("; "))));
        }
    }
}

fn encoding_preferred(s: &Survey<'_>, f: &mut Findings<'_>) {
    for (id, e) in adpcm(s).filter(|(_, e)| !is_preferred(&e.encoding)) {
        f.entity(id, format!("encoded in {}", quoted(e.encoding.name())));
    }
}

fn file_extension(s: &Survey<'_>, f: &mut Findings<'_>) {
    for (id, e) in adpcm(s) {
        let Some(name) = crate::vpim::survey::file_name(e) else { continue };
        if !name.to_ascii_lowercase().ends_with(".726") {
            f.entity(id, format!("the file is called {}", quoted(&name)));
        }
    }
}

fn unknown_subtype(s: &Survey<'_>, f: &mut Findings<'_>) {
    for (id, e) in s.audio().filter(|(_, e)| is_unknown(e)) {
        let found = match s.audio_facts(id) {
            Some(facts) => format!("the bytes are {} {}", facts.container, facts.codec),
            None => "the bytes tell nothing either".to_owned(),
        };
        label(s, f, id, format!("nobody knows {}; {found}", quoted(&e.content_type.essence())));
    }
}

fn wave_codec_parameter(s: &Survey<'_>, f: &mut Findings<'_>) {
    for (id, e) in s.audio().filter(|(_, e)| e.content_type.is("audio/vnd.wave")) {
        let stated = e.content_type.parameters.value("codec").unwrap_or_default();
        let tag = wave_tag(&s.message.decoded(e).bytes);
        match (hexadecimal(stated), tag) {
            (None, _) => label(s, f, id, format!("codec={} is no format number", quoted(stated))),
            (Some(stated), Some(tag)) if stated != tag => {
                label(s, f, id, format!("codec={stated:X}, but the format of the file is {tag:X}"));
            }
            _ => {}
        }
    }
}

fn wave_registry_map(s: &Survey<'_>, f: &mut Findings<'_>) {
    for (body, e) in s.judged_bodies() {
        // Bytes that are known to be something else, or were too much work, need no second look.
        let unread = matches!(body.facts, Err(MediaError::Limit(_)));
        if unread || s.audio_facts(body.entity).is_some_and(|a| a.container != "wav") {
            continue;
        }
        let Some(tag) = wave_tag(&s.message.decoded(e).bytes).filter(|tag| *tag != 1) else { continue };
        let name = WAVE_FORMATS.iter().find(|(t, _)| *t == tag).map_or("not registered", |(_, name)| name);
        f.entity(body.entity, format!("WAVE format {tag:#06X}: {name}"));
    }
}

fn rtp_g726_labels(s: &Survey<'_>, f: &mut Findings<'_>) {
    for (id, e) in s.audio() {
        let order = match e.content_type.sub.as_str() {
            "g726-32" => "the order of audio/32KADPCM",
            "aal2-g726-32" => "the order opposite to audio/32KADPCM",
            _ => continue,
        };
        label(s, f, id, format!("{} is G.726 in {order}", quoted(&e.content_type.essence())));
    }
}

fn audio_label(s: &Survey<'_>, f: &mut Findings<'_>) {
    // These two have rules of their own.
    let own = |e: &Entity| e.content_type.is("audio/32kadpcm") || e.content_type.is("audio/basic");
    for (id, _) in s.audio().filter(|(_, e)| !own(e)) {
        let facts = s.audio_facts(id);
        if let Some(defect) = facts.and_then(|a| a.defects.iter().find(|d| d.starts_with("declared "))) {
            label(s, f, id, defect.clone());
        }
    }
}

fn voice_silent(s: &Survey<'_>, f: &mut Findings<'_>) {
    /// Below this, in dB of full scale, there is only the noise of a line.
    const NOISE_DBFS: f32 = -55.0;
    for (body, _) in s.judged_bodies() {
        let Some(facts) = s.audio_facts(body.entity).filter(|a| a.duration_s().is_some_and(|d| d >= 1.0))
        else {
            continue;
        };
        let decoded = crate::media::audio::codec::named(&facts.codec).decoder.is_some();
        match facts.peak_dbfs {
            Some(peak) if peak < NOISE_DBFS => {
                f.entity(body.entity, format!("nothing is louder than {peak:.0} dB of full scale"));
            }
            None if decoded => f.entity(body.entity, "nothing but silence"),
            _ => {}
        }
    }
}

/// What base64 text stands for, where octets are base64 text.
fn double_base64(octets: &[u8]) -> Option<Vec<u8>> {
    let of_text = |c: &u8| c.is_ascii_alphanumeric() || b"+/=\r\n".contains(c);
    if octets.len() < 40 || !octets.iter().all(of_text) {
        return None;
    }
    let decoded = decode(&Encoding::Base64, octets);
    (decoded.garbage == 0 && !decoded.unpadded).then(|| decoded.bytes.into_owned())
}

fn undo_double_base64(s: &Survey<'_>, edits: &mut EditList) {
    for (_, e) in adpcm(s).filter(|(_, e)| e.encoding == Encoding::Base64) {
        if let Some(octets) =
            double_base64(&s.message.decoded(e).bytes).filter(|o| double_base64(o).is_none())
        {
            edits.body(e.body, base64_text(s, &octets));
        }
    }
}

/// Base64 without a line end at its end.
fn base64_text(s: &Survey<'_>, octets: &[u8]) -> Vec<u8> {
    encode_base64(octets, s.message.eol().text()).trim_ascii_end().to_vec()
}

/// The judged parts labelled audio/32KADPCM.
fn adpcm<'a>(s: &'a Survey<'_>) -> impl Iterator<Item = (EntityId, &'a Entity)> {
    s.audio().filter(|(_, e)| e.content_type.is("audio/32kadpcm"))
}

/// A finding on the label of a part.
fn label(s: &Survey<'_>, f: &mut Findings<'_>, id: EntityId, what: String) {
    match content_type(s, id) {
        Some(field) => f.field(id, field, what),
        None => f.entity(id, what),
    }
}

fn remove_default_parameters(s: &Survey<'_>, edits: &mut EditList) {
    let default =
        |(name, value): (&str, &str)| matches!((name, value.trim()), ("rate", "8000") | ("channels", "1"));
    for (id, e) in adpcm(s) {
        let parameters = &e.content_type.parameters;
        if let Some(field) = content_type(s, id).filter(|_| parameters.iter().any(default)) {
            let kept = parameters.iter().filter(|p| !default(*p));
            s.replace(edits, id, field, with_parameters("audio/32KADPCM", kept).as_bytes());
        }
    }
}

fn is_preferred(encoding: &Encoding) -> bool {
    matches!(encoding, Encoding::Base64 | Encoding::Binary)
}

fn encode_as_base64(s: &Survey<'_>, edits: &mut EditList) {
    for (id, e) in adpcm(s).filter(|(_, e)| !is_preferred(&e.encoding)) {
        edits.body(e.body, base64_text(s, &s.message.decoded(e).bytes));
        match s.fields(id, "Content-Transfer-Encoding").next() {
            Some(field) => s.replace(edits, id, field, b" base64"),
            None if id == ROOT => insert(edits, "Content-Transfer-Encoding", "base64"),
            None => insert_in_part(s, edits, e, "Content-Transfer-Encoding: base64"),
        }
    }
}
