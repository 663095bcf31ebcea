//! Two-dimensional lines (T.4 4.2.1.3, T.6 2.2).
//!
//! Which code comes next cannot be foretold on a halftone, so a branch on it costs more than its work. Most codes
//! therefore go through one step without such branches ([`Place::usual`]): a table gives the lengths of the code and
//! of what it adds, the three modes differ in numbers only. All that the step does not foresee (long runs, ends of
//! lines, data that is not as it should be) is left to another one that looks at each thing ([`Place::careful`]).

use super::super::codes::{self, BLACK_RUNS, RunTable, WHITE_RUNS};
use super::Unclean;
use super::bits::Bits;
use super::line::{BEFORE, LOOKED_AT, Line, Writer};
use super::usual::{MOST_V0, USUAL, USUAL_BITS};
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
        let (v0, changes) = (step.v0(), step.changes());
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
    use super::super::super::codes::{BLACK, Code, WHITE};
    use super::super::line_1d;
    use super::*;

    /// A fixed generator of numbers below a bound.
    struct Random(u64);

    impl Random {
        fn below(&mut self, bound: usize) -> usize {
            self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (self.0 >> 33) as usize % bound
        }
    }

    /// Bits in, octets out.
    #[derive(Default)]
    struct Written(Vec<u8>, usize);

    impl Written {
        fn put(&mut self, code: Code) {
            for at in (0..code.len).rev() {
                if self.1.is_multiple_of(8) {
                    self.0.push(0);
                }
                *self.0.last_mut().unwrap() |= ((code.bits >> at & 1) as u8) << (7 - self.1 % 8);
                self.1 += 1;
            }
        }

        /// Codes of two-dimensional coding in any order, most of them such as a halftone has; a few bits of noise.
        fn codes(&mut self, random: &mut Random, count: usize) {
            let ones = random.below(9);
            let black = random.below(2);
            for _ in 0..count {
                match random.below(12) {
                    choice if choice < ones => self.put(codes::VERTICAL[3]),
                    0..7 => self.put(codes::VERTICAL[random.below(7)]),
                    7 | 8 => self.put(codes::PASS),
                    9 | 10 => {
                        let longest = [3, 12, 70, 104][random.below(4)];
                        self.put(codes::HORIZONTAL);
                        self.put([&WHITE, &BLACK][black][random.below(longest)]);
                        self.put([&BLACK, &WHITE][black][random.below(longest)]);
                    }
                    _ if random.below(20) == 0 => self.put(Code { bits: random.below(256) as u16, len: 8 }),
                    _ => self.put(codes::VERTICAL[2 + random.below(3)]),
                }
            }
        }
    }

    /// Reads a line without the usual step.
    fn line_by_careful_steps(
        bits: &mut Bits<'_>,
        width: u32,
        above: &Line,
        line: &mut Line,
    ) -> Result<(), Unclean> {
        let mut writer = line.begin();
        let mut place = Place { a0: 0, before_b1: BEFORE - 1 };
        while !place.careful(bits, width, above.entries(), &mut writer)? {}
        writer.end(width);
        Ok(())
    }

    #[test]
    fn the_usual_step_reads_what_the_careful_one_reads() {
        let mut random = Random(1);
        let (mut read, mut refused) = (0, 0);
        for _ in 0..3_000 {
            let width =
                1 + [random.below(12), random.below(300), random.below(3_000)][random.below(3)] as u32;
            let mut data = Written::default();
            // The first line is of runs, so that there is something above.
            let (mut at, mut white) = (0, true);
            while at < width as usize {
                let longest = [4, 64][random.below(2)];
                let run = random.below(longest).min(width as usize - at);
                data.put(if white { &WHITE } else { &BLACK }[run]);
                (at, white) = (at + run, !white);
            }
            let count = random.below(2_000);
            data.codes(&mut random, count);
            let (mut ours, mut slow) = (Bits::new(&data.0), Bits::new(&data.0));
            let mut lines = [(); 4].map(|()| Line::new(width));
            let [our_above, our_line, slow_above, slow_line] = &mut lines;
            assert_eq!(line_1d(&mut ours, width, our_above), Ok(()));
            assert_eq!(line_1d(&mut slow, width, slow_above), Ok(()));
            loop {
                let result = ours.line_2d(width, our_above, our_line);
                assert_eq!(result, line_by_careful_steps(&mut slow, width, slow_above, slow_line));
                if result.is_err() {
                    refused += 1;
                    break;
                }
                read += 1;
                assert_eq!(our_line.changes(), slow_line.changes(), "{width} columns");
                let left = |bits: &Bits<'_>| (bits.rest.len() * 8).wrapping_add(bits.count as usize);
                assert_eq!(left(&ours), left(&slow));
                std::mem::swap(our_above, our_line);
                std::mem::swap(slow_above, slow_line);
            }
        }
        assert!(read > 3_000 && refused == 3_000, "{read} lines read");
    }
}
