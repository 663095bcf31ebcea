//! From coded octets to coded octets: decode, mix to one channel, resample, encode, a chunk at a time.
//!
//! Memory is bounded by the chunk, besides input and output. Every chunk is paid from the budget before
//! it is decoded, so a stop ends the work within a chunk (well below a millisecond of work).

use super::codec::{Codec, Transcoder};
use super::container::Stream;
use super::level::Level;
use super::resample::{RATE_HZ, Resampler};
use crate::limits::Budget;
use crate::media::MediaError;

/// Samples of all channels in a chunk; a multiple of the units of all codecs.
const CHUNK_SAMPLES: usize = 4_096;

/// What a conversion tells besides its output.
#[derive(Debug, Default)]
pub struct Outcome {
    /// Loudness of the input; `None` where it was not made linear.
    pub level: Option<Level>,
    /// What was lost, in words.
    pub losses: Vec<String>,
    /// Samples that the output stands for, without padding.
    pub samples: u64,
}

/// Measures the loudness of a stream; `look` sees its samples too.
pub fn measure(
    stream: &Stream,
    budget: &mut Budget,
    mut look: impl FnMut(&[i16]),
) -> Result<Level, MediaError> {
    let mut level = Level::default();
    decode(stream, budget, |samples, _| {
        level.add(samples);
        look(samples);
        Ok(())
    })?;
    Ok(level)
}

/// Appends the stream in the target codec: one channel, 8000 samples a second.
pub fn convert(
    stream: &Stream,
    target: &Codec,
    out: &mut Vec<u8>,
    budget: &mut Budget,
) -> Result<Outcome, MediaError> {
    match direct(stream, target) {
        Some(transcoder) => transcode(stream, transcoder, out, budget),
        None => through_linear(stream, target, out, budget),
    }
}

/// Octets of `stream` that make up a chunk, and the samples in them.
fn chunks<'a>(stream: &Stream<'a>) -> impl Iterator<Item = (&'a [u8], usize)> + use<'a> {
    let codec = stream.codec;
    let channels = usize::from(stream.channels.max(1));
    let units = CHUNK_SAMPLES / codec.unit_samples / channels;
    let whole = stream.data.len() - stream.data.len() % codec.frame_bytes(stream.channels);
    let data = stream.data.get(..whole).unwrap_or_default();
    let samples = |chunk: &[u8]| codec.samples_in(chunk.len(), 1).and_then(|n| usize::try_from(n).ok());
    data.chunks(units.max(1) * codec.unit_bytes * channels)
        .map(move |chunk| (chunk, samples(chunk).unwrap_or_default()))
}

/// Decodes chunk by chunk; `each` sees the samples with the channels interleaved.
fn decode(
    stream: &Stream,
    budget: &mut Budget,
    mut each: impl FnMut(&[i16], &mut Budget) -> Result<(), MediaError>,
) -> Result<(), MediaError> {
    stream.check_form()?;
    let Some(decoder) = stream.codec.decoder else { return Ok(()) };
    let mut decoder = decoder(stream.codec);
    let mut samples = Vec::with_capacity(CHUNK_SAMPLES);
    // A last block may hold padding.
    let mut left = stream.samples().map(|samples| samples.saturating_mul(stream.channels.into()));
    for (chunk, count) in chunks(stream) {
        budget.samples(count)?;
        samples.clear();
        decoder.decode(chunk, &mut samples);
        if let Some(left) = &mut left {
            samples.truncate(usize::try_from(*left).unwrap_or(usize::MAX));
            *left -= samples.len() as u64;
        }
        each(&samples, budget)?;
    }
    Ok(())
}

/// Octets as they are.
struct AsIs;

impl Transcoder for AsIs {
    fn transcode(&mut self, input: &[u8], out: &mut Vec<u8>) {
        out.extend_from_slice(input);
    }
}

/// A way that does not go through linear samples, if there is one.
fn direct(stream: &Stream, target: &Codec) -> Option<Box<dyn Transcoder>> {
    if (stream.sample_rate_hz, stream.channels) != (RATE_HZ, 1) {
        return None;
    }
    if stream.codec.name == target.name {
        return Some(Box::new(AsIs));
    }
    stream.codec.direct.and_then(|direct| direct(stream.codec, target))
}

fn transcode(
    stream: &Stream,
    mut transcoder: Box<dyn Transcoder>,
    out: &mut Vec<u8>,
    budget: &mut Budget,
) -> Result<Outcome, MediaError> {
    stream.check_form()?;
    for (chunk, count) in chunks(stream) {
        budget.samples(count)?;
        let before = out.len();
        transcoder.transcode(chunk, out);
        budget.output(out.len() - before)?;
    }
    let before = out.len();
    transcoder.finish(out);
    budget.output(out.len() - before)?;
    Ok(Outcome { samples: stream.samples().unwrap_or_default(), ..Outcome::default() })
}

fn through_linear(
    stream: &Stream,
    target: &Codec,
    out: &mut Vec<u8>,
    budget: &mut Budget,
) -> Result<Outcome, MediaError> {
    stream.check_form()?;
    let Some(encoder) = target.encoder else {
        return Err(MediaError::Unsupported(format!("{} cannot be written", target.name)));
    };
    let mut encoder = encoder(target);
    let (mut level, mut count) = (Level::default(), 0);
    let mut resampler = match stream.sample_rate_hz {
        RATE_HZ => None,
        other => Some(Resampler::new(other)?),
    };
    let (mut mono, mut at_8_khz) = (Vec::new(), Vec::new());
    decode(stream, budget, |samples, budget| {
        level.add(samples);
        let mono = mix(samples, stream.channels, &mut mono);
        let samples = match &mut resampler {
            None => mono,
            Some(resampler) => {
                at_8_khz.clear();
                resampler.push(mono, &mut at_8_khz)?;
                &at_8_khz
            }
        };
        let before = out.len();
        count += samples.len() as u64;
        encoder.encode(samples, out);
        Ok(budget.output(out.len() - before)?)
    })?;
    let before = out.len();
    if let Some(resampler) = &mut resampler {
        at_8_khz.clear();
        resampler.finish(&mut at_8_khz)?;
        count += at_8_khz.len() as u64;
        encoder.encode(&at_8_khz, out);
    }
    encoder.finish(out);
    budget.output(out.len() - before)?;
    Ok(Outcome { level: Some(level), losses: losses(stream), samples: count })
}

/// The mean of the channels.
fn mix<'a>(samples: &'a [i16], channels: u16, mono: &'a mut Vec<i16>) -> &'a [i16] {
    if channels <= 1 {
        return samples;
    }
    mono.clear();
    mono.extend(samples.chunks_exact(usize::from(channels)).map(|frame| {
        let sum: i32 = frame.iter().map(|&x| i32::from(x)).sum();
        // The mean of 16-bit numbers has 16 bits.
        (sum / i32::from(channels)) as i16
    }));
    mono
}

fn losses(stream: &Stream) -> Vec<String> {
    let mut losses = Vec::new();
    if stream.channels > 1 {
        losses.push(format!("{} channels mixed to one", stream.channels));
    }
    if stream.sample_rate_hz > RATE_HZ {
        losses.push(format!("{} samples a second reduced to {RATE_HZ}", stream.sample_rate_hz));
    }
    losses
}
