//! A law firm: one fax for the people of the intake desk and for two fax machines.

use crate::scene::{PATIENCE, Scene, disposition, example, header, multipart, part, show, types};
use crate::sound::run;
use crate::support::directory::TestDirectory;
use crate::support::milter_process::MilterProcess;
use crate::support::postfix::{self, Postfix, PostfixOptions};
use crate::support::sink::Sink;
use crate::support::{free_port, tools};
use std::path::{Path, PathBuf};
use std::process::Command;

const PEOPLE: &str = "intake@law.example.com";
const MACHINES: [&str; 2] = ["FAX=+14165551212@faxgw.example.com", "FAX=+16135550123@faxgw.example.com"];
const PAGES: usize = 6;

/// A fax of six pages as fax servers write them: MMR, least significant bit first, 204x98, 40 strips a page,
/// drawn by ghostscript and packed by libtiff.
fn fax(directory: &TestDirectory) -> PathBuf {
    let (page, drawn, fax) =
        (directory.join("page.ps"), directory.join("drawn.tif"), directory.join("fax.tif"));
    let mut script = String::from("%!PS\n/Times-Roman findfont 14 scalefont setfont\n");
    for page in 1..=PAGES {
        for line in 0..40 {
            let y = 740 - line * 17;
            script +=
                &format!("54 {y} moveto (Page {page}, line {line}: the party of the first part) show\n");
        }
        script += "showpage\n";
    }
    std::fs::write(&page, script).unwrap();
    run(Command::new("gs")
        .args(["-q", "-dNOPAUSE", "-dBATCH", "-dSAFER", "-sDEVICE=tiffg4", "-r204x98", "-sPAPERSIZE=letter"])
        .arg(format!("-sOutputFile={}", drawn.display()))
        .arg(&page));
    run(Command::new("tiffcp").args(["-c", "g4", "-f", "lsb2msb", "-r", "27"]).arg(&drawn).arg(&fax));
    let info = run(Command::new("tiffinfo").arg("-s").arg(&fax));
    assert_eq!(info.matches("40 Strips").count(), PAGES, "{info}");
    assert_eq!(info.matches("FillOrder: lsb-to-msb").count(), PAGES, "{info}");
    fax
}

fn message(fax: &Path) -> Vec<u8> {
    let parts = [
        "Content-Type: text/plain; charset=us-ascii\r\n\r\nPages: 6. For the file of Example v. Example.\r\n"
            .to_owned(),
        part(
            "Content-Type: image/tiff; name=\"fax00042.tif\"\r\n\
             Content-Disposition: attachment; filename=\"fax00042.tif\"",
            &std::fs::read(fax).unwrap(),
        ),
    ];
    let raw = format!(
        "From: \"+16135550100\" <fax@server.example.com>\r\nTo: {PEOPLE}, {}\r\n\
         Subject: Fax received from +1 613 555 0100\r\nDate: Tue, 24 Nov 2026 09:15:02 -0500\r\n\
         Message-ID: <fax42@server.example.com>\r\nMIME-Version: 1.0\r\n\
         Content-Type: multipart/mixed; boundary=\"f\"\r\n\r\n",
        MACHINES.join(", ")
    );
    (raw + &multipart("f", &parts)).into_bytes()
}

/// The daemon and Postfix with its second listener.
fn scene() -> Scene {
    let port = free_port();
    let sink = Sink::start();
    let milter =
        MilterProcess::start(&example("law-firm.toml", &[("127.0.0.1:10026", &format!("127.0.0.1:{port}"))]));
    let options = PostfixOptions::with_milter(sink.port(), milter.postfix_socket()).and_listener(port);
    Scene { postfix: Postfix::start(options), milter, sink }
}

#[test]
fn people_get_a_pdf_and_each_fax_machine_a_call_of_its_own() {
    let programs =
        ["gs", "tiffcp", "tiffinfo", "tiffcmp", "tiff2pdf", "pdfinfo", "pdfimages", "pdftoppm", "ffmpeg"];
    if !postfix::available() || !tools::available(&programs) {
        return;
    }
    let (scene, directory) = (scene(), TestDirectory::new("law-firm"));
    let fax = fax(&directory);
    let raw = message(&fax);
    let machine = |number: &str| {
        format!(
            "<FAX=+{number}@faxgw.example.com> NOTIFY=SUCCESS,FAILURE ORCPT=rfc822;FAX+3D+2B{number}@faxgw.example.com"
        )
    };
    let recipients = [format!("<{PEOPLE}>"), machine("14165551212"), machine("16135550123")];
    let recipients: Vec<&str> = recipients.iter().map(String::as_str).collect();
    let replies =
        scene.postfix.smtp().send("<fax@server.example.com> RET=HDRS ENVID=fax42", &recipients, &raw);
    assert!(replies.iter().all(|r| matches!(r.code, 250 | 354)), "nobody is put off: {replies:?}");
    scene.sink.wait_for(3, PATIENCE);
    scene.postfix.wait_until_idle(PATIENCE);
    let delivered = scene.sink.delivered();
    let mut got: Vec<Vec<&str>> = delivered.iter().map(|d| d.recipients()).collect();
    got.sort();
    assert_eq!(got, [vec![MACHINES[0]], vec![MACHINES[1]], vec![PEOPLE]]);
    show("the fax server sends", &raw);
    for message in &delivered {
        let recipient = message.recipients()[0];
        show(&format!("{recipient} gets"), &message.data);
        let mail = mailparse::parse_mail(&message.data).unwrap();
        match recipient {
            PEOPLE => for_people(&directory, &fax, &mail),
            number => {
                for_a_machine(&directory, &fax, &mail);
                let number = number.trim_start_matches("FAX=+").split('@').next().unwrap();
                let (mail_from, rcpt_to) = (&message.mail_from, &message.rcpt_to[0]);
                assert!(mail_from.contains("RET=HDRS") && mail_from.contains("ENVID=fax42"), "{mail_from}");
                assert!(rcpt_to.contains("NOTIFY=SUCCESS,FAILURE"), "{rcpt_to}");
                let original = format!("ORCPT=rfc822;FAX+3D+2B{number}@faxgw.example.com");
                assert!(rcpt_to.contains(&original), "{rcpt_to}");
            }
        }
    }
}

fn for_people(directory: &TestDirectory, fax: &Path, mail: &mailparse::ParsedMail<'_>) {
    assert_eq!(types(mail), ["text/plain", "text/plain", "application/pdf", "image/png"]);
    let summary = mail.subparts[0].get_body().unwrap();
    assert!(summary.contains("6 pages") && summary.contains("+16135550100"), "{summary}");
    assert_eq!(header(mail, "Content-Class"), "fax");
    assert_eq!(header(mail, "X-FaxNumberOfPages"), "6");
    let (pdf, png) = (&mail.subparts[2], &mail.subparts[3]);
    assert_eq!(disposition(pdf, "filename"), "fax-2026-11-24-0915-16135550100.pdf".replace("-161", "-+161"));
    let file = directory.join("out.pdf");
    std::fs::write(&file, pdf.get_body_raw().unwrap()).unwrap();
    let info = run(Command::new("pdfinfo").arg(&file));
    assert!(info.contains("Pages:           6"), "{info}");
    let size = info.lines().find(|l| l.starts_with("Page size:")).unwrap();
    let points: Vec<f64> = size.split_whitespace().filter_map(|w| w.parse().ok()).collect();
    // 1728 pixels at 204 to the inch; letter.
    assert!((points[0] - 609.9).abs() < 1.0 && (points[1] - 792.0).abs() < 1.0, "{size}");
    // Page number, object, resolutions: coded data as it came, pixels that are not square.
    let images = run(Command::new("pdfimages").arg("-list").arg(&file));
    let rows: Vec<Vec<&str>> = images.lines().skip(2).map(|l| l.split_whitespace().collect()).collect();
    assert_eq!(rows.len(), PAGES, "{images}");
    for row in rows {
        assert_eq!((row[3], row[8], row[12], row[13]), ("1728", "ccitt", "204", "98"), "{images}");
    }
    let peer = directory.join("peer.pdf");
    run(Command::new("tiff2pdf").arg("-o").arg(&peer).arg(fax));
    run(Command::new("pdfimages").arg(&peer).arg(directory.join("peer")));
    run(Command::new("pdftoppm")
        .args(["-mono", "-rx", "204", "-ry", "98"])
        .arg(&file)
        .arg(directory.join("own")));
    for page in 0..PAGES {
        let drawn = std::fs::read(directory.join(&format!("own-{}.pbm", page + 1))).unwrap();
        let image = std::fs::read(directory.join(&format!("peer-{page:03}.pbm"))).unwrap();
        assert!(drawn == image, "page {page} is drawn pixel for pixel as libtiff reads it");
    }
    let picture = directory.join("first.png");
    std::fs::write(&picture, png.get_body_raw().unwrap()).unwrap();
    let (raw, said) = (
        directory.join("first.gray"),
        Command::new("ffprobe")
            .args(["-v", "error", "-show_entries", "stream=width,height", "-of", "csv=p=0"])
            .arg(&picture)
            .output()
            .unwrap(),
    );
    let size = String::from_utf8_lossy(&said.stdout).trim().to_owned();
    let (width, height) = size.split_once(',').unwrap();
    let ratio = width.parse::<f64>().unwrap() / height.parse::<f64>().unwrap();
    assert!((ratio - 609.9 / 792.0).abs() < 0.02, "the preview is not squashed: {size}");
    run(Command::new("ffmpeg")
        .args(["-v", "error", "-y", "-i"])
        .arg(&picture)
        .args(["-pix_fmt", "gray", "-f", "rawvideo"])
        .arg(&raw));
    let pixels = std::fs::read(raw).unwrap();
    let dark = pixels.iter().filter(|p| **p < 128).count();
    println!("preview {size}, {dark} dark pixels");
    assert!(dark > pixels.len() / 100 && dark < pixels.len() / 2, "{dark} of {}", pixels.len());
}

fn for_a_machine(directory: &TestDirectory, fax: &Path, mail: &mailparse::ParsedMail<'_>) {
    assert_eq!(types(mail), ["text/plain", "image/tiff"]);
    assert_eq!(mail.subparts[1].ctype.params.get("application").map(String::as_str), Some("faxbw"));
    let file = directory.join("out.tif");
    std::fs::write(&file, mail.subparts[1].get_body_raw().unwrap()).unwrap();
    let info = run(Command::new("tiffinfo").arg("-s").arg(&file));
    for wanted in ["1 Strips", "multi-page document", "CCITT Group 3", "Resolution: 204, 98"] {
        assert_eq!(info.matches(wanted).count(), PAGES, "{wanted} in {info}");
    }
    for page in 0..PAGES {
        assert!(info.contains(&format!("Page Number: {page}-{PAGES}")), "{info}");
    }
    run(Command::new("tiffcmp").arg("-t").arg(fax).arg(&file));
}
