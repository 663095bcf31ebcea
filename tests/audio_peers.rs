//! What we write, read by other people's programs: ffmpeg and SoX, where they are installed.

#![allow(clippy::unwrap_used)] // all of this is test code

use mime::Mime;
use std::io::Write;
use std::process::{Command, Stdio};
use vpim_milter::limits::{Budget, Limits};
use vpim_milter::media::{Job, run};

const SPEECH: &[u8] = include_bytes!("data/audio/s1.s16");

fn mime(name: &str) -> Mime {
    name.parse().unwrap()
}

fn converted(declared: &str, target: &str, input: &[u8]) -> Vec<u8> {
    let limits = Limits::default();
    let job = Job::convert(mime(declared), mime(target));
    run(&job, input, &limits, &mut Budget::new(&limits)).unwrap().bytes
}

/// Standard output of a program that is given `input`; `None`, said, where it is not installed.
fn piped(program: &str, arguments: &str, input: &[u8]) -> Option<Vec<u8>> {
    let mut command = Command::new(program);
    command.args(arguments.split(' ')).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
    let Ok(mut child) = command.spawn() else {
        println!("skipped: {program} {arguments} ({program} is not installed)");
        return None;
    };
    let mut stdin = child.stdin.take().unwrap();
    let input = input.to_vec();
    let writer = std::thread::spawn(move || stdin.write_all(&input));
    let output = child.wait_with_output().unwrap();
    // A program may stop reading before the end.
    let _ = writer.join().unwrap();
    assert!(output.status.success(), "{program} {arguments}");
    Some(output.stdout)
}

fn words(bytes: &[u8]) -> Vec<f64> {
    bytes.as_chunks().0.iter().map(|&word| f64::from(i16::from_le_bytes(word))).collect()
}

/// Mean over frames of 16 ms of the signal to noise ratio, limited to 0..=60 dB; silent frames left out.
fn segmental_snr_db(want: &[u8], got: &[u8]) -> f64 {
    let (want, got) = (words(want), words(got));
    let frames = want.chunks(128).zip(got.chunks(128)).filter_map(|(want, got)| {
        let signal: f64 = want.iter().map(|x| x * x).sum();
        let noise: f64 = want.iter().zip(got).map(|(a, b)| (a - b).powi(2)).sum();
        (signal > 128.0 * 10_000.0).then(|| (10.0 * (signal / noise.max(1.0)).log10()).clamp(0.0, 60.0))
    });
    let frames: Vec<f64> = frames.collect();
    frames.iter().sum::<f64>() / frames.len() as f64
}

fn assert_reads(program: &str, arguments: &str, target: &str, floor_db: f64) {
    let ours = converted("audio/x-s16le;rate=8000", target, SPEECH);
    let Some(theirs) = piped(program, arguments, &ours) else { return };
    let snr = segmental_snr_db(SPEECH, &theirs);
    println!("{target} read by {program}: {} samples, {snr:.1} dB", theirs.len() / 2);
    assert_eq!(theirs.len(), SPEECH.len(), "{target}: length by {program}");
    assert!(snr > floor_db, "{target} by {program}: {snr:.1} dB");
}

const FFMPEG_OUT: &str = "-f s16le -ar 8000 -ac 1 -";
const SOX_OUT: &str = "-t raw -r 8000 -c 1 -e signed -b 16 -L -";

#[test]
fn ffmpeg_reads_what_we_write() {
    let raw = |format: &str| format!("-v error -f {format} -i - {FFMPEG_OUT}");
    // ffmpeg's decoder is not exact, so the floor is below what the coding itself costs.
    assert_reads("ffmpeg", &raw("g726le -ar 8000 -code_size 4"), "audio/32KADPCM", 12.0);
    assert_reads("ffmpeg", &raw("g726 -ar 8000 -code_size 4"), "audio/AAL2-G726-32", 12.0);
    assert_reads("ffmpeg", &raw("mulaw -ar 8000"), "audio/PCMU", 30.0);
    assert_reads("ffmpeg", &raw("alaw -ar 8000"), "audio/PCMA", 30.0);
    assert_reads("ffmpeg", &raw("wav"), "audio/wav", 59.0);
    assert_reads("ffmpeg", &raw("wav"), "audio/wav;codec=6", 30.0);
    assert_reads("ffmpeg", &raw("wav"), "audio/wav;codec=7", 30.0);
    assert_reads("ffmpeg", &raw("wav"), "audio/wav;codec=45", 12.0);
    assert_reads("ffmpeg", &raw("wav"), "audio/wav;codec=31", 6.0);
    assert_reads("ffmpeg", &raw("gsm"), "audio/gsm", 6.0);
    assert_reads("ffmpeg", &raw("au"), "audio/au", 30.0);
}

#[test]
fn sox_reads_what_we_write() {
    assert_reads("sox", &format!("-t wav - {SOX_OUT}"), "audio/wav", 59.0);
    assert_reads("sox", &format!("-t wav - {SOX_OUT}"), "audio/wav;codec=6", 30.0);
    assert_reads("sox", &format!("-t wav - {SOX_OUT}"), "audio/wav;codec=7", 30.0);
    assert_reads("sox", &format!("-t au - {SOX_OUT}"), "audio/au", 30.0);
    assert_reads("sox", &format!("-t wav - {SOX_OUT}"), "audio/wav;codec=31", 6.0);
    assert_reads("sox", &format!("-t gsm - {SOX_OUT}"), "audio/gsm", 6.0);
}

#[test]
fn sox_decodes_our_code_words_to_our_samples() {
    // AU encoding 23 holds the code words of RFC 3802.
    let body = converted("audio/x-s16le;rate=8000", "audio/32KADPCM", SPEECH);
    let fields = [24, body.len() as u32, 23, 8_000, 1].into_iter().flat_map(u32::to_be_bytes);
    let au: Vec<u8> = b".snd".iter().copied().chain(fields).chain(body.iter().copied()).collect();
    let Some(theirs) = piped("sox", &format!("-t au - {SOX_OUT}"), &au) else { return };
    let ours = converted("audio/32KADPCM", "audio/x-s16le;rate=8000", &body);
    let snr = segmental_snr_db(&ours, &theirs);
    println!("AU G.721 by sox against ours: {snr:.1} dB");
    assert!(snr > 50.0, "{snr:.1} dB");
}

#[test]
fn we_read_what_ffmpeg_and_sox_write() {
    let input = "-v error -f s16le -ar 8000 -ac 1 -i -";
    for (program, arguments, declared, floor_db) in [
        ("ffmpeg", format!("{input} -c:a pcm_mulaw -f wav -"), "audio/wav", 30.0),
        ("ffmpeg", format!("{input} -c:a pcm_f32le -f wav -"), "audio/wav", 59.0),
        ("ffmpeg", format!("{input} -c:a g726 -b:a 32k -f wav -"), "audio/wav", 12.0),
        ("ffmpeg", format!("{input} -c:a pcm_alaw -f au -"), "audio/au", 30.0),
        ("sox", "-t raw -r 8000 -c 1 -e signed -b 16 -L - -t wav -b 24 -".into(), "audio/wav", 59.0),
        ("sox", "-t raw -r 8000 -c 1 -e signed -b 16 -L - -t au -e mu-law -".into(), "audio/basic", 30.0),
    ] {
        let Some(theirs) = piped(program, &arguments, SPEECH) else { continue };
        let ours = converted(declared, "audio/x-s16le;rate=8000", &theirs);
        let snr = segmental_snr_db(SPEECH, &ours);
        println!("{program} {arguments}: {snr:.1} dB");
        assert_eq!(ours.len(), SPEECH.len(), "{program} {arguments}");
        assert!(snr > floor_db, "{program} {arguments}: {snr:.1} dB");
    }
}
