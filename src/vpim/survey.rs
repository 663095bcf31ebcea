//! The survey of a message: its class and, for every audio and fax body, what the bytes really are.
//! Rules judge it and plans start from it.

use super::VoiceKind;
use super::class::{Class, classify};
use super::directory::Answer;
use super::envelope::Envelope;
use super::target::Target;
use crate::limits::{Budget, Limits};
use crate::media::{self, Job, MediaError, Report};
use crate::message::{Entity, EntityId, Message};
use std::borrow::Cow;

/// A leaf that carries audio or a fax.
#[derive(Clone, Debug)]
pub struct Body {
    /// Its entity.
    pub entity: EntityId,
    /// The media type that is handed to [`media::run`]: as declared, or from the file name where the
    /// declared type says nothing (`application/octet-stream`).
    pub declared: mime::Mime,
    /// Its `voice` parameter, where it has a defined one.
    pub voice: Option<VoiceKind>,
    /// What the bytes are.
    pub facts: Result<Report, MediaError>,
    /// Octets after transfer decoding.
    pub octets: usize,
    /// Octets that the transfer encoding does not know and that were skipped.
    pub garbage: usize,
    /// The end of the base64 is cut or not padded.
    pub unpadded: bool,
}

impl Body {
    /// True for audio bodies, false for faxes.
    pub fn is_audio(&self) -> bool {
        match &self.facts {
            Ok(report) => matches!(report.facts, media::Facts::Audio(_)),
            Err(_) => self.declared.type_() == mime::AUDIO,
        }
    }
}

/// What an edit may need that neither message nor envelope tells.
#[derive(Clone, Copy, Debug, Default)]
pub struct Stamp<'m> {
    /// Host name for identifiers that are made here (RFC 5322 3.6.4).
    pub host: Option<&'m str>,
    /// Time of arrival as a date of RFC 5322 3.3.
    pub date: Option<&'m str>,
}

/// What is known of a message before it is judged.
#[derive(Debug)]
pub struct Survey<'m> {
    /// The message.
    pub message: &'m Message<'m>,
    /// Its envelope; empty fields where judged offline.
    pub envelope: &'m Envelope,
    /// Its class.
    pub class: Class,
    /// What is known of the recipients' system.
    pub target: Option<&'m Target>,
    /// What a directory answered about its addresses.
    pub answers: &'m [Answer],
    /// Where and when the message came in.
    pub stamp: Stamp<'m>,
    /// Its audio and fax bodies in order, those of embedded messages included.
    pub bodies: Vec<Body>,
}

impl<'m> Survey<'m> {
    /// Surveys a message. `class` overrides the classification.
    pub fn new(
        message: &'m Message<'m>,
        envelope: &'m Envelope,
        class: Option<Class>,
        limits: &Limits,
        budget: &mut Budget,
    ) -> Self {
        let class = class.unwrap_or_else(|| classify(message));
        let bodies = if class == Class::None { Vec::new() } else { bodies(message, class, limits, budget) };
        Survey { message, envelope, class, target: None, answers: &[], stamp: Stamp::default(), bodies }
    }

    /// The same, judged as mail for `target`.
    pub fn towards(self, target: Option<&'m Target>) -> Self {
        Survey { target, ..self }
    }

    /// The same, judged with answers of a directory.
    pub fn knowing(self, answers: &'m [Answer]) -> Self {
        Survey { answers, ..self }
    }

    /// The same, with what repairs may write of here and now.
    pub fn stamped(self, stamp: Stamp<'m>) -> Self {
        Survey { stamp, ..self }
    }

    /// The audio or fax body of an entity.
    pub fn body(&self, entity: EntityId) -> Option<&Body> {
        self.bodies.iter().find(|b| b.entity == entity)
    }
}

fn bodies(message: &Message<'_>, class: Class, limits: &Limits, budget: &mut Budget) -> Vec<Body> {
    let mut bodies = Vec::new();
    for (id, entity) in message.entities() {
        // A PDF is a fax where the class of the message says so.
        let pdf = || (class == Class::VoiceOther).then(|| pdf_type(entity)).flatten();
        let Some(declared) = media_type(entity).or_else(pdf) else { continue };
        let decoded = message.decoded(entity);
        let job = Job::Inspect { declared: declared.clone() };
        let facts = media::run(&job, &decoded.bytes, limits, budget).map(|o| o.report);
        bodies.push(Body {
            entity: id,
            declared,
            voice: voice_kind(entity),
            facts,
            octets: decoded.bytes.len(),
            garbage: decoded.garbage,
            unpadded: decoded.unpadded,
        });
    }
    bodies
}

fn pdf_type(entity: &Entity) -> Option<mime::Mime> {
    (entity.is_leaf() && entity.content_type.is("application/pdf")).then(|| entity.content_type.to_mime())
}

/// The `voice` parameter of an entity.
pub fn voice_kind(entity: &Entity) -> Option<VoiceKind> {
    entity.disposition.as_ref()?.parameters.value("voice").and_then(VoiceKind::parse)
}

/// The media type of an audio or fax leaf, `None` for anything else.
pub fn media_type(entity: &Entity) -> Option<mime::Mime> {
    if !entity.is_leaf() {
        return None;
    }
    let ct = &entity.content_type;
    let is_media =
        ct.main == "audio" || (ct.main == "image" && matches!(ct.sub.as_str(), "tiff" | "tiff-fx"));
    if is_media {
        return Some(ct.to_mime());
    }
    // A type that says nothing: the file name speaks.
    if ct.is("application/octet-stream") || ct.is("application/x-octet-stream") {
        return file_name(entity).and_then(|name| type_of_file_name(&name));
    }
    None
}

/// The file name a part suggests (`filename`, else `name`).
pub fn file_name(entity: &Entity) -> Option<Cow<'_, str>> {
    let disposition = entity.disposition.as_ref().and_then(|d| d.parameters.value("filename"));
    disposition.or_else(|| entity.content_type.parameters.value("name")).map(Cow::Borrowed)
}

fn type_of_file_name(name: &str) -> Option<mime::Mime> {
    let (_, extension) = name.rsplit_once('.')?;
    let essence = match extension.to_ascii_lowercase().as_str() {
        "wav" => "audio/wav",
        "726" | "adpcm" => "audio/32KADPCM",
        "au" | "snd" => "audio/basic",
        "amr" => "audio/amr",
        "gsm" => "audio/gsm",
        "mp3" => "audio/mpeg",
        "ogg" | "opus" => "audio/ogg",
        "tif" | "tiff" => "image/tiff",
        _ => return None,
    };
    essence.parse().ok()
}
