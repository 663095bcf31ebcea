//! Pixels in grey, and how ink goes onto them (ISO 32000-1, 11.3): a fax has no colours, so shades are blended
//! where PDF blends colours.

use crate::media::fax::raster::Area;
use hayro_interpret::BlendMode;

/// A part of a page. `value` is the shade (0 black, 255 white) times the share of the pixel that is not
/// transparent.
pub(super) struct Layer {
    pub area: Area,
    pub value: Vec<u8>,
    /// 255 is opaque; empty where all of the layer is.
    alpha: Vec<u8>,
}

/// How much of each pixel of an area takes part: a clipping path, a soft mask.
pub(super) struct Mask {
    pub area: Area,
    pub share: Vec<u8>,
}

/// What is put onto the covered pixels.
pub(super) enum Ink<'a> {
    /// One shade, and how opaque it is.
    Flat { shade: u8, alpha: u8 },
    /// The pixels of another layer, which covers the same places.
    Field(&'a Layer),
}

/// a · b / 255, rounded.
pub(super) fn share(a: u8, b: u8) -> u8 {
    // At most 255 * 255 + 128 + 254: nothing wraps, and many are done at a time.
    let product = (u16::from(a) * u16::from(b)).wrapping_add(128);
    (product.wrapping_add(product >> 8) >> 8) as u8
}

impl Mask {
    /// The shares of `width` pixels from `x` on in the row `y`; outside of its area a mask lets nothing through.
    pub fn row(&self, y: i32, x: i32, width: usize, out: &mut Vec<u8>) {
        out.clear();
        out.resize(width, 0);
        let from = x.max(self.area.x0);
        let (Some(start), Ok(skip)) = (place(&self.area, from, y), usize::try_from(from - x)) else { return };
        let here = (self.area.x1 - from) as usize;
        let shares = self.share.get(start..start + here).unwrap_or_default();
        out.iter_mut().skip(skip).zip(shares).for_each(|(to, share)| *to = *share);
    }
}

fn place(area: &Area, x: i32, y: i32) -> Option<usize> {
    let inside = x >= area.x0 && x < area.x1 && y >= area.y0 && y < area.y1;
    inside.then(|| (y - area.y0) as usize * area.width() + (x - area.x0) as usize)
}

impl Layer {
    /// White paper.
    pub fn paper(area: Area) -> Self {
        Layer { area, value: vec![255; area.pixels() as usize], alpha: Vec::new() }
    }

    /// Nothing yet.
    pub fn clear(area: Area) -> Self {
        let pixels = area.pixels() as usize;
        Layer { area, value: vec![0; pixels], alpha: vec![0; pixels] }
    }

    /// All of one ink.
    pub fn flat(area: Area, shade: u8, alpha: u8) -> Self {
        let pixels = area.pixels() as usize;
        Layer { area, value: vec![share(shade, alpha); pixels], alpha: vec![alpha; pixels] }
    }

    /// Sets a pixel to a shade of some opacity.
    pub fn set(&mut self, x: i32, y: i32, shade: u8, opacity: u8) {
        let Some(at) = place(&self.area, x, y) else { return };
        if let (Some(value), Some(alpha)) = (self.value.get_mut(at), self.alpha.get_mut(at)) {
            (*value, *alpha) = (share(shade, opacity), opacity);
        }
    }

    /// Sets shade times opacity and the opacity of a pixel, or one of them.
    pub fn set_parts(&mut self, x: i32, y: i32, value: Option<u8>, opacity: Option<u8>) {
        let Some(at) = place(&self.area, x, y) else { return };
        for (list, new) in [(&mut self.value, value), (&mut self.alpha, opacity)] {
            if let (Some(old), Some(new)) = (list.get_mut(at), new) {
                *old = new;
            }
        }
    }

    /// Makes all of it opaque.
    pub fn make_opaque(&mut self) {
        self.alpha.clear();
    }

    /// Shade times opacity, and opacity of a pixel.
    pub fn at(&self, x: i32, y: i32) -> (u8, u8) {
        let Some(at) = place(&self.area, x, y) else { return (0, 0) };
        let value = self.value.get(at).copied().unwrap_or(0);
        (value, self.alpha.get(at).copied().unwrap_or(255))
    }

    /// How much of each pixel is not transparent.
    pub fn into_alpha(self) -> Mask {
        let share = if self.alpha.is_empty() { vec![255; self.value.len()] } else { self.alpha };
        Mask { area: self.area, share }
    }

    /// How light each pixel is, on black.
    pub fn into_luminosity(self) -> Mask {
        Mask { area: self.area, share: self.value }
    }

    /// Puts an opaque shade onto the pixels of `area`, as much as `coverage` says of each, row by row, a row `stride`
    /// octets behind the other. `false` where the layer is not opaque or does not hold the area: nothing is done.
    pub fn stamp(&mut self, area: &Area, coverage: &[u8], stride: usize, shade: u8) -> bool {
        let (own, width) = (self.area, self.area.width());
        if !self.alpha.is_empty() || area.is_empty() || area.and(&own) != *area {
            return false;
        }
        let left = (area.x0 - own.x0) as usize;
        let rows = self.value.chunks_exact_mut(width).skip((area.y0 - own.y0) as usize).take(area.height());
        for (row, coverage) in rows.zip(coverage.chunks(stride.max(1))) {
            if let Some(values) = row.get_mut(left..left + area.width()) {
                cover(values, coverage, shade);
            }
        }
        true
    }

    /// Puts ink onto the pixels from `x` on in the row `y`, as much as `coverage` says of each.
    pub fn blend(&mut self, y: i32, x: i32, coverage: &[u8], ink: &Ink<'_>, mode: BlendMode) {
        // Callers cover only places inside of the area.
        let Some(start) = place(&self.area, x, y) else { return };
        let end = start + coverage.len().min((self.area.x1 - x).max(0) as usize);
        let Some(values) = self.value.get_mut(start..end) else { return };
        let alphas = self.alpha.get_mut(start..end).unwrap_or_default();
        match (ink, mode, alphas.is_empty()) {
            (&Ink::Flat { shade, alpha: 255 }, BlendMode::Normal, true) => {
                cover(values, coverage, shade);
            }
            _ => {
                let opaque = alphas.is_empty();
                for (step, (value, &covered)) in values.iter_mut().zip(coverage).enumerate() {
                    if covered == 0 {
                        continue;
                    }
                    let (over, opacity) = match ink {
                        Ink::Flat { shade, alpha } => (*shade, share(*alpha, covered)),
                        Ink::Field(field) => {
                            let (value, alpha) = field.at(x + step as i32, y);
                            (shade_of(value, alpha), share(alpha, covered))
                        }
                    };
                    let mut below = if opaque { 255 } else { alphas.get(step).copied().unwrap_or(0) };
                    put(value, &mut below, over, opacity, mode);
                    if let Some(alpha) = alphas.get_mut(step) {
                        *alpha = below;
                    }
                }
            }
        }
    }
}

/// Puts an opaque shade onto pixels of an opaque layer.
fn cover(values: &mut [u8], coverage: &[u8], shade: u8) {
    let length = values.len().min(coverage.len());
    let (values, coverage) = (&mut values[..length], &coverage[..length]);
    // The parts of two shades are never more than 255 together.
    let one = |value: u8, covered: u8| share(shade, covered).saturating_add(share(value, 255 - covered));
    let (eights, rest) = values.as_chunks_mut::<8>();
    let (covered_eights, covered_rest) = coverage.as_chunks::<8>();
    for (values, coverage) in eights.iter_mut().zip(covered_eights) {
        values.iter_mut().zip(coverage).for_each(|(value, &covered)| *value = one(*value, covered));
    }
    rest.iter_mut().zip(covered_rest).for_each(|(value, &covered)| *value = one(*value, covered));
}

/// The shade of a pixel from its value and opacity.
fn shade_of(value: u8, alpha: u8) -> u8 {
    match alpha {
        0 => 0,
        255 => value,
        _ => (u32::from(value) * 255 / u32::from(alpha)).min(255) as u8,
    }
}

/// One pixel (ISO 32000-1, 11.3.6).
fn put(value: &mut u8, alpha: &mut u8, shade: u8, opacity: u8, mode: BlendMode) {
    let mixed = if mode == BlendMode::Normal {
        shade
    } else {
        let blended = mix(shade_of(*value, *alpha), shade, mode);
        share(shade, 255 - *alpha).saturating_add(share(blended, *alpha))
    };
    *value = share(mixed, opacity).saturating_add(share(*value, 255 - opacity));
    *alpha = opacity.saturating_add(share(*alpha, 255 - opacity));
}

/// The blend functions (ISO 32000-1, table 136) on shades; those of hue and saturation have nothing to work on.
fn mix(below: u8, above: u8, mode: BlendMode) -> u8 {
    let (b, s) = (f32::from(below) / 255.0, f32::from(above) / 255.0);
    let hard = |b: f32, s: f32| if s <= 0.5 { b * 2.0 * s } else { screen(b, 2.0 * s - 1.0) };
    let result = match mode {
        BlendMode::Normal | BlendMode::Luminosity => s,
        BlendMode::Hue | BlendMode::Saturation | BlendMode::Color => b,
        BlendMode::Multiply => b * s,
        BlendMode::Screen => screen(b, s),
        BlendMode::Overlay => hard(s, b),
        BlendMode::HardLight => hard(b, s),
        BlendMode::Darken => b.min(s),
        BlendMode::Lighten => b.max(s),
        BlendMode::ColorDodge if b == 0.0 => 0.0,
        BlendMode::ColorDodge => (b / (1.0 - s).max(f32::EPSILON)).min(1.0),
        BlendMode::ColorBurn if b >= 1.0 => 1.0,
        BlendMode::ColorBurn => 1.0 - ((1.0 - b) / s.max(f32::EPSILON)).min(1.0),
        BlendMode::Difference => (b - s).abs(),
        BlendMode::Exclusion => b + s - 2.0 * b * s,
        BlendMode::SoftLight if s <= 0.5 => b - (1.0 - 2.0 * s) * b * (1.0 - b),
        BlendMode::SoftLight => {
            let d = if b <= 0.25 { ((16.0 * b - 12.0) * b + 4.0) * b } else { b.sqrt() };
            b + (2.0 * s - 1.0) * (d - b)
        }
    };
    (result * 255.0 + 0.5) as u8
}

fn screen(b: f32, s: f32) -> f32 {
    b + s - b * s
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: [u8; 4] = [255; 4];

    fn area() -> Area {
        Area::sized(4, 1)
    }

    #[test]
    fn ink_covers_paper_by_its_share_and_its_opacity() {
        let mut paper = Layer::paper(area());
        paper.blend(0, 0, &[0, 255, 128, 255], &Ink::Flat { shade: 0, alpha: 255 }, BlendMode::Normal);
        assert_eq!(paper.value, [255, 0, 127, 0]);
        let mut paper = Layer::paper(area());
        paper.blend(0, 0, &ALL, &Ink::Flat { shade: 55, alpha: 128 }, BlendMode::Normal);
        assert!(paper.value.iter().all(|&v| v.abs_diff(155) <= 1), "{:?}", paper.value);
    }

    #[test]
    fn a_group_on_paper_looks_like_its_parts_on_paper() {
        let parts = [(40u8, 255u8), (200, 100), (90, 180)];
        let (mut group, mut paper) = (Layer::clear(area()), Layer::paper(area()));
        for (shade, alpha) in parts {
            for layer in [&mut group, &mut paper] {
                layer.blend(0, 0, &[255, 180, 90, 10], &Ink::Flat { shade, alpha }, BlendMode::Normal);
            }
        }
        let mut through_group = Layer::paper(area());
        through_group.blend(0, 0, &ALL, &Ink::Field(&group), BlendMode::Normal);
        for (one, other) in through_group.value.iter().zip(&paper.value) {
            assert!(one.abs_diff(*other) <= 3, "{:?} {:?}", through_group.value, paper.value);
        }
    }

    #[test]
    fn blend_modes_have_the_values_of_the_standard_at_their_ends() {
        let modes = [
            (BlendMode::Multiply, [0, 0, 0, 255]),
            (BlendMode::Screen, [0, 255, 255, 255]),
            (BlendMode::Darken, [0, 0, 0, 255]),
            (BlendMode::Lighten, [0, 255, 255, 255]),
            (BlendMode::Difference, [0, 255, 255, 0]),
            (BlendMode::Exclusion, [0, 255, 255, 0]),
            (BlendMode::HardLight, [0, 255, 0, 255]),
            (BlendMode::Overlay, [0, 0, 255, 255]),
            (BlendMode::ColorDodge, [0, 0, 255, 255]),
            (BlendMode::ColorBurn, [0, 0, 255, 255]),
        ];
        for (mode, expected) in modes {
            let found =
                [(0, 0), (0, 255), (255, 0), (255, 255)].map(|(below, above)| mix(below, above, mode));
            assert_eq!(found, expected, "{mode:?}");
        }
    }

    #[test]
    fn nothing_is_written_outside_of_a_layer() {
        let mut layer = Layer::clear(Area { x0: 2, y0: 2, x1: 4, y1: 4 });
        for (x, y) in [(0, 0), (4, 2), (2, 4), (i32::MIN, i32::MAX)] {
            layer.blend(y, x, &ALL, &Ink::Flat { shade: 9, alpha: 255 }, BlendMode::Normal);
            layer.set(x, y, 9, 9);
            assert_eq!(layer.at(x, y), (0, 0));
        }
        layer.blend(3, 3, &ALL, &Ink::Flat { shade: 9, alpha: 255 }, BlendMode::Normal);
        assert_eq!(layer.value, [0, 0, 0, 9]);
    }
}
