//! Smoothing of the code gain where the spectrum is steady, as in background noise (TS 26.090 6.1, in TS
//! 26.073 `c_g_aver.c`), and the running mean of the spectrum it compares with.

use super::arith::{div_s, l_mac, l_msu, l_mult, l_shl, norm_s, round, shl, shr};
use super::lsf::{Lines, ORDER};
use super::tables::lsf_five;
use super::{Mode, Quality};

/// A difference of spectra beyond which speech is taken to change, Q13.
const CHANGE: i16 = 5_325;

/// Running mean of the LSF.
#[derive(Clone, Debug)]
pub struct MeanSpectrum(pub Lines);

impl MeanSpectrum {
    /// The initial state.
    pub fn new() -> Self {
        MeanSpectrum(lsf_five::MEAN)
    }

    /// Takes in a frame with a weight of 0.16.
    pub fn update(&mut self, lines: &Lines) {
        for (mean, &line) in self.0.iter_mut().zip(lines) {
            let rest = l_msu(i32::from(*mean) << 16, 5_243, *mean);
            *mean = round(l_mac(rest, 5_243, line));
        }
    }
}

/// State of the smoothing.
#[derive(Clone, Debug)]
pub struct Smoothing {
    /// The last code gains, Q1, the latest last.
    gains: [i16; 7],
    /// Subframes in a row with a change of spectrum.
    changing: i16,
    /// Subframes since the last long change.
    steady: i16,
}

impl Smoothing {
    /// The initial state.
    pub fn new() -> Self {
        Smoothing { gains: [0; 7], changing: 0, steady: 0 }
    }

    /// The state after a comfort noise frame.
    pub fn after_noise() -> Self {
        Smoothing { changing: 20, ..Self::new() }
    }

    /// The gain to use, Q1, in the modes that smooth; in all the state goes on.
    pub fn smoothed(&mut self, mode: Mode, gain: i16, lines: &Lines, mean: &Lines, quality: &Quality) -> i16 {
        self.gains.copy_within(1.., 0);
        self.gains[6] = gain;
        let difference = difference(lines, mean);
        self.changing = if difference > CHANGE { self.changing.saturating_add(1) } else { 0 };
        if self.changing > 10 {
            self.steady = 0;
        }
        let mixed = if mode <= Mode::M67 || mode == Mode::M102 {
            self.mixed(mode, gain, difference, quality)
        } else {
            gain
        };
        self.steady = self.steady.saturating_add(1);
        mixed
    }

    /// The gain and the mean of the last ones, the more of the mean the steadier the spectrum.
    fn mixed(&self, mode: Mode, gain: i16, difference: i16, quality: &Quality) -> i16 {
        let noise_with_losses = (quality.bad || quality.was_bad) && quality.noise && mode <= Mode::M59;
        let threshold = if noise_with_losses && quality.hangover > 1 { 4_506 } else { 3_277 };
        // Q13.
        let own = if self.steady < 40 || difference > CHANGE {
            8_192
        } else {
            match difference.saturating_sub(threshold).max(0) {
                excess @ 0..=2_048 => shl(excess, 2),
                _ => 8_192,
            }
        };
        let mean =
            |gains: &[i16], part: i16| round(gains.iter().fold(0, |sum, &gain| l_mac(sum, part, gain)));
        let mean = if noise_with_losses { mean(&self.gains, 4_681) } else { mean(&self.gains[2..], 6_554) };
        round(l_shl(l_msu(l_mac(l_mult(own, gain), 8_192, mean), own, mean), 2))
    }
}

/// The sum of the relative differences of ten lines, Q13.
fn difference(lines: &Lines, mean: &Lines) -> i16 {
    (0..ORDER).fold(0i16, |sum, k| {
        let apart = mean[k].saturating_sub(lines[k]).saturating_abs();
        let up = norm_s(apart) - 1;
        let mean_up = norm_s(mean[k]);
        let ratio = div_s(shl(apart, up), shl(mean[k], mean_up));
        sum.saturating_add(shr(ratio, 2 + up - mean_up))
    })
}
