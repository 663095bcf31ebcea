//! Against libgsm: stored codings of speech and of random frames, the program `toast` where installed.

use super::*;
use proptest::prelude::*;
use std::io::Write;
use std::process::{Command, Stdio};

fn decoded(codec: &Codec, octets: &[u8]) -> Vec<i16> {
    let mut out = Vec::new();
    let mut decoder = codec.decoder.unwrap()(codec);
    octets.chunks(7 * codec.unit_bytes).for_each(|chunk| decoder.decode(chunk, &mut out));
    out
}

fn encoded(codec: &Codec, samples: &[i16]) -> Vec<u8> {
    let mut out = Vec::new();
    let mut encoder = codec.encoder.unwrap()(codec);
    samples.chunks(777).for_each(|chunk| encoder.encode(chunk, &mut out));
    encoder.finish(&mut out);
    out
}

fn words(bytes: &[u8]) -> Vec<i16> {
    bytes.as_chunks().0.iter().map(|&word| i16::from_le_bytes(word)).collect()
}

/// A vector of `tests/data/audio`.
macro_rules! vector {
    ($name:literal) => {
        include_bytes!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/audio/", $name)).as_slice()
    };
}

/// The data chunk of the WAVE files of the vectors: their last chunk.
fn wave_data(wave: &[u8]) -> &[u8] {
    let at = wave.windows(4).position(|name| name == b"data").unwrap();
    let size = u32::from_le_bytes(wave[at + 4..at + 8].try_into().unwrap()) as usize;
    &wave[at + 8..][..size]
}

#[test]
fn speech_is_coded_and_decoded_as_libgsm_does() {
    assert_eq!(encoded(&GSM, &words(vector!("s1.s16"))), vector!("s1.gsm"));
    assert_eq!(decoded(&GSM, vector!("s1.gsm")), words(vector!("s1.gsm.dec.s16")));
}

#[test]
fn random_frames_decode_as_libgsm_does() {
    assert_eq!(decoded(&GSM, vector!("random.gsm")), words(vector!("random.gsm.dec.s16")));
}

#[test]
fn the_shared_vectors_are_exact() {
    let Ok(folder) = std::fs::canonicalize(concat!(env!("CARGO_MANIFEST_DIR"), "/../shared/vectors/speech"))
    else {
        println!("skipped: GSM 06.10 vectors (no ../shared)");
        return;
    };
    let read = |name: &str| std::fs::read(folder.join(name)).unwrap();
    for s in ["s1", "s2", "s3"] {
        let frames = read(&format!("{s}/{s}.gsm"));
        let speech = words(&read(&format!("{s}/{s}.s16")));
        assert!(encoded(&GSM, &speech) == frames, "{s}: coding");
        assert!(decoded(&GSM, &frames) == words(&read(&format!("{s}/{s}.gsm.dec.s16"))), "{s}: decoding");
        for form in ["sox", "ff"] {
            let wave = read(&format!("{s}/{s}.wav49.{form}.wav"));
            let want = words(&read(&format!("{s}/{s}.wav49.{form}.dec.s16")));
            assert!(decoded(&GSM_MS, wave_data(&wave)) == want, "{s}.{form}");
            assert!(encoded(&GSM_MS, &speech) == wave_data(&wave), "{s}.{form}: coding");
        }
    }
    let wave = read("random/random.wav49.wav");
    assert!(decoded(&GSM_MS, wave_data(&wave)) == words(&read("random/random.wav49.dec.s16")));
}

/// Signals that drive the arithmetic to its limits.
fn hard_signals() -> Vec<(&'static str, Vec<i16>)> {
    let mut seed = 1u32;
    let mut noise = |bits: u32| {
        seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (seed.cast_signed() >> (32 - bits)) as i16
    };
    const N: usize = 160 * 200;
    let square = |period: usize, level: i16| {
        (0..N)
            .map(move |k| if (k / period).is_multiple_of(2) { level } else { -1 - level })
            .collect::<Vec<i16>>()
    };
    let sine = |step: f64, level: f64| (0..N).map(|k| (level * (step * k as f64).sin()) as i16).collect();
    vec![
        ("noise at full scale", (0..N).map(|_| noise(16)).collect()),
        ("noise at -24 dB", (0..N).map(|_| noise(12)).collect()),
        ("noise of 3 bits", (0..N).map(|_| noise(4)).collect()),
        ("extremes at random", (0..N).map(|_| if noise(16) < 0 { i16::MIN } else { i16::MAX }).collect()),
        ("square of 1", square(1, i16::MAX)),
        ("square of 7", square(7, i16::MAX)),
        ("square of 40", square(40, i16::MAX)),
        ("square of 100", square(100, 20_000)),
        ("square of 999", square(999, i16::MAX)),
        ("lowest sample", vec![i16::MIN; N]),
        ("highest sample", vec![i16::MAX; N]),
        ("silence", vec![0; N]),
        ("one", (0..N).map(|k| if k == 1_000 { i16::MAX } else { 0 }).collect()),
        ("sine of 440 Hz", sine(0.345_575, 32_767.0)),
        ("sine of 50 Hz", sine(0.039_27, 32_767.0)),
        ("sine of 3900 Hz", sine(3.063, 32_767.0)),
        (
            "bursts",
            (0..N).map(|k| if (k / 700_usize).is_multiple_of(2) { noise(16) } else { noise(6) }).collect(),
        ),
    ]
}

/// `toast` of libgsm as a filter; `None` where it is not installed.
fn toast(arguments: &[&str], input: &[u8]) -> Option<Vec<u8>> {
    let child = Command::new("toast").args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn();
    let Ok(mut child) = child else {
        println!("skipped: libgsm (toast is not installed)");
        return None;
    };
    let (mut stdin, input) = (child.stdin.take().unwrap(), input.to_vec());
    let writer = std::thread::spawn(move || stdin.write_all(&input));
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap().unwrap();
    assert!(output.status.success());
    Some(output.stdout)
}

#[test]
fn hard_signals_are_coded_and_decoded_as_libgsm_does() {
    let bytes = |samples: &[i16]| samples.iter().flat_map(|x| x.to_le_bytes()).collect::<Vec<u8>>();
    for (name, samples) in hard_signals() {
        let ours = encoded(&GSM, &samples);
        let Some(theirs) = toast(&["-l", "-c"], &bytes(&samples)) else { return };
        let differing = ours.chunks(33).zip(theirs.chunks(33)).position(|(a, b)| a != b);
        assert_eq!((ours.len(), differing), (theirs.len(), None), "{name}: first frame that differs");
        let theirs = toast(&["-d", "-l", "-c"], &ours).unwrap();
        assert!(decoded(&GSM, &ours) == words(&theirs), "{name}: decoding");
    }
}

#[test]
fn both_forms_carry_the_same_frames() {
    let frames = vector!("s1.gsm");
    // An odd number of frames: the last block is padded with silence.
    let odd = &frames[..33 * 7];
    let repacked = |from: &Codec, to: &Codec, octets: &[u8]| {
        let (mut out, mut way) = (Vec::new(), direct(from, to).unwrap());
        octets.chunks(from.unit_bytes).for_each(|unit| way.transcode(unit, &mut out));
        way.finish(&mut out);
        out
    };
    let blocks = repacked(&GSM, &GSM_MS, odd);
    assert_eq!(blocks.len(), 4 * 65);
    assert_eq!(decoded(&GSM_MS, &blocks)[..7 * 160], decoded(&GSM, odd));
    let again = repacked(&GSM_MS, &GSM, &blocks);
    assert_eq!((again.len(), &again[..odd.len()]), (8 * 33, odd));
}

#[test]
fn a_frame_without_its_mark_is_silence() {
    let mut frames = vector!("s1.gsm")[..33 * 60].to_vec();
    frames[33 * 50] ^= 0x40;
    let samples = decoded(&GSM, &frames);
    assert_eq!(samples.len(), 160 * 60);
    assert_eq!(samples[160 * 50..160 * 51], [0; 160]);
}

proptest! {
    #[test]
    fn any_octets_decode_and_any_samples_code(
        octets in prop::collection::vec(any::<u8>(), 0..400), samples in prop::collection::vec(any::<i16>(), 0..700),
    ) {
        for codec in [&GSM, &GSM_MS] {
            prop_assert_eq!(decoded(codec, &octets).len(), octets.len() / codec.unit_bytes * codec.unit_samples);
            let coded = encoded(codec, &samples);
            prop_assert_eq!(coded.len(), samples.len().div_ceil(codec.unit_samples) * codec.unit_bytes);
        }
    }
}
