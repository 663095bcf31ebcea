//! What is asked of the MTA when a session begins (SMFIC_OPTNEG, protocol version 6 and below).
//!
//! Actions, the least the configuration needs, each only if offered:
//!
//! | mode | actions |
//! | --- | --- |
//! | shadow | none |
//! | report | ADDHDRS + CHGHDRS while `results.enabled`, else none |
//! | enforce | ADDHDRS + CHGHDRS; CHGBODY while a route's profile changes messages; QUARANTINE while a route can quarantine; ADDRCPT, ADDRCPT_PAR and DELRCPT while a route has number rules for recipients or asks the directory; DELRCPT while `split.method` is `reinject` |
//!
//! ADDHDRS covers SMFIR_INSHEADER too, CHGHDRS is change and deletion. SETSYMLIST is used whenever it
//! is offered. Never CHGFROM: the reverse-path is not ours.
//!
//! Protocol, each only if offered:
//!
//! | bits | when |
//! | --- | --- |
//! | NOCONNECT | SETSYMLIST is offered: `{client_addr}` then comes with MAIL |
//! | NOHELO | no route looks at HELO |
//! | NODATA, NOUNKNOWN | always |
//! | NR_HELO, NR_MAIL, NR_HDR | always: these are never refused |
//! | NR_RCPT | report and shadow: in enforce a recipient can be refused (`non-mail-user@`, directory, split) |
//! | SKIP | always: ends the body of a message that is too large |
//! | HDR_LEADSPC | always: field values octet for octet |
//!
//! EOH, BODY and EOM answer always: ordinary mail is accepted at EOH, the body can be skipped or
//! refused for now when memory is short, and its replies are the back-pressure on the MTA.
//!
//! Limit: an empty offer (no action bit, or no protocol bit) is read by the protocol library, as by
//! libmilter, as the defaults of version 1; an MTA that truly offers nothing refuses the answer.

use crate::policy::numbers::Place;
use crate::policy::profile::Refusal;
use crate::policy::route::{Action, Route};
use crate::policy::{Mode, Settings, Split};

/// `SMFIF_` bits.
#[allow(missing_docs)]
pub mod action {
    pub const ADDHDRS: u32 = 0x01;
    pub const CHGBODY: u32 = 0x02;
    pub const ADDRCPT: u32 = 0x04;
    pub const DELRCPT: u32 = 0x08;
    pub const CHGHDRS: u32 = 0x10;
    pub const QUARANTINE: u32 = 0x20;
    pub const ADDRCPT_PAR: u32 = 0x80;
    pub const SETSYMLIST: u32 = 0x100;
}

/// `SMFIP_` bits.
#[allow(missing_docs)]
pub mod protocol {
    pub const NOCONNECT: u32 = 0x1;
    pub const NOHELO: u32 = 0x2;
    pub const NR_HDR: u32 = 0x80;
    pub const NOUNKNOWN: u32 = 0x100;
    pub const NODATA: u32 = 0x200;
    pub const SKIP: u32 = 0x400;
    pub const NR_HELO: u32 = 0x2000;
    pub const NR_MAIL: u32 = 0x4000;
    pub const NR_RCPT: u32 = 0x8000;
    pub const HDR_LEADSPC: u32 = 0x10_0000;
}

/// What is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Terms {
    /// `SMFIF_` bits.
    pub actions: u32,
    /// `SMFIP_` bits.
    pub protocol: u32,
    /// `SMFIF_` bits the configuration needs and the MTA does not offer.
    pub missing: u32,
}

impl Terms {
    /// Whether all of these bits were agreed on.
    pub fn allows(self, action: u32) -> bool {
        self.actions & action == action
    }

    /// Whether a stage with this NR bit is silent.
    pub fn has(self, protocol: u32) -> bool {
        self.protocol & protocol == protocol
    }
}

/// What to ask for of what is offered.
pub fn terms(settings: &Settings, offered_actions: u32, offered_protocol: u32) -> Terms {
    let wanted = wanted_actions(settings);
    let actions = (wanted | action::SETSYMLIST) & offered_actions;
    let mut bits = protocol::NODATA
        | protocol::NOUNKNOWN
        | protocol::NR_HELO
        | protocol::NR_MAIL
        | protocol::NR_HDR
        | protocol::SKIP
        | protocol::HDR_LEADSPC;
    if actions & action::SETSYMLIST != 0 {
        bits |= protocol::NOCONNECT;
    }
    if settings.routes.iter().all(|r| r.when.helo.is_empty()) {
        bits |= protocol::NOHELO;
    }
    if settings.mode != Mode::Enforce {
        bits |= protocol::NR_RCPT;
    }
    Terms { actions, protocol: bits & offered_protocol, missing: wanted & !offered_actions }
}

fn wanted_actions(settings: &Settings) -> u32 {
    let headers = action::ADDHDRS | action::CHGHDRS;
    match settings.mode {
        Mode::Shadow => 0,
        Mode::Report if settings.results.enabled => headers,
        Mode::Report => 0,
        Mode::Enforce => {
            let profiles = || settings.routes.iter().filter_map(|r| settings.profiles.get(&r.profile));
            let body = profiles().any(|p| p.changes())
                || settings.routes.iter().flat_map(Route::actions).any(|a| a == Action::Repair);
            let hold = profiles().any(|p| p.cannot_convert == Refusal::Quarantine)
                || settings.routes.iter().flat_map(Route::actions).any(|a| a == Action::Quarantine);
            let renumbered =
                |r: &Route| r.directory || r.numbers.iter().any(|n| n.places.contains(&Place::Recipient));
            let optional = [
                (body, action::CHGBODY),
                (hold, action::QUARANTINE),
                (settings.split == Split::Reinject, action::DELRCPT),
                (
                    settings.routes.iter().any(renumbered),
                    action::ADDRCPT | action::ADDRCPT_PAR | action::DELRCPT,
                ),
            ];
            optional.iter().filter(|(wanted, _)| *wanted).fold(headers, |bits, (_, bit)| bits | bit)
        }
    }
}

/// What does not work without an action, for the log.
pub fn consequences(missing: u32) -> Vec<(&'static str, &'static str)> {
    [
        (action::ADDHDRS, "SMFIF_ADDHDRS", "no field can be added: no VPIM-Results, no conversion"),
        (action::CHGHDRS, "SMFIF_CHGHDRS", "no field can be changed or removed: no conversion"),
        (action::CHGBODY, "SMFIF_CHGBODY", "no body can be replaced: nothing is converted"),
        (action::DELRCPT, "SMFIF_DELRCPT", "no recipient can be taken off: recipients are not split"),
        (
            action::QUARANTINE,
            "SMFIF_QUARANTINE",
            "nothing can be quarantined: such mail is delivered unchanged",
        ),
        (action::ADDRCPT, "SMFIF_ADDRCPT", "no recipient gets another number: such mail stays as it is"),
        (action::DELRCPT, "SMFIF_DELRCPT", "no recipient gets another number: such mail stays as it is"),
        (
            action::ADDRCPT_PAR,
            "SMFIF_ADDRCPT_PAR",
            "recipients with parameters of RCPT (DSN) get no other number: such mail stays as it is",
        ),
    ]
    .into_iter()
    .filter(|(bit, _, _)| missing & bit != 0)
    .map(|(_, name, consequence)| (name, consequence))
    .collect()
}

/// Macros to ask for: stage (libmilter's SMFIM_ number) and names. Macros of routes come with MAIL.
pub fn macros(settings: &Settings) -> Vec<(i32, String)> {
    let mut mail = vec!["i".to_owned(), "{auth_authen}".to_owned(), "{client_addr}".to_owned()];
    for (name, _) in settings.routes.iter().flat_map(|r| &r.when.macros) {
        let name = match name.len() {
            1 => name.clone(),
            _ if name.starts_with('{') => name.clone(),
            _ => format!("{{{name}}}"),
        };
        if !mail.contains(&name) {
            mail.push(name);
        }
    }
    // CONNECT 0, HELO 1, ENVFROM 2, ENVRCPT 3, DATA 4, EOM 5, EOH 6.
    vec![(2, mail.join(" ")), (3, "i".into()), (5, "i".into()), (6, "i".into())]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config;
    use crate::policy::profile;
    use crate::policy::profile::Structure;

    fn settings(text: &str) -> Settings {
        let mut profiles = profile::builtin();
        let mut changing = profiles["untouched"].clone();
        changing.structure = Structure::Mixed;
        changing.cannot_convert = Refusal::Deliver;
        profiles.insert("changing".into(), changing);
        config::load_text(&[("t", text)], profiles).unwrap().settings
    }

    #[test]
    fn the_least_is_asked_for_in_each_mode() {
        let route = "[[route]]\nname = \"a\"\nprofile = \"changing\"\n";
        for (text, actions, protocol) in [
            ("", 0x111, 0x10_e783),
            ("[results]\nenabled = false", 0x100, 0x10_e783),
            ("mode = \"shadow\"", 0x100, 0x10_e783),
            ("mode = \"enforce\"", 0x111, 0x10_6783),
            (&format!("mode = \"enforce\"\n{route}"), 0x113, 0x10_6783),
            (&format!("mode = \"enforce\"\n{route}on_must = \"quarantine\""), 0x133, 0x10_6783),
            (
                &format!("mode = \"enforce\"\n{route}numbers = [{{ match = \"4?\", prefix = \"6\" }}]"),
                0x19f,
                0x10_6783,
            ),
            (
                &format!(
                    "mode = \"enforce\"\n{route}numbers = [{{ match = \"4?\", domain = \"x\", apply = [\"to\"] }}]"
                ),
                0x113,
                0x10_6783,
            ),
            ("mode = \"enforce\"\nsplit = { method = \"reinject\", smtp = \"h:1\" }", 0x119, 0x10_6783),
            (&format!("mode = \"enforce\"\n{route}match.helo = [\"x\"]"), 0x113, 0x10_6781),
        ] {
            let terms = terms(&settings(text), 0x1ff, 0x1f_ffff);
            assert_eq!((terms.actions, terms.protocol, terms.missing), (actions, protocol, 0), "{text}");
        }
    }

    #[test]
    fn nothing_is_asked_for_that_is_not_offered() {
        let settings = settings("mode = \"enforce\"\n[[route]]\nname = \"a\"\nprofile = \"changing\"");
        let terms = terms(&settings, 0x01, 0x7f);
        assert_eq!((terms.actions, terms.protocol, terms.missing), (0x01, 0x02, 0x12));
        let named: Vec<&str> = consequences(terms.missing).into_iter().map(|(n, _)| n).collect();
        assert_eq!(named, ["SMFIF_CHGHDRS", "SMFIF_CHGBODY"]);
    }

    #[test]
    fn macros_of_routes_are_asked_for_in_braces() {
        let settings = settings(
            "[[route]]\nname = \"a\"\nprofile = \"untouched\"\nmatch.macro = { daemon_name = \"x\", \"{auth_type}\" = \"y\", j = \"z\" }",
        );
        let macros = macros(&settings);
        let mail = &macros[0];
        assert_eq!(mail.0, 2);
        for name in ["i", "{auth_authen}", "{client_addr}", "{daemon_name}", "{auth_type}", "j"] {
            assert!(mail.1.split(' ').any(|n| n == name), "{name} in {mail:?}");
        }
    }
}
