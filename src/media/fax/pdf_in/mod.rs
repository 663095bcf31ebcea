//! PDF as a source of fax pages.
//!
//! | file | subject |
//! | --- | --- |
//! | `vet`, `expand`, `extent`, `structure`, `lexing`, `shared`, `reach` | what a file must not be before it is opened |
//! | `single` | pages that are one picture in black and white: its dots as they are |
//! | `canvas` | all other pages, drawn in grey |
//! | `paths`, `glyphs`, `images`, `patterns`, `layer` | what the canvas draws with |
//! | `bounds`, `jbig2` | images that are not decoded |
//! | `work` | what a page may cost, and how it is ended |
//!
//! The structure of the file, its content, fonts and image codings are read by `hayro-interpret`, pure Rust like
//! all here; the canvas is ours, so that pages come out on the fax grid at once, and so that the work can be
//! counted and ended.

mod bounds;
mod canvas;
mod expand;
mod extent;
mod glyphs;
mod images;
mod jbig2;
mod layer;
mod lexing;
mod paths;
mod patterns;
mod reach;
mod shared;
mod single;
mod structure;
mod vet;
mod work;

use super::MediaError;
use super::bitmap::Bitmap;
use super::ccitt::{self, Scheme};
use super::halftone::{self, Grey};
use super::page::{Page, Storage, note};
use super::picture::Drawn;
use super::raster::Area;
use super::sheet::Sheet;
use crate::limits::{Budget, Exceeded, Limits};
use canvas::Canvas;
use glyphs::Glyphs;
use hayro_interpret::hayro_syntax::Filter;
use hayro_interpret::hayro_syntax::LoadPdfError;
use hayro_interpret::hayro_syntax::Pdf;
use hayro_interpret::hayro_syntax::page::Page as PdfPage;
use hayro_interpret::kurbo::{Affine, Rect};
use hayro_interpret::{Context, InterpreterCache, InterpreterSettings, InterpreterWarning, interpret_page};
use layer::Layer;
use single::Single;
use std::borrow::Cow;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use work::{Octets, Work, guarded};

/// Pages for which fonts once read are kept: what they hold is not to be counted from outside.
const FONTS_KEPT: u32 = 16;

/// An open PDF of at least one page.
pub(super) struct Source {
    pdf: Pdf,
    octets: Arc<Octets>,
    sheet: Sheet,
}

impl Source {
    /// Opens a file.
    pub fn open(input: &[u8], sheet: Sheet, limits: &Limits, budget: &Budget) -> Result<Self, MediaError> {
        let mut growth = vet::Growth::new(limits);
        let seen = vet::before_opening(input, &mut growth, budget)?;
        let octets = Arc::new(Octets::new(input.to_vec(), seen.longest, budget));
        guarded(|| {
            let pdf = Pdf::new(octets.clone()).map_err(|error| match error {
                LoadPdfError::Decryption(_) => MediaError::Unsupported("an encrypted PDF".into()),
                LoadPdfError::Invalid => MediaError::malformed("pdf", "no document in it"),
            })?;
            vet::once_open(&pdf, &octets, &seen, &mut growth, budget)?;
            match pdf.pages().len() {
                0 => return Err(MediaError::malformed("pdf", "no pages")),
                pages if pages > limits.fax_pages as usize => return Err(Exceeded::FaxPages.into()),
                _ => {}
            }
            Ok(Source { pdf, octets, sheet })
        })
    }

    /// Its pages.
    pub fn pages(&self) -> usize {
        self.pdf.pages().len()
    }

    /// What draws its pages.
    pub fn drawing(&self) -> Drawing<'_> {
        Drawing { source: self, kept: None }
    }

    /// A page whose dots are those of a fax; `None` where they have to be scaled.
    fn exact<'a>(&'a self, single: &Single<'a>, index: usize) -> Result<Option<Page<'a>>, MediaError> {
        let Some((legal, widths)) = single.resolution.legal() else { return Ok(None) };
        let columns = if single.turn.transposed { single.height } else { single.width };
        let [.., widest] = widths;
        if columns > *widest || self.sheet.asked && *legal != self.sheet.resolution {
            return Ok(None);
        }
        if let [Filter::CcittFaxDecode] = single.stream.filters().as_slice() {
            return ccitt(single, index);
        }
        let Some(rows) = single.samples() else { return Ok(None) };
        let mut bitmap = Bitmap::new(single.width);
        let stride = (single.width as usize).div_ceil(8).max(1);
        rows.chunks_exact(stride).for_each(|row| bitmap.push_packed(row));
        Ok(Some(drawn(turned(bitmap, single), single, index)))
    }
}

/// Draws page after page, and keeps what the next can use again.
pub(super) struct Drawing<'d> {
    source: &'d Source,
    kept: Option<Kept<'d>>,
}

/// Fonts and other objects read by the interpreter, and letters drawn.
struct Kept<'d> {
    objects: InterpreterCache<'d>,
    pages: u32,
    glyphs: Glyphs,
}

impl<'d> Drawing<'d> {
    /// Draws a page, or takes its dots as they are.
    pub fn page(
        &mut self,
        index: usize,
        limits: &Limits,
        budget: &mut Budget,
    ) -> Result<Page<'d>, MediaError> {
        let source = self.source;
        let mut kept = self.kept.take().unwrap_or_default();
        if kept.pages >= FONTS_KEPT {
            (kept.pages, kept.objects) = (0, InterpreterCache::new());
        }
        kept.pages += 1;
        let page = guarded(|| {
            let Some(page) = source.pdf.pages().get(index) else {
                return Err(MediaError::malformed("pdf", format!("no page {}", index + 1)));
            };
            source.octets.begin();
            let content = page.page_stream().unwrap_or_default();
            source.octets.content(content);
            let work = Work::new(budget);
            if let Some(single) = single::of(page, &kept.objects, &work, limits)
                && let Some(page) = source.exact(&single, index)?
            {
                return Ok(page);
            }
            let drawn = draw(page, &source.sheet, &mut kept, work, limits)?;
            Ok(Page::drawn(index, Cow::Owned(drawn)))
        })?;
        let rows = page.length.unwrap_or(0);
        budget.page(u64::from(page.width) * u64::from(rows))?;
        // A page that was ended in the middle leaves nothing behind.
        self.kept = Some(kept);
        Ok(page)
    }
}

impl Default for Kept<'_> {
    fn default() -> Self {
        Kept { objects: InterpreterCache::new(), pages: 0, glyphs: Glyphs::default() }
    }
}

fn drawn<'a>(bitmap: Bitmap, single: &Single<'_>, index: usize) -> Page<'a> {
    let drawn = Drawn { bitmap, resolution: single.resolution, losses: Vec::new() };
    Page::drawn(index, Cow::Owned(drawn))
}

/// CCITT data (ISO 32000-1, 7.4.6): as it is where the coding is one of TIFF and the picture stands upright.
fn ccitt<'a>(single: &Single<'a>, index: usize) -> Result<Option<Page<'a>>, MediaError> {
    let parameters = bounds::parameters(&single.stream).unwrap_or_default();
    if parameters.get::<u32>("Columns").unwrap_or(1_728) != single.width {
        return Ok(None);
    }
    let flag = |key: &str| parameters.get::<bool>(key).unwrap_or(false);
    let k = parameters.get::<i32>("K").unwrap_or(0);
    let data = single.stream.raw_data();
    // EndOfLine false does not forbid them. Zeros before the first EOL are fill; rows may have as many within.
    let has_eols =
        || flag("EndOfLine") || ccitt::Eols::new(&data, 0).next().is_some_and(|eol| eol.zeros == 0);
    let scheme = match k {
        ..0 => Some(Scheme::T6),
        0 if has_eols() => Some(Scheme::T4 { two_dimensional: false }),
        0 if flag("EncodedByteAlign") => Some(Scheme::Rle),
        0 => None,
        _ => Some(Scheme::T4 { two_dimensional: true }),
    };
    // Black codes are samples of 0, or of 1 with BlackIs1.
    let inverted = single.ones_are_black != flag("BlackIs1");
    let mut page = Page::coded(index, single.width, single.height, single.resolution);
    page.inverted = inverted;
    if let (Some(scheme), Cow::Borrowed(strip), true) = (scheme, &data, single.turn.is_none()) {
        page.storage = Storage::Ccitt(scheme);
        page.strips = vec![*strip];
        return Ok(Some(page));
    }
    let mut bitmap = Bitmap::new(single.width);
    let found = match scheme {
        Some(scheme) => ccitt::decode(&data, scheme, single.height as usize, &mut bitmap),
        None => ccitt::decode_unmarked(&data, single.height as usize, &mut bitmap),
    };
    if found.damaged > 0 || found.broken {
        return Ok(None);
    }
    bitmap.set_rows(single.height as usize);
    if inverted {
        bitmap.invert();
    }
    Ok(Some(drawn(turned(bitmap, single), single, index)))
}

/// The picture as it lies on the page.
fn turned(bitmap: Bitmap, single: &Single<'_>) -> Bitmap {
    let turn = single.turn;
    if turn.is_none() {
        return bitmap;
    }
    let (old_width, old_height) = (single.width as usize, single.height as usize);
    let (width, height) = if turn.transposed { (old_height, old_width) } else { (old_width, old_height) };
    let stride = old_width.div_ceil(8);
    let mut out = Bitmap::new(u32::try_from(width).unwrap_or(u32::MAX));
    let mut row = vec![0u8; width.div_ceil(8)];
    for y in 0..height {
        row.fill(0);
        for x in 0..width {
            // Mirroring is along the axes of the page.
            let x_from = if turn.mirrored { width - 1 - x } else { x };
            let y_from = if turn.flipped { height - 1 - y } else { y };
            let (column, line) = if turn.transposed { (y_from, x_from) } else { (x_from, y_from) };
            let black =
                bitmap.data().get(line * stride + column / 8).is_some_and(|o| o << (column % 8) & 0x80 != 0);
            if black && let Some(octet) = row.get_mut(x / 8) {
                *octet |= 0x80 >> (x % 8);
            }
        }
        out.push_packed(&row);
    }
    out
}

/// Draws a page in grey and reduces it to black and white.
fn draw<'a>(
    page: &'a PdfPage<'a>,
    sheet: &Sheet,
    kept: &mut Kept<'a>,
    work: Work<'_>,
    limits: &Limits,
) -> Result<Drawn, MediaError> {
    let (width, height) = page.render_dimensions();
    let fit = sheet.fit(width.into(), height.into());
    if sheet.columns > limits.fax_width
        || fit.rows > limits.fax_rows
        || u64::from(sheet.columns) * u64::from(fit.rows) > limits.page_pixels
    {
        return Err(Exceeded::PageSize.into());
    }
    let area = Area::sized(sheet.columns as usize, fit.rows as usize);
    let upright = if fit.turned {
        // Clockwise: what was left is above.
        Affine::new([0.0, 1.0, -1.0, 0.0, f64::from(height), 0.0])
    } else {
        Affine::IDENTITY
    };
    let dots = |resolution: f64| resolution / 72.0 * fit.scale;
    let to_grid = Affine::translate((fit.left, 0.0))
        * Affine::scale_non_uniform(dots(sheet.resolution.x), dots(sheet.resolution.y))
        * upright;
    let [a, b, c, d, e, f] = page.initial_transform(true).as_coeffs();
    let failed = Arc::new(AtomicBool::new(false));
    let (seen, mut settings) = (failed.clone(), InterpreterSettings::default());
    settings.warning_sink = Arc::new(move |warning| {
        if matches!(warning, InterpreterWarning::UnsupportedFont | InterpreterWarning::ImageDecodeFailure) {
            seen.store(true, Ordering::Relaxed);
        }
    });
    let whole = Rect::new(0.0, 0.0, area.width() as f64, area.height() as f64);
    let transform = to_grid * Affine::new([a, b, c, d, e, f]);
    let mut context = Context::new(transform, whole, &kept.objects, page.xref(), settings);
    let grey = {
        let mut canvas = Canvas::new(Layer::paper(area), &work, limits, std::mem::take(&mut kept.glyphs));
        interpret_page(page, &mut context, &mut canvas);
        kept.glyphs = canvas.take_glyphs();
        kept.glyphs.forget_fonts();
        canvas.into_layer().map(|layer| layer.value).unwrap_or_default()
    };
    let bitmap = halftone::reduce(&Grey { width: area.width(), pixels: grey });
    let (x, y) = (sheet.resolution.x, sheet.resolution.y);
    let mut losses = vec![format!("drawn in black and white at {x:.0} x {y:.0} dots to the inch")];
    losses.extend(fit.losses());
    let mut missing = work.into_notes();
    if failed.load(Ordering::Relaxed) {
        note(&mut missing, "fonts or images that cannot be read are missing".to_owned());
    }
    // A blank page instead of a scan would be worse than none.
    if let Some(first) = missing.first()
        && bitmap.data().iter().all(|&octet| octet == 0)
    {
        return Err(MediaError::Unsupported(format!("a page of which nothing is shown: {first}")));
    }
    losses.extend(missing);
    Ok(Drawn { bitmap, resolution: sheet.resolution, losses })
}
