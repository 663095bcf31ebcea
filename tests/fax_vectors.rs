//! Fax vectors: every page that must decode does, to the pixel; what is damaged, absurd or hostile neither
//! panics nor takes long. A small set is in tests/data/fax; the whole set is used where it is at hand.
#![allow(clippy::unwrap_used)]

mod common;

use common::fax::{self, TiffSpec, convert, pages_of_pbm, sha256};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use vpim_milter::limits::{Budget, Limits};
use vpim_milter::media::{Facts, MediaError, fax as media};

/// A line of expected.tsv.
struct Expected {
    file: String,
    page: usize,
    width: u32,
    height: u32,
    hash: String,
    verdict: String,
}

fn expected(folder: &Path) -> Option<Vec<Expected>> {
    let text = std::fs::read_to_string(folder.join("expected.tsv")).ok()?;
    let lines = text.lines().skip(1).filter(|line| !line.is_empty());
    Some(
        lines
            .map(|line| {
                let field: Vec<&str> = line.split('\t').collect();
                Expected {
                    file: field[0].into(),
                    page: field[1].parse().unwrap(),
                    width: field[2].parse().unwrap_or(0),
                    height: field[3].parse().unwrap_or(0),
                    hash: field[4].into(),
                    verdict: field[5].into(),
                }
            })
            .collect(),
    )
}

/// The file as a TIFF: raw streams get a directory around them.
fn as_tiff(folder: &Path, row: &Expected) -> Option<Vec<u8>> {
    let bytes = std::fs::read(folder.join(&row.file)).unwrap();
    let spec = |compression, t4_options, fill_order| TiffSpec {
        width: if row.width == 0 { 1728 } else { row.width },
        length: if row.height == 0 { 1000 } else { row.height },
        compression,
        t4_options,
        fill_order,
        data: bytes.clone(),
        ..TiffSpec::default()
    };
    let name = row.file.as_str();
    if name.ends_with(".tif") || name.ends_with(".tiff") {
        return Some(bytes);
    }
    if name.contains("aligned") {
        return None;
    }
    match name.rsplit('.').next()? {
        "g4" | "ccitt_group4" => Some(spec(4, 0, 1).build()),
        "g3" | "ccitt_group3" => {
            Some(spec(3, u32::from(name.contains("2d")), if name.contains("lsb") { 2 } else { 1 }).build())
        }
        "g32d" => Some(spec(3, 1, 1).build()),
        _ => None,
    }
}

/// One public file has 65,537 rows of one pixel.
fn roomy() -> Limits {
    Limits { fax_rows: 70_000, ..Limits::default() }
}

/// Decodes every listed page. Gives (right, of how many `ok`), and prints what is wrong.
fn run(folder: &Path, only: Option<&str>) -> Option<(usize, usize)> {
    let (mut right, mut total, mut others) = (0, 0, 0);
    for row in expected(folder)? {
        if only.is_some_and(|only| row.verdict != only) {
            continue;
        }
        let Some(tiff) = as_tiff(folder, &row) else { continue };
        let start = Instant::now();
        let result = fax::convert_with(&roomy(), &tiff, "image/x-portable-bitmap");
        assert!(start.elapsed() < Duration::from_secs(10), "{} took {:?}", row.file, start.elapsed());
        for target in ["application/pdf", "image/tiff;application=faxbw", "image/tiff;compression=mh"] {
            let other = fax::convert_with(&roomy(), &tiff, target);
            assert_eq!(other.is_ok(), result.is_ok(), "{} to {target}: {:?}", row.file, other.err());
        }
        let got = result.as_ref().ok().and_then(|out| {
            let (width, height, bits) = pages_of_pbm(&out.bytes).into_iter().nth(row.page)?;
            Some((width, height, sha256(&bits)))
        });
        let same = got.as_ref().is_some_and(|(_, _, hash)| *hash == row.hash);
        if row.verdict == "ok" {
            total += 1;
            right += usize::from(same);
            if !same {
                println!("WRONG {} page {}: {:?} {:?}", row.file, row.page, got, result.err());
            }
        } else {
            others += 1;
            let losses = result.map(|out| out.report.losses);
            println!("{}: {} page {}: same={same} {losses:?}", row.verdict, row.file, row.page);
        }
    }
    println!("{}: {right} of {total} ok pages exact, {others} others survived", folder.display());
    Some((right, total))
}

#[test]
fn pages_in_the_repository_decode_to_the_pixel() {
    let folder = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/fax"));
    let (right, total) = run(&folder, None).expect("tests/data/fax is part of the repository");
    assert!(total >= 20);
    assert_eq!(right, total);
}

#[test]
fn all_vectors_decode_to_the_pixel() {
    for set in ["fax", "fax-public"] {
        let folder = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../shared/vectors")).join(set);
        match run(&folder, None) {
            Some((right, total)) => assert_eq!(right, total, "{set}"),
            None => println!("skipped: fax vectors {set} (no ../shared)"),
        }
    }
}

/// Rows of a damaged vector that may differ from the page it was made of.
fn rows_that_differ(damaged: &str, sound: &str) -> Vec<usize> {
    let folder = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/fax"));
    let page = |name: &str| {
        let bytes = std::fs::read(folder.join(name)).unwrap();
        pages_of_pbm(&convert(&bytes, "image/x-portable-bitmap").unwrap().bytes).remove(0)
    };
    let (one, other) = (page(damaged), page(sound));
    assert_eq!((one.0, one.1), (other.0, other.1));
    let stride = one.0.div_ceil(8) as usize;
    let rows = one.2.chunks(stride).zip(other.2.chunks(stride)).enumerate();
    rows.filter(|(_, (a, b))| a != b).map(|(row, _)| row).collect()
}

#[test]
fn damage_stays_where_it_is() {
    let sound = "odd/mmr_no_eofb.tif";
    let bad = [321, 332, 575, 864, 867, 873, 949, 965, 993];
    let mh = rows_that_differ("damaged/mh_bitflips.tif", sound);
    assert!(mh.iter().all(|row| bad.contains(row)), "{mh:?}");
    for file in ["damaged/mh_short_lines.tif", "damaged/mh_long_lines.tif"] {
        let rows = rows_that_differ(file, sound);
        assert!(rows.iter().all(|row| bad.contains(row)), "{file}: {rows:?}");
    }
    // K = 4: up to the next line coded one-dimensionally.
    let mr = rows_that_differ("damaged/mr4_bitflips.tif", sound);
    let reach =
        |row: &usize| bad.iter().any(|&start| *row >= start && *row < (start + 1).next_multiple_of(4));
    assert!(mr.iter().all(reach), "{mr:?}");
    // Strips of 64 rows end the damage of T.6.
    let strips = rows_that_differ("damaged/mmr_strips_bitflip.tif", sound);
    assert!(strips.iter().all(|row| (137..192).contains(row) || (521..576).contains(row)), "{strips:?}");
}

#[test]
fn a_page_of_65535_by_65535_is_refused_before_it_costs_anything() {
    let bomb = TiffSpec {
        width: 65535,
        length: 65535,
        compression: 4,
        data: vec![0xff; 1000],
        ..TiffSpec::default()
    };
    for target in ["application/pdf", "image/tiff", "image/x-portable-bitmap"] {
        assert!(matches!(convert(&bomb.build(), target), Err(MediaError::Limit(_))));
    }
}

#[test]
fn pages_of_the_budget_are_counted() {
    let page =
        TiffSpec { width: 1728, length: 10, compression: 4, data: vec![0xff, 0xff], ..TiffSpec::default() };
    let limits = Limits { fax_pixels: 17_279, ..Limits::default() };
    let mut budget = Budget::new(&limits);
    let pdf = "application/pdf".parse().unwrap();
    let tiff = "image/tiff".parse().unwrap();
    let result = media::convert(&tiff, &pdf, &page.build(), &limits, &mut budget);
    assert!(matches!(result, Err(MediaError::Limit(_))));
}

#[test]
fn a_tiff_cut_at_any_byte_is_read_or_refused() {
    let page = fax::sample_page(64, 12);
    let whole = TiffSpec {
        width: 64,
        length: 12,
        compression: 4,
        data: fax::encode_mmr(&page, 64),
        ..TiffSpec::default()
    }
    .build();
    for end in 0..whole.len() {
        for target in ["application/pdf", "image/tiff", "image/x-portable-bitmap"] {
            let _ = convert(&whole[..end], target);
        }
        let _ = fax::inspect(&whole[..end]);
    }
}

#[test]
fn what_is_labelled_tiff_and_is_not_is_named() {
    let container = |bytes: &[u8]| fax::inspect(bytes).map(|facts| facts.container);
    assert_eq!(container(b"\xff\xd8\xff\xe0 and so on"), Ok("jpeg".into()));
    assert_eq!(container(b"\x89PNG\r\n\x1a\n"), Ok("png".into()));
    assert_eq!(container(b"%PDF-1.4 <</Type/Page>>"), Ok("pdf".into()));
    assert!(container(b"hello").is_err());
    assert!(matches!(convert(b"%PDF-1.4", "image/tiff"), Err(MediaError::Malformed { .. })));
}

#[test]
fn fields_are_reported_as_written() {
    let spec = TiffSpec {
        width: 1728,
        length: 10,
        compression: 3,
        t4_options: 5,
        fill_order: 2,
        data: vec![0; 20],
        ..TiffSpec::default()
    };
    let facts = fax::inspect(&spec.build()).unwrap();
    let page = &facts.pages[0];
    assert_eq!((facts.byte_order.as_deref(), facts.first_ifd_offset), (Some("II"), Some(8)));
    assert_eq!((page.width, page.length, page.compression), (1728, 10, Some(3)));
    assert_eq!((page.coding.as_str(), page.t4_options, page.fill_order), ("MR", Some(5), Some(2)));
    assert_eq!((page.page_number, page.new_subfile_type), (None, None));
    assert_eq!((page.strips, page.first_strip_bytes), (1, Some(20)));
    assert_eq!(page.x_rational, Some([204, 1]));
    assert!(page.ifd_offset < page.first_strip_offset.unwrap());
    assert!(page.tags.is_sorted());
}

#[test]
fn a_converted_file_conforms_and_is_left_alone_the_second_time() {
    let page = fax::sample_page(1728, 200);
    let mmr = fax::encode_mmr(&page, 1728);
    for compression in ["any", "mh", "mr", "mmr"] {
        let source =
            TiffSpec { length: 200, compression: 4, data: mmr.clone(), ..TiffSpec::default() }.build();
        let target = format!("image/tiff;application=faxbw;compression={compression}");
        let first = convert(&source, &target).unwrap();
        let second = convert(&first.bytes, &target).unwrap();
        assert_eq!(first.bytes, second.bytes, "{compression}");
        let Some(Facts::Fax(facts)) = second.report.output else { panic!("no facts") };
        assert!(facts.unchanged, "{compression}");
        let shown = convert(&first.bytes, "image/x-portable-bitmap").unwrap();
        assert_eq!(pages_of_pbm(&shown.bytes)[0].2, page, "{compression}");
    }
}

#[test]
fn odd_widths_are_widened_to_a_legal_one_with_white() {
    let page = fax::sample_page(1700, 50);
    let source = TiffSpec {
        width: 1700,
        length: 50,
        compression: 4,
        data: fax::encode_mmr(&page, 1700),
        ..TiffSpec::default()
    };
    let out = convert(&source.build(), "image/tiff").unwrap();
    let facts = fax::inspect(&out.bytes).unwrap();
    assert_eq!(facts.pages[0].width, 1728);
    assert!(out.report.losses.iter().any(|loss| loss.contains("1700 to 1728")), "{:?}", out.report.losses);
    let shown = pages_of_pbm(&convert(&out.bytes, "image/x-portable-bitmap").unwrap().bytes);
    for (row, original) in shown[0].2.chunks(216).zip(page.chunks(213)) {
        assert_eq!(&row[..212], &original[..212]);
        assert_eq!(row[212], original[212] & 0xf0);
        assert_eq!(&row[213..], [0; 3]);
    }
}

/// What the coded data of the first page shows, and the ImageLength.
fn coded(file: &Path) -> (Option<media::CodedFacts>, u32) {
    let limits = roomy();
    let bytes = std::fs::read(file).unwrap();
    let facts = media::inspect(&mime::IMAGE_PNG, &bytes, &limits, &mut Budget::new(&limits)).unwrap();
    (facts.pages[0].coded, facts.pages[0].length)
}

#[test]
fn lines_and_damage_are_read_from_the_data_not_from_the_tags() {
    let folders = ["/tests/data/fax", "/../shared/vectors/fax"];
    let mut clean = 0;
    for folder in folders.map(|f| PathBuf::from(format!("{}{f}", env!("CARGO_MANIFEST_DIR")))) {
        let Some(rows) = expected(&folder) else {
            println!("skipped: {} (not there)", folder.display());
            continue;
        };
        for row in rows.iter().filter(|r| r.page == 0 && r.verdict == "ok" && r.file.starts_with("tiff/")) {
            let (Some(found), length) = coded(&folder.join(&row.file)) else { continue };
            let right = found.damaged == 0 && !found.mislabelled && found.eols_missing == 0;
            assert!(right && found.eol_at_start | found.eofb, "{}: {found:?}", row.file);
            assert_eq!((found.lines, found.true_width), (length.max(row.height), None), "{}", row.file);
            clean += 1;
        }
        type Shows = fn(&media::CodedFacts, u32) -> bool;
        let odd: &[(&str, Shows)] = &[
            ("odd/mh_no_rtc.tif", |c, rows| !c.rtc && c.lines == rows),
            ("odd/mmr_no_eofb.tif", |c, rows| !c.eofb && c.lines == rows),
            ("odd/mh_first_eol_missing.tif", |c, _| !c.eol_at_start),
            ("odd/mh_fill96.tif", |c, rows| c.lines == rows && c.damaged == 0),
            ("odd/mmr_garbage_after_eofb.tif", |c, rows| c.lines == rows && c.octets_behind_end > 0),
            ("odd/mh_length_too_big.tif", |c, rows| c.lines + 200 == rows && c.damaged == 0),
            ("odd/mmr_length_too_big.tif", |c, rows| c.lines + 200 == rows && c.damaged == 0),
            ("odd/mmr_length_too_small.tif", |c, rows| c.lines == rows + 300),
            ("odd/mh_t4opt_wrong_2d.tif", |c, _| c.mislabelled),
            ("odd/mh_misaligned_claimed_aligned.tif", |c, rows| !c.aligned && c.lines == rows),
            // Fill at the end of some lines looks like an EOL.
            ("odd/rle_claimed_g3.tif", |c, rows| c.mislabelled && c.eols_missing > rows / 2),
            ("odd/mh_leading_zeros.tif", |c, rows| c.lines == rows),
            ("damaged/mh_bitflips.tif", |c, _| (1..=20).contains(&c.damaged)),
            ("damaged/mr4_bitflips.tif", |c, _| c.damaged > 0),
            ("damaged/mmr_bitflip.tif", |c, _| c.damaged > 0),
            ("damaged/mmr_strips_bitflip.tif", |c, _| c.damaged > 0),
            ("damaged/mh_missing_eols.tif", |c, rows| c.eols_missing == 9 && c.lines == rows),
            ("damaged/mh_short_lines.tif", |c, _| c.damaged == 9),
            ("damaged/mh_long_lines.tif", |c, _| c.damaged == 9),
            ("damaged/mh_truncated.tif", |c, rows| c.lines < rows),
            ("damaged/mmr_truncated.tif", |c, _| c.damaged > 0 && !c.eofb),
            ("damaged/mmr_uncompressed_ext.tif", |c, _| c.damaged > 0),
        ];
        let mut wrong = Vec::new();
        for (file, shows) in odd.iter().filter(|(file, _)| folder.join(file).exists()) {
            let (found, length) = coded(&folder.join(file));
            if !found.is_some_and(|c| shows(&c, length)) {
                wrong.push(format!("{file}: {found:?} of {length}"));
            }
        }
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    }
    assert!(clean > 0, "no clean page was looked at");
}

#[test]
fn what_the_survey_lets_pass_shows_the_same_page() {
    let folders = ["/tests/data/fax", "/../shared/vectors/fax", "/../shared/vectors/fax-public"];
    let (mut surveyed, mut same) = (0, 0);
    for folder in folders.map(|f| PathBuf::from(format!("{}{f}", env!("CARGO_MANIFEST_DIR")))) {
        let Some(rows) = expected(&folder) else {
            println!("skipped: {} (not there)", folder.display());
            continue;
        };
        for row in rows.iter().filter(|row| row.page == 0 && row.verdict == "ok") {
            let Some(tiff) = as_tiff(&folder, row) else { continue };
            let Ok(facts) = fax::inspect(&tiff) else { continue };
            if facts.keep() != Some("surveyed") {
                continue;
            }
            let pdf = |coded| convert(&tiff, &format!("application/pdf{coded}")).unwrap().bytes;
            let (passed, anew) = (pdf(";coded=surveyed"), pdf(";coded=anew"));
            surveyed += 1;
            same += usize::from(passed == pdf(""));
            let pages = |pdf: &[u8]| {
                let pbm = fax::convert_as("application/pdf", pdf, "image/x-portable-bitmap").unwrap();
                pages_of_pbm(&pbm.bytes)
            };
            assert!(pages(&passed) == pages(&anew), "{}", row.file);
        }
    }
    println!("{surveyed} files surveyed, {same} the same octets as with a look at each EOL");
    assert!(surveyed > 0);
}
