//! Any rate to 8000 samples a second, one channel, in bounded memory.
//!
//! High rates are halved first, see [`super::halve`]; a resampler by Fourier transforms does the rest. It
//! delays its output; the delay is cut off the front and the end is driven out with silence, so that the
//! output begins with the input and has exactly its length. Limits: rates of which no round number of
//! samples makes a round number at 8000 Hz are rounded, see [`affordable`].

use super::halve::{FLUSH, Halver, halvers};
use crate::media::MediaError;
use rubato::audioadapter_buffers::direct::SequentialSlice;
use rubato::{Fft, FixedSync, Resampler as _};

/// The rate of everything we write.
pub const RATE_HZ: u32 = 8_000;
/// Samples that go into the transform at a time, about.
const CHUNK: usize = 1_024;
/// Longest transform that is prepared without a thought.
const MAX_UNIT: u32 = 8_192;

/// Resampler of one stream.
pub struct Resampler {
    halvers: Vec<Halver>,
    fft: Fft<f32>,
    /// Input that does not fill a chunk yet.
    waiting: Vec<f32>,
    chunk_out: Vec<f32>,
    /// Output samples still to be dropped at the front.
    delay: usize,
    from_hz: u32,
    samples_in: u64,
    samples_out: u64,
}

impl Resampler {
    /// A resampler from a rate other than [`RATE_HZ`].
    pub fn new(from_hz: u32) -> Result<Self, MediaError> {
        let from_hz = affordable(from_hz);
        let unsupported = |error| MediaError::Unsupported(format!("{from_hz} samples a second: {error}"));
        let (halvers, fft_hz) = halvers(from_hz);
        let fft = Fft::new(fft_hz as usize, RATE_HZ as usize, chunk_in(fft_hz), 1, FixedSync::Both)
            .map_err(|error| unsupported(error.to_string()))?;
        let chunk_out = vec![0.0; fft.output_frames_max()];
        let delay = fft.output_delay();
        Ok(Resampler {
            halvers,
            fft,
            waiting: Vec::new(),
            chunk_out,
            delay,
            from_hz,
            samples_in: 0,
            samples_out: 0,
        })
    }

    /// Appends what `samples` add to the output.
    pub fn push(&mut self, samples: &[i16], out: &mut Vec<i16>) -> Result<(), MediaError> {
        self.samples_in += samples.len() as u64;
        self.halve(samples);
        self.drain(out)
    }

    /// Takes samples through the halvers to where the transform finds them.
    fn halve(&mut self, samples: &[i16]) {
        let samples = samples.iter().map(|&x| f32::from(x));
        let Some((last, others)) = self.halvers.split_last_mut() else {
            self.waiting.extend(samples);
            return;
        };
        let mut at_rate: Vec<f32> = samples.collect();
        for halver in others {
            let mut halved = Vec::with_capacity(at_rate.len() / 2 + 64);
            halver.push(&at_rate, &mut halved);
            at_rate = halved;
        }
        last.push(&at_rate, &mut self.waiting);
    }

    /// Appends the rest of the output.
    pub fn finish(&mut self, out: &mut Vec<i16>) -> Result<(), MediaError> {
        let wanted = self.wanted();
        if !self.halvers.is_empty() {
            self.halve(&[0; FLUSH]);
        }
        while self.samples_out < wanted {
            self.waiting.resize(self.fft.input_frames_next(), 0.0);
            self.drain(out)?;
        }
        Ok(())
    }

    /// Length of the output for the input so far, rounded to the nearest sample.
    fn wanted(&self) -> u64 {
        let (from, to) = (u64::from(self.from_hz), u64::from(RATE_HZ));
        (self.samples_in * to + from / 2) / from
    }

    fn drain(&mut self, out: &mut Vec<i16>) -> Result<(), MediaError> {
        let chunk_in = self.fft.input_frames_next();
        let mut used = 0;
        while let Some(chunk) = self.waiting.get(used..used + chunk_in) {
            let (input, frames_out) = (SequentialSlice::new(chunk, 1, chunk_in), self.chunk_out.len());
            let output = SequentialSlice::new_mut(&mut self.chunk_out, 1, frames_out);
            let (Ok(input), Ok(mut output)) = (input, output) else { return Err(failed("buffer size")) };
            let (_, produced) = self
                .fft
                .process_into_buffer(&input, &mut output, None)
                .map_err(|error| failed(&error.to_string()))?;
            used += chunk_in;
            self.take(produced, out);
        }
        self.waiting.drain(..used);
        Ok(())
    }

    /// Appends a chunk of output, without delay and surplus.
    fn take(&mut self, produced: usize, out: &mut Vec<i16>) {
        let skip = self.delay.min(produced);
        self.delay -= skip;
        let left = usize::try_from(self.wanted() - self.samples_out).unwrap_or(usize::MAX);
        let ready = self.chunk_out.get(skip..produced).unwrap_or_default();
        let ready = &ready[..ready.len().min(left)];
        out.extend(ready.iter().map(|&x| to_16_bits(x)));
        self.samples_out += ready.len() as u64;
    }
}

/// The nearest sample. Not `round`, which is a call on the baseline of x86-64; `as` limits the range.
#[inline]
pub fn to_16_bits(x: f32) -> i16 {
    (x + 0.5f32.copysign(x)) as i16
}

/// Samples of the shortest input that has a whole number of output samples.
fn unit(from_hz: u32) -> u32 {
    let (mut a, mut b) = (from_hz, RATE_HZ);
    while b != 0 {
        (a, b) = (b, a % b);
    }
    from_hz / a.max(1)
}

/// The rate we resample from. A transform must hold a unit; that of 191,999 Hz takes 0.2 s to prepare, an
/// expense that a sender could ask for many times over. Rates with long units (none that is in use) are
/// taken as the next multiple of 25 Hz: wrong by less than 0.16 %, a fortieth of a semitone.
fn affordable(from_hz: u32) -> u32 {
    if unit(from_hz) <= MAX_UNIT { from_hz } else { (from_hz + 12) / 25 * 25 }
}

/// Input samples of a transform: a whole multiple of the unit, and an even one where units are short, so
/// that the delay is a whole number of samples.
fn chunk_in(from_hz: u32) -> usize {
    let unit = unit(from_hz).max(1) as usize;
    if unit < CHUNK { CHUNK.div_ceil(unit).next_multiple_of(2) * unit } else { unit }
}

fn failed(reason: &str) -> MediaError {
    MediaError::Unsupported(format!("resampling failed: {reason}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn resampled(from_hz: u32, input: &[i16]) -> Vec<i16> {
        let mut resampler = Resampler::new(from_hz).unwrap();
        let mut out = Vec::new();
        for piece in input.chunks(777) {
            resampler.push(piece, &mut out).unwrap();
        }
        resampler.finish(&mut out).unwrap();
        out
    }

    fn tone(rate: u32, hz: f64, samples: usize) -> Vec<i16> {
        let step = std::f64::consts::TAU * hz / f64::from(rate);
        (0..samples).map(|k| (10_000.0 * (step * k as f64).sin()).round() as i16).collect()
    }

    #[test]
    fn no_rate_asks_for_a_long_transform() {
        for rate in 4_000..=192_000 {
            let taken = affordable(rate);
            assert!(unit(taken) <= MAX_UNIT, "{rate}");
            assert!(f64::from(taken.abs_diff(rate)) < 0.0016 * f64::from(rate), "{rate}");
        }
        for rate in [8_012, 8_013, 11_025, 16_000, 22_050, 32_000, 44_056, 44_100, 48_000, 96_000] {
            assert_eq!(affordable(rate), rate);
        }
    }

    #[test]
    fn length_is_exact_at_every_rate() {
        for rate in [4_000, 6_000, 8_001, 11_025, 12_345, 16_000, 22_050, 44_100, 48_000, 192_000] {
            for samples in [0usize, 1, 5, 1_000, 12_345] {
                let want = (samples as f64 * 8_000.0 / f64::from(rate)).round() as usize;
                assert_eq!(resampled(rate, &vec![1; samples]).len(), want, "{samples} at {rate}");
            }
        }
    }

    /// Amplitudes of the sine and cosine parts at `hz` and the power of the rest.
    fn analysed(samples: &[i16], hz: f64) -> (f64, f64, f64) {
        let step = std::f64::consts::TAU * hz / 8_000.0;
        let n = samples.len() as f64;
        let part = |f: fn(f64) -> f64| {
            samples.iter().enumerate().map(|(k, &x)| f64::from(x) * f(step * k as f64)).sum::<f64>() * 2.0 / n
        };
        let (sine, cosine) = (part(f64::sin), part(f64::cos));
        let rest = |(k, &x): (usize, &i16)| {
            let angle = step * k as f64;
            (f64::from(x) - sine * angle.sin() - cosine * angle.cos()).powi(2)
        };
        (sine, cosine, samples.iter().enumerate().map(rest).sum::<f64>() / n)
    }

    #[test]
    fn a_tone_keeps_its_place_and_level() {
        for rate in [6_000, 11_025, 16_000, 44_100, 48_000] {
            let got = resampled(rate, &tone(rate, 440.0, rate as usize));
            // 400 samples are 22 periods: the phase counts from the first sample.
            let (sine, cosine, noise) = analysed(&got[400..7_600], 440.0);
            let (amplitude, late) = (sine.hypot(cosine), -cosine.atan2(sine) / std::f64::consts::TAU / 440.0);
            assert!((amplitude - 10_000.0).abs() < 10.0, "{rate}: amplitude {amplitude}");
            assert!(late.abs() < 1e-6, "{rate}: {late} s late");
            assert!(noise < 10_000f64.powi(2) / 2.0 / 1e6, "{rate}: noise {noise}");
        }
    }

    /// Output against input in dB, for a tone of `hz` at `rate`. What is not that tone counts with it.
    fn gain_db(rate: u32, hz: f64) -> f64 {
        let got = resampled(rate, &tone(rate, hz, rate as usize / 4));
        let middle = &got[400..1_600];
        let power = middle.iter().map(|&x| f64::from(x).powi(2)).sum::<f64>() / middle.len() as f64;
        10.0 * (power.max(1e-3) / (10_000f64.powi(2) / 2.0)).log10()
    }

    #[test]
    fn telephony_passes_flat_and_nothing_folds_back_into_it() {
        for rate in [11_025, 16_000, 22_050, 44_100, 48_000] {
            let passed: Vec<f64> = (1..=17).map(|k| gain_db(rate, 200.0 * f64::from(k))).collect();
            let lowest = passed.iter().copied().fold(f64::MAX, f64::min);
            let highest = passed.iter().copied().fold(f64::MIN, f64::max);
            // From 4600 Hz on, a tone would be heard at 3400 Hz or below.
            let tones = (0..).map(|k| 4_600.0 + 171.0 * f64::from(k));
            let stopped =
                tones.take_while(|hz| *hz < f64::from(rate) / 2.0 - 50.0).map(|hz| gain_db(rate, hz));
            let stopped = stopped.fold(f64::MIN, f64::max);
            println!(
                "{rate} Hz: 200 to 3400 Hz within {lowest:+.3} to {highest:+.3} dB, from 4600 Hz {stopped:.1} dB"
            );
            assert!(lowest > -0.1 && highest < 0.1, "{rate}: {lowest:+.3} to {highest:+.3} dB");
            assert!(stopped < -75.0, "{rate}: {stopped:.1} dB");
        }
    }

    #[test]
    fn what_8_khz_cannot_hold_is_filtered_out() {
        let got = resampled(44_100, &tone(44_100, 6_000.0, 44_100));
        let peak = got[400..7_600].iter().map(|x| x.unsigned_abs()).max();
        assert!(peak < Some(30), "{peak:?}");
    }
}
