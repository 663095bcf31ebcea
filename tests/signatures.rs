//! Signatures: what others signed or encrypted is passed whole; where a conversion breaks a DKIM
//! signature this is said, or the message left, as the route wants; and the order verify, rewrite,
//! sign, with OpenDKIM before and after the daemon in one MTA.

mod support;

use std::time::Duration;
use support::milter_process::MilterProcess;
use support::opendkim::{self, Keys};
use support::postfix::{self, Postfix, PostfixOptions};
use support::recipients::{form, message};
use support::sendmail::{self, Sendmail, SendmailOptions};
use support::sink::{Delivered, Sink};

const PATIENCE: Duration = Duration::from_secs(30);
/// Domain of the PBX that signs, and of the gateway.
const ORIGIN: &str = "pbx.example.com";
const GATEWAY: &str = "gw.test";

const CONFIG: &str = r#"
mode = "enforce"
[results]
authserv_id = "mx.test"
[[route]]
name = "voice hub"
profile = "vpim2"
match.recipient = ["*@vm.test"]
[[route]]
name = "careful"
profile = "vpim2"
match.recipient = ["*@careful.test"]
signed = "leave"
"#;

/// A Postfix that signs for the origin and sends to the MTA at this port.
fn origin(keys: &Keys, port: u16) -> (Postfix, opendkim::OpenDkim) {
    let signer = keys.signer(ORIGIN);
    (Postfix::start(PostfixOptions::with_milter(port, signer.postfix_socket())), signer)
}

/// Sends the message to both routes, and gives what arrives at the voice hub and at the careful one.
fn deliver(origin: &Postfix, sink: &Sink) -> (Delivered, Delivered) {
    for recipient in ["<1@vm.test>", "<1@careful.test>"] {
        let replies = origin.smtp().send("<asterisk@pbx.example.com>", &[recipient], &message());
        assert_eq!(replies.last().map(|r| r.code), Some(250), "{replies:?}");
    }
    let delivered = sink.wait_for(2, PATIENCE);
    let to = |recipient: &str| {
        let found = delivered.iter().find(|d| d.recipients() == [recipient]);
        found.unwrap_or_else(|| panic!("nothing for {recipient}")).clone()
    };
    (to("1@vm.test"), to("1@careful.test"))
}

/// What both MTAs must have made of it.
fn check(keys: &Keys, milter: &MilterProcess, converted: &Delivered, left: &Delivered) {
    let line = format!("DKIM-Signature d={ORIGIN}");
    assert_eq!((form(&converted.data), form(&left.data)), ("vpim2", "none"));
    for delivered in [converted, left] {
        let text = String::from_utf8_lossy(&delivered.data).into_owned();
        let unfolded = text.replace("\r\n\t", " ").replace("\r\n ", " ");
        assert!(unfolded.contains("Authentication-Results: verify.test;"), "{text:.3000}");
        assert!(unfolded.contains(&format!("dkim=pass (2048-bit key) header.d={ORIGIN}")), "{text:.3000}");
    }
    let verified = |holds: bool| vec![(GATEWAY.to_owned(), true), (ORIGIN.to_owned(), holds)];
    assert_eq!(keys.verify(&converted.data), verified(false), "the conversion broke the origin's");
    assert_eq!(keys.verify(&left.data), verified(true));
    let text = String::from_utf8_lossy(&converted.data).replace("\r\n ", " ");
    assert!(text.contains(&format!("policy.broken-signatures=\"{line}\"")), "{text:.3000}");
    milter.wait_for_log(&format!("broken_signatures=\"{line}\""), PATIENCE);
    milter.wait_for_log(&format!("the route leaves signed mail: {line}"), PATIENCE);
}

#[test]
fn postfix_verifies_rewrites_and_signs() {
    if !postfix::available() || !opendkim::available() {
        return;
    }
    let keys = Keys::new(&[ORIGIN, GATEWAY]);
    let (verifier, signer) = (keys.verifier("verify.test"), keys.signer(GATEWAY));
    let milter = MilterProcess::start(CONFIG);
    let sink = Sink::start();
    // smtpd_milters of packaging/postfix.md.
    let order = support::packaged("postfix.md", "smtpd_milters = inet:127.0.0.1:8891")
        .replace("inet:127.0.0.1:8891", &verifier.postfix_socket())
        .replace("unix:/run/vpim-milter/milter.sock", &milter.postfix_socket())
        .replace("inet:127.0.0.1:8892", &signer.postfix_socket());
    let order = order.trim().rsplit(" = ").next().expect("a list of milters");
    let postfix = Postfix::start(PostfixOptions::with_milter(sink.port(), order));
    let (origin, _signer) = origin(&keys, postfix.smtp_port());
    let (converted, left) = deliver(&origin, &sink);
    check(&keys, &milter, &converted, &left);
}

#[test]
fn sendmail_verifies_rewrites_and_signs() {
    if !postfix::available() || !sendmail::available() || !opendkim::available() {
        return;
    }
    let keys = Keys::new(&[ORIGIN, GATEWAY]);
    let (verifier, signer) = (keys.verifier("verify.test"), keys.signer(GATEWAY));
    let milter = MilterProcess::start(CONFIG);
    let sink = Sink::start();
    let (verify, sign) = (verifier.socket(), signer.socket());
    let options = SendmailOptions::with_order(sink.port(), &verify, &milter.socket(), &sign);
    let sendmail = Sendmail::start(&options);
    let (origin, _signer) = origin(&keys, sendmail.smtp_port());
    let (converted, left) = deliver(&origin, &sink);
    check(&keys, &milter, &converted, &left);
}

#[test]
fn what_is_signed_or_encrypted_inside_arrives_octet_for_octet() {
    if !postfix::available() {
        return;
    }
    let milter = MilterProcess::start(CONFIG);
    let sink = Sink::start();
    let postfix = Postfix::start(PostfixOptions::with_milter(sink.port(), milter.postfix_socket()));
    let head = "From: a@x.test\r\nTo: 1@vm.test\r\nSubject: voice\r\nDate: Tue, 4 Mar 2025 09:00:00 +0100\r\n\
                Message-ID: <a@a.test>\r\nMessage-Context: voice-message\r\nMIME-Version: 1.0\r\n";
    let audio = "Content-Type: audio/basic\r\nContent-Transfer-Encoding: base64\r\n\r\n////////\r\n";
    let signed = |protocol: &str, signature: &str| {
        format!(
            "Content-Type: multipart/signed; micalg=pgp-sha256;\r\n protocol=\"{protocol}\"; boundary=s\r\n\r\n\
             --s\r\n{audio}--s\r\nContent-Type: {protocol}\r\n\r\n{signature}\r\n--s--\r\n"
        )
    };
    let bodies = [
        signed("application/pgp-signature", "-----BEGIN PGP SIGNATURE-----\r\n\r\niQE=\r\n-----END PGP SIGNATURE-----"),
        signed("application/pkcs7-signature", "MIIB"),
        "Content-Type: multipart/encrypted; protocol=\"application/pgp-encrypted\"; boundary=e\r\n\r\n--e\r\n\
         Content-Type: application/pgp-encrypted\r\n\r\nVersion: 1\r\n--e\r\nContent-Type: \
         application/octet-stream\r\n\r\n-----BEGIN PGP MESSAGE-----\r\n--e--\r\n"
            .to_owned(),
        "Content-Type: application/pkcs7-mime; smime-type=enveloped-data; name=smime.p7m\r\n\
         Content-Transfer-Encoding: base64\r\n\r\nMIIB\r\n"
            .to_owned(),
        format!(
            "Content-Type: multipart/mixed; boundary=m\r\n\r\n--m\r\nContent-Type: text/plain\r\n\r\n\
             -----BEGIN PGP SIGNED MESSAGE-----\r\nHash: SHA256\r\n\r\nhello\r\n--m\r\n{audio}--m--\r\n"
        ),
        format!(
            "Content-Type: multipart/mixed; boundary=o\r\n\r\n--o\r\n{}\r\n--o\r\n{audio}--o--\r\n",
            signed("application/pgp-signature", "x")
        ),
    ];
    for (n, body) in bodies.iter().enumerate() {
        let raw = format!("{head}{body}");
        let replies = postfix.smtp().send("<a@x.test>", &["<1@vm.test>"], raw.as_bytes());
        assert_eq!(replies.last().map(|r| r.code), Some(250), "{replies:?}");
        let delivered = sink.wait_for(n + 1, PATIENCE).pop().expect("waited for it");
        let got = String::from_utf8_lossy(delivered.without_received()).into_owned();
        assert_eq!(got, raw);
    }
    // The same without a signature is converted, so that the test is about the signature.
    let replies = postfix.smtp().send("<a@x.test>", &["<1@vm.test>"], format!("{head}{audio}").as_bytes());
    assert_eq!(replies.last().map(|r| r.code), Some(250), "{replies:?}");
    assert_eq!(form(&sink.wait_for(bodies.len() + 1, PATIENCE)[bodies.len()].data), "vpim2");
}
