//! AAC of low complexity (ISO/IEC 14496-3), from ADTS frames and from MP4 samples. High efficiency
//! profiles (SBR) and more than two channels are refused.

use super::{Codec, packages};
use crate::media::MediaError;
use crate::media::audio::container::Stream;
use crate::media::audio::container::mp4::Track;
use crate::media::audio::source::{Opened, Source};
use symphonia::core::codecs::CodecParameters;
use symphonia::core::codecs::audio::well_known::CODEC_ID_AAC;
use symphonia::core::codecs::audio::{AudioCodecParameters, AudioDecoder, AudioDecoderOptions};
use symphonia::core::errors::Error;
use symphonia::core::formats::FormatOptions;
use symphonia::core::packet::Packet;
use symphonia::core::units::{Duration, Timestamp};
use symphonia::default::codecs::AacDecoder;
use symphonia::default::formats::AdtsReader;

/// `audio/aac`.
pub static AAC: Codec = Codec {
    max_channels: 2,
    source: Some(open),
    ..Codec::new("aac", &["audio/aac", "audio/aacp", "audio/x-aac"])
};

fn open<'a>(stream: &Stream<'a>) -> Result<Opened<'a>, MediaError> {
    match stream.track {
        Some(track) => open_track(track),
        None => {
            let reader = AdtsReader::try_new(packages::stream(stream.data), FormatOptions::default());
            packages::open("aac", reader.map(|reader| Box::new(reader) as _), new)
        }
    }
}

fn new(parameters: &CodecParameters) -> Result<Box<dyn AudioDecoder>, Error> {
    match parameters {
        CodecParameters::Audio(audio) => {
            Ok(Box::new(AacDecoder::try_new(audio, &AudioDecoderOptions::default())?))
        }
        _ => Err(Error::Unsupported("no audio")),
    }
}

fn open_track(track: Track<'_>) -> Result<Opened<'_>, MediaError> {
    let mut parameters = AudioCodecParameters::new();
    parameters.for_codec(CODEC_ID_AAC).with_extra_data(track.config.into());
    let decoder = new(&CodecParameters::Audio(parameters)).map_err(|e| packages::error("aac", e))?;
    let samples = Samples { packets: Box::new(track.packets()) };
    let opened = packages::open_packets("aac", Box::new(samples), decoder)?;
    let channels = u64::from(opened.channels);
    let presented = Presented {
        source: opened.source,
        skip: track.skip.saturating_mul(channels),
        left: track.length.map_or(u64::MAX, |length| length.saturating_mul(channels)),
    };
    Ok(Opened { source: Box::new(presented), ..opened })
}

struct Samples<'a> {
    packets: Box<dyn Iterator<Item = &'a [u8]> + 'a>,
}

impl packages::Packets for Samples<'_> {
    fn next(&mut self) -> Result<Option<Packet>, Error> {
        let packet = self.packets.next();
        Ok(packet.map(|data| Packet::new(0, Timestamp::from(0i64), Duration::from(0u64), data)))
    }
}

/// What the edit list lets through: not the delay of the encoder, not the filling at the end.
struct Presented<'a> {
    source: Box<dyn Source + 'a>,
    /// Samples of all channels.
    skip: u64,
    left: u64,
}

impl Source for Presented<'_> {
    fn read(&mut self, out: &mut Vec<i16>) -> Result<bool, MediaError> {
        let before = out.len();
        if self.left == 0 || !self.source.read(out)? {
            return Ok(false);
        }
        let skip = (out.len() - before).min(usize::try_from(self.skip).unwrap_or(usize::MAX));
        out.drain(before..before + skip);
        self.skip -= skip as u64;
        let kept = (out.len() - before).min(usize::try_from(self.left).unwrap_or(usize::MAX));
        out.truncate(before + kept);
        self.left -= kept as u64;
        Ok(true)
    }

    fn defects(&self) -> Vec<String> {
        self.source.defects()
    }
}
