//! The milter: sockets, sessions, one message after the other through [`crate::engine`].
//!
//! * [`serve`]: listeners, signals, reload, end of the process
//! * [`adapter`]: the only file that names the protocol library; converts types, nothing else
//! * [`guard`]: every octet of a connection passes here: frame limits, time limits, and the rule that
//!   no modification leaves before the reply that ends the message
//! * [`negotiate`]: what is asked of the MTA
//! * [`session`]: state of a connection, and of a message
//! * [`work`]: the core in a worker thread, with its time, memory and panics
//! * [`reinject`]: copies for recipients of another output, through [`smtp`], remembered in [`journal`]
//! * [`reply`], [`record`]: SMTP replies, and the log line
//!
//! What it defends against: an MTA that sends garbage, stops in mid-frame, or aborts anywhere; mail
//! that is too large, too slow to judge, or that makes the core panic. Own failures are 451, never
//! SMFIR_SHUTDOWN: Postfix answers that with "250 queued" and drops the mail.

pub mod adapter;
pub mod clock;
pub mod guard;
pub mod journal;
pub mod negotiate;
pub mod record;
pub mod reinject;
pub mod reply;
pub mod serve;
pub mod session;
pub mod smtp;
pub mod socket;
pub mod work;
