//! The filters of PDF that make data longer, with a bound (ISO 32000-1, 7.4). The package that reads PDF has none:
//! a megabyte of Flate data in Flate data may ask it for a terabyte.

use super::lexing::is_space;
use flate2::{Decompress, FlushDecompress, Status};
use hayro_interpret::hayro_syntax::Filter;
use std::borrow::Cow;

/// Octets from one filter to the next: data that is still coded.
const BETWEEN: u64 = 32 << 20;
/// Octets inflated at a time.
const PIECE: usize = 64 << 10;

/// More octets than allowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct TooMuch;

/// Octets that `data` inflates to, read as zlib and as bare deflate data, whichever is more; damage ends it.
/// `out` takes what the zlib reading gives.
pub(super) fn inflated(data: &[u8], most: u64, mut out: Option<&mut Vec<u8>>) -> Result<u64, TooMuch> {
    let (zlib, _) = inflate(data, true, most, out.as_deref_mut())?;
    let (bare, _) = inflate(data, false, most, out.filter(|_| zlib == 0))?;
    Ok(zlib.max(bare))
}

/// What comes out behind a filter if the data is so sound that every reader takes it alike; `None` where it is not, or
/// more than `most` octets.
pub(super) fn whole(data: &[u8], filter: Filter, most: u64) -> Option<Vec<u8>> {
    let mut out = Vec::new();
    let sound = match filter {
        Filter::FlateDecode => inflate(data, true, most, Some(&mut out)).ok()?.1,
        Filter::Ascii85Decode => {
            out = base85(data, most).ok()?;
            is_sound_base85(data)
        }
        Filter::AsciiHexDecode => {
            out = hex(data);
            let digits = data.iter().take_while(|&&octet| octet != b'>');
            out.len() as u64 <= most
                && digits.copied().all(|octet| is_space(octet) || octet.is_ascii_hexdigit())
        }
        _ => false,
    };
    sound.then_some(out)
}

/// Whether there is nothing but whole groups and a last one, each a number of 32 bits (7.4.3).
fn is_sound_base85(data: &[u8]) -> bool {
    let (mut group, mut held) = (0u64, 0);
    for &octet in data {
        match octet {
            b'!'..=b'u' => {
                group = group * 85 + u64::from(octet - b'!');
                held += 1;
            }
            b'z' if held == 0 => {}
            b'~' => break,
            octet if is_space(octet) => {}
            _ => return false,
        }
        if held == 5 {
            if group > u64::from(u32::MAX) {
                return false;
            }
            (group, held) = (0, 0);
        }
    }
    // The last group is filled up with the highest digit.
    held != 1 && (held..5).fold(group, |group, _| group * 85 + 84) <= u64::from(u32::MAX) || held == 0
}

/// The octets written, and whether the data ends as it should.
fn inflate(
    data: &[u8],
    zlib: bool,
    most: u64,
    mut out: Option<&mut Vec<u8>>,
) -> Result<(u64, bool), TooMuch> {
    let mut reader = Decompress::new(zlib);
    let mut piece = vec![0; PIECE.min(data.len().saturating_mul(1_100).max(64))];
    loop {
        let (read, written) = (reader.total_in(), reader.total_out());
        let rest = data.get(read as usize..).unwrap_or_default();
        let status = reader.decompress(rest, &mut piece, FlushDecompress::None);
        let new = (reader.total_out() - written) as usize;
        if reader.total_out() > most {
            return Err(TooMuch);
        }
        if let Some(out) = &mut out {
            out.extend_from_slice(piece.get(..new).unwrap_or_default());
        }
        let stuck = new == 0 && reader.total_in() == read;
        if stuck || !matches!(status, Ok(Status::Ok | Status::BufError)) {
            return Ok((reader.total_out(), matches!(status, Ok(Status::StreamEnd))));
        }
    }
}

/// The data of a stream behind the filters that stand before an image filter; `Err` where it is more than
/// `most` octets or not to be followed.
fn unfilter(data: &[u8], filters: &[Filter], most: u64) -> Result<Vec<u8>, TooMuch> {
    let mut data = Cow::Borrowed(data);
    for (index, filter) in filters.iter().enumerate() {
        let mut out = Vec::new();
        match filter {
            Filter::FlateDecode => {
                inflated(&data, most, Some(&mut out))?;
            }
            // Only its length can be told (`grown`).
            Filter::LzwDecode => return Err(TooMuch),
            Filter::RunLengthDecode => out = run_length(&data, most)?,
            Filter::AsciiHexDecode => out = hex(&data),
            Filter::Ascii85Decode => out = base85(&data, most)?,
            // The package takes it for nothing where it stands first.
            Filter::Crypt if index == 0 => continue,
            _ => break,
        }
        data = Cow::Owned(out);
    }
    Ok(data.into_owned())
}

/// Octets that come out behind all filters; no more than [`BETWEEN`] may go from one filter to another.
pub(super) fn grown(data: &[u8], filters: &[Filter], most: u64) -> Result<u64, TooMuch> {
    let Some((last, before)) = filters.split_last() else { return Ok(data.len() as u64) };
    let data = if before.is_empty() {
        Cow::Borrowed(data)
    } else {
        unfilter(data, before, most.min(BETWEEN))?.into()
    };
    match last {
        Filter::FlateDecode => inflated(&data, most, None),
        Filter::LzwDecode => lzw_length(&data, most),
        last => unfilter(&data, &[*last], most.min(3 * BETWEEN)).map(|data| data.len() as u64),
    }
}

fn hex(data: &[u8]) -> Vec<u8> {
    let digits =
        data.iter().take_while(|&&octet| octet != b'>').filter_map(|&octet| char::from(octet).to_digit(16));
    let digits: Vec<u8> = digits.map(|digit| digit as u8).collect();
    digits
        .chunks(2)
        .map(|pair| pair.iter().fold(0, |octet, digit| octet << 4 | digit) << (4 * (2 - pair.len())))
        .collect()
}

fn base85(data: &[u8], most: u64) -> Result<Vec<u8>, TooMuch> {
    let mut out = Vec::new();
    let (mut group, mut held) = (0u64, 0usize);
    for &octet in data {
        match octet {
            b'z' if held == 0 => out.extend_from_slice(&[0; 4]),
            b'!'..=b'u' => {
                group = group * 85 + u64::from(octet - b'!');
                held += 1;
                if held == 5 {
                    out.extend_from_slice(&(group as u32).to_be_bytes());
                    (group, held) = (0, 0);
                }
            }
            b'~' => break,
            _ => {}
        }
        if out.len() as u64 > most {
            return Err(TooMuch);
        }
    }
    if held > 1 {
        let padded = (held..5).fold(group, |group, _| group * 85 + 84);
        out.extend_from_slice((padded as u32).to_be_bytes().get(..held - 1).unwrap_or_default());
    }
    Ok(out)
}

fn run_length(data: &[u8], most: u64) -> Result<Vec<u8>, TooMuch> {
    let mut out = Vec::new();
    let mut rest = data;
    while let Some((&count, behind)) = rest.split_first() {
        rest = match (count, behind) {
            (0..=127, _) => {
                let (plain, behind) = behind.split_at(behind.len().min(usize::from(count) + 1));
                out.extend_from_slice(plain);
                behind
            }
            (129.., [octet, behind @ ..]) => {
                out.extend(std::iter::repeat_n(*octet, 257 - usize::from(count)));
                behind
            }
            _ => break,
        };
        if out.len() as u64 > most {
            return Err(TooMuch);
        }
    }
    Ok(out)
}

/// Octets that LZW data stands for.
fn lzw_length(data: &[u8], most: u64) -> Result<u64, TooMuch> {
    const CLEAR: usize = 256;
    const END: usize = 257;
    let mut lengths: Vec<u64> = Vec::with_capacity(4096);
    let (mut total, mut held, mut bits, mut width) = (0u64, 0u32, 0u32, 9u32);
    let mut before: Option<u64> = None;
    for &octet in data {
        held = held << 8 | u32::from(octet);
        bits += 8;
        if bits < width {
            continue;
        }
        let code = (held >> (bits - width) & ((1 << width) - 1)) as usize;
        bits -= width;
        held &= (1 << bits) - 1;
        match code {
            CLEAR => {
                lengths.clear();
                before = None;
            }
            END => break,
            _ => {
                let length = match code {
                    0..=255 => 1,
                    // A code not there yet is the last string and one octet more.
                    _ => lengths.get(code - 258).copied().or(before.map(|length| length + 1)).unwrap_or(1),
                };
                total += length;
                if let Some(before) = before.filter(|_| lengths.len() < 4096 - 258) {
                    lengths.push(before + 1);
                }
                before = Some(length);
            }
        }
        // One code earlier than needed, as PDF has it by default; another switch only shortens the reading.
        width = match lengths.len() + 258 + 1 {
            ..512 => 9,
            512..1024 => 10,
            1024..2048 => 11,
            _ => 12,
        };
        if total > most {
            return Err(TooMuch);
        }
    }
    Ok(total)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    const FLATE: Filter = Filter::FlateDecode;

    fn zlib(data: &[u8]) -> Vec<u8> {
        let mut writer = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::best());
        writer.write_all(data).unwrap();
        writer.finish().unwrap()
    }

    #[test]
    fn flate_data_is_counted_up_to_the_bound() {
        let long = vec![7; 3_000_000];
        let coded = zlib(&long);
        assert_eq!(inflated(&coded, 3_000_000, None), Ok(3_000_000));
        assert_eq!(inflated(&coded, 2_999_999, None), Err(TooMuch));
        let mut out = Vec::new();
        assert_eq!(inflated(&coded[2..], 3_000_000, Some(&mut out)), Ok(3_000_000));
        assert!(out == long, "bare deflate data");
        assert!(inflated(&coded[..coded.len() / 2], u64::MAX, None).unwrap() > 1_000_000);
        assert_eq!(inflated(b"", 10, None), Ok(0));
        assert!(whole(&coded, FLATE, 3_000_000).unwrap() == long);
        assert_eq!(whole(&coded, FLATE, 2_999_999), None);
        assert_eq!(whole(&coded[..coded.len() - 1], FLATE, 3_000_000), None, "without its checksum");
        assert_eq!(whole(&coded[2..], FLATE, 3_000_000), None);
    }

    #[test]
    fn text_filters_are_whole_where_no_reader_could_differ() {
        let base85 = |text: &str| whole(text.as_bytes(), Filter::Ascii85Decode, 9);
        for (text, octets) in
            [("87cURDZ~>", &b"Hello"[..]), ("87 cUR\nDZ", b"Hello"), ("z~>", &[0; 4]), ("~>", b"")]
        {
            assert_eq!(base85(text).as_deref(), Some(octets), "{text}");
        }
        for text in ["87cURD~>", "87zcURDZ~>", "87c\x7fURDZ~>", "uuuuu~>", "uu~>", "zzz~>"] {
            assert_eq!(base85(text), None, "{text}");
        }
        let hex = |text: &str| whole(text.as_bytes(), Filter::AsciiHexDecode, 2);
        assert_eq!(hex("4 8 6>zz").as_deref(), Some(&b"H`"[..]));
        assert_eq!((hex("48x6>"), hex("486565>")), (None, None));
        assert_eq!(whole(&[0, 65, 128], Filter::RunLengthDecode, 9), None);
    }

    #[test]
    fn chains_are_followed_within_the_bound() {
        let twice = zlib(&zlib(&vec![0; 10_000_000]));
        let chain = [Filter::FlateDecode, Filter::FlateDecode];
        assert_eq!(unfilter(&twice, &chain, 10_000_000).unwrap().len(), 10_000_000);
        assert_eq!(unfilter(&twice, &chain, 9_000_000), Err(TooMuch));
        assert_eq!(unfilter(b"48 656C6C 6F>", &[Filter::AsciiHexDecode], 99).unwrap(), b"Hello");
        assert_eq!(unfilter(b"87cURDZ~>", &[Filter::Ascii85Decode], 99).unwrap(), b"Hello");
        assert_eq!(
            unfilter(&[1, 5, 6, 254, 9, 128], &[Filter::RunLengthDecode], 99).unwrap(),
            [5, 6, 9, 9, 9]
        );
        assert_eq!(unfilter(&[129, 1].repeat(100), &[Filter::RunLengthDecode], 9_000), Err(TooMuch));
    }

    #[test]
    fn lzw_data_is_counted() {
        // The example of ISO 32000-1, 7.4.4.2.
        let example = [0x80, 0x0b, 0x60, 0x50, 0x22, 0x0c, 0x0c, 0x85, 0x01];
        assert_eq!(lzw_length(&example, 99), Ok(10));
        assert_eq!(lzw_length(&example, 9), Err(TooMuch));
        assert_eq!(grown(&example, &[Filter::LzwDecode], 99), Ok(10));
        for chain in [[Filter::LzwDecode, Filter::FlateDecode], [Filter::LzwDecode, Filter::Jbig2Decode]] {
            assert_eq!(grown(&example, &chain, 99), Err(TooMuch), "nothing tells what is behind");
        }
    }
}
