//! The octets of the strips of a page: StripOffsets and StripByteCounts select bytes that are there, no byte twice.

use super::MediaError;
use super::tiff::{Directory, Tiff, tag};
use crate::limits::{Exceeded, Limits};

/// The bytes of every strip that the page needs.
pub(super) fn of<'a>(
    tiff: &Tiff<'a>,
    directory: &Directory,
    length: Option<u32>,
    rows_per_strip: u32,
    limits: &Limits,
) -> Result<Vec<&'a [u8]>, MediaError> {
    let no_strips = || MediaError::malformed("tiff", "a page has no StripOffsets");
    let offsets = directory.find(tag::STRIP_OFFSETS).ok_or_else(no_strips)?;
    let counts = directory.find(tag::STRIP_BYTE_COUNTS);
    // More strips than the rows need hold nothing of the page.
    let needed = length.map_or(offsets.count, |length| offsets.count.min(length.div_ceil(rows_per_strip)));
    if needed > limits.fax_strips {
        return Err(Exceeded::PageSize.into());
    }
    let starts: Vec<usize> =
        (0..needed).map_while(|index| tiff.integer(offsets, index)).map(|start| start as usize).collect();
    let mut boundaries: Option<Vec<usize>> = None;
    // Up to whatever comes next in the file.
    let mut up_to_next = |start: usize, rest: &[u8]| {
        let known = boundaries.get_or_insert_with(|| boundaries_of(tiff, &starts));
        let next = known.partition_point(|&boundary| boundary <= start);
        known.get(next).map_or(rest.len(), |&boundary| boundary - start)
    };
    let rest_of = |start: usize| tiff.bytes.get(start..).unwrap_or_default();
    let mut strips = Vec::with_capacity(starts.len());
    for (index, &start) in (0u32..).zip(&starts) {
        let rest = rest_of(start);
        let count = counts.and_then(|field| tiff.integer(field, index)).filter(|&count| count > 0);
        let size = count.map_or_else(|| up_to_next(start, rest), |count| count as usize);
        strips.push(rest.get(..size).unwrap_or(rest));
    }
    // Strips have octets of their own. Were they believed to lie one over the other, a small file would be as much
    // work as a large one.
    let fit = |strips: &[&[u8]]| {
        let together = strips.iter().fold(0usize, |sum, strip| sum.saturating_add(strip.len()));
        strips.len() < 2 || together <= tiff.bytes.len()
    };
    if !fit(&strips) {
        for (strip, &start) in strips.iter_mut().zip(&starts) {
            let size = up_to_next(start, strip);
            *strip = strip.get(..size).unwrap_or(strip);
        }
        if !fit(&strips) {
            return Err(MediaError::malformed("tiff", "strips that lie one over the other"));
        }
    }
    Ok(strips)
}

/// Where strips of this page and directories begin, in order.
fn boundaries_of(tiff: &Tiff<'_>, starts: &[usize]) -> Vec<usize> {
    let directories = tiff.directories.iter().map(|directory| directory.offset);
    let mut all: Vec<usize> = starts.iter().copied().chain(directories).collect();
    all.sort_unstable();
    all
}
