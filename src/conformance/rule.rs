//! What a rule is, and how rules are run.

use crate::limits::Limits;
use crate::message::edit::EditList;
use crate::message::transfer::{Encoding, decode, encode_base64};
use crate::message::{EntityId, Field, Message};
use crate::vpim::class::classify;
use crate::vpim::directory::{self, Answer};
use crate::vpim::{Class, Envelope, Survey, Target};

/// Findings of one rule on one message; more say nothing new, and hostile mail could make thousands.
const MAX_FINDINGS_PER_RULE: usize = 16;

/// RFC 2119 level of a requirement.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[allow(missing_docs)]
pub enum Level {
    Must,
    MustNot,
    Should,
    ShouldNot,
    May,
}

impl Level {
    /// As RFC 2119 spells it.
    pub fn name(self) -> &'static str {
        match self {
            Level::Must => "MUST",
            Level::MustNot => "MUST NOT",
            Level::Should => "SHOULD",
            Level::ShouldNot => "SHOULD NOT",
            Level::May => "MAY",
        }
    }

    /// MUST or MUST NOT.
    pub fn is_must(self) -> bool {
        matches!(self, Level::Must | Level::MustNot)
    }

    /// SHOULD or SHOULD NOT.
    pub fn is_should(self) -> bool {
        matches!(self, Level::Should | Level::ShouldNot)
    }
}

/// One requirement of a standard.
pub struct Rule {
    /// Stable identifier; never changes its meaning.
    pub id: &'static str,
    /// Level.
    pub level: Level,
    /// Number of the RFC.
    pub rfc: u16,
    /// Its section.
    pub section: &'static str,
    /// The requirement in one sentence.
    pub text: &'static str,
    /// What the sender's administrator can do about it.
    pub remedy: &'static str,
    /// The classes of message it is checked for.
    pub classes: &'static [Class],
    /// Looks for violations.
    pub check: fn(&Survey<'_>, &mut Findings<'_>),
    /// The smallest edits that cure it, where there are any.
    pub repair: Option<fn(&Survey<'_>, &mut EditList)>,
    /// Messages that show it.
    pub samples: Samples,
}

impl Rule {
    /// True where a message that breaks it can be repaired, by edits or by writing the body anew.
    pub fn repairable(&self) -> bool {
        self.repair.is_some() || super::rewrites::find(self).is_some()
    }
}

/// A message that keeps a rule and one that breaks it.
#[derive(Clone, Copy)]
pub struct Samples {
    /// Gives no finding of the rule.
    pub good: Sample,
    /// Gives one.
    pub bad: Sample,
}

impl Samples {
    /// `good`, and as bad message the same with some texts replaced.
    pub const fn changed(good: Sample, changes: &'static [(&'static str, &'static str)]) -> Self {
        Samples { good, bad: good.with(changes) }
    }

    /// `good`, and as bad message the same with its TIFF file changed.
    pub const fn edited(good: Sample, tiff: fn(&mut Vec<u8>)) -> Self {
        Samples { good, bad: good.edited(tiff) }
    }
}

/// A sample message and its envelope.
#[derive(Clone, Copy)]
pub struct Sample {
    /// The message, with LF line ends.
    pub text: &'static str,
    /// Texts of it to replace, each of which occurs: (old, new).
    pub changes: &'static [(&'static str, &'static str)],
    /// Reverse-path; `None` for unknown.
    pub mail_from: Option<&'static str>,
    /// Forward-paths.
    pub rcpt_to: &'static [&'static str],
    /// The class to judge it as, where not as found.
    pub class: Option<Class>,
    /// What is known of the recipients' system, where something is.
    pub target: Option<fn() -> Target>,
    /// A change to its first TIFF file.
    pub tiff: Option<fn(&mut Vec<u8>)>,
    /// What else the SMTP session told.
    pub session: Option<fn(Envelope) -> Envelope>,
    /// What a directory answers, as [`crate::vpim::directory::read`] takes it.
    pub directory: &'static str,
    /// Address of the client.
    pub client: Option<&'static str>,
    /// Parameters of MAIL.
    pub mail_parameters: &'static [&'static str],
    /// Parameters of RCPT, for the first forward-path.
    pub rcpt_parameters: &'static [&'static str],
}

impl Sample {
    /// The message `text`.
    pub const fn of(text: &'static str) -> Self {
        Sample {
            text,
            changes: &[],
            mail_from: None,
            rcpt_to: &[],
            class: None,
            target: None,
            tiff: None,
            session: None,
            directory: "",
            client: None,
            mail_parameters: &[],
            rcpt_parameters: &[],
        }
    }

    /// The same with other changes.
    pub const fn with(self, changes: &'static [(&'static str, &'static str)]) -> Self {
        Sample { changes, ..self }
    }

    /// The same from `path`.
    pub const fn from(self, path: &'static str) -> Self {
        Sample { mail_from: Some(path), ..self }
    }

    /// The same to `paths`.
    pub const fn to(self, paths: &'static [&'static str]) -> Self {
        Sample { rcpt_to: paths, ..self }
    }

    /// The same for a system like `target`.
    pub const fn towards(self, target: fn() -> Target) -> Self {
        Sample { target: Some(target), ..self }
    }

    /// The same with its first TIFF file changed.
    pub const fn edited(self, tiff: fn(&mut Vec<u8>)) -> Self {
        Sample { tiff: Some(tiff), ..self }
    }

    /// Applies `edit` to the base64 of the first TIFF file in `text`.
    fn edit_tiff(text: &mut String, edit: fn(&mut Vec<u8>)) {
        let Some(start) = text.find("\n\nSUkq").map(|at| at + 2) else { return };
        let end = text[start..].find("\n--").map_or(text.len(), |at| start + at);
        let mut tiff = decode(&Encoding::Base64, &text.as_bytes()[start..end]).bytes.into_owned();
        edit(&mut tiff);
        let base64 = encode_base64(&tiff, "\n");
        text.replace_range(start..end, String::from_utf8_lossy(&base64).trim_end());
    }

    /// The same in a session of which `session` tells more.
    pub const fn in_session(self, session: fn(Envelope) -> Envelope) -> Self {
        Sample { session: Some(session), ..self }
    }

    /// The same with what a directory answers.
    pub const fn knowing(self, directory: &'static str) -> Self {
        Sample { directory, ..self }
    }

    /// The same from the client at `address`.
    pub const fn client(self, address: &'static str) -> Self {
        Sample { client: Some(address), ..self }
    }

    /// The same with parameters of MAIL.
    pub const fn mail(self, mail_parameters: &'static [&'static str]) -> Self {
        Sample { mail_parameters, ..self }
    }

    /// The same with parameters of RCPT.
    pub const fn rcpt(self, rcpt_parameters: &'static [&'static str]) -> Self {
        Sample { rcpt_parameters, ..self }
    }

    /// The octets: LF becomes CRLF. Four symbols stand for what a table should not hold: U+2424 a
    /// bare LF, U+2425 base64 of 21 seconds of silence, U+2426 a long line, U+2427 a hundred nested
    /// multiparts.
    pub fn octets(&self) -> Vec<u8> {
        let mut text = self.text.to_owned();
        for (old, new) in self.changes {
            text = text.replacen(old, new, 1);
        }
        if let Some(edit) = self.tiff {
            Self::edit_tiff(&mut text, edit);
        }
        let mut out = Vec::with_capacity(text.len() + text.len() / 32);
        for c in text.chars() {
            match c {
                '\n' => out.extend_from_slice(b"\r\n"),
                '\u{2424}' => out.push(b'\n'),
                '\u{2425}' => out.extend(["/".repeat(76).as_str(); 1_480].join("\r\n").bytes()),
                '\u{2426}' => out.extend(["/"; 1_200].concat().bytes()),
                '\u{2427}' => {
                    let part = "--b1\r\nContent-Type: multipart/mixed; boundary=b1\r\n\r\n";
                    out.extend([part; 100].concat().bytes());
                }
                c => out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes()),
            }
        }
        out
    }

    /// What a directory answers; U+2425 stands for base64 as in the message, without line ends.
    ///
    /// # Errors
    ///
    /// The text is neither LDIF nor a zone.
    pub fn answers(&self) -> Result<Vec<Answer>, directory::Unreadable> {
        directory::read(&self.directory.replace('\u{2425}', &"/".repeat(112_480)))
    }

    /// True where octets, paths and a profile asked for tell everything: what `check` can be told of a
    /// message.
    pub fn is_offline(&self) -> bool {
        let nothing_else = self.target.is_none()
            && self.session.is_none()
            && self.client.is_none()
            && self.directory.is_empty()
            && self.mail_parameters.is_empty()
            && self.rcpt_parameters.is_empty();
        // A profile asked for does not make ordinary mail voice mail.
        nothing_else && classify(&Message::parse(&self.octets(), &Limits::default())) != Class::None
    }

    /// The envelope.
    pub fn envelope(&self) -> Envelope {
        let envelope = Envelope {
            client: self.client.and_then(|a| a.parse().ok()),
            mail_from: self.mail_from.map(str::to_owned),
            rcpt_to: self.rcpt_to.iter().map(|r| (*r).to_owned()).collect(),
            mail_parameters: self.mail_parameters.iter().map(|p| (*p).to_owned()).collect(),
            rcpt_parameters: match self.rcpt_parameters {
                [] => Vec::new(),
                given => vec![given.iter().map(|p| (*p).to_owned()).collect()],
            },
            ..Envelope::default()
        };
        match self.session {
            Some(session) => session(envelope),
            None => envelope,
        }
    }
}

/// A violation.
#[derive(Clone)]
pub struct Finding {
    /// The rule broken.
    pub rule: &'static Rule,
    /// What was seen.
    pub message: String,
    /// Part number; `None` for the message as a whole or its envelope.
    pub part: Option<String>,
    /// Name of the header field concerned.
    pub header: Option<String>,
    /// Offset in the message; `None` for the envelope.
    pub at: Option<usize>,
    /// Line in the message, from 1; `None` for the envelope.
    pub line: Option<usize>,
}

/// Collects the findings of one rule.
pub struct Findings<'a> {
    rule: &'static Rule,
    survey: &'a Survey<'a>,
    out: &'a mut Vec<Finding>,
    count: usize,
}

impl Findings<'_> {
    /// The rule in work.
    pub fn rule(&self) -> &'static Rule {
        self.rule
    }

    /// A finding on an entity as a whole, at the start of its header.
    pub fn entity(&mut self, id: EntityId, message: impl Into<String>) {
        let at = self.survey.message.entity(id).map(|e| e.header.span.start);
        let part = self.survey.message.part_number(id);
        self.push(part, None, at, message.into());
    }

    /// A finding on a field.
    pub fn field(&mut self, id: EntityId, field: &Field, message: impl Into<String>) {
        let name = String::from_utf8_lossy(field.name.of(self.survey.message.raw())).into_owned();
        self.push(self.header_of(id), Some(name), Some(field.span.start), message.into());
    }

    /// A finding on a field that is missing.
    pub fn missing(&mut self, id: EntityId, name: &str, message: impl Into<String>) {
        let at = self.survey.message.entity(id).map(|e| e.header.span.start);
        self.push(self.header_of(id), Some(name.to_owned()), at, message.into());
    }

    /// A finding on the envelope.
    pub fn envelope(&mut self, message: impl Into<String>) {
        self.push(None, None, None, message.into());
    }

    /// A finding at an offset of the message.
    pub fn offset(&mut self, id: EntityId, at: usize, message: impl Into<String>) {
        let part = self.survey.message.part_number(id);
        self.push(part, None, Some(at), message.into());
    }

    /// The part whose header a finding is in: the message's own header belongs to no part.
    fn header_of(&self, id: EntityId) -> Option<String> {
        let entity = self.survey.message.entity(id)?;
        entity.parent.and_then(|_| self.survey.message.part_number(id))
    }

    fn push(&mut self, part: Option<String>, header: Option<String>, at: Option<usize>, message: String) {
        self.count += 1;
        if self.count <= MAX_FINDINGS_PER_RULE {
            self.out.push(Finding { rule: self.rule, message, part, header, at, line: None });
        }
    }
}

/// Runs the rules that apply to the class of the message.
pub fn run(rules: impl Iterator<Item = &'static Rule>, survey: &Survey<'_>) -> Vec<Finding> {
    let mut out = Vec::new();
    for rule in rules.filter(|r| r.classes.contains(&survey.class)) {
        (rule.check)(survey, &mut Findings { rule, survey, out: &mut out, count: 0 });
    }
    out.sort_by_key(|f| f.at);
    number_lines(survey.message.raw(), &mut out);
    out
}

/// Line numbers of findings in order of their offsets, in one pass over the message.
fn number_lines(raw: &[u8], findings: &mut [Finding]) {
    let (mut at, mut line) = (0, 1);
    for finding in findings {
        let Some(offset) = finding.at else { continue };
        let offset = offset.min(raw.len());
        line += memchr::memchr_iter(b'\n', raw.get(at..offset).unwrap_or_default()).count();
        at = at.max(offset);
        finding.line = Some(line);
    }
}
