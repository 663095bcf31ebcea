//! The languages of what people read: one data file each in `summary/`.

use super::facts::Facts;
use super::template;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::sync::LazyLock;

/// Octets of a loss that are looked at.
const LOSS_OCTETS: usize = 1_000;

/// A language.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Language {
    /// Its own name for itself.
    pub name: String,
    months: [String; 12],
    short_months: [String; 12],
    date: String,
    short_date: String,
    pub(super) no_length: String,
    pub(super) page: String,
    pub(super) pages: String,
    pub(super) note: String,
    urgent: String,
    /// The lines of a summary; a line is left out where nothing is known for a name in it.
    pub(super) lines: Vec<String>,
    pub(super) parts: Parts,
    sensitivity: BTreeMap<String, String>,
    pub(super) pager: Pager,
    losses: BTreeMap<String, String>,
}

/// What parts are.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Parts {
    pub message: String,
    pub originator: String,
    pub recipient: String,
    pub subject: String,
    pub notification: String,
    pub fax: String,
}

/// Texts of one line; the first all of whose names are known is taken.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Pager {
    pub voice: Vec<String>,
    pub fax: Vec<String>,
    pub other: Vec<String>,
}

/// The languages by their codes (ISO 639-1).
static LANGUAGES: LazyLock<Vec<(&str, Language)>> = LazyLock::new(|| {
    let files = [
        ("en", include_str!("summary/en.toml")),
        ("de", include_str!("summary/de.toml")),
        ("fr", include_str!("summary/fr.toml")),
        ("es", include_str!("summary/es.toml")),
    ];
    files.map(|(code, text)| (code, toml::from_str(text).expect("read by a test"))).into()
});

impl Language {
    /// The language with this code.
    pub fn named(code: &str) -> Option<&'static Language> {
        LANGUAGES.iter().find(|(c, _)| *c == code).map(|(_, language)| language)
    }

    /// English, the language of those who ask for none.
    pub fn english() -> &'static Language {
        Self::named("en").expect("read by a test")
    }

    /// The codes.
    pub fn codes() -> Vec<&'static str> {
        LANGUAGES.iter().map(|(code, _)| *code).collect()
    }

    /// What stands for a name in a template of this language: `when`, `short`, `sensitivity`,
    /// `importance`, else what [`Facts`] have.
    pub fn value(&self, facts: &Facts, name: &str) -> Option<String> {
        Some(match name {
            "when" => self.dated(&self.date, &self.months, facts),
            "short" => self.dated(&self.short_date, &self.short_months, facts),
            "sensitivity" => self.sensitivity.get(&facts.sensitivity).cloned().unwrap_or_default(),
            "importance" if facts.urgent => self.urgent.clone(),
            "importance" => String::new(),
            _ => return facts.value(name),
        })
    }

    fn dated(&self, form: &str, months: &[String; 12], facts: &Facts) -> String {
        let Some(date) = &facts.when else { return String::new() };
        let part = |name: &str| {
            Some(match name {
                "day" => date.day.to_string(),
                "month" => months.get(usize::from(date.month).saturating_sub(1))?.clone(),
                "year" => date.year.to_string(),
                "time" => format!("{:02}:{:02}", date.hour, date.minute),
                "zone" if facts.zone.is_empty() => "UTC".to_owned(),
                "zone" => facts.zone.clone(),
                _ => return None,
            })
        };
        template::filled(form, part).unwrap_or_default()
    }

    /// A loss in this language, where it has words for it.
    pub fn loss(&self, loss: &str) -> String {
        let short = loss.get(..LOSS_OCTETS).unwrap_or(loss);
        let mut known = self.losses.iter().filter_map(|(from, to)| {
            let values = taken_apart(from, short)?;
            let value = |name: &str| values.iter().find(|(n, _)| *n == name).map(|(_, v)| (*v).to_owned());
            template::filled(to, value)
        });
        known.next().unwrap_or_else(|| loss.to_owned())
    }
}

/// The texts that stand for the names of a template `form` in `text`, each up to the next fixed piece.
fn taken_apart<'a>(form: &'a str, text: &'a str) -> Option<Vec<(&'a str, &'a str)>> {
    let mut values = Vec::new();
    let (first, mut rest_of_form) = form.split_once('{')?;
    let mut rest = text.strip_prefix(first)?;
    loop {
        let (name, tail) = rest_of_form.split_once('}')?;
        let (fixed, next) = match tail.split_once('{') {
            Some((fixed, next)) => (fixed, Some(next)),
            None => (tail, None),
        };
        let (value, behind) = match next {
            Some(_) => rest.split_once(fixed)?,
            None => (rest.strip_suffix(fixed)?, ""),
        };
        values.push((name, value));
        rest = behind;
        match next {
            Some(next) => rest_of_form = next,
            None => return Some(values),
        }
    }
}
