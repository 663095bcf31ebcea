//! Codecs that are recognised and named, but neither read nor written yet.

use super::Codec;

/// G.722.
pub static G722: Codec = Codec { wav_tag: Some(0x65), ..Codec::new("g722", &["audio/g722"]) };
/// Whatever else a container announces.
pub static UNKNOWN: Codec = Codec::new("unknown", &[]);
