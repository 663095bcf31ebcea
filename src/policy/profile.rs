//! Profiles: what a destination accepts, as data. The built-in ones are the TOML files beside this
//! one; the configuration adds to them with `[profile.NAME] extends = "..."`.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What the message for a destination looks like.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Structure {
    /// As it came.
    Untouched,
    /// `multipart/voice-message` (RFC 3801 4.4.1).
    VoiceMessage,
    /// `multipart/mixed` of parts a mail client shows.
    Mixed,
}

/// What becomes of a part that the structure has no place for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Foreign {
    /// Removed, and said so.
    Drop,
    /// Kept outside the voice message, in an outer `multipart/mixed`.
    Outside,
    /// Kept where it is.
    Keep,
}

/// What to do with a message that cannot be converted as the profile wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Refusal {
    /// Deliver it as it came.
    Deliver,
    /// Refuse it with 5.6.x.
    Reject,
    /// Let the MTA hold it.
    Quarantine,
    /// Refuse it for now with 4.6.x.
    Tempfail,
}

/// A destination.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "snake_case")]
pub struct Profile {
    /// One line for `config show`.
    pub title: String,
    /// Document the limits come from.
    pub source: String,
    /// Shape of the message.
    pub structure: Structure,
    /// Media type that audio becomes; `None` leaves audio alone.
    pub audio: Option<String>,
    /// Further audio media types the destination takes as they are.
    pub audio_accepted: Vec<String>,
    /// Media type that a fax becomes; `None` leaves faxes alone.
    pub fax: Option<String>,
    /// `text/plain` and `text/html` that came with the voice.
    pub text: Foreign,
    /// `text/directory`, `text/vcard`.
    pub vcard: Foreign,
    /// Anything else.
    pub other: Foreign,
    /// Puts a text in front that says who called, how long, what was dropped.
    pub summary: bool,
    /// Converts inside embedded messages too.
    pub forwarded: bool,
    /// What to do with a message that cannot be converted.
    pub cannot_convert: Refusal,
}

/// Profiles by name.
pub type Profiles = BTreeMap<String, Profile>;

/// The built-in profiles.
pub fn builtin() -> Profiles {
    let text = include_str!("profiles/untouched.toml");
    let profile = toml::from_str(text).expect("a built-in profile is valid, see the test");
    Profiles::from([("untouched".to_owned(), profile)])
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_built_in_profiles_are_valid() {
        assert!(super::builtin().contains_key("untouched"));
    }
}
