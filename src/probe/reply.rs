//! What a milter may answer: verdicts, modifications, and the text of an SMTP reply.
//!
//! A reply is hostile input: every field is bounded by its packet, and a malformed one is a
//! [`Violation`], never a panic.

use super::wire::Packet;
use serde::{Serialize, Serializer};

/// A breach of the milter protocol by the milter.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, thiserror::Error)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Violation {
    /// A reply that no command asked for. A real MTA takes it for the answer to the next command.
    #[error("an extra reply '{letter}' after {after}: an MTA takes it for the answer to its next command")]
    ExtraReply {
        /// The reply's letter.
        letter: char,
        /// The stage whose command was answered already, or needed no answer.
        after: Stage,
    },
    /// The milter went away or fell silent where a reply was due.
    #[error("no reply to {stage}: {reason}")]
    MissingReply {
        /// The command that was not answered.
        stage: Stage,
        /// What happened instead.
        reason: String,
    },
    /// A reply that is not allowed at this stage, or that nobody knows.
    #[error("reply '{letter}' does not belong to {stage}")]
    OutOfPlace {
        /// The reply's letter.
        letter: char,
        /// Where it came.
        stage: Stage,
    },
    /// A reply whose data cannot be read.
    #[error("reply '{letter}' at {stage} is malformed: {reason}")]
    Malformed {
        /// The reply's letter.
        letter: char,
        /// Where it came.
        stage: Stage,
        /// What is wrong.
        reason: String,
    },
    /// A modification without the action negotiated for it.
    #[error("reply '{letter}' needs action {action:#x}, which was not negotiated")]
    NotNegotiated {
        /// The reply's letter.
        letter: char,
        /// The missing `SMFIF_` bit.
        action: u32,
    },
    /// Another request between the packets of a new body: Postfix refuses the message.
    #[error("reply '{letter}' between or after packets of the new body: Postfix fails the message")]
    BodyNotInOneRun {
        /// The reply's letter.
        letter: char,
    },
}

/// A stage of the milter conversation, named after the command the MTA sends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
#[allow(missing_docs)]
pub enum Stage {
    Negotiate,
    Connect,
    Helo,
    Mail,
    Rcpt,
    Data,
    Header,
    EndOfHeaders,
    Body,
    EndOfMessage,
    Abort,
    Quit,
}

impl Stage {
    /// The letter of the command.
    pub fn letter(self) -> char {
        char::from(self.octet())
    }

    pub(super) fn octet(self) -> u8 {
        match self {
            Stage::Negotiate => b'O',
            Stage::Connect => b'C',
            Stage::Helo => b'H',
            Stage::Mail => b'M',
            Stage::Rcpt => b'R',
            Stage::Data => b'T',
            Stage::Header => b'L',
            Stage::EndOfHeaders => b'N',
            Stage::Body => b'B',
            Stage::EndOfMessage => b'E',
            Stage::Abort => b'A',
            Stage::Quit => b'Q',
        }
    }

    /// `SMFIP_NO*`: the milter does not want the command.
    pub(super) fn unwanted_bit(self) -> u32 {
        match self {
            Stage::Connect => 0x1,
            Stage::Helo => 0x2,
            Stage::Mail => 0x4,
            Stage::Rcpt => 0x8,
            Stage::Body => 0x10,
            Stage::Header => 0x20,
            Stage::EndOfHeaders => 0x40,
            Stage::Data => 0x200,
            _ => 0,
        }
    }

    /// `SMFIP_NR_*`: the milter does not answer the command.
    pub(super) fn silent_bit(self) -> u32 {
        match self {
            Stage::Header => 0x80,
            Stage::Connect => 0x1000,
            Stage::Helo => 0x2000,
            Stage::Mail => 0x4000,
            Stage::Rcpt => 0x8000,
            Stage::Data => 0x1_0000,
            Stage::EndOfHeaders => 0x4_0000,
            Stage::Body => 0x8_0000,
            _ => 0,
        }
    }
}

impl std::fmt::Display for Stage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Stage::Negotiate => "option negotiation",
            Stage::Connect => "connect",
            Stage::Helo => "helo",
            Stage::Mail => "mail",
            Stage::Rcpt => "rcpt",
            Stage::Data => "data",
            Stage::Header => "header",
            Stage::EndOfHeaders => "end of headers",
            Stage::Body => "body",
            Stage::EndOfMessage => "end of message",
            Stage::Abort => "abort",
            Stage::Quit => "quit",
        })
    }
}

/// What the SMTP client would read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SmtpReply {
    /// `550`, `451`, ...
    pub code: u16,
    /// The text after the code, the lines of a multi-line reply joined by LF.
    pub text: String,
    /// `false` when the milter gave no text and this is Postfix's own.
    pub from_milter: bool,
}

impl SmtpReply {
    pub(super) fn reject() -> Self {
        SmtpReply { code: 550, text: "5.7.1 Command rejected".into(), from_milter: false }
    }

    pub(super) fn tempfail() -> Self {
        let text = "4.7.1 Service unavailable - try again later".into();
        SmtpReply { code: 451, text, from_milter: false }
    }

    /// Reads the data of a REPLYCODE. `%%` stands for `%`, as in libmilter.
    pub(super) fn parse(data: &[u8]) -> Result<Self, String> {
        let text = data.strip_suffix(b"\0").ok_or("no final NUL")?;
        let text = std::str::from_utf8(text).map_err(|_| "not UTF-8")?;
        let mut code = None;
        let mut lines = Vec::new();
        for line in text.split("\r\n") {
            let (number, rest) = line.split_at_checked(3).ok_or("a line without reply code")?;
            let number: u16 = number.parse().map_err(|_| "a line without reply code")?;
            if !(400..600).contains(&number) || *code.get_or_insert(number) != number {
                return Err("reply codes must be 4xx or 5xx and alike in all lines".into());
            }
            let rest = rest.strip_prefix([' ', '-']).ok_or("neither space nor hyphen after the code")?;
            if enhanced_class(rest).is_some_and(|class| class != number / 100) {
                return Err("the enhanced status code is of another class than the reply code".into());
            }
            if rest.contains(['\r', '\n', '\0']) {
                return Err("a line end or NUL in the text".into());
            }
            lines.push(unescape(rest)?);
        }
        let code = code.ok_or("no reply code")?;
        Ok(SmtpReply { code, text: lines.join("\n"), from_milter: true })
    }
}

/// Class of `5.7.1 text`.
fn enhanced_class(text: &str) -> Option<u16> {
    let (class, rest) = text.split_once('.')?;
    let (subject, _) = rest.split_once('.')?;
    subject.bytes().all(|b| b.is_ascii_digit()).then(|| class.parse().ok())?
}

fn unescape(text: &str) -> Result<String, String> {
    let doubled = text.replace("%%", "\0");
    if doubled.contains('%') {
        return Err("a single % (an MTA drops it or refuses the text): write %%".into());
    }
    Ok(doubled.replace('\0', "%"))
}

/// One change the milter asked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Modification {
    /// A field at the end of the header.
    AddHeader {
        /// Field name.
        #[serde(serialize_with = "lossy")]
        name: Vec<u8>,
        /// Field body, folded with LF.
        #[serde(serialize_with = "lossy")]
        value: Vec<u8>,
    },
    /// A field at a position; 0 is above the MTA's own `Received`.
    InsertHeader {
        /// The position.
        index: u32,
        /// Field name.
        #[serde(serialize_with = "lossy")]
        name: Vec<u8>,
        /// Field body, folded with LF.
        #[serde(serialize_with = "lossy")]
        value: Vec<u8>,
    },
    /// A new value for the `index`th field of that name (1 is the first); an empty value deletes it.
    ChangeHeader {
        /// Which of the fields of that name.
        index: u32,
        /// Field name.
        #[serde(serialize_with = "lossy")]
        name: Vec<u8>,
        /// Field body, folded with LF.
        #[serde(serialize_with = "lossy")]
        value: Vec<u8>,
    },
    /// One more recipient.
    AddRecipient {
        /// The address.
        #[serde(serialize_with = "lossy")]
        address: Vec<u8>,
        /// ESMTP parameters.
        #[serde(serialize_with = "lossy")]
        parameters: Vec<u8>,
    },
    /// One recipient less.
    DeleteRecipient {
        /// The address.
        #[serde(serialize_with = "lossy")]
        address: Vec<u8>,
    },
    /// Another reverse-path.
    ChangeSender {
        /// The address.
        #[serde(serialize_with = "lossy")]
        address: Vec<u8>,
        /// ESMTP parameters.
        #[serde(serialize_with = "lossy")]
        parameters: Vec<u8>,
    },
    /// The message is held.
    Quarantine {
        /// Why.
        #[serde(serialize_with = "lossy")]
        reason: Vec<u8>,
    },
    /// A new body (all packets together).
    ReplaceBody {
        /// Packets it came in.
        packets: usize,
        /// The new body.
        #[serde(rename = "octets", serialize_with = "length")]
        body: Vec<u8>,
    },
}

fn lossy<S: Serializer>(octets: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&String::from_utf8_lossy(octets))
}

fn length<S: Serializer>(octets: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_u64(u64::try_from(octets.len()).unwrap_or(u64::MAX))
}

/// A reply, read.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Reply {
    Continue,
    Accept,
    Reject,
    Tempfail,
    Discard,
    Skip,
    Progress,
    Code(SmtpReply),
    /// The change, and the `SMFIF_` bit it needs.
    Modify(Modification, u32),
    /// CONN_FAIL, SHUTDOWN, or a letter nobody knows.
    Other,
}

impl Reply {
    pub fn parse(packet: Packet) -> Result<Self, String> {
        let Packet { letter, data } = packet;
        let mut data = Fields(&data);
        let (modification, action) = match letter {
            b'c' => return Ok(Reply::Continue),
            b'a' => return Ok(Reply::Accept),
            b'r' => return Ok(Reply::Reject),
            b't' => return Ok(Reply::Tempfail),
            b'd' => return Ok(Reply::Discard),
            b's' => return Ok(Reply::Skip),
            b'p' => return Ok(Reply::Progress),
            b'y' => return SmtpReply::parse(data.0).map(Reply::Code),
            b'h' => (Modification::AddHeader { name: data.text()?, value: data.text()? }, 0x1),
            b'i' => {
                let index = data.number()?;
                (Modification::InsertHeader { index, name: data.text()?, value: data.text()? }, 0x1)
            }
            b'm' => {
                let index = data.number()?;
                (Modification::ChangeHeader { index, name: data.text()?, value: data.text()? }, 0x10)
            }
            b'+' => (Modification::AddRecipient { address: data.text()?, parameters: Vec::new() }, 0x4),
            b'2' => {
                let address = data.text()?;
                (Modification::AddRecipient { address, parameters: data.optional_text()? }, 0x80)
            }
            b'-' => (Modification::DeleteRecipient { address: data.text()? }, 0x8),
            b'e' => {
                let address = data.text()?;
                (Modification::ChangeSender { address, parameters: data.optional_text()? }, 0x40)
            }
            b'q' => (Modification::Quarantine { reason: data.text()? }, 0x20),
            b'b' => (Modification::ReplaceBody { packets: 1, body: data.rest() }, 0x2),
            _ => return Ok(Reply::Other),
        };
        if !data.0.is_empty() {
            return Err(format!("{} octets too many", data.0.len()));
        }
        Ok(Reply::Modify(modification, action))
    }
}

/// Reads the data of a packet from front to back.
struct Fields<'a>(&'a [u8]);

impl<'a> Fields<'a> {
    fn text(&mut self) -> Result<Vec<u8>, String> {
        let end = self.0.iter().position(|&b| b == 0).ok_or("a string without its NUL")?;
        let (text, rest) = self.0.split_at_checked(end).ok_or("a string without its NUL")?;
        self.0 = rest.get(1..).unwrap_or_default();
        Ok(text.to_vec())
    }

    fn optional_text(&mut self) -> Result<Vec<u8>, String> {
        if self.0.is_empty() { Ok(Vec::new()) } else { self.text() }
    }

    fn number(&mut self) -> Result<u32, String> {
        let (&number, rest) = self.0.split_first_chunk::<4>().ok_or("no index")?;
        self.0 = rest;
        Ok(u32::from_be_bytes(number))
    }

    fn rest(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.0).to_vec()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(letter: u8, data: &[u8]) -> Result<Reply, String> {
        Reply::parse(Packet { letter, data: data.to_vec() })
    }

    #[test]
    fn reply_texts_are_read_as_the_client_gets_them() {
        let reply = SmtpReply::parse(b"550-5.7.1 100%% a\r\n550 5.7.1 b\0").unwrap();
        assert_eq!((reply.code, reply.text.as_str()), (550, "5.7.1 100% a\n5.7.1 b"));
        assert_eq!(SmtpReply::parse(b"451 later\0").unwrap().code, 451);
    }

    #[test]
    fn reply_texts_that_an_mta_spoils_are_refused() {
        for bad in [
            &b""[..],
            b"\0",
            b"550 x",
            b"250 2.0.0 ok\0",
            b"550 4.7.1 class\0",
            b"550-a\r\n551 b\0",
            b"550-a\n550 b\0",
            b"550x\0",
            b"550 50% off\0",
            b"55\xc3\xa9 x\0",
        ] {
            assert!(SmtpReply::parse(bad).is_err(), "{}", bad.escape_ascii());
        }
    }

    #[test]
    fn truncated_modifications_are_errors() {
        for (letter, data) in [
            (b'h', &b"Name\0value"[..]),
            (b'h', b"Name"),
            (b'i', b"\0\0\0"),
            (b'm', b"\0\0\0\x01Name\0v\0more"),
            (b'+', b""),
            (b'2', b"<a@x>\0ARG"),
        ] {
            assert!(parse(letter, data).is_err(), "{}", char::from(letter));
        }
        let change = Modification::ChangeHeader { index: 2, name: b"A".to_vec(), value: b"".to_vec() };
        assert_eq!(parse(b'm', b"\0\0\0\x02A\0\0"), Ok(Reply::Modify(change, 0x10)));
        assert_eq!(parse(b'4', b""), Ok(Reply::Other));
    }
}
