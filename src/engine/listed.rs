//! What is answered for what the directory tells of recipients: at RCPT, and at the end of the message
//! where a recipient could not be refused before.

use super::{Reply, reply};
use crate::message::Message;
use crate::policy::Settings;
use crate::vpim::{Envelope, Lookup};

/// The refusal of a recipient for what the directory tells of it; `None` where it takes messages.
fn refusal(settings: &Settings, lookup: &Lookup, recipient: &str) -> Option<Reply> {
    let permanent = |code, enhanced, text: &str| Some(Reply { code, enhanced, lines: vec![text.to_owned()] });
    match lookup {
        // RFC 4237 2.7: MsgBlocked, messages SHOULD NOT be sent.
        Lookup::Listed(listing) if listing.blocked => {
            permanent(550, (5, 2, 1), "The mailbox takes no messages at present (RFC 4237 section 2.7)")
        }
        Lookup::Listed(_) => None,
        Lookup::Unknown if settings.is_directory_domain(recipient) => {
            permanent(550, (5, 1, 1), "The directory knows no such mailbox")
        }
        Lookup::Unknown => None,
        Lookup::Failed(_) => {
            Some(reply::temporary((4, 4, 3), "The directory cannot be asked now, try again later"))
        }
    }
}

/// The refusal of one more recipient at RCPT.
pub(super) fn refused_recipient(settings: &Settings, envelope: &Envelope, path: &str) -> Option<Reply> {
    refusal(settings, settings.early_listed(envelope, path)?, path)
}

/// The refusal of a message at its end. Recipients of local programs, and of routes that look at the header,
/// were not refused at RCPT: while the directory cannot tell of one of them the message waits, and it is
/// refused where it can reach nobody. A recipient beside others stays as it came, for its own server to
/// refuse: none of the others may lose the message for it.
pub(super) fn refused_message(
    settings: &Settings,
    envelope: &Envelope,
    message: &Message<'_>,
) -> Option<Reply> {
    let refusals: Vec<Option<Reply>> = envelope
        .rcpt_to
        .iter()
        .map(|recipient| {
            let route = settings.route_for(envelope, Some(message), recipient);
            refusal(settings, settings.listed(route, envelope, recipient)?, recipient)
        })
        .collect();
    let temporary = refusals.iter().flatten().find(|r| r.code < 500);
    let all = refusals.iter().all(Option::is_some);
    temporary.or(refusals.iter().flatten().next().filter(|_| all)).cloned()
}

/// The refusal of a message that is longer than its mailboxes take.
pub(super) fn too_long(seconds: f64, most: u32) -> Option<Reply> {
    // Durations of coded audio are good to a frame; the plan's own limits are as lenient.
    (seconds > f64::from(most) + 0.5).then(|| Reply {
        code: 552,
        enhanced: (5, 2, 3),
        lines: vec![format!(
            "{seconds:.0} s of voice, the mailbox takes {most} s (vPIMMaxMessageSize, RFC 4237 section 2.9)"
        )],
    })
}

#[cfg(test)]
mod tests {
    use super::super::{Ambient, Verdict, foresee, process, refused_recipient, rewrite};
    use super::*;
    use crate::policy::Mode;
    use crate::vpim::Listing;

    const VOICE: &str = "From: Ann <1@a.test>\r\nMIME-Version: 1.0 (Voice 2.0)\r\n\
        Content-Type: multipart/voice-message; version=2.0; boundary=b\r\n\r\n--b\r\n\
        Content-Type: audio/32KADPCM\r\nContent-Transfer-Encoding: base64\r\n\r\n////////\r\n--b--\r\n";

    fn settings() -> Settings {
        let mut settings = Settings::for_profile("vpim2", "mx.test");
        settings.routes[0].directory = true;
        settings.directory_domains = vec!["*.test".into()];
        settings
    }

    fn to(recipients: &[(&str, Lookup)]) -> Envelope {
        Envelope {
            rcpt_to: recipients.iter().map(|(r, _)| (*r).to_owned()).collect(),
            rcpt_parameters: recipients.iter().map(|_| vec!["NOTIFY=NEVER".to_owned()]).collect(),
            directory: recipients.iter().map(|(r, l)| ((*r).to_owned(), l.clone())).collect(),
            ..Envelope::default()
        }
    }

    fn listed(mailbox: &str, change: impl Fn(&mut Listing)) -> Lookup {
        let mut listing = Listing { mailbox: mailbox.into(), ..Listing::default() };
        change(&mut listing);
        Lookup::Listed(listing)
    }

    fn code(envelope: &Envelope, settings: &Settings) -> Option<(u16, (u8, u8, u8))> {
        match process(VOICE.as_bytes(), envelope, settings, &Ambient::default()).verdict {
            Verdict::Refuse(reply) => Some((reply.code, reply.enhanced)),
            _ => None,
        }
    }

    #[test]
    fn each_answer_has_its_reply_at_rcpt() {
        let settings = settings();
        for (lookup, wanted) in [
            (listed("a@b.test", |_| {}), None),
            (listed("a@b.test", |l| l.blocked = true), Some((550, (5, 2, 1)))),
            (Lookup::Unknown, Some((550, (5, 1, 1)))),
            (Lookup::Failed("down".into()), Some((451, (4, 4, 3)))),
        ] {
            let envelope = to(&[("+1@x.test", lookup)]);
            let asked = Envelope { rcpt_to: Vec::new(), ..envelope.clone() };
            let reply = refused_recipient(&settings, &asked, "+1@x.test");
            assert_eq!(reply.map(|r| (r.code, r.enhanced)), wanted);
            // Where it could not be refused there, at the end of the message.
            assert_eq!(code(&envelope, &settings), wanted);
        }
        let unknown = to(&[("+1@elsewhere.example", Lookup::Unknown)]);
        assert_eq!(refused_recipient(&settings, &unknown, "+1@elsewhere.example"), None);
        let mut other = settings.clone();
        other.routes[0].directory = false;
        assert_eq!(refused_recipient(&other, &to(&[("+1@x.test", Lookup::Unknown)]), "+1@x.test"), None);
    }

    #[test]
    fn a_directory_that_cannot_be_asked_is_foreseen_as_a_refusal() {
        let down = || Lookup::Failed("down".into());
        let envelope = to(&[("+1@x.test", down()), ("+2@x.test", listed("a@b.test", |_| {}))]);
        let foresight = foresee(VOICE.as_bytes(), &envelope, &settings(), &Ambient::default());
        let refused: Vec<_> = foresight.refused.iter().map(|(r, reply)| (r.as_str(), reply.code)).collect();
        assert_eq!(refused, [("+1@x.test", 451)]);
        assert_eq!(foresight.copies.len(), 1);
        assert_eq!(foresight.copies[0].recipients, ["+2@x.test"]);
    }

    #[test]
    fn beside_others_only_a_failure_refuses_the_message() {
        let settings = settings();
        let good = || ("+1@x.test", listed("a@b.test", |_| {}));
        assert_eq!(code(&to(&[good(), ("+2@x.test", Lookup::Unknown)]), &settings), None);
        let failed = to(&[good(), ("+2@x.test", Lookup::Failed(String::new()))]);
        assert_eq!(code(&failed, &settings), Some((451, (4, 4, 3))));
        assert_eq!(code(&failed, &Settings { mode: Mode::Report, ..settings.clone() }), None);
        assert_eq!(code(&failed, &Settings { mode: Mode::Shadow, ..settings }), None);
    }

    #[test]
    fn the_mailbox_takes_the_place_of_the_number_once_with_its_parameters() {
        let outcome = |envelope: &Envelope| {
            process(VOICE.as_bytes(), envelope, &settings(), &Ambient::default()).recipients
        };
        let pat = || listed("pat@vm2.test", |_| {});
        let change = outcome(&to(&[("+1@x.test", pat()), ("+2@x.test", pat())]));
        assert_eq!(change.add.len(), 1);
        assert_eq!(change.add[0].address, "pat@vm2.test");
        assert_eq!(change.add[0].parameters, ["NOTIFY=NEVER"]);
        assert_eq!(change.delete, ["+1@x.test", "+2@x.test"]);
        assert!(outcome(&to(&[("pat@vm2.test", pat())])).is_empty(), "a mailbox that maps to itself");
    }

    #[test]
    fn a_codec_that_the_mailbox_lists_is_not_repaired_away() {
        let audio = |types: &[&str]| {
            let all = types.iter().map(|a| (*a).to_owned()).collect::<Vec<_>>();
            let envelope = to(&[("+1@x.test", listed("a@b.test", |l| l.audio = all.clone()))]);
            let outcome = rewrite(VOICE.as_bytes(), &envelope, &settings(), &Ambient::default());
            let text = String::from_utf8(outcome.rewritten.unwrap_or_default()).unwrap();
            ["audio/32KADPCM", "audio/basic"].map(|t| text.contains(&format!("Content-Type: {t}")))
        };
        assert_eq!(audio(&["audio/basic"]), [false, true]);
        assert_eq!(audio(&["audio/basic", "audio/32kadpcm"]), [true, false]);
    }

    #[test]
    fn a_message_longer_than_the_mailbox_takes_is_refused_with_the_limit() {
        let raw = VOICE.replace("////////", &"/".repeat(16_000));
        let limited = |most: u32| {
            let envelope = to(&[("+1@x.test", listed("a@b.test", |l| l.seconds = Some(most)))]);
            process(raw.as_bytes(), &envelope, &settings(), &Ambient::default()).verdict
        };
        let Verdict::Refuse(reply) = limited(2) else { panic!("not refused") };
        assert_eq!((reply.code, reply.enhanced), (552, (5, 2, 3)));
        assert!(reply.lines[0].starts_with("3 s of voice, the mailbox takes 2 s"), "{:?}", reply.lines);
        assert_eq!(limited(3), Verdict::Deliver);
    }
}
