//! Looks at coded data without decoding it: which lines there are, where the data ends.
//!
//! T.4 and T.6 are made so that no valid sequence of codes holds the zeros of an EOL. The EOLs therefore tell every
//! line of T.4 data and the EOFB of T.6 data; this decides whether coded data may be used as it is.

use super::eol::{Eol, Eols};
use super::lines::LineReader;
use std::borrow::Cow;

/// The bit at `at`; false behind the end.
pub(in crate::media::fax) fn bit(data: &[u8], at: usize) -> bool {
    data.get(at / 8).is_some_and(|byte| byte << (at % 8) & 0x80 != 0)
}

/// Lines decoded as a sample: enough to see that the data is of the dimension its tags say.
const SAMPLED_LINES: usize = 4;
/// Zero bits allowed before the first EOL. Readers of PDF differ on more (some count them as a line).
const LEADING_FILL: usize = 16;

/// T.4 data that may be used as it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::media::fax) struct Plain {
    /// Bits that the lines take; an RTC or more lines follow.
    pub bits: usize,
    /// Every EOL ends on a byte boundary.
    pub aligned: bool,
}

/// Looks whether T.4 data is plain: an EOL before every line, exactly the lines that are claimed (an RTC or
/// more lines behind them are cut off), and the first lines of the right width and dimension. Gives what to
/// keep, or the reason why the data has to be decoded.
pub(in crate::media::fax) fn plain_t4(
    data: &[u8],
    width: u32,
    rows: usize,
    two_dimensional: bool,
) -> Result<Plain, &'static str> {
    let mut eols = Eols::new(data, 0);
    let mut last = eols.next().ok_or("no EOL")?;
    if last.zeros > 0 || last.one > 11 + LEADING_FILL {
        return Err("no EOL at the start");
    }
    if two_dimensional && !bit(data, last.one + 1) {
        return Err("the first line is not one-dimensional");
    }
    sample(data, width, rows, two_dimensional)?;
    let tag = usize::from(two_dimensional);
    let mut aligned = last.one % 8 == 7;
    // A line is known to be one once something other than another EOL follows its own.
    let mut lines = 1;
    for next in eols {
        if next.zeros <= last.one + 1 + tag {
            // Two EOLs in a row: the RTC. What begins with them is no line.
            lines -= 1;
            let plain = Plain { bits: last.zeros, aligned };
            return if lines == rows { Ok(plain) } else { Err("an early RTC") };
        }
        if lines == rows {
            return Ok(Plain { bits: next.zeros, aligned });
        }
        lines += 1;
        aligned &= next.one % 8 == 7;
        last = next;
    }
    let plain = Plain { bits: data.len() * 8, aligned };
    if lines == rows { Ok(plain) } else { Err("fewer lines than ImageLength") }
}

/// Where the lines of T.4 data end that are known to be right: before an RTC, else with the data. `None` where the data
/// does not begin with an EOL as [`plain_t4`] wants it, or its end is not clear.
pub(in crate::media::fax) fn end_of_lines(data: &[u8], two_dimensional: bool) -> Option<usize> {
    /// Octets of an RTC with fill before each EOL, and of the padding behind it.
    const TAIL: usize = 32;
    let first = Eols::new(data.get(..8)?, 0).next()?;
    if first.zeros > 0 || first.one > 11 + LEADING_FILL || two_dimensional && !bit(data, first.one + 1) {
        return None;
    }
    let from = data.len().saturating_sub(TAIL) * 8;
    let mut last: Option<Eol> = None;
    for next in Eols::new(data, from) {
        if let Some(last) = last
            && next.zeros <= last.one + 1 + usize::from(two_dimensional)
        {
            // Its first zeros may lie before.
            return (last.zeros > from).then_some(last.zeros);
        }
        last = Some(next);
    }
    Some(data.len() * 8)
}

fn sample(data: &[u8], width: u32, rows: usize, two_dimensional: bool) -> Result<(), &'static str> {
    let mut reader = LineReader::new(data, width, two_dimensional);
    for _ in 0..rows.min(SAMPLED_LINES) {
        match reader.next_line() {
            Ok(true) => {}
            Ok(false) => return Err("data ends early"),
            Err(_) => return Err("coding errors in the first lines"),
        }
    }
    Ok(())
}

/// Looks for the EOFB of T.6 data (two EOL codes in a row, T.6 2.4.1.1). Gives the bits up to its end;
/// `None` where there is none or where the only EOL is no EOFB. Data that ends with an EOFB is not looked at further.
pub(in crate::media::fax) fn eofb_end(data: &[u8]) -> Option<usize> {
    // Two EOL codes and the padding behind them; where that hides the end, all of it is looked at.
    const TAIL: usize = 8;
    let mut last = Eols::new(data, data.len().saturating_sub(TAIL) * 8);
    eofb(&mut last).or_else(|| eofb(&mut Eols::new(data, 0)))
}

/// The end of an EOFB that the next two EOLs make.
fn eofb(eols: &mut Eols<'_>) -> Option<usize> {
    let (first, second) = (eols.next()?, eols.next()?);
    // Zeros before the first EOL are padding some encoders make; between the two there are none.
    (second.one == first.one + 12).then_some(second.one + 1)
}

/// The first `bits` bits of `data`, completed with zero bits to a whole octet.
pub(in crate::media::fax) fn keep_bits(data: Cow<'_, [u8]>, bits: usize) -> Cow<'_, [u8]> {
    let octets = bits.div_ceil(8).min(data.len());
    let behind = 0xff_u8.unbounded_shr(if bits.is_multiple_of(8) { 8 } else { (bits % 8) as u32 });
    let clean = octets < bits.div_ceil(8)
        || data.get(..octets).and_then(<[u8]>::last).is_none_or(|last| last & behind == 0);
    match data {
        Cow::Borrowed(data) if clean => Cow::Borrowed(data.get(..octets).unwrap_or(data)),
        data => {
            let mut data = data.into_owned();
            data.truncate(octets);
            if !clean && let Some(last) = data.last_mut() {
                *last &= !behind;
            }
            Cow::Owned(data)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Target, encode_page};
    use super::*;
    use crate::media::fax::bitmap::Bitmap;

    #[test]
    fn kept_bits_end_in_zeros() {
        let kept = |data: &'static [u8], bits| keep_bits(Cow::Borrowed(data), bits);
        assert_eq!(*kept(&[0xff, 0xff, 0xff], 11), [0xff, 0xe0]);
        assert_eq!(*kept(&[0xff, 0xff], 16), [0xff, 0xff]);
        assert_eq!(*kept(&[0xff], 99), [0xff]);
        assert_eq!(*keep_bits(Cow::Owned(vec![0xff, 0xff, 0]), 12), [0xff, 0xf0]);
        assert!(kept(&[], 3).is_empty());
        assert!(matches!(kept(&[0x12, 0x40, 0xff], 10), Cow::Borrowed(&[0x12, 0x40])), "nothing to copy");
    }

    fn octets(bits: &str) -> Vec<u8> {
        let value =
            |bits: &[u8]| (0..8).fold(0, |octet, at| octet << 1 | (bits.get(at).map_or(0, |bit| bit - b'0')));
        bits.as_bytes().chunks(8).map(value).collect()
    }

    #[test]
    fn the_end_of_right_lines_is_where_the_careful_look_finds_it() {
        let mut page = Bitmap::new(1728);
        (0..60).for_each(|row| page.push_changes(&[100 + row * 3, 200 + row * 5, 900, 1000]));
        for (target, tagged) in [
            (Target::Mh { aligned: false }, false),
            (Target::Mh { aligned: true }, false),
            (Target::Mr { k: 4 }, true),
        ] {
            let lines = encode_page(&page, target);
            let rtc = octets(&if tagged { "0000000000011" } else { "000000000001" }.repeat(6));
            for tail in [&[][..], &rtc, &[&rtc[..], &[0; 9]].concat()] {
                let data = [&lines[..], tail].concat();
                let careful = plain_t4(&data, 1728, 60, tagged).unwrap().bits;
                assert_eq!(end_of_lines(&data, tagged), Some(careful), "{target:?} {}", tail.len());
            }
            assert_eq!(end_of_lines(&lines[2..], tagged), None, "no EOL at the start");
        }
        assert_eq!(end_of_lines(&[0, 0x10, 0x01].repeat(3), false), None, "too short to tell");
        assert_eq!(end_of_lines(&[], false), None);
    }

    #[test]
    fn an_eofb_is_found_at_the_end_before_padding_and_before_more_data() {
        let eofb = [0x00, 0x10, 0x01];
        let long = [vec![0xb5; 100], eofb.to_vec()].concat();
        assert_eq!(eofb_end(&long), Some(103 * 8));
        assert_eq!(eofb_end(&[long.clone(), vec![0; 50]].concat()), Some(103 * 8));
        assert_eq!(eofb_end(&[long.clone(), vec![0xaa; 50]].concat()), Some(103 * 8));
        assert_eq!(eofb_end(&long[..102]), None);
        assert_eq!(eofb_end(&[vec![0xb5; 100], vec![0x00, 0x1b, 0x01]].concat()), None);
        assert_eq!(eofb_end(&eofb), Some(24));
    }
}
