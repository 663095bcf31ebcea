//! One message, many recipients: a milter gives all of them the same body, so recipients that need
//! different output must be told apart at RCPT, be sent copies of their own, or the message stays as
//! it came.
//!
//! Never is a recipient dropped: the answers are "all the same", "ask the client to send this
//! recipient again later" (RFC 5321 4.5.3.1.10: 452, the rest is retried), "send the others a copy",
//! and "change nothing".

use super::route::{Action, EarlyRoute, Route, Signed};
use super::{NumberRule, Profile, Profiles, Settings};
use crate::message::Message;
use crate::vpim::Envelope;
use serde::{Deserialize, Serialize};

/// What to do when recipients of one message need different output.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Split {
    /// Answer 452 4.5.3 at RCPT to those that differ from the first, so that the client sends the
    /// message again for them.
    #[default]
    Defer,
    /// All get what the first recipient gets.
    First,
    /// The largest group keeps the message, the others are sent a copy each
    /// ([`crate::engine::divide`]).
    Reinject,
}

/// Messages that the recipients of one destination may become under [`Split::Reinject`], where it takes only
/// so many recipients of each.
const MESSAGES: usize = 8;

/// Recipients that get the same output.
#[derive(Clone, Debug, PartialEq)]
pub struct Group<'a> {
    /// A route that stands for all of theirs; `None` where one of them has none, since "no route: not
    /// one byte changes" is the stronger of two promises that mean no change.
    pub route: Option<&'a Route>,
    /// Places in [`Envelope::rcpt_to`], at least one.
    pub recipients: Vec<usize>,
}

/// The routes of all recipients taken together.
#[derive(Clone, Debug, PartialEq)]
pub enum Combined<'a> {
    /// Everybody needs the same output: that of this route, or none at all.
    One(Option<&'a Route>),
    /// Recipients need different output: at least two groups, in the order of their first recipients.
    Conflict(Vec<Group<'a>>),
}

/// Takes the routes of all recipients, in the order of the recipients, together.
pub fn combine<'a>(
    routes: impl IntoIterator<Item = Option<&'a Route>>,
    profiles: &Profiles,
    split: Split,
) -> Combined<'a> {
    let mut routes = routes.into_iter();
    if split == Split::First {
        return Combined::One(routes.next().flatten());
    }
    let mut groups: Vec<Group<'a>> = Vec::new();
    // Each route met is compared once, however many recipients it has.
    let mut met: Vec<(Option<&Route>, usize)> = Vec::new();
    for (index, route) in routes.enumerate() {
        let known = met.iter().find(|(other, _)| match (other, route) {
            (Some(other), Some(route)) => std::ptr::eq(*other, route),
            (other, route) => other.is_none() && route.is_none(),
        });
        let place = known.map(|(_, place)| *place).unwrap_or_else(|| {
            let place = groups.iter().rposition(|g| same_output(g.route, route, profiles));
            let place = place.unwrap_or(groups.len());
            met.push((route, place));
            place
        });
        // A destination that takes few recipients of one message gets several.
        let full = groups.get(place).is_some_and(|g| g.recipients.len() >= room(g.route, profiles));
        let place = if full {
            let next = groups.len();
            met.iter_mut().filter(|(_, at)| *at == place).for_each(|(_, at)| *at = next);
            next
        } else {
            place
        };
        match groups.get_mut(place) {
            Some(group) => {
                group.recipients.push(index);
                group.route = route.and(group.route);
            }
            None => groups.push(Group { route, recipients: vec![index] }),
        }
    }
    match groups.as_slice() {
        [] => Combined::One(None),
        [group] => Combined::One(group.route),
        _ => Combined::Conflict(groups),
    }
}

/// Whether recipients of these two routes can share one message.
pub fn same_output(a: Option<&Route>, b: Option<&Route>, profiles: &Profiles) -> bool {
    need(a, profiles) == need(b, profiles)
}

/// Recipients that the destination of a route takes of one message.
fn room(route: Option<&Route>, profiles: &Profiles) -> usize {
    let most = route.and_then(|r| profiles.get(&r.profile)).and_then(|p| p.bounds.recipients);
    most.map_or(usize::MAX, |most| most.max(1))
}

/// What two routes must have in common: profile, actions, treatment of signed mail, numbers of the header.
type Need = (Option<String>, Action, Action, Vec<(String, Action)>, Signed, Vec<NumberRule>);

/// `None` where nothing can happen to the message.
fn need(route: Option<&Route>, profiles: &Profiles) -> Option<Need> {
    let route = route?;
    // A profile that demands something of a message may refuse it.
    let profile = profiles.get(&route.profile);
    let header: Vec<_> = route.header_numbers().cloned().collect();
    let asks = |p: &Profile| p.changes() || p.target.is_some() || p.bounds.recipients.is_some();
    let changes = profile.is_none_or(asks) || !header.is_empty();
    let quiet = route.actions().all(|a| a == Action::Annotate);
    let profile = changes.then(|| route.profile.clone());
    (changes || !quiet).then_some((
        profile,
        route.on_must,
        route.on_should,
        route.rules.clone(),
        route.signed,
        header,
    ))
}

impl Settings {
    /// The route for the whole message.
    pub fn combined(&self, envelope: &Envelope, message: &Message<'_>) -> Combined<'_> {
        if envelope.rcpt_to.is_empty() {
            // Judged offline, for nobody in particular: routes for everybody match.
            return Combined::One(self.route_for(envelope, Some(message), ""));
        }
        let routes = envelope.rcpt_to.iter().map(|r| self.route_for(envelope, Some(message), r));
        combine(routes, &self.profiles, self.split)
    }

    /// Whether `recipient` can share the message with those the envelope has already. True where
    /// only the header can tell.
    pub fn can_share(&self, envelope: &Envelope, recipient: &str) -> bool {
        if self.split != Split::Defer {
            return true;
        }
        let EarlyRoute::Known(new) = self.early_route(envelope, recipient) else { return true };
        // All taken so far agree with each other, as far as they are known; any known one will do.
        envelope
            .rcpt_to
            .iter()
            .find_map(|r| match self.early_route(envelope, r) {
                EarlyRoute::Known(route) => Some(route),
                EarlyRoute::NeedsHeader => None,
            })
            .is_none_or(|known| same_output(known, new, &self.profiles))
    }

    /// How many recipients of one message the destination of `recipient` takes, where those the envelope has
    /// already are as many.
    pub fn full_with(&self, envelope: &Envelope, recipient: &str) -> Option<usize> {
        let EarlyRoute::Known(new) = self.early_route(envelope, recipient) else { return None };
        let most = room(new, &self.profiles);
        let messages = if self.split == Split::Reinject { MESSAGES } else { 1 };
        let taken = most.saturating_mul(messages);
        if envelope.rcpt_to.len() < taken {
            return None;
        }
        let same = |r: &&String| match self.early_route(envelope, r) {
            EarlyRoute::Known(route) => same_output(route, new, &self.profiles),
            EarlyRoute::NeedsHeader => false,
        };
        (envelope.rcpt_to.iter().filter(same).count() >= taken).then_some(most)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limits::Limits;
    use crate::policy::profile::Structure;
    use crate::policy::settings::Results;
    use crate::policy::{Match, Mode, profile};

    fn route(name: &str, profile: &str, recipient: &str) -> Route {
        Route {
            name: name.into(),
            when: Match { recipient: vec![recipient.into()], ..Match::default() },
            profile: profile.into(),
            on_must: Action::Annotate,
            on_should: Action::Annotate,
            rules: Vec::new(),
            numbers: Vec::new(),
            signed: Signed::default(),
        }
    }

    fn settings(split: Split) -> Settings {
        let mut profiles = profile::builtin();
        let untouched = profiles["untouched"].clone();
        profiles.insert("vpim2".into(), Profile { structure: Structure::VoiceMessage, ..untouched });
        let untouched = profiles["untouched"].clone();
        profiles.insert("desktop".into(), Profile { structure: Structure::Mixed, ..untouched });
        let mut by_header = route("h", "vpim2", "*@h.test");
        by_header.when.header = vec![("Subject".into(), "voice*".into())];
        Settings {
            mode: Mode::Enforce,
            routes: vec![
                by_header,
                route("vm", "vpim2", "*@vm.test"),
                route("vm-too", "vpim2", "*@vm2.test"),
                route("people", "desktop", "*@p.test"),
                route("plain", "untouched", "*@plain.test"),
            ],
            profiles,
            limits: Limits::default(),
            results: Results { enabled: true, authserv_id: "x".into(), key: vec![] },
            split,
        }
    }

    fn to(rcpts: &[&str]) -> Envelope {
        Envelope { rcpt_to: rcpts.iter().map(|r| (*r).to_owned()).collect(), ..Envelope::default() }
    }

    fn combined(split: Split, rcpts: &[&str]) -> String {
        let settings = settings(split);
        let limits = Limits::default();
        let message = Message::parse(b"Subject: Voice mail\r\n\r\n", &limits);
        let name = |r: Option<&Route>| r.map_or("-".to_owned(), |r| r.name.clone());
        match settings.combined(&to(rcpts), &message) {
            Combined::One(route) => name(route),
            Combined::Conflict(groups) => {
                let groups = groups.iter().map(|g| format!("{}{:?}", name(g.route), g.recipients));
                groups.collect::<Vec<_>>().join(" against ")
            }
        }
    }

    #[test]
    fn routes_with_the_same_output_are_one_group() {
        assert_eq!(combined(Split::Defer, &["a@vm.test", "b@vm2.test"]), "vm");
        assert_eq!(combined(Split::Defer, &["a@vm.test"]), "vm");
        assert_eq!(combined(Split::Defer, &[]), "-");
    }

    #[test]
    fn different_output_is_a_conflict_unless_the_first_decides() {
        assert_eq!(combined(Split::Defer, &["a@vm.test", "b@p.test"]), "vm[0] against people[1]");
        assert_eq!(combined(Split::Defer, &["a@vm.test", "b@nowhere.test"]), "vm[0] against -[1]");
        assert_eq!(
            combined(
                Split::Reinject,
                &["a@vm.test", "b@nowhere.test", "c@vm2.test", "d@plain.test", "e@p.test"]
            ),
            "vm[0, 2] against -[1, 3] against people[4]"
        );
        assert_eq!(combined(Split::First, &["a@vm.test", "b@p.test"]), "vm");
        assert_eq!(combined(Split::First, &["a@nowhere.test", "b@p.test"]), "-");
    }

    #[test]
    fn untouched_and_no_route_share_a_message_that_is_not_even_labelled() {
        assert_eq!(combined(Split::Defer, &["a@plain.test", "b@nowhere.test"]), "-");
        assert_eq!(combined(Split::Defer, &["a@nowhere.test", "b@plain.test"]), "-");
        assert_eq!(combined(Split::Defer, &["a@plain.test"]), "plain");
    }

    #[test]
    fn different_actions_are_different_output() {
        let mut settings = settings(Split::Defer);
        settings.routes[2].on_must = Action::Reject;
        assert!(!settings.can_share(&to(&["a@vm.test"]), "b@vm2.test"));
        settings.routes[4].on_must = Action::Reject;
        assert!(!settings.can_share(&to(&["a@plain.test"]), "b@nowhere.test"));
    }

    #[test]
    fn recipients_are_told_apart_at_rcpt_against_the_first_known() {
        let defer = settings(Split::Defer);
        for (taken, new, shares) in [
            (&[][..], "b@p.test", true),
            (&["a@vm.test"], "b@vm2.test", true),
            (&["a@vm.test"], "b@p.test", false),
            (&["a@vm.test"], "b@nowhere.test", false),
            (&["a@plain.test"], "b@nowhere.test", true),
            (&["a@vm.test"], "b@h.test", true),
            (&["a@h.test", "a@vm.test"], "b@p.test", false),
            (&["a@h.test"], "b@p.test", true),
        ] {
            assert_eq!(defer.can_share(&to(taken), new), shares, "{taken:?} + {new}");
        }
        assert!(settings(Split::Reinject).can_share(&to(&["a@vm.test"]), "b@p.test"));
        assert!(settings(Split::First).can_share(&to(&["a@vm.test"]), "b@p.test"));
    }

    #[test]
    fn a_destination_takes_so_many_recipients_of_a_message() {
        let limited = |split| {
            let mut settings = settings(split);
            settings.profiles.get_mut("vpim2").unwrap().bounds.recipients = Some(2);
            settings
        };
        let full = |split, taken: &[&str], new| limited(split).full_with(&to(taken), new);
        let (two, other) = (["a@vm.test", "b@vm2.test"], "c@vm.test");
        assert_eq!(full(Split::Defer, &two[..1], other), None);
        assert_eq!(full(Split::Defer, &two, other), Some(2));
        assert_eq!(full(Split::First, &["a@vm.test", "a@p.test"], other), None);
        assert_eq!(full(Split::First, &two, other), Some(2));
        assert_eq!(full(Split::Defer, &["a@p.test"; 9], "b@p.test"), None);
        assert_eq!(full(Split::Reinject, &["a@vm.test"; 15], other), None);
        assert_eq!(full(Split::Reinject, &["a@vm.test"; 16], other), Some(2));
        assert_eq!(full(Split::Reinject, &["a@vm.test"; 16], "a@p.test"), None);
        let settings = limited(Split::Reinject);
        let message = Message::parse(b"Subject: x\r\n\r\n", &settings.limits);
        let all = ["a@vm.test", "a@p.test", "b@vm2.test", "c@vm2.test", "b@p.test", "d@vm.test", "e@vm.test"];
        let Combined::Conflict(groups) = settings.combined(&to(&all), &message) else { panic!("one group") };
        let groups: Vec<&[usize]> = groups.iter().map(|g| g.recipients.as_slice()).collect();
        assert_eq!(groups, [&[0, 2][..], &[1, 4], &[3, 5], &[6]]);
    }

    #[test]
    fn a_conflict_may_show_only_with_the_header() {
        let defer = settings(Split::Defer);
        assert!(defer.can_share(&to(&["a@h.test"]), "b@p.test"));
        assert_eq!(combined(Split::Defer, &["a@h.test", "b@p.test"]), "h[0] against people[1]");
    }
}
