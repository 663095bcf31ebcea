//! What a PDF must not be before it is handed to the package that reads it: encrypted, or short only because its
//! streams grow without bound.
//!
//! Every `stream` keyword counts, wherever it stands, and what follows is inflated and thrown away. Streams that are
//! decoded while a file is opened are the matter of `structure`; the other streams with other filters, or more than
//! one, are followed exactly once the file is open.

use super::expand::{TooMuch, grown, inflated};
use super::structure::{self, Sizes, data, names};
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

    /// Takes what `grow` says, given the most it may be.
    pub fn follow(&mut self, grow: impl FnOnce(u64) -> Result<u64, TooMuch>) -> Result<u64, MediaError> {
        let octets = grow(self.most());
        self.take(octets)?;
        Ok(octets.unwrap_or(0))
    }

    fn most(&self) -> u64 {
        self.one.min(self.left)
    }
}

/// Looks at the octets of a file.
pub(super) fn before_opening(input: &[u8], growth: &mut Growth, budget: &Budget) -> Result<(), MediaError> {
    if names(input, b"Encrypt").next().is_some() {
        return Err(MediaError::Unsupported("an encrypted PDF".into()));
    }
    let mut sizes = Sizes::new();
    for at in memmem::find_iter(input, b"stream") {
        if input.get(..at).is_some_and(|before| before.ends_with(b"end")) {
            continue;
        }
        budget.check()?;
        if sizes.len() >= MOST_STREAMS {
            return Err(MediaError::Limit(Exceeded::FaxPixels));
        }
        let stream = at + b"stream".len();
        let size = growth.follow(|most| inflated(data(input, stream), most, None))?;
        sizes.insert(stream, size);
    }
    structure::check(input, &mut sizes, growth)
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
        growth.follow(|most| grown(&stream.raw_data(), &filters, most))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_found_in_all_their_spellings() {
        let found = |text: &[u8]| names(text, b"Encrypt").next();
        assert_eq!(found(b"<</Size 3/Encrypt 5 0 R>>"), Some(17));
        assert_eq!(found(b"<</#45n#63rypt<<>>>>"), Some(14));
        assert_eq!(found(b"/Encrypt"), Some(8));
        assert_eq!(found(b"<</EncryptMetadata true/Encryp>> Encrypt"), None);
    }
}
