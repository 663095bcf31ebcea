//! The `VPIM-Results` field: what was found and done, in the shape of RFC 8601.
//!
//! ```text
//! VPIM-Results: mx.example.org; vpim=fail message.class=vpim2
//!  policy.route=desk policy.profile=desktop
//!  policy.rules="vpim2-header-date" policy.actions="1: ..." policy.seal=0123456789abcdef
//! ```
//!
//! Fields that came with the message are removed, whatever name they carry: nothing stops a stranger
//! from writing ours. The one exception is our own field on a second pass (a requeued message, two
//! instances in a row with one key): its seal, an HMAC over the field and the body, proves it, and
//! then nothing changes.

use super::Refused;
use crate::message::edit::{EditList, HeaderEdit, Place};
use crate::message::{Field, Message, value};
use crate::policy::settings::Results;
use hmac::{Hmac, Mac};
use sha2::{Digest, Sha256};

/// The name of the field.
pub const NAME: &str = "VPIM-Results";
/// Rules named before the list is cut.
const MAX_RULES: usize = 20;
/// Octets of the longest property.
const MAX_PROPERTY: usize = 300;

/// What the field says.
#[derive(Clone, Debug, Default)]
pub struct Summary<'a> {
    /// No MUST broken.
    pub pass: bool,
    /// Class name.
    pub class: &'a str,
    /// Route name.
    pub route: Option<&'a str>,
    /// Profile name.
    pub profile: Option<&'a str>,
    /// Rule ids.
    pub rules: &'a [&'static str],
    /// What was done.
    pub actions: &'a [String],
    /// What was lost.
    pub losses: &'a [String],
    /// Signatures that no longer verify.
    pub broken_signatures: &'a [String],
    /// Why nothing was done.
    pub unchanged_because: Option<&'a str>,
}

/// Adds the field and removes those that came with the message, unless the only one is our own and
/// the message does not change.
pub fn label(
    message: &Message<'_>,
    edits: &mut EditList,
    settings: &Results,
    summary: &Summary<'_>,
) -> Result<(), Refused> {
    let root = message.root();
    let present: Vec<(usize, &Field)> = root
        .header
        .fields
        .iter()
        .enumerate()
        .filter(|(_, f)| f.name.of(message.raw()).eq_ignore_ascii_case(NAME.as_bytes()))
        .collect();
    if let [(_, field)] = present.as_slice()
        && edits.is_empty()
        && is_ours(&value::unfolded(field.value.of(message.raw())), message, settings)
    {
        return Ok(());
    }
    let after = edits.apply(message)?;
    let after = Message::parse(&after, &Default::default());
    for (index, _) in present {
        edits.header(HeaderEdit::Delete { field: index });
    }
    let text = write(summary, settings);
    let sealed = format!("{text} policy.seal={}", seal(&text, &body_digest(&after), settings));
    edits.header(HeaderEdit::Insert { place: Place::Trace, name: NAME.to_owned(), value: fold(&sealed) });
    Ok(())
}

/// True where the seal of a field proves that this instance (or one with the same key) wrote it for
/// this very body.
fn is_ours(text: &str, message: &Message<'_>, settings: &Results) -> bool {
    let Some((unsealed, found)) = text.rsplit_once(" policy.seal=") else { return false };
    let host = unsealed.split(';').next().unwrap_or_default().trim();
    host == settings.authserv_id && found.trim() == seal(unsealed, &body_digest(message), settings)
}

fn write(summary: &Summary<'_>, settings: &Results) -> String {
    let verdict = if summary.pass { "pass" } else { "fail" };
    let mut out = format!("{}; vpim={verdict} message.class={}", settings.authserv_id, summary.class);
    let mut property = |name: &str, value: String| {
        if !value.is_empty() {
            out.push_str(&format!(" policy.{name}={}", property_value(&value)));
        }
    };
    property("route", summary.route.unwrap_or_default().to_owned());
    property("profile", summary.profile.unwrap_or_default().to_owned());
    let mut rules = summary.rules.iter().take(MAX_RULES).copied().collect::<Vec<_>>().join(",");
    if summary.rules.len() > MAX_RULES {
        rules.push_str(&format!(",+{}", summary.rules.len() - MAX_RULES));
    }
    property("rules", rules);
    property("actions", summary.actions.join(", "));
    property("losses", summary.losses.join(", "));
    property("broken-signatures", summary.broken_signatures.join(", "));
    property("unchanged", summary.unchanged_because.unwrap_or_default().to_owned());
    out
}

/// A token, or a quoted string of printable ASCII with single blanks.
fn property_value(text: &str) -> String {
    let token = text.bytes().all(|c| c.is_ascii_alphanumeric() || matches!(c, b'-' | b'.' | b'_' | b'+'));
    if token && text.len() <= MAX_PROPERTY {
        return text.to_owned();
    }
    let words: Vec<&str> = text.split_ascii_whitespace().collect();
    let mut safe: String =
        words.join(" ").chars().filter(|c| (' '..='~').contains(c) && !matches!(c, '"' | '\\')).collect();
    if safe.len() > MAX_PROPERTY {
        safe.truncate(MAX_PROPERTY);
        safe.push_str("...");
    }
    format!("\"{}\"", safe.trim())
}

/// Folds at blanks, lines of at most 76 where the words allow. LF in folds.
fn fold(text: &str) -> Vec<u8> {
    let mut out = String::new();
    let mut width = NAME.len() + 1;
    for word in text.split(' ') {
        if width + 1 + word.len() > 76 && width > NAME.len() + 1 {
            out.push('\n');
            width = 0;
        }
        out.push(' ');
        out.push_str(word);
        width += 1 + word.len();
    }
    out.into_bytes()
}

/// The first 16 hexadecimal digits of HMAC-SHA256 over the field and the body. Blanks are squeezed,
/// since MTAs fold fields.
pub(super) fn seal(text: &str, body: &BodyDigest, settings: &Results) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(&settings.key).expect("HMAC takes keys of any length");
    for word in text.split_ascii_whitespace() {
        mac.update(word.as_bytes());
        mac.update(b" ");
    }
    mac.update(body);
    mac.finalize().into_bytes().iter().take(8).map(|b| format!("{b:02x}")).collect()
}

/// SHA-256 of a body.
pub(super) type BodyDigest = [u8; 32];

/// The digest of a body, without its final line ends, which MTAs complete.
pub(super) fn body_digest(message: &Message<'_>) -> BodyDigest {
    Sha256::digest(message.root().body.of(message.raw()).trim_ascii_end()).into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limits::Limits;

    fn settings() -> Results {
        Results { enabled: true, authserv_id: "mx.test".into(), key: b"k".to_vec() }
    }

    fn labelled(raw: &str, settings: &Results) -> String {
        let message = Message::parse(raw.as_bytes(), &Limits::default());
        let mut edits = EditList::default();
        let actions = ["1: a -> b \"x\"".to_owned()];
        let summary =
            Summary { pass: true, class: "vpim2", route: Some("r"), actions: &actions, ..Summary::default() };
        label(&message, &mut edits, settings, &summary).unwrap();
        String::from_utf8(edits.apply(&message).unwrap()).unwrap()
    }

    #[test]
    fn a_second_pass_leaves_our_field_alone() {
        let once = labelled("Subject: x\r\n\r\nbody\r\n", &settings());
        assert!(once.starts_with("VPIM-Results: mx.test; vpim=pass message.class=vpim2"), "{once}");
        assert_eq!(labelled(&once, &settings()), once);
    }

    #[test]
    fn foreign_and_forged_fields_are_removed() {
        let forged = "VPIM-Results: mx.test; vpim=pass policy.seal=0011223344556677\r\nvpim-results: other; x\r\n\r\nb\r\n";
        let out = labelled(forged, &settings());
        assert_eq!(out.to_ascii_lowercase().matches("vpim-results:").count(), 1, "{out}");
        assert!(!out.contains("0011223344556677"));
        let other_key = Results { key: b"other".to_vec(), ..settings() };
        let once = labelled("Subject: x\r\n\r\nbody\r\n", &other_key);
        let again = labelled(&once, &settings());
        assert_ne!(again, once);
        assert_eq!(again.matches("VPIM-Results:").count(), 1);
    }

    #[test]
    fn a_changed_body_breaks_the_seal() {
        let once = labelled("Subject: x\r\n\r\nbody\r\n", &settings());
        let changed = once.replace("\r\n\r\nbody", "\r\n\r\nBODY");
        assert_ne!(labelled(&changed, &settings()), changed);
    }

    #[test]
    fn hostile_words_become_no_syntax() {
        assert_eq!(property_value("a\r\nX: \"y\"\u{e9}"), "\"a X: y\"");
        assert!(property_value(&"x ".repeat(1000)).len() < MAX_PROPERTY + 10);
    }
}
