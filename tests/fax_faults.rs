//! TIFF whose data is not what its fields say, and codings that are none of TIFF-F: the check names what is wrong and
//! on which page, a conversion says what was lost, or why there is none.
#![allow(clippy::unwrap_used)]

mod common;

use common::fax::{TiffSpec, convert, convert_as, encode_mmr, inspect, pages_of_pbm, sample_page};
use common::judge::{fax_mail, findings};
use common::pages::two_pages;
use common::programs::Folder;
use std::process::Command;
use vpim_milter::message::transfer::encode_base64;

const PBM: &str = "image/x-portable-bitmap";
const PDF: &str = "application/pdf";
const WIDTH: usize = 1728;
const ROWS: usize = 200;

fn page(data: Vec<u8>) -> TiffSpec {
    TiffSpec { length: ROWS as u32, data, ..TiffSpec::default() }
}

/// The bits of MMR data without its EOFB.
fn without_eofb(data: &[u8]) -> Vec<u8> {
    let mut bits: String = data.iter().map(|octet| format!("{octet:08b}")).collect();
    bits.truncate(bits.rfind("000000000001000000000001").unwrap());
    bits += "0000000";
    bits.as_bytes()
        .chunks_exact(8)
        .map(|octet| octet.iter().fold(0, |all, bit| (all << 1) | (bit - b'0')))
        .collect()
}

/// The message that a mail client gets, and what is said of it.
fn converted_for_a_desk(mail: &[u8]) -> String {
    let folder = Folder::new("fax-faults");
    let input = folder.write("fax.eml", mail);
    let mut command = Command::new(env!("CARGO_BIN_EXE_vpim-milter"));
    let output = command.args(["convert", "--to", "desktop"]).arg(input).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    let octets = [output.stdout, output.stderr].concat();
    assert!(octets.windows(15).any(|found| found == b"application/pdf"));
    String::from_utf8_lossy(&octets).into_owned()
}

#[test]
fn mmr_data_that_is_not_what_the_fields_say_is_named_and_read_as_far_as_it_goes() {
    let pixels = sample_page(WIDTH, ROWS);
    let (whole, half) = (encode_mmr(&pixels, WIDTH), encode_mmr(&pixels[..216 * ROWS / 2], WIDTH));
    let garbage: Vec<u8> = (1..200).collect();
    let mut flipped = whole.clone();
    flipped[whole.len() / 2] ^= 0x10;
    let cut = whole[..whole.len() / 2].to_vec();
    // The rule that names it, what a conversion says, rows that are as they were sent.
    let all = ROWS..=ROWS;
    let cases = [
        (
            "wrong width",
            TiffSpec { width: 2048, ..page(whole.clone()) },
            "tiff-s-data-stream-wins",
            "1728 columns",
            all.clone(),
        ),
        ("early EOFB", page(half.clone()), "tiff-s-image-length", "ends after 100 of 200", 100..=100),
        (
            "early EOFB, garbage",
            page([half, garbage.clone()].concat()),
            "tiff-s-image-length",
            "ends after 100 of 200",
            100..=100,
        ),
        (
            "garbage behind the EOFB",
            page([whole.clone(), garbage].concat()),
            "tiff-f-after-eofb-ignored",
            "",
            all.clone(),
        ),
        ("no EOFB", page(without_eofb(&whole)), "tiff-f-mmr-eofb", "", all),
        ("cut", page(cut), "tiff-f-mmr-eofb", "breaks off after", 80..=120),
        ("one bit flipped", page(flipped), "tiff-f-clean-lines", "breaks off after", 80..=120),
    ];
    let rules: Vec<&str> = cases.iter().map(|case| case.2).collect();
    for (name, spec, rule, loss, right) in cases {
        let tiff = spec.build();
        let said = findings(&fax_mail(&tiff), false);
        assert!(
            said.iter().any(|(id, message)| *id == rule && message.contains("page 1")),
            "{name}: {said:?}"
        );
        let targets = [PBM, "image/png", "image/tiff;compression=mh", PDF, "image/tiff"];
        for target in targets {
            let losses = convert(&tiff, target).unwrap().report.losses.join("; ");
            assert_eq!(losses.is_empty(), loss.is_empty(), "{name}: {losses}");
            assert!(losses.contains(loss), "{name}: {losses}");
        }
        let (width, rows, shown) = pages_of_pbm(&convert(&tiff, PBM).unwrap().bytes).remove(0);
        assert_eq!((width, rows), (WIDTH as u32, ROWS as u32), "{name}");
        let same = shown.chunks(216).zip(pixels.chunks(216)).take_while(|(one, other)| one == other).count();
        assert!(right.contains(&same), "{name}: {same} rows");
        // No reader of the PDF is left with the fault.
        let pdf = convert(&tiff, PDF).unwrap().bytes;
        let again = pages_of_pbm(&convert_as("application/pdf", &pdf, PBM).unwrap().bytes).remove(0);
        assert!(again == (width, rows, shown), "{name}");
        // What the survey of a message sees decides the same without a second look.
        let keep = inspect(&tiff).unwrap().keep();
        let plain = (!name.starts_with("garbage")).then_some("surveyed");
        assert_eq!(keep, if loss.is_empty() { plain } else { Some("anew") }, "{name}");
        let output = converted_for_a_desk(&fax_mail(&tiff));
        assert!(output.contains(loss), "{name}: {output}");
    }
    let good = findings(&fax_mail(&page(whole).build()), false);
    assert!(good.iter().all(|(id, _)| !rules.contains(id)), "{good:?}");
}

/// Two pages, the second of another Compression.
fn second_page_of(compression: u16) -> Vec<u8> {
    let mut file = two_pages();
    let second = file.len() - common::pages::page().len() + 8;
    let at = (second + 2..).step_by(12).find(|&at| file[at..at + 2] == 259u16.to_le_bytes()).unwrap();
    file[at + 8..at + 10].copy_from_slice(&compression.to_le_bytes());
    file
}

#[test]
fn codings_that_are_no_fax_are_named_with_their_page() {
    for (compression, name) in [
        (34_661, "T.85"),
        (9, "JBIG"),
        (10, "T.43"),
        (34_715, "T.88"),
        (6, "JPEG"),
        (34_675, "34675"),
        (99, "99"),
    ] {
        let tiff = second_page_of(compression);
        for target in ["application/pdf", "image/tiff;application=faxbw", "image/tiff;profile=s", PBM] {
            let error = convert(&tiff, target).unwrap_err().to_string();
            assert!(error.contains("page 2") && error.contains(name), "{name}: {error}");
        }
        let said = findings(&fax_mail(&tiff), false);
        let named = format!("page 2: Compression {compression}");
        assert!(
            said.iter().any(|(id, message)| *id == "tiff-f-compression" && *message == named),
            "{said:?}"
        );
    }
    // JPEG of today is read; where the data is none, the page is named.
    let error = convert(&second_page_of(7), PBM).unwrap_err().to_string();
    assert!(error.contains("page 2"), "{error}");
    let first = convert(&second_page_of(34_661), "image/png;page=1").unwrap();
    assert_eq!(first.report.losses, ["page 1 of 2 only"], "the other page is not touched");
}

#[test]
fn tiles_and_bigtiff_are_named() {
    let mut tiled = two_pages();
    let second = tiled.len() - common::pages::page().len() + 8;
    for (from, to) in [(273u16, 324u16), (279, 325)] {
        let at = (second + 2..).step_by(12).find(|&at| tiled[at..at + 2] == from.to_le_bytes()).unwrap();
        tiled[at..at + 2].copy_from_slice(&to.to_le_bytes());
    }
    let error = convert(&tiled, PBM).unwrap_err().to_string();
    assert!(error.contains("page 2") && error.contains("tiles"), "{error}");
    let said = findings(&fax_mail(&tiled), false);
    let named =
        |rule: &str, text: &str| said.iter().any(|(id, message)| *id == rule && message.contains(text));
    assert!(named("tiff-f-required-fields", "page 2"), "{said:?}");
    let big = b"II+\0\x08\0\0\0\x10\0\0\0\0\0\0\0".to_vec();
    let error = convert(&big, PBM).unwrap_err().to_string();
    assert!(error.contains("BigTIFF"), "{error}");
    let said = findings(&fax_mail(&big), false);
    assert!(said.iter().any(|(id, _)| *id == "tiff-s-version-42"), "{said:?}");
}

#[test]
fn jbig_is_a_coding_of_fax_in_internet_voice_mail_and_lzw_is_not() {
    let mail = include_str!("data/sources/ivm-simple.eml").replace("\r\n", "\n").replace('\n', "\r\n");
    let (start, end) = mail.rsplit_once("\r\n--").unwrap();
    let boundary = end.trim_end().trim_end_matches("--");
    let with = |compression: u16| {
        let base64 = String::from_utf8(encode_base64(&second_page_of(compression), "\r\n")).unwrap();
        let part = format!("Content-Type: image/tiff\r\nContent-Transfer-Encoding: base64\r\n\r\n{base64}");
        let mail = format!("{start}\r\n--{boundary}\r\n{part}\r\n--{boundary}--\r\n");
        findings(mail.as_bytes(), false).into_iter().filter(|(id, _)| *id == "ivm-fax-per-2532").count()
    };
    for compression in [34_661, 9, 10, 4, 7] {
        assert_eq!(with(compression), 0, "{compression}");
    }
    for compression in [5, 34_715] {
        assert_eq!(with(compression), 1, "{compression}");
    }
}
