//! Formats without a container of ours: their packages read them whole.

use super::Stream;
use crate::media::audio::codec;
use mime::Mime;

/// Octets that a full GSM 06.10 frame has, with its mark in the first nibble.
const GSM_FRAME_BYTES: usize = 33;

/// Octets of an ID3v2 header.
const ID3_BYTES: usize = 10;

fn stream<'a>(container: &'static str, codec: &str, data: &'a [u8]) -> Stream<'a> {
    Stream::new(container, codec::named(codec), data)
}

/// Formats with a mark of at least four octets.
pub fn recognise(input: &[u8]) -> Option<Stream<'_>> {
    match input.get(..4)? {
        b"OggS" => Some(stream("ogg", ogg_codec(input), input)),
        b"fLaC" => Some(stream("flac", "flac", input)),
        // ID3v2: version octets below 0xFF, a size of four 7-bit octets.
        b"ID3\x02" | b"ID3\x03" | b"ID3\x04" if input.get(6..10)?.iter().all(|octet| octet & 0x80 == 0) => {
            let size = input.get(6..10)?.iter().fold(0usize, |size, octet| (size << 7) | usize::from(*octet));
            let rest = input.get(ID3_BYTES + size..).unwrap_or_default();
            Some(if adts_frames(rest) {
                stream("adts", "aac", rest)
            } else if rest.starts_with(b"fLaC") {
                stream("flac", "flac", rest)
            } else {
                stream("mp3", "mp3", rest)
            })
        }
        _ => None,
    }
}

/// Formats without a real mark, for bodies not declared to be something headerless.
pub fn recognise_weakly<'a>(declared: &Mime, input: &'a [u8]) -> Option<Stream<'a>> {
    if frames_in_a_row(input, mpeg_frame_bytes) {
        return Some(stream("mp3", "mp3", input));
    }
    if adts_frames(input) {
        return Some(stream("adts", "aac", input));
    }
    let declared_gsm = codec::of_media_type(declared.essence_str()).is_some_and(|codec| codec.name == "gsm");
    let frames = input.chunks(GSM_FRAME_BYTES);
    let marked = !input.is_empty() && frames.clone().all(codec::gsm::is_frame);
    // Eight marks by chance: one in 2^32.
    (marked && (declared_gsm || frames.len() >= 8)).then(|| {
        let mut gsm = Stream { sample_rate_hz: 8_000, channels: 1, ..stream("raw", "gsm", input) };
        if !input.len().is_multiple_of(GSM_FRAME_BYTES) {
            gsm.defects.push("the last frame is cut short".into());
        }
        gsm
    })
}

/// The codec that the first packet of an Ogg stream names.
fn ogg_codec(input: &[u8]) -> &'static str {
    let first = input.get(28..).unwrap_or_default();
    if first.starts_with(b"OpusHead") {
        "opus"
    } else if first.starts_with(b"\x01vorbis") {
        "vorbis"
    } else if first.starts_with(b"\x7FFLAC") {
        "flac"
    } else {
        "unknown"
    }
}

/// Three frame headers in a row, each where the one before ends.
fn frames_in_a_row(input: &[u8], frame_bytes: impl Fn(u64) -> Option<usize>) -> bool {
    let mut at = 0;
    for _ in 0..3 {
        let header = input.get(at..at + 8).and_then(|octets| octets.try_into().ok()).map(u64::from_be_bytes);
        let Some(bytes) = header.and_then(&frame_bytes) else { return false };
        at += bytes;
    }
    at <= input.len()
}

/// AAC frames with headers of their own.
fn adts_frames(input: &[u8]) -> bool {
    frames_in_a_row(input, adts_frame_bytes)
}

/// Length of an ADTS frame by the 56 bits of its header (ISO/IEC 13818-7 6.2), if it is one.
fn adts_frame_bytes(header: u64) -> Option<usize> {
    let (sync, layer, rate) = (header >> 52, (header >> 49) & 3, (header >> 42) & 15);
    let bytes = (header >> 21) as usize & 0x1FFF;
    (sync == 0xFFF && layer == 0 && rate < 13 && bytes > 7).then_some(bytes)
}

/// Length of a layer III frame by its header (ISO/IEC 11172-3 2.4.2.3, 13818-3), if it is one.
fn mpeg_frame_bytes(header: u64) -> Option<usize> {
    const KBITS_1: [usize; 15] = [0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320];
    const KBITS_2: [usize; 15] = [0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160];
    const RATES_HZ: [usize; 3] = [44_100, 48_000, 32_000];
    let header = header >> 32;
    let (sync, version, layer) = (header >> 21, (header >> 19) & 3, (header >> 17) & 3);
    if sync != 0x7FF || version == 1 || layer != 1 {
        return None;
    }
    let bit_rate = if version == 3 { KBITS_1 } else { KBITS_2 };
    let kbits = *bit_rate.get((header >> 12) as usize & 15)?;
    let rate = *RATES_HZ.get((header >> 10) as usize & 3)?;
    // Version 3 is MPEG-1, 2 is MPEG-2 (half the rates), 0 is MPEG-2.5 (a quarter).
    let (rate, samples_by_8) = match version {
        3 => (rate, 144),
        2 => (rate / 2, 72),
        _ => (rate / 4, 72),
    };
    let padding = (header >> 9) as usize & 1;
    (kbits > 0).then(|| samples_by_8 * kbits * 1000 / rate + padding)
}
