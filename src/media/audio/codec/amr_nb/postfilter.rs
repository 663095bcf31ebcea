//! The adaptive post-filter and the high-pass at the end (TS 26.090 6.2).

use super::arith::{clamp, div_s, l_shl, mpy_32_16, mult, round, split};
use super::lpc::Filter;
use super::lsf::{Lines, ORDER};
use super::synthesis::{GainControl, residual, synthesize, tilt};
use super::tables::functions::{GAMMA_07, GAMMA_055, GAMMA_075};
use super::{FRAME, Mode, SUBFRAME};

/// Samples of the impulse response that tells the tilt.
pub const RESPONSE: usize = 22;

/// State of the post-filter.
#[derive(Clone, Debug)]
pub struct PostFilter {
    /// The last samples of the frame before, not filtered.
    past: Lines,
    /// The last output of 1/A(z/g4), before gain control.
    memory: Lines,
    /// The last sample before tilt compensation.
    last: i16,
    gain: GainControl,
}

impl PostFilter {
    /// The initial state.
    pub fn new() -> Self {
        PostFilter { past: [0; ORDER], memory: [0; ORDER], last: 0, gain: GainControl::new() }
    }

    /// Filters a frame of speech.
    pub fn frame(&mut self, mode: Mode, filters: &[Filter; 4], speech: &mut [i16; FRAME]) {
        let (numerator, denominator) =
            if mode >= Mode::M102 { (&GAMMA_07, &GAMMA_075) } else { (&GAMMA_055, &GAMMA_07) };
        for (filter, speech) in filters.iter().zip(speech.as_chunks_mut().0) {
            let (numerator, denominator) = (widened(filter, numerator), widened(filter, denominator));
            let mut signal = [0; ORDER + SUBFRAME];
            signal[..ORDER].copy_from_slice(&self.past);
            signal[ORDER..].copy_from_slice(speech);
            self.past.copy_from_slice(&speech[SUBFRAME - ORDER..]);
            let mut residual = residual(&numerator, &signal);
            self.compensate(&numerator, &denominator, &mut residual);
            let unfiltered = *speech;
            synthesize(&denominator, &residual, &self.memory, speech);
            self.memory.copy_from_slice(&speech[SUBFRAME - ORDER..]);
            self.gain.apply(&unfiltered, speech);
        }
    }

    /// Takes the tilt out of the residual.
    fn compensate(&mut self, numerator: &Filter, denominator: &Filter, residual: &mut [i16; SUBFRAME]) {
        let mut impulse = [0; RESPONSE];
        impulse[..=ORDER].copy_from_slice(numerator);
        let mut response = [0; RESPONSE];
        synthesize(denominator, &impulse, &[0; ORDER], &mut response);
        let (first, second) = tilt(&response);
        let factor = if second > 0 { div_s(mult(second, 26_214), first) } else { 0 };
        let mut before = self.last;
        for x in residual {
            let now = *x;
            *x = now.saturating_sub(mult(factor, before));
            before = now;
        }
        self.last = before;
    }
}

/// A(z / g) by the powers of g.
fn widened(filter: &Filter, powers: &[i16; ORDER]) -> Filter {
    let mut widened = *filter;
    for (a, &power) in widened[1..].iter_mut().zip(powers) {
        // A power is positive: nothing saturates but by the rounding.
        *a = clamp((i32::from(*a) * i32::from(power) + 0x4000) >> 15);
    }
    widened
}

/// State of the high-pass.
#[derive(Clone, Debug)]
pub struct HighPass {
    /// The last two outputs before the doubling, split.
    outputs: [(i16, i16); 2],
    /// The last two inputs.
    inputs: [i16; 2],
}

impl HighPass {
    /// The initial state.
    pub fn new() -> Self {
        HighPass { outputs: [(0, 0); 2], inputs: [0; 2] }
    }

    /// Filters at 60 Hz, doubles, and leaves the upper 13 bits.
    pub fn frame(&mut self, speech: &mut [i16; FRAME]) {
        let [mut last, mut before] = self.outputs;
        let [mut x1, mut x2] = self.inputs;
        for x in speech {
            // The first three terms are at most 2^30 + 2^29 + 2^29 less a few percent: no sum of them
            // saturates.
            let recursive = mpy_32_16(last, 15_836).wrapping_add(mpy_32_16(before, -7_667));
            let sum = recursive
                .wrapping_add(2 * 7_699 * i32::from(*x))
                .saturating_add(2 * -15_398 * i32::from(x1))
                .saturating_add(2 * 7_699 * i32::from(x2));
            let sum = l_shl(sum, 2);
            (x1, x2) = (*x, x1);
            (last, before) = (split(sum), last);
            *x = round(sum.saturating_mul(2)) & !7;
        }
        self.outputs = [last, before];
        self.inputs = [x1, x2];
    }
}
