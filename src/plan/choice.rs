//! What becomes of each voice and fax body: which the destination has a place for, which are joined into
//! one, which are only place holders.

use super::mixed::in_scope;
use super::{Refused, Request, convert};
use crate::message::EntityId;
use crate::policy::Profile;
use crate::policy::profile::{Medium, Spoken};
use crate::vpim::survey::Body;
use crate::vpim::{Class, Survey, VoiceKind};

/// What becomes of a body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It is converted, or kept where the destination takes it.
    Keep,
    /// It becomes one with these, which follow it.
    Lead(Vec<EntityId>),
    /// It became part of an earlier one.
    Joined,
    /// It only held its place (RFC 1911 4.4.1).
    Empty,
    /// Removed, for this reason.
    Drop(&'static str),
}

/// What an audio body is, positions of VPIM version 1 translated: name, subject, then the message
/// (RFC 1911 4.4.1).
pub fn kind(survey: &Survey<'_>, body: &Body) -> Option<VoiceKind> {
    let position = survey.bodies.iter().position(|b| b.entity == body.entity);
    match (survey.class, position) {
        (Class::Vpim1, Some(0)) if body.voice.is_none() && survey.bodies.len() > 1 => {
            Some(VoiceKind::OriginatorSpokenName)
        }
        (Class::Vpim1, Some(1)) if body.voice.is_none() && survey.bodies.len() > 2 => {
            Some(VoiceKind::SpokenSubject)
        }
        _ => body.voice,
    }
}

/// The medium of a body.
pub fn medium(body: &Body) -> Medium {
    if convert::is_audio(body) { Medium::Voice } else { Medium::Fax }
}

/// Decides for every body in reach of the profile, in order.
pub fn choose(survey: &Survey<'_>, request: Request<'_>) -> Result<Vec<(EntityId, Fate)>, Refused> {
    let profile = request.profile;
    let reach = |b: &&Body| in_scope(survey.message, b.entity, profile.forwarded);
    let bodies: Vec<&Body> = survey.bodies.iter().filter(reach).collect();
    let mut fates: Vec<(EntityId, Fate)> =
        bodies.iter().map(|body| (body.entity, single(survey, body, profile))).collect();
    if !fates.is_empty() && !fates.iter().any(|(_, fate)| *fate == Fate::Keep) {
        let body = bodies.iter().find(|b| !profile.carries(medium(b))).or(bodies.first());
        let part = body.and_then(|b| survey.message.part_number(b.entity)).unwrap_or_default();
        let why = match body.map(|b| medium(b)) {
            Some(Medium::Fax) => "the destination has no place for fax pages",
            _ => "the destination has no place for voice",
        };
        return Err(Refused::NotSupported { part, why: why.to_owned() });
    }
    if profile.concatenate {
        join(survey, &bodies, &mut fates);
    }
    Ok(fates)
}

fn single(survey: &Survey<'_>, body: &Body, profile: &Profile) -> Fate {
    if survey.class == Class::Vpim1 && body.octets == 0 {
        return Fate::Empty;
    }
    match medium(body) {
        Medium::Fax if !profile.carries(Medium::Fax) => {
            Fate::Drop("the destination has no place for fax pages")
        }
        Medium::Voice if !profile.carries(Medium::Voice) => {
            Fate::Drop("the destination has no place for voice")
        }
        Medium::Voice if profile.spoken == Spoken::Drop && is_spoken(kind(survey, body)) => {
            Fate::Drop("the destination has no place for spoken names and subjects")
        }
        _ => Fate::Keep,
    }
}

fn is_spoken(kind: Option<VoiceKind>) -> bool {
    matches!(
        kind,
        Some(VoiceKind::OriginatorSpokenName | VoiceKind::RecipientSpokenName | VoiceKind::SpokenSubject)
    )
}

/// Voice messages of the message itself (not of embedded ones) become one.
fn join(survey: &Survey<'_>, bodies: &[&Body], fates: &mut [(EntityId, Fate)]) {
    let message = survey.message;
    let of_message: Vec<usize> = (0..fates.len())
        .filter(|at| {
            let body = bodies[*at];
            fates[*at].1 == Fate::Keep
                && medium(body) == Medium::Voice
                && !is_spoken(kind(survey, body))
                && in_scope(message, body.entity, false)
        })
        .collect();
    let [first, others @ ..] = of_message.as_slice() else { return };
    if others.is_empty() {
        return;
    }
    let followers = others.iter().map(|at| fates[*at].0).collect();
    fates[*first].1 = Fate::Lead(followers);
    for at in others {
        fates[*at].1 = Fate::Joined;
    }
}
