//! AMR narrow band and wide band (3GPP TS 26.071, 26.171) in the frames of RFC 4867 section 5.3: an octet
//! with the frame type, then the speech bits. MP4 and 3GPP files hold the same frames in their samples.
//! The narrow band is decoded by [`super::amr_nb`].
//!
//! Reserved and damaged frames are concealed as lost ones; a last frame that is cut short is left out.

use super::amr_nb::{self, Coded, FRAME, Mode};
use super::{Codec, Encoder};
use crate::media::MediaError;
use crate::media::audio::container::Stream;
use crate::media::audio::source::{Damage, Guarded, Opened, Source};
use codec_core::codecs::amr::AmrCodec;
use codec_core::types::{AudioCodec, CodecConfig, CodedFrame, FrameKind, VariableRateCodec};

/// Narrow band, 8000 samples a second.
pub static AMR: Codec = Codec {
    max_channels: 1,
    source: Some(open),
    encoder: Some(|_| Box::new(AmrEncoder::new())),
    ..Codec::new("amr", &["audio/amr"])
};
/// Wide band, 16,000 samples a second.
pub static AMR_WB: Codec =
    Codec { max_channels: 1, source: Some(open), ..Codec::new("amr-wb", &["audio/amr-wb"]) };

/// Octets after the frame type octet, by frame type (TS 26.101 and 26.201, annex A).
const SPEECH_BYTES: [usize; 16] = [12, 13, 15, 17, 19, 20, 26, 31, 5, 0, 0, 0, 0, 0, 0, 0];
const SPEECH_BYTES_WB: [usize; 16] = [17, 23, 32, 36, 40, 46, 50, 58, 60, 5, 0, 0, 0, 0, 0, 0];
/// 12.2 kbit/s: what voice mail systems and telephones send.
const ENCODER_MODE: u8 = 7;

fn open<'a>(stream: &Stream<'a>) -> Result<Opened<'a>, MediaError> {
    let wide = stream.codec.name == AMR_WB.name;
    let frames = Frames {
        packets: stream.packets(),
        rest: &[],
        sizes: if wide { &SPEECH_BYTES_WB } else { &SPEECH_BYTES },
        cut: false,
    };
    let damage = Damage::default();
    let source: Box<dyn Source + 'a> = if wide {
        let decoder =
            AmrCodec::new(&CodecConfig::amr_wb()).map_err(|e| MediaError::malformed("amr", e.to_string()))?;
        Box::new(Wide { frames, decoder, mode: 0, damage })
    } else {
        Box::new(Narrow { frames, decoder: Box::new(amr_nb::Decoder::new()), damage })
    };
    Ok(Opened {
        source: Guarded::new(stream.codec.name, source),
        sample_rate_hz: if wide { 16_000 } else { 8_000 },
        channels: 1,
    })
}

struct Frames<'a> {
    packets: Box<dyn Iterator<Item = &'a [u8]> + 'a>,
    /// Frames of the packet not decoded yet.
    rest: &'a [u8],
    /// Octets of speech bits by frame type.
    sizes: &'static [usize; 16],
    cut: bool,
}

impl<'a> Frames<'a> {
    /// The next frame: its type, its quality bit and its speech bits.
    fn next(&mut self) -> Option<(u8, bool, &'a [u8])> {
        loop {
            if let Some((&first, rest)) = self.rest.split_first() {
                let frame_type = (first >> 3) & 15;
                let Some((bits, rest)) = rest.split_at_checked(self.sizes[usize::from(frame_type)]) else {
                    self.cut = true;
                    self.rest = &[];
                    continue;
                };
                self.rest = rest;
                return Some((frame_type, first & 4 != 0, bits));
            }
            self.rest = self.packets.next()?;
        }
    }

    fn defects(&self, damage: &Damage) -> Vec<String> {
        let mut defects = damage.defects();
        if self.cut {
            defects.push("the last frame is cut short".into());
        }
        defects
    }
}

struct Narrow<'a> {
    frames: Frames<'a>,
    decoder: Box<amr_nb::Decoder>,
    damage: Damage,
}

impl Source for Narrow<'_> {
    fn read(&mut self, out: &mut Vec<i16>) -> Result<bool, MediaError> {
        let Some((frame_type, good, bits)) = self.frames.next() else { return Ok(false) };
        let coded = match (Mode::of(frame_type), frame_type) {
            (Some(mode), _) => Coded::Speech(mode, bits),
            (None, 8) => Coded::Noise(bits),
            _ => Coded::Nothing,
        };
        match frame_type {
            0..=8 | 15 => self.damage.good(),
            _ => self.damage.bad(format!("reserved frame type {frame_type}")),
        }
        out.extend_from_slice(&self.decoder.frame(coded, good));
        Ok(true)
    }

    fn defects(&self) -> Vec<String> {
        self.frames.defects(&self.damage)
    }
}

struct Wide<'a> {
    frames: Frames<'a>,
    decoder: AmrCodec,
    /// The mode of the last speech frame: what a lost one is taken for.
    mode: u8,
    damage: Damage,
}

impl Wide<'_> {
    fn frame(&mut self, frame_type: u8, quality_ok: bool, bits: &[u8]) -> CodedFrame {
        let kind = match frame_type {
            mode @ 0..=8 => {
                self.mode = mode;
                FrameKind::Speech
            }
            9 => FrameKind::ComfortNoise,
            14 => FrameKind::Lost,
            15 => FrameKind::NoData,
            _ => {
                self.damage.bad(format!("reserved frame type {frame_type}"));
                FrameKind::Lost
            }
        };
        CodedFrame { kind, mode: self.mode, quality_ok, data: bits.to_vec() }
    }
}

impl Source for Wide<'_> {
    fn read(&mut self, out: &mut Vec<i16>) -> Result<bool, MediaError> {
        let Some((frame_type, quality_ok, bits)) = self.frames.next() else { return Ok(false) };
        let frame = self.frame(frame_type, quality_ok, bits);
        match self.decoder.decode_frame(&frame) {
            Ok(samples) => {
                self.damage.good();
                out.extend_from_slice(&samples);
            }
            Err(error) => {
                self.damage.bad(error);
                out.resize(out.len() + self.decoder.frame_size(), 0);
            }
        }
        Ok(true)
    }

    fn defects(&self) -> Vec<String> {
        self.frames.defects(&self.damage)
    }
}

struct AmrEncoder {
    codec: Option<AmrCodec>,
    waiting: Vec<i16>,
    fault: Option<String>,
}

impl AmrEncoder {
    fn new() -> Self {
        match AmrCodec::new(&CodecConfig::amr_nb()) {
            Ok(codec) => AmrEncoder { codec: Some(codec), waiting: Vec::new(), fault: None },
            Err(error) => AmrEncoder { codec: None, waiting: Vec::new(), fault: Some(error.to_string()) },
        }
    }

    fn frame(&mut self, samples: &[i16], out: &mut Vec<u8>) {
        let Some(codec) = &mut self.codec else { return };
        match codec.encode(samples) {
            Ok(bits) => {
                // Not the last of a payload (F = 0), good quality (Q = 1).
                out.push(ENCODER_MODE << 3 | 4);
                out.extend_from_slice(&bits);
            }
            Err(error) => self.fault = Some(error.to_string()),
        }
    }
}

impl Encoder for AmrEncoder {
    fn encode(&mut self, samples: &[i16], out: &mut Vec<u8>) {
        let mut waiting = std::mem::take(&mut self.waiting);
        waiting.extend_from_slice(samples);
        let frames = waiting.chunks_exact(FRAME);
        let rest = frames.remainder().len();
        for frame in frames {
            self.frame(frame, out);
        }
        waiting.drain(..waiting.len() - rest);
        self.waiting = waiting;
    }

    fn finish(&mut self, out: &mut Vec<u8>) {
        if !self.waiting.is_empty() {
            let mut last = std::mem::take(&mut self.waiting);
            last.resize(FRAME, 0);
            self.frame(&last, out);
        }
    }

    fn fault(&self) -> Option<&str> {
        self.fault.as_deref()
    }
}
