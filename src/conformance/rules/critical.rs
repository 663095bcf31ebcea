//! Critical contents: RFC 3459, and the other spelling of RFC 4239 3.

use super::lookup::*;
use super::samples::*;
use crate::conformance::rule::{Findings, Level, Rule, Sample, Samples};
use crate::message::edit::EditList;
use crate::message::{Entity, EntityId};
use crate::vpim::{Survey, Target};

/// A voice message with a note of each kind.
const NOTED: Sample = INTERNET.with(&[(
    "--b1--",
    "--b1\nContent-Type: text/html\nContent-Disposition: inline; handling=OPTIONAL\n\nx\n--b1--",
)]);

/// The rules.
pub static RULES: &[Rule] = &[
    Rule {
        id: "handling-required-fails-message",
        level: Level::Must,
        rfc: 3459,
        section: "3.1",
        text: "Where a part marked as required cannot be passed on, the message fails as a whole.",
        remedy: "Send required parts in a form that the recipient's system takes.",
        classes: ALL,
        check: required_fails_message,
        repair: None,
        samples: Samples { good: INTERNET, bad: INTERNET.towards(adpcm_only) },
    },
    Rule {
        id: "handling-optional-droppable",
        level: Level::May,
        rfc: 3459,
        section: "3.2",
        text: "A part marked as optional may be removed without notice.",
        remedy: "Mark as required what must arrive.",
        classes: ALL,
        check: optional_droppable,
        repair: None,
        samples: Samples { good: NOTED, bad: NOTED.towards(adpcm_only) },
    },
    Rule {
        id: "handling-ivm-synonyms",
        level: Level::Must,
        rfc: 4239,
        section: "3",
        text: "criticality=CRITICAL and criticality=IGNORE mean what handling=REQUIRED and handling=OPTIONAL mean.",
        remedy: "Let both parameters say the same, in these words.",
        classes: ALL,
        check: ivm_synonyms,
        repair: Some(align_criticality),
        samples: Samples {
            good: INTERNET.with(&[("handling=REQUIRED", "criticality=CRITICAL")]),
            bad: INTERNET.with(&[("handling=REQUIRED", "handling=REQUIRED; criticality=IGNORE")]),
        },
    },
    Rule {
        id: "handling-signed-intact",
        level: Level::Must,
        rfc: 3459,
        section: "6",
        text: "A required multipart/signed is passed on untouched or not at all.",
        remedy: "Sign only what the recipient's system takes as it is.",
        classes: ALL,
        check: signed_intact,
        repair: None,
        samples: Samples { good: SIGNED, bad: SIGNED.towards(adpcm_only) },
    },
    Rule {
        id: "handling-signature-optional-strip",
        level: Level::May,
        rfc: 3459,
        section: "6",
        text: "A signature marked as optional may be removed from required contents.",
        remedy: "Mark the signature as required where it must arrive.",
        classes: ALL,
        check: signature_optional_strip,
        repair: None,
        samples: Samples {
            good: SIGNED,
            bad: INTERNET.with(&[
                ("multipart/mixed", "multipart/signed; protocol=\"application/pgp-signature\""),
                (
                    "--b1--",
                    "--b1\nContent-Type: application/pgp-signature\nContent-Disposition: inline; handling=OPTIONAL\n\nx\n--b1--",
                ),
            ]),
        },
    },
    Rule {
        id: "handling-encrypted-undecryptable",
        level: Level::Must,
        rfc: 3459,
        section: "7",
        text: "A message with a required part that the recipient's system cannot decrypt fails.",
        remedy: "Send to this system without encryption.",
        classes: ALL,
        check: encrypted_undecryptable,
        repair: None,
        samples: Samples { good: ENCRYPTED, bad: ENCRYPTED.towards(without_keys) },
    },
    Rule {
        id: "ivm-critical-unsupported-fails-all",
        level: Level::Must,
        rfc: 4239,
        section: "6",
        text: "Where a critical part cannot be processed, the message is refused as a whole.",
        remedy: "Mark as optional what the recipient can do without, or send it in another form.",
        classes: IVM,
        check: critical_unsupported_fails_all,
        repair: None,
        samples: Samples { good: INTERNET, bad: INTERNET.towards(adpcm_only) },
    },
];

/// A signed voice message.
const SIGNED: Sample = INTERNET.with(&[
    ("multipart/mixed", "multipart/signed; protocol=\"application/pgp-signature\""),
    ("--b1--", "--b1\nContent-Type: application/pgp-signature\n\nx\n--b1--"),
]);

/// A voice message with an encrypted part.
const ENCRYPTED: Sample = INTERNET.with(&[(
    "--b1--",
    "--b1\nContent-Type: multipart/encrypted; protocol=\"application/pgp-encrypted\"; boundary=c1\n\n--c1\nContent-Type: application/pgp-encrypted\n\nVersion: 1\n--c1\nContent-Type: application/octet-stream\n\nx\n--c1--\n\n--b1--",
)]);

fn adpcm_only() -> Target {
    Target { media: vec!["audio/32kadpcm".to_owned()], ..Target::default() }
}

fn without_keys() -> Target {
    Target { decrypts: Some(false), ..Target::default() }
}

fn required_fails_message(s: &Survey<'_>, f: &mut Findings<'_>) {
    for (id, e) in foreign(s).filter(|(_, e)| mark(s, e) == Some(true) && is_top_level(s, e)) {
        f.entity(
            id,
            format!("{} is required, and the recipient does not take it", quoted(&e.content_type.essence())),
        );
    }
}

fn optional_droppable(s: &Survey<'_>, f: &mut Findings<'_>) {
    for (id, e) in foreign(s).filter(|(_, e)| mark(s, e) == Some(false)) {
        f.entity(
            id,
            format!("{} is optional, and the recipient does not take it", quoted(&e.content_type.essence())),
        );
    }
}

fn ivm_synonyms(s: &Survey<'_>, f: &mut Findings<'_>) {
    for (id, e) in s.judged() {
        let Some(criticality) = s.disposition(e, "criticality") else { continue };
        let handling = s.disposition(e, "handling");
        match (meaning(criticality), handling.map(meaning)) {
            (None, _) => f.entity(id, format!("criticality={} means nothing", quoted(criticality))),
            (Some(one), Some(Some(other))) if one != other => {
                f.entity(id, "criticality and handling contradict each other; handling counts");
            }
            _ => {}
        }
    }
}

/// RFC 3459 3: `handling` counts, so the other spelling says the same.
fn align_criticality(s: &Survey<'_>, edits: &mut EditList) {
    for (id, e) in s.judged() {
        let Some(counts) = s.disposition(e, "handling").and_then(meaning) else { continue };
        if s.disposition(e, "criticality").is_some_and(|other| meaning(other) != Some(counts)) {
            s.set_disposition(edits, id, "criticality", if counts { "CRITICAL" } else { "IGNORE" });
        }
    }
}

fn signed_intact(s: &Survey<'_>, f: &mut Findings<'_>) {
    for (id, e) in foreign(s) {
        let signed = |a: &Entity| a.content_type.is("multipart/signed") && mark(s, a) != Some(false);
        let signature = e.content_type.sub.ends_with("signature");
        if !signature && mark(s, e) != Some(false) && s.message.lineage(id).skip(1).any(signed) {
            f.entity(
                id,
                format!(
                    "{} is signed, and the recipient does not take it",
                    quoted(&e.content_type.essence())
                ),
            );
        }
    }
}

fn signature_optional_strip(s: &Survey<'_>, f: &mut Findings<'_>) {
    for (_, e) in s.judged().filter(|(_, e)| e.content_type.is("multipart/signed")) {
        if let Some((id, _)) = s.children(e).nth(1).filter(|(_, second)| mark(s, second) == Some(false)) {
            f.entity(id, "the signature is optional");
        }
    }
}

fn encrypted_undecryptable(s: &Survey<'_>, f: &mut Findings<'_>) {
    let without_keys = s.target.is_some_and(|t| t.decrypts == Some(false));
    for (id, e) in s.judged().filter(|(_, e)| without_keys && e.content_type.is("multipart/encrypted")) {
        let optional = |e: &Entity| mark(s, e) == Some(false);
        if !optional(e) && !s.children(e).next().is_some_and(|(_, control)| optional(control)) {
            f.entity(id, "encrypted, for a system that cannot decrypt");
        }
    }
}

fn critical_unsupported_fails_all(s: &Survey<'_>, f: &mut Findings<'_>) {
    // RFC 3459 3: where one part has a mark, those without are required.
    if s.judged().any(|(_, e)| mark(s, e).is_some()) {
        for (id, e) in foreign(s).filter(|(_, e)| mark(s, e) != Some(false)) {
            f.entity(
                id,
                format!(
                    "{} is critical, and the recipient does not take it",
                    quoted(&e.content_type.essence())
                ),
            );
        }
    }
}

/// What the mark of a part says: required, or optional; `None` without a mark. `handling` counts
/// before `criticality`.
pub fn mark(s: &Survey<'_>, e: &Entity) -> Option<bool> {
    s.disposition(e, "handling").or_else(|| s.disposition(e, "criticality")).and_then(meaning)
}

fn meaning(value: &str) -> Option<bool> {
    match value.to_ascii_lowercase().as_str() {
        "required" | "critical" => Some(true),
        "optional" | "ignore" => Some(false),
        _ => None,
    }
}

/// The judged leaves that the recipients' system is known not to take.
fn foreign<'a>(s: &'a Survey<'_>) -> impl Iterator<Item = (EntityId, &'a Entity)> {
    s.judged()
        .filter(|(_, e)| e.is_leaf() && s.target.is_some_and(|t| !t.may_take(&e.content_type.essence())))
}

/// RFC 3459 3.1: the message itself or a part of its outermost multipart.
fn is_top_level(s: &Survey<'_>, e: &Entity) -> bool {
    let container = |e: &Entity| e.content_type.main == "multipart";
    match e.parent {
        None | Some(ROOT) => true,
        Some(parent) => s.message.entity(parent).is_some_and(|p| container(p) && p.parent == Some(ROOT)),
    }
}
