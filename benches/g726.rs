//! Throughput of G.726 at 32 kbit/s and of G.711, one stream, against the libraries others use.
//!
//! `cargo bench --bench g726`. The peers are small C programs in `benches/peers`, built here with the
//! system compiler where their libraries are installed (Debian: libavcodec-dev, libspandsp-dev) and run
//! in turn with our own code, so that all see the same machine; they are not part of the package.

use criterion::{Criterion, Throughput};
use std::path::PathBuf;
use support::{built, rate, run_peer, target_dir};
use vpim_milter::media::audio::codec::{self, Codec};

mod support;

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
    let best = |figures: &[(f64, f64)], pick: fn(&(f64, f64)) -> f64| {
        figures.iter().map(pick).fold(f64::NAN, f64::max)
    };
    let own = &results[0].1;
    for (name, figures) in &results[1..] {
        let ratio = |pick| best(own, pick) / best(figures, pick);
        println!("  ours / {name}: encode {:.2}, decode {:.2}", ratio(|f| f.0), ratio(|f| f.1));
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
