//! Plans over small messages; conversions of whole messages with real media are in `tests/`.

use super::*;
use crate::message::Message;
use crate::policy::profile::builtin;
use crate::vpim::{Class, Envelope};

const SILENCE: &str = "////////";

fn planned(raw: &str, class: Class, profile: &str) -> Result<(Plan, String), Refused> {
    let limits = Limits::default();
    let message = Message::parse(raw.as_bytes(), &limits);
    let envelope = Envelope::default();
    let mut budget = Budget::new(&limits);
    let survey = Survey::new(&message, &envelope, Some(class), &limits, &mut budget);
    let profiles = builtin();
    let request = Request {
        profile: &profiles[profile],
        limits: &limits,
        host: "mx.test",
        date: Some("Sun, 22 Nov 2026 12:00:00 +0000"),
    };
    let plan = plan(&survey, request, &mut budget)?;
    let out = String::from_utf8(plan.edits.apply(&message).unwrap()).unwrap();
    Ok((plan, out))
}

fn voice_message(extra: &str) -> String {
    format!(
        "From: Ann <1@a.test>\r\nDate: Tue, 4 Mar 2025 09:00:00 +0100\r\nMessage-ID: <a@a.test>\r\n\
         MIME-Version: 1.0 (Voice 2.0)\r\n\
         Content-Type: multipart/voice-message; version=2.0; boundary=b\r\n\r\n--b\r\n\
         Content-Type: audio/32KADPCM\r\nContent-Transfer-Encoding: base64\r\n\
         Content-Disposition: inline; voice=Voice-Message\r\nContent-Language: de\r\n\r\n{SILENCE}\r\n{extra}--b--\r\n"
    )
}

#[test]
fn a_voice_message_becomes_mixed_and_stays_so() {
    let (plan, out) = planned(&voice_message(""), Class::Vpim2, "desktop").unwrap();
    assert!(
        out.contains("\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=\"b\"\r\n"),
        "{out}"
    );
    assert!(out.contains("--b\r\nContent-Type: text/plain; charset=us-ascii\r\n"), "{out}");
    assert!(out.contains("Content-Type: audio/wav; name=\"voice-message.wav\"\r\n"), "{out}");
    assert!(out.contains("Content-Language: de\r\n"), "fields that still hold are kept: {out}");
    assert_eq!(plan.actions.len(), 3, "{:?}", plan.actions);
    let (again, same) = planned(&out, Class::VoiceOther, "desktop").unwrap();
    assert!(again.edits.is_empty(), "{:?}", again.actions);
    assert_eq!(same, out);
}

#[test]
fn a_voice_message_that_fits_is_left_alone() {
    let raw = voice_message("");
    let (plan, out) = planned(&raw, Class::Vpim2, "vpim2").unwrap();
    assert!(plan.edits.is_empty(), "{:?}", plan.actions);
    assert_eq!(out, raw);
}

#[test]
fn foreign_text_is_dropped_from_a_voice_message_and_said() {
    let raw = voice_message("--b\r\nContent-Type: text/plain\r\n\r\nhello\r\n");
    let (plan, out) = planned(&raw, Class::Vpim2, "vpim2").unwrap();
    assert_eq!(out, voice_message(""));
    assert_eq!(plan.losses, ["2: text/plain of 5 octets dropped"]);
}

#[test]
fn other_parts_move_outside_octet_for_octet() {
    let pdf = "Content-Type: application/pdf\r\nX-Odd:  kept \r\n\r\n%PDF-1.4";
    let raw = voice_message(&format!("--b\r\n{pdf}\r\n"));
    let (_, out) = planned(&raw, Class::Vpim2, "vpim2").unwrap();
    assert!(out.contains("Content-Type: multipart/mixed; boundary="), "{out}");
    assert!(out.contains("Content-Type: multipart/voice-message; version=2.0; boundary="), "{out}");
    assert!(out.contains(&format!("\r\n{pdf}\r\n")), "{out}");
    let (again, _) = planned(&out, Class::Vpim2, "vpim2").unwrap();
    assert!(again.edits.is_empty(), "{:?}", again.actions);
}

#[test]
fn a_foreign_part_moves_from_a_nested_voice_message_to_the_mixed_around_it() {
    let pdf = "Content-Type: application/pdf\r\n\r\n%PDF-1.4";
    let inner = voice_message(&format!("--b\r\n{pdf}\r\n"));
    let (fields, rest) = inner.split_once("Content-Type: multipart").unwrap();
    let raw = format!(
        "{fields}Content-Type: multipart/mixed; boundary=o\r\n\r\n--o\r\nContent-Type: multipart{rest}--o\r\n\r\ntext\r\n--o--\r\n"
    );
    let (plan, out) = planned(&raw, Class::Vpim2, "vpim2").unwrap();
    assert!(out.contains(&format!("--b--\r\n--o\r\n{pdf}\r\n--o\r\n\r\ntext\r\n--o--\r\n")), "{out}");
    assert_eq!(plan.actions, ["1.2: moved out of the voice message"]);
    assert!(planned(&out, Class::Vpim2, "vpim2").unwrap().0.edits.is_empty());
}

#[test]
fn what_must_not_change_is_refused() {
    let signed = "Content-Type: multipart/signed; boundary=s\r\n\r\n--s\r\nContent-Type: audio/basic\r\n\r\nx\r\n--s--\r\n";
    let banned = voice_message("").replacen("From:", "Conversion: Prohibited\r\nFrom:", 1);
    let twice = voice_message("").replacen("From:", "Content-Type: text/plain\r\nFrom:", 1);
    let bare = voice_message("--b\r\nContent-Type: text/plain\r\n\r\na\nb\r\n");
    for raw in [signed, &banned, &twice, &bare] {
        for profile in ["desktop", "vpim2"] {
            let refused = planned(raw, Class::Vpim2, profile).map(|(p, _)| p.actions);
            assert!(matches!(refused, Err(Refused::Untouchable(_))), "{refused:?} for {raw}");
        }
    }
}

#[test]
fn quoted_printable_audio_becomes_base64_for_a_voice_system() {
    let encoded =
        voice_message("").replace("base64", "quoted-printable").replace(SILENCE, "=FF=FF=FF=FF=FF=FF");
    let (plan, out) = planned(&encoded, Class::Vpim2, "vpim2").unwrap();
    assert_eq!(plan.actions.len(), 1, "{:?}", plan.actions);
    assert!(out.contains("Content-Transfer-Encoding: base64\r\n") && out.contains(SILENCE), "{out}");
}

#[test]
fn a_pdf_beside_voice_goes_outside_and_alone_it_is_refused() {
    let pdf = "Content-Type: application/pdf\r\n\r\n%PDF-1.4\r\n";
    let head =
        "From: a@b.test\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n";
    let voice =
        "Content-Type: audio/basic\r\nContent-Transfer-Encoding: base64\r\n\r\n//////////8=\r\n--b\r\n";
    let (_, out) = planned(&format!("{head}{voice}{pdf}--b--\r\n"), Class::VoiceOther, "vpim2").unwrap();
    assert!(out.contains("multipart/voice-message") && out.contains(pdf), "{out}");
    assert!(planned(&format!("{head}{pdf}--b--\r\n"), Class::VoiceOther, "vpim2").is_err());
    let (plan, same) = planned(&format!("{head}{pdf}--b--\r\n"), Class::VoiceOther, "desktop").unwrap();
    assert_eq!((plan.losses.len(), same), (0, format!("{head}{pdf}--b--\r\n")));
}

#[test]
fn undecodable_audio_stays_at_a_desk_and_is_refused_by_a_voice_system() {
    let raw = "From: a@b.test\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\
        Content-Type: audio/wav\r\nContent-Transfer-Encoding: base64\r\n\r\nUklGRgAA\r\n--b--\r\n";
    let (plan, out) = planned(raw, Class::VoiceOther, "desktop").unwrap();
    assert_eq!(out, raw);
    assert_eq!(plan.losses.len(), 1, "{:?}", plan.losses);
    assert!(planned(raw, Class::VoiceOther, "vpim2").is_err());
}

#[test]
fn missing_fields_of_rfc_3801_are_added() {
    let raw = "From: a@b.test\r\nReturn-Path: <x@y.test>\r\nMIME-Version: 1.0\r\nContent-Type: audio/basic\r\n\
        Content-Transfer-Encoding: base64\r\n\r\n/////////////////////w==\r\n";
    let (_, out) = planned(raw, Class::VoiceOther, "vpim2").unwrap();
    for wanted in
        ["MIME-Version: 1.0 (Voice 2.0)\r\n", "Date: Sun, 22 Nov 2026 12:00:00 +0000\r\n", "@mx.test>\r\n"]
    {
        assert!(out.contains(wanted), "{wanted} in {out}");
    }
    assert!(!out.contains("Return-Path") && !out.contains("\r\nContent-Type: audio/basic"), "{out}");
}

#[test]
fn messages_with_lf_line_ends_keep_them() {
    let raw = voice_message("").replace("\r\n", "\n");
    let (_, out) = planned(&raw, Class::Vpim2, "desktop").unwrap();
    assert!(!out.contains('\r') && out.contains("audio/wav"), "{out}");
}

#[test]
fn a_ban_of_losses_lets_through_what_loses_nothing() {
    let ban = |raw: String| raw.replacen("From:", "Conversion-With-Loss: prohibited\r\nFrom:", 1);
    // Unpacked to linear samples, every one is there; in base64 or not, the octets are the same.
    let (plan, out) = planned(&ban(voice_message("")), Class::Vpim2, "desktop").unwrap();
    assert!(out.contains("audio/wav") && plan.losses.is_empty(), "{:?}", plan.losses);
    let encoded =
        voice_message("").replace("base64", "quoted-printable").replace(SILENCE, "=FF=FF=FF=FF=FF=FF");
    let (_, out) = planned(&ban(encoded), Class::Vpim2, "vpim2").unwrap();
    assert!(out.contains(SILENCE), "{out}");
    // Coded anew in four bits, or without its text, the message is another.
    let basic = voice_message("").replace("32KADPCM", "basic");
    let (plan, _) = planned(&basic, Class::Vpim2, "vpim2").unwrap();
    assert_eq!(plan.losses, ["1: sound coded anew in g726-32"]);
    let refused = planned(&ban(basic), Class::Vpim2, "vpim2").map(|(p, _)| p.actions);
    assert!(matches!(refused, Err(Refused::Prohibited { .. })), "{refused:?}");
    let text = voice_message("--b\r\nContent-Type: text/plain\r\n\r\nhello\r\n");
    let refused = planned(&ban(text), Class::Vpim2, "vpim2").map(|(p, _)| p.actions);
    assert!(matches!(refused, Err(Refused::Untouchable(_))), "{refused:?}");
}

#[test]
fn a_part_becomes_what_its_sender_permits() {
    let with = |stated: &str| {
        let field = format!("Content-Convert: {stated}\r\nContent-Language");
        planned(&voice_message("").replacen("Content-Language", &field, 1), Class::Vpim2, "desktop").unwrap()
    };
    for stated in ["ANY", "(| (type=\"audio/mpeg\") (type=\"audio/wav\"))"] {
        let (plan, out) = with(stated);
        assert!(out.contains("audio/wav; name") && plan.losses.is_empty(), "{stated}: {out}");
        assert!(out.contains(&format!("Content-Convert: {stated}\r\n")), "carried unmodified: {out}");
    }
    for stated in ["NONE", "(type=\"audio/mpeg\")"] {
        let (plan, out) = with(stated);
        assert!(out.contains("audio/32KADPCM") && !out.contains("audio/wav; name"), "{stated}: {out}");
        assert!(plan.losses[0].contains("Content-Convert"), "{:?}", plan.losses);
    }
}

#[test]
fn a_fax_nobody_can_read_stays_and_costs_nobody_the_voice() {
    let fax = "Content-Type: image/tiff\r\nContent-Transfer-Encoding: base64\r\n\r\nbm8gdGlmZg==\r\n";
    let raw = voice_message(&format!("--b\r\n{fax}"))
        .replace("base64\r\nContent-D", "quoted-printable\r\nContent-D");
    let raw = raw.replace(SILENCE, "=FF=FF=FF=FF=FF=FF");
    let (plan, out) = planned(&raw, Class::Vpim2, "vpim2").unwrap();
    assert!(out.contains(SILENCE) && out.contains(fax), "{out}");
    assert!(plan.losses[0].starts_with("part 2: ") && plan.losses[0].ends_with("left as it came"));
    // Not where its sender says that it matters, nor where there is no voice.
    let marked =
        raw.replace("image/tiff\r\n", "image/tiff\r\nContent-Disposition: inline; handling=REQUIRED\r\n");
    assert!(planned(&marked, Class::Vpim2, "vpim2").is_err());
    let alone = raw.replacen("audio/32KADPCM", "text/plain", 1);
    assert!(planned(&alone, Class::Vpim2, "vpim2").is_err());
    // From a telephone system it goes beside the new voice message.
    let pbx = raw
        .replace("multipart/voice-message; version=2.0", "multipart/mixed")
        .replace("MIME-Version: 1.0 (Voice 2.0)", "MIME-Version: 1.0");
    let (plan, out) = planned(&pbx, Class::VoiceOther, "vpim2").unwrap();
    assert!(out.contains("multipart/voice-message") && out.contains(fax), "{out}");
    assert_eq!(plan.losses.len(), 1);
}
