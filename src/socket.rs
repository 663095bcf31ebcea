//! Names of milter sockets, in the two notations administrators already have in their files.
//!
//! * libmilter and Sendmail: `inet:PORT@HOST`, `inet6:PORT@HOST`, `unix:/path`, `local:/path`
//! * Postfix (`smtpd_milters`): `inet:HOST:PORT` with an IPv6 address in brackets, `unix:/path`
//!
//! Both the daemon's listeners and the probe read them here. What is refused: a missing host
//! (libmilter would listen on every interface without saying so), relative paths (their meaning
//! depends on the directory the service was started in), port 0, and service names.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::net::Ipv6Addr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

/// Longest path of a Unix socket: `sun_path` of Linux holds 108 octets with the final NUL (unix(7)).
const UNIX_PATH_OCTETS: usize = 107;

/// Longest host name (RFC 1035 2.3.4, in its written form).
const HOST_OCTETS: usize = 253;

/// Where a milter listens.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Socket {
    /// A TCP socket.
    Inet {
        /// IPv4 or IPv6 address (without brackets) or host name.
        host: String,
        /// TCP port, never 0.
        port: u16,
    },
    /// A Unix domain socket; the path is absolute.
    Unix(PathBuf),
}

/// Why a socket name was refused, and what to write instead.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SocketError {
    /// No `inet:`, `inet6:`, `unix:` or `local:` in front.
    #[error("`{0}` names no kind of socket: write inet:PORT@HOST, inet:HOST:PORT or unix:/path")]
    UnknownKind(String),
    /// A port without a host.
    #[error(
        "`{0}` has no host: write inet:PORT@127.0.0.1 for this machine only, inet:PORT@0.0.0.0 for every interface"
    )]
    NoHost(String),
    /// A host without a port.
    #[error("`{0}` has no port: write inet:PORT@HOST, such as inet:8894@127.0.0.1")]
    NoPort(String),
    /// The port is no number from 1 to 65535.
    #[error("`{0}` is no port: write a number from 1 to 65535")]
    BadPort(String),
    /// The host cannot be a host name or an address.
    #[error("`{0}` is neither a host name nor an IP address: IPv6 addresses go in brackets, inet:[::1]:8894")]
    BadHost(String),
    /// `inet6:` with something else than an IPv6 address.
    #[error(
        "`{0}` is no IPv6 address: write inet6:PORT@::1, or inet:PORT@HOST for a name or an IPv4 address"
    )]
    NotIpv6(String),
    /// A Unix socket with a relative or empty path.
    #[error("`{0}` is no absolute path: write unix:/run/vpim-milter/milter.sock")]
    RelativePath(String),
    /// A Unix socket path with a NUL or longer than the system allows.
    #[error("the socket path `{0}` has a NUL or more than 107 octets: choose a shorter one below /run")]
    UnusablePath(String),
}

impl Socket {
    /// As `smtpd_milters` of Postfix wants it.
    pub fn to_postfix(&self) -> String {
        match self {
            Socket::Inet { host, port } if host.contains(':') => format!("inet:[{host}]:{port}"),
            Socket::Inet { host, port } => format!("inet:{host}:{port}"),
            Socket::Unix(path) => format!("unix:{}", path.display()),
        }
    }

    /// As libmilter and Sendmail's `S=` want it.
    pub fn to_libmilter(&self) -> String {
        match self {
            Socket::Inet { host, port } if host.contains(':') => format!("inet6:{port}@{host}"),
            Socket::Inet { host, port } => format!("inet:{port}@{host}"),
            Socket::Unix(path) => format!("unix:{}", path.display()),
        }
    }
}

impl fmt::Display for Socket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.to_libmilter())
    }
}

impl FromStr for Socket {
    type Err = SocketError;

    fn from_str(text: &str) -> Result<Self, SocketError> {
        let text = text.trim();
        let (kind, rest) = text.split_once(':').ok_or_else(|| SocketError::UnknownKind(text.to_owned()))?;
        match kind.to_ascii_lowercase().as_str() {
            "unix" | "local" => unix(rest),
            "inet" => inet(text, rest, false),
            "inet6" => inet(text, rest, true),
            _ => Err(SocketError::UnknownKind(text.to_owned())),
        }
    }
}

impl TryFrom<String> for Socket {
    type Error = SocketError;

    fn try_from(text: String) -> Result<Self, SocketError> {
        text.parse()
    }
}

impl From<Socket> for String {
    fn from(socket: Socket) -> String {
        socket.to_string()
    }
}

fn unix(path: &str) -> Result<Socket, SocketError> {
    if !Path::new(path).is_absolute() {
        return Err(SocketError::RelativePath(path.to_owned()));
    }
    let path = PathBuf::from(path);
    let octets = path.as_os_str().as_bytes();
    if octets.len() > UNIX_PATH_OCTETS || octets.contains(&0) {
        return Err(SocketError::UnusablePath(path.display().to_string()));
    }
    Ok(Socket::Unix(path))
}

/// `PORT@HOST` or `HOST:PORT`; `whole` is for messages.
fn inet(whole: &str, rest: &str, ipv6_only: bool) -> Result<Socket, SocketError> {
    let (host, port) = match rest.split_once('@') {
        Some((port, host)) => (host, port),
        None => host_and_port(whole, rest)?,
    };
    if host.is_empty() {
        return Err(SocketError::NoHost(whole.to_owned()));
    }
    if port.is_empty() {
        return Err(SocketError::NoPort(whole.to_owned()));
    }
    let host = host.strip_prefix('[').and_then(|h| h.strip_suffix(']')).unwrap_or(host);
    if ipv6_only && host.parse::<Ipv6Addr>().is_err() {
        return Err(SocketError::NotIpv6(host.to_owned()));
    }
    if !is_host(host) {
        return Err(SocketError::BadHost(host.to_owned()));
    }
    Ok(Socket::Inet { host: host.to_owned(), port: port_number(port)? })
}

/// Postfix's order. A lone number is a port without host, anything else alone a host without port.
fn host_and_port<'a>(whole: &str, rest: &'a str) -> Result<(&'a str, &'a str), SocketError> {
    match rest.rsplit_once(':') {
        // An IPv6 address without brackets: its last group must not be taken for a port.
        Some((host, _)) if host.contains(':') && !host.starts_with('[') => {
            Err(SocketError::BadHost(rest.to_owned()))
        }
        Some((host, port)) if !port.ends_with(']') => Ok((host, port)),
        None if !rest.is_empty() && rest.bytes().all(|b| b.is_ascii_digit()) => {
            Err(SocketError::NoHost(whole.to_owned()))
        }
        _ => Err(SocketError::NoPort(whole.to_owned())),
    }
}

fn port_number(text: &str) -> Result<u16, SocketError> {
    // `u16::from_str` takes "+25"; a configuration should not.
    if !text.bytes().all(|b| b.is_ascii_digit()) {
        return Err(SocketError::BadPort(text.to_owned()));
    }
    match text.parse() {
        Ok(0) | Err(_) => Err(SocketError::BadPort(text.to_owned())),
        Ok(port) => Ok(port),
    }
}

fn is_host(host: &str) -> bool {
    if host.contains(':') {
        return host.parse::<Ipv6Addr>().is_ok();
    }
    host.len() <= HOST_OCTETS
        && host.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b'_'))
        && host.split('.').all(|label| !label.is_empty() && !label.starts_with('-'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn inet(host: &str, port: u16) -> Socket {
        Socket::Inet { host: host.to_owned(), port }
    }

    #[test]
    fn both_notations_name_the_same_socket() {
        for (text, socket) in [
            ("inet:8894@127.0.0.1", inet("127.0.0.1", 8894)),
            ("inet:127.0.0.1:8894", inet("127.0.0.1", 8894)),
            ("INET:8894@Mx.example.test", inet("Mx.example.test", 8894)),
            ("inet:localhost:1", inet("localhost", 1)),
            ("inet6:65535@::1", inet("::1", 65535)),
            ("inet6:8894@[2001:db8::1]", inet("2001:db8::1", 8894)),
            ("inet:[::1]:8894", inet("::1", 8894)),
            ("inet:8894@::1", inet("::1", 8894)),
            ("unix:/run/x/milter.sock", Socket::Unix("/run/x/milter.sock".into())),
            (" local:/run/x/milter.sock\n", Socket::Unix("/run/x/milter.sock".into())),
        ] {
            assert_eq!(text.parse(), Ok(socket), "{text}");
        }
    }

    #[test]
    fn renderings_are_what_each_mta_reads() {
        let v6 = inet("::1", 8894);
        assert_eq!(v6.to_postfix(), "inet:[::1]:8894");
        assert_eq!(v6.to_libmilter(), "inet6:8894@::1");
        let v4 = inet("192.0.2.1", 25);
        assert_eq!(v4.to_postfix(), "inet:192.0.2.1:25");
        assert_eq!(v4.to_string(), "inet:25@192.0.2.1");
        let path = Socket::Unix("/run/a b.sock".into());
        for socket in [v6, v4, path] {
            assert_eq!(socket.to_postfix().parse(), Ok(socket.clone()));
            assert_eq!(socket.to_libmilter().parse(), Ok(socket));
        }
    }

    #[test]
    fn bad_names_are_refused_with_their_reason() {
        use SocketError::*;
        let s = str::to_owned;
        for (text, error) in [
            ("", UnknownKind(s(""))),
            ("/run/x.sock", UnknownKind(s("/run/x.sock"))),
            ("tcp:1@h", UnknownKind(s("tcp:1@h"))),
            ("inet:", NoPort(s("inet:"))),
            ("inet:8894", NoHost(s("inet:8894"))),
            ("inet:8894@", NoHost(s("inet:8894@"))),
            ("inet::8894", NoHost(s("inet::8894"))),
            ("inet:@h", NoPort(s("inet:@h"))),
            ("inet:localhost", NoPort(s("inet:localhost"))),
            ("inet:localhost:", NoPort(s("inet:localhost:"))),
            ("inet:[::1]", NoPort(s("inet:[::1]"))),
            ("inet:0@h", BadPort(s("0"))),
            ("inet:65536@h", BadPort(s("65536"))),
            ("inet:+25@h", BadPort(s("+25"))),
            ("inet:smtp@h", BadPort(s("smtp"))),
            ("inet:99999999999999999999@h", BadPort(s("99999999999999999999"))),
            ("inet:25@a b", BadHost(s("a b"))),
            ("inet:25@a..b", BadHost(s("a..b"))),
            ("inet:25@*", BadHost(s("*"))),
            ("inet:25@h@g", BadHost(s("h@g"))),
            ("inet:::1:25", BadHost(s("::1:25"))),
            ("inet:25@[::g]", BadHost(s("::g"))),
            ("inet6:25@127.0.0.1", NotIpv6(s("127.0.0.1"))),
            ("inet6:25@localhost", NotIpv6(s("localhost"))),
            ("unix:run/x", RelativePath(s("run/x"))),
            ("unix:", RelativePath(s(""))),
            ("unix:/a\0b", UnusablePath(s("/a\0b"))),
        ] {
            assert_eq!(text.parse::<Socket>(), Err(error), "{text}");
        }
        let longest = format!("unix:/{}", "x".repeat(UNIX_PATH_OCTETS - 1));
        assert!(longest.parse::<Socket>().is_ok());
        assert!(matches!(format!("{longest}x").parse::<Socket>(), Err(UnusablePath(_))));
    }

    #[test]
    fn a_configuration_holds_a_socket_as_text() {
        let sockets: Vec<Socket> = serde_json::from_str(r#"["inet:25@h", "unix:/s"]"#).unwrap();
        assert_eq!(serde_json::to_string(&sockets).unwrap(), r#"["inet:25@h","unix:/s"]"#);
        let error = serde_json::from_str::<Socket>(r#""inet:25""#).unwrap_err().to_string();
        assert!(error.contains("inet:PORT@127.0.0.1"), "{error}");
    }
}
