//! Transfer encodings: octets of a part from and to base64 and quoted-printable (RFC 2045 6).
//!
//! Decoding never fails: what cannot be read is skipped and counted, since receivers meet damaged
//! base64 every day and the finding belongs to the rules.

use base64_simd::{AsOut, STANDARD, STANDARD_NO_PAD};
use data_encoding::{BASE64, Encoding as Base, Specification};
use std::borrow::Cow;
use std::sync::LazyLock;

/// `Content-Transfer-Encoding`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Encoding {
    /// `7bit`, also where the field is missing.
    SevenBit,
    /// `8bit`.
    EightBit,
    /// `binary`.
    Binary,
    /// `quoted-printable`.
    QuotedPrintable,
    /// `base64`, also as `Base-64` (RFC 1911).
    Base64,
    /// Anything else: the octets are taken as they are.
    Unknown(String),
}

impl Encoding {
    /// Reads a field value; comments and case are ignored.
    pub fn parse(value: &[u8]) -> Self {
        let name = super::structured::parameterized(value).head;
        match name.as_str() {
            "7bit" | "" => Encoding::SevenBit,
            "8bit" => Encoding::EightBit,
            "binary" => Encoding::Binary,
            "quoted-printable" => Encoding::QuotedPrintable,
            "base64" | "base-64" => Encoding::Base64,
            _ => Encoding::Unknown(name),
        }
    }

    /// The registered name.
    pub fn name(&self) -> &str {
        match self {
            Encoding::SevenBit => "7bit",
            Encoding::EightBit => "8bit",
            Encoding::Binary => "binary",
            Encoding::QuotedPrintable => "quoted-printable",
            Encoding::Base64 => "base64",
            Encoding::Unknown(name) => name,
        }
    }

    /// True where encoded and decoded octets are the same.
    pub fn is_identity(&self) -> bool {
        !matches!(self, Encoding::QuotedPrintable | Encoding::Base64)
    }
}

/// A decoded body and what was wrong with its encoding.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decoded<'a> {
    /// The octets.
    pub bytes: Cow<'a, [u8]>,
    /// Octets that belong to no encoding and were skipped.
    pub garbage: usize,
    /// The last base64 quantum is cut or not padded.
    pub unpadded: bool,
}

/// Decodes the body of a part.
pub fn decode<'a>(encoding: &Encoding, body: &'a [u8]) -> Decoded<'a> {
    match encoding {
        Encoding::Base64 => base64(body),
        Encoding::QuotedPrintable => quoted_printable(body),
        _ => Decoded { bytes: Cow::Borrowed(body), garbage: 0, unpadded: false },
    }
}

/// Clean lines as programs write them are decoded as they are; from the first other line on, the rest is
/// read with tolerance.
fn base64(body: &[u8]) -> Decoded<'_> {
    let (mut bytes, rest) = clean_lines(body);
    let decoded = tolerant(rest);
    bytes.extend_from_slice(&decoded.bytes);
    Decoded { bytes: Cow::Owned(bytes), ..decoded }
}

/// Characters of a line of base64 in full length (RFC 2045 6.8).
const LINE_CHARACTERS: usize = 76;
/// Octets in such a line.
const LINE_OCTETS: usize = 57;
/// Lines that are coded at a time: the characters without the line ends stay in the first level cache.
const BLOCK_LINES: usize = 96;

/// Decodes lines of 76 characters of the alphabet for as long as they come; gives the octets and what
/// follows. Whole lines are whole quanta, so the rest can be decoded by itself.
fn clean_lines(body: &[u8]) -> (Vec<u8>, &[u8]) {
    match (body.get(LINE_CHARACTERS), body.get(LINE_CHARACTERS + 1)) {
        (Some(b'\r'), Some(b'\n')) => clean_lines_of::<{ LINE_CHARACTERS + 2 }>(body),
        (Some(b'\n'), _) => clean_lines_of::<{ LINE_CHARACTERS + 1 }>(body),
        _ => (Vec::new(), body),
    }
}

fn clean_lines_of<const LINE: usize>(body: &[u8]) -> (Vec<u8>, &[u8]) {
    let lines = body.as_chunks::<LINE>().0;
    let end = if LINE == LINE_CHARACTERS + 2 { b"\r\n".as_slice() } else { b"\n" };
    let mut packed = [0; BLOCK_LINES * LINE_CHARACTERS];
    let mut bytes = Vec::with_capacity(body.len() / LINE * LINE_OCTETS + body.len() % LINE);
    let mut taken = 0;
    for block in lines.chunks(BLOCK_LINES) {
        let mut whole = 0;
        for (line, text) in block.iter().zip(packed.as_chunks_mut::<LINE_CHARACTERS>().0) {
            let (characters, line_end) = line.split_at(LINE_CHARACTERS);
            if line_end != end {
                break;
            }
            text.copy_from_slice(characters);
            whole += 1;
        }
        let at = bytes.len();
        bytes.resize(at + whole * LINE_OCTETS, 0);
        // Padding is not of this alphabet, so that what ends the data is read with tolerance.
        let decoded = match (packed.get(..whole * LINE_CHARACTERS), bytes.get_mut(at..)) {
            (Some(text), Some(out)) => STANDARD_NO_PAD.decode(text, out.as_out()).is_ok(),
            _ => false,
        };
        if !decoded {
            bytes.truncate(at);
            break;
        }
        taken += whole * LINE;
        if whole < block.len() {
            break;
        }
    }
    (bytes, body.get(taken..).unwrap_or_default())
}

/// Skips what RFC 2045 6.8 lets a receiver skip.
fn tolerant(body: &[u8]) -> Decoded<'_> {
    let mut packed = Vec::with_capacity(body.len());
    let (mut garbage, mut ended) = (0, false);
    for line in body.split(|c| *c == b'\n') {
        let line = line.trim_ascii();
        if ended {
            garbage += line.len();
        } else if line.iter().all(|c| c.is_ascii_alphanumeric() || matches!(c, b'+' | b'/')) {
            packed.extend_from_slice(line);
        } else {
            for c in line {
                match c {
                    _ if ended => garbage += usize::from(*c != b'='),
                    b'=' => ended = true,
                    b'+' | b'/' => packed.push(*c),
                    c if c.is_ascii_alphanumeric() => packed.push(*c),
                    b' ' | b'\t' => {}
                    _ => garbage += 1,
                }
            }
        }
    }
    let padded = ended;
    let partial = packed.len() % 4;
    let unpadded = partial == 1 || (partial != 0 && !padded);
    if partial == 1 {
        packed.pop();
    }
    while !packed.len().is_multiple_of(4) {
        packed.push(b'=');
    }
    let bytes = decode_packed(packed);
    Decoded { bytes: Cow::Owned(bytes), garbage, unpadded }
}

/// `packed` holds whole quanta of the alphabet only, but the last bits before the padding may be
/// set, which a strict decoder refuses (RFC 4648 3.5); receivers ignore them.
fn decode_packed(packed: Vec<u8>) -> Vec<u8> {
    static LENIENT: LazyLock<Base> = LazyLock::new(|| {
        let mut spec: Specification = BASE64.specification();
        spec.check_trailing_bits = false;
        spec.encoding().expect("the base64 alphabet without the trailing bit check is a valid specification")
    });
    LENIENT.decode(&packed).unwrap_or_default()
}

fn quoted_printable(body: &[u8]) -> Decoded<'_> {
    let mut bytes = Vec::with_capacity(body.len());
    let mut garbage = 0;
    for line in body.split_inclusive(|c| *c == b'\n') {
        let text = line.strip_suffix(b"\n").map_or(line, |l| l.strip_suffix(b"\r").unwrap_or(l));
        let end = line.get(text.len()..).unwrap_or_default();
        let mut text = text.trim_ascii_end();
        let soft = text.ends_with(b"=");
        if soft {
            text = text.get(..text.len() - 1).unwrap_or_default();
        }
        while let Some((&c, tail)) = text.split_first() {
            let hex = tail.get(..2).filter(|_| c == b'=').and_then(|h| std::str::from_utf8(h).ok());
            match hex.and_then(|h| u8::from_str_radix(h, 16).ok()) {
                Some(octet) => {
                    bytes.push(octet);
                    text = tail.get(2..).unwrap_or_default();
                }
                None => {
                    garbage += usize::from(c == b'=');
                    bytes.push(c);
                    text = tail;
                }
            }
        }
        if !soft {
            bytes.extend_from_slice(end);
        }
    }
    Decoded { bytes: Cow::Owned(bytes), garbage, unpadded: false }
}

/// Base64 in lines of 76, each ended with `eol`.
pub fn encode_base64(bytes: &[u8], eol: &str) -> Vec<u8> {
    let mut out = Vec::with_capacity(bytes.len().div_ceil(LINE_OCTETS) * (LINE_CHARACTERS + eol.len()));
    let mut text = [0; BLOCK_LINES * LINE_CHARACTERS];
    for block in bytes.chunks(BLOCK_LINES * LINE_OCTETS) {
        let text: &[u8] = STANDARD.encode(block, text.as_mut_slice().as_out());
        let (lines, last) = text.as_chunks::<LINE_CHARACTERS>();
        for line in lines {
            out.extend_from_slice(line);
            out.extend_from_slice(eol.as_bytes());
        }
        if !last.is_empty() {
            out.extend_from_slice(last);
            out.extend_from_slice(eol.as_bytes());
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn b64(body: &str) -> (Vec<u8>, usize, bool) {
        let d = decode(&Encoding::Base64, body.as_bytes());
        (d.bytes.into_owned(), d.garbage, d.unpadded)
    }

    #[test]
    fn base64_damage_is_counted_and_read_around() {
        assert_eq!(b64("AAEC\r\nAw==\r\n"), (vec![0, 1, 2, 3], 0, false));
        assert_eq!(b64("AAEC\nAw"), (vec![0, 1, 2, 3], 0, true));
        assert_eq!(b64("AA!EC?"), (vec![0, 1, 2], 2, false));
        assert_eq!(b64("AAECA"), (vec![0, 1, 2], 0, true));
        assert_eq!(b64("AAE=AAAA"), (vec![0, 1], 4, false));
        assert_eq!(b64("AAF="), (vec![0, 1], 0, false));
        assert_eq!(b64(""), (vec![], 0, false));
    }

    /// What the whole decoder gives is what the tolerant part alone gives, wherever and whatever the damage.
    #[test]
    fn clean_lines_are_only_faster() {
        let octets: Vec<u8> = (0..20_000u32).map(|k| (k.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
        for length in [0, 1, 56, 57, 58, 114, 5_472, 5_473, 20_000] {
            for eol in ["\r\n", "\n"] {
                let text = encode_base64(&octets[..length], eol);
                let decoded = decode(&Encoding::Base64, &text);
                assert_eq!((decoded.bytes.as_ref(), decoded.garbage), (&octets[..length], 0), "{length}");
                assert!(!decoded.unpadded);
                for at in [0, 75, 76, 77, 78, 400, 7_500, text.len().saturating_sub(3)] {
                    for damage in [b'=', b'!', b'\n', b' ', b'A', 0xFF] {
                        let mut text = text.clone();
                        let Some(octet) = text.get_mut(at) else { continue };
                        *octet = damage;
                        assert_eq!(base64(&text), tolerant(&text), "{length}, {damage} at {at}");
                        text.truncate(at);
                        assert_eq!(base64(&text), tolerant(&text), "{length}, cut at {at}");
                    }
                }
            }
        }
    }

    #[test]
    fn base64_lines_are_76_wide() {
        let text = encode_base64(&[7; 100], "\r\n");
        let lines: Vec<_> = text.split(|c| *c == b'\n').collect();
        assert_eq!(lines[0].len(), 77);
        assert!(text.ends_with(b"\r\n"));
        assert_eq!(decode(&Encoding::Base64, &text).bytes.as_ref(), &[7; 100]);
        assert!(encode_base64(&[], "\r\n").is_empty());
    }

    #[test]
    fn quoted_printable_is_decoded() {
        let d = decode(&Encoding::QuotedPrintable, b"a=3D=\r\nb  \r\nc=zz\r\n");
        assert_eq!(d.bytes.as_ref(), b"a=b\r\nc=zz\r\n");
        assert_eq!(d.garbage, 1);
    }

    #[test]
    fn names_of_the_field_are_read_without_case() {
        assert_eq!(Encoding::parse(b" BASE64 (x)"), Encoding::Base64);
        assert_eq!(Encoding::parse(b" Base-64"), Encoding::Base64);
        assert_eq!(Encoding::parse(b"x-uuencode"), Encoding::Unknown("x-uuencode".into()));
    }
}
