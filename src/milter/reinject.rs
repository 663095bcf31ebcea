//! Copies of a message for recipients that need another output (`split.method = "reinject"`).
//!
//! What is promised: no recipient is lost, and none gets the message twice. The order makes it so:
//!
//! 1. The whole answer to the MTA is computed and found sendable.
//! 2. Every copy is brought to the server up to, not including, the end of its data. Whatever fails
//!    here (no server, a recipient refused, no space) leaves nothing behind: 451, all is tried again.
//! 3. The copies are ended one after the other. Each one accepted is written to the [`Journal`].
//! 4. Only then the answer goes to the MTA, with the recipients of the copies taken off (SMFIR_DELRCPT).
//!
//! One transaction cannot hold all groups, so a copy may fail in step 3 when another was accepted. The
//! message is then answered 451 as a whole and tried again: the journal knows the recipients that
//! have their copy ([`crate::engine::divide::Sent`]), they are taken off without another, and only the
//! rest is sent. To deliver the
//! message unconverted to those whose copy failed, without a retry, was the other choice: it would
//! give them a form they cannot use, for good, because a server was away for a moment. The same
//! journal covers a death of this process, or of the connection to the MTA, between step 3 and 4. For
//! that the sending is a task of its own: it goes on when the MTA is gone.
//!
//! Limits: where the end of data is never answered, nobody knows whether the copy was accepted
//! (RFC 1047); it counts as not accepted. A process killed between the server's decision and its 250
//! leaves the same doubt: the copy is sent again, since twice is better than never. An orderly end
//! (SIGTERM) waits for the messages in flight and leaves none. A client that, on the retry, sends a recipient that has its
//! copy alone is not recognised.

use super::journal::Journal;
use super::smtp::{self, Ready, Server, Transaction};
use super::work::Failure;
use crate::config::Reinject;
use crate::engine::divide::Resend;
use crate::vpim::Envelope;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, timeout_at};
use tracing::{error, info};

/// For making all copies ready. With the work on the message it must fit Sendmail's 5 minutes.
const PREPARE_TIME: Duration = Duration::from_secs(60);

/// What to send.
#[derive(Clone, Debug)]
pub struct Job {
    /// The server.
    pub reinject: Reinject,
    /// The message as received.
    pub raw: Arc<Vec<u8>>,
    /// Its envelope.
    pub envelope: Arc<Envelope>,
    /// The copies.
    pub copies: Vec<Resend>,
    /// Some recipients have their copy from an earlier try.
    pub sent_before: bool,
}

/// Sends the copies.
pub async fn send(job: Job, journal: Arc<Journal>) -> Result<(), Failure> {
    let queue_id = super::record::value(job.envelope.queue_id.as_deref().unwrap_or("-"));
    let end = Instant::now() + PREPARE_TIME;
    let mut ready: Vec<(&Resend, Ready)> = Vec::new();
    for copy in &job.copies {
        match timeout_at(end, prepare(&job, copy)).await {
            Ok(Ok(transaction)) => ready.push((copy, transaction)),
            Ok(Err(trouble)) => {
                error!(queue_id, "{copy}: {trouble}; no copy was sent");
                return Err(job.failure(job.sent_before));
            }
            Err(_) => {
                error!(queue_id, "the SMTP server is too slow; no copy was sent");
                return Err(job.failure(job.sent_before));
            }
        }
    }
    let mut sent = job.sent_before;
    for (copy, transaction) in ready {
        if let Err(trouble) = transaction.commit().await {
            error!(queue_id, "{copy}: {trouble}");
            return Err(job.failure(sent));
        }
        sent = true;
        let mut written = journal.add(&copy.keys);
        if written.is_ok() {
            let journal = journal.clone();
            written = tokio::task::spawn_blocking(move || journal.sync()).await.unwrap_or(Ok(()));
        }
        if let Err(trouble) = written {
            error!(queue_id, "split.journal: {trouble}; a retry after a restart would send the copy again");
        }
        info!(queue_id, "{copy}: accepted");
    }
    Ok(())
}

impl Job {
    /// With `sent`, some recipients have a copy.
    fn failure(&self, sent: bool) -> Failure {
        if sent { Failure::SentInPart } else { Failure::NotSent }
    }
}

async fn prepare(job: &Job, copy: &Resend) -> Result<Ready, smtp::SmtpError> {
    let Reinject { host, port, helo, timeout, .. } = &job.reinject;
    let envelope = &job.envelope;
    let parameters = |i: usize| envelope.rcpt_parameters.get(i).map_or(&[][..], Vec::as_slice);
    let recipients: Vec<(&str, &[String])> = copy
        .recipients
        .iter()
        .filter_map(|i| Some((envelope.rcpt_to.get(*i)?.as_str(), parameters(*i))))
        .collect();
    let server = Server { host, port: *port, helo, timeout: *timeout };
    let transaction = Transaction {
        sender: (envelope.mail_from.as_deref().unwrap_or_default(), &envelope.mail_parameters),
        recipients: &recipients,
        data: &[&copy.fields, &job.raw],
    };
    smtp::prepare(server, transaction).await
}
