//! The text a person reads in front of a converted message: who called, how long, what is attached,
//! what is missing.

use super::convert;
use crate::message::value;
use crate::vpim::survey::Body;
use crate::vpim::{Survey, VoiceKind};

/// One attachment in the summary.
pub struct Line {
    what: &'static str,
    size: String,
    file: Option<String>,
}

impl Line {
    /// The line of a body; `file` is its name after conversion.
    pub fn of(survey: &Survey<'_>, body: &Body, file: Option<&str>) -> Self {
        let what = match (convert::is_audio(body), body.voice) {
            (false, _) => "Fax",
            (true, Some(VoiceKind::OriginatorSpokenName)) => "Name of the caller",
            (true, Some(VoiceKind::RecipientSpokenName)) => "Name of the recipient",
            (true, Some(VoiceKind::SpokenSubject)) => "Subject",
            (true, Some(VoiceKind::Notification)) => "Notification",
            (true, _) => "Voice message",
        };
        let size = match (convert::duration_s(body), convert::pages(body)) {
            (Some(seconds), _) => length(seconds),
            (_, Some(1)) => "1 page".to_owned(),
            (_, Some(pages)) => format!("{pages} pages"),
            _ => "length unknown".to_owned(),
        };
        let entity = survey.message.entity(body.entity);
        let named = file
            .map(str::to_owned)
            .or_else(|| entity.and_then(crate::vpim::survey::file_name).map(|n| printable(&n)));
        Line { what, size, file: named }
    }
}

/// `m:ss` of a number of seconds.
fn length(seconds: f64) -> String {
    let whole = convert::content_duration(seconds);
    format!("{}:{:02}", whole / 60, whole % 60)
}

/// One line of text from a message: no control characters, bounded.
fn printable(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(200).collect()
}

/// The summary, lines ended with LF.
pub fn text(survey: &Survey<'_>, lines: &[Line], losses: &[String]) -> String {
    let (message, root) = (survey.message, survey.message.root());
    let mut out = String::new();
    let mut field = |label: &str, text: String| {
        if !text.is_empty() {
            out.push_str(&format!("{label}: {}\n", printable(&text)));
        }
    };
    let sender = message.value(root, "From").map(value::mailboxes).and_then(|m| m.into_iter().next());
    field(
        "From",
        sender
            .map(|m| match m.name {
                Some(name) if !name.is_empty() => format!("{name} <{}>", m.address),
                _ => m.address,
            })
            .unwrap_or_default(),
    );
    field("Subject", message.value(root, "Subject").map(value::text).unwrap_or_default());
    field("Date", message.value(root, "Date").map(value::unfolded).unwrap_or_default());
    field("Sensitivity", message.value(root, "Sensitivity").map(value::unfolded).unwrap_or_default());
    out.push('\n');
    for line in lines {
        match &line.file {
            Some(file) => out.push_str(&format!("{}: {} ({file})\n", line.what, line.size)),
            None => out.push_str(&format!("{}: {}\n", line.what, line.size)),
        }
    }
    for loss in losses {
        out.push_str(&format!("Note: {}\n", printable(loss)));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_are_minutes_and_seconds() {
        assert_eq!(
            (length(0.2).as_str(), length(4.0).as_str(), length(605.6).as_str()),
            ("0:01", "0:04", "10:06")
        );
    }

    #[test]
    fn hostile_text_stays_on_one_line() {
        assert_eq!(printable("a\r\nb\u{1b}[0m"), "ab[0m");
    }
}
