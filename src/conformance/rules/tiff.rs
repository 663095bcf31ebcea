//! TIFF files whatever their profile: their structure, what fields say against what the data shows, and what VPIM
//! asks of them (RFC 3801 4.4.4). Requirements that RFC 3949 2 makes of all profiles carry the names of profile S.

use super::lookup::*;
use super::samples::*;
use super::tiff_fields::*;
use super::tiff_samples::*;
use crate::conformance::rule::{Findings, Level, Rule, Samples};
use crate::message::edit::EditList;
use crate::vpim::{Class, Survey};

/// The rules.
pub static RULES: &[Rule] = &[
    Rule {
        id: "vpim2-fax-faxbw",
        level: Level::Must,
        rfc: 3801,
        section: "4.4.4",
        text: "Implementations that send fax use image/tiff with TIFF-F content by default.",
        remedy: "Send fax as image/tiff with TIFF-F contents.",
        classes: VPIM2_OR_OTHER,
        check: fax_faxbw,
        repair: None,
        samples: Samples::changed(VOICE_FAX, &[("image/tiff; application=faxbw", "image/png")]),
    },
    Rule {
        id: "vpim2-fax-application-parameter",
        level: Level::Must,
        rfc: 3801,
        section: "4.4.4",
        text: "Outbound fax parts carry the parameter application=faxbw.",
        remedy: "Let the fax system write image/tiff; application=faxbw.",
        classes: VPIM2_OR_OTHER,
        check: fax_application_parameter,
        repair: Some(add_faxbw),
        samples: Samples::changed(VOICE_FAX, &[("; application=faxbw", "")]),
    },
    Rule {
        id: "vpim2-fax-single-strip",
        level: Level::Must,
        rfc: 3801,
        section: "4.4.4",
        text: "Each fax page is one image strip.",
        remedy: "Let the fax system write each page as one strip, or have the mail converted.",
        classes: VPIM2,
        check: fax_single_strip,
        repair: None,
        samples: Samples::edited(VOICE_FAX, |t| count(t, 273, 2)),
    },
    Rule {
        id: "vpim2-fax-only-tiff-f",
        level: Level::Must,
        rfc: 3801,
        section: "4.4.4",
        text: "Among TIFF variants only TIFF-F is used within a VM.",
        remedy: "Send black and white fax pages of profile F.",
        classes: VPIM2,
        check: fax_only_tiff_f,
        repair: None,
        samples: Samples::edited(VOICE_FAX, uncompressed),
    },
    Rule {
        id: "image-tiff-magic",
        level: Level::Must,
        rfc: 3302,
        section: "5",
        text: "image/tiff bodies start with II 2A 00 or MM 00 2A.",
        remedy: "Send TIFF under this label.",
        classes: FAX_PAGES,
        check: image_tiff_magic,
        repair: None,
        samples: Samples::edited(VOICE_FAX, |t| octet(t, 0, 0)),
    },
    Rule {
        id: "tiff-s-version-42",
        level: Level::Must,
        rfc: 3949,
        section: "3.5",
        text: "The number behind the byte order is 42.",
        remedy: "Send TIFF 6.0 (version 42).",
        classes: FAX_PAGES,
        check: version_42,
        repair: None,
        samples: Samples::edited(VOICE_FAX, |t| octet(t, 2, 44)),
    },
    Rule {
        id: "tiff-s-ifd-word-aligned",
        level: Level::Must,
        rfc: 3949,
        section: "2.1.1",
        text: "Each directory begins at an even offset and lies in the file; the chain ends.",
        remedy: "Write directories at even offsets inside the file.",
        classes: FAX_PAGES,
        check: ifd_word_aligned,
        repair: None,
        samples: Samples::edited(VOICE_FAX, |t| {
            t.push(0);
            directory_last(t);
        }),
    },
    Rule {
        id: "tiff-s-tags-sorted",
        level: Level::Must,
        rfc: 3949,
        section: "2.1.1",
        text: "Fields are in ascending order, each once.",
        remedy: "Write fields in ascending order.",
        classes: FAX_PAGES,
        check: tags_sorted,
        repair: None,
        samples: Samples::edited(VOICE_FAX, |t| retag(t, 277, 250, 1)),
    },
    Rule {
        id: "tiff-s-field-types",
        level: Level::Should,
        rfc: 3249,
        section: "5.2.3.1",
        text: "Fields have the type and number of values TIFF gives them.",
        remedy: "Write each field with its type.",
        classes: FAX_PAGES,
        check: field_types,
        repair: None,
        samples: Samples::edited(VOICE_FAX, |t| kind(t, 259, 4)),
    },
    Rule {
        id: "tiff-s-image-length",
        level: Level::Must,
        rfc: 3949,
        section: "2.2.1",
        text: "ImageLength is the number of lines in the data.",
        remedy: "Write the number of lines of the image as ImageLength.",
        classes: FAX_PAGES,
        check: image_length,
        repair: None,
        samples: Samples::edited(VOICE_FAX, |t| put(t, 257, 3)),
    },
    Rule {
        id: "tiff-s-strip-byte-counts",
        level: Level::Must,
        rfc: 3949,
        section: "2.2.1",
        text: "StripByteCounts is present and true.",
        remedy: "Write StripByteCounts as the octets of the image.",
        classes: FAX_PAGES,
        check: strip_byte_counts,
        repair: None,
        samples: Samples::edited(VOICE_FAX, |t| put(t, 279, 5000)),
    },
    Rule {
        id: "tiff-s-strip-offsets",
        level: Level::Must,
        rfc: 3949,
        section: "2.2.1",
        text: "StripOffsets is present and points into the file.",
        remedy: "Let the mail system pass the file whole.",
        classes: FAX_PAGES,
        check: strip_offsets,
        repair: None,
        samples: Samples::edited(VOICE_FAX, |t| put(t, 273, 60000)),
    },
    Rule {
        id: "tiff-s-eol-alignment-matches",
        level: Level::Must,
        rfc: 3949,
        section: "3.2.2",
        text: "Bit 2 of T4Options is set only where EOLs end on octet boundaries.",
        remedy: "Write bit 2 of T4Options as the data is.",
        classes: FAX_PAGES,
        check: eol_alignment_matches,
        repair: None,
        samples: Samples::edited(VOICE_FAX, |t| put(t, 292, 4)),
    },
    Rule {
        id: "tiff-s-data-stream-wins",
        level: Level::Must,
        rfc: 3949,
        section: "2.1.2",
        text: "Where fields and data disagree, the data is right.",
        remedy: "Write width and coding of the page as the data is.",
        classes: FAX_PAGES,
        check: data_stream_wins,
        repair: None,
        samples: Samples::edited(VOICE_FAX, |t| put(t, 256, 2048)),
    },
    Rule {
        id: "tiff-single-endianness",
        level: Level::Must,
        rfc: 3249,
        section: "5.2.3.2",
        text: "One byte order is used throughout the file.",
        remedy: "Write the whole file in one byte order.",
        classes: FAX_PAGES,
        check: single_endianness,
        repair: None,
        samples: Samples::edited(VOICE_FAX, |t| kind(t, 259, 0x0300)),
    },
];

fn fax_faxbw(s: &Survey<'_>, f: &mut Findings<'_>) {
    for (id, e) in s.judged().filter(|(_, e)| e.is_leaf()) {
        let ct = &e.content_type;
        if (ct.main == "image" && !is_tiff(e)) || (s.class == Class::VoiceOther && ct.is("application/pdf")) {
            f.entity(id, format!("a document is sent as {}", quoted(&ct.essence())));
        }
    }
}

fn fax_application_parameter(s: &Survey<'_>, f: &mut Findings<'_>) {
    for (id, _) in s.tiffs().filter(|(_, e)| !has_faxbw(e)) {
        if let Some(field) = s.fields(id, "Content-Type").next() {
            f.field(id, field, "no application=faxbw");
        }
    }
}

fn fax_single_strip(s: &Survey<'_>, f: &mut Findings<'_>) {
    each_page(s, f, |p| {
        let rows = p.rows_per_strip.unwrap_or(u32::MAX);
        (p.strips > 1 || rows < p.length).then(|| format!("{} strips, {rows} rows each", p.strips))
    });
}

fn fax_only_tiff_f(s: &Survey<'_>, f: &mut Findings<'_>) {
    for (id, fax) in s.faxes() {
        if let Some(defect) = fax.defects.first() {
            f.entity(id, format!("damaged: {defect}"));
        }
    }
    each_page(s, f, |p| {
        let colour = p.bits_per_sample.iter().any(|b| *b > 1) || p.samples_per_pixel.unwrap_or(1) > 1;
        (colour || !matches!(p.compression, Some(3 | 4))).then(|| format!("coding {}, not TIFF-F", p.coding))
    });
}

fn image_tiff_magic(s: &Survey<'_>, f: &mut Findings<'_>) {
    for (body, _) in s.judged_bodies().filter(|(_, e)| is_tiff(e)) {
        let tiff = s.faxes().any(|(id, _)| id == body.entity);
        if let (false, Err(e)) = (tiff, &body.facts) {
            f.entity(body.entity, format!("no TIFF: {e}"));
        }
    }
}

fn version_42(s: &Survey<'_>, f: &mut Findings<'_>) {
    for (id, e) in s.tiffs() {
        let body = s.message.decoded(e).bytes;
        let version = match body.first_chunk() {
            Some([b'I', b'I', low, high]) => u16::from_le_bytes([*low, *high]),
            Some([b'M', b'M', high, low]) => u16::from_be_bytes([*high, *low]),
            _ => continue,
        };
        if version != 42 {
            f.entity(id, format!("version {version}"));
        }
    }
}

fn ifd_word_aligned(s: &Survey<'_>, f: &mut Findings<'_>) {
    for (id, facts) in s.faxes() {
        if facts.endless {
            f.entity(id, "the chain of directories comes back to itself");
        }
        if let Some(at) = facts.lost_ifd {
            f.entity(id, format!("no directory at offset {at}"));
        }
        for (n, page) in (1..).zip(&facts.pages) {
            let at = page.ifd_offset;
            if at < 8 || !at.is_multiple_of(2) || page.ifd_end > facts.octets {
                f.entity(
                    id,
                    format!("page {n}: directory at {at}, end {}, file {}", page.ifd_end, facts.octets),
                );
            }
        }
    }
}

fn tags_sorted(s: &Survey<'_>, f: &mut Findings<'_>) {
    each_page(s, f, |p| {
        let pairs = p.tags.iter().zip(p.tags.iter().skip(1));
        let (one, next) = pairs.into_iter().find(|(one, next)| one >= next)?;
        Some(format!("field {next} behind field {one}"))
    });
}

/// Fields of fax pages, their types (3 SHORT, 4 LONG, 5 RATIONAL), and how many values they have; 0 for any number.
static TYPES: &[(u16, &[u16], u32)] = &[
    (254, &[4], 1),
    (256, &[3, 4], 1),
    (257, &[3, 4], 1),
    (258, &[3], 0),
    (259, &[3], 1),
    (262, &[3], 1),
    (266, &[3], 1),
    (273, &[3, 4], 0),
    (274, &[3], 1),
    (277, &[3], 1),
    (278, &[3, 4], 1),
    (279, &[3, 4], 0),
    (282, &[5], 1),
    (283, &[5], 1),
    (292, &[4], 1),
    (293, &[4], 1),
    (296, &[3], 1),
    (297, &[3], 2),
];

fn field_types(s: &Survey<'_>, f: &mut Findings<'_>) {
    each_page(s, f, |p| {
        let wrong = |tag: u16, kind: u16, count: u32| {
            let known = TYPES.iter().find(|(known, ..)| *known == tag);
            known.is_some_and(|(_, kinds, n)| !kinds.contains(&kind) || (*n != 0 && *n != count))
        };
        let field = p.fields.iter().find(|field| wrong(field.tag, field.kind, field.count))?;
        Some(format!("field {} has {} values of type {}", field.tag, field.count, field.kind))
    });
}

fn image_length(s: &Survey<'_>, f: &mut Findings<'_>) {
    each_page(s, f, |p| {
        if p.length == 0 {
            return Some("no ImageLength".into());
        }
        // Where lines are damaged or wrongly labelled their number is no evidence.
        let coded = p.coded.filter(|coded| coded.damaged == 0 && !coded.mislabelled)?;
        (coded.lines != p.length)
            .then(|| format!("ImageLength {}, {} lines in the data", p.length, coded.lines))
    });
}

fn strip_byte_counts(s: &Survey<'_>, f: &mut Findings<'_>) {
    for (id, facts) in s.faxes() {
        for (n, page) in (1..).zip(&facts.pages) {
            let Some(data) = page.data else { continue };
            if page.first_strip_bytes.unwrap_or(0) == 0 {
                f.entity(id, format!("page {n}: no StripByteCounts"));
            } else if data.start < facts.octets && data.end > facts.octets {
                f.entity(id, format!("page {n}: strips end at {}, the file at {}", data.end, facts.octets));
            } else if facts.pages.iter().any(|p| p.ifd_offset < data.end && data.start < p.ifd_end)
                && page.strips == 1
            {
                f.entity(id, format!("page {n}: the strip overlaps a directory"));
            }
        }
    }
}

fn strip_offsets(s: &Survey<'_>, f: &mut Findings<'_>) {
    for (id, facts) in s.faxes() {
        for (n, page) in (1..).zip(&facts.pages).filter(|(_, p)| !p.tiled) {
            match page.data {
                None => f.entity(id, format!("page {n}: no StripOffsets")),
                Some(data) if data.start < 8 || data.start >= facts.octets => {
                    f.entity(
                        id,
                        format!("page {n}: image at {}, the file ends at {}", data.start, facts.octets),
                    );
                }
                Some(_) => {}
            }
        }
    }
}

fn eol_alignment_matches(s: &Survey<'_>, f: &mut Findings<'_>) {
    each_page(s, f, |p| {
        let claimed = p.compression == Some(3) && p.t4_options.unwrap_or(0) & 4 != 0;
        (claimed && !p.coded?.aligned).then(|| "EOLs are not aligned as T4Options says".into())
    });
}

fn data_stream_wins(s: &Survey<'_>, f: &mut Findings<'_>) {
    each_page(s, f, |p| {
        let coded = p.coded?;
        if let Some(width) = coded.true_width {
            return Some(format!("ImageWidth {}, lines are {width} wide", p.width));
        }
        coded.mislabelled.then(|| format!("the data is not {} as the fields say", p.coding))
    });
}

fn single_endianness(s: &Survey<'_>, f: &mut Findings<'_>) {
    each_page(s, f, |p| {
        let is_type = |kind: u16| (1..=13).contains(&kind);
        let field = p.fields.iter().find(|field| !is_type(field.kind) && is_type(field.kind.swap_bytes()))?;
        Some(format!("field {} is in the other byte order", field.tag))
    });
}

fn has_faxbw(e: &crate::message::Entity) -> bool {
    e.content_type.parameters.value("application").is_some_and(|a| a.trim().eq_ignore_ascii_case("faxbw"))
}

/// Adds application=faxbw where no application is named.
pub fn add_faxbw(s: &Survey<'_>, edits: &mut EditList) {
    for (id, _) in s.tiffs().filter(|(_, e)| e.content_type.parameters.value("application").is_none()) {
        if let Some(field) = s.fields(id, "Content-Type").next() {
            s.append_parameter(edits, id, field, "application=faxbw");
        }
    }
}
