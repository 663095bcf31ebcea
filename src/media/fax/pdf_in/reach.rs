//! The longest of the objects that drawing a page may read: its content, its resources, and whatever those refer to.
//!
//! Structure trees and lists of pages are often a hundred times as long, but nothing on a page names them.

use super::work::Octets;
use hayro_interpret::hayro_syntax::Pdf;
use hayro_interpret::hayro_syntax::object::{MaybeRef, Object, ObjectIdentifier};
use std::collections::HashSet;

/// Keys whose values are read for a page, or for a form or a font of it.
const DRAWN: [&[u8]; 3] = [b"Resources", b"Contents", b"AP"];
/// Keys of what is drawn that lead back to the document.
const BACK: [&[u8]; 2] = [b"Parent", b"P"];
/// Dictionaries and arrays in each other that are looked into; others are taken to be long.
const DEPTH: usize = 16;
const LONG: u64 = 64 << 10;

/// Octets of the longest.
pub(super) fn longest(pdf: &Pdf, octets: &Octets) -> u64 {
    let mut reach = Reach::default();
    for object in pdf.objects() {
        octets.met();
        reach.seek(&object, DEPTH);
    }
    let mut seen = HashSet::new();
    while let Some(id) = reach.left.pop() {
        if seen.insert(id)
            && let Some(object) = pdf.xref().get::<Object<'_>>(id)
        {
            octets.met();
            let length = reach.follow(&object, DEPTH);
            reach.longest = reach.longest.max(length);
        }
    }
    reach.longest
}

#[derive(Default)]
struct Reach {
    left: Vec<ObjectIdentifier>,
    longest: u64,
}

impl Reach {
    /// Looks for what is drawn.
    fn seek(&mut self, object: &Object<'_>, depth: usize) {
        let Some(depth) = depth.checked_sub(1) else { return };
        let dict = match object {
            Object::Dict(dict) => dict,
            Object::Stream(stream) => stream.dict(),
            Object::Array(array) => {
                array.raw_iter().for_each(|item| {
                    if let MaybeRef::NotRef(object) = item {
                        self.seek(&object, depth);
                    }
                });
                return;
            }
            _ => return,
        };
        for (key, value) in dict.entries() {
            match value {
                value if DRAWN.contains(&key.as_ref()) => {
                    let length = self.follow_one(value, depth);
                    self.longest = self.longest.max(length);
                }
                MaybeRef::NotRef(object) => self.seek(&object, depth),
                MaybeRef::Ref(_) => {}
            }
        }
    }

    /// Notes all that an object refers to. Gives its octets, roughly those of an array.
    fn follow(&mut self, object: &Object<'_>, depth: usize) -> u64 {
        let Some(depth) = depth.checked_sub(1) else { return LONG };
        let dict = match object {
            Object::Dict(dict) => dict,
            Object::Stream(stream) => stream.dict(),
            Object::String(string) => return string.as_bytes().len() as u64,
            Object::Array(array) => {
                return array.raw_iter().map(|item| 4 + self.follow_one(item, depth)).sum();
            }
            _ => return 4,
        };
        for (_, value) in dict.entries().filter(|(key, _)| !BACK.contains(&key.as_ref())) {
            self.follow_one(value, depth);
        }
        dict.data().len() as u64
    }

    fn follow_one(&mut self, item: MaybeRef<Object<'_>>, depth: usize) -> u64 {
        match item {
            MaybeRef::Ref(id) => {
                self.left.push(id.into());
                4
            }
            MaybeRef::NotRef(object) => self.follow(&object, depth),
        }
    }
}
