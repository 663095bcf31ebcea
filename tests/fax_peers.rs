//! Our PDF and TIFF-F in the hands of other programs: libtiff, poppler, ghostscript, mupdf. Each is skipped, with a
//! line saying so, where it is not installed.
#![allow(clippy::unwrap_used)]

mod common;

use common::fax::{TiffSpec, convert, encode_mmr, inspect, pages_of_pbm, sample_page};
use common::programs::{Folder, Pages, run, said, text};
use std::path::PathBuf;

/// Files to try: the clean ones of tests/data, of ../shared where there is one, and one in several sizes.
fn samples() -> Vec<(String, Vec<u8>)> {
    let mut samples = Vec::new();
    for root in ["/tests/data/fax", "/../shared/vectors/fax"] {
        let root = PathBuf::from(format!("{}{root}", env!("CARGO_MANIFEST_DIR")));
        let Ok(table) = std::fs::read_to_string(root.join("expected.tsv")) else {
            println!("skipped: fax vectors (no ../shared)");
            continue;
        };
        for line in table.lines() {
            let field: Vec<&str> = line.split('\t').collect();
            // The whole set takes minutes; the files of other tools and the resolutions are not in tests/data.
            let wanted =
                root.ends_with("data/fax") || field[0].contains("res_") || field[0].contains("tools/");
            // An EOFB before the last row can only be seen by decoding: readers show white, libtiff warns.
            let early_eofb = field[0] == "odd/mmr_length_too_big.tif";
            if wanted && !early_eofb && field[1] == "0" && field[5] == "ok" && field[0].ends_with(".tif") {
                samples.push((field[0].to_owned(), std::fs::read(root.join(field[0])).unwrap()));
            }
        }
    }
    samples
}

fn pbm(tiff: &[u8]) -> Pages {
    pages_of_pbm(&convert(tiff, "image/x-portable-bitmap").unwrap().bytes)
}

#[test]
fn images_in_our_pdf_decode_to_the_same_bitmap_in_poppler() {
    let folder = Folder::new("pdfimages");
    let mut same = 0;
    for (name, tiff) in samples() {
        let pdf = folder.write("page.pdf", &convert(&tiff, "application/pdf").unwrap().bytes);
        let Some(errors) = run("pdfimages", &[text(&pdf), text(&folder.0.join("image"))]) else { return };
        assert_eq!(errors, "", "{name}");
        assert!(folder.take_pbm("image") == pbm(&tiff), "{name}");
        same += 1;
    }
    println!("pdfimages: {same} files identical");
}

/// Resolution of every page in whole dots per inch, where all pages have the same.
fn whole_resolution(tiff: &[u8]) -> Option<(u32, u32)> {
    let facts = inspect(tiff).unwrap();
    let whole = |value: Option<f64>| value.filter(|value| value.fract() == 0.0).map(|value| value as u32);
    let of = |page: &vpim_milter::media::fax::PageFacts| {
        let inches = page.resolution_unit.is_none_or(|unit| unit == 2);
        if inches { Some((whole(page.x_resolution)?, whole(page.y_resolution)?)) } else { None }
    };
    let first = of(facts.pages.first()?)?;
    // Renderers do not make pages of a few pixels.
    let large = facts.pages.iter().all(|page| page.width > 1000 && page.length > 200);
    (large && facts.pages.iter().all(|page| of(page) == Some(first))).then_some(first)
}

#[test]
fn our_pdf_renders_to_the_same_bitmap_on_the_pixel_grid() {
    let folder = Folder::new("render");
    let (mut poppler, mut ghostscript) = (0, 0);
    for (name, tiff) in samples() {
        let Some((x, y)) = whole_resolution(&tiff) else { continue };
        let expected = pbm(&tiff);
        let pdf = folder.write("page.pdf", &convert(&tiff, "application/pdf").unwrap().bytes);
        let (rx, ry) = (x.to_string(), y.to_string());
        let out = folder.0.join("poppler");
        if run("pdftoppm", &["-mono", "-rx", &rx, "-ry", &ry, text(&pdf), text(&out)]).is_some() {
            assert!(folder.take_pbm("poppler") == expected, "pdftoppm {name}");
            poppler += 1;
        }
        let out = format!("-sOutputFile={}-%03d.pbm", text(&folder.0.join("gs")));
        let grid = format!("-r{x}x{y}");
        let arguments = ["-q", "-dBATCH", "-dNOPAUSE", "-dSAFER", "-sDEVICE=pbmraw", &grid, &out, text(&pdf)];
        if run("gs", &arguments).is_some() {
            assert!(folder.take_pbm("gs") == expected, "gs {name}");
            ghostscript += 1;
        }
    }
    println!("pdftoppm: {poppler} files identical; gs: {ghostscript} files identical");
}

#[test]
fn square_pages_render_to_the_same_bitmap_in_mupdf() {
    let folder = Folder::new("mupdf");
    let page = sample_page(1728, 600);
    let mmr = TiffSpec {
        length: 600,
        x_resolution: 200,
        y_resolution: 200,
        data: encode_mmr(&page, 1728),
        ..TiffSpec::default()
    };
    for coding in ["mh", "mr", "mmr"] {
        let tiff = convert(&mmr.build(), &format!("image/tiff;compression={coding}")).unwrap().bytes;
        let pdf = folder.write("page.pdf", &convert(&tiff, "application/pdf").unwrap().bytes);
        let out = folder.0.join("mupdf.pbm");
        if run("mutool", &["draw", "-q", "-r", "200", "-o", text(&out), text(&pdf)]).is_some() {
            assert!(folder.take_pbm("mupdf") == [(1728, 600, page.clone())], "{coding}");
        }
    }
}

#[test]
fn our_pdf_is_sound_for_qpdf() {
    let folder = Folder::new("qpdf");
    for (name, tiff) in samples().into_iter().take(40) {
        let pdf = folder.write("page.pdf", &convert(&tiff, "application/pdf").unwrap().bytes);
        let Some(errors) = run("qpdf", &["--check", text(&pdf)]) else { return };
        assert_eq!(errors, "", "{name}");
    }
}

#[test]
fn our_pdf_is_one_for_archives() {
    let folder = Folder::new("archive");
    let page = sample_page(1728, 1145);
    let spec =
        TiffSpec { length: 1145, y_resolution: 98, data: encode_mmr(&page, 1728), ..TiffSpec::default() };
    let bytes = convert(&spec.build(), "application/pdf").unwrap().bytes;
    assert!(convert(&spec.build(), "application/pdf").unwrap().bytes == bytes, "the same every time");
    let pdf = folder.write("page.pdf", &bytes);
    if let Some(facts) = said("pdfinfo", &[text(&pdf)]) {
        let line = |name: &str| facts.lines().find_map(|line| line.strip_prefix(name)).map(str::trim);
        assert_eq!(line("PDF version:"), Some("1.4"), "{facts}");
        assert_eq!(line("Title:"), Some("Fax"), "{facts}");
        assert!(line("Producer:").is_some_and(|name| name.starts_with("vpim-milter ")), "{facts}");
        // 1728 columns at 204, 1145 lines at 98 to the inch.
        let size = line("Page size:").unwrap_or_default();
        assert!(size.starts_with("609.88") && size.contains("x 841.22"), "{facts}");
        let metadata = said("pdfinfo", &["-meta", text(&pdf)]).unwrap();
        for part in ["<pdfaid:part>1<", "<pdfaid:conformance>B<", ">Fax<", ">vpim-milter "] {
            assert!(metadata.contains(part), "{part}: {metadata}");
        }
    }
    // An output intent that cannot be read would be named here, or change the dots.
    let out = format!("-sOutputFile={}", text(&folder.path("gs.pbm")));
    let arguments =
        ["-dBATCH", "-dNOPAUSE", "-dSAFER", "-dUsePDFX3Profile", "-sDEVICE=pbmraw", "-r204x98", &out];
    let arguments: Vec<&str> = arguments.into_iter().chain([text(&pdf)]).collect();
    if let Some(said) = said("gs", &arguments) {
        assert!(!said.contains("ICC") && !said.contains("rror") && !said.contains("arning"), "{said}");
        assert!(folder.take_pbm("gs") == [(1728, 1145, page)]);
    }
    if let Some(said) = said("mutool", &["show", text(&pdf), "trailer"]) {
        assert!(said.contains("/ID [") && said.contains("/Info"), "{said}");
    }
}

#[test]
fn pages_of_several_strips_go_into_the_pdf_as_they_are_where_that_is_exact() {
    // Strips of MH and MR lines follow each other as one; strips of MMR cannot, and are coded anew as one.
    let folder = Folder::new("strips");
    let page = sample_page(1728, 300);
    let spec = TiffSpec { length: 300, data: encode_mmr(&page, 1728), ..TiffSpec::default() };
    for (coding, kept) in [("g3:1d", true), ("g3:2d", true), ("g3:1d:fill", true), ("g4", false)] {
        let one = folder.write("one.tif", &spec.build());
        let strips = folder.path("strips.tif");
        if run("tiffcp", &["-c", coding, "-r", "64", text(&one), text(&strips)]).is_none() {
            return;
        }
        let tiff = std::fs::read(&strips).unwrap();
        assert_eq!(inspect(&tiff).unwrap().pages[0].strips, 5, "{coding}");
        let pdf = convert(&tiff, "application/pdf").unwrap();
        assert_eq!(pdf.report.losses, [""; 0], "{coding}");
        let has = |text: &[u8]| pdf.bytes.windows(text.len()).any(|part| part == text);
        assert_eq!(has(b"/K -1"), !kept, "{coding}");
        let file = folder.write("page.pdf", &pdf.bytes);
        if run("pdfimages", &[text(&file), text(&folder.path("image"))]).is_some() {
            assert!(folder.take_pbm("image") == [(1728, 300, page.clone())], "{coding}");
        }
        let out = folder.path("shown");
        if run("pdftoppm", &["-mono", "-rx", "204", "-ry", "196", text(&file), text(&out)]).is_some() {
            assert!(folder.take_pbm("shown") == [(1728, 300, page.clone())], "{coding}");
        }
        let back = common::fax::convert_as("application/pdf", &pdf.bytes, "image/x-portable-bitmap").unwrap();
        assert!(pages_of_pbm(&back.bytes) == [(1728, 300, page.clone())], "{coding}");
    }
}

#[test]
fn pages_are_turned_and_mirrored_as_their_orientation_says() {
    let folder = Folder::new("orientation");
    // 1008 x 504 pixels at 72 dpi, one black corner: where row 0 meets column 0.
    let mut page = vec![0u8; 126 * 504];
    page.chunks_mut(126).take(100).for_each(|row| row[..10].fill(0xff));
    let spec = TiffSpec {
        width: 1008,
        length: 504,
        x_resolution: 72,
        y_resolution: 72,
        data: encode_mmr(&page, 1008),
        ..TiffSpec::default()
    };
    // TIFF 6.0 Orientation: the corner (top, left) and whether rows run across the page.
    let corners = [(true, true), (true, false), (false, false), (false, true)];
    for orientation in 1..=8u16 {
        let index = usize::from(orientation - 1) % 4;
        let across = orientation < 5;
        let tiff = TiffSpec { orientation, ..spec.clone() }.build();
        let pdf = folder.write("page.pdf", &convert(&tiff, "application/pdf").unwrap().bytes);
        let out = folder.0.join("turned");
        if run("pdftoppm", &["-mono", "-r", "72", text(&pdf), text(&out)]).is_none() {
            return;
        }
        let (width, height, rows) = folder.take_pbm("turned").remove(0);
        assert_eq!((width, height), if across { (1008, 504) } else { (504, 1008) }, "{orientation}");
        let stride = width.div_ceil(8) as usize;
        let black = |top: bool, left: bool| {
            let y = if top { 2 } else { height as usize - 3 };
            let x = if left { 2 } else { width as usize - 3 };
            rows[y * stride + x / 8] << (x % 8) & 0x80 != 0
        };
        for (at, (top, left)) in corners.into_iter().enumerate() {
            assert_eq!(black(top, left), at == index, "orientation {orientation} corner {at}");
        }
    }
}

#[test]
fn libtiff_reads_our_tiff_f_without_a_warning_and_to_the_same_bitmap() {
    let folder = Folder::new("libtiff");
    let mut same = 0;
    for (name, tiff) in samples() {
        for coding in ["any", "mh", "mr", "mmr"] {
            let out = convert(&tiff, &format!("image/tiff;application=faxbw;compression={coding}")).unwrap();
            let file = folder.write("page.tif", &out.bytes);
            let Some(errors) = run("tiffinfo", &["-D", text(&file)]) else { return };
            // libtiff 4.5 cannot decode lines of T.4 with a change at every pixel: its own limit.
            let too_dense = name.contains("size") && coding != "mmr";
            assert!(errors.is_empty() || too_dense, "{name} {coding}: {errors}");
            let plain = folder.0.join("plain.tif");
            if errors.is_empty() && run("tiffcp", &["-c", "none", text(&file), text(&plain)]).is_some() {
                assert!(pbm(&std::fs::read(&plain).unwrap()) == pbm(&out.bytes), "{name} {coding}");
                same += 1;
            }
        }
    }
    println!("tiffcp: {same} files identical");
}
