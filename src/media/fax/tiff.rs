//! Reading TIFF directories as they are written, however badly.
//!
//! Own reader rather than the `tiff` crate: the facts that RFC 3801, RFC 2306 and RFC 3949 judge are those of
//! the raw fields (present or absent, their order, types, offsets, PageNumber pairs, RATIONALs with a zero
//! denominator), which the crate interprets or refuses; and mail brings directories that are cut off, unsorted,
//! padded with garbage, that point into themselves or claim four thousand million values. This reader never
//! allocates by a number in the file: a field is 16 octets of bookkeeping whatever its count says, values are
//! read in place when asked for, and directories, fields and strips are counted against limits.
//!
//! Standards: TIFF 6.0 section 2. Not read: BigTIFF, SubIFDs, Exif.

use super::{FieldFacts, MediaError};
use crate::limits::{Budget, Exceeded, Limits};

/// Field numbers used here (TIFF 6.0, RFC 2306, RFC 3949).
#[allow(missing_docs)]
pub(super) mod tag {
    pub const NEW_SUBFILE_TYPE: u16 = 254;
    pub const IMAGE_WIDTH: u16 = 256;
    pub const IMAGE_LENGTH: u16 = 257;
    pub const BITS_PER_SAMPLE: u16 = 258;
    pub const COMPRESSION: u16 = 259;
    pub const PHOTOMETRIC_INTERPRETATION: u16 = 262;
    pub const FILL_ORDER: u16 = 266;
    pub const STRIP_OFFSETS: u16 = 273;
    pub const ORIENTATION: u16 = 274;
    pub const SAMPLES_PER_PIXEL: u16 = 277;
    pub const ROWS_PER_STRIP: u16 = 278;
    pub const STRIP_BYTE_COUNTS: u16 = 279;
    pub const X_RESOLUTION: u16 = 282;
    pub const Y_RESOLUTION: u16 = 283;
    pub const T4_OPTIONS: u16 = 292;
    pub const T6_OPTIONS: u16 = 293;
    pub const RESOLUTION_UNIT: u16 = 296;
    pub const PAGE_NUMBER: u16 = 297;
    pub const TILE_OFFSETS: u16 = 324;
    pub const BAD_FAX_LINES: u16 = 326;
    pub const CLEAN_FAX_DATA: u16 = 327;
    pub const CONSECUTIVE_BAD_FAX_LINES: u16 = 328;
    pub const FAX_PROFILE: u16 = 402;
}

/// Fields of one directory that are looked at; a fax page has about twenty.
const MAX_FIELDS: usize = 256;
/// Damage described; more of it is only counted.
const MAX_DEFECTS: usize = 32;

/// Byte order of the numbers in the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ByteOrder {
    /// `II`
    Little,
    /// `MM`
    Big,
}

/// A TIFF file and its directories.
#[derive(Debug)]
pub(super) struct Tiff<'a> {
    pub bytes: &'a [u8],
    pub order: ByteOrder,
    pub first_ifd: u32,
    pub directories: Vec<Directory>,
    pub defects: Vec<String>,
    /// The chain of directories does not end but comes back to itself.
    pub endless: bool,
    /// The chain points to this offset, where no directory is.
    pub lost: Option<u32>,
}

/// One image file directory.
#[derive(Debug)]
pub(super) struct Directory {
    pub offset: usize,
    /// Directories before it in the file.
    pub place: usize,
    pub fields: Vec<Field>,
    /// Number of fields as claimed.
    claimed: usize,
    /// Offset of the next directory, 0 for none.
    pub next: u32,
}

/// One field: where its values are, not what they are.
#[derive(Clone, Copy, Debug)]
pub(super) struct Field {
    pub tag: u16,
    kind: u16,
    /// Number of values as claimed.
    pub count: u32,
    /// Offset of the first value.
    at: usize,
}

impl<'a> Tiff<'a> {
    /// Reads all directories.
    pub fn parse(bytes: &'a [u8], limits: &Limits, budget: &Budget) -> Result<Self, MediaError> {
        let order = match bytes.get(..4) {
            Some(b"II*\0") => ByteOrder::Little,
            Some(b"MM\0*") => ByteOrder::Big,
            _ => return Err(MediaError::malformed("tiff", "no TIFF header")),
        };
        let mut tiff = Tiff {
            bytes,
            order,
            first_ifd: 0,
            directories: Vec::new(),
            defects: Vec::new(),
            endless: false,
            lost: None,
        };
        tiff.first_ifd = tiff.u32(4).ok_or_else(|| MediaError::malformed("tiff", "ends in its header"))?;
        tiff.read_chain(limits, budget)?;
        if tiff.directories.is_empty() {
            return Err(MediaError::malformed("tiff", format!("no directory at offset {}", tiff.first_ifd)));
        }
        Ok(tiff)
    }

    /// Leaves out reduced copies of pages and their masks (TIFF 6.0 NewSubfileType, bits 0 and 2): they are no pages of
    /// their own. Some writers set the bits on pages; so what is left out is smaller than a page without them.
    pub fn skip_copies(&mut self) {
        let of = |directory: &Directory| {
            let size = |tag| self.first_integer(directory, tag).unwrap_or(0);
            let copy = size(tag::NEW_SUBFILE_TYPE) & 0b101 != 0;
            (copy, size(tag::IMAGE_WIDTH), size(tag::IMAGE_LENGTH))
        };
        let sizes: Vec<(bool, u32, u32)> = self.directories.iter().map(of).collect();
        let mut pages = sizes.iter().filter(|(copy, ..)| !copy);
        let Some(&(_, width, length)) = pages.next() else { return };
        let (width, length) = pages.fold((width, length), |(w, l), page| (w.min(page.1), l.min(page.2)));
        let skipped = |&(copy, w, l): &(bool, u32, u32)| copy && (w < width || l < length);
        let mut all = sizes.iter().map(skipped);
        self.directories.retain(|_| !all.next().unwrap_or(false));
        let count = sizes.iter().filter(|size| skipped(size)).count();
        if count > 0 {
            self.defect(format!("reduced copies of pages are left out: {count}"));
        }
    }

    fn read_chain(&mut self, limits: &Limits, budget: &Budget) -> Result<(), MediaError> {
        let mut offset = self.first_ifd;
        while offset != 0 {
            budget.check()?;
            // At most fax_pages offsets to compare with, so this stays cheap.
            if self.directories.iter().any(|seen| seen.offset == offset as usize) {
                self.defect(format!("directory chain comes back to offset {offset}"));
                self.endless = true;
                return Ok(());
            }
            if self.directories.len() >= limits.fax_pages as usize {
                return Err(Exceeded::FaxPages.into());
            }
            let Some(directory) = self.read_directory(offset as usize) else {
                self.defect(format!("no directory at offset {offset}"));
                self.lost = Some(offset);
                return Ok(());
            };
            offset = directory.next;
            self.directories.push(directory);
        }
        Ok(())
    }

    fn read_directory(&mut self, offset: usize) -> Option<Directory> {
        let claimed = usize::from(self.u16(offset)?);
        let mut directory =
            Directory { offset, place: self.directories.len(), fields: Vec::new(), claimed, next: 0 };
        for index in 0..claimed.min(MAX_FIELDS) {
            let Some(field) = self.read_field(offset.checked_add(2 + index * 12)?) else {
                self.defect(format!("directory at offset {offset} is cut off after {index} fields"));
                break;
            };
            directory.fields.push(field);
        }
        if directory.fields.is_empty() {
            return None;
        }
        if claimed > MAX_FIELDS {
            self.defect(format!("directory at offset {offset} claims {claimed} fields"));
        }
        directory.next = self.u32(offset.checked_add(2 + claimed * 12)?).unwrap_or_else(|| {
            self.defect(format!("directory at offset {offset} ends without the offset of the next"));
            0
        });
        Some(directory)
    }

    fn read_field(&self, at: usize) -> Option<Field> {
        let (tag, kind, count) = (self.u16(at)?, self.u16(at + 2)?, self.u32(at + 4)?);
        let inline = self.u32(at + 8)?;
        let size = u64::from(count).saturating_mul(kind_size(kind) as u64);
        let at = if size <= 4 { at + 8 } else { inline as usize };
        Some(Field { tag, kind, count, at })
    }

    /// A field as written.
    pub fn field_facts(&self, field: &Field) -> FieldFacts {
        let size = u64::from(field.count).saturating_mul(kind_size(field.kind) as u64);
        let offset = (size > 4).then_some(field.at as u64);
        FieldFacts { tag: field.tag, kind: field.kind, count: field.count, offset, octets: size }
    }

    /// Notes damage.
    pub fn defect(&mut self, text: String) {
        if self.defects.len() < MAX_DEFECTS {
            self.defects.push(text);
        }
    }

    fn u16(&self, at: usize) -> Option<u16> {
        let bytes = *self.bytes.get(at..)?.first_chunk()?;
        Some(match self.order {
            ByteOrder::Little => u16::from_le_bytes(bytes),
            ByteOrder::Big => u16::from_be_bytes(bytes),
        })
    }

    fn u32(&self, at: usize) -> Option<u32> {
        let bytes = *self.bytes.get(at..)?.first_chunk()?;
        Some(match self.order {
            ByteOrder::Little => u32::from_le_bytes(bytes),
            ByteOrder::Big => u32::from_be_bytes(bytes),
        })
    }

    /// Value number `index` of an integer field (BYTE, SHORT, LONG); `None` where there is none in the file.
    pub fn integer(&self, field: &Field, index: u32) -> Option<u32> {
        if index >= field.count {
            return None;
        }
        let at = field.at.checked_add((index as usize).checked_mul(kind_size(field.kind))?)?;
        match field.kind {
            1 => self.bytes.get(at).map(|&byte| byte.into()),
            3 => self.u16(at).map(u32::from),
            4 => self.u32(at),
            _ => None,
        }
    }

    /// The first value of the field `tag`, an integer.
    pub fn first_integer(&self, directory: &Directory, tag: u16) -> Option<u32> {
        self.integer(directory.find(tag)?, 0)
    }

    /// The same, where only 16 bits are legal.
    pub fn first_short(&self, directory: &Directory, tag: u16) -> Option<u16> {
        self.first_integer(directory, tag).and_then(|value| value.try_into().ok())
    }

    /// Numerator and denominator of a RATIONAL as written.
    pub fn rational(&self, directory: &Directory, tag: u16) -> Option<[u32; 2]> {
        let field = directory.find(tag).filter(|field| field.kind == 5 && field.count > 0)?;
        Some([self.u32(field.at)?, self.u32(field.at.checked_add(4)?)?])
    }

    /// A number that should be a RATIONAL; integers and floats are taken too. `None` where it is no number.
    pub fn real(&self, directory: &Directory, tag: u16) -> Option<f64> {
        let field = directory.find(tag).filter(|field| field.count > 0)?;
        let value = match field.kind {
            5 | 10 => f64::from(self.u32(field.at)?) / f64::from(self.u32(field.at.checked_add(4)?)?),
            11 => f32::from_bits(self.u32(field.at)?).into(),
            _ => self.integer(field, 0)?.into(),
        };
        value.is_finite().then_some(value)
    }
}

impl Directory {
    /// The first field of that number. (TIFF 6.0 wants fields sorted and single; neither is relied on.)
    pub fn find(&self, tag: u16) -> Option<&Field> {
        self.fields.iter().find(|field| field.tag == tag)
    }

    /// Offset behind the directory.
    pub fn end(&self) -> u64 {
        self.offset as u64 + 2 + self.claimed as u64 * 12 + 4
    }

    /// Whether the fields are in ascending order, each once (TIFF 6.0 section 2).
    pub fn sorted(&self) -> bool {
        self.fields.is_sorted_by(|a, b| a.tag < b.tag)
    }
}

/// Octets of one value of a field type (TIFF 6.0 section 2); 1 for unknown types.
fn kind_size(kind: u16) -> usize {
    match kind {
        3 | 8 => 2,
        4 | 9 | 11 | 13 => 4,
        5 | 10 | 12 => 8,
        _ => 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(bytes: &[u8]) -> Result<Tiff<'_>, MediaError> {
        let limits = Limits::default();
        Tiff::parse(bytes, &limits, &Budget::new(&limits))
    }

    /// A directory at `at` of one SHORT field, in file order `II`.
    fn directory(file: &mut Vec<u8>, tag: u16, value: u16, next: u32) {
        file.extend(1u16.to_le_bytes());
        file.extend(tag.to_le_bytes());
        file.extend(3u16.to_le_bytes());
        file.extend(1u32.to_le_bytes());
        file.extend(value.to_le_bytes());
        file.extend([0xde, 0xad]);
        file.extend(next.to_le_bytes());
    }

    #[test]
    fn garbage_behind_a_short_value_is_not_part_of_it() {
        let mut file = b"II*\0\x08\0\0\0".to_vec();
        directory(&mut file, tag::COMPRESSION, 4, 0);
        let tiff = parse(&file).unwrap();
        assert_eq!(tiff.first_short(&tiff.directories[0], tag::COMPRESSION), Some(4));
        assert_eq!(tiff.first_short(&tiff.directories[0], tag::FILL_ORDER), None);
    }

    #[test]
    fn a_chain_that_comes_back_ends_with_a_defect() {
        let mut file = b"II*\0\x08\0\0\0".to_vec();
        directory(&mut file, 1, 1, 26);
        directory(&mut file, 2, 2, 8);
        let tiff = parse(&file).unwrap();
        assert_eq!(tiff.directories.len(), 2);
        assert!(tiff.endless);
    }

    #[test]
    fn more_directories_than_the_limit_are_refused() {
        let mut file = b"II*\0\x08\0\0\0".to_vec();
        for page in 0..5 {
            directory(&mut file, 1, 1, 8 + (page + 1) * 18);
        }
        let limits = Limits { fax_pages: 3, ..Limits::default() };
        let result = Tiff::parse(&file, &limits, &Budget::new(&limits));
        assert_eq!(result.err(), Some(MediaError::Limit(Exceeded::FaxPages)));
    }

    #[test]
    fn a_field_of_four_thousand_million_values_costs_nothing_and_ends_with_the_file() {
        let mut file = b"II*\0\x08\0\0\0\x01\0\x11\x01\x04\0\xff\xff\xff\xff\x08\0\0\0\0\0\0\0".to_vec();
        file.extend([7; 6]);
        let tiff = parse(&file).unwrap();
        let field = tiff.directories[0].find(tag::STRIP_OFFSETS).unwrap();
        assert!(tiff.integer(field, 0).is_some());
        assert_eq!(tiff.integer(field, 6), None);
        assert_eq!(tiff.integer(field, u32::MAX - 1), None);
    }
}
