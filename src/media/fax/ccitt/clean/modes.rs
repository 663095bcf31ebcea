//! Two-dimensional lines (T.4 4.2.1.3, T.6 2.2).
//!
//! Which code comes next cannot be foretold on a halftone, so a branch on it costs more than its work. Most codes
//! therefore go through one step without such branches ([`Place::usual`]): a table gives the lengths of the code and
//! of what it adds, the three modes differ in numbers only. All that the step does not foresee (long runs, ends of
//! lines, data that is not as it should be) is left to another one that looks at each thing ([`Place::careful`]).

use super::super::codes::{self, BLACK, BLACK_RUNS, Code, RunCodes, RunTable, WHITE, WHITE_RUNS};
use super::Unclean;
use super::bits::Bits;
use super::line::{BEFORE, LOOKED_AT, Line, Writer};
use std::hint::select_unpredictable;

impl Bits<'_> {
    /// Reads a line coded in relation to the one above.
    #[inline(always)]
    pub fn line_2d(&mut self, width: u32, above: &Line, line: &mut Line) -> Result<(), Unclean> {
        let mut writer = line.begin();
        let above = above.entries();
        let mut place = Place { a0: 0, before_b1: BEFORE - 1 };
        loop {
            let complete = place.usual(self, width, above, &mut writer)
                || place.careful(self, width, above, &mut writer)?;
            if complete {
                writer.end(width);
                return Ok(());
            }
        }
    }
}

/// Where in a line the reading is.
#[derive(Clone, Copy)]
struct Place {
    /// The column of a0; 0 before the first code too, where a0 is left of the line.
    a0: u32,
    /// The entry before b1, which is the first change of the row above right of a0 and to the other colour than a0's.
    before_b1: usize,
}

impl Place {
    /// Reads codes as long as they are usual ones; true if the last one completes the line.
    #[inline(always)]
    fn usual(&mut self, bits: &mut Bits<'_>, width: u32, above: &[u32], writer: &mut Writer<'_>) -> bool {
        /// Codes that surely are among the bits available.
        const CODES: u32 = 56 / USUAL_BITS;
        let mut place = *self;
        let mut input = Bits { ..*bits };
        let mut next = writer.next;
        let complete = 'line: loop {
            if !input.refill_inside() {
                break false;
            }
            for _ in 0..CODES {
                match place.step(&mut input, width, above, writer.at, &mut next) {
                    Some(false) => {}
                    last => break 'line last.is_some(),
                }
            }
        };
        *self = place;
        *bits = input;
        writer.next = next;
        complete
    }

    /// Reads one usual code, and the V0 before it, without a branch on what it is: true if it completes the line, `None`
    /// if it is no usual one, and nothing was taken. `next` is the entry of `line` behind its last change.
    #[inline(always)]
    fn step(
        &mut self,
        bits: &mut Bits<'_>,
        width: u32,
        above: &[u32],
        line: &mut [u32],
        next: &mut usize,
    ) -> Option<bool> {
        let index = (bits.held >> (64 - USUAL_BITS)) as usize;
        let step = USUAL.get(*next % 2)?.get(index)?;
        let near = above.get(self.before_b1..)?.first_chunk::<LOOKED_AT>()?;
        let to = line.get_mut(*next..)?.first_chunk_mut::<{ MOST_V0 + 2 }>()?;
        // V0 takes over changes of the row above; b1 is the next one after each.
        let v0 = usize::from(step.changes_v0) & MOST_V0;
        let changes = usize::from(step.changes_v0 >> 2);
        to[..MOST_V0].copy_from_slice(&near[1..=MOST_V0]);
        let a0 = select_unpredictable(v0 > 0, near[v0], self.a0);
        // Behind a vertical mode the colour is another one: the change before b1 is the first that may be b1.
        let same = changes & 1 ^ 1;
        // b1 in vertical modes, b2 in pass mode.
        let from = select_unpredictable(changes == 2, a0, near[v0 + 1 + same]);
        let first = from.wrapping_add_signed(step.first.into());
        let last = first.wrapping_add(step.second.into());
        (to[v0], to[v0 + 1]) = (first, last);
        // Behind a V0 that completes the line everything is.
        let backward = first <= a0 && (first > 0 || self.a0 > 0 || v0 > 0 || *next != BEFORE);
        if step.len == 0 || last > width || backward {
            return None;
        }
        bits.held <<= step.len & 63;
        bits.count = bits.count.wrapping_sub(step.len.into());
        *next = next.wrapping_add(v0 + changes);
        if last == width {
            return Some(true);
        }
        self.a0 = last;
        let passed = usize::from(near[v0 + same] <= last)
            + usize::from(near[v0 + same + 2] <= last)
            + usize::from(near[v0 + same + 4] <= last);
        let far = near[v0 + same + 6] <= last;
        self.before_b1 = self.before_b1.wrapping_add(v0 + same).wrapping_add(2 * passed).wrapping_sub(1);
        if far {
            self.before_b1 = behind(above, self.before_b1 + 1, last) - 1;
        }
        Some(false)
    }

    /// Reads one code of any kind; true if it completes the line.
    #[inline(always)]
    fn careful(
        &mut self,
        bits: &mut Bits<'_>,
        width: u32,
        above: &[u32],
        writer: &mut Writer<'_>,
    ) -> Result<bool, Unclean> {
        let at = |index: usize| above.get(index).copied().unwrap_or(width);
        let b1 = self.before_b1 + 1;
        bits.refill();
        let mode = MODES.get((bits.held >> (64 - MODE_BITS)) as usize).copied().unwrap_or(NO_MODE);
        bits.take(mode.len.into());
        match mode.kind {
            Kind::Vertical => {
                let a1 = at(b1).wrapping_add_signed(mode.offset.into());
                // Left of a0 (or of the left edge, which wraps), or right of the right edge.
                if a1 < self.a0 || a1 > width {
                    return Err(Unclean);
                }
                if a1 == width {
                    return Ok(true);
                }
                writer.change(a1);
                self.a0 = a1;
                self.before_b1 = behind(above, self.before_b1, a1) - 1;
            }
            Kind::Horizontal => {
                let tables: [&RunTable; 2] =
                    if writer.black() { [&BLACK_RUNS, &WHITE_RUNS] } else { [&WHITE_RUNS, &BLACK_RUNS] };
                for table in tables {
                    self.a0 = self.a0.saturating_add(bits.run(table)?);
                    if self.a0 > width {
                        return Err(Unclean);
                    }
                    writer.change(self.a0);
                    bits.refill();
                }
                if self.a0 == width {
                    return Ok(true);
                }
                self.before_b1 = behind(above, b1, self.a0) - 1;
            }
            Kind::Pass => {
                self.a0 = at(b1 + 1);
                self.before_b1 += 2;
                if self.a0 >= width {
                    return Ok(true);
                }
            }
            Kind::None => return Err(Unclean),
        }
        Ok(false)
    }
}

/// The first entry of every other one from `entry` on that is right of the column `a0`.
#[inline(always)]
fn behind(above: &[u32], mut entry: usize, a0: u32) -> usize {
    while above.get(entry).is_some_and(|&change| change <= a0) {
        entry += 2;
    }
    entry
}

/// Bits looked up at once in the usual step: horizontal mode with the runs most frequent on a halftone.
const USUAL_BITS: u32 = 12;
/// V0 codes taken with the code behind them. All bits are ones.
const MOST_V0: usize = 3;

/// What a code, and the V0 before it, adds in the usual step.
#[derive(Clone, Copy)]
struct Step {
    /// Bits of all; 0 where the code is for the careful step.
    len: u8,
    /// Changes the code adds: none (pass mode, from b2), one (vertical modes, from b1) or two (horizontal mode, from
    /// a0); in the two lowest bits the number of V0 codes before it. One octet, so that the tables stay in the
    /// processor's nearest cache.
    changes_v0: u8,
    /// Columns from there to the first change.
    first: i8,
    /// Columns from the first change to the second.
    second: u8,
}

const CAREFUL: Step = Step { len: 0, changes_v0: 0, first: 0, second: 0 };

impl Step {
    const fn of(len: u8, changes: u8, first: i8, second: u8) -> Self {
        Step { len, changes_v0: changes << 2, first, second }
    }
}

type Steps = [Step; 1 << USUAL_BITS];

/// What the next [`USUAL_BITS`] bits begin with, behind white and behind black pixels.
static USUAL: [Steps; 2] = with_v0([steps(&WHITE, &BLACK), steps(&BLACK, &WHITE)]);

/// Puts V0 before codes.
const fn with_v0(single: [Steps; 2]) -> [Steps; 2] {
    let mut tables = single;
    let mut colour = 0;
    while colour < 2 {
        let mut entry = 0;
        while entry < tables[colour].len() {
            let mut v0 = (!(entry << (usize::BITS - USUAL_BITS))).leading_zeros() as usize;
            if v0 > MOST_V0 {
                v0 = MOST_V0;
            }
            // Fewer, the last of them as the code, where the code behind them is not known from the bits left.
            while v0 > 0 {
                let step = single[(colour + v0) % 2][entry << v0 & ((1 << USUAL_BITS) - 1)];
                let len = step.len + v0 as u8;
                if step.len > 0 && len as u32 <= USUAL_BITS {
                    tables[colour][entry] = Step { len, changes_v0: step.changes_v0 | v0 as u8, ..step };
                    break;
                }
                v0 -= 1;
            }
            entry += 1;
        }
        colour += 1;
    }
    tables
}

const fn steps(first: &RunCodes, second: &RunCodes) -> Steps {
    let mut table = [CAREFUL; 1 << USUAL_BITS];
    enter(&mut table, codes::PASS, Step::of(codes::PASS.len, 0, 0, 0));
    let mut at = 0;
    while at < codes::VERTICAL.len() {
        let code = codes::VERTICAL[at];
        enter(&mut table, code, Step::of(code.len, 1, at as i8 - 3, 0));
        at += 1;
    }
    let mut one = 0;
    while one < 64 {
        let head = followed(codes::HORIZONTAL, first[one]);
        // A second run of 0 takes a change back.
        let mut two = 1;
        while two < 64 {
            let code = followed(head, second[two]);
            if code.len as u32 <= USUAL_BITS {
                enter(&mut table, code, Step::of(code.len, 2, one as i8, two as u8));
            }
            two += 1;
        }
        one += 1;
    }
    table
}

/// Two codes as one; with no bits where they are too long for the table.
const fn followed(first: Code, second: Code) -> Code {
    let len = first.len + second.len;
    let bits = if len as u32 <= USUAL_BITS { first.bits << second.len | second.bits } else { 0 };
    Code { bits, len }
}

const fn enter(table: &mut Steps, code: Code, step: Step) {
    let spare = USUAL_BITS - code.len as u32;
    let mut entry = (code.bits as usize) << spare;
    let end = entry + (1 << spare);
    while entry < end {
        table[entry] = step;
        entry += 1;
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
