//! Fax conversion, per page. `cargo bench --bench fax`; pages are made here (text-like runs), and the CCITT charts
//! are used in addition where ../shared is at hand. tiff2pdf, where installed, is run as a command for comparison:
//! its figure includes starting a process, ours does not.
#![allow(clippy::unwrap_used)]

#[path = "../tests/common/mod.rs"]
mod common;

use common::fax::{TiffSpec, convert, convert_as, encode_mmr, sample_page};
use common::programs::{Folder, run, text};
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

/// PDF pages to TIFF-F beside ghostscript and poppler. A command's figure includes starting it; so that this does not
/// decide, the file has [`COPIES`] pages and the time is that of all of them.
fn pdf(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("pdf");
    group.warm_up_time(Duration::from_millis(300)).measurement_time(Duration::from_secs(3)).sample_size(10);
    let folder = Folder::new("bench-pdf");
    let page = sample_page(1728, 2291);
    let mmr = TiffSpec { length: 2291, data: encode_mmr(&page, 1728), ..TiffSpec::default() }.build();
    let picture = convert(&mmr, "application/pdf").unwrap().bytes;
    for (name, pdf) in [("image", repeated(&picture_page(&picture))), ("text", repeated(&text_page()))] {
        for (job, target) in
            [("to-tiff", "image/tiff;compression=any"), ("to-mh", "image/tiff;compression=mh")]
        {
            group.bench_function(format!("{name}-{COPIES}-pages/{job}"), |bencher| {
                bencher.iter(|| convert_as("application/pdf", black_box(&pdf), target).unwrap());
            });
        }
        let (input, output) = (folder.write("pages.pdf", &pdf), folder.path("pages.tif"));
        let to = format!("-sOutputFile={}", text(&output));
        let gs = ["-q", "-dBATCH", "-dNOPAUSE", "-dSAFER", "-sDEVICE=tiffg4", "-r204x196", &to, text(&input)];
        let out = folder.path("poppler");
        let poppler = ["-mono", "-rx", "204", "-ry", "196", text(&input), text(&out)];
        for (program, arguments) in [("gs", &gs[..]), ("pdftoppm", &poppler[..])] {
            if run(program, arguments).is_some() {
                group.bench_function(format!("{name}-{COPIES}-pages/{program}"), |bencher| {
                    bencher.iter(|| run(program, arguments).unwrap());
                });
            }
        }
    }
    group.finish();
}

/// Pages of a file.
const COPIES: usize = 20;

/// Resources, content and further objects (from number 3 on) of a page.
type Parts = (String, Vec<u8>, Vec<Vec<u8>>);

fn picture_page(pdf: &[u8]) -> Parts {
    // Our own PDF has one image object: its dictionary and data are taken over.
    let start = pdf.windows(14).position(|w| w == b"/Subtype /Imag").unwrap();
    let start = pdf[..start].windows(2).rposition(|w| w == b"<<").unwrap();
    let end = start + pdf[start..].windows(9).position(|w| w == b"endstream").unwrap() + 9;
    let content = b"q 609.882 0 0 841.591 0 0 cm /F Do Q".to_vec();
    ("/XObject<</F 3 0 R>>".to_owned(), content, vec![pdf[start..end].to_vec()])
}

fn text_page() -> Parts {
    let mut content = String::from("BT /T 11 Tf 13 TL 72 770 Td ");
    for line in 0..54 {
        content += &format!(
            "({line}: the quick brown fox jumps over the lazy dog, and 0123456789 sheep sleep.) Tj T* "
        );
    }
    content += "ET 0.5 w 72 60 m 540 60 l S";
    let font = "/Font<</T<</Type/Font/Subtype/Type1/BaseFont/Times-Roman>>>>";
    (font.to_owned(), content.into_bytes(), Vec::new())
}

/// A file of so many pages that share resources, each with its own content.
fn repeated((resources, content, more): &Parts) -> Vec<u8> {
    let first = 3 + more.len();
    let kids: String = (0..COPIES).map(|n| format!("{} 0 R ", first + 2 * n)).collect();
    let mut objects = vec![
        b"<</Type/Catalog/Pages 2 0 R>>".to_vec(),
        format!("<</Type/Pages/Kids[{kids}]/Count {COPIES}/MediaBox[0 0 609.882 841.591]>>").into_bytes(),
    ];
    objects.extend(more.iter().cloned());
    for n in 0..COPIES {
        let contents = first + 2 * n + 1;
        let page = format!("<</Type/Page/Parent 2 0 R/Contents {contents} 0 R/Resources<<{resources}>>>>");
        objects.extend([page.into_bytes(), common::pdf::stream("", content)]);
    }
    common::pdf::file(&objects)
}

criterion_group!(benches, fax, pdf);
criterion_main!(benches);
