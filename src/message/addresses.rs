//! Where the addresses of a From, To, Cc... value stand, octet for octet (RFC 5322 3.4), so that one
//! can be changed and all the rest kept: display names, comments, folds, groups.

use super::span::Span;

/// Addresses looked at in one field.
const ADDRESSES: usize = 1_000;

/// The spans of the addresses (`local-part@domain`, within angle brackets also without domain) within a
/// field value. An address with blanks or comments inside is not found.
pub fn addresses(value: &[u8]) -> Vec<Span> {
    let mut found = Vec::new();
    let mut mailbox = Mailbox::default();
    let mut at = 0;
    while let Some(octet) = value.get(at) {
        if found.len() >= ADDRESSES {
            return found;
        }
        match octet {
            b'(' => at = behind_comment(value, at),
            b',' | b';' => {
                found.extend(std::mem::take(&mut mailbox).address(value));
                at += 1;
            }
            // What stood before was the name of a group.
            b':' => {
                mailbox = Mailbox::default();
                at += 1;
            }
            b'<' => {
                let end = angle_end(value, at + 1);
                mailbox.angle = Some(Span::new(at + 1, end));
                at = end + 1;
            }
            b' ' | b'\t' | b'\r' | b'\n' | b'>' | b')' => at += 1,
            _ => {
                let end = atom_end(value, at);
                mailbox.atom(Span::new(at, end), value);
                at = end;
            }
        }
    }
    found.extend(mailbox.address(value));
    found
}

/// What was seen of one mailbox.
#[derive(Default)]
struct Mailbox {
    angle: Option<Span>,
    /// The last atom with an `@`, and how many there are.
    bare: Option<Span>,
    bare_ones: usize,
}

impl Mailbox {
    fn atom(&mut self, span: Span, value: &[u8]) {
        // A lone word may be half of a display name with a comma in it.
        if unquoted(span.of(value)).any(|(_, c)| c == b'@') {
            self.bare = Some(span);
            self.bare_ones += 1;
        }
    }

    fn address(self, value: &[u8]) -> Option<Span> {
        let plain = |span: &Span| {
            let octets = span.of(value);
            !octets.is_empty() && !octets.iter().any(u8::is_ascii_control)
        };
        match self.angle {
            Some(span) => Some(trimmed(without_route(span, value), value)).filter(plain),
            None => self.bare.filter(|_| self.bare_ones == 1).filter(plain),
        }
    }
}

/// Octets outside quoted strings, with their places.
fn unquoted(octets: &[u8]) -> impl Iterator<Item = (usize, u8)> {
    let (mut quoted, mut escaped) = (false, false);
    octets.iter().copied().enumerate().filter(move |(_, c)| {
        let inside = quoted;
        match c {
            _ if escaped => escaped = false,
            b'\\' if quoted => escaped = true,
            b'"' => quoted = !quoted,
            _ => {}
        }
        !inside && *c != b'"'
    })
}

/// The end of the atom at `at`: quoted strings and domain literals are part of it.
fn atom_end(value: &[u8], at: usize) -> usize {
    let rest = value.get(at..).unwrap_or_default();
    let mut literal = false;
    for (index, octet) in unquoted(rest) {
        match octet {
            b'[' => literal = true,
            b']' => literal = false,
            b' ' | b'\t' | b'\r' | b'\n' | b'<' | b'>' | b',' | b';' | b'(' | b')' => return at + index,
            b':' if !literal => return at + index,
            _ => {}
        }
    }
    value.len()
}

/// The place of the `>` that ends an angle address, or of the end.
fn angle_end(value: &[u8], at: usize) -> usize {
    let rest = value.get(at..).unwrap_or_default();
    unquoted(rest).find(|(_, c)| *c == b'>').map_or(value.len(), |(index, _)| at + index)
}

/// Behind a comment; comments nest, a backslash quotes.
fn behind_comment(value: &[u8], mut at: usize) -> usize {
    let mut depth = 0usize;
    while let Some(octet) = value.get(at) {
        match octet {
            b'\\' => at += 1,
            b'(' => depth += 1,
            b')' => depth -= 1,
            _ => {}
        }
        at += 1;
        if depth == 0 {
            return at;
        }
    }
    value.len()
}

/// Without the source route (RFC 5322 4.4: `@a,@b:local@domain`).
fn without_route(span: Span, value: &[u8]) -> Span {
    let octets = span.of(value);
    if !octets.trim_ascii_start().starts_with(b"@") {
        return span;
    }
    let colon = unquoted(octets).find(|(_, c)| *c == b':');
    colon.map_or(span, |(index, _)| Span::new(span.start + index + 1, span.end))
}

fn trimmed(span: Span, value: &[u8]) -> Span {
    let octets = span.of(value);
    let start = span.start + octets.len() - octets.trim_ascii_start().len();
    Span::new(start, start + octets.trim_ascii().len())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::value::mailboxes;

    fn found(value: &str) -> Vec<&str> {
        addresses(value.as_bytes())
            .into_iter()
            .map(|s| std::str::from_utf8(s.of(value.as_bytes())).unwrap())
            .collect()
    }

    #[test]
    fn addresses_are_found_in_every_dress() {
        for (value, wanted) in [
            (" 4411@a.test", &["4411@a.test"][..]),
            (" \"Parsons, Glenn <1@x>\" <+1@a.test>", &["+1@a.test"]),
            (
                " Glenn \"P\" < 4411@a.test >, b@c.test (Bob, <x@y>) , <5>, 6",
                &["4411@a.test", "b@c.test", "5"],
            ),
            (
                " Group: a@b.test, \"x y\"@c.test;, d@[IPv6:::1]",
                &["a@b.test", "\"x y\"@c.test", "d@[IPv6:::1]"],
            ),
            (" \"Parsons\" 2145551234@VM1.test", &["2145551234@VM1.test"]),
            (" <@hub.test,@b.test:FAX=+1/T33S=2@a.test>", &["FAX=+1/T33S=2@a.test"]),
            (" =?utf-8?Q?M=C3=BC,_x?= <1@a.test>", &["1@a.test"]),
            (" (a \\) b (c)) 1@a.test", &["1@a.test"]),
            (" two words, undisclosed-recipients:;, <>", &[]),
            (" a@b.test c@d.test", &[]),
            (" <1 2@a.test\r\n x", &[]),
            (" 4411, Glenn <1@a.test>", &["1@a.test"]),
            (" \"open <1@a.test>", &[]),
        ] {
            assert_eq!(found(value), wanted, "{value}");
        }
    }

    #[test]
    fn the_same_addresses_as_another_reader_finds() {
        for value in [
            " \"Parsons, Glenn\" <+1@vm.example>, Group: a@b.c, d@e.f;",
            " a@b.c,\r\n\t\"x\" <d@e.f>,\r\n\tg@h.i (comment)",
            " Ann Example <FAX=+1416/T33S=1@g.test>",
        ] {
            let other: Vec<String> = mailboxes(value.as_bytes()).into_iter().map(|m| m.address).collect();
            assert_eq!(found(value), other, "{value}");
        }
    }

    #[test]
    fn hostile_values_are_read_in_bounded_time() {
        for piece in ["(", "\"", "<", ">", ":", "[", "\\", "(\\", "a@", "<@", ",", "=?"] {
            let value = piece.repeat(100_000);
            assert!(addresses(value.as_bytes()).len() <= ADDRESSES, "{piece}");
        }
        assert_eq!(addresses(&b"a@b,".repeat(5_000)).len(), ADDRESSES);
    }
}
