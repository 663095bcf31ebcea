//! Repairs without conversion: the smallest edits of the rules a message breaks.
//!
//! Each rule knows its own edits and nothing of the others. What one rule wants is taken unless an
//! earlier one wants the same octets; then the message is judged again, until nothing is left to
//! repair. Where text needs no more edits, bodies are written anew (`rewrite`). The rounds come out as one list of edits of the message as received. A repair that leaves
//! the message no better is not made.

use super::rewrite::Rewriter;
use super::{Refused, guard};
use crate::conformance::{Finding, judge};
use crate::limits::{Budget, Limits};
use crate::message::Message;
use crate::message::edit::EditList;
use crate::vpim::class::classify;
use crate::vpim::{Class, Survey};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

/// Rounds of judging and repairing. Rules that still want something else then contradict each other.
const ROUNDS: usize = 8;

/// A repair that makes the message better.
#[derive(Clone, Debug)]
pub struct Repair {
    /// The edits of the message as received.
    pub edits: EditList,
    /// The message after them.
    pub raw: Vec<u8>,
    /// Rules that were broken and no longer are.
    pub cured: Vec<&'static str>,
    /// Bodies that were written anew: `1: image/tiff (tiff) -> image/tiff`.
    pub actions: Vec<String>,
    /// What was lost by it.
    pub losses: Vec<String>,
    /// Why bodies that should have been were not.
    pub left: Vec<String>,
}

/// Repairs what `wanted` asks for; `None` where nothing of it has a repair. Media work is taken from
/// `budget`, what the message has left.
pub fn repair(
    survey: &Survey<'_>,
    findings: &[Finding],
    wanted: impl Fn(&Finding) -> bool,
    limits: &Limits,
    stop: &Arc<AtomicBool>,
    budget: &mut Budget,
) -> Result<Option<Repair>, Refused> {
    let message = survey.message;
    // Mail that claims no profile has nothing to be repaired to; what it lacks, a conversion adds.
    if survey.class == Class::VoiceOther {
        return Ok(None);
    }
    if !findings.iter().any(|f| f.rule.repairable() && wanted(f)) {
        return Ok(None);
    }
    guard::may_change(message)?;
    let kind = classify(message);
    let mut rewriter = Rewriter::new(limits, stop, budget);
    let mut edits = round(survey, findings, &wanted, &mut rewriter)?;
    if edits.is_empty() {
        return match rewriter.left.into_iter().next() {
            Some((part, why)) => Err(Refused::Failed { part, why }),
            None => Ok(None),
        };
    }
    let mut raw = edits.apply(message)?;
    let mut left = None;
    for _ in 0..ROUNDS {
        let between = Message::parse(&raw, limits);
        if classify(&between) != kind {
            return Err(Refused::Repair("another kind of message".to_owned()));
        }
        // Each round reads the same media again: the rounds are counted, and the time.
        let mut budget = Budget::with_stop(limits, stop.clone());
        let again = Survey::new(&between, survey.envelope, Some(survey.class), limits, &mut budget)
            .towards(survey.target)
            .knowing(survey.answers)
            .stamped(survey.stamp);
        budget.check()?;
        let found = judge(&again);
        let more = round(&again, &found, &wanted, &mut rewriter)?;
        if more.is_empty() {
            left = Some(found);
            break;
        }
        let next = more.apply(&between)?;
        edits = edits.then(message, &more, &between)?;
        raw = next;
    }
    let Some(left) = left else {
        return Err(Refused::Repair("rules that contradict each other".to_owned()));
    };
    let (before, after) = (counts(findings), counts(&left));
    // A MUST may be kept at the price of a SHOULD: an address without a name is better than none.
    let (musts_before, musts_after) = (musts(findings), musts(&left));
    let worse = |rule: &Finding| {
        let id = rule.rule.id;
        before.get(id) < after.get(id) && (rule.rule.level.is_must() || musts_after >= musts_before)
    };
    if let Some(finding) = left.iter().find(|f| worse(f)) {
        return Err(Refused::Repair(format!("a message that breaks {}", finding.rule.id)));
    }
    let cured: Vec<_> = before.keys().filter(|rule| !after.contains_key(*rule)).copied().collect();
    if (musts_after, left.len()) >= (musts_before, findings.len()) {
        return Err(Refused::Repair("a message no better".to_owned()));
    }
    // A repair that does not stand its check is not made; the mail is none the worse for it.
    guard::verify(message, &edits, limits).map_err(|refused| match refused {
        Refused::Internal(why) => Refused::Repair(format!("a message in which {why}")),
        other => other,
    })?;
    let Rewriter { actions, losses, left, .. } = rewriter;
    let left = left.into_iter().map(|(part, why)| format!("part {part}: {why}")).collect();
    Ok(Some(Repair { edits, raw, cured, actions, losses, left }))
}

/// The edits of all rules broken, as far as they do not meet; where text needs none, the bodies.
fn round(
    survey: &Survey<'_>,
    findings: &[Finding],
    wanted: impl Fn(&Finding) -> bool,
    rewriter: &mut Rewriter<'_>,
) -> Result<EditList, Refused> {
    let text = text(survey, findings, &wanted);
    if text.is_empty() { rewriter.round(survey, findings, wanted) } else { Ok(text) }
}

fn text(survey: &Survey<'_>, findings: &[Finding], wanted: impl Fn(&Finding) -> bool) -> EditList {
    let mut all = EditList::default();
    let mut done: Vec<&str> = Vec::new();
    for finding in findings.iter().filter(|f| wanted(f)) {
        let Some(repair) = finding.rule.repair else { continue };
        if done.contains(&finding.rule.id) {
            continue;
        }
        done.push(finding.rule.id);
        let mut edits = EditList::default();
        repair(survey, &mut edits);
        // A rule that contradicts itself on a strange message repairs nothing of it.
        if edits.modifications(survey.message).is_ok() {
            all.join(&edits);
        }
    }
    all
}

/// Findings of rules that are a MUST.
fn musts(findings: &[Finding]) -> usize {
    findings.iter().filter(|f| f.rule.level.is_must()).count()
}

/// How often each rule is broken.
fn counts(findings: &[Finding]) -> BTreeMap<&'static str, usize> {
    let mut out = BTreeMap::new();
    for finding in findings {
        *out.entry(finding.rule.id).or_insert(0) += 1;
    }
    out
}
