//! Conversion of one audio or fax body for a destination.

use super::part::{self, Fields};
use super::{Refused, Request, guard};
use crate::limits::Budget;
use crate::media::audio::AudioFacts;
use crate::media::fax::FaxFacts;
use crate::media::{self, Facts, Job, MediaError, Output, Treatment};
use crate::message::{Encoding, Entity, EntityId, Message};
use crate::policy::Profile;
use crate::policy::profile::Shown;
use crate::vpim::survey::{self, Body};
use crate::vpim::{Survey, VoiceKind};
use mime::Mime;

/// Confidence from which a swapped nibble order is believed.
const SWAPPED_CONFIDENCE: f32 = 0.8;

/// What the report of a treatment says of silence that became shorter.
const SILENCE: &str = "of silence within";

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
    body.is_audio()
}

/// True for documents that only may be faxes (PDF): beside voice or fax they are attachments like others.
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

/// How a body is converted.
#[derive(Clone, Copy, Debug, Default)]
pub struct How<'a> {
    /// Bodies that are joined to it.
    pub with: &'a [EntityId],
    /// Seconds of voice the destination has room for yet; what is longer is cut there.
    pub longest_s: Option<u32>,
}

/// Converts `body` for the destination; `None` where it takes the body as it is.
pub fn convert(
    survey: &Survey<'_>,
    body: &Body,
    how: How<'_>,
    request: Request<'_>,
    budget: &mut Budget,
) -> Result<Option<Converted>, Refused> {
    let number = survey.message.part_number(body.entity).unwrap_or_default();
    let Some(entity) = survey.message.entity(body.entity) else { return Ok(None) };
    let wanted = if is_audio(body) { &request.profile.audio } else { &request.profile.fax };
    let Some(wanted) = wanted else { return Ok(None) };
    let report = body.facts.as_ref().map_err(|e| Refused::unreadable(&number, e.clone()))?;
    let fits = how.longest_s.is_none_or(|most| duration_s(body).unwrap_or(0.0) <= f64::from(most));
    // Silence counts in what the destination takes as it is, too.
    let mut only_silence = false;
    match &report.facts {
        _ if !how.with.is_empty() || !fits => {}
        Facts::Audio(audio) if is_swapped(audio) => {}
        Facts::Audio(audio) if is_taken(audio, entity, wanted, request) => {
            if request.profile.bounds.silence_seconds.is_none() {
                return Ok(None);
            }
            only_silence = true;
        }
        Facts::Fax(fax) if fax.container == "pdf" && wanted == "application/pdf" => return Ok(None),
        Facts::Fax(fax) if is_taken_fax(fax, entity, request) => return Ok(None),
        _ => {}
    }
    let octets = survey.message.decoded(entity).bytes;
    let target = media_type(wanted);
    let mut treatment = request.profile.treatment();
    if only_silence {
        treatment = Treatment { longest_silence_s: treatment.longest_silence_s, ..Treatment::default() };
    }
    treatment.longest_s = how.longest_s;
    let output = if how.with.is_empty() {
        let job = Job::Convert { declared: declared(body), target: kept(&target, &report.facts), treatment };
        media::run(&job, &octets, request.limits, budget).map_err(|e| Refused::media(&number, e))?
    } else {
        joined(survey, body, how.with, (&target, treatment), request, budget)?
    };
    if only_silence && !output.report.losses.iter().any(|loss| loss.contains(SILENCE)) {
        return Ok(None);
    }
    let same = output.bytes == octets.as_ref() && same_label(entity, wanted);
    if same && entity.encoding == Encoding::Base64 {
        return Ok(None);
    }
    guard::may_become(survey.message, body.entity, &target, &output.report.losses)
        .map_err(|why| Refused::Prohibited { part: number.clone(), why })?;
    let facts = output.report.output.as_ref().unwrap_or(&output.report.facts);
    let duration_s = match facts {
        Facts::Audio(audio) => audio.duration_s(),
        Facts::Fax(_) => None,
    };
    Ok(Some(Converted {
        action: format!("{number}: {} -> {}", found_as(body, &report.facts), target.essence_str()),
        losses: output.report.losses.iter().map(|l| format!("{number}: {l}")).collect(),
        media_type: label(wanted),
        bytes: output.bytes,
        duration_s,
    }))
}

/// The target that says what may be kept of the coded pages, by what the survey has seen of them.
fn kept(target: &Mime, facts: &Facts) -> Mime {
    let keep = match facts {
        Facts::Fax(fax) if target.get_param("coded").is_none() => fax.keep(),
        _ => None,
    };
    keep.map_or_else(|| target.clone(), |keep| media_type(&format!("{target};coded={keep}")))
}

/// Several bodies as one.
fn joined(
    survey: &Survey<'_>,
    body: &Body,
    with: &[EntityId],
    (target, treatment): (&Mime, Treatment),
    request: Request<'_>,
    budget: &mut Budget,
) -> Result<Output, Refused> {
    let (mut samples, mut lengths, mut losses) = (Vec::new(), Vec::new(), Vec::new());
    let linear = media_type("audio/x-s16le;rate=8000");
    let followers = with.iter().filter_map(|id| survey.body(*id));
    for body in std::iter::once(body).chain(followers) {
        let number = survey.message.part_number(body.entity).unwrap_or_default();
        let Some(entity) = survey.message.entity(body.entity) else { continue };
        let octets = survey.message.decoded(entity).bytes;
        let job = Job::convert(declared(body), linear.clone());
        let output =
            media::run(&job, &octets, request.limits, budget).map_err(|e| Refused::media(&number, e))?;
        lengths.push(output.bytes.len() / 2);
        samples.extend_from_slice(&output.bytes);
        losses.extend(output.report.losses);
    }
    let number = survey.message.part_number(body.entity).unwrap_or_default();
    let job = Job::Join { lengths, target: target.clone(), treatment };
    let mut output =
        media::run(&job, &samples, request.limits, budget).map_err(|e| Refused::media(&number, e))?;
    output.report.losses.append(&mut losses);
    Ok(output)
}

/// The media type to read a body as: code words in the wrong order are read in theirs.
fn declared(body: &Body) -> Mime {
    match &body.facts {
        Ok(report) if matches!(&report.facts, Facts::Audio(audio) if is_swapped(audio)) => {
            media_type("audio/AAL2-G726-32")
        }
        _ => body.declared.clone(),
    }
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

/// True for a fax the destination takes as it is, by the coding of every page.
fn is_taken_fax(fax: &FaxFacts, entity: &Entity, request: Request<'_>) -> bool {
    let taken = |coding: &str| request.profile.accepts_fax(&fax.container, coding);
    let named = entity.content_type.main == "image" || entity.content_type.is("application/pdf");
    let all = if fax.pages.is_empty() { taken("any") } else { fax.pages.iter().all(|p| taken(&p.coding)) };
    named && all && fax.defects.is_empty() && entity.encoding == Encoding::Base64
}

/// The media type as it is written in a field: without parameters that only tell us how to write it.
pub(super) fn label(wanted: &str) -> String {
    let ours = |p: &&str| ["compression=", "coded=", "profile="].iter().any(|name| p.starts_with(name));
    wanted.split(';').map(str::trim).filter(|p| !ours(p)).collect::<Vec<_>>().join("; ")
}

pub(super) fn same_label(entity: &Entity, wanted: &str) -> bool {
    let target = media_type(&label(wanted));
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
    profile: &Profile,
) -> Vec<u8> {
    let file = part::quoted(name);
    let mut fields: Fields = vec![
        ("Content-Type", format!("{}; name={file}", converted.media_type)),
        ("Content-Transfer-Encoding", "base64".to_owned()),
    ];
    let is_image = converted.media_type.starts_with("image/");
    let inline = voice.is_some() || is_image || profile.shown == Shown::Inline;
    let mut disposition = if inline { "inline" } else { "attachment" }.to_owned();
    if let Some(kind) = voice {
        disposition.push_str(&format!("; voice={}", kind.name()));
    }
    disposition.push_str(&format!("; filename={file}"));
    if profile.critical {
        disposition.push_str("; handling=required");
    }
    fields.push(("Content-Disposition", disposition));
    if let Some(seconds) = converted.duration_s {
        fields.push(("Content-Duration", content_duration(seconds).to_string()));
    }
    part::base64_part(&fields, &part::kept_fields(message, body.entity), &converted.bytes, message.eol())
}

/// Whole seconds as RFC 3803 2 wants them; nothing audible is shorter than one.
pub fn content_duration(seconds: f64) -> u64 {
    (seconds.clamp(0.0, 1e9).round() as u64).max(1)
}

/// A file name for a converted body: `stem` (or the sender's, or one by meaning), with the ending of the
/// new type; `taken` keeps them apart.
pub fn file_name(
    entity: &Entity,
    stem: Option<&str>,
    default: &str,
    media_type: &str,
    taken: &mut Vec<String>,
) -> String {
    let ending = ending(media_type);
    let suggested = survey::file_name(entity).unwrap_or_default();
    let own = || suggested.rsplit_once('.').map_or(suggested.as_ref(), |(stem, _)| stem);
    let safe = safe_stem(stem.unwrap_or_else(own));
    let stem = if safe.is_empty() { default } else { &safe };
    let mut name = format!("{stem}.{ending}");
    let mut n = 2;
    while taken.iter().any(|t| t.eq_ignore_ascii_case(&name)) {
        name = format!("{stem}-{n}.{ending}");
        n += 1;
    }
    taken.push(name.clone());
    name
}

/// The ending of file names of a media type.
fn ending(media_type: &str) -> &'static str {
    let essence = media_type.split(';').next().unwrap_or_default().to_ascii_lowercase();
    match essence.as_str() {
        "audio/wav" | "audio/x-wav" => "wav",
        "audio/32kadpcm" => "726",
        // RFC 4239 7.
        "audio/basic" => "au",
        "audio/mpeg" => "mp3",
        "audio/amr" => "amr",
        "audio/ogg" => "ogg",
        "audio/gsm" => "gsm",
        "application/pdf" => "pdf",
        "image/tiff" => "tif",
        "image/png" => "png",
        _ => "bin",
    }
}

/// What is left of a file name (without ending) that every system takes: ASCII letters, digits, `-`, `_`,
/// `.`, `+`, no device name of Windows, no dot at an end. Blanks become `-`.
pub fn safe_stem(stem: &str) -> String {
    const DEVICES: [&str; 6] = ["con", "prn", "aux", "nul", "com", "lpt"];
    let safe: String = stem
        .chars()
        .map(|c| if c == ' ' { '-' } else { c })
        .filter(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '+'))
        .take(60)
        .collect();
    let safe = safe.trim_matches(['.', '-']);
    let base = safe.split('.').next().unwrap_or_default().trim_end_matches(|c: char| c.is_ascii_digit());
    let is_device = DEVICES.iter().any(|d| base.eq_ignore_ascii_case(d));
    if is_device { format!("file-{safe}") } else { safe.to_owned() }
}

/// The file name stem for a body without one; `voice`: what it is.
pub fn default_stem(body: &Body, voice: Option<VoiceKind>) -> &'static str {
    match (is_audio(body), voice) {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn file_names_are_safe_on_every_system() {
        for (given, safe) in [
            ("../../etc/passwd", "etcpasswd"),
            ("C:\\windows\\x", "Cwindowsx"),
            ("CON", "file-CON"),
            ("com1", "file-com1"),
            ("nul.txt", "file-nul.txt"),
            ("console", "console"),
            ("+16135550199 (4 seconds) Voice Mail", "+16135550199-4-seconds-Voice-Mail"),
            ("\u{202e}gpj.exe", "gpj.exe"),
            (" .. ", ""),
            ("é\r\nX-Evil: 1", "X-Evil-1"),
        ] {
            assert_eq!(safe_stem(given), safe, "{given:?}");
        }
        assert!(safe_stem(&"a".repeat(500)).len() <= 60);
    }
}
