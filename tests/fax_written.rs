//! Every resolution and width of TIFF-F in every coding, and profile S of whatever comes in: judged by our own rules,
//! read by libtiff and, as PDF, by ghostscript. Programs are skipped, with a line saying so, where not installed.
#![allow(clippy::unwrap_used)]

mod common;

use common::fax::{
    LEGAL_ROWS as ROWS, TiffSpec, convert, encode_mmr, inspect, legal_pages, pages_of_pbm, sample_page,
};
use common::judge::faults;
use common::programs::{Folder, Pages, run, text};
use vpim_milter::media::Facts;
use vpim_milter::media::fax::FaxFacts;

fn pbm(tiff: &[u8]) -> Pages {
    pages_of_pbm(&convert(tiff, "image/x-portable-bitmap").unwrap().bytes)
}

/// What libtiff says on standard error of all there is in a file, and the pixels it reads.
fn libtiff(folder: &Folder, tiff: &[u8]) -> Option<(String, Pages)> {
    let (file, plain) = (folder.write("page.tif", tiff), folder.path("plain.tif"));
    let errors = run("tiffinfo", &["-D", text(&file)])?;
    let copied = run("tiffcp", &["-c", "none", text(&file), text(&plain)])?;
    Some((errors + &copied, pbm(&std::fs::read(&plain).unwrap())))
}

#[test]
fn every_resolution_and_width_is_written_right_in_every_coding() {
    let folder = Folder::new("written");
    let (mut judged, mut read) = (0, 0);
    for (name, source) in legal_pages() {
        let before = inspect(&source).unwrap();
        for (coding, options) in [("mh", Some(0)), ("mr", Some(1)), ("mmr", None)] {
            let target = format!("image/tiff;application=faxbw;compression={coding}");
            let written = convert(&source, &target).unwrap();
            let name = format!("{name} {coding}");
            assert_eq!(written.report.losses, [""; 0], "{name}");
            assert_eq!(faults(&written.bytes, false), [""; 0], "{name}");
            let (was, is) = (&before.pages[0], &inspect(&written.bytes).unwrap().pages[0]);
            let size = |page: &vpim_milter::media::fax::PageFacts| {
                (page.width, page.length, page.x_resolution, page.y_resolution)
            };
            assert_eq!(size(is), size(was), "{name}");
            assert_eq!((is.t4_options, is.t6_options.is_some()), (options, options.is_none()), "{name}");
            assert_eq!(
                (is.new_subfile_type, is.page_number, is.strips),
                (Some(2), Some([0, 1]), 1),
                "{name}"
            );
            let pixels = sample_page(was.width as usize, ROWS as usize);
            assert!(pbm(&written.bytes) == [(was.width, ROWS, pixels.clone())], "{name}");
            judged += 1;
            if let Some((errors, pages)) = libtiff(&folder, &written.bytes) {
                assert_eq!(errors, "", "{name}");
                assert!(pages == [(was.width, ROWS, pixels)], "{name}");
                read += 1;
            }
        }
    }
    println!("{judged} files judged, {read} read by libtiff");
    assert_eq!(judged, 72);
}

#[test]
fn ghostscript_shows_the_pages_of_every_resolution_to_the_pixel() {
    let folder = Folder::new("written-gs");
    let mut shown = 0;
    for (name, source) in legal_pages() {
        let coding = ["mh", "mr", "mmr"][shown % 3];
        let written = convert(&source, &format!("image/tiff;compression={coding}")).unwrap().bytes;
        let page = inspect(&written).unwrap().pages.remove(0);
        let pdf = folder.write("page.pdf", &convert(&written, "application/pdf").unwrap().bytes);
        let resolution = format!("-r{}x{}", page.x_resolution.unwrap(), page.y_resolution.unwrap());
        let out = format!("-sOutputFile={}", text(&folder.path("gs.pbm")));
        let arguments = ["-q", "-dBATCH", "-dNOPAUSE", "-dSAFER", "-sDEVICE=pbmraw", &resolution, &out];
        let arguments: Vec<&str> = arguments.into_iter().chain([text(&pdf)]).collect();
        if run("gs", &arguments).is_none() {
            return;
        }
        assert!(folder.take_pbm("gs") == pbm(&written), "{name} {coding}");
        shown += 1;
    }
    println!("ghostscript: {shown} pages identical");
}

/// Profile S by the octets of the file, not by our reader (RFC 3949 3.5, 3.6): the pages.
fn pages_of_profile_s(file: &[u8]) -> usize {
    let short = |at: usize| u32::from(u16::from_le_bytes([file[at], file[at + 1]]));
    let long = |at: usize| u32::from_le_bytes(file[at..at + 4].try_into().unwrap());
    assert_eq!(file[..8], *b"II*\0\x08\0\0\0");
    let (mut at, mut pages) = (8, 0u32);
    loop {
        let fields = short(at) as usize;
        let end = at + 2 + fields * 12 + 4;
        let mut strip = (0, 0);
        let mut tags = Vec::new();
        let mut rows = (0, 0);
        for entry in (at + 2..end - 4).step_by(12) {
            let tag = short(entry);
            let value = if short(entry + 2) == 3 { short(entry + 8) } else { long(entry + 8) };
            tags.push(tag);
            match tag {
                254 => assert_eq!(value, 2, "NewSubfileType"),
                256 => assert_eq!(value, 1728, "ImageWidth"),
                257 => rows.0 = value,
                258 | 277 => assert_eq!(value, 1, "BitsPerSample, SamplesPerPixel"),
                259 => assert_eq!(value, 3, "Compression"),
                262 => assert_eq!(value, 0, "PhotometricInterpretation"),
                266 | 296 => assert_eq!(value, 2, "FillOrder, ResolutionUnit"),
                273 => strip.0 = value as usize,
                278 => rows.1 = value,
                279 => strip.1 = value as usize,
                282 => assert_eq!(value as usize, end, "XResolution is right behind the directory"),
                283 => assert_eq!(value as usize, end + 8, "YResolution follows"),
                292 => assert_eq!(value, 0, "T4Options"),
                297 => assert_eq!(value, pages, "PageNumber"),
                other => panic!("field {other}"),
            }
        }
        assert!(tags.is_sorted() && tags.len() == 16, "{tags:?}");
        assert!([200, 204].contains(&long(end)) && long(end + 4) == 1, "XResolution");
        assert!([98, 100, 196, 200].contains(&long(end + 8)) && long(end + 12) == 1, "YResolution");
        assert_eq!(rows.0, rows.1, "RowsPerStrip");
        assert_eq!(strip.0, end + 16, "the strip follows");
        let start = u16::from_be_bytes([file[strip.0], file[strip.0 + 1]].map(u8::reverse_bits));
        assert_eq!(start >> 4, 1, "EOL");
        pages += 1;
        match long(end - 4) as usize {
            0 => {
                assert_eq!(strip.0 + strip.1, file.len());
                return pages as usize;
            }
            next => {
                assert_eq!(next, (strip.0 + strip.1).next_multiple_of(2));
                at = next;
            }
        }
    }
}

/// Size on paper of a page, in inches.
fn inches(facts: &FaxFacts) -> (f64, f64) {
    let page = &facts.pages[0];
    (f64::from(page.width) / page.x_resolution.unwrap(), f64::from(page.length) / page.y_resolution.unwrap())
}

const S: &str = "image/tiff;application=faxbw;profile=s";

#[test]
fn profile_s_of_every_resolution_and_width_is_faultless() {
    let folder = Folder::new("profile-s");
    for (name, source) in legal_pages() {
        let written = convert(&source, S).unwrap();
        assert_eq!(pages_of_profile_s(&written.bytes), 1, "{name}");
        assert_eq!(faults(&written.bytes, true), [""; 0], "{name}");
        let before = inspect(&source).unwrap();
        let page = &before.pages[0];
        let stays = page.width == 1728 && page.y_resolution.unwrap() <= 200.0;
        assert_eq!(written.report.losses.is_empty(), stays, "{name}: {:?}", written.report.losses);
        if stays {
            assert!(pbm(&written.bytes) == pbm(&source), "{name}");
        }
        // The shape of the page stays, by a row and a column.
        let (was, is) = (inches(&before), inches(&inspect(&written.bytes).unwrap()));
        assert!((was.1 * is.0 / was.0 - is.1).abs() < 0.02 * was.1 + 0.011, "{name}: {was:?} {is:?}");
        if let Some((errors, pages)) = libtiff(&folder, &written.bytes) {
            assert_eq!(errors, "", "{name}");
            assert!(pages == pbm(&written.bytes), "{name}");
        }
        let again = convert(&written.bytes, S).unwrap();
        assert!(again.bytes == written.bytes && unchanged(&again), "{name}");
    }
}

fn unchanged(output: &vpim_milter::media::Output) -> bool {
    matches!(&output.report.output, Some(Facts::Fax(FaxFacts { unchanged: true, .. })))
}

#[test]
fn narrow_pages_are_completed_and_what_is_kept_has_the_bits_of_its_source_in_their_order() {
    let page = sample_page(1000, 50);
    let data = encode_mmr(&page, 1000);
    let narrow = TiffSpec { width: 1000, length: 50, data, ..TiffSpec::default() }.build();
    let written = convert(&narrow, S).unwrap();
    assert_eq!(written.report.losses, ["page 1: widened from 1000 to 1728 columns with white"]);
    let rows = pbm(&written.bytes).remove(0).2;
    for (row, old) in rows.chunks(216).zip(page.chunks(125)) {
        assert!(row[..125] == *old && row[125..].iter().all(|&octet| octet == 0));
    }
    // MH in FillOrder 1, the same codes: nothing is lost, the octets are turned round, the second time nothing is done.
    let right = convert(&narrow, S).unwrap().bytes;
    let strip = |file: &[u8]| {
        let page = inspect(file).unwrap().pages.remove(0);
        let start = page.first_strip_offset.unwrap() as usize;
        file[start..start + page.first_strip_bytes.unwrap() as usize].to_vec()
    };
    let upright = strip(&right).iter().map(|octet| octet.reverse_bits()).collect();
    let other = TiffSpec { length: 50, compression: 3, data: upright, ..TiffSpec::default() }.build();
    let written = convert(&other, S).unwrap();
    assert!(written.report.losses.is_empty() && written.bytes == right);
}

#[test]
fn pages_are_put_upright_where_no_field_may_say_how_they_lie() {
    // The corner where row 0 meets column 0 is black.
    let (width, rows) = (800u32, 400u32);
    let mut page = vec![0u8; 100 * rows as usize];
    page.chunks_mut(100).take(80).for_each(|row| row[..10].fill(0xff));
    let data = encode_mmr(&page, width as usize);
    let corners = [(true, true), (true, false), (false, false), (false, true)];
    for orientation in 1..=8u16 {
        let spec = TiffSpec { width, length: rows, orientation, data: data.clone(), ..TiffSpec::default() };
        let written = convert(&spec.build(), S).unwrap().bytes;
        assert_eq!(pages_of_profile_s(&written), 1);
        let (across, down) = if orientation < 5 { (width, rows) } else { (rows, width) };
        let (_, height, pixels) = pbm(&written).remove(0);
        assert_eq!(height, down, "{orientation}");
        for (corner, (top, left)) in corners.into_iter().enumerate() {
            let x = if left { 2 } else { across as usize - 3 };
            let y = if top { 2 } else { down as usize - 3 };
            let black = pixels[y * 216 + x / 8] << (x % 8) & 0x80 != 0;
            assert_eq!(black, corner == usize::from(orientation - 1) % 4, "{orientation} {corner}");
        }
    }
}

#[test]
fn several_pages_of_several_kinds_become_one_file_of_profile_s() {
    let mut file = common::pages::two_pages();
    // The second page is written as one of 408 x 391.
    let second = file.len() - common::pages::page().len();
    let at = second + 170;
    file[at..at + 4].copy_from_slice(&408u32.to_le_bytes());
    file[at + 8..at + 12].copy_from_slice(&391u32.to_le_bytes());
    let written = convert(&file, S).unwrap();
    assert_eq!(pages_of_profile_s(&written.bytes), 2);
    assert_eq!(faults(&written.bytes, true), [""; 0]);
    assert_eq!(written.report.losses.len(), 1, "{:?}", written.report.losses);
    // What another coder has in an order of its own is not profile S, and is written anew.
    for other in [common::pages::big_endian(&common::pages::minimum().unwrap()), common::pages::scattered()] {
        let written = convert(&other, S).unwrap();
        assert_eq!((pages_of_profile_s(&written.bytes), unchanged(&written)), (1, false));
    }
}

#[test]
fn other_profiles_and_codings_that_profile_s_has_not_are_refused() {
    let page = common::pages::page();
    for wrong in ["profile=s;compression=mmr", "profile=s;compression=mr", "profile=j", "profile="] {
        assert!(convert(&page, &format!("image/tiff;{wrong}")).is_err(), "{wrong}");
    }
    assert!(convert(&page, "image/tiff;profile=S;compression=mh").is_ok());
    assert!(convert(&page, "image/tiff;profile=f;compression=mmr").is_ok());
}
