//! An SMTP client that sends exactly what a test says, right or wrong, and can stop anywhere.

use std::io::{self, BufRead, BufReader, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::time::Duration;

/// A reply; the text lines are without code.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    pub code: u16,
    pub lines: Vec<String>,
}

impl Reply {
    /// The lines put together.
    pub fn text(&self) -> String {
        self.lines.join("\n")
    }
}

/// A session with an MTA on loopback.
pub struct Smtp {
    stream: BufReader<TcpStream>,
}

impl Smtp {
    /// Connects, and reads the greeting.
    pub fn connect(port: u16) -> io::Result<(Self, Reply)> {
        let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port))?;
        stream.set_read_timeout(Some(Duration::from_secs(60)))?;
        stream.set_write_timeout(Some(Duration::from_secs(60)))?;
        stream.set_nodelay(true)?;
        let mut smtp = Smtp { stream: BufReader::new(stream) };
        let greeting = smtp.reply()?;
        Ok((smtp, greeting))
    }

    /// Connects and says EHLO, both with success.
    pub fn open(port: u16) -> Self {
        let (mut smtp, greeting) = Self::connect(port).expect("an MTA that listens");
        assert_eq!(greeting.code, 220, "{greeting:?}");
        let reply = smtp.command("EHLO client.example.test");
        assert_eq!(reply.code, 250, "{reply:?}");
        smtp
    }

    /// One command line (without CRLF) and its reply.
    pub fn command(&mut self, line: &str) -> Reply {
        self.send_octets(format!("{line}\r\n").as_bytes());
        self.reply().unwrap_or_else(|e| panic!("no reply to {line}: {e}"))
    }

    /// Plays another client (Postfix's XCLIENT), such as `NAME=pbx.example.test ADDR=192.0.2.7`; the
    /// session starts anew with EHLO.
    pub fn xclient(&mut self, attributes: &str) {
        let reply = self.command(&format!("XCLIENT {attributes}"));
        assert_eq!(reply.code, 220, "{reply:?}");
        let reply = self.command("EHLO client.example.test");
        assert_eq!(reply.code, 250, "{reply:?}");
    }

    /// MAIL, RCPT for each recipient, DATA and the message, up to the first command that fails as a
    /// whole (a refused recipient does not count while another is taken). The arguments are sent as
    /// they are: `<a@x.test> BODY=8BITMIME`. Gives every reply; the last one is the message's fate.
    pub fn send(&mut self, mail_from: &str, rcpt_to: &[&str], raw: &[u8]) -> Vec<Reply> {
        let mut replies = vec![self.command(&format!("MAIL FROM:{mail_from}"))];
        if replies[0].code != 250 {
            return replies;
        }
        for recipient in rcpt_to {
            replies.push(self.command(&format!("RCPT TO:{recipient}")));
        }
        if !replies[1..].iter().any(|r| r.code == 250) {
            return replies;
        }
        replies.push(self.command("DATA"));
        if replies.last().is_some_and(|r| r.code == 354) {
            self.send_octets(&stuffed(raw));
            replies.push(self.command("."));
        }
        replies
    }

    /// Octets as they are, for what no correct client sends and for stopping in the middle.
    pub fn send_octets(&mut self, octets: &[u8]) {
        self.stream.get_mut().write_all(octets).expect("an MTA that reads");
    }

    /// The next reply.
    pub fn reply(&mut self) -> io::Result<Reply> {
        let mut lines = Vec::new();
        loop {
            let mut line = Vec::new();
            if self.stream.read_until(b'\n', &mut line)? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            let line = String::from_utf8_lossy(&line).trim_end().to_owned();
            let code = line.get(..3).and_then(|c| c.parse().ok());
            let code = code.ok_or_else(|| io::Error::other(format!("no reply code: {line}")))?;
            lines.push(line.get(4..).unwrap_or_default().to_owned());
            if line.as_bytes().get(3) != Some(&b'-') {
                return Ok(Reply { code, lines });
            }
        }
    }
}

/// Dots doubled at line starts, CRLF at the end; nothing else is changed (RFC 5321 4.5.2).
pub fn stuffed(raw: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(raw.len() + 16);
    for line in raw.split_inclusive(|&b| b == b'\n') {
        if line.starts_with(b".") {
            out.push(b'.');
        }
        out.extend_from_slice(line);
    }
    if !out.is_empty() && !out.ends_with(b"\r\n") {
        out.extend_from_slice(b"\r\n");
    }
    out
}
