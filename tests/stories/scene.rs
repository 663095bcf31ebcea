//! The chain of one story, and messages for people to read.

use crate::support::milter_process::MilterProcess;
use crate::support::postfix::{Postfix, PostfixOptions};
use crate::support::sink::{Delivered, Sink};
use crate::support::smtp::Reply;
use mailparse::ParsedMail;
use std::path::Path;
use std::time::Duration;
use vpim_milter::message::transfer::encode_base64;

pub const PATIENCE: Duration = Duration::from_secs(60);

/// An example of `packaging/examples` as it is shipped, but for where it listens and these changes.
pub fn example(name: &str, changes: &[(&str, &str)]) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("packaging/examples").join(name);
    let text = std::fs::read_to_string(path).unwrap();
    let listen = "\nlisten = [\"inet:8894@127.0.0.1\"]\n";
    assert!(text.contains(listen), "{name} says where it listens");
    let mut text = text.replace(listen, "\n");
    for (old, new) in changes {
        assert!(text.contains(old), "`{old}` in {name}");
        text = text.replace(old, new);
    }
    text
}

/// Daemon, Postfix and next hop, ended in this order.
pub struct Scene {
    pub milter: MilterProcess,
    pub postfix: Postfix,
    pub sink: Sink,
}

impl Scene {
    /// With a milter for mail that comes by SMTP.
    pub fn start(config: &str) -> Self {
        let (sink, milter) = (Sink::start(), MilterProcess::start(config));
        let options = PostfixOptions::with_milter(sink.port(), milter.postfix_socket());
        Scene { postfix: Postfix::start(options), milter, sink }
    }

    /// Sends one message and gives the reply to its end.
    pub fn send(&self, recipients: &[&str], raw: &[u8]) -> Reply {
        let mut replies = self.postfix.smtp().send("<store@origin.example.net>", recipients, raw);
        replies.pop().unwrap()
    }

    /// Sends one message to one recipient, and gives it as it arrives.
    pub fn deliver(&self, recipient: &str, raw: &[u8]) -> Delivered {
        let before = self.sink.delivered().len();
        let reply = self.send(&[recipient], raw);
        assert_eq!(reply.code, 250, "{}", reply.text());
        self.sink.wait_for(before + 1, PATIENCE).pop().unwrap()
    }
}

/// Octets of a message as the milter left it: without the field of the MTA that delivered it.
pub fn octets_out(raw: &[u8]) -> usize {
    let (mut octets, mut trace) = (raw.len(), None);
    for line in raw.split_inclusive(|c| *c == b'\n') {
        let folded = line.starts_with(b" ") || line.starts_with(b"\t");
        trace = match trace {
            None => line.starts_with(b"Received:").then_some(true),
            Some(within) => Some(within && folded),
        };
        octets -= if trace == Some(true) { line.len() } else { 0 };
    }
    octets
}

/// A header field of a message or a part.
pub fn header(mail: &ParsedMail<'_>, name: &str) -> String {
    let field = mail.headers.iter().find(|h| h.get_key_ref().eq_ignore_ascii_case(name));
    field.map(|h| h.get_value()).unwrap_or_default()
}

/// The types of the parts.
pub fn types(mail: &ParsedMail<'_>) -> Vec<String> {
    mail.subparts.iter().map(|p| p.ctype.mimetype.to_ascii_lowercase()).collect()
}

/// A parameter of the disposition of a part.
pub fn disposition(part: &ParsedMail<'_>, parameter: &str) -> String {
    part.get_content_disposition().params.get(parameter).cloned().unwrap_or_default()
}

/// A part in base64, from its fields.
pub fn part(fields: &str, octets: &[u8]) -> String {
    let body = String::from_utf8(encode_base64(octets, "\r\n")).unwrap();
    format!("{fields}\r\nContent-Transfer-Encoding: base64\r\n\r\n{body}")
}

/// A multipart body.
pub fn multipart(boundary: &str, parts: &[String]) -> String {
    let mut out = String::new();
    for part in parts {
        out += &format!("--{boundary}\r\n{}\r\n", part.trim_end());
    }
    out + &format!("--{boundary}--\r\n")
}

/// A value of a log line.
pub fn logged(line: &str, name: &str) -> String {
    let (_, rest) = line.split_once(&format!(" {name}=")).unwrap_or_else(|| panic!("no {name} in {line}"));
    match rest.strip_prefix('"') {
        Some(quoted) => quoted.split('"').next().unwrap().to_owned(),
        None => rest.split(' ').next().unwrap().to_owned(),
    }
}

/// Prints a message as a person wants to see it: header fields, structure, texts, bodies by their length.
pub fn show(title: &str, raw: &[u8]) {
    let mail = mailparse::parse_mail(raw).unwrap();
    println!("\n=== {title}");
    let mut out = String::new();
    outline(&mail, 0, &mut out);
    println!("{out}");
}

fn outline(mail: &ParsedMail<'_>, depth: usize, out: &mut String) {
    let margin = "    ".repeat(depth);
    for field in &mail.headers {
        let value: String = field.get_value().chars().take(160).collect();
        if !field.get_key_ref().eq_ignore_ascii_case("Received") {
            *out += &format!("{margin}{}: {value}\n", field.get_key());
        }
    }
    if mail.subparts.is_empty() {
        let octets = mail.get_body_raw().unwrap();
        let text = mail.ctype.mimetype.starts_with("text/");
        let text = text.then(|| String::from_utf8_lossy(&octets).into_owned());
        for line in text.unwrap_or_else(|| format!("[{} octets]", octets.len())).lines() {
            *out += &format!("{margin}  | {line}\n");
        }
    }
    for part in &mail.subparts {
        *out += &format!("{margin}  --\n");
        outline(part, depth + 1, out);
    }
}
