//! The highest value that the sound reaches between the samples too, as a converter will play it.
//!
//! Four times as many samples are interpolated, as in ITU-R BS.1770 annex 2: the highest of them is at
//! most 0.7 dB below the peak for the frequencies of telephony.

/// Samples that one interpolated value is made of.
const TAPS: usize = 16;
/// Values between two samples.
const PHASES: usize = 3;

/// The true peak of the samples seen so far.
#[derive(Clone, Debug)]
pub struct TruePeak {
    phases: [[f32; TAPS]; PHASES],
    /// The last samples, and room for a piece.
    window: Vec<f32>,
    peak: f32,
}

impl Default for TruePeak {
    fn default() -> Self {
        let phases = std::array::from_fn(|phase| phase_of((phase + 1) as f64 / (PHASES + 1) as f64));
        TruePeak { phases, window: vec![0.0; TAPS - 1], peak: 0.0 }
    }
}

/// Interpolation at a fraction of the step after the middle sample: sin(x)/x under a Hann window.
fn phase_of(fraction: f64) -> [f32; TAPS] {
    std::array::from_fn(|k| {
        let at = k as f64 - (TAPS / 2 - 1) as f64 - fraction;
        let x = std::f64::consts::PI * at;
        let window = (x / TAPS as f64).cos().powi(2);
        (x.sin() / x * window) as f32
    })
}

impl TruePeak {
    /// Takes more samples.
    pub fn add(&mut self, samples: &[i16]) {
        for piece in samples.chunks(1_024) {
            self.window.extend(piece.iter().map(|&x| f32::from(x)));
            for around in self.window.windows(TAPS) {
                for phase in &self.phases {
                    let value: f32 = phase.iter().zip(around).map(|(a, b)| a * b).sum();
                    self.peak = self.peak.max(value.abs());
                }
            }
            self.window.drain(..piece.len());
            self.peak = piece.iter().map(|&x| f32::from(x).abs()).fold(self.peak, f32::max);
        }
    }

    /// Takes the end of the stream into account.
    pub fn finish(&mut self) {
        self.add(&[0; TAPS - 1]);
    }

    /// The peak; 1.0 is full scale. It can be above.
    pub fn of_full_scale(&self) -> f32 {
        self.peak / 32_768.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn peaks_between_samples_are_found() {
        for hz in [200.0, 1_000.0, 2_000.0, 3_400.0] {
            // A quarter of the rate, and 45 degrees: no sample comes nearer than 3 dB to the peak.
            let phase = std::f64::consts::FRAC_PI_4;
            // A tone that begins or ends at once does overshoot.
            let swell = |k: i32| 20_000.0 * (f64::from(k.min(4_000 - k)) / 1_000.0).min(1.0);
            let step = std::f64::consts::TAU * hz / 8_000.0;
            let samples: Vec<i16> =
                (0..4_000).map(|k| (swell(k) * (step * f64::from(k) + phase).sin()) as i16).collect();
            let mut peak = TruePeak::default();
            samples.chunks(777).for_each(|piece| peak.add(piece));
            peak.finish();
            let off_db = 20.0 * (peak.of_full_scale() * 32_768.0 / 20_000.0).log10();
            println!("{hz} Hz: {off_db:+.2} dB");
            assert!((-0.7..0.7).contains(&off_db), "{hz} Hz: {off_db:+.2} dB");
        }
    }
}
