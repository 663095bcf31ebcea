//! Fax conversion, per page. `cargo bench --bench fax`; pages are made here (text-like runs), and the CCITT charts
//! are used in addition where ../shared is at hand. tiff2pdf, where installed, is run as a command for comparison:
//! its figure includes starting a process, ours does not.
#![allow(clippy::unwrap_used)]

#[path = "../tests/common/mod.rs"]
mod common;

use common::fax::{TiffSpec, convert, encode_mmr, sample_page};
use criterion::{Criterion, criterion_group, criterion_main};
use std::hint::black_box;
use std::process::Command;
use std::time::Duration;

/// Name and TIFF of one page in each coding.
fn pages() -> Vec<(String, Vec<u8>)> {
    let page = sample_page(1728, 2291);
    let mmr = TiffSpec { length: 2291, data: encode_mmr(&page, 1728), ..TiffSpec::default() }.build();
    let mut pages = Vec::new();
    for coding in ["mh", "mr", "mmr"] {
        let tiff = convert(&mmr, &format!("image/tiff;compression={coding}")).unwrap().bytes;
        pages.push((format!("dense-{coding}"), tiff));
        let chart = concat!(env!("CARGO_MANIFEST_DIR"), "/../shared/vectors/fax-public/itu-charts/itu1");
        let suffix = if coding == "mr" { "mr4" } else { coding };
        match std::fs::read(format!("{chart}_{suffix}.tif")) {
            Ok(tiff) => pages.push((format!("chart1-{coding}"), tiff)),
            Err(_) => println!("skipped: chart 1 (no ../shared)"),
        }
    }
    pages
}

fn fax(criterion: &mut Criterion) {
    let jobs = [
        ("to-pdf", "application/pdf"),
        ("decode-to-pbm", "image/x-portable-bitmap"),
        ("to-mh", "image/tiff;compression=mh"),
        ("to-mr", "image/tiff;compression=mr"),
        ("to-mmr", "image/tiff;compression=mmr"),
    ];
    let mut group = criterion.benchmark_group("fax");
    group.warm_up_time(Duration::from_millis(300)).measurement_time(Duration::from_secs(1)).sample_size(20);
    let folder = std::env::temp_dir().join(format!("vpim-milter-bench-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    for (name, tiff) in pages() {
        for (job, target) in jobs {
            group.bench_function(format!("{name}/{job}"), |bencher| {
                bencher.iter(|| convert(black_box(&tiff), target).unwrap());
            });
        }
        let (input, output) = (folder.join("page.tif"), folder.join("page.pdf"));
        std::fs::write(&input, &tiff).unwrap();
        let run = || Command::new("tiff2pdf").arg("-o").arg(&output).arg(&input).output();
        if run().is_err() {
            println!("skipped: tiff2pdf (not installed)");
            continue;
        }
        group.bench_function(format!("{name}/tiff2pdf-spawned"), |bencher| bencher.iter(|| run().unwrap()));
    }
    group.finish();
    let _ = std::fs::remove_dir_all(folder);
}

criterion_group!(benches, fax);
criterion_main!(benches);
