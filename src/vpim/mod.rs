//! The vocabulary of VPIM (RFC 3801) and its relatives: what a message is, what its parts mean, and
//! the envelope it came in.

pub mod class;
pub mod dialect;
pub mod directory;
pub mod envelope;
pub mod gstn;
pub mod listing;
pub mod numeric;
pub mod sealed;
pub mod survey;
pub mod target;

pub use class::Class;
pub use directory::Answer;
pub use envelope::Envelope;
pub use listing::{Listing, Lookup};
pub use survey::{Body, Stamp, Survey};
pub use target::Target;

/// The `voice` parameter of `Content-Disposition` (RFC 3801 4.3.2, RFC 2421 4.3.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum VoiceKind {
    /// `Voice-Message`: the message proper.
    VoiceMessage,
    /// `Voice-Message-Notification`: a spoken delivery or disposition notification.
    Notification,
    /// `Originator-Spoken-Name`.
    OriginatorSpokenName,
    /// `Recipient-Spoken-Name`.
    RecipientSpokenName,
    /// `Spoken-Subject`.
    SpokenSubject,
}

impl VoiceKind {
    /// All kinds.
    pub const ALL: [VoiceKind; 5] = [
        VoiceKind::VoiceMessage,
        VoiceKind::Notification,
        VoiceKind::OriginatorSpokenName,
        VoiceKind::RecipientSpokenName,
        VoiceKind::SpokenSubject,
    ];

    /// The value as RFC 3801 spells it.
    pub fn name(self) -> &'static str {
        match self {
            VoiceKind::VoiceMessage => "Voice-Message",
            VoiceKind::Notification => "Voice-Message-Notification",
            VoiceKind::OriginatorSpokenName => "Originator-Spoken-Name",
            VoiceKind::RecipientSpokenName => "Recipient-Spoken-Name",
            VoiceKind::SpokenSubject => "Spoken-Subject",
        }
    }

    /// Reads a parameter value without case (RFC 2421: values are case-insensitive).
    pub fn parse(value: &str) -> Option<Self> {
        let value = value.trim();
        Self::ALL.into_iter().find(|k| k.name().eq_ignore_ascii_case(value))
    }
}
