//! Reading messages from files and standard input, bounded.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

/// The name of standard input on the command line.
pub const STDIN: &str = "-";

/// Reads a file, or standard input for `-`; more than `limit` octets are an error.
pub fn read(path: &Path, limit: usize) -> io::Result<Vec<u8>> {
    if path.as_os_str() == STDIN {
        bounded(io::stdin().lock(), limit)
    } else {
        bounded(File::open(path)?, limit)
    }
}

fn bounded(from: impl Read, limit: usize) -> io::Result<Vec<u8>> {
    let mut octets = Vec::new();
    from.take(u64::try_from(limit).unwrap_or(u64::MAX).saturating_add(1)).read_to_end(&mut octets)?;
    if octets.len() > limit {
        return Err(io::Error::other(format!("larger than limits.message_bytes ({limit})")));
    }
    Ok(octets)
}

/// Prints text; an output that is closed early (`| head`) is no error.
pub fn print(text: &str) {
    use std::io::Write as _;
    let _ = io::stdout().lock().write_all(text.as_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn input_beyond_the_limit_is_refused() {
        assert_eq!(bounded(&b"1234"[..], 4).unwrap(), b"1234");
        assert!(bounded(&b"12345"[..], 4).is_err());
    }
}
