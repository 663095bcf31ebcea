//! Campus white pages: numbers become mailboxes, at a real Postfix with a real OpenLDAP and a real name server.
//! The configuration is the packaged example, with the addresses of the test's servers in place of its own.

mod support;

use std::process::Command;
use std::time::{Duration, Instant};
use support::campus::{AWAY, Campus, IN_DNS, KIM, LEE, LONG_S, NOBODY, PAT, voice};
use support::postfix::{self, Postfix, PostfixOptions};
use support::sink::{Delivered, Sink};

const PATIENCE: Duration = Duration::from_secs(60);
/// What an answer may take, and what a machine with other work adds.
const ANSWER: Duration = Duration::from_millis(2_000 + 3_000);

struct Chain {
    postfix: Postfix,
    sink: Sink,
    campus: Campus,
}

impl Chain {
    fn start() -> Option<Self> {
        let campus = postfix::available().then(Campus::start).flatten()?;
        let sink = Sink::start();
        let socket = campus.milter.postfix_socket();
        let options = PostfixOptions {
            non_smtpd_milter: Some(socket.clone()),
            ..PostfixOptions::with_milter(sink.port(), socket)
        };
        Some(Chain { postfix: Postfix::start(options), sink, campus })
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
            .arg(self.campus.milter.config_file())
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
    let Some(chain) = Chain::start() else { return };
    let long = voice(LONG_S);

    let dsn = format!("{PAT} NOTIFY=FAILURE ORCPT=rfc822;+16135551234@vpim.example.edu");
    let arrived = chain.deliver(&[&dsn], &long);
    let [one] = arrived.as_slice() else { panic!("{} arrived", arrived.len()) };
    assert_eq!(one.recipients(), ["pat@vm2.example.edu"]);
    assert!(one.rcpt_to[0].contains("NOTIFY=FAILURE"), "{:?}", one.rcpt_to);
    let data = text(one);
    assert!(data.contains("audio/32KADPCM") && data.len() > long.len(), "{}", data.len());
    let line = chain.campus.milter.wait_for_log("found=\"<pat@vm2.example.edu>\"", PATIENCE);
    assert!(line.contains("source=\"ldap\""), "{line}");

    // The same message is too long for another mailbox, and the limit is told.
    let replies = chain.postfix.smtp().send("<+16135550100@a.test>", &[LEE], long.as_bytes());
    let last = replies.last().expect("a reply");
    assert_eq!(last.code, 552, "{}", last.text());
    assert!(last.text().starts_with("5.2.3 250 s of voice, the mailbox takes 180 s"), "{}", last.text());
    assert_eq!(chain.deliver(&[LEE], &voice(150))[0].recipients(), ["lee@vm2.example.edu"]);

    // Kim's system takes mu-law only, so the message of both is divided.
    let mut smtp = chain.postfix.smtp();
    let replies = smtp.send("<+16135550100@a.test>", &[PAT, KIM], voice(3).as_bytes());
    let codes: Vec<u16> = replies.iter().map(|r| r.code).collect();
    assert_eq!(codes, [250, 250, 452, 354, 250], "{replies:?}");
    let arrived = chain.deliver(&[KIM], &voice(3));
    let kim = arrived.iter().find(|d| d.recipients() == ["kim@vm2.example.edu"]).expect("Kim's copy");
    assert!(text(kim).contains("Content-Type: audio/basic"), "{}", text(kim));

    // What LDAP does not know, the zone may.
    assert_eq!(chain.deliver(&[IN_DNS], &voice(3))[0].recipients(), ["+16135550007@vm3.example.edu"]);

    // Ordinary mail to a number is let go as it came.
    let ordinary = "From: a@a.test\r\nSubject: lunch\r\n\r\nhello\r\n";
    assert_eq!(chain.deliver(&[PAT], ordinary)[0].recipients(), ["+16135551234@vpim.example.edu"]);
}

#[test]
fn who_takes_no_mail_is_refused_and_who_cannot_be_asked_put_off() {
    let Some(mut chain) = Chain::start() else { return };
    let (code, text) = chain.rcpt(AWAY);
    assert_eq!((code, text.get(..5)), (550, Some("5.2.1")), "{text}");
    let (code, text) = chain.rcpt(NOBODY);
    assert_eq!((code, text.get(..5)), (550, Some("5.1.1")), "{text}");
    assert_eq!(chain.rcpt("<elsewhere@example.test>").0, 250);
    assert_eq!(chain.rcpt(PAT).0, 250);

    let (status, said) = chain.lookup("+16135551234@vpim.example.edu");
    assert_eq!((status, said["mailbox"].as_str()), (Some(0), Some("pat@vm2.example.edu")), "{said}");
    assert_eq!((said["source"].as_str(), said["seconds"].as_u64()), (Some("ldap"), Some(300)));
    let (status, said) = chain.lookup("+16135550007@vpim.example.edu");
    assert_eq!((status, said["source"].as_str()), (Some(0), Some("enum")), "{said}");
    assert_eq!(chain.lookup("+16135559999@vpim.example.edu").0, Some(1));

    // The server takes questions and says nothing; then it is gone.
    for silent in [true, false] {
        if silent {
            chain.campus.slapd.signal("STOP");
        } else {
            chain.campus.slapd.signal("CONT");
            chain.campus.slapd.stop();
        }
        std::thread::sleep(Duration::from_millis(1_100));
        assert_eq!(chain.rcpt(PAT).0, 250, "the last answer holds");
        let (code, text) = chain.rcpt(LEE);
        assert_eq!((code, text.get(..5)), (451, Some("4.4.3")), "{text}");
        // RFC 4238 3: the basic service where the directory is not available.
        assert_eq!(chain.rcpt(IN_DNS).0, 250);
    }
    let line = chain.campus.milter.wait_for_log("stale=true", PATIENCE);
    assert!(line.contains("pat@vm2.example.edu"), "{line}");
    let (status, said) = chain.lookup("+16135551234@vpim.example.edu");
    assert_eq!((status, said["failures"][0][0].as_str()), (Some(2), Some("ldap")), "{said}");

    // Local programs cannot be told to come again: the queue keeps their message.
    let unix = voice(3).replace("\r\n", "\n");
    let sent =
        chain.postfix.sendmail(&["-i", "-f", "1@a.test", "+16135555678@vpim.example.edu"], unix.as_bytes());
    assert!(sent.status.success(), "{sent:?}");
    chain.postfix.wait_for_log("4.4.3", PATIENCE);
    assert!(chain.sink.delivered().is_empty() && !chain.postfix.queued().is_empty());

    chain.campus.nsd.stop();
    let (code, text) = chain.rcpt("<+16135559998@vpim.example.edu>");
    assert_eq!((code, text.get(..5)), (451, Some("4.4.3")), "{text}");
}
