//! What senders write against the rules of TIFF and of fax, or beside them: each is read as it is meant, or refused with
//! its name.
#![allow(clippy::unwrap_used)]

mod common;

use common::fax::{TiffSpec, convert, encode_mmr, inspect, pages_of_pbm, sample_page};
use common::pages::{big_endian, two_pages};

const WIDTH: usize = 1728;
const ROWS: usize = 60;
const PBM: &str = "image/x-portable-bitmap";

fn pixels() -> Vec<u8> {
    sample_page(WIDTH, ROWS)
}

fn spec() -> TiffSpec {
    TiffSpec { length: ROWS as u32, data: encode_mmr(&pixels(), WIDTH), ..TiffSpec::default() }
}

/// The page in our MH or MR, first bit highest, as the one strip of a file.
fn t4(coding: &str, t4_options: u32) -> TiffSpec {
    let file =
        convert(&spec().build(), &format!("image/tiff;compression={coding};coded=anew")).unwrap().bytes;
    let start = inspect(&file).unwrap().pages[0].first_strip_offset.unwrap() as usize;
    let data = file[start..].iter().map(|octet| octet.reverse_bits()).collect();
    TiffSpec { compression: 3, t4_options, data, ..spec() }
}

/// A file with a field given another number and value.
fn changed(mut file: Vec<u8>, tag: u16, to: (u16, u16, u32)) -> Vec<u8> {
    let entry = (10..10 + 13 * 12).step_by(12).find(|&at| file[at..at + 2] == tag.to_le_bytes()).unwrap();
    file[entry..entry + 2].copy_from_slice(&to.0.to_le_bytes());
    file[entry + 2..entry + 4].copy_from_slice(&to.1.to_le_bytes());
    file[entry + 8..entry + 12].copy_from_slice(&to.2.to_le_bytes());
    file
}

#[test]
fn pages_are_read_whatever_their_tags_leave_out_or_say_wrong() {
    let reversed = |spec: TiffSpec| {
        let data = spec.data.iter().map(|octet| octet.reverse_bits()).collect();
        TiffSpec { fill_order: 2, data, ..spec }
    };
    // What is not known of a field is read as if it was not there.
    let without = |file: Vec<u8>, tag: u16| changed(file, tag, (60_000 + tag, 3, 0));
    let rtc = |coding| {
        let mut spec = t4(coding, u32::from(coding == "mr"));
        // Six EOLs, with the tag bit of MR or without.
        let eol = if coding == "mr" { "0000000000011" } else { "000000000001" };
        let bits: Vec<u8> = eol.repeat(6).bytes().map(|bit| bit - b'0').collect();
        spec.data.extend(
            bits.chunks(8).map(|byte| byte.iter().enumerate().fold(0, |all, (n, bit)| all | bit << (7 - n))),
        );
        spec
    };
    let files = [
        ("MMR", spec().build()),
        ("MH", t4("mh", 0).build()),
        ("MR", t4("mr", 1).build()),
        ("MH with an RTC", rtc("mh").build()),
        ("MR with an RTC", rtc("mr").build()),
        ("MMR, FillOrder 2", reversed(spec()).build()),
        ("MH, FillOrder 2", reversed(t4("mh", 0)).build()),
        ("MR, FillOrder 2", reversed(t4("mr", 1)).build()),
        ("MMR, big-endian", big_endian(&spec().build())),
        ("MH, big-endian", big_endian(&t4("mh", 0).build())),
        ("MH said to be MR", t4("mh", 1).build()),
        ("MR said to be MH", t4("mr", 0).build()),
        ("MR without T4Options", without(t4("mr", 1).build(), 292)),
        ("MH said to be aligned", t4("mh", 4).build()),
        ("no resolution", without(without(spec().build(), 282), 283)),
        ("resolutions of 0", TiffSpec { x_resolution: 0, y_resolution: 0, ..spec() }.build()),
        ("no RowsPerStrip", without(spec().build(), 278)),
        ("no StripByteCounts", without(spec().build(), 279)),
        ("no PhotometricInterpretation", without(spec().build(), 262)),
        ("no FillOrder", without(spec().build(), 266)),
    ];
    for (name, file) in files {
        let read = pages_of_pbm(&convert(&file, PBM).unwrap().bytes);
        assert!(read == [(WIDTH as u32, ROWS as u32, pixels())], "{name}");
        for target in ["image/tiff;application=faxbw", "image/tiff;profile=s", "image/tiff;compression=mmr"] {
            let written = convert(&file, target).unwrap().bytes;
            let pages = pages_of_pbm(&convert(&written, PBM).unwrap().bytes);
            assert!(pages[0].2 == pixels(), "{name}, {target}");
        }
    }
}

#[test]
fn aligned_eols_and_every_k_are_read_as_libtiff_writes_them() {
    let folder = common::programs::Folder::new("reading");
    let one = folder.write("one.tif", &spec().build());
    let out = folder.path("out.tif");
    let mut read = 0;
    for coding in ["g3:1d", "g3:1d:fill", "g3:2d", "g3:2d:fill", "g4"] {
        for order in [["-f", "lsb2msb"], ["-f", "msb2lsb"]] {
            for rows in ["7", "60"] {
                let (from, to) = (common::programs::text(&one), common::programs::text(&out));
                if common::programs::run("tiffcp", &["-c", coding, "-r", rows, order[0], order[1], from, to])
                    .is_none()
                {
                    return;
                }
                let converted = convert(&std::fs::read(&out).unwrap(), PBM).unwrap();
                assert_eq!(converted.report.losses, [""; 0], "{coding} {order:?} {rows}");
                let pages = pages_of_pbm(&converted.bytes);
                assert!(pages == [(WIDTH as u32, ROWS as u32, pixels())], "{coding} {order:?} {rows}");
                read += 1;
            }
        }
    }
    println!("{read} files of libtiff read");
}

#[test]
fn lines_wider_than_said_are_shown_at_their_own_width() {
    let wide = sample_page(2048, ROWS);
    let right =
        TiffSpec { width: 2048, length: ROWS as u32, data: encode_mmr(&wide, 2048), ..TiffSpec::default() };
    for coding in ["mh", "mr", "mmr"] {
        let file =
            convert(&right.build(), &format!("image/tiff;compression={coding};coded=anew")).unwrap().bytes;
        let start = inspect(&file).unwrap().pages[0].first_strip_offset.unwrap() as usize;
        let data = file[start..].iter().map(|octet| octet.reverse_bits()).collect();
        let compression = if coding == "mmr" { 4 } else { 3 };
        let t4_options = u32::from(coding == "mr");
        let wrong = TiffSpec { width: 1728, compression, t4_options, data, ..right.clone() }.build();
        let shown = convert(&wrong, PBM).unwrap();
        assert!(pages_of_pbm(&shown.bytes) == [(2048, ROWS as u32, wide.clone())], "{coding}");
        assert_eq!(
            shown.report.losses,
            ["page 1: its lines have 2048 columns, not 1728 as ImageWidth says"],
            "{coding}"
        );
        let anew = convert(&wrong, "image/tiff;compression=mmr;coded=anew").unwrap().bytes;
        assert_eq!(inspect(&anew).unwrap().pages[0].width, 2048, "{coding}");
        // MMR data with an EOFB goes into a PDF as it is: whether its lines are right takes decoding them.
        if coding != "mmr" {
            let pdf = convert(&wrong, "application/pdf").unwrap().bytes;
            let back = common::fax::convert_as("application/pdf", &pdf, PBM).unwrap().bytes;
            assert!(pages_of_pbm(&back) == [(2048, ROWS as u32, wide.clone())], "{coding}");
        }
    }
}

#[test]
fn damaged_lines_are_concealed_and_counted() {
    let mut spec = t4("mh", 0);
    // In the middle, and the page stays readable around it.
    let middle = spec.data.len() / 2;
    spec.data[middle..middle + 4].fill(0xaa);
    let shown = convert(&spec.build(), PBM).unwrap();
    let said = shown.report.losses.join("; ");
    assert!(said.contains("damaged rows concealed"), "{said}");
    let rows = pages_of_pbm(&shown.bytes).remove(0).2;
    let differ = rows.chunks(216).zip(pixels().chunks(216)).filter(|(one, other)| one != other).count();
    assert!((1..=4).contains(&differ), "{differ} rows differ");
}

#[test]
fn reduced_copies_are_no_pages() {
    // The second directory: half as wide and high, said to be a reduced copy.
    let file = two_pages();
    let second = file.len() - common::pages::page().len() + 8;
    let copy = |width: u32, length: u32, kind: u32| {
        let mut file = file.clone();
        for (at, tag, value) in [(second + 2, 256u16, width), (second + 14, 257, length)] {
            assert_eq!(file[at..at + 2], tag.to_le_bytes());
            file[at + 8..at + 12].copy_from_slice(&value.to_le_bytes());
        }
        // NewSubfileType in the place of Orientation.
        let at = (second + 2..).step_by(12).find(|&at| file[at..at + 2] == 274u16.to_le_bytes()).unwrap();
        file[at..at + 4].copy_from_slice(&[254, 0, 4, 0]);
        file[at + 8..at + 12].copy_from_slice(&kind.to_le_bytes());
        file
    };
    let thumbnail = copy(864, 20, 1);
    let converted = convert(&thumbnail, "image/tiff;profile=s").unwrap();
    assert_eq!(inspect(&converted.bytes).unwrap().pages.len(), 1);
    assert!(converted.report.losses.iter().any(|loss| loss.contains("reduced copies")));
    assert_eq!(inspect(&thumbnail).unwrap().pages.len(), 2, "the report says what is there");
    // A page that calls itself reduced and is as large as the others, and one that does not, are pages.
    for page in [copy(1728, 40, 3), copy(1728, 40, 2), copy(864, 20, 2)] {
        assert_eq!(pages_of_pbm(&convert(&page, PBM).unwrap().bytes).len(), 2);
    }
}

#[test]
fn what_no_fax_has_is_refused_by_its_name() {
    let tiled = changed(changed(spec().build(), 273, (324, 4, 200)), 279, (325, 4, 100));
    for (file, name) in [
        (tiled, "tiles"),
        (changed(spec().build(), 259, (259, 3, 34_661)), "T.85"),
        (changed(spec().build(), 259, (259, 3, 34_715)), "T.88"),
        (changed(spec().build(), 259, (259, 3, 9)), "T.85"),
        (changed(spec().build(), 259, (259, 3, 10)), "T.43"),
        (b"II+\0\x08\0\0\0\x10\0\0\0\0\0\0\0".to_vec(), "BigTIFF"),
    ] {
        for target in ["application/pdf", "image/tiff;profile=s", PBM] {
            let error = convert(&file, target).unwrap_err().to_string();
            assert!(error.contains(name), "{name}: {error}");
        }
    }
    // Uncompressed mode is announced, and the data has its code: what follows it is white, and said to be.
    let mut spec = TiffSpec { length: 2, ..spec() };
    spec.data = vec![0b1000_0001, 0b1111_1111, 0xff];
    let shown = convert(&changed(spec.build(), 292, (293, 4, 2)), PBM).unwrap();
    assert!(shown.report.losses[0].contains("breaks off after 1 of 2 rows"), "{:?}", shown.report.losses);
}
