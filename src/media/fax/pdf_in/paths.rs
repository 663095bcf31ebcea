//! Paths and colours of PDF as outlines on the pixel grid and shades.

use super::work::Work;
use crate::media::fax::raster::{Area, Outline};
use hayro_interpret::StrokeProps;
use hayro_interpret::kurbo::{self, Affine, BezPath, PathEl, Point, Rect, Shape, Stroke, StrokeOpts};
use hayro_interpret::util::x_y_advances;

/// Pixels that a flattened curve may be off.
const TOLERANCE: f64 = 0.1;
/// The same for paths that are far larger than a page, as a share of their size.
const COARSE: f64 = 1e-4;
/// Dashes of one path; with more of them it is drawn solid.
const MOST_DASHES: f64 = 20_000.0;
/// Steps for an element of a path: curves fall into some twenty sides.
const ELEMENT: u64 = 20;

/// The shade of a colour (ITU-R BT.601 luma) and how opaque it is.
pub(super) fn shade([red, green, blue, alpha]: [u8; 4]) -> (u8, u8) {
    let luma = 299 * u32::from(red) + 587 * u32::from(green) + 114 * u32::from(blue);
    (((luma + 500) / 1000) as u8, alpha)
}

/// A path on the pixel grid.
pub(super) fn outline(path: &BezPath, transform: Affine, work: &Work<'_>) -> Outline {
    work.spend((path.elements().len() as u64).saturating_mul(ELEMENT));
    let path = transform * path.clone();
    let mut outline = Outline::default();
    let Some(tolerance) = tolerance(&path) else { return outline };
    kurbo::flatten(path.elements().iter().copied(), tolerance, |element| match element {
        PathEl::MoveTo(to) => outline.move_to(to.x, to.y),
        PathEl::LineTo(to) => outline.line_to(to.x, to.y),
        PathEl::ClosePath => outline.close(),
        PathEl::QuadTo(..) | PathEl::CurveTo(..) => {}
    });
    outline.close();
    outline
}

/// How far flattened curves may be off; `None` for a path with coordinates that are no numbers.
fn tolerance(path: &BezPath) -> Option<f64> {
    let extent = path.control_box();
    let size = extent.width().max(extent.height());
    size.is_finite().then(|| TOLERANCE.max(size * COARSE))
}

/// The outline of a stroke of at least one pixel.
pub(super) fn stroked(path: &BezPath, transform: Affine, props: &StrokeProps, work: &Work<'_>) -> Outline {
    // Cutting dashes and joining segments takes several times the path.
    work.spend((path.elements().len() as u64).saturating_mul(4 * ELEMENT));
    let (x, y) = x_y_advances(&transform);
    let scale = x.length().min(y.length()).max(1e-9);
    let Some(tolerance) = tolerance(&(transform * path.clone())) else { return Outline::default() };
    let (cap, join) = (props.line_cap, props.line_join);
    let mut stroke = Stroke::new(f64::from(props.line_width).abs().max(1.0 / scale))
        .with_caps(cap)
        .with_join(join)
        .with_miter_limit(f64::from(props.miter_limit).max(1.0));
    let pattern: Vec<f64> = props.dash_array.iter().map(|&length| f64::from(length)).collect();
    let period: f64 = pattern.iter().sum();
    let usable = period * scale >= 2.0 && pattern.iter().all(|length| length.is_finite() && *length >= 0.0);
    if !pattern.is_empty() && usable {
        let dashes = path.perimeter(1.0 / scale) / period * pattern.len() as f64;
        if dashes.is_finite() && dashes < MOST_DASHES {
            work.spend(dashes as u64 * 4 * ELEMENT);
            stroke = stroke.with_dashes(f64::from(props.dash_offset), pattern);
        }
    }
    let elements = path.elements().iter().copied();
    let outline_of = kurbo::stroke(
        elements,
        &stroke,
        &StrokeOpts::default(),
        tolerance / x.length().max(y.length()).max(1e-9),
    );
    outline(&outline_of, transform, work)
}

/// The outline, or where it is thinner than a pixel a rectangle of one.
pub(super) fn at_least_a_pixel(outline: Outline) -> Outline {
    let Some((x, y)) = outline.extent() else { return outline };
    let thin = |span: &std::ops::Range<f64>| span.end - span.start < 1.0;
    if !thin(&x) && !thin(&y) {
        return outline;
    }
    let wide = |span: std::ops::Range<f64>| {
        if !thin(&span) {
            return span;
        }
        let pixel = ((span.start + span.end) / 2.0).floor();
        pixel..pixel + 1.0
    };
    Outline::rectangle(wide(x), wide(y))
}

/// The path, if it is a rectangle along the axes.
pub(super) fn rectangle(path: &BezPath) -> Option<Rect> {
    if path.elements().len() > 6 {
        return None;
    }
    let mut corners: Vec<Point> = Vec::with_capacity(6);
    for (index, element) in path.elements().iter().enumerate() {
        match element {
            PathEl::MoveTo(to) if index == 0 => corners.push(*to),
            PathEl::LineTo(to) => corners.push(*to),
            PathEl::ClosePath => {}
            _ => return None,
        }
    }
    if corners.len() == 5 && corners.first() == corners.last() {
        corners.pop();
    }
    let [a, b, c, d] = corners.as_slice() else { return None };
    let around = [(a, b), (b, c), (c, d), (d, a)];
    let straight = |(from, to): &(&Point, &Point)| (from.x == to.x) != (from.y == to.y);
    let turns = around.iter().all(straight) && (a.x == b.x) != (b.x == c.x) && (b.x == c.x) != (c.x == d.x);
    turns.then(|| path.bounding_box())
}

/// The pixels of a rectangle: those whose middle is in it, at least one row and column.
pub(super) fn pixels(rect: &Rect) -> Area {
    let around = Area::around(rect.x0..rect.x1, rect.y0..rect.y1);
    let middles = Area::around(rect.x0.round()..rect.x1.round(), rect.y0.round()..rect.y1.round());
    let (mut area, empty) = (middles, Area::sized(0, 0));
    if rect.x1 <= rect.x0 || rect.y1 <= rect.y0 || !rect.is_finite() {
        return empty;
    }
    if area.width() == 0 {
        (area.x0, area.x1) = (around.x0, around.x0.saturating_add(1));
    }
    if area.height() == 0 {
        (area.y0, area.y1) = (around.y0, around.y0.saturating_add(1));
    }
    area
}
