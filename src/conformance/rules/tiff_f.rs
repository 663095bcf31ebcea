//! Profile F of RFC 3949, TIFF-F of RFC 2306: the fields of its pages. Its coded data is in `tiff_f_data`.

use super::lookup::*;
use super::samples::*;
use super::tiff::add_faxbw;
use super::tiff_fields::*;
use super::tiff_samples::*;
use crate::conformance::rule::{Findings, Level, Rule, Sample, Samples};
use crate::media::fax::PageFacts;
use crate::vpim::{Class, Survey};

/// The rules.
pub static RULES: &[Rule] = &[
    Rule {
        id: "tiff-f-compression",
        level: Level::Must,
        rfc: 3949,
        section: "4.2.1",
        text: "Compression is 3 (MH or MR) or 4 (MMR).",
        remedy: "Send MH, MR or MMR.",
        classes: FAX_PAGES,
        check: field,
        repair: None,
        samples: Samples::edited(VOICE_FAX, uncompressed),
    },
    Rule {
        id: "tiff-f-t4options",
        level: Level::Must,
        rfc: 3949,
        section: "4.2.2",
        text: "With compression 3 the T4Options field is present and has only bits 0 and 2 free.",
        remedy: "Write T4Options as RFC 3949 says.",
        classes: FAX_PAGES,
        check: field,
        repair: None,
        samples: Samples::edited(VOICE_FAX, |t| put(t, 292, 8)),
    },
    Rule {
        id: "tiff-f-t6options",
        level: Level::Must,
        rfc: 3949,
        section: "4.2.2",
        text: "With compression 4 the T6Options field is present and zero.",
        remedy: "Write T6Options 0.",
        classes: FAX_PAGES,
        check: field,
        repair: None,
        samples: Samples::edited(VOICE_FAX, |t| put(t, 259, 4)),
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
        samples: Samples::edited(VOICE_FAX, |t| put(t, 292, 2)),
    },
    Rule {
        id: "tiff-f-bits-per-sample",
        level: Level::Must,
        rfc: 3949,
        section: "4.2.1",
        text: "BitsPerSample is 1.",
        remedy: "Send black and white pages.",
        classes: FAX_PAGES,
        check: field,
        repair: None,
        samples: Samples::edited(VOICE_FAX, |t| put(t, 258, 8)),
    },
    Rule {
        id: "tiff-f-samples-per-pixel",
        level: Level::Must,
        rfc: 3949,
        section: "4.2.1",
        text: "SamplesPerPixel is 1.",
        remedy: "Send black and white pages.",
        classes: FAX_PAGES,
        check: field,
        repair: None,
        samples: Samples::edited(VOICE_FAX, |t| put(t, 277, 3)),
    },
    Rule {
        id: "tiff-f-new-subfile-type",
        level: Level::Must,
        rfc: 3949,
        section: "4.2.1",
        text: "NewSubfileType has bit 1 set, also for single pages.",
        remedy: "Write NewSubfileType 2 on every page.",
        classes: FAX_PAGES,
        check: field,
        repair: None,
        samples: Samples::edited(VOICE_FAX, |t| put(t, 254, 0)),
    },
    Rule {
        id: "tiff-f-photometric",
        level: Level::Must,
        rfc: 3949,
        section: "4.2.1",
        text: "PhotometricInterpretation is 0 or 1.",
        remedy: "Write PhotometricInterpretation 0.",
        classes: FAX_PAGES,
        check: field,
        repair: None,
        samples: Samples::edited(VOICE_FAX, |t| put(t, 262, 2)),
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
        samples: Samples::edited(VOICE_FAX, |t| put(t, 297, 1)),
    },
    Rule {
        id: "tiff-f-image-width",
        level: Level::Must,
        rfc: 3949,
        section: "4.2.1",
        text: "ImageWidth is one of nine values.",
        remedy: "Scan at 1728 pixels for 200 dpi.",
        classes: FAX_PAGES,
        check: field,
        repair: None,
        samples: Samples::edited(VOICE_FAX, |t| put(t, 256, 816)),
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
        samples: Samples::edited(VOICE_FAX, |t| retag(t, 282, 281, 206)),
    },
    Rule {
        id: "tiff-f-x-resolution",
        level: Level::Must,
        rfc: 3949,
        section: "4.2.1",
        text: "XResolution is 200, 204, 300, 400 or 408 per inch (or 80, 160 per centimetre in old files).",
        remedy: "Write a resolution of fax.",
        classes: FAX_PAGES,
        check: field,
        repair: None,
        samples: Samples::edited(VOICE_FAX, |t| octet(t, 206, 72)),
    },
    Rule {
        id: "tiff-f-y-resolution",
        level: Level::Must,
        rfc: 3949,
        section: "4.2.1",
        text: "YResolution is 98, 100, 196, 200, 300, 391 or 400 per inch (or 38.5, 77, 154 per centimetre).",
        remedy: "Write a resolution of fax.",
        classes: FAX_PAGES,
        check: field,
        repair: None,
        samples: Samples::edited(VOICE_FAX, |t| octet(t, 214, 50)),
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
        samples: Samples::edited(VOICE_FAX, |t| put(t, 256, 2592)),
    },
    Rule {
        id: "tiff-f-resolution-unit",
        level: Level::Must,
        rfc: 3949,
        section: "4.2.1",
        text: "ResolutionUnit is 2 or 3.",
        remedy: "Write ResolutionUnit 2.",
        classes: FAX_PAGES,
        check: field,
        repair: None,
        samples: Samples::edited(VOICE_FAX, |t| put(t, 296, 1)),
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
        samples: Samples::edited(VOICE_FAX, |t| put(t, 296, 3)),
    },
    Rule {
        id: "tiff-f-fill-order-either",
        level: Level::Must,
        rfc: 3949,
        section: "4.2.1",
        text: "Readers handle both bit orders.",
        remedy: "Write FillOrder 1 or 2.",
        classes: FAX_PAGES,
        check: field,
        repair: None,
        samples: Samples::edited(VOICE_FAX, |t| put(t, 266, 3)),
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
        samples: Samples::edited(VOICE_FAX, |t| put(t, 259, 9)),
    },
    Rule {
        id: "tiff-f-clean-fax-data-values",
        level: Level::Must,
        rfc: 3949,
        section: "4.3.3",
        text: "CleanFaxData is 0, 1 or 2.",
        remedy: "Write CleanFaxData 0, 1 or 2.",
        classes: FAX_PAGES,
        check: field,
        repair: None,
        samples: Samples::edited(VOICE_FAX, |t| retag(t, 277, 327, 3)),
    },
    Rule {
        id: "tiff-f-orientation",
        level: Level::Should,
        rfc: 2306,
        section: "3.5",
        text: "Orientation is written and says how the page is to be shown; no page is mirrored.",
        remedy: "Send pages that are not mirrored.",
        classes: FAX_PAGES,
        check: orientation,
        repair: None,
        samples: Samples::edited(VOICE_FAX, |t| retag(t, 277, 274, 2)),
    },
    Rule {
        id: "tiff-f-quality-fields-need-evidence",
        level: Level::MustNot,
        rfc: 3949,
        section: "4.4.5",
        text: "Page-quality fields are written only from what the receiving hardware reported.",
        remedy: "Write page-quality fields only as the receiving modem counted.",
        classes: FAX_PAGES,
        check: quality_fields_need_evidence,
        repair: None,
        samples: Samples::edited(VOICE_FAX, |t| retag(t, 277, 328, 5)),
    },
    Rule {
        id: "tiff-f-quality-fields-error-free",
        level: Level::ShouldNot,
        rfc: 3949,
        section: "4.3.3",
        text: "Page-quality fields are not written for images without errors.",
        remedy: "Leave page-quality fields out where no line is damaged.",
        classes: FAX_PAGES,
        check: quality_fields_error_free,
        repair: None,
        samples: Samples::edited(VOICE_FAX, |t| retag(t, 277, 327, 0)),
    },
    Rule {
        id: "tiff-f-global-parameters",
        level: Level::Should,
        rfc: 3949,
        section: "2.2.4",
        text: "Global parameters are referenced from the first directory and name profile S or F.",
        remedy: "Reference global parameters from the first page, with FaxProfile 1 or 2.",
        classes: FAX_PAGES,
        check: global_parameters,
        repair: None,
        samples: Samples::edited(VOICE_FAX, |t| retag(t, 277, 402, 3)),
    },
    Rule {
        id: "tiff-f-missing-fields-rejected",
        level: Level::Should,
        rfc: 3249,
        section: "5.2.3.2",
        text: "Readers refuse files with missing fields, a wrong header or strips outside the file.",
        remedy: "Write all required fields and send the file whole.",
        classes: FAX_PAGES,
        check: missing_fields_rejected,
        repair: None,
        samples: Samples::edited(VOICE_FAX, |t| retag(t, 279, 280, 8)),
    },
    Rule {
        id: "tiff-f-application-faxbw",
        level: Level::Should,
        rfc: 2306,
        section: "4.1",
        text: "TIFF-F is labelled application=faxbw.",
        remedy: "Let the fax system write image/tiff; application=faxbw.",
        classes: IVM,
        check: application_faxbw,
        repair: Some(add_faxbw),
        samples: Samples::changed(
            Sample { class: Some(Class::Ivm), ..VOICE_FAX },
            &[("; application=faxbw", "")],
        ),
    },
];

fn tiff_f_no_uncompressed_mode(s: &Survey<'_>, f: &mut Findings<'_>) {
    each_page(s, f, |p| {
        (p.t4_options.unwrap_or(0) & 2 != 0 || p.t6_options.unwrap_or(0) & 2 != 0)
            .then(|| "uncompressed mode".to_owned())
    });
}

fn tiff_f_page_number(s: &Survey<'_>, f: &mut Findings<'_>) {
    for (id, facts) in s.faxes() {
        page_numbers(id, facts, f);
    }
}

fn tiff_f_required_fields(s: &Survey<'_>, f: &mut Findings<'_>) {
    each_page(s, f, |p| {
        (p.x_resolution.is_none() || p.y_resolution.is_none() || p.strips == 0 || p.length == 0)
            .then(|| "a required field is missing".to_owned())
    });
}

fn tiff_f_width_resolution_pairs(s: &Survey<'_>, f: &mut Findings<'_>) {
    each_page(s, f, |p| {
        (p.x_resolution.is_some_and(|x| WIDTHS.contains(&p.width) && !pair(p, inches(p, x))))
            .then(|| format!("width {} at {} dpi", p.width, p.x_resolution.unwrap_or(0.0)))
    });
}

fn tiff_f_inch_units(s: &Survey<'_>, f: &mut Findings<'_>) {
    each_page(s, f, |p| (p.resolution_unit == Some(3)).then(|| "resolutions in centimetres".to_owned()));
}

fn tiff_f_not_jbig_or_colour(s: &Survey<'_>, f: &mut Findings<'_>) {
    each_page(s, f, |p| {
        (matches!(p.compression, Some(7 | 9 | 10)) || matches!(p.photometric, Some(2 | 5 | 10)))
            .then(|| format!("coding {}, PhotometricInterpretation {}", p.coding, shown(p.photometric)))
    });
}

fn pair(p: &PageFacts, x: f64) -> bool {
    match p.width {
        1728 | 2048 | 2432 => x < 250.0,
        2592 | 3072 | 3648 => (250.0..350.0).contains(&x),
        _ => x >= 350.0,
    }
}

fn orientation(s: &Survey<'_>, f: &mut Findings<'_>) {
    each_page(s, f, |p| {
        let mirrored = p.orientation.filter(|o| matches!(o, 2 | 4 | 5 | 7))?;
        Some(format!("Orientation {mirrored}, a mirrored page"))
    });
}

/// RFC 3949 4.4.5. Numbers that contradict each other or the page were not counted by anybody.
fn quality_fields_need_evidence(s: &Survey<'_>, f: &mut Findings<'_>) {
    each_page(s, f, |p| {
        let bad = p.bad_fax_lines.unwrap_or(0);
        let run = p.consecutive_bad_fax_lines.unwrap_or(0);
        let more_than_all = run > bad || bad > p.length;
        let none = p.clean_fax_data == Some(0) && bad > 0;
        (more_than_all || none).then(|| {
            format!(
                "BadFaxLines {bad}, ConsecutiveBadFaxLines {run}, CleanFaxData {} of {} lines",
                shown(p.clean_fax_data),
                p.length
            )
        })
    });
}

fn quality_fields_error_free(s: &Survey<'_>, f: &mut Findings<'_>) {
    each_page(s, f, |p| {
        let none_bad = p.bad_fax_lines == Some(0) && p.consecutive_bad_fax_lines.is_some();
        (p.clean_fax_data == Some(0) || none_bad)
            .then(|| "page-quality fields on a page without errors".into())
    });
}

fn global_parameters(s: &Survey<'_>, f: &mut Findings<'_>) {
    each_page(s, f, |p| {
        let profile = p.fax_profile.filter(|profile| !matches!(profile, 0..=2))?;
        Some(format!("FaxProfile {profile}"))
    });
    for (id, facts) in s.faxes() {
        for (n, _) in (1..).zip(&facts.pages).skip(1).filter(|(_, p)| p.tags.contains(&400)) {
            f.entity(id, format!("page {n}: GlobalParametersIFD"));
        }
    }
}

fn missing_fields_rejected(s: &Survey<'_>, f: &mut Findings<'_>) {
    for (body, _) in s.judged_bodies().filter(|(_, e)| is_tiff(e)) {
        if let Err(e) = &body.facts {
            f.entity(body.entity, format!("not readable as TIFF: {e}"));
        }
    }
    for (id, facts) in s.faxes() {
        for (n, page) in (1..).zip(&facts.pages).filter(|(_, p)| !p.tiled) {
            let required = [256, 257, 273, 279, 282, 283];
            if let Some(tag) = required.iter().find(|tag| !page.tags.contains(tag)) {
                f.entity(id, format!("page {n}: no field {tag}"));
            } else if !data_in_file(facts, page) {
                f.entity(id, format!("page {n}: the image is not in the file"));
            }
        }
    }
}

fn application_faxbw(s: &Survey<'_>, f: &mut Findings<'_>) {
    for (id, e) in s.tiffs().filter(|(_, e)| e.content_type.parameters.value("application").is_none()) {
        match s.fields(id, "Content-Type").next() {
            Some(field) if e.is_leaf() => f.field(id, field, "no application=faxbw"),
            _ => {}
        }
    }
}
