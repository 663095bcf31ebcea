//! What all sessions share, and the core at work on one message: in a worker thread, with a bound on
//! threads, memory and time, its panics caught.

use super::guard::Flow;
use super::journal::Journal;
use crate::config::{Config, OnFailure, Reinject};
use crate::directory::Directory;
use crate::engine::divide::Sent;
use crate::engine::{self, Ambient, Outcome};
use crate::policy::Settings;
use crate::vpim::Envelope;
use std::collections::VecDeque;
use std::fmt;
use std::hash::{BuildHasher, RandomState};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::{Duration, SystemTime};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{sleep, timeout};

/// Octets of the unit in which memory is counted.
const UNIT_OCTETS: usize = 1 << 10;
/// How long a session waits for memory. Sendmail gives up on a reply after 10 s (R of its Timeouts)
/// and its default then is to take the mail without us, so the answer must come before.
const MEMORY_TIME: Duration = Duration::from_secs(8);
/// How long a message waits for a worker. PROGRESS is sent meanwhile; Sendmail ends end-of-data after
/// 5 minutes in all.
const QUEUE_TIME: Duration = Duration::from_secs(60);
/// How long a worker may take to notice that its time is over.
const GRACE_TIME: Duration = Duration::from_secs(10);
/// Panics over one message before it is delivered as it came.
const PANICS: usize = 3;
/// Panics remembered.
const PANICS_KEPT: usize = 256;

/// The core, as a value so that tests can put a failing one in its place.
pub type Core = Arc<dyn Fn(&[u8], &Envelope, &Settings, &Ambient) -> Outcome + Send + Sync>;

/// The configuration as a session sees it: taken once, when the session begins.
#[derive(Debug)]
pub struct Live {
    /// For the core.
    pub settings: Settings,
    /// What to answer when we fail.
    pub on_failure: OnFailure,
    /// Addresses in the log are hashed.
    pub hash_addresses: bool,
    /// Where copies for other recipients go.
    pub reinject: Option<Reinject>,
    /// Where recipients are looked up.
    pub directory: Option<Arc<Directory>>,
}

impl From<Config> for Live {
    fn from(config: Config) -> Self {
        Live {
            settings: config.settings,
            on_failure: config.daemon.on_failure,
            hash_addresses: config.log.hash_addresses,
            reinject: config.reinject,
            directory: config.directory.map(|settings| Arc::new(Directory::new(settings))),
        }
    }
}

/// What all sessions share.
pub struct Service {
    live: RwLock<Arc<Live>>,
    /// Messages in flight.
    pub flow: Arc<Flow>,
    /// Copies accepted.
    pub journal: Arc<Journal>,
    memory: Arc<Semaphore>,
    workers: Arc<Semaphore>,
    panics: Panics,
    core: Core,
}

impl fmt::Debug for Service {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Service").field("flow", &self.flow).finish_non_exhaustive()
    }
}

/// Why there is no outcome. Never the message's fault, as far as can be told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Failure {
    /// No worker was free in time.
    #[error("no worker was free in time")]
    Busy,
    /// The worker did not end in time.
    #[error("the work did not end in time")]
    Slow,
    /// A bug.
    #[error("the core panicked")]
    Panic,
    /// A bug, three times over the same content: a poison message must not block its sender.
    #[error("the core panicked over this message again and again")]
    Poison,
    /// Copies for other recipients could not be sent, none was.
    #[error("copies for other recipients could not be sent")]
    NotSent,
    /// Some recipients have their copy, others not yet.
    #[error("some copies for other recipients could not be sent")]
    SentInPart,
    /// The answer cannot be sent.
    #[error("the core gave an answer that cannot be sent")]
    Unsendable,
}

impl Service {
    /// A service with the real core.
    pub fn new(config: Config) -> Self {
        Self::with_core(config, Arc::new(engine::process))
    }

    /// A service with another core.
    pub fn with_core(config: Config, core: Core) -> Self {
        Service {
            flow: Arc::default(),
            journal: Arc::default(),
            memory: Arc::new(Semaphore::new(
                (config.daemon.memory_bytes / UNIT_OCTETS).clamp(1, Semaphore::MAX_PERMITS),
            )),
            workers: Arc::new(Semaphore::new(config.daemon.workers.clamp(1, 1_024))),
            panics: Panics::default(),
            core,
            live: RwLock::new(Arc::new(Live::from(config))),
        }
    }

    /// The configuration of now.
    pub fn live(&self) -> Arc<Live> {
        self.live.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Another configuration for the sessions to come.
    pub fn replace(&self, config: Config) {
        let mut next = Live::from(config);
        let mut live = self.live.write().unwrap_or_else(PoisonError::into_inner);
        // The same directory keeps its answers.
        if let (Some(old), Some(new)) = (&live.directory, &mut next.directory)
            && old.settings() == new.settings()
        {
            *new = old.clone();
        }
        *live = Arc::new(next);
    }

    /// Reserves memory up to `octets` in all for one message; false when there is none in time.
    pub async fn reserve(&self, held: &mut Held, octets: usize) -> bool {
        let units = octets.div_ceil(UNIT_OCTETS).saturating_sub(held.units());
        let Ok(units) = u32::try_from(units) else { return false };
        if units == 0 {
            return true;
        }
        match timeout(MEMORY_TIME, self.memory.clone().acquire_many_owned(units)).await {
            Ok(Ok(permit)) => held.add(permit),
            _ => return false,
        }
        true
    }

    /// The core's answer to one message.
    pub async fn run(
        &self,
        live: Arc<Live>,
        raw: Arc<Vec<u8>>,
        envelope: Arc<Envelope>,
    ) -> Result<Outcome, Failure> {
        let free = timeout(QUEUE_TIME, self.workers.clone().acquire_owned()).await;
        let Ok(Ok(worker)) = free else { return Err(Failure::Busy) };
        let stop = StopOnDrop(Arc::default());
        let time = Duration::from_millis(live.settings.limits.work_ms);
        let journal = self.journal.clone();
        let ambient = Ambient {
            date: Some(super::clock::rfc5322_date(SystemTime::now())),
            stop: stop.0.clone(),
            sent: Sent::new(move |key| journal.contains(key)),
        };
        let (core, octets) = (self.core.clone(), raw.clone());
        let mut work = tokio::task::spawn_blocking(move || {
            let outcome = core(&octets, &envelope, &live.settings, &ambient);
            drop(worker);
            outcome
        });
        let done = tokio::select! {
            done = &mut work => done,
            () = sleep(time) => {
                stop.0.store(true, Ordering::Relaxed);
                timeout(GRACE_TIME, &mut work).await.map_err(|_| Failure::Slow)?
            }
        };
        done.map_err(|error| match error.is_panic() {
            true if self.panics.count(&raw) >= PANICS => Failure::Poison,
            true => Failure::Panic,
            // The runtime is shutting down.
            false => Failure::Busy,
        })
    }
}

/// Raises the stop flag when nobody waits for the outcome any more: the MTA is gone.
struct StopOnDrop(Arc<AtomicBool>);

impl Drop for StopOnDrop {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Memory reserved for one message; given back when dropped.
#[derive(Debug, Default)]
pub struct Held(Option<OwnedSemaphorePermit>);

impl Held {
    fn units(&self) -> usize {
        self.0.as_ref().map_or(0, OwnedSemaphorePermit::num_permits)
    }

    fn add(&mut self, permit: OwnedSemaphorePermit) {
        match &mut self.0 {
            Some(held) => held.merge(permit),
            None => self.0 = Some(permit),
        }
    }
}

/// Panics by the content they happened over.
#[derive(Default)]
struct Panics {
    hasher: RandomState,
    seen: Mutex<VecDeque<u64>>,
}

impl Panics {
    /// How often, this time included. The body is compared: the header of a second try differs.
    fn count(&self, raw: &[u8]) -> usize {
        let body = memchr::memmem::find(raw, b"\r\n\r\n").and_then(|at| raw.get(at..)).unwrap_or(raw);
        let hash = self.hasher.hash_one(body);
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        if seen.len() >= PANICS_KEPT {
            seen.pop_front();
        }
        seen.push_back(hash);
        seen.iter().filter(|h| **h == hash).count()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config;
    use crate::policy::profile;

    fn service(text: &str, core: Core) -> Service {
        Service::with_core(config::load_text(&[("t", text)], profile::builtin()).unwrap(), core)
    }

    async fn run(service: &Service, raw: &str) -> Result<Outcome, Failure> {
        service.run(service.live(), Arc::new(raw.into()), Arc::default()).await
    }

    #[tokio::test]
    async fn a_panic_is_a_failure_and_the_third_over_one_content_is_poison() {
        let service = service("", Arc::new(|_, _, _, _| panic!("on purpose")));
        assert_eq!(run(&service, "Received: a\r\n\r\nx").await, Err(Failure::Panic));
        assert_eq!(run(&service, "Received: b\r\n\r\nx").await, Err(Failure::Panic));
        assert_eq!(run(&service, "Received: c\r\n\r\ny").await, Err(Failure::Panic));
        assert_eq!(run(&service, "Received: d\r\n\r\nx").await, Err(Failure::Poison));
    }

    #[tokio::test]
    async fn the_stop_flag_is_raised_when_the_time_is_over() {
        let core: Core = Arc::new(|raw, envelope, settings, ambient| {
            while !ambient.stop.load(Ordering::Relaxed) {
                std::thread::yield_now();
            }
            engine::process(raw, envelope, settings, ambient)
        });
        let service = service("[limits]\nwork_ms = 20", core);
        assert!(run(&service, "\r\n").await.is_ok());
    }

    #[tokio::test]
    async fn the_stop_flag_is_raised_when_nobody_waits() {
        let (told, hears) = std::sync::mpsc::channel();
        let told = Mutex::new(told);
        let core: Core = Arc::new(move |raw, envelope, settings, ambient| {
            while !ambient.stop.load(Ordering::Relaxed) {
                std::thread::yield_now();
            }
            told.lock().unwrap().send(()).unwrap();
            engine::process(raw, envelope, settings, ambient)
        });
        let service = service("", core);
        assert!(timeout(Duration::from_millis(50), run(&service, "\r\n")).await.is_err());
        hears.recv_timeout(Duration::from_secs(10)).unwrap();
    }

    #[tokio::test(start_paused = true)]
    async fn memory_is_waited_for_and_given_back() {
        let service = service(
            "[limits]\nmessage_bytes = 2048\n[daemon]\nmemory_bytes = 4096",
            Arc::new(engine::process),
        );
        let (mut a, mut b) = (Held::default(), Held::default());
        assert!(service.reserve(&mut a, 1_000).await);
        assert!(service.reserve(&mut a, 3_000).await);
        assert_eq!(a.units(), 3);
        assert!(!service.reserve(&mut b, 1_025).await);
        drop(a);
        assert!(service.reserve(&mut b, 4_096).await);
    }
}
