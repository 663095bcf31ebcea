//! Number rules at work: the recipients an MTA must replace, and addresses of the header.

use super::{Outcome, Verdict};
use crate::message::Message;
use crate::message::addresses::addresses;
use crate::message::edit::EditList;
use crate::policy::numbers::{Place, renumbered};
use crate::policy::{Mode, Route, Settings};
use crate::vpim::{Envelope, Lookup};
use serde::Serialize;
use std::collections::HashSet;

/// Header fields that number rules change.
const FIELDS: [(Place, &str); 4] =
    [(Place::From, "From"), (Place::To, "To"), (Place::Cc, "Cc"), (Place::ReplyTo, "Reply-To")];

/// A recipient to be added to the envelope.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Recipient {
    /// Forward-path without angle brackets.
    pub address: String,
    /// Parameters of RCPT as they were given for the address it replaces (`NOTIFY=NEVER`).
    pub parameters: Vec<String>,
}

/// How the envelope changes. To be added first, so that nobody is lost on the way.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Recipients {
    /// Who comes.
    pub add: Vec<Recipient>,
    /// Who goes: forward-paths as the envelope has them.
    pub delete: Vec<String>,
}

impl Recipients {
    /// True where the envelope stays.
    pub fn is_empty(&self) -> bool {
        self.add.is_empty() && self.delete.is_empty()
    }
}

/// An address that a number rule changed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Renumbered {
    /// `recipient`, or the header field.
    pub place: &'static str,
    /// The address as it came.
    pub from: String,
    /// The address as it leaves.
    pub to: String,
}

/// The same outcome for recipients by other numbers, where the message is delivered at all. Nothing in
/// the message tells of it: a blind copy must stay one.
pub(super) fn replace_recipients(
    mut outcome: Outcome,
    settings: &Settings,
    envelope: &Envelope,
    message: &Message<'_>,
) -> Outcome {
    if outcome.verdict == Verdict::Deliver && settings.mode != Mode::Report {
        let (change, changed) = recipients(settings, envelope, message);
        outcome.record.renumbered.splice(0..0, changed);
        if settings.mode == Mode::Enforce {
            outcome.recipients = change;
        }
    }
    outcome
}

/// What the routes of the recipients make of the envelope, and which addresses that changes.
fn recipients(
    settings: &Settings,
    envelope: &Envelope,
    message: &Message<'_>,
) -> (Recipients, Vec<Renumbered>) {
    let mut change = Recipients::default();
    let mut changed = Vec::new();
    if settings.routes.iter().all(|r| r.numbers.is_empty() && !r.directory) {
        return (change, changed);
    }
    let new = |recipient: &String| {
        let route = settings.route_for(envelope, Some(message), recipient)?;
        if let Some(Lookup::Listed(listing)) = settings.listed(Some(route), envelope, recipient) {
            // A mailbox that takes no messages is left for its own server to refuse.
            let to_another = listing.mailbox != *recipient && !listing.blocked;
            return to_another.then(|| listing.mailbox.clone());
        }
        renumbered(&route.numbers, Place::Recipient, recipient)
    };
    let all: Vec<(&String, Option<String>)> = envelope.rcpt_to.iter().map(|r| (r, new(r))).collect();
    let mut wanted: Vec<&str> = Vec::new();
    for (index, (old, new)) in all.iter().enumerate() {
        let Some(new) = new else { continue };
        changed.push(Renumbered { place: "recipient", from: (*old).clone(), to: new.clone() });
        // An address that is there already, or comes twice, is there once.
        if !envelope.rcpt_to.contains(new) && !wanted.contains(&new.as_str()) {
            let parameters = envelope.rcpt_parameters.get(index).cloned().unwrap_or_default();
            change.add.push(Recipient { address: new.clone(), parameters });
        }
        wanted.push(new);
    }
    let stays = |address: &String| {
        wanted.contains(&address.as_str()) || all.iter().any(|(old, new)| *old == address && new.is_none())
    };
    for (old, _) in all.iter().filter(|(old, new)| new.is_some() && !stays(old)) {
        if !change.delete.contains(*old) {
            change.delete.push((*old).clone());
        }
    }
    (change, changed)
}

/// Changes the addresses of the header that rules of the route are for, after `edits`; says which. Octet
/// for octet, only the address changes. Judged offline for nobody, all addresses of To and Cc count.
///
/// In To and Cc a rule is for addresses at the domains of the recipients: those of other systems have
/// other numbers.
pub(super) fn header(
    route: &Route,
    envelope: &Envelope,
    message: &Message<'_>,
    edits: &mut EditList,
) -> Vec<Renumbered> {
    let mut changed = Vec::new();
    if route.header_numbers().next().is_none() {
        return changed;
    }
    let domains: HashSet<String> = envelope.rcpt_to.iter().map(|r| domain(r)).collect();
    for (index, field) in message.root().header.fields.iter().enumerate() {
        let name = field.name.of(message.raw());
        let Some((place, name)) = FIELDS.iter().find(|(_, n)| name.eq_ignore_ascii_case(n.as_bytes())) else {
            continue;
        };
        let Some(value) = edits.value_after(message, index) else { continue };
        // Folds of edits are LF.
        let mut value: Vec<u8> = value.iter().copied().filter(|c| *c != b'\r').collect();
        let before = changed.len();
        for span in addresses(&value).into_iter().rev() {
            let Ok(old) = std::str::from_utf8(span.of(&value)) else { continue };
            let elsewhere = !domains.is_empty() && !domains.contains(&domain(old));
            if elsewhere && matches!(place, Place::To | Place::Cc) {
                continue;
            }
            let Some(new) = renumbered(&route.numbers, *place, old) else { continue };
            changed.insert(before, Renumbered { place: name, from: old.to_owned(), to: new.clone() });
            value.splice(span.start..span.end, new.bytes());
        }
        if changed.len() > before {
            edits.set_value(index, value);
        }
    }
    changed
}

fn domain(address: &str) -> String {
    address.rsplit_once('@').map(|(_, domain)| domain.to_ascii_lowercase()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::{Ambient, process, rewrite};
    use crate::policy::route::Action;
    use crate::policy::{Match, numbers::NumberRule, numbers::Pattern};

    const VOICE: &str = "From: \"Ann, 4400\" <4400@a.test>\r\nTo: =?utf-8?Q?B=C3=B6?= <4411@b.test>,\r\n\t\"X\" <4412@other.test> (4411@b.test)\r\n\
        Cc: 4413@B.Test\r\nDate: Tue, 4 Mar 2025 09:00:00 +0100\r\nMessage-ID: <a@a.test>\r\n\
        MIME-Version: 1.0 (Voice 2.0)\r\nContent-Type: multipart/voice-message; version=2.0; boundary=b\r\n\r\n--b\r\n\
        Content-Type: audio/32KADPCM\r\nContent-Transfer-Encoding: base64\r\n\
        Content-Disposition: inline; voice=Voice-Message\r\n\r\n////////\r\n--b--\r\n";

    fn settings(places: &[Place]) -> Settings {
        let mut settings = Settings::for_profile("untouched", "mx.test");
        settings.results.enabled = false;
        settings.routes[0].numbers = vec![NumberRule {
            places: places.to_vec(),
            pattern: Pattern::parse("44??").unwrap(),
            strip: 0,
            keep: None,
            prefix: "604555".to_owned(),
            selector: None,
            domain: None,
        }];
        settings
    }

    fn to(recipients: &[&str]) -> Envelope {
        Envelope {
            rcpt_to: recipients.iter().map(|r| (*r).to_owned()).collect(),
            rcpt_parameters: (0..recipients.len()).map(|n| vec![format!("ORCPT=rfc822;{n}")]).collect(),
            ..Envelope::default()
        }
    }

    #[test]
    fn recipients_are_replaced_with_their_parameters_and_only_in_enforce() {
        let mut settings = settings(&[Place::Recipient]);
        let envelope = to(&["4411@b.test", "pat@b.test"]);
        let outcome = process(VOICE.as_bytes(), &envelope, &settings, &Ambient::default());
        let added = Recipient {
            address: "6045554411@b.test".to_owned(),
            parameters: vec!["ORCPT=rfc822;0".to_owned()],
        };
        assert_eq!(
            (outcome.recipients.add, outcome.recipients.delete),
            (vec![added], vec!["4411@b.test".to_owned()])
        );
        assert!(outcome.modifications.is_empty(), "{:?}", outcome.modifications);
        assert_eq!(outcome.record.renumbered.len(), 1);
        for (mode, told) in [(Mode::Shadow, 1), (Mode::Report, 0)] {
            settings.mode = mode;
            let outcome = process(VOICE.as_bytes(), &envelope, &settings, &Ambient::default());
            assert!(outcome.recipients.is_empty());
            assert_eq!(outcome.record.renumbered.len(), told);
        }
    }

    #[test]
    fn a_second_pass_finds_nothing_to_replace() {
        let settings = settings(&[Place::Recipient, Place::From, Place::To, Place::Cc]);
        let outcome = rewrite(VOICE.as_bytes(), &to(&["4411@b.test"]), &settings, &Ambient::default());
        let again =
            rewrite(&outcome.rewritten.unwrap(), &to(&["6045554411@b.test"]), &settings, &Ambient::default());
        assert_eq!(
            (again.rewritten, again.recipients, again.record.renumbered),
            (None, Recipients::default(), vec![])
        );
    }

    #[test]
    fn nobody_is_lost_or_served_twice_where_numbers_meet() {
        let mut settings = settings(&[Place::Recipient]);
        let envelope = to(&["4411@b.test", "6045554411@b.test", "4411@b.test"]);
        let outcome = process(VOICE.as_bytes(), &envelope, &settings, &Ambient::default());
        assert_eq!(
            (outcome.recipients.add.len(), outcome.recipients.delete),
            (0, vec!["4411@b.test".to_owned()])
        );
        // One recipient's new address is the old one of another.
        let shift = |from: &str, to: &str| {
            let mut route = Route::catch_all(from, "untouched");
            route.when = Match { recipient: vec![format!("{from}@b.test")], ..Match::default() };
            route.numbers = vec![NumberRule {
                pattern: Pattern::parse("?").unwrap(),
                prefix: String::new(),
                selector: None,
                places: vec![Place::Recipient],
                strip: 0,
                keep: None,
                domain: Some(to.to_owned()),
            }];
            route
        };
        settings.routes = vec![shift("1", "c.test"), shift("2", "d.test")];
        settings.routes[1].when.recipient = vec!["1@c.test".to_owned()];
        let outcome =
            process(VOICE.as_bytes(), &to(&["1@b.test", "1@c.test"]), &settings, &Ambient::default());
        let added: Vec<&str> = outcome.recipients.add.iter().map(|r| r.address.as_str()).collect();
        assert_eq!((added, outcome.recipients.delete), (vec!["1@d.test"], vec!["1@b.test".to_owned()]));
    }

    #[test]
    fn in_the_header_only_the_addresses_change() {
        let settings = settings(&[Place::From, Place::To, Place::Cc]);
        let outcome = rewrite(VOICE.as_bytes(), &to(&["4411@b.test"]), &settings, &Ambient::default());
        let wanted = VOICE
            .replace("<4400@", "<6045554400@")
            .replace("<4411@b", "<6045554411@b")
            .replace("Cc: 4413@", "Cc: 6045554413@");
        assert_eq!(String::from_utf8(outcome.rewritten.unwrap()).unwrap(), wanted);
        assert_eq!(outcome.record.actions, ["From renumbered", "To renumbered", "Cc renumbered"]);
        let offline = rewrite(VOICE.as_bytes(), &Envelope::default(), &settings, &Ambient::default());
        let text = String::from_utf8(offline.rewritten.unwrap()).unwrap();
        assert!(text.contains("<6045554412@other.test> (4411@b.test)"), "{text}");
    }

    #[test]
    fn mail_that_must_not_change_keeps_its_header_and_ordinary_mail_everything() {
        let settings = settings(&[Place::Recipient, Place::To]);
        let envelope = to(&["4411@b.test"]);
        let prohibited = format!("Conversion: prohibited\r\n{VOICE}");
        let signed = format!(
            "To: 4411@b.test\r\nContent-Type: multipart/signed; boundary=s\r\n\r\n--s\r\n{VOICE}--s--\r\n"
        );
        for raw in [prohibited, signed] {
            let outcome = rewrite(raw.as_bytes(), &envelope, &settings, &Ambient::default());
            assert_eq!((outcome.rewritten, outcome.recipients.add.len()), (None, 1), "{raw}");
        }
        let ordinary = "To: 4411@b.test\r\n\r\nhello\r\n";
        let outcome = process(ordinary.as_bytes(), &envelope, &settings, &Ambient::default());
        assert!(outcome.recipients.is_empty() && outcome.modifications.is_empty());
    }

    #[test]
    fn blind_copies_stay_blind_and_refused_mail_keeps_its_recipients() {
        let mut settings = settings(&[Place::Recipient]);
        settings.results.enabled = true;
        let outcome = process(VOICE.as_bytes(), &to(&["4499@b.test"]), &settings, &Ambient::default());
        assert!(!outcome.recipients.is_empty());
        let shown = format!("{:?}", outcome.modifications);
        assert!(shown.contains("VPIM-Results") && !shown.contains("4499"), "{shown}");
        settings.routes[0].on_should = Action::Reject;
        settings.routes[0].on_must = Action::Reject;
        let broken = VOICE.replace("Message-ID", "X-Message-ID");
        let outcome = process(broken.as_bytes(), &to(&["4499@b.test"]), &settings, &Ambient::default());
        assert!(matches!(outcome.verdict, Verdict::Refuse(_)) && outcome.recipients.is_empty());
    }
}
