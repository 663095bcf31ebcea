//! One message through the core: parse, survey, judge, decide, plan, check the plan.
//!
//! The milter, `convert`, `route` and the tests all call [`process`]; it reads no clock and does no
//! I/O.

mod decide;
pub mod divide;
mod listed;
mod numbers;
mod recipients;
mod reply;

pub use numbers::{Recipient, Recipients, Renumbered};
pub use recipients::{Copy, Foresight, foresee, refused_recipient};

use crate::conformance::{self, Finding};
use crate::limits::Budget;
use crate::message::Message;
use crate::message::edit::Modification;
use crate::plan::split;
use crate::policy::{Combined, Mode, Settings, Split};
use crate::vpim::{Class, Envelope, Stamp, Survey, class};
use divide::{Resend, Sent};
use serde::Serialize;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

/// What is to become of a message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// Deliver it, with the modifications.
    Deliver,
    /// Refuse it for good (5yz) or for now (4yz).
    Refuse(Reply),
    /// Deliver it into quarantine, with this reason.
    Quarantine(String),
}

impl Verdict {
    /// In a few words, for a log: `refused 554 5.6.0`.
    pub fn summary(&self) -> String {
        match self {
            Verdict::Deliver => "deliver".to_owned(),
            Verdict::Quarantine(reason) => format!("quarantine: {reason}"),
            Verdict::Refuse(reply) => {
                let (a, b, c) = reply.enhanced;
                format!("refused {} {a}.{b}.{c}", reply.code)
            }
        }
    }
}

/// An SMTP reply (RFC 5321 4.2, RFC 3463). ASCII, one line an entry, no percent doubling.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Reply {
    /// 4yz or 5yz.
    pub code: u16,
    /// Enhanced status code of the same class.
    pub enhanced: (u8, u8, u8),
    /// The text.
    pub lines: Vec<String>,
}

/// The answer of the core, complete before anything is sent.
#[derive(Clone, Debug, PartialEq)]
pub struct Outcome {
    /// What is to become of the message.
    pub verdict: Verdict,
    /// Modifications in the order they must be sent. None in shadow mode.
    pub modifications: Vec<Modification>,
    /// How the envelope changes; like `modifications` empty in shadow mode.
    pub recipients: Recipients,
    /// Copies that recipients who need another output are to be sent, before anything is answered.
    pub copies: Vec<Resend>,
    /// Places in [`Envelope::rcpt_to`]: those who got a copy, now or at an earlier try, to be taken off
    /// the message.
    pub taken_off: Vec<usize>,
    /// The whole message after the modifications; only from [`rewrite`], and only where it changes.
    pub rewritten: Option<Vec<u8>>,
    /// What the log line says.
    pub record: Record,
}

/// What was done to a message, for the log line and `convert --format json`. In shadow mode: what enforce
/// mode would do to it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Record {
    /// Class found.
    pub class: &'static str,
    /// No MUST broken.
    pub conformant: bool,
    /// Ids of the rules broken.
    pub rules: Vec<&'static str>,
    /// Route that matched.
    pub route: Option<String>,
    /// Profile of that route.
    pub profile: Option<String>,
    /// What was done, e.g. `1: audio/32kadpcm -> audio/wav`, `repaired vpim2-date-zone-present`.
    pub actions: Vec<String>,
    /// Addresses that number rules changed.
    pub renumbered: Vec<Renumbered>,
    /// What was dropped, shortened or degraded.
    pub losses: Vec<String>,
    /// Signatures over the message that no longer verify.
    pub broken_signatures: Vec<String>,
    /// Why nothing was changed, where a route asked for a change.
    pub unchanged_because: Option<String>,
    /// In report and shadow mode: the verdict of enforce mode, where it is not to deliver. Report mode tells
    /// only of refusals for what was found, since it converts nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub would: Option<Verdict>,
    /// Octets in.
    pub bytes_in: usize,
    /// Octets out.
    pub bytes_out: usize,
}

/// Facts from outside that the core must not fetch itself.
#[derive(Clone, Debug, Default)]
pub struct Ambient {
    /// Date for a message that has none (RFC 5322 3.3), from the caller's clock.
    pub date: Option<String>,
    /// Raised when the time for the message is over.
    pub stop: Arc<AtomicBool>,
    /// Who has a copy from an earlier try.
    pub sent: Sent,
}

/// True where a message with this header may be voice or fax mail, so that its body is wanted:
/// anything but a single part of plain text, HTML and the like. `header` is the header block as
/// received or rebuilt, ended by its empty line.
pub fn wants_body(header: &[u8]) -> bool {
    class::may_be_ours(header)
}

/// Takes one message through and says which modifications an MTA must make.
pub fn process(raw: &[u8], envelope: &Envelope, settings: &Settings, ambient: &Ambient) -> Outcome {
    answer(raw, envelope, settings, ambient, Form::Modifications)
}

/// Takes one message through and gives it back whole, with the line ends it has.
pub fn rewrite(raw: &[u8], envelope: &Envelope, settings: &Settings, ambient: &Ambient) -> Outcome {
    answer(raw, envelope, settings, ambient, Form::Message)
}

/// How changes are handed out.
#[derive(Clone, Copy, PartialEq)]
enum Form {
    Modifications,
    Message,
}

fn answer(raw: &[u8], envelope: &Envelope, settings: &Settings, ambient: &Ambient, form: Form) -> Outcome {
    let message = Message::parse(raw, &settings.limits);
    let class = class::classify(&message);
    // Ordinary mail is told apart before anything is looked up for it.
    if class == Class::None {
        return Outcome::unchanged(Verdict::Deliver, Record::of(class, raw.len()));
    }
    let message = Classified { message: &message, class };
    let divides =
        settings.split == Split::Reinject && settings.mode != Mode::Report && form == Form::Modifications;
    let back = divides
        .then(|| split::returned(message.message, envelope, &settings.routes, &settings.results))
        .flatten();
    let combined = match back.and_then(|back| back.route) {
        Some(route) => Combined::One(route),
        None => settings.combined(envelope, message.message),
    };
    let Some(back) = back else {
        if let Combined::Conflict(groups) = &combined
            && divides
        {
            return divide::divide(message, envelope, groups, settings, ambient).unwrap_or_else(|why| {
                let mut outcome = answer_alike(message, envelope, settings, ambient, form, combined.clone());
                outcome.record.unchanged_because = Some(why.to_owned());
                outcome
            });
        }
        return answer_alike(message, envelope, settings, ambient, form, combined);
    };
    // A copy of ours is not divided again, whatever its recipients need.
    let differ = matches!(combined, Combined::Conflict(_));
    let mut outcome = answer_alike(message, envelope, settings, ambient, form, combined);
    if differ {
        let why = "a copy came back, and its recipients need different profiles";
        outcome.record.unchanged_because = Some(why.to_owned());
    }
    if settings.mode == Mode::Enforce && !matches!(outcome.verdict, Verdict::Refuse(_)) {
        let (name, occurrence) = (split::NAME.to_owned(), back.occurrence);
        outcome.modifications.insert(0, Modification::DeleteHeader { name, occurrence });
        outcome.record.bytes_out = outcome.record.bytes_out.saturating_sub(back.octets);
    }
    outcome
}

/// A voice or fax message.
#[derive(Clone, Copy)]
struct Classified<'m> {
    message: &'m Message<'m>,
    class: Class,
}

/// The answer where the routes are known.
fn answer_alike(
    Classified { message, class }: Classified<'_>,
    envelope: &Envelope,
    settings: &Settings,
    ambient: &Ambient,
    form: Form,
    combined: Combined<'_>,
) -> Outcome {
    let mut record = Record::of(class, message.raw().len());
    if settings.mode != Mode::Report
        && let Some(reply) = listed::refused_message(settings, envelope, message)
    {
        let outcome = Outcome::unchanged(Verdict::Refuse(reply), record);
        return if settings.mode == Mode::Shadow { outcome.only_said() } else { outcome };
    }
    let mut budget = Budget::with_stop(&settings.limits, ambient.stop.clone());
    let profile = match combined {
        Combined::One(Some(route)) => settings.profile_for(route, envelope),
        _ => None,
    };
    let target = profile.as_ref().and_then(|p| p.target.as_ref());
    let stamp = Stamp { host: Some(&settings.results.authserv_id), date: ambient.date.as_deref() };
    let survey = Survey::new(message, envelope, Some(class), &settings.limits, &mut budget)
        .towards(target)
        .stamped(stamp);
    let findings = conformance::judge(&survey);
    record.conformant = conformance::conformant(&survey, &findings);
    record.rules = rule_ids(&findings);
    let replaced = |outcome| numbers::replace_recipients(outcome, settings, envelope, message);
    let route = match combined {
        Combined::One(Some(route)) => route,
        Combined::One(None) => {
            record.unchanged_because = Some("no route matches".to_owned());
            return Outcome::unchanged(Verdict::Deliver, record);
        }
        Combined::Conflict(..) => {
            record.unchanged_because = Some("its recipients need different profiles".to_owned());
            return replaced(Outcome::unchanged(Verdict::Deliver, record));
        }
    };
    record.route = Some(route.name.clone());
    record.profile = Some(route.profile.clone());
    let outcome = decide::Decision {
        settings,
        route,
        profile: profile.as_deref(),
        original: message,
        repaired: None,
        survey: &survey,
        findings: &findings,
        ambient,
        form,
        record,
    }
    .answer(&mut budget);
    replaced(outcome)
}

impl Outcome {
    fn unchanged(verdict: Verdict, record: Record) -> Self {
        Outcome {
            verdict,
            modifications: Vec::new(),
            recipients: Recipients::default(),
            copies: Vec::new(),
            taken_off: Vec::new(),
            rewritten: None,
            record,
        }
    }

    /// Only said: the message is delivered as it came.
    fn only_said(mut self) -> Self {
        let verdict = std::mem::replace(&mut self.verdict, Verdict::Deliver);
        self.record.would = Some(verdict).filter(|v| *v != Verdict::Deliver);
        Outcome::unchanged(Verdict::Deliver, self.record)
    }
}

impl Record {
    /// The record of a message to which nothing was done yet.
    pub fn of(class: Class, bytes: usize) -> Self {
        Record {
            class: class.name(),
            conformant: class != Class::VoiceOther,
            rules: Vec::new(),
            route: None,
            profile: None,
            actions: Vec::new(),
            renumbered: Vec::new(),
            losses: Vec::new(),
            broken_signatures: Vec::new(),
            unchanged_because: None,
            would: None,
            bytes_in: bytes,
            bytes_out: bytes,
        }
    }
}

fn rule_ids(findings: &[Finding]) -> Vec<&'static str> {
    let mut ids: Vec<&'static str> = Vec::new();
    for finding in findings {
        if !ids.contains(&finding.rule.id) {
            ids.push(finding.rule.id);
        }
    }
    ids
}

#[cfg(test)]
mod tests;
