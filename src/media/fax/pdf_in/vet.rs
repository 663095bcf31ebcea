//! What a PDF must not be before it is handed to the package that reads it: encrypted, or short only because its
//! streams grow without bound.
//!
//! Every `stream` keyword counts, wherever it stands, and what follows is inflated and thrown away. Streams that are
//! decoded while a file is opened are the matter of `structure`; the other streams with other filters, or more than
//! one, are followed exactly once the file is open.

use super::expand::{TooMuch, grown, inflated};
use super::extent;
use super::lexing::{Text, names};
use super::reach;
use super::shared::Streams;
use super::structure::{self, Sizes, data};
use super::work::Octets;
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

/// What is known of a file before it is opened.
pub(super) struct Seen {
    /// Octets of its longest object.
    pub longest: u64,
    /// Octets that each stream inflates to, if it were Flate data.
    sizes: Sizes,
}

/// Looks at the octets of a file.
pub(super) fn before_opening(input: &[u8], growth: &mut Growth, budget: &Budget) -> Result<Seen, MediaError> {
    if names(input, b"Encrypt").next().is_some() {
        return Err(MediaError::Unsupported("an encrypted PDF".into()));
    }
    let text = Text::new(input);
    let longest = extent::longest(&text)?;
    let mut sizes = Sizes::new();
    for at in memmem::find_iter(input, b"stream") {
        if input.get(..at).is_some_and(|before| before.ends_with(b"end")) {
            continue;
        }
        budget.check()?;
        if sizes.len() >= MOST_STREAMS {
            return Err(MediaError::Limit(Exceeded::FaxWork));
        }
        let stream = at + b"stream".len();
        let size = growth.follow(|most| inflated(data(input, stream), most, None))?;
        sizes.insert(stream, size);
    }
    structure::check(&text, &sizes, growth)?;
    Ok(Seen { longest, sizes })
}

/// Follows the streams that are not plain Flate data, and looks at how often all are referred to.
pub(super) fn once_open(
    pdf: &Pdf,
    octets: &Octets,
    seen: &Seen,
    growth: &mut Growth,
    budget: &Budget,
) -> Result<(), MediaError> {
    let file = pdf.data().as_ref().as_ptr().addr();
    let mut streams = Streams::default();
    let all = || pdf.objects().into_iter().inspect(|_| octets.met());
    for object in all() {
        budget.check()?;
        let Object::Stream(stream) = object else { continue };
        let (filters, data) = (stream.filters(), stream.raw_data());
        let size = match filters.as_slice() {
            [] | [Filter::CcittFaxDecode | Filter::DctDecode] => data.len() as u64,
            [Filter::FlateDecode] => {
                // Behind the keyword there are one or two octets of a line end, or none.
                let at = data.as_ptr().addr().wrapping_sub(file);
                let before = |before: usize| seen.sizes.get(&at.checked_sub(before)?).copied();
                let known = (0..=2).find_map(before);
                known.map_or_else(|| growth.follow(|most| grown(&data, &filters, most)), Ok)?
            }
            _ => growth.follow(|most| grown(&data, &filters, most))?,
        };
        streams.add(&stream, size);
    }
    let largest = streams.largest;
    streams.check(all(), pdf.xref())?;
    octets.opened(reach::longest(pdf, octets), largest);
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
