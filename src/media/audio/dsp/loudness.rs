//! How loud the speech in a stream is, and where it begins and ends.
//!
//! The mean over everything says little of a message that is half pauses. So the level is taken by blocks
//! of 20 ms, and blocks far below the loud ones do not count, as in ITU-R BS.1770 and in the spirit of the
//! active speech level of ITU-T P.56. What a gate lets through is known only at the end: until then the
//! blocks are kept in classes of 1 dB.

use super::RATE_HZ;
use std::ops::Range;

/// Samples of a block: 20 ms.
const BLOCK: usize = 160;
/// Classes of 1 dB below full scale; the last one takes all that is softer.
const CLASSES: usize = 100;
/// Blocks below this class are never speech (-60 dB).
const FLOOR: usize = 60;
/// Softer than the mean of the blocks above the floor by more than this: a pause (dB).
const GATE_DB: f64 = 20.0;
/// Softer than the speech by more than this: silence (dB).
const SILENCE_DB: f64 = 30.0;
/// What is left before and after speech when silence is cut off.
const BEFORE: u64 = RATE_HZ / 10;
const AFTER: u64 = 3 * RATE_HZ / 10;

/// Blocks of nearly the same level.
#[derive(Clone, Copy, Debug, Default)]
struct Class {
    blocks: u64,
    /// Sum of their mean squares.
    power: f64,
    /// First and last of them, counted from the begin of the stream.
    first: u64,
    last: u64,
}

/// Levels of the blocks seen so far.
#[derive(Clone, Debug)]
pub struct Loudness {
    classes: Box<[Class; CLASSES]>,
    blocks: u64,
    /// Sum of squares of the open block, and its samples.
    squares: f64,
    filled: usize,
}

impl Default for Loudness {
    fn default() -> Self {
        Loudness { classes: Box::new([Class::default(); CLASSES]), blocks: 0, squares: 0.0, filled: 0 }
    }
}

impl Loudness {
    /// Takes more samples.
    pub fn add(&mut self, mut samples: &[i16]) {
        while !samples.is_empty() {
            let (piece, rest) = samples.split_at(samples.len().min(BLOCK - self.filled));
            let squares: u64 = piece.iter().map(|&x| u64::from(x.unsigned_abs()).pow(2)).sum();
            self.squares += squares as f64;
            self.filled += piece.len();
            if self.filled == BLOCK {
                self.close();
            }
            samples = rest;
        }
    }

    /// Counts the last block, which may be shorter than the others.
    pub fn finish(&mut self) {
        if self.filled > 0 {
            self.close();
        }
    }

    fn close(&mut self) {
        let power = self.squares / self.filled as f64 / 32_768f64.powi(2);
        // `as` limits: the level of silence is minus infinity.
        let below = (-10.0 * power.log10()) as usize;
        if let Some(class) = self.classes.get_mut(below.min(CLASSES - 1)) {
            if class.blocks == 0 {
                class.first = self.blocks;
            }
            class.last = self.blocks;
            class.blocks += 1;
            class.power += power;
        }
        self.blocks += 1;
        self.squares = 0.0;
        self.filled = 0;
    }

    /// Level of the speech in dB of full scale; `None` without any.
    pub fn speech_dbfs(&self) -> Option<f64> {
        let mean_dbfs = |classes: &[Class]| {
            let blocks: u64 = classes.iter().map(|class| class.blocks).sum();
            let power: f64 = classes.iter().map(|class| class.power).sum();
            (blocks > 0).then(|| 10.0 * (power / blocks as f64).log10())
        };
        let all = mean_dbfs(&self.classes[..FLOOR])?;
        mean_dbfs(self.above(all - GATE_DB))
    }

    /// Level in dB of full scale below which it is silent.
    pub fn silence_dbfs(&self) -> f64 {
        let floor = -(FLOOR as f64);
        self.speech_dbfs().map_or(floor, |level| (level - SILENCE_DB).max(floor))
    }

    /// Share of the stream that is silence, 0 to 1.
    pub fn silence_share(&self) -> f64 {
        let sounding: u64 = self.sounding().iter().map(|class| class.blocks).sum();
        1.0 - sounding as f64 / self.blocks.max(1) as f64
    }

    /// The samples to keep where silence at both ends is cut off, with a little of it; `None` where all is
    /// silence. The end may lie behind that of the stream.
    pub fn span(&self) -> Option<Range<u64>> {
        let heard = || self.sounding().iter().filter(|class| class.blocks > 0);
        let first = heard().map(|class| class.first).min()?;
        let last = heard().map(|class| class.last).max()?;
        let block = BLOCK as u64;
        Some((first * block).saturating_sub(BEFORE)..(last + 1) * block + AFTER)
    }

    /// Classes that are not silence.
    fn sounding(&self) -> &[Class] {
        self.speech_dbfs().map_or(&[], |level| self.above(level - SILENCE_DB))
    }

    /// Classes above a level, and above the floor.
    fn above(&self, dbfs: f64) -> &[Class] {
        // `as` limits to 0.
        let classes = ((-dbfs).ceil() as usize).clamp(1, FLOOR);
        self.classes.get(..classes).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn measured(samples: &[i16]) -> Loudness {
        let mut loudness = Loudness::default();
        samples.chunks(77).for_each(|piece| loudness.add(piece));
        loudness.finish();
        loudness
    }

    fn square(level: i16, samples: usize) -> Vec<i16> {
        (0..samples).map(|k| if k.is_multiple_of(2) { level } else { -level }).collect()
    }

    #[test]
    fn pauses_do_not_lower_the_level() {
        let speech = square(3_277, 8_000);
        let with_pauses = [square(20, 16_000), speech.clone(), vec![0; 24_000]].concat();
        for samples in [&speech, &with_pauses] {
            assert!((measured(samples).speech_dbfs().unwrap() + 20.0).abs() < 0.01);
        }
        assert!((measured(&with_pauses).silence_share() - 5.0 / 6.0).abs() < 1e-9);
        assert_eq!(measured(&speech).silence_share(), 0.0);
    }

    #[test]
    fn the_span_of_speech_has_margins() {
        let samples = [square(20, 16_000), square(3_277, 8_000), vec![0; 24_000]].concat();
        assert_eq!(measured(&samples).span(), Some(16_000 - 800..24_000 + 2_400));
        assert_eq!(measured(&square(3_277, 8_000)).span(), Some(0..10_400));
    }

    #[test]
    fn silence_has_neither_level_nor_span() {
        for samples in [vec![], vec![0; 1_000], square(20, 1_000)] {
            let loudness = measured(&samples);
            assert_eq!((loudness.speech_dbfs(), loudness.span()), (None, None));
            assert_eq!(loudness.silence_share(), 1.0);
        }
    }
}
