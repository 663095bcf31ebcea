//! From grey to black and white, region by region: text and line art by a threshold, so that letters stay
//! sharp; photographs by error diffusion (Floyd and Steinberg 1976), so that shades stay shades.
//!
//! A region is a square of [`REGION`] pixels. It counts as a photograph where much of it is of a middle shade
//! *and* smooth: the edges of smoothed letters have middle shades too, but no two of them side by side.

use super::bitmap::Bitmap;

/// Side of a region, in pixels.
const REGION: usize = 32;
/// Shades between these are neither paper nor ink.
const MIDDLE: std::ops::RangeInclusive<u8> = 48..=208;
/// Shades between these are part of a photograph that lies beside them.
const TINTED: std::ops::RangeInclusive<u8> = 8..=240;
/// Regions that a photograph grows by so.
const GROWTH: usize = 4;
/// Neighbours that differ by less are one surface.
const SMOOTH: u8 = 20;
/// Black below, white from here on: letters are darker than the paper is grey.
const THRESHOLD: u8 = 144;

/// A page in grey: 0 black, 255 white, row by row.
pub(super) struct Grey {
    pub width: usize,
    pub pixels: Vec<u8>,
}

impl Grey {
    pub fn rows(&self) -> usize {
        self.pixels.len().checked_div(self.width).unwrap_or(0)
    }
}

/// The page in black and white.
pub(super) fn reduce(grey: &Grey) -> Bitmap {
    let width = grey.width.max(1);
    let regions = width.div_ceil(REGION);
    let stride = width.div_ceil(8);
    let mut packed = vec![0u8; stride * grey.rows()];
    let photographs = photographs(grey, &mut packed);
    if photographs.contains(&true) {
        let mut diffusion = Diffusion::new(width);
        let rows = grey.pixels.chunks_exact(width).zip(packed.chunks_exact_mut(stride));
        for (y, (row, packed)) in rows.enumerate() {
            let at = y / REGION * regions;
            let photographs = photographs.get(at..at + regions).unwrap_or_default();
            if photographs.contains(&true) {
                packed.fill(0);
                // Every other row backwards: no worms in even shades.
                diffusion.row(row, photographs, y % 2 == 1, packed);
            } else {
                diffusion.forget();
            }
        }
    }
    Bitmap::of_packed(u32::try_from(width).unwrap_or(u32::MAX), packed)
}

/// Eight pixels as bits, first pixel highest, 1 where the shade is below [`THRESHOLD`].
fn threshold(shades: [u8; 8]) -> u8 {
    const LOW: u64 = 0x7f7f_7f7f_7f7f_7f7f;
    // Added to the seven low bits of a shade with the highest bit set, it carries from the threshold on.
    const CARRY: u64 = 0x0101_0101_0101_0101 * (256 - THRESHOLD as u64);
    // Brings bit 0 of octet n to bit n of the highest octet.
    const GATHER: u64 = 0x0102_0408_1020_4080;
    let shades = u64::from_be_bytes(shades);
    let light = shades & ((shades & LOW) + CARRY);
    let dark = !light >> 7 & 0x0101_0101_0101_0101;
    (dark.wrapping_mul(GATHER) >> 56) as u8
}
const _: () = assert!(THRESHOLD > 128, "the carry trick needs the highest bit");

/// Errors handed to this row and the next, one place wider at each side.
struct Diffusion {
    here: Vec<i32>,
    below: Vec<i32>,
    used: bool,
}

impl Diffusion {
    fn new(width: usize) -> Self {
        Diffusion { here: vec![0; width + 2], below: vec![0; width + 2], used: false }
    }

    /// What is handed to a row without photographs is lost.
    fn forget(&mut self) {
        if self.used {
            self.here.fill(0);
            self.used = false;
        }
    }

    fn row(&mut self, row: &[u8], photographs: &[bool], backwards: bool, packed: &mut [u8]) {
        let (here, below, width) = (&mut self.here, &mut self.below, row.len());
        self.used = true;
        for step in 0..width {
            let x = if backwards { width - 1 - step } else { step };
            let shade = i32::from(row.get(x).copied().unwrap_or(255));
            let diffuse = photographs.get(x / REGION).copied().unwrap_or(false);
            let wanted = if diffuse { shade + here.get(x + 1).copied().unwrap_or(0) / 16 } else { shade };
            let black = wanted < if diffuse { 128 } else { i32::from(THRESHOLD) };
            if black && let Some(byte) = packed.get_mut(x / 8) {
                *byte |= 0x80 >> (x % 8);
            }
            if diffuse {
                let error = wanted - if black { 0 } else { 255 };
                let (ahead, behind) = if backwards { (x, x + 2) } else { (x + 2, x) };
                for (errors, at, share) in [(&mut *here, ahead, 7), (&mut *below, behind, 3)] {
                    errors.get_mut(at).into_iter().for_each(|e| *e += error * share);
                }
                for (at, share) in [(x + 1, 5), (ahead, 1)] {
                    below.get_mut(at).into_iter().for_each(|e| *e += error * share);
                }
            }
        }
        std::mem::swap(here, below);
        below.fill(0);
    }
}

/// For each region, whether it is part of a photograph. Every pixel is put through the threshold into `packed`
/// on the way.
fn photographs(grey: &Grey, packed: &mut [u8]) -> Vec<bool> {
    let width = grey.width.max(1);
    let regions = width.div_ceil(REGION);
    let all = regions * grey.rows().div_ceil(REGION);
    let (mut middle, mut tinted) = (vec![0usize; all], vec![0usize; all]);
    let mut below = grey.pixels.chunks_exact(width).skip(1);
    let rows = grey.pixels.chunks_exact(width).zip(packed.chunks_exact_mut(width.div_ceil(8)));
    for (y, (row, packed)) in rows.enumerate() {
        let from = y / REGION * regions;
        let counts = middle.iter_mut().skip(from).zip(tinted.iter_mut().skip(from));
        let next = below.next();
        let (whole, rest) = row.as_chunks::<REGION>();
        let (whole_next, rest_next) = next.unwrap_or_default().as_chunks::<REGION>();
        let (last, last_next) = (padded(rest), padded(rest_next));
        let here = whole.iter().chain((!rest.is_empty()).then_some(&last));
        // Nothing is below the last row.
        let under =
            whole_next.iter().chain(next.map(|_| &last_next)).map(Some).chain(std::iter::repeat(None));
        let octets = packed.chunks_mut(REGION / 8);
        for ((((middle, tinted), shades), under), octets) in counts.zip(here).zip(under).zip(octets) {
            // Most of a page is paper.
            if shades.iter().fold(255, |all, shade| all & shade) == 255 {
                continue;
            }
            let (eights, _) = shades.as_chunks::<8>();
            octets.iter_mut().zip(eights).for_each(|(octet, shades)| *octet = threshold(*shades));
            if let Some(under) = under {
                let [in_middle, in_tint] = smooth_pixels(shades, under);
                *middle += usize::from(in_middle);
                *tinted += usize::from(in_tint);
            }
        }
    }
    let share = |counts: &[usize], part: usize| -> Vec<bool> {
        counts.iter().map(|&count| count * part > REGION * REGION).collect()
    };
    let beside = |photographs: &[bool], at: usize, corners: bool| {
        let (x, y) = ((at % regions) as isize, (at / regions) as isize);
        let of = |(dx, dy): (isize, isize)| {
            let (x, y) = (x + dx, y + dy);
            let inside = x >= 0 && y >= 0 && x < regions as isize;
            inside && photographs.get(y as usize * regions + x as usize).copied().unwrap_or(false)
        };
        let around: &[(isize, isize)] = if corners { &CORNERS } else { &SIDES };
        around.iter().filter(|&&place| of(place)).count()
    };
    let mut photographs = share(&middle, 5);
    // Dark and light parts of a photograph belong to it.
    let tinted = share(&tinted, 5);
    for _ in 0..GROWTH {
        let part = |at: usize| tinted.get(at) == Some(&true) && beside(&photographs, at, false) > 0;
        let grown = (0..all).map(|at| photographs.get(at) == Some(&true) || part(at)).collect();
        photographs = grown;
    }
    // So do its edges: regions with a little of the same beside it, and those it has on two sides.
    let some = share(&middle, 40);
    let edge = |at: usize| {
        let sides = beside(&photographs, at, false);
        sides >= 2 || some.get(at) == Some(&true) && sides + beside(&photographs, at, true) > 0
    };
    (0..all).map(|at| photographs.get(at) == Some(&true) || edge(at)).collect()
}

/// The regions beside a region.
const SIDES: [(isize, isize); 4] = [(-1, 0), (1, 0), (0, -1), (0, 1)];
const CORNERS: [(isize, isize); 4] = [(-1, -1), (1, -1), (-1, 1), (1, 1)];

/// The last pixels of a row, made a whole region with paper.
fn padded(rest: &[u8]) -> [u8; REGION] {
    let mut region = [255; REGION];
    region.iter_mut().zip(rest).for_each(|(to, shade)| *to = *shade);
    region
}

/// Pixels of [`MIDDLE`] and of [`TINTED`] shades that differ little from those at their right and below them.
fn smooth_pixels(row: &[u8; REGION], next: &[u8; REGION]) -> [u8; 2] {
    // The last pixel has none at its right: one that is far off.
    let mut right = [row[REGION - 1] ^ 0x80; REGION];
    right[..REGION - 1].copy_from_slice(&row[1..]);
    // Without branches or checks, so that many pixels are done at a time.
    let mut counts = [0u8; 2];
    for at in 0..REGION {
        let surface =
            u8::from(row[at].abs_diff(right[at]) < SMOOTH) & u8::from(row[at].abs_diff(next[at]) < SMOOTH);
        let of = |shades: &std::ops::RangeInclusive<u8>| {
            u8::from(row[at].wrapping_sub(*shades.start()) <= shades.end() - shades.start()) & surface
        };
        counts[0] = counts[0].wrapping_add(of(&MIDDLE));
        counts[1] = counts[1].wrapping_add(of(&TINTED));
    }
    counts
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grey(width: usize, rows: usize, shade: impl Fn(usize, usize) -> u8) -> Grey {
        let pixels = (0..rows).flat_map(|y| (0..width).map(move |x| (x, y))).map(|(x, y)| shade(x, y));
        Grey { width, pixels: pixels.collect() }
    }

    fn black_share(page: &Bitmap) -> f64 {
        let black: u32 = page.data().iter().map(|byte| byte.count_ones()).sum();
        f64::from(black) / f64::from(page.width()) / page.rows() as f64
    }

    #[test]
    fn an_even_shade_keeps_its_share_of_black() {
        for shade in [64u8, 100, 128, 160, 200] {
            let page = reduce(&grey(256, 256, |_, _| shade));
            let wanted = 1.0 - f64::from(shade) / 255.0;
            assert!((black_share(&page) - wanted).abs() < 0.01, "{shade}: {}", black_share(&page));
        }
    }

    #[test]
    fn smoothed_letters_stay_clean() {
        // Strokes of 6 pixels with soft edges on light grey paper.
        let page = reduce(&grey(256, 256, |x, _| match x % 20 {
            7 | 14 => 128,
            8..14 => 10,
            _ => 235,
        }));
        let first = &page.data()[..32];
        assert!(page.iter().all(|row| row == first), "every row of a straight stroke is the same");
        let black = black_share(&page);
        assert!((0.3..=0.41).contains(&black), "{black}");
    }

    #[test]
    fn the_edges_of_a_grey_surface_are_as_grey_as_its_middle() {
        let page = reduce(&grey(256, 256, |x, y| {
            let (x, y) = (x as isize - 128, y as isize - 128);
            if x * x + y * y < 100 * 100 { 128 } else { 255 }
        }));
        for row in [32, 34, 128, 220] {
            let black: u32 = page.iter().skip(row).take(2).flatten().map(|o| o.count_ones()).sum();
            let half = f64::from(100 * 100 - (row as i32 - 128).pow(2)).sqrt();
            assert!((f64::from(black) - 2.0 * half).abs() < 0.2 * half + 8.0, "row {row}: {black} of {half}");
        }
    }

    #[test]
    fn dark_and_light_parts_of_a_photograph_have_no_edges_of_their_own() {
        // Shades from 10 to 245 and back, four times.
        let shade = |x: usize| (127.0 + 117.0 * (x as f64 / 40.0).sin()) as u8;
        let page = reduce(&grey(1024, 256, |x, _| shade(x)));
        for octet in 0..128 {
            let black: u32 = page.iter().map(|row| row[octet].count_ones()).sum();
            let wanted: f64 =
                (octet * 8..octet * 8 + 8).map(|x| 1.0 - f64::from(shade(x)) / 255.0).sum::<f64>() * 256.0;
            assert!((f64::from(black) - wanted).abs() < 130.0, "column {octet}: {black} of {wanted}");
        }
    }

    #[test]
    fn text_beside_a_photograph_is_not_dithered() {
        let page = reduce(&grey(512, 128, |x, y| if x < 256 { (x / 2 + y / 2) as u8 + 60 } else { 250 }));
        let dots = |columns: std::ops::Range<usize>| {
            page.iter().flat_map(|row| &row[columns.clone()]).map(|byte| byte.count_ones()).sum::<u32>()
        };
        assert!(dots(0..28) > 5_000);
        assert_eq!(dots(36..64), 0);
    }
}
