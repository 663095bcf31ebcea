//! The log of the daemon: standard error, as text for people and journald, or as JSON.

use crate::config::{Log, LogFormat, LogLevel};
use std::io::{self, IsTerminal};
use tracing::level_filters::LevelFilter;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::prelude::*;

/// Starts the log. A second call does nothing.
pub fn start(log: &Log) {
    let level = match log.level {
        LogLevel::Error => LevelFilter::ERROR,
        LogLevel::Warn => LevelFilter::WARN,
        LogLevel::Info => LevelFilter::INFO,
        LogLevel::Debug => LevelFilter::DEBUG,
        LogLevel::Trace => LevelFilter::TRACE,
    };
    // The protocol library's trace shows mail; its warnings are about replies it corrects.
    let targets = Targets::new().with_target("vpim_milter", level).with_default(LevelFilter::ERROR);
    let layer = tracing_subscriber::fmt::layer().with_writer(io::stderr).with_ansi(false);
    let registry = tracing_subscriber::registry().with(targets);
    let _ = match log.format {
        LogFormat::Json => registry.with(layer.json().flatten_event(true)).try_init(),
        // journald has the time itself.
        LogFormat::Text if std::env::var_os("JOURNAL_STREAM").is_some() && !io::stderr().is_terminal() => {
            registry.with(layer.without_time()).try_init()
        }
        LogFormat::Text => registry.with(layer).try_init(),
    };
}
