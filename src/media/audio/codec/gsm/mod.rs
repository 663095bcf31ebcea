//! GSM 06.10 full rate, 13 kbit/s, in frames of 20 ms: bit exact with the arithmetic of the standard.
//!
//! Two forms are in use. A `.gsm` file is a run of frames of 33 octets that begin with the nibble 0xD.
//! WAVE (tag 0x31, "WAV49") puts two frames, with their bits in the other order and without the nibble,
//! into blocks of 65 octets. Both carry the same parameters, so one becomes the other without loss.

mod arith;
mod decode;
mod encode;
mod frame;

use super::{Codec, Decoder, Encoder, Transcoder};
use arith::FRAME;
use decode::Synthesis;
use encode::Analysis;
use frame::{BLOCK_BYTES, FRAME_BYTES, Frame};

/// GSM 06.10 in frames of 33 octets.
pub static GSM: Codec = Codec {
    media_types: &["audio/gsm", "audio/x-gsm"],
    unit_bytes: FRAME_BYTES,
    unit_samples: FRAME,
    ..codec("gsm")
};
/// GSM 06.10 in WAVE blocks of 65 octets ("WAV49").
pub static GSM_MS: Codec =
    Codec { wav_tag: Some(0x31), unit_bytes: BLOCK_BYTES, unit_samples: 2 * FRAME, ..codec("gsm-ms") };

const fn codec(name: &'static str) -> Codec {
    Codec {
        max_channels: 1,
        decoder: Some(|codec| Box::new(GsmDecoder { form: Form::of(codec), synthesis: Synthesis::new() })),
        encoder: Some(|codec| Box::new(GsmEncoder::new(Form::of(codec)))),
        direct: Some(direct),
        ..Codec::new(name, &[])
    }
}

/// True for a frame with its mark; the last frame of a body may be cut.
pub fn is_frame(octets: &[u8]) -> bool {
    octets.first().is_some_and(|octet| octet >> 4 == frame::SIGNATURE)
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    Frames,
    Blocks,
}

impl Form {
    fn of(codec: &Codec) -> Form {
        if codec.unit_bytes == BLOCK_BYTES { Form::Blocks } else { Form::Frames }
    }

    /// Calls `each` with the frames of whole units; `None` is a frame without its mark.
    fn read(self, input: &[u8], mut each: impl FnMut(Option<Frame>)) {
        match self {
            Form::Frames => input.as_chunks().0.iter().for_each(|octets| each(Frame::read(octets))),
            Form::Blocks => {
                for octets in input.as_chunks().0 {
                    Frame::read_block(octets).into_iter().for_each(|frame| each(Some(frame)));
                }
            }
        }
    }

    /// Appends a frame. A block needs two: the first is `held` until then.
    fn write(self, frame: Frame, held: &mut Option<Frame>, out: &mut Vec<u8>) {
        match (self, held.take()) {
            (Form::Frames, _) => frame.write(out),
            (Form::Blocks, Some(first)) => Frame::write_block(&[first, frame], out),
            (Form::Blocks, None) => *held = Some(frame),
        }
    }
}

struct GsmDecoder {
    form: Form,
    synthesis: Synthesis,
}

impl Decoder for GsmDecoder {
    /// A frame without its mark is silence: what else it holds is noise at full level.
    fn decode(&mut self, input: &[u8], out: &mut Vec<i16>) {
        self.form.read(input, |frame| match frame {
            Some(frame) => out.extend_from_slice(&self.synthesis.frame(&frame)),
            None => out.extend_from_slice(&[0; FRAME]),
        });
    }
}

struct GsmEncoder {
    form: Form,
    analysis: Analysis,
    /// Samples that do not fill a frame yet.
    pending: Vec<i16>,
    held: Option<Frame>,
}

impl GsmEncoder {
    fn new(form: Form) -> Self {
        GsmEncoder { form, analysis: Analysis::new(), pending: Vec::with_capacity(FRAME), held: None }
    }

    fn code(&mut self, samples: &[i16; FRAME], out: &mut Vec<u8>) {
        let frame = self.analysis.frame(samples);
        self.form.write(frame, &mut self.held, out);
    }
}

impl Encoder for GsmEncoder {
    fn encode(&mut self, mut samples: &[i16], out: &mut Vec<u8>) {
        if !self.pending.is_empty() {
            let (ahead, rest) = samples.split_at(samples.len().min(FRAME - self.pending.len()));
            self.pending.extend_from_slice(ahead);
            samples = rest;
            let pending = std::mem::take(&mut self.pending);
            match pending.first_chunk() {
                Some(frame) => self.code(frame, out),
                None => self.pending = pending,
            }
        }
        let (frames, rest) = samples.as_chunks();
        frames.iter().for_each(|frame| self.code(frame, out));
        self.pending.extend_from_slice(rest);
    }

    /// Silence up to a whole frame or block.
    fn finish(&mut self, out: &mut Vec<u8>) {
        let missing = if self.pending.is_empty() { 0 } else { FRAME - self.pending.len() };
        self.encode(&[0; FRAME][..missing], out);
        if self.held.is_some() {
            self.code(&[0; FRAME], out);
        }
    }
}

/// The way between the two forms.
fn direct(source: &Codec, target: &Codec) -> Option<Box<dyn Transcoder>> {
    let ours = [&GSM, &GSM_MS].iter().any(|codec| codec.name == target.name);
    ours.then(|| -> Box<dyn Transcoder> {
        Box::new(Repacker { from: Form::of(source), to: Form::of(target), held: None })
    })
}

/// A frame that decodes to silence.
fn silence() -> Frame {
    Analysis::new().frame(&[0; FRAME])
}

struct Repacker {
    from: Form,
    to: Form,
    held: Option<Frame>,
}

impl Transcoder for Repacker {
    /// A frame without its mark becomes silence.
    fn transcode(&mut self, input: &[u8], out: &mut Vec<u8>) {
        self.from.read(input, |frame| self.to.write(frame.unwrap_or_else(silence), &mut self.held, out));
    }

    fn finish(&mut self, out: &mut Vec<u8>) {
        if self.held.is_some() {
            self.to.write(silence(), &mut self.held, out);
        }
    }
}

#[cfg(test)]
mod tests;
