//! Keys of a profile that change the sound: off, not an octet differs; on, level and length do.

#![allow(clippy::unwrap_used)]

use vpim_milter::engine::{Ambient, rewrite};
use vpim_milter::limits::{Budget, Limits};
use vpim_milter::media::{Facts, Job, run};
use vpim_milter::message::Message;
use vpim_milter::message::transfer::encode_base64;
use vpim_milter::policy::Settings;
use vpim_milter::vpim::Envelope;

const SPEECH: &[u8] = include_bytes!("data/audio/s1.s16");
const S16: &str = "audio/x-s16le;rate=8000";

fn converted(declared: &str, target: &str, input: &[u8]) -> Vec<u8> {
    let limits = Limits::default();
    let job = Job::convert(declared.parse().unwrap(), target.parse().unwrap());
    run(&job, input, &limits, &mut Budget::new(&limits)).unwrap().bytes
}

/// Soft speech between two seconds of silence and two more, in audio/32KADPCM.
fn body() -> Vec<u8> {
    let soft = SPEECH.as_chunks().0.iter().flat_map(|&word| (i16::from_le_bytes(word) / 8).to_le_bytes());
    let silence = [0; 32_000];
    let sound: Vec<u8> = silence.iter().copied().chain(soft).chain(silence).collect();
    converted(S16, "audio/32KADPCM", &sound)
}

fn message() -> Vec<u8> {
    let body = encode_base64(&body(), "\r\n");
    let header = "From: a@a.test\r\nTo: b@b.test\r\nDate: Sun, 22 Nov 2026 12:00:00 +0000\r\nMIME-Version: 1.0\r\n\
                  Message-ID: <1@a.test>\r\nContent-Type: audio/32KADPCM\r\nContent-Transfer-Encoding: base64\r\n\r\n";
    [header.as_bytes(), &body].concat()
}

/// The WAVE that the profile `desktop` with more keys makes of the message, and what is said of it.
fn sent_on(keys: &str) -> (Vec<u8>, Vec<String>) {
    let mut settings = Settings::for_profile("desktop", "mx.test");
    let text = format!("{keys}\n{}", include_str!("../src/policy/profiles/desktop.toml"));
    settings.profiles.insert("desktop".into(), toml::from_str(&text).unwrap());
    let outcome = rewrite(&message(), &Envelope::default(), &settings, &Ambient::default());
    let raw = outcome.rewritten.unwrap();
    let limits = Limits::default();
    let message = Message::parse(&raw, &limits);
    let is_wave = |essence: String| essence.eq_ignore_ascii_case("audio/wav");
    let (_, wave) = message.entities().find(|(_, e)| is_wave(e.content_type.essence())).unwrap();
    (message.decoded(wave).bytes.into_owned(), outcome.record.losses)
}

/// Peak in dB of full scale, and seconds.
fn measured(wave: &[u8]) -> (f32, f64) {
    let limits = Limits::default();
    let job = Job::Inspect { declared: "audio/wav".parse().unwrap() };
    let report = run(&job, wave, &limits, &mut Budget::new(&limits)).unwrap().report;
    let Facts::Audio(facts) = report.facts else { panic!("audio taken for a fax") };
    (facts.peak_dbfs.unwrap(), facts.duration_s().unwrap())
}

#[test]
fn off_is_byte_identical() {
    let (plain, _) = sent_on("");
    let (off, losses) = sent_on("normalise = false\ntrim_silence = false");
    assert!(plain == off);
    assert_eq!(losses, [""; 0]);
    assert!(plain == converted("audio/32KADPCM", "audio/wav", &body()));
}

#[test]
fn on_changes_level_and_length_and_says_so() {
    let (before_db, before_s) = measured(&sent_on("").0);
    let (wave, losses) = sent_on("normalise = true\ntrim_silence = true");
    let (after_db, after_s) = measured(&wave);
    println!("{before_db} dB, {before_s} s -> {after_db} dB, {after_s} s: {losses:?}");
    assert!(after_db > before_db + 6.0);
    assert!(after_s < before_s - 3.0);
    assert!(losses.iter().any(|loss| loss.contains("level changed by ")), "{losses:?}");
    // One key alone changes the one thing.
    assert_eq!(measured(&sent_on("normalise = true").0).1, before_s);
    assert!(measured(&sent_on("trim_silence = true").0).1 < before_s - 3.0);
}
