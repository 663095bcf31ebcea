//! The outline of a sound for drawings: lowest and highest sample of equal spans of time.
//!
//! Nobody knows how long a stream is before its end, and memory must not grow with it: the spans start
//! short and double whenever there are too many of them.

use serde::{Deserialize, Serialize};

/// Most spans that are kept; a drawing has fewer columns.
const MAX_BUCKETS: usize = 1_024;
/// Samples of the shortest span: 2.5 ms at 8000 samples a second.
const SHORTEST: u64 = 20;

/// Lowest and highest samples of consecutive spans.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Waveform {
    /// Lowest and highest sample of each span; the last span may be shorter than the others.
    pub buckets: Vec<(i16, i16)>,
    /// Samples of a span.
    pub bucket_samples: u64,
    /// Samples seen.
    pub samples: u64,
}

impl Default for Waveform {
    fn default() -> Self {
        Waveform { buckets: Vec::new(), bucket_samples: SHORTEST, samples: 0 }
    }
}

/// The outline of `samples` of one channel.
pub fn of(samples: &[i16]) -> Waveform {
    let mut waveform = Waveform::default();
    waveform.add(samples);
    waveform
}

impl Waveform {
    /// Takes more samples of one channel.
    pub fn add(&mut self, mut samples: &[i16]) {
        while !samples.is_empty() {
            let open = self.samples % self.bucket_samples;
            if open == 0 && self.buckets.len() >= MAX_BUCKETS {
                self.halve();
                continue;
            }
            let room = usize::try_from(self.bucket_samples - open).unwrap_or(usize::MAX);
            let (span, rest) = samples.split_at(room.min(samples.len()));
            let range = span.iter().fold((i16::MAX, i16::MIN), |range, &x| joined(range, (x, x)));
            match self.buckets.last_mut() {
                Some(last) if open > 0 => *last = joined(*last, range),
                _ => self.buckets.push(range),
            }
            self.samples += span.len() as u64;
            samples = rest;
        }
    }

    /// The outline in at most `columns` spans of nearly equal length, for a drawing of that width.
    pub fn columns(&self, columns: usize) -> Vec<(i16, i16)> {
        let (have, want) = (self.buckets.len(), columns.min(self.buckets.len()));
        let column = |k: usize| {
            let span = self.buckets.get(k * have / want..(k + 1) * have / want).unwrap_or_default();
            span.iter().copied().reduce(joined).unwrap_or_default()
        };
        (0..want).map(column).collect()
    }

    /// Joins the spans in pairs.
    fn halve(&mut self) {
        let pair = |pair: &[(i16, i16)]| pair.iter().copied().reduce(joined).unwrap_or_default();
        self.buckets = self.buckets.chunks(2).map(pair).collect();
        self.bucket_samples *= 2;
    }
}

fn joined(a: (i16, i16), b: (i16, i16)) -> (i16, i16) {
    (a.0.min(b.0), a.1.max(b.1))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ramp(samples: usize) -> Vec<i16> {
        (0..samples).map(|k| (k % 65_536) as u16 as i16).collect()
    }

    #[test]
    fn spans_hold_their_extremes() {
        let mut samples = vec![0; 50];
        samples[3] = -7;
        samples[19] = 5;
        samples[40] = 9;
        let waveform = of(&samples);
        assert_eq!(waveform.buckets, [(-7, 5), (0, 0), (0, 9)]);
        assert_eq!((waveform.bucket_samples, waveform.samples), (20, 50));
        assert_eq!(of(&[]).buckets, []);
    }

    #[test]
    fn the_outline_does_not_depend_on_the_pieces_and_stays_bounded() {
        for length in [1, 20_479, 20_480, 20_481, 40_960, 40_961, 200_003] {
            let samples = ramp(length);
            let mut pieces = Waveform::default();
            samples.chunks(77).for_each(|piece| pieces.add(piece));
            assert_eq!(pieces, of(&samples), "{length}");
            assert!(pieces.buckets.len() <= MAX_BUCKETS);
            let spans = samples.chunks(pieces.bucket_samples as usize);
            let want: Vec<_> = spans.map(|s| (*s.iter().min().unwrap(), *s.iter().max().unwrap())).collect();
            assert_eq!(pieces.buckets, want, "{length}");
        }
    }

    #[test]
    fn columns_cover_everything_once() {
        let waveform = of(&ramp(2_000));
        let columns = waveform.columns(7);
        assert_eq!(columns.len(), 7);
        assert_eq!((columns[0].0, columns[6].1), (0, 1_999));
        assert!(columns.windows(2).all(|pair| pair[0].1 + 1 == pair[1].0));
        assert_eq!(waveform.columns(500).len(), 100);
        assert_eq!(waveform.columns(0), []);
    }
}
