//! PDF, text, grey and colour pictures as fax sources: the dots of faxes come back as they were, drawn pages look
//! like those of other renderers (poppler, ghostscript), and files made to do harm do none.
#![allow(clippy::unwrap_used)]

mod common;

use common::fax::{TiffSpec, convert_as, encode_mmr, pages_of_pbm, sample_page, sha256};
use common::pdf;
use common::programs::{Folder, run, text};
use std::path::{Path, PathBuf};
use vpim_milter::limits::{Exceeded, Limits};
use vpim_milter::media::{Facts, MediaError, Output};

const PBM: &str = "image/x-portable-bitmap";

fn bits(declared: &str, input: &[u8]) -> Vec<(u32, u32, Vec<u8>)> {
    pages_of_pbm(&convert_as(declared, input, PBM).unwrap().bytes)
}

fn pdf_bits(input: &[u8]) -> Vec<(u32, u32, Vec<u8>)> {
    bits("application/pdf", input)
}

fn root(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

/// Name and octets of clean faxes of legal sizes.
fn faxes() -> Vec<(String, Vec<u8>)> {
    let mut all = Vec::new();
    for folder in ["tests/data/fax", "../shared/vectors/fax"] {
        let Ok(table) = std::fs::read_to_string(root(folder).join("expected.tsv")) else {
            println!("skipped: {folder} (not here)");
            continue;
        };
        for line in table.lines() {
            let field: Vec<&str> = line.split('\t').collect();
            let wanted = field[0].starts_with("tiff/") && field[1] == "0" && field[5] == "ok";
            // Every fifth of the large set is enough: they differ in tags that a PDF has not.
            if wanted && (folder.starts_with("tests") || all.len() % 5 == 0 || field[0].contains("multipage"))
            {
                all.push((field[0].to_owned(), std::fs::read(root(folder).join(field[0])).unwrap()));
            }
        }
    }
    all
}

#[test]
fn a_fax_comes_back_from_our_pdf_dot_for_dot() {
    let mut same = 0;
    for (name, tiff) in faxes() {
        let pdf = convert_as("image/tiff", &tiff, "application/pdf").unwrap().bytes;
        let output = convert_as("application/pdf", &pdf, PBM).unwrap();
        let (expected, found) = (bits("image/tiff", &tiff), pages_of_pbm(&output.bytes));
        // Resolutions and widths that no fax has are scaled.
        if output.report.losses.iter().any(|loss| loss.contains("drawn in black and white")) {
            // A page of PDF is at least a point wide and high.
            let small = expected[0].0 < 4 || expected[0].1 < 4;
            // A3 at 204 dots to the inch has 2432 columns.
            let wide = expected[0].0 > 2_432;
            assert!(name.contains("res_") || wide || small, "{name}: {:?}", output.report.losses);
            continue;
        }
        assert!(found == expected, "{name}");
        same += 1;
    }
    println!("{same} faxes identical");
    assert!(same >= 30);
}

#[test]
fn mmr_data_goes_through_a_pdf_without_being_coded_anew() {
    let page = sample_page(1728, 500);
    let data = encode_mmr(&page, 1728);
    let tiff = TiffSpec { length: 500, data: data.clone(), ..TiffSpec::default() }.build();
    let pdf = convert_as("image/tiff", &tiff, "application/pdf").unwrap().bytes;
    let back = convert_as("application/pdf", &pdf, "image/tiff;application=faxbw").unwrap();
    let contains = |bytes: &[u8]| bytes.windows(data.len()).any(|window| window == data);
    assert!(contains(&pdf) && contains(&back.bytes));
    let Some(Facts::Fax(facts)) = back.report.output else { panic!("no fax") };
    assert_eq!((facts.pages[0].x_resolution, facts.pages[0].y_resolution), (Some(204.0), Some(196.0)));
}

#[test]
fn pdfs_of_tiff2pdf_give_the_dots_back() {
    let folder = Folder::new("tiff2pdf");
    let mut same = 0;
    for (name, tiff) in
        faxes().into_iter().filter(|(name, _)| name.contains("letter") || name.contains("allw"))
    {
        let (input, output) = (folder.write("page.tif", &tiff), folder.path("page.pdf"));
        // tiff2pdf does not know FillOrder 2 in files of several strips, and rows without EOLs.
        let Some(errors) = run("tiff2pdf", &["-o", text(&output), text(&input)]) else { return };
        if !errors.is_empty() {
            continue;
        }
        let found = pdf_bits(&std::fs::read(&output).unwrap());
        assert!(found == bits("image/tiff", &tiff), "{name}");
        same += 1;
    }
    println!("tiff2pdf: {same} files identical");
    assert!(same > 3);
}

#[test]
fn pdf_vectors_decode_to_their_hashes() {
    let folder = root("../shared/vectors/fax");
    let Ok(table) = std::fs::read_to_string(folder.join("expected.tsv")) else {
        println!("skipped: PDF vectors (no ../shared)");
        return;
    };
    let mut count = 0;
    for line in table.lines().filter(|line| line.starts_with("pdf/")) {
        let field: Vec<&str> = line.split('\t').collect();
        let pages = pdf_bits(&std::fs::read(folder.join(field[0])).unwrap());
        let (width, height, rows) = &pages[field[1].parse::<usize>().unwrap()];
        assert_eq!(
            (width.to_string(), height.to_string()),
            (field[2].into(), field[3].into()),
            "{}",
            field[0]
        );
        assert_eq!(sha256(rows), field[4], "{}", field[0]);
        count += 1;
    }
    assert!(count >= 12);
}

/// A page of 1728 x 400 dots in JBIG2: page information and one generic region coded as MMR (T.88 7.4.6, 7.4.8).
fn jbig2_data(page: &[u8]) -> Vec<u8> {
    let size: Vec<u8> = [1728u32, 400].iter().flat_map(|n| n.to_be_bytes()).collect();
    let segment = |number: u32, kind: u8, data: &[u8]| {
        let header = [&number.to_be_bytes()[..], &[kind, 0, 1], &(data.len() as u32).to_be_bytes()];
        [&header.concat()[..], data].concat()
    };
    let information = [&size[..], &[0; 8], &[0, 0, 0]].concat();
    let region = [&size[..], &[0; 8], &[0], &[1], &encode_mmr(page, 1728)].concat();
    [segment(0, 48, &information), segment(1, 38, &region)].concat()
}

/// 1728 x 400 dots at 204 x 196 to the inch, in points.
const MATRIX: &str = "609.882 0 0 146.939 0 0";
const BOX: &str = "/MediaBox[0 0 609.882 146.939]";

#[test]
fn pictures_of_one_bit_are_taken_as_they_are_however_they_are_written() {
    let page = sample_page(1728, 400);
    let inverted: Vec<u8> = page.iter().map(|octet| !octet).collect();
    let size = "/Width 1728/Height 400/BitsPerComponent 1";
    let ways = [
        (format!("{size}/ColorSpace/DeviceGray"), &inverted),
        (format!("{size}/ColorSpace/DeviceGray/Decode[1 0]"), &page),
        (format!("{size}/ColorSpace[/Indexed/DeviceRGB 1<ffffff000000>]"), &page),
        (format!("{size}/ColorSpace[/Indexed/DeviceGray 1<00ff>]"), &inverted),
        (format!("{size}/ColorSpace[/CalGray<</WhitePoint[1 1 1]>>]"), &inverted),
        (format!("{size}/ImageMask true"), &inverted),
        (format!("{size}/ImageMask true/Decode[1 0]"), &page),
    ];
    for (image, data) in ways {
        let found = pdf_bits(&pdf::image_page(BOX, MATRIX, &image, data));
        assert!(found == [(1728, 400, page.clone())], "{image}");
    }
    let jbig2 = format!("{size}/ColorSpace/DeviceGray/Filter/JBIG2Decode");
    let found = pdf_bits(&pdf::image_page(BOX, MATRIX, &jbig2, &jbig2_data(&page)));
    assert!(found == [(1728, 400, page.clone())], "JBIG2");
    // Ground below and invisible text above the picture do not count; a mark does.
    let image = pdf::stream(&format!("/Subtype/Image{size}/ColorSpace/DeviceGray"), &inverted);
    let with = |before: &str, after: &str| {
        let content = format!("{before} q {MATRIX} cm /I Do Q {after}");
        let resources = "/XObject<</I 5 0 R>>/Font<</F<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>>>";
        pdf_bits(&pdf::page(BOX, resources, &content, vec![image.clone()])).remove(0).2
    };
    assert!(with("1 g 0 0 700 200 re f", "BT 3 Tr /F 12 Tf 10 10 Td (hidden) Tj ET") == page);
    assert!(with("", "BT /F 12 Tf 10 10 Td (seen) Tj ET") != page);
    assert!(with("0 g 0 0 700 200 re f", "") == page, "hidden by an opaque picture, drawn and not taken");
}

#[test]
fn pictures_are_turned_as_the_page_says() {
    let page = sample_page(1728, 400);
    let pixel = |rows: &[u8], width: usize, x: usize, y: usize| {
        rows[y * width.div_ceil(8) + x / 8] << (x % 8) & 0x80 != 0
    };
    let inverted: Vec<u8> = page.iter().map(|octet| !octet).collect();
    let image = "/Width 1728/Height 400/BitsPerComponent 1/ColorSpace/DeviceGray";
    // 400 columns at 204 to the inch and 1728 rows at 196 for the pages that lie.
    let lying = ("/MediaBox[0 0 634.776 141.176]", "634.776 0 0 141.176 0 0");
    let cases = [
        ("/Rotate 0", (BOX, MATRIX), (1728, 400)),
        ("/Rotate 180", (BOX, MATRIX), (1728, 400)),
        ("/Rotate 90", lying, (400, 1728)),
        ("/Rotate 270", lying, (400, 1728)),
        ("", (BOX, "-609.882 0 0 146.939 609.882 0"), (1728, 400)),
    ];
    for (entry, (media, matrix), (width, height)) in cases {
        let found = pdf_bits(&pdf::image_page(&format!("{media}{entry}"), matrix, image, &inverted));
        let (w, h, rows) = &found[0];
        assert_eq!((*w as usize, *h as usize), (width, height), "{entry}");
        for (x, y) in (0..40).map(|n| (n * 37 % 1728, n * 11 % 400)) {
            let (to_x, to_y) = match entry {
                "/Rotate 0" => (x, y),
                "/Rotate 180" => (1727 - x, 399 - y),
                "/Rotate 90" => (399 - y, x),
                "/Rotate 270" => (y, 1727 - x),
                _ => (1727 - x, y),
            };
            assert_eq!(pixel(rows, width, to_x, to_y), pixel(&page, 1728, x, y), "{entry} {x} {y}");
        }
    }
}

const FONTS: &str = "/Font<</F<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>/T<</Type/Font/Subtype/Type1/BaseFont/Times-Roman>>>>";

/// A page of text, rules and a form in grey.
fn letter() -> Vec<u8> {
    let mut content = String::from("BT /T 12 Tf 14 TL 72 720 Td ");
    for line in 0..40 {
        let font = if line % 2 == 0 { "/T 12 Tf" } else { "/F 11 Tf" };
        content +=
            &format!("{font} (Line {line}: the quick brown fox jumps over the lazy dog, 0123456789.) Tj T* ");
    }
    content += "ET 0.1 w 72 100 m 540 100 l S 2 w 72 90 m 540 60 l S 400 650 60 40 re f 300 80 m 340 120 380 40 420 80 c f";
    pdf::page("/MediaBox[0 0 595 842]", FONTS, &content, Vec::new())
}

/// What another renderer makes of the file: 8 bits a pixel.
fn poppler(folder: &Folder, file: &Path) -> Option<(usize, Vec<u8>)> {
    let out = folder.path("poppler");
    run("pdftoppm", &["-gray", "-singlefile", "-rx", "204", "-ry", "196", text(file), text(&out)])?;
    Some(pgm(&std::fs::read(out.with_extension("pgm")).unwrap()))
}

fn ghostscript(folder: &Folder, file: &Path) -> Option<(usize, Vec<u8>)> {
    let out = folder.path("gs.pgm");
    let to = format!("-sOutputFile={}", text(&out));
    let alpha = ["-dTextAlphaBits=4", "-dGraphicsAlphaBits=4"];
    run(
        "gs",
        &[
            "-q",
            "-dBATCH",
            "-dNOPAUSE",
            "-dSAFER",
            "-sDEVICE=pgmraw",
            "-r204x196",
            alpha[0],
            alpha[1],
            &to,
            text(file),
        ],
    )?;
    Some(pgm(&std::fs::read(out).unwrap()))
}

/// Width and shades of a binary PGM.
fn pgm(bytes: &[u8]) -> (usize, Vec<u8>) {
    let lines: Vec<&[u8]> =
        bytes.split(|&octet| octet == b'\n').filter(|line| !line.starts_with(b"#")).take(3).collect();
    let header: String = lines.iter().map(|line| String::from_utf8_lossy(line) + " ").collect();
    let numbers: Vec<usize> = header.split_whitespace().skip(1).map(|n| n.parse().unwrap()).collect();
    (numbers[0], bytes[bytes.len() - numbers[0] * numbers[1]..].to_vec())
}

/// Ours is on 1728 columns, the page in the middle of them.
fn shifted(page: &(u32, u32, Vec<u8>), width: usize) -> Vec<Vec<bool>> {
    let left = (1728.0 - 595.0 / 72.0 * 204.0_f64) / 2.0;
    let left = left.round() as usize;
    let row = |row: &[u8]| {
        (0..width)
            .map(|x| row.get((x + left) / 8).is_some_and(|o| o << ((x + left) % 8) & 0x80 != 0))
            .collect()
    };
    page.2.chunks(216).map(row).collect()
}

#[test]
fn a_drawn_letter_looks_like_that_of_other_renderers() {
    let folder = Folder::new("letter");
    let file = folder.write("letter.pdf", &letter());
    let ours = &pdf_bits(&std::fs::read(&file).unwrap())[0];
    assert_eq!((ours.0, ours.1), (1728, 2292));
    for (name, other) in [("poppler", poppler(&folder, &file)), ("gs", ghostscript(&folder, &file))] {
        let Some((width, shades)) = other else { continue };
        let ours = shifted(ours, width);
        let theirs: Vec<Vec<bool>> =
            shades.chunks(width).map(|row| row.iter().map(|&s| s < 144).collect()).collect();
        let dark = |page: &[Vec<bool>]| page.iter().flatten().filter(|black| **black).count() as f64;
        // A dot counts as the same if the other page has one beside it: letters are placed to a part of a dot.
        let near = |page: &[Vec<bool>], x: usize, y: usize| {
            (y.saturating_sub(1)..=y + 1).any(|y| {
                (x.saturating_sub(1)..=x + 1).any(|x| page.get(y).and_then(|row| row.get(x)) == Some(&true))
            })
        };
        let kept = |one: &[Vec<bool>], other: &[Vec<bool>]| {
            let dots = one
                .iter()
                .enumerate()
                .flat_map(|(y, row)| row.iter().enumerate().filter(|(_, b)| **b).map(move |(x, _)| (x, y)));
            dots.filter(|&(x, y)| near(other, x, y)).count() as f64 / dark(one)
        };
        let (here, there) = (kept(&ours, &theirs), kept(&theirs, &ours));
        let ink = dark(&ours) / dark(&theirs);
        println!(
            "{name}: {:.2} % of our dots there, {:.2} % of theirs here, ink {ink:.3}",
            here * 100.0,
            there * 100.0
        );
        assert!(here > 0.97 && there > 0.97, "{name}: {here} {there}");
        assert!((0.85..1.15).contains(&ink), "{name}: {ink}");
    }
}

#[test]
fn shades_patterns_and_transparency_have_the_darkness_of_other_renderers() {
    let folder = Folder::new("shades");
    let axial = "<</ShadingType 2/ColorSpace/DeviceRGB/Coords[50 0 550 0]/Function<</FunctionType 2/Domain[0 1]/C0[0 0 0]/C1[1 1 1]/N 1>>>>";
    let tile = pdf::stream(
        "/PatternType 1/PaintType 1/TilingType 1/BBox[0 0 20 20]/XStep 20/YStep 20/Resources<<>>",
        b"0 g 0 0 10 10 re f 10 10 10 10 re f",
    );
    let group = pdf::stream(
        "/Subtype/Form/BBox[0 0 600 800]/Group<</S/Transparency>>",
        b"0 g 50 50 200 80 re f 0.5 g 100 80 200 80 re f",
    );
    let photo: Vec<u8> = (0..100 * 100).map(|n| (n % 100 + n / 100) as u8).collect();
    let image =
        pdf::stream("/Subtype/Image/Width 100/Height 100/BitsPerComponent 8/ColorSpace/DeviceGray", &photo);
    let resources = format!(
        "/Shading<</S {axial}>>/Pattern<</P 5 0 R>>/XObject<</G 6 0 R/I 7 0 R>>/ExtGState<</H<</ca 0.5>>/M<</BM/Multiply>>>>/ColorSpace<</C/Pattern>>"
    );
    let parts = [
        ("axial shading", "q 50 600 500 150 re W n /S sh Q"),
        ("tiles", "/Pattern cs /P scn 50 400 500 150 re f"),
        ("half transparent group", "q /H gs /G Do Q"),
        ("multiplied", "0.5 g 50 200 200 100 re f /M gs 100 250 200 100 re f"),
        ("photograph", "q 300 0 0 300 100 100 cm /I Do Q"),
        ("turned photograph", "q 200 100 -100 200 300 200 cm /I Do Q"),
        ("even-odd clip", "q 100 100 300 300 re 200 200 100 100 re W* n 0.4 g 0 0 600 800 re f Q"),
    ];
    for (name, content) in parts {
        let more = vec![tile.clone(), group.clone(), image.clone()];
        let pdf = pdf::page("/MediaBox[0 0 595 842]", &resources, content, more);
        let file = folder.write("page.pdf", &pdf);
        let ours = &pdf_bits(&pdf)[0];
        let ours = ours.2.iter().map(|octet| octet.count_ones()).sum::<u32>() as f64;
        let Some((_, shades)) = poppler(&folder, &file) else { return };
        let theirs: f64 = shades.iter().map(|&shade| 1.0 - f64::from(shade) / 255.0).sum();
        println!("{name}: {:.3} of the darkness of poppler", ours / theirs);
        assert!((ours / theirs - 1.0).abs() < 0.06, "{name}: {ours} {theirs}");
    }
}

#[test]
fn pages_that_lie_are_turned_and_large_ones_made_smaller() {
    let losses = |entries: &str| {
        let pdf = pdf::page(entries, FONTS, "0 g 10 10 50 50 re f", Vec::new());
        let output = convert_as("application/pdf", &pdf, "image/tiff;application=faxbw").unwrap();
        let Some(Facts::Fax(facts)) = output.report.output else { panic!("no fax") };
        (facts.pages[0].width, facts.pages[0].length, output.report.losses.join("; "))
    };
    let (width, length, said) = losses("/MediaBox[0 0 842 595]");
    assert!((width, length) == (1728, 2292) && said.contains("turned"), "{length} {said}");
    assert!(losses("/MediaBox[0 0 595 842]/Rotate 90").2.contains("turned"));
    let (_, _, said) = losses("/MediaBox[0 0 842 1191]");
    assert!(said.contains("made smaller to 7"), "{said}");
    assert_eq!(losses("/MediaBox[0 0 1000000 1000000]").0, 1728);
    assert_eq!(losses("/MediaBox[0 0 0 0]").0, 1728);
    let pdf = letter();
    let coarse = convert_as("application/pdf", &pdf, "image/tiff;resolution=204x98").unwrap();
    let Some(Facts::Fax(facts)) = coarse.report.output else { panic!("no fax") };
    assert_eq!((facts.pages[0].length, facts.pages[0].y_resolution), (1146, Some(98.0)));
}

#[test]
fn a_png_shows_the_page() {
    let pdf = letter();
    let png = convert_as("application/pdf", &pdf, "image/png").unwrap().bytes;
    let mut reader = png::Decoder::new(std::io::Cursor::new(&png)).read_info().unwrap();
    let mut rows = vec![0; reader.output_buffer_size().unwrap()];
    let info = reader.next_frame(&mut rows).unwrap();
    let expected = &pdf_bits(&pdf)[0];
    assert_eq!((info.width, info.height), (expected.0, expected.1));
    rows.iter_mut().for_each(|octet| *octet = !*octet);
    assert!(rows == expected.2);
    let page = |target: &str| convert_as("application/pdf", &pdf, target);
    assert!(
        page("image/png;page=1").is_ok()
            && page("image/png;page=2").is_err()
            && page("image/png;page=x").is_err()
    );
}

#[test]
fn grey_and_colour_tiffs_of_libtiff_and_ghostscript_are_read() {
    let folder = Folder::new("grey-tiff");
    let file = folder.write("letter.pdf", &letter());
    let mut darkness = Vec::new();
    for device in ["tiffgray", "tiff24nc", "tiff32nc", "tifflzw", "tiffpack"] {
        let out = folder.path("page.tif");
        let to = format!("-sOutputFile={}", text(&out));
        let arguments = [
            "-q",
            "-dBATCH",
            "-dNOPAUSE",
            "-dSAFER",
            "-r204x196",
            &format!("-sDEVICE={device}"),
            &to,
            text(&file),
        ];
        if run("gs", &arguments).is_none() {
            return;
        }
        let tiff = std::fs::read(&out).unwrap();
        let (width, height, rows) = bits("image/tiff", &tiff).remove(0);
        let dots = rows.iter().map(|octet| octet.count_ones()).sum::<u32>();
        println!("{device}: {width} x {height}, {dots} dots");
        darkness.push(f64::from(dots));
        for coding in ["lzw", "zip", "packbits"] {
            let coded = folder.path("coded.tif");
            if run("tiffcp", &["-c", coding, text(&out), text(&coded)]).is_some() {
                let again = bits("image/tiff", &std::fs::read(&coded).unwrap()).remove(0);
                assert!(again == (width, height, rows.clone()), "{device} {coding}");
            }
        }
    }
    assert!(darkness.iter().all(|dots| (dots / darkness[0] - 1.0).abs() < 0.15), "{darkness:?}");
}

#[test]
fn black_and_white_tiffs_in_other_codings_keep_their_dots() {
    let folder = Folder::new("bilevel-tiff");
    let page = sample_page(1728, 300);
    for photometric in [0, 1] {
        let data = encode_mmr(&page, 1728);
        let tiff = TiffSpec { length: 300, photometric, data, ..TiffSpec::default() }.build();
        let input = folder.write("page.tif", &tiff);
        for coding in ["lzw", "zip", "packbits", "none"] {
            let coded = folder.path("coded.tif");
            if run("tiffcp", &["-c", coding, text(&input), text(&coded)]).is_none() {
                return;
            }
            let found = bits("image/tiff", &std::fs::read(&coded).unwrap());
            assert!(found == bits("image/tiff", &tiff), "{coding} {photometric}");
        }
    }
    let page =
        TiffSpec { length: 300, compression: 34_661, data: vec![0; 100], ..TiffSpec::default() }.build();
    let said = |input: &[u8]| convert_as("image/tiff", input, PBM).unwrap_err().to_string();
    assert!(said(&page).contains("T.85"), "{}", said(&page));
    assert!(said(b"II+\0\x08\0\0\0\x10\0\0\0\0\0\0\0").contains("BigTIFF"));
}

#[test]
fn plain_text_becomes_a_fax_that_libtiff_reads() {
    let folder = Folder::new("text");
    let letter = "Sehr geehrte Damen und Herren,\n\n".to_owned()
        + &"dies ist ein Brief mit Umlauten äöü. ".repeat(200);
    let output =
        convert_as("text/plain;charset=utf-8", letter.as_bytes(), "image/tiff;application=faxbw").unwrap();
    let Some(Facts::Fax(facts)) = &output.report.output else { panic!("no fax") };
    assert_eq!((facts.pages.len(), facts.pages[0].width), (2, 1728));
    assert!(output.report.losses.is_empty(), "{:?}", output.report.losses);
    let file = folder.write("letter.tif", &output.bytes);
    assert_eq!(run("tiffinfo", &["-D", text(&file)]).as_deref().unwrap_or(""), "");
    // Marks of pictures that are letters are text.
    assert!(convert_as("text/plain", b"BMW P4", PBM).is_ok());
}

#[test]
fn photographs_in_text_filters_are_drawn() {
    let mut jpeg = Vec::new();
    let grey = vec![40u8; 64 * 64];
    image::codecs::jpeg::JpegEncoder::new(&mut jpeg)
        .encode(&grey, 64, 64, image::ExtendedColorType::L8)
        .unwrap();
    let base85: String = jpeg.chunks(4).map(base85).collect::<String>() + "~>";
    let hex: String = jpeg.iter().map(|octet| format!("{octet:02x}")).collect::<String>() + ">";
    let page = |filters: &str, data: &str| {
        let image = format!("/Width 64/Height 64/ColorSpace/DeviceGray/BitsPerComponent 8/Filter[{filters}]");
        let page = pdf::image_page("/MediaBox[0 0 100 100]", "100 0 0 100 0 0", &image, data.as_bytes());
        convert_as("application/pdf", &page, PBM).unwrap()
    };
    let black = |output: &Output| {
        pages_of_pbm(&output.bytes)[0].2.iter().map(|octet| octet.count_ones()).sum::<u32>()
    };
    for (filters, data) in [("/ASCII85Decode/DCTDecode", base85.as_str()), ("/AHx/DCT", &hex)] {
        let output = page(filters, data);
        assert!(black(&output) > 50_000, "{filters}: {}", black(&output));
        assert_eq!(output.report.losses.len(), 1, "{:?}", output.report.losses);
    }
    // What readers take in several ways is not decoded, and a page of nothing else is not sent blank.
    let damaged = base85.replacen('!', "\u{7f}", 1);
    let content = "q 90 0 0 90 0 0 cm /I Do Q";
    let page = |content: &str| {
        let image = "/Type/XObject/Subtype/Image/Width 64/Height 64/ColorSpace/DeviceGray/BitsPerComponent 8";
        let image = pdf::stream(&format!("{image}/Filter[/A85/DCT]"), damaged.as_bytes());
        let page = pdf::page("/MediaBox[0 0 100 100]", "/XObject<</I 5 0 R>>", content, vec![image]);
        convert_as("application/pdf", &page, PBM)
    };
    let error = page(content).unwrap_err().to_string();
    assert!(error.contains("a damaged image is left out"), "{error}");
    let output = page(&format!("{content} 0 0 50 50 re f")).unwrap();
    assert!(black(&output) > 10_000, "{}", black(&output));
    assert!(output.report.losses.iter().any(|loss| loss.contains("a damaged image is left out")));
}

/// Up to four octets in base 85 (ISO 32000-1, 7.4.3).
fn base85(octets: &[u8]) -> String {
    let mut group = [0; 4];
    group[..octets.len()].copy_from_slice(octets);
    let number = u32::from_be_bytes(group);
    if number == 0 && octets.len() == 4 {
        return "z".to_owned();
    }
    let digit = |power: u32| char::from(b'!' + (number / 85u32.pow(power) % 85) as u8);
    (0..5).rev().map(digit).take(octets.len() + 1).collect()
}

#[test]
fn the_pages_of_a_document_are_limited() {
    let kids = |count: usize| {
        let kids: String = (0..count).map(|n| format!("{} 0 R ", n + 3)).collect();
        let mut objects = vec![
            b"<</Type/Catalog/Pages 2 0 R>>".to_vec(),
            format!("<</Type/Pages/Kids[{kids}]/Count {count}/MediaBox[0 0 100 100]>>").into_bytes(),
        ];
        objects.extend((0..count).map(|_| b"<</Type/Page/Parent 2 0 R>>".to_vec()));
        convert_as("application/pdf", &pdf::file(&objects), PBM)
    };
    assert_eq!(pages_of_pbm(&kids(3).unwrap().bytes).len(), 3);
    assert_eq!(kids(5_000).unwrap_err(), MediaError::Limit(Exceeded::FaxPages));
}

#[test]
fn encrypted_pdfs_are_named() {
    let folder = Folder::new("encrypted");
    let (plain, out) = (folder.write("plain.pdf", &letter()), folder.path("secret.pdf"));
    let arguments = ["--encrypt", "", "owner", "256", "--", text(&plain), text(&out)];
    if run("qpdf", &arguments).is_none() {
        return;
    }
    let error = convert_as("application/pdf", &std::fs::read(out).unwrap(), PBM).unwrap_err();
    assert!(error.to_string().contains("encrypted"), "{error}");
}

#[test]
fn object_streams_change_nothing() {
    let folder = Folder::new("object-streams");
    let font = "/Font<</T<</Type/Font/Subtype/Type1/BaseFont/Times-Roman>>>>";
    let plain = pdf::page("", font, "BT /T 40 Tf 72 600 Td (Objects within streams) Tj ET", Vec::new());
    let (input, out) = (folder.write("plain.pdf", &plain), folder.path("compressed.pdf"));
    if run("qpdf", &["--object-streams=generate", text(&input), text(&out)]).is_none() {
        return;
    }
    let compressed = std::fs::read(out).unwrap();
    assert!(compressed.windows(6).any(|word| word == b"ObjStm"), "qpdf made none");
    let dots = |file: &[u8]| convert_as("application/pdf", file, PBM).unwrap().bytes;
    let expected = dots(&plain);
    assert!(expected == dots(&compressed));
    // The same file where its cross-reference stream is not found.
    let at = compressed.windows(9).rposition(|word| word == b"startxref").unwrap();
    assert!(expected == dots(&compressed[..at]));
}

fn zlib(data: &[u8]) -> Vec<u8> {
    use std::io::Write;
    let mut writer = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::best());
    writer.write_all(data).unwrap();
    writer.finish().unwrap()
}

/// Every one has to end soon, in an error or a page.
fn harmless(name: &str, input: &[u8]) -> Result<Output, MediaError> {
    let limits = Limits { fax_pixels: 600_000_000, ..Limits::default() };
    let before = std::time::Instant::now();
    let result = common::fax::convert_from(&limits, "application/pdf", input, PBM);
    let seconds = before.elapsed().as_secs_f64();
    println!(
        "{name}: {seconds:.1} s, {}",
        result.as_ref().map_or_else(ToString::to_string, |o| format!("{:?}", o.report.losses))
    );
    // Unoptimised on a loaded machine; without a bound these take hours.
    assert!(seconds < 120.0, "{name}");
    result
}

#[test]
fn bombs_end_in_an_error() {
    let limit = |result: Result<Output, MediaError>| matches!(result, Err(MediaError::Limit(_)));
    let zeros = zlib(&vec![b' '; 100_000_000]);
    let twice = zlib(&zeros);
    let content = |entries: &str, data: &[u8]| {
        pdf::file(&[
            b"<</Type/Catalog/Pages 2 0 R>>".to_vec(),
            b"<</Type/Pages/Kids[3 0 R]/Count 1>>".to_vec(),
            b"<</Type/Page/Parent 2 0 R/Contents 4 0 R>>".to_vec(),
            pdf::stream(entries, data),
        ])
    };
    assert!(limit(harmless("long content", &content("/Filter/FlateDecode", &zeros))));
    let often = zlib(&zlib(&vec![0; 400_000_000]));
    assert!(limit(harmless("filters in a chain", &content("/Filter[/FlateDecode/FlateDecode]", &often))));
    let lzw = [&[0x80][..], &[0xff; 2]].concat();
    assert!(harmless("LZW", &content("/Filter/LZWDecode", &lzw)).is_ok());
    assert!(limit(harmless("chained content", &content("/Filter[/FlateDecode/FlateDecode]", &twice))));
    // Ten forms that each draw the next ten times.
    let forms: Vec<Vec<u8>> = (0..10)
        .map(|n| {
            let resources = format!("/Resources<</XObject<</X {} 0 R>>>>", n + 6);
            pdf::stream(
                &format!("/Subtype/Form/BBox[0 0 600 800]{resources}"),
                "/X Do ".repeat(10).as_bytes(),
            )
        })
        .chain([pdf::stream("/Subtype/Form/BBox[0 0 9 9]", b"0 0 9 9 re f")])
        .collect();
    let laughs = pdf::page("", "/XObject<</X 5 0 R>>", "/X Do", forms);
    assert!(limit(harmless("forms", &laughs)));
    let itself = pdf::stream(
        "/Subtype/Form/BBox[0 0 600 800]/Resources<</XObject<</X 5 0 R>>>>",
        b"0 0 9 9 re f /X Do",
    );
    assert!(
        harmless("a form in itself", &pdf::page("", "/XObject<</X 5 0 R>>", "/X Do", vec![itself])).is_ok()
    );
    let fills = "0 0 600 800 re f ".repeat(20_000);
    assert!(limit(harmless("fills", &pdf::page("", "", &fills, Vec::new()))));
    let dashes = "[0.0001] 0 d 0 0 m 100000 100000 l S 1e30 -1e30 m 1e38 1e38 l S ".repeat(50);
    assert!(harmless("dashes", &pdf::page("", "", &dashes, Vec::new())).is_ok());
    let image = "/Width 60000/Height 60000/BitsPerComponent 8/ColorSpace/DeviceRGB";
    let large = harmless("an image", &pdf::image_page("", "600 0 0 800 0 0", image, b"abc")).unwrap_err();
    assert!(large.to_string().contains("too large"), "{large}");
    let saves = "q ".repeat(1_000_000);
    assert!(harmless("saved states", &pdf::page("", "", &saves, Vec::new())).is_ok());
    let tiles = pdf::stream(
        "/PatternType 1/PaintType 1/TilingType 1/BBox[0 0 1e6 1e6]/XStep 0.001/YStep 0.001/Resources<</Pattern<</P 5 0 R>>>>",
        b"/Pattern cs /P scn 0 0 600 800 re f",
    );
    let tiled = pdf::page("", "/Pattern<</P 5 0 R>>", "/Pattern cs /P scn 0 0 600 800 re f", vec![tiles]);
    let _ = harmless("tiles in tiles", &tiled);
}

#[test]
fn damaged_files_are_errors_or_pages_never_panics() {
    let image = "/Width 1728/Height 60/BitsPerComponent 1/ColorSpace/DeviceGray/Filter/FlateDecode";
    let files = [letter(), pdf::image_page(BOX, MATRIX, image, &zlib(&sample_page(1728, 60)))];
    let (mut pages, mut errors) = (0, 0);
    let mut seed = 7u32;
    let mut random = move || {
        seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (seed >> 8) as usize
    };
    for file in files {
        for round in 0..60 {
            let mut damaged = file.clone();
            match round % 3 {
                0 => damaged.truncate(random() % file.len()),
                1 => (0..8).for_each(|_| damaged[random() % file.len()] = random() as u8),
                _ => {
                    let at = random() % file.len();
                    damaged.drain(at..(at + random() % 40).min(file.len()));
                }
            }
            match convert_as("application/pdf", &damaged, PBM) {
                Ok(_) => pages += 1,
                Err(_) => errors += 1,
            }
        }
    }
    println!("{pages} read, {errors} refused");
    assert!(pages > 20 && errors > 5);
}

#[test]
fn inputs_that_once_did_harm_do_none() {
    let mut count = 0;
    for entry in std::fs::read_dir(root("fuzz/regressions/fax_sources")).unwrap() {
        let path = entry.unwrap().path();
        let input = std::fs::read(&path).unwrap();
        let result = harmless(&path.file_name().unwrap().to_string_lossy(), &input[1..]);
        if let Ok(output) = result {
            assert!(
                output.report.losses.len() > 1 || path.ends_with("mesh.pdf"),
                "{path:?}: something is missing"
            );
        }
        count += 1;
    }
    assert!(count >= 8);
}
