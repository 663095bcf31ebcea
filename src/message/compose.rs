//! Edits put together: of two authors over one message, and of two steps one after the other.

use super::edit::{EditError, EditList, HeaderEdit, Place};
use super::{Message, Span};
use std::collections::{BTreeMap, VecDeque};

/// A piece of a body that was edited.
enum Piece {
    /// Octets of the message as received.
    Own(Span),
    /// Octets of an edit.
    New(Vec<u8>),
}

impl Piece {
    fn len(&self) -> usize {
        match self {
            Piece::Own(span) => span.len(),
            Piece::New(octets) => octets.len(),
        }
    }

    /// The first `octets` of it and the rest.
    fn split(self, octets: usize) -> (Piece, Piece) {
        match self {
            Piece::Own(span) => {
                let at = span.start.saturating_add(octets).min(span.end);
                (Piece::Own(Span::new(span.start, at)), Piece::Own(Span::new(at, span.end)))
            }
            Piece::New(mut all) => {
                let rest = all.split_off(octets.min(all.len()));
                (Piece::New(all), Piece::New(rest))
            }
        }
    }
}

/// A field of the message between the two steps: one of the message as received, or an inserted one.
#[derive(Clone, Copy)]
enum Origin {
    Own(usize),
    Inserted(usize),
}

impl EditList {
    /// Takes the edits of `other` in as well, unless the two lists want the same field or touch the
    /// same octets; false where they do, and nothing is taken.
    pub fn join(&mut self, other: &EditList) -> bool {
        let meets = |a: &HeaderEdit, b: &HeaderEdit| match (a, b) {
            (HeaderEdit::Insert { name: a, .. }, HeaderEdit::Insert { name: b, .. }) => {
                a.eq_ignore_ascii_case(b)
            }
            (HeaderEdit::Insert { .. }, _) | (_, HeaderEdit::Insert { .. }) => false,
            (a, b) => a.field() == b.field(),
        };
        let clash = self.header_edits().iter().any(|a| other.header_edits().iter().any(|b| meets(a, b)))
            || self.splices().iter().any(|a| {
                other.splices().iter().any(|b| a.span.start <= b.span.end && b.span.start <= a.span.end)
            });
        if !clash {
            other.header_edits().iter().for_each(|e| self.header(e.clone()));
            other.splices().iter().for_each(|s| self.body(s.span, s.with.clone()));
        }
        !clash
    }

    /// These edits of `message`, then `next`, which edits what they make of it (`between`): as one
    /// list for `message`. Applied, it gives what the two steps give.
    pub fn then(
        &self,
        message: &Message<'_>,
        next: &EditList,
        between: &Message<'_>,
    ) -> Result<EditList, EditError> {
        let mut out = EditList::default();
        self.header_then(message, next, between, &mut out)?;
        self.body_then(message, next, between, &mut out)?;
        Ok(out)
    }

    fn header_then(
        &self,
        message: &Message<'_>,
        next: &EditList,
        between: &Message<'_>,
        out: &mut EditList,
    ) -> Result<(), EditError> {
        // What becomes of the fields of the message: `None` for deleted ones.
        let mut own: BTreeMap<usize, Option<Vec<u8>>> = BTreeMap::new();
        let mut inserted: Vec<Option<(Place, String, Vec<u8>)>> = Vec::new();
        for edit in self.header_edits() {
            match edit {
                HeaderEdit::Replace { field, value } => _ = own.insert(*field, Some(value.clone())),
                HeaderEdit::Delete { field } => _ = own.insert(*field, None),
                HeaderEdit::Insert { place, name, value } => {
                    inserted.push(Some((*place, name.clone(), value.clone())));
                }
            }
        }
        // Trace fields stand above the others.
        inserted.sort_by_key(|i| i.as_ref().is_some_and(|(place, ..)| *place == Place::Fields));
        let kept = (0..message.root().header.fields.len()).filter(|i| !matches!(own.get(i), Some(None)));
        let now: Vec<Origin> =
            (0..inserted.len()).map(Origin::Inserted).chain(kept.map(Origin::Own)).collect();
        if now.len() != between.root().header.fields.len() {
            return Err(EditError::Field(now.len()));
        }
        for edit in next.header_edits() {
            let (field, value) = match edit {
                HeaderEdit::Replace { field, value } => (*field, Some(value.clone())),
                HeaderEdit::Delete { field } => (*field, None),
                HeaderEdit::Insert { .. } => {
                    // Later insertions stand above earlier ones.
                    out.header(edit.clone());
                    continue;
                }
            };
            match now.get(field) {
                Some(Origin::Own(index)) => _ = own.insert(*index, value),
                Some(Origin::Inserted(index)) => {
                    if let Some(slot) = inserted.get_mut(*index) {
                        *slot = slot.take().zip(value).map(|((place, name, _), value)| (place, name, value));
                    }
                }
                None => return Err(EditError::Field(field)),
            }
        }
        for (place, name, value) in inserted.into_iter().flatten() {
            out.header(HeaderEdit::Insert { place, name, value });
        }
        for (field, value) in own {
            out.header(match value {
                Some(value) => HeaderEdit::Replace { field, value },
                None => HeaderEdit::Delete { field },
            });
        }
        Ok(())
    }

    fn body_then(
        &self,
        message: &Message<'_>,
        next: &EditList,
        between: &Message<'_>,
        out: &mut EditList,
    ) -> Result<(), EditError> {
        let start = message.root().body.start;
        let end = message.raw().len();
        let mut rest = Pieces(VecDeque::new());
        let mut splices: Vec<_> = self.splices().iter().collect();
        splices.sort_by_key(|s| (s.span.start, s.span.end));
        let mut at = start;
        for splice in splices {
            if splice.span.start < at || splice.span.end > end {
                return Err(EditError::Range(splice.span.start));
            }
            rest.0.push_back(Piece::Own(Span::new(at, splice.span.start)));
            rest.0.push_back(Piece::New(splice.with.clone()));
            at = splice.span.end;
        }
        rest.0.push_back(Piece::Own(Span::new(at, end)));
        let base = between.root().body.start;
        if rest.0.iter().map(Piece::len).sum::<usize>() != between.raw().len().saturating_sub(base) {
            return Err(EditError::Range(base));
        }
        let mut splices: Vec<_> = next.splices().iter().collect();
        splices.sort_by_key(|s| (s.span.start, s.span.end));
        let mut pieces = Vec::new();
        let mut at = base;
        for splice in splices {
            if splice.span.start < at || splice.span.end > between.raw().len() {
                return Err(EditError::Range(splice.span.start));
            }
            rest.take(splice.span.start - at, |piece| pieces.push(piece));
            rest.take(splice.span.len(), |_| {});
            pieces.push(Piece::New(splice.with.clone()));
            at = splice.span.end;
        }
        pieces.extend(rest.0);
        splice_between(pieces, Span::new(start, end), out);
        Ok(())
    }
}

/// The splices that lie between the octets which are still those of the message.
fn splice_between(pieces: Vec<Piece>, body: Span, out: &mut EditList) {
    let (mut at, mut with) = (body.start, Vec::new());
    let mut close = |at: usize, to: usize, with: Vec<u8>| {
        if to > at || !with.is_empty() {
            out.body(Span::new(at, to), with);
        }
    };
    for piece in pieces {
        match piece {
            Piece::Own(span) if span.is_empty() => {}
            Piece::Own(span) => {
                close(at, span.start, std::mem::take(&mut with));
                at = span.end;
            }
            Piece::New(octets) => with.extend_from_slice(&octets),
        }
    }
    close(at, body.end, with);
}

/// Pieces still to be taken, in order.
struct Pieces(VecDeque<Piece>);

impl Pieces {
    /// Takes `octets` off the front.
    fn take(&mut self, mut octets: usize, mut taken: impl FnMut(Piece)) {
        while octets > 0 {
            let Some(piece) = self.0.pop_front() else { return };
            if piece.len() <= octets {
                octets -= piece.len();
                taken(piece);
            } else {
                let (head, tail) = piece.split(octets);
                self.0.push_front(tail);
                taken(head);
                return;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limits::Limits;
    use proptest::prelude::*;

    const RAW: &[u8] = b"A: 1\r\nB: 2\r\nC: 3\r\nB: 4\r\n\r\nfirst line\r\nsecond line\r\n";

    #[derive(Clone, Debug)]
    enum Change {
        Replace(usize, u8),
        Delete(usize),
        Insert(u8, bool),
        Splice(usize, usize, u8),
    }

    fn change() -> impl Strategy<Value = Change> {
        prop_oneof![
            (0usize..8, any::<u8>()).prop_map(|(f, v)| Change::Replace(f, v)),
            (0usize..8).prop_map(Change::Delete),
            (any::<u8>(), any::<bool>()).prop_map(|(v, top)| Change::Insert(v, top)),
            (0usize..60, 0usize..20, any::<u8>()).prop_map(|(at, len, v)| Change::Splice(at, len, v)),
        ]
    }

    /// The changes that fit the message and each other. `trace` allows insertions at the very top.
    fn edits(message: &Message<'_>, changes: &[Change], trace: bool) -> EditList {
        let mut out = EditList::default();
        let body = message.root().body;
        let fields = message.root().header.fields.len();
        for change in changes {
            let mut one = EditList::default();
            match *change {
                Change::Replace(f, v) if f < fields => {
                    one.header(HeaderEdit::Replace { field: f, value: format!(" r{v}\n\tx").into() });
                }
                Change::Delete(f) if f < fields => one.header(HeaderEdit::Delete { field: f }),
                Change::Insert(v, top) => one.header(HeaderEdit::Insert {
                    place: if top && trace { Place::Trace } else { Place::Fields },
                    name: format!("X-{v}"),
                    value: b" i".to_vec(),
                }),
                Change::Splice(at, len, v) if body.start + at + len <= body.end => {
                    let at = body.start + at;
                    one.body(Span::new(at, at + len), format!("<{v}>").into());
                }
                _ => {}
            }
            out.join(&one);
        }
        out
    }

    proptest! {
        #[test]
        fn two_steps_in_one_list_give_the_same_message(
            first in proptest::collection::vec(change(), 0..8),
            second in proptest::collection::vec(change(), 0..8),
        ) {
            let limits = Limits::default();
            let message = Message::parse(RAW, &limits);
            let first = edits(&message, &first, false);
            let raw = first.apply(&message).unwrap();
            let between = Message::parse(&raw, &limits);
            let second = edits(&between, &second, true);
            let both = first.then(&message, &second, &between).unwrap();
            prop_assert_eq!(
                both.apply(&message).unwrap().escape_ascii().to_string(),
                second.apply(&between).unwrap().escape_ascii().to_string()
            );
            prop_assert!(both.modifications(&message).is_ok());
        }
    }

    #[test]
    fn untouched_octets_stay_untouched_and_clashes_are_refused() {
        let message = Message::parse(RAW, &Limits::default());
        let at = message.root().body.start;
        let mut first = EditList::default();
        first.body(Span::new(at, at + 5), b"1st".to_vec());
        let mut clash = EditList::default();
        clash.body(Span::at(at + 5), b"!".to_vec());
        assert!(!first.join(&clash));
        let raw = first.apply(&message).unwrap();
        let between = Message::parse(&raw, &Limits::default());
        let mut second = EditList::default();
        second.body(Span::new(raw.len() - 6, raw.len() - 2), b"LINE".to_vec());
        let both = first.then(&message, &second, &between).unwrap();
        assert_eq!(both.splices().len(), 2);
        assert!(!both.touches(Span::new(at + 6, at + 10)));
    }
}
