//! The gains of a subframe (TS 26.090 5.8, 6.1) and what stands for them in lost frames (TS 26.091 6.2.2).

use super::arith::{
    energy, high, l_mac, l_mult, l_shl, l_shr, log2, log2_normal, low, median, mpy_32_16, mult, pow2, round,
    shl, split,
};
use super::innovation::Pulses;
use super::tables::gains::{CODE, HIGH_RATES, LOW_RATES, PITCH, RATE_475};
use super::{Mode, Quality};

/// Energies that the prediction looks back on.
const PAST: usize = 4;
/// The least energies: -14 dB, in decibels and as a binary logarithm, both Q10.
const LEAST_DB: i16 = -14_336;
const LEAST_LOG2: i16 = -2_381;

/// Gains of a subframe.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Gains {
    /// Of the adaptive codebook, Q14.
    pub pitch: i16,
    /// Of the fixed codebook, Q1.
    pub code: i16,
}

/// Moving average prediction of the code gain. Both scales are kept in every mode, as the next frame may be
/// of another.
#[derive(Clone, Debug)]
pub struct Prediction {
    /// Decibels, Q10, the latest first.
    decibels: [i16; PAST],
    /// Binary logarithms, Q10, the latest first.
    logarithms: [i16; PAST],
}

impl Prediction {
    /// The initial state.
    pub fn new() -> Self {
        Prediction { decibels: [LEAST_DB; PAST], logarithms: [LEAST_LOG2; PAST] }
    }

    /// The state after a comfort noise frame of a level (binary logarithm, Q11; TS 26.092 6.1).
    pub fn set_to_noise(&mut self, level: i16) {
        let decibels = (level >> 1).saturating_sub(9_000).clamp(-14_436, 0);
        self.decibels = [decibels; PAST];
        self.logarithms = [mult(5_443, decibels); PAST];
    }

    fn push(&mut self, logarithm: i16, decibels: i16) {
        self.decibels = [decibels, self.decibels[0], self.decibels[1], self.decibels[2]];
        self.logarithms = [logarithm, self.logarithms[0], self.logarithms[1], self.logarithms[2]];
    }

    /// For a lost frame: the mean of the past, at least the least.
    fn push_mean(&mut self) {
        let mean = |past: [i16; PAST]| mult(past.into_iter().fold(0i16, i16::saturating_add), 8_192);
        self.push(mean(self.logarithms).max(LEAST_LOG2), mean(self.decibels).max(LEAST_DB));
    }

    /// The predicted code gain as a power of two: whole part, fraction in Q15.
    fn predict(&self, mode: Mode, code: &Pulses) -> (i16, i16) {
        let energy = energy(code);
        if mode == Mode::M122 {
            // A fortieth of it; the logarithm's half, as Q17 is read for Q16.
            let (whole, fraction) = log2(l_mult(round(energy), 26_214));
            let measured = (i32::from(whole) - 30) * 65_536 + 2 * i32::from(fraction);
            let expected = self.logarithms.iter().zip([44, 37, 22, 12]);
            // 36 dB in Q17.
            let expected = expected.fold(783_741, |sum, (&past, factor)| l_mac(sum, past, factor));
            return split(expected.saturating_sub(measured) >> 1);
        }
        let shift = super::arith::norm_l(energy);
        let logarithm = log2_normal(energy << shift, shift);
        // The mean of the mode: 30, 28.75, 36 or 33 dB, with the length of a subframe and the scale, Q14.
        let (mean, scale) = match mode {
            Mode::M74 => (32_588, 32),
            Mode::M67 => (32_268, 32),
            Mode::M795 => (17_062, 64),
            _ => (16_678, 64),
        };
        let sum = l_shl(l_mac(mpy_32_16(logarithm, -24_660), mean, scale), 10);
        let past = self.decibels.iter().zip([5_571, 4_751, 2_785, 1_556]);
        let decibels = high(past.fold(sum, |sum, (&past, factor)| l_mac(sum, factor, past)));
        let to_logarithm = if mode == Mode::M74 { 5_439 } else { 5_443 };
        split(l_mult(decibels, to_logarithm) >> 8)
    }

    /// Both gains of one index: all modes but 7.95 and 12.2.
    pub fn joint(&mut self, mode: Mode, index: u16, subframe: usize, code: &Pulses) -> Gains {
        let entry = |book: &[i16]| book.as_chunks::<4>().0[usize::from(index) % (book.len() / 4)];
        let [pitch, factor, logarithm, decibels] = match mode {
            Mode::M475 => {
                let [first, second, third, fourth] = entry(&RATE_475);
                let [pitch, factor] = if subframe & 1 == 0 { [first, second] } else { [third, fourth] };
                let (whole, fraction) = log2(factor.into());
                let whole = whole - 12;
                let logarithm = ((fraction >> 5) + (fraction >> 4 & 1)).saturating_add(shl(whole, 10));
                [pitch, factor, logarithm, round(l_shl(mpy_32_16((whole, fraction), 24_660), 13))]
            }
            Mode::M515 | Mode::M59 => entry(&LOW_RATES),
            _ => entry(&HIGH_RATES),
        };
        let code = self.scaled(mode, factor, 10, code);
        self.push(logarithm, decibels);
        Gains { pitch, code }
    }

    /// The code gain of its own index: 7.95 and 12.2 kbit/s.
    pub fn scalar(&mut self, mode: Mode, index: u16, code: &Pulses) -> i16 {
        let [factor, logarithm, decibels] = CODE.as_chunks::<3>().0[usize::from(index) % (CODE.len() / 3)];
        let gain = if mode == Mode::M122 {
            let (whole, fraction) = self.predict(mode, code);
            shl(mult(shl(low(pow2(whole, fraction)), 4), factor), 1)
        } else {
            self.scaled(mode, factor, 9, code)
        };
        self.push(logarithm, decibels);
        gain
    }

    /// A factor times the predicted gain; `shift` tells of the factor's scale.
    fn scaled(&self, mode: Mode, factor: i16, shift: i32, code: &Pulses) -> i16 {
        let (whole, fraction) = self.predict(mode, code);
        high(l_shr(l_mult(factor, low(pow2(14, fraction))), shift - i32::from(whole)))
    }
}

/// The pitch gain of its own index, Q14: 7.95 and 12.2 kbit/s.
pub fn pitch(mode: Mode, index: u16) -> i16 {
    let gain = PITCH[usize::from(index) % PITCH.len()];
    if mode == Mode::M122 { gain & !3 } else { gain }
}

/// The last gains of one codebook, for lost frames.
#[derive(Clone, Debug)]
pub struct Recent {
    gains: [i16; 5],
    last: i16,
    last_good: i16,
    /// What is remembered is no more than this.
    most: i16,
    /// What is left of them by the number of lost frames, Q15.
    fades: &'static [i16; 7],
}

impl Recent {
    /// The initial state for pitch gains.
    pub fn pitch() -> Self {
        const FADES: [i16; 7] = [32_767, 32_112, 32_112, 26_214, 9_830, 6_553, 6_553];
        Recent { gains: [1_640; 5], last: 0, last_good: 16_384, most: 16_384, fades: &FADES }
    }

    /// The initial state for code gains.
    pub fn code() -> Self {
        const FADES: [i16; 7] = [32_767, 32_112, 32_112, 32_112, 32_112, 32_112, 22_937];
        Recent { gains: [1; 5], last: 0, last_good: 1, most: i16::MAX, fades: &FADES }
    }

    /// The gain of a lost subframe.
    fn faded(&self, lost: usize) -> i16 {
        mult(median(self.gains).min(self.last), self.fades[lost.min(6)])
    }

    /// Remembers a gain; the first good one after a lost frame may not exceed the last good one before.
    pub fn taken(&mut self, mut gain: i16, quality: &Quality) -> i16 {
        if !quality.bad {
            if quality.was_bad {
                gain = gain.min(self.last_good);
            }
            self.last_good = gain;
        }
        self.last = gain.min(self.most);
        self.gains.copy_within(1.., 0);
        self.gains[4] = self.last;
        gain
    }
}

/// Pitch gain of a lost subframe.
pub fn lost_pitch(recent: &Recent, lost: usize) -> i16 {
    recent.faded(lost)
}

/// Code gain of a lost subframe.
pub fn lost_code(recent: &Recent, prediction: &mut Prediction, lost: usize) -> i16 {
    prediction.push_mean();
    recent.faded(lost)
}
