//! Audio and fax bodies: one narrow function, [`run`], takes a [`Job`] and bytes and gives bytes and
//! a [`Report`].
//!
//! Nothing else of this module is called from outside (but `vpim-milter transcode`, which calls
//! [`run`] too). Jobs and reports are plain serializable values, so that the work can move into a
//! sandboxed child process without touching a caller. Formats are named by media types, the same
//! words a `Content-Type` field and the `transcode` command use; what a sender declares is a hint,
//! the bytes decide.

pub mod audio;
pub mod fax;
mod preview;

pub use audio::dsp::treat::Treatment;
pub use preview::{Preview, Thumbnail};

use crate::limits::{Budget, Exceeded, Limits};
use mime::Mime;
use serde::{Deserialize, Serialize};

/// One piece of work on one body.
#[derive(Clone, Debug, PartialEq)]
pub enum Job {
    /// Say what the bytes are. Writes nothing.
    Inspect {
        /// Media type of the part as its sender declares it.
        declared: Mime,
    },
    /// Convert the bytes.
    Convert {
        /// Media type of the part as its sender declares it.
        declared: Mime,
        /// Media type to produce, with the parameters that matter (`rate`, `codec`, `application`).
        target: Mime,
        /// What is done to sound on the way; nothing for faxes. By default nothing: then codes that need not
        /// be decoded are not.
        treatment: Treatment,
    },
    /// Make one recording of several, which the input holds one after the other as
    /// `audio/x-s16le;rate=8000`.
    Join {
        /// Samples of each.
        lengths: Vec<usize>,
        /// Media type to produce.
        target: Mime,
        /// What is done to the sound of the whole.
        treatment: Treatment,
    },
    /// Make what a person sees of the bytes in a report; [`Preview::of`] reads the output.
    Preview {
        /// Media type of the part as its sender declares it.
        declared: Mime,
    },
}

impl Job {
    /// A conversion that leaves the sound as it is.
    pub fn convert(declared: Mime, target: Mime) -> Job {
        Job::Convert { declared, target, treatment: Treatment::default() }
    }
}

/// What [`run`] gives back.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Output {
    /// The converted body or the preview; empty for [`Job::Inspect`].
    pub bytes: Vec<u8>,
    /// What the input was, and what the conversion did to it.
    pub report: Report,
}

/// What was found in the input and what happened to it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// Facts of the input bytes.
    pub facts: Facts,
    /// Facts of the output bytes where a conversion was made.
    pub output: Option<Facts>,
    /// What was lost or concealed, in words for the log and the administrator.
    pub losses: Vec<String>,
}

/// Facts read from the bytes, whatever the label says.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Facts {
    /// The bytes are audio.
    Audio(audio::AudioFacts),
    /// The bytes are a fax document.
    Fax(fax::FaxFacts),
}

/// Why a job could not be done. None of these is our own fault: the input or the request is to blame.
#[derive(Clone, Debug, PartialEq, thiserror::Error, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum MediaError {
    /// The bytes are damaged beyond use (RFC 3463 x.6.5).
    #[error("malformed {format}: {reason}")]
    Malformed {
        /// What the bytes were read as.
        format: String,
        /// What is wrong, with a position where there is one.
        reason: String,
    },
    /// A format we recognise or were asked for, but do not handle (RFC 3463 x.6.1, x.6.3).
    #[error("unsupported: {0}")]
    Unsupported(String),
    /// A limit of the message was reached.
    #[error(transparent)]
    Limit(#[from] Exceeded),
}

impl MediaError {
    /// Shorthand for [`MediaError::Malformed`].
    pub fn malformed(format: &str, reason: impl Into<String>) -> Self {
        MediaError::Malformed { format: format.to_owned(), reason: reason.into() }
    }
}

/// Does one job. Bounded by `limits` and by what `budget` has left; never panics on input.
pub fn run(job: &Job, input: &[u8], limits: &Limits, budget: &mut Budget) -> Result<Output, MediaError> {
    budget.media_part()?;
    match job {
        Job::Inspect { declared } => {
            let facts = if fax::recognises(declared, input) {
                Facts::Fax(fax::inspect(declared, input, limits, budget)?)
            } else {
                Facts::Audio(audio::inspect(declared, input, limits, budget)?)
            };
            Ok(Output { bytes: Vec::new(), report: Report { facts, output: None, losses: Vec::new() } })
        }
        Job::Convert { declared, target, treatment } => {
            if fax::recognises(declared, input) {
                fax::convert(declared, target, input, limits, budget)
            } else {
                audio::convert_treated(declared, target, *treatment, input, limits, budget)
            }
        }
        Job::Join { lengths, target, treatment } => {
            audio::join(lengths, target, *treatment, input, limits, budget)
        }
        Job::Preview { declared } => {
            if fax::recognises(declared, input) {
                fax::preview(declared, input, limits, budget)
            } else {
                audio::preview(declared, input, budget)
            }
        }
    }
}
