//! The state of a connection, and of the message on it: two types. A message begins at MAIL and is
//! taken at its end, so that nothing of it is there for the next one.
//!
//! Nothing here knows the protocol library; [`super::adapter`] converts.

use super::negotiate::{Terms, action, protocol};
use super::record;
use super::reply::reply;
use super::work::{Failure, Held, Live, Service};
use crate::config::OnFailure;
use crate::engine::{self, Outcome, Reply, Verdict};
use crate::message::edit::Modification;
use crate::policy::Mode;
use crate::vpim::Envelope;
use crate::vpim::envelope::bare_path;
use std::borrow::Cow;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tracing::error;

/// Macros kept of one message, and their octets in all.
const MACROS: usize = 256;
const MACRO_OCTETS: usize = 64 << 10;
/// Octets kept of the parameters of one command. RFC 5321 4.5.3.1.4 and its extensions add up to less.
const PARAMETER_OCTETS: usize = 2_048;

/// What to tell the MTA.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// Go on; in a silent stage nothing.
    Continue,
    /// Deliver the message as it is; nothing more of it is wanted.
    Accept,
    /// No more of the body is wanted.
    Skip,
    /// Refuse.
    Refuse(Reply),
}

/// The macros of the MTA that hold now.
pub type Macros<'a> = &'a (dyn Fn(&str) -> Option<String> + Send + Sync);

/// A connection.
#[derive(Debug)]
pub struct Connection {
    service: Arc<Service>,
    live: Arc<Live>,
    terms: Terms,
    helo: Option<String>,
    message: Option<Incoming>,
}

/// A message on its way in.
#[derive(Debug)]
pub struct Incoming {
    /// Envelope so far.
    pub envelope: Envelope,
    /// Header block, then empty line and body.
    raw: Vec<u8>,
    fields: usize,
    held: Held,
    /// The limit it went over; it is then not kept.
    excess: Option<&'static str>,
    too_many_recipients: bool,
    /// Shadow mode: a recipient was not looked at further since enforce mode would have refused it.
    left_out: bool,
    begun: Instant,
    bytes: usize,
}

/// What the end of a message asks for.
#[derive(Debug)]
pub enum End {
    /// This answer.
    Answer(Answer),
    /// The core's judgement of this message.
    Work(Box<Complete>),
}

/// A message that is there as a whole.
#[derive(Debug)]
pub struct Complete {
    /// The message.
    pub raw: Arc<Vec<u8>>,
    /// Its envelope.
    pub envelope: Arc<Envelope>,
    /// From MAIL to now.
    pub receive: Duration,
    /// Its memory.
    _held: Held,
}

impl Connection {
    /// A connection under these terms.
    pub fn new(service: Arc<Service>, live: Arc<Live>, terms: Terms) -> Self {
        Connection { service, live, terms, helo: None, message: None }
    }

    /// What was agreed on.
    pub fn terms(&self) -> Terms {
        self.terms
    }

    /// The configuration of this session.
    pub fn live(&self) -> &Arc<Live> {
        &self.live
    }

    /// What all sessions share.
    pub fn service(&self) -> &Arc<Service> {
        &self.service
    }

    /// HELO or EHLO: also ends a transaction (RFC 5321 4.1.4).
    pub fn helo(&mut self, name: Cow<'_, str>) {
        self.message = None;
        self.helo = Some(name.into_owned());
    }

    /// MAIL: the path and its parameters.
    pub fn mail(&mut self, arguments: &[Cow<'_, str>], macros: Macros<'_>) {
        let path = arguments.first().map_or("", |a| bare_path(a));
        let binary_mime = arguments.iter().skip(1).any(|a| a.eq_ignore_ascii_case("BODY=BINARYMIME"));
        let envelope = Envelope {
            client: client(macros),
            helo: self.helo.clone(),
            auth: macros("{auth_authen}").filter(|a| !a.is_empty()),
            mail_from: Some(path.to_owned()),
            rcpt_to: Vec::new(),
            binary_mime,
            mail_parameters: parameters(arguments),
            rcpt_parameters: Vec::new(),
            protocol: macros("r"),
            queue_id: macros("i"),
            macros: self.route_macros(macros),
            directory: Default::default(),
        };
        self.message = Some(Incoming {
            envelope,
            raw: Vec::new(),
            fields: 0,
            held: Held::default(),
            excess: None,
            too_many_recipients: false,
            left_out: false,
            begun: Instant::now(),
            bytes: 0,
        });
    }

    fn route_macros(&self, macros: Macros<'_>) -> Vec<(String, String)> {
        let mut octets = MACRO_OCTETS;
        let names = self.live.settings.routes.iter().flat_map(|r| &r.when.macros).map(|(name, _)| name);
        let known = names.take(MACROS).filter_map(|name| Some((name.clone(), macros(name)?)));
        known
            .take_while(|(name, value)| {
                let cost = name.len() + value.len();
                let fits = cost <= octets;
                octets = octets.saturating_sub(cost);
                fits
            })
            .collect()
    }

    /// RCPT. Only in mode enforce a recipient is ever refused.
    pub async fn rcpt(&mut self, arguments: &[Cow<'_, str>], macros: Macros<'_>) -> Answer {
        let Some(message) = &mut self.message else { return Answer::Continue };
        message.envelope.queue_id = macros("i").or(message.envelope.queue_id.take());
        let settings = &self.live.settings;
        let argument = arguments.first().map_or("", |a| a.as_ref());
        let path = bare_path(argument);
        let refusable = settings.mode == Mode::Enforce && !self.terms.has(protocol::NR_RCPT);
        if message.envelope.rcpt_to.len() >= settings.limits.recipients {
            // In the other modes the whole message is refused for now at the end of its header.
            message.too_many_recipients |= !refusable;
            return if refusable { Answer::Refuse(too_many()) } else { Answer::Continue };
        }
        if settings.mode != Mode::Report
            && let Some(directory) = &self.live.directory
            && settings.asks_directory(&message.envelope, path)
        {
            let answer = directory.resolve(&settings.asked_address(&message.envelope, path)).await;
            record::looked_up(&self.live, &message.envelope, path, &answer);
            message.envelope.directory.insert(path.to_owned(), answer.lookup);
        }
        // Mail of this machine's own programs comes without brackets (Postfix's pickup). There is no
        // client to send it again, and a refusal would bounce all of it.
        if settings.mode != Mode::Report
            && argument.starts_with('<')
            && let Some(reply) = engine::refused_recipient(settings, &message.envelope, path)
        {
            // Nothing is kept of those refused: a client may name any number of them.
            if !message.envelope.rcpt_to.iter().any(|taken| taken == path) {
                message.envelope.directory.remove(path);
            }
            if refusable {
                return Answer::Refuse(reply);
            }
            // The core sees the message that enforce mode would have let through.
            record::would_refuse(&self.live, &message.envelope, path, &reply);
            message.left_out = true;
            return Answer::Continue;
        }
        message.envelope.rcpt_to.push(path.to_owned());
        message.envelope.rcpt_parameters.push(parameters(arguments));
        Answer::Continue
    }

    /// One header field.
    pub fn header(&mut self, name: &[u8], value: &[u8]) {
        let Some(message) = &mut self.message else { return };
        let limits = &self.live.settings.limits;
        message.fields += 1;
        let octets = name.len() + value.len() + 4;
        message.bytes += octets;
        if message.excess.is_some() {
            return;
        }
        message.excess = if octets > limits.header_field_bytes {
            Some("too-large: a header field beyond limits.header_field_bytes")
        } else if message.raw.len() + octets > limits.header_bytes {
            Some("too-large: header beyond limits.header_bytes")
        } else if message.fields > limits.header_fields {
            Some("too-large: header beyond limits.header_fields")
        } else {
            write_field(&mut message.raw, name, value, self.terms.has(protocol::HDR_LEADSPC));
            return;
        };
        message.raw = Vec::new();
    }

    /// The end of the header: most mail leaves here.
    pub async fn end_of_header(&mut self, macros: Macros<'_>) -> Answer {
        let Some(mut message) = self.message.take() else { return Answer::Accept };
        message.envelope.queue_id = macros("i").or(message.envelope.queue_id.take());
        let live = &self.live;
        if message.too_many_recipients {
            record::unjudged(live, &message.envelope, message.bytes, "tempfail", "too many recipients");
            return Answer::Refuse(too_many());
        }
        if let Some(excess) = message.excess {
            record::unjudged(live, &message.envelope, message.bytes, "unchanged", excess);
            return Answer::Accept;
        }
        if message.left_out && message.envelope.rcpt_to.is_empty() {
            let why = "mode enforce would have refused every recipient";
            record::unjudged(live, &message.envelope, message.bytes, "unchanged", why);
            return Answer::Accept;
        }
        message.raw.extend_from_slice(b"\r\n");
        message.bytes += 2;
        if !engine::wants_body(&message.raw) {
            record::unjudged(live, &message.envelope, message.bytes, "unchanged", "ordinary mail");
            return Answer::Accept;
        }
        if !self.service.reserve(&mut message.held, message.raw.len()).await {
            return self.no_memory(message);
        }
        self.message = Some(message);
        Answer::Continue
    }

    /// A piece of the body.
    pub async fn body(&mut self, piece: &[u8]) -> Answer {
        let Some(mut message) = self.message.take() else { return Answer::Continue };
        message.bytes += piece.len();
        let octets = message.raw.len().saturating_add(piece.len());
        if message.excess.is_none() && octets > self.live.settings.limits.message_bytes {
            message.excess = Some("too-large: message beyond limits.message_bytes");
            message.raw = Vec::new();
            message.held = Held::default();
        }
        if message.excess.is_some() {
            self.message = Some(message);
            return if self.terms.has(protocol::SKIP) { Answer::Skip } else { Answer::Continue };
        }
        if !self.service.reserve(&mut message.held, octets).await
            || message.raw.try_reserve(piece.len()).is_err()
        {
            return self.no_memory(message);
        }
        message.raw.extend_from_slice(piece);
        self.message = Some(message);
        Answer::Continue
    }

    fn no_memory(&self, message: Incoming) -> Answer {
        error!(queue_id = queue_id(&message.envelope), "no memory within daemon.memory_bytes");
        self.own_failure(&message.envelope, message.bytes, reply(451, (4, 3, 2), "Too busy, try again later"))
    }

    /// The end of the message.
    pub fn end_of_message(&mut self, macros: Macros<'_>) -> End {
        let Some(mut message) = self.message.take() else { return End::Answer(Answer::Accept) };
        message.envelope.queue_id = macros("i").or(message.envelope.queue_id.take());
        if let Some(excess) = message.excess {
            record::unjudged(&self.live, &message.envelope, message.bytes, "unchanged", excess);
            return End::Answer(Answer::Accept);
        }
        End::Work(Box::new(Complete {
            raw: Arc::new(message.raw),
            envelope: Arc::new(message.envelope),
            receive: message.begun.elapsed(),
            _held: message.held,
        }))
    }

    /// ABORT: at any time, also more than once.
    pub fn abort(&mut self) {
        self.message = None;
    }

    /// The answer where there is no outcome.
    pub fn failed(&self, message: &Complete, failure: Failure) -> Answer {
        let envelope = &message.envelope;
        error!(queue_id = queue_id(envelope), "{failure}");
        if failure == Failure::Poison {
            record::unjudged(&self.live, envelope, message.raw.len(), "unchanged", &failure.to_string());
            return Answer::Accept;
        }
        if failure == Failure::SentInPart {
            // Not even on_failure = "accept" may deliver it: some recipients would have it twice.
            record::unjudged(&self.live, envelope, message.raw.len(), "tempfail", &failure.to_string());
            return Answer::Refuse(reply(451, (4, 3, 0), "Not all copies could be sent, try again later"));
        }
        let reply = match failure {
            Failure::Busy | Failure::Slow => reply(451, (4, 3, 2), "Too busy, try again later"),
            _ => reply(451, (4, 3, 0), "Local failure, try again later"),
        };
        self.own_failure(envelope, message.raw.len(), reply)
    }

    fn own_failure(&self, envelope: &Envelope, bytes: usize, reply: Reply) -> Answer {
        let (verdict, answer) = match self.live.on_failure {
            OnFailure::Tempfail => ("tempfail", Answer::Refuse(reply)),
            OnFailure::Accept => ("unchanged", Answer::Accept),
        };
        record::unjudged(&self.live, envelope, bytes, verdict, "own failure");
        answer
    }
}

/// An outcome that needs an action the MTA did not offer changes nothing: half a plan would be worse
/// than none.
pub fn without_missing(mut outcome: Outcome, terms: Terms) -> Outcome {
    let needed = |m: &Modification| match m {
        Modification::ReplaceBody(_) => (action::CHGBODY, "SMFIF_CHGBODY"),
        Modification::InsertHeader { .. } => (action::ADDHDRS, "SMFIF_ADDHDRS"),
        Modification::ChangeHeader { .. } | Modification::DeleteHeader { .. } => {
            (action::CHGHDRS, "SMFIF_CHGHDRS")
        }
    };
    let hold =
        matches!(outcome.verdict, Verdict::Quarantine(_)).then_some((action::QUARANTINE, "SMFIF_QUARANTINE"));
    let recipients = &outcome.recipients;
    let added = recipients.add.iter().map(|r| match r.parameters.is_empty() {
        true => (action::ADDRCPT, "SMFIF_ADDRCPT"),
        false => (action::ADDRCPT_PAR, "SMFIF_ADDRCPT_PAR"),
    });
    let deleted = recipients.delete.iter().map(|_| (action::DELRCPT, "SMFIF_DELRCPT"));
    let split = (!outcome.taken_off.is_empty()).then_some((action::DELRCPT, "SMFIF_DELRCPT"));
    let envelope = added.chain(deleted).chain(split);
    let mut all = outcome.modifications.iter().map(needed).chain(hold).chain(envelope);
    if let Some((_, name)) = all.find(|(bit, _)| !terms.allows(*bit)) {
        outcome.record.unchanged_because = Some(format!("the MTA does not offer {name}"));
        outcome.record.actions.clear();
        outcome.record.losses.clear();
        outcome.record.bytes_out = outcome.record.bytes_in;
        outcome.modifications.clear();
        outcome.recipients = Default::default();
        outcome.record.renumbered.clear();
        outcome.copies.clear();
        outcome.taken_off.clear();
        if matches!(outcome.verdict, Verdict::Quarantine(_)) {
            outcome.verdict = Verdict::Deliver;
        }
    }
    outcome
}

/// What follows the path in the arguments of MAIL and RCPT.
fn parameters(arguments: &[Cow<'_, str>]) -> Vec<String> {
    let mut octets = 0;
    let fits = |a: &&Cow<'_, str>| {
        octets += a.len() + 1;
        octets <= PARAMETER_OCTETS
    };
    arguments.iter().skip(1).take_while(fits).map(|a| a.to_string()).collect()
}

fn queue_id(envelope: &Envelope) -> String {
    record::value(envelope.queue_id.as_deref().unwrap_or("-"))
}

fn too_many() -> Reply {
    reply(452, (4, 5, 3), "Too many recipients")
}

/// `{client_addr}`, or the address in `_` (`name [192.0.2.1]`, Sendmail `[IPv6:2001:db8::1]`).
fn client(macros: Macros<'_>) -> Option<IpAddr> {
    let parse = |text: &str| text.strip_prefix("IPv6:").unwrap_or(text).parse().ok();
    macros("{client_addr}").as_deref().and_then(parse).or_else(|| {
        let text = macros("_")?;
        let (_, rest) = text.rsplit_once('[')?;
        parse(rest.split(']').next()?)
    })
}

/// `Name:value CRLF`, folds with CRLF. The MTA shows folds as LF (and a client's lone CR as blank).
fn write_field(out: &mut Vec<u8>, name: &[u8], value: &[u8], has_leading_space: bool) {
    out.extend_from_slice(name);
    out.push(b':');
    if !has_leading_space {
        out.push(b' ');
    }
    let mut before = 0;
    for &octet in value {
        if octet == b'\n' && before != b'\r' {
            out.push(b'\r');
        }
        out.push(octet);
        before = octet;
    }
    out.extend_from_slice(b"\r\n");
}

#[cfg(test)]
mod tests {
    use super::super::negotiate;
    use super::*;
    use crate::config;
    use crate::policy::profile::{self, Structure};

    fn connection(text: &str) -> Connection {
        let mut profiles = profile::builtin();
        let untouched = profiles["untouched"].clone();
        profiles.insert("voice".into(), profile::Profile { structure: Structure::VoiceMessage, ..untouched });
        let config = config::load_text(&[("t", text)], profiles).unwrap();
        let service = Arc::new(Service::new(config));
        let live = service.live();
        let terms = negotiate::terms(&live.settings, 0x1ff, 0x1f_ffff);
        Connection::new(service, live, terms)
    }

    const ENFORCE: &str =
        "mode = \"enforce\"\n[[route]]\nname = \"v\"\nprofile = \"voice\"\nmatch.recipient = [\"*@v.test\"]";

    fn nothing(_: &str) -> Option<String> {
        None
    }

    async fn rcpt(connection: &mut Connection, argument: &str) -> u16 {
        match connection.rcpt(&[argument.into()], &nothing).await {
            Answer::Continue => 250,
            Answer::Refuse(reply) => reply.code,
            other => panic!("{other:?}"),
        }
    }

    #[tokio::test]
    async fn recipients_are_refused_in_enforce_only_and_never_for_local_submission() {
        let mut c = connection(ENFORCE);
        c.mail(&["<a@x.test>".into()], &nothing);
        assert_eq!(rcpt(&mut c, "<Non-Mail-User@x.test>").await, 550);
        assert_eq!(rcpt(&mut c, "<1@v.test>").await, 250);
        assert_eq!(rcpt(&mut c, "<2@other.test>").await, 452);
        assert_eq!(rcpt(&mut c, "<3@V.test>").await, 250);
        assert_eq!(rcpt(&mut c, "non-mail-user@x.test").await, 250);
        let got = c.message.as_ref().unwrap().envelope.rcpt_to.clone();
        assert_eq!(got, ["1@v.test", "3@V.test", "non-mail-user@x.test"]);
        let mut c = connection("");
        c.mail(&["<>".into()], &nothing);
        assert_eq!(rcpt(&mut c, "<non-mail-user@x.test>").await, 250);
    }

    #[tokio::test]
    async fn shadow_mode_looks_at_the_message_that_enforce_mode_would_let_through() {
        let shadow = ENFORCE.replace("enforce", "shadow");
        let mut c = connection(&shadow);
        c.mail(&["<a@x.test>".into()], &nothing);
        for recipient in ["<non-mail-user@x.test>", "<1@v.test>", "<2@other.test>", "<3@v.test>"] {
            assert_eq!(rcpt(&mut c, recipient).await, 250);
        }
        assert_eq!(c.message.as_ref().unwrap().envelope.rcpt_to, ["1@v.test", "3@v.test"]);
        let mut c = connection(&shadow);
        c.mail(&["<a@x.test>".into()], &nothing);
        assert_eq!(rcpt(&mut c, "<non-mail-user@x.test>").await, 250);
        assert!(matches!(c.end_of_header(&nothing).await, Answer::Accept));
    }

    #[tokio::test]
    async fn the_envelope_is_read_from_arguments_and_macros() {
        let mut c = connection("");
        let macros = |name: &str| match name {
            "_" => Some("mx.test [IPv6:2001:db8::1] (may be forged)".to_owned()),
            "{auth_authen}" => Some("pbx".to_owned()),
            "i" => Some("4Q".to_owned()),
            "r" => Some("ESMTP".to_owned()),
            _ => None,
        };
        c.helo("h.test".into());
        c.mail(&["<@hub:a@x>".into(), "SIZE=1".into(), "body=binarymime".into()], &macros);
        c.rcpt(&["<1@v.test>".into(), "NOTIFY=NEVER".into(), "x".repeat(3_000).into()], &macros).await;
        let envelope = c.message.unwrap().envelope;
        assert_eq!(envelope.mail_parameters, ["SIZE=1", "body=binarymime"]);
        assert_eq!(envelope.rcpt_parameters, [["NOTIFY=NEVER"]]);
        assert_eq!(envelope.protocol.as_deref(), Some("ESMTP"));
        assert_eq!(envelope.client, Some("2001:db8::1".parse().unwrap()));
        assert_eq!(envelope.auth.as_deref(), Some("pbx"));
        assert_eq!(envelope.mail_from.as_deref(), Some("@hub:a@x"));
        assert_eq!(envelope.helo.as_deref(), Some("h.test"));
        assert!(envelope.binary_mime);
    }

    #[tokio::test]
    async fn the_message_is_rebuilt_octet_for_octet() {
        let mut c = connection("");
        c.mail(&["<>".into()], &nothing);
        c.header(b"Subject", b"  a\n b\xff");
        c.header(b"X", b"");
        c.header(b"Content-Type", b" multipart/mixed; boundary=x");
        assert_eq!(c.end_of_header(&nothing).await, Answer::Continue);
        c.body(b"one\r").await;
        c.body(b"\ntwo").await;
        let End::Work(message) = c.end_of_message(&nothing) else { panic!() };
        assert_eq!(
            *message.raw,
            b"Subject:  a\r\n b\xff\r\nX:\r\nContent-Type: multipart/mixed; boundary=x\r\n\r\none\r\ntwo"
        );
        assert!(c.message.is_none());
    }

    #[tokio::test]
    async fn too_large_a_header_or_body_passes_untouched() {
        let mut c = connection("[limits]\nheader_fields = 2\nmessage_bytes = 100");
        c.mail(&["<>".into()], &nothing);
        for _ in 0..3 {
            c.header(b"Content-Type", b" audio/basic");
        }
        assert_eq!(c.end_of_header(&nothing).await, Answer::Accept);
        c.mail(&["<>".into()], &nothing);
        c.header(b"Content-Type", b" audio/basic");
        assert_eq!(c.end_of_header(&nothing).await, Answer::Continue);
        assert_eq!(c.body(&[b'x'; 50]).await, Answer::Continue);
        assert_eq!(c.body(&[b'x'; 50]).await, Answer::Skip);
        assert!(matches!(c.end_of_message(&nothing), End::Answer(Answer::Accept)));
    }

    #[tokio::test]
    async fn too_many_recipients_are_a_temporary_refusal_in_every_mode() {
        let mut c = connection("[limits]\nrecipients = 1");
        c.mail(&["<>".into()], &nothing);
        assert_eq!((rcpt(&mut c, "<a@x>").await, rcpt(&mut c, "<b@x>").await), (250, 250));
        assert!(matches!(c.end_of_header(&nothing).await, Answer::Refuse(Reply { code: 452, .. })));
        let mut c = connection("mode = \"enforce\"\n[limits]\nrecipients = 1");
        c.mail(&["<>".into()], &nothing);
        assert_eq!((rcpt(&mut c, "<a@x>").await, rcpt(&mut c, "<b@x>").await), (250, 452));
    }

    #[tokio::test]
    async fn a_message_whose_copies_went_in_part_is_never_accepted() {
        for (text, on_nothing) in [("", false), ("[daemon]\non_failure = \"accept\"", true)] {
            let mut c = connection(text);
            c.mail(&["<>".into()], &nothing);
            c.header(b"Content-Type", b" audio/basic");
            c.end_of_header(&nothing).await;
            let End::Work(message) = c.end_of_message(&nothing) else { panic!() };
            let in_part = c.failed(&message, Failure::SentInPart);
            assert!(matches!(in_part, Answer::Refuse(Reply { code: 451, .. })), "{in_part:?}");
            assert_eq!(c.failed(&message, Failure::NotSent) == Answer::Accept, on_nothing);
        }
    }

    #[test]
    fn an_outcome_that_needs_a_missing_action_changes_nothing() {
        let c = connection("");
        let mut outcome =
            engine::process(b"\r\n", &Envelope::default(), &c.live.settings, &Default::default());
        outcome.verdict = Verdict::Quarantine("x".into());
        outcome.modifications = vec![Modification::ReplaceBody(vec![])];
        let terms = Terms { actions: 0x11, protocol: 0, missing: 0x2 };
        let outcome = without_missing(outcome, terms);
        assert_eq!(outcome.verdict, Verdict::Deliver);
        assert!(outcome.modifications.is_empty());
        assert_eq!(outcome.record.unchanged_because.as_deref(), Some("the MTA does not offer SMFIF_CHGBODY"));
    }
}
