//! Encodings, containers and their parts.

use super::seen::{FORWARD, INTERNET, Seen, VOICE, envelope, processed, strict};
use super::{Kept, Reading, need};
use vpim_milter::engine::{Ambient, Verdict, process};
use vpim_milter::limits::Limits;
use vpim_milter::message::{Content, Message, value};
use vpim_milter::vpim::{Class, Envelope, VoiceKind};

use VoiceKind::{OriginatorSpokenName as Name, SpokenSubject as Subject, VoiceMessage as Main};

fn delivered(s: &Seen) -> Kept {
    need(s.delivered && s.class == Class::Vpim2, || s.shown())
}

/// Octets of the first body after decoding.
fn octets_are(s: &Seen, n: usize) -> Kept {
    delivered(s)?;
    let first = s.bodies.first();
    need(first.is_some_and(|b| b.octets == n && b.samples == Some(2 * n as u64)), || s.shown())
}

fn kinds_are(s: &Seen, kinds: &[Option<VoiceKind>]) -> Kept {
    delivered(s)?;
    need(s.kinds() == kinds, || s.shown())
}

const CLOSE: &str = "\n--b1--\n";

pub const READINGS: &[Reading] = &[
    Reading {
        id: "vpim2-recv-7bit",
        message: VOICE,
        variants: &[
            &[("Content-Transfer-Encoding: base64", "Content-Transfer-Encoding: 7bit")],
            &[("Content-Transfer-Encoding: base64\n", "")],
        ],
        holds: |s| octets_are(s, 8),
        spoiled: &[],
    },
    Reading {
        id: "vpim2-recv-8bit",
        message: VOICE,
        variants: &[&[("base64", "8bit"), ("////////", "\u{ff}\u{80}\u{fe}\u{ff}\u{c3}")]],
        holds: |s| octets_are(s, 5),
        spoiled: &[("base64", "8bit"), ("////////", "=FF=80=FE=FF=C3")],
    },
    Reading {
        id: "vpim2-recv-quoted-printable",
        message: VOICE,
        variants: &[
            &[("base64", "quoted-printable"), ("////////", "=FF=ff=fF=Ff=FF")],
            &[("base64", "Quoted-Printable"), ("////////", "=FF=FF=\n=FF=\t \n=FF=FF")],
        ],
        holds: |s| octets_are(s, 5),
        spoiled: &[("base64", "quoted-printable"), ("////////", "=FF=FF\n=FF=FF=FF")],
    },
    Reading {
        id: "vpim2-recv-base64",
        message: VOICE,
        variants: &[
            &[("////////", "//////8=")],
            &[("////////", "//////8")],
            &[("////////", "/ /\t//\n\n//8=")],
            &[("////////", "//*!//-_//8=")],
        ],
        holds: |s| octets_are(s, 5),
        spoiled: &[("base64", "7bit"), ("////////", "//////8=")],
    },
    Reading {
        id: "vpim2-recv-binary",
        message: VOICE,
        variants: &[&[("base64", "binary"), ("////////", "\u{ff}\u{0}\u{240a}.\u{240a}\u{d}\u{ff}")]],
        holds: |s| {
            let envelope = Envelope { binary_mime: true, ..envelope() };
            let outcome = process(&s.raw, &envelope, &strict("vpim2"), &Ambient::default());
            need(outcome.verdict == Verdict::Deliver, || format!("{:?}", outcome.verdict))?;
            need(s.bodies.first().is_some_and(|b| b.octets == 7), || s.shown())
        },
        spoiled: &[("base64", "binary"), ("////////", "\u{ff}\u{0}\u{240a}.\n--b1\n")],
    },
    Reading {
        id: "binary-downgrade-lossless",
        message: VOICE,
        variants: &[&[("base64", "binary"), ("////////", "\u{ff}\u{f0}\u{ff}\u{ff}\u{1f}\u{ff}")]],
        holds: |s| {
            let out = s.converted("vpim2");
            let (before, after) = (decoded(&s.raw), decoded(&out));
            let text = String::from_utf8_lossy(&out).to_ascii_lowercase();
            let encoded = text.matches("content-transfer-encoding: base64").count() == 2;
            need(before == after && encoded, || format!("{before:?} {after:?} {text}"))
        },
        spoiled: &[
            ("base64", "7bit"),
            (
                "Content-Type: multipart/voice-message",
                "Conversion: prohibited\nContent-Type: multipart/voice-message",
            ),
        ],
    },
    Reading {
        id: "vpim2-recv-content-disposition",
        message: VOICE,
        variants: &[
            &[("voice=Originator-Spoken-Name", "voice=Spoken-Subject")],
            &[("voice=Originator-Spoken-Name", "voice=\"spoken-subject\"; x-more=1")],
        ],
        holds: |s| kinds_are(s, &[Some(Subject), Some(Main)]),
        spoiled: &[("voice=Originator-Spoken-Name", "voice=X-New")],
    },
    Reading {
        id: "vpim2421-order-not-assumed",
        message: VOICE,
        variants: &[&[
            ("voice=Originator-Spoken-Name", "voice=Voice-Message"),
            ("voice=Voice-Message; filename=m1.726", "voice=Originator-Spoken-Name"),
        ]],
        holds: |s| kinds_are(s, &[Some(Main), Some(Name)]),
        spoiled: &[],
    },
    Reading {
        id: "vpim2-voice-message-backward-compatible",
        message: VOICE,
        variants: &[
            &[("version=2.0", "version=2.1")],
            &[("version=2.0", "version=3.0")],
            &[("version=2.0", "version=\"10.7\"")],
        ],
        holds: |s| kinds_are(s, &[Some(Name), Some(Main)]),
        spoiled: &[
            ("multipart/voice-message; version=2.0", "multipart/mixed; version=2.1"),
            ("(Voice 2.0)", ""),
        ],
    },
    Reading {
        id: "vpim2-recv-voice-message",
        message: VOICE,
        variants: &[
            &[],
            &[
                (
                    "Content-Type: multipart/voice-message",
                    "Content-Type: multipart/mixed; boundary=o\n\n--o\nContent-Type: multipart/voice-message",
                ),
                (CLOSE, "\n--b1--\n--o--\n"),
            ],
            &[
                (
                    "Content-Type: multipart/voice-message",
                    "Content-Type: multipart/mixed; boundary=o\n\n--o\nContent-Type: message/rfc822\n\nMIME-Version: 1.0 (Voice 2.0)\nContent-Type: multipart/voice-message",
                ),
                (CLOSE, "\n--b1--\n--o--\n"),
            ],
        ],
        holds: |s| kinds_are(s, &[Some(Name), Some(Main)]),
        spoiled: &[("\n--b1\n", "\n--b3\n")],
    },
    Reading {
        id: "vpim2-recv-message-rfc822",
        message: FORWARD,
        variants: &[&[], &[("message/rfc822", "Message/RFC822; x=y")]],
        holds: |s| {
            need(s.accepted, || s.shown())?;
            kinds_are(s, &[Some(Main), Some(Main)])
        },
        spoiled: &[("message/rfc822", "text/rfc822-headers")],
    },
    Reading {
        id: "vpim2-recv-rfc822-is-forward",
        message: FORWARD,
        variants: &[&[("From: \"Test, Tom\"", "Sensitivity: Private\nFrom: \"Test, Tom\"")]],
        holds: forwarded,
        spoiled: &[("From: \"Example, Ann\"", "Sensitivity: Private\nFrom: \"Example, Ann\"")],
    },
    Reading {
        id: "vpim2-recv-text-no-whole-reject",
        message: VOICE,
        variants: &[
            &[(CLOSE, "\n--b1\nContent-Type: text/plain\n\nhello\n--b1--\n")],
            &[("\n--b1\n", "\n--b1\nContent-Type: text/plain; charset=x-odd\n\nhello\n--b1\n")],
        ],
        holds: |s| {
            need(s.leaves.iter().any(|l| l == "text/plain"), || s.shown())?;
            need(s.accepted && s.delivered && s.musts.is_empty(), || s.shown())
        },
        spoiled: &[
            (CLOSE, "\n--b1\nContent-Type: text/plain\n\nhello\n--b1--\n"),
            ("audio/32KADPCM", "audio/x-unknown"),
        ],
    },
    Reading {
        id: "vpim2-recv-multipart-mixed-vm",
        message: VOICE,
        variants: &[&[
            (
                "Content-Type: multipart/voice-message",
                "Content-Type: multipart/mixed; boundary=o\n\n--o\nContent-Type: application/pdf\n\n%PDF-1.4\n--o\nContent-Type: multipart/voice-message",
            ),
            (CLOSE, "\n--b1--\n--o--\n"),
            ("; voice=Originator-Spoken-Name", "; voice=Originator-Spoken-Name; x=1"),
        ]],
        holds: |s| {
            need(s.leaves.len() == 3 && s.accepted, || s.shown())?;
            kinds_are(s, &[Some(Name), Some(Main)])?;
            // The rules of the container run on it there too.
            let broken =
                String::from_utf8_lossy(&s.raw).replacen("; voice=Originator-Spoken-Name; x=1", "", 1);
            let broken = broken.replacen("Content-Disposition: inline\r\n", "", 1);
            let judged = Seen::of(broken.into_bytes());
            need(judged.musts.contains(&"vpim2-content-disposition-present"), || judged.shown())
        },
        spoiled: &[],
    },
    Reading {
        id: "vpim2-recv-text-plain-outside",
        message: VOICE,
        variants: &[&[
            (
                "Content-Type: multipart/voice-message",
                "Content-Type: multipart/mixed; boundary=o\n\n--o\nContent-Type: text/plain\n\nhello\n--o\nContent-Type: multipart/voice-message",
            ),
            (CLOSE, "\n--b1--\n--o--\n"),
        ]],
        holds: |s| {
            need(s.accepted && s.delivered && s.musts.is_empty(), || s.shown())?;
            need(s.leaves.first().is_some_and(|l| l == "text/plain"), || s.shown())
        },
        spoiled: &[],
    },
    Reading {
        id: "ifax-text-plain-accepted",
        message: "From: <a@x.test>\nTo: <b@y.test>\nSubject: x\nMIME-Version: 1.0\nContent-Type: text/plain\n\nhello\n",
        variants: &[&[], &[("Content-Type: text/plain\n", "")]],
        holds: |s| {
            let untouched = s.converted("vpim2") == s.raw && s.converted("desktop") == s.raw;
            need(s.accepted && s.delivered && s.rules.is_empty() && untouched, || s.shown())
        },
        spoiled: &[(
            "Content-Type: text/plain",
            "Message-Context: voice-message\nContent-Type: audio/basic\nContent-Transfer-Encoding: base64",
        )],
    },
    Reading {
        id: "vpim2-preamble-epilogue-ignored",
        message: VOICE,
        variants: &[
            &[("\n\n--b1\n", "\n\nContent-Type: audio/basic\n\nA preamble.\n--b1\n")],
            &[(CLOSE, "\n--b1--\nContent-Type: text/plain\n\nAn epilogue.\n")],
        ],
        holds: |s| {
            need(s.leaves.len() == 2 && s.musts.is_empty(), || s.shown())?;
            let out = String::from_utf8_lossy(&s.converted("desktop")).into_owned();
            need(out.contains("A preamble.") || out.contains("An epilogue."), || out.clone())
        },
        spoiled: &[(CLOSE, "\n--b1\n\nAn epilogue.\n--b1--\n")],
    },
    Reading {
        id: "vpim2421-vcard-recognised",
        message: VOICE,
        variants: &[
            &[(
                CLOSE,
                "\n--b1\nContent-Type: text/directory; profile=vCard\n\nBEGIN:VCARD\nEND:VCARD\n--b1--\n",
            )],
            &[(
                CLOSE,
                "\n--b1\nContent-Type: text/directory; profile=vCard\n\nnothing of the kind\n--b1--\n",
            )],
        ],
        holds: |s| {
            let listed = s.leaves.iter().any(|l| l == "text/directory");
            need(listed && s.accepted && s.delivered && s.musts.is_empty(), || s.shown())
        },
        spoiled: &[],
    },
    Reading {
        id: "ivm-multipart-support",
        message: INTERNET,
        variants: &[
            &[],
            &[("multipart/mixed", "multipart/x-unknown")],
            &[
                (
                    "--b1\nContent-Type: audio",
                    "--b1\nContent-Type: multipart/alternative; boundary=i\n\n--i\nContent-Type: multipart/x-odd; boundary=j\n\n--j\nContent-Type: audio",
                ),
                ("--b1--\n", "--j--\n--i--\n--b1--\n"),
            ],
        ],
        holds: |s| {
            let heard = matches!(s.bodies.as_slice(), [b] if b.samples == Some(9));
            need(heard && s.class == Class::Ivm, || s.shown())
        },
        spoiled: &[("boundary=b1", "boundary=b2")],
    },
];

/// What the leaves decode to.
fn decoded(raw: &[u8]) -> Vec<Vec<u8>> {
    let message = Message::parse(raw, &Limits::default());
    let leaves = message.entities().filter(|(_, e)| e.is_leaf());
    leaves.map(|(_, e)| message.decoded(e).bytes.into_owned()).collect()
}

/// The fields of the embedded message stay its own, and those of the message around it too.
fn forwarded(s: &Seen) -> Kept {
    let message = Message::parse(&s.raw, &Limits::default());
    let carrier = message.entities().find(|(_, e)| matches!(e.content, Content::Message { .. }));
    let inner = carrier.and_then(|(_, e)| message.entity(*e.children().first()?));
    let inner = inner.ok_or_else(|| "no embedded message".to_owned())?;
    let field = |entity, name| message.value(entity, name).map(value::unfolded);
    let of_inner = ["From", "Date", "Sensitivity"].map(|n| field(inner, n));
    let wanted = ["\"Test, Tom\" <4004@vm.example.com>", "Mon, 3 Mar 2025 08:00:00 +0100", "Private"];
    need(of_inner == wanted.map(|w| Some(w.to_owned())), || format!("{of_inner:?}"))?;
    need(field(message.root(), "Sensitivity").is_none(), || "the outer message is private".to_owned())?;
    let outcome = processed(&s.raw, &strict("desktop"));
    let text = String::from_utf8_lossy(outcome.rewritten.as_deref().unwrap_or_default()).into_owned();
    let summary =
        text.contains("From: Example, Ann <2001@vm.example.net>") && !text.contains("\r\nFrom: Test, Tom");
    need(summary, || text.clone())
}
