//! What is decoded while a file is opened: cross-reference streams and object streams (ISO 32000-1, 7.5.7 and
//! 7.5.8). The package that reads PDF sets no bound to them, and keeps object streams for as long as the file is
//! open.
//!
//! They have to be found before the file is read, wherever a hostile file hides them. A dictionary is followed from
//! a key in it, or from the `obj` before it, to its end: from there on there is one reading only, which a dictionary
//! found backwards would not have.

use super::expand::grown;
use super::lexing::{Text, is_regular, is_space, names, too_much};
use super::vet::Growth;
use crate::media::MediaError;
use hayro_interpret::hayro_syntax::Filter;
use hayro_interpret::hayro_syntax::object::Stream;
use hayro_interpret::hayro_syntax::reader::{Reader, ReaderContext, ReaderExt};
use memchr::memmem;
use std::collections::{HashMap, HashSet};

/// Octets of all cross-reference streams: 300,000 objects, which take 50 times as much once read.
const REFERENCES: u64 = 2 << 20;
/// Octets of all object streams. An object can be of four octets, and takes 24 more once found.
const OBJECTS: u64 = 16 << 20;

/// Octets that the data of each stream inflates to, by the place behind its keyword `stream`.
pub(super) type Sizes = HashMap<usize, u64>;

/// Whether the streams that are decoded while the file is opened are small. Of the other streams, those with more
/// than Flate data are followed as well: which are object streams is known by their data.
pub(super) fn check(text: &Text<'_>, inflated: &Sizes, growth: &mut Growth) -> Result<(), MediaError> {
    let input = text.input;
    let mut references = HashSet::new();
    for at in names(input, b"W") {
        text.spend(1)?;
        if text.three_numbers(at) {
            references.extend(text.stream_of(at)?);
        }
    }
    // With the objects each of them is read as.
    let mut objects = HashMap::new();
    for at in names(input, b"Type") {
        text.spend(1)?;
        if text.name(at).as_deref() == Some(b"ObjStm") {
            objects.extend(text.stream_of(at)?.map(|stream| (stream, 1)));
        }
    }
    if references.is_empty() && objects.is_empty() {
        return Ok(());
    }
    let sizes = text.follow_filters(inflated, growth)?;
    // Data without filters is as long as it says, which may be to the end of the file.
    let size = |&stream: &usize| sizes.get(&stream).copied().unwrap_or((input.len() - stream) as u64);
    if references.iter().map(size).fold(0, u64::saturating_add) > REFERENCES {
        return Err(too_much());
    }
    let mut numbers = Some(HashSet::new());
    for &stream in &references {
        text.object_streams(stream, &mut numbers)?;
    }
    for at in memmem::find_iter(input, b"obj") {
        let count = text.numbered(at, numbers.as_ref());
        if count > 0
            && let Some(start) = text.dictionary(at + b"obj".len())
            && let Some(stream) = text.stream_of(start)?
        {
            objects.insert(stream, count);
        }
    }
    let total = objects.iter().map(|(stream, count)| size(stream).saturating_mul(*count));
    let most = if numbers.is_some() { OBJECTS } else { 4 * OBJECTS };
    if total.fold(0, u64::saturating_add) > most { Err(too_much()) } else { Ok(()) }
}

/// The data of a stream, from the place behind its keyword to the end of the file.
pub(super) fn data(input: &[u8], stream: usize) -> &[u8] {
    let data = input.get(stream..).unwrap_or_default();
    let data = data.strip_prefix(b"\r").unwrap_or(data);
    data.strip_prefix(b"\n").unwrap_or(data)
}

/// What stands behind a key Filter.
enum Filters {
    Listed(Vec<Filter>),
    /// There are references among them.
    Elsewhere,
}

impl Text<'_> {
    /// Finds the sizes of streams with other filters than one Flate.
    fn follow_filters(&self, inflated: &Sizes, growth: &mut Growth) -> Result<Sizes, MediaError> {
        // All were inflated as if they were Flate data; those without filters are not.
        let mut sizes = Sizes::new();
        let input = self.input;
        for at in names(input, b"Filter").chain(names(input, b"F")) {
            self.spend(1)?;
            let Some(filters) = self.filters(at) else { continue };
            let Some(stream) = self.stream_of(at)? else { continue };
            let Filters::Listed(list) = filters else {
                let what = "a PDF with object streams and with filters that are named elsewhere";
                return Err(MediaError::Unsupported(what.into()));
            };
            let size = match list.as_slice() {
                [] => continue,
                // Known already; or decoded as an image only.
                [Filter::FlateDecode] => 0,
                list if list.iter().any(is_of_images) => 0,
                [first, ..] => {
                    let mut data = data(input, stream);
                    let end = match first {
                        Filter::AsciiHexDecode => memchr::memchr(b'>', data),
                        Filter::Ascii85Decode => memchr::memchr(b'~', data),
                        _ => None,
                    };
                    data = end.and_then(|end| data.get(..=end)).unwrap_or(data);
                    if *first != Filter::FlateDecode {
                        self.spend(data.len())?;
                    }
                    growth.follow(|most| grown(data, &list, most))?
                }
            };
            let known = sizes.entry(stream).or_insert(inflated.get(&stream).copied().unwrap_or(0));
            *known = size.max(*known);
        }
        Ok(sizes)
    }

    /// Whether an array of three numbers follows.
    fn three_numbers(&self, at: usize) -> bool {
        let open = self.token(at);
        if self.octet(open) != Some(b'[') {
            return false;
        }
        let (mut at, mut count) = (self.token(open + 1), 0);
        while count < 4
            && self.octet(at).is_some_and(|octet| octet.is_ascii_digit() || b"+-.".contains(&octet))
        {
            while self.octet(at).is_some_and(is_regular) {
                at += 1;
            }
            (at, count) = (self.token(at), count + 1);
        }
        count >= 3
    }

    /// The filters at `at`; `None` where something else stands there.
    fn filters(&self, at: usize) -> Option<Filters> {
        let mut at = self.token(at);
        let mut list = Vec::new();
        if let Some((name, _)) = self.name_at(at) {
            list.extend(filter(&name));
            return Some(Filters::Listed(list));
        }
        match self.octet(at)? {
            b'0'..=b'9' | b'+' => return Some(Filters::Elsewhere),
            b'[' => at = self.token(at + 1),
            _ => return None,
        }
        while self.octet(at)? != b']' {
            let Some((name, end)) = self.name_at(at) else { return Some(Filters::Elsewhere) };
            list.extend(filter(&name));
            at = self.token(end);
        }
        Some(Filters::Listed(list))
    }

    /// Where the dictionary that begins behind `at` has its first key.
    fn dictionary(&self, at: usize) -> Option<usize> {
        let start = self.token(at);
        self.input.get(start..)?.starts_with(b"<<").then_some(start + 2)
    }

    /// The place behind the keyword `stream` of the dictionary that `at` lies in, outside of its strings; `None`
    /// where it belongs to no stream.
    fn stream_of(&self, mut at: usize) -> Result<Option<usize>, MediaError> {
        let (from, mut depth) = (at, 1usize);
        while depth > 0 {
            let Some(octet) = self.octet(at) else { break };
            let doubled = self.octet(at + 1) == Some(octet);
            at = match octet {
                b'(' => self.string_end(at),
                b'<' if doubled => {
                    depth += 1;
                    at + 2
                }
                b'<' => {
                    let rest = self.input.get(at..).unwrap_or_default();
                    at + memchr::memchr(b'>', rest).map_or(rest.len(), |end| end + 1)
                }
                b'>' if doubled => {
                    depth -= 1;
                    at + 2
                }
                b'%' => self.line_end(at),
                _ => at + 1,
            };
        }
        self.spend(at - from)?;
        let keyword = self.token(at);
        let found = depth == 0 && self.input.get(keyword..).is_some_and(|rest| rest.starts_with(b"stream"));
        Ok(found.then_some(keyword + b"stream".len()))
    }

    /// As how many of the numbers the object is known whose keyword `obj` is at `at`; `None` are all numbers. A reader
    /// sent to the middle of a number takes the rest of it for one.
    fn numbered(&self, at: usize, numbers: Option<&HashSet<u32>>) -> u64 {
        let before = self.input.get(..at).unwrap_or_default();
        if before.ends_with(b"end") {
            return 0;
        }
        let Some(numbers) = numbers else { return 1 };
        let spaces = |text: &[u8]| text.iter().rev().take_while(|&&octet| is_space(octet)).count();
        let digits =
            |text: &[u8]| text.iter().rev().take(12).take_while(|octet| octet.is_ascii_digit()).count();
        let cut = |text: &[u8], count: usize| text.len() - count;
        let text = before.get(..cut(before, spaces(before))).unwrap_or_default();
        let text = text.get(..cut(text, digits(text))).unwrap_or_default();
        let text = text.get(..cut(text, spaces(text))).unwrap_or_default();
        let count = digits(text);
        if count == 0 {
            // A comment between the numbers, or no object at all.
            return 1;
        }
        let number = |count: usize| -> Option<u32> {
            std::str::from_utf8(text.get(cut(text, count)..)?).ok()?.parse().ok()
        };
        let found: HashSet<u32> =
            (1..=count).filter_map(number).filter(|number| numbers.contains(number)).collect();
        found.len() as u64
    }

    /// Adds the numbers of the object streams that a cross-reference stream names; where it cannot be read, all are
    /// (`None`).
    fn object_streams(&self, stream: usize, numbers: &mut Option<HashSet<u32>>) -> Result<(), MediaError> {
        let start = self.plain_dictionary(stream)?;
        let found = start.and_then(|start| {
            let mut reader = Reader::new(self.input.get(start..)?);
            let found: Stream<'_> = reader.read(&ReaderContext::dummy())?;
            Some((found.dict().get::<[u8; 3]>("W")?, found.decoded_data().ok()?))
        });
        let Some(([kind, number, index], entries)) = found else {
            *numbers = None;
            return Ok(());
        };
        let Some(numbers) = numbers else { return Ok(()) };
        // However wide the first field is, one octet of it is read.
        let (kind, number) = (usize::from(kind.min(1)), usize::from(number));
        let entry = (kind + number + usize::from(index)).max(1);
        for entry in entries.chunks(entry) {
            if kind == 1 && entry.first() == Some(&2) {
                let octets = entry.get(1..).unwrap_or_default().iter().take(number);
                numbers.insert(octets.fold(0u32, |all, &octet| all << 8 | u32::from(octet)));
            }
        }
        Ok(())
    }

    /// Where the dictionary of a stream begins, if it has no strings and comments: then it is the only one that
    /// ends there.
    fn plain_dictionary(&self, stream: usize) -> Result<Option<usize>, MediaError> {
        let start = self.dictionary_before(stream);
        self.spend(stream - start.unwrap_or(0))?;
        Ok(start)
    }

    fn dictionary_before(&self, stream: usize) -> Option<usize> {
        let before = self.input.get(..stream)?.strip_suffix(b"stream")?;
        let mut depth = 0usize;
        let mut at = before.len();
        loop {
            at = at.checked_sub(1)?;
            match *before.get(at)? {
                b'(' | b')' | b'%' | b'#' => return None,
                b'>' if at > 0 && before.get(at - 1) == Some(&b'>') => {
                    depth += 1;
                    at -= 1;
                }
                b'<' if at > 0 && before.get(at - 1) == Some(&b'<') => {
                    depth = depth.checked_sub(1)?;
                    at -= 1;
                    if depth == 0 {
                        break;
                    }
                }
                _ => {}
            }
        }
        let line = before.get(..at)?.iter().rev().take_while(|&&octet| octet != b'\n' && octet != b'\r');
        (!line.take(256).any(|&octet| octet == b'%')).then_some(at)
    }
}

fn is_of_images(filter: &Filter) -> bool {
    matches!(filter, Filter::CcittFaxDecode | Filter::DctDecode | Filter::Jbig2Decode | Filter::JpxDecode)
}

/// A filter by one of its names (ISO 32000-1, tables 6 and 94).
fn filter(name: &[u8]) -> Option<Filter> {
    Some(match name {
        b"FlateDecode" | b"Fl" => Filter::FlateDecode,
        b"LZWDecode" | b"LZW" => Filter::LzwDecode,
        b"RunLengthDecode" | b"RL" => Filter::RunLengthDecode,
        b"ASCIIHexDecode" | b"AHx" => Filter::AsciiHexDecode,
        b"ASCII85Decode" | b"A85" => Filter::Ascii85Decode,
        b"CCITTFaxDecode" | b"CCF" => Filter::CcittFaxDecode,
        b"DCTDecode" | b"DCT" => Filter::DctDecode,
        b"JBIG2Decode" => Filter::Jbig2Decode,
        b"JPXDecode" => Filter::JpxDecode,
        b"Crypt" => Filter::Crypt,
        _ => return None,
    })
}
