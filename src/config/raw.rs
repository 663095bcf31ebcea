//! The configuration file as it is written. Each key is documented here and nowhere else: the
//! sample file and `config show` are checked against these structs.

use crate::limits::Limits;
use crate::policy::Mode;
use crate::policy::route::Signed;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::PathBuf;
use toml::Spanned;

/// The whole configuration.
#[derive(Debug, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct File {
    /// Sockets to listen on, as libmilter or Postfix write them: `inet:8894@127.0.0.1`,
    /// `inet:127.0.0.1:8894`, `unix:/run/vpim-milter/milter.sock`.
    pub listen: Vec<Spanned<String>>,
    /// How far to go: `report` (check, label, log), `shadow` (do all the work, deliver the
    /// original), `enforce` (change messages).
    pub mode: Mode,
    /// What to do when recipients of one message need different output.
    pub split: SplitTable,
    /// The `VPIM-Results` field.
    pub results: Results,
    /// The log.
    pub log: Log,
    /// The process.
    pub daemon: Daemon,
    /// Where recipients are looked up; asked by the routes that say `directory = true`.
    pub directory: DirectoryTable,
    /// What one message may cost.
    pub limits: Limits,
    /// Profiles besides the built-in ones: `extends` and what differs.
    #[serde(skip_serializing)]
    pub profile: BTreeMap<String, serde::de::IgnoredAny>,
    /// Which recipient gets which profile; the first that matches wins.
    #[serde(skip_serializing)]
    pub route: Vec<Route>,
}

impl Default for File {
    fn default() -> Self {
        File {
            listen: vec![Spanned::new(0..0, "inet:8894@127.0.0.1".to_owned())],
            mode: Mode::default(),
            split: SplitTable::default(),
            results: Results::default(),
            log: Log::default(),
            daemon: Daemon::default(),
            directory: DirectoryTable::default(),
            limits: Limits::default(),
            profile: BTreeMap::new(),
            route: Vec::new(),
        }
    }
}

/// `[split]`.
#[derive(Debug, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct SplitTable {
    /// `defer`: 452 to the recipients that need something else, so that the client sends the message
    /// again for them. `reinject`: the largest group of recipients keeps the message, each other group
    /// is sent a copy as received through `smtp`. `first`: all get what the first recipient gets.
    pub method: Spanned<String>,
    /// Where copies go: HOST:PORT of an SMTP listener of the MTA that asks this milter too.
    pub smtp: Spanned<String>,
    /// Name for EHLO; empty: `results.authserv_id`.
    pub helo: Spanned<String>,
    /// Seconds to wait for each reply; for the one that accepts a copy at least 120.
    pub timeout_s: Spanned<u64>,
    /// File that remembers accepted copies over a restart, so that a retry does not send them again;
    /// read at start only. Empty: they are remembered while the daemon runs.
    pub journal: Spanned<PathBuf>,
}

impl Default for SplitTable {
    fn default() -> Self {
        SplitTable {
            method: Spanned::new(0..0, "defer".to_owned()),
            smtp: Spanned::new(0..0, String::new()),
            helo: Spanned::new(0..0, String::new()),
            timeout_s: Spanned::new(0..0, 30),
            journal: Spanned::new(0..0, PathBuf::new()),
        }
    }
}

/// `[directory]`.
#[derive(Debug, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct DirectoryTable {
    /// Whom to ask, the first that knows the mailbox answers: `file`, `ldap`, `enum`.
    pub order: Vec<Spanned<String>>,
    /// Domains of which the directory knows every mailbox, as globs: others there are refused with 5.1.1.
    pub domains: Patterns,
    /// Milliseconds for one answer in all.
    pub timeout_ms: Spanned<u64>,
    /// A file.
    pub file: FileTable,
    /// A directory server (LDAP).
    pub ldap: LdapTable,
    /// Numbers in the DNS (ENUM).
    #[serde(rename = "enum")]
    pub enum_dns: EnumTable,
    /// What is kept of the answers.
    pub cache: CacheTable,
}

impl Default for DirectoryTable {
    fn default() -> Self {
        DirectoryTable {
            order: Vec::new(),
            domains: Patterns::default(),
            timeout_ms: Spanned::new(0..0, 2_000),
            file: FileTable::default(),
            ldap: LdapTable::default(),
            enum_dns: EnumTable::default(),
            cache: CacheTable::default(),
        }
    }
}

/// `[directory.file]`.
#[derive(Debug, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct FileTable {
    /// CSV whose first line names the columns (`number`, `mailbox`, `audio`, `seconds`, `status`), or an
    /// LDIF export with attributes of RFC 4237.
    pub path: Spanned<PathBuf>,
}

impl Default for FileTable {
    fn default() -> Self {
        FileTable { path: Spanned::new(0..0, PathBuf::new()) }
    }
}

/// `[directory.ldap]`.
#[derive(Debug, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct LdapTable {
    /// `ldap://HOST:PORT`, `ldaps://...`, `ldapi://...`.
    pub url: Spanned<String>,
    /// Begin TLS on an `ldap://` connection.
    pub starttls: bool,
    /// Where the search begins, with everything below.
    pub base: Spanned<String>,
    /// Name to bind with; empty: anonymous.
    pub bind_dn: Spanned<String>,
    /// File with the password for it.
    pub password_file: Spanned<PathBuf>,
    /// Filter with `{number}`, `{address}`, `{local}`, `{domain}`; empty: by vPIMTelephoneNumber,
    /// telephoneNumber or vPIMRfc822Mailbox (RFC 4237).
    pub filter: Spanned<String>,
    /// Attributes and values of mailboxes that take no messages; the value `*` is any.
    pub blocked: Vec<Spanned<String>>,
    /// Milliseconds for one answer.
    pub timeout_ms: Spanned<u64>,
}

impl Default for LdapTable {
    fn default() -> Self {
        let empty = || Spanned::new(0..0, String::new());
        LdapTable {
            url: empty(),
            starttls: false,
            base: empty(),
            bind_dn: empty(),
            password_file: Spanned::new(0..0, PathBuf::new()),
            filter: empty(),
            blocked: vec![Spanned::new(0..0, "vPIMExtendedAbsenceStatus=MsgBlocked".to_owned())],
            timeout_ms: Spanned::new(0..0, 1_500),
        }
    }
}

/// `[directory.enum]`.
#[derive(Debug, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct EnumTable {
    /// The zone numbers are below.
    pub zone: Spanned<String>,
    /// Name servers, with port where it is not 53; empty: those of the system.
    pub servers: Vec<Spanned<String>>,
    /// Milliseconds for one answer.
    pub timeout_ms: Spanned<u64>,
}

impl Default for EnumTable {
    fn default() -> Self {
        EnumTable {
            zone: Spanned::new(0..0, "e164.arpa".to_owned()),
            servers: Vec::new(),
            timeout_ms: Spanned::new(0..0, 1_000),
        }
    }
}

/// `[directory.cache]`.
#[derive(Debug, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct CacheTable {
    /// How long a mailbox is kept.
    pub seconds: Spanned<u64>,
    /// How long it is kept that nobody knows a mailbox.
    pub negative_seconds: Spanned<u64>,
    /// How long a mailbox is kept for while its source fails.
    pub stale_seconds: Spanned<u64>,
}

impl Default for CacheTable {
    fn default() -> Self {
        CacheTable {
            seconds: Spanned::new(0..0, 300),
            negative_seconds: Spanned::new(0..0, 60),
            stale_seconds: Spanned::new(0..0, 3_600),
        }
    }
}

/// `[results]`.
#[derive(Debug, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Results {
    /// Add the `VPIM-Results` field to voice and fax mail.
    pub enabled: bool,
    /// Name of this administrative domain in the field (RFC 8601 2.2); empty: the host name.
    pub authserv_id: Spanned<String>,
    /// File with the secret that seals our own fields, at least 16 octets; several machines that
    /// pass mail to each other share it. Empty: a secret derived from this machine's id.
    pub key_file: Spanned<PathBuf>,
}

impl Default for Results {
    fn default() -> Self {
        Results {
            enabled: true,
            authserv_id: Spanned::new(0..0, String::new()),
            key_file: Spanned::new(0..0, PathBuf::new()),
        }
    }
}

/// How log lines are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
#[allow(missing_docs)]
pub enum LogFormat {
    #[default]
    Text,
    Json,
}

/// Which log lines are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
#[allow(missing_docs)]
pub enum LogLevel {
    Error,
    Warn,
    #[default]
    Info,
    Debug,
    Trace,
}

/// `[log]`; read at start only.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Log {
    /// `text` or `json`, to standard error.
    pub format: LogFormat,
    /// `error`, `warn`, `info`, `debug` or `trace`; the line for each message is `info`.
    pub level: LogLevel,
    /// Write a keyed hash of each address instead of the address.
    pub hash_addresses: bool,
}

/// What to answer when the daemon itself fails.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum OnFailure {
    /// 451, so that the client keeps the message and tries again.
    #[default]
    Tempfail,
    /// Deliver the message as it came.
    Accept,
}

/// `[daemon]`; all but `on_failure` is read at start only.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Daemon {
    /// Connections open at one time; further ones wait. Set it above the MTA's process limit.
    pub max_connections: Spanned<usize>,
    /// Threads that work on messages; 0: one for each core.
    pub workers: usize,
    /// Octets of all messages in memory at one time.
    pub memory_bytes: Spanned<usize>,
    /// Access mode of Unix sockets in octal digits, `"0660"`.
    pub socket_mode: Spanned<String>,
    /// What to answer when the daemon itself fails: `tempfail` or `accept` (unchanged).
    pub on_failure: OnFailure,
}

impl Default for Daemon {
    fn default() -> Self {
        Daemon {
            max_connections: Spanned::new(0..0, 1_024),
            workers: 0,
            memory_bytes: Spanned::new(0..0, 512 << 20),
            socket_mode: Spanned::new(0..0, "0660".to_owned()),
            on_failure: OnFailure::default(),
        }
    }
}

/// `[[route]]`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Route {
    /// Name in the log.
    pub name: Spanned<String>,
    /// Conditions; several keys all hold, without any the route matches everything.
    #[serde(default, rename = "match")]
    pub when: Match,
    /// What the recipients get: a built-in profile or one of `[profile.NAME]`.
    pub profile: Spanned<String>,
    /// On findings of level MUST: `annotate`, `repair`, `reject`, `tempfail`, `quarantine`.
    pub on_must: Option<Spanned<String>>,
    /// On findings of level SHOULD.
    pub on_should: Option<Spanned<String>>,
    /// On findings of single rules: ids or globs of ids, and an action. The longest that matches
    /// holds, whatever the level.
    #[serde(default)]
    pub rules: BTreeMap<Spanned<String>, Spanned<String>>,
    /// Which number the destination knows a mailbox by; the first that matches holds.
    #[serde(default)]
    pub numbers: Vec<Spanned<NumberRule>>,
    /// A message with DKIM or ARC signatures: `rewrite` it and name those that no longer verify, or
    /// `leave` it as it came.
    #[serde(default)]
    pub signed: Signed,
    /// Ask the directory about each recipient: mail goes to the mailbox it names, in a form that mailbox
    /// takes; a recipient that is blocked or unknown is refused, for now where the directory is down.
    pub directory: Option<Spanned<bool>>,
}

/// A number rule: `{ match = "44??", prefix = "604555" }` makes 6045554411 of 4411.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NumberRule {
    /// The numbers it is for, separators left out: `?` is one digit, `*` any; before it perhaps a
    /// selector (`FAX=*`), behind it a domain (`44??@*.example.org`).
    #[serde(rename = "match")]
    pub when: Spanned<String>,
    /// Where: `recipient`, `from`, `to`, `cc`, `reply-to`. Recipient, to and cc unless told otherwise.
    pub apply: Option<Spanned<Vec<Spanned<String>>>>,
    /// Characters to take off the front; a plus sign is one.
    #[serde(default = "nothing_stripped")]
    pub strip: Spanned<usize>,
    /// Digits to keep at the end, instead of `strip`.
    pub keep: Option<Spanned<usize>>,
    /// What to put before the rest.
    #[serde(default = "no_prefix")]
    pub prefix: Spanned<String>,
    /// Another selector: `FAX` makes `FAX=+1416...`; empty: the number alone, without selector,
    /// elements and extension.
    pub selector: Option<Spanned<String>>,
    /// Another domain.
    pub domain: Option<Spanned<String>>,
}

fn nothing_stripped() -> Spanned<usize> {
    Spanned::new(0..0, 0)
}

fn no_prefix() -> Spanned<String> {
    Spanned::new(0..0, String::new())
}

/// One value or several.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
#[allow(missing_docs)]
pub enum OneOrMore {
    One(String),
    More(Vec<String>),
}

impl Default for OneOrMore {
    fn default() -> Self {
        OneOrMore::More(Vec::new())
    }
}

impl OneOrMore {
    /// All of them.
    pub fn into_vec(self) -> Vec<String> {
        match self {
            OneOrMore::One(one) => vec![one],
            OneOrMore::More(more) => more,
        }
    }
}

/// `match` of a route. Patterns are globs (`*`, `?`), compared without case; a list means any of them.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Match {
    /// Networks of the client: `192.0.2.0/24`, `2001:db8::/32`, `192.0.2.1`.
    pub client: Vec<Spanned<String>>,
    /// Authenticated users.
    pub auth: Patterns,
    /// HELO names.
    pub helo: Patterns,
    /// Reverse-paths; `<>` is the null reverse-path.
    pub sender: Patterns,
    /// Forward-paths.
    pub recipient: Patterns,
    /// Header fields: name and patterns of the value on one line.
    pub header: BTreeMap<String, OneOrMore>,
    /// Macros of the MTA known at MAIL: name (`daemon_name` or `{daemon_name}`) and patterns.
    #[serde(rename = "macro")]
    pub macros: BTreeMap<Spanned<String>, OneOrMore>,
}

/// A list of globs, each with its place in the file.
#[derive(Debug, Default, Deserialize, Serialize)]
#[serde(transparent)]
pub struct Patterns(pub Vec<Spanned<String>>);
