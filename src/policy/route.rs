//! Routes: which profile a recipient gets. The first that matches wins.
//!
//! What a route compares comes from strangers: it is compared, never interpreted. Addresses are
//! compared without angle brackets and without a source route (RFC 5321 C: "SHOULD ignore"), so that
//! another spelling of a path does not slip past its route. Limits: a quoted local part that need
//! not be quoted (`"pat"@x`) is another text than `pat@x`; encoded words of header fields are
//! compared as they are written.

use super::Settings;
use super::numbers::{NumberRule, Place};
use crate::message::Message;
use crate::vpim::Envelope;
use crate::vpim::envelope::bare_path;
use ipnet::IpNet;
use std::net::IpAddr;
use wildmatch::WildMatch;

/// Conditions of a route; several kinds all hold, several values of one kind are alternatives.
/// Patterns are globs (`*`, `?`) compared without case.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Match {
    /// Networks of the client.
    pub client: Vec<IpNet>,
    /// Authenticated users.
    pub auth: Vec<String>,
    /// HELO names.
    pub helo: Vec<String>,
    /// Reverse-paths; `<>` is the null reverse-path.
    pub sender: Vec<String>,
    /// Forward-paths.
    pub recipient: Vec<String>,
    /// Header fields: name and pattern of the unfolded value.
    pub header: Vec<(String, String)>,
    /// MTA macros: name and pattern.
    pub macros: Vec<(String, String)>,
}

/// What to do with findings of a level, from mild to severe.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize,
)]
#[serde(rename_all = "kebab-case")]
pub enum Action {
    /// Say it in the results field and the log.
    #[default]
    Annotate,
    /// Repair it by the smallest edits, where the rule has any.
    Repair,
    /// Hold it.
    Quarantine,
    /// Refuse it for now.
    Tempfail,
    /// Refuse the message (5.6.x or the rule's own code).
    Reject,
}

/// What to do with a message whose DKIM or ARC signatures a change would break.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Signed {
    /// Change it as any other, and name the broken signatures in the log and the results field.
    #[default]
    Rewrite,
    /// Leave it as it came, without a results field.
    Leave,
}

/// A route.
#[derive(Clone, Debug, PartialEq)]
pub struct Route {
    /// Name in the log.
    pub name: String,
    /// Conditions.
    pub when: Match,
    /// Name of a profile.
    pub profile: String,
    /// On findings of level MUST and MUST NOT.
    pub on_must: Action,
    /// On findings of level SHOULD and SHOULD NOT.
    pub on_should: Action,
    /// What to do with findings of single rules, whatever their level: globs of rule ids. Of several
    /// that match, the longest holds.
    pub rules: Vec<(String, Action)>,
    /// Which numbers the destination knows mailboxes by.
    pub numbers: Vec<NumberRule>,
    /// What to do with signed messages.
    pub signed: Signed,
    /// Asks the directory for its recipients: where their mail goes, what they take.
    pub directory: bool,
}

impl Route {
    /// What to do with a finding of `rule`, where `otherwise` is what its level says.
    pub fn action(&self, rule: &str, otherwise: Action) -> Action {
        let matching = self.rules.iter().filter(|(pattern, _)| glob(pattern).matches(rule));
        matching.max_by_key(|(pattern, _)| pattern.len()).map_or(otherwise, |(_, action)| *action)
    }

    /// Every action the route may take.
    pub fn actions(&self) -> impl Iterator<Item = Action> {
        [self.on_must, self.on_should].into_iter().chain(self.rules.iter().map(|(_, action)| *action))
    }

    /// The number rules that change header fields, which all recipients share.
    pub fn header_numbers(&self) -> impl Iterator<Item = &NumberRule> {
        self.numbers.iter().filter(|r| r.places.iter().any(|p| *p != Place::Recipient))
    }

    /// A route that takes every recipient.
    pub fn catch_all(name: &str, profile: &str) -> Self {
        Route {
            name: name.to_owned(),
            when: Match::default(),
            profile: profile.to_owned(),
            on_must: Action::default(),
            on_should: Action::default(),
            rules: Vec::new(),
            numbers: Vec::new(),
            signed: Signed::default(),
            directory: false,
        }
    }
}

/// A recipient's route, as far as it can be told before the header is there.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum EarlyRoute<'a> {
    /// No header field can change this.
    Known(Option<&'a Route>),
    /// A route that looks at the header may match first.
    NeedsHeader,
}

impl Settings {
    /// The route of one recipient: the first that matches. Without the message, a route that looks
    /// at the header does not match.
    pub fn route_for(
        &self,
        envelope: &Envelope,
        header: Option<&Message<'_>>,
        recipient: &str,
    ) -> Option<&Route> {
        self.routes.iter().find(|route| {
            route.when.envelope_matches(envelope, recipient)
                && (route.when.header.is_empty() || header.is_some_and(|m| route.when.header_matches(m)))
        })
    }

    /// The route of one recipient at RCPT, when the header is still to come.
    pub fn early_route(&self, envelope: &Envelope, recipient: &str) -> EarlyRoute<'_> {
        let mut candidates = self.routes.iter().filter(|r| r.when.envelope_matches(envelope, recipient));
        match candidates.next() {
            Some(route) if !route.when.header.is_empty() => EarlyRoute::NeedsHeader,
            route => EarlyRoute::Known(route),
        }
    }

    /// The routes that may be a recipient's, whatever its header is.
    pub(super) fn candidates<'a>(
        &'a self,
        envelope: &'a Envelope,
        recipient: &'a str,
    ) -> impl Iterator<Item = &'a Route> {
        let mut known = false;
        let matching = self.routes.iter().filter(|r| r.when.envelope_matches(envelope, recipient));
        matching.take_while(move |route| !std::mem::replace(&mut known, route.when.header.is_empty()))
    }

    /// True where a route looks at the header, so that recipients cannot be told apart at RCPT.
    pub fn needs_header(&self) -> bool {
        self.routes.iter().any(|r| !r.when.header.is_empty())
    }
}

impl Match {
    /// All conditions but those on the header hold.
    fn envelope_matches(&self, envelope: &Envelope, recipient: &str) -> bool {
        network(&self.client, envelope.client)
            && text(&self.auth, envelope.auth.as_deref())
            && text(&self.helo, envelope.helo.as_deref())
            && path(&self.sender, envelope.mail_from.as_deref())
            && path(&self.recipient, Some(recipient))
            && named(&self.macros, |name, glob| {
                let same = |given: &str| bare_macro(given) == bare_macro(name);
                envelope.macros.iter().any(|(given, value)| same(given) && glob.matches(value))
            })
    }

    /// The conditions on the header hold: of each name in the conditions one field matches one of
    /// its patterns.
    fn header_matches(&self, message: &Message<'_>) -> bool {
        named(&self.header, |name, glob| {
            message
                .fields(message.root(), name)
                .any(|field| glob.matches(&unfolded(field.value.of(message.raw()))))
        })
    }
}

fn network(wanted: &[IpNet], client: Option<IpAddr>) -> bool {
    // An IPv4 client of a dual-stack listener is reported as ::ffff:192.0.2.1 (RFC 4291 2.5.5.2).
    wanted.is_empty()
        || client.is_some_and(|ip| {
            let plain = ip.to_canonical();
            wanted.iter().any(|net| net.contains(&plain) || net.contains(&ip))
        })
}

fn text(wanted: &[String], value: Option<&str>) -> bool {
    wanted.is_empty() || value.is_some_and(|v| wanted.iter().any(|w| glob(w).matches(v)))
}

fn path(wanted: &[String], value: Option<&str>) -> bool {
    wanted.is_empty()
        || value.is_some_and(|v| {
            let mailbox = mailbox(v);
            wanted.iter().any(|w| glob(bare_path(w)).matches(mailbox))
        })
}

/// Conditions on named things: those of one name are alternatives, all names must hold.
fn named(wanted: &[(String, String)], holds: impl Fn(&str, &WildMatch) -> bool) -> bool {
    let same = |a: &str, b: &str| bare_macro(a).eq_ignore_ascii_case(bare_macro(b));
    wanted.iter().all(|(name, _)| {
        wanted.iter().filter(|(n, _)| same(n, name)).any(|(n, pattern)| holds(n, &glob(pattern)))
    })
}

fn glob(pattern: &str) -> WildMatch {
    WildMatch::new_case_insensitive(pattern)
}

/// `i` and `{i}` are the same macro.
fn bare_macro(name: &str) -> &str {
    name.strip_prefix('{').and_then(|n| n.strip_suffix('}')).unwrap_or(name)
}

/// A path without brackets and without a source route (`@hub,@relay:pat@x`).
pub fn mailbox(path: &str) -> &str {
    let path = bare_path(path);
    match path.split_once(':') {
        Some((route, mailbox)) if route.starts_with('@') => mailbox,
        _ => path,
    }
}

/// A field value on one line, without blanks around it (RFC 5322 2.2.3).
fn unfolded(value: &[u8]) -> String {
    let line: Vec<u8> = value.iter().copied().filter(|c| !matches!(c, b'\r' | b'\n')).collect();
    String::from_utf8_lossy(&line).trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limits::Limits;
    use crate::policy::settings::Results;
    use crate::policy::{Mode, Split};

    fn route(name: &str, when: Match) -> Route {
        Route {
            name: name.into(),
            when,
            profile: "untouched".into(),
            on_must: Action::Annotate,
            on_should: Action::Annotate,
            rules: Vec::new(),
            numbers: Vec::new(),
            signed: Signed::default(),
            directory: false,
        }
    }

    fn settings(routes: Vec<Route>) -> Settings {
        Settings {
            mode: Mode::Enforce,
            routes,
            profiles: Default::default(),
            limits: Limits::default(),
            results: Results { enabled: false, authserv_id: "x".into(), key: vec![] },
            split: Split::Defer,
            directory_domains: Vec::new(),
        }
    }

    fn name(settings: &Settings, envelope: &Envelope, rcpt: &str) -> Option<String> {
        settings.route_for(envelope, None, rcpt).map(|r| r.name.clone())
    }

    fn s(list: &[&str]) -> Vec<String> {
        list.iter().map(|s| (*s).to_owned()).collect()
    }

    #[test]
    fn the_first_route_that_matches_wins() {
        let settings = settings(vec![
            route("a", Match { recipient: s(&["*@a.test", "x@*"]), ..Match::default() }),
            route("b", Match { recipient: s(&["*@b.test"]), ..Match::default() }),
            route("c", Match::default()),
        ]);
        let e = Envelope::default();
        assert_eq!(name(&settings, &e, "PAT@A.test").as_deref(), Some("a"));
        assert_eq!(name(&settings, &e, "<x@b.test>").as_deref(), Some("a"));
        assert_eq!(name(&settings, &e, "<@hub.test,@h2:y@b.test>").as_deref(), Some("b"));
        assert_eq!(name(&settings, &e, "y@c.test").as_deref(), Some("c"));
    }

    #[test]
    fn all_kinds_of_conditions_must_hold() {
        let settings = settings(vec![route(
            "all",
            Match {
                client: vec!["192.0.2.0/24".parse().unwrap()],
                auth: s(&["pbx?"]),
                helo: s(&["*.pbx.test"]),
                sender: s(&["<>", "*@pbx.test"]),
                macros: vec![("daemon_name".into(), "in*".into())],
                ..Match::default()
            },
        )]);
        let good = Envelope {
            client: Some("::ffff:192.0.2.7".parse().unwrap()),
            auth: Some("PBX1".into()),
            helo: Some("a.pbx.test".into()),
            mail_from: Some(String::new()),
            macros: vec![("{daemon_name}".into(), "inbound".into())],
            ..Envelope::default()
        };
        assert!(name(&settings, &good, "a").is_some());
        type Spoil = fn(&mut Envelope);
        let spoils: [Spoil; 8] = [
            |e| e.client = Some("198.51.100.1".parse().unwrap()),
            |e| e.client = None,
            |e| e.auth = Some("pbx10".into()),
            |e| e.auth = None,
            |e| e.helo = Some("pbx.test".into()),
            |e| e.mail_from = Some("a@pbx.test.example".into()),
            |e| e.mail_from = None,
            |e| e.macros.clear(),
        ];
        for (i, spoil) in spoils.iter().enumerate() {
            let mut envelope = good.clone();
            spoil(&mut envelope);
            assert_eq!(name(&settings, &envelope, "a"), None, "spoil {i}");
        }
    }

    #[test]
    fn a_mapped_network_and_an_ipv6_client_match_too() {
        let settings = settings(vec![route(
            "v6",
            Match {
                client: vec!["2001:db8::/32".parse().unwrap(), "::ffff:10.0.0.0/104".parse().unwrap()],
                ..Match::default()
            },
        )]);
        let from = |ip: &str| Envelope { client: Some(ip.parse().unwrap()), ..Envelope::default() };
        assert!(name(&settings, &from("2001:db8::1"), "a").is_some());
        assert!(name(&settings, &from("::ffff:10.1.2.3"), "a").is_some());
        assert!(name(&settings, &from("2001:db9::1"), "a").is_none());
    }

    #[test]
    fn header_conditions_wait_for_the_header_and_see_unfolded_values() {
        let settings = settings(vec![
            route(
                "voice",
                Match {
                    recipient: s(&["*@a.test"]),
                    header: vec![
                        ("Subject".into(), "voice message from *".into()),
                        ("subject".into(), "vm".into()),
                        ("X-Asterisk".into(), "*".into()),
                    ],
                    ..Match::default()
                },
            ),
            route("rest", Match::default()),
        ]);
        assert!(settings.needs_header());
        let e = Envelope::default();
        let limits = Limits::default();
        let with = |raw: &str| {
            let message = Message::parse(raw.as_bytes(), &limits);
            settings.route_for(&e, Some(&message), "p@a.test").map(|r| r.name.clone()).unwrap()
        };
        assert_eq!(with("X-Asterisk: 1\r\nSubject: Voice\r\n message from 1\r\n\r\n"), "voice");
        assert_eq!(with("X-Asterisk: 1\r\nSubject: other\r\nSubject: VM\r\n\r\n"), "voice");
        assert_eq!(with("Subject: VM\r\n\r\n"), "rest");
        assert_eq!(with("X-Asterisk: 1\r\n\r\n"), "rest");
        assert_eq!(settings.early_route(&e, "p@a.test"), EarlyRoute::NeedsHeader);
        let EarlyRoute::Known(Some(rest)) = settings.early_route(&e, "p@b.test") else { panic!() };
        assert_eq!(rest.name, "rest");
    }

    #[test]
    fn the_longest_pattern_decides_on_a_rule() {
        let mut route = route("a", Match::default());
        route.rules = vec![
            ("vpim2-*".into(), Action::Reject),
            ("vpim2-subject-present".into(), Action::Annotate),
            ("*".into(), Action::Repair),
        ];
        for (rule, wanted) in [
            ("vpim2-date-present", Action::Reject),
            ("vpim2-subject-present", Action::Annotate),
            ("duration-syntax", Action::Repair),
        ] {
            assert_eq!(route.action(rule, Action::Tempfail), wanted, "{rule}");
        }
        route.rules.clear();
        assert_eq!(route.action("x", Action::Tempfail), Action::Tempfail);
    }

    #[test]
    fn an_exotic_recipient_matches_nothing_it_should_not() {
        let settings = settings(vec![route("a", Match { recipient: s(&["*@a.test"]), ..Match::default() })]);
        for rcpt in ["", "<>", "@a.test:b", "a@a.test@b.test", "*@b.test", "\u{0}"] {
            assert_eq!(name(&settings, &Envelope::default(), rcpt), None, "{rcpt:?}");
        }
    }
}
