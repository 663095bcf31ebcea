//! Answers of directory lookups, as values: entries with the attributes of RFC 4237, NAPTR records as
//! ENUM (RFC 6116, RFC 4238) publishes them. Read here from text, a directory export in LDIF (RFC 2849)
//! or records as a zone file writes them (RFC 1035 5.1), so that a directory can be judged offline.

use crate::message::Encoding;
use crate::message::transfer::decode;

/// Attributes of one entry that are kept; real entries have some dozens.
const MAX_ATTRIBUTES: usize = 1_000;
/// Entries or records of one text that are kept.
const MAX_ANSWERS: usize = 200_000;

/// One answer of a lookup.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// A directory entry.
    Entry(Entry),
    /// A DNS record.
    Naptr(Naptr),
}

/// A directory entry.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Entry {
    /// Its distinguished name.
    pub dn: String,
    /// Attribute descriptions without options, in lower case, each with one value.
    attributes: Vec<(String, Vec<u8>)>,
}

impl Entry {
    /// An entry with these attributes.
    pub fn new(dn: impl Into<String>, attributes: impl IntoIterator<Item = (String, Vec<u8>)>) -> Self {
        let lower = attributes.into_iter().map(|(name, value)| (name.to_ascii_lowercase(), value));
        Entry { dn: dn.into(), attributes: lower.take(MAX_ATTRIBUTES).collect() }
    }

    /// The values of an attribute, in octets.
    pub fn octets<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a [u8]> {
        self.attributes.iter().filter(move |(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, v)| v.as_slice())
    }

    /// The values of an attribute, as text without blanks around it.
    pub fn values<'a>(&'a self, name: &'a str) -> impl Iterator<Item = String> + 'a {
        self.octets(name).map(|v| String::from_utf8_lossy(v).trim().to_owned())
    }

    /// True where the entry has the attribute.
    pub fn has(&self, name: &str) -> bool {
        self.octets(name).next().is_some()
    }

    /// True for an entry of the object class vPIMUser, and for one that has its attributes (RFC 4237 2).
    pub fn is_vpim_user(&self) -> bool {
        self.values("objectClass").any(|c| c.eq_ignore_ascii_case("vPIMUser"))
            || self.attributes.iter().any(|(name, _)| name.starts_with("vpim"))
    }
}

/// A NAPTR record.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Naptr {
    /// Its owner name, with the final dot where it was written.
    pub owner: String,
    /// Order, then preference.
    pub order: (u16, u16),
    /// Flags.
    pub flags: String,
    /// Services, as `E2U+vpim:mailto`.
    pub services: String,
    /// The substitution expression.
    pub regexp: String,
    /// Replacement.
    pub replacement: String,
}

impl Naptr {
    /// The number of an owner name in an ENUM zone: `1.2.3.e164.arpa` is `321` (RFC 6116 3.2).
    pub fn number(&self) -> String {
        let digit = |label: &&str| label.len() == 1 && label.bytes().all(|c| c.is_ascii_digit());
        let labels: Vec<_> = self.owner.split('.').take_while(digit).collect();
        labels.into_iter().rev().collect()
    }

    /// Delimiter-separated pattern and replacement of the expression (RFC 3402 3.2).
    pub fn substitution(&self) -> Option<(&str, &str)> {
        let delimiter = self.regexp.chars().next()?;
        let mut parts = self.regexp.get(delimiter.len_utf8()..)?.split(delimiter);
        let both = (parts.next()?, parts.next()?);
        // Flags may follow, and nothing else.
        let flags = parts.next()?;
        (parts.next().is_none() && matches!(flags, "" | "i")).then_some(both)
    }

    /// The address that the expression makes of a number, where it is one of the two forms that are
    /// in use: the whole number as group 1, or a text without groups. `None` for any other, broken
    /// ones included: a replacement must not name a group that the pattern has not.
    pub fn address(&self, number: &str) -> Option<String> {
        let (pattern, replacement) = self.substitution()?;
        let uri = match (pattern, replacement.contains('\\')) {
            (_, false) => replacement.to_owned(),
            ("^(.*)$" | "^(.+)$" | "(.*)", true) => replacement.replace("\\1", number),
            (r"^\+(.*)$" | r"^\+(.+)$", true) => {
                replacement.replace("\\1", number.strip_prefix('+').unwrap_or(number))
            }
            _ => return None,
        };
        let address = uri.strip_prefix("mailto:").unwrap_or(&uri);
        (address.contains('@') && !address.contains('\\')).then(|| address.to_owned())
    }
}

/// What is wrong with a text.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {what}")]
pub struct Unreadable {
    /// Line, from 1.
    pub line: usize,
    /// What is wrong there.
    pub what: &'static str,
}

/// Reads an LDIF export, or NAPTR records of a zone; which one it is, its first line tells.
pub fn read(text: &str) -> Result<Vec<Answer>, Unreadable> {
    let first = text.lines().find(|l| !l.trim().is_empty() && !l.starts_with(['#', ';']));
    let starts =
        |name: &str| first.and_then(|l| l.get(..name.len())).is_some_and(|s| s.eq_ignore_ascii_case(name));
    if starts("dn:") || starts("version:") { ldif(text) } else { zone(text) }
}

/// The entries of an LDIF export.
fn ldif(text: &str) -> Result<Vec<Answer>, Unreadable> {
    let mut out = Vec::new();
    let mut entry: Option<Entry> = None;
    for (line, content) in unfolded(text)? {
        let wrong = |what| Unreadable { line, what };
        if content.is_empty() {
            out.extend(entry.take().map(Answer::Entry));
            continue;
        }
        let (name, value) = content.split_once(':').ok_or_else(|| wrong("no attribute: value"))?;
        let value = match value.strip_prefix(':') {
            Some(coded) => {
                let decoded = decode(&Encoding::Base64, coded.trim().as_bytes());
                if decoded.garbage > 0 || decoded.unpadded {
                    return Err(wrong("the value is no base64"));
                }
                decoded.bytes.into_owned()
            }
            None if value.starts_with('<') => return Err(wrong("values in other files are not read")),
            None => value.trim_start_matches(' ').as_bytes().to_vec(),
        };
        let name = name.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
        match (name.as_str(), &mut entry) {
            ("dn", None) if out.len() >= MAX_ANSWERS => return Err(wrong("more entries than can be held")),
            ("dn", None) => {
                entry = Some(Entry::new(String::from_utf8_lossy(&value).into_owned(), []));
            }
            ("dn", Some(_)) => return Err(wrong("no empty line before the next entry")),
            ("version", None) => {}
            ("changetype", _) => return Err(wrong("a change, not an entry of an export")),
            (_, None) => return Err(wrong("an attribute outside an entry")),
            (_, Some(entry)) if entry.attributes.len() >= MAX_ATTRIBUTES => {
                return Err(wrong("more attributes than can be held"));
            }
            (_, Some(entry)) => entry.attributes.push((name, value)),
        }
    }
    out.extend(entry.map(Answer::Entry));
    Ok(out)
}

/// Logical lines with the number of their first line: folds undone, comments left out.
fn unfolded(text: &str) -> Result<Vec<(usize, String)>, Unreadable> {
    let mut out: Vec<(usize, String)> = Vec::new();
    let mut in_comment = false;
    for (n, line) in text.lines().enumerate() {
        match (line.strip_prefix(' '), out.last_mut()) {
            (Some(_), _) if in_comment => {}
            (Some(more), Some((_, last))) if !last.is_empty() => last.push_str(more),
            (Some(_), _) => return Err(Unreadable { line: n + 1, what: "a fold of nothing" }),
            (None, _) => {
                in_comment = line.starts_with('#');
                if !in_comment {
                    out.push((n + 1, line.to_owned()));
                }
            }
        }
    }
    Ok(out)
}

/// The NAPTR records of a zone; other records are passed over.
fn zone(text: &str) -> Result<Vec<Answer>, Unreadable> {
    let mut out: Vec<Answer> = Vec::new();
    let mut owner = String::new();
    for (n, line) in text.lines().enumerate() {
        let wrong = |what| Unreadable { line: n + 1, what };
        let words = zone_words(line).ok_or_else(|| wrong("a quotation without end"))?;
        let Some(at) = words.iter().position(|w| w.eq_ignore_ascii_case("NAPTR")) else { continue };
        // A line that begins with a blank has the owner of the record before it.
        if !line.starts_with([' ', '\t']) && at > 0 {
            owner = words.first().cloned().unwrap_or_default();
        }
        let data = words.get(at + 1..).unwrap_or_default();
        let [order, preference, flags, services, regexp, replacement] = data else {
            return Err(wrong("a NAPTR record has six fields"));
        };
        let (Ok(order), Ok(preference)) = (order.parse(), preference.parse()) else {
            return Err(wrong("order and preference are numbers of 16 bits"));
        };
        if out.len() >= MAX_ANSWERS {
            return Err(wrong("more records than can be held"));
        }
        out.push(Answer::Naptr(Naptr {
            owner: owner.clone(),
            order: (order, preference),
            flags: flags.clone(),
            services: services.clone(),
            regexp: regexp.clone(),
            replacement: replacement.clone(),
        }));
    }
    Ok(out)
}

/// The words of a line of a zone, quotations and `\` undone, up to a comment; `None` for an open quotation.
fn zone_words(line: &str) -> Option<Vec<String>> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut quoted = false;
    let mut characters = line.chars();
    while let Some(c) = characters.next() {
        match c {
            '"' => {
                quoted = !quoted;
                word.get_or_insert_default();
            }
            '\\' => word.get_or_insert_default().extend(characters.next()),
            ';' if !quoted => break,
            c if c.is_whitespace() && !quoted => words.extend(word.take()),
            c => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word);
    (!quoted).then_some(words)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_export_is_read_with_folds_comments_options_and_base64() {
        let text = "version: 1\n# a comment\n of two lines\ndn: cn=Ann,dc=example,\n dc=net\n\
                    objectClass: vPIMUser\nvPIMSpokenName:: //8=\ncn;lang-en: Ann\n\ndn: cn=Tom\nsn: T\n";
        let answers = read(text).unwrap();
        let [Answer::Entry(ann), Answer::Entry(tom)] = answers.as_slice() else { panic!("{answers:?}") };
        assert_eq!(ann.dn, "cn=Ann,dc=example,dc=net");
        assert_eq!(ann.octets("vpimspokenname").collect::<Vec<_>>(), [b"\xff\xff"]);
        assert_eq!(ann.values("CN").collect::<Vec<_>>(), ["Ann"]);
        assert!(ann.is_vpim_user() && !tom.is_vpim_user());
    }

    #[test]
    fn what_is_no_export_is_named_with_its_line() {
        for (text, line) in [
            ("dn: a\nx\n", 2),
            ("dn: a\nb:: *\n", 2),
            ("dn: a\nb:< file:///etc/passwd\n", 2),
            ("dn: a\ndn: b\n", 2),
            ("dn: a\n\nb: c\n", 3),
            ("dn: a\nchangetype: delete\n", 2),
            ("dn: a\n\n b: c\n", 3),
            ("a. NAPTR 1 2 u e2u+vpim\n", 1),
            ("a. NAPTR 1 70000 u e2u+vpim x y\n", 1),
            ("a. NAPTR 1 2 \"u\n", 1),
        ] {
            assert_eq!(read(text).unwrap_err().line, line, "{text}");
        }
    }

    #[test]
    fn records_are_read_as_zones_write_them() {
        let text = "$ORIGIN example.net.\n4.3.2.1.e164.arpa. 3600 IN NAPTR 10 20 \"u\" \"E2U+vpim:mailto\" \
                    \"!^(.*)$!mailto:\\\\1@vm.example.net!\" . ; first\n\
                    \tIN NAPTR 10 30 \"u\" \"E2U+vpim:ldap\" \"!^.*$!ldap://x/!\" .\nx. A 192.0.2.1\n";
        let answers = read(text).unwrap();
        let [Answer::Naptr(first), Answer::Naptr(second)] = answers.as_slice() else { panic!("{answers:?}") };
        assert_eq!((first.number().as_str(), first.order), ("1234", (10, 20)));
        assert_eq!(first.address("+1234").as_deref(), Some("+1234@vm.example.net"));
        assert_eq!((second.owner.as_str(), second.address("+1234")), ("4.3.2.1.e164.arpa.", None));
    }

    #[test]
    fn a_group_that_is_not_there_makes_no_address() {
        let record = |regexp: &str| Naptr { regexp: regexp.into(), ..Naptr::default() };
        assert_eq!(record("!^.*$!mailto:\\1@x.example!").address("+1"), None);
        assert_eq!(record("!^\\+(.*)$!mailto:\\1@x.example!").address("+1").as_deref(), Some("1@x.example"));
        for broken in ["", "!", "!a!b", "!a!b!c!d"] {
            assert_eq!(record(broken).substitution(), None, "{broken}");
        }
    }
}
