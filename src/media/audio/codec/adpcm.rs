//! Microsoft and IMA ADPCM in the blocks of WAVE files (tags 0x02 and 0x11).
//!
//! A block begins with the state of each channel, so a damaged one harms no other. Its size is what
//! `fmt` says (nBlockAlign); the `fact` chunk says how many samples of the last block are real.

use super::{Codec, Encoder};
use crate::media::MediaError;
use crate::media::audio::container::Stream;
use crate::media::audio::source::{Opened, Source};

/// Microsoft ADPCM.
pub static MS_ADPCM: Codec =
    Codec { wav_tag: Some(0x02), max_channels: 2, source: Some(open_ms), ..Codec::new("ms-adpcm", &[]) };
/// IMA (DVI) ADPCM.
pub static IMA_ADPCM: Codec = Codec {
    wav_tag: Some(0x11),
    unit_bytes: IMA_BLOCK_BYTES,
    unit_samples: IMA_BLOCK_SAMPLES,
    max_channels: 2,
    source: Some(open_ima),
    encoder: Some(|_| Box::new(ImaEncoder::default())),
    ..Codec::new("ima-adpcm", &[])
};

/// Octets of the blocks we write, and samples in them: the usual form at 8000 Hz.
pub const IMA_BLOCK_BYTES: usize = 256;
/// The first sample stands in the header of four octets.
pub const IMA_BLOCK_SAMPLES: usize = (IMA_BLOCK_BYTES - 4) * 2 + 1;
/// Largest block a writer makes; a larger one would be much memory.
const MAX_BLOCK_BYTES: usize = 1 << 16;

type DecodeBlock = fn(&[u8], usize, &mut Vec<i16>);

fn open_ms<'a>(stream: &Stream<'a>) -> Result<Opened<'a>, MediaError> {
    open(stream, decode_ms_block, 7)
}

fn open_ima<'a>(stream: &Stream<'a>) -> Result<Opened<'a>, MediaError> {
    open(stream, decode_ima_block, 4)
}

fn open<'a>(stream: &Stream<'a>, decode: DecodeBlock, header: usize) -> Result<Opened<'a>, MediaError> {
    let channels = usize::from(stream.channels);
    if !(1..=2).contains(&channels) || !(header * channels..=MAX_BLOCK_BYTES).contains(&stream.block_bytes) {
        return Err(MediaError::malformed("wav", format!("blocks of {} octets", stream.block_bytes)));
    }
    let source = Blocks {
        rest: stream.data,
        block_bytes: stream.block_bytes,
        channels,
        decode,
        header: header * channels,
        // More than is there is no reason to go on.
        left: stream.samples.unwrap_or(u64::MAX),
        cut: false,
    };
    Ok(Opened { source: Box::new(source), sample_rate_hz: stream.sample_rate_hz, channels: stream.channels })
}

struct Blocks<'a> {
    rest: &'a [u8],
    block_bytes: usize,
    channels: usize,
    decode: DecodeBlock,
    header: usize,
    /// Samples of one channel still wanted.
    left: u64,
    cut: bool,
}

impl Source for Blocks<'_> {
    fn read(&mut self, out: &mut Vec<i16>) -> Result<bool, MediaError> {
        if self.rest.is_empty() || self.left == 0 {
            return Ok(false);
        }
        let (block, rest) = self.rest.split_at(self.block_bytes.min(self.rest.len()));
        self.rest = rest;
        if block.len() < self.header {
            self.cut = true;
            return Ok(false);
        }
        let before = out.len();
        (self.decode)(block, self.channels, out);
        let samples = ((out.len() - before) / self.channels) as u64;
        let wanted = samples.min(self.left);
        self.left -= wanted;
        out.truncate(before + wanted as usize * self.channels);
        Ok(true)
    }

    fn defects(&self) -> Vec<String> {
        if self.cut { vec!["the last block is cut short".into()] } else { Vec::new() }
    }
}

/// Factors of the next step size by code word, in 256ths.
const MS_ADAPTION: [i32; 16] =
    [230, 230, 230, 230, 307, 409, 512, 614, 768, 614, 512, 409, 307, 230, 230, 230];
/// The predictors of the standard, in 256ths. Files may bring others; none that is in use does.
const MS_COEFFICIENTS: [(i32, i32); 7] =
    [(256, 0), (512, -256), (0, 0), (192, 64), (240, 0), (460, -208), (392, -232)];

#[derive(Clone, Copy, Default)]
struct MsState {
    coefficients: (i32, i32),
    delta: i32,
    last: i32,
    before_last: i32,
}

impl MsState {
    fn decode(&mut self, code: u8) -> i16 {
        let signed = if code & 8 != 0 { i32::from(code) - 16 } else { i32::from(code) };
        // `/`, not a shift: the standard rounds towards zero.
        let predicted = (self.last * self.coefficients.0 + self.before_last * self.coefficients.1) / 256;
        let sample = predicted
            .saturating_add(signed.saturating_mul(self.delta))
            .clamp(i32::from(i16::MIN), i32::from(i16::MAX));
        (self.before_last, self.last) = (self.last, sample);
        let adaption = MS_ADAPTION[usize::from(code & 15)];
        self.delta = (self.delta.saturating_mul(adaption) >> 8).clamp(16, i32::MAX / 768);
        sample as i16
    }
}

fn decode_ms_block(block: &[u8], channels: usize, out: &mut Vec<i16>) {
    let mut states = [MsState::default(); 2];
    let states = &mut states[..channels];
    let half =
        |k: usize| block.get(k..k + 2).map_or(0, |word| i32::from(i16::from_le_bytes([word[0], word[1]])));
    for (k, state) in states.iter_mut().enumerate() {
        let predictor = block.get(k).map_or(0, |octet| usize::from(*octet));
        state.coefficients = MS_COEFFICIENTS.get(predictor).copied().unwrap_or_default();
        state.delta = half(channels + 2 * k);
        state.last = half(3 * channels + 2 * k);
        state.before_last = half(5 * channels + 2 * k);
    }
    out.extend(states.iter().map(|state| state.before_last as i16));
    out.extend(states.iter().map(|state| state.last as i16));
    let codes = block.get(7 * channels..).unwrap_or_default();
    for (k, code) in codes.iter().flat_map(|octet| [octet >> 4, octet & 15]).enumerate() {
        let sample = states[k % channels].decode(code);
        out.push(sample);
    }
}

const IMA_STEPS: [i32; 89] = [
    7, 8, 9, 10, 11, 12, 13, 14, 16, 17, 19, 21, 23, 25, 28, 31, 34, 37, 41, 45, 50, 55, 60, 66, 73, 80, 88,
    97, 107, 118, 130, 143, 157, 173, 190, 209, 230, 253, 279, 307, 337, 371, 408, 449, 494, 544, 598, 658,
    724, 796, 876, 963, 1060, 1166, 1282, 1411, 1552, 1707, 1878, 2066, 2272, 2499, 2749, 3024, 3327, 3660,
    4026, 4428, 4871, 5358, 5894, 6484, 7132, 7845, 8630, 9493, 10442, 11487, 12635, 13899, 15289, 16818,
    18500, 20350, 22385, 24623, 27086, 29794, 32767,
];
const IMA_INDEX_CHANGE: [i32; 8] = [-1, -1, -1, -1, 2, 4, 6, 8];

#[derive(Clone, Copy, Default)]
struct ImaState {
    last: i32,
    index: i32,
}

impl ImaState {
    fn step(&self) -> i32 {
        IMA_STEPS.get(self.index as usize).copied().unwrap_or(IMA_STEPS[0])
    }

    fn decode(&mut self, code: u8) -> i16 {
        // The product, as ffmpeg and others have it: adding up parts of the step that are each rounded
        // down, as older programs do, drifts by some units within a block.
        let difference = ((2 * i32::from(code & 7) + 1) * self.step()) >> 3;
        let signed = if code & 8 != 0 { -difference } else { difference };
        self.last = (self.last + signed).clamp(i32::from(i16::MIN), i32::from(i16::MAX));
        self.index = (self.index + IMA_INDEX_CHANGE[usize::from(code & 7)]).clamp(0, 88);
        self.last as i16
    }

    fn encode(&mut self, sample: i16) -> u8 {
        let mut rest = i32::from(sample) - self.last;
        let mut code = if rest < 0 { 8 } else { 0 };
        rest = rest.abs();
        let mut part = self.step();
        for bit in [4, 2, 1] {
            if rest >= part {
                code |= bit;
                rest -= part;
            }
            part >>= 1;
        }
        self.decode(code);
        code
    }
}

fn decode_ima_block(block: &[u8], channels: usize, out: &mut Vec<i16>) {
    let mut states = [ImaState::default(); 2];
    let states = &mut states[..channels];
    for (state, header) in states.iter_mut().zip(block.chunks_exact(4)) {
        state.last = i32::from(i16::from_le_bytes([header[0], header[1]]));
        state.index = i32::from(header[2]).min(88);
    }
    out.extend(states.iter().map(|state| state.last as i16));
    // Eight samples of each channel in turn, in four octets, the first in the low bits.
    let codes = block.get(4 * channels..).unwrap_or_default();
    for group in codes.chunks_exact(4 * channels) {
        let start = out.len();
        out.resize(start + 8 * channels, 0);
        for (channel, (state, octets)) in states.iter_mut().zip(group.chunks_exact(4)).enumerate() {
            for (k, code) in octets.iter().flat_map(|octet| [octet & 15, octet >> 4]).enumerate() {
                let sample = state.decode(code);
                if let Some(slot) = out.get_mut(start + k * channels + channel) {
                    *slot = sample;
                }
            }
        }
    }
}

/// One channel, blocks of [`IMA_BLOCK_BYTES`]; the last one is filled up with its last sample.
#[derive(Default)]
struct ImaEncoder {
    waiting: Vec<i16>,
    /// Carried from block to block.
    index: i32,
}

impl ImaEncoder {
    fn block(&mut self, samples: &[i16], out: &mut Vec<u8>) {
        let Some((&first, rest)) = samples.split_first() else { return };
        let mut state = ImaState { last: i32::from(first), index: self.index };
        out.extend_from_slice(&first.to_le_bytes());
        out.extend_from_slice(&[state.index as u8, 0]);
        for pair in rest.chunks_exact(2) {
            let (low, high) = (state.encode(pair[0]), state.encode(pair[1]));
            out.push(low | high << 4);
        }
        self.index = state.index;
    }
}

impl Encoder for ImaEncoder {
    fn encode(&mut self, samples: &[i16], out: &mut Vec<u8>) {
        let mut waiting = std::mem::take(&mut self.waiting);
        waiting.extend_from_slice(samples);
        let blocks = waiting.chunks_exact(IMA_BLOCK_SAMPLES);
        let rest = blocks.remainder().len();
        for block in blocks {
            self.block(block, out);
        }
        waiting.drain(..waiting.len() - rest);
        self.waiting = waiting;
    }

    fn finish(&mut self, out: &mut Vec<u8>) {
        let mut last = std::mem::take(&mut self.waiting);
        if let Some(&end) = last.last() {
            last.resize(IMA_BLOCK_SAMPLES, end);
            self.block(&last, out);
        }
    }
}
