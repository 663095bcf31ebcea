//! The built daemon as a process: configuration written, socket awaited, signals, log lines.

use super::directory::TestDirectory;
use super::{free_port, kill, poll};
use std::fs;
use std::io::{BufRead, BufReader};
use std::net::{Ipv4Addr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// How long the daemon may take to listen, and to end.
const PATIENCE: Duration = Duration::from_secs(20);

/// `vpim-milter serve`, killed when dropped.
pub struct MilterProcess {
    child: Child,
    port: u16,
    directory: TestDirectory,
    log: Arc<Mutex<Vec<String>>>,
}

impl MilterProcess {
    /// Starts the daemon on a free loopback port. `config` is the rest of the configuration, without
    /// `listen`: top-level keys first (`mode = "enforce"`), then tables and `[[route]]`s.
    pub fn start(config: &str) -> Self {
        let directory = TestDirectory::new("milter");
        let port = free_port();
        let file = directory.join("vpim-milter.toml");
        write_config(&file, port, config);
        let log = Arc::new(Mutex::new(Vec::new()));
        let child = run(&file, &log);
        let mut process = MilterProcess { child, port, directory, log };
        process.await_socket();
        process
    }

    /// Starts it again after its end, with the same socket and configuration.
    pub fn restart(&mut self) {
        self.wait();
        self.child = run(&self.config_file(), &self.log);
        self.await_socket();
    }

    fn await_socket(&mut self) {
        let port = self.port;
        let child = &mut self.child;
        let up = poll(PATIENCE, || match child.try_wait() {
            Ok(Some(status)) => Some(Err(status)),
            _ => TcpStream::connect((Ipv4Addr::LOCALHOST, port)).ok().map(|_| Ok(())),
        });
        match up {
            Some(Ok(())) => {}
            Some(Err(status)) => panic!("the daemon ended with {status}:\n{}", self.log_lines().join("\n")),
            None => panic!("the daemon does not listen:\n{}", self.log_lines().join("\n")),
        }
    }

    /// The configuration file, for rewriting it before a reload.
    pub fn config_file(&self) -> PathBuf {
        self.directory.join("vpim-milter.toml")
    }

    /// Writes another configuration with the same listener. Reload it with [`Self::signal`] `HUP`.
    pub fn rewrite_config(&self, config: &str) {
        write_config(&self.config_file(), self.port, config);
    }

    /// In libmilter's notation.
    pub fn socket(&self) -> String {
        format!("inet:{}@127.0.0.1", self.port)
    }

    /// In Postfix's notation.
    pub fn postfix_socket(&self) -> String {
        format!("inet:127.0.0.1:{}", self.port)
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Sends `HUP`, `TERM`, `KILL`, `STOP`, `CONT`.
    pub fn signal(&self, signal: &str) {
        assert!(kill(signal, i64::from(self.pid())), "kill -{signal}");
    }

    /// Waits for the end.
    pub fn wait(&mut self) -> ExitStatus {
        let child = &mut self.child;
        poll(PATIENCE, || child.try_wait().expect("the child is ours")).expect("the daemon ends")
    }

    /// Every line of its log so far.
    pub fn log_lines(&self) -> Vec<String> {
        self.log.lock().expect("no panic holds this lock").clone()
    }

    /// The first line with `pattern`, once it is there.
    pub fn wait_for_log(&self, pattern: &str, timeout: Duration) -> String {
        poll(timeout, || self.log_lines().into_iter().find(|l| l.contains(pattern)))
            .unwrap_or_else(|| panic!("no `{pattern}` in the log:\n{}", self.log_lines().join("\n")))
    }
}

impl Drop for MilterProcess {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        if std::thread::panicking() {
            eprintln!("--- log of the daemon\n{}", self.log_lines().join("\n"));
        }
    }
}

fn write_config(file: &Path, port: u16, config: &str) {
    let text = format!("listen = [\"inet:{port}@127.0.0.1\"]\n{config}\n");
    fs::write(file, text).expect("own directory");
}

fn run(file: &Path, log: &Arc<Mutex<Vec<String>>>) -> Child {
    let mut child = Command::new(env!("CARGO_BIN_EXE_vpim-milter"))
        .arg("serve")
        .arg("--config")
        .arg(file)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the built binary starts");
    let stderr = child.stderr.take().expect("stderr is piped");
    let lines = log.clone();
    std::thread::spawn(move || {
        for line in BufReader::new(stderr).split(b'\n').map_while(Result::ok) {
            let line = String::from_utf8_lossy(&line).into_owned();
            lines.lock().expect("no panic holds this lock").push(line);
        }
    });
    child
}
