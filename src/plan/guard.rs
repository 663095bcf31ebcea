//! What must not be changed, and the check of what was.

use super::Refused;
use crate::limits::Limits;
use crate::message::Entity;
use crate::message::edit::EditList;
use crate::message::{Message, value};

/// Refuses messages that no conversion may touch: signed, encrypted or fragmented content anywhere
/// in them, a conversion ban of the sender (RFC 2156 5.3.6), structures that two readers may read
/// differently.
pub fn may_change(message: &Message<'_>) -> Result<(), Refused> {
    if let Some(what) = message.entities().find_map(|(_, e)| sealed(message, e)) {
        return Err(Refused::Untouchable(format!("{what}: nothing in it may change")));
    }
    for name in ["Conversion", "Conversion-With-Loss"] {
        let banned = |v: &[u8]| value::unfolded(v).eq_ignore_ascii_case("prohibited");
        if message.value(message.root(), name).is_some_and(banned) {
            return Err(Refused::Untouchable(format!("{name}: prohibited")));
        }
    }
    if let Some(defect) = message.defects().iter().find(|d| d.kind.blocks_conversion()) {
        let line = message.line(defect.at);
        return Err(Refused::Untouchable(format!("{} (line {line})", defect.kind.text())));
    }
    Ok(())
}

/// True where the message is signed or encrypted as a whole or in a part.
pub fn is_sealed(message: &Message<'_>) -> bool {
    message.entities().any(|(_, e)| sealed(message, e).is_some())
}

fn sealed(message: &Message<'_>, entity: &Entity) -> Option<&'static str> {
    let ct = &entity.content_type;
    match (ct.main.as_str(), ct.sub.as_str()) {
        ("multipart", "signed") => Some("multipart/signed"),
        ("multipart", "encrypted") => Some("multipart/encrypted"),
        ("application", "pkcs7-mime" | "x-pkcs7-mime") => Some("S/MIME"),
        ("message", "partial") => Some("message/partial"),
        ("message", "external-body") => Some("message/external-body"),
        ("text", _) if entity.is_leaf() => {
            let body = entity.body.of(message.raw()).trim_ascii_start();
            (body.starts_with(b"-----BEGIN PGP ")).then_some("inline PGP")
        }
        _ => None,
    }
}

/// Applies the edits and reads the result again: it must have no defect that the original had not,
/// and every leaf no edit touches must still be there, in order, octet for octet.
pub fn verify(message: &Message<'_>, edits: &EditList, limits: &Limits) -> Result<(), Refused> {
    if edits.is_empty() {
        return Ok(());
    }
    let out = edits.apply(message)?;
    let after = Message::parse(&out, limits);
    if let Some(defect) = after.defects().iter().find(|d| d.kind.blocks_conversion()) {
        return Err(Refused::Internal(format!("the converted message has a defect: {}", defect.kind.text())));
    }
    let mut leaves = after.entities().filter(|(_, e)| e.is_leaf()).map(|(_, e)| e.body.of(after.raw()));
    for (id, entity) in message.entities().filter(|(_, e)| e.is_leaf()) {
        let octets = entity.body.of(message.raw());
        if !edits.touches(entity.span()) && !leaves.any(|leaf| leaf == octets) {
            let part = message.part_number(id).unwrap_or_default();
            return Err(Refused::Internal(format!("part {part} would change")));
        }
    }
    Ok(())
}
