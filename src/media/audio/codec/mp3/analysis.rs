//! The hybrid filterbank of the encoder (ISO/IEC 11172-3 C.1.3 and C.1.5.3): 32 subbands, a transform of 36
//! samples in each, the butterflies against aliasing. Long blocks only.
//!
//! The package that does the rest has one of its own, in integers, that takes more than half of the time of
//! the whole. The two differ by less than a quarter of the least step of a sample.

use shine_rs::tables::SHINE_ENWINDOW;
use std::f64::consts::PI;
use std::sync::LazyLock;

/// Subbands.
const BANDS: usize = 32;
/// Samples of a subband in a granule.
const SLOTS: usize = 18;
/// Samples of a granule, and lines of its spectrum.
pub const GRANULE: usize = BANDS * SLOTS;
/// Samples that the window of the subbands spans.
const WINDOW: usize = 512;
/// From samples of 16 bits to the lines the package expects.
const SCALE: f32 = 8_192.0;

/// Samples of all subbands at one time.
type Slot = [f32; BANDS];

struct Tables {
    /// The analysis window (table C.1), from the latest sample.
    window: [f32; WINDOW],
    /// cos((2 band + 1) n pi / 64), by n.
    matrix: [Slot; BANDS],
    /// By sample: the row of the folded transform and the window, with its sign (figure C.9).
    folds: [(usize, f32); 2 * SLOTS],
    /// cos(pi / 72 (2 row + 1) (2 line + 1)), by line.
    transform: [[f32; SLOTS]; SLOTS],
    /// Coefficients cs and ca of the butterflies (table B.9).
    butterflies: [(f32, f32); 8],
}

static TABLES: LazyLock<Tables> = LazyLock::new(|| {
    let odd = |k: usize| (2 * k + 1) as f64;
    Tables {
        window: SHINE_ENWINDOW.map(|x| (f64::from(x) / f64::from(i32::MAX)) as f32),
        matrix: std::array::from_fn(|n| {
            std::array::from_fn(|band| (odd(band) * n as f64 * PI / 64.0).cos() as f32)
        }),
        folds: std::array::from_fn(|k| {
            let window = (PI / 36.0 * (k as f64 + 0.5)).sin() as f32;
            // The cosine of 2 k + 19 seventy-seconds of a turn is that of an angle below a quarter, but for
            // the sign.
            match 2 * k + 19 {
                place @ ..=35 => (place / 2, window),
                place @ 36..=71 => ((72 - place) / 2, -window),
                place => ((place - 72) / 2, -window),
            }
        }),
        transform: std::array::from_fn(|line| {
            std::array::from_fn(|row| (PI / 72.0 * odd(row) * odd(line)).cos() as f32)
        }),
        butterflies: [-0.6, -0.535, -0.33, -0.185, -0.095, -0.041, -0.0142, -0.003_7].map(|c: f64| {
            let length = c.hypot(1.0);
            ((1.0 / length) as f32, (c / length) as f32)
        }),
    }
});

/// State of one channel.
pub struct Analysis {
    /// Samples from the latest to the earliest that a window reaches.
    samples: [f32; GRANULE + WINDOW - BANDS],
    /// Subbands of the last granule.
    last: [Slot; SLOTS],
}

impl Analysis {
    /// The initial state.
    pub fn new() -> Self {
        Analysis { samples: [0.0; GRANULE + WINDOW - BANDS], last: [[0.0; BANDS]; SLOTS] }
    }

    /// The spectrum of a granule.
    pub fn granule(&mut self, input: &[i16; GRANULE]) -> [i32; GRANULE] {
        let tables = &*TABLES;
        self.samples.copy_within(..WINDOW - BANDS, GRANULE);
        for (sample, &x) in self.samples.iter_mut().zip(input.iter().rev()) {
            *sample = x.into();
        }
        let mut now = [[0.0; BANDS]; SLOTS];
        for (k, slot) in now.iter_mut().rev().enumerate() {
            if let Some(samples) = self.samples[k * BANDS..].first_chunk() {
                *slot = subbands(samples, tables);
            }
        }
        // Every second sample of every second band has the other sign.
        for slot in now.iter_mut().skip(1).step_by(2) {
            slot.iter_mut().skip(1).step_by(2).for_each(|x| *x = -*x);
        }
        let spectrum = transformed(&self.last, &now, tables);
        self.last = now;
        spectrum
    }
}

/// One sample of each subband.
fn subbands(samples: &[f32; WINDOW], tables: &Tables) -> Slot {
    let mut sums = [0.0; 2 * BANDS];
    for (samples, window) in samples.as_chunks::<64>().0.iter().zip(tables.window.as_chunks::<64>().0) {
        for ((sum, &x), &w) in sums.iter_mut().zip(samples).zip(window) {
            *sum += x * w;
        }
    }
    // The matrix has equal columns, but for the sign, around the 16th and the 48th.
    let folded: Slot = std::array::from_fn(|n| match n {
        0 => sums[16],
        1..=16 => sums[16 - n] + sums[16 + n],
        _ => sums[16 + n] - sums[80 - n],
    });
    let mut out = [0.0; BANDS];
    for (x, row) in folded.into_iter().zip(&tables.matrix) {
        for (out, &factor) in out.iter_mut().zip(row) {
            *out += x * factor;
        }
    }
    out
}

/// The transform of all bands, and the butterflies between them.
fn transformed(last: &[Slot; SLOTS], now: &[Slot; SLOTS], tables: &Tables) -> [i32; GRANULE] {
    let mut folded = [[0.0; BANDS]; SLOTS];
    for (slot, &(row, window)) in last.iter().chain(now).zip(&tables.folds) {
        for (sum, &x) in folded[row].iter_mut().zip(slot) {
            *sum += window * x;
        }
    }
    let mut lines = [0.0f32; GRANULE];
    for (line, factors) in tables.transform.iter().enumerate() {
        let mut sums = [0.0; BANDS];
        for (row, &factor) in folded.iter().zip(factors) {
            for (sum, &x) in sums.iter_mut().zip(row) {
                *sum += factor * x;
            }
        }
        for (lines, sum) in lines.as_chunks_mut::<SLOTS>().0.iter_mut().zip(sums) {
            lines[line] = sum;
        }
    }
    for border in (SLOTS..GRANULE).step_by(SLOTS) {
        for (k, (cs, ca)) in tables.butterflies.iter().enumerate() {
            let (above, below) = (lines[border + k], lines[border - 1 - k]);
            lines[border + k] = above * cs - below * ca;
            lines[border - 1 - k] = above * ca + below * cs;
        }
    }
    lines.map(|x| (x * SCALE) as i32)
}

#[cfg(test)]
mod tests {
    use super::*;
    use shine_rs::{Mp3Encoder, Mp3EncoderConfig, StereoMode};

    #[test]
    fn the_spectrum_is_that_of_the_package() {
        let config = Mp3EncoderConfig::new().sample_rate(8_000).bitrate(32).channels(1);
        let mut package = Mp3Encoder::new(config.stereo_mode(StereoMode::Mono)).unwrap();
        let mut analysis = Analysis::new();
        let speech = include_bytes!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/audio/s1.s16"));
        let speech = speech.as_chunks().0.iter().map(|&word| i16::from_le_bytes(word));
        // No louder: theirs overflows.
        let square = (0..4 * GRANULE).map(|k| if k / 37 % 2 == 0 { 16_000 } else { -16_000 });
        let samples: Vec<i16> = speech.take(40 * GRANULE).chain(square).collect();
        let mut power = 0.0;
        for granule in samples.as_chunks::<GRANULE>().0 {
            package.encode_interleaved(granule).unwrap();
            let theirs = &package.shine_config().mdct_freq[0][0];
            for (ours, theirs) in analysis.granule(granule).into_iter().zip(theirs.iter()) {
                // Theirs cuts off each of some hundred products: up to a quarter of a sample's unit in all.
                assert!(ours.abs_diff(*theirs) < SCALE as u32 / 4, "{ours} {theirs}");
                power += f64::from(ours).powi(2);
            }
        }
        // Lines of some 10 units of a sample, on the average.
        assert!(power > (10.0 * f64::from(SCALE)).powi(2) * samples.len() as f64, "{power}");
    }
}
