//! Marks of critical content (RFC 3459).

use super::seen::{INTERNET, Seen, processed, strict};
use super::{Kept, Reading, need};
use vpim_milter::engine::Verdict;

/// A voice message with a part nobody can convert.
const MARKED: &str = "From: \"Ann Example\" <ann@example.net>
To: <tom@example.org>
Date: Tue, 4 Mar 2025 09:00:00 +0100
Message-ID: <a5@example.net>
Subject: Voice message
MIME-Version: 1.0
Message-Context: voice-message
Content-Type: multipart/mixed; boundary=b1

--b1
Content-Type: audio/basic
Content-Transfer-Encoding: base64
Content-Disposition: inline; voice=Voice-Message; filename=voice.au; handling=REQUIRED

////////////
--b1
Content-Type: audio/x-unknown
Content-Transfer-Encoding: base64
Content-Disposition: attachment; handling=OPTIONAL

AAAA
--b1--
";

const OPTIONAL: &str = "; handling=OPTIONAL";

/// The voice is delivered, the other part dropped and said to be.
fn goes_without(s: &Seen) -> Kept {
    let outcome = processed(&s.raw, &strict("vpim2"));
    let out = String::from_utf8_lossy(outcome.rewritten.as_deref().unwrap_or_default()).into_owned();
    let dropped =
        !out.contains("Content-Type: audio/x-unknown") && out.contains("Content-Type: audio/32KADPCM");
    let said = outcome.record.losses.iter().any(|l| l.contains("optional, dropped"));
    need(s.delivered && dropped && said, || format!("{} {out}", s.shown()))
}

/// The whole message fails, in the dialogue, as media not supported.
fn fails(s: &Seen) -> Kept {
    let outcome = processed(&s.raw, &strict("vpim2"));
    let Verdict::Refuse(reply) = outcome.verdict else { return Err(s.shown()) };
    need((reply.code, reply.enhanced.0, reply.enhanced.1) == (554, 5, 6), || format!("{reply:?}"))
}

fn fails_with_5_6_1(s: &Seen) -> Kept {
    match processed(&s.raw, &strict("vpim2")).verdict {
        Verdict::Refuse(reply) => need(reply.enhanced == (5, 6, 1), || format!("{reply:?}")),
        other => Err(format!("{other:?}")),
    }
}

/// A mark is a wish, no proof: with any value the message takes the same way.
fn same_way(s: &Seen) -> Kept {
    let text = String::from_utf8_lossy(&s.raw).into_owned();
    let unmarked = text.replacen("; handling=REQUIRED", "", 1).replacen("; handling=OPTIONAL", "", 1);
    let other = Seen::of(unmarked.into_bytes());
    let same = (s.class, s.delivered, &s.bodies) == (other.class, other.delivered, &other.bodies);
    need(same && s.delivered, || format!("{} but unmarked {}", s.shown(), other.shown()))
}

pub const READINGS: &[Reading] = &[
    Reading {
        id: "handling-optional-no-failure",
        message: MARKED,
        variants: &[&[]],
        holds: goes_without,
        spoiled: &[(OPTIONAL, "; handling=REQUIRED")],
    },
    Reading {
        id: "handling-case-insensitive",
        message: MARKED,
        variants: &[
            &[(OPTIONAL, "; HANDLING=optional")],
            &[(OPTIONAL, "; Handling=\"Optional\"")],
            &[(OPTIONAL, ";\n handling = oPTIONAL")],
        ],
        holds: goes_without,
        spoiled: &[(OPTIONAL, "; handling=OPTION")],
    },
    Reading {
        id: "handling-unknown-required",
        message: MARKED,
        variants: &[&[(OPTIONAL, "; handling=maybe")], &[(OPTIONAL, "; handling=\"\"")]],
        holds: fails,
        spoiled: &[],
    },
    Reading {
        id: "handling-default-required",
        message: MARKED,
        variants: &[&[(OPTIONAL, "")]],
        holds: fails,
        spoiled: &[],
    },
    Reading {
        id: "handling-outer-level-only",
        message: MARKED,
        variants: &[&[(
            "Content-Type: audio/x-unknown",
            "Content-Type: message/rfc822\n\nFrom: <t@example.com>\nMIME-Version: 1.0\nContent-Type: audio/x-unknown",
        )]],
        holds: fails,
        spoiled: &[],
    },
    Reading {
        id: "handling-status-561",
        message: MARKED,
        variants: &[&[(OPTIONAL, "; handling=REQUIRED")]],
        holds: fails_with_5_6_1,
        spoiled: &[(OPTIONAL, "")],
    },
    Reading {
        id: "handling-notification-on-request",
        message: MARKED,
        variants: &[&[(OPTIONAL, "; handling=REQUIRED")]],
        holds: fails,
        spoiled: &[],
    },
    Reading {
        id: "handling-no-authentication-value",
        message: INTERNET,
        variants: &[&[], &[("handling=REQUIRED", "handling=OPTIONAL")]],
        holds: same_way,
        spoiled: &[("audio/basic", "audio/x-unknown")],
    },
];
