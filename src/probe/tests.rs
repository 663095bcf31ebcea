//! The probe against a scripted milter: right and wrong answers.

use super::scripted_milter::{Answer, Behaviour, ScriptedMilter, add_header, packet, replace_body};
use super::*;
use crate::socket::Socket;
use std::time::Duration;

const MAIL: &[u8] = b"Received: from x\n\tby y\nSubject:  two\nX: 1\n\nHello\n.\nend\n";

fn socket(milter: &ScriptedMilter) -> Socket {
    milter.socket().parse().unwrap()
}

fn envelope() -> Envelope {
    Envelope::new("<a@x.test> SIZE=10", ["<B@x.test> NOTIFY=NEVER", "<c@x.test>"])
}

fn options() -> Options {
    Options { timeout: Duration::from_secs(5), ..Options::default() }
}

fn run_on(milter: &ScriptedMilter, options: Options) -> Report {
    run(&socket(milter), options, &envelope(), MAIL).unwrap()
}

fn answering(letter: u8, octets: Vec<u8>) -> ScriptedMilter {
    ScriptedMilter::start(Behaviour::scripted(move |c| {
        if c.letter == letter { Answer::Send(octets.clone()) } else { Answer::Normal }
    }))
}

fn last_stage(report: &Report) -> Stage {
    report.verdict.stage()
}

#[test]
fn a_normal_message_is_shown_as_postfix_shows_it() {
    let milter = ScriptedMilter::start(Behaviour::no_op());
    let report = run_on(&milter, options());
    assert_eq!(report.verdict, Verdict::Accept { stage: Stage::EndOfMessage });
    assert_eq!(report.violations, []);
    assert_eq!(report.commands(), "OCHMRRTLLLNBE");
    assert_eq!(milter.letters(), "OCHMRRTLLLNBEAAQ");
    assert_eq!(milter.body(), b"Hello\r\n.\r\nend\r\n");
    let headers: Vec<_> = milter.seen().into_iter().filter(|c| c.letter == b'L').map(|c| c.data).collect();
    assert_eq!(headers, [&b"Received\0from x\n\tby y\0"[..], b"Subject\0 two\0", b"X\x001\0"]);
    let find = |l| milter.seen().into_iter().find(|c| c.letter == l).unwrap().data;
    assert_eq!(find(b'C'), b"client.example.test\x004\xc0\x00192.0.2.1\0");
    assert_eq!(find(b'M'), b"<a@x.test>\0SIZE=10\0");
    assert_eq!(find(b'R'), b"<B@x.test>\0NOTIFY=NEVER\0");
    assert_eq!(report.delivered_message(MAIL), apply(MAIL, &[]));
}

#[test]
fn macros_come_as_from_postfix() {
    let milter = ScriptedMilter::start(Behaviour::no_op());
    run_on(&milter, options());
    let names = |stage, nth| -> Vec<String> {
        milter.macros(stage, nth).unwrap().iter().step_by(2).cloned().collect()
    };
    assert_eq!(milter.macros(b'H', 0).unwrap(), [""]);
    assert_eq!(names(b'M', 0), ["{mail_addr}", "{mail_host}", "{mail_mailer}"]);
    // No queue id before the first recipient was taken.
    assert_eq!(names(b'R', 0), ["{rcpt_addr}", "{rcpt_host}", "{rcpt_mailer}"]);
    assert_eq!(names(b'R', 1)[0], "i");
    assert!(milter.macros(b'R', 0).unwrap().contains(&"b@x.test".to_owned()));
    for stage in [b'T', b'L', b'N', b'B', b'E'] {
        assert_eq!(milter.macros(stage, 0).unwrap(), ["i", "4Probe0000z1"]);
    }
}

#[test]
fn requested_macros_replace_the_usual_ones() {
    let mut behaviour = Behaviour::no_op();
    behaviour.macros = vec![(0, "{client_addr} {client_name}"), (2, "{auth_authen},i {unheard_of}")];
    let milter = ScriptedMilter::start(behaviour);
    let mut options = options();
    options.macros.insert("{auth_authen}".into(), "user".into());
    let report = run_on(&milter, options);
    assert_eq!(
        milter.macros(b'C', 0).unwrap(),
        ["{client_addr}", "192.0.2.1", "{client_name}", "client.example.test"]
    );
    assert_eq!(milter.macros(b'M', 0).unwrap(), ["{auth_authen}", "user"]);
    assert_eq!(report.negotiated.macros[0].0, Stage::Connect);
}

#[test]
fn silent_and_unwanted_commands_are_not_waited_for() {
    let mut behaviour = Behaviour::no_op();
    // Silent: connect, helo, mail, rcpt, data, header, end of headers, body. Unwanted: helo, body.
    behaviour.protocol =
        0x1000 | 0x2000 | 0x4000 | 0x8000 | 0x1_0000 | 0x80 | 0x4_0000 | 0x8_0000 | 0x2 | 0x10;
    let milter = ScriptedMilter::start(behaviour);
    let report = run_on(&milter, options());
    assert_eq!(report.commands(), "OCMRRTLLLNE");
    assert_eq!(report.exchanges.iter().map(|e| e.replies.as_str()).collect::<String>(), "Oc");
    assert_eq!(report.violations, []);
    assert_eq!(report.body, BodyTransfer { octets: 15, ..BodyTransfer::default() });
}

#[test]
fn an_extra_reply_is_found_wherever_it_is() {
    for letter in [b'R', b'T', b'L', b'E', b'A', b'Q', b'D'] {
        let octets = packet(b'c', b"").repeat(if b"AQD".contains(&letter) { 1 } else { 2 });
        let milter = answering(letter, octets);
        let report = run_on(&milter, options());
        assert!(
            report.violations.iter().any(|v| matches!(v, Violation::ExtraReply { letter: 'c', .. })),
            "{}: {:?}",
            char::from(letter),
            report.violations
        );
    }
}

#[test]
fn an_answer_to_a_silent_command_is_an_extra_reply() {
    let mut behaviour = Behaviour::scripted(|c| match c.letter {
        b'L' => Answer::Send(packet(b'c', b"")),
        _ => Answer::Normal,
    });
    behaviour.protocol = 0x80;
    let report = run_on(&ScriptedMilter::start(behaviour), options());
    assert_eq!(report.violations.len(), 3, "{:?}", report.violations);
}

#[test]
fn a_missing_reply_is_a_violation_and_ends_the_connection() {
    let milter = answering(b'N', Vec::new());
    let mut probe = Probe::connect(&socket(&milter), Duration::from_millis(50)).unwrap();
    let report = probe.send(&envelope(), MAIL);
    assert!(matches!(&report.verdict, Verdict::Failed { stage: Stage::EndOfHeaders, .. }), "{report}");
    assert!(matches!(report.violations[..], [Violation::MissingReply { stage: Stage::EndOfHeaders, .. }]));
    assert!(!probe.is_usable());
    assert_eq!(probe.send(&envelope(), MAIL).verdict, report.verdict);
    assert_eq!(probe.quit(), []);
}

#[test]
fn a_milter_that_goes_away_is_a_failure() {
    let milter = ScriptedMilter::start(Behaviour::scripted(|c| match c.letter {
        b'E' => Answer::SendAndClose(add_header("X", "1")),
        _ => Answer::Normal,
    }));
    let report = run_on(&milter, options());
    assert!(matches!(report.verdict, Verdict::Failed { stage: Stage::EndOfMessage, .. }));
    assert_eq!(report.modifications.len(), 1);
}

#[test]
fn a_long_body_comes_and_goes_in_packets() {
    let body = b"0123456789abcde\r\n".repeat(10_000);
    let milter = ScriptedMilter::start(Behaviour::modifying(
        [add_header("X", "1"), packet(b'p', b""), replace_body(&body)].concat(),
    ));
    let raw = [b"A: b\r\n\r\n", &body[..]].concat();
    let report = run(&socket(&milter), options(), &envelope(), &raw).unwrap();
    assert!(report.is_delivered() && report.is_clean() && report.body_came_last());
    assert_eq!(
        report.body,
        BodyTransfer { octets: 170_000, sent_octets: 170_000, chunks: 3, skipped: false }
    );
    assert_eq!(milter.body(), body);
    assert_eq!(report.new_body(), Some(&body[..]));
    assert!(matches!(report.modifications[1], Modification::ReplaceBody { packets: 3, .. }));
    assert_eq!(report.progress, 1);
    assert_eq!(report.delivered_message(&raw), [b"A: b\r\nX: 1\r\n\r\n", &body[..]].concat());
}

#[test]
fn a_body_in_two_runs_is_refused_as_postfix_refuses_it() {
    let parts = [replace_body(b"a\r\n"), add_header("X", "1"), replace_body(b"b\r\n")].concat();
    let report = run_on(&ScriptedMilter::start(Behaviour::modifying(parts)), options());
    assert!(matches!(report.verdict, Verdict::Failed { .. }));
    assert_eq!(report.violations, [Violation::BodyNotInOneRun { letter: 'b' }]);
    let parts = [replace_body(b"a\r\n"), add_header("X", "1")].concat();
    let report = run_on(&ScriptedMilter::start(Behaviour::modifying(parts)), options());
    assert!(report.is_delivered() && !report.body_came_last());
}

#[test]
fn skip_ends_the_body_where_it_was_negotiated() {
    let skip = |letter, protocol| {
        let mut behaviour = Behaviour::scripted(move |c| match c.letter {
            l if l == letter => Answer::Send(packet(b's', b"")),
            _ => Answer::Normal,
        });
        behaviour.protocol = protocol;
        let milter = ScriptedMilter::start(behaviour);
        run_on(&milter, Options { chunk_octets: 1, ..options() })
    };
    let report = skip(b'B', 0x400);
    assert_eq!(report.body, BodyTransfer { octets: 15, sent_octets: 1, chunks: 1, skipped: true });
    assert_eq!((report.is_clean(), last_stage(&report)), (true, Stage::EndOfMessage));
    assert_eq!(skip(b'L', 0x400).commands().matches('L').count(), 1);
    let report = skip(b'N', 0x400);
    assert_eq!(report.violations, [Violation::OutOfPlace { letter: 's', stage: Stage::EndOfHeaders }]);
    assert_eq!(report.body.chunks, 15);
    assert_eq!(skip(b'B', 0).violations.len(), 15);
}

#[test]
fn accept_before_the_body_keeps_the_body_here() {
    let milter = answering(b'N', packet(b'a', b""));
    let report = run_on(&milter, options());
    assert_eq!(report.verdict, Verdict::Accept { stage: Stage::EndOfHeaders });
    assert_eq!(report.body.sent_octets, 0);
    assert_eq!(milter.letters(), "OCHMRRTLLLNAAQ");
}

#[test]
fn every_refusal_has_its_text() {
    for (letter, reply, code, text) in [
        (b'E', packet(b'y', b"550-5.6.1 a\r\n550 5.6.1 50%%\0"), 550, "5.6.1 a\n5.6.1 50%"),
        (b'M', packet(b'r', b""), 550, "5.7.1 Command rejected"),
        (b'C', packet(b't', b""), 451, "4.7.1 Service unavailable - try again later"),
    ] {
        let report = run_on(&answering(letter, reply), options());
        match &report.verdict {
            Verdict::Reject { reply, .. } | Verdict::Tempfail { reply, .. } => {
                assert_eq!((reply.code, reply.text.as_str()), (code, text));
            }
            other => panic!("{other:?}"),
        }
        assert!(report.is_clean() && !report.is_delivered());
    }
}

#[test]
fn a_refused_recipient_leaves_the_others() {
    let milter =
        ScriptedMilter::start(Behaviour::scripted(|c| match (c.letter, c.data.starts_with(b"<B@")) {
            (b'R', true) => Answer::Send(packet(b'y', b"452 4.5.3 later\0")),
            _ => Answer::Normal,
        }));
    let report = run_on(&milter, options());
    assert!(report.is_delivered());
    assert_eq!(report.recipients[0].refused.as_ref().unwrap().code, 452);
    assert_eq!(report.delivered_envelope(), Envelope::new("<a@x.test> SIZE=10", ["<c@x.test>"]));
    // The queue file is opened by the first good recipient, so its macros have no queue id.
    assert_eq!(milter.macros(b'R', 1).unwrap()[0], "{rcpt_addr}");
    let none = run(&socket(&milter), options(), &Envelope::new("<>", ["<B@x.test>"]), MAIL).unwrap();
    assert_eq!((last_stage(&none), none.commands().as_str()), (Stage::Rcpt, "OCHMR"));
}

#[test]
fn changes_before_end_of_message_and_shutdown_fail_the_message() {
    for (letter, octets) in [
        (b'L', add_header("X", "1")),
        (b'E', packet(b'4', b"")),
        (b'E', packet(b'y', b"not a reply\0")),
        (b'E', vec![0, 0, 0, 0]),
        (b'E', vec![0xff; 64]),
    ] {
        let report = run_on(&answering(letter, octets), options());
        assert!(matches!(report.verdict, Verdict::Failed { .. }), "{report}");
        assert_eq!(report.violations.len(), 1);
    }
}

#[test]
fn changes_that_were_not_negotiated_are_named() {
    let mut behaviour = Behaviour::modifying(add_header("X", "1"));
    behaviour.actions = 0x10;
    let report = run_on(&ScriptedMilter::start(behaviour), options());
    assert_eq!(report.violations, [Violation::NotNegotiated { letter: 'h', action: 1 }]);
}

#[test]
fn several_messages_share_a_connection() {
    let milter = ScriptedMilter::start(Behaviour::no_op());
    let mut probe = Probe::connect_with(&socket(&milter), options()).unwrap();
    assert_eq!(probe.send(&envelope(), MAIL).commands(), "OCHMRRTLLLNBE");
    assert_eq!(probe.send(&envelope(), MAIL).commands(), "MRRTLLLNBE");
    let aborted = probe.send_interrupted(&envelope(), MAIL, Interrupt::AbortAfter(Stage::Body));
    assert_eq!(aborted.verdict, Verdict::Interrupted { stage: Stage::Body });
    assert!(probe.is_usable());
    assert!(probe.send(&envelope(), b"\n").is_delivered());
    assert_eq!(probe.quit(), []);
    assert_eq!(milter.letters(), "OCHMRRTLLLNBEAMRRTLLLNBEAMRRTLLLNBAMRRTNEAAQ");
}

#[test]
fn a_cut_connection_stops_in_the_middle_of_a_packet() {
    let milter = ScriptedMilter::start(Behaviour::no_op());
    let mut probe = Probe::connect_with(&socket(&milter), options()).unwrap();
    let report = probe.send_interrupted(&envelope(), MAIL, Interrupt::CloseAfter(200));
    assert!(matches!(report.verdict, Verdict::Interrupted { .. }), "{report}");
    assert!(report.is_clean() && !probe.is_usable());
    let mut probe = Probe::connect_with(&socket(&milter), options()).unwrap();
    let late = Interrupt::CloseAfter(1 << 30);
    assert!(probe.send_interrupted(&envelope(), MAIL, late).is_delivered() && probe.is_usable());
}

#[test]
fn addresses_get_their_brackets() {
    let envelope = Envelope::of_addresses("", ["b@x.test", "<c@x.test>"]);
    assert_eq!(envelope, Envelope::new("<>", ["<b@x.test>", "<c@x.test>"]));
}

#[test]
fn version_2_has_no_data_command() {
    let mut behaviour = Behaviour::no_op();
    (behaviour.version, behaviour.actions) = (2, 0x3f);
    let milter = ScriptedMilter::start(behaviour);
    let report = run_on(&milter, Options { timeout: Duration::from_secs(5), ..Options::version_2() });
    assert_eq!(report.commands(), "OCHMRRLLLNBE");
    let offer = milter.seen().into_iter().find(|c| c.letter == b'O').unwrap().data;
    assert_eq!(offer, [0, 0, 0, 2, 0, 0, 0, 0x3f, 0, 0, 0, 0x7f]);
}

#[test]
fn options_nobody_offered_are_refused() {
    for (version, actions, protocol) in [(7, 0, 0), (1, 0, 0), (6, 0x200, 0), (6, 0, 0x100_0000)] {
        let behaviour = Behaviour { version, actions, protocol, ..Behaviour::no_op() };
        let milter = ScriptedMilter::start(behaviour);
        let error = Probe::connect_with(&socket(&milter), options()).unwrap_err();
        assert!(matches!(error, ProbeError::BadOptions { .. }), "{error}");
    }
    for octets in [packet(b'O', b"short"), packet(b'c', b""), packet(b'O', &[0; 17])] {
        let milter = answering(b'O', octets);
        assert!(Probe::connect_with(&socket(&milter), options()).is_err());
    }
}

#[test]
fn the_health_check_tells_up_from_down() {
    let milter = ScriptedMilter::start(Behaviour::no_op());
    let socket = socket(&milter);
    let health = health_check(&socket, Duration::from_secs(5)).unwrap();
    assert_eq!(health.negotiated.actions, 0x1ff);
    let missing: Socket = "unix:/nonexistent/milter.sock".parse().unwrap();
    let error = health_check(&missing, Duration::from_secs(5)).unwrap_err().to_string();
    assert!(error.contains("is the milter running?"), "{error}");
}

#[test]
fn reports_are_readable_by_people_and_machines() {
    let milter = ScriptedMilter::start(Behaviour::modifying(
        [add_header("X\x1b[1m", "1"), packet(b'q', b"held\0"), replace_body(b"new\r\n")].concat(),
    ));
    let report = run_on(&milter, options());
    assert!(!report.is_delivered());
    let text = report.to_string();
    assert!(text.contains("verdict     accept at end of message"), "{text}");
    assert!(text.contains("quarantine  held") && !text.contains('\x1b'), "{text}");
    let json = serde_json::to_value(&report).unwrap();
    assert_eq!(json["verdict"], "accept");
    assert_eq!(json["modifications"][2]["kind"], "replace-body");
    assert_eq!(json["modifications"][2]["octets"], 5);
    assert_eq!(json["body"]["sent_octets"], 15);
}

#[test]
fn progress_without_end_is_ended() {
    let milter = answering(b'E', packet(b'p', b"").repeat(100));
    let quick = Duration::from_millis(50);
    let report = run_on(&milter, Options { timeout: quick, ..options() });
    assert_eq!(report.progress, 100);
    assert!(matches!(report.violations[..], [Violation::MissingReply { stage: Stage::EndOfMessage, .. }]));
    let report = run_on(&milter, Options { message_timeout: Duration::ZERO, ..options() });
    assert!(matches!(report.verdict, Verdict::Failed { .. }));
}

#[test]
fn no_answer_makes_the_probe_panic_or_hang() {
    use proptest::prelude::*;
    let letters = prop::sample::select(&b"cartdsphim+2-eqbyO4f\0\xff"[..]);
    let data = prop::collection::vec(prop_oneof![Just(0), Just(b'5'), Just(b'%'), any::<u8>()], 0..24);
    let replies = prop::collection::vec((letters, data), 0..6);
    let stage = prop::sample::select(&b"OCHMRTLNBE"[..]);
    proptest!(ProptestConfig { cases: 150, failure_persistence: None, ..Default::default() }, |(stage in stage, replies in replies)| {
        let octets: Vec<u8> = replies.iter().flat_map(|(letter, data)| packet(*letter, data)).collect();
        let milter = ScriptedMilter::start(Behaviour::scripted(move |c| {
            if c.letter == stage { Answer::SendAndClose(octets.clone()) } else { Answer::Normal }
        }));
        if let Ok(report) = run(&socket(&milter), options(), &envelope(), MAIL) {
            serde_json::to_string(&report).unwrap();
            let _ = (report.to_string(), report.delivered_message(MAIL), report.delivered_envelope());
        }
    });
}
