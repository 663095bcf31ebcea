//! What a message costs inside the core: the look at the header that every mail gets, the judging of
//! mail that is not ours, and both conversions.

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use std::hint::black_box;
use std::path::Path;
use vpim_milter::engine::{self, Ambient};
use vpim_milter::policy::Settings;
use vpim_milter::vpim::{Envelope, class};

fn example(name: &str) -> Vec<u8> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/messages").join(name);
    std::fs::read(path).expect("a bundled message")
}

fn header_look(c: &mut Criterion) {
    let plain = example("pass-plain.eml");
    let end = memchr::memmem::find(&plain, b"\r\n\r\n").expect("an empty line") + 4;
    c.bench_function("ordinary mail: look at the header", |b| {
        b.iter(|| class::may_be_ours(black_box(&plain[..end])));
    });
}

fn conversions(c: &mut Criterion) {
    let mut group = c.benchmark_group("whole message");
    for (name, profile) in [
        ("pass-plain.eml", "desktop"),
        ("desk-voice-fax.eml", "desktop"),
        ("pbx-asterisk-wav.eml", "vpim2"),
        ("fax-mixed-resolution.eml", "desktop"),
    ] {
        let raw = example(name);
        let settings = Settings::for_profile(profile, "bench.test");
        group.throughput(Throughput::Bytes(raw.len() as u64));
        group.bench_function(format!("{name} -> {profile}"), |b| {
            b.iter(|| engine::process(black_box(&raw), &Envelope::default(), &settings, &Ambient::default()));
        });
    }
    group.finish();
}

criterion_group!(benches, header_look, conversions);
criterion_main!(benches);
