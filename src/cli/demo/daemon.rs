//! The daemon of the demonstration: this very program as a process of its own, on a free port of the
//! loopback interface, ended when dropped.

use crate::cli::files::Failure;
use crate::probe;
use crate::socket::Socket;
use std::fs::File;
use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// How long the daemon may take until it listens.
const PATIENCE: Duration = Duration::from_secs(20);
/// Another program may take the port between our asking for a free one and the daemon's binding.
const ATTEMPTS: usize = 3;

/// A running daemon.
pub struct Daemon {
    child: Child,
    socket: Socket,
}

impl Daemon {
    /// Writes `demo.toml` into `directory` and starts the daemon with it; its log goes to `milter.log`.
    pub fn start(directory: &Path) -> Result<Self, Failure> {
        let mut last = Failure::new("the milter does not start");
        for _ in 0..ATTEMPTS {
            match Self::attempt(directory) {
                Ok(daemon) => return Ok(daemon),
                Err(failure) => last = failure,
            }
        }
        Err(last)
    }

    fn attempt(directory: &Path) -> Result<Self, Failure> {
        let port = free_port()?;
        let socket = Socket::Inet { host: Ipv4Addr::LOCALHOST.to_string(), port };
        let config = directory.join("demo.toml");
        let text = format!("listen = [\"{socket}\"]\n{}", include_str!("demo.toml"));
        std::fs::write(&config, text).map_err(|e| Failure::doing("cannot write demo.toml", e))?;
        let log = directory.join("milter.log");
        let stderr = File::create(&log).map_err(|e| Failure::doing("cannot write milter.log", e))?;
        let program = this_program()?;
        let child = Command::new(program)
            .args(["serve", "--config"])
            .arg(&config)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(stderr)
            .spawn()
            .map_err(|e| Failure::doing("cannot start the milter", e))?;
        let mut daemon = Daemon { child, socket };
        daemon.await_socket(&log)?;
        Ok(daemon)
    }

    fn await_socket(&mut self, log: &Path) -> Result<(), Failure> {
        let end = Instant::now() + PATIENCE;
        loop {
            if let Ok(Some(status)) = self.child.try_wait() {
                let said = std::fs::read_to_string(log).unwrap_or_default();
                return Err(Failure::new(format!("the milter ended with {status}:\n{}", said.trim_end())));
            }
            match probe::health_check(&self.socket, Duration::from_secs(5)) {
                Ok(_) => return Ok(()),
                Err(error) if Instant::now() > end => return Err(Failure::new(error.to_string())),
                Err(_) => std::thread::sleep(Duration::from_millis(20)),
            }
        }
    }

    /// Where it listens.
    pub fn socket(&self) -> &Socket {
        &self.socket
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        // Every message was answered; there is nothing left to finish.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn this_program() -> Result<PathBuf, Failure> {
    std::env::current_exe().map_err(|e| Failure::doing("cannot find this program's file", e))
}

fn free_port() -> Result<u16, Failure> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).and_then(|l| l.local_addr());
    listener.map(|a| a.port()).map_err(|e| Failure::doing("no free port on 127.0.0.1", e))
}
