//! A document that becomes fax pages, whatever it came in: the writers ask it for one page after the other.

use super::MediaError;
use super::page::Page;
use super::picture::{self, Drawn};
use super::sniff;
use super::tiff::Tiff;
use crate::limits::{Budget, Limits};

/// A document of at least one page.
pub(super) enum Document<'a> {
    /// Coded pages.
    Tiff(Tiff<'a>),
    /// One picture, drawn as a page.
    Picture(Drawn),
}

impl<'a> Document<'a> {
    /// Reads what is needed to know the pages.
    pub fn parse(input: &'a [u8], limits: &Limits, budget: &mut Budget) -> Result<Self, MediaError> {
        match sniff::container(input) {
            // What has no mark was called image/tiff by its sender.
            None | Some("tiff") => Tiff::parse(input, limits, budget).map(Document::Tiff),
            Some(container) if picture::reads(container) => {
                picture::draw(input, container, limits, budget).map(Document::Picture)
            }
            Some(container) => Err(MediaError::Unsupported(format!("pages of {container}"))),
        }
    }

    /// Its pages.
    pub fn pages(&self) -> usize {
        match self {
            Document::Tiff(tiff) => tiff.directories.len(),
            Document::Picture(_) => 1,
        }
    }

    /// Damage that was read around.
    pub fn defects(&self) -> &[String] {
        match self {
            Document::Tiff(tiff) => &tiff.defects,
            Document::Picture(_) => &[],
        }
    }

    /// Opens the page at `index` and takes it from the budget.
    pub fn page(&self, index: usize, limits: &Limits, budget: &mut Budget) -> Result<Page<'_>, MediaError> {
        match self {
            Document::Tiff(tiff) => match tiff.directories.get(index) {
                Some(directory) => Page::open(tiff, directory, index, limits, budget),
                None => Err(MediaError::malformed("tiff", format!("no page {}", index + 1))),
            },
            Document::Picture(drawn) => {
                budget.page(drawn.pixels())?;
                Ok(Page::drawn(index, drawn))
            }
        }
    }
}
