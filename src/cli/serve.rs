//! `vpim-milter serve`.

use super::{EXIT_USAGE, config, logging};
use crate::config::{Config, Problem};
use crate::milter::serve::{self, Reload};
use crate::socket::Socket;
use std::path::PathBuf;
use std::process::ExitCode;
use tracing::error;

/// Arguments of `serve`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Configuration file; `conf.d/*.toml` beside it is read too. Without it the file in
    /// /etc/vpim-milter, if there is one, else the defaults.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Listens here instead of the sockets of the configuration; may be given several times.
    #[arg(long, value_name = "SOCKET")]
    listen: Vec<Socket>,
}

/// Runs the command.
pub fn run(args: &Args) -> ExitCode {
    let first = match load(args.config.clone(), &args.listen) {
        Ok(config) => config,
        Err(problems) => return config::complain(&problems),
    };
    logging::start(&first.log);
    let (file, listen) = (args.config.clone(), args.listen.clone());
    let reload: Reload = Box::new(move || load(file.clone(), &listen));
    // Callbacks are short; the work on messages has threads of its own.
    let threads = first.daemon.workers.clamp(1, 4);
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(threads).enable_all().build();
    let runtime = match runtime {
        Ok(runtime) => runtime,
        Err(error) => {
            error!("starting threads: {error}");
            return ExitCode::from(EXIT_USAGE);
        }
    };
    let result = runtime.block_on(serve::serve(first, reload));
    // Work that did not end in time is not waited for.
    runtime.shutdown_background();
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            error!("{error}");
            ExitCode::from(EXIT_USAGE)
        }
    }
}

fn load(file: Option<PathBuf>, listen: &[Socket]) -> Result<Config, Vec<Problem>> {
    let mut config = config::load(file)?;
    if !listen.is_empty() {
        config.daemon.listen = listen.to_vec();
    }
    Ok(config)
}
