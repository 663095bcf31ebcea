//! What the streams of a file grow to, taken as often as they are referred to.
//!
//! A thousand fonts may share one code table, and the package that reads PDF builds it anew for each of them and
//! keeps all. A page may show one stream of content again and again: 22 kB of them ask for 20 GB.

use crate::limits::Exceeded;
use crate::media::MediaError;
use hayro_interpret::hayro_syntax::object::{Dict, MaybeRef, Name, Object, ObjectIdentifier, Stream};
use hayro_interpret::hayro_syntax::xref::XRef;
use std::collections::HashMap;

/// Octets of the streams of all references.
const REFERRED: u64 = 256 << 20;
/// Dictionaries and arrays in each other that are looked into. What draws pages looks no deeper for streams.
const DEPTH: usize = 16;

/// The streams of a file.
#[derive(Default)]
pub(super) struct Streams {
    /// Octets each grows to, and whether it is an image or a form.
    known: HashMap<ObjectIdentifier, (u64, bool)>,
    /// Octets of the streams that arrays refer to.
    arrays: HashMap<ObjectIdentifier, u64>,
    /// Octets of the largest that is no image.
    pub largest: u64,
}

impl Streams {
    /// Takes note of one, which grows to so many octets.
    pub fn add(&mut self, stream: &Stream<'_>, octets: u64) {
        let dict = stream.dict();
        let kind = dict.get::<Name<'_>>("Subtype");
        let is = |name: &str| kind.as_ref().is_some_and(|kind| kind.as_str() == name);
        if !is("Image") {
            self.largest = self.largest.max(octets);
        }
        if let Some(id) = dict.obj_id() {
            self.known.insert(id, (octets, is("Image") || is("Form")));
        }
    }

    /// Whether all references in these objects are worth their streams. Images and forms that are resources of a page
    /// are not counted: they are read when they are drawn, and given back.
    pub fn check<'a>(
        mut self,
        objects: impl IntoIterator<Item = Object<'a>>,
        xref: &'a XRef,
    ) -> Result<(), MediaError> {
        let mut left = REFERRED;
        for object in objects {
            self.within(&object, DEPTH, xref, &mut |octets: u64| {
                left = left.checked_sub(octets).ok_or(MediaError::Limit(Exceeded::FaxWork))?;
                Ok(())
            })?;
        }
        Ok(())
    }

    fn within<'a>(
        &mut self,
        object: &Object<'a>,
        depth: usize,
        xref: &'a XRef,
        take: &mut impl FnMut(u64) -> Result<(), MediaError>,
    ) -> Result<(), MediaError> {
        let Some(depth) = depth.checked_sub(1) else { return Ok(()) };
        let mut item = |streams: &mut Self, item: MaybeRef<Object<'a>>, drawn: bool| match item {
            MaybeRef::Ref(id) => take(streams.octets(id.into(), drawn, xref)),
            MaybeRef::NotRef(object) => streams.within(&object, depth, xref, take),
        };
        match object {
            Object::Array(array) => array.raw_iter().try_for_each(|value| item(self, value, false)),
            Object::Dict(dict) => self.entries(dict, &mut item),
            Object::Stream(stream) => self.entries(stream.dict(), &mut item),
            _ => Ok(()),
        }
    }

    fn entries<'a>(
        &mut self,
        dict: &Dict<'a>,
        item: &mut impl FnMut(&mut Self, MaybeRef<Object<'a>>, bool) -> Result<(), MediaError>,
    ) -> Result<(), MediaError> {
        for (key, value) in dict.entries() {
            match (key.as_ref(), value) {
                (b"XObject", MaybeRef::NotRef(Object::Dict(drawn))) => {
                    drawn.entries().try_for_each(|(_, value)| item(self, value, true))?;
                }
                (_, value) => item(self, value, false)?,
            }
        }
        Ok(())
    }

    /// Octets of what is referred to.
    fn octets(&mut self, id: ObjectIdentifier, drawn: bool, xref: &XRef) -> u64 {
        if let Some(&(octets, may_be_drawn)) = self.known.get(&id) {
            return if drawn && may_be_drawn { 0 } else { octets };
        }
        if let Some(&octets) = self.arrays.get(&id) {
            return octets;
        }
        let octets = match xref.get::<Object<'_>>(id) {
            Some(Object::Array(array)) => {
                let streams = array.raw_iter().filter_map(|item| self.known.get(&item.as_obj_ref()?.into()));
                streams.fold(0, |all, (octets, _)| octets.saturating_add(all))
            }
            _ => 0,
        };
        self.arrays.insert(id, octets);
        octets
    }
}
