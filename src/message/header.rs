//! Header blocks: where each field is, octet for octet (RFC 5322 2.2).
//!
//! A field is found, not interpreted: its name, its value with folds and all, its line end. Field
//! values are read by [`super::value`] and [`super::structured`].

use super::defect::{Defect, DefectKind};
use super::span::Span;
use crate::limits::Limits;

/// One header field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Field {
    /// The name, without blanks before the colon.
    pub name: Span,
    /// Everything behind the colon up to the line end that closes the field.
    pub value: Span,
    /// The whole field with its last line end.
    pub span: Span,
}

/// The header of one entity.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HeaderBlock {
    /// The fields, in order.
    pub fields: Vec<Field>,
    /// All fields, without the empty line.
    pub span: Span,
    /// Where the body begins: behind the empty line, or where the header broke off.
    pub body_start: usize,
}

/// The end of the line that starts at `from`: (end of its text, start of the next line).
pub(super) fn line_end(raw: &[u8], from: usize, end: usize) -> (usize, usize) {
    match memchr::memchr(b'\n', raw.get(from..end).unwrap_or_default()) {
        Some(at) => {
            let lf = from + at;
            let text = if lf > from && raw.get(lf - 1) == Some(&b'\r') { lf - 1 } else { lf };
            (text, lf + 1)
        }
        None => (end, end),
    }
}

/// Scans the header that starts at `start`. `is_delimiter` says whether the line at an offset is a
/// boundary of an enclosing multipart: a header ends there even without its empty line.
pub(super) fn scan(
    raw: &[u8],
    start: usize,
    limits: &Limits,
    defects: &mut Vec<Defect>,
    is_delimiter: impl Fn(usize) -> bool,
) -> HeaderBlock {
    let mut fields: Vec<Field> = Vec::new();
    let mut at = start;
    let mut over = false;
    let body_start = loop {
        if at >= raw.len() {
            break at;
        }
        let (text_end, next) = line_end(raw, at, raw.len());
        if text_end == at {
            break next;
        }
        let line = Span::new(at, text_end).of(raw);
        if matches!(line.first(), Some(b' ' | b'\t')) && at > start {
            if let Some(field) = fields.last_mut() {
                field.value.end = text_end;
                field.span.end = next;
            }
        } else if let Some(field) = field_at(raw, at, text_end, next).filter(|_| !is_delimiter(at)) {
            if fields.len() >= limits.header_fields {
                over = true;
            } else {
                fields.push(field);
            }
        } else if at == 0 && line.starts_with(b"From ") {
            defects.push(Defect::new(DefectKind::MboxLine, at));
        } else {
            if !is_delimiter(at) {
                defects.push(Defect::new(DefectKind::HeaderBroken, at));
            }
            break at;
        }
        at = next;
    };
    let too_long = fields.iter().find(|f| f.span.len() > limits.header_field_bytes);
    if over || too_long.is_some() || body_start.saturating_sub(start) > limits.header_bytes {
        defects.push(Defect::new(DefectKind::HeaderTooLarge, too_long.map_or(start, |f| f.span.start)));
    }
    let end = fields.last().map_or(start, |f| f.span.end);
    HeaderBlock { span: Span::new(start, end.min(body_start)), fields, body_start }
}

/// `name ":" value`, where the name is printable ASCII; blanks before the colon are tolerated as
/// MTAs do.
fn field_at(raw: &[u8], at: usize, text_end: usize, next: usize) -> Option<Field> {
    let line = Span::new(at, text_end).of(raw);
    let colon = memchr::memchr(b':', line)?;
    let name = line.get(..colon)?;
    let trimmed = name.trim_ascii_end();
    if trimmed.is_empty() || !trimmed.iter().all(|c| (33..=126).contains(c)) {
        return None;
    }
    Some(Field {
        name: Span::new(at, at + trimmed.len()),
        value: Span::new(at + colon + 1, text_end),
        span: Span::new(at, next),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scanned(raw: &str) -> (HeaderBlock, Vec<Defect>) {
        let mut defects = Vec::new();
        let block = scan(raw.as_bytes(), 0, &Limits::default(), &mut defects, |_| false);
        (block, defects)
    }

    #[test]
    fn folded_fields_keep_every_octet() {
        let raw = "A: one\r\n two\r\nB :x\r\n\r\nbody";
        let (block, defects) = scanned(raw);
        assert!(defects.is_empty());
        let text = |s: Span| std::str::from_utf8(s.of(raw.as_bytes())).unwrap();
        assert_eq!(text(block.fields[0].value), " one\r\n two");
        assert_eq!(text(block.fields[0].span), "A: one\r\n two\r\n");
        assert_eq!((text(block.fields[1].name), text(block.fields[1].value)), ("B", "x"));
        assert_eq!(&raw[block.body_start..], "body");
    }

    #[test]
    fn a_malformed_line_starts_the_body_as_in_postfix() {
        let raw = "A: one\nno colon here\nB: x\n\nbody";
        let (block, defects) = scanned(raw);
        assert_eq!(block.fields.len(), 1);
        assert_eq!(&raw[block.body_start..], "no colon here\nB: x\n\nbody");
        assert_eq!(defects[0].kind, DefectKind::HeaderBroken);
    }

    #[test]
    fn a_header_without_end_has_an_empty_body() {
        let raw = "A: one\r\nB: two";
        let (block, _) = scanned(raw);
        assert_eq!(block.fields.len(), 2);
        assert_eq!(block.body_start, raw.len());
    }

    #[test]
    fn too_many_fields_are_a_defect_and_stay_bounded() {
        let raw = "X: y\r\n".repeat(20);
        let limits = Limits { header_fields: 5, ..Limits::default() };
        let mut defects = Vec::new();
        let block = scan(raw.as_bytes(), 0, &limits, &mut defects, |_| false);
        assert_eq!(block.fields.len(), 5);
        assert_eq!(defects[0].kind, DefectKind::HeaderTooLarge);
    }
}
