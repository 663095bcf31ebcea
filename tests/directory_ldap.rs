//! The directory against a real OpenLDAP with the packaged schema.

mod support;

use std::sync::Arc;
use std::time::{Duration, Instant};
use support::slapd::{PASSWORD, READER, Slapd};
use support::tools;
use vpim_milter::directory::ldap::{self, Secret};
use vpim_milter::directory::{Answer, Directory, Kept, Settings, Source};
use vpim_milter::vpim::Lookup;

/// An entry of RFC 4237, with more attributes.
fn person(name: &str, number: &str, mailbox: &str, more: &str) -> String {
    format!(
        "dn: cn={name},ou=people,dc=example,dc=edu\nobjectClass: person\nobjectClass: vPIMUser\ncn: {name}\nsn: {name}\n\
         vPIMTelephoneNumber: {number}\nvPIMRfc822Mailbox: {mailbox}\n{more}\n"
    )
}

fn people() -> String {
    let pat = "vPIMSupportedAudioMediaTypes: audio/32KADPCM\nvPIMSupportedAudioMediaTypes: audio/basic\n\
               vPIMMaxMessageSize: 300\nvPIMExtendedAbsenceStatus: On\n";
    let mut all = person("Pat", "+16135551234", "pat@vm2.example.edu", pat);
    all += &person("Sub", "+16135551234+12", "sub@vm2.example.edu", "");
    all += &person("Away", "+16135550002", "away@vm2.example.edu", "vPIMExtendedAbsenceStatus: MsgBlocked\n");
    // Two entries for one number, and answers that are no mailbox.
    all += &person("Twin one", "+16135550003", "one@vm2.example.edu", "");
    all += &person("Twin two", "+16135550003", "two@vm2.example.edu", "");
    all += &person("Bad", "+16135550004", "a@b.test> NOTIFY=NEVER", "");
    all += "dn: cn=Old,ou=people,dc=example,dc=edu\nobjectClass: person\nobjectClass: extensibleObject\ncn: Old\n\
            sn: Old\ntelephoneNumber: +1 613 555-0005\nvPIMRfc822Mailbox: old@vm2.example.edu\n\n";
    all
}

fn directory(slapd: &Slapd, change: impl Fn(&mut ldap::Settings)) -> Directory {
    let mut ldap = ldap::Settings {
        bind: Some((READER.to_owned(), Secret(PASSWORD.to_owned()))),
        // Long enough for a machine that is busy with other tests.
        timeout: Duration::from_secs(4),
        ..ldap::Settings::new(&slapd.url(), "ou=people,dc=example,dc=edu")
    };
    change(&mut ldap);
    Directory::new(Settings {
        order: vec![Source::Ldap],
        timeout: Duration::from_secs(8),
        file: None,
        ldap: Some(ldap),
        enum_dns: None,
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
async fn entries_are_found_by_number_sub_mailbox_and_address() {
    if !tools::available(&["slapd", "slapadd"]) {
        return;
    }
    let slapd = Slapd::start(&people());
    let directory = Arc::new(directory(&slapd, |_| {}));
    let answer = directory.resolve("+1-613-555-1234@vpim.example.edu").await;
    let Lookup::Listed(pat) = &answer.lookup else { panic!("{answer:?}") };
    assert_eq!((pat.mailbox.as_str(), pat.seconds, pat.blocked), ("pat@vm2.example.edu", Some(300), false));
    let mut audio = pat.audio.clone();
    audio.sort();
    assert_eq!(audio, ["audio/32kadpcm", "audio/basic"]);
    assert_eq!((answer.source, answer.stale), (Some(Source::Ldap), false));
    for (asked, found) in [
        ("+16135551234+12@vpim.example.edu", Some("sub@vm2.example.edu")),
        ("PAT@VM2.example.edu", Some("pat@vm2.example.edu")),
        ("+16135550005@vpim.example.edu", Some("old@vm2.example.edu")),
        ("+16135559999@vpim.example.edu", None),
        ("*@vpim.example.edu", None),
        ("+16135550004@vpim.example.edu", None),
    ] {
        let answer = directory.resolve(asked).await;
        assert_eq!(mailbox(&answer), found, "{asked}: {answer:?}");
        assert!(found.is_some() || answer.lookup == Lookup::Unknown, "{asked}: {answer:?}");
    }
    let away = directory.resolve("+16135550002@vpim.example.edu").await;
    assert!(matches!(&away.lookup, Lookup::Listed(l) if l.blocked), "{away:?}");
    let twins = directory.resolve("+16135550003@vpim.example.edu").await;
    assert!(matches!(&twins.lookup, Lookup::Failed(why) if why.contains("more than one")), "{twins:?}");
    // One connection serves many questions at once.
    let asked: Vec<_> = (0..50)
        .map(|n| {
            let directory = directory.clone();
            tokio::spawn(async move {
                directory.resolve(&format!("+1613555{n:04}+7@vpim.example.edu")).await.lookup
            })
        })
        .collect();
    for answer in asked {
        assert_eq!(answer.await.expect("no panic"), Lookup::Unknown);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_server_refuses_is_a_failure_and_no_unknown() {
    if !tools::available(&["slapd", "slapadd"]) {
        return;
    }
    let slapd = Slapd::start(&people());
    let wrong: [fn(&mut ldap::Settings); 3] = [
        |l| l.bind = Some((READER.to_owned(), Secret("wrong".to_owned()))),
        |l| l.base = "dc=elsewhere".to_owned(),
        |l| l.url = "ldaps://127.0.0.1:1".to_owned(),
    ];
    for change in wrong {
        let answer = directory(&slapd, change).resolve("+16135551234@vpim.example.edu").await;
        assert!(matches!(answer.lookup, Lookup::Failed(_)), "{answer:?}");
    }
    let own = directory(&slapd, |l| l.filter = Some("(&(objectClass=person)(cn={local}))".to_owned()));
    let answer = own.resolve("Pat@vpim.example.edu").await;
    assert_eq!(mailbox(&answer), Some("pat@vm2.example.edu"), "{answer:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn while_the_server_is_down_its_last_answers_hold_and_it_is_found_again() {
    if !tools::available(&["slapd", "slapadd"]) {
        return;
    }
    let mut slapd = Slapd::start(&people());
    let directory = directory(&slapd, |_| {});
    let pat = "+16135551234@vpim.example.edu";
    assert_eq!(mailbox(&directory.resolve(pat).await), Some("pat@vm2.example.edu"));
    slapd.stop();
    tokio::time::sleep(Duration::from_millis(300)).await;
    let answer = directory.resolve(pat).await;
    assert_eq!((mailbox(&answer), answer.stale), (Some("pat@vm2.example.edu"), true));
    assert!(answer.age >= Duration::from_millis(300) && answer.failures.len() == 1, "{answer:?}");
    let unknown = directory.resolve("+16135550002@vpim.example.edu").await;
    assert!(matches!(unknown.lookup, Lookup::Failed(_)), "{unknown:?}");
    slapd.restart();
    let answer = directory.resolve(pat).await;
    assert_eq!((mailbox(&answer), answer.stale), (Some("pat@vm2.example.edu"), false));

    // A server that takes the question and says nothing: the answer comes in time all the same.
    slapd.signal("STOP");
    tokio::time::sleep(Duration::from_millis(300)).await;
    let begun = Instant::now();
    let silent = directory.resolve("+16135550002@vpim.example.edu").await;
    assert!(matches!(silent.lookup, Lookup::Failed(_)), "{silent:?}");
    // 4 s, and what a busy machine adds.
    assert!(begun.elapsed() < Duration::from_secs(8), "{:?}", begun.elapsed());
    assert!(directory.resolve(pat).await.stale);
    slapd.signal("CONT");
    let answer = directory.resolve(pat).await;
    assert_eq!((mailbox(&answer), answer.stale), (Some("pat@vm2.example.edu"), false));
}
