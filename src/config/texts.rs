//! Texts for people in a profile: the language, and the lines of a summary.

use super::check::Check;
use super::source::nearest;
use crate::plan::language::Language;
use crate::plan::{facts, summary};
use crate::policy::Profile;
use std::borrow::Cow;
use std::ops::Range;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// Fields that a conversion writes itself, or nobody may touch.
const OURS_NOT: [&str; 8] = [
    "Received",
    "Return-Path",
    "DKIM-Signature",
    "Authentication-Results",
    "VPIM-Results",
    "MIME-Version",
    "Content-Type",
    "Content-Transfer-Encoding",
];

impl Check<'_> {
    /// Refuses languages there are not, and lines with names that stand for nothing.
    pub(super) fn texts(&mut self, profile: &Profile, name: &Spanned<Cow<'_, str>>, written: &DeTable<'_>) {
        let own = written.get(name.get_ref().as_ref()).and_then(|p| p.get_ref().as_table());
        // What a profile inherits is refused where it is written.
        let Some(own) = own else { return };
        self.templates(own);
        if let Some(at) = own.get("language").map(Spanned::span)
            && Language::named(&profile.language).is_none()
        {
            let codes = Language::codes();
            let remedy = match nearest(&profile.language, &codes) {
                Some(near) => format!("did you mean `{near}`? known are {}", codes.join(", ")),
                None => format!("known are {}", codes.join(", ")),
            };
            self.refuse(at, format!("no texts in the language `{}`", profile.language), remedy);
        }
        let lines = own.get("summary_lines").and_then(|l| l.get_ref().as_array());
        let spans: Vec<Range<usize>> =
            lines.into_iter().flatten().map(Spanned::<DeValue<'_>>::span).collect();
        for (line, at) in profile.summary_lines.iter().zip(spans) {
            if let Err(what) = summary::check(line) {
                let (what, remedy) = what.split_once("; ").unwrap_or((&what, ""));
                self.refuse(at, what, remedy);
            }
        }
    }
    /// Refuses file names and header fields made of names that stand for nothing.
    pub(super) fn templates(&mut self, own: &DeTable<'_>) {
        for key in ["voice_file", "fax_file"] {
            for template in own.get(key).and_then(|v| v.get_ref().as_array()).into_iter().flatten() {
                self.template(template, &[]);
            }
        }
        for key in ["voice_headers", "fax_headers"] {
            let Some(fields) = own.get(key).and_then(|v| v.get_ref().as_table()) else { continue };
            for (name, template) in fields {
                let valid = |c: u8| c.is_ascii_graphic() && c != b':';
                if name.get_ref().is_empty() || !name.get_ref().bytes().all(valid) {
                    let what = format!("`{}` is no name of a header field", name.get_ref());
                    self.refuse(name.span(), what, "use letters, digits and hyphens");
                }
                if OURS_NOT.iter().any(|n| name.get_ref().eq_ignore_ascii_case(n)) {
                    let what = format!("`{}` is not a profile's to write", name.get_ref());
                    self.refuse(name.span(), what, "trace, structure and signature fields stay as they are");
                }
                self.template(template, &["files"]);
            }
        }
    }

    fn template(&mut self, template: &Spanned<DeValue<'_>>, more: &[&str]) {
        if let Some(text) = template.get_ref().as_str()
            && let Err(what) = facts::check_with(text, more)
        {
            let (what, remedy) = what.split_once("; ").unwrap_or((&what, ""));
            self.refuse(template.span(), what, remedy);
        }
    }
}
