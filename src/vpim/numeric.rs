//! Telephone numbers in local-parts, taken apart without losing an octet: mailbox numbers and E.164
//! numbers with extension (RFC 3801 4.1.1), and telephone addresses with a selector and elements
//! (RFC 3191, 3192, 3804).

use super::gstn::Gstn;

/// More octets than this are no number (E.164: 15 digits; an extension of 15 more, separators).
const OCTETS: usize = 64;

/// A local-part that holds a number: `before`, `number` and `after` together are the local-part.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Numeric<'a> {
    /// A quote, a slash, a selector: `FAX=`.
    pub before: &'a str,
    /// The number as written: perhaps `+`, digits, separators.
    pub number: &'a str,
    /// An extension, elements: `+111`, `/T33S=12`.
    pub after: &'a str,
}

impl<'a> Numeric<'a> {
    /// Takes a local-part apart; `None` where it holds no number.
    pub fn split(local: &'a str) -> Option<Self> {
        let start = if Gstn::parse(local).is_some() { local.find('=')? + 1 } else { 0 };
        let (before, rest) = local.split_at_checked(start)?;
        let sign = usize::from(rest.starts_with('+'));
        let digits = rest.get(sign..)?;
        let length = digits.find(|c| !is_number(c)).unwrap_or(digits.len());
        let (number, after) = rest.split_at_checked(sign + length)?;
        // Behind a number without selector nothing but an extension.
        let extension = || {
            after.strip_prefix('+').is_some_and(|e| !e.is_empty() && e.bytes().all(|c| c.is_ascii_digit()))
        };
        let whole = after.is_empty() || !before.is_empty() || extension();
        let written = number.bytes().any(|c| c.is_ascii_digit()) && number.len() <= OCTETS;
        (whole && written).then_some(Numeric { before, number, after })
    }

    /// The number without its separators (RFC 3801 4.1.1, RFC 3191 2.1); the plus sign stays.
    pub fn plain(&self) -> String {
        self.number.chars().filter(|c| !matches!(c, '-' | '.')).collect()
    }
}

fn is_number(c: char) -> bool {
    c.is_ascii_digit() || matches!(c, '-' | '.')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_four_forms_and_telephone_addresses_are_taken_apart() {
        for (local, before, number, after) in [
            ("2722", "", "2722", ""),
            ("2722+111", "", "2722", "+111"),
            ("+16137637582", "", "+16137637582", ""),
            ("+1-703-524.5550+230", "", "+1-703-524.5550", "+230"),
            ("FAX=+14165551212", "FAX=", "+14165551212", ""),
            ("/fax=+14165551212/T33S=6/", "/fax=", "+14165551212", "/T33S=6/"),
            ("\"VPIM=+13035551212/EXT=12\"", "\"VPIM=", "+13035551212", "/EXT=12\""),
            ("AMIS=123/MBX=4", "AMIS=", "123", "/MBX=4"),
        ] {
            let found = Numeric::split(local).unwrap();
            assert_eq!((found.before, found.number, found.after), (before, number, after), "{local}");
            assert_eq!([before, number, after].concat(), local);
        }
        assert_eq!(Numeric::split("+1-703-524.5550").unwrap().plain(), "+17035245550");
    }

    #[test]
    fn other_local_parts_hold_no_number() {
        let long = "1".repeat(65);
        for local in
            ["", "+", "-", "pat", "pat+1", "1a", "12+", "12+ab", "1@2", "FAX=", "FAX=x", "\u{e9}1", &long]
        {
            assert_eq!(Numeric::split(local), None, "{local}");
        }
    }
}
