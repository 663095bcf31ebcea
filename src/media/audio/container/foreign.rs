//! Formats without a container of ours: named, and read where the codec is.

use super::{Stream, number};
use crate::media::audio::codec;
use mime::Mime;

/// Octets that a full GSM 06.10 frame has, with its mark in the first nibble.
const GSM_FRAME_BYTES: usize = 33;
/// Samples of a GSM or AMR frame: 20 ms.
const FRAME_SAMPLES: u64 = 160;

fn stream<'a>(container: &'static str, codec: &str, rate: u32, data: &'a [u8]) -> Stream<'a> {
    Stream {
        container,
        codec: codec::named(codec),
        sample_rate_hz: rate,
        channels: 1,
        data,
        samples: None,
        defects: Vec::new(),
    }
}

/// Formats with a mark of at least four octets.
pub fn recognise(input: &[u8]) -> Option<Stream<'_>> {
    let unknown_form = |container, codec| Stream { channels: 0, ..stream(container, codec, 0, input) };
    if let Some(data) = input.strip_prefix(b"#!AMR\n") {
        return Some(amr(data));
    }
    if let Some(data) = input.strip_prefix(b"#!AMR-WB\n") {
        return Some(stream("amr", "amr-wb", 16_000, data));
    }
    match input.get(..4)? {
        b"OggS" => Some(unknown_form("ogg", ogg_codec(input))),
        b"fLaC" => Some(unknown_form("flac", "flac")),
        b"caff" => Some(unknown_form("caf", "unknown")),
        b"FORM" if matches!(input.get(8..12), Some(b"AIFF" | b"AIFC")) => {
            Some(unknown_form("aiff", "unknown"))
        }
        _ if input.get(4..8) == Some(b"ftyp") => Some(unknown_form("mp4", "unknown")),
        // ID3v2: version octets below 0xFF, a size of four 7-bit octets.
        b"ID3\x02" | b"ID3\x03" | b"ID3\x04" if input.get(6..10)?.iter().all(|octet| octet & 0x80 == 0) => {
            Some(unknown_form("mp3", "mp3"))
        }
        _ => None,
    }
}

/// Formats without a real mark, for bodies not declared to be something headerless.
pub fn recognise_weakly<'a>(declared: &Mime, input: &'a [u8]) -> Option<Stream<'a>> {
    if mpeg_frames(input) {
        return Some(Stream { channels: 0, ..stream("mp3", "mp3", 0, input) });
    }
    let declared_gsm = codec::of_media_type(declared.essence_str()).is_some_and(|codec| codec.name == "gsm");
    let frames = input.chunks(GSM_FRAME_BYTES);
    let marked = !input.is_empty() && frames.clone().all(codec::gsm::is_frame);
    // Eight marks by chance: one in 2^32.
    (marked && (declared_gsm || frames.len() >= 8)).then(|| {
        let mut gsm = stream("raw", "gsm", 8_000, input);
        if !input.len().is_multiple_of(GSM_FRAME_BYTES) {
            gsm.defects.push("the last frame is cut short".into());
        }
        gsm
    })
}

/// AMR narrow band, storage format (RFC 4867 section 5): frame type octets and speech bits.
fn amr(data: &[u8]) -> Stream<'_> {
    /// Octets after the frame type octet, by frame type (RFC 4867, 3GPP TS 26.101 annex A).
    const SPEECH_BYTES: [usize; 16] = [12, 13, 15, 17, 19, 20, 26, 31, 5, 0, 0, 0, 0, 0, 0, 0];
    let mut found = stream("amr", "amr", 8_000, data);
    let (mut at, mut frames) = (0usize, 0u64);
    while let Some(kind) = data.get(at) {
        at += 1 + SPEECH_BYTES[usize::from((kind >> 3) & 15)];
        if at > data.len() {
            found.defects.push("the last frame is cut short".into());
            break;
        }
        frames += 1;
    }
    found.samples = Some(frames * FRAME_SAMPLES);
    found
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

/// Three MPEG audio layer III frame headers in a row, each where the one before ends.
fn mpeg_frames(input: &[u8]) -> bool {
    let mut at = 0;
    for _ in 0..3 {
        let Some(bytes) = number(input, at, 4, true).and_then(mpeg_frame_bytes) else { return false };
        at += bytes;
    }
    at <= input.len()
}

/// Length of a layer III frame by its header (ISO/IEC 11172-3 2.4.2.3, 13818-3), if it is one.
fn mpeg_frame_bytes(header: u32) -> Option<usize> {
    const KBITS_1: [usize; 15] = [0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320];
    const KBITS_2: [usize; 15] = [0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160];
    const RATES_HZ: [usize; 3] = [44_100, 48_000, 32_000];
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
