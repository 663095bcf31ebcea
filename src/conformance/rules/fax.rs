//! Internet fax: RFC 3965, RFC 3249.

use super::lookup::*;
use super::samples::*;
use super::structure_mend::mix_alternatives;
use super::tiff_samples::put;
use crate::conformance::rule::{Findings, Level, Rule, Samples};
use crate::media::fax::{FaxFacts, PageFacts};
use crate::message::edit::EditList;
use crate::message::{Entity, EntityId, value};
use crate::vpim::Survey;

/// The rules.
pub static RULES: &[Rule] = &[
    Rule {
        id: "ifax-header-complete",
        level: Level::Must,
        rfc: 3965,
        section: "2.2.1",
        text: "An Internet fax has all header fields mail requires, Date and From among them.",
        remedy: "Let the fax gateway write Date and From.",
        classes: FAX,
        check: ifax_header_complete,
        repair: Some(complete_header),
        samples: Samples::changed(SIMPLE_FAX, &[("Date: Tue, 4 Mar 2025 09:00:00 +0100\n", "")]),
    },
    Rule {
        id: "ifax-message-id",
        level: Level::Should,
        rfc: 3965,
        section: "2.2.1",
        text: "A fax message has a Message-ID.",
        remedy: "Let the fax gateway write a Message-ID.",
        classes: FAX,
        check: ifax_message_id,
        repair: Some(super::header_mend::insert_message_id),
        samples: Samples::changed(SIMPLE_FAX, &[("Message-ID: <a6@fax.example.net>\n", "")]),
    },
    Rule {
        id: "ifax-mime-conformance",
        level: Level::Must,
        rfc: 3965,
        section: "2.2.2",
        text: "Fax messages conform to MIME.",
        remedy: "Let the fax gateway write MIME-Version: 1.0 and registered types.",
        classes: FAX,
        check: ifax_mime_conformance,
        repair: Some(conform_to_mime),
        samples: Samples::changed(SIMPLE_FAX, &[("multipart/mixed", "multipart/fax-message")]),
    },
    Rule {
        id: "ifax-one-tiff-per-document",
        level: Level::Should,
        rfc: 3965,
        section: "2.2.4",
        text: "A document of several pages is one multi-page TIFF.",
        remedy: "Send the pages of a document as one TIFF.",
        classes: FAX,
        check: ifax_one_tiff_per_document,
        repair: None,
        samples: Samples::changed(
            SIMPLE_FAX,
            &[(
                "--b1--",
                "--b1\nContent-Type: image/tiff\nContent-Transfer-Encoding: base64\n\nSUkqAAgAAAAQAP4ABAABAAAAAgAAAAABAwABAAAAwAYAAAEBAwABAAAAAgAAAAIBAwABAAAAAQAA\nAAMBAwABAAAAAwAAAAYBAwABAAAAAAAAAAoBAwABAAAAAgAAABEBBAABAAAA3gAAABUBAwABAAAA\nAQAAABYBAwABAAAAAgAAABcBBAABAAAACAAAABoBBQABAAAAzgAAABsBBQABAAAA1gAAACQBBAAB\nAAAAAAAAACgBAwABAAAAAgAAACkBAwACAAAAAAABAAAAAADMAAAAAQAAAGIAAAABAAAAACibFQBl\nswI=\n--b1--",
            )],
        ),
    },
    Rule {
        id: "ifax-no-extension-without-knowledge",
        level: Level::ShouldNot,
        rfc: 3965,
        section: "4",
        text: "TIFF features beyond profile S are not used unless the recipient is known to support them.",
        remedy: "Send profile S (MH, 1728 pixels, FillOrder 2), or ask for the abilities of the recipient.",
        classes: FAX,
        check: ifax_no_extension_without_knowledge,
        repair: None,
        samples: Samples::changed(
            SIMPLE_FAX,
            &[(
                "AAMBAwABAAAAAwAAAAYBAwABAAAAAAAAAAoBAwABAAAAAgAAABEBBAABAAAA3gAAABUBAwABAAAA",
                "AAMBAwABAAAAAwAAAAYBAwABAAAAAAAAAAoBAwABAAAAAQAAABEBBAABAAAA3gAAABUBAwABAAAA",
            )],
        ),
    },
    Rule {
        id: "ifax-image-tiff-media-type",
        level: Level::Must,
        rfc: 3965,
        section: "2.2.3",
        text: "Fax pages travel as image/tiff, with profile S as the base format.",
        remedy: "Label the pages image/tiff.",
        classes: FAX,
        check: ifax_image_tiff_media_type,
        repair: Some(label_tiff),
        samples: Samples::changed(
            SIMPLE_FAX,
            &[(
                "--b1--",
                "--b1\nContent-Type: image/x-tiff\nContent-Transfer-Encoding: base64\n\nSUkqAA==\n--b1--",
            )],
        ),
    },
    Rule {
        id: "ifax-alternative-avoided",
        level: Level::ShouldNot,
        rfc: 3249,
        section: "3.1.1",
        text: "multipart/alternative is avoided towards unknown fax receivers.",
        remedy: "Send the fax in multipart/mixed.",
        classes: FAX,
        check: ifax_alternative_avoided,
        repair: Some(mix_alternatives),
        samples: Samples::changed(SIMPLE_FAX, &[("multipart/mixed", "multipart/alternative")]),
    },
    Rule {
        id: "ifax-image-tiff-for-s-and-f",
        level: Level::Should,
        rfc: 3249,
        section: "5.3",
        text: "Profiles S and F are labelled image/tiff.",
        remedy: "Label profiles S and F image/tiff.",
        classes: FAX,
        check: ifax_image_tiff_for_s_and_f,
        repair: Some(label_s_and_f),
        samples: Samples::changed(SIMPLE_FAX, &[("image/tiff", "image/tiff-fx")]),
    },
    Rule {
        id: "ifax-tiff-fx-for-other-profiles",
        level: Level::Should,
        rfc: 3249,
        section: "5.3",
        text: "Profiles J, C, L and M are labelled image/tiff-fx.",
        remedy: "Label JBIG and colour fax pages image/tiff-fx.",
        classes: FAX,
        check: ifax_tiff_fx_for_other_profiles,
        repair: Some(relabel_tiff_fx),
        samples: Samples::edited(SIMPLE_FAX, |t| put(t, 259, 9)),
    },
    Rule {
        id: "ifax-offramp-address-in-envelope",
        level: Level::Must,
        rfc: 3965,
        section: "3.3",
        text: "A fax number travels as a complete address in the envelope.",
        remedy: "Give the number with the domain of the gateway, as FAX=+number@domain.",
        classes: FAX,
        check: ifax_offramp_address_in_envelope,
        repair: None,
        samples: Samples { good: SIMPLE_FAX, bad: SIMPLE_FAX.to(&["FAX=+3940226338"]) },
    },
    Rule {
        id: "ifax-number-format",
        level: Level::Should,
        rfc: 3965,
        section: "3.3",
        text: "The number of a fax machine behind a gateway is written FAX=number.",
        remedy: "Write fax numbers as FAX=+number@domain (RFC 3192).",
        classes: FAX,
        check: ifax_number_format,
        repair: None,
        samples: Samples {
            good: SIMPLE_FAX,
            bad: SIMPLE_FAX.to(&["FAX=+3940226338@fax.example.org", "+3940226339@fax.example.org"]),
        },
    },
];

/// A number as the GSTN addresses of fax write it (RFC 3192 2).
pub fn is_fax_address(address: &str) -> bool {
    let local = local_part(address).trim_matches(['"', '/']);
    local.get(..4).is_some_and(|start| start.eq_ignore_ascii_case("FAX="))
}

/// Digits with the signs people write between them.
fn is_number(local: &str) -> bool {
    let digits = local.bytes().filter(u8::is_ascii_digit).count();
    digits >= 5 && local.bytes().all(|c| c.is_ascii_digit() || matches!(c, b'+' | b'-' | b'.'))
}

/// The parts of a fax that cannot be processed: TIFF files that cannot be decoded, and what the receiver is known not
/// to take.
pub fn undecodable(s: &Survey<'_>, f: &mut Findings<'_>) {
    for (body, _) in s.judged_bodies().filter(|(_, e)| is_tiff(e)) {
        if let Err(e) = &body.facts {
            f.entity(body.entity, format!("the pages cannot be read: {e}"));
        }
    }
    for (id, number, page) in s.pages() {
        let known = matches!(page.coding.as_str(), "MH" | "MR" | "MMR" | "none");
        if page.tiled || !known {
            f.entity(id, format!("page {number} is {}", page.coding));
        } else if page.data.is_none() || page.coded.is_some_and(|c| c.lines == 0) {
            f.entity(id, format!("page {number} has no lines"));
        }
    }
    let Some(target) = s.target else { return };
    for (id, e) in s.judged().filter(|(_, e)| e.is_leaf() && e.content_type.main != "text" && !is_tiff(e)) {
        if !target.may_take(&e.content_type.essence()) {
            f.entity(id, format!("the receiver does not take {}", quoted(&e.content_type.essence())));
        }
    }
}

fn ifax_header_complete(s: &Survey<'_>, f: &mut Findings<'_>) {
    match s.top("Date") {
        None => f.missing(ROOT, "Date", "no Date"),
        Some(field) if value::date(s.octets(field)).is_none() => f.field(ROOT, field, "Date cannot be read"),
        Some(_) => {}
    }
    match s.top("From") {
        None => f.missing(ROOT, "From", "no From"),
        Some(field) if s.mailboxes(field).is_empty() => f.field(ROOT, field, "From cannot be read"),
        Some(_) => {}
    }
}

fn ifax_message_id(s: &Survey<'_>, f: &mut Findings<'_>) {
    if s.top("Message-ID").is_none() {
        f.missing(ROOT, "Message-ID", "no Message-ID");
    }
}

fn ifax_mime_conformance(s: &Survey<'_>, f: &mut Findings<'_>) {
    let version = s.top("MIME-Version").map(|x| words(s.octets(x)).concat());
    if version.as_deref() != Some("1.0") {
        f.missing(ROOT, "MIME-Version", "no MIME-Version: 1.0");
    }
    for (id, _) in s.judged().filter(|(_, e)| e.content_type.is("multipart/fax-message")) {
        f.entity(id, "multipart/fax-message is not registered");
    }
}

fn ifax_one_tiff_per_document(s: &Survey<'_>, f: &mut Findings<'_>) {
    let single = s.faxes().filter(|(_, facts)| facts.pages.len() == 1).count();
    if let Some((id, _)) = s.faxes().nth(1).filter(|_| single > 1) {
        f.entity(id, format!("{single} files of one page each"));
    }
}

fn ifax_no_extension_without_knowledge(s: &Survey<'_>, f: &mut Findings<'_>) {
    for (id, number, p) in s.pages() {
        let mh = p.compression == Some(3) && p.t4_options.unwrap_or(0) & 1 == 0;
        let plain = p.fill_order == Some(2) && p.photometric == Some(0) && p.width == 1728 && p.strips == 1;
        if !mh || !plain {
            f.entity(id, format!("page {number} is {}, more than profile S", p.coding));
        }
    }
}

fn ifax_image_tiff_media_type(s: &Survey<'_>, f: &mut Findings<'_>) {
    for (id, e) in mislabelled(s) {
        f.entity(id, format!("TIFF labelled {}", quoted(&e.content_type.essence())));
    }
}

/// TIFF files under other labels.
fn mislabelled<'a>(s: &'a Survey<'_>) -> impl Iterator<Item = (EntityId, &'a Entity)> {
    s.judged().filter(|(_, e)| {
        let label = matches!(e.content_type.sub.as_str(), "x-tiff" | "tif" | "x-tif" | "octet-stream");
        let begins = |body: &[u8]| body.starts_with(b"II*\0") || body.starts_with(b"MM\0*");
        label && e.is_leaf() && !is_tiff(e) && begins(&s.message.decoded(e).bytes)
    })
}

fn ifax_alternative_avoided(s: &Survey<'_>, f: &mut Findings<'_>) {
    for (id, e) in s.judged().filter(|(_, e)| e.content_type.is("multipart/alternative")) {
        if s.children(e).any(|(_, c)| is_tiff(c)) {
            f.entity(id, "a fax in multipart/alternative");
        }
    }
}

fn ifax_image_tiff_for_s_and_f(s: &Survey<'_>, f: &mut Findings<'_>) {
    for id in plain_tiff_fx(s) {
        f.entity(id, "a fax of profile S or F labelled image/tiff-fx");
    }
}

/// The image/tiff-fx parts of profiles S and F.
fn plain_tiff_fx<'a>(s: &'a Survey<'_>) -> impl Iterator<Item = EntityId> + 'a {
    let tiff_fx = |id| s.message.entity(id).is_some_and(|e| e.content_type.sub == "tiff-fx");
    let plain = |p: &PageFacts| matches!(p.compression, Some(3 | 4));
    s.faxes()
        .filter(move |(id, facts)| tiff_fx(*id) && !facts.pages.is_empty() && facts.pages.iter().all(plain))
        .map(|(id, _)| id)
}

/// The image/tiff parts of profiles J, C, L and M: JBIG, or colour with fields of fax profiles.
fn richer<'a>(s: &'a Survey<'_>) -> impl Iterator<Item = (EntityId, &'a PageFacts)> {
    let plain = |id| s.message.entity(id).is_some_and(|e| e.content_type.is("image/tiff"));
    let rich = |p: &&PageFacts| {
        let fax = p.tags.iter().any(|tag| (400..=405).contains(tag));
        let colour = p.compression == Some(7) || p.bits_per_sample.iter().any(|&bits| bits > 1);
        matches!(p.compression, Some(9 | 10)) || (fax && colour)
    };
    let page = move |(id, facts): (EntityId, &'a FaxFacts)| Some((id, facts.pages.iter().find(rich)?));
    s.faxes().filter(move |(id, _)| plain(*id)).filter_map(page)
}

fn ifax_tiff_fx_for_other_profiles(s: &Survey<'_>, f: &mut Findings<'_>) {
    for (id, page) in richer(s) {
        f.entity(id, format!("{} labelled image/tiff", page.coding));
    }
}

fn relabel_tiff_fx(s: &Survey<'_>, edits: &mut EditList) {
    for (id, _) in richer(s) {
        let Some(field) = s.fields(id, "Content-Type").next() else { continue };
        let value = s.octets(field);
        let label = b"image/tiff";
        let Some(at) = value.windows(label.len()).position(|w| w.eq_ignore_ascii_case(label)) else {
            continue;
        };
        let (before, after) = value.split_at(at + label.len());
        s.replace(edits, id, field, &[before, b"-fx", after].concat());
    }
}

fn ifax_offramp_address_in_envelope(s: &Survey<'_>, f: &mut Findings<'_>) {
    for address in s.envelope.rcpt_to.iter().filter(|a| domain(a).is_none_or(str::is_empty)) {
        if is_fax_address(address) || is_number(local_part(address)) {
            f.envelope(format!("{} has no domain", quoted(address)));
        }
    }
}

/// A domain that one recipient is reached through as a fax machine is a gateway; a number there is another machine.
fn ifax_number_format(s: &Survey<'_>, f: &mut Findings<'_>) {
    let gateways: Vec<_> =
        s.envelope.rcpt_to.iter().filter(|a| is_fax_address(a)).filter_map(|a| domain(a)).collect();
    for address in s.envelope.rcpt_to.iter().filter(|a| is_number(local_part(a))) {
        if domain(address).is_some_and(|d| gateways.iter().any(|gateway| gateway.eq_ignore_ascii_case(d))) {
            f.envelope(format!("{} is no fax address", quoted(address)));
        }
    }
}

fn complete_header(s: &Survey<'_>, edits: &mut EditList) {
    super::header_mend::insert_date(s, edits);
    super::header_mend::insert_from(s, edits);
}

fn conform_to_mime(s: &Survey<'_>, edits: &mut EditList) {
    if s.top("MIME-Version").map(|x| words(s.octets(x)).concat()).as_deref() != Some("1.0") {
        s.set(edits, ROOT, "MIME-Version", Some("1.0"));
    }
    for (id, _) in s.judged().filter(|(_, e)| e.content_type.is("multipart/fax-message")) {
        s.set_type(edits, id, "multipart/mixed");
    }
}

fn label_tiff(s: &Survey<'_>, edits: &mut EditList) {
    for (id, _) in mislabelled(s) {
        s.set_type(edits, id, "image/tiff");
    }
}

fn label_s_and_f(s: &Survey<'_>, edits: &mut EditList) {
    for id in plain_tiff_fx(s) {
        s.set_type(edits, id, "image/tiff");
    }
}
