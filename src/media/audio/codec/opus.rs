//! Opus (RFC 6716) in Ogg (RFC 7845), decoded straight to 8000 samples a second.
//!
//! What we write is one channel at about 16 kbit/s, narrow band speech. Pre-skip and the last granule
//! position say exactly which samples are ours, so that nothing is added or lost at either end. Reading
//! ends at the first page that is damaged: what came before is kept.

use super::{Codec, Encoder};
use crate::media::MediaError;
use crate::media::audio::container::Stream;
use crate::media::audio::source::{Damage, Guarded, Opened, Source};
use opus_pure::{
    Application, Error, MAX_PACKET_BYTES, OggOpusReader, OggOpusWriter, OggPacket, OpusDecoder, OpusEncoder,
    OpusHead, OpusTags, Trim,
};

/// `audio/ogg;codecs=opus`.
pub static OPUS: Codec = Codec {
    max_channels: 2,
    source: Some(open),
    encoder: Some(|_| Box::new(OpusWriter::new())),
    ..Codec::new("opus", &["audio/opus"])
};

const RATE_HZ: i32 = 8_000;
/// Samples of 20 ms.
const FRAME_SAMPLES: usize = 160;
/// A packet holds at most 120 ms (RFC 6716 3.2.5).
const MAX_PACKET_SAMPLES: usize = 6 * FRAME_SAMPLES;
const BITS_A_SECOND: i32 = 16_000;
/// Of 0 to 10: what more would find is not heard in speech of this band.
const COMPLEXITY: i32 = 5;
/// Units of a granule position in one of our samples.
const TICKS: u64 = 6;

fn open<'a>(stream: &Stream<'a>) -> Result<Opened<'a>, MediaError> {
    let failed = |error: Error| MediaError::malformed("opus", error.to_string());
    let reader = OggOpusReader::new(stream.data).map_err(failed)?;
    let head = reader.head();
    if head.mapping_family != 0 {
        return Err(MediaError::Unsupported("opus of more than two channels".into()));
    }
    let channels = head.channel_count;
    let decoder = head.decoder(RATE_HZ).map_err(failed)?;
    let trim = Trim::new(head, RATE_HZ, channels.into()).map_err(failed)?;
    let packets = Packets {
        pcm: vec![0; MAX_PACKET_SAMPLES * usize::from(channels)],
        channels: channels.into(),
        packet: OggPacket::default(),
        reader,
        decoder,
        trim,
        damage: Damage::default(),
        end: None,
    };
    Ok(Opened {
        source: Guarded::new("opus", Box::new(packets)),
        sample_rate_hz: RATE_HZ as u32,
        channels: channels.into(),
    })
}

struct Packets<'a> {
    reader: OggOpusReader<&'a [u8]>,
    packet: OggPacket,
    decoder: OpusDecoder,
    trim: Trim,
    pcm: Vec<i16>,
    channels: usize,
    damage: Damage,
    /// Why nothing more is read.
    end: Option<String>,
}

impl Source for Packets<'_> {
    fn read(&mut self, out: &mut Vec<i16>) -> Result<bool, MediaError> {
        if self.end.is_some() {
            return Ok(false);
        }
        match self.reader.read_packet_into(&mut self.packet) {
            Ok(true) => {}
            Ok(false) => return Ok(false),
            Err(error) => {
                self.end = Some(format!("the rest is left out: {error}"));
                return Ok(false);
            }
        }
        match self.decoder.decode_s16(&self.packet.data, MAX_PACKET_SAMPLES, &mut self.pcm) {
            Ok(samples) => {
                self.damage.good();
                let decoded = self.pcm.get(..samples * self.channels).unwrap_or_default();
                out.extend_from_slice(self.trim.keep(&self.packet, decoded));
            }
            Err(error) => self.damage.bad(error),
        }
        Ok(true)
    }

    fn defects(&self) -> Vec<String> {
        self.damage.defects().into_iter().chain(self.end.clone()).collect()
    }
}

struct Open {
    encoder: OpusEncoder,
    writer: OggOpusWriter<Vec<u8>>,
    pre_skip: u64,
}

struct OpusWriter {
    open: Option<Open>,
    waiting: Vec<i16>,
    samples: u64,
    fault: Option<String>,
}

impl OpusWriter {
    fn new() -> Self {
        let (open, fault) = match Self::open() {
            Ok(open) => (Some(open), None),
            Err(error) => (None, Some(error.to_string())),
        };
        OpusWriter { open, waiting: Vec::new(), samples: 0, fault }
    }

    fn open() -> Result<Open, Error> {
        let mut encoder = OpusEncoder::new(RATE_HZ, 1, Application::Voip)?;
        encoder.bitrate_bps = BITS_A_SECOND;
        encoder.complexity = COMPLEXITY;
        let head = OpusHead::for_encoder(&encoder, RATE_HZ as u32);
        let pre_skip = u64::from(head.pre_skip);
        let writer = OggOpusWriter::with_tags(Vec::new(), head, OpusTags::new())?;
        Ok(Open { encoder, writer, pre_skip })
    }

    /// Codes whole frames; of what is left at the end, silence fills the last frame and drives the delay
    /// of the encoder out.
    fn frames(&mut self, last: bool, out: &mut Vec<u8>) -> Result<(), Error> {
        let Some(open) = &mut self.open else { return Ok(()) };
        if last {
            let delay = usize::try_from(open.pre_skip.div_ceil(TICKS)).unwrap_or_default();
            let wanted = (self.waiting.len() + delay).next_multiple_of(FRAME_SAMPLES);
            self.waiting.resize(wanted, 0);
        }
        let mut packet = [0; MAX_PACKET_BYTES];
        let frames = self.waiting.len() / FRAME_SAMPLES;
        for (k, frame) in self.waiting.chunks_exact(FRAME_SAMPLES).enumerate() {
            let bytes = open.encoder.encode_s16(frame, FRAME_SAMPLES, &mut packet)?;
            let coded = packet.get(..bytes).unwrap_or_default();
            if last && k + 1 == frames {
                let end = open.pre_skip + self.samples * TICKS;
                let ticks = end.saturating_sub(open.writer.granule().cast_unsigned());
                open.writer.write_packet_with_duration(coded, u32::try_from(ticks).unwrap_or_default())?;
            } else {
                open.writer.write_packet(coded)?;
            }
        }
        self.waiting.drain(..frames * FRAME_SAMPLES);
        if let Some(pages) = open.writer.get_mut() {
            out.append(pages);
        }
        Ok(())
    }
}

impl Encoder for OpusWriter {
    fn encode(&mut self, samples: &[i16], out: &mut Vec<u8>) {
        self.waiting.extend_from_slice(samples);
        self.samples += samples.len() as u64;
        if let Err(error) = self.frames(false, out) {
            self.fault = Some(error.to_string());
        }
    }

    fn finish(&mut self, out: &mut Vec<u8>) {
        let done = self.frames(true, out);
        let rest = self.open.take().map(|open| open.writer.finish());
        match (done, rest) {
            (Ok(()), Some(Ok(pages))) => out.extend_from_slice(&pages),
            (Err(error), _) | (_, Some(Err(error))) => self.fault = Some(error.to_string()),
            (Ok(()), None) => {}
        }
    }

    fn fault(&self) -> Option<&str> {
        self.fault.as_deref()
    }
}
