//! Edits of a message and what they become: new bytes, or the modifications a milter sends.
//!
//! An [`EditList`] names header fields of the message itself one by one, and byte ranges of its body.
//! Everything it does not name is copied octet for octet. The two ways out, [`EditList::apply`] and
//! [`EditList::modifications`], give the same message.

use super::span::Span;
use super::{Eol, Message};

/// Where a new header field goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// Above everything, the MTA's own Received included: where trace fields belong (RFC 8601 4).
    Trace,
    /// Above the fields of the message, below the MTA's own Received.
    Fields,
}

/// A change of one header field of the message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HeaderEdit {
    /// Gives the field with this index in the header another value.
    Replace {
        /// Index in the root's header.
        field: usize,
        /// The octets behind the colon: first blank included, LF in folds.
        value: Vec<u8>,
    },
    /// Removes the field with this index.
    Delete {
        /// Index in the root's header.
        field: usize,
    },
    /// Adds a field.
    Insert {
        /// Where.
        place: Place,
        /// Its name.
        name: String,
        /// The octets behind the colon: first blank included, LF in folds.
        value: Vec<u8>,
    },
}

/// Other octets for a range of the body. An empty range inserts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Splice {
    /// The range of the raw message that is replaced.
    pub span: Span,
    /// What replaces it.
    pub with: Vec<u8>,
}

/// All edits of one message.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EditList {
    header: Vec<HeaderEdit>,
    body: Vec<Splice>,
}

/// One request of the milter protocol, in the order in which it must be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Modification {
    /// Change the `occurrence`th field (from 1) called `name`.
    ChangeHeader {
        /// Name as the message spells it.
        name: String,
        /// Which of the fields of that name.
        occurrence: usize,
        /// Octets behind the colon, LF in folds.
        value: Vec<u8>,
    },
    /// Remove the `occurrence`th field (from 1) called `name`.
    DeleteHeader {
        /// Name as the message spells it.
        name: String,
        /// Which of the fields of that name.
        occurrence: usize,
    },
    /// Insert a field. MTAs agree on positions 0 and 1 only.
    InsertHeader {
        /// 0: above the MTA's own Received; 1: below it.
        index: u8,
        /// The name.
        name: String,
        /// Octets behind the colon, LF in folds.
        value: Vec<u8>,
    },
    /// The whole new body.
    ReplaceBody(Vec<u8>),
}

/// An edit that must not be carried out. Always a fault of ours, never of the message.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EditError {
    /// Two edits want the same octets, or an edit lies outside the body.
    #[error("edits overlap or leave the body at offset {0}")]
    Range(usize),
    /// The index of no header field, or of one that is edited twice.
    #[error("no header field with index {0}, or edited twice")]
    Field(usize),
    /// A name or value that would make other header lines than intended.
    #[error("unsafe header field {0:?}")]
    Header(String),
}

impl EditList {
    /// True where nothing changes.
    pub fn is_empty(&self) -> bool {
        self.header.is_empty() && self.body.is_empty()
    }

    /// True where the body changes.
    pub fn changes_body(&self) -> bool {
        !self.body.is_empty()
    }

    /// Adds a header edit.
    pub fn header(&mut self, edit: HeaderEdit) {
        self.header.push(edit);
    }

    /// The value the field with this index has after the edits so far; `None` where it is removed.
    pub fn value_after<'e>(&'e self, message: &'e Message<'_>, field: usize) -> Option<&'e [u8]> {
        match self.header.iter().find(|e| e.field() == Some(field)) {
            Some(HeaderEdit::Replace { value, .. }) => Some(value),
            Some(_) => None,
            None => message.root().header.fields.get(field).map(|f| f.value.of(message.raw())),
        }
    }

    /// Gives the field with this index a value, also where an edit gave it another before.
    pub fn set_value(&mut self, field: usize, value: Vec<u8>) {
        self.header.retain(|e| e.field() != Some(field));
        self.header(HeaderEdit::Replace { field, value });
    }

    /// Adds a body edit.
    pub fn body(&mut self, span: Span, with: Vec<u8>) {
        self.body.push(Splice { span, with });
    }

    /// The header edits in the order given.
    pub fn header_edits(&self) -> &[HeaderEdit] {
        &self.header
    }

    /// The body edits in the order given.
    pub fn splices(&self) -> &[Splice] {
        &self.body
    }

    /// True where an edit touches octets of `span`.
    pub fn touches(&self, span: Span) -> bool {
        self.body.iter().any(|s| s.span.start < span.end && span.start < s.span.end)
    }

    /// The message after the edits.
    pub fn apply(&self, message: &Message<'_>) -> Result<Vec<u8>, EditError> {
        self.validate(message)?;
        let raw = message.raw();
        let eol = message.eol();
        let header = &message.root().header;
        let mut out = Vec::with_capacity(raw.len());
        for place in [Place::Trace, Place::Fields] {
            for (name, value) in self.inserts(place) {
                write_field(&mut out, name.as_bytes(), value, eol);
            }
        }
        let mut at = 0;
        for (index, field) in header.fields.iter().enumerate() {
            let edit = self.header.iter().find(|e| e.field() == Some(index));
            out.extend_from_slice(Span::new(at, field.span.start).of(raw));
            match edit {
                Some(HeaderEdit::Replace { value, .. }) => {
                    write_field(&mut out, field.name.of(raw), value, eol)
                }
                Some(_) => {}
                None => out.extend_from_slice(field.span.of(raw)),
            }
            at = field.span.end;
        }
        out.extend_from_slice(Span::new(at, header.body_start).of(raw));
        out.extend_from_slice(&self.new_body(message)?);
        Ok(out)
    }

    /// The same edits as requests to an MTA: fields from the last to the first (an MTA may or may
    /// not count on after a deletion), then insertions, the body last and in one piece.
    pub fn modifications(&self, message: &Message<'_>) -> Result<Vec<Modification>, EditError> {
        self.validate(message)?;
        let raw = message.raw();
        let fields = &message.root().header.fields;
        let mut out = Vec::new();
        for (index, field) in fields.iter().enumerate().rev() {
            let Some(edit) = self.header.iter().find(|e| e.field() == Some(index)) else { continue };
            let name_octets = field.name.of(raw);
            let same = |f: &&super::Field| f.name.of(raw).eq_ignore_ascii_case(name_octets);
            let occurrence = fields.iter().take(index + 1).filter(same).count();
            let name = String::from_utf8_lossy(name_octets).into_owned();
            out.push(match edit {
                HeaderEdit::Replace { value, .. } => {
                    Modification::ChangeHeader { name, occurrence, value: value.clone() }
                }
                _ => Modification::DeleteHeader { name, occurrence },
            });
        }
        for (place, index) in [(Place::Fields, 1), (Place::Trace, 0)] {
            // Of two insertions at one position the later ends up above.
            for (name, value) in self.inserts(place).collect::<Vec<_>>().into_iter().rev() {
                out.push(Modification::InsertHeader { index, name: name.clone(), value: value.clone() });
            }
        }
        if self.changes_body() {
            out.push(Modification::ReplaceBody(self.new_body(message)?));
        }
        Ok(out)
    }

    /// Octets of the message after the edits; an estimate where edits are not valid.
    pub fn size_after(&self, message: &Message<'_>) -> usize {
        let fields = &message.root().header.fields;
        let eol = message.eol().text().len();
        // Folds are LF in the edits and get the line ends of the message.
        let written = |value: &[u8]| value.len() + memchr::memchr_iter(b'\n', value).count() * (eol - 1);
        let (mut gone, mut come) = (0, 0);
        for edit in &self.header {
            let old = edit.field().and_then(|index| fields.get(index));
            gone += old.map_or(0, |f| f.span.len());
            come += match edit {
                HeaderEdit::Replace { value, .. } => {
                    written(value) + old.map_or(0, |f| f.name.len()) + 1 + eol
                }
                HeaderEdit::Insert { name, value, .. } => written(value) + name.len() + 1 + eol,
                HeaderEdit::Delete { .. } => 0,
            };
        }
        gone += self.body.iter().map(|s| s.span.len()).sum::<usize>();
        come += self.body.iter().map(|s| s.with.len()).sum::<usize>();
        (message.raw().len() + come).saturating_sub(gone)
    }

    fn inserts(&self, wanted: Place) -> impl Iterator<Item = (&String, &Vec<u8>)> {
        self.header.iter().filter_map(move |e| match e {
            HeaderEdit::Insert { place, name, value } if *place == wanted => Some((name, value)),
            _ => None,
        })
    }

    fn new_body(&self, message: &Message<'_>) -> Result<Vec<u8>, EditError> {
        let raw = message.raw();
        let mut splices: Vec<&Splice> = self.body.iter().collect();
        // Stable: insertions at one place keep the order in which they were asked for.
        splices.sort_by_key(|s| (s.span.start, s.span.end));
        let grown: usize = splices.iter().map(|s| s.with.len()).sum();
        let mut at = message.root().body.start;
        let mut out = Vec::with_capacity(raw.len().saturating_sub(at) + grown);
        for splice in splices {
            if splice.span.start < at || splice.span.end > raw.len() {
                return Err(EditError::Range(splice.span.start));
            }
            out.extend_from_slice(Span::new(at, splice.span.start).of(raw));
            out.extend_from_slice(&splice.with);
            at = splice.span.end;
        }
        out.extend_from_slice(Span::new(at, raw.len()).of(raw));
        Ok(out)
    }

    fn validate(&self, message: &Message<'_>) -> Result<(), EditError> {
        let fields = message.root().header.fields.len();
        let mut seen = std::collections::HashSet::new();
        for edit in &self.header {
            if let Some(index) = edit.field()
                && (index >= fields || !seen.insert(index))
            {
                return Err(EditError::Field(index));
            }
            let (name, value) = match edit {
                HeaderEdit::Insert { name, value, .. } => (name.as_str(), value),
                HeaderEdit::Replace { value, .. } => ("x", value),
                HeaderEdit::Delete { .. } => continue,
            };
            let name_ok = !name.is_empty() && name.bytes().all(|c| (33..=126).contains(&c) && c != b':');
            if !name_ok || !is_safe_value(value) {
                return Err(EditError::Header(name.to_owned()));
            }
        }
        Ok(())
    }
}

impl HeaderEdit {
    pub(super) fn field(&self) -> Option<usize> {
        match self {
            HeaderEdit::Replace { field, .. } | HeaderEdit::Delete { field } => Some(*field),
            HeaderEdit::Insert { .. } => None,
        }
    }
}

/// No CR, no NUL, and every LF folds.
fn is_safe_value(value: &[u8]) -> bool {
    !value.iter().any(|c| matches!(c, b'\r' | 0))
        && memchr::memchr_iter(b'\n', value).all(|at| matches!(value.get(at + 1), Some(b' ' | b'\t')))
}

fn write_field(out: &mut Vec<u8>, name: &[u8], value: &[u8], eol: Eol) {
    out.extend_from_slice(name);
    out.push(b':');
    for (i, line) in value.split(|c| *c == b'\n').enumerate() {
        if i > 0 {
            out.extend_from_slice(eol.text().as_bytes());
        }
        out.extend_from_slice(line);
    }
    out.extend_from_slice(eol.text().as_bytes());
}
