//! The daemon at its socket, with the MTA's side played by the probe.

use super::seen::{VOICE, octets};
use super::support::milter_process::MilterProcess;
use super::support::scripted_milter::{Answer, Behaviour, ScriptedMilter, packet};
use super::{Kept, Scene, need};
use std::time::Duration;
use vpim_milter::engine::{self, Ambient};
use vpim_milter::policy::{Route, Settings};
use vpim_milter::probe::{Envelope, Options, Report, Verdict, run};

const ENFORCE: &str = "mode = \"enforce\"\n[[route]]\nname = \"desk\"\nprofile = \"desktop\"\n";
const REFUSING: &str =
    "mode = \"enforce\"\n[[route]]\nname = \"strict\"\nprofile = \"vpim2\"\non_must = \"reject\"\n";
const TO: &str = "<FAX=+1-215-555-0199/T33S=12/X=a@vm.example.org>";

pub const SCENES: &[Scene] = &[
    Scene { id: "vpim2-no-recipient-limit", play: many_recipients },
    Scene { id: "vpim2-return-path-null-no-dsn", play: |sound| envelope_kept("<>", "", sound) },
    Scene { id: "dsn-none-for-null-sender", play: |sound| envelope_kept("<>", " NOTIFY=FAILURE", sound) },
    Scene {
        id: "vpim2-recv-return-path-kept",
        play: |sound| envelope_kept("<2001@vm.example.net>", "", sound),
    },
    Scene { id: "gstn-qualifiers-preserved", play: |sound| envelope_kept("<a@x.test>", "", sound) },
    Scene { id: "vpim2-esmtp-dsn", play: |sound| envelope_kept(DSN_FROM, DSN_TO, sound) },
    Scene { id: "ivm-dsn-supported", play: |sound| envelope_kept(DSN_FROM, DSN_TO, sound) },
    Scene { id: "efax-dsn-in-infrastructure", play: |sound| envelope_kept(DSN_FROM, DSN_TO, sound) },
    Scene {
        id: "dsn-valid-parameters-accepted",
        play: |sound| envelope_kept(DSN_FROM, " NOTIFY=NEVER", sound),
    },
    Scene { id: "dsn-parameters-relayed", play: |sound| envelope_kept(DSN_FROM, DSN_TO, sound) },
    Scene { id: "vpim2-recv-no-ndn-after-delivery", play: refused_in_the_dialogue },
    Scene { id: "vpim2-notify-on-non-delivery", play: refused_in_the_dialogue },
    Scene { id: "dsn-failure-when-unspecified", play: refused_in_the_dialogue },
    Scene { id: "vpim2-recv-user-privacy", play: nothing_heard_in_the_log },
    Scene { id: "size-not-end-of-data", play: size_is_a_guess },
    Scene { id: "ifax-offramp-uses-envelope", play: envelope_decides },
    Scene { id: "efax-header-not-used-for-routing", play: envelope_decides },
];

const DSN_FROM: &str = "<2001@vm.example.net> RET=HDRS ENVID=QQ314159";
const DSN_TO: &str = " NOTIFY=SUCCESS,FAILURE ORCPT=rfc822;Ann+2BBob@Vm.Example.ORG";

fn through(socket: &str, envelope: &Envelope, raw: &[u8]) -> Report {
    run(&socket.parse().unwrap(), Options::default(), envelope, raw).expect("the milter is up")
}

fn many_recipients(sound: bool) -> Kept {
    let mut config = ENFORCE.to_owned();
    if !sound {
        config.push_str("[limits]\nrecipients = 5\n");
    }
    let milter = MilterProcess::start(&config);
    let recipients: Vec<String> = (0..500).map(|n| format!("<{n}@vm.example.org>")).collect();
    let envelope = Envelope::new("<2001@vm.example.net>", recipients);
    let report = through(&milter.socket(), &envelope, &octets(VOICE, &[]));
    let refused = report.recipients.iter().filter(|r| r.refused.is_some()).count();
    need(refused == 0 && report.is_delivered(), || format!("{refused} of 500 refused"))
}

/// Sender, recipients and their parameters leave as they came, and nobody is added; a milter that adds
/// a recipient is caught.
fn envelope_kept(from: &str, parameters: &str, sound: bool) -> Kept {
    let raw = octets(VOICE, &[]);
    let envelope = Envelope::new(from, [format!("{TO}{parameters}")]);
    let report = if sound {
        let milter = MilterProcess::start(ENFORCE);
        through(&milter.socket(), &envelope, &raw)
    } else {
        let notice = packet(b'+', b"<postmaster@x.test>\0");
        let sender = packet(b'e', b"<other@x.test>\0");
        let milter = ScriptedMilter::start(Behaviour::modifying([notice, sender].concat()));
        through(&milter.socket(), &envelope, &raw)
    };
    let refused = report.recipients.iter().any(|r| r.refused.is_some());
    let same = report.delivered_envelope() == envelope;
    need(same && !refused && report.is_delivered(), || report.to_string())?;
    need(!sound || report.new_body().is_some(), || "nothing was converted".to_owned())
}

/// What is not delivered is refused while the client waits, so that it can tell the sender.
fn refused_in_the_dialogue(sound: bool) -> Kept {
    let raw = octets(VOICE, &[("Content-Disposition: inline; voice=Originator-Spoken-Name\n", "")]);
    let envelope = Envelope::new("<2001@vm.example.net>", ["<3002@vm.example.org>"]);
    let report = if sound {
        let milter = MilterProcess::start(REFUSING);
        through(&milter.socket(), &envelope, &raw)
    } else {
        let milter = ScriptedMilter::start(Behaviour::scripted(|c| match c.letter {
            b'E' => Answer::Send(packet(b'd', b"")),
            _ => Answer::Normal,
        }));
        through(&milter.socket(), &envelope, &raw)
    };
    let Verdict::Reject { reply, .. } = &report.verdict else { return Err(format!("{:?}", report.verdict)) };
    need(reply.to_string().starts_with("554 5.6."), || reply.to_string())
}

fn nothing_heard_in_the_log(sound: bool) -> Kept {
    let milter = MilterProcess::start(ENFORCE);
    let voice = "QUFBQUFBQUFB".repeat(20);
    let text = String::from_utf8_lossy(&octets(VOICE, &[("Subject:", "Sensitivity: Private\nSubject:")]))
        .into_owned();
    let raw = text.replace("////////", &voice);
    let envelope = Envelope::new("<2001@vm.example.net>", ["<3002@vm.example.org>"]);
    let report = through(&milter.socket(), &envelope, raw.as_bytes());
    milter.wait_for_log("verdict=\"changed\"", Duration::from_secs(20));
    let mut log = milter.log_lines();
    if !sound {
        log.push(raw.clone());
    }
    let told = |line: &String| line.contains("QUFBQUFB") || line.contains("AAAAAAAA");
    need(report.new_body().is_some() && !log.iter().any(told), || "audio in the log".to_owned())
}

fn size_is_a_guess(sound: bool) -> Kept {
    let milter = MilterProcess::start(ENFORCE);
    let raw = octets(VOICE, &[]);
    let deliver = |from: &str, raw: &[u8]| {
        let report = through(&milter.socket(), &Envelope::new(from, ["<3002@vm.example.org>"]), raw);
        report.new_body().map(<[u8]>::to_vec)
    };
    let whole = deliver("<a@x.test>", &raw);
    let given = if sound { deliver("<a@x.test> SIZE=400", &raw) } else { deliver("<a@x.test>", &raw[..400]) };
    need(whole.is_some() && whole == given, || "the declared size cuts the message".to_owned())
}

/// The route follows the recipients of the envelope, whatever To and Cc say.
fn envelope_decides(sound: bool) -> Kept {
    let mut settings = Settings::for_profile("desktop", "mx.test");
    let mut gateway = Route::catch_all("gateway", "vpim2");
    gateway.when.recipient = vec!["*@vm.example.org".to_owned()];
    settings.routes.insert(0, gateway);
    let raw = octets(VOICE, &[("To: <3002@vm.example.org>", "To: <ann@desk.test>\nCc: <tom@desk.test>")]);
    let recipient = if sound { "3002@vm.example.org" } else { "ann@desk.test" };
    let envelope = vpim_milter::vpim::Envelope { rcpt_to: vec![recipient.to_owned()], ..Default::default() };
    let outcome = engine::process(&raw, &envelope, &settings, &Ambient::default());
    need(outcome.record.route.as_deref() == Some("gateway"), || format!("{:?}", outcome.record.route))
}
