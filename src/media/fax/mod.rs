//! Fax bodies: TIFF with CCITT coded pages in, PDF, TIFF-F or bitmaps out.

use super::{MediaError, Output};
use crate::limits::{Budget, Limits};
use mime::Mime;
use serde::{Deserialize, Serialize};

/// What the bytes of a fax body are.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FaxFacts {
    /// Container found: `tiff`, `pdf`.
    pub container: String,
    /// `II` or `MM` for TIFF.
    pub byte_order: Option<String>,
    /// Offset of the first image file directory.
    pub first_ifd_offset: Option<u64>,
    /// One entry a page (image file directory), in order.
    pub pages: Vec<PageFacts>,
    /// Pages of a container that is recognised but not read (PDF), where known.
    pub page_count: Option<u32>,
    /// Damage that was read around, in words.
    pub defects: Vec<String>,
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
}

/// True for bytes that this module should read rather than the audio side.
pub fn recognises(declared: &Mime, input: &[u8]) -> bool {
    declared.type_() == mime::IMAGE
        || declared.essence_str() == "application/pdf"
        || input.starts_with(b"II*\0")
        || input.starts_with(b"MM\0*")
        || input.starts_with(b"%PDF-")
}

/// Says what the bytes are.
pub fn inspect(
    _declared: &Mime,
    _input: &[u8],
    _limits: &Limits,
    _budget: &mut Budget,
) -> Result<FaxFacts, MediaError> {
    Err(MediaError::Unsupported("fax".into()))
}

/// Converts a fax body to the media type `target`.
pub fn convert(
    _declared: &Mime,
    _target: &Mime,
    _input: &[u8],
    _limits: &Limits,
    _budget: &mut Budget,
) -> Result<Output, MediaError> {
    Err(MediaError::Unsupported("fax".into()))
}
