//! Telephone numbers in the DNS: ENUM (RFC 6116) with the service of RFC 4238 3, E2U+VPIM:Mailto. The only
//! file that names the resolver.
//!
//! Only terminal records (flag `u`) are taken, so nothing leads from record to record; the LDAP service of
//! RFC 4238 2 is not followed, since whoever owns the zone would then say which server we talk to. Limit:
//! expressions are those of the `regex` crate, which take the leftmost alternative where POSIX takes the
//! longest.

use crate::vpim::directory::Naptr;
use crate::vpim::listing::{Listing, Query};
use hickory_resolver::TokioResolver;
use hickory_resolver::config::{
    ConnectionConfig, NameServerConfig, ResolveHosts, ResolverConfig, ResolverOpts,
};
use hickory_resolver::net::NetError;
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use hickory_resolver::proto::rr::{Name, RData, RecordType};
use regex::bytes::RegexBuilder;
use std::fs;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::sync::OnceCell;
use tokio::time::timeout;

/// Where the system says its name servers.
const SYSTEM: &str = "/etc/resolv.conf";
/// Records looked at.
const RECORDS: usize = 100;
/// Octets of an expression: a character-string has no more (RFC 1035 3.3).
const EXPRESSION: usize = 255;
/// Octets a compiled expression may have.
const COMPILED: usize = 1 << 17;
/// Octets of what an expression makes.
const RESULT: usize = 1_024;

/// What the configuration says of the zone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// The zone numbers are below: `e164.arpa`, or a private one.
    pub zone: String,
    /// Whom to ask; those of the system where there are none.
    pub servers: Vec<SocketAddr>,
    /// For one answer.
    pub timeout: Duration,
}

/// A zone of numbers.
pub struct Zone {
    settings: Settings,
    resolver: OnceCell<TokioResolver>,
}

/// The name of a number below a zone: its digits from the last to the first (RFC 6116 3.2).
pub fn domain(number: &str, zone: &str) -> String {
    let digits = number.chars().rev().filter(char::is_ascii_digit);
    digits.fold(String::new(), |name, digit| format!("{name}{digit}.")) + zone.trim_end_matches('.') + "."
}

impl Zone {
    /// A zone that was not asked yet.
    pub fn new(settings: Settings) -> Self {
        Zone { settings, resolver: OnceCell::new() }
    }

    /// What it knows; the reason where it cannot say within `time`.
    pub async fn ask(&self, query: &Query, time: Duration) -> Result<Option<Listing>, String> {
        let Some(number) = query.e164() else { return Ok(None) };
        let time = time.min(self.settings.timeout);
        let name = Name::from_ascii(domain(number, &self.settings.zone)).map_err(|e| e.to_string())?;
        let resolver = self.resolver.get_or_try_init(|| async { self.build() }).await?;
        match timeout(time, resolver.lookup(name, RecordType::NAPTR)).await {
            Ok(Ok(found)) => {
                let data = found.answers().iter().filter_map(|record| match &record.data {
                    RData::NAPTR(naptr) => Some(naptr),
                    _ => None,
                });
                let text = |octets: &[u8]| String::from_utf8_lossy(octets).into_owned();
                let records = data.take(RECORDS).map(|naptr| Naptr {
                    owner: String::new(),
                    order: (naptr.order, naptr.preference),
                    flags: text(&naptr.flags),
                    services: text(&naptr.services),
                    regexp: text(&naptr.regexp),
                    replacement: naptr.replacement.to_string(),
                });
                Ok(listing(records.collect(), number))
            }
            Ok(Err(error)) if error.is_no_records_found() && !is_failure(&error) => Ok(None),
            Ok(Err(error)) => Err(error.to_string()),
            Err(_) => Err(format!("no answer within {} ms", time.as_millis())),
        }
    }

    fn build(&self) -> Result<TokioResolver, String> {
        let provider = TokioRuntimeProvider::default();
        let servers = match self.settings.servers.as_slice() {
            [] => system_servers(&fs::read_to_string(SYSTEM).map_err(|e| format!("{SYSTEM}: {e}"))?),
            servers => servers.to_vec(),
        };
        let servers = servers.iter().map(|address| {
            let with_port = |mut connection: ConnectionConfig| {
                connection.port = address.port();
                connection
            };
            let both = [ConnectionConfig::udp(), ConnectionConfig::tcp()];
            NameServerConfig::new(address.ip(), true, both.into_iter().map(with_port).collect())
        });
        let config = ResolverConfig::from_parts(None, Vec::new(), servers.collect());
        let mut builder = TokioResolver::builder_with_config(config, provider);
        let options: &mut ResolverOpts = builder.options_mut();
        // A lost datagram is sent again once.
        options.timeout = self.settings.timeout / 2;
        options.attempts = 2;
        options.use_hosts_file = ResolveHosts::Never;
        // How long answers are kept is said in one place.
        options.positive_max_ttl = Some(Duration::ZERO);
        options.negative_max_ttl = Some(Duration::ZERO);
        builder.build().map_err(|e| e.to_string())
    }
}

/// The name servers of resolv.conf(5), that of this machine where it names none.
fn system_servers(text: &str) -> Vec<SocketAddr> {
    let addresses = text.lines().filter_map(|line| {
        let (key, value) = line.trim().split_once(char::is_whitespace)?;
        let address = value.split_whitespace().next().filter(|_| key == "nameserver")?;
        Some(SocketAddr::new(address.parse().ok()?, 53))
    });
    let mut servers: Vec<SocketAddr> = addresses.take(3).collect();
    if servers.is_empty() {
        servers.push(SocketAddr::from(([127, 0, 0, 1], 53)));
    }
    servers
}

/// No records since the server could not look: SERVFAIL, REFUSED and the like.
fn is_failure(error: &NetError) -> bool {
    use hickory_resolver::net::DnsError;
    use hickory_resolver::proto::op::ResponseCode;
    match error {
        NetError::Dns(DnsError::NoRecordsFound(none)) => {
            !matches!(none.response_code, ResponseCode::NoError | ResponseCode::NXDomain)
        }
        _ => true,
    }
}

/// The mailbox of the first record in order and preference that names one for voice messages.
fn listing(mut records: Vec<Naptr>, number: &str) -> Option<Listing> {
    records.retain(|r| r.flags.eq_ignore_ascii_case("u") && is_vpim_mailto(&r.services));
    records.sort_by_key(|r| r.order);
    // RFC 3403 4.1: once a record matches, other orders are not looked at.
    let order = records.first()?.order.0;
    let mut usable = records.iter().take_while(|r| r.order.0 == order);
    usable.find_map(|r| mailbox(&rewritten(r, number)?))
}

/// `E2U+vpim:mailto`, perhaps beside other services (RFC 6116 3.4.2.3).
fn is_vpim_mailto(services: &str) -> bool {
    let services = services.trim().to_ascii_lowercase();
    let mut all = services.split('+');
    all.next() == Some("e2u") && all.any(|s| s == "vpim:mailto")
}

/// What the expression of a record makes of a number (RFC 3402 3.2).
fn rewritten(record: &Naptr, number: &str) -> Option<String> {
    if record.regexp.len() > EXPRESSION {
        return None;
    }
    let (pattern, replacement) = record.substitution()?;
    let regex = RegexBuilder::new(pattern)
        .unicode(false)
        .case_insensitive(record.regexp.ends_with('i'))
        .size_limit(COMPILED)
        .dfa_size_limit(COMPILED)
        .nest_limit(20)
        .build()
        .ok()?;
    let groups = regex.captures(number.as_bytes())?;
    let text = |range: std::ops::Range<usize>| number.get(range);
    let whole = groups.get(0)?;
    let mut out = text(0..whole.start())?.to_owned();
    let mut characters = replacement.chars();
    while let Some(c) = characters.next() {
        match (c, characters.clone().next()) {
            ('\\', Some(digit @ '1'..='9')) => {
                characters.next();
                let group = groups.get(digit.to_digit(10)? as usize)?;
                out.push_str(text(group.range())?);
            }
            ('\\', Some(other)) => {
                characters.next();
                out.push(other);
            }
            (c, _) => out.push(c),
        }
        if out.len() > RESULT {
            return None;
        }
    }
    out.push_str(text(whole.end()..number.len())?);
    Some(out)
}

/// The mailbox of a mailto URI (RFC 6068), its header fields left out.
fn mailbox(uri: &str) -> Option<Listing> {
    let (scheme, rest) = uri.split_once(':')?;
    let address = rest.split('?').next().filter(|_| scheme.eq_ignore_ascii_case("mailto"))?;
    let mut octets = Vec::new();
    let mut bytes = address.bytes();
    while let Some(byte) = bytes.next() {
        octets.push(match byte {
            b'%' => {
                let digit = |b: Option<u8>| char::from(b?).to_digit(16);
                let (high, low) = (digit(bytes.next())?, digit(bytes.next())?);
                u8::try_from(high * 16 + low).ok()?
            }
            byte => byte,
        });
    }
    Listing::of_mailbox(std::str::from_utf8(&octets).ok()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(order: (u16, u16), flags: &str, services: &str, regexp: &str) -> Naptr {
        Naptr {
            order,
            flags: flags.into(),
            services: services.into(),
            regexp: regexp.into(),
            ..Naptr::default()
        }
    }

    fn found(records: &[Naptr]) -> Option<String> {
        listing(records.to_vec(), "+16135551234").map(|l| l.mailbox)
    }

    const GOOD: &str = "!^(.*)$!mailto:\\1@vm.example.edu!";

    #[test]
    fn a_number_is_a_name_from_its_end() {
        assert_eq!(domain("+4689761234", "e164.arpa"), "4.3.2.1.6.7.9.8.6.4.e164.arpa.");
        assert_eq!(domain("+1", "enum.example.edu."), "1.enum.example.edu.");
    }

    #[test]
    fn order_then_preference_of_terminal_vpim_records_decide() {
        let to = |name: &str| format!("!^.*$!mailto:{name}@x.test!");
        let own = "E2U+vpim:mailto";
        assert_eq!(
            found(&[
                record((20, 1), "u", own, &to("c")),
                record((10, 20), "U", "e2u+VPIM:Mailto", &to("b")),
                record((10, 10), "u", "E2U+sip", "!^.*$!sip:a@x.test!"),
                record((10, 15), "", own, &to("d")),
                record((5, 1), "u", "E2U+vpim:ldap", "!^.*$!ldap://x/!"),
            ]),
            Some("b@x.test".into())
        );
        assert_eq!(
            found(&[record((1, 1), "u", "E2U+voice:tel+vpim:mailto", &to("a"))]),
            Some("a@x.test".into())
        );
        let broken = record((1, 1), "u", own, "!^.*$!mailto:\\1@x.test!");
        assert_eq!(
            found(&[broken.clone(), record((1, 2), "u", own, GOOD)]),
            Some("+16135551234@vm.example.edu".into())
        );
        assert_eq!(found(&[broken, record((2, 1), "u", own, GOOD)]), None, "another order is not looked at");
    }

    #[test]
    fn expressions_are_applied_as_sed_does() {
        let made = |regexp: &str| found(&[record((1, 1), "u", "E2U+vpim:mailto", regexp)]);
        for (regexp, address) in [
            (r"!^\+1(613)(555)([0-9]{4})$!mailto:\3.\1@x.test!", Some("1234.613@x.test")),
            (r"/^\+1613555(....)$/MAILTO:\1@x.test?subject=a/", Some("1234@x.test")),
            (r"!^\+(.*)$!mailto:%50at%2b\1@x.test!", Some("Pat+16135551234@x.test")),
            (r"!^\+44(.*)$!mailto:\1@x.test!", None),
            (r"!^(.*)$!mailto:\2@x.test!", None),
            (r"!^(.*)$!mailto:a@x.test%0d%0aRCPT TO:<b@x.test>!", None),
            (r"!^(.*)$!mailto:a@x.test,b@x.test!", None),
            (r"!^(.*)$!sip:a@x.test!", None),
            (r"!^(.*$!mailto:a@x.test!", None),
            ("", None),
        ] {
            assert_eq!(made(regexp).as_deref(), address, "{regexp}");
        }
    }

    #[test]
    fn the_systems_name_servers_are_read() {
        let text = "# nameserver 9.9.9.9\nsearch x.test\nnameserver\t192.0.2.1 # first\nnameserver ::1\n";
        let found = system_servers(text);
        assert_eq!(found, ["192.0.2.1:53".parse().unwrap(), "[::1]:53".parse().unwrap()]);
        assert_eq!(system_servers("options edns0\n"), ["127.0.0.1:53".parse().unwrap()]);
    }

    #[test]
    fn an_expression_of_any_kind_costs_little() {
        let begun = std::time::Instant::now();
        for pattern in
            ["(.*)*(.*)*(.*)*x", "((((.{99}){99}){99}){99})", "(a|aa)+$", &"(".repeat(200), "(.+)+\\1"]
        {
            let regexp = format!("!{pattern}!mailto:a@x.test!");
            assert_eq!(found(&[record((1, 1), "u", "E2U+vpim:mailto", &regexp)]), None, "{pattern}");
        }
        let long = format!("!^.*$!mailto:a@x.test{}!", "\\0".repeat(200));
        assert_eq!(found(&[record((1, 1), "u", "E2U+vpim:mailto", &long)]), None);
        assert!(begun.elapsed() < Duration::from_secs(5));
    }
}
