//! A message as Postfix takes it from a client and shows it to a milter.
//!
//! Seen with Postfix 3.7: lines end with CRLF whatever the client sent, a CR inside a line becomes a
//! space, the header ends at the first line that is no header field, `Return-Path`, `Bcc`,
//! `Resent-Bcc` and `Content-Length` (`message_drop_headers`) are gone before a milter looks.
//! Not imitated: fields that Postfix adds for local clients (Date, Message-ID, From), and its limits
//! on the size of a field.

use std::borrow::Cow;

/// `message_drop_headers` of Postfix.
const DROPPED: [&str; 4] = ["bcc", "content-length", "resent-bcc", "return-path"];

/// A header field as it stands in the message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Field {
    /// The name, without white space before the colon.
    pub name: Vec<u8>,
    /// Everything after the colon, with LF alone between the lines of a folded field.
    pub body: Vec<u8>,
}

impl Field {
    /// The field as it travels.
    pub fn render(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.name);
        out.push(b':');
        push_crlf(out, &self.body);
        out.extend_from_slice(b"\r\n");
    }

    /// What a milter is shown: cut at a NUL, and without the space after the colon unless the milter
    /// negotiated leading spaces.
    pub fn shown(&self, leading_space: bool) -> &[u8] {
        let body =
            if leading_space { &self.body } else { self.body.strip_prefix(b" ").unwrap_or(&self.body) };
        body.split(|&b| b == 0).next().unwrap_or_default()
    }
}

/// Header fields and body.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Message {
    pub fields: Vec<Field>,
    /// Lines with CRLF, the last one too.
    pub body: Vec<u8>,
}

impl Message {
    pub fn parse(raw: &[u8]) -> Self {
        let mut message = Message::default();
        let mut in_header = true;
        for (number, line) in lines(raw).enumerate() {
            if in_header && message.take_header_line(number, &line) {
                continue;
            }
            // The empty line between header and body belongs to neither.
            if !in_header || !line.is_empty() {
                message.body.extend_from_slice(&line);
                message.body.extend_from_slice(b"\r\n");
            }
            in_header = false;
        }
        message.fields.retain(|f| !DROPPED.iter().any(|d| f.name.eq_ignore_ascii_case(d.as_bytes())));
        message
    }

    /// `false` when the header ended before this line.
    fn take_header_line(&mut self, number: usize, line: &[u8]) -> bool {
        if matches!(line.first(), Some(b' ' | b'\t')) {
            let Some(last) = self.fields.last_mut() else { return false };
            last.body.push(b'\n');
            last.body.extend_from_slice(line);
            return true;
        }
        // The separator line of a mailbox file.
        if number == 0 && (line.starts_with(b"From ") || line.starts_with(b">From ")) {
            let body = [b" ", line].concat();
            self.fields.push(Field { name: b"X-Mailbox-Line".to_vec(), body });
            return true;
        }
        let Some((name, body)) = split_field(line) else { return false };
        self.fields.push(Field { name: name.to_vec(), body: body.to_vec() });
        true
    }
}

/// Name and body of a header line; white space may stand before the colon (RFC 5322 4.5.8).
fn split_field(line: &[u8]) -> Option<(&[u8], &[u8])> {
    let colon = line.iter().position(|&b| b == b':')?;
    let (name, rest) = line.split_at_checked(colon)?;
    let name = name.trim_ascii_end();
    let valid = !name.is_empty() && name.iter().all(u8::is_ascii_graphic);
    valid.then(|| (name, rest.get(1..).unwrap_or_default()))
}

/// The lines of a message without their ends, as Postfix keeps them.
fn lines(raw: &[u8]) -> impl Iterator<Item = Cow<'_, [u8]>> {
    let raw = raw.strip_suffix(b"\n").map_or(Some(raw).filter(|r| !r.is_empty()), Some);
    raw.into_iter().flat_map(|r| r.split(|&b| b == b'\n')).map(|line| {
        let mut line = line;
        while let Some(shorter) = line.strip_suffix(b"\r") {
            line = shorter;
        }
        if line.contains(&b'\r') {
            Cow::Owned(line.iter().map(|&b| if b == b'\r' { b' ' } else { b }).collect())
        } else {
            Cow::Borrowed(line)
        }
    })
}

/// Appends `text` with CRLF for each LF.
pub(super) fn push_crlf(out: &mut Vec<u8>, text: &[u8]) {
    for (n, line) in text.split(|&b| b == b'\n').enumerate() {
        if n > 0 {
            out.extend_from_slice(b"\r\n");
        }
        out.extend_from_slice(line);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn field(name: &str, body: &str) -> Field {
        Field { name: name.into(), body: body.into() }
    }

    #[test]
    fn fields_keep_their_folding_with_lf_and_lose_one_space_when_shown() {
        for raw in ["A:  x\r\n\ty\r\nB:z\r\n\r\nbody\r\n", "A:  x\n\ty\nB:z\n\nbody"] {
            let message = Message::parse(raw.as_bytes());
            assert_eq!(message.fields, [field("A", "  x\n\ty"), field("B", "z")]);
            assert_eq!(message.body, b"body\r\n");
            assert_eq!(message.fields[0].shown(false), b" x\n\ty");
            assert_eq!(message.fields[0].shown(true), b"  x\n\ty");
            assert_eq!(message.fields[1].shown(false), b"z");
        }
    }

    #[test]
    fn the_header_ends_at_a_line_that_is_no_field() {
        let message = Message::parse(b"A: 1\nno colon\nB: 2\n\nx\n");
        assert_eq!(message.fields, [field("A", " 1")]);
        assert_eq!(message.body, b"no colon\r\nB: 2\r\n\r\nx\r\n");
        assert_eq!(Message::parse(b"\nA: 1\n").body, b"A: 1\r\n");
        assert_eq!(Message::parse(b" folded\n").body, b" folded\r\n");
        assert_eq!(Message::parse(b"a b: 1\n").fields, []);
    }

    #[test]
    fn bare_cr_and_lf_are_replaced_as_postfix_does() {
        let message = Message::parse(b"A: 1\r2\r\r\n\r\nx\ry\r\n\r\n");
        assert_eq!(message.fields, [field("A", " 1 2")]);
        assert_eq!(message.body, b"x y\r\n\r\n");
    }

    #[test]
    fn what_a_milter_never_sees_is_not_there() {
        let message = Message::parse(b"From x Mon\nreturn-path: <a>\nSubject : s\nBCC: b\n c\nX: a\0b\n\n");
        assert_eq!(message.fields[0], field("X-Mailbox-Line", " From x Mon"));
        assert_eq!(message.fields[1], field("Subject", " s"));
        assert_eq!(message.fields[2].shown(false), b"a");
        assert_eq!(message.fields.len(), 3);
        assert_eq!(message.body, b"");
    }

    #[test]
    fn an_empty_message_has_nothing() {
        assert_eq!(Message::parse(b""), Message::default());
    }
}
