//! One voice message for recipients of four forms, and what each of them must have got in the end:
//! exactly one message, in its form.

use super::poll;
use super::postfix::{Postfix, PostfixOptions};
use super::sink::{Delivered, Sink};
use super::smtp::Smtp;
use std::path::Path;
use std::time::Duration;

/// Recipients in the order they are given, and the profile of each.
pub const RECIPIENTS: [(&str, &str); 5] = [
    ("a@desk.test", "desktop"),
    ("1@vm.test", "vpim2"),
    ("2@vm.test", "vpim2"),
    ("m@mp3.test", "mp3"),
    ("x@other.test", "none"),
];

/// A configuration with their routes; `split` is the rest of its table.
pub fn config(split: &str) -> String {
    format!(
        r#"
mode = "enforce"
[split]
{split}
[results]
authserv_id = "mx.test"
[profile.mp3]
extends = "desktop"
audio = "audio/mpeg"
audio_accepted = ["mp3/*"]
[[route]]
name = "people"
profile = "desktop"
match.recipient = ["*@desk.test"]
[[route]]
name = "voice hub"
profile = "vpim2"
match.recipient = ["*@vm.test"]
[[route]]
name = "players"
profile = "mp3"
match.recipient = ["*@mp3.test"]
"#
    )
}

/// A voice message of a PBX.
pub fn message() -> Vec<u8> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/messages/pbx-asterisk-wav.eml");
    std::fs::read(path).expect("a bundled message")
}

/// An MTA that sends the message to the one under test, and again what was refused for now.
pub struct Upstream(Postfix);

impl Upstream {
    /// To this port.
    pub fn to(port: u16) -> Self {
        Upstream(Postfix::start(PostfixOptions::to(port)))
    }

    /// Takes a message for these recipients.
    pub fn send(&self, recipients: &[&str], raw: &[u8]) {
        let recipients: Vec<String> = recipients.iter().map(|r| format!("<{r}>")).collect();
        let recipients: Vec<&str> = recipients.iter().map(String::as_str).collect();
        let replies = self.0.smtp().send("<pbx@pbx.test>", &recipients, raw);
        assert_eq!(replies.last().map(|r| r.code), Some(250), "{replies:?}");
    }

    /// Takes the message for all of [`RECIPIENTS`].
    pub fn send_to_all(&self) {
        self.send(&RECIPIENTS.map(|(recipient, _)| recipient), &message());
    }

    /// Tries again until nothing is left, and until `sink` has a message for every recipient.
    pub fn until_delivered(&self, sink: &Sink, recipients: usize) -> Vec<Delivered> {
        let got = || sink.delivered().iter().map(|d| d.rcpt_to.len()).sum::<usize>();
        let done = poll(Duration::from_secs(120), || {
            self.0.flush();
            std::thread::sleep(Duration::from_millis(500));
            (self.0.queued().is_empty() && got() >= recipients).then_some(())
        });
        assert!(done.is_some(), "{} of {recipients} recipients have a message:\n{}", got(), self.0.log());
        // A second message to somebody would come now.
        std::thread::sleep(Duration::from_secs(1));
        sink.delivered()
    }

    /// Tries again at once.
    pub fn flush(&self) {
        self.0.flush();
    }

    /// Its log.
    pub fn log(&self) -> String {
        self.0.log()
    }

    /// Messages it still has.
    pub fn queued(&self) -> usize {
        self.0.queued().len()
    }
}

/// Every recipient has exactly one message, in its form. Gives how many were kept on the message as
/// it came, and how many got a copy.
pub fn check(delivered: &[Delivered]) -> (usize, usize) {
    let (mut kept, mut copied) = (0, 0);
    for (recipient, profile) in RECIPIENTS {
        let own: Vec<&Delivered> = delivered.iter().filter(|d| d.recipients().contains(&recipient)).collect();
        assert_eq!(own.len(), 1, "messages for {recipient}");
        assert_eq!(form(&own[0].data), profile, "{recipient}");
        let text = String::from_utf8_lossy(&own[0].data);
        if text.contains("(vpim-milter)") {
            copied += 1
        } else {
            kept += 1
        }
        assert!(!text.contains("VPIM-Split"), "{text:.2000}");
        if profile == "none" {
            assert_eq!(without_trace(&own[0].data), without_trace(&message()));
        }
    }
    let all: usize = delivered.iter().map(|d| d.rcpt_to.len()).sum();
    assert_eq!(all, RECIPIENTS.len(), "recipients of all messages");
    (kept, copied)
}

/// Recipients written in every way SMTP allows, and delivery status parameters (RFC 3461): the copies
/// for `helo = "mx.test"` have them all, the message has none of these recipients left.
pub fn check_unusual(mut client: Smtp, sink: &Sink, copies: &Sink) {
    let others = [
        "<\"a b\"@desk.test> NOTIFY=SUCCESS,FAILURE ORCPT=rfc822;a+20b@desk.test",
        "<Mixed@Desk.TEST> NOTIFY=NEVER",
        "<@hub.test:routed@desk.test>",
        "<\"quoted\"@desk.test>",
        "<postmaster>",
    ];
    let kept = ["<1@vm.test>", "<2@vm.test>", "<3@vm.test>", "<4@vm.test>", "<5@vm.test>"];
    let all: Vec<&str> = others.iter().chain(&kept).copied().collect();
    let replies = client.send("<pbx@pbx.test> RET=HDRS ENVID=QQ+2B1 SIZE=100000", &all, &message());
    assert!(replies.iter().all(|r| matches!(r.code, 250 | 354)), "{replies:?}");
    let delivered = sink.wait_for(1, Duration::from_secs(30));
    let mut got = delivered[0].recipients();
    got.sort_unstable();
    assert_eq!(got, ["1@vm.test", "2@vm.test", "3@vm.test", "4@vm.test", "5@vm.test"]);
    let copied = copies.delivered();
    let arguments: Vec<&str> = copied.iter().flat_map(|d| &d.rcpt_to).map(String::as_str).collect();
    assert_eq!(arguments, others);
    for copy in copied {
        let said = (copy.helo.as_str(), copy.mail_from.as_str());
        assert_eq!(said, ("mx.test", "<pbx@pbx.test> RET=HDRS ENVID=QQ+2B1"));
    }
}

/// The profile a message has the form of.
pub fn form(raw: &[u8]) -> &'static str {
    let text = String::from_utf8_lossy(raw).to_ascii_lowercase();
    let has = |what: &str| text.contains(what);
    match () {
        () if has("multipart/voice-message") && has("audio/32kadpcm") => "vpim2",
        () if has("audio/mpeg") => "mp3",
        () if has("policy.profile=desktop") && has("audio/x-wav") => "desktop",
        () if has("vpim-results") => "another",
        () => "none",
    }
}

/// The message without its Received fields.
pub fn without_trace(raw: &[u8]) -> String {
    let mut out = Vec::new();
    let (mut skipping, mut in_header) = (false, true);
    for line in raw.split_inclusive(|c| *c == b'\n') {
        in_header &= !line.trim_ascii().is_empty();
        let folded = line.starts_with(b" ") || line.starts_with(b"\t");
        let is_trace = line.get(..9).is_some_and(|n| n.eq_ignore_ascii_case(b"received:"));
        skipping = in_header && if folded { skipping } else { is_trace };
        if !skipping {
            out.extend_from_slice(line);
        }
    }
    out.escape_ascii().to_string().replace("\\r\\n", "\n")
}
