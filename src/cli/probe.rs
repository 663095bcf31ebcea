//! `vpim-milter probe`: the MTA's side of the milter protocol for one message, and the health check.

use super::EXIT_USAGE;
use super::files::{self, Failure, Format};
use crate::probe::{self, Envelope, Health, Options, ProbeError, Report, Verdict};
use crate::socket::Socket;
use serde::Serialize;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

/// Arguments of `probe`.
#[derive(Debug, clap::Args)]
#[command(
    long_about = "Sends one message to a running milter (any milter) as Postfix would, and prints its \
        verdict, the modifications it asks for, and every breach of the protocol.\n\n\
        Without FILE it connects, negotiates and quits: the milter is alive and speaks the protocol.",
    after_help = "Exit codes: 0 the message would be delivered (or the milter is alive), 1 it would be \
        refused, held or thrown away, 2 the milter cannot be reached, failed or broke the protocol, or \
        wrong usage.\n\n\
        Examples:\n  \
        vpim-milter probe --milter inet:8894@127.0.0.1\n  \
        vpim-milter probe --milter unix:/run/vpim-milter/milter.sock --rcpt-to bob@example.org -o out.eml voice.eml\n  \
        vpim-milter probe --milter inet:localhost:8894 --format json voice.eml"
)]
pub struct Args {
    /// The milter's socket: inet:PORT@HOST, inet:HOST:PORT, inet6:PORT@HOST, unix:/path.
    #[arg(long, value_name = "SOCKET")]
    milter: Socket,
    /// The sender; empty for the null reverse-path. ESMTP parameters may follow in the same argument.
    #[arg(long, value_name = "ADDRESS", default_value = "sender@example.test")]
    mail_from: String,
    /// A recipient; may be given several times.
    #[arg(long, value_name = "ADDRESS", default_value = "recipient@example.test")]
    rcpt_to: Vec<String>,
    /// Address of the pretended client.
    #[arg(long, value_name = "ADDRESS", default_value = "192.0.2.1")]
    client: String,
    /// HELO argument of the pretended client.
    #[arg(long, value_name = "NAME", default_value = "client.example.test")]
    helo: String,
    /// A macro of the MTA; may be given several times, such as {auth_authen}=bob.
    #[arg(long = "macro", value_name = "NAME=VALUE", value_parser = name_and_value)]
    macros: Vec<(String, String)>,
    /// Longest wait for each reply.
    #[arg(long, value_name = "SECONDS", default_value_t = 30, value_parser = clap::value_parser!(u64).range(1..=3600))]
    timeout: u64,
    /// How to print the report.
    #[arg(long, value_enum, default_value_t)]
    format: Format,
    /// Write the message as the MTA would deliver it (`-`: standard output, the report goes to stderr).
    #[arg(short = 'o', long, value_name = "OUT", requires = "file")]
    output: Option<PathBuf>,
    /// The message; `-` for standard input.
    #[arg(value_name = "FILE")]
    file: Option<PathBuf>,
}

/// Runs the command.
pub fn run(args: &Args) -> ExitCode {
    files::finish(match &args.file {
        Some(file) => files::read(file).and_then(|raw| send(args, &raw)),
        None => health(args),
    })
}

fn health(args: &Args) -> Result<ExitCode, Failure> {
    let health = probe::health_check(&args.milter, Duration::from_secs(args.timeout)).map_err(failure)?;
    let text = match args.format {
        Format::Text => health_text(&health),
        Format::Json => files::json_line(&health)?,
    };
    files::print(text.as_bytes())?;
    Ok(ExitCode::SUCCESS)
}

fn health_text(health: &Health) -> String {
    let n = &health.negotiated;
    let ms = health.elapsed.as_secs_f64() * 1e3;
    format!(
        "milter      {} (version {}, actions {:#x}, protocol {:#x})\nalive       {ms:.1} ms\n",
        health.milter, n.version, n.actions, n.protocol
    )
}

fn send(args: &Args, raw: &[u8]) -> Result<ExitCode, Failure> {
    let options = Options {
        timeout: Duration::from_secs(args.timeout),
        client_address: args.client.clone(),
        helo: args.helo.clone(),
        macros: args.macros.iter().cloned().collect(),
        ..Options::default()
    };
    let envelope = Envelope::of_addresses(&args.mail_from, &args.rcpt_to);
    let report = probe::run(&args.milter, options, &envelope, raw).map_err(failure)?;
    let mut stdout_is_taken = false;
    if let (Some(output), Verdict::Accept { .. }) = (&args.output, &report.verdict) {
        stdout_is_taken = files::is_standard(output);
        files::write(output, &report.delivered_message(raw))?;
    }
    print(args.format, &report, stdout_is_taken)?;
    Ok(ExitCode::from(code(&report)))
}

fn failure(error: ProbeError) -> Failure {
    Failure::new(error.to_string())
}

fn print(format: Format, report: &Report, stdout_is_taken: bool) -> Result<(), Failure> {
    #[derive(Serialize)]
    struct Said<'a> {
        delivered: bool,
        #[serde(flatten)]
        report: &'a Report,
    }
    let text = match format {
        Format::Text => format!("{report}\n"),
        Format::Json => files::json_line(&Said { delivered: report.is_delivered(), report })?,
    };
    if stdout_is_taken {
        files::note(text.trim_end());
        return Ok(());
    }
    files::print(text.as_bytes())
}

/// A milter that broke the protocol or failed is worse than one that refused.
fn code(report: &Report) -> u8 {
    match &report.verdict {
        Verdict::Failed { .. } | Verdict::Interrupted { .. } => EXIT_USAGE,
        _ if !report.is_clean() => EXIT_USAGE,
        _ => u8::from(!report.is_delivered()),
    }
}

fn name_and_value(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name.to_owned(), value.to_owned())),
        _ => Err("write NAME=VALUE, such as {auth_authen}=bob".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn macros_have_a_name_and_a_value() {
        assert_eq!(name_and_value("{x}=a=b"), Ok(("{x}".to_owned(), "a=b".to_owned())));
        assert_eq!(name_and_value("{x}="), Ok(("{x}".to_owned(), String::new())));
        assert!(name_and_value("=x").is_err());
        assert!(name_and_value("x").is_err());
    }
}
