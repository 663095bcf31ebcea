//! Routes: which profile a recipient gets. The first that matches wins.

use ipnet::IpNet;

/// Conditions of a route; several kinds all hold, several values of one kind are alternatives.
/// Patterns are globs (`*`, `?`) compared without case.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Match {
    /// Networks of the client.
    pub client: Vec<IpNet>,
    /// Authenticated users.
    pub auth: Vec<String>,
    /// HELO names.
    pub helo: Vec<String>,
    /// Reverse-paths; `<>` is the null reverse-path.
    pub sender: Vec<String>,
    /// Forward-paths.
    pub recipient: Vec<String>,
    /// Header fields: name and pattern of the unfolded value.
    pub header: Vec<(String, String)>,
    /// MTA macros: name and pattern.
    pub macros: Vec<(String, String)>,
}

/// What to do with findings of a level, from mild to severe.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize,
)]
#[serde(rename_all = "kebab-case")]
pub enum Action {
    /// Say it in the results field and the log.
    #[default]
    Annotate,
    /// Hold it.
    Quarantine,
    /// Refuse it for now.
    Tempfail,
    /// Refuse the message (5.6.x or the rule's own code).
    Reject,
}

/// A route.
#[derive(Clone, Debug, PartialEq)]
pub struct Route {
    /// Name in the log.
    pub name: String,
    /// Conditions.
    pub when: Match,
    /// Name of a profile.
    pub profile: String,
    /// On findings of level MUST and MUST NOT.
    pub on_must: Action,
    /// On findings of level SHOULD and SHOULD NOT.
    pub on_should: Action,
}

impl Route {
    /// A route that takes every recipient.
    pub fn catch_all(name: &str, profile: &str) -> Self {
        Route {
            name: name.to_owned(),
            when: Match::default(),
            profile: profile.to_owned(),
            on_must: Action::default(),
            on_should: Action::default(),
        }
    }
}
