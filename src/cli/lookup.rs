//! `vpim-milter lookup`: what the directory of a configuration tells of a mailbox or number, from where, how
//! old. The question is the daemon's, its words too.

use super::convert::configuration;
use super::files::{self, Failure, Format};
use crate::config;
use crate::directory::{self, Answer, Directory};
use crate::vpim::envelope::bare_path;
use crate::vpim::{Envelope, Lookup};
use serde::Serialize;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Exit code where nobody knows the mailbox.
const EXIT_UNKNOWN: u8 = 1;

/// Arguments of `lookup`.
#[derive(Debug, clap::Args)]
#[command(
    long_about = "Asks the directory of the configuration about one mailbox or telephone number as the daemon \
        does at RCPT, and prints what was found, from where, and how old it is. Number rules of the route \
        that asks the directory are applied first, as in the daemon.",
    after_help = "Exit codes: 0 found, 1 nobody knows it, 2 a source cannot be asked, wrong usage or I/O.\n\n\
        Examples:\n  \
        vpim-milter lookup +16135551234@vpim.example.edu\n  \
        vpim-milter lookup --config vpim-milter.toml --format json +16135551234@vpim.example.edu"
)]
pub struct Args {
    /// The configuration.
    #[arg(long, value_name = "FILE", default_value = config::DEFAULT_FILE)]
    config: PathBuf,
    /// How to say it.
    #[arg(long, value_enum, default_value_t)]
    format: Format,
    /// The address; a telephone number with its domain, as a message would be sent to it.
    #[arg(value_name = "ADDRESS")]
    address: String,
}

/// All that is said, for `--format json`.
#[derive(Serialize)]
struct Said<'a> {
    address: &'a str,
    /// The address asked for, after number rules.
    asked: &'a str,
    found: bool,
    mailbox: Option<&'a str>,
    /// Media types of audio the mailbox takes; none where nothing is said of them.
    audio: &'a [String],
    /// Seconds of the longest message it takes.
    seconds: Option<u32>,
    blocked: bool,
    source: Option<&'static str>,
    age_s: u64,
    /// It is older than it should be, and its source fails.
    stale: bool,
    /// Sources that failed, and why.
    failures: Vec<(&'static str, &'a str)>,
}

/// Runs the command.
pub fn run(args: &Args) -> ExitCode {
    files::finish(lookup(&args.config, args.format, bare_path(&args.address)))
}

fn lookup(file: &Path, format: Format, address: &str) -> Result<ExitCode, Failure> {
    let config = configuration(file)?;
    let Some(settings) = config.directory else {
        let text = format!("{} has no directory: add [directory] order = [...]", file.display());
        return Err(Failure::new(text));
    };
    let asked = config.settings.asked_address(&Envelope::default(), address);
    let answer = answers(settings, std::slice::from_ref(&asked))?.remove(0);
    let said = Said::new(address, &asked, &answer);
    match format {
        Format::Text => files::print(said.text().as_bytes())?,
        Format::Json => files::print(files::json_line(&said)?.as_bytes())?,
    }
    Ok(match answer.lookup {
        Lookup::Listed(_) => ExitCode::SUCCESS,
        Lookup::Unknown => ExitCode::from(EXIT_UNKNOWN),
        Lookup::Failed(_) => ExitCode::from(super::EXIT_USAGE),
    })
}

/// What the directory says of each address, in order.
pub(super) fn answers(settings: directory::Settings, addresses: &[String]) -> Result<Vec<Answer>, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| Failure::doing("cannot start", error))?;
    Ok(runtime.block_on(async {
        let directory = Directory::new(settings);
        let mut answers = Vec::new();
        for address in addresses {
            answers.push(directory.resolve(address).await);
        }
        answers
    }))
}

impl<'a> Said<'a> {
    fn new(address: &'a str, asked: &'a str, answer: &'a Answer) -> Self {
        let listing = match &answer.lookup {
            Lookup::Listed(listing) => Some(listing),
            _ => None,
        };
        Said {
            address,
            asked,
            found: listing.is_some(),
            mailbox: listing.map(|l| l.mailbox.as_str()),
            audio: listing.map_or(&[], |l| l.audio.as_slice()),
            seconds: listing.and_then(|l| l.seconds),
            blocked: listing.is_some_and(|l| l.blocked),
            source: answer.source.map(|s| s.name()),
            age_s: answer.age.as_secs(),
            stale: answer.stale,
            failures: answer.failures.iter().map(|(source, why)| (source.name(), why.as_str())).collect(),
        }
    }

    fn text(&self) -> String {
        let mut lines = vec![format!("<{}>", self.address)];
        if self.asked != self.address {
            lines.push(format!("  asked as: <{}>", self.asked));
        }
        match self.mailbox {
            Some(mailbox) => {
                lines.push(format!("  mailbox: <{mailbox}>{}", if self.blocked { ", blocked" } else { "" }));
                let audio =
                    if self.audio.is_empty() { "nothing said".to_owned() } else { self.audio.join(", ") };
                lines.push(format!("  audio: {audio}"));
                let longest = self.seconds.map_or("nothing said".to_owned(), |s| format!("{s} s"));
                lines.push(format!("  longest message: {longest}"));
            }
            None if self.failures.is_empty() => lines.push("  nobody knows it".to_owned()),
            None => lines.push("  nobody can say now".to_owned()),
        }
        if let Some(source) = self.source {
            let stale = if self.stale { ", older than it should be" } else { "" };
            lines.push(format!("  from: {source}, {} s old{stale}", self.age_s));
        }
        lines.extend(self.failures.iter().map(|(source, why)| format!("  {source} failed: {why}")));
        let lines: Vec<String> = lines.iter().map(|l| files::printable(l)).collect();
        lines.join("\n") + "\n"
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::directory::Source;
    use crate::vpim::Listing;
    use std::time::Duration;

    #[test]
    fn it_says_what_from_where_how_old_and_what_failed() {
        let listing = Listing { mailbox: "pat@b.test".into(), seconds: Some(180), ..Listing::default() };
        let answer = Answer {
            lookup: Lookup::Listed(listing),
            source: Some(Source::Ldap),
            age: Duration::from_secs(1_800),
            stale: true,
            failures: vec![(Source::Ldap, "down\u{1b}[2J".into())],
        };
        let text = Said::new("1@a.test", "+1@a.test", &answer).text();
        for line in
            ["asked as: <+1@a.test>", "mailbox: <pat@b.test>", "longest message: 180 s", "1800 s old, older"]
        {
            assert!(text.contains(line), "{text}");
        }
        assert!(!text.contains('\u{1b}'), "{text:?}");
    }
}
