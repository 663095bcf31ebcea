//! RIFF/WAVE, read chunk by chunk, and written with the sizes that are true.
//!
//! Sizes in real files lie: programs that write to a pipe leave 0 or 0xFFFFFFFF, transfers cut the end
//! off. Such sizes end at the end of the input, with a defect; nothing is allocated by them. `RIFX` (big
//! endian) and `RF64` are read as well. Standards: Multimedia Programming Interface and Data
//! Specifications 1.0, RFC 2361 (format tags).

use super::{Stream, number};
use crate::media::MediaError;
use crate::media::audio::codec::{self, Codec};

const PCM: u16 = 1;
const FLOAT: u16 = 3;
const G726: u16 = 0x45;
const EXTENSIBLE: u16 = 0xFFFE;
/// Chunks before we stop believing that this is a file somebody wrote.
const MAX_CHUNKS: usize = 1_000;
/// "Size not known" of programs that write to a pipe.
const STREAMED: u32 = u32::MAX;

/// True for the mark of a WAVE file.
pub fn recognises(input: &[u8]) -> bool {
    let mark = input.get(..4);
    (mark == Some(b"RIFF") || mark == Some(b"RIFX") || mark == Some(b"RF64"))
        && input.get(8..12) == Some(b"WAVE")
}

/// The fields of the `fmt ` chunk.
#[derive(Clone, Copy, Debug)]
struct Format {
    tag: u16,
    channels: u16,
    sample_rate_hz: u32,
    byte_rate: u32,
    block_align: u16,
    bits: u16,
}

/// What a walk over the chunks found.
#[derive(Default)]
struct Chunks<'a> {
    format: Option<Format>,
    fact: Option<u32>,
    data: Option<&'a [u8]>,
    defects: Vec<String>,
}

/// Reads a WAVE file.
pub fn read(input: &[u8]) -> Result<Stream<'_>, MediaError> {
    let big_endian = input.starts_with(b"RIFX");
    let chunks = walk(input, big_endian)?;
    let format = chunks.format.ok_or_else(|| MediaError::malformed("wav", "no fmt chunk before the data"))?;
    let data = chunks.data.ok_or_else(|| MediaError::malformed("wav", "no data chunk"))?;
    if format.channels == 0 {
        return Err(MediaError::malformed("wav", "0 channels"));
    }
    if format.sample_rate_hz == 0 {
        return Err(MediaError::malformed("wav", "0 samples a second"));
    }
    let mut defects = chunks.defects;
    let codec = codec_of(format, big_endian);
    let frame = codec.frame_bytes(format.channels);
    if codec.decoder.is_some() {
        let byte_rate = codec.byte_rate(format.sample_rate_hz, format.channels);
        if byte_rate != u64::from(format.byte_rate) {
            defects.push(format!("fmt says {} octets a second, not {byte_rate}", format.byte_rate));
        }
        // A block of G.726 has no agreed size.
        if (codec.unit_samples == 1 || codec.has_frames()) && frame != usize::from(format.block_align) {
            defects.push(format!("fmt says blocks of {} octets, not {frame}", format.block_align));
        }
        if !data.len().is_multiple_of(frame) {
            defects.push("the last sample is cut short".into());
        }
    }
    Ok(Stream {
        container: "wav",
        codec,
        sample_rate_hz: format.sample_rate_hz,
        channels: format.channels,
        data,
        samples: chunks.fact.map(u64::from),
        defects,
    })
}

fn walk(input: &[u8], big_endian: bool) -> Result<Chunks<'_>, MediaError> {
    let mut chunks = Chunks::default();
    let mut at = 12;
    for _ in 0..MAX_CHUNKS {
        let (Some(id), Some(size)) = (input.get(at..at + 4), number(input, at + 4, 4, big_endian)) else {
            break;
        };
        let start = at + 8;
        let rest = input.get(start..).unwrap_or_default();
        let body = usize::try_from(size).ok().and_then(|size| rest.get(..size));
        match id {
            b"fmt " if chunks.format.is_none() => {
                chunks.format = Some(read_format(body.unwrap_or(rest), big_endian)?);
            }
            b"fact" if chunks.fact.is_none() => chunks.fact = number(rest, 0, 4, big_endian),
            b"data" if chunks.data.is_none() => {
                let (data, more) = data_chunk(size, body, rest, big_endian, &mut chunks.defects);
                chunks.data = Some(data);
                if !more {
                    break;
                }
            }
            _ => {}
        }
        let Some(body) = body else { break };
        at = next_chunk(input, start + body.len());
    }
    Ok(chunks)
}

/// The data, and whether chunks can follow it.
fn data_chunk<'a>(
    size: u32,
    body: Option<&'a [u8]>,
    rest: &'a [u8],
    big_endian: bool,
    defects: &mut Vec<String>,
) -> (&'a [u8], bool) {
    match body {
        Some([]) if !rest.is_empty() && !is_chunk(rest, big_endian) => {
            defects.push("data chunk of size 0: taken to the end of the file".into());
            (rest, false)
        }
        Some(body) => (body, true),
        None => {
            let reason = if size == STREAMED { "of unknown size" } else { "beyond the end of the file" };
            defects.push(format!("data chunk {reason}: taken to the end of the file"));
            (rest, false)
        }
    }
}

/// True where a chunk of plausible name and size begins.
fn is_chunk(input: &[u8], big_endian: bool) -> bool {
    let printable = |id: &[u8]| id.iter().all(|octet| (0x20..0x7F).contains(octet));
    input.get(..4).is_some_and(printable)
        && number(input, 4, 4, big_endian).is_some_and(|size| size as usize <= input.len() - 8)
}

/// Chunks begin at even offsets; some writers forget the padding octet.
fn next_chunk(input: &[u8], end: usize) -> usize {
    let name = |at: usize| {
        input.get(at..at + 4).is_some_and(|id| id.iter().all(|octet| (0x20..0x7F).contains(octet)))
    };
    let padded = end + end % 2;
    if name(end) && !name(padded) { end } else { padded }
}

fn read_format(chunk: &[u8], big_endian: bool) -> Result<Format, MediaError> {
    let short = || MediaError::malformed("wav", "fmt chunk shorter than 16 octets");
    let field = |at, octets| number(chunk, at, octets, big_endian);
    let half = |at| field(at, 2).and_then(|value| u16::try_from(value).ok()).ok_or_else(short);
    let mut format = Format {
        tag: half(0)?,
        channels: half(2)?,
        sample_rate_hz: field(4, 4).ok_or_else(short)?,
        byte_rate: field(8, 4).ok_or_else(short)?,
        block_align: half(12)?,
        bits: half(14)?,
    };
    if format.tag == EXTENSIBLE {
        // The sub-format GUID begins with the tag.
        format.tag =
            half(24).map_err(|_| MediaError::malformed("wav", "extensible fmt chunk is cut short"))?;
    }
    Ok(format)
}

fn codec_of(format: Format, big_endian: bool) -> &'static Codec {
    let bytes = format.bits.div_ceil(8);
    let name = match (format.tag, bytes, big_endian) {
        (PCM, 1, _) => "pcm-u8",
        (PCM, 2, false) => "pcm-s16",
        (PCM, 2, true) => "pcm-s16be",
        (PCM, 3, false) => "pcm-s24",
        (PCM, 3, true) => "pcm-s24be",
        (PCM, 4, false) => "pcm-s32",
        (PCM, 4, true) => "pcm-s32be",
        (FLOAT, 4, false) => "pcm-f32",
        (FLOAT, 4, true) => "pcm-f32be",
        (FLOAT, 8, false) => "pcm-f64",
        (FLOAT, 8, true) => "pcm-f64be",
        (PCM | FLOAT, ..) => "unknown",
        (G726, ..) => match format.bits {
            2 => "aal2-g726-16",
            3 => "aal2-g726-24",
            4 => "aal2-g726-32",
            5 => "aal2-g726-40",
            _ => "unknown",
        },
        (tag, ..) => codec::of_wav_tag(tag).map_or("unknown", |codec| codec.name),
    };
    codec::named(name)
}

/// The header of a WAVE file of `codec` with one channel, for `samples` in `data_bytes`; `None` where the
/// sizes do not fit the format. The data follows, then a zero octet if their number is odd.
pub fn header(codec: &Codec, sample_rate_hz: u32, samples: u64, data_bytes: usize) -> Option<Vec<u8>> {
    let tag = codec.wav_tag?;
    let data_bytes = u32::try_from(data_bytes).ok()?;
    let byte_rate = u32::try_from(codec.byte_rate(sample_rate_hz, 1)).ok()?;
    let block_align = codec.frame_bytes(1) as u16;
    // RFC 2361 and the format registry: all but PCM carry a size of extra fields and a fact chunk.
    let extra = tag != PCM;
    // A codec of frames also says how many samples one has.
    let frame_samples = codec.has_frames().then_some(codec.unit_samples as u16);
    let extra_bytes = if frame_samples.is_some() { 2 } else { 0u16 };
    let header_bytes = if extra { 50 + 8 + usize::from(extra_bytes) } else { 44 };
    let mut out = Vec::with_capacity(header_bytes);
    out.extend_from_slice(b"RIFF");
    let riff_bytes = data_bytes.checked_add(data_bytes % 2)?.checked_add(header_bytes as u32 - 8)?;
    out.extend_from_slice(&riff_bytes.to_le_bytes());
    out.extend_from_slice(b"WAVEfmt ");
    let format_bytes = if extra { 18 + u32::from(extra_bytes) } else { 16 };
    out.extend_from_slice(&format_bytes.to_le_bytes());
    out.extend_from_slice(&tag.to_le_bytes());
    out.extend_from_slice(&1u16.to_le_bytes());
    out.extend_from_slice(&sample_rate_hz.to_le_bytes());
    out.extend_from_slice(&byte_rate.to_le_bytes());
    out.extend_from_slice(&block_align.to_le_bytes());
    out.extend_from_slice(&codec.bits_per_sample.to_le_bytes());
    if extra {
        out.extend_from_slice(&extra_bytes.to_le_bytes());
        out.extend(frame_samples.into_iter().flat_map(u16::to_le_bytes));
        out.extend_from_slice(b"fact");
        out.extend_from_slice(&4u32.to_le_bytes());
        out.extend_from_slice(&u32::try_from(samples).ok()?.to_le_bytes());
    }
    out.extend_from_slice(b"data");
    out.extend_from_slice(&data_bytes.to_le_bytes());
    Some(out)
}
