//! The text a person reads in front of a converted message: who called, how long, what is attached,
//! what is missing. Its lines are templates, those of the profile or of its language.

use super::facts::{self, Facts, length, printable};
use super::language::Language;
use super::{choice, convert, template};
use crate::policy::Profile;
use crate::vpim::survey::Body;
use crate::vpim::{Survey, VoiceKind};

/// Names in the lines of a summary besides those of [`facts::NAMES`]. The last two stand for lines.
const NAMES: [&str; 6] = ["sender", "when", "sensitivity", "importance", "attachments", "losses"];
/// Lines of attachments, and of losses.
const LINES: usize = 100;

/// One attachment in the summary.
pub(super) struct Line {
    kind: Kind,
    seconds: Option<f64>,
    pages: Option<usize>,
    file: Option<String>,
}

#[derive(Clone, Copy)]
enum Kind {
    Fax,
    Voice(Option<VoiceKind>),
}

impl Line {
    /// The line of a body; `file` is its name after conversion.
    pub fn of(survey: &Survey<'_>, body: &Body, file: Option<&str>) -> Self {
        let entity = survey.message.entity(body.entity);
        let named = file
            .map(str::to_owned)
            .or_else(|| entity.and_then(crate::vpim::survey::file_name).map(|n| printable(&n)));
        Line {
            kind: if convert::is_audio(body) { Kind::Voice(choice::kind(survey, body)) } else { Kind::Fax },
            seconds: convert::duration_s(body),
            pages: convert::pages(body),
            file: named,
        }
    }

    fn text(&self, language: &Language) -> String {
        let parts = &language.parts;
        let what = match self.kind {
            Kind::Fax => &parts.fax,
            Kind::Voice(Some(VoiceKind::OriginatorSpokenName)) => &parts.originator,
            Kind::Voice(Some(VoiceKind::RecipientSpokenName)) => &parts.recipient,
            Kind::Voice(Some(VoiceKind::SpokenSubject)) => &parts.subject,
            Kind::Voice(Some(VoiceKind::Notification)) => &parts.notification,
            Kind::Voice(_) => &parts.message,
        };
        let size = match (self.seconds, self.pages) {
            (Some(seconds), _) => length(seconds),
            (_, Some(1)) => language.page.clone(),
            (_, Some(pages)) => {
                template::filled(&language.pages, |_| Some(pages.to_string())).unwrap_or_default()
            }
            _ => language.no_length.clone(),
        };
        match &self.file {
            Some(file) => format!("{what}: {size} ({file})"),
            None => format!("{what}: {size}"),
        }
    }
}

/// What is wrong with a line of a summary, with a remedy.
pub fn check(line: &str) -> Result<(), String> {
    facts::check_with(line, &NAMES)?;
    match NAMES.iter().skip(4).any(|n| line.contains(&format!("{{{n}}}")) && line.len() > n.len() + 2) {
        true => Err("`{attachments}` and `{losses}` stand for whole lines; write them alone".to_owned()),
        false => Ok(()),
    }
}

/// The summary, lines ended with LF. A line is left out where nothing is known for a name in it.
pub(super) fn text(survey: &Survey<'_>, profile: &Profile, lines: &[Line], losses: &[String]) -> String {
    let language = Language::named(&profile.language).unwrap_or_else(Language::english);
    let facts = Facts::of(survey);
    let value = |name: &str| match name {
        "sender" => Some(facts.sender.clone()),
        // A number that the line above shows is not worth another.
        "number" if facts.sender.contains(&facts.caller_number) => Some(String::new()),
        _ => language.value(&facts, name),
    };
    let templates = if profile.summary_lines.is_empty() { &language.lines } else { &profile.summary_lines };
    let mut out: Vec<String> = Vec::new();
    for line in templates {
        match line.as_str() {
            "{attachments}" => out.extend(lines.iter().take(LINES).map(|l| l.text(language))),
            "{losses}" => {
                let note = |loss: &String| {
                    let words = printable(&language.loss(loss));
                    template::filled(&language.note, |_| Some(words.clone()))
                };
                // Another coding is for the log: a person hears no difference worth a line.
                let told = losses.iter().filter(|l| !l.contains("coded anew"));
                out.extend(told.take(LINES).filter_map(note));
            }
            // Empty lines part what is there; they do not pile up.
            "" if out.last().is_none_or(String::is_empty) => {}
            line => out.extend(template::filled(line, value)),
        }
    }
    let mut text = out.join("\n");
    text.push('\n');
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limits::{Budget, Limits};
    use crate::message::Message;
    use crate::policy::profile::builtin;
    use crate::vpim::Envelope;

    const CALL: &str = "From: Asterisk PBX <asterisk@pbx.test>\r\nX-Asterisk-CallerID: 6135550199\r\n\
        X-Asterisk-CallerIDName: =?utf-8?B?WsO8cm4=?=\x07\r\nTo: 4411@b.test\r\nSensitivity: Private\r\n\
        Date: Wed, 4 Mar 2026 09:05:00 +0100\r\nSubject: a\r\n\tb\r\nImportance: high\r\n\
        Content-Type: audio/32KADPCM\r\nContent-Transfer-Encoding: base64\r\n\r\n////////\r\n";

    fn summary(raw: &str, change: impl Fn(&mut Profile), losses: &[&str]) -> String {
        let limits = Limits::default();
        let message = Message::parse(raw.as_bytes(), &limits);
        let envelope = Envelope::default();
        let survey = Survey::new(&message, &envelope, None, &limits, &mut Budget::new(&limits));
        let lines: Vec<Line> =
            survey.bodies.iter().map(|b| Line::of(&survey, b, Some("voice-message.wav"))).collect();
        let mut profile = builtin()["desktop"].clone();
        change(&mut profile);
        let losses: Vec<String> = losses.iter().map(|l| (*l).to_owned()).collect();
        text(&survey, &profile, &lines, &losses)
    }

    #[test]
    fn a_summary_tells_who_when_what_and_what_is_missing() {
        let text = summary(CALL, |_| {}, &["1: 2 channels mixed to one"]);
        assert_eq!(
            text,
            "From: Z\u{fc}rn 6135550199\nCalled: 4411\nSubject: a b\nDate: 4 March 2026, 09:05 +0100\n\
             Sensitivity: private\nImportance: urgent\n\nVoice message: 0:01 (voice-message.wav)\n\
             Note: 1: 2 channels mixed to one\n"
        );
    }

    #[test]
    fn every_language_has_its_own_words() {
        let losses = [
            "1: 2 channels mixed to one",
            "2: text/plain of 5 octets dropped",
            "part 3: x: y: left as it came",
        ];
        let told = |code: &str| summary(CALL, |p| p.language = code.to_owned(), &losses);
        let german = told("de");
        for words in [
            "Von: Z\u{fc}rn 6135550199\n",
            "Datum: 4. M\u{e4}rz 2026, 09:05 +0100\n",
            "Vertraulichkeit: privat\n",
            "Sprachnachricht: 0:01 (voice-message.wav)\n",
            "Hinweis: 1: 2 Kan\u{e4}le zu einem gemischt\n",
            "Hinweis: 2: text/plain (5 Oktette) entfernt\n",
            "Hinweis: Teil 3 ist geblieben, wie er kam (x: y)\n",
        ] {
            assert!(german.contains(words), "{words} in {german}");
        }
        assert!(told("fr").contains("Date : 4 mars 2026, 09:05 +0100\n"), "{}", told("fr"));
        assert!(told("es").contains("Fecha: 4 de marzo de 2026, 09:05 +0100\n"), "{}", told("es"));
        let lines: Vec<usize> = Language::codes().into_iter().map(|c| told(c).lines().count()).collect();
        assert_eq!(lines, [11; 4]);
    }

    #[test]
    fn every_template_of_every_language_is_good() {
        for code in Language::codes() {
            let language = Language::named(code).unwrap();
            for line in &language.lines {
                assert_eq!(check(line), Ok(()), "{code}: {line}");
            }
            let pager = &language.pager;
            for line in pager.voice.iter().chain(&pager.fax).chain(&pager.other) {
                assert_eq!(facts::check_with(line, &["short"]), Ok(()), "{code}: {line}");
            }
            for text in [&pager.voice, &pager.fax, &pager.other].map(|t| t.last().unwrap()) {
                assert!(!text.contains('{'), "{code}: {text} can always be said");
            }
            let shown = summary(CALL, |p| p.language = code.to_owned(), &["x"]);
            assert!(shown.contains("x\n") && !shown.contains(['{', '}']), "{code}: {shown}");
        }
    }

    #[test]
    fn lines_of_the_profile_take_the_place_of_those_of_the_language() {
        let lines = ["{when}: {name} ({length})", "{pages} pages", "", "", "{losses}", "Regards"];
        let text = summary(CALL, |p| p.summary_lines = lines.map(str::to_owned).to_vec(), &[]);
        assert_eq!(text, "4 March 2026, 09:05 +0100: Z\u{fc}rn (0:01)\n\nRegards\n");
        assert!(check("{attachment}").unwrap_err().contains("attachments"));
        assert!(check("Files: {attachments}").is_err() && check("{caller} {sensitivity}").is_ok());
    }

    #[test]
    fn hostile_text_cannot_make_lines() {
        let raw = CALL
            .replace("Subject: a\r\n\tb", "Subject: =?utf-8?B?YQpOb3RlOiBwYXkKG1swbeKAqGI=?=")
            .replace("4411@b.test", &format!("{}@b.test", "4".repeat(300)));
        let text = summary(&raw, |_| {}, &["a\nb\u{202e}c", &"z".repeat(5_000)]);
        assert!(text.contains("Subject: a Note: pay [0m b\n"), "{text}");
        assert!(text.contains("Note: a bc\n") && text.lines().all(|l| l.chars().count() < 300), "{text}");
        assert!(!text.chars().any(|c| c != '\n' && c.is_control()));
    }
}
