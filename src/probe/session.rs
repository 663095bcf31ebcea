//! One connection to a milter: options, messages one after the other, the end.

use super::conversation::Conversation;
use super::message::Message;
use super::options::Options;
use super::reply::{Stage, Violation};
use super::report::{Envelope, Exchange, Negotiated, Report, Verdict, milliseconds};
use super::wire::{Packet, Wire, WireError};
use crate::socket::Socket;
use serde::Serialize;
use std::io;
use std::time::{Duration, Instant};

/// How long the end of the connection is waited for after QUIT.
const QUIT_WAIT: Duration = Duration::from_secs(2);

/// Extra replies noted at one moment; more say nothing new.
pub(super) const EXTRA_REPLIES: usize = 100;

/// Why there is no conversation with the milter.
#[derive(Debug, thiserror::Error)]
pub enum ProbeError {
    /// Nobody answers there.
    #[error("cannot connect to {socket}: {error}; {remedy}", remedy = remedy(error))]
    Connect {
        /// The milter.
        socket: Socket,
        /// What the system said.
        error: io::Error,
    },
    /// The connection failed before options were agreed on.
    #[error("{socket} did not finish the option negotiation: {error}; is it a milter?")]
    Negotiation {
        /// The milter.
        socket: Socket,
        /// What happened.
        #[source]
        error: WireError,
    },
    /// The answer to the option negotiation cannot be used; every MTA would refuse it.
    #[error("{socket} answered the option negotiation with {reason}")]
    BadOptions {
        /// The milter.
        socket: Socket,
        /// What was wrong.
        reason: String,
    },
}

fn remedy(error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::ConnectionRefused => "is the milter running, and listening on this socket?",
        io::ErrorKind::NotFound => "check the host name or path; is the milter running?",
        io::ErrorKind::PermissionDenied => {
            "the socket must be writable for this user (socket mode and group)"
        }
        io::ErrorKind::TimedOut => "a firewall may be dropping the connection",
        _ => "check the socket's name",
    }
}

/// A milter that is up.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Health {
    /// The milter, in libmilter notation.
    pub milter: String,
    /// What it negotiated.
    pub negotiated: Negotiated,
    /// From connecting to the answer.
    #[serde(rename = "elapsed_ms", serialize_with = "milliseconds")]
    pub elapsed: Duration,
}

/// Connects, negotiates and quits: the milter is alive and speaks the protocol.
pub fn health_check(socket: &Socket, timeout: Duration) -> Result<Health, ProbeError> {
    let start = Instant::now();
    let probe = Probe::connect(socket, timeout)?;
    let health = Health {
        milter: socket.to_string(),
        negotiated: probe.negotiated().clone(),
        elapsed: start.elapsed(),
    };
    probe.quit();
    Ok(health)
}

/// One message on a connection of its own, QUIT included.
pub fn run(socket: &Socket, options: Options, envelope: &Envelope, raw: &[u8]) -> Result<Report, ProbeError> {
    let mut probe = Probe::connect_with(socket, options)?;
    let mut report = probe.send(envelope, raw);
    report.violations.extend(probe.quit());
    Ok(report)
}

/// How a message is broken off on purpose.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Interrupt {
    /// ABORT after the first command of this stage (MAIL or later) was answered. The connection goes on.
    AbortAfter(Stage),
    /// The connection is closed once so many octets of this message's conversation were written.
    CloseAfter(u64),
}

/// A connection to a milter, options negotiated.
#[derive(Debug)]
pub struct Probe {
    socket: Socket,
    pub(super) options: Options,
    pub(super) negotiated: Negotiated,
    pub(super) wire: Wire,
    /// Of the connection, waiting for the first message's report.
    exchanges: Vec<Exchange>,
    pub(super) greeted: bool,
    pub(super) messages: usize,
    /// Decided for all messages of this connection.
    pub(super) settled: Option<Verdict>,
}

impl Probe {
    /// Connects as Postfix would; `timeout` is for connecting and for each reply.
    pub fn connect(socket: &Socket, timeout: Duration) -> Result<Self, ProbeError> {
        Self::connect_with(socket, Options { timeout, ..Options::default() })
    }

    /// Connects and negotiates.
    pub fn connect_with(socket: &Socket, options: Options) -> Result<Self, ProbeError> {
        let wire = Wire::connect(socket, options.timeout)
            .map_err(|error| ProbeError::Connect { socket: socket.clone(), error })?;
        let mut probe = Probe {
            socket: socket.clone(),
            options,
            negotiated: Negotiated::default(),
            wire,
            exchanges: Vec::new(),
            greeted: false,
            messages: 0,
            settled: None,
        };
        probe.negotiate()?;
        Ok(probe)
    }

    /// What was agreed on.
    pub fn negotiated(&self) -> &Negotiated {
        &self.negotiated
    }

    /// Whether the connection can take another message.
    pub fn is_usable(&self) -> bool {
        self.settled.is_none()
    }

    /// Shows one message to the milter. What goes wrong is in the report.
    pub fn send(&mut self, envelope: &Envelope, raw: &[u8]) -> Report {
        self.converse(envelope, raw, None)
    }

    /// Shows one message and breaks it off.
    pub fn send_interrupted(&mut self, envelope: &Envelope, raw: &[u8], interrupt: Interrupt) -> Report {
        self.converse(envelope, raw, Some(interrupt))
    }

    /// ABORT (if there was a message) and QUIT; whatever the milter still says is a violation.
    pub fn quit(mut self) -> Vec<Violation> {
        if matches!(self.settled, Some(Verdict::Failed { .. } | Verdict::Interrupted { .. })) {
            self.wire.shut_down();
            return Vec::new();
        }
        if self.messages > 0 {
            let _ = self.wire.send(Stage::Abort.octet(), &[]);
        }
        let _ = self.wire.send(Stage::Quit.octet(), &[]);
        let (late, _) = self.wire.drain(QUIT_WAIT.min(self.options.timeout));
        late.iter()
            .take(EXTRA_REPLIES)
            .map(|p| Violation::ExtraReply { letter: char::from(p.letter), after: Stage::Quit })
            .collect()
    }

    fn queue_id(&self) -> String {
        match self.messages {
            0 => self.options.queue_id.clone(),
            n => format!("{}{n}", self.options.queue_id),
        }
    }

    fn negotiate(&mut self) -> Result<(), ProbeError> {
        let o = &self.options;
        let offer = [o.version, o.actions, o.protocol].map(u32::to_be_bytes).concat();
        let start = Instant::now();
        let answer = self.wire.send(Stage::Negotiate.octet(), &[&offer]).and_then(|sent_octets| {
            let packet = self.wire.receive()?;
            Ok((sent_octets, packet))
        });
        let socket = self.socket.clone();
        let (sent_octets, packet) =
            answer.map_err(|error| ProbeError::Negotiation { socket: socket.clone(), error })?;
        self.exchanges.push(Exchange {
            stage: Stage::Negotiate,
            argument: format!("version {} actions {:#x} protocol {:#x}", o.version, o.actions, o.protocol),
            sent_octets,
            replies: char::from(packet.letter).to_string(),
            elapsed: start.elapsed(),
        });
        self.negotiated = agreed(&packet, o).map_err(|reason| ProbeError::BadOptions { socket, reason })?;
        Ok(())
    }

    fn converse(&mut self, envelope: &Envelope, raw: &[u8], interrupt: Option<Interrupt>) -> Report {
        let start = Instant::now();
        let message = Message::parse(raw);
        let mut report = Report {
            milter: self.socket.to_string(),
            negotiated: self.negotiated.clone(),
            envelope: envelope.clone(),
            queue_id: self.queue_id(),
            verdict: Verdict::Interrupted { stage: Stage::Connect },
            recipients: Vec::new(),
            modifications: Vec::new(),
            violations: Vec::new(),
            body: Default::default(),
            progress: 0,
            exchanges: std::mem::take(&mut self.exchanges),
            elapsed: Duration::ZERO,
        };
        report.body.octets = message.body.len();
        self.wire.begin_message();
        let abort_after = match interrupt {
            Some(Interrupt::AbortAfter(stage)) => Some(stage),
            Some(Interrupt::CloseAfter(octets)) => {
                self.wire.cut_after(octets);
                None
            }
            None => None,
        };
        let (mut report, verdict) = Conversation::new(self, report, start, abort_after).run(&message);
        report.verdict = verdict;
        report.elapsed = start.elapsed();
        report
    }
}

/// Reads the answer to the option negotiation; an MTA takes nothing it did not offer.
fn agreed(packet: &Packet, offered: &Options) -> Result<Negotiated, String> {
    if packet.letter != Stage::Negotiate.octet() {
        return Err(format!("reply '{}'", char::from(packet.letter).escape_default()));
    }
    let mut rest = packet.data.as_slice();
    let mut number = || -> Result<u32, String> {
        let (&value, tail) = rest.split_first_chunk::<4>().ok_or("too few octets")?;
        rest = tail;
        Ok(u32::from_be_bytes(value))
    };
    let (version, actions, protocol) = (number()?, number()?, number()?);
    if version > offered.version || version < 2 {
        return Err(format!("version {version}, offered was {}", offered.version));
    }
    if actions & !offered.actions != 0 {
        return Err(format!("actions {:#x} that were not offered", actions & !offered.actions));
    }
    if protocol & !offered.protocol != 0 {
        return Err(format!("protocol bits {:#x} that were not offered", protocol & !offered.protocol));
    }
    Ok(Negotiated { version, actions, protocol, macros: requested_macros(rest)? })
}

/// The list of SETSYMLIST: a stage number and a string, again and again.
fn requested_macros(mut rest: &[u8]) -> Result<Vec<(Stage, Vec<String>)>, String> {
    let mut macros = Vec::new();
    while let Some((&stage, tail)) = rest.split_first_chunk::<4>() {
        let stage = match u32::from_be_bytes(stage) {
            0 => Stage::Connect,
            1 => Stage::Helo,
            2 => Stage::Mail,
            3 => Stage::Rcpt,
            4 => Stage::Data,
            5 => Stage::EndOfMessage,
            6 => Stage::EndOfHeaders,
            other => return Err(format!("a macro list for stage {other}")),
        };
        let end = tail.iter().position(|&b| b == 0).ok_or("a macro list without its NUL")?;
        let (names, tail) = tail.split_at_checked(end).ok_or("a macro list without its NUL")?;
        let names = String::from_utf8_lossy(names);
        macros.push((
            stage,
            names.split([' ', '\t', ',']).filter(|n| !n.is_empty()).map(str::to_owned).collect(),
        ));
        rest = tail.get(1..).unwrap_or_default();
    }
    if rest.is_empty() { Ok(macros) } else { Err("octets after the options".into()) }
}
