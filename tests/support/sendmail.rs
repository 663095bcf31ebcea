//! A private Sendmail on loopback, beside the installed Postfix: Debian's packages of the two exclude
//! each other, so `tests/install-tools.sh` unpacks Sendmail below [`TREE`] instead of installing it.
//!
//! Needs root (its queue), m4, and a UTS namespace: with a host name without a dot Sendmail sleeps
//! for 60 s at every start.

use super::directory::TestDirectory;
use super::postfix::id_in;
use super::smtp::Smtp;
use super::{free_port, kill, packaged, poll};
use std::fs;
use std::io::Write;
use std::os::unix::fs::{PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

const PATIENCE: Duration = Duration::from_secs(30);

/// Where it is unpacked, unless `VPIM_SENDMAIL_TREE` says otherwise.
pub const TREE: &str = "/opt/vpim-milter-tests/sendmail";

/// Account and group of the submission queue: every system has them.
const SUBMITTER: &str = "nobody";
const GROUP: &str = "nogroup";

/// The daemon's socket in `packaging/sendmail.md`.
const SOCKET: &str = "local:/run/vpim-milter/milter.sock";

/// Becomes the daemon, which also runs its queue. A watcher beside it ends the process group when the
/// test's process is gone, however it died: its standard input ends then.
const RUN_DAEMON: &str = r#"
    exec 3<&0 </dev/null
    (cat <&3 >/dev/null; kill -s KILL -- -$$) &
    hostname sendmail.test && exec "$0" -C "$1" -bD -q5s 3<&-
"#;

fn tree() -> PathBuf {
    std::env::var_os("VPIM_SENDMAIL_TREE").map_or_else(|| PathBuf::from(TREE), PathBuf::from)
}

/// Whether Sendmail can run here. When not, says so; with `VPIM_REQUIRE_MTA=1` that is a failure.
pub fn available() -> bool {
    let Some(reason) = missing() else { return true };
    assert!(std::env::var("VPIM_REQUIRE_MTA").as_deref() != Ok("1"), "VPIM_REQUIRE_MTA=1, but {reason}");
    println!("skipped: {reason}");
    false
}

fn missing() -> Option<&'static str> {
    if !tree().join("sendmail").is_file() {
        return Some("Sendmail is not unpacked (tests/install-tools.sh does it)");
    }
    let works = |program: &str, arguments: &[&str]| {
        let status = Command::new(program).args(arguments).stdin(Stdio::null()).output();
        status.is_ok_and(|o| o.status.success())
    };
    if !works("m4", &["--version"]) {
        return Some("m4 is not installed (tests/install-tools.sh installs it)");
    }
    (!works("unshare", &["--uts", "true"])).then_some("Sendmail can be started by root only")
}

/// How one Sendmail differs from the next.
#[derive(Clone, Debug)]
pub struct SendmailOptions {
    /// Lines of sendmail.mc.
    pub lines: String,
    /// Loopback port everything is delivered to.
    pub next_hop: u16,
}

impl SendmailOptions {
    /// With the daemon at this socket, in libmilter's notation, as `packaging/sendmail.md` says.
    pub fn with_milter(next_hop: u16, socket: &str) -> Self {
        let lines = packaged("sendmail.md", "dnl sendmail.mc").replace(SOCKET, socket);
        SendmailOptions { lines, next_hop }
    }

    /// With the daemon between a milter that verifies and one that signs.
    pub fn with_order(next_hop: u16, verifier: &str, socket: &str, signer: &str) -> Self {
        let lines = packaged("sendmail.md", "confINPUT_MAIL_FILTERS")
            .replace("inet:8891@127.0.0.1", verifier)
            .replace(SOCKET, socket)
            .replace("inet:8892@127.0.0.1", signer);
        SendmailOptions { lines, next_hop }
    }

    /// And with the listener for copies.
    pub fn and_listener(mut self, port: u16) -> Self {
        self.lines += &packaged("sendmail.md", "Port=10026").replace("10026", &port.to_string());
        self
    }
}

/// A running Sendmail.
pub struct Sendmail {
    daemon: Child,
    smtp_port: u16,
    directory: TestDirectory,
}

impl Sendmail {
    /// Starts it, and waits until it greets.
    pub fn start(options: &SendmailOptions) -> Self {
        for _ in 0..3 {
            if let Some(sendmail) = Self::try_start(options) {
                return sendmail;
            }
        }
        panic!("Sendmail does not start");
    }

    fn try_start(options: &SendmailOptions) -> Option<Self> {
        let directory = TestDirectory::new("sendmail");
        let smtp_port = free_port();
        for (name, mode) in [("etc", 0o755), ("run", 0o755), ("queue", 0o700), ("submissions", 0o700)] {
            let path = directory.join(name);
            fs::create_dir(&path).expect("own directory");
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).expect("own directory");
        }
        let write = |name: &str, text: &str| {
            fs::write(directory.join(name), text).expect("own directory");
            let mode = fs::Permissions::from_mode(0o644);
            fs::set_permissions(directory.join(name), mode).expect("own directory");
        };
        // Without DNS every address would cost a time-out.
        write("etc/service.switch", "hosts files\naliases files\npasswd files\n");
        write("etc/local-host-names", "");
        write("etc/sendmail.mc", &sendmail_mc(directory.path(), smtp_port, options));
        write("etc/submit.mc", &submit_mc(directory.path(), smtp_port));
        for name in ["etc/sendmail", "etc/submit"] {
            write(&format!("{name}.cf"), &macros_expanded(&directory.join(&format!("{name}.mc"))));
        }
        let (user, group) = (id_in("/etc/passwd", SUBMITTER), id_in("/etc/group", GROUP));
        chown(directory.join("submissions"), user, group).expect("root");
        let daemon = Command::new("unshare")
            .args(["--uts", "sh", "-c", RUN_DAEMON])
            .arg(tree().join("sendmail"))
            .arg(directory.join("etc/sendmail.cf"))
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .process_group(0)
            .spawn()
            .expect("unshare");
        let mut sendmail = Sendmail { daemon, smtp_port, directory };
        let daemon = &mut sendmail.daemon;
        let up = poll(PATIENCE, || match daemon.try_wait() {
            Ok(Some(_)) => Some(false),
            _ => Smtp::connect(smtp_port).ok().map(|(_, greeting)| greeting.code == 220),
        });
        (up == Some(true)).then_some(sendmail)
    }

    pub fn smtp_port(&self) -> u16 {
        self.smtp_port
    }

    /// Mail as from the local `sendmail` command: it goes to the submission queue and by SMTP to the
    /// daemon.
    pub fn submit(&self, arguments: &[&str], raw: &[u8]) {
        let mut child = self.submission().args(arguments).stdin(Stdio::piped()).spawn().expect("sendmail");
        child.stdin.take().expect("stdin is piped").write_all(raw).expect("sendmail reads");
        assert!(child.wait().expect("sendmail ends").success());
    }

    /// Tries what is left in the submission queue again, and gives how many files are left in it.
    pub fn run_submissions(&self) -> usize {
        let status = self.submission().arg("-q").stdin(Stdio::null()).status().expect("sendmail");
        assert!(status.success());
        fs::read_dir(self.directory.join("submissions")).into_iter().flatten().count()
    }

    fn submission(&self) -> Command {
        let mut command = Command::new("unshare");
        command
            .args(["--uts", "sh", "-c", "hostname sendmail.test && exec \"$0\" \"$@\""])
            .arg(tree().join("sendmail"))
            .arg("-C")
            .arg(self.directory.join("etc/submit.cf"))
            .arg("-Ac");
        command
    }

    /// Files in the queue: when there is none, nothing is under way.
    pub fn queued(&self) -> Vec<String> {
        let entries = fs::read_dir(self.directory.join("queue")).into_iter().flatten().flatten();
        entries.map(|e| e.file_name().to_string_lossy().into_owned()).collect()
    }
}

impl Drop for Sendmail {
    fn drop(&mut self) {
        kill("KILL", -i64::from(self.daemon.id()));
        let _ = self.daemon.wait();
    }
}

fn macros_expanded(mc: &Path) -> String {
    let cf = tree().join("usr/share/sendmail/cf");
    let made = Command::new("m4")
        // The slash at its end is needed.
        .arg(format!("-D_CF_DIR_={}/", cf.display()))
        .arg(cf.join("m4/cf.m4"))
        .arg(mc)
        .output()
        .expect("m4");
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    String::from_utf8_lossy(&made.stdout).into_owned()
}

/// The mail submission program, as Debian configures it, with a queue and an account of the test's.
fn submit_mc(directory: &Path, port: u16) -> String {
    let dir = directory.display();
    format!(
        "\
divert(0)dnl
OSTYPE(`linux')dnl
define(`confDOMAIN_NAME', `sendmail.test')dnl
define(`confSERVICE_SWITCH_FILE', `{dir}/etc/service.switch')dnl
define(`MSP_QUEUE_DIR', `{dir}/submissions')dnl
define(`STATUS_FILE', `{dir}/run/submissions')dnl
define(`confPID_FILE', `{dir}/run/submit.pid')dnl
define(`confRUN_AS_USER', `{SUBMITTER}:{GROUP}')dnl
define(`confTRUSTED_USER', `{SUBMITTER}')dnl
define(`confDONT_BLAME_SENDMAIL', `GroupWritableDirPathSafe,TrustStickyBit')dnl
define(`confTO_IDENT', `0s')dnl
define(`confDONT_PROBE_INTERFACES', `True')dnl
define(`confMIN_QUEUE_AGE', `0')dnl
define(`confQUEUE_LA', `10000')dnl
FEATURE(`nocanonify')dnl
define(`RELAY_MAILER_ARGS', `TCP $h {port}')dnl
FEATURE(`msp', `[127.0.0.1]')dnl
"
    )
}

fn sendmail_mc(directory: &Path, port: u16, o: &SendmailOptions) -> String {
    let dir = directory.display();
    let SendmailOptions { lines, next_hop } = o;
    format!(
        "\
divert(0)dnl
OSTYPE(`linux')dnl
undefine(`PROCMAIL_MAILER_PATH')dnl
define(`confDOMAIN_NAME', `sendmail.test')dnl
define(`confSERVICE_SWITCH_FILE', `{dir}/etc/service.switch')dnl
define(`confCW_FILE', `{dir}/etc/local-host-names')dnl
define(`confPID_FILE', `{dir}/run/sendmail.pid')dnl
define(`QUEUE_DIR', `{dir}/queue')dnl
define(`STATUS_FILE', `{dir}/run/statistics')dnl
define(`HELP_FILE', `{dir}/etc/helpfile')dnl
define(`ALIAS_FILE', `')dnl
define(`confCONTROL_SOCKET_NAME', `')dnl
dnl the directories above the queue may be writable for others: this is a test
define(`confDONT_BLAME_SENDMAIL', `GroupWritableDirPathSafe,TrustStickyBit,GroupReadableKeyFile,DontWarnForwardFileInUnsafeDirPath')dnl
dnl a busy machine must not make it queue or refuse
define(`confQUEUE_LA', `10000')dnl
define(`confREFUSE_LA', `10000')dnl
define(`confDELAY_LA', `0')dnl
define(`confTO_IDENT', `0s')dnl
define(`confDONT_PROBE_INTERFACES', `True')dnl
define(`confDELIVERY_MODE', `background')dnl
define(`confMIN_QUEUE_AGE', `0')dnl
define(`confBAD_RCPT_THROTTLE', `0')dnl
FEATURE(`nocanonify')dnl
FEATURE(`promiscuous_relay')dnl
FEATURE(`accept_unresolvable_domains')dnl
FEATURE(`accept_unqualified_senders')dnl
FEATURE(`no_default_msa')dnl
DAEMON_OPTIONS(`Family=inet, Addr=127.0.0.1, Port={port}, Name=MTA')dnl
define(`SMART_HOST', `relay:[127.0.0.1]')dnl
define(`RELAY_MAILER_ARGS', `TCP $h {next_hop}')dnl
{lines}
MAILER(`smtp')dnl
"
    )
}
