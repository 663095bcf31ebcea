//! AIFF and AIFF-C (Apple, 1989 and 1991): linear samples and the laws of G.711, in big-endian chunks.

use super::{Stream, number};
use crate::media::MediaError;
use crate::media::audio::codec::{self, Codec};

/// Chunks before we stop believing that this is a file somebody wrote.
const MAX_CHUNKS: usize = 1_000;

/// True for the mark of an AIFF or AIFF-C file.
pub fn recognises(input: &[u8]) -> bool {
    input.starts_with(b"FORM") && matches!(input.get(8..12), Some(b"AIFF" | b"AIFC"))
}

/// Reads an AIFF file.
pub fn read(input: &[u8]) -> Result<Stream<'_>, MediaError> {
    let compressed = input.get(8..12) == Some(b"AIFC");
    let (mut common, mut data, mut defects) = (None, None, Vec::new());
    let mut at = 12usize;
    for _ in 0..MAX_CHUNKS {
        let (Some(id), Some(size)) = (input.get(at..at + 4), number(input, at + 4, 4, true)) else { break };
        let rest = input.get(at + 8..).unwrap_or_default();
        let body = rest.get(..size as usize);
        match id {
            b"COMM" if common.is_none() => common = Some(body.unwrap_or(rest)),
            // The data begins after an offset; a block size follows it.
            b"SSND" if data.is_none() => {
                if body.is_none() {
                    defects.push("data beyond the end of the file: taken to the end".to_owned());
                }
                let chunk = body.unwrap_or(rest);
                let offset = number(chunk, 0, 4, true).unwrap_or_default() as usize;
                data = Some(chunk.get(8..).and_then(|data| data.get(offset..)).unwrap_or_default());
            }
            _ => {}
        }
        let Some(body) = body else { break };
        at += 8 + body.len() + body.len() % 2;
    }
    let common = common.ok_or_else(|| MediaError::malformed("aiff", "no COMM chunk"))?;
    let data = data.ok_or_else(|| MediaError::malformed("aiff", "no SSND chunk"))?;
    let short = || MediaError::malformed("aiff", "COMM chunk is cut short");
    let channels = number(common, 0, 2, true).and_then(|n| u16::try_from(n).ok()).ok_or_else(short)?;
    let bits = number(common, 6, 2, true).ok_or_else(short)?;
    let sample_rate_hz = common.get(8..18).and_then(extended).ok_or_else(short)?;
    let compression = if compressed { common.get(18..22).ok_or_else(short)? } else { b"NONE" };
    let codec = codec_of(compression, bits);
    if channels == 0 || sample_rate_hz == 0 {
        return Err(MediaError::malformed("aiff", "no channels or no rate"));
    }
    if !data.len().is_multiple_of(codec.frame_bytes(channels)) {
        defects.push("the last sample is cut short".to_owned());
    }
    Ok(Stream { sample_rate_hz, channels, defects, ..Stream::new("aiff", codec, data) })
}

/// A number of IEEE 754 extended precision, rounded down; `None` beyond 32 bits.
fn extended(field: &[u8]) -> Option<u32> {
    let exponent = number(field, 0, 2, true)?;
    let mantissa = u64::from(number(field, 2, 4, true)?) << 32 | u64::from(number(field, 6, 4, true)?);
    // The point stands after the first bit of the mantissa at exponent 16383.
    let shift = 16_383u32.checked_add(63)?.checked_sub(exponent)?;
    u32::try_from(mantissa.checked_shr(shift).unwrap_or_default()).ok()
}

fn codec_of(compression: &[u8], bits: u32) -> &'static Codec {
    let name = match (compression, bits.div_ceil(8)) {
        (b"NONE" | b"twos", 1) => "pcm-s8",
        (b"raw ", 1) => "pcm-u8",
        (b"NONE" | b"twos", 2) => "pcm-s16be",
        (b"NONE" | b"twos" | b"in24", 3) => "pcm-s24be",
        (b"NONE" | b"twos" | b"in32", 4) => "pcm-s32be",
        (b"sowt", 1) => "pcm-s8",
        (b"sowt", 2) => "pcm-s16",
        (b"sowt", 3) => "pcm-s24",
        (b"sowt", 4) => "pcm-s32",
        (b"fl32" | b"FL32", _) => "pcm-f32be",
        (b"fl64" | b"FL64", _) => "pcm-f64be",
        (b"ulaw" | b"ULAW", _) => "pcmu",
        (b"alaw" | b"ALAW", _) => "pcma",
        _ => "unknown",
    };
    codec::named(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_are_numbers_of_extended_precision() {
        assert_eq!(extended(&[0x40, 0x0B, 0xFA, 0, 0, 0, 0, 0, 0, 0]), Some(8_000));
        assert_eq!(extended(&[0x40, 0x0E, 0xAC, 0x44, 0, 0, 0, 0, 0, 0]), Some(44_100));
        assert_eq!(extended(&[0x40, 0x0C, 0xAC, 0x44, 0, 0, 0, 0, 0, 0]), Some(11_025));
        assert_eq!(extended(&[0; 10]), Some(0));
        assert_eq!(extended(&[0xFF; 10]), None);
    }
}
