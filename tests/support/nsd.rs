//! A private authoritative name server on loopback.

use super::directory::TestDirectory;
use super::{free_port, poll};
use std::fs;
use std::net::{Ipv4Addr, TcpStream};
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
             pidfile: \"{path}/pid\"\n  xfrdfile: \"{path}/xfrd\"\n  zonelistfile: \"{path}/zones\"\n  \
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
