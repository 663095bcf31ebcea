//! SARIF 2.1.0 (OASIS Static Analysis Results Interchange Format): one log, one run, one result a
//! finding, for the viewers and pipelines that read it. Numbers in brackets are sections of that
//! standard.

use super::{FindingReport, Report};
use crate::conformance::{Rule, rules};
use serde_json::{Map, Value, json};
use std::collections::HashMap;

const SCHEMA: &str =
    "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json";

/// The log of all messages judged. `unread` are files that could not be read, with the reason.
pub fn log(reports: &[Report], unread: &[(String, String)]) -> Value {
    let rules: Vec<&Rule> = rules::all().collect();
    let index: HashMap<&str, usize> = rules.iter().enumerate().map(|(n, rule)| (rule.id, n)).collect();
    let results: Vec<Value> = reports
        .iter()
        .enumerate()
        .flat_map(|(artifact, report)| {
            let index = &index;
            report.findings.iter().map(move |finding| result(report, artifact, finding, index))
        })
        .collect();
    json!({
        "$schema": SCHEMA,
        "version": "2.1.0",
        "runs": [{
            "tool": { "driver": {
                "name": env!("CARGO_PKG_NAME"),
                "semanticVersion": env!("CARGO_PKG_VERSION"),
                "shortDescription": { "text": env!("CARGO_PKG_DESCRIPTION") },
                "rules": rules.iter().map(|rule| descriptor(rule)).collect::<Vec<_>>(),
            } },
            "columnKind": "unicodeCodePoints",
            "artifacts": reports.iter().map(artifact).collect::<Vec<_>>(),
            "invocations": [invocation(unread)],
            "results": results,
        }],
    })
}

/// [3.20]
fn invocation(unread: &[(String, String)]) -> Value {
    let notification = |(file, reason): &(String, String)| {
        json!({
            "level": "error",
            "message": { "text": reason },
            "locations": [{ "physicalLocation": { "artifactLocation": { "uri": uri(file) } } }],
        })
    };
    json!({
        "executionSuccessful": unread.is_empty(),
        "toolExecutionNotifications": unread.iter().map(notification).collect::<Vec<_>>(),
    })
}

/// [3.24]
fn artifact(report: &Report) -> Value {
    json!({
        "location": { "uri": uri(&report.file) },
        "mimeType": "message/rfc822",
        "properties": { "profile": report.profile, "conformant": report.conformant },
    })
}

/// [3.49]
fn descriptor(rule: &Rule) -> Value {
    let citation = format!("RFC {} {}", rule.rfc, rule.section);
    json!({
        "id": rule.id,
        "shortDescription": { "text": rule.text },
        "fullDescription": { "text": format!("{} ({citation}, {})", rule.text, rule.level.name()) },
        "help": { "text": rule.remedy, "markdown": format!("**{citation}**: {}", rule.remedy) },
        "helpUri": rfc_uri(rule.rfc, rule.section),
        "defaultConfiguration": { "level": level(rule.level.name()) },
        "properties": {
            "requirement": rule.level.name(),
            "profiles": rule.classes.iter().map(|c| c.name()).collect::<Vec<_>>(),
            "tags": [format!("RFC {}", rule.rfc), citation],
        },
    })
}

/// [3.27]
fn result(report: &Report, artifact: usize, finding: &FindingReport, index: &HashMap<&str, usize>) -> Value {
    let mut physical = Map::new();
    let location = json!({ "uri": uri(&report.file), "index": artifact });
    physical.insert("artifactLocation".to_owned(), location);
    if let Some(region) = region(finding) {
        physical.insert("region".to_owned(), region);
    }
    let mut location = Map::new();
    location.insert("physicalLocation".to_owned(), physical.into());
    if let Some(logical) = logical(finding) {
        location.insert("logicalLocations".to_owned(), json!([logical]));
    }
    let mut result = json!({
        "ruleId": finding.rule,
        "level": level(finding.level),
        "message": { "text": finding.message },
        "locations": [location],
        "properties": { "repairable": finding.repairable },
    });
    if let (Some(index), Some(result)) = (index.get(finding.rule), result.as_object_mut()) {
        result.insert("ruleIndex".to_owned(), json!(index));
    }
    result
}

/// [3.30]; none for the envelope, which is no part of the file.
fn region(finding: &FindingReport) -> Option<Value> {
    let line = finding.line?;
    let snippet = finding.excerpt.as_ref().map(|excerpt| {
        let text = |l: &super::Line| format!("{}{}{}", l.before, l.marked, l.after);
        excerpt.lines.iter().map(text).collect::<Vec<_>>().join("\n")
    });
    Some(match snippet {
        Some(snippet) => json!({ "startLine": line, "snippet": { "text": snippet } }),
        None => json!({ "startLine": line }),
    })
}

/// [3.33]: the part of the message and the header field in it.
fn logical(finding: &FindingReport) -> Option<Value> {
    let part = finding.part.as_ref().map(|p| format!("part {p}"));
    let name = finding.header.as_ref().or(part.as_ref())?;
    let full: Vec<&str> = part.iter().chain(finding.header.as_ref()).map(String::as_str).collect();
    let kind = if finding.header.is_some() { "header field" } else { "body part" };
    Some(json!({ "name": name, "fullyQualifiedName": full.join("/"), "kind": kind }))
}

/// [3.27.10]
fn level(requirement: &str) -> &'static str {
    match requirement {
        "MUST" | "MUST NOT" => "error",
        "SHOULD" | "SHOULD NOT" => "warning",
        _ => "note",
    }
}

/// Where an RFC says it.
pub(super) fn rfc_uri(rfc: u16, section: &str) -> String {
    let page = format!("https://www.rfc-editor.org/rfc/rfc{rfc}");
    let numbered = section.starts_with(|c: char| c.is_ascii_digit())
        && section.chars().all(|c| c.is_ascii_digit() || c == '.');
    if numbered { format!("{page}#section-{}", section.trim_end_matches('.')) } else { page }
}

/// A file name as URI reference (RFC 3986 4.2).
fn uri(file: &str) -> String {
    let mut out = String::new();
    if file.starts_with('/') {
        out.push_str("file://");
    }
    for octet in file.bytes() {
        match octet {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'/' => {
                out.push(octet.into())
            }
            _ => out.push_str(&format!("%{octet:02X}")),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::conformance::Level;

    #[test]
    fn file_names_become_uri_references() {
        assert_eq!(uri("a b/\u{e9}:x.eml"), "a%20b/%C3%A9%3Ax.eml");
        assert_eq!(uri("/tmp/m.eml"), "file:///tmp/m.eml");
    }

    #[test]
    fn citations_lead_to_the_section() {
        assert_eq!(rfc_uri(3801, "4.2.9"), "https://www.rfc-editor.org/rfc/rfc3801#section-4.2.9");
        assert_eq!(rfc_uri(3801, "Appendix A"), "https://www.rfc-editor.org/rfc/rfc3801");
    }

    #[test]
    fn levels_are_mapped_and_all_of_them_are_known() {
        for known in [Level::Must, Level::MustNot, Level::Should, Level::ShouldNot, Level::May] {
            let expected = if known.is_must() {
                "error"
            } else if known.is_should() {
                "warning"
            } else {
                "note"
            };
            assert_eq!(level(known.name()), expected);
        }
    }
}
