//! Long silences within a message made shorter: some systems take one for its end.

/// Samples of a block: 20 ms.
const BLOCK: usize = 160;

/// Passes samples on, but of each silence only its begin.
#[derive(Clone, Debug)]
pub struct Gaps {
    /// Mean square below which a block is silence.
    threshold: f64,
    /// Samples of a silence that are passed on.
    most: u64,
    /// Samples of the silence so far.
    silent: u64,
    /// The open block.
    block: Vec<i16>,
    /// Samples left out.
    cut: u64,
}

impl Gaps {
    /// Silence is what is softer than `dbfs` (dB of full scale); of each, `most` samples are passed on.
    pub fn new(dbfs: f64, most: u64) -> Self {
        let threshold = 10f64.powf(dbfs / 10.0) * 32_768f64.powi(2);
        Gaps { threshold, most, silent: 0, block: Vec::with_capacity(BLOCK), cut: 0 }
    }

    /// Appends what is passed on of more samples.
    pub fn push(&mut self, samples: &[i16], out: &mut Vec<i16>) {
        for &sample in samples {
            self.block.push(sample);
            if self.block.len() == BLOCK {
                self.close(out);
            }
        }
    }

    /// Ends the stream.
    pub fn finish(&mut self, out: &mut Vec<i16>) {
        if !self.block.is_empty() {
            self.close(out);
        }
    }

    fn close(&mut self, out: &mut Vec<i16>) {
        let length = self.block.len() as u64;
        let squares: f64 = self.block.iter().map(|&x| f64::from(x).powi(2)).sum();
        self.silent = if squares / length as f64 >= self.threshold { 0 } else { self.silent + length };
        if self.silent <= self.most {
            out.append(&mut self.block);
        } else {
            self.cut += length;
            self.block.clear();
        }
    }

    /// Samples left out so far.
    pub fn cut(&self) -> u64 {
        self.cut
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shortened(samples: &[i16], piece: usize) -> (Vec<i16>, u64) {
        let (mut gaps, mut out) = (Gaps::new(-50.0, 1_600), Vec::new());
        samples.chunks(piece).for_each(|piece| gaps.push(piece, &mut out));
        gaps.finish(&mut out);
        (out, gaps.cut())
    }

    #[test]
    fn only_long_silences_are_cut_and_only_what_is_over() {
        let tone = |n: usize| (0..n).map(|k| if k % 8 < 4 { 3_000 } else { -3_000 }).collect::<Vec<i16>>();
        let samples = [tone(800), vec![5; 1_600], tone(800), vec![-7; 9_600], tone(333)].concat();
        for piece in [1, 99, 4_096, 100_000] {
            let (out, cut) = shortened(&samples, piece);
            assert_eq!(cut, 8_000);
            assert_eq!(out, [tone(800), vec![5; 1_600], tone(800), vec![-7; 1_600], tone(333)].concat());
        }
        assert_eq!(shortened(&[], 10), (vec![], 0));
    }
}
