//! One `text/plain` that says what came: for pagers and short messages. Voice and pages stay behind, and
//! that is on record.

use super::facts::Facts;
use super::language::Language;
use super::part::{self, set_field};
use super::{Plan, Refused, Request, fields, pager};
use crate::vpim::Survey;

/// Plans it. A message that is a text already is left as it is.
pub fn plan(survey: &Survey<'_>, request: Request<'_>) -> Result<Plan, Refused> {
    let message = survey.message;
    let mut plan = Plan::default();
    if survey.bodies.is_empty() {
        return Ok(plan);
    }
    let facts = Facts::of(survey);
    let language = Language::named(&request.profile.language).unwrap_or_else(Language::english);
    let text = pager::text(&facts, language)?;
    for body in &survey.bodies {
        let number = message.part_number(body.entity).unwrap_or_default();
        plan.losses.push(format!("{number}: {} stays behind", body.declared.essence_str()));
    }
    part::take_body_fields(&mut plan.edits, message);
    let headers = fields::wanted(survey, &facts, request.profile, &[]);
    fields::set(message, &headers, &mut plan);
    let (own, body) = part::text_body(&text, message.eol());
    for (name, value) in own {
        set_field(&mut plan.edits, message, 0, name, Some(&value));
    }
    set_field(&mut plan.edits, message, 0, "MIME-Version", Some("1.0"));
    plan.edits.body(message.root().body, body);
    plan.actions.push(format!("message: {} -> text/plain", message.root().content_type.essence()));
    Ok(plan)
}
