//! One fax page in many files.

use super::fax::{TiffSpec, convert, encode_mmr, inspect, sample_page};

pub const WIDTH: usize = 1728;
pub const ROWS: usize = 40;

pub fn bitmap() -> Vec<u8> {
    sample_page(WIDTH, ROWS)
}

/// The page in MMR, one strip.
pub fn spec() -> TiffSpec {
    TiffSpec { length: ROWS as u32, data: encode_mmr(&bitmap(), WIDTH), ..TiffSpec::default() }
}

pub fn page() -> Vec<u8> {
    spec().build()
}

/// Our own MH file of the page: profile S in coding and order.
pub fn minimum() -> Result<Vec<u8>, String> {
    let target = "image/tiff;application=faxbw;compression=mh";
    convert(&page(), target).map(|o| o.bytes).map_err(|e| e.to_string())
}

/// The page in MH with so many EOLs at its end.
pub fn rtc(eols: usize) -> Vec<u8> {
    let file = minimum().unwrap();
    let facts = inspect(&file).unwrap();
    let (at, octets) =
        (facts.pages[0].first_strip_offset.unwrap(), facts.pages[0].first_strip_bytes.unwrap());
    let coded = &file[at as usize..(at + octets) as usize];
    let order = facts.pages[0].fill_order;
    let mut data: Vec<u8> =
        coded.iter().map(|b| if order == Some(2) { b.reverse_bits() } else { *b }).collect();
    // An EOL is eleven 0 bits and a 1; more 0 bits before it are fill.
    data.extend([0x00, 0x10, 0x01].iter().cycle().take(eols * 3 / 2));
    TiffSpec { length: ROWS as u32, compression: 3, data, ..TiffSpec::default() }.build()
}

/// Two directories, the second file's offsets moved behind the first.
pub fn two_pages() -> Vec<u8> {
    let mut first = page();
    if first.len() % 2 == 1 {
        first.push(0);
    }
    let base = first.len() as u32;
    let mut second = page();
    for entry in second[10..10 + 13 * 12].chunks_exact_mut(12) {
        let tag = u16::from_le_bytes([entry[0], entry[1]]);
        if [273, 282, 283].contains(&tag) {
            let old = u32::from_le_bytes([entry[8], entry[9], entry[10], entry[11]]);
            entry[8..].copy_from_slice(&(old + base).to_le_bytes());
        }
    }
    let next = 10 + 13 * 12;
    first[next..next + 4].copy_from_slice(&(base + 8).to_le_bytes());
    [first, second].concat()
}

/// The same file with all numbers the other way round.
pub fn big_endian(tiff: &[u8]) -> Vec<u8> {
    let mut out = tiff.to_vec();
    out[..4].copy_from_slice(b"MM\0*");
    out[4..8].reverse();
    out[8..10].reverse();
    for entry in out[10..10 + 13 * 12].chunks_exact_mut(12) {
        let short = entry[2] == 3;
        entry[..2].reverse();
        entry[2..4].reverse();
        entry[4..8].reverse();
        if short { entry[8..10].reverse() } else { entry[8..].reverse() }
    }
    for number in out[170..186].chunks_exact_mut(4) {
        number.reverse();
    }
    out
}

/// The directory behind the data, its values behind it, two strips of which the second comes first.
pub fn scattered() -> Vec<u8> {
    let page = bitmap();
    let (top, bottom) = page.split_at(page.len() / 2);
    let strips = [encode_mmr(top, WIDTH), encode_mmr(bottom, WIDTH)];
    let mut out = b"II*\0\0\0\0\0".to_vec();
    let second = out.len() as u32;
    out.extend(&strips[1]);
    let first = out.len() as u32;
    out.extend(&strips[0]);
    if out.len() % 2 == 1 {
        out.push(0);
    }
    let directory = out.len() as u32;
    out[4..8].copy_from_slice(&directory.to_le_bytes());
    let fields: [(u16, u16, u32); 11] = [
        (256, 3, 1),
        (257, 3, 1),
        (258, 3, 1),
        (259, 3, 1),
        (262, 3, 1),
        (273, 4, 2),
        (277, 3, 1),
        (278, 3, 1),
        (279, 4, 2),
        (282, 5, 1),
        (283, 5, 1),
    ];
    let values = directory + 2 + 11 * 12 + 4;
    let of = |tag: u16| match tag {
        256 => WIDTH as u32,
        257 => ROWS as u32,
        259 => 4,
        278 => ROWS as u32 / 2,
        273 => values,
        279 => values + 8,
        282 => values + 16,
        283 => values + 24,
        262 => 0,
        _ => 1,
    };
    out.extend(11u16.to_le_bytes());
    for (tag, kind, count) in fields {
        out.extend(tag.to_le_bytes());
        out.extend(kind.to_le_bytes());
        out.extend(count.to_le_bytes());
        out.extend(of(tag).to_le_bytes());
    }
    out.extend(0u32.to_le_bytes());
    let lengths = [strips[0].len() as u32, strips[1].len() as u32];
    for number in [first, second, lengths[0], lengths[1], 204, 1, 196, 1] {
        out.extend(number.to_le_bytes());
    }
    out
}
