//! The commands as an administrator runs them: the built program, its output, files and exit codes.

mod support;

use std::ffi::OsStr;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use support::directory::TestDirectory;
use support::scripted_milter::{Behaviour, ScriptedMilter};
use support::tools;

const VOICE: &[&str] = &[
    "desk-voice-fax.eml",
    "desk-name-subject.eml",
    "fax-mixed-resolution.eml",
    "pbx-asterisk-wav.eml",
    "pbx-hylafax-tiff.eml",
    "viol-nibble-order.eml",
    "viol-no-disposition.eml",
];

fn run<S: AsRef<OsStr>>(args: impl IntoIterator<Item = S>, stdin: &[u8]) -> Output {
    let mut child = Command::new(env!("CARGO_BIN_EXE_vpim-milter"))
        .args(args)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the built binary starts");
    let mut pipe = child.stdin.take().expect("stdin is piped");
    let octets = stdin.to_vec();
    // A command that does not read its input closes the pipe.
    let writer = std::thread::spawn(move || drop(pipe.write_all(&octets)));
    let output = child.wait_with_output().expect("the binary ends");
    writer.join().expect("the writer does not panic");
    output
}

fn code(output: &Output) -> i32 {
    output.status.code().expect("the program was not killed")
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn stdout(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn example(name: &str) -> Vec<u8> {
    fs::read(path_of(name)).expect("a bundled message")
}

fn path_of(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/messages").join(name)
}

fn converted(profile: &str, raw: &[u8]) -> Vec<u8> {
    let output = run(["convert", "--to", profile, "-"], raw);
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    output.stdout
}

/// The decoded body of the first part of a media type.
fn body_of(raw: &[u8], media_type: &str) -> Option<Vec<u8>> {
    let mail = mailparse::parse_mail(raw).expect("a message");
    let part = mail.parts().find(|p| p.ctype.mimetype.eq_ignore_ascii_case(media_type))?;
    Some(part.get_body_raw().expect("a body"))
}

#[test]
fn converting_twice_gives_the_same_octets_as_once() {
    for name in VOICE {
        let raw = example(name);
        for profile in ["desktop", "vpim2"] {
            let once = converted(profile, &raw);
            let twice = converted(profile, &once);
            assert!(once == twice, "{name} -> {profile} is not idempotent");
        }
        // WAV in ordinary mail is what a mail client takes.
        let fits = *name == "pbx-asterisk-wav.eml";
        assert_eq!(converted("desktop", &raw) == raw, fits, "{name}");
    }
}

#[test]
fn a_repair_makes_the_check_pass_and_changes_nothing_else() {
    let wrong = "From: Ann <1@a.test>\r\nTo: 2@b.test\r\nSubject: voice\r\nDate: Tue, 4 Mar 2025 09:00:00 +0100\r\n\
        Message-ID: <a@a.test>\r\nReturn-Path: <1@a.test>\r\nMIME-Version: 1.0 (Voice 2.0)\r\n\
        Content-Type: multipart/voice-message; version=2.0; boundary=b\r\n\r\n--b\r\n\
        Content-Type: audio/32KADPCM\r\nContent-Transfer-Encoding: base64\r\n\
        Content-Disposition: attachment; voice=Voice-Message\r\n\r\n////////\r\n--b--\r\n";
    assert_eq!(code(&run(["check", "-"], wrong.as_bytes())), 1);
    let repaired = converted("repair", wrong.as_bytes());
    assert_eq!(code(&run(["check", "-"], &repaired)), 0);
    assert!(converted("repair", &repaired) == repaired);
    let wanted = wrong.replace("Return-Path: <1@a.test>\r\n", "").replace("attachment", "inline");
    assert!(String::from_utf8_lossy(&repaired).ends_with(&wanted));
}

#[test]
fn mail_that_needs_nothing_comes_out_octet_for_octet() {
    let plain = example("pass-plain.eml");
    for profile in ["desktop", "vpim2", "untouched"] {
        assert!(converted(profile, &plain) == plain, "{profile}");
    }
    for name in VOICE {
        let raw = example(name);
        assert!(converted("untouched", &raw) == raw, "{name}");
    }
    // A conforming voice message for a VPIM system.
    let raw = example("desk-voice-fax.eml");
    assert!(converted("vpim2", &raw) == raw);
    assert!(converted("desktop", b"") == b"");
}

#[test]
fn conversion_says_what_it_did_where_the_message_is_not() {
    let directory = TestDirectory::new("convert");
    let out = directory.join("out.eml");
    let message = path_of("desk-voice-fax.eml");
    let args = |format: &str| {
        let words: [&OsStr; 8] = [
            "convert".as_ref(),
            "--to".as_ref(),
            "desktop".as_ref(),
            "--format".as_ref(),
            format.as_ref(),
            "-o".as_ref(),
            out.as_ref(),
            message.as_ref(),
        ];
        words.map(OsStr::to_owned)
    };
    let text = run(args("text"), b"");
    assert!(text.stdout.is_empty());
    assert!(stderr(&text).contains("-> audio/wav"), "{}", stderr(&text));
    let json = run(args("json"), b"");
    let said: serde_json::Value = serde_json::from_slice(&json.stdout).expect("JSON on standard output");
    assert_eq!(said["verdict"], "deliver");
    assert_eq!(said["class"], "vpim2");
    assert_eq!(said["profile"], "desktop");
    assert_eq!(said["bytes_out"].as_u64(), fs::metadata(&out).ok().map(|m| m.len()));
    let piped = run(["convert", "--to", "desktop", "--format", "json", "-"], &example("desk-voice-fax.eml"));
    assert_eq!(piped.stdout, fs::read(&out).expect("written"));
    let said: serde_json::Value = serde_json::from_slice(&piped.stderr).expect("JSON on stderr");
    assert!(said["actions"].as_array().is_some_and(|a| a.len() >= 2), "{said}");
}

#[test]
fn what_leaves_for_a_mail_client_plays_and_opens_elsewhere() {
    let out = converted("desktop", &example("desk-voice-fax.eml"));
    let wav = body_of(&out, "audio/wav").expect("a WAV part");
    let pdf = body_of(&out, "application/pdf").expect("a PDF part");
    assert!(wav.starts_with(b"RIFF") && pdf.starts_with(b"%PDF-"));
    let directory = TestDirectory::new("elsewhere");
    if tools::available(&["ffmpeg"]) {
        let file = directory.join("x.wav");
        fs::write(&file, &wav).expect("written");
        // Four seconds, as the sender's own decoder would play them.
        assert_eq!(pcm_by_ffmpeg(&file, &["-i"]).len(), 4 * 8000 * 2);
    }
    if tools::available(&["pdftoppm"]) {
        let file = directory.join("x.pdf");
        fs::write(&file, &pdf).expect("written");
        assert_eq!(pages_by_poppler(&directory, &file), 2);
    }
}

fn pcm_by_ffmpeg(file: &Path, input: &[&str]) -> Vec<u8> {
    let output = Command::new("ffmpeg")
        .args(["-v", "error", "-nostdin"])
        .args(input)
        .arg(file)
        .args(["-f", "s16le", "-ar", "8000", "-ac", "1", "-"])
        .output()
        .expect("ffmpeg runs");
    assert!(output.status.success(), "{}", stderr(&output));
    output.stdout
}

fn pages_by_poppler(directory: &TestDirectory, pdf: &Path) -> usize {
    let prefix = directory.join("page");
    let done = Command::new("pdftoppm").args(["-r", "50"]).arg(pdf).arg(&prefix).output().expect("it runs");
    assert!(done.status.success() && done.stderr.is_empty(), "{}", stderr(&done));
    let entries = fs::read_dir(directory.path()).expect("a folder").flatten();
    entries.filter(|e| e.file_name().to_string_lossy().starts_with("page")).count()
}

/// Runs `transcode` in a folder.
fn transcode(directory: &TestDirectory, args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_vpim-milter"))
        .arg("transcode")
        .args(args)
        .current_dir(directory.path())
        .stdin(Stdio::null())
        .output()
        .expect("the built binary starts")
}

#[test]
fn audio_survives_a_round_trip_and_other_decoders_agree() {
    let directory = TestDirectory::new("audio");
    let raw = body_of(&example("desk-voice-fax.eml"), "audio/32kadpcm").expect("an audio part");
    fs::write(directory.join("in.726"), &raw).expect("written");
    for (from, to) in [("in.726", "a.wav"), ("a.wav", "b.726"), ("in.726", "c.au"), ("c.au", "d.wav")] {
        let output = transcode(&directory, &[from, to]);
        assert_eq!(code(&output), 0, "{from} -> {to}: {}", stderr(&output));
        assert!(stderr(&output).contains("4.00 s"), "{}", stderr(&output));
    }
    // G.726 of its own decoding is itself, once the coder's state is the same from the start.
    assert_eq!(fs::read(directory.join("b.726")).expect("written").len(), raw.len());
    if tools::available(&["ffmpeg"]) {
        let ours = pcm_by_ffmpeg(&directory.join("a.wav"), &["-i"]);
        let theirs = pcm_by_ffmpeg(
            &directory.join("in.726"),
            &["-f", "g726le", "-code_size", "4", "-sample_rate", "8000", "-i"],
        );
        assert!(likeness_db(&ours, &theirs) > 10.0, "{}", likeness_db(&ours, &theirs));
        assert_eq!(pcm_by_ffmpeg(&directory.join("c.au"), &["-i"]).len(), ours.len());
    }
}

/// Signal to difference of 16-bit samples. ffmpeg's G.726 departs from the ITU's sequences after loud
/// passages, so that octets cannot be compared; code words in the wrong order would be below 0 dB.
fn likeness_db(ours: &[u8], theirs: &[u8]) -> f64 {
    assert!(!ours.is_empty() && ours.len() == theirs.len(), "{} and {} octets", ours.len(), theirs.len());
    let samples = |octets: &[u8]| -> Vec<f64> {
        octets.chunks_exact(2).map(|c| f64::from(i16::from_le_bytes([c[0], c[1]]))).collect()
    };
    let (a, b) = (samples(ours), samples(theirs));
    let energy: f64 = a.iter().map(|a| a * a).sum();
    let difference: f64 = a.iter().zip(&b).map(|(a, b)| (a - b) * (a - b)).sum();
    10.0 * (energy / difference.max(1.0)).log10()
}

#[test]
fn a_fax_becomes_pdf_and_bitmaps() {
    let directory = TestDirectory::new("fax");
    let raw = body_of(&example("fax-mixed-resolution.eml"), "image/tiff").expect("a fax");
    fs::write(directory.join("in.tif"), &raw).expect("written");
    for to in ["out.pdf", "out.pbm", "out.tif"] {
        let output = transcode(&directory, &["in.tif", to]);
        assert_eq!(code(&output), 0, "{to}: {}", stderr(&output));
    }
    let pbm = fs::read(directory.join("out.pbm")).expect("written");
    assert!(pbm.starts_with(b"P4\n1728 432\n"));
    assert_eq!(pbm.len(), 2 * 12 + 1728 / 8 * (432 + 864));
    if tools::available(&["pdftoppm"]) {
        assert_eq!(pages_by_poppler(&directory, &directory.join("out.pdf")), 2);
    }
}

#[test]
fn transcode_works_in_a_pipe_and_tells_what_cannot_be() {
    let raw = body_of(&example("desk-voice-fax.eml"), "audio/32kadpcm").expect("an audio part");
    let piped = run(["transcode", "--from", "audio/32KADPCM", "--to", "audio/wav;codec=7", "-", "-"], &raw);
    assert_eq!(code(&piped), 0, "{}", stderr(&piped));
    assert!(piped.stdout.starts_with(b"RIFF"));
    for (expected, args) in [
        (1, ["--from", "image/tiff", "--to", "application/pdf", "-", "-"]),
        (1, ["--from", "audio/PCMU", "--to", "audio/flac", "-", "-"]),
        (2, ["--from", "audio/PCMU", "--to", "audio", "-", "-"]),
        (2, ["--from", "audio/PCMU", "--format", "text", "-", "-"]),
    ] {
        let output = run(["transcode"].iter().chain(&args), b"neither fish nor fowl");
        assert_eq!(code(&output), expected, "{args:?}: {}", stderr(&output));
        assert!(output.stdout.is_empty() && !output.stderr.is_empty());
    }
    let list = run(["transcode", "--list"], b"");
    assert!(stdout(&list).contains("audio/32kadpcm") && code(&list) == 0);
}

#[test]
fn probe_tells_a_milter_that_delivers_from_one_that_is_not_there() {
    let milter = ScriptedMilter::start(Behaviour::no_op());
    let socket = milter.socket();
    let health = run(["probe", "--milter", &socket], b"");
    assert_eq!(code(&health), 0, "{}", stderr(&health));
    assert!(stdout(&health).contains("alive"), "{}", stdout(&health));
    let raw = example("pass-plain.eml");
    let json = run(["probe", "--milter", &socket, "--format", "json", "-"], &raw);
    let said: serde_json::Value = serde_json::from_slice(&json.stdout).expect("JSON");
    assert_eq!((said["verdict"].as_str(), said["delivered"].as_bool()), (Some("accept"), Some(true)));
    let delivered = run(["probe", "--milter", &socket, "-o", "-", "-"], &raw);
    assert_eq!(delivered.stdout, raw);
    assert!(stderr(&delivered).contains("verdict     accept"), "{}", stderr(&delivered));
    for bad in [["--milter", "inet:1@127.0.0.1", "-"], ["--milter", "nonsense", "-"]] {
        let output = run(["probe"].iter().chain(&bad), &raw);
        assert_eq!(code(&output), 2, "{}", stderr(&output));
    }
}

#[test]
fn the_demonstration_comes_out_as_it_should() {
    let directory = TestDirectory::new("demo");
    let output = run(["demo".as_ref(), directory.path().as_os_str()], b"");
    assert_eq!(code(&output), 0, "{}{}", stdout(&output), stderr(&output));
    assert_eq!(fs::read(directory.join("report.txt")).expect("a report"), output.stdout);
    let of = |path: &str| fs::read(directory.join(path)).expect(path);
    assert!(of("1-voice-and-fax-to-a-person/out-part-2.wav").starts_with(b"RIFF"));
    assert!(of("1-voice-and-fax-to-a-person/out-part-3.pdf").starts_with(b"%PDF-"));
    assert_eq!(of("8-ordinary-mail/out.eml"), example("pass-plain.eml"));
    assert!(!directory.join("7-no-disposition-to-a-strict-voice-system/out.eml").exists());
    // The configuration it leaves is one to start from.
    let config = directory.join("demo.toml");
    let checked = run(["config".as_ref(), "check".as_ref(), config.as_os_str()], b"");
    assert_eq!(code(&checked), 0, "{}", stderr(&checked));
}

#[test]
fn profiles_of_a_configuration_can_be_converted_to() {
    let directory = TestDirectory::new("config");
    let config = directory.join("x.toml");
    fs::write(&config, "[profile.mine]\nextends = \"desktop\"\nsummary = false\n").expect("written");
    let args = |to: &'static str| {
        let words: [&OsStr; 6] = [
            "convert".as_ref(),
            "--config".as_ref(),
            config.as_ref(),
            "--to".as_ref(),
            to.as_ref(),
            "-".as_ref(),
        ];
        words.map(OsStr::to_owned)
    };
    let raw = example("desk-voice-fax.eml");
    let mine = run(args("mine"), &raw);
    assert_eq!(code(&mine), 0, "{}", stderr(&mine));
    assert!(body_of(&mine.stdout, "audio/wav").is_some() && body_of(&mine.stdout, "text/plain").is_none());
    assert!(body_of(&run(args("desktop"), &raw).stdout, "text/plain").is_some());
    assert_eq!(code(&run(args("theirs"), &raw)), 2);
    fs::write(&config, "mode = \"nonsense\"\n").expect("written");
    let bad = run(args("mine"), &raw);
    assert_eq!(code(&bad), 2);
    assert!(stderr(&bad).contains("x.toml:1:"), "{}", stderr(&bad));
}

#[test]
fn number_rules_of_the_recipients_route_are_shown_and_applied() {
    let directory = TestDirectory::new("numbers");
    let config = directory.join("x.toml");
    let text = "[[route]]\nname = \"vm\"\nprofile = \"vpim2\"\n\
        numbers = [{ match = \"+1972555????\", keep = 4, domain = \"vm2.example.com\" }]\n";
    fs::write(&config, text).expect("written");
    let config = config.display().to_string();
    let args =
        ["convert", "--config", &config, "--to", "vpim2", "--rcpt-to", "<+19725551212@vm1.example.com>", "-"];
    let raw = example("desk-voice-fax.eml");
    let output = run(args, &raw);
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    let said = stderr(&output);
    assert!(
        said.contains("changed   recipient +19725551212@vm1.example.com -> 1212@vm2.example.com"),
        "{said}"
    );
}

#[test]
fn route_asks_the_directory_as_the_daemon_does() {
    let directory = TestDirectory::new("listed");
    let (config, table) = (directory.join("x.toml"), directory.join("mailboxes.csv"));
    let rows = "number,mailbox,status\n+19725551212,pat@vm2.example.edu,\n+19725551313,kim@vm2.example.edu,blocked\n";
    fs::write(&table, rows).expect("written");
    let text = format!(
        "mode = \"enforce\"\n[[route]]\nname = \"white-pages\"\nprofile = \"vpim2\"\ndirectory = true\n\
         [directory]\norder = [\"file\"]\ndomains = [\"vpim.example.edu\"]\nfile.path = \"{}\"\n",
        table.display()
    );
    fs::write(&config, text).expect("written");
    let config = config.display().to_string();
    let mut args = vec!["route", "--config", &config];
    for recipient in ["+19725551212@vpim.example.edu", "+19725551313@vpim.example.edu", "+1@vpim.example.edu"]
    {
        args.extend(["--rcpt-to", recipient]);
    }
    args.push("-");
    let output = run(args, &example("desk-voice-fax.eml"));
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    let said = stdout(&output);
    assert!(said.contains("+19725551212@vpim.example.edu -> pat@vm2.example.edu"), "{said}");
    assert!(said.contains("refused 550 5.2.1") && said.contains("refused 550 5.1.1"), "{said}");
}

#[test]
fn generated_texts_are_there() {
    for shell in ["bash", "zsh", "fish"] {
        assert!(stdout(&run(["completions", shell], b"")).contains("transcode"), "{shell}");
    }
    assert!(stdout(&run(["man"], b"")).contains(".TH VPIM-MILTER 8"));
    let directory = TestDirectory::new("man");
    let folder = directory.join("man8");
    let made = run(["man".as_ref(), folder.as_os_str()], b"");
    assert_eq!(code(&made), 0, "{}", stderr(&made));
    let page = fs::read_to_string(folder.join("vpim-milter-convert.8")).expect("a page of its own");
    assert!(page.contains("NOTES AND EXAMPLES") && page.contains(".nf"), "{page}");
}

#[test]
fn check_judges_a_directory_export_with_the_message() {
    let directory = TestDirectory::new("cli-directory");
    let file = directory.join("export.ldif");
    let message = path_of("desk-name-subject.eml");
    let check = |export: &str| {
        fs::write(&file, export).expect("written");
        run([OsStr::new("check"), OsStr::new("--directory"), file.as_os_str(), message.as_os_str()], b"")
    };
    let broken = check("dn: cn=x,dc=example\nobjectClass: vPIMUser\nvPIMTelephoneNumber: 1234\n");
    assert!(stdout(&broken).contains("vpimdir-required-attributes"), "{}", stdout(&broken));
    assert!(stdout(&broken).contains("vpimdir-telephone-number-format"));
    let unreadable = check("dn: cn=x\nno attribute\n");
    assert_eq!(code(&unreadable), 2);
    assert!(stderr(&unreadable).contains("line 2"), "{}", stderr(&unreadable));
}

#[test]
fn wrong_usage_and_missing_files_are_exit_code_2() {
    let directory = TestDirectory::new("usage");
    let missing = directory.join("missing.eml").display().to_string();
    for args in [
        vec!["nonsense"],
        vec!["convert", "-"],
        vec!["convert", "--to", "no-such-profile", "-"],
        vec!["convert", "--to", "desktop", &missing],
        vec!["convert", "--to", "desktop", "-o", "/nonexistent/x", "-"],
        vec!["transcode", "a.wav"],
        vec!["transcode", &missing, "x.wav"],
        vec!["probe", "-"],
        vec!["probe", "--milter", "inet:1@127.0.0.1", "-o", "x"],
        vec!["completions", "no-such-shell"],
    ] {
        let output = run(&args, b"");
        assert_eq!(code(&output), 2, "{args:?}: {}", stderr(&output));
        assert!(!output.stderr.is_empty(), "{args:?}");
    }
}

#[test]
fn every_command_has_help_with_examples() {
    for command in ["convert", "transcode", "probe", "demo", "completions", "man"] {
        let help = run([command, "--help"], b"");
        assert_eq!(code(&help), 0);
        assert!(stdout(&help).contains("Example"), "{command}: {}", stdout(&help));
    }
}
