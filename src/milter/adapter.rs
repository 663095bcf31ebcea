//! The only file that names indymilter: one short function for each stage, which converts types and
//! calls [`super::session`]. What is negotiated, and why, is in [`super::negotiate`].
//!
//! Two traps of the library are avoided: no callback for CONNECT (Sendmail's `IPv6:...` addresses
//! would end the session), and requested options are cut to the offered ones last (anything else
//! ends the session, as with an MTA of protocol version 2).

use super::guard::Guarded;
use super::negotiate::{self, Terms, protocol};
use super::record::{self, Stages};
use super::reinject;
use super::reply::{reply, safe};
use super::session::{self, Answer, Complete, Connection, End};
use super::socket::{Acceptor, Stream};
use super::work::{Failure, Service};
use crate::engine::{Outcome, Reply, Verdict};
use crate::message::edit::Modification;
use crate::policy::route::mailbox;
use crate::vpim::Envelope;
use indymilter::{
    ActionError, Actions, Callbacks, Config, Context, ContextActions, EomActions, EomContext, Listener,
    MacroStage, Macros, NegotiateContext, ProtoOpts, SetErrorReply, SmtpReply, Status,
};
use std::borrow::Cow;
use std::ffi::CString;
use std::future::Future;
use std::io;
use std::sync::Arc;
use std::task;
use std::time::{Duration, Instant};
use tokio::time::{MissedTickBehavior, interval_at};
use tracing::{debug, warn};

/// Between PROGRESS replies, and before the first. Sendmail gives up after 10 s without.
const PROGRESS_TIME: Duration = Duration::from_secs(5);
/// A whole frame; the guard's limits are shorter.
const FRAME_TIME: Duration = Duration::from_secs(660);
/// Octets of a header field or reason that fit a frame.
const FIELD_OCTETS: usize = 1 << 19;

impl Listener for Acceptor {
    type Io = Guarded<Stream>;

    fn poll_accept(&mut self, cx: &mut task::Context<'_>) -> task::Poll<io::Result<Self::Io>> {
        self.poll_next(cx).map(Ok)
    }
}

/// Serves until `shutdown` is done.
pub async fn run(
    acceptor: Acceptor,
    service: Arc<Service>,
    max_connections: usize,
    shutdown: impl Future<Output = ()>,
) -> io::Result<()> {
    let config = Config { max_connections, actions: Actions::empty(), connection_timeout: FRAME_TIME };
    indymilter::run(acceptor, callbacks(service), config, shutdown).await
}

fn callbacks(service: Arc<Service>) -> Callbacks<Connection> {
    Callbacks::new()
        .on_negotiate(move |cx, actions, opts| {
            let service = service.clone();
            Box::pin(async move { negotiate(cx, service, actions, opts) })
        })
        .on_helo(|cx, name| Box::pin(async move { helo(cx, &name) }))
        .on_mail(|cx, arguments| Box::pin(async move { mail(cx, &arguments) }))
        .on_rcpt(|cx, arguments| Box::pin(async move { rcpt(cx, &arguments).await }))
        .on_header(|cx, name, value| Box::pin(async move { header(cx, &name, &value) }))
        .on_eoh(|cx| Box::pin(end_of_header(cx)))
        .on_body(|cx, piece| Box::pin(async move { body(cx, &piece).await }))
        .on_eom(|cx| Box::pin(end_of_message(cx)))
        .on_abort(|cx| {
            Box::pin(async move {
                if let Some(connection) = &mut cx.data {
                    connection.abort();
                }
                Status::Continue
            })
        })
}

fn negotiate(
    cx: &mut NegotiateContext<Connection>,
    service: Arc<Service>,
    actions: Actions,
    opts: ProtoOpts,
) -> Status {
    let live = service.live();
    let terms = negotiate::terms(&live.settings, actions.bits(), opts.bits());
    for (name, consequence) in negotiate::consequences(terms.missing) {
        warn!(action = name, "the MTA does not offer {name}: {consequence}");
    }
    cx.requested_actions = Actions::from_bits_truncate(terms.actions) & actions;
    if terms.allows(negotiate::action::SETSYMLIST) {
        for (stage, names) in negotiate::macros(&live.settings) {
            if let (Ok(stage), Ok(names)) = (MacroStage::try_from(stage), CString::new(names)) {
                cx.requested_macros.insert(stage, names);
            }
        }
    }
    cx.data = Some(Connection::new(service, live, terms));
    cx.requested_opts = ProtoOpts::from_bits_truncate(terms.protocol) & opts;
    Status::Continue
}

fn helo(cx: &mut Context<Connection>, name: &CString) -> Status {
    let Some(connection) = &mut cx.data else { return Status::Tempfail };
    connection.helo(name.to_string_lossy());
    quiet(connection.terms(), protocol::NR_HELO)
}

fn mail(cx: &mut Context<Connection>, arguments: &[CString]) -> Status {
    let Some(connection) = &mut cx.data else { return Status::Tempfail };
    connection.mail(&texts(arguments), &|name| lookup(&cx.macros, name));
    quiet(connection.terms(), protocol::NR_MAIL)
}

async fn rcpt(cx: &mut Context<Connection>, arguments: &[CString]) -> Status {
    let Some(connection) = &mut cx.data else { return Status::Tempfail };
    let answer = connection.rcpt(&texts(arguments), &|name| lookup(&cx.macros, name)).await;
    match answer {
        Answer::Continue => quiet(connection.terms(), protocol::NR_RCPT),
        answer => status(answer, &mut cx.reply),
    }
}

fn header(cx: &mut Context<Connection>, name: &CString, value: &CString) -> Status {
    let Some(connection) = &mut cx.data else { return Status::Tempfail };
    connection.header(name.as_bytes(), value.as_bytes());
    quiet(connection.terms(), protocol::NR_HDR)
}

async fn end_of_header(cx: &mut Context<Connection>) -> Status {
    let Some(connection) = &mut cx.data else { return Status::Tempfail };
    let answer = connection.end_of_header(&|name| lookup(&cx.macros, name)).await;
    status(answer, &mut cx.reply)
}

async fn body(cx: &mut Context<Connection>, piece: &[u8]) -> Status {
    let Some(connection) = &mut cx.data else { return Status::Tempfail };
    let answer = connection.body(piece).await;
    status(answer, &mut cx.reply)
}

async fn end_of_message(cx: &mut EomContext<Connection>) -> Status {
    let Some(connection) = &mut cx.data else { return Status::Tempfail };
    let answer = match connection.end_of_message(&|name| lookup(&cx.macros, name)) {
        End::Answer(answer) => answer,
        End::Work(message) => work(connection, &cx.actions, *message).await,
    };
    status(answer, &mut cx.reply)
}

/// The core's answer, computed as a whole before anything of it is sent.
async fn work(connection: &Connection, actions: &EomActions, message: Complete) -> Answer {
    let begun = Instant::now();
    let judged = match judge(connection, actions, &message).await {
        Ok(judged) => judged,
        Err(Interrupted::Gone) => return gone(),
        Err(Interrupted::Failed(failure)) => return connection.failed(&message, failure),
    };
    let work = begun.elapsed();
    let terms = connection.terms();
    let outcome = session::without_missing(judged, terms);
    let Some(requests) = requests(&outcome, &message.envelope, terms) else {
        return connection.failed(&message, Failure::Unsendable);
    };
    match copies(connection, actions, &message, &outcome).await {
        Ok(()) => {}
        Err(Interrupted::Gone) => return gone(),
        Err(Interrupted::Failed(failure)) => return connection.failed(&message, failure),
    }
    let begun = Instant::now();
    for request in requests {
        // Held back by the guard until the reply that ends the message.
        if let Err(error) = request.send(actions).await {
            debug!("sending a modification: {error}");
            return gone();
        }
    }
    let stages = Stages { receive: message.receive, work, send: begun.elapsed() };
    let (verdict, answer) = conclusion(&outcome);
    record::judged(connection.live(), &message.envelope, &outcome.record, &verdict, stages);
    answer
}

enum Interrupted {
    Gone,
    Failed(Failure),
}

/// Runs the core.
async fn judge(
    connection: &Connection,
    actions: &EomActions,
    message: &Complete,
) -> Result<Outcome, Interrupted> {
    let live = connection.live().clone();
    let running = connection.service().run(live, message.raw.clone(), message.envelope.clone());
    alive(actions, running).await?.map_err(Interrupted::Failed)
}

/// Sends the copies for other recipients, to the end even where the MTA is gone meanwhile.
async fn copies(
    connection: &Connection,
    actions: &EomActions,
    message: &Complete,
    outcome: &Outcome,
) -> Result<(), Interrupted> {
    if outcome.copies.is_empty() {
        return Ok(());
    }
    let copied = outcome.copies.iter().map(|copy| copy.recipients.len()).sum::<usize>();
    let job = reinject::Job {
        reinject: connection.live().reinject.clone().ok_or(Interrupted::Failed(Failure::NotSent))?,
        raw: message.raw.clone(),
        envelope: message.envelope.clone(),
        copies: outcome.copies.clone(),
        sent_before: copied < outcome.taken_off.len(),
    };
    let sending = tokio::spawn(reinject::send(job, connection.service().journal.clone()));
    // A task that panicked or was cut may have sent something.
    let sent = alive(actions, sending).await?.unwrap_or(Err(Failure::SentInPart));
    sent.map_err(Interrupted::Failed)
}

/// Waits; tells the MTA that we are alive meanwhile.
async fn alive<T>(actions: &EomActions, running: impl Future<Output = T>) -> Result<T, Interrupted> {
    tokio::pin!(running);
    let first = tokio::time::Instant::now() + PROGRESS_TIME;
    let mut ticks = interval_at(first, PROGRESS_TIME);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            done = &mut running => return Ok(done),
            _ = ticks.tick() => actions.progress().await.map_err(|_| Interrupted::Gone)?,
        }
    }
}

/// The connection is broken; what is answered goes nowhere. Never "accept": should the reply arrive
/// after all, nothing may be delivered that we did not finish.
fn gone() -> Answer {
    Answer::Refuse(reply(451, (4, 3, 0), "Local failure, try again later"))
}

fn conclusion(outcome: &Outcome) -> (String, Answer) {
    match &outcome.verdict {
        Verdict::Deliver
            if outcome.modifications.is_empty()
                && outcome.recipients.is_empty()
                && outcome.taken_off.is_empty() =>
        {
            ("unchanged".into(), Answer::Accept)
        }
        Verdict::Deliver => ("changed".into(), Answer::Accept),
        held @ Verdict::Quarantine(_) => (held.summary(), Answer::Accept),
        refused @ Verdict::Refuse(reply) => (refused.summary(), Answer::Refuse(reply.clone())),
    }
}

/// A modification in the form that goes out.
enum Request {
    /// The very octets RCPT had, since MTAs compare them with case.
    TakeOff(CString),
    Change(CString, i32, Option<CString>),
    Insert(i32, CString, CString),
    Add(CString, Option<CString>),
    Delete(CString),
    Body(Vec<u8>),
    Quarantine(CString),
}

impl Request {
    async fn send(self, actions: &EomActions) -> Result<(), ActionError> {
        match self {
            Request::TakeOff(recipient) => actions.delete_recipient(recipient).await,
            Request::Change(name, index, value) => actions.change_header(name, index, value).await,
            Request::Insert(index, name, value) => actions.insert_header(index, name, value).await,
            Request::Add(address, None) => actions.add_recipient(address).await,
            Request::Add(address, parameters) => actions.add_recipient_ext(address, parameters).await,
            Request::Delete(address) => actions.delete_recipient(address).await,
            Request::Body(body) => actions.replace_body(&body).await,
            Request::Quarantine(reason) => actions.quarantine(reason).await,
        }
    }
}

/// All of them or none; recipients come before others go; the quarantine before the body, whose packets
/// must be the last.
fn requests(outcome: &Outcome, envelope: &Envelope, terms: Terms) -> Option<Vec<Request>> {
    if matches!(outcome.verdict, Verdict::Refuse(_)) {
        return Some(Vec::new());
    }
    let mut requests = Vec::new();
    for index in &outcome.taken_off {
        let recipient = envelope.rcpt_to.get(*index)?;
        // MTAs drop a source route before they compare.
        let plain = Some(mailbox(recipient)).filter(|plain| plain != recipient);
        for path in [Some(recipient.as_str()), plain].into_iter().flatten() {
            requests.push(Request::TakeOff(CString::new(format!("<{path}>")).ok()?));
        }
    }
    let hold = match &outcome.verdict {
        Verdict::Quarantine(reason) => Some(Request::Quarantine(reason_text(reason))),
        _ => None,
    };
    let (bodies, headers): (Vec<_>, Vec<_>) =
        outcome.modifications.iter().partition(|m| matches!(m, Modification::ReplaceBody(_)));
    for modification in headers {
        requests.push(header_request(modification, terms)?);
    }
    for recipient in &outcome.recipients.add {
        let parameters = recipient.parameters.join(" ");
        let parameters = (!parameters.is_empty()).then(|| CString::new(parameters)).transpose().ok()?;
        requests.push(Request::Add(path(&recipient.address)?, parameters));
    }
    for address in &outcome.recipients.delete {
        requests.push(Request::Delete(path(address)?));
    }
    requests.extend(hold);
    for modification in bodies {
        if let Modification::ReplaceBody(body) = modification {
            requests.push(Request::Body(body.clone()));
        }
    }
    Some(requests)
}

fn header_request(modification: &Modification, terms: Terms) -> Option<Request> {
    let index = |occurrence: &usize| i32::try_from(*occurrence).ok();
    Some(match modification {
        Modification::ChangeHeader { name, occurrence, value } => {
            Request::Change(field_name(name)?, index(occurrence)?, Some(field_value(value, terms)?))
        }
        Modification::DeleteHeader { name, occurrence } => {
            Request::Change(field_name(name)?, index(occurrence)?, None)
        }
        Modification::InsertHeader { index, name, value } => {
            Request::Insert(i32::from(*index), field_name(name)?, field_value(value, terms)?)
        }
        Modification::ReplaceBody(body) => Request::Body(body.clone()),
    })
}

/// A forward-path in angle brackets, as milters of C give it.
fn path(address: &str) -> Option<CString> {
    CString::new(format!("<{address}>")).ok()
}

/// MTAs write a bad name as it is.
fn field_name(name: &str) -> Option<CString> {
    let good = !name.is_empty() && name.bytes().all(|c| c.is_ascii_graphic() && c != b':');
    good.then(|| CString::new(name).ok()).flatten()
}

/// The octets behind the colon; where leading blanks were not agreed on the MTA puts one itself. An
/// empty value would delete the field.
fn field_value(value: &[u8], terms: Terms) -> Option<CString> {
    let value = match terms.has(protocol::HDR_LEADSPC) {
        true => value,
        false => value.strip_prefix(b" ").unwrap_or(value),
    };
    let folded = |at: usize| matches!(value.get(at + 1), Some(b' ' | b'\t'));
    let good = !value.is_empty()
        && value.len() <= FIELD_OCTETS
        && !value.contains(&b'\r')
        && memchr::memchr_iter(b'\n', value).all(folded);
    good.then(|| CString::new(value).ok()).flatten()
}

fn reason_text(reason: &str) -> CString {
    let text: String =
        reason.chars().take(200).map(|c| if matches!(c, ' '..='~') { c } else { '?' }).collect();
    let text = if text.is_empty() { "held by vpim-milter".to_owned() } else { text };
    CString::new(text).unwrap_or_default()
}

/// Silent where that was agreed on, CONTINUE elsewhere: exactly one reply, or exactly none.
fn quiet(terms: Terms, bit: u32) -> Status {
    if terms.has(bit) { Status::Noreply } else { Status::Continue }
}

fn status(answer: Answer, out: &mut SmtpReply) -> Status {
    match answer {
        Answer::Continue => Status::Continue,
        Answer::Accept => Status::Accept,
        Answer::Skip => Status::Skip,
        Answer::Refuse(reply) => refusal(&reply, out),
    }
}

fn refusal(reply: &Reply, out: &mut SmtpReply) -> Status {
    let reply = safe(reply);
    // Cannot fail: `safe` gives what it takes. If it did, the MTA's own text would be used.
    if let Err(error) = out.set_error_reply(&reply.code, Some(&reply.enhanced), reply.lines) {
        warn!("reply text: {error}");
    }
    if reply.code.starts_with('5') { Status::Reject } else { Status::Tempfail }
}

fn texts(arguments: &[CString]) -> Vec<Cow<'_, str>> {
    arguments.iter().map(|a| a.to_string_lossy()).collect()
}

fn lookup(macros: &Macros, name: &str) -> Option<String> {
    // One-letter names are found with and without braces; longer ones always have them.
    let braced = match name.len() {
        1 => name.to_owned(),
        _ if name.starts_with('{') => name.to_owned(),
        _ => format!("{{{name}}}"),
    };
    let name = CString::new(braced).ok()?;
    macros.get(&name).map(|value| value.to_string_lossy().into_owned())
}
