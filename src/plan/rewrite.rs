//! Bodies written anew because of the rules they break: one media job a part.

use super::convert::{self, content_duration};
use super::{Refused, guard, part};
use crate::conformance::rewrites::{self, Rewrite};
use crate::conformance::{Finding, judge};
use crate::limits::{Budget, Exceeded, Limits};
use crate::media::{self, Facts, Job, MediaError};
use crate::message::edit::EditList;
use crate::message::{Encoding, Entity, Message, transfer};
use crate::vpim::Survey;
use crate::vpim::survey::{self, Body};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

/// A body written anew, and the fields that tell of it.
struct Rewritten {
    part: String,
    edits: EditList,
    action: String,
    losses: Vec<String>,
}

/// What was written anew in a message so far.
pub(super) struct Rewriter<'a> {
    limits: &'a Limits,
    stop: &'a Arc<AtomicBool>,
    /// What the message has left; media work is taken from it.
    budget: &'a mut Budget,
    /// Parts and what was tried on them; nothing is tried twice.
    tried: Vec<(String, usize)>,
    /// What was done.
    pub actions: Vec<String>,
    /// What was lost by it.
    pub losses: Vec<String>,
    /// By part: why it stays as it is.
    pub left: BTreeMap<String, String>,
}

impl<'a> Rewriter<'a> {
    pub fn new(limits: &'a Limits, stop: &'a Arc<AtomicBool>, budget: &'a mut Budget) -> Self {
        let (actions, losses, left) = (Vec::new(), Vec::new(), BTreeMap::new());
        Rewriter { limits, stop, budget, tried: Vec::new(), actions, losses, left }
    }

    /// Edits that write bodies anew, as far as that cures what is wrong with them; empty where nothing
    /// is left to try.
    pub fn round(
        &mut self,
        survey: &Survey<'_>,
        findings: &[Finding],
        wanted: impl Fn(&Finding) -> bool,
    ) -> Result<EditList, Refused> {
        let mut done = Vec::new();
        for body in &survey.bodies {
            let Some(part) = survey.message.part_number(body.entity) else { continue };
            let of_part = findings.iter().filter(|f| is_of(f, &part, body) && wanted(f));
            let rewrite = of_part
                .filter_map(|f| rewrites::find(f.rule))
                .filter(|(rank, _)| !self.tried.contains(&(part.clone(), *rank)))
                .min_by_key(|(rank, _)| *rank);
            let Some((rank, rewrite)) = rewrite else { continue };
            self.tried.push((part.clone(), rank));
            match write(survey, body, &part, rewrite, self.limits, self.budget) {
                Ok(Some(rewritten)) => done.push(rewritten),
                Ok(None) => self.keep(&part, "writing it anew changes nothing"),
                Err(Kept::Forbidden(why)) => self.keep(&part, &why),
                Err(Kept::Media(MediaError::Limit(Exceeded::WorkTime))) => {
                    return Err(Exceeded::WorkTime.into());
                }
                Err(Kept::Media(error)) => self.keep(&part, &error.to_string()),
            }
        }
        // At most twice: what was found useless the first time is left out.
        for _ in 0..2 {
            let mut edits = EditList::default();
            done.retain(|r: &Rewritten| edits.join(&r.edits));
            if edits.is_empty() {
                break;
            }
            let useless = self.useless(survey, findings, &done, &edits)?;
            if useless.is_empty() {
                for rewritten in done {
                    self.left.remove(&rewritten.part);
                    self.actions.push(rewritten.action);
                    self.losses.extend(rewritten.losses);
                }
                return Ok(edits);
            }
            for (part, why) in &useless {
                self.keep(part, why);
            }
            done.retain(|r| !useless.contains_key(&r.part));
        }
        for rewritten in done {
            self.keep(&rewritten.part, "writing it anew makes the message no better");
        }
        Ok(EditList::default())
    }

    fn keep(&mut self, part: &str, why: &str) {
        self.left.insert(part.to_owned(), format!("not written anew: {why}"));
    }

    /// The parts that are no better after `edits`, and why: judged like any message.
    fn useless(
        &self,
        survey: &Survey<'_>,
        findings: &[Finding],
        done: &[Rewritten],
        edits: &EditList,
    ) -> Result<BTreeMap<String, String>, Refused> {
        guard::verify(survey.message, edits, self.limits)?;
        let raw = edits.apply(survey.message)?;
        let message = Message::parse(&raw, self.limits);
        let mut budget = Budget::with_stop(self.limits, self.stop.clone());
        let again = Survey::new(&message, survey.envelope, Some(survey.class), self.limits, &mut budget)
            .towards(survey.target)
            .knowing(survey.answers);
        budget.check()?;
        let after = judge(&again);
        let mut out = BTreeMap::new();
        for rewritten in done {
            let Some(body) = survey
                .bodies
                .iter()
                .find(|b| survey.message.part_number(b.entity).as_ref() == Some(&rewritten.part))
            else {
                continue;
            };
            let (old, new) = (broken(findings, &rewritten.part, body), broken(&after, &rewritten.part, body));
            // What the text repairs of the next round cure is no reason against it.
            if let Some(rule) = new.iter().find(|(id, cured)| !**cured && !old.contains_key(*id)) {
                out.insert(rewritten.part.clone(), format!("it would break {}", rule.0));
            } else if let Some(rule) = old.keys().find(|_| old.keys().all(|id| new.contains_key(id))) {
                out.insert(rewritten.part.clone(), format!("it would still break {rule}"));
            }
        }
        Ok(out)
    }
}

/// The rules a part breaks, and whether text edits cure them.
fn broken(findings: &[Finding], part: &str, body: &Body) -> BTreeMap<&'static str, bool> {
    let of_part = findings.iter().filter(|f| is_of(f, part, body));
    of_part.map(|f| (f.rule.id, f.rule.repair.is_some())).collect()
}

/// True for a finding on the part `body` is in; what is found in the message header is the root's.
fn is_of(finding: &Finding, part: &str, body: &Body) -> bool {
    match &finding.part {
        Some(number) => number == part,
        None => body.entity == 0 && finding.at.is_some(),
    }
}

/// Why a body is not written anew.
enum Kept {
    /// The sender forbids it.
    Forbidden(String),
    /// It cannot be.
    Media(MediaError),
}

/// Writes one body anew; `None` where nothing would change.
fn write(
    survey: &Survey<'_>,
    body: &Body,
    part: &str,
    rewrite: Rewrite,
    limits: &Limits,
    budget: &mut Budget,
) -> Result<Option<Rewritten>, Kept> {
    let message = survey.message;
    let Some(entity) = message.entity(body.entity) else { return Ok(None) };
    let swapped =
        matches!(&body.facts, Ok(r) if matches!(&r.facts, Facts::Audio(audio) if convert::is_swapped(audio)));
    let declared = if swapped { convert::media_type("audio/AAL2-G726-32") } else { body.declared.clone() };
    let target = convert::media_type(rewrite.target);
    let octets = message.decoded(entity).bytes;
    let job = Job::Convert { declared, target: target.clone(), treatment: Default::default() };
    let output = media::run(&job, &octets, limits, budget).map_err(Kept::Media)?;
    guard::may_become(message, body.entity, &target, &output.report.losses).map_err(Kept::Forbidden)?;
    let mut edits = EditList::default();
    label(&mut edits, message, body, rewrite);
    if output.bytes != octets.as_ref() {
        new_body(&mut edits, message, entity, body, &output.bytes);
        let seconds = match &output.report.facts {
            Facts::Audio(audio) => audio.duration_s(),
            Facts::Fax(_) => None,
        };
        if let Some(seconds) = seconds
            && message.fields(entity, "Content-Duration").next().is_some()
        {
            let seconds = content_duration(seconds).to_string();
            part::set_field(&mut edits, message, body.entity, "Content-Duration", Some(&seconds));
        }
    }
    if edits.is_empty() {
        return Ok(None);
    }
    let action =
        format!("{part}: {} -> {}", convert::found_as(body, &output.report.facts), target.essence_str());
    let losses = output.report.losses.iter().map(|l| format!("{part}: {l}")).collect();
    Ok(Some(Rewritten { part: part.to_owned(), edits, action, losses }))
}

/// The octets in base64, and no field that tells of the old ones.
fn new_body(edits: &mut EditList, message: &Message<'_>, entity: &Entity, body: &Body, octets: &[u8]) {
    let eol = message.eol().text();
    let mut coded = transfer::encode_base64(octets, eol);
    if !entity.body.of(message.raw()).ends_with(b"\n") {
        coded.truncate(coded.len() - if coded.ends_with(eol.as_bytes()) { eol.len() } else { 0 });
    }
    edits.body(entity.body, coded);
    if entity.encoding != Encoding::Base64 {
        part::set_field(edits, message, body.entity, "Content-Transfer-Encoding", Some("base64"));
    }
    for name in ["Content-MD5", "Content-Features", "Content-Length", "Lines"] {
        part::set_field(edits, message, body.entity, name, None);
    }
}

/// Type and file name, where the old ones do not fit the new octets.
fn label(edits: &mut EditList, message: &Message<'_>, body: &Body, rewrite: Rewrite) {
    let Some(entity) = message.entity(body.entity) else { return };
    if convert::same_label(entity, rewrite.label) {
        return;
    }
    let old = survey::file_name(entity);
    let renamed = old.as_deref().map(|_| {
        convert::file_name(
            entity,
            None,
            convert::default_stem(body, body.voice),
            rewrite.label,
            &mut Vec::new(),
        )
    });
    let name = entity.content_type.parameters.value("name").and(renamed.as_deref());
    let value = match name {
        Some(name) => format!("{}; name={}", rewrite.label, part::quoted(name)),
        None => rewrite.label.to_owned(),
    };
    part::set_field(edits, message, body.entity, "Content-Type", Some(&value));
    let Some(disposition) = &entity.disposition else { return };
    let Some(renamed) = renamed.filter(|_| disposition.parameters.value("filename").is_some()) else {
        return;
    };
    let mut value = disposition.head.clone();
    for (name, old) in disposition.parameters.iter() {
        let new = if name == "filename" { renamed.as_str() } else { old };
        let is_token =
            !new.is_empty() && new.bytes().all(|c| c.is_ascii_alphanumeric() || b"-_+".contains(&c));
        let new = if is_token { new.to_owned() } else { part::quoted(new) };
        value.push_str(&format!("; {name}={new}"));
    }
    part::set_field(edits, message, body.entity, "Content-Disposition", Some(&value));
}
