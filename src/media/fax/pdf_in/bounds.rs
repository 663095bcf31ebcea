//! Whether an image of a PDF may be decoded: the packages that do it allocate what the headers of the coded data
//! claim, and some codings make hours of work of a few octets.

use super::expand::unfilter;
use crate::limits::Limits;
use hayro_interpret::hayro_syntax::Filter;
use hayro_interpret::hayro_syntax::object::{Array, Dict, Name, Object, Stream};

/// Colour components of a pixel.
const COMPONENTS: u64 = 8;
/// Scans of a progressive JPEG; cameras write ten.
const SCANS: usize = 100;
/// Quality layers of a JPEG 2000.
const LAYERS: u16 = 64;

/// Looks at an image, and at the mask that belongs to it. Gives the steps that decoding takes, or the reason
/// why it is not decoded.
pub(super) fn admit(stream: &Stream<'_>, limits: &Limits) -> Result<u64, &'static str> {
    let mut steps = one(stream, limits)?;
    for mask in ["SMask", "Mask"] {
        if let Some(mask) = stream.dict().get::<Stream<'_>>(mask) {
            steps += one(&mask, limits)?;
        }
    }
    Ok(steps)
}

/// Pixels of an image of this size, if it is not too large.
fn pixels(width: u64, height: u64, limits: &Limits) -> Result<u64, &'static str> {
    let pixels = width.checked_mul(height).filter(|&pixels| pixels <= limits.page_pixels / 2);
    pixels.ok_or("an image too large to be decoded is left out")
}

fn one(stream: &Stream<'_>, limits: &Limits) -> Result<u64, &'static str> {
    let dict = stream.dict();
    let number = |short: &str, long: &str| dict.get::<u32>(short).or_else(|| dict.get::<u32>(long));
    let (width, height) = (number("W", "Width").unwrap_or(0), number("H", "Height").unwrap_or(0));
    let size = pixels(width.into(), height.into(), limits)?;
    let inks = colour_space(dict).and_then(|(_, array)| array?.iter::<Object<'_>>().nth(1)?.into_array());
    if inks.is_some_and(|inks| inks.raw_iter().count() as u64 > COMPONENTS) {
        return Err("an image of more than eight inks is left out");
    }
    let filters = stream.filters();
    let Some(last) = filters.last() else { return Ok(size * 4) };
    let raw = stream.raw_data();
    let first = filters.len() - 1;
    let most = limits.page_pixels.saturating_mul(2);
    let coded = if first == 0 {
        raw
    } else {
        let before = filters.get(..first).unwrap_or_default();
        unfilter(&raw, before, most).map_err(|_| "an image that grows without bound is left out")?.into()
    };
    let octets = coded.len() as u64;
    let steps = match last {
        Filter::DctDecode => jpeg(&coded, limits)?.saturating_mul(10),
        Filter::JpxDecode => jpeg2000(&coded, limits)?.saturating_mul(60),
        Filter::Jbig2Decode => jbig2(stream, &coded, limits)?.saturating_mul(20),
        Filter::CcittFaxDecode => {
            let columns = parameters(stream).and_then(|parameters| parameters.get::<u32>("Columns"));
            pixels(columns.unwrap_or(1728).into(), height.into(), limits)?.saturating_mul(2)
        }
        _ => 0,
    };
    Ok(steps + size * 4 + octets * 8)
}

/// The parameters of the last filter.
pub(super) fn parameters<'a>(stream: &Stream<'a>) -> Option<Dict<'a>> {
    let dict = stream.dict();
    let find = |key: &str| {
        let list = || dict.get::<Array<'a>>(key).and_then(|list| list.iter::<Dict<'a>>().last());
        dict.get::<Dict<'a>>(key).or_else(list)
    };
    find("DP").or_else(|| find("DecodeParms"))
}

fn be16(data: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_be_bytes(*data.get(at..)?.first_chunk()?))
}

fn be32(data: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_be_bytes(*data.get(at..)?.first_chunk()?))
}

/// Pixels times components of a JPEG (ITU-T T.81 B.1), for each of its scans.
fn jpeg(data: &[u8], limits: &Limits) -> Result<u64, &'static str> {
    let (mut size, mut scans) = (0, 0);
    for at in memchr::memchr_iter(0xff, data) {
        match data.get(at + 1) {
            // Start of frame.
            Some(0xc0..=0xc3 | 0xc5..=0xc7 | 0xc9..=0xcb | 0xcd..=0xcf) => {
                if let (Some(height), Some(width)) = (be16(data, at + 5), be16(data, at + 7)) {
                    size = size.max(pixels(width.into(), height.into(), limits)? * 3);
                }
            }
            // Start of scan.
            Some(0xda) => scans += 1,
            _ => {}
        }
    }
    if scans > SCANS {
        return Err("a JPEG of very many scans is left out");
    }
    Ok(size.saturating_mul(scans.max(1) as u64) / 3 + size)
}

/// Pixels times components of a JPEG 2000 (ITU-T T.800 A.5, A.6).
fn jpeg2000(data: &[u8], limits: &Limits) -> Result<u64, &'static str> {
    const NO_HEADER: &str = "a JPEG 2000 without header is left out";
    const TOO_MUCH: &str = "a JPEG 2000 of too many layers or components is left out";
    let find = |marker: &[u8]| memchr::memmem::find_iter(data, marker).next();
    let siz = find(b"\xff\x4f\xff\x51").ok_or(NO_HEADER)? + 2;
    let number = |at: usize| be32(data, siz + at).map(u64::from).ok_or(NO_HEADER);
    let (width, height) = (number(6)?, number(10)?);
    let size = pixels(width, height, limits)?;
    let components = u64::from(be16(data, siz + 38).ok_or(NO_HEADER)?);
    // Tiles smaller than this are work without pixels.
    let tiles = (width / number(22)?.max(1)).saturating_mul(height / number(26)?.max(1));
    let layers = memchr::memmem::find_iter(data, b"\xff\x52").filter_map(|at| be16(data, at + 6));
    let plain = layers.take(16).all(|layers| layers <= LAYERS);
    if components > COMPONENTS || tiles > 4_096 || !plain {
        return Err(TOO_MUCH);
    }
    Ok(size * components)
}

/// Pixels of all regions of JBIG2 data (ITU-T T.88 7.2, 7.4). Only generic regions are decoded: the symbols of a
/// dictionary can be of any size, which nothing tells before they are decoded.
fn jbig2(stream: &Stream<'_>, data: &[u8], limits: &Limits) -> Result<u64, &'static str> {
    const DAMAGED: &str = "a damaged JBIG2 image is left out";
    if parameters(stream).is_some_and(|parameters| parameters.contains_key("JBIG2Globals")) {
        return Err("a JBIG2 image with symbols is left out");
    }
    let (mut at, mut sum) = (0usize, 0u64);
    while at < data.len() {
        let number = be32(data, at).ok_or(DAMAGED)?;
        let flags = *data.get(at + 4).ok_or(DAMAGED)?;
        let referred = usize::from(*data.get(at + 5).ok_or(DAMAGED)? >> 5);
        let size = if number <= 256 {
            1
        } else if number <= 65_536 {
            2
        } else {
            4
        };
        if referred > 4 {
            return Err(DAMAGED);
        }
        let header = at + 6 + referred * size + if flags & 0x40 != 0 { 4 } else { 1 };
        let length = be32(data, header).ok_or(DAMAGED)?;
        let body = header + 4;
        match flags & 0x3f {
            // Page information, generic regions and refinements begin with width and height.
            48 | 36 | 38 | 39 | 40 | 42 | 43 => {
                let width = be32(data, body).ok_or(DAMAGED)?;
                let height = be32(data, body + 4).ok_or(DAMAGED)?;
                // A page of stripes that does not say how high it is (T.88 7.4.8.2) fails here.
                sum += pixels(width.into(), height.into(), limits)?;
            }
            // Ends, profiles, comments.
            49..=52 | 62 => {}
            _ => return Err("a JBIG2 image with symbols is left out"),
        }
        if length == u32::MAX {
            break;
        }
        at = body.checked_add(length as usize).ok_or(DAMAGED)?;
    }
    pixels(sum, 1, limits)
}

/// The first name of a colour space, or the name it is.
pub(super) fn colour_space<'a>(dict: &Dict<'a>) -> Option<(Name<'a>, Option<Array<'a>>)> {
    for key in ["CS", "ColorSpace"] {
        if let Some(name) = dict.get::<Name<'a>>(key) {
            return Some((name, None));
        }
        if let Some(array) = dict.get::<Array<'a>>(key) {
            return Some((array.iter::<Name<'a>>().next()?, Some(array)));
        }
    }
    None
}
