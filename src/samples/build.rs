//! Messages from descriptions: what stands in a message is data ([`Item`]), this file writes it down
//! and says which audio and fax parts a judge must find in it.

use super::{PartVerdict, page, sound};
use crate::limits::{Budget, Limits};
use crate::media::{self, Job, MediaError};
use std::fmt::Write as _;

/// The date of all messages.
pub(super) const DATE: &str = "Tue, 4 Mar 2025 09:00:00 +0100";

/// Octets of base64 in a line (RFC 2045 6.8).
const LINE: usize = 76;

/// Something in a message.
pub(super) enum Item {
    /// G.726 as VPIM version 2 wants it (RFC 3801 4.4.3).
    Sound { voice: &'static str, seconds: u32, file: &'static str, fields: Fields },
    /// G.726 without any word on what it is: version 1 goes by position (RFC 1911 4.4.1).
    Bare { seconds: u32 },
    /// mu-law as Internet voice messages may have it (RFC 4239 5).
    Basic { seconds: u32 },
    /// A fax in one of the codings of TIFF-F: `mh`, `mr`, `mmr`.
    Fax { media_type: &'static str, coding: &'static str, pages: u16 },
    /// Text as it is.
    Text { media_type: &'static str, text: &'static str },
    /// Parts in a multipart.
    Parts { media_type: &'static str, items: &'static [Item] },
    /// A forwarded or returned message.
    Message { fields: Fields, item: &'static Item },
}

/// Header fields.
pub(super) type Fields = &'static [(&'static str, &'static str)];

/// Writes one message.
pub(super) struct Builder {
    limits: Limits,
    boundaries: usize,
    /// The audio and fax parts written so far.
    pub parts: Vec<PartVerdict>,
}

impl Builder {
    pub fn new() -> Self {
        Builder { limits: Limits::default(), boundaries: 0, parts: Vec::new() }
    }

    /// A message: its header fields, then what it holds.
    pub fn message(&mut self, fields: Fields, item: &Item) -> Result<String, MediaError> {
        let mut out = written(fields);
        out.push_str(&self.entity(item, "")?);
        Ok(out)
    }

    /// An entity from its Content-Type to its last line; `path` is empty for the root of the message.
    fn entity(&mut self, item: &Item, path: &str) -> Result<String, MediaError> {
        match *item {
            Item::Sound { voice, seconds, file, fields } => {
                let octets = self.sound("audio/32KADPCM", seconds, voice)?;
                self.expect(path, "audio/32kadpcm", Some(voice), "g726-32", Some(seconds), None);
                let mut out = typed("audio/32KADPCM");
                let name = if file.is_empty() { String::new() } else { format!("; filename={file}") };
                let _ = write!(
                    out,
                    "Content-Disposition: inline; voice={voice}{name}\r\nContent-Duration: {seconds}\r\n"
                );
                out.push_str(&written(fields));
                Ok(out + &base64(&octets))
            }
            Item::Bare { seconds } => {
                let octets = self.sound("audio/32KADPCM", seconds, "")?;
                self.expect(path, "audio/32kadpcm", None, "g726-32", Some(seconds), None);
                Ok(typed("audio/32KADPCM") + &base64(&octets))
            }
            Item::Basic { seconds } => {
                let octets = self.sound("audio/PCMU", seconds, "basic")?;
                self.expect(path, "audio/basic", Some("Voice-Message"), "pcmu", Some(seconds), None);
                let mut out = typed("audio/basic");
                let _ = write!(
                    out,
                    "Content-Disposition: inline; voice=Voice-Message; filename=voice.au; handling=REQUIRED\r\n\
                     Content-Duration: {seconds}\r\n"
                );
                Ok(out + &base64(&octets))
            }
            Item::Fax { media_type, coding, pages } => {
                let target = format!("image/tiff;compression={coding}");
                let octets = self.convert("image/tiff", &target, &page::tiff(pages))?;
                let codec = match coding {
                    "mh" => "MH",
                    "mr" => "MR",
                    _ => "MMR",
                };
                self.expect(path, "image/tiff", None, codec, None, Some(pages));
                let disposition = "Content-Disposition: inline; filename=fax.tif\r\n";
                Ok(typed(media_type) + disposition + &base64(&octets))
            }
            Item::Text { media_type, text } => {
                Ok(format!("Content-Type: {media_type}\r\n\r\n{}\r\n", text.replace('\n', "\r\n")))
            }
            Item::Parts { media_type, items } => self.multipart(media_type, items, path),
            Item::Message { fields, item } => {
                let inner = written(fields) + &self.entity(item, path)?;
                Ok(format!("Content-Type: message/rfc822\r\n\r\n{inner}"))
            }
        }
    }

    fn multipart(&mut self, media_type: &str, items: &[Item], path: &str) -> Result<String, MediaError> {
        self.boundaries += 1;
        let boundary = format!("=_vpim_{}", self.boundaries);
        let mut out = format!("Content-Type: {media_type};\r\n\tboundary=\"{boundary}\"\r\n\r\n");
        for (n, item) in items.iter().enumerate() {
            let path = if path.is_empty() { (n + 1).to_string() } else { format!("{path}.{}", n + 1) };
            let part = self.entity(item, &path)?;
            let _ = write!(out, "--{boundary}\r\n{part}\r\n");
        }
        let _ = write!(out, "--{boundary}--\r\n");
        Ok(out)
    }

    fn expect(
        &mut self,
        path: &str,
        media_type: &'static str,
        voice: Option<&'static str>,
        codec: &'static str,
        seconds: Option<u32>,
        pages: Option<u16>,
    ) {
        self.parts.push(PartVerdict {
            part: number(path),
            media_type,
            voice,
            codec: Some(codec),
            duration_s: seconds.map(f64::from),
            pages,
        });
    }

    /// A voice whose pitch depends on what it says.
    fn sound(&self, target: &str, seconds: u32, what: &str) -> Result<Vec<u8>, MediaError> {
        let pitch = 105.0 + 9.0 * what.len() as f64;
        self.convert("audio/x-s16le;rate=8000", target, &sound::voice(seconds * 1_000, pitch))
    }

    fn convert(&self, declared: &str, target: &str, octets: &[u8]) -> Result<Vec<u8>, MediaError> {
        let mime = |name: &str| name.parse().map_err(|_| MediaError::Unsupported(name.to_owned()));
        let job = Job::convert(mime(declared)?, mime(target)?);
        Ok(media::run(&job, octets, &self.limits, &mut Budget::new(&self.limits))?.bytes)
    }
}

/// A part's number as reports give it.
fn number(path: &str) -> String {
    if path.is_empty() { "1".to_owned() } else { path.to_owned() }
}

fn written(fields: Fields) -> String {
    fields.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect()
}

fn typed(media_type: &str) -> String {
    format!("Content-Type: {media_type}\r\nContent-Transfer-Encoding: base64\r\n")
}

/// The empty line and the octets.
fn base64(octets: &[u8]) -> String {
    let text = data_encoding::BASE64.encode(octets);
    let mut out = "\r\n".to_owned();
    for line in text.as_bytes().chunks(LINE) {
        out.push_str(&String::from_utf8_lossy(line));
        out.push_str("\r\n");
    }
    out
}
