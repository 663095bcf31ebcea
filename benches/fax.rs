//! Fax beside others in one run: T.6 coding, TIFF-F to PDF, PDF to TIFF-F, the `transcode` command.
//!
//! `cargo bench --bench fax`; an argument behind `--` picks lines by a part of their name. Ours and the peers take
//! turns, so that all see the same machine; figures are of CPU time, the best of some rounds, and beside the ratio
//! stands the least it must be. libtiff is driven by a small C program that is built here (Debian: libtiff-dev);
//! tiff2pdf, ghostscript and pdftoppm are run as commands on files of many pages, so that starting them does not
//! decide, and do what we do: read a file, write one. Pages are those of ../shared where it is at hand (the CCITT
//! charts, a dense and a halftone page), else made here.
#![allow(clippy::unwrap_used)]

#[path = "../tests/common/mod.rs"]
mod common;
mod support;

use common::fax::{convert, convert_as, encode_mmr, inspect, pages_of_pbm, read_by_hayro, sample_page};
use common::programs::{Folder, text};
use std::hint::black_box;
use std::path::{Path, PathBuf};
use std::process::Command;
use support::{built, children_milliseconds, rate, run_peer};
use vpim_milter::engine::{self, Ambient};
use vpim_milter::message::transfer::encode_base64;
use vpim_milter::policy::Settings;
use vpim_milter::vpim::Envelope;

const ROUNDS: usize = 3;
/// Pages of a file given to a command.
const COPIES: usize = 60;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    // `cargo test --benches` runs this too: figures only where they are asked for.
    if !arguments.iter().any(|argument| argument == "--bench") {
        return;
    }
    let table = Table { only: arguments.into_iter().find(|argument| !argument.starts_with('-')) };
    let folder = Folder::new("bench-fax");
    println!("{:<34}{:>12} {:<10}{:>12} {:<16}{:>9}  must", "work", "ours", "", "theirs", "", "ratio");
    coding(&table, &folder);
    tiff_to_pdf(&table, &folder);
    pdf_to_tiff(&table, &folder);
    one_page(&table, &folder);
}

/// What is measured of one program: its name, and a figure that is better when higher.
type Peer<'a> = (&'static str, Box<dyn FnMut() -> Option<f64> + 'a>);

/// Not peers, but what none can pass: to copy the octets once, to start and end a program that does nothing.
const COPY: &str = "(one copy)";
const EMPTY: &str = "(empty program)";

struct Table {
    only: Option<String>,
}

impl Table {
    /// Measures in turn, and prints a line for each peer. `must`: the ratio to the best of the peers.
    fn line(
        &self,
        work: &str,
        unit: &str,
        must: f64,
        mut ours: impl FnMut() -> f64,
        mut peers: Vec<Peer<'_>>,
    ) {
        if self.only.as_ref().is_some_and(|only| !work.contains(only.as_str())) {
            return;
        }
        let mut own: f64 = 0.0;
        let mut others = vec![None::<f64>; peers.len()];
        for _ in 0..ROUNDS {
            own = own.max(ours());
            for ((_, peer), best) in peers.iter_mut().zip(&mut others) {
                *best = peer().into_iter().chain(*best).reduce(f64::max);
            }
        }
        let known = peers.iter().zip(&others).filter(|((name, _), _)| ![COPY, EMPTY].contains(name));
        let best = known.filter_map(|(_, figure)| *figure).fold(0.0, f64::max);
        for ((name, _), figure) in peers.iter().zip(&others) {
            let Some(figure) = figure else {
                println!("{work:<34}{own:>12.1} {unit:<10}{:>12} {name}", "skipped:");
                continue;
            };
            let ratio = own / figure;
            let verdict = match (*figure == best, ratio >= must) {
                (false, _) => String::new(),
                (true, true) => format!("{must}"),
                (true, false) => format!("{must} MISSED"),
            };
            println!("{work:<34}{own:>12.1} {unit:<10}{figure:>12.1} {name:<16}{ratio:>8.2}x  {verdict}");
        }
    }
}

/// Compression and T4Options of MMR.
const MMR: [u32; 2] = [4, 0];

/// One page: columns, rows, packed rows.
struct Page {
    width: u32,
    rows: u32,
    packed: Vec<u8>,
}

impl Page {
    /// The pages of a file of ../shared.
    fn of(file: &Path) -> Option<Vec<Page>> {
        let tiff = std::fs::read(file).ok()?;
        let pages = pages_of_pbm(&convert(&tiff, "image/x-portable-bitmap").ok()?.bytes);
        Some(pages.into_iter().map(|(width, rows, packed)| Page { width, rows, packed }).collect())
    }

    fn pixels(&self) -> usize {
        self.width as usize * self.rows as usize
    }

    fn mmr(&self) -> Vec<u8> {
        encode_mmr(&self.packed, self.width as usize)
    }
}

/// Names and pages: charts, dense, halftone.
fn kinds() -> Vec<(&'static str, Vec<Page>)> {
    let shared = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../shared/vectors"));
    let charts: Option<Vec<Page>> = (1..=8)
        .map(|n| Page::of(&shared.join(format!("fax-public/itu-charts/itu{n}_mmr.tif"))))
        .collect::<Option<Vec<_>>>()
        .map(|pages| pages.into_iter().flatten().collect());
    let one = |name: &str| Page::of(&shared.join(format!("fax/tiff/{name}_mmr.tif")));
    let made = |what: &str, packed: Vec<u8>| {
        println!("made here, as there is no ../shared: {what}");
        let rows = (packed.len() / 216) as u32;
        vec![Page { width: 1728, rows, packed }]
    };
    vec![
        ("charts", charts.unwrap_or_else(|| made("charts", sparse_page()))),
        ("dense", one("dense-fine").unwrap_or_else(|| made("dense", sample_page(1728, 2291)))),
        ("halftone", one("halftone-fs-std").unwrap_or_else(|| made("halftone", halftone_page()))),
    ]
}

/// Lines of blocks with much white around them.
fn sparse_page() -> Vec<u8> {
    let row = |y: usize| {
        let word = move |x: usize| y % 40 < 24 && (20..190).contains(&x) && (x * 7 + y / 40 * 3) % 11 < 6;
        (0..216).map(move |x| if word(x) { 0x3c_u8.rotate_left((y / 3 % 3) as u32) } else { 0 })
    };
    (0..2291).flat_map(row).collect()
}

/// Ordered dither of a slope.
fn halftone_page() -> Vec<u8> {
    let matrix = [[0, 8, 2, 10], [12, 4, 14, 6], [3, 11, 1, 9], [15, 7, 13, 5]];
    let black = |x: usize, y: usize| matrix[y % 4][x % 4] < (x + y) * 16 / 2300;
    let octet = |x: usize, y: usize| (0..8).fold(0, |all, at| all << 1 | u8::from(black(x * 8 + at, y)));
    (0..480).flat_map(|y| (0..216).map(move |x| octet(x, y))).collect()
}

/// A file of pages, each with its Compression, T4Options and data.
fn tiff(pages: &[(&Page, [u32; 2], Vec<u8>)]) -> Vec<u8> {
    let mut out = b"II*\0\x08\0\0\0".to_vec();
    for (n, (page, [compression, options], data)) in pages.iter().enumerate() {
        let after = out.len() as u32 + 2 + 13 * 12 + 4;
        let fields: [(u16, u16, u32); 13] = [
            (254, 4, 2),
            (256, 4, page.width),
            (257, 4, page.rows),
            (258, 3, 1),
            (259, 3, *compression),
            (262, 3, 0),
            (266, 3, 1),
            (273, 4, after + 16),
            (278, 4, page.rows),
            (279, 4, data.len() as u32),
            (282, 5, after),
            (283, 5, after + 8),
            (292, 4, *options),
        ];
        out.extend(13u16.to_le_bytes());
        for (tag, kind, value) in fields {
            out.extend([tag.to_le_bytes(), kind.to_le_bytes()].concat());
            out.extend([1u32.to_le_bytes(), value.to_le_bytes()].concat());
        }
        let next = (after + 16 + data.len() as u32).next_multiple_of(2);
        out.extend(if n + 1 < pages.len() { next } else { 0 }.to_le_bytes());
        out.extend([204u32, 1, 196, 1].iter().flat_map(|value| value.to_le_bytes()));
        out.extend(data);
        out.resize(next as usize, 0);
    }
    out
}

/// T.6 decoding and encoding of pages in memory.
fn coding(table: &Table, folder: &Folder) {
    let libtiff = built("libtiff_fax", "-ltiff");
    for (name, pages) in kinds() {
        let pixels: usize = pages.iter().map(Page::pixels).sum();
        let coded: Vec<Vec<u8>> = pages.iter().map(Page::mmr).collect();
        let mmr =
            tiff(&pages.iter().zip(&coded).map(|(page, data)| (page, MMR, data.clone())).collect::<Vec<_>>());
        let plain = tiff(&pages.iter().map(|page| (page, [1, 0], page.packed.clone())).collect::<Vec<_>>());
        let file = folder.write("pages.tif", &mmr);
        let (program, input) = (libtiff.as_deref(), file.as_path());
        let of_libtiff = |pick: fn((f64, f64)) -> f64| -> Peer<'_> {
            ("libtiff", Box::new(move || run_peer(program?, input).map(pick)))
        };
        let hayro = || {
            pages.iter().zip(&coded).for_each(|(page, data)| {
                let (width, rows) = (page.width as usize, page.rows as usize);
                assert!(black_box(read_by_hayro(data, width, rows)).len() == page.packed.len());
            })
        };
        table.line(
            &format!("MMR decode, {name}"),
            "Mpixel/s",
            1.2,
            || rate(pixels, || drop(black_box(convert(&mmr, "image/x-portable-bitmap").unwrap()))),
            vec![of_libtiff(|figures| figures.1), ("hayro-ccitt", Box::new(|| Some(rate(pixels, hayro))))],
        );
        let crate_fax = || pages.iter().for_each(|page| drop(black_box(page.mmr())));
        table.line(
            &format!("MMR encode, {name}"),
            "Mpixel/s",
            1.5,
            || rate(pixels, || drop(black_box(convert(&plain, "image/tiff;compression=mmr").unwrap()))),
            vec![of_libtiff(|figures| figures.0), ("fax crate", Box::new(|| Some(rate(pixels, crate_fax))))],
        );
    }
}

/// Pages a second of a command on a file of so many; `None` where it does not run.
fn pages_a_second(pages: usize, command: &mut Command) -> Option<f64> {
    // The system counts in hundredths of a second.
    const ENOUGH: f64 = 400.0;
    let before = children_milliseconds()?;
    for runs in 1..=1_000 {
        if !command.output().ok()?.status.success() {
            return None;
        }
        let spent = children_milliseconds()? - before;
        if spent >= ENOUGH {
            return Some((runs * pages) as f64 * 1_000.0 / spent);
        }
    }
    None
}

/// Pages a second of ours.
fn our_pages(pages: usize, round: impl FnMut()) -> f64 {
    rate(pages, round) * 1e6
}

/// Pages of a file whose peer takes so long for one that its start is nothing: a fax of usual length.
const FEW_COPIES: usize = 5;

/// Pass-through into PDF: every coding, charts and dense pages. As in the milter, whose survey of the message has seen
/// every line before; and of T.4 without that, by a look at each EOL.
fn tiff_to_pdf(table: &Table, folder: &Folder) {
    for (name, pages) in kinds().into_iter().take(2) {
        for (coding, must) in [("mh", 500.0), ("mr", 500.0), ("mmr", 20.0)] {
            let coded: Vec<_> = pages.iter().map(|page| (page, recoded(page, coding))).collect();
            let copies = if coding == "mmr" { COPIES } else { FEW_COPIES.max(pages.len()) };
            let file: Vec<_> = (coded.iter().cycle().take(copies))
                .map(|(page, (kind, data))| (*page, *kind, data.clone()))
                .collect();
            let file = tiff(&file);
            let (input, output) = (folder.write("pages.tif", &file), folder.path("pages.pdf"));
            let tiff2pdf =
                || pages_a_second(copies, Command::new("tiff2pdf").arg("-o").arg(&output).arg(&input));
            let copy = || Some(our_pages(copies, || drop(black_box(black_box(&file).clone()))));
            for (look, target) in [("", "application/pdf;coded=surveyed"), (" by EOLs", "application/pdf")] {
                if coding == "mmr" && !look.is_empty() {
                    continue;
                }
                table.line(
                    &format!("TIFF to PDF, {name} {}{look}", coding.to_uppercase()),
                    "pages/s",
                    must,
                    || our_pages(copies, || drop(black_box(convert(&file, target).unwrap()))),
                    vec![("tiff2pdf", Box::new(&tiff2pdf)), (COPY, Box::new(&copy))],
                );
            }
        }
    }
}

/// Compression and T4Options, and the data with its first bit highest.
fn recoded(page: &Page, coding: &str) -> ([u32; 2], Vec<u8>) {
    let mmr = tiff(&[(page, MMR, page.mmr())]);
    let one = convert(&mmr, &format!("image/tiff;compression={coding};coded=anew")).unwrap().bytes;
    let facts = inspect(&one).unwrap().pages.remove(0);
    let start = facts.first_strip_offset.unwrap() as usize;
    let strip = one[start..].iter().map(|octet| octet.reverse_bits()).collect();
    ([facts.compression.unwrap().into(), facts.t4_options.unwrap_or(0)], strip)
}

/// PDF pages that are pictures, and pages of text.
fn pdf_to_tiff(table: &Table, folder: &Folder) {
    let (_, dense) = kinds().remove(1);
    let picture = convert(&tiff(&[(&dense[0], MMR, dense[0].mmr())]), "application/pdf").unwrap().bytes;
    for (name, pdf, must) in [
        ("image", repeated(&picture_page(&picture)), [50.0, f64::NAN]),
        ("text", repeated(&text_page()), [f64::NAN, 1.0]),
    ] {
        let (input, output) = (folder.write("pages.pdf", &pdf), folder.path("pages.tif"));
        let to = format!("-sOutputFile={}", text(&output));
        let gs = || {
            let arguments = ["-q", "-dBATCH", "-dNOPAUSE", "-dSAFER", "-sDEVICE=tiffg4", "-r204x196"];
            pages_a_second(COPIES, Command::new("gs").args(arguments).args([&to, text(&input)]))
        };
        let poppler = || {
            let arguments = ["-mono", "-rx", "204", "-ry", "196", text(&input), text(&output)];
            pages_a_second(COPIES, Command::new("pdftoppm").args(arguments))
        };
        let ours = || {
            let round = || drop(black_box(convert_as("application/pdf", &pdf, "image/tiff").unwrap()));
            our_pages(COPIES, round)
        };
        let peers: [Peer<'_>; 2] = [("gs tiffg4", Box::new(gs)), ("pdftoppm -mono", Box::new(poppler))];
        for (peer, must) in peers.into_iter().zip(must).filter(|(_, must)| !must.is_nan()) {
            table.line(&format!("PDF to TIFF-F, {name}"), "pages/s", must, ours, vec![peer]);
        }
    }
}

/// One page to PDF: by the command, from its start to its end, and in a message, as the milter does it without starting
/// anything: survey, rules, conversion, base64. Beside both what it takes to start tiff2pdf.
fn one_page(table: &Table, folder: &Folder) {
    let settings = Settings::for_profile("desktop", "bench.test");
    let empty = built("empty", "-static");
    for (name, pages) in kinds().into_iter().take(2) {
        let mmr = tiff(&[(&pages[0], MMR, pages[0].mmr())]);
        let mh = convert(&mmr, "image/tiff;compression=mh;coded=anew").unwrap().bytes;
        let mmr = convert(&mh, "image/tiff;compression=mmr").unwrap().bytes;
        for (coding, file) in [("MH", &mh), ("MMR", &mmr)] {
            let (input, output) = (folder.write("page.tif", file), folder.path("page.pdf"));
            let tiff2pdf = || pages_a_second(1, Command::new("tiff2pdf").arg("-o").args([&output, &input]));
            let command = || {
                let mut command = Command::new(env!("CARGO_BIN_EXE_vpim-milter"));
                pages_a_second(1, command.arg("transcode").args([&input, &output])).unwrap()
            };
            let work = format!("whole command, {name} {coding}");
            let nothing = || pages_a_second(1, &mut Command::new(empty.as_deref()?));
            let peers: Vec<Peer<'_>> = vec![("tiff2pdf", Box::new(tiff2pdf)), (EMPTY, Box::new(nothing))];
            table.line(&work, "runs/s", 10.0, command, peers);
            let raw = mail(file);
            let envelope = Envelope::default();
            let process = || engine::process(black_box(&raw), &envelope, &settings, &Ambient::default());
            assert!(!process().modifications.is_empty(), "not converted");
            let message = || our_pages(1, || drop(black_box(process())));
            let work = format!("whole message, {name} {coding}");
            table.line(&work, "runs/s", 10.0, message, vec![("tiff2pdf", Box::new(tiff2pdf))]);
        }
    }
}

/// A mail with a fax.
fn mail(file: &[u8]) -> Vec<u8> {
    let head = "From: fax@fax.example\r\nTo: clerk@example.org\r\nSubject: Fax\r\n\
        Date: Sat, 28 Nov 2026 06:00:00 +0000\r\nMessage-ID: <1@fax.example>\r\nMIME-Version: 1.0\r\n\
        Content-Type: image/tiff; application=faxbw\r\nContent-Transfer-Encoding: base64\r\n\r\n";
    [head.as_bytes(), &encode_base64(file, "\r\n")].concat()
}

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
