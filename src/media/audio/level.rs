//! Loudness of linear samples: root mean square and peak, in dB of full scale.

/// Full scale of 16 bits.
const FULL_SCALE: f64 = 32_768.0;

/// Sums over the samples seen so far.
#[derive(Clone, Copy, Debug, Default)]
pub struct Level {
    squares: f64,
    samples: u64,
    peak: u16,
}

impl Level {
    /// Takes more samples.
    pub fn add(&mut self, samples: &[i16]) {
        // Pairs first, as vector units do: two squares stay below 2^32. A block of them stays below 2^64:
        // the longest one has fewer than 2^32 samples of 30 bits.
        let square = |x: i16| i32::from(x).wrapping_mul(i32::from(x)).cast_unsigned();
        let (pairs, last) = samples.as_chunks();
        let pairs = pairs.iter().map(|&[a, b]: &[i16; 2]| u64::from(square(a).wrapping_add(square(b))));
        let squares = pairs.sum::<u64>() + last.iter().map(|&x| u64::from(square(x))).sum::<u64>();
        self.squares += squares as f64;
        self.samples += samples.len() as u64;
        // Signed extremes: the baseline of x86-64 has no maximum of unsigned words.
        let extremes = samples.iter().fold((0, 0), |(low, high), &x| (x.min(low), x.max(high)));
        self.peak = self.peak.max(extremes.0.unsigned_abs()).max(extremes.1.unsigned_abs());
    }

    /// Root mean square; `None` for silence.
    pub fn rms_dbfs(&self) -> Option<f32> {
        decibels((self.squares / self.samples.max(1) as f64).sqrt())
    }

    /// Highest magnitude; `None` for silence.
    pub fn peak_dbfs(&self) -> Option<f32> {
        decibels(f64::from(self.peak))
    }
}

fn decibels(amplitude: f64) -> Option<f32> {
    (amplitude > 0.0).then(|| (20.0 * (amplitude / FULL_SCALE).log10()) as f32)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_square_wave_at_half_scale_is_6_db_down() {
        let mut level = Level::default();
        level.add(&[16_384, -16_384]);
        level.add(&[16_384, -16_384]);
        assert!((level.rms_dbfs().unwrap() + 6.02).abs() < 0.01);
        assert!((level.peak_dbfs().unwrap() + 6.02).abs() < 0.01);
    }

    #[test]
    fn silence_has_no_level_and_the_lowest_sample_is_full_scale() {
        let mut level = Level::default();
        level.add(&[0; 100]);
        assert_eq!((level.rms_dbfs(), level.peak_dbfs()), (None, None));
        level.add(&[i16::MIN]);
        assert_eq!(level.peak_dbfs(), Some(0.0));
    }
}
