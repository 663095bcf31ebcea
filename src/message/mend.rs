//! The smallest edits of fields and parts that repairs and conversions have in common.

use super::edit::{EditList, HeaderEdit, Place};
use super::{Content, EntityId, Message, Span};
use sha2::{Digest, Sha256};

/// Fields of a message that describe its body: they go into the part the body becomes.
pub const OF_THE_BODY: [&str; 11] = [
    "Content-Transfer-Encoding",
    "Content-Disposition",
    "Content-Duration",
    "Content-Description",
    "Content-ID",
    "Content-Language",
    "Content-MD5",
    "Content-Location",
    "Content-Convert",
    "Content-Features",
    "Content-Previous",
];

/// Sets (or, with `None`, removes) a field of a message or an embedded message.
pub fn set_field(edits: &mut EditList, message: &Message<'_>, id: EntityId, name: &str, value: Option<&str>) {
    let Some(entity) = message.entity(id) else { return };
    let (raw, eol) = (message.raw(), message.eol().text());
    let mut found = false;
    for (index, field) in entity.header.fields.iter().enumerate() {
        if !field.name.of(raw).eq_ignore_ascii_case(name.as_bytes()) {
            continue;
        }
        let new = value.filter(|_| !found).map(|v| format!(" {v}"));
        found = true;
        if new.as_deref().is_some_and(|v| v.as_bytes() == field.value.of(raw)) {
            continue;
        }
        match (id, new) {
            (0, Some(value)) => edits.header(HeaderEdit::Replace { field: index, value: value.into_bytes() }),
            (0, None) => edits.header(HeaderEdit::Delete { field: index }),
            (_, Some(value)) => edits.body(field.value, value.into_bytes()),
            (_, None) => edits.body(field.span, Vec::new()),
        }
    }
    match value {
        Some(value) if !found && id == 0 => {
            edits.header(HeaderEdit::Insert {
                place: Place::Fields,
                name: name.to_owned(),
                value: format!(" {value}").into(),
            });
        }
        Some(value) if !found => {
            edits.body(Span::at(entity.header.span.end), format!("{name}: {value}{eol}").into_bytes());
        }
        _ => {}
    }
}

/// Removes a part with its delimiter.
pub fn remove_part(edits: &mut EditList, message: &Message<'_>, id: EntityId) {
    let Some(parent) = message.entity(id).and_then(|e| e.parent).and_then(|p| message.entity(p)) else {
        return;
    };
    let Content::Multipart { delimiters, children, .. } = &parent.content else { return };
    let Some(index) = children.iter().position(|c| *c == id) else { return };
    let (Some(from), to) = (delimiters.get(index), delimiters.get(index + 1)) else { return };
    let end = to.map_or(parent.body.end, |d| d.line.start);
    edits.body(Span::new(from.line.start, end), Vec::new());
}

/// Moves a part out of its multipart, behind it, into the multipart around that; false where there is
/// none.
pub fn move_outside(edits: &mut EditList, message: &Message<'_>, id: EntityId) -> bool {
    let Some(entity) = message.entity(id) else { return false };
    let Some(inner) = entity.parent else { return false };
    let outer = message.entity(inner).and_then(|e| e.parent).and_then(|p| message.entity(p));
    let Some(Content::Multipart { boundary, delimiters, children }) = outer.map(|e| &e.content) else {
        return false;
    };
    let next = children.iter().position(|c| *c == inner).and_then(|index| delimiters.get(index + 1));
    let Some(next) = next else { return false };
    let eol = message.eol().text();
    let mut with = format!("--{boundary}{eol}").into_bytes();
    with.extend_from_slice(entity.span().of(message.raw()));
    with.extend_from_slice(eol.as_bytes());
    edits.body(Span::at(next.line.start), with);
    remove_part(edits, message, id);
    true
}

/// A boundary that occurs neither in the message nor in the new parts; made from their octets, so
/// that the same message gives the same output.
pub fn boundary(message: &Message<'_>, parts: &[Vec<u8>]) -> String {
    let mut salt = 0u32;
    loop {
        let mut hash = Sha256::new();
        hash.update(salt.to_le_bytes());
        hash.update(message.raw());
        let digest: String = hash.finalize().iter().take(12).map(|b| format!("{b:02x}")).collect();
        let boundary = format!("=_vpim_{digest}");
        let occurs = |octets: &[u8]| memchr::memmem::find(octets, boundary.as_bytes()).is_some();
        if !occurs(message.raw()) && !parts.iter().any(|p| occurs(p)) {
            return boundary;
        }
        salt += 1;
    }
}

/// An identifier for a message that has none, from its octets, so that the same message gets the same
/// (RFC 5322 3.6.4).
pub fn identifier(message: &Message<'_>, host: &str) -> String {
    format!("<{}@{host}>", boundary(message, &[]).trim_start_matches("=_"))
}
