//! One message on its way: the commands Postfix would send, and what each reply means for it.

use super::message::Message;
use super::options::Macros;
use super::reply::{Modification, Reply, SmtpReply, Stage, Violation};
use super::report::{Exchange, Recipient, Report, Verdict, arguments};
use super::session::{EXTRA_REPLIES, Probe};
use super::wire::WireError;
use std::net::IpAddr;
use std::time::{Duration, Instant};

/// `SMFIP_SKIP`: the milter may answer SKIP.
const SKIP_BIT: u32 = 0x400;

/// Octets of an argument kept in the report.
const ARGUMENT_OCTETS: usize = 120;

/// An answer that does not end the conversation by itself.
enum Answer {
    Continue,
    Skip,
    Decision(Reply),
}

/// One message on its way.
pub(super) struct Conversation<'a> {
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

impl<'a> Conversation<'a> {
    pub fn new(probe: &'a mut Probe, report: Report, start: Instant, abort_after: Option<Stage>) -> Self {
        Conversation { probe, report, start, sender: None, recipient: None, queued: false, abort_after }
    }

    /// The whole of it. The report still lacks the verdict, and the time.
    pub fn run(mut self, message: &Message) -> (Report, Verdict) {
        let verdict = self.verdict(message);
        // Replies nobody asked for that are here already.
        if self.probe.settled.is_none() {
            self.expect_nothing(self.last_stage());
        }
        (self.report, verdict)
    }

    fn verdict(&mut self, message: &Message) -> Verdict {
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
        self.expect_nothing(self.last_stage());
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
        self.expect_nothing(self.last_stage());
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

    fn last_stage(&self) -> Stage {
        self.report.exchanges.last().map_or(Stage::Abort, |e| e.stage)
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
