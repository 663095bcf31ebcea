//! `vpim-milter demo`: the daemon at work, with nothing installed.
//!
//! Starts this program's own `serve` on the loopback interface with the routes of `demo.toml`, plays
//! bundled messages at it as an MTA would (with [`crate::probe`]), and shows what arrived, what was
//! found, what the milter asked for, and what the recipient gets. All of it goes into a folder. Every
//! scene has expectations; the exit code says whether all of them held.

mod daemon;
mod parts;
mod scenes;

use super::files::{self, Failure};
use crate::conformance::{self, Finding};
use crate::limits::{Budget, Limits};
use crate::message::Message;
use crate::plan::results;
use crate::probe::{self, Envelope, Options, Report, Verdict};
use crate::socket::Socket;
use crate::vpim::{self, Survey};
use daemon::Daemon;
use parts::Leaf;
use scenes::{Expect, SCENES, Scene};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Arguments of `demo`.
#[derive(Debug, clap::Args)]
#[command(
    long_about = "Shows the milter at work on this machine, without an MTA: starts it on a free loopback \
        port, sends it voice and fax mail as an MTA would, and prints what arrived, what was found, and \
        what left.\n\n\
        The folder then has, for each message, the message that went in and the one that came out, and \
        its audio and faxes as WAV and PDF to listen to and look at; besides report.txt, demo.toml (a \
        configuration to start from) and milter.log. Files of an earlier demonstration are replaced.",
    after_help = "Exit codes: 0 everything came out as it should, 1 something did not, 2 the \
        demonstration could not be run.\n\n\
        Example:\n  vpim-milter demo /tmp/demo && less /tmp/demo/report.txt"
)]
pub struct Args {
    /// Folder for the results.
    #[arg(value_name = "DIR", default_value = "demo-output")]
    directory: PathBuf,
}

/// Runs the command.
pub fn run(args: &Args) -> ExitCode {
    files::finish(demo(&args.directory))
}

fn demo(directory: &Path) -> Result<ExitCode, Failure> {
    make(directory)?;
    let daemon = Daemon::start(directory)?;
    let mut report = format!("vpim-milter {} at {}\n", env!("CARGO_PKG_VERSION"), daemon.socket());
    let mut failed = 0;
    files::print(report.as_bytes())?;
    for scene in SCENES {
        let played = play(scene, daemon.socket(), directory)?;
        failed += usize::from(!played.wrong.is_empty());
        let text = played.text();
        files::print(text.as_bytes())?;
        report.push_str(&text);
    }
    let end = match failed {
        0 => {
            format!("\nAll {} messages came out as they should. See {}.\n", SCENES.len(), directory.display())
        }
        n => format!("\n{n} of {} messages did NOT come out as they should.\n", SCENES.len()),
    };
    files::print(end.as_bytes())?;
    report.push_str(&end);
    files::write(&directory.join("report.txt"), report.as_bytes())?;
    Ok(ExitCode::from(u8::from(failed > 0)))
}

fn make(directory: &Path) -> Result<(), Failure> {
    std::fs::create_dir_all(directory)
        .map_err(|error| Failure::doing(format_args!("cannot make {}", directory.display()), error))
}

/// A scene after it was played.
struct Played {
    lines: Vec<String>,
    wrong: Vec<String>,
}

impl Played {
    fn text(&self) -> String {
        let mut out = format!("\n{}\n", self.lines.join("\n"));
        for wrong in &self.wrong {
            out.push_str(&format!("   WRONG    {wrong}\n"));
        }
        if self.wrong.is_empty() {
            out.push_str("   ok       as expected\n");
        }
        out
    }

    fn say(&mut self, label: &str, text: &str) {
        self.lines.push(format!("   {label:<8} {}", files::printable(text)));
    }

    fn expect(&mut self, holds: bool, otherwise: impl FnOnce() -> String) {
        if !holds {
            self.wrong.push(otherwise());
        }
    }
}

fn play(scene: &Scene, socket: &Socket, directory: &Path) -> Result<Played, Failure> {
    let folder = directory.join(scene.name);
    make(&folder)?;
    let mut played = Played { lines: vec![format!("{}: {}", scene.name, scene.title)], wrong: Vec::new() };
    played.say("envelope", &format!("<{}> to <{}>", scene.mail_from, scene.rcpt_to));
    let mut written = vec!["in.eml".to_owned()];
    files::write(&folder.join("in.eml"), scene.raw)?;
    let arrived = Judged::of(scene.raw);
    arrived.say("in", &mut played);
    written.extend(extract(&arrived, &folder, "in")?);
    played.expect((arrived.class, arrived.conformant) == (scene.class, scene.conformant), || {
        format!("judged as {}, conforming: {}", arrived.class, arrived.conformant)
    });

    let envelope = Envelope::of_addresses(scene.mail_from, [scene.rcpt_to]);
    let report = probe::run(socket, Options::default(), &envelope, scene.raw)
        .map_err(|error| Failure::new(error.to_string()))?;
    say_report(&report, &mut played);
    let delivered = report.is_delivered().then(|| report.delivered_message(scene.raw));
    if let Some(raw) = &delivered {
        files::write(&folder.join("out.eml"), raw)?;
        written.push("out.eml".to_owned());
        let left = Judged::of(raw);
        if !report.modifications.is_empty() {
            left.say("out", &mut played);
            written.extend(extract(&left, &folder, "out")?);
        }
    }
    compare(scene, &report, delivered.as_deref(), &mut played);
    played.say("files", &format!("{}/: {}", scene.name, written.join(", ")));
    Ok(played)
}

fn extract(judged: &Judged, folder: &Path, prefix: &str) -> Result<Vec<String>, Failure> {
    let names: Result<Vec<_>, _> = judged.leaves.iter().map(|leaf| leaf.extract(folder, prefix)).collect();
    Ok(names?.into_iter().flatten().collect())
}

fn say_report(report: &Report, played: &mut Played) {
    let ms = report.elapsed.as_secs_f64() * 1e3;
    played.say("milter", &format!("{} ({ms:.1} ms)", report.verdict));
    for modification in &report.modifications {
        // Folds are of no interest here.
        played.say("change", &modification.to_string().replace("\\n", ""));
    }
    for violation in &report.violations {
        played.say("breach", &violation.to_string());
    }
}

/// What a message is and what is wrong with it.
struct Judged {
    class: &'static str,
    conformant: bool,
    findings: Vec<Finding>,
    leaves: Vec<Leaf>,
    root_type: String,
    octets: usize,
}

impl Judged {
    fn of(raw: &[u8]) -> Self {
        let limits = Limits::default();
        let message = Message::parse(raw, &limits);
        let envelope = vpim::Envelope::default();
        let survey = Survey::new(&message, &envelope, None, &limits, &mut Budget::new(&limits));
        let findings = conformance::judge(&survey);
        Judged {
            class: survey.class.name(),
            conformant: conformance::conformant(&survey, &findings),
            findings,
            leaves: parts::leaves(raw),
            root_type: parts::root_type(raw),
            octets: raw.len(),
        }
    }

    fn say(&self, label: &str, played: &mut Played) {
        let verdict = match (self.class, self.conformant) {
            ("none", _) => "",
            (_, true) => ", conforming",
            (_, false) => ", not conforming",
        };
        let Judged { class, root_type, octets, .. } = self;
        played.say(label, &format!("{root_type}, {octets} octets; class {class}{verdict}"));
        for leaf in &self.leaves {
            played.say("", &format!("  {}", leaf.line()));
        }
        // What a conversion left behind is judged for its class too, but only mail that claims a
        // profile has something to keep.
        for finding in self.findings.iter().filter(|_| label == "in") {
            let rule = finding.rule;
            let part = finding.part.as_ref().map(|p| format!("part {p}: ")).unwrap_or_default();
            let cited = format!("{} {} RFC {} {}", rule.id, rule.level.name(), rule.rfc, rule.section);
            played.say("finding", &format!("{cited}: {part}{}", finding.message));
        }
    }
}

/// Holds what came out against what should have.
fn compare(scene: &Scene, report: &Report, delivered: Option<&[u8]>, played: &mut Played) {
    played.expect(report.is_clean(), || "the milter broke the protocol".to_owned());
    match &scene.expect {
        Expect::Refused => {
            let refused = matches!(report.verdict, Verdict::Reject { .. });
            played.expect(refused, || "not refused".to_owned());
        }
        Expect::Untouched => {
            played.expect(delivered == Some(scene.raw), || "not delivered octet for octet".to_owned());
        }
        Expect::Converted { class, parts } => {
            let Some(raw) = delivered else {
                played.wrong.push("not delivered".to_owned());
                return;
            };
            let left = Judged::of(raw);
            if let Some(class) = class {
                played.expect(left.class == *class, || format!("class {} and not {class}", left.class));
                played.expect(left.conformant, || format!("does not conform to {class}"));
            }
            for (media_type, wanted) in *parts {
                let found: Vec<&Leaf> = left.leaves.iter().filter(|l| l.media_type == *media_type).collect();
                played.expect(found.len() == *wanted && found.iter().all(|l| l.opens()), || {
                    format!(
                        "{} parts of {media_type} and not {wanted}, or one that does not open",
                        found.len()
                    )
                });
            }
            let message = Message::parse(raw, &Limits::default());
            let labels = message.fields(message.root(), results::NAME).count();
            played.expect(labels == 1, || format!("{labels} fields {}", results::NAME));
        }
    }
}
