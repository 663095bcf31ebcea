//! Voice in foreign codecs decodes to what the reference decoder of the codec makes of it.
//!
//! `tests/data/audio/speech/expected.tsv` holds the SHA-256 of the samples; where ../shared lies beside
//! the project, all its speech is compared sample by sample.

#![allow(clippy::unwrap_used)]

use sha2::{Digest, Sha256};
use std::fs;
use std::path::{Path, PathBuf};
use vpim_milter::limits::{Budget, Limits};
use vpim_milter::media::audio::AudioFacts;
use vpim_milter::media::{Facts, Job, run};

const S16: &str = "audio/x-s16le;rate=8000";

fn linear(input: &[u8]) -> (Vec<u8>, AudioFacts) {
    let limits = Limits::default();
    let job = Job::convert("application/octet-stream".parse().unwrap(), S16.parse().unwrap());
    let output = run(&job, input, &limits, &mut Budget::new(&limits)).unwrap();
    match output.report.facts {
        Facts::Audio(facts) => (output.bytes, facts),
        Facts::Fax(_) => panic!("audio taken for a fax"),
    }
}

fn bundled(name: &str) -> Vec<u8> {
    fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/audio/speech").join(name)).unwrap()
}

fn shared() -> Option<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/vectors/speech");
    if !folder.is_dir() {
        println!("skipped: speech of ../shared is not here");
        return None;
    }
    Some(folder)
}

#[test]
fn bundled_speech_decodes_to_the_expected_samples() {
    let table = bundled("expected.tsv");
    let table = String::from_utf8(table).unwrap();
    let mut seen = 0;
    for line in table.lines().skip(1) {
        let [file, codec, digest]: [&str; 3] = line.split('\t').collect::<Vec<_>>().try_into().unwrap();
        let (samples, facts) = linear(&bundled(file));
        let got: String = Sha256::digest(&samples).iter().map(|octet| format!("{octet:02x}")).collect();
        assert_eq!((facts.codec.as_str(), got.as_str()), (codec, digest), "{file}");
        assert_eq!(facts.defects, [""; 0], "{file}");
        seen += 1;
    }
    assert!(seen >= 9);
}

#[test]
fn amr_is_bit_exact_with_the_reference() {
    let Some(folder) = shared() else { return };
    let mut seen = 0;
    for speaker in ["s1", "s2", "s3"] {
        for entry in fs::read_dir(folder.join(speaker)).unwrap().flatten() {
            let path = entry.path();
            if path.extension().is_none_or(|extension| extension != "amr") {
                continue;
            }
            let (got, facts) = linear(&fs::read(&path).unwrap());
            let want = fs::read(path.with_extension("dec.s16")).unwrap();
            assert!(got == want, "{}", path.display());
            assert_eq!(facts.samples, Some(want.len() as u64 / 2));
            assert!(facts.rms_dbfs.is_some());
            seen += 1;
        }
    }
    assert!(seen >= 9, "{seen}");
}
