//! Voice and fax mail through a real Postfix and the daemon, as the recipient gets it, read with
//! other people's programs: mailparse takes the message apart, ffmpeg decodes the audio, poppler
//! renders the PDF.

mod support;

use mailparse::ParsedMail;
use std::path::Path;
use std::process::Command;
use std::time::Duration;
use support::directory::TestDirectory;
use support::milter_process::MilterProcess;
use support::postfix::{self, Postfix, PostfixOptions};
use support::sink::{Delivered, Sink};
use support::tools;
use vpim_milter::limits::{Budget, Limits};
use vpim_milter::media::{self, Job};

const PATIENCE: Duration = Duration::from_secs(30);

const CONFIG: &str = r#"
mode = "enforce"

[results]
authserv_id = "mx.test"

[[route]]
name = "voice hub"
match = { recipient = ["*@vm1.example.com"] }
profile = "vpim2"

[[route]]
name = "people"
match = { recipient = ["*@desktop.example.org"] }
profile = "desktop"
"#;

/// Daemon, Postfix and sink, ended in this order.
struct Chain {
    milter: MilterProcess,
    postfix: Postfix,
    sink: Sink,
}

impl Chain {
    fn start() -> Self {
        let sink = Sink::start();
        let milter = MilterProcess::start(CONFIG);
        let postfix = Postfix::start(PostfixOptions::with_milter(sink.port(), milter.postfix_socket()));
        Chain { milter, postfix, sink }
    }

    /// Sends one message to `rcpt` and gives what the sink got.
    fn deliver(&self, rcpt: &str, raw: &[u8]) -> Delivered {
        let before = self.sink.delivered().len();
        let replies = self.postfix.smtp().send("<+12145551234@vm2.example.net>", &[rcpt], raw);
        let last = replies.last().expect("a reply to the message");
        assert_eq!(last.code, 250, "{}", last.text());
        self.sink.wait_for(before + 1, PATIENCE).pop().expect("waited for it")
    }
}

fn example(name: &str) -> Vec<u8> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/messages").join(name);
    std::fs::read(path).expect("a bundled message")
}

fn header(mail: &ParsedMail<'_>, name: &str) -> String {
    mail.headers
        .iter()
        .find(|h| h.get_key_ref().eq_ignore_ascii_case(name))
        .map(|h| h.get_value())
        .unwrap_or_default()
}

fn types(mail: &ParsedMail<'_>) -> Vec<String> {
    mail.subparts.iter().map(|p| p.ctype.mimetype.to_ascii_lowercase()).collect()
}

fn decode_g726(directory: &TestDirectory, octets: &[u8]) -> Vec<i16> {
    let (input, output) = (directory.join("in.726"), directory.join("out.s16"));
    std::fs::write(&input, octets).expect("own directory");
    run(Command::new("ffmpeg")
        .args(["-v", "error", "-y", "-f", "g726le", "-ar", "8000", "-code_size", "4", "-i"])
        .arg(&input)
        .args(["-f", "s16le"])
        .arg(&output));
    samples(&std::fs::read(output).expect("ffmpeg wrote it"))
}

fn decode_wav(directory: &TestDirectory, octets: &[u8]) -> Vec<i16> {
    let (input, output) = (directory.join("in.wav"), directory.join("out.s16"));
    std::fs::write(&input, octets).expect("own directory");
    run(Command::new("ffmpeg")
        .args(["-v", "error", "-y", "-i"])
        .arg(&input)
        .args(["-ac", "1", "-ar", "8000", "-f", "s16le"])
        .arg(&output));
    samples(&std::fs::read(output).expect("ffmpeg wrote it"))
}

fn run(command: &mut Command) {
    let output = command.output().expect("installed");
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
}

fn samples(octets: &[u8]) -> Vec<i16> {
    octets.chunks_exact(2).map(|c| i16::from_le_bytes([c[0], c[1]])).collect()
}

/// Segmental signal-to-noise ratio in dB over segments of 16 ms that carry signal.
fn segmental_snr(reference: &[i16], decoded: &[i16]) -> f64 {
    let ratios: Vec<f64> = reference
        .chunks_exact(128)
        .zip(decoded.chunks_exact(128))
        .filter_map(|(r, d)| {
            let signal: f64 = r.iter().map(|s| f64::from(*s).powi(2)).sum();
            let noise: f64 = r.iter().zip(d).map(|(a, b)| (f64::from(*a) - f64::from(*b)).powi(2)).sum();
            (signal > 128.0 * 100.0_f64.powi(2))
                .then(|| (10.0 * (signal / noise.max(1.0)).log10()).clamp(-10.0, 35.0))
        })
        .collect();
    assert!(ratios.len() > 20, "too little signal to judge");
    ratios.iter().sum::<f64>() / ratios.len() as f64
}

#[test]
fn ordinary_mail_arrives_byte_for_byte() {
    if !postfix::available() {
        return;
    }
    let chain = Chain::start();
    let text = example("pass-plain.eml");
    assert_eq!(chain.deliver("<bob@desktop.example.org>", &text).without_received(), text);
    // A multipart has to be looked at, and still nothing changes.
    let mixed = b"Subject: two parts\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n\
        pre\r\n--b\r\n\r\none\r\n--b  \r\nContent-Type: application/pdf\r\nContent-Transfer-Encoding: base64\r\n\r\n\
        JVBERi0xLjQ=\r\n--b--\r\nepilogue\r\n";
    assert_eq!(chain.deliver("<bob@desktop.example.org>", mixed).without_received(), mixed);
    let line = chain.milter.wait_for_log("class", PATIENCE);
    assert!(line.contains("queue_id"), "{line}");
}

#[test]
fn vpim_arrives_as_wav_and_pdf_at_a_desk() {
    if !postfix::available() || !tools::available(&["ffmpeg", "pdftoppm"]) {
        return;
    }
    let chain = Chain::start();
    let directory = TestDirectory::new("desk");
    let original = example("desk-voice-fax.eml");
    let sent = mailparse::parse_mail(&original).expect("a message");
    let delivered = chain.deliver("<bob@desktop.example.org>", &original);
    let mail = mailparse::parse_mail(&delivered.data).expect("a message");
    assert_eq!(mail.ctype.mimetype, "multipart/mixed");
    assert_eq!(types(&mail), ["text/plain", "audio/wav", "application/pdf"]);
    assert_eq!(header(&mail, "MIME-Version"), "1.0");
    assert_eq!(header(&mail, "Message-ID"), header(&sent, "Message-ID"));
    let text = mail.subparts[0].get_body().expect("text");
    assert!(text.contains("Parsons, Glenn <+12145551234@vm2.example.net>"), "{text}");
    assert!(text.contains("0:04") && text.contains("2 pages"), "{text}");
    let wav = mail.subparts[1].get_body_raw().expect("base64");
    let heard = decode_wav(&directory, &wav);
    assert_eq!(heard.len(), 32_000, "4 s of audio");
    // ffmpeg's G.726 is not exact, so its decoding of the original is near ours, not equal.
    let reference = decode_g726(&directory, &sent.subparts[0].get_body_raw().expect("base64"));
    assert!(segmental_snr(&reference, &heard) > 15.0);
    let tiff = sent.subparts[1].get_body_raw().expect("base64");
    let pdf = mail.subparts[2].get_body_raw().expect("base64");
    assert_eq!(rendered(&directory, &pdf, (204, 98)), bitmaps(&tiff));
    let results = header(&mail, "VPIM-Results");
    assert!(results.starts_with("mx.test; vpim=pass message.class=vpim2"), "{results}");
    chain.milter.wait_for_log("people", PATIENCE);
}

/// The pages of a PDF as PBM files, drawn by poppler at the resolution of the fax.
fn rendered(directory: &TestDirectory, pdf: &[u8], dpi: (u32, u32)) -> Vec<u8> {
    let (input, stem) = (directory.join("in.pdf"), directory.join("page"));
    std::fs::write(&input, pdf).expect("own directory");
    run(Command::new("pdftoppm")
        .args(["-mono", "-rx", &dpi.0.to_string(), "-ry", &dpi.1.to_string()])
        .arg(&input)
        .arg(&stem));
    let mut pages: Vec<_> = std::fs::read_dir(directory.path())
        .expect("own directory")
        .filter_map(|e| Some(e.ok()?.path()))
        .filter(|p| p.extension().is_some_and(|e| e == "pbm"))
        .collect();
    pages.sort();
    pages.into_iter().flat_map(|p| std::fs::read(p).expect("pdftoppm wrote it")).collect()
}

/// The pages of a fax as PBM files.
fn bitmaps(tiff: &[u8]) -> Vec<u8> {
    let job = Job::convert(
        "image/tiff".parse().expect("a type"),
        "image/x-portable-bitmap".parse().expect("a type"),
    );
    let limits = Limits::default();
    media::run(&job, tiff, &limits, &mut Budget::new(&limits)).expect("a fax").bytes
}

#[test]
fn mail_of_a_pbx_arrives_as_vpim_at_a_voice_system() {
    if !postfix::available() || !tools::available(&["ffmpeg"]) {
        return;
    }
    let chain = Chain::start();
    let directory = TestDirectory::new("pbx");
    let original = example("pbx-asterisk-wav.eml");
    let sent = mailparse::parse_mail(&original).expect("a message");
    let delivered = chain.deliver("<+19725551212@vm1.example.com>", &original);
    let mail = mailparse::parse_mail(&delivered.data).expect("a message");
    assert_eq!(mail.ctype.mimetype, "multipart/voice-message");
    assert_eq!(mail.ctype.params.get("version").map(String::as_str), Some("2.0"));
    assert_eq!(header(&mail, "MIME-Version"), "1.0 (Voice 2.0)");
    assert_eq!(types(&mail), ["audio/32kadpcm"]);
    let voice = &mail.subparts[0];
    let disposition = voice.get_content_disposition();
    assert_eq!(disposition.disposition, mailparse::DispositionType::Inline);
    assert_eq!(disposition.params.get("voice").map(String::as_str), Some("Voice-Message"));
    assert_eq!(header(voice, "Content-Duration"), "3");
    let reference = decode_wav(&directory, &sent.subparts[1].get_body_raw().expect("base64"));
    let heard = decode_g726(&directory, &voice.get_body_raw().expect("base64"));
    let difference_ms = (reference.len() as i64 - heard.len() as i64).abs() / 8;
    assert!(difference_ms <= 30, "{difference_ms} ms");
    let snr = segmental_snr(&reference, &heard);
    println!("segmental SNR of G.726 decoded by ffmpeg: {snr:.1} dB");
    // The other nibble order gives about 8 dB and less.
    assert!(snr > 15.0, "{snr}");
    let log = chain.milter.wait_for_log("text/plain", PATIENCE);
    assert!(log.contains("dropped"), "{log}");
}

#[test]
fn a_fax_arrives_as_pdf_at_a_desk_and_as_one_strip_tiff_at_a_voice_system() {
    if !postfix::available() || !tools::available(&["pdftoppm", "tiffinfo"]) {
        return;
    }
    let chain = Chain::start();
    let directory = TestDirectory::new("fax");
    let tiff = std::fs::read(
        Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/fax/tiff/letter-std_mmr_lsb_MM_s64.tif"),
    )
    .expect("a bundled fax of several strips");
    let mut mail = b"From: Fax <fax@fax.example.net>\r\nTo: <intake@desktop.example.org>\r\nSubject: fax\r\n\
        Date: Mon, 04 Mar 2024 09:11:10 -0500\r\nMessage-ID: <f@fax.example.net>\r\nMIME-Version: 1.0\r\n\
        Content-Type: image/tiff\r\nContent-Transfer-Encoding: base64\r\n\r\n"
        .to_vec();
    mail.extend_from_slice(&vpim_milter::message::transfer::encode_base64(&tiff, "\r\n"));
    let delivered = chain.deliver("<intake@desktop.example.org>", &mail);
    let at_desk = mailparse::parse_mail(&delivered.data).expect("a message");
    assert_eq!(types(&at_desk), ["text/plain", "application/pdf"]);
    let pdf = at_desk.subparts[1].get_body_raw().expect("base64");
    assert_eq!(rendered(&directory, &pdf, (204, 98)), bitmaps(&tiff));
    let delivered = chain.deliver("<+19725551212@vm1.example.com>", &mail);
    let at_hub = mailparse::parse_mail(&delivered.data).expect("a message");
    assert_eq!(at_hub.ctype.mimetype, "multipart/voice-message");
    let part = &at_hub.subparts[0];
    assert_eq!(part.ctype.params.get("application").map(String::as_str), Some("faxbw"));
    let fax = part.get_body_raw().expect("base64");
    assert_eq!(bitmaps(&fax), bitmaps(&tiff));
    let file = directory.join("fax.tif");
    std::fs::write(&file, &fax).expect("own directory");
    let info = Command::new("tiffinfo").arg("-s").arg(&file).output().expect("installed");
    let text = String::from_utf8_lossy(&info.stdout);
    assert!(text.contains("1 Strips") && text.contains("multi-page document"), "{text}");
    assert!(info.stderr.is_empty(), "{}", String::from_utf8_lossy(&info.stderr));
}

#[test]
fn a_second_pass_changes_nothing() {
    if !postfix::available() {
        return;
    }
    let chain = Chain::start();
    for (name, rcpt) in
        [("desk-voice-fax.eml", "<bob@desktop.example.org>"), ("pbx-asterisk-wav.eml", "<1@vm1.example.com>")]
    {
        let once = chain.deliver(rcpt, &example(name));
        let twice = chain.deliver(rcpt, &once.data);
        assert_eq!(strip_trace(&twice.data), strip_trace(&once.data), "{name}");
    }
}

/// The message without the Received fields that Postfix adds at each pass.
fn strip_trace(raw: &[u8]) -> String {
    let text = raw.escape_ascii().to_string().replace("\\r\\n", "\n");
    let mut out = String::new();
    let mut skipping = false;
    for line in text.lines() {
        let folded = line.starts_with([' ', '\t']) || line.starts_with("\\t");
        skipping = if folded { skipping } else { line.starts_with("Received:") };
        if !skipping {
            out.push_str(line);
            out.push('\n');
        }
    }
    out
}
