//! `vpim-milter route`: what the daemon in mode enforce would do with a message for each recipient, and why.
//!
//! Asks [`engine::foresee`], which goes the way of the daemon: RCPT by RCPT, then the message.

use super::convert::{Said, alarm, configuration, too_large};
use super::files::{self, Failure, Format};
use super::lookup;
use crate::engine::{self, Ambient, Copy, Foresight, Reply};
use crate::message::Message;
use crate::milter::clock::rfc5322_date;
use crate::policy::{Mode, Route, Settings};
use crate::vpim::Envelope;
use crate::vpim::envelope::bare_path;
use serde::Serialize;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::SystemTime;

/// Arguments of `route`.
#[derive(Debug, clap::Args)]
#[command(
    long_about = "Says for each recipient which route and profile of the configuration it gets, and what \
        the daemon in mode enforce would do with the message: changes, losses, refusals, and which \
        recipients the client would be asked to send it to separately. Nothing is written or sent.\n\n\
        Conditions on the client, the authenticated user, HELO and macros are those of a message that \
        tells none of them.",
    after_help = "Exit codes: 0 said, 2 wrong usage or I/O.\n\n\
        Examples:\n  \
        vpim-milter route --config vpim-milter.toml --rcpt-to 1212@vm.example.org voice.eml\n  \
        vpim-milter route --config vpim-milter.toml --format json --rcpt-to a@x.test --rcpt-to b@y.test -"
)]
pub struct Args {
    /// The configuration whose routes are asked.
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
    /// The reverse-path of the envelope; empty for the null reverse-path.
    #[arg(long, value_name = "ADDRESS")]
    mail_from: Option<String>,
    /// A forward-path of the envelope; may be given several times. Without any, routes for everybody match.
    #[arg(long, value_name = "ADDRESS")]
    rcpt_to: Vec<String>,
    /// How to say it.
    #[arg(long, value_enum, default_value_t)]
    format: Format,
    /// The message; `-` for standard input.
    #[arg(value_name = "FILE")]
    file: PathBuf,
}

/// Runs the command.
pub fn run(args: &Args) -> ExitCode {
    files::finish(route(args))
}

fn route(args: &Args) -> Result<ExitCode, Failure> {
    let config = configuration(&args.config)?;
    let settings = config.settings;
    let raw = files::read(&args.file)?;
    let bare = |path: &String| bare_path(path).to_owned();
    let mut envelope = Envelope {
        mail_from: args.mail_from.as_ref().map(bare),
        rcpt_to: args.rcpt_to.iter().map(bare).collect(),
        ..Envelope::default()
    };
    if let Some(directory) = config.directory {
        let asking = envelope.rcpt_to.iter().filter(|r| settings.asks_directory(&envelope, r));
        let asking: Vec<String> = asking.cloned().collect();
        let asked: Vec<String> = asking.iter().map(|r| settings.asked_address(&envelope, r)).collect();
        let answers = lookup::answers(directory, &asked)?.into_iter().map(|answer| answer.lookup);
        envelope.directory = asking.into_iter().zip(answers).collect();
    }
    let foresight = foresee(&raw, &envelope, &settings);
    let said = Foretold::of(&args.file, &raw, &envelope, &settings, &foresight);
    match args.format {
        Format::Text => files::print(format!("{}\n", said.text()).as_bytes())?,
        Format::Json => files::print(files::json_line(&said)?.as_bytes())?,
    }
    Ok(ExitCode::SUCCESS)
}

/// The engine, with the daemon's limits of size and time.
fn foresee(raw: &[u8], envelope: &Envelope, settings: &Settings) -> Foresight {
    if raw.len() > settings.limits.message_bytes {
        let copy = Copy { recipients: envelope.rcpt_to.clone(), outcome: too_large(raw) };
        return Foresight { refused: Vec::new(), copies: vec![copy] };
    }
    let ambient = Ambient {
        date: Some(rfc5322_date(SystemTime::now())),
        stop: alarm(settings.limits.work_ms),
        ..Ambient::default()
    };
    engine::foresee(raw, envelope, settings, &ambient)
}

/// All that is said, for `--format json`.
#[derive(Serialize)]
struct Foretold<'a> {
    file: String,
    /// Mode of the configuration; what is foretold is what enforce does.
    mode: Mode,
    recipients: Vec<Recipient<'a>>,
    copies: Vec<Foreseen<'a>>,
}

/// One recipient.
#[derive(Serialize)]
struct Recipient<'a> {
    recipient: &'a str,
    route: Option<&'a str>,
    profile: Option<&'a str>,
    /// The conditions of the route that hold.
    because: Vec<String>,
    /// The refusal at RCPT.
    refused: Option<&'a Reply>,
    /// Which copy it gets, from 1.
    copy: Option<usize>,
}

/// What becomes of the message for some recipients.
#[derive(Serialize)]
struct Foreseen<'a> {
    recipients: &'a [String],
    /// The client is asked to send this copy by itself (452 4.5.3 at RCPT).
    deferred: bool,
    #[serde(flatten)]
    said: Said<'a>,
}

impl<'a> Foretold<'a> {
    fn of(
        file: &Path,
        raw: &[u8],
        envelope: &'a Envelope,
        settings: &'a Settings,
        foresight: &'a Foresight,
    ) -> Self {
        let message = Message::parse(raw, &settings.limits);
        let recipients = envelope.rcpt_to.iter().map(|recipient| {
            let route = settings.route_for(envelope, Some(&message), recipient);
            Recipient {
                recipient,
                route: route.map(|r| r.name.as_str()),
                profile: route.map(|r| r.profile.as_str()),
                because: route.map(conditions).unwrap_or_default(),
                refused: foresight.refused.iter().find(|(path, _)| path == recipient).map(|(_, reply)| reply),
                copy: foresight.copies.iter().position(|c| c.recipients.contains(recipient)).map(|n| n + 1),
            }
        });
        let copies = foresight.copies.iter().enumerate().map(|(n, copy)| Foreseen {
            recipients: &copy.recipients,
            deferred: n > 0,
            said: Said::of(file, &copy.outcome),
        });
        Foretold {
            file: file.display().to_string(),
            mode: settings.mode,
            recipients: recipients.collect(),
            copies: copies.collect(),
        }
    }

    fn text(&self) -> String {
        let mut lines = Vec::new();
        for r in &self.recipients {
            let route = match (r.route, r.profile) {
                (Some(route), Some(profile)) => format!("route {route}, profile {profile}"),
                _ => "no route".to_owned(),
            };
            let because = if r.because.is_empty() { "everybody".to_owned() } else { r.because.join(", ") };
            let because = if r.route.is_some() { format!(" ({because})") } else { String::new() };
            let fate = match (r.refused, r.copy) {
                (Some(reply), _) => {
                    let (a, b, c) = reply.enhanced;
                    format!("refused {} {a}.{b}.{c} {}", reply.code, reply.lines.join(" "))
                }
                (None, Some(copy)) => format!("copy {copy}"),
                (None, None) => "nothing".to_owned(),
            };
            lines.push(files::printable(&format!("<{}>: {route}{because}: {fate}", r.recipient)));
        }
        for (n, copy) in self.copies.iter().enumerate() {
            let why = if copy.deferred { ", sent again by the client after 452 4.5.3" } else { "" };
            lines.push(format!("copy {} for {} recipients{why}", n + 1, copy.recipients.len()));
            lines.push(copy.said.text());
        }
        if self.mode != Mode::Enforce {
            lines.push(
                "The configuration is not in mode enforce: every message is delivered as it came.".to_owned(),
            );
        }
        lines.join("\n")
    }
}

/// What a route asks of a message, in the words of the configuration.
fn conditions(route: &Route) -> Vec<String> {
    let when = &route.when;
    let list =
        |key: &str, values: &[String]| (!values.is_empty()).then(|| format!("{key} {}", values.join(" | ")));
    let client: Vec<String> = when.client.iter().map(ToString::to_string).collect();
    let mut out: Vec<String> = [
        list("client", &client),
        list("auth", &when.auth),
        list("helo", &when.helo),
        list("sender", &when.sender),
        list("recipient", &when.recipient),
    ]
    .into_iter()
    .flatten()
    .collect();
    out.extend(when.header.iter().map(|(name, pattern)| format!("header {name}: {pattern}")));
    out.extend(when.macros.iter().map(|(name, pattern)| format!("macro {name}: {pattern}")));
    out
}
