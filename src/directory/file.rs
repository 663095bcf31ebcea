//! A directory in a file: an LDIF export (RFC 2849) with the attributes of RFC 4237, or CSV (RFC 4180) with
//! a first line that names its columns.
//!
//! Columns: `number`, `mailbox`, `audio` (media types, blanks between), `seconds`, `status` (`blocked`).
//! `mailbox` must be there. Read once, when the configuration is; a reload reads it again.

use crate::vpim::directory::{self, Answer};
use crate::vpim::listing::{Listing, Query, audio_types};
use std::collections::HashMap;
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;
use std::time::{Duration, SystemTime};

/// Octets of a file.
const OCTETS: u64 = 64 << 20;
/// Lines of it that are mailboxes.
const MAILBOXES: usize = 500_000;

/// What is in the file.
#[derive(Clone, PartialEq, Eq)]
pub struct Table {
    by_key: HashMap<String, Listing>,
    written: Option<SystemTime>,
}

impl std::fmt::Debug for Table {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Table of {} keys", self.by_key.len())
    }
}

/// Why a file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum TableError {
    /// It cannot be read.
    #[error("{0}")]
    Io(#[from] io::Error),
    /// It is too large.
    #[error("more than 64 MiB")]
    TooLarge,
    /// It cannot be understood.
    #[error("line {line}: {what}")]
    Line {
        /// From 1.
        line: usize,
        /// What is wrong there.
        what: String,
    },
    /// One key, two mailboxes.
    #[error("`{0}` has two mailboxes")]
    Twice(String),
}

impl Table {
    /// Reads a file. `blocking` are the attributes and values of mailboxes that take no messages.
    pub fn read(path: &Path, blocking: &[(String, String)]) -> Result<Self, TableError> {
        let file = File::open(path)?;
        let written = file.metadata()?.modified().ok();
        let mut octets = Vec::new();
        file.take(OCTETS + 1).read_to_end(&mut octets)?;
        if octets.len() as u64 > OCTETS {
            return Err(TableError::TooLarge);
        }
        let text = String::from_utf8(octets)
            .map_err(|e| TableError::Line { line: 1, what: format!("no UTF-8: {}", e.utf8_error()) })?;
        Ok(Table { written, ..Self::parse(&text, blocking)? })
    }

    /// Reads its text.
    pub fn parse(text: &str, blocking: &[(String, String)]) -> Result<Self, TableError> {
        let first = text.lines().map(str::trim).find(|l| !l.is_empty() && !l.starts_with('#'));
        let mut table = Table { by_key: HashMap::new(), written: None };
        match first {
            Some(l) if l.starts_with("dn:") || l.starts_with("version:") => table.ldif(text, blocking)?,
            _ => table.csv(text)?,
        }
        Ok(table)
    }

    fn ldif(&mut self, text: &str, blocking: &[(String, String)]) -> Result<(), TableError> {
        let read = directory::read(text);
        let answers = read.map_err(|e| TableError::Line { line: e.line, what: e.what.to_owned() })?;
        for answer in answers {
            let Answer::Entry(entry) = answer else { continue };
            let asked = Query { address: String::new(), number: None };
            let Some(listing) = Listing::of_entry(&entry, &asked, blocking) else { continue };
            let numbers = ["vPIMTelephoneNumber", "telephoneNumber"]
                .into_iter()
                .flat_map(|a| entry.values(a).collect::<Vec<_>>());
            let plain =
                numbers.map(|n| n.chars().filter(|c| !matches!(c, ' ' | '-' | '.' | '(' | ')')).collect());
            let mailboxes = entry.values("vPIMRfc822Mailbox");
            let keys: Vec<String> = plain.chain(mailboxes).collect();
            for key in keys {
                // Asked for by one of its mailboxes, that one stays.
                let own = Listing::of_mailbox(&key).map(|m| m.mailbox);
                let mailbox = own.unwrap_or_else(|| listing.mailbox.clone());
                self.add(&key, Listing { mailbox, ..listing.clone() })?;
            }
        }
        Ok(())
    }

    fn csv(&mut self, text: &str) -> Result<(), TableError> {
        let mut columns: Option<Vec<String>> = None;
        for (n, line) in text.lines().enumerate().filter(|(_, l)| !l.trim().is_empty() && !l.starts_with('#'))
        {
            let wrong = |what: String| TableError::Line { line: n + 1, what };
            let cells = cells(line).ok_or_else(|| wrong("a quotation without end".to_owned()))?;
            let Some(columns) = &columns else {
                let names: Vec<String> = cells.iter().map(|c| c.to_ascii_lowercase()).collect();
                let known = ["number", "mailbox", "audio", "seconds", "status"];
                if let Some(odd) = names.iter().find(|name| !known.contains(&name.as_str())) {
                    return Err(wrong(format!("`{odd}` is no column: {}", known.join(", "))));
                }
                if !names.iter().any(|n| n == "mailbox") {
                    return Err(wrong("no column `mailbox`".to_owned()));
                }
                columns = Some(names);
                continue;
            };
            if cells.len() != columns.len() {
                return Err(wrong(format!("{} cells, {} columns", cells.len(), columns.len())));
            }
            let cell = |name: &str| {
                let at = columns.iter().position(|c| c == name);
                at.and_then(|at| cells.get(at)).map_or("", String::as_str)
            };
            let mailbox = cell("mailbox");
            let mut listing = Listing::of_mailbox(mailbox)
                .ok_or_else(|| wrong(format!("`{mailbox}` is no mail address")))?;
            listing.audio = audio_types(cell("audio").split_whitespace().map(str::to_owned));
            listing.seconds = match cell("seconds") {
                "" => None,
                text => match text.parse() {
                    Ok(seconds) if seconds > 0 => Some(seconds),
                    _ => return Err(wrong(format!("`{text}` is no number of seconds"))),
                },
            };
            listing.blocked = match cell("status") {
                "" => false,
                "blocked" => true,
                other => return Err(wrong(format!("status `{other}`: write `blocked` or nothing"))),
            };
            let number: String = cell("number").chars().filter(|c| !matches!(c, ' ' | '-' | '.')).collect();
            for key in [number, mailbox.to_owned()].into_iter().filter(|k| !k.is_empty()) {
                self.add(&key, listing.clone())?;
            }
            if self.by_key.len() > MAILBOXES * 2 {
                return Err(wrong("more mailboxes than can be held".to_owned()));
            }
        }
        Ok(())
    }

    /// Two numbers may share a mailbox, not the other way round.
    fn add(&mut self, key: &str, listing: Listing) -> Result<(), TableError> {
        let key = key.to_ascii_lowercase();
        match self.by_key.get(&key) {
            Some(other) if other.mailbox != listing.mailbox => return Err(TableError::Twice(key)),
            _ => self.by_key.insert(key, listing),
        };
        Ok(())
    }

    /// What it knows.
    pub fn find(&self, query: &Query) -> Option<Listing> {
        let by_number = query.number.as_ref().and_then(|number| self.by_key.get(number));
        by_number.or_else(|| self.by_key.get(&query.address.to_ascii_lowercase())).cloned()
    }

    /// How long ago it was written.
    pub fn age(&self) -> Duration {
        self.written.and_then(|w| w.elapsed().ok()).unwrap_or_default()
    }
}

/// The cells of a line; `None` for an open quotation.
fn cells(line: &str) -> Option<Vec<String>> {
    let mut cells = vec![String::new()];
    let mut quoted = false;
    let mut characters = line.chars().peekable();
    while let Some(c) = characters.next() {
        match (c, quoted) {
            ('"', true) if characters.peek() == Some(&'"') => cells.last_mut()?.extend(characters.next()),
            ('"', _) => quoted = !quoted,
            (',', false) => cells.push(String::new()),
            (c, _) => cells.last_mut()?.push(c),
        }
    }
    cells.iter_mut().for_each(|cell| *cell = cell.trim().to_owned());
    (!quoted).then_some(cells)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn find(table: &Table, address: &str) -> Option<Listing> {
        table.find(&Query::new(address).unwrap())
    }

    #[test]
    fn csv_and_ldif_say_the_same() {
        let csv = "# ours\nNumber,mailbox,audio,seconds,status\n\
            +1-613-555-1234,pat@vm2.test,\"audio/32KADPCM audio/basic\",180,\n,kim@vm2.test,,,blocked\n";
        let ldif = "dn: cn=Pat\nobjectClass: vPIMUser\nvPIMTelephoneNumber: +16135551234\n\
            vPIMRfc822Mailbox: pat@vm2.test\nvPIMSupportedAudioMediaTypes: audio/32KADPCM\n\
            vPIMSupportedAudioMediaTypes: audio/basic\nvPIMMaxMessageSize: 180\n\n\
            dn: cn=Kim\nvPIMRfc822Mailbox: kim@vm2.test\nvPIMExtendedAbsenceStatus: MsgBlocked\n";
        let blocking = [("vPIMExtendedAbsenceStatus".to_owned(), "MsgBlocked".to_owned())];
        let (csv, ldif) = (Table::parse(csv, &[]).unwrap(), Table::parse(ldif, &blocking).unwrap());
        assert_eq!(csv.by_key, ldif.by_key);
        let pat = find(&csv, "+16135551234@vpim.test").unwrap();
        assert_eq!((pat.mailbox.as_str(), pat.seconds), ("pat@vm2.test", Some(180)));
        assert_eq!(pat.audio, ["audio/32kadpcm", "audio/basic"]);
        assert!(find(&csv, "KIM@vm2.test").unwrap().blocked);
        assert_eq!(find(&csv, "+1@vpim.test"), None);
    }

    #[test]
    fn what_is_wrong_is_named_with_its_line() {
        for (text, what) in [
            ("number\n1\n", "line 1: no column `mailbox`"),
            ("mailbox,size\n", "line 1: `size` is no column: number, mailbox, audio, seconds, status"),
            ("mailbox\na@b\n\"x\n", "line 3: a quotation without end"),
            ("mailbox\npat\n", "line 2: `pat` is no mail address"),
            ("mailbox,seconds\na@b,3min\n", "line 2: `3min` is no number of seconds"),
            ("mailbox,status\na@b,away\n", "line 2: status `away`: write `blocked` or nothing"),
            ("number,mailbox\n1,a@b\n1,c@d\n", "`1` has two mailboxes"),
            ("mailbox,number\na@b\n", "line 2: 1 cells, 2 columns"),
            ("dn: a\nx\n", "line 2: no attribute: value"),
        ] {
            assert_eq!(Table::parse(text, &[]).unwrap_err().to_string(), what);
        }
        assert!(Table::read(Path::new("/nonexistent"), &[]).is_err());
    }
}
