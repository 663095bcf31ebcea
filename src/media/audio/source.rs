//! Samples in bounded pieces, whatever they are coded in.
//!
//! A [`Source`] gives at most one chunk or one coded packet at a time, so that memory does not grow with
//! duration and a spent budget ends the work soon. Decoders of other people's packages run inside
//! [`guarded`]: a panic of theirs is damage in the input, not the end of the message.

use super::codec::Decoder;
use super::container::Stream;
use crate::media::MediaError;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// Samples of all channels in a chunk; a multiple of the units of all codecs.
pub const CHUNK_SAMPLES: usize = 4_096;

/// A decoder at work on one stream.
pub trait Source {
    /// Appends the samples of the next piece, channels interleaved; false at the end. A piece may hold
    /// none (a damaged packet), but every call consumes input.
    fn read(&mut self, out: &mut Vec<i16>) -> Result<bool, MediaError>;

    /// What was damaged or cut short so far, in words.
    fn defects(&self) -> Vec<String> {
        Vec::new()
    }
}

/// A source and the form of its samples.
pub struct Opened<'a> {
    /// The samples.
    pub source: Box<dyn Source + 'a>,
    /// Samples a second of one channel.
    pub sample_rate_hz: u32,
    /// Channels, interleaved.
    pub channels: u16,
}

/// Runs code of another package on untrusted input.
pub fn guarded<T>(format: &str, work: impl FnOnce() -> Result<T, MediaError>) -> Result<T, MediaError> {
    catch_unwind(AssertUnwindSafe(work))
        .unwrap_or_else(|_| Err(MediaError::malformed(format, "the decoder failed on it")))
}

/// A source whose faults are those of another package.
pub struct Guarded<'a> {
    format: &'static str,
    inner: Box<dyn Source + 'a>,
}

impl<'a> Guarded<'a> {
    /// Guards `inner`.
    pub fn new(format: &'static str, inner: Box<dyn Source + 'a>) -> Box<Self> {
        Box::new(Guarded { format, inner })
    }
}

impl Source for Guarded<'_> {
    fn read(&mut self, out: &mut Vec<i16>) -> Result<bool, MediaError> {
        guarded(self.format, || self.inner.read(out))
    }

    fn defects(&self) -> Vec<String> {
        self.inner.defects()
    }
}

/// Octets of `stream` that make up a chunk, and the samples in them, where the codec has no packets.
pub fn chunks<'a>(stream: &Stream<'a>) -> impl Iterator<Item = (&'a [u8], usize)> + use<'a> {
    let (codec, count) = (stream.codec, stream.channels);
    let channels = usize::from(count.max(1));
    let units = (CHUNK_SAMPLES / codec.unit_samples / channels).max(1);
    let whole = stream.data.len() - stream.data.len() % codec.frame_bytes(count);
    let data = stream.data.get(..whole).unwrap_or_default();
    data.chunks(units * codec.unit_bytes * channels).map(move |chunk| {
        let samples = codec.samples_in(chunk.len(), count).unwrap_or_default();
        (chunk, usize::try_from(samples).unwrap_or(usize::MAX).saturating_mul(channels))
    })
}

/// A codec without packets over a run of octets.
pub struct Raw<'a> {
    decoder: Box<dyn Decoder>,
    chunks: Box<dyn Iterator<Item = (&'a [u8], usize)> + 'a>,
    /// Samples still wanted: a last block may hold padding.
    left: usize,
}

impl<'a> Raw<'a> {
    /// The octets of `stream`, read by `decoder`.
    pub fn new(stream: &Stream<'a>, decoder: Box<dyn Decoder>) -> Self {
        let left = stream.samples().and_then(|samples| usize::try_from(samples).ok());
        let left = left.unwrap_or(usize::MAX).saturating_mul(stream.channels.into());
        Raw { decoder, chunks: Box::new(chunks(stream)), left }
    }
}

impl Source for Raw<'_> {
    fn read(&mut self, out: &mut Vec<i16>) -> Result<bool, MediaError> {
        let Some((chunk, _)) = self.chunks.next() else { return Ok(false) };
        let before = out.len();
        self.decoder.decode(chunk, out);
        out.truncate(before.saturating_add(self.left));
        self.left -= out.len() - before;
        Ok(true)
    }
}

/// Counts damaged packets of a source.
#[derive(Debug, Default)]
pub struct Damage {
    packets: u64,
    damaged: u64,
    first: Option<String>,
}

impl Damage {
    /// Takes note of a packet.
    pub fn good(&mut self) {
        self.packets += 1;
    }

    /// Takes note of a packet that could not be decoded.
    pub fn bad(&mut self, reason: impl ToString) {
        self.packets += 1;
        self.damaged += 1;
        self.first.get_or_insert_with(|| reason.to_string());
    }

    /// One sentence, if anything was damaged.
    pub fn defects(&self) -> Vec<String> {
        let Some(first) = &self.first else { return Vec::new() };
        vec![format!("{} of {} packets damaged ({first})", self.damaged, self.packets)]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Panics;

    impl Source for Panics {
        fn read(&mut self, _out: &mut Vec<i16>) -> Result<bool, MediaError> {
            panic!("as a decoder might")
        }
    }

    #[test]
    fn a_panic_in_a_decoder_is_damage_in_the_input() {
        let mut guarded = Guarded::new("mp3", Box::new(Panics));
        assert!(matches!(guarded.read(&mut Vec::new()), Err(MediaError::Malformed { .. })));
    }

    #[test]
    fn damage_is_told_with_its_first_cause() {
        let mut damage = Damage::default();
        damage.good();
        assert!(damage.defects().is_empty());
        damage.bad("cut short");
        damage.bad("other");
        assert_eq!(damage.defects(), ["2 of 3 packets damaged (cut short)"]);
    }
}
