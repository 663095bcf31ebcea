//! Changes of the sound itself, on linear samples of one channel at 8000 a second: level, silence at the
//! ends, joining. Everything takes samples in pieces of any size and keeps a fixed amount of memory.

pub mod dtmf;
pub mod gaps;
pub mod join;
pub mod loudness;
pub mod peak;
pub mod treat;

/// Samples a second.
const RATE_HZ: u64 = super::resample::RATE_HZ as u64;
/// Samples of a fade: 5 ms, long enough that nothing clicks, short enough not to be heard.
pub(super) const FADE: usize = 40;

/// Gain of sample `k` of a fade in: half a period of a cosine.
pub(super) fn fade_in(k: usize) -> f32 {
    let phase = (k as f32 + 0.5) / FADE as f32;
    (1.0 - (std::f32::consts::PI * phase.min(1.0)).cos()) / 2.0
}

/// A sample times a gain, limited to 16 bits.
pub(super) fn scaled(sample: i16, gain: f32) -> i16 {
    // `as` limits.
    (f32::from(sample) * gain).round() as i16
}
