//! Letters drawn once for all places and pages where they are needed.

use super::paths;
use super::work::Work;
use crate::media::fax::raster::{Area, Rule};
use hayro_interpret::font::{GlyphIdentifier, OutlineGlyph};
use hayro_interpret::kurbo::{Affine, BezPath};
use std::collections::HashMap;
use std::rc::Rc;

/// Places between two pixels at which a letter can stand.
const PLACES: f64 = 2.0;
/// Pixels of a letter that is kept; a larger one is drawn each time.
const LARGEST: u64 = 128 * 128;
/// Pixels of all letters kept.
const MOST: u64 = 8 << 20;

/// Letters that are found at once.
const RECENT: usize = 1024;

/// A letter in pixels, around its origin.
pub(super) struct Sprite {
    pub area: Area,
    coverage: Vec<u8>,
}

impl Sprite {
    /// The coverage from a pixel on, and the octets from row to row.
    pub fn from(&self, row: i32, column: i32) -> (&[u8], usize) {
        let width = self.area.width();
        let down = usize::try_from(row - self.area.y0).unwrap_or(0);
        let right = usize::try_from(column - self.area.x0).unwrap_or(0);
        (self.coverage.get(down * width + right..).unwrap_or_default(), width)
    }

    /// The coverage of the columns `from..to` of a row.
    pub fn part(&self, row: i32, from: i32, to: i32) -> &[u8] {
        let width = self.area.width();
        let start = usize::try_from(row - self.area.y0).unwrap_or(0) * width;
        let column = |x: i32| start + usize::try_from(x - self.area.x0).unwrap_or(0).min(width);
        self.coverage.get(column(from)..column(to)).unwrap_or_default()
    }
}

/// The bits of a transform without the place, and the place between two pixels.
type Place = ([u64; 4], [u8; 2]);

/// The letters of a document.
#[derive(Default)]
pub(super) struct Glyphs {
    outlines: HashMap<u128, Rc<BezPath>>,
    /// By glyph and place. The key of a glyph is made of all octets of its font.
    sprites: HashMap<(u128, Place), Rc<Sprite>>,
    /// Sprites used last, where they are found without a hash of anything.
    recent: Vec<Option<(GlyphIdentifier, Place, Rc<Sprite>)>>,
    pixels: u64,
    elements: usize,
}

impl Glyphs {
    /// The outline of a glyph in units of its font.
    pub fn outline(&mut self, glyph: &OutlineGlyph) -> Rc<BezPath> {
        let key = glyph.identifier().cache_key();
        if let Some(path) = self.outlines.get(&key) {
            return path.clone();
        }
        let path = Rc::new(glyph.outline());
        self.elements += path.elements().len();
        if self.elements > MOST as usize / 16 {
            self.outlines.clear();
            self.elements = path.elements().len();
        }
        self.outlines.insert(key, path.clone());
        path
    }

    /// The pixels of a glyph, and where they belong; `None` for a large one.
    pub fn sprite(
        &mut self,
        glyph: &OutlineGlyph,
        transform: Affine,
        work: &Work<'_>,
    ) -> Option<(Rc<Sprite>, i32, i32)> {
        let [a, b, c, d, e, f] = transform.as_coeffs();
        // Letters of a line stand on the same row of pixels.
        let upright = b == 0.0 && c == 0.0;
        let e = (e * PLACES).round() / PLACES;
        let f = if upright { f.round() } else { (f * PLACES).round() / PLACES };
        if e.abs() > 1e6 || f.abs() > 1e6 || !(e + f).is_finite() {
            return None;
        }
        let (x, y) = (e.floor(), f.floor());
        let between = [e - x, f - y];
        let place = ([a, b, c, d].map(f64::to_bits), between.map(|v| (v * PLACES) as u8));
        let (identifier, slot) = (glyph.identifier(), slot(glyph, place.1));
        if let Some(Some((known, at, sprite))) = self.recent.get(slot)
            && *at == place
            && *known == identifier
        {
            return Some((sprite.clone(), x as i32, y as i32));
        }
        let key = (identifier.cache_key(), place);
        let sprite = match self.sprites.get(&key) {
            Some(sprite) => sprite.clone(),
            None => self.draw(glyph, Affine::new([a, b, c, d, between[0], between[1]]), key, work)?,
        };
        self.recent.resize(RECENT, None);
        if let Some(recent) = self.recent.get_mut(slot) {
            *recent = Some((identifier, place, sprite.clone()));
        }
        Some((sprite, x as i32, y as i32))
    }

    /// Draws a glyph and keeps it; `None` for a large one.
    fn draw(
        &mut self,
        glyph: &OutlineGlyph,
        transform: Affine,
        key: (u128, Place),
        work: &Work<'_>,
    ) -> Option<Rc<Sprite>> {
        let path = self.outline(glyph);
        let outline = paths::outline(&path, transform, work);
        let mut area = outline.area();
        if area.pixels() > LARGEST || area.width() > 1024 || area.height() > 1024 {
            return None;
        }
        // Rows of whole eights are put on paper faster.
        area.x1 = area.x0 + area.width().next_multiple_of(8) as i32;
        work.spend(outline.cost(&area));
        let mut coverage = vec![0; area.pixels() as usize];
        outline.cover(&area, Rule::NonZero, |row, column, covered| {
            let start = (row - area.y0) as usize * area.width() + (column - area.x0) as usize;
            if let Some(to) = coverage.get_mut(start..start + covered.len()) {
                to.copy_from_slice(covered);
            }
        });
        self.pixels += area.pixels() + 64;
        if self.pixels > MOST {
            self.sprites.clear();
            self.pixels = area.pixels();
        }
        let sprite = Rc::new(Sprite { area, coverage });
        self.sprites.insert(key, sprite.clone());
        Some(sprite)
    }

    /// Ends a page: fonts of this one need not be there for the next.
    pub fn forget_fonts(&mut self) {
        self.recent.clear();
    }
}

/// Where a glyph is kept among the recent.
fn slot(glyph: &OutlineGlyph, between: [u8; 2]) -> usize {
    let [x, y] = between.map(usize::from);
    (glyph.glyph_id().to_u32() as usize * 4 + x * 2 + y) % RECENT
}
