//! The names of formats: media types and file extensions, what can be read and what written.

use super::codec::{self, CODECS, Codec};
use super::container::Stream;
use crate::media::MediaError;
use mime::Mime;

/// One line for help texts: a format and what we do with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Format {
    /// Media types, the usual one first, in lower case.
    pub media_types: &'static [&'static str],
    /// True where bodies of the type can be decoded.
    pub can_read: bool,
    /// True where bodies of the type can be made.
    pub can_write: bool,
}

/// A container format with its names; all are read.
struct Container {
    name: &'static str,
    media_types: &'static [&'static str],
    can_write: bool,
}

const CONTAINERS: &[Container] = &[
    Container {
        name: "wav",
        media_types: &["audio/wav", "audio/x-wav", "audio/wave", "audio/vnd.wave"],
        can_write: true,
    },
    Container { name: "au", media_types: &["audio/au", "audio/x-au"], can_write: true },
    Container { name: "ogg", media_types: &["audio/ogg", "application/ogg"], can_write: true },
    Container { name: "aiff", media_types: &["audio/aiff", "audio/x-aiff"], can_write: false },
    Container {
        name: "mp4",
        media_types: &["audio/mp4", "audio/3gpp", "audio/3gpp2", "audio/x-m4a", "video/mp4", "video/3gpp"],
        can_write: false,
    },
    Container { name: "caf", media_types: &["audio/x-caf"], can_write: false },
];

/// Media types of file name extensions.
const EXTENSIONS: &[(&str, &str)] = &[
    ("726", "audio/32kadpcm"),
    ("adpcm", "audio/32kadpcm"),
    ("32kadpcm", "audio/32kadpcm"),
    ("wav", "audio/wav"),
    ("au", "audio/au"),
    ("snd", "audio/au"),
    ("ul", "audio/pcmu"),
    ("ulaw", "audio/pcmu"),
    ("al", "audio/pcma"),
    ("alaw", "audio/pcma"),
    ("s16", "audio/x-s16le;rate=8000"),
    ("sw", "audio/x-s16le;rate=8000"),
    ("l16", "audio/l16;rate=8000"),
    ("gsm", "audio/gsm"),
    ("amr", "audio/amr"),
    ("awb", "audio/amr-wb"),
    ("aac", "audio/aac"),
    ("oga", "audio/ogg"),
    ("aifc", "audio/aiff"),
    ("mp4", "audio/mp4"),
    ("mp3", "audio/mpeg"),
    ("ogg", "audio/ogg"),
    ("opus", "audio/ogg"),
    ("flac", "audio/flac"),
    ("aif", "audio/aiff"),
    ("aiff", "audio/aiff"),
    ("m4a", "audio/mp4"),
    ("3gp", "audio/3gpp"),
    ("caf", "audio/x-caf"),
];

/// All formats that have a media type.
pub fn formats() -> impl Iterator<Item = Format> {
    let codecs = CODECS.iter().filter(|codec| !codec.media_types.is_empty()).map(|codec| Format {
        media_types: codec.media_types,
        can_read: codec.can_decode(),
        can_write: codec.encoder.is_some(),
    });
    let containers = CONTAINERS.iter().map(|container| Format {
        media_types: container.media_types,
        can_read: true,
        can_write: container.can_write,
    });
    codecs.chain(containers)
}

/// The media type for a file name extension (without the dot).
pub fn media_type_of_extension(extension: &str) -> Option<Mime> {
    let (_, name) = EXTENSIONS.iter().find(|(known, _)| known.eq_ignore_ascii_case(extension))?;
    name.parse().ok()
}

/// True for a media type of the tables.
pub fn is_known(essence: &str) -> bool {
    codec::of_media_type(essence).is_some() || container_of(essence).is_some()
}

fn container_of(essence: &str) -> Option<&'static Container> {
    CONTAINERS
        .iter()
        .find(|container| container.media_types.iter().any(|name| name.eq_ignore_ascii_case(essence)))
}

/// What a body of a media type holds, as a glob of `container/codec`; `None` for an unknown type.
pub fn coding(essence: &str) -> Option<String> {
    if let Some(container) = container_of(essence) {
        return Some(format!("{}/*", container.name));
    }
    let codec = codec::of_media_type(essence)?;
    Some(format!("{}/{}", own_container(codec).name(), codec.name))
}

/// False where a body declared as `essence` must not hold what was found.
pub fn may_hold(essence: &str, stream: &Stream) -> bool {
    if let Some(container) = container_of(essence) {
        return container.name == stream.container;
    }
    match codec::of_media_type(essence) {
        // A headerless type in a container of ours is wrong even if the codec is right.
        Some(codec) => codec.name == stream.codec.name && !matches!(stream.container, "wav" | "au"),
        None => true,
    }
}

/// What to produce: a codec in a container, one channel at 8000 samples a second.
#[derive(Clone, Copy, Debug)]
pub struct Target {
    /// The container.
    pub container: TargetContainer,
    /// The codec within.
    pub codec: &'static Codec,
}

/// Containers that we write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TargetContainer {
    /// None.
    Raw,
    /// RIFF/WAVE.
    Wav,
    /// Sun/NeXT audio.
    Au,
    /// AMR storage format (RFC 4867 section 5).
    Amr,
    /// MPEG audio frames, which are their own container.
    Mp3,
    /// Ogg pages.
    Ogg,
}

impl TargetContainer {
    /// Name in facts and messages.
    pub fn name(self) -> &'static str {
        match self {
            TargetContainer::Raw => "raw",
            TargetContainer::Wav => "wav",
            TargetContainer::Au => "au",
            TargetContainer::Amr => "amr",
            TargetContainer::Mp3 => "mp3",
            TargetContainer::Ogg => "ogg",
        }
    }
}

/// Reads a media type as a target.
pub fn target(mime: &Mime) -> Result<Target, MediaError> {
    let unsupported = || MediaError::Unsupported(format!("{mime} cannot be written"));
    for (name, only) in [("rate", "8000"), ("channels", "1")] {
        if mime.get_param(name).is_some_and(|value| value != only) {
            return Err(MediaError::Unsupported(format!("{mime}: only {name}={only} can be written")));
        }
    }
    let essence = mime.essence_str();
    let (container, codec) = match container_of(essence).map(|container| container.name) {
        Some("wav") => (TargetContainer::Wav, wav_codec(mime).ok_or_else(unsupported)?),
        Some("au") => (TargetContainer::Au, codec::named("pcmu")),
        Some("ogg") => (TargetContainer::Ogg, ogg_codec(mime).ok_or_else(unsupported)?),
        Some(_) => return Err(unsupported()),
        None => {
            let codec = codec::of_media_type(essence).ok_or_else(unsupported)?;
            (own_container(codec), codec)
        }
    };
    if codec.encoder.is_none() {
        return Err(unsupported());
    }
    Ok(Target { container, codec })
}

/// The container without which bodies of a codec's own media type do not go.
fn own_container(codec: &Codec) -> TargetContainer {
    match codec.name {
        "amr" => TargetContainer::Amr,
        "mp3" => TargetContainer::Mp3,
        "opus" => TargetContainer::Ogg,
        _ => TargetContainer::Raw,
    }
}

/// `codecs=` of RFC 5334 section 4; Opus where absent.
fn ogg_codec(mime: &Mime) -> Option<&'static Codec> {
    match mime.get_param("codecs") {
        None => Some(codec::named("opus")),
        Some(name) => Some(codec::named(name.as_str())).filter(|codec| codec.name == "opus"),
    }
}

/// `codec=` of RFC 2361 section 3: the format tag in hexadecimal; PCM where absent.
fn wav_codec(mime: &Mime) -> Option<&'static Codec> {
    match mime.get_param("codec") {
        None => Some(codec::named("pcm-s16")),
        Some(tag) => codec::of_wav_tag(u16::from_str_radix(tag.as_str(), 16).ok()?),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn target_of(name: &str) -> Result<Target, MediaError> {
        target(&name.parse().unwrap())
    }

    #[test]
    fn every_media_type_names_one_format() {
        let names: Vec<_> = formats().flat_map(|format| format.media_types).collect();
        for (k, name) in names.iter().enumerate() {
            assert_eq!(**name, name.to_lowercase());
            assert!(!names[..k].contains(name), "{name} twice");
            let mime: Mime = name.parse().unwrap();
            assert!(is_known(mime.essence_str()));
        }
    }

    #[test]
    fn extensions_name_known_media_types() {
        for (extension, _) in EXTENSIONS {
            let mime = media_type_of_extension(extension).unwrap();
            assert!(is_known(mime.essence_str()), "{extension}");
        }
        assert_eq!(media_type_of_extension("WAV").unwrap(), "audio/wav");
        assert_eq!(media_type_of_extension("exe"), None);
    }

    #[test]
    fn writable_formats_are_targets_and_others_are_refused() {
        for format in formats() {
            for name in format.media_types {
                assert_eq!(target_of(name).is_ok(), format.can_write, "{name}");
            }
        }
    }

    #[test]
    fn wave_tags_are_hexadecimal() {
        assert_eq!(target_of("audio/wav").unwrap().codec.name, "pcm-s16");
        assert_eq!(target_of("audio/wav;codec=1").unwrap().codec.name, "pcm-s16");
        assert_eq!(target_of("audio/x-wav; codec=6").unwrap().codec.name, "pcma");
        assert_eq!(target_of("audio/wav;codec=7").unwrap().codec.name, "pcmu");
        assert_eq!(target_of("audio/wav;codec=45").unwrap().codec.name, "aal2-g726-32");
        assert_eq!(target_of("audio/wav;codec=31").unwrap().codec.name, "gsm-ms");
        assert!(matches!(target_of("audio/wav;codec=zz"), Err(MediaError::Unsupported(_))));
    }

    #[test]
    fn other_rates_than_8000_are_refused_as_targets() {
        assert!(target_of("audio/L16;rate=8000;channels=1").is_ok());
        assert!(matches!(target_of("audio/L16;rate=16000"), Err(MediaError::Unsupported(_))));
        assert!(matches!(target_of("audio/wav;channels=2"), Err(MediaError::Unsupported(_))));
    }
}
