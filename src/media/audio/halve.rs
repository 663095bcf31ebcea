//! Half the samples of a high rate, at a third of the cost of a transform.
//!
//! What the transform of [`super::resample`] costs grows with the rate it starts from; a half-band filter
//! whose transition is as wide as telephony allows is much cheaper. It keeps everything below
//! [`KEPT_HZ`] and stops what would fold back into that by more than 90 dB; what is left above is the transform's.

use std::f64::consts::PI;

/// What no halving changes.
const KEPT_HZ: f64 = 4_000.0;
/// Below this rate the transition would be narrow, and the filter long.
const LOWEST_HZ: u32 = 11_000;
/// Attenuation of what folds back, in dB, for which the filter is made; rounding takes a little.
const STOP_DB: f64 = 100.0;
/// Outputs made at a time: the sums of a group stay in registers.
const GROUP: usize = 16;

/// Halves the rate of one channel.
pub struct Halver {
    /// Coefficients at the odd distances from the centre, 1, 3, 5...; the others are 0 but the centre.
    taps: Vec<f32>,
    /// Samples of even number not used yet.
    even: Vec<f32>,
    /// Samples of odd number, from as many before the first even one as there are coefficients.
    odd: Vec<f32>,
    /// A sample of even number whose neighbour has not come.
    single: Option<f32>,
}

/// Halvers one after the other for `rate_hz`, and the rate that comes out.
pub fn halvers(mut rate_hz: u32) -> (Vec<Halver>, u32) {
    let mut halvers = Vec::new();
    while rate_hz.is_multiple_of(2) && rate_hz / 2 >= LOWEST_HZ {
        halvers.push(Halver::new(rate_hz));
        rate_hz /= 2;
    }
    (halvers, rate_hz)
}

/// Samples of silence that drive the last samples out of any chain of halvers.
pub const FLUSH: usize = 2_048;

impl Halver {
    fn new(rate_hz: u32) -> Self {
        let taps = taps(f64::from(rate_hz));
        let odd = vec![0.0; taps.len()];
        Halver { taps, even: Vec::new(), odd, single: None }
    }

    /// Appends half as many samples, some of them later: output k stands where input 2k stood.
    pub fn push(&mut self, samples: &[f32], out: &mut Vec<f32>) {
        let mut samples = samples;
        if let (Some(even), Some((&odd, rest))) = (self.single, samples.split_first()) {
            self.even.push(even);
            self.odd.push(odd);
            (self.single, samples) = (None, rest);
        }
        let (pairs, rest) = samples.as_chunks::<2>();
        self.even.extend(pairs.iter().map(|pair| pair[0]));
        self.odd.extend(pairs.iter().map(|pair| pair[1]));
        self.single = self.single.or(rest.first().copied());

        let mut used = 0;
        for centre in self.even.as_chunks::<GROUP>().0 {
            let end = used + GROUP + 2 * self.taps.len() - 1;
            let Some(around) = self.odd.get(used..end) else { break };
            out.extend_from_slice(&filtered(&self.taps, centre, around));
            used += GROUP;
        }
        self.even.drain(..used);
        self.odd.drain(..used);
    }
}

/// A group of outputs; `around` begins as many odd samples before the first as there are coefficients.
#[inline(always)]
fn filtered(taps: &[f32], centre: &[f32; GROUP], around: &[f32]) -> [f32; GROUP] {
    let before = around.array_windows::<GROUP>().take(taps.len()).rev();
    let after = around.array_windows::<GROUP>().skip(taps.len());
    let mut sums = centre.map(|x| 0.5 * x);
    for ((tap, before), after) in taps.iter().zip(before).zip(after) {
        for ((sum, before), after) in sums.iter_mut().zip(before).zip(after) {
            *sum += tap * (before + after);
        }
    }
    sums
}

/// A half-band filter: an ideal low pass at a quarter of the rate under a Kaiser window, with his formulas
/// for length and shape.
fn taps(rate_hz: f64) -> Vec<f32> {
    let transition = 0.5 - 2.0 * KEPT_HZ / rate_hz;
    let span = (STOP_DB - 8.0) / (2.285 * 2.0 * PI * transition);
    let pairs = ((span + 2.0) / 4.0).ceil();
    let (beta, reach) = (0.1102 * (STOP_DB - 8.7), 2.0 * pairs);
    let tap = |j: u32| {
        let distance = f64::from(2 * j + 1);
        let window = bessel_i0(beta * (1.0 - (distance / reach).powi(2)).sqrt()) / bessel_i0(beta);
        window * (PI * distance / 2.0).sin() / (PI * distance)
    };
    let taps: Vec<f64> = (0..pairs as u32).map(tap).collect();
    // With the centre of one half, a constant passes as it is.
    let scale = 0.25 / taps.iter().sum::<f64>();
    taps.iter().map(|tap| (tap * scale) as f32).collect()
}

/// Modified Bessel function of the first kind, order 0, by its power series.
fn bessel_i0(x: f64) -> f64 {
    let (mut sum, mut term) = (1.0, 1.0);
    for k in 1..60 {
        term *= (x / 2.0 / f64::from(k)).powi(2);
        sum += term;
    }
    sum
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_stop_where_the_transform_takes_over() {
        let stages = |rate| {
            let (halvers, rate) = halvers(rate);
            (halvers.len(), rate)
        };
        assert_eq!(stages(11_025), (0, 11_025));
        assert_eq!(stages(16_000), (0, 16_000));
        assert_eq!(stages(44_100), (2, 11_025));
        assert_eq!(stages(48_000), (2, 12_000));
        assert_eq!(stages(192_000), (4, 12_000));
    }

    /// Gain at `hz` of the filter of a rate.
    fn gain(taps: &[f32], hz: f64, rate_hz: f64) -> f64 {
        let pair = |(j, &tap): (usize, &f32)| {
            2.0 * f64::from(tap) * (2.0 * PI * hz / rate_hz * (2 * j + 1) as f64).cos()
        };
        0.5 + taps.iter().enumerate().map(pair).sum::<f64>()
    }

    #[test]
    fn what_is_kept_is_flat_and_what_folds_into_it_is_gone() {
        for rate in [22_000.0, 22_050.0, 24_000.0, 32_000.0, 44_100.0, 48_000.0, 96_000.0, 192_000.0] {
            let taps = taps(rate);
            let steps = || (0..=400).map(|k| KEPT_HZ * f64::from(k) / 400.0);
            let off = steps().map(|hz| (gain(&taps, hz, rate) - 1.0).abs()).fold(0.0, f64::max);
            let folds = steps().map(|hz| gain(&taps, rate / 2.0 - hz, rate).abs()).fold(0.0, f64::max);
            let db = 20.0 * folds.log10();
            println!("{rate}: {} pairs, passes within {off:.1e}, stops by {db:.1} dB", taps.len());
            assert!(off < 3e-5 && db < -90.0, "{rate}: {off:e}, {db}");
        }
    }

    #[test]
    fn pieces_do_not_matter_and_every_sample_keeps_its_place() {
        let input: Vec<f32> = (0..3_000u32).map(|k| (k.wrapping_mul(2_654_435_761) >> 20) as f32).collect();
        let halved = |piece: usize| {
            let (mut halver, mut out) = (Halver::new(44_100), Vec::new());
            for piece in input.chunks(piece) {
                halver.push(piece, &mut out);
            }
            out
        };
        let whole = halved(input.len());
        for piece in [1, 2, 7, 33, 1_000] {
            assert_eq!(halved(piece), whole, "{piece}");
        }
        let mut ramp = Vec::new();
        let slope: Vec<f32> = (0..400).map(|k| k as f32).collect();
        Halver::new(44_100).push(&slope, &mut ramp);
        // Away from the step at the front.
        assert!(ramp.iter().enumerate().skip(20).all(|(k, x)| (x - 2.0 * k as f32).abs() < 1e-2));
    }
}
