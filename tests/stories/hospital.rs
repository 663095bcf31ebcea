//! A hospital's voice hub: Unity Connection to an old Avaya, in shadow first.

use crate::scene::{
    PATIENCE, Scene, disposition, example, header, logged, multipart, octets_out, part, show, types,
};
use crate::sound::{self, G726, run};
use crate::support::directory::TestDirectory;
use crate::support::{postfix, tools};
use std::process::Command;

const EXAMPLE: &str = "hospital-hub.toml";
const RECIPIENT: &str = "<4411@avaya.example.org>";
const ENFORCE: (&str, &str) = ("mode = \"shadow\"", "mode = \"enforce\"");
const PROGRAMS: &[&str] = &["ffmpeg", "tiffcp", "tiffcmp", "tiffinfo"];

/// What the log line tells of the work, the same in both modes.
const TOLD: [&str; 9] = [
    "rules",
    "route",
    "profile",
    "actions",
    "renumbered",
    "losses",
    "unchanged_because",
    "bytes_in",
    "bytes_out",
];

struct Sent {
    directory: TestDirectory,
    raw: Vec<u8>,
    fax: std::path::PathBuf,
    name: Vec<u8>,
}

/// A message of Unity Connection: spoken name, voice in mu-law, a text, a vCard, a fax of several strips.
fn message() -> Sent {
    let directory = TestDirectory::new("hospital");
    let data = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/fax/tiff");
    let fax = directory.join("fax.tif");
    run(Command::new("tiffcp")
        .args(["-c", "g4", "-r", "100"])
        .arg(data.join("letter-std_mmr_lsb_MM_s64.tif"))
        .arg(&fax));
    assert!(run(Command::new("tiffinfo").arg("-s").arg(&fax)).contains("12 Strips"));
    let name = sound::g726()[..6_000].to_vec();
    let parts = [
        part(
            "Content-Type: audio/32KADPCM\r\nContent-Disposition: inline; voice=Originator-Spoken-Name",
            &name,
        ),
        part(
            "Content-Type: audio/wav\r\nContent-Description: Voice message\r\n\
             Content-Disposition: inline; voice=Voice-Message; filename=\"message.wav\"\r\nContent-Duration: 4",
            &sound::mu_law_wav(&directory),
        ),
        "Content-Type: text/plain; charset=us-ascii\r\n\r\nPlease call back before noon.\r\n".to_owned(),
        "Content-Type: text/directory; charset=us-ascii; profile=vCard\r\n\
         Content-Disposition: attachment; filename=\"pat.vcf\"\r\n\r\n\
         BEGIN:VCARD\r\nVERSION:3.0\r\nN:Example;Pat\r\nTEL;TYPE=VOICE:+1-613-555-0199\r\nEND:VCARD\r\n"
            .to_owned(),
        part(
            "Content-Type: image/tiff; application=faxbw; name=\"fax.tif\"\r\n\
             Content-Disposition: inline; filename=\"fax.tif\"",
            &std::fs::read(&fax).unwrap(),
        ),
    ];
    let raw = "Received: from unity.example.org by hub.example.org; Tue, 24 Nov 2026 09:15:03 -0500\r\n\
        From: \"Pat Example\" <8613@unity.example.org>\r\nTo: 4411@avaya.example.org\r\n\
        Subject: Voice message from Pat Example\r\nDate: Tue, 24 Nov 2026 09:15:02 -0500\r\n\
        Message-ID: <u1@unity.example.org>\r\nMIME-Version: 1.0 (Voice 2.0)\r\n\
        Content-Type: multipart/voice-message; version=2.0; boundary=\"unity\"\r\n\r\n"
        .to_owned()
        + &multipart("unity", &parts);
    Sent { directory, raw: raw.into_bytes(), fax, name }
}

fn private(raw: &[u8]) -> Vec<u8> {
    let text = String::from_utf8(raw.to_vec()).unwrap();
    text.replace("\r\nDate:", "\r\nSensitivity: Private\r\nDate:").into_bytes()
}

#[test]
fn shadow_mode_tells_what_enforce_mode_does() {
    if !postfix::available() || !tools::available(PROGRAMS) {
        return;
    }
    let sent = message();
    let log_of = |changes: &[(&str, &str)]| {
        let scene = Scene::start(&example(EXAMPLE, changes));
        let delivered = scene.deliver(RECIPIENT, &sent.raw);
        let line = scene.milter.wait_for_log("bytes_out=", PATIENCE);
        let refused = scene.send(&[RECIPIENT], &private(&sent.raw));
        let of_private = match refused.code {
            250 => logged(&scene.milter.wait_for_log("would=\"refused", PATIENCE), "would"),
            code => format!("refused {code} {}", refused.lines[0].split(' ').next().unwrap()),
        };
        (delivered, TOLD.map(|name| (name, logged(&line, name))), of_private)
    };
    let (shadowed, foretold, foretold_private) = log_of(&[]);
    assert_eq!(shadowed.recipients(), ["4411@avaya.example.org"]);
    assert!(shadowed.without_received() == sent.raw, "shadow mode delivers the original");
    let (converted, done, done_private) = log_of(&[ENFORCE]);
    assert_eq!(foretold, done);
    assert_eq!(
        (foretold_private.as_str(), done_private.as_str()),
        ("refused 554 5.6.0", "refused 554 5.6.0")
    );
    let told = |name: &str| &done.iter().find(|(n, _)| *n == name).unwrap().1;
    let octets = octets_out(&converted.data).to_string();
    assert_eq!(told("bytes_out"), &octets, "what was foretold is what arrived");
    println!("losses: {}", told("losses"));
    for lost in ["text/plain", "text/directory"] {
        assert!(told("losses").contains(lost), "{lost} in {}", told("losses"));
    }
    assert!(told("losses").matches("dropped").count() == 2 && !told("losses").ends_with("..."));
    assert!(told("renumbered").contains("recipient <4411@avaya.example.org> <6045554411@avaya.example.org>"));
}

#[test]
fn the_avaya_gets_what_it_understands() {
    if !postfix::available() || !tools::available(PROGRAMS) {
        return;
    }
    let sent = message();
    let scene = Scene::start(&example(EXAMPLE, &[ENFORCE]));
    let delivered = scene.deliver(RECIPIENT, &sent.raw);
    show("Unity Connection sends", &sent.raw);
    show("the Avaya gets", &delivered.data);
    assert_eq!(delivered.recipients(), ["6045554411@avaya.example.org"]);
    let mail = mailparse::parse_mail(&delivered.data).unwrap();
    assert_eq!(header(&mail, "To"), "6045554411@avaya.example.org");
    assert_eq!(mail.ctype.mimetype, "multipart/voice-message");
    assert_eq!(types(&mail), ["audio/32kadpcm", "audio/32kadpcm", "image/tiff"]);
    let [name, voice, fax] = &mail.subparts[..] else { panic!("{}", mail.subparts.len()) };
    assert_eq!(disposition(name, "voice"), "Originator-Spoken-Name");
    assert!(name.get_body_raw().unwrap() == sent.name, "the spoken name is octet for octet what it was");
    let shown = voice.get_content_disposition();
    assert_eq!(shown.disposition, mailparse::DispositionType::Inline);
    assert_eq!(disposition(voice, "voice"), "Voice-Message");
    assert_eq!(disposition(voice, "filename"), "message.726");
    assert_eq!(header(voice, "Content-Transfer-Encoding"), "base64");
    assert_eq!(header(voice, "Content-Duration"), "4");
    let octets = voice.get_body_raw().unwrap();
    assert_eq!(octets.len(), 16_000, "4 s at 32 kbit/s");
    let likeness = sound::likeness(&sound::original(), &sound::heard(&sent.directory, &octets, &G726));
    println!("likeness of the voice: {likeness:.3}");
    assert!(likeness > 0.98, "{likeness}");
    assert_eq!(fax.ctype.params.get("application").map(String::as_str), Some("faxbw"));
    let file = sent.directory.join("out.tif");
    std::fs::write(&file, fax.get_body_raw().unwrap()).unwrap();
    let info = run(Command::new("tiffinfo").arg("-s").arg(&file));
    assert!(info.contains("1 Strips") && info.contains("CCITT Group 3"), "{info}");
    run(Command::new("tiffcmp").arg("-t").arg(&sent.fax).arg(&file));
    let results = header(&mail, "VPIM-Results");
    assert!(results.contains("text/plain") && results.contains("text/directory"), "{results}");
}

#[test]
fn private_mail_is_refused_unless_the_avaya_keeps_it_private() {
    if !postfix::available() || !tools::available(PROGRAMS) {
        return;
    }
    let sent = message();
    let scene = Scene::start(&example(EXAMPLE, &[ENFORCE]));
    let reply = scene.send(&[RECIPIENT], &private(&sent.raw));
    assert_eq!(reply.code, 554);
    assert!(reply.text().contains("5.6.0") && reply.text().contains("RFC 3801 section 4.2.13"), "{reply:?}");
    scene.postfix.wait_until_idle(PATIENCE);
    assert_eq!(scene.sink.delivered().len(), 0);
    let scene = Scene::start(&example(EXAMPLE, &[ENFORCE, ("privacy = false", "privacy = true")]));
    let delivered = scene.deliver(RECIPIENT, &private(&sent.raw));
    let mail = mailparse::parse_mail(&delivered.data).unwrap();
    assert_eq!((header(&mail, "Sensitivity").as_str(), types(&mail).len()), ("Private", 3));
}
