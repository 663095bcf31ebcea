//! Sources made of a reader and a decoder of the symphonia package.
//!
//! Packets that cannot be decoded are left out and counted. Its readers bound what they allocate by
//! constants, not by sizes in the input (CAF and Matroska, which do not, are not compiled in).

use crate::media::MediaError;
use crate::media::audio::resample::to_16_bits;
use crate::media::audio::source::{Damage, Guarded, Opened, Source};
use std::io::Cursor;
use symphonia::core::codecs::CodecParameters;
use symphonia::core::codecs::audio::AudioDecoder;
use symphonia::core::errors::Error;
use symphonia::core::formats::{FormatReader, TrackType};
use symphonia::core::io::{MediaSourceStream, MediaSourceStreamOptions};
use symphonia::core::packet::Packet;

/// Packets that give no sample in a row before we stop believing in the rest.
const MAX_BARREN: u32 = 100_000;

/// The octets as the readers of the package want them.
pub fn stream(data: &[u8]) -> MediaSourceStream<'_> {
    MediaSourceStream::new(Box::new(Cursor::new(data)), MediaSourceStreamOptions::default())
}

/// An error of the package as one of ours.
pub fn error(format: &str, error: Error) -> MediaError {
    match error {
        Error::Unsupported(what) => MediaError::Unsupported(format!("{format}: {what}")),
        Error::IoError(_) => MediaError::malformed(format, "the bytes end too early"),
        other => MediaError::malformed(format, other.to_string()),
    }
}

/// Makes a decoder for the parameters a reader found.
pub type NewAudioDecoder = fn(&CodecParameters) -> Result<Box<dyn AudioDecoder>, Error>;

/// Where packets come from.
pub trait Packets {
    /// The next packet; `None` at the end.
    fn next(&mut self) -> Result<Option<Packet>, Error>;
}

struct Reader<'a> {
    format: Box<dyn FormatReader + 'a>,
    track: u32,
}

impl Packets for Reader<'_> {
    fn next(&mut self) -> Result<Option<Packet>, Error> {
        loop {
            match self.format.next_packet()? {
                Some(packet) if packet.track_id != self.track => {}
                packet => return Ok(packet),
            }
        }
    }
}

/// Opens the first audio track of a reader.
pub fn open<'a>(
    name: &'static str,
    format: Result<Box<dyn FormatReader + 'a>, Error>,
    decoder: NewAudioDecoder,
) -> Result<Opened<'a>, MediaError> {
    let format = format.map_err(|e| error(name, e))?;
    let track = format
        .default_track(TrackType::Audio)
        .ok_or_else(|| MediaError::malformed(name, "no audio track"))?;
    let parameters = track
        .codec_params
        .as_ref()
        .ok_or_else(|| MediaError::Unsupported(format!("{name}: codec of the track")))?;
    let decoder = decoder(parameters).map_err(|e| error(name, e))?;
    let track = track.id;
    open_packets(name, Box::new(Reader { format, track }), decoder)
}

/// Opens packets whose decoder is known. The first one that decodes tells the form.
pub fn open_packets<'a>(
    name: &'static str,
    packets: Box<dyn Packets + 'a>,
    decoder: Box<dyn AudioDecoder>,
) -> Result<Opened<'a>, MediaError> {
    let mut source = Decoding {
        name,
        packets,
        decoder,
        form: None,
        first: Vec::new(),
        samples: Vec::new(),
        barren: 0,
        damage: Damage::default(),
        defects: Vec::new(),
        ended: false,
    };
    let mut first = Vec::new();
    while source.form.is_none() && source.read(&mut first)? {}
    source.first = first;
    let Some((sample_rate_hz, channels)) = source.form else {
        let reason = source.defects().pop().unwrap_or_else(|| "no packets".into());
        return Err(MediaError::malformed(name, reason));
    };
    Ok(Opened { source: Guarded::new(name, Box::new(source)), sample_rate_hz, channels })
}

struct Decoding<'a> {
    name: &'static str,
    packets: Box<dyn Packets + 'a>,
    decoder: Box<dyn AudioDecoder>,
    /// Samples a second and channels of the packets so far.
    form: Option<(u32, u16)>,
    /// Samples of the packet that told the form.
    first: Vec<i16>,
    samples: Vec<f32>,
    barren: u32,
    damage: Damage,
    defects: Vec<String>,
    ended: bool,
}

impl Decoding<'_> {
    fn end(&mut self, defect: impl Into<String>) -> bool {
        self.defects.push(defect.into());
        self.ended = true;
        false
    }

    fn decode(&mut self, packet: &Packet, out: &mut Vec<i16>) -> Result<bool, MediaError> {
        let buffer = match self.decoder.decode(packet) {
            Ok(buffer) => buffer,
            Err(Error::DecodeError(reason)) => {
                self.damage.bad(reason);
                return Ok(true);
            }
            Err(Error::IoError(_)) => {
                self.damage.bad("cut short");
                return Ok(true);
            }
            Err(other) => return Err(error(self.name, other)),
        };
        self.damage.good();
        let spec = buffer.spec();
        let channels = u16::try_from(spec.channels().count()).unwrap_or(u16::MAX);
        let form = (spec.rate(), channels);
        if *self.form.get_or_insert(form) != form {
            return Ok(self.end("rate or channels change in the middle: the rest is left out"));
        }
        buffer.copy_to_vec_interleaved(&mut self.samples);
        out.extend(self.samples.iter().map(|&x| to_16_bits(x * 32_768.0)));
        Ok(true)
    }
}

impl Source for Decoding<'_> {
    fn read(&mut self, out: &mut Vec<i16>) -> Result<bool, MediaError> {
        if !self.first.is_empty() {
            out.append(&mut self.first);
            return Ok(true);
        }
        if self.ended {
            return Ok(false);
        }
        let packet = match self.packets.next() {
            Ok(Some(packet)) => packet,
            Ok(None) => return Ok(false),
            // The end of the bytes in the middle of a packet is told so.
            Err(Error::IoError(e)) if e.kind() == std::io::ErrorKind::UnexpectedEof => {
                self.ended = true;
                return Ok(false);
            }
            Err(other) => {
                let reason = error(self.name, other).to_string();
                return Ok(self.end(format!("the rest is left out: {reason}")));
            }
        };
        let before = out.len();
        let more = self.decode(&packet, out)?;
        self.barren = if out.len() == before { self.barren + 1 } else { 0 };
        if self.barren > MAX_BARREN {
            return Ok(self.end("too many packets without sound: the rest is left out"));
        }
        Ok(more)
    }

    fn defects(&self) -> Vec<String> {
        self.damage.defects().into_iter().chain(self.defects.iter().cloned()).collect()
    }
}
