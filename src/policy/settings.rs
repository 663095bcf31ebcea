//! The settings of the whole program.

use super::{Profiles, Route, Split};
use crate::limits::Limits;
use serde::{Deserialize, Serialize};

/// How far the daemon goes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Mode {
    /// Check, label and log.
    #[default]
    Report,
    /// Do all the work, log what would have changed, deliver the original.
    Shadow,
    /// Change messages.
    Enforce,
}

/// The `VPIM-Results` field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Results {
    /// Add the field to voice and fax mail.
    pub enabled: bool,
    /// authserv-id of the field (RFC 8601 2.2): the name of this administrative domain.
    pub authserv_id: String,
    /// Key of the seal by which our own fields are recognised on a second pass.
    pub key: Vec<u8>,
}

/// Everything the core needs to know of the configuration.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    /// How far to go.
    pub mode: Mode,
    /// Routes in order.
    pub routes: Vec<Route>,
    /// Profiles by name, built-in ones included.
    pub profiles: Profiles,
    /// Limits.
    pub limits: Limits,
    /// The results field.
    pub results: Results,
    /// What to do when recipients of one message need different output.
    pub split: Split,
    /// Domains of which the directory knows every mailbox, as globs.
    pub directory_domains: Vec<String>,
}

impl Settings {
    /// Settings of one route to `profile` for everyone, in enforce mode: what offline conversion and
    /// demonstrations use. The key of the seal is fixed, so that the same input gives the same output.
    pub fn for_profile(profile: &str, authserv_id: &str) -> Self {
        Settings {
            mode: Mode::Enforce,
            routes: vec![Route::catch_all("all", profile)],
            profiles: super::profile::builtin(),
            limits: Limits::default(),
            results: Results { enabled: true, authserv_id: authserv_id.to_owned(), key: b"offline".to_vec() },
            split: Split::default(),
            directory_domains: Vec::new(),
        }
    }
}
