//! Recipients of one message that need four forms, at a real Sendmail, with a real Postfix in front
//! that tries again what is refused for now: each gets exactly one message, in its form.

mod support;

use support::free_port;
use support::milter_process::MilterProcess;
use support::recipients::{self, RECIPIENTS, Upstream, form};
use support::sendmail::{Sendmail, SendmailOptions};
use support::sink::{Delivered, Fate, Sink};
use support::smtp::Smtp;
use support::{poll, postfix, sendmail};

const REINJECT: &str = "method = \"reinject\"\nsmtp = \"127.0.0.1:PORT\"";

/// The daemon behind a Sendmail; dropped in this order.
struct Chain {
    sendmail: Sendmail,
    milter: MilterProcess,
    upstream: Upstream,
    sink: Sink,
}

impl Chain {
    /// `split` is the table, with `PORT` for the second listener's.
    fn start(split: &str) -> Option<Self> {
        if !postfix::available() || !sendmail::available() {
            return None;
        }
        let port = free_port();
        let sink = Sink::start();
        let milter = MilterProcess::start(&recipients::config(&split.replace("PORT", &port.to_string())));
        let options = SendmailOptions::with_milter(sink.port(), &milter.socket());
        let sendmail = Sendmail::start(&options.and_listener(port));
        let upstream = Upstream::to(sendmail.smtp_port());
        Some(Chain { sendmail, milter, upstream, sink })
    }

    fn deliver(&self) -> Vec<Delivered> {
        self.upstream.send_to_all();
        let delivered = self.upstream.until_delivered(&self.sink, RECIPIENTS.len());
        poll(std::time::Duration::from_secs(30), || self.sendmail.queued().is_empty().then_some(()))
            .unwrap_or_else(|| panic!("{:?} still queued", self.sendmail.queued()));
        delivered
    }
}

#[test]
fn deferred_recipients_get_their_own_message_at_the_next_try() {
    let Some(chain) = Chain::start("method = \"defer\"") else { return };
    let delivered = chain.deliver();
    let (kept, copied) = recipients::check(&delivered);
    let deferred = chain.upstream.log().matches("452 4.5.3").count();
    println!("Sendmail, defer: {kept} kept, {deferred} answers 452, {} messages", delivered.len());
    assert_eq!((copied, delivered.len()), (0, 4));
    assert!(deferred >= 7, "{deferred}");
}

#[test]
fn copies_come_back_through_sendmail_and_get_their_own_form() {
    let Some(chain) = Chain::start(REINJECT) else { return };
    let delivered = chain.deliver();
    let (kept, copied) = recipients::check(&delivered);
    println!("Sendmail, reinject: {kept} kept, {copied} re-injected, {} messages", delivered.len());
    assert_eq!((kept, copied, delivered.len()), (2, 3, 4));
    assert!(chain.milter.log_lines().iter().any(|l| l.contains("copy for 1 recipients of people: accepted")));
}

#[test]
fn with_first_all_get_what_the_first_recipient_gets() {
    let Some(chain) = Chain::start("method = \"first\"") else { return };
    let delivered = chain.deliver();
    let forms: Vec<&str> = delivered.iter().map(|d| form(&d.data)).collect();
    assert_eq!((forms, delivered[0].rcpt_to.len()), (vec!["desktop"], RECIPIENTS.len()));
}

#[test]
fn a_daemon_killed_between_two_copies_sends_only_the_missing_ones_after_its_restart() {
    let directory = support::directory::TestDirectory::new("journal");
    let copies = Sink::scripted(0, |n| if n == 1 { Fate::Stall } else { Fate::Take });
    let split = format!(
        "method = \"reinject\"\nsmtp = \"127.0.0.1:{}\"\njournal = \"{}\"",
        copies.port(),
        directory.join("split").display()
    );
    let Some(mut chain) = Chain::start(&split) else { return };
    chain.upstream.send_to_all();
    let patience = std::time::Duration::from_secs(30);
    poll(patience, || (copies.ends() == 2).then_some(())).expect("the second copy is under way");
    chain.milter.signal("KILL");
    chain.milter.restart();
    let kept = chain.upstream.until_delivered(&chain.sink, 2);
    let copied = copies.delivered();
    let mut got: Vec<&str> = kept.iter().chain(&copied).flat_map(|d| d.recipients()).collect();
    got.sort_unstable();
    let mut wanted = RECIPIENTS.map(|(recipient, _)| recipient);
    wanted.sort_unstable();
    assert_eq!((got, form(&kept[0].data)), (wanted.to_vec(), "vpim2"));
    assert_eq!((kept.len(), copies.ends()), (1, 4));
}

#[test]
fn unusual_addresses_and_delivery_status_parameters_go_with_the_copy() {
    let copies = Sink::start();
    let split = format!("method = \"reinject\"\nsmtp = \"127.0.0.1:{}\"\nhelo = \"mx.test\"", copies.port());
    let Some(chain) = Chain::start(&split) else { return };
    recipients::check_unusual(Smtp::open(chain.sendmail.smtp_port()), &chain.sink, &copies);
}

#[test]
fn local_submission_waits_in_its_queue_for_what_is_deferred() {
    for (split, copies) in [("method = \"defer\"", 0), (REINJECT, 3)] {
        let Some(chain) = Chain::start(split) else { return };
        let all = RECIPIENTS.map(|(recipient, _)| recipient);
        let arguments: Vec<&str> = ["-i", "-f", "pbx@pbx.test"].into_iter().chain(all).collect();
        chain.sendmail.submit(&arguments, &recipients::message());
        let mut tries = 0;
        let left = poll(std::time::Duration::from_secs(60), || {
            tries += 1;
            (chain.sendmail.run_submissions() == 0 && chain.sendmail.queued().is_empty()).then_some(())
        });
        assert!(left.is_some(), "still queued");
        let (kept, copied) = recipients::check(&chain.sink.delivered());
        println!(
            "Sendmail, local submission, {split:?}: {kept} kept, {copied} re-injected, {tries} queue runs"
        );
        assert_eq!(copied, copies);
    }
}
