//! The golden messages: every structure that VPIM version 2 allows, its relatives, Internet fax.

use super::build::{DATE, Fields, Item};
use crate::vpim::Class;
use Item::{Bare, Basic, Fax, Message, Parts, Sound, Text};

/// A golden message.
pub(super) struct Golden {
    pub name: &'static str,
    pub about: &'static str,
    pub class: Class,
    /// Header fields besides those that the class has always.
    pub fields: Fields,
    pub item: Item,
    /// What it does in spite of a recommendation: the standards allow it.
    pub rules: &'static [&'static str],
}

const VOICE_TYPE: &str = "multipart/voice-message; version=2.0";
const FAXBW: &str = "image/tiff; application=faxbw";

/// The header that messages of a class begin with: (mail_from, rcpt_to, fields).
pub(super) fn header(class: Class, report: bool) -> (&'static str, &'static str, Fields) {
    match class {
        _ if report => ("", VOICE_FROM, REPORT),
        Class::Fax => ("FAX=+16135550100@fax.example.net", "FAX=+3940226338@fax.example.org", FAX),
        Class::Ivm => ("ann@example.net", "tom@example.org", IVM),
        Class::Vpim1 => (VOICE_FROM, VOICE_TO, VOICE1),
        Class::None => ("ann@example.net", "tom@example.org", TEXT),
        _ => (VOICE_FROM, VOICE_TO, VOICE),
    }
}

const VOICE_FROM: &str = "+12145550123@vm.example.net";
const VOICE_TO: &str = "+19725550199@vm.example.org";

const RECEIVED: (&str, &str) =
    ("Received", "from vm.example.net by vm.example.org; Tue, 4 Mar 2025 09:00:01 +0100");

const VOICE: Fields = &[
    RECEIVED,
    ("From", "\"Example, Ann\" <+12145550123@vm.example.net>"),
    ("To", "<+19725550199@vm.example.org>"),
    ("Date", DATE),
    ("Message-ID", "<sample.1@vm.example.net>"),
    ("MIME-Version", "1.0 (Voice 2.0)"),
];
const VOICE1: Fields = &[
    RECEIVED,
    ("From", "\"Example, Ann\" <+12145550123@vm.example.net>"),
    ("To", "<+19725550199@vm.example.org>"),
    ("Date", DATE),
    ("Message-ID", "<sample.1@vm.example.net>"),
    ("MIME-Version", "1.0 (Voice 1.0)"),
];
const REPORT: Fields = &[
    ("Received", "from vm.example.org by vm.example.net; Tue, 4 Mar 2025 09:00:01 +0100"),
    ("From", "Postmaster <postmaster@vm.example.org>"),
    ("To", "<+12145550123@vm.example.net>"),
    ("Date", DATE),
    ("Message-ID", "<report.1@vm.example.org>"),
    ("MIME-Version", "1.0 (Voice 2.0)"),
];
const IVM: Fields = &[
    RECEIVED,
    ("From", "\"Ann Example\" <ann@example.net>"),
    ("To", "<tom@example.org>"),
    ("Date", DATE),
    ("Message-ID", "<sample.1@example.net>"),
    ("Subject", "Voice message"),
    ("MIME-Version", "1.0"),
    ("Message-Context", "voice-message"),
];
const FAX: Fields = &[
    ("Received", "from fax.example.net by fax.example.org; Tue, 4 Mar 2025 09:00:01 +0100"),
    ("From", "<FAX=+16135550100@fax.example.net>"),
    ("To", "<FAX=+3940226338@fax.example.org>"),
    ("Date", DATE),
    ("Message-ID", "<sample.1@fax.example.net>"),
    ("Subject", "Fax"),
    ("MIME-Version", "1.0"),
];
const TEXT: Fields = &[
    ("From", "\"Ann Example\" <ann@example.net>"),
    ("To", "<tom@example.org>"),
    ("Date", DATE),
    ("Message-ID", "<sample.1@example.net>"),
    ("Subject", "About voice mail"),
    ("MIME-Version", "1.0"),
];

/// The header of a forwarded or returned message.
const INNER: Fields = &[
    ("From", "\"Test, Tom\" <+19725550147@vm.example.com>"),
    ("To", "<+12145550123@vm.example.net>"),
    ("Date", "Mon, 3 Mar 2025 08:00:00 +0100"),
    ("Message-ID", "<inner.1@vm.example.com>"),
    ("Subject", "Voice Message"),
    ("MIME-Version", "1.0 (Voice 2.0)"),
];

const SUBJECT: (&str, &str) = ("Subject", "Voice Message");
const FORWARDED: (&str, &str) = ("Subject", "Fwd: Voice Message");

const MESSAGE: Item = sound("Voice-Message", 3, "message.726");
const NAME: Item = sound("Originator-Spoken-Name", 1, "name.726");
const INNER_MESSAGE: Item = Message {
    fields: INNER,
    item: &Parts { media_type: VOICE_TYPE, items: &[sound("Voice-Message", 2, "message.726")] },
};

/// The header of a message that was forwarded once before.
const FORWARDER: Fields = &[
    ("From", "\"Sample, Sue\" <+12145550188@vm.example.net>"),
    ("To", "<+12145550123@vm.example.net>"),
    ("Date", "Mon, 3 Mar 2025 12:00:00 +0100"),
    ("Message-ID", "<forwarder.1@vm.example.net>"),
    FORWARDED,
    ("MIME-Version", "1.0 (Voice 2.0)"),
];
const FORWARDED_ONCE: Item =
    Parts { media_type: VOICE_TYPE, items: &[sound("Voice-Message", 2, "comment.726"), INNER_MESSAGE] };

const fn sound(voice: &'static str, seconds: u32, file: &'static str) -> Item {
    Sound { voice, seconds, file, fields: &[] }
}

const fn voice2(name: &'static str, about: &'static str, fields: Fields, items: &'static [Item]) -> Golden {
    let item = Parts { media_type: VOICE_TYPE, items };
    Golden { name, about, class: Class::Vpim2, fields, item, rules: &[] }
}

const fn fax(name: &'static str, about: &'static str, fields: Fields, item: Item) -> Golden {
    Golden { name, about, class: Class::Fax, fields, item, rules: &[] }
}

/// A fax that needs more than every receiver has (RFC 3965 4).
const fn able_fax(name: &'static str, about: &'static str, item: Item) -> Golden {
    let rules = &["ifax-no-extension-without-knowledge"];
    Golden { rules, ..fax(name, about, &[EXTENDED], item) }
}

const DELIVERY_STATUS: &str = "Reporting-MTA: dns; vm.example.org
Arrival-Date: Tue, 4 Mar 2025 08:59:00 +0100

Original-Recipient: rfc822; +19725550199@vm.example.org
Final-Recipient: rfc822; +19725550199@vm.example.org
Action: failed
Status: 5.1.1
Diagnostic-Code: smtp; 550 Mailbox not found
Last-Attempt-Date: Tue, 4 Mar 2025 09:00:00 +0100
";

const DISPOSITION: &str = "Reporting-UA: vm.example.org; ExampleVoice
Original-Recipient: rfc822;+19725550199@vm.example.org
Final-Recipient: rfc822;+19725550199@vm.example.org
Original-Message-ID: <sample.1@vm.example.net>
Disposition: manual-action/MDN-sent-automatically; displayed
";

const VCARD: &str = "BEGIN:VCARD
VERSION:3.0
FN:Ann Example
N:Example;Ann;;;
EMAIL;TYPE=INTERNET,VPIM:+12145550123@vm.example.net
TEL:+1-214-555-0123
REV:2025-03-04T08:00:00Z
END:VCARD
";

/// The list. Names do not change: other people's scripts use them.
pub(super) static ALL: &[Golden] = &[
    voice2("vpim2-message", "one voice message", &[SUBJECT], &[MESSAGE]),
    voice2("vpim2-spoken-name", "with the spoken name of the sender", &[SUBJECT], &[NAME, MESSAGE]),
    voice2(
        "vpim2-spoken-subject",
        "with spoken name and spoken subject",
        &[SUBJECT],
        &[NAME, sound("Spoken-Subject", 1, "subject.726"), MESSAGE],
    ),
    voice2(
        "vpim2-recipient-name",
        "with the spoken names of sender and recipient",
        &[SUBJECT],
        &[NAME, sound("Recipient-Spoken-Name", 1, "recipient.726"), MESSAGE],
    ),
    Golden {
        rules: &["vpim2-one-instance-per-voice-type"],
        ..voice2(
            "vpim2-two-messages",
            "two voice bodies that belong together",
            &[SUBJECT],
            &[MESSAGE, sound("Voice-Message", 2, "more.726")],
        )
    },
    voice2(
        "vpim2-private-urgent",
        "private and urgent, with a request for a notification",
        &[
            SUBJECT,
            ("Sensitivity", "Private"),
            ("Importance", "High"),
            ("Disposition-Notification-To", "<+12145550123@vm.example.net>"),
        ],
        &[MESSAGE],
    ),
    voice2(
        "vpim2-fax",
        "a fax of two pages in MH",
        &[("Subject", "Fax Message")],
        &[Fax { media_type: FAXBW, coding: "mh", pages: 2 }],
    ),
    voice2(
        "vpim2-voice-and-fax",
        "a voice message that comments a fax in MMR",
        &[SUBJECT],
        &[NAME, MESSAGE, Fax { media_type: FAXBW, coding: "mmr", pages: 1 }],
    ),
    voice2("vpim2-forward", "a forwarded message without a comment", &[FORWARDED], &[INNER_MESSAGE]),
    voice2(
        "vpim2-forward-annotated",
        "a forwarded message with a spoken comment",
        &[FORWARDED],
        &[sound("Voice-Message", 2, "comment.726"), INNER_MESSAGE],
    ),
    voice2(
        "vpim2-forward-twice",
        "a forwarded message with a comment, forwarded with a comment",
        &[FORWARDED],
        &[sound("Voice-Message", 1, "comment.726"), Message { fields: FORWARDER, item: &FORWARDED_ONCE }],
    ),
    voice2(
        "vpim2-forward-fax",
        "a forwarded fax with a spoken comment",
        &[("Subject", "Fwd: Fax Message")],
        &[
            sound("Voice-Message", 2, "comment.726"),
            Message {
                fields: INNER,
                item: &Parts {
                    media_type: VOICE_TYPE,
                    items: &[Fax { media_type: FAXBW, coding: "mh", pages: 1 }],
                },
            },
        ],
    ),
    Golden {
        name: "vpim2-in-mixed",
        about: "a voice message beside text in multipart/mixed",
        class: Class::Vpim2,
        fields: &[SUBJECT],
        rules: &[],
        item: Parts {
            media_type: "multipart/mixed",
            items: &[
                Text { media_type: "text/plain; charset=us-ascii", text: "A voice message is attached." },
                Parts { media_type: VOICE_TYPE, items: &[NAME, MESSAGE] },
            ],
        },
    },
    Golden {
        name: "vpim2-report-delivery",
        about: "a spoken delivery status notification that returns the message",
        class: Class::Vpim2,
        fields: &[("Subject", "Returned voice message")],
        rules: &[],
        item: Parts {
            media_type: "multipart/report; report-type=delivery-status",
            items: &[
                sound("Voice-Message-Notification", 2, ""),
                Text { media_type: "message/delivery-status", text: DELIVERY_STATUS },
                INNER_MESSAGE,
            ],
        },
    },
    Golden {
        name: "vpim2-report-disposition",
        about: "a spoken disposition notification: the message was played",
        class: Class::Vpim2,
        fields: &[("Subject", "Voice message played")],
        rules: &[],
        item: Parts {
            media_type: "multipart/report; report-type=disposition-notification",
            items: &[
                sound("Voice-Message-Notification", 2, ""),
                Text { media_type: "message/disposition-notification", text: DISPOSITION },
            ],
        },
    },
    Golden {
        name: "vpim2-rfc2421-vcard",
        about: "as RFC 2421 had it, with the sender's vCard",
        class: Class::Vpim2Rfc2421,
        fields: &[SUBJECT],
        // A vCard without ROLE and SOUND is usual.
        rules: &["vpim2421-vcard-recommended-attributes"],
        item: Parts {
            media_type: VOICE_TYPE,
            items: &[
                NAME,
                MESSAGE,
                Text { media_type: "text/directory; charset=us-ascii; profile=vCard", text: VCARD },
            ],
        },
    },
    Golden {
        name: "vpim1-message",
        about: "version 1: name and subject are empty bodies that hold their places",
        class: Class::Vpim1,
        fields: &[SUBJECT],
        rules: &[],
        item: Parts {
            media_type: "multipart/voice-message",
            items: &[Bare { seconds: 0 }, Bare { seconds: 0 }, Bare { seconds: 3 }],
        },
    },
    Golden {
        name: "vpim1-full",
        about: "version 1 with spoken name and subject",
        class: Class::Vpim1,
        fields: &[SUBJECT],
        rules: &[],
        item: Parts {
            media_type: "multipart/voice-message",
            items: &[Bare { seconds: 1 }, Bare { seconds: 1 }, Bare { seconds: 3 }],
        },
    },
    Golden {
        name: "ivm-message",
        about: "an Internet voice message in mu-law",
        class: Class::Ivm,
        fields: &[],
        rules: &[],
        item: Parts { media_type: "multipart/mixed", items: &[Basic { seconds: 3 }] },
    },
    fax(
        "fax-s",
        "simple fax: nothing but a TIFF of profile S",
        &[],
        Fax { media_type: "image/tiff", coding: "mh", pages: 1 },
    ),
    fax(
        "fax-s-cover",
        "simple fax with a cover text",
        &[],
        Parts {
            media_type: "multipart/mixed",
            items: &[
                Text { media_type: "text/plain; charset=us-ascii", text: "A fax for you." },
                Fax { media_type: "image/tiff", coding: "mh", pages: 2 },
            ],
        },
    ),
    fax(
        "fax-f-mh",
        "a fax of profile F in MH",
        &[],
        Parts { media_type: "multipart/mixed", items: &[Fax { media_type: FAXBW, coding: "mh", pages: 2 }] },
    ),
    able_fax(
        "fax-f-mr",
        "a fax of profile F in MR",
        Parts { media_type: "multipart/mixed", items: &[Fax { media_type: FAXBW, coding: "mr", pages: 2 }] },
    ),
    able_fax(
        "fax-f-mmr",
        "a fax of profile F in MMR",
        Parts { media_type: "multipart/mixed", items: &[Fax { media_type: FAXBW, coding: "mmr", pages: 3 }] },
    ),
    able_fax(
        "fax-extended",
        "extended fax: cover text, MMR, a request for confirmation",
        Parts {
            media_type: "multipart/mixed",
            items: &[
                Text { media_type: "text/plain; charset=us-ascii", text: "Please confirm that it arrived." },
                Fax { media_type: FAXBW, coding: "mmr", pages: 1 },
            ],
        },
    ),
    Golden {
        name: "text",
        about: "ordinary mail that only speaks of voice mail",
        class: Class::None,
        fields: &[],
        rules: &[],
        item: Text {
            media_type: "text/plain; charset=us-ascii",
            text: "The voice message came as audio/32KADPCM, and the fax as image/tiff.",
        },
    },
];

/// What an extended fax asks for (RFC 2532 2.1).
const EXTENDED: (&str, &str) = ("Disposition-Notification-To", "<FAX=+16135550100@fax.example.net>");
