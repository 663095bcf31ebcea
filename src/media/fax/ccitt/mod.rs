//! CCITT fax coding (ITU-T T.4: MH and MR, T.6: MMR): one strip of coded data in, rows of pixels out, and
//! back.
//!
//! Clean data goes through a fast decoder (`clean`) that refuses everything else; what it accepts is exact.
//! Only where it refuses, or where it finds fewer rows than the directory claims, a slower reading (`lines`)
//! follows that tolerates what is seen in the field: T4Options that lie, missing EOLs, lines too
//! short or too long, bit errors, missing or early RTC and EOFB. Rows are never invented in silence:
//! [`Decoded`] counts what was concealed and what is missing.
//!
//! Bounds: rows and columns have been held against the limits before; the work is at most four passes over
//! the coded data, the memory one bitmap of the rows decoded.

mod clean;
mod codes;
mod encode;
mod eol;
mod lines;
mod scan;

pub(super) use encode::{Target, encode_page};
pub(super) use eol::Eols;
pub(super) use scan::{bit, end_of_lines, eofb_end, keep_bits, plain_t4};

use super::bitmap::Bitmap;
use clean::{Between, Layout};

/// How a strip is coded, by its tags.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Scheme {
    /// Compression 2: one-dimensional, rows begin at byte boundaries, no EOLs (TIFF 6.0 section 10).
    Rle,
    /// Compression 3: T.4, lines begin with EOLs; the first bit of T4Options says whether MR.
    T4 { two_dimensional: bool },
    /// Compression 4: T.6.
    T6,
}

/// What decoding a strip gave.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Decoded {
    /// Rows found in the data.
    pub rows: usize,
    /// Rows among them that were damaged and shown as well as possible.
    pub damaged: usize,
    /// The coding broke off: what follows `rows` is unknown rather than absent.
    pub broken: bool,
    /// The data was of another kind than the tags say.
    pub mislabelled: bool,
}

/// Decodes a strip of at most `rows` rows (bits first bit highest) and adds them to `page`. Adds only rows
/// that the data holds; completing the strip is the caller's.
pub(super) fn decode(data: &[u8], scheme: Scheme, rows: usize, page: &mut Bitmap) -> Decoded {
    if rows == 0 || data.is_empty() || page.width() == 0 {
        return Decoded::default();
    }
    match scheme {
        Scheme::Rle => decode_without_eols(data, scheme, rows, page),
        Scheme::T6 => decode_t6(data, rows, page),
        Scheme::T4 { two_dimensional } => decode_t4(data, rows, two_dimensional, page),
    }
}

/// Data that gives no means to find the next row after an error: what was decoded up to there is kept.
fn decode_without_eols(data: &[u8], scheme: Scheme, rows: usize, page: &mut Bitmap) -> Decoded {
    let base = page.rows();
    let result = clean::decode(data, Layout::of(scheme), rows, page);
    Decoded { rows: page.rows() - base, broken: result.is_err(), ..Decoded::default() }
}

/// Decodes T.4 one-dimensional data without EOLs or alignment, which only PDF has (EndOfLine false, ISO 32000-1
/// 7.4.6).
pub(super) fn decode_unmarked(data: &[u8], rows: usize, page: &mut Bitmap) -> Decoded {
    let base = page.rows();
    let layout = Layout { scheme: Scheme::T4 { two_dimensional: false }, between: Between::Nothing };
    let result = clean::decode(data, layout, rows, page);
    Decoded { rows: page.rows() - base, broken: result.is_err(), ..Decoded::default() }
}

/// T.6 data that is not clean gets a second reading; it is taken only if it explains every row.
fn decode_t6(data: &[u8], rows: usize, page: &mut Bitmap) -> Decoded {
    let base = page.rows();
    let found = decode_without_eols(data, Scheme::T6, rows, page);
    if !found.broken {
        return found;
    }
    let mut other = Bitmap::new(page.width());
    if lines::decode_t6_with_empty_runs(data, rows, &mut other) {
        page.set_rows(base);
        other.iter().for_each(|row| page.push_packed(row));
        return Decoded { rows, ..Decoded::default() };
    }
    found
}

fn decode_t4(data: &[u8], rows: usize, two_dimensional: bool, page: &mut Bitmap) -> Decoded {
    let base = page.rows();
    let declared = Layout::of(Scheme::T4 { two_dimensional });
    let first = clean::decode(data, declared, rows, page);
    if first == Ok(rows) {
        return Decoded { rows, ..Decoded::default() };
    }
    // Neither reading below is taken unless it explains every row without an error.
    let others = [
        Layout::of(Scheme::T4 { two_dimensional: !two_dimensional }),
        Layout { between: Between::Nothing, ..declared },
        Layout::of(Scheme::Rle),
    ];
    for layout in others {
        page.set_rows(base);
        if clean::decode(data, layout, rows, page) == Ok(rows) {
            return Decoded { rows, mislabelled: true, ..Decoded::default() };
        }
    }
    page.set_rows(base);
    let found = decode_damaged(data, rows, two_dimensional, page);
    Decoded { broken: first.is_err() && found.rows < rows, ..found }
}

/// Line by line, as the tags say or the other way round, whichever harms fewer lines.
fn decode_damaged(data: &[u8], rows: usize, two_dimensional: bool, page: &mut Bitmap) -> Decoded {
    let base = page.rows();
    let declared = lines::decode(data, rows, two_dimensional, page);
    let good = |tally: lines::Tally| tally.rows - tally.damaged;
    let mut decoded =
        Decoded { rows: declared.rows, damaged: declared.damaged, broken: false, mislabelled: false };
    if good(declared) >= declared.rows.div_ceil(2) {
        return decoded;
    }
    let mut other_page = Bitmap::new(page.width());
    let other = lines::decode(data, rows, !two_dimensional, &mut other_page);
    if good(other) > good(declared) {
        page.set_rows(base);
        other_page.iter().for_each(|row| page.push_packed(row));
        decoded = Decoded { rows: other.rows, damaged: other.damaged, broken: false, mislabelled: true };
    }
    decoded
}

/// How many of at most `rows` clean rows of `columns` the strip holds; `None` where it is not clean. Paints
/// nothing.
pub(super) fn count(data: &[u8], scheme: Scheme, columns: u32, rows: usize) -> Option<u32> {
    if rows == 0 || data.is_empty() || columns == 0 {
        return Some(0);
    }
    let mut nowhere = clean::Nowhere { width: columns };
    let found = clean::decode(data, Layout::of(scheme), rows, &mut nowhere).ok()?;
    u32::try_from(found).ok()
}
