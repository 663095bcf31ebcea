//! What a route does with faults, at a real Postfix: the repaired message as the recipient gets it,
//! the refusal as the client sees it, the message on hold.

mod support;

use std::time::Duration;
use support::milter_process::MilterProcess;
use support::postfix::{self, Postfix, PostfixOptions};
use support::sink::Sink;
use support::smtp::Reply;

const PATIENCE: Duration = Duration::from_secs(30);

const CONFIG: &str = r#"
mode = "enforce"

[results]
authserv_id = "mx.test"

[profile.public]
extends = "untouched"
target = { privacy = false }

[[route]]
name = "repaired"
match = { recipient = ["*@repair.test"] }
profile = "untouched"
on_must = "repair"

[[route]]
name = "strict"
match = { recipient = ["*@strict.test"] }
profile = "untouched"
on_must = "reject"
rules = { "vpim2-message-id-present" = "annotate" }

[[route]]
name = "held"
match = { recipient = ["*@hold.test"] }
profile = "untouched"
rules = { "vpim2-audio-disposition-*" = "quarantine" }

[[route]]
name = "public"
match = { recipient = ["*@public.test"] }
profile = "public"
"#;

/// A voice message; `disposition` and `field` make it right or wrong.
fn voice(disposition: &str, field: &str) -> Vec<u8> {
    format!(
        "From: Ann <1@a.test>\r\nTo: 2@b.test\r\nSubject: voice\r\nDate: Tue, 4 Mar 2025 09:00:00 +0100\r\n\
         Message-ID: <a@a.test>\r\n{field}MIME-Version: 1.0 (Voice 2.0)\r\n\
         Content-Type: multipart/voice-message; version=2.0; boundary=b\r\n\r\n--b\r\n\
         Content-Type: audio/32KADPCM\r\nContent-Transfer-Encoding: base64\r\n\
         Content-Disposition: {disposition}; voice=Voice-Message\r\n\r\n////////\r\n--b--\r\n"
    )
    .into_bytes()
}

fn last(replies: &[Reply]) -> &Reply {
    replies.last().expect("at least MAIL's reply")
}

#[test]
fn faults_are_repaired_refused_or_held_as_the_route_says() {
    if !postfix::available() {
        return;
    }
    let milter = MilterProcess::start(CONFIG);
    let sink = Sink::start();
    let postfix = Postfix::start(PostfixOptions::with_milter(sink.port(), milter.postfix_socket()));
    let send = |rcpt: &str, raw: &[u8]| postfix.smtp().send("<1@a.test>", &[rcpt], raw);
    let wrong = voice("attachment", "");

    let replies = send("<2@repair.test>", &wrong);
    assert_eq!(last(&replies).code, 250, "{replies:?}");
    let delivered = sink.wait_for(1, PATIENCE).pop().expect("waited for it");
    let text = String::from_utf8_lossy(&delivered.data).into_owned();
    assert!(text.contains("\r\nContent-Disposition: inline; voice=Voice-Message\r\n"), "{text}");
    assert!(text.contains("repaired vpim2-audio-disposition-inline"), "{text}");

    let replies = send("<2@strict.test>", &wrong);
    let reply = last(&replies);
    assert_eq!((reply.code, reply.lines.len()), (554, 3), "{reply:?}");
    assert!(reply.lines.iter().all(|l| l.starts_with("5.6.0 ") && l.len() < 500), "{reply:?}");
    assert!(
        reply.lines[1].contains("vpim2-audio-disposition-inline (MUST of RFC 3801 section "),
        "{reply:?}"
    );
    assert!(reply.lines[1].contains("part 1: ") && reply.lines[2].contains("Remedy: "), "{reply:?}");

    let replies = send("<2@hold.test>", &wrong);
    assert_eq!(last(&replies).code, 250, "{replies:?}");
    assert_eq!(postfix.held().len(), 1);

    let replies = send("<2@public.test>", &voice("inline", "Sensitivity: Private\r\n"));
    let reply = last(&replies);
    assert_eq!(reply.code, 554, "{reply:?}");
    assert!(reply.lines[0].starts_with("5.6.0 ") && reply.lines[0].contains("4.2.13"), "{reply:?}");

    let replies = send("<2@strict.test>", &voice("inline", ""));
    assert_eq!(last(&replies).code, 250, "{replies:?}");
    sink.wait_for(2, PATIENCE);
}
