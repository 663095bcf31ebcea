//! Internet fax: RFC 3965, RFC 3249.

use super::lookup::*;
use super::samples::*;
use crate::conformance::rule::{Findings, Level, Rule, Samples};
use crate::message::value;
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
        repair: None,
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
        repair: None,
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
        repair: None,
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
        repair: None,
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
        repair: None,
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
        repair: None,
        samples: Samples::changed(SIMPLE_FAX, &[("image/tiff", "image/tiff-fx")]),
    },
];

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
    for (id, e) in s.judged().filter(|(_, e)| e.is_leaf() && !is_tiff(e)) {
        let declared = matches!(e.content_type.sub.as_str(), "x-tiff" | "tif" | "x-tif" | "octet-stream");
        let body = s.message.decoded(e).bytes;
        if declared && (body.starts_with(b"II*\0") || body.starts_with(b"MM\0*")) {
            f.entity(id, format!("TIFF labelled {}", quoted(&e.content_type.essence())));
        }
    }
}

fn ifax_alternative_avoided(s: &Survey<'_>, f: &mut Findings<'_>) {
    for (id, e) in s.judged().filter(|(_, e)| e.content_type.is("multipart/alternative")) {
        if s.children(e).any(|(_, c)| is_tiff(c)) {
            f.entity(id, "a fax in multipart/alternative");
        }
    }
}

fn ifax_image_tiff_for_s_and_f(s: &Survey<'_>, f: &mut Findings<'_>) {
    for (id, facts) in s.faxes() {
        let tiff_fx = s.message.entity(id).is_some_and(|e| e.content_type.sub == "tiff-fx");
        if tiff_fx
            && !facts.pages.is_empty()
            && facts.pages.iter().all(|p| matches!(p.compression, Some(3 | 4)))
        {
            f.entity(id, "a fax of profile S or F labelled image/tiff-fx");
        }
    }
}
