//! The test harness itself, with the real Postfix of this machine: if these fail, no other test with
//! an MTA means anything. And the probe against Postfix: same conversation, same delivered message.

mod support;

use std::time::Duration;
use support::postfix::{self, Postfix, PostfixOptions};
use support::scripted_milter::{
    Answer, Behaviour, Command, ScriptedMilter, add_header, change_header, insert_header, packet,
    replace_body,
};
use support::sink::{Sink, SinkOptions};
use vpim_milter::probe::{self, Envelope, Options, Report};

const PATIENCE: Duration = Duration::from_secs(30);
const FROM: &str = "<a@x.test>";
const TO: &str = "<b@y.test>";

const MAIL: &[u8] = b"Received: from elsewhere\r\n\tby here; Sun, 1 Nov 2026 00:00:00 +0000\r\n\
    From: a@x.test\r\nX:1\r\nSubject:  two spaces\r\nx: 2\r\nX: 3\r\nTo: b@y.test\r\n\r\n\
    Hello\r\n.\r\n..\r\n.dot\r\n\r\nend\r\n\r\n";

fn last_code(replies: &[support::smtp::Reply]) -> u16 {
    replies.last().expect("at least MAIL's reply").code
}

#[test]
fn mail_without_a_milter_arrives_byte_for_byte() {
    if !postfix::available() {
        return;
    }
    let sink = Sink::start();
    let postfix = Postfix::start(PostfixOptions::to(sink.port()));
    let long_line = [b"X: 1\r\n\r\n", &b"x".repeat(5_000)[..], b"\r\n"].concat();
    let binary: Vec<u8> = (0..=255).filter(|b| !b"\r\n".contains(b)).collect();
    let eight_bit = [b"Subject: caf\xc3\xa9 \xff\r\n\r\n\x80", &binary[..], b"\r\n"].concat();
    for (n, raw) in [MAIL, &long_line, &eight_bit].into_iter().enumerate() {
        let replies = postfix.smtp().send("<a@x.test> BODY=8BITMIME", &[TO], raw);
        assert_eq!(last_code(&replies), 250, "{replies:?}");
        let delivered = sink.wait_for(n + 1, PATIENCE).pop().expect("waited for it");
        assert_eq!(delivered.without_received().escape_ascii().to_string(), raw.escape_ascii().to_string());
        assert_eq!((delivered.sender(), delivered.recipients()), ("a@x.test", vec!["b@y.test"]));
        assert!(delivered.mail_from.contains("BODY=8BITMIME"), "{}", delivered.mail_from);
    }
    postfix.wait_until_idle(PATIENCE);
    assert!(postfix.log().contains("status=sent"));
}

#[test]
fn xclient_shows_another_client() {
    if !postfix::available() {
        return;
    }
    let sink = Sink::with(SinkOptions { pipelining: false, ..SinkOptions::default() });
    let milter = ScriptedMilter::start(Behaviour::no_op());
    let postfix = Postfix::start(PostfixOptions {
        extra_main_cf: "mynetworks = 127.0.0.0/8, 192.0.2.0/24".into(),
        ..PostfixOptions::with_milter(sink.port(), milter.postfix_socket())
    });
    let mut smtp = postfix.smtp();
    smtp.xclient("NAME=pbx.example.test ADDR=192.0.2.7 PORT=4711");
    assert_eq!(last_code(&smtp.send(FROM, &[TO], MAIL)), 250);
    let connects: Vec<Command> = milter.seen().into_iter().filter(|c| c.letter == b'C').collect();
    assert_eq!(connects.last().expect("a connection").data, b"pbx.example.test\x004\x12\x67192.0.2.7\0");
}

#[test]
fn a_milter_that_is_down_means_the_default_action() {
    if !postfix::available() {
        return;
    }
    let sink = Sink::start();
    let nobody = format!("inet:127.0.0.1:{}", support::free_port());
    let postfix = Postfix::start(PostfixOptions::with_milter(sink.port(), nobody.clone()));
    let reply = postfix.smtp().send(FROM, &[TO], MAIL).remove(0);
    assert_eq!(reply.code, 451, "{reply:?}");
    postfix.wait_for_log("connect to Milter service", PATIENCE);
    drop(postfix);
    let postfix = Postfix::start(PostfixOptions {
        default_action: "accept".into(),
        ..PostfixOptions::with_milter(sink.port(), nobody)
    });
    assert_eq!(last_code(&postfix.smtp().send(FROM, &[TO], MAIL)), 250);
    assert_eq!(sink.wait_for(1, PATIENCE)[0].without_received(), MAIL);
}

#[test]
fn the_probe_says_what_postfix_says() {
    if !postfix::available() {
        return;
    }
    let sink = Sink::start();
    let by_postfix = ScriptedMilter::start(Behaviour::no_op());
    let postfix = Postfix::start(PostfixOptions::with_milter(sink.port(), by_postfix.postfix_socket()));
    let mut body = b"Subject : s\r\nBcc: hidden@x.test\r\nX: a\r\n b\r\nreturn-path: <x>\r\n\r\n".to_vec();
    body.extend(b"0123456789abcdef\r\n".repeat(8_000));
    for raw in [MAIL, b"\r\n", b"no header\r\nat all\r\n", b"A: 1\r\n\r\nbare\rcr\r\r\n", &body] {
        let to = ["<B@y.test> NOTIFY=NEVER", "<c@y.test>"];
        let mut smtp = postfix.smtp();
        assert_eq!(last_code(&smtp.send("<a@x.test> SIZE=1000", &to, raw)), 250);
        assert_eq!(smtp.command("QUIT").code, 221);
        let real = whole_connection(&by_postfix);
        let by_probe = ScriptedMilter::start(Behaviour::no_op());
        let socket = by_probe.socket().parse().expect("a socket name");
        let report =
            probe::run(&socket, as_seen(&real), &Envelope::new("<a@x.test> SIZE=1000", to), raw).expect("up");
        assert_eq!(report.violations, []);
        assert_eq!(comparable(&whole_connection(&by_probe)), comparable(&real));
    }
}

/// The newest connection up to its QUIT.
fn whole_connection(milter: &ScriptedMilter) -> Vec<Command> {
    let ended = || Some(milter.last_connection()).filter(|s| s.last().is_some_and(|c| c.letter == b'Q'));
    support::poll(PATIENCE, ended).expect("QUIT")
}

/// Options that make the probe the client Postfix saw.
fn as_seen(real: &[Command]) -> Options {
    let connect = &real.iter().find(|c| c.letter == b'C').expect("CONNECT").data;
    let name = connect.split(|&b| b == 0).next().unwrap_or_default();
    let port = connect.get(name.len() + 2..name.len() + 4).expect("a port");
    Options {
        client_name: String::from_utf8_lossy(name).into_owned(),
        client_address: "127.0.0.1".into(),
        client_port: u16::from_be_bytes([port[0], port[1]]),
        helo: "client.example.test".into(),
        ..Options::default()
    }
}

/// Packets as text; of macros their names, since values differ by installation.
fn comparable(packets: &[Command]) -> Vec<String> {
    let names = |data: &[u8]| -> Vec<String> {
        data.split(|&b| b == 0).step_by(2).map(|n| n.escape_ascii().to_string()).collect()
    };
    packets
        .iter()
        .map(|c| match c.letter {
            b'D' => format!("D {:?}", names(&c.data)),
            // Long bodies: their start, end and length say enough, and stay readable.
            letter => {
                let text = c.data.escape_ascii().to_string();
                let tail = text.get(text.len().saturating_sub(60)..).unwrap_or_default();
                format!("{} {} {} {tail}", char::from(letter), c.data.len(), text.get(..200).unwrap_or(&text))
            }
        })
        .collect()
}

#[test]
fn the_probe_delivers_what_postfix_delivers() {
    if !postfix::available() {
        return;
    }
    let mut scripts: Vec<Vec<u8>> = vec![
        Vec::new(),
        [add_header("X", "added"), add_header("Empty", "")].concat(),
        [insert_header(0, "Zero", "0"), insert_header(1, "One", "1"), insert_header(2, "Two", "2")].concat(),
        [insert_header(1, "First", "1"), insert_header(1, "Later", "2"), insert_header(99, "End", "e")]
            .concat(),
        [change_header(1, "X", ""), change_header(1, "X", "")].concat(),
        [change_header(3, "X", ""), change_header(2, "x", "two"), change_header(0, "SUBJECT", "new")]
            .concat(),
        [change_header(4, "X", "four"), change_header(1, "Absent", "a"), change_header(9, "X", "")].concat(),
        [change_header(1, "Received", ""), change_header(1, "Received", "another")].concat(),
        [insert_header(0, "X", "0"), change_header(1, "X", "changed"), change_header(2, "X", "")].concat(),
        [insert_header(0, "Received", "r0"), change_header(1, "Received", "changed")].concat(),
        [
            add_header("X", "4"),
            change_header(4, "X", "changed"),
            change_header(1, "From", "longer than it was"),
        ]
        .concat(),
        [change_header(1, "To", "b@y.test,\n\tc@y.test"), add_header("Folded", "1\nEvil: 2\n 3")].concat(),
        [change_header(1, "Subject", ""), change_header(1, "Subject", "back"), insert_header(3, "N", "3")]
            .concat(),
        replace_body(b"lf\nonly\r\nno end"),
        replace_body(b""),
        [add_header("X", "4"), replace_body(&b"0123456789\r\n.\r\n".repeat(10_000))].concat(),
    ];
    let random_scripts =
        std::env::var("VPIM_HARNESS_SCRIPTS").ok().and_then(|n| n.parse().ok()).unwrap_or(20);
    scripts.extend((0..random_scripts).map(random_script));
    for leading_space in [false, true] {
        let packets = scripts.clone();
        // The number of the script is the sender's local part.
        let numbered = std::sync::Mutex::new(0);
        let mut behaviour = Behaviour::scripted(move |c| {
            let mut number = numbered.lock().expect("no panic holds this lock");
            if c.letter == b'M' {
                let text = String::from_utf8_lossy(&c.data).into_owned();
                *number = text[1..].split('@').next().and_then(|n| n.parse().ok()).expect("a number");
            }
            match c.letter {
                b'E' => Answer::Send([packets[*number].clone(), packet(b'c', b"")].concat()),
                _ => Answer::Normal,
            }
        });
        behaviour.protocol = if leading_space { 0x10_0000 } else { 0 };
        compare_deliveries(&ScriptedMilter::start(behaviour), scripts.len());
    }
}

/// One to six header changes, the same ones for the same seed.
fn random_script(seed: u64) -> Vec<u8> {
    // splitmix64
    let mut state = seed;
    let mut below = move |n: u64| {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = state;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % n
    };
    let mut packets = Vec::new();
    for _ in 0..=below(6) {
        let pick = |n: u64, from: &[&'static str]| from[usize::try_from(n).expect("small")];
        let name = pick(below(5), &["X", "x", "Subject", "Received", "New"]);
        let value = pick(below(5), &["", "v", "a longer value than the field had before", "f\n g", "l\nm"]);
        let index = u32::try_from(below(6)).expect("small");
        packets.extend(match below(4) {
            0 => add_header(name, value),
            1 => insert_header(index, name, value),
            _ => change_header(index, name, value),
        });
    }
    packets
}

fn compare_deliveries(milter: &ScriptedMilter, scripts: usize) {
    let sink = Sink::start();
    let postfix = Postfix::start(PostfixOptions::with_milter(sink.port(), milter.postfix_socket()));
    let socket = milter.socket().parse().expect("a socket name");
    for number in 0..scripts {
        let from = format!("<{number}@x.test>");
        let replies = postfix.smtp().send(&from, &[TO], MAIL);
        assert_eq!(last_code(&replies), 250, "{replies:?}");
        let delivered = sink.wait_for(number + 1, PATIENCE).pop().expect("waited for it").data;
        let report = probe::run(&socket, Options::default(), &Envelope::new(&from, [TO]), MAIL).expect("up");
        assert!(report.is_clean() && report.is_delivered(), "{report}");
        assert_eq!(
            report.delivered_message(MAIL).escape_ascii().to_string(),
            without_own_received(&delivered).escape_ascii().to_string(),
            "script {number}:\n{report}"
        );
    }
}

/// Takes out the field Postfix added, wherever insertions left it.
fn without_own_received(data: &[u8]) -> Vec<u8> {
    let text = String::from_utf8(data.to_vec()).expect("ASCII");
    let start = text.find("Received: from client.example.test").expect("Postfix adds Received");
    let mut end = start;
    for line in text[start..].split_inclusive('\n') {
        if end > start && !line.starts_with([' ', '\t']) {
            break;
        }
        end += line.len();
    }
    [&data[..start], &data[end..]].concat()
}

#[test]
fn a_milter_may_listen_on_a_unix_socket() {
    if !postfix::available() {
        return;
    }
    let sink = Sink::start();
    let directory = support::directory::TestDirectory::new("socket");
    let milter = ScriptedMilter::start_unix(Behaviour::no_op(), &directory.join("milter.sock"));
    let postfix = Postfix::start(PostfixOptions::with_milter(sink.port(), milter.postfix_socket()));
    assert_eq!(last_code(&postfix.smtp().send(FROM, &[TO], MAIL)), 250);
    assert_eq!(sink.wait_for(1, PATIENCE)[0].without_received(), MAIL);
    let socket = milter.socket().parse().expect("a socket name");
    let health = probe::health_check(&socket, PATIENCE).expect("up");
    assert_eq!(health.negotiated.version, 6);
}

#[test]
fn a_held_message_is_released() {
    if !postfix::available() {
        return;
    }
    let sink = Sink::start();
    let milter = ScriptedMilter::start(Behaviour::modifying(packet(b'q', b"look at it\0")));
    let postfix = Postfix::start(PostfixOptions::with_milter(sink.port(), milter.postfix_socket()));
    assert_eq!(last_code(&postfix.smtp().send(FROM, &[TO], MAIL)), 250);
    let held = support::poll(PATIENCE, || postfix.held().pop()).expect("quarantine");
    assert_eq!((sink.delivered().len(), postfix.deferred().len(), postfix.corrupt().len()), (0, 0, 0));
    postfix.release(&held);
    assert_eq!(sink.wait_for(1, PATIENCE)[0].without_received(), MAIL);
}

#[test]
fn local_mail_meets_the_other_milter() {
    if !postfix::available() {
        return;
    }
    let sink = Sink::start();
    let milter = ScriptedMilter::start(Behaviour::no_op());
    let postfix = Postfix::start(PostfixOptions {
        non_smtpd_milter: Some(milter.postfix_socket()),
        ..PostfixOptions::to(sink.port())
    });
    let output = postfix.sendmail(&["-f", "a@x.test", "b@y.test"], b"Subject: s\n\nlocal\n");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(sink.wait_for(1, PATIENCE)[0].data.ends_with(b"\r\n\r\nlocal\r\n"));
    let mail = milter.seen().into_iter().find(|c| c.letter == b'M').expect("MAIL").data;
    // Without brackets: this is how mail from the command looks.
    assert_eq!(mail, b"a@x.test\0");
}

#[test]
fn a_client_that_goes_away_in_data_leaves_nothing() {
    if !postfix::available() {
        return;
    }
    let sink = Sink::start();
    let milter = ScriptedMilter::start(Behaviour::no_op());
    let postfix = Postfix::start(PostfixOptions::with_milter(sink.port(), milter.postfix_socket()));
    let mut smtp = postfix.smtp();
    for line in [&format!("MAIL FROM:{FROM}"), &format!("RCPT TO:{TO}"), "DATA"] {
        assert!(smtp.command(line).code < 400);
    }
    smtp.send_octets(b"Subject: half\r\n\r\nhal");
    drop(smtp);
    postfix.wait_for_log("lost connection after DATA", PATIENCE);
    support::poll(PATIENCE, || milter.letters().ends_with('Q').then_some(())).expect("QUIT");
    assert!(milter.letters().ends_with("TAAQ"), "{}", milter.letters());
    assert_eq!(sink.delivered(), []);
}

/// A report goes into a log or a pipe: it must not be silently too big to read.
#[test]
fn the_report_of_a_real_size_is_small() {
    let milter = ScriptedMilter::start(Behaviour::modifying(replace_body(&[b'x'; 300_000])));
    let socket = milter.socket().parse().expect("a socket name");
    let report: Report =
        probe::run(&socket, Options::default(), &Envelope::new(FROM, [TO]), MAIL).expect("up");
    assert!(serde_json::to_string(&report).expect("no map with odd keys").len() < 10_000);
}
