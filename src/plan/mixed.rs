//! `multipart/mixed` for mail clients: every voice and fax body playable, a text in front.
//!
//! Voice messages (also embedded ones) keep their parts, their order and their boundary; only their
//! type changes. A body we cannot convert stays as it came, and that is said.

use super::convert::{self, Converted};
use super::part::{self, multipart_body, quoted, set_field};
use super::summary::{self, Line};
use super::{Plan, Refused, Request, guard};
use crate::limits::Budget;
use crate::message::mend::boundary;
use crate::message::{Content, EntityId, Message};
use crate::vpim::{Class, Survey};

/// Plans it.
pub fn plan(survey: &Survey<'_>, request: Request<'_>, budget: &mut Budget) -> Result<Plan, Refused> {
    let message = survey.message;
    let mut plan = Plan::default();
    let mut names = Vec::new();
    let mut lines = Vec::new();
    let mut root_body = None;
    for body in survey.bodies.iter().filter(|b| in_scope(message, b.entity, request.profile.forwarded)) {
        let converted = match convert::convert(survey, body, request, budget) {
            Ok(converted) => converted,
            Err(error) if convert::is_part_error(&error) => {
                plan.losses.push(format!("{error}: {}", guard::LEFT));
                None
            }
            Err(error) => return Err(error),
        };
        let Some(entity) = message.entity(body.entity) else { continue };
        let name = converted
            .as_ref()
            .map(|c| convert::file_name(entity, convert::default_stem(body), &c.media_type, &mut names));
        lines.push(Line::of(survey, body, name.as_deref()));
        let (Some(converted), Some(name)) = (converted, name) else { continue };
        record(&mut plan, &converted);
        let new = convert::part(message, body, &converted, None, &name);
        if body.entity == 0 {
            root_body = Some(new);
        } else {
            plan.edits.body(entity.span(), new);
        }
    }
    relabel_voice_messages(message, request.profile.forwarded, &mut plan);
    if plan.edits.is_empty() && root_body.is_none() {
        return Ok(plan);
    }
    let text = request.profile.summary.then(|| summary::text(survey, &lines, &plan.losses));
    match root_body {
        Some(part) => wrap_root(survey, text, part, &mut plan),
        None => {
            if let Some(text) = text.filter(|_| wants_summary(survey)) {
                part::insert_first(&mut plan.edits, message, 0, &part::text_part(&text, message.eol()));
                plan.actions.push("text summary added".to_owned());
            }
        }
    }
    Ok(plan)
}

fn record(plan: &mut Plan, converted: &Converted) {
    plan.actions.push(converted.action.clone());
    plan.losses.extend(converted.losses.iter().cloned());
}

/// Bodies of embedded messages only where the profile says so; returned content of a report never
/// (RFC 3462 2: it is evidence).
pub(super) fn in_scope(message: &Message<'_>, id: EntityId, forwarded: bool) -> bool {
    let mut in_message = false;
    let mut in_report = false;
    for entity in message.lineage(id).skip(1) {
        in_message |= matches!(entity.content, Content::Message { .. });
        in_report |= in_message && entity.content_type.is("multipart/report");
    }
    !in_message || (forwarded && !in_report)
}

/// Turns every `multipart/voice-message` into `multipart/mixed` with the same boundary, and takes the
/// `(Voice 2.0)` claim off its message.
fn relabel_voice_messages(message: &Message<'_>, forwarded: bool, plan: &mut Plan) {
    for (id, entity) in message.entities() {
        let Content::Multipart { boundary, .. } = &entity.content else { continue };
        if entity.content_type.is("multipart/voice-message") && in_scope(message, id, forwarded) {
            let value = format!("multipart/mixed; boundary={}", quoted(boundary));
            set_field(&mut plan.edits, message, id, "Content-Type", Some(&value));
            let number = message.part_number(id).unwrap_or_else(|| "message".to_owned());
            plan.actions.push(format!("{number}: multipart/voice-message -> multipart/mixed"));
            let carrier = message_root(message, id);
            if message.value(carrier.1, "MIME-Version").is_some() {
                set_field_once(message, carrier.0, plan);
            }
        }
    }
}

/// The root entity of the message (embedded or not) that `id` belongs to.
fn message_root<'m>(message: &'m Message<'_>, id: EntityId) -> (EntityId, &'m crate::message::Entity) {
    let mut at = id;
    loop {
        let Some(entity) = message.entity(at) else { return (0, message.root()) };
        match entity.parent {
            Some(parent)
                if !matches!(message.entity(parent).map(|p| &p.content), Some(Content::Message { .. })) =>
            {
                at = parent;
            }
            _ => return (at, entity),
        }
    }
}

/// `MIME-Version: 1.0` without the comment, at most once for each message.
fn set_field_once(message: &Message<'_>, root: EntityId, plan: &mut Plan) {
    let Some(entity) = message.entity(root) else { return };
    let Some(field) = message.fields(entity, "MIME-Version").next() else { return };
    let done = if root == 0 {
        let index = entity.header.fields.iter().position(|f| f == field);
        plan.edits.header_edits().iter().any(|e| {
            matches!(e,
            crate::message::edit::HeaderEdit::Replace { field, .. } if Some(*field) == index)
        })
    } else {
        plan.edits.touches(field.value)
    };
    if !done {
        set_field(&mut plan.edits, message, root, "MIME-Version", Some("1.0"));
    }
}

/// A report keeps its parts in place: programs count on the order (RFC 3462).
fn wants_summary(survey: &Survey<'_>) -> bool {
    let message = survey.message;
    let root = message.root();
    let has_text = root
        .children()
        .iter()
        .filter_map(|id| message.entity(*id))
        .any(|e| e.content_type.main == "text" || e.content_type.is("multipart/alternative"));
    let is_mixed = root.content_type.is("multipart/mixed") || root.content_type.is("multipart/voice-message");
    is_mixed && (!has_text || !matches!(survey.class, Class::VoiceOther))
}

/// A message that is one audio or fax body becomes a multipart.
fn wrap_root(survey: &Survey<'_>, text: Option<String>, part: Vec<u8>, plan: &mut Plan) {
    let message = survey.message;
    let mut parts: Vec<Vec<u8>> = text.iter().map(|t| part::text_part(t, message.eol())).collect();
    parts.push(part);
    let boundary = boundary(message, &parts);
    let root = message.root();
    part::take_body_fields(&mut plan.edits, message);
    let value = format!("multipart/mixed; boundary={}", quoted(&boundary));
    set_field(&mut plan.edits, message, 0, "Content-Type", Some(&value));
    if message.value(root, "MIME-Version").is_none_or(|v| v.trim_ascii() != b"1.0") {
        set_field(&mut plan.edits, message, 0, "MIME-Version", Some("1.0"));
    }
    plan.edits.body(root.body, multipart_body(&boundary, &parts, message.eol()));
    plan.actions.push("wrapped in multipart/mixed".to_owned());
}
