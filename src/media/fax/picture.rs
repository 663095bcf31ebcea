//! Pictures of ordinary mail (PNG, JPEG, GIF, BMP) as fax pages.
//!
//! A picture is scaled with area averaging to the dots of an A4 page: to the width of the page where it is large, at
//! 96 dots to the inch, as it shows on a screen, where it is small. One that is wider than high is turned. What
//! would be longer than the page is made smaller. A scan that says how large it is keeps its size.
//!
//! Bounds: width and height are held against the limits of a page before anything is decoded, the decoder may
//! allocate a few octets for each of these pixels, and the page made has one fixed size.

use super::MediaError;
use super::bitmap::Bitmap;
use super::geometry::Resolution;
use super::halftone::{self, Grey};
use super::scale::scale;
use super::sheet::Sheet;
use super::turn;
use crate::limits::{Budget, Exceeded, Limits};
use image::{DynamicImage, ImageDecoder, ImageFormat, ImageReader};
use std::io::Cursor;

/// Inches from top to bottom of A4 paper.
const HEIGHT: f64 = 11.69;
/// Inches left white at each edge: fax machines lose a few millimetres.
const MARGIN: f64 = 0.235;
/// Dots to the inch of a picture that says nothing.
const SCREEN_DPI: f64 = 96.0;
/// Octets a decoder may need for a pixel, with what it works with.
const OCTETS_A_PIXEL: u64 = 16;

/// The Orientation of pixels that are to be turned clockwise by a quarter.
const CLOCKWISE: u16 = 6;

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
    sheet: &Sheet,
    limits: &Limits,
    budget: &Budget,
) -> Result<Drawn, MediaError> {
    let (picture, orientation) = decode(input, container, limits)?;
    budget.check()?;
    let grey = shades(&picture);
    drop(picture);
    let grey = turn::shades(grey, orientation);
    budget.check()?;
    Ok(on_sheet(grey, None, sheet, container))
}

/// Puts a picture onto the page: at its true size where its `resolution` is known.
pub(super) fn on_sheet(grey: Grey, resolution: Option<Resolution>, sheet: &Sheet, name: &str) -> Drawn {
    let (x, y) = (sheet.resolution.x, sheet.resolution.y);
    let mut losses = vec![format!("{name} reduced to black and white at {x:.0} x {y:.0} dots to the inch")];
    let page = match resolution {
        Some(dots) => {
            let inches = (grey.width as f64 / dots.x, grey.rows() as f64 / dots.y);
            let fit = sheet.fit(inches.0 * 72.0, inches.1 * 72.0);
            losses.extend(fit.losses());
            let grey = if fit.turned { turn::shades(grey, CLOCKWISE) } else { grey };
            let columns = (f64::from(sheet.columns) - 2.0 * fit.left).round().max(1.0) as usize;
            let place = Place { left: fit.left.round() as i64, top: 0, columns, rows: fit.rows as usize };
            place.on_page(&grey, sheet.columns as usize, fit.rows as usize)
        }
        None => {
            let grey = if grey.width > grey.rows() { turn::shades(grey, CLOCKWISE) } else { grey };
            let place = Place::within_margins(&grey, sheet);
            place.on_page(&grey, sheet.columns as usize, (HEIGHT * y).round() as usize)
        }
    };
    Drawn { bitmap: halftone::reduce(&page), resolution: sheet.resolution, losses }
}

/// The pixels, and how they are to be turned (Exif Orientation, which is that of TIFF).
fn decode(input: &[u8], container: &str, limits: &Limits) -> Result<(DynamicImage, u16), MediaError> {
    let unreadable = |error: image::ImageError| MediaError::malformed(container, error.to_string());
    let format = format(container).ok_or_else(|| MediaError::Unsupported(container.to_owned()))?;
    let mut bounds = image::Limits::no_limits();
    bounds.max_image_width = Some(limits.fax_width);
    bounds.max_image_height = Some(limits.fax_rows);
    bounds.max_alloc = Some(limits.page_pixels.saturating_mul(OCTETS_A_PIXEL));
    let mut reader = ImageReader::with_format(Cursor::new(input), format);
    reader.limits(bounds);
    let mut decoder = reader.into_decoder().map_err(unreadable)?;
    let (width, height) = decoder.dimensions();
    if u64::from(width) * u64::from(height) > limits.page_pixels {
        return Err(Exceeded::PageSize.into());
    }
    // A picture without Exif data, or with damaged ones, stands upright.
    let orientation = decoder.orientation().map_or(1, |orientation| orientation.to_exif());
    let picture = DynamicImage::from_decoder(decoder).map_err(unreadable)?;
    Ok((picture, orientation.into()))
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

/// Where a picture lies on its page.
struct Place {
    /// Less than nothing where its edges are cut.
    left: i64,
    top: usize,
    columns: usize,
    rows: usize,
}

impl Place {
    fn within_margins(picture: &Grey, sheet: &Sheet) -> Self {
        let (x, y) = (sheet.resolution.x, sheet.resolution.y);
        let (edge_x, edge_y) = ((MARGIN * x).round(), (MARGIN * y).round());
        let (room_x, room_y) = (f64::from(sheet.columns) - 2.0 * edge_x, (HEIGHT * y).round() - 2.0 * edge_y);
        let (width, height) = (picture.width.max(1) as f64, picture.rows().max(1) as f64);
        // Page columns for each column of the picture.
        let shape = y / x;
        let scale = (x / SCREEN_DPI).min(room_x / width).min(room_y / shape / height);
        let columns = (width * scale).round().clamp(1.0, room_x);
        let rows = (height * scale * shape).round().clamp(1.0, room_y);
        let left = edge_x as i64 + ((room_x - columns) / 2.0) as i64;
        Place { left, top: edge_y as usize, columns: columns as usize, rows: rows as usize }
    }

    /// Scales the picture onto a white page.
    fn on_page(&self, picture: &Grey, columns: usize, rows: usize) -> Grey {
        let mut page = Grey { width: columns, pixels: vec![255; columns * rows] };
        let width = picture.width;
        let line = |y: usize| picture.pixels.get(y * width..(y + 1) * width).unwrap_or_default();
        let (left, cut) = (self.left.max(0) as usize, self.left.min(0).unsigned_abs() as usize);
        scale((width, picture.rows()), line, (self.columns, self.rows), |row, shades| {
            let start = (self.top + row) * columns;
            let out = page.pixels.get_mut(start..start + columns).unwrap_or_default();
            let shades = shades.get(cut..).unwrap_or_default();
            out.iter_mut().skip(left).zip(shades).for_each(|(to, shade)| *to = *shade);
        });
        page
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_claim_of_a_huge_picture_is_a_limit_or_an_error() {
        let png = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\xff\xff\0\0\xff\xff\x08\x06\0\0\0\xa0\xbd\xa1\xeb";
        let limits = Limits::default();
        assert!(draw(png, "png", &Sheet::default(), &limits, &Budget::new(&limits)).is_err());
    }

    /// Columns and rows of the page that are black.
    fn extent(width: usize, height: usize) -> (usize, usize) {
        let (picture, sheet) = (Grey { width, pixels: vec![0; width * height] }, Sheet::default());
        let page = Place::within_margins(&picture, &sheet).on_page(&picture, 1728, 2291);
        let rows = page.pixels.chunks(1728).filter(|row| row.contains(&0)).count();
        let columns = page.pixels.chunks(1728).map(|row| row.iter().filter(|s| **s == 0).count()).max();
        (columns.unwrap(), rows)
    }

    #[test]
    fn a_small_picture_keeps_its_size_and_a_large_one_fills_the_width() {
        // One inch each way.
        assert_eq!(extent(96, 96), (204, 196));
        assert_eq!(extent(1654, 2000).0, 1728 - 2 * 48);
        assert_eq!(extent(100, 20_000).1, 2291 - 2 * 46);
    }

    #[test]
    fn a_scan_keeps_its_true_size_or_is_turned_and_made_to_fit() {
        let dots = Resolution { x: 100.0, y: 100.0 };
        let scan = |width: usize, height: usize| {
            let grey = Grey { width, pixels: vec![0; width * height] };
            on_sheet(grey, Some(dots), &Sheet::default(), "tiff")
        };
        let a4 = scan(827, 1169);
        assert_eq!((a4.bitmap.width(), a4.bitmap.rows(), a4.losses.len()), (1728, 2291, 1));
        let row = a4.bitmap.iter().nth(1000).unwrap();
        let black: u32 = row.iter().map(|octet| octet.count_ones()).sum();
        assert_eq!(black, 1687, "8.27 inches");
        let lying = scan(1169, 827);
        assert_eq!((lying.bitmap.rows(), lying.losses.len()), (2291, 2));
        assert_eq!(scan(1169, 1654).losses[1], "made smaller to 72 percent to fit a fax page");
    }

    #[test]
    fn pictures_are_turned_clockwise() {
        // 1 2 3
        // 4 5 6
        let grey = turn::shades(Grey { width: 3, pixels: vec![1, 2, 3, 4, 5, 6] }, CLOCKWISE);
        assert_eq!((grey.width, grey.pixels), (2, vec![4, 1, 5, 2, 6, 3]));
    }
}
