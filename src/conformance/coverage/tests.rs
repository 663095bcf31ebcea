//! The catalogue against the rules, the tests it names, and the document made of it.

use super::*;
use std::collections::{HashMap, HashSet};
use std::fs;
use std::path::Path;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn all() -> Vec<Requirement> {
    subjects().into_iter().flat_map(|s| s.requirements).collect()
}

#[test]
fn the_files_are_complete_and_each_entry_says_how_it_is_kept() {
    let all = all();
    assert_eq!(all.len(), 572);
    let ids: HashSet<&str> = all.iter().map(|r| r.id.as_str()).collect();
    assert_eq!(ids.len(), all.len(), "an id occurs twice");
    let rows: HashSet<&str> = all.iter().filter_map(|r| r.row.as_deref()).collect();
    assert_eq!(rows.len(), 128, "rows of RFC 3801 Appendix A");
    let mut wrong = Vec::new();
    for r in &all {
        let given = (r.test.is_some(), r.lacking.is_some(), r.reason.is_some());
        let fits = match r.kind {
            Kind::Rule => given == (false, false, false),
            Kind::Duty => given == (true, false, false),
            Kind::OwnBehaviour => given == (true, false, false) || given == (false, true, false),
            Kind::NotObservable => given == (false, false, true),
        };
        let level = ["MUST", "MUST NOT", "SHOULD", "SHOULD NOT", "MAY"].contains(&r.level.as_str());
        if !fits || !level || (r.kind != Kind::Rule && r.text.is_empty()) {
            wrong.push(r.id.as_str());
        }
    }
    assert!(wrong.is_empty(), "{wrong:?}");
}

#[test]
fn tests_that_are_named_exist() {
    let mut files: HashMap<String, String> = HashMap::new();
    let mut wrong = Vec::new();
    for r in all() {
        let Some(test) = &r.test else { continue };
        let (file, function) = test.split_once("::").map_or((test.as_str(), None), |(f, n)| (f, Some(n)));
        let text = files
            .entry(file.to_owned())
            .or_insert_with(|| fs::read_to_string(root().join(file)).unwrap_or_default());
        let found = match function {
            Some(name) => text.contains(&format!("fn {name}(")),
            None => text.contains(&format!("\"{}\"", r.id)),
        };
        if !found {
            wrong.push(format!("{}: not in {test}", r.id));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn rules_agree_with_their_requirements() {
    let all: HashMap<String, Requirement> = all().into_iter().map(|r| (r.id.clone(), r)).collect();
    let mut wrong = Vec::new();
    for rule in rules::all().filter(|r| !BASE.iter().any(|p| r.id.starts_with(p))) {
        let Some(r) = all.get(rule.id) else {
            wrong.push(format!("{}: in no file", rule.id));
            continue;
        };
        if r.kind != Kind::Rule {
            wrong.push(format!("{}: a rule, listed as {}", rule.id, r.kind.name()));
        }
        if (rule.rfc, rule.section, rule.level.name()) != (r.rfc, r.section.as_str(), r.level.as_str()) {
            let found = format!("RFC {} {} {}", rule.rfc, rule.section, rule.level.name());
            wrong.push(format!("{}: {found}, listed as RFC {} {} {}", rule.id, r.rfc, r.section, r.level));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_files_agree_with_the_catalogue_they_come_from() {
    let Ok(text) = fs::read_to_string(root().join("../shared/spec/requirements.toml")) else {
        println!("skipped: the catalogue of requirements (no ../shared)");
        return;
    };
    let catalogue: toml::Table = text.parse().unwrap();
    let entries = catalogue["requirement"].as_array().unwrap();
    let all = all();
    assert_eq!(entries.len(), all.len());
    for entry in entries {
        let text = |name: &str| entry.get(name).and_then(|v| v.as_str()).unwrap_or_default();
        let r = all.iter().find(|r| r.id == text("id")).unwrap_or_else(|| panic!("no {}", text("id")));
        let kind = match text("detect").split_once(':') {
            Some(("own-behaviour", _)) => vec![Kind::OwnBehaviour],
            Some(("not-observable", _)) => vec![Kind::NotObservable],
            _ => vec![Kind::Rule, Kind::Duty],
        };
        assert!(kind.contains(&r.kind), "{} is {}", r.id, r.kind.name());
        let level = text("level").replace('-', " ");
        assert_eq!((r.section.as_str(), r.level.as_str()), (text("section"), level.as_str()), "{}", r.id);
        assert_eq!(entry["rfc"].as_integer(), Some(i64::from(r.rfc)), "{}", r.id);
        assert_eq!(r.row.as_deref().unwrap_or_default(), text("table_row"), "{}", r.id);
    }
}

/// `docs/coverage.md` is this document; with `UPDATE_DOCS=1` in the environment it is written anew.
#[test]
fn the_committed_document_is_the_one_made_of_the_tables() {
    let path = root().join("docs/coverage.md");
    let made = document();
    if std::env::var_os("UPDATE_DOCS").is_some() {
        fs::create_dir_all(root().join("docs")).unwrap();
        fs::write(&path, &made).unwrap();
    }
    let committed = fs::read_to_string(&path).unwrap_or_default();
    let differs = committed.lines().zip(made.lines()).find(|(a, b)| a != b);
    assert!(
        committed == made,
        "UPDATE_DOCS=1 cargo test --lib coverage renews it; first difference: {differs:?}"
    );
}

#[test]
fn every_requirement_that_shows_in_a_message_has_its_rule() {
    let open: Vec<Requirement> =
        all().into_iter().filter(|r| r.kind == Kind::Rule && r.rule().is_none()).collect();
    let lines: Vec<String> =
        open.iter().map(|r| format!("  {} ({} by RFC {} {})", r.id, r.level, r.rfc, r.section)).collect();
    assert!(
        lines.is_empty(),
        "{} requirements have no rule (write it, or make the entry a duty and name its test):\n{}",
        lines.len(),
        lines.join("\n")
    );
}
