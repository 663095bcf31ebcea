//! A private Postfix on loopback: its own configuration, queue, data and log below one directory, so
//! that tests can run side by side. Nothing outside that directory is touched.
//!
//! Needs root and an installed Postfix (`tests/install-tools.sh`). The master runs in the foreground
//! in a process group of its own, which is killed when the value is dropped.

use super::directory::TestDirectory;
use super::smtp::Smtp;
use super::{free_port, kill, packaged, poll};
use std::collections::BTreeSet;
use std::fs;
use std::io::Write;
use std::os::unix::fs::{PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

const PATIENCE: Duration = Duration::from_secs(30);

/// Where Debian, and where others, keep the daemons.
const DAEMON_DIRECTORIES: [&str; 3] = ["/usr/lib/postfix/sbin", "/usr/libexec/postfix", "/usr/lib/postfix"];

/// Becomes the master. A watcher beside it ends the process group when the test's process is gone,
/// however it died: its standard input ends then.
const RUN_MASTER: &str = r#"
    exec 3<&0 </dev/null
    (cat <&3 >/dev/null; kill -s KILL -- -$$) &
    exec "$0" -c "$1" -d 3<&-
"#;

/// Whether Postfix can run here. When not, says so; with `VPIM_REQUIRE_MTA=1` that is a failure, so
/// that an automatic run cannot skip these tests unnoticed.
pub fn available() -> bool {
    let Some(reason) = missing() else { return true };
    assert!(std::env::var("VPIM_REQUIRE_MTA").as_deref() != Ok("1"), "VPIM_REQUIRE_MTA=1, but {reason}");
    println!("skipped: {reason}");
    false
}

fn missing() -> Option<&'static str> {
    if daemon_directory().is_none() || user_id("postfix").is_none() {
        return Some("Postfix is not installed (tests/install-tools.sh installs it)");
    }
    let uid = Command::new("id").arg("-u").output().ok()?;
    (uid.stdout.trim_ascii() != b"0").then_some("Postfix can be started by root only")
}

fn daemon_directory() -> Option<&'static str> {
    DAEMON_DIRECTORIES.into_iter().find(|d| Path::new(d).join("master").is_file())
}

/// Id of a user or group in a file like /etc/passwd.
pub fn id_in(file: &str, name: &str) -> Option<u32> {
    let text = fs::read_to_string(file).ok()?;
    let line = text.lines().find(|l| l.split(':').next() == Some(name))?;
    line.split(':').nth(2)?.parse().ok()
}

fn user_id(name: &str) -> Option<u32> {
    id_in("/etc/passwd", name)
}

/// How one Postfix differs from the next.
#[derive(Clone, Debug)]
pub struct PostfixOptions {
    /// `smtpd_milters`, in Postfix's notation.
    pub milter: Option<String>,
    /// `non_smtpd_milters`: for mail from the `sendmail` command.
    pub non_smtpd_milter: Option<String>,
    /// `milter_default_action`.
    pub default_action: String,
    /// Loopback port everything is delivered to; see [`super::sink::Sink`].
    pub next_hop: u16,
    /// More lines for main.cf; they win over the ones here.
    pub extra_main_cf: String,
    /// More lines for master.cf.
    pub extra_master_cf: String,
}

impl PostfixOptions {
    /// No milter, everything goes to `next_hop`.
    pub fn to(next_hop: u16) -> Self {
        PostfixOptions {
            milter: None,
            non_smtpd_milter: None,
            default_action: "tempfail".into(),
            next_hop,
            extra_main_cf: String::new(),
            extra_master_cf: String::new(),
        }
    }

    /// With a second SMTP listener: the one of `packaging/postfix.md` for copies.
    pub fn and_listener(mut self, port: u16) -> Self {
        let milter = self.milter.as_deref().expect("copies are for a milter");
        self.extra_master_cf += &packaged("postfix.md", "10026 inet")
            .replace("10026", &port.to_string())
            .replace("unix:/run/vpim-milter/milter.sock", milter);
        self
    }

    /// With a milter.
    pub fn with_milter(next_hop: u16, milter: impl Into<String>) -> Self {
        PostfixOptions { milter: Some(milter.into()), ..Self::to(next_hop) }
    }
}

/// A running Postfix.
pub struct Postfix {
    master: Child,
    smtp_port: u16,
    directory: TestDirectory,
}

impl Postfix {
    /// Starts it, and waits until it greets.
    pub fn start(options: PostfixOptions) -> Self {
        // Between choosing a port and binding it another process may take it.
        for _ in 0..3 {
            if let Some(postfix) = Self::try_start(&options) {
                return postfix;
            }
        }
        panic!("Postfix does not start");
    }

    fn try_start(options: &PostfixOptions) -> Option<Self> {
        let daemons = daemon_directory().expect("available() was asked before");
        let directory = TestDirectory::new("postfix");
        let smtp_port = free_port();
        make_directories(&directory);
        fs::write(directory.join("etc/main.cf"), main_cf(directory.path(), daemons, options))
            .expect("own directory");
        fs::write(directory.join("etc/master.cf"), master_cf(smtp_port) + &options.extra_master_cf)
            .expect("own directory");
        let master = Command::new("sh")
            .arg("-c")
            .arg(RUN_MASTER)
            .arg(Path::new(daemons).join("master"))
            .arg(directory.join("etc"))
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            // So that all its daemons can be ended at once, and are not hit by a terminal's ^C first.
            .process_group(0)
            .spawn()
            .expect("master starts");
        let mut postfix = Postfix { master, smtp_port, directory };
        let master = &mut postfix.master;
        let up = poll(PATIENCE, || match master.try_wait() {
            Ok(Some(_)) => Some(false),
            _ => Smtp::connect(smtp_port).ok().map(|(_, greeting)| greeting.code != 0),
        });
        if up != Some(true) {
            eprintln!("Postfix did not come up:\n{}", postfix.log());
            return None;
        }
        Some(postfix)
    }

    pub fn smtp_port(&self) -> u16 {
        self.smtp_port
    }

    /// A new SMTP session, EHLO said.
    pub fn smtp(&self) -> Smtp {
        Smtp::open(self.smtp_port)
    }

    /// Mail as from the local `sendmail` command; it meets the non-SMTP milters.
    pub fn sendmail(&self, arguments: &[&str], raw: &[u8]) -> Output {
        let mut child = self
            .tool("/usr/sbin/sendmail")
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("sendmail of Postfix");
        child.stdin.take().expect("stdin is piped").write_all(raw).expect("sendmail reads");
        child.wait_with_output().expect("sendmail ends")
    }

    /// All of the mail log.
    pub fn log(&self) -> String {
        fs::read(self.directory.join("log/mail.log"))
            .map_or_else(|_| String::new(), |l| String::from_utf8_lossy(&l).into_owned())
    }

    /// The first log line with `pattern`, once it is there.
    pub fn wait_for_log(&self, pattern: &str, timeout: Duration) -> String {
        poll(timeout, || self.log().lines().find(|l| l.contains(pattern)).map(str::to_owned))
            .unwrap_or_else(|| panic!("no `{pattern}` in the mail log:\n{}", self.log()))
    }

    /// Queue ids in quarantine.
    pub fn held(&self) -> Vec<String> {
        self.queue_ids("hold")
    }

    /// Queue ids that wait for another attempt.
    pub fn deferred(&self) -> Vec<String> {
        self.queue_ids("deferred")
    }

    /// Queue ids of broken queue files. A message can end here after a 250: look.
    pub fn corrupt(&self) -> Vec<String> {
        self.queue_ids("corrupt")
    }

    /// Queue ids in any queue: when it is empty, nothing is under way.
    pub fn queued(&self) -> Vec<String> {
        let queues = ["maildrop", "incoming", "active", "deferred", "hold", "corrupt"];
        // A message on its way from one queue to another shows in both, or in neither: each is read twice.
        let ids: BTreeSet<String> = queues.iter().chain(&queues).flat_map(|q| self.queue_ids(q)).collect();
        ids.into_iter().collect()
    }

    /// Waits until nothing is under way.
    pub fn wait_until_idle(&self, timeout: Duration) {
        poll(timeout, || self.queued().is_empty().then_some(()))
            .unwrap_or_else(|| panic!("{:?} still queued:\n{}", self.queued(), self.log()));
    }

    fn queue_ids(&self, queue: &str) -> Vec<String> {
        let mut ids = Vec::new();
        // Files may be below hashed directories of one character.
        let mut directories = vec![self.directory.join("queue").join(queue)];
        while let Some(directory) = directories.pop() {
            for entry in fs::read_dir(&directory).into_iter().flatten().flatten() {
                match entry.file_type() {
                    Ok(kind) if kind.is_dir() => directories.push(entry.path()),
                    Ok(_) => ids.push(entry.file_name().to_string_lossy().into_owned()),
                    Err(_) => {}
                }
            }
        }
        ids.sort();
        ids
    }

    /// Tries to deliver everything that is deferred.
    pub fn flush(&self) {
        self.run("/usr/sbin/postqueue", &["-f"]);
    }

    /// Puts all mail through the whole of Postfix again.
    pub fn requeue(&self) {
        self.run("/usr/sbin/postsuper", &["-r", "ALL"]);
    }

    /// Lets a held message go; the milter is not asked again.
    pub fn release(&self, queue_id: &str) {
        self.run("/usr/sbin/postsuper", &["-H", queue_id]);
        self.flush();
    }

    /// The directory everything is in, for a milter's Unix socket too.
    pub fn directory(&self) -> &Path {
        self.directory.path()
    }

    fn run(&self, program: &str, arguments: &[&str]) {
        let output = self.tool(program).args(arguments).output().expect("a tool of Postfix");
        assert!(output.status.success(), "{program}: {}", String::from_utf8_lossy(&output.stderr));
    }

    fn tool(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        command.env("MAIL_CONFIG", self.directory.join("etc"));
        command
    }
}

impl Drop for Postfix {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("--- mail log\n{}", self.log());
        }
        let group = -i64::from(self.master.id());
        kill("TERM", group);
        let master = &mut self.master;
        let ended = poll(Duration::from_secs(3), || master.try_wait().ok().flatten());
        // The daemons notice that the master is gone; this is for those that hang.
        kill("KILL", group);
        if ended.is_none() {
            let _ = self.master.wait();
        }
    }
}

/// What `postfix check` would make, in a hundredth of its time.
fn make_directories(directory: &TestDirectory) {
    let postfix = user_id("postfix");
    let postdrop = id_in("/etc/group", "postdrop");
    let make = |name: &str, user: Option<u32>, group: Option<u32>, mode: u32| {
        let path: PathBuf = directory.join(name);
        fs::create_dir(&path).expect("own directory");
        chown(&path, user, group).expect("root");
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).expect("root");
    };
    for name in ["etc", "queue", "log", "queue/pid"] {
        make(name, None, None, 0o755);
    }
    make("data", postfix, None, 0o700);
    for name in [
        "incoming", "active", "bounce", "corrupt", "defer", "deferred", "flush", "hold", "private", "saved",
        "trace",
    ] {
        make(&format!("queue/{name}"), postfix, None, 0o700);
    }
    make("queue/maildrop", postfix, postdrop, 0o730);
    make("queue/public", postfix, postdrop, 0o710);
}

fn main_cf(directory: &Path, daemons: &str, o: &PostfixOptions) -> String {
    let directory = directory.display();
    let milter = o.milter.as_deref().unwrap_or_default();
    let non_smtpd_milter = o.non_smtpd_milter.as_deref().unwrap_or_default();
    let PostfixOptions { default_action, next_hop, extra_main_cf, .. } = o;
    format!(
        "\
compatibility_level = 3.6
queue_directory = {directory}/queue
data_directory = {directory}/data
command_directory = /usr/sbin
daemon_directory = {daemons}
mail_owner = postfix
setgid_group = postdrop
# postlogd writes here: no syslog needed
maillog_file = {directory}/log/mail.log
maillog_file_prefixes = {directory}/log
enable_long_queue_ids = yes
myhostname = postfix.test
mydomain = test
myorigin = postfix.test
mydestination =
local_recipient_maps =
alias_maps =
alias_database =
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
mynetworks = 127.0.0.0/8
# `permit` alone is refused at run time
smtpd_relay_restrictions = permit_mynetworks, reject
# with XCLIENT a test plays clients from anywhere
smtpd_recipient_restrictions = permit
smtpd_authorized_xclient_hosts = 127.0.0.0/8
smtp_dns_support_level = disabled
smtp_host_lookup = native
default_transport = smtp:[127.0.0.1]:{next_hop}
relay_transport = smtp:[127.0.0.1]:{next_hop}
smtp_tls_security_level = none
message_size_limit = 200000000
smtpd_error_sleep_time = 0
smtpd_soft_error_limit = 1000
smtpd_hard_error_limit = 1000
smtpd_client_event_limit_exceptions = static:all
in_flow_delay = 0
minimal_backoff_time = 5s
queue_run_delay = 5s
# what arrives is what the milter made of it: no header fields added, no addresses rewritten, no
# lines broken at 998 octets
local_header_rewrite_clients =
smtp_line_length_limit = 0
smtpd_milters = {milter}
non_smtpd_milters = {non_smtpd_milter}
milter_default_action = {default_action}
milter_protocol = 6
milter_connect_timeout = 5s
milter_command_timeout = 10s
milter_content_timeout = 60s
{extra_main_cf}
"
    )
}

/// No chroot anywhere: a `unix:` milter socket would be looked up below the queue directory.
fn master_cf(port: u16) -> String {
    let mut text = format!("127.0.0.1:{port} inet n - n - - smtpd\n");
    for (name, kind, private, wake, limit, program) in [
        ("pickup", "unix", "n", "60", "1", "pickup"),
        ("cleanup", "unix", "n", "-", "0", "cleanup"),
        ("qmgr", "unix", "n", "300", "1", "qmgr"),
        ("rewrite", "unix", "-", "-", "-", "trivial-rewrite"),
        ("bounce", "unix", "-", "-", "0", "bounce"),
        ("defer", "unix", "-", "-", "0", "bounce"),
        ("trace", "unix", "-", "-", "0", "bounce"),
        ("verify", "unix", "-", "-", "1", "verify"),
        ("flush", "unix", "n", "1000?", "0", "flush"),
        ("proxymap", "unix", "-", "-", "-", "proxymap"),
        ("proxywrite", "unix", "-", "-", "1", "proxymap"),
        ("smtp", "unix", "-", "-", "-", "smtp"),
        ("relay", "unix", "-", "-", "-", "smtp"),
        ("showq", "unix", "n", "-", "-", "showq"),
        ("error", "unix", "-", "-", "-", "error"),
        ("retry", "unix", "-", "-", "-", "error"),
        ("discard", "unix", "-", "-", "-", "discard"),
        ("anvil", "unix", "-", "-", "1", "anvil"),
        ("scache", "unix", "-", "-", "1", "scache"),
        ("tlsmgr", "unix", "-", "1000?", "1", "tlsmgr"),
        ("postlog", "unix-dgram", "n", "-", "1", "postlogd"),
    ] {
        text += &format!("{name} {kind} {private} - n {wake} {limit} {program}\n");
    }
    text
}
