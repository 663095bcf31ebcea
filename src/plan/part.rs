//! Header fields and bodies of parts we make.

use crate::message::edit::EditList;
use crate::message::mend::OF_THE_BODY;
pub use crate::message::mend::{move_outside, remove_part, set_field};
use crate::message::{Content, EntityId, Eol, Message, Span, transfer};

/// `Content-*` fields of a new part, in order: (name, value without leading blank).
pub type Fields = Vec<(&'static str, String)>;

/// A part: fields, empty line, base64 body without a final line end.
pub fn base64_part(fields: &Fields, kept: &[u8], bytes: &[u8], eol: Eol) -> Vec<u8> {
    let mut out = header(fields, kept, eol);
    let body = transfer::encode_base64(bytes, eol.text());
    out.extend_from_slice(body.strip_suffix(eol.text().as_bytes()).unwrap_or(&body));
    out
}

/// A `text/plain` part in UTF-8, without a final line end. Lines end with LF in `text`.
pub fn text_part(text: &str, eol: Eol) -> Vec<u8> {
    let (mut fields, body) = text_body(text, eol);
    fields.push(("Content-Disposition", "inline".to_owned()));
    let mut out = header(&fields, &[], eol);
    out.extend_from_slice(body.strip_suffix(eol.text().as_bytes()).unwrap_or(&body));
    out
}

/// The fields and the body of a `text/plain` in UTF-8, with a final line end.
pub fn text_body(text: &str, eol: Eol) -> (Fields, Vec<u8>) {
    let (charset, encoding) =
        if text.is_ascii() { ("us-ascii", "7bit") } else { ("utf-8", "quoted-printable") };
    let fields: Fields = vec![
        ("Content-Type", format!("text/plain; charset={charset}")),
        ("Content-Transfer-Encoding", encoding.to_owned()),
    ];
    let mut lines: Vec<String> =
        text.trim_end().split('\n').map(|l| quoted_printable_unless_ascii(l, text, eol)).collect();
    lines.push(String::new());
    (fields, lines.join(eol.text()).into_bytes())
}

/// Fields, kept fields and the empty line.
pub fn header(fields: &Fields, kept: &[u8], eol: Eol) -> Vec<u8> {
    let mut out = Vec::new();
    for (name, value) in fields {
        out.extend_from_slice(format!("{name}: {value}{}", eol.text()).as_bytes());
    }
    out.extend_from_slice(kept);
    out.extend_from_slice(eol.text().as_bytes());
    out
}

/// One line in quoted-printable (RFC 2045 6.7), soft breaks at 76; ASCII text stays as it is.
fn quoted_printable_unless_ascii(line: &str, whole: &str, eol: Eol) -> String {
    if whole.is_ascii() {
        return line.to_owned();
    }
    let mut out = String::new();
    let mut width = 0;
    for (at, octet) in line.bytes().enumerate() {
        let last = at + 1 == line.len();
        let literal = (33..=126).contains(&octet) && octet != b'=' || (octet == b' ' && !last);
        let text = if literal { char::from(octet).to_string() } else { format!("={octet:02X}") };
        if width + text.len() > 75 {
            out.push('=');
            out.push_str(eol.text());
            width = 0;
        }
        width += text.len();
        out.push_str(&text);
    }
    out
}

/// Takes those fields off the message.
pub fn take_body_fields(edits: &mut EditList, message: &Message<'_>) {
    for name in OF_THE_BODY {
        set_field(edits, message, 0, name, None);
    }
}

/// The fields of a part that survive its conversion, octet for octet: all but those that describe
/// the old octets.
pub fn kept_fields(message: &Message<'_>, id: EntityId) -> Vec<u8> {
    const REPLACED: [&str; 8] = [
        "Content-Type",
        "Content-Transfer-Encoding",
        "Content-Disposition",
        "Content-Duration",
        "Content-MD5",
        "Content-Features",
        "Content-Length",
        "Lines",
    ];
    let Some(entity) = message.entity(id) else { return Vec::new() };
    let raw = message.raw();
    let mut out = Vec::new();
    for field in &entity.header.fields {
        let name = field.name.of(raw);
        let is_one_of = |names: &[&str]| names.iter().any(|n| name.eq_ignore_ascii_case(n.as_bytes()));
        if is_one_of(&REPLACED) || (id == 0 && !is_one_of(&OF_THE_BODY)) {
            continue;
        }
        out.extend_from_slice(field.span.of(raw));
    }
    out
}

/// Makes `part` the first part of the multipart `id`.
pub fn insert_first(edits: &mut EditList, message: &Message<'_>, id: EntityId, part: &[u8]) {
    let Some(Content::Multipart { boundary, delimiters, .. }) = message.entity(id).map(|e| &e.content) else {
        return;
    };
    let Some(first) = delimiters.first() else { return };
    let eol = message.eol().text();
    let mut with = format!("--{boundary}{eol}").into_bytes();
    with.extend_from_slice(part);
    with.extend_from_slice(eol.as_bytes());
    edits.body(Span::at(first.line.start), with);
}

/// A multipart body of `parts` (each without a final line end).
pub fn multipart_body(boundary: &str, parts: &[Vec<u8>], eol: Eol) -> Vec<u8> {
    let eol = eol.text();
    let mut out = Vec::with_capacity(parts.iter().map(|p| p.len() + boundary.len() + 8).sum());
    for part in parts {
        out.extend_from_slice(format!("--{boundary}{eol}").as_bytes());
        out.extend_from_slice(part);
        out.extend_from_slice(eol.as_bytes());
    }
    out.extend_from_slice(format!("--{boundary}--{eol}").as_bytes());
    out
}

/// A multipart of type `content_type` as a part, without a final line end.
pub fn nested(content_type: &str, body: &[u8], eol: Eol) -> Vec<u8> {
    let mut out = header(&vec![("Content-Type", content_type.to_owned())], &[], eol);
    out.extend_from_slice(body.strip_suffix(eol.text().as_bytes()).unwrap_or(body));
    out
}

/// A quoted parameter value.
pub fn quoted(value: &str) -> String {
    let mut out = String::from("\"");
    for c in value.chars().filter(|c| !c.is_control()) {
        if matches!(c, '"' | '\\') {
            out.push('\\');
        }
        out.push(c);
    }
    out.push('"');
    out
}
