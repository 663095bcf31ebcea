//! Core Audio Format (Apple, 2005), as far as it holds linear samples or G.711.

use super::{Stream, number};
use crate::media::MediaError;
use crate::media::audio::codec::{self, Codec};

/// Chunks before we stop believing that this is a file somebody wrote.
const MAX_CHUNKS: usize = 1_000;

/// True for the mark of a CAF file.
pub fn recognises(input: &[u8]) -> bool {
    input.starts_with(b"caff")
}

/// Reads a CAF file. Sizes have eight octets; -1 is "to the end of the file".
pub fn read(input: &[u8]) -> Result<Stream<'_>, MediaError> {
    let (mut description, mut data, mut defects) = (None, None, Vec::new());
    let mut at = 8usize;
    for _ in 0..MAX_CHUNKS {
        let (Some(id), Some(high), Some(low)) =
            (input.get(at..at + 4), number(input, at + 4, 4, true), number(input, at + 8, 4, true))
        else {
            break;
        };
        let rest = input.get(at + 12..).unwrap_or_default();
        let body = if high == 0 { rest.get(..low as usize) } else { None };
        match id {
            b"desc" if description.is_none() => description = Some(body.unwrap_or(rest)),
            // An edit count stands before the samples.
            b"data" if data.is_none() => {
                if body.is_none() && (high, low) != (u32::MAX, u32::MAX) {
                    defects.push("data beyond the end of the file: taken to the end".to_owned());
                }
                data = Some(body.unwrap_or(rest).get(4..).unwrap_or_default());
            }
            _ => {}
        }
        let Some(body) = body else { break };
        at += 12 + body.len();
    }
    let description = description.ok_or_else(|| MediaError::malformed("caf", "no desc chunk"))?;
    let data = data.ok_or_else(|| MediaError::malformed("caf", "no data chunk"))?;
    let field = |at| {
        number(description, at, 4, true)
            .ok_or_else(|| MediaError::malformed("caf", "desc chunk is cut short"))
    };
    let rate = f64::from_bits(u64::from(field(0)?) << 32 | u64::from(field(4)?));
    // `as` limits to the range and makes 0 of what is not a number.
    let sample_rate_hz = rate.round() as u32;
    let (flags, channels, bits) = (field(12)?, field(24)?, field(28)?);
    let codec = codec_of(description.get(8..12).unwrap_or_default(), flags, bits);
    let channels = u16::try_from(channels).unwrap_or(u16::MAX);
    if channels == 0 || sample_rate_hz == 0 {
        return Err(MediaError::malformed("caf", "no channels or no rate"));
    }
    if !data.len().is_multiple_of(codec.frame_bytes(channels)) {
        defects.push("the last sample is cut short".to_owned());
    }
    Ok(Stream { sample_rate_hz, channels, defects, ..Stream::new("caf", codec, data) })
}

fn codec_of(format: &[u8], flags: u32, bits: u32) -> &'static Codec {
    let (float, little) = (flags & 1 != 0, flags & 2 != 0);
    let name = match (format, float, bits, little) {
        (b"lpcm", false, 8, _) => "pcm-s8",
        (b"lpcm", false, 16, true) => "pcm-s16",
        (b"lpcm", false, 16, false) => "pcm-s16be",
        (b"lpcm", false, 24, true) => "pcm-s24",
        (b"lpcm", false, 24, false) => "pcm-s24be",
        (b"lpcm", false, 32, true) => "pcm-s32",
        (b"lpcm", false, 32, false) => "pcm-s32be",
        (b"lpcm", true, 32, true) => "pcm-f32",
        (b"lpcm", true, 32, false) => "pcm-f32be",
        (b"lpcm", true, 64, true) => "pcm-f64",
        (b"lpcm", true, 64, false) => "pcm-f64be",
        (b"ulaw", ..) => "pcmu",
        (b"alaw", ..) => "pcma",
        _ => "unknown",
    };
    codec::named(name)
}
