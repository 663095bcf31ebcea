//! `vpim-milter convert`: one message rewritten offline, as the daemon would do it in transit.
//!
//! Runs the same [`engine`] with one route to the wished profile. The time limit of the daemon holds
//! too: a message that takes too long here would not be converted there either.
//!
//! One difference: a message that needs no conversion is given back octet for octet, without the
//! `VPIM-Results` field the daemon would put on it.

use super::files::{self, Failure, Format};
use crate::config::{self, Config};
use crate::engine::{self, Ambient, Outcome, Recipients, Record, Reply, Verdict};
use crate::message::Message;
use crate::milter::clock::rfc5322_date;
use crate::plan::results;
use crate::policy::{Mode, Route, Settings, profile};
use crate::vpim::envelope::bare_path;
use crate::vpim::{Class, Envelope};
use serde::Serialize;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, SystemTime};

/// authserv-id of the results field, and the host of identifiers that must be made.
const OFFLINE_HOST: &str = "localhost";

/// Arguments of `convert`.
#[derive(Debug, clap::Args)]
#[command(
    long_about = "Rewrites one message as the daemon in mode enforce would for a recipient with the \
        given profile.\n\n\
        The new message goes to standard output or to OUT; what was changed, and what was lost, is \
        said on stderr. A message that needs no change comes out octet for octet as it went in. \
        Running the command over its own output changes nothing.",
    after_help = "Exit codes: 0 converted or nothing to do, 1 the profile refuses or holds the message \
        (nothing is written), 2 wrong usage or I/O.\n\n\
        Examples:\n  \
        vpim-milter convert --to desktop voice.eml > for-outlook.eml\n  \
        vpim-milter convert --to vpim2 -o vpim.eml asterisk.eml\n  \
        vpim-milter convert --to vpim2 --format json -o /dev/null - < message.eml"
)]
pub struct Args {
    /// The profile of the destination, such as `desktop` or `vpim2`.
    #[arg(long, value_name = "PROFILE")]
    to: String,
    /// Take profiles, limits and the results field from this configuration; of its routes only the number
    /// rules of the first recipient's, where that has the same profile.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// The reverse-path of the envelope; empty for the null reverse-path.
    #[arg(long, value_name = "ADDRESS")]
    mail_from: Option<String>,
    /// A forward-path of the envelope; may be given several times.
    #[arg(long, value_name = "ADDRESS")]
    rcpt_to: Vec<String>,
    /// Write the message to this file (`-` or nothing: standard output).
    #[arg(short = 'o', long, value_name = "OUT")]
    output: Option<PathBuf>,
    /// How to say what was done: on stderr; as JSON on standard output if the message goes to a file.
    #[arg(long, value_enum, default_value_t)]
    format: Format,
    /// The message; `-` for standard input.
    #[arg(value_name = "FILE")]
    file: PathBuf,
}

/// Runs the command.
pub fn run(args: &Args) -> ExitCode {
    files::finish(convert(args))
}

fn convert(args: &Args) -> Result<ExitCode, Failure> {
    let envelope = envelope(args);
    let settings = settings(args, &envelope)?;
    let raw = files::read(&args.file)?;
    let outcome = rewrite(&raw, &envelope, &settings);
    let delivered = outcome.verdict == Verdict::Deliver;
    let output = args.output.as_deref().unwrap_or(Path::new("-"));
    if delivered {
        files::write(output, outcome.rewritten.as_deref().unwrap_or(&raw))?;
    }
    say(args, &outcome, files::is_standard(output))?;
    Ok(ExitCode::from(u8::from(!delivered)))
}

fn settings(args: &Args, envelope: &Envelope) -> Result<Settings, Failure> {
    let settings = match &args.config {
        Some(file) => {
            let configured = configuration(file)?.settings;
            let mut all = Route::catch_all("all", &args.to);
            let first = envelope.rcpt_to.first().and_then(|r| configured.route_for(envelope, None, r));
            if let Some(route) = first.filter(|r| r.profile == args.to) {
                all.numbers = route.numbers.clone();
            }
            Settings { mode: Mode::Enforce, routes: vec![all], ..configured }
        }
        None => Settings::for_profile(&args.to, OFFLINE_HOST),
    };
    if !settings.profiles.contains_key(&args.to) {
        let known: Vec<&str> = settings.profiles.keys().map(String::as_str).collect();
        return Err(Failure::new(format!("no profile `{}`; there are: {}", args.to, known.join(", "))));
    }
    Ok(settings)
}

pub(super) fn configuration(file: &Path) -> Result<Config, Failure> {
    config::load(Some(file), profile::builtin()).map_err(|problems| {
        let lines: Vec<String> = problems.iter().map(ToString::to_string).collect();
        Failure::new(format!("the configuration cannot be used:\n{}", lines.join("\n")))
    })
}

fn envelope(args: &Args) -> Envelope {
    let bare = |path: &String| bare_path(path).to_owned();
    Envelope {
        mail_from: args.mail_from.as_ref().map(bare),
        rcpt_to: args.rcpt_to.iter().map(bare).collect(),
        ..Envelope::default()
    }
}

/// The engine, with the daemon's limits of size and time.
fn rewrite(raw: &[u8], envelope: &Envelope, settings: &Settings) -> Outcome {
    let limits = &settings.limits;
    if raw.len() > limits.message_bytes {
        return too_large(raw);
    }
    let pass = |settings: &Settings| {
        let ambient = Ambient {
            date: Some(rfc5322_date(SystemTime::now())),
            stop: alarm(limits.work_ms),
            ..Default::default()
        };
        engine::rewrite(raw, envelope, settings, &ambient)
    };
    let outcome = pass(settings);
    let quiet = outcome.record.actions.is_empty() && outcome.record.losses.is_empty();
    if !quiet || outcome.rewritten.is_none() || has_results(raw, settings) {
        return outcome;
    }
    // The results field may be all that is new; only a pass without it can tell, since a plan need
    // not have a word for every header field it corrects.
    let mut unlabelled = settings.clone();
    unlabelled.results.enabled = false;
    match pass(&unlabelled) {
        nothing if nothing.rewritten.is_none() => nothing,
        _ => outcome,
    }
}

/// A results field that came with the message is never passed on as if it were ours.
fn has_results(raw: &[u8], settings: &Settings) -> bool {
    let message = Message::parse(raw, &settings.limits);
    message.value(message.root(), results::NAME).is_some()
}

pub(super) fn too_large(raw: &[u8]) -> Outcome {
    let mut record = Record::of(Class::None, raw.len());
    record.unchanged_because = Some("larger than limits.message_bytes".to_owned());
    Outcome {
        verdict: Verdict::Deliver,
        modifications: Vec::new(),
        recipients: Recipients::default(),
        copies: Vec::new(),
        taken_off: Vec::new(),
        rewritten: None,
        record,
    }
}

/// A flag that is raised after `ms`.
pub(super) fn alarm(ms: u64) -> Arc<AtomicBool> {
    let flag = Arc::new(AtomicBool::new(false));
    let raised = flag.clone();
    std::thread::spawn(move || {
        std::thread::sleep(Duration::from_millis(ms));
        raised.store(true, Ordering::Relaxed);
    });
    flag
}

/// What was done, for `--format json`.
#[derive(Serialize)]
pub(super) struct Said<'a> {
    file: String,
    verdict: &'static str,
    reply: Option<&'a Reply>,
    quarantine: Option<&'a str>,
    #[serde(flatten)]
    record: &'a Record,
}

impl<'a> Said<'a> {
    pub(super) fn of(file: &Path, outcome: &'a Outcome) -> Self {
        let (verdict, reply, quarantine) = match &outcome.verdict {
            Verdict::Deliver => ("deliver", None, None),
            Verdict::Refuse(reply) => ("refuse", Some(reply), None),
            Verdict::Quarantine(reason) => ("quarantine", None, Some(reason.as_str())),
        };
        Said { file: file.display().to_string(), verdict, reply, quarantine, record: &outcome.record }
    }

    pub(super) fn text(&self) -> String {
        let r = self.record;
        let judged = match (r.class, r.conformant) {
            ("none", _) => "neither voice nor fax mail".to_owned(),
            (class, true) => format!("{class}, conforming"),
            (class, false) => format!("{class}, not conforming"),
        };
        let mut lines = vec![format!("{}: {judged}", self.file)];
        let mut say =
            |label: &str, what: &str| lines.push(format!("  {label:<9} {}", files::printable(what)));
        r.rules.iter().for_each(|rule| say("rule", rule));
        r.actions.iter().for_each(|action| say("changed", action));
        for one in &r.renumbered {
            say("changed", &format!("{} {} -> {}", one.place, one.from, one.to));
        }
        r.losses.iter().for_each(|loss| say("lost", loss));
        r.broken_signatures.iter().for_each(|name| say("broken", name));
        if let Some(why) = &r.unchanged_because {
            say("unchanged", why);
        }
        match (self.reply, self.quarantine) {
            (Some(reply), _) => {
                let (a, b, c) = reply.enhanced;
                reply.lines.iter().for_each(|l| say("refused", &format!("{} {a}.{b}.{c} {l}", reply.code)));
            }
            (None, Some(reason)) => say("held", reason),
            (None, None) => say("octets", &format!("{} in, {} out", r.bytes_in, r.bytes_out)),
        }
        lines.join("\n")
    }
}

fn say(args: &Args, outcome: &Outcome, stdout_is_taken: bool) -> Result<(), Failure> {
    let said = Said::of(&args.file, outcome);
    match (args.format, stdout_is_taken) {
        (Format::Text, _) => files::note(said.text()),
        (Format::Json, true) => files::note(files::json_line(&said)?.trim_end()),
        (Format::Json, false) => files::print(files::json_line(&said)?.as_bytes())?,
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outcome(verdict: Verdict) -> Outcome {
        Outcome { verdict, ..too_large(b"x") }
    }

    #[test]
    fn a_refusal_is_said_line_by_line() {
        let lines = vec!["cannot".to_owned(), "really\u{7}".to_owned()];
        let refused = outcome(Verdict::Refuse(Reply { code: 554, enhanced: (5, 6, 3), lines }));
        let text = Said::of(Path::new("a.eml"), &refused).text();
        assert!(
            text.contains("\n  refused   554 5.6.3 cannot\n  refused   554 5.6.3 really\\u{7}"),
            "{text}"
        );
    }

    #[test]
    fn json_has_the_verdict_and_the_record() {
        let json = files::json_line(&Said::of(Path::new("-"), &outcome(Verdict::Deliver))).unwrap();
        assert!(json.starts_with(r#"{"file":"-","verdict":"deliver","reply":null,"#), "{json}");
        assert!(json.contains(r#""bytes_in":1,"bytes_out":1}"#), "{json}");
    }

    #[test]
    fn a_message_beyond_the_limit_is_left_alone() {
        let mut settings = Settings::for_profile("desktop", OFFLINE_HOST);
        settings.limits.message_bytes = 3;
        let outcome = rewrite(b"A: b\n\nc", &Envelope::default(), &settings);
        assert_eq!((outcome.verdict, outcome.rewritten), (Verdict::Deliver, None));
        assert!(outcome.record.unchanged_because.is_some());
    }
}
