//! A plan in the making: what is converted so far, and what the destination has room for yet.

use super::choice;
use super::convert::{self, Converted, How};
use super::facts::Facts;
use super::{Plan, Refused, Request};
use crate::limits::Budget;
use crate::media::{self, Job};
use crate::message::{Entity, EntityId};
use crate::policy::bounds::TooLong;
use crate::vpim::survey::Body;
use crate::vpim::{Survey, VoiceKind};

/// The state of it.
pub struct Work<'r, 'b> {
    /// What is asked for.
    pub request: Request<'r>,
    budget: &'b mut Budget,
    facts: &'b Facts,
    /// The plan.
    pub plan: Plan,
    /// File names given.
    pub names: Vec<String>,
    /// Seconds of voice in the new message.
    seconds: f64,
    /// Pages in it.
    pages: usize,
}

impl<'r, 'b> Work<'r, 'b> {
    /// Nothing done yet.
    pub fn new(request: Request<'r>, budget: &'b mut Budget, facts: &'b Facts) -> Self {
        Work { request, budget, facts, plan: Plan::default(), names: Vec::new(), seconds: 0.0, pages: 0 }
    }

    /// What is left of the message's budget.
    pub fn budget(&mut self) -> &mut Budget {
        self.budget
    }

    /// Converts a body, joined with others; `None` where the destination takes it as it is.
    pub fn convert(
        &mut self,
        survey: &Survey<'_>,
        body: &Body,
        with: &[EntityId],
    ) -> Result<Option<Converted>, Refused> {
        let bounds = &self.request.profile.bounds;
        let room = bounds.seconds.map(|most| (f64::from(most) - self.seconds).max(0.0));
        let longest_s = match (bounds.too_long, room) {
            (TooLong::Shorten, Some(room)) if convert::is_audio(body) => Some((room as u32).max(1)),
            _ => None,
        };
        let converted = convert::convert(survey, body, How { with, longest_s }, self.request, self.budget)?;
        let seconds = converted.as_ref().and_then(|c| c.duration_s).or_else(|| convert::duration_s(body));
        self.seconds += seconds.unwrap_or(0.0);
        if let (Some(most), TooLong::Refuse) = (bounds.seconds, bounds.too_long)
            && self.seconds > f64::from(most) + 0.5
        {
            let what = format!("{:.0} s of voice, the destination takes {most} s", self.seconds);
            return Err(Refused::TooLong(what));
        }
        self.take_pages(convert::pages(body).unwrap_or(0))?;
        Ok(converted)
    }

    /// Counts fax pages of the new message.
    pub fn take_pages(&mut self, pages: usize) -> Result<(), Refused> {
        self.pages += pages;
        match self.request.profile.bounds.pages.filter(|most| self.pages > *most) {
            Some(most) => {
                Err(Refused::TooLong(format!("{} fax pages, the destination takes {most}", self.pages)))
            }
            None => Ok(()),
        }
    }

    /// Puts a conversion on record.
    pub fn record(&mut self, converted: &Converted) {
        self.plan.actions.push(converted.action.clone());
        self.plan.losses.extend(converted.losses.iter().cloned());
    }

    /// A file name for a new part.
    pub fn name(&mut self, survey: &Survey<'_>, entity: &Entity, body: &Body, media_type: &str) -> String {
        let profile = self.request.profile;
        let voice = choice::kind(survey, body);
        let is_message = convert::is_audio(body) && matches!(voice, None | Some(VoiceKind::VoiceMessage));
        let templates = match (convert::is_audio(body), is_message) {
            (true, true) => profile.voice_file.as_slice(),
            (true, false) => &[],
            (false, _) => profile.fax_file.as_slice(),
        };
        let stem = templates.iter().find_map(|t| self.facts.fill(t));
        let default = convert::default_stem(body, voice);
        convert::file_name(entity, stem.as_deref(), default, media_type, &mut self.names)
    }

    /// A picture of the first page of a converted fax.
    pub fn picture(
        &mut self,
        survey: &Survey<'_>,
        body: &Body,
        converted: &Converted,
    ) -> Result<Option<Converted>, Refused> {
        let number = survey.message.part_number(body.entity).unwrap_or_default();
        let Some(entity) = survey.message.entity(body.entity) else { return Ok(None) };
        let octets = survey.message.decoded(entity).bytes;
        let job = Job::convert(body.declared.clone(), convert::media_type("image/png"));
        match media::run(&job, &octets, self.request.limits, self.budget) {
            Ok(output) => Ok(Some(Converted {
                bytes: output.bytes,
                media_type: "image/png".to_owned(),
                duration_s: None,
                action: converted.action.clone(),
                losses: Vec::new(),
            })),
            Err(error) => {
                let refused = Refused::media(&number, error);
                if convert::is_part_error(&refused) { Ok(None) } else { Err(refused) }
            }
        }
    }
}
