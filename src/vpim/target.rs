//! What is known of the system the recipients' mailboxes are on. It comes from the profile of a route,
//! from the directory, or from nobody: then nothing is assumed, and rules about it find nothing.

use serde::{Deserialize, Serialize};
use wildmatch::WildMatch;

/// Abilities of a recipient's system; `None` where nobody said.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Target {
    /// It follows RFC 2421, not RFC 3801.
    pub rfc2421: bool,
    /// It keeps private messages private (RFC 3801 4.2.13).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub privacy: Option<bool>,
    /// It can show or speak text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub text: Option<bool>,
    /// It can take fax pages.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fax: Option<bool>,
    /// The fax pages it takes are those of profile S only (RFC 3949 3).
    pub fax_profile_s: Option<bool>,
    /// It refuses voice messages with contents other than voice, fax and embedded messages.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub strict_contents: Option<bool>,
    /// It is a VPIM version 2 system, and only that; false for a system that is surely none.
    pub vpim: Option<bool>,
    /// It is a gateway that places calls on our account.
    pub dials: bool,
    /// It can decrypt.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub decrypts: Option<bool>,
    /// Globs of media types it takes, or that we convert to what it takes; empty where nobody said.
    pub media: Vec<String>,
    /// Media types of audio that its mailboxes are known to take besides those every VPIM system takes: by
    /// agreement, or from the directory (RFC 4237 2.5).
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub audio: Vec<String>,
}

impl Target {
    /// True where `essence` is known to be taken (RFC 3801 4.4.3: "unless the recipient is known").
    pub fn is_known_to_take(&self, essence: &str) -> bool {
        self.audio.iter().any(|known| known.eq_ignore_ascii_case(essence))
    }

    /// False only where the media types it takes are known and `essence` is none of them.
    pub fn may_take(&self, essence: &str) -> bool {
        let essence = essence.to_ascii_lowercase();
        self.media.is_empty()
            || self.media.iter().any(|glob| WildMatch::new(&glob.to_ascii_lowercase()).matches(&essence))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_target_takes_everything() {
        assert!(Target::default().may_take("audio/x"));
        let strict = Target { media: vec!["audio/32KADPCM".into(), "image/*".into()], ..Target::default() };
        assert!(strict.may_take("Audio/32kadpcm") && strict.may_take("image/tiff"));
        assert!(!strict.may_take("audio/amr"));
    }
}
