//! One message through the core: parse, survey, judge, decide, plan, check the plan.
//!
//! The milter, `convert`, `route` and the tests all call [`process`]; it reads no clock and does no
//! I/O.

use crate::message::edit::Modification;
use crate::policy::Settings;
use crate::vpim::{Class, Envelope};
use serde::Serialize;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

/// What is to become of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Deliver it, with the modifications.
    Deliver,
    /// Refuse it for good (5yz) or for now (4yz).
    Refuse(Reply),
    /// Deliver it into quarantine, with this reason.
    Quarantine(String),
}

/// An SMTP reply (RFC 5321 4.2, RFC 3463). ASCII, one line an entry, no percent doubling.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Reply {
    /// 4yz or 5yz.
    pub code: u16,
    /// Enhanced status code of the same class.
    pub enhanced: (u8, u8, u8),
    /// The text.
    pub lines: Vec<String>,
}

/// The answer of the core, complete before anything is sent.
#[derive(Clone, Debug, PartialEq)]
pub struct Outcome {
    /// What is to become of the message.
    pub verdict: Verdict,
    /// Modifications in the order they must be sent. In shadow mode what would have been sent is in
    /// `record` only.
    pub modifications: Vec<Modification>,
    /// What the log line says.
    pub record: Record,
}

/// What was done to a message, for the log line and `convert --format json`.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Record {
    /// Class found.
    pub class: &'static str,
    /// No MUST broken.
    pub conformant: bool,
    /// Ids of the rules broken.
    pub rules: Vec<&'static str>,
    /// Route that matched.
    pub route: Option<String>,
    /// Profile of that route.
    pub profile: Option<String>,
    /// What was done, e.g. `1: audio/32kadpcm -> audio/wav`.
    pub actions: Vec<String>,
    /// What was dropped, shortened or degraded.
    pub losses: Vec<String>,
    /// Why nothing was changed, where a route asked for a change.
    pub unchanged_because: Option<String>,
    /// Octets in.
    pub bytes_in: usize,
    /// Octets out.
    pub bytes_out: usize,
}

/// Facts from outside that the core must not fetch itself.
#[derive(Clone, Debug, Default)]
pub struct Ambient {
    /// Date for a message that has none (RFC 5322 3.3), from the caller's clock.
    pub date: Option<String>,
    /// Raised when the time for the message is over.
    pub stop: Arc<AtomicBool>,
}

/// True where a message with this header may be voice or fax mail, so that its body is wanted:
/// anything but a single part of plain text, HTML and the like. `header` is the header block as
/// received or rebuilt, ended by its empty line.
pub fn wants_body(_header: &[u8], _settings: &Settings) -> bool {
    true
}

/// Takes one message through.
pub fn process(raw: &[u8], _envelope: &Envelope, _settings: &Settings, _ambient: &Ambient) -> Outcome {
    Outcome {
        verdict: Verdict::Deliver,
        modifications: Vec::new(),
        record: Record {
            class: Class::None.name(),
            conformant: true,
            rules: Vec::new(),
            route: None,
            profile: None,
            actions: Vec::new(),
            losses: Vec::new(),
            unchanged_because: None,
            bytes_in: raw.len(),
            bytes_out: raw.len(),
        },
    }
}
