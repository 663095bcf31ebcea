//! AMR narrow band decoder: 3GPP TS 26.090, 26.091 (lost frames), 26.092 (comfort noise) and 26.093
//! (silence), to the bit of the fixed-point description in TS 26.073.
//!
//! One file a stage. Where the standard saturates after every addition, the hot loops run on plain integers
//! and show afterwards, by the largest sample, that nothing could have saturated; else they run again as the
//! standard has it.
//!
//! A homing frame, with which test equipment begins (TS 26.071), is decoded as the speech it also is.

mod arith;
mod background;
mod bits;
mod decoder;
mod dispersion;
mod gain;
mod innovation;
mod lpc;
mod lsf;
mod noise;
mod pitch;
mod postfilter;
mod smooth;
mod synthesis;
mod tables;
#[cfg(test)]
mod tests;

pub use decoder::Decoder;

/// Samples of a frame: 20 ms.
pub const FRAME: usize = 160;
/// Samples of a subframe.
const SUBFRAME: usize = 40;
/// Speech modes, by their rates in kbit/s.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Mode {
    /// 4.75.
    M475,
    /// 5.15.
    M515,
    /// 5.90.
    M59,
    /// 6.70.
    M67,
    /// 7.40.
    M74,
    /// 7.95.
    M795,
    /// 10.2.
    M102,
    /// 12.2.
    M122,
}

impl Mode {
    /// The mode of a frame type, 0 to 7.
    pub fn of(frame_type: u8) -> Option<Self> {
        const MODES: [Mode; 8] =
            [Mode::M475, Mode::M515, Mode::M59, Mode::M67, Mode::M74, Mode::M795, Mode::M102, Mode::M122];
        MODES.get(usize::from(frame_type)).copied()
    }
}

/// What came (TS 26.093 table 1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Received {
    Speech,
    SpeechBad,
    NoiseFirst,
    NoiseUpdate,
    NoiseBad,
    Nothing,
}

/// A frame of the storage format.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Coded<'a> {
    /// Speech bits in the order of TS 26.101.
    Speech(Mode, &'a [u8]),
    /// Comfort noise bits.
    Noise(&'a [u8]),
    /// No data; or a frame that was lost, which is the same.
    Nothing,
}

/// What a subframe's gains are judged by.
#[derive(Clone, Copy, Debug)]
struct Quality {
    /// The frame is lost.
    bad: bool,
    /// The one before was.
    was_bad: bool,
    /// The background is noise.
    noise: bool,
    /// Frames since the last voiced one.
    hangover: i16,
}
