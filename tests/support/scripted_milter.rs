//! A milter in a thread that says what the test tells it to, right or wrong, and keeps every packet
//! it was sent. It knows nothing of the library under test. Shared by the unit tests of `probe` and
//! by tests with a real MTA.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::sync::{Arc, Mutex};

/// A packet from the MTA.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Command {
    /// Counts connections from 0.
    pub connection: usize,
    pub letter: u8,
    pub data: Vec<u8>,
}

/// What to do instead of the normal answer.
pub enum Answer {
    /// CONTINUE where an answer is due.
    Normal,
    /// These octets, as they are; see [`packet`].
    Send(Vec<u8>),
    /// These octets, then the connection is closed.
    SendAndClose(Vec<u8>),
}

type Script = dyn Fn(&Command) -> Answer + Send + Sync;

/// Answer to the option negotiation, and the script.
pub struct Behaviour {
    pub version: u32,
    pub actions: u32,
    pub protocol: u32,
    /// Stage number and names, as SETSYMLIST.
    pub macros: Vec<(u32, &'static str)>,
    pub script: Box<Script>,
}

impl Behaviour {
    /// Sees everything, answers everything, changes nothing.
    pub fn no_op() -> Self {
        Self::scripted(|_| Answer::Normal)
    }

    /// Sees everything; the script answers.
    pub fn scripted(script: impl Fn(&Command) -> Answer + Send + Sync + 'static) -> Self {
        Behaviour { version: 6, actions: 0x1ff, protocol: 0, macros: Vec::new(), script: Box::new(script) }
    }

    /// At end of message these packets, then CONTINUE.
    pub fn modifying(packets: Vec<u8>) -> Self {
        Self::scripted(move |c| match c.letter {
            b'E' => Answer::Send([packets.clone(), packet(b'c', b"")].concat()),
            _ => Answer::Normal,
        })
    }
}

/// One packet in its wire form.
pub fn packet(letter: u8, data: &[u8]) -> Vec<u8> {
    let length = u32::try_from(data.len() + 1).expect("a test's packet is short");
    [&length.to_be_bytes()[..], &[letter], data].concat()
}

/// ADDHEADER.
pub fn add_header(name: &str, value: &str) -> Vec<u8> {
    packet(b'h', format!("{name}\0{value}\0").as_bytes())
}

/// INSHEADER.
pub fn insert_header(index: u32, name: &str, value: &str) -> Vec<u8> {
    packet(b'i', &[&index.to_be_bytes()[..], format!("{name}\0{value}\0").as_bytes()].concat())
}

/// CHGHEADER; an empty value deletes.
pub fn change_header(index: u32, name: &str, value: &str) -> Vec<u8> {
    packet(b'm', &[&index.to_be_bytes()[..], format!("{name}\0{value}\0").as_bytes()].concat())
}

/// REPLBODY in packets of at most 65535 octets.
pub fn replace_body(body: &[u8]) -> Vec<u8> {
    if body.is_empty() {
        return packet(b'b', b"");
    }
    body.chunks(65_535).flat_map(|chunk| packet(b'b', chunk)).collect()
}

/// The running milter. It stops listening when dropped.
pub struct ScriptedMilter {
    /// 0 for a Unix socket.
    port: u16,
    socket: String,
    seen: Arc<Mutex<Vec<Command>>>,
    stop: Arc<Mutex<bool>>,
}

impl ScriptedMilter {
    /// On a free loopback port.
    pub fn start(behaviour: Behaviour) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free loopback port");
        let port = listener.local_addr().expect("a bound socket has an address").port();
        let accept = move || {
            let stream = listener.accept()?.0;
            stream.set_nodelay(true)?;
            Ok(stream)
        };
        Self::run(behaviour, format!("inet:{port}@127.0.0.1"), port, accept)
    }

    /// On a Unix socket that every user may write to. It listens until the process ends.
    pub fn start_unix(behaviour: Behaviour, path: &Path) -> Self {
        let listener = UnixListener::bind(path).expect("a new socket");
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o666)).expect("own socket");
        Self::run(behaviour, format!("unix:{}", path.display()), 0, move || Ok(listener.accept()?.0))
    }

    fn run<S: Read + Write + Send + 'static>(
        behaviour: Behaviour,
        socket: String,
        port: u16,
        accept: impl Fn() -> std::io::Result<S> + Send + 'static,
    ) -> Self {
        let seen = Arc::new(Mutex::new(Vec::new()));
        let stop = Arc::new(Mutex::new(false));
        let (log, stopped, behaviour) = (seen.clone(), stop.clone(), Arc::new(behaviour));
        std::thread::spawn(move || {
            for connection in 0.. {
                let Ok(stream) = accept() else { return };
                if *stopped.lock().expect("no panic holds this lock") {
                    return;
                }
                let (log, behaviour) = (log.clone(), behaviour.clone());
                std::thread::spawn(move || serve(stream, connection, &behaviour, &log));
            }
        });
        ScriptedMilter { port, socket, seen, stop }
    }

    /// In libmilter's notation.
    pub fn socket(&self) -> String {
        self.socket.clone()
    }

    /// In Postfix's notation.
    pub fn postfix_socket(&self) -> String {
        if self.port == 0 { self.socket.clone() } else { format!("inet:127.0.0.1:{}", self.port) }
    }

    /// Every packet so far.
    pub fn seen(&self) -> Vec<Command> {
        self.seen.lock().expect("no panic holds this lock").clone()
    }

    /// The packets of the newest connection. A real MTA has others: at start-up, and in parallel.
    pub fn last_connection(&self) -> Vec<Command> {
        let mut packets = self.seen();
        let newest = packets.iter().map(|c| c.connection).max();
        packets.retain(|c| Some(c.connection) == newest);
        packets
    }

    /// The letters of all packets but macros on the newest connection.
    pub fn letters(&self) -> String {
        let packets = self.last_connection();
        packets.iter().filter(|c| c.letter != b'D').map(|c| char::from(c.letter)).collect()
    }

    /// Names and values of the `nth` macro packet for a stage.
    pub fn macros(&self, stage: u8, nth: usize) -> Option<Vec<String>> {
        let packets = self.seen();
        let packet =
            packets.iter().filter(|c| c.letter == b'D' && c.data.first() == Some(&stage)).nth(nth)?;
        let text = packet.data.get(1..)?.strip_suffix(b"\0").unwrap_or_default();
        Some(text.split(|&b| b == 0).map(|t| String::from_utf8_lossy(t).into_owned()).collect())
    }

    /// The body packets of all messages put together.
    pub fn body(&self) -> Vec<u8> {
        self.seen().into_iter().filter(|c| c.letter == b'B').flat_map(|c| c.data).collect()
    }
}

impl Drop for ScriptedMilter {
    fn drop(&mut self) {
        *self.stop.lock().expect("no panic holds this lock") = true;
        // Wakes the thread that accepts, so that the port is free again.
        if self.port != 0 {
            let _ = TcpStream::connect((Ipv4Addr::LOCALHOST, self.port));
        }
    }
}

fn serve(mut stream: impl Read + Write, connection: usize, behaviour: &Behaviour, log: &Mutex<Vec<Command>>) {
    while let Some(command) = read_command(&mut stream, connection) {
        log.lock().expect("no panic holds this lock").push(command.clone());
        let sent = match (behaviour.script)(&command) {
            Answer::Send(octets) => stream.write_all(&octets),
            Answer::SendAndClose(octets) => {
                let _ = stream.write_all(&octets);
                return;
            }
            Answer::Normal if command.letter == b'Q' => return,
            Answer::Normal => stream.write_all(&normal(command.letter, behaviour)),
        };
        if sent.is_err() {
            return;
        }
    }
}

fn read_command(stream: &mut impl Read, connection: usize) -> Option<Command> {
    let mut head = [0; 5];
    stream.read_exact(&mut head).ok()?;
    let [a, b, c, d, letter] = head;
    let length = usize::try_from(u32::from_be_bytes([a, b, c, d])).ok()?;
    let mut data = vec![0; length.checked_sub(1).filter(|n| *n < 64 << 20)?];
    stream.read_exact(&mut data).ok()?;
    Some(Command { connection, letter, data })
}

fn normal(letter: u8, behaviour: &Behaviour) -> Vec<u8> {
    let silent = match letter {
        b'O' => return options(behaviour),
        b'D' | b'A' | b'Q' | b'K' => return Vec::new(),
        b'C' => 0x1000,
        b'H' => 0x2000,
        b'M' => 0x4000,
        b'R' => 0x8000,
        b'T' => 0x1_0000,
        b'L' => 0x80,
        b'N' => 0x4_0000,
        b'B' => 0x8_0000,
        b'U' => 0x2_0000,
        _ => 0,
    };
    if behaviour.protocol & silent != 0 { Vec::new() } else { packet(b'c', b"") }
}

fn options(behaviour: &Behaviour) -> Vec<u8> {
    let Behaviour { version, actions, protocol, macros, .. } = behaviour;
    let mut data = [version, actions, protocol].map(|n| n.to_be_bytes()).concat();
    for (stage, names) in macros {
        data.extend_from_slice(&stage.to_be_bytes());
        data.extend_from_slice(names.as_bytes());
        data.push(0);
    }
    packet(b'O', &data)
}
