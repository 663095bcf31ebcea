//! Profile F of RFC 3949, TIFF-F of RFC 2306: its coded data, and where it lies in the file.

use super::lookup::*;
use super::samples::*;
use super::tiff_fields::*;
use super::tiff_samples::*;
use crate::conformance::rule::{Findings, Level, Rule, Samples};
use crate::media::fax::{CodedFacts, PageFacts};
use crate::vpim::Survey;

/// The rules.
pub static RULES: &[Rule] = &[
    Rule {
        id: "tiff-f-mmr-eofb",
        level: Level::Must,
        rfc: 3949,
        section: "4.5.6",
        text: "Each strip of MMR data ends with an EOFB.",
        remedy: "Let the fax system end MMR data with an EOFB.",
        classes: FAX_PAGES,
        check: mmr_eofb,
        repair: None,
        samples: Samples::edited(VOICE_FAX, |t| mmr(t, 1)),
    },
    Rule {
        id: "tiff-f-after-eofb-ignored",
        level: Level::Should,
        rfc: 3949,
        section: "4.5.6",
        text: "What follows an EOFB is no part of the page; readers skip it.",
        remedy: "Write nothing behind the EOFB.",
        classes: FAX_PAGES,
        check: after_eofb_ignored,
        repair: None,
        samples: Samples::edited(VOICE_FAX, |t| mmr(t, 5)),
    },
    Rule {
        id: "tiff-f-one-strip-per-page",
        level: Level::Should,
        rfc: 3949,
        section: "4.4.6",
        text: "Each page is one strip.",
        remedy: "Write each page as one strip.",
        classes: FAX_PAGES,
        check: one_strip_per_page,
        repair: None,
        samples: Samples::edited(VOICE_FAX, |t| count(t, 273, 2)),
    },
    Rule {
        id: "tiff-f-strips-in-order",
        level: Level::Should,
        rfc: 3949,
        section: "4.4.6",
        text: "The strips of a page follow each other from top to bottom.",
        remedy: "Write strips from top to bottom.",
        classes: FAX_PAGES,
        check: strips_in_order,
        repair: None,
        samples: Samples::edited(VOICE_FAX, |t| count(t, 273, 2)),
    },
    Rule {
        id: "tiff-f-ifds-in-page-order",
        level: Level::Should,
        rfc: 3949,
        section: "4.4.6",
        text: "Directories come in page order, each before its image.",
        remedy: "Write pages in order, each directory before its image.",
        classes: FAX_PAGES,
        check: ifds_in_page_order,
        repair: None,
        samples: Samples::edited(VOICE_FAX, second_page_first),
    },
    Rule {
        id: "tiff-f-eol-structure",
        level: Level::Must,
        rfc: 3949,
        section: "4.5.4",
        text: "MH and MR data begin with an EOL, MR with a tag bit behind each, and no EOL ends the page.",
        remedy: "Write an EOL before each line, and none at the end.",
        classes: FAX_PAGES,
        check: eol_structure,
        repair: None,
        samples: Samples::edited(VOICE_FAX, |t| octet(t, STRIP, 1)),
    },
    Rule {
        id: "tiff-f-no-rtc",
        level: Level::ShouldNot,
        rfc: 3949,
        section: "4.5.5",
        text: "The page does not end with an RTC.",
        remedy: "Leave the RTC out.",
        classes: FAX_PAGES,
        check: no_rtc,
        repair: None,
        samples: Samples::edited(VOICE_FAX, rtc),
    },
    Rule {
        id: "tiff-f-rtc-only-unaligned",
        level: Level::MustNot,
        rfc: 3949,
        section: "4.5.5",
        text: "An RTC never follows EOLs that end on octet boundaries.",
        remedy: "Leave the RTC out.",
        classes: FAX_PAGES,
        check: rtc_only_unaligned,
        repair: None,
        samples: Samples::edited(VOICE_FAX, |t| {
            rtc(t);
            put(t, 292, 4);
        }),
    },
    Rule {
        id: "tiff-f-clean-lines",
        level: Level::Must,
        rfc: 2306,
        section: "3.9.2",
        text: "The image data has no coding errors and as many lines as the page.",
        remedy: "Let the fax gateway code received pages anew.",
        classes: FAX_PAGES,
        check: clean_lines,
        repair: None,
        samples: Samples::edited(VOICE_FAX, |t| octet(t, STRIP + 2, 0x3c)),
    },
    Rule {
        id: "tiff-f-mh-for-portability",
        level: Level::Should,
        rfc: 3949,
        section: "4.5.2",
        text: "MMR is efficient where the receiver takes it; MH is what every receiver takes.",
        remedy: "Send MH to systems that take nothing else.",
        classes: FAX_PAGES,
        check: mh_for_portability,
        repair: None,
        samples: Samples::edited(VOICE_FAX.towards(simple), |t| mmr(t, 4)),
    },
];

fn each_coded(s: &Survey<'_>, f: &mut Findings<'_>, wrong: fn(&PageFacts, &CodedFacts) -> Option<String>) {
    each_page(s, f, |p| wrong(p, p.coded.as_ref()?));
}

fn mmr_eofb(s: &Survey<'_>, f: &mut Findings<'_>) {
    each_coded(s, f, |p, coded| (p.compression == Some(4) && !coded.eofb).then(|| "no EOFB".into()));
}

fn after_eofb_ignored(s: &Survey<'_>, f: &mut Findings<'_>) {
    each_coded(s, f, |p, coded| {
        let behind = coded.octets_behind_end;
        (p.compression == Some(4) && behind > 0).then(|| format!("{behind} octets behind the EOFB"))
    });
}

fn one_strip_per_page(s: &Survey<'_>, f: &mut Findings<'_>) {
    each_page(s, f, |p| (p.strips > 1).then(|| format!("{} strips", p.strips)));
}

fn strips_in_order(s: &Survey<'_>, f: &mut Findings<'_>) {
    each_page(s, f, |p| p.data.is_some_and(|data| !data.rising).then(|| "strips out of order".into()));
}

fn ifds_in_page_order(s: &Survey<'_>, f: &mut Findings<'_>) {
    for (id, facts) in s.faxes() {
        let mut last = 0;
        for (n, page) in (1..).zip(&facts.pages) {
            if page.ifd_offset < last {
                f.entity(id, format!("page {n}: directory before that of the page before"));
            }
            if page.data.is_some_and(|data| data.start < page.ifd_offset) {
                f.entity(id, format!("page {n}: image before its directory"));
            }
            last = page.ifd_offset;
        }
    }
}

fn eol_structure(s: &Survey<'_>, f: &mut Findings<'_>) {
    each_coded(s, f, eol_fault);
}

fn no_rtc(s: &Survey<'_>, f: &mut Findings<'_>) {
    each_coded(s, f, |_, coded| coded.rtc.then(|| "an RTC".into()));
}

fn rtc_only_unaligned(s: &Survey<'_>, f: &mut Findings<'_>) {
    each_coded(s, f, rtc_when_aligned);
}

fn clean_lines(s: &Survey<'_>, f: &mut Findings<'_>) {
    each_coded(s, f, |_, coded| (coded.damaged > 0).then(|| format!("{} damaged lines", coded.damaged)));
}

fn mh_for_portability(s: &Survey<'_>, f: &mut Findings<'_>) {
    if s.target.and_then(|target| target.fax_profile_s) == Some(true) {
        each_page(s, f, |p| (p.compression == Some(4)).then(|| "MMR for a system that takes MH".into()));
    }
}
