//! What a rule is, and how rules are run.

use crate::message::edit::EditList;
use crate::message::{EntityId, Field};
use crate::vpim::{Class, Survey};

/// RFC 2119 level of a requirement.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[allow(missing_docs)]
pub enum Level {
    Must,
    MustNot,
    Should,
    ShouldNot,
    May,
}

impl Level {
    /// As RFC 2119 spells it.
    pub fn name(self) -> &'static str {
        match self {
            Level::Must => "MUST",
            Level::MustNot => "MUST NOT",
            Level::Should => "SHOULD",
            Level::ShouldNot => "SHOULD NOT",
            Level::May => "MAY",
        }
    }

    /// MUST or MUST NOT.
    pub fn is_must(self) -> bool {
        matches!(self, Level::Must | Level::MustNot)
    }

    /// SHOULD or SHOULD NOT.
    pub fn is_should(self) -> bool {
        matches!(self, Level::Should | Level::ShouldNot)
    }
}

/// One requirement of a standard.
pub struct Rule {
    /// Stable identifier; never changes its meaning.
    pub id: &'static str,
    /// Level.
    pub level: Level,
    /// Number of the RFC.
    pub rfc: u16,
    /// Its section.
    pub section: &'static str,
    /// The requirement in one sentence.
    pub text: &'static str,
    /// What the sender's administrator can do about it.
    pub remedy: &'static str,
    /// The classes of message it is checked for.
    pub classes: &'static [Class],
    /// Looks for violations.
    pub check: fn(&Survey<'_>, &mut Findings<'_>),
    /// The smallest edits that cure it, where there are any.
    pub repair: Option<fn(&Survey<'_>, &mut EditList)>,
    /// Messages that show it.
    pub samples: Samples,
}

/// A message that keeps a rule and one that breaks it, with LF line ends.
#[derive(Clone, Copy)]
pub struct Samples {
    /// Gives no finding of the rule.
    pub good: &'static str,
    /// Gives one.
    pub bad: &'static str,
}

/// A violation.
#[derive(Clone)]
pub struct Finding {
    /// The rule broken.
    pub rule: &'static Rule,
    /// What was seen.
    pub message: String,
    /// Part number; `None` for the message as a whole or its envelope.
    pub part: Option<String>,
    /// Name of the header field concerned.
    pub header: Option<String>,
    /// Line in the message, from 1; `None` for the envelope.
    pub line: Option<usize>,
}

/// Collects the findings of one rule.
pub struct Findings<'a> {
    rule: &'static Rule,
    survey: &'a Survey<'a>,
    out: &'a mut Vec<Finding>,
}

impl Findings<'_> {
    /// A finding on an entity as a whole, at the start of its header.
    pub fn entity(&mut self, id: EntityId, message: impl Into<String>) {
        let at = self.survey.message.entity(id).map(|e| e.header.span.start);
        self.push(Some(id), None, at, message.into());
    }

    /// A finding on a field.
    pub fn field(&mut self, id: EntityId, field: &Field, message: impl Into<String>) {
        let name = String::from_utf8_lossy(field.name.of(self.survey.message.raw())).into_owned();
        self.push(Some(id), Some(name), Some(field.span.start), message.into());
    }

    /// A finding on a field that is missing.
    pub fn missing(&mut self, id: EntityId, name: &str, message: impl Into<String>) {
        let at = self.survey.message.entity(id).map(|e| e.header.span.start);
        self.push(Some(id), Some(name.to_owned()), at, message.into());
    }

    /// A finding on the envelope.
    pub fn envelope(&mut self, message: impl Into<String>) {
        self.push(None, None, None, message.into());
    }

    /// A finding at an offset of the message.
    pub fn offset(&mut self, id: EntityId, at: usize, message: impl Into<String>) {
        self.push(Some(id), None, Some(at), message.into());
    }

    fn push(&mut self, id: Option<EntityId>, header: Option<String>, at: Option<usize>, message: String) {
        let survey = self.survey;
        let part = id.and_then(|id| survey.message.part_number(id));
        let line = at.map(|at| survey.message.line(at));
        self.out.push(Finding { rule: self.rule, message, part, header, line });
    }
}

/// Runs the rules that apply to the class of the message.
pub fn run(rules: impl Iterator<Item = &'static Rule>, survey: &Survey<'_>) -> Vec<Finding> {
    let mut out = Vec::new();
    for rule in rules.filter(|r| r.classes.contains(&survey.class)) {
        (rule.check)(survey, &mut Findings { rule, survey, out: &mut out });
    }
    out.sort_by_key(|f| f.line);
    out
}
