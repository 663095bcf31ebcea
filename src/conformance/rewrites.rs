//! Rules that are cured by writing the body of a part anew: one conversion of the media, not an edit
//! of the text. A rule listed here is repairable without edits of its own; `plan::repair` does the work.

use super::{Level, Rule};
use wildmatch::WildMatch;

/// How a body is written anew.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rewrite {
    /// Media type to produce, as a conversion job takes it.
    pub target: &'static str,
    /// Media type and parameters of the part afterwards.
    pub label: &'static str,
}

/// RFC 3949 3: what every fax on the Internet reads.
const PROFILE_S: Rewrite =
    Rewrite { target: "image/tiff;compression=mh;coded=anew", label: "image/tiff; application=faxbw" };
/// RFC 2306: every page stays in its own coding.
const PROFILE_F: Rewrite =
    Rewrite { target: "image/tiff;compression=any;coded=anew", label: PROFILE_S.label };
/// RFC 2306 4.4: the coding every reader of profile F has.
const PROFILE_F_MH: Rewrite =
    Rewrite { target: "image/tiff;compression=mh;coded=anew", label: PROFILE_S.label };
/// RFC 3802: the order of the code words is put right on the way.
const ADPCM: Rewrite = Rewrite { target: "audio/32KADPCM", label: "audio/32KADPCM" };
/// RFC 2046 4.3.
const BASIC: Rewrite = Rewrite { target: "audio/basic", label: "audio/basic" };

/// By glob over rule ids. Where several rules want a body written anew, the one listed first is heard.
static REWRITES: &[(&str, Rewrite)] = &[
    ("tiff-s-*", PROFILE_S),
    ("tiff-read-big-endian", PROFILE_S),
    ("tiff-f-mh-for-portability", PROFILE_F_MH),
    ("tiff-f-*", PROFILE_F),
    ("tiff-single-endianness", PROFILE_F),
    ("vpim2-fax-*", PROFILE_F),
    ("audio-32kadpcm-little-endian", ADPCM),
    ("audio-32kadpcm-no-header", ADPCM),
    ("vpim2-audio-32kadpcm-default", ADPCM),
    ("vpim2-other-encodings-*", ADPCM),
    ("audio-basic-format", BASIC),
    ("ivm-audio-basic-default", BASIC),
    ("ivm-other-codec-needs-knowledge", BASIC),
];

/// Rules of those subjects that no writing of the body cures: what they ask for is lost, or lies elsewhere.
static EXCEPT: &[&str] = &[
    // No TIFF: there is nothing to read.
    "tiff-s-version-42",
    // Turning pages is no work of ours.
    "tiff-f-orientation",
    // Colours of a page are not thrown away unasked.
    "tiff-f-not-jbig-or-colour",
    // The label alone.
    "vpim2-fax-application-parameter",
    "vpim2-fax-faxbw",
    "tiff-f-application-faxbw",
];

/// How `rule` is cured, and its rank: 0 is heard first.
pub fn find(rule: &Rule) -> Option<(usize, Rewrite)> {
    // A note is no reproach, and no reason to change anything.
    if rule.level == Level::May || EXCEPT.contains(&rule.id) {
        return None;
    }
    let rank = REWRITES.iter().position(|(glob, _)| WildMatch::new(glob).matches(rule.id))?;
    REWRITES.get(rank).map(|(_, rewrite)| (rank, *rewrite))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::conformance::rules;

    #[test]
    fn every_entry_names_rules() {
        for (glob, _) in REWRITES {
            assert!(rules::all().any(|r| WildMatch::new(glob).matches(r.id)), "{glob}");
        }
        for id in EXCEPT {
            let rule = rules::find(id).unwrap();
            assert!(REWRITES.iter().any(|(glob, _)| WildMatch::new(glob).matches(rule.id)), "{id}");
        }
    }
}
