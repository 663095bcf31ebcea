//! OpenDKIM as a milter: one that signs, or one that verifies. Keys are made for the test, and found
//! without DNS (`TestPublicKeys`).

use super::directory::TestDirectory;
use super::{free_port, poll, tools};
use std::fs;
use std::net::{Ipv4Addr, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

const PATIENCE: Duration = Duration::from_secs(20);

/// Whether it can run here.
pub fn available() -> bool {
    tools::available(&["opendkim", "opendkim-genkey"])
}

/// Keys of some domains, selector `s`.
pub struct Keys {
    directory: TestDirectory,
}

impl Keys {
    /// A key for each domain.
    pub fn new(domains: &[&str]) -> Self {
        let directory = TestDirectory::new("dkim");
        let mut public = String::new();
        for domain in domains {
            let own = directory.join(domain);
            fs::create_dir(&own).expect("own directory");
            let made = Command::new("opendkim-genkey")
                .args(["-b", "2048", "-s", "s", "-d", domain, "-D"])
                .arg(&own)
                .output()
                .expect("installed");
            assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
            let zone = fs::read_to_string(own.join("s.txt")).expect("opendkim-genkey wrote it");
            // What is quoted in the zone file, put together.
            let record: String = zone.split('"').skip(1).step_by(2).collect();
            public += &format!("s._domainkey.{domain} {record}\n");
        }
        fs::write(directory.join("public"), public).expect("own directory");
        Keys { directory }
    }

    /// The signatures of a message, the upper first: the domain, and whether `opendkim -t` verifies it.
    pub fn verify(&self, raw: &[u8]) -> Vec<(String, bool)> {
        let (config, file) = (self.directory.join("verify.conf"), self.directory.join("message"));
        let public = self.directory.join("public");
        fs::write(&config, format!("Mode v\nSyslog no\nTestPublicKeys {}\n", public.display()))
            .expect("own directory");
        fs::write(&file, raw).expect("own directory");
        let said = Command::new("opendkim").arg("-x").arg(config).args(["-v", "-v", "-t"]).arg(file).output();
        let said = String::from_utf8_lossy(&said.expect("installed").stdout).into_owned();
        // dkim=pass (2048-bit key) header.d=gw.test header.i=...;
        let results = said.split(';').filter_map(|r| r.trim().strip_prefix("dkim="));
        let domain = |r: &str| Some(r.split_once("header.d=")?.1.split_whitespace().next()?.to_owned());
        results.filter_map(|r| Some((domain(r)?, r.starts_with("pass ")))).collect()
    }

    /// A milter that signs everything for `domain`.
    pub fn signer(&self, domain: &str) -> OpenDkim {
        let table = |name: &str, line: String| {
            let path = self.directory.join(&format!("{domain}.{name}"));
            fs::write(&path, line + "\n").expect("own directory");
            path.display().to_string()
        };
        let private = self.directory.join(domain).join("s.private");
        let keys = table("keys", format!("key {domain}:s:{}", private.display()));
        let signing = table("signing", "* key".to_owned());
        self.start(domain, &format!("Mode s\nKeyTable file:{keys}\nSigningTable refile:{signing}"))
    }

    /// A milter that verifies, and says so under the name `authserv_id`.
    pub fn verifier(&self, authserv_id: &str) -> OpenDkim {
        // Mail of internal hosts, by default of this machine, is not verified.
        let own = "InternalHosts 192.0.2.1\nExternalIgnoreList 192.0.2.1\nAlwaysAddARHeader yes";
        self.start(authserv_id, &format!("Mode v\nAuthservID {authserv_id}\n{own}"))
    }

    fn start(&self, name: &str, config: &str) -> OpenDkim {
        let port = free_port();
        let file: PathBuf = self.directory.join(&format!("{name}.conf"));
        let public = self.directory.join("public");
        let text = format!(
            "Socket inet:{port}@127.0.0.1\nSyslog no\nBackground no\nAutoRestart no\nRequireSafeKeys no\n\
             Canonicalization relaxed/simple\nTestPublicKeys {}\n{config}\n",
            public.display()
        );
        fs::write(&file, text).expect("own directory");
        let child = Command::new("opendkim")
            .args(["-f", "-x"])
            .arg(&file)
            .stdin(Stdio::null())
            .spawn()
            .expect("opendkim starts");
        let mut milter = OpenDkim { child, port };
        let up = poll(PATIENCE, || match milter.child.try_wait() {
            Ok(Some(status)) => Some(Err(status)),
            _ => TcpStream::connect((Ipv4Addr::LOCALHOST, port)).ok().map(|_| Ok(())),
        });
        assert_eq!(up, Some(Ok(())), "opendkim does not listen");
        milter
    }
}

/// A running OpenDKIM.
pub struct OpenDkim {
    child: Child,
    port: u16,
}

impl OpenDkim {
    /// In Postfix's notation.
    pub fn postfix_socket(&self) -> String {
        format!("inet:127.0.0.1:{}", self.port)
    }

    /// In libmilter's notation.
    pub fn socket(&self) -> String {
        format!("inet:{}@127.0.0.1", self.port)
    }
}

impl Drop for OpenDkim {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
