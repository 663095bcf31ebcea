//! `multipart/mixed` for mail clients: every voice and fax body playable, a text in front.
//!
//! Voice messages (also embedded ones) keep their parts, their order and their boundary; only their
//! type changes. A body we cannot convert stays as it came, and that is said.

use super::choice::{self, Fate};
use super::convert::{self, Converted};
use super::facts::Facts;
use super::fields;
use super::part::{self, multipart_body, quoted, remove_part, set_field};
use super::summary::{self, Line};
use super::voice_message::{dropped, fate};
use super::work::Work;
use super::{Plan, Refused, Request, guard, render};
use crate::limits::Budget;
use crate::message::mend::boundary;
use crate::message::{Content, Entity, EntityId, Message};
use crate::policy::profile::Foreign;
use crate::vpim::survey::Body;
use crate::vpim::{Class, Survey, VoiceKind};

/// What became of the bodies.
#[derive(Default)]
struct Done {
    lines: Vec<Line>,
    /// The part that the body of the message itself becomes.
    root: Vec<Vec<u8>>,
}

/// Plans it.
pub fn plan(survey: &Survey<'_>, request: Request<'_>, budget: &mut Budget) -> Result<Plan, Refused> {
    let message = survey.message;
    let profile = request.profile;
    let facts = Facts::of(survey);
    let mut work = Work::new(request, budget, &facts);
    let mut done = Done::default();
    for (id, fate) in choice::choose(survey, request)? {
        let (Some(body), Some(entity)) = (survey.body(id), message.entity(id)) else { continue };
        match fate {
            Fate::Keep => one(survey, body, entity, &[], &mut work, &mut done)?,
            Fate::Lead(with) => one(survey, body, entity, &with, &mut work, &mut done)?,
            Fate::Joined => remove(survey, body, &mut work),
            Fate::Empty => {
                remove_part(&mut work.plan.edits, message, id);
                work.plan.actions.push(format!("{}: empty place holder removed", number(message, id)));
            }
            Fate::Drop(why) => {
                remove_part(&mut work.plan.edits, message, id);
                work.plan.losses.push(format!("{}: {why}: dropped", number(message, id)));
            }
        }
    }
    foreign_parts(survey, &mut work)?;
    relabel(message, profile.forwarded, &mut work.plan);
    let headers = fields::wanted(survey, &facts, profile, &work.names);
    fields::set(message, &headers, &mut work.plan);
    if work.plan.edits.is_empty() && done.root.is_empty() {
        return Ok(work.plan);
    }
    let mut plan = work.plan;
    let text = profile.summary.then(|| summary::text(survey, profile, &done.lines, &plan.losses));
    if !done.root.is_empty() {
        wrap_root(survey, text, done.root, &mut plan);
    } else if let Some(text) = text.filter(|_| wants_summary(survey)) {
        part::insert_first(&mut plan.edits, message, 0, &part::text_part(&text, message.eol()));
        plan.actions.push("text summary added".to_owned());
    }
    Ok(plan)
}

fn number(message: &Message<'_>, id: EntityId) -> String {
    message.part_number(id).unwrap_or_default()
}

/// Converts a body where it is, joined with those that follow it.
fn one(
    survey: &Survey<'_>,
    body: &Body,
    entity: &Entity,
    with: &[EntityId],
    work: &mut Work<'_, '_>,
    done: &mut Done,
) -> Result<(), Refused> {
    let (message, profile) = (survey.message, work.request.profile);
    let converted = match work.convert(survey, body, with) {
        Ok(converted) => converted,
        Err(error) if convert::is_part_error(&error) => {
            work.plan.losses.push(format!("{error}: {}", guard::LEFT));
            None
        }
        Err(error) => return Err(error),
    };
    let name = converted.as_ref().map(|c| work.name(survey, entity, body, &c.media_type));
    done.lines.push(Line::of(survey, body, name.as_deref()));
    let (Some(converted), Some(name)) = (converted, name) else { return Ok(()) };
    work.record(&converted);
    let kind = profile.voice_parameter && convert::is_audio(body);
    let kind = kind.then(|| choice::kind(survey, body).unwrap_or(VoiceKind::VoiceMessage));
    let mut parts = vec![convert::part(message, body, &converted, kind, &name, profile)];
    parts.extend(preview(survey, body, &converted, entity, work)?);
    if body.entity == 0 {
        done.root = parts;
    } else {
        let boundary = entity.parent.and_then(|p| message.entity(p)).and_then(Entity::boundary);
        let eol = message.eol().text();
        let between = format!("{eol}--{}{eol}", boundary.unwrap_or_default());
        // Without a boundary to stand behind there is no place for a second part.
        parts.truncate(if boundary.is_some() { parts.len() } else { 1 });
        work.plan.edits.body(entity.span(), parts.join(between.as_bytes()));
    }
    Ok(())
}

/// The picture of the first page of a fax.
fn preview(
    survey: &Survey<'_>,
    body: &Body,
    converted: &Converted,
    entity: &Entity,
    work: &mut Work<'_, '_>,
) -> Result<Option<Vec<u8>>, Refused> {
    let profile = work.request.profile;
    if !profile.preview || convert::is_audio(body) {
        return Ok(None);
    }
    let Some(picture) = work.picture(survey, body, converted)? else { return Ok(None) };
    let name = work.name(survey, entity, body, &picture.media_type);
    Ok(Some(convert::part(survey.message, body, &picture, None, &name, profile)))
}

fn remove(survey: &Survey<'_>, body: &Body, work: &mut Work<'_, '_>) {
    remove_part(&mut work.plan.edits, survey.message, body.entity);
    work.plan.actions.push(format!("{}: joined to the part before", number(survey.message, body.entity)));
}

/// Does with parts that are neither voice nor fax what the profile says.
fn foreign_parts(survey: &Survey<'_>, work: &mut Work<'_, '_>) -> Result<(), Refused> {
    let (message, profile) = (survey.message, work.request.profile);
    if message.root().content_type.is("multipart/report") {
        return Ok(());
    }
    for (id, entity) in message.entities().skip(1) {
        let taken = survey.body(id).is_some()
            || work.plan.edits.touches(entity.span())
            || !in_scope(message, id, profile.forwarded)
            || (!entity.is_leaf() && !entity.content_type.is("multipart/alternative"));
        if taken || message.lineage(id).skip(1).any(|e| e.content_type.is("multipart/alternative")) {
            continue;
        }
        let alternative = entity.content_type.is("multipart/alternative");
        let plain = render::plain(message, entity).filter(|_| alternative);
        let fate = fate(entity, profile);
        let drawn = match fate {
            Foreign::Render => render::rendered(message, id, work)?,
            _ => None,
        };
        let plan = &mut work.plan;
        match (fate, profile.html) {
            (Foreign::Render, _) if drawn.is_some() => {
                plan.edits.body(entity.span(), drawn.unwrap_or_default());
            }
            (Foreign::Keep, Some(Foreign::Drop)) if entity.content_type.is("text/html") => {
                remove_part(&mut plan.edits, message, id);
                plan.losses.push(dropped(message, id, entity));
            }
            (Foreign::Keep, Some(Foreign::Drop)) if plain.is_some() => {
                let text = plain.map(|e| e.span().of(message.raw()).to_vec()).unwrap_or_default();
                plan.edits.body(entity.span(), text);
                plan.actions.push(format!("{}: only its plain text kept", number(message, id)));
            }
            (Foreign::Drop | Foreign::Render, _) => {
                remove_part(&mut plan.edits, message, id);
                plan.losses.push(dropped(message, id, entity));
            }
            _ => {}
        }
    }
    Ok(())
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

/// Turns every `multipart/voice-message` (and Cisco's `multipart/fax-message`) into `multipart/mixed`
/// with the same boundary, and takes the `(Voice 2.0)` claim off its message.
fn relabel(message: &Message<'_>, forwarded: bool, plan: &mut Plan) {
    for (id, entity) in message.entities() {
        let Content::Multipart { boundary, .. } = &entity.content else { continue };
        let special =
            ["multipart/voice-message", "multipart/fax-message"].iter().find(|t| entity.content_type.is(t));
        let Some(special) = special.filter(|_| in_scope(message, id, forwarded)) else { continue };
        let value = format!("multipart/mixed; boundary={}", quoted(boundary));
        set_field(&mut plan.edits, message, id, "Content-Type", Some(&value));
        let number = message.part_number(id).unwrap_or_else(|| "message".to_owned());
        plan.actions.push(format!("{number}: {special} -> multipart/mixed"));
        let carrier = message_root(message, id);
        if message.value(carrier.1, "MIME-Version").is_some_and(|v| v.trim_ascii() != b"1.0") {
            set_field_once(message, carrier.0, plan);
        }
    }
}

/// The root entity of the message (embedded or not) that `id` belongs to.
fn message_root<'m>(message: &'m Message<'_>, id: EntityId) -> (EntityId, &'m Entity) {
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

/// A message that is one audio or fax body becomes a multipart of `own`.
fn wrap_root(survey: &Survey<'_>, text: Option<String>, own: Vec<Vec<u8>>, plan: &mut Plan) {
    let message = survey.message;
    let mut parts: Vec<Vec<u8>> = text.iter().map(|t| part::text_part(t, message.eol())).collect();
    parts.extend(own);
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
