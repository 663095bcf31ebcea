//! Texts for people in a profile: the language, and the lines of a summary.

use super::check::Check;
use super::source::nearest;
use crate::plan::language::Language;
use crate::plan::summary;
use crate::policy::Profile;
use std::borrow::Cow;
use std::ops::Range;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

impl Check<'_> {
    /// Refuses languages there are not, and lines with names that stand for nothing.
    pub(super) fn texts(&mut self, profile: &Profile, name: &Spanned<Cow<'_, str>>, written: &DeTable<'_>) {
        let own = written.get(name.get_ref().as_ref()).and_then(|p| p.get_ref().as_table());
        // What a profile inherits is refused where it is written.
        let Some(own) = own else { return };
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
}
