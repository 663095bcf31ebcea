//! Reads T.4 data line by line, knowing at every moment where it is: for data that is damaged or lies.
//!
//! The fast decoder tells neither how many lines were damaged nor where; this one does. A damaged line is
//! shown as far as it can be trusted and the reading goes on at the next EOL. Since no valid line holds an
//! EOL, every error is caught at the latest there, and every loop below moves forward in the data.

use super::codes::{BLACK_RUNS, RUN_BITS, RunTable, WHITE_RUNS};
use super::eol::{Eol, Eols};
use super::scan::bit;
use crate::media::fax::bitmap::Bitmap;

/// What is wrong with a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    /// A bit sequence that is no code (or uncompressed mode, which fax does not use).
    Code,
    /// The next EOL came before the line was full.
    Short,
    /// A run beyond the right edge.
    Long,
    /// The data ended within the line.
    End,
}

/// Rows shown again in place of damaged ones that follow each other; white after that, so that a long
/// damage looks like a hole and not like a drawing.
const CONCEALED_BY_COPY: usize = 4;
/// EOLs in a row that end a page: RTC (T.4 4.1.4).
const RTC: usize = 6;

/// What a strip gave.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Tally {
    pub rows: usize,
    pub damaged: usize,
}

/// Decodes up to `rows` lines of T.4 data into `page`, concealing what is damaged.
pub(super) fn decode(data: &[u8], rows: usize, two_dimensional: bool, page: &mut Bitmap) -> Tally {
    let mut reader = LineReader::new(data, page.width(), two_dimensional);
    let mut tally = Tally::default();
    let mut concealed = 0;
    while tally.rows < rows {
        let fault = match reader.next_line() {
            Ok(true) => None,
            Ok(false) => break,
            Err(fault) => Some(fault),
        };
        tally.rows += 1;
        match fault {
            None => concealed = 0,
            Some(Fault::Code) => {
                tally.damaged += 1;
                concealed += 1;
                if concealed <= CONCEALED_BY_COPY {
                    page.repeat_last(1);
                } else {
                    page.push_changes(&[]);
                }
                continue;
            }
            Some(Fault::Short | Fault::Long | Fault::End) => tally.damaged += 1,
        }
        page.push_changes(&reader.line);
    }
    tally
}

/// Decodes up to `rows` lines of T.6 data the way libtiff does: a run of length 0 within a line counts as two
/// colour changes for the line below. T.6 knows only changes between pixels, but some encoders count like
/// libtiff, and their pages look right in no other way. True if that explains all rows and the end of the data.
pub(super) fn decode_t6_with_empty_runs(data: &[u8], rows: usize, page: &mut Bitmap) -> bool {
    let mut bits = Bits { data, at: 0, empty_runs: true };
    let (mut reference, mut line, mut shown) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..rows {
        line.clear();
        if bits.line_2d(page.width(), &reference, &mut line).is_err() {
            return false;
        }
        shown.clear();
        line.iter().for_each(|&at| change(&mut shown, at, page.width(), false));
        page.push_changes(&shown);
        std::mem::swap(&mut reference, &mut line);
    }
    // An EOFB or nothing at all has to follow.
    bits.window() >> 21 == 0
}

/// A position in T.4 data and the line last read.
pub(super) struct LineReader<'a> {
    bits: Bits<'a>,
    width: u32,
    two_dimensional: bool,
    /// False after a line whose pixels are unknown: lines coded in relation to it are unknown too (T.4 4.2
    /// limits this with the parameter K).
    reference_known: bool,
    /// Whether the line about to be read follows the one before without an EOL.
    eol_missing: bool,
    reference: Vec<u32>,
    /// The next EOL where it has been looked for: the search must not start anew for every line.
    ahead: Option<Option<Eol>>,
    /// Colour changes of the line.
    pub line: Vec<u32>,
}

impl<'a> LineReader<'a> {
    pub fn new(data: &'a [u8], width: u32, two_dimensional: bool) -> Self {
        LineReader {
            bits: Bits { data, at: 0, empty_runs: false },
            width,
            two_dimensional,
            reference_known: true,
            eol_missing: true,
            reference: Vec::new(),
            ahead: None,
            line: Vec::new(),
        }
    }

    /// Reads one line into `line`: true where there was one, false at the end of the data or an RTC. After a
    /// [`Fault`] the line holds what was read of it, completed with white, and reading can go on.
    pub fn next_line(&mut self) -> Result<bool, Fault> {
        let eols = self.read_eols();
        if eols >= RTC || self.bits.at_end() || (eols == 0 && !self.eol_missing) {
            return Ok(false);
        }
        std::mem::swap(&mut self.reference, &mut self.line);
        let one_dimensional = !self.two_dimensional || self.bits.take_bit();
        let start = self.bits.at;
        let result = self.read_line(one_dimensional);
        self.finish_line(start, result)?;
        Ok(true)
    }

    fn read_line(&mut self, one_dimensional: bool) -> Result<(), Fault> {
        self.line.clear();
        if one_dimensional {
            self.bits.line_1d(self.width, &mut self.line)
        } else if self.reference_known {
            self.bits.line_2d(self.width, &self.reference, &mut self.line)
        } else {
            Err(Fault::Code)
        }
    }

    /// Goes to the EOL that should follow. It is looked for from the start of the line on: a damaged line may
    /// have taken some zeros of its EOL for a code.
    fn finish_line(&mut self, start: usize, result: Result<(), Fault>) -> Result<(), Fault> {
        self.reference_known = result != Err(Fault::Code);
        self.eol_missing = false;
        let next = self.eol_from(start);
        match next {
            Some(eol) if eol.one < self.bits.at + 11 => {
                self.bits.at = eol.zeros;
                return result.and(Err(Fault::Long));
            }
            Some(eol) if eol.zeros <= self.bits.at => return result,
            _ => {}
        }
        if result.is_ok()
            && let Some(start) = self.line_without_eol()
        {
            self.bits.at = start;
            self.eol_missing = true;
            return result;
        }
        let rest = next.map_or(self.bits.end(), |eol| eol.zeros).saturating_sub(self.bits.at);
        self.bits.at += rest;
        match result {
            // Codes behind the right edge: the line was too long. A few bits at the end are padding.
            Ok(()) if rest >= 8 && next.is_some() => Err(Fault::Long),
            other => other,
        }
    }

    /// The next EOL at or after bit `at`.
    fn eol_from(&mut self, at: usize) -> Option<Eol> {
        let found = match self.ahead {
            Some(None) => None,
            Some(Some(eol)) if eol.one >= at + 11 => Some(Eol { zeros: eol.zeros.max(at), ..eol }),
            _ => Eols::new(self.bits.data, at).next(),
        };
        self.ahead = Some(found);
        found
    }

    /// Where the next line begins if only its EOL is missing, or is there with a bit or two wrong: a whole line
    /// of the right width has to follow. In two dimensions almost every bit is a code, so there it must also
    /// end where an EOL is.
    fn line_without_eol(&self) -> Option<usize> {
        let here = self.bits.clone();
        let damaged_eol = (here.window() >> 20 ^ 1).count_ones() <= 2;
        [0, 12].into_iter().take(if damaged_eol { 2 } else { 1 }).map(|skip| here.at + skip).find(|&start| {
            let mut ahead = Bits { at: start, ..here.clone() };
            let mut line = Vec::new();
            let one_dimensional = !self.two_dimensional || ahead.take_bit();
            let whole = if one_dimensional {
                ahead.line_1d(self.width, &mut line)
            } else {
                ahead.line_2d(self.width, &self.line, &mut line)
            };
            whole.is_ok() && (!self.two_dimensional || ahead.window() >> 21 == 0)
        })
    }

    /// Passes the EOLs here (and, in two-dimensional data, the tag bits between them). Gives their number; the
    /// tag bit of the line that follows is left.
    fn read_eols(&mut self) -> usize {
        let mut count = 0;
        loop {
            let tagged = count > 0 && self.two_dimensional;
            if tagged && !bit(self.bits.data, self.bits.at) {
                // The EOLs of an RTC are tagged 1: behind a 0 there is a line, be it one that damage emptied.
                return count;
            }
            let from = self.bits.at + usize::from(tagged);
            // Looking no further than the first one bit keeps this linear: that bit is an EOL's or a line's.
            match self.bits.zeros_from(from) {
                Some(one) if one >= from + 11 => {
                    self.bits.at = one + 1;
                    count += 1;
                }
                Some(_) => return count,
                None => {
                    self.bits.at = self.bits.end();
                    return count;
                }
            }
        }
    }
}

/// A position in coded data, in bits.
#[derive(Clone)]
struct Bits<'a> {
    data: &'a [u8],
    at: usize,
    /// Runs of length 0 within a line stay in its list of changes.
    empty_runs: bool,
}

impl Bits<'_> {
    fn end(&self) -> usize {
        self.data.len() * 8
    }

    fn at_end(&self) -> bool {
        self.at >= self.end()
    }

    /// The position of the first one bit from `from` on.
    fn zeros_from(&self, from: usize) -> Option<usize> {
        let mut mask = 0xffu8 >> (from % 8);
        for (at, &byte) in self.data.iter().enumerate().skip(from / 8) {
            let byte = byte & std::mem::replace(&mut mask, 0xff);
            if byte != 0 {
                return Some(at * 8 + byte.leading_zeros() as usize);
            }
        }
        None
    }

    fn take_bit(&mut self) -> bool {
        let value = bit(self.data, self.at);
        self.at += 1;
        value
    }

    /// The next 32 bits; zeros behind the end.
    fn window(&self) -> u32 {
        let from = self.at / 8;
        let mut bytes = [0; 8];
        for (to, byte) in bytes.iter_mut().zip(self.data.iter().skip(from)).take(5) {
            *to = *byte;
        }
        ((u64::from_be_bytes(bytes) << (self.at % 8)) >> 32) as u32
    }

    /// The fault that no code at this position means.
    fn no_code(&self) -> Fault {
        if self.window() >> 21 != 0 {
            Fault::Code
        } else if self.zeros_from(self.at).is_some() {
            Fault::Short
        } else {
            Fault::End
        }
    }

    fn advance(&mut self, bits: u8) -> Result<(), Fault> {
        self.at += usize::from(bits);
        if self.at > self.end() { Err(Fault::End) } else { Ok(()) }
    }

    /// A run: make-up codes and a terminating code (T.4 4.1.1).
    fn run(&mut self, table: &RunTable) -> Result<u32, Fault> {
        let mut total = 0u32;
        loop {
            let index = (self.window() >> (32 - RUN_BITS)) as usize;
            let (run, len) = table.get(index).copied().unwrap_or_default();
            if len == 0 {
                return Err(self.no_code());
            }
            self.advance(len)?;
            total = total.saturating_add(run.into());
            if run < 64 {
                return Ok(total);
            }
        }
    }

    fn coloured_run(&mut self, black: bool) -> Result<u32, Fault> {
        self.run(if black { &BLACK_RUNS } else { &WHITE_RUNS })
    }

    /// One-dimensional line (T.4 4.1).
    fn line_1d(&mut self, width: u32, line: &mut Vec<u32>) -> Result<(), Fault> {
        let (mut a0, mut black) = (0u32, false);
        while a0 < width {
            let run = self.coloured_run(black).inspect_err(|_| end_white(line, a0, black))?;
            a0 = a0.saturating_add(run);
            black = !black;
            change(line, a0, width, self.empty_runs);
        }
        if a0 > width { Err(Fault::Long) } else { Ok(()) }
    }

    /// Two-dimensional line (T.4 4.2.1.3).
    fn line_2d(&mut self, width: u32, reference: &[u32], line: &mut Vec<u32>) -> Result<(), Fault> {
        let (mut a0, mut at_start, mut black, mut above) = (0u32, true, false, 0usize);
        while a0 < width {
            while reference.get(above).is_some_and(|&b| b <= a0 && !at_start) {
                above += 1;
            }
            let b = above + usize::from((above % 2 == 1) != black);
            let b1 = reference.get(b).copied().unwrap_or(width);
            let mode = self.mode().inspect_err(|_| end_white(line, a0, black))?;
            match mode {
                Mode::Pass => a0 = reference.get(b + 1).copied().unwrap_or(width),
                Mode::Vertical(offset) => {
                    let a1 = b1.checked_add_signed(offset).filter(|&a1| a1 >= a0).ok_or(Fault::Code)?;
                    if a1 > width {
                        return Err(Fault::Long);
                    }
                    a0 = a1;
                    black = !black;
                    change(line, a0, width, self.empty_runs);
                }
                Mode::Horizontal => {
                    for _ in 0..2 {
                        let run = self.coloured_run(black).inspect_err(|_| end_white(line, a0, black))?;
                        a0 = a0.saturating_add(run);
                        black = !black;
                        change(line, a0, width, self.empty_runs);
                    }
                }
            }
            at_start = false;
        }
        if a0 > width { Err(Fault::Long) } else { Ok(()) }
    }

    /// A mode code (T.4 Table 4).
    fn mode(&mut self) -> Result<Mode, Fault> {
        let window = self.window();
        let zeros = window.leading_zeros();
        // Vertical modes: the bit behind the first one says right (1) or left (0).
        let right = window.checked_shl(zeros + 1).is_some_and(|rest| rest >> 31 == 1);
        let side = |distance: i32| Mode::Vertical(if right { distance } else { -distance });
        let (mode, len) = match zeros {
            0 => (Mode::Vertical(0), 1),
            1 => (side(1), 3),
            2 => (Mode::Horizontal, 3),
            3 => (Mode::Pass, 4),
            4 => (side(2), 6),
            5 => (side(3), 7),
            _ => return Err(self.no_code()),
        };
        self.advance(len)?;
        Ok(mode)
    }
}

enum Mode {
    Pass,
    Horizontal,
    Vertical(i32),
}

/// Adds a colour change. Two at one place (a run of 0 in the middle of a line) cancel out unless `empty_runs`.
fn change(line: &mut Vec<u32>, at: u32, width: u32, empty_runs: bool) {
    if line.last() == Some(&at) && !empty_runs {
        line.pop();
    } else if at < width {
        line.push(at);
    }
}

/// Makes the rest of a broken line white.
fn end_white(line: &mut Vec<u32>, a0: u32, black: bool) {
    if black {
        change(line, a0, u32::MAX, false);
    }
}
