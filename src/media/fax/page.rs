//! One page of a TIFF: its facts, its size, its strips of coded data and the pixels in them.
//!
//! Missing fields get the defaults of TIFF 6.0, or what fax has always meant (PhotometricInterpretation 0).
//! Sizes are held against the limits before anything is allocated; StripOffsets and StripByteCounts only ever
//! select bytes that are there.

use super::ccitt::{self, Scheme};
use super::geometry::Resolution;
use super::picture::Drawn;
use super::strips;
use super::tiff::{Directory, Tiff, tag};
use super::{DataFacts, PageFacts};
use crate::limits::{Budget, Exceeded, Limits};
use crate::media::MediaError;
use mime::Mime;
use std::borrow::Cow;

/// How the pixels of a page are stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Storage {
    /// CCITT coding.
    Ccitt(Scheme),
    /// Compression 1: packed rows.
    Packed,
}

/// What becomes of coded data that the target takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Keep {
    /// Every line was seen to be right ([`FaxFacts::keep`](super::FaxFacts::keep)): it is kept, and only its ends are
    /// looked at.
    Surveyed,
    /// T.4 data is kept where its EOLs are right, T.6 data as it is.
    Trusted,
    /// The same, but T.6 data, in which one wrong bit spoils the rest of the page, only where it decodes to all its
    /// rows. T.4 data finds itself again at the next EOL.
    Checked,
    /// Every page is decoded and coded again, as right as it looks.
    Nothing,
}

impl Keep {
    /// Reads the parameter `coded` of the target type.
    pub fn of(target: &Mime) -> Result<Self, MediaError> {
        match target.get_param("coded").map(|value| value.as_str().to_ascii_lowercase()).as_deref() {
            None => Ok(Keep::Checked),
            Some("surveyed") => Ok(Keep::Surveyed),
            Some("anew") => Ok(Keep::Nothing),
            Some(other) => Err(MediaError::Unsupported(format!("coded={other}"))),
        }
    }
}

/// A page that can be converted.
#[derive(Debug)]
pub(super) struct Page<'a> {
    /// Position in the file, from 1, for messages.
    pub number: usize,
    pub width: u32,
    /// ImageLength, `None` where it is absent or 0: then the data says how long the page is.
    pub length: Option<u32>,
    pub rows_per_strip: u32,
    pub strips: Vec<&'a [u8]>,
    pub storage: Storage,
    /// FillOrder 2: the first bit of a byte is its lowest.
    pub reversed: bool,
    /// PhotometricInterpretation 1: black codes are white on paper.
    pub inverted: bool,
    pub resolution: Resolution,
    pub orientation: u16,
    /// Uncompressed mode announced in T4Options or T6Options.
    uncompressed_mode: bool,
    /// The receiving fax says that damaged lines are in the data (CleanFaxData 2, or BadFaxLines without a
    /// word on what became of them).
    damage_announced: bool,
    /// The pixels of a page that was not coded but drawn.
    pub drawn: Option<Cow<'a, Drawn>>,
    /// The fields of its directory as written; empty for a drawn page.
    pub facts: PageFacts,
    /// The fields stand in the order TIFF asks for.
    pub sorted: bool,
}

/// The fields of a directory as written.
pub(super) fn facts(tiff: &Tiff<'_>, directory: &Directory) -> PageFacts {
    let integer = |tag| tiff.first_integer(directory, tag);
    let short = |tag| tiff.first_short(directory, tag);
    let compression = short(tag::COMPRESSION);
    let t4_options = integer(tag::T4_OPTIONS);
    let list = |tag| {
        let field = directory.find(tag)?;
        // A fax has one sample; eight are enough to see that something is none.
        Some((0..field.count.min(8)).map_while(|index| tiff.integer(field, index)?.try_into().ok()).collect())
    };
    let page_number = directory.find(tag::PAGE_NUMBER).and_then(|field| {
        let value = |index| tiff.integer(field, index)?.try_into().ok();
        Some([value(0)?, value(1)?])
    });
    PageFacts {
        width: integer(tag::IMAGE_WIDTH).unwrap_or(0),
        length: integer(tag::IMAGE_LENGTH).unwrap_or(0),
        compression,
        coding: coding_name(compression, t4_options),
        bits_per_sample: list(tag::BITS_PER_SAMPLE).unwrap_or_default(),
        samples_per_pixel: short(tag::SAMPLES_PER_PIXEL),
        photometric: short(tag::PHOTOMETRIC_INTERPRETATION),
        fill_order: short(tag::FILL_ORDER),
        strips: directory.find(tag::STRIP_OFFSETS).map_or(0, |field| field.count),
        rows_per_strip: integer(tag::ROWS_PER_STRIP),
        x_resolution: tiff.real(directory, tag::X_RESOLUTION),
        y_resolution: tiff.real(directory, tag::Y_RESOLUTION),
        x_rational: tiff.rational(directory, tag::X_RESOLUTION),
        y_rational: tiff.rational(directory, tag::Y_RESOLUTION),
        resolution_unit: short(tag::RESOLUTION_UNIT),
        t4_options,
        t6_options: integer(tag::T6_OPTIONS),
        new_subfile_type: integer(tag::NEW_SUBFILE_TYPE),
        page_number,
        orientation: short(tag::ORIENTATION),
        tiled: directory.find(tag::TILE_OFFSETS).is_some(),
        tags: directory.fields.iter().map(|field| field.tag).collect(),
        fields: directory.fields.iter().map(|field| tiff.field_facts(field)).collect(),
        ifd_offset: directory.offset as u64,
        ifd_end: directory.end(),
        data: data_facts(tiff, directory),
        coded: None,
        fax_profile: short(tag::FAX_PROFILE),
        consecutive_bad_fax_lines: integer(tag::CONSECUTIVE_BAD_FAX_LINES),
        first_strip_offset: integer(tag::STRIP_OFFSETS).map(u64::from),
        strip_byte_counts: directory.find(tag::STRIP_BYTE_COUNTS).map(|field| field.count),
        first_strip_bytes: integer(tag::STRIP_BYTE_COUNTS).map(u64::from),
        bad_fax_lines: integer(tag::BAD_FAX_LINES),
        clean_fax_data: short(tag::CLEAN_FAX_DATA),
    }
}

/// Strips of a page whose places are looked at; a fax page has one.
const MAX_PLACES: u32 = 4_096;

/// Where the strips of a page are, as claimed. `None` without StripOffsets.
fn data_facts(tiff: &Tiff<'_>, directory: &Directory) -> Option<DataFacts> {
    let offsets = directory.find(tag::STRIP_OFFSETS)?;
    let counts = directory.find(tag::STRIP_BYTE_COUNTS);
    let mut places = (0..offsets.count.min(MAX_PLACES)).map_while(|index| {
        let start = u64::from(tiff.integer(offsets, index)?);
        let octets = counts.and_then(|field| tiff.integer(field, index)).unwrap_or(0);
        Some((start, start + u64::from(octets)))
    });
    let (start, end) = places.next()?;
    let (mut last, mut all) = (start, DataFacts { start, end, rising: true });
    for (start, end) in places {
        all.rising &= start > last;
        last = start;
        all.start = all.start.min(start);
        all.end = all.end.max(end);
    }
    Some(all)
}

/// The name of a coding (TIFF 6.0, RFC 3949 for JBIG and MRC).
fn coding_name(compression: Option<u16>, t4_options: Option<u32>) -> String {
    match compression {
        None | Some(1) => "none",
        Some(2) => "MH",
        Some(3) if t4_options.unwrap_or(0) & 1 == 0 => "MH",
        Some(3) => "MR",
        Some(4) => "MMR",
        Some(5) => "LZW",
        Some(6 | 7) => "JPEG",
        Some(8 | 32946) => "Deflate",
        Some(9) => "JBIG (T.85)",
        Some(10) => "JBIG (T.43)",
        Some(32771) => "MH",
        Some(32773) => "PackBits",
        Some(34661) => "JBIG (T.85)",
        Some(34715) => "JBIG2 (T.88)",
        Some(other) => return format!("compression {other}"),
    }
    .to_owned()
}

impl<'a> Page<'a> {
    /// Reads what is needed to convert the page `index` (with these `facts`) and takes it from the budget.
    pub fn open(
        tiff: &Tiff<'a>,
        directory: &Directory,
        facts: PageFacts,
        index: usize,
        limits: &Limits,
        budget: &mut Budget,
    ) -> Result<Self, MediaError> {
        let number = index + 1;
        let storage = storage(&facts, number)?;
        if facts.width == 0 {
            return Err(MediaError::malformed("tiff", format!("page {number} has no ImageWidth")));
        }
        if facts.width > limits.fax_width || facts.length > limits.fax_rows {
            return Err(Exceeded::PageSize.into());
        }
        let pixels = u64::from(facts.width) * u64::from(facts.length);
        if pixels > limits.page_pixels {
            return Err(Exceeded::PageSize.into());
        }
        let length = (facts.length > 0).then_some(facts.length);
        if length.is_some() {
            budget.page(pixels)?;
        }
        let rows_per_strip = facts.rows_per_strip.filter(|&rows| rows > 0).unwrap_or(u32::MAX);
        Ok(Page {
            number,
            width: facts.width,
            length,
            rows_per_strip,
            strips: strips::of(tiff, directory, length, rows_per_strip, limits)?,
            storage,
            reversed: facts.fill_order == Some(2),
            inverted: facts.photometric == Some(1),
            resolution: Resolution::of(&facts),
            orientation: facts.orientation.unwrap_or(1),
            uncompressed_mode: (facts.t4_options.unwrap_or(0) | facts.t6_options.unwrap_or(0)) & 2 != 0,
            damage_announced: match facts.clean_fax_data {
                Some(clean) => clean > 1,
                None => facts.bad_fax_lines.is_some_and(|lines| lines > 0),
            },
            drawn: None,
            sorted: directory.sorted(),
            facts,
        })
    }

    /// The page at `index` of a document that was drawn here.
    pub fn drawn(index: usize, drawn: Cow<'a, Drawn>) -> Self {
        let rows = u32::try_from(drawn.bitmap.rows()).unwrap_or(u32::MAX);
        let page = Page::coded(index, drawn.bitmap.width(), rows, drawn.resolution);
        Page { drawn: Some(drawn), ..page }
    }

    /// The page at `index` of a document that is no TIFF; its strips are for the caller to add.
    pub fn coded(index: usize, width: u32, rows: u32, resolution: Resolution) -> Self {
        Page {
            number: index + 1,
            width,
            length: Some(rows),
            rows_per_strip: u32::MAX,
            strips: Vec::new(),
            storage: Storage::Packed,
            reversed: false,
            inverted: false,
            resolution,
            orientation: 1,
            uncompressed_mode: false,
            damage_announced: false,
            drawn: None,
            facts: PageFacts::default(),
            sorted: false,
        }
    }

    /// The coded data of a strip with the first bit highest.
    pub fn upright(&self, strip: &'a [u8]) -> Cow<'a, [u8]> {
        if self.reversed { Cow::Owned(reverse_bits(strip)) } else { Cow::Borrowed(strip) }
    }

    /// All strips as one sequence of coded data, where the coding allows to join them: lines of T.4 data begin
    /// with an EOL, before which any number of zeros is fill; rows of Compression 2 begin at byte boundaries.
    /// Strips of T.6 data are pages of their own.
    fn joined(&self) -> Option<Cow<'a, [u8]>> {
        match (self.strips.as_slice(), self.storage) {
            (&[only], _) => Some(self.upright(only)),
            (many, Storage::Ccitt(Scheme::T4 { .. } | Scheme::Rle)) => {
                let mut all = Vec::with_capacity(many.iter().map(|strip| strip.len()).sum());
                many.iter().for_each(|strip| all.extend_from_slice(strip));
                Some(Cow::Owned(if self.reversed { reverse_bits(&all) } else { all }))
            }
            _ => None,
        }
    }

    /// The page as one strip of coded data that every reader takes alike, without painting it; or the reason
    /// why it has to be decoded. This trusts the codes between the EOLs; see [`ccitt::plain_t4`].
    pub fn pass_through(&self, keep: Keep) -> Result<Coded<'a>, &'static str> {
        if keep == Keep::Nothing {
            return Err("to be coded anew");
        }
        let Storage::Ccitt(scheme) = self.storage else { return Err("not coded") };
        let rows = self.length.ok_or("no ImageLength")?;
        if self.uncompressed_mode {
            return Err("uncompressed mode");
        }
        if self.damage_announced {
            return Err("damaged lines announced");
        }
        let data = self.joined().ok_or("several strips")?;
        let (mut end_of_block, mut aligned) = (false, false);
        let bits = match scheme {
            Scheme::T4 { two_dimensional } => {
                let surveyed = keep == Keep::Surveyed && self.strips.len() == 1;
                let bits = match surveyed.then(|| ccitt::end_of_lines(&data, two_dimensional)).flatten() {
                    Some(bits) => bits,
                    None => {
                        let plain = ccitt::plain_t4(&data, self.width, rows as usize, two_dimensional)?;
                        aligned = plain.aligned;
                        plain.bits
                    }
                };
                // The zeros of an EOL begin with those that end the code before it: up to three (T.4 table 2).
                (bits + 3).min(data.len() * 8)
            }
            Scheme::T6 => {
                let end = ccitt::eofb_end(&data);
                end_of_block = end.is_some();
                end.unwrap_or(data.len() * 8)
            }
            // Rows of Compression 2 cannot be told apart without decoding them.
            Scheme::Rle => data.len() * 8,
        };
        if keep == Keep::Checked
            && scheme == Scheme::T6
            && ccitt::count(&data, scheme, self.width, rows as usize) != Some(rows)
        {
            return Err("damaged, or not as long and wide as it claims");
        }
        let used = bits.div_ceil(8);
        let whole = self.strips.len() == 1 && used == data.len();
        let data = ccitt::keep_bits(data, bits);
        Ok(Coded {
            data,
            scheme,
            width: self.width,
            rows,
            end_of_block,
            aligned,
            whole,
            inverted: self.inverted,
        })
    }
}

/// One page as one strip of coded data, first bit highest.
#[derive(Debug)]
pub(super) struct Coded<'a> {
    pub data: Cow<'a, [u8]>,
    pub scheme: Scheme,
    pub width: u32,
    pub rows: u32,
    /// The data ends with an EOFB.
    pub end_of_block: bool,
    /// All EOLs are known to end on byte boundaries (T4Options bit 2).
    pub aligned: bool,
    /// The data is all of the one strip of the page.
    pub whole: bool,
    /// Black codes are white on paper.
    pub inverted: bool,
}

/// Adds a message unless there are very many.
pub(super) fn note(losses: &mut Vec<String>, text: String) {
    const MAX_LOSSES: usize = 200;
    if losses.len() < MAX_LOSSES {
        losses.push(text);
    }
}

/// Turns every byte round (FillOrder 2 to 1 and back, TIFF 6.0 page 32).
pub(super) fn reverse_bits(data: &[u8]) -> Vec<u8> {
    data.iter().map(|byte| byte.reverse_bits()).collect()
}

/// Compression 1 with one bit a pixel.
pub(super) fn is_packed(facts: &PageFacts) -> bool {
    matches!(facts.compression, None | Some(1))
        && facts.samples_per_pixel.unwrap_or(1) == 1
        && facts.bits_per_sample.first().is_none_or(|&bits| bits == 1)
        && matches!(facts.photometric, None | Some(0 | 1))
}

fn storage(facts: &PageFacts, number: usize) -> Result<Storage, MediaError> {
    let unsupported = |what: &str| Err(MediaError::Unsupported(format!("TIFF page {number}: {what}")));
    if facts.tiled {
        return unsupported("tiles, which no fax has");
    }
    Ok(Storage::Ccitt(match facts.compression {
        Some(2) => Scheme::Rle,
        Some(3) => Scheme::T4 { two_dimensional: facts.t4_options.unwrap_or(0) & 1 == 1 },
        Some(4) => Scheme::T6,
        _ if is_packed(facts) => return Ok(Storage::Packed),
        _ => return unsupported(&facts.coding),
    }))
}
