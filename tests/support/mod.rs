//! What integration tests share: a private Postfix, an SMTP sink and client, the daemon as a process,
//! and a milter that does what a test says.
//!
//! Include it with `mod support;`. It depends on nothing outside this directory but the installed
//! Postfix; without one [`postfix::available`] says so and the test returns.

// Every integration test compiles these modules for itself and uses only some of them.
#![allow(dead_code)]

pub mod campus;
pub mod directory;
pub mod milter_process;
pub mod nsd;
pub mod opendkim;
pub mod postfix;
pub mod recipients;
pub mod scripted_milter;
pub mod sendmail;
pub mod sink;
pub mod slapd;
pub mod smtp;
pub mod tools;

use std::net::{Ipv4Addr, TcpListener};
use std::process::Command;
use std::time::{Duration, Instant};

/// A loopback port that was free a moment ago.
pub fn free_port() -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free loopback port");
    listener.local_addr().expect("a bound socket has an address").port()
}

/// Asks until the answer is there; `None` when the time is over. For what can only be polled: log
/// files, queue directories, ports.
pub fn poll<T>(timeout: Duration, mut ask: impl FnMut() -> Option<T>) -> Option<T> {
    let end = Instant::now() + timeout;
    loop {
        if let Some(answer) = ask() {
            return Some(answer);
        }
        if Instant::now() >= end {
            return None;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Sends a signal (`TERM`, `HUP`, `KILL`); a negative `pid` means its process group.
pub fn kill(signal: &str, pid: i64) -> bool {
    // The shell's own `kill`: the program of that name is not on every machine.
    let status =
        Command::new("sh").args(["-c", "kill -s \"$0\" -- \"$1\"", signal, &pid.to_string()]).output();
    status.is_ok_and(|o| o.status.success())
}

/// The first fenced block of a file in `packaging/` that has `mark` in it: what administrators are
/// told to write is what the tests run.
pub fn packaged(file: &str, mark: &str) -> String {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("packaging").join(file);
    let text = std::fs::read_to_string(path).expect("a packaged file");
    let block = text.split("```").skip(1).step_by(2).find(|block| block.contains(mark));
    // The first line is the fence's own.
    block.and_then(|b| b.split_once('\n')).unwrap_or_else(|| panic!("no `{mark}` in {file}")).1.to_owned()
}
