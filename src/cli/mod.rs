//! The command line: one file a command, all over the same library the daemon uses.

use clap::{Parser, Subcommand};
use std::process::ExitCode;

pub mod check;
pub mod completions;
pub mod config;
pub mod convert;
pub mod demo;
pub mod explain;
mod facts;
mod files;
pub mod inspect;
pub mod logging;
pub mod lookup;
pub mod man;
pub mod probe;
pub mod route;
pub mod samples;
pub mod serve;
pub mod transcode;

/// Exit code for wrong usage and I/O errors.
pub const EXIT_USAGE: u8 = 2;

/// Checks and converts voice and fax mail.
#[derive(Debug, Parser)]
#[command(name = "vpim-milter", version, about, propagate_version = true)]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Judge messages against VPIM and its relatives.
    Check(check::Args),
    /// Check a configuration, or show what is in effect.
    Config(config::Args),
    /// Explain a rule, or list all of them.
    Explain(explain::Args),
    /// Show what a message is made of.
    Inspect(inspect::Args),
    /// Rewrite one message for a destination.
    Convert(convert::Args),
    /// Look a mailbox or number up in the directory.
    Lookup(lookup::Args),
    /// Say what would be done with a message for each recipient.
    Route(route::Args),
    /// Convert one audio or fax body.
    Transcode(transcode::Args),
    /// Play the MTA to a running milter; the health check.
    Probe(probe::Args),
    /// Show the milter at work on bundled messages, with nothing installed.
    Demo(demo::Args),
    /// Write sample messages to try other systems with.
    Samples(samples::Args),
    /// Print a completion script for a shell.
    Completions(completions::Args),
    /// Write the manual pages.
    Man(man::Args),
    /// Run the milter.
    Serve(serve::Args),
}

/// Runs the command line of this process.
pub fn run() -> ExitCode {
    match Cli::parse().command {
        Command::Check(args) => check::run(&args),
        Command::Config(args) => config::run(&args),
        Command::Explain(args) => explain::run(&args),
        Command::Inspect(args) => inspect::run(&args),
        Command::Convert(args) => convert::run(&args),
        Command::Lookup(args) => lookup::run(&args),
        Command::Route(args) => route::run(&args),
        Command::Transcode(args) => transcode::run(&args),
        Command::Probe(args) => probe::run(&args),
        Command::Demo(args) => demo::run(&args),
        Command::Samples(args) => samples::run(&args),
        Command::Completions(args) => completions::run(&args),
        Command::Man(args) => man::run(&args),
        Command::Serve(args) => serve::run(&args),
    }
}
