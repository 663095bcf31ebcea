//! A private authoritative name server on loopback.

use super::directory::TestDirectory;
use super::{free_port, poll};
use std::fs;
use std::net::{Ipv4Addr, TcpStream, UdpSocket};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// A running server.
pub struct Nsd {
    child: Option<Child>,
    port: u16,
    directory: TestDirectory,
}

impl Nsd {
    /// Starts it with the zone `enum.example.edu`, whose records below the apex are these.
    pub fn start(records: &str) -> Self {
        let directory = TestDirectory::new("nsd");
        let port = free_port();
        let path = directory.path().display().to_string();
        let zone = format!(
            "$ORIGIN enum.example.edu.\n$TTL 300\n@ SOA ns hostmaster 1 3600 600 86400 60\n@ NS ns\n\
             ns A 127.0.0.1\n{records}"
        );
        fs::write(directory.join("zone"), zone).expect("own directory");
        let configuration = format!(
            "server:\n  ip-address: 127.0.0.1@{port}\n  username: \"\"\n  chroot: \"\"\n  zonesdir: \"{path}\"\n  \
             database: \"\"\n  pidfile: \"{path}/pid\"\n  xfrdfile: \"{path}/xfrd\"\n  zonelistfile: \"{path}/zones\"\n  \
             logfile: \"{path}/log\"\n  server-count: 1\nremote-control:\n  control-enable: no\n\
             zone:\n  name: enum.example.edu\n  zonefile: zone\n"
        );
        fs::write(directory.join("nsd.conf"), configuration).expect("own directory");
        let mut nsd = Nsd { child: None, port, directory };
        nsd.restart();
        nsd
    }

    /// Starts it again on the same port.
    pub fn restart(&mut self) {
        let child = Command::new("/usr/sbin/nsd")
            .args(["-d", "-c"])
            .arg(self.directory.join("nsd.conf"))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("nsd starts");
        self.child = Some(child);
        let up = || TcpStream::connect((Ipv4Addr::LOCALHOST, self.port)).ok();
        poll(Duration::from_secs(30), up).unwrap_or_else(|| panic!("nsd does not listen: {}", self.log()));
        // It listens before its children answer.
        let mut answers = 0;
        let steady = || {
            answers = if self.answers() { answers + 1 } else { 0 };
            std::thread::sleep(Duration::from_millis(150));
            (answers >= 4).then_some(())
        };
        poll(Duration::from_secs(30), steady).unwrap_or_else(|| panic!("nsd is silent: {}", self.log()));
    }

    /// Whether a question for the start of authority is answered without an error (RFC 1035 4.1).
    fn answers(&self) -> bool {
        let ask = || -> std::io::Result<bool> {
            let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?;
            socket.set_read_timeout(Some(Duration::from_millis(300)))?;
            let mut question = vec![0x56, 0x50, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0];
            for label in ["enum", "example", "edu"] {
                question.push(label.len() as u8);
                question.extend_from_slice(label.as_bytes());
            }
            question.extend_from_slice(&[0, 0, 6, 0, 1]);
            socket.send_to(&question, (Ipv4Addr::LOCALHOST, self.port))?;
            let mut answer = [0; 512];
            let octets = socket.recv(&mut answer)?;
            Ok(octets > 12 && answer[..2] == question[..2] && answer[3] & 15 == 0 && answer[7] == 1)
        };
        ask().unwrap_or(false)
    }

    /// Ends it, its children too.
    pub fn stop(&mut self) {
        if let Some(mut child) = self.child.take() {
            super::kill("TERM", i64::from(child.id()));
            let _ = child.wait();
            let gone = || TcpStream::connect((Ipv4Addr::LOCALHOST, self.port)).is_err().then_some(());
            poll(Duration::from_secs(30), gone).expect("nsd ends");
        }
    }

    /// `127.0.0.1:5353`.
    pub fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    fn log(&self) -> String {
        fs::read_to_string(self.directory.join("log")).unwrap_or_default()
    }
}

impl Drop for Nsd {
    fn drop(&mut self) {
        self.stop();
    }
}
