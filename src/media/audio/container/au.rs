//! Sun/NeXT audio files (`.au`, `.snd`): a header of at least 24 octets, all big endian.
//!
//! Some senders put such a file into an `audio/basic` body; RFC 2046 4.2 wants the samples alone there.

use super::{Stream, number};
use crate::media::MediaError;
use crate::media::audio::codec::{self, Codec};

const HEADER_BYTES: usize = 24;

/// Encoding numbers and our codecs. 23 is G.721; the code words of 23, 25 and 26 start in the low bits.
const ENCODINGS: &[(u32, &str)] = &[
    (1, "pcmu"),
    (2, "pcm-s8"),
    (3, "pcm-s16be"),
    (4, "pcm-s24be"),
    (5, "pcm-s32be"),
    (6, "pcm-f32be"),
    (7, "pcm-f64be"),
    (23, "g726-32"),
    (24, "g722"),
    (25, "g726-24"),
    (26, "g726-40"),
    (27, "pcma"),
];

/// True for the mark of an AU file.
pub fn recognises(input: &[u8]) -> bool {
    input.starts_with(b".snd")
}

/// Reads an AU file.
pub fn read(input: &[u8]) -> Result<Stream<'_>, MediaError> {
    let field = |k: usize| {
        number(input, 4 * k, 4, true)
            .ok_or_else(|| MediaError::malformed("au", "header shorter than 24 octets"))
    };
    let (offset, size, encoding) = (field(1)?, field(2)?, field(3)?);
    let (sample_rate_hz, channels) = (field(4)?, field(5)?);
    if sample_rate_hz == 0 {
        return Err(MediaError::malformed("au", "0 samples a second"));
    }
    if channels == 0 {
        return Err(MediaError::malformed("au", "0 channels"));
    }
    let mut defects = Vec::new();
    let mut offset = offset as usize;
    if offset < HEADER_BYTES {
        defects.push(format!("data offset {offset} lies inside the header"));
        offset = HEADER_BYTES;
    }
    let rest = input
        .get(offset..)
        .ok_or_else(|| MediaError::malformed("au", format!("data offset {offset} beyond the end")))?;
    let data = rest.get(..size as usize).unwrap_or_else(|| {
        if size != u32::MAX {
            defects.push("data beyond the end of the file: taken to the end".into());
        }
        rest
    });
    let codec = ENCODINGS
        .iter()
        .find(|(number, _)| *number == encoding)
        .map_or_else(|| codec::named("unknown"), |(_, name)| codec::named(name));
    let channels = u16::try_from(channels).unwrap_or(u16::MAX);
    if !data.len().is_multiple_of(codec.frame_bytes(channels)) {
        defects.push("the last sample is cut short".into());
    }
    Ok(Stream { sample_rate_hz, channels, defects, ..Stream::new("au", codec, data) })
}

/// The header of an AU file of `codec` with one channel; `None` where AU has no number for the codec.
pub fn header(codec: &Codec, sample_rate_hz: u32, data_bytes: usize) -> Option<Vec<u8>> {
    let (encoding, _) = ENCODINGS.iter().find(|(_, name)| *name == codec.name)?;
    let fields = [HEADER_BYTES as u32, u32::try_from(data_bytes).ok()?, *encoding, sample_rate_hz, 1];
    Some(b".snd".iter().copied().chain(fields.into_iter().flat_map(u32::to_be_bytes)).collect())
}
