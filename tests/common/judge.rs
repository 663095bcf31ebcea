//! What our own rules say of a TIFF.

use vpim_milter::conformance::judge;
use vpim_milter::limits::{Budget, Limits};
use vpim_milter::message::Message;
use vpim_milter::message::transfer::encode_base64;
use vpim_milter::vpim::{Envelope, Survey, Target};

/// Rule and message of what a mail breaks towards a receiver of profile S, or of F too.
pub fn findings(mail: &[u8], profile_s: bool) -> Vec<(&'static str, String)> {
    let (limits, envelope) = (Limits::default(), Envelope::default());
    let message = Message::parse(mail, &limits);
    let target = Target { fax_profile_s: Some(profile_s), ..Target::default() };
    let survey = Survey::new(&message, &envelope, None, &limits, &mut Budget::new(&limits));
    judge(&survey.towards(Some(&target))).into_iter().map(|f| (f.rule.id, f.message)).collect()
}

/// A fax mail with the file.
pub fn fax_mail(tiff: &[u8]) -> Vec<u8> {
    let base64 = String::from_utf8(encode_base64(tiff, "\r\n")).unwrap();
    let head = "Received: from fax.example.net by fax.example.org; Tue, 4 Mar 2025 09:00:01 +0100
From: <FAX=+16135550100@fax.example.net>
To: <FAX=+3940226338@fax.example.org>
Date: Tue, 4 Mar 2025 09:00:00 +0100
Message-ID: <a6@fax.example.net>
Subject: Fax
MIME-Version: 1.0
Content-Type: image/tiff; application=faxbw
Content-Transfer-Encoding: base64

";
    (head.replace('\n', "\r\n") + &base64).into_bytes()
}

/// The rules about TIFF that a fax mail with the file breaks.
pub fn faults(tiff: &[u8], profile_s: bool) -> Vec<String> {
    let mail = fax_mail(tiff);
    let (limits, envelope) = (Limits::default(), Envelope::default());
    let message = Message::parse(&mail, &limits);
    let survey = Survey::new(&message, &envelope, None, &limits, &mut Budget::new(&limits));
    assert!(survey.pages().next().is_some(), "no page is judged");
    let about_tiff = |id: &str| id.contains("tiff") || id.starts_with("vpim2-fax");
    let rules = findings(&mail, profile_s).into_iter().map(|(rule, _)| rule.to_owned());
    rules.filter(|rule| about_tiff(rule)).collect()
}
