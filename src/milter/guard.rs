//! Every octet between us and an MTA passes here.
//!
//! The protocol library reads frames, calls back, and writes each reply at once. This wrapper of the
//! connection adds what it has no setting for:
//!
//! * Frames in: 64 octets before the options are agreed on, 1 MiB after; never of length 0.
//! * Time: 30 s for the first frame, 30 s from the first octet of a frame to its last, 600 s between
//!   frames (an SMTP client may be silent for 5 minutes, RFC 5321 4.5.3.2), 30 s for a write.
//! * Modifications are held back until the reply that ends the message, and leave with it in one run.
//!   A connection or process that dies before has changed nothing: Postfix with
//!   `milter_default_action = accept` would deliver the message with a cut body, or lose it.
//! * The messages in flight are counted, for a shutdown that waits for them; while shutting down no
//!   new message is begun.
//!
//! Limits: held modifications cost their size in memory once more. When the connection breaks while
//! the run is being written, the MTA has a part of it without final reply; its default action decides.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::sync::Notify;
use tokio::time::{Sleep, sleep};

/// Octets of a frame's data before the options are agreed on.
const FIRST_FRAME_OCTETS: usize = 64;
/// Octets of a frame's data.
const FRAME_OCTETS: usize = (1 << 20) - 1;
/// Until the first frame is there.
const FIRST_FRAME_TIME: Duration = Duration::from_secs(30);
/// From the first to the last octet of a frame.
const FRAME_TIME: Duration = Duration::from_secs(30);
/// Between frames.
const IDLE_TIME: Duration = Duration::from_secs(600);
/// Without any octet taken by the MTA.
const WRITE_TIME: Duration = Duration::from_secs(30);
/// Capacity kept between messages.
const KEPT_OCTETS: usize = 64 << 10;

/// What all connections share: messages in flight, and whether new ones may begin.
#[derive(Debug, Default)]
pub struct Flow {
    in_flight: AtomicUsize,
    draining: AtomicBool,
    changed: Notify,
}

impl Flow {
    /// No message is begun any more.
    pub fn drain(&self) {
        self.draining.store(true, Ordering::SeqCst);
        self.changed.notify_waiters();
    }

    /// Whether the process is about to end.
    pub fn is_draining(&self) -> bool {
        self.draining.load(Ordering::SeqCst)
    }

    /// Messages begun and not ended.
    pub fn in_flight(&self) -> usize {
        self.in_flight.load(Ordering::SeqCst)
    }

    /// Returns once no message is in flight.
    pub async fn idle(&self) {
        loop {
            let changed = self.changed.notified();
            if self.in_flight() == 0 {
                return;
            }
            changed.await;
        }
    }

    fn begin(&self) {
        self.in_flight.fetch_add(1, Ordering::SeqCst);
    }

    fn end(&self) {
        self.in_flight.fetch_sub(1, Ordering::SeqCst);
        self.changed.notify_waiters();
    }
}

/// Where the reader is in the stream of frames.
#[derive(Debug, Default)]
struct Inbound {
    head: [u8; 5],
    head_octets: usize,
    /// Octets of the frame's data still to come.
    rest: usize,
    /// Whole frames seen.
    frames: u64,
    /// Between MAIL and the end of the message.
    in_message: bool,
    /// The end of the message was seen, its reply is still due.
    at_end: bool,
}

impl Inbound {
    /// Follows the octets read.
    fn follow(&mut self, mut octets: &[u8], flow: &Flow) -> io::Result<()> {
        while let Some((&octet, tail)) = octets.split_first() {
            if self.rest > 0 {
                let taken = self.rest.min(octets.len());
                self.rest -= taken;
                octets = octets.get(taken..).unwrap_or_default();
                self.close_frame();
                continue;
            }
            if let Some(slot) = self.head.get_mut(self.head_octets) {
                *slot = octet;
                self.head_octets += 1;
            }
            octets = tail;
            if self.head_octets == self.head.len() {
                self.open_frame(flow)?;
                self.close_frame();
            }
        }
        Ok(())
    }

    fn open_frame(&mut self, flow: &Flow) -> io::Result<()> {
        let [a, b, c, d, command] = self.head;
        let length = usize::try_from(u32::from_be_bytes([a, b, c, d])).unwrap_or(usize::MAX);
        let limit = if self.frames == 0 { FIRST_FRAME_OCTETS } else { FRAME_OCTETS };
        match length.checked_sub(1) {
            Some(data) if data <= limit => self.rest = data,
            _ => return Err(io::Error::new(io::ErrorKind::InvalidData, "frame of forbidden length")),
        }
        match command {
            b'M' if flow.is_draining() => {
                return Err(io::Error::new(io::ErrorKind::ConnectionAborted, "shutting down"));
            }
            b'M' if !self.in_message => {
                self.in_message = true;
                self.at_end = false;
                flow.begin();
            }
            b'A' | b'Q' | b'K' => self.end_message(flow),
            b'E' => self.at_end = true,
            _ => {}
        }
        Ok(())
    }

    fn close_frame(&mut self) {
        if self.rest == 0 {
            self.head_octets = 0;
            self.frames = self.frames.saturating_add(1);
        }
    }

    /// Follows a reply that is on its way to the MTA.
    fn replied(&mut self, reply: u8, flow: &Flow) {
        let ends = match reply {
            b'a' => true,
            b'c' | b'r' | b't' | b'y' | b'd' => self.at_end,
            _ => false,
        };
        if ends {
            self.end_message(flow);
        }
    }

    fn end_message(&mut self, flow: &Flow) {
        self.at_end = false;
        if std::mem::take(&mut self.in_message) {
            flow.end();
        }
    }

    /// How long to wait for the next octet.
    fn patience(&self) -> Duration {
        match (self.frames, self.head_octets) {
            (0, _) => FIRST_FRAME_TIME,
            (_, 0) => IDLE_TIME,
            _ => FRAME_TIME,
        }
    }
}

/// Replies on their way out.
#[derive(Debug, Default)]
struct Outbound {
    octets: Vec<u8>,
    /// Start of the first frame not looked at.
    parsed: usize,
    /// Octets that may leave.
    released: usize,
    /// Octets that have left.
    written: usize,
    /// The last reply released.
    last_reply: Option<u8>,
}

impl Outbound {
    /// Looks at the frames that are complete and releases everything up to the last reply that is no
    /// modification.
    fn release(&mut self) {
        while let Some(([a, b, c, d, command], _)) =
            self.octets.get(self.parsed..).and_then(|rest| rest.split_first_chunk::<5>())
        {
            let length = usize::try_from(u32::from_be_bytes([*a, *b, *c, *d])).unwrap_or(usize::MAX);
            let end = self.parsed.saturating_add(4).saturating_add(length);
            if end > self.octets.len() {
                return;
            }
            let command = *command;
            self.parsed = end;
            if !is_modification(command) {
                self.released = end;
                self.last_reply = Some(command);
            }
        }
    }

    fn clear(&mut self) {
        self.octets.drain(..self.released);
        self.octets.shrink_to(KEPT_OCTETS);
        self.parsed -= self.released;
        self.released = 0;
        self.written = 0;
    }
}

/// SMFIR_ADDHEADER and its like: all that ask for a change and do not end the message.
fn is_modification(reply: u8) -> bool {
    matches!(reply, b'+' | b'2' | b'-' | b'b' | b'e' | b'h' | b'i' | b'm' | b'q')
}

/// A connection under guard.
#[derive(Debug)]
pub struct Guarded<S> {
    io: S,
    flow: Arc<Flow>,
    inbound: Inbound,
    outbound: Outbound,
    /// The running wait for octets, and the frames and head octets it began with.
    reading: Option<((u64, bool), Pin<Box<Sleep>>)>,
    writing: Option<Pin<Box<Sleep>>>,
}

impl<S> Guarded<S> {
    /// Puts a connection under guard.
    pub fn new(io: S, flow: Arc<Flow>) -> Self {
        let (inbound, outbound) = Default::default();
        Guarded { io, flow, inbound, outbound, reading: None, writing: None }
    }
}

impl<S> Drop for Guarded<S> {
    fn drop(&mut self) {
        self.inbound.end_message(&self.flow);
    }
}

fn timed_out(what: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::TimedOut, what)
}

impl<S: AsyncRead + Unpin> AsyncRead for Guarded<S> {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let before = buf.filled().len();
        if let Poll::Ready(result) = Pin::new(&mut this.io).poll_read(cx, buf) {
            result?;
            let new = buf.filled().get(before..).unwrap_or_default();
            return Poll::Ready(this.inbound.follow(new, &this.flow));
        }
        let key = (this.inbound.frames, this.inbound.head_octets > 0);
        if this.reading.as_ref().is_none_or(|(armed, _)| *armed != key) {
            this.reading = Some((key, Box::pin(sleep(this.inbound.patience()))));
        }
        let Some((_, timer)) = &mut this.reading else { return Poll::Pending };
        ready!(timer.as_mut().poll(cx));
        this.reading = None;
        Poll::Ready(Err(timed_out("the MTA is silent")))
    }
}

impl<S: AsyncWrite + Unpin> Guarded<S> {
    fn poll_released(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while let Some(rest) =
            self.outbound.octets.get(self.outbound.written..self.outbound.released).filter(|r| !r.is_empty())
        {
            match Pin::new(&mut self.io).poll_write(cx, rest) {
                Poll::Ready(Ok(0)) => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                Poll::Ready(Ok(n)) => {
                    self.outbound.written += n;
                    self.writing = None;
                }
                Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
                Poll::Pending => {
                    let timer = self.writing.get_or_insert_with(|| Box::pin(sleep(WRITE_TIME)));
                    ready!(timer.as_mut().poll(cx));
                    return Poll::Ready(Err(timed_out("the MTA takes nothing")));
                }
            }
        }
        self.outbound.clear();
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Guarded<S> {
    fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, octets: &[u8]) -> Poll<io::Result<usize>> {
        // Bounded by what the core may write for a message (`limits.output_bytes`).
        self.get_mut().outbound.octets.extend_from_slice(octets);
        Poll::Ready(Ok(octets.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        this.outbound.release();
        ready!(this.poll_released(cx))?;
        ready!(Pin::new(&mut this.io).poll_flush(cx))?;
        if let Some(reply) = this.outbound.last_reply.take() {
            this.inbound.replied(reply, &this.flow);
        }
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        // Modifications without the reply that ends the message never leave.
        Pin::new(&mut self.get_mut().io).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};
    use tokio::time::{Instant, timeout};

    fn pair() -> (DuplexStream, Guarded<DuplexStream>, Arc<Flow>) {
        let flow = Arc::new(Flow::default());
        let (mta, ours) = duplex(1 << 16);
        (mta, Guarded::new(ours, flow.clone()), flow)
    }

    fn frame(command: u8, data: &[u8]) -> Vec<u8> {
        let mut frame = u32::try_from(data.len() + 1).unwrap().to_be_bytes().to_vec();
        frame.push(command);
        frame.extend_from_slice(data);
        frame
    }

    async fn read(
        guarded: &mut Guarded<DuplexStream>,
        frames: &[u8],
        mta: &mut DuplexStream,
    ) -> io::Result<()> {
        mta.write_all(frames).await.unwrap();
        let mut got = vec![0; frames.len()];
        let mut at = 0;
        while at < got.len() {
            at += guarded.read(&mut got[at..]).await?;
        }
        assert_eq!(got, frames);
        Ok(())
    }

    #[tokio::test]
    async fn frames_of_forbidden_length_close_the_connection() {
        for (first, bad) in [
            (&b""[..], &b"\0\0\0\x42O"[..]),
            (b"", b"\0\0\0\0O"),
            (b"", b"GET / HTTP/1.1\r\n"),
            (b"\0\0\0\x0dO123456789012", b"\0\x10\0\x01B"),
            (b"\0\0\0\x0dO123456789012", b"\xff\xff\xff\xffB"),
        ] {
            let (mut mta, mut guarded, _) = pair();
            read(&mut guarded, first, &mut mta).await.unwrap();
            let error = read(&mut guarded, bad, &mut mta).await.unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::InvalidData, "{bad:?}");
        }
        let (mut mta, mut guarded, _) = pair();
        read(&mut guarded, b"\0\0\0\x41O", &mut mta).await.unwrap();
    }

    #[tokio::test]
    async fn modifications_leave_with_the_reply_that_ends_the_message() {
        let (mut mta, mut guarded, _) = pair();
        let changes = [frame(b'h', b"X\0y\0"), frame(b'b', b"body")].concat();
        guarded.write_all(&changes).await.unwrap();
        guarded.flush().await.unwrap();
        let mut got = [0; 64];
        let early = timeout(Duration::from_millis(20), mta.read(&mut got)).await;
        assert!(early.is_err(), "held back");
        guarded.write_all(&frame(b'c', b"")).await.unwrap();
        guarded.flush().await.unwrap();
        let n = mta.read(&mut got).await.unwrap();
        assert_eq!(&got[..n], [changes, frame(b'c', b"")].concat());
        guarded.write_all(&frame(b'h', b"X\0y\0")).await.unwrap();
        guarded.flush().await.unwrap();
        guarded.shutdown().await.unwrap();
        assert_eq!(mta.read(&mut got).await.unwrap(), 0, "nothing of an unfinished answer");
    }

    #[tokio::test]
    async fn messages_in_flight_are_counted_from_mail_to_the_last_reply() {
        let (mut mta, mut guarded, flow) = pair();
        let start = [frame(b'O', &[0; 12]), frame(b'M', b"<>\0"), frame(b'R', b"<a>\0")].concat();
        read(&mut guarded, &start, &mut mta).await.unwrap();
        assert_eq!(flow.in_flight(), 1);
        guarded.write_all(&frame(b'c', b"")).await.unwrap();
        guarded.flush().await.unwrap();
        assert_eq!(flow.in_flight(), 1, "CONTINUE at RCPT ends nothing");
        read(&mut guarded, &frame(b'E', b""), &mut mta).await.unwrap();
        guarded.write_all(&frame(b'c', b"")).await.unwrap();
        guarded.flush().await.unwrap();
        assert_eq!(flow.in_flight(), 0);
        read(&mut guarded, &frame(b'M', b"<>\0"), &mut mta).await.unwrap();
        read(&mut guarded, &frame(b'A', b""), &mut mta).await.unwrap();
        assert_eq!(flow.in_flight(), 0);
        read(&mut guarded, &frame(b'M', b"<>\0"), &mut mta).await.unwrap();
        drop(guarded);
        assert_eq!(flow.in_flight(), 0);
        flow.idle().await;
    }

    #[tokio::test]
    async fn while_draining_no_message_is_begun() {
        let (mut mta, mut guarded, flow) = pair();
        read(&mut guarded, &frame(b'O', &[0; 12]), &mut mta).await.unwrap();
        flow.drain();
        read(&mut guarded, &frame(b'D', b"M"), &mut mta).await.unwrap();
        assert!(read(&mut guarded, &frame(b'M', b"<>\0"), &mut mta).await.is_err());
    }

    #[tokio::test(start_paused = true)]
    async fn a_silent_or_dripping_mta_is_left() {
        let (_mta, mut guarded, _) = pair();
        let start = Instant::now();
        let error = guarded.read_u8().await.unwrap_err();
        assert_eq!((error.kind(), start.elapsed().as_secs()), (io::ErrorKind::TimedOut, 30));

        let (mut mta, mut guarded, _) = pair();
        read(&mut guarded, &frame(b'O', &[0; 12]), &mut mta).await.unwrap();
        let start = Instant::now();
        let dripping = tokio::spawn(async move {
            for octet in frame(b'L', &[b'x'; 200]) {
                let _ = mta.write_all(&[octet]).await;
                sleep(Duration::from_secs(1)).await;
            }
        });
        while guarded.read_u8().await.is_ok() {}
        assert!((30..=31).contains(&start.elapsed().as_secs()));
        dripping.abort();
    }
}
