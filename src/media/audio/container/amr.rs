//! AMR storage format: a mark, then frames (RFC 4867 section 5).

use super::Stream;
use crate::media::MediaError;
use crate::media::audio::codec;

/// "MAGIC number" of single-channel narrow band files (5.1).
pub const MAGIC: &[u8] = b"#!AMR\n";
const MAGIC_WB: &[u8] = b"#!AMR-WB\n";
/// Files of several channels (5.2): named, not decoded.
const MAGIC_MULTICHANNEL: [&[u8]; 2] = [b"#!AMR_MC1.0\n", b"#!AMR-WB_MC1.0\n"];

/// True for the marks of AMR files.
pub fn recognises(input: &[u8]) -> bool {
    [MAGIC, MAGIC_WB].iter().chain(&MAGIC_MULTICHANNEL).any(|magic| input.starts_with(magic))
}

/// The frames after the mark.
pub fn read(input: &[u8]) -> Result<Stream<'_>, MediaError> {
    let (codec, sample_rate_hz, data) = if let Some(data) = input.strip_prefix(MAGIC) {
        ("amr", 8_000, data)
    } else if let Some(data) = input.strip_prefix(MAGIC_WB) {
        ("amr-wb", 16_000, data)
    } else {
        ("unknown", 0, input)
    };
    let channels = u16::from(codec != "unknown");
    Ok(Stream { sample_rate_hz, channels, ..Stream::new("amr", codec::named(codec), data) })
}
