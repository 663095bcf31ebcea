//! Internet voice messaging: RFC 4239.

use super::header_mend::write_fields_once;
use super::lookup::*;
use super::samples::*;
use super::structure_mend::enclose_in_mixed;
use crate::conformance::rule::{Findings, Level, Rule, Sample, Samples};
use crate::media::Facts;
use crate::message::edit::EditList;
use crate::message::{Entity, EntityId};
use crate::vpim::{Class, Survey, Target, VoiceKind};

/// An Internet voice message whose voice is in a WAVE file.
const WAVE_INTERNET: Sample = INTERNET.with(&[
    ("audio/basic", "audio/wav"),
    ("////////////", "UklGRigAAABXQVZFZm10IBAAAAABAAEAQB8AAIA+AAACABAAZGF0YQQAAAAAAAEA"),
]);

/// The rules.
pub static RULES: &[Rule] = &[
    Rule {
        id: "ivm-message-context-voice",
        level: Level::Must,
        rfc: 4239,
        section: "3",
        text: "A voice message composed by an IVM client says Message-Context: voice-message.",
        remedy: "Let the client write Message-Context: voice-message.",
        classes: IVM,
        check: ivm_message_context_voice,
        repair: Some(insert_context),
        samples: Samples::changed(INTERNET, &[("Message-Context: voice-message\n", "")]),
    },
    Rule {
        id: "ivm-internet-message-format",
        level: Level::Must,
        rfc: 4239,
        section: "3",
        text: "IVM messages obey the current Internet message and MIME formats.",
        remedy: "Let the client write each field of the header once.",
        classes: IVM,
        check: ivm_internet_message_format,
        repair: Some(write_fields_once),
        samples: Samples::changed(
            INTERNET,
            &[("Date: Tue", "Date: Tue, 4 Mar 2025 09:00:00 +0100\nDate: Tue")],
        ),
    },
    Rule {
        id: "ivm-top-level-mixed",
        level: Level::Should,
        rfc: 4239,
        section: "3",
        text: "The outermost type of an IVM message is multipart/mixed.",
        remedy: "Send multipart/mixed.",
        classes: IVM,
        check: ivm_top_level_mixed,
        repair: Some(enclose_in_mixed),
        samples: Samples::changed(INTERNET, &[("multipart/mixed", "multipart/related")]),
    },
    Rule {
        id: "ivm-audio-marked-critical",
        level: Level::Must,
        rfc: 4239,
        section: "3",
        text: "In a message created as voice the audio part is marked critical.",
        remedy: "Mark the audio part with handling=REQUIRED.",
        classes: IVM,
        check: ivm_audio_marked_critical,
        repair: Some(mark_critical),
        samples: Samples::changed(INTERNET, &[("handling=REQUIRED", "handling=OPTIONAL")]),
    },
    Rule {
        id: "ivm-audio-basic-default",
        level: Level::Must,
        rfc: 4239,
        section: "7",
        text: "Voice is audio/basic unless the recipient is known to handle something else.",
        remedy: "Send audio/basic.",
        classes: IVM,
        check: ivm_audio_basic_default,
        repair: None,
        samples: Samples { good: INTERNET, bad: WAVE_INTERNET },
    },
    Rule {
        id: "ivm-other-codec-needs-knowledge",
        level: Level::MustNot,
        rfc: 4239,
        section: "7",
        text: "No other codec is used without knowledge of the recipient.",
        remedy: "Send audio/basic or audio/32KADPCM.",
        classes: IVM,
        check: ivm_other_codec_needs_knowledge,
        repair: None,
        samples: Samples { good: INTERNET, bad: WAVE_INTERNET },
    },
    Rule {
        id: "ivm-audio-basic-filename",
        level: Level::Should,
        rfc: 4239,
        section: "7",
        text: "An audio/basic part has a filename ending in .au.",
        remedy: "Name the file *.au.",
        classes: IVM,
        check: ivm_audio_basic_filename,
        repair: Some(name_au),
        samples: Samples::changed(INTERNET, &[("voice.au", "voice.wav")]),
    },
    Rule {
        id: "ivm-content-duration-present",
        level: Level::Should,
        rfc: 4239,
        section: "7",
        text: "Content-Duration tells the audio length.",
        remedy: "Let the client write Content-Duration.",
        classes: IVM,
        check: ivm_content_duration_present,
        repair: Some(insert_duration),
        samples: Samples::changed(INTERNET, &[("Content-Duration: 1\n", "")]),
    },
    Rule {
        id: "ivm-voice-parameter-for-names",
        level: Level::Should,
        rfc: 4239,
        section: "7",
        text: "Spoken names and subjects are told apart by the voice parameter.",
        remedy: "Tell spoken names and subjects apart by the voice parameter.",
        classes: IVM,
        check: ivm_voice_parameter_for_names,
        repair: None,
        samples: Samples::changed(
            INTERNET,
            &[("voice=Voice-Message; ", ""), ("--b1--", "--b1\nContent-Type: audio/basic\n\n\n--b1--")],
        ),
    },
    Rule {
        id: "ivm-voice-message-implies-vpim2",
        level: Level::Must,
        rfc: 4239,
        section: "3",
        text: "A message that is multipart/voice-message follows VPIM version 2 in all, whatever its Message-Context.",
        remedy: "Send multipart/mixed, or audio/32KADPCM in multipart/voice-message; version=2.0.",
        classes: VPIM,
        check: ivm_voice_message_implies_vpim2,
        repair: None,
        samples: Samples::changed(
            VOICE,
            &[("Subject:", "Message-Context: voice-message\nSubject:"), ("audio/32KADPCM", "audio/basic")],
        ),
    },
    Rule {
        id: "ivm-other-parts-criticality",
        level: Level::May,
        rfc: 4239,
        section: "3",
        text: "Parts other than voice may be marked critical or to be ignored.",
        remedy: "Write handling=, which RFC 3459 has: criticality= is in RFC 4239 only.",
        classes: IVM,
        check: ivm_other_parts_criticality,
        repair: Some(add_handling),
        samples: Samples::changed(
            INTERNET,
            &[(
                "--b1--",
                "--b1\nContent-Type: text/plain\nContent-Disposition: inline; criticality=IGNORE\n\nx\n--b1--",
            )],
        ),
    },
    Rule {
        id: "ivm-notification-multipart-report",
        level: Level::Must,
        rfc: 4239,
        section: "3",
        text: "A delivery notification is multipart/report as a whole.",
        remedy: "Let the system send notifications as multipart/report, nothing around it.",
        classes: ALL,
        check: ivm_notification_multipart_report,
        repair: None,
        samples: Samples::changed(
            INTERNET,
            &[("--b1--", "--b1\nContent-Type: message/delivery-status\n\nReporting-MTA: dns; x.example\n\n--b1--")],
        ),
    },
    Rule {
        id: "ivm-any-address",
        level: Level::May,
        rfc: 4239,
        section: "5",
        text: "Any valid Internet address can be used.",
        remedy: "Give users a numeric mailbox where replies come from telephones.",
        classes: IVM,
        check: ivm_any_address,
        repair: None,
        samples: Samples {
            good: INTERNET.with(&[("<ann@", "<2001@"), ("<tom@", "<+496912345@")]),
            bad: INTERNET,
        },
    },
    Rule {
        id: "ivm-caller-identification",
        level: Level::May,
        rfc: 4239,
        section: "5",
        text: "Caller-ID and Caller-Name may tell who called.",
        remedy: "Keep the fields off where the caller's number is not to be shown.",
        classes: IVM,
        check: ivm_caller_identification,
        repair: None,
        samples: Samples::changed(INTERNET, &[("Subject:", "Caller-ID: 6135550100\nSubject:")]),
    },
    Rule {
        id: "ivm-32kadpcm-for-vpim-recipients",
        level: Level::May,
        rfc: 4239,
        section: "7",
        text: "audio/32KADPCM may be used towards recipients on VPIM systems.",
        remedy: "Send audio/basic to recipients that are not known to be on VPIM systems.",
        classes: IVM,
        check: ivm_32kadpcm_for_vpim_recipients,
        repair: None,
        samples: Samples::changed(INTERNET, &[("audio/basic", "audio/32KADPCM")]),
    },
    Rule {
        id: "ivm-recipient-spoken-name-single",
        level: Level::May,
        rfc: 4239,
        section: "7",
        text: "The spoken name of the recipient may be included where there is one recipient.",
        remedy: "Leave the spoken name of the recipient out.",
        classes: IVM,
        check: ivm_recipient_spoken_name_single,
        repair: None,
        samples: Samples::changed(INTERNET, &[("voice=Voice-Message", "voice=Recipient-Spoken-Name")]),
    },
    Rule {
        id: "ivm-fax-per-2532",
        level: Level::Should,
        rfc: 4239,
        section: "8",
        text: "A fax in a voice message follows the extended mode of Internet fax.",
        remedy: "Send fax pages as TIFF with a coding of fax (MH, MR, MMR or JBIG).",
        classes: IVM,
        check: ivm_fax_per_2532,
        repair: None,
        samples: Samples::changed(
            INTERNET,
            &[(
                "--b1--",
                "--b1\nContent-Type: image/tiff\nContent-Transfer-Encoding: base64\n\nAAAA\n--b1--",
            )],
        ),
    },
    Rule {
        id: "ivm-no-ivm-to-vpim-system",
        level: Level::MustNot,
        rfc: 4239,
        section: "9.1",
        text: "A message that is no VPIM message is not sent to a system known to be VPIM version 2.",
        remedy: "Have the mail converted to VPIM on its way.",
        classes: &[Class::Ivm, Class::VoiceOther],
        check: ivm_no_ivm_to_vpim_system,
        repair: None,
        samples: Samples { good: INTERNET.towards(internet_client), bad: INTERNET.towards(vpim_system) },
    },
    Rule {
        id: "ivm-gateway-private",
        level: Level::May,
        rfc: 4239,
        section: "9.3",
        text: "A gateway may refuse private VPIM messages to recipients who are on no VPIM system.",
        remedy: "Do not mark messages private that go to Internet mail clients.",
        classes: VPIM2,
        check: ivm_gateway_private,
        repair: None,
        samples: Samples {
            good: VOICE.towards(internet_client),
            bad: VOICE.with(&[("Subject:", "Sensitivity: private\nSubject:")]).towards(internet_client),
        },
    },
    Rule {
        id: "ivm-gateway-critical-unsupported",
        level: Level::May,
        rfc: 4239,
        section: "9.3",
        text: "A gateway may refuse a message with critical contents that VPIM cannot carry.",
        remedy: "Mark as critical only voice, fax and forwarded messages.",
        classes: IVM,
        check: ivm_gateway_critical_unsupported,
        repair: None,
        samples: Samples {
            good: INTERNET.towards(vpim_system),
            bad: INTERNET
                .with(&[(
                    "--b1--",
                    "--b1\nContent-Type: text/html\nContent-Disposition: inline; handling=REQUIRED\n\nx\n--b1--",
                )])
                .towards(vpim_system),
        },
    },
];

fn vpim_system() -> Target {
    Target { vpim: Some(true), ..Target::default() }
}

fn internet_client() -> Target {
    Target { vpim: Some(false), ..Target::default() }
}

fn ivm_message_context_voice(s: &Survey<'_>, f: &mut Findings<'_>) {
    if s.top_token("Message-Context").as_deref() != Some("voice-message") {
        f.missing(ROOT, "Message-Context", "no Message-Context: voice-message");
    }
}

fn ivm_internet_message_format(s: &Survey<'_>, f: &mut Findings<'_>) {
    for name in ["From", "To", "Cc", "Date", "MIME-Version", "Subject"] {
        if let Some(second) = s.fields(ROOT, name).nth(1) {
            f.field(ROOT, second, format!("a second {name}"));
        }
    }
    for name in ["From", "Date", "MIME-Version"] {
        if s.top(name).is_none() {
            f.missing(ROOT, name, format!("no {name}"));
        }
    }
}

fn ivm_top_level_mixed(s: &Survey<'_>, f: &mut Findings<'_>) {
    let root = s.message.root();
    if !root.content_type.is("multipart/mixed") && !root.content_type.is("multipart/signed") {
        f.entity(ROOT, format!("the message is {}", quoted(&root.content_type.essence())));
    }
}

fn ivm_audio_marked_critical(s: &Survey<'_>, f: &mut Findings<'_>) {
    for (id, _) in uncritical(s) {
        f.entity(id, "the audio may be dropped");
    }
}

/// Audio with a mark other than required. RFC 3459 3: a part without a mark is required.
fn uncritical<'a>(s: &'a Survey<'_>) -> impl Iterator<Item = (EntityId, &'a Entity)> {
    s.audio().filter(|(_, e)| {
        let handling = s.disposition(e, "handling").map(|v| v.eq_ignore_ascii_case("required"));
        let criticality = s.disposition(e, "criticality").map(|v| v.eq_ignore_ascii_case("critical"));
        handling.or(criticality) == Some(false)
    })
}

fn ivm_audio_basic_default(s: &Survey<'_>, f: &mut Findings<'_>) {
    for (id, e) in s.audio().filter(|(_, e)| !e.content_type.is("audio/basic")) {
        f.entity(id, format!("voice is sent as {}", quoted(&e.content_type.essence())));
    }
}

fn ivm_other_codec_needs_knowledge(s: &Survey<'_>, f: &mut Findings<'_>) {
    for (id, e) in s.audio().filter(|(_, e)| !matches!(e.content_type.sub.as_str(), "basic" | "32kadpcm")) {
        f.entity(id, format!("{} without knowledge of the recipient", quoted(&e.content_type.essence())));
    }
}

fn ivm_audio_basic_filename(s: &Survey<'_>, f: &mut Findings<'_>) {
    for (id, _) in not_named_au(s) {
        f.entity(id, "no file name that ends in .au");
    }
}

/// The audio/basic parts whose file name is no *.au.
fn not_named_au<'a>(s: &'a Survey<'_>) -> impl Iterator<Item = (EntityId, &'a Entity)> {
    let named = |e| s.disposition(e, "filename").is_some_and(|n| n.to_ascii_lowercase().ends_with(".au"));
    s.audio().filter(move |(_, e)| e.content_type.is("audio/basic") && !named(e))
}

fn ivm_content_duration_present(s: &Survey<'_>, f: &mut Findings<'_>) {
    for (id, _) in s.audio().filter(|(id, _)| s.fields(*id, "Content-Duration").next().is_none()) {
        f.missing(id, "Content-Duration", "no Content-Duration");
    }
}

fn ivm_voice_parameter_for_names(s: &Survey<'_>, f: &mut Findings<'_>) {
    if s.audio().count() > 1 && s.audio().all(|(_, e)| s.disposition(e, "voice").is_none()) {
        f.entity(ROOT, "several audio parts, none with a voice parameter");
    }
}

fn ivm_voice_message_implies_vpim2(s: &Survey<'_>, f: &mut Findings<'_>) {
    let root = s.message.root();
    let claims = s.top_token("Message-Context").as_deref() == Some("voice-message");
    if !claims || !root.content_type.is("multipart/voice-message") {
        return;
    }
    if root.content_type.parameters.value("version").is_none() {
        f.entity(ROOT, "multipart/voice-message without version");
    }
    for (id, e) in s.audio().filter(|(_, e)| !e.content_type.is("audio/32kadpcm")) {
        f.entity(id, format!("{} in multipart/voice-message", quoted(&e.content_type.essence())));
    }
}

fn ivm_other_parts_criticality(s: &Survey<'_>, f: &mut Findings<'_>) {
    for (id, _, value) in criticality_alone(s) {
        f.entity(id, format!("criticality={} without handling", quoted(value)));
    }
}

fn ivm_notification_multipart_report(s: &Survey<'_>, f: &mut Findings<'_>) {
    for (id, e) in s.message.entities().filter(|(_, e)| e.content_type.is("message/delivery-status")) {
        // What an embedded message holds is its own affair, and RFC 6522 lets reports be nested.
        let enclosed = |a: &Entity| a.content_type.main == "message" || a.content_type.is("multipart/report");
        if !s.message.lineage(id).skip(1).any(enclosed) {
            f.entity(id, format!("{} outside a report", e.content_type.essence()));
        }
    }
}

fn ivm_any_address(s: &Survey<'_>, f: &mut Findings<'_>) {
    for field in ["From", "To", "Cc"].into_iter().flat_map(|n| s.fields(ROOT, n)) {
        let digits = |c: u8| c.is_ascii_digit() || matches!(c, b'+' | b'-' | b'.');
        for named in s.mailboxes(field).iter().filter(|m| !m.local_part().bytes().all(digits)) {
            f.field(ROOT, field, format!("no telephone can dial {}", quoted(&named.address)));
        }
    }
}

fn ivm_caller_identification(s: &Survey<'_>, f: &mut Findings<'_>) {
    for name in ["Caller-ID", "Caller-Name"] {
        for field in s.fields(ROOT, name) {
            f.field(ROOT, field, format!("{name} {}", quoted(&s.text(field))));
        }
    }
}

fn ivm_32kadpcm_for_vpim_recipients(s: &Survey<'_>, f: &mut Findings<'_>) {
    let known = s
        .target
        .is_some_and(|t| t.vpim == Some(true) || (!t.media.is_empty() && t.may_take("audio/32kadpcm")));
    for (id, _) in s.audio().filter(|(_, e)| !known && e.content_type.is("audio/32kadpcm")) {
        f.entity(id, "audio/32KADPCM for a recipient who is not known to be on a VPIM system");
    }
}

fn ivm_recipient_spoken_name_single(s: &Survey<'_>, f: &mut Findings<'_>) {
    let count = s.recipients().len();
    for (body, _) in s.judged_bodies().filter(|(b, _)| b.voice == Some(VoiceKind::RecipientSpokenName)) {
        f.entity(body.entity, format!("the spoken name of a recipient among {count}"));
    }
}

fn ivm_fax_per_2532(s: &Survey<'_>, f: &mut Findings<'_>) {
    for (id, _) in s.tiffs() {
        let what = match s.body(id).map(|b| &b.facts) {
            Some(Ok(report)) => match &report.facts {
                Facts::Fax(fax) => {
                    // T.85 and T.43.
                    let jbig = |c: &str| c.starts_with("JBIG (");
                    let foreign = |c: &&str| !matches!(*c, "MH" | "MR" | "MMR" | "JPEG") && !jbig(c);
                    let Some(coding) = fax.pages.iter().map(|p| p.coding.as_str()).find(foreign) else {
                        continue;
                    };
                    format!("a page is coded in {}", quoted(coding))
                }
                Facts::Audio(audio) => format!("it is {}", quoted(&audio.container)),
            },
            Some(Err(crate::media::MediaError::Limit(_))) | None => continue,
            Some(Err(error)) => error.to_string(),
        };
        f.entity(id, format!("the TIFF is no fax: {what}"));
    }
}

fn ivm_no_ivm_to_vpim_system(s: &Survey<'_>, f: &mut Findings<'_>) {
    if s.target.is_some_and(|t| t.vpim == Some(true)) && s.containers().next().is_none() {
        f.entity(ROOT, format!("{} for a VPIM system", quoted(&s.message.root().content_type.essence())));
    }
}

fn ivm_gateway_private(s: &Survey<'_>, f: &mut Findings<'_>) {
    let open = s.target.is_some_and(|t| t.vpim == Some(false) && t.privacy != Some(true));
    if let Some(field) = s.top("Sensitivity").filter(|x| open && s.text(x).eq_ignore_ascii_case("private")) {
        f.field(ROOT, field, "private, for a recipient whose mail client knows no such thing");
    }
}

fn ivm_gateway_critical_unsupported(s: &Survey<'_>, f: &mut Findings<'_>) {
    let vpim = s.target.is_some_and(|t| t.vpim == Some(true));
    for (id, e) in s.judged().filter(|(_, e)| vpim && super::critical::mark(s, e) == Some(true)) {
        let carried = e.content_type.main == "audio" || is_tiff(e) || e.content_type.is("message/rfc822");
        if !carried {
            f.entity(id, format!("{} is critical", quoted(&e.content_type.essence())));
        }
    }
}

/// Parts other than audio with `criticality` and no `handling`.
fn criticality_alone<'a>(s: &'a Survey<'_>) -> impl Iterator<Item = (EntityId, &'a Entity, &'a str)> {
    s.judged().filter(|(_, e)| e.content_type.main != "audio").filter_map(|(id, e)| {
        let value = s.disposition(e, "criticality").filter(|_| s.disposition(e, "handling").is_none())?;
        Some((id, e, value))
    })
}

fn add_handling(s: &Survey<'_>, edits: &mut EditList) {
    for (id, e, _) in criticality_alone(s) {
        let handling = match super::critical::mark(s, e) {
            Some(true) => "handling=REQUIRED",
            Some(false) => "handling=OPTIONAL",
            None => continue,
        };
        if let Some(field) = s.fields(id, "Content-Disposition").next() {
            s.append_parameter(edits, id, field, handling);
        }
    }
}

/// A class that is stated is never changed (RFC 3458 8.1).
fn insert_context(s: &Survey<'_>, edits: &mut EditList) {
    if s.top("Message-Context").is_none() {
        insert(edits, "Message-Context", "voice-message");
    }
}

fn mark_critical(s: &Survey<'_>, edits: &mut EditList) {
    for (id, _) in uncritical(s) {
        s.set_disposition(edits, id, "handling", "REQUIRED");
    }
}

fn name_au(s: &Survey<'_>, edits: &mut EditList) {
    for (id, e) in not_named_au(s) {
        let name = s.disposition(e, "filename").unwrap_or("voice");
        let stem = name.rsplit_once('.').map_or(name, |(stem, _)| stem);
        s.set_disposition(edits, id, "filename", &format!("{stem}.au"));
    }
}

fn insert_duration(s: &Survey<'_>, edits: &mut EditList) {
    for (id, _) in s.audio().filter(|(id, _)| s.fields(*id, "Content-Duration").next().is_none()) {
        if let Some(length) = super::duration::length(s, id) {
            s.set(edits, id, "Content-Duration", Some(&length));
        }
    }
}
