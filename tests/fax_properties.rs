//! Fax: what must hold for any page and any bytes.
#![allow(clippy::unwrap_used)]

mod common;

use common::fax::{TiffSpec, convert, encode_mmr, inspect, pages_of_pbm, sample_page};
use proptest::prelude::*;

const TARGETS: [&str; 5] = [
    "application/pdf",
    "image/x-portable-bitmap",
    "image/tiff;compression=mh",
    "image/tiff;compression=mr",
    "image/tiff;compression=mmr",
];

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
