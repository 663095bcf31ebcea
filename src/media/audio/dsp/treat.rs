//! What a profile may ask to be done to the sound before it is coded anew. By default nothing: then no
//! sample is touched, and codes that need not be decoded are not.
//!
//! Two passes: the first measures ([`Survey`]), the second changes ([`Treater`]). Neither keeps samples.

use super::dtmf::Keys;
use super::gaps::Gaps;
use super::loudness::Loudness;
use super::peak::TruePeak;
use super::{FADE, RATE_HZ, fade_in, scaled};
use serde::{Deserialize, Serialize};
use std::ops::Range;

/// Level that speech is brought to, in dB of full scale.
const TARGET_DBFS: f64 = -20.0;
/// Most that is amplified: beyond, the noise of a distant line becomes the message.
const MAX_GAIN_DB: f64 = 20.0;
/// The true peak stays below -1 dB of full scale.
const CEILING: f64 = 0.891;
/// A gain nearer to 0 dB than this is not worth a change of every sample.
const LEAST_GAIN_DB: f64 = 0.5;

/// Steps between decoding and coding.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Treatment {
    /// Bring speech to -20 dB of full scale, as far as peaks and 20 dB of gain allow.
    pub normalise: bool,
    /// Cut silence at both ends off.
    pub trim: bool,
    /// Make telephone keys (DTMF) silent.
    pub mute_keys: bool,
    /// Make silences within longer than so many seconds that long.
    pub longest_silence_s: Option<u32>,
    /// Cut what is behind so many seconds off.
    pub longest_s: Option<u32>,
}

impl Treatment {
    /// True where nothing is to be done.
    pub fn is_none(self) -> bool {
        self == Treatment::default()
    }
}

/// The first pass.
#[derive(Clone, Debug, Default)]
pub struct Survey {
    loudness: Loudness,
    peak: TruePeak,
    samples: u64,
}

impl Survey {
    /// Takes more samples.
    pub fn add(&mut self, samples: &[i16]) {
        self.loudness.add(samples);
        self.peak.add(samples);
        self.samples += samples.len() as u64;
    }

    /// What is to be done.
    pub fn finish(mut self, treatment: Treatment) -> Treater {
        self.loudness.finish();
        self.peak.finish();
        let level = self.loudness.speech_dbfs().filter(|_| treatment.normalise);
        let gain_db = level.map_or(0.0, |level| {
            let room_db = 20.0 * (CEILING / f64::from(self.peak.of_full_scale())).log10();
            (TARGET_DBFS - level).min(MAX_GAIN_DB).min(room_db)
        });
        let all = 0..self.samples;
        // Where all is silence, its length may be what the message says.
        let span = self.loudness.span().filter(|_| treatment.trim).unwrap_or_else(|| all.clone());
        Treater {
            gain_db: if gain_db.abs() < LEAST_GAIN_DB { 0.0 } else { gain_db },
            span: span.start..span.end.min(self.samples),
            all: self.samples,
            at: 0,
            gaps: treatment
                .longest_silence_s
                .map(|s| Gaps::new(self.loudness.silence_dbfs() + gain_db, u64::from(s) * RATE_HZ)),
            keys: treatment.mute_keys.then(Keys::default),
            levelled: Vec::new(),
            keyless: Vec::new(),
        }
    }
}

/// The second pass.
#[derive(Clone, Debug)]
pub struct Treater {
    gain_db: f64,
    /// Samples that stay.
    span: Range<u64>,
    /// Samples of the stream.
    all: u64,
    at: u64,
    keys: Option<Keys>,
    gaps: Option<Gaps>,
    /// Samples between the steps.
    levelled: Vec<i16>,
    keyless: Vec<i16>,
}

impl Treater {
    /// Appends what more samples become.
    pub fn push(&mut self, samples: &[i16], out: &mut Vec<i16>) {
        let mut levelled = std::mem::take(&mut self.levelled);
        levelled.clear();
        self.level(samples, &mut levelled);
        self.keyless.clear();
        match &mut self.keys {
            Some(keys) => keys.push(&levelled, &mut self.keyless),
            None => self.keyless.extend_from_slice(&levelled),
        }
        self.levelled = levelled;
        self.shorten(out);
    }

    /// Appends what is still held.
    pub fn finish(&mut self, out: &mut Vec<i16>) {
        self.keyless.clear();
        if let Some(keys) = &mut self.keys {
            keys.finish(&mut self.keyless);
        }
        self.shorten(out);
        if let Some(gaps) = &mut self.gaps {
            gaps.finish(out);
        }
    }

    /// The last step.
    fn shorten(&mut self, out: &mut Vec<i16>) {
        match &mut self.gaps {
            Some(gaps) => gaps.push(&self.keyless, out),
            None => out.extend_from_slice(&self.keyless),
        }
    }

    fn level(&mut self, samples: &[i16], out: &mut Vec<i16>) {
        let begin = self.at;
        self.at += samples.len() as u64;
        let gain = 10f32.powf(self.gain_db as f32 / 20.0);
        let inside =
            |at: u64| usize::try_from(at.saturating_sub(begin)).unwrap_or(usize::MAX).min(samples.len());
        let (from, to) = (inside(self.span.start), inside(self.span.end));
        for (k, &sample) in samples.iter().enumerate().take(to).skip(from) {
            let edge = self.edge(begin + k as u64);
            out.push(if gain == 1.0 && edge == 1.0 { sample } else { scaled(sample, gain * edge) });
        }
    }

    /// Fades where something was cut off.
    fn edge(&self, at: u64) -> f32 {
        let fade = |distance: u64| usize::try_from(distance).ok().filter(|k| *k < FADE).map_or(1.0, fade_in);
        let begin = if self.span.start > 0 { fade(at - self.span.start) } else { 1.0 };
        let end = if self.span.end < self.all { fade(self.span.end - 1 - at) } else { 1.0 };
        begin.min(end)
    }

    /// What was done, in words.
    pub fn changes(&self) -> Vec<String> {
        let mut changes = Vec::new();
        let cut = self.all - (self.span.end - self.span.start);
        if cut > 0 {
            changes.push(format!("{:.1} s of silence cut off", cut as f64 / RATE_HZ as f64));
        }
        let keys = self.keys.as_ref().map_or(0, Keys::silenced);
        if keys > 0 {
            changes.push(format!("{:.1} s of telephone keys silenced", keys as f64 / RATE_HZ as f64));
        }
        let shortened = self.gaps.as_ref().map_or(0, Gaps::cut);
        if shortened > 0 {
            changes.push(format!("{:.1} s of silence within cut out", shortened as f64 / RATE_HZ as f64));
        }
        if self.gain_db != 0.0 {
            changes.push(format!("level changed by {:+.1} dB", self.gain_db));
        }
        changes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: Treatment =
        Treatment { normalise: true, trim: true, mute_keys: false, longest_silence_s: None, longest_s: None };

    fn treated(treatment: Treatment, samples: &[i16]) -> (Vec<i16>, Vec<String>) {
        let mut survey = Survey::default();
        samples.chunks(777).for_each(|piece| survey.add(piece));
        let (mut treater, mut out) = (survey.finish(treatment), Vec::new());
        samples.chunks(99).for_each(|piece| treater.push(piece, &mut out));
        treater.finish(&mut out);
        (out, treater.changes())
    }

    fn tone(level: f64, samples: usize) -> Vec<i16> {
        (0..samples).map(|k| (level * (0.345_575 * k as f64).sin()) as i16).collect()
    }

    fn level_dbfs(samples: &[i16]) -> f64 {
        let power = samples.iter().map(|&x| f64::from(x).powi(2)).sum::<f64>() / samples.len() as f64;
        10.0 * (power / 32_768f64.powi(2)).log10()
    }

    #[test]
    fn nothing_is_done_unless_asked_for() {
        let samples = [vec![0; 9_000], tone(900.0, 9_000)].concat();
        assert_eq!(treated(Treatment::default(), &samples), (samples, vec![]));
    }

    #[test]
    fn soft_and_loud_speech_come_to_the_same_level() {
        for level in [900.0, 4_600.0, 32_000.0] {
            let (out, _) = treated(ALL, &tone(level, 16_000));
            assert!((level_dbfs(&out) + 20.0).abs() < 0.6, "{level}: {}", level_dbfs(&out));
        }
        // 20 dB and no more.
        let (out, changes) = treated(ALL, &tone(200.0, 16_000));
        assert!((level_dbfs(&out) + 27.3).abs() < 0.2, "{}", level_dbfs(&out));
        assert_eq!(changes, ["level changed by +20.0 dB"]);
    }

    #[test]
    fn peaks_limit_the_gain() {
        let mut samples = tone(900.0, 16_000);
        samples[8_000] = 20_000;
        let (out, _) = treated(ALL, &samples);
        let highest = out.iter().map(|x| x.unsigned_abs()).max().unwrap();
        assert!((28_000..29_300).contains(&highest), "{highest}");
    }

    #[test]
    fn silence_at_the_ends_goes_and_nothing_clicks() {
        let samples = [vec![3; 20_000], tone(4_600.0, 8_000), vec![-3; 30_000]].concat();
        let (out, changes) = treated(ALL, &samples);
        assert_eq!(out.len(), 800 + 8_000 + 2_400);
        assert_eq!((out[0], out[out.len() - 1]), (0, 0));
        assert_eq!(changes, ["5.8 s of silence cut off"]);
        let silence = [2; 5_000];
        assert_eq!(treated(ALL, &silence).0, silence);
        assert!(treated(ALL, &[]).0.is_empty());
    }
}
