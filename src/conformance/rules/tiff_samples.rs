//! Changes to the TIFF file of the fax samples: one page of two white lines, profile S, 16 fields, the
//! directory at offset 8, the resolutions at 206, the strip of 8 octets at 222.

use crate::vpim::Target;

/// Offset of the first directory.
const IFD: usize = 8;
/// Octets of a page: directory, resolutions, strip.
const PAGE: usize = 222;
/// Offset of the strip of the first page.
pub const STRIP: usize = 222;

/// A system that takes profile S only.
pub fn simple() -> Target {
    Target { fax_profile_s: Some(true), ..Target::default() }
}

fn short(t: &[u8], at: usize) -> u16 {
    t.get(at..).and_then(|t| t.first_chunk()).map_or(0, |b| u16::from_le_bytes(*b))
}

fn write(t: &mut [u8], at: usize, octets: &[u8]) {
    if let Some(place) = t.get_mut(at..at + octets.len()) {
        place.copy_from_slice(octets);
    }
}

/// Offset of the field `tag` in the directory at `ifd`.
fn field(t: &[u8], ifd: usize, tag: u16) -> usize {
    (0..usize::from(short(t, ifd)))
        .map(|n| ifd + 2 + n * 12)
        .find(|&at| short(t, at) == tag)
        .unwrap_or(t.len())
}

/// Sets the octet at `at`.
pub fn octet(t: &mut [u8], at: usize, value: u8) {
    write(t, at, &[value]);
}

/// Writes the value, or the offset of the values, of a field of the first page.
pub fn put(t: &mut [u8], tag: u16, value: u32) {
    let at = field(t, IFD, tag);
    write(t, at + 8, &value.to_le_bytes());
}

/// Stores the page without compression, its two lines behind the file.
pub fn uncompressed(t: &mut Vec<u8>) {
    const OCTETS: u32 = 2 * 1728 / 8;
    let start = t.len();
    put(t, 259, 1);
    put(t, 273, start as u32);
    put(t, 279, OCTETS);
    t.resize(start + OCTETS as usize, 0);
}

/// The same on the second page.
pub fn put_second(t: &mut [u8], tag: u16, value: u32) {
    let at = field(t, IFD + PAGE, tag);
    write(t, at + 8, &value.to_le_bytes());
}

/// Writes the number of values of a field.
pub fn count(t: &mut [u8], tag: u16, count: u32) {
    let at = field(t, IFD, tag);
    write(t, at + 4, &count.to_le_bytes());
}

/// Writes the type of a field.
pub fn kind(t: &mut [u8], tag: u16, kind: u16) {
    let at = field(t, IFD, tag);
    write(t, at + 2, &kind.to_le_bytes());
}

/// Gives a field another number, and that a value.
pub fn retag(t: &mut [u8], tag: u16, new: u16, value: u32) {
    let at = field(t, IFD, tag);
    write(t, at, &new.to_le_bytes());
    put(t, new, value);
}

/// Adds the page once more as second page.
pub fn two_pages(t: &mut Vec<u8>) {
    let page = t.get(IFD..IFD + PAGE).unwrap_or_default().to_vec();
    t.extend(page);
    let (values, pages) = ([(273, STRIP), (282, 206), (283, 214)], 2 << 16);
    for (tag, at) in values {
        put_second(t, tag, (at + PAGE) as u32);
    }
    put(t, 297, pages);
    put_second(t, 297, pages + 1);
    link(t, IFD, IFD + PAGE);
}

/// Lets the directory at `from` be followed by that at `to`.
fn link(t: &mut [u8], from: usize, to: usize) {
    let at = from + 2 + usize::from(short(t, from)) * 12;
    write(t, at, &(to as u32).to_le_bytes());
}

/// Two pages, the second one first in the chain.
pub fn second_page_first(t: &mut Vec<u8>) {
    two_pages(t);
    write(t, 4, &((IFD + PAGE) as u32).to_le_bytes());
    link(t, IFD, 0);
    link(t, IFD + PAGE, IFD);
}

/// Moves the directory behind the image.
pub fn directory_last(t: &mut Vec<u8>) {
    let directory = t.get(IFD..206).unwrap_or_default().to_vec();
    let end = t.len() as u32;
    write(t, 4, &end.to_le_bytes());
    t.extend(directory);
}

/// The file in the other byte order.
pub fn big_endian(t: &mut Vec<u8>) {
    t.splice(..IFD, *b"MM\0*\0\0\0\x08");
    let fields = usize::from(short(t, IFD));
    for at in (0..fields).map(|n| IFD + 2 + n * 12) {
        // Two SHORTs, or one number.
        let value = if short(t, at + 2) == 3 { 2 } else { 4 };
        for (from, octets) in [(0, 2), (2, 2), (4, 4), (8, value), (8 + value, 4 - value)] {
            reverse(t, at + from, octets);
        }
    }
    reverse(t, IFD, 2);
    (206..STRIP).step_by(4).for_each(|at| reverse(t, at, 4));
}

fn reverse(t: &mut [u8], at: usize, octets: usize) {
    if let Some(number) = t.get_mut(at..at + octets) {
        number.reverse();
    }
}

/// Adds an RTC.
pub fn rtc(t: &mut Vec<u8>) {
    t.extend([0x00, 0x08, 0x80].repeat(3));
    put(t, 279, 17);
}

/// The page coded MMR; `octets` of: line, EOFB, something behind it.
pub fn mmr(t: &mut [u8], octets: u32) {
    put(t, 259, 4);
    retag(t, 292, 293, 0);
    write(t, STRIP, &[0x03, 0x20, 0x00, 0x02, 0x55]);
    put(t, 279, octets);
}
