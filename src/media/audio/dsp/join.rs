//! One recording after another, without clicks: each fades out and in, with a pause between.

use super::{FADE, RATE_HZ, fade_in, scaled};

/// Samples of the pause between two recordings: a quarter of a second.
const PAUSE: usize = RATE_HZ as usize / 4;

/// Joins recordings; the samples between two calls of [`Joiner::next`] are one.
#[derive(Clone, Debug, Default)]
pub struct Joiner {
    /// Samples of this recording seen.
    seen: usize,
    /// The last samples, which fade out if another recording follows.
    held: Vec<i16>,
    /// True from the second recording on.
    joined: bool,
}

impl Joiner {
    /// Appends what more samples of a recording add.
    pub fn push(&mut self, samples: &[i16], out: &mut Vec<i16>) {
        let begin = self.seen;
        let joined = self.joined;
        self.held.extend(
            samples
                .iter()
                .enumerate()
                .map(|(k, &x)| if joined && begin + k < FADE { scaled(x, fade_in(begin + k)) } else { x }),
        );
        self.seen += samples.len();
        out.extend(self.held.drain(..self.held.len().saturating_sub(FADE)));
    }

    /// Ends a recording that another one follows.
    pub fn next(&mut self, out: &mut Vec<i16>) {
        if self.seen == 0 {
            return;
        }
        let length = self.held.len();
        out.extend(self.held.drain(..).enumerate().map(|(k, x)| scaled(x, fade_in(length - 1 - k))));
        out.extend(std::iter::repeat_n(0, PAUSE));
        self.seen = 0;
        self.joined = true;
    }

    /// Ends the last recording.
    pub fn finish(&mut self, out: &mut Vec<i16>) {
        out.append(&mut self.held);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn joined(recordings: &[&[i16]], piece: usize) -> Vec<i16> {
        let (mut joiner, mut out) = (Joiner::default(), Vec::new());
        for (k, recording) in recordings.iter().enumerate() {
            if k > 0 {
                joiner.next(&mut out);
            }
            recording.chunks(piece).for_each(|piece| joiner.push(piece, &mut out));
        }
        joiner.finish(&mut out);
        out
    }

    #[test]
    fn one_recording_is_left_as_it_is() {
        let samples: Vec<i16> = (0..1_000).collect();
        for piece in [1, 7, 1_000] {
            assert_eq!(joined(&[&samples], piece), samples);
        }
        assert!(joined(&[], 1).is_empty());
    }

    #[test]
    fn no_step_at_a_join_is_larger_than_the_fade_makes_it() {
        let loud = [30_000; 500];
        for piece in [1, 13, 500] {
            let out = joined(&[&loud, &loud], piece);
            assert_eq!(out.len(), 500 + PAUSE + 500);
            assert_eq!((out[459], out[500 + PAUSE + 40]), (30_000, 30_000));
            let steps = out.windows(2).map(|pair| (i32::from(pair[0]) - i32::from(pair[1])).abs());
            // A cosine of 40 samples over 30000: at most pi/2/40 of it a sample.
            assert!(steps.max() < Some(1_200));
        }
    }
}
