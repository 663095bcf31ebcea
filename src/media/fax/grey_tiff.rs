//! Pages of a TIFF that are no fax: grey, palette and colour, and black and white in other codings (LZW, Deflate,
//! PackBits). They are read by the `tiff` package, within its limits and guarded: it is there for this only, coded
//! fax pages never reach it.

use super::MediaError;
use super::PageFacts;
use super::bitmap::Bitmap;
use super::geometry::Resolution;
use super::halftone::Grey;
use super::picture::{self, Drawn};
use super::sheet::Sheet;
use super::turn;
use crate::limits::{Exceeded, Limits};
use std::io::Cursor;
use std::panic::{AssertUnwindSafe, catch_unwind};
use tiff::decoder::{Decoder, DecodingResult};
use tiff::tags::Tag;
use tiff::{ColorType, TiffError};

/// Octets of a pixel at most: four samples of 64 bits.
const OCTETS_A_PIXEL: u64 = 32;

/// True for pages this module may be able to read.
pub(super) fn reads(facts: &PageFacts) -> bool {
    let fax = matches!(facts.compression, Some(2..=4)) && facts.samples_per_pixel.unwrap_or(1) == 1;
    let coding = matches!(facts.compression, None | Some(1 | 5 | 7 | 8 | 32_773 | 32_946));
    !facts.tiled && !fax && coding
}

/// Draws the page whose directory is number `index` in the file, from 0.
pub(super) fn draw(
    input: &[u8],
    facts: &PageFacts,
    index: usize,
    sheet: &Sheet,
    limits: &Limits,
) -> Result<Drawn, MediaError> {
    let pixels = u64::from(facts.width) * u64::from(facts.length);
    if facts.width > limits.fax_width || facts.length > limits.fax_rows || pixels > limits.page_pixels / 2 {
        return Err(Exceeded::PageSize.into());
    }
    let broken = |reason: String| MediaError::malformed("tiff", format!("page {}: {reason}", index + 1));
    let decoded = catch_unwind(AssertUnwindSafe(|| decode(input, index, pixels)))
        .map_err(|_| broken("the decoder failed on it".into()))?
        .map_err(|error| broken(error.to_string()))?;
    let orientation = facts.orientation.unwrap_or(1);
    // Of a picture without a resolution nobody knows how large it is.
    let known = facts.x_resolution.is_some_and(|x| x >= 20.0) && facts.resolution_unit != Some(1);
    match decoded {
        Decoded::Bits(bits) => {
            let (bits, resolution) = turn::shown(bits, Resolution::of(facts), orientation);
            let fax = resolution.legal().filter(|(legal, [.., widest])| {
                bits.width() <= *widest && (!sheet.asked || *legal == sheet.resolution)
            });
            if fax.is_some() {
                return Ok(Drawn { bitmap: bits, resolution, losses: Vec::new() });
            }
            let width = bits.width() as usize;
            let pixels = bits.iter().flat_map(|row| (0..width).map(|x| shade(row, x))).collect();
            Ok(picture::on_sheet(Grey { width, pixels }, known.then_some(resolution), sheet, "tiff"))
        }
        Decoded::Shades(grey) => {
            let resolution = Resolution::of(facts);
            let resolution = if matches!(orientation, 5..=8) { resolution.turned() } else { resolution };
            let grey = turn::shades(grey, orientation);
            Ok(picture::on_sheet(grey, known.then_some(resolution), sheet, "tiff"))
        }
    }
}

fn shade(row: &[u8], x: usize) -> u8 {
    if row.get(x / 8).is_some_and(|octet| octet << (x % 8) & 0x80 != 0) { 0 } else { 255 }
}

enum Decoded {
    Bits(Bitmap),
    Shades(Grey),
}

fn decode(input: &[u8], index: usize, pixels: u64) -> Result<Decoded, TiffError> {
    let octets = usize::try_from(pixels.saturating_mul(OCTETS_A_PIXEL).max(1 << 20)).unwrap_or(usize::MAX);
    let mut bounds = tiff::decoder::Limits::default();
    bounds.decoding_buffer_size = octets;
    bounds.intermediate_buffer_size = octets;
    bounds.ifd_value_size = 1 << 20;
    let mut decoder = Decoder::new(Cursor::new(input))?.with_limits(bounds);
    decoder.seek_to_image(index)?;
    let (width, height) = decoder.dimensions()?;
    let (width, height) = (width as usize, height as usize);
    let kind = decoder.colortype()?;
    let palette = match kind {
        ColorType::Palette(_) => decoder.get_tag_u16_vec(Tag::ColorMap)?,
        _ => Vec::new(),
    };
    let samples = match decoder.read_image()? {
        DecodingResult::U8(samples) => samples,
        DecodingResult::U16(samples) => samples.into_iter().map(|sample| (sample >> 8) as u8).collect(),
        _ => return Err(TiffError::UnsupportedError(tiff::TiffUnsupportedError::UnknownInterpretation)),
    };
    let unsupported = || TiffError::UnsupportedError(tiff::TiffUnsupportedError::UnsupportedColorType(kind));
    let grey = |pixels: Vec<u8>| {
        let whole = pixels.len() >= width * height && width > 0;
        whole.then_some(Decoded::Shades(Grey { width, pixels })).ok_or_else(unsupported)
    };
    match kind {
        ColorType::Gray(1) => {
            // The package turns samples where white is zero, so that 1 is white.
            let mut bitmap = Bitmap::new(u32::try_from(width).unwrap_or(u32::MAX));
            let rows = samples.chunks(width.div_ceil(8).max(1)).take(height);
            rows.for_each(|row| bitmap.push_packed(row));
            bitmap.set_rows(height);
            bitmap.invert();
            Ok(Decoded::Bits(bitmap))
        }
        ColorType::Gray(bits @ (2 | 4)) => {
            let most = (1u8 << bits) - 1;
            grey(unpacked(&samples, width, bits).into_iter().map(|sample| sample * (255 / most)).collect())
        }
        ColorType::Gray(8 | 16) => grey(samples),
        ColorType::GrayA(8 | 16) => grey(samples.chunks_exact(2).map(on_white).collect()),
        ColorType::RGB(8 | 16) => grey(samples.chunks_exact(3).map(luma).collect()),
        ColorType::RGBA(8 | 16) => {
            let pixel = |pixel: &[u8]| on_white(&[luma(pixel), pixel.last().copied().unwrap_or(255)]);
            grey(samples.chunks_exact(4).map(pixel).collect())
        }
        ColorType::CMYK(8 | 16) => grey(samples.chunks_exact(4).map(ink).collect()),
        ColorType::YCbCr(8) => {
            grey(samples.chunks_exact(3).map(|pixel| pixel.first().copied().unwrap_or(0)).collect())
        }
        ColorType::Palette(bits @ (1 | 2 | 4 | 8)) => {
            let colours = 1usize << bits;
            let at = |plane: usize, index: u8| {
                palette.get(plane * colours + usize::from(index)).map_or(0, |value| (value >> 8) as u8)
            };
            let shade = |index: u8| luma(&[at(0, index), at(1, index), at(2, index)]);
            let indices = if bits == 8 { samples } else { unpacked(&samples, width, bits) };
            grey(indices.into_iter().map(shade).collect())
        }
        _ => Err(unsupported()),
    }
}

/// Samples of a few bits, rows at octet boundaries.
fn unpacked(samples: &[u8], width: usize, bits: u8) -> Vec<u8> {
    let each = usize::from(8 / bits);
    let stride = width.div_ceil(each).max(1);
    let sample = |row: &[u8], x: usize| {
        let octet = row.get(x / each).copied().unwrap_or(0);
        octet >> (8 - bits - (x % each) as u8 * bits) & ((1u16 << bits) - 1) as u8
    };
    samples.chunks(stride).flat_map(|row| (0..width).map(move |x| sample(row, x))).collect()
}

fn luma(pixel: &[u8]) -> u8 {
    let [r, g, b] = [0, 1, 2].map(|at| u32::from(pixel.get(at).copied().unwrap_or(0)));
    ((299 * r + 587 * g + 114 * b + 500) / 1000) as u8
}

fn on_white(pixel: &[u8]) -> u8 {
    let [shade, alpha] = [0, 1].map(|at| u32::from(pixel.get(at).copied().unwrap_or(255)));
    ((shade * alpha + 255 * (255 - alpha)) / 255) as u8
}

fn ink(pixel: &[u8]) -> u8 {
    let [c, m, y, k] = [0, 1, 2, 3].map(|at| 255 - u32::from(pixel.get(at).copied().unwrap_or(0)));
    let rest = [c, m, y].map(|part| (part * k / 255) as u8);
    luma(&rest)
}
