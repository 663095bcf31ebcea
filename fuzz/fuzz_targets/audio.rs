//! Containers and codecs. The halves of the first octet choose the declared type and the target.
#![no_main]

use libfuzzer_sys::fuzz_target;
use vpim_milter::limits::{Budget, Limits};
use vpim_milter::media::{self, Job};

const TYPES: [&str; 14] = [
    "audio/32KADPCM", "audio/basic", "audio/wav", "audio/PCMA", "audio/L16;rate=8000", "audio/x-s16le;rate=44100",
    "audio/AAL2-G726-32", "application/octet-stream", "audio/gsm", "audio/wav;codec=31", "audio/AMR",
    "audio/mpeg", "audio/ogg", "audio/wav;codec=11",
];

fuzz_target!(|input: &[u8]| {
    let Some((choice, bytes)) = input.split_first() else { return };
    let pick = |n: usize| TYPES[n % TYPES.len()].parse().expect("a type");
    let limits = Limits { audio_seconds: 60, output_bytes: 1 << 24, ..Limits::default() };
    let job = Job::convert(pick(usize::from(choice & 15)), pick(usize::from(choice >> 4)));
    if let Ok(output) = media::run(&job, bytes, &limits, &mut Budget::new(&limits)) {
        assert!(output.bytes.len() <= 1 << 24);
    }
    let declared = pick(usize::from(*choice));
    for job in [Job::Inspect { declared: declared.clone() }, Job::Preview { declared }] {
        let _ = media::run(&job, bytes, &limits, &mut Budget::new(&limits));
    }
});
