//! Requirements of RFC 3801 that are duties of the filter itself and show in no message: one test for
//! each, named in [`DUTIES`].

#![allow(clippy::unwrap_used)]

use std::sync::Arc;
use vpim_milter::config;
use vpim_milter::milter::negotiate;
use vpim_milter::milter::session::{Answer, Connection, End};
use vpim_milter::milter::work::Service;
use vpim_milter::policy::profile;

/// Requirement, test.
const DUTIES: &[(&str, &str)] = &[
    ("vpim2-smtp-data", "the_octets_of_data_are_kept_whatever_their_lines"),
    ("vpim2-smtp-rset", "a_reset_clears_the_message_and_keeps_the_connection"),
];

const HEADER: &[(&[u8], &[u8])] = &[
    (b"From", b" <2001@vm.example.net>"),
    (b"MIME-Version", b" 1.0 (Voice 2.0)"),
    (b"Content-Type", b" audio/32KADPCM"),
];

fn connection() -> Connection {
    let config = config::load_text(&[("test", "")], profile::builtin()).unwrap();
    let service = Arc::new(Service::new(config));
    let live = service.live();
    let terms = negotiate::terms(&live.settings, 0x1ff, 0x1f_ffff);
    Connection::new(service, live, terms)
}

fn nothing(_: &str) -> Option<String> {
    None
}

async fn header(connection: &mut Connection, from: &str, to: &str) {
    connection.mail(&[from.into()], &nothing);
    connection.rcpt(&[to.into()], &nothing).await;
    for (name, value) in HEADER {
        connection.header(name, value);
    }
    assert_eq!(connection.end_of_header(&nothing).await, Answer::Continue);
}

#[tokio::test]
async fn the_octets_of_data_are_kept_whatever_their_lines() {
    let mut connection = connection();
    header(&mut connection, "<2001@vm.example.net>", "<3002@vm.example.org>").await;
    // Pieces end in the middle of lines, lines have any length, or no end at all.
    let pieces: [&[u8]; 4] = [b"one\r", b"\n\r\n.\r\n", &[b'x'; 5_000], b"\x00\xff\n"];
    for piece in pieces {
        assert_eq!(connection.body(piece).await, Answer::Continue);
    }
    let End::Work(message) = connection.end_of_message(&nothing) else { panic!("not taken") };
    assert!(message.raw.ends_with(&pieces.concat()));
}

#[tokio::test]
async fn a_reset_clears_the_message_and_keeps_the_connection() {
    let mut connection = connection();
    connection.helo("vm.example.net".into());
    header(&mut connection, "<2001@vm.example.net>", "<3002@vm.example.org>").await;
    connection.body(b"of the message given up").await;
    connection.abort();
    connection.abort();
    header(&mut connection, "<2002@vm.example.net>", "<3003@vm.example.org>").await;
    connection.body(b"next").await;
    let End::Work(message) = connection.end_of_message(&nothing) else { panic!("not taken") };
    assert!(message.raw.ends_with(b"\r\n\r\nnext"));
    assert_eq!(message.envelope.mail_from.as_deref(), Some("2002@vm.example.net"));
    assert_eq!(message.envelope.rcpt_to, ["3003@vm.example.org"]);
    assert_eq!(message.envelope.helo.as_deref(), Some("vm.example.net"));
}

#[test]
fn every_duty_names_a_test_of_this_file() {
    let source = include_str!("duties_vpim2.rs");
    for (id, test) in DUTIES {
        assert!(source.contains(&format!("fn {test}()")), "{id}: no test {test}");
        assert!(vpim_milter::conformance::rules::find(id).is_none(), "{id} is a rule");
    }
}
