//! `vpim-milter check`: judges messages offline.

use super::EXIT_USAGE;
use super::files::{self, Failure};
use crate::conformance::report::{Report, printable};
use crate::conformance::{judge, notes};
use crate::limits::{Budget, Limits};
use crate::message::Message;
use crate::vpim::directory::{self, Answer};
use crate::vpim::envelope::bare_path;
use crate::vpim::{Class, Envelope, Survey};
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
}

/// Arguments of `check`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Exit status: 0 all conforming or no voice or fax mail, 1 at least one MUST broken \
    (with --strict: SHOULD too), 2 wrong usage or a file that cannot be read.")]
pub struct Args {
    /// How to write the findings
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
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
    let (mut broken, mut unreadable) = (false, false);
    for path in &args.files {
        let name = path.to_string_lossy();
        match files::read_at_most(path, limits.message_bytes) {
            Ok(raw) => {
                let report = check(&name, &raw, &envelope, &answers, args, &limits);
                broken |= !report.conformant || (args.strict && report.has_should());
                let text = match args.format {
                    Format::Text => report.text(),
                    Format::Json => report.json() + "\n",
                };
                // An output closed early (`| head`) is no error of the messages.
                let _ = files::print(text.as_bytes());
            }
            Err(error) => {
                unreadable = true;
                files::note(format_args!("vpim-milter: {}", printable(&error.to_string())));
            }
        }
    }
    ExitCode::from(if unreadable { EXIT_USAGE } else { u8::from(broken) })
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
) -> Report {
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
    Report::new(file, &survey, &findings)
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
            profile: Profile(Some(Class::Vpim2)),
            mail_from: None,
            rcpt_to: Vec::new(),
            strict: false,
            notes: true,
            directory: Vec::new(),
            files: Vec::new(),
        };
        let report = check("-", b"Subject: x\n\ny\n", &Envelope::default(), &[], &args, &Limits::default());
        assert_eq!((report.profile, report.findings.len()), ("none", 0));
    }
}
