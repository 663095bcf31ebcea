//! Coding rows as MH, MR (ITU-T T.4 4.1, 4.2) or MMR (T.6).
//!
//! Works on lists of colour changes, so the cost follows the number of runs and not the number of pixels.
//! Every line of T.4 data begins with an EOL and no RTC is written (RFC 2306 3.8.5); MMR data ends with an
//! EOFB (RFC 2306 3.8.6). Bits are written first bit highest (FillOrder 1).

use super::codes::{self, Code, RunCodes};
use crate::media::fax::bitmap::{Bitmap, changes_of};

/// How to code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::media::fax) enum Target {
    /// T.4 one-dimensional; `aligned`: every EOL ends on a byte boundary (T4Options bit 2).
    Mh { aligned: bool },
    /// T.4 two-dimensional; one line in `k` is coded one-dimensionally.
    Mr { k: u32 },
    /// T.6.
    Mmr,
}

/// Codes a whole page.
pub(in crate::media::fax) fn encode_page(page: &Bitmap, target: Target) -> Vec<u8> {
    let mut encoder = Encoder::new(page.width(), target);
    let mut changes = Vec::new();
    for row in page.iter() {
        changes_of(row, page.width(), &mut changes);
        encoder.row(&mut changes);
    }
    encoder.finish()
}

/// Codes row after row.
pub(in crate::media::fax) struct Encoder {
    writer: BitWriter,
    target: Target,
    width: u32,
    reference: Vec<u32>,
    line: u32,
}

impl Encoder {
    /// Starts a strip of rows of `width` columns.
    pub fn new(width: u32, target: Target) -> Self {
        Encoder { writer: BitWriter::default(), target, width, reference: Vec::new(), line: 0 }
    }

    /// Codes one row given by its colour changes; the list comes back with other contents.
    pub fn row(&mut self, changes: &mut Vec<u32>) {
        match self.target {
            Target::Mh { aligned } => {
                if aligned {
                    self.writer.fill_before_aligned_eol();
                }
                self.writer.put(codes::EOL);
                one_dimensional(&mut self.writer, changes, self.width);
            }
            Target::Mr { k } => {
                let first_of_group = self.line.is_multiple_of(k.max(1));
                self.writer.put(codes::EOL);
                self.writer.put(Code { bits: first_of_group.into(), len: 1 });
                if first_of_group {
                    one_dimensional(&mut self.writer, changes, self.width);
                } else {
                    two_dimensional(&mut self.writer, changes, &self.reference, self.width);
                }
            }
            Target::Mmr => two_dimensional(&mut self.writer, changes, &self.reference, self.width),
        }
        std::mem::swap(&mut self.reference, changes);
        self.line = self.line.wrapping_add(1);
    }

    /// Ends the strip.
    pub fn finish(mut self) -> Vec<u8> {
        if self.target == Target::Mmr {
            self.writer.put(codes::EOL);
            self.writer.put(codes::EOL);
        }
        self.writer.finish()
    }
}

/// T.4 4.1.1: white and black runs in turn, the first one white (0 where the row begins black).
fn one_dimensional(writer: &mut BitWriter, changes: &[u32], width: u32) {
    let mut from = 0;
    let mut black = false;
    for &change in changes.iter().chain([&width]) {
        writer.run(black, change - from);
        from = change;
        black = !black;
    }
}

/// T.4 4.2.1.3, T.6 2.2: the positions of the changes in relation to those of the row above.
fn two_dimensional(writer: &mut BitWriter, changes: &[u32], reference: &[u32], width: u32) {
    let (mut a0, mut at_start, mut black) = (0, true, false);
    // Next change of this row, and the first of the row above right of a0: both only move forward.
    let (mut coding, mut above) = (0, 0);
    while a0 < width {
        while reference.get(above).is_some_and(|&b| b <= a0 && !at_start) {
            above += 1;
        }
        // Changes to black have even indices; b1 is a change to the colour opposite to a0's.
        let b = above + usize::from((above % 2 == 1) != black);
        let b1 = reference.get(b).copied().unwrap_or(width);
        let b2 = reference.get(b + 1).copied().unwrap_or(width);
        let a1 = changes.get(coding).copied().unwrap_or(width);
        at_start = false;
        if b2 < a1 {
            writer.put(codes::PASS);
            a0 = b2;
            continue;
        }
        let vertical = (a1 + 3).checked_sub(b1).and_then(|index| codes::VERTICAL.get(index as usize));
        if let Some(&code) = vertical {
            writer.put(code);
            a0 = a1;
            black = !black;
            coding += 1;
        } else {
            let a2 = changes.get(coding + 1).copied().unwrap_or(width);
            writer.put(codes::HORIZONTAL);
            writer.run(black, a1 - a0);
            writer.run(!black, a2 - a1);
            a0 = a2;
            coding += 2;
        }
    }
}

/// Bits in, bytes out, the first bit highest.
#[derive(Default)]
struct BitWriter {
    out: Vec<u8>,
    /// Bits not yet written, right aligned; fewer than 32 between calls.
    held: u64,
    count: u32,
}

impl BitWriter {
    fn put(&mut self, code: Code) {
        self.held = self.held << code.len | u64::from(code.bits);
        self.count += u32::from(code.len);
        if self.count >= 32 {
            self.count -= 32;
            // The high half holds what was written before; only the 32 bits that are full go out.
            self.out.extend_from_slice(&((self.held >> self.count) as u32).to_be_bytes());
        }
    }

    fn run(&mut self, black: bool, mut run: u32) {
        let codes: &RunCodes = if black { &codes::BLACK } else { &codes::WHITE };
        while run >= codes::LONGEST_MAKE_UP {
            self.put_at(codes, 63 + codes::LONGEST_MAKE_UP / 64);
            run -= codes::LONGEST_MAKE_UP;
        }
        if run >= 64 {
            self.put_at(codes, 63 + run / 64);
        }
        self.put_at(codes, run % 64);
    }

    fn put_at(&mut self, codes: &RunCodes, index: u32) {
        if let Some(&code) = codes.get(index as usize) {
            self.put(code);
        }
    }

    /// Zero bits until an EOL put now ends on a byte boundary (T4Options bit 2: its 12 bits begin at bit 4).
    fn fill_before_aligned_eol(&mut self) {
        let fill = (12 - self.count % 8) % 8;
        self.put(Code { bits: 0, len: fill as u8 });
    }

    fn finish(mut self) -> Vec<u8> {
        let bytes = self.count.div_ceil(8) as usize;
        let rest = ((self.held << (32 - self.count)) as u32).to_be_bytes();
        self.out.extend(rest.iter().take(bytes));
        self.out
    }
}
