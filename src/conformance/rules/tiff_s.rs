//! Profile S of RFC 3949, the TIFF of simple Internet fax. Which files these rules judge:
//! [`meant_as_s`](super::tiff_fields::meant_as_s).

use super::lookup::*;
use super::samples::*;
use super::tiff_fields::*;
use super::tiff_samples::*;
use crate::conformance::rule::{Findings, Level, Rule, Sample, Samples};
use crate::media::fax::{CodedFacts, FaxFacts, PageFacts};
use crate::vpim::Survey;

/// A fax for a system that takes nothing else than profile S.
const S: Sample = SIMPLE_FAX.towards(simple);

/// The rules.
pub static RULES: &[Rule] = &[
    Rule {
        id: "tiff-s-byte-order-ii",
        level: Level::Must,
        rfc: 3949,
        section: "3.5",
        text: "A profile S file is little-endian.",
        remedy: "Write the file little-endian (II).",
        classes: FAX,
        check: byte_order_ii,
        repair: None,
        samples: Samples::edited(S, big_endian),
    },
    Rule {
        id: "tiff-s-first-ifd-offset-8",
        level: Level::Must,
        rfc: 3949,
        section: "3.5",
        text: "The first directory follows the header, at offset 8.",
        remedy: "Write the first directory right behind the header.",
        classes: FAX,
        check: first_ifd_offset_8,
        repair: None,
        samples: Samples::edited(S, directory_last),
    },
    Rule {
        id: "tiff-s-one-ifd-per-page",
        level: Level::Must,
        rfc: 3949,
        section: "3.5",
        text: "Each page has a directory of its own in the chain; there are no others.",
        remedy: "Write one directory a page, all in one chain.",
        classes: FAX,
        check: one_ifd_per_page,
        repair: None,
        samples: Samples::edited(S, |t| retag(t, 277, 330, 8)),
    },
    Rule {
        id: "tiff-s-ifds-in-page-order",
        level: Level::Must,
        rfc: 3949,
        section: "3.5",
        text: "Directories come in the file in the order of the pages.",
        remedy: "Write the directories in page order.",
        classes: FAX,
        check: ifds_in_page_order,
        repair: None,
        samples: Samples::edited(S, second_page_first),
    },
    Rule {
        id: "tiff-s-ifd-precedes-image",
        level: Level::Must,
        rfc: 3949,
        section: "3.5",
        text: "A directory comes before the image it points to.",
        remedy: "Write each directory before its image.",
        classes: FAX,
        check: ifd_precedes_image,
        repair: None,
        samples: Samples::edited(S, directory_last),
    },
    Rule {
        id: "tiff-s-images-in-page-order",
        level: Level::Must,
        rfc: 3949,
        section: "3.5",
        text: "The images come in the file in the order of the pages.",
        remedy: "Write the images in page order.",
        classes: FAX,
        check: images_in_page_order,
        repair: None,
        samples: Samples::edited(S, |t| {
            two_pages(t);
            put_second(t, 273, STRIP as u32);
        }),
    },
    Rule {
        id: "tiff-s-page-data-before-next-ifd",
        level: Level::Must,
        rfc: 3949,
        section: "3.5",
        text: "Directory, long values and image of a page come before the next directory.",
        remedy: "Write a page as a whole before the next one.",
        classes: FAX,
        check: page_data_before_next_ifd,
        repair: None,
        samples: Samples::edited(S, |t| {
            two_pages(t);
            put(t, 273, 2 * STRIP as u32);
        }),
    },
    Rule {
        id: "tiff-s-single-strip",
        level: Level::Must,
        rfc: 3949,
        section: "3.5",
        text: "The image of a page is one strip.",
        remedy: "Write each page as one strip.",
        classes: FAX,
        check: single_strip,
        repair: None,
        samples: Samples::edited(S, |t| count(t, 273, 2)),
    },
    Rule {
        id: "tiff-s-long-values-after-ifd",
        level: Level::Must,
        rfc: 3949,
        section: "3.5",
        text: "Only the two resolutions lie outside the directory, right behind it.",
        remedy: "Write the two resolutions between directory and image.",
        classes: FAX,
        check: long_values_after_ifd,
        repair: None,
        samples: Samples::edited(S, directory_last),
    },
    Rule {
        id: "tiff-s-bits-per-sample",
        level: Level::Must,
        rfc: 3949,
        section: "3.2.1",
        text: "A page has one bit a pixel: BitsPerSample is 1.",
        remedy: "Send black and white pages.",
        classes: FAX,
        check: field,
        repair: None,
        samples: Samples::edited(S, |t| put(t, 258, 8)),
    },
    Rule {
        id: "tiff-s-compression-3",
        level: Level::Must,
        rfc: 3949,
        section: "3.2.1",
        text: "Compression is 3, T.4.",
        remedy: "Send MH, as Compression 3.",
        classes: FAX,
        check: field,
        repair: None,
        samples: Samples::edited(S, |t| mmr(t, 4)),
    },
    Rule {
        id: "tiff-s-fill-order-2",
        level: Level::Must,
        rfc: 3949,
        section: "3.2.1",
        text: "FillOrder is 2: the first bit of an octet is its lowest.",
        remedy: "Write the lowest bit first and FillOrder 2.",
        classes: FAX,
        check: field,
        repair: None,
        samples: Samples::edited(S, |t| put(t, 266, 1)),
    },
    Rule {
        id: "tiff-s-image-width-1728",
        level: Level::Must,
        rfc: 3949,
        section: "3.2.1",
        text: "A page is 1728 pixels wide.",
        remedy: "Scan pages 1728 pixels wide.",
        classes: FAX,
        check: field,
        repair: None,
        samples: Samples::edited(S, |t| put(t, 256, 2048)),
    },
    Rule {
        id: "tiff-s-new-subfile-type",
        level: Level::Must,
        rfc: 3949,
        section: "3.2.1",
        text: "NewSubfileType is 2, a page of several, even where there is one.",
        remedy: "Write NewSubfileType 2 on every page.",
        classes: FAX,
        check: field,
        repair: None,
        samples: Samples::edited(S, |t| put(t, 254, 0)),
    },
    Rule {
        id: "tiff-s-page-number",
        level: Level::Must,
        rfc: 3949,
        section: "2.2.1",
        text: "PageNumber tells the page, from 0, and how many there are or 0.",
        remedy: "Number the pages from 0.",
        classes: FAX,
        check: page_number,
        repair: None,
        samples: Samples::edited(S, |t| put(t, 297, 1)),
    },
    Rule {
        id: "tiff-s-photometric-0",
        level: Level::Must,
        rfc: 3949,
        section: "3.2.1",
        text: "PhotometricInterpretation is 0: zero bits are white.",
        remedy: "Write black as one bits and PhotometricInterpretation 0.",
        classes: FAX,
        check: field,
        repair: None,
        samples: Samples::edited(S, |t| put(t, 262, 1)),
    },
    Rule {
        id: "tiff-s-resolution-unit",
        level: Level::Must,
        rfc: 3949,
        section: "3.2.1",
        text: "Resolutions are given per inch.",
        remedy: "Give resolutions per inch.",
        classes: FAX,
        check: field,
        repair: None,
        samples: Samples::edited(S, |t| put(t, 296, 3)),
    },
    Rule {
        id: "tiff-s-samples-per-pixel",
        level: Level::Must,
        rfc: 3949,
        section: "3.2.1",
        text: "A pixel is one sample.",
        remedy: "Send black and white pages.",
        classes: FAX,
        check: field,
        repair: None,
        samples: Samples::edited(S, |t| put(t, 277, 3)),
    },
    Rule {
        id: "tiff-s-rows-per-strip",
        level: Level::Must,
        rfc: 3949,
        section: "3.6",
        text: "The one strip has all rows: RowsPerStrip equals ImageLength.",
        remedy: "Write RowsPerStrip as ImageLength.",
        classes: FAX,
        check: rows_per_strip,
        repair: None,
        samples: Samples::edited(S, |t| put(t, 278, 1)),
    },
    Rule {
        id: "tiff-s-x-resolution",
        level: Level::Must,
        rfc: 3949,
        section: "3.2.1",
        text: "XResolution is 200 or 204 per inch.",
        remedy: "Write XResolution 204.",
        classes: FAX,
        check: field,
        repair: None,
        samples: Samples::edited(S, |t| octet(t, 206, 100)),
    },
    Rule {
        id: "tiff-s-y-resolution",
        level: Level::Must,
        rfc: 3949,
        section: "3.2.1",
        text: "YResolution is 98, 100, 196 or 200 per inch.",
        remedy: "Write YResolution 98 or 196.",
        classes: FAX,
        check: field,
        repair: None,
        samples: Samples::edited(S, |t| octet(t, 214, 50)),
    },
    Rule {
        id: "tiff-s-t4options",
        level: Level::Must,
        rfc: 3949,
        section: "3.2.2",
        text: "T4Options is present and says MH without uncompressed mode: 0 or 4.",
        remedy: "Send MH and say so in T4Options.",
        classes: FAX,
        check: field,
        repair: None,
        samples: Samples::edited(S, |t| put(t, 292, 1)),
    },
    Rule {
        id: "tiff-s-eol-before-each-line",
        level: Level::Must,
        rfc: 3949,
        section: "3.4",
        text: "An EOL comes before each line, and none after the last.",
        remedy: "Write an EOL before each line, and none at the end.",
        classes: FAX,
        check: eol_before_each_line,
        repair: None,
        samples: Samples::edited(S, |t| octet(t, STRIP, 1)),
    },
    Rule {
        id: "tiff-s-no-rtc",
        level: Level::ShouldNot,
        rfc: 3949,
        section: "3.4.1",
        text: "The page does not end with an RTC.",
        remedy: "Leave the RTC out.",
        classes: FAX,
        check: no_rtc,
        repair: None,
        samples: Samples::edited(S, rtc),
    },
    Rule {
        id: "tiff-s-no-rtc-when-aligned",
        level: Level::MustNot,
        rfc: 3949,
        section: "3.4",
        text: "No RTC follows EOLs that end on octet boundaries.",
        remedy: "Leave the RTC out.",
        classes: FAX,
        check: no_rtc_when_aligned,
        repair: None,
        samples: Samples::edited(S, |t| {
            rtc(t);
            put(t, 292, 4);
        }),
    },
    Rule {
        id: "tiff-s-no-optional-fields",
        level: Level::ShouldNot,
        rfc: 3949,
        section: "2.2.3",
        text: "A profile S file has none of the recommended and new fields.",
        remedy: "Write the required fields only.",
        classes: FAX,
        check: no_optional_fields,
        repair: None,
        samples: Samples::edited(S, |t| retag(t, 277, 305, 0)),
    },
    Rule {
        id: "tiff-s-clean-lines",
        level: Level::Must,
        rfc: 2306,
        section: "3.9.2",
        text: "Each line decodes without error to the width of the page.",
        remedy: "Let the fax gateway code received pages anew.",
        classes: FAX,
        check: clean_lines,
        repair: None,
        samples: Samples::edited(S, |t| octet(t, STRIP + 2, 0x3c)),
    },
    Rule {
        id: "tiff-read-big-endian",
        level: Level::Should,
        rfc: 3249,
        section: "5.2.1",
        text: "A big-endian file is left to readers that cope with it, not sent to one that need not.",
        remedy: "Write the file little-endian (II).",
        classes: FAX,
        check: byte_order_ii,
        repair: None,
        samples: Samples::edited(S, big_endian),
    },
];

/// Reports what is wrong with a file as a whole.
fn each_file(s: &Survey<'_>, f: &mut Findings<'_>, wrong: impl Fn(&FaxFacts) -> Option<String>) {
    for (id, facts) in simple_faxes(s) {
        if let Some(what) = wrong(facts) {
            f.entity(id, what);
        }
    }
}

/// The first page that does not fit to the one before it.
fn each_neighbour(
    s: &Survey<'_>,
    f: &mut Findings<'_>,
    fits: fn(&PageFacts, &PageFacts) -> bool,
    what: &str,
) {
    each_file(s, f, |facts| {
        let pairs = facts.pages.iter().zip(facts.pages.iter().skip(1));
        let (n, _) = (2..).zip(pairs).find(|(_, (one, next))| !fits(one, next))?;
        Some(format!("page {n}: {what}"))
    });
}

fn byte_order_ii(s: &Survey<'_>, f: &mut Findings<'_>) {
    each_file(s, f, |facts| {
        (facts.byte_order.as_deref() != Some("II"))
            .then(|| format!("byte order {}", shown(facts.byte_order.as_ref())))
    });
}

fn first_ifd_offset_8(s: &Survey<'_>, f: &mut Findings<'_>) {
    each_file(s, f, |facts| {
        let at = facts.first_ifd_offset;
        (at != Some(8)).then(|| format!("first directory at offset {}", shown(at)))
    });
}

fn one_ifd_per_page(s: &Survey<'_>, f: &mut Findings<'_>) {
    each_simple_page(s, f, |p| {
        p.tags.contains(&330).then(|| "directories beside the chain (SubIFDs)".into())
    });
}

fn ifds_in_page_order(s: &Survey<'_>, f: &mut Findings<'_>) {
    each_neighbour(
        s,
        f,
        |one, next| {
            one.ifd_offset < next.ifd_offset
                && one.page_number.map(|n| n[0]) <= next.page_number.map(|n| n[0])
        },
        "before the page it follows",
    );
}

fn start(page: &PageFacts) -> Option<u64> {
    page.data.map(|data| data.start)
}

fn ifd_precedes_image(s: &Survey<'_>, f: &mut Findings<'_>) {
    each_simple_page(s, f, |p| {
        start(p)
            .filter(|&at| at <= p.ifd_offset)
            .map(|at| format!("image at {at}, directory at {}", p.ifd_offset))
    });
}

fn images_in_page_order(s: &Survey<'_>, f: &mut Findings<'_>) {
    each_neighbour(s, f, |one, next| start(one) < start(next), "image not behind that of the page before");
}

fn page_data_before_next_ifd(s: &Survey<'_>, f: &mut Findings<'_>) {
    let end = |p: &PageFacts| {
        let values = p.fields.iter().filter_map(|field| Some(field.offset? + field.octets));
        values.chain(p.data.map(|data| data.end)).max().unwrap_or(0)
    };
    each_file(s, f, |facts| {
        let pairs = facts.pages.iter().zip(facts.pages.iter().skip(1));
        let (n, _) = (1..).zip(pairs).find(|(_, (one, next))| end(one) > next.ifd_offset)?;
        Some(format!("page {n} has data behind the directory of the next"))
    });
}

fn single_strip(s: &Survey<'_>, f: &mut Findings<'_>) {
    each_simple_page(s, f, |p| {
        let counts = p.strip_byte_counts.unwrap_or(1);
        let rows = p.rows_per_strip.unwrap_or(u32::MAX);
        (p.strips > 1 || counts > 1 || rows < p.length)
            .then(|| format!("{} strips of {rows} rows", p.strips.max(counts)))
    });
}

fn long_values_after_ifd(s: &Survey<'_>, f: &mut Findings<'_>) {
    each_simple_page(s, f, |p| {
        let between = |at: u64| at >= p.ifd_end && start(p).is_none_or(|start| at < start);
        let place = |field: &&crate::media::fax::FieldFacts| {
            field.offset.is_some_and(|at| !matches!(field.tag, 282 | 283) || !between(at))
        };
        let field = p.fields.iter().find(place)?;
        Some(format!("values of field {} at {}", field.tag, shown(field.offset)))
    });
}

fn page_number(s: &Survey<'_>, f: &mut Findings<'_>) {
    for (id, facts) in simple_faxes(s) {
        page_numbers(id, facts, f);
    }
}

fn rows_per_strip(s: &Survey<'_>, f: &mut Findings<'_>) {
    each_simple_page(s, f, |p| {
        let rows = p.rows_per_strip.filter(|&rows| rows != p.length)?;
        Some(format!("RowsPerStrip {rows}, ImageLength {}", p.length))
    });
}

fn each_coded(s: &Survey<'_>, f: &mut Findings<'_>, wrong: fn(&PageFacts, &CodedFacts) -> Option<String>) {
    each_simple_page(s, f, |p| wrong(p, p.coded.as_ref()?));
}

fn eol_before_each_line(s: &Survey<'_>, f: &mut Findings<'_>) {
    each_coded(s, f, eol_fault);
}

fn no_rtc(s: &Survey<'_>, f: &mut Findings<'_>) {
    each_coded(s, f, |_, coded| coded.rtc.then(|| "an RTC".into()));
}

fn no_rtc_when_aligned(s: &Survey<'_>, f: &mut Findings<'_>) {
    each_coded(s, f, rtc_when_aligned);
}

fn no_optional_fields(s: &Survey<'_>, f: &mut Findings<'_>) {
    each_simple_page(s, f, |p| {
        let foreign = |tag: &&u16| matches!(**tag, 269 | 270 | 274 | 284 | 305 | 306 | 400..=405);
        p.tags.iter().find(foreign).map(|tag| format!("field {tag}"))
    });
}

fn clean_lines(s: &Survey<'_>, f: &mut Findings<'_>) {
    each_coded(s, f, |_, coded| (coded.damaged > 0).then(|| format!("{} damaged lines", coded.damaged)));
}
