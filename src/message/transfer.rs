//! Transfer encodings: octets of a part from and to base64 and quoted-printable (RFC 2045 6).
//!
//! Decoding never fails: what cannot be read is skipped and counted, since receivers meet damaged
//! base64 every day and the finding belongs to the rules.

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

/// Skips what RFC 2045 6.8 lets a receiver skip; the fast path covers undamaged bodies.
fn base64(body: &[u8]) -> Decoded<'_> {
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
    const LINE_OCTETS: usize = 57;
    let mut out = Vec::with_capacity(bytes.len().div_ceil(LINE_OCTETS) * (76 + eol.len()));
    let mut line = [0u8; 76];
    for chunk in bytes.chunks(LINE_OCTETS) {
        let length = BASE64.encode_len(chunk.len());
        if let Some(text) = line.get_mut(..length) {
            BASE64.encode_mut(chunk, text);
            out.extend_from_slice(text);
        }
        out.extend_from_slice(eol.as_bytes());
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
