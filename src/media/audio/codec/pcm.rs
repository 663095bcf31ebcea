//! Linear PCM in the forms WAVE, AU and the `audio/L16` family use, read to and written from 16 bits.
//!
//! Wider samples lose their low bits, floating point ones are rounded and limited.

use super::{Codec, Decoder, Encoder};

/// 8 bits, unsigned (WAVE).
pub static PCM_U8: Codec =
    Codec { decoder: Some(|_| reader(|[a]: [u8; 1]| (i16::from(a) - 128) << 8)), ..codec("pcm-u8", &[], 1) };
/// 8 bits, signed (AU).
pub static PCM_S8: Codec = Codec {
    decoder: Some(|_| reader(|[a]: [u8; 1]| i16::from(a.cast_signed()) << 8)),
    ..codec("pcm-s8", &[], 1)
};
/// 16 bits, little endian (WAVE).
pub static PCM_S16: Codec = Codec {
    wav_tag: Some(1),
    decoder: Some(|_| reader(i16::from_le_bytes)),
    encoder: Some(|_| Box::new(Writer(i16::to_le_bytes))),
    ..codec("pcm-s16", &["audio/x-s16le"], 2)
};
/// 16 bits, big endian (AU; `audio/L16` of RFC 2586 and RFC 3551 4.5.11).
pub static PCM_S16BE: Codec = Codec {
    decoder: Some(|_| reader(i16::from_be_bytes)),
    encoder: Some(|_| Box::new(Writer(i16::to_be_bytes))),
    ..codec("pcm-s16be", &["audio/l16"], 2)
};
/// 24 bits, little endian.
pub static PCM_S24: Codec = Codec {
    decoder: Some(|_| reader(|[_, b, c]: [u8; 3]| i16::from_le_bytes([b, c]))),
    ..codec("pcm-s24", &[], 3)
};
/// 24 bits, big endian.
pub static PCM_S24BE: Codec = Codec {
    decoder: Some(|_| reader(|[a, b, _]: [u8; 3]| i16::from_be_bytes([a, b]))),
    ..codec("pcm-s24be", &["audio/l24"], 3)
};
/// 32 bits, little endian.
pub static PCM_S32: Codec = Codec {
    decoder: Some(|_| reader(|[_, _, c, d]: [u8; 4]| i16::from_le_bytes([c, d]))),
    ..codec("pcm-s32", &[], 4)
};
/// 32 bits, big endian.
pub static PCM_S32BE: Codec = Codec {
    decoder: Some(|_| reader(|[a, b, _, _]: [u8; 4]| i16::from_be_bytes([a, b]))),
    ..codec("pcm-s32be", &[], 4)
};
/// 32-bit floating point, little endian.
pub static PCM_F32: Codec = Codec {
    decoder: Some(|_| reader(|x| from_float(f32::from_le_bytes(x).into()))),
    ..codec("pcm-f32", &[], 4)
};
/// 32-bit floating point, big endian.
pub static PCM_F32BE: Codec = Codec {
    decoder: Some(|_| reader(|x| from_float(f32::from_be_bytes(x).into()))),
    ..codec("pcm-f32be", &[], 4)
};
/// 64-bit floating point, little endian.
pub static PCM_F64: Codec =
    Codec { decoder: Some(|_| reader(|x| from_float(f64::from_le_bytes(x)))), ..codec("pcm-f64", &[], 8) };
/// 64-bit floating point, big endian.
pub static PCM_F64BE: Codec =
    Codec { decoder: Some(|_| reader(|x| from_float(f64::from_be_bytes(x)))), ..codec("pcm-f64be", &[], 8) };

/// Full scale is 1.0; `as` limits to the range and makes 0 of what is not a number.
fn from_float(x: f64) -> i16 {
    (x * 32768.0).round() as i16
}

const fn codec(name: &'static str, media_types: &'static [&'static str], bytes: usize) -> Codec {
    Codec {
        bits_per_sample: 8 * bytes as u16,
        unit_bytes: bytes,
        max_channels: 8,
        ..Codec::new(name, media_types)
    }
}

/// A type of its own for every form: a call through a pointer would cost more than the rest of the loop.
struct Reader<F, const N: usize>(F);

/// Helps the compiler to see the form of the closure.
fn reader<F: Fn([u8; N]) -> i16 + 'static, const N: usize>(form: F) -> Box<dyn Decoder> {
    Box::new(Reader(form))
}

impl<F: Fn([u8; N]) -> i16, const N: usize> Decoder for Reader<F, N> {
    fn decode(&mut self, input: &[u8], out: &mut Vec<i16>) {
        out.extend(input.as_chunks().0.iter().map(|&sample| (self.0)(sample)));
    }
}

struct Writer<F>(F);

impl<F: Fn(i16) -> [u8; 2]> Encoder for Writer<F> {
    fn encode(&mut self, samples: &[i16], out: &mut Vec<u8>) {
        out.extend(samples.iter().flat_map(|&sample| (self.0)(sample)));
    }
}
