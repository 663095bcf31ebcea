//! What the most frequent codes of two-dimensional lines add, looked up at once.

use super::super::codes::{self, BLACK, Code, RunCodes, WHITE};

/// Bits looked up at once in the usual step: horizontal mode with the runs most frequent on a halftone.
pub(super) const USUAL_BITS: u32 = 12;
/// V0 codes taken with the code behind them. All bits are ones.
pub(super) const MOST_V0: usize = 3;

/// What a code, and the V0 before it, adds in the usual step.
#[derive(Clone, Copy)]
pub(super) struct Step {
    /// Bits of all; 0 where the code is for the careful step.
    pub len: u8,
    /// Changes the code adds: none (pass mode, from b2), one (vertical modes, from b1) or two (horizontal mode, from
    /// a0); in the two lowest bits the number of V0 codes before it. One octet, so that the tables stay in the
    /// processor's nearest cache.
    changes_v0: u8,
    /// Columns from there to the first change.
    pub first: i8,
    /// Columns from the first change to the second.
    pub second: u8,
}

const CAREFUL: Step = Step { len: 0, changes_v0: 0, first: 0, second: 0 };

impl Step {
    const fn of(len: u8, changes: u8, first: i8, second: u8) -> Self {
        Step { len, changes_v0: changes << 2, first, second }
    }

    /// V0 codes before the code.
    #[inline(always)]
    pub fn v0(self) -> usize {
        usize::from(self.changes_v0) & MOST_V0
    }

    /// Changes the code adds.
    #[inline(always)]
    pub fn changes(self) -> usize {
        usize::from(self.changes_v0 >> 2)
    }
}

type Steps = [Step; 1 << USUAL_BITS];

/// What the next [`USUAL_BITS`] bits begin with, behind white and behind black pixels.
pub(super) static USUAL: [Steps; 2] = with_v0([steps(&WHITE, &BLACK), steps(&BLACK, &WHITE)]);

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_that_fits_is_a_usual_one() {
        for (colour, [first, second]) in [[&WHITE, &BLACK], [&BLACK, &WHITE]].into_iter().enumerate() {
            let entry = |code: Code| USUAL[colour][(code.bits as usize) << (USUAL_BITS as u8 - code.len)];
            let horizontal =
                |one: usize, two: usize| followed(followed(codes::HORIZONTAL, first[one]), second[two]);
            // Single dots beside single dots, in either colour.
            for (one, two) in [(1, 1), (2, 1), (3, 3), (7, 2)] {
                let step = entry(horizontal(one, two));
                assert_eq!((step.first as usize, step.second as usize, step.changes()), (one, two, 2));
            }
            let three = followed(Code { bits: 7, len: 3 }, codes::PASS);
            assert_eq!((entry(three).len, entry(three).v0()), (7, 3));
            assert_eq!(entry(Code { bits: 1, len: 12 }).len, 0, "an EOL");
        }
    }
}
