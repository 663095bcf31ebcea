//! One connection to a milter, and one message through it.

use super::message::Message;
use super::options::{Macros, Options};
use super::reply::{Modification, Reply, SmtpReply, Stage, Violation};
use super::report::{Envelope, Exchange, Negotiated, Recipient, Report, Verdict, arguments, milliseconds};
use super::wire::{Packet, Wire, WireError};
use crate::socket::Socket;
use serde::Serialize;
use std::io;
use std::net::IpAddr;
use std::time::{Duration, Instant};

/// `SMFIP_SKIP`: the milter may answer SKIP.
const SKIP_BIT: u32 = 0x400;

/// How long the end of the connection is waited for after QUIT.
const QUIT_WAIT: Duration = Duration::from_secs(2);

/// Octets of an argument kept in the report.
const ARGUMENT_OCTETS: usize = 120;

/// Extra replies noted at one moment; more say nothing new.
const EXTRA_REPLIES: usize = 100;

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
    /// ABORT after the first command of this stage was answered. The connection goes on.
    AbortAfter(Stage),
    /// The connection is closed once so many octets of this message's conversation were written.
    CloseAfter(u64),
}

/// A connection to a milter, options negotiated.
#[derive(Debug)]
pub struct Probe {
    socket: Socket,
    options: Options,
    negotiated: Negotiated,
    wire: Wire,
    /// Of the connection, waiting for the first message's report.
    exchanges: Vec<Exchange>,
    greeted: bool,
    messages: usize,
    /// Decided for all messages of this connection.
    settled: Option<Verdict>,
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
        let mut conversation = Conversation {
            probe: self,
            report,
            start,
            sender: None,
            recipient: None,
            queued: false,
            abort_after,
        };
        let verdict = conversation.run(&message);
        let mut report = conversation.finish();
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

/// An answer that does not end the conversation by itself.
enum Answer {
    Continue,
    Skip,
    Decision(Reply),
}

/// One message on its way.
struct Conversation<'a> {
    probe: &'a mut Probe,
    report: Report,
    start: Instant,
    sender: Option<String>,
    recipient: Option<String>,
    queued: bool,
    abort_after: Option<Stage>,
}

/// `Err` is the verdict that ends the message.
type Flow = Result<(), Verdict>;

impl Conversation<'_> {
    fn run(&mut self, message: &Message) -> Verdict {
        if let Some(verdict) = &self.probe.settled {
            return verdict.clone();
        }
        if !self.probe.greeted {
            self.probe.greeted = true;
            if let Err(verdict) = self.greet() {
                self.probe.settled = Some(verdict.clone());
                return verdict;
            }
        }
        self.probe.messages += 1;
        let verdict = match self.envelope().and_then(|()| self.content(message)) {
            Ok(()) => Verdict::Accept { stage: Stage::EndOfMessage },
            Err(verdict) => verdict,
        };
        self.settle(&verdict);
        verdict
    }

    /// The last replies that are there are noted.
    fn finish(mut self) -> Report {
        let after = self.report.exchanges.last().map_or(Stage::Negotiate, |e| e.stage);
        if self.probe.settled.is_none() {
            self.expect_nothing(after);
        }
        self.report
    }

    /// Ends the message on the wire, and the connection where the verdict says so.
    fn settle(&mut self, verdict: &Verdict) {
        let closed = match verdict {
            Verdict::Failed { .. } => true,
            Verdict::Interrupted { .. } => self.abort_after.is_none(),
            // RFC 5321 3.8: after 421 the server closes the connection.
            Verdict::Tempfail { reply, .. } => reply.code == 421,
            _ => false,
        };
        if closed {
            self.probe.settled = Some(verdict.clone());
            return;
        }
        let after = self.report.exchanges.last().map_or(Stage::Mail, |e| e.stage);
        self.expect_nothing(after);
        let _ = self.probe.wire.send(Stage::Abort.octet(), &[]);
    }

    fn greet(&mut self) -> Flow {
        let o = &self.probe.options;
        let mut connect = o.client_name.bytes().filter(|&b| b != 0).collect::<Vec<u8>>();
        connect.push(0);
        match o.client_address.parse::<IpAddr>() {
            Ok(address) => {
                connect.push(if address.is_ipv4() { b'4' } else { b'6' });
                connect.extend_from_slice(&o.client_port.to_be_bytes());
                connect.extend_from_slice(address.to_string().as_bytes());
                connect.push(0);
            }
            Err(_) => connect.push(b'U'),
        }
        let helo = strings(&[&o.helo]);
        for (stage, data) in [(Stage::Connect, connect), (Stage::Helo, helo)] {
            match self.command(stage, &data)? {
                // Postfix has nothing to discard yet, and goes on.
                Answer::Decision(Reply::Discard) => {}
                answer => self.decide(stage, answer)?,
            }
        }
        Ok(())
    }

    fn envelope(&mut self) -> Flow {
        let envelope = self.report.envelope.clone();
        self.sender = Some(envelope.mail_from.clone());
        self.simple(Stage::Mail, &strings(&arguments(&envelope.mail_from)))?;
        let mut refusal = None;
        for address in &envelope.rcpt_to {
            self.recipient = Some(address.clone());
            let refused = match self.command(Stage::Rcpt, &strings(&arguments(address)))? {
                Answer::Decision(Reply::Reject) => Some(SmtpReply::reject()),
                Answer::Decision(Reply::Tempfail) => Some(SmtpReply::tempfail()),
                Answer::Decision(Reply::Code(reply)) if reply.code != 421 => Some(reply),
                answer => {
                    self.decide(Stage::Rcpt, answer)?;
                    None
                }
            };
            // Postfix opens the queue file, and knows the queue id, with the first good recipient.
            self.queued |= refused.is_none();
            refusal = refusal.or_else(|| refused.clone());
            self.report.recipients.push(Recipient { address: address.clone(), refused });
            self.pause(Stage::Rcpt)?;
        }
        self.recipient = None;
        match refusal {
            Some(reply) if !self.queued => Err(refused(Stage::Rcpt, reply)),
            _ => Ok(()),
        }
    }

    fn content(&mut self, message: &Message) -> Flow {
        // DATA came with version 4 of the protocol.
        if self.probe.negotiated.version >= 4 {
            self.simple(Stage::Data, &[])?;
        }
        let leading_space = self.probe.negotiated.leading_space();
        for field in &message.fields {
            let data = [&field.name, &b"\0"[..], field.shown(leading_space), b"\0"].concat();
            let answer = self.command(Stage::Header, &data)?;
            let skip = matches!(answer, Answer::Skip);
            self.decide(Stage::Header, answer)?;
            self.pause(Stage::Header)?;
            if skip {
                break;
            }
        }
        self.simple(Stage::EndOfHeaders, &[])?;
        self.body(&message.body)?;
        self.simple(Stage::EndOfMessage, &[])
    }

    fn body(&mut self, body: &[u8]) -> Flow {
        if self.probe.negotiated.protocol & Stage::Body.unwanted_bit() != 0 {
            return Ok(());
        }
        for chunk in body.chunks(self.probe.options.chunk_octets.max(1)) {
            let answer = self.command(Stage::Body, chunk)?;
            self.report.body.sent_octets += chunk.len();
            self.report.body.chunks += 1;
            let skip = matches!(answer, Answer::Skip);
            self.decide(Stage::Body, answer)?;
            self.pause(Stage::Body)?;
            if skip {
                self.report.body.skipped = true;
                break;
            }
        }
        Ok(())
    }

    fn simple(&mut self, stage: Stage, data: &[u8]) -> Flow {
        let answer = self.command(stage, data)?;
        self.decide(stage, answer)?;
        self.pause(stage)
    }

    /// The end of the message if it is to be aborted after `stage`.
    fn pause(&mut self, stage: Stage) -> Flow {
        if self.abort_after == Some(stage) { Err(Verdict::Interrupted { stage }) } else { Ok(()) }
    }

    fn decide(&mut self, stage: Stage, answer: Answer) -> Flow {
        match answer {
            Answer::Decision(Reply::Accept) => Err(Verdict::Accept { stage }),
            Answer::Decision(Reply::Discard) => Err(Verdict::Discard { stage }),
            Answer::Decision(Reply::Reject) => Err(refused(stage, SmtpReply::reject())),
            Answer::Decision(Reply::Tempfail) => Err(refused(stage, SmtpReply::tempfail())),
            Answer::Decision(Reply::Code(reply)) => Err(refused(stage, reply)),
            _ => Ok(()),
        }
    }

    /// One command with its macros, and its answer if one is due.
    fn command(&mut self, stage: Stage, data: &[u8]) -> Result<Answer, Verdict> {
        let protocol = self.probe.negotiated.protocol;
        if protocol & stage.unwanted_bit() != 0 {
            return Ok(Answer::Continue);
        }
        let after = self.report.exchanges.last().map_or(Stage::Negotiate, |e| e.stage);
        self.expect_nothing(after);
        let start = Instant::now();
        let macros = Macros {
            options: &self.probe.options,
            requested: &self.probe.negotiated.macros,
            sender: self.sender.as_deref(),
            recipient: self.recipient.as_deref(),
            queue_id: self.queued.then_some(self.report.queue_id.as_str()),
        }
        .packet(stage);
        let wire = &mut self.probe.wire;
        let sent = wire.send(b'D', &[&macros]).and_then(|_| wire.send(stage.octet(), &[data]));
        self.report.exchanges.push(Exchange {
            stage,
            argument: argument(stage, data),
            sent_octets: *sent.as_ref().unwrap_or(&0),
            replies: String::new(),
            elapsed: Duration::ZERO,
        });
        if let Err(error) = sent {
            return Err(self.broken(stage, &error));
        }
        let answer =
            if protocol & stage.silent_bit() == 0 { self.answer(stage) } else { Ok(Answer::Continue) };
        if let Some(exchange) = self.report.exchanges.last_mut() {
            exchange.elapsed = start.elapsed();
        }
        answer
    }

    /// Replies to `stage` up to the one that ends it.
    fn answer(&mut self, stage: Stage) -> Result<Answer, Verdict> {
        loop {
            if self.start.elapsed() > self.probe.options.message_timeout {
                return Err(self.broken(stage, &WireError::Timeout(self.probe.options.message_timeout)));
            }
            let packet = match self.probe.wire.receive() {
                Ok(packet) => packet,
                Err(error) => return Err(self.broken(stage, &error)),
            };
            let letter = char::from(packet.letter);
            if let Some(exchange) = self.report.exchanges.last_mut() {
                exchange.replies.push(letter);
            }
            match Reply::parse(packet) {
                Err(reason) => {
                    let violation = Violation::Malformed { letter, stage, reason };
                    return Err(self.violated(stage, violation));
                }
                Ok(Reply::Progress) => self.report.progress += 1,
                Ok(Reply::Continue) => return Ok(Answer::Continue),
                Ok(Reply::Skip) => return Ok(self.skip(stage)),
                Ok(Reply::Modify(change, action)) if stage == Stage::EndOfMessage => {
                    self.modify(letter, change, action)?;
                }
                Ok(Reply::Modify(..) | Reply::Other) => {
                    return Err(self.violated(stage, Violation::OutOfPlace { letter, stage }));
                }
                Ok(decision) => return Ok(Answer::Decision(decision)),
            }
        }
    }

    fn skip(&mut self, stage: Stage) -> Answer {
        let allowed = matches!(stage, Stage::Header | Stage::Body);
        if allowed && self.probe.negotiated.protocol & SKIP_BIT != 0 {
            return Answer::Skip;
        }
        self.report.violations.push(Violation::OutOfPlace { letter: 's', stage });
        Answer::Continue
    }

    fn modify(&mut self, letter: char, change: Modification, action: u32) -> Flow {
        if self.probe.negotiated.actions & action == 0 {
            self.report.violations.push(Violation::NotNegotiated { letter, action });
        }
        let changes = &mut self.report.modifications;
        let Modification::ReplaceBody { body: more, .. } = &change else {
            changes.push(change);
            return Ok(());
        };
        if let Some(Modification::ReplaceBody { packets, body }) = changes.last_mut() {
            *packets += 1;
            body.extend_from_slice(more);
            return Ok(());
        }
        if changes.iter().any(|c| matches!(c, Modification::ReplaceBody { .. })) {
            return Err(self.violated(Stage::EndOfMessage, Violation::BodyNotInOneRun { letter }));
        }
        changes.push(change);
        Ok(())
    }

    /// Nothing may be waiting where no reply is due.
    fn expect_nothing(&mut self, after: Stage) {
        for _ in 0..EXTRA_REPLIES {
            let Ok(Some(packet)) = self.probe.wire.receive_ready() else { return };
            self.report.violations.push(Violation::ExtraReply { letter: char::from(packet.letter), after });
        }
    }

    fn violated(&mut self, stage: Stage, violation: Violation) -> Verdict {
        let reason = violation.to_string();
        self.report.violations.push(violation);
        self.probe.wire.shut_down();
        Verdict::Failed { stage, reason }
    }

    fn broken(&mut self, stage: Stage, error: &WireError) -> Verdict {
        if matches!(error, WireError::Dropped) {
            return Verdict::Interrupted { stage };
        }
        self.violated(stage, Violation::MissingReply { stage, reason: error.to_string() })
    }
}

fn refused(stage: Stage, reply: SmtpReply) -> Verdict {
    if reply.code >= 500 { Verdict::Reject { stage, reply } } else { Verdict::Tempfail { stage, reply } }
}

/// Strings with their NULs; a NUL inside would start another argument.
fn strings<S: AsRef<str>>(texts: &[S]) -> Vec<u8> {
    let mut data = Vec::new();
    for text in texts {
        data.extend(text.as_ref().bytes().filter(|&b| b != 0));
        data.push(0);
    }
    data
}

fn argument(stage: Stage, data: &[u8]) -> String {
    if stage == Stage::Body {
        return format!("{} octets", data.len());
    }
    let data = data.strip_suffix(b"\0").unwrap_or(data);
    let shown: Vec<u8> = data.iter().take(ARGUMENT_OCTETS).map(|&b| if b == 0 { b' ' } else { b }).collect();
    shown.escape_ascii().to_string()
}
