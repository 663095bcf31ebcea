//! Fax pages: TIFF-F as VPIM uses it (RFC 3801 4.4.4) and profile F (RFC 3949 4, RFC 2306).

use super::lookup::*;
use super::samples::*;
use crate::conformance::rule::{Findings, Level, Rule, Samples};
use crate::media::fax::PageFacts;
use crate::message::edit::EditList;
use crate::vpim::Class;
use crate::vpim::Survey;

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
        samples: Samples::changed(
            VOICE_FAX,
            &[(
                "AQAAABYBAwABAAAAAgAAABcBBAABAAAACAAAABoBBQABAAAAzgAAABsBBQABAAAA1gAAACQBBAAB",
                "AQAAABYBAwABAAAAAQAAABcBBAABAAAACAAAABoBBQABAAAAzgAAABsBBQABAAAA1gAAACQBBAAB",
            )],
        ),
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
        samples: Samples::changed(
            VOICE_FAX,
            &[(
                "AAMBAwABAAAAAwAAAAYBAwABAAAAAAAAAAoBAwABAAAAAgAAABEBBAABAAAA3gAAABUBAwABAAAA",
                "AAMBAwABAAAABQAAAAYBAwABAAAAAAAAAAoBAwABAAAAAgAAABEBBAABAAAA3gAAABUBAwABAAAA",
            )],
        ),
    },
    Rule {
        id: "tiff-f-compression",
        level: Level::Must,
        rfc: 3949,
        section: "4.2.1",
        text: "Compression is 3 (MH or MR) or 4 (MMR).",
        remedy: "Send MH, MR or MMR.",
        classes: FAX_PAGES,
        check: tiff_f_compression,
        repair: None,
        samples: Samples::changed(
            VOICE_FAX,
            &[(
                "AAMBAwABAAAAAwAAAAYBAwABAAAAAAAAAAoBAwABAAAAAgAAABEBBAABAAAA3gAAABUBAwABAAAA",
                "AAMBAwABAAAABQAAAAYBAwABAAAAAAAAAAoBAwABAAAAAgAAABEBBAABAAAA3gAAABUBAwABAAAA",
            )],
        ),
    },
    Rule {
        id: "tiff-f-t4options",
        level: Level::Must,
        rfc: 3949,
        section: "4.2.2",
        text: "With compression 3 the T4Options field is present and has only bits 0 and 2 free.",
        remedy: "Write T4Options as RFC 3949 says.",
        classes: FAX_PAGES,
        check: tiff_f_t4options,
        repair: None,
        samples: Samples::changed(
            VOICE_FAX,
            &[(
                "AAAAAAAAACgBAwABAAAAAgAAACkBAwACAAAAAAABAAAAAADMAAAAAQAAAGIAAAABAAAAACibFQBl",
                "AAAACAAAACgBAwABAAAAAgAAACkBAwACAAAAAAABAAAAAADMAAAAAQAAAGIAAAABAAAAACibFQBl",
            )],
        ),
    },
    Rule {
        id: "tiff-f-t6options",
        level: Level::Must,
        rfc: 3949,
        section: "4.2.2",
        text: "With compression 4 the T6Options field is present and zero.",
        remedy: "Write T6Options 0.",
        classes: FAX_PAGES,
        check: tiff_f_t6options,
        repair: None,
        samples: Samples::changed(
            VOICE_FAX,
            &[(
                "AAMBAwABAAAAAwAAAAYBAwABAAAAAAAAAAoBAwABAAAAAgAAABEBBAABAAAA3gAAABUBAwABAAAA",
                "AAMBAwABAAAABAAAAAYBAwABAAAAAAAAAAoBAwABAAAAAgAAABEBBAABAAAA3gAAABUBAwABAAAA",
            )],
        ),
    },
    Rule {
        id: "tiff-f-no-uncompressed-mode",
        level: Level::MustNot,
        rfc: 3949,
        section: "4.5.1",
        text: "Uncompressed mode is not used.",
        remedy: "Switch uncompressed mode off.",
        classes: FAX_PAGES,
        check: tiff_f_no_uncompressed_mode,
        repair: None,
        samples: Samples::changed(
            VOICE_FAX,
            &[(
                "AAAAAAAAACgBAwABAAAAAgAAACkBAwACAAAAAAABAAAAAADMAAAAAQAAAGIAAAABAAAAACibFQBl",
                "AAAAAgAAACgBAwABAAAAAgAAACkBAwACAAAAAAABAAAAAADMAAAAAQAAAGIAAAABAAAAACibFQBl",
            )],
        ),
    },
    Rule {
        id: "tiff-f-bits-per-sample",
        level: Level::Must,
        rfc: 3949,
        section: "4.2.1",
        text: "BitsPerSample is 1.",
        remedy: "Send black and white pages.",
        classes: FAX_PAGES,
        check: tiff_f_bits_per_sample,
        repair: None,
        samples: Samples::changed(
            VOICE_FAX,
            &[(
                "SUkqAAgAAAAQAP4ABAABAAAAAgAAAAABAwABAAAAwAYAAAEBAwABAAAAAgAAAAIBAwABAAAAAQAA",
                "SUkqAAgAAAAQAP4ABAABAAAAAgAAAAABAwABAAAAwAYAAAEBAwABAAAAAgAAAAIBAwABAAAACAAA",
            )],
        ),
    },
    Rule {
        id: "tiff-f-samples-per-pixel",
        level: Level::Must,
        rfc: 3949,
        section: "4.2.1",
        text: "SamplesPerPixel is 1.",
        remedy: "Send black and white pages.",
        classes: FAX_PAGES,
        check: tiff_f_samples_per_pixel,
        repair: None,
        samples: Samples::changed(
            VOICE_FAX,
            &[(
                "AQAAABYBAwABAAAAAgAAABcBBAABAAAACAAAABoBBQABAAAAzgAAABsBBQABAAAA1gAAACQBBAAB",
                "AwAAABYBAwABAAAAAgAAABcBBAABAAAACAAAABoBBQABAAAAzgAAABsBBQABAAAA1gAAACQBBAAB",
            )],
        ),
    },
    Rule {
        id: "tiff-f-new-subfile-type",
        level: Level::Must,
        rfc: 3949,
        section: "4.2.1",
        text: "NewSubfileType has bit 1 set, also for single pages.",
        remedy: "Write NewSubfileType 2 on every page.",
        classes: FAX_PAGES,
        check: tiff_f_new_subfile_type,
        repair: None,
        samples: Samples::changed(
            VOICE_FAX,
            &[(
                "SUkqAAgAAAAQAP4ABAABAAAAAgAAAAABAwABAAAAwAYAAAEBAwABAAAAAgAAAAIBAwABAAAAAQAA",
                "SUkqAAgAAAAQAP4ABAABAAAAAAAAAAABAwABAAAAwAYAAAEBAwABAAAAAgAAAAIBAwABAAAAAQAA",
            )],
        ),
    },
    Rule {
        id: "tiff-f-photometric",
        level: Level::Must,
        rfc: 3949,
        section: "4.2.1",
        text: "PhotometricInterpretation is 0 or 1.",
        remedy: "Write PhotometricInterpretation 0.",
        classes: FAX_PAGES,
        check: tiff_f_photometric,
        repair: None,
        samples: Samples::changed(
            VOICE_FAX,
            &[(
                "AAMBAwABAAAAAwAAAAYBAwABAAAAAAAAAAoBAwABAAAAAgAAABEBBAABAAAA3gAAABUBAwABAAAA",
                "AAMBAwABAAAAAwAAAAYBAwABAAAAAgAAAAoBAwABAAAAAgAAABEBBAABAAAA3gAAABUBAwABAAAA",
            )],
        ),
    },
    Rule {
        id: "tiff-f-page-number",
        level: Level::Must,
        rfc: 3949,
        section: "2.2.1",
        text: "PageNumber is present, counting from zero.",
        remedy: "Number the pages from 0.",
        classes: FAX_PAGES,
        check: tiff_f_page_number,
        repair: None,
        samples: Samples::changed(
            VOICE_FAX,
            &[(
                "AAAAAAAAACgBAwABAAAAAgAAACkBAwACAAAAAAABAAAAAADMAAAAAQAAAGIAAAABAAAAACibFQBl",
                "AAAAAAAAACgBAwABAAAAAgAAACkBAwACAAAAAQABAAAAAADMAAAAAQAAAGIAAAABAAAAACibFQBl",
            )],
        ),
    },
    Rule {
        id: "tiff-f-image-width",
        level: Level::Must,
        rfc: 3949,
        section: "4.2.1",
        text: "ImageWidth is one of nine values.",
        remedy: "Scan at 1728 pixels for 200 dpi.",
        classes: FAX_PAGES,
        check: tiff_f_image_width,
        repair: None,
        samples: Samples::changed(
            VOICE_FAX,
            &[(
                "SUkqAAgAAAAQAP4ABAABAAAAAgAAAAABAwABAAAAwAYAAAEBAwABAAAAAgAAAAIBAwABAAAAAQAA",
                "SUkqAAgAAAAQAP4ABAABAAAAAgAAAAABAwABAAAAMAMAAAEBAwABAAAAAgAAAAIBAwABAAAAAQAA",
            )],
        ),
    },
    Rule {
        id: "tiff-f-required-fields",
        level: Level::Must,
        rfc: 3949,
        section: "2.2.1",
        text: "ImageWidth, ImageLength, StripOffsets, StripByteCounts, XResolution and YResolution have no default and are present.",
        remedy: "Write the resolution and the place of the image.",
        classes: FAX_PAGES,
        check: tiff_f_required_fields,
        repair: None,
        samples: Samples::changed(
            VOICE_FAX,
            &[(
                "AQAAABYBAwABAAAAAgAAABcBBAABAAAACAAAABoBBQABAAAAzgAAABsBBQABAAAA1gAAACQBBAAB",
                "AQAAABYBAwABAAAAAgAAABcBBAABAAAACAAAAB0BBQABAAAAzgAAABsBBQABAAAA1gAAACQBBAAB",
            )],
        ),
    },
    Rule {
        id: "tiff-f-x-resolution",
        level: Level::Must,
        rfc: 3949,
        section: "4.2.1",
        text: "XResolution is 200, 204, 300, 400 or 408 per inch (or 80, 160 per centimetre in old files).",
        remedy: "Write a resolution of fax.",
        classes: FAX_PAGES,
        check: tiff_f_x_resolution,
        repair: None,
        samples: Samples::changed(
            VOICE_FAX,
            &[(
                "AAAAAAAAACgBAwABAAAAAgAAACkBAwACAAAAAAABAAAAAADMAAAAAQAAAGIAAAABAAAAACibFQBl",
                "AAAAAAAAACgBAwABAAAAAgAAACkBAwACAAAAAAABAAAAAABIAAAAAQAAAGIAAAABAAAAACibFQBl",
            )],
        ),
    },
    Rule {
        id: "tiff-f-y-resolution",
        level: Level::Must,
        rfc: 3949,
        section: "4.2.1",
        text: "YResolution is 98, 100, 196, 200, 300, 391 or 400 per inch (or 38.5, 77, 154 per centimetre).",
        remedy: "Write a resolution of fax.",
        classes: FAX_PAGES,
        check: tiff_f_y_resolution,
        repair: None,
        samples: Samples::changed(
            VOICE_FAX,
            &[(
                "AAAAAAAAACgBAwABAAAAAgAAACkBAwACAAAAAAABAAAAAADMAAAAAQAAAGIAAAABAAAAACibFQBl",
                "AAAAAAAAACgBAwABAAAAAgAAACkBAwACAAAAAAABAAAAAADMAAAAAQAAADIAAAABAAAAACibFQBl",
            )],
        ),
    },
    Rule {
        id: "tiff-f-width-resolution-pairs",
        level: Level::Must,
        rfc: 3949,
        section: "4.2.1",
        text: "Only certain combinations of resolution and width are legal.",
        remedy: "Match the width to the resolution.",
        classes: FAX_PAGES,
        check: tiff_f_width_resolution_pairs,
        repair: None,
        samples: Samples::changed(
            VOICE_FAX,
            &[(
                "SUkqAAgAAAAQAP4ABAABAAAAAgAAAAABAwABAAAAwAYAAAEBAwABAAAAAgAAAAIBAwABAAAAAQAA",
                "SUkqAAgAAAAQAP4ABAABAAAAAgAAAAABAwABAAAAIAoAAAEBAwABAAAAAgAAAAIBAwABAAAAAQAA",
            )],
        ),
    },
    Rule {
        id: "tiff-f-resolution-unit",
        level: Level::Must,
        rfc: 3949,
        section: "4.2.1",
        text: "ResolutionUnit is 2 or 3.",
        remedy: "Write ResolutionUnit 2.",
        classes: FAX_PAGES,
        check: tiff_f_resolution_unit,
        repair: None,
        samples: Samples::changed(
            VOICE_FAX,
            &[(
                "AAAAAAAAACgBAwABAAAAAgAAACkBAwACAAAAAAABAAAAAADMAAAAAQAAAGIAAAABAAAAACibFQBl",
                "AAAAAAAAACgBAwABAAAAAQAAACkBAwACAAAAAAABAAAAAADMAAAAAQAAAGIAAAABAAAAACibFQBl",
            )],
        ),
    },
    Rule {
        id: "tiff-f-inch-units",
        level: Level::Should,
        rfc: 3949,
        section: "2.2.2",
        text: "Writers give resolutions in inch units.",
        remedy: "Give resolutions in inches.",
        classes: FAX_PAGES,
        check: tiff_f_inch_units,
        repair: None,
        samples: Samples::changed(
            VOICE_FAX,
            &[(
                "AAAAAAAAACgBAwABAAAAAgAAACkBAwACAAAAAAABAAAAAADMAAAAAQAAAGIAAAABAAAAACibFQBl",
                "AAAAAAAAACgBAwABAAAAAwAAACkBAwACAAAAAAABAAAAAADMAAAAAQAAAGIAAAABAAAAACibFQBl",
            )],
        ),
    },
    Rule {
        id: "tiff-f-fill-order-either",
        level: Level::Must,
        rfc: 3949,
        section: "4.2.1",
        text: "Readers handle both bit orders.",
        remedy: "Write FillOrder 1 or 2.",
        classes: FAX_PAGES,
        check: tiff_f_fill_order_either,
        repair: None,
        samples: Samples::changed(
            VOICE_FAX,
            &[(
                "AAMBAwABAAAAAwAAAAYBAwABAAAAAAAAAAoBAwABAAAAAgAAABEBBAABAAAA3gAAABUBAwABAAAA",
                "AAMBAwABAAAAAwAAAAYBAwABAAAAAAAAAAoBAwABAAAAAwAAABEBBAABAAAA3gAAABUBAwABAAAA",
            )],
        ),
    },
    Rule {
        id: "tiff-f-not-jbig-or-colour",
        level: Level::MustNot,
        rfc: 2301,
        section: "9.1",
        text: "A JBIG or colour profile is not passed off as TIFF-F; faxbw alone (once also allowed for profile J) proves nothing.",
        remedy: "Send MH, MR or MMR in black and white.",
        classes: FAX_PAGES,
        check: tiff_f_not_jbig_or_colour,
        repair: None,
        samples: Samples::changed(
            VOICE_FAX,
            &[(
                "AAMBAwABAAAAAwAAAAYBAwABAAAAAAAAAAoBAwABAAAAAgAAABEBBAABAAAA3gAAABUBAwABAAAA",
                "AAMBAwABAAAACQAAAAYBAwABAAAAAAAAAAoBAwABAAAAAgAAABEBBAABAAAA3gAAABUBAwABAAAA",
            )],
        ),
    },
    Rule {
        id: "tiff-f-clean-fax-data-values",
        level: Level::Must,
        rfc: 3949,
        section: "4.3.3",
        text: "CleanFaxData is 0, 1 or 2.",
        remedy: "Write CleanFaxData 0, 1 or 2.",
        classes: FAX_PAGES,
        check: tiff_f_clean_fax_data_values,
        repair: None,
        samples: Samples::changed(VOICE_FAX, &[("ACQBBAAB\nAAAAAAAAACgB", "AEcBBAAB\nAAAAAwAAACgB")]),
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
        samples: Samples::changed(
            VOICE_FAX,
            &[(
                "SUkqAAgAAAAQAP4ABAABAAAAAgAAAAABAwABAAAAwAYAAAEBAwABAAAAAgAAAAIBAwABAAAAAQAA",
                "AAAAAAgAAAAQAP4ABAABAAAAAgAAAAABAwABAAAAwAYAAAEBAwABAAAAAgAAAAIBAwABAAAAAQAA",
            )],
        ),
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

fn tiff_f_compression(s: &Survey<'_>, f: &mut Findings<'_>) {
    each_page(s, f, |p| {
        (!matches!(p.compression, Some(3 | 4)))
            .then(|| format!("Compression {:?}", p.compression.unwrap_or(1)))
    });
}

fn tiff_f_t4options(s: &Survey<'_>, f: &mut Findings<'_>) {
    each_page(s, f, |p| {
        (p.compression == Some(3) && !matches!(p.t4_options, Some(0 | 1 | 4 | 5)))
            .then(|| format!("T4Options {}", shown(p.t4_options)))
    });
}

fn tiff_f_t6options(s: &Survey<'_>, f: &mut Findings<'_>) {
    each_page(s, f, |p| {
        (p.compression == Some(4) && p.t6_options != Some(0))
            .then(|| format!("T6Options {}", shown(p.t6_options)))
    });
}

fn tiff_f_no_uncompressed_mode(s: &Survey<'_>, f: &mut Findings<'_>) {
    each_page(s, f, |p| {
        (p.t4_options.unwrap_or(0) & 2 != 0 || p.t6_options.unwrap_or(0) & 2 != 0)
            .then(|| "uncompressed mode".to_owned())
    });
}

fn tiff_f_bits_per_sample(s: &Survey<'_>, f: &mut Findings<'_>) {
    each_page(s, f, |p| {
        (p.bits_per_sample.iter().any(|b| *b != 1)).then(|| format!("BitsPerSample {:?}", p.bits_per_sample))
    });
}

fn tiff_f_samples_per_pixel(s: &Survey<'_>, f: &mut Findings<'_>) {
    each_page(s, f, |p| {
        (p.samples_per_pixel.unwrap_or(1) != 1)
            .then(|| format!("SamplesPerPixel {}", shown(p.samples_per_pixel)))
    });
}

fn tiff_f_new_subfile_type(s: &Survey<'_>, f: &mut Findings<'_>) {
    each_page(s, f, |p| {
        (p.new_subfile_type.unwrap_or(0) & 2 == 0)
            .then(|| format!("NewSubfileType {}", shown(p.new_subfile_type)))
    });
}

fn tiff_f_photometric(s: &Survey<'_>, f: &mut Findings<'_>) {
    each_page(s, f, |p| {
        (!matches!(p.photometric, Some(0 | 1)))
            .then(|| format!("PhotometricInterpretation {}", shown(p.photometric)))
    });
}

fn tiff_f_page_number(s: &Survey<'_>, f: &mut Findings<'_>) {
    for (id, facts) in s.faxes() {
        for (n, page) in facts.pages.iter().enumerate() {
            let Some([number, total]) = page.page_number else {
                f.entity(id, format!("page {}: no PageNumber", n + 1));
                continue;
            };
            // An unknown total may come with a number that is not counted either (RFC 2306 3.3).
            if usize::from(number) != n || (total != 0 && usize::from(total) != facts.pages.len()) {
                f.entity(id, format!("page {}: PageNumber {number} of {total}", n + 1));
            }
        }
    }
}

fn tiff_f_image_width(s: &Survey<'_>, f: &mut Findings<'_>) {
    each_page(s, f, |p| (!WIDTHS.contains(&p.width)).then(|| format!("ImageWidth {}", p.width)));
}

fn tiff_f_required_fields(s: &Survey<'_>, f: &mut Findings<'_>) {
    each_page(s, f, |p| {
        (p.x_resolution.is_none() || p.y_resolution.is_none() || p.strips == 0 || p.length == 0)
            .then(|| "a required field is missing".to_owned())
    });
}

fn tiff_f_x_resolution(s: &Survey<'_>, f: &mut Findings<'_>) {
    each_page(s, f, |p| {
        (p.x_resolution.is_some_and(|x| !near(inches(p, x), &[200.0, 204.0, 300.0, 400.0, 408.0, 195.6])))
            .then(|| format!("XResolution {}", p.x_resolution.unwrap_or(0.0)))
    });
}

fn tiff_f_y_resolution(s: &Survey<'_>, f: &mut Findings<'_>) {
    each_page(s, f, |p| {
        (p.y_resolution
            .is_some_and(|y| !near(inches(p, y), &[98.0, 100.0, 196.0, 200.0, 300.0, 391.0, 400.0])))
        .then(|| format!("YResolution {}", p.y_resolution.unwrap_or(0.0)))
    });
}

fn tiff_f_width_resolution_pairs(s: &Survey<'_>, f: &mut Findings<'_>) {
    each_page(s, f, |p| {
        (p.x_resolution.is_some_and(|x| WIDTHS.contains(&p.width) && !pair(p, inches(p, x))))
            .then(|| format!("width {} at {} dpi", p.width, p.x_resolution.unwrap_or(0.0)))
    });
}

fn tiff_f_resolution_unit(s: &Survey<'_>, f: &mut Findings<'_>) {
    each_page(s, f, |p| {
        (!matches!(p.resolution_unit, None | Some(2 | 3)))
            .then(|| format!("ResolutionUnit {}", shown(p.resolution_unit)))
    });
}

fn tiff_f_inch_units(s: &Survey<'_>, f: &mut Findings<'_>) {
    each_page(s, f, |p| (p.resolution_unit == Some(3)).then(|| "resolutions in centimetres".to_owned()));
}

fn tiff_f_fill_order_either(s: &Survey<'_>, f: &mut Findings<'_>) {
    each_page(s, f, |p| {
        (!matches!(p.fill_order, None | Some(1 | 2))).then(|| format!("FillOrder {}", shown(p.fill_order)))
    });
}

fn tiff_f_not_jbig_or_colour(s: &Survey<'_>, f: &mut Findings<'_>) {
    each_page(s, f, |p| {
        (matches!(p.compression, Some(7 | 9 | 10)) || matches!(p.photometric, Some(2 | 5 | 10)))
            .then(|| format!("coding {}, PhotometricInterpretation {}", p.coding, shown(p.photometric)))
    });
}

fn tiff_f_clean_fax_data_values(s: &Survey<'_>, f: &mut Findings<'_>) {
    each_page(s, f, |p| {
        (p.clean_fax_data.is_some_and(|v| v > 2)).then(|| format!("CleanFaxData {}", shown(p.clean_fax_data)))
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

/// RFC 3949 4.2.1.
const WIDTHS: [u32; 9] = [1728, 2048, 2432, 2592, 3072, 3648, 3456, 4096, 4864];

fn each_page(s: &Survey<'_>, f: &mut Findings<'_>, wrong: fn(&PageFacts) -> Option<String>) {
    for (id, number, page) in s.pages() {
        if let Some(what) = wrong(page) {
            f.entity(id, format!("page {number}: {what}"));
        }
    }
}

fn shown<T: std::fmt::Display>(value: Option<T>) -> String {
    value.map_or_else(|| "absent".to_owned(), |v| v.to_string())
}

/// RFC 2306 3.3 lists 77 and 80 per centimetre; both mean the fax resolutions.
fn inches(p: &PageFacts, per_unit: f64) -> f64 {
    if p.resolution_unit == Some(3) { per_unit * 2.54 } else { per_unit }
}

fn pair(p: &PageFacts, x: f64) -> bool {
    match p.width {
        1728 | 2048 | 2432 => x < 250.0,
        2592 | 3072 | 3648 => (250.0..350.0).contains(&x),
        _ => x >= 350.0,
    }
}

fn has_faxbw(e: &crate::message::Entity) -> bool {
    e.content_type.parameters.value("application").is_some_and(|a| a.trim().eq_ignore_ascii_case("faxbw"))
}

fn add_faxbw(s: &Survey<'_>, edits: &mut EditList) {
    for (id, _) in s.tiffs().filter(|(_, e)| e.content_type.parameters.value("application").is_none()) {
        if let Some(field) = s.fields(id, "Content-Type").next() {
            s.append_parameter(edits, id, field, "application=faxbw");
        }
    }
}
