//! Critical content (RFC 3459): which parts the sender says may be missing.

use super::Refused;
use super::convert::is_part_error;
use crate::message::{Content, EntityId, Message};

/// What becomes of a part that cannot be converted: a loss to record where the part is marked as
/// optional (3.2), else the refusal. `depth` says how often the message itself is enclosed.
pub fn without(message: &Message<'_>, id: EntityId, depth: u8, refused: Refused) -> Result<String, Refused> {
    match (mark(message, id, depth), refused) {
        (Some(true), refused) if is_part_error(&refused) => Ok(format!("{refused}: optional, dropped")),
        // RFC 3459 8: a required part that fails is media not supported.
        (Some(false), Refused::NotSupported { part, why }) => Err(Refused::Unreadable { part, why }),
        (_, refused) => Err(refused),
    }
}

/// The mark of a part, true for optional; an unknown value counts as required (3.4). Marks inside an
/// enclosed message are those of its own sender (12.3).
pub fn mark(message: &Message<'_>, id: EntityId, depth: u8) -> Option<bool> {
    let enclosed = message.lineage(id).skip(1).any(|e| matches!(e.content, Content::Message { .. }));
    let disposition = message.entity(id).filter(|_| depth == 0 && !enclosed)?.disposition.as_ref()?;
    disposition.parameters.value("handling").map(|v| v.trim().eq_ignore_ascii_case("optional"))
}
