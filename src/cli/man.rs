//! `vpim-milter man`: manual pages, made from the definitions of the commands.

use super::Cli;
use super::files::{self, Failure};
use clap::{Command, CommandFactory};
use clap_mangen::Man;
use std::path::PathBuf;
use std::process::ExitCode;

/// System administration commands and daemons.
const SECTION: &str = "8";

/// Arguments of `man`.
#[derive(Debug, clap::Args)]
#[command(
    long_about = "Writes the manual pages vpim-milter(8) and vpim-milter-COMMAND(8) into a folder, or the \
        main page to standard output.",
    after_help = "Examples:\n  \
        vpim-milter man | man -l -\n  \
        vpim-milter man /usr/local/share/man/man8"
)]
pub struct Args {
    /// Folder for all pages; it is made if it is not there.
    #[arg(value_name = "DIR")]
    directory: Option<PathBuf>,
}

/// Runs the command.
pub fn run(args: &Args) -> ExitCode {
    files::finish(man(args).map(|()| ExitCode::SUCCESS))
}

fn man(args: &Args) -> Result<(), Failure> {
    let pages = pages()?;
    let Some(directory) = &args.directory else {
        return pages.first().map_or(Ok(()), |page| files::print(page.text.as_bytes()));
    };
    std::fs::create_dir_all(directory)
        .map_err(|error| Failure::doing(format_args!("cannot make {}", directory.display()), error))?;
    pages.iter().try_for_each(|page| files::write(&directory.join(&page.name), page.text.as_bytes()))
}

/// A manual page.
struct Page {
    name: String,
    text: String,
}

/// All pages, the main one first.
fn pages() -> Result<Vec<Page>, Failure> {
    let mut main = Cli::command().disable_help_subcommand(true);
    // Gives the commands their full names.
    main.build();
    // Groups such as `config` have commands of their own.
    let mut pages = Vec::new();
    let mut pending = vec![main];
    while let Some(command) = pending.pop() {
        pending.extend(command.get_subcommands().filter(|c| !c.is_hide_set()).cloned());
        pages.push(page(command)?);
    }
    Ok(pages)
}

fn page(command: Command) -> Result<Page, Failure> {
    let full = command.get_display_name().unwrap_or(command.get_name()).to_owned();
    let man = Man::new(command)
        .title(full.to_uppercase())
        .section(SECTION)
        .source(concat!("vpim-milter ", env!("CARGO_PKG_VERSION")))
        .manual("System administration");
    let mut text = Vec::new();
    man.render(&mut text).map_err(|error| Failure::doing("cannot make the page", error))?;
    let text = examples(&String::from_utf8_lossy(&text));
    Ok(Page { name: format!("{full}.{SECTION}"), text })
}

/// The text after the options consists of lines to copy: no filling, and a heading that says so.
fn examples(page: &str) -> String {
    let Some((before, after)) = page.split_once(".SH EXTRA\n") else { return page.to_owned() };
    let (text, rest) = after.find(".SH ").map_or((after, ""), |at| after.split_at(at));
    format!("{before}.SH NOTES AND EXAMPLES\n.nf\n{text}.fi\n{rest}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_main_page_comes_first_and_every_command_has_one() {
        let pages = pages().unwrap();
        assert_eq!(pages[0].name, "vpim-milter.8");
        assert!(pages[0].text.contains(".TH VPIM-MILTER 8"), "{}", pages[0].text);
        for command in Cli::command().get_subcommands() {
            let name = format!("vpim-milter-{}.8", command.get_name());
            assert!(pages.iter().any(|p| p.name == name), "{name}");
        }
    }

    #[test]
    fn examples_are_not_filled() {
        let text = examples(".SH NAME\nx\n.SH EXTRA\na\nb\n.SH VERSION\n1\n");
        assert_eq!(text, ".SH NAME\nx\n.SH NOTES AND EXAMPLES\n.nf\na\nb\n.fi\n.SH VERSION\n1\n");
    }
}
