//! `[split]`: what is done with recipients that need different output, and where copies go.

use super::Reinject;
use super::check::Check;
use super::raw::SplitTable;
use crate::policy::Split;
use crate::socket::Socket;
use std::time::Duration;

/// Longest `split.timeout_s`: with the work on the message it must end before the MTA's 5 minutes.
const TIMEOUT_S: u64 = 120;

impl Check<'_> {
    pub(super) fn split(&mut self, written: &SplitTable) -> Split {
        match written.method.get_ref().as_str() {
            "defer" => Split::Defer,
            "first" => Split::First,
            "reinject" => Split::Reinject,
            name => {
                let what = format!("unknown split.method `{name}`");
                self.refuse(written.method.span(), what, "write `defer`, `reinject` or `first`");
                Split::default()
            }
        }
    }

    /// Where copies go; checked whatever the method is.
    pub(super) fn reinject(&mut self, written: &SplitTable, authserv_id: &str) -> Option<Reinject> {
        let timeout_s = *written.timeout_s.get_ref();
        if !(1..=TIMEOUT_S).contains(&timeout_s) {
            let what = format!("split.timeout_s is {timeout_s}");
            self.refuse(written.timeout_s.span(), what, format!("write 1 to {TIMEOUT_S} seconds"));
        }
        let helo = written.helo.get_ref();
        let is_name =
            |c: u8| c.is_ascii_alphanumeric() || matches!(c, b'-' | b'.' | b'_' | b'[' | b']' | b':');
        if !helo.bytes().all(is_name) || helo.len() > 255 {
            let what = format!("`{helo}` is no name for EHLO");
            self.refuse(written.helo.span(), what, "write a domain name, such as mx.example.org");
        }
        let journal = written.journal.get_ref();
        if !journal.as_os_str().is_empty() && journal.is_relative() {
            let what = format!("`{}` is no absolute path", journal.display());
            self.refuse(written.journal.span(), what, "write journal = \"/var/lib/vpim-milter/split\"");
        }
        let smtp = written.smtp.get_ref();
        if smtp.is_empty() {
            if written.method.get_ref() == "reinject" {
                let remedy =
                    "add smtp = \"127.0.0.1:10026\", an SMTP listener of the MTA that asks this milter too";
                self.refuse(written.method.span(), "split.method `reinject` needs split.smtp", remedy);
            }
            return None;
        }
        let Ok(Socket::Inet { host, port }) = format!("inet:{smtp}").parse::<Socket>() else {
            let what = format!("`{smtp}` is no SMTP server");
            self.refuse(written.smtp.span(), what, "write HOST:PORT, such as \"127.0.0.1:10026\"");
            return None;
        };
        Some(Reinject {
            host,
            port,
            helo: if helo.is_empty() { authserv_id.to_owned() } else { helo.clone() },
            timeout: Duration::from_secs(timeout_s),
            journal: Some(journal.clone()).filter(|j| !j.as_os_str().is_empty()),
        })
    }
}
