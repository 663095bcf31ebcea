//! Header field values in words: addresses, dates, encoded words, identifiers. The only file that
//! names mail-parser, which gets one bounded field value at a time, never a whole message.

use mail_parser::parsers::MessageStream;
use mail_parser::{Addr, HeaderValue};

/// More than this of a field value is not read.
const MAX_VALUE: usize = 64 << 10;

/// One mailbox of an address field.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Mailbox {
    /// Display name, decoded.
    pub name: Option<String>,
    /// `local-part@domain` as written.
    pub address: String,
}

impl Mailbox {
    /// The part before the last `@`.
    pub fn local_part(&self) -> &str {
        self.address.rsplit_once('@').map_or(self.address.as_str(), |(local, _)| local)
    }

    /// The part behind the last `@`, if any.
    pub fn domain(&self) -> Option<&str> {
        self.address.rsplit_once('@').map(|(_, domain)| domain)
    }
}

fn stream(value: &[u8]) -> Vec<u8> {
    // mail-parser wants the field's line end.
    let mut text = value.get(..value.len().min(MAX_VALUE)).unwrap_or_default().to_vec();
    text.extend_from_slice(b"\r\n");
    text
}

/// The mailboxes of a From, To, Cc... value, groups opened.
pub fn mailboxes(value: &[u8]) -> Vec<Mailbox> {
    let text = stream(value);
    let mailbox = |a: &Addr<'_>| {
        let name = a.name.as_deref().map(|n| n.trim().to_owned());
        match a.address.as_deref() {
            Some(address) => Some(Mailbox { name, address: address.trim().to_owned() }),
            // A lone word without `@` is what voice systems call a mailbox.
            None => Some(Mailbox { name: None, address: name? }),
        }
    };
    match MessageStream::new(&text).parse_address() {
        HeaderValue::Address(mail_parser::Address::List(list)) => list.iter().filter_map(mailbox).collect(),
        HeaderValue::Address(mail_parser::Address::Group(groups)) => {
            groups.iter().flat_map(|g| g.addresses.iter()).filter_map(mailbox).collect()
        }
        _ => Vec::new(),
    }
}

/// Unstructured text with encoded words decoded and folds undone.
pub fn text(value: &[u8]) -> String {
    let text = stream(value);
    match MessageStream::new(&text).parse_unstructured() {
        HeaderValue::Text(text) => text.trim().to_owned(),
        HeaderValue::TextList(list) => list.join(" ").trim().to_owned(),
        _ => String::new(),
    }
}

/// The value with folds undone and nothing else changed, as text.
pub fn unfolded(value: &[u8]) -> String {
    let joined: Vec<u8> = value.iter().copied().filter(|c| *c != b'\r' && *c != b'\n').collect();
    String::from_utf8_lossy(&joined).trim().to_owned()
}

/// A date of RFC 5322 3.3.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub struct Date {
    pub year: u16,
    pub month: u8,
    pub day: u8,
    pub hour: u8,
    pub minute: u8,
    pub second: u8,
    /// Day of the week from the date itself, 0 = Sunday.
    pub weekday: u8,
}

/// Reads a date; `None` where it is none.
pub fn date(value: &[u8]) -> Option<Date> {
    let text = stream(value);
    match MessageStream::new(&text).parse_date() {
        HeaderValue::DateTime(d) if d.is_valid() => Some(Date {
            year: d.year,
            month: d.month,
            day: d.day,
            hour: d.hour,
            minute: d.minute,
            second: d.second,
            weekday: d.day_of_week(),
        }),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read() {
        let list = mailboxes(b" \"Parsons, Glenn\" <+1@vm.example>, Group: a@b.c, d@e.f;");
        assert_eq!(list.len(), 3);
        assert_eq!(list[0].name.as_deref(), Some("Parsons, Glenn"));
        assert_eq!((list[0].local_part(), list[0].domain()), ("+1", Some("vm.example")));
        assert!(mailboxes(b"undisclosed-recipients:;").is_empty());
        assert_eq!(mailboxes(b" 1234")[0].domain(), None);
    }

    #[test]
    fn text_and_dates_are_read() {
        assert_eq!(text(b" =?utf-8?B?w6k=?=\r\n x"), "\u{e9} x");
        assert_eq!(unfolded(b" a\r\n\tb "), "a\tb");
        assert_eq!(date(b"Tue, 05 Mar 2024 21:26:50 -0500").map(|d| (d.day, d.weekday)), Some((5, 2)));
        assert_eq!(date(b"yesterday"), None);
    }
}
