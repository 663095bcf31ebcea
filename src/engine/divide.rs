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

use super::{Ambient, Classified, Form, Outcome, Verdict, answer_alike};
use crate::message::Message;
use crate::plan::split::{Copies, Key};
use crate::policy::bounds::Bounds;
use crate::policy::combine::Group;
use crate::policy::profile::Refusal;
use crate::policy::route::{Action, Route};
use crate::policy::{Combined, Mode, Settings};
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
pub struct Sent(Option<Arc<Known>>);

type Known = dyn Fn(&Key) -> bool + Send + Sync;

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
    classified: Classified<'_>,
    envelope: &Envelope,
    groups: &[Group<'_>],
    settings: &Settings,
    ambient: &Ambient,
) -> Result<Outcome, &'static str> {
    let message = classified.message;
    may_divide(message, envelope, groups)?;
    let Some(kept) = groups.iter().rev().max_by_key(|g| g.recipients.len()) else {
        return Err("it has no recipients");
    };
    let judged = |group: &Group<'_>| {
        let own = only(envelope, &group.recipients);
        answer_alike(classified, &own, settings, ambient, Form::Modifications, Combined::One(group.route))
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
    let copies = Copies::new(message, envelope, &settings.results);
    for group in others() {
        outcome.taken_off.extend(&group.recipients);
        let key = |index: &usize| copies.key(envelope.rcpt_to.get(*index).map_or("", String::as_str));
        let missing = group.recipients.iter().map(|index| (*index, key(index)));
        let (recipients, keys): (Vec<usize>, Vec<Key>) =
            missing.filter(|(_, key)| !ambient.sent.contains(key)).unzip();
        let addresses: Vec<&str> = of(envelope, &recipients).collect();
        if addresses.is_empty() {
            continue;
        }
        let copy = Resend {
            fields: copies.fields(&addresses, group.route, ambient.date.as_deref()),
            recipients,
            keys,
            route: group.route.map(|r| r.name.clone()),
        };
        outcome.record.actions.push(copy.to_string());
        outcome.copies.push(copy);
    }
    if settings.mode == Mode::Shadow {
        outcome.copies.clear();
        outcome.taken_off.clear();
    }
    Ok(outcome)
}

fn may_divide(message: &Message<'_>, envelope: &Envelope, groups: &[Group<'_>]) -> Result<(), &'static str> {
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

/// Whether a path can be said in SMTP: local programs give addresses in another form.
fn speakable(path: &str) -> bool {
    let quoted = path.starts_with('"') && path.contains("\"@");
    !path.chars().any(|c| c.is_control() || matches!(c, '<' | '>' | '\u{fffd}') || (c == ' ' && !quoted))
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
    route.directory
        || route.actions().any(|a| matches!(a, Action::Reject | Action::Tempfail))
        || profile
            .is_none_or(|p| p.target.is_some() || p.bounds != Bounds::default() || refuses(p.cannot_convert))
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::process;
    use crate::message::edit::Modification;
    use crate::policy::Split;

    const RAW: &str = "From: a@x.test\r\nDate: Tue, 4 Mar 2025 09:00:00 +0100\r\nMessage-ID: <1@x.test>\r\n\
        Message-Context: voice-message\r\nMIME-Version: 1.0\r\nContent-Type: audio/basic\r\n\
        Content-Transfer-Encoding: base64\r\n\r\n////////////////////////////////\r\n";

    fn route(name: &str, profile: &str, recipient: &str) -> Route {
        let mut route = Route::catch_all(name, profile);
        route.when.recipient = vec![recipient.to_owned()];
        route
    }

    fn settings() -> Settings {
        let mut strict = route("strict", "desktop", "*@strict.test");
        strict.on_must = Action::Reject;
        Settings {
            split: Split::Reinject,
            routes: vec![route("people", "desktop", "*@p.test"), route("hub", "vpim2", "*@vm.test"), strict],
            ..Settings::for_profile("desktop", "mx.test")
        }
    }

    fn to(recipients: &[&str]) -> Envelope {
        Envelope {
            mail_from: Some("a@x.test".into()),
            rcpt_to: recipients.iter().map(|r| (*r).to_owned()).collect(),
            rcpt_parameters: recipients.iter().map(|_| Vec::new()).collect(),
            ..Envelope::default()
        }
    }

    fn run(raw: &str, recipients: &[&str], change: impl Fn(&mut Settings)) -> Outcome {
        let mut settings = settings();
        change(&mut settings);
        process(raw.as_bytes(), &to(recipients), &settings, &Ambient::default())
    }

    fn copies(outcome: &Outcome) -> Vec<(Option<&str>, &[usize])> {
        outcome.copies.iter().map(|c| (c.route.as_deref(), c.recipients.as_slice())).collect()
    }

    const ALL: [&str; 4] = ["a@p.test", "1@vm.test", "x@none.test", "2@vm.test"];

    #[test]
    fn the_largest_group_keeps_the_message_of_equals_the_first() {
        let outcome = run(RAW, &ALL, |_| {});
        assert_eq!(outcome.record.route.as_deref(), Some("hub"));
        assert_eq!(copies(&outcome), [(Some("people"), &[0][..]), (None, &[2][..])]);
        assert_eq!(outcome.taken_off, [0, 2]);
        assert!(outcome.modifications.iter().any(|m| matches!(m, Modification::ReplaceBody(_))));
        let outcome = run(RAW, &ALL[..2], |_| {});
        assert_eq!((outcome.record.route.as_deref(), outcome.taken_off), (Some("people"), vec![1]));
        let outcome = run(RAW, &ALL[1..2], |_| {});
        assert_eq!((outcome.copies.len(), outcome.taken_off.len()), (0, 0));
    }

    #[test]
    fn a_copy_that_comes_back_gets_its_form_whatever_client_brings_it() {
        let by_client = |s: &mut Settings| {
            // Only the first arrival is from there.
            s.routes[0].when.client = vec!["192.0.2.0/24".parse().unwrap()];
        };
        let mut settings = settings();
        by_client(&mut settings);
        let first = Envelope { client: Some("192.0.2.1".parse().unwrap()), ..to(&ALL) };
        let outcome = process(RAW.as_bytes(), &first, &settings, &Ambient::default());
        let copy = String::from_utf8(outcome.copies[0].fields.clone()).unwrap() + RAW;
        let back = run(&copy, &["a@p.test"], by_client);
        assert_eq!(back.record.route.as_deref(), Some("people"));
        let name = crate::plan::split::NAME.to_owned();
        assert_eq!(back.modifications[0], Modification::DeleteHeader { name, occurrence: 1 });
        // For another recipient the seal means nothing.
        assert_eq!(run(&copy, &["b@p.test"], by_client).record.route, None);
    }

    #[test]
    fn a_copy_whose_recipients_still_differ_is_not_divided_again() {
        // Its route is gone, and those that are left tell apart what was one group.
        let message = Message::parse(RAW.as_bytes(), &Default::default());
        let (envelope, settings, gone) = (to(&[]), settings(), Route::catch_all("gone", "desktop"));
        let copies = Copies::new(&message, &envelope, &settings.results);
        let fields = copies.fields(&["a@p.test", "1@vm.test"], Some(&gone), None);
        let copy = String::from_utf8(fields).unwrap() + RAW;
        let back = run(&copy, &["1@vm.test", "a@p.test"], |_| {});
        assert_eq!((back.copies.len(), back.taken_off.len(), back.modifications.len()), (0, 0, 1));
        let why = back.record.unchanged_because.unwrap();
        assert_eq!(why, "a copy came back, and its recipients need different profiles");
        // A stranger's field is neither trusted nor removed.
        let forged = copy.replace("seal=", "seal=0");
        assert_eq!(run(&forged, &["1@vm.test", "a@p.test"], |_| {}).copies.len(), 1);
    }

    #[test]
    fn a_group_that_is_refused_refuses_the_message_before_a_copy_is_sent() {
        let raw = "From: a@x.test\r\nMIME-Version: 1.0 (Voice 2.0)\r\nContent-Type: multipart/voice-message; \
            version=2.0; boundary=b\r\n\r\n--b\r\nContent-Type: audio/32KADPCM\r\n\
            Content-Transfer-Encoding: base64\r\n\r\n////////\r\n--b--\r\n";
        for recipients in [["a@p.test", "b@strict.test"], ["b@strict.test", "a@p.test"]] {
            let outcome = run(raw, &recipients, |_| {});
            assert!(
                matches!(outcome.verdict, Verdict::Refuse(ref r) if r.code == 554),
                "{:?}",
                outcome.verdict
            );
            assert!(outcome.copies.is_empty() && outcome.taken_off.is_empty());
        }
    }

    #[test]
    fn who_has_a_copy_is_taken_off_without_another() {
        let message = Message::parse(RAW.as_bytes(), &Default::default());
        let known = Copies::new(&message, &to(&ALL), &settings().results).key("x@none.test");
        let ambient = Ambient { sent: Sent::new(move |key| *key == known), ..Ambient::default() };
        let raw = format!("Received: another try\r\n{RAW}");
        let outcome = process(raw.as_bytes(), &to(&ALL), &settings(), &ambient);
        assert_eq!(copies(&outcome), [(Some("people"), &[0][..])]);
        assert_eq!(outcome.taken_off, [0, 2]);
    }

    #[test]
    fn what_cannot_be_copied_stays_as_it_came() {
        let kept = |raw: &str, envelope: &Envelope| {
            let outcome = process(raw.as_bytes(), envelope, &settings(), &Ambient::default());
            assert!(
                outcome.copies.is_empty() && outcome.taken_off.is_empty() && outcome.modifications.is_empty()
            );
            outcome.record.unchanged_because.unwrap()
        };
        assert!(kept(&RAW.replace("////\r\n", "////\n"), &to(&ALL)).contains("bare CR, LF"));
        assert!(kept(RAW, &Envelope { binary_mime: true, ..to(&ALL) }).contains("BINARYMIME"));
        for bad in ["a b@p.test", "a@p.test>\r\nDATA", "a@p\u{fffd}"] {
            assert!(kept(RAW, &to(&[bad, "1@vm.test", "x@none.test"])).contains("address"), "{bad:?}");
        }
        assert_eq!(run(RAW, &["\"a b\"@p.test", "1@vm.test"], |_| {}).copies.len(), 1);
    }

    #[test]
    fn only_enforce_sends_copies_and_shadow_says_which() {
        for (mode, told) in [(Mode::Report, false), (Mode::Shadow, true)] {
            let outcome = run(RAW, &ALL, |s| s.mode = mode);
            assert!(
                outcome.copies.is_empty() && outcome.taken_off.is_empty() && outcome.modifications.is_empty()
            );
            let copy = outcome.record.actions.iter().any(|a| a == "copy for 1 recipients of people");
            assert_eq!(copy, told, "{mode:?}: {:?}", outcome.record.actions);
        }
    }
}
