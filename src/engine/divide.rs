//! Recipients that need different output, under `split.method = "reinject"`.
//!
//! The largest group (of equals the first) keeps the message and gets its own output; each other
//! group is to be sent a copy as received ([`crate::plan::split`]), which comes back through the MTA.
//! Here is the decision only; the milter sends.
//!
//! Before anything is sent, the groups whose route may refuse are judged: where one refuses, the
//! message is refused as a whole, since after the end of the data a part of the recipients cannot be
//! refused (RFC 5321 4.2.5), and the client learns it at once. They are judged as they came in,
//! with their own client, which a copy no longer has.
//!
//! The message stays as it came for everybody where a copy could not be made true: recipients or
//! sender with characters SMTP has not, lines with bare CR or LF (two servers may read them
//! differently), BODY=BINARYMIME, more than 16 groups.

use super::{Ambient, Form, Outcome, Verdict, answer_alike};
use crate::message::Message;
use crate::plan::split::{self, Key};
use crate::policy::combine::Group;
use crate::policy::profile::Refusal;
use crate::policy::route::{Action, Route};
use crate::policy::{Combined, Settings};
use crate::vpim::Envelope;
use std::fmt;
use std::sync::Arc;

/// Groups that are told apart.
const GROUPS: usize = 16;

/// A copy to be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resend {
    /// Header fields to be put above the message as received.
    pub fields: Vec<u8>,
    /// Places in [`Envelope::rcpt_to`].
    pub recipients: Vec<usize>,
    /// For each of them, what names this message for it at every try.
    pub keys: Vec<Key>,
    /// The route, for the log.
    pub route: Option<String>,
}

impl fmt::Display for Resend {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let route = self.route.as_deref().unwrap_or("no route");
        write!(f, "copy for {} recipients of {route}", self.recipients.len())
    }
}

/// Knows the recipients that have their copy from an earlier try, by their keys.
#[derive(Clone, Default)]
pub struct Sent(Option<Arc<dyn Fn(&Key) -> bool + Send + Sync>>);

impl Sent {
    /// Asks `known`.
    pub fn new(known: impl Fn(&Key) -> bool + Send + Sync + 'static) -> Self {
        Sent(Some(Arc::new(known)))
    }

    fn contains(&self, key: &Key) -> bool {
        self.0.as_ref().is_some_and(|known| known(key))
    }
}

impl fmt::Debug for Sent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Sent")
    }
}

/// The answer to a message whose recipients are in these groups; the reason where it cannot be divided.
pub(super) fn divide(
    message: &Message<'_>,
    envelope: &Envelope,
    groups: &[Group<'_>],
    settings: &Settings,
    ambient: &Ambient,
) -> Result<Outcome, &'static str> {
    may_divide(message, envelope, groups)?;
    let Some(kept) = groups.iter().rev().max_by_key(|g| g.recipients.len()) else {
        return Err("it has no recipients");
    };
    let judged = |group: &Group<'_>| {
        let own = only(envelope, &group.recipients);
        answer_alike(message, &own, settings, ambient, Form::Modifications, Combined::One(group.route))
    };
    let others = || groups.iter().filter(|g| *g != kept);
    for group in others().filter(|g| g.route.is_some_and(|r| may_refuse(r, settings))) {
        let outcome = judged(group);
        if matches!(outcome.verdict, Verdict::Refuse(_)) {
            return Ok(outcome);
        }
    }
    let mut outcome = judged(kept);
    if matches!(outcome.verdict, Verdict::Refuse(_)) {
        return Ok(outcome);
    }
    for group in others() {
        outcome.taken_off.extend(&group.recipients);
        let key = |index: &usize| {
            let recipient = envelope.rcpt_to.get(*index).map_or("", String::as_str);
            split::key(message, envelope, recipient, &settings.results)
        };
        let missing = group.recipients.iter().map(|index| (*index, key(index)));
        let (recipients, keys): (Vec<usize>, Vec<Key>) =
            missing.filter(|(_, key)| !ambient.sent.contains(key)).unzip();
        let addresses: Vec<&str> = of(envelope, &recipients).collect();
        if addresses.is_empty() {
            continue;
        }
        let date = ambient.date.as_deref();
        let copy = Resend {
            fields: split::fields(message, envelope, &addresses, group.route, &settings.results, date),
            recipients,
            keys,
            route: group.route.map(|r| r.name.clone()),
        };
        outcome.record.actions.push(copy.to_string());
        outcome.copies.push(copy);
    }
    Ok(outcome)
}

fn may_divide(message: &Message<'_>, envelope: &Envelope, groups: &[Group<'_>]) -> Result<(), &'static str> {
    let speakable = |path: &str| !path.chars().any(|c| c.is_control() || matches!(c, '<' | '>' | '\u{fffd}'));
    if groups.len() > GROUPS {
        return Err("its recipients need more than 16 different profiles");
    }
    if envelope.binary_mime {
        return Err("its recipients need different profiles, and BINARYMIME cannot be copied");
    }
    if !envelope.rcpt_to.iter().chain(&envelope.mail_from).all(|path| speakable(path)) {
        return Err("its recipients need different profiles, and an address cannot be repeated");
    }
    if has_bare_line_ends(message.raw()) {
        return Err("its recipients need different profiles, and bare CR, LF or NUL cannot be copied");
    }
    Ok(())
}

fn has_bare_line_ends(raw: &[u8]) -> bool {
    memchr::memchr3_iter(b'\r', b'\n', 0, raw).any(|at| match raw.get(at) {
        Some(b'\r') => raw.get(at + 1) != Some(&b'\n'),
        Some(b'\n') => at.checked_sub(1).and_then(|before| raw.get(before)) != Some(&b'\r'),
        _ => true,
    })
}

/// Whether a message on this route can end otherwise than in delivery.
fn may_refuse(route: &Route, settings: &Settings) -> bool {
    let refuses = |wish: Refusal| matches!(wish, Refusal::Reject | Refusal::Tempfail);
    let profile = settings.profiles.get(&route.profile);
    route.actions().any(|a| matches!(a, Action::Reject | Action::Tempfail))
        || profile.is_none_or(|p| p.target.is_some() || refuses(p.cannot_convert))
}

/// The envelope as if these were all recipients.
fn only(envelope: &Envelope, recipients: &[usize]) -> Envelope {
    let parameters = recipients.iter().map(|i| envelope.rcpt_parameters.get(*i).cloned().unwrap_or_default());
    Envelope {
        rcpt_to: of(envelope, recipients).map(str::to_owned).collect(),
        rcpt_parameters: parameters.collect(),
        ..envelope.clone()
    }
}

fn of<'a>(envelope: &'a Envelope, recipients: &'a [usize]) -> impl Iterator<Item = &'a str> {
    recipients.iter().filter_map(|i| envelope.rcpt_to.get(*i)).map(String::as_str)
}
