//! The entity tree of a message: every header, body and delimiter with its exact byte range
//! (RFC 2045, RFC 2046).
//!
//! One pass over the bytes with a stack of open boundaries; no recursion, so nesting costs no stack.
//! Any line that begins with `--boundary` is a delimiter (RFC 2046 5.1.1: "it is sufficient that the
//! boundary appear in its entirety following the CRLF"); where several open boundaries fit, the
//! longest wins, so that `b` inside `b1` cannot end it. Bounded by `mime_depth` and `mime_parts`;
//! what lies beyond is an opaque leaf and a defect.

use super::defect::{Defect, DefectKind};
use super::header::{self, Field, HeaderBlock, line_end};
use super::span::Span;
use super::structured::{ContentType, Parameterized, parameterized};
use super::transfer::Encoding;
use crate::limits::Limits;
use std::fmt;

/// Boundaries longer than this are not searched for (70 are legal).
const MAX_BOUNDARY: usize = 256;

/// The number of a part as IMAP counts (RFC 3501 6.4.5): `1`, `1.2`, `2.1.3`. The message itself is
/// the empty path; the root of an embedded message has the path of the part that carries it.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PartPath(Vec<u32>);

impl PartPath {
    /// The path of the `n`th child (from 1).
    pub fn child(&self, n: usize) -> PartPath {
        let mut path = self.0.clone();
        path.push(u32::try_from(n).unwrap_or(u32::MAX));
        PartPath(path)
    }

    /// True for the message itself.
    pub fn is_root(&self) -> bool {
        self.0.is_empty()
    }
}

impl fmt::Display for PartPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, n) in self.0.iter().enumerate() {
            write!(f, "{}{n}", if i == 0 { "" } else { "." })?;
        }
        Ok(())
    }
}

/// Index of an entity in its [`super::Message`].
pub type EntityId = usize;

/// One boundary line of a multipart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Delimiter {
    /// The line from `--` to its line end.
    pub line: Span,
    /// Where the line end before it begins, which belongs to the delimiter (RFC 2046 5.1.1).
    pub start: usize,
    /// True for `--boundary--`.
    pub close: bool,
}

/// What an entity holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Content {
    /// Octets.
    Leaf,
    /// Parts.
    Multipart {
        /// The boundary as it stands in the body.
        boundary: String,
        /// Its lines, in order.
        delimiters: Vec<Delimiter>,
        /// The parts, one behind each delimiter that is not the close delimiter.
        children: Vec<EntityId>,
    },
    /// An embedded message (`message/rfc822`).
    Message {
        /// Its root entity.
        child: EntityId,
    },
}

/// A message, a part, or the root of an embedded message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entity {
    /// IMAP part number.
    pub path: PartPath,
    /// The enclosing entity.
    pub parent: Option<EntityId>,
    /// The header.
    pub header: HeaderBlock,
    /// The body, without the line end that belongs to the next delimiter.
    pub body: Span,
    /// The type declared, or the default of RFC 2045 5.2 where none is readable.
    pub content_type: ContentType,
    /// False where `content_type` is the default.
    pub type_declared: bool,
    /// `Content-Disposition`, where there is one.
    pub disposition: Option<Parameterized>,
    /// `Content-Transfer-Encoding`.
    pub encoding: Encoding,
    /// What the body holds.
    pub content: Content,
}

impl Entity {
    /// The boundary of a multipart.
    pub fn boundary(&self) -> Option<&str> {
        match &self.content {
            Content::Multipart { boundary, .. } => Some(boundary),
            _ => None,
        }
    }

    /// The children: parts, or the root of the embedded message.
    pub fn children(&self) -> &[EntityId] {
        match &self.content {
            Content::Leaf => &[],
            Content::Multipart { children, .. } => children,
            Content::Message { child } => std::slice::from_ref(child),
        }
    }

    /// True where the body is neither parts nor a message.
    pub fn is_leaf(&self) -> bool {
        self.content == Content::Leaf
    }

    /// From the first octet of the header to the last of the body.
    pub fn span(&self) -> Span {
        Span::new(self.header.span.start, self.body.end)
    }
}

/// Fields of `header` called `name`, without case.
pub(super) fn fields<'m>(
    raw: &'m [u8],
    header: &'m HeaderBlock,
    name: &'m str,
) -> impl Iterator<Item = &'m Field> {
    header.fields.iter().filter(move |f| f.name.of(raw).eq_ignore_ascii_case(name.as_bytes()))
}

/// An open multipart.
struct Open {
    entity: EntityId,
    boundary: Vec<u8>,
    closed: bool,
}

/// Reads the tree of `raw`.
pub(super) fn read(raw: &[u8], limits: &Limits) -> (Vec<Entity>, Vec<Defect>) {
    let mut reader = Reader {
        raw,
        limits,
        entities: Vec::new(),
        defects: Vec::new(),
        stack: Vec::new(),
        current: 0,
        opaque: false,
    };
    reader.open(None, PartPath::default(), 0, 0);
    reader.run();
    (reader.entities, reader.defects)
}

struct Reader<'a> {
    raw: &'a [u8],
    limits: &'a Limits,
    entities: Vec<Entity>,
    defects: Vec<Defect>,
    stack: Vec<Open>,
    /// The innermost entity whose body is being read.
    current: EntityId,
    /// The part limit was reached: no further part is opened.
    opaque: bool,
}

impl Reader<'_> {
    fn run(&mut self) {
        let mut at = self.body_of_current();
        while let Some(line) = self.next_candidate(at) {
            let (text_end, next) = line_end(self.raw, line, self.raw.len());
            at = match matching(&self.stack, self.raw, line, text_end) {
                Some(level) => self.delimiter(level, line, text_end, next),
                None => next,
            };
        }
        self.close_down_to(0, self.raw.len());
    }

    fn body_of_current(&self) -> usize {
        self.entities.get(self.current).map_or(self.raw.len(), |e| e.body.start)
    }

    /// The next line that begins with `--`, at or behind the line start `at`.
    fn next_candidate(&self, at: usize) -> Option<usize> {
        if self.stack.is_empty() {
            return None;
        }
        let rest = self.raw.get(at..)?;
        if rest.starts_with(b"--") {
            return Some(at);
        }
        memchr::memmem::find(rest, b"\n--").map(|found| at + found + 1)
    }

    /// Handles the delimiter line of `stack[level]`; gives the line start to go on from.
    fn delimiter(&mut self, level: usize, line: usize, text_end: usize, next: usize) -> usize {
        let floor = self.body_of_current();
        let start = line_end_before(self.raw, line).max(floor).min(line);
        self.close_down_to(level + 1, start);
        let Some(open) = self.stack.get_mut(level) else { return next };
        let owner = open.entity;
        let tail = Span::new(line + 2 + open.boundary.len(), text_end).of(self.raw);
        let close = tail.starts_with(b"--");
        let padding = if close { tail.get(2..).unwrap_or_default() } else { tail };
        if !padding.iter().all(|c| matches!(c, b' ' | b'\t')) {
            self.defects.push(Defect::new(DefectKind::DelimiterGarbage, line));
        }
        self.current = owner;
        if open.closed {
            self.defects.push(Defect::new(DefectKind::PartAfterClose, line));
            return next;
        }
        open.closed = close;
        let mut number = 0;
        if let Some(Entity { content: Content::Multipart { delimiters, children, .. }, .. }) =
            self.entities.get_mut(owner)
        {
            delimiters.push(Delimiter { line: Span::new(line, next), start, close });
            number = children.len() + 1;
        }
        if close {
            return next;
        }
        let path = self.entities.get(owner).map(|e| e.path.child(number)).unwrap_or_default();
        self.open(Some(owner), path, next, level + 1);
        // `next` where the part limit left the parent current: the scan always moves forward.
        self.body_of_current().max(next)
    }

    /// Ends every entity below the multipart at `level - 1` of the stack (all of them for 0).
    fn close_down_to(&mut self, level: usize, end: usize) {
        let keep = level.checked_sub(1).and_then(|l| self.stack.get(l)).map(|o| o.entity);
        let mut id = Some(self.current);
        while let Some(entity) = id.filter(|id| Some(*id) != keep).and_then(|id| self.entities.get_mut(id)) {
            entity.body = Span::new(entity.body.start, end);
            id = entity.parent;
        }
        for open in self.stack.drain(level.min(self.stack.len())..) {
            let none = matches!(self.entities.get(open.entity).map(|e| &e.content),
                Some(Content::Multipart { delimiters, .. }) if delimiters.is_empty());
            if none {
                self.defects.push(Defect::new(DefectKind::NoDelimiter, end));
            } else if !open.closed {
                self.defects.push(Defect::new(DefectKind::CloseDelimiterMissing, end));
            }
        }
    }

    /// Opens the entity whose header begins at `start`, and every message embedded at its very
    /// beginning. The last one opened becomes `current`.
    fn open(&mut self, parent: Option<EntityId>, path: PartPath, start: usize, depth: usize) {
        let (mut parent, mut path, mut start, mut depth) = (parent, path, start, depth);
        let mut embedded = false;
        loop {
            if self.entities.len() >= self.limits.mime_parts {
                self.over_limit(DefectKind::TooManyParts, start);
                return;
            }
            let id = self.entities.len();
            let (raw, stack) = (self.raw, &self.stack);
            let header = header::scan(raw, start, self.limits, &mut self.defects, |line| {
                raw.get(line..).is_some_and(|l| l.starts_with(b"--"))
                    && matching(stack, raw, line, line_end(raw, line, raw.len()).0).is_some()
            });
            let mut entity = self.entity(parent, path.clone(), header);
            start = entity.body.start;
            let is_message = entity.content_type.main == "message"
                && matches!(entity.content_type.sub.as_str(), "rfc822" | "global" | "news");
            let is_multipart = entity.content_type.main == "multipart";
            let encoded = !entity.encoding.is_identity();
            let boundary = entity.content_type.parameters.value("boundary").map(str::to_owned);
            if embedded && !is_multipart {
                // A multipart at the root of an embedded message shares the number of its carrier;
                // any other root is part 1 of it (RFC 3501 6.4.5).
                entity.path = path.child(1);
            }
            self.entities.push(entity);
            self.link(parent, id, embedded);
            self.current = id;
            if !is_message && !is_multipart {
                return;
            }
            if encoded {
                self.defects.push(Defect::new(DefectKind::EncodedComposite, start));
                return;
            }
            depth += 1;
            if depth > self.limits.mime_depth {
                self.defects.push(Defect::new(DefectKind::TooDeep, start));
                return;
            }
            if is_multipart {
                self.push_multipart(id, boundary, start);
                return;
            }
            parent = Some(id);
            path = self.entities.get(id).map(|e| e.path.clone()).unwrap_or_default();
            embedded = true;
        }
    }

    fn over_limit(&mut self, kind: DefectKind, at: usize) {
        if !self.opaque {
            self.opaque = true;
            self.defects.push(Defect::new(kind, at));
        }
    }

    fn push_multipart(&mut self, id: EntityId, boundary: Option<String>, at: usize) {
        let Some(boundary) = boundary.filter(|b| !b.is_empty() && b.len() <= MAX_BOUNDARY) else {
            self.defects.push(Defect::new(DefectKind::BoundaryUnusable, at));
            return;
        };
        self.stack.push(Open { entity: id, boundary: boundary.clone().into_bytes(), closed: false });
        if let Some(entity) = self.entities.get_mut(id) {
            entity.content = Content::Multipart { boundary, delimiters: Vec::new(), children: Vec::new() };
        }
    }

    fn link(&mut self, parent: Option<EntityId>, id: EntityId, embedded: bool) {
        let Some(parent) = parent.and_then(|p| self.entities.get_mut(p)) else { return };
        match &mut parent.content {
            Content::Multipart { children, .. } => children.push(id),
            content if embedded => *content = Content::Message { child: id },
            _ => {}
        }
    }

    /// The entity of `header`, its body open to the end of the message.
    fn entity(&mut self, parent: Option<EntityId>, path: PartPath, header: HeaderBlock) -> Entity {
        let raw = self.raw;
        for name in ["Content-Type", "Content-Transfer-Encoding"] {
            if let Some(second) = fields(raw, &header, name).nth(1) {
                self.defects.push(Defect::new(DefectKind::DuplicateField, second.span.start));
            }
        }
        let first = |name| fields(raw, &header, name).next().map(|f| f.value.of(raw));
        let declared = first("Content-Type").and_then(ContentType::parse);
        let in_digest =
            parent.and_then(|p| self.entities.get(p)).is_some_and(|p| p.content_type.is("multipart/digest"));
        let default = if in_digest {
            ContentType::plain("message", "rfc822")
        } else {
            ContentType::plain("text", "plain")
        };
        Entity {
            path,
            parent,
            body: Span::new(header.body_start, raw.len()),
            type_declared: declared.is_some(),
            content_type: declared.unwrap_or(default),
            disposition: first("Content-Disposition").map(parameterized),
            encoding: first("Content-Transfer-Encoding").map_or(Encoding::SevenBit, Encoding::parse),
            content: Content::Leaf,
            header,
        }
    }
}

/// The open multipart whose boundary the line begins with: the longest that fits, then the innermost.
fn matching(stack: &[Open], raw: &[u8], line: usize, text_end: usize) -> Option<usize> {
    let text = Span::new(line + 2, text_end).of(raw);
    stack
        .iter()
        .enumerate()
        .filter(|(_, open)| text.starts_with(&open.boundary))
        .max_by_key(|(level, open)| (open.boundary.len(), *level))
        .map(|(level, _)| level)
}

/// Where the line end directly before the line start `line` begins.
fn line_end_before(raw: &[u8], line: usize) -> usize {
    let before = raw.get(..line).unwrap_or_default();
    if before.ends_with(b"\r\n") {
        line - 2
    } else if before.ends_with(b"\n") {
        line - 1
    } else {
        line
    }
}
