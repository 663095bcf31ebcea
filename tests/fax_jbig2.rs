//! JBIG2 pages with symbol dictionaries in PDF, as scanners write them: their dots come back as they were; what would
//! take without bound, or is not what it seems, is left out.
#![allow(clippy::unwrap_used)]

mod common;

use common::fax::{convert_as, pages_of_pbm, sha256};
use common::pdf;
use common::programs::{Folder, run, text};
use std::time::{Duration, Instant};
use vpim_milter::media::{MediaError, Output};

const PBM: &str = "image/x-portable-bitmap";
const NAMES: [&str; 3] = ["symbols", "strips", "dictionaries"];
const HASHES: [&str; 2] = [
    "2d98b2d978376cffb0b27bd71061e71013b824d437887cb9c8ac577a1d1ef08b",
    "cf2ab5a5a438d2388cd52d706ce7f90cc2e11a937c402fea8c5e9ffe81c7edb0",
];

fn file(name: &str) -> Vec<u8> {
    let path = format!("{}/tests/data/fax/jbig2/{name}.pdf", env!("CARGO_MANIFEST_DIR"));
    std::fs::read(path).unwrap()
}

fn shown(pdf: &[u8]) -> Result<Output, MediaError> {
    convert_as("application/pdf", pdf, PBM)
}

/// Data of the streams of a file, in order.
fn streams(pdf: &[u8]) -> Vec<Vec<u8>> {
    let find = |from: usize, what: &[u8]| {
        pdf[from..].windows(what.len()).position(|window| window == what).map(|at| from + at)
    };
    let (mut all, mut at) = (Vec::new(), 0);
    while let Some(start) = find(at, b"\nstream\n") {
        at = find(start, b"\nendstream").unwrap();
        all.push(pdf[start + 8..at].to_vec());
    }
    all
}

/// Globals and first page of a fixture.
fn first(name: &str) -> (Vec<u8>, Vec<u8>) {
    let streams = streams(&file(name));
    (streams[0].clone(), streams[2].clone())
}

/// A page of one image; its dictionary goes on with `entries`, `more` are the objects from number 6 on.
fn page(entries: &str, data: &[u8], more: Vec<Vec<u8>>) -> Vec<u8> {
    let image = format!(
        "/Type/XObject/Subtype/Image/Width 1728/Height 220/BitsPerComponent 1/ColorSpace/DeviceGray{entries}"
    );
    let content = "q 609.882 0 0 80.816 0 0 cm /I Do Q";
    let objects = [vec![pdf::stream(&image, data)], more].concat();
    pdf::page("/MediaBox[0 0 609.882 80.816]", "/XObject<</I 5 0 R>>", content, objects)
}

fn with_globals(globals: &[u8], data: &[u8]) -> Vec<u8> {
    let entries = "/Filter/JBIG2Decode/DecodeParms<</JBIG2Globals 6 0 R>>";
    page(entries, data, vec![pdf::stream("", globals)])
}

fn is_first_page(output: &Output) -> bool {
    pages_of_pbm(&output.bytes).iter().any(|page| sha256(&page.2) == HASHES[0])
}

#[test]
fn pages_with_symbols_come_back_dot_for_dot() {
    let folder = Folder::new("jbig2");
    for name in NAMES {
        let pdf = file(name);
        let output = shown(&pdf).unwrap();
        assert_eq!(output.report.losses, [""; 0], "{name}");
        let pages = pages_of_pbm(&output.bytes);
        assert_eq!(pages.iter().map(|page| sha256(&page.2)).collect::<Vec<_>>(), HASHES, "{name}");
        let path = folder.write("pages.pdf", &pdf);
        if run("pdfimages", &[text(&path), text(&folder.path("image"))]).is_some() {
            assert!(folder.take_pbm("image") == pages, "{name}: poppler");
        }
        let (globals, data) = first(name);
        assert!(is_first_page(&shown(&with_globals(&globals, &data)).unwrap()), "{name}");
    }
}

#[test]
fn symbols_that_cannot_be_followed_are_left_out_and_named() {
    let (globals, data) = first("symbols");
    let changed = |at: usize, octets: &[u8]| {
        let mut globals = globals.clone();
        globals[at..at + octets.len()].copy_from_slice(octets);
        with_globals(&globals, &data)
    };
    // The segment: number, type, references, page, length; then flags, adaptive pixels, symbols out and in.
    assert_eq!(globals[..5], [0, 0, 0, 1, 0]);
    let body = 11;
    let behind =
        |filters: &str, data: &[u8]| page(&format!("/Filter[{filters}/JBIG2Decode]"), data, Vec::new());
    let zlib = |data: &[u8]| {
        use std::io::Write;
        let mut writer = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::default());
        writer.write_all(data).unwrap();
        writer.finish().unwrap()
    };
    // All in one stream, dictionary first, as no writer does it.
    let together = [&globals[..], &data].concat();
    let mut unknown_length = data.clone();
    unknown_length[7..11].fill(0xff);
    for (name, file, reason) in [
        ("Huffman coding", changed(body + 1, &[1]), "in a rare coding"),
        ("refinement", changed(body + 1, &[2]), "in a rare coding"),
        ("another template", changed(body, &[4]), "in a rare coding"),
        ("other adaptive pixels", changed(body + 2, &[4]), "in a rare coding"),
        ("65,537 symbols", changed(body + 14, &[0, 1, 0, 1]), "in a rare coding"),
        ("more symbols than there are", changed(body + 14, &[0, 0, 0xff, 0xff]), "left out"),
        ("fewer symbols", changed(body + 14, &[0, 0, 0, 1]), "damaged"),
        ("a page of a length that is not known", with_globals(&globals, &unknown_length), "damaged"),
        ("numbers that do not rise", changed(0, &[0, 0, 0, 2]), "damaged"),
        ("behind Flate", behind("/FlateDecode", &zlib(&together)), "left out"),
        ("behind damaged Flate", behind("/FlateDecode", &zlib(&together)[..200]), "damaged"),
        ("before Flate", page("/Filter[/JBIG2Decode/FlateDecode]", &together, Vec::new()), "several codings"),
    ] {
        // There is nothing else on these pages.
        let said = shown(&file).unwrap_err().to_string();
        assert!(said.contains("nothing is shown") && said.contains(reason), "{name}: {said}");
    }
    assert!(shown(&behind("/LZWDecode", &together)).is_err(), "nothing tells what is behind");
    assert!(is_first_page(&shown(&page("/Filter/JBIG2Decode", &together, Vec::new())).unwrap()));
}

#[test]
fn damaged_symbols_cost_no_more_than_whole_ones() {
    let (globals, data) = first("symbols");
    let began = Instant::now();
    let mut seed = 1u32;
    let mut next = |below: usize| {
        seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (seed >> 8) as usize % below
    };
    let mut read = 0;
    for round in 0..400 {
        let (mut globals, mut data) = (globals.clone(), data.clone());
        for _ in 0..=round % 3 {
            let at = next(globals.len() + data.len());
            let octet = next(256) as u8;
            match globals.get_mut(at) {
                Some(place) => *place = octet,
                None => data[at - globals.len()] = octet,
            }
        }
        match shown(&with_globals(&globals, &data)) {
            Ok(_) => read += 1,
            Err(error) => assert!(error.to_string().contains("nothing is shown"), "{error}"),
        }
    }
    println!("{read} of 400 read in {:?}", began.elapsed());
    assert!(read > 20);
    assert!(began.elapsed() < Duration::from_secs(300));
}
