//! Containers: what surrounds coded audio. Recognised by their bytes; a declared media type only decides
//! where the bytes say nothing, as for headerless bodies.

pub mod aiff;
pub mod amr;
pub mod au;
pub mod caf;
pub mod foreign;
pub mod mp4;
pub mod wav;

use super::codec::{self, Codec};
use super::formats;
use super::source::{Opened, Raw, guarded};
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
    /// The coded octets without the container; with it where they lie in pages or behind tables.
    pub data: &'a [u8],
    /// Octets of a block of all channels, where the container says; otherwise 0.
    pub block_bytes: usize,
    /// Where the coded packets lie, if not one after the other in `data`.
    pub track: Option<mp4::Track<'a>>,
    /// Samples of one channel, where `data` does not tell but the container does.
    pub samples: Option<u64>,
    /// What was read around.
    pub defects: Vec<String>,
}

impl<'a> Stream<'a> {
    /// A stream of unknown form.
    pub fn new(container: &'static str, codec: &'static Codec, data: &'a [u8]) -> Self {
        Stream {
            container,
            codec,
            sample_rate_hz: 0,
            channels: 0,
            data,
            block_bytes: 0,
            track: None,
            samples: None,
            defects: Vec::new(),
        }
    }

    /// Runs of whole coded frames, in order.
    pub fn packets(&self) -> Box<dyn Iterator<Item = &'a [u8]> + 'a> {
        match self.track {
            Some(track) => Box::new(track.packets()),
            None => Box::new(std::iter::once(self.data)),
        }
    }

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
        Stream { sample_rate_hz, channels, defects, ..Stream::new("raw", codec, data) }
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

    /// Begins to decode. Fails where the form is known, but more than we take.
    pub fn open(&self) -> Result<Opened<'a>, MediaError> {
        let name = self.codec.name;
        let opened = match (self.codec.source, self.codec.decoder) {
            (Some(open), _) => guarded(name, || open(self))?,
            (None, Some(new)) => {
                self.check_form(self.sample_rate_hz, self.channels)?;
                Opened {
                    source: Box::new(Raw::new(self, new(self.codec))),
                    sample_rate_hz: self.sample_rate_hz,
                    channels: self.channels,
                }
            }
            (None, None) => {
                return Err(MediaError::Unsupported(format!(
                    "{name} in {} cannot be decoded",
                    self.container
                )));
            }
        };
        self.check_form(opened.sample_rate_hz, opened.channels)?;
        Ok(opened)
    }

    fn check_form(&self, sample_rate_hz: u32, channels: u16) -> Result<(), MediaError> {
        if !RATES_HZ.contains(&sample_rate_hz) {
            return Err(MediaError::Unsupported(format!("{sample_rate_hz} samples a second")));
        }
        if !CHANNELS.contains(&channels) || channels > self.codec.max_channels {
            return Err(MediaError::Unsupported(format!("{channels} channels of {}", self.codec.name)));
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

/// A container: its mark and its reader.
type Reader = (fn(&[u8]) -> bool, for<'a> fn(&'a [u8]) -> Result<Stream<'a>, MediaError>);

/// Containers with a mark of at least four octets.
const READERS: &[Reader] = &[
    (wav::recognises, wav::read),
    (au::recognises, au::read),
    (amr::recognises, amr::read),
    (aiff::recognises, aiff::read),
    (caf::recognises, caf::read),
    (mp4::recognises, mp4::read),
];

fn recognise(input: &[u8]) -> Option<Result<Stream<'_>, MediaError>> {
    match READERS.iter().find(|(recognises, _)| recognises(input)) {
        Some((_, read)) => Some(read(input)),
        None => foreign::recognise(input).map(Ok),
    }
}

/// The two, three or four octets at `at` as a number, in either byte order.
fn number(input: &[u8], at: usize, octets: usize, big_endian: bool) -> Option<u32> {
    let field = input.get(at..at.checked_add(octets)?)?;
    let add = |value: u32, &octet: &u8| (value << 8) | u32::from(octet);
    Some(if big_endian { field.iter().fold(0, add) } else { field.iter().rev().fold(0, add) })
}
