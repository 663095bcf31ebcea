//! The campus white pages: the servers of the packaged example, and the daemon with that very configuration.

use super::milter_process::MilterProcess;
use super::nsd::Nsd;
use super::slapd::Slapd;
use super::tools;

pub const PAT: &str = "<+16135551234@vpim.example.edu>";
pub const LEE: &str = "<+16135555678@vpim.example.edu>";
pub const AWAY: &str = "<+16135550002@vpim.example.edu>";
pub const KIM: &str = "<+16135550006@vpim.example.edu>";
pub const IN_DNS: &str = "<+16135550007@vpim.example.edu>";
pub const NOBODY: &str = "<+16135559999@vpim.example.edu>";

/// Seconds of the story: 4 min 10 s.
pub const LONG_S: usize = 250;

fn people() -> String {
    let person = |name: &str, number: &str, more: &str| {
        format!(
            "dn: cn={name},ou=people,dc=example,dc=edu\nobjectClass: person\nobjectClass: vPIMUser\ncn: {name}\n\
             sn: {name}\nvPIMTelephoneNumber: {number}\nvPIMRfc822Mailbox: {name}@vm2.example.edu\n{more}\n"
        )
    };
    let g726 = "vPIMSupportedAudioMediaTypes: audio/32KADPCM\n";
    let mu_law = "vPIMSupportedAudioMediaTypes: audio/basic\n";
    [
        person("pat", "+16135551234", &format!("{g726}{mu_law}vPIMMaxMessageSize: 300\n")),
        person("lee", "+16135555678", &format!("{g726}vPIMMaxMessageSize: 180\n")),
        person("away", "+16135550002", "vPIMExtendedAbsenceStatus: MsgBlocked\n"),
        person("kim", "+16135550006", &format!("{mu_law}vPIMMaxMessageSize: 300\n")),
    ]
    .concat()
}

const RECORDS: &str = "7.0.0.0.5.5.5.3.1.6.1 NAPTR 10 10 \"u\" \"E2U+vpim:mailto\" \"!^(.*)$!mailto:\\\\1@vm3.example.edu!\" .\n";

/// A voice message of so many seconds of G.726.
pub fn voice(seconds: usize) -> String {
    let characters = seconds * 4_000 / 3 * 4;
    let mut body = String::new();
    for start in (0..characters).step_by(76) {
        body += &"/".repeat(76.min(characters - start));
        body += "\r\n";
    }
    format!(
        "From: \"Ann\" <+16135550100@a.test>\r\nTo: {PAT}\r\nDate: Tue, 4 Mar 2025 09:00:00 +0100\r\n\
         Message-ID: <a@a.test>\r\nMIME-Version: 1.0 (Voice 2.0)\r\n\
         Content-Type: multipart/voice-message; version=2.0; boundary=b\r\n\r\n--b\r\n\
         Content-Type: audio/32KADPCM\r\nContent-Transfer-Encoding: base64\r\n\
         Content-Disposition: inline; voice=Voice-Message\r\n\r\n{body}--b--\r\n"
    )
}

/// The servers the example names, on loopback, and the daemon.
pub struct Campus {
    pub milter: MilterProcess,
    pub slapd: Slapd,
    pub nsd: Nsd,
}

impl Campus {
    /// The packaged example; answers are fresh for a second, so that a test sees them grow old. `None` where
    /// a server is not installed.
    pub fn start() -> Option<Self> {
        if !tools::available(&["slapd", "slapadd", "nsd"]) {
            return None;
        }
        let (slapd, nsd) = (Slapd::start(&people()), Nsd::start(RECORDS));
        let example = include_str!("../../packaging/examples/campus-white-pages.toml");
        let mut config = example.replace("listen = [\"unix:/run/vpim-milter/milter.sock\"]\n", "");
        let password = slapd.password_file();
        for (theirs, ours) in [
            ("ldap://ldap.example.edu", slapd.url().as_str()),
            ("/etc/vpim-milter/ldap-password", password.to_str().expect("a path of ours")),
            ("\"192.0.2.53\"", &format!("\"{}\"", nsd.address())),
            ("\nseconds = 300", "\nseconds = 1"),
        ] {
            assert!(config.contains(theirs), "{theirs} is not in the example");
            config = config.replace(theirs, ours);
        }
        // A debug build on a busy machine takes its time over four minutes of sound.
        config += "\n[limits]\nwork_ms = 120000\n";
        Some(Campus { milter: MilterProcess::start(&config), slapd, nsd })
    }
}
