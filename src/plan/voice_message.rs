//! `multipart/voice-message` for VPIM version 2 systems (RFC 3801 4.4).
//!
//! A message that is a voice message already is edited in place: bodies in other codecs, faxes that
//! are not TIFF-F, parts that do not belong. Anything else with voice or fax in it (a PBX's
//! `multipart/mixed`, a bare fax, IVM, VPIM version 1) gets a new body built of its parts. A body
//! that cannot be converted refuses the whole message: the destination could not play it.

use super::choice::{self, Fate};
use super::convert::{self, is_audio};
use super::facts::Facts;
use super::mixed::in_scope;
use super::part::{self, multipart_body, quoted, remove_part, set_field};
use super::work::Work;
use super::{Plan, Refused, Request, fields, guard, handling, render};
use crate::limits::Budget;
use crate::message::{Content, Entity, EntityId, Message, Span, mend, value};
use crate::policy::Profile;
use crate::policy::profile::{Foreign, Refusal};
use crate::vpim::class::classify;
use crate::vpim::survey::Body;
use crate::vpim::{Class, Envelope, Survey, VoiceKind};

const VERSION_COMMENT: &str = "1.0 (Voice 2.0)";

/// Forwarded messages inside forwarded messages that are still converted.
const MAX_FORWARDED: u8 = 8;

/// Plans it.
pub fn plan(survey: &Survey<'_>, request: Request<'_>, budget: &mut Budget) -> Result<Plan, Refused> {
    plan_at(survey, request, budget, 0)
}

/// Plans a message that is embedded `depth` times.
fn plan_at(
    survey: &Survey<'_>,
    request: Request<'_>,
    budget: &mut Budget,
    depth: u8,
) -> Result<Plan, Refused> {
    for body in survey.bodies.iter().filter(|b| request.profile.carries(choice::medium(b))) {
        let Some(error) = convert::read_error(body) else { continue };
        let number = survey.message.part_number(body.entity).unwrap_or_default();
        let refused = Refused::unreadable(&number, error.clone());
        if !may_stay(survey, body, request, depth, &refused) {
            handling::without(survey.message, body.entity, depth, refused)?;
        }
    }
    if survey.bodies.is_empty() {
        return Err(Refused::NotSupported {
            part: "1".to_owned(),
            why: "no voice or fax body that we can convert".to_owned(),
        });
    }
    let facts = Facts::of(survey);
    let mut work = Work::new(request, budget, &facts);
    if survey.message.root().content_type.is("multipart/report") {
        in_place(survey, &mut work, depth)?;
        return Ok(work.plan);
    }
    let outside_root = |e: &Entity| is_voice_message(e) && foreign_outside(survey.message, e, request);
    match survey.class {
        Class::Vpim2 | Class::Vpim2Rfc2421
            if has_voice_message(survey.message) && !outside_root(survey.message.root()) =>
        {
            in_place(survey, &mut work, depth)?;
        }
        _ => rebuilt(survey, &mut work, depth)?,
    }
    if depth == 0 {
        let headers = fields::wanted(survey, &facts, request.profile, &work.names);
        fields::set(survey.message, &headers, &mut work.plan);
    }
    Ok(work.plan)
}

/// True for a fax that cannot be read beside voice that can: it costs nobody the voice (RFC 3801 4.4.4),
/// and goes on as it came, since nothing is gained by dropping it. Not where its sender marked it, nor
/// where the profile says what is to become of messages that cannot be converted.
fn may_stay(survey: &Survey<'_>, body: &Body, request: Request<'_>, depth: u8, refused: &Refused) -> bool {
    let heard = |b: &Body| is_audio(b) && convert::read_error(b).is_none();
    matches!(refused, Refused::Unreadable { .. })
        && request.profile.cannot_convert == Refusal::Deliver
        && !is_audio(body)
        && survey.bodies.iter().any(heard)
        && handling::mark(survey.message, body.entity, depth).is_none()
}

fn is_voice_message(entity: &Entity) -> bool {
    entity.content_type.is("multipart/voice-message")
}

fn has_voice_message(message: &Message<'_>) -> bool {
    message.entities().any(|(_, e)| is_voice_message(e))
}

/// What the profile says of a part that is neither voice, nor fax, nor an embedded message.
pub(super) fn fate(entity: &Entity, profile: &Profile) -> Foreign {
    let ct = &entity.content_type;
    match (ct.main.as_str(), ct.sub.as_str()) {
        ("audio" | "image" | "message", _) => Foreign::Keep,
        ("text", "directory" | "vcard" | "x-vcard") | ("application", "directory") => profile.vcard,
        ("text", "plain" | "html") | ("multipart", "alternative") => profile.text,
        _ => profile.other,
    }
}

/// True where a direct child has to leave the voice message.
fn foreign_outside(message: &Message<'_>, voice_message: &Entity, request: Request<'_>) -> bool {
    let fates = voice_message
        .children()
        .iter()
        .filter_map(|id| message.entity(*id))
        .map(|e| fate(e, request.profile));
    fates.into_iter().any(|f| f == Foreign::Outside)
}

/// Edits the bodies and foreign parts of voice messages where they are.
fn in_place(survey: &Survey<'_>, work: &mut Work<'_, '_>, depth: u8) -> Result<(), Refused> {
    let message = survey.message;
    let request = work.request;
    for (id, fate) in choice::choose(survey, request)? {
        let (Some(body), Some(entity)) = (survey.body(id), message.entity(id)) else { continue };
        let number = || message.part_number(id).unwrap_or_default();
        let with = match fate {
            Fate::Keep => Vec::new(),
            Fate::Lead(with) => with,
            Fate::Joined => {
                remove_part(&mut work.plan.edits, message, id);
                work.plan.actions.push(format!("{}: joined to the part before", number()));
                continue;
            }
            Fate::Empty => continue,
            Fate::Drop(why) => {
                remove_part(&mut work.plan.edits, message, id);
                work.plan.losses.push(format!("{}: {why}: dropped", number()));
                continue;
            }
        };
        match converted_part(survey, body, &with, work) {
            Ok(None) => {}
            Ok(Some(new)) => work.plan.edits.body(entity.span(), new),
            Err(refused) if may_stay(survey, body, request, depth, &refused) => {
                work.plan.losses.push(format!("{refused}: {}", guard::LEFT));
            }
            Err(refused) => {
                work.plan.losses.push(handling::without(message, id, depth, refused)?);
                remove_part(&mut work.plan.edits, message, id);
            }
        }
    }
    for (id, entity) in message.entities() {
        let parent = entity.parent.and_then(|p| message.entity(p));
        if parent.is_some_and(is_voice_message) && in_scope(message, id, request.profile.forwarded) {
            foreign_part(message, id, entity, work)?;
        }
    }
    if !work.plan.edits.is_empty() {
        complete_header(survey, request, &mut work.plan);
    }
    Ok(())
}

/// Does with a part that does not belong into its voice message what the profile says.
fn foreign_part(
    message: &Message<'_>,
    id: EntityId,
    entity: &Entity,
    work: &mut Work<'_, '_>,
) -> Result<(), Refused> {
    let number = || message.part_number(id).unwrap_or_default();
    let fate = fate(entity, work.request.profile);
    let drawn = match fate {
        Foreign::Render => render::rendered(message, id, work)?,
        _ => None,
    };
    let plan = &mut work.plan;
    match fate {
        Foreign::Keep => {}
        Foreign::Render if drawn.is_some() => plan.edits.body(entity.span(), drawn.unwrap_or_default()),
        Foreign::Drop | Foreign::Render => {
            remove_part(&mut plan.edits, message, id);
            plan.losses.push(dropped(message, id, entity));
        }
        Foreign::Outside if part::move_outside(&mut plan.edits, message, id) => {
            plan.actions.push(format!("{}: moved out of the voice message", number()));
        }
        Foreign::Outside => plan.losses.push(format!(
            "{}: {} stays inside the voice message of a forwarded message",
            number(),
            entity.content_type.essence()
        )),
    }
    Ok(())
}

pub(super) fn dropped(message: &Message<'_>, id: EntityId, entity: &Entity) -> String {
    let number = message.part_number(id).unwrap_or_default();
    format!("{number}: {} of {} octets dropped", entity.content_type.essence(), entity.body.len())
}

/// The new part of a body, `None` where the destination takes it as it is.
fn converted_part(
    survey: &Survey<'_>,
    body: &Body,
    with: &[EntityId],
    work: &mut Work<'_, '_>,
) -> Result<Option<Vec<u8>>, Refused> {
    let Some(entity) = survey.message.entity(body.entity) else { return Ok(None) };
    let Some(converted) = work.convert(survey, body, with)? else { return Ok(None) };
    work.record(&converted);
    let name = work.name(survey, entity, body, &converted.media_type);
    // RFC 3801 4.3.2: each audio part says what it is.
    let voice = is_audio(body).then(|| choice::kind(survey, body).unwrap_or(VoiceKind::VoiceMessage));
    Ok(Some(convert::part(survey.message, body, &converted, voice, &name, work.request.profile)))
}

/// Builds a new body: the voice and fax bodies in a voice message, what cannot live there around it.
fn rebuilt(survey: &Survey<'_>, work: &mut Work<'_, '_>, depth: u8) -> Result<(), Refused> {
    let message = survey.message;
    let request = work.request;
    let fates = choice::choose(survey, request)?;
    let (mut inside, mut outside) = (Vec::new(), Vec::new());
    for id in top_parts(message) {
        let Some(entity) = message.entity(id) else { continue };
        // A PDF beside voice or fax is an attachment like others; alone it is the fax.
        let has_other = survey.bodies.iter().any(|b| !convert::is_document(b));
        if let Some(body) = survey.body(id).filter(|b| !has_other || !convert::is_document(b)) {
            let fate = fates.iter().find(|(of, _)| *of == id).map_or(&Fate::Keep, |(_, fate)| fate);
            match voice_part(survey, body, fate, work) {
                Ok(part) => inside.extend(part),
                Err(refused) if may_stay(survey, body, request, depth, &refused) => {
                    work.plan.losses.push(format!("{refused}: {}", guard::LEFT));
                    outside.push(entity.span().of(message.raw()).to_vec());
                }
                Err(refused) => work.plan.losses.push(handling::without(message, id, depth, refused)?),
            }
            continue;
        }
        let octets = entity.span().of(message.raw()).to_vec();
        match fate(entity, request.profile) {
            Foreign::Drop => work.plan.losses.push(dropped(message, id, entity)),
            Foreign::Render => match render::rendered(message, id, work)? {
                Some(part) => inside.push(part),
                None => work.plan.losses.push(dropped(message, id, entity)),
            },
            Foreign::Keep if entity.content_type.is("message/rfc822") => {
                inside.push(forwarded(survey, id, work, depth)?);
            }
            _ => outside.push(octets),
        }
    }
    if inside.is_empty() {
        let why = "its voice and fax bodies are inside other parts".to_owned();
        return Err(Refused::NotSupported { part: "1".to_owned(), why });
    }
    let eol = message.eol();
    let boundary = mend::boundary(message, &inside);
    let voice_message = format!("multipart/voice-message; version=2.0; boundary={}", quoted(&boundary));
    let body = multipart_body(&boundary, &inside, eol);
    let (content_type, body) = if outside.is_empty() {
        (voice_message, body)
    } else {
        let outer = format!("{boundary}_0");
        let mut parts = vec![part::nested(&voice_message, &body, eol)];
        parts.append(&mut outside);
        (format!("multipart/mixed; boundary={}", quoted(&outer)), multipart_body(&outer, &parts, eol))
    };
    let plan = &mut work.plan;
    part::take_body_fields(&mut plan.edits, message);
    set_field(&mut plan.edits, message, 0, "Content-Type", Some(&content_type));
    plan.edits.body(message.root().body, body);
    let from = message.root().content_type.essence();
    plan.actions.push(format!("message: {from} -> multipart/voice-message"));
    complete_header(survey, request, plan);
    Ok(())
}

/// A forwarded message as a part: converted as a message of its own (RFC 3801 4.4.2), or as it is
/// where it has no voice or fax, or the profile leaves forwarded messages alone.
fn forwarded(
    survey: &Survey<'_>,
    carrier: EntityId,
    work: &mut Work<'_, '_>,
    depth: u8,
) -> Result<Vec<u8>, Refused> {
    let (message, request) = (survey.message, work.request);
    let Some(entity) = message.entity(carrier) else { return Ok(Vec::new()) };
    let octets = entity.body.of(message.raw());
    let inner = Message::parse(octets, request.limits);
    let class = classify(&inner);
    if class == Class::None || !request.profile.forwarded || depth >= MAX_FORWARDED {
        return Ok(entity.span().of(message.raw()).to_vec());
    }
    let envelope = Envelope::default();
    let inner_survey = Survey::new(&inner, &envelope, Some(class), request.limits, work.budget());
    let mut inner_plan = plan_at(&inner_survey, request, work.budget(), depth + 1)?;
    let number = message.part_number(carrier).unwrap_or_default();
    let within = |text: String| format!("{number} > {text}");
    work.plan.actions.extend(inner_plan.actions.drain(..).map(within));
    work.plan.losses.extend(inner_plan.losses.drain(..).map(within));
    let mut out = Span::new(entity.header.span.start, entity.body.start).of(message.raw()).to_vec();
    let body = inner_plan.edits.apply(&inner)?;
    let eol = message.eol().text().as_bytes();
    // The last line end belongs to the delimiter, as it did before.
    out.extend_from_slice(if octets.ends_with(eol) {
        &body
    } else {
        body.strip_suffix(eol).unwrap_or(&body)
    });
    Ok(out)
}

/// The parts to sort: children of the root, and of multiparts in it that only group (not of
/// `alternative` or `related`, whose parts belong together).
fn top_parts(message: &Message<'_>) -> Vec<EntityId> {
    let mut out = Vec::new();
    let mut pending = vec![0];
    while let Some(id) = pending.pop() {
        let Some(entity) = message.entity(id) else { continue };
        let groups =
            id == 0 || !matches!(entity.content_type.sub.as_str(), "alternative" | "related" | "report");
        match &entity.content {
            Content::Multipart { children, .. } if groups => pending.extend(children.iter().rev()),
            _ => out.push(id),
        }
    }
    out
}

/// A voice or fax body as a part of the new voice message; `None` where nothing of its own is left.
fn voice_part(
    survey: &Survey<'_>,
    body: &Body,
    fate: &Fate,
    work: &mut Work<'_, '_>,
) -> Result<Option<Vec<u8>>, Refused> {
    let number = || survey.message.part_number(body.entity).unwrap_or_default();
    let with: &[EntityId] = match fate {
        Fate::Keep => &[],
        Fate::Lead(with) => with,
        Fate::Empty => return Ok(None),
        Fate::Joined => {
            work.plan.actions.push(format!("{}: joined to the part before", number()));
            return Ok(None);
        }
        Fate::Drop(why) => {
            work.plan.losses.push(format!("{}: {why}: dropped", number()));
            return Ok(None);
        }
    };
    Ok(Some(match converted_part(survey, body, with, work)? {
        Some(part) => part,
        None => verbatim(survey, body),
    }))
}

/// A body the destination takes as it is, with its own header if that says what RFC 3801 wants.
fn verbatim(survey: &Survey<'_>, body: &Body) -> Vec<u8> {
    let (message, voice) = (survey.message, choice::kind(survey, body));
    let Some(entity) = message.entity(body.entity) else { return Vec::new() };
    if body.entity != 0 && (!is_audio(body) || body.voice.is_some()) {
        return entity.span().of(message.raw()).to_vec();
    }
    let mut fields: part::Fields = vec![
        ("Content-Type", declared_type(message, entity)),
        ("Content-Transfer-Encoding", entity.encoding.name().to_owned()),
    ];
    if is_audio(body) {
        let kind = voice.unwrap_or(VoiceKind::VoiceMessage).name();
        fields.push(("Content-Disposition", format!("inline; voice={kind}")));
        if let Some(seconds) = convert::duration_s(body) {
            fields.push(("Content-Duration", convert::content_duration(seconds).to_string()));
        }
    }
    let kept = part::kept_fields(message, body.entity);
    let mut out = part::header(&fields, &kept, message.eol());
    let octets = entity.body.of(message.raw());
    out.extend_from_slice(octets.strip_suffix(message.eol().text().as_bytes()).unwrap_or(octets));
    out
}

fn declared_type(message: &Message<'_>, entity: &Entity) -> String {
    message
        .value(entity, "Content-Type")
        .map(value::unfolded)
        .unwrap_or_else(|| entity.content_type.essence())
}

/// The header fields a VPIM version 2 message must have (RFC 3801 4.2).
fn complete_header(survey: &Survey<'_>, request: Request<'_>, plan: &mut Plan) {
    let message = survey.message;
    let root = message.root();
    let comment = message.value(root, "MIME-Version").map(crate::message::structured::parameterized);
    let claims = comment.is_some_and(|c| {
        c.head == "1.0" && c.comments.iter().any(|c| c.split_whitespace().eq(["Voice", "2.0"]))
    });
    // 4.2.10; a report needs none (RFC 3801 4.6).
    if !claims && !root.content_type.is("multipart/report") {
        set_field(&mut plan.edits, message, 0, "MIME-Version", Some(VERSION_COMMENT));
    }
    if message.value(root, "Message-ID").is_none() {
        // 4.2.7; from the octets, so that the same message gets the same identifier.
        let id = mend::identifier(message, request.host);
        set_field(&mut plan.edits, message, 0, "Message-ID", Some(&id));
        plan.actions.push("Message-ID added".to_owned());
    }
    if message.value(root, "Date").is_none()
        && let Some(date) = request.date
    {
        set_field(&mut plan.edits, message, 0, "Date", Some(date));
        plan.actions.push("Date added".to_owned());
    }
    if message.value(root, "Return-Path").is_some() {
        set_field(&mut plan.edits, message, 0, "Return-Path", None);
        plan.actions.push("Return-Path removed".to_owned());
    }
    // 4.2.3: blind recipients are not disclosed.
    if message.value(root, "Bcc").is_some_and(|v| !v.trim_ascii().is_empty()) {
        set_field(&mut plan.edits, message, 0, "Bcc", None);
        plan.actions.push("Bcc removed".to_owned());
    }
}
