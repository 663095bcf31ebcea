//! What a message demands of the system it goes to, and that system is known not to keep. Such a
//! message is returned, not delivered in a lesser form: private mail (RFC 3801 4.2.13), parts marked
//! as required (RFC 3459 3.1, RFC 4239 6).

use super::mixed::in_scope;
use super::voice_message::fate;
use crate::message::value::unfolded;
use crate::message::{Entity, EntityId};
use crate::policy::Profile;
use crate::policy::profile::{Foreign, Medium, Structure};
use crate::vpim::{Class, Survey, Target};
use wildmatch::WildMatch;

/// A demand that cannot be kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unmet {
    /// Id of the rule that demands it.
    pub rule: &'static str,
    /// Number of the RFC.
    pub rfc: u16,
    /// Its section.
    pub section: &'static str,
    /// Part number; `None` for the message as a whole.
    pub part: Option<String>,
    /// What cannot be kept.
    pub why: String,
    /// What the sender can do.
    pub remedy: &'static str,
}

/// Ids of the rules that demand it.
const PRIVATE: &str = "vpim2-private-unsupported-returned";
const REQUIRED: &str = "handling-required-fails-message";

/// True where a pattern of rule ids means one of these demands.
pub fn is_rule(glob: &WildMatch) -> bool {
    [PRIVATE, REQUIRED].iter().any(|id| glob.matches(id))
}

/// The first demand that the system behind `profile` does not keep.
pub fn unmet(survey: &Survey<'_>, profile: &Profile) -> Option<Unmet> {
    private(survey, profile).or_else(|| required(survey, profile))
}

fn private(survey: &Survey<'_>, profile: &Profile) -> Option<Unmet> {
    let message = survey.message;
    let root = message.root();
    // PBX and fax mail has the field from RFC 2156 and means the same by it. A notice about a private
    // message is not private itself (RFC 3801 4.2.13).
    let asks = survey.class != Class::None
        && !root.content_type.is("multipart/report")
        && message.fields(root, "Sensitivity").any(|f| {
            unfolded(f.value.of(message.raw())).to_ascii_lowercase().split(',').any(|w| w.trim() == "private")
        });
    let kept = profile.target.as_ref().and_then(|t| t.privacy) != Some(false);
    (asks && !kept).then(|| Unmet {
        rule: PRIVATE,
        rfc: 3801,
        section: "4.2.13",
        part: None,
        why: "the message is private and the recipient's system cannot keep it private".to_owned(),
        remedy: "send it without Sensitivity: Private, or to another mailbox",
    })
}

fn required(survey: &Survey<'_>, profile: &Profile) -> Option<Unmet> {
    let message = survey.message;
    let lost = |(id, entity): &(EntityId, &Entity)| {
        is_required(entity) && in_scope(message, *id, false) && !carried(survey, *id, entity, profile)
    };
    let (id, entity) = message.entities().find(lost)?;
    Some(Unmet {
        rule: REQUIRED,
        rfc: 3459,
        section: "3.1",
        part: message.part_number(id),
        why: format!(
            "{} is marked as required and the recipient's system does not take it",
            entity.content_type.essence()
        ),
        remedy: "send the part in another form, or mark it handling=optional",
    })
}

/// `handling=required` (RFC 3459 4), `criticality=critical` (RFC 4239 6). Only where it is said: the
/// default would forbid what RFC 3801 allows.
fn is_required(entity: &Entity) -> bool {
    let marked = |name: &str, word: &str| {
        let disposition = entity.disposition.as_ref();
        disposition
            .and_then(|d| d.parameters.value(name))
            .is_some_and(|v| v.trim().eq_ignore_ascii_case(word))
    };
    marked("handling", "required") || marked("criticality", "critical")
}

/// True where the part reaches the system in a form it takes, as far as anybody knows.
fn carried(survey: &Survey<'_>, id: EntityId, entity: &Entity, profile: &Profile) -> bool {
    let unknown = Target::default();
    let target = profile.target.as_ref().unwrap_or(&unknown);
    let ct = &entity.content_type;
    let fax = ct.main == "image" && ct.sub.starts_with("tiff");
    let drawn = fate(entity, profile) == Foreign::Render && profile.structure != Structure::Untouched;
    if drawn && ct.is("text/plain") && profile.fax.is_some() && profile.carries(Medium::Fax) {
        return true;
    }
    if (ct.main == "text" && target.text == Some(false)) || (fax && target.fax == Some(false)) {
        return false;
    }
    let lost = matches!(fate(entity, profile), Foreign::Drop | Foreign::Render);
    if profile.structure == Structure::VoiceMessage && lost {
        return false;
    }
    let converted = survey.body(id).is_some_and(|body| {
        let wanted = if super::convert::is_audio(body) { &profile.audio } else { &profile.fax };
        body.facts.is_ok() && profile.structure != Structure::Untouched && wanted.is_some()
    });
    converted || !entity.is_leaf() || target.may_take(&ct.essence())
}
