//! Line spectral frequencies of a frame (TS 26.090 5.2.5, 6.1; concealment: TS 26.091 6.2.3).

use super::Mode;
use super::arith::{l_mult, l_shr, low, mult};
use super::tables::functions::COSINE;
use super::tables::{lsf_five, lsf_three, lsf_three_rest};

/// Order of the short term predictor.
pub const ORDER: usize = 10;

/// Line spectral frequencies, 32768 for 16 kHz, or line spectral pairs, their cosines in Q15.
pub type Lines = [i16; ORDER];

/// Least distance of two lines: 50 Hz.
const GAP: i16 = 205;

/// What the next frame needs of the last.
#[derive(Clone, Debug)]
pub struct Spectrum {
    /// Quantised residuals of the last frame: the prediction.
    residuals: Lines,
    /// LSF of the last frame.
    pub last: Lines,
}

/// A quantiser's fixed part: its mean and its prediction and, for lost frames, how much of the last LSF stays
/// and how much of the mean comes in, all in Q15.
struct Quantiser {
    mean: &'static Lines,
    prediction: &'static Lines,
    stays: i16,
    comes: i16,
}

static THREE: Quantiser =
    Quantiser { mean: &lsf_three::MEAN, prediction: &lsf_three::PREDICTION, stays: 29_491, comes: 3_277 };
static FIVE: Quantiser =
    Quantiser { mean: &lsf_five::MEAN, prediction: &[21_299; ORDER], stays: 31_128, comes: 1_639 };

impl Spectrum {
    /// The initial state. Its mean is that of 12.2 kbit/s for every mode.
    pub fn new() -> Self {
        Spectrum { residuals: [0; ORDER], last: lsf_five::MEAN }
    }

    /// Starts the prediction from one of the eight vectors a comfort noise frame names.
    pub fn of_noise(index: u16) -> Self {
        let vectors = lsf_three::NOISE_RESIDUALS.as_chunks().0;
        Spectrum { residuals: vectors[usize::from(index) & 7], ..Self::new() }
    }

    /// The LSP of a frame of any mode but 12.2; `indices` are its first three parameters.
    pub fn three_parts(&mut self, mode: Mode, indices: &[u16], lost: bool) -> Lines {
        if lost {
            self.conceal(&THREE);
        } else {
            let residuals = match mode {
                Mode::M475 | Mode::M515 => {
                    parts(indices, &lsf_three::FIRST, 2, lsf_three_rest::THIRD_515.as_chunks().0)
                }
                Mode::M795 => parts(indices, &lsf_three::FIRST_795, 1, lsf_three_rest::THIRD.as_chunks().0),
                _ => parts(indices, &lsf_three::FIRST, 1, lsf_three_rest::THIRD.as_chunks().0),
            };
            let predicted = self.predicted(&THREE);
            self.take(residuals, predicted);
        }
        spread(&mut self.last);
        pairs(&self.last)
    }

    /// The LSP of a comfort noise frame; its prediction is the whole of the last residuals.
    pub fn noise(&mut self, indices: &[u16]) -> Lines {
        let residuals = parts(indices, &lsf_three::FIRST, 1, lsf_three_rest::THIRD.as_chunks().0);
        let predicted = std::array::from_fn(|k| THREE.mean[k].saturating_add(self.residuals[k]));
        self.take(residuals, predicted);
        spread(&mut self.last);
        pairs(&self.last)
    }

    /// The two sets of LSP of a frame at 12.2 kbit/s: of the second subframe, of the fourth.
    pub fn five_parts(&mut self, indices: &[u16], lost: bool) -> (Lines, Lines) {
        let mut middle;
        if lost {
            self.conceal(&FIVE);
            middle = self.last;
        } else {
            let predicted = self.predicted(&FIVE);
            let books: [&[i16]; 5] =
                [&lsf_five::FIRST, &lsf_five::SECOND, &lsf_five::THIRD, &lsf_five::FOURTH, &lsf_five::FIFTH];
            let (mut first, mut second) = ([0; ORDER], [0; ORDER]);
            for (k, (book, &index)) in books.into_iter().zip(indices).enumerate() {
                // The lowest bit of the third index is a sign.
                let (index, negative) = if k == 2 { (index >> 1, index & 1 == 1) } else { (index, false) };
                let entry = book.as_chunks::<4>().0[usize::from(index) % (book.len() / 4)];
                let [a, b, c, d] = if negative { entry.map(|x| -x) } else { entry };
                (first[2 * k], first[2 * k + 1]) = (a, b);
                (second[2 * k], second[2 * k + 1]) = (c, d);
            }
            middle = sum(&first, &predicted);
            self.take(second, predicted);
        }
        spread(&mut middle);
        spread(&mut self.last);
        (pairs(&middle), pairs(&self.last))
    }

    fn predicted(&self, quantiser: &Quantiser) -> Lines {
        let by_line = |k: usize| mult(self.residuals[k], quantiser.prediction[k]);
        std::array::from_fn(|k| quantiser.mean[k].saturating_add(by_line(k)))
    }

    fn take(&mut self, residuals: Lines, predicted: Lines) {
        self.last = sum(&residuals, &predicted);
        self.residuals = residuals;
    }

    /// The last LSF, moved towards the mean; the residuals become those that would have given them.
    fn conceal(&mut self, quantiser: &Quantiser) {
        let predicted = self.predicted(quantiser);
        let moved = |k: usize| {
            mult(self.last[k], quantiser.stays).saturating_add(mult(quantiser.mean[k], quantiser.comes))
        };
        self.last = std::array::from_fn(moved);
        self.residuals = std::array::from_fn(|k| self.last[k].saturating_sub(predicted[k]));
    }
}

fn sum(a: &Lines, b: &Lines) -> Lines {
    std::array::from_fn(|k| a[k].saturating_add(b[k]))
}

/// The residuals three indices name; indices of the second book go in steps of `step`.
fn parts(indices: &[u16], first: &[i16], step: usize, third: &[[i16; 4]]) -> Lines {
    let index = |k: usize| indices.get(k).map_or(0, |&index| usize::from(index));
    let (first, second) = (first.as_chunks::<3>().0, lsf_three_rest::SECOND.as_chunks::<3>().0);
    let [a, b, c] = first[index(0) % first.len()];
    let [d, e, f] = second[index(1) * step % second.len()];
    let [g, h, i, j] = third[index(2) % third.len()];
    [a, b, c, d, e, f, g, h, i, j]
}

/// Puts lines in order, no two closer than [`GAP`].
pub fn spread(lines: &mut Lines) {
    let mut least = GAP;
    for line in lines {
        *line = least.max(*line);
        least = line.saturating_add(GAP);
    }
}

/// Frequencies to pairs: cosines, by straight lines between 65 points.
pub fn pairs(frequencies: &Lines) -> Lines {
    frequencies.map(|frequency| {
        let at = usize::try_from(frequency >> 8).unwrap_or(0).min(COSINE.len() - 2);
        let slope = COSINE[at + 1].saturating_sub(COSINE[at]);
        COSINE[at].saturating_add(low(l_shr(l_mult(slope, frequency & 0xFF), 9)))
    })
}

/// The frequencies of a subframe, for the smoothing of gains: as the pairs, but straight from the last
/// frame's to this frame's in every mode.
pub fn between(last: &Lines, now: &Lines, subframe: usize) -> Lines {
    std::array::from_fn(|k| mixed(last[k], now[k], subframe))
}

/// A quarter, a half, three quarters or all of `now`, the rest of `last`.
pub fn mixed(last: i16, now: i16, subframe: usize) -> i16 {
    // No sum saturates: the parts have the weights 1/4 and 3/4 of 16-bit numbers.
    match subframe {
        0 => (last - (last >> 2)) + (now >> 2),
        1 => (last >> 1) + (now >> 1),
        2 => (last >> 2) + (now - (now >> 2)),
        _ => now,
    }
}
