//! A private OpenLDAP server on loopback with the schema of `packaging/directory/`.

use super::directory::TestDirectory;
use super::{free_port, kill, poll};
use std::fs;
use std::net::{Ipv4Addr, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// Name and password of the one who may search.
pub const READER: &str = "cn=vpim-milter,dc=example,dc=edu";
pub const PASSWORD: &str = "white pages";

/// The organisation, and who may read it.
const TOP: &str = "dn: dc=example,dc=edu\nobjectClass: domain\ndc: example\n\n\
    dn: ou=people,dc=example,dc=edu\nobjectClass: organizationalUnit\nou: people\n\n\
    dn: cn=vpim-milter,dc=example,dc=edu\nobjectClass: organizationalRole\nobjectClass: simpleSecurityObject\n\
    cn: vpim-milter\nuserPassword: white pages\n\n";

/// A running server; its data outlive a stop.
pub struct Slapd {
    child: Option<Child>,
    port: u16,
    directory: TestDirectory,
}

impl Slapd {
    /// Starts it with these entries (LDIF) below `ou=people,dc=example,dc=edu`.
    pub fn start(people: &str) -> Self {
        let directory = TestDirectory::new("slapd");
        fs::create_dir(directory.join("data")).expect("own directory");
        fs::write(directory.join("people.ldif"), format!("{TOP}{people}")).expect("own directory");
        fs::write(directory.join("slapd.conf"), configuration(directory.path())).expect("own directory");
        let loaded = Command::new("/usr/sbin/slapadd")
            .arg("-f")
            .arg(directory.join("slapd.conf"))
            .arg("-l")
            .arg(directory.join("people.ldif"))
            .output()
            .expect("slapadd");
        assert!(loaded.status.success(), "{}", String::from_utf8_lossy(&loaded.stderr));
        let mut slapd = Slapd { child: None, port: free_port(), directory };
        slapd.restart();
        slapd
    }

    /// Starts it again on the same port.
    pub fn restart(&mut self) {
        let child = Command::new("/usr/sbin/slapd")
            .args(["-d", "0", "-h", &self.url(), "-f"])
            .arg(self.directory.join("slapd.conf"))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("slapd starts");
        self.child = Some(child);
        let up = || TcpStream::connect((Ipv4Addr::LOCALHOST, self.port)).ok();
        poll(Duration::from_secs(30), up).expect("slapd listens");
    }

    /// Ends it at once.
    pub fn stop(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }

    /// It takes connections and says nothing (`STOP`), and goes on (`CONT`).
    pub fn signal(&self, signal: &str) {
        let child = self.child.as_ref().expect("it runs");
        assert!(kill(signal, i64::from(child.id())), "kill -{signal}");
    }

    pub fn url(&self) -> String {
        format!("ldap://127.0.0.1:{}", self.port)
    }

    /// A file with the password of the reader.
    pub fn password_file(&self) -> std::path::PathBuf {
        let path = self.directory.join("password");
        fs::write(&path, format!("{PASSWORD}\n")).expect("own directory");
        path
    }
}

impl Drop for Slapd {
    fn drop(&mut self) {
        self.stop();
    }
}

fn configuration(directory: &Path) -> String {
    let schema = Path::new(env!("CARGO_MANIFEST_DIR")).join("packaging/directory/vpim.schema");
    let (directory, schema) = (directory.display(), schema.display());
    format!(
        "include /etc/ldap/schema/core.schema\n\
         include /etc/ldap/schema/cosine.schema\n\
         include /etc/ldap/schema/inetorgperson.schema\n\
         include {schema}\n\
         modulepath /usr/lib/ldap\n\
         moduleload back_mdb\n\
         pidfile {directory}/slapd.pid\n\
         database mdb\n\
         suffix dc=example,dc=edu\n\
         directory {directory}/data\n\
         maxsize 16777216\n\
         index vPIMTelephoneNumber eq\n\
         access to attrs=userPassword by anonymous auth\n\
         access to * by dn.exact=\"{READER}\" read by * none\n"
    )
}
