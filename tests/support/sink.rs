//! The next hop: an SMTP server that keeps what it gets, byte for byte.
//!
//! The end of data is `CRLF . CRLF` and nothing else, dot-stuffing is undone, the envelope is kept
//! with its parameters.

use std::io::{self, BufRead, BufReader, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};

/// What EHLO offers.
#[derive(Clone, Copy, Debug)]
pub struct SinkOptions {
    pub eight_bit_mime: bool,
    pub smtputf8: bool,
    pub size: bool,
    pub dsn: bool,
    pub pipelining: bool,
}

impl Default for SinkOptions {
    fn default() -> Self {
        SinkOptions { eight_bit_mime: true, smtputf8: true, size: true, dsn: true, pipelining: true }
    }
}

/// One message that arrived.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Delivered {
    pub helo: String,
    /// All after `MAIL FROM:`, such as `<a@x.test> SIZE=120 BODY=8BITMIME`.
    pub mail_from: String,
    /// All after each `RCPT TO:`.
    pub rcpt_to: Vec<String>,
    pub data: Vec<u8>,
}

impl Delivered {
    /// Addresses of the recipients, without brackets and parameters.
    pub fn recipients(&self) -> Vec<&str> {
        self.rcpt_to.iter().map(|r| address(r)).collect()
    }

    /// Address of the sender, without brackets and parameters.
    pub fn sender(&self) -> &str {
        address(&self.mail_from)
    }

    /// The message without the first header field, which is the MTA's own `Received`.
    pub fn without_received(&self) -> &[u8] {
        assert!(self.data.starts_with(b"Received: "), "{}", self.data.escape_ascii());
        let mut start = 0;
        for line in self.data.split_inclusive(|&b| b == b'\n') {
            if start > 0 && !line.starts_with(b" ") && !line.starts_with(b"\t") {
                break;
            }
            start += line.len();
        }
        &self.data[start..]
    }
}

fn address(argument: &str) -> &str {
    argument.split(['<', '>']).nth(1).unwrap_or(argument)
}

/// What becomes of a message at its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// 250.
    Take,
    /// 451, not kept.
    Refuse,
    /// The connection is closed without an answer, the message not kept.
    HangUp,
    /// The same after 5 s of silence.
    Stall,
}

/// Decides, from the number of messages that came to their end before.
type Script = dyn Fn(usize) -> Fate + Send + Sync;

#[derive(Default)]
struct Inbox {
    messages: Mutex<Vec<Delivered>>,
    arrived: Condvar,
    ends: AtomicUsize,
    script: Option<Box<Script>>,
}

impl Inbox {
    fn fate(&self) -> Fate {
        let before = self.ends.fetch_add(1, Ordering::SeqCst);
        self.script.as_ref().map_or(Fate::Take, |script| script(before))
    }
}

/// The running server.
pub struct Sink {
    port: u16,
    inbox: Arc<Inbox>,
}

impl Sink {
    pub fn start() -> Self {
        Self::with(SinkOptions::default())
    }

    pub fn with(options: SinkOptions) -> Self {
        Self::listen(0, options, Inbox::default())
    }

    /// On this port; `script` decides what becomes of each message.
    pub fn scripted(port: u16, script: impl Fn(usize) -> Fate + Send + Sync + 'static) -> Self {
        Self::listen(
            port,
            SinkOptions::default(),
            Inbox { script: Some(Box::new(script)), ..Inbox::default() },
        )
    }

    fn listen(port: u16, options: SinkOptions, inbox: Inbox) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).expect("a free loopback port");
        let port = listener.local_addr().expect("a bound socket has an address").port();
        let inbox = Arc::new(inbox);
        let shared = inbox.clone();
        // The thread ends with the test's process.
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let inbox = shared.clone();
                std::thread::spawn(move || serve(stream, options, &inbox));
            }
        });
        Sink { port, inbox }
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    /// Messages that came to their end, taken or not.
    pub fn ends(&self) -> usize {
        self.inbox.ends.load(Ordering::SeqCst)
    }

    /// What has arrived so far.
    pub fn delivered(&self) -> Vec<Delivered> {
        self.inbox.messages.lock().expect("no panic holds this lock").clone()
    }

    /// Waits until at least `n` messages have arrived, and gives all of them.
    pub fn wait_for(&self, n: usize, timeout: Duration) -> Vec<Delivered> {
        let end = Instant::now() + timeout;
        let mut messages = self.inbox.messages.lock().expect("no panic holds this lock");
        while messages.len() < n {
            let left = end.saturating_duration_since(Instant::now());
            assert!(!left.is_zero(), "{} of {n} messages arrived within {timeout:?}", messages.len());
            messages = self.inbox.arrived.wait_timeout(messages, left).expect("no panic holds this lock").0;
        }
        messages.clone()
    }
}

fn serve(stream: TcpStream, options: SinkOptions, inbox: &Inbox) -> io::Result<()> {
    let mut out = stream.try_clone()?;
    let mut input = BufReader::new(stream);
    let mut helo = String::new();
    let mut message = Delivered::default();
    out.write_all(b"220 sink.test ESMTP\r\n")?;
    let mut line = Vec::new();
    loop {
        line.clear();
        if input.read_until(b'\n', &mut line)? == 0 {
            return Ok(());
        }
        let text = String::from_utf8_lossy(&line).trim_end().to_owned();
        let upper = text.to_ascii_uppercase();
        let argument = |n: usize| text.get(n..).unwrap_or_default().trim().to_owned();
        match upper.as_str() {
            _ if upper.starts_with("EHLO") => {
                helo = argument(4);
                out.write_all(greeting(options).as_bytes())?;
                continue;
            }
            _ if upper.starts_with("HELO") => helo = argument(4),
            _ if upper.starts_with("MAIL FROM:") => {
                message = Delivered { helo: helo.clone(), mail_from: argument(10), ..Delivered::default() };
            }
            _ if upper.starts_with("RCPT TO:") => message.rcpt_to.push(argument(8)),
            "DATA" => {
                out.write_all(b"354 go on\r\n")?;
                message.data = read_data(&mut input)?;
                match inbox.fate() {
                    Fate::Take => {}
                    Fate::Refuse => {
                        out.write_all(b"451 4.3.0 not now\r\n")?;
                        continue;
                    }
                    Fate::HangUp => return Ok(()),
                    Fate::Stall => {
                        std::thread::sleep(Duration::from_secs(5));
                        return Ok(());
                    }
                }
                inbox.messages.lock().expect("no panic holds this lock").push(message.clone());
                inbox.arrived.notify_all();
            }
            "RSET" | "NOOP" => {}
            "QUIT" => return out.write_all(b"221 2.0.0 bye\r\n"),
            _ => {
                out.write_all(b"500 5.5.2 unknown\r\n")?;
                continue;
            }
        }
        out.write_all(b"250 2.0.0 ok\r\n")?;
    }
}

fn greeting(o: SinkOptions) -> String {
    let mut lines = vec!["sink.test"];
    for (offered, keyword) in [
        (o.eight_bit_mime, "8BITMIME"),
        (o.smtputf8, "SMTPUTF8"),
        (o.size, "SIZE 0"),
        (o.dsn, "DSN"),
        (o.pipelining, "PIPELINING"),
    ] {
        if offered {
            lines.push(keyword);
        }
    }
    let last = lines.len() - 1;
    let mark = |n| if n == last { ' ' } else { '-' };
    lines.iter().enumerate().map(|(n, line)| format!("250{}{line}\r\n", mark(n))).collect()
}

fn read_data(input: &mut impl BufRead) -> io::Result<Vec<u8>> {
    let mut data: Vec<u8> = Vec::new();
    let mut line = Vec::new();
    loop {
        line.clear();
        if input.read_until(b'\n', &mut line)? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        // A line begins after CRLF only: after a bare LF a dot is just a dot.
        let at_line_start = data.is_empty() || data.ends_with(b"\r\n");
        if at_line_start && line == b".\r\n" {
            return Ok(data);
        }
        let stuffed = at_line_start && line.starts_with(b".");
        data.extend_from_slice(&line[usize::from(stuffed)..]);
    }
}
