//! A mobile operator: VPIM of both versions for visual voice mail and for short messages.

use crate::scene::{PATIENCE, Scene, disposition, example, header, multipart, part, show, types};
use crate::sound;
use crate::support::directory::TestDirectory;
use crate::support::{postfix, tools};
use mailparse::ParsedMail;

const VVM: &str = "<+16135551234@vvm.example.net>";
const SMS: &str = "<+16135551234@sms.example.net>";

fn head(version: &str, more: &str) -> String {
    format!(
        "Received: from store.example.net by mx.example.net; Tue, 24 Nov 2026 09:15:03 -0500\r\n\
         From: \"Sam Smith\" <+16135550199@store.example.net>\r\nTo: +16135551234@store.example.net\r\n\
         Subject: Voice message\r\nDate: Tue, 24 Nov 2026 09:15:02 -0500\r\n\
         Message-ID: <m1@store.example.net>\r\nMIME-Version: 1.0 (Voice {version})\r\n{more}"
    )
}

/// Version 1: what a part is, is told by its place (RFC 1911 4.4.1). A second of name, two of subject, four of
/// message.
fn version_1(more: &str) -> Vec<u8> {
    let g726 = sound::g726();
    let audio = |octets: &[u8]| part("Content-Type: audio/32KADPCM", octets);
    let body = multipart("v1", &[audio(&g726[..4_000]), audio(&g726[..8_000]), audio(&g726)]);
    (head("1.0", more) + "Content-Type: multipart/voice-message; boundary=\"v1\"\r\n\r\n" + &body)
        .into_bytes()
}

/// Version 2: it is told by a parameter.
fn version_2(more: &str) -> Vec<u8> {
    let audio = "Content-Type: audio/32KADPCM\r\nContent-Disposition: inline; voice=Voice-Message; \
                 filename=\"voice-message.726\"\r\nContent-Duration: 4";
    let body = multipart("v2", &[part(audio, &sound::g726())]);
    let kind = "Content-Type: multipart/voice-message; version=2.0; boundary=\"v2\"\r\n\r\n";
    (head("2.0", more) + kind + &body).into_bytes()
}

const PRIVATE: &str = "Sensitivity: Private\r\n";

/// A message as the store of visual voice mail must get it, with the meaning and the seconds of each part.
fn check_visual(directory: &TestDirectory, mail: &ParsedMail<'_>, parts: &[(&str, usize, &str)]) {
    assert_eq!(mail.ctype.mimetype, "multipart/mixed");
    assert_eq!(header(mail, "From"), "\"Sam Smith\" <+16135550199@store.example.net>");
    assert_eq!(header(mail, "Message-Context"), "voice-message");
    assert_eq!(header(mail, "Content-Duration"), "4");
    assert_eq!(types(mail), vec!["audio/amr"; parts.len()]);
    let original = sound::original();
    for (part, (meaning, seconds, file)) in mail.subparts.iter().zip(parts) {
        assert_eq!(disposition(part, "voice"), *meaning);
        assert_eq!(disposition(part, "filename"), *file);
        assert_eq!(header(part, "Content-Duration"), seconds.to_string());
        let octets = part.get_body_raw().unwrap();
        assert!(octets.starts_with(b"#!AMR\n"));
        let heard = sound::heard(directory, &octets, &["-f", "amr"]);
        assert_eq!(heard.len() / 8_000, *seconds, "{} samples", heard.len());
        let likeness = sound::likeness(&original, &heard);
        println!("{meaning}: {} octets of AMR, likeness {likeness:.3}", octets.len());
        assert!(likeness > 0.95, "{likeness}");
    }
}

/// A message as the gateway to short messages must get it.
fn check_short(mail: &ParsedMail<'_>) {
    assert_eq!(mail.ctype.mimetype, "text/plain");
    assert_eq!(header(mail, "Message-Context"), "pager-message");
    let text = mail.get_body().unwrap();
    let text = text.trim_end();
    assert_eq!(text, "Voice 0:04 from Sam Smith +16135550199 24 Nov 09:15");
    assert!(text.chars().count() <= 160);
}

#[test]
fn both_versions_reach_the_phone_and_tell_of_it() {
    if !postfix::available() || !tools::available(&["ffmpeg"]) {
        return;
    }
    let scene = Scene::start(&example("mobile-operator.toml", &[]));
    let directory = TestDirectory::new("operator");
    let positions = [
        ("Originator-Spoken-Name", 1, "originator-name.amr"),
        ("Spoken-Subject", 2, "subject.amr"),
        ("Voice-Message", 4, "voice-message.amr"),
    ];
    let sources = [("1", version_1(""), &positions[..]), ("2", version_2(""), &positions[2..])];
    for (version, raw, parts) in sources {
        show(&format!("the store sends, version {version}"), &raw);
        let visual = scene.deliver(VVM, &raw);
        show("visual voice mail gets", &visual.data);
        check_visual(&directory, &mailparse::parse_mail(&visual.data).unwrap(), parts);
        let short = scene.deliver(SMS, &raw);
        show("the gateway to short messages gets", &short.data);
        check_short(&mailparse::parse_mail(&short.data).unwrap());
    }
}

#[test]
fn one_message_for_both_is_sent_apart_for_each() {
    if !postfix::available() || !tools::available(&["ffmpeg"]) {
        return;
    }
    let scene = Scene::start(&example("mobile-operator.toml", &[]));
    let replies = scene.postfix.smtp().send("<store@origin.example.net>", &[VVM, SMS], &version_1(""));
    let codes: Vec<u16> = replies.iter().map(|r| r.code).collect();
    assert_eq!(codes, [250, 250, 452, 354, 250], "{replies:?}");
    let visual = scene.sink.wait_for(1, PATIENCE).pop().unwrap();
    assert_eq!(visual.recipients(), ["+16135551234@vvm.example.net"]);
    check_short(&mailparse::parse_mail(&scene.deliver(SMS, &version_1("")).data).unwrap());
}

#[test]
fn private_mail_reaches_the_phone_and_nothing_is_told_of_it() {
    if !postfix::available() || !tools::available(&["ffmpeg"]) {
        return;
    }
    let scene = Scene::start(&example("mobile-operator.toml", &[]));
    for (n, raw) in [version_1(PRIVATE), version_2(PRIVATE)].iter().enumerate() {
        let visual = scene.deliver(VVM, raw);
        let mail = mailparse::parse_mail(&visual.data).unwrap();
        assert_eq!(
            (header(&mail, "Sensitivity").as_str(), types(&mail).last().unwrap().as_str()),
            ("Private", "audio/amr")
        );
        let reply = scene.send(&[SMS], raw);
        assert_eq!(reply.code, 554, "{reply:?}");
        assert!(reply.text().starts_with("5.6.0") && reply.text().contains("private"), "{reply:?}");
        assert!(!reply.text().contains("6135550199"), "{reply:?}");
        scene.postfix.wait_until_idle(PATIENCE);
        assert_eq!(scene.sink.delivered().len(), n + 1, "nothing for the gateway");
    }
}
