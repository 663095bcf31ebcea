//! One message through the core: parse, survey, judge, decide, plan, check the plan.
//!
//! The milter, `convert`, `route` and the tests all call [`process`]; it reads no clock and does no
//! I/O.

use crate::conformance::{self, Finding, Level};
use crate::limits::{Budget, Exceeded};
use crate::message::edit::{EditList, Modification};
use crate::message::{Message, structured};
use crate::plan::results::{self, Summary};
use crate::plan::{self, Plan, Refused, Request, guard};
use crate::policy::combine::Combined;
use crate::policy::profile::Refusal;
use crate::policy::route::Action;
use crate::policy::{Mode, Route, Settings};
use crate::vpim::{Class, Envelope, Survey, class};
use serde::Serialize;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

/// What is to become of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Deliver it, with the modifications.
    Deliver,
    /// Refuse it for good (5yz) or for now (4yz).
    Refuse(Reply),
    /// Deliver it into quarantine, with this reason.
    Quarantine(String),
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
    /// Modifications in the order they must be sent. In shadow mode what would have been sent is in
    /// `record` only.
    pub modifications: Vec<Modification>,
    /// The whole message after the modifications; only from [`rewrite`], and only where it changes.
    pub rewritten: Option<Vec<u8>>,
    /// What the log line says.
    pub record: Record,
}

/// What was done to a message, for the log line and `convert --format json`.
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
    /// What was done, e.g. `1: audio/32kadpcm -> audio/wav`.
    pub actions: Vec<String>,
    /// What was dropped, shortened or degraded.
    pub losses: Vec<String>,
    /// Signatures over the message that no longer verify.
    pub broken_signatures: Vec<String>,
    /// Why nothing was changed, where a route asked for a change.
    pub unchanged_because: Option<String>,
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
    let mut record = Record::of(class, raw.len());
    if class == Class::None {
        return Outcome::unchanged(Verdict::Deliver, record);
    }
    let mut budget = Budget::with_stop(&settings.limits, ambient.stop.clone());
    let survey = Survey::new(&message, envelope, Some(class), &settings.limits, &mut budget);
    let findings = conformance::judge(&survey);
    record.conformant = conformance::conformant(&survey, &findings);
    record.rules = rule_ids(&findings);
    let route = match settings.combined(envelope, &message) {
        Combined::One(Some(route)) => route,
        Combined::One(None) => {
            record.unchanged_because = Some("no route matches".to_owned());
            return Outcome::unchanged(Verdict::Deliver, record);
        }
        Combined::Conflict(..) => {
            record.unchanged_because = Some("its recipients need different profiles".to_owned());
            return Outcome::unchanged(Verdict::Deliver, record);
        }
    };
    record.route = Some(route.name.clone());
    record.profile = Some(route.profile.clone());
    Decision { settings, route, survey: &survey, findings: &findings, ambient, form, record }
        .answer(&mut budget)
}

/// Everything known when the answer is made.
struct Decision<'a> {
    settings: &'a Settings,
    route: &'a Route,
    survey: &'a Survey<'a>,
    findings: &'a [Finding],
    ambient: &'a Ambient,
    form: Form,
    record: Record,
}

impl Decision<'_> {
    fn answer(mut self, budget: &mut Budget) -> Outcome {
        if guard::is_sealed(self.survey.message) {
            self.record.unchanged_because = Some("signed or encrypted".to_owned());
            return Outcome::unchanged(Verdict::Deliver, self.record);
        }
        match self.action() {
            Action::Annotate => {}
            Action::Reject => return self.take(Verdict::Refuse(findings_reply(554, self.findings))),
            Action::Tempfail => return self.take(Verdict::Refuse(findings_reply(451, self.findings))),
            Action::Quarantine => {
                let reason = format!("VPIM: {}", self.record.rules.join(", "));
                return self.take(Verdict::Quarantine(reason));
            }
        }
        let plan = match self.plan(budget) {
            Ok(plan) => plan,
            Err(refused) => match self.not_converted(&refused) {
                Some(outcome) => return outcome,
                None => Plan::default(),
            },
        };
        self.deliver(plan)
    }

    fn plan(&self, budget: &mut Budget) -> Result<Plan, Refused> {
        let (settings, route) = (self.settings, self.route);
        let Some(profile) = settings.profiles.get(&route.profile) else {
            return Err(Refused::Internal(format!("no profile {}", route.profile)));
        };
        if settings.mode == Mode::Report {
            return Ok(Plan::default());
        }
        let request = Request {
            profile,
            limits: &settings.limits,
            host: &settings.results.authserv_id,
            date: self.ambient.date.as_deref(),
        };
        plan::plan(self.survey, request, budget)
    }

    /// The severest action the route has for the findings; only enforce mode acts.
    fn action(&self) -> Action {
        let of = |wanted: fn(Level) -> bool, action: Action| {
            if self.findings.iter().any(|f| wanted(f.rule.level)) { action } else { Action::Annotate }
        };
        if self.settings.mode != Mode::Enforce {
            return Action::Annotate;
        }
        of(Level::is_must, self.route.on_must).max(of(Level::is_should, self.route.on_should))
    }

    /// What the profile wants done with a message that cannot be converted; `None` to deliver it as
    /// it came (with the results field).
    fn not_converted(&mut self, refused: &Refused) -> Option<Outcome> {
        self.record.unchanged_because = Some(refused.to_string());
        // Counted work cannot run away, so time that is over means a machine too slow for now.
        let own_fault = match refused {
            Refused::Internal(_) => Some(((4, 3, 0), "Local failure, try again later")),
            Refused::Limit(Exceeded::WorkTime) => Some(((4, 3, 2), "Too busy, try again later")),
            _ => None,
        };
        if let Some((enhanced, text)) = own_fault {
            let reply = Reply { code: 451, enhanced, lines: vec![text.to_owned()] };
            return (self.settings.mode == Mode::Enforce).then(|| self.take(Verdict::Refuse(reply)));
        }
        let wish = self.settings.profiles.get(&self.route.profile).map(|p| p.cannot_convert)?;
        if self.settings.mode != Mode::Enforce {
            return None;
        }
        // RFC 3463 3.7: x.6.1 media not supported, x.6.2 conversion prohibited, x.6.3 required but not supported, x.6.5 failed.
        let detail = match refused {
            Refused::Unreadable { .. } => 1,
            Refused::Untouchable(_) => 2,
            Refused::NotSupported { .. } => 3,
            _ => 5,
        };
        let lines = vec![format!("cannot convert for {}: {refused}", self.route.profile)];
        match wish {
            Refusal::Deliver => None,
            Refusal::Reject => {
                Some(self.take(Verdict::Refuse(Reply { code: 554, enhanced: (5, 6, detail), lines })))
            }
            Refusal::Tempfail => {
                Some(self.take(Verdict::Refuse(Reply { code: 451, enhanced: (4, 6, detail), lines })))
            }
            Refusal::Quarantine => Some(self.take(Verdict::Quarantine(lines.concat()))),
        }
    }

    fn deliver(mut self, mut plan: Plan) -> Outcome {
        let settings = self.settings;
        self.record.actions = std::mem::take(&mut plan.actions);
        self.record.losses = std::mem::take(&mut plan.losses);
        let mut edits = plan.edits;
        if settings.mode == Mode::Enforce {
            self.record.broken_signatures = broken_signatures(self.survey, &edits);
        }
        if settings.results.enabled
            && settings.mode != Mode::Shadow
            && let Err(refused) = self.label(&mut edits)
            && let Some(outcome) = self.not_converted(&refused)
        {
            return outcome;
        }
        let message = self.survey.message;
        let mut outcome = Outcome::unchanged(Verdict::Deliver, self.record.clone());
        let done = match self.form {
            Form::Modifications => edits.modifications(message).map(|m| outcome.modifications = m),
            Form::Message if edits.is_empty() => Ok(()),
            Form::Message => edits.apply(message).map(|m| outcome.rewritten = Some(m)),
        };
        if let Err(error) = done {
            return self
                .not_converted(&Refused::from(error))
                .unwrap_or(Outcome::unchanged(Verdict::Deliver, self.record));
        }
        outcome.record.bytes_out = edits.size_after(message);
        if settings.mode == Mode::Shadow {
            outcome.modifications.clear();
            outcome.rewritten = None;
        }
        outcome
    }

    fn label(&self, edits: &mut EditList) -> Result<(), Refused> {
        let record = &self.record;
        let summary = Summary {
            pass: record.conformant,
            class: record.class,
            route: record.route.as_deref(),
            profile: record.profile.as_deref(),
            rules: &record.rules,
            actions: &record.actions,
            losses: &record.losses,
            broken_signatures: &record.broken_signatures,
            unchanged_because: record.unchanged_because.as_deref(),
        };
        results::label(self.survey.message, edits, &self.settings.results, &summary)
    }

    fn take(&mut self, verdict: Verdict) -> Outcome {
        Outcome::unchanged(verdict, self.record.clone())
    }
}

impl Outcome {
    fn unchanged(verdict: Verdict, record: Record) -> Self {
        Outcome { verdict, modifications: Vec::new(), rewritten: None, record }
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
            losses: Vec::new(),
            broken_signatures: Vec::new(),
            unchanged_because: None,
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

/// Names the DKIM and ARC signatures over a body that changes (RFC 6376 3.7).
fn broken_signatures(survey: &Survey<'_>, edits: &EditList) -> Vec<String> {
    if edits.is_empty() {
        return Vec::new();
    }
    let message = survey.message;
    let names = ["DKIM-Signature", "ARC-Message-Signature"];
    let fields = names.iter().flat_map(|name| message.fields(message.root(), name).map(move |f| (name, f)));
    fields
        .map(|(name, field)| {
            let tags = structured::parameterized(field.value.of(message.raw())).parameters;
            format!("{name} d={}", tags.value("d").unwrap_or("?"))
        })
        .collect()
}

/// A refusal the other side's administrator can act on.
fn findings_reply(code: u16, findings: &[Finding]) -> Reply {
    const MAX_LINES: usize = 10;
    let class = if code >= 500 { 5 } else { 4 };
    let mut lines = vec!["the message does not conform to its voice or fax profile".to_owned()];
    for finding in findings.iter().filter(|f| f.rule.level.is_must()).take(MAX_LINES) {
        let part = finding.part.as_ref().map(|p| format!(" part {p}:")).unwrap_or_default();
        let rule = finding.rule;
        lines.push(format!(
            "{}:{part} {} (RFC {} section {})",
            rule.id, finding.message, rule.rfc, rule.section
        ));
    }
    Reply { code, enhanced: (class, 6, 0), lines }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::Mode;

    const VOICE: &str = "From: Ann <1@a.test>\r\nDate: Tue, 4 Mar 2025 09:00:00 +0100\r\nMessage-ID: <a@a.test>\r\n\
        DKIM-Signature: v=1; d=a.test; s=x; b=AAAA\r\nMIME-Version: 1.0 (Voice 2.0)\r\n\
        Content-Type: multipart/voice-message; version=2.0; boundary=b\r\n\r\n--b\r\n\
        Content-Type: audio/32KADPCM\r\nContent-Transfer-Encoding: base64\r\n\r\n////////\r\n--b--\r\n";

    fn answered(raw: &str, mode: Mode, change: impl Fn(&mut Settings)) -> Outcome {
        let mut settings = Settings::for_profile("desktop", "mx.test");
        settings.mode = mode;
        change(&mut settings);
        process(raw.as_bytes(), &Envelope::default(), &settings, &Ambient::default())
    }

    fn kinds(outcome: &Outcome) -> Vec<&'static str> {
        let kind = |m: &Modification| match m {
            Modification::ChangeHeader { .. } => "change",
            Modification::DeleteHeader { .. } => "delete",
            Modification::InsertHeader { .. } => "insert",
            Modification::ReplaceBody(_) => "body",
        };
        outcome.modifications.iter().map(kind).collect()
    }

    #[test]
    fn each_mode_goes_as_far_as_it_says() {
        let report = answered(VOICE, Mode::Report, |_| {});
        assert_eq!(kinds(&report), ["insert"]);
        let shadow = answered(VOICE, Mode::Shadow, |_| {});
        assert_eq!((kinds(&shadow), shadow.record.actions.len()), (vec![], 3));
        assert!(shadow.record.bytes_out > shadow.record.bytes_in);
        let enforce = answered(VOICE, Mode::Enforce, |_| {});
        assert_eq!(kinds(&enforce), ["change", "change", "insert", "body"]);
    }

    #[test]
    fn a_broken_signature_is_named() {
        let outcome = answered(VOICE, Mode::Enforce, |_| {});
        assert_eq!(outcome.record.broken_signatures, ["DKIM-Signature d=a.test"]);
        let named = outcome.modifications.iter().any(|m| {
            matches!(m, Modification::InsertHeader { value, .. } if String::from_utf8_lossy(value).contains("d=a.test"))
        });
        assert!(named);
        assert!(answered(VOICE, Mode::Report, |_| {}).record.broken_signatures.is_empty());
    }

    #[test]
    fn a_route_can_refuse_what_does_not_conform_and_only_in_enforce() {
        let strict = |s: &mut Settings| s.routes[0].on_must = Action::Reject;
        let Verdict::Refuse(reply) = answered(VOICE, Mode::Enforce, strict).verdict else {
            panic!("not refused")
        };
        assert_eq!((reply.code, reply.enhanced), (554, (5, 6, 0)));
        assert!(reply.lines[1].contains("vpim2-content-disposition-present: part 1:"), "{:?}", reply.lines);
        for mode in [Mode::Report, Mode::Shadow] {
            assert_eq!(answered(VOICE, mode, strict).verdict, Verdict::Deliver);
        }
    }

    #[test]
    fn signed_mail_and_mail_without_route_get_not_even_a_label() {
        let signed =
            "Content-Type: multipart/signed; boundary=s\r\n\r\n--s\r\n".to_owned() + VOICE + "--s--\r\n";
        let outcome = answered(&signed, Mode::Enforce, |_| {});
        assert_eq!((kinds(&outcome), outcome.verdict), (vec![], Verdict::Deliver));
        let outcome = answered(VOICE, Mode::Enforce, |s| s.routes.clear());
        assert_eq!(
            (kinds(&outcome), outcome.record.unchanged_because.as_deref()),
            (vec![], Some("no route matches"))
        );
    }

    #[test]
    fn time_that_is_over_is_a_temporary_failure_not_an_unconverted_delivery() {
        let settings = Settings::for_profile("desktop", "mx.test");
        let ambient = Ambient::default();
        ambient.stop.store(true, std::sync::atomic::Ordering::Relaxed);
        let outcome = process(VOICE.as_bytes(), &Envelope::default(), &settings, &ambient);
        let Verdict::Refuse(reply) = outcome.verdict else { panic!("{:?}", outcome.verdict) };
        assert_eq!((reply.code, reply.enhanced), (451, (4, 3, 2)));
    }
}
