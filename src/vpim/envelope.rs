//! What the SMTP transaction tells about a message.

use std::net::IpAddr;

/// The envelope of one message and the session it came in.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Envelope {
    /// Address of the client, where known.
    pub client: Option<IpAddr>,
    /// HELO or EHLO argument.
    pub helo: Option<String>,
    /// Authenticated user (`{auth_authen}`).
    pub auth: Option<String>,
    /// Reverse-path without angle brackets; empty for the null reverse-path, `None` where unknown
    /// (a message judged offline).
    pub mail_from: Option<String>,
    /// Forward-paths without angle brackets, in order.
    pub rcpt_to: Vec<String>,
    /// Parameters of MAIL, as `RET=HDRS` (RFC 3461 4).
    pub mail_parameters: Vec<String>,
    /// Parameters of RCPT with the forward-path they belong to, as `NOTIFY=NEVER`.
    pub rcpt_parameters: Vec<(String, String)>,
    /// `BODY=BINARYMIME` was given.
    pub binary_mime: bool,
    /// Queue id, where the MTA told it.
    pub queue_id: Option<String>,
    /// Macros of the MTA, for routes: (name, value).
    pub macros: Vec<(String, String)>,
}

/// Removes one pair of angle brackets and blanks around an SMTP path.
pub fn bare_path(path: &str) -> &str {
    let path = path.trim();
    path.strip_prefix('<').and_then(|p| p.strip_suffix('>')).unwrap_or(path)
}
