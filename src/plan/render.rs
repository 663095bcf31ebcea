//! Text drawn as fax pages, for destinations that show pages and read no text (`text = "render"`).

use super::convert::{self, media_type};
use super::part::{self, Fields, quoted};
use super::work::Work;
use super::{Refused, guard};
use crate::media::{self, Facts, Job};
use crate::message::{Entity, EntityId, Message};
use crate::policy::profile::Medium;

/// The part that a text becomes. `None` where there is nothing to draw: HTML without plain text beside it, no
/// place for fax pages, blanks alone.
pub fn rendered(
    message: &Message<'_>,
    id: EntityId,
    work: &mut Work<'_, '_>,
) -> Result<Option<Vec<u8>>, Refused> {
    let (profile, limits) = (work.request.profile, work.request.limits);
    let text = message.entity(id).and_then(|entity| plain(message, entity));
    let wanted = profile.fax.as_ref().filter(|_| profile.carries(Medium::Fax));
    let (Some(text), Some(wanted)) = (text, wanted) else { return Ok(None) };
    let octets = message.decoded(text).bytes;
    if octets.trim_ascii().is_empty() {
        return Ok(None);
    }
    let number = message.part_number(id).unwrap_or_default();
    let target = media_type(wanted);
    let job = Job::convert(text.content_type.to_mime(), target.clone());
    let output = media::run(&job, &octets, limits, work.budget()).map_err(|e| Refused::media(&number, e))?;
    guard::may_become(message, id, &target, &output.report.losses)
        .map_err(|why| Refused::Prohibited { part: number.clone(), why })?;
    if let Some(Facts::Fax(fax)) = &output.report.output {
        work.take_pages(fax.pages.len())?;
    }
    let label = convert::label(wanted);
    let name = convert::file_name(text, None, "text", &label, &mut work.names);
    let file = quoted(&name);
    let fields: Fields = vec![
        ("Content-Type", format!("{label}; name={file}")),
        ("Content-Transfer-Encoding", "base64".to_owned()),
        ("Content-Disposition", format!("inline; filename={file}")),
    ];
    work.plan.actions.push(format!("{number}: text/plain -> {}", target.essence_str()));
    work.plan.losses.extend(output.report.losses.iter().map(|loss| format!("{number}: {loss}")));
    Ok(Some(part::base64_part(&fields, &part::kept_fields(message, id), &output.bytes, message.eol())))
}

/// The plain text of a part: its own, or that of a `multipart/alternative`.
pub fn plain<'m>(message: &'m Message<'_>, entity: &'m Entity) -> Option<&'m Entity> {
    if entity.content_type.is("text/plain") {
        return Some(entity);
    }
    let children = entity.children().iter().filter_map(|id| message.entity(*id));
    children
        .filter(|_| entity.content_type.is("multipart/alternative"))
        .find(|e| e.content_type.is("text/plain"))
}
