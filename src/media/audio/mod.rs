//! Audio bodies: containers apart from codecs, linear samples between them.

use super::{MediaError, Output};
use crate::limits::{Budget, Limits};
use mime::Mime;
use serde::{Deserialize, Serialize};

/// What the bytes of an audio body are.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AudioFacts {
    /// Container found: `raw`, `wav`, `au`, `amr`, `mp3`, `ogg`...
    pub container: String,
    /// Codec found: `g726-32`, `pcmu`, `pcma`, `pcm-s16`, `gsm`...
    pub codec: String,
    /// Samples a second of one channel; 0 where the bytes do not tell.
    pub sample_rate_hz: u32,
    /// Channels.
    pub channels: u16,
    /// Samples of one channel; `None` where the codec is recognised but not decoded.
    pub samples: Option<u64>,
    /// Root mean square level in dB of full scale; `None` for silence or where not decoded.
    pub rms_dbfs: Option<f32>,
    /// Highest sample in dB of full scale; `None` for silence or where not decoded.
    pub peak_dbfs: Option<f32>,
    /// For headerless G.726-32: which nibble order the bytes decode to speech in.
    pub nibble_order: Option<NibbleOrder>,
    /// Damage that was read around (lying sizes, trailing bytes...), in words.
    pub defects: Vec<String>,
}

impl AudioFacts {
    /// Length in seconds.
    pub fn duration_s(&self) -> Option<f64> {
        match (self.samples, self.sample_rate_hz) {
            (Some(samples), rate) if rate > 0 => Some(samples as f64 / f64::from(rate)),
            _ => None,
        }
    }
}

/// Verdict on the order of the code words in audio/32KADPCM, from decoding both ways.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct NibbleOrder {
    /// First code word in the high nibble: the wrong order for RFC 3802 section 3.2.
    pub swapped: bool,
    /// 0 (cannot tell, e.g. silence) to 1 (certain).
    pub confidence: f32,
}

/// Says what the bytes are.
pub fn inspect(
    _declared: &Mime,
    _input: &[u8],
    _limits: &Limits,
    _budget: &mut Budget,
) -> Result<AudioFacts, MediaError> {
    Err(MediaError::Unsupported("audio".into()))
}

/// Converts an audio body to the media type `target`.
pub fn convert(
    _declared: &Mime,
    _target: &Mime,
    _input: &[u8],
    _limits: &Limits,
    _budget: &mut Budget,
) -> Result<Output, MediaError> {
    Err(MediaError::Unsupported("audio".into()))
}
