//! The decoder (GSM 06.10 4.3): residual, long term synthesis, short term synthesis, de-emphasis.

use super::arith::{FRAME, GAINS, HISTORY, SPANS, SUBFRAME, coefficients, decode_ratios, mult_r, residual};
use super::frame::{Frame, RATIOS};

/// Lags that an encoder sends.
const LAGS: std::ops::RangeInclusive<u8> = 40..=120;

/// State of one channel.
#[derive(Clone, Debug)]
pub struct Synthesis {
    /// Short term residual: the history of the long term predictor, then the frame.
    residual: [i16; HISTORY + FRAME],
    /// Last lag that was in its range.
    lag: u8,
    /// Log area ratios of the last frame.
    ratios: [i16; RATIOS],
    /// v\[0..=7\] of the lattice.
    lattice: [i32; RATIOS],
    /// De-emphasis.
    last: i16,
}

impl Synthesis {
    /// The state before the first frame.
    pub fn new() -> Self {
        Synthesis {
            residual: [0; HISTORY + FRAME],
            lag: 40,
            ratios: [0; RATIOS],
            lattice: [0; RATIOS],
            last: 0,
        }
    }

    /// The samples of a frame.
    pub fn frame(&mut self, frame: &Frame) -> [i16; FRAME] {
        self.residual.copy_within(FRAME.., 0);
        for (k, subframe) in frame.subframes.iter().enumerate() {
            if LAGS.contains(&subframe.lag) {
                self.lag = subframe.lag;
            }
            let gain = GAINS[usize::from(subframe.gain & 3)];
            let new = residual(subframe);
            let (past, now) = self.residual.split_at_mut(HISTORY + k * SUBFRAME);
            let old = &past[past.len() - usize::from(self.lag)..];
            for ((now, new), old) in now.iter_mut().zip(new).zip(old) {
                *now = new.saturating_add(mult_r(gain, *old));
            }
        }
        let ratios = decode_ratios(&frame.ratios);
        let mut samples = [0; FRAME];
        for (k, span) in SPANS.into_iter().enumerate() {
            let coefficients = coefficients(k, &self.ratios, &ratios);
            let input = &self.residual[HISTORY..][span.clone()];
            self.lattice = synthesized(self.lattice, coefficients, input, &mut samples[span]);
        }
        self.ratios = ratios;
        for sample in &mut samples {
            self.last = sample.saturating_add(mult_r(self.last, 28_180));
            *sample = self.last.saturating_add(self.last) & !7;
        }
        samples
    }
}

/// 4.3.3: the lattice over a span; gives its state after it. Hardly any span saturates, so it is first
/// computed without, which is twice as fast, and again where that was wrong.
///
/// Never inlined: merged into its caller it makes LLVM 22 crash at times, in its SLP vectorizer.
#[inline(never)]
fn synthesized(
    lattice: [i32; RATIOS],
    coefficients: [i16; RATIOS],
    input: &[i16],
    out: &mut [i16],
) -> [i32; RATIOS] {
    let coefficients = coefficients.map(i32::from);
    let (state, saturated) = filter::<false>(lattice, coefficients, input, out);
    if saturated { filter::<true>(lattice, coefficients, input, out).0 } else { state }
}

/// Runs the lattice, with or without saturation; tells whether that made a difference.
#[inline(always)]
fn filter<const SATURATE: bool>(
    mut v: [i32; RATIOS],
    coefficients: [i32; RATIOS],
    input: &[i16],
    out: &mut [i16],
) -> ([i32; RATIOS], bool) {
    let mut beyond = 0;
    let mut fit = |x: i32| {
        if SATURATE {
            return x.clamp(i32::from(i16::MIN), i32::from(i16::MAX));
        }
        beyond |= x.wrapping_add(32_768);
        x
    };
    // Products of 16 bits fit 31 bits; where they do not, `beyond` already tells.
    let product = |a: i32, b: i32| a.wrapping_mul(b).wrapping_add(16_384) >> 15;
    for (&sample, out) in input.iter().zip(out) {
        let mut x = i32::from(sample);
        x = fit(x.wrapping_sub(product(coefficients[7], v[7])));
        for i in (0..7).rev() {
            x = fit(x.wrapping_sub(product(coefficients[i], v[i])));
            v[i + 1] = fit(v[i].wrapping_add(product(coefficients[i], x)));
        }
        v[0] = x;
        *out = x as i16;
    }
    (v, !(0..65_536).contains(&beyond))
}
