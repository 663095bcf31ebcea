//! Answers of the directory, kept in memory for a while.

use super::{Answer, Kept, Source};
use crate::vpim::listing::{Lookup, Query};
use std::collections::HashMap;
use std::time::{Duration, Instant};

/// Answers kept.
const ENTRIES: usize = 10_000;

/// What was answered lately.
#[derive(Debug)]
pub(super) struct Cache {
    kept: Kept,
    entries: HashMap<Query, (Instant, Lookup, Option<Source>)>,
}

impl Cache {
    pub fn new(kept: Kept) -> Self {
        Cache { kept, entries: HashMap::new() }
    }

    /// An answer that is still good.
    pub fn fresh(&self, query: &Query) -> Option<Answer> {
        self.within(query, |lookup| match lookup {
            Lookup::Listed(_) => self.kept.positive,
            _ => self.kept.negative,
        })
    }

    /// What `source` answered some time ago, for as long as it fails: mailboxes only, since a mailbox that
    /// was unknown may be there by now.
    pub fn stale(&self, query: &Query, source: Source) -> Option<Answer> {
        let known = self.within(query, |lookup| match lookup {
            Lookup::Listed(_) => self.kept.stale,
            _ => Duration::ZERO,
        })?;
        (known.source == Some(source)).then_some(Answer { stale: true, ..known })
    }

    fn within(&self, query: &Query, limit: impl Fn(&Lookup) -> Duration) -> Option<Answer> {
        let (since, lookup, source) = self.entries.get(query)?;
        let age = since.elapsed();
        (age < limit(lookup)).then(|| Answer {
            lookup: lookup.clone(),
            source: *source,
            age,
            stale: false,
            failures: Vec::new(),
        })
    }

    /// Keeps an answer; the oldest goes where there is no room.
    pub fn keep(&mut self, query: Query, answer: &Answer) {
        if self.entries.len() >= ENTRIES && !self.entries.contains_key(&query) {
            let longest = self.kept.positive.max(self.kept.negative).max(self.kept.stale);
            self.entries.retain(|_, (since, _, _)| since.elapsed() < longest);
            let oldest = self.entries.iter().min_by_key(|(_, (since, _, _))| *since).map(|(q, _)| q.clone());
            if let Some(oldest) = oldest.filter(|_| self.entries.len() >= ENTRIES) {
                self.entries.remove(&oldest);
            }
        }
        self.entries.insert(query, (Instant::now(), answer.lookup.clone(), answer.source));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vpim::Listing;

    fn answer(lookup: Lookup, source: Source) -> Answer {
        Answer { lookup, source: Some(source), age: Duration::ZERO, stale: false, failures: vec![] }
    }

    fn query(n: usize) -> Query {
        Query::new(&format!("+{n}@x.test")).unwrap()
    }

    #[test]
    fn answers_grow_old_and_only_mailboxes_of_a_failing_source_outlive_it() {
        let (zero, hour) = (Duration::ZERO, Duration::from_secs(3_600));
        let mut cache = Cache::new(Kept { positive: zero, negative: hour, stale: hour });
        cache.keep(query(1), &answer(Lookup::Listed(Listing::default()), Source::Ldap));
        cache.keep(query(2), &answer(Lookup::Unknown, Source::Ldap));
        assert_eq!(cache.fresh(&query(1)), None);
        assert!(cache.stale(&query(1), Source::Ldap).unwrap().stale);
        assert_eq!(cache.stale(&query(1), Source::Enum), None);
        assert!(cache.fresh(&query(2)).is_some() && cache.stale(&query(2), Source::Ldap).is_none());
    }

    #[test]
    fn the_oldest_goes_where_there_is_no_room() {
        let hour = Duration::from_secs(3_600);
        let mut cache = Cache::new(Kept { positive: hour, negative: hour, stale: hour });
        for n in 0..=ENTRIES {
            cache.keep(query(n), &answer(Lookup::Unknown, Source::Ldap));
        }
        assert_eq!(cache.entries.len(), ENTRIES);
        assert!(cache.fresh(&query(0)).is_none() && cache.fresh(&query(ENTRIES)).is_some());
    }
}
