//! Audio bodies: containers apart from codecs, linear samples between them.
//!
//! `container` finds coded octets in a body, [`codec`] holds the table of codecs, `pcm` carries
//! samples from one to the other in bounded chunks, `nibble` judges the order of code words in
//! audio/32KADPCM. The bytes decide what a body is; the declared type only names what has no mark.
//!
//! Everything we write has one channel at 8000 samples a second, which is what voice mail carries.

pub mod codec;
mod container;
mod doubt;
pub mod dsp;
mod formats;
mod halve;
mod level;
mod nibble;
mod pcm;
mod resample;
mod source;
mod treated;
pub mod waveform;

pub use doubt::of_g726 as g726_doubt;
pub use formats::{Format, coding, formats, is_known, media_type_of_extension};
pub use treated::{convert_treated, join};

use super::{Facts, MediaError, Output, Report};
use crate::limits::{Budget, Limits};
use container::Stream;
use formats::{Target, TargetContainer};
use mime::Mime;
use pcm::Outcome;
use serde::{Deserialize, Serialize};

/// What the bytes of an audio body are.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AudioFacts {
    /// Container found: `raw`, `wav`, `au`, `amr`, `mp3`, `ogg`...
    pub container: String,
    /// Codec found: `g726-32`, `pcmu`, `pcma`, `pcm-s16`, `gsm`...
    pub codec: String,
    /// Samples a second of one channel; 0 where the bytes do not tell.
    pub sample_rate_hz: u32,
    /// Channels.
    pub channels: u16,
    /// Samples of one channel; `None` where the codec is recognised but not decoded.
    pub samples: Option<u64>,
    /// Root mean square level in dB of full scale; `None` for silence or where not decoded.
    pub rms_dbfs: Option<f32>,
    /// Highest sample in dB of full scale; `None` for silence or where not decoded.
    pub peak_dbfs: Option<f32>,
    /// Share of the time that is silence: 30 dB softer than the speech; `None` where not decoded.
    pub silence_share: Option<f32>,
    /// Lowest and highest samples of up to 60 equal spans of time, for a drawing; empty where not decoded.
    pub outline: Vec<(i16, i16)>,
    /// For headerless G.726-32: which nibble order the bytes decode to speech in.
    pub nibble_order: Option<NibbleOrder>,
    /// For headerless G.726-32: why the octets are something else after all.
    pub g726_doubt: Option<String>,
    /// Damage that was read around (lying sizes, trailing bytes...), in words.
    pub defects: Vec<String>,
}

impl AudioFacts {
    /// Length in seconds.
    pub fn duration_s(&self) -> Option<f64> {
        match (self.samples, self.sample_rate_hz) {
            (Some(samples), rate) if rate > 0 => Some(samples as f64 / f64::from(rate)),
            _ => None,
        }
    }
}

/// Verdict on the order of the code words in audio/32KADPCM, from decoding both ways.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct NibbleOrder {
    /// First code word in the high nibble: the wrong order for RFC 3802 section 3.2.
    pub swapped: bool,
    /// 0 (cannot tell, e.g. silence) to 1 (certain).
    pub confidence: f32,
}

/// Says what the bytes are. What cannot be decoded is still named.
pub fn inspect(
    declared: &Mime,
    input: &[u8],
    _limits: &Limits,
    budget: &mut Budget,
) -> Result<AudioFacts, MediaError> {
    budget.check()?;
    let stream = container::open(declared, input)?;
    let mut sketch = Sketch::default();
    let outcome =
        match stream.open().and_then(|opened| pcm::measure(opened, budget, |samples| sketch.add(samples))) {
            Ok(outcome) => outcome,
            Err(MediaError::Limit(exceeded)) => return Err(exceeded.into()),
            // Recognised all the same: what is known is told.
            Err(MediaError::Unsupported(_)) => named_only(&stream, Vec::new()),
            Err(MediaError::Malformed { reason, .. }) => named_only(&stream, vec![reason]),
        };
    let mut facts = facts(&stream, &outcome);
    if outcome.level.is_some() {
        sketch.finish(&mut facts);
    }
    if (stream.container, stream.codec.name) == ("raw", codec::RFC_3802) {
        facts.nibble_order = Some(nibble::order(stream.data, budget)?);
        facts.g726_doubt = doubt::of_g726(stream.data);
    }
    Ok(facts)
}

/// What only an inspection looks at.
#[derive(Default)]
struct Sketch {
    loudness: dsp::loudness::Loudness,
    waveform: waveform::Waveform,
}

impl Sketch {
    /// Columns of the outline.
    const COLUMNS: usize = 60;

    fn add(&mut self, samples: &[i16]) {
        self.loudness.add(samples);
        self.waveform.add(samples);
    }

    fn finish(mut self, facts: &mut AudioFacts) {
        self.loudness.finish();
        facts.silence_share = Some(self.loudness.silence_share() as f32);
        facts.outline = self.waveform.columns(Self::COLUMNS);
    }
}

fn named_only(stream: &Stream, defects: Vec<String>) -> Outcome {
    Outcome {
        sample_rate_hz: stream.sample_rate_hz,
        channels: stream.channels,
        samples: stream.samples(),
        defects,
        ..Outcome::default()
    }
}

fn facts(stream: &Stream, outcome: &Outcome) -> AudioFacts {
    AudioFacts {
        container: stream.container.into(),
        codec: stream.codec.name.into(),
        sample_rate_hz: outcome.sample_rate_hz,
        channels: outcome.channels,
        samples: outcome.samples.or(stream.samples()),
        rms_dbfs: outcome.level.and_then(|level| level.rms_dbfs()),
        peak_dbfs: outcome.level.and_then(|level| level.peak_dbfs()),
        silence_share: None,
        outline: Vec::new(),
        nibble_order: None,
        g726_doubt: None,
        defects: stream.defects.iter().chain(&outcome.defects).cloned().collect(),
    }
}

/// The shape of the sound: the lowest and the highest sample of each of at most `preview::COLUMNS` spans.
pub fn preview(declared: &Mime, input: &[u8], budget: &mut Budget) -> Result<Output, MediaError> {
    budget.check()?;
    let stream = container::open(declared, input)?;
    let (waveform, outcome) = pcm::outline(stream.open()?, budget)?;
    let bytes = super::preview::waveform(&waveform.columns(super::preview::COLUMNS));
    budget.output(bytes.len())?;
    let facts = Facts::Audio(facts(&stream, &outcome));
    Ok(Output { bytes, report: Report { facts, output: None, losses: Vec::new() } })
}

/// Converts an audio body to the media type `target`.
pub fn convert(
    declared: &Mime,
    target: &Mime,
    input: &[u8],
    _limits: &Limits,
    budget: &mut Budget,
) -> Result<Output, MediaError> {
    budget.check()?;
    let (wanted, target) = (target, formats::target(target)?);
    let stream = container::open(declared, input)?;
    if let Some(output) = copied(&stream, wanted, target, input, budget)? {
        return Ok(output);
    }
    // The header goes first, but knows its sizes last.
    let mut bytes = header(target, 0, 0).ok_or_else(|| too_long(target))?;
    let header_bytes = bytes.len();
    budget.output(header_bytes)?;
    let outcome = pcm::convert(&stream, target.codec, &mut bytes, budget)?;
    let data_bytes = bytes.len() - header_bytes;
    let header = header(target, outcome.samples_out, data_bytes).ok_or_else(|| too_long(target))?;
    if let Some(front) = bytes.get_mut(..header_bytes) {
        front.copy_from_slice(&header);
    }
    if target.container == TargetContainer::Wav && data_bytes % 2 == 1 {
        budget.output(1)?;
        bytes.push(0);
    }
    let output = output_facts(target, &outcome);
    let report = Report {
        facts: Facts::Audio(facts(&stream, &outcome)),
        output: Some(Facts::Audio(output)),
        losses: outcome.losses,
    };
    Ok(Output { bytes, report })
}

/// The body itself where it is what is wanted already: coding frames of a lossy codec anew takes time and
/// spoils them. Not if its container lies, nor if it is not of the rate or the channels that `wanted` names.
fn copied(
    stream: &Stream,
    wanted: &Mime,
    target: Target,
    input: &[u8],
    budget: &mut Budget,
) -> Result<Option<Output>, MediaError> {
    let same = (stream.container, stream.codec.name) == (target.container.name(), target.codec.name);
    if !same || stream.codec.source.is_none() || !stream.defects.is_empty() {
        return Ok(None);
    }
    let opened = stream.open()?;
    let fits = |name: &str, only: u32, is: u32| wanted.get_param(name).is_none() || is == only;
    if !fits("rate", resample::RATE_HZ, opened.sample_rate_hz) || !fits("channels", 1, opened.channels.into())
    {
        return Ok(None);
    }
    let outcome = pcm::measure(opened, budget, |_| {})?;
    if let (Some(0), Some(reason)) = (outcome.samples, outcome.defects.first()) {
        return Err(MediaError::malformed(stream.codec.name, reason));
    }
    budget.output(input.len())?;
    let facts = Facts::Audio(facts(stream, &outcome));
    let report = Report { output: Some(facts.clone()), facts, losses: Vec::new() };
    Ok(Some(Output { bytes: input.to_vec(), report }))
}

/// The container's octets before `data_bytes` of data; their number does not depend on it. `None` where
/// the container cannot say the size.
fn header(target: Target, samples: u64, data_bytes: usize) -> Option<Vec<u8>> {
    match target.container {
        TargetContainer::Raw | TargetContainer::Mp3 | TargetContainer::Ogg => Some(Vec::new()),
        TargetContainer::Amr => Some(container::amr::MAGIC.to_vec()),
        TargetContainer::Wav => container::wav::header(target.codec, resample::RATE_HZ, samples, data_bytes),
        TargetContainer::Au => container::au::header(target.codec, resample::RATE_HZ, data_bytes),
    }
}

fn too_long(target: Target) -> MediaError {
    MediaError::Unsupported(format!("more {} than {} can hold", target.codec.name, target.container.name()))
}

fn output_facts(target: Target, outcome: &Outcome) -> AudioFacts {
    AudioFacts {
        container: target.container.name().into(),
        codec: target.codec.name.into(),
        sample_rate_hz: resample::RATE_HZ,
        channels: 1,
        samples: Some(outcome.samples_out),
        rms_dbfs: None,
        peak_dbfs: None,
        silence_share: None,
        outline: Vec::new(),
        nibble_order: None,
        g726_doubt: None,
        defects: Vec::new(),
    }
}

#[cfg(test)]
mod tests;
