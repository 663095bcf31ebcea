//! ENUM against a real name server with a private zone.

mod support;

use std::time::{Duration, Instant};
use support::nsd::Nsd;
use support::tools;
use vpim_milter::directory::enum_dns;
use vpim_milter::directory::{Answer, Directory, Kept, Settings, Source};
use vpim_milter::vpim::Lookup;

/// RFC 4238 3, and records that are not to be taken.
const RECORDS: &str = r#"
; +16135551234
4.3.2.1.5.5.5.3.1.6.1 NAPTR 100 20 "u" "E2U+vpim:mailto" "!^.*$!mailto:second@vm2.example.edu!" .
4.3.2.1.5.5.5.3.1.6.1 NAPTR 100 10 "u" "E2U+VPIM:Mailto" "!^\\+1613555(....)$!mailto:pat-\\1@vm2.example.edu!" .
4.3.2.1.5.5.5.3.1.6.1 NAPTR 100 5 "u" "E2U+sip" "!^.*$!sip:pat@example.edu!" .
4.3.2.1.5.5.5.3.1.6.1 NAPTR 10 5 "u" "E2U+vpim:ldap" "!^.*$!ldap://rogue.test/!" .
; +16135550001: nothing that could be used
1.0.0.0.5.5.5.3.1.6.1 NAPTR 10 10 "u" "E2U+vpim:mailto" "!^.*$!mailto:a@b.test,c@d.test!" .
1.0.0.0.5.5.5.3.1.6.1 NAPTR 20 10 "u" "E2U+vpim:mailto" "!^.*$!mailto:other@order.test!" .
; +16135550002: too many for a datagram
"#;

fn records() -> String {
    let many = (0..60).map(|n| {
        format!("2.0.0.0.5.5.5.3.1.6.1 NAPTR 10 {n} \"u\" \"E2U+vpim:mailto\" \"!^.*$!mailto:m{n}@vm2.example.edu!\" .\n")
    });
    RECORDS.to_owned() + &many.collect::<String>()
}

fn directory(server: &str, zone: &str) -> Directory {
    Directory::new(Settings {
        order: vec![Source::Enum],
        // Long enough for a machine that is busy with other tests.
        timeout: Duration::from_secs(8),
        file: None,
        ldap: None,
        enum_dns: Some(enum_dns::Settings {
            zone: zone.to_owned(),
            servers: vec![server.parse().expect("an address")],
            timeout: Duration::from_secs(4),
        }),
        kept: Kept {
            positive: Duration::from_millis(200),
            negative: Duration::from_millis(200),
            stale: Duration::from_secs(3_600),
        },
    })
}

fn mailbox(answer: &Answer) -> Option<&str> {
    match &answer.lookup {
        Lookup::Listed(listing) => Some(&listing.mailbox),
        _ => None,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn numbers_of_a_private_zone_become_mailboxes() {
    if !tools::available(&["nsd"]) {
        return;
    }
    let nsd = Nsd::start(&records());
    let directory = directory(&nsd.address(), "enum.example.edu");
    for (asked, found) in [
        ("+1-613-555-1234@vpim.example.edu", Some("pat-1234@vm2.example.edu")),
        ("+16135551234+12@vpim.example.edu", Some("pat-1234@vm2.example.edu")),
        ("+16135550002@vpim.example.edu", Some("m0@vm2.example.edu")),
        ("+16135550001@vpim.example.edu", None),
        ("+16135559999@vpim.example.edu", None),
        ("1234@vpim.example.edu", None),
        ("pat@vpim.example.edu", None),
    ] {
        let answer = directory.resolve(asked).await;
        assert_eq!(mailbox(&answer), found, "{asked}: {answer:?}");
        assert!(found.is_some() || answer.lookup == Lookup::Unknown, "{asked}: {answer:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_refuses_or_is_gone_is_a_failure_and_its_last_answer_holds() {
    if !tools::available(&["nsd"]) {
        return;
    }
    let mut nsd = Nsd::start(&records());
    // The server is not asked for other zones: REFUSED is no "unknown".
    let refused = directory(&nsd.address(), "e164.arpa").resolve("+16135551234@vpim.example.edu").await;
    assert!(matches!(refused.lookup, Lookup::Failed(_)), "{refused:?}");
    let directory = directory(&nsd.address(), "enum.example.edu");
    let pat = "+16135551234@vpim.example.edu";
    assert!(mailbox(&directory.resolve(pat).await).is_some());
    nsd.stop();
    tokio::time::sleep(Duration::from_millis(300)).await;
    let begun = Instant::now();
    let answer = directory.resolve(pat).await;
    assert_eq!((mailbox(&answer), answer.stale), (Some("pat-1234@vm2.example.edu"), true), "{answer:?}");
    let nobody = directory.resolve("+16135550002@vpim.example.edu").await;
    assert!(matches!(nobody.lookup, Lookup::Failed(_)), "{nobody:?}");
    // Twice 4 s, and what a busy machine adds.
    assert!(begun.elapsed() < Duration::from_secs(14), "{:?}", begun.elapsed());
    nsd.restart();
    let many = directory.resolve("+16135550002@vpim.example.edu").await;
    assert_eq!(mailbox(&many), Some("m0@vm2.example.edu"), "{many:?}");
}
