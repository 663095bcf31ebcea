//! What the coded data of a page shows, whatever its directory says: lines, EOLs, RTC, EOFB, damage.
//!
//! Lines are counted by the strict decoder without painting them; only data that it refuses is painted once to
//! see how much of it can be read. Directories may point at the same strip again and again, so the work of one
//! file is bounded by an [`Allowance`] that grows with its octets, not with its claims.

use super::bitmap::Bitmap;
use super::ccitt::{self, Scheme};
use super::geometry::LEGAL;
use super::page::reverse_bits;
use super::strips;
use super::tiff::{Directory, Tiff};
use super::{CodedFacts, PageFacts};
use crate::limits::{Budget, Limits};
use std::borrow::Cow;

/// Work still allowed for looking at the coded data of one file.
#[derive(Debug)]
pub(super) struct Allowance {
    /// Octets of coded data.
    octets: usize,
    /// Pixels painted of pages that are not clean.
    pixels: u64,
}

impl Allowance {
    /// For a file of `octets`: each octet may be looked at twice.
    pub fn new(octets: usize, limits: &Limits) -> Self {
        Allowance { octets: octets.saturating_mul(2), pixels: limits.page_pixels }
    }
}

/// Looks at the coded data of a page. `None` where the coding is not MH, MR or MMR with EOLs as T.4 and T.6
/// have them, where the page is larger than the limits, or where the allowance is used up.
pub(super) fn examine(
    tiff: &Tiff<'_>,
    directory: &Directory,
    facts: &PageFacts,
    limits: &Limits,
    budget: &Budget,
    left: &mut Allowance,
) -> Option<CodedFacts> {
    let scheme = match facts.compression {
        Some(3) => Scheme::T4 { two_dimensional: facts.t4_options.unwrap_or(0) & 1 == 1 },
        Some(4) => Scheme::T6,
        _ => return None,
    };
    let too_large = facts.width > limits.fax_width || facts.length > limits.fax_rows;
    if facts.tiled || facts.width == 0 || too_large {
        return None;
    }
    let claimed = (facts.length > 0).then_some(facts.length);
    let rows_per_strip = facts.rows_per_strip.filter(|&rows| rows > 0).unwrap_or(u32::MAX);
    let strips = strips::of(tiff, directory, claimed, rows_per_strip, limits).ok()?;
    let mut all = CodedFacts {
        eol_at_start: true,
        first_line_coded_alone: true,
        aligned: true,
        eofb: true,
        ..CodedFacts::default()
    };
    let mut rows = claimed;
    for strip in strips {
        budget.check().ok()?;
        left.octets = left.octets.checked_sub(strip.len())?;
        let data =
            if facts.fill_order == Some(2) { Cow::Owned(reverse_bits(strip)) } else { Cow::Borrowed(strip) };
        let wanted = rows.map(|rows| rows.min(rows_per_strip));
        let strip = examine_strip(&data, scheme, facts.width, wanted, limits.fax_rows, left)?;
        rows = rows.map(|rows| rows.saturating_sub(rows_per_strip));
        all.add(&strip);
    }
    Some(all)
}

fn examine_strip(
    data: &[u8],
    scheme: Scheme,
    width: u32,
    claimed: Option<u32>,
    most: u32,
    left: &mut Allowance,
) -> Option<CodedFacts> {
    let mut found = match scheme {
        Scheme::T6 => {
            let end = ccitt::eofb_end(data);
            let behind = end.map_or(0, |end| octets_behind(data, end));
            CodedFacts { eofb: end.is_some(), octets_behind_end: behind, ..CodedFacts::default() }
        }
        _ => end_of_line_facts(data, scheme),
    };
    // T.4 data says by its EOLs how many lines it has, T.6 data with an EOFB by decoding it.
    let by_marks = match scheme {
        Scheme::T6 => most,
        _ => found.lines.min(most),
    };
    let wanted = claimed.unwrap_or(by_marks);
    let count = |width, rows: u32| ccitt::count(data, scheme, width, rows as usize);
    let by_marks_right = |&lines: &u32| lines == by_marks || scheme == Scheme::T6;
    // Without any EOL the data says nothing.
    let marked = by_marks > 0 || data.is_empty();
    if let (true, Some(lines)) = (marked, count(width, by_marks).filter(by_marks_right)) {
        return Some(CodedFacts { lines, ..found });
    }
    if count(width, wanted) == Some(wanted) {
        found.eols_missing = wanted.saturating_sub(found.lines);
        return Some(CodedFacts { lines: wanted, ..found });
    }
    let widths = LEGAL.iter().flat_map(|(_, widths)| widths).copied();
    let lines = if scheme == Scheme::T6 { wanted } else { by_marks };
    if let Some(true_width) =
        widths.filter(|&w| w != width && lines > 1).find(|&w| count(w, lines) == Some(lines))
    {
        return Some(CodedFacts { lines, true_width: Some(true_width), ..found });
    }
    left.pixels = left.pixels.checked_sub(u64::from(wanted) * u64::from(width))?;
    let mut page = Bitmap::new(width);
    let decoded = ccitt::decode(data, scheme, wanted as usize, &mut page);
    let number = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
    // A damaged line may hide an EOL; all others have one.
    if decoded.damaged == 0 && scheme != Scheme::T6 {
        found.eols_missing = number(decoded.rows).saturating_sub(found.lines);
    }
    Some(CodedFacts {
        lines: number(decoded.rows),
        damaged: number(decoded.damaged) + u32::from(decoded.broken),
        mislabelled: decoded.mislabelled,
        ..found
    })
}

/// Where the EOLs of T.4 data are. `lines` counts those that something other than an EOL follows.
fn end_of_line_facts(data: &[u8], scheme: Scheme) -> CodedFacts {
    /// EOLs of an RTC (T.4 4.1.4).
    const RTC: u32 = 6;
    let tag = usize::from(scheme == Scheme::T4 { two_dimensional: true });
    let mut found = CodedFacts { aligned: true, first_line_coded_alone: true, ..CodedFacts::default() };
    let mut eols = ccitt::Eols::new(data, 0);
    let Some(mut last) = eols.next() else { return found };
    found.eol_at_start = last.zeros == 0;
    found.first_line_coded_alone = tag == 0 || ccitt::bit(data, last.one + 1);
    // EOLs that follow each other, the last one included.
    let mut run = 1;
    loop {
        let next = eols.next();
        match next {
            Some(next) if next.zeros <= last.one + 1 + tag => run += 1,
            Some(_) => {
                found.aligned &= last.one % 8 == 7;
                found.lines += 1;
                run = 1;
            }
            None => break,
        }
        let Some(next) = next else { break };
        last = next;
        if run == RTC {
            found.rtc = true;
            found.octets_behind_end = octets_behind(data, last.one + 1 + tag);
            return found;
        }
    }
    // Behind the last EOL there is a line, or nothing but fill.
    let blank = octets_behind(data, last.one + 1 + tag) == 0;
    found.eol_at_end = blank || run > 1;
    if !blank {
        found.aligned &= last.one % 8 == 7;
        found.lines += 1;
    }
    found
}

/// Octets behind bit `at` up to the last one that is not zero; bits of a started octet count as one.
fn octets_behind(data: &[u8], at: usize) -> u32 {
    let rest = data.get(at / 8..).unwrap_or_default();
    let first = rest.first().is_some_and(|byte| byte << (at % 8) != 0);
    let more = rest.iter().skip(1).rposition(|&byte| byte != 0).map(|last| last + 1);
    u32::try_from(more.unwrap_or(usize::from(first))).unwrap_or(u32::MAX)
}

impl CodedFacts {
    /// Adds what another strip of the page shows.
    fn add(&mut self, strip: &CodedFacts) {
        self.lines = self.lines.saturating_add(strip.lines);
        self.damaged = self.damaged.saturating_add(strip.damaged);
        self.mislabelled |= strip.mislabelled;
        self.true_width = self.true_width.or(strip.true_width);
        self.eol_at_start &= strip.eol_at_start;
        self.first_line_coded_alone &= strip.first_line_coded_alone;
        self.eols_missing = self.eols_missing.saturating_add(strip.eols_missing);
        self.eol_at_end |= strip.eol_at_end;
        self.aligned &= strip.aligned;
        self.rtc |= strip.rtc;
        self.eofb &= strip.eofb;
        self.octets_behind_end = self.octets_behind_end.saturating_add(strip.octets_behind_end);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::media::fax::ccitt::{Target, encode_page};

    const WIDTH: u32 = 1728;

    fn page(rows: usize) -> Bitmap {
        let mut page = Bitmap::new(WIDTH);
        for row in 0..rows as u32 {
            page.push_changes(&[100 + row * 3, 200 + row * 5, 900, 1000]);
        }
        page
    }

    fn look(data: &[u8], scheme: Scheme, claimed: u32) -> CodedFacts {
        let limits = Limits::default();
        let mut left = Allowance::new(data.len() * 100, &limits);
        examine_strip(data, scheme, WIDTH, Some(claimed), limits.fax_rows, &mut left).unwrap()
    }

    const MH: Scheme = Scheme::T4 { two_dimensional: false };
    const MR: Scheme = Scheme::T4 { two_dimensional: true };

    #[test]
    fn lines_are_those_of_the_data_not_of_the_claim() {
        let mh = encode_page(&page(20), Target::Mh { aligned: false });
        let mr = encode_page(&page(20), Target::Mr { k: 4 });
        let mmr = encode_page(&page(20), Target::Mmr);
        for (data, scheme) in [(&mh, MH), (&mr, MR), (&mmr, Scheme::T6)] {
            for claimed in [5, 20, 33] {
                let found = look(data, scheme, claimed);
                assert_eq!((found.lines, found.damaged), (20, 0), "{scheme:?} {claimed}");
                assert!(!found.mislabelled && !found.rtc && !found.eol_at_end && found.eols_missing == 0);
            }
        }
    }

    #[test]
    fn alignment_rtc_and_eofb_are_seen() {
        let plain = encode_page(&page(20), Target::Mh { aligned: false });
        let aligned = encode_page(&page(20), Target::Mh { aligned: true });
        assert!(look(&aligned, MH, 20).aligned && !look(&plain, MH, 20).aligned);
        let rtcs = [[0, 1].repeat(6), [0x00, 0x10, 0x01].repeat(3)];
        for rtc in rtcs {
            let found = look(&[aligned.clone(), rtc].concat(), MH, 20);
            assert!(found.rtc && found.aligned && found.lines == 20 && !found.eol_at_end);
        }
        assert!(look(&[aligned, vec![0, 1]].concat(), MH, 20).eol_at_end);
        let mmr = encode_page(&page(20), Target::Mmr);
        assert!(look(&mmr, Scheme::T6, 20).eofb);
        assert!(!look(&mmr[..mmr.len() - 3], Scheme::T6, 20).eofb);
    }

    #[test]
    fn data_of_another_kind_or_width_is_named() {
        let mr = encode_page(&page(20), Target::Mr { k: 4 });
        assert!(look(&mr, MH, 20).mislabelled);
        let mut wide = Bitmap::new(2048);
        (0..20).for_each(|row| wide.push_changes(&[100 + row, 200, 2000, 2010]));
        let found = look(&encode_page(&wide, Target::Mh { aligned: false }), MH, 20);
        assert_eq!((found.true_width, found.damaged), (Some(2048), 0));
    }

    #[test]
    fn lines_without_eols_are_counted_as_such() {
        // White lines: make-up code 1728 and terminating code 0, 17 bits.
        let bits = "01001101100110101".repeat(8);
        let octet = |bits: &[u8]| bits.iter().fold(0, |octet, bit| octet << 1 | (bit - b'0'));
        let data: Vec<u8> = bits.as_bytes().chunks(8).map(octet).collect();
        let found = look(&data, MH, 8);
        assert_eq!((found.lines, found.eols_missing, found.eol_at_start), (8, 8, false));
        assert_eq!(look(&[], MH, 8).lines, 0);
    }

    #[test]
    fn a_flipped_bit_damages_a_line() {
        let mut data = encode_page(&page(20), Target::Mh { aligned: true });
        let middle = data.len() / 2;
        data[middle] ^= 0x3c;
        assert!(look(&data, MH, 20).damaged > 0);
    }
}
