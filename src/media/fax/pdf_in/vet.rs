//! What a PDF must not be before it is handed to the package that reads it: encrypted, or short only because its
//! streams grow without bound.
//!
//! Streams that are decoded while a file is opened (cross-reference and object streams) have to be found without
//! reading it: every `stream` keyword counts, wherever it stands, and what follows is inflated and thrown away.
//! Streams with other filters, or more than one, are followed exactly once the file is open.

use super::expand::{TooMuch, inflated, unfilter};
use crate::limits::{Budget, Exceeded, Limits};
use crate::media::MediaError;
use hayro_interpret::hayro_syntax::Filter;
use hayro_interpret::hayro_syntax::Pdf;
use hayro_interpret::hayro_syntax::object::Object;
use memchr::memmem;

/// Streams looked at; a page has about ten.
const MOST_STREAMS: usize = 200_000;

/// Octets that one stream and all of them may grow to.
pub(super) struct Growth {
    one: u64,
    left: u64,
}

impl Growth {
    pub fn new(limits: &Limits) -> Self {
        // Colour images have three octets a pixel.
        Growth { one: limits.page_pixels.saturating_mul(2), left: limits.fax_pixels / 2 }
    }

    fn take(&mut self, octets: Result<u64, TooMuch>) -> Result<(), MediaError> {
        let left = octets.ok().and_then(|octets| self.left.checked_sub(octets));
        self.left = left.ok_or(MediaError::Limit(Exceeded::FaxPixels))?;
        Ok(())
    }

    fn most(&self) -> u64 {
        self.one.min(self.left)
    }
}

/// Looks at the octets of a file.
pub(super) fn before_opening(input: &[u8], growth: &mut Growth, budget: &Budget) -> Result<(), MediaError> {
    if names(input, b"Encrypt") {
        return Err(MediaError::Unsupported("an encrypted PDF".into()));
    }
    let mut seen = 0;
    for at in memmem::find_iter(input, b"stream") {
        if input.get(..at).is_some_and(|before| before.ends_with(b"end")) {
            continue;
        }
        budget.check()?;
        seen += 1;
        if seen > MOST_STREAMS {
            return Err(MediaError::Limit(Exceeded::FaxPixels));
        }
        let data = input.get(at + b"stream".len()..).unwrap_or_default();
        let data = data.strip_prefix(b"\r").unwrap_or(data);
        let data = data.strip_prefix(b"\n").unwrap_or(data);
        growth.take(inflated(data, growth.most(), None))?;
    }
    Ok(())
}

/// Follows the streams that are not plain Flate data.
pub(super) fn once_open(pdf: &Pdf, growth: &mut Growth, budget: &Budget) -> Result<(), MediaError> {
    for object in pdf.objects() {
        budget.check()?;
        let Object::Stream(stream) = object else { continue };
        let filters = stream.filters();
        if let [] | [Filter::FlateDecode | Filter::CcittFaxDecode | Filter::DctDecode] = filters.as_slice() {
            continue;
        }
        growth.take(unfilter(&stream.raw_data(), &filters, growth.most()).map(|data| data.len() as u64))?;
    }
    Ok(())
}

/// Whether the name stands anywhere in the file, with characters as numbers or without (ISO 32000-1, 7.3.5).
fn names(input: &[u8], name: &[u8]) -> bool {
    memchr::memchr_iter(b'/', input).any(|at| {
        let mut rest = input.get(at + 1..).unwrap_or_default();
        let same = name.iter().all(|&wanted| {
            let (found, length) = match rest {
                [b'#', high, low, ..] => {
                    let digit = |octet: u8| char::from(octet).to_digit(16);
                    let octet = digit(*high).zip(digit(*low)).map(|(high, low)| (high << 4 | low) as u8);
                    (octet, 3)
                }
                [octet, ..] => (Some(*octet), 1),
                [] => (None, 0),
            };
            rest = rest.get(length..).unwrap_or_default();
            found == Some(wanted)
        });
        same && !rest.first().is_some_and(|octet| octet.is_ascii_alphanumeric())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_found_in_all_their_spellings() {
        assert!(names(b"<</Size 3/Encrypt 5 0 R>>", b"Encrypt"));
        assert!(names(b"<</#45n#63rypt<<>>>>", b"Encrypt"));
        assert!(!names(b"<</EncryptMetadata true/Encryp>> Encrypt", b"Encrypt"));
    }
}
