//! The `vpim-milter` command.

use std::process::ExitCode;

fn main() -> ExitCode {
    vpim_milter::cli::run()
}
