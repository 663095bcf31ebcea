//! Files and standard streams of the commands, and how a command fails for want of them.

use super::EXIT_USAGE;
use std::fmt::Display;
use std::fs::File;
use std::io::{self, Read, Write};
use std::path::Path;
use std::process::ExitCode;

/// Why a command could not do its work: wrong usage or I/O. Becomes exit code 2.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct Failure(String);

impl Failure {
    /// A failure in words.
    pub fn new(text: impl Into<String>) -> Self {
        Failure(text.into())
    }

    /// An error of the system or of a library, with what was tried.
    pub fn doing(what: impl Display, error: impl Display) -> Self {
        Failure(format!("{what}: {error}"))
    }
}

/// The exit code of a command; a failure is said on stderr.
pub fn finish(result: Result<ExitCode, Failure>) -> ExitCode {
    result.unwrap_or_else(|failure| {
        note(format_args!("vpim-milter: {failure}"));
        ExitCode::from(EXIT_USAGE)
    })
}

/// True for `-`, the standard stream.
pub fn is_standard(path: &Path) -> bool {
    path.as_os_str() == "-"
}

/// Reads a whole file, or standard input for `-`.
pub fn read(path: &Path) -> Result<Vec<u8>, Failure> {
    read_at_most(path, usize::MAX)
}

/// Reads a message, or standard input for `-`; more than `limit` octets are a failure.
pub fn read_at_most(path: &Path, limit: usize) -> Result<Vec<u8>, Failure> {
    let done = if is_standard(path) {
        bounded(io::stdin().lock(), 0, limit)
    } else {
        File::open(path).and_then(|file| {
            let size = file.metadata().map_or(0, |metadata| metadata.len());
            bounded(file, usize::try_from(size).unwrap_or(usize::MAX), limit)
        })
    };
    done.map_err(|error| Failure::doing(format_args!("cannot read {}", path.display()), error))
}

/// Reads all there is, which may be about `size` octets: room for them is made once.
fn bounded(from: impl Read, size: usize, limit: usize) -> io::Result<Vec<u8>> {
    let mut octets = Vec::new();
    octets.try_reserve_exact(size.min(limit))?;
    from.take(u64::try_from(limit).unwrap_or(u64::MAX).saturating_add(1)).read_to_end(&mut octets)?;
    if octets.len() > limit {
        return Err(io::Error::other(format!("larger than limits.message_bytes ({limit})")));
    }
    Ok(octets)
}

/// Writes a whole file, or standard output for `-`.
pub fn write(path: &Path, octets: &[u8]) -> Result<(), Failure> {
    if is_standard(path) {
        return print(octets);
    }
    std::fs::write(path, octets)
        .map_err(|error| Failure::doing(format_args!("cannot write {}", path.display()), error))
}

/// Writes to standard output. A reader that went away (`| head`) is a failure, not a panic.
pub fn print(octets: &[u8]) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    out.write_all(octets)
        .and_then(|()| out.flush())
        .map_err(|error| Failure::doing("cannot write to standard output", error))
}

/// One line of text on stderr, where a closed stderr is no reason to fail.
pub fn note(line: impl Display) {
    let _ = writeln!(io::stderr().lock(), "{line}");
}

/// One JSON object on a line of its own.
pub fn json_line(value: &impl serde::Serialize) -> Result<String, Failure> {
    let text = serde_json::to_string(value).map_err(|error| Failure::doing("cannot write JSON", error))?;
    Ok(text + "\n")
}

/// Text from outside on a terminal: no control characters get through.
pub fn printable(text: &str) -> String {
    let escaped = |c: char| if c.is_control() { c.escape_default().to_string() } else { c.to_string() };
    text.chars().map(escaped).collect()
}

/// How results are printed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    /// For people.
    #[default]
    Text,
    /// For programs: one JSON object on a line.
    Json,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_file_is_named_with_the_reason() {
        let failure = read(Path::new("no/such/file.eml")).unwrap_err().to_string();
        assert!(failure.starts_with("cannot read no/such/file.eml: "), "{failure}");
        let failure = write(Path::new("no/such/file.eml"), b"").unwrap_err().to_string();
        assert!(failure.starts_with("cannot write no/such/file.eml: "), "{failure}");
    }

    #[test]
    fn input_beyond_the_limit_is_refused() {
        // Whatever size the file is said to have.
        for size in [0, 2, 4, 100] {
            assert_eq!(bounded(&b"1234"[..], size, 4).unwrap(), b"1234");
            assert!(bounded(&b"12345"[..], size, 4).is_err());
        }
        assert!(bounded(&b""[..], usize::MAX, usize::MAX).is_err(), "no room for so much");
    }

    #[test]
    fn terminals_get_no_control_characters() {
        assert_eq!(printable("a\u{1b}[2J\u{9b}\u{e9}"), "a\\u{1b}[2J\\u{9b}\u{e9}");
    }
}
