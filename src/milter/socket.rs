//! Listening sockets: TCP and Unix, several at once, own or handed over by systemd.
//!
//! A Unix socket appears with its final access mode (made under another name, then renamed), a stale
//! one is replaced, one that somebody answers on is left alone. An error of accept() (too many open
//! files, a client gone already) is told once in a while and tried again after 100 ms: never a busy
//! loop, never the end.

use super::guard::{Flow, Guarded};
use crate::socket::Socket;
use listenfd::ListenFd;
use std::fs;
use std::io;
use std::net::TcpListener as StdTcp;
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt};
use std::os::unix::net::{UnixListener as StdUnix, UnixStream as StdUnixStream};
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream, UnixListener, UnixStream};
use tokio::sync::oneshot;
use tokio::time::{Sleep, sleep};
use tracing::{error, info};

/// Until accept() is tried again.
const RETRY_TIME: Duration = Duration::from_millis(100);
/// Between lines about the same trouble.
const QUIET_TIME: Duration = Duration::from_secs(60);

/// A listening socket.
#[derive(Debug)]
pub struct Bound {
    name: String,
    listener: Either,
    /// Path, device and inode of a Unix socket we made: removed at the end if it is still that one.
    made: Option<(PathBuf, u64, u64)>,
}

#[derive(Debug)]
enum Either {
    Tcp(TcpListener),
    Unix(UnixListener),
}

/// Why a socket cannot be listened on.
#[derive(Debug, thiserror::Error)]
#[error("cannot listen on {socket}: {what}")]
pub struct BindError {
    /// The socket.
    pub socket: String,
    /// What is wrong, and what to do.
    pub what: String,
}

impl Bound {
    /// Listens on `socket`. Must be called within the runtime.
    pub async fn new(socket: &Socket, mode: u32) -> Result<Self, BindError> {
        let fail = |what: String| BindError { socket: socket.to_string(), what };
        match socket {
            Socket::Inet { host, port } => {
                let listener = TcpListener::bind((host.as_str(), *port)).await;
                let listener = listener.map_err(|e| fail(inet_remedy(&e)))?;
                Ok(Bound { name: socket.to_string(), listener: Either::Tcp(listener), made: None })
            }
            Socket::Unix(path) => {
                let (listener, device, inode) = bind_unix(path, mode).map_err(fail)?;
                let made = Some((path.clone(), device, inode));
                Ok(Bound { name: socket.to_string(), listener: Either::Unix(listener), made })
            }
        }
    }

    /// The sockets systemd opened for us (sd_listen_fds(3)).
    pub fn inherited() -> io::Result<Vec<Self>> {
        let mut fds = ListenFd::from_env();
        let mut bound = Vec::new();
        for index in 0..fds.len() {
            let tcp = fds.take_tcp_listener(index);
            let listener = match tcp {
                Ok(Some(listener)) => Either::Tcp(from_std_tcp(listener)?),
                Ok(None) => continue,
                Err(_) => match fds.take_unix_listener(index)? {
                    Some(listener) => {
                        listener.set_nonblocking(true)?;
                        Either::Unix(UnixListener::from_std(listener)?)
                    }
                    None => continue,
                },
            };
            bound.push(Bound { name: format!("socket {index} of systemd"), listener, made: None });
        }
        Ok(bound)
    }

    /// Its name, for the log.
    pub fn name(&self) -> &str {
        &self.name
    }
}

fn from_std_tcp(listener: StdTcp) -> io::Result<TcpListener> {
    listener.set_nonblocking(true)?;
    TcpListener::from_std(listener)
}

fn inet_remedy(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::AddrInUse => "another process listens there; stop it or choose another port".into(),
        io::ErrorKind::AddrNotAvailable => "no interface has this address".into(),
        io::ErrorKind::PermissionDenied => "ports below 1024 need privileges; choose a higher one".into(),
        _ => error.to_string(),
    }
}

fn bind_unix(path: &Path, mode: u32) -> Result<(UnixListener, u64, u64), String> {
    if let Ok(there) = fs::symlink_metadata(path) {
        if !there.file_type().is_socket() {
            return Err(
                "a file of this name is there and is no socket; remove it or choose another path".into()
            );
        }
        if StdUnixStream::connect(path).is_ok() {
            return Err("another process answers there; stop it or choose another path".into());
        }
    }
    let directory = path.parent().unwrap_or(Path::new("/"));
    let temporary = directory.join(format!(".{}", std::process::id()));
    let _ = fs::remove_file(&temporary);
    let made = || -> io::Result<(UnixListener, u64, u64)> {
        let listener = StdUnix::bind(&temporary)?;
        listener.set_nonblocking(true)?;
        fs::set_permissions(&temporary, fs::Permissions::from_mode(mode))?;
        let metadata = fs::symlink_metadata(&temporary)?;
        fs::rename(&temporary, path)?;
        Ok((UnixListener::from_std(listener)?, metadata.dev(), metadata.ino()))
    };
    made().map_err(|error| {
        let _ = fs::remove_file(&temporary);
        match error.kind() {
            io::ErrorKind::NotFound => format!("{} does not exist; create it", directory.display()),
            io::ErrorKind::PermissionDenied => {
                format!("{} must be writable for the daemon's user", directory.display())
            }
            _ => error.to_string(),
        }
    })
}

impl Drop for Bound {
    fn drop(&mut self) {
        let Some((path, device, inode)) = &self.made else { return };
        let same = |m: &fs::Metadata| m.dev() == *device && m.ino() == *inode;
        if fs::symlink_metadata(path).as_ref().is_ok_and(same) {
            let _ = fs::remove_file(path);
        }
    }
}

/// A connection.
#[derive(Debug)]
pub enum Stream {
    /// Over TCP.
    Tcp(TcpStream),
    /// Over a Unix socket.
    Unix(UnixStream),
}

/// All listening sockets.
#[derive(Debug)]
pub struct Acceptor {
    bound: Vec<Bound>,
    flow: Arc<Flow>,
    close: oneshot::Receiver<()>,
    closed: bool,
    next: usize,
    retry: Option<Pin<Box<Sleep>>>,
    told: Option<Instant>,
}

impl Acceptor {
    /// Accepts on all of these, in turn; closes them when `close` is sent.
    pub fn new(bound: Vec<Bound>, flow: Arc<Flow>, close: oneshot::Receiver<()>) -> Self {
        Acceptor { bound, flow, close, closed: false, next: 0, retry: None, told: None }
    }

    /// The next connection.
    pub fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Guarded<Stream>> {
        if self.closed || Pin::new(&mut self.close).poll(cx).is_ready() {
            if !std::mem::replace(&mut self.closed, true) {
                self.bound.clear();
                info!("no new connections are taken");
            }
            return Poll::Pending;
        }
        loop {
            if let Some(retry) = &mut self.retry {
                if retry.as_mut().poll(cx).is_pending() {
                    return Poll::Pending;
                }
                self.retry = None;
            }
            match self.poll_all(cx) {
                Poll::Ready(Ok(stream)) => return Poll::Ready(Guarded::new(stream, self.flow.clone())),
                Poll::Ready(Err(trouble)) => {
                    if self.told.is_none_or(|told| told.elapsed() > QUIET_TIME) {
                        self.told = Some(Instant::now());
                        error!("taking a connection: {trouble}; trying again every 100 ms");
                    }
                    self.retry = Some(Box::pin(sleep(RETRY_TIME)));
                }
                Poll::Pending => return Poll::Pending,
            }
        }
    }

    fn poll_all(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<Stream>> {
        let count = self.bound.len();
        for step in 0..count {
            let index = (self.next + step) % count;
            let Some(bound) = self.bound.get(index) else { continue };
            let accepted = match &bound.listener {
                Either::Tcp(listener) => listener.poll_accept(cx).map_ok(|(stream, _)| {
                    // Small replies must not wait for each other (Nagle): 40 ms a message.
                    let _ = stream.set_nodelay(true);
                    Stream::Tcp(stream)
                }),
                Either::Unix(listener) => listener.poll_accept(cx).map_ok(|(stream, _)| Stream::Unix(stream)),
            };
            if accepted.is_ready() {
                self.next = (index + 1) % count;
                return accepted;
            }
        }
        Poll::Pending
    }
}

impl AsyncRead for Stream {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Stream::Tcp(stream) => Pin::new(stream).poll_read(cx, buf),
            Stream::Unix(stream) => Pin::new(stream).poll_read(cx, buf),
        }
    }
}

impl AsyncWrite for Stream {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Stream::Tcp(stream) => Pin::new(stream).poll_write(cx, buf),
            Stream::Unix(stream) => Pin::new(stream).poll_write(cx, buf),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Stream::Tcp(stream) => Pin::new(stream).poll_flush(cx),
            Stream::Unix(stream) => Pin::new(stream).poll_flush(cx),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Stream::Tcp(stream) => Pin::new(stream).poll_shutdown(cx),
            Stream::Unix(stream) => Pin::new(stream).poll_shutdown(cx),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(name: &str) -> PathBuf {
        let path = std::env::temp_dir().join(format!("vpim-{name}-{}", std::process::id()));
        let _ = fs::remove_file(&path);
        path
    }

    #[tokio::test]
    async fn a_stale_socket_is_replaced_a_live_one_not_and_ours_removed() {
        let path = path("stale");
        drop(StdUnix::bind(&path).unwrap());
        let socket = Socket::Unix(path.clone());
        let first = Bound::new(&socket, 0o600).await.unwrap();
        assert_eq!(fs::symlink_metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        let error = Bound::new(&socket, 0o600).await.unwrap_err();
        assert!(error.to_string().contains("another process answers there"), "{error}");
        drop(first);
        assert!(!path.exists());
    }

    #[tokio::test]
    async fn a_file_that_is_no_socket_stays() {
        let path = path("file");
        fs::write(&path, "x").unwrap();
        assert!(Bound::new(&Socket::Unix(path.clone()), 0o600).await.is_err());
        assert_eq!(fs::read(&path).unwrap(), b"x");
        fs::remove_file(&path).unwrap();
    }

    #[tokio::test]
    async fn a_port_in_use_is_named() {
        let taken = StdTcp::bind("127.0.0.1:0").unwrap();
        let port = taken.local_addr().unwrap().port();
        let socket = Socket::Inet { host: "127.0.0.1".into(), port };
        let error = Bound::new(&socket, 0).await.unwrap_err();
        assert!(error.to_string().contains("another process listens there"), "{error}");
    }
}
