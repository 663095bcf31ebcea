//! MP4, M4A and 3GPP files (ISO/IEC 14496-12): where the samples of the first sound track lie.
//!
//! The tables stay where they are in the input and are walked, so that a long file costs no memory. What
//! they claim is checked against the octets that are there, and all samples together may not be more
//! octets than the file has: tables that point to the same octets again and again end there. Not read:
//! fragmented files (`moof`), which recorders of voice do not write, and edit lists of several entries.

use super::{Stream, number};
use crate::media::MediaError;
use crate::media::audio::codec;

/// Boxes of one level before we stop believing that this is a file somebody wrote.
const MAX_BOXES: usize = 10_000;
/// Octets of an AudioSampleEntry before the boxes in it (12.2.3), and in QuickTime's versions 1 and 2.
const SAMPLE_ENTRY_BYTES: [usize; 3] = [28, 44, 64];

/// The tables of a sound track.
#[derive(Clone, Copy, Debug, Default)]
pub struct Track<'a> {
    file: &'a [u8],
    /// Size of all samples; 0: each has its own in `sizes`.
    sample_bytes: u32,
    samples: u32,
    sizes: &'a [u8],
    /// First chunk, samples per chunk, description: three numbers of 4 octets each.
    runs: &'a [u8],
    offsets: &'a [u8],
    offset_bytes: usize,
    /// The DecoderSpecificInfo of MPEG-4 audio (ISO/IEC 14496-1 7.2.6.7).
    pub config: &'a [u8],
    /// Samples of sound before the presentation begins: the delay of the encoder.
    pub skip: u64,
    /// Samples of sound presented; `None`: all.
    pub length: Option<u64>,
}

/// True for the mark of such a file.
pub fn recognises(input: &[u8]) -> bool {
    input.get(4..8) == Some(b"ftyp")
}

/// The boxes of a level: type and content. A size beyond the end ends at the end.
fn boxes(data: &[u8]) -> impl Iterator<Item = (&[u8], &[u8])> {
    let mut rest = data;
    std::iter::from_fn(move || {
        let size = number(rest, 0, 4, true)? as usize;
        let kind = rest.get(4..8)?;
        let (header, size) = match size {
            0 => (8, rest.len()),
            // "If size is 1 then the actual size is in the field largesize" of 8 octets.
            1 if number(rest, 8, 4, true)? == 0 => (16, number(rest, 12, 4, true)? as usize),
            1 => (16, rest.len()),
            size => (8, size),
        };
        let size = size.clamp(header, rest.len().max(header));
        let content = rest.get(header..size.min(rest.len()))?;
        rest = rest.get(size..).unwrap_or_default();
        Some((kind, content))
    })
    .take(MAX_BOXES)
}

fn find<'a>(data: &'a [u8], path: &[&[u8; 4]]) -> Option<&'a [u8]> {
    path.iter().try_fold(data, |data, kind| boxes(data).find(|(k, _)| k == kind).map(|(_, content)| content))
}

/// Reads the tables of the first sound track.
pub fn read(input: &[u8]) -> Result<Stream<'_>, MediaError> {
    let moov = find(input, &[b"moov"]).ok_or_else(|| MediaError::malformed("mp4", "no moov box"))?;
    let movie_scale = find(moov, &[b"mvhd"]).and_then(timescale);
    let track = boxes(moov)
        .filter(|(kind, _)| kind == b"trak")
        .map(|(_, track)| track)
        .find(|track| find(track, &[b"mdia", b"hdlr"]).and_then(|hdlr| hdlr.get(8..12)) == Some(b"soun"))
        .ok_or_else(|| MediaError::malformed("mp4", "no sound track"))?;
    let media = find(track, &[b"mdia"]).unwrap_or_default();
    let tables = find(media, &[b"minf", b"stbl"])
        .ok_or_else(|| MediaError::malformed("mp4", "no tables in the sound track"))?;
    let (codec, rate, channels, config) = description(tables)?;
    let (offsets, offset_bytes) = match (find(tables, &[b"stco"]), find(tables, &[b"co64"])) {
        (Some(table), _) => (table, 4),
        (None, Some(table)) => (table, 8),
        (None, None) => (&[][..], 4),
    };
    let sizes = find(tables, &[b"stsz"]).unwrap_or_default();
    let mut found = Track {
        file: input,
        sample_bytes: number(sizes, 4, 4, true).unwrap_or_default(),
        samples: number(sizes, 8, 4, true).unwrap_or_default(),
        sizes: sizes.get(12..).unwrap_or_default(),
        runs: find(tables, &[b"stsc"]).and_then(|table| table.get(8..)).unwrap_or_default(),
        offsets: offsets.get(8..).unwrap_or_default(),
        offset_bytes,
        config,
        skip: 0,
        length: None,
    };
    if let Some((skip, length)) = edit(track, movie_scale, find(media, &[b"mdhd"]).and_then(timescale)) {
        (found.skip, found.length) = (skip, length);
    }
    Ok(Stream {
        sample_rate_hz: rate,
        channels,
        track: Some(found),
        ..Stream::new("mp4", codec::named(codec), input)
    })
}

/// `timescale` of a `mvhd` or `mdhd` box.
fn timescale(header: &[u8]) -> Option<u32> {
    let at = if header.first() == Some(&1) { 20 } else { 12 };
    number(header, at, 4, true).filter(|scale| *scale > 0)
}

/// Start and length of the presentation in units of the media, where one edit says them (8.6.6).
fn edit(track: &[u8], movie_scale: Option<u32>, media_scale: Option<u32>) -> Option<(u64, Option<u64>)> {
    let list = find(track, &[b"edts", b"elst"])?;
    if list.first() != Some(&0) || number(list, 4, 4, true)? != 1 {
        return None;
    }
    let (duration, start) = (u64::from(number(list, 8, 4, true)?), number(list, 12, 4, true)?);
    // -1 is an empty edit.
    let start = u64::from(start).min(u64::from(media_scale?));
    let length = (duration * u64::from(media_scale?)).checked_div(u64::from(movie_scale?))?;
    Some((start, Some(length).filter(|length| *length > 0)))
}

/// Codec, rate, channels and configuration of the first sample description.
fn description(tables: &[u8]) -> Result<(&'static str, u32, u16, &[u8]), MediaError> {
    let entries = find(tables, &[b"stsd"]).and_then(|stsd| stsd.get(8..)).unwrap_or_default();
    let (kind, entry) =
        boxes(entries).next().ok_or_else(|| MediaError::malformed("mp4", "no sample description"))?;
    let half =
        |at| number(entry, at, 2, true).and_then(|value| u16::try_from(value).ok()).unwrap_or_default();
    let (channels, rate) = (half(16), u32::from(half(24)));
    let header = SAMPLE_ENTRY_BYTES.get(usize::from(half(8))).copied().unwrap_or(SAMPLE_ENTRY_BYTES[0]);
    let inner = entry.get(header..).unwrap_or_default();
    Ok(match kind {
        b"samr" => ("amr", 8_000, 1, &[]),
        b"sawb" => ("amr-wb", 16_000, 1, &[]),
        b"mp4a" => {
            // QuickTime wraps the box once more.
            let esds = find(inner, &[b"esds"]).or_else(|| find(inner, &[b"wave", b"esds"]));
            match esds.and_then(decoder_config) {
                Some((0x40 | 0x66..=0x68, config)) => ("aac", rate, channels, config),
                _ => ("unknown", rate, channels, &[]),
            }
        }
        _ => ("unknown", rate, channels, &[]),
    })
}

/// Object type and DecoderSpecificInfo in an `esds` box (ISO/IEC 14496-1 7.2.6.5).
fn decoder_config(esds: &[u8]) -> Option<(u8, &[u8])> {
    let (tag, mut stream) = descriptor(esds.get(4..)?)?;
    if tag == 3 {
        // ES_ID, then flags that announce optional fields.
        let flags = *stream.get(2)?;
        let mut at = 3;
        at += if flags & 0x80 != 0 { 2 } else { 0 };
        at += if flags & 0x40 != 0 { 1 + usize::from(*stream.get(at)?) } else { 0 };
        at += if flags & 0x20 != 0 { 2 } else { 0 };
        let (tag, inner) = descriptor(stream.get(at..)?)?;
        stream = (tag == 4).then_some(inner)?;
    }
    let object_type = *stream.first()?;
    let (tag, config) = descriptor(stream.get(13..)?)?;
    (tag == 5).then_some((object_type, config))
}

/// Tag and content of a descriptor: its length stands in up to four octets of 7 bits.
fn descriptor(data: &[u8]) -> Option<(u8, &[u8])> {
    let (&tag, rest) = data.split_first()?;
    let octets = rest.iter().take(4).position(|octet| octet & 0x80 == 0)? + 1;
    let (length, content) = rest.split_at_checked(octets)?;
    let length = length.iter().fold(0usize, |length, octet| (length << 7) | usize::from(octet & 0x7F));
    Some((tag, content.get(..length).unwrap_or(content)))
}

impl<'a> Track<'a> {
    /// The samples in order: each holds one or more coded frames.
    pub fn packets(self) -> impl Iterator<Item = &'a [u8]> {
        let mut walk = Walk { track: self, ..Walk::default() };
        std::iter::from_fn(move || walk.next())
    }
}

/// A place in the tables.
#[derive(Default)]
struct Walk<'a> {
    track: Track<'a>,
    sample: u32,
    chunk: u32,
    left_in_chunk: u32,
    run: usize,
    at: usize,
    octets: usize,
}

impl<'a> Walk<'a> {
    fn next(&mut self) -> Option<&'a [u8]> {
        if self.sample >= self.track.samples {
            return None;
        }
        if self.left_in_chunk == 0 {
            self.enter_chunk()?;
        }
        let size = match self.track.sample_bytes {
            0 => number(self.track.sizes, (self.sample as usize).checked_mul(4)?, 4, true)?,
            size => size,
        } as usize;
        let file = self.track.file;
        let end = self.at.checked_add(size)?.min(file.len());
        let packet = file.get(self.at..end).filter(|packet| !packet.is_empty() || size == 0)?;
        self.octets += packet.len();
        if self.octets > file.len() {
            return None;
        }
        (self.at, self.sample, self.left_in_chunk) = (end, self.sample + 1, self.left_in_chunk - 1);
        Some(packet)
    }

    /// Goes to the next chunk that has samples.
    fn enter_chunk(&mut self) -> Option<()> {
        let field = |run: usize, k: usize| number(self.track.runs, run * 12 + 4 * k, 4, true);
        // Chunks count from 1; a run holds until the first chunk of the next one.
        let chunk = self.chunk.checked_add(1)?;
        while field(self.run + 1, 0).is_some_and(|first| first <= chunk) {
            self.run += 1;
        }
        // An empty chunk would be damage.
        self.left_in_chunk = field(self.run, 1).filter(|samples| *samples > 0)?;
        let bytes = self.track.offset_bytes;
        let low = (self.chunk as usize).checked_mul(bytes)?.checked_add(bytes - 4)?;
        self.at = number(self.track.offsets, low, 4, true)? as usize;
        self.chunk = chunk;
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn boxes_end_with_the_bytes_whatever_they_claim() {
        assert_eq!(boxes(b"\0\0\0\x0CabcdWXYZ\0\0\0\x08efgh").count(), 2);
        assert_eq!(boxes(b"\xFF\xFF\xFF\xFFabcdWX").next(), Some((&b"abcd"[..], &b"WX"[..])));
        assert_eq!(boxes(b"\0\0\0\x02abcdWX").next(), Some((&b"abcd"[..], &b""[..])));
        assert_eq!(boxes(&[0, 0, 0, 1, 1, 1, 1, 1, 255, 255, 255, 255, 0, 0, 0, 0]).count(), 1);
    }

    #[test]
    fn tables_that_repeat_the_same_octets_end_after_the_length_of_the_file() {
        let file = [7u8; 1_000];
        let runs: Vec<u8> = [1u32, 50, 1].into_iter().flat_map(u32::to_be_bytes).collect();
        let offsets = vec![0u8; 4 * 5_000];
        let track = Track {
            file: &file,
            sample_bytes: 10,
            samples: u32::MAX,
            runs: &runs,
            offsets: &offsets,
            offset_bytes: 4,
            ..Track::default()
        };
        assert_eq!(track.packets().count(), 100);
        let empty = Track { sample_bytes: 0, sizes: &[0; 400], ..track };
        assert_eq!(empty.packets().count(), 100);
    }
}
