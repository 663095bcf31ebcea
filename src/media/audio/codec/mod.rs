//! The codecs: one file each, one line each in [`CODECS`].
//!
//! A codec knows nothing of containers. Everything that names codecs (media types, WAVE tags, help
//! texts, tests that must hold for all of them) reads the table.

mod aac;
mod adpcm;
mod amr;
mod amr_nb;
mod flac;
mod foreign;
pub(super) mod g711;
pub(super) mod g726;
pub(super) mod gsm;
mod mp3;
mod opus;
mod packages;
mod pcm;
mod vorbis;

use super::container::Stream;
use super::source::Opened;
use crate::media::MediaError;

/// Coded bytes to 16-bit linear samples; channels interleaved. Any bytes decode to something.
pub trait Decoder {
    /// Appends the samples of `input`. Every call but the last is given whole [`Codec::unit_bytes`].
    fn decode(&mut self, input: &[u8], out: &mut Vec<i16>);
}

/// 16-bit linear samples to coded bytes.
pub trait Encoder {
    /// Appends the coding of `samples`; what does not fill an octet yet waits.
    fn encode(&mut self, samples: &[i16], out: &mut Vec<u8>);

    /// Appends what waits.
    fn finish(&mut self, _out: &mut Vec<u8>) {}

    /// Why nothing more comes, where an encoder can fail. Asked after every call.
    fn fault(&self) -> Option<&str> {
        None
    }
}

/// Coded bytes to differently coded bytes without linear samples between.
pub trait Transcoder {
    /// Appends the new coding of `input`. Every call but the last is given whole [`Codec::unit_bytes`].
    fn transcode(&mut self, input: &[u8], out: &mut Vec<u8>);

    /// Appends what waits.
    fn finish(&mut self, _out: &mut Vec<u8>) {}
}

/// Makes a decoder in its initial state.
pub type NewDecoder = fn(&Codec) -> Box<dyn Decoder>;
/// Opens the packets of a stream.
pub type NewSource = for<'a> fn(&Stream<'a>) -> Result<Opened<'a>, MediaError>;
/// Makes an encoder in its initial state.
pub type NewEncoder = fn(&Codec) -> Box<dyn Encoder>;
/// Makes a way from the first codec to the second that needs no linear samples, if there is one.
pub type NewTranscoder = fn(&Codec, &Codec) -> Option<Box<dyn Transcoder>>;

/// One line of the table.
pub struct Codec {
    /// Name in facts and messages, unique in the table.
    pub name: &'static str,
    /// Media types, in lower case, whose bodies are this codec without a header.
    pub media_types: &'static [&'static str],
    /// WAVE format tag (RFC 2361) under which we read and write it, if it is the only thing that tells.
    pub wav_tag: Option<u16>,
    /// Bits of one sample of one channel; 0 where that has no fixed number.
    pub bits_per_sample: u16,
    /// Octets of the smallest run of one channel's samples that fills octets at every rate.
    pub unit_bytes: usize,
    /// Samples of such a run.
    pub unit_samples: usize,
    /// Channels it can hold interleaved.
    pub max_channels: u16,
    /// For codecs of which any run of octets can be decoded.
    pub decoder: Option<NewDecoder>,
    /// For codecs that come in packets. Neither: bodies cannot be read.
    pub source: Option<NewSource>,
    /// `None` where bodies cannot be made.
    pub encoder: Option<NewEncoder>,
    /// A better way from this codec to another than through linear samples, for one channel at one rate.
    pub direct: Option<NewTranscoder>,
}

impl std::fmt::Debug for Codec {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name)
    }
}

impl Codec {
    /// A codec that is only named.
    const fn new(name: &'static str, media_types: &'static [&'static str]) -> Self {
        Codec {
            name,
            media_types,
            wav_tag: None,
            bits_per_sample: 0,
            unit_bytes: 1,
            unit_samples: 1,
            max_channels: 0,
            decoder: None,
            source: None,
            encoder: None,
            direct: None,
        }
    }

    /// True for linear PCM: every sample is there as it was.
    pub fn is_linear(&self) -> bool {
        self.name.starts_with("pcm-")
    }

    /// True where bodies can be read.
    pub fn can_decode(&self) -> bool {
        self.decoder.is_some() || self.source.is_some()
    }

    /// Octets that cannot be split without splitting a sample.
    pub fn frame_bytes(&self, channels: u16) -> usize {
        if self.unit_samples == 1 || self.has_frames() {
            self.unit_bytes * usize::from(channels.max(1))
        } else {
            1
        }
    }

    /// Octets a second.
    pub fn byte_rate(&self, sample_rate_hz: u32, channels: u16) -> u64 {
        let bytes = self.unit_bytes as u64 * u64::from(channels) * u64::from(sample_rate_hz);
        bytes / self.unit_samples.max(1) as u64
    }

    /// True for codecs of frames, which cannot be cut within.
    pub fn has_frames(&self) -> bool {
        self.bits_per_sample == 0 && self.unit_samples > 1
    }

    /// Samples of one channel that `bytes` octets of `channels` channels hold.
    pub fn samples_in(&self, bytes: usize, channels: u16) -> Option<u64> {
        if self.has_frames() {
            let units = bytes / self.unit_bytes;
            return (units as u64 * self.unit_samples as u64).checked_div(channels.into());
        }
        let bits = u64::from(self.bits_per_sample) * u64::from(channels);
        (bytes as u64 * 8).checked_div(bits)
    }
}

/// Name of the codec of RFC 3802.
pub const RFC_3802: &str = "g726-32";

/// All codecs.
pub static CODECS: &[&Codec] = &[
    &g726::G726_32,
    &g726::AAL2_G726_32,
    &g711::PCMU,
    &g711::PCMA,
    &pcm::PCM_S16,
    &pcm::PCM_S16BE,
    &pcm::PCM_U8,
    &pcm::PCM_S8,
    &pcm::PCM_S24,
    &pcm::PCM_S24BE,
    &pcm::PCM_S32,
    &pcm::PCM_S32BE,
    &pcm::PCM_F32,
    &pcm::PCM_F32BE,
    &pcm::PCM_F64,
    &pcm::PCM_F64BE,
    &g726::G726_16,
    &g726::G726_24,
    &g726::G726_40,
    &g726::AAL2_G726_16,
    &g726::AAL2_G726_24,
    &g726::AAL2_G726_40,
    &gsm::GSM,
    &gsm::GSM_MS,
    &amr::AMR,
    &amr::AMR_WB,
    &mp3::MP3,
    &aac::AAC,
    &opus::OPUS,
    &vorbis::VORBIS,
    &flac::FLAC,
    &adpcm::MS_ADPCM,
    &adpcm::IMA_ADPCM,
    &foreign::G722,
];

/// The codec of that name, or one that is only a name.
pub fn named(name: &str) -> &'static Codec {
    CODECS.iter().find(|codec| codec.name == name).copied().unwrap_or(&foreign::UNKNOWN)
}

/// The codec whose headerless bodies have this media type.
pub fn of_media_type(essence: &str) -> Option<&'static Codec> {
    CODECS
        .iter()
        .find(|codec| codec.media_types.iter().any(|name| name.eq_ignore_ascii_case(essence)))
        .copied()
}

/// The codec of a WAVE format tag that alone says which codec it is.
pub fn of_wav_tag(tag: u16) -> Option<&'static Codec> {
    CODECS.iter().find(|codec| codec.wav_tag == Some(tag)).copied()
}
