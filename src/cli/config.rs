//! `vpim-milter config`.

use super::EXIT_USAGE;
use crate::config::{self, Config, DEFAULT_FILE, Problem};
use crate::policy::profile;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Arguments of `config`.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Look for mistakes in a configuration and `conf.d/*.toml` beside it.
    Check {
        /// The configuration.
        file: PathBuf,
    },
    /// Print the effective configuration, each value with its origin.
    Show {
        /// The configuration; without it what `serve` would read.
        file: Option<PathBuf>,
    },
}

/// Runs the command.
pub fn run(args: &Args) -> ExitCode {
    match &args.command {
        Command::Check { file } => match load(Some(file.clone())) {
            Ok(_) => ExitCode::SUCCESS,
            Err(problems) => complain(&problems),
        },
        Command::Show { file } => {
            let shown = load(file.clone()).and_then(|c| config::show(&c).map_err(|p| vec![p]));
            match shown {
                Ok(text) => match std::io::stdout().write_all(text.as_bytes()) {
                    Ok(()) => ExitCode::SUCCESS,
                    Err(_) => ExitCode::from(EXIT_USAGE),
                },
                Err(problems) => complain(&problems),
            }
        }
    }
}

/// The configuration of `file`, of the default file if it is there, or the defaults.
pub fn load(file: Option<PathBuf>) -> Result<Config, Vec<Problem>> {
    let default = || Some(PathBuf::from(DEFAULT_FILE)).filter(|f| Path::exists(f));
    config::load(file.or_else(default).as_deref(), profile::builtin())
}

/// Prints what is wrong.
pub fn complain(problems: &[Problem]) -> ExitCode {
    for problem in problems {
        eprintln!("{problem}");
    }
    ExitCode::from(EXIT_USAGE)
}
