//! The probe against the milter library the daemon is built on: what it takes for granted (two ABORTs,
//! macros before header and body packets, QUIT) must be fine there, and what the library sends must
//! be free of violations.

use indymilter::{Actions, Callbacks, Config, ContextActions, ProtoOpts, SetErrorReply, Status};
use std::net::Ipv4Addr;
use std::time::Duration;
use vpim_milter::probe::{Envelope, Interrupt, Modification, Options, Probe, Report, Stage, Verdict, run};
use vpim_milter::socket::Socket;

const RAW: &[u8] = b"Subject: s\nX: 1\n\nbody\n";

/// Runs the milter in a thread for as long as the test's process lives.
fn serve(callbacks: Callbacks<()>) -> Socket {
    let listener = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free loopback port");
    listener.set_nonblocking(true).expect("a socket");
    let port = listener.local_addr().expect("a bound socket has an address").port();
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        runtime.block_on(async {
            let listener = tokio::net::TcpListener::from_std(listener).expect("a runtime");
            let config = Config { actions: Actions::all(), ..Config::default() };
            indymilter::run(listener, callbacks, config, std::future::pending::<()>()).await
        })
    });
    Socket::Inet { host: "127.0.0.1".into(), port }
}

fn options() -> Options {
    Options { timeout: Duration::from_secs(5), ..Options::default() }
}

fn envelope() -> Envelope {
    Envelope::of_addresses("a@x.test", ["b@x.test", "c@x.test"])
}

fn quitting(mut probe: Probe, mut report: Report) -> Report {
    report.violations.extend(probe.send(&envelope(), RAW).violations);
    report.violations.extend(probe.quit());
    report
}

#[test]
fn modifications_arrive_as_they_were_sent() {
    let body = b"0123456789abcde\r\n".repeat(8_000);
    let new_body = body.clone();
    let socket = serve(Callbacks::new().on_eom(move |cx| {
        let new_body = new_body.clone();
        Box::pin(async move {
            let a = &cx.actions;
            a.progress().await.expect("connected");
            a.change_header("X", 1, None::<&str>).await.expect("allowed");
            a.insert_header(1, "In", "1").await.expect("allowed");
            a.add_header("Added", "folded\n value").await.expect("allowed");
            a.delete_recipient("<b@x.test>").await.expect("allowed");
            a.replace_body(&new_body).await.expect("allowed");
            Status::Continue
        })
    }));
    let report = run(&socket, options(), &envelope(), RAW).expect("up");
    assert!(report.is_clean() && report.is_delivered() && report.body_came_last(), "{report}");
    assert!(matches!(report.modifications.last(), Some(Modification::ReplaceBody { packets: 3, .. })));
    let head = &b"In: 1\r\nSubject: s\r\nAdded: folded\r\n value\r\n\r\n"[..];
    assert_eq!(report.delivered_message(RAW), [head, &body].concat());
    assert_eq!(report.delivered_envelope(), Envelope::of_addresses("a@x.test", ["c@x.test"]));
    // Only the end of message has a callback, so nothing else is asked for.
    assert_eq!(report.commands(), "OE");
}

#[test]
fn silent_stages_and_early_acceptance() {
    let socket = serve(
        Callbacks::new()
            .on_negotiate(|cx, _, offered| {
                let silent = ProtoOpts::NOREPLY_HEADER | ProtoOpts::NOREPLY_BODY | ProtoOpts::NO_HELO;
                cx.requested_opts = silent & offered;
                Box::pin(async { Status::Continue })
            })
            .on_mail(|_, _| Box::pin(async { Status::Continue }))
            .on_header(|_, _, _| Box::pin(async { Status::Noreply }))
            .on_body(|_, _| Box::pin(async { Status::Noreply }))
            .on_eoh(|_| Box::pin(async { Status::Accept })),
    );
    let mut probe = Probe::connect_with(&socket, options()).expect("up");
    let report = probe.send(&envelope(), RAW);
    assert_eq!(report.verdict, Verdict::Accept { stage: Stage::EndOfHeaders });
    assert_eq!((report.commands().as_str(), report.body.sent_octets), ("OCMRRTLLN", 0));
    assert_eq!(quitting(probe, report).violations, []);
}

#[test]
fn refusals_and_aborts_leave_the_connection_in_order() {
    let socket = serve(
        Callbacks::new()
            .on_rcpt(|cx, args| {
                let refused = args.first().is_some_and(|a| a.to_bytes() == b"<b@x.test>");
                Box::pin(async move {
                    if !refused {
                        return Status::Continue;
                    }
                    cx.reply.set_error_reply("452", Some("4.5.3"), ["later"]).expect("a valid reply");
                    Status::Tempfail
                })
            })
            .on_body(|_, _| Box::pin(async { Status::Continue })),
    );
    let mut probe = Probe::connect_with(&socket, options()).expect("up");
    let aborted = probe.send_interrupted(&envelope(), RAW, Interrupt::AbortAfter(Stage::Body));
    assert_eq!(aborted.verdict, Verdict::Interrupted { stage: Stage::Body });
    let report = probe.send(&envelope(), RAW);
    assert!(report.is_delivered(), "{report}");
    let refused = report.recipients[0].refused.as_ref().expect("452");
    assert_eq!((refused.code, refused.text.as_str()), (452, "4.5.3 later"));
    assert_eq!(quitting(probe, report).violations, []);
}
