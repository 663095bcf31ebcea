//! The SMTP reply each rule asks for when a message that breaks it is refused (RFC 3463, RFC 3801
//! 5). Rules that are not listed get the general 554 5.6.0.

/// Reply code and enhanced status code.
pub type Code = (u16, (u8, u8, u8));

/// For rules that name none.
pub const GENERAL: Code = (554, (5, 6, 0));

const BAD_MAILBOX: Code = (550, (5, 1, 1));
const BAD_PARAMETER: Code = (501, (5, 5, 4));
const MEDIA: Code = (554, (5, 6, 1));
const POLICY: Code = (550, (5, 7, 1));

/// By rule id.
static REPLIES: &[(&str, Code)] = &[
    ("vpim2-non-mail-user-reject", BAD_MAILBOX),
    ("vpim2-non-mail-user-no-reply", BAD_MAILBOX),
    ("vpim2-private-unsupported-returned", GENERAL),
    ("vpim2-recv-undecodable-encoding", MEDIA),
    ("vpim2-voice-message-boundary", GENERAL),
    ("vpim2-recv-fax-outside-reject", MEDIA),
    ("vpim2-recv-unrenderable-media", MEDIA),
    ("vpim2-smtp-turn", (502, (5, 5, 1))),
    ("vpim2-esmtp-size", (552, (5, 3, 4))),
    ("vpim2421-encoding-unrenderable-ndn", MEDIA),
    ("ivm-critical-unsupported-fails-all", MEDIA),
    ("ivm-gateway-private", GENERAL),
    ("ivm-gateway-critical-unsupported", MEDIA),
    ("gstn-outdial-authorised", POLICY),
    ("handling-required-fails-message", MEDIA),
    ("handling-signed-intact", (554, (5, 6, 2))),
    ("handling-encrypted-undecryptable", MEDIA),
    ("ifax-any-part-failure-fails-all", MEDIA),
    ("ifax-offramp-authorisation", POLICY),
    ("image-tiff-magic", MEDIA),
    ("efax-reject-unprocessable", MEDIA),
    ("efax-any-attachment-fails", MEDIA),
    ("tiff-s-version-42", MEDIA),
    ("tiff-s-strip-offsets", MEDIA),
    ("tiff-f-missing-fields-rejected", MEDIA),
    ("vpimdir-msgblocked", (550, (5, 2, 1))),
    ("dsn-notify-syntax", BAD_PARAMETER),
    ("dsn-orcpt-syntax", BAD_PARAMETER),
    ("dsn-xtext-encoding", BAD_PARAMETER),
    ("dsn-ret-syntax", BAD_PARAMETER),
    ("dsn-envid-syntax", BAD_PARAMETER),
    ("dsn-parameters-once", BAD_PARAMETER),
];

/// The reply to a message that breaks the rule `id`.
pub fn reply(id: &str) -> Code {
    REPLIES.iter().find(|(rule, _)| *rule == id).map_or(GENERAL, |(_, code)| *code)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_sound() {
        for (id, (code, (class, ..))) in REPLIES {
            assert!((500..560).contains(code) && *class == 5, "{id}");
        }
        assert_eq!(reply("vpim2-non-mail-user-reject"), (550, (5, 1, 1)));
        assert_eq!(reply("no-such-rule"), GENERAL);
    }

    #[test]
    fn codes_are_those_of_the_catalogue_of_requirements() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../shared/spec/requirements.toml");
        let Ok(text) = std::fs::read_to_string(path) else {
            println!("skipped: the catalogue of requirements (no ../shared)");
            return;
        };
        let catalogue: toml::Table = text.parse().unwrap();
        let mut count = 0;
        for entry in catalogue["requirement"].as_array().unwrap() {
            let action = entry.get("default_action").and_then(|a| a.as_str()).unwrap_or_default();
            let Some(wanted) = action.strip_prefix("reject ") else { continue };
            let id = entry["id"].as_str().unwrap();
            let (code, (a, b, c)) = REPLIES.iter().find(|(rule, _)| *rule == id).unwrap().1;
            assert_eq!(format!("{code} {a}.{b}.{c}"), wanted, "{id}");
            count += 1;
        }
        assert_eq!(count, REPLIES.len());
    }
}
