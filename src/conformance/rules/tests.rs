//! The table-driven test of all rules.

use crate::conformance::rule::{Finding, Sample};
use crate::conformance::{judge, notes, rules};
use crate::limits::{Budget, Limits};
use crate::message::Message;
use crate::message::edit::EditList;
use crate::vpim::{Envelope, Stamp, Survey};
use std::collections::HashSet;

fn judged<T>(raw: &[u8], sample: &Sample, then: impl FnOnce(&Survey<'_>, Vec<Finding>) -> T) -> T {
    let limits = Limits::default();
    let message = Message::parse(raw, &limits);
    let envelope: Envelope = sample.envelope();
    let target = sample.target.map(|target| target());
    let answers = sample.answers().unwrap();
    let survey = Survey::new(&message, &envelope, sample.class, &limits, &mut Budget::new(&limits))
        .towards(target.as_ref())
        .knowing(&answers)
        .stamped(Stamp { host: Some("mx.test"), date: Some("Tue, 4 Mar 2025 09:00:02 +0100") });
    let mut findings = judge(&survey);
    findings.extend(notes(&survey));
    then(&survey, findings)
}

fn ids(sample: &Sample) -> Vec<&'static str> {
    judged(&sample.octets(), sample, |_, findings| findings.iter().map(|f| f.rule.id).collect())
}

#[test]
fn every_rule_finds_its_bad_sample_and_not_its_good_one() {
    let mut wrong = Vec::new();
    for rule in rules::all() {
        let (good, bad) = (ids(&rule.samples.good), ids(&rule.samples.bad));
        if good.contains(&rule.id) {
            wrong.push(format!("{}: found in the good sample", rule.id));
        }
        if !bad.contains(&rule.id) {
            wrong.push(format!("{}: not found in the bad sample, but {bad:?}", rule.id));
        }
        for (old, _) in rule.samples.bad.changes {
            if !rule.samples.bad.text.contains(old) {
                wrong.push(format!("{}: the sample has no {old:?}", rule.id));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_repair_cures_its_bad_sample_once_and_for_all() {
    for rule in rules::all() {
        let Some(repair) = rule.repair else { continue };
        let bad = rule.samples.bad;
        let cured = judged(&bad.octets(), &bad, |survey, _| {
            let mut edits = EditList::default();
            repair(survey, &mut edits);
            assert!(!edits.is_empty(), "{}: nothing repaired", rule.id);
            edits.apply(survey.message).unwrap()
        });
        judged(&cured, &bad, |survey, findings| {
            let left: Vec<_> = findings.iter().map(|f| f.rule.id).filter(|id| *id == rule.id).collect();
            assert!(left.is_empty(), "{} is left:\n{}", rule.id, String::from_utf8_lossy(&cured));
            let mut edits = EditList::default();
            repair(survey, &mut edits);
            assert!(edits.is_empty(), "{}: repairs what is right", rule.id);
        });
    }
}

#[test]
fn ids_are_unique_and_texts_complete() {
    let mut seen = HashSet::new();
    for rule in rules::all() {
        assert!(seen.insert(rule.id), "{} twice", rule.id);
        assert!(!rule.text.is_empty() && !rule.remedy.is_empty() && !rule.classes.is_empty(), "{}", rule.id);
    }
    assert!(seen.len() >= 150, "{} rules", seen.len());
}

#[test]
fn rules_agree_with_the_catalogue_of_requirements() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../shared/spec/requirements.toml");
    let Ok(text) = std::fs::read_to_string(path) else {
        println!("skipped: the catalogue of requirements (no ../shared)");
        return;
    };
    let catalogue: toml::Table = text.parse().unwrap();
    let entries = catalogue["requirement"].as_array().unwrap();
    let own = ["mail-", "mime-", "report-"];
    for rule in rules::all().filter(|r| !own.iter().any(|p| r.id.starts_with(p))) {
        let entry = entries.iter().find(|e| e["id"].as_str() == Some(rule.id));
        let entry = entry.unwrap_or_else(|| panic!("{} is in no catalogue", rule.id));
        assert_eq!(entry["rfc"].as_integer(), Some(i64::from(rule.rfc)), "{}", rule.id);
        assert_eq!(entry["section"].as_str(), Some(rule.section), "{}", rule.id);
        assert_eq!(
            entry["level"].as_str().map(|l| l.replace('-', " ")).as_deref(),
            Some(rule.level.name()),
            "{}",
            rule.id
        );
    }
}
