//! Copies for recipients that need another output: what is put above the message, and how a copy is
//! known when it comes back through the MTA.
//!
//! ```text
//! VPIM-Split: mx.example.org; route=0123456789abcdef; seal=0123456789abcdef
//! Received: from pbx.example.org ([192.0.2.7]) by mx.example.org (vpim-milter)
//!  with ESMTP id 4Q; Mon, 2 Nov 2026 10:00:00 +0000
//! ```
//!
//! Below these two fields a copy is the message octet for octet. The first is sealed over field, body
//! and recipients, so that a stranger's means nothing and ours cannot be put on another message; it
//! says which route was chosen, since a copy comes from this machine and routes that look at the
//! client would choose another. It is removed when the copy comes back. The second is the trace of
//! the first arrival (RFC 5321 4.4): the MTA keeps the one it makes itself to itself.

use super::results::{BodyDigest, body_digest, seal};
use crate::message::{Message, value};
use crate::policy::Route;
use crate::policy::settings::Results;
use crate::vpim::Envelope;
use hmac::{Hmac, Mac};
use sha2::{Digest, Sha256};

/// The name of the field.
pub const NAME: &str = "VPIM-Split";
/// Fields looked at: ours is above all that came with the message.
const FIELDS: usize = 8;
/// Octets of the longest word in the trace field.
const WORD_OCTETS: usize = 255;

/// Names one message for one recipient, whoever sends it again: a keyed hash over reverse-path,
/// recipient, Message-ID, Date and body. The rest of the header differs from try to try.
pub type Key = [u8; 16];

/// Which route a copy of ours was made for.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Returned<'a> {
    /// Which of the fields called [`NAME`] is ours, from 1.
    pub occurrence: usize,
    /// Octets of the field.
    pub octets: usize,
    /// The route, `None` inside for "no route"; `None` outside where it is no longer configured.
    pub route: Option<Option<&'a Route>>,
}

/// A message of which copies are made.
#[derive(Debug)]
pub struct Copies<'a> {
    message: &'a Message<'a>,
    envelope: &'a Envelope,
    settings: &'a Results,
    body: BodyDigest,
}

impl<'a> Copies<'a> {
    /// Reads the body once, for all copies.
    pub fn new(message: &'a Message<'a>, envelope: &'a Envelope, settings: &'a Results) -> Self {
        Copies { message, envelope, settings, body: body_digest(message) }
    }

    /// The fields above a copy for `recipients` on `route`.
    pub fn fields(&self, recipients: &[&str], route: Option<&Route>, date: Option<&str>) -> Vec<u8> {
        let Copies { message, envelope, settings, body } = self;
        let eol = message.eol().text();
        let field = format!("{}; route={}", settings.authserv_id, route_id(route));
        let seal = seal(&sealed(&field, recipients.iter().copied()), body, settings);
        let mut out = format!("{NAME}: {field}; seal={seal}{eol}Received: ");
        if let Some(helo) = envelope.helo.as_deref().filter(|h| !h.is_empty()) {
            out += &format!("from {} ", word(helo));
        }
        if let Some(client) = envelope.client {
            out += &format!("([{}{client}]) ", if client.is_ipv6() { "IPv6:" } else { "" });
        }
        out += &format!("by {} (vpim-milter){eol}\t", settings.authserv_id);
        out += &format!("with {}", word(envelope.protocol.as_deref().unwrap_or("SMTP")));
        if let Some(id) = envelope.queue_id.as_deref() {
            out += &format!(" id {}", word(id));
        }
        out += &format!("; {}{eol}", date.unwrap_or("Thu, 1 Jan 1970 00:00:00 +0000"));
        out.into_bytes()
    }

    /// The key of the message for `recipient`.
    pub fn key(&self, recipient: &str) -> Key {
        let key = &self.settings.key;
        let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes keys of any length");
        let field = |name| self.message.value(self.message.root(), name).unwrap_or_default();
        let sender = self.envelope.mail_from.as_deref().unwrap_or_default();
        let (id, date) = (field("Message-ID"), field("Date"));
        for part in [sender.as_bytes(), recipient.as_bytes(), id, date, &self.body] {
            mac.update(&part.len().to_be_bytes());
            mac.update(part);
        }
        let mut key = [0; 16];
        for (to, from) in key.iter_mut().zip(mac.finalize().into_bytes()) {
            *to = from;
        }
        key
    }
}

/// Our own field of a copy that came back, where there is one.
pub fn returned<'a>(
    message: &Message<'_>,
    envelope: &Envelope,
    routes: &'a [Route],
    settings: &Results,
) -> Option<Returned<'a>> {
    let mut body = None;
    for (index, field) in message.fields(message.root(), NAME).take(FIELDS).enumerate() {
        let text = value::unfolded(field.value.of(message.raw()));
        let Some((unsealed, found)) = text.trim().split_once("; seal=") else { continue };
        let recipients = envelope.rcpt_to.iter().map(String::as_str);
        let body = body.get_or_insert_with(|| body_digest(message));
        if found != seal(&sealed(unsealed, recipients), body, settings) {
            continue;
        }
        let id = unsealed.split_once("; route=").map_or("", |(_, id)| id);
        let known = routes.iter().map(Some).chain([None]).find(|route| route_id(*route) == id);
        return Some(Returned { occurrence: index + 1, octets: field.span.len(), route: known });
    }
    None
}

/// What the seal covers besides the body; the recipients in an order of their own.
fn sealed<'a>(field: &str, recipients: impl Iterator<Item = &'a str>) -> String {
    let mut recipients: Vec<&str> = recipients.collect();
    recipients.sort_unstable();
    recipients.dedup();
    format!("{NAME}: {field} {}", recipients.join(" "))
}

/// Stands for a route's name, which may hold anything.
fn route_id(route: Option<&Route>) -> String {
    let Some(route) = route else { return "none".to_owned() };
    Sha256::digest(&route.name).iter().take(8).map(|b| format!("{b:02x}")).collect()
}

/// A stranger's word as an atom.
fn word(text: &str) -> String {
    let safe = |c: char| if c.is_ascii_alphanumeric() || "-._[]:".contains(c) { c } else { '?' };
    text.chars().take(WORD_OCTETS).map(safe).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limits::Limits;

    const RAW: &str = "Message-ID: <1@x>\r\nSubject: a\r\n\r\nbody\r\n";

    fn settings() -> Results {
        Results { enabled: true, authserv_id: "mx.test".into(), key: b"k".to_vec() }
    }

    fn envelope(recipients: &[&str]) -> Envelope {
        Envelope {
            client: Some("2001:db8::1".parse().unwrap()),
            helo: Some("evil\r\nX: y".into()),
            queue_id: Some("4Q".into()),
            rcpt_to: recipients.iter().map(|r| (*r).to_owned()).collect(),
            ..Envelope::default()
        }
    }

    fn copy(raw: &str, recipients: &[&str], route: Option<&Route>) -> String {
        let message = Message::parse(raw.as_bytes(), &Limits::default());
        let envelope = envelope(&["a@x", "b@y", "c@z"]);
        let settings = settings();
        let fields = Copies::new(&message, &envelope, &settings).fields(recipients, route, Some("D"));
        String::from_utf8(fields).unwrap() + raw
    }

    fn back(raw: &str, recipients: &[&str], key: &[u8]) -> Option<Option<String>> {
        let message = Message::parse(raw.as_bytes(), &Limits::default());
        let routes = [Route::catch_all("r \u{e9}", "desktop"), Route::catch_all("s", "vpim2")];
        let settings = Results { key: key.to_vec(), ..settings() };
        let found = returned(&message, &envelope(recipients), &routes, &settings)?;
        Some(found.route.map(|r| r.map_or("-".to_owned(), |r| r.name.clone()))).or(Some(None))
    }

    #[test]
    fn a_copy_is_known_by_its_seal_and_names_its_route() {
        let route = Route::catch_all("r \u{e9}", "desktop");
        let text = copy(RAW, &["b@y", "c@z"], Some(&route));
        assert!(
            text.ends_with(&format!("\tby x; D\r\n{RAW}").replace("\tby x", "\twith SMTP id 4Q")),
            "{text}"
        );
        assert!(text.contains("Received: from evil??X:?y ([IPv6:2001:db8::1]) by mx.test (vpim-milter)\r\n"));
        assert_eq!(back(&text, &["c@z", "b@y"], b"k"), Some(Some("r \u{e9}".to_owned())));
        assert_eq!(back(&copy(RAW, &["b@y"], None), &["b@y"], b"k"), Some(Some("-".to_owned())));
        let gone = Route::catch_all("gone", "desktop");
        assert_eq!(back(&copy(RAW, &["b@y"], Some(&gone)), &["b@y"], b"k"), Some(None));
    }

    #[test]
    fn a_seal_holds_for_its_message_recipients_and_key_only() {
        let text = copy(RAW, &["b@y"], None);
        assert_eq!(back(&text, &["b@y", "c@z"], b"k"), None);
        assert_eq!(back(&text.replace("body", "BODY"), &["b@y"], b"k"), None);
        assert_eq!(back(&text.replace("route=none", "route=1"), &["b@y"], b"k"), None);
        assert_eq!(back(&text, &["b@y"], b"other"), None);
        assert_eq!(back(RAW, &["b@y"], b"k"), None);
    }

    #[test]
    fn a_key_is_the_same_at_each_try_and_differs_by_message_and_recipient() {
        let of = |raw: &str, rcpt: &str| {
            let message = Message::parse(raw.as_bytes(), &Limits::default());
            Copies::new(&message, &Envelope::default(), &settings()).key(rcpt)
        };
        assert_eq!(of(RAW, "b@y"), of(&format!("Received: from z\r\n{RAW}"), "b@y"));
        assert_ne!(of(RAW, "b@y"), of(RAW, "c@y"));
        assert_ne!(of(RAW, "b@y"), of(&RAW.replace("body", "BODY"), "b@y"));
        assert_ne!(of(RAW, "b@y"), of(&RAW.replace("<1@x>", "<2@x>"), "b@y"));
    }
}
