//! Pages that are nothing but a picture in black and white, as fax software and scanners make them: its dots are
//! taken as they are.
//!
//! The content of such a page is interpreted by a device that draws nothing and gives up at the first thing that
//! is not the picture. White ground below it and invisible text above it (of character recognition) do not count.

use super::bounds;
use super::paths;
use super::work::{self, FORM, Work};
use crate::limits::Limits;
use crate::media::fax::geometry::Resolution;
use hayro_interpret::font::GlyphRun;
use hayro_interpret::hayro_syntax::Filter;
use hayro_interpret::hayro_syntax::object::stream::ImageDecodeParams;
use hayro_interpret::hayro_syntax::object::{Array, Object, ObjectIdentifier, Stream};
use hayro_interpret::hayro_syntax::page::Page as PdfPage;
use hayro_interpret::kurbo::{Affine, BezPath, Rect, Shape};
use hayro_interpret::{
    BlendMode, ClipPath, Context, Device, DrawMode, DrawProps, Image, ImageDrawProps, InterpreterCache,
    InterpreterSettings, Paint, SoftMask, interpret_page,
};

/// Octets of content that are looked at: invisible text makes it long, drawings would be found soon.
const CONTENT: usize = 4 << 20;
/// Shades that are white and black for a fax.
const WHITE: u8 = 250;
const BLACK: u8 = 64;
/// The part of the page that the picture has to cover.
const COVERED: f64 = 0.75;

/// The one picture of a page.
pub(super) struct Single<'a> {
    pub stream: Stream<'a>,
    pub width: u32,
    pub height: u32,
    /// Samples of 1 are black.
    pub ones_are_black: bool,
    pub resolution: Resolution,
    /// How the picture is turned.
    pub turn: Turn,
}

/// What lies where on the page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Turn {
    /// Rows run down the page instead of across.
    pub transposed: bool,
    /// Right to left.
    pub mirrored: bool,
    /// Upside down.
    pub flipped: bool,
}

impl Turn {
    pub fn is_none(self) -> bool {
        !(self.transposed || self.mirrored || self.flipped)
    }
}

/// What the device has seen.
struct Probe<'w> {
    work: &'w Work<'w>,
    limits: &'w Limits,
    clips: Vec<Rect>,
    /// Which stream, where, and with what shade where it is a stencil.
    found: Option<(ObjectIdentifier, Affine, Option<u8>)>,
    other: bool,
}

/// The picture of `page`, if it has one and nothing else.
pub(super) fn of<'a>(
    page: &'a PdfPage<'a>,
    cache: &InterpreterCache<'a>,
    work: &Work<'_>,
    limits: &Limits,
) -> Option<Single<'a>> {
    if page.page_stream()?.len() > CONTENT {
        return None;
    }
    let (width, height) = page.render_dimensions();
    let whole = Rect::new(0.0, 0.0, f64::from(width), f64::from(height));
    let [a, b, c, d, e, f] = page.initial_transform(true).as_coeffs();
    let settings = InterpreterSettings::default();
    let mut context = Context::new(Affine::new([a, b, c, d, e, f]), whole, cache, page.xref(), settings);
    let mut probe = Probe { work, limits, clips: vec![whole], found: None, other: false };
    probe.look(page, &mut context);
    let (id, transform, stencil) = probe.found.filter(|_| !probe.other)?;
    let stream = page.xref().get::<Stream<'a>>(id)?;
    bounds::admit(&stream, limits).ok()?;
    let dict = stream.dict();
    let number = |short: &str, long: &str| dict.get::<u32>(short).or_else(|| dict.get::<u32>(long));
    let (columns, rows) = (number("W", "Width")?, number("H", "Height")?);
    if columns > limits.fax_width || rows > limits.fax_rows {
        return None;
    }
    let place = transform.transform_rect_bbox(Rect::new(0.0, 0.0, columns.into(), rows.into()));
    if place.intersect(whole).area() < COVERED * whole.area().max(place.area()) {
        return None;
    }
    let turn = turn(transform)?;
    let (across, down) = if turn.transposed { (rows, columns) } else { (columns, rows) };
    // Sizes on paper are rounded in many ways.
    let whole_number = |dots: f64| if (dots - dots.round()).abs() < 0.25 { dots.round() } else { dots };
    let resolution = Resolution {
        x: whole_number(f64::from(across) * 72.0 / place.width()),
        y: whole_number(f64::from(down) * 72.0 / place.height()),
    };
    let ones_are_black = ones_are_black(&stream, stencil)?;
    Some(Single { stream, width: columns, height: rows, ones_are_black, resolution, turn })
}

fn turn(transform: Affine) -> Option<Turn> {
    let [a, b, c, d, ..] = transform.as_coeffs();
    let small = |v: f64, w: f64| v.abs() < 1e-3 * w.abs();
    if small(b, a) && small(c, d) {
        Some(Turn { transposed: false, mirrored: a < 0.0, flipped: d < 0.0 })
    } else if small(a, b) && small(d, c) {
        Some(Turn { transposed: true, mirrored: c < 0.0, flipped: b < 0.0 })
    } else {
        None
    }
}

/// Which samples are black; `None` where the image is not black and white.
fn ones_are_black(stream: &Stream<'_>, stencil: Option<u8>) -> Option<bool> {
    let dict = stream.dict();
    if ["SMask", "Mask", "SMaskInData"].iter().any(|key| dict.contains_key(key)) {
        return None;
    }
    let decode = dict.get::<[f32; 2]>("D").or_else(|| dict.get::<[f32; 2]>("Decode"));
    let inverted = match decode {
        None => false,
        Some([0.0, 1.0]) => false,
        Some([1.0, 0.0]) => true,
        Some(_) => return None,
    };
    if let Some(ink) = stencil {
        // A sample of 0 is painted (ISO 32000-1, 8.9.6.2).
        return (ink <= BLACK).then_some(inverted);
    }
    let bits = dict.get::<u8>("BPC").or_else(|| dict.get::<u8>("BitsPerComponent"));
    let one_bit = matches!(stream.filters().last(), Some(Filter::CcittFaxDecode | Filter::Jbig2Decode));
    if !(bits == Some(1) || bits.is_none() && one_bit) {
        return None;
    }
    let [zero, one] = match bounds::colour_space(dict) {
        None if one_bit => [0, 255],
        None => return None,
        Some((name, array)) => match (name.as_ref(), array) {
            (b"DeviceGray" | b"G" | b"CalGray", _) => [0, 255],
            (b"ICCBased", Some(array)) => {
                let profile = array.iter::<Stream<'_>>().next()?;
                (profile.dict().get::<u8>("N")? == 1).then_some([0, 255])?
            }
            (b"Indexed" | b"I", Some(array)) => palette(&array)?,
            _ => return None,
        },
    };
    let (zero, one) = if inverted { (one, zero) } else { (zero, one) };
    match (zero, one) {
        (..=BLACK, WHITE..) => Some(false),
        (WHITE.., ..=BLACK) => Some(true),
        _ => None,
    }
}

/// The shades of the first two colours of an indexed colour space.
fn palette(array: &Array<'_>) -> Option<[u8; 2]> {
    let items: Vec<Object<'_>> = array.iter::<Object<'_>>().take(4).collect();
    let [_, base, _, table] = items.as_slice() else { return None };
    let base = base.clone().into_name()?;
    let table = match table {
        Object::String(string) => string.as_ref().to_vec(),
        Object::Stream(stream) => stream.decoded_data().ok()?.into_owned(),
        _ => return None,
    };
    match base.as_ref() {
        b"DeviceGray" | b"G" => Some([*table.first()?, *table.get(1)?]),
        b"DeviceRGB" | b"RGB" => {
            let shade = |at: usize| {
                let &[r, g, b] = table.get(at..)?.first_chunk()?;
                Some(paths::shade([r, g, b, 255]).0)
            };
            Some([shade(0)?, shade(3)?])
        }
        _ => None,
    }
}

impl Single<'_> {
    /// Packed rows, black as 1, for filters whose data are samples.
    pub fn samples(&self) -> Option<Vec<u8>> {
        let parameters = ImageDecodeParams {
            // Asks for packed samples.
            is_indexed: true,
            bpc: Some(1),
            num_components: Some(1),
            target_dimension: None,
            width: self.width,
            height: self.height,
        };
        let decoded = self.stream.decoded_image(&parameters).ok()?;
        if let Some(image) = &decoded.image_data
            && (image.width != self.width || image.height != self.height || image.bits_per_component != 1)
        {
            return None;
        }
        let mut rows = decoded.data.into_owned();
        let stride = (self.width as usize).div_ceil(8);
        let whole = stride * self.height as usize;
        if rows.len() < whole {
            return None;
        }
        rows.truncate(whole);
        if !self.ones_are_black {
            rows.iter_mut().for_each(|octet| *octet = !*octet);
        }
        Some(rows)
    }
}

impl Probe<'_> {
    fn look<'a>(&mut self, page: &PdfPage<'a>, context: &mut Context<'a>) {
        work::attempt(|| interpret_page(page, context, self));
    }

    fn stop(&mut self) {
        self.other = true;
        self.work.give_up();
    }

    /// Something is painted with `paint`.
    fn painted(&mut self, paint: &Paint<'_>, mode: &DrawMode) {
        self.work.spend(0);
        let white = match paint {
            Paint::Color(color) => {
                let (shade, alpha) = paths::shade(color.to_rgba().to_rgba8());
                alpha == 0 || shade >= WHITE && self.found.is_none()
            }
            Paint::Pattern(_) => false,
        };
        if !white && !matches!(mode, DrawMode::Invisible) {
            self.stop();
        }
    }
}

/// The shade of a paint that is opaque.
fn ink(paint: &Paint<'_>) -> u8 {
    match paint {
        Paint::Color(color) => match paths::shade(color.to_rgba().to_rgba8()) {
            (shade, 255) => shade,
            _ => 255,
        },
        Paint::Pattern(_) => 255,
    }
}

impl<'a> Device<'a> for Probe<'_> {
    fn draw_path(&mut self, _path: &BezPath, props: DrawProps<'a>, mode: &DrawMode) {
        self.painted(&props.paint, mode);
    }

    fn draw_glyph_run(&mut self, run: &GlyphRun<'_, 'a>, props: DrawProps<'a>, mode: &DrawMode) {
        if !run.glyphs().is_empty() {
            self.painted(&props.paint, mode);
        }
    }

    fn push_clip_path(&mut self, clip: &ClipPath) {
        self.work.spend(FORM);
        let outer = self.clips.last().copied().unwrap_or_default();
        let inner =
            if paths::rectangle(&clip.path).is_some() { clip.path.bounding_box() } else { Rect::ZERO };
        self.clips.push(inner.intersect(outer));
    }

    fn pop_clip(&mut self) {
        self.clips.pop();
    }

    fn push_transparency_group(&mut self, opacity: f32, mask: Option<SoftMask<'a>>, mode: BlendMode) {
        self.work.spend(0);
        // On white paper these two show the picture as it is.
        let plain = matches!(mode, BlendMode::Normal | BlendMode::Multiply);
        if opacity < 1.0 || mask.is_some() || !plain {
            self.stop();
        }
    }

    fn pop_transparency_group(&mut self) {}

    fn draw_image(&mut self, image: Image<'a, '_>, props: ImageDrawProps<'a>) {
        self.work.spend(0);
        let size = Rect::new(0.0, 0.0, image.width().into(), image.height().into());
        let place = props.transform.transform_rect_bbox(size);
        let clip = self.clips.last().copied().unwrap_or_default();
        // Half a point of an edge may be cut by rounding.
        let seen = clip
            .inflate(0.5, 0.5)
            .contains_rect(place.intersect(self.clips.first().copied().unwrap_or_default()));
        let (id, ink) = match &image {
            Image::Raster(raster) => (raster.stream().dict().obj_id(), None),
            Image::Stencil(stencil) => {
                let stream = stencil.stream();
                let mut shade = 255;
                if let Ok(steps) = bounds::admit(stream, self.limits) {
                    self.work.spend(steps);
                    // The ink comes with the decoded data only.
                    stencil.with_stencil(|_, paint| shade = ink(paint), None);
                }
                (stream.dict().obj_id(), Some(shade))
            }
        };
        match id {
            Some(id) if seen && self.found.is_none() => self.found = Some((id, props.transform, ink)),
            _ => self.stop(),
        }
    }
}
