//! Vorbis I in Ogg.

use super::{Codec, packages};
use crate::media::MediaError;
use crate::media::audio::container::Stream;
use crate::media::audio::source::Opened;
use symphonia::core::codecs::CodecParameters;
use symphonia::core::codecs::audio::{AudioDecoder, AudioDecoderOptions};
use symphonia::core::errors::Error;
use symphonia::core::formats::FormatOptions;
use symphonia::default::codecs::VorbisDecoder;
use symphonia::default::formats::OggReader;

/// `audio/vorbis`.
pub static VORBIS: Codec =
    Codec { max_channels: 8, source: Some(open), ..Codec::new("vorbis", &["audio/vorbis"]) };

fn open<'a>(stream: &Stream<'a>) -> Result<Opened<'a>, MediaError> {
    let reader = OggReader::try_new(packages::stream(stream.data), FormatOptions::default());
    packages::open("vorbis", reader.map(|reader| Box::new(reader) as _), new)
}

fn new(parameters: &CodecParameters) -> Result<Box<dyn AudioDecoder>, Error> {
    let CodecParameters::Audio(audio) = parameters else { return Err(Error::Unsupported("no audio")) };
    let headers = audio.extra_data.as_deref().unwrap_or_default();
    let setup = headers.get(IDENTIFICATION_BYTES..).and_then(|rest| rest.strip_prefix(b"\x05vorbis"));
    if codebook_values(setup.unwrap_or_default()) > MAX_CODEBOOK_VALUES {
        return Err(Error::LimitError("codebooks"));
    }
    Ok(Box::new(VorbisDecoder::try_new(audio, &AudioDecoderOptions::default())?))
}

/// Octets of the identification header (Vorbis I 4.2.2), which stands before the setup header.
const IDENTIFICATION_BYTES: usize = 30;
/// Entries times dimensions of all codebooks together. Encoders stay below a tenth; a few hundred octets
/// can ask for four gigabytes.
const MAX_CODEBOOK_VALUES: u64 = 1 << 21;

/// Bits from the low end of each octet (Vorbis I 2.1.4).
struct Bits<'a> {
    data: &'a [u8],
    at: usize,
}

impl Bits<'_> {
    fn read(&mut self, count: u32) -> Option<u32> {
        let mut value = 0;
        for k in 0..count {
            let octet = self.data.get(self.at / 8)?;
            value |= u32::from(octet >> (self.at % 8) & 1) << k;
            self.at += 1;
        }
        Some(value)
    }

    fn skip(&mut self, count: u64) -> Option<()> {
        self.at = self.at.checked_add(usize::try_from(count).ok()?)?;
        (self.at / 8 <= self.data.len()).then_some(())
    }
}

/// Values that the codebooks of a setup header would unfold into; ends where the header does.
fn codebook_values(setup: &[u8]) -> u64 {
    let mut bits = Bits { data: setup, at: 0 };
    let mut total = 0;
    let books = bits.read(8).map_or(0, |count| count + 1);
    for _ in 0..books {
        if codebook(&mut bits, &mut total).is_none() {
            break;
        }
    }
    total
}

/// Walks one codebook (Vorbis I 3.2.1).
fn codebook(bits: &mut Bits, total: &mut u64) -> Option<()> {
    bits.read(24)?;
    let (dimensions, entries) = (u64::from(bits.read(16)?), bits.read(24)?);
    *total += u64::from(entries);
    if bits.read(1)? == 1 {
        bits.read(5)?;
        let mut entry = 0u32;
        // A length has at most 32 bits: 32 turns.
        for _ in 0..32 {
            if entry >= entries {
                break;
            }
            entry = entry.saturating_add(bits.read(u32::BITS - (entries - entry).leading_zeros())?);
        }
    } else if bits.read(1)? == 1 {
        for _ in 0..entries {
            if bits.read(1)? == 1 {
                bits.read(5)?;
            }
        }
    } else {
        bits.skip(5 * u64::from(entries))?;
    }
    let values = match bits.read(4)? {
        0 => return Some(()),
        1 => roots(entries, dimensions),
        _ => u64::from(entries) * dimensions,
    };
    *total += u64::from(entries) * dimensions;
    bits.skip(64)?;
    let value_bits = bits.read(4)? + 1;
    bits.skip(1 + values * u64::from(value_bits))
}

/// "the greatest integer value for which [return_value] to the power of [dimensions] is less than or equal
/// to [entries]" (9.2.3).
fn roots(entries: u32, dimensions: u64) -> u64 {
    let fits = |root: u64| {
        let power = (0..dimensions)
            .try_fold(1u64, |power, _| power.checked_mul(root).filter(|power| *power <= u64::from(entries)));
        power.is_some()
    };
    // One dimension has as many as entries; otherwise at most the square root.
    if dimensions <= 1 {
        u64::from(entries)
    } else {
        (2..=4_096).take_while(|root| fits(*root)).last().unwrap_or(1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Fields as (value, bits) to octets.
    fn packed(fields: &[(u32, u32)]) -> Vec<u8> {
        let mut octets = Vec::new();
        let mut at = 0;
        for &(value, bits) in fields {
            for k in 0..bits {
                octets.resize(at / 8 + 1, 0);
                octets[at / 8] |= ((value >> k & 1) as u8) << (at % 8);
                at += 1;
            }
        }
        octets
    }

    #[test]
    fn codebooks_that_unfold_are_counted_before_they_do() {
        // 2^17 entries of 32 dimensions: lengths in order, all of 17 bits; one lookup value.
        let book = [
            (0x564342, 24),
            (32, 16),
            (1 << 17, 24),
            (1, 1),
            (16, 5),
            (1 << 17, 18),
            (1, 4),
            (0, 32),
            (0, 32),
            (0, 4),
            (0, 1),
            (0, 1),
        ];
        let fields: Vec<_> = [(255, 8)].into_iter().chain(book.repeat(256)).collect();
        let setup = packed(&fields);
        assert!(setup.len() < 10_000);
        assert_eq!(codebook_values(&setup), 256 * ((1 << 17) + (32 << 17)));
        assert!(codebook_values(&setup[..setup.len() / 2]) > MAX_CODEBOOK_VALUES);
        assert_eq!(codebook_values(&[]), 0);
    }

    #[test]
    fn roots_are_rounded_down() {
        for (entries, dimensions, root) in
            [(81, 4, 3), (80, 4, 2), (7, 3, 1), (100, 1, 100), (1 << 17, 2, 362)]
        {
            assert_eq!(roots(entries, dimensions), root, "{entries} {dimensions}");
        }
    }
}
