//! `vpim-milter explain`: the catalogue of rules.

use super::EXIT_USAGE;
use super::files;
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
    /// Id of a rule; without it all rules
    rule: Option<String>,
}

#[derive(Serialize)]
struct Entry {
    rule: &'static str,
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
            level: rule.level.name(),
            rfc: rule.rfc,
            section: rule.section,
            text: rule.text,
            remedy: rule.remedy,
            profiles: rule.classes.iter().map(|c| c.name()).collect(),
            repairable: rule.repair.is_some(),
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

/// Runs the command.
pub fn run(args: &Args) -> ExitCode {
    let wanted = |rule: &&'static Rule| args.rule.as_deref().is_none_or(|id| rule.id == id);
    let entries: Vec<Entry> = rules::all().filter(wanted).map(Entry::new).collect();
    if let (Some(id), true) = (&args.rule, entries.is_empty()) {
        eprintln!("vpim-milter: no rule {id:?}; `vpim-milter explain` lists all");
        return ExitCode::from(EXIT_USAGE);
    }
    let text = match args.format {
        Format::Text => entries.iter().map(Entry::text).collect::<Vec<_>>().join("\n"),
        Format::Markdown => entries.iter().map(Entry::markdown).collect(),
        Format::Json => json(args.rule.is_some(), &entries) + "\n",
    };
    files::finish(files::print(text.as_bytes()).map(|()| ExitCode::SUCCESS))
}

fn json(one: bool, entries: &[Entry]) -> String {
    match entries.first().filter(|_| one) {
        Some(entry) => serde_json::to_string_pretty(entry),
        None => serde_json::to_string_pretty(entries),
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
}
