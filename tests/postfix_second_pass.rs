//! A message that meets the daemon twice leaves as after the first time, octet for octet: requeued by
//! the administrator, two instances in a row, a copy that comes back.

mod support;

use std::time::Duration;
use support::free_port;
use support::milter_process::MilterProcess;
use support::postfix::{self, Postfix, PostfixOptions};
use support::recipients::{self, RECIPIENTS, without_trace};
use support::sink::{Delivered, Fate, Sink};

const PATIENCE: Duration = Duration::from_secs(30);
const FROM: &str = "<pbx@pbx.test>";

/// A message for each recipient alone.
fn send_each(postfix: &Postfix) {
    for (recipient, _) in RECIPIENTS {
        let replies = postfix.smtp().send(FROM, &[&format!("<{recipient}>")], &recipients::message());
        assert_eq!(replies.last().map(|r| r.code), Some(250), "{replies:?}");
    }
}

/// What each recipient got, in the order of [`RECIPIENTS`].
fn by_recipient(delivered: &[Delivered]) -> Vec<String> {
    let of = |recipient: &str| {
        let own = delivered.iter().filter(|d| d.recipients().contains(&recipient));
        own.map(|d| without_trace(&d.data)).collect::<Vec<_>>().join("\n=== and\n")
    };
    RECIPIENTS.iter().map(|(recipient, _)| of(recipient)).collect()
}

/// What each recipient gets from one daemon, each with a message of its own.
fn once() -> Vec<String> {
    let sink = Sink::start();
    let milter = MilterProcess::start(&recipients::config(""));
    let postfix = Postfix::start(PostfixOptions::with_milter(sink.port(), milter.postfix_socket()));
    send_each(&postfix);
    let delivered = sink.wait_for(RECIPIENTS.len(), PATIENCE);
    recipients::check(&delivered);
    by_recipient(&delivered)
}

#[test]
fn two_instances_in_a_row_change_no_more_than_one() {
    if !postfix::available() {
        return;
    }
    let sink = Sink::start();
    let config = recipients::config("");
    let (first, second) = (MilterProcess::start(&config), MilterProcess::start(&config));
    let both = format!("{}, {}", first.postfix_socket(), second.postfix_socket());
    let postfix = Postfix::start(PostfixOptions::with_milter(sink.port(), both));
    send_each(&postfix);
    assert_eq!(by_recipient(&sink.wait_for(RECIPIENTS.len(), PATIENCE)), once());
    let verdicts = |milter: &MilterProcess| {
        let lines = milter.log_lines();
        let of =
            |verdict: &str| lines.iter().filter(|l| l.contains(&format!("verdict=\"{verdict}\""))).count();
        (of("changed"), of("unchanged"))
    };
    assert_eq!((verdicts(&first), verdicts(&second)), ((4, 1), (0, 5)));
}

#[test]
fn requeued_mail_changes_no_more() {
    if !postfix::available() {
        return;
    }
    let port = free_port();
    let milter = MilterProcess::start(&recipients::config(""));
    let postfix = Postfix::start(PostfixOptions {
        non_smtpd_milter: Some(milter.postfix_socket()),
        ..PostfixOptions::with_milter(port, milter.postfix_socket())
    });
    send_each(&postfix);
    // Nobody is at the next hop yet.
    let deferred = || (postfix.deferred().len() == RECIPIENTS.len()).then_some(());
    support::poll(PATIENCE, deferred).expect("all is deferred");
    let seen = || milter.log_lines().iter().filter(|l| l.contains("verdict=")).count();
    assert_eq!(seen(), RECIPIENTS.len());
    postfix.requeue();
    let sink = Sink::scripted(port, |_| Fate::Take);
    let got = || {
        postfix.flush();
        (sink.delivered().len() == RECIPIENTS.len()).then_some(())
    };
    support::poll(PATIENCE, got).expect("all is delivered");
    println!("postsuper -r: the daemon saw {} messages again", seen() - RECIPIENTS.len());
    assert_eq!(by_recipient(&sink.delivered()), once());
}

#[test]
fn a_copy_that_comes_back_gets_what_a_message_of_its_own_gets() {
    if !postfix::available() {
        return;
    }
    let port = free_port();
    let sink = Sink::start();
    let split = format!("method = \"reinject\"\nsmtp = \"127.0.0.1:{port}\"");
    let milter = MilterProcess::start(&recipients::config(&split));
    let options = PostfixOptions::with_milter(sink.port(), milter.postfix_socket());
    let postfix = Postfix::start(options.and_listener(port));
    let all = RECIPIENTS.map(|(recipient, _)| format!("<{recipient}>"));
    let all: Vec<&str> = all.iter().map(String::as_str).collect();
    let replies = postfix.smtp().send(FROM, &all, &recipients::message());
    assert_eq!(replies.last().map(|r| r.code), Some(250), "{replies:?}");
    postfix.wait_until_idle(PATIENCE);
    assert_eq!(by_recipient(&sink.delivered()), once());
}
