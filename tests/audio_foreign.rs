//! Bodies in foreign containers and codecs: what they decode to, and what happens where they are cut,
//! damaged, or lie about their sizes.
//!
//! `tests/data/audio/foreign` holds half a second of speech as ffmpeg writes it, and (`.s16`) what ffmpeg
//! decodes it to at 8000 samples a second.

#![allow(clippy::unwrap_used)]

use std::path::Path;
use vpim_milter::limits::{Budget, Limits};
use vpim_milter::media::audio::AudioFacts;
use vpim_milter::media::{Facts, Job, MediaError, run};

const S16: &str = "audio/x-s16le;rate=8000";

/// Signal to noise ratio, in dB, that counts as the same samples.
const EXACT: f64 = 90.0;

struct Case {
    file: &'static str,
    container: &'static str,
    codec: &'static str,
    /// Against ffmpeg's decoding; other decoders round in other places.
    floor_db: f64,
    /// Samples that ffmpeg gives more than we do: delay and filling that the file tells to leave out.
    surplus: usize,
}

const fn case(
    file: &'static str,
    container: &'static str,
    codec: &'static str,
    floor_db: f64,
    surplus: usize,
) -> Case {
    Case { file, container, codec, floor_db, surplus }
}

const CASES: &[Case] = &[
    case("lame.mp3", "mp3", "mp3", 60.0, 0),
    case("mp3.wav", "wav", "mp3", 60.0, 0),
    case("aac.m4a", "mp4", "aac", 60.0, 96),
    case("aac.aac", "adts", "aac", 60.0, 0),
    case("vorbis.ogg", "ogg", "vorbis", 60.0, 96),
    case("opus.ogg", "ogg", "opus", 20.0, 0),
    case("flac.flac", "flac", "flac", EXACT, 0),
    case("flac.oga", "ogg", "flac", EXACT, 0),
    case("pcm.aiff", "aiff", "pcm-s16be", EXACT, 0),
    case("ulaw.aifc", "aiff", "pcmu", EXACT, 0),
    case("alaw.caf", "caf", "pcma", EXACT, 0),
    case("ms.wav", "wav", "ms-adpcm", EXACT, 0),
    case("ima.wav", "wav", "ima-adpcm", EXACT, 0),
    case("ms2.wav", "wav", "ms-adpcm", 60.0, 0),
    case("ima2.wav", "wav", "ima-adpcm", 60.0, 0),
    // ffmpeg's AMR decoder is a floating point one.
    case("amr.3gp", "mp4", "amr", 20.0, 0),
];

fn bundled(name: &str) -> Vec<u8> {
    std::fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/audio/foreign").join(name)).unwrap()
}

fn linear(input: &[u8]) -> Result<(Vec<i16>, AudioFacts), MediaError> {
    let limits = Limits { audio_seconds: 600, ..Limits::default() };
    let job = Job::convert("application/octet-stream".parse().unwrap(), S16.parse().unwrap());
    let output = run(&job, input, &limits, &mut Budget::new(&limits))?;
    let Facts::Audio(facts) = output.report.facts else { panic!("audio taken for a fax") };
    Ok((words(&output.bytes), facts))
}

fn words(bytes: &[u8]) -> Vec<i16> {
    bytes.as_chunks().0.iter().map(|&word| i16::from_le_bytes(word)).collect()
}

fn snr_db(want: &[i16], got: &[i16]) -> f64 {
    let signal: f64 = want.iter().map(|&x| f64::from(x).powi(2)).sum();
    let noise: f64 = want.iter().zip(got).map(|(&a, &b)| (f64::from(a) - f64::from(b)).powi(2)).sum();
    10.0 * (signal / noise.max(1e-3)).log10()
}

#[test]
fn foreign_codecs_decode_as_their_reference_does() {
    let mut wrong = Vec::new();
    for case in CASES {
        let (got, facts) = match linear(&bundled(case.file)) {
            Ok(decoded) => decoded,
            Err(error) => {
                wrong.push(format!("{}: {error}", case.file));
                continue;
            }
        };
        let want = words(&bundled(&format!("{}.s16", case.file)));
        // Opus at 8000 Hz comes one sample earlier than by way of 48,000 Hz.
        let snr =
            (0..=1).map(|k| snr_db(&want[k..(got.len() + k).min(want.len())], &got)).fold(0.0, f64::max);
        println!("{}: {} of {} samples, {snr:.1} dB, {:?}", case.file, got.len(), want.len(), facts.defects);
        let names = (facts.container.as_str(), facts.codec.as_str()) == (case.container, case.codec);
        let fits = got.len() + case.surplus == want.len() && snr > case.floor_db;
        if !names || !fits || !facts.defects.is_empty() || facts.rms_dbfs.is_none() {
            wrong.push(format!(
                "{}: {} of {} samples, {snr:.1} dB, {facts:?}",
                case.file,
                got.len(),
                want.len()
            ));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn bodies_cut_anywhere_keep_what_they_have() {
    for case in CASES {
        let whole = bundled(case.file);
        let full = linear(&whole).unwrap().0.len();
        // Every octet where headers are; further on, one in 41.
        for end in (0..whole.len()).filter(|end| *end < 120 || end % 41 == 0) {
            if let Ok((samples, _)) = linear(&whole[..end]) {
                assert!(samples.len() <= full + 4_096, "{} cut at {end}: {}", case.file, samples.len());
            }
        }
        // MP4 files of this writer end with their tables; half a second is one page of Opus, one frame of
        // FLAC and hardly more than the headers of Vorbis.
        if case.container != "mp4" && !["vorbis", "opus", "flac"].contains(&case.codec) {
            let (samples, _) = linear(&whole[..whole.len() * 3 / 4]).unwrap();
            assert!(samples.len() * 3 > full, "{}: {} of {full}", case.file, samples.len());
        }
    }
}

/// Numbers that claim more than there is cost neither memory nor time: the limit of the budget is ten
/// minutes, and the whole test is done in seconds.
#[test]
fn wrong_octets_and_lying_sizes_are_no_panic() {
    for case in CASES {
        let whole = bundled(case.file);
        for at in
            (0..whole.len()).filter(|at| *at < 100 || at % 67 == 0 || at + 700 > whole.len() && at % 7 == 0)
        {
            for value in [0, 0x7F, 0xFF] {
                let mut wrong = whole.clone();
                wrong[at] = value;
                let _ = linear(&wrong);
            }
        }
        for at in
            (0..whole.len().saturating_sub(4)).filter(|at| *at < 64 || at + 700 > whole.len()).step_by(2)
        {
            let mut wrong = whole.clone();
            wrong[at..at + 4].copy_from_slice(&[0x7F, 0xFF, 0xFF, 0xFF]);
            let _ = linear(&wrong);
        }
    }
}

/// Inputs that once did harm, or that show a limit at work.
#[test]
fn regression_inputs_end() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/regressions/audio");
    let mut seen = 0;
    for entry in std::fs::read_dir(folder).unwrap().flatten() {
        let _ = linear(&std::fs::read(entry.path()).unwrap());
        seen += 1;
    }
    assert!(seen > 0);
}
