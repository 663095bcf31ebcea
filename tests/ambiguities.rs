//! Where the standards contradict each other or themselves: the reading chosen, on a message.
//!
//! The tables of RFC 3801 Appendix A are informative: where text and table differ, the text wins.

#![allow(clippy::unwrap_used)]

mod common;
#[path = "own_behaviour/seen.rs"]
#[allow(dead_code)]
mod seen;

use common::fax::{convert, inspect};
use common::pages::{minimum, page, rtc, scattered};
use seen::{Changes, FORWARD, INTERNET, Seen, VOICE, envelope, octets, processed, strict};
use vpim_milter::conformance::{Finding, coverage, judge, rules};
use vpim_milter::engine::Verdict;
use vpim_milter::limits::{Budget, Limits};
use vpim_milter::message::{Message, transfer, value};
use vpim_milter::policy::Settings;
use vpim_milter::policy::route::Action;
use vpim_milter::vpim::{Class, Envelope, Survey, VoiceKind};

fn changed(message: &str, changes: Changes) -> Seen {
    Seen::of(octets(message, changes))
}

/// Findings of a message with an envelope.
fn findings(raw: &[u8], envelope: &Envelope) -> Vec<Finding> {
    let limits = Limits::default();
    let message = Message::parse(raw, &limits);
    judge(&Survey::new(&message, envelope, None, &limits, &mut Budget::new(&limits)))
}

/// Ids of the rules of RFC `rfc`, section `section` that a message breaks.
fn broken(raw: &[u8], rfc: u16, section: &str) -> Vec<&'static str> {
    let found = findings(raw, &envelope());
    found.iter().filter(|f| (f.rule.rfc, f.rule.section) == (rfc, section)).map(|f| f.rule.id).collect()
}

#[track_caller]
fn conforms(seen: &Seen) {
    assert!(seen.musts.is_empty() && seen.accepted, "{}", seen.shown());
}

/// What leaves for `profile`, as text.
fn converted(seen: &Seen, profile: &str) -> String {
    String::from_utf8_lossy(&seen.converted(profile)).into_owned()
}

/// The sample inside a `multipart/mixed`.
const IN_MIXED: Changes = &[
    (
        "Content-Type: multipart/voice-message",
        "Content-Type: multipart/mixed; boundary=o\n\n--o\nContent-Type: multipart/voice-message",
    ),
    ("\n--b1--\n", "\n--b1--\n--o--\n"),
];

/// A part more in the sample, in front of its end.
fn with_part(part: &str) -> Seen {
    let text = VOICE.replace("\n--b1--\n", &format!("\n--b1\n{part}\n--b1--\n"));
    Seen::of(octets(&text, &[]))
}

fn tiff_part(label: &str, tiff: &[u8]) -> String {
    let text = String::from_utf8(transfer::encode_base64(tiff, "\n")).unwrap();
    format!(
        "Content-Type: image/tiff{label}\nContent-Transfer-Encoding: base64\nContent-Disposition: inline; filename=f.tif\n\n{text}"
    )
}

const FAXBW: &str = "; application=faxbw";

#[test]
fn ambiguity_01_a_voice_message_inside_multipart_mixed_must_be_received() {
    let seen = changed(VOICE, IN_MIXED);
    assert_eq!(seen.class, Class::Vpim2);
    assert_eq!(seen.bodies.len(), 2);
    conforms(&seen);
}

#[test]
fn ambiguity_02_text_in_a_voice_message_should_not_be_sent_and_is_tolerated() {
    let seen = with_part("Content-Type: text/plain\n\nhello");
    assert!(!broken(&seen.raw, 3801, "4.5.4").is_empty(), "{}", seen.shown());
    conforms(&seen);
}

#[test]
fn ambiguity_03_a_fax_nobody_takes_does_not_cost_the_voice_and_other_media_do() {
    let seen = with_part(&tiff_part(FAXBW, &minimum().unwrap()));
    let mut settings = strict("vpim2");
    settings.profiles.get_mut("vpim2").unwrap().fax = None;
    assert_eq!(processed(&seen.raw, &settings).verdict, Verdict::Deliver);
    let other = with_part("Content-Type: audio/x-unknown\nContent-Transfer-Encoding: base64\n\nAAAA");
    assert!(
        matches!(processed(&other.raw, &strict("vpim2")).verdict, Verdict::Refuse(_)),
        "{}",
        other.shown()
    );
}

#[test]
fn ambiguity_04_refusals_of_policy_say_5_6_0_and_both_codes_are_read() {
    let raw = octets(VOICE, &[("Content-Disposition: inline; voice=Originator-Spoken-Name\n", "")]);
    let mut settings = Settings::for_profile("vpim2", "mx.test");
    settings.routes[0].on_must = Action::Reject;
    let Verdict::Refuse(reply) = processed(&raw, &settings).verdict else { panic!("not refused") };
    assert_eq!((reply.code, reply.enhanced), (554, (5, 6, 0)));
    for status in ["5.6.0", "5.3.3"] {
        let report = REPORT.replace("Status: 5.1.1", &format!("Status: {status}"));
        conforms(&Seen::of(octets(&report, &[])));
    }
}

#[test]
fn ambiguity_05_mail_to_non_mail_user_must_be_rejected() {
    let to_nobody = Envelope { rcpt_to: vec!["Non-Mail-User@vm.example.org".to_owned()], ..envelope() };
    let found = findings(&octets(VOICE, &[]), &to_nobody);
    let rule = found.iter().find(|f| f.rule.id == "vpim2-non-mail-user-reject").unwrap().rule;
    assert!(rule.level.is_must());
}

#[test]
fn ambiguity_06_audio_in_a_weak_encoding_is_a_finding_and_is_repaired() {
    let seen = changed(VOICE, &[("base64", "quoted-printable"), ("////////", "=FF=FF=FF=FF=FF=FF")]);
    assert!(seen.musts.contains(&"vpim2-send-not-quoted-printable"), "{}", seen.shown());
    assert!(!converted(&seen, "vpim2").contains("\r\nContent-Transfer-Encoding: quoted-printable"));
}

#[test]
fn ambiguity_07_an_encoding_must_be_named_on_audio_and_not_on_multiparts() {
    conforms(&changed(VOICE, &[]));
    let seen = changed(VOICE, &[("Content-Transfer-Encoding: base64\n", "")]);
    assert!(seen.musts.contains(&"vpim2-cte-declared"), "{}", seen.shown());
}

#[test]
fn ambiguity_08_a_disposition_must_be_on_audio_only() {
    let seen = changed(VOICE, &[("Content-Disposition: inline; voice=Originator-Spoken-Name\n", "")]);
    assert!(seen.musts.contains(&"vpim2-content-disposition-present"), "{}", seen.shown());
    conforms(&changed(FORWARD, &[]));
    let fax =
        tiff_part(FAXBW, &minimum().unwrap()).replace("Content-Disposition: inline; filename=f.tif\n", "");
    let seen = with_part(&fax);
    assert!(!seen.musts.contains(&"vpim2-content-disposition-present"), "{}", seen.shown());
}

#[test]
fn ambiguity_09_an_annotation_is_one_field_of_our_own_and_can_be_switched_off() {
    let raw = octets(VOICE, &[]);
    let mut settings = Settings::for_profile("vpim2", "mx.test");
    let labelled = processed(&raw, &settings).rewritten.unwrap();
    let text = String::from_utf8(labelled).unwrap();
    let rest = text.split_once("\r\nReceived:").map(|(_, rest)| format!("Received:{rest}")).unwrap();
    assert!(text.starts_with("VPIM-Results: mx.test;"), "{text}");
    assert_eq!(rest.as_bytes(), raw);
    settings.results.enabled = false;
    assert_eq!(processed(&raw, &settings).rewritten, None);
}

#[test]
fn ambiguity_10_received_is_never_removed() {
    let raw = octets(
        INTERNET,
        &[("From:", "Received: by a; x\nReturn-Path: <x@y.test>\nReceived: by b; y\nFrom:")],
    );
    let out = String::from_utf8(Seen::of(raw).converted("vpim2")).unwrap();
    assert!(out.contains("Received: by a; x\r\nReceived: by b; y\r\nFrom:"), "{out}");
    assert!(!out.contains("\r\nReturn-Path:"), "{out}");
}

#[test]
fn ambiguity_11_every_spelling_of_a_sensitivity_is_accepted() {
    for text in ["Normal", "Company-Confidential", "Company Confidential", "private", "Something"] {
        let message = VOICE.replace("Subject:", &format!("Sensitivity: {text}\nSubject:"));
        let seen = Seen::of(octets(&message, &[]));
        assert!(seen.delivered && seen.bodies.len() == 2, "{text}: {}", seen.shown());
        let unknown = text == "Something";
        assert!(unknown || seen.musts.is_empty(), "{text}: {}", seen.shown());
    }
}

#[test]
fn ambiguity_12_values_of_parameters_are_compared_without_case() {
    let seen = changed(VOICE, &[("voice=Originator-Spoken-Name", "voice=ORIGINATOR-spoken-name")]);
    assert_eq!(seen.kinds()[0], Some(VoiceKind::OriginatorSpokenName));
    conforms(&seen);
}

#[test]
fn ambiguity_13_a_later_version_is_handled_as_2_0() {
    for version in ["version=2.1", "version=3.0"] {
        let message = VOICE.replace("version=2.0", version);
        let seen = Seen::of(octets(&message, &[]));
        assert_eq!((seen.class, seen.bodies.len()), (Class::Vpim2, 2), "{version}");
        assert!(seen.delivered, "{version}");
    }
}

#[test]
fn ambiguity_14_to_is_accepted_in_any_number_and_kept() {
    for to in ["", "To: <1@vm.example.org>, <2@vm.example.org>, Group: <3@vm.example.org>;\n"] {
        let message = VOICE.replace("To: <3002@vm.example.org>\n", to);
        let seen = Seen::of(octets(&message, &[]));
        conforms(&seen);
        assert!(converted(&seen, "desktop").contains(&to.replace('\n', "\r\n")), "{to}");
    }
}

#[test]
fn ambiguity_15_from_and_reply_to_are_both_kept() {
    let seen = changed(VOICE, &[("Subject:", "Reply-To: <9@vm.example.net>\nSubject:")]);
    assert!(seen.delivered, "{}", seen.shown());
    for profile in ["desktop", "vpim2"] {
        let out = converted(&seen, profile);
        assert!(out.contains("From: \"Example, Ann\" <2001@vm.example.net>\r\n"), "{out}");
        assert!(out.contains("Reply-To: <9@vm.example.net>\r\n"), "{out}");
    }
}

#[test]
fn ambiguity_16_a_spoken_name_that_is_long_is_warned_of_and_no_more() {
    let spoken = |seconds: usize| {
        let audio = transfer::encode_base64(&vec![0xff; seconds * 4_000], "\n");
        let text = String::from_utf8(audio).unwrap();
        Seen::of(octets(&VOICE.replacen("////////\n", &text, 1), &[]))
    };
    let warned = |s: &Seen| s.rules.iter().any(|r| r.contains("spoken-name"));
    assert!(!warned(&spoken(11)), "{}", spoken(11).shown());
    let long = spoken(14);
    assert!(warned(&long), "{}", long.shown());
    conforms(&long);
}

#[test]
fn ambiguity_17_samples_of_the_standards_do_not_excuse_an_identifier_without_brackets() {
    let seen = changed(VOICE, &[("<a1@vm.example.net>", "a1@vm.example.net")]);
    assert!(seen.musts.contains(&"vpim2-message-id-syntax"), "{}", seen.shown());
    let seen = changed(VOICE, &[("Tue, 4 Mar 2025", "Wed, 4 Mar 2025")]);
    assert!(seen.delivered, "a wrong weekday: {}", seen.shown());
}

#[test]
fn ambiguity_18_a_voice_message_may_be_a_fax_alone() {
    let (head, _) = VOICE.split_once("--b1\n").unwrap();
    let message = format!("{head}--b1\n{}--b1--\n", tiff_part(FAXBW, &minimum().unwrap()));
    let seen = Seen::of(octets(&message, &[]));
    assert_eq!((seen.class, seen.bodies.len()), (Class::Vpim2, 1));
    conforms(&seen);
}

#[test]
fn ambiguity_19_ten_digits_beyond_the_maximum_are_no_duration() {
    let seen =
        |text: &str| Seen::of(octets(&VOICE.replace("Duration: 1", &format!("Duration: {text}")), &[]));
    assert!(seen("2147483648").musts.contains(&"duration-range"));
    assert!(!seen("2147483647").musts.contains(&"duration-range"));
}

#[test]
fn ambiguity_20_both_names_of_a_vcard_are_treated_alike() {
    let part = |essence: &str| with_part(&format!("Content-Type: {essence}\n\nBEGIN:VCARD\nEND:VCARD"));
    let (text, application) = (part("text/directory"), part("application/directory"));
    assert_eq!(text.delivered, application.delivered);
    assert_eq!(converted(&text, "vpim2").len(), converted(&application, "vpim2").len() - 7);
    for seen in [text, application] {
        assert!(!converted(&seen, "vpim2").contains("BEGIN:VCARD"));
    }
}

#[test]
fn ambiguity_21_faxbw_is_asked_for_added_and_never_trusted() {
    let seen = with_part(&tiff_part("", &page()));
    assert!(seen.musts.contains(&"vpim2-fax-application-parameter"), "{}", seen.shown());
    assert!(converted(&seen, "vpim2").contains("image/tiff; application=faxbw"));
    let lying = with_part(&tiff_part(FAXBW, b"no picture at all"));
    assert!(!lying.musts.is_empty(), "{}", lying.shown());
}

#[test]
fn ambiguity_22_the_corrected_numbers_are_used() {
    let ours = convert(&page(), "image/tiff;application=faxbw").unwrap().bytes;
    let facts = inspect(&ours).unwrap();
    let tags = &facts.pages[0].tags;
    assert!(ours.starts_with(b"II\x2a\0"), "the magic is 2A, not 42");
    assert!(tags.contains(&262) && !tags.contains(&260), "PhotometricInterpretation is 262: {tags:?}");
    // 80 columns a centimetre are the 204 of an inch; 77 are no fax.
    let metric = |columns: u32| {
        let spec = common::fax::TiffSpec { x_resolution: columns, y_resolution: 77, ..common::pages::spec() };
        let mut file = spec.build();
        file[154..166].copy_from_slice(&[0x28, 1, 3, 0, 1, 0, 0, 0, 3, 0, 0, 0]);
        let output = convert(&file, "image/tiff;application=faxbw").unwrap();
        inspect(&output.bytes).unwrap().pages[0].x_resolution
    };
    assert_eq!(metric(80), Some(204.0));
}

#[test]
fn ambiguity_23_several_strips_break_a_voice_message_and_not_a_fax() {
    let seen = with_part(&tiff_part(FAXBW, &scattered()));
    assert!(seen.musts.contains(&"vpim2-fax-single-strip"), "{}", seen.shown());
    let fax = INTERNET
        .replace("Message-Context: voice-message\n", "")
        .split_once("--b1\n")
        .map(|(head, _)| format!("{head}--b1\n{}--b1--\n", tiff_part("", &scattered())))
        .unwrap();
    let seen = Seen::of(octets(&fax, &[]));
    assert_eq!(seen.class, Class::Fax, "{}", seen.shown());
    let single: Vec<_> =
        seen.musts.iter().filter(|r| r.contains("vpim2-fax") || r.starts_with("tiff-f-single")).collect();
    assert!(single.is_empty() && seen.delivered, "{}", seen.shown());
}

#[test]
fn ambiguity_24_no_rtc_is_written_and_both_forms_are_read() {
    let decoded = |file: &[u8]| convert(file, "image/x-portable-bitmap").unwrap().bytes;
    assert_eq!(decoded(&rtc(0)), decoded(&rtc(6)));
    let ours = convert(&rtc(6), "image/tiff;application=faxbw;compression=mh").unwrap().bytes;
    let without = convert(&rtc(0), "image/tiff;application=faxbw;compression=mh").unwrap().bytes;
    let page = |file: &[u8]| inspect(file).unwrap().pages[0].first_strip_bytes.unwrap();
    assert_eq!(page(&ours), page(&without));
}

#[test]
fn ambiguity_25_a_report_inside_another_message_is_accepted() {
    let nested = "From: <a@x.test>\nTo: <b@y.test>\nDate: Tue, 4 Mar 2025 09:00:00 +0100\nMessage-ID: <n@x.test>\nMIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=o\n\n--o\n"
        .to_owned()
        + REPORT.split_once("MIME-Version: 1.0 (Voice 2.0)\n").unwrap().1
        + "--o--\n";
    // Built-in profiles deliver what they cannot convert; a nested notice is delivered as it came.
    let outcome = processed(&octets(&nested, &[]), &Settings::for_profile("vpim2", "mx.test"));
    assert_eq!((outcome.verdict, outcome.record.actions), (Verdict::Deliver, vec![]));
    let spoken = "Content-Type: audio/32KADPCM\nContent-Transfer-Encoding: base64\nContent-Disposition: inline; voice=Voice-Message-Notification\n\n////////\n";
    let seen = Seen::of(octets(&nested.replace(spoken, "\nIt failed.\n"), &[]));
    assert!(seen.accepted && seen.delivered && seen.rules.is_empty(), "{}", seen.shown());
}

#[test]
fn ambiguity_26_dispositions_of_all_three_standards_are_read() {
    let kinds = ["displayed", "dispatched", "processed", "deleted", "denied", "failed"];
    let broken = |kind: &str| {
        let fields = format!(
            "Final-Recipient: rfc822; 3002@vm.example.org\nDisposition: manual-action/MDN-sent-manually; {kind}\n"
        );
        let report = REPORT
            .replace("delivery-status", "disposition-notification")
            .replace("Reporting-MTA: dns; vm.example.org\n\nFinal-Recipient: rfc822; 3002@vm.example.org\nAction: failed\nStatus: 5.1.1\n", &fields);
        Seen::of(octets(&report, &[])).musts.contains(&"mdn-disposition")
    };
    assert!(kinds.iter().all(|k| !broken(k)));
    assert!(broken("eaten"));
}

#[test]
fn ambiguity_27_returned_header_fields_have_a_type_of_their_own() {
    let (head, _) = REPORT.split_once("--b1\nContent-Type: message/rfc822\n").unwrap();
    let report =
        format!("{head}--b1\nContent-Type: text/rfc822-headers\n\nFrom: <2001@vm.example.net>\n--b1--\n");
    conforms(&Seen::of(octets(&report, &[])));
}

#[test]
fn ambiguity_28_an_address_of_another_voice_network_is_neither_refused_nor_repaired() {
    let message = VOICE.replace("To: <3002@", "To: <AMIS=+1/401+3278144+/SYSNUM=1+401+3279542+@");
    let seen = Seen::of(octets(&message, &[]));
    conforms(&seen);
    let raw = octets(&message, &[]);
    let read = Message::parse(&raw, &Limits::default());
    let to = read.value(read.root(), "To").map(value::mailboxes).unwrap();
    assert_eq!(to[0].local_part(), "AMIS=+1/401+3278144+/SYSNUM=1+401+3279542+");
    assert!(converted(&seen, "vpim2").contains("AMIS=+1/401+3278144+/SYSNUM=1+401+3279542+@"));
}

#[test]
fn ambiguity_29_a_telephone_number_has_a_digit() {
    let found = |local: &str| {
        let envelope = Envelope { rcpt_to: vec![format!("{local}@vm.example.org")], ..envelope() };
        findings(&octets(VOICE, &[]), &envelope).iter().filter(|f| f.part.is_none() && f.at.is_none()).count()
    };
    assert_eq!(found("+12155550199"), 0);
    assert!(found("+.-") > 0);
}

#[test]
fn ambiguity_30_addresses_longer_than_a_directory_field_are_accepted() {
    let message = VOICE.replace("<3002@", "<+12155550199+123456789012345@");
    conforms(&Seen::of(octets(&message, &[])));
}

#[test]
fn ambiguity_31_binary_that_arrived_without_the_extension_is_a_finding_and_repaired() {
    let seen = changed(VOICE, &[("base64", "binary"), ("////////", "\u{ff}\u{fe}\u{ff}\u{ff}\u{ff}\u{ff}")]);
    assert!(!seen.musts.is_empty(), "{}", seen.shown());
    let out = converted(&seen, "vpim2");
    assert!(out.contains("base64\r\n") && out.contains("//7/////"), "{out}");
}

#[test]
fn ambiguity_32_requirements_are_cited_from_the_standards_themselves() {
    // No errata exist for the standards of voice mail, and those for others were not at hand.
    let cited = [
        1870, 1911, 1847, 2034, 2045, 2046, 2047, 2183, 2231, 2298, 2301, 2302, 2303, 2304, 2305, 2306, 2361,
        2421, 2422, 2423, 2424, 2425, 2426, 2530, 2532, 2533, 2846, 2879, 2920, 3030, 3191, 3192, 3249, 3250,
        3302, 3458, 3459, 3461, 3462, 3463, 3464, 3551, 3798, 3801, 3802, 3803, 3804, 3938, 3939, 3949, 3950,
        3965, 4024, 4237, 4238, 4239, 4867, 5321, 5322, 6522, 8098,
    ];
    let requirements = coverage::subjects().into_iter().flat_map(|s| s.requirements);
    let all = requirements.map(|r| (r.id, r.rfc)).chain(rules::all().map(|r| (r.id.to_owned(), r.rfc)));
    let other: Vec<_> = all.filter(|(_, rfc)| !cited.contains(rfc)).collect();
    assert!(other.is_empty(), "{other:?}");
}

/// A failure notice with a spoken part.
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

x
--b1--
";
