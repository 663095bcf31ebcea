//! What audio bodies are coded in, by their octets: RFC 3802, RFC 2361 (WAVE).

use super::lookup::*;
use super::samples::*;
use crate::conformance::rule::{Findings, Level, Rule, Samples};
use crate::message::edit::EditList;
use crate::message::transfer::{decode, encode_base64};
use crate::message::{Encoding, Entity, EntityId, Field};
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
    for (id, e) in adpcm(s) {
        if s.audio_facts(id).is_some_and(|a| a.container != "raw") {
            continue;
        }
        if let Some(doubt) = g726_doubt(&s.message.decoded(e).bytes) {
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
        // Bytes that are known to be something else need no second look.
        if s.audio_facts(body.entity).is_some_and(|a| a.container != "wav") {
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

/// Why octets are not the G.726 of audio/32KADPCM: the code word 0 is never written by an encoder
/// (G.726 2.5), and text or the header of a file is no code word at all.
pub fn g726_doubt(octets: &[u8]) -> Option<String> {
    /// Fewer octets decide nothing.
    const MIN_OCTETS: usize = 64;
    /// One zero among this many code words is noticed; other codings have four times as many.
    const ONE_IN: usize = 64;
    for magic in ["RIFF", ".snd", "#!AMR", "OggS"] {
        if octets.starts_with(magic.as_bytes()) {
            return Some(format!("begins with {magic} like a file"));
        }
    }
    if octets.len() < MIN_OCTETS {
        return None;
    }
    if double_base64(octets).is_some() {
        return Some("is encoded in base64 twice".to_owned());
    }
    let zeros: usize = octets.iter().map(|o| usize::from(o & 0x0F == 0) + usize::from(o & 0xF0 == 0)).sum();
    (zeros * ONE_IN > octets.len() * 2)
        .then(|| format!("has {zeros} code words 0 among {}, which G.726 never has", octets.len() * 2))
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

fn content_type<'a>(s: &'a Survey<'_>, id: EntityId) -> Option<&'a Field> {
    s.fields(id, "Content-Type").next()
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

/// A field value of a type and parameters.
fn with_parameters<'a>(essence: &str, parameters: impl Iterator<Item = (&'a str, &'a str)>) -> String {
    parameters.fold(format!(" {essence}"), |out, (name, value)| {
        format!("{out}; {name}=\"{}\"", value.replace('\\', "\\\\").replace('"', "\\\""))
    })
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

/// Neither in our tables nor a name of RTP.
fn is_unknown(e: &Entity) -> bool {
    let sub = e.content_type.sub.as_str();
    !crate::media::audio::is_known(&e.content_type.essence()) && !matches!(sub, "g726-32" | "aal2-g726-32")
}

fn relabel_unknown(s: &Survey<'_>, edits: &mut EditList) {
    const TYPES: [(&str, &str); 5] = [
        ("wav", "audio/wav"),
        ("amr", "audio/AMR"),
        ("mp3", "audio/mpeg"),
        ("ogg", "audio/ogg"),
        ("flac", "audio/flac"),
    ];
    for (id, _) in s.audio().filter(|(_, e)| is_unknown(e)) {
        let found =
            s.audio_facts(id).and_then(|a| TYPES.iter().find(|(container, _)| *container == a.container));
        if let (Some((_, essence)), Some(field)) = (found, content_type(s, id)) {
            s.replace(edits, id, field, format!(" {essence}").as_bytes());
        }
    }
}

fn relabel_rtp(s: &Survey<'_>, edits: &mut EditList) {
    for (id, _) in s.audio().filter(|(_, e)| e.content_type.is("audio/g726-32")) {
        if let Some(field) = content_type(s, id) {
            s.replace(edits, id, field, b" audio/32KADPCM");
        }
    }
}

/// The format numbers of RFC 2361 that voice systems use. 0x45 came later and is in no list.
const WAVE_FORMATS: [(u16, &str); 18] = [
    (0x0001, "PCM"),
    (0x0002, "Microsoft ADPCM"),
    (0x0006, "A-law"),
    (0x0007, "mu-law"),
    (0x0010, "OKI ADPCM"),
    (0x0011, "IMA ADPCM"),
    (0x0014, "G.723 ADPCM"),
    (0x0022, "TrueSpeech"),
    (0x0031, "GSM 06.10"),
    (0x0040, "G.721 ADPCM"),
    (0x0042, "G.723.1"),
    (0x0045, "G.726 ADPCM"),
    (0x0050, "MPEG"),
    (0x0055, "MP3"),
    (0x0064, "G.726 ADPCM"),
    (0x0065, "G.722 ADPCM"),
    (0x0083, "G.729A"),
    (0xFFFE, "extensible"),
];

/// The format number in the `fmt ` chunk of a WAVE file.
fn wave_tag(octets: &[u8]) -> Option<u16> {
    let riff = octets.strip_prefix(b"RIFF").filter(|r| r.get(4..8) == Some(b"WAVE"))?;
    let mut rest = riff.get(8..)?;
    loop {
        let size = u32::from_le_bytes(rest.get(4..8)?.try_into().ok()?);
        if rest.starts_with(b"fmt ") {
            return Some(u16::from_le_bytes(rest.get(8..10)?.try_into().ok()?));
        }
        let size = usize::try_from(size).ok()?;
        rest = rest.get(8usize.checked_add(size)?.checked_add(size % 2)?..)?;
    }
}

/// RFC 2361 2: one to four hexadecimal digits.
fn hexadecimal(text: &str) -> Option<u16> {
    let digits = (1..=4).contains(&text.len()) && text.bytes().all(|c| c.is_ascii_hexdigit());
    if digits { u16::from_str_radix(text, 16).ok() } else { None }
}

fn set_wave_codec(s: &Survey<'_>, edits: &mut EditList) {
    for (id, e) in s.audio().filter(|(_, e)| e.content_type.is("audio/vnd.wave")) {
        let parameters = &e.content_type.parameters;
        let stated = parameters.value("codec").and_then(hexadecimal);
        let tag = wave_tag(&s.message.decoded(e).bytes).filter(|tag| stated != Some(*tag));
        if let (Some(tag), Some(field)) = (tag, content_type(s, id)) {
            let codec = format!("{tag:X}");
            let others = parameters.iter().filter(|(name, _)| *name != "codec");
            let all = others.chain([("codec", codec.as_str())]);
            s.replace(edits, id, field, with_parameters("audio/vnd.wave", all).as_bytes());
        }
    }
}
