//! Notifications that pass.

use super::seen::{Seen, processed, strict};
use super::{Kept, Reading, need};
use vpim_milter::vpim::VoiceKind;

/// A failure notice with a spoken part and a returned message that breaks the profile.
const REPORT: &str = "From: <postmaster@vm.example.org>
To: <2001@vm.example.net>
Date: Tue, 4 Mar 2025 09:00:00 +0100
Message-ID: <d1@vm.example.org>
Subject: Undeliverable
MIME-Version: 1.0 (Voice 2.0)
Content-Type: multipart/report; report-type=delivery-status; boundary=b1

--b1
Content-Type: audio/32KADPCM
Content-Transfer-Encoding: base64
Content-Disposition: inline; voice=Voice-Message-Notification

////////
--b1
Content-Type: message/delivery-status

Reporting-MTA: dns; vm.example.org

Final-Recipient: rfc822; 3002@vm.example.org
Action: failed
Status: 5.1.1
--b1
Content-Type: message/rfc822

From: <2001@vm.example.net>
MIME-Version: 1.0
Content-Type: multipart/voice-message; version=2.0; boundary=b2

--b2
Content-Type: audio/32KADPCM

x
--b2--

--b1--
";

const AUDIO_PART: &str = "Content-Type: audio/32KADPCM\nContent-Transfer-Encoding: base64\nContent-Disposition: inline; voice=Voice-Message-Notification\n\n////////\n";
const STATUS: &str = "Content-Type: message/delivery-status\n\nReporting-MTA: dns; vm.example.org\n\nFinal-Recipient: rfc822; 3002@vm.example.org\nAction: failed\nStatus: 5.1.1\n";
const TEXT_PART: &str = "Content-Type: text/plain\n\nIt failed.\n";

fn accepted(s: &Seen) -> Kept {
    need(s.delivered && s.accepted && s.musts.is_empty(), || s.shown())
}

fn disposition(s: &Seen) -> Kept {
    need(s.leaves.iter().any(|l| l == "message/disposition-notification"), || s.shown())?;
    // The sample of the standard has a blank line behind Reporting-UA: a fault, but one to live with.
    let faults = s.musts.iter().filter(|r| **r != "mdn-single-block").count();
    need(s.delivered && faults == 0, || s.shown())
}

macro_rules! mdn {
    ($fields:literal) => {
        &[
            ("report-type=delivery-status", "report-type=disposition-notification"),
            (STATUS, concat!("Content-Type: message/disposition-notification\n\n", $fields)),
        ]
    };
}

pub const READINGS: &[Reading] = &[
    Reading {
        id: "vpim2-recv-multipart-report",
        message: REPORT,
        variants: &[
            &[],
            mdn!(
                "Final-Recipient: rfc822; 3002@vm.example.org\nDisposition: manual-action/MDN-sent-manually; displayed\n"
            ),
        ],
        holds: accepted,
        spoiled: &[("multipart/report; report-type=delivery-status", "multipart/voice-message; version=2.0")],
    },
    Reading {
        id: "vpim2-recv-report-voice",
        message: REPORT,
        variants: &[&[], &[("voice=Voice-Message-Notification", "voice= voice-message-notification")]],
        holds: |s| {
            accepted(s)?;
            let first = s.bodies.first();
            let spoken =
                first.is_some_and(|b| b.voice == Some(VoiceKind::Notification) && b.samples == Some(12));
            need(spoken, || s.shown())
        },
        spoiled: &[(AUDIO_PART, TEXT_PART)],
    },
    Reading {
        id: "vpim2-recv-report-text",
        message: REPORT,
        variants: &[
            &[(AUDIO_PART, TEXT_PART)],
            &[(
                AUDIO_PART,
                "Content-Type: multipart/alternative; boundary=i\n\n--i\n\nIt failed.\n--i\nContent-Type: text/html\n\n<p>It failed.\n--i--\n",
            )],
        ],
        holds: |s| {
            need(s.leaves.first().is_some_and(|l| l == "text/plain"), || s.shown())?;
            accepted(s)
        },
        spoiled: &[],
    },
    Reading {
        id: "vpim2-recv-delivery-status",
        message: REPORT,
        variants: &[
            &[],
            &[("Action: failed", "Action failed")],
            &[("Reporting-MTA: dns; vm.example.org\n\n", "")],
        ],
        holds: |s| {
            need(s.leaves.iter().any(|l| l == "message/delivery-status"), || s.shown())?;
            need(s.delivered, || s.shown())
        },
        spoiled: &[("message/delivery-status", "text/x-status")],
    },
    Reading {
        id: "vpim2-recv-disposition-notification",
        message: REPORT,
        variants: &[
            mdn!(
                "Final-Recipient: rfc822; 3002@vm.example.org\nDisposition: manual-action/MDN-sent-manually; displayed\n"
            ),
            mdn!(
                "Final-Recipient: rfc822; 3002@vm.example.org\nDisposition: automatic-action/MDN-sent-automatically; dispatched\n"
            ),
            mdn!(
                "Reporting-UA: vm.example.org; x\n\nFinal-Recipient: rfc822; 3002@vm.example.org\nDisposition: manual-action/MDN-sent-automatically; deleted\n"
            ),
        ],
        holds: disposition,
        spoiled: mdn!("Final-Recipient: rfc822; 3002@vm.example.org\nDisposition: eaten\n"),
    },
    Reading {
        id: "report-not-treated-as-vpim",
        message: REPORT,
        variants: &[&[]],
        holds: |s| {
            let of_voice = s.musts.iter().any(|r| r.starts_with("vpim2-"));
            let actions = processed(&s.raw, &strict("vpim2")).record.actions;
            need(!of_voice && actions.is_empty(), || format!("{} {actions:?}", s.shown()))
        },
        spoiled: &[("multipart/report; report-type=delivery-status", "multipart/mixed")],
    },
];
