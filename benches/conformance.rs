//! What judging costs: a voice message of 300 kB, its media read before and not, and each rule by itself.
//! `cargo bench --bench conformance`.
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

fn judging(criterion: &mut Criterion) {
    let (raw, limits, envelope) = (voice_message(), Limits::default(), Envelope::default());
    let message = Message::parse(&raw, &limits);
    let survey = Survey::new(&message, &envelope, None, &limits, &mut Budget::new(&limits));
    let mut group = criterion.benchmark_group("judge a voice message of 300 kB");
    group.throughput(Throughput::Bytes(raw.len() as u64)).sample_size(20);
    group.bench_function("audio read before", |b| b.iter(|| judge(black_box(&survey))));
    group.bench_function("all of it", |b| {
        b.iter(|| {
            let message = Message::parse(black_box(&raw), &limits);
            judge(&Survey::new(&message, &envelope, None, &limits, &mut Budget::new(&limits)))
        });
    });
    group.finish();
    dearest(&survey);
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
    println!("{} rules, {all} ns; the dearest:", costs.len());
    for (ns, id) in costs.iter().take(20) {
        println!("{ns:>10} ns  {:>4.1} %  {id}", *ns as f64 * 100.0 / all.max(1) as f64);
    }
}

criterion_group!(benches, judging);
criterion_main!(benches);
