//! Header fields and addresses.

use super::seen::{FORWARD, INTERNET, Seen, VOICE, envelope, octets, strict};
use super::{Kept, Reading, Scene, need};
use vpim_milter::conformance::judge;
use vpim_milter::engine::{self, Ambient, Verdict};
use vpim_milter::limits::{Budget, Limits};
use vpim_milter::message::{Message, value};
use vpim_milter::vpim::{Class, Envelope, Survey, VoiceKind};

/// The sample voice message, understood in full and refused by nobody.
fn understood(s: &Seen) -> Kept {
    let kinds = [Some(VoiceKind::OriginatorSpokenName), Some(VoiceKind::VoiceMessage)];
    let heard = s.bodies.iter().all(|b| b.samples == Some(12));
    need(s.class == Class::Vpim2 && s.kinds() == kinds && heard && s.delivered, || s.shown())
}

/// The same, and nothing wrong with it.
fn conforming(s: &Seen) -> Kept {
    understood(s)?;
    need(s.accepted && s.musts.is_empty(), || s.shown())
}

fn internet(s: &Seen) -> Kept {
    let heard = matches!(s.bodies.as_slice(), [b] if b.samples == Some(9));
    need(heard && s.delivered && s.class == Class::Ivm, || s.shown())
}

/// The address fields come out of a conversion octet for octet.
fn addresses_survive(s: &Seen) -> Kept {
    conforming(s)?;
    for profile in ["desktop", "vpim2"] {
        let out = s.converted(profile);
        let of = |raw: &[u8]| {
            let message = Message::parse(raw, &Limits::default());
            ["From", "To"].map(|n| message.value(message.root(), n).map(<[u8]>::to_vec))
        };
        need(of(&out) == of(&s.raw), || format!("changed for {profile}"))?;
    }
    let message = Message::parse(&s.raw, &Limits::default());
    let to = message.value(message.root(), "To").map(value::mailboxes).unwrap_or_default();
    let read = matches!(to.as_slice(), [one] if one.domain() == Some("vm.example.org"));
    need(read, || format!("{to:?}"))
}

/// A voice message whose parts have their meaning by position.
const POSITIONAL: &str = "From: \"Example, Ann\" <2001@vm.example.net>
To: <3002@vm.example.org>
Date: Tue, 4 Mar 2025 09:00:00 +0100
Message-ID: <a3@vm.example.net>
MIME-Version: 1.0 (Voice 1.0)
Content-Type: multipart/voice-message; boundary=b1

--b1
Content-Type: audio/32KADPCM
Content-Transfer-Encoding: base64


--b1
Content-Type: audio/32KADPCM
Content-Transfer-Encoding: base64


--b1
Content-Type: audio/32KADPCM
Content-Transfer-Encoding: base64

////////
--b1--
";

const TO: &str = "To: <3002@vm.example.org>\n";
const TYPE: &str = "Content-Type: multipart/voice-message; version=2.0; boundary=b1";
const VOICE_PARAMETER: &str = "inline; voice=Originator-Spoken-Name";

pub const READINGS: &[Reading] = &[
    Reading {
        id: "vpim2-identified-by-content-type",
        message: VOICE,
        variants: &[
            &[("Subject: Voice Message", "Subject: hello")],
            &[("MIME-Version: 1.0 (Voice 2.0)", "MIME-Version: 1.0")],
            &[("Subject:", "Message-Context: fax-message\nSubject:")],
        ],
        holds: understood,
        spoiled: &[("multipart/voice-message; version=2.0", "multipart/related"), ("(Voice 2.0)", "")],
    },
    Reading {
        id: "vpim2-recv-mime-version-comment-not-identity",
        message: VOICE,
        variants: &[
            &[("(Voice 2.0)", "")],
            &[("(Voice 2.0)", "(Voice 1.0)")],
            &[("(Voice 2.0)", "(made by x)")],
        ],
        holds: understood,
        spoiled: &[(
            "Content-Type: multipart/voice-message; version=2.0; boundary=b1",
            "Content-Type: text/plain",
        )],
    },
    Reading {
        id: "vpim2-recv-to-accepted",
        message: VOICE,
        variants: &[
            &[],
            &[(TO, "To: <3002@vm.example.org>, <3003@vm.example.org>, <3004@vm.example.com>\n")],
            &[
                (TO, "To: <3002@vm.example.org>\nTo: <3003@vm.example.org>\n"),
                ("voice=Originator-Spoken-Name", "voice=Originator-Spoken-Name"),
            ],
        ],
        holds: understood,
        spoiled: &[("--b1\nContent-Type", "--b2\nContent-Type")],
    },
    Reading {
        id: "vpim2-recv-content-type",
        message: VOICE,
        variants: &[
            &[],
            &[(TYPE, "Content-Type: multipart/voice-message;\n\tversion=2.0;\n  boundary=\"b1\"")],
            &[(TYPE, "Content-Type: multipart/voice-message (VPIM); boundary=b1; version=2.0 (two)")],
            &[(TYPE, "Content-Type: multipart/voice-message; version=2.0; boundary=b1;")],
            &[(TYPE, "Content-Type: multipart/voice-message; version=2.0; boundary*0=b; boundary*1=1")],
        ],
        holds: conforming,
        spoiled: &[("boundary=b1", "")],
    },
    Reading {
        id: "vpim2-mime-names-case-insensitive",
        message: VOICE,
        variants: &[
            &[(TYPE, "CONTENT-TYPE: Multipart/VOICE-Message; VERSION=2.0; Boundary=b1")],
            &[("audio/32KADPCM", "Audio/32kadpcm"), ("base64", "BASE64"), ("; voice=", "; VOICE=")],
        ],
        holds: conforming,
        spoiled: &[("boundary=b1", "boundary=B1")],
    },
    Reading {
        id: "vpim2-mime-unknown-parameters-ignored",
        message: VOICE,
        variants: &[
            &[(TYPE, "Content-Type: multipart/voice-message; x-new=7; boundary=b1; version=2.0")],
            &[("audio/32KADPCM", "audio/32KADPCM; x-new=\"a; voice=b\"")],
            &[(VOICE_PARAMETER, "inline (x) ; x-new=1 ; voice = Originator-Spoken-Name")],
        ],
        holds: conforming,
        spoiled: &[("; version=2.0", "")],
    },
    Reading {
        id: "vpim2-mime-parameter-continuations",
        message: VOICE,
        variants: &[
            &[("boundary=b1", "boundary*0=\"b\"; boundary*1=1")],
            &[("boundary=b1", "boundary*=us-ascii''b%31")],
            &[("version=2.0", "version*0=2; version*1=.0")],
            &[(VOICE_PARAMETER, "inline; voice*0=Originator-; voice*1=Spoken-Name")],
        ],
        holds: conforming,
        spoiled: &[("boundary=b1", "boundary*0=b; boundary*2=1")],
    },
    Reading {
        id: "vpim2-private-reply-allowed",
        message: VOICE,
        variants: &[
            &[("Subject:", "In-Reply-To: <x@vm.example.org>\nSensitivity: Private\nSubject: Re:")],
            &[("Subject:", "In-Reply-To: <x@vm.example.org>\nSensitivity: Personal\nSubject: Re:")],
            &[("Subject:", "In-Reply-To: <x@vm.example.org>\nSubject: Re:")],
        ],
        holds: conforming,
        spoiled: &[("Content-Disposition: inline; voice=Originator-Spoken-Name\n", "")],
    },
    Reading {
        id: "vpim2-recv-other-header-fields",
        message: VOICE,
        variants: &[
            &[("Subject:", "X-Voice-Thing: 1\nX-Other:\n =?utf-8?Q?a?=\nSubject:")],
            &[("Subject:", "X-Latin: gr\u{fc}\u{df}e\nSubject:")],
            &[("Subject:", "X-Spam-Flag: YES\nX-Spam-Flag: NO\nPriority: x\nSubject:")],
        ],
        holds: understood,
        spoiled: &[("Subject:", "Content-Type: text/plain\nSubject:")],
    },
    Reading {
        id: "vpim2421-version-default-1",
        message: POSITIONAL,
        variants: &[
            &[],
            &[("voice-message;", "voice-message; version=1.0;")],
            &[("voice-message;", "voice-message; version=1;")],
        ],
        holds: |s| {
            let judged_as_2 = s.rules.iter().any(|r| r.starts_with("vpim2-voice-message"));
            need(s.class == Class::Vpim1 && !judged_as_2, || s.shown())
        },
        spoiled: &[("voice-message;", "voice-message; version=2.0;")],
    },
    Reading {
        id: "context-not-depended-on",
        message: VOICE,
        variants: &[
            &[],
            &[("Subject:", "Message-Context: voice-message\nSubject:")],
            &[("Subject:", "Message-Context: fax-message\nSubject:")],
            &[("Subject:", "Message-Context: something-else\nSubject:")],
        ],
        holds: understood,
        spoiled: &[("voice-message; version", "x-message; version"), ("(Voice 2.0)", "")],
    },
    Reading {
        id: "context-display-unimpaired",
        message: INTERNET,
        variants: &[
            &[],
            &[("Message-Context: voice-message", "Message-Context: fax-message")],
            &[("Message-Context: voice-message", "Message-Context: video-message")],
        ],
        holds: |s| {
            let out = s.converted("desktop");
            let plays = out.windows(9).any(|w| w == b"audio/wav");
            need(s.delivered && plays, || s.shown())
        },
        spoiled: &[
            ("audio/basic", "text/plain"),
            ("Message-Context: voice-message", "X: y"),
            ("; handling=REQUIRED", ""),
            ("voice=Voice-Message; ", ""),
            ("voice.au", "x.txt"),
        ],
    },
    Reading {
        id: "context-missing-is-none",
        message: INTERNET,
        variants: &[
            &[("Message-Context: voice-message\n", "")],
            &[("Message-Context: voice-message", "Message-Context: none")],
        ],
        holds: |s| {
            let bare = Seen::of(octets(INTERNET, &[("Message-Context: voice-message\n", "")]));
            let same = (s.class, &s.bodies, s.delivered) == (bare.class, &bare.bodies, bare.delivered);
            let rules = s.rules == bare.rules;
            need(same && rules, || format!("{} but without the field {}", s.shown(), bare.shown()))
        },
        spoiled: &[("audio/basic", "audio/32KADPCM")],
    },
    Reading {
        id: "ivm-message-context-not-required",
        message: INTERNET,
        variants: &[&[], &[("Message-Context: voice-message\n", "")]],
        holds: internet,
        spoiled: &[("Message-Context: voice-message\n", ""), ("audio/basic", "audio/x-unknown")],
    },
    Reading {
        id: "gstn-arbitrary-address-accepted",
        message: VOICE,
        variants: &[
            &[(TO, "To: \"o=ann+x/y\"@vm.example.org\n")],
            &[(TO, "To: FAX=+1-215-555-0199/T33S=12@vm.example.org\n")],
            &[(TO, "To: VPIM=+1.215.555.0199/X=a@vm.example.org\n")],
            &[("<2001@vm.example.net>", "<first.last+tag=1@vm.example.net>")],
        ],
        holds: addresses_survive,
        spoiled: &[(TO, "To: 3002\n")],
    },
    Reading {
        id: "gstn-not-interpreted-elsewhere",
        message: VOICE,
        variants: &[
            &[(TO, "To: FAX=+1-215-555-0199/T33S=x!y@elsewhere.example.com\n")],
            &[(TO, "To: VOICE=no-number@elsewhere.example.com\n")],
        ],
        holds: |s| {
            let action = s.converted("vpim2") != s.raw && !s.converted("vpim2").ends_with(b"--b1--\r\n");
            need(s.delivered && !action && understood(s).is_ok(), || s.shown())
        },
        spoiled: &[("audio/32KADPCM", "audio/unknown")],
    },
];

pub const SCENES: &[Scene] = &[
    Scene { id: "vpim2-recv-date", play: dates },
    Scene {
        id: "gstn-global-phone",
        play: |sound| gstn(&["VOICE=+1.215-555.0199", "FAX=+44-20-7946-0000", "FAX=+1"], sound),
    },
    Scene {
        id: "fax-address-form",
        play: |sound| gstn(&["FAX=+12155550199", "fax=+1-215/t33s=12", "/FAX=+1.215/T33S=00/"], sound),
    },
];

/// Dates of both standards are read as the same instant, and one that cannot be read is no reason to
/// refuse the message.
fn dates(sound: bool) -> Kept {
    let dates: &[&str] = if sound {
        &[
            "Tue, 4 Mar 2025 09:00:00 +0100",
            "4 Mar 2025 09:00 +0100",
            "4 Mar 25 09:00:00 +0100",
            "Tue,  04  Mar 2025 (a comment) 09:00:00 +0100 (CET)",
            "Tue, 4 Mar 2025 03:00:00 EST",
        ]
    } else {
        &["Tue, 4 Brumaire 2025 09:00:00 +0100"]
    };
    for text in dates {
        let read = value::date(text.as_bytes()).map(|d| (d.year, d.month, d.day, d.minute, d.second));
        need(read == Some((2025, 3, 4, 0, 0)), || format!("{text}: {read:?}"))?;
    }
    let unreadable = octets(VOICE, &[("Tue, 4 Mar 2025 09:00:00 +0100\nMessage", "yesterday\nMessage")]);
    let outcome = engine::process(&unreadable, &envelope(), &strict("vpim2"), &Ambient::default());
    need(outcome.verdict == Verdict::Deliver, || format!("{:?}", outcome.verdict))
}

/// Addresses of the form are not found fault with, one of a wrong form is.
fn gstn(local_parts: &[&str], sound: bool) -> Kept {
    let broken = ["FAX=+1215/T33S=1x2y"];
    let local_parts = if sound { local_parts } else { &broken };
    for local_part in local_parts {
        let envelope = Envelope { rcpt_to: vec![format!("{local_part}@vm.example.org")], ..envelope() };
        let raw = octets(FORWARD, &[]);
        let limits = Limits::default();
        let message = Message::parse(&raw, &limits);
        let survey = Survey::new(&message, &envelope, None, &limits, &mut Budget::new(&limits));
        let found: Vec<_> =
            judge(&survey).iter().filter(|f| f.rule.level.is_must()).map(|f| f.rule.id).collect();
        need(found.is_empty(), || format!("{local_part}: {found:?}"))?;
    }
    Ok(())
}
