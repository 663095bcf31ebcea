//! Telephone keys (DTMF, ITU-T Q.23) taken out of a recording that is played over a telephone line: a
//! gateway takes them for signals of the far end.
//!
//! Blocks of 20 ms are measured at the eight frequencies (Goertzel). A key lasts two blocks at least, as
//! receivers want 40 ms (ITU-T Q.24), and nearly all of its power lies at two frequencies of about the same
//! level: speech is not like that. What is recognised becomes silence; the length stays.

use super::RATE_HZ;

/// Samples of a block: 20 ms.
const BLOCK: usize = 160;
/// The frequencies in Hz (Q.23 6): four of the low group, four of the high one.
const LOW: [f64; 4] = [697.0, 770.0, 852.0, 941.0];
const HIGH: [f64; 4] = [1_209.0, 1_336.0, 1_477.0, 1_633.0];
/// Share of a block's power that the two frequencies have together.
const SHARE: f64 = 0.8;
/// One of the two may be so many times as strong as the other (10 dB).
const TWIST: f64 = 10.0;
/// Softer than -45 dB of full scale nobody recognises a key.
const FLOOR: f64 = 32_768.0 * 32_768.0 / 31_623.0;

/// Passes samples on, keys silenced.
#[derive(Clone, Debug, Default)]
pub struct Keys {
    /// The open block.
    block: Vec<i16>,
    /// The block before, with the key in it, and whether it is silenced.
    held: Vec<i16>,
    held_key: Option<(usize, usize)>,
    held_silent: bool,
    silenced: u64,
}

impl Keys {
    /// Appends what is passed on of more samples; one block is held back.
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
        self.release(out);
        out.append(&mut self.block);
    }

    fn close(&mut self, out: &mut Vec<i16>) {
        let key = key(&self.block);
        let again = key.is_some() && key == self.held_key;
        self.held_silent |= again;
        self.release(out);
        std::mem::swap(&mut self.held, &mut self.block);
        self.held_key = key;
        self.held_silent = again;
    }

    fn release(&mut self, out: &mut Vec<i16>) {
        if self.held_silent {
            self.silenced += self.held.len() as u64;
            self.held.fill(0);
        }
        out.append(&mut self.held);
    }

    /// Samples silenced so far.
    pub fn silenced(&self) -> u64 {
        self.silenced
    }
}

/// The key in a block: places of its two frequencies.
fn key(block: &[i16]) -> Option<(usize, usize)> {
    let power = block.iter().map(|&x| f64::from(x).powi(2)).sum::<f64>() / block.len() as f64;
    if power < FLOOR {
        return None;
    }
    let loudest = |group: [f64; 4]| {
        // Transmitters may be off by 1.5 % (Q.24), which is not within one place of a block's spectrum.
        let powers = group
            .map(|hz| [0.988, 1.0, 1.012].iter().map(|off| power_at(block, hz * off)).fold(0.0, f64::max));
        let best = powers.iter().enumerate().max_by(|a, b| a.1.total_cmp(b.1))?;
        Some((best.0, *best.1))
    };
    let ((low, low_power), (high, high_power)) = (loudest(LOW)?, loudest(HIGH)?);
    let both = low_power + high_power >= SHARE * power;
    let alike = low_power < TWIST * high_power && high_power < TWIST * low_power;
    (both && alike).then_some((low, high))
}

/// Power of a sine of this frequency in the block (Goertzel).
fn power_at(block: &[i16], hz: f64) -> f64 {
    let turn = 2.0 * (std::f64::consts::TAU * hz / RATE_HZ as f64).cos();
    let (mut before, mut last) = (0.0, 0.0);
    for &sample in block {
        (before, last) = (last, f64::from(sample) + turn * last - before);
    }
    let magnitude = before * before + last * last - turn * before * last;
    // A sine of amplitude a has a magnitude of (a n / 2) squared and a power of a squared by two.
    2.0 * magnitude / (block.len() as f64).powi(2)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn passed(samples: &[i16], piece: usize) -> (Vec<i16>, u64) {
        let (mut keys, mut out) = (Keys::default(), Vec::new());
        samples.chunks(piece).for_each(|piece| keys.push(piece, &mut out));
        keys.finish(&mut out);
        (out, keys.silenced())
    }

    fn tones(low: f64, high: f64, amplitude: f64, samples: usize) -> Vec<i16> {
        let at = |hz: f64, k: usize| (std::f64::consts::TAU * hz * k as f64 / 8_000.0).sin();
        (0..samples).map(|k| (amplitude * (at(low, k) + at(high, k))) as i16).collect()
    }

    #[test]
    fn every_key_at_every_level_is_silenced() {
        for low in LOW {
            for high in HIGH {
                for amplitude in [400.0, 4_000.0, 16_000.0] {
                    // Off by 1.5 %, as transmitters may be (Q.24).
                    let key = tones(low * 1.015, high * 0.985, amplitude, 800);
                    let samples = [vec![0; 200], key, vec![0; 200]].concat();
                    for piece in [1, 77, 5_000] {
                        let (out, silenced) = passed(&samples, piece);
                        assert_eq!(out.len(), samples.len());
                        assert!(silenced >= 480, "{low} {high} {amplitude}: {silenced}");
                    }
                }
            }
        }
    }

    #[test]
    fn speech_and_single_tones_pass_as_they_are() {
        let speech =
            include_bytes!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/audio/s1.s16")).as_slice();
        let speech: Vec<i16> = speech.as_chunks().0.iter().map(|&x| i16::from_le_bytes(x)).collect();
        assert!(speech.len() > 8_000);
        assert_eq!(passed(&speech, 333), (speech.clone(), 0));
        let tone = tones(440.0, 440.0, 5_000.0, 4_000);
        assert_eq!(passed(&tone, 333), (tone.clone(), 0));
        // A key of one block is no key.
        let short = [vec![0; 160], tones(697.0, 1_209.0, 5_000.0, 160), vec![0; 160]].concat();
        assert_eq!(passed(&short, 333), (short.clone(), 0));
    }
}
