//! `vpim-milter check`: judges messages offline.

use super::EXIT_USAGE;
use super::files::{self, Failure};
use crate::conformance::report::text::Paint;
use crate::conformance::report::{Report, html, printable, sarif};
use crate::conformance::{judge, notes};
use crate::limits::{Budget, Limits};
use crate::message::Message;
use crate::vpim::directory::{self, Answer};
use crate::vpim::envelope::bare_path;
use crate::vpim::{Class, Envelope, Survey};
use std::io::IsTerminal;
use std::path::PathBuf;
use std::process::ExitCode;

/// Octets of a directory file that are read.
const MAX_DIRECTORY_OCTETS: usize = 64 << 20;

/// How the findings are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    /// For people.
    Text,
    /// One JSON object a line and message.
    Json,
    /// One SARIF 2.1.0 log for all messages.
    Sarif,
    /// One page for a browser, complete in itself.
    Html,
}

/// When text is coloured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Color {
    /// On a terminal, unless NO_COLOR is set or TERM is dumb.
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// Arguments of `check`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Exit status: 0 all conforming or no voice or fax mail, 1 at least one MUST broken \
    (with --strict: SHOULD too), 2 wrong usage or a file that cannot be read.")]
pub struct Args {
    /// How to write the findings
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
    /// When to colour text
    #[arg(long, value_enum, default_value_t = Color::Auto)]
    color: Color,
    /// Judge as this profile instead of finding out: vpim2, vpim2-rfc2421, vpim1, ivm, fax, voice-other
    #[arg(long, default_value = "auto", value_parser = profile)]
    profile: Profile,
    /// Envelope sender; an empty one is the null reverse-path
    #[arg(long, value_name = "ADDRESS")]
    mail_from: Option<String>,
    /// Envelope recipient; repeatable
    #[arg(long, value_name = "ADDRESS")]
    rcpt_to: Vec<String>,
    /// Count SHOULD like MUST for the exit status
    #[arg(long)]
    strict: bool,
    /// Show too what the message uses of what its profile leaves open (rules of level MAY)
    #[arg(long)]
    notes: bool,
    /// What a directory knows of the addresses: LDIF, or NAPTR records of a zone; repeatable
    #[arg(long, value_name = "FILE")]
    directory: Vec<PathBuf>,
    /// Messages; - is standard input
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
}

/// The profile to judge by; `None` for the one the message shows.
#[derive(Clone, Copy, Debug)]
struct Profile(Option<Class>);

fn profile(name: &str) -> Result<Profile, String> {
    match Class::parse(name).filter(|c| *c != Class::None) {
        Some(class) => Ok(Profile(Some(class))),
        None if name == "auto" => Ok(Profile(None)),
        None => {
            let names = Class::ALL.map(Class::name).into_iter().filter(|n| *n != "none").collect::<Vec<_>>();
            Err(format!("no such profile; known are auto, {}", names.join(", ")))
        }
    }
}

/// Runs the command.
pub fn run(args: &Args) -> ExitCode {
    let limits = Limits::default();
    let answers = match answers(&args.directory) {
        Ok(answers) => answers,
        Err(failure) => return files::finish(Err(failure)),
    };
    let envelope = Envelope {
        mail_from: args.mail_from.as_deref().map(|p| bare_path(p).to_owned()),
        rcpt_to: args.rcpt_to.iter().map(|p| bare_path(p).to_owned()).collect(),
        ..Envelope::default()
    };
    let mut printer = Printer::new(args);
    let mut broken = false;
    printer.begin();
    for path in &args.files {
        let name = path.to_string_lossy();
        match files::read_at_most(path, limits.message_bytes) {
            Ok(raw) => check(&name, &raw, &envelope, &answers, args, &limits, |report, survey| {
                broken |= !report.conformant || (args.strict && report.has_should());
                printer.report(report, survey, &limits);
            }),
            Err(error) => {
                let reason = printable(&error.to_string());
                files::note(format_args!("vpim-milter: {reason}"));
                printer.unread.push((name.into_owned(), reason));
            }
        }
    }
    printer.end();
    ExitCode::from(if printer.unread.is_empty() { u8::from(broken) } else { EXIT_USAGE })
}

/// Writes the reports to standard output. An output closed early (`| head`) is no error of the
/// messages.
struct Printer {
    format: Format,
    paint: Paint,
    /// All reports, where they make one log.
    log: Vec<Report>,
    /// Files that could not be read, with the reason.
    unread: Vec<(String, String)>,
}

impl Printer {
    fn new(args: &Args) -> Self {
        let paint = if coloured(args.color) { Paint::Colour } else { Paint::Plain };
        Printer { format: args.format, paint, log: Vec::new(), unread: Vec::new() }
    }

    fn begin(&self) {
        if self.format == Format::Html {
            let _ = files::print(html::head().as_bytes());
        }
    }

    fn report(&mut self, report: Report, survey: &Survey<'_>, limits: &Limits) {
        let text = match self.format {
            Format::Text => report.text(self.paint),
            Format::Json => report.json() + "\n",
            Format::Html => html::article(&report, survey, limits, &mut Budget::new(limits)),
            Format::Sarif => return self.log.push(report),
        };
        let _ = files::print(text.as_bytes());
    }

    fn end(&self) {
        let text = match self.format {
            Format::Text | Format::Json => return,
            Format::Html => html::tail(),
            Format::Sarif => format!("{:#}\n", sarif::log(&self.log, &self.unread)),
        };
        let _ = files::print(text.as_bytes());
    }
}

/// Whether standard output gets colours (https://no-color.org).
fn coloured(color: Color) -> bool {
    let set = |name: &str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    let dumb = || std::env::var_os("TERM").is_some_and(|term| term == "dumb");
    match color {
        Color::Always => true,
        Color::Never => false,
        Color::Auto => !set("NO_COLOR") && !dumb() && std::io::stdout().is_terminal(),
    }
}

/// Reads directory exports and zones.
fn answers(paths: &[PathBuf]) -> Result<Vec<Answer>, Failure> {
    let mut out = Vec::new();
    for path in paths {
        let octets = files::read_at_most(path, MAX_DIRECTORY_OCTETS)?;
        let name = path.to_string_lossy();
        let text = String::from_utf8(octets).map_err(|e| Failure::doing(&name, e))?;
        out.extend(directory::read(&text).map_err(|e| Failure::doing(&name, e))?);
    }
    Ok(out)
}

/// Judges one message.
fn check(
    file: &str,
    raw: &[u8],
    envelope: &Envelope,
    answers: &[Answer],
    args: &Args,
    limits: &Limits,
    then: impl FnOnce(Report, &Survey<'_>),
) {
    let message = Message::parse(raw, limits);
    // A profile asked for does not make ordinary mail voice mail.
    let found = crate::vpim::class::classify(&message);
    let class = if found == Class::None { found } else { args.profile.0.unwrap_or(found) };
    let survey =
        Survey::new(&message, envelope, Some(class), limits, &mut Budget::new(limits)).knowing(answers);
    let mut findings = judge(&survey);
    if args.notes {
        findings.extend(notes(&survey));
        findings.sort_by_key(|f| f.at);
    }
    then(Report::new(file, &survey, &findings), &survey);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn profiles_are_named_as_in_reports() {
        assert!(profile("auto").unwrap().0.is_none());
        assert_eq!(profile("vpim2-rfc2421").unwrap().0, Some(Class::Vpim2Rfc2421));
        assert!(profile("none").is_err());
        assert!(profile("x").unwrap_err().contains("vpim1"));
    }

    #[test]
    fn a_profile_asked_for_leaves_ordinary_mail_alone() {
        let args = Args {
            format: Format::Text,
            color: Color::Never,
            profile: Profile(Some(Class::Vpim2)),
            mail_from: None,
            rcpt_to: Vec::new(),
            strict: false,
            notes: true,
            directory: Vec::new(),
            files: Vec::new(),
        };
        let mut seen = None;
        let raw = b"Subject: x\n\ny\n";
        check("-", raw, &Envelope::default(), &[], &args, &Limits::default(), |report, _| {
            seen = Some((report.profile, report.findings.len()));
        });
        assert_eq!(seen, Some(("none", 0)));
    }
}
