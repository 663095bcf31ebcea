//! Profiles: what a destination accepts, as data. The built-in ones are the TOML files beside this
//! one; the configuration adds to them with `[profile.NAME] extends = "..."`.

use super::bounds::Bounds;
use crate::media::Treatment;
use crate::vpim::{Class, Target};
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
    /// One `text/plain` of a line that says what came: for pagers and short messages.
    Text,
}

/// What a destination may have a place for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Medium {
    /// Audio bodies.
    Voice,
    /// Fax pages.
    Fax,
}

/// What becomes of spoken names and spoken subjects (RFC 3801 4.3.2).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Spoken {
    /// They stay parts of their own.
    #[default]
    Keep,
    /// Removed, and said so.
    Drop,
}

/// How a mail client is asked to show a part (RFC 2183 2.1, 2.2).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Shown {
    /// As an attachment.
    #[default]
    Attachment,
    /// Within the message.
    Inline,
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
    /// Plain text becomes a fax page; what is no plain text is removed, and said so.
    Render,
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
    /// The class whose rules the message follows once it was converted: what it breaks of them is
    /// repaired. `None` where no standard says how such a message looks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub conforms: Option<Class>,
    /// What the destination has a place for. A body of another medium is dropped, and said so, where
    /// something it takes is left; else the message cannot be converted.
    #[serde(default = "every_medium")]
    pub carries: Vec<Medium>,
    /// Media type that audio becomes; `None` leaves audio alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub audio: Option<String>,
    /// Audio the destination takes as it is, as globs of `container/codec` found in the bytes.
    pub audio_accepted: Vec<String>,
    /// Further media types that audio may become, in order of preference: where the directory lists one of
    /// them for a mailbox, and not `audio`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub audio_choices: Vec<String>,
    /// Brings speech that is coded anew to an even level; audio the destination takes stays as it is.
    #[serde(default)]
    pub normalise: bool,
    /// Cuts silence at both ends of audio that is coded anew off.
    #[serde(default)]
    pub trim_silence: bool,
    /// Makes telephone keys (DTMF) in audio that is coded anew silent: a gateway takes them for signals.
    #[serde(default)]
    pub mute_keys: bool,
    /// Spoken names and subjects.
    #[serde(default)]
    pub spoken: Spoken,
    /// Joins the voice messages of one message into one body: the destination plays one.
    #[serde(default)]
    pub concatenate: bool,
    /// Media type that a fax becomes; `None` leaves faxes alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fax: Option<String>,
    /// Faxes the destination takes as they are, as globs of `container/coding` found in the bytes; with
    /// none, those that are octet for octet what we would write.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub fax_accepted: Vec<String>,
    /// Puts a picture of the first page of a fax behind it.
    #[serde(default)]
    pub preview: bool,
    /// How converted parts of a `multipart/mixed` are shown.
    #[serde(default)]
    pub shown: Shown,
    /// Writes what an audio part is (`voice=`, RFC 3801 15.2) outside `multipart/voice-message` too.
    #[serde(default)]
    pub voice_parameter: bool,
    /// Marks voice and fax as content that must not get lost (`handling=required`, RFC 3459).
    #[serde(default)]
    pub critical: bool,
    /// File names of converted voice messages, without the ending, made of what is known of the message:
    /// `{stamp}`, `{number}`, `{span}` and the like. The first for which everything is known counts; by
    /// default the sender's.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub voice_file: Vec<String>,
    /// The same for faxes.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub fax_file: Vec<String>,
    /// Header fields the destination wants on messages with voice, made of what is known of the
    /// message. A field whose text names something unknown is not written.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub voice_headers: BTreeMap<String, String>,
    /// Header fields it wants on messages with a fax; what `voice_headers` says of the same field counts
    /// where there is voice too.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub fax_headers: BTreeMap<String, String>,
    /// `text/plain` and `text/html` that came with the voice.
    pub text: Foreign,
    /// `text/html`, where it differs from `text`; of a `multipart/alternative` the plain text stays.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub html: Option<Foreign>,
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
    /// What the destination has room for.
    #[serde(default)]
    pub bounds: Bounds,
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

fn every_medium() -> Vec<Medium> {
    vec![Medium::Voice, Medium::Fax]
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
    ("outlook", include_str!("profiles/outlook.toml")),
    ("vpim2", include_str!("profiles/vpim2.toml")),
    ("vpim2-rfc2421", include_str!("profiles/vpim2-rfc2421.toml")),
    ("ivm", include_str!("profiles/ivm.toml")),
    ("visual-voicemail", include_str!("profiles/visual-voicemail.toml")),
    ("fax-gateway", include_str!("profiles/fax-gateway.toml")),
    ("amis", include_str!("profiles/amis.toml")),
    ("pager", include_str!("profiles/pager.toml")),
    ("cisco-unity-connection", include_str!("profiles/cisco-unity-connection.toml")),
    ("cisco-unity-express", include_str!("profiles/cisco-unity-express.toml")),
    ("avaya-message-networking", include_str!("profiles/avaya-message-networking.toml")),
    ("callpilot", include_str!("profiles/callpilot.toml")),
    ("nupoint", include_str!("profiles/nupoint.toml")),
    ("asterisk", include_str!("profiles/asterisk.toml")),
    ("freeswitch", include_str!("profiles/freeswitch.toml")),
    ("hylafax", include_str!("profiles/hylafax.toml")),
    ("cisco-t37", include_str!("profiles/cisco-t37.toml")),
];

/// The text of the file of a built-in profile.
pub fn builtin_text(name: &str) -> Option<&'static str> {
    FILES.iter().find(|(n, _)| *n == name).map(|(_, text)| *text)
}

/// The profiles that come with the program.
pub fn builtin() -> Profiles {
    let table = |name: &str| {
        let text = builtin_text(name).unwrap_or_default();
        text.parse::<toml::Table>().expect("built-in profiles are read by a test")
    };
    let read = |(name, _): &(&str, &str)| {
        let mut whole = table(name);
        // Vendors' systems differ little from the standard they follow.
        while let Some(base) = whole.remove("extends") {
            whole = merged(table(base.as_str().unwrap_or_default()), whole);
        }
        ((*name).to_owned(), whole.try_into().expect("built-in profiles are read by a test"))
    };
    FILES.iter().map(read).collect()
}

fn any(patterns: &[String], found: &str) -> bool {
    patterns.iter().any(|pattern| wildmatch::WildMatch::new(pattern).matches(found))
}

/// `base` with what `over` says otherwise; an empty text takes a value away.
fn merged(mut base: toml::Table, over: toml::Table) -> toml::Table {
    for (key, value) in over {
        match (base.remove(&key), value) {
            (_, toml::Value::String(text)) if text.is_empty() => {}
            (Some(toml::Value::Table(old)), toml::Value::Table(new)) => {
                base.insert(key, merged(old, new).into());
            }
            (_, value) => _ = base.insert(key, value),
        }
    }
    base
}

impl Profile {
    /// True where messages for this destination are changed.
    pub fn changes(&self) -> bool {
        self.repair || self.structure != Structure::Untouched
    }

    /// What is done to the sound that is coded anew.
    pub fn treatment(&self) -> Treatment {
        Treatment {
            normalise: self.normalise,
            trim: self.trim_silence,
            mute_keys: self.mute_keys,
            longest_silence_s: self.bounds.silence_seconds,
            longest_s: None,
        }
    }

    /// True for audio the destination takes as it is: `container/codec` as found in the bytes.
    pub fn accepts_audio(&self, container: &str, codec: &str) -> bool {
        any(&self.audio_accepted, &format!("{container}/{codec}"))
    }

    /// True for fax pages the destination takes as they are: `container/coding` as found in the bytes.
    pub fn accepts_fax(&self, container: &str, coding: &str) -> bool {
        any(&self.fax_accepted, &format!("{container}/{coding}"))
    }

    /// True where the destination has a place for a medium.
    pub fn carries(&self, medium: Medium) -> bool {
        self.carries.contains(&medium)
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
