//! What one message met at a milter, for people and for machines.

use super::apply::{apply_envelope, apply_with, bracketed};
use super::reply::{Modification, SmtpReply, Stage, Violation};
use serde::{Serialize, Serializer};
use std::fmt;
use std::time::Duration;

/// Sender and recipients as the client gave them: the arguments of MAIL FROM: and RCPT TO:, with
/// their ESMTP parameters, such as `<a@x.test> SIZE=1000`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Envelope {
    /// Reverse-path and parameters.
    pub mail_from: String,
    /// Forward-paths and parameters.
    pub rcpt_to: Vec<String>,
}

impl Envelope {
    /// An envelope; the arguments are sent as they are. Clients put addresses in angle brackets:
    /// [`Envelope::of_addresses`] does it for you.
    pub fn new<S: Into<String>>(mail_from: &str, rcpt_to: impl IntoIterator<Item = S>) -> Self {
        Envelope { mail_from: mail_from.into(), rcpt_to: rcpt_to.into_iter().map(Into::into).collect() }
    }

    /// An envelope of addresses, with or without brackets; an empty sender is the null reverse-path.
    pub fn of_addresses<S: AsRef<str>>(sender: &str, recipients: impl IntoIterator<Item = S>) -> Self {
        Envelope::new(&bracketed(sender), recipients.into_iter().map(|r| bracketed(r.as_ref())))
    }
}

/// The path and the ESMTP parameters of an argument, such as `<"a b"@x.test> NOTIFY=NEVER`.
pub(super) fn arguments(argument: &str) -> Vec<&str> {
    let mut quoted = false;
    argument
        .split(|c: char| {
            quoted ^= c == '"';
            c == ' ' && !quoted
        })
        .filter(|a| !a.is_empty())
        .collect()
}

/// What milter and MTA agreed on.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Negotiated {
    /// Protocol version.
    pub version: u32,
    /// `SMFIF_` bits: what the milter may change.
    pub actions: u32,
    /// `SMFIP_` bits: what it wants to see and answer.
    pub protocol: u32,
    /// Macros the milter asked for by SETSYMLIST, for each stage it named.
    pub macros: Vec<(Stage, Vec<String>)>,
}

impl Negotiated {
    /// The value of a header field is shown with the space after the colon, and put as it is.
    pub fn leading_space(&self) -> bool {
        self.protocol & 0x10_0000 != 0
    }
}

/// What becomes of the message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "verdict", rename_all = "kebab-case")]
pub enum Verdict {
    /// Delivered, with the modifications. Accepted before end of message: the milter saw nothing
    /// that comes after that stage, and could not change anything.
    Accept {
        /// Where it was decided.
        stage: Stage,
    },
    /// Refused for good.
    Reject {
        /// Where it was decided.
        stage: Stage,
        /// What the client reads.
        reply: SmtpReply,
    },
    /// Refused for now.
    Tempfail {
        /// Where it was decided.
        stage: Stage,
        /// What the client reads.
        reply: SmtpReply,
    },
    /// Taken and thrown away.
    Discard {
        /// Where it was decided.
        stage: Stage,
    },
    /// The milter failed; an MTA applies its `milter_default_action`.
    Failed {
        /// Where it failed.
        stage: Stage,
        /// What happened.
        reason: String,
    },
    /// Stopped here on purpose (ABORT or a cut connection).
    Interrupted {
        /// The stage that was not finished.
        stage: Stage,
    },
}

impl Verdict {
    /// Where it was decided.
    pub fn stage(&self) -> Stage {
        match self {
            Verdict::Accept { stage }
            | Verdict::Reject { stage, .. }
            | Verdict::Tempfail { stage, .. }
            | Verdict::Discard { stage }
            | Verdict::Failed { stage, .. }
            | Verdict::Interrupted { stage } => *stage,
        }
    }
}

/// One command and what came back.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Exchange {
    /// The command.
    pub stage: Stage,
    /// Its argument, for reading: cut after some octets, unprintable ones escaped.
    pub argument: String,
    /// Octets written, with the packet's head, without macros.
    pub sent_octets: usize,
    /// Letters of the replies in their order; empty when none was due.
    pub replies: String,
    /// From the first octet written to the last reply.
    #[serde(rename = "elapsed_ms", serialize_with = "milliseconds")]
    pub elapsed: Duration,
}

/// One recipient's fate at RCPT.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Recipient {
    /// As in the envelope.
    pub address: String,
    /// The refusal, if it was refused.
    pub refused: Option<SmtpReply>,
}

/// How much of the body travelled.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct BodyTransfer {
    /// Octets of the message's body, with CRLF.
    pub octets: usize,
    /// Octets the milter was sent.
    pub sent_octets: usize,
    /// Packets the milter was sent.
    pub chunks: usize,
    /// The milter answered SKIP.
    pub skipped: bool,
}

/// Everything that happened to one message.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Report {
    /// The milter, in libmilter notation.
    pub milter: String,
    /// What was agreed on for the connection.
    pub negotiated: Negotiated,
    /// The envelope that was sent.
    pub envelope: Envelope,
    /// The queue id the milter was told.
    pub queue_id: String,
    /// What becomes of the message.
    #[serde(flatten)]
    pub verdict: Verdict,
    /// Recipients that were shown to the milter.
    pub recipients: Vec<Recipient>,
    /// Changes, in the order they were asked for.
    pub modifications: Vec<Modification>,
    /// Breaches of the protocol by the milter.
    pub violations: Vec<Violation>,
    /// How much of the body travelled.
    pub body: BodyTransfer,
    /// PROGRESS replies.
    pub progress: usize,
    /// Commands and replies; those of the connection are in the first message's report.
    pub exchanges: Vec<Exchange>,
    /// The time the milter took in all.
    #[serde(rename = "elapsed_ms", serialize_with = "milliseconds")]
    pub elapsed: Duration,
}

impl Report {
    /// Whether the milter kept to the protocol.
    pub fn is_clean(&self) -> bool {
        self.violations.is_empty()
    }

    /// Whether the message goes on to its recipients now.
    pub fn is_delivered(&self) -> bool {
        matches!(self.verdict, Verdict::Accept { .. }) && self.quarantined().is_none()
    }

    /// Why the message is held, if it is.
    pub fn quarantined(&self) -> Option<String> {
        self.modifications.iter().find_map(|m| match m {
            Modification::Quarantine { reason } => Some(String::from_utf8_lossy(reason).into_owned()),
            _ => None,
        })
    }

    /// The new body, if the milter sent one.
    pub fn new_body(&self) -> Option<&[u8]> {
        self.modifications.iter().find_map(|m| match m {
            Modification::ReplaceBody { body, .. } => Some(body.as_slice()),
            _ => None,
        })
    }

    /// Whether the packets of the new body, if there is one, came after all other changes. Every MTA
    /// takes another order too, but a connection that breaks then leaves less behind.
    pub fn body_came_last(&self) -> bool {
        let is_body = |m: &Modification| matches!(m, Modification::ReplaceBody { .. });
        !self.modifications.iter().any(is_body) || self.modifications.last().is_some_and(is_body)
    }

    /// The message as the MTA would deliver it; `raw` is the message that was sent.
    pub fn delivered_message(&self, raw: &[u8]) -> Vec<u8> {
        apply_with(raw, &self.modifications, self.negotiated.leading_space())
    }

    /// The envelope as the MTA would use it: refused recipients are gone.
    pub fn delivered_envelope(&self) -> Envelope {
        let kept = self.recipients.iter().filter(|r| r.refused.is_none()).map(|r| r.address.as_str());
        apply_envelope(&Envelope::new(&self.envelope.mail_from, kept), &self.modifications)
    }

    /// The commands that were sent, by their letters: `CHMRTLLNBE`.
    pub fn commands(&self) -> String {
        self.exchanges.iter().map(|e| e.stage.letter()).collect()
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let n = &self.negotiated;
        writeln!(
            f,
            "milter      {} (version {}, actions {:#x}, protocol {:#x})",
            self.milter, n.version, n.actions, n.protocol
        )?;
        for recipient in &self.recipients {
            if let Some(reply) = &recipient.refused {
                writeln!(f, "recipient   {} refused: {reply}", printable(recipient.address.as_bytes()))?;
            }
        }
        writeln!(f, "verdict     {}", self.verdict)?;
        if let Some(reason) = self.quarantined() {
            writeln!(f, "quarantine  {}", printable(reason.as_bytes()))?;
        }
        for modification in &self.modifications {
            writeln!(f, "change      {modification}")?;
        }
        let BodyTransfer { octets, sent_octets, chunks, .. } = self.body;
        writeln!(f, "body        {sent_octets} of {octets} octets sent in {chunks} packets")?;
        for violation in &self.violations {
            writeln!(f, "violation   {violation}")?;
        }
        write!(f, "time        {:.1} ms", self.elapsed.as_secs_f64() * 1e3)
    }
}

impl fmt::Display for SmtpReply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.code, printable(self.text.as_bytes()))
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Verdict::Accept { stage } => write!(f, "accept at {stage}"),
            Verdict::Reject { stage, reply } => write!(f, "reject at {stage}: {reply}"),
            Verdict::Tempfail { stage, reply } => write!(f, "tempfail at {stage}: {reply}"),
            Verdict::Discard { stage } => write!(f, "discard at {stage}"),
            Verdict::Failed { stage, reason } => write!(f, "milter failed at {stage}: {reason}"),
            Verdict::Interrupted { stage } => write!(f, "interrupted at {stage}"),
        }
    }
}

impl fmt::Display for Modification {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let p = |octets: &[u8]| printable(octets);
        match self {
            Modification::AddHeader { name, value } => write!(f, "add {}: {}", p(name), p(value)),
            Modification::InsertHeader { index, name, value } => {
                write!(f, "insert at {index} {}: {}", p(name), p(value))
            }
            Modification::ChangeHeader { index, name, value } if value.is_empty() => {
                write!(f, "delete {} {index}", p(name))
            }
            Modification::ChangeHeader { index, name, value } => {
                write!(f, "change {} {index} to {}", p(name), p(value))
            }
            Modification::AddRecipient { address, parameters } => {
                write!(f, "add recipient {} {}", p(address), p(parameters))
            }
            Modification::DeleteRecipient { address } => write!(f, "delete recipient {}", p(address)),
            Modification::ChangeSender { address, parameters } => {
                write!(f, "change sender to {} {}", p(address), p(parameters))
            }
            Modification::Quarantine { reason } => write!(f, "quarantine: {}", p(reason)),
            Modification::ReplaceBody { packets, body } => {
                write!(f, "replace the body by {} octets in {packets} packets", body.len())
            }
        }
    }
}

/// Text from outside on a terminal: no control characters get through.
fn printable(octets: &[u8]) -> String {
    String::from_utf8_lossy(octets)
        .chars()
        .map(|c| if c.is_control() { c.escape_default().to_string() } else { c.to_string() })
        .collect()
}

pub(super) fn milliseconds<S: Serializer>(d: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_f64((d.as_secs_f64() * 1e6).round() / 1e3)
}
