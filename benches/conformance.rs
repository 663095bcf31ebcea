//! What judging a voice message of 300 kB costs. "Without decoding" is everything but the media: the message is
//! parsed, the base64 of its bodies read once, and every rule run; no sound is decoded, and the rules that ask
//! for facts of it find none. "Rules alone" has those facts, read before. `cargo bench --bench conformance`
//! prints the share of the three, then each rule by itself.
#![allow(clippy::unwrap_used)]

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use std::hint::black_box;
use std::time::Instant;
use vpim_milter::conformance::rule::run;
use vpim_milter::conformance::{judge, rules};
use vpim_milter::limits::{Budget, Limits};
use vpim_milter::message::Message;
use vpim_milter::vpim::{Envelope, Survey};

/// A message of VPIM version 2 with 221 kB of audio/32KADPCM: 55 seconds of noise.
fn voice_message() -> Vec<u8> {
    let alphabet = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut state = 1u32;
    let mut body = String::new();
    for column in 0..295_488u32 {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        body.push(char::from(alphabet[(state >> 26) as usize]));
        if column % 72 == 71 {
            body.push_str("\r\n");
        }
    }
    format!(
        "From: <+15551230001@a.example>\r\nTo: <+15551230002@b.example>\r\n\
         Date: Tue, 04 Mar 2025 09:00:00 +0100\r\nMessage-ID: <1@a.example>\r\n\
         MIME-Version: 1.0 (Voice 2.0)\r\nContent-Type: multipart/voice-message; version=2.0; boundary=b\r\n\
         \r\n--b\r\nContent-Type: audio/32KADPCM\r\nContent-Transfer-Encoding: base64\r\n\
         Content-Disposition: inline; voice=Voice-Message; filename=a.726\r\nContent-Duration: 55\r\n\r\n\
         {body}--b--\r\n"
    )
    .into_bytes()
}

/// All of it; `media_parts` bodies are decoded.
fn judged(raw: &[u8], media_parts: u32) -> usize {
    let limits = Limits { media_parts, ..Limits::default() };
    let (message, envelope) = (Message::parse(raw, &limits), Envelope::default());
    judge(&Survey::new(&message, &envelope, None, &limits, &mut Budget::new(&limits))).len()
}

fn judging(criterion: &mut Criterion) {
    let (raw, limits, envelope) = (voice_message(), Limits::default(), Envelope::default());
    let message = Message::parse(&raw, &limits);
    let survey = Survey::new(&message, &envelope, None, &limits, &mut Budget::new(&limits));
    let mut group = criterion.benchmark_group("judge a voice message of 300 kB");
    group.throughput(Throughput::Bytes(raw.len() as u64)).sample_size(20);
    group.bench_function("rules alone", |b| b.iter(|| judge(black_box(&survey))));
    group.bench_function("without decoding", |b| b.iter(|| judged(black_box(&raw), 0)));
    group.bench_function("with decoding", |b| b.iter(|| judged(black_box(&raw), limits.media_parts)));
    group.finish();
    totals(&raw, &survey);
    dearest(&survey);
}

/// Prints the three side by side, measured in turns so that a busy machine is busy for all.
fn totals(raw: &[u8], survey: &Survey<'_>) {
    let work: [(&str, &dyn Fn() -> usize); 4] = [
        ("parsing", &|| Message::parse(black_box(raw), &Limits::default()).entities().count()),
        ("rules alone", &|| judge(black_box(survey)).len()),
        ("without decoding", &|| judged(black_box(raw), 0)),
        ("with decoding", &|| judged(black_box(raw), Limits::default().media_parts)),
    ];
    let mut best = [u128::MAX; 4];
    for _ in 0..50 {
        for (best, (_, run)) in best.iter_mut().zip(work) {
            let start = Instant::now();
            black_box(run());
            *best = (*best).min(start.elapsed().as_nanos());
        }
    }
    for ((name, _), ns) in work.iter().zip(best) {
        println!("{name:<17} {:>8.3} ms", ns as f64 / 1e6);
    }
}

/// Prints the rules that cost most, best of several runs each.
fn dearest(survey: &Survey<'_>) {
    const RUNS: u32 = 20;
    let mut costs: Vec<(u128, &str)> = rules::all()
        .map(|rule| {
            let best = (0..5).map(|_| {
                let start = Instant::now();
                (0..RUNS).for_each(|_| {
                    black_box(run(std::iter::once(rule), black_box(survey)));
                });
                start.elapsed().as_nanos() / u128::from(RUNS)
            });
            (best.min().unwrap_or_default(), rule.id)
        })
        .collect();
    costs.sort_unstable_by(|a, b| b.cmp(a));
    let all: u128 = costs.iter().map(|(ns, _)| ns).sum();
    println!("{} rules, {:.3} ms in all; the dearest:", costs.len(), all as f64 / 1e6);
    for (ns, id) in costs.iter().take(20) {
        println!("{ns:>10} ns  {:>4.1} %  {id}", *ns as f64 * 100.0 / all.max(1) as f64);
    }
}

criterion_group!(benches, judging);
criterion_main!(benches);
