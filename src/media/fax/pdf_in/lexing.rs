//! The lexical conventions of PDF (ISO 32000-1, 7.2), followed within a bound: whatever a hostile file makes of its
//! strings, comments and brackets, a [`Text`] takes so many steps and no more.

use crate::limits::Exceeded;
use crate::media::MediaError;
use std::cell::Cell;

/// Octets looked at, besides eight times those of the file.
const STEPS: usize = 64 << 20;

/// More work than a file of this size is worth.
pub(super) fn too_much() -> MediaError {
    MediaError::Limit(Exceeded::FaxWork)
}

pub(super) struct Text<'i> {
    pub input: &'i [u8],
    steps: Cell<usize>,
}

pub(super) fn is_space(octet: u8) -> bool {
    matches!(octet, 0 | b'\t' | b'\n' | 12 | b'\r' | b' ')
}

pub(super) fn is_regular(octet: u8) -> bool {
    !is_space(octet) && !b"()<>[]{}/%".contains(&octet)
}

impl<'i> Text<'i> {
    pub fn new(input: &'i [u8]) -> Self {
        Text { input, steps: Cell::new(STEPS.saturating_add(input.len().saturating_mul(8))) }
    }

    /// Takes steps; fails where there are none left.
    pub fn spend(&self, steps: usize) -> Result<(), MediaError> {
        self.steps.set(self.steps.get().saturating_sub(steps));
        if self.steps.get() == 0 { Err(too_much()) } else { Ok(()) }
    }

    pub fn octet(&self, at: usize) -> Option<u8> {
        self.input.get(at).copied()
    }

    /// The next place that is neither white space nor comment, or where the steps end.
    pub fn token(&self, from: usize) -> usize {
        let mut at = from;
        loop {
            let next = match self.octet(at) {
                Some(octet) if is_space(octet) => at + 1,
                Some(b'%') => self.line_end(at),
                _ => return at,
            };
            if self.spend(next - at).is_err() {
                return at;
            }
            at = next;
        }
    }

    /// The end of the line, where comments end.
    pub fn line_end(&self, at: usize) -> usize {
        let rest = self.input.get(at..).unwrap_or_default();
        at + memchr::memchr2(b'\r', b'\n', rest).unwrap_or(rest.len())
    }

    /// The name at `at`, and where it ends.
    pub fn name_at(&self, at: usize) -> Option<(Vec<u8>, usize)> {
        (self.octet(at) == Some(b'/')).then(|| unescaped(self.input, at + 1))
    }

    /// The name behind `at`.
    pub fn name(&self, at: usize) -> Option<Vec<u8>> {
        self.name_at(self.token(at)).map(|(name, _)| name)
    }

    /// Behind the string that begins at `at`.
    pub fn string_end(&self, mut at: usize) -> usize {
        let mut depth = 0usize;
        while let Some(octet) = self.octet(at) {
            at += 1;
            match octet {
                b'\\' => at += 1,
                b'(' => depth += 1,
                b')' => depth -= 1,
                _ => {}
            }
            if depth == 0 {
                break;
            }
        }
        at
    }
}

/// The name at `at`, with its characters written as numbers (7.3.5) put in, and where it ends.
fn unescaped(input: &[u8], mut at: usize) -> (Vec<u8>, usize) {
    let mut name = Vec::new();
    while let Some(&octet) = input.get(at).filter(|&&octet| is_regular(octet)) {
        let digit = |at: usize| char::from(*input.get(at)?).to_digit(16);
        let number = digit(at + 1).zip(digit(at + 2)).filter(|_| octet == b'#');
        name.push(number.map_or(octet, |(high, low)| (high << 4 | low) as u8));
        at += if number.is_some() { 3 } else { 1 };
    }
    (name, at)
}

/// Where the name stands in the file, however it is written: the places behind it.
pub(super) fn names<'i>(input: &'i [u8], name: &'i [u8]) -> impl Iterator<Item = usize> + 'i {
    memchr::memchr_iter(b'/', input).filter_map(move |at| {
        // Longer names are not read to their end.
        let start = input.get(at + 1..at + 1 + (name.len() * 3 + 1).min(input.len() - at - 1))?;
        let (found, length) = unescaped(start, 0);
        let same = found == name && (length < start.len() || at + 1 + length == input.len());
        same.then_some(at + 1 + length)
    })
}
