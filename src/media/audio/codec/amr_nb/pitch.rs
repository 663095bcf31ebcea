//! The adaptive codebook: lags and the past excitation (TS 26.090 5.6.1, 6.1).

use super::arith::{clamp, l_mult, mult, peak, round};
use super::tables::functions::INTERPOLATION;
use super::{Mode, SUBFRAME};

/// Longest lag.
pub const LONGEST: i16 = 143;
/// Samples before and after the lag that the interpolation reads, each side with its centre.
const SIDE: usize = 10;
/// Samples of history.
const HISTORY: usize = LONGEST as usize + SIDE + 1;
/// Magnitude of samples up to which no sum of the interpolation can saturate: the coefficients of each of the
/// six phases have magnitudes of less than 1.9 in all.
const SAFE: i32 = 17_000;

/// A lag: whole samples, and sixths of a sample from -3 to 3.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lag {
    /// Whole samples, 17 to 144.
    pub whole: i16,
    /// Sixths of a sample.
    pub sixths: i16,
}

impl Lag {
    /// A lag of whole samples.
    pub fn of(whole: i16) -> Self {
        Lag { whole, sixths: 0 }
    }
}

/// True where a subframe's lag is coded relative to the one before.
pub fn is_relative(mode: Mode, subframe: usize) -> bool {
    match subframe {
        0 => false,
        2 => mode <= Mode::M515,
        _ => true,
    }
}

/// The lag of an index; `last` is that of the subframe before.
pub fn lag(mode: Mode, index: u16, relative: bool, last: i16) -> Lag {
    // At most nine bits.
    let index = index as i16;
    match (mode, relative) {
        (Mode::M122, false) if index < 463 => sixths(index, 105),
        (Mode::M122, false) => Lag::of(index - 368),
        (Mode::M122, true) => {
            let least = (last - 5).clamp(18, LONGEST - 9);
            sixths(index, 6 * least - 3)
        }
        (_, false) if index < 197 => thirds(index, 58),
        (_, false) => Lag::of(index - 112),
        (Mode::M795, true) => thirds(index, 3 * least(last, 10, 19) - 2),
        (Mode::M74 | Mode::M102, true) => thirds(index, 3 * least(last, 5, 9) - 2),
        (_, true) => {
            // Four bits: fine only around the last lag.
            let centre = least(last, 5, 9) + 5;
            match index {
                0..=3 => Lag::of(centre - 5 + index),
                4..=11 => thirds(index, 3 * centre - 9),
                _ => Lag::of(centre - 11 + index),
            }
        }
    }
}

/// The least lag of a window of `range` + 1 around the last lag.
fn least(last: i16, below: i16, range: i16) -> i16 {
    (last - below).clamp(20, LONGEST - range)
}

/// `index` + `offset` thirds of a sample, to the nearest whole sample and the rest.
fn thirds(index: i16, offset: i16) -> Lag {
    let all = index + offset;
    let whole = (all + 1).div_euclid(3);
    Lag { whole, sixths: 2 * (all - 3 * whole) }
}

/// `index` + `offset` sixths of a sample, to the nearest whole sample, halves downwards, and the rest.
fn sixths(index: i16, offset: i16) -> Lag {
    let all = index + offset;
    let whole = (all + 2).div_euclid(6);
    Lag { whole, sixths: all - 6 * whole }
}

/// The excitation: the past, then the subframe that is being made.
#[derive(Clone, Debug)]
pub struct Excitation([i16; HISTORY + SUBFRAME]);

impl Excitation {
    /// Silence.
    pub fn new() -> Self {
        Excitation([0; HISTORY + SUBFRAME])
    }

    /// The subframe.
    pub fn now(&mut self) -> &mut [i16; SUBFRAME] {
        let Some(now) = self.0.last_chunk_mut() else { unreachable!() };
        now
    }

    /// Makes the subframe the latest part of the past.
    pub fn advance(&mut self) {
        self.0.copy_within(SUBFRAME.., 0);
    }

    /// Everything by four softer: what follows on an overflow of the synthesis.
    pub fn soften(&mut self) {
        self.0.iter_mut().for_each(|x| *x >>= 2);
    }

    /// Fills the subframe with the past at a lag, interpolated. A lag below the length of a subframe reads
    /// what it has just written.
    pub fn predict(&mut self, lag: Lag) {
        let (first, taps) = taps(lag);
        // As many samples at a time as do not need each other.
        let stride = (HISTORY - first - 2 * SIDE + 1).min(SUBFRAME);
        let mut done = 0;
        while done < SUBFRAME {
            let count = stride.min(SUBFRAME - done);
            let (past, now) = self.0.split_at_mut(HISTORY + done);
            let past = &past[first + done..][..count + 2 * SIDE - 1];
            for (x, window) in now[..count].iter_mut().zip(past.windows(2 * SIDE)) {
                let Some(window) = window.first_chunk() else { continue };
                *x = interpolated(window, &taps);
            }
            done += count;
        }
        if peak(&self.0[first..]) > SAFE {
            self.predict_exactly(lag);
        }
    }

    /// The same with every operator as the standard has it, in its order: outwards from the middle.
    #[cold]
    pub fn predict_exactly(&mut self, lag: Lag) {
        let (first, taps) = taps(lag);
        for k in 0..SUBFRAME {
            let product = |tap: usize| l_mult(self.0[first + k + tap], taps[tap]);
            let sum = (0..SIDE).fold(0i32, |sum, at| {
                sum.saturating_add(product(SIDE - 1 - at)).saturating_add(product(SIDE + at))
            });
            self.0[HISTORY + k] = round(sum);
        }
    }
}

/// Where the interpolation begins in the excitation, and its coefficients from there.
fn taps(lag: Lag) -> (usize, [i16; 2 * SIDE]) {
    // A positive fraction lies further back: one sample more, and the rest to 6 on the other side.
    let (back, phase) = match -lag.sixths {
        phase @ 0.. => (lag.whole, phase),
        phase => (lag.whole + 1, 6 + phase),
    };
    let (back, phase) = (usize::from(back.unsigned_abs()), usize::from(phase.unsigned_abs()));
    let taps = std::array::from_fn(|k| match k.checked_sub(SIDE) {
        Some(after) => INTERPOLATION[6 - phase + 6 * after],
        None => INTERPOLATION[phase + 6 * (SIDE - 1 - k)],
    });
    (HISTORY - back + 1 - SIDE, taps)
}

fn interpolated(window: &[i16; 2 * SIDE], taps: &[i16; 2 * SIDE]) -> i16 {
    let sum: i32 = window.iter().zip(taps).map(|(&x, &tap)| i32::from(x) * i32::from(tap)).sum();
    clamp(sum.wrapping_add(0x4000) >> 15)
}

/// Adds the echo at a lag below the length of a subframe: the pitch contribution to the fixed codebook.
/// `factor` is in Q15.
pub fn sharpen(code: &mut [i16; SUBFRAME], lag: i16, factor: i16) {
    let lag = usize::from(lag.unsigned_abs());
    for k in lag..SUBFRAME {
        code[k] = code[k].saturating_add(mult(code[k - lag], factor));
    }
}
