//! The coverage document: every requirement, and every row of the table in RFC 3801 Appendix A.

use super::{BASE, Kind, Requirement, Subject, subjects};
use crate::conformance::rule::Rule;
use crate::conformance::rules;
use std::fmt::Write as _;

const HEAD: &str = "# Requirements and how they are covered\n\n\
    Made by `vpim-milter explain --format markdown`; not edited by hand.\n\n";

/// The whole document in Markdown.
pub fn document() -> String {
    let subjects = subjects();
    let mut out = HEAD.to_owned();
    counts(&mut out, &subjects);
    appendix_a(&mut out, &subjects);
    let _ = writeln!(out, "## Rules\n");
    for subject in &subjects {
        let mut rules: Vec<&Rule> = subject.requirements.iter().filter_map(Requirement::rule).collect();
        table_of_rules(&mut out, &subject.title, &mut rules);
    }
    let is_base = |r: &&Rule| BASE.iter().any(|p| r.id.starts_with(p));
    let mut base: Vec<&Rule> = rules::all().filter(is_base).collect();
    table_of_rules(&mut out, "What plain mail asks for (RFC 5322, 2045, 2046, 3464, 8098)", &mut base);
    let all = || subjects.iter().flat_map(|s| &s.requirements);
    let _ = writeln!(out, "## Duties of our own\n\nShown by tests of what we read, write and answer.\n");
    let shown: Vec<_> = all().filter(|r| r.test.is_some()).collect();
    table(&mut out, &shown, "Test", |r| format!("`{}`", r.test.as_deref().unwrap_or_default()));
    let _ = writeln!(out, "## Duties that do not arise\n");
    let lacking: Vec<_> = all().filter(|r| r.lacking.is_some()).collect();
    table(&mut out, &lacking, "Why", |r| cell(r.lacking.as_deref().unwrap_or_default()));
    let _ = writeln!(out, "## Not observable\n");
    let hidden: Vec<_> = all().filter(|r| r.kind == Kind::NotObservable).collect();
    table(&mut out, &hidden, "Why", |r| cell(r.reason.as_deref().unwrap_or_default()));
    out.truncate(out.trim_end().len());
    out + "\n"
}

fn counts(out: &mut String, subjects: &[Subject]) {
    let columns = ["Subject", "Requirements", "Rules", "Own duties", "Do not arise", "Not observable"];
    let _ = writeln!(out, "| {} |\n|---|---:|---:|---:|---:|---:|", columns.join(" | "));
    let mut sum = [0usize; 5];
    for subject in subjects {
        let count =
            |wanted: fn(&Requirement) -> bool| subject.requirements.iter().filter(|r| wanted(r)).count();
        let row = [
            subject.requirements.len(),
            count(|r| r.rule().is_some()),
            count(|r| r.test.is_some()),
            count(|r| r.lacking.is_some()),
            count(|r| r.kind == Kind::NotObservable),
        ];
        let _ = writeln!(out, "| {} | {} |", subject.title, row.map(|n| n.to_string()).join(" | "));
        for (total, n) in sum.iter_mut().zip(row) {
            *total += n;
        }
    }
    let _ = writeln!(out, "| **All** | {} |\n", sum.map(|n| n.to_string()).join(" | "));
}

/// Every row of the table, in the order of its requirements.
fn appendix_a(out: &mut String, subjects: &[Subject]) {
    let _ = writeln!(out, "## RFC 3801 Appendix A\n\n| Row | Level | Covered |\n|---|---|---|");
    for requirement in subjects.iter().flat_map(|s| &s.requirements) {
        let Some(row) = &requirement.row else { continue };
        let _ = writeln!(out, "| {} | {} | {} |", cell(row), requirement.level, covered(requirement));
    }
    out.push('\n');
}

/// How a row is covered, in words.
fn covered(requirement: &Requirement) -> String {
    let Requirement { id, test, lacking, reason, .. } = requirement;
    match (requirement.kind, test, lacking, reason) {
        (Kind::Rule, ..) if requirement.rule().is_some() => format!("checked: `{id}`"),
        (_, Some(test), ..) => format!("own behaviour `{id}`: `{test}`"),
        (_, _, Some(why), _) => format!("not applicable (`{id}`): {}", cell(why)),
        (_, _, _, Some(why)) => format!("not observable (`{id}`): {}", cell(why)),
        _ => format!("**open**: `{id}`"),
    }
}

fn table_of_rules(out: &mut String, title: &str, rules: &mut [&Rule]) {
    if rules.is_empty() {
        return;
    }
    let _ = writeln!(
        out,
        "### {title}\n\n| Rule | Level | RFC | Requirement | Remedy | Repairable |\n|---|---|---|---|---|---|"
    );
    for rule in rules {
        let Rule { id, rfc, section, text, remedy, .. } = rule;
        let repairable = if rule.repairable() { "yes" } else { "no" };
        let _ = writeln!(
            out,
            "| `{id}` | {} | {rfc} {section} | {} | {} | {repairable} |",
            rule.level.name(),
            cell(text),
            cell(remedy)
        );
    }
    out.push('\n');
}

fn table(out: &mut String, rows: &[&Requirement], last: &str, show: fn(&Requirement) -> String) {
    let _ = writeln!(out, "| Id | Level | RFC | Requirement | {last} |\n|---|---|---|---|---|");
    for r in rows {
        let text = r.rule().map_or(r.text.as_str(), |rule| rule.text);
        let (id, level, rfc, section) = (&r.id, &r.level, r.rfc, &r.section);
        let _ = writeln!(out, "| `{id}` | {level} | {rfc} {section} | {} | {} |", cell(text), show(r));
    }
    out.push('\n');
}

/// Text in a cell of a table.
fn cell(text: &str) -> String {
    text.replace('|', "\\|").replace('<', "&lt;").replace('\n', " ")
}
