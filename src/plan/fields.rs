//! Header fields a destination wants on the message.

use super::Plan;
use super::choice::medium;
use super::facts::Facts;
use super::part::set_field;
use crate::message::Message;
use crate::message::value;
use crate::policy::Profile;
use crate::policy::profile::Medium;
use crate::vpim::Survey;

/// Names in a template that only the conversion knows: the file names of converted parts.
const FILES: &str = "{files}";

/// The fields and their texts.
pub fn wanted(
    survey: &Survey<'_>,
    facts: &Facts,
    profile: &Profile,
    files: &[String],
) -> Vec<(String, String)> {
    // A report tells of another message.
    if survey.message.root().content_type.is("multipart/report") {
        return Vec::new();
    }
    let has = |m: Medium| survey.bodies.iter().any(|b| medium(b) == m) && profile.carries(m);
    let any = |m: Medium| survey.bodies.iter().any(|b| medium(b) == m);
    // A destination of neither (a pager) is told of both.
    let told = |m: Medium| has(m) || (any(m) && profile.audio.is_none() && profile.fax.is_none());
    let voice = profile.voice_headers.iter().filter(|_| told(Medium::Voice));
    let fax = profile.fax_headers.iter().filter(|(name, _)| {
        let said = told(Medium::Voice) && profile.voice_headers.keys().any(|n| n.eq_ignore_ascii_case(name));
        told(Medium::Fax) && !said
    });
    voice
        .chain(fax)
        .filter_map(|(name, template)| {
            if template.contains(FILES) && files.is_empty() {
                return None;
            }
            // The names are safe (`convert::safe_stem`): no braces in them.
            let template = template.replace(FILES, &files.join(";"));
            facts.fill(&template).map(|text| (name.clone(), text))
        })
        .collect()
}

/// Sets them. On a message that is not changed otherwise, only those that are missing: what is there was
/// written by its sender or by us.
pub fn set(message: &Message<'_>, fields: &[(String, String)], plan: &mut Plan) {
    let converted = !plan.edits.is_empty();
    for (name, text) in fields {
        let text: String = text.chars().filter(|c| matches!(c, ' '..='~')).take(900).collect();
        let now = message.value(message.root(), name).map(value::unfolded);
        let wrong = now.as_ref().is_none_or(|now| converted && now.trim() != text);
        if wrong && !text.is_empty() {
            set_field(&mut plan.edits, message, 0, name, Some(&text));
            plan.actions.push(format!("{name}: {text}"));
        }
    }
}

/// What the fields of other systems mean as Importance (RFC 3801 4.2.14): X-Priority of mail clients, Priority of
/// RFC 2156 5.3.8.
pub fn importance(message: &Message<'_>) -> &'static str {
    let root = message.root();
    if message.value(root, "Importance").is_some() {
        return "";
    }
    let word = |name: &str| {
        let text = message.value(root, name).map(value::unfolded).unwrap_or_default();
        text.split([' ', '(']).next().unwrap_or_default().to_ascii_lowercase()
    };
    match (word("X-Priority").as_str(), word("Priority").as_str()) {
        ("1" | "2", _) | ("", "urgent") => "High",
        ("4" | "5", _) | ("", "non-urgent") => "Low",
        _ => "",
    }
}
