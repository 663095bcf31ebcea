//! The daemon behind a real Postfix: what is promised about mail that is not ours, and about faults.

mod support;

use std::time::Duration;
use support::milter_process::MilterProcess;
use support::postfix::{self, Postfix, PostfixOptions};
use support::sink::Sink;

const PATIENCE: Duration = Duration::from_secs(30);
const FROM: &str = "<a@x.test>";
const TO: &str = "<b@people.test>";
const ENFORCE: &str = "mode = \"enforce\"\n[[route]]\nname = \"people\"\nprofile = \"desktop\"\n";

const MAIL: &[u8] = b"Received: from elsewhere\r\n\tby here; Sun, 1 Nov 2026 00:00:00 +0000\r\n\
    From: a@x.test\r\nX:1\r\nSubject:  two spaces\r\nx: 2\r\nX: 3 \r\nTo: b@y.test\r\n\
    Date: Sun, 1 Nov 2026 00:00:00 +0000\r\nMessage-ID: <1@x.test>\r\n\r\n\
    Hello\r\n.\r\n..\r\n.dot\r\n\r\nend \r\n\r\n";

fn voice(octets: usize) -> Vec<u8> {
    let mut raw = b"From: a@x.test\r\nTo: b@y.test\r\nDate: Sun, 1 Nov 2026 00:00:00 +0000\r\n\
        Message-ID: <1@x.test>\r\nMessage-Context: voice-message\r\nSubject: Voice\r\nMIME-Version: 1.0\r\n\
        Content-Type: audio/basic\r\nContent-Transfer-Encoding: base64\r\n\r\n"
        .to_vec();
    for _ in 0..octets.div_ceil(57) {
        raw.extend_from_slice(&[b'/'; 76]);
        raw.extend_from_slice(b"\r\n");
    }
    raw
}

fn code(replies: &[support::smtp::Reply]) -> u16 {
    replies.last().expect("at least MAIL's reply").code
}

#[test]
fn mail_that_is_not_ours_arrives_byte_for_byte() {
    if !postfix::available() {
        return;
    }
    let milter = MilterProcess::start(ENFORCE);
    let sink = Sink::start();
    let postfix = Postfix::start(PostfixOptions::with_milter(sink.port(), milter.postfix_socket()));
    let mixed = [
        &b"From: a@x.test\r\nDate: Sun, 1 Nov 2026 00:00:00 +0000\r\nMessage-ID: <1@x.test>\r\n\
           MIME-Version: 1.0\r\nContent-Type: multipart/mixed;\r\n boundary=b\r\n\r\n"[..],
        b"preamble\r\n--b\r\n\r\ntext \t\r\n--b\r\nContent-Type: application/zip\r\n\r\n\xff\x00x\r\n--b-- \r\nepilogue",
        b"\r\n",
    ]
    .concat();
    for (n, raw) in [MAIL, &mixed].into_iter().enumerate() {
        assert_eq!(code(&postfix.smtp().send("<a@x.test> BODY=8BITMIME", &[TO], raw)), 250);
        let delivered = sink.wait_for(n + 1, PATIENCE).pop().expect("waited for it");
        assert_eq!(delivered.without_received().escape_ascii().to_string(), raw.escape_ascii().to_string());
    }
    milter.wait_for_log("<a@x.test>", PATIENCE);
}

#[test]
fn voice_is_converted_and_recipients_of_another_form_are_deferred() {
    if !postfix::available() {
        return;
    }
    let config = "mode = \"enforce\"\n\
        [[route]]\nname = \"people\"\nprofile = \"desktop\"\nmatch.recipient = [\"*@people.test\"]\n\
        [[route]]\nname = \"vm\"\nprofile = \"vpim2\"\nmatch.recipient = [\"*@vm.test\"]\n";
    let milter = MilterProcess::start(config);
    let sink = Sink::start();
    let postfix = Postfix::start(PostfixOptions::with_milter(sink.port(), milter.postfix_socket()));
    let replies = postfix.smtp().send(FROM, &[TO, "<1@vm.test>", "<non-mail-user@x.test>"], &voice(20_000));
    let codes: Vec<u16> = replies.iter().map(|r| r.code).collect();
    assert!(codes.contains(&452) && codes.contains(&550), "{replies:?}");
    assert_eq!(code(&replies), 250, "{replies:?}");
    let delivered = sink.wait_for(1, PATIENCE).pop().expect("waited for it");
    assert_eq!(delivered.recipients(), ["b@people.test"]);
    let text = String::from_utf8_lossy(delivered.without_received()).into_owned();
    assert!(text.contains("VPIM-Results:") && text.contains("multipart/mixed"), "{text:.600}");
    assert!(!text.contains("\r\r\n"));
}

#[test]
fn a_milter_killed_in_the_middle_of_a_message_costs_a_retry_and_no_mail() {
    if !postfix::available() {
        return;
    }
    let milter = MilterProcess::start(ENFORCE);
    let sink = Sink::start();
    let postfix = Postfix::start(PostfixOptions::with_milter(sink.port(), milter.postfix_socket()));
    let mut smtp = postfix.smtp();
    for line in ["EHLO client.test", "MAIL FROM:<a@x.test>", "RCPT TO:<b@people.test>"] {
        assert_eq!(smtp.command(line).code, 250, "{line}");
    }
    assert_eq!(smtp.command("DATA").code, 354);
    milter.signal("KILL");
    smtp.send_octets(&support::smtp::stuffed(&voice(20_000)));
    let reply = smtp.command(".");
    assert!((400..500).contains(&reply.code), "{reply:?}");
    assert!(sink.delivered().is_empty() && postfix.corrupt().is_empty());
}

#[test]
fn reloads_under_traffic_lose_nothing() {
    if !postfix::available() {
        return;
    }
    let milter = MilterProcess::start(ENFORCE);
    let sink = Sink::start();
    let postfix = Postfix::start(PostfixOptions::with_milter(sink.port(), milter.postfix_socket()));
    std::thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                for _ in 0..5 {
                    assert_eq!(code(&postfix.smtp().send(FROM, &[TO], &voice(5_000))), 250);
                }
            });
        }
        for _ in 0..10 {
            milter.signal("HUP");
            std::thread::sleep(Duration::from_millis(50));
        }
    });
    assert_eq!(sink.wait_for(15, PATIENCE).len(), 15);
    assert!(milter.log_lines().iter().all(|l| !l.contains(" ERROR ")));
}
