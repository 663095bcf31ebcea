//! Decodes coded data that is as it should be, fast, and refuses all other; `lines` reads that.
//!
//! Three things make it fast: a row like the one above, which is most of a page, is a row of one bits and
//! costs a copy; vertical modes, which are most of what is left, go through one branch-free step; bits come
//! from a 64-bit word that is filled once a code.
//!
//! Bounds: one pass over the data, two lists of colour changes. Code words never run ahead of the data:
//! behind its end there are zeros, and zeros are no code.

use super::Scheme;
use super::codes::{self, BLACK_RUNS, RUN_BITS, RunTable, WHITE_RUNS};
use crate::media::fax::bitmap::Bitmap;

/// The data is not as it should be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Unclean;

/// What stands between the rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Between {
    /// Nothing.
    Nothing,
    /// Zeros up to a byte boundary.
    Alignment,
    /// An EOL before each row, with any number of zeros before it as fill (T.4 4.1.2, 4.1.3).
    Eol,
}

/// How the data is laid out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Layout {
    pub scheme: Scheme,
    pub between: Between,
}

impl Layout {
    /// As the tags say.
    pub fn of(scheme: Scheme) -> Self {
        let between = match scheme {
            Scheme::Rle => Between::Alignment,
            // Zeros that align an EOL count as fill, so the bit of T4Options for it need not be believed.
            Scheme::T4 { .. } => Between::Eol,
            Scheme::T6 => Between::Nothing,
        };
        Layout { scheme, between }
    }
}

/// Where rows go.
pub(super) trait Rows {
    /// Columns of a row.
    fn width(&self) -> u32;
    /// A row, by its colour changes.
    fn row(&mut self, changes: &[u32]);
    /// The last row again.
    fn again(&mut self, count: usize);
}

impl Rows for Bitmap {
    fn width(&self) -> u32 {
        Bitmap::width(self)
    }

    fn row(&mut self, changes: &[u32]) {
        self.push_changes(changes);
    }

    fn again(&mut self, count: usize) {
        self.repeat_last(count);
    }
}

/// For data that is only to be understood.
pub(super) struct Nowhere {
    pub width: u32,
}

impl Rows for Nowhere {
    fn width(&self) -> u32 {
        self.width
    }

    fn row(&mut self, _changes: &[u32]) {}

    fn again(&mut self, _count: usize) {}
}

/// Adds at most `rows` rows to `page` and gives their number. It is smaller where the data ends, or says by an
/// RTC or EOFB that it ends. On [`Unclean`] the rows before the fault are in `page`.
pub(super) fn decode(
    data: &[u8],
    layout: Layout,
    rows: usize,
    page: &mut impl Rows,
) -> Result<usize, Unclean> {
    let mut bits = Bits { rest: data, held: 0, count: 0 };
    let width = page.width();
    let (mut line, mut above) = (Line::new(width), Line::new(width));
    let mut done = 0;
    while done < rows {
        bits.refill();
        let two_dimensional = match (layout.between, layout.scheme) {
            (Between::Nothing, Scheme::T6) => {
                let alike = bits.rows_alike(&above).min(rows - done);
                if alike > 0 {
                    // Above the first row of a strip there is a white one, whatever the page shows there.
                    if done == 0 {
                        page.row(&[]);
                    }
                    page.again(alike - usize::from(done == 0));
                    done += alike;
                    continue;
                }
                if bits.held >> 40 == EOFB || bits.at_end() {
                    break;
                }
                true
            }
            (between, scheme) => {
                if !bits.begin_row(between, scheme)? {
                    break;
                }
                scheme == (Scheme::T4 { two_dimensional: true }) && bits.take(1) == 0
            }
        };
        if two_dimensional {
            bits.line_2d(width, &above, &mut line)?;
        } else {
            bits.line_1d(width, &mut line)?;
        }
        if bits.overdrawn() {
            return Err(Unclean);
        }
        page.row(line.changes());
        std::mem::swap(&mut line, &mut above);
        done += 1;
    }
    Ok(done)
}

/// Two EOLs (T.6 2.4.1.1).
const EOFB: u64 = 0x00_1001;
/// EOLs in a row that end a page (T.4 4.1.4).
const RTC: u32 = 6;

/// Coded bits.
struct Bits<'a> {
    /// Bytes not looked at yet.
    rest: &'a [u8],
    /// The next bits, the first one highest; behind `count` bits are zeros or bits of `rest`.
    held: u64,
    /// Bits taken from the data; wraps where more were used than there are.
    count: u32,
}

impl Bits<'_> {
    /// Makes at least 56 bits available, where there are so many.
    #[inline(always)]
    fn refill(&mut self) {
        if let Some(next) = self.rest.first_chunk::<8>() {
            self.held |= u64::from_be_bytes(*next).unbounded_shr(self.count);
            let taken = 63u32.wrapping_sub(self.count) >> 3;
            self.rest = self.rest.get(taken as usize..).unwrap_or_default();
            self.count |= 56;
        } else {
            self.refill_at_end();
        }
    }

    #[cold]
    fn refill_at_end(&mut self) {
        while self.count <= 56
            && let Some((&byte, rest)) = self.rest.split_first()
        {
            self.held |= u64::from(byte) << (56 - self.count);
            self.rest = rest;
            self.count += 8;
        }
    }

    /// Takes up to 32 of the bits held.
    #[inline(always)]
    fn take(&mut self, bits: u32) -> u64 {
        let taken = self.held >> 32 >> (32 - bits);
        self.held <<= bits;
        self.count = self.count.wrapping_sub(bits);
        taken
    }

    /// More bits were taken than there were.
    fn overdrawn(&self) -> bool {
        self.count > 64
    }

    /// Nothing but padding is left.
    fn at_end(&self) -> bool {
        self.held == 0 && self.rest.is_empty()
    }

    /// Takes T.6 rows that are like the one above, each one V0 for each of its changes and one for its end.
    #[inline(always)]
    fn rows_alike(&mut self, above: &Line) -> usize {
        let ones = self.held.leading_ones().min(self.count);
        let row = above.len + 1;
        let rows = if row > ones as usize { 0 } else { ones as usize / row };
        let taken = (rows * row).min(32);
        // `take` takes 32 bits at most: whole rows of them.
        let rows = taken / row;
        self.take((rows * row) as u32);
        rows
    }

    /// Passes what stands before a row; false at the end of the data.
    fn begin_row(&mut self, between: Between, scheme: Scheme) -> Result<bool, Unclean> {
        match between {
            Between::Nothing => Ok(!self.at_end()),
            Between::Alignment => {
                // Bytes come whole into `held`.
                if self.take(self.count % 8) != 0 {
                    return Err(Unclean);
                }
                self.refill();
                Ok(self.count > 0)
            }
            Between::Eol => {
                let tagged = scheme == Scheme::T4 { two_dimensional: true };
                let mut eols = 0;
                while let Some(zeros) = self.eol() {
                    if zeros < 11 {
                        return Err(Unclean);
                    }
                    eols += 1;
                    // A row begins with a code; the next EOL of an RTC with zeros, behind its tag.
                    let ahead = if tagged { self.held << 1 } else { self.held };
                    if ahead >> 53 != 0 {
                        return if eols == 1 { Ok(true) } else { Err(Unclean) };
                    }
                    if eols == RTC {
                        return Ok(false);
                    }
                    if tagged {
                        self.take(1);
                    }
                }
                // An RTC that is cut is no row.
                if eols <= 1 { Ok(false) } else { Err(Unclean) }
            }
        }
    }

    /// Takes zeros and the one behind them and gives the number of zeros; `None` where there is no one.
    fn eol(&mut self) -> Option<usize> {
        let mut zeros = 0;
        loop {
            self.refill();
            let here = self.held.leading_zeros().min(self.count);
            if here < self.count {
                zeros += here as usize;
                self.skip(here + 1);
                self.refill();
                return Some(zeros);
            }
            if self.count == 0 {
                return None;
            }
            zeros += here as usize;
            self.skip(here);
        }
    }

    /// Leaves out up to 64 bits.
    fn skip(&mut self, bits: u32) {
        self.held = self.held.unbounded_shl(bits);
        self.count = self.count.wrapping_sub(bits);
    }

    /// A run: make-up codes and a terminating code (T.4 4.1.1). Needs 13 bits, and takes more by itself.
    #[inline(always)]
    fn run(&mut self, table: &RunTable) -> Result<u32, Unclean> {
        let (run, len) = self.run_code(table);
        if run < 64 {
            // No code has length 0, and a run of 0 here.
            return if len == 0 { Err(Unclean) } else { Ok(run) };
        }
        let mut total = run;
        loop {
            self.refill();
            let (run, len) = self.run_code(table);
            if len == 0 {
                return Err(Unclean);
            }
            total = total.saturating_add(run);
            if run < 64 {
                return Ok(total);
            }
        }
    }

    #[inline(always)]
    fn run_code(&mut self, table: &RunTable) -> (u32, u32) {
        let index = (self.held >> (64 - RUN_BITS)) as usize;
        let (run, len) = table.get(index).copied().unwrap_or_default();
        self.take(len.into());
        (run.into(), len.into())
    }

    /// One-dimensional line (T.4 4.1).
    fn line_1d(&mut self, width: u32, line: &mut Line) -> Result<(), Unclean> {
        let mut writer = line.begin();
        let mut at = 0u32;
        loop {
            for table in [&WHITE_RUNS, &BLACK_RUNS] {
                self.refill();
                at = at.saturating_add(self.run(table)?);
                if at >= width {
                    writer.end(width);
                    return if at == width { Ok(()) } else { Err(Unclean) };
                }
                writer.change(at);
            }
        }
    }

    /// Two-dimensional line (T.4 4.2.1.3, T.6 2.2).
    #[inline(always)]
    fn line_2d(&mut self, width: u32, above: &Line, line: &mut Line) -> Result<(), Unclean> {
        let mut writer = line.begin();
        let above = above.at.as_slice();
        let at = |index: usize| above.get(index).copied().unwrap_or(width);
        // a0, and the index of b1: the first change of the row above that is right of a0 and to the other
        // colour than a0's.
        let (mut a0, mut b) = (0u32, 0usize);
        loop {
            self.refill();
            let mode = MODES.get((self.held >> (64 - MODE_BITS)) as usize).copied().unwrap_or(NO_MODE);
            self.take(mode.len.into());
            match mode.kind {
                Kind::Vertical => {
                    let a1 = at(b).wrapping_add_signed(mode.offset.into());
                    // Left of a0 (or of the left edge, which wraps), or right of the right edge.
                    if a1 < a0 || a1 > width {
                        return Err(Unclean);
                    }
                    if a1 == width {
                        writer.end(width);
                        return Ok(());
                    }
                    writer.change(a1);
                    a0 = a1;
                    // The colour is another one, so the change before b1 may do if it is right of a1.
                    let before = b.checked_sub(1).filter(|&before| at(before) > a1);
                    b = before.unwrap_or(b + 1);
                    while at(b) <= a1 {
                        b += 2;
                    }
                }
                Kind::Horizontal => {
                    let tables: [&RunTable; 2] =
                        if writer.black() { [&BLACK_RUNS, &WHITE_RUNS] } else { [&WHITE_RUNS, &BLACK_RUNS] };
                    for table in tables {
                        a0 = a0.saturating_add(self.run(table)?);
                        if a0 > width {
                            return Err(Unclean);
                        }
                        writer.change(a0);
                        self.refill();
                    }
                    if a0 == width {
                        writer.end(width);
                        return Ok(());
                    }
                    while at(b) <= a0 {
                        b += 2;
                    }
                }
                Kind::Pass => {
                    a0 = at(b + 1);
                    b += 2;
                    if a0 >= width {
                        writer.end(width);
                        return Ok(());
                    }
                }
                Kind::None => return Err(Unclean),
            }
        }
    }
}

/// The colour changes of a row. Behind them stands the width a few times, so that b1 and b2 are always there.
struct Line {
    at: Vec<u32>,
    len: usize,
}

/// Changes behind the last one that are looked at: b1 and b2, and the one after b1 in the other colour.
const BEHIND: usize = 4;

impl Line {
    fn new(width: u32) -> Self {
        // A change for each pixel, and one that is taken back.
        Line { at: vec![width; width as usize + 1 + BEHIND], len: 0 }
    }

    fn changes(&self) -> &[u32] {
        self.at.get(..self.len).unwrap_or_default()
    }

    fn begin(&mut self) -> Writer<'_> {
        Writer { at: &mut self.at, len: 0, end: &mut self.len }
    }
}

/// A row that is being read.
struct Writer<'a> {
    at: &'a mut [u32],
    len: usize,
    end: &'a mut usize,
}

impl Writer<'_> {
    /// True where the pixels behind the last change are black.
    fn black(&self) -> bool {
        self.len % 2 == 1
    }

    /// Adds a change. Two at one place, around a run of 0, are none.
    #[inline(always)]
    fn change(&mut self, at: u32) {
        if self.len > 0 && self.at.get(self.len - 1) == Some(&at) {
            self.len -= 1;
        } else if let Some(slot) = self.at.get_mut(self.len) {
            *slot = at;
            self.len += 1;
        }
    }

    #[inline(always)]
    fn end(mut self, width: u32) {
        // A change at the right edge is none.
        if self.len > 0 && self.at.get(self.len - 1) == Some(&width) {
            self.len -= 1;
        }
        if let Some(behind) = self.at.get_mut(self.len..self.len + BEHIND) {
            behind.fill(width);
        }
        *self.end = self.len;
    }
}

/// A mode of two-dimensional coding (T.4 Table 4).
#[derive(Clone, Copy)]
struct Mode {
    kind: Kind,
    /// a1 - b1.
    offset: i8,
    len: u8,
}

#[derive(Clone, Copy)]
enum Kind {
    Vertical,
    Horizontal,
    Pass,
    None,
}

const NO_MODE: Mode = Mode { kind: Kind::None, offset: 0, len: 0 };

/// Bits looked up at once: the length of the longest mode code.
const MODE_BITS: u32 = 7;

/// What the next [`MODE_BITS`] bits begin with.
static MODES: [Mode; 1 << MODE_BITS] = modes();

const fn modes() -> [Mode; 1 << MODE_BITS] {
    let mut table = [NO_MODE; 1 << MODE_BITS];
    let mut at = 0;
    while at < codes::VERTICAL.len() + 2 {
        let (code, kind, offset) = match at {
            7 => (codes::PASS, Kind::Pass, 0),
            8 => (codes::HORIZONTAL, Kind::Horizontal, 0),
            _ => (codes::VERTICAL[at], Kind::Vertical, at as i8 - 3),
        };
        let spare = MODE_BITS - code.len as u32;
        let mut entry = (code.bits as usize) << spare;
        let end = entry + (1 << spare);
        while entry < end {
            table[entry] = Mode { kind, offset, len: code.len };
            entry += 1;
        }
        at += 1;
    }
    table
}

#[cfg(test)]
mod tests {
    use super::super::encode::{Target, encode_page};
    use super::*;

    const WIDTH: u32 = 70;

    /// Rows that use every mode and long and short runs, from a fixed generator.
    fn page(rows: usize) -> Bitmap {
        let mut page = Bitmap::new(WIDTH);
        let mut seed = 1u32;
        for row in 0..rows {
            let mut next = || {
                seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                seed >> 24
            };
            let sparse = row % 3 == 0;
            let mut changes: Vec<u32> =
                (0..WIDTH).filter(|_| next() < if sparse { 12 } else { 90 }).collect();
            changes.dedup();
            page.push_changes(&changes);
            if row % 4 == 3 {
                page.repeat_last(2);
            }
        }
        page
    }

    fn decoded(data: &[u8], layout: Layout, rows: usize) -> (Result<usize, Unclean>, Bitmap) {
        let mut page = Bitmap::new(WIDTH);
        let result = decode(data, layout, rows, &mut page);
        (result, page)
    }

    const MH: Scheme = Scheme::T4 { two_dimensional: false };
    const MR: Scheme = Scheme::T4 { two_dimensional: true };
    const CODINGS: [(Target, Scheme); 4] = [
        (Target::Mh { aligned: false }, MH),
        (Target::Mh { aligned: true }, MH),
        (Target::Mr { k: 4 }, MR),
        (Target::Mmr, Scheme::T6),
    ];

    #[test]
    fn every_coding_comes_back_to_the_pixel_and_says_where_it_ends() {
        let page = page(40);
        for (target, scheme) in CODINGS {
            let data = encode_page(&page, target);
            for asked in [page.rows(), page.rows() + 9] {
                let (result, found) = decoded(&data, Layout::of(scheme), asked);
                assert_eq!(result, Ok(page.rows()), "{target:?}");
                assert!(found.data() == page.data(), "{target:?}");
            }
            let (result, found) = decoded(&data, Layout::of(scheme), 3);
            assert_eq!((result, found.rows()), (Ok(3), 3));
        }
    }

    #[test]
    fn cut_data_gives_its_whole_rows_and_never_more() {
        let page = page(12);
        for (target, scheme) in CODINGS {
            let data = encode_page(&page, target);
            for len in 0..data.len() {
                let (_, found) = decoded(&data[..len], Layout::of(scheme), page.rows());
                assert!(found.rows() <= page.rows());
                assert_eq!(found.data(), &page.data()[..found.data().len()], "{target:?} {len}");
            }
        }
    }

    #[test]
    fn a_strip_begins_below_white_whatever_the_page_shows() {
        let mut page = Bitmap::new(WIDTH);
        page.push_changes(&[0]);
        // Two white rows: two V0.
        assert_eq!(decode(&[0xc0, 0x01, 0x00, 0x10], Layout::of(Scheme::T6), 2, &mut page), Ok(2));
        assert!(page.data()[9..].iter().all(|byte| *byte == 0), "{:?}", page.data());
    }

    #[test]
    fn what_is_no_code_is_refused() {
        for (_, scheme) in CODINGS {
            assert_eq!(
                decoded(&[0x00, 0x1f, 0x00, 0x02], Layout::of(scheme), 4).0,
                Err(Unclean),
                "{scheme:?}"
            );
        }
        // An RTC, and an RTC cut short.
        assert_eq!(
            decoded(&[0x00, 0x10, 0x01, 0x00, 0x10, 0x01, 0x00, 0x10, 0x01], Layout::of(MH), 4).0,
            Ok(0)
        );
        assert_eq!(decoded(&[0x00, 0x10, 0x01], Layout::of(MH), 4).0, Err(Unclean));
    }
}
