//! Scan conversion: which pixels an outline covers, and how much of each.
//!
//! A pixel row is cut into [`LINES`] scan lines; along each of them the covered spans are known to 1/256 of a
//! pixel. Both fill rules of PDF (ISO 32000-1, 8.5.3.3) hold exactly, whatever outlines cross each other. The work is
//! [`Outline::cost`], the memory that of the edges and of one row.

use std::ops::Range;

/// Scan lines of a pixel row.
const LINES: i32 = 4;
/// Positions between two pixels.
const SUBPIXELS: f64 = 256.0;
/// Coordinates beyond this many pixels are drawn in to it: far outside of every page.
const FAR: f64 = 1e6;

/// A rectangle of pixels, without its right and lower edge.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Area {
    pub x0: i32,
    pub y0: i32,
    pub x1: i32,
    pub y1: i32,
}

impl Area {
    /// From the origin.
    pub fn sized(width: usize, height: usize) -> Self {
        let number = |n: usize| i32::try_from(n).unwrap_or(i32::MAX);
        Area { x0: 0, y0: 0, x1: number(width), y1: number(height) }
    }

    pub fn width(&self) -> usize {
        usize::try_from(self.x1.saturating_sub(self.x0)).unwrap_or(0)
    }

    pub fn height(&self) -> usize {
        usize::try_from(self.y1.saturating_sub(self.y0)).unwrap_or(0)
    }

    pub fn pixels(&self) -> u64 {
        self.width() as u64 * self.height() as u64
    }

    pub fn is_empty(&self) -> bool {
        self.pixels() == 0
    }

    pub fn and(&self, other: &Area) -> Area {
        Area {
            x0: self.x0.max(other.x0),
            y0: self.y0.max(other.y0),
            x1: self.x1.min(other.x1),
            y1: self.y1.min(other.y1),
        }
    }

    /// The pixels that the span `from..to` touches in each direction.
    pub fn around(x: Range<f64>, y: Range<f64>) -> Area {
        let low = |v: f64| v.clamp(-FAR, FAR).floor() as i32;
        let high = |v: f64| v.clamp(-FAR, FAR).ceil() as i32;
        Area { x0: low(x.start), y0: low(y.start), x1: high(x.end), y1: high(y.end) }
    }

    pub fn shifted(&self, x: i32, y: i32) -> Area {
        let add = |a: i32, b: i32| a.saturating_add(b);
        Area { x0: add(self.x0, x), y0: add(self.y0, y), x1: add(self.x1, x), y1: add(self.y1, y) }
    }
}

/// What is inside of an outline that crosses itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Rule {
    NonZero,
    EvenOdd,
}

/// An edge over the scan lines `first..end`.
#[derive(Clone, Copy, Debug)]
struct Edge {
    first: i32,
    end: i32,
    /// Where it crosses the scan line `first`, and how far it moves on with each.
    x: f64,
    step: f64,
    winding: i32,
}

/// Closed polygons.
#[derive(Clone, Debug, Default)]
pub(super) struct Outline {
    edges: Vec<Edge>,
    start: Option<(f64, f64)>,
    at: (f64, f64),
    x: Option<(f64, f64)>,
    y: Option<(f64, f64)>,
}

impl Outline {
    /// Begins a polygon; the one before is closed.
    pub fn move_to(&mut self, x: f64, y: f64) {
        self.close();
        self.at = limited(x, y);
        self.start = Some(self.at);
    }

    /// Adds a side.
    pub fn line_to(&mut self, x: f64, y: f64) {
        let to = limited(x, y);
        self.side(self.at, to);
        self.at = to;
    }

    /// Adds the last side of the polygon.
    pub fn close(&mut self) {
        if let Some(start) = self.start {
            self.side(self.at, start);
            self.at = start;
        }
    }

    /// A rectangle.
    pub fn rectangle(x: Range<f64>, y: Range<f64>) -> Self {
        let mut outline = Outline::default();
        outline.move_to(x.start, y.start);
        outline.line_to(x.end, y.start);
        outline.line_to(x.end, y.end);
        outline.line_to(x.start, y.end);
        outline.close();
        outline
    }

    /// Its extent from left to right and from top to bottom.
    pub fn extent(&self) -> Option<(Range<f64>, Range<f64>)> {
        let ((x0, x1), (y0, y1)) = (self.x?, self.y?);
        Some((x0..x1, y0..y1))
    }

    /// The pixels it touches.
    pub fn area(&self) -> Area {
        match self.extent() {
            Some((x, y)) => Area::around(x, y),
            None => Area::sized(0, 0),
        }
    }

    fn side(&mut self, from: (f64, f64), to: (f64, f64)) {
        for (x, y) in [from, to] {
            let wider = |extent: Option<(f64, f64)>, v: f64| {
                Some(extent.map_or((v, v), |(low, high)| (low.min(v), high.max(v))))
            };
            (self.x, self.y) = (wider(self.x, x), wider(self.y, y));
        }
        let (top, bottom, winding) = if from.1 <= to.1 { (from, to, 1) } else { (to, from, -1) };
        // The scan line n lies at (n + 1/2) / LINES.
        let line = |y: f64| (y * f64::from(LINES) - 0.5).ceil() as i32;
        let (first, end) = (line(top.1), line(bottom.1));
        if first >= end {
            return;
        }
        let step = (bottom.0 - top.0) / (bottom.1 - top.1) / f64::from(LINES);
        let x = top.0 + ((f64::from(first) + 0.5) - top.1 * f64::from(LINES)) * step;
        self.edges.push(Edge { first, end, x, step, winding });
    }

    /// Steps of work that [`Outline::cover`] takes.
    pub fn cost(&self, within: &Area) -> u64 {
        let (top, bottom) = (within.y0.saturating_mul(LINES), within.y1.saturating_mul(LINES));
        let lines = |edge: &Edge| i64::from(edge.end.min(bottom)) - i64::from(edge.first.max(top));
        let crossings: i64 = self.edges.iter().map(|edge| lines(edge).max(0) + 1).sum();
        crossings.unsigned_abs() + self.area().and(within).pixels()
    }

    /// Calls `row` with the number, the first column and the coverage (255 is all) of each row within the area
    /// that the outline covers in part.
    pub fn cover(mut self, within: &Area, rule: Rule, mut row: impl FnMut(i32, i32, &[u8])) {
        self.close();
        if within.is_empty() {
            return;
        }
        let mut edges = self.edges;
        edges.sort_unstable_by_key(|edge| edge.first);
        let mut waiting = edges.into_iter().peekable();
        let mut active: Vec<Edge> = Vec::new();
        let mut sums = Sums::new(within);
        let mut crossings: Vec<(i32, i32)> = Vec::new();
        let mut y = within.y0;
        while y < within.y1 {
            if active.is_empty() {
                // Nothing to draw before the next edge begins.
                let Some(next) = waiting.peek() else { break };
                y = y.max(next.first.div_euclid(LINES));
                if y >= within.y1 {
                    break;
                }
            }
            for line in y * LINES..(y + 1) * LINES {
                while let Some(edge) = waiting.next_if(|edge| edge.first <= line) {
                    let x = edge.x + edge.step * f64::from(line - edge.first);
                    active.push(Edge { x, ..edge });
                }
                active.retain(|edge| edge.end > line);
                crossings.clear();
                for edge in &mut active {
                    crossings.push((sums.place(edge.x), edge.winding));
                    edge.x += edge.step;
                }
                crossings.sort_unstable_by_key(|&(x, _)| x);
                sums.add_line(&crossings, rule);
            }
            sums.finish(|x, coverage| row(y, x, coverage));
            y += 1;
        }
    }
}

fn limited(x: f64, y: f64) -> (f64, f64) {
    let number = |v: f64| if v.is_nan() { 0.0 } else { v.clamp(-FAR, FAR) };
    (number(x), number(y))
}

/// The coverage of one row, as changes from pixel to pixel.
struct Sums {
    left: i32,
    width: usize,
    changes: Vec<i32>,
    touched: Range<usize>,
    row: Vec<u8>,
}

impl Sums {
    fn new(area: &Area) -> Self {
        let width = area.width();
        Sums { left: area.x0, width, changes: vec![0; width + 2], touched: width..0, row: vec![0; width] }
    }

    /// A position in the row in 1/256 of a pixel, drawn in to its ends.
    fn place(&self, x: f64) -> i32 {
        let from_left = (x - f64::from(self.left)) * SUBPIXELS;
        from_left.clamp(0.0, self.width as f64 * SUBPIXELS) as i32
    }

    fn add_line(&mut self, crossings: &[(i32, i32)], rule: Rule) {
        let mut winding = 0;
        for pair in crossings.windows(2) {
            let [(from, turn), (to, _)] = pair else { continue };
            winding += turn;
            let inside = match rule {
                Rule::NonZero => winding != 0,
                Rule::EvenOdd => winding & 1 != 0,
            };
            if inside && to > from {
                self.edge(*from, 1);
                self.edge(*to, -1);
            }
        }
    }

    /// From `at` on the row is covered, or no longer.
    fn edge(&mut self, at: i32, sign: i32) {
        let (pixel, part) = ((at / 256) as usize, at % 256);
        if let Some([here, next]) = self.changes.get_mut(pixel..pixel + 2) {
            *here += sign * (256 - part);
            *next += sign * part;
        }
        self.touched.start = self.touched.start.min(pixel);
        self.touched.end = self.touched.end.max(pixel + 2);
    }

    fn finish(&mut self, row: impl FnOnce(i32, &[u8])) {
        let touched = std::mem::replace(&mut self.touched, self.width..0);
        if touched.is_empty() {
            return;
        }
        let end = touched.end.min(self.width);
        let mut sum = 0;
        let places = touched.start..end.max(touched.start);
        let all = LINES * 256;
        let changes = self.changes.get_mut(places.clone()).unwrap_or_default();
        let out = self.row.get_mut(places.clone()).unwrap_or_default();
        for (out, change) in out.iter_mut().zip(changes) {
            sum += *change;
            *change = 0;
            *out = ((sum * 255 + all / 2) / all) as u8;
        }
        if let Some(behind) = self.changes.get_mut(end..) {
            behind.iter_mut().take(2).for_each(|change| *change = 0);
        }
        row(self.left + places.start as i32, self.row.get(places).unwrap_or_default());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Coverage of a field of 8 x 8 pixels, row by row.
    fn covered(outline: Outline, rule: Rule) -> Vec<Vec<u8>> {
        let mut field = vec![vec![0; 8]; 8];
        outline.cover(&Area::sized(8, 8), rule, |y, x, coverage| {
            field[y as usize][x as usize..x as usize + coverage.len()].copy_from_slice(coverage);
        });
        field
    }

    #[test]
    fn a_rectangle_covers_its_pixels_and_shares_of_those_at_its_edge() {
        let field = covered(Outline::rectangle(1.5..4.0, 2.0..3.5), Rule::NonZero);
        assert_eq!(field[1], [0; 8]);
        assert_eq!(field[2], [0, 128, 255, 255, 0, 0, 0, 0]);
        assert_eq!(field[3], [0, 64, 128, 128, 0, 0, 0, 0]);
        assert_eq!(field[4], [0; 8]);
    }

    #[test]
    fn the_area_of_a_triangle_is_right() {
        let mut outline = Outline::default();
        outline.move_to(0.0, 0.0);
        outline.line_to(8.0, 0.0);
        outline.line_to(0.0, 8.0);
        let sum: f64 = covered(outline, Rule::NonZero).iter().flatten().map(|&c| f64::from(c) / 255.0).sum();
        assert!((sum - 32.0).abs() < 0.3, "{sum}");
    }

    #[test]
    fn the_rules_differ_where_outlines_overlap() {
        let twice = |turned: bool| {
            let mut outline = Outline::rectangle(0.0..6.0, 0.0..6.0);
            let inner = [(2.0, 2.0), (4.0, 2.0), (4.0, 4.0), (2.0, 4.0)];
            let order: Vec<_> = if turned { inner.into_iter().rev().collect() } else { inner.to_vec() };
            outline.move_to(order[0].0, order[0].1);
            order[1..].iter().for_each(|&(x, y)| outline.line_to(x, y));
            outline
        };
        assert_eq!(covered(twice(false), Rule::NonZero)[3][3], 255);
        assert_eq!(covered(twice(false), Rule::EvenOdd)[3][3], 0);
        assert_eq!(covered(twice(true), Rule::NonZero)[3][3], 0);
        assert_eq!(covered(twice(true), Rule::NonZero)[1][1], 255);
    }

    #[test]
    fn outlines_far_outside_and_not_numbers_are_drawn_in() {
        let field = covered(Outline::rectangle(-1e300..1e300, -1e300..2.0), Rule::NonZero);
        assert_eq!((&field[1], &field[2]), (&vec![255; 8], &vec![0; 8]));
        let mut outline = Outline::default();
        outline.move_to(f64::NAN, f64::INFINITY);
        outline.line_to(f64::NEG_INFINITY, f64::NAN);
        covered(outline, Rule::EvenOdd);
    }

    #[test]
    fn the_cost_is_bounded_by_the_area() {
        let outline = Outline::rectangle(-1e300..1e300, -1e300..1e300);
        assert!(outline.cost(&Area::sized(8, 8)) < 200);
    }
}
