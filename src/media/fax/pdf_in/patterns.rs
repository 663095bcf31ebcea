//! Shadings and tiles (ISO 32000-1, 8.7) as fields of ink on the pixels that are painted with them.

use super::canvas::Canvas;
use super::layer::Layer;
use super::paths;
use crate::media::fax::raster::{Area, Rule};
use hayro_interpret::kurbo::{Affine, Point, Rect};
use hayro_interpret::pattern::{Pattern, ShadingPattern, TilingPattern};
use hayro_interpret::shading::ShadingType;
use hayro_interpret::util::x_y_advances;

/// Steps for a pixel of a shading: its function may be a program.
const SAMPLE: u64 = 60;
/// Pixels of a cell along a side.
const CELL: f64 = 2_048.0;
/// Copies of a cell that overlap one of them, in each direction.
const COPIES: i32 = 3;

impl<'c> Canvas<'c> {
    /// The ink of a pattern on the pixels of `area`; `None` where it has none.
    pub fn pattern(&mut self, pattern: &Pattern<'_>, area: Area, stroked: bool) -> Option<Layer> {
        match pattern {
            Pattern::Shading(shading) => self.shading(shading, area),
            Pattern::Tiling(tiling) => self.tiling(tiling, area, stroked),
        }
    }

    fn shading(&mut self, shading: &ShadingPattern, area: Area) -> Option<Layer> {
        self.work.spend(mesh_steps(shading).saturating_add(area.pixels().saturating_mul(SAMPLE)));
        let encoded = shading.encode();
        let mut layer = Layer::clear(area);
        for y in area.y0..area.y1 {
            self.work.spend(0);
            for x in area.x0..area.x1 {
                let place = Point::new(f64::from(x) + 0.5, f64::from(y) + 0.5);
                let rgba = encoded.sample(encoded.base_transform * place);
                let (shade, alpha) = paths::shade(rgba.map(|part| (part * 255.0 + 0.5) as u8));
                layer.set(x, y, shade, alpha);
            }
        }
        let Some(clip) = &shading.shading.clip_path else { return Some(layer) };
        let outline = paths::outline(clip, Affine::IDENTITY, self.work);
        let mut clipped = Layer::clear(area);
        outline.cover(&area, Rule::NonZero, |y, x, coverage| {
            for (x, &covered) in (x..).zip(coverage).filter(|(_, covered)| **covered >= 128) {
                debug_assert!(covered > 0);
                let (value, alpha) = layer.at(x, y);
                clipped.set_parts(x, y, Some(value), Some(alpha));
            }
        });
        Some(clipped)
    }

    fn tiling(&mut self, tiling: &TilingPattern<'_>, area: Area, stroked: bool) -> Option<Layer> {
        let (x, y) = x_y_advances(&tiling.matrix);
        let axis = |step: f32, scale: f64| {
            let step = f64::from(step).abs();
            let pixels = (step * scale).round().clamp(1.0, CELL);
            (step, pixels, pixels / step)
        };
        let (x_step, columns, x_scale) = axis(tiling.x_step, x.length());
        let (y_step, rows, y_scale) = axis(tiling.y_step, y.length());
        let inverse = tiling.matrix.inverse();
        let usable = [x_scale, y_scale].iter().chain(&inverse.as_coeffs()).all(|v| v.is_finite());
        if !usable || !tiling.bbox.is_finite() {
            return None;
        }
        let start = tiling.bbox.origin();
        let to_cell = Affine::scale_non_uniform(x_scale, y_scale) * Affine::translate(-start.to_vec2());
        // A cell larger than its step is overlapped by its neighbours.
        let copies = |size: f64, step: f64| ((size / step).ceil() as i32 - 1).clamp(0, COPIES);
        let (left, above) = (copies(tiling.bbox.width(), x_step), copies(tiling.bbox.height(), y_step));
        let cell_area = Area::sized(columns as usize, rows as usize);
        let cell = self.nested(Layer::clear(cell_area), |inner| {
            for (dx, dy) in (-left..=0).flat_map(|dx| (-above..=0).map(move |dy| (dx, dy))) {
                inner.work.spend(0);
                let offset = Affine::translate((f64::from(dx) * x_step, f64::from(dy) * y_step));
                tiling.interpret(inner, to_cell * offset, stroked);
            }
        })?;
        self.work.spend(area.pixels().saturating_mul(4));
        let mut layer = Layer::clear(area);
        let opacity = (tiling.opacity.clamp(0.0, 1.0) * 255.0 + 0.5) as u8;
        let whole = |v: f64, period: f64| (v.rem_euclid(period).floor() as i32).clamp(0, period as i32 - 1);
        for y in area.y0..area.y1 {
            for x in area.x0..area.x1 {
                let place = to_cell * (inverse * Point::new(f64::from(x) + 0.5, f64::from(y) + 0.5));
                let (value, alpha) = cell.at(whole(place.x, columns), whole(place.y, rows));
                let part = |v: u8| super::layer::share(v, opacity);
                layer.set_parts(x, y, Some(part(value)), Some(part(alpha)));
            }
        }
        Some(layer)
    }
}

/// Pixels that the triangles of a mesh are looked for in; each of them has the whole page and more to be in.
fn mesh_steps(shading: &ShadingPattern) -> u64 {
    let around = |points: &mut dyn Iterator<Item = Point>| {
        let mut extent: Option<Rect> = None;
        for point in points {
            let point = shading.matrix * point;
            let here = Rect::from_points(point, point);
            extent = Some(extent.map_or(here, |extent| extent.union(here)));
        }
        let side = |from: f64, to: f64| to.clamp(0.0, 65_535.0) - from.clamp(0.0, 65_535.0) + 1.0;
        extent.map_or(0, |e| (side(e.x0, e.x1) * side(e.y0, e.y1)) as u64)
    };
    // A patch falls into triangles that lie within its points, and cover each other little.
    const PATCH: u64 = 8;
    match shading.shading.shading_type.as_ref() {
        ShadingType::TriangleMesh { triangles, .. } => {
            triangles.iter().map(|t| around(&mut [t.p0.point, t.p1.point, t.p2.point].into_iter())).sum()
        }
        ShadingType::CoonsPatchMesh { patches, .. } => {
            patches.iter().map(|patch| around(&mut patch.control_points.into_iter()) * PATCH).sum()
        }
        ShadingType::TensorProductPatchMesh { patches, .. } => {
            patches.iter().map(|patch| around(&mut patch.control_points.into_iter()) * PATCH).sum()
        }
        _ => 0,
    }
}
