//! A FreePBX box: voice mail handed to `sendmail -t` leaves as an MP3, signed.

use crate::scene::{PATIENCE, disposition, example, header, show, types};
use crate::sound::{self, run};
use crate::support::directory::TestDirectory;
use crate::support::milter_process::MilterProcess;
use crate::support::opendkim::{self, Keys};
use crate::support::postfix::{self, Postfix, PostfixOptions};
use crate::support::sink::{Delivered, Sink};
use crate::support::tools;
use std::process::Command;
use vpim_milter::message::transfer::encode_base64;

const DOMAIN: &str = "pbx.example.com";

const TEXT: &str = "Dear Pat:\n\n\tYou were just left a 0:04 long message (number 4) in mailbox 1212\n\
    from \"Sam Smith\" <6135550199>, on Tuesday, November 24, 2026 at 09:15:02 AM.\n\n\t\t\t\t--Asterisk\n";

/// What Asterisk writes, lines ended by LF.
fn head(recipient: &str) -> String {
    format!(
        "Date: Tue, 24 Nov 2026 09:15:02 -0500\nFrom: \"Asterisk PBX\" <asterisk@{DOMAIN}>\nTo: \"Pat\" <{recipient}>\n\
         Subject: [PBX]: New message 4 in mailbox 1212\nMessage-ID: <Asterisk-3-2246452949-1212-4242@{DOMAIN}>\n\
         X-Asterisk-CallerID: 6135550199\nX-Asterisk-CallerIDName: Sam Smith\nMIME-Version: 1.0\n"
    )
}

fn voice_mail(recipient: &str, wav: &[u8]) -> String {
    let sound = String::from_utf8(encode_base64(wav, "\n")).unwrap();
    head(recipient)
        + &format!(
            "Content-Type: multipart/mixed; boundary=\"voicemail_4\"\n\n\n--voicemail_4\n\
             Content-Type: text/plain; charset=ISO-8859-1\nContent-Transfer-Encoding: 8bit\n\n{TEXT}\n\
             --voicemail_4\nContent-Type: audio/x-wav; name=\"msg0003.WAV\"\n\
             Content-Transfer-Encoding: base64\nContent-Description: Voicemail sound attachment.\n\
             Content-Disposition: attachment; filename=\"msg0003.WAV\"\n\n{sound}\n--voicemail_4--\n.\n"
        )
}

struct Box {
    _milter: MilterProcess,
    _signer: opendkim::OpenDkim,
    keys: Keys,
    postfix: Postfix,
    sink: Sink,
}

impl Box {
    fn start() -> Self {
        let keys = Keys::new(&[DOMAIN]);
        let signer = keys.signer(DOMAIN);
        let (sink, milter) = (Sink::start(), MilterProcess::start(&example("freepbx.toml", &[])));
        let order = format!("{} {}", milter.postfix_socket(), signer.postfix_socket());
        let options = PostfixOptions { non_smtpd_milter: Some(order), ..PostfixOptions::to(sink.port()) };
        Box { _milter: milter, _signer: signer, keys, postfix: Postfix::start(options), sink }
    }

    /// Hands a message to the `sendmail` command as Asterisk does; what arrives is signed.
    fn submit(&self, raw: &str) -> Delivered {
        let before = self.sink.delivered().len();
        let output = self.postfix.sendmail(&["-t"], raw.as_bytes());
        assert!(output.status.success(), "{output:?}");
        let delivered = self.sink.wait_for(before + 1, PATIENCE).pop().unwrap();
        let signatures = self.keys.verify(&delivered.data);
        assert_eq!(signatures, [(DOMAIN.to_owned(), true)], "signed after it was changed");
        delivered
    }
}

fn can_run() -> bool {
    postfix::available() && opendkim::available() && tools::available(&["ffmpeg", "ffprobe", "sox"])
}

#[test]
fn voice_mail_leaves_as_an_mp3_that_tells_who_called() {
    if !can_run() {
        return;
    }
    let (pbx, directory) = (Box::start(), TestDirectory::new("freepbx"));
    let wav = sound::wav49(&directory);
    for (recipient, exchange) in [("pat@home.example.com", false), ("pat@corp.example.com", true)] {
        let raw = voice_mail(recipient, &wav);
        let delivered = pbx.submit(&raw);
        if exchange {
            show("Asterisk hands over", raw.as_bytes());
        }
        show(&format!("{recipient} gets"), &delivered.data);
        let mail = mailparse::parse_mail(&delivered.data).unwrap();
        assert_eq!(types(&mail), ["text/plain", "audio/mpeg"]);
        assert_eq!(mail.subparts[0].get_body().unwrap().trim().replace("\r\n", "\n"), TEXT.trim());
        let [_, voice] = &mail.subparts[..] else { panic!("{}", mail.subparts.len()) };
        assert_eq!(disposition(voice, "filename"), "voice-2026-11-24-0915-6135550199-0m04.mp3");
        assert_eq!(header(&mail, "Message-Context"), "voice-message");
        let file = directory.join("voice.mp3");
        let octets = voice.get_body_raw().unwrap();
        std::fs::write(&file, &octets).unwrap();
        let probe = run(Command::new("ffprobe")
            .args(["-v", "error", "-show_entries", "stream=codec_name,channels", "-of", "csv=p=0"])
            .arg(&file));
        assert_eq!(probe.trim(), "mp3,1");
        let heard = sound::heard(&directory, &octets, &[]);
        let likeness = (0..20).map(|delay| {
            // The delay of the MP3 coder, in steps of 8 ms.
            sound::likeness(&sound::original(), heard.get(delay * 64..).unwrap_or_default())
        });
        let likeness = likeness.fold(0.0, f64::max);
        println!("{} octets of WAV49, {} of MP3, likeness {likeness:.3}", wav.len(), octets.len());
        assert!(likeness > 0.95, "{likeness}");
        let fields =
            ["Content-Class", "X-CallingTelephoneNumber", "X-VoiceMessageDuration"].map(|n| header(&mail, n));
        match exchange {
            true => assert_eq!(fields, ["voice-ca", "6135550199", "4"]),
            false => assert_eq!(fields, ["", "", ""]),
        }
    }
}

#[test]
fn mail_without_an_attachment_leaves_octet_for_octet() {
    if !can_run() {
        return;
    }
    let pbx = Box::start();
    let plain = |recipient: &str| {
        head(recipient)
            + &format!(
                "Content-Type: text/plain; charset=ISO-8859-1\nContent-Transfer-Encoding: 8bit\n\n{TEXT}"
            )
    };
    let alone = |recipient: &str| {
        head(recipient)
            + &format!(
                "Content-Type: multipart/mixed; boundary=\"v\"\n\n--v\nContent-Type: text/plain\n\n{TEXT}\n--v--\n"
            )
    };
    for recipient in ["pat@home.example.com", "pat@corp.example.com"] {
        for raw in [plain(recipient), alone(recipient)] {
            let delivered = pbx.submit(&raw);
            let wanted = raw.replace('\n', "\r\n");
            let text = String::from_utf8_lossy(&delivered.data);
            assert!(text.ends_with(&wanted), "{text}");
        }
    }
}
