//! Looks at coded data without decoding it: where the EOLs are, where the data ends.
//!
//! An EOL is at least eleven zeros and a one; T.4 and T.6 are made so that no valid sequence of codes holds
//! eleven zeros in a row. One pass over the bytes therefore finds every line of T.4 data and the EOFB of
//! T.6 data, at a few nanoseconds a byte; this decides whether coded data may be used as it is.

use super::lines::LineReader;

/// One end-of-line code and the zeros before it, as bit positions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::media::fax) struct Eol {
    /// First zero of the run of zeros (fill, T.4 4.1.3, and the zeros of the code).
    pub zeros: usize,
    /// The one that ends it.
    pub one: usize,
}

/// The first EOL at or after bit `from`.
pub(in crate::media::fax) fn next_eol(data: &[u8], from: usize) -> Option<Eol> {
    let (&first, rest) = data.get(from / 8..)?.split_first()?;
    // Bits before `from` do not count; what is left of their byte is too short to hold an EOL.
    let skipped = (from % 8) as u32;
    let first = first << skipped;
    let mut zeros = if first == 0 { 8 - skipped } else { first.trailing_zeros().saturating_sub(skipped) };
    for (at, &byte) in rest.iter().enumerate() {
        let leading = byte.leading_zeros();
        // Only the first one of a byte can end a run of eleven.
        if zeros + leading >= 11 && byte != 0 {
            let one = (from / 8 + 1 + at) * 8 + leading as usize;
            return Some(Eol { zeros: one - (zeros + leading) as usize, one });
        }
        zeros = if byte == 0 { zeros.saturating_add(8) } else { byte.trailing_zeros() };
    }
    None
}

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
    let mut last = next_eol(data, 0).ok_or("no EOL")?;
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
    while let Some(next) = next_eol(data, last.one + 1) {
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
/// `None` where there is none or where the only EOL is no EOFB.
pub(in crate::media::fax) fn eofb_end(data: &[u8]) -> Option<usize> {
    let first = next_eol(data, 0)?;
    let second = next_eol(data, first.one + 1)?;
    // Zeros before the first EOL are padding some encoders make; between the two there are none.
    (second.one == first.one + 12).then_some(second.one + 1)
}

/// The first `bits` bits of `data`, completed with zero bits to a whole byte.
pub(in crate::media::fax) fn keep_bits(data: &[u8], bits: usize) -> Vec<u8> {
    let mut kept = data.get(..bits.div_ceil(8)).unwrap_or(data).to_vec();
    if !bits.is_multiple_of(8)
        && kept.len() == bits.div_ceil(8)
        && let Some(last) = kept.last_mut()
    {
        *last &= !(0xff >> (bits % 8));
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_eol_is_found_at_every_bit_position_and_eleven_zeros_are_needed() {
        for shift in 0..16 {
            for zeros in [10, 11, 12, 40] {
                let mut bits = vec![1u8; shift];
                bits.extend(std::iter::repeat_n(0, zeros));
                bits.push(1);
                bits.resize(bits.len().next_multiple_of(8), 1);
                let data: Vec<u8> =
                    bits.chunks(8).map(|byte| byte.iter().fold(0, |sum, bit| sum << 1 | bit)).collect();
                let expected = (zeros > 10).then_some(Eol { zeros: shift, one: shift + zeros });
                assert_eq!(next_eol(&data, 0), expected, "{shift} {zeros}");
                assert_eq!(next_eol(&data, shift), expected, "{shift} {zeros} from the first zero");
            }
        }
        assert_eq!(next_eol(&[0; 100], 3), None);
    }

    #[test]
    fn kept_bits_end_in_zeros() {
        assert_eq!(keep_bits(&[0xff, 0xff, 0xff], 11), [0xff, 0xe0]);
        assert_eq!(keep_bits(&[0xff, 0xff], 16), [0xff, 0xff]);
        assert_eq!(keep_bits(&[0xff], 99), [0xff]);
    }
}
