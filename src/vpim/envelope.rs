//! What the SMTP transaction tells about a message.

use super::listing::Lookup;
use std::collections::BTreeMap;
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
    /// `BODY=BINARYMIME` was given.
    pub binary_mime: bool,
    /// Parameters of MAIL as given (`SIZE=1000`); empty where none were, or where unknown.
    pub mail_parameters: Vec<String>,
    /// Parameters of each RCPT as given, in the order of `rcpt_to`; empty where unknown.
    pub rcpt_parameters: Vec<Vec<String>>,
    /// Protocol of the session (`SMTP`, `ESMTP`...), where the MTA told it (`{r}`).
    pub protocol: Option<String>,
    /// Queue id, where the MTA told it.
    pub queue_id: Option<String>,
    /// Macros of the MTA, for routes: (name, value).
    pub macros: Vec<(String, String)>,
    /// What the directory tells of forward-paths that were asked for.
    pub directory: BTreeMap<String, Lookup>,
}

/// Removes one pair of angle brackets and blanks around an SMTP path.
pub fn bare_path(path: &str) -> &str {
    let path = path.trim();
    path.strip_prefix('<').and_then(|p| p.strip_suffix('>')).unwrap_or(path)
}

/// The values of the parameters `keyword` (RFC 5321 4.1.1.11), empty where one has no `=`.
pub fn parameters<'a>(given: &'a [String], keyword: &'a str) -> impl Iterator<Item = &'a str> {
    given.iter().filter_map(move |p| {
        let (name, value) = p.split_once('=').unwrap_or((p, ""));
        name.eq_ignore_ascii_case(keyword).then_some(value)
    })
}
