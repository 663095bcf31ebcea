//! One line for each message in the log: target `vpim_milter::message`, level INFO.
//!
//! Values from the message and the envelope are hostile: control characters are escaped, and each
//! value is cut (with `...`) so that the line stays below 2 KiB.

use super::work::Live;
use crate::directory::{Answer, Source};
use crate::engine::{Record, Renumbered, Reply, Verdict};
use crate::vpim::{Envelope, Lookup};
use hmac::{Hmac, Mac};
use sha2::Sha256;
use std::time::Duration;
use tracing::info;

/// Octets of a value that lists things.
const LIST_OCTETS: usize = 240;
/// Octets of another value.
const VALUE_OCTETS: usize = 120;

/// How long the stages took.
#[derive(Clone, Copy, Debug, Default)]
pub struct Stages {
    /// From MAIL to the end of the message.
    pub receive: Duration,
    /// In the core, waiting for a worker included.
    pub work: Duration,
    /// Sending the answer.
    pub send: Duration,
}

/// The line for a message that went through the core.
pub fn judged(live: &Live, envelope: &Envelope, record: &Record, verdict: &str, stages: Stages) {
    info!(
        target: "vpim_milter::message",
        queue_id = value(envelope.queue_id.as_deref().unwrap_or("-")),
        sender = sender(live, envelope),
        recipients = recipients(live, envelope),
        class = record.class,
        conformant = record.conformant,
        rules = list(record.rules.iter().copied()),
        route = value(record.route.as_deref().unwrap_or("-")),
        profile = value(record.profile.as_deref().unwrap_or("-")),
        actions = list(record.actions.iter().map(String::as_str)),
        renumbered = renumbered(live, &record.renumbered),
        losses = list(record.losses.iter().map(String::as_str)),
        broken_signatures = list(record.broken_signatures.iter().map(String::as_str)),
        unchanged_because = value(record.unchanged_because.as_deref().unwrap_or("-")),
        verdict = value(verdict),
        would = value(&record.would.as_ref().map_or("-".to_owned(), Verdict::summary)),
        bytes_in = record.bytes_in,
        bytes_out = record.bytes_out,
        receive_ms = milliseconds(stages.receive),
        work_ms = milliseconds(stages.work),
        send_ms = milliseconds(stages.send),
    );
}

/// The line for a message that did not.
pub fn unjudged(live: &Live, envelope: &Envelope, bytes: usize, verdict: &str, why: &str) {
    info!(
        target: "vpim_milter::message",
        queue_id = value(envelope.queue_id.as_deref().unwrap_or("-")),
        sender = sender(live, envelope),
        recipients = recipients(live, envelope),
        class = "none",
        verdict,
        why = value(why),
        bytes_in = bytes,
    );
}

/// The line of shadow mode for a recipient that mode enforce would refuse.
pub fn would_refuse(live: &Live, envelope: &Envelope, recipient: &str, reply: &Reply) {
    info!(
        target: "vpim_milter::recipient",
        queue_id = value(envelope.queue_id.as_deref().unwrap_or("-")),
        sender = sender(live, envelope),
        recipient = address(live, recipient),
        would = value(&Verdict::Refuse(reply.clone()).summary()),
        why = list(reply.lines.iter().map(String::as_str)),
    );
}

/// The line for a recipient that was looked up.
pub fn looked_up(live: &Live, envelope: &Envelope, recipient: &str, answer: &Answer) {
    let found = match &answer.lookup {
        Lookup::Listed(listing) => address(live, &listing.mailbox),
        Lookup::Unknown => "unknown".to_owned(),
        Lookup::Failed(why) => format!("failed: {}", value(why)),
    };
    info!(
        target: "vpim_milter::directory",
        queue_id = value(envelope.queue_id.as_deref().unwrap_or("-")),
        recipient = address(live, recipient),
        found,
        source = answer.source.map_or("-", Source::name),
        age_s = answer.age.as_secs(),
        stale = answer.stale,
    );
}

fn sender(live: &Live, envelope: &Envelope) -> String {
    envelope.mail_from.as_deref().map_or("-".to_owned(), |s| address(live, s))
}

fn recipients(live: &Live, envelope: &Envelope) -> String {
    let shown: Vec<String> = envelope.rcpt_to.iter().take(8).map(|r| address(live, r)).collect();
    let more = envelope.rcpt_to.len().saturating_sub(shown.len());
    let text = list(shown.iter().map(String::as_str));
    if more == 0 { text } else { format!("{text} and {more} more") }
}

/// `To <4411@a> <6045554411@a>`: the addresses as everywhere in the log.
fn renumbered(live: &Live, changed: &[Renumbered]) -> String {
    let word = |r: &Renumbered| format!("{} {} {}", r.place, address(live, &r.from), address(live, &r.to));
    let shown: Vec<String> = changed.iter().take(8).map(word).collect();
    list(shown.iter().map(String::as_str))
}

/// An address, or its keyed hash: without the key a list of all telephone numbers would undo it.
pub fn address(live: &Live, address: &str) -> String {
    if !live.hash_addresses || address.is_empty() {
        return format!("<{}>", value(address));
    }
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(&live.settings.results.key) else {
        return "#".to_owned();
    };
    mac.update(address.to_ascii_lowercase().as_bytes());
    let hash = mac.finalize().into_bytes();
    hash.iter().take(8).fold(String::from("#"), |text, octet| format!("{text}{octet:02x}"))
}

fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

fn list<'a>(items: impl Iterator<Item = &'a str>) -> String {
    escaped(items.flat_map(|i| [",", i]).skip(1), LIST_OCTETS)
}

/// A value that fits a log line.
pub fn value(text: &str) -> String {
    escaped(std::iter::once(text), VALUE_OCTETS)
}

fn escaped<'a>(pieces: impl Iterator<Item = &'a str>, octets: usize) -> String {
    let mut out = String::new();
    for c in pieces.flat_map(str::chars) {
        let plain = !c.is_control() && !is_layout(c) && c != '"' && c != '\\';
        let piece = if plain { c.to_string() } else { c.escape_default().to_string() };
        if out.len() + piece.len() > octets {
            out.push_str("...");
            break;
        }
        out.push_str(&piece);
    }
    out
}

/// Characters that move or hide others in a terminal.
fn is_layout(c: char) -> bool {
    matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hostile_values_stay_on_their_line_and_short() {
        assert_eq!(value("a\r\nb\u{1b}[2J\u{202e}\"x\""), "a\\r\\nb\\u{1b}[2J\\u{202e}\\\"x\\\"");
        assert!(value(&"\n".repeat(1_000)).len() <= VALUE_OCTETS + 3);
        assert!(value(&"x".repeat(1_000)).ends_with("..."));
        assert_eq!(list(["a", "b"].into_iter()), "a,b");
    }

    #[test]
    fn hashed_addresses_are_stable_and_do_not_show_the_address() {
        let config = crate::config::load_text(
            &[("t", "[log]\nhash_addresses = true")],
            crate::policy::profile::builtin(),
        );
        let live = Live::from(config.unwrap());
        let hash = address(&live, "Pat@x.test");
        assert_eq!(hash, address(&live, "pat@x.test"));
        assert_ne!(hash, address(&live, "sam@x.test"));
        assert!(hash.len() == 17 && !hash.contains("pat"));
        assert_eq!(address(&live, ""), "<>");
    }
}
