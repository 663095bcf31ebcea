//! `vpim-milter samples`: messages to try other systems with.

use super::files::{self, Failure};
use crate::samples::{Sample, Verdict, broken, golden};
use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Arguments of `samples`.
#[derive(Debug, clap::Args)]
#[command(
    long_about = "Writes sample messages into a folder: conforming ones of every structure (golden/), ones that \
        break one rule each (broken/), ones that use what a profile leaves open (notes/). Beside each NAME.eml \
        stands NAME.json: its envelope and what a judge must say of it. The same octets every time.",
    after_help = "Examples:\n  \
        vpim-milter samples kit\n  \
        vpim-milter check kit/golden/*.eml"
)]
pub struct Args {
    /// Folder to write into; it is made if it is not there
    #[arg(value_name = "DIR")]
    directory: PathBuf,
}

/// Runs the command.
pub fn run(args: &Args) -> ExitCode {
    files::finish(samples(&args.directory).map(|()| ExitCode::SUCCESS))
}

fn samples(directory: &Path) -> Result<(), Failure> {
    let mut all = golden().map_err(|error| Failure::doing("cannot make the golden messages", error))?;
    let conforming = all.len();
    all.extend(broken());
    let folders: BTreeSet<&str> =
        all.iter().filter_map(|s| Some(s.verdict.file.split_once('/')?.0)).collect();
    for folder in folders {
        let path = directory.join(folder);
        std::fs::create_dir_all(&path)
            .map_err(|error| Failure::doing(format_args!("cannot make {}", path.display()), error))?;
    }
    for Sample { octets, verdict } in &all {
        let path = directory.join(&verdict.file);
        files::write(&path, octets)?;
        files::write(&path.with_extension("json"), pretty(verdict)?.as_bytes())?;
    }
    let verdicts: Vec<&Verdict> = all.iter().map(|s| &s.verdict).collect();
    files::write(&directory.join("index.json"), pretty(&verdicts)?.as_bytes())?;
    files::write(&directory.join("README.md"), readme(&verdicts).as_bytes())?;
    let rest = all.len() - conforming;
    files::print(
        format!(
            "{}: {conforming} conforming messages, {rest} that show one rule each; see README.md there\n",
            directory.display()
        )
        .as_bytes(),
    )
}

fn pretty(value: &impl serde::Serialize) -> Result<String, Failure> {
    let text =
        serde_json::to_string_pretty(value).map_err(|error| Failure::doing("cannot write JSON", error))?;
    Ok(text + "\n")
}

fn readme(verdicts: &[&Verdict]) -> String {
    let mut out = format!(
        "# Sample messages for VPIM and Internet fax\n\n\
         Written by {} {}. Everything is made by code: the voices belong to nobody, the addresses are of the \
         domains reserved for examples.\n\n\
         - `golden/`: conforming messages. A system that supports the structure plays and shows all of it.\n\
         - `broken/`: each breaks the rule it is named for; `rules` in its JSON lists what else is wrong with it.\n\
         - `notes/`: conforming use of what a profile leaves open, which a narrower system may not take.\n\
         - `NAME.json`: envelope and verdict; `index.json`: all of them.\n\n\
         `vpim-milter check [--profile JUDGE_AS] [--notes] --mail-from MAIL_FROM --rcpt-to RCPT_TO FILE` must agree.\n",
        env!("CARGO_PKG_NAME"),
        env!("CARGO_PKG_VERSION")
    );
    let mut folder = "";
    for verdict in verdicts {
        let (of, name) = verdict.file.split_once('/').unwrap_or(("", &verdict.file));
        if of != folder {
            folder = of;
            let _ =
                write!(out, "\n## {folder}\n\n| file | profile | conformant | what |\n|---|---|---|---|\n");
        }
        let conformant = if verdict.conformant { "yes" } else { "no" };
        let _ = writeln!(out, "| {name} | {} | {conformant} | {} |", verdict.profile, verdict.about);
    }
    out
}
