//! What the decoder finds out about its own output: background noise and voice (TS 26.073 `bgnscd.c`), and
//! what it does with it in lost frames (TS 26.091 6.2, `ex_ctrl.c`).

use super::arith::{div_s, high, l_mult, l_shl, l_shr, low, median, norm_s, shl};
use super::{Quality, SUBFRAME};

/// Frame energies that are looked back on.
const FRAMES: usize = 60;
/// Energies of a frame: too loud for noise, too soft for it, soft enough in any case.
const LOUD: i16 = 17_578;
const SOFT: i16 = 20;
const NOISE: i16 = 1_953;

/// Detector of background noise.
#[derive(Clone, Debug)]
pub struct Detector {
    /// Frame energies, the latest last.
    energies: [i16; FRAMES],
    /// Frames in a row that sound like noise, at most 30.
    noise_frames: i16,
    /// Pitch gains of the last nine subframes, Q14, the latest last.
    pitch_gains: [i16; 9],
    /// True while the background is noise.
    pub noise: bool,
    /// Frames since the last voiced one, at most 10.
    pub hangover: i16,
}

impl Detector {
    /// The initial state.
    pub fn new() -> Self {
        Detector { energies: [0; FRAMES], noise_frames: 0, pitch_gains: [0; 9], noise: false, hangover: 0 }
    }

    /// Takes in the pitch gain of a subframe that was received.
    pub fn pitch_gain(&mut self, gain: i16) {
        self.pitch_gains.copy_within(1.., 0);
        self.pitch_gains[8] = gain;
    }

    /// Takes in a frame by its energy (of [`super::arith::energy`]).
    pub fn frame(&mut self, energy: i32) {
        let energy = high(l_shl(energy, 2));
        let least = self.energies.iter().fold(i16::MAX, |least, &x| least.min(x));
        let most = |energies: &[i16]| energies.iter().fold(i16::MIN, |most, &x| most.max(x));
        let sounds_like_noise = most(&self.energies[..FRAMES - 4]) > SOFT
            && (SOFT + 1..LOUD).contains(&energy)
            && (energy < shl(least, 4) || most(&self.energies[2 * FRAMES / 3..]) < NOISE);
        self.noise_frames = if sounds_like_noise { (self.noise_frames + 1).min(30) } else { 0 };
        self.energies.copy_within(1.., 0);
        self.energies[FRAMES - 1] = energy;

        let limit = match self.noise_frames {
            16.. => 16_383,
            9.. => 15_565,
            _ => 13_926,
        };
        let [_, _, _, _, recent @ ..] = self.pitch_gains;
        let gain = if self.noise_frames > 20 { median(self.pitch_gains) } else { median::<5>(recent) };
        self.hangover = if gain > limit { 0 } else { (self.hangover + 1).min(10) };
        self.noise = self.noise_frames > 1;
    }
}

/// The loudness of the excitation over nine subframes, for [`Loudness::control`].
#[derive(Clone, Debug)]
pub struct Loudness([i16; 9]);

impl Loudness {
    /// The initial state.
    pub fn new() -> Self {
        Loudness([0; 9])
    }

    /// Takes in the loudness of a subframe.
    pub fn push(&mut self, loudness: i16) {
        self.0.copy_within(1.., 0);
        self.0[8] = loudness;
    }

    /// Raises an excitation that is softer than usual: losses in noise must not make holes.
    pub fn control(&self, excitation: &mut [i16; SUBFRAME], loudness: i16, quality: &Quality) {
        let usual = median(self.0);
        if loudness >= usual || loudness <= 5 {
            return;
        }
        let before = (self.0[7].saturating_add(self.0[8]) >> 1).min(self.0[8]);
        let mut most = shl(before, 2);
        if quality.hangover < 7 || quality.was_bad {
            most = most.saturating_sub(before);
        }
        let up = norm_s(loudness);
        let reciprocal = div_s(16_383, shl(loudness, up));
        let scale = low(l_shr(l_mult(usual.min(most), reciprocal), 20 - up).min(0x7FFF));
        for x in excitation {
            *x = low(l_mult(scale, *x) >> 11);
        }
    }
}
