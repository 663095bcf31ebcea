//! `vpim-milter completions`: a script for the shell, made from the definitions of the commands.

use super::{Cli, files};
use clap::CommandFactory;
use clap_complete::Shell;
use std::process::ExitCode;

/// Arguments of `completions`.
#[derive(Debug, clap::Args)]
#[command(
    long_about = "Prints a script that teaches a shell the commands and options of vpim-milter.",
    after_help = "Examples:\n  \
        vpim-milter completions bash > /usr/share/bash-completion/completions/vpim-milter\n  \
        vpim-milter completions zsh > /usr/share/zsh/vendor-completions/_vpim-milter\n  \
        vpim-milter completions fish > /usr/share/fish/vendor_completions.d/vpim-milter.fish"
)]
pub struct Args {
    /// The shell.
    #[arg(value_enum)]
    shell: Shell,
}

/// Runs the command.
pub fn run(args: &Args) -> ExitCode {
    files::finish(files::print(&script(args.shell)).map(|()| ExitCode::SUCCESS))
}

fn script(shell: Shell) -> Vec<u8> {
    let mut out = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "vpim-milter", &mut out);
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::ValueEnum;

    #[test]
    fn every_shell_gets_every_command() {
        for shell in Shell::value_variants() {
            let script = String::from_utf8(script(*shell)).unwrap();
            for command in Cli::command().get_subcommands() {
                assert!(script.contains(command.get_name()), "{shell}: {}", command.get_name());
            }
        }
    }
}
