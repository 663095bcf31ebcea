//! MPEG-1, 2 and 2.5 audio layer III (ISO/IEC 11172-3, 13818-3).
//!
//! Encoded at a constant 32 kbit/s, one channel, 8000 samples a second (MPEG-2.5): the filterbank is ours,
//! bit allocation and format are the package's.

mod analysis;

use super::{Codec, Encoder, packages};
use crate::media::MediaError;
use crate::media::audio::container::Stream;
use crate::media::audio::source::Opened;
use analysis::{Analysis, GRANULE};
use shine_rs::bitstream::format_bitstream;
use shine_rs::quantization::shine_iteration_loop;
use shine_rs::{Mp3Encoder, Mp3EncoderConfig, StereoMode};
use symphonia::core::codecs::CodecParameters;
use symphonia::core::codecs::audio::{AudioDecoder, AudioDecoderOptions};
use symphonia::core::errors::Error;
use symphonia::core::formats::FormatOptions;
use symphonia::default::codecs::MpaDecoder;
use symphonia::default::formats::MpaReader;

/// `audio/mpeg`, and WAVE tag 0x55.
pub static MP3: Codec = Codec {
    wav_tag: Some(0x55),
    max_channels: 2,
    source: Some(open),
    encoder: Some(|_| Box::new(Mp3Writer::new())),
    ..Codec::new("mp3", &["audio/mpeg", "audio/mp3", "audio/x-mp3"])
};

fn open<'a>(stream: &Stream<'a>) -> Result<Opened<'a>, MediaError> {
    let reader = MpaReader::try_new(packages::stream(stream.data), FormatOptions::default());
    packages::open("mp3", reader.map(|reader| Box::new(reader) as _), new)
}

fn new(parameters: &CodecParameters) -> Result<Box<dyn AudioDecoder>, Error> {
    match parameters {
        CodecParameters::Audio(audio) => {
            Ok(Box::new(MpaDecoder::try_new(audio, &AudioDecoderOptions::default())?))
        }
        _ => Err(Error::Unsupported("no audio")),
    }
}

/// Frames that make a stream recognisable, and drive the delay of the encoder out of a short one.
const MIN_FRAMES: usize = 3;
const KBITS_A_SECOND: u32 = 32;
/// Octets of a frame at that rate.
const FRAME_BYTES: usize = 288;
/// Ancillary octets at the end of a frame. The package fills frames up with ones, which decode to zeros
/// in runs of four bits: without room behind it, the last run sends careful decoders past the end. As
/// many as the package writes at once, so that its frames end where ours do.
const ANCILLARY: [u8; 4] = [0; 4];

struct Mp3Writer {
    encoder: Option<Mp3Encoder>,
    analysis: Box<Analysis>,
    /// Samples that do not fill a frame yet: one granule in MPEG-2 and 2.5.
    waiting: Vec<i16>,
    samples: usize,
    fault: Option<String>,
}

impl Mp3Writer {
    fn new() -> Self {
        let config = Mp3EncoderConfig::new()
            .sample_rate(8_000)
            .bitrate(KBITS_A_SECOND)
            .channels(1)
            .stereo_mode(StereoMode::Mono);
        match Mp3Encoder::new(config) {
            Ok(mut encoder) => {
                // 576 / 8000 * 4000 is a whole number, but not for the package: it would round it down,
                // and pad every frame to its right size while the header announces one octet more.
                let config = encoder.shine_config();
                config.mpeg.whole_slots_per_frame = (FRAME_BYTES - ANCILLARY.len()) as i32;
                config.mpeg.frac_slots_per_frame = 0.0;
                config.mpeg.padding = 0;
                config.mpeg.bits_per_frame = 8 * config.mpeg.whole_slots_per_frame;
                config.mean_bits = config.mpeg.bits_per_frame - config.sideinfo_len;
                Self::with(Some(encoder), None)
            }
            Err(error) => Self::with(None, Some(error.to_string())),
        }
    }

    fn with(encoder: Option<Mp3Encoder>, fault: Option<String>) -> Self {
        Mp3Writer { encoder, analysis: Box::new(Analysis::new()), waiting: Vec::new(), samples: 0, fault }
    }

    fn frame(&mut self, samples: &[i16; GRANULE], out: &mut Vec<u8>) {
        let Some(encoder) = &mut self.encoder else { return };
        let config = encoder.shine_config();
        config.mdct_freq[0][0] = self.analysis.granule(samples);
        shine_iteration_loop(config);
        if let Err(error) = format_bitstream(config) {
            self.fault = Some(error.to_string());
        }
        out.extend_from_slice(config.bs.get_data());
        out.extend_from_slice(&ANCILLARY);
        config.bs.data_position = 0;
    }
}

impl Encoder for Mp3Writer {
    fn encode(&mut self, samples: &[i16], out: &mut Vec<u8>) {
        self.samples += samples.len();
        let mut waiting = std::mem::take(&mut self.waiting);
        waiting.extend_from_slice(samples);
        let (frames, rest) = waiting.as_chunks();
        frames.iter().for_each(|frame| self.frame(frame, out));
        self.waiting = rest.to_vec();
    }

    fn finish(&mut self, out: &mut Vec<u8>) {
        // One frame more than the samples fill: what the encoder still holds of them.
        let frames = (self.samples.div_ceil(GRANULE) + 1).max(MIN_FRAMES);
        let silence = vec![0; (frames * GRANULE).saturating_sub(self.samples)];
        self.encode(&silence, out);
        if let Some(mut encoder) = self.encoder.take() {
            match encoder.finish() {
                Ok(rest) => out.extend_from_slice(&rest),
                Err(error) => self.fault = Some(error.to_string()),
            }
        }
    }

    fn fault(&self) -> Option<&str> {
        self.fault.as_deref()
    }
}
