//! The daemon's life: listen, reload, end.
//!
//! SIGHUP reads the configuration again: sessions that begin afterwards have it, a bad one is logged
//! and the old one stays. SIGTERM and SIGINT: no new connection and no new message is taken, messages
//! in flight have 27 s to end, then all connections are closed; the process ends within 30 s. systemd is told of each step
//! (sd_notify(3)); without systemd that does nothing.

use super::adapter;
use super::journal::Journal;
use super::socket::{Acceptor, BindError, Bound};
use super::work::Service;
use crate::config::{Config, Daemon, Problem};
use sd_notify::NotifyState;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::oneshot;
use tokio::time::{sleep, timeout};
use tracing::{error, info, warn};

/// For messages in flight when the process is to end.
const DRAIN_TIME: Duration = Duration::from_secs(27);
/// For connections to be closed after that.
const CLOSE_TIME: Duration = Duration::from_secs(2);

/// Why the daemon did not start, or ended.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// A socket.
    #[error(transparent)]
    Bind(#[from] BindError),
    /// The file of accepted copies.
    #[error("split.journal {0}: {1}; the user of the daemon must be able to write it and its directory")]
    Journal(PathBuf, io::Error),
    /// The system.
    #[error("{0}")]
    Io(#[from] io::Error),
}

/// Reads the configuration again.
pub type Reload = Box<dyn Fn() -> Result<Config, Vec<Problem>> + Send + Sync>;

/// Serves until a signal ends it.
pub async fn serve(config: Config, reload: Reload) -> Result<(), ServeError> {
    let daemon = config.daemon.clone();
    let mode = config.settings.mode;
    let mut bound = Bound::inherited()?;
    if bound.is_empty() {
        for socket in &daemon.listen {
            bound.push(Bound::new(socket, daemon.socket_mode).await?);
        }
    }
    for socket in &bound {
        info!(?mode, workers = daemon.workers, "listening on {}", socket.name());
    }
    let mut signals = Signals::new()?;
    let journal = config.reinject.as_ref().and_then(|r| r.journal.clone());
    let mut service = Service::new(config);
    if let Some(path) = &journal {
        let opened = Journal::open(path);
        service.journal = Arc::new(opened.map_err(|error| ServeError::Journal(path.clone(), error))?);
    }
    let service = Arc::new(service);
    let (close, closed) = oneshot::channel();
    let acceptor = Acceptor::new(bound, service.flow.clone(), closed);
    notify(&[NotifyState::Ready]);
    let (over, is_over) = oneshot::channel();
    let end = async {
        until_the_end(&mut signals, &service, &daemon, &reload, close).await;
        let _ = over.send(());
    };
    tokio::select! {
        result = adapter::run(acceptor, service.clone(), daemon.max_connections, end) => result?,
        // Sessions end between commands; one whose command never ends must not keep the process.
        () = async { let _ = is_over.await; sleep(CLOSE_TIME).await } => warn!("connections were cut"),
    }
    info!("ended");
    Ok(())
}

struct Signals {
    hangup: Signal,
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    fn new() -> io::Result<Self> {
        Ok(Signals {
            hangup: signal(SignalKind::hangup())?,
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
        })
    }
}

async fn until_the_end(
    signals: &mut Signals,
    service: &Service,
    daemon: &Daemon,
    reload: &Reload,
    close: oneshot::Sender<()>,
) {
    loop {
        tokio::select! {
            _ = signals.hangup.recv() => again(service, daemon, reload),
            _ = signals.terminate.recv() => break,
            _ = signals.interrupt.recv() => break,
        }
    }
    notify(&[NotifyState::Stopping]);
    let _ = close.send(());
    service.flow.drain();
    info!(in_flight = service.flow.in_flight(), "ending: messages in flight are finished first");
    if timeout(DRAIN_TIME, service.flow.idle()).await.is_err() {
        warn!(in_flight = service.flow.in_flight(), "messages are still in flight; their senders keep them");
    }
}

fn again(service: &Service, old: &Daemon, reload: &Reload) {
    match NotifyState::monotonic_usec_now() {
        Ok(now) => notify(&[NotifyState::Reloading, now]),
        Err(_) => notify(&[NotifyState::Reloading]),
    }
    match reload() {
        Ok(config) => {
            for name in needs_restart(old, &config.daemon) {
                warn!("{name} changed: takes effect after a restart only");
            }
            service.replace(config);
            info!("configuration reloaded: sessions that begin now have it");
        }
        Err(problems) => {
            for problem in problems {
                error!("{problem}");
            }
            error!("the new configuration is refused, the old one stays");
        }
    }
    notify(&[NotifyState::Ready]);
}

/// Keys that are read at start only.
fn needs_restart(old: &Daemon, new: &Daemon) -> Vec<&'static str> {
    let changed = [
        ("listen", old.listen != new.listen),
        ("daemon.socket_mode", old.socket_mode != new.socket_mode),
        ("daemon.max_connections", old.max_connections != new.max_connections),
        ("daemon.workers", old.workers != new.workers),
        ("daemon.memory_bytes", old.memory_bytes != new.memory_bytes),
    ];
    changed.into_iter().filter(|(_, changed)| *changed).map(|(name, _)| name).collect()
}

fn notify(states: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(states) {
        warn!("telling systemd: {error}");
    }
}
