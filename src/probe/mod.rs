//! The MTA's side of the milter protocol: shows one message after the other to any milter and
//! reports what it said, to the octet.
//!
//! Used by the command `probe`, by `demo`, as the health check, and by tests. The conversation is
//! that of Postfix 3.7 (its options, macros, commands and their order), so that a milter meets here
//! what it meets in production, without an MTA being installed.
//!
//! Accounting is exact: one reply for each command that is due one, none for the others. A reply too
//! many, missing, or out of place is a [`Violation`] in the [`Report`]; a real MTA would silently take
//! it for the answer to its next command.
//!
//! Defends against a milter that is down, hangs, sends garbage or floods: every wait has an end, and
//! memory grows only with what arrived, up to a bound.
//!
//! Standard: there is none; Sendmail's `libmilter/docs` and `mfdef.h`, and the behaviour of Postfix
//! and Sendmail as observed. Limits: no QUIT_NC, no UNKNOWN command, one milter at a time.
//!
//! ```no_run
//! use std::time::Duration;
//! use vpim_milter::probe::{Envelope, Probe};
//! let socket = "inet:8894@127.0.0.1".parse()?;
//! let mut probe = Probe::connect(&socket, Duration::from_secs(30))?;
//! let raw = std::fs::read("message.eml")?;
//! let mut report = probe.send(&Envelope::new("<a@example.test>", ["<b@example.test>"]), &raw);
//! report.violations.extend(probe.quit());
//! println!("{report}");
//! std::fs::write("delivered.eml", report.delivered_message(&raw))?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod apply;
mod conversation;
mod message;
mod options;
mod reply;
mod report;
mod session;
mod wire;

pub use apply::{apply, apply_envelope, apply_with};
pub use options::Options;
pub use reply::{Modification, SmtpReply, Stage, Violation};
pub use report::{BodyTransfer, Envelope, Exchange, Negotiated, Recipient, Report, Verdict};
pub use session::{Health, Interrupt, Probe, ProbeError, health_check, run};
pub use wire::WireError;

#[cfg(test)]
#[path = "../../tests/support/scripted_milter.rs"]
#[allow(dead_code, missing_docs)]
mod scripted_milter;
#[cfg(test)]
mod tests;
