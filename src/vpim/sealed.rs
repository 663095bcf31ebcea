//! Contents that nobody on the way may change: signed, encrypted, in fragments or elsewhere.

use crate::message::{Entity, Message};

/// What is sealed in a message, as a whole or in a part; `None` where nothing is.
pub fn what(message: &Message<'_>) -> Option<&'static str> {
    message.entities().find_map(|(_, e)| sealed(message, e))
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
