//! A voice that nobody has: harmonics of a gliding pitch with two resonances, cut into syllables.
//!
//! Only additions, multiplications and comparisons, so that every machine makes the same octets.

/// Samples a second.
const RATE: u32 = 8_000;
/// Length of a syllable with the pause behind it, in samples.
const SYLLABLE: u32 = 1_760;
/// Part of it that sounds.
const SOUNDING: u32 = 1_280;
/// Resonances of the vowels in Hz.
const VOWELS: [(f64, f64); 5] =
    [(700.0, 1_150.0), (450.0, 1_900.0), (320.0, 2_200.0), (480.0, 880.0), (350.0, 750.0)];

/// Linear samples of a voice of `pitch_hz` that speaks for `ms` milliseconds, little endian.
pub(super) fn voice(ms: u32, pitch_hz: f64) -> Vec<u8> {
    let mut phase = 0.0;
    (0..ms * (RATE / 1_000))
        .flat_map(|n| {
            let within = n % SYLLABLE;
            let glide = 1.0 + 0.15 * f64::from(within) / f64::from(SYLLABLE);
            let pitch = pitch_hz * glide;
            phase += pitch / f64::from(RATE);
            phase -= f64::from(u8::from(phase >= 1.0));
            let loudness =
                if within < SOUNDING { swell(f64::from(within) / f64::from(SOUNDING)) } else { 0.0 };
            let sample = 9_000.0 * loudness * vowel(phase, pitch, n / SYLLABLE);
            (sample as i16).to_le_bytes()
        })
        .collect()
}

/// From 0 up to 1 and back to 0.
fn swell(x: f64) -> f64 {
    4.0 * x * (1.0 - x)
}

/// The sum of the harmonics below 3.4 kHz, each as loud as the resonances let it be.
fn vowel(phase: f64, pitch: f64, syllable: u32) -> f64 {
    let (first, second) = VOWELS.get(syllable as usize * 3 % VOWELS.len()).copied().unwrap_or_default();
    let resonance = |hz: f64, centre: f64| 1.0 / (1.0 + (hz - centre) * (hz - centre) / 22_500.0);
    let mut sum = 0.0;
    for harmonic in 1..=20u32 {
        let hz = pitch * f64::from(harmonic);
        if hz > 3_400.0 {
            break;
        }
        let turns = phase * f64::from(harmonic);
        sum += (resonance(hz, first) + 0.4 * resonance(hz, second)) * wave(turns - turns.floor());
    }
    sum * 0.6
}

/// One period of nearly a sine, of two parabolas.
fn wave(x: f64) -> f64 {
    if x < 0.5 { swell(2.0 * x) } else { -swell(2.0 * x - 1.0) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_voice_is_as_long_as_asked_loud_enough_and_never_clipped() {
        let octets = voice(2_000, 120.0);
        let samples: Vec<i16> = octets.as_chunks().0.iter().map(|&s| i16::from_le_bytes(s)).collect();
        assert_eq!(samples.len(), 16_000);
        let peak = samples.iter().map(|s| s.unsigned_abs()).max().unwrap();
        assert!((4_000..32_000).contains(&peak), "{peak}");
        assert!(samples[1_300..1_700].iter().all(|s| *s == 0), "a pause between syllables");
    }
}
