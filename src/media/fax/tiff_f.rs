//! Writing TIFF-F (RFC 2306, RFC 3949 profile F) as VPIM wants it (RFC 3801 4.4.4).
//!
//! The file has the structure of the minimum subset (RFC 2306 3.6.2): `II`, first directory at offset 8, each
//! directory followed by its long values and its one strip, then the next page. All required fields are
//! written, none else but Orientation where it is not 1.
//!
//! Coded data that is already what the target accepts is kept bit for bit (its FillOrder too); all else is
//! decoded and coded anew with FillOrder 2, the order of the telephone line. Pages narrower than a legal width
//! (RFC 2306 3.2) get white columns at the right; a page whose resolution is not near a legal one keeps its
//! pixels and is named in the losses (scaling is not done here).

use super::MediaError;
use super::ccitt::{Scheme, Target, encode_page};
use super::document::Document;
use super::geometry::{LEGAL, Resolution};
use super::page::{Coded, Page, Storage, note, reverse_bits};
use super::tiff::tag;
use crate::limits::{Budget, Exceeded, Limits};
use mime::Mime;
use std::borrow::Cow;

/// Codings the receiver takes: the parameter `compression` of the target type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Accept {
    /// `any`: what the source has.
    Any,
    /// `mh`: MH only (the only coding every TIFF-F reader has).
    Mh,
    /// `mr`: MH and MR.
    Mr,
    /// `mmr`: MMR only.
    Mmr,
}

impl Accept {
    /// Reads the parameter.
    pub fn of(target: &Mime) -> Result<Self, MediaError> {
        let Some(value) = target.get_param("compression") else { return Ok(Accept::Any) };
        match value.as_str().to_ascii_lowercase().as_str() {
            "any" => Ok(Accept::Any),
            "mh" => Ok(Accept::Mh),
            "mr" => Ok(Accept::Mr),
            "mmr" => Ok(Accept::Mmr),
            other => Err(MediaError::Unsupported(format!("compression={other} in TIFF-F"))),
        }
    }

    fn takes(self, scheme: Scheme) -> bool {
        match scheme {
            // TIFF-F has no Compression 2 (RFC 2306 3.2).
            Scheme::Rle => false,
            Scheme::T4 { two_dimensional: false } => self != Accept::Mmr,
            Scheme::T4 { two_dimensional: true } => matches!(self, Accept::Any | Accept::Mr),
            Scheme::T6 => matches!(self, Accept::Any | Accept::Mmr),
        }
    }

    /// The coding of pages that have to be coded anew; their own where it is accepted.
    fn target(self, storage: Storage, resolution: Resolution) -> Target {
        match (self, storage) {
            (Accept::Mmr, _) | (Accept::Any, Storage::Ccitt(Scheme::T6)) => Target::Mmr,
            (Accept::Mr, _) | (Accept::Any, Storage::Ccitt(Scheme::T4 { two_dimensional: true })) => {
                // T.4 4.2: K is 2 at standard and 4 at fine resolution.
                Target::Mr { k: if resolution.y < 150.0 { 2 } else { 4 } }
            }
            (Accept::Mh | Accept::Any, _) => Target::Mh { aligned: false },
        }
    }
}

/// Converts all pages. `None` where the file already is what is asked for. With `anew` every page is decoded
/// and coded again, as right as it looks.
pub(super) fn convert(
    document: &Document<'_>,
    accept: Accept,
    anew: bool,
    limits: &Limits,
    budget: &mut Budget,
    losses: &mut Vec<String>,
) -> Result<Option<Vec<u8>>, MediaError> {
    let total = document.pages();
    let mut conforming = document.defects().is_empty();
    let mut writer = Writer::new(total);
    for index in 0..total {
        let page = document.page(index, limits, budget)?;
        let kept = if anew { None } else { keep(&page, accept) };
        conforming &=
            kept.as_ref().is_some_and(|coded| coded.whole && page_conforms(&page, coded, index, total));
        let before = writer.out.len();
        match kept {
            Some(coded) => writer.keep_page(&page, &coded),
            None => writer.code_page(&page, accept, limits, budget, losses)?,
        }
        budget.output(writer.out.len() - before)?;
        // Offsets in TIFF have 32 bits.
        u32::try_from(writer.out.len()).map_err(|_| Exceeded::OutputBytes)?;
    }
    if conforming {
        return Ok(None);
    }
    document.defects().iter().for_each(|defect| note(losses, defect.clone()));
    Ok(Some(writer.out))
}

/// The coded data, if it may be used as it is.
fn keep<'a>(page: &Page<'a>, accept: Accept) -> Option<Coded<'a>> {
    let coded = page.pass_through().ok()?;
    // RFC 2306 3.8.6: MMR data ends with an EOFB.
    let complete = coded.scheme != Scheme::T6 || coded.end_of_block;
    let fits = Fit::of(page).width == page.width;
    (complete && fits && !coded.inverted && accept.takes(coded.scheme)).then_some(coded)
}

/// Whether a page has all that RFC 3801 4.4.4 and RFC 2306 ask for, so that it need not be written anew.
fn page_conforms(page: &Page<'_>, coded: &Coded<'_>, index: usize, total: usize) -> bool {
    let facts = &page.facts;
    let resolution = LEGAL.iter().any(|(legal, widths)| {
        facts.x_resolution == Some(legal.x)
            && facts.y_resolution == Some(legal.y)
            && widths.contains(&facts.width)
    });
    let options = match coded.scheme {
        Scheme::T6 => facts.t6_options == Some(0),
        _ => facts.t4_options.is_some_and(|bits| bits & !0b101 == 0 && (bits & 4 == 0 || coded.aligned)),
    };
    let numbered = facts
        .page_number
        .is_some_and(|[number, of]| usize::from(number) == index && (usize::from(of) == total || of == 0));
    page.sorted
        && resolution
        && options
        && numbered
        && facts.new_subfile_type == Some(2)
        && facts.resolution_unit == Some(2)
        && facts.photometric == Some(0)
        && facts.fill_order.is_some_and(|order| matches!(order, 1 | 2))
        && facts.strips == 1
        && facts.strip_byte_counts == Some(1)
        && facts.first_strip_bytes == Some(coded.data.len() as u64)
        && facts.rows_per_strip.is_some_and(|rows| rows >= facts.length)
        && matches!(facts.bits_per_sample.as_slice(), [] | [1])
        && facts.samples_per_pixel.is_none_or(|samples| samples == 1)
}

/// The legal size a page is written with.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Fit {
    width: u32,
    resolution: Resolution,
}

impl Fit {
    fn of(page: &Page<'_>) -> Self {
        let wide_enough = |widths: &[u32; 3]| widths.iter().copied().find(|&width| width >= page.width);
        let ratio = |legal: &Resolution| {
            (page.resolution.x / legal.x).ln().abs() + (page.resolution.y / legal.y).ln().abs()
        };
        let near = page.resolution.legal().filter(|(_, widths)| wide_enough(widths).is_some());
        let entry = near.or_else(|| {
            let possible = LEGAL.iter().filter(|(_, widths)| wide_enough(widths).is_some());
            possible.min_by(|(one, _), (other, _)| ratio(one).total_cmp(&ratio(other)))
        });
        match entry {
            Some((resolution, widths)) => {
                Fit { width: wide_enough(widths).unwrap_or(page.width), resolution: *resolution }
            }
            None => Fit { width: page.width, resolution: page.resolution },
        }
    }
}

/// The file so far.
struct Writer {
    out: Vec<u8>,
    total: usize,
    pages: usize,
    /// Where the offset of the next directory belongs.
    link: usize,
}

/// One field of a directory about to be written: type, count, and the value or its octets.
enum Value {
    Short(u16),
    Long(u32),
    Shorts([u16; 2]),
    Rational(f64),
}

impl Writer {
    fn new(total: usize) -> Self {
        // The offset of the first directory is set by the first page.
        Writer { out: b"II*\0\0\0\0\0".to_vec(), total, pages: 0, link: 4 }
    }

    fn keep_page(&mut self, page: &Page<'_>, coded: &Coded<'_>) {
        let (compression, options) = match coded.scheme {
            Scheme::T6 => (4, 0),
            Scheme::Rle => (2, 0),
            Scheme::T4 { two_dimensional } => {
                (3, u32::from(two_dimensional) | if coded.aligned { 4 } else { 0 })
            }
        };
        let data =
            if page.reversed { Cow::Owned(reverse_bits(&coded.data)) } else { Cow::Borrowed(&*coded.data) };
        let strip = Strip {
            compression,
            options,
            fill_order: if page.reversed { 2 } else { 1 },
            fit: Fit::of(page),
            rows: coded.rows,
            orientation: page.orientation,
        };
        self.page(&strip, &data);
    }

    fn code_page(
        &mut self,
        page: &Page<'_>,
        accept: Accept,
        limits: &Limits,
        budget: &mut Budget,
        losses: &mut Vec<String>,
    ) -> Result<(), MediaError> {
        let mut bitmap = page.decode(limits, budget, losses)?;
        let fit = Fit::of(page);
        if fit.width != page.width {
            bitmap.set_width(fit.width);
            let (number, from, to) = (page.number, page.width, fit.width);
            note(losses, format!("page {number}: widened from {from} to {to} columns with white"));
        } else if !LEGAL.iter().any(|(_, widths)| widths.contains(&fit.width)) {
            note(losses, format!("page {}: {} columns is no width of TIFF-F", page.number, fit.width));
        }
        let target = accept.target(page.storage, fit.resolution);
        let (compression, options) = match target {
            Target::Mh { aligned } => (3, if aligned { 4 } else { 0 }),
            Target::Mr { .. } => (3, 1),
            Target::Mmr => (4, 0),
        };
        let rows = u32::try_from(bitmap.rows()).unwrap_or(u32::MAX);
        budget.check()?;
        let data = reverse_bits(&encode_page(&bitmap, target));
        let strip = Strip { compression, options, fill_order: 2, fit, rows, orientation: page.orientation };
        if page.resolution.legal().is_none() {
            let Resolution { x, y } = page.resolution;
            let (number, to) = (page.number, fit.resolution);
            let text = format!("page {number}: {x:.0} x {y:.0} dpi written as {:.0} x {:.0}", to.x, to.y);
            note(losses, text);
        }
        self.page(&strip, &data);
        Ok(())
    }

    fn page(&mut self, strip: &Strip, data: &[u8]) {
        // Directories begin at even offsets (TIFF 6.0 section 2).
        self.align();
        let start = self.out.len() as u32;
        self.set_link(start);
        let fields = self.fields(strip, data.len());
        let values = start + 2 + fields.len() as u32 * 12 + 4;
        let rationals = fields.iter().filter(|(_, value)| matches!(value, Value::Rational(_))).count() as u32;
        let strip_offset = values + rationals * 8;
        let mut long_values = Vec::new();
        self.short(fields.len() as u16);
        for (tag, value) in fields {
            self.short(tag);
            let value = if tag == tag::STRIP_OFFSETS { Value::Long(strip_offset) } else { value };
            self.value(value, values, &mut long_values);
        }
        self.link = self.out.len();
        self.long(0);
        self.out.extend_from_slice(&long_values);
        self.out.extend_from_slice(data);
        self.pages += 1;
    }

    fn fields(&self, strip: &Strip, bytes: usize) -> Vec<(u16, Value)> {
        let number = |count: usize| u16::try_from(count).unwrap_or(0);
        let options = if strip.compression == 4 { tag::T6_OPTIONS } else { tag::T4_OPTIONS };
        let mut fields = vec![
            (tag::NEW_SUBFILE_TYPE, Value::Long(2)),
            (tag::IMAGE_WIDTH, Value::Long(strip.fit.width)),
            (tag::IMAGE_LENGTH, Value::Long(strip.rows)),
            (tag::BITS_PER_SAMPLE, Value::Short(1)),
            (tag::COMPRESSION, Value::Short(strip.compression)),
            (tag::PHOTOMETRIC_INTERPRETATION, Value::Short(0)),
            (tag::FILL_ORDER, Value::Short(strip.fill_order)),
            (tag::STRIP_OFFSETS, Value::Long(0)),
            (tag::SAMPLES_PER_PIXEL, Value::Short(1)),
            (tag::ROWS_PER_STRIP, Value::Long(strip.rows)),
            (tag::STRIP_BYTE_COUNTS, Value::Long(bytes as u32)),
            (tag::X_RESOLUTION, Value::Rational(strip.fit.resolution.x)),
            (tag::Y_RESOLUTION, Value::Rational(strip.fit.resolution.y)),
            (options, Value::Long(strip.options)),
            (tag::RESOLUTION_UNIT, Value::Short(2)),
            (tag::PAGE_NUMBER, Value::Shorts([number(self.pages), number(self.total)])),
        ];
        if (2..=8).contains(&strip.orientation) {
            fields.push((tag::ORIENTATION, Value::Short(strip.orientation)));
            fields.sort_by_key(|(tag, _)| *tag);
        }
        fields
    }

    fn value(&mut self, value: Value, values: u32, long_values: &mut Vec<u8>) {
        let (kind, count) = match value {
            Value::Short(_) => (3, 1),
            Value::Shorts(_) => (3, 2),
            Value::Long(_) => (4, 1),
            Value::Rational(_) => (5, 1),
        };
        self.short(kind);
        self.long(count);
        match value {
            Value::Short(value) => {
                self.short(value);
                self.short(0);
            }
            Value::Shorts([one, two]) => {
                self.short(one);
                self.short(two);
            }
            Value::Long(value) => self.long(value),
            Value::Rational(value) => {
                self.long(values + long_values.len() as u32);
                // Legal resolutions are whole numbers; thousandths serve for the others.
                let scale: u32 = if value.fract() == 0.0 { 1 } else { 1000 };
                long_values.extend_from_slice(&((value * f64::from(scale)).round() as u32).to_le_bytes());
                long_values.extend_from_slice(&scale.to_le_bytes());
            }
        }
    }

    fn align(&mut self) {
        if !self.out.len().is_multiple_of(2) {
            self.out.push(0);
        }
    }

    fn set_link(&mut self, offset: u32) {
        if let Some(place) = self.out.get_mut(self.link..self.link + 4) {
            place.copy_from_slice(&offset.to_le_bytes());
        }
    }

    fn short(&mut self, value: u16) {
        self.out.extend_from_slice(&value.to_le_bytes());
    }

    fn long(&mut self, value: u32) {
        self.out.extend_from_slice(&value.to_le_bytes());
    }
}

/// The one strip of a page.
struct Strip {
    compression: u16,
    options: u32,
    fill_order: u16,
    fit: Fit,
    rows: u32,
    orientation: u16,
}
