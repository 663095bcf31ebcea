//! Campus white pages: numbers become mailboxes, at a real Postfix with a real OpenLDAP and a real name server.
//! The configuration is the packaged example, with the addresses of the test's servers in place of its own.

mod support;

use std::process::Command;
use std::time::{Duration, Instant};
use support::milter_process::MilterProcess;
use support::nsd::Nsd;
use support::postfix::{self, Postfix, PostfixOptions};
use support::sink::{Delivered, Sink};
use support::slapd::Slapd;
use support::tools;

const PATIENCE: Duration = Duration::from_secs(60);
/// What an answer may take, and what a machine with other work adds.
const ANSWER: Duration = Duration::from_millis(2_000 + 1_000);

const PAT: &str = "<+16135551234@vpim.example.edu>";
const LEE: &str = "<+16135555678@vpim.example.edu>";
const AWAY: &str = "<+16135550002@vpim.example.edu>";
const KIM: &str = "<+16135550006@vpim.example.edu>";
const IN_DNS: &str = "<+16135550007@vpim.example.edu>";
const NOBODY: &str = "<+16135559999@vpim.example.edu>";

/// Seconds of the story: 4 min 10 s.
const LONG_S: usize = 250;

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
fn voice(seconds: usize) -> String {
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

struct Campus {
    postfix: Postfix,
    sink: Sink,
    milter: MilterProcess,
    slapd: Slapd,
    nsd: Nsd,
}

impl Campus {
    /// The packaged example; answers are fresh for a second, so that a test sees them grow old.
    fn start() -> Option<Self> {
        if !postfix::available() || !tools::available(&["slapd", "slapadd", "nsd"]) {
            return None;
        }
        let (slapd, nsd, sink) = (Slapd::start(&people()), Nsd::start(RECORDS), Sink::start());
        let example = include_str!("../packaging/examples/campus-white-pages.toml");
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
        let milter = MilterProcess::start(&config);
        let options = PostfixOptions {
            non_smtpd_milter: Some(milter.postfix_socket()),
            ..PostfixOptions::with_milter(sink.port(), milter.postfix_socket())
        };
        Some(Campus { postfix: Postfix::start(options), sink, milter, slapd, nsd })
    }

    /// Sends a message that is taken, and gives what arrived.
    fn deliver(&self, rcpt: &[&str], raw: &str) -> Vec<Delivered> {
        let before = self.sink.delivered().len();
        let replies = self.postfix.smtp().send("<+16135550100@a.test>", rcpt, raw.as_bytes());
        let last = replies.last().expect("a reply to the message");
        assert_eq!(last.code, 250, "{}", last.text());
        self.sink.wait_for(before + 1, PATIENCE);
        self.postfix.wait_until_idle(PATIENCE);
        self.sink.delivered().split_off(before)
    }

    /// The reply to one recipient, in the time it may take.
    fn rcpt(&self, rcpt: &str) -> (u16, String) {
        let mut smtp = self.postfix.smtp();
        assert_eq!(smtp.command("MAIL FROM:<+16135550100@a.test>").code, 250);
        let begun = Instant::now();
        let reply = smtp.command(&format!("RCPT TO:{rcpt}"));
        assert!(begun.elapsed() < ANSWER, "{rcpt}: {:?}", begun.elapsed());
        (reply.code, reply.text())
    }

    /// `vpim-milter lookup` with the daemon's configuration.
    fn lookup(&self, address: &str) -> (Option<i32>, serde_json::Value) {
        let output = Command::new(env!("CARGO_BIN_EXE_vpim-milter"))
            .args(["lookup", "--format", "json", "--config"])
            .arg(self.milter.config_file())
            .arg(address)
            .output()
            .expect("the built binary");
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let said = text.parse().unwrap_or_else(|_| panic!("{text}: {output:?}"));
        (output.status.code(), said)
    }
}

fn text(delivered: &Delivered) -> String {
    String::from_utf8_lossy(&delivered.data).into_owned()
}

#[test]
fn numbers_become_mailboxes_in_the_form_and_length_they_take() {
    let Some(campus) = Campus::start() else { return };
    let long = voice(LONG_S);

    let dsn = format!("{PAT} NOTIFY=FAILURE ORCPT=rfc822;+16135551234@vpim.example.edu");
    let arrived = campus.deliver(&[&dsn], &long);
    let [one] = arrived.as_slice() else { panic!("{} arrived", arrived.len()) };
    assert_eq!(one.recipients(), ["pat@vm2.example.edu"]);
    assert!(one.rcpt_to[0].contains("NOTIFY=FAILURE"), "{:?}", one.rcpt_to);
    let data = text(one);
    assert!(data.contains("audio/32KADPCM") && data.len() > long.len(), "{}", data.len());
    let line = campus.milter.wait_for_log("found=\"<pat@vm2.example.edu>\"", PATIENCE);
    assert!(line.contains("source=\"ldap\""), "{line}");

    // The same message is too long for another mailbox, and the limit is told.
    let replies = campus.postfix.smtp().send("<+16135550100@a.test>", &[LEE], long.as_bytes());
    let last = replies.last().expect("a reply");
    assert_eq!(last.code, 552, "{}", last.text());
    assert!(last.text().starts_with("5.2.3 250 s of voice, the mailbox takes 180 s"), "{}", last.text());
    assert_eq!(campus.deliver(&[LEE], &voice(150))[0].recipients(), ["lee@vm2.example.edu"]);

    // Kim's system takes mu-law only, so the message of both is divided.
    let mut smtp = campus.postfix.smtp();
    let replies = smtp.send("<+16135550100@a.test>", &[PAT, KIM], voice(3).as_bytes());
    let codes: Vec<u16> = replies.iter().map(|r| r.code).collect();
    assert_eq!(codes, [250, 250, 452, 354, 250], "{replies:?}");
    let arrived = campus.deliver(&[KIM], &voice(3));
    let kim = arrived.iter().find(|d| d.recipients() == ["kim@vm2.example.edu"]).expect("Kim's copy");
    assert!(text(kim).contains("Content-Type: audio/basic"), "{}", text(kim));

    // What LDAP does not know, the zone may.
    assert_eq!(campus.deliver(&[IN_DNS], &voice(3))[0].recipients(), ["+16135550007@vm3.example.edu"]);

    // Ordinary mail to a number is let go as it came.
    let ordinary = "From: a@a.test\r\nSubject: lunch\r\n\r\nhello\r\n";
    assert_eq!(campus.deliver(&[PAT], ordinary)[0].recipients(), ["+16135551234@vpim.example.edu"]);
}

#[test]
fn who_takes_no_mail_is_refused_and_who_cannot_be_asked_put_off() {
    let Some(mut campus) = Campus::start() else { return };
    let (code, text) = campus.rcpt(AWAY);
    assert_eq!((code, text.get(..5)), (550, Some("5.2.1")), "{text}");
    let (code, text) = campus.rcpt(NOBODY);
    assert_eq!((code, text.get(..5)), (550, Some("5.1.1")), "{text}");
    assert_eq!(campus.rcpt("<elsewhere@example.test>").0, 250);
    assert_eq!(campus.rcpt(PAT).0, 250);

    let (status, said) = campus.lookup("+16135551234@vpim.example.edu");
    assert_eq!((status, said["mailbox"].as_str()), (Some(0), Some("pat@vm2.example.edu")), "{said}");
    assert_eq!((said["source"].as_str(), said["seconds"].as_u64()), (Some("ldap"), Some(300)));
    let (status, said) = campus.lookup("+16135550007@vpim.example.edu");
    assert_eq!((status, said["source"].as_str()), (Some(0), Some("enum")), "{said}");
    assert_eq!(campus.lookup("+16135559999@vpim.example.edu").0, Some(1));

    // The server takes questions and says nothing; then it is gone.
    for silent in [true, false] {
        if silent {
            campus.slapd.signal("STOP");
        } else {
            campus.slapd.signal("CONT");
            campus.slapd.stop();
        }
        std::thread::sleep(Duration::from_millis(1_100));
        assert_eq!(campus.rcpt(PAT).0, 250, "the last answer holds");
        let (code, text) = campus.rcpt(LEE);
        assert_eq!((code, text.get(..5)), (451, Some("4.4.3")), "{text}");
        // RFC 4238 3: the basic service where the directory is not available.
        assert_eq!(campus.rcpt(IN_DNS).0, 250);
    }
    let line = campus.milter.wait_for_log("stale=true", PATIENCE);
    assert!(line.contains("pat@vm2.example.edu"), "{line}");
    let (status, said) = campus.lookup("+16135551234@vpim.example.edu");
    assert_eq!((status, said["failures"][0][0].as_str()), (Some(2), Some("ldap")), "{said}");

    // Local programs cannot be told to come again: the queue keeps their message.
    let unix = voice(3).replace("\r\n", "\n");
    let sent =
        campus.postfix.sendmail(&["-i", "-f", "1@a.test", "+16135555678@vpim.example.edu"], unix.as_bytes());
    assert!(sent.status.success(), "{sent:?}");
    campus.postfix.wait_for_log("4.4.3", PATIENCE);
    assert!(campus.sink.delivered().is_empty() && !campus.postfix.queued().is_empty());

    campus.nsd.stop();
    let (code, text) = campus.rcpt("<+16135559998@vpim.example.edu>");
    assert_eq!((code, text.get(..5)), (451, Some("4.4.3")), "{text}");
}
