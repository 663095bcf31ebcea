//! Every limit of every built-in profile, held at what the engine does with messages on both sides of it.
//! A profile with a limit of a kind that is not here fails the test.

#![allow(clippy::unwrap_used)]

mod common;

use mailparse::ParsedMail;
use vpim_milter::engine::{self, Ambient, Outcome, Reply, Verdict};
use vpim_milter::limits::{Budget, Limits};
use vpim_milter::media::{self, Job};
use vpim_milter::message::transfer::encode_base64;
use vpim_milter::policy::bounds::TooLong;
use vpim_milter::policy::numbers::{NumberRule, Pattern, Place};
use vpim_milter::policy::profile::{Foreign, Medium, Spoken, Structure, builtin};
use vpim_milter::policy::{Profile, Settings, Split};
use vpim_milter::vpim::Envelope;

const SPEECH: &[u8] = include_bytes!("data/audio/s1.32kadpcm");
const SAMPLES: &[u8] = include_bytes!("data/audio/s1.s16");
const FAX: &[u8] = include_bytes!("data/fax/tiff/letter-std_mmr_lsb_MM_s64.tif");

/// What a profile has that a message can go beyond.
fn limits(profile: &Profile) -> Vec<&'static str> {
    let bounds = &profile.bounds;
    let foreign = |fate: Foreign| profile.structure != Structure::Text && fate == Foreign::Drop;
    let all = [
        (bounds.seconds.is_some(), "seconds"),
        (bounds.silence_seconds.is_some(), "silence"),
        (bounds.bytes.is_some(), "bytes"),
        (bounds.pages.is_some(), "pages"),
        (bounds.recipients.is_some(), "recipients"),
        (bounds.mailbox_digits.is_some(), "mailbox digits"),
        (!profile.carries(Medium::Fax), "no fax"),
        (!profile.carries(Medium::Voice), "no voice"),
        (profile.spoken == Spoken::Drop, "no spoken names"),
        (profile.concatenate, "one voice body"),
        (profile.target.as_ref().and_then(|t| t.privacy) == Some(false), "no privacy"),
        (profile.structure == Structure::Text, "160 characters"),
        (foreign(profile.text), "no text"),
        (foreign(profile.vcard), "no vCard"),
        (foreign(profile.other), "nothing else"),
        (profile.html == Some(Foreign::Drop), "no HTML"),
    ];
    all.iter().filter(|(there, _)| *there).map(|(_, name)| *name).collect()
}

#[test]
fn every_limit_of_every_profile_holds() {
    let mut held = 0;
    for (name, profile) in &builtin() {
        for limit in limits(profile) {
            let check: fn(&str, &Profile) = match limit {
                "seconds" => seconds,
                "silence" => silence,
                "recipients" => recipients,
                "mailbox digits" => mailbox_digits,
                "no fax" => no_fax,
                "no voice" => no_voice,
                "no spoken names" => no_spoken_names,
                "one voice body" => one_voice_body,
                "no privacy" => no_privacy,
                "160 characters" => short_text,
                "no text" => |n, p| without(n, p, TEXT, "text/plain"),
                "no vCard" => |n, p| without(n, p, VCARD, "text/directory"),
                "nothing else" => |n, p| without(n, p, OTHER, "application/x-other"),
                "no HTML" => |n, p| without(n, p, HTML, "text/html"),
                other => panic!("{name} has a limit nobody tests: {other}"),
            };
            println!("{name}: {limit}");
            check(name, profile);
            held += 1;
        }
    }
    println!("{held} limits held");
    assert!(held > 40, "{held}");
}

const TEXT: &str = "Content-Type: text/plain\r\n\r\nhello\r\n";
const HTML: &str = "Content-Type: text/html\r\n\r\n<p>hello</p>\r\n";
const VCARD: &str = "Content-Type: text/directory; profile=vCard\r\n\r\nBEGIN:VCARD\r\nEND:VCARD\r\n";
const OTHER: &str = "Content-Type: application/x-other\r\n\r\nx\r\n";

fn part(fields: &str, octets: &[u8]) -> String {
    let body = String::from_utf8(encode_base64(octets, "\r\n")).unwrap();
    format!("{fields}\r\nContent-Transfer-Encoding: base64\r\n\r\n{body}")
}

fn voice(octets: &[u8]) -> String {
    part("Content-Type: audio/32KADPCM\r\nContent-Disposition: inline; voice=Voice-Message", octets)
}

fn name() -> String {
    let fields = "Content-Type: audio/32KADPCM\r\nContent-Disposition: inline; voice=Originator-Spoken-Name";
    part(fields, &SPEECH[..4_000])
}

fn fax() -> String {
    part("Content-Type: image/tiff; application=faxbw\r\nContent-Disposition: inline", FAX)
}

/// A VPIM message of these parts.
fn message(parts: &[String]) -> Vec<u8> {
    let mut raw = "Received: from a.test by b.test; Tue, 24 Nov 2026 09:15:03 -0500\r\n\
        From: \"Sam\" <6135550199@a.test>\r\nTo: 4411@b.test\r\nSubject: Voice message\r\n\
        Date: Tue, 24 Nov 2026 09:15:02 -0500\r\nMessage-ID: <1@a.test>\r\nMIME-Version: 1.0 (Voice 2.0)\r\n\
        Content-Type: multipart/voice-message; version=2.0; boundary=b\r\n\r\n"
        .to_owned();
    for part in parts {
        raw += &format!("--b\r\n{}\r\n", part.trim_end());
    }
    (raw + "--b--\r\n").into_bytes()
}

fn to(recipients: &[&str]) -> Envelope {
    let recipients: Vec<String> = recipients.iter().map(|r| (*r).to_owned()).collect();
    Envelope {
        mail_from: Some("6135550199@a.test".to_owned()),
        rcpt_parameters: vec![Vec::new(); recipients.len()],
        rcpt_to: recipients,
        ..Envelope::default()
    }
}

fn settings(name: &str, change: impl Fn(&mut Profile)) -> Settings {
    let mut settings = Settings::for_profile(name, "mx.test");
    change(settings.profiles.get_mut(name).unwrap());
    settings
}

fn run(settings: &Settings, raw: &[u8]) -> Outcome {
    engine::rewrite(raw, &to(&["4411@b.test"]), settings, &Ambient::default())
}

/// What the profile makes of a message.
fn made(name: &str, raw: &[u8]) -> Outcome {
    run(&settings(name, |_| {}), raw)
}

fn refusal(outcome: &Outcome) -> &Reply {
    match &outcome.verdict {
        Verdict::Refuse(reply) => reply,
        other => panic!("{other:?}: {:?}", outcome.record),
    }
}

fn is_refused(outcome: &Outcome, code: u16, enhanced: (u8, u8, u8), says: &str) {
    let reply = refusal(outcome);
    assert_eq!((reply.code, reply.enhanced), (code, enhanced), "{reply:?}");
    assert!(reply.lines.concat().contains(says), "{says} in {reply:?}");
}

fn octets(outcome: &Outcome) -> &[u8] {
    assert_eq!(outcome.verdict, Verdict::Deliver, "{:?}", outcome.record);
    outcome.rewritten.as_deref().unwrap()
}

/// The types of all leaves.
fn leaves(raw: &[u8]) -> Vec<String> {
    fn walk(mail: &ParsedMail<'_>, out: &mut Vec<String>) {
        if mail.subparts.is_empty() {
            out.push(mail.ctype.mimetype.to_ascii_lowercase());
        }
        mail.subparts.iter().for_each(|part| walk(part, out));
    }
    let mut out = Vec::new();
    walk(&mailparse::parse_mail(raw).unwrap(), &mut out);
    out
}

fn losses(outcome: &Outcome) -> String {
    outcome.record.losses.join("; ")
}

fn converted(declared: &str, target: &str, octets: &[u8]) -> Vec<u8> {
    let job = Job::convert(declared.parse().unwrap(), target.parse().unwrap());
    let limits = Limits::default();
    media::run(&job, octets, &limits, &mut Budget::new(&limits)).unwrap().bytes
}

/// The samples of the first audio part.
fn samples(raw: &[u8]) -> Vec<i16> {
    let mail = mailparse::parse_mail(raw).unwrap();
    let audio =
        mail.subparts.iter().find(|p| p.ctype.mimetype.eq_ignore_ascii_case("audio/32kadpcm")).unwrap();
    let linear = converted("audio/32KADPCM", "audio/x-s16le;rate=8000", &audio.get_body_raw().unwrap());
    linear.chunks_exact(2).map(|c| i16::from_le_bytes([c[0], c[1]])).collect()
}

/// So many seconds of speech as G.726.
fn speech(seconds: usize) -> Vec<u8> {
    SPEECH.iter().copied().cycle().take(seconds * 4_000).collect()
}

fn seconds(name: &str, profile: &Profile) {
    let most = profile.bounds.seconds.unwrap() as usize;
    // Sound that is treated counts by what is left of it; here none is, and none is coded anew.
    let plain = settings(name, |p| {
        p.trim_silence = false;
        p.bounds.silence_seconds = None;
    });
    let too_long = run(&plain, &message(&[voice(&speech(most + 2))]));
    is_refused(&too_long, 552, (5, 2, 3), &format!("the destination takes {most} s"));
    assert_eq!(run(&plain, &message(&[voice(&speech(most))])).verdict, Verdict::Deliver);
}

/// Speech, a silence of so many seconds, speech; as G.726 and as WAV.
fn gap(seconds: usize) -> [String; 2] {
    let silence = vec![0; seconds * 16_000];
    let linear = [SAMPLES, &silence, SAMPLES].concat();
    let g726 = converted("audio/x-s16le;rate=8000", "audio/32KADPCM", &linear);
    let wav = converted("audio/x-s16le;rate=8000", "audio/wav", &linear);
    [voice(&g726), part("Content-Type: audio/wav\r\nContent-Disposition: inline; voice=Voice-Message", &wav)]
}

/// Seconds of the longest silence.
fn longest_silence(samples: &[i16]) -> f64 {
    let (mut now, mut longest) = (0, 0);
    for block in samples.chunks(160) {
        let loud = block.iter().any(|s| s.unsigned_abs() > 200);
        now = if loud { 0 } else { now + 1 };
        longest = longest.max(now);
    }
    f64::from(longest) / 50.0
}

fn silence(name: &str, profile: &Profile) {
    let most = profile.bounds.silence_seconds.unwrap();
    assert!(most < 10, "AMIS ends a message after 10 s of silence");
    for raw in gap(most as usize + 4).map(|part| message(&[part])) {
        let outcome = made(name, &raw);
        let longest = longest_silence(&samples(octets(&outcome)));
        assert!(longest > f64::from(most) - 1.0 && longest < f64::from(most) + 0.5, "{longest}");
        assert!(losses(&outcome).contains("of silence within cut out"), "{}", losses(&outcome));
        let again = made(name, octets(&outcome));
        assert!(again.record.losses.is_empty(), "once is enough: {}", losses(&again));
    }
    let short = made(name, &message(&[gap(most as usize - 1)[0].clone()]));
    assert!(!losses(&short).contains("silence within"), "{}", losses(&short));
}

fn recipients(name: &str, profile: &Profile) {
    let most = profile.bounds.recipients.unwrap();
    let mut settings = settings(name, |_| {});
    let mailbox = |n: usize| format!("{}@b.test", 4_400 + n);
    let mut envelope = to(&[]);
    envelope.rcpt_to = (0..most - 1).map(mailbox).collect();
    assert_eq!(engine::refused_recipient(&settings, &envelope, &mailbox(most)), None);
    envelope.rcpt_to.push(mailbox(most));
    let reply = engine::refused_recipient(&settings, &envelope, &mailbox(most + 1)).unwrap();
    assert_eq!((reply.code, reply.enhanced), (452, (4, 5, 3)));
    assert!(reply.lines[0].contains(&most.to_string()), "{reply:?}");
    // Where nobody can be told at RCPT: a message for each, or, without copies, the message as it came.
    let raw = message(&[voice(SPEECH), fax()]);
    envelope.rcpt_to.push(mailbox(most + 1));
    envelope.rcpt_parameters = vec![Vec::new(); envelope.rcpt_to.len()];
    let outcome = engine::process(&raw, &envelope, &settings, &Ambient::default());
    assert_eq!((outcome.verdict, outcome.modifications.len()), (Verdict::Deliver, 0));
    assert!(outcome.record.unchanged_because.is_some());
    settings.split = Split::Reinject;
    let outcome = engine::process(&raw, &envelope, &settings, &Ambient::default());
    assert_eq!(outcome.copies.iter().map(|c| c.recipients.len()).sum::<usize>(), 1, "{:?}", outcome.record);
}

fn mailbox_digits(name: &str, profile: &Profile) {
    let most = profile.bounds.mailbox_digits.unwrap();
    let mut settings = settings(name, |_| {});
    let (fits, long) = ("1".repeat(most) + "@b.test", "1".repeat(most + 1) + "@b.test");
    let at_rcpt = |settings: &Settings, path: &str| engine::refused_recipient(settings, &to(&[]), path);
    for good in [fits.as_str(), "4411@b.test", "postmaster@b.test"] {
        assert_eq!(at_rcpt(&settings, good), None, "{good}");
    }
    let raw = message(&[voice(SPEECH)]);
    for bad in [long.as_str(), "pat@b.test", "\"44 11\"@b.test"] {
        let reply = at_rcpt(&settings, bad).unwrap();
        assert_eq!((reply.code, reply.enhanced), (550, (5, 1, 3)), "{bad}");
        // Mail of this machine's own programs is refused at its end.
        let outcome = engine::process(&raw, &to(&[bad]), &settings, &Ambient::default());
        is_refused(&outcome, 550, (5, 1, 3), &most.to_string());
    }
    // The number the destination knows counts.
    settings.routes[0].numbers = vec![NumberRule {
        places: vec![Place::Recipient],
        pattern: Pattern::parse(&"1".repeat(most + 1)).unwrap(),
        strip: 1,
        keep: None,
        prefix: String::new(),
        selector: None,
        domain: None,
    }];
    assert_eq!(at_rcpt(&settings, &long), None);
}

fn no_fax(name: &str, profile: &Profile) {
    let both = made(name, &message(&[voice(SPEECH), fax()]));
    assert!(
        !leaves(octets(&both)).iter().any(|t| t.contains("tiff") || t.contains("pdf")),
        "{:?}",
        both.record
    );
    assert!(losses(&both).contains("no place for fax pages: dropped"), "{}", losses(&both));
    alone(name, profile, &message(&[fax()]), "no place for fax pages");
}

fn no_voice(name: &str, profile: &Profile) {
    let both = made(name, &message(&[voice(SPEECH), fax()]));
    assert!(!leaves(octets(&both)).iter().any(|t| t.starts_with("audio/")), "{:?}", both.record);
    assert!(losses(&both).contains("no place for voice: dropped"), "{}", losses(&both));
    alone(name, profile, &message(&[voice(SPEECH)]), "no place for voice");
}

/// A message with nothing the destination takes is never emptied.
fn alone(name: &str, profile: &Profile, raw: &[u8], why: &str) {
    use vpim_milter::policy::profile::Refusal;
    let outcome = made(name, raw);
    match profile.cannot_convert {
        Refusal::Reject => is_refused(&outcome, 554, (5, 6, 3), why),
        _ => {
            assert_eq!(outcome.verdict, Verdict::Deliver);
            assert!(outcome.record.unchanged_because.as_ref().unwrap().contains(why), "{:?}", outcome.record);
            assert!(outcome.record.losses.is_empty());
        }
    }
}

fn no_spoken_names(name_of: &str, _: &Profile) {
    let outcome = made(name_of, &message(&[name(), voice(SPEECH)]));
    assert_eq!(leaves(octets(&outcome)), ["audio/32kadpcm"]);
    assert!(
        losses(&outcome).contains("no place for spoken names and subjects: dropped"),
        "{}",
        losses(&outcome)
    );
    assert!(samples(octets(&outcome)).len() > 3 * 8_000, "the message stays, the name goes");
}

fn one_voice_body(name: &str, _: &Profile) {
    let outcome = made(name, &message(&[voice(SPEECH), voice(SPEECH)]));
    assert_eq!(leaves(octets(&outcome)), ["audio/32kadpcm"]);
    let seconds = samples(octets(&outcome)).len() as f64 / 8_000.0;
    assert!((7.0..9.0).contains(&seconds), "{seconds}");
    assert!(outcome.record.actions.iter().any(|a| a.contains("joined")), "{:?}", outcome.record);
}

fn private(parts: &[String]) -> Vec<u8> {
    let raw = String::from_utf8(message(parts)).unwrap();
    raw.replace("\r\nDate:", "\r\nSensitivity: Private\r\nDate:").into_bytes()
}

fn no_privacy(name: &str, _: &Profile) {
    let outcome = made(name, &private(&[voice(SPEECH)]));
    is_refused(&outcome, 554, (5, 6, 0), "RFC 3801 section 4.2.13");
    let told = settings(name, |p| p.target.as_mut().unwrap().privacy = Some(true));
    let pager = told.profiles[name].structure == Structure::Text;
    let kept = run(&told, &private(&[voice(SPEECH)]));
    // Not even then is private mail summed up.
    assert_eq!(kept.verdict, Verdict::Deliver);
    assert_eq!(pager, kept.record.unchanged_because.is_some_and(|w| w.contains("private mail")));
}

fn short_text(name: &str, _: &Profile) {
    let raw = String::from_utf8(message(&[voice(SPEECH), fax()])).unwrap();
    for caller in
        ["Sam".to_owned(), "Sam [and] the others ".repeat(30), "Łukasz Żółć ".repeat(20), "Иван ".repeat(50)]
    {
        let raw = raw.replace("\"Sam\"", &format!("\"{}\"", caller.trim()));
        let outcome = made(name, raw.as_bytes());
        let mail = mailparse::parse_mail(octets(&outcome)).unwrap();
        let text = mail.get_body().unwrap();
        let text = text.trim_end();
        assert_eq!(mail.ctype.mimetype, "text/plain");
        assert!(
            text.starts_with("Voice 0:04") && text.chars().count() <= 160 && !text.contains('\n'),
            "{text}"
        );
        assert!(losses(&outcome).contains("stays behind"), "{}", losses(&outcome));
    }
}

/// A part the destination has no place for goes, and is named.
fn without(name: &str, profile: &Profile, foreign: &str, media_type: &str) {
    let own = if profile.carries(Medium::Voice) { voice(SPEECH) } else { fax() };
    let outcome = made(name, &message(&[own, foreign.to_owned()]));
    let left = leaves(octets(&outcome));
    assert!(!left.iter().any(|t| t == media_type), "{media_type} in {left:?}");
    assert!(losses(&outcome).contains(&format!("{media_type} of ")), "{}", losses(&outcome));
}

/// The kinds of limits that an administrator writes, at a profile that delivers what it cannot convert.
#[test]
fn limits_of_the_configuration_hold() {
    let long = message(&[name(), voice(&speech(8))]);
    let refused = |change: fn(&mut Profile), raw: &[u8], says: &str| {
        let outcome = run(&settings("desktop", change), raw);
        is_refused(&outcome, 552, (5, 2, 3), says);
        let shadow = Settings { mode: vpim_milter::policy::Mode::Shadow, ..settings("desktop", change) };
        assert!(matches!(run(&shadow, raw).record.would, Some(Verdict::Refuse(_))), "{says}");
    };
    refused(|p| p.bounds.seconds = Some(8), &long, "9 s of voice, the destination takes 8 s");
    refused(|p| p.bounds.bytes = Some(20_000), &long, "octets, the destination takes 20000");
    refused(|p| p.bounds.pages = Some(1), &message(&[fax(), fax()]), "2 fax pages, the destination takes 1");
    for (change, raw) in [
        ((|p| p.bounds.seconds = Some(9)) as fn(&mut Profile), &long),
        (|p| p.bounds.pages = Some(2), &message(&[fax(), fax()])),
        (|p| p.bounds.bytes = Some(1_000_000), &long),
    ] {
        assert_eq!(run(&settings("desktop", change), raw).verdict, Verdict::Deliver);
    }
    let shorten = |p: &mut Profile| {
        p.bounds.seconds = Some(5);
        p.bounds.too_long = TooLong::Shorten;
    };
    let outcome = run(&settings("vpim2", shorten), &long);
    let mail = mailparse::parse_mail(octets(&outcome)).unwrap();
    let seconds: Vec<usize> = mail.subparts.iter().map(|p| p.get_body_raw().unwrap().len() / 4_000).collect();
    assert_eq!(seconds, [1, 4], "the name is whole, the message is cut");
    assert!(losses(&outcome).contains("4.0 s at the end cut off"), "{}", losses(&outcome));
}

/// Text as a fax page: at a gateway that shows pages only.
#[test]
fn text_becomes_a_fax_page_where_the_destination_reads_none() {
    let pages_only = settings("fax-gateway", |p| {
        p.text = Foreign::Render;
        p.target.as_mut().unwrap().text = Some(false);
    });
    let required = "Content-Type: text/plain; charset=utf-8\r\nContent-Disposition: inline; handling=required\r\n\
                    Content-Transfer-Encoding: 8bit\r\n\r\nPlease sign: Zoë\r\n";
    let alternative = format!(
        "Content-Type: multipart/alternative; boundary=a\r\n\r\n--a\r\n{}\r\n--a\r\n{}\r\n--a--\r\n",
        TEXT.trim_end(),
        HTML.trim_end()
    );
    for text in [TEXT, required, &alternative] {
        let raw = message(&[text.to_owned(), fax()]);
        let outcome = run(&pages_only, &raw);
        assert_eq!(leaves(octets(&outcome)), ["image/tiff", "image/tiff"], "{:?}", outcome.record);
        assert!(outcome.record.losses.is_empty(), "{}", losses(&outcome));
        let mail = mailparse::parse_mail(octets(&outcome)).unwrap();
        let page = mail.subparts[0].get_body_raw().unwrap();
        let facts = common::fax::inspect(&page).unwrap();
        let shown: Vec<(&str, u32)> = facts.pages.iter().map(|p| (p.coding.as_str(), p.width)).collect();
        assert_eq!(shown, [("MH", 1_728)]);
        let bitmap = converted("image/tiff", "image/x-portable-bitmap", &page);
        let dark: u32 = common::fax::pages_of_pbm(&bitmap)[0].2.iter().map(|b| b.count_ones()).sum();
        assert!(dark > 300, "the page shows the text: {dark} black dots");
        let again = run(&pages_only, octets(&outcome));
        assert!(again.record.actions.is_empty(), "{:?}", again.record);
    }
    // What cannot be drawn goes, and is named; pages that are drawn count.
    let outcome = run(&pages_only, &message(&[HTML.to_owned(), fax()]));
    assert_eq!((leaves(octets(&outcome)).len(), losses(&outcome).contains("text/html of ")), (1, true));
    let mut one_page = pages_only.clone();
    one_page.profiles.get_mut("fax-gateway").unwrap().bounds.pages = Some(1);
    is_refused(&run(&one_page, &message(&[TEXT.to_owned(), fax()])), 552, (5, 2, 3), "2 fax pages");
    // The same inside a voice message.
    let voice_system = settings("vpim2", |p| p.text = Foreign::Render);
    let outcome = run(&voice_system, &message(&[voice(SPEECH), TEXT.to_owned()]));
    assert_eq!(leaves(octets(&outcome)), ["audio/32kadpcm", "image/tiff"]);
}

/// X-Priority of mail clients and PBXs is Importance to systems that know only that.
#[test]
fn importance_is_told_where_other_fields_say_it() {
    let raw = String::from_utf8(message(&[voice(SPEECH), TEXT.to_owned()])).unwrap();
    for profile in ["vpim2", "outlook"] {
        for (field, wanted) in [
            ("X-Priority: 1 (Highest)", "High"),
            ("X-Priority: 2", "High"),
            ("X-Priority: 3", ""),
            ("X-Priority: 5", "Low"),
            ("Priority: urgent", "High"),
            ("Priority: non-urgent", "Low"),
            ("X-Priority: 1\r\nImportance: low", "low"),
            ("X-Other: 1", ""),
        ] {
            let raw = raw.replace("\r\nDate:", &format!("\r\n{field}\r\nDate:"));
            let outcome = made(profile, raw.as_bytes());
            let out = octets(&outcome);
            let mail = mailparse::parse_mail(out).unwrap();
            let values: Vec<String> = mail
                .headers
                .iter()
                .filter(|h| h.get_key_ref().eq_ignore_ascii_case("Importance"))
                .map(|h| h.get_value())
                .collect();
            assert_eq!(values.concat(), wanted, "{profile}: {field}");
            let said = field.split("\r\n").next().unwrap();
            assert!(String::from_utf8_lossy(out).contains(said), "{said} stays");
        }
    }
}
