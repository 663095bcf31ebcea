//! Sound made and heard by ffmpeg and sox.

use crate::support::directory::TestDirectory;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Four seconds of speech, 8 kHz.
pub fn speech() -> PathBuf {
    data("s1.s16")
}

/// The same as G.726.
pub fn g726() -> Vec<u8> {
    std::fs::read(data("s1.32kadpcm")).unwrap()
}

fn data(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/audio").join(name)
}

/// Runs a program; gives what it wrote to its standard output.
pub fn run(command: &mut Command) -> String {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// The speech as a WAV file of mu-law, written by ffmpeg.
pub fn mu_law_wav(directory: &TestDirectory) -> Vec<u8> {
    let file = directory.join("mu-law.wav");
    run(Command::new("ffmpeg")
        .args(["-v", "error", "-y", "-f", "s16le", "-ar", "8000", "-ac", "1", "-i"])
        .arg(speech())
        .args(["-c:a", "pcm_mulaw"])
        .arg(&file));
    std::fs::read(file).unwrap()
}

/// The speech as Asterisk's WAV49: GSM 06.10 in a WAV file, written by sox.
pub fn wav49(directory: &TestDirectory) -> Vec<u8> {
    let file = directory.join("msg0003.wav");
    run(Command::new("sox")
        .args(["-t", "raw", "-r", "8000", "-e", "signed", "-b", "16", "-c", "1"])
        .arg(speech())
        .args(["-e", "gsm-full-rate"])
        .arg(&file));
    let wav = std::fs::read(file).unwrap();
    assert_eq!(wav[20..22], [0x31, 0], "the format tag of WAV49");
    wav
}

/// Samples of a sound as ffmpeg hears it; `format` where the octets do not tell: `g726le`.
pub fn heard(directory: &TestDirectory, octets: &[u8], format: &[&str]) -> Vec<i16> {
    let (input, output) = (directory.join("heard.in"), directory.join("heard.s16"));
    std::fs::write(&input, octets).unwrap();
    run(Command::new("ffmpeg")
        .args(["-v", "error", "-y"])
        .args(format)
        .arg("-i")
        .arg(&input)
        .args(["-ac", "1", "-ar", "8000", "-f", "s16le"])
        .arg(&output));
    let octets = std::fs::read(output).unwrap();
    octets.chunks_exact(2).map(|c| i16::from_le_bytes([c[0], c[1]])).collect()
}

/// The options by which ffmpeg reads bare G.726 of 32 kbit/s.
pub const G726: [&str; 6] = ["-f", "g726le", "-ar", "8000", "-code_size", "4"];

/// How alike two sounds are by their loudness every 20 ms: 1 for the same course, about 0 for two that have
/// nothing to do with each other. A delay of a codec counts little, another speed or order much.
pub fn likeness(a: &[i16], b: &[i16]) -> f64 {
    let course = |samples: &[i16]| -> Vec<f64> {
        let loudness = |c: &[i16]| c.iter().map(|s| f64::from(*s).powi(2)).sum::<f64>().sqrt();
        samples.chunks(160).map(loudness).collect()
    };
    let (a, b) = (course(a), course(b));
    let n = a.len().min(b.len());
    let mean = |v: &[f64]| v.iter().take(n).sum::<f64>() / n as f64;
    let (ma, mb) = (mean(&a), mean(&b));
    let product = |x: &[f64], mx: f64, y: &[f64], my: f64| -> f64 {
        x.iter().zip(y).map(|(x, y)| (x - mx) * (y - my)).sum()
    };
    product(&a[..n], ma, &b[..n], mb)
        / (product(&a[..n], ma, &a[..n], ma) * product(&b[..n], mb, &b[..n], mb)).sqrt()
}

/// Samples of the speech.
pub fn original() -> Vec<i16> {
    let octets = std::fs::read(speech()).unwrap();
    octets.chunks_exact(2).map(|c| i16::from_le_bytes([c[0], c[1]])).collect()
}
