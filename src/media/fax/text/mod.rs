//! Plain text as fax pages: a fixed pitch on paper that A4 and letter sheets both hold, some 82 characters a line
//! and 56 lines a page.
//!
//! The font is DejaVu Sans Mono, of which the characters of Latin, Greek and Cyrillic scripts, signs and box
//! drawing are on board. A character without a glyph is shown as a box, and named in the losses.

mod charset;

use super::MediaError;
use super::halftone::{self, Grey};
use super::page::note;
use super::picture::Drawn;
use super::raster::{Area, Outline, Rule};
use super::sheet::Sheet;
use crate::limits::{Budget, Exceeded, Limits};
use mime::Mime;
use skrifa::instance::{LocationRef, Size};
use skrifa::outline::{DrawSettings, OutlinePen};
use skrifa::{FontRef, MetadataProvider};
use std::collections::{BTreeSet, HashMap};

/// The font; its licence lies beside it.
const FONT: &[u8] = include_bytes!("DejaVuSansMono.ttf");
/// Font units: the em, the advance of every character, the ascent of a line.
const EM: f64 = 2_048.0;
const ADVANCE: f64 = 1_233.0;
const ASCENT: f64 = 1_901.0;
/// Width of a character in inches: 10.5 points high.
const PITCH: f64 = 18.0 / 204.0;
/// Distance of lines as a share of the em.
const LEADING: f64 = 1.2;
/// Inches at the left and right, above and below.
const MARGIN: f64 = 0.6;
/// Inches from top to bottom: letter paper, which A4 holds too.
const HEIGHT: f64 = 11.0;
/// Columns of a tabulator.
const TAB: usize = 8;
/// Characters without a glyph that are named.
const NAMED: usize = 8;

/// A text, cut into pages.
pub(super) struct Text {
    sheet: Sheet,
    grid: Grid,
    /// Lines of each page.
    pages: Vec<Vec<String>>,
    defects: Vec<String>,
}

/// Where characters go, in dots.
#[derive(Clone, Copy, Debug)]
struct Grid {
    columns: usize,
    lines: usize,
    width: usize,
    height: usize,
    left: usize,
    top: usize,
    rows: usize,
}

impl Grid {
    fn of(sheet: &Sheet) -> Self {
        let (x, y) = (sheet.resolution.x, sheet.resolution.y);
        let width = (PITCH * x).round().max(1.0);
        let height = (PITCH / ADVANCE * EM * LEADING * y).round().max(1.0);
        let left = (MARGIN * x).round();
        let top = (MARGIN * y).round();
        let rows = (HEIGHT * y).round();
        let fit = |room: f64, one: f64| (room / one).floor().max(1.0) as usize;
        Grid {
            columns: fit(f64::from(sheet.columns) - 2.0 * left, width),
            lines: fit(rows - 2.0 * top, height),
            width: width as usize,
            height: height as usize,
            left: left as usize,
            top: top as usize,
            rows: rows as usize,
        }
    }
}

impl Text {
    /// Reads a text in the charset its type declares.
    pub fn open(input: &[u8], declared: &Mime, sheet: Sheet, limits: &Limits) -> Result<Self, MediaError> {
        let (text, mut defects) = charset::decode(input, declared);
        let grid = Grid::of(&sheet);
        let mut layout =
            Layout { grid, pages: vec![Vec::new()], dropped: 0, most: limits.fax_pages as usize };
        for (index, page) in text.split('\u{c}').enumerate() {
            if index > 0 {
                layout.new_page()?;
            }
            for line in page.lines() {
                layout.paragraph(line)?;
            }
        }
        let mut pages = layout.pages;
        // A form feed or empty lines at the end make no page.
        let blank = |page: &Vec<String>| page.iter().all(|line| line.trim().is_empty());
        while pages.len() > 1 && pages.last().is_some_and(blank) {
            pages.pop();
        }
        if layout.dropped > 0 {
            note(&mut defects, format!("{} control characters are not shown", layout.dropped));
        }
        Ok(Text { sheet, grid, pages, defects })
    }

    /// Its pages.
    pub fn pages(&self) -> usize {
        self.pages.len()
    }

    /// What could not be read as it was meant.
    pub fn defects(&self) -> &[String] {
        &self.defects
    }

    /// Draws a page.
    pub fn page(&self, index: usize, limits: &Limits, budget: &mut Budget) -> Result<Drawn, MediaError> {
        let (columns, rows) = (self.sheet.columns as usize, self.grid.rows);
        let pixels = columns as u64 * rows as u64;
        if self.sheet.columns > limits.fax_width || pixels > limits.page_pixels {
            return Err(Exceeded::PageSize.into());
        }
        budget.page(pixels)?;
        let mut pen = Pen::new(&self.sheet, self.grid)?;
        let mut grey = Grey { width: columns, pixels: vec![255; columns * rows] };
        for (line, text) in self.pages.get(index).into_iter().flatten().enumerate() {
            budget.check()?;
            pen.line(text, line, &mut grey);
        }
        Ok(Drawn { bitmap: halftone::reduce(&grey), resolution: self.sheet.resolution, losses: pen.losses() })
    }
}

/// A text being cut into lines and pages.
struct Layout {
    grid: Grid,
    pages: Vec<Vec<String>>,
    dropped: usize,
    most: usize,
}

impl Layout {
    fn new_page(&mut self) -> Result<(), MediaError> {
        if self.pages.len() >= self.most {
            return Err(Exceeded::FaxPages.into());
        }
        self.pages.push(Vec::new());
        Ok(())
    }

    fn line(&mut self, line: String) -> Result<(), MediaError> {
        if self.pages.last().is_none_or(|page| page.len() >= self.grid.lines) {
            self.new_page()?;
        }
        if let Some(page) = self.pages.last_mut() {
            page.push(line);
        }
        Ok(())
    }

    /// Breaks a line of any length at blanks, or where there are none within it.
    fn paragraph(&mut self, text: &str) -> Result<(), MediaError> {
        let most = self.grid.columns;
        let (mut line, mut used) = (String::new(), 0);
        // Behind the last blank: where in `line`, and at which column.
        let mut blank: Option<(usize, usize)> = None;
        for character in text.chars() {
            let width = match character {
                '\t' => TAB - used % TAB,
                c if is_mark(c) => 0,
                c if c.is_control() || is_invisible(c) => {
                    self.dropped += usize::from(c.is_control() && c != '\r');
                    continue;
                }
                _ => 1,
            };
            if used + width > most {
                let space = matches!(character, ' ' | '\t');
                let rest = match blank.filter(|_| !space) {
                    Some((at, column)) => {
                        used -= column;
                        line.split_off(at)
                    }
                    None => {
                        used = 0;
                        String::new()
                    }
                };
                self.line(std::mem::replace(&mut line, rest))?;
                blank = None;
                if space {
                    continue;
                }
            }
            used += width;
            if character == '\t' {
                line.extend(std::iter::repeat_n(' ', width));
            } else {
                line.push(character);
            }
            if matches!(character, ' ' | '\t') {
                blank = Some((line.len(), used));
            }
        }
        self.line(line)
    }
}

/// Marks that stand on the character before them.
fn is_mark(character: char) -> bool {
    matches!(character, '\u{300}'..='\u{36f}' | '\u{1ab0}'..='\u{1aff}' | '\u{20d0}'..='\u{20ff}')
}

/// Characters that show nothing: marks of direction, joiners, variation selectors, the byte order mark.
fn is_invisible(character: char) -> bool {
    matches!(character, '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}'
        | '\u{fe00}'..='\u{fe0f}' | '\u{feff}')
}

/// Draws characters.
struct Pen {
    font: FontRef<'static>,
    grid: Grid,
    x_scale: f64,
    y_scale: f64,
    glyphs: HashMap<char, Glyph>,
    missing: BTreeSet<char>,
    boxes: usize,
}

/// A character in dots, around the left end of its base line.
struct Glyph {
    area: Area,
    coverage: Vec<u8>,
    missing: bool,
}

impl Pen {
    fn new(sheet: &Sheet, grid: Grid) -> Result<Self, MediaError> {
        let font = FontRef::new(FONT);
        // The font is our own.
        let font = font.map_err(|error| MediaError::Unsupported(format!("the font: {error}")))?;
        let x_scale = grid.width as f64 / ADVANCE;
        let y_scale = x_scale * sheet.resolution.y / sheet.resolution.x;
        Ok(Pen { font, grid, x_scale, y_scale, glyphs: HashMap::new(), missing: BTreeSet::new(), boxes: 0 })
    }

    fn line(&mut self, text: &str, line: usize, page: &mut Grey) {
        let base = self.grid.top + line * self.grid.height + (ASCENT * self.y_scale) as usize;
        let mut column = 0usize;
        for character in text.chars() {
            if character != ' ' {
                let cell = if is_mark(character) { column.saturating_sub(1) } else { column };
                let x = self.grid.left + cell * self.grid.width;
                self.draw(character, x, base, page);
            }
            column += usize::from(!is_mark(character));
        }
    }

    fn draw(&mut self, character: char, x: usize, y: usize, page: &mut Grey) {
        if !self.glyphs.contains_key(&character) {
            let glyph = self.make(character);
            self.glyphs.insert(character, glyph);
        }
        let Some(glyph) = self.glyphs.get(&character) else { return };
        if glyph.missing {
            self.boxes += 1;
            if self.missing.len() < NAMED {
                self.missing.insert(character);
            }
        }
        let width = glyph.area.width().max(1);
        for (row, coverage) in (glyph.area.y0..).zip(glyph.coverage.chunks_exact(width)) {
            for (column, covered) in (glyph.area.x0..).zip(coverage) {
                let (Some(x), Some(y)) =
                    (x.checked_add_signed(column as isize), y.checked_add_signed(row as isize))
                else {
                    continue;
                };
                if x < page.width
                    && let Some(shade) = page.pixels.get_mut(y * page.width + x)
                {
                    *shade = (*shade).min(255 - covered);
                }
            }
        }
    }

    fn make(&self, character: char) -> Glyph {
        let id = self.font.charmap().map(character);
        let mut outline =
            Trace { outline: Outline::default(), x: self.x_scale, y: self.y_scale, at: (0.0, 0.0) };
        let glyph = self.font.outline_glyphs().get(id.unwrap_or_default());
        if let Some(glyph) = glyph {
            // Our own font has sound outlines; a glyph that could not be drawn would be a blank.
            let settings = DrawSettings::unhinted(Size::unscaled(), LocationRef::default());
            let _ = glyph.draw(settings, &mut outline);
        }
        outline.outline.close();
        let area = outline.outline.area();
        let mut coverage = vec![0; area.pixels() as usize];
        outline.outline.cover(&area, Rule::NonZero, |y, x, covered| {
            let start = (y - area.y0) as usize * area.width() + (x - area.x0) as usize;
            if let Some(to) = coverage.get_mut(start..start + covered.len()) {
                to.copy_from_slice(covered);
            }
        });
        Glyph { area, coverage, missing: id.is_none() }
    }

    fn losses(self) -> Vec<String> {
        if self.boxes == 0 {
            return Vec::new();
        }
        let names: Vec<String> = self.missing.iter().map(|c| format!("U+{:04X}", u32::from(*c))).collect();
        let more = if names.len() < NAMED { "" } else { " and others" };
        vec![format!(
            "{} characters without a glyph are shown as boxes: {}{more}",
            self.boxes,
            names.join(", ")
        )]
    }
}

/// Turns an outline of the font into one on the grid: dots, downwards.
struct Trace {
    outline: Outline,
    x: f64,
    y: f64,
    at: (f64, f64),
}

/// Sides that a curve of a letter is drawn with.
const SIDES: i32 = 8;

impl Trace {
    fn point(&self, x: f32, y: f32) -> (f64, f64) {
        (f64::from(x) * self.x, -f64::from(y) * self.y)
    }

    fn curve(&mut self, points: &[(f64, f64)], end: (f64, f64)) {
        let from = self.at;
        for side in 1..=SIDES {
            let t = f64::from(side) / f64::from(SIDES);
            let mix = |a: (f64, f64), b: (f64, f64)| (a.0 + (b.0 - a.0) * t, a.1 + (b.1 - a.1) * t);
            // De Casteljau: mixing neighbours until one point is left.
            let mut row: Vec<(f64, f64)> = [&[from], points, &[end]].concat();
            while row.len() > 1 {
                row = row.windows(2).filter_map(|pair| Some(mix(*pair.first()?, *pair.last()?))).collect();
            }
            if let [(x, y)] = row.as_slice() {
                self.outline.line_to(*x, *y);
            }
        }
        self.at = end;
    }
}

impl OutlinePen for Trace {
    fn move_to(&mut self, x: f32, y: f32) {
        self.at = self.point(x, y);
        self.outline.move_to(self.at.0, self.at.1);
    }

    fn line_to(&mut self, x: f32, y: f32) {
        self.at = self.point(x, y);
        self.outline.line_to(self.at.0, self.at.1);
    }

    fn quad_to(&mut self, cx: f32, cy: f32, x: f32, y: f32) {
        let (control, end) = (self.point(cx, cy), self.point(x, y));
        self.curve(&[control], end);
    }

    fn curve_to(&mut self, ax: f32, ay: f32, bx: f32, by: f32, x: f32, y: f32) {
        let (a, b, end) = (self.point(ax, ay), self.point(bx, by), self.point(x, y));
        self.curve(&[a, b], end);
    }

    fn close(&mut self) {
        self.outline.close();
    }
}

#[cfg(test)]
mod tests;
