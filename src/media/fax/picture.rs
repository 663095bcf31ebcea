//! Pictures of ordinary mail (PNG, JPEG, GIF, BMP) as fax pages.
//!
//! A picture is scaled with area averaging to the dots of a fine A4 page (204 x 196 to the inch, 1728 columns):
//! to the width of the page where it is large, at 96 dots to the inch, as it shows on a screen, where it is
//! small. One that is wider than high is turned. What would be longer than the page is made smaller.
//!
//! Bounds: width and height are held against the limits of a page before anything is decoded, the decoder may
//! allocate a few octets for each of these pixels, and the page made has one fixed size.

use super::MediaError;
use super::bitmap::Bitmap;
use super::geometry::Resolution;
use super::halftone::{self, Grey};
use crate::limits::{Budget, Exceeded, Limits};
use image::{DynamicImage, ImageDecoder, ImageFormat, ImageReader};
use std::io::Cursor;

/// The dots of the page.
const RESOLUTION: Resolution = Resolution { x: 204.0, y: 196.0 };
/// Columns of A4 and letter paper (RFC 2306 3.2).
const COLUMNS: usize = 1_728;
/// Rows of A4 paper.
const ROWS: usize = 2_291;
/// Columns and rows left white at each edge: fax machines lose a few millimetres.
const MARGIN: usize = 48;
/// Dots to the inch of a picture that says nothing.
const SCREEN_DPI: f64 = 96.0;
/// Octets a decoder may need for a pixel, with what it works with.
const OCTETS_A_PIXEL: u64 = 16;

/// A page that was drawn here.
#[derive(Clone, Debug)]
pub(super) struct Drawn {
    pub bitmap: Bitmap,
    pub resolution: Resolution,
    /// What was lost on the way.
    pub losses: Vec<String>,
}

impl Drawn {
    pub fn pixels(&self) -> u64 {
        u64::from(self.bitmap.width()) * self.bitmap.rows() as u64
    }
}

/// True for containers (as `sniff` names them) that [`draw`] reads.
pub(super) fn reads(container: &str) -> bool {
    format(container).is_some()
}

fn format(container: &str) -> Option<ImageFormat> {
    Some(match container {
        "png" => ImageFormat::Png,
        "jpeg" => ImageFormat::Jpeg,
        "gif" => ImageFormat::Gif,
        "bmp" => ImageFormat::Bmp,
        _ => return None,
    })
}

/// Draws the picture as a page.
pub(super) fn draw(
    input: &[u8],
    container: &str,
    limits: &Limits,
    budget: &Budget,
) -> Result<Drawn, MediaError> {
    let picture = decode(input, container, limits)?;
    budget.check()?;
    let turned = picture.width() > picture.height();
    let picture = if turned { picture.rotate90() } else { picture };
    let grey = shades(&picture);
    drop(picture);
    budget.check()?;
    let bitmap = halftone::reduce(&on_page(&grey));
    let losses = vec![format!("{container} reduced to black and white at 204 x 196 dots to the inch")];
    Ok(Drawn { bitmap, resolution: RESOLUTION, losses })
}

fn decode(input: &[u8], container: &str, limits: &Limits) -> Result<DynamicImage, MediaError> {
    let unreadable = |error: image::ImageError| MediaError::malformed(container, error.to_string());
    let format = format(container).ok_or_else(|| MediaError::Unsupported(container.to_owned()))?;
    let mut bounds = image::Limits::no_limits();
    bounds.max_image_width = Some(limits.fax_width);
    bounds.max_image_height = Some(limits.fax_rows);
    bounds.max_alloc = Some(limits.page_pixels.saturating_mul(OCTETS_A_PIXEL));
    let mut reader = ImageReader::with_format(Cursor::new(input), format);
    reader.limits(bounds);
    let decoder = reader.into_decoder().map_err(unreadable)?;
    let (width, height) = decoder.dimensions();
    if u64::from(width) * u64::from(height) > limits.page_pixels {
        return Err(Exceeded::PageSize.into());
    }
    DynamicImage::from_decoder(decoder).map_err(unreadable)
}

/// Luminance on white paper.
fn shades(picture: &DynamicImage) -> Grey {
    let alpha = picture.to_luma_alpha8();
    let on_white = |[shade, alpha]: [u8; 2]| {
        let (shade, alpha) = (u32::from(shade), u32::from(alpha));
        ((shade * alpha + 255 * (255 - alpha)) / 255) as u8
    };
    let pixels = alpha.pixels().map(|pixel| on_white(pixel.0)).collect();
    Grey { width: alpha.width() as usize, pixels }
}

/// Scales the picture onto a white page.
fn on_page(picture: &Grey) -> Grey {
    let (width, height) = (picture.width.max(1), picture.pixels.len() / picture.width.max(1));
    let (room_x, room_y) = ((COLUMNS - 2 * MARGIN) as f64, (ROWS - 2 * MARGIN) as f64);
    // Page columns for each column of the picture.
    let shape = RESOLUTION.y / RESOLUTION.x;
    let scale =
        (RESOLUTION.x / SCREEN_DPI).min(room_x / width as f64).min(room_y / shape / height.max(1) as f64);
    let columns = ((width as f64 * scale).round() as usize).clamp(1, COLUMNS - 2 * MARGIN);
    let rows = ((height as f64 * scale * shape).round() as usize).clamp(1, ROWS - 2 * MARGIN);
    let mut page = Grey { width: COLUMNS, pixels: vec![255; COLUMNS * ROWS] };
    let across = Areas::new(width, columns);
    let mut sums = vec![0f32; columns];
    for (row, areas) in Areas::new(height, rows).0.iter().enumerate() {
        sums.fill(0.0);
        let mut total = 0.0;
        for &(y, share) in areas {
            let line = picture.pixels.get(y * width..(y + 1) * width).unwrap_or_default();
            across.add(line, share, &mut sums);
            total += share;
        }
        let start = (MARGIN + row) * COLUMNS + MARGIN + (room_x as usize - columns) / 2;
        let out = page.pixels.get_mut(start..start + columns).unwrap_or_default();
        for (to, sum) in out.iter_mut().zip(&sums) {
            *to = (sum / total).round().clamp(0.0, 255.0) as u8;
        }
    }
    page
}

/// For each of the new positions, the old ones it covers and how much of each.
struct Areas(Vec<Vec<(usize, f32)>>);

impl Areas {
    fn new(old: usize, new: usize) -> Self {
        let step = old as f64 / new as f64;
        let area = |at: usize| {
            let (from, to) = (at as f64 * step, ((at + 1) as f64 * step).min(old as f64));
            (from as usize..(to.ceil() as usize).min(old))
                .map(|at| (at, (to.min(at as f64 + 1.0) - from.max(at as f64)) as f32))
                .filter(|(_, share)| *share > 0.0)
                .collect()
        };
        Areas((0..new).map(area).collect())
    }

    /// Adds `share` of the mean of each area of `line`.
    fn add(&self, line: &[u8], share: f32, sums: &mut [f32]) {
        for (sum, area) in sums.iter_mut().zip(&self.0) {
            let (mut shade, mut total) = (0.0, 0.0);
            for &(at, part) in area {
                shade += f32::from(line.get(at).copied().unwrap_or(255)) * part;
                total += part;
            }
            *sum += share * shade / total;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn areas_share_every_position_once() {
        for (old, new) in [(1000, 1632), (3000, 1632), (7, 3), (1, 5)] {
            let areas = Areas::new(old, new).0;
            assert_eq!(areas.len(), new);
            let total: f32 = areas.iter().flatten().map(|(_, share)| share).sum();
            assert!((total - old as f32).abs() < 0.01 * old as f32, "{old} {new}: {total}");
            assert!(areas.iter().all(|area| !area.is_empty()));
        }
    }

    #[test]
    fn a_claim_of_a_huge_picture_is_a_limit_or_an_error() {
        let png = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\xff\xff\0\0\xff\xff\x08\x06\0\0\0\xa0\xbd\xa1\xeb";
        let limits = Limits::default();
        assert!(draw(png, "png", &limits, &Budget::new(&limits)).is_err());
    }

    #[test]
    fn a_small_picture_keeps_its_size_and_a_large_one_fills_the_width() {
        let black = |width, height| on_page(&Grey { width, pixels: vec![0; width * height] });
        let extent = |page: &Grey| {
            let rows = page.pixels.chunks(COLUMNS).filter(|row| row.contains(&0)).count();
            let columns =
                page.pixels.chunks(COLUMNS).map(|row| row.iter().filter(|s| **s == 0).count()).max();
            (columns.unwrap(), rows)
        };
        // One inch each way.
        assert_eq!(extent(&black(96, 96)), (204, 196));
        assert_eq!(extent(&black(1654, 2000)).0, COLUMNS - 2 * MARGIN);
        assert_eq!(extent(&black(100, 20_000)).1, ROWS - 2 * MARGIN);
    }
}
