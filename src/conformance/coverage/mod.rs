//! Which requirements of the standards there are, and how each is shown to be kept: the catalogue
//! beside the rules. A rule speaks for itself; what cannot be a rule is listed with its test or with
//! the reason why nothing can be shown.
//!
//! The data are the TOML files beside this one, a table a subject and a line a requirement.

mod document;

pub use document::document;

use super::rule::Rule;
use super::rules;
use serde::{Deserialize, Serialize};

/// How a requirement is dealt with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// A violation can be seen in a message or its envelope: there is a rule of this id.
    Rule,
    /// A duty of a receiver without a violation to be seen; `test` shows that we keep it.
    Duty,
    /// A duty of what we write or answer; `test` shows that we keep it, `lacking` why it does not arise.
    OwnBehaviour,
    /// Nothing that passes a milter tells; `reason` says why.
    NotObservable,
}

impl Kind {
    /// As the files spell it.
    pub fn name(self) -> &'static str {
        match self {
            Kind::Rule => "rule",
            Kind::Duty => "duty",
            Kind::OwnBehaviour => "own-behaviour",
            Kind::NotObservable => "not-observable",
        }
    }
}

/// One requirement.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Requirement {
    /// Identifier; that of the rule where there is one.
    #[serde(rename(serialize = "rule"))]
    pub id: String,
    /// Number of the RFC.
    pub rfc: u16,
    /// Its section.
    pub section: String,
    /// Level as RFC 2119 spells it.
    pub level: String,
    /// How it is dealt with.
    pub kind: Kind,
    /// The requirement in one sentence; empty where a rule says it.
    #[serde(default)]
    pub text: String,
    /// Where the test is: a file, or `file::function`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub test: Option<String>,
    /// Why a duty of ours does not arise yet.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lacking: Option<String>,
    /// Why nothing can be observed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The row of RFC 3801 Appendix A it covers, headings joined with ` > `.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub row: Option<String>,
}

impl Requirement {
    /// The rule of this id.
    pub fn rule(&self) -> Option<&'static Rule> {
        rules::find(&self.id).filter(|_| self.kind == Kind::Rule)
    }
}

/// The requirements of one subject.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Subject {
    /// Short name.
    pub name: String,
    /// Heading.
    pub title: String,
    /// In the order of the standards.
    pub requirements: Vec<Requirement>,
}

#[derive(Deserialize)]
struct File {
    subject: Vec<Subject>,
}

/// All requirements by subject.
pub fn subjects() -> Vec<Subject> {
    const FILES: &[&str] = &[
        include_str!("vpim2.toml"),
        include_str!("older.toml"),
        include_str!("audio.toml"),
        include_str!("tiff.toml"),
        include_str!("fax.toml"),
        include_str!("ivm.toml"),
        include_str!("notification.toml"),
        include_str!("addressing.toml"),
    ];
    let read = |text: &&str| toml::from_str::<File>(text).expect("the files are read by a test").subject;
    FILES.iter().flat_map(read).collect()
}

/// Prefixes of the rules that plain mail asks for; the catalogue of voice and fax has none of them.
pub const BASE: [&str; 3] = ["mail-", "mime-", "report-"];

#[cfg(test)]
mod tests;
