//! The encoder (GSM 06.10 4.2): preprocessing, LPC analysis, short term filter, and by subframe the
//! long term predictor and the regular pulse excitation.

use super::arith::{
    FRAME, GAINS, HISTORY, RATIO_B, RATIO_MIN, SPANS, SUBFRAME, coefficients, decode_ratios,
    exponent_and_mantissa, mult, mult_r, norm, residual,
};
use super::frame::{Frame, PULSES, RATIOS, Subframe};

/// A of the log area ratios (table 4.1).
const RATIO_A: [i16; RATIOS] = [20_480, 20_480, 20_480, 20_480, 13_964, 15_360, 8_534, 9_036];
/// Highest coded values.
const RATIO_MAX: [i16; RATIOS] = [31, 31, 15, 15, 7, 7, 3, 3];
/// Decision levels of the gain of the long term predictor (DLB).
const GAIN_LEVELS: [i16; 3] = [6_554, 16_384, 26_214];
/// Impulse response of the weighting filter (H).
const WEIGHTS: [i16; 11] = [-134, -374, 0, 2_054, 5_741, 8_192, 5_741, 2_054, 0, -374, -134];
/// Inverse mantissas of the RPE quantizer (NRFAC).
const INVERSE_MANTISSAS: [i16; 8] = [29_128, 26_215, 23_832, 21_846, 20_165, 18_725, 17_476, 16_384];

/// State of one channel.
#[derive(Clone, Debug)]
pub struct Analysis {
    /// Offset compensation: last input and the recursive part.
    last_input: i16,
    offset: i32,
    /// Pre-emphasis.
    last: i16,
    /// Decoded log area ratios of the last frame.
    ratios: [i16; RATIOS],
    /// u\[0..=7\] of the lattice.
    lattice: [i16; RATIOS],
    /// Reconstructed short term residual: the history of the long term predictor, then the frame.
    residual: [i16; HISTORY + FRAME],
}

impl Analysis {
    /// The state before the first frame.
    pub fn new() -> Self {
        Analysis {
            last_input: 0,
            offset: 0,
            last: 0,
            ratios: [0; RATIOS],
            lattice: [0; RATIOS],
            residual: [0; HISTORY + FRAME],
        }
    }

    /// Codes 160 samples.
    pub fn frame(&mut self, samples: &[i16; FRAME]) -> Frame {
        let mut s = self.preprocessed(samples);
        let mut frame =
            Frame { ratios: code_ratios(reflection(&autocorrelation(&mut s))), ..Frame::default() };
        let ratios = decode_ratios(&frame.ratios);
        for (k, span) in SPANS.into_iter().enumerate() {
            analyze(&mut self.lattice, coefficients(k, &self.ratios, &ratios), &mut s[span]);
        }
        self.ratios = ratios;
        self.residual.copy_within(FRAME.., 0);
        let spans = s.as_chunks::<SUBFRAME>().0;
        for (k, (span, subframe)) in spans.iter().zip(&mut frame.subframes).enumerate() {
            let (past, now) = self.residual.split_at_mut(HISTORY + k * SUBFRAME);
            if let (Some(past), Some(now)) = (past.last_chunk(), now.first_chunk_mut()) {
                *subframe = code_subframe(span, past, now);
            }
        }
        frame
    }

    /// 4.2.1 to 4.2.3: scaling, offset compensation, pre-emphasis.
    fn preprocessed(&mut self, samples: &[i16; FRAME]) -> [i16; FRAME] {
        samples.map(|sample| {
            let input = (sample >> 3) << 2;
            let step = i32::from(input) - i32::from(self.last_input);
            self.last_input = input;
            let (high, low) = (self.offset >> 15, (self.offset & 0x7FFF) as i16);
            let step = (step << 15) + i32::from(mult_r(low, 32_735));
            self.offset = high.wrapping_mul(32_735).saturating_add(step);
            let output = (self.offset.saturating_add(16_384) >> 15) as i16;
            let emphasized = output.saturating_add(mult_r(self.last, -28_180));
            self.last = output;
            emphasized
        })
    }
}

/// Sum of products whose value is known to fit.
#[inline(always)]
fn dot(a: &[i16], b: &[i16]) -> i32 {
    a.iter().zip(b).fold(0i32, |sum, (&a, &b)| sum.wrapping_add(i32::from(a).wrapping_mul(i32::from(b))))
}

/// Highest magnitude.
fn peak(samples: &[i16]) -> i16 {
    samples.iter().map(|x| x.saturating_abs()).fold(0, i16::max)
}

/// 4.2.4: autocorrelation of the frame, which is left scaled down and up again, without its low bits.
fn autocorrelation(s: &mut [i16; FRAME]) -> [i32; RATIOS + 1] {
    let highest = peak(s);
    let scale = if highest == 0 { 0 } else { 4u32.saturating_sub(norm(i32::from(highest) << 16)) };
    if scale > 0 {
        let factor = 16_384 >> (scale - 1);
        s.iter_mut().for_each(|x| *x = mult_r(*x, factor));
    }
    let sums = std::array::from_fn(|k| dot(&s[k..], &s[..FRAME - k]) << 1);
    if scale > 0 {
        s.iter_mut().for_each(|x| *x <<= scale);
    }
    sums
}

/// 4.2.5: reflection coefficients by the Schur recursion.
fn reflection(sums: &[i32; RATIOS + 1]) -> [i16; RATIOS] {
    let mut r = [0; RATIOS];
    if sums[0] == 0 {
        return r;
    }
    let shift = norm(sums[0]);
    let mut p = sums.map(|sum| ((sum << shift) >> 16) as i16);
    let mut k = p;
    for (n, r) in r.iter_mut().enumerate() {
        let magnitude = p[1].saturating_abs();
        if p[0] < magnitude {
            break;
        }
        let quotient = fraction(magnitude, p[0]);
        *r = if p[1] > 0 { -quotient } else { quotient };
        p[0] = p[0].saturating_add(mult_r(p[1], *r));
        for m in 1..RATIOS - n {
            let next = p[m + 1];
            p[m] = next.saturating_add(mult_r(k[m], *r));
            k[m] = k[m].saturating_add(mult_r(next, *r));
        }
    }
    r
}

/// Quotient of 15 bits of numbers with 0 <= `numerator` <= `denominator`.
fn fraction(numerator: i16, denominator: i16) -> i16 {
    (i32::from(numerator) << 15).checked_div(denominator.into()).map_or(0, |q| q.min(32_767) as i16)
}

/// 4.2.6, 4.2.7: log area ratios, quantized and coded.
fn code_ratios(r: [i16; RATIOS]) -> [u8; RATIOS] {
    std::array::from_fn(|i| {
        let magnitude = r[i].saturating_abs();
        let ratio = match magnitude {
            ..22_118 => magnitude >> 1,
            22_118..31_130 => magnitude - 11_059,
            _ => (magnitude - 26_112) << 2,
        };
        let ratio = if r[i] < 0 { -ratio } else { ratio };
        let level = mult(RATIO_A[i], ratio).saturating_add(RATIO_B[i]).saturating_add(256) >> 9;
        (level.clamp(RATIO_MIN[i], RATIO_MAX[i]) - RATIO_MIN[i]) as u8
    })
}

/// 4.2.10: the lattice over a span of at most 120 samples, in place. One stage after the other runs over
/// the whole span, as no stage feeds back; so the samples are the lanes of vectors.
fn analyze(lattice: &mut [i16; RATIOS], coefficients: [i16; RATIOS], d: &mut [i16]) {
    // What each stage delays: the value before the span, then those of the span.
    let mut delayed = [0; 1 + 120];
    let n = d.len().min(120);
    delayed[1..=n].copy_from_slice(&d[..n]);
    for (state, r) in lattice.iter_mut().zip(coefficients) {
        delayed[0] = std::mem::replace(state, delayed[n]);
        let mut next = [0; 1 + 120];
        for ((next, u), d) in next[1..=n].iter_mut().zip(&delayed[..n]).zip(&mut d[..n]) {
            *next = u.saturating_add(mult_r(r, *d));
            *d = d.saturating_add(mult_r(r, *u));
        }
        delayed = next;
    }
}

/// 4.2.11 to 4.2.18: codes a subframe of the short term residual `d`; `now` becomes what a decoder makes.
fn code_subframe(d: &[i16; SUBFRAME], past: &[i16; HISTORY], now: &mut [i16; SUBFRAME]) -> Subframe {
    let (lag, gain) = long_term(d, past);
    let mut estimate = [0; SUBFRAME];
    for (estimate, past) in estimate.iter_mut().zip(&past[HISTORY - usize::from(lag)..]) {
        *estimate = mult_r(GAINS[usize::from(gain)], *past);
    }
    let mut e = [0; SUBFRAME];
    for ((e, d), estimate) in e.iter_mut().zip(d).zip(&estimate) {
        *e = d.saturating_sub(*estimate);
    }
    let (grid, chosen) = decimated(&weighted(&e));
    let (amplitude, pulses) = quantized(&chosen);
    let subframe = Subframe { lag, gain, grid, amplitude, pulses };
    for ((now, new), estimate) in now.iter_mut().zip(residual(&subframe)).zip(estimate) {
        *now = new.saturating_add(estimate);
    }
    subframe
}

/// 4.2.11: lag and coded gain of the long term predictor.
fn long_term(d: &[i16; SUBFRAME], past: &[i16; HISTORY]) -> (u8, u8) {
    let highest = peak(d);
    let scale = if highest == 0 { 0 } else { 6u32.saturating_sub(norm(i32::from(highest) << 16)) };
    let wanted = d.map(|x| x >> scale);
    let (mut best, mut lag) = (0, 40);
    for (candidate, span) in (40..=120).zip(past.windows(SUBFRAME).rev()) {
        let correlation = span.first_chunk::<SUBFRAME>().map_or(0, |span| dot(&wanted, span));
        if correlation > best {
            (best, lag) = (correlation, candidate);
        }
    }
    let best = (best << 1) >> (6 - scale);
    let mut found = [0; SUBFRAME];
    for (found, past) in found.iter_mut().zip(&past[HISTORY - usize::from(lag)..]) {
        *found = past >> 3;
    }
    let power = dot(&found, &found) << 1;
    if best <= 0 {
        return (lag, 0);
    }
    if best >= power {
        return (lag, 3);
    }
    let shift = norm(power);
    let (best, power) = (((best << shift) >> 16) as i16, ((power << shift) >> 16) as i16);
    let gain = GAIN_LEVELS.iter().take_while(|&&level| best > mult(power, level)).count();
    (lag, gain as u8)
}

/// 4.2.13: the weighting filter, with silence around the subframe.
fn weighted(e: &[i16; SUBFRAME]) -> [i16; SUBFRAME] {
    let mut around = [0; SUBFRAME + WEIGHTS.len() - 1];
    around[5..][..SUBFRAME].copy_from_slice(e);
    let mut sums = [4_096i32; SUBFRAME];
    for (k, weight) in WEIGHTS.into_iter().enumerate() {
        for (sum, x) in sums.iter_mut().zip(&around[k..]) {
            *sum = sum.wrapping_add(i32::from(*x).wrapping_mul(i32::from(weight)));
        }
    }
    sums.map(|sum| (sum >> 13).clamp(i16::MIN.into(), i16::MAX.into()) as i16)
}

/// 4.2.14: the grid of most energy, and the samples on it.
fn decimated(x: &[i16; SUBFRAME]) -> (u8, [i16; PULSES]) {
    let on = |grid: usize| -> [i16; PULSES] { std::array::from_fn(|i| x[grid + 3 * i]) };
    let energy = |grid: usize| {
        let quarters = on(grid).map(|x| x >> 2);
        dot(&quarters, &quarters)
    };
    // The first of the highest.
    let grid = (1..4).fold((0, energy(0)), |best, grid| {
        let energy = energy(grid);
        if energy > best.1 { (grid, energy) } else { best }
    });
    (grid.0 as u8, on(grid.0))
}

/// 4.2.15: coded block amplitude and RPE samples.
fn quantized(x: &[i16; PULSES]) -> (u8, [u8; PULSES]) {
    let highest = peak(x);
    let exponent = (16 - (highest >> 9).leading_zeros()).min(6);
    let amplitude = ((highest >> (exponent + 5)) as u32 + (exponent << 3)) as u8;
    let (exponent, mantissa) = exponent_and_mantissa(amplitude);
    let shift = (6 - exponent) as u32;
    let inverse = INVERSE_MANTISSAS[mantissa & 7];
    (amplitude, x.map(|x| ((mult(x << shift, inverse) >> 12) + 4) as u8))
}
