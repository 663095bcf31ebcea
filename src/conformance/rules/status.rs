//! The machine-readable part of a report, as groups of fields: RFC 3464 2.1, RFC 8098 3.1.

use super::lookup::*;
use crate::conformance::rule::Findings;
use crate::message::edit::EditList;
use crate::message::{Entity, EntityId};
use crate::vpim::Survey;

/// Delivery notifications.
pub const DSN: &str = "delivery-status";
/// Disposition notifications.
pub const MDN: &str = "disposition-notification";

/// More groups of fields than this are not read.
const MAX_BLOCKS: usize = 1_000;

/// A group of fields: names in lower case, values.
pub type Block = Vec<(String, String)>;

/// True for a report that says it is of this kind.
pub fn says(s: &Survey<'_>, kind: &str) -> bool {
    let stated = s.message.root().content_type.parameters.value("report-type");
    s.is_report() && stated.is_some_and(|t| t.eq_ignore_ascii_case(kind))
}

/// The machine-readable parts of a report of this kind, as groups of fields.
pub fn status<'a>(s: &'a Survey<'_>, kind: &'a str) -> impl Iterator<Item = (EntityId, Vec<Block>)> + 'a {
    s.children(s.message.root())
        .filter(move |(_, e)| s.is_report() && e.content_type.main == "message" && e.content_type.sub == kind)
        .map(|(id, e)| (id, blocks(s, e)))
}

/// The groups of fields of a part.
pub fn blocks(s: &Survey<'_>, e: &Entity) -> Vec<Block> {
    let decoded = s.message.decoded(e).bytes;
    let text = String::from_utf8_lossy(&decoded);
    let mut out: Vec<Block> = vec![Vec::new()];
    for line in text.lines() {
        let full = out.len() >= MAX_BLOCKS;
        match out.last_mut() {
            Some(block) if line.starts_with([' ', '\t']) => {
                if let Some((_, value)) = block.last_mut() {
                    value.push_str(line);
                }
            }
            Some(block) if line.trim().is_empty() && !block.is_empty() && !full => out.push(Vec::new()),
            Some(block) => {
                if let Some((name, value)) = line.split_once(':') {
                    block.push((name.trim().to_ascii_lowercase(), value.trim().to_owned()));
                }
            }
            None => {}
        }
    }
    out.retain(|b| !b.is_empty());
    out
}

/// The value of a field of a group.
pub fn of<'b>(block: &'b Block, name: &str) -> Option<&'b str> {
    block.iter().find(|(n, _)| n == name).map(|(_, v)| v.as_str())
}

/// A field of the form `type; value`.
pub fn typed(block: &Block, name: &str) -> bool {
    of(block, name)
        .and_then(|v| v.split_once(';'))
        .is_some_and(|(t, v)| !t.trim().is_empty() && !v.trim().is_empty())
}

/// Parts of this kind are 7bit.
pub fn plain_text_only(s: &Survey<'_>, f: &mut Findings<'_>, kind: &str) {
    let of_kind = |e: &Entity| e.content_type.main == "message" && e.content_type.sub == kind;
    for (id, e) in s.children(s.message.root()).filter(|(_, e)| s.is_report() && of_kind(e)) {
        if e.encoding.name() != "7bit" || !e.body.of(s.message.raw()).is_ascii() {
            f.entity(id, format!("message/{kind} in {}", e.encoding.name()));
        }
    }
}

/// The report-type parameter names the machine-readable part of this kind.
pub fn report_of(s: &Survey<'_>, f: &mut Findings<'_>, kind: &str) {
    let root = s.message.root();
    if is_second(s, kind) && !says(s, kind) {
        let stated = root.content_type.parameters.value("report-type").unwrap_or_default();
        f.entity(ROOT, format!("{} with report-type {}", root.content_type.essence(), quoted(stated)));
    }
}

/// True where the second part is machine-readable and of this kind.
fn is_second(s: &Survey<'_>, kind: &str) -> bool {
    let second = s.children(s.message.root()).nth(1);
    second.is_some_and(|(_, e)| e.content_type.main == "message" && e.content_type.sub == kind)
}

/// Writes the report-type parameter of a report that has none.
pub fn set_report_type(s: &Survey<'_>, edits: &mut EditList, kind: &str) {
    let missing = s.message.root().content_type.parameters.value("report-type").is_none();
    if let Some(field) = s.top("Content-Type").filter(|_| missing && s.is_report() && is_second(s, kind)) {
        s.append_parameter(edits, ROOT, field, &format!("report-type={kind}"));
    }
}
