//! Transfer encodings and the form of Content-Disposition: RFC 2045 6, RFC 2183, RFC 3801 4.2.12, RFC 1911 4.2.

use super::lookup::*;
use super::mime::{odd_encodings, rename_base64};
use super::samples::*;
use crate::conformance::rule::{Findings, Level, Rule, Samples};
use crate::message::edit::EditList;
use crate::message::structured::parameterized;
use crate::message::transfer::decode;
use crate::message::{Encoding, Entity, EntityId, Field, Span};
use crate::vpim::{Envelope, Survey, Target};
use std::fmt::Write as _;

/// The rules.
pub static RULES: &[Rule] = &[
    Rule {
        id: "vpim2-cte-composite-identity",
        level: Level::MustNot,
        rfc: 2045,
        section: "6.4",
        text: "Multipart and message entities are never themselves base64 or quoted-printable encoded.",
        remedy: "Let the system encode the parts, not what encloses them.",
        classes: VPIM,
        check: cte_composite_identity,
        repair: Some(decode_composites),
        samples: Samples::changed(
            VOICE,
            &[(
                "--b1--",
                "--b1\nContent-Type: message/rfc822\nContent-Transfer-Encoding: base64\n\nU3ViamVjdDogeA0KDQpIaQ0K\n--b1--",
            )],
        ),
    },
    Rule {
        id: "vpim2-recv-cte",
        level: Level::Must,
        rfc: 3801,
        section: "4.2.12",
        text: "Content-Transfer-Encoding is processed on reception.",
        remedy: "Let the voice system write base64, as MIME spells it.",
        classes: VPIM2,
        check: recv_cte,
        repair: Some(rename_base64),
        samples: Samples::changed(VOICE, &[("base64", "Base-64")]),
    },
    Rule {
        id: "vpim2-recv-undecodable-encoding",
        level: Level::Must,
        rfc: 2045,
        section: "6.4",
        text: "A part with an unknown transfer encoding is treated as opaque octets whatever its media type says.",
        remedy: "Let the voice system encode audio in base64.",
        classes: VPIM,
        check: recv_undecodable_encoding,
        repair: None,
        samples: Samples::changed(VOICE, &[("base64", "x-uuencode")]),
    },
    Rule {
        id: "vpim2-send-binary-when-available",
        level: Level::Should,
        rfc: 3801,
        section: "4.2.12",
        text: "With binary transport available, audio and fax bodies travel as binary.",
        remedy: "Nothing is lost; the message is a third larger than it could be.",
        classes: VPIM2,
        check: send_binary_when_available,
        repair: None,
        samples: Samples { good: VOICE, bad: VOICE.in_session(|e| Envelope { binary_mime: true, ..e }) },
    },
    Rule {
        id: "vpim2-disposition-unknown-type",
        level: Level::Should,
        rfc: 2183,
        section: "2.8",
        text: "An unknown disposition type counts as attachment.",
        remedy: "Let the voice system write inline.",
        classes: VPIM2,
        check: disposition_unknown_type,
        repair: Some(write_inline),
        samples: Samples::changed(VOICE, &[("inline; voice=Voice-Message", "voice; voice=Voice-Message")]),
    },
    Rule {
        id: "vpim2-disposition-value-form",
        level: Level::Must,
        rfc: 2183,
        section: "2",
        text: "Disposition values longer than 78 characters or with non-ASCII characters use the RFC 2231 encoding.",
        remedy: "Write long values, and values that are not ASCII, in the form of RFC 2231.",
        classes: ALL,
        check: disposition_value_form,
        repair: Some(write_extended),
        samples: Samples::changed(VOICE, &[("filename=m1.726", "filename=\"Grüße aus der Zentrale.726\"")]),
    },
    Rule {
        id: "vpim2-audio-filename-present",
        level: Level::Should,
        rfc: 3801,
        section: "4.3.2",
        text: "A filename parameter is given when known.",
        remedy: "Write the name as filename in Content-Disposition.",
        classes: VPIM2,
        check: audio_filename_present,
        repair: Some(append_filename),
        samples: Samples::changed(
            VOICE,
            &[
                ("Content-Type: audio/32KADPCM", "Content-Type: audio/32KADPCM; name=hello.726"),
                ("; filename=name.726", ""),
            ],
        ),
    },
    Rule {
        id: "vpim1-base-64-token",
        level: Level::Must,
        rfc: 1911,
        section: "4.2",
        text: "The encoding name is spelled Base-64 in version 1, and receivers decode it.",
        remedy: "Let the system of version 1 write base64, or convert its messages.",
        classes: VPIM1,
        check: vpim1_base_64_token,
        repair: Some(respell),
        samples: Samples {
            good: VOICE1,
            bad: VOICE1.with(&[("base64", "Base-64")]).towards(Target::default),
        },
    },
];

fn cte_composite_identity(s: &Survey<'_>, f: &mut Findings<'_>) {
    for (id, e) in encoded_composites(s) {
        let what = format!("{} in {}", e.content_type.essence(), e.encoding.name());
        match s.fields(id, "Content-Transfer-Encoding").next() {
            Some(field) => f.field(id, field, what),
            None => f.entity(id, what),
        }
    }
}

fn recv_cte(s: &Survey<'_>, f: &mut Findings<'_>) {
    for (id, field, name) in odd_encodings(s) {
        f.field(id, field, format!("a receiver can decode {} by chance only", quoted(&name)));
    }
}

fn recv_undecodable_encoding(s: &Survey<'_>, f: &mut Findings<'_>) {
    unknown_encodings(s, f, "the octets of the part cannot be known");
}

/// A finding for every part in an encoding nobody knows.
pub fn unknown_encodings(s: &Survey<'_>, f: &mut Findings<'_>, why: &str) {
    for (id, e) in s.judged() {
        let Encoding::Unknown(name) = &e.encoding else { continue };
        if let Some(field) = s.fields(id, "Content-Transfer-Encoding").next() {
            f.field(id, field, format!("{} is no encoding: {why}", quoted(name)));
        }
    }
}

fn send_binary_when_available(s: &Survey<'_>, f: &mut Findings<'_>) {
    for (id, _) in s.media().filter(|(_, e)| s.envelope.binary_mime && e.encoding == Encoding::Base64) {
        f.entity(id, "base64, where the transport could take binary");
    }
}

fn disposition_unknown_type(s: &Survey<'_>, f: &mut Findings<'_>) {
    for (id, field, head) in unknown_dispositions(s) {
        f.field(id, field, format!("{} counts as attachment", quoted(&head)));
    }
}

fn disposition_value_form(s: &Survey<'_>, f: &mut Findings<'_>) {
    for (id, field) in long_dispositions(s) {
        if let Some(bad) = segments(s.octets(field)).find(|x| !x.fits()) {
            let (name, _) = bad.parameter().unwrap_or_default();
            f.field(id, field, format!("the value of {} wants the form of RFC 2231", quoted(&name)));
        }
    }
}

fn audio_filename_present(s: &Survey<'_>, f: &mut Findings<'_>) {
    for (id, field, name) in known_names(s) {
        f.field(id, field, format!("the part is called {}, and has no filename", quoted(name)));
    }
}

fn vpim1_base_64_token(s: &Survey<'_>, f: &mut Findings<'_>) {
    for (id, field, name) in old_spellings(s) {
        f.field(id, field, format!("the recipient's system knows no {}", quoted(&name)));
    }
}

/// Multiparts and messages in base64 or quoted-printable.
fn encoded_composites<'a>(s: &'a Survey<'_>) -> impl Iterator<Item = (EntityId, &'a Entity)> {
    s.judged().filter(|(_, e)| {
        let composite = e.content_type.main == "multipart" || e.content_type.is("message/rfc822");
        composite && !matches!(e.encoding, Encoding::SevenBit | Encoding::EightBit | Encoding::Binary)
    })
}

/// `Base-64` on the way to a system of version 2.
fn old_spellings<'a>(s: &'a Survey<'_>) -> impl Iterator<Item = (EntityId, &'a Field, String)> {
    odd_encodings(s).filter(|(.., name)| s.target.is_some() && name.eq_ignore_ascii_case("base-64"))
}

/// Dispositions of audio parts that are neither inline nor attachment.
fn unknown_dispositions<'a>(s: &'a Survey<'_>) -> impl Iterator<Item = (EntityId, &'a Field, String)> {
    s.audio().filter_map(|(id, e)| {
        let head = &e.disposition.as_ref()?.head;
        let unknown = !head.is_empty() && head != "inline" && head != "attachment";
        let field = s.fields(id, "Content-Disposition").next().filter(|_| unknown)?;
        Some((id, field, head.clone()))
    })
}

/// Audio parts whose name stands in Content-Type alone: (part, Content-Disposition, name).
fn known_names<'a>(s: &'a Survey<'_>) -> impl Iterator<Item = (EntityId, &'a Field, &'a str)> {
    s.audio().filter_map(|(id, e)| {
        let name = e.content_type.parameters.value("name").filter(|n| !n.trim().is_empty())?;
        let unnamed = s.disposition(e, "filename").is_none();
        let field = s.fields(id, "Content-Disposition").next().filter(|_| unnamed)?;
        Some((id, field, name))
    })
}

/// Longest plain value, in characters (RFC 2183 2).
const PLAIN_VALUE: usize = 78;

/// The Content-Disposition fields that are long or not ASCII at all.
fn long_dispositions<'a>(s: &'a Survey<'_>) -> impl Iterator<Item = (EntityId, &'a Field)> {
    s.judged().filter(|(_, e)| e.disposition.is_some()).filter_map(|(id, _)| {
        let field = s.fields(id, "Content-Disposition").next()?;
        let octets = s.octets(field);
        (octets.len() > PLAIN_VALUE || !octets.is_ascii()).then_some((id, field))
    })
}

/// What stands between two semicolons of a field.
struct Segment<'a> {
    start: usize,
    octets: &'a [u8],
}

impl Segment<'_> {
    /// Name and value, where it is a parameter.
    fn parameter(&self) -> Option<(String, String)> {
        let field = parameterized(&[b"x;", self.octets].concat());
        field.parameters.iter().next().map(|(n, v)| (n.to_owned(), v.to_owned()))
    }

    fn fits(&self) -> bool {
        let extended = || {
            let name = self.octets.split(|c| *c == b'=').next().unwrap_or_default();
            name.contains(&b'*')
        };
        let long = || self.parameter().is_some_and(|(_, v)| v.chars().count() > PLAIN_VALUE);
        self.octets.is_ascii() && (self.octets.len() <= PLAIN_VALUE || extended() || !long())
    }
}

/// The segments of a field, semicolons in quoted strings and comments left alone.
fn segments(value: &[u8]) -> impl Iterator<Item = Segment<'_>> {
    let (mut quoted, mut escaped, mut depth) = (false, false, 0usize);
    let mut start = 0;
    value
        .split(move |c| {
            let literal = std::mem::take(&mut escaped);
            match c {
                b'\\' if !literal => escaped = true,
                b'"' if !literal && depth == 0 => quoted = !quoted,
                b'(' if !literal && !quoted => depth += 1,
                b')' if !literal && !quoted => depth = depth.saturating_sub(1),
                b';' => return !quoted && depth == 0,
                _ => {}
            }
            false
        })
        .map(move |octets| {
            let at = start;
            start += octets.len() + 1;
            Segment { start: at, octets }
        })
}

/// `name*0*=utf-8''...; name*1*=...` (RFC 2231 4.1).
fn extended(name: &str, value: &str, fold: &str) -> String {
    /// Octets of a value written in one section: 3 characters each at most.
    const SECTION: usize = 20;
    let (mut sections, mut text) = (Vec::new(), String::new());
    for (n, octet) in value.bytes().enumerate() {
        if n % SECTION == 0 && n > 0 {
            sections.push(std::mem::take(&mut text));
        }
        if octet.is_ascii_alphanumeric() || matches!(octet, b'-' | b'.' | b'_') {
            text.push(char::from(octet));
        } else {
            let _ = write!(text, "%{octet:02X}");
        }
    }
    sections.push(text);
    match sections.as_slice() {
        [one] => format!("{name}*=utf-8''{one}"),
        many => {
            let section = |(n, text): (usize, &String)| {
                format!("{name}*{n}*={}{text}", if n == 0 { "utf-8''" } else { "" })
            };
            many.iter().enumerate().map(section).collect::<Vec<_>>().join(&format!(";{fold}"))
        }
    }
}

fn write_extended(s: &Survey<'_>, edits: &mut EditList) {
    let fold = format!("{}\t", s.message.eol().text());
    for (id, field) in long_dispositions(s) {
        let octets = s.octets(field);
        let mut value = octets.to_vec();
        let bad: Vec<_> = segments(octets).filter(|x| !x.fits()).collect();
        for segment in bad.iter().rev() {
            let Some((name, text)) =
                segment.parameter().filter(|_| std::str::from_utf8(segment.octets).is_ok())
            else {
                continue;
            };
            let end = segment.start + segment.octets.len();
            let with = format!("{fold}{}", extended(&name, &text, &fold));
            value.splice(segment.start..end.min(value.len()), with.into_bytes());
        }
        if value != octets {
            s.replace(edits, id, field, &value);
        }
    }
}

/// Undoes the encoding of multiparts and messages where their octets then fit into lines of mail.
fn decode_composites(s: &Survey<'_>, edits: &mut EditList) {
    let eol = s.message.eol().text();
    for (id, e) in encoded_composites(s).filter(|(_, e)| !matches!(e.encoding, Encoding::Unknown(_))) {
        let Some(field) = s.fields(id, "Content-Transfer-Encoding").next() else { continue };
        let decoded = decode(&e.encoding, e.body.of(s.message.raw()));
        let mut body = Vec::with_capacity(decoded.bytes.len());
        for (n, line) in decoded.bytes.split(|c| *c == b'\n').enumerate() {
            if n > 0 {
                body.extend_from_slice(eol.as_bytes());
            }
            body.extend_from_slice(line.strip_suffix(b"\r").unwrap_or(line));
        }
        let fits = body.split(|c| *c == b'\n').all(|l| l.len() <= 998) && !body.contains(&0);
        if fits && decoded.garbage == 0 {
            s.replace(edits, id, field, if body.is_ascii() { b" 7bit" } else { b" 8bit" });
            edits.body(e.body, body);
        }
    }
}

fn write_inline(s: &Survey<'_>, edits: &mut EditList) {
    for (_, field, head) in unknown_dispositions(s).filter(|(id, ..)| *id != ROOT) {
        let place = s.octets(field).windows(head.len()).position(|w| w.eq_ignore_ascii_case(head.as_bytes()));
        if let Some(at) = place {
            let start = field.value.start + at;
            edits.body(Span::new(start, start + head.len()), b"inline".to_vec());
        }
    }
}

fn append_filename(s: &Survey<'_>, edits: &mut EditList) {
    for (id, field, name) in known_names(s) {
        let plain = name.len() <= PLAIN_VALUE
            && name.bytes().all(|c| matches!(c, b' '..=b'~') && !b"\"\\/".contains(&c));
        if plain {
            s.append_parameter(edits, id, field, &format!("filename=\"{name}\""));
        }
    }
}

fn respell(s: &Survey<'_>, edits: &mut EditList) {
    if s.target.is_some() {
        rename_base64(s, edits);
    }
}
