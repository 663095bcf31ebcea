//! FLAC (RFC 9639), native or in Ogg.

use super::{Codec, packages};
use crate::media::MediaError;
use crate::media::audio::container::Stream;
use crate::media::audio::source::Opened;
use symphonia::core::codecs::CodecParameters;
use symphonia::core::codecs::audio::{AudioDecoder, AudioDecoderOptions};
use symphonia::core::errors::Error;
use symphonia::core::formats::{FormatOptions, FormatReader};
use symphonia::default::codecs::FlacDecoder;
use symphonia::default::formats::{FlacReader, OggReader};

/// `audio/flac`.
pub static FLAC: Codec =
    Codec { max_channels: 8, source: Some(open), ..Codec::new("flac", &["audio/flac", "audio/x-flac"]) };

fn open<'a>(stream: &Stream<'a>) -> Result<Opened<'a>, MediaError> {
    let (source, options) = (packages::stream(stream.data), FormatOptions::default());
    let reader: Result<Box<dyn FormatReader + 'a>, Error> = if stream.container == "ogg" {
        OggReader::try_new(source, options).map(|reader| Box::new(reader) as _)
    } else {
        FlacReader::try_new(source, options).map(|reader| Box::new(reader) as _)
    };
    packages::open("flac", reader, new)
}

fn new(parameters: &CodecParameters) -> Result<Box<dyn AudioDecoder>, Error> {
    match parameters {
        CodecParameters::Audio(audio) => {
            Ok(Box::new(FlacDecoder::try_new(audio, &AudioDecoderOptions::default())?))
        }
        _ => Err(Error::Unsupported("no audio")),
    }
}
