//! What RFC 2421 asked for and RFC 3801 does not: the vCard of the originator (4.3.3, 18.1), the
//! mailbox of callers (4.6), failure notices, the length of a spoken subject (RFC 2423 3.2).

use super::encoding::unknown_encodings;
use super::lookup::*;
use super::samples::*;
use crate::conformance::rule::{Findings, Level, Rule, Samples};
use crate::message::edit::EditList;
use crate::message::{Entity, EntityId};
use crate::vpim::{Survey, VoiceKind};

/// The rules.
pub static RULES: &[Rule] = &[
    Rule {
        id: "vpim2421-vcard-sent",
        level: Level::Should,
        rfc: 2421,
        section: "4.3.3",
        text: "Each message made under the older version carries a vCard of the originator in a text/directory part.",
        remedy: "Add the vCard for systems that follow RFC 2421.",
        classes: RFC2421,
        check: vcard_sent,
        repair: None,
        samples: Samples { good: VCARD_2421, bad: VOICE_2421 },
    },
    Rule {
        id: "vpim2421-vcard-content-type",
        level: Level::Must,
        rfc: 2421,
        section: "4.3.3",
        text: "The vCard part is text/directory with a charset parameter and profile=vCard.",
        remedy: "Label the vCard text/directory; charset=us-ascii; profile=vCard.",
        classes: RFC2421,
        check: vcard_content_type,
        repair: Some(label_vcards),
        samples: Samples::changed(VCARD_2421, &[("; profile=vCard", "")]),
    },
    Rule {
        id: "vpim2421-vcard-required-attributes",
        level: Level::Must,
        rfc: 2421,
        section: "4.3.3",
        text: "The vCard states at least TEL, EMAIL and VERSION.",
        remedy: "Let the vCard give TEL, EMAIL and VERSION.",
        classes: RFC2421,
        check: vcard_required_attributes,
        repair: None,
        samples: Samples::changed(VCARD_2421, &[("TEL;TYPE=VOICE,MSG:+16135550100\n", "")]),
    },
    Rule {
        id: "vpim2421-vcard-version",
        level: Level::Must,
        rfc: 2421,
        section: "4.3.3",
        text: "The vCard version is 3.0.",
        remedy: "Write vCards of version 3.0.",
        classes: RFC2421,
        check: vcard_version,
        repair: None,
        samples: Samples::changed(VCARD_2421, &[("VERSION: 3.0", "VERSION:2.1")]),
    },
    Rule {
        id: "vpim2421-vcard-recommended-attributes",
        level: Level::Should,
        rfc: 2421,
        section: "4.3.3",
        text: "The vCard also gives N, ROLE, SOUND and REV.",
        remedy: "Let the vCard give N, ROLE, SOUND and REV.",
        classes: RFC2421,
        check: vcard_recommended_attributes,
        repair: None,
        samples: Samples::changed(VCARD_2421, &[("ROLE:Operator\n", "")]),
    },
    Rule {
        id: "vpim2421-vcard-name-matches-from",
        level: Level::Must,
        rfc: 2421,
        section: "4.3.3",
        text: "Name components in the vCard agree with the text name in From.",
        remedy: "Enter the same name for vCard and From.",
        classes: RFC2421,
        check: vcard_name_matches_from,
        repair: None,
        samples: Samples::changed(VCARD_2421, &[("N:Example;Ann", "N:Example;Bob")]),
    },
    Rule {
        id: "vpim2421-vcard-sound-reference",
        level: Level::Must,
        rfc: 2421,
        section: "4.3.3",
        text: "A spoken name in the vCard refers by content identifier to an audio part of the same message.",
        remedy: "Let SOUND name the Content-ID of the spoken name.",
        classes: RFC2421,
        check: vcard_sound_reference,
        repair: None,
        samples: Samples::changed(VCARD_2421, &[("Content-ID: <n1@vm.example.net>\n", "")]),
    },
    Rule {
        id: "vpim2421-vcard-email-vpim-type",
        level: Level::May,
        rfc: 2421,
        section: "18.1",
        text: "An EMAIL property may be typed VPIM to mark an address that takes VPIM messages.",
        remedy: "Nothing to do; the address may be used as one that takes VPIM.",
        classes: RFC2421,
        check: vcard_email_vpim_type,
        repair: None,
        samples: Samples::changed(VCARD_2421, &[("EMAIL;TYPE=INTERNET:", "EMAIL;TYPE=INTERNET,VPIM:")]),
    },
    Rule {
        id: "vpim2421-non-mail-user-required",
        level: Level::Must,
        rfc: 2421,
        section: "4.6",
        text: "Unanswerable messages have non-mail-user in From.",
        remedy: "Send messages nobody can answer from non-mail-user@ the domain of the voice system.",
        classes: RFC2421,
        check: non_mail_user_required,
        repair: None,
        samples: Samples { good: VOICE_2421, bad: VOICE_2421.from("") },
    },
    Rule {
        id: "vpim2421-encoding-unrenderable-ndn",
        level: Level::Must,
        rfc: 2421,
        section: "4.3",
        text: "Content whose transfer encoding cannot be handled produces a failure notice.",
        remedy: "Let the voice system encode audio in base64.",
        classes: RFC2421,
        check: encoding_unrenderable_ndn,
        repair: None,
        samples: Samples::changed(VOICE_2421, &[("base64", "x-uuencode")]),
    },
    Rule {
        id: "vpim2421-spoken-subject-max",
        level: Level::MustNot,
        rfc: 2423,
        section: "3.2",
        text: "A spoken subject is never longer than 20 seconds.",
        remedy: "Limit spoken subjects to 20 seconds.",
        classes: RFC2421,
        check: spoken_subject_max,
        repair: None,
        samples: Samples::changed(
            VOICE_2421,
            &[("voice=Originator-Spoken-Name", "voice=Spoken-Subject"), ("////////", "␥")],
        ),
    },
];

fn vcard_sent(s: &Survey<'_>, f: &mut Findings<'_>) {
    for (id, e) in s.containers().filter(|_| !s.is_report()) {
        if !s.children(e).any(|(_, c)| is_vcard(c)) {
            f.entity(id, "no vCard of the originator");
        }
    }
}

fn vcard_content_type(s: &Survey<'_>, f: &mut Findings<'_>) {
    for (id, e) in s.contents().filter(|(_, e)| is_vcard(e)) {
        let parameters = &e.content_type.parameters;
        let profile = parameters.value("profile").is_some_and(|p| p.trim().eq_ignore_ascii_case("vcard"));
        for (missing, name) in
            [(parameters.value("charset").is_none(), "charset"), (!profile, "profile=vCard")]
        {
            if missing {
                f.entity(id, format!("a vCard without {name}"));
            }
        }
    }
}

fn vcard_required_attributes(s: &Survey<'_>, f: &mut Findings<'_>) {
    attributes(s, f, &["TEL", "EMAIL", "VERSION"]);
}

fn vcard_recommended_attributes(s: &Survey<'_>, f: &mut Findings<'_>) {
    attributes(s, f, &["N", "ROLE", "SOUND", "REV"]);
}

fn vcard_version(s: &Survey<'_>, f: &mut Findings<'_>) {
    each_property(s, f, "VERSION", |_, _, p| {
        (p.value != "3.0").then(|| format!("version {}", quoted(&p.value)))
    });
}

fn vcard_name_matches_from(s: &Survey<'_>, f: &mut Findings<'_>) {
    each_property(s, f, "N", |s, id, p| {
        let from = s.fields(message_of(s, id), "From").next()?;
        let named: Vec<_> = names(&p.value).collect();
        let missing = s
            .mailboxes(from)
            .iter()
            .filter_map(|m| m.name.as_deref())
            .flat_map(names)
            .find(|word| !named.contains(word))?;
        Some(format!("{} of From is not in N", quoted(&missing)))
    });
}

fn vcard_sound_reference(s: &Survey<'_>, f: &mut Findings<'_>) {
    each_property(s, f, "SOUND", |s, _, p| {
        let at = p.value.to_ascii_lowercase().find("cid:")? + 4;
        let bare = |t: &str| t.trim().trim_start_matches('<').trim_end_matches('>').to_owned();
        let wanted = bare(p.value.get(at..).unwrap_or_default());
        let is_it =
            |id: EntityId| s.fields(id, "Content-ID").next().is_some_and(|x| bare(&s.text(x)) == wanted);
        (!s.audio().any(|(id, _)| is_it(id))).then(|| format!("no audio part is called {}", quoted(&wanted)))
    });
}

fn vcard_email_vpim_type(s: &Survey<'_>, f: &mut Findings<'_>) {
    each_property(s, f, "EMAIL", |_, _, p| {
        let typed = p.parameters.split([',', ';', '=']).any(|w| w.trim().eq_ignore_ascii_case("vpim"));
        typed.then(|| format!("{} takes VPIM messages", quoted(&p.value)))
    });
}

fn non_mail_user_required(s: &Survey<'_>, f: &mut Findings<'_>) {
    let null = s.envelope.mail_from.as_deref() == Some("") && !s.is_report();
    for field in s.fields(ROOT, "From").filter(|_| null) {
        if !s.mailboxes(field).iter().any(|m| is_non_mail_user(&m.address)) {
            f.field(ROOT, field, "the reverse-path is null, and From is not non-mail-user");
        }
    }
}

fn encoding_unrenderable_ndn(s: &Survey<'_>, f: &mut Findings<'_>) {
    unknown_encodings(s, f, "the message is sent back");
}

fn spoken_subject_max(s: &Survey<'_>, f: &mut Findings<'_>) {
    for (body, _) in s.judged_bodies().filter(|(b, _)| b.voice == Some(VoiceKind::SpokenSubject)) {
        if s.audio_facts(body.entity).and_then(|a| a.duration_s()).is_some_and(|d| d > 20.0) {
            f.entity(body.entity, "a spoken subject of more than 20 s");
        }
    }
}

/// More lines of a vCard than this are not read.
const MAX_LINES: usize = 1_000;

/// A line of a vCard (RFC 2425 5.8.1).
struct Property {
    /// In capitals, without group.
    name: String,
    parameters: String,
    value: String,
}

fn properties(s: &Survey<'_>, e: &Entity) -> Vec<Property> {
    let bytes = s.message.decoded(e).bytes;
    let text = String::from_utf8_lossy(&bytes);
    let mut lines: Vec<String> = Vec::new();
    for line in text.lines().take(MAX_LINES) {
        match (line.strip_prefix([' ', '\t']), lines.last_mut()) {
            (Some(more), Some(last)) => last.push_str(more),
            _ => lines.push(line.to_owned()),
        }
    }
    let property = |line: &String| {
        let (head, value) = line.split_once(':')?;
        let (name, parameters) = head.split_once(';').unwrap_or((head, ""));
        let name = name.rsplit('.').next().unwrap_or_default().trim().to_ascii_uppercase();
        Some(Property { name, parameters: parameters.to_owned(), value: value.trim().to_owned() })
    };
    lines.iter().filter_map(property).collect()
}

/// One finding for each vCard that lacks some of `wanted`.
fn attributes(s: &Survey<'_>, f: &mut Findings<'_>, wanted: &[&str]) {
    for (id, e) in s.contents().filter(|(_, e)| is_vcard(e)) {
        let properties = properties(s, e);
        let missing: Vec<_> =
            wanted.iter().filter(|w| !properties.iter().any(|p| p.name == **w)).copied().collect();
        if !missing.is_empty() {
            f.entity(id, format!("a vCard without {}", missing.join(", ")));
        }
    }
}

/// What `wrong` says of the properties `name` of the vCards.
fn each_property(
    s: &Survey<'_>,
    f: &mut Findings<'_>,
    name: &str,
    wrong: fn(&Survey<'_>, EntityId, &Property) -> Option<String>,
) {
    for (id, e) in s.contents().filter(|(_, e)| is_vcard(e)) {
        for what in properties(s, e).iter().filter(|p| p.name == name).filter_map(|p| wrong(s, id, p)) {
            f.entity(id, what);
        }
    }
}

/// The words of a name, in lower case.
fn names(text: &str) -> impl Iterator<Item = String> {
    text.split(|c: char| !c.is_alphanumeric()).filter(|w| !w.is_empty()).map(str::to_lowercase)
}

/// The root of the message a part belongs to.
fn message_of(s: &Survey<'_>, id: EntityId) -> EntityId {
    let above = |id: &EntityId| {
        let parent = s.message.entity(*id)?.parent?;
        s.message.entity(parent).filter(|p| p.content_type.main != "message").map(|_| parent)
    };
    std::iter::successors(Some(id), above).last().unwrap_or(ROOT)
}

fn label_vcards(s: &Survey<'_>, edits: &mut EditList) {
    for (id, e) in s.contents().filter(|(_, e)| is_vcard(e)) {
        let Some(field) = s.fields(id, "Content-Type").next() else { continue };
        let parameters = &e.content_type.parameters;
        let profile = parameters.value("profile").map(|p| p.trim().eq_ignore_ascii_case("vcard"));
        match (parameters.value("charset"), profile) {
            (Some(_), Some(true)) => {}
            (Some(_), _) => s.set_parameter(edits, id, field, "profile", "vCard"),
            (None, None) => s.append_parameter(edits, id, field, "charset=us-ascii; profile=vCard"),
            (None, Some(_)) => s.append_parameter(edits, id, field, "charset=us-ascii"),
        }
    }
}
