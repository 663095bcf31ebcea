//! Discontinuous transmission: what a frame type means, and comfort noise (TS 26.092, TS 26.093).

use super::arith::{div_s, high, l_mac, l_mult, l_shl, l_shr_r, log2, low, mult, norm_l, pow2, round, shl};
use super::bits;
use super::innovation::Pulses;
use super::lpc::{Filter, filter};
use super::lsf::{Lines, ORDER, Spectrum, pairs, spread};
use super::synthesis::synthesize;
use super::tables::functions::{ACOS_SLOPE, COSINE, INITIAL_LSP};
use super::tables::lsf_three;
use super::{FRAME, Mode, Received, SUBFRAME};

/// Frames whose spectra and levels are looked back on.
const FRAMES: usize = 8;
/// Speech frames an encoder sends on before it is silent.
const HANGOVER: i16 = 7;

/// What the decoder does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// It decodes speech.
    Speech,
    /// It makes comfort noise.
    Noise,
    /// It makes comfort noise that fades, as no description came for long.
    Mute,
}

/// A frame of comfort noise before the post-filter.
pub struct Made {
    /// Its samples.
    pub speech: [i16; FRAME],
    /// Its filter.
    pub filter: Filter,
    /// Its LSF.
    pub lines: Lines,
    /// Level of a description, where the frame was one.
    pub level: Option<i16>,
}

/// What comfort noise needs to know.
#[derive(Clone, Debug)]
pub struct Noise {
    /// What the last frame was.
    pub state: State,
    since_description: i16,
    /// Reciprocal of the frames between the last two descriptions, Q14.
    period: i16,
    /// Level, log2 of the energy of a sample, Q11; that of the description before.
    level: i16,
    last_level: i16,
    lines: Lines,
    last_lines: Lines,
    /// The shift register of the pulses.
    register: u32,
    spectra: [Lines; FRAMES],
    levels: [i16; FRAMES],
    /// The latest of each.
    latest: usize,
    deviations: [Lines; FRAMES],
    /// Mean of half the prediction gain, log2, Q12.
    prediction_gain: i16,
    /// Correction of the level by mode, Q11.
    correction: i16,
    hangover: i16,
    /// Frames since the encoder last had to describe the noise anew.
    elapsed: i16,
    /// The last frames of speech were hangover: they are noise.
    analysed: bool,
    /// The frame is a description, and it has data.
    described: bool,
    has_data: bool,
    /// A description came since the start.
    ever: bool,
}

impl Noise {
    /// The initial state: noise.
    pub fn new() -> Self {
        Noise {
            state: State::Noise,
            since_description: 0,
            period: 1 << 13,
            level: 3_500,
            last_level: 3_500,
            lines: INITIAL_LSP,
            last_lines: INITIAL_LSP,
            register: 0x7081_6958,
            spectra: [lsf_three::MEAN; FRAMES],
            levels: [3_500; FRAMES],
            latest: 0,
            deviations: [[0; ORDER]; FRAMES],
            prediction_gain: 0,
            correction: 0,
            hangover: HANGOVER,
            elapsed: i16::MAX,
            analysed: false,
            described: false,
            has_data: false,
            ever: false,
        }
    }

    /// What is to be done with a frame (TS 26.093 5.2, `rx_dtx_handler`).
    pub fn receive(&mut self, received: Received) -> State {
        let description =
            matches!(received, Received::NoiseFirst | Received::NoiseUpdate | Received::NoiseBad);
        let goes_on =
            self.state != State::Speech && matches!(received, Received::Nothing | Received::SpeechBad);
        let state = if description || goes_on {
            self.since_description = self.since_description.saturating_add(1);
            let muted = self.state == State::Mute
                && matches!(received, Received::NoiseBad | Received::NoiseFirst | Received::Nothing);
            let late = received != Received::NoiseUpdate && self.since_description > 50;
            if muted || late { State::Mute } else { State::Noise }
        } else {
            self.since_description = 0;
            State::Speech
        };

        if !self.ever && received == Received::NoiseUpdate {
            self.elapsed = 0;
        }
        self.elapsed = self.elapsed.saturating_add(1);
        self.analysed = false;
        let encoder_speaks = match received {
            Received::NoiseFirst | Received::NoiseUpdate | Received::NoiseBad => false,
            Received::Nothing => state == State::Speech,
            Received::Speech | Received::SpeechBad => true,
        };
        if encoder_speaks {
            self.hangover = HANGOVER;
        } else if self.elapsed > 24 + HANGOVER - 1 {
            self.analysed = true;
            self.elapsed = 0;
            self.hangover = 0;
        } else if self.hangover == 0 {
            self.elapsed = 0;
        } else {
            self.hangover -= 1;
        }
        if state != State::Speech {
            self.described = description;
            self.has_data = received == Received::NoiseUpdate;
            self.analysed &= received != Received::NoiseBad;
        }
        state
    }

    /// Remembers a frame of speech by its LSF and its energy (of [`super::arith::energy`]).
    pub fn remember(&mut self, lines: &Lines, energy: i32) {
        let (whole, fraction) = log2(energy);
        let level = shl(whole, 10).saturating_add(fraction >> 5).saturating_sub(7_497 + 1_024);
        self.latest = (self.latest + 1) % FRAMES;
        self.spectra[self.latest] = *lines;
        self.levels[self.latest] = level;
    }

    /// A frame of comfort noise in a state of [`Noise::receive`]; `mode` is that of the speech around it.
    pub fn frame(&mut self, state: State, mode: Mode, description: &[u16; 5], memory: &mut Lines) -> Made {
        /// Correction of the level, Q11, by mode.
        const CORRECTIONS: [i16; 8] = [-1_023, -878, -732, -586, -440, -294, -148, 0];
        let correction = CORRECTIONS[mode as usize];
        if self.analysed && self.described {
            self.correction = correction;
            self.analyse();
        }
        if self.described {
            (self.last_lines, self.last_level) = (self.lines, self.level);
            if self.has_data {
                self.describe(description);
            }
        }
        let described = self.described.then_some(self.level);
        // A tenth of the way to the mode's.
        self.correction = mult(self.correction, 29_491).saturating_add(mult(shl(correction, 5), 3_277) >> 5);

        let (lines, level) = self.interpolated();
        let (lines, varied) = self.varied(&lines);
        let plain = filter(&pairs(&lines));
        let gain = self.gain(&plain, level);
        let varied = filter(&pairs(&varied));
        let mut speech = [0; FRAME];
        for speech in speech.as_chunks_mut::<SUBFRAME>().0 {
            let excitation = self.pulses().map(|pulse| mult(gain, pulse));
            synthesize(&varied, &excitation, memory, speech);
            memory.copy_from_slice(&speech[SUBFRAME - ORDER..]);
        }
        if state == State::Mute {
            self.fade();
        }
        if self.described && (self.has_data || self.analysed) {
            self.since_description = 0;
            self.ever = true;
        }
        Made { speech, filter: plain, lines, level: described }
    }

    /// The noise the last frames of speech were: the mean of their spectra and levels, and how they vary.
    fn analyse(&mut self) {
        let oldest = (self.latest + 1) % FRAMES;
        self.spectra[oldest] = self.spectra[self.latest];
        self.levels[oldest] = self.levels[self.latest];
        let eighth = |level: i16| level >> 3;
        let level = self.levels.iter().fold(0i16, |sum, &level| sum.saturating_add(eighth(level)));
        let mean: Lines = std::array::from_fn(|k| {
            (self.spectra.iter().map(|lines| i32::from(lines[k])).sum::<i32>() >> 3) as i16
        });
        self.lines = pairs(&mean);
        self.level = level.saturating_sub(self.correction);
        /// How much of a line's deviation is used, Q15.
        const PARTS: Lines = [20_000, 20_000, 20_000, 20_000, 20_000, 18_000, 16_384, 8_192, 0, 0];
        for (deviations, lines) in self.deviations.iter_mut().zip(&self.spectra) {
            for k in 0..ORDER {
                let deviation = mult(lines[k].saturating_sub(mean[k]), PARTS[k]);
                let size = match deviation.saturating_abs() {
                    size @ ..=655 => size,
                    size => (655 + ((size - 655) >> 2)).min(1_310),
                };
                deviations[k] = if deviation < 0 { -size } else { size };
            }
        }
    }

    /// Takes in a description.
    fn describe(&mut self, &[start, lines @ .., level]: &[u16; 5]) {
        let span = self.since_description.min(32);
        self.since_description = 0;
        self.period = if span >= 2 { div_s(1 << 10, shl(span, 10)) } else { 1 << 14 };
        self.lines = Spectrum::of_noise(start).noise(&lines);
        self.level = match level & 63 {
            0 => i16::MIN,
            level => shl(level as i16, 9).saturating_sub(2_560 * 2),
        };
        if !self.ever || self.state == State::Speech {
            (self.last_lines, self.last_level) = (self.lines, self.level);
        }
    }

    /// LSP and level (Q26) between the last two descriptions.
    fn interpolated(&self) -> (Lines, i32) {
        let elapsed = shl(self.since_description.saturating_add(1), 10);
        let now = mult(elapsed, self.period).min(1_024) << 4;
        let before = 16_384 - now;
        let level = l_mac(l_mult(now, self.level), before, self.last_level);
        let line = |k: usize| mult(now, self.lines[k]).saturating_add(mult(before, self.last_lines[k]));
        (std::array::from_fn(|k| shl(line(k), 1)), level)
    }

    /// The LSF of LSP, and the same with one of the eight deviations, the less the stronger the prediction.
    fn varied(&mut self, pairs: &Lines) -> (Lines, Lines) {
        let part = 4_096i16.saturating_sub(mult(self.prediction_gain.saturating_sub(2_457), 9_830));
        let part = shl(part.clamp(0, 4_096), 3);
        let deviation = self.deviations[self.random(3)];
        let mut lines = frequencies(pairs);
        let mut varied = std::array::from_fn(|k| lines[k].saturating_add(mult(part, deviation[k])));
        spread(&mut lines);
        spread(&mut varied);
        (lines, varied)
    }

    /// Gain of the pulses for a level, less what the filter adds.
    fn gain(&mut self, filter: &Filter, level: i32) -> i16 {
        let rest = reflections(filter).iter().fold(i16::MAX, |rest, &k| mult(rest, i16::MAX - mult(k, k)));
        let (whole, fraction) = log2(rest.into());
        let logarithm = shl(whole - 15, 12).saturating_add(fraction >> 3);
        let prediction_gain = 0i16.saturating_sub(logarithm) >> 1;
        self.prediction_gain =
            mult(29_491, self.prediction_gain).saturating_add(mult(3_277, prediction_gain));
        let level = (level >> 10)
            .saturating_add(4 << 16)
            .saturating_sub(i32::from(prediction_gain) << 4)
            .saturating_add(i32::from(self.correction) << 5);
        low(pow2(high(level), low((level & 0xFFFF) >> 1)))
    }

    /// Lets the noise fade by 0.75 dB, from where it is.
    fn fade(&mut self) {
        let span = match self.since_description.min(32) {
            ..=0 => 8,
            span => span,
        };
        self.period = div_s(1 << 10, shl(span, 10));
        self.since_description = 0;
        (self.last_lines, self.last_level) = (self.lines, self.level);
        self.level = self.level.saturating_sub(256);
    }

    /// Some bits of the shift register (x^31 + x^3 + 1, TS 26.073 `pseudonoise`).
    fn random(&mut self, bits: u32) -> usize {
        (0..bits).fold(0, |random, _| {
            let bit = self.register & 1;
            let new = bit ^ (self.register >> 28 & 1);
            self.register = self.register >> 1 | new << 30;
            random << 1 | bit as usize
        })
    }

    /// Ten pulses, one in each of ten tracks.
    fn pulses(&mut self) -> Pulses {
        let mut pulses = [0; SUBFRAME];
        for track in 0..10 {
            let place = 10 * self.random(2) + track;
            pulses[place] = if self.random(1) == 1 { 4_096 } else { -4_096 };
        }
        pulses
    }
}

/// LSP to LSF, by straight lines.
fn frequencies(pairs: &Lines) -> Lines {
    let mut at = COSINE.len() - 2;
    let mut lines = [0; ORDER];
    for (line, &pair) in lines.iter_mut().zip(pairs).rev() {
        while at > 0 && COSINE[at] < pair {
            at -= 1;
        }
        let fine = round(l_shl(l_mult(pair.saturating_sub(COSINE[at]), ACOS_SLOPE[at]), 3));
        *line = fine.saturating_add(shl(at as i16, 8));
    }
    lines
}

/// Reflection coefficients, Q15; all zero where the filter is not stable.
fn reflections(filter: &Filter) -> Lines {
    let mut reflections = [0; ORDER];
    let mut a = [0; ORDER];
    a.copy_from_slice(&filter[1..]);
    for k in (0..ORDER).rev() {
        if a[k].saturating_abs() >= 4_096 {
            return [0; ORDER];
        }
        reflections[k] = shl(a[k], 3);
        let rest = i32::MAX.saturating_sub(l_mult(reflections[k], reflections[k]));
        let up = norm_l(rest);
        let reciprocal = div_s(16_384, round(l_shl(rest, up)));
        let last = a;
        for j in 0..k {
            let sum = (i32::from(last[j]) << 16).saturating_sub(l_mult(reflections[k], last[k - 1 - j]));
            let next = l_shr_r(l_mult(reciprocal, round(sum)), 15 - up);
            match i16::try_from(next) {
                Ok(next) if next != i16::MIN => a[j] = next,
                _ => return [0; ORDER],
            }
        }
    }
    reflections
}

/// Parameters for a frame that did not come: noise from a table, by a number that goes on with each such
/// frame (TS 26.091 6.1, `build_CN_param`).
pub fn made_up(mode: Mode, seed: &mut i16) -> [u16; bits::MOST] {
    use super::tables::functions::WINDOW;
    *seed = low(i32::from(*seed) * 31_821 + 13_849);
    let from = usize::from(seed.cast_unsigned() & 0x7F);
    let mut parameters = [0; bits::MOST];
    for ((parameter, &value), &width) in parameters.iter_mut().zip(&WINDOW[from..]).zip(bits::widths(mode)) {
        *parameter = value.cast_unsigned() & ((1 << width) - 1);
    }
    parameters
}
