//! Findings and parts as an administrator or a program reads them.
//!
//! | file | subject |
//! | --- | --- |
//! | this file | the values, and one JSON object a message |
//! | `text` | for a terminal |
//! | `sarif` | SARIF 2.1.0, one log for all messages |
//! | `html` | one page to read, print and send on |
//! | `excerpt` | the lines of the message a finding is about |
//!
//! Everything that comes from the message is escaped; a report never carries control characters to a
//! terminal, nor markup to a browser.

mod excerpt;
pub mod html;
pub mod sarif;
pub mod text;

pub use excerpt::{Excerpt, Line};

use super::{Finding, Level, conformant};
use crate::media::{Facts, MediaError};

use crate::vpim::class::evidence;
use crate::vpim::dialect::{self, Sender};
use crate::vpim::{Body, Class, Survey, sealed};
use serde::Serialize;

/// The report on one message.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Report {
    /// Name of the file, or `-`.
    pub file: String,
    /// Class of the message.
    pub profile: &'static str,
    /// No MUST or MUST NOT is broken, and a profile is claimed where there is voice or fax.
    pub conformant: bool,
    /// The violations.
    pub findings: Vec<FindingReport>,
    /// The audio and fax parts.
    pub parts: Vec<PartReport>,
    /// The system the message seems to come from.
    pub sender: Option<Sender>,
    /// Why the message has its class.
    #[serde(skip)]
    pub why: Vec<String>,
}

/// One violation.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[allow(missing_docs)]
pub struct FindingReport {
    pub rule: &'static str,
    pub rfc: u16,
    pub section: &'static str,
    pub level: &'static str,
    pub message: String,
    pub part: Option<String>,
    pub header: Option<String>,
    pub line: Option<usize>,
    pub repairable: bool,
    #[serde(skip)]
    pub text: &'static str,
    #[serde(skip)]
    pub remedy: &'static str,
    #[serde(skip)]
    pub excerpt: Option<Excerpt>,
}

/// One audio or fax part.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[allow(missing_docs)]
pub struct PartReport {
    pub part: Option<String>,
    #[serde(rename = "type")]
    pub media_type: String,
    pub disposition: Option<String>,
    pub voice: Option<String>,
    /// What was found in the bytes.
    pub codec: Option<String>,
    pub duration_s: Option<f64>,
    pub sample_rate: Option<u32>,
    pub channels: Option<u16>,
    pub pages: Option<u32>,
    pub encoding: String,
    /// Octets after transfer decoding.
    pub bytes: usize,
    /// Why the bytes were not read, for the text rendering.
    #[serde(skip)]
    pub unread: Option<MediaError>,
}

impl Report {
    /// The report on a surveyed and judged message.
    pub fn new(file: &str, survey: &Survey<'_>, findings: &[Finding]) -> Self {
        let findings = if survey.class == Class::None { &[] } else { findings };
        Report {
            file: file.to_owned(),
            profile: survey.class.name(),
            conformant: conformant(survey, findings),
            findings: finding_reports(survey, findings),
            parts: survey.bodies.iter().map(|b| PartReport::new(survey, b)).collect(),
            sender: dialect::sender(survey.message, survey.class),
            why: evidence(survey.message),
        }
    }

    /// True where a finding is a SHOULD or SHOULD NOT.
    pub fn has_should(&self) -> bool {
        self.findings.iter().any(|f| f.level.starts_with("SHOULD"))
    }

    /// One line of JSON, without its line end.
    pub fn json(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }
}

fn finding_reports(survey: &Survey<'_>, findings: &[Finding]) -> Vec<FindingReport> {
    let excerpts = excerpt::Excerpts::new(survey.message);
    // What is sealed stays, and what claims no profile has nothing to be repaired to.
    let may_change = survey.class != Class::VoiceOther && sealed::what(survey.message).is_none();
    findings.iter().map(|f| FindingReport::new(&excerpts, f, may_change)).collect()
}

impl FindingReport {
    fn new(excerpts: &excerpt::Excerpts<'_>, finding: &Finding, may_change: bool) -> Self {
        FindingReport {
            rule: finding.rule.id,
            rfc: finding.rule.rfc,
            section: finding.rule.section,
            level: finding.rule.level.name(),
            message: printable(&finding.message),
            part: finding.part.clone(),
            header: finding.header.as_deref().map(printable),
            line: finding.line,
            repairable: may_change && finding.rule.level != Level::May && finding.rule.repairable(),
            text: finding.rule.text,
            remedy: finding.rule.remedy,
            excerpt: excerpts.of(finding),
        }
    }
}

impl PartReport {
    /// The report on one body.
    pub fn new(survey: &Survey<'_>, body: &Body) -> Self {
        let mut part = PartReport {
            part: survey.message.part_number(body.entity),
            bytes: body.octets,
            ..PartReport::default()
        };
        if let Some(entity) = survey.message.entity(body.entity) {
            part.media_type = entity.content_type.essence();
            part.disposition = entity.disposition.as_ref().map(|d| d.head.clone());
            part.voice =
                entity.disposition.as_ref().and_then(|d| d.parameters.value("voice")).map(str::to_owned);
            part.encoding = entity.encoding.name().to_owned();
        }
        match &body.facts {
            Ok(report) => part.facts(&report.facts),
            Err(error) => part.unread = Some(error.clone()),
        }
        part
    }

    fn facts(&mut self, facts: &Facts) {
        match facts {
            Facts::Audio(audio) => {
                self.codec = Some(audio.codec.clone());
                // Milliseconds are enough, and the same on every machine.
                self.duration_s = audio.duration_s().map(|d| (d * 1000.0).round() / 1000.0);
                self.sample_rate = Some(audio.sample_rate_hz).filter(|r| *r > 0);
                self.channels = Some(audio.channels);
            }
            Facts::Fax(fax) => {
                let coding = fax.pages.first().map(|p| p.coding.clone());
                self.codec = Some(coding.unwrap_or_else(|| fax.container.clone()));
                self.pages = match fax.pages.len() {
                    0 => fax.page_count,
                    n => u32::try_from(n).ok(),
                };
            }
        }
    }
}

/// One line on the system a message seems to come from.
pub fn sender_text(sender: &Sender) -> String {
    format!("sender looks like {} ({})", sender.name, printable(&sender.evidence.join("; ")))
}

/// Text without control characters or anything that reorders what is shown.
pub fn printable(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if c.is_control() || is_hidden(c) {
            out.extend(c.escape_default());
        } else {
            out.push(c);
        }
    }
    out
}

/// Characters that are not seen, or change the order of others.
fn is_hidden(c: char) -> bool {
    matches!(c,
        '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e0fff}')
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limits::{Budget, Limits};
    use crate::message::Message;
    use crate::vpim::Envelope;

    fn report(raw: &[u8]) -> Report {
        let limits = Limits::default();
        let message = Message::parse(raw, &limits);
        let envelope = Envelope::default();
        let survey = Survey::new(&message, &envelope, None, &limits, &mut Budget::new(&limits));
        Report::new("m\u{1b}.eml", &survey, &crate::conformance::judge(&survey))
    }

    #[test]
    fn json_has_the_promised_names() {
        let raw = b"MIME-Version: 1.0 (Voice 2.0)\r\nContent-Type: audio/32KADPCM\r\n\r\nxx\r\n";
        let json: serde_json::Value = serde_json::from_str(&report(raw).json()).unwrap();
        for key in ["file", "profile", "conformant", "findings", "parts"] {
            assert!(json.get(key).is_some(), "{key}");
        }
        for key in ["rule", "rfc", "section", "level", "message", "part", "header", "line", "repairable"] {
            assert!(json["findings"][0].get(key).is_some(), "{key}");
        }
        for key in [
            "part",
            "type",
            "disposition",
            "voice",
            "codec",
            "duration_s",
            "sample_rate",
            "channels",
            "pages",
            "encoding",
            "bytes",
        ] {
            assert!(json["parts"][0].get(key).is_some(), "{key}");
        }
        assert_eq!((json["profile"].as_str(), json["conformant"].as_bool()), (Some("vpim2"), Some(false)));
        assert_eq!(json["parts"][0]["part"], "1");
    }

    #[test]
    fn findings_on_the_message_header_belong_to_no_part() {
        let raw = b"MIME-Version: 1.0 (Voice 2.0)\r\nContent-Type: audio/32KADPCM\r\n\r\nxx\r\n";
        let report = report(raw);
        let part = |id: &str| report.findings.iter().find(|f| f.rule == id).unwrap().part.clone();
        assert_eq!(part("vpim2-date-present"), None);
        assert_eq!(part("vpim2-content-disposition-present"), None);
        assert_eq!(part("vpim2-voice-message-required"), Some("1".into()));
    }

    #[test]
    fn text_never_carries_control_characters() {
        let raw = b"MIME-Version: 1.0 (Voice 2.0)\r\nContent-Type: audio/\x1b[2J; x=\x07\r\nSensitivity: \x1b[31m\xe2\x80\xae\r\n\r\nxx\r\n";
        let text = report(raw).text(text::Paint::Plain);
        assert!(text.lines().count() > 3);
        assert!(!text.chars().any(|c| (c.is_control() && c != '\n') || c == '\u{202e}'), "{text:?}");
    }

    #[test]
    fn the_sender_is_named_with_what_tells() {
        let raw =
            b"X-Mailer: FreeSWITCH \x1b[2J\r\nContent-Type: audio/wav; name=msg_5a1c931a.wav\r\n\r\nx\r\n";
        let named = report(raw);
        let text = named.text(text::Paint::Plain);
        assert!(
            text.contains("\n  sender looks like FreeSWITCH (X-Mailer: FreeSWITCH \\u{1b}[2J)\n"),
            "{text}"
        );
        let json: serde_json::Value = serde_json::from_str(&named.json()).unwrap();
        assert_eq!(json["sender"]["name"], "FreeSWITCH");
        assert!(report(b"Subject: x\n\nhello\n").sender.is_none());
    }

    #[test]
    fn ordinary_mail_has_no_findings() {
        let report = report(b"Subject: x\n\nhello\n");
        assert_eq!((report.profile, report.conformant, report.findings.len()), ("none", true, 0));
    }
}
