//! The configuration: `vpim-milter.toml`, then `conf.d/*.toml` beside it in the order of their names.
//!
//! Tables are merged key by key, later files win; `[[route]]`s are appended. Whatever is unknown or
//! cannot work is refused with file, line, column and a remedy, so that nothing takes effect by
//! accident. Without any file the defaults hold: loopback, mode `report`, one route that leaves all
//! mail as it is.
//!
//! [`load`] reads; [`show`] prints what came out of it and where each value is from. Limits: files of
//! at most 1 MiB, 1,000 of them.

mod check;
mod directory;
mod load;
mod numbers;
mod profiles;
pub mod raw;
mod show;
mod source;
mod split;
mod texts;

pub use load::{load, load_text};
pub use raw::{Log, LogFormat, LogLevel, OnFailure};
pub use show::show;
pub use source::{Place, Problem, Sources};

use crate::policy::Settings;
use crate::socket::Socket;
use std::path::PathBuf;
use std::time::Duration;

/// Where the configuration is unless told otherwise.
pub const DEFAULT_FILE: &str = "/etc/vpim-milter/vpim-milter.toml";

/// A configuration that was found good.
#[derive(Debug)]
pub struct Config {
    /// What the core needs.
    pub settings: Settings,
    /// Where copies for other recipients go, where `split.smtp` says so.
    pub reinject: Option<Reinject>,
    /// Where recipients are looked up.
    pub directory: Option<crate::directory::Settings>,
    /// What the daemon needs.
    pub daemon: Daemon,
    /// The log.
    pub log: Log,
    /// The texts it came from.
    pub sources: Sources,
}

/// Where copies for recipients of other output go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reinject {
    /// Host of the SMTP server.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// Name for EHLO.
    pub helo: String,
    /// For each reply.
    pub timeout: Duration,
    /// File of accepted copies.
    pub journal: Option<PathBuf>,
}

/// Settings of the process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Daemon {
    /// Sockets to listen on.
    pub listen: Vec<Socket>,
    /// Connections open at one time.
    pub max_connections: usize,
    /// Threads that work on messages.
    pub workers: usize,
    /// Octets of all messages in memory.
    pub memory_bytes: usize,
    /// Access mode of Unix sockets.
    pub socket_mode: u32,
    /// What to answer when the daemon itself fails.
    pub on_failure: OnFailure,
}

#[cfg(test)]
mod tests;
