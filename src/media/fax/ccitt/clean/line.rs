//! The colour changes of a row, and a row that is being read.

/// Entries before the first change, each 0: there is a change before b1 always. The number is even, so that an entry's
/// is even where the change is one to black.
pub(super) const BEFORE: usize = 2;
/// Entries behind the last change, each the width: b1, b2 and the changes looked at behind them.
const BEHIND: usize = LOOKED_AT + 1;
/// Changes of the row above that are looked at together.
pub(super) const LOOKED_AT: usize = 12;

/// The colour changes of a row, between entries that make b1 and b2 (T.4 4.2.1.1) be there always.
pub(super) struct Line {
    at: Vec<u32>,
    len: usize,
}

impl Line {
    /// A white row.
    pub fn new(width: u32) -> Self {
        // A change for each pixel, and two that are written and taken back.
        let mut at = vec![width; BEFORE + width as usize + 2 + BEHIND];
        at.iter_mut().take(BEFORE).for_each(|before| *before = 0);
        Line { at, len: 0 }
    }

    /// Number of changes.
    pub fn len(&self) -> usize {
        self.len
    }

    pub fn changes(&self) -> &[u32] {
        self.at.get(BEFORE..BEFORE + self.len).unwrap_or_default()
    }

    /// All entries: the change `n` at `BEFORE + n`.
    #[inline(always)]
    pub fn entries(&self) -> &[u32] {
        &self.at
    }

    /// A new row in the place of this one.
    #[inline(always)]
    pub fn begin(&mut self) -> Writer<'_> {
        Writer { at: &mut self.at, next: BEFORE, len: &mut self.len }
    }
}

/// A row that is being read.
pub(super) struct Writer<'a> {
    pub at: &'a mut [u32],
    /// The entry behind the last change.
    pub next: usize,
    /// Of the line, once it is complete.
    len: &'a mut usize,
}

impl Writer<'_> {
    /// True where the pixels behind the last change are black.
    #[inline(always)]
    pub fn black(&self) -> bool {
        self.next % 2 == 1
    }

    /// Adds a change. Two at one place, around a run of 0, are none.
    #[inline(always)]
    pub fn change(&mut self, at: u32) {
        if self.ends_at(at) {
            self.next -= 1;
        } else if let Some(slot) = self.at.get_mut(self.next) {
            *slot = at;
            self.next += 1;
        }
    }

    /// Completes the line.
    #[inline(always)]
    pub fn end(mut self, width: u32) {
        // A change at the right edge is none.
        if self.ends_at(width) {
            self.next -= 1;
        }
        if let Some(behind) = self.at.get_mut(self.next..self.next + BEHIND) {
            behind.fill(width);
        }
        *self.len = self.next - BEFORE;
    }

    #[inline(always)]
    fn ends_at(&self, at: u32) -> bool {
        self.next > BEFORE && self.at.get(self.next - 1) == Some(&at)
    }
}
