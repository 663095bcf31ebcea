//! Codecs that are recognised and named, but neither read nor written yet.

use super::Codec;

/// GSM 06.10 in frames of 33 octets.
pub static GSM: Codec = Codec::new("gsm", &["audio/gsm", "audio/x-gsm"]);
/// GSM 06.10 in WAVE blocks of 65 octets ("WAV49").
pub static GSM_MS: Codec = Codec { wav_tag: Some(0x31), ..Codec::new("gsm-ms", &[]) };
/// G.722.
pub static G722: Codec = Codec { wav_tag: Some(0x65), ..Codec::new("g722", &["audio/g722"]) };
/// Whatever else a container announces.
pub static UNKNOWN: Codec = Codec::new("unknown", &[]);
