//! Packets of the milter protocol on a blocking socket: a length of four octets (big-endian, it
//! counts the letter), a letter, data.
//!
//! Defends against a milter that claims huge lengths (the buffer grows only with what arrives),
//! sends nothing (a deadline for every packet) or never stops sending (a bound for one message).

use crate::socket::Socket;
use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpStream, ToSocketAddrs};
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

/// Longest packet taken. MTAs take packets far above the 65535 octets that libmilter sends.
const PACKET_OCTETS: usize = 16 << 20;

/// Octets read by one call.
const READ_OCTETS: usize = 64 << 10;

/// Most octets a milter may send between two calls of [`Wire::begin_message`].
const MESSAGE_OCTETS: u64 = 512 << 20;

/// What went wrong between the two ends.
#[derive(Debug, thiserror::Error)]
pub enum WireError {
    /// The milter closed the connection where a reply was due.
    #[error("the milter closed the connection")]
    Closed,
    /// No reply within the time-out.
    #[error("no reply within {0:?}")]
    Timeout(Duration),
    /// A packet of length 0 or longer than any MTA takes.
    #[error("a packet that claims {0} octets")]
    PacketLength(u32),
    /// More replies than a message can need.
    #[error("more than {MESSAGE_OCTETS} octets of replies to one message")]
    Flood,
    /// The connection was dropped here on purpose.
    #[error("the connection was dropped on request")]
    Dropped,
    /// Anything else the system reports.
    #[error(transparent)]
    Io(#[from] io::Error),
}

/// One packet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Packet {
    pub letter: u8,
    pub data: Vec<u8>,
}

#[derive(Debug)]
enum Stream {
    Tcp(TcpStream),
    Unix(UnixStream),
}

/// One connection to a milter.
#[derive(Debug)]
pub(super) struct Wire {
    stream: Stream,
    timeout: Duration,
    /// Received and not yet taken.
    input: Vec<u8>,
    received: u64,
    /// Octets that may still be written before the connection is cut.
    write_left: Option<u64>,
}

impl Wire {
    pub fn connect(socket: &Socket, timeout: Duration) -> io::Result<Self> {
        // A zero time-out means "for ever" to the system, and an error to std.
        let timeout = timeout.max(Duration::from_millis(1));
        let stream = match socket {
            Socket::Inet { host, port } => Stream::Tcp(connect_tcp(host, *port, timeout)?),
            Socket::Unix(path) => Stream::Unix(UnixStream::connect(path)?),
        };
        let wire = Wire { stream, timeout, input: Vec::new(), received: 0, write_left: None };
        match &wire.stream {
            Stream::Tcp(s) => s.set_write_timeout(Some(timeout))?,
            Stream::Unix(s) => s.set_write_timeout(Some(timeout))?,
        }
        Ok(wire)
    }

    /// Starts the count of received octets anew, and takes back [`Wire::cut_after`].
    pub fn begin_message(&mut self) {
        self.received = 0;
        self.write_left = None;
    }

    /// Cuts the connection after so many more octets were written.
    pub fn cut_after(&mut self, octets: u64) {
        self.write_left = Some(octets);
    }

    /// Writes one packet made of `parts`.
    pub fn send(&mut self, letter: u8, parts: &[&[u8]]) -> Result<usize, WireError> {
        let length: usize = 1 + parts.iter().map(|p| p.len()).sum::<usize>();
        let claimed = u32::try_from(length).map_err(|_| WireError::PacketLength(u32::MAX))?;
        let mut packet = Vec::with_capacity(length + 4);
        packet.extend_from_slice(&claimed.to_be_bytes());
        packet.push(letter);
        for part in parts {
            packet.extend_from_slice(part);
        }
        self.write(&packet)?;
        Ok(packet.len())
    }

    fn write(&mut self, octets: &[u8]) -> Result<(), WireError> {
        let Some(left) = self.write_left else {
            return Ok(self.stream.write_all(octets)?);
        };
        let whole = u64::try_from(octets.len()).unwrap_or(u64::MAX);
        if whole < left {
            self.write_left = Some(left - whole);
            return Ok(self.stream.write_all(octets)?);
        }
        let part = octets.get(..usize::try_from(left).unwrap_or(usize::MAX)).unwrap_or(octets);
        self.stream.write_all(part)?;
        self.shut_down();
        Err(WireError::Dropped)
    }

    /// The next packet, within the time-out.
    pub fn receive(&mut self) -> Result<Packet, WireError> {
        let deadline = Instant::now() + self.timeout;
        loop {
            if let Some(packet) = self.take_packet()? {
                return Ok(packet);
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Err(WireError::Timeout(self.timeout));
            }
            self.stream.set_read_timeout(left.max(Duration::from_millis(1)))?;
            match self.fill() {
                Ok(0) => return Err(WireError::Closed),
                Err(WireError::Io(e)) if is_timeout(&e) => return Err(WireError::Timeout(self.timeout)),
                Err(e) => return Err(e),
                Ok(_) => {}
            }
        }
    }

    /// The next packet that is here already, without waiting.
    pub fn receive_ready(&mut self) -> Result<Option<Packet>, WireError> {
        if let Some(packet) = self.take_packet()? {
            return Ok(Some(packet));
        }
        self.stream.set_nonblocking(true)?;
        let filled = self.fill();
        self.stream.set_nonblocking(false)?;
        match filled {
            // The end of the connection is found by whoever needs the next reply.
            Ok(0) => Ok(None),
            Ok(_) => self.take_packet(),
            Err(WireError::Io(e)) if is_timeout(&e) => Ok(None),
            Err(e) => Err(e),
        }
    }

    /// Packets up to the end of the connection; `true` when the milter ended it within `wait`.
    pub fn drain(&mut self, wait: Duration) -> (Vec<Packet>, bool) {
        let _ = self.stream.shutdown(Shutdown::Write);
        self.timeout = wait.max(Duration::from_millis(1));
        let mut packets = Vec::new();
        loop {
            match self.receive() {
                Ok(packet) => packets.push(packet),
                Err(WireError::Closed) => return (packets, true),
                Err(_) => return (packets, false),
            }
        }
    }

    /// Ends the connection in both directions.
    pub fn shut_down(&mut self) {
        let _ = self.stream.shutdown(Shutdown::Both);
    }

    fn fill(&mut self) -> Result<usize, WireError> {
        let mut buffer = vec![0; READ_OCTETS];
        let n = loop {
            match self.stream.read(&mut buffer) {
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                Err(e) if e.kind() == io::ErrorKind::ConnectionReset => return Err(WireError::Closed),
                other => break other?,
            }
        };
        self.received += u64::try_from(n).unwrap_or(u64::MAX);
        if self.received > MESSAGE_OCTETS {
            return Err(WireError::Flood);
        }
        self.input.extend(buffer.iter().take(n));
        Ok(n)
    }

    fn take_packet(&mut self) -> Result<Option<Packet>, WireError> {
        let Some((&head, rest)) = self.input.split_first_chunk::<4>() else { return Ok(None) };
        let claimed = u32::from_be_bytes(head);
        let length = usize::try_from(claimed).unwrap_or(usize::MAX);
        if length == 0 || length > PACKET_OCTETS {
            return Err(WireError::PacketLength(claimed));
        }
        let Some((&letter, data)) = rest.get(..length).and_then(|packet| packet.split_first()) else {
            return Ok(None);
        };
        let packet = Packet { letter, data: data.to_vec() };
        self.input.drain(..4 + length);
        Ok(Some(packet))
    }
}

fn connect_tcp(host: &str, port: u16, timeout: Duration) -> io::Result<TcpStream> {
    let mut failure = io::Error::new(io::ErrorKind::NotFound, "the host name has no address");
    for address in (host, port).to_socket_addrs()? {
        match TcpStream::connect_timeout(&address, timeout) {
            Ok(stream) => {
                stream.set_nodelay(true)?;
                return Ok(stream);
            }
            Err(e) => failure = e,
        }
    }
    Err(failure)
}

fn is_timeout(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut)
}

impl Stream {
    fn set_read_timeout(&self, timeout: Duration) -> io::Result<()> {
        match self {
            Stream::Tcp(s) => s.set_read_timeout(Some(timeout)),
            Stream::Unix(s) => s.set_read_timeout(Some(timeout)),
        }
    }

    fn set_nonblocking(&self, on: bool) -> io::Result<()> {
        match self {
            Stream::Tcp(s) => s.set_nonblocking(on),
            Stream::Unix(s) => s.set_nonblocking(on),
        }
    }

    fn shutdown(&self, how: Shutdown) -> io::Result<()> {
        match self {
            Stream::Tcp(s) => s.shutdown(how),
            Stream::Unix(s) => s.shutdown(how),
        }
    }
}

impl Read for Stream {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Stream::Tcp(s) => s.read(buffer),
            Stream::Unix(s) => s.read(buffer),
        }
    }
}

impl Write for Stream {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        match self {
            Stream::Tcp(s) => s.write(buffer),
            Stream::Unix(s) => s.write(buffer),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
