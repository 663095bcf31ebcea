//! The arithmetic of GSM 06.10 (5.1), and what coder and decoder share: decoding of the log area ratios
//! and of the RPE samples, the coefficients of the short term filters.

use super::frame::{PULSES, RATIOS, Subframe};

/// Samples of a subframe.
pub const SUBFRAME: usize = 40;
/// Samples of a frame.
pub const FRAME: usize = 160;
/// Longest lag of the long term predictor.
pub const HISTORY: usize = 120;

/// Product of two fractions of 15 bits, rounded. The exception of the standard, -32768 times itself, needs
/// no case: every product here has a factor of smaller magnitude.
#[inline(always)]
pub fn mult_r(a: i16, b: i16) -> i16 {
    ((i32::from(a) * i32::from(b) + 16_384) >> 15) as i16
}

/// Product of two fractions of 15 bits, cut off.
#[inline(always)]
pub fn mult(a: i16, b: i16) -> i16 {
    ((i32::from(a) * i32::from(b)) >> 15) as i16
}

/// Left shifts until bit 30 of a positive number is set.
#[inline(always)]
pub fn norm(x: i32) -> u32 {
    x.leading_zeros().saturating_sub(1)
}

/// Quantized gains of the long term predictor (QLB).
pub const GAINS: [i16; 4] = [3_277, 11_469, 21_299, 32_767];
/// B, MIC and 1/A of the log area ratios (tables 4.1, 4.2 of GSM 06.10).
pub const RATIO_B: [i16; RATIOS] = [0, 0, 2_048, -2_560, 94, -1_792, -341, -1_144];
/// Lowest coded values.
pub const RATIO_MIN: [i16; RATIOS] = [-32, -32, -16, -16, -8, -8, -4, -4];
const RATIO_INVERSE_A: [i16; RATIOS] = [13_107, 13_107, 13_107, 13_107, 19_223, 17_476, 31_454, 29_708];
/// Direct mantissas of the RPE quantizer (FAC).
const MANTISSAS: [i16; 8] = [18_431, 20_479, 22_527, 24_575, 26_623, 28_671, 30_719, 32_767];

/// 4.2.8: log area ratios from their codes.
pub fn decode_ratios(codes: &[u8; RATIOS]) -> [i16; RATIOS] {
    std::array::from_fn(|i| {
        let level = (i16::from(codes[i]) + RATIO_MIN[i]) << 10;
        let ratio = mult_r(RATIO_INVERSE_A[i], level.saturating_sub(RATIO_B[i] << 1));
        ratio.saturating_add(ratio)
    })
}

/// Samples of a frame over which the short term filter keeps its coefficients.
pub const SPANS: [std::ops::Range<usize>; 4] = [0..13, 13..27, 27..40, 40..160];

/// 4.2.9: reflection coefficients of a span, between the ratios of the last frame and this one.
pub fn coefficients(span: usize, last: &[i16; RATIOS], now: &[i16; RATIOS]) -> [i16; RATIOS] {
    std::array::from_fn(|i| {
        let (a, b) = (last[i], now[i]);
        let ratio = match span {
            0 => ((a >> 2).saturating_add(b >> 2)).saturating_add(a >> 1),
            1 => (a >> 1).saturating_add(b >> 1),
            2 => ((a >> 2).saturating_add(b >> 2)).saturating_add(b >> 1),
            _ => b,
        };
        let magnitude = ratio.saturating_abs();
        let coefficient = match magnitude {
            ..11_059 => magnitude << 1,
            11_059..20_070 => magnitude + 11_059,
            _ => (magnitude >> 2).saturating_add(26_112),
        };
        if ratio < 0 { -coefficient } else { coefficient }
    })
}

/// 4.2.15: exponent and mantissa of a coded block amplitude.
pub fn exponent_and_mantissa(amplitude: u8) -> (i16, usize) {
    let amplitude = i16::from(amplitude);
    let exponent = if amplitude > 15 { (amplitude >> 3) - 1 } else { 0 };
    let mantissa = amplitude - (exponent << 3);
    if mantissa == 0 {
        return (-4, 7);
    }
    // Up to 15: below 8, a denormal number is shifted up with ones.
    let shift = (mantissa as u16).leading_zeros() as i16 - 12;
    let mantissa = ((mantissa + 1) << shift) - 1;
    (exponent - shift, (mantissa & 7) as usize)
}

/// 4.2.16, 4.2.17: the RPE samples on their grid, as a residual of 40 samples.
pub fn residual(subframe: &Subframe) -> [i16; SUBFRAME] {
    let (exponent, mantissa) = exponent_and_mantissa(subframe.amplitude);
    let shift = (6 - exponent) as u32;
    let half = if shift == 0 { 0 } else { 1i16 << (shift - 1) };
    let mut out = [0; SUBFRAME];
    let grid = usize::from(subframe.grid & 3);
    for (code, sample) in subframe.pulses.iter().zip(out[grid..].iter_mut().step_by(3)) {
        let level = ((i16::from(*code) << 1) - 7) << 12;
        *sample = mult_r(MANTISSAS[mantissa & 7], level).saturating_add(half) >> shift;
    }
    debug_assert!(grid + 3 * (PULSES - 1) < SUBFRAME);
    out
}
