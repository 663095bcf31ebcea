//! Which copies were accepted: kept for 5 days (RFC 5321 4.5.4.1: how long a client tries), in memory
//! and, where the configuration names a file, over a restart.
//!
//! A retry of a message whose copies were accepted in part, or of one whose answer never arrived,
//! then sends only the rest. A line of the file is `seconds-since-1970 key`, written and synced
//! before the next copy is ended. Whatever cannot be read is skipped: the worst is a second copy.
//!
//! Limits: the newest 100,000 recipients; a kill between the server's 250 and the line leaves a copy
//! that a retry sends once more, as with any SMTP client (RFC 1047).

use crate::plan::split::Key;
use std::collections::{HashSet, VecDeque};
use std::fmt::Write as _;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

/// Seconds an entry is kept.
const KEPT_S: u64 = 5 * 24 * 3_600;
/// Entries kept.
const ENTRIES: usize = 100_000;
/// Octets read of the file: that many entries, and as many again since it was last written anew.
const FILE_OCTETS: u64 = 16 << 20;

/// The copies accepted.
#[derive(Debug, Default)]
pub struct Journal(Mutex<Inner>);

#[derive(Debug, Default)]
struct Inner {
    order: VecDeque<(u64, Key)>,
    known: HashSet<Key>,
    file: Option<File>,
}

impl Journal {
    /// With this file, which is read and written anew.
    pub fn open(path: &Path) -> io::Result<Self> {
        let mut text = String::new();
        match File::open(path) {
            Ok(file) => {
                let mut octets = Vec::new();
                file.take(FILE_OCTETS).read_to_end(&mut octets)?;
                text = String::from_utf8_lossy(&octets).into_owned();
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
        let mut inner = Inner::default();
        for (time, key) in text.lines().filter_map(entry) {
            inner.add(time, key);
        }
        inner.forget(now());
        let fresh = path.with_extension("new");
        let mut options = OpenOptions::new();
        let mut file = options.write(true).create(true).truncate(true).mode(0o600).open(&fresh)?;
        file.write_all(lines(inner.order.iter().copied()).as_bytes())?;
        file.sync_all()?;
        fs::rename(&fresh, path)?;
        inner.file = Some(file);
        Ok(Journal(Mutex::new(inner)))
    }

    /// Whether a copy of the message with this key was accepted.
    pub fn contains(&self, key: &Key) -> bool {
        self.lock().known.contains(key)
    }

    /// Remembers accepted copies. The line is with the system when this returns, which a killed process
    /// needs; [`Journal::sync`] brings it to the disk. The error tells that a restart will forget them.
    pub fn add(&self, keys: &[Key]) -> io::Result<()> {
        let mut inner = self.lock();
        let time = now();
        inner.forget(time);
        for key in keys {
            inner.add(time, *key);
        }
        let Some(file) = &mut inner.file else { return Ok(()) };
        file.write_all(lines(keys.iter().map(|key| (time, *key))).as_bytes())
    }

    /// Waits for the disk.
    pub fn sync(&self) -> io::Result<()> {
        let Some(file) = self.lock().file.as_ref().map(File::try_clone).transpose()? else { return Ok(()) };
        file.sync_data()
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    fn add(&mut self, time: u64, key: Key) {
        if self.known.insert(key) {
            self.order.push_back((time, key));
        }
        if self.order.len() > ENTRIES
            && let Some((_, oldest)) = self.order.pop_front()
        {
            self.known.remove(&oldest);
        }
    }

    /// Entries that are too old, or from a future that a clock set back has left.
    fn forget(&mut self, now: u64) {
        while let Some((time, key)) = self.order.front().copied()
            && now.abs_diff(time) > KEPT_S
        {
            self.order.pop_front();
            self.known.remove(&key);
        }
    }
}

fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |d| d.as_secs())
}

fn lines(entries: impl Iterator<Item = (u64, Key)>) -> String {
    let mut out = String::new();
    for (time, key) in entries {
        let _ = writeln!(out, "{time} {:032x}", u128::from_be_bytes(key));
    }
    out
}

fn entry(line: &str) -> Option<(u64, Key)> {
    let (time, key) = line.split_once(' ')?;
    let key = u128::from_str_radix(key, 16).ok().filter(|_| key.len() == 32)?;
    Some((time.parse().ok()?, key.to_be_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accepted_copies_are_known_after_a_restart_and_damage_is_skipped() {
        let path = std::env::temp_dir().join(format!("vpim-journal-{}", std::process::id()));
        let journal = Journal::open(&path).unwrap();
        assert!(!journal.contains(&[1; 16]));
        journal.add(&[[1; 16], [2; 16]]).unwrap();
        assert!(journal.contains(&[2; 16]));
        drop(journal);
        let old = format!("{} {:032x}\n", now() - KEPT_S - 1, 3);
        let kept = fs::read_to_string(&path).unwrap();
        fs::write(&path, format!("{old}garbage\n12 zz\n{kept}77")).unwrap();
        let journal = Journal::open(&path).unwrap();
        assert!(journal.contains(&[1; 16]) && journal.contains(&[2; 16]));
        assert!(!journal.contains(&3u128.to_be_bytes()));
        assert_eq!(fs::read_to_string(&path).unwrap(), kept);
        fs::remove_file(&path).unwrap();
    }

    #[test]
    fn the_oldest_go_first() {
        let mut inner = Inner::default();
        for n in 0..=ENTRIES {
            inner.add(5, (n as u128).to_be_bytes());
        }
        assert_eq!(inner.order.len(), ENTRIES);
        assert!(!inner.known.contains(&0u128.to_be_bytes()));
        inner.forget(5 + KEPT_S);
        assert_eq!(inner.known.len(), ENTRIES);
        inner.forget(6 + KEPT_S);
        assert!(inner.known.is_empty());
    }
}
