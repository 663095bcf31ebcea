//! How far the objects of a file reach, added up over all places where a reader may begin to read one.
//!
//! A reader that finds no cross-reference table tries every object it sees, and objects in objects again, so that a
//! file of open strings costs the square of its octets: a megabyte takes half a minute, 20 MB hours. What is legal in
//! a dictionary is told from what is not by one octet here, so that pictures that happen to hold brackets end at once.

use super::lexing::{Text, is_regular, is_space, names};
use crate::media::MediaError;
use memchr::{memchr_iter, memmem};

/// Arrays and dictionaries in each other; a reader goes no deeper.
const NESTING: usize = 512;

/// Octets of the longest object; fails where all of them together are more than a file of this size is worth.
pub(super) fn longest(text: &Text<'_>) -> Result<u64, MediaError> {
    let look = |from: usize| {
        let extent = text.object_end(from) - from;
        text.spend(extent).map(|()| extent)
    };
    let mut longest = 0;
    for at in memmem::find_iter(text.input, b"obj") {
        let end = text.input.get(..at).is_some_and(|before| before.ends_with(b"end"));
        if !end {
            longest = look(at + b"obj".len())?.max(longest);
        }
    }
    for at in memmem::find_iter(text.input, b"<<") {
        look(at)?;
    }
    // The numbers before an object may have comments between them.
    for at in memchr_iter(b'%', text.input) {
        if text.number_before(at) {
            text.spend(text.line_end(at) - at)?;
        }
    }
    // Whatever calls itself a trailer has its catalog looked at.
    for _ in names(text.input, b"Root") {
        text.spend(longest)?;
    }
    Ok(longest as u64)
}

impl Text<'_> {
    /// Behind the object that begins at `from`, or where it is seen to be none.
    fn object_end(&self, from: usize) -> usize {
        let mut closers: Vec<u8> = Vec::new();
        let mut at = self.token(from);
        while let Some(octet) = self.octet(at) {
            let doubled = self.octet(at + 1) == Some(octet);
            let end = match octet {
                b'%' => self.line_end(at),
                octet if is_space(octet) => at + 1,
                b'(' => self.string_end(at),
                b'<' if doubled => {
                    closers.push(b'>');
                    at + 2
                }
                b'<' => self.run(at + 1, |octet| octet.is_ascii_hexdigit() || is_space(octet)) + 1,
                b'[' => {
                    closers.push(b']');
                    at + 1
                }
                b']' if closers.pop() == Some(b']') => at + 1,
                b'>' if doubled && closers.pop() == Some(b'>') => at + 2,
                b'/' => self.run(at + 1, is_regular),
                octet if is_regular(octet) => self.run(at, is_regular),
                _ => return at,
            };
            at = end;
            if closers.is_empty() || closers.len() > NESTING {
                break;
            }
        }
        at.min(self.input.len()).max(from)
    }

    fn run(&self, from: usize, within: impl Fn(u8) -> bool) -> usize {
        let rest = self.input.get(from..).unwrap_or_default();
        from + rest.iter().take_while(|&&octet| within(octet)).count()
    }

    /// Whether a number stands before `at`, at the beginning of a token.
    fn number_before(&self, at: usize) -> bool {
        let before = self.input.get(..at).unwrap_or_default();
        let mut rest = before.iter().rev().skip_while(|&&octet| is_space(octet)).peekable();
        rest.peek().is_some_and(|octet| octet.is_ascii_digit())
            && rest.find(|octet| !octet.is_ascii_digit()).is_none_or(|&octet| !is_regular(octet))
    }
}
