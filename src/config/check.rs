//! What the types of the file cannot say: names that must exist, numbers that cannot work, secrets.

use super::load::{merge, problem};
use super::raw::{self, File};
use super::source::{Problem, Sources, nearest};
use super::{Daemon, Log, Reinject};
use crate::conformance;
use crate::plan::duty;
use crate::policy::route::Action;
use crate::policy::settings::Results;
use crate::policy::{Match, Profile, Profiles, Route, Settings};
use crate::socket::Socket;
use hmac::{Hmac, Mac};
use ipnet::IpNet;
use serde::Deserialize;
use sha2::Sha256;
use std::collections::BTreeMap;
use std::fs;
use std::net::IpAddr;
use std::ops::{Range, RangeInclusive};
use std::path::Path;
use toml::Spanned;
use toml::de::{DeTable, DeValue};
use wildmatch::WildMatch;

/// Octets of `results.key_file`: a shorter secret can be guessed.
const KEY_OCTETS: RangeInclusive<usize> = 16..=4_096;
/// Longest `limits.work_ms`: Sendmail ends end-of-data after 5 minutes, whatever progress it is told.
const WORK_MS: u64 = 240_000;
/// Longest chain of `extends`.
const EXTENDS: usize = 16;

/// Actions as they are written.
const ACTIONS: [(Action, &str); 5] = [
    (Action::Annotate, "annotate"),
    (Action::Repair, "repair"),
    (Action::Quarantine, "quarantine"),
    (Action::Tempfail, "tempfail"),
    (Action::Reject, "reject"),
];

/// What was found good.
pub(super) struct Checked {
    pub settings: Settings,
    pub reinject: Option<Reinject>,
    pub directory: Option<crate::directory::Settings>,
    pub daemon: Daemon,
    pub log: Log,
}

/// The check of one configuration; collects all problems before it gives up.
pub(super) struct Check<'a> {
    sources: &'a Sources,
    table: &'a DeTable<'a>,
    problems: Vec<Problem>,
}

impl<'a> Check<'a> {
    pub fn new(sources: &'a Sources, table: &'a DeTable<'a>) -> Self {
        Check { sources, table, problems: Vec::new() }
    }

    pub fn config(mut self, file: File, builtin: Profiles) -> Result<Checked, Vec<Problem>> {
        self.numbers(&file);
        let profiles = self.profiles(builtin);
        let asked = file.route.iter().filter_map(|r| r.directory.as_ref()).find(|d| *d.get_ref());
        let directory = self.directory(&file.directory, asked.map(Spanned::span));
        let directory_domains = self.globs(file.directory.domains);
        let routes = self.routes(file.route, &profiles);
        let results = self.results(&file.results);
        let split = self.split(&file.split);
        let reinject = self.reinject(&file.split, &results.authserv_id);
        let daemon = self.daemon(file.listen, &file.daemon);
        if !self.problems.is_empty() {
            return Err(self.problems);
        }
        let (mode, limits) = (file.mode, file.limits);
        let settings = Settings { mode, routes, profiles, limits, results, split, directory_domains };
        Ok(Checked { settings, reinject, directory, daemon, log: file.log })
    }

    pub(super) fn refuse(&mut self, at: Range<usize>, what: impl Into<String>, remedy: impl Into<String>) {
        self.problems.push(self.sources.problem(at, what, remedy));
    }

    fn numbers(&mut self, file: &File) {
        let limits = toml::Table::try_from(&file.limits).unwrap_or_default();
        for name in limits.iter().filter(|(_, v)| v.as_integer() == Some(0)).map(|(k, _)| k) {
            self.refuse(self.span("limits", name), format!("limits.{name} is 0"), "write 1 or more");
        }
        if file.limits.work_ms > WORK_MS {
            let what = format!("limits.work_ms is more than {WORK_MS}");
            self.refuse(self.span("limits", "work_ms"), what, "MTAs end the wait after 5 minutes");
        }
        let daemon = &file.daemon;
        for (name, value) in
            [("max_connections", &daemon.max_connections), ("memory_bytes", &daemon.memory_bytes)]
        {
            if *value.get_ref() == 0 {
                self.refuse(value.span(), format!("daemon.{name} is 0"), "write 1 or more");
            }
        }
        if *daemon.memory_bytes.get_ref() < file.limits.message_bytes {
            self.refuse(
                daemon.memory_bytes.span(),
                "daemon.memory_bytes is less than limits.message_bytes",
                "a message of that size would be refused for ever: raise one or lower the other",
            );
        }
    }

    /// The place of `[table] key`, nowhere if it is not written.
    fn span(&self, table: &str, key: &str) -> Range<usize> {
        let value = self.table.get(table).and_then(|t| t.get_ref().get(key));
        value.map_or(0..0, Spanned::span)
    }

    fn profiles(&mut self, builtin: Profiles) -> Profiles {
        let Some(written) = self.table.get("profile").and_then(|p| p.get_ref().as_table()) else {
            return builtin;
        };
        let mut profiles = builtin.clone();
        for name in written.keys() {
            match self.profile(name.get_ref(), &builtin, written) {
                Ok(profile) => {
                    self.texts(&profile, name, written);
                    profiles.insert(name.get_ref().to_string(), profile);
                }
                Err(problem) => self.problems.push(problem),
            }
        }
        profiles
    }

    /// A profile of the configuration: from the built-in one at the end of the chain upwards.
    fn profile(&self, name: &str, builtin: &Profiles, written: &DeTable<'_>) -> Result<Profile, Problem> {
        let mut layers: Vec<DeTable<'_>> = Vec::new();
        let mut seen: Vec<String> = Vec::new();
        let mut current = name.to_owned();
        let mut place = 0..0;
        let base = loop {
            // A profile may extend the built-in one of its own name.
            let layer = written.get(current.as_str()).filter(|_| seen.last() != Some(&current));
            let Some(layer) = layer.and_then(|l| l.get_ref().as_table()) else {
                break builtin
                    .get(&current)
                    .ok_or_else(|| self.unknown_profile(&current, place.clone(), builtin))?;
            };
            if seen.contains(&current) || seen.len() >= EXTENDS {
                let what = format!("profile `{name}` extends itself through `{current}`");
                return Err(self.sources.problem(place, what, "end the chain at a built-in profile"));
            }
            seen.push(current.clone());
            let Some(extends) = layer.get("extends") else {
                let at = written.get_key_value(current.as_str()).map_or(0..0, |(k, _)| k.span());
                let what = format!("profile `{current}` has no `extends`");
                return Err(self.sources.problem(at, what, "name the profile it differs from"));
            };
            place = extends.span();
            let text = extends.get_ref().as_str();
            let text = text.ok_or_else(|| self.sources.problem(place.clone(), "`extends` is no text", ""))?;
            current = text.to_owned();
            layers.push(layer.clone());
        };
        let text =
            toml::to_string(base).map_err(|e| self.sources.problem(place.clone(), e.to_string(), ""))?;
        let mut whole = DeTable::parse(&text).map_err(|e| self.sources.toml(&e))?.into_inner();
        for mut layer in layers.into_iter().rev() {
            layer.remove("extends");
            merge(&mut whole, layer);
        }
        // TOML has no null: an empty text takes an optional value away.
        let whole: DeTable<'_> =
            whole.into_iter().filter(|(_, v)| v.get_ref().as_str() != Some("")).collect();
        Profile::deserialize(toml::Deserializer::from(Spanned::new(0..0, whole)))
            .map_err(|e| self.sources.toml(&e))
    }

    fn unknown_profile(&self, name: &str, at: Range<usize>, known: &Profiles) -> Problem {
        let names: Vec<&str> = known.keys().map(String::as_str).collect();
        let remedy = match nearest(name, &names) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("known are {}", names.join(", ")),
        };
        self.sources.problem(at, format!("unknown profile `{name}`"), remedy)
    }

    fn routes(&mut self, written: Vec<raw::Route>, profiles: &Profiles) -> Vec<Route> {
        if self.table.get("route").is_none() {
            // Mail that nobody wrote a route for is judged and labelled, never changed.
            return vec![Route::catch_all("default", "untouched")];
        }
        let mut names: Vec<String> = Vec::new();
        let mut routes = Vec::new();
        for route in written {
            if names.contains(route.name.get_ref()) {
                let what = format!("a second route called `{}`", route.name.get_ref());
                self.refuse(route.name.span(), what, "the log could not tell them apart: rename one");
            }
            if !profiles.contains_key(route.profile.get_ref()) {
                let problem = self.unknown_profile(route.profile.get_ref(), route.profile.span(), profiles);
                self.problems.push(problem);
            }
            names.push(route.name.get_ref().clone());
            routes.push(Route {
                name: route.name.into_inner(),
                when: self.conditions(route.when),
                profile: route.profile.into_inner(),
                on_must: self.action(route.on_must),
                on_should: self.action(route.on_should),
                rules: self.rules(route.rules),
                numbers: self.number_rules(route.numbers),
                signed: route.signed,
                directory: route.directory.is_some_and(Spanned::into_inner),
            });
        }
        routes
    }

    fn rules(&mut self, written: BTreeMap<Spanned<String>, Spanned<String>>) -> Vec<(String, Action)> {
        let mut rules = Vec::new();
        for (pattern, action) in written {
            let glob = WildMatch::new_case_insensitive(pattern.get_ref());
            if !conformance::rules::all().any(|rule| glob.matches(rule.id)) && !duty::is_rule(&glob) {
                let what = format!("`{}` is no rule", pattern.get_ref());
                self.refuse(pattern.span(), what, "`vpim-milter explain` lists the ids; globs are possible");
            }
            rules.push((pattern.into_inner(), self.action(Some(action))));
        }
        rules
    }

    fn action(&mut self, written: Option<Spanned<String>>) -> Action {
        let Some(written) = written else { return Action::default() };
        let name = written.get_ref();
        if let Some((action, _)) = ACTIONS.iter().find(|(_, n)| n == name) {
            return *action;
        }
        let names: Vec<&str> = ACTIONS.iter().map(|(_, name)| *name).collect();
        let (what, remedy) = match name.as_str() {
            "discard-part" => (
                "the action `discard-part` is not in this version".to_owned(),
                "a profile drops parts: `text`, `vcard` or `other` = \"drop\"".to_owned(),
            ),
            _ => match nearest(name, &names) {
                Some(near) => (format!("unknown action `{name}`"), format!("did you mean `{near}`?")),
                None => (format!("unknown action `{name}`"), format!("known are {}", names.join(", "))),
            },
        };
        self.refuse(written.span(), what, remedy);
        Action::default()
    }

    fn conditions(&mut self, when: raw::Match) -> Match {
        for name in when.macros.keys().filter(|n| n.get_ref().trim_start_matches('{').starts_with("rcpt_")) {
            let what = format!("macro `{}` differs from recipient to recipient", name.get_ref());
            self.refuse(name.span(), what, "match on `recipient` instead");
        }
        let macros = when.macros.into_iter().map(|(name, globs)| (name.into_inner(), globs));
        Match {
            client: self.networks(when.client),
            auth: self.globs(when.auth),
            helo: self.globs(when.helo),
            sender: self.globs(when.sender),
            recipient: self.globs(when.recipient),
            header: pairs(when.header.into_iter()),
            macros: pairs(macros),
        }
    }

    fn networks(&mut self, written: Vec<Spanned<String>>) -> Vec<IpNet> {
        let mut networks = Vec::new();
        for text in written {
            let single = || text.get_ref().parse::<IpAddr>().ok().map(IpNet::from);
            match text.get_ref().parse().ok().or_else(single) {
                Some(network) => networks.push(network),
                None => {
                    let what = format!("`{}` is no network", text.get_ref());
                    self.refuse(text.span(), what, "write 192.0.2.0/24 or 2001:db8::/32");
                }
            }
        }
        networks
    }

    fn globs(&mut self, patterns: raw::Patterns) -> Vec<String> {
        for pattern in &patterns.0 {
            if let Some((what, remedy)) = bad_glob(pattern.get_ref()) {
                self.refuse(pattern.span(), format!("`{}` {what}", pattern.get_ref()), remedy);
            }
        }
        patterns.0.into_iter().map(Spanned::into_inner).collect()
    }

    fn results(&mut self, written: &raw::Results) -> Results {
        let id = written.authserv_id.get_ref();
        if !id.bytes().all(|b| b.is_ascii_graphic() && !b"()<>@,;:\\\"/[]?=".contains(&b)) {
            let at = written.authserv_id.span();
            // RFC 8601 2.2: authserv-id is a value, RFC 2045 5.1: token.
            self.refuse(
                at,
                format!("`{id}` is no authserv-id"),
                "write a domain name, such as mx.example.org",
            );
        }
        let authserv_id = if id.is_empty() { host_name() } else { id.clone() };
        let path = written.key_file.get_ref();
        let key = match path.as_os_str().is_empty() {
            true => machine_key(),
            false => self.key_file(path, written.key_file.span()),
        };
        Results { enabled: written.enabled, authserv_id, key }
    }

    fn key_file(&mut self, path: &Path, at: Range<usize>) -> Vec<u8> {
        match fs::read(path) {
            Ok(key) if KEY_OCTETS.contains(&key.len()) => return key,
            Ok(key) => self.refuse(
                at,
                format!("{} has {} octets", path.display(), key.len()),
                "put 16 to 4096 random octets there: head -c 32 /dev/urandom",
            ),
            Err(error) => {
                let Problem { what, .. } = problem(path, &error);
                self.refuse(
                    at,
                    format!("{}: {what}", path.display()),
                    "the user of the daemon must be able to read it",
                );
            }
        }
        Vec::new()
    }

    fn sockets(&mut self, listen: Vec<Spanned<String>>) -> Vec<Socket> {
        if listen.is_empty() {
            let at = self.table.get("listen").map_or(0..0, Spanned::span);
            self.refuse(at, "`listen` is empty", "write listen = [\"inet:8894@127.0.0.1\"]");
        }
        let mut sockets: Vec<Socket> = Vec::new();
        for written in listen {
            match written.get_ref().parse::<Socket>() {
                Ok(socket) if sockets.contains(&socket) => {
                    let what = format!("a second listener on {socket}");
                    self.refuse(written.span(), what, "remove one of them");
                }
                Ok(socket) => sockets.push(socket),
                Err(error) => self.refuse(written.span(), error.to_string(), ""),
            }
        }
        sockets
    }

    fn daemon(&mut self, listen: Vec<Spanned<String>>, written: &raw::Daemon) -> Daemon {
        let listen = self.sockets(listen);
        let mode = written.socket_mode.get_ref();
        let socket_mode = u32::from_str_radix(mode, 8).ok().filter(|m| *m <= 0o777 && mode.len() >= 3);
        if socket_mode.is_none() {
            let what = format!("`{mode}` is no access mode");
            self.refuse(written.socket_mode.span(), what, "write octal digits, such as \"0660\"");
        }
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        Daemon {
            listen,
            max_connections: *written.max_connections.get_ref(),
            workers: if written.workers == 0 { cores } else { written.workers },
            memory_bytes: *written.memory_bytes.get_ref(),
            socket_mode: socket_mode.unwrap_or(0o660),
            on_failure: written.on_failure,
        }
    }
}

fn pairs(named: impl Iterator<Item = (String, raw::OneOrMore)>) -> Vec<(String, String)> {
    named.flat_map(|(name, globs)| globs.into_vec().into_iter().map(move |g| (name.clone(), g))).collect()
}

/// What cannot be meant by a pattern, and what to write.
fn bad_glob(pattern: &str) -> Option<(&'static str, &'static str)> {
    if pattern.is_empty() {
        return Some(("matches nothing", "write `*` for anything, `<>` for the null reverse-path"));
    }
    if pattern.trim() != pattern || pattern.chars().any(char::is_control) {
        return Some(("has blanks or control characters", "remove them"));
    }
    let regular = pattern.starts_with(['^', '/']) || pattern.ends_with('$') || pattern.starts_with(".*");
    regular.then_some(("looks like a regular expression", "patterns are globs: `*@example.org`, `+1613*@*`"))
}

fn host_name() -> String {
    let read = |path| fs::read_to_string(path).ok().map(|s: String| s.trim().to_owned());
    let usable = |name: &String| {
        !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b'_'))
    };
    read("/proc/sys/kernel/hostname")
        .filter(usable)
        .or_else(|| read("/etc/hostname").filter(usable))
        .unwrap_or_else(|| "localhost".to_owned())
}

/// A secret of this machine: its id, hashed, since the id itself should not be used (machine-id(5)).
/// Without one, a secret of this process: our fields are then strangers after a restart.
fn machine_key() -> Vec<u8> {
    let id = fs::read("/etc/machine-id").ok().filter(|id| id.len() >= 32);
    let secret = id.unwrap_or_else(|| {
        let mut random = vec![0; 32];
        // Without randomness nor machine id nothing can be sealed; the field is then merely text.
        let _ = getrandom::fill(&mut random);
        random
    });
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(&secret) else { return secret };
    mac.update(b"vpim-milter: seal of VPIM-Results");
    mac.finalize().into_bytes().to_vec()
}

/// True for a value that is a table.
pub(super) fn is_table(value: &Spanned<DeValue<'_>>) -> bool {
    value.get_ref().is_table()
}
