//! The command line: one file a command, all over the same library the daemon uses.

use clap::{Parser, Subcommand};
use std::process::ExitCode;

pub mod check;
pub mod config;
pub mod explain;
pub mod input;
pub mod inspect;
pub mod logging;
pub mod serve;

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
        Command::Serve(args) => serve::run(&args),
    }
}
