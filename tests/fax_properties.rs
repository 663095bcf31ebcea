//! Fax: what must hold for any page and any bytes.
#![allow(clippy::unwrap_used)]

mod common;

use common::fax::{
    TiffSpec, convert, convert_with, encode_mmr, inspect, pages_of_pbm, read_by_hayro, sample_page,
};
use proptest::prelude::*;
use vpim_milter::limits::Limits;

const TARGETS: [&str; 7] = [
    "application/pdf",
    "image/png",
    "image/tiff;profile=s",
    "image/x-portable-bitmap",
    "image/tiff;compression=mh",
    "image/tiff;compression=mr",
    "image/tiff;compression=mmr",
];

/// Files of tests/data, small ones.
fn vectors() -> Vec<Vec<u8>> {
    let mut files = Vec::new();
    for folder in ["tiff", "odd", "damaged"] {
        let path = format!("{}/tests/data/fax/{folder}", env!("CARGO_MANIFEST_DIR"));
        let mut names: Vec<_> = std::fs::read_dir(path).unwrap().map(|entry| entry.unwrap().path()).collect();
        names.sort();
        files
            .extend(names.iter().map(|name| std::fs::read(name).unwrap()).filter(|file| file.len() < 30_000));
    }
    files
}

/// Random files made of the vectors: `VPIM_MILTER_ROUNDS` of them, a few where it is not set.
#[test]
fn damaged_vectors_never_panic_and_what_is_made_of_them_is_sound() {
    let rounds: u32 = std::env::var("VPIM_MILTER_ROUNDS").ok().and_then(|n| n.parse().ok()).unwrap_or(150);
    let vectors = vectors();
    assert!(vectors.len() > 40);
    let limits =
        Limits { fax_pixels: 4_000_000, page_pixels: 4_000_000, output_bytes: 1 << 22, ..Limits::default() };
    let mut seed = 1u64;
    let mut random = |below: usize| {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (seed >> 33) as usize % below.max(1)
    };
    let (mut made, mut refused) = (0, 0);
    for round in 0..rounds {
        let mut file = vectors[random(vectors.len())].clone();
        for _ in 0..1 + random(6) {
            // Most damage to the directory, where it does most.
            let reach = if random(2) == 0 { file.len().min(300) } else { file.len() };
            let at = random(reach);
            match random(6) {
                0 => file[at] = random(256) as u8,
                1 => file[at] ^= 1 << random(8),
                2 => file[at] = [0, 1, 3, 4, 0x7f, 0xff][random(6)],
                3 => drop(file.drain(at..(at + random(40)).min(file.len()))),
                4 => {
                    let other = &vectors[random(vectors.len())];
                    let from = random(other.len());
                    let part = other[from..(from + random(64)).min(other.len())].to_vec();
                    file.splice(at..at, part);
                }
                _ => {
                    let value = [0u32, 1, 8, u32::MAX, 1 << 31, file.len() as u32, 65_535][random(7)];
                    let end = (at + 4).min(file.len());
                    file[at..end].copy_from_slice(&value.to_le_bytes()[..end - at]);
                }
            }
            if file.is_empty() {
                break;
            }
        }
        let _ = inspect(&file);
        for target in TARGETS {
            match convert_with(&limits, &file, target) {
                Ok(output) => {
                    made += 1;
                    assert!(output.bytes.len() <= 1 << 22, "{round} {target}");
                    if target.starts_with("image/tiff") {
                        let again = inspect(&output.bytes).unwrap();
                        assert!(again.defects.is_empty() || output.bytes == file, "{round} {target}");
                    }
                }
                Err(_) => refused += 1,
            }
        }
    }
    println!("{made} made, {refused} refused");
    assert!(made > rounds / 4 && refused > 0, "{made} made, {refused} refused");
}

/// A page of legal width coded as MMR by another encoder, through each of our codings and back.
fn round_trip(page: &[u8], rows: usize, y_resolution: u32) {
    let source =
        TiffSpec { length: rows as u32, y_resolution, data: encode_mmr(page, 1728), ..TiffSpec::default() }
            .build();
    for coding in ["mh", "mr", "mmr"] {
        let coded = convert(&source, &format!("image/tiff;compression={coding}")).unwrap();
        assert_eq!(coded.report.losses, Vec::<String>::new(), "{coding}");
        let facts = inspect(&coded.bytes).unwrap();
        assert_eq!(facts.pages[0].coding.to_lowercase(), coding);
        let shown = convert(&coded.bytes, "image/x-portable-bitmap").unwrap();
        assert_eq!(shown.report.losses, Vec::<String>::new(), "{coding}");
        assert!(pages_of_pbm(&shown.bytes)[0].2 == page, "{coding}");
    }
}

#[test]
fn white_black_and_checkered_pages_survive_every_coding() {
    for pattern in [[0x00, 0x00], [0xff, 0xff], [0xaa, 0x55], [0xaa, 0xaa], [0x00, 0xff], [0x80, 0x01]] {
        let page: Vec<u8> = (0..9).flat_map(|row| [pattern[row % 2]; 216]).collect();
        for resolution in [98, 196] {
            round_trip(&page, 9, resolution);
        }
    }
}

#[test]
fn every_run_length_of_both_colours_survives_every_coding() {
    let mut page = Vec::new();
    for run in 0..=1728usize {
        let mut row = [0u8; 216];
        (run..1728).for_each(|x| row[x / 8] |= 0x80 >> (x % 8));
        page.extend(row);
    }
    round_trip(&page, 1729, 196);
}

/// Pages on which no code can be foretold from those before it: noise of any density, rows that are those above moved
/// by a few columns, checks; at widths around whole octets and words.
#[test]
fn restless_pages_are_read_as_another_decoder_reads_them() {
    const ROWS: usize = 12;
    let mut seed = 7u64;
    let mut random = |below: usize| {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (seed >> 33) as usize % below
    };
    for width in [1, 2, 7, 8, 9, 63, 64, 65, 127, 128, 129, 1727, 1728, 1729, 2561] {
        let mut pages: Vec<Vec<Vec<bool>>> = [1, 8, 50, 92, 99]
            .map(|percent| (0..ROWS).map(|_| (0..width).map(|_| random(100) < percent).collect()).collect())
            .into();
        for step in [1, 2, 3] {
            let first: Vec<bool> = (0..width).map(|_| random(100) < 30).collect();
            let moved = |y: usize| (0..width).map(|x| first[(x + y * step) % width]).collect();
            pages.push((0..ROWS).map(moved).collect());
            pages.push((0..ROWS).map(|y| (0..width).map(|x| (x / step + y) % 2 == 0).collect()).collect());
        }
        for (number, page) in pages.iter().enumerate() {
            let octet = |bits: &[bool]| {
                bits.iter().zip(0..).fold(0, |all, (&bit, at)| all | u8::from(bit) << (7 - at))
            };
            let packed: Vec<u8> = page.iter().flat_map(|row| row.chunks(8).map(octet)).collect();
            let data = encode_mmr(&packed, width);
            assert!(read_by_hayro(&data, width, ROWS) == packed, "{width} columns, page {number}");
            let tiff =
                TiffSpec { width: width as u32, length: ROWS as u32, data, ..TiffSpec::default() }.build();
            let shown = convert(&tiff, "image/x-portable-bitmap").unwrap();
            assert_eq!(shown.report.losses, Vec::<String>::new(), "{width} columns, page {number}");
            assert!(pages_of_pbm(&shown.bytes)[0].2 == packed, "{width} columns, page {number}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn random_rows_survive_every_coding(
        runs in prop::collection::vec(prop::collection::vec(1usize..700, 1..60), 1..12),
        near in prop::collection::vec(0usize..4, 60),
    ) {
        // Rows that are like the one above with edges moved a little exercise the vertical modes.
        let mut page = Vec::new();
        for row in runs.iter().flat_map(|row| [(row, false), (row, true)]) {
            let mut packed = [0u8; 216];
            let (mut at, mut black) = (0, false);
            for (index, run) in row.0.iter().enumerate() {
                let end = (at + run + if row.1 { near[index % near.len()] } else { 0 }).min(1728);
                if black {
                    (at..end).for_each(|x| packed[x / 8] |= 0x80 >> (x % 8));
                }
                at = end;
                black = !black;
            }
            page.extend(packed);
        }
        round_trip(&page, runs.len() * 2, 98);
    }

    #[test]
    fn changed_bytes_never_panic(
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..12),
        head in any::<bool>(),
        compression in 2u16..5,
        t4_options in 0u32..8,
        fill_order in 1u16..3,
    ) {
        let page = sample_page(300, 40);
        let mmr = TiffSpec { width: 300, length: 40, data: encode_mmr(&page, 300), ..TiffSpec::default() };
        let data = match compression {
            3 => {
                let coding = if t4_options & 1 == 1 { "mr" } else { "mh" };
                let out = convert(&mmr.build(), &format!("image/tiff;compression={coding}")).unwrap().bytes;
                let facts = inspect(&out).unwrap();
                out[facts.pages[0].first_strip_offset.unwrap() as usize..].to_vec()
            }
            _ => mmr.data.clone(),
        };
        let mut bytes = TiffSpec { compression, t4_options, fill_order, data, ..mmr }.build();
        let reach = if head { 190 } else { bytes.len() };
        for (index, value) in &changes {
            let at = index.index(reach.min(bytes.len()));
            bytes[at] = *value;
        }
        let facts = inspect(&bytes);
        for target in TARGETS {
            if let Ok(out) = convert(&bytes, target) {
                prop_assert!(facts.is_ok());
                // What we write ourselves is sound.
                if target.starts_with("image/tiff") {
                    let again = inspect(&out.bytes).unwrap();
                    prop_assert!(again.defects.is_empty() || out.bytes == bytes);
                }
            }
        }
    }

    #[test]
    fn any_bytes_behind_a_tiff_header_are_survived(body in prop::collection::vec(any::<u8>(), 0..400), big: bool) {
        let mut bytes = if big { b"MM\0*\0\0\0\x08".to_vec() } else { b"II*\0\x08\0\0\0".to_vec() };
        bytes.extend(body);
        let _ = inspect(&bytes);
        for target in TARGETS {
            let _ = convert(&bytes, target);
        }
    }
}
