//! What the directory's answers change of routes and profiles: who is asked about, what a mailbox needs
//! other than the profile says.

use super::numbers::{Place, renumbered};
use super::{EarlyRoute, Profile, Route, Settings};
use crate::media::audio::coding;
use crate::vpim::listing::{Listing, Lookup};
use crate::vpim::{Envelope, envelope::bare_path};
use std::borrow::Cow;
use wildmatch::WildMatch;

/// Media types that audio becomes where a mailbox takes none of those its profile makes, in order of
/// preference. Every VPIM mailbox takes the first (RFC 4237 2.5).
const ALWAYS: [&str; 5] = ["audio/32KADPCM", "audio/basic", "audio/wav", "audio/mpeg", "audio/amr"];

/// What a mailbox needs other than the profile of its route says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Wants {
    /// Media type that audio becomes.
    audio: Option<String>,
    /// Audio taken as it is, as `Profile::audio_accepted` has it.
    accepted: Option<Vec<String>>,
    /// Seconds of voice it has room for.
    seconds: Option<u32>,
}

impl Wants {
    /// What a listing asks for of this profile.
    fn new(profile: &Profile, listing: &Listing) -> Self {
        let mut wants = Wants { seconds: listing.seconds, ..Wants::default() };
        let Some(audio) = profile.audio.as_ref().filter(|_| !listing.audio.is_empty()) else { return wants };
        let lists =
            |media_type: &&str| listing.audio.iter().any(|l| l.eq_ignore_ascii_case(essence(media_type)));
        let choices = std::iter::once(audio).chain(&profile.audio_choices).map(String::as_str);
        let chosen = choices.chain(ALWAYS).find(lists).unwrap_or(ALWAYS[0]);
        let mut accepted: Vec<String> = Vec::new();
        for listed in listing.audio.iter().filter_map(|l| coding(l)).chain(coding(essence(chosen))) {
            let both = profile.audio_accepted.iter().filter_map(|own| narrower(own, &listed));
            accepted.extend(both.map(str::to_owned));
        }
        accepted.extend(coding(essence(chosen)));
        accepted.sort();
        accepted.dedup();
        wants.audio = Some(chosen.to_owned()).filter(|c| c != audio);
        wants.accepted = Some(accepted);
        wants
    }
}

fn essence(media_type: &str) -> &str {
    media_type.split(';').next().unwrap_or_default().trim()
}

/// Of two globs of which one matches the other that one.
fn narrower<'a>(a: &'a str, b: &'a str) -> Option<&'a str> {
    match (WildMatch::new(a).matches(b), WildMatch::new(b).matches(a)) {
        (true, _) => Some(b),
        (_, true) => Some(a),
        _ => None,
    }
}

impl Settings {
    /// Whether the directory is to be asked about a recipient: a route that may be its own wants it.
    pub fn asks_directory(&self, envelope: &Envelope, recipient: &str) -> bool {
        self.candidates(envelope, recipient).any(|route| route.directory)
    }

    /// The address the directory is asked about: that of the recipient after the number rules of its route,
    /// which know what an extension is short for.
    pub fn asked_address(&self, envelope: &Envelope, recipient: &str) -> String {
        let route = self.candidates(envelope, recipient).find(|route| route.directory);
        let numbers = route.map_or(&[][..], |r| r.numbers.as_slice());
        renumbered(numbers, Place::Recipient, recipient).unwrap_or_else(|| bare_path(recipient).to_owned())
    }

    /// What the directory said of a recipient, where this route wants to know.
    pub fn listed<'a>(
        &self,
        route: Option<&Route>,
        envelope: &'a Envelope,
        recipient: &str,
    ) -> Option<&'a Lookup> {
        route.filter(|r| r.directory).and_then(|_| envelope.directory.get(recipient))
    }

    /// What it said of a recipient at RCPT, where no header field can change the route.
    pub fn early_listed<'a>(&self, envelope: &'a Envelope, recipient: &str) -> Option<&'a Lookup> {
        match self.early_route(envelope, recipient) {
            EarlyRoute::Known(route) => self.listed(route, envelope, recipient),
            EarlyRoute::NeedsHeader => None,
        }
    }

    /// Whether the directory knows every mailbox of the domain of an address.
    pub fn is_directory_domain(&self, address: &str) -> bool {
        let domain = address.rsplit_once('@').map_or("", |(_, domain)| domain);
        self.directory_domains.iter().any(|glob| WildMatch::new_case_insensitive(glob).matches(domain))
    }

    /// What a recipient needs other than the profile of its route says.
    pub fn wants(&self, route: Option<&Route>, envelope: &Envelope, recipient: &str) -> Wants {
        let profile = route.and_then(|r| self.profiles.get(&r.profile));
        match (profile, self.listed(route, envelope, recipient)) {
            (Some(profile), Some(Lookup::Listed(listing))) => Wants::new(profile, listing),
            _ => Wants::default(),
        }
    }

    /// The profile for the recipients of an envelope, who all need the same: that of the route, with the
    /// audio their mailboxes take.
    pub fn profile_for(&self, route: &Route, envelope: &Envelope) -> Option<Cow<'_, Profile>> {
        let profile = self.profiles.get(&route.profile)?;
        let wants = self.first_wants(route, envelope);
        if wants == Wants::default() {
            return Some(Cow::Borrowed(profile));
        }
        let mut own = profile.clone();
        if let Some(audio) = wants.audio {
            own.target.get_or_insert_default().audio.push(essence(&audio).to_owned());
            own.audio = Some(audio);
        }
        own.audio_accepted = wants.accepted.unwrap_or(own.audio_accepted);
        own.bounds.seconds = [own.bounds.seconds, wants.seconds].into_iter().flatten().min();
        Some(Cow::Owned(own))
    }

    /// Seconds of voice that the mailboxes of the recipients have room for, where the directory says so.
    pub fn mailbox_seconds(&self, route: &Route, envelope: &Envelope) -> Option<u32> {
        self.first_wants(route, envelope).seconds
    }

    fn first_wants(&self, route: &Route, envelope: &Envelope) -> Wants {
        let first = envelope.rcpt_to.first().map(|first| self.wants(Some(route), envelope, first));
        first.unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::Split;
    use crate::policy::profile::builtin;

    fn listing(audio: &[&str]) -> Listing {
        Listing { audio: audio.iter().map(|a| (*a).to_owned()).collect(), ..Listing::default() }
    }

    #[test]
    fn audio_becomes_the_first_of_the_profile_that_the_mailbox_takes() {
        let profiles = builtin();
        let chosen = |profile: &Profile, audio: &[&str]| Wants::new(profile, &listing(audio)).audio;
        let desktop = &profiles["desktop"];
        let own = desktop.audio.clone().unwrap().to_ascii_lowercase();
        assert_eq!(chosen(desktop, &[&own, "audio/basic"]), None);
        assert_eq!(chosen(desktop, &["audio/basic"]).as_deref(), Some("audio/basic"));
        assert_eq!(chosen(desktop, &["audio/basic", "audio/32kadpcm"]).as_deref(), Some("audio/32KADPCM"));
        assert_eq!(chosen(desktop, &["audio/x-unheard-of"]).as_deref(), Some("audio/32KADPCM"));
        assert_eq!(chosen(desktop, &[]), None);
        let choosy = Profile { audio_choices: vec!["audio/basic".into()], ..desktop.clone() };
        assert_eq!(chosen(&choosy, &["audio/32kadpcm", "audio/basic"]).as_deref(), Some("audio/basic"));
    }

    #[test]
    fn what_the_mailbox_does_not_take_is_not_left_as_it_is() {
        let profile = Profile {
            audio_accepted: vec!["wav/*".into(), "raw/g726-32".into(), "mp3/mp3".into()],
            ..builtin()["desktop"].clone()
        };
        let accepted = |audio: &[&str]| Wants::new(&profile, &listing(audio)).accepted.unwrap();
        assert_eq!(accepted(&["audio/32kadpcm"]), ["raw/g726-32"]);
        assert_eq!(accepted(&["audio/wav", "audio/32kadpcm"]), ["raw/g726-32", "wav/*"]);
    }

    #[test]
    fn recipients_whose_mailboxes_differ_do_not_share_a_message() {
        let mut settings = Settings::for_profile("desktop", "mx.test");
        settings.routes[0].directory = true;
        let mut envelope = Envelope { rcpt_to: vec!["a@x.test".into()], ..Envelope::default() };
        for (who, seconds) in [("a@x.test", Some(180)), ("b@x.test", None), ("c@x.test", Some(180))] {
            let listing = Listing { mailbox: who.into(), seconds, ..Listing::default() };
            envelope.directory.insert(who.into(), Lookup::Listed(listing));
        }
        assert!(!settings.can_share(&envelope, "b@x.test") && settings.can_share(&envelope, "c@x.test"));
        let bounds = |s: &Settings| s.profile_for(&s.routes[0], &envelope).unwrap().bounds.seconds;
        assert_eq!(bounds(&settings), Some(180));
        settings.profiles.get_mut("desktop").unwrap().bounds.seconds = Some(60);
        assert_eq!(bounds(&settings), Some(60));
        settings.split = Split::First;
        assert!(settings.can_share(&envelope, "b@x.test"));
        settings.split = Split::Defer;
        settings.routes[0].directory = false;
        assert!(settings.can_share(&envelope, "b@x.test"));
    }

    #[test]
    fn the_directory_is_asked_by_the_number_that_number_rules_make() {
        let text = "[[route]]\nname = \"r\"\nprofile = \"vpim2\"\ndirectory = true\n\
            numbers = [{ match = \"12??\", prefix = \"+1613555\" }]\nmatch.recipient = [\"*@x.test\"]\n\
            [directory]\norder = [\"enum\"]\n";
        let settings = crate::config::load_text(&[("t", text)], builtin()).unwrap().settings;
        let envelope = Envelope::default();
        assert_eq!(settings.asked_address(&envelope, "1234@x.test"), "+16135551234@x.test");
        assert_eq!(settings.asked_address(&envelope, "pat@x.test"), "pat@x.test");
        assert!(settings.asks_directory(&envelope, "pat@x.test"));
        assert!(!settings.asks_directory(&envelope, "pat@y.test"));
    }
}
