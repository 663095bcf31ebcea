//! Internet voice messaging: RFC 4239.

use super::lookup::*;
use super::samples::*;
use crate::conformance::rule::{Findings, Level, Rule, Samples};
use crate::vpim::Survey;

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
        repair: None,
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
        repair: None,
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
        repair: None,
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
        repair: None,
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
        samples: Samples::changed(INTERNET, &[("audio/basic", "audio/wav")]),
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
        samples: Samples::changed(INTERNET, &[("audio/basic", "audio/wav")]),
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
        repair: None,
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
        repair: None,
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
];

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
    for (id, e) in s.audio() {
        let handling = s.disposition(e, "handling").map(|v| v.eq_ignore_ascii_case("required"));
        let criticality = s.disposition(e, "criticality").map(|v| v.eq_ignore_ascii_case("critical"));
        // RFC 3459 3: a part without a mark is required.
        if handling.or(criticality) == Some(false) {
            f.entity(id, "the audio may be dropped");
        }
    }
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
    for (id, e) in s.audio().filter(|(_, e)| e.content_type.is("audio/basic")) {
        if !s.disposition(e, "filename").is_some_and(|n| n.to_ascii_lowercase().ends_with(".au")) {
            f.entity(id, "no file name that ends in .au");
        }
    }
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
