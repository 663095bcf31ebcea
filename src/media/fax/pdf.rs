//! Writing PDF (ISO 32000-1) with one image a page.
//!
//! CCITT data that every reader takes alike goes into the PDF as it is, under a CCITTFaxDecode filter with the
//! parameters its scan has proven ([`Page::pass_through`]): EndOfLine is true only where every line has an EOL,
//! EncodedByteAlign only for Compression 2 (zeros before an EOL are fill, and readers differ on both together),
//! Rows and Columns are always written, and EndOfBlock says whether an EOFB is there. Everything else is
//! decoded and coded as MMR.
//!
//! Pages have their true size (both resolutions), so they do not look squashed. The bytes depend on the input
//! only: no dates, no random identifiers. `archive` adds what PDF/A asks for.

use super::MediaError;
use super::archive::{self, Identifier};
use super::ccitt::{Scheme, Target, encode_page};
use super::document::Document;
use super::page::{Coded, Keep, Page, note};
use crate::limits::{Budget, Limits};
use pdf_writer::{Content, Filter, Finish, Name, Pdf, Rect, Ref};
use std::borrow::Cow;

/// Objects of one page: page, image, content.
const OBJECTS_PER_PAGE: i32 = 3;
/// Catalog, page tree, document information, metadata, colour profile.
const FIRST_PAGE_OBJECT: i32 = 6;
/// Octets of a page besides its image, roughly (objects, cross-reference entries).
const PAGE_OVERHEAD: usize = 700;

/// Converts all pages.
pub(super) fn convert(
    source: &Document<'_>,
    keep: Keep,
    limits: &Limits,
    budget: &mut Budget,
    losses: &mut Vec<String>,
) -> Result<Vec<u8>, MediaError> {
    // As long as the coded data goes in as it is; more is made room for when it is there.
    let mut pdf = Writer::new(source.octets() + archive::OVERHEAD + source.pages() * PAGE_OVERHEAD);
    budget.output(archive::OVERHEAD)?;
    let mut pages = source.reader();
    for index in 0..source.pages() {
        let page = pages.page(index, limits, budget)?;
        let image = match page.pass_through(keep) {
            Ok(coded) => coded,
            Err(_) => code_page(&page, limits, budget, losses)?,
        };
        budget.output(image.data.len() + PAGE_OVERHEAD)?;
        pdf.page(&page, &image);
    }
    source.defects().iter().for_each(|defect| note(losses, defect.clone()));
    Ok(pdf.finish())
}

fn code_page<'a>(
    page: &Page<'a>,
    limits: &Limits,
    budget: &mut Budget,
    losses: &mut Vec<String>,
) -> Result<Coded<'a>, MediaError> {
    let bitmap = page.decode(limits, budget, losses)?;
    budget.check()?;
    Ok(Coded {
        width: bitmap.width(),
        rows: u32::try_from(bitmap.rows()).unwrap_or(u32::MAX),
        data: Cow::Owned(encode_page(&bitmap, Target::Mmr)),
        scheme: Scheme::T6,
        end_of_block: true,
        aligned: false,
        whole: false,
        inverted: false,
    })
}

struct Writer {
    pdf: Pdf,
    pages: Vec<Ref>,
    identifier: Identifier,
}

impl Writer {
    fn new(octets: usize) -> Self {
        Writer { pdf: Pdf::with_capacity(octets), pages: Vec::new(), identifier: Identifier::new() }
    }

    const TREE: Ref = Ref::new(2);
    const OBJECTS: archive::Objects = archive::Objects {
        catalog: Ref::new(1),
        tree: Self::TREE,
        information: Ref::new(3),
        metadata: Ref::new(4),
        profile: Ref::new(5),
    };

    fn page(&mut self, page: &Page<'_>, coded: &Coded<'_>) {
        // At most limits.fax_pages pages: far below the range of object numbers.
        let first = FIRST_PAGE_OBJECT + OBJECTS_PER_PAGE * i32::try_from(self.pages.len()).unwrap_or(0);
        let (page_ref, image_ref, content_ref) = (Ref::new(first), Ref::new(first + 1), Ref::new(first + 2));
        let width = points(coded.width, page.resolution.x);
        let height = points(coded.rows, page.resolution.y);
        let (mirrored, rotation) = orientation(page.orientation);

        let mut out = self.pdf.page(page_ref);
        out.parent(Self::TREE).media_box(Rect::new(0.0, 0.0, width, height)).contents(content_ref);
        if rotation != 0 {
            out.rotate(rotation);
        }
        out.resources().x_objects().pair(Name(b"F"), image_ref);
        out.finish();

        let mut content = Content::new();
        let matrix = if mirrored {
            [-width, 0.0, 0.0, height, width, 0.0]
        } else {
            [width, 0.0, 0.0, height, 0.0, 0.0]
        };
        content.transform(matrix).x_object(Name(b"F"));
        self.pdf.stream(content_ref, &content.finish());
        self.image(image_ref, coded);
        self.identifier.add(&coded.data);
        self.identifier.add(format!("{width} {height} {mirrored} {rotation} {}", coded.inverted).as_bytes());
        self.pages.push(page_ref);
    }

    fn image(&mut self, id: Ref, coded: &Coded<'_>) {
        // Both are below the limits of a page, far below this range.
        let columns = i32::try_from(coded.width).unwrap_or(i32::MAX);
        let rows = i32::try_from(coded.rows).unwrap_or(i32::MAX);
        let mut image = self.pdf.image_xobject(id, &coded.data);
        image.width(columns).height(rows).bits_per_component(1).color_space().device_gray();
        image.filter(Filter::CcittFaxDecode);
        let mut parameters = image.decode_parms();
        match coded.scheme {
            Scheme::T6 => parameters.k(-1).end_of_block(coded.end_of_block),
            // K > 0: one- and two-dimensional lines mixed; the number itself means nothing to a reader.
            Scheme::T4 { two_dimensional } => {
                // A damaged line between two EOLs is to be shown, not to end the page.
                let damaged = rows;
                let k = if two_dimensional { 4 } else { 0 };
                parameters.k(k).end_of_line(true).end_of_block(false).damaged_rows_before_error(damaged)
            }
            Scheme::Rle => parameters.k(0).encoded_byte_align(true).end_of_block(false),
        };
        parameters.columns(columns).rows(rows);
        if coded.inverted {
            parameters.black_is_1(true);
        }
    }

    fn finish(mut self) -> Vec<u8> {
        let count = i32::try_from(self.pages.len()).unwrap_or(i32::MAX);
        self.pdf.pages(Self::TREE).kids(self.pages.iter().copied()).count(count);
        archive::write(&mut self.pdf, &Self::OBJECTS, &self.identifier);
        self.pdf.finish()
    }
}

/// Pixels on paper, less up to 1.5 thousandths of a point: readers round pages up to whole pixels, and a hair
/// too much would make a row of its own.
fn points(pixels: u32, resolution: f64) -> f32 {
    ((f64::from(pixels) * 72_000.0 / resolution - 0.5).floor() / 1000.0) as f32
}

/// TIFF Orientation as a mirroring at the vertical axis followed by a clockwise rotation.
fn orientation(value: u16) -> (bool, i32) {
    match value {
        2 => (true, 0),
        3 => (false, 180),
        4 => (true, 180),
        5 => (true, 270),
        6 => (false, 90),
        7 => (true, 90),
        8 => (false, 270),
        _ => (false, 0),
    }
}
