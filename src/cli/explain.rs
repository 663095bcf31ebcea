//! `vpim-milter explain`: the catalogue of rules.

use super::EXIT_USAGE;
use super::files;
use crate::conformance::coverage::{self, Kind, Requirement};
use crate::conformance::{Rule, rules};
use serde::Serialize;
use std::fmt::Write as _;
use std::process::ExitCode;

/// How the catalogue is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    /// For people.
    Text,
    /// One JSON array, or one object for one rule.
    Json,
    /// A document.
    Markdown,
}

/// Arguments of `explain`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// How to write
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
    /// Id of a requirement; without it the whole catalogue (as Markdown: the coverage document)
    rule: Option<String>,
}

#[derive(Serialize)]
struct Entry {
    rule: &'static str,
    kind: &'static str,
    level: &'static str,
    rfc: u16,
    section: &'static str,
    text: &'static str,
    remedy: &'static str,
    profiles: Vec<&'static str>,
    repairable: bool,
    /// What is changed in a good message to break the rule.
    example: Vec<(&'static str, &'static str)>,
}

impl Entry {
    fn new(rule: &'static Rule) -> Self {
        Entry {
            rule: rule.id,
            kind: Kind::Rule.name(),
            level: rule.level.name(),
            rfc: rule.rfc,
            section: rule.section,
            text: rule.text,
            remedy: rule.remedy,
            profiles: rule.classes.iter().map(|c| c.name()).collect(),
            repairable: rule.repairable(),
            example: rule.samples.bad.changes.to_vec(),
        }
    }

    fn text(&self) -> String {
        let repair = if self.repairable { "  (repairable)" } else { "" };
        let mut out =
            format!("{}\n  {} by RFC {} {}{repair}\n", self.rule, self.level, self.rfc, self.section);
        let _ = writeln!(out, "  {}", self.text);
        let _ = writeln!(out, "  Remedy: {}", self.remedy);
        let _ = writeln!(out, "  Checked for: {}", self.profiles.join(", "));
        for (good, bad) in self.example.iter().filter(|(good, bad)| short(good) && short(bad)) {
            let _ = writeln!(out, "  Good: {}\n  Bad:  {}", one_line(good), one_line(bad));
        }
        out
    }

    fn markdown(&self) -> String {
        let mut out = format!("### {}\n\n", self.rule);
        let _ = writeln!(out, "**{}** (RFC {} {}). {}\n", self.level, self.rfc, self.section, self.text);
        let _ = writeln!(out, "- Remedy: {}", self.remedy);
        let _ = writeln!(out, "- Checked for: {}", self.profiles.join(", "));
        let _ = writeln!(out, "- Repair: {}\n", if self.repairable { "yes" } else { "no" });
        out
    }
}

/// Octets of pages and long messages explain nothing.
fn short(text: &str) -> bool {
    text.len() <= 120 && !text.contains(|c| ('\u{2424}'..='\u{2427}').contains(&c))
}

fn one_line(text: &str) -> String {
    if text.is_empty() { "(nothing)".to_owned() } else { text.trim_end().escape_debug().to_string() }
}

/// A requirement that is no rule, for people.
fn other_text(r: &Requirement) -> String {
    let mut out = format!("{}\n  {} by RFC {} {} ({})\n", r.id, r.level, r.rfc, r.section, r.kind.name());
    let lines =
        [("", Some(&r.text)), ("Test: ", r.test.as_ref()), ("", r.lacking.as_ref()), ("", r.reason.as_ref())];
    for (label, text) in lines {
        if let Some(text) = text {
            let _ = writeln!(out, "  {label}{text}");
        }
    }
    out
}

/// Runs the command.
pub fn run(args: &Args) -> ExitCode {
    let wanted = |id: &str| args.rule.as_deref().is_none_or(|rule| rule == id);
    let entries: Vec<Entry> = rules::all().filter(|r| wanted(r.id)).map(Entry::new).collect();
    let mut others: Vec<Requirement> =
        coverage::subjects().into_iter().flat_map(|s| s.requirements).collect();
    others.retain(|r| wanted(&r.id) && rules::find(&r.id).is_none());
    if let (Some(id), true, true) = (&args.rule, entries.is_empty(), others.is_empty()) {
        eprintln!("vpim-milter: no rule {id:?}; `vpim-milter explain` lists all");
        return ExitCode::from(EXIT_USAGE);
    }
    let text = match (args.format, args.rule.is_some()) {
        (Format::Markdown, false) => coverage::document(),
        (Format::Text, false) => entries.iter().map(Entry::text).collect::<Vec<_>>().join("\n"),
        (Format::Text, true) => {
            entries.iter().map(Entry::text).chain(others.iter().map(other_text)).collect()
        }
        (Format::Markdown, true) => {
            let other = |r: &Requirement| format!("```\n{}```\n", other_text(r));
            entries.iter().map(Entry::markdown).chain(others.iter().map(other)).collect()
        }
        (Format::Json, one) => json(one, &entries, &others) + "\n",
    };
    files::finish(files::print(text.as_bytes()).map(|()| ExitCode::SUCCESS))
}

fn json(one: bool, entries: &[Entry], others: &[Requirement]) -> String {
    let values = entries.iter().map(serde_json::to_value).chain(others.iter().map(serde_json::to_value));
    let values: Vec<serde_json::Value> = values.filter_map(Result::ok).collect();
    match values.first().filter(|_| one) {
        Some(value) => serde_json::to_string_pretty(value),
        None => serde_json::to_string_pretty(&values),
    }
    .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rule_is_explained_with_its_citation_and_remedy() {
        let entry = Entry::new(rules::find("vpim2-voice-message-version").unwrap());
        for text in [entry.text(), entry.markdown()] {
            assert!(
                text.contains("RFC 3801 4.4.1") && text.contains("MUST") && text.contains("version=2.0"),
                "{text}"
            );
        }
    }

    #[test]
    fn what_is_no_rule_is_explained_too() {
        let all: Vec<Requirement> = coverage::subjects().into_iter().flat_map(|s| s.requirements).collect();
        let turn = all.iter().find(|r| r.id == "vpim2-smtp-turn").unwrap();
        assert!(
            other_text(turn).contains("MUST NOT by RFC 3801 5.1 (not-observable)"),
            "{}",
            other_text(turn)
        );
        let value =
            json(false, &[Entry::new(rules::find("vpim2-voice-message-version").unwrap())], &all[..1]);
        let value: serde_json::Value = value.parse().unwrap();
        assert_eq!((value[0]["kind"].as_str(), value[1]["rule"].as_str()), (Some("rule"), Some(&*all[0].id)));
    }
}
