//! Recipients: whom a message is taken for at RCPT, and what becomes of the message for all of them.

use super::{Ambient, Outcome, Reply, listed, process};
use crate::conformance::replies;
use crate::policy::numbers::{Place, renumbered};
use crate::policy::route::{EarlyRoute, mailbox};
use crate::policy::{Mode, Route, Settings};
use crate::vpim::Envelope;

/// RFC 3801 4.1.2: the address of senders that cannot be answered. Mail to it has no mailbox.
const NON_MAIL_USER: &str = "non-mail-user";

/// Too many recipients (RFC 3463 3.6): the client sends the message again for those refused so.
const APART: (u8, u8, u8) = (4, 5, 3);

/// The refusal of one more recipient; `None` where the message is taken for it. `envelope` holds those
/// taken before, and what the directory said of all.
pub fn refused_recipient(settings: &Settings, envelope: &Envelope, path: &str) -> Option<Reply> {
    let reply = |code, enhanced, text: &str| Some(Reply { code, enhanced, lines: vec![text.to_owned()] });
    if is_non_mail_user(path) {
        let text = "vpim2-non-mail-user-reject (RFC 3801 section 4.1.2): \
                    this address stands for a caller without mailbox";
        let (code, enhanced) = replies::reply("vpim2-non-mail-user-reject");
        return reply(code, enhanced, text);
    }
    if let Some(reply) = listed::refused_recipient(settings, envelope, path) {
        return Some(reply);
    }
    if let EarlyRoute::Known(Some(route)) = settings.early_route(envelope, path)
        && let Some(refusal) = no_mailbox(route, settings, path)
    {
        return Some(refusal);
    }
    if let Some(most) = settings.full_with(envelope, path) {
        let text = format!("This destination takes {most} recipients of a message, send the rest separately");
        return reply(452, APART, &text);
    }
    if !settings.can_share(envelope, path) {
        // RFC 5321 4.5.3.1.10: the client sends the message again for those refused so.
        return reply(452, APART, "Recipient needs a message of another form, send it separately");
    }
    None
}

/// The refusal of a recipient where the destination of its route has no mailbox of that kind, by the number it
/// knows it by. Somebody reads the mail of the postmaster wherever it is (RFC 5321 4.5.1).
pub(super) fn no_mailbox(route: &Route, settings: &Settings, path: &str) -> Option<Reply> {
    let bounds = &settings.profiles.get(&route.profile)?.bounds;
    let most = bounds.mailbox_digits?;
    let new = renumbered(&route.numbers, Place::Recipient, path);
    let address = mailbox(new.as_deref().unwrap_or(path));
    let local = address.rsplit_once('@').map_or(address, |(local, _)| local);
    if bounds.takes_mailbox(local) || local.eq_ignore_ascii_case("postmaster") {
        return None;
    }
    let text = format!("Mailboxes of this destination are numbers of at most {most} digits");
    Some(Reply { code: 550, enhanced: (5, 1, 3), lines: vec![text] })
}

fn is_non_mail_user(path: &str) -> bool {
    let local = path.rsplit_once('@').map_or(path, |(local, _)| local);
    let local = local.rsplit_once(':').map_or(local, |(_, l)| l);
    local.trim_matches('"').eq_ignore_ascii_case(NON_MAIL_USER)
}

/// What becomes of a message for some of its recipients.
#[derive(Clone, Debug, PartialEq)]
pub struct Copy {
    /// The recipients.
    pub recipients: Vec<String>,
    /// What is done.
    pub outcome: Outcome,
}

/// What becomes of a message for all its recipients.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Foresight {
    /// Recipients refused at RCPT, for good or until the directory can be asked.
    pub refused: Vec<(String, Reply)>,
    /// The message as it goes through for those taken together, then as the client sends it again for those
    /// that were put off, until nobody is left.
    pub copies: Vec<Copy>,
}

/// What enforce mode does with a message for the recipients of its envelope: recipients are told apart as at
/// RCPT, and each group gets what [`process`] gives it.
pub fn foresee(raw: &[u8], envelope: &Envelope, settings: &Settings, ambient: &Ambient) -> Foresight {
    let settings = Settings { mode: Mode::Enforce, ..settings.clone() };
    let mut foresight = Foresight::default();
    let mut left: Vec<String> = envelope.rcpt_to.clone();
    // Each turn takes one at least: the first shares with nobody.
    while let [_, ..] = left.as_slice() {
        let mut group = Envelope { rcpt_to: Vec::new(), rcpt_parameters: Vec::new(), ..envelope.clone() };
        let mut later = Vec::new();
        for path in left {
            match refused_recipient(&settings, &group, &path) {
                None => group.rcpt_to.push(path),
                Some(reply) if reply.enhanced == APART => later.push(path),
                Some(reply) => foresight.refused.push((path, reply)),
            }
        }
        left = later;
        if !group.rcpt_to.is_empty() {
            let outcome = process(raw, &group, &settings, ambient);
            foresight.copies.push(Copy { recipients: group.rcpt_to, outcome });
        }
    }
    if envelope.rcpt_to.is_empty() {
        let outcome = process(raw, envelope, &settings, ambient);
        foresight.copies.push(Copy { recipients: Vec::new(), outcome });
    }
    foresight
}
