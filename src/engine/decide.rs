//! What is done with a message whose route and findings are known.

use super::{Ambient, Form, Outcome, Record, Reply, Verdict, listed, numbers, recipients, reply};
use crate::conformance::{self, Finding};
use crate::limits::{Budget, Exceeded};
use crate::message::edit::EditList;
use crate::message::{Message, structured};
use crate::plan::repair::{Repair, repair};
use crate::plan::results::{self, Summary};
use crate::plan::{self, Plan, Refused, Request, duty, guard};
use crate::policy::bounds::TooLong;
use crate::policy::profile::Refusal;
use crate::policy::route::{Action, Signed};
use crate::policy::{Mode, Profile, Route, Settings};
use crate::vpim::{Class, Survey, sealed};

/// Everything known when the answer is made.
pub(super) struct Decision<'a> {
    pub settings: &'a Settings,
    pub route: &'a Route,
    /// The profile of the route, as the recipients' mailboxes need it.
    pub profile: Option<&'a Profile>,
    /// The message as received.
    pub original: &'a Message<'a>,
    /// The edits that made of it the message surveyed.
    pub repaired: Option<&'a EditList>,
    pub survey: &'a Survey<'a>,
    pub findings: &'a [Finding],
    pub ambient: &'a Ambient,
    pub form: Form,
    pub record: Record,
}

impl Decision<'_> {
    pub fn answer(self, budget: &mut Budget) -> Outcome {
        match self.settings.mode {
            Mode::Report => self.report(),
            // The same work to the last octet, so that what is said is what would be done.
            Mode::Shadow => self.enforce(budget).only_said(),
            Mode::Enforce => self.enforce(budget),
        }
    }

    /// Judges and labels.
    fn report(mut self) -> Outcome {
        if self.is_sealed() {
            return Outcome::unchanged(Verdict::Deliver, self.record);
        }
        self.record.would = self.demanded().or_else(|| self.refused());
        let mut edits = EditList::default();
        let labelled = self.label(&mut edits).and_then(|()| self.changed(edits));
        labelled.unwrap_or_else(|refused| {
            self.record.unchanged_because = Some(refused.to_string());
            Outcome::unchanged(Verdict::Deliver, self.record)
        })
    }

    fn enforce(mut self, budget: &mut Budget) -> Outcome {
        if self.is_sealed() {
            return Outcome::unchanged(Verdict::Deliver, self.record);
        }
        if let Some(verdict) = self.over_length().or_else(|| self.demanded()).or_else(|| self.refused()) {
            return self.take(verdict);
        }
        if self.route.signed == Signed::Leave
            && self.settings.mode != Mode::Report
            && let signed = signatures(self.original)
            && !signed.is_empty()
        {
            self.record.unchanged_because =
                Some(format!("the route leaves signed mail: {}", signed.join(", ")));
            return Outcome::unchanged(Verdict::Deliver, self.record);
        }
        let mut repair = match self.repair(budget) {
            Ok(Some(repair)) => repair,
            Ok(None) => return self.convert(budget),
            Err(refused) => {
                self.record.unchanged_because = Some(refused.to_string());
                return match self.own_fault(&refused) {
                    Some(outcome) => outcome,
                    None => self.convert(budget),
                };
            }
        };
        self.record.actions = repair.cured.iter().map(|rule| format!("repaired {rule}")).collect();
        self.record.actions.append(&mut repair.actions);
        self.record.losses.append(&mut repair.losses);
        self.record.unchanged_because = Some(repair.left.join("; ")).filter(|why| !why.is_empty());
        let message = Message::parse(&repair.raw, &self.settings.limits);
        let (envelope, class) = (self.survey.envelope, self.survey.class);
        let survey = Survey::new(&message, envelope, Some(class), &self.settings.limits, budget);
        let survey = survey.towards(self.survey.target);
        Decision { survey: &survey, repaired: Some(&repair.edits), ..self }.convert(budget)
    }

    /// True, and recorded, for messages of which not one octet may change.
    fn is_sealed(&mut self) -> bool {
        let sealed = sealed::what(self.survey.message).is_some();
        if sealed {
            self.record.unchanged_because = Some("signed or encrypted".to_owned());
        }
        sealed
    }

    fn profile(&self) -> Option<&Profile> {
        self.profile
    }

    /// The refusal of a message longer than the recipients' mailboxes take, whatever the profile does with
    /// what it cannot convert; unless it shortens.
    fn over_length(&self) -> Option<Verdict> {
        let most = self.settings.mailbox_seconds(self.route, self.survey.envelope)?;
        if self.profile()?.bounds.too_long == TooLong::Shorten {
            return None;
        }
        let seconds = self.survey.bodies.iter().filter_map(plan::duration_s).sum();
        listed::too_long(seconds, most).map(Verdict::Refuse)
    }

    /// What the route wants done with a finding.
    fn wish(&self, finding: &Finding) -> Action {
        let rule = finding.rule;
        let by_level = if rule.level.is_must() {
            self.route.on_must
        } else if rule.level.is_should() {
            self.route.on_should
        } else {
            Action::Annotate
        };
        self.route.action(rule.id, by_level)
    }

    /// The refusal of a message that demands what its recipients' system does not keep: by default,
    /// since the standards leave no choice; a route may say otherwise by rule.
    fn demanded(&self) -> Option<Verdict> {
        if let Some(refusal) = self.no_mailbox() {
            return Some(Verdict::Refuse(refusal));
        }
        let unmet = duty::unmet(self.survey, self.profile()?)?;
        match self.route.action(unmet.rule, Action::Reject) {
            Action::Annotate | Action::Repair => None,
            Action::Quarantine => Some(Verdict::Quarantine(format!("VPIM: {}", unmet.why))),
            action => Some(Verdict::Refuse(reply::demand(&unmet, action))),
        }
    }

    /// The refusal of a recipient that was not told at RCPT: mail of this machine's own programs, and routes
    /// that look at the header.
    fn no_mailbox(&self) -> Option<Reply> {
        let (envelope, message) = (self.survey.envelope, self.original);
        envelope.rcpt_to.iter().find_map(|recipient| {
            let route = self.settings.route_for(envelope, Some(message), recipient)?;
            recipients::no_mailbox(route, self.settings, recipient)
        })
    }

    /// The severest thing the route wants done for the findings.
    fn refused(&self) -> Option<Verdict> {
        let severest = self.findings.iter().map(|f| self.wish(f)).max()?;
        let reasons = || self.findings.iter().filter(|f| self.wish(f) == severest);
        match severest {
            Action::Annotate | Action::Repair => None,
            Action::Reject | Action::Tempfail => {
                Some(Verdict::Refuse(reply::findings(&reasons().collect::<Vec<_>>(), severest)))
            }
            Action::Quarantine => {
                let mut rules: Vec<&str> = reasons().map(|f| f.rule.id).collect();
                rules.dedup();
                rules.truncate(10);
                Some(Verdict::Quarantine(format!("VPIM: {}", rules.join(", "))))
            }
        }
    }

    fn repair(&self, budget: &mut Budget) -> Result<Option<Repair>, Refused> {
        let all = self.profile().is_some_and(|p| p.repair);
        let wanted = |finding: &Finding| match self.wish(finding) {
            Action::Repair => true,
            // A rule the route names to be left alone is.
            Action::Annotate => all && self.route.action(finding.rule.id, Action::Repair) == Action::Repair,
            _ => all,
        };
        repair(self.survey, self.findings, wanted, &self.settings.limits, &self.ambient.stop, budget)
    }

    fn convert(mut self, budget: &mut Budget) -> Outcome {
        let plan = match self.plan(budget) {
            Ok(mut plan) => {
                self.renumber(&mut plan);
                plan
            }
            Err(refused) => match self.not_converted(&refused) {
                Some(outcome) => return outcome,
                None => Plan::default(),
            },
        };
        self.deliver(plan)
    }

    fn plan(&self, budget: &mut Budget) -> Result<Plan, Refused> {
        let settings = self.settings;
        let Some(profile) = self.profile else {
            return Err(Refused::Internal(format!("no profile {}", self.route.profile)));
        };
        let request = Request {
            profile,
            limits: &settings.limits,
            host: &settings.results.authserv_id,
            date: self.ambient.date.as_deref(),
        };
        let plan = plan::plan(self.survey, request, budget)?;
        match profile.conforms {
            Some(class) if !plan.edits.is_empty() => {
                // Internet voice messaging leaves faxes to Internet fax (RFC 4239 8).
                let class = if class == Class::Ivm && !self.has_voice() { Class::Fax } else { class };
                self.finish(plan, class, budget)
            }
            _ => Ok(plan),
        }
    }

    fn has_voice(&self) -> bool {
        self.survey.bodies.iter().any(|b| b.is_audio())
    }

    /// Repairs what the converted message breaks of the rules it now is under: what its sender wrote was
    /// written under others, or none.
    fn finish(&self, mut plan: Plan, class: Class, budget: &mut Budget) -> Result<Plan, Refused> {
        let limits = &self.settings.limits;
        let message = self.survey.message;
        let raw = plan.edits.apply(message)?;
        let converted = Message::parse(&raw, limits);
        let survey = Survey::new(&converted, self.survey.envelope, Some(class), limits, budget)
            .towards(self.survey.target)
            .stamped(self.survey.stamp);
        let findings = conformance::judge(&survey);
        match repair(&survey, &findings, |_| true, limits, &self.ambient.stop, budget) {
            Ok(Some(mut repair)) => {
                plan.edits = plan.edits.then(message, &repair.edits, &converted)?;
                plan.actions.extend(repair.cured.iter().map(|rule| format!("repaired {rule}")));
                plan.actions.append(&mut repair.actions);
                plan.losses.append(&mut repair.losses);
                Ok(plan)
            }
            Err(refused @ (Refused::Internal(_) | Refused::Limit(_))) => Err(refused),
            // What cannot be repaired is no reason not to convert.
            Ok(None) | Err(_) => Ok(plan),
        }
    }

    /// What is done where not the message is to blame; `None` where it is.
    fn own_fault(&mut self, refused: &Refused) -> Option<Outcome> {
        // Counted work cannot run away, so time that is over means a machine too slow for now.
        let reply = match refused {
            Refused::Internal(_) => reply::temporary((4, 3, 0), "Local failure, try again later"),
            Refused::Limit(Exceeded::WorkTime) => reply::temporary((4, 3, 2), "Too busy, try again later"),
            _ => return None,
        };
        Some(self.take(Verdict::Refuse(reply)))
    }

    /// What the profile wants done with a message that cannot be converted; `None` to deliver it as
    /// it came (with the results field).
    fn not_converted(&mut self, refused: &Refused) -> Option<Outcome> {
        self.record.unchanged_because = Some(refused.to_string());
        if let Some(outcome) = self.own_fault(refused) {
            return Some(outcome);
        }
        let verdict = match self.profile()?.cannot_convert {
            // What is too much for the destination is so as it came, too.
            Refusal::Deliver if !matches!(refused, Refused::TooLong(_)) => return None,
            Refusal::Deliver | Refusal::Reject => {
                Verdict::Refuse(reply::not_converted(&self.route.profile, refused, 5))
            }
            Refusal::Tempfail => Verdict::Refuse(reply::not_converted(&self.route.profile, refused, 4)),
            Refusal::Quarantine => {
                Verdict::Quarantine(format!("cannot convert for {}: {refused}", self.route.profile))
            }
        };
        Some(self.take(verdict))
    }

    fn deliver(mut self, mut plan: Plan) -> Outcome {
        self.record.actions.append(&mut plan.actions);
        self.record.losses.append(&mut plan.losses);
        let mut edits = plan.edits;
        if self.repaired.is_some() || !edits.is_empty() {
            self.record.broken_signatures = signatures(self.original);
        }
        if let Err(refused) = self.label(&mut edits)
            && let Some(outcome) = self.not_converted(&refused)
        {
            return outcome;
        }
        match self.changed(edits) {
            Ok(outcome) => outcome,
            Err(refused) => self
                .not_converted(&refused)
                .unwrap_or_else(|| Outcome::unchanged(Verdict::Deliver, self.record)),
        }
    }

    /// Addresses of the header by the numbers the destination knows.
    fn renumber(&mut self, plan: &mut Plan) {
        let message = self.survey.message;
        if self.settings.mode == Mode::Report || guard::may_change(message).is_err() {
            return;
        }
        let changed = numbers::header(self.route, self.survey.envelope, message, &mut plan.edits);
        let mut fields: Vec<&str> = changed.iter().map(|c| c.place).collect();
        fields.dedup();
        plan.actions.extend(fields.into_iter().map(|name| format!("{name} renumbered")));
        self.record.renumbered.extend(changed);
    }

    /// The message with the edits of the message surveyed, in the form asked for.
    fn changed(&self, edits: EditList) -> Result<Outcome, Refused> {
        let message = self.original;
        let whole = match self.repaired {
            Some(first) => first.then(message, &edits, self.survey.message)?,
            None => edits,
        };
        let mut outcome = Outcome::unchanged(Verdict::Deliver, self.record.clone());
        match self.form {
            Form::Modifications => outcome.modifications = whole.modifications(message)?,
            Form::Message if whole.is_empty() => {}
            Form::Message => outcome.rewritten = Some(whole.apply(message)?),
        }
        outcome.record.bytes_out = whole.size_after(message);
        Ok(outcome)
    }

    /// Adds the results field, where it is wanted.
    fn label(&self, edits: &mut EditList) -> Result<(), Refused> {
        if !self.settings.results.enabled {
            return Ok(());
        }
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

/// Names the DKIM and ARC signatures, which hold no longer once the message changes (RFC 6376 3.7).
fn signatures(message: &Message<'_>) -> Vec<String> {
    let names = ["DKIM-Signature", "ARC-Message-Signature"];
    let fields = names.iter().flat_map(|name| message.fields(message.root(), name).map(move |f| (name, f)));
    fields
        .map(|(name, field)| {
            let tags = structured::parameterized(field.value.of(message.raw())).parameters;
            format!("{name} d={}", tags.value("d").unwrap_or("?"))
        })
        .collect()
}
