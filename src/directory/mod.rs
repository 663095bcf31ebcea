//! The directory: who a mailbox belongs to, where its mail goes, what it takes (RFC 4237, RFC 4238).
//!
//! Sources are asked in the order of the configuration, the first that knows the mailbox answers. Answers are
//! kept for a while; where a source fails, its last answer holds for an hour ([`Kept::stale`]). One answer,
//! of whatever chain, has [`Settings::timeout`] in all, so that an MTA never waits longer. A source that
//! failed 5 times in a row is left alone for 30 s.
//!
//! [`Directory::resolve`] is what the daemon and `lookup` both call. Each source bounds what it reads:
//! [`crate::vpim::listing`] says what is an answer at all. A mailbox that an answer names is not asked for
//! again in its turn, so chains end after one step.

mod cache;
pub mod enum_dns;
pub mod file;
pub mod ldap;

use crate::vpim::listing::{Listing, Lookup, Query};
use cache::Cache;
use serde::Serialize;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use tracing::warn;

/// Failures in a row after which a source is not asked for a while.
const FAILURES: u32 = 5;
/// For how long.
const PAUSE: Duration = Duration::from_secs(30);

/// Where answers come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Source {
    /// A CSV or LDIF file.
    File,
    /// A directory server.
    Ldap,
    /// NAPTR records of the DNS.
    Enum,
}

impl Source {
    /// All, as the configuration writes them.
    pub const ALL: [(Source, &'static str); 3] =
        [(Source::File, "file"), (Source::Ldap, "ldap"), (Source::Enum, "enum")];

    /// As the configuration writes it.
    pub fn name(self) -> &'static str {
        Self::ALL.into_iter().find(|(source, _)| *source == self).map_or("", |(_, name)| name)
    }
}

/// How long answers are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Kept {
    /// An answer with a mailbox.
    pub positive: Duration,
    /// The answer that nobody knows the mailbox.
    pub negative: Duration,
    /// An answer with a mailbox while its source fails, since it came in.
    pub stale: Duration,
}

/// What the configuration says.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    /// Whom to ask, in this order.
    pub order: Vec<Source>,
    /// For one answer in all.
    pub timeout: Duration,
    /// The file.
    pub file: Option<Arc<file::Table>>,
    /// The directory server.
    pub ldap: Option<ldap::Settings>,
    /// The DNS.
    pub enum_dns: Option<enum_dns::Settings>,
    /// How long answers are kept.
    pub kept: Kept,
}

/// An answer and where it comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// What is known.
    pub lookup: Lookup,
    /// Who said so; `None` where nobody knows.
    pub source: Option<Source>,
    /// How long ago.
    pub age: Duration,
    /// It is older than it should be, and its source fails.
    pub stale: bool,
    /// Sources that failed, and why.
    pub failures: Vec<(Source, String)>,
}

/// The chain of sources, with what they answered.
pub struct Directory {
    settings: Settings,
    ldap: Option<ldap::Server>,
    zone: Option<enum_dns::Zone>,
    cache: Mutex<Cache>,
    health: [Health; Source::ALL.len()],
}

impl std::fmt::Debug for Directory {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Directory").field("settings", &self.settings).finish_non_exhaustive()
    }
}

/// How a source has been doing.
#[derive(Debug, Default)]
struct Health {
    failures: AtomicU32,
    paused: Mutex<Option<Instant>>,
}

impl Health {
    /// The reason not to ask, where there is one.
    fn objection(&self) -> Option<String> {
        let paused = *self.paused.lock().unwrap_or_else(PoisonError::into_inner);
        let left = (paused? + PAUSE).checked_duration_since(Instant::now())?;
        Some(format!("failed {FAILURES} times in a row, not asked for {} s", left.as_secs() + 1))
    }

    fn count(&self, failed: bool) {
        let failures = match failed {
            true => self.failures.fetch_add(1, Ordering::Relaxed) + 1,
            false => {
                self.failures.store(0, Ordering::Relaxed);
                0
            }
        };
        // Every further failure pauses again: one question in each pause finds out.
        let paused = (failures >= FAILURES).then(Instant::now);
        *self.paused.lock().unwrap_or_else(PoisonError::into_inner) = paused;
    }
}

impl Directory {
    /// A directory with nothing asked yet.
    pub fn new(settings: Settings) -> Self {
        Directory {
            ldap: settings.ldap.clone().map(ldap::Server::new),
            zone: settings.enum_dns.clone().map(enum_dns::Zone::new),
            cache: Mutex::new(Cache::new(settings.kept)),
            health: Default::default(),
            settings,
        }
    }

    /// What it was made of.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// What is known of an address. Never fails, and never takes longer than [`Settings::timeout`].
    pub async fn resolve(&self, address: &str) -> Answer {
        let nobody = |failures: Vec<(Source, String)>| Answer {
            lookup: match failures.first() {
                None => Lookup::Unknown,
                Some((source, why)) => Lookup::Failed(format!("{}: {why}", source.name())),
            },
            source: None,
            age: Duration::ZERO,
            stale: false,
            failures,
        };
        // What no directory could hold is not asked for.
        let Some(query) = Query::new(address) else { return nobody(Vec::new()) };
        if let Some(known) = self.cache().fresh(&query) {
            return known;
        }
        let end = Instant::now() + self.settings.timeout;
        let mut failures = Vec::new();
        for source in &self.settings.order {
            match self.ask(*source, &query, end).await {
                Ok(Some(listing)) => {
                    let age = match (source, &self.settings.file) {
                        (Source::File, Some(table)) => table.age(),
                        _ => Duration::ZERO,
                    };
                    let lookup = Lookup::Listed(listing);
                    let answer = Answer { lookup, source: Some(*source), age, stale: false, failures };
                    // What a later source says while an earlier one fails holds for this time only.
                    if answer.failures.is_empty() && *source != Source::File {
                        self.cache().keep(query, &answer);
                    }
                    return answer;
                }
                Ok(None) => {}
                Err(why) => {
                    warn!(source = source.name(), "directory: {why}");
                    failures.push((*source, why));
                    if let Some(mut known) = self.cache().stale(&query, *source) {
                        known.failures = failures;
                        return known;
                    }
                }
            }
        }
        let answer = nobody(failures);
        if answer.failures.is_empty() {
            self.cache().keep(query, &answer);
        }
        answer
    }

    fn cache(&self) -> std::sync::MutexGuard<'_, Cache> {
        self.cache.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Asks one source until `end` at most.
    async fn ask(&self, source: Source, query: &Query, end: Instant) -> Result<Option<Listing>, String> {
        if source == Source::File {
            return Ok(self.settings.file.as_ref().and_then(|table| table.find(query)));
        }
        let health = self.health.get(source as usize).ok_or("no such source")?;
        if let Some(objection) = health.objection() {
            return Err(objection);
        }
        let left = end.saturating_duration_since(Instant::now());
        if left.is_zero() {
            // Not this one's fault.
            return Err("no time left".to_owned());
        }
        let answer = match (source, &self.ldap, &self.zone) {
            (Source::Ldap, Some(server), _) => server.ask(query, left).await,
            (Source::Enum, _, Some(zone)) => zone.ask(query, left).await,
            _ => return Ok(None),
        };
        health.count(answer.is_err());
        answer
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn closed() -> ldap::Settings {
        // Port 1 of this machine: nothing listens there.
        ldap::Settings::new("ldap://127.0.0.1:1", "dc=x")
    }

    fn directory(order: &[Source], csv: &str) -> Directory {
        Directory::new(Settings {
            order: order.to_vec(),
            timeout: Duration::from_secs(2),
            file: Some(Arc::new(file::Table::parse(csv, &[]).unwrap())),
            ldap: Some(closed()),
            enum_dns: None,
            kept: Kept {
                positive: Duration::from_secs(300),
                negative: Duration::from_secs(60),
                stale: Duration::from_secs(3600),
            },
        })
    }

    const CSV: &str = "number,mailbox\n+16135551234,pat@vm2.test\n";

    #[tokio::test]
    async fn the_first_source_that_knows_answers_and_a_failure_is_no_unknown() {
        let answer = directory(&[Source::File, Source::Ldap], CSV).resolve("+16135551234@x.test").await;
        assert_eq!((answer.source, answer.failures.len()), (Some(Source::File), 0));
        let answer = directory(&[Source::Ldap, Source::File], CSV).resolve("+16135551234@x.test").await;
        assert_eq!((answer.source, answer.failures.len()), (Some(Source::File), 1));
        let answer = directory(&[Source::Ldap, Source::File], CSV).resolve("+1@x.test").await;
        assert!(matches!(answer.lookup, Lookup::Failed(_)), "{answer:?}");
        let answer = directory(&[Source::File], CSV).resolve("+1@x.test").await;
        assert_eq!(answer.lookup, Lookup::Unknown);
        let answer = directory(&[Source::Ldap], CSV).resolve("a*)(uid=*@x.test").await;
        assert_eq!(answer.lookup, Lookup::Unknown, "what is no address is not asked for");
    }

    #[tokio::test]
    async fn a_source_that_fails_again_and_again_is_left_alone() {
        let directory = directory(&[Source::Ldap], CSV);
        for _ in 0..FAILURES {
            let answer = directory.resolve("+1@x.test").await;
            assert!(!answer.failures[0].1.contains("in a row"), "{answer:?}");
        }
        let answer = directory.resolve("+1@x.test").await;
        assert!(answer.failures[0].1.contains("in a row"), "{answer:?}");
        let health = &directory.health[Source::Ldap as usize];
        health.count(false);
        assert_eq!(health.objection(), None);
    }
}
