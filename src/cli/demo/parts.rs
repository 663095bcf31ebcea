//! The parts of a message: in a line for people, and as files to listen to and look at.

use crate::cli::facts;
use crate::cli::files::{self, Failure};
use crate::limits::{Budget, Limits};
use crate::media::{self, Facts, Job};
use crate::message::{Entity, Message};
use mime::Mime;
use std::path::Path;

/// A leaf of a message.
pub struct Leaf {
    /// Part number.
    pub number: String,
    /// Media type in lower case.
    pub media_type: String,
    /// What its bytes are, for audio and fax.
    pub facts: Option<Facts>,
    declared: Mime,
    octets: Vec<u8>,
}

/// The leaves of a message in order.
pub fn leaves(raw: &[u8]) -> Vec<Leaf> {
    let limits = Limits::default();
    let message = Message::parse(raw, &limits);
    let mut budget = Budget::new(&limits);
    let mut out = Vec::new();
    for (id, entity) in message.entities().filter(|(_, e)| e.is_leaf()) {
        let declared = entity.content_type.to_mime();
        let octets = message.decoded(entity).bytes.into_owned();
        let facts = if is_media(entity) { inspect(&declared, &octets, &limits, &mut budget) } else { None };
        let number = message.part_number(id).unwrap_or_else(|| "1".to_owned());
        out.push(Leaf { number, media_type: essence(entity), facts, declared, octets });
    }
    out
}

/// The media type of the message itself.
pub fn root_type(raw: &[u8]) -> String {
    essence(Message::parse(raw, &Limits::default()).root())
}

fn essence(entity: &Entity) -> String {
    entity.content_type.essence().to_ascii_lowercase()
}

fn is_media(entity: &Entity) -> bool {
    let essence = essence(entity);
    essence.starts_with("audio/") || essence.starts_with("image/tiff") || essence == "application/pdf"
}

fn inspect(declared: &Mime, octets: &[u8], limits: &Limits, budget: &mut Budget) -> Option<Facts> {
    let job = Job::Inspect { declared: declared.clone() };
    media::run(&job, octets, limits, budget).ok().map(|output| output.report.facts)
}

impl Leaf {
    /// Number, type and what the bytes are.
    pub fn line(&self) -> String {
        let Leaf { number, media_type, .. } = self;
        let what = self.facts.as_ref().map_or_else(|| format!("{} octets", self.octets.len()), facts::line);
        files::printable(&format!("{number:<4} {media_type:<16} {what}"))
    }

    /// True where the bytes are what a person's programs open: RIFF/WAVE and PDF.
    pub fn opens(&self) -> bool {
        match self.media_type.as_str() {
            "audio/wav" => self.octets.starts_with(b"RIFF") && self.octets.get(8..12) == Some(b"WAVE"),
            "application/pdf" => self.octets.starts_with(b"%PDF-"),
            _ => true,
        }
    }

    /// Writes the body of an audio or fax part; one for voice systems is made into WAV or PDF, so that
    /// it can be heard and seen too. Gives the name of the file.
    pub fn extract(&self, directory: &Path, prefix: &str) -> Result<Option<String>, Failure> {
        let Some(facts) = &self.facts else { return Ok(None) };
        let (target, ending) = match facts {
            Facts::Audio(_) => ("audio/wav", "wav"),
            Facts::Fax(_) => ("application/pdf", "pdf"),
        };
        let name = format!("{prefix}-part-{}.{ending}", self.number);
        if self.media_type == target {
            files::write(&directory.join(&name), &self.octets)?;
            return Ok(Some(name));
        }
        let target = target.parse().map_err(|error| Failure::doing(target, error))?;
        let job = Job::convert(self.declared.clone(), target);
        let limits = Limits::default();
        match media::run(&job, &self.octets, &limits, &mut Budget::new(&limits)) {
            Ok(output) => {
                files::write(&directory.join(&name), &output.bytes)?;
                Ok(Some(name))
            }
            Err(_) => Ok(None),
        }
    }
}
