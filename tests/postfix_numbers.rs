//! Number rules at a real Postfix: the message is delivered under the number the destination knows,
//! once, with the parameters the client gave.

mod support;

use std::time::Duration;
use support::milter_process::MilterProcess;
use support::postfix::{self, Postfix, PostfixOptions};
use support::sink::Sink;

const PATIENCE: Duration = Duration::from_secs(30);

const CONFIG: &str = r#"
mode = "enforce"

[results]
authserv_id = "mx.test"

[[route]]
name = "avaya"
match = { recipient = ["*@avaya.test"] }
profile = "untouched"
numbers = [{ match = "44??", prefix = "604555" }]

[[route]]
name = "white pages"
match = { recipient = ["*@vpim.test"] }
profile = "untouched"
numbers = [{ match = "+1613555????", keep = 4, domain = "vm2.test", apply = ["recipient", "from", "to"] }]

[[route]]
name = "gone"
match = { recipient = ["*@old.test"] }
profile = "untouched"
numbers = [{ match = "4*", domain = "gone.test", apply = ["recipient"] }]

[[route]]
name = "fax"
match = { recipient = ["*@fax.test"] }
profile = "untouched"
numbers = [{ match = "FAX=+1??????????", strip = 2, apply = ["recipient"] }]
"#;

const VOICE: &str = "From: \"Ann\" <+16135550100@a.test>\r\nTo: \"Mailbox 4411\" <4411@avaya.test>, <+16135551234@vpim.test>,\r\n\t<4412@b.test>\r\n\
    Date: Tue, 4 Mar 2025 09:00:00 +0100\r\nMessage-ID: <a@a.test>\r\nMIME-Version: 1.0 (Voice 2.0)\r\n\
    Content-Type: multipart/voice-message; version=2.0; boundary=b\r\n\r\n--b\r\n\
    Content-Type: audio/32KADPCM\r\nContent-Transfer-Encoding: base64\r\n\
    Content-Disposition: inline; voice=Voice-Message\r\n\r\n////////\r\n--b--\r\n";

struct Chain {
    postfix: Postfix,
    sink: Sink,
    milter: MilterProcess,
}

impl Chain {
    fn start() -> Self {
        let sink = Sink::start();
        let milter = MilterProcess::start(CONFIG);
        let options = PostfixOptions {
            extra_main_cf: "transport_maps = inline:{ gone.test=error:5.1.1 }".to_owned(),
            non_smtpd_milter: Some(milter.postfix_socket()),
            ..PostfixOptions::with_milter(sink.port(), milter.postfix_socket())
        };
        Chain { postfix: Postfix::start(options), sink, milter }
    }

    /// Sends one message to `rcpt`; gives all recipients it arrived for, and the message without the
    /// fields added on the way.
    fn deliver(&self, rcpt: &[&str], raw: &str) -> (Vec<String>, String) {
        let (recipients, text) = self.deliver_with_parameters(rcpt, raw);
        let path = |r: String| r.split_once(' ').map_or(r.clone(), |(path, _)| path.to_owned());
        (recipients.into_iter().map(path).collect(), text)
    }

    /// The same, the recipients with their parameters.
    fn deliver_with_parameters(&self, rcpt: &[&str], raw: &str) -> (Vec<String>, String) {
        let before = self.sink.delivered().len();
        let replies = self.postfix.smtp().send("<+16135550100@a.test>", rcpt, raw.as_bytes());
        let last = replies.last().expect("a reply to the message");
        assert_eq!(last.code, 250, "{}", last.text());
        self.sink.wait_for(before + 1, PATIENCE);
        self.postfix.wait_until_idle(PATIENCE);
        let arrived = self.sink.delivered().split_off(before);
        let text = String::from_utf8_lossy(&arrived.last().expect("waited for it").data).into_owned();
        let from = text.find("From:").expect("a From field");
        let mut all: Vec<String> = arrived.into_iter().flat_map(|d| d.rcpt_to).collect();
        all.sort();
        (all, text[from..].to_owned())
    }
}

#[test]
fn mail_arrives_once_under_the_number_the_destination_knows() {
    if !postfix::available() {
        return;
    }
    let chain = Chain::start();

    let (recipients, text) = chain.deliver(&["<4411@avaya.test>"], VOICE);
    assert_eq!(recipients, ["<6045554411@avaya.test>"]);
    assert_eq!(text, VOICE.replace("<4411@avaya.test>", "<6045554411@avaya.test>"));
    let (recipients, again) = chain.deliver(&["<6045554411@avaya.test>"], &text);
    assert_eq!((recipients, again), (vec!["<6045554411@avaya.test>".to_owned()], text), "a second pass");
    let line = chain.milter.wait_for_log("renumbered=\"recipient", PATIENCE);
    assert!(line.contains("recipient <4411@avaya.test> <6045554411@avaya.test>"), "{line}");

    let dsn = "NOTIFY=SUCCESS,FAILURE ORCPT=rfc822;boss@hospital.test";
    let (recipients, _) = chain.deliver_with_parameters(&[&format!("<4411@avaya.test> {dsn}")], VOICE);
    let [recipient] = &recipients[..] else { panic!("{recipients:?}") };
    assert!(recipient.starts_with("<6045554411@avaya.test>"), "{recipient}");
    for parameter in ["NOTIFY=", "SUCCESS", "FAILURE", "ORCPT=rfc822;boss@hospital.test"] {
        assert!(recipient.contains(parameter), "{parameter} in {recipient}");
    }

    let (recipients, text) = chain.deliver(&["<+16135551234@vpim.test>"], VOICE);
    assert_eq!(recipients, ["<1234@vm2.test>"]);
    let wanted = VOICE
        .replace("+16135550100@a.test", "0100@vm2.test")
        .replace("+16135551234@vpim.test", "1234@vm2.test");
    assert_eq!(text, wanted);

    let (recipients, text) = chain.deliver(&["<FAX=+14165551212/T33S=6@fax.test>"], VOICE);
    assert_eq!((recipients, text.as_str()), (vec!["<FAX=4165551212/T33S=6@fax.test>".to_owned()], VOICE));
}

#[test]
fn nobody_gets_two_copies_and_nobody_none() {
    if !postfix::available() {
        return;
    }
    let chain = Chain::start();
    let all = ["<4411@avaya.test>", "<6045554411@avaya.test>", "<4412@avaya.test>", "<pat@avaya.test>"];
    let (recipients, _) = chain.deliver(&all, VOICE);
    assert_eq!(recipients, ["<6045554411@avaya.test>", "<6045554412@avaya.test>", "<pat@avaya.test>"]);

    let ordinary = "From: a@a.test\r\nTo: 4411@avaya.test\r\nSubject: lunch\r\n\r\nhello\r\n";
    let (recipients, text) = chain.deliver(&["<4411@avaya.test>"], ordinary);
    assert_eq!((recipients, text.as_str()), (vec!["<4411@avaya.test>".to_owned()], ordinary));

    let before = chain.sink.delivered().len();
    let sent = chain
        .postfix
        .sendmail(&["-i", "-f", "1@a.test", "4411@avaya.test"], VOICE.replace("\r\n", "\n").as_bytes());
    assert!(sent.status.success(), "{sent:?}");
    let local = chain.sink.wait_for(before + 1, PATIENCE).pop().expect("waited for it");
    assert_eq!(local.recipients(), ["6045554411@avaya.test"]);
}

/// A milter's new recipient must not become one whose failures nobody hears of.
#[test]
fn the_sender_is_told_when_the_new_number_fails() {
    if !postfix::available() {
        return;
    }
    let chain = Chain::start();
    for parameters in ["", " NOTIFY=FAILURE ORCPT=rfc822;boss@hospital.test"] {
        let before = chain.sink.delivered().len();
        let recipient = format!("<4411@old.test>{parameters}");
        let replies = chain.postfix.smtp().send("<+16135550100@a.test>", &[&recipient], VOICE.as_bytes());
        assert_eq!(replies.last().expect("a reply to the message").code, 250);
        let notice = chain.sink.wait_for(before + 1, PATIENCE).pop().expect("waited for it");
        assert_eq!((notice.sender(), notice.recipients()), ("", vec!["+16135550100@a.test"]));
        let text = String::from_utf8_lossy(&notice.data).into_owned();
        assert!(text.contains("multipart/report") && text.contains("Action: failed"), "{text}");
        if !parameters.is_empty() {
            assert!(text.contains("Original-Recipient: rfc822;boss@hospital.test"), "{text}");
        }
    }
}
