//! The fixed-point operators of the standard (ITU-T G.191 basic operators, as TS 26.073 uses them) and the
//! functions it interpolates from tables.
//!
//! An operator saturates where the standard's does. Code that can show that nothing saturates uses plain
//! integers instead and says why.

use super::tables::functions::{INV_SQRT, LOG2, POW2, SQRT};

/// Product of two Q15 numbers, doubled to Q31.
pub fn l_mult(a: i16, b: i16) -> i32 {
    (i32::from(a) * i32::from(b)).saturating_mul(2)
}

/// `sum` and the product.
pub fn l_mac(sum: i32, a: i16, b: i16) -> i32 {
    sum.saturating_add(l_mult(a, b))
}

/// `sum` without the product.
pub fn l_msu(sum: i32, a: i16, b: i16) -> i32 {
    sum.saturating_sub(l_mult(a, b))
}

/// Product of two Q15 numbers in Q15, cut off.
pub fn mult(a: i16, b: i16) -> i16 {
    clamp((i32::from(a) * i32::from(b)) >> 15)
}

/// The nearest 16-bit number.
pub fn clamp(x: i32) -> i16 {
    x.clamp(i16::MIN.into(), i16::MAX.into()) as i16
}

/// The upper half, rounded.
pub fn round(x: i32) -> i16 {
    high(x.saturating_add(0x8000))
}

/// The upper half.
pub fn high(x: i32) -> i16 {
    (x >> 16) as i16
}

/// The lower half, whatever the upper is.
pub fn low(x: i32) -> i16 {
    x as i16
}

/// Shift to the left, or to the right where `by` is negative.
pub fn l_shl(x: i32, by: i32) -> i32 {
    if by < 0 {
        return x >> (-by).min(31);
    }
    let shifted = i64::from(x) << by.min(32);
    shifted.clamp(i32::MIN.into(), i32::MAX.into()) as i32
}

/// Shift to the right, or to the left where `by` is negative.
pub fn l_shr(x: i32, by: i32) -> i32 {
    l_shl(x, -by)
}

/// Shift to the right with rounding; `by` is positive.
pub fn l_shr_r(x: i32, by: i32) -> i32 {
    match by {
        0 => x,
        1..=31 => (x >> by).wrapping_add(x >> (by - 1) & 1),
        _ => 0,
    }
}

/// Shift to the left, or to the right where `by` is negative.
pub fn shl(x: i16, by: i32) -> i16 {
    if by < 0 { x >> (-by).min(15) } else { clamp(i32::from(x) << by.min(16)) }
}

/// Shift to the right, or to the left where `by` is negative.
pub fn shr(x: i16, by: i32) -> i16 {
    shl(x, -by)
}

/// Places a number can go to the left without a change of sign.
pub fn norm_l(x: i32) -> i32 {
    if x == 0 { 0 } else { (x ^ x >> 31).leading_zeros().cast_signed() - 1 }
}

/// Places a number can go to the left without a change of sign.
pub fn norm_s(x: i16) -> i32 {
    if x == 0 { 0 } else { (x ^ x >> 15).leading_zeros().cast_signed() - 1 }
}

/// Quotient in Q15 of 0 <= a <= b; 0 where that does not hold.
pub fn div_s(a: i16, b: i16) -> i16 {
    if a < 0 || b <= 0 || a > b {
        return 0;
    }
    clamp(((u32::from(a.cast_unsigned()) << 15) / u32::from(b.cast_unsigned())).cast_signed())
}

/// A 32-bit number as its upper half and the 15 bits after it.
pub fn split(x: i32) -> (i16, i16) {
    (high(x), low(x >> 1 & 0x7FFF))
}

/// Product of a number of [`split`] and a Q15 number.
pub fn mpy_32_16((upper, lower): (i16, i16), factor: i16) -> i32 {
    l_mac(l_mult(upper, factor), mult(lower, factor), 1)
}

/// The line through two neighbours of a table; the place is in Q25 and counts from `first`.
fn between(table: &[i16], first: usize, place: i32) -> i32 {
    let at = usize::try_from(place >> 16).unwrap_or(0).saturating_sub(first).min(table.len() - 2);
    let fraction = (place >> 1 & 0x7FFF) as i16;
    // Neighbours differ by less than 2048: nothing saturates.
    (i32::from(table[at]) << 16) - l_mult(table[at] - table[at + 1], fraction)
}

/// Binary logarithm: whole part, fraction in Q15. Zero for what has none.
pub fn log2(x: i32) -> (i16, i16) {
    let shift = norm_l(x);
    log2_normal(x << shift, shift)
}

/// As [`log2`], of a number that was shifted by `shift` places to be normal.
pub fn log2_normal(x: i32, shift: i32) -> (i16, i16) {
    if x <= 0 {
        return (0, 0);
    }
    ((30 - shift) as i16, high(between(&LOG2, 32, x >> 9)))
}

/// 2 to the power of a whole part and a fraction in Q15.
pub fn pow2(whole: i16, fraction: i16) -> i32 {
    let x = between(&POW2, 0, i32::from(fraction) << 6);
    match 30 - i32::from(whole) {
        by @ 0.. => l_shr_r(x, by),
        by => l_shl(x, -by),
    }
}

/// Square root, to be shifted to the right by half the second number.
pub fn sqrt(x: i32) -> (i32, i32) {
    if x <= 0 {
        return (0, 0);
    }
    let shift = norm_l(x) & !1;
    (between(&SQRT, 16, x << shift >> 9), shift)
}

/// Reciprocal of the square root in Q30; that of 0 is as good as the largest.
pub fn inv_sqrt(x: i32) -> i32 {
    if x <= 0 {
        return 0x3FFF_FFFF;
    }
    let shift = norm_l(x);
    let exponent = 30 - shift;
    let normal = x << shift >> (1 - (exponent & 1));
    between(&INV_SQRT, 16, normal >> 9) >> ((exponent >> 1) + 1)
}

/// Energy of a block: twice the sum of squares, up to the largest number.
pub fn energy(block: &[i16]) -> i32 {
    clamp_energy(block.iter().map(|&x| u64::from((i32::from(x) * i32::from(x)).cast_unsigned())).sum())
}

fn clamp_energy(sum: u64) -> i32 {
    (2 * sum).min(0x7FFF_FFFF) as i32
}

/// The largest magnitude of a block.
pub fn peak(block: &[i16]) -> i32 {
    let (low, high) = block.iter().fold((0, 0), |(low, high): (i16, i16), &x| (low.min(x), high.max(x)));
    i32::from(high).max(-i32::from(low))
}

/// The median of an odd number of values.
pub fn median<const N: usize>(mut values: [i16; N]) -> i16 {
    values.sort_unstable();
    values[N / 2]
}
