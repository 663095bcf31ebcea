//! The client's side of SMTP (RFC 5321), as far as copies need it: a listener of our own MTA, plain
//! TCP. A transaction stops before its end, so that several can be made ready and then be ended one
//! after the other ([`Ready::commit`]); one that is dropped before leaves nothing behind
//! (RFC 5321 4.1.1.4: no message without its end).
//!
//! Own code, since the libraries give neither the parameters of single recipients (RFC 3461 NOTIFY,
//! ORCPT) nor that stop. Every reply is bounded in time, lines and octets.

use std::io;
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// Octets of a reply, all its lines together.
const REPLY_OCTETS: u64 = 16 << 10;
/// Least time for the reply that accepts a message: the MTA asks its milters meanwhile.
const ACCEPT_TIME: Duration = Duration::from_secs(120);

/// Why a transaction did not end well.
#[derive(Debug, thiserror::Error)]
pub enum SmtpError {
    /// The connection.
    #[error("{0}")]
    Io(#[from] io::Error),
    /// No sign of life in time.
    #[error("no reply in time")]
    Silent,
    /// Something else than a reply.
    #[error("this is no SMTP reply: {0}")]
    NoReply(String),
    /// A refusal.
    #[error("{command}: {reply}")]
    Refused {
        /// What was said.
        command: &'static str,
        /// Code and first line.
        reply: String,
    },
    /// The message needs what the server does not offer.
    #[error("the server does not offer {0}")]
    NotOffered(&'static str),
}

/// The server, and our name.
#[derive(Clone, Copy, Debug)]
pub struct Server<'a> {
    /// Host.
    pub host: &'a str,
    /// Port.
    pub port: u16,
    /// For EHLO.
    pub helo: &'a str,
    /// For each reply, and each piece of data taken.
    pub timeout: Duration,
}

/// A message for some recipients. Parameters are as the MTA showed them; those that a copy must not
/// repeat (SIZE, AUTH) or the server does not know are left out.
#[derive(Clone, Copy, Debug)]
pub struct Transaction<'a> {
    /// Reverse-path without brackets, and its parameters.
    pub sender: (&'a str, &'a [String]),
    /// Forward-paths without brackets, and their parameters.
    pub recipients: &'a [(&'a str, &'a [String])],
    /// The message in pieces, lines ended by CRLF.
    pub data: &'a [&'a [u8]],
}

/// A message that the server has, but for the end of it.
#[derive(Debug)]
pub struct Ready(Dialogue);

#[derive(Debug)]
struct Dialogue {
    stream: BufReader<TcpStream>,
    patience: Duration,
    /// Keywords of EHLO in capitals.
    offers: Vec<String>,
}

/// Says everything but the end of the data.
pub async fn prepare(server: Server<'_>, transaction: Transaction<'_>) -> Result<Ready, SmtpError> {
    let mut dialogue = Dialogue::open(server).await?;
    let (path, given) = transaction.sender;
    let (eight_bit, international) = (has(given, "BODY=8BITMIME"), has(given, "SMTPUTF8"));
    for (needed, keyword) in [(eight_bit, "8BITMIME"), (international, "SMTPUTF8")] {
        if needed && !dialogue.offers(keyword) {
            return Err(SmtpError::NotOffered(keyword));
        }
    }
    let dsn = dialogue.offers("DSN");
    let kept = |name: &str| match name {
        "BODY" => eight_bit,
        "SMTPUTF8" => true,
        "RET" | "ENVID" | "NOTIFY" | "ORCPT" => dsn,
        _ => false,
    };
    let line = format!("MAIL FROM:<{path}>{}", parameters(given, kept));
    dialogue.command("MAIL", &line, 2).await?;
    for (path, given) in transaction.recipients {
        let line = format!("RCPT TO:<{path}>{}", parameters(given, kept));
        dialogue.command("RCPT", &line, 2).await?;
    }
    dialogue.command("DATA", "DATA", 3).await?;
    let mut at_line_start = true;
    for piece in transaction.data {
        at_line_start = dialogue.data(piece, at_line_start).await?;
    }
    if !at_line_start {
        dialogue.write(b"\r\n").await?;
    }
    dialogue.flush().await?;
    Ok(Ready(dialogue))
}

impl Ready {
    /// Ends the data; `Ok` once the server has taken the message over.
    pub async fn commit(self) -> Result<(), SmtpError> {
        let Ready(mut dialogue) = self;
        dialogue.patience = dialogue.patience.max(ACCEPT_TIME);
        dialogue.command("end of data", ".", 2).await?;
        // The answer would tell nothing new.
        let _ = dialogue.write(b"QUIT\r\n").await;
        let _ = dialogue.flush().await;
        Ok(())
    }
}

impl Dialogue {
    async fn open(server: Server<'_>) -> Result<Self, SmtpError> {
        let address = (server.host, server.port);
        let stream =
            timeout(server.timeout, TcpStream::connect(address)).await.map_err(|_| SmtpError::Silent)??;
        stream.set_nodelay(true)?;
        let mut dialogue =
            Dialogue { stream: BufReader::new(stream), patience: server.timeout, offers: Vec::new() };
        dialogue.expect("connecting", 2).await?;
        let lines = dialogue.command("EHLO", &format!("EHLO {}", server.helo), 2).await?;
        let keyword = |line: &String| line.split(' ').next().unwrap_or_default().to_ascii_uppercase();
        dialogue.offers = lines.iter().skip(1).map(keyword).collect();
        Ok(dialogue)
    }

    fn offers(&self, keyword: &str) -> bool {
        self.offers.iter().any(|offered| offered == keyword)
    }

    async fn command(
        &mut self,
        command: &'static str,
        line: &str,
        class: u16,
    ) -> Result<Vec<String>, SmtpError> {
        self.write(line.as_bytes()).await?;
        self.write(b"\r\n").await?;
        self.flush().await?;
        self.expect(command, class).await
    }

    /// The lines of a reply of this class.
    async fn expect(&mut self, command: &'static str, class: u16) -> Result<Vec<String>, SmtpError> {
        let patience = self.patience;
        let (code, lines) = timeout(patience, self.reply()).await.map_err(|_| SmtpError::Silent)??;
        if code / 100 == class {
            return Ok(lines);
        }
        let text = lines.into_iter().next().unwrap_or_default();
        Err(SmtpError::Refused { command, reply: format!("{code} {text}") })
    }

    async fn reply(&mut self) -> Result<(u16, Vec<String>), SmtpError> {
        let mut reader = (&mut self.stream).take(REPLY_OCTETS);
        let mut lines = Vec::new();
        loop {
            let mut line = Vec::new();
            reader.read_until(b'\n', &mut line).await?;
            if !line.ends_with(b"\n") {
                return Err(SmtpError::NoReply("the connection ended, or the line does not".to_owned()));
            }
            let text = String::from_utf8_lossy(line.trim_ascii_end()).into_owned();
            let code = text.get(..3).and_then(|c| c.parse().ok()).filter(|c| (200..600).contains(c));
            let (Some(code), mark) = (code, text.as_bytes().get(3)) else {
                return Err(SmtpError::NoReply(text));
            };
            lines.push(text.get(4..).unwrap_or_default().to_owned());
            match mark {
                None | Some(b' ') => return Ok((code, lines)),
                Some(b'-') => {}
                Some(_) => return Err(SmtpError::NoReply(text)),
            }
        }
    }

    /// A piece of the message, dots doubled at line starts (RFC 5321 4.5.2). Gives whether the next
    /// piece begins a line.
    async fn data(&mut self, piece: &[u8], at_line_start: bool) -> Result<bool, SmtpError> {
        if at_line_start && piece.starts_with(b".") {
            self.write(b".").await?;
        }
        let mut from = 0;
        for at in memchr::memmem::find_iter(piece, b"\r\n.") {
            let dot = at + 2;
            self.write(piece.get(from..dot).unwrap_or_default()).await?;
            self.write(b".").await?;
            from = dot;
        }
        self.write(piece.get(from..).unwrap_or_default()).await?;
        Ok(if piece.is_empty() { at_line_start } else { piece.ends_with(b"\r\n") })
    }

    /// In bounded pieces, so that a server that takes them slowly is not taken for a silent one.
    async fn write(&mut self, octets: &[u8]) -> Result<(), SmtpError> {
        for piece in octets.chunks(64 << 10) {
            let writing = self.stream.get_mut().write_all(piece);
            timeout(self.patience, writing).await.map_err(|_| SmtpError::Silent)??;
        }
        Ok(())
    }

    async fn flush(&mut self) -> Result<(), SmtpError> {
        let flushing = self.stream.get_mut().flush();
        Ok(timeout(self.patience, flushing).await.map_err(|_| SmtpError::Silent)??)
    }
}

fn has(parameters: &[String], wanted: &str) -> bool {
    parameters.iter().any(|p| p.eq_ignore_ascii_case(wanted))
}

/// The parameters to repeat, each after a blank.
fn parameters(given: &[String], kept: impl Fn(&str) -> bool) -> String {
    let name = |p: &str| p.split('=').next().unwrap_or_default().to_ascii_uppercase();
    // esmtp-value (RFC 5321 4.1.2) and its UTF-8 form: no blank, no control character.
    let sound = |p: &&String| !p.chars().any(|c| c.is_control() || c == ' ' || c == '\u{fffd}');
    given.iter().filter(|p| kept(&name(p))).filter(sound).map(|p| format!(" {p}")).collect()
}

#[cfg(test)]
mod tests;
