//! Single TIFF fields: one table says what profiles S and F allow, one check judges by it.

use super::lookup::*;
use crate::conformance::rule::Findings;
use crate::media::fax::{CodedFacts, FaxFacts, PageFacts};
use crate::message::EntityId;
use crate::vpim::{Class, Survey};

/// The values a field may have.
pub enum Allowed {
    /// One of these integers.
    Numbers(&'static [u32]),
    /// One of these per inch, give or take one half; metric values of old files are converted.
    PerInch(&'static [f64]),
}

/// What a rule says of one field.
pub struct FieldRule {
    /// The rule.
    pub rule: &'static str,
    /// Profile S rather than F.
    pub profile_s: bool,
    /// The field.
    pub tag: u16,
    /// Its name.
    pub name: &'static str,
    /// What it is where it is absent; `None` where it must not be.
    pub default: Option<u32>,
    /// Only for pages of this Compression.
    pub compression: Option<u16>,
    /// What is allowed.
    pub allowed: Allowed,
}

/// RFC 3949 4.2.1.
pub const WIDTHS: &[u32] = &[1728, 2048, 2432, 2592, 3072, 3648, 3456, 4096, 4864];

const fn s(
    rule: &'static str,
    tag: u16,
    name: &'static str,
    default: Option<u32>,
    allowed: Allowed,
) -> FieldRule {
    FieldRule { rule, profile_s: true, tag, name, default, compression: None, allowed }
}

const fn f(
    rule: &'static str,
    tag: u16,
    name: &'static str,
    default: Option<u32>,
    allowed: Allowed,
) -> FieldRule {
    FieldRule { profile_s: false, ..s(rule, tag, name, default, allowed) }
}

use Allowed::{Numbers, PerInch};

/// RFC 3949 3.2 and 4.2, with the defaults of TIFF 6.0.
static FIELDS: &[FieldRule] = &[
    s("tiff-s-new-subfile-type", 254, "NewSubfileType", None, Numbers(&[2, 3, 6, 7])),
    s("tiff-s-image-width-1728", 256, "ImageWidth", None, Numbers(&[1728])),
    s("tiff-s-bits-per-sample", 258, "BitsPerSample", Some(1), Numbers(&[1])),
    s("tiff-s-compression-3", 259, "Compression", None, Numbers(&[3])),
    s("tiff-s-photometric-0", 262, "PhotometricInterpretation", None, Numbers(&[0])),
    s("tiff-s-fill-order-2", 266, "FillOrder", None, Numbers(&[2])),
    s("tiff-s-samples-per-pixel", 277, "SamplesPerPixel", Some(1), Numbers(&[1])),
    s("tiff-s-x-resolution", 282, "XResolution", None, PerInch(&[200.0, 204.0])),
    s("tiff-s-y-resolution", 283, "YResolution", None, PerInch(&[98.0, 100.0, 196.0, 200.0])),
    s("tiff-s-t4options", 292, "T4Options", None, Numbers(&[0, 4])),
    s("tiff-s-resolution-unit", 296, "ResolutionUnit", Some(2), Numbers(&[2])),
    f("tiff-f-new-subfile-type", 254, "NewSubfileType", None, Numbers(&[2, 3, 6, 7])),
    f("tiff-f-image-width", 256, "ImageWidth", None, Numbers(WIDTHS)),
    f("tiff-f-bits-per-sample", 258, "BitsPerSample", Some(1), Numbers(&[1])),
    f("tiff-f-compression", 259, "Compression", None, Numbers(&[3, 4])),
    f("tiff-f-photometric", 262, "PhotometricInterpretation", None, Numbers(&[0, 1])),
    f("tiff-f-fill-order-either", 266, "FillOrder", Some(1), Numbers(&[1, 2])),
    f("tiff-f-samples-per-pixel", 277, "SamplesPerPixel", Some(1), Numbers(&[1])),
    // 77 per centimetre is what RFC 2306 3.3 misprints for 80.
    f("tiff-f-x-resolution", 282, "XResolution", None, PerInch(&[195.6, 200.0, 204.0, 300.0, 400.0, 408.0])),
    f(
        "tiff-f-y-resolution",
        283,
        "YResolution",
        None,
        PerInch(&[98.0, 100.0, 196.0, 200.0, 300.0, 391.0, 400.0]),
    ),
    FieldRule {
        compression: Some(3),
        ..f("tiff-f-t4options", 292, "T4Options", None, Numbers(&[0, 1, 4, 5]))
    },
    FieldRule { compression: Some(4), ..f("tiff-f-t6options", 293, "T6Options", None, Numbers(&[0])) },
    f("tiff-f-resolution-unit", 296, "ResolutionUnit", Some(2), Numbers(&[2, 3])),
    f("tiff-f-clean-fax-data-values", 327, "CleanFaxData", Some(0), Numbers(&[0, 1, 2])),
];

/// The check of all rules about one field.
pub fn field(s: &Survey<'_>, f: &mut Findings<'_>) {
    let id = f.rule().id;
    for rule in FIELDS.iter().filter(|rule| rule.rule == id) {
        let files = s.faxes().filter(|(_, facts)| !rule.profile_s || meant_as_s(s, facts));
        for (entity, facts) in files {
            for (n, page) in (1..).zip(&facts.pages) {
                if let Some(what) = rule.fault(page) {
                    f.entity(entity, format!("page {n}: {what}"));
                }
            }
        }
    }
}

impl FieldRule {
    /// What is wrong with the field on a page.
    fn fault(&self, page: &PageFacts) -> Option<String> {
        if self.compression.is_some_and(|c| page.compression != Some(c)) {
            return None;
        }
        let named = |value: String| Some(format!("{} {value}", self.name));
        let present = page.tags.contains(&self.tag);
        if !present && self.default.is_some() {
            return None;
        }
        match self.allowed {
            PerInch(values) => {
                let written = if self.tag == 282 { page.x_resolution } else { page.y_resolution };
                match written {
                    // Profile F has a rule for all its required fields.
                    None => self.profile_s.then(|| format!("no {}", self.name)),
                    Some(value) if near(inches(page, value), values) => None,
                    Some(value) => named(value.to_string()),
                }
            }
            Numbers(values) => {
                let found = numbers(page, self.tag);
                match found.as_slice() {
                    [] => named(if present { "of a wrong type" } else { "absent" }.into()),
                    all if all.iter().all(|v| values.contains(v)) => None,
                    all => named(all.iter().map(u32::to_string).collect::<Vec<_>>().join(" ")),
                }
            }
        }
    }
}

/// The values of an integer field.
fn numbers(page: &PageFacts, tag: u16) -> Vec<u32> {
    let short = |value: Option<u16>| value.map(u32::from);
    let one = match tag {
        254 => page.new_subfile_type,
        256 => Some(page.width).filter(|_| page.tags.contains(&256)),
        258 => return page.bits_per_sample.iter().map(|&b| b.into()).collect(),
        259 => short(page.compression),
        262 => short(page.photometric),
        266 => short(page.fill_order),
        277 => short(page.samples_per_pixel),
        292 => page.t4_options,
        293 => page.t6_options,
        296 => short(page.resolution_unit),
        327 => short(page.clean_fax_data),
        _ => None,
    };
    one.into_iter().collect()
}

/// RFC 2306 3.3 lists values per centimetre; they mean the fax resolutions.
pub fn inches(page: &PageFacts, per_unit: f64) -> f64 {
    if page.resolution_unit == Some(3) { per_unit * 2.54 } else { per_unit }
}

/// Whether a file is held against profile S. An Internet fax has to be of profile S for a recipient who takes
/// nothing else; towards others a fax that is right by profile F is a fax too, and only one that is neither, but
/// coded as S, is a spoilt S (RFC 3965 4, RFC 3949 3 and 4).
pub fn meant_as_s(s: &Survey<'_>, facts: &FaxFacts) -> bool {
    if s.class != Class::Fax {
        return false;
    }
    let known = s.target.and_then(|target| target.fax_profile_s);
    known.unwrap_or_else(|| !is_profile_f(facts) && facts.pages.iter().all(|p| p.coding == "MH"))
}

fn is_profile_f(facts: &FaxFacts) -> bool {
    let mut rules = FIELDS.iter().filter(|rule| !rule.profile_s);
    let right = rules.all(|rule| facts.pages.iter().all(|page| rule.fault(page).is_none()));
    let complete = |p: &PageFacts| {
        let resolution = p.x_resolution.is_some() && p.y_resolution.is_some();
        resolution && p.page_number.is_some() && p.length > 0 && p.data.is_some()
    };
    right && facts.pages.iter().all(complete)
}

/// The files that are held against profile S.
pub fn simple_faxes<'a>(s: &'a Survey<'_>) -> impl Iterator<Item = (EntityId, &'a FaxFacts)> {
    s.faxes().filter(|(_, facts)| meant_as_s(s, facts))
}

/// Reports what `wrong` finds on each page.
pub fn each_page(s: &Survey<'_>, f: &mut Findings<'_>, wrong: impl Fn(&PageFacts) -> Option<String>) {
    for (id, number, page) in s.pages() {
        if let Some(what) = wrong(page) {
            f.entity(id, format!("page {number}: {what}"));
        }
    }
}

/// The same on the pages held against profile S.
pub fn each_simple_page(s: &Survey<'_>, f: &mut Findings<'_>, wrong: impl Fn(&PageFacts) -> Option<String>) {
    for (id, facts) in simple_faxes(s) {
        for (number, page) in (1..).zip(&facts.pages) {
            if let Some(what) = wrong(page) {
                f.entity(id, format!("page {number}: {what}"));
            }
        }
    }
}

/// Whether the octets of all strips are in the file.
pub fn data_in_file(facts: &FaxFacts, page: &PageFacts) -> bool {
    page.data.is_some_and(|data| data.start >= 8 && data.start < facts.octets && data.end <= facts.octets)
}

/// A value that may be absent.
pub fn shown<T: std::fmt::Display>(value: Option<T>) -> String {
    value.map_or_else(|| "absent".to_owned(), |v| v.to_string())
}

/// PageNumber counts from 0 and gives the number of pages, or 0 where that was not known (RFC 2306 3.3).
pub fn page_numbers(id: EntityId, facts: &FaxFacts, f: &mut Findings<'_>) {
    for (n, page) in facts.pages.iter().enumerate() {
        let Some([number, total]) = page.page_number else {
            f.entity(id, format!("page {}: no PageNumber", n + 1));
            continue;
        };
        if usize::from(number) != n || (total != 0 && usize::from(total) != facts.pages.len()) {
            f.entity(id, format!("page {}: PageNumber {number} of {total}", n + 1));
        }
    }
}

/// What is wrong with the EOLs of T.4 data (RFC 3949 3.4, 4.5.4).
pub fn eol_fault(page: &PageFacts, coded: &CodedFacts) -> Option<String> {
    if page.compression != Some(3) {
        return None;
    }
    let fault = if !coded.eol_at_start {
        "no EOL at the start"
    } else if coded.eols_missing > 0 {
        "lines without an EOL before them"
    } else if coded.eol_at_end {
        "an EOL behind the last line"
    } else if !coded.first_line_coded_alone && !coded.mislabelled {
        "the first line of MR data is not coded in one dimension"
    } else {
        return None;
    };
    Some(fault.into())
}

/// An RTC where EOLs are said to be aligned (RFC 3949 3.4, 4.5.5).
pub fn rtc_when_aligned(page: &PageFacts, coded: &CodedFacts) -> Option<String> {
    (coded.rtc && page.t4_options.unwrap_or(0) & 4 != 0).then(|| "an RTC behind aligned EOLs".into())
}
