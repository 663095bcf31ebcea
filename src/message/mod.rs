//! A message as bytes and structure (RFC 5322, 2045, 2046): the tree with exact offsets, header
//! values, transfer encodings, and the edits that turn one message into another.
//!
//! Nothing here changes a byte by itself: reading gives spans of the input, and [`edit`] is the only
//! way to make output, so that everything outside an edit is the input.

pub mod addresses;
mod compose;
pub mod defect;
pub mod edit;
pub mod header;
pub mod mend;
pub mod span;
pub mod structured;
pub mod transfer;
pub mod tree;
pub mod value;

pub use defect::{Defect, DefectKind};
pub use header::Field;
pub use span::Span;
pub use structured::{ContentType, Parameterized};
pub use transfer::Encoding;
pub use tree::{Content, Entity, EntityId, PartPath};

use crate::limits::Limits;

/// The line ends of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Eol {
    /// CRLF, as in transit.
    Crlf,
    /// LF only, as in a mailbox file.
    Lf,
}

impl Eol {
    /// The octets.
    pub fn text(self) -> &'static str {
        match self {
            Eol::Crlf => "\r\n",
            Eol::Lf => "\n",
        }
    }
}

/// A message and its structure.
#[derive(Clone, Debug)]
pub struct Message<'a> {
    raw: &'a [u8],
    entities: Vec<Entity>,
    defects: Vec<Defect>,
    eol: Eol,
}

impl<'a> Message<'a> {
    /// Reads any octets; what is wrong with them becomes [`Message::defects`].
    pub fn parse(raw: &'a [u8], limits: &Limits) -> Self {
        let (entities, mut defects) = tree::read(raw, limits);
        let eol = line_ends(raw, &entities, &mut defects);
        defects.sort_by_key(|d| d.at);
        Message { raw, entities, defects, eol }
    }

    /// The message as received.
    pub fn raw(&self) -> &'a [u8] {
        self.raw
    }

    /// All entities in order of appearance; the first is the message itself.
    pub fn entities(&self) -> impl Iterator<Item = (EntityId, &Entity)> {
        self.entities.iter().enumerate()
    }

    /// The message's own entity.
    pub fn root(&self) -> &Entity {
        // `tree::read` opens the root whatever the input, unless the limit of parts is 0.
        self.entities.first().expect("a message has a root entity; limits.mime_parts is at least 1")
    }

    /// The entity `id`.
    pub fn entity(&self, id: EntityId) -> Option<&Entity> {
        self.entities.get(id)
    }

    /// The entity `id` and its ancestors, innermost first.
    pub fn lineage(&self, id: EntityId) -> impl Iterator<Item = &Entity> {
        std::iter::successors(self.entity(id), |e| e.parent.and_then(|p| self.entity(p)))
    }

    /// The number of a part in reports: `None` for a multipart message itself, `1` for the body of a
    /// message that is a single part.
    pub fn part_number(&self, id: EntityId) -> Option<String> {
        let entity = self.entity(id)?;
        match (entity.path.is_root(), entity.is_leaf()) {
            (true, true) => Some("1".to_owned()),
            (true, false) => None,
            _ => Some(entity.path.to_string()),
        }
    }

    /// Structural defects in order of appearance.
    pub fn defects(&self) -> &[Defect] {
        &self.defects
    }

    /// The line ends used.
    pub fn eol(&self) -> Eol {
        self.eol
    }

    /// Fields of `entity` called `name`, without case.
    pub fn fields<'m>(&'m self, entity: &'m Entity, name: &'m str) -> impl Iterator<Item = &'m Field> {
        tree::fields(self.raw, &entity.header, name)
    }

    /// The octets of the first field `name` of `entity`, behind the colon.
    pub fn value<'m>(&'m self, entity: &'m Entity, name: &'m str) -> Option<&'m [u8]> {
        self.fields(entity, name).next().map(|f| f.value.of(self.raw))
    }

    /// The decoded body of a leaf.
    pub fn decoded(&self, entity: &Entity) -> transfer::Decoded<'a> {
        transfer::decode(&entity.encoding, entity.body.of(self.raw))
    }

    /// The line number (from 1) of an offset.
    pub fn line(&self, at: usize) -> usize {
        memchr::memchr_iter(b'\n', self.raw.get(..at.min(self.raw.len())).unwrap_or_default()).count() + 1
    }
}

/// Finds the style of line ends, and bare CR, bare LF and NUL outside binary parts.
fn line_ends(raw: &[u8], entities: &[Entity], defects: &mut Vec<Defect>) -> Eol {
    let binary: Vec<Span> =
        entities.iter().filter(|e| e.is_leaf() && e.encoding == Encoding::Binary).map(|e| e.body).collect();
    let in_binary = |at: usize| binary.iter().any(|s| s.start <= at && at < s.end);
    let (mut crlf, mut bare_lf, mut bare_cr) = (0usize, None, None);
    for at in memchr::memchr2_iter(b'\r', b'\n', raw) {
        match raw.get(at) {
            Some(b'\n') if at > 0 && raw.get(at - 1) == Some(&b'\r') => crlf += 1,
            Some(b'\n') if bare_lf.is_none() && !in_binary(at) => bare_lf = Some(at),
            Some(b'\r') if bare_cr.is_none() && raw.get(at + 1) != Some(&b'\n') && !in_binary(at) => {
                bare_cr = Some(at)
            }
            _ => {}
        }
    }
    let nul = memchr::memchr_iter(0, raw).find(|at| !in_binary(*at));
    let mut report = |kind, at: Option<usize>| defects.extend(at.map(|at| Defect::new(kind, at)));
    report(DefectKind::BareCr, bare_cr);
    report(DefectKind::Nul, nul);
    if crlf == 0 && bare_lf.is_some() {
        return Eol::Lf;
    }
    report(DefectKind::BareLf, bare_lf);
    Eol::Crlf
}

#[cfg(test)]
mod tests;
