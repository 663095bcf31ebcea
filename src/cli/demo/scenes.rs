//! What is played, and what must come of it.

/// A message sent to somebody, and the expectations it has to meet.
pub struct Scene {
    /// Folder of its files.
    pub name: &'static str,
    /// What it shows.
    pub title: &'static str,
    /// The message.
    pub raw: &'static [u8],
    /// Sender.
    pub mail_from: &'static str,
    /// Recipient; decides the route.
    pub rcpt_to: &'static str,
    /// Class of the message sent.
    pub class: &'static str,
    /// It breaks no MUST.
    pub conformant: bool,
    /// What must come of it.
    pub expect: Expect,
}

/// What must come of a message.
pub enum Expect {
    /// Delivered with so many parts of these media types.
    Converted {
        /// Class to which it conforms after the conversion, where the recipient's system asks for one.
        class: Option<&'static str>,
        /// Media type in lower case and how many parts of it there are.
        parts: &'static [(&'static str, usize)],
    },
    /// Delivered octet for octet.
    Untouched,
    /// Refused for good.
    Refused,
}

const VOICE_SYSTEM: &str = "+12145551234@vm2.example.net";
const PERSON: &str = "bob@desktop.example.org";
const MAILBOX: &str = "+19725551212@vm1.example.com";

/// All scenes in order.
pub const SCENES: &[Scene] = &[
    Scene {
        name: "1-voice-and-fax-to-a-person",
        title: "a voice message with a fax, from a VPIM system to a person with a mail client",
        raw: include_bytes!("../../../examples/messages/desk-voice-fax.eml"),
        mail_from: VOICE_SYSTEM,
        rcpt_to: PERSON,
        class: "vpim2",
        conformant: true,
        expect: Expect::Converted {
            class: None,
            parts: &[("text/plain", 1), ("audio/wav", 1), ("application/pdf", 1)],
        },
    },
    Scene {
        name: "2-spoken-name-and-subject-to-a-person",
        title: "a voice message with spoken name and spoken subject, to a person",
        raw: include_bytes!("../../../examples/messages/desk-name-subject.eml"),
        mail_from: VOICE_SYSTEM,
        rcpt_to: PERSON,
        class: "vpim2",
        conformant: true,
        expect: Expect::Converted { class: None, parts: &[("text/plain", 1), ("audio/wav", 3)] },
    },
    Scene {
        name: "3-pbx-voicemail-to-a-voice-system",
        title: "voicemail of a PBX (WAV in ordinary mail), to a VPIM system",
        raw: include_bytes!("../../../examples/messages/pbx-asterisk-wav.eml"),
        mail_from: "asterisk@pbx.example.com",
        rcpt_to: MAILBOX,
        class: "voice-other",
        conformant: false,
        expect: Expect::Converted {
            class: Some("vpim2"),
            parts: &[("audio/32kadpcm", 1), ("audio/x-wav", 0)],
        },
    },
    Scene {
        name: "4-fax-to-a-person",
        title: "a fax of two pages in two resolutions, to a person",
        raw: include_bytes!("../../../examples/messages/fax-mixed-resolution.eml"),
        mail_from: VOICE_SYSTEM,
        rcpt_to: PERSON,
        class: "vpim2",
        conformant: true,
        expect: Expect::Converted {
            class: None,
            parts: &[("text/plain", 1), ("application/pdf", 1), ("image/tiff", 0)],
        },
    },
    Scene {
        name: "5-fax-server-to-a-voice-system",
        title: "a fax of a fax server (TIFF in ordinary mail), to a VPIM system",
        raw: include_bytes!("../../../examples/messages/pbx-hylafax-tiff.eml"),
        mail_from: "fax@pbx.example.com",
        rcpt_to: MAILBOX,
        class: "voice-other",
        conformant: false,
        expect: Expect::Converted { class: Some("vpim2"), parts: &[("image/tiff", 1)] },
    },
    Scene {
        name: "6-wrong-nibble-order-to-a-person",
        title: "a sender that packs its audio in the wrong order (noise at the receiver), to a person",
        raw: include_bytes!("../../../examples/messages/viol-nibble-order.eml"),
        mail_from: VOICE_SYSTEM,
        rcpt_to: PERSON,
        class: "vpim2",
        conformant: false,
        expect: Expect::Converted { class: None, parts: &[("text/plain", 1), ("audio/wav", 1)] },
    },
    Scene {
        name: "7-no-disposition-to-a-strict-voice-system",
        title: "audio that does not say what it is, to a voice system that wants RFC 3801 to the letter",
        raw: include_bytes!("../../../examples/messages/viol-no-disposition.eml"),
        mail_from: VOICE_SYSTEM,
        rcpt_to: "+19725551212@strict.example.com",
        class: "vpim2",
        conformant: false,
        expect: Expect::Refused,
    },
    Scene {
        name: "8-ordinary-mail",
        title: "ordinary mail, to the same person",
        raw: include_bytes!("../../../examples/messages/pass-plain.eml"),
        mail_from: "jane@desktop.example.org",
        rcpt_to: PERSON,
        class: "none",
        conformant: true,
        expect: Expect::Untouched,
    },
];
