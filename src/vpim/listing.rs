//! What a directory tells of one mailbox (RFC 4237), and the question it answers. Values only: who asks
//! whom is `directory`'s.
//!
//! The values come from strangers. A mailbox that is not one plain address is no answer; media types and
//! limits that cannot be read are as if they were not there.

use super::directory::Entry;
use super::numeric::Numeric;

/// Octets of an address (RFC 5321 4.5.3.1).
const ADDRESS_OCTETS: usize = 254;
/// Octets of a local-part.
const LOCAL_OCTETS: usize = 64;
/// Media types kept of one mailbox.
const MEDIA_TYPES: usize = 50;

/// What is asked.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Query {
    /// The address, its domain in lower case.
    pub address: String,
    /// Its number as vPIMTelephoneNumber is written (RFC 4237 2.1): no separators, a sub-mailbox behind
    /// another plus sign.
    pub number: Option<String>,
}

impl Query {
    /// The question for an address; `None` where it is none that a directory could know.
    pub fn new(address: &str) -> Option<Self> {
        let (local, domain) = address.rsplit_once('@')?;
        let address = plain_address(&format!("{local}@{}", domain.to_ascii_lowercase()))?;
        let number = Numeric::split(local).map(|numeric| {
            let digits = |text: &&str| !text.is_empty() && text.bytes().all(|c| c.is_ascii_digit());
            let sub = numeric.after.strip_prefix('+').filter(digits);
            numeric.plain() + &sub.map(|s| format!("+{s}")).unwrap_or_default()
        });
        Some(Query { address, number })
    }

    /// The number where it is one of E.164: a plus sign and at most 15 digits, the sub-mailbox left out.
    pub fn e164(&self) -> Option<&str> {
        let number = self.number.as_deref()?;
        let digits = number.strip_prefix('+')?.split('+').next()?;
        (1..=15).contains(&digits.len()).then(|| number.get(..=digits.len())).flatten()
    }
}

/// The answer to a [`Query`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Lookup {
    /// The mailbox is known.
    Listed(Listing),
    /// No directory knows it.
    Unknown,
    /// Nobody can say now: the reason.
    Failed(String),
}

/// A mailbox.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Listing {
    /// Where its mail goes: vPIMRfc822Mailbox.
    pub mailbox: String,
    /// Media types of audio it takes, in lower case, from vPIMSupportedAudioMediaTypes; empty where
    /// nothing is said.
    pub audio: Vec<String>,
    /// Seconds of the longest message it takes: vPIMMaxMessageSize.
    pub seconds: Option<u32>,
    /// It takes no messages at present: vPIMExtendedAbsenceStatus.
    pub blocked: bool,
}

impl Listing {
    /// A mailbox of which nothing but its address is known; `None` where that is no plain address.
    pub fn of_mailbox(address: &str) -> Option<Self> {
        Some(Listing { mailbox: plain_address(address)?, ..Listing::default() })
    }

    /// What an entry tells; `None` where it has no mailbox. Of several, the one that was asked for stays,
    /// so that asking again changes nothing; else the first in order of spelling, since a directory has no
    /// order. `blocking` are the attributes and values of mailboxes that take no messages.
    pub fn of_entry(entry: &Entry, query: &Query, blocking: &[(String, String)]) -> Option<Self> {
        let mut mailboxes: Vec<String> =
            entry.values("vPIMRfc822Mailbox").filter_map(|v| plain_address(&v)).collect();
        mailboxes.sort();
        let asked = mailboxes.iter().find(|m| m.eq_ignore_ascii_case(&query.address));
        let mailbox = asked.or(mailboxes.first())?.clone();
        let seconds = entry.values("vPIMMaxMessageSize").find_map(|v| v.parse().ok());
        let blocked = blocking
            .iter()
            .any(|(name, value)| entry.values(name).any(|v| value == "*" || v.eq_ignore_ascii_case(value)));
        let audio = audio_types(entry.values("vPIMSupportedAudioMediaTypes"));
        Some(Listing { mailbox, audio, seconds: seconds.filter(|s| *s > 0), blocked })
    }
}

/// Media types as directories write them: `audio/32KADPCM`, the subtype alone, or `audio32kadpcm` as RFC
/// 4237 2.5 has it.
pub fn audio_types(values: impl Iterator<Item = String>) -> Vec<String> {
    let mut out: Vec<String> = Vec::new();
    for value in values.take(MEDIA_TYPES) {
        let value = value.trim().to_ascii_lowercase();
        let subtype = value.strip_prefix("audio").unwrap_or(&value).trim_start_matches('/');
        let token = |c: u8| c.is_ascii_alphanumeric() || b"!#$&-^_.+".contains(&c);
        let name = format!("audio/{subtype}");
        if !subtype.is_empty() && subtype.bytes().all(token) && subtype.len() <= 127 && !out.contains(&name) {
            out.push(name);
        }
    }
    out
}

/// The address where it is one mailbox without quotes, comments, routes, or anything that could end a
/// path or a line.
pub fn plain_address(text: &str) -> Option<String> {
    let (local, domain) = text.rsplit_once('@')?;
    let good_local = (1..=LOCAL_OCTETS).contains(&local.len())
        && local.split('.').all(|atom| !atom.is_empty())
        && local.bytes().all(|c| c.is_ascii_alphanumeric() || b"!#$%&'*+-/=?^_`{|}~.".contains(&c));
    let label = |l: &str| {
        (1..=63).contains(&l.len())
            && l.bytes().all(|c| c.is_ascii_alphanumeric() || matches!(c, b'-' | b'_'))
            && !l.starts_with('-')
            && !l.ends_with('-')
    };
    let good = good_local && text.len() <= ADDRESS_OCTETS && domain.split('.').all(label);
    good.then(|| text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(attributes: &[(&str, &str)]) -> Entry {
        Entry::new("cn=x", attributes.iter().map(|(n, v)| ((*n).to_owned(), v.as_bytes().to_vec())))
    }

    fn blocked() -> Vec<(String, String)> {
        vec![("vPIMExtendedAbsenceStatus".into(), "MsgBlocked".into())]
    }

    #[test]
    fn an_entry_tells_mailbox_media_limit_and_status() {
        let query = Query::new("+16135551234@vpim.example.edu").unwrap();
        let pat = entry(&[
            ("vPIMRfc822Mailbox", "pat@vm2.example.edu"),
            ("vPIMSupportedAudioMediaTypes", "audio32kadpcm"),
            ("vPIMSupportedAudioMediaTypes", "audio/basic"),
            ("vPIMSupportedAudioMediaTypes", "x-own"),
            ("vPIMMaxMessageSize", "180"),
            ("vPIMExtendedAbsenceStatus", "On"),
        ]);
        let listing = Listing::of_entry(&pat, &query, &blocked()).unwrap();
        assert_eq!(listing.mailbox, "pat@vm2.example.edu");
        assert_eq!(listing.audio, ["audio/32kadpcm", "audio/basic", "audio/x-own"]);
        assert_eq!((listing.seconds, listing.blocked), (Some(180), false));
        let away = entry(&[("vPIMRfc822Mailbox", "a@b"), ("vpimextendedabsencestatus", "msgblocked")]);
        assert!(Listing::of_entry(&away, &query, &blocked()).unwrap().blocked);
    }

    #[test]
    fn a_hostile_answer_is_no_address_or_no_limit() {
        let query = Query::new("1@x.test").unwrap();
        for bad in [
            "a@b>\r\nRCPT TO:<c@d",
            "a@b,c@d",
            "a b@c",
            "@x",
            "a@",
            "a",
            "\"a\"@b",
            "a@b..c",
            "a..b@c",
            "<a@b>",
            "\u{e9}@b",
            "a@-b",
            "a@b\0",
        ] {
            assert_eq!(Listing::of_entry(&entry(&[("vPIMRfc822Mailbox", bad)]), &query, &[]), None, "{bad}");
        }
        for bad in ["-1", "0", "99999999999", "3 min"] {
            let odd = entry(&[("vPIMRfc822Mailbox", "a@b"), ("vPIMMaxMessageSize", bad)]);
            assert_eq!(Listing::of_entry(&odd, &query, &[]).unwrap().seconds, None, "{bad}");
        }
        assert!(audio_types(["audio/a\r\nb", "", "audio/", "a b"].map(String::from).into_iter()).is_empty());
    }

    #[test]
    fn the_mailbox_that_was_asked_for_stays() {
        let both = entry(&[("vPIMRfc822Mailbox", "b@x.test"), ("vPIMRfc822Mailbox", "a@x.test")]);
        let of = |asked| Listing::of_entry(&both, &Query::new(asked).unwrap(), &[]).unwrap().mailbox;
        assert_eq!((of("b@X.test").as_str(), of("+1@x.test").as_str()), ("b@x.test", "a@x.test"));
    }

    #[test]
    fn numbers_are_asked_for_without_separators_with_their_sub_mailbox() {
        let query = |a| Query::new(a).unwrap();
        let number = |a| query(a).number;
        assert_eq!(number("+1-613-555.1234@x.test").as_deref(), Some("+16135551234"));
        assert_eq!(number("VPIM=+16135551234@x.test").as_deref(), Some("+16135551234"));
        assert_eq!(number("+12145551212+12@x.test").as_deref(), Some("+12145551212+12"));
        assert_eq!(number("pat@x.test"), None);
        assert_eq!(query("+12145551212+12@x.test").e164(), Some("+12145551212"));
        assert_eq!(query("4411@x.test").e164(), None);
        assert_eq!(query("Pat@X.Test").address, "Pat@x.test");
        for bad in ["pat", "a b@x.test", "a*)(b@x.test", "a\r\nb@x.test"] {
            assert_eq!(Query::new(bad), None, "{bad}");
        }
    }
}
