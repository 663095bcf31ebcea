//! Conformance: the rules of VPIM and its relatives, and the findings they make.
//!
//! A rule is one item of one table per subject (`rules/`), with id, level, citation, text, check,
//! repair and samples. [`judge`] runs every rule that applies to the class of a message.

pub mod coverage;
pub mod replies;
pub mod report;
pub mod rewrites;
pub mod rule;
pub mod rules;

pub use rule::{Finding, Level, Rule};

use crate::vpim::Survey;

/// All findings on a message, in the order of the message: what breaks a MUST or a SHOULD.
pub fn judge(survey: &Survey<'_>) -> Vec<Finding> {
    rule::run(rules::all().filter(|r| r.level != Level::May), survey)
}

/// What the message makes use of that its profile leaves open (rules of level MAY). A note is no
/// reproach: it tells an administrator what a narrower peer may stumble over.
pub fn notes(survey: &Survey<'_>) -> Vec<Finding> {
    rule::run(rules::all().filter(|r| r.level == Level::May), survey)
}

/// True where no MUST or MUST NOT is broken (and the message claims a profile at all).
pub fn conformant(survey: &Survey<'_>, findings: &[Finding]) -> bool {
    survey.class != crate::vpim::Class::VoiceOther && !findings.iter().any(|f| f.rule.level.is_must())
}
