//! How the probe presents itself: what it offers, who the client is, which macros it knows.

use super::apply::path_of;
use super::reply::Stage;
use std::collections::BTreeMap;
use std::time::Duration;

/// Settings of a connection. The default is what Postfix 3.7 does for a client from 192.0.2.1.
#[derive(Clone, Debug)]
pub struct Options {
    /// Protocol version offered.
    pub version: u32,
    /// `SMFIF_` bits offered.
    pub actions: u32,
    /// `SMFIP_` bits offered.
    pub protocol: u32,
    /// Longest wait for one reply; PROGRESS starts it anew.
    pub timeout: Duration,
    /// Longest wait for a whole message, whatever PROGRESS says.
    pub message_timeout: Duration,
    /// Name of the client (its PTR record), `[address]` when unknown.
    pub client_name: String,
    /// Address of the client: IPv4 or IPv6 in text, anything else is sent as an unknown family.
    pub client_address: String,
    /// Port of the client.
    pub client_port: u16,
    /// HELO argument.
    pub helo: String,
    /// Queue id of the first message; later ones on the connection get a number behind it. Macro `i`
    /// has it from the second recipient on, as in Postfix.
    pub queue_id: String,
    /// Octets of the body in one packet; 1 to deliver it octet by octet.
    pub chunk_octets: usize,
    /// Macros that are set besides or instead of the usual ones, such as `{auth_authen}`.
    pub macros: BTreeMap<String, String>,
}

impl Default for Options {
    fn default() -> Self {
        Options {
            version: 6,
            actions: 0x1ff,
            protocol: 0x1f_ffff,
            timeout: Duration::from_secs(30),
            message_timeout: Duration::from_secs(300),
            client_name: "client.example.test".into(),
            client_address: "192.0.2.1".into(),
            client_port: 49_152,
            helo: "client.example.test".into(),
            queue_id: "4Probe0000z1".into(),
            chunk_octets: 65_535,
            macros: BTreeMap::new(),
        }
    }
}

impl Options {
    /// The oldest protocol still spoken: version 2 knows no DATA command, no SKIP, no silent
    /// commands and only the first six actions (`SMFI_V2_ACTS`, `SMFI_V2_PROT` of libmilter).
    pub fn version_2() -> Self {
        Options { version: 2, actions: 0x3f, protocol: 0x7f, ..Options::default() }
    }
}

/// Macros Postfix sends unless the milter asked for others (`milter_connect_macros` and so on).
fn usual(stage: Stage) -> &'static [&'static str] {
    match stage {
        Stage::Connect => &["j", "{daemon_name}", "{daemon_addr}", "v", "_"],
        Stage::Helo => &["{tls_version}", "{cipher}", "{cipher_bits}", "{cert_subject}", "{cert_issuer}"],
        Stage::Mail => &[
            "i",
            "{auth_type}",
            "{auth_authen}",
            "{auth_author}",
            "{mail_addr}",
            "{mail_host}",
            "{mail_mailer}",
        ],
        Stage::Rcpt => &["i", "{rcpt_addr}", "{rcpt_host}", "{rcpt_mailer}"],
        Stage::Data | Stage::Header | Stage::EndOfHeaders | Stage::Body | Stage::EndOfMessage => &["i"],
        Stage::Negotiate | Stage::Abort | Stage::Quit => &[],
    }
}

/// The values known at one moment of the session.
pub(super) struct Macros<'a> {
    pub options: &'a Options,
    pub requested: &'a [(Stage, Vec<String>)],
    /// MAIL argument, once there is one.
    pub sender: Option<&'a str>,
    /// RCPT argument.
    pub recipient: Option<&'a str>,
    /// The queue id, once the queue file exists.
    pub queue_id: Option<&'a str>,
}

impl Macros<'_> {
    /// Data of the macro packet for `stage`: names and values, those without a value left out.
    pub fn packet(&self, stage: Stage) -> Vec<u8> {
        let mut data = vec![stage.octet()];
        for name in self.names(stage) {
            let Some(value) = self.value(&name) else { continue };
            data.extend_from_slice(name.as_bytes());
            data.push(0);
            data.extend(value.bytes().filter(|&b| b != 0));
            data.push(0);
        }
        data
    }

    fn names(&self, stage: Stage) -> Vec<String> {
        match self.requested.iter().find(|(s, _)| *s == stage) {
            Some((_, names)) => names.clone(),
            // A macro of the caller's is sent at MAIL even if Postfix would not know it.
            None if stage == Stage::Mail => {
                let mut names: Vec<String> = usual(stage).iter().map(|n| (*n).to_owned()).collect();
                names.extend(self.options.macros.keys().filter(|k| !is_usual(k)).cloned());
                names
            }
            None => usual(stage).iter().map(|n| (*n).to_owned()).collect(),
        }
    }

    fn value(&self, name: &str) -> Option<String> {
        let o = self.options;
        if let Some(value) = o.macros.get(name) {
            return Some(value.clone());
        }
        let address = |argument: &str| path_of(argument).trim_matches(['<', '>']).to_owned();
        let host =
            |argument: &str| address(argument).rsplit_once('@').map_or_else(String::new, |x| x.1.to_owned());
        match name.trim_matches(['{', '}']) {
            "j" => Some("mx.example.test".into()),
            "v" => Some(concat!("vpim-milter probe ", env!("CARGO_PKG_VERSION")).into()),
            "_" => Some(format!("{} [{}]", o.client_name, o.client_address)),
            "daemon_name" => Some("mx.example.test".into()),
            "daemon_addr" => Some("192.0.2.25".into()),
            "daemon_port" => Some("25".into()),
            "client_addr" => Some(o.client_address.clone()),
            "client_name" | "client_ptr" => Some(o.client_name.clone()),
            "client_port" => Some(o.client_port.to_string()),
            "client_connections" => Some("1".into()),
            "i" => self.queue_id.map(str::to_owned),
            "mail_addr" => self.sender.map(address),
            "mail_host" => self.sender.map(host),
            "mail_mailer" => self.sender.map(|_| "smtp".into()),
            // Postfix folds the address in these macros, not in the command.
            "rcpt_addr" => self.recipient.map(|r| address(r).to_lowercase()),
            "rcpt_host" => self.recipient.map(|r| host(r).to_lowercase()),
            "rcpt_mailer" => self.recipient.map(|_| "smtp".into()),
            _ => None,
        }
    }
}

fn is_usual(name: &str) -> bool {
    [Stage::Connect, Stage::Helo, Stage::Mail, Stage::Rcpt].iter().any(|s| usual(*s).contains(&name))
}
