//! From line spectral pairs to the coefficients of the short term predictor, four times a frame
//! (TS 26.090 5.2.4, 5.2.6).

use super::arith::{l_msu, l_mult, l_shr_r, low, mpy_32_16, split};
use super::lsf::{Lines, ORDER, mixed};

/// Coefficients of A(z) in Q12, the first is 4096.
pub type Filter = [i16; ORDER + 1];

/// The filters of a frame whose pairs go straight from those of the last frame to its own.
pub fn straight(last: &Lines, now: &Lines) -> [Filter; 4] {
    std::array::from_fn(|subframe| filter(&std::array::from_fn(|k| mixed(last[k], now[k], subframe))))
}

/// The filters of a frame that has pairs of its own in the middle.
pub fn by_middle(last: &Lines, middle: &Lines, now: &Lines) -> [Filter; 4] {
    let half = |a: &Lines, b: &Lines| filter(&std::array::from_fn(|k| (a[k] >> 1) + (b[k] >> 1)));
    [half(last, middle), filter(middle), half(middle, now), filter(now)]
}

/// The filter of pairs.
pub fn filter(pairs: &Lines) -> Filter {
    let mut sums = polynomial(&[pairs[0], pairs[2], pairs[4], pairs[6], pairs[8]]);
    let mut differences = polynomial(&[pairs[1], pairs[3], pairs[5], pairs[7], pairs[9]]);
    for k in (1..6).rev() {
        sums[k] = sums[k].saturating_add(sums[k - 1]);
        differences[k] = differences[k].saturating_sub(differences[k - 1]);
    }
    let mut filter = [4096; ORDER + 1];
    for k in 1..6 {
        filter[k] = low(l_shr_r(sums[k].saturating_add(differences[k]), 13));
        filter[ORDER + 1 - k] = low(l_shr_r(sums[k].saturating_sub(differences[k]), 13));
    }
    filter
}

/// The product of 1 - 2 q z^-1 + z^-2 over five pairs q, in Q24; its second half mirrors the first.
fn polynomial(pairs: &[i16; 5]) -> [i32; 6] {
    let mut f = [0; 6];
    f[0] = 1 << 24;
    f[1] = -l_mult(pairs[0], 512);
    for (k, &pair) in (2..).zip(&pairs[1..]) {
        f[k] = f[k - 2];
        for at in (2..=k).rev() {
            let twice = mpy_32_16(split(f[at - 1]), pair).saturating_mul(2);
            f[at] = f[at].saturating_add(f[at - 2]).saturating_sub(twice);
        }
        f[1] = l_msu(f[1], pair, 512);
    }
    f
}
