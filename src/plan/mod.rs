//! Plans: from what a message is (a [`Survey`]) and what a destination takes (a [`Profile`]) to the
//! edits that make the one into the other. The only place that knows messages and media at once.
//!
//! A plan either is complete and checked, or it is refused with a reason; a message is never half
//! converted. A plan for a message that already fits is empty, so a second pass changes nothing.

mod choice;
mod convert;
pub mod duty;
pub mod facts;
mod fields;
mod gsm7;
pub mod guard;
mod handling;
pub mod language;
mod mixed;
mod pager;
mod part;
mod render;
pub mod repair;
pub mod results;
mod rewrite;
pub mod split;
pub mod summary;
pub mod template;
mod text;
mod voice_message;
mod work;

pub use convert::duration_s;

use crate::limits::{Budget, Limits};
use crate::media::MediaError;
use crate::message::edit::{EditError, EditList};
use crate::policy::Profile;
use crate::policy::profile::Structure;
use crate::vpim::Survey;

/// Edits and what they do, in words.
#[derive(Clone, Debug, Default)]
pub struct Plan {
    /// The edits.
    pub edits: EditList,
    /// What is done to each part: `1: audio/32kadpcm -> audio/wav`.
    pub actions: Vec<String>,
    /// What is dropped or degraded.
    pub losses: Vec<String>,
}

/// Why there is no plan.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// The message must not be changed at all (signed, encrypted, conversion prohibited, ambiguous).
    #[error("{0}")]
    Untouchable(String),
    /// The bytes of a part cannot be read as what they claim to be, by nobody (RFC 3463 x.6.1).
    #[error("part {part}: {why}")]
    Unreadable {
        /// Part number.
        part: String,
        /// The reason.
        why: String,
    },
    /// The sender forbids the conversion of a part (RFC 3463 x.6.2).
    #[error("part {part}: {why}")]
    Prohibited {
        /// Part number.
        part: String,
        /// What forbids it.
        why: String,
    },
    /// A part is in a format we cannot convert for this destination (RFC 3463 x.6.3).
    #[error("part {part}: {why}")]
    NotSupported {
        /// Part number.
        part: String,
        /// The reason.
        why: String,
    },
    /// The conversion of a part failed (RFC 3463 x.6.5).
    #[error("part {part}: {why}")]
    Failed {
        /// Part number.
        part: String,
        /// The reason.
        why: String,
    },
    /// More than the destination has room for (RFC 3463 x.2.3).
    #[error("{0}")]
    TooLong(String),
    /// The repairs of the rules broken do not make a better message.
    #[error("repairing it would give {0}")]
    Repair(String),
    /// A limit was reached; the work is not tried again.
    #[error("{0}")]
    Limit(#[from] crate::limits::Exceeded),
    /// The plan did not stand its check: a fault of ours.
    #[error("internal: {0}")]
    Internal(String),
}

impl From<EditError> for Refused {
    fn from(error: EditError) -> Self {
        Refused::Internal(error.to_string())
    }
}

impl Refused {
    /// A body that could not even be read.
    fn unreadable(part: &str, error: MediaError) -> Self {
        match error {
            MediaError::Malformed { .. } => {
                Refused::Unreadable { part: part.to_owned(), why: error.to_string() }
            }
            other => Refused::media(part, other),
        }
    }

    fn media(part: &str, error: MediaError) -> Self {
        let part = part.to_owned();
        match error {
            MediaError::Limit(limit) => Refused::Limit(limit),
            MediaError::Unsupported(_) => Refused::NotSupported { part, why: error.to_string() },
            MediaError::Malformed { .. } => Refused::Failed { part, why: error.to_string() },
        }
    }
}

/// What a plan needs besides the message.
#[derive(Clone, Copy, Debug)]
pub struct Request<'a> {
    /// The destination.
    pub profile: &'a Profile,
    /// Limits of the media work.
    pub limits: &'a Limits,
    /// Host name for identifiers we must make (RFC 5322 3.6.4).
    pub host: &'a str,
    /// Date for a message that has none.
    pub date: Option<&'a str>,
}

/// Plans the conversion of a message. The result is checked: applied to the message it gives a
/// message of the same structure in which every octet outside the edits is unchanged.
pub fn plan(survey: &Survey<'_>, request: Request<'_>, budget: &mut Budget) -> Result<Plan, Refused> {
    let plan = match request.profile.structure {
        Structure::Untouched => return Ok(Plan::default()),
        Structure::Mixed => {
            guard::may_change(survey.message)?;
            mixed::plan(survey, request, budget)?
        }
        Structure::VoiceMessage => {
            guard::may_change(survey.message)?;
            voice_message::plan(survey, request, budget)?
        }
        Structure::Text => {
            guard::may_change(survey.message)?;
            text::plan(survey, request)?
        }
    };
    let octets = plan.edits.size_after(survey.message);
    if let Some(most) = request.profile.bounds.bytes.filter(|most| octets > *most) {
        return Err(Refused::TooLong(format!("{octets} octets, the destination takes {most}")));
    }
    guard::may_lose(survey.message, &plan.losses).map_err(Refused::Untouchable)?;
    // A text takes the place of everything: there is nothing to compare.
    if request.profile.structure != Structure::Text {
        guard::verify(survey.message, &plan.edits, request.limits)?;
    }
    Ok(plan)
}

#[cfg(test)]
mod tests;
