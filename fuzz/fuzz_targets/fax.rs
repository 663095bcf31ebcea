//! TIFF directories, T.4/T.6 data, PDF and TIFF-F writers.
#![no_main]

use libfuzzer_sys::fuzz_target;
use vpim_milter::limits::{Budget, Limits};
use vpim_milter::media::{self, Job};

fuzz_target!(|bytes: &[u8]| {
    let limits = Limits { fax_pixels: 20_000_000, output_bytes: 1 << 24, ..Limits::default() };
    let declared: mime::Mime = "image/tiff".parse().expect("a type");
    for target in [
        "application/pdf",
        "image/tiff;application=faxbw",
        "image/tiff;compression=mmr;coded=anew",
        "image/tiff;profile=s",
        "image/png",
        "image/x-portable-bitmap",
    ] {
        let job = Job::convert(declared.clone(), target.parse().expect("a type"));
        if let Ok(output) = media::run(&job, bytes, &limits, &mut Budget::new(&limits)) {
            assert!(output.bytes.len() <= 1 << 24);
        }
    }
    for job in [Job::Inspect { declared: declared.clone() }, Job::Preview { declared }] {
        let _ = media::run(&job, bytes, &limits, &mut Budget::new(&limits));
    }
});
