//! Fax bodies: TIFF with CCITT coded pages, PDF, pictures and plain text in; TIFF-F, PDF, PNG or bitmaps out.
//!
//! | file | subject |
//! | --- | --- |
//! | `document` | what the writers ask for pages, whatever they came in |
//! | `sheet` | the page that documents without fax dots are drawn on |
//! | `picture`, `grey_tiff` | PNG, JPEG, GIF, BMP, grey and colour TIFF as pages |
//! | `pdf_in`, `text` | PDF and plain text as pages |
//! | `raster`, `scale`, `halftone` | outlines to pixels, area averaging, grey to black and white |
//! | `tiff` | directories and fields, as written |
//! | `page`, `strips`, `pixels` | what a directory says of a page; its strips; its pixels |
//! | `coded` | what the coded data shows, whatever the tags say |
//! | `geometry` | resolutions, sizes on paper, legal sizes of TIFF-F |
//! | `ccitt` | MH, MR, MMR: scanning, decoding, coding |
//! | `bitmap` | packed rows |
//! | `pdf`, `tiff_f`, `png_page`, this file (PBM) | writers |
//! | `archive` | what makes the PDF one for archives |
//! | `fit`, `turn` | the size pages of TIFF-F are written with; pages put upright |
//! | `thumbnail` | pages reduced to grey |
//! | `sniff` | containers by their first octets |
//!
//! Coded data is passed through without decoding where that is safe; see `page::Page::pass_through`. The work
//! is bounded by [`Limits`] and the [`Budget`]; a page in work needs its bitmap and its output, no more.

mod archive;
mod bitmap;
mod ccitt;
mod coded;
mod document;
mod fit;
mod geometry;
mod grey_tiff;
mod halftone;
mod page;
mod pdf;
mod pdf_in;
mod picture;
mod pixels;
mod png_page;
mod raster;
mod scale;
mod sheet;
mod sniff;
mod strips;
mod text;
mod thumbnail;
mod tiff;
mod tiff_f;
mod turn;

use super::{Facts, MediaError, Output, Report};
use crate::limits::{Budget, Limits};
use document::Document;
use mime::Mime;
use page::note;
use serde::{Deserialize, Serialize};

/// What the bytes of a fax body are.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct FaxFacts {
    /// Container found: `tiff`, `pdf`, `jpeg`, `png`, `gif`, `bmp`, `text`, `bigtiff`; `pbm` for our output.
    pub container: String,
    /// `II` or `MM` for TIFF.
    pub byte_order: Option<String>,
    /// Offset of the first image file directory.
    pub first_ifd_offset: Option<u64>,
    /// One entry a page (image file directory), in order.
    pub pages: Vec<PageFacts>,
    /// Pages, where known; of a PDF that is only inspected, those that can be counted without reading it.
    pub page_count: Option<u32>,
    /// Damage that was read around, in words.
    pub defects: Vec<String>,
    /// Octets of the file.
    #[serde(default)]
    pub octets: u64,
    /// The chain of directories comes back to itself.
    #[serde(default)]
    pub endless: bool,
    /// The chain of directories points to this offset, where there is none.
    #[serde(default)]
    pub lost_ifd: Option<u64>,
    /// Only for the output of a conversion: it is the input byte for byte, because that already is what was
    /// asked for. The part can be left alone.
    #[serde(default)]
    pub unchanged: bool,
}

/// The fields of one page as written, `None` where absent (TIFF 6.0, RFC 2306, RFC 3949).
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[allow(missing_docs)]
pub struct PageFacts {
    pub width: u32,
    pub length: u32,
    /// TIFF Compression value: 2 MH without EOL, 3 MH or MR (T.4), 4 MMR (T.6), others as found.
    pub compression: Option<u16>,
    /// `MH`, `MR`, `MMR`, `none`, `JPEG`, `JBIG`...
    pub coding: String,
    pub bits_per_sample: Vec<u16>,
    pub samples_per_pixel: Option<u16>,
    pub photometric: Option<u16>,
    pub fill_order: Option<u16>,
    pub strips: u32,
    pub rows_per_strip: Option<u32>,
    pub x_resolution: Option<f64>,
    pub y_resolution: Option<f64>,
    /// 1 none, 2 inch, 3 cm.
    pub resolution_unit: Option<u16>,
    pub t4_options: Option<u32>,
    pub t6_options: Option<u32>,
    pub new_subfile_type: Option<u32>,
    pub page_number: Option<[u16; 2]>,
    pub orientation: Option<u16>,
    pub tiled: bool,
    /// Tag numbers present, in the order found.
    pub tags: Vec<u16>,
    /// XResolution as a RATIONAL; the denominator may be 0.
    pub x_rational: Option<[u32; 2]>,
    /// YResolution as a RATIONAL.
    pub y_rational: Option<[u32; 2]>,
    /// Offset of the directory; before `first_strip_offset` if directories precede their data.
    pub ifd_offset: u64,
    pub first_strip_offset: Option<u64>,
    /// Values in StripByteCounts.
    pub strip_byte_counts: Option<u32>,
    /// The first of them.
    pub first_strip_bytes: Option<u64>,
    /// Lines the receiving fax found damaged (RFC 2306 3.4).
    pub bad_fax_lines: Option<u32>,
    /// 0 no damaged lines, 1 replaced by the receiver, 2 still in the data (RFC 2306 3.4).
    pub clean_fax_data: Option<u16>,
    /// Most damaged lines that follow each other (RFC 2306 3.4).
    pub consecutive_bad_fax_lines: Option<u32>,
    /// FaxProfile (RFC 3949 4.3): 1 is S, 2 is F.
    pub fax_profile: Option<u16>,
    /// All fields, in the order found.
    pub fields: Vec<FieldFacts>,
    /// Offset behind the directory.
    pub ifd_end: u64,
    /// Where the strips are, as claimed; `None` without StripOffsets.
    pub data: Option<DataFacts>,
    /// What the coded data shows; only from [`inspect`], and only for MH, MR and MMR.
    pub coded: Option<CodedFacts>,
}

/// One field of a directory.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FieldFacts {
    /// Its number.
    pub tag: u16,
    /// Type of its values: 3 SHORT, 4 LONG, 5 RATIONAL...
    pub kind: u16,
    /// Number of its values, as claimed.
    pub count: u32,
    /// Where its values are, if they are not in the directory.
    pub offset: Option<u64>,
    /// Octets of its values, as claimed.
    pub octets: u64,
}

/// Where the strips of a page are, as StripOffsets and StripByteCounts say.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DataFacts {
    /// Lowest offset.
    pub start: u64,
    /// Offset behind the strip that ends last.
    pub end: u64,
    /// The strips follow each other in the file.
    pub rising: bool,
}

/// What the coded data of a page shows, of all its strips together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CodedFacts {
    /// Lines in the data; where it is damaged, those found of ImageLength lines.
    pub lines: u32,
    /// Lines with coding errors.
    pub damaged: u32,
    /// The data is of another coding than Compression and T4Options say, or has no EOLs.
    pub mislabelled: bool,
    /// The width at which every line is right, where it is not ImageWidth.
    pub true_width: Option<u32>,
    /// T.4 data begins with an EOL.
    pub eol_at_start: bool,
    /// The first line of MR data is marked as coded in one dimension.
    pub first_line_coded_alone: bool,
    /// Lines without an EOL before them.
    pub eols_missing: u32,
    /// EOLs end the data, but no RTC.
    pub eol_at_end: bool,
    /// Every EOL ends on an octet boundary.
    pub aligned: bool,
    /// The data ends with an RTC (six EOLs, T.4 4.1.4).
    pub rtc: bool,
    /// T.6 data ends with an EOFB.
    pub eofb: bool,
    /// Octets that are not zero behind the RTC or EOFB.
    pub octets_behind_end: u32,
}

impl CodedFacts {
    /// Every line is right, and there are as many as ImageLength says, or more.
    fn sound(&self, length: u32) -> bool {
        self.damaged == 0 && !self.mislabelled && self.true_width.is_none() && self.lines >= length
    }

    /// There is nothing in the data but these lines, with an EOL before each in T.4, and what may end them.
    fn plain(&self, page: &PageFacts) -> bool {
        let marked =
            self.eol_at_start && self.first_line_coded_alone && self.eols_missing == 0 && !self.eol_at_end;
        self.lines == page.length && self.octets_behind_end == 0 && (marked || page.compression == Some(4))
    }
}

/// True for bytes that this module should read rather than the audio side.
pub fn recognises(declared: &Mime, input: &[u8]) -> bool {
    declared.type_() == mime::IMAGE
        || matches!(declared.essence_str(), "application/pdf" | "text/plain")
        || input.starts_with(b"II*\0")
        || input.starts_with(b"MM\0*")
        || input.starts_with(b"%PDF-")
}

/// Says what the bytes are: fields, and what a look at the coded data shows. Takes nothing from the budget;
/// the work grows with the octets of the input.
pub fn inspect(
    declared: &Mime,
    input: &[u8],
    limits: &Limits,
    budget: &mut Budget,
) -> Result<FaxFacts, MediaError> {
    match sniff::body(declared, input) {
        Some("tiff") => {
            let tiff = tiff::Tiff::parse(input, limits, budget)?;
            let mut facts = tiff_facts(&tiff);
            let mut left = coded::Allowance::new(input.len(), limits);
            for (directory, page) in tiff.directories.iter().zip(&mut facts.pages) {
                page.coded = coded::examine(&tiff, directory, page, limits, budget, &mut left);
            }
            Ok(facts)
        }
        Some(container) => Ok(FaxFacts {
            page_count: if container == "pdf" { sniff::pdf_pages(input) } else { None },
            ..FaxFacts::named(container)
        }),
        None => Err(MediaError::malformed("fax", "neither TIFF nor another format that is known")),
    }
}

/// Converts a fax body to the media type `target`:
///
/// - `image/tiff` (TIFF-F; the parameter `compression` is `mh`, `mr`, `mmr` or `any`; with `profile=s` the file is of
///   profile S exactly, RFC 3949 3),
/// - `application/pdf`; a PDF is left as it is,
/// - `image/png`: the page that the parameter `page` says, the first without it,
/// - `image/x-portable-bitmap`.
///
/// Coded data that TIFF-F or PDF can take is kept: T.4 data where its EOLs are right, T.6 data where it decodes to all
/// its rows (that of a PDF as it is). With `coded=anew` none is kept; `coded=surveyed` says that every line was seen to
/// be right, see [`FaxFacts::keep`].
///
/// PDF, text and pictures are drawn at 204 x 196 dots to the inch, or at what the parameter `resolution` says
/// (`204x98`, `300x300`: the resolutions of TIFF-F).
pub fn convert(
    declared: &Mime,
    target: &Mime,
    input: &[u8],
    limits: &Limits,
    budget: &mut Budget,
) -> Result<Output, MediaError> {
    let container = sniff::body(declared, input);
    if container.is_none() && declared.essence_str() != "image/tiff" {
        let (from, to) = (declared.essence_str(), target.essence_str());
        return Err(MediaError::Unsupported(format!("{from} to {to}")));
    }
    if container == Some("pdf") && target.essence_str() == "application/pdf" {
        let facts = inspect(declared, input, limits, budget)?;
        let output = Some(Facts::Fax(FaxFacts { unchanged: true, ..facts.clone() }));
        budget.output(input.len())?;
        let report = Report { facts: Facts::Fax(facts), output, losses: Vec::new() };
        return Ok(Output { bytes: input.to_vec(), report });
    }
    let document = Document::parse(declared, input, sheet::Sheet::of(target)?, limits, budget)?;
    if let Document::Tiff(tiff, _) = &document
        && tiff.endless
    {
        return Err(MediaError::malformed("tiff", "the chain of directories comes back to itself"));
    }
    let facts = document_facts(&document, input);
    let mut losses = Vec::new();
    let (bytes, output) = match target.essence_str() {
        "application/pdf" => (
            pdf::convert(&document, page::Keep::of(target)?, limits, budget, &mut losses)?,
            FaxFacts::of("pdf", &facts),
        ),
        "image/x-portable-bitmap" => {
            (pbm(&document, limits, budget, &mut losses)?, FaxFacts::of("pbm", &facts))
        }
        "image/png" => {
            let png = png_page::convert(&document, target, limits, budget, &mut losses)?;
            (png, FaxFacts { page_count: Some(1), ..FaxFacts::named("png") })
        }
        "image/tiff" => {
            let wanted = tiff_f::Wanted::of(target)?;
            match tiff_f::convert(&document, wanted, limits, budget, &mut losses)? {
                Some(bytes) => {
                    let output = tiff_facts(&tiff::Tiff::parse(&bytes, limits, budget)?);
                    (bytes, output)
                }
                None => (input.to_vec(), FaxFacts { unchanged: true, ..facts.clone() }),
            }
        }
        other => return Err(MediaError::Unsupported(format!("{} to {other}", facts.container))),
    };
    let report = Report { facts: Facts::Fax(facts), output: Some(Facts::Fax(output)), losses };
    Ok(Output { bytes, report })
}

/// The first pages reduced to a size for a report, as binary PGM one behind the other. A page that cannot be
/// shown is left out and named in the losses.
pub fn preview(
    declared: &Mime,
    input: &[u8],
    limits: &Limits,
    budget: &mut Budget,
) -> Result<Output, MediaError> {
    let document = Document::parse(declared, input, sheet::Sheet::default(), limits, budget)?;
    let (mut bytes, mut losses) = (Vec::new(), Vec::new());
    let mut pages = document.reader();
    for index in 0..document.pages().min(super::preview::PAGES) {
        let page = pages.page(index, limits, budget);
        let shown = page.and_then(|page| {
            let decoded = page.decode(limits, budget, &mut losses)?;
            let (bitmap, resolution) = turn::shown(decoded, page.resolution, page.orientation);
            thumbnail::of(&bitmap, resolution, budget)
        });
        match shown {
            Ok(thumbnail) => {
                let picture = super::preview::pgm(&thumbnail);
                budget.output(picture.len())?;
                bytes.extend_from_slice(&picture);
            }
            Err(MediaError::Limit(limit)) => return Err(limit.into()),
            Err(error) => note(&mut losses, format!("page {} is not shown: {error}", index + 1)),
        }
    }
    let report = Report { facts: Facts::Fax(document_facts(&document, input)), output: None, losses };
    Ok(Output { bytes, report })
}

/// Facts of a document whose pages are asked for.
fn document_facts(document: &Document<'_>, input: &[u8]) -> FaxFacts {
    let counted = |container: &str| FaxFacts {
        page_count: u32::try_from(document.pages()).ok(),
        defects: document.defects().to_vec(),
        octets: input.len() as u64,
        ..FaxFacts::named(container)
    };
    match document {
        Document::Tiff(tiff, _) => tiff_facts(tiff),
        Document::Picture(_) => counted(sniff::container(input).unwrap_or("picture")),
        Document::Pdf(_) => counted("pdf"),
        Document::Text(_) => counted("text"),
    }
}

/// All pages as binary PBM (P4), one behind the other, as seen on paper.
fn pbm(
    document: &Document<'_>,
    limits: &Limits,
    budget: &mut Budget,
    losses: &mut Vec<String>,
) -> Result<Vec<u8>, MediaError> {
    let mut out = Vec::new();
    let mut pages = document.reader();
    for index in 0..document.pages() {
        let page = pages.page(index, limits, budget)?;
        let decoded = page.decode(limits, budget, losses)?;
        let (bitmap, _) = turn::shown(decoded, page.resolution, page.orientation);
        let header = format!("P4\n{} {}\n", bitmap.width(), bitmap.rows());
        budget.output(header.len() + bitmap.data().len())?;
        out.extend_from_slice(header.as_bytes());
        out.extend_from_slice(bitmap.data());
    }
    document.defects().iter().for_each(|defect| note(losses, defect.clone()));
    Ok(out)
}

fn tiff_facts(tiff: &tiff::Tiff<'_>) -> FaxFacts {
    let order = match tiff.order {
        tiff::ByteOrder::Little => "II",
        tiff::ByteOrder::Big => "MM",
    };
    FaxFacts {
        byte_order: Some(order.to_owned()),
        first_ifd_offset: Some(tiff.first_ifd.into()),
        pages: tiff.directories.iter().map(|directory| page::facts(tiff, directory)).collect(),
        page_count: u32::try_from(tiff.directories.len()).ok(),
        defects: tiff.defects.clone(),
        octets: tiff.bytes.len() as u64,
        endless: tiff.endless,
        lost_ifd: tiff.lost.map(u64::from),
        ..FaxFacts::named("tiff")
    }
}

impl FaxFacts {
    /// What a conversion is to do with its coded data: the value of the parameter `coded` of [`convert`]. `surveyed`
    /// where every line was seen to be right, `anew` where one was seen not to be, `None` where that is not known.
    pub fn keep(&self) -> Option<&'static str> {
        let coded = || self.pages.iter().filter(|page| matches!(page.compression, Some(3 | 4)));
        if coded().any(|page| page.coded.is_some_and(|coded| !coded.sound(page.length))) {
            return Some("anew");
        }
        let plain = |page: &PageFacts| page.coded.is_some_and(|coded| coded.plain(page));
        (coded().next().is_some() && coded().all(plain)).then_some("surveyed")
    }

    fn named(container: &str) -> Self {
        FaxFacts { container: container.to_owned(), ..FaxFacts::default() }
    }

    /// Facts of an output with as many pages as the input.
    fn of(container: &str, input: &FaxFacts) -> Self {
        FaxFacts { page_count: input.page_count, ..Self::named(container) }
    }
}
