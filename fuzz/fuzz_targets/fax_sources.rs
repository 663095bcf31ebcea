//! PDF, pictures, grey TIFF and plain text as fax pages. The first octet says what the rest is declared as.
#![no_main]

use libfuzzer_sys::fuzz_target;
use vpim_milter::limits::{Budget, Limits};
use vpim_milter::media::{self, Job};

const DECLARED: [&str; 4] =
    ["application/pdf", "text/plain; charset=utf-8", "image/tiff", "text/plain; charset=iso-8859-15"];

fuzz_target!(|bytes: &[u8]| {
    let Some((&kind, body)) = bytes.split_first() else { return };
    let limits =
        Limits { fax_pages: 4, fax_pixels: 40_000_000, page_pixels: 6_000_000, output_bytes: 1 << 24, ..Limits::default() };
    let declared: mime::Mime = DECLARED[usize::from(kind) % DECLARED.len()].parse().expect("a type");
    for target in ["image/tiff;application=faxbw", "image/png", "application/pdf"] {
        let job = Job::convert(declared.clone(), target.parse().expect("a type"));
        if let Ok(output) = media::run(&job, body, &limits, &mut Budget::new(&limits)) {
            assert!(output.bytes.len() <= 1 << 24);
        }
    }
});
