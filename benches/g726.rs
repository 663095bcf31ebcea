//! Throughput of G.726 at 32 kbit/s and of G.711, one stream, against the libraries others use.
//!
//! `cargo bench --bench g726`. The peers are small C programs in `benches/peers`, built here with the
//! system compiler where their libraries are installed (Debian: libavcodec-dev, libspandsp-dev) and run
//! in turn with our own code, so that all see the same machine; they are not part of the package.

use criterion::{Criterion, Throughput};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};
use vpim_milter::media::audio::codec::{self, Codec};

const SPEECH: &[u8] = include_bytes!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/audio/s1.s16"));
/// The speech is repeated to half a minute, a usual message.
const REPEAT: usize = 8;

fn encode(codec: &Codec, samples: &[i16], out: &mut Vec<u8>) {
    let Some(encoder) = codec.encoder else { return };
    let mut encoder = encoder(codec);
    encoder.encode(samples, out);
    encoder.finish(out);
}

fn decode(codec: &Codec, bytes: &[u8], out: &mut Vec<i16>) {
    let Some(decoder) = codec.decoder else { return };
    decoder(codec).decode(bytes, out);
}

fn speech() -> Vec<i16> {
    SPEECH.as_chunks().0.iter().map(|&word| i16::from_le_bytes(word)).collect::<Vec<i16>>().repeat(REPEAT)
}

fn main() {
    let samples = speech();
    // `cargo test --benches` runs this too: once through, no figures.
    let timed = std::env::args().any(|argument| argument == "--bench");
    if timed {
        side_by_side(&samples);
    }
    let mut criterion = Criterion::default().configure_from_args().sample_size(30);
    for name in ["g726-32", "pcmu", "pcma"] {
        let codec = codec::named(name);
        let mut group = criterion.benchmark_group(name);
        group.throughput(Throughput::Elements(samples.len() as u64));
        let (mut coded, mut linear) = (Vec::new(), Vec::with_capacity(samples.len()));
        encode(codec, &samples, &mut coded);
        let bytes = coded.clone();
        group.bench_function("encode", |bencher| {
            bencher.iter(|| {
                coded.clear();
                encode(codec, &samples, &mut coded);
            });
        });
        group.bench_function("decode", |bencher| {
            bencher.iter(|| {
                linear.clear();
                decode(codec, &bytes, &mut linear);
            });
        });
        group.finish();
    }
    criterion.final_summary();
}

/// Ours, then each peer, then ours again...: the rounds share what else the machine does.
fn side_by_side(samples: &[i16]) {
    const ROUNDS: usize = 5;
    let peers: Vec<(&str, PathBuf)> =
        [("avcodec_g726", "-lavcodec -lavutil"), ("spandsp_g726", "-lspandsp -ltiff -lm")]
            .into_iter()
            .filter_map(|(name, libraries)| Some((name, built(name, libraries)?)))
            .collect();
    let input = target_dir().join("g726-bench.s16");
    if std::fs::write(&input, SPEECH.repeat(REPEAT)).is_err() {
        println!("skipped: peers (cannot write {})", input.display());
        return;
    }
    let mut results: Vec<(&str, Vec<(f64, f64)>)> = vec![("ours", Vec::new())];
    results.extend(peers.iter().map(|(name, _)| (*name, Vec::new())));
    for _ in 0..ROUNDS {
        results[0].1.push(ours(samples));
        for ((name, program), (_, figures)) in peers.iter().zip(&mut results[1..]) {
            match run_peer(program, &input) {
                Some(figure) => figures.push(figure),
                None => println!("skipped: one round of {name} (it failed)"),
            }
        }
    }
    println!("G.726-32, million samples a second: median [lowest - highest] of {ROUNDS} rounds in turn");
    for (name, figures) in &results {
        let column = |pick: fn(&(f64, f64)) -> f64| {
            let mut figures: Vec<f64> = figures.iter().map(pick).collect();
            figures.sort_by(f64::total_cmp);
            match (figures.first(), figures.get(figures.len() / 2), figures.last()) {
                (Some(low), Some(median), Some(high)) => format!("{median:6.1} [{low:.1} - {high:.1}]"),
                _ => "-".into(),
            }
        };
        println!("  {name:14} encode {}   decode {}", column(|f| f.0), column(|f| f.1));
    }
}

/// Throughput of encoding and decoding over about half a second each.
fn ours(samples: &[i16]) -> (f64, f64) {
    let codec = codec::named("g726-32");
    let (mut coded, mut linear) = (Vec::new(), Vec::new());
    let encoding = rate(samples.len(), || {
        coded.clear();
        encode(codec, samples, &mut coded);
    });
    let decoding = rate(samples.len(), || {
        linear.clear();
        decode(codec, &coded, &mut linear);
    });
    (encoding, decoding)
}

fn rate(samples: usize, mut round: impl FnMut()) -> f64 {
    let (begin, cpu) = (Instant::now(), cpu_seconds());
    let mut rounds = 0;
    while rounds < 3 || begin.elapsed() < Duration::from_millis(500) {
        round();
        rounds += 1;
    }
    let wall = begin.elapsed().as_secs_f64();
    let spent = cpu.zip(cpu_seconds()).map_or(wall, |(before, after)| after - before);
    (rounds * samples) as f64 / 1e6 / spent
}

/// CPU time of this thread where the system tells it (Linux); the peers count theirs too.
fn cpu_seconds() -> Option<f64> {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").ok()?;
    let nanoseconds: f64 = text.split(' ').next()?.parse().ok()?;
    Some(nanoseconds / 1e9)
}

fn target_dir() -> PathBuf {
    std::env::var_os("CARGO_TARGET_DIR")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("target"), PathBuf::from)
}

/// Compiles a peer; says so where that is not possible.
fn built(name: &str, libraries: &str) -> Option<PathBuf> {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/peers").join(format!("{name}.c"));
    let program = target_dir().join(name);
    let output =
        Command::new("cc").arg("-O2").arg(source).arg("-o").arg(&program).args(libraries.split(' ')).output();
    match output {
        Ok(output) if output.status.success() => Some(program),
        Ok(_) => {
            println!("skipped: {name} (its library is not installed)");
            None
        }
        Err(_) => {
            println!("skipped: {name} (no C compiler)");
            None
        }
    }
}

fn run_peer(program: &Path, input: &Path) -> Option<(f64, f64)> {
    let output = Command::new(program).arg(input).arg("0.5").output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    let figure = |name: &str| text.lines().find_map(|line| line.strip_prefix(name)?.trim().parse().ok());
    Some((figure("encode ")?, figure("decode ")?))
}
