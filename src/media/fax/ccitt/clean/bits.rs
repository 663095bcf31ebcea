//! Coded bits, first bit highest, and what stands between rows.

use super::super::Scheme;
use super::super::codes::{RUN_BITS, RunTable};
use super::{Between, Unclean};

/// EOLs in a row that end a page (T.4 4.1.4).
const RTC: u32 = 6;

/// Coded bits.
///
/// Code words never run ahead of the data: behind its end there are zeros, and zeros are no code.
pub(super) struct Bits<'a> {
    /// Bytes not looked at yet.
    pub rest: &'a [u8],
    /// The next bits, the first one highest; behind `count` bits are zeros or bits of `rest`.
    pub held: u64,
    /// Bits taken from the data; wraps where more were used than there are.
    pub count: u32,
}

impl<'a> Bits<'a> {
    pub fn new(data: &'a [u8]) -> Self {
        Bits { rest: data, held: 0, count: 0 }
    }

    /// Makes at least 56 bits available, where there are so many.
    #[inline(always)]
    pub fn refill(&mut self) {
        if !self.refill_inside() {
            self.refill_at_end();
        }
    }

    /// Makes at least 56 bits available; false where the data may end before.
    #[inline(always)]
    pub fn refill_inside(&mut self) -> bool {
        let Some(next) = self.rest.first_chunk::<8>() else { return false };
        let taken = (63u32.wrapping_sub(self.count) >> 3) as usize;
        let Some(rest) = self.rest.get(taken..) else { return false };
        self.held |= u64::from_be_bytes(*next).unbounded_shr(self.count);
        self.rest = rest;
        self.count |= 56;
        true
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
    pub fn take(&mut self, bits: u32) -> u64 {
        let taken = self.held >> 32 >> (32 - bits);
        self.held <<= bits;
        self.count = self.count.wrapping_sub(bits);
        taken
    }

    /// Leaves out up to 64 bits.
    #[inline(always)]
    pub fn skip(&mut self, bits: u32) {
        self.held = self.held.unbounded_shl(bits);
        self.count = self.count.wrapping_sub(bits);
    }

    /// More bits were taken than there were.
    pub fn overdrawn(&self) -> bool {
        self.count > 64
    }

    /// Nothing but padding is left.
    pub fn at_end(&self) -> bool {
        self.held == 0 && self.rest.is_empty()
    }

    /// Passes what stands before a row; false at the end of the data.
    pub fn begin_row(&mut self, between: Between, scheme: Scheme) -> Result<bool, Unclean> {
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

    /// A run: make-up codes and a terminating code (T.4 4.1.1). Needs 13 bits, and takes more by itself.
    #[inline(always)]
    pub fn run(&mut self, table: &RunTable) -> Result<u32, Unclean> {
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
}
