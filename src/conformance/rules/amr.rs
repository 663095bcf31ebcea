//! AMR files: RFC 4867 5.

use super::lookup::*;
use super::samples::*;
use crate::conformance::rule::{Findings, Level, Rule, Samples};
use crate::message::EntityId;
use crate::message::edit::EditList;
use crate::vpim::Survey;
use std::borrow::Cow;

/// The rules.
pub static RULES: &[Rule] = &[
    Rule {
        id: "audio-amr-magic",
        level: Level::Must,
        rfc: 4867,
        section: "5.1",
        text: "A body of audio/AMR begins with #!AMR and a line feed, one of audio/AMR-WB with #!AMR-WB and a line feed.",
        remedy: "Send the file as it is, in base64: text mode turns its line feed into CR LF.",
        classes: WITH_AUDIO,
        check: amr_magic,
        repair: Some(restore_magic),
        samples: Samples::changed(
            INTERNET,
            &[("audio/basic", "audio/AMR"), ("////////////", "IyFBTVINCnw=")],
        ),
    },
    Rule {
        id: "audio-amr-multichannel-header",
        level: Level::Must,
        rfc: 4867,
        section: "5.2",
        text: "A multi-channel AMR file has 28 zero bits and the number of channels behind its magic.",
        remedy: "Send one channel.",
        classes: WITH_AUDIO,
        check: amr_multichannel_header,
        repair: None,
        samples: Samples::changed(
            INTERNET,
            &[("audio/basic", "audio/AMR"), ("////////////", "IyFBTVJfTUMxLjAKAAAAAA==")],
        ),
    },
    Rule {
        id: "audio-amr-frame-header",
        level: Level::Must,
        rfc: 4867,
        section: "5.3",
        text: "Each AMR frame begins with an octet of frame type and quality whose other bits are zero, and all frames are whole.",
        remedy: "Check what cut or changed the file on its way.",
        classes: WITH_AUDIO,
        check: amr_frame_header,
        repair: None,
        samples: Samples::changed(
            INTERNET,
            &[("audio/basic", "audio/AMR"), ("////////////", "IyFBTVIKPA==")],
        ),
    },
    Rule {
        id: "audio-amr-no-foreign-comfort-noise",
        level: Level::MustNot,
        rfc: 4867,
        section: "5.3",
        text: "Comfort noise of other codecs and reserved frame types do not occur in AMR files.",
        remedy: "Let the encoder write NO_DATA frames instead.",
        classes: WITH_AUDIO,
        check: amr_no_foreign_comfort_noise,
        repair: None,
        samples: Samples::changed(
            INTERNET,
            &[("audio/basic", "audio/AMR"), ("////////////", "IyFBTVIKTA==")],
        ),
    },
    Rule {
        id: "audio-amr-gaps-no-data",
        level: Level::Must,
        rfc: 4867,
        section: "5.3",
        text: "Frames that are missing are stored as NO_DATA, so that time stays in step.",
        remedy: "Let the recorder write a NO_DATA frame for every 20 ms without one.",
        classes: WITH_AUDIO,
        check: amr_gaps_no_data,
        repair: None,
        samples: Samples::changed(
            INTERNET,
            &[("audio/basic", "audio/AMR"), ("////////////", "IyFBTVIKfHx8"), ("Duration: 1", "Duration: 9")],
        ),
    },
];

fn amr_magic(s: &Survey<'_>, f: &mut Findings<'_>) {
    for (id, octets, wide) in amr(s) {
        match Beginning::of(&octets, wide) {
            Beginning::Right => {}
            Beginning::TextMode => {
                f.entity(id, "its line feed has become CR LF: the file went through text mode");
            }
            Beginning::Other => f.entity(id, "it begins like the other of audio/AMR and audio/AMR-WB"),
            Beginning::Unknown => f.entity(id, "it does not begin with the magic of AMR files"),
        }
    }
}

/// What the first octets of an AMR file are.
enum Beginning {
    Right,
    TextMode,
    Other,
    Unknown,
}

impl Beginning {
    fn of(octets: &[u8], wide: bool) -> Self {
        let (own, other) = if wide { (WIDE, NARROW) } else { (NARROW, WIDE) };
        let begins = |magic: &str, end: &[u8]| {
            octets.strip_prefix(magic.as_bytes()).is_some_and(|rest| rest.starts_with(end))
        };
        if begins(own, b"\n") || begins(own, b"_MC1.0\n") {
            Beginning::Right
        } else if begins(own, b"\r\n") {
            Beginning::TextMode
        } else if begins(other, b"\n") {
            Beginning::Other
        } else {
            Beginning::Unknown
        }
    }
}

/// The magic, or the type it names, where the frames prove that it is an AMR file: without it they read
/// to the last octet.
fn restore_magic(s: &Survey<'_>, edits: &mut EditList) {
    /// Fewer frames may read by chance.
    const MIN_FRAMES: usize = 10;
    for (id, octets, wide) in amr(s) {
        let Some(entity) = s.message.entity(id) else { continue };
        match Beginning::of(&octets, wide) {
            Beginning::Right => {}
            Beginning::TextMode => {
                if let Some(original) = out_of_text_mode(&octets).filter(|o| whole_frames(o, wide) > 0) {
                    s.set_octets(edits, id, entity, &original);
                }
            }
            Beginning::Other if whole_frames(&octets, !wide) > 0 => {
                s.set_type(edits, id, if wide { "audio/AMR" } else { "audio/AMR-WB" });
            }
            Beginning::Other => {}
            Beginning::Unknown => {
                let file = [if wide { WIDE } else { NARROW }.as_bytes(), b"\n", &octets].concat();
                if whole_frames(&file, wide) >= MIN_FRAMES {
                    s.set_octets(edits, id, entity, &file);
                }
            }
        }
    }
}

/// The octets before each LF became CR LF; `None` where some did not.
fn out_of_text_mode(octets: &[u8]) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(octets.len());
    for &octet in octets {
        if octet == b'\n' && out.pop() != Some(b'\r') {
            return None;
        }
        out.push(octet);
    }
    Some(out)
}

/// How many frames a file has; 0 where they do not read to its end, or are of reserved types.
fn whole_frames(octets: &[u8], wide: bool) -> usize {
    let is_whole = |frame: &Frame| match frame {
        Frame::Of { kind, padded } => *padded && !reserved(wide).contains(kind),
        Frame::Cut => false,
    };
    let mut count = 0;
    for frame in frames(octets, wide) {
        if !is_whole(&frame) {
            return 0;
        }
        count += 1;
    }
    count
}

/// Frame types of other codecs and none (RFC 4867 5.3).
fn reserved(wide: bool) -> std::ops::RangeInclusive<u8> {
    if wide { 10..=13 } else { 9..=14 }
}

fn amr_multichannel_header(s: &Survey<'_>, f: &mut Findings<'_>) {
    for (id, octets, wide) in amr(s) {
        let magic = if wide { "#!AMR-WB_MC1.0\n" } else { "#!AMR_MC1.0\n" };
        let Some(rest) = octets.strip_prefix(magic.as_bytes()) else { continue };
        if !matches!(rest, [0, 0, 0, channels @ 1..=15, ..] if *channels > 0) {
            f.entity(id, "the channel description is cut, or not 28 zero bits and a number");
        }
    }
}

fn amr_frame_header(s: &Survey<'_>, f: &mut Findings<'_>) {
    for (id, octets, wide) in amr(s) {
        let (mut n, mut what) = (0usize, None);
        for frame in frames(&octets, wide) {
            n += 1;
            what = match frame {
                Frame::Cut => Some("is cut short"),
                Frame::Of { padded: false, .. } => Some("has bits set that are zero"),
                Frame::Of { .. } => None,
            };
            if what.is_some() {
                break;
            }
        }
        if let Some(what) = what {
            f.entity(id, format!("frame {n} {what}"));
        }
    }
}

fn amr_no_foreign_comfort_noise(s: &Survey<'_>, f: &mut Findings<'_>) {
    for (id, octets, wide) in amr(s) {
        let kinds = frames(&octets, wide).filter_map(|frame| match frame {
            Frame::Of { kind, .. } => Some(kind),
            Frame::Cut => None,
        });
        if let Some((n, kind)) = kinds.enumerate().find(|(_, kind)| reserved(wide).contains(kind)) {
            f.entity(id, format!("frame {} is of type {kind}", n + 1));
        }
    }
}

fn amr_gaps_no_data(s: &Survey<'_>, f: &mut Findings<'_>) {
    for (id, octets, wide) in amr(s) {
        let Some(field) = s.fields(id, "Content-Duration").next() else { continue };
        let count = frames(&octets, wide).count();
        let seconds = count as f64 / 50.0;
        if count > 0 && s.text(field).parse::<u32>().is_ok_and(|stated| f64::from(stated) > seconds + 1.0) {
            f.field(id, field, format!("{seconds:.1} s of frames: those between are missing"));
        }
    }
}

const NARROW: &str = "#!AMR";
const WIDE: &str = "#!AMR-WB";

/// The judged parts labelled audio/AMR and audio/AMR-WB that are not empty: octets, wide band.
fn amr<'a>(s: &'a Survey<'_>) -> impl Iterator<Item = (EntityId, Cow<'a, [u8]>, bool)> {
    s.audio().filter_map(|(id, e)| {
        let wide = match e.content_type.sub.as_str() {
            "amr" => false,
            "amr-wb" => true,
            _ => return None,
        };
        let octets = s.message.decoded(e).bytes;
        (!octets.is_empty()).then_some((id, octets, wide))
    })
}

/// A frame of an AMR file.
enum Frame {
    /// A whole one: its type, and whether its padding is zero.
    Of { kind: u8, padded: bool },
    /// The last one, without all its octets.
    Cut,
}

/// The frames behind the magic of a single channel, where it is there.
fn frames(octets: &[u8], wide: bool) -> impl Iterator<Item = Frame> {
    /// Octets behind the first, by frame type (RFC 4867 5.3, 3GPP TS 26.101 and 26.201).
    const NARROW_OCTETS: [usize; 16] = [12, 13, 15, 17, 19, 20, 26, 31, 5, 0, 0, 0, 0, 0, 0, 0];
    const WIDE_OCTETS: [usize; 16] = [17, 23, 32, 36, 40, 46, 50, 58, 60, 5, 0, 0, 0, 0, 0, 0];
    let (magic, table): (&[u8], _) =
        if wide { (b"#!AMR-WB\n", WIDE_OCTETS) } else { (b"#!AMR\n", NARROW_OCTETS) };
    let mut rest = octets.strip_prefix(magic).unwrap_or_default();
    std::iter::from_fn(move || {
        let (first, behind) = rest.split_first()?;
        let kind = (first >> 3) & 15;
        let length = table.get(usize::from(kind)).copied().unwrap_or_default();
        match behind.get(length..) {
            Some(next) => {
                rest = next;
                Some(Frame::Of { kind, padded: first & 0x83 == 0 })
            }
            None => {
                rest = &[];
                Some(Frame::Cut)
            }
        }
    })
}
