//! Finds out in which order the code words of headerless G.726-32 stand in their octets.
//!
//! Both orders decode to something like speech, so loudness, spectrum and prediction gain do not tell
//! reliably. What tells: in the true order nothing in the signal knows where an octet begins. In the
//! wrong order every pair is exchanged, so samples within an octet correlate otherwise than samples
//! across octets: the decoding has a period of two. For both orders that asymmetry is measured in short
//! frames, in the quantized difference and in the slope of the signal; its mean over its standard error
//! is near 0 for the true order and clearly above for the wrong one. Steady tones, noise and silence
//! decide nothing, and get no confidence. Measured on the speech vectors (4 s each): 3.8 to 7.5 against
//! less than 0.5.

use super::NibbleOrder;
use super::codec::g726::Tracer;
use crate::limits::{Budget, Exceeded};

/// Octets looked at: 30 s.
const MAX_OCTETS: usize = 30 * 4_000;
/// Octets decoded at a time.
const CHUNK_OCTETS: usize = 2_048;
/// Samples of a frame; even, so that frames begin with octets.
const FRAME: usize = 128;
/// Mean square of a frame that is more than background, on the 14-bit scale.
const ACTIVE: f32 = 100.0;
/// Fewer active frames decide nothing.
const MIN_FRAMES: u32 = 20;
/// Asymmetry (in standard errors) that an order must show to be called wrong...
const WRONG: f64 = 3.5;
/// ...while the other shows no more than this.
const RIGHT: f64 = 2.0;
/// Tones lock to the octets in either order, but alike in all frames (a spread below 0.14 where one
/// looked wrong); speech spreads by 0.37 or more.
const VARIED: f64 = 0.25;

/// Decodes both ways and compares. Work is bounded; only the stop flag of the budget is used, as these
/// samples are not delivered to anybody.
pub fn order(octets: &[u8], budget: &Budget) -> Result<NibbleOrder, Exceeded> {
    let octets = octets.get(..MAX_OCTETS).unwrap_or(octets);
    let low_first = asymmetry(octets, false, budget)?;
    let high_first = asymmetry(octets, true, budget)?;
    Ok(verdict(low_first, high_first))
}

/// How far a decoding knows where octets begin.
#[derive(Clone, Copy, Debug, Default)]
struct Asymmetry {
    /// Mean over its standard error.
    score: f64,
    /// Standard deviation between frames.
    spread: f64,
}

fn verdict(low_first: Asymmetry, high_first: Asymmetry) -> NibbleOrder {
    let (low, high) = (low_first.score, high_first.score);
    let varied = low_first.spread.min(high_first.spread) >= VARIED;
    let swapped = varied && low >= WRONG && high.abs() <= RIGHT;
    let margin = if swapped { low - high.abs() } else { high - low.abs() };
    let decided = varied && (swapped || low.abs() <= RIGHT);
    let confidence = if decided { ((margin - 2.0) / 3.0).clamp(0.0, 1.0) } else { 0.0 };
    NibbleOrder { swapped, confidence: confidence as f32 }
}

/// Asymmetry of the frames of one decoding; nothing where too little is active.
fn asymmetry(octets: &[u8], high_first: bool, budget: &Budget) -> Result<Asymmetry, Exceeded> {
    let mut tracer = Tracer::new(high_first);
    let mut pairs = Vec::with_capacity(2 * CHUNK_OCTETS);
    let (mut frames, mut sum, mut squares) = (0u32, 0.0, 0.0);
    for chunk in octets.chunks(CHUNK_OCTETS) {
        budget.check()?;
        pairs.clear();
        tracer.trace(chunk, &mut pairs);
        for asymmetry in pairs.chunks_exact(FRAME).filter_map(frame_asymmetry) {
            frames += 1;
            sum += asymmetry;
            squares += asymmetry * asymmetry;
        }
    }
    if frames < MIN_FRAMES {
        return Ok(Asymmetry::default());
    }
    let n = f64::from(frames);
    let mean = sum / n;
    let variance = (squares / n - mean * mean).max(0.0);
    Ok(Asymmetry { score: mean / (variance / (n - 1.0)).sqrt().max(1e-3), spread: variance.sqrt() })
}

/// Asymmetry of one frame of (signal, difference); `None` for background.
fn frame_asymmetry(frame: &[(f32, f32)]) -> Option<f64> {
    let energy: f32 = frame.iter().map(|(signal, _)| signal * signal).sum();
    if energy < ACTIVE * frame.len() as f32 {
        return None;
    }
    let difference = pair_correlation(frame.iter().map(|(_, difference)| *difference));
    let slope = pair_correlation(frame.windows(2).map(|pair| pair[1].0 - pair[0].0));
    Some(slope? - difference?)
}

/// Correlation of neighbours within pairs less that of neighbours across pairs.
fn pair_correlation(values: impl Iterator<Item = f32>) -> Option<f64> {
    let (mut energy, mut within, mut across) = (0.0, 0.0, 0.0);
    let mut last = 0.0;
    for (k, value) in values.enumerate() {
        energy += value * value;
        if k % 2 == 1 {
            within += last * value;
        } else {
            across += last * value;
        }
        last = value;
    }
    (energy >= 1.0).then(|| f64::from(2.0 * (within - across) / energy))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limits::Limits;
    use crate::media::audio::codec;

    fn order_of(octets: &[u8]) -> NibbleOrder {
        order(octets, &Budget::new(&Limits::default())).unwrap()
    }

    fn swapped(octets: &[u8]) -> Vec<u8> {
        octets.iter().map(|octet| octet.rotate_left(4)).collect()
    }

    fn encoded(samples: impl Iterator<Item = f64>) -> Vec<u8> {
        let samples: Vec<i16> = samples.map(|x| x.round() as i16).collect();
        let codec = codec::named("g726-32");
        let mut out = Vec::new();
        codec.encoder.unwrap()(codec).encode(&samples, &mut out);
        out
    }

    fn noise() -> impl Iterator<Item = f64> {
        let mut state = 7u32;
        std::iter::repeat_with(move || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            f64::from(state >> 16) / 32_768.0 - 1.0
        })
    }

    const SPEECH: &[u8] =
        include_bytes!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/audio/s1.32kadpcm"));

    #[test]
    fn speech_tells_its_order() {
        let right = order_of(SPEECH);
        assert!(!right.swapped && right.confidence > 0.9, "{right:?}");
        let wrong = order_of(&swapped(SPEECH));
        assert!(wrong.swapped && wrong.confidence > 0.9, "{wrong:?}");
    }

    #[test]
    fn silence_and_short_bodies_tell_nothing() {
        for octets in [&[][..], &[0xFF; 20_000], &[0x00; 20_000], &SPEECH[..100], &SPEECH[..1]] {
            let verdict = order_of(octets);
            assert!(!verdict.swapped && verdict.confidence == 0.0, "{verdict:?}");
        }
    }

    #[test]
    fn no_tone_of_any_frequency_and_phase_is_called_swapped() {
        for hz in (100..4_000).step_by(300).chain([3_750, 3_850]) {
            for phase in [0.0, 1.6] {
                let step = std::f64::consts::TAU * f64::from(hz) / 8_000.0;
                let verdict =
                    order_of(&encoded((0..6_000).map(|k| 8_000.0 * (step * f64::from(k) + phase).sin())));
                assert!(!verdict.swapped, "{hz} Hz, phase {phase}: {verdict:?}");
            }
        }
    }

    #[test]
    fn dialled_digits_are_not_called_swapped() {
        for (low, high) in [(697.0, 1_209.0), (770.0, 1_336.0), (852.0, 1_477.0), (941.0, 1_633.0)] {
            // 100 ms on, 100 ms off.
            let digits = (0..32_000u32).map(|k| {
                let angle = std::f64::consts::TAU * f64::from(k) / 8_000.0;
                if k % 1_600 < 800 { 5_000.0 * ((angle * low).sin() + (angle * high).sin()) } else { 0.0 }
            });
            let verdict = order_of(&encoded(digits));
            assert!(!verdict.swapped, "{low} + {high} Hz: {verdict:?}");
        }
    }

    #[test]
    fn no_noise_is_called_swapped() {
        for pole in [-0.9, -0.5, 0.0, 0.5, 0.9, 0.97] {
            let mut last = 0.0;
            let colored = noise().take(32_000).map(|x| {
                last = pole * last + 1_500.0 * x;
                last
            });
            let verdict = order_of(&encoded(colored));
            assert!(!verdict.swapped, "pole {pole}: {verdict:?}");
        }
        let random: Vec<u8> = noise().take(30_000).map(|x| (x * 127.0) as i8 as u8).collect();
        assert!(!order_of(&random).swapped);
    }

    #[test]
    fn no_piece_of_conforming_speech_is_called_swapped() {
        for length in [2_000, 4_000, 8_000] {
            for piece in SPEECH.windows(length).step_by(2_000) {
                let verdict = order_of(piece);
                assert!(!verdict.swapped, "{length} octets: {verdict:?}");
            }
        }
    }

    #[test]
    fn speech_vectors_tell_their_order() {
        let folder = std::path::Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../shared/vectors/speech"));
        if !folder.is_dir() {
            println!("skipped: nibble order of the speech vectors (no ../shared)");
            return;
        }
        for name in ["s1", "s2", "s3"] {
            for (kind, want) in [("32kadpcm", false), ("g726be", true)] {
                let octets = std::fs::read(folder.join(format!("{name}/{name}.{kind}"))).unwrap();
                let verdict = order_of(&octets);
                println!("{name}.{kind}: {verdict:?}");
                assert!(verdict.swapped == want && verdict.confidence > 0.5, "{name}.{kind}: {verdict:?}");
            }
        }
    }

    #[test]
    fn corpus_messages_tell_their_order() {
        let folder = std::path::Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../shared/corpus"));
        let Ok(files) = std::fs::read_dir(folder) else {
            println!("skipped: nibble order of the corpus (no ../shared)");
            return;
        };
        let mut bodies = 0;
        for file in
            files.map(|file| file.unwrap().path()).filter(|path| path.extension().is_some_and(|e| e == "eml"))
        {
            let name = file.file_stem().unwrap().to_string_lossy().into_owned();
            for octets in adpcm_bodies(&std::fs::read(&file).unwrap()) {
                let verdict = order_of(&octets);
                println!("{name}: {} octets, {verdict:?}", octets.len());
                let want = name == "viol-nibble-order";
                assert_eq!(verdict.swapped, want, "{name}: {verdict:?}");
                assert!(!want || verdict.confidence > 0.5, "{name}: {verdict:?}");
                bodies += 1;
            }
        }
        assert!(bodies > 20);
    }

    /// Bodies of the audio/32KADPCM parts of a message, as far as another parser reads it.
    fn adpcm_bodies(message: &[u8]) -> Vec<Vec<u8>> {
        let Ok(message) = mailparse::parse_mail(message) else { return Vec::new() };
        let adpcm =
            |part: &&mailparse::ParsedMail| part.ctype.mimetype.eq_ignore_ascii_case("audio/32kadpcm");
        message.parts().filter(adpcm).filter_map(|part| part.get_body_raw().ok()).collect()
    }
}
