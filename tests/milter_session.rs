//! The daemon as a process, with the MTA's side played by the probe: what each MTA may do to it.

mod support;

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Command, Stdio};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;
use support::directory::TestDirectory;
use support::milter_process::MilterProcess;
use vpim_milter::probe::{Envelope, Interrupt, Options, Probe, Report, SmtpReply, Stage, Verdict, run};
use vpim_milter::socket::Socket;

const PATIENCE: Duration = Duration::from_secs(20);

const ORDINARY: &[u8] = b"From: a@x.test\r\nTo: b@y.test\r\nSubject: hi\r\n\r\nHello\r\n";

/// Enforce, two groups of recipients.
const ENFORCE: &str = "mode = \"enforce\"\n\
    [[route]]\nname = \"people\"\nprofile = \"desktop\"\nmatch.recipient = [\"*@people.test\"]\n\
    [[route]]\nname = \"vm\"\nprofile = \"vpim2\"\nmatch.recipient = [\"*@vm.test\"]\n";

/// A voice message of `octets` of mu-law.
fn voice(octets: usize) -> Vec<u8> {
    let mut raw = b"From: a@x.test\r\nTo: b@y.test\r\nDate: Sun, 1 Nov 2026 00:00:00 +0000\r\n\
        Message-ID: <1@x.test>\r\nMessage-Context: voice-message\r\nSubject: Voice\r\nMIME-Version: 1.0\r\n\
        Content-Type: audio/basic\r\nContent-Transfer-Encoding: base64\r\n\r\n"
        .to_vec();
    for _ in 0..octets.div_ceil(57) {
        raw.extend_from_slice(&[b'/'; 76]);
        raw.extend_from_slice(b"\r\n");
    }
    raw
}

fn envelope(recipients: &[&str]) -> Envelope {
    Envelope::new("<a@x.test>", recipients.iter().copied())
}

fn socket(milter: &MilterProcess) -> Socket {
    milter.socket().parse().expect("our own notation")
}

fn connect(milter: &MilterProcess) -> Probe {
    Probe::connect(&socket(milter), PATIENCE).expect("the daemon is up")
}

fn send(milter: &MilterProcess, options: Options, recipients: &[&str], raw: &[u8]) -> Report {
    run(&socket(milter), options, &envelope(recipients), raw).expect("the daemon is up")
}

#[track_caller]
fn assert_clean(report: &Report) {
    assert_eq!(report.violations, [], "{report}");
}

#[track_caller]
fn assert_accepted(report: &Report, stage: Stage) {
    assert_clean(report);
    assert_eq!(report.verdict, Verdict::Accept { stage }, "{report}");
}

#[test]
fn ordinary_mail_leaves_at_the_end_of_its_header_with_one_log_line() {
    for config in ["", "mode = \"shadow\"", ENFORCE] {
        let milter = MilterProcess::start(config);
        let report = send(&milter, Options::default(), &["<b@people.test>"], ORDINARY);
        assert_accepted(&report, Stage::EndOfHeaders);
        assert_eq!((report.body.sent_octets, report.modifications.len()), (0, 0));
        let line = milter.wait_for_log("vpim_milter::message", PATIENCE);
        for part in ["4Probe0000z1", "<a@x.test>", "<b@people.test>", "class=\"none\"", "unchanged"] {
            assert!(line.contains(part), "{part} in {line}");
        }
        let lines = milter.log_lines();
        assert_eq!(lines.iter().filter(|l| l.contains("vpim_milter::message")).count(), 1, "{lines:?}");
        assert!(lines.iter().all(|l| !l.contains("WARN") && !l.contains("ERROR")), "{lines:?}");
    }
}

#[test]
fn silent_stages_get_no_reply_and_others_exactly_one() {
    for (config, rcpt) in [("", ""), ("mode = \"shadow\"", ""), (ENFORCE, "c")] {
        let milter = MilterProcess::start(config);
        let report = send(&milter, Options::default(), &["<b@people.test>", "<c@people.test>"], &voice(100));
        assert_accepted(&report, Stage::EndOfMessage);
        for exchange in &report.exchanges {
            let replies = match exchange.stage {
                Stage::Mail | Stage::Header => "",
                Stage::Rcpt => rcpt,
                Stage::EndOfHeaders | Stage::Body => "c",
                _ => continue,
            };
            assert_eq!(exchange.replies, replies, "{config}: {exchange:?}");
        }
        assert!(!report.commands().contains(['C', 'H', 'T']), "{}", report.commands());
    }
}

#[test]
fn the_negotiated_bits_are_those_of_the_documentation() {
    for (config, actions, protocol) in
        [("", 0x111, 0x10_e783), ("mode = \"shadow\"", 0x100, 0x10_e783), (ENFORCE, 0x113, 0x10_6783)]
    {
        let milter = MilterProcess::start(config);
        let probe = connect(&milter);
        let agreed = probe.negotiated();
        assert_eq!((agreed.version, agreed.actions, agreed.protocol), (6, actions, protocol), "{config}");
        assert_eq!(probe.quit(), []);
    }
}

#[test]
fn a_conversion_is_sent_body_last_and_reads_back() {
    let milter = MilterProcess::start(ENFORCE);
    let raw = voice(100_000);
    let report = send(&milter, Options::default(), &["<b@people.test>"], &raw);
    assert_accepted(&report, Stage::EndOfMessage);
    assert!(report.new_body().is_some(), "{report}");
    assert!(report.body_came_last());
    let line = milter.wait_for_log("verdict=\"changed\"", PATIENCE);
    for part in ["route=\"people\"", "profile=\"desktop\"", "class=\"ivm\"", "work_ms="] {
        assert!(line.contains(part), "{part} in {line}");
    }
    let delivered = report.delivered_message(&raw);
    let again = send(&milter, Options::default(), &["<b@people.test>"], &delivered);
    assert_accepted(&again, Stage::EndOfMessage);
}

#[test]
fn recipients_get_the_numbers_of_their_route_or_nothing_changes() {
    let config = "mode = \"enforce\"\nlog.hash_addresses = true\n\
        [[route]]\nname = \"vm\"\nprofile = \"untouched\"\n\
        numbers = [{ match = \"44??\", prefix = \"604555\", apply = [\"recipient\"] }]\n";
    let milter = MilterProcess::start(config);
    let recipients = ["<4411@vm.test> NOTIFY=NEVER", "<pat@vm.test>"];
    let report = send(&milter, Options::default(), &recipients, &voice(100));
    assert_accepted(&report, Stage::EndOfMessage);
    assert_eq!(report.negotiated.actions, 0x19d);
    let text = report.to_string();
    let (add, delete) = (
        text.find("add recipient <6045554411@vm.test> NOTIFY=NEVER"),
        text.find("delete recipient <4411@vm.test>"),
    );
    assert!(add.is_some() && add < delete, "{text}");
    assert_eq!(report.delivered_envelope().rcpt_to, ["<pat@vm.test>", "<6045554411@vm.test>"]);
    let line = milter.wait_for_log("renumbered=\"recipient #", PATIENCE);
    assert!(!line.contains("4411"), "{line}");
    // Without the action the parameters would be lost on the way: nothing is done.
    let poor = Options { actions: 0x11f, ..Options::default() };
    let report = send(&milter, poor, &recipients, &voice(100));
    assert_accepted(&report, Stage::EndOfMessage);
    assert_eq!(report.modifications.len(), 0, "{report}");
    milter.wait_for_log("the MTA does not offer SMFIF_ADDRCPT_PAR", PATIENCE);
}

#[test]
fn the_answer_does_not_depend_on_how_the_body_was_cut() {
    let milter = MilterProcess::start(ENFORCE);
    let raw = voice(2_000);
    let whole = send(&milter, Options::default(), &["<b@people.test>"], &raw);
    for chunk_octets in [1, 77, 1_000] {
        let options = Options { chunk_octets, ..Options::default() };
        let cut = send(&milter, options, &["<b@people.test>"], &raw);
        assert_eq!(cut.modifications, whole.modifications);
    }
}

#[test]
fn an_mta_that_offers_less_is_served_and_the_lack_is_said() {
    let milter = MilterProcess::start(ENFORCE);
    let options = Options { actions: 0x1ff & !0x02, ..Options::default() };
    let report = send(&milter, options, &["<b@people.test>"], &voice(1_000));
    assert_accepted(&report, Stage::EndOfMessage);
    assert_eq!(report.modifications, []);
    milter.wait_for_log("the MTA does not offer SMFIF_CHGBODY: no body can be replaced", PATIENCE);
    milter.wait_for_log("unchanged_because=\"the MTA does not offer SMFIF_CHGBODY\"", PATIENCE);
    // An offer of no bits at all means "version 1 defaults" to the protocol library, so not quite none.
    let nothing = Options { actions: 0x40, protocol: 0x40, ..Options::default() };
    assert_clean(&send(&milter, nothing, &["<b@people.test>"], ORDINARY));
}

#[test]
fn protocol_version_2_works() {
    let milter = MilterProcess::start(ENFORCE);
    let report = send(&milter, Options::version_2(), &["<b@people.test>"], &voice(1_000));
    assert_accepted(&report, Stage::EndOfMessage);
    assert!(report.new_body().is_some(), "{report}");
    let report = send(&milter, Options::version_2(), &["<b@people.test>"], ORDINARY);
    assert_accepted(&report, Stage::EndOfHeaders);
}

#[test]
fn recipients_are_refused_where_the_contract_says() {
    let milter = MilterProcess::start(ENFORCE);
    let recipients = ["<b@people.test>", "<non-mail-user@x.test>", "<1@vm.test>", "<c@people.test>"];
    let report = send(&milter, Options::default(), &recipients, &voice(100));
    assert_accepted(&report, Stage::EndOfMessage);
    let refused: Vec<Option<SmtpReply>> = report.recipients.iter().map(|r| r.refused.clone()).collect();
    let text = |n: usize| refused[n].as_ref().map(ToString::to_string).unwrap_or_default();
    assert!(text(1).starts_with("550 5.1.1 "), "{}", text(1));
    assert!(text(2).starts_with("452 4.5.3 "), "{}", text(2));
    assert!(refused[0].is_none() && refused[3].is_none());
    let report_only = MilterProcess::start("");
    let report = send(&report_only, Options::default(), &["<non-mail-user@x.test>"], ORDINARY);
    assert!(report.recipients[0].refused.is_none());
}

#[test]
fn an_aborted_message_leaves_nothing_behind() {
    let milter = MilterProcess::start(ENFORCE);
    let raw = voice(1_000);
    let alone = send(&milter, Options::default(), &["<b@people.test>"], &raw);
    let mut probe = connect(&milter);
    for stage in [Stage::Mail, Stage::Rcpt, Stage::Header, Stage::EndOfHeaders, Stage::Body] {
        let other = [&b"X-Other: 1\r\n"[..], &voice(300_000)].concat();
        let aborted =
            probe.send_interrupted(&envelope(&["<1@vm.test>"]), &other, Interrupt::AbortAfter(stage));
        assert_clean(&aborted);
        let report = probe.send(&envelope(&["<b@people.test>"]), &raw);
        assert_accepted(&report, Stage::EndOfMessage);
        assert_eq!(report.modifications, alone.modifications, "after ABORT at {stage}");
        let report = probe.send(&envelope(&["<b@people.test>"]), ORDINARY);
        assert_accepted(&report, Stage::EndOfHeaders);
    }
    assert_eq!(probe.quit(), []);
}

#[test]
fn a_cut_connection_costs_only_itself() {
    let milter = MilterProcess::start(ENFORCE);
    for octets in [1, 4, 5, 40, 200, 700, 1_500] {
        let mut probe = connect(&milter);
        let cut = Interrupt::CloseAfter(octets);
        let report = probe.send_interrupted(&envelope(&["<b@people.test>"]), &voice(1_000), cut);
        assert!(matches!(report.verdict, Verdict::Interrupted { .. }), "{report}");
    }
    let report = send(&milter, Options::default(), &["<b@people.test>"], &voice(1_000));
    assert_accepted(&report, Stage::EndOfMessage);
}

#[test]
fn garbage_closes_the_connection_and_nothing_else() {
    let milter = MilterProcess::start("");
    let port: u16 = milter.socket().split([':', '@']).nth(1).and_then(|p| p.parse().ok()).expect("a port");
    for garbage in [
        &b"GET / HTTP/1.1\r\n\r\n"[..],
        &[0; 64],
        &[0xff; 64],
        b"\0\0\0\x0dO\0\0\0\x06\0\0\x01\xff\0\x1f\xff\xff\0\0\0\x01z",
    ] {
        let mut stream = TcpStream::connect(("127.0.0.1", port)).expect("up");
        stream.set_read_timeout(Some(PATIENCE)).expect("a live socket");
        stream.write_all(garbage).expect("taken");
        let mut answer = Vec::new();
        // Reset or end of file, but closed.
        let _ = stream.read_to_end(&mut answer);
        assert!(answer.is_empty() || answer.get(4) == Some(&b'O'), "{answer:?}");
    }
    assert_accepted(&send(&milter, Options::default(), &["<b@y.test>"], ORDINARY), Stage::EndOfHeaders);
}

#[test]
fn a_message_beyond_the_limit_passes_untouched() {
    let milter = MilterProcess::start(&format!("{ENFORCE}[limits]\nmessage_bytes = 100000\n"));
    let raw = voice(500_000);
    let report = send(&milter, Options::default(), &["<b@people.test>"], &raw);
    assert_accepted(&report, Stage::EndOfMessage);
    assert!(report.body.skipped && report.body.sent_octets < 200_000, "{report}");
    assert_eq!(report.modifications, []);
    milter.wait_for_log("too-large", PATIENCE);
    let report = send(&milter, Options::version_2(), &["<b@people.test>"], &raw);
    assert_accepted(&report, Stage::EndOfMessage);
    assert_eq!((report.body.skipped, report.modifications.len()), (false, 0));
}

#[test]
fn twenty_sessions_at_once_get_the_same_answer() {
    let milter = MilterProcess::start(ENFORCE);
    let raw = voice(50_000);
    let alone = send(&milter, Options::default(), &["<b@people.test>"], &raw);
    std::thread::scope(|scope| {
        for _ in 0..20 {
            scope.spawn(|| {
                let mut probe = connect(&milter);
                for _ in 0..3 {
                    let report = probe.send(&envelope(&["<b@people.test>"]), &raw);
                    assert_accepted(&report, Stage::EndOfMessage);
                    assert_eq!(report.modifications, alone.modifications);
                }
            });
        }
    });
}

#[test]
fn a_reload_is_for_new_sessions_and_a_bad_one_is_refused() {
    let milter = MilterProcess::start("");
    let mut old = connect(&milter);
    milter.rewrite_config(ENFORCE);
    milter.signal("HUP");
    milter.wait_for_log("configuration reloaded", PATIENCE);
    let refused = |report: &Report| report.recipients[0].refused.is_some();
    let recipients = envelope(&["<non-mail-user@x.test>"]);
    assert!(!refused(&old.send(&recipients, ORDINARY)), "a session keeps its configuration");
    assert!(refused(&connect(&milter).send(&recipients, ORDINARY)));
    milter.rewrite_config("mode = \"enforced\"");
    milter.signal("HUP");
    milter.wait_for_log("vpim-milter.toml:2:8: unknown value `enforced`", PATIENCE);
    milter.wait_for_log("the old one stays", PATIENCE);
    assert!(refused(&connect(&milter).send(&recipients, ORDINARY)));
    milter.rewrite_config("[daemon]\nworkers = 7");
    milter.signal("HUP");
    milter.wait_for_log("daemon.workers changed: takes effect after a restart only", PATIENCE);
}

#[test]
fn reloads_under_traffic_lose_no_connection() {
    let milter = MilterProcess::start(ENFORCE);
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for _ in 0..10 {
                    let report = send(&milter, Options::default(), &["<b@people.test>"], &voice(5_000));
                    assert_accepted(&report, Stage::EndOfMessage);
                }
            });
        }
        for _ in 0..10 {
            milter.signal("HUP");
            std::thread::sleep(Duration::from_millis(20));
        }
    });
}

#[test]
fn sigterm_finishes_the_message_in_flight_and_closes_idle_sessions() {
    let mut milter = MilterProcess::start(ENFORCE);
    let address = socket(&milter);
    let idle = connect(&milter);
    let (gate, at_body, go_on) = body_gate(&milter);
    std::thread::scope(|scope| {
        let report = scope.spawn(move || {
            let mut busy = Probe::connect(&gate, PATIENCE).expect("the gate is open");
            busy.send(&envelope(&["<b@people.test>"]), &voice(200_000))
        });
        // The daemon has answered everything up to the end of the header: the message is in flight.
        at_body.recv_timeout(PATIENCE).expect("a body begins");
        milter.signal("TERM");
        milter.wait_for_log("ending: messages in flight", PATIENCE);
        go_on.send(()).expect("the gate waits");
        let report = report.join().expect("no panic");
        assert_accepted(&report, Stage::EndOfMessage);
        assert!(report.body_came_last() && report.new_body().is_some(), "{report}");
    });
    assert_eq!(milter.wait().code(), Some(0), "{:?}", milter.log_lines());
    milter.wait_for_log("ended", PATIENCE);
    assert!(Probe::connect(&address, Duration::from_secs(1)).is_err());
    drop(idle);
}

/// A way to the daemon that stops before the first body packet of its one connection: says so, and
/// goes on when told to.
fn body_gate(milter: &MilterProcess) -> (Socket, Receiver<()>, Sender<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let port = listener.local_addr().expect("bound").port();
    let Socket::Inet { port: target, .. } = socket(milter) else { panic!("the harness listens on TCP") };
    let (at_body, seen) = channel();
    let (go_on, told) = channel();
    std::thread::spawn(move || {
        let (mut client, _) = listener.accept().expect("one client");
        let mut daemon = TcpStream::connect(("127.0.0.1", target)).expect("the daemon is up");
        let (mut from, mut to) =
            (daemon.try_clone().expect("a socket"), client.try_clone().expect("a socket"));
        std::thread::spawn(move || std::io::copy(&mut from, &mut to));
        let mut is_open = false;
        while let Some(frame) = read_frame(&mut client) {
            if frame.get(4) == Some(&b'B') && !is_open {
                is_open = at_body.send(()).is_ok() && told.recv().is_ok();
            }
            if daemon.write_all(&frame).is_err() {
                break;
            }
        }
    });
    (Socket::Inet { host: "127.0.0.1".into(), port }, seen, go_on)
}

/// One frame of the protocol with its length.
fn read_frame(from: &mut TcpStream) -> Option<Vec<u8>> {
    let mut frame = vec![0; 4];
    from.read_exact(&mut frame).ok()?;
    let length = u32::from_be_bytes([frame[0], frame[1], frame[2], frame[3]]);
    frame.resize(4 + length as usize, 0);
    from.read_exact(&mut frame[4..]).ok()?;
    Some(frame)
}

#[test]
fn a_unix_socket_has_its_mode_and_goes_with_the_daemon() {
    use std::os::unix::fs::PermissionsExt;
    let directory = TestDirectory::new("unix");
    let path = directory.join("milter.sock");
    let mut child = Command::new(env!("CARGO_BIN_EXE_vpim-milter"))
        .args(["serve", "--listen", &format!("unix:{}", path.display())])
        .args(["--listen", &format!("inet:{}@127.0.0.1", support::free_port())])
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("the built binary starts");
    let there = support::poll(PATIENCE, || std::fs::metadata(&path).ok());
    assert_eq!(there.expect("listens").permissions().mode() & 0o777, 0o660);
    let socket = Socket::Unix(path.clone());
    let report = run(&socket, Options::default(), &envelope(&["<b@y.test>"]), ORDINARY).expect("up");
    assert_accepted(&report, Stage::EndOfHeaders);
    assert!(support::kill("TERM", i64::from(child.id())));
    assert!(child.wait().expect("ours").success());
    assert!(!path.exists());
}

#[test]
fn a_bad_configuration_is_exit_code_2_with_the_place() {
    let directory = TestDirectory::new("bad");
    let file = directory.join("x.toml");
    std::fs::write(&file, "[limits]\nfax_page = 1\n").expect("own directory");
    for arguments in [&["config", "check"][..], &["serve", "--config"]] {
        let output = Command::new(env!("CARGO_BIN_EXE_vpim-milter"))
            .args(arguments)
            .arg(&file)
            .output()
            .expect("the built binary starts");
        assert_eq!(output.status.code(), Some(2));
        let text = String::from_utf8_lossy(&output.stderr);
        assert!(text.contains("x.toml:2:1: unknown key `fax_page`; did you mean `fax_pages`?"), "{text}");
    }
}
