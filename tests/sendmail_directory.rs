//! Campus white pages at a real Sendmail, with the packaged example.

mod support;

use std::time::Duration;
use support::campus::{AWAY, Campus, IN_DNS, LEE, NOBODY, PAT, voice};
use support::sendmail::{self, Sendmail, SendmailOptions};
use support::sink::Sink;
use support::smtp::Smtp;

const PATIENCE: Duration = Duration::from_secs(60);

#[test]
fn numbers_become_mailboxes_and_the_others_are_refused_or_put_off() {
    if !sendmail::available() {
        return;
    }
    let Some(mut campus) = Campus::start() else { return };
    let sink = Sink::start();
    let sendmail = Sendmail::start(&SendmailOptions::with_milter(sink.port(), &campus.milter.socket()));
    let send = |rcpt: &[&str], raw: &str| {
        let replies = Smtp::open(sendmail.smtp_port()).send("<1@a.test>", rcpt, raw.as_bytes());
        replies.last().map(|r| (r.code, r.text())).expect("a reply")
    };

    // Those refused are not in the way of the others.
    let dsn = format!("{PAT} NOTIFY=FAILURE");
    let (code, text) = send(&[AWAY, NOBODY, &dsn], &voice(3));
    assert_eq!(code, 250, "{text}");
    let arrived = sink.wait_for(1, PATIENCE);
    assert_eq!(arrived[0].recipients(), ["pat@vm2.example.edu"]);
    assert!(arrived[0].rcpt_to[0].contains("NOTIFY=FAILURE"), "{:?}", arrived[0].rcpt_to);
    let (code, text) = send(&[IN_DNS], &voice(3));
    assert_eq!(code, 250, "{text}");
    assert_eq!(sink.wait_for(2, PATIENCE)[1].recipients(), ["+16135550007@vm3.example.edu"]);

    for (rcpt, wanted, enhanced) in [(AWAY, 550, "5.2.1"), (NOBODY, 550, "5.1.1"), (LEE, 552, "5.2.3")] {
        let (code, text) = send(&[rcpt], &voice(190));
        assert_eq!((code, text.get(..5)), (wanted, Some(enhanced)), "{rcpt}: {text}");
    }
    campus.slapd.stop();
    std::thread::sleep(Duration::from_millis(1_100));
    let (code, text) = send(&["<+16135550006@vpim.example.edu>"], &voice(3));
    assert_eq!((code, text.get(..5)), (451, Some("4.4.3")), "{text}");
    let (code, text) = send(&[PAT], &voice(3));
    assert_eq!(code, 250, "{text}");
    assert_eq!(sink.wait_for(3, PATIENCE)[2].recipients(), ["pat@vm2.example.edu"]);
}
