//! What a destination has room for. A message that is too much for it is not cut in silence: it is
//! refused, or shortened with a loss on record where the profile says so.

use crate::vpim::numeric::Numeric;
use serde::{Deserialize, Serialize};

/// What is done with a message that is longer than its destination takes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TooLong {
    /// Refused with 5.2.3 (RFC 3463 3.3).
    #[default]
    Refuse,
    /// Cut at the limit, and said so.
    Shorten,
}

/// Limits of a destination; `None` where there is none.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Bounds {
    /// Seconds of voice in one message, spoken names and subjects included.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seconds: Option<u32>,
    /// What is done with more seconds.
    pub too_long: TooLong,
    /// Longest silence within a message in seconds: the system takes a longer one for its end. What is
    /// over is cut out of audio.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub silence_seconds: Option<u32>,
    /// Octets of the message after conversion, as it is sent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bytes: Option<usize>,
    /// Fax pages in one message.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pages: Option<usize>,
    /// Recipients of one message.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub recipients: Option<usize>,
    /// Mailboxes are numbers of at most so many digits.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mailbox_digits: Option<usize>,
}

impl Bounds {
    /// Whether a mailbox (a local part) is one the destination may have.
    pub fn takes_mailbox(&self, local_part: &str) -> bool {
        self.mailbox_digits.is_none_or(|most| {
            // Behind a selector (`AMIS=`, RFC 3804 4.2) elements may follow; a bare number has nothing behind it.
            let number = Numeric::split(local_part).filter(|n| n.after.is_empty() || !n.before.is_empty());
            number.is_some_and(|n| n.plain().trim_start_matches('+').len() <= most)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mailboxes_are_numbers_where_the_destination_says_so() {
        let amis = Bounds { mailbox_digits: Some(16), ..Bounds::default() };
        for (mailbox, taken) in [
            ("4411", true),
            ("+16135550100", true),
            ("1234567890123456", true),
            ("12345678901234567", false),
            ("pat", false),
            ("", false),
            ("+", false),
            ("AMIS=+16135550100", true),
            ("4411+12", false),
        ] {
            assert_eq!(amis.takes_mailbox(mailbox), taken, "{mailbox}");
            assert!(Bounds::default().takes_mailbox(mailbox));
        }
    }
}
