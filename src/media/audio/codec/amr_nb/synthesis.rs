//! The short term filters and the gain control (TS 26.090 6.1, 6.2.1, 6.2.2).

use super::arith::{clamp, div_s, energy, high, inv_sqrt, l_mult, l_shl, l_shr, norm_l, peak, round};
use super::lpc::Filter;
use super::lsf::{Lines, ORDER};
use super::{SUBFRAME, arith};

/// No sum saturates while the magnitudes of a filter's coefficients, times the largest sample, are less in
/// all: a sum is twice that, and fits 32 bits.
const SAFE: i64 = 1 << 30;

fn magnitude(filter: &Filter) -> i64 {
    filter.iter().map(|&a| i64::from(a.unsigned_abs())).sum()
}

/// 1/A(z): filters `input` with the last output samples in `memory`, the latest last. False where a sum left
/// its 32 bits or a sample its 16; what is in `output` then is the saturated result.
pub fn synthesize<const N: usize>(
    filter: &Filter,
    input: &[i16; N],
    memory: &Lines,
    output: &mut [i16; N],
) -> bool {
    // Outputs of 16 bits in 32, so that one multiplication needs no conversion.
    let a = filter.map(i32::from);
    let mut past = [0i32; ORDER];
    for (past, &x) in past.iter_mut().zip(memory.iter().rev()) {
        *past = x.into();
    }
    let (mut least, mut most) = (0, 0);
    for (y, &x) in output.iter_mut().zip(input) {
        // Wrong if it wraps, which is found below.
        let old = (1..ORDER).rev().fold(0i32, |sum, k| sum.wrapping_add(a[k + 1].wrapping_mul(past[k])));
        let sum = a[0].wrapping_mul(x.into()).wrapping_add(0x800).wrapping_sub(old);
        let new = sum.wrapping_sub(a[1].wrapping_mul(past[0])) >> 12;
        past.copy_within(..ORDER - 1, 1);
        past[0] = new;
        least = new.min(least);
        most = new.max(most);
        *y = new as i16;
    }
    // As long as every sample was in its range and no sum could be too large for the largest of them, no sum
    // saturated: each sample is right because those before it are.
    let largest = i64::from(peak(input).max(peak(memory)).max(most).max(-least));
    if most < 0x8000 && least > -0x8000 && magnitude(filter) * largest < SAFE {
        return true;
    }
    synthesize_loud(filter, input, memory, output)
}

/// The same with every operator as the standard has it.
#[cold]
pub fn synthesize_loud<const N: usize>(
    filter: &Filter,
    input: &[i16; N],
    memory: &Lines,
    output: &mut [i16; N],
) -> bool {
    let mut fits = true;
    let mut past = *memory;
    for (y, &x) in output.iter_mut().zip(input) {
        let mut sum = l_mult(x, filter[0]);
        for (&a, &y) in filter[1..].iter().zip(past.iter().rev()) {
            let product = l_mult(a, y);
            fits &= sum.checked_sub(product).is_some() && (a, y) != (i16::MIN, i16::MIN);
            sum = sum.saturating_sub(product);
        }
        let shifted = l_shl(sum, 3);
        fits &= shifted >> 3 == sum && shifted.checked_add(0x8000).is_some();
        *y = round(shifted);
        past.copy_within(1.., 0);
        past[ORDER - 1] = *y;
    }
    fits
}

/// A(z): the residual of the part of `signal` after its first [`ORDER`] samples.
pub fn residual(filter: &Filter, signal: &[i16; ORDER + SUBFRAME]) -> [i16; SUBFRAME] {
    if magnitude(filter) * i64::from(peak(signal)) >= SAFE {
        return residual_loud(filter, signal);
    }
    let mut out = [0; SUBFRAME];
    for (y, window) in out.iter_mut().zip(signal.windows(ORDER + 1)) {
        let products = window.iter().rev().zip(filter).map(|(&x, &a)| i32::from(x) * i32::from(a));
        *y = clamp(products.fold(0x800i32, i32::wrapping_add) >> 12);
    }
    out
}

/// The same with every operator as the standard has it.
#[cold]
pub fn residual_loud(filter: &Filter, signal: &[i16; ORDER + SUBFRAME]) -> [i16; SUBFRAME] {
    let mut out = [0; SUBFRAME];
    for (y, window) in out.iter_mut().zip(signal.windows(ORDER + 1)) {
        let products = window.iter().rev().zip(filter);
        *y = round(l_shl(products.fold(0, |sum, (&x, &a)| arith::l_mac(sum, x, a)), 3));
    }
    out
}

/// The energy of a block over 16, from softer samples where it does not fit.
fn block_energy(block: &[i16; SUBFRAME]) -> i32 {
    match energy(block) {
        i32::MAX => energy(&block.map(|x| x >> 2)),
        energy => energy >> 4,
    }
}

/// The root of the ratio of two blocks' energies, Q12; `None` where the second has none.
fn ratio(wanted: &[i16; SUBFRAME], block: &[i16; SUBFRAME]) -> Option<i16> {
    let has = block_energy(block);
    if has == 0 {
        return None;
    }
    let wanted = block_energy(wanted);
    if wanted == 0 {
        return Some(0);
    }
    let (up, wanted_up) = (norm_l(has) - 1, norm_l(wanted));
    let quotient = div_s(round(l_shl(has, up)), round(l_shl(wanted, wanted_up)));
    let quotient = l_shr(i32::from(quotient) << 7, up - wanted_up);
    Some(round(l_shl(inv_sqrt(quotient), 9)))
}

/// Gives a block the energy of another.
pub fn match_energy(wanted: &[i16; SUBFRAME], block: &mut [i16; SUBFRAME]) {
    if let Some(gain) = ratio(wanted, block) {
        for x in block {
            *x = scaled(*x, gain);
        }
    }
}

/// A sample times a gain in Q12.
fn scaled(x: i16, gain: i16) -> i16 {
    // Cut off, not rounded; the standard saturates after the doubling by eight, as this does.
    clamp((i32::from(x) * i32::from(gain)) >> 12)
}

/// The gain control after the post-filter.
#[derive(Clone, Debug)]
pub struct GainControl(i16);

impl GainControl {
    /// The initial state: a gain of 1.
    pub fn new() -> Self {
        GainControl(4_096)
    }

    /// Lets a block go to the energy of another, sample by sample.
    pub fn apply(&mut self, wanted: &[i16; SUBFRAME], block: &mut [i16; SUBFRAME]) {
        /// 0.9 in Q15: what stays of the gain from one sample to the next.
        const STAYS: i16 = 29_491;
        let Some(ratio) = ratio(wanted, block) else {
            self.0 = 0;
            return;
        };
        let step = arith::mult(ratio, i16::MAX - STAYS);
        for x in block {
            self.0 = arith::mult(self.0, STAYS).saturating_add(step);
            *x = scaled(*x, self.0);
        }
    }
}

/// The loudness of an excitation: the root of its energy.
pub fn loudness(excitation: &[i16; SUBFRAME]) -> i16 {
    let (root, shift) = arith::sqrt(energy(excitation) >> 1);
    arith::low(l_shr(root, (shift >> 1) + 15) >> 2)
}

/// First two autocorrelations of the impulse response of A(z/g3) / A(z/g4), upper halves.
pub fn tilt(response: &[i16; super::postfilter::RESPONSE]) -> (i16, i16) {
    let first = energy(response);
    let second = response.windows(2).fold(0, |sum, pair| arith::l_mac(sum, pair[0], pair[1]));
    (high(first), high(second))
}
