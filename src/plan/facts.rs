//! What a person wants to know of a voice or fax message before opening it: who called, which number,
//! when, how long. Read once from the survey; summaries, subjects, file names and header fields are
//! made of it by templates.
//!
//! Everything here comes from strangers: texts are one line each, without control characters and
//! marks that turn the direction of writing, and bounded.

use super::{choice, convert, fields, template};
use crate::message::Message;
use crate::message::value::{self, Date, Mailbox};
use crate::vpim::envelope::bare_path;
use crate::vpim::numeric::Numeric;
use crate::vpim::{Survey, VoiceKind};

/// Characters of a text.
const CHARS: usize = 200;
/// Header fields that name the caller's number: Exchange unified messaging (MS-OXOUM).
const NUMBER_FIELDS: &[&str] = &["X-CallingTelephoneNumber"];
/// The same, of systems that write themselves into From.
const RELAYED_FIELDS: &[&str] = &["X-Asterisk-CallerID", "X-Asterisk-VM-Caller-ID-Num"];
/// Header fields that name the caller.
const NAME_FIELDS: &[&str] =
    &["X-Asterisk-CallerIDName", "X-Asterisk-VM-Caller-ID-Name", "X-VoiceMessageSenderName"];
/// Header fields that name the called mailbox.
const CALLED_FIELDS: &[&str] = &["X-Asterisk-VM-Extension"];
/// Header fields that tell the seconds of a voice message.
const SECONDS_FIELDS: &[&str] = &["Content-Duration", "X-VoiceMessageDuration", "X-Asterisk-VM-Duration"];

/// The facts; texts are empty where nothing is known.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Facts {
    /// Name of the caller.
    pub caller_name: String,
    /// Who it is from, as a person reads it: `Pat <+16045551234@vm.example.org>`; behind systems that
    /// write themselves into From, name and number of the caller.
    pub sender: String,
    /// Number of the caller, without separators; E.164 numbers with their plus sign.
    pub caller_number: String,
    /// Number that was called.
    pub called_number: String,
    /// `yyyy-mm-dd hh:mm` as written in Date, in the zone written there.
    pub date: String,
    /// The same, for dates in words.
    pub when: Option<Date>,
    /// The zone of Date as written: `+0100`.
    pub zone: String,
    /// Seconds of the voice message: spoken names and subjects do not count.
    pub voice_seconds: Option<f64>,
    /// Pages of all faxes.
    pub fax_pages: Option<usize>,
    /// Sensitivity as written, in lower case.
    pub sensitivity: String,
    /// `Sensitivity: Private` (RFC 3801 4.2.13).
    pub private: bool,
    /// Importance or priority is high (RFC 3801 4.2.14).
    pub urgent: bool,
    /// `High` or `Low` where the sender said so without the field Importance, else nothing.
    pub importance: &'static str,
    /// Subject, decoded.
    pub subject: String,
}

/// The names a template may use, each with what it stands for.
pub const NAMES: &[(&str, &str)] = &[
    ("caller", "name of the caller, else the number"),
    ("name", "name of the caller"),
    ("number", "number of the caller"),
    ("called", "number that was called"),
    ("date", "2026-11-24 09:15"),
    ("day", "2026-11-24"),
    ("time", "09:15"),
    ("stamp", "2026-11-24-0915, for file names"),
    ("seconds", "whole seconds of voice"),
    ("length", "0:42"),
    ("span", "0m42, for file names"),
    ("pages", "pages of fax"),
    ("subject", "the subject"),
    ("importance", "High or Low, where X-Priority or Priority say so and Importance is missing"),
];

impl Facts {
    /// Reads them.
    pub fn of(survey: &Survey<'_>) -> Self {
        let message = survey.message;
        let root = message.root();
        let first = |names: &[&str]| {
            let mut values = names.iter().filter_map(|name| message.value(root, name));
            values.find_map(|v| Some(printable(&value::text(v))).filter(|t| !t.is_empty() && !is_unknown(t)))
        };
        let sender = mailboxes(message, "From").into_iter().next().unwrap_or_default();
        let (name, number) = caller(&sender);
        let relayed = first(RELAYED_FIELDS).and_then(|n| dialled(&n));
        let name = first(NAME_FIELDS).or(name.filter(|_| relayed.is_none()));
        let words = match (&relayed, &name) {
            (Some(number), Some(name)) => format!("{name} {number}"),
            (Some(number), None) => number.clone(),
            _ => shown(&sender),
        };
        let date = message.value(root, "Date");
        let when = date.and_then(value::date);
        let called = || {
            let to = mailboxes(message, "To");
            // Of several recipients one may be a blind copy.
            let only = survey.envelope.rcpt_to.first().filter(|_| survey.envelope.rcpt_to.len() == 1);
            let rcpt = only.map(|r| local_part(bare_path(r)));
            to.iter().map(Mailbox::local_part).chain(rcpt).find_map(number_in)
        };
        Facts {
            caller_name: name.unwrap_or_default(),
            sender: words,
            caller_number: relayed
                .or_else(|| first(NUMBER_FIELDS).and_then(|n| dialled(&n)))
                .or(number)
                .unwrap_or_default(),
            called_number: first(CALLED_FIELDS).and_then(|n| dialled(&n)).or_else(called).unwrap_or_default(),
            date: when.map(|d| format!("{} {}", day(&d), time(&d))).unwrap_or_default(),
            when,
            zone: date.map(zone).unwrap_or_default(),
            voice_seconds: voice_seconds(survey),
            fax_pages: fax_pages(survey),
            sensitivity: first(&["Sensitivity"]).unwrap_or_default().to_ascii_lowercase(),
            private: has_word(message, "Sensitivity", &["private"]),
            urgent: has_word(message, "Importance", &["high"])
                || has_word(message, "Priority", &["urgent"])
                || has_word(message, "X-Priority", &["1", "2", "1 (highest)", "2 (high)"]),
            importance: fields::importance(message),
            subject: message.value(root, "Subject").map(|v| printable(&value::text(v))).unwrap_or_default(),
        }
    }

    /// Fills a template: text with names in braces, `{{` and `}}` for braces themselves. `None` where
    /// a name is unknown or nothing is known for it.
    pub fn fill(&self, template: &str) -> Option<String> {
        template::filled(template, |name| self.value(name))
    }

    /// What stands for a name in a template; `None` where the name is unknown.
    pub fn value(&self, name: &str) -> Option<String> {
        let seconds = || self.voice_seconds.map(convert::content_duration);
        let when = |text: fn(&Date) -> String| self.when.as_ref().map(text).unwrap_or_default();
        Some(match name {
            "caller" if self.caller_name.is_empty() => self.caller_number.clone(),
            "caller" | "name" => self.caller_name.clone(),
            "number" => self.caller_number.clone(),
            "called" => self.called_number.clone(),
            "date" => self.date.clone(),
            "day" => when(day),
            "time" => when(time),
            "stamp" => when(|d| format!("{}-{:02}{:02}", day(d), d.hour, d.minute)),
            "seconds" => seconds().map(|s| s.to_string()).unwrap_or_default(),
            "length" => self.voice_seconds.map(length).unwrap_or_default(),
            "span" => seconds().map(|s| format!("{}m{:02}", s / 60, s % 60)).unwrap_or_default(),
            "pages" => self.fax_pages.map(|p| p.to_string()).unwrap_or_default(),
            "subject" => self.subject.clone(),
            "importance" => self.importance.to_owned(),
            _ => return None,
        })
    }
}

/// What is wrong with a template of facts, with a remedy.
pub fn check(template: &str) -> Result<(), String> {
    check_with(template, &[])
}

/// The same where other names are known, too.
pub fn check_with(template: &str, more: &[&str]) -> Result<(), String> {
    let own: Vec<&str> = NAMES.iter().map(|(name, _)| *name).collect();
    let others = more.iter().copied().filter(|name| !own.contains(name));
    let names: Vec<&str> = own.iter().copied().chain(others).collect();
    template::check(template, &names)
}

/// One line of text from a message: no control characters, nothing that turns the direction of
/// writing, blanks in a row made one, bounded.
pub fn printable(text: &str) -> String {
    let harmful = |c: char| {
        c.is_control()
            || matches!(c, '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
    };
    let mut out = String::new();
    let words = text.split(|c: char| c.is_whitespace()).map(|w| w.chars().filter(|c| !harmful(*c)));
    for word in words.map(|w| w.take(CHARS).collect::<String>()).filter(|w| !w.is_empty()).take(CHARS) {
        if !out.is_empty() {
            out.push(' ');
        }
        out.push_str(&word);
    }
    out.chars().take(CHARS).collect()
}

/// `m:ss` of a number of seconds.
pub fn length(seconds: f64) -> String {
    let whole = convert::content_duration(seconds);
    format!("{}:{:02}", whole / 60, whole % 60)
}

fn day(date: &Date) -> String {
    format!("{:04}-{:02}-{:02}", date.year, date.month, date.day)
}

fn time(date: &Date) -> String {
    format!("{:02}:{:02}", date.hour, date.minute)
}

/// The zone of a date as written (RFC 5322 3.3).
fn zone(date: &[u8]) -> String {
    let text = value::unfolded(date);
    let is_zone = |word: &&str| {
        word.len() == 5 && word.starts_with(['+', '-']) && word.bytes().skip(1).all(|c| c.is_ascii_digit())
    };
    text.split_ascii_whitespace().find(is_zone).unwrap_or_default().to_owned()
}

fn mailboxes(message: &Message<'_>, field: &str) -> Vec<Mailbox> {
    message.value(message.root(), field).map(value::mailboxes).unwrap_or_default()
}

fn local_part(address: &str) -> &str {
    address.rsplit_once('@').map_or(address, |(local, _)| local)
}

fn shown(sender: &Mailbox) -> String {
    match sender.name.as_deref().map(printable).filter(|n| !n.is_empty()) {
        Some(name) => format!("{name} <{}>", printable(&sender.address)),
        None => printable(&sender.address),
    }
}

/// Name and number of a sender. Where the address cannot be replied to, the display name may be the
/// number (RFC 3801 4.1.2).
fn caller(sender: &Mailbox) -> (Option<String>, Option<String>) {
    let name = printable(sender.name.as_deref().unwrap_or_default());
    let number = number_in(sender.local_part()).or_else(|| dialled(&name));
    let is_number = dialled(&name).is_some();
    (Some(name).filter(|n| !n.is_empty() && !is_number), number)
}

/// The number of a numeric local-part.
fn number_in(local: &str) -> Option<String> {
    Numeric::split(local).map(|n| n.plain())
}

/// A number as people write it: at least two digits, signs between them, nothing else.
fn dialled(text: &str) -> Option<String> {
    let text = text.trim();
    let written =
        text.chars().all(|c| c.is_ascii_digit() || matches!(c, '+' | '-' | '.' | ' ' | '(' | ')' | '/'));
    let digits: String = text.chars().filter(char::is_ascii_digit).take(30).collect();
    let sign = if text.starts_with('+') { "+" } else { "" };
    (written && digits.len() > 1).then(|| format!("{sign}{digits}"))
}

/// What systems write where they know nothing.
fn is_unknown(text: &str) -> bool {
    ["unknown", "anonymous", "<unknown>", "unavailable", "asterisk"]
        .iter()
        .any(|w| text.eq_ignore_ascii_case(w))
}

/// True where a field of the message has one of the words as its value or in its list.
fn has_word(message: &Message<'_>, field: &str, words: &[&str]) -> bool {
    message.fields(message.root(), field).any(|f| {
        let value = value::unfolded(f.value.of(message.raw())).to_ascii_lowercase();
        value.split(',').any(|v| words.contains(&v.trim()))
    })
}

/// Seconds of everything spoken but names and subjects: measured, else as a header field tells.
fn voice_seconds(survey: &Survey<'_>) -> Option<f64> {
    let message = survey.message;
    let spoken =
        survey.bodies.iter().filter(|b| convert::is_audio(b) && !is_attribute(choice::kind(survey, b)));
    let mut all = None;
    for body in spoken {
        let told = || {
            let entity = message.entity(body.entity)?;
            seconds(message.value(entity, "Content-Duration")?)
        };
        if let Some(seconds) = convert::duration_s(body).or_else(told) {
            *all.get_or_insert(0.0) += seconds;
        }
    }
    all.or_else(|| {
        let any = survey.bodies.iter().any(convert::is_audio);
        let mut values = SECONDS_FIELDS.iter().filter_map(|n| message.value(message.root(), n));
        values.find_map(seconds).filter(|_| any)
    })
}

fn is_attribute(voice: Option<VoiceKind>) -> bool {
    matches!(
        voice,
        Some(VoiceKind::OriginatorSpokenName | VoiceKind::RecipientSpokenName | VoiceKind::SpokenSubject)
    )
}

/// Whole seconds of a field, at most ten digits (RFC 3803 2).
fn seconds(value: &[u8]) -> Option<f64> {
    let text = value::unfolded(value);
    let digits = (1..=10).contains(&text.len()) && text.bytes().all(|c| c.is_ascii_digit());
    digits.then(|| text.parse().ok()).flatten()
}

fn fax_pages(survey: &Survey<'_>) -> Option<usize> {
    let pages = survey.bodies.iter().filter_map(convert::pages);
    let pages = pages.fold(0, usize::saturating_add);
    (pages > 0).then_some(pages)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limits::{Budget, Limits};
    use crate::vpim::Envelope;

    fn facts_to(raw: &str, rcpt: &str) -> Facts {
        let limits = Limits::default();
        let message = Message::parse(raw.as_bytes(), &limits);
        let envelope = Envelope { rcpt_to: vec![rcpt.to_owned()], ..Envelope::default() };
        let survey = Survey::new(&message, &envelope, None, &limits, &mut Budget::new(&limits));
        Facts::of(&survey)
    }

    fn facts(header: &str) -> Facts {
        facts_to(&format!("{header}{VOICE}"), "")
    }

    /// Eight octets of ADPCM: 16 samples.
    const VOICE: &str =
        "Content-Type: audio/32KADPCM\r\nContent-Transfer-Encoding: base64\r\n\r\n//////////8=\r\n";

    #[test]
    fn a_voice_message_tells_caller_called_date_and_length() {
        let found = facts(
            "From: \"Example, Pat\" <+16045551234@a.test>\r\nTo: <4-4.11+12@b.test>\r\nDate: Tue, 24 Nov 2026 09:15:02 -0500\r\n\
             Subject: =?utf-8?B?w6k=?=\r\nSensitivity: Private\r\nImportance: High\r\n",
        );
        assert_eq!(
            (found.caller_name.as_str(), found.caller_number.as_str(), found.called_number.as_str()),
            ("Example, Pat", "+16045551234", "4411")
        );
        assert_eq!((found.date.as_str(), found.zone.as_str()), ("2026-11-24 09:15", "-0500"));
        assert_eq!((found.voice_seconds, found.fax_pages), (Some(0.002), None));
        assert_eq!((found.subject.as_str(), found.private, found.urgent), ("\u{e9}", true, true));
        let plain = facts("From: pat@a.test\r\nSensitivity: Company-Confidential\r\nImportance: low\r\n");
        assert_eq!((plain.private, plain.urgent, plain.caller_number.as_str()), (false, false, ""));
    }

    #[test]
    fn systems_that_write_themselves_into_from_are_not_the_caller() {
        let system = "From: Asterisk PBX <asterisk@pbx.test>\r\nX-Asterisk-CallerID: (613) 555-0199\r\n";
        let found = facts(system);
        assert_eq!((found.caller_name.as_str(), found.caller_number.as_str()), ("", "6135550199"));
        let found = facts(&format!("{system}X-Asterisk-CallerIDName: Pat\r\n"));
        assert_eq!(found.fill("{caller} {number}").as_deref(), Some("Pat 6135550199"));
        let found = facts(&format!("{system}X-Asterisk-CallerIDName: unknown\r\n"));
        assert_eq!(found.fill("{caller}").as_deref(), Some("6135550199"));
        let found = facts("From: \"Pat\" <v@a.test>\r\nX-CallingTelephoneNumber: +16135550199\r\n");
        assert_eq!((found.caller_name.as_str(), found.caller_number.as_str()), ("Pat", "+16135550199"));
        let found = facts("From: \"+1 613 555 0199\" <non-mail-user@a.test>\r\n");
        assert_eq!((found.caller_name.as_str(), found.caller_number.as_str()), ("", "+16135550199"));
    }

    #[test]
    fn what_the_bytes_do_not_tell_the_header_may() {
        let raw = "X-VoiceMessageDuration: 12\r\nContent-Type: audio/x-unheard-of\r\n\r\nx\r\n";
        assert_eq!(facts_to(raw, "").voice_seconds, Some(12.0));
        assert_eq!(facts_to(&raw.replace("12", "12345678901"), "").voice_seconds, None);
        assert_eq!(facts_to(&raw.replace("audio/", "text/"), "").voice_seconds, None);
        assert_eq!(facts_to(raw, "<FAX=+14165551212/T33S=3@b.test>").called_number, "+14165551212");
    }

    #[test]
    fn a_blind_copy_is_not_told() {
        let limits = Limits::default();
        let raw = format!("To: pat@b.test\r\n{VOICE}");
        let message = Message::parse(raw.as_bytes(), &limits);
        let called = |rcpt: &[&str]| {
            let rcpt_to = rcpt.iter().map(|r| (*r).to_owned()).collect();
            let envelope = Envelope { rcpt_to, ..Envelope::default() };
            let survey = Survey::new(&message, &envelope, None, &limits, &mut Budget::new(&limits));
            Facts::of(&survey).called_number
        };
        assert_eq!(
            (called(&["4411@b.test"]).as_str(), called(&["4411@b.test", "pat@b.test"]).as_str()),
            ("4411", "")
        );
    }

    #[test]
    fn a_template_is_filled_or_not_at_all() {
        let found = Facts {
            caller_number: "+16045551234".to_owned(),
            when: value::date(b"Tue, 24 Nov 2026 09:15:02 -0500"),
            voice_seconds: Some(42.2),
            ..Facts::default()
        };
        assert_eq!(
            found.fill("voice-{stamp}-{number}-{span}").as_deref(),
            Some("voice-2026-11-24-0915-+16045551234-0m42")
        );
        assert_eq!(found.fill("{{{length}}} {seconds}").as_deref(), Some("{0:42} 42"));
        for nothing in ["{pages}", "{name}", "{subject} x", "{nothing}", "{length", "}"] {
            assert_eq!(found.fill(nothing), None, "{nothing}");
        }
    }

    #[test]
    fn a_bad_template_is_told_with_a_remedy() {
        for (template, words) in [
            ("{caler}", "`{caler}` stands for nothing; known are caller, name, number"),
            ("a {length", "`{length` has a brace without its fellow; write {{ or }}"),
            ("a\nb", "one line"),
        ] {
            assert!(check(template).unwrap_err().contains(words), "{:?}", check(template));
        }
        let all: String = NAMES.iter().map(|(name, _)| format!("{{{name}}} ")).collect();
        assert_eq!(check(&all), Ok(()));
        let known = NAMES.iter().all(|(name, _)| Facts::default().value(name).is_some());
        assert!(known && Facts::default().value("x").is_none());
    }

    #[test]
    fn hostile_text_stays_on_one_line_and_bounded() {
        assert_eq!(printable(" a\r\n\tb\u{1b}[0m\u{202e}c\u{2028}d "), "a b[0mc d");
        assert_eq!(printable(&"x".repeat(10_000)).len(), CHARS);
        assert_eq!(printable(&"x ".repeat(10_000)).len(), CHARS);
        let found = facts(&format!("From: \"{}\u{7}\" <1@a.test>\r\n", "y".repeat(5_000)));
        assert!(found.caller_name.len() <= CHARS && found.caller_name.starts_with("yyy"));
    }
}
