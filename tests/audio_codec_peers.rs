//! Codecs of frames and delays against ffmpeg: what we write it decodes, what it writes we decode.

#![allow(clippy::unwrap_used)]

use std::path::PathBuf;
use std::process::{Command, Stdio};
use vpim_milter::limits::{Budget, Limits};
use vpim_milter::media::{Job, run};

#[path = "support/tools.rs"]
mod tools;

const SPEECH: &[u8] = include_bytes!("data/audio/s1.s16");
const S16: &str = "audio/x-s16le;rate=8000";
/// Samples by which a codec may be late.
const MAX_DELAY: usize = 1_500;

fn converted(declared: &str, target: &str, input: &[u8]) -> Vec<u8> {
    let limits = Limits::default();
    let job = Job::convert(declared.parse().unwrap(), target.parse().unwrap());
    run(&job, input, &limits, &mut Budget::new(&limits))
        .unwrap_or_else(|e| panic!("{declared} to {target}: {e}"))
        .bytes
}

/// A file of this process.
struct Scratch(PathBuf);

impl Scratch {
    fn new(name: &str) -> Self {
        Scratch(std::env::temp_dir().join(format!("vpim-codec-{}-{name}", std::process::id())))
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

fn ffmpeg(arguments: &[&str]) -> Vec<u8> {
    let output = Command::new("ffmpeg")
        .args(["-y", "-v", "error"])
        .args(arguments)
        .stdin(Stdio::null())
        .output()
        .unwrap();
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    output.stdout
}

fn decoded_by_ffmpeg(file: &Scratch) -> Vec<i16> {
    words(&ffmpeg(&["-i", file.0.to_str().unwrap(), "-f", "s16le", "-ar", "8000", "-ac", "1", "-"]))
}

fn words(bytes: &[u8]) -> Vec<i16> {
    bytes.as_chunks().0.iter().map(|&word| i16::from_le_bytes(word)).collect()
}

fn rms(samples: &[i16]) -> f64 {
    (samples.iter().map(|&x| f64::from(x).powi(2)).sum::<f64>() / samples.len().max(1) as f64).sqrt()
}

/// Mean over frames of 16 ms of the signal to noise ratio, limited to 0..=60 dB; silent frames left out.
fn segmental_snr_db(want: &[i16], got: &[i16]) -> f64 {
    let frames = want.chunks(128).zip(got.chunks(128)).filter_map(|(want, got)| {
        let signal: f64 = want.iter().map(|&x| f64::from(x).powi(2)).sum();
        let noise: f64 = want.iter().zip(got).map(|(&a, &b)| (f64::from(a) - f64::from(b)).powi(2)).sum();
        (signal > 128.0 * 10_000.0).then(|| (10.0 * (signal / noise.max(1.0)).log10()).clamp(0.0, 60.0))
    });
    let frames: Vec<f64> = frames.collect();
    frames.iter().sum::<f64>() / frames.len().max(1) as f64
}

/// The delay at which `got` is most like `want`.
fn delay(want: &[i16], got: &[i16]) -> usize {
    let likeness = |delay: usize| -> f64 {
        want.iter()
            .zip(got.get(delay..).unwrap_or_default())
            .map(|(&a, &b)| f64::from(a) * f64::from(b))
            .sum()
    };
    (0..MAX_DELAY).max_by(|a, b| likeness(*a).total_cmp(&likeness(*b))).unwrap()
}

/// Type we write, extension for ffmpeg, longest delay, samples it may be longer, segmental SNR at least.
/// AMR does not follow the waveform: 3.9 dB is what the coding by the reference encoder gives.
const WRITTEN: &[(&str, &str, usize, usize, f64)] = &[
    ("audio/AMR", "amr", 60, 0, 3.5),
    ("audio/mpeg", "mp3", 1_200, 1_800, 5.0),
    ("audio/ogg;codecs=opus", "ogg", 1, 0, 7.0),
    ("audio/wav;codec=11", "wav", 0, 505, 20.0),
];

#[test]
fn ffmpeg_decodes_what_we_write() {
    if !tools::available(&["ffmpeg"]) {
        return;
    }
    let speech = words(SPEECH);
    for (target, extension, max_delay, surplus, floor_db) in WRITTEN {
        let file = Scratch::new(&format!("written.{extension}"));
        let coded = converted(S16, target, SPEECH);
        std::fs::write(&file.0, &coded).unwrap();
        let theirs = decoded_by_ffmpeg(&file);
        let late = delay(&speech, &theirs);
        let snr = segmental_snr_db(&speech, &theirs[late..]);
        let level_db = 20.0 * (rms(&theirs) / rms(&speech)).log10();
        println!(
            "{target}: {} octets, {} samples, {late} late, {level_db:+.2} dB level, {snr:.1} dB segmental SNR",
            coded.len(),
            theirs.len()
        );
        assert!(
            (speech.len()..=speech.len() + surplus).contains(&theirs.len()),
            "{target}: {}",
            theirs.len()
        );
        assert!(late <= *max_delay, "{target}: {late} samples late");
        assert!(level_db.abs() < 1.0, "{target}: level {level_db:+.2} dB");
        assert!(snr > *floor_db, "{target}: {snr:.1} dB");
        let ours = words(&converted(target, S16, &coded));
        let own = segmental_snr_db(&speech, &ours[delay(&speech, &ours)..]);
        println!("{target}: decoded by ourselves {} samples, {own:.1} dB", ours.len());
        assert!(own > *floor_db, "{target}: {own:.1} dB");
    }
}

/// Extension, arguments of the encoder, likeness to ffmpeg's own decoding at least.
const READ: &[(&str, &str, f64)] = &[
    ("mp3", "-ar 8000 -c:a libmp3lame -b:a 16k", 60.0),
    ("mp3", "-ar 16000 -c:a libmp3lame -q:a 5", 25.0),
    ("mp3", "-ar 44100 -ac 2 -c:a libmp3lame -b:a 64k", 25.0),
    ("wav", "-ar 8000 -c:a libmp3lame -b:a 16k", 60.0),
    ("m4a", "-ar 8000 -c:a aac -b:a 24k", 60.0),
    ("m4a", "-ar 44100 -ac 2 -c:a aac -b:a 64k", 25.0),
    ("aac", "-ar 16000 -c:a aac -b:a 24k", 25.0),
    ("ogg", "-ar 8000 -c:a libvorbis -q:a 2", 60.0),
    ("ogg", "-ar 44100 -ac 2 -c:a libvorbis -q:a 2", 25.0),
    ("opus", "-c:a libopus -b:a 24k", 15.0),
    ("opus", "-ac 2 -c:a libopus -b:a 32k", 15.0),
    ("flac", "-ar 8000 -c:a flac", 60.0),
    ("oga", "-ar 8000 -c:a flac", 60.0),
    ("aiff", "-ar 8000 -c:a pcm_s24be", 60.0),
    ("caf", "-ar 8000 -c:a pcm_s16le", 60.0),
    ("wav", "-ar 8000 -c:a adpcm_ms", 60.0),
    ("wav", "-ar 8000 -ac 2 -c:a adpcm_ima_wav", 60.0),
    ("au", "-ar 8000 -c:a pcm_f32be", 60.0),
];

#[test]
fn we_decode_what_ffmpeg_writes() {
    if !tools::available(&["ffmpeg"]) {
        return;
    }
    let source = Scratch::new("source.wav");
    std::fs::write(&source.0, converted(S16, "audio/wav", SPEECH)).unwrap();
    for (extension, arguments, floor_db) in READ {
        let file = Scratch::new(&format!("read.{extension}"));
        let mut command = vec!["-i", source.0.to_str().unwrap()];
        command.extend(arguments.split(' '));
        command.push(file.0.to_str().unwrap());
        ffmpeg(&command);
        let theirs = decoded_by_ffmpeg(&file);
        let ours = words(&converted("application/octet-stream", S16, &std::fs::read(&file.0).unwrap()));
        let snr = segmental_snr_db(&theirs, &ours);
        println!("{extension} {arguments}: {} samples, ffmpeg {}, {snr:.1} dB", ours.len(), theirs.len());
        // Fillings of last blocks, which their files tell to leave out, and resampled ends.
        assert!(theirs.len().abs_diff(ours.len()) <= 1_100, "{extension} {arguments}");
        assert!(snr >= *floor_db - 0.1, "{extension} {arguments}: {snr:.1} dB");
    }
}

/// ffmpeg's AMR decoders are floating point ones: near, not equal.
#[test]
fn wide_band_amr_decodes_as_ffmpeg_does() {
    use codec_core::codecs::amr::AmrCodec;
    use codec_core::types::{AudioCodec, CodecConfig};
    if !tools::available(&["ffmpeg"]) {
        return;
    }
    let source = Scratch::new("wide.wav");
    std::fs::write(&source.0, converted(S16, "audio/wav", SPEECH)).unwrap();
    let wide = words(&ffmpeg(&["-i", source.0.to_str().unwrap(), "-f", "s16le", "-ar", "16000", "-"]));
    let mut encoder = AmrCodec::new(&CodecConfig::amr_wb()).unwrap();
    let mut amr = b"#!AMR-WB\n".to_vec();
    for frame in wide.chunks_exact(320) {
        // The highest mode: 23.85 kbit/s.
        amr.push(8 << 3 | 4);
        amr.extend(encoder.encode(frame).unwrap());
    }
    let file = Scratch::new("wide.amr");
    std::fs::write(&file.0, &amr).unwrap();
    let theirs = decoded_by_ffmpeg(&file);
    let ours = words(&converted("audio/AMR-WB", S16, &amr));
    let snr = segmental_snr_db(&theirs, &ours);
    println!("AMR-WB: {} samples, ffmpeg {}, {snr:.1} dB", ours.len(), theirs.len());
    assert_eq!(ours.len(), SPEECH.len() / 2);
    assert!(snr > 20.0, "{snr:.1} dB");
}
