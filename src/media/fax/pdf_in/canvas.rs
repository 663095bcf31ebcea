//! The page being drawn: what the interpreter of PDF content calls.
//!
//! Fax has one colour and a coarse grid, which settles what a screen renderer leaves open: shades instead of
//! colours; a shape or line thinner than a pixel gets one, so that the rules of a table do not vanish; letters
//! lighter than black but darker than a light grey are made darker, so that a threshold keeps them.

use super::glyphs::{Glyphs, Sprite};
use super::layer::{Ink, Layer, Mask, share};
use super::paths;
use super::work::{CLIP, FORM, Work};
use crate::limits::Limits;
use crate::media::fax::raster::{Area, Outline, Rule};
use hayro_interpret::font::{Glyph, GlyphRun};
use hayro_interpret::kurbo::{BezPath, Rect};
use hayro_interpret::{
    BlendMode, CacheKey, ClipPath, Device, DrawMode, DrawProps, FillRule, Image, ImageDrawProps, MaskType,
    Paint, SoftMask,
};
use std::rc::Rc;

/// Layers that lie upon each other; groups within more groups are drawn without one.
const MOST_LAYERS: usize = 12;
/// Canvases (soft masks, cells of patterns) within each other.
const MOST_NESTED: usize = 6;
/// Soft masks kept for the next drawing that uses them.
const MASKS_KEPT: usize = 3;
/// Letters of a shade up to this are made darker.
const LEGIBLE: u8 = 190;

/// What of the page is drawn on.
#[derive(Clone)]
struct Clip {
    area: Area,
    mask: Option<Rc<Mask>>,
}

/// A transparency group that is open.
enum Group {
    /// It needs no layer of its own.
    Through,
    /// It has the uppermost layer.
    Layer { opacity: u8, mask: Option<Rc<Mask>>, mode: BlendMode },
}

/// A canvas.
pub(super) struct Canvas<'c> {
    pub layers: Vec<Layer>,
    clips: Vec<Clip>,
    groups: Vec<Group>,
    pub work: &'c Work<'c>,
    pub limits: &'c Limits,
    glyphs: Glyphs,
    masks: Vec<(u128, Rc<Mask>)>,
    nested: usize,
}

impl<'c> Canvas<'c> {
    /// Draws on `layer`, with letters drawn before.
    pub fn new(layer: Layer, work: &'c Work<'c>, limits: &'c Limits, glyphs: Glyphs) -> Self {
        let clip = Clip { area: layer.area, mask: None };
        Canvas {
            layers: vec![layer],
            clips: vec![clip],
            groups: Vec::new(),
            work,
            limits,
            glyphs,
            masks: Vec::new(),
            nested: 0,
        }
    }

    /// The layer all is drawn on.
    pub fn into_layer(mut self) -> Option<Layer> {
        while !self.groups.is_empty() {
            self.end_group();
        }
        self.layers.pop()
    }

    /// Draws `layer` by `draw` on a canvas of its own; `None` where canvases are nested too deep.
    pub fn nested(&mut self, layer: Layer, draw: impl FnOnce(&mut Canvas<'c>)) -> Option<Layer> {
        if self.nested >= MOST_NESTED {
            self.work.note("patterns or masks nested too deep are left out");
            return None;
        }
        self.work.spend(layer.area.pixels());
        let mut inner = Canvas::new(layer, self.work, self.limits, self.take_glyphs());
        inner.nested = self.nested + 1;
        draw(&mut inner);
        self.glyphs = inner.take_glyphs();
        inner.into_layer()
    }

    /// The letters drawn so far.
    pub fn take_glyphs(&mut self) -> Glyphs {
        std::mem::take(&mut self.glyphs)
    }

    fn clip(&self) -> Clip {
        let all = Clip { area: Area::sized(0, 0), mask: None };
        self.clips.last().cloned().unwrap_or(all)
    }

    /// The pixels that can be drawn on.
    pub fn open_area(&self) -> Area {
        let empty = Area::sized(0, 0);
        let layer = self.layers.last().map_or(empty, |layer| layer.area);
        self.clips.last().map_or(empty, |clip| clip.area.and(&layer))
    }

    /// Paints what `cover` covers of `area`: it is called with what takes a row number, a first column and the
    /// coverage from there on.
    pub fn paint(
        &mut self,
        ink: &Ink<'_>,
        mask: Option<&Mask>,
        mode: BlendMode,
        cover: impl FnOnce(&mut dyn FnMut(i32, i32, &[u8])),
    ) {
        let clip = self.clip();
        let masks: Vec<&Mask> = clip.mask.as_deref().into_iter().chain(mask).collect();
        let Some(layer) = self.layers.last_mut() else { return };
        let (mut held, mut shares) = (Vec::new(), Vec::new());
        cover(&mut |y, x, coverage| {
            if masks.is_empty() {
                return layer.blend(y, x, coverage, ink, mode);
            }
            held.clear();
            held.extend_from_slice(coverage);
            for mask in &masks {
                mask.row(y, x, held.len(), &mut shares);
                held.iter_mut().zip(&shares).for_each(|(covered, &part)| *covered = share(*covered, part));
            }
            layer.blend(y, x, &held, ink, mode);
        });
    }

    /// Fills an outline.
    fn fill(&mut self, mut outline: Outline, rule: Rule, props: &DrawProps<'_>, stroked: bool) {
        outline.close();
        let outline = paths::at_least_a_pixel(outline);
        let area = outline.area().and(&self.open_area());
        if area.is_empty() {
            return self.work.spend(0);
        }
        let mask = self.soft_mask(props.soft_mask.as_ref());
        self.work.spend(outline.cost(&area).saturating_mul(if mask.is_some() { 3 } else { 1 }));
        let mode = props.blend_mode;
        match &props.paint {
            Paint::Color(color) => {
                let (shade, alpha) = paths::shade(color.to_rgba().to_rgba8());
                self.paint(&Ink::Flat { shade, alpha }, mask.as_deref(), mode, |row| {
                    outline.cover(&area, rule, row);
                });
            }
            Paint::Pattern(pattern) => {
                let Some(field) = self.pattern(pattern, area, stroked) else { return };
                self.paint(&Ink::Field(&field), mask.as_deref(), mode, |row| outline.cover(&area, rule, row));
            }
        }
    }

    /// The soft mask drawn, on all of the canvas.
    pub fn soft_mask(&mut self, mask: Option<&SoftMask<'_>>) -> Option<Rc<Mask>> {
        let mask = mask?;
        let key = mask.cache_key();
        if let Some((_, kept)) = self.masks.iter().find(|(known, _)| *known == key) {
            return Some(kept.clone());
        }
        let area = self.layers.first()?.area;
        let drawn = match mask.mask_type() {
            MaskType::Alpha => {
                self.nested(Layer::clear(area), |inner| mask.interpret(inner)).map(Layer::into_alpha)
            }
            MaskType::Luminosity => {
                let (shade, alpha) = paths::shade(mask.background_color().to_rgba().to_rgba8());
                let ground = Layer::flat(area, share(shade, alpha), 255);
                self.nested(ground, |inner| mask.interpret(inner)).map(Layer::into_luminosity)
            }
        };
        let mut drawn = drawn?;
        if let Some(function) = mask.transfer_function() {
            function.apply_to(&mut drawn.share);
        }
        let drawn = Rc::new(drawn);
        if self.masks.len() >= MASKS_KEPT {
            self.masks.remove(0);
        }
        self.masks.push((key, drawn.clone()));
        Some(drawn)
    }

    fn glyph(&mut self, sprite: &Sprite, x: i32, y: i32, props: &DrawProps<'_>, ink: &Ink<'_>) {
        let area = sprite.area.shifted(x, y).and(&self.open_area());
        self.work.spend(area.pixels());
        if area.is_empty() {
            return;
        }
        let mask = self.soft_mask(props.soft_mask.as_ref());
        let clipped = self.clips.last().is_some_and(|clip| clip.mask.is_some());
        // Nearly all letters are black on paper.
        if let (Ink::Flat { shade, alpha: 255 }, None, false, BlendMode::Normal) =
            (ink, &mask, clipped, props.blend_mode)
            && let Some(layer) = self.layers.last_mut()
        {
            let (coverage, stride) = sprite.from(area.y0 - y, area.x0 - x);
            if layer.stamp(&area, coverage, stride, *shade) {
                return;
            }
        }
        self.paint(ink, mask.as_deref(), props.blend_mode, |row| {
            for line in area.y0..area.y1 {
                row(line, area.x0, sprite.part(line - y, area.x0 - x, area.x1 - x));
            }
        });
    }

    fn fill_glyph(
        &mut self,
        glyph: &Glyph<'_>,
        transform: hayro_interpret::kurbo::Affine,
        props: &DrawProps<'_>,
    ) {
        let Glyph::Outline(outline) = glyph else { return };
        if let Paint::Color(color) = &props.paint {
            let (shade, alpha) = paths::shade(color.to_rgba().to_rgba8());
            let shade = if shade <= LEGIBLE { shade / 2 } else { shade };
            if let Some((sprite, x, y)) = self.glyphs.sprite(outline, props.transform * transform, self.work)
            {
                return self.glyph(&sprite, x, y, props, &Ink::Flat { shade, alpha });
            }
        }
        let path = self.glyphs.outline(outline);
        let outline = paths::outline(&path, props.transform * transform, self.work);
        self.fill(outline, Rule::NonZero, props, false);
    }

    fn end_group(&mut self) {
        let Some(Group::Layer { opacity, mask, mode }) = self.groups.pop() else { return };
        if self.layers.len() < 2 {
            return;
        }
        let (Some(upper), Some(below)) = (self.layers.pop(), self.layers.last_mut()) else { return };
        let area = upper.area;
        let mut coverage = Vec::new();
        for y in area.y0..area.y1 {
            match &mask {
                Some(mask) => mask.row(y, area.x0, area.width(), &mut coverage),
                None => coverage.resize(area.width(), 255),
            }
            coverage.iter_mut().filter(|_| opacity < 255).for_each(|part| *part = share(*part, opacity));
            below.blend(y, area.x0, &coverage, &Ink::Field(&upper), mode);
            coverage.clear();
        }
    }
}

fn rule(rule: FillRule) -> Rule {
    match rule {
        FillRule::NonZero => Rule::NonZero,
        FillRule::EvenOdd => Rule::EvenOdd,
    }
}

impl<'a> Device<'a> for Canvas<'_> {
    fn draw_path(&mut self, path: &BezPath, props: DrawProps<'a>, draw_mode: &DrawMode) {
        self.work.spend(path.elements().len() as u64);
        let (fill, stroke) = match draw_mode {
            DrawMode::Fill(rule) => (Some(*rule), None),
            DrawMode::Stroke(stroke) => (None, Some(stroke)),
            DrawMode::FillAndStroke(rule, stroke) => (Some(*rule), Some(stroke)),
            DrawMode::Invisible => return,
        };
        if let Some(with) = fill {
            let outline = paths::outline(path, props.transform, self.work);
            self.fill(outline, rule(with), &props, false);
        }
        if let Some(stroke) = stroke {
            let outline = paths::stroked(path, props.transform, stroke, self.work);
            self.fill(outline, Rule::NonZero, &props, true);
        }
    }

    fn push_clip_path(&mut self, clip_path: &ClipPath) {
        // The boundary of a form comes as a path.
        self.work.spend(FORM);
        if let Some(rectangle) = paths::rectangle(&clip_path.path) {
            return self.push_clip_rect(&rectangle);
        }
        let Clip { area, mask } = self.clip();
        let outline = paths::outline(&clip_path.path, hayro_interpret::kurbo::Affine::IDENTITY, self.work);
        let area = outline.area().and(&area);
        self.work.spend(outline.cost(&area).saturating_mul(2));
        let mut shares = vec![0; area.pixels() as usize];
        let (width, mut held) = (area.width(), Vec::new());
        outline.cover(&area, rule(clip_path.fill), |y, x, coverage| {
            let start = (y - area.y0) as usize * width + (x - area.x0) as usize;
            let Some(row) = shares.get_mut(start..start + coverage.len()) else { return };
            row.copy_from_slice(coverage);
            if let Some(outer) = &mask {
                outer.row(y, x, coverage.len(), &mut held);
                row.iter_mut().zip(&held).for_each(|(part, &outer)| *part = share(*part, outer));
            }
        });
        self.clips.push(Clip { area, mask: Some(Rc::new(Mask { area, share: shares })) });
    }

    fn push_clip_rect(&mut self, rect: &Rect) {
        self.work.spend(CLIP);
        let Clip { area, mask } = self.clip();
        self.clips.push(Clip { area: paths::pixels(rect).and(&area), mask });
    }

    fn pop_clip(&mut self) {
        if self.clips.len() > 1 {
            self.clips.pop();
        }
    }

    fn push_transparency_group(&mut self, opacity: f32, mask: Option<SoftMask<'a>>, blend_mode: BlendMode) {
        let needs_layer = opacity < 1.0 || mask.is_some() || blend_mode != BlendMode::Normal;
        if needs_layer && self.layers.len() >= MOST_LAYERS {
            self.work.note("transparency groups nested too deep are drawn as if opaque");
        }
        if !needs_layer || self.layers.len() >= MOST_LAYERS {
            self.work.spend(0);
            return self.groups.push(Group::Through);
        }
        let area = self.open_area();
        let area = if area.is_empty() { Area::sized(0, 0) } else { area };
        let mask = self.soft_mask(mask.as_ref());
        self.work.spend(area.pixels().saturating_mul(4));
        self.layers.push(Layer::clear(area));
        let opacity = (opacity.clamp(0.0, 1.0) * 255.0 + 0.5) as u8;
        self.groups.push(Group::Layer { opacity, mask, mode: blend_mode });
    }

    fn pop_transparency_group(&mut self) {
        self.end_group();
    }

    fn draw_glyph_run(&mut self, run: &GlyphRun<'_, 'a>, props: DrawProps<'a>, draw_mode: &DrawMode) {
        for glyph in run.glyphs() {
            self.work.spend(0);
            let transform = glyph.transform();
            let (fill, stroke) = match draw_mode {
                DrawMode::Fill(_) => (true, None),
                DrawMode::Stroke(stroke) => (false, Some(stroke)),
                DrawMode::FillAndStroke(_, stroke) => (true, Some(stroke)),
                DrawMode::Invisible => return,
            };
            match &**glyph {
                Glyph::Type3(glyph) => glyph.interpret(self, props.transform, transform, &props.paint),
                Glyph::Outline(outline) => {
                    if fill {
                        self.fill_glyph(glyph, transform, &props);
                    }
                    if let Some(stroke) = stroke {
                        let path = transform * (*self.glyphs.outline(outline)).clone();
                        let stroked = paths::stroked(&path, props.transform, stroke, self.work);
                        self.fill(stroked, Rule::NonZero, &props, true);
                    }
                }
            }
        }
    }

    fn draw_image(&mut self, image: Image<'a, '_>, props: ImageDrawProps<'a>) {
        self.image(&image, &props);
    }
}
