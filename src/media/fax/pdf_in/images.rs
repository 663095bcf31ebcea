//! Images on a page, with area averaging: what a pixel of the page shows is the mean of what it covers.

use super::bounds;
use super::canvas::Canvas;
use super::layer::{Ink, Layer, share};
use super::paths;
use crate::media::fax::raster::Area;
use crate::media::fax::scale::scale;
use hayro_interpret::kurbo::{Affine, Point, Rect};
use hayro_interpret::{Image, ImageData, ImageDrawProps, LumaData, Paint};

/// Samples along each side of a pixel of an image that is turned.
const SAMPLES: usize = 3;
/// Pixels that an image may be scaled to, as a multiple of those that are seen.
const SEEN: u64 = 4;

/// A decoded image: shade times opacity, and opacity where it is not all opaque.
struct Plane {
    width: usize,
    height: usize,
    value: Vec<u8>,
    alpha: Option<Vec<u8>>,
}

impl<'c> Canvas<'c> {
    /// Draws an image whose pixels `props` maps to those of the page.
    pub fn image(&mut self, image: &Image<'_, '_>, props: &ImageDrawProps<'_>) {
        self.work.spend(0);
        let (width, height) = (f64::from(image.width()), f64::from(image.height()));
        let place = props.transform.transform_rect_bbox(Rect::new(0.0, 0.0, width, height));
        if !place.is_finite() || paths::pixels(&place).and(&self.open_area()).is_empty() {
            return;
        }
        let stream = match image {
            Image::Stencil(stencil) => stencil.stream(),
            Image::Raster(raster) => raster.stream(),
        };
        match bounds::admit(stream, self.limits) {
            Ok(steps) => self.work.spend(steps),
            Err(reason) => return self.work.note(reason),
        }
        match image {
            Image::Stencil(stencil) => stencil.with_stencil(
                |data, paint| {
                    let transform = props.transform * fitted(width, height, data.width, data.height);
                    let Some(plane) = Plane::stencil(data) else { return };
                    self.stencil(&plane, transform, paint, props);
                },
                None,
            ),
            Image::Raster(raster) => raster.with_rgba(
                |data, alpha| {
                    let transform = props.transform * fitted(width, height, data.width(), data.height());
                    let Some(plane) = Plane::of(data, alpha) else { return };
                    let Some(field) = self.placed(&plane, transform) else { return };
                    self.put(&field, &Ink::Field(&field), props);
                },
                None,
            ),
        }
    }

    fn stencil(&mut self, plane: &Plane, transform: Affine, paint: &Paint<'_>, props: &ImageDrawProps<'_>) {
        let Some(cover) = self.placed(plane, transform) else { return };
        match paint {
            Paint::Color(color) => {
                let (shade, alpha) = paths::shade(color.to_rgba().to_rgba8());
                self.put(&cover, &Ink::Flat { shade, alpha }, props);
            }
            Paint::Pattern(pattern) => {
                let Some(field) = self.pattern(pattern, cover.area, false) else { return };
                self.put(&cover, &Ink::Field(&field), props);
            }
        }
    }

    /// Paints where `cover` is opaque; of an image itself the opacity is in the ink.
    fn put(&mut self, cover: &Layer, ink: &Ink<'_>, props: &ImageDrawProps<'_>) {
        let mask = self.soft_mask(props.soft_mask.as_ref());
        let area = cover.area.and(&self.open_area());
        let itself = matches!(ink, Ink::Field(field) if std::ptr::eq(*field, cover));
        self.paint(ink, mask.as_deref(), props.blend_mode, |row| {
            let mut coverage = vec![255; area.width()];
            for y in area.y0..area.y1 {
                if !itself {
                    let opacity = (area.x0..area.x1).map(|x| cover.at(x, y).1);
                    coverage.iter_mut().zip(opacity).for_each(|(to, opacity)| *to = opacity);
                }
                row(y, area.x0, &coverage);
            }
        });
    }

    /// The image on the pixels of the page that can be drawn on.
    fn placed(&mut self, plane: &Plane, transform: Affine) -> Option<Layer> {
        let open = self.open_area();
        let place =
            transform.transform_rect_bbox(Rect::new(0.0, 0.0, plane.width as f64, plane.height as f64));
        let whole = paths::pixels(&place);
        let seen = whole.and(&open);
        if seen.is_empty() {
            return None;
        }
        self.work.spend((plane.value.len() as u64).saturating_mul(2) + seen.pixels().saturating_mul(4));
        let [a, b, c, d, ..] = transform.as_coeffs();
        let small = |v: f64, w: f64| v.abs() < 1e-3 * w.abs();
        let (upright, turned) = (small(b, a) && small(c, d), small(a, b) && small(d, c));
        if !(upright || turned) || whole.pixels() > seen.pixels().saturating_mul(SEEN) {
            return Some(sampled(plane, transform, seen));
        }
        let lying;
        let (plane, mirrored, flipped) = if upright {
            (plane, a < 0.0, d < 0.0)
        } else {
            lying = plane.transposed();
            (&lying, c < 0.0, b < 0.0)
        };
        let mut layer = Layer::clear(seen);
        let (width, height) = (whole.width(), whole.height());
        let column = |x: i32| {
            let at = (x - whole.x0) as usize;
            if mirrored { width - 1 - at } else { at }
        };
        let row_of = |at: usize| whole.y0 + if flipped { height - 1 - at } else { at } as i32;
        let rows = |values: &[u8], keep: &mut dyn FnMut(i32, i32, u8)| {
            let line = |y: usize| values.get(y * plane.width..(y + 1) * plane.width).unwrap_or_default();
            scale((plane.width, plane.height), line, (width, height), |at, row| {
                let y = row_of(at);
                if y >= seen.y0 && y < seen.y1 {
                    for x in seen.x0..seen.x1 {
                        keep(x, y, row.get(column(x)).copied().unwrap_or(0));
                    }
                }
            });
        };
        rows(&plane.value, &mut |x, y, value| layer.set_parts(x, y, Some(value), None));
        match &plane.alpha {
            Some(alpha) => rows(alpha, &mut |x, y, alpha| layer.set_parts(x, y, None, Some(alpha))),
            None => layer.make_opaque(),
        }
        Some(layer)
    }
}

/// Where decoded data has another size than the image says, it covers the same place.
fn fitted(width: f64, height: f64, data_width: u32, data_height: u32) -> Affine {
    Affine::scale_non_uniform(width / f64::from(data_width.max(1)), height / f64::from(data_height.max(1)))
}

/// An image turned by any angle, or far larger than the page: samples in each pixel.
fn sampled(plane: &Plane, transform: Affine, area: Area) -> Layer {
    let mut layer = Layer::clear(area);
    let inverse = transform.inverse();
    for y in area.y0..area.y1 {
        for x in area.x0..area.x1 {
            let (mut value, mut alpha) = (0u32, 0u32);
            for sample in 0..SAMPLES * SAMPLES {
                let step = |n: usize| (n as f64 + 0.5) / SAMPLES as f64;
                let at =
                    Point::new(f64::from(x) + step(sample % SAMPLES), f64::from(y) + step(sample / SAMPLES));
                let (v, a) = plane.at(inverse * at);
                (value, alpha) = (value + u32::from(v), alpha + u32::from(a));
            }
            let mean = |sum: u32| (sum / (SAMPLES * SAMPLES) as u32) as u8;
            layer.set_parts(x, y, Some(mean(value)), Some(mean(alpha)));
        }
    }
    layer
}

impl Plane {
    fn of(data: ImageData, alpha: Option<LumaData>) -> Option<Plane> {
        let (width, height) = (data.width() as usize, data.height() as usize);
        let mut value = match data {
            ImageData::Luma(luma) => luma.data,
            ImageData::Rgb(rgb) => {
                rgb.data.as_chunks::<3>().0.iter().map(|&[r, g, b]| paths::shade([r, g, b, 255]).0).collect()
            }
        };
        value.truncate(width * height);
        let alpha = alpha.map(|alpha| alpha_like(alpha, width, height));
        if let Some(alpha) = &alpha {
            value.iter_mut().zip(alpha).for_each(|(value, &opacity)| *value = share(*value, opacity));
        }
        (value.len() == width * height && width > 0).then_some(Plane { width, height, value, alpha })
    }

    /// Only opacity; the ink comes later.
    fn stencil(data: LumaData) -> Option<Plane> {
        let (width, height) = (data.width as usize, data.height as usize);
        let whole = data.data.len() == width * height && width > 0;
        whole.then(|| Plane { width, height, value: data.data.clone(), alpha: Some(data.data) })
    }

    fn at(&self, place: Point) -> (u8, u8) {
        if place.x < 0.0 || place.y < 0.0 {
            return (0, 0);
        }
        let (x, y) = (place.x as usize, place.y as usize);
        if x >= self.width || y >= self.height {
            return (0, 0);
        }
        let at = y * self.width + x;
        let alpha = self.alpha.as_ref().map_or(Some(&255), |alpha| alpha.get(at));
        (self.value.get(at).copied().unwrap_or(0), alpha.copied().unwrap_or(0))
    }

    fn transposed(&self) -> Plane {
        let turn = |old: &Vec<u8>| {
            let mut new = Vec::with_capacity(old.len());
            for x in 0..self.width {
                new.extend(old.iter().skip(x).step_by(self.width));
            }
            new
        };
        let (value, alpha) = (turn(&self.value), self.alpha.as_ref().map(turn));
        Plane { width: self.height, height: self.width, value, alpha }
    }
}

/// A mask of any size, made that of its image.
fn alpha_like(mask: LumaData, width: usize, height: usize) -> Vec<u8> {
    let size = (mask.width as usize, mask.height as usize);
    if size == (width, height) && mask.data.len() == width * height {
        return mask.data;
    }
    let mut out = Vec::with_capacity(width * height);
    let line = |y: usize| mask.data.get(y * size.0..(y + 1) * size.0).unwrap_or_default();
    scale(size, line, (width, height), |_, row| out.extend_from_slice(row));
    out
}
