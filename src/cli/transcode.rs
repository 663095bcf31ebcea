//! `vpim-milter transcode`: one audio or fax body from one format into another, by the same function
//! that converts the bodies of messages.
//!
//! There is no time limit here, as there is no MTA waiting; the limits on samples, pages and octets
//! are those of a message.

use super::facts;
use super::files::{self, Failure, Format};
use crate::limits::{Budget, Limits};
use crate::media::{self, Job, MediaError, Report};
use mime::Mime;
use serde::Serialize;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Media types of fax file name extensions; audio has its own table.
const FAX_EXTENSIONS: &[(&str, &str)] = &[
    ("tif", "image/tiff;application=faxbw"),
    ("tiff", "image/tiff;application=faxbw"),
    ("pdf", "application/pdf"),
    ("pbm", "image/x-portable-bitmap"),
    ("png", "image/png"),
    ("jpg", "image/jpeg"),
    ("jpeg", "image/jpeg"),
    ("gif", "image/gif"),
    ("bmp", "image/bmp"),
    ("txt", "text/plain"),
];

/// Arguments of `transcode`.
#[derive(Debug, clap::Args)]
#[command(
    long_about = "Converts one audio or fax body into another format.\n\n\
        Formats are named by media type, as in a Content-Type field, or found from the extension of the \
        file name. What the bytes of IN say of themselves goes before their name: only bodies without a \
        header of their own (audio/32KADPCM, audio/PCMU, ...) depend on it. Audio comes out with one \
        channel at 8000 samples a second.",
    after_help = "Exit codes: 0 converted, 1 cannot be converted, 2 wrong usage or I/O.\n\n\
        Examples:\n  \
        vpim-milter transcode voice.726 voice.wav\n  \
        vpim-milter transcode --to 'audio/wav;codec=7' voice.726 mu-law.wav\n  \
        vpim-milter transcode fax.tif fax.pdf\n  \
        vpim-milter transcode letter.pdf fax.tif\n  \
        vpim-milter transcode --to 'image/png;page=2' letter.txt page2.png\n  \
        vpim-milter transcode --to 'image/tiff;resolution=204x98;compression=mh' photo.jpg fax.tif\n  \
        vpim-milter transcode --from audio/PCMU --to audio/32KADPCM - - < in > out\n  \
        vpim-milter transcode --list"
)]
pub struct Args {
    /// Media type of IN. Default: by its extension.
    #[arg(long, value_name = "TYPE")]
    from: Option<Mime>,
    /// Media type of OUT. Default: by its extension.
    #[arg(long, value_name = "TYPE")]
    to: Option<Mime>,
    /// How to say on stderr what the body was, what it became, and what was lost.
    #[arg(long, value_enum, default_value_t)]
    format: Format,
    /// List the formats and their media types.
    #[arg(long, exclusive = true)]
    list: bool,
    /// The body to convert; `-` for standard input.
    #[arg(value_name = "IN", required_unless_present = "list")]
    input: Option<PathBuf>,
    /// Where the converted body goes; `-` for standard output.
    #[arg(value_name = "OUT", required_unless_present = "list")]
    output: Option<PathBuf>,
}

/// Runs the command.
pub fn run(args: &Args) -> ExitCode {
    files::finish(transcode(args))
}

fn transcode(args: &Args) -> Result<ExitCode, Failure> {
    let (Some(input), Some(output)) = (&args.input, &args.output) else {
        files::print(list().as_bytes())?;
        return Ok(ExitCode::SUCCESS);
    };
    let declared = media_type(args.from.as_ref(), input, "--from")?;
    let target = media_type(args.to.as_ref(), output, "--to")?;
    let octets = files::read(input)?;
    let limits = Limits::default();
    let job = Job::convert(declared, target);
    match media::run(&job, &octets, &limits, &mut Budget::new(&limits)) {
        Ok(done) => {
            files::write(output, &done.bytes)?;
            say(args.format, Ok(&done.report))?;
            Ok(ExitCode::SUCCESS)
        }
        Err(error) => {
            say(args.format, Err(&error))?;
            Ok(ExitCode::FAILURE)
        }
    }
}

/// The media type that was given, else that of the extension.
fn media_type(given: Option<&Mime>, path: &Path, option: &str) -> Result<Mime, Failure> {
    let by_name = || path.extension().and_then(|e| e.to_str()).and_then(type_of_extension);
    given.cloned().or_else(by_name).ok_or_else(|| {
        let path = path.display();
        Failure::new(format!("the name `{path}` tells no media type: say it with {option} TYPE"))
    })
}

fn type_of_extension(extension: &str) -> Option<Mime> {
    let fax = FAX_EXTENSIONS.iter().find(|(known, _)| known.eq_ignore_ascii_case(extension));
    fax.and_then(|(_, name)| name.parse().ok()).or_else(|| media::audio::media_type_of_extension(extension))
}

/// The formats, one a line: what can be read and written, its media types.
fn list() -> String {
    let mut out = String::from("read write  media types\n");
    let mut line = |read: bool, write: bool, names: &str| {
        let tick = |yes: bool| if yes { "yes" } else { "-" };
        out.push_str(&format!("{:<4} {:<5}  {names}\n", tick(read), tick(write)));
    };
    for format in media::audio::formats() {
        line(format.can_read, format.can_write, &format.media_types.join(", "));
    }
    line(true, true, "image/tiff");
    line(true, true, "application/pdf, image/png");
    line(true, false, "text/plain, image/jpeg, image/gif, image/bmp");
    line(false, true, "image/x-portable-bitmap");
    out
}

/// What happened, for `--format json`.
#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
enum Said<'a> {
    Converted(&'a Report),
    Error(&'a MediaError),
}

fn say(format: Format, result: Result<&Report, &MediaError>) -> Result<(), Failure> {
    match (format, result) {
        (Format::Json, _) => {
            let said = result.map_or_else(Said::Error, Said::Converted);
            files::note(files::json_line(&said)?.trim_end());
        }
        (Format::Text, Ok(report)) => files::note(text(report)),
        (Format::Text, Err(error)) => files::note(format_args!("cannot convert: {error}")),
    }
    Ok(())
}

fn text(report: &Report) -> String {
    let mut lines = vec![format!("in    {}", facts::line(&report.facts))];
    lines.extend(report.output.iter().map(|output| format!("out   {}", facts::line(output))));
    lines.extend(facts::defects(&report.facts).iter().map(|defect| format!("odd   {defect}")));
    lines.extend(report.losses.iter().map(|loss| format!("lost  {loss}")));
    lines.iter().map(|line| files::printable(line)).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_come_from_the_option_or_from_the_name() {
        let of = |given: Option<&str>, path: &str| {
            media_type(given.map(|g| g.parse().unwrap()).as_ref(), Path::new(path), "--from").ok()
        };
        assert_eq!(of(None, "a/b.TIF").unwrap(), "image/tiff;application=faxbw");
        assert_eq!(of(Some("audio/PCMU"), "x.tif").unwrap(), "audio/pcmu");
        assert_eq!(of(None, "x.exe"), None);
        assert_eq!(of(None, "-"), None);
    }

    #[test]
    fn extensions_of_faxes_name_media_types() {
        for (extension, name) in FAX_EXTENSIONS {
            assert_eq!(type_of_extension(extension).unwrap(), *name);
        }
    }
}
