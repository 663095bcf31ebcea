//! Containers: what surrounds coded audio. Recognised by their bytes; a declared media type only decides
//! where the bytes say nothing, as for headerless bodies.

pub mod au;
pub mod foreign;
pub mod wav;

use super::codec::{self, Codec};
use super::formats;
use crate::media::MediaError;
use mime::Mime;

/// Rates we take, as the limits of the project have it.
const RATES_HZ: std::ops::RangeInclusive<u32> = 4_000..=192_000;
/// Channels we take.
const CHANNELS: std::ops::RangeInclusive<u16> = 1..=8;

/// Coded audio found in the bytes of a body.
#[derive(Debug)]
pub struct Stream<'a> {
    /// Name of the container.
    pub container: &'static str,
    /// What `data` is coded in.
    pub codec: &'static Codec,
    /// Samples a second; 0 where unknown.
    pub sample_rate_hz: u32,
    /// Channels; 0 where unknown.
    pub channels: u16,
    /// The coded octets, without the container.
    pub data: &'a [u8],
    /// Samples of one channel, where `data` does not tell but the container does.
    pub samples: Option<u64>,
    /// What was read around.
    pub defects: Vec<String>,
}

impl<'a> Stream<'a> {
    /// A body without a container.
    fn raw(codec: &'static Codec, declared: &Mime, data: &'a [u8]) -> Self {
        let mut defects = Vec::new();
        let mut parameter = |name: &str, default: u32| match declared.get_param(name) {
            None => default,
            Some(value) => value.as_str().parse().unwrap_or_else(|_| {
                defects.push(format!("parameter {name} of {} is no number", declared.essence_str()));
                default
            }),
        };
        let sample_rate_hz = parameter("rate", 8_000);
        let channels = u16::try_from(parameter("channels", 1)).unwrap_or(u16::MAX);
        if !data.len().is_multiple_of(codec.frame_bytes(channels)) {
            defects.push("the last sample is cut short".into());
        }
        Stream { container: "raw", codec, sample_rate_hz, channels, data, samples: None, defects }
    }

    /// Samples of one channel.
    pub fn samples(&self) -> Option<u64> {
        let held = self.codec.samples_in(self.data.len(), self.channels);
        // What is told may only take padding off the last frame or block.
        let padding = if self.codec.has_frames() { self.codec.unit_samples as u64 } else { 0 };
        match (held, self.samples) {
            (Some(held), Some(told)) if told <= held && held - told < padding => Some(told),
            (held, told) => held.or(told),
        }
    }

    /// Fails where the form is known, but more than we take.
    pub fn check_form(&self) -> Result<(), MediaError> {
        let name = self.codec.name;
        if self.codec.decoder.is_none() {
            return Err(MediaError::Unsupported(format!("{name} in {} cannot be decoded", self.container)));
        }
        if !RATES_HZ.contains(&self.sample_rate_hz) {
            return Err(MediaError::Unsupported(format!("{} samples a second", self.sample_rate_hz)));
        }
        if !CHANNELS.contains(&self.channels) || self.channels > self.codec.max_channels {
            return Err(MediaError::Unsupported(format!("{} channels of {name}", self.channels)));
        }
        Ok(())
    }
}

/// Finds the audio in a body.
pub fn open<'a>(declared: &Mime, input: &'a [u8]) -> Result<Stream<'a>, MediaError> {
    let essence = declared.essence_str();
    let headerless = codec::of_media_type(essence);
    // Headerless bodies may hold any bytes: only marks that do not occur by chance count there.
    let found = match recognise(input) {
        Some(stream) => Some(stream),
        None if headerless.is_some_and(|codec| codec.decoder.is_some() && !codec.has_frames()) => None,
        None => foreign::recognise_weakly(declared, input).map(Ok),
    };
    match (found, headerless) {
        (Some(stream), _) => {
            let mut stream = stream?;
            if !formats::may_hold(essence, &stream) {
                let defect = format!("declared {essence}, but the bytes are {}", stream.container);
                stream.defects.insert(0, defect);
            }
            Ok(stream)
        }
        (None, Some(codec)) if codec.decoder.is_some() && (!codec.has_frames() || input.is_empty()) => {
            Ok(Stream::raw(codec, declared, input))
        }
        (None, _) if formats::is_known(essence) => {
            Err(MediaError::malformed(essence, "the bytes are nothing of that type"))
        }
        (None, _) => Err(MediaError::Unsupported(format!("{essence}: no audio recognised in the bytes"))),
    }
}

/// Containers with a mark of at least four octets.
fn recognise(input: &[u8]) -> Option<Result<Stream<'_>, MediaError>> {
    if wav::recognises(input) {
        Some(wav::read(input))
    } else if au::recognises(input) {
        Some(au::read(input))
    } else {
        foreign::recognise(input).map(Ok)
    }
}

/// The two, three or four octets at `at` as a number, in either byte order.
fn number(input: &[u8], at: usize, octets: usize, big_endian: bool) -> Option<u32> {
    let field = input.get(at..at.checked_add(octets)?)?;
    let add = |value: u32, &octet: &u8| (value << 8) | u32::from(octet);
    Some(if big_endian { field.iter().fold(0, add) } else { field.iter().rev().fold(0, add) })
}
