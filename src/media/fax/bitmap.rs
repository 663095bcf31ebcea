//! One page of pixels: packed rows, 1 = the colour that black codes stand for, first pixel in the highest bit.
//!
//! A bitmap grows row by row as rows are decoded, so a page that claims 30,000 rows and holds three costs
//! three. Rows travel between decoder, bitmap and encoder as lists of colour changes: strictly ascending
//! positions below the width, each row starting white (the change 0 makes it start black).

use std::hint::select_unpredictable;

/// Rows of pixels, all of one width.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Bitmap {
    width: u32,
    stride: usize,
    data: Vec<u8>,
}

impl Bitmap {
    /// A page without rows. `width` has been held against the limits by the caller.
    pub fn new(width: u32) -> Self {
        Bitmap { width, stride: (width as usize).div_ceil(8), data: Vec::new() }
    }

    /// A page of packed rows, padded with 0 bits to whole octets.
    pub fn of_packed(width: u32, data: Vec<u8>) -> Self {
        Bitmap { data, ..Bitmap::new(width) }
    }

    pub fn width(&self) -> u32 {
        self.width
    }

    pub fn rows(&self) -> usize {
        self.data.len().checked_div(self.stride).unwrap_or(0)
    }

    /// The packed rows, padded with 0 bits to whole bytes (the body of a binary PBM).
    pub fn data(&self) -> &[u8] {
        &self.data
    }

    /// The packed rows one by one.
    pub fn iter(&self) -> impl Iterator<Item = &[u8]> {
        self.data.chunks_exact(self.stride.max(1))
    }

    /// One packed row; empty where there is none.
    pub fn row(&self, at: usize) -> &[u8] {
        let start = at.saturating_mul(self.stride);
        self.data.get(start..start.saturating_add(self.stride)).unwrap_or_default()
    }

    /// Adds a row given by its colour changes; those of a damaged line may lie beyond the right edge.
    pub fn push_changes(&mut self, changes: &[u32]) {
        let start = self.data.len();
        // Painted in whole words; what is behind the row is cut off.
        self.data.resize(start + self.stride.next_multiple_of(WORD), 0);
        if let Some(row) = self.data.get_mut(start..) {
            paint(row.as_chunks_mut().0, changes);
        }
        self.data.truncate(start + self.stride);
        self.clear_padding(start);
    }

    /// Adds a row of packed pixels; a short one is completed with white.
    pub fn push_packed(&mut self, packed: &[u8]) {
        let start = self.data.len();
        self.data.extend_from_slice(packed.get(..self.stride).unwrap_or(packed));
        self.data.resize(start + self.stride, 0);
        self.clear_padding(start);
    }

    /// Adds `count` copies of the last row, white where there is none.
    pub fn repeat_last(&mut self, count: usize) {
        for _ in 0..count {
            match self.data.len().checked_sub(self.stride) {
                Some(from) => self.data.extend_from_within(from..),
                None => self.data.resize(self.stride, 0),
            }
        }
    }

    /// Makes the page `rows` long: rows beyond are dropped, missing ones are white.
    pub fn set_rows(&mut self, rows: usize) {
        self.data.resize(rows * self.stride, 0);
    }

    /// Exchanges black and white.
    pub fn invert(&mut self) {
        for byte in &mut self.data {
            *byte = !*byte;
        }
        for row in 0..self.rows() {
            self.clear_padding(row * self.stride);
        }
    }

    /// Makes the page `width` columns wide, adding white at the right or cutting.
    pub fn set_width(&mut self, width: u32) {
        let mut wide = Bitmap::new(width);
        wide.data.reserve_exact(wide.stride * self.rows());
        for row in self.iter() {
            wide.push_packed(row);
        }
        *self = wide;
    }

    fn clear_padding(&mut self, row_start: usize) {
        let used = self.width % 8;
        if used > 0
            && let Some(last) = self.data.get_mut(row_start + self.stride - 1)
        {
            *last &= 0xff << (8 - used);
        }
    }
}

/// Octets painted at once.
const WORD: usize = 8;

/// Paints a white row. Each change turns all pixels from it to the end of its word round, without a branch, since on a
/// halftone none can be foretold; then each word is turned round whose neighbour at the left ends black.
fn paint(row: &mut [[u8; WORD]], changes: &[u32]) {
    let Some(first) = changes.first() else { return };
    let (mut at, mut word) = (0, 0);
    for &change in changes {
        let here = change as usize / 64;
        word = select_unpredictable(here == at, word, 0) ^ (u64::MAX >> (change % 64));
        at = here;
        if let Some(octets) = row.get_mut(here) {
            *octets = word.to_ne_bytes();
        }
    }
    let end = if changes.len().is_multiple_of(2) { at + 1 } else { row.len() };
    let mut before = 0;
    for octets in row.iter_mut().take(end).skip(*first as usize / 64) {
        let painted = u64::from_ne_bytes(*octets) ^ before;
        *octets = painted.to_be_bytes();
        // Black or white all through, as the last pixel is.
        before = (painted & 1).wrapping_neg();
    }
}

/// Puts the colour changes of a packed row into `changes`.
pub(super) fn changes_of(row: &[u8], width: u32, changes: &mut Vec<u32>) {
    changes.clear();
    let mut before = 0u64;
    let mut at = 0u32;
    for chunk in row.chunks(8) {
        let mut word = [0; 8];
        if let Some(head) = word.get_mut(..chunk.len()) {
            head.copy_from_slice(chunk);
        }
        let word = u64::from_be_bytes(word);
        // A bit is set where a pixel differs from the one at its left.
        let mut edges = word ^ (word >> 1 | before << 63);
        before = word & 1;
        while edges != 0 {
            let next = edges.leading_zeros();
            changes.push(at + next);
            edges &= !(1 << (63 - next));
        }
        at += 64;
    }
    // The padding behind the last pixel is white: an edge there is the end of the row, not a change.
    while changes.last().is_some_and(|&change| change >= width) {
        changes.pop();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_come_back_as_the_changes_that_painted_them() {
        for width in [1, 7, 8, 9, 63, 64, 65, 1728] {
            for changes in
                [vec![], vec![0], vec![0, 1], vec![3, 5], vec![0, 8, 16, 64], vec![1, 63, 64, 65, 66]]
            {
                let changes: Vec<u32> = changes.into_iter().filter(|&c| c < width).collect();
                let mut page = Bitmap::new(width);
                page.push_changes(&changes);
                let mut found = Vec::new();
                changes_of(page.data(), width, &mut found);
                assert_eq!(found, changes, "width {width}");
            }
        }
    }

    #[test]
    fn changes_beyond_the_right_edge_paint_nothing() {
        for (changes, octets) in [
            (&[3, 99][..], [0x1f, 0x80]),
            (&[8, 10], [0x00, 0x80]),
            (&[9, 11], [0x00, 0x00]),
            (&[11], [0x00, 0x00]),
            (&[0, 2, 70, 80, 200], [0xc0, 0x00]),
            (&[7, 64], [0x01, 0x80]),
        ] {
            let mut page = Bitmap::new(9);
            page.push_changes(changes);
            assert_eq!(page.data(), octets, "{changes:?}");
        }
    }

    #[test]
    fn padding_stays_white_when_a_page_is_inverted_widened_or_cut() {
        let mut page = Bitmap::new(9);
        page.push_packed(&[0xff, 0xff, 0xff]);
        assert_eq!(page.data(), [0xff, 0x80]);
        page.set_rows(2);
        page.invert();
        assert_eq!(page.data(), [0, 0, 0xff, 0x80]);
        page.set_width(17);
        assert_eq!(page.data(), [0, 0, 0, 0xff, 0x80, 0]);
        page.set_width(3);
        assert_eq!(page.data(), [0, 0xe0]);
    }
}
