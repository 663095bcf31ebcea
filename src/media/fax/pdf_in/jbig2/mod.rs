//! What decoding a JBIG2 image takes (ITU-T T.88), told before it is decoded: the package that does it takes no limits.
//! Segments are followed as it follows them; what it might read in another way is refused.

mod arithmetic;
mod symbols;

use crate::limits::Limits;
use std::collections::BTreeMap;

const DAMAGED: &str = "a damaged JBIG2 image is left out";

/// Pixels that may be decoded.
struct Cost {
    left: u64,
    spent: u64,
}

impl Cost {
    fn new(most: u64) -> Self {
        Cost { left: most, spent: 0 }
    }

    fn spend(&mut self, pixels: u64) -> Result<(), &'static str> {
        self.left = self.left.checked_sub(pixels).ok_or("an image too large to be decoded is left out")?;
        self.spent += pixels;
        Ok(())
    }
}

/// Pixels of the page and its regions, and of symbols as often as they are shown. `globals` are the segments the image
/// shares with others; `symbols` says whether symbols can be followed at all.
pub(super) fn pixels(
    globals: Option<&[u8]>,
    data: &[u8],
    symbols: bool,
    limits: &Limits,
) -> Result<u64, &'static str> {
    let mut walk = Walk {
        page: Cost::new(limits.page_pixels / 2),
        symbols: Cost::new(if symbols { limits.page_pixels / 2 } else { 0 }),
        dictionaries: BTreeMap::new(),
        last: None,
    };
    if let Some(globals) = globals {
        walk.segments(globals, false)?;
    }
    walk.segments(data, true)?;
    Ok(walk.page.spent + walk.symbols.spent)
}

struct Walk {
    page: Cost,
    symbols: Cost,
    /// Widths and heights of symbols by the number of the segment that exports them.
    dictionaries: BTreeMap<u32, Vec<(u32, u32)>>,
    /// Number of the segment before.
    last: Option<u32>,
}

impl Walk {
    fn segments(&mut self, data: &[u8], of_page: bool) -> Result<(), &'static str> {
        let mut at = 0usize;
        while at < data.len() {
            let segment = Segment::read(data, at)?;
            at = segment.end;
            // The package sorts segments, and finds dictionaries by their numbers.
            if self.last.is_some_and(|last| segment.number <= last) {
                return Err(DAMAGED);
            }
            self.last = Some(segment.number);
            match segment.kind {
                0 => {
                    let exported =
                        symbols::dictionary(segment.body, &self.referred(&segment), &mut self.symbols)?;
                    self.dictionaries.insert(segment.number, exported);
                }
                6 | 7 if of_page => {
                    self.region(segment.body)?;
                    let body = segment.body.get(17..).ok_or(DAMAGED)?;
                    symbols::text(body, &self.referred(&segment), &mut self.symbols)?;
                }
                // Page information, generic regions and refinements begin with width and height. A page of stripes that
                // does not say how high it is (T.88 7.4.8.2) fails here.
                48 | 36 | 38 | 39 | 40 | 42 | 43 if of_page => self.region(segment.body)?,
                // The end of the file: dictionaries behind it are not found.
                51 => return Ok(()),
                // Ends of pages and stripes, profiles, comments.
                49 | 50 | 52 | 62 => {}
                _ => return Err("a JBIG2 image with symbols in a rare coding is left out"),
            }
        }
        Ok(())
    }

    fn region(&mut self, body: &[u8]) -> Result<(), &'static str> {
        let width = be32(body, 0).ok_or(DAMAGED)?;
        let height = be32(body, 4).ok_or(DAMAGED)?;
        self.page.spend(u64::from(width) * u64::from(height))
    }

    /// The symbols of the dictionaries that a segment refers to.
    fn referred(&self, segment: &Segment<'_>) -> Vec<(u32, u32)> {
        let lists = segment.referred.iter().filter_map(|number| self.dictionaries.get(number));
        lists.flatten().copied().collect()
    }
}

/// A segment (T.88 7.2).
struct Segment<'a> {
    number: u32,
    kind: u8,
    referred: Vec<u32>,
    body: &'a [u8],
    /// Where the next one begins.
    end: usize,
}

impl<'a> Segment<'a> {
    fn read(data: &'a [u8], at: usize) -> Result<Self, &'static str> {
        let number = be32(data, at).ok_or(DAMAGED)?;
        let flags = *data.get(at + 4).ok_or(DAMAGED)?;
        let count = usize::from(*data.get(at + 5).ok_or(DAMAGED)? >> 5);
        let size = match number {
            ..=256 => 1,
            257..=65_536 => 2,
            _ => 4,
        };
        // More are legal, and rare.
        if count > 4 {
            return Err(DAMAGED);
        }
        let behind = at + 6 + count * size;
        let numbers = data.get(at + 6..behind).ok_or(DAMAGED)?;
        let value = |octets: &[u8]| octets.iter().fold(0, |value, &octet| value << 8 | u32::from(octet));
        let referred = numbers.chunks_exact(size).map(value).collect();
        let header = behind + if flags & 0x40 != 0 { 4 } else { 1 };
        let length = be32(data, header).ok_or(DAMAGED)?;
        let start = header + 4;
        let end = if length == u32::MAX && flags & 0x3f == GENERIC {
            end_of_generic(data, start).ok_or(DAMAGED)?
        } else {
            start.checked_add(length as usize).ok_or(DAMAGED)?
        };
        let body = data.get(start..end).ok_or(DAMAGED)?;
        Ok(Segment { number, kind: flags & 0x3f, referred, body, end })
    }
}

/// The kind of segment that need not know its length: an immediate generic region.
const GENERIC: u8 = 38;

/// Where such a segment ends (T.88 7.2.7): behind the first end of coded data and a number of rows.
fn end_of_generic(data: &[u8], start: usize) -> Option<usize> {
    let flags = *data.get(start + 17)?;
    let (mark, adaptive) = match (flags & 1, flags >> 1 & 3, flags >> 4 & 1) {
        (1, ..) => (&[0, 0], 0),
        (_, 0, 0) => (&[0xff, 0xac], 8),
        (_, 0, _) => (&[0xff, 0xac], 24),
        _ => (&[0xff, 0xac], 2),
    };
    let coded = start + 18 + adaptive;
    let end = memchr::memmem::find(data.get(coded..)?, mark)?;
    Some(coded + end + 6).filter(|&end| end <= data.len())
}

fn be32(data: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_be_bytes(*data.get(at..)?.first_chunk()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A segment of one octet of page number that refers to nothing.
    fn segment(number: u32, kind: u8, body: &[u8]) -> Vec<u8> {
        let length = (body.len() as u32).to_be_bytes();
        [&number.to_be_bytes()[..], &[kind, 0, 1], &length, body].concat()
    }

    /// A dictionary of `new` symbols in whatever `data` says.
    fn dictionary(new: u32, data: &[u8]) -> Vec<u8> {
        let adaptive = [3, 0xff, 0xfd, 0xff, 2, 0xfe, 0xfe, 0xfe];
        [&[0, 0][..], &adaptive, &new.to_be_bytes(), &new.to_be_bytes(), data].concat()
    }

    #[test]
    fn whatever_a_dictionary_holds_its_cost_is_bounded() {
        let limits = Limits { page_pixels: 200_000, ..Limits::default() };
        let mut seed = 7u32;
        let mut octets = |count: usize| {
            let mut octet = || {
                seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                (seed >> 24) as u8
            };
            (0..count).map(|_| octet()).collect::<Vec<u8>>()
        };
        let (mut damaged, mut large) = (0, 0);
        for round in 0..3_000 {
            let body = dictionary(1 + round % 4, &octets(round as usize % 40));
            match pixels(None, &segment(1, 0, &body), true, &limits) {
                Ok(pixels) => assert!(pixels <= limits.page_pixels),
                Err(DAMAGED) => damaged += 1,
                Err(_) => large += 1,
            }
        }
        assert!(damaged > 50 && large > 50, "{damaged} {large}");
        for data in [&[][..], &[0; 64], &[0xff; 64]] {
            let body = dictionary(60_000, data);
            assert!(pixels(None, &segment(1, 0, &body), true, &limits).is_err());
        }
    }

    #[test]
    fn nothing_counts_behind_the_end_of_the_file() {
        let limits = Limits::default();
        let page = segment(1, 48, &[&8u32.to_be_bytes()[..], &4u32.to_be_bytes(), &[0; 11]].concat());
        let behind = [&page[..], &segment(2, 51, &[]), &[1, 2, 3]].concat();
        assert_eq!(pixels(None, &behind, true, &limits), Ok(32));
        assert!(pixels(None, &[&page[..], &[1, 2, 3]].concat(), true, &limits).is_err());
        // Globals that end before their dictionary have none.
        let globals = [segment(1, 51, &[]), segment(2, 0, &dictionary(1, &[0xff; 8]))].concat();
        assert_eq!(pixels(Some(&globals), &segment(2, 49, &[]), true, &limits), Ok(0));
    }

    #[test]
    fn a_generic_region_may_end_where_its_data_does() {
        let limits = Limits::default();
        let unknown = |flags: u8, data: &[u8]| {
            let body = [&8u32.to_be_bytes()[..], &4u32.to_be_bytes(), &[0; 9], &[flags], data].concat();
            let mut segment = segment(1, GENERIC, &body);
            segment.splice(7..11, [0xff; 4]);
            segment
        };
        let page = segment(2, 48, &[&8u32.to_be_bytes()[..], &8u32.to_be_bytes(), &[0; 11]].concat());
        let adaptive = [3, 0xff, 0xac, 0xff, 2, 0xfe, 0xfe, 0xfe];
        let arithmetic = [&adaptive[..], &[1, 2, 0xff, 0xac, 0, 0, 0, 4]].concat();
        for (flags, data) in [(0, &arithmetic[..]), (1, &[1, 2, 0, 0, 0, 0, 0, 4]), (2, &arithmetic)] {
            let found = pixels(None, &[unknown(flags, data), page.clone()].concat(), true, &limits);
            assert_eq!(found, Ok(32 + 64), "{flags}");
        }
        assert_eq!(pixels(None, &unknown(0, &arithmetic[..11]), true, &limits), Err(DAMAGED));
    }

    #[test]
    fn instances_and_copies_of_symbols_are_counted() {
        let limits = Limits::default();
        let region = [&8u32.to_be_bytes()[..], &8u32.to_be_bytes(), &[0; 9]].concat();
        let cost = |instances: u32, data: &[u8]| {
            let body = [&region[..], &[0, 0], &instances.to_be_bytes(), data].concat();
            pixels(None, &segment(1, 6, &body), true, &limits)
        };
        // Some data that goes on for so many.
        let data = (0..=255u8).map(|seed| (0..64u8).map(|at| at.wrapping_mul(37) ^ seed).collect::<Vec<_>>());
        let data = data.into_iter().find(|data| cost(100, data).is_ok()).unwrap();
        assert_eq!(cost(100, &data).unwrap(), cost(10, &data).unwrap() + 90 * 512);
        assert!(cost(64 * 32 + 1, &data).is_err(), "more than the data can hold");
    }
}
