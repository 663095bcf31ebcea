//! What kind of message this is. The class decides which rules apply and what a conversion starts
//! from.
//!
//! [`classify`] is an ordered table of named tests (`TESTS`); the first that holds decides. It
//! defends against false positives first: mail that is neither voice nor fax must stay
//! [`Class::None`], whatever its subject or text says, so that a claim (`(Voice 2.0)`,
//! `Message-Context`) counts only together with contents, and an audio, TIFF or PDF attachment only
//! together with the marks of a PBX, a fax server or a scanner.
//!
//! Standards: RFC 3801 4.2.10 and 4.4.1, RFC 1911 14, RFC 4239 3, RFC 3965, RFC 3458. Limits: those
//! of the message core; one pass over the entities and the fields of the message header.

use super::survey::file_name;
use crate::message::structured::parameterized;
use crate::message::value;
use crate::message::{Content, ContentType, DefectKind, Entity, Message};

/// The class of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Class {
    /// VPIM version 2 (RFC 3801).
    Vpim2,
    /// VPIM version 2 in the older reading (RFC 2421); only on request.
    Vpim2Rfc2421,
    /// VPIM version 1 (RFC 1911).
    Vpim1,
    /// Internet voice messaging, VPIM version 3 (RFC 4239).
    Ivm,
    /// Internet fax (RFC 3965, RFC 2532).
    Fax,
    /// Voice or fax of no profile: voice mail of a PBX, scan-to-mail.
    VoiceOther,
    /// Neither voice nor fax.
    None,
}

impl Class {
    /// The name in reports and on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Class::Vpim2 => "vpim2",
            Class::Vpim2Rfc2421 => "vpim2-rfc2421",
            Class::Vpim1 => "vpim1",
            Class::Ivm => "ivm",
            Class::Fax => "fax",
            Class::VoiceOther => "voice-other",
            Class::None => "none",
        }
    }

    /// All classes.
    pub const ALL: [Class; 7] = [
        Class::Vpim2,
        Class::Vpim2Rfc2421,
        Class::Vpim1,
        Class::Ivm,
        Class::Fax,
        Class::VoiceOther,
        Class::None,
    ];

    /// The class called `name`.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|c| c.name() == name)
    }
}

/// Decides the class of a message.
pub fn classify(message: &Message<'_>) -> Class {
    decide(&Signs::of(message)).class
}

/// Why a message has its class: the test that decided, then the marks that were found.
pub fn evidence(message: &Message<'_>) -> Vec<String> {
    let signs = Signs::of(message);
    let test = decide(&signs);
    let mut out = vec![test.why.to_owned()];
    out.extend(signs.marks());
    out
}

/// One test of the table.
struct Test {
    class: Class,
    why: &'static str,
    holds: fn(&Signs) -> bool,
}

/// In order; the first that holds decides. The last always does.
static TESTS: [Test; 13] = [
    Test {
        class: Class::Vpim2,
        why: "a report (RFC 3801 4.6, 4.7) that is spoken or returns a voice message",
        // Music in a returned message makes no voice mail of the report.
        holds: |s| {
            let returned = s.container.is_some() || s.marked_audio || s.telephone_codec;
            s.report && (s.spoken || returned || s.claim == Some(Claim::Version2))
        },
    },
    Test { class: Class::None, why: "a report that has nothing to do with voice", holds: |s| s.report },
    Test {
        class: Class::Vpim1,
        why: "multipart/voice-message without version, parts without voice parameter (RFC 1911 14)",
        holds: |s| s.container == Some(Container::Version1),
    },
    Test {
        class: Class::Vpim2,
        why: "multipart/voice-message (RFC 3801 4.4.1)",
        holds: |s| s.container.is_some(),
    },
    Test {
        class: Class::Vpim1,
        why: "audio in a message that claims Voice 1.0 (RFC 1911 4.3)",
        holds: |s| s.claim == Some(Claim::Version1) && s.audio > 0,
    },
    Test {
        class: Class::Vpim2,
        why: "audio, fax or unreadable contents in a message that claims Voice 2.0 (RFC 3801 4.2.10)",
        holds: |s| s.claim == Some(Claim::Version2) && (s.audio > 0 || s.tiff > 0 || s.unreadable),
    },
    Test {
        class: Class::Ivm,
        why: "audio in a message with Message-Context: voice-message (RFC 4239 3)",
        holds: |s| s.context == "voice-message" && s.audio > 0,
    },
    Test {
        class: Class::Ivm,
        why: "audio with a voice, handling or criticality parameter (RFC 4239 3 and 7)",
        holds: |s| s.marked_audio,
    },
    Test {
        class: Class::Fax,
        why: "a message that is nothing but image/tiff (RFC 3965 2.2.3)",
        holds: |s| s.tiff > 0 && s.audio == 0 && s.tiff == s.leaves,
    },
    Test {
        class: Class::Fax,
        why: "image/tiff with marks of Internet fax (RFC 3965 2.2.3 and 3.3)",
        holds: |s| s.tiff > 0 && s.audio == 0 && s.fax_profile,
    },
    Test {
        class: Class::VoiceOther,
        why: "audio of a telephone system that claims no profile",
        holds: |s| s.audio > 0 && (s.telephone_codec || weight(&s.voice) >= 2),
    },
    Test {
        class: Class::VoiceOther,
        why: "a document of a fax server or scanner that claims no profile",
        holds: |s| s.tiff + s.pdf > 0 && weight(&s.fax) >= 2,
    },
    Test { class: Class::None, why: "nothing of voice or fax mail", holds: |_| true },
];

fn decide(signs: &Signs) -> &'static Test {
    let [.., last] = &TESTS;
    TESTS.iter().find(|t| (t.holds)(signs)).unwrap_or(last)
}

/// What the comment of `MIME-Version` claims.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Claim {
    Version1,
    Version2,
}

/// What a multipart/voice-message is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Container {
    Version1,
    Version2,
}

/// A mark of a system that sends voice or fax in its own way: strong (2) or weak (1).
struct Mark {
    weight: u32,
    what: String,
}

fn weight(marks: &[Mark]) -> u32 {
    marks.iter().map(|m| m.weight).sum()
}

/// What the tests look at.
struct Signs {
    report: bool,
    container: Option<Container>,
    claim: Option<Claim>,
    context: String,
    /// Leaves, signatures not counted.
    leaves: usize,
    audio: usize,
    /// Audio outside of embedded messages.
    spoken: bool,
    tiff: usize,
    pdf: usize,
    marked_audio: bool,
    telephone_codec: bool,
    fax_profile: bool,
    unreadable: bool,
    voice: Vec<Mark>,
    fax: Vec<Mark>,
}

impl Signs {
    fn of(message: &Message<'_>) -> Self {
        let root = message.root();
        let text = |name| message.value(root, name).map(value::unfolded).unwrap_or_default();
        let mut signs = Signs {
            report: root.content_type.is("multipart/report"),
            container: None,
            claim: message.value(root, "MIME-Version").and_then(claim),
            context: text("Message-Context").to_ascii_lowercase(),
            leaves: 0,
            audio: 0,
            spoken: false,
            tiff: 0,
            pdf: 0,
            marked_audio: false,
            telephone_codec: false,
            fax_profile: root.content_type.is("multipart/fax-message"),
            unreadable: !root.type_declared
                || message.defects().iter().any(|d| d.kind == DefectKind::TooDeep),
            voice: Vec::new(),
            fax: Vec::new(),
        };
        for (id, entity) in message.entities() {
            let before = signs.audio;
            signs.entity(message, entity);
            let embedded =
                || message.lineage(id).skip(1).any(|e| matches!(e.content, Content::Message { .. }));
            signs.spoken |= signs.audio > before && !embedded();
        }
        signs.fax_profile |=
            signs.context == "fax-message" || ["From", "To"].into_iter().any(|n| is_fax_address(&text(n)));
        if signs.audio + signs.tiff + signs.pdf > 0 {
            signs.header(message);
        }
        signs
    }

    fn entity(&mut self, message: &Message<'_>, entity: &Entity) {
        let ct = &entity.content_type;
        if ct.is("multipart/voice-message") && self.container.is_none() {
            self.container = Some(container(message, entity, self.claim));
        }
        if !entity.is_leaf()
            || matches!(ct.sub.as_str(), "pkcs7-signature" | "x-pkcs7-signature" | "pgp-signature")
        {
            return;
        }
        self.leaves += 1;
        let name = file_name(entity).unwrap_or_default().to_ascii_lowercase();
        match media_of(ct, &name) {
            Some(Media::Audio) => {
                self.audio += 1;
                let parameters = entity.disposition.as_ref().map(|d| &d.parameters);
                let marked = |n| parameters.is_some_and(|p| p.value(n).is_some());
                self.marked_audio |= ["voice", "handling", "criticality"].into_iter().any(marked);
                self.telephone_codec |= matches!(ct.sub.as_str(), "32kadpcm" | "vnd.wave" | "g726-32");
                if is_voice_file(&name) {
                    self.voice.push(Mark { weight: 1, what: format!("file name {name:?}") });
                }
            }
            Some(Media::Tiff) => {
                self.tiff += 1;
                self.fax_profile |= ct
                    .parameters
                    .value("application")
                    .is_some_and(|a| a.to_ascii_lowercase().starts_with("fax"));
            }
            Some(Media::Pdf) => self.pdf += 1,
            None => return,
        }
        if is_fax_file(&name) {
            self.fax.push(Mark { weight: 1, what: format!("file name {name:?}") });
        }
        let description =
            message.value(entity, "Content-Description").map(value::unfolded).unwrap_or_default();
        let description = description.to_ascii_lowercase();
        if description.contains("voicemail") || description.contains("voice mail") {
            self.voice.push(Mark { weight: 1, what: "Content-Description".into() });
        } else if description.split(|c: char| !c.is_ascii_alphanumeric()).any(|w| w == "fax") {
            self.fax.push(Mark { weight: 1, what: "Content-Description".into() });
        }
    }

    /// Marks in the fields of the message header.
    fn header(&mut self, message: &Message<'_>) {
        for field in &message.root().header.fields {
            let name = String::from_utf8_lossy(field.name.of(message.raw())).to_ascii_lowercase();
            let strong = |what: &str| Mark { weight: 2, what: format!("header field {what}") };
            if VOICE_FIELDS.iter().any(|p| name.starts_with(p)) {
                self.voice.push(strong(&name));
            } else if FAX_FIELDS.iter().any(|p| name.starts_with(p)) {
                self.fax.push(strong(&name));
            } else if MARKED_FIELDS.contains(&name.as_str()) {
                let text = value::text(field.value.of(message.raw())).to_ascii_lowercase();
                self.marked_field(&name, &text);
            }
        }
    }

    fn marked_field(&mut self, name: &str, text: &str) {
        let any = |words: &[&str]| words.iter().any(|w| text.contains(w));
        let mark = |weight| Mark {
            weight,
            what: format!("header field {name}: {}", text.chars().take(60).collect::<String>()),
        };
        match name {
            "content-class" if any(&["voice"]) => self.voice.push(mark(2)),
            "content-class" if any(&["fax"]) => self.fax.push(mark(2)),
            "message-id" if text.starts_with("<asterisk-") => self.voice.push(mark(2)),
            "x-mailer" | "user-agent" if any(&["asterisk", "freeswitch", "freepbx", "voicemail", "3cx"]) => {
                self.voice.push(mark(2))
            }
            "x-mailer" | "user-agent" if any(&["fax", "scanner", "scan to"]) => self.fax.push(mark(2)),
            "subject" if any(&["voicemail", "voice mail", "voice message", "in mailbox"]) => {
                self.voice.push(mark(1))
            }
            "subject"
                if any(&[
                    "fax received",
                    "fax from",
                    "received fax",
                    "new fax",
                    "incoming fax",
                    "fax message",
                    "scan from",
                    "scanned from",
                    "scanned image",
                    "scanned document",
                    "message from km",
                ]) =>
            {
                self.fax.push(mark(1))
            }
            "from" if any(&["voicemail", "voice-mail", "voice mail", "asterisk", "unity@", "answering"]) => {
                self.voice.push(mark(1))
            }
            "from" if any(&["hylafax"]) => self.fax.push(mark(2)),
            "from" if any(&["fax@", "faxserver", "fax-", "scanner", "scan@", "copier", "mfp@", "xerox@"]) => {
                self.fax.push(mark(1))
            }
            _ => {}
        }
    }

    fn marks(&self) -> Vec<String> {
        let mut out = Vec::new();
        match self.claim {
            Some(Claim::Version1) => out.push("MIME-Version claims Voice 1.0".to_owned()),
            Some(Claim::Version2) => out.push("MIME-Version claims Voice 2.0".to_owned()),
            None => {}
        }
        if !self.context.is_empty() {
            out.push(format!("Message-Context: {}", self.context));
        }
        for (count, what) in [(self.audio, "audio"), (self.tiff, "image/tiff"), (self.pdf, "application/pdf")]
        {
            if count > 0 {
                out.push(format!("{count} {what} part{}", if count == 1 { "" } else { "s" }));
            }
        }
        out.extend(self.voice.iter().chain(&self.fax).map(|m| m.what.clone()));
        out
    }
}

/// Fields that only telephone systems write; names begin so.
const VOICE_FIELDS: [&str; 7] = [
    "x-asterisk",
    "x-voicemail",
    "x-voicemessage",
    "x-callingtelephonenumber",
    "x-freeswitch",
    "x-cisco-unity",
    "x-vpim",
];

/// Fields that only fax servers write; names begin so. (`X-FaxNumberOfPages` is in Exchange's voice
/// mail too, with 0.)
const FAX_FIELDS: [&str; 4] = ["x-hylafax", "x-fax-", "x-faxserver", "x-faxreceived"];

/// Fields whose value tells the sender.
const MARKED_FIELDS: [&str; 6] = ["content-class", "message-id", "x-mailer", "user-agent", "subject", "from"];

#[derive(Clone, Copy)]
enum Media {
    Audio,
    Tiff,
    Pdf,
}

/// `name` in lower case; it speaks where the type says nothing.
fn media_of(ct: &ContentType, name: &str) -> Option<Media> {
    let extension = name.rsplit_once('.').map_or("", |(_, e)| e);
    match (ct.main.as_str(), ct.sub.as_str()) {
        ("audio", _) => Some(Media::Audio),
        ("image", "tiff" | "tiff-fx") => Some(Media::Tiff),
        ("application", "pdf" | "x-pdf") => Some(Media::Pdf),
        ("application", "octet-stream" | "x-octet-stream") => match extension {
            "wav" | "726" | "adpcm" | "au" | "snd" | "amr" | "gsm" | "mp3" | "ogg" | "opus" => {
                Some(Media::Audio)
            }
            "tif" | "tiff" => Some(Media::Tiff),
            "pdf" => Some(Media::Pdf),
            _ => None,
        },
        _ => None,
    }
}

/// `msg0003.wav` (Asterisk), `msg_5a1c931a.wav` (FreeSWITCH), `voicemail.mp3`, `vm.amr`... in lower case.
fn is_voice_file(name: &str) -> bool {
    let stem = name.rsplit_once('.').map_or(name, |(s, _)| s);
    let numbered = |prefix: &str| {
        stem.strip_prefix(prefix)
            .is_some_and(|n| n.len() >= 4 && n.bytes().all(|c| c.is_ascii_hexdigit() || c == b'-'))
    };
    stem == "vm"
        || stem.starts_with("vm-")
        || stem.starts_with("vm_")
        || numbered("msg")
        || numbered("msg_")
        || ["voicemail", "voice mail", "voicemessage", "voice message", "voice_message", "voice-message"]
            .iter()
            .any(|w| stem.contains(w))
}

/// `fax00008.pdf`, `scan0001.tif`... in lower case.
fn is_fax_file(name: &str) -> bool {
    let follows = |prefix: &str| {
        name.strip_prefix(prefix).is_some_and(|rest| !rest.starts_with(|c: char| c.is_ascii_alphabetic()))
    };
    follows("fax") || follows("scan") || name.contains("_fax") || name.contains("-fax")
}

/// `FAX=+1...@gateway` (RFC 3192 2) in a From or To field.
fn is_fax_address(text: &str) -> bool {
    let lower = text.to_ascii_lowercase();
    lower.match_indices("fax=").any(|(at, _)| {
        let before = lower.get(..at).and_then(|b| b.chars().next_back());
        before.is_none_or(|c| matches!(c, '<' | ' ' | '/' | '"' | ','))
    })
}

/// What a `MIME-Version` value claims: `voice 1.0`, `Voice 2.0`, also `Voice Version 2.0`.
fn claim(field: &[u8]) -> Option<Claim> {
    parameterized(field).comments.iter().find_map(|comment| {
        let lower = comment.to_ascii_lowercase();
        let (_, rest) = lower.split_once("voice")?;
        let version = rest.trim_start().trim_start_matches("version").trim_start();
        match version.chars().next() {
            Some('1') => Some(Claim::Version1),
            Some('2'..='9') => Some(Claim::Version2),
            _ => None,
        }
    })
}

/// RFC 1911 14: no version. A container of RFC 3801 whose sender forgot the version, or wrote
/// another one, shows by the `voice` parameters or the claim of the message.
fn container(message: &Message<'_>, entity: &Entity, claim: Option<Claim>) -> Container {
    let version = entity.content_type.parameters.value("version").unwrap_or_default().trim();
    let says_1 = version.is_empty() || version == "1" || version.starts_with("1.");
    let has_voice =
        |e: &Entity| e.disposition.as_ref().is_some_and(|d| d.parameters.value("voice").is_some());
    let voice = entity.children().iter().filter_map(|c| message.entity(*c)).any(has_voice);
    if says_1 && !voice && claim != Some(Claim::Version2) { Container::Version1 } else { Container::Version2 }
}

/// True where a message with this top header may be voice or fax mail, so that its body is needed.
/// `header` is the header up to and including its empty line. Runs for every mail: one pass over the
/// lines, and only `Content-Type` and the comment of `MIME-Version` are read closer.
pub fn may_be_ours(header: &[u8]) -> bool {
    let mut typed = false;
    let mut at = 0;
    while let Some((name, value, next)) = next_field(header, at) {
        at = next;
        if name.eq_ignore_ascii_case(b"Content-Type") {
            typed = true;
            if type_wants_body(value, header) {
                return true;
            }
        } else if (name.eq_ignore_ascii_case(b"MIME-Version") && claim(value).is_some())
            || (name.eq_ignore_ascii_case(b"Message-Context")
                && (contains(value, b"voice-message") || contains(value, b"fax-message")))
        {
            return true;
        }
    }
    // An octet-stream without a parameter may be named by its disposition.
    typed && contains(header, b"octet-stream") && contains(header, b"filename")
}

fn type_wants_body(value: &[u8], header: &[u8]) -> bool {
    let Some(ct) = ContentType::parse(value) else { return false };
    match (ct.main.as_str(), ct.sub.as_str()) {
        ("multipart" | "audio", _)
        | ("message", "rfc822" | "global" | "news")
        | ("image", "tiff" | "tiff-fx") => true,
        ("application", "pdf" | "x-pdf") => contains(header, b"fax") || contains(header, b"scan"),
        ("application", "octet-stream" | "x-octet-stream") => ct.parameters.value("name").is_some(),
        _ => false,
    }
}

/// The field at `at`: name, value with folds, offset of the next line.
fn next_field(header: &[u8], at: usize) -> Option<(&[u8], &[u8], usize)> {
    let rest = header.get(at..).filter(|r| !r.is_empty())?;
    let mut end = 0;
    for lf in memchr::memchr_iter(b'\n', rest) {
        end = lf + 1;
        if !matches!(rest.get(end), Some(b' ' | b'\t')) {
            break;
        }
    }
    if end == 0 {
        end = rest.len();
    }
    let line = rest.get(..end)?;
    let colon = memchr::memchr(b':', line).unwrap_or(0);
    Some((line.get(..colon)?.trim_ascii(), line.get(colon + 1..).unwrap_or_default(), at + end))
}

fn contains(haystack: &[u8], needle: &[u8]) -> bool {
    haystack.windows(needle.len()).any(|w| w.eq_ignore_ascii_case(needle))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limits::Limits;

    fn class_of(raw: &str) -> Class {
        classify(&Message::parse(raw.replace('\n', "\r\n").as_bytes(), &Limits::default()))
    }

    #[test]
    fn a_container_without_version_is_version_2_where_its_parts_speak_version_2() {
        let part = "--b\nContent-Type: audio/32KADPCM\nContent-Disposition: inline; voice=Voice-Message\n\nx\n--b--\n";
        let plain = part.replace("Content-Disposition: inline; voice=Voice-Message\n", "");
        let top = |mime: &str, version: &str| {
            format!(
                "MIME-Version: 1.0 {mime}\nContent-Type: multipart/voice-message{version}; boundary=b\n\n"
            )
        };
        assert_eq!(class_of(&(top("(Voice 2.0)", "; version=2.0") + part)), Class::Vpim2);
        assert_eq!(class_of(&(top("", "") + part)), Class::Vpim2);
        assert_eq!(class_of(&(top("", "; version=1.0") + part)), Class::Vpim2);
        assert_eq!(class_of(&(top("(Voice 1.0)", "") + &plain)), Class::Vpim1);
        for (comment, class) in [
            ("(Voice Version 2.0)", Class::Vpim2),
            ("(voice  2.0)", Class::Vpim2),
            ("(VOICE\n 2.0)", Class::Vpim2),
            ("(Mailer 7) (Voice 2.0)", Class::Vpim2),
            ("(VPIM Voice 2.0 x)", Class::Vpim2),
            ("(Voice Version 1.0)", Class::Vpim1),
            ("(Voice)", Class::Vpim1),
            ("", Class::Vpim1),
        ] {
            assert_eq!(class_of(&(top(comment, "") + &plain)), class, "{comment}");
        }
    }

    #[test]
    fn claims_without_contents_are_not_voice_mail() {
        assert_eq!(class_of("MIME-Version: 1.0 (Voice 2.0)\nContent-Type: text/plain\n\nx\n"), Class::None);
        assert_eq!(class_of("Message-Context: voice-message\nContent-Type: text/plain\n\nx\n"), Class::None);
        assert_eq!(class_of("Subject: Voicemail\nContent-Type: text/plain\n\nvm.wav\n"), Class::None);
    }

    #[test]
    fn attachments_of_people_are_not_voice_or_fax_mail() {
        let mail = |subject: &str, kind: &str, name: &str| {
            class_of(&format!(
                "From: Jane <jane@example.org>\nSubject: {subject}\nContent-Type: multipart/mixed; boundary=b\n\n--b\n\nHello\n--b\nContent-Type: {kind}; name=\"{name}\"\n\nx\n--b--\n"
            ))
        };
        assert_eq!(mail("New song", "audio/mpeg", "song.mp3"), Class::None);
        assert_eq!(mail("Voice message of the bishop", "audio/mpeg", "sermon.mp3"), Class::None);
        assert_eq!(mail("Holiday", "image/tiff", "beach.tif"), Class::None);
        assert_eq!(mail("Please fax this", "application/pdf", "contract.pdf"), Class::None);
        assert_eq!(mail("The invoice", "application/pdf", "scan0001.pdf"), Class::None);
        assert_eq!(mail("New voicemail", "audio/x-wav", "msg0003.wav"), Class::VoiceOther);
        assert_eq!(mail("Scan from the copier", "application/pdf", "scan0001.pdf"), Class::VoiceOther);
    }

    #[test]
    fn a_report_is_voice_mail_where_it_speaks_or_returns_voice_mail() {
        let report = |first: &str, returned: &str| {
            class_of(&format!(
                "MIME-Version: 1.0\nContent-Type: multipart/report; report-type=delivery-status; boundary=r\n\n--r\n{first}\n\nx\n--r\nContent-Type: message/delivery-status\n\nReporting-MTA: dns; a.test\n\n--r\nContent-Type: message/rfc822\n\nFrom: a@b.test\nMIME-Version: 1.0\n{returned}\n--r--\n"
            ))
        };
        let song = "Content-Type: audio/mpeg; name=song.mp3\n\nx";
        let voice = "Content-Type: multipart/voice-message; boundary=v; version=2.0\n\n--v\nContent-Type: audio/32KADPCM\n\nx\n--v--";
        let marked = "Content-Type: audio/basic\nContent-Disposition: inline; voice=Voice-Message\n\nx";
        assert_eq!(report("Content-Type: text/plain", song), Class::None);
        assert_eq!(report("Content-Type: text/plain", voice), Class::Vpim2);
        assert_eq!(report("Content-Type: text/plain", marked), Class::Vpim2);
        assert_eq!(report("Content-Type: audio/basic", "Content-Type: text/plain\n\nx"), Class::Vpim2);
    }

    #[test]
    fn the_header_alone_says_whether_the_body_is_needed() {
        let wanted = |h: &str| may_be_ours(h.as_bytes());
        for header in [
            "Subject: x\r\nContent-Type: multipart/mixed;\r\n\tboundary=b\r\n\r\n",
            "content-type : Audio / 32KADPCM\n\n",
            "Content-Type: image/tiff\r\n\r\n",
            "Content-Type: application/octet-stream; name=a.wav\r\n\r\n",
            "Content-Type: application/octet-stream\r\nContent-Disposition: x; filename=a\r\n\r\n",
            "Content-Type: application/pdf; name=fax1.pdf\r\n\r\n",
            "MIME-Version: 1.0 (Voice 2.0)\r\n\r\n",
            "Message-Context: fax-message\r\n",
        ] {
            assert!(wanted(header), "{header}");
        }
        for header in [
            "",
            "\r\n",
            "Subject: multipart/mixed\r\n\r\n",
            "Content-Type: text/plain; name=multipart/mixed\r\n\r\n",
            "Content-Type: text/html\r\nMIME-Version: 1.0\r\n\r\n",
            "Content-Type: application/pdf; name=bill.pdf\r\n\r\n",
            "Content-Type: application/pkcs7-mime\r\n\r\n",
            "no colon\r\n",
        ] {
            assert!(!wanted(header), "{header}");
        }
    }

    #[test]
    fn evidence_names_the_test_and_the_marks() {
        let raw = "MIME-Version: 1.0 (Voice 2.0)\r\nContent-Type: audio/32KADPCM\r\n\r\nx";
        let why = evidence(&Message::parse(raw.as_bytes(), &Limits::default()));
        assert!(why[0].contains("Voice 2.0"), "{why:?}");
        assert!(why.contains(&"1 audio part".to_owned()), "{why:?}");
    }
}
