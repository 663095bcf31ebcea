//! One page as PNG, upright: its dots where they are about square, else shades on a square grid.

use super::MediaError;
use super::bitmap::Bitmap;
use super::document::Document;
use super::geometry::Resolution;
use super::page::note;
use super::scale::scale;
use super::turn::shown;
use crate::limits::{Budget, Limits};
use mime::Mime;
use png::{BitDepth, ColorType, Encoder, PixelDimensions, Unit};

/// Dots that are wider or higher than this are shown on a square grid.
const SQUARE: std::ops::RangeInclusive<f64> = 0.9..=1.1;
/// Dots to the metre for one to the inch.
const METRE: f64 = 1.0 / 0.0254;

/// Writes the page that the parameter `page` of the target names.
pub(super) fn convert(
    document: &Document<'_>,
    target: &Mime,
    limits: &Limits,
    budget: &mut Budget,
    losses: &mut Vec<String>,
) -> Result<Vec<u8>, MediaError> {
    let number = match target.get_param("page") {
        None => 1,
        Some(value) => {
            let number =
                value.as_str().parse().ok().filter(|&number| (1..=document.pages()).contains(&number));
            number.ok_or_else(|| MediaError::Unsupported(format!("page={value} of {}", document.pages())))?
        }
    };
    let page = document.reader().page(number - 1, limits, budget)?;
    let decoded = page.decode(limits, budget, losses)?;
    let (bitmap, resolution) = shown(decoded, page.resolution, page.orientation);
    if document.pages() > 1 {
        note(losses, format!("page {number} of {} only", document.pages()));
    }
    budget.check()?;
    let failed =
        |error: png::EncodingError| MediaError::Unsupported(format!("PNG of page {number}: {error}"));
    let png = if SQUARE.contains(&(resolution.x / resolution.y)) {
        dots(&bitmap, resolution).map_err(failed)?
    } else {
        shades(&bitmap, resolution, limits).map_err(failed)?
    };
    budget.output(png.len())?;
    Ok(png)
}

fn dots(bitmap: &Bitmap, resolution: Resolution) -> Result<Vec<u8>, png::EncodingError> {
    let white_is_one: Vec<u8> = bitmap.data().iter().map(|octet| !octet).collect();
    let size = (bitmap.width(), u32::try_from(bitmap.rows()).unwrap_or(u32::MAX));
    write(size, BitDepth::One, resolution, &white_is_one)
}

fn shades(bitmap: &Bitmap, resolution: Resolution, limits: &Limits) -> Result<Vec<u8>, png::EncodingError> {
    let (width, rows) = (bitmap.width() as usize, bitmap.rows());
    let expand = |row: &[u8]| -> Vec<u8> {
        let white = |x: usize| row.get(x / 8).is_none_or(|octet| octet << (x % 8) & 0x80 == 0);
        (0..width).map(|x| if white(x) { 255 } else { 0 }).collect()
    };
    let grey: Vec<u8> = bitmap.iter().flat_map(expand).collect();
    let most = limits.page_pixels as f64 / width.max(1) as f64;
    let height = (rows as f64 * resolution.x / resolution.y).round().clamp(1.0, most.max(1.0)) as usize;
    let mut out = Vec::with_capacity(width * height);
    let line = |y: usize| grey.get(y * width..(y + 1) * width).unwrap_or_default();
    scale((width, rows), line, (width, height), |_, row| out.extend_from_slice(row));
    let size = (bitmap.width(), u32::try_from(height).unwrap_or(u32::MAX));
    write(size, BitDepth::Eight, Resolution { x: resolution.x, y: resolution.x }, &out)
}

fn write(
    (width, height): (u32, u32),
    depth: BitDepth,
    resolution: Resolution,
    data: &[u8],
) -> Result<Vec<u8>, png::EncodingError> {
    let mut out = Vec::new();
    let mut encoder = Encoder::new(&mut out, width, height);
    encoder.set_color(ColorType::Grayscale);
    encoder.set_depth(depth);
    let metre = |inch: f64| (inch * METRE).round().clamp(1.0, 1e6) as u32;
    let (xppu, yppu) = (metre(resolution.x), metre(resolution.y));
    encoder.set_pixel_dims(Some(PixelDimensions { xppu, yppu, unit: Unit::Meter }));
    let mut writer = encoder.write_header()?;
    writer.write_image_data(data)?;
    writer.finish()?;
    Ok(out)
}
