//! Labels of audio and pictures that the bytes prove: registered types, WAVE format numbers (RFC 2361).

use crate::message::edit::EditList;
use crate::message::{Entity, EntityId, Field};
use crate::vpim::Survey;

/// A registered type for bodies of voice messages that are labelled with a name of nobody's: only where
/// their first octets leave no doubt.
pub fn relabel_registered(s: &Survey<'_>, edits: &mut EditList) {
    for (id, e) in s.contents().filter(|(_, e)| e.is_leaf() && e.content_type.sub.starts_with("x-")) {
        let registered = registered_type(&s.message.decoded(e).bytes);
        let (Some(value), Some(field)) = (registered, content_type(s, id)) else { continue };
        // Parameters of the private type mean nothing for another; the name of the file does.
        let name = e.content_type.parameters.iter().filter(|(name, _)| *name == "name");
        s.replace(edits, id, field, with_parameters(&value, name).as_bytes());
    }
}

/// The registered media type, with its parameters, of a file that begins like `octets`.
fn registered_type(octets: &[u8]) -> Option<String> {
    const MAGIC: [(&[u8], &str); 8] = [
        (b"#!AMR-WB\n", "audio/AMR-WB"),
        (b"#!AMR\n", "audio/AMR"),
        (b"OggS", "audio/ogg"),
        (b"fLaC", "audio/flac"),
        (b"ID3", "audio/mpeg"),
        (b"II*\0", "image/tiff"),
        (b"MM\0*", "image/tiff"),
        (b"\x89PNG\r\n\x1a\n", "image/png"),
    ];
    if let Some(tag) = wave_tag(octets) {
        return Some(format!("audio/vnd.wave; codec={tag:X}"));
    }
    MAGIC.iter().find(|(magic, _)| octets.starts_with(magic)).map(|(_, name)| (*name).to_owned())
}

/// The first Content-Type of a part.
pub fn content_type<'a>(s: &'a Survey<'_>, id: EntityId) -> Option<&'a Field> {
    s.fields(id, "Content-Type").next()
}

/// A field value of a type and parameters.
pub fn with_parameters<'a>(essence: &str, parameters: impl Iterator<Item = (&'a str, &'a str)>) -> String {
    parameters.fold(format!(" {essence}"), |out, (name, value)| {
        format!("{out}; {name}=\"{}\"", value.replace('\\', "\\\\").replace('"', "\\\""))
    })
}

/// Neither in our tables nor a name of RTP.
pub fn is_unknown(e: &Entity) -> bool {
    let sub = e.content_type.sub.as_str();
    !crate::media::audio::is_known(&e.content_type.essence()) && !matches!(sub, "g726-32" | "aal2-g726-32")
}

/// A subtype nobody knows, where the container tells what is meant.
pub fn relabel_unknown(s: &Survey<'_>, edits: &mut EditList) {
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

/// The type of RTP whose packing is that of audio/32KADPCM.
pub fn relabel_rtp(s: &Survey<'_>, edits: &mut EditList) {
    for (id, _) in s.audio().filter(|(_, e)| e.content_type.is("audio/g726-32")) {
        if let Some(field) = content_type(s, id) {
            s.replace(edits, id, field, b" audio/32KADPCM");
        }
    }
}

/// The format numbers of RFC 2361 that voice systems use. 0x45 came later and is in no list.
pub const WAVE_FORMATS: [(u16, &str); 18] = [
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
pub fn wave_tag(octets: &[u8]) -> Option<u16> {
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
pub fn hexadecimal(text: &str) -> Option<u16> {
    let digits = (1..=4).contains(&text.len()) && text.bytes().all(|c| c.is_ascii_hexdigit());
    if digits { u16::from_str_radix(text, 16).ok() } else { None }
}

/// The format number that the file has.
pub fn set_wave_codec(s: &Survey<'_>, edits: &mut EditList) {
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
