//! Whether an image of a PDF may be decoded: the packages that do it allocate what the headers of the coded data
//! claim, and some codings make hours of work of a few octets.

use super::expand::whole;
use super::jbig2;
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
    let Some((last, before)) = filters.split_last() else { return Ok(size * 4) };
    let picture = |filter: &Filter| {
        use Filter::{CcittFaxDecode, DctDecode, Jbig2Decode, JpxDecode};
        matches!(filter, CcittFaxDecode | DctDecode | Jbig2Decode | JpxDecode)
    };
    // What is looked at has to be what the package will decode, whatever it makes of damage.
    let known = [Filter::FlateDecode, Filter::Ascii85Decode, Filter::AsciiHexDecode];
    let plain = before.iter().all(|filter| known.contains(filter)) && !has_predictor(dict);
    if before.iter().any(picture) || picture(last) && !before.is_empty() && !plain {
        return Err("an image in several codings is left out");
    }
    let mut coded = stream.raw_data();
    if picture(last) {
        for filter in before {
            coded = whole(&coded, *filter, limits.page_pixels.saturating_mul(2))
                .ok_or("a damaged image is left out")?
                .into();
        }
    }
    let octets = coded.len() as u64;
    let steps = match last {
        Filter::DctDecode => jpeg(&coded, limits)?.saturating_mul(10),
        Filter::JpxDecode => jpeg2000(&coded, limits)?.saturating_mul(60),
        Filter::Jbig2Decode => jbig2(stream, &coded, limits)?.saturating_mul(20),
        Filter::CcittFaxDecode => {
            // Whichever parameters the package takes, and however it cuts their numbers.
            let columns = all_parameters(dict).into_iter().filter_map(|one| one.get::<usize>("Columns"));
            pixels(columns.fold(1728, usize::max) as u64, height.into(), limits)?.saturating_mul(2)
        }
        _ => 0,
    };
    Ok(steps + size * 4 + octets * 8)
}

/// The parameters of all filters.
fn all_parameters<'a>(dict: &Dict<'a>) -> Vec<Dict<'a>> {
    let of = |key: &str| {
        let list =
            dict.get::<Array<'a>>(key).map(|list| list.iter::<Object<'a>>().filter_map(Object::into_dict));
        dict.get::<Dict<'a>>(key).into_iter().chain(list.into_iter().flatten()).collect::<Vec<_>>()
    };
    [of("DP"), of("DecodeParms")].concat()
}

/// Whether any of the filters has a predictor (ISO 32000-1, 7.4.4.4).
fn has_predictor(dict: &Dict<'_>) -> bool {
    let predicts = |one: &Dict<'_>| one.get::<i32>("Predictor").is_some_and(|predictor| predictor != 1);
    all_parameters(dict).iter().any(predicts)
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
    let mut starts = memchr::memmem::find_iter(data, b"\xff\x4f\xff\x51");
    // Of several images it is not sure which is taken.
    let (Some(start), None) = (starts.next(), starts.next()) else { return Err(NO_HEADER) };
    let siz = start + 2;
    let number = |at: usize| be32(data, siz + at).map(u64::from).ok_or(NO_HEADER);
    let (width, height) = (number(6)?, number(10)?);
    let size = pixels(width, height, limits)?;
    let components = u64::from(be16(data, siz + 38).ok_or(NO_HEADER)?);
    // Tiles smaller than this are work without pixels.
    let tiles = (width / number(22)?.max(1)).saturating_mul(height / number(26)?.max(1));
    if components > COMPONENTS || tiles > 4_096 || most_layers(data, siz).ok_or(NO_HEADER)? > LAYERS {
        return Err(TOO_MUCH);
    }
    Ok(size * components)
}

/// The most layers that a header of the image or of a tile speaks of (T.800 A.4, A.6.1); `None` where the headers
/// cannot be followed.
fn most_layers(data: &[u8], siz: usize) -> Option<u16> {
    const COD: u16 = 0xff52;
    const SOT: u16 = 0xff90;
    const SOD: u16 = 0xff93;
    let (mut at, mut most) = (siz, 0);
    // Where the next part of a tile begins.
    let mut next = None;
    while let Some(marker) = be16(data, at) {
        match marker {
            0xff30..=0xff3f => at += 2,
            SOD => at = next.take()?,
            0xffd9 => break,
            _ => {
                let length = usize::from(be16(data, at + 2)?);
                match marker {
                    COD => most = most.max(be16(data, at + 6)?),
                    SOT => {
                        let part = be32(data, at + 6)? as usize;
                        next = Some(if part == 0 { data.len() } else { at.checked_add(part.max(12))? });
                    }
                    0xff40.. => {}
                    _ => return None,
                }
                at += 2 + length;
            }
        }
        // A part without data.
        if let Some(end) = next.take_if(|end| at >= *end) {
            at = end;
        }
    }
    Some(most)
}

/// Pixels of JBIG2 data, with those of the symbols that it shares with other images.
fn jbig2(stream: &Stream<'_>, data: &[u8], limits: &Limits) -> Result<u64, &'static str> {
    // Which parameters the package takes is only sure where there is one filter.
    let single = stream.filters().len() == 1;
    let Some(globals) =
        first_parameters(stream.dict()).and_then(|dict| dict.get::<Stream<'_>>("JBIG2Globals"))
    else {
        return jbig2::pixels(None, data, single, limits);
    };
    if !single {
        return Err("a JBIG2 image with symbols behind another filter is left out");
    }
    let globals = globals.decoded_data().map_err(|_| "a damaged JBIG2 image is left out")?;
    jbig2::pixels(Some(&globals), data, true, limits)
}

/// The parameters that belong to the first filter: a dictionary to a name, the first of an array to an array.
fn first_parameters<'a>(dict: &Dict<'a>) -> Option<Dict<'a>> {
    let named = ["F", "Filter"].iter().any(|key| dict.get::<Name<'a>>(*key).is_some());
    let find = |key: &str| {
        if named {
            return dict.get::<Dict<'a>>(key);
        }
        dict.get::<Array<'a>>(key).and_then(|list| list.iter::<Object<'a>>().next()?.into_dict())
    };
    find("DP").or_else(|| find("DecodeParms"))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn layers_are_those_of_headers_not_of_coded_data() {
        let cod = |layers: u16| {
            let [high, low] = layers.to_be_bytes();
            vec![0xff, 0x52, 0, 12, 0, 0, high, low, 0, 0, 0, 0, 0, 0]
        };
        let siz = [0xff, 0x51, 0, 4, 0, 0];
        let part = |length: u32, header: &[u8], data: &[u8]| {
            let length = length.to_be_bytes();
            [&[0xff, 0x90, 0, 10, 0, 0][..], &length, &[0, 1], header, &[0xff, 0x93], data].concat()
        };
        let most = |parts: &[Vec<u8>]| most_layers(&[&siz[..], &cod(3), &parts.concat()].concat(), 0);
        let end = vec![0xff, 0xd9];
        assert_eq!(most(&[part(28, &[], &cod(999)), end.clone()]), Some(3), "in coded data");
        assert_eq!(most(&[part(28, &cod(70), &[]), end.clone()]), Some(70), "in the header of a tile");
        assert_eq!(most(&[part(14, &[], &[]), part(28, &cod(70), &[]), end.clone()]), Some(70));
        assert_eq!(most(&[part(0, &[], &cod(999))]), Some(3), "up to the end of the data");
        assert_eq!(most(&[vec![0xff, 0x93]]), None, "data of no tile");
        assert_eq!(most(&[vec![1, 2, 3, 4]]), None);
        assert_eq!(most(&[part(1, &[], &[]), end]), None, "a part that ends before its data");
    }
}
