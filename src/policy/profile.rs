//! Profiles: what a destination accepts, as data. The built-in ones are the TOML files beside this
//! one; the configuration adds to them with `[profile.NAME] extends = "..."`.

use crate::media::Treatment;
use crate::vpim::Target;
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
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub audio: Option<String>,
    /// Audio the destination takes as it is, as globs of `container/codec` found in the bytes.
    pub audio_accepted: Vec<String>,
    /// Brings speech that is coded anew to an even level; audio the destination takes stays as it is.
    #[serde(default)]
    pub normalise: bool,
    /// Cuts silence at both ends of audio that is coded anew off.
    #[serde(default)]
    pub trim_silence: bool,
    /// Media type that a fax becomes; `None` leaves faxes alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fax: Option<String>,
    /// `text/plain` and `text/html` that came with the voice.
    pub text: Foreign,
    /// `text/directory`, `text/vcard`.
    pub vcard: Foreign,
    /// Anything else.
    pub other: Foreign,
    /// Puts a text in front that says who called, how long, what was dropped.
    pub summary: bool,
    /// Language of texts for people, by its code (ISO 639-1).
    #[serde(default = "english")]
    pub language: String,
    /// Lines of the summary, templates; none: those of the language.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub summary_lines: Vec<String>,
    /// Converts inside embedded messages too.
    pub forwarded: bool,
    /// What to do with a message that cannot be converted.
    pub cannot_convert: Refusal,
    /// Repairs what the message breaks of its own profile, by the smallest edits, before anything
    /// else.
    #[serde(default)]
    pub repair: bool,
    /// What is known of the destination's system besides.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target: Option<Target>,
}

fn english() -> String {
    "en".to_owned()
}

/// Profiles by name.
pub type Profiles = BTreeMap<String, Profile>;

/// The files of the built-in profiles.
const FILES: &[(&str, &str)] = &[
    ("untouched", include_str!("profiles/untouched.toml")),
    ("repair", include_str!("profiles/repair.toml")),
    ("desktop", include_str!("profiles/desktop.toml")),
    ("vpim2", include_str!("profiles/vpim2.toml")),
];

/// The text of the file of a built-in profile.
pub fn builtin_text(name: &str) -> Option<&'static str> {
    FILES.iter().find(|(n, _)| *n == name).map(|(_, text)| *text)
}

/// The profiles that come with the program.
pub fn builtin() -> Profiles {
    let read = |(name, text): &(&str, &str)| {
        let profile = toml::from_str(text).expect("built-in profiles are read by a test");
        ((*name).to_owned(), profile)
    };
    FILES.iter().map(read).collect()
}

impl Profile {
    /// True where messages for this destination are changed.
    pub fn changes(&self) -> bool {
        self.repair || self.structure != Structure::Untouched
    }

    /// What is done to the sound that is coded anew.
    pub fn treatment(&self) -> Treatment {
        Treatment { normalise: self.normalise, trim: self.trim_silence }
    }

    /// True for audio the destination takes as it is: `container/codec` as found in the bytes.
    pub fn accepts_audio(&self, container: &str, codec: &str) -> bool {
        let found = format!("{container}/{codec}");
        self.audio_accepted.iter().any(|pattern| wildmatch::WildMatch::new(pattern).matches(&found))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn built_in_profiles_are_complete_and_their_media_types_valid() {
        let profiles = builtin();
        assert!(profiles.len() >= 3);
        for (name, profile) in &profiles {
            for media_type in [&profile.audio, &profile.fax].into_iter().flatten() {
                assert!(media_type.parse::<mime::Mime>().is_ok(), "{name}: {media_type}");
            }
            assert!(!profile.title.is_empty() && !profile.source.is_empty(), "{name}");
        }
        assert!(profiles["desktop"].accepts_audio("wav", "pcm-s16"));
        assert!(!profiles["desktop"].accepts_audio("wav", "gsm"));
        assert!(profiles["vpim2"].accepts_audio("raw", "g726-32"));
    }
}
