//! Throughput of GSM 06.10, G.711, AMR, MP3, Opus, resampling, base64 and the `transcode` command, against
//! what others use.
//!
//! `cargo bench --bench audio`. Ours and the peers take turns, so that all see the same machine; the peers
//! are small C programs, built here where their libraries are installed (Debian: libgsm1-dev, libsoxr-dev,
//! libopencore-amrnb-dev, libmp3lame-dev, libopus-dev). Figures: millions of samples, of input samples, of
//! octets a second of CPU time; the ratios are of the best rounds, as the others tell of the machine. Beside
//! G.711 stands the plain loop over a table into a slice, which is what the crates with G.711 do.

use data_encoding::BASE64_MIME;
use std::hint::black_box;
use std::process::Command;
use support::{built, children_milliseconds, rate, run_peer, target_dir};
use vpim_milter::limits::{Budget, Limits};
use vpim_milter::media::audio::codec::{self, Codec};
use vpim_milter::media::{Job, run};
use vpim_milter::message::transfer::{Encoding, decode as decode_transfer, encode_base64};

mod support;

const SPEECH: &[u8] = include_bytes!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/audio/s1.s16"));
const S16: &str = "audio/x-s16le;rate=8000";
/// The speech is repeated to half a minute, a usual message.
const REPEAT: usize = 8;
const ROUNDS: usize = 5;

fn main() {
    // `cargo test --benches` runs this too: figures only where they are asked for.
    if !std::env::args().any(|argument| argument == "--bench") {
        return;
    }
    let samples: Vec<i16> = SPEECH
        .as_chunks()
        .0
        .iter()
        .map(|&word| i16::from_le_bytes(word))
        .collect::<Vec<i16>>()
        .repeat(REPEAT);
    for name in ["gsm", "gsm-ms", "pcmu", "pcma"] {
        let codec = codec::named(name);
        let peer = if name == "gsm" { Some(("libgsm_gsm", "-lgsm")) } else { None };
        in_turn(name, || coding(codec, &samples), peer, &SPEECH.repeat(REPEAT));
    }
    for (what, target, peer) in [
        ("AMR at 12.2 kbit/s", "audio/amr", ("opencore_amr", "-lopencore-amrnb")),
        ("MP3 at 32 kbit/s", "audio/mpeg", ("lame_mp3", "-lmp3lame")),
        ("Opus at 16 kbit/s", "audio/ogg;codecs=opus", ("libopus_opus", "-lopus")),
    ] {
        let linear = SPEECH.repeat(REPEAT);
        in_turn(what, || packets(target, &linear), Some(peer), &linear);
    }
    let music = speech_at_44_100(&samples);
    in_turn("44.1 to 8 kHz", || resampling(&music), Some(("soxr_resample", "-lsoxr")), &music);
    plain_tables(&samples);
    base64();
    command(&samples);
}

/// Rounds of ours, then the peer, then ours again...
fn in_turn(what: &str, mut ours: impl FnMut() -> (f64, f64), peer: Option<(&str, &str)>, input: &[u8]) {
    let file = target_dir().join("audio-bench.raw");
    let peer = peer.and_then(|(name, libraries)| Some((name, built(name, libraries)?)));
    if std::fs::write(&file, input).is_err() {
        println!("skipped: {what} (cannot write {})", file.display());
        return;
    }
    let (mut own, mut others) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        own.push(ours());
        others.extend(peer.as_ref().and_then(|(_, program)| run_peer(program, &file)));
    }
    println!("{what}: ours {}", spread(&mut own));
    if let Some((name, _)) = peer {
        println!("{what}: {name} {}", spread(&mut others));
        ratios(what, name, &own, &others);
    }
}

/// Ours against another, encoding and decoding, by the best rounds.
fn ratios(what: &str, name: &str, own: &[(f64, f64)], others: &[(f64, f64)]) {
    let ratio = |pick: fn(&(f64, f64)) -> f64| {
        let best = |figures: &[(f64, f64)]| figures.iter().map(pick).fold(f64::NAN, f64::max);
        best(own) / best(others)
    };
    let (encode, decode) = (ratio(|figure| figure.0), ratio(|figure| figure.1));
    println!("{what}: ours / {name} encode {encode:.2}, decode {decode:.2}");
}

/// Median, lowest and highest.
fn spread(figures: &mut [(f64, f64)]) -> String {
    let mut column = |pick: fn(&(f64, f64)) -> f64| {
        figures.sort_by(|a, b| pick(a).total_cmp(&pick(b)));
        let at = |k: usize| figures.get(k).map_or(f64::NAN, pick);
        format!("{:.1} [{:.1} - {:.1}]", at(figures.len() / 2), at(0), at(figures.len().saturating_sub(1)))
    };
    format!("encode {}, decode {}", column(|figure| figure.0), column(|figure| figure.1))
}

fn coding(codec: &Codec, samples: &[i16]) -> (f64, f64) {
    let (Some(new_encoder), Some(new_decoder)) = (codec.encoder, codec.decoder) else { return (0.0, 0.0) };
    let (mut coded, mut linear) = (Vec::new(), Vec::new());
    let encoding = rate(samples.len(), || {
        coded.clear();
        let mut encoder = new_encoder(codec);
        encoder.encode(samples, &mut coded);
        encoder.finish(&mut coded);
    });
    let decoding = rate(samples.len(), || {
        linear.clear();
        new_decoder(codec).decode(&coded, &mut linear);
    });
    (encoding, decoding)
}

/// Something with a spectrum at 44.1 kHz; its sound does not matter.
fn speech_at_44_100(samples: &[i16]) -> Vec<u8> {
    samples.iter().flat_map(|x| x.to_le_bytes().repeat(5)).collect()
}

/// Whole conversions from and to linear samples: these codecs come in packets and pages.
fn packets(target: &str, linear: &[u8]) -> (f64, f64) {
    let samples = linear.len() / 2;
    let coded = converted(S16, target, linear);
    let encoding = rate(samples, || drop(black_box(converted(S16, target, linear))));
    let decoding = rate(samples, || drop(black_box(converted(target, S16, &coded))));
    (encoding, decoding)
}

fn converted(declared: &str, target: &str, input: &[u8]) -> Vec<u8> {
    let limits = Limits::default();
    let mime = |name: &str| name.parse().expect("a media type");
    let job = Job::convert(mime(declared), mime(target));
    run(&job, input, &limits, &mut Budget::new(&limits)).expect("a conversion").bytes
}

/// The second figure is that of the whole conversion, as the first.
fn resampling(input: &[u8]) -> (f64, f64) {
    let figure = rate(input.len() / 2, || {
        drop(black_box(converted("audio/x-s16le;rate=44100", S16, input)));
    });
    (figure, figure)
}

fn base64() {
    let octets: Vec<u8> = (0..4u32 << 20).map(|k| (k.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    let text = encode_base64(&octets, "\r\n");
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        ours.push((
            rate(octets.len(), || drop(black_box(encode_base64(&octets, "\r\n")))),
            rate(octets.len(), || drop(black_box(decode_transfer(&Encoding::Base64, &text)))),
        ));
        theirs.push((
            rate(octets.len(), || drop(black_box(BASE64_MIME.encode(&octets)))),
            rate(octets.len(), || drop(black_box(BASE64_MIME.decode(&text)))),
        ));
    }
    println!("base64 in lines: ours {}", spread(&mut ours));
    println!("base64 in lines: data-encoding {}", spread(&mut theirs));
    ratios("base64 in lines", "data-encoding", &ours, &theirs);
}

/// The tables of mu-law in plain loops into slices that are there already.
fn plain_tables(samples: &[i16]) {
    let codec = codec::named("pcmu");
    let (Some(new_encoder), Some(new_decoder)) = (codec.encoder, codec.decoder) else { return };
    let (mut to_code, mut to_sample) = (Vec::new(), Vec::new());
    let all_samples: Vec<i16> = (0..=u16::MAX).map(u16::cast_signed).collect();
    new_encoder(codec).encode(&all_samples, &mut to_code);
    new_decoder(codec).decode(&(0..=255).collect::<Vec<u8>>(), &mut to_sample);
    let to_code: &[u8; 1 << 16] = to_code.as_slice().try_into().expect("a code for every sample");
    let to_sample: &[i16; 256] = to_sample.as_slice().try_into().expect("a sample for every code");
    let (mut codes, mut linear) = (vec![0; samples.len()], vec![0; samples.len()]);
    let (mut ours, mut plain) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        ours.push(coding(codec, samples));
        let encoding = rate(samples.len(), || {
            for (code, &sample) in black_box(&mut codes).iter_mut().zip(black_box(samples)) {
                *code = to_code[usize::from(sample.cast_unsigned())];
            }
        });
        let decoding = rate(samples.len(), || {
            for (sample, &code) in black_box(&mut linear).iter_mut().zip(black_box(&codes)) {
                *sample = to_sample[usize::from(code)];
            }
        });
        plain.push((encoding, decoding));
    }
    println!("pcmu: ours {}", spread(&mut ours));
    println!("pcmu: plain loop {}", spread(&mut plain));
    ratios("pcmu", "plain loop", &ours, &plain);
}

/// A message of half a minute from audio/32KADPCM to WAVE by the whole command, against ffmpeg's: CPU time
/// of the processes, start and end included.
fn command(samples: &[i16]) {
    const RUNS: u32 = 40;
    let codec = codec::named("g726-32");
    let Some(new_encoder) = codec.encoder else { return };
    let mut coded = Vec::new();
    new_encoder(codec).encode(samples, &mut coded);
    let [input, output] = ["command-bench.726", "command-bench.wav"].map(|name| target_dir().join(name));
    if std::fs::write(&input, &coded).is_err() {
        println!("skipped: transcode (cannot write {})", input.display());
        return;
    }
    let ours = || {
        let mut command = Command::new(env!("CARGO_BIN_EXE_vpim-milter"));
        command.args(["transcode", "--from", "audio/32KADPCM", "--to", "audio/wav"]).arg(&input).arg(&output);
        command
    };
    let ffmpeg = || {
        let mut command = Command::new("ffmpeg");
        command.args("-nostdin -v error -y -f g726le -code_size 4 -ar 8000 -i".split(' '));
        command.arg(&input).args(["-c:a", "pcm_s16le"]).arg(&output);
        command
    };
    let (mut own, mut theirs) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        own.extend(milliseconds(&ours, RUNS));
        theirs.extend(milliseconds(&ffmpeg, RUNS / 4));
    }
    for (name, figures) in [("ours", &mut own), ("ffmpeg", &mut theirs)] {
        figures.sort_by(f64::total_cmp);
        match (figures.first(), figures.get(figures.len() / 2), figures.last()) {
            (Some(low), Some(median), Some(high)) => {
                println!("transcode, ms of CPU a message: {name} {median:.2} [{low:.2} - {high:.2}]");
            }
            _ => println!("skipped: {name} (does not run)"),
        }
    }
    if let (Some(ours), Some(theirs)) = (own.first(), theirs.first()) {
        println!("transcode: ffmpeg / ours {:.1}", theirs / ours);
    }
}

/// CPU time of a command, the mean of some runs.
fn milliseconds(command: &dyn Fn() -> Command, runs: u32) -> Option<f64> {
    let before = children_milliseconds()?;
    for _ in 0..runs {
        if !command().output().ok()?.status.success() {
            return None;
        }
    }
    Some((children_milliseconds()? - before) / f64::from(runs))
}
