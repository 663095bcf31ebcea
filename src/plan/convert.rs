//! Conversion of one audio or fax body for a destination.

use super::part::{self, Fields};
use super::{Refused, Request, guard};
use crate::limits::Budget;
use crate::media::audio::AudioFacts;
use crate::media::{self, Facts, Job, MediaError};
use crate::message::{Encoding, Entity, Message};
use crate::vpim::survey::{self, Body};
use crate::vpim::{Survey, VoiceKind};
use mime::Mime;

/// Confidence from which a swapped nibble order is believed.
const SWAPPED_CONFIDENCE: f32 = 0.8;

/// A body after conversion.
pub struct Converted {
    /// The new octets.
    pub bytes: Vec<u8>,
    /// The media type they have, as written in the field.
    pub media_type: String,
    /// Seconds of audio.
    pub duration_s: Option<f64>,
    /// `audio/32kadpcm -> audio/wav`.
    pub action: String,
    /// What was lost.
    pub losses: Vec<String>,
}

/// True for audio bodies, false for faxes.
pub fn is_audio(body: &Body) -> bool {
    match &body.facts {
        Ok(report) => matches!(report.facts, Facts::Audio(_)),
        Err(_) => body.declared.type_() == mime::AUDIO,
    }
}

/// True for documents that only may be faxes (PDF): recognised, not converted.
pub fn is_document(body: &Body) -> bool {
    matches!(&body.facts, Ok(report) if matches!(&report.facts, Facts::Fax(fax) if fax.container == "pdf"))
}

/// Seconds of audio as found in the bytes.
pub fn duration_s(body: &Body) -> Option<f64> {
    match &body.facts.as_ref().ok()?.facts {
        Facts::Audio(audio) => audio.duration_s(),
        Facts::Fax(_) => None,
    }
}

/// Pages of a fax as found in the bytes.
pub fn pages(body: &Body) -> Option<usize> {
    match &body.facts.as_ref().ok()?.facts {
        Facts::Fax(fax) => Some(fax.pages.len()).filter(|n| *n > 0),
        Facts::Audio(_) => None,
    }
}

/// Converts `body` for the destination; `None` where it takes the body as it is.
pub fn convert(
    survey: &Survey<'_>,
    body: &Body,
    request: Request<'_>,
    budget: &mut Budget,
) -> Result<Option<Converted>, Refused> {
    let number = survey.message.part_number(body.entity).unwrap_or_default();
    let Some(entity) = survey.message.entity(body.entity) else { return Ok(None) };
    let wanted = if is_audio(body) { &request.profile.audio } else { &request.profile.fax };
    let Some(wanted) = wanted else { return Ok(None) };
    let report = body.facts.as_ref().map_err(|e| Refused::unreadable(&number, e.clone()))?;
    let mut declared = body.declared.clone();
    match &report.facts {
        Facts::Audio(audio) if is_swapped(audio) => declared = media_type("audio/AAL2-G726-32"),
        Facts::Audio(audio) if is_taken(audio, entity, wanted, request) => return Ok(None),
        Facts::Fax(fax) if fax.container == "pdf" && wanted == "application/pdf" => return Ok(None),
        _ => {}
    }
    let octets = survey.message.decoded(entity).bytes;
    let target = media_type(wanted);
    let treatment = request.profile.treatment();
    let job = Job::Convert { declared, target: target.clone(), treatment };
    let output = media::run(&job, &octets, request.limits, budget).map_err(|e| Refused::media(&number, e))?;
    let same = output.bytes == octets.as_ref() && same_label(entity, wanted);
    if same && entity.encoding == Encoding::Base64 {
        return Ok(None);
    }
    guard::may_become(survey.message, body.entity, &target, &output.report.losses)
        .map_err(|why| Refused::Prohibited { part: number.clone(), why })?;
    let duration_s = match &output.report.facts {
        Facts::Audio(audio) => audio.duration_s(),
        Facts::Fax(_) => None,
    };
    Ok(Some(Converted {
        action: format!("{number}: {} -> {}", found_as(body, &report.facts), target.essence_str()),
        losses: output.report.losses.iter().map(|l| format!("{number}: {l}")).collect(),
        media_type: wanted.replace(";", "; "),
        bytes: output.bytes,
        duration_s,
    }))
}

pub(super) fn is_swapped(audio: &AudioFacts) -> bool {
    audio.nibble_order.is_some_and(|o| o.swapped && o.confidence >= SWAPPED_CONFIDENCE)
}

pub(super) fn media_type(name: &str) -> Mime {
    name.parse().unwrap_or(mime::APPLICATION_OCTET_STREAM)
}

/// What the bytes are, for the log.
pub(super) fn found_as(body: &Body, facts: &Facts) -> String {
    match facts {
        Facts::Audio(a) => format!(
            "{} ({}/{}{})",
            body.declared.essence_str(),
            a.container,
            a.codec,
            if is_swapped(a) { ", code words in the wrong order" } else { "" }
        ),
        Facts::Fax(f) => format!("{} ({})", body.declared.essence_str(), f.container),
    }
}

/// True for audio the destination takes as it is. Raw codecs have nothing but their label, and need
/// base64 (RFC 3801 4.2.12). Containers speak for themselves, but `application/octet-stream` plays
/// nowhere.
fn is_taken(audio: &AudioFacts, entity: &Entity, wanted: &str, request: Request<'_>) -> bool {
    let label_fits = match audio.container.as_str() {
        "raw" => same_label(entity, wanted) && entity.encoding == Encoding::Base64,
        _ => entity.content_type.main == "audio",
    };
    label_fits && request.profile.accepts_audio(&audio.container, &audio.codec)
}

pub(super) fn same_label(entity: &Entity, wanted: &str) -> bool {
    let target = media_type(wanted);
    let parameter_fits = target.params().all(|(name, value)| {
        entity
            .content_type
            .parameters
            .value(name.as_str())
            .is_some_and(|v| v.eq_ignore_ascii_case(value.as_str()))
    });
    entity.content_type.essence().eq_ignore_ascii_case(target.essence_str()) && parameter_fits
}

/// The part that carries a converted body. `voice` is written where the destination knows it.
pub fn part(
    message: &Message<'_>,
    body: &Body,
    converted: &Converted,
    voice: Option<VoiceKind>,
    name: &str,
) -> Vec<u8> {
    let file = part::quoted(name);
    let mut fields: Fields = vec![
        ("Content-Type", format!("{}; name={file}", converted.media_type)),
        ("Content-Transfer-Encoding", "base64".to_owned()),
    ];
    fields.push((
        "Content-Disposition",
        match voice {
            Some(kind) => format!("inline; voice={}; filename={file}", kind.name()),
            None if converted.media_type.starts_with("image/") => format!("inline; filename={file}"),
            None => format!("attachment; filename={file}"),
        },
    ));
    if let Some(seconds) = converted.duration_s {
        fields.push(("Content-Duration", content_duration(seconds).to_string()));
    }
    part::base64_part(&fields, &part::kept_fields(message, body.entity), &converted.bytes, message.eol())
}

/// Whole seconds as RFC 3803 2 wants them; nothing audible is shorter than one.
pub fn content_duration(seconds: f64) -> u64 {
    (seconds.clamp(0.0, 1e9).round() as u64).max(1)
}

/// A file name for a converted body: the sender's, or one by meaning, with the ending of the new
/// type; safe on every system; `taken` keeps them apart.
pub fn file_name(entity: &Entity, default: &str, media_type: &str, taken: &mut Vec<String>) -> String {
    let essence = media_type.split(';').next().unwrap_or_default().to_ascii_lowercase();
    let ending = match essence.as_str() {
        "audio/wav" => "wav",
        "audio/32kadpcm" => "726",
        "application/pdf" => "pdf",
        "image/tiff" => "tif",
        _ => "bin",
    };
    let suggested = survey::file_name(entity).unwrap_or_default();
    let stem = suggested.rsplit_once('.').map_or(suggested.as_ref(), |(stem, _)| stem);
    let safe: String =
        stem.chars().filter(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.')).take(60).collect();
    let stem = safe.trim_matches(['.', '-']);
    let stem = if stem.is_empty() { default } else { stem };
    let mut name = format!("{stem}.{ending}");
    let mut n = 2;
    while taken.iter().any(|t| t.eq_ignore_ascii_case(&name)) {
        name = format!("{stem}-{n}.{ending}");
        n += 1;
    }
    taken.push(name.clone());
    name
}

/// The file name stem for a body without one.
pub fn default_stem(body: &Body) -> &'static str {
    match (is_audio(body), body.voice) {
        (false, _) => "fax",
        (true, Some(VoiceKind::OriginatorSpokenName)) => "originator-name",
        (true, Some(VoiceKind::RecipientSpokenName)) => "recipient-name",
        (true, Some(VoiceKind::SpokenSubject)) => "subject",
        (true, Some(VoiceKind::Notification)) => "notification",
        (true, _) => "voice-message",
    }
}

/// Whether an error means that this one part is beyond us, not the whole message.
pub fn is_part_error(error: &Refused) -> bool {
    matches!(
        error,
        Refused::Unreadable { .. }
            | Refused::NotSupported { .. }
            | Refused::Prohibited { .. }
            | Refused::Failed { .. }
    )
}

/// Why a body could not even be read.
pub fn read_error(body: &Body) -> Option<&MediaError> {
    body.facts.as_ref().err()
}
