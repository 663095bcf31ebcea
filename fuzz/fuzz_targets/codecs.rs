//! Every container and codec that its bytes tell: no declared type, so that files serve as seeds.
#![no_main]

use libfuzzer_sys::fuzz_target;
use vpim_milter::limits::{Budget, Limits};
use vpim_milter::media::{self, Job};

fuzz_target!(|input: &[u8]| {
    let limits = Limits { audio_seconds: 60, output_bytes: 1 << 21, ..Limits::default() };
    let declared = "application/octet-stream".parse().expect("a type");
    let target = "audio/x-s16le;rate=8000".parse().expect("a type");
    if let Ok(output) = media::run(&Job::convert(declared, target), input, &limits, &mut Budget::new(&limits)) {
        assert!(output.bytes.len() <= 1 << 21);
    }
});
