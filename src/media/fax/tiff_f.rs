//! Writing TIFF-F (RFC 2306, RFC 3949 profile F) as VPIM wants it (RFC 3801 4.4.4).
//!
//! The file has the structure of the minimum subset (RFC 2306 3.6.2): `II`, first directory at offset 8, each
//! directory followed by its long values and its one strip, then the next page. All required fields are
//! written, none else but Orientation where it is not 1.
//!
//! Coded data that is already what the target accepts is kept bit for bit (its FillOrder too); all else is
//! decoded and coded anew with FillOrder 2, the order of the telephone line. `fit` says with what size.
//!
//! Profile S (RFC 3949 3) has MH, FillOrder 2, 1,728 columns, two densities of lines and no Orientation: pages
//! are turned and scaled where they have to be. Only a file that has the order of parts of RFC 3949 3.5 and
//! none but the required fields is left as it is.

use super::MediaError;
use super::ccitt::{Scheme, Target, encode_page};
use super::document::Document;
use super::fit::{Fit, Profile, S_WIDTH};
use super::geometry::{LEGAL, Resolution};
use super::page::{Coded, Keep, Page, Storage, note, reverse_bits};
use super::tiff::{ByteOrder, Tiff, tag};
use super::turn::shown;
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

/// What the parameters of the target type ask for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Wanted {
    accept: Accept,
    profile: Profile,
    keep: Keep,
}

impl Wanted {
    /// Reads the parameters.
    pub fn of(target: &Mime) -> Result<Self, MediaError> {
        let keep = match Keep::of(target)? {
            // T4Options says where the EOLs are, so they are looked at.
            Keep::Surveyed => Keep::Trusted,
            keep => keep,
        };
        let (accept, profile) = (Accept::of(target)?, Profile::of(target)?);
        match (profile, accept) {
            (Profile::F, accept) => Ok(Wanted { accept, profile, keep }),
            (Profile::S, Accept::Any | Accept::Mh) => Ok(Wanted { accept: Accept::Mh, profile, keep }),
            (Profile::S, other) => Err(MediaError::Unsupported(format!("profile S in {other:?}"))),
        }
    }

    /// The size a page is written with.
    fn fit(self, page: &Page<'_>) -> Fit {
        let columns = match (self.turned(page), page.length) {
            // Turned by a quarter.
            (5..=8, Some(rows)) => return Fit::of(self.profile, rows, page.resolution.turned()),
            _ => page.width,
        };
        Fit::of(self.profile, columns, page.resolution)
    }

    /// The Orientation that is to be undone; 1 for none.
    fn turned(self, page: &Page<'_>) -> u16 {
        if self.profile == Profile::S && (2..=8).contains(&page.orientation) { page.orientation } else { 1 }
    }
}

/// Converts all pages. `None` where the file already is what is asked for.
pub(super) fn convert(
    document: &Document<'_>,
    wanted: Wanted,
    limits: &Limits,
    budget: &mut Budget,
    losses: &mut Vec<String>,
) -> Result<Option<Vec<u8>>, MediaError> {
    let total = document.pages();
    // What a PDF shows its sender has seen; its dots are taken over as they are.
    let wanted = match (document, wanted.keep) {
        (Document::Pdf(_), Keep::Checked) => Wanted { keep: Keep::Trusted, ..wanted },
        _ => wanted,
    };
    let mut conforming = document.defects().is_empty() && wanted.has_order(document);
    let mut writer = Writer::new(total, wanted);
    let mut pages = document.reader();
    for index in 0..total {
        let page = pages.page(index, limits, budget)?;
        let kept = keep(&page, wanted);
        conforming &= kept.as_ref().is_some_and(|coded| {
            coded.whole && wanted.has_fields(&page) && page_conforms(&page, coded, index, total)
        });
        let before = writer.out.len();
        match kept {
            Some(coded) => writer.keep_page(&page, &coded),
            None => writer.code_page(&page, limits, budget, losses)?,
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
fn keep<'a>(page: &Page<'a>, wanted: Wanted) -> Option<Coded<'a>> {
    let fit = wanted.fit(page);
    if fit.scaled.is_some() || fit.width != page.width || wanted.turned(page) != 1 {
        return None;
    }
    let coded = page.pass_through(wanted.keep).ok()?;
    // RFC 2306 3.8.6: MMR data ends with an EOFB.
    let complete = coded.scheme != Scheme::T6 || coded.end_of_block;
    (complete && !coded.inverted && wanted.accept.takes(coded.scheme)).then_some(coded)
}

/// The fields of profile S, each with a value of its own or of its default (RFC 3949 2.2.1, 3.2).
const S_FIELDS: [u16; 16] = [
    tag::NEW_SUBFILE_TYPE,
    tag::IMAGE_WIDTH,
    tag::IMAGE_LENGTH,
    tag::BITS_PER_SAMPLE,
    tag::COMPRESSION,
    tag::PHOTOMETRIC_INTERPRETATION,
    tag::FILL_ORDER,
    tag::STRIP_OFFSETS,
    tag::SAMPLES_PER_PIXEL,
    tag::ROWS_PER_STRIP,
    tag::STRIP_BYTE_COUNTS,
    tag::X_RESOLUTION,
    tag::Y_RESOLUTION,
    tag::T4_OPTIONS,
    tag::RESOLUTION_UNIT,
    tag::PAGE_NUMBER,
];

impl Wanted {
    /// Whether the parts of a file are in the order of profile S: header, then for each page its directory, the two
    /// resolutions and the strip (RFC 3949 3.5).
    fn has_order(self, document: &Document<'_>) -> bool {
        let Document::Tiff(tiff, _) = document else { return false };
        self.profile == Profile::F
            || (tiff.order == ByteOrder::Little && tiff.first_ifd == 8 && in_order(tiff))
    }

    /// Whether a page has the fields and values of profile S that profile F leaves open.
    fn has_fields(self, page: &Page<'_>) -> bool {
        let facts = &page.facts;
        self.profile == Profile::F
            || (facts.tags.iter().all(|tag| S_FIELDS.contains(tag))
                && facts.fill_order == Some(2)
                && facts.width == S_WIDTH
                && facts.rows_per_strip == Some(facts.length)
                && self.profile.has(page.resolution))
    }
}

fn in_order(tiff: &Tiff<'_>) -> bool {
    let mut behind = 8;
    tiff.directories.iter().all(|directory| {
        let facts = super::page::facts(tiff, directory);
        let values = facts.fields.iter().filter_map(|field| field.offset);
        let beside = values.eq([facts.ifd_end, facts.ifd_end + 8]);
        let strip = facts.data.unwrap_or_default();
        let right = beside && facts.ifd_offset >= behind && strip.start >= facts.ifd_end + 16;
        behind = strip.end;
        right
    })
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

/// The file so far.
struct Writer {
    out: Vec<u8>,
    wanted: Wanted,
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
    fn new(total: usize, wanted: Wanted) -> Self {
        // The offset of the first directory is set by the first page.
        Writer { out: b"II*\0\0\0\0\0".to_vec(), wanted, total, pages: 0, link: 4 }
    }

    fn keep_page(&mut self, page: &Page<'_>, coded: &Coded<'_>) {
        let (compression, options) = match coded.scheme {
            Scheme::T6 => (4, 0),
            Scheme::Rle => (2, 0),
            Scheme::T4 { two_dimensional } => {
                (3, u32::from(two_dimensional) | if coded.aligned { 4 } else { 0 })
            }
        };
        let reversed = page.reversed || self.wanted.profile == Profile::S;
        let data = if reversed { Cow::Owned(reverse_bits(&coded.data)) } else { Cow::Borrowed(&*coded.data) };
        let strip = Strip {
            compression,
            options,
            fill_order: if reversed { 2 } else { 1 },
            fit: self.wanted.fit(page),
            rows: coded.rows,
            orientation: page.orientation,
        };
        self.page(&strip, &data);
    }

    fn code_page(
        &mut self,
        page: &Page<'_>,
        limits: &Limits,
        budget: &mut Budget,
        losses: &mut Vec<String>,
    ) -> Result<(), MediaError> {
        let turned = self.wanted.turned(page);
        let decoded = page.decode(limits, budget, losses)?;
        let (mut bitmap, resolution) = shown(decoded, page.resolution, turned);
        let fit = Fit::of(self.wanted.profile, bitmap.width(), resolution);
        let before = (bitmap.width(), bitmap.rows());
        bitmap = fit.apply(bitmap, limits, budget)?;
        if let Some(loss) = loss(before, resolution, &fit, bitmap.rows()) {
            note(losses, format!("page {}: {loss}", page.number));
        }
        let target = self.wanted.accept.target(page.storage, fit.resolution);
        let (compression, options) = match target {
            Target::Mh { aligned } => (3, if aligned { 4 } else { 0 }),
            Target::Mr { .. } => (3, 1),
            Target::Mmr => (4, 0),
        };
        let rows = u32::try_from(bitmap.rows()).unwrap_or(u32::MAX);
        budget.check()?;
        let data = reverse_bits(&encode_page(&bitmap, target));
        let orientation = if turned == 1 { page.orientation } else { 1 };
        let strip = Strip { compression, options, fill_order: 2, fit, rows, orientation };
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

/// What becomes of the columns, rows and size on paper of a page, in words.
fn loss(before: (u32, usize), old: Resolution, fit: &Fit, rows: usize) -> Option<String> {
    let dpi = |r: Resolution| format!("{:.0} x {:.0} dpi", r.x, r.y);
    let mut losses = Vec::new();
    if let Some((columns, _)) = fit.scaled {
        let (from, to) = (dpi(old), dpi(fit.resolution));
        losses
            .push(format!("{} x {} dots at {from} scaled to {columns} x {rows} at {to}", before.0, before.1));
    } else if old.legal().is_none() {
        losses.push(format!("{} written as {}", dpi(old), dpi(fit.resolution)));
    }
    let columns = fit.scaled.map_or(before.0, |(columns, _)| columns);
    if columns != fit.width {
        losses.push(format!("widened from {columns} to {} columns with white", fit.width));
    }
    (!losses.is_empty()).then(|| losses.join("; "))
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
