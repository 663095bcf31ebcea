//! What is wrong with the structure of a message: data, never an error.

use serde::Serialize;

/// One defect and where it was seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Defect {
    /// What is wrong.
    pub kind: DefectKind,
    /// Offset in the raw message.
    pub at: usize,
}

impl Defect {
    /// A defect of `kind` at offset `at`.
    pub fn new(kind: DefectKind, at: usize) -> Self {
        Defect { kind, at }
    }
}

/// The kinds of structural defects.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum DefectKind {
    /// The file begins with the `From ` line of a mailbox file.
    MboxLine,
    /// A line that is no field ended a header early.
    HeaderBroken,
    /// More or longer header fields than the limits allow.
    HeaderTooLarge,
    /// `Content-Type` or `Content-Transfer-Encoding` occurs twice in one entity.
    DuplicateField,
    /// A NUL or bare CR in a header.
    ControlInHeader,
    /// A multipart without a boundary parameter, or with an empty or overlong one.
    BoundaryUnusable,
    /// The boundary of a multipart never occurs.
    NoDelimiter,
    /// A multipart ends without its close delimiter.
    CloseDelimiterMissing,
    /// Something other than blanks follows a boundary on its line.
    DelimiterGarbage,
    /// A part begins behind the close delimiter.
    PartAfterClose,
    /// A multipart or message with base64 or quoted-printable over it.
    EncodedComposite,
    /// Deeper nesting than `limits.mime_depth`: the inner part is opaque.
    TooDeep,
    /// More parts than `limits.mime_parts`: the rest is opaque.
    TooManyParts,
    /// LF without CR in a message that otherwise uses CRLF.
    BareLf,
    /// CR without LF.
    BareCr,
    /// A NUL octet outside binary parts.
    Nul,
}

impl DefectKind {
    /// True where two readers may disagree on what the message is, or where output could be
    /// misread (RFC 5321 2.3.8, SMTP smuggling): such a message is judged, never rewritten.
    pub fn blocks_conversion(self) -> bool {
        match self {
            DefectKind::MboxLine | DefectKind::CloseDelimiterMissing | DefectKind::NoDelimiter => false,
            DefectKind::HeaderBroken
            | DefectKind::HeaderTooLarge
            | DefectKind::DuplicateField
            | DefectKind::ControlInHeader
            | DefectKind::BoundaryUnusable
            | DefectKind::DelimiterGarbage
            | DefectKind::PartAfterClose
            | DefectKind::EncodedComposite
            | DefectKind::TooDeep
            | DefectKind::TooManyParts
            | DefectKind::BareLf
            | DefectKind::BareCr
            | DefectKind::Nul => true,
        }
    }

    /// The defect in words.
    pub fn text(self) -> &'static str {
        match self {
            DefectKind::MboxLine => "begins with the From line of a mailbox file",
            DefectKind::HeaderBroken => "a line that is no header field ends the header",
            DefectKind::HeaderTooLarge => "header larger than the limits",
            DefectKind::DuplicateField => "Content-Type or Content-Transfer-Encoding occurs twice",
            DefectKind::ControlInHeader => "NUL or bare CR in a header",
            DefectKind::BoundaryUnusable => "multipart without a usable boundary",
            DefectKind::NoDelimiter => "the boundary of a multipart never occurs",
            DefectKind::CloseDelimiterMissing => "close delimiter missing",
            DefectKind::DelimiterGarbage => "garbage behind a boundary delimiter",
            DefectKind::PartAfterClose => "a part behind the close delimiter",
            DefectKind::EncodedComposite => "a multipart or message is itself encoded",
            DefectKind::TooDeep => "nested deeper than the limit",
            DefectKind::TooManyParts => "more parts than the limit",
            DefectKind::BareLf => "bare LF",
            DefectKind::BareCr => "bare CR",
            DefectKind::Nul => "NUL octet",
        }
    }
}
