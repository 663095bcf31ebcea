//! A document that becomes fax pages, whatever it came in: the writers ask it for one page after the other.

use super::MediaError;
use super::page::Page;
use super::picture::{self, Drawn};
use super::sheet::Sheet;
use super::text::Text;
use super::tiff::{Directory, Tiff};
use super::{grey_tiff, pdf_in, sniff};
use crate::limits::{Budget, Limits};
use mime::Mime;
use std::borrow::Cow;

/// A document of at least one page.
pub(super) enum Document<'a> {
    /// Coded pages, and pictures among them.
    Tiff(Tiff<'a>, Sheet),
    /// One picture, drawn as a page.
    Picture(Drawn),
    /// Pages that are drawn when they are asked for.
    Pdf(Box<pdf_in::Source>),
    /// Plain text.
    Text(Text),
}

impl<'a> Document<'a> {
    /// Reads what is needed to know the pages. What is drawn is drawn on `sheet`.
    pub fn parse(
        declared: &Mime,
        input: &'a [u8],
        sheet: Sheet,
        limits: &Limits,
        budget: &mut Budget,
    ) -> Result<Self, MediaError> {
        match sniff::body(declared, input) {
            Some("text") => Text::open(input, declared, sheet, limits).map(Document::Text),
            // What has no mark was called image/tiff by its sender.
            None | Some("tiff") => {
                let mut tiff = Tiff::parse(input, limits, budget)?;
                tiff.skip_copies();
                Ok(Document::Tiff(tiff, sheet))
            }
            Some("pdf") => {
                pdf_in::Source::open(input, sheet, limits, budget).map(|pdf| Document::Pdf(Box::new(pdf)))
            }
            Some(container) if picture::reads(container) => {
                picture::draw(input, container, &sheet, limits, budget).map(Document::Picture)
            }
            Some("bigtiff") => Err(MediaError::Unsupported("BigTIFF: a fax has offsets of 32 bits".into())),
            Some(container) => Err(MediaError::Unsupported(format!("pages of {container}"))),
        }
    }

    /// Its pages.
    pub fn pages(&self) -> usize {
        match self {
            Document::Tiff(tiff, _) => tiff.directories.len(),
            Document::Picture(_) => 1,
            Document::Pdf(pdf) => pdf.pages(),
            Document::Text(text) => text.pages(),
        }
    }

    /// Octets of coded pages in the file.
    pub fn octets(&self) -> usize {
        match self {
            Document::Tiff(tiff, _) => tiff.bytes.len(),
            Document::Picture(_) | Document::Pdf(_) | Document::Text(_) => 0,
        }
    }

    /// Damage that was read around.
    pub fn defects(&self) -> &[String] {
        match self {
            Document::Tiff(tiff, _) => &tiff.defects,
            Document::Picture(_) | Document::Pdf(_) => &[],
            Document::Text(text) => text.defects(),
        }
    }

    /// What opens its pages.
    pub fn reader(&self) -> Reader<'_, 'a> {
        Reader { document: self, drawing: None }
    }
}

/// Opens one page of a document after the other, and keeps what is needed for more than one of them.
pub(super) struct Reader<'d, 'a> {
    document: &'d Document<'a>,
    drawing: Option<pdf_in::Drawing<'d>>,
}

impl<'d> Reader<'d, '_> {
    /// Opens the page at `index` and takes it from the budget.
    pub fn page(
        &mut self,
        index: usize,
        limits: &Limits,
        budget: &mut Budget,
    ) -> Result<Page<'d>, MediaError> {
        match self.document {
            Document::Tiff(tiff, sheet) => match tiff.directories.get(index) {
                Some(directory) => tiff_page(tiff, directory, sheet, index, limits, budget),
                None => Err(MediaError::malformed("tiff", format!("no page {}", index + 1))),
            },
            Document::Picture(drawn) => {
                budget.page(drawn.pixels())?;
                Ok(Page::drawn(index, Cow::Borrowed(drawn)))
            }
            Document::Pdf(pdf) => {
                self.drawing.get_or_insert_with(|| pdf.drawing()).page(index, limits, budget)
            }
            Document::Text(text) => {
                let drawn = text.page(index, limits, budget)?;
                Ok(Page::drawn(index, Cow::Owned(drawn)))
            }
        }
    }
}

fn tiff_page<'t>(
    tiff: &'t Tiff<'_>,
    directory: &Directory,
    sheet: &Sheet,
    index: usize,
    limits: &Limits,
    budget: &mut Budget,
) -> Result<Page<'t>, MediaError> {
    let facts = super::page::facts(tiff, directory);
    if !grey_tiff::reads(&facts) || super::page::is_packed(&facts) {
        return Page::open(tiff, directory, facts, index, limits, budget);
    }
    let drawn = grey_tiff::draw(tiff.bytes, &facts, directory.place, sheet, limits)?;
    budget.page(drawn.pixels())?;
    Ok(Page::drawn(index, Cow::Owned(drawn)))
}
