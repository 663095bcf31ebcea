//! Codecs that are recognised and named, but neither read nor written yet.

use super::Codec;

/// AMR narrow band (RFC 4867 section 5).
pub static AMR: Codec = Codec::new("amr", &["audio/amr"]);
/// AMR wide band.
pub static AMR_WB: Codec = Codec::new("amr-wb", &["audio/amr-wb"]);
/// MPEG audio layer III and its relatives.
pub static MP3: Codec =
    Codec { wav_tag: Some(0x55), ..Codec::new("mp3", &["audio/mpeg", "audio/mp3", "audio/x-mp3"]) };
/// Opus in Ogg.
pub static OPUS: Codec = Codec::new("opus", &["audio/opus"]);
/// Vorbis in Ogg.
pub static VORBIS: Codec = Codec::new("vorbis", &["audio/vorbis"]);
/// FLAC, native or in Ogg.
pub static FLAC: Codec = Codec::new("flac", &["audio/flac", "audio/x-flac"]);
/// Microsoft ADPCM.
pub static MS_ADPCM: Codec = Codec { wav_tag: Some(0x02), ..Codec::new("ms-adpcm", &[]) };
/// IMA ADPCM.
pub static IMA_ADPCM: Codec = Codec { wav_tag: Some(0x11), ..Codec::new("ima-adpcm", &[]) };
/// G.721 and G.726 under WAVE tags whose packing of code words is not documented.
pub static G721_WAV: Codec = Codec { wav_tag: Some(0x40), ..Codec::new("g721-wav", &[]) };
/// See [`G721_WAV`].
pub static G726_WAV: Codec = Codec { wav_tag: Some(0x64), ..Codec::new("g726-wav", &[]) };
/// G.722.
pub static G722: Codec = Codec { wav_tag: Some(0x65), ..Codec::new("g722", &["audio/g722"]) };
/// Whatever else a container announces.
pub static UNKNOWN: Codec = Codec::new("unknown", &[]);
