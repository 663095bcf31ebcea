//! From coded octets to coded octets: decode, mix to one channel, resample, encode, a chunk at a time.
//!
//! Memory is bounded by the chunk or packet, besides input and output. Every one is paid from the budget,
//! so a stop ends the work within a chunk (about a millisecond of work).

use super::codec::{Codec, Encoder, Transcoder};
use super::container::Stream;
use super::level::Level;
use super::resample::{RATE_HZ, Resampler};
use super::source::{Opened, chunks, guarded};
use super::waveform::Waveform;
use crate::limits::Budget;
use crate::media::MediaError;

/// What decoding a stream tells besides its samples.
#[derive(Debug, Default)]
pub struct Outcome {
    /// Samples a second of one channel of the input.
    pub sample_rate_hz: u32,
    /// Channels of the input.
    pub channels: u16,
    /// Samples of one channel decoded; `None` where octets were recoded directly.
    pub samples: Option<u64>,
    /// Loudness of the input; `None` where it was not made linear.
    pub level: Option<Level>,
    /// Damage found on the way, in words.
    pub defects: Vec<String>,
    /// What was lost, in words.
    pub losses: Vec<String>,
    /// Samples written.
    pub samples_out: u64,
}

/// Measures loudness and length of a stream; `look` sees its samples too.
pub fn measure(
    opened: Opened,
    budget: &mut Budget,
    mut look: impl FnMut(&[i16]),
) -> Result<Outcome, MediaError> {
    let mut level = Level::default();
    decode(opened, budget, |samples, _| {
        level.add(samples);
        look(samples);
        Ok(())
    })
    .map(|outcome| Outcome { level: Some(level), ..outcome })
}

/// The outline of a stream, its channels mixed, and what [`measure`] tells.
pub fn outline(opened: Opened, budget: &mut Budget) -> Result<(Waveform, Outcome), MediaError> {
    let (mut level, mut waveform, mut mono) = (Level::default(), Waveform::default(), Vec::new());
    let channels = opened.channels;
    let outcome = decode(opened, budget, |samples, _| {
        level.add(samples);
        waveform.add(mix(samples, channels, &mut mono));
        Ok(())
    })?;
    Ok((waveform, Outcome { level: Some(level), ..outcome }))
}

/// Appends the stream in the target codec: one channel, 8000 samples a second.
pub fn convert(
    stream: &Stream,
    target: &Codec,
    out: &mut Vec<u8>,
    budget: &mut Budget,
) -> Result<Outcome, MediaError> {
    let opened = stream.open()?;
    let mut outcome = match direct(stream, target) {
        Some(transcoder) => transcode(stream, transcoder, out, budget)?,
        None => through_linear(opened, target, out, budget)?,
    };
    outcome.losses.extend(coding_loss(stream.codec, target));
    match outcome.defects.first() {
        // Silence in place of a message would be a loss that nobody notices.
        Some(reason) if outcome.samples == Some(0) => Err(MediaError::malformed(stream.codec.name, reason)),
        _ => Ok(outcome),
    }
}

/// Decodes piece by piece; `each` sees the samples with the channels interleaved.
fn decode(
    opened: Opened,
    budget: &mut Budget,
    mut each: impl FnMut(&[i16], &mut Budget) -> Result<(), MediaError>,
) -> Result<Outcome, MediaError> {
    let Opened { mut source, sample_rate_hz, channels } = opened;
    let (mut samples, mut total) = (Vec::new(), 0u64);
    loop {
        samples.clear();
        budget.check()?;
        if !source.read(&mut samples)? {
            break;
        }
        budget.samples(samples.len())?;
        total += samples.len() as u64;
        each(&samples, budget)?;
    }
    let defects = source.defects();
    let samples = Some(total / u64::from(channels.max(1)));
    Ok(Outcome { sample_rate_hz, channels, samples, defects, ..Outcome::default() })
}

/// What is lost because the target does not hold every sample of the source as it was; nothing where the
/// source is only unpacked, or packed otherwise.
fn coding_loss(source: &Codec, target: &Codec) -> Option<String> {
    if target.is_linear() {
        let bits = source.bits_per_sample;
        return (source.is_linear() && bits > target.bits_per_sample)
            .then(|| format!("samples of {bits} bits reduced to {}", target.bits_per_sample));
    }
    let packing = |codec: &Codec| codec.name.trim_start_matches("aal2-");
    // Frames that were decoded come out otherwise, even in the same codec.
    let same = source.source.is_none() && packing(source) == packing(target);
    (!same).then(|| format!("sound coded anew in {}", target.name))
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
    if stream.codec.source.is_some() || (stream.sample_rate_hz, stream.channels) != (RATE_HZ, 1) {
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
    let mut samples_out = 0;
    for (chunk, count) in chunks(stream) {
        budget.samples(count)?;
        samples_out += count as u64;
        let before = out.len();
        transcoder.transcode(chunk, out);
        budget.output(out.len() - before)?;
    }
    let before = out.len();
    transcoder.finish(out);
    budget.output(out.len() - before)?;
    Ok(Outcome {
        sample_rate_hz: stream.sample_rate_hz,
        channels: stream.channels,
        samples_out,
        ..Outcome::default()
    })
}

/// An encoder, the budget of what it writes, and the count of what went in.
struct Writer<'a> {
    target: &'a Codec,
    encoder: Box<dyn Encoder>,
    samples: u64,
}

impl Writer<'_> {
    fn write(&mut self, samples: &[i16], out: &mut Vec<u8>, budget: &mut Budget) -> Result<(), MediaError> {
        self.samples += samples.len() as u64;
        self.run(out, budget, |encoder, out| encoder.encode(samples, out))
    }

    fn finish(&mut self, out: &mut Vec<u8>, budget: &mut Budget) -> Result<(), MediaError> {
        self.run(out, budget, |encoder, out| encoder.finish(out))
    }

    fn run(
        &mut self,
        out: &mut Vec<u8>,
        budget: &mut Budget,
        work: impl FnOnce(&mut dyn Encoder, &mut Vec<u8>),
    ) -> Result<(), MediaError> {
        let before = out.len();
        let encoder = self.encoder.as_mut();
        guarded(self.target.name, || {
            work(encoder, out);
            Ok(())
        })?;
        if let Some(fault) = encoder.fault() {
            return Err(MediaError::Unsupported(format!(
                "{} could not be written: {fault}",
                self.target.name
            )));
        }
        Ok(budget.output(out.len() - before)?)
    }
}

fn through_linear(
    opened: Opened,
    target: &Codec,
    out: &mut Vec<u8>,
    budget: &mut Budget,
) -> Result<Outcome, MediaError> {
    let Some(encoder) = target.encoder else {
        return Err(MediaError::Unsupported(format!("{} cannot be written", target.name)));
    };
    let mut writer = Writer { target, encoder: encoder(target), samples: 0 };
    let mut level = Level::default();
    let channels = opened.channels;
    let mut resampler = match opened.sample_rate_hz {
        RATE_HZ => None,
        other => Some(Resampler::new(other)?),
    };
    let (mut mono, mut at_8_khz) = (Vec::new(), Vec::new());
    let mut outcome = decode(opened, budget, |samples, budget| {
        level.add(samples);
        let mono = mix(samples, channels, &mut mono);
        let samples = match &mut resampler {
            None => mono,
            Some(resampler) => {
                at_8_khz.clear();
                resampler.push(mono, &mut at_8_khz)?;
                &at_8_khz
            }
        };
        writer.write(samples, out, budget)
    })?;
    if let Some(resampler) = &mut resampler {
        at_8_khz.clear();
        resampler.finish(&mut at_8_khz)?;
        writer.write(&at_8_khz, out, budget)?;
    }
    writer.finish(out, budget)?;
    outcome.losses = losses(&outcome);
    Ok(Outcome { level: Some(level), samples_out: writer.samples, ..outcome })
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

fn losses(outcome: &Outcome) -> Vec<String> {
    let mut losses = Vec::new();
    if outcome.channels > 1 {
        losses.push(format!("{} channels mixed to one", outcome.channels));
    }
    if outcome.sample_rate_hz > RATE_HZ {
        losses.push(format!("{} samples a second reduced to {RATE_HZ}", outcome.sample_rate_hz));
    }
    losses.extend(outcome.defects.iter().cloned());
    losses
}
