//! What must not be changed, and the check of what was.
//!
//! What the sender says of conversion counts: `Conversion` for the message, `Conversion-With-Loss` for
//! what a conversion would lose of a body (RFC 2156 5.3.6), `Content-Convert` for a body and the form it
//! may take (RFC 4141 7). Where that field is missing, the administrator's route is the permission.

use super::Refused;
use crate::limits::Limits;
use crate::message::edit::EditList;
use crate::message::{EntityId, Message, value};
use crate::vpim::sealed;
use mime::Mime;

/// How a note ends that says of a body that nothing was done to it.
pub(super) const LEFT: &str = "left as it came";

/// Refuses messages that no conversion may touch: signed, encrypted or fragmented content anywhere
/// in them, a conversion ban of the sender (RFC 2156 5.3.6), structures that two readers may read
/// differently.
pub fn may_change(message: &Message<'_>) -> Result<(), Refused> {
    if let Some(what) = sealed::what(message) {
        return Err(Refused::Untouchable(format!("{what}: nothing in it may change")));
    }
    if is_prohibited(message, "Conversion") {
        return Err(Refused::Untouchable("Conversion: prohibited".to_owned()));
    }
    if let Some(defect) = message.defects().iter().find(|d| d.kind.blocks_conversion()) {
        let line = message.line(defect.at);
        return Err(Refused::Untouchable(format!("{} (line {line})", defect.kind.text())));
    }
    Ok(())
}

fn is_prohibited(message: &Message<'_>, name: &str) -> bool {
    let says = |v: &[u8]| value::unfolded(v).eq_ignore_ascii_case("prohibited");
    message.value(message.root(), name).is_some_and(says)
}

/// Whether the body `id` may become `target` at the price of `losses`; else what forbids it.
pub fn may_become(
    message: &Message<'_>,
    id: EntityId,
    target: &Mime,
    losses: &[String],
) -> Result<(), String> {
    for entity in message.lineage(id) {
        let stated = message.value(entity, "Content-Convert").map(value::unfolded);
        if let Some(stated) = stated.filter(|s| !permits(s, target)) {
            let stated: String = stated.chars().take(60).collect();
            return Err(format!("Content-Convert: {stated} does not permit {}", target.essence_str()));
        }
    }
    may_lose(message, losses)
}

/// Whether `losses` are allowed; else what forbids them.
pub fn may_lose(message: &Message<'_>, losses: &[String]) -> Result<(), String> {
    match losses.iter().find(|loss| !loss.ends_with(LEFT)) {
        Some(loss) if is_prohibited(message, "Conversion-With-Loss") => {
            Err(format!("Conversion-With-Loss: prohibited, and converted it would lose: {loss}"))
        }
        _ => Ok(()),
    }
}

/// `ANY`, or a list of final forms (RFC 2533) of which one is of the type. What the list says of other
/// features, or excludes, is not understood and permits nothing.
fn permits(stated: &str, target: &Mime) -> bool {
    let stated = stated.trim().to_ascii_lowercase();
    if stated == "any" || stated.contains('!') {
        return stated == "any";
    }
    let types = stated.split('(').filter_map(|term| {
        let value = term.trim_start().strip_prefix("type")?.trim_start().strip_prefix('=')?;
        value.split(')').next()
    });
    let mut names =
        types.flat_map(|value| value.split(',')).map(|n| n.trim_matches([' ', '\t', '[', ']', '"']));
    names.any(|name| name.eq_ignore_ascii_case(target.essence_str()))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_of_forms_permits_the_types_in_it() {
        let tiff: Mime = "image/tiff".parse().unwrap();
        for (stated, permitted) in [
            ("ANY", true),
            (" any ", true),
            ("NONE", false),
            ("", false),
            ("(type=\"image/tiff\")", true),
            ("(& (type = image/tiff) (image-coding=MH))", true),
            ("(| (type=\"image/jpeg\") (type=[\"image/gif\", \"Image/TIFF\"]))", true),
            ("(type=\"image/tiff-fx\")", false),
            ("(! (type=\"image/tiff\"))", false),
            ("(image-coding=MH)", false),
            ("(((((type", false),
        ] {
            assert_eq!(permits(stated, &tiff), permitted, "{stated}");
        }
    }
}
