//! A message after the milter's modifications, as Postfix delivers it.
//!
//! Positions and indexes follow Postfix 3.7: a change or deletion counts the fields of that name
//! that are there at that moment, an insertion counts from Postfix's own `Received` field (which is
//! not part of the result), and a field that is not found is added at the end.

use super::message::{Field, Message};
use super::reply::Modification;
use super::report::{Envelope, arguments};

/// The message as the next hop gets it, without the MTA's own `Received` field.
///
/// `raw` may have LF or CRLF line ends; the result has CRLF.
pub fn apply(raw: &[u8], modifications: &[Modification]) -> Vec<u8> {
    apply_with(raw, modifications, false)
}

/// As [`apply`]; with `leading_space` the milter negotiated `SMFIP_HDR_LEADSPC`, and values are put
/// right after the colon.
pub fn apply_with(raw: &[u8], modifications: &[Modification], leading_space: bool) -> Vec<u8> {
    let Message { fields, mut body } = Message::parse(raw);
    // `None` stands for Postfix's own Received field: positions count it, names never match it.
    let mut header: Vec<Option<Field>> = std::iter::once(None).chain(fields.into_iter().map(Some)).collect();
    for modification in modifications {
        match modification {
            Modification::AddHeader { name, value } => header.push(Some(field(name, value, leading_space))),
            Modification::InsertHeader { index, name, value } => {
                let at = usize::try_from(*index).unwrap_or(usize::MAX).min(header.len());
                header.insert(at, Some(field(name, value, leading_space)));
            }
            Modification::ChangeHeader { index, name, value } => {
                let changed = (!value.is_empty()).then(|| field(name, value, leading_space));
                change(&mut header, *index, name, changed);
            }
            Modification::ReplaceBody { body: new, .. } => body = normalise(new),
            _ => {}
        }
    }
    let mut out = Vec::new();
    for field in header.iter().flatten() {
        field.render(&mut out);
    }
    out.extend_from_slice(b"\r\n");
    out.extend_from_slice(&body);
    out
}

/// The envelope after the milter's modifications. Parameters of a changed sender are kept apart by
/// no MTA in the same way and are left out.
pub fn apply_envelope(envelope: &Envelope, modifications: &[Modification]) -> Envelope {
    let mut envelope = envelope.clone();
    for modification in modifications {
        match modification {
            Modification::AddRecipient { address, .. } => {
                envelope.rcpt_to.push(bracketed(&String::from_utf8_lossy(address)));
            }
            Modification::DeleteRecipient { address } => {
                let gone = bracketed(&String::from_utf8_lossy(address));
                envelope.rcpt_to.retain(|r| bracketed(path_of(r)) != gone);
            }
            Modification::ChangeSender { address, .. } => {
                envelope.mail_from = bracketed(&String::from_utf8_lossy(address));
            }
            _ => {}
        }
    }
    envelope
}

/// The address of `<a@x> NOTIFY=NEVER`.
pub(super) fn path_of(argument: &str) -> &str {
    arguments(argument).first().copied().unwrap_or_default()
}

pub(super) fn bracketed(address: &str) -> String {
    if address.starts_with('<') { address.to_owned() } else { format!("<{address}>") }
}

fn change(header: &mut Vec<Option<Field>>, index: u32, name: &[u8], changed: Option<Field>) {
    let nth = usize::try_from(index.max(1)).unwrap_or(usize::MAX);
    let at = header
        .iter()
        .enumerate()
        .filter(|(_, f)| f.as_ref().is_some_and(|f| f.name.eq_ignore_ascii_case(name)))
        .map(|(at, _)| at)
        .nth(nth.saturating_sub(1));
    match (at, changed) {
        (Some(at), None) => drop(header.remove(at)),
        (Some(at), Some(field)) => {
            if let Some(slot) = header.get_mut(at) {
                *slot = Some(field);
            }
        }
        (None, Some(field)) => header.push(Some(field)),
        (None, None) => {}
    }
}

fn field(name: &[u8], value: &[u8], leading_space: bool) -> Field {
    let mut body = Vec::with_capacity(value.len() + 1);
    if !leading_space {
        body.push(b' ');
    }
    let mut after_lf = false;
    for &octet in value {
        // Postfix keeps a value from starting a new field.
        if after_lf && !matches!(octet, b' ' | b'\t') {
            body.push(b'\t');
        }
        body.push(octet);
        after_lf = octet == b'\n';
    }
    Field { name: name.to_vec(), body }
}

/// CRLF at each line, the last one too.
fn normalise(body: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(body.len() + body.len() / 40);
    let Some(lines) = body.strip_suffix(b"\n").or_else(|| (!body.is_empty()).then_some(body)) else {
        return out;
    };
    for line in lines.split(|&b| b == b'\n') {
        out.extend_from_slice(line.strip_suffix(b"\r").unwrap_or(line));
        out.extend_from_slice(b"\r\n");
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn add(name: &str, value: &str) -> Modification {
        Modification::AddHeader { name: name.into(), value: value.into() }
    }
    fn insert(index: u32, name: &str, value: &str) -> Modification {
        Modification::InsertHeader { index, name: name.into(), value: value.into() }
    }
    fn set(index: u32, name: &str, value: &str) -> Modification {
        Modification::ChangeHeader { index, name: name.into(), value: value.into() }
    }
    fn text(raw: &str, modifications: &[Modification]) -> String {
        String::from_utf8(apply(raw.as_bytes(), modifications)).unwrap()
    }

    #[test]
    fn without_modifications_only_line_ends_change() {
        let raw = "A:1\r\nB : 2\r\n\tfold\r\n\r\nline\r\n\r\n.\r\n";
        assert_eq!(text(raw, &[]), raw.replace("B :", "B:"));
        assert_eq!(text("A: 1\n\nno end", &[]), "A: 1\r\n\r\nno end\r\n");
    }

    #[test]
    fn indexes_shift_after_a_deletion() {
        let raw = "X: 1\nY: y\nx: 2\nX: 3\n\n";
        assert_eq!(text(raw, &[set(1, "X", ""), set(1, "X", "")]), "Y: y\r\nX: 3\r\n\r\n");
        assert_eq!(text(raw, &[set(3, "X", ""), set(2, "X", "")]), "X: 1\r\nY: y\r\n\r\n");
        assert_eq!(text(raw, &[set(2, "X", "new")]), "X: 1\r\nY: y\r\nX: new\r\nX: 3\r\n\r\n");
        assert_eq!(text(raw, &[set(0, "Y", "z")]), "X: 1\r\nY: z\r\nx: 2\r\nX: 3\r\n\r\n");
    }

    #[test]
    fn a_change_that_finds_nothing_adds_at_the_end() {
        assert_eq!(text("A: 1\n\n", &[set(2, "A", "2")]), "A: 1\r\nA: 2\r\n\r\n");
        assert_eq!(text("A: 1\n\n", &[set(2, "A", "")]), "A: 1\r\n\r\n");
        assert_eq!(text("A: 1\n\n", &[set(1, "Received", "r")]), "A: 1\r\nReceived: r\r\n\r\n");
    }

    #[test]
    fn insertions_count_from_the_received_field_of_the_mta() {
        let mods = [insert(1, "One", "1"), insert(0, "Zero", "0"), insert(9, "Last", "9"), add("End", "")];
        assert_eq!(
            text("A: a\nB: b\n\n", &mods),
            "Zero: 0\r\nOne: 1\r\nA: a\r\nB: b\r\nLast: 9\r\nEnd: \r\n\r\n"
        );
        let twice = [insert(1, "First", "1"), insert(1, "Later", "2")];
        assert_eq!(text("A: a\n\n", &twice), "Later: 2\r\nFirst: 1\r\nA: a\r\n\r\n");
    }

    #[test]
    fn values_cannot_start_a_field_of_their_own() {
        assert_eq!(text("", &[add("A", "1\nB: 2\n c")]), "A: 1\r\n\tB: 2\r\n c\r\n\r\n");
        assert_eq!(apply_with(b"", &[add("A", "1")], true), b"A:1\r\n\r\n");
    }

    #[test]
    fn a_new_body_gets_crlf() {
        let body = |b: &str| [Modification::ReplaceBody { packets: 1, body: b.into() }];
        assert_eq!(text("A: 1\n\nold", &body("a\nb\r\nc")), "A: 1\r\n\r\na\r\nb\r\nc\r\n");
        assert_eq!(text("A: 1\n\nold", &body("")), "A: 1\r\n\r\n");
        assert_eq!(text("A: 1\n\nold", &body("\r\n")), "A: 1\r\n\r\n\r\n");
    }

    #[test]
    fn the_envelope_follows_with_or_without_brackets() {
        let envelope = Envelope::new("<s@x>", ["<A@x> NOTIFY=NEVER", "b@x"]);
        let mods = [
            Modification::DeleteRecipient { address: b"A@x".to_vec() },
            Modification::DeleteRecipient { address: b"<B@x>".to_vec() },
            Modification::AddRecipient { address: b"c@x".to_vec(), parameters: vec![] },
            Modification::ChangeSender { address: b"<>".to_vec(), parameters: vec![] },
        ];
        assert_eq!(apply_envelope(&envelope, &mods), Envelope::new("<>", ["b@x", "<c@x>"]));
    }
}
