//! `[directory]`: whom to ask about recipients, and what is kept of the answers.

use super::check::Check;
use super::raw::{DirectoryTable, LdapTable};
use super::source::nearest;
use crate::directory::file::Table;
use crate::directory::ldap::{self, Secret};
use crate::directory::{Kept, Settings, Source, enum_dns};
use std::fs;
use std::net::{IpAddr, SocketAddr};
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;
use toml::Spanned;

/// Longest `timeout_ms`: Sendmail waits 10 s for the answer to a recipient.
const TIMEOUT_MS: u64 = 8_000;
/// Longest time an answer is kept, in seconds: a week.
const KEPT_S: u64 = 7 * 24 * 3_600;
/// Octets of a password file.
const PASSWORD: usize = 4_096;

/// Where a source is named: the place of what is not written for it.
fn place(order: &[Spanned<String>], name: &str) -> Range<usize> {
    order.iter().find(|word| word.get_ref() == name).map_or(0..0, Spanned::span)
}

impl Check<'_> {
    /// The directory, where it has an order; `asked` is the place of a route that asks it.
    pub(super) fn directory(
        &mut self,
        written: &DirectoryTable,
        asked: Option<Range<usize>>,
    ) -> Option<Settings> {
        let order = self.order(&written.order);
        if let Some(at) = asked.filter(|_| order.is_empty()) {
            let remedy = "add [directory] order = [\"file\", \"ldap\", \"enum\"], those there are";
            self.refuse(at, "a route asks the directory, and there is none", remedy);
        }
        let timeout = self.milliseconds("timeout_ms", &written.timeout_ms);
        let blocking = self.blocking(&written.ldap);
        let in_order = |source| order.contains(&source);
        let file = in_order(Source::File).then(|| self.file(written, &blocking)).flatten();
        let ldap = in_order(Source::Ldap)
            .then(|| self.ldap(&written.ldap, place(&written.order, "ldap"), blocking))
            .flatten();
        let enum_dns = in_order(Source::Enum).then(|| enum_dns::Settings {
            zone: self.zone(&written.enum_dns.zone),
            servers: self.servers(&written.enum_dns.servers),
            timeout: self.milliseconds("enum.timeout_ms", &written.enum_dns.timeout_ms),
        });
        let kept = Kept {
            positive: self.kept("seconds", &written.cache.seconds),
            negative: self.kept("negative_seconds", &written.cache.negative_seconds),
            stale: self.kept("stale_seconds", &written.cache.stale_seconds),
        };
        (!order.is_empty()).then_some(Settings { order, timeout, file, ldap, enum_dns, kept })
    }

    fn order(&mut self, written: &[Spanned<String>]) -> Vec<Source> {
        let names: Vec<&str> = Source::ALL.iter().map(|(_, name)| *name).collect();
        let mut order = Vec::new();
        for word in written {
            let known = Source::ALL.into_iter().find(|(_, name)| name == word.get_ref());
            match known.map(|(source, _)| source) {
                Some(source) if order.contains(&source) => {
                    self.refuse(word.span(), format!("`{}` twice", word.get_ref()), "remove one of them");
                }
                Some(source) => order.push(source),
                None => {
                    let remedy = match nearest(word.get_ref(), &names) {
                        Some(near) => format!("did you mean `{near}`?"),
                        None => format!("known are {}", names.join(", ")),
                    };
                    self.refuse(word.span(), format!("no source `{}`", word.get_ref()), remedy);
                }
            }
        }
        order
    }

    fn milliseconds(&mut self, key: &str, written: &Spanned<u64>) -> Duration {
        let value = *written.get_ref();
        if !(50..=TIMEOUT_MS).contains(&value) {
            let what = format!("directory.{key} is {value}");
            self.refuse(written.span(), what, format!("write 50 to {TIMEOUT_MS} milliseconds"));
        }
        Duration::from_millis(value)
    }

    fn kept(&mut self, key: &str, written: &Spanned<u64>) -> Duration {
        let value = *written.get_ref();
        if value > KEPT_S {
            let what = format!("directory.cache.{key} is {value}");
            self.refuse(written.span(), what, format!("write 0 to {KEPT_S} seconds"));
        }
        Duration::from_secs(value)
    }

    fn file(&mut self, written: &DirectoryTable, blocking: &[(String, String)]) -> Option<Arc<Table>> {
        let path = &written.file.path;
        if path.get_ref().as_os_str().is_empty() {
            let remedy = "add [directory.file] path = \"/etc/vpim-milter/mailboxes.csv\"";
            self.refuse(
                place(&written.order, "file"),
                "directory.order has `file`, and no directory.file.path",
                remedy,
            );
            return None;
        }
        match Table::read(path.get_ref(), blocking) {
            Ok(table) => Some(Arc::new(table)),
            Err(error) => {
                let what = format!("{}: {error}", path.get_ref().display());
                self.refuse(path.span(), what, "CSV with a line of column names, or an LDIF export");
                None
            }
        }
    }

    fn ldap(
        &mut self,
        written: &LdapTable,
        named: Range<usize>,
        blocking: Vec<(String, String)>,
    ) -> Option<ldap::Settings> {
        let url = written.url.get_ref();
        let scheme = url.split_once("://").map(|(scheme, _)| scheme);
        if !matches!(scheme, Some("ldap" | "ldaps" | "ldapi")) {
            let what = format!("`{url}` is no directory server");
            let at = if url.is_empty() { named } else { written.url.span() };
            self.refuse(at, what, "write url = \"ldap://ldap.example.org\"");
        }
        if written.starttls && scheme != Some("ldap") {
            self.refuse(written.url.span(), "starttls is for ldap:// only", "remove starttls");
        }
        let filter = written.filter.get_ref();
        if !filter.is_empty() && !ldap::is_filter(filter) {
            let remedy = "a filter of RFC 4515 with {number}, {address}, {local}, {domain}: \
                          \"(telephoneNumber={number})\"";
            self.refuse(written.filter.span(), format!("`{filter}` is no filter"), remedy);
        }
        let name = written.bind_dn.get_ref();
        let path = written.password_file.get_ref();
        let bind = match (name.is_empty(), path.as_os_str().is_empty()) {
            (true, true) => None,
            (false, false) => {
                let read = fs::read_to_string(path).map_err(|e| e.to_string());
                let password = read.and_then(|text| match text.trim_end_matches(['\r', '\n']) {
                    // RFC 4513 5.1.2: a name without password is anonymous, whoever it names.
                    "" => Err("is empty".to_owned()),
                    text if text.len() > PASSWORD => Err("is too long".to_owned()),
                    text => Ok(text.to_owned()),
                });
                match password {
                    Ok(password) => Some((name.clone(), Secret(password))),
                    Err(why) => {
                        let what = format!("{}: {why}", path.display());
                        let remedy = "the user of the daemon must be able to read it";
                        self.refuse(written.password_file.span(), what, remedy);
                        None
                    }
                }
            }
            _ => {
                let at = if name.is_empty() { written.password_file.span() } else { written.bind_dn.span() };
                self.refuse(at, "bind_dn and password_file go together", "write both, or none for anonymous");
                None
            }
        };
        Some(ldap::Settings {
            starttls: written.starttls,
            bind,
            filter: Some(filter.clone()).filter(|f| !f.is_empty()),
            blocking,
            timeout: self.milliseconds("ldap.timeout_ms", &written.timeout_ms),
            ..ldap::Settings::new(url, written.base.get_ref())
        })
    }

    fn blocking(&mut self, written: &LdapTable) -> Vec<(String, String)> {
        let mut blocking = Vec::new();
        for text in &written.blocked {
            let is_name =
                |n: &str| !n.is_empty() && n.bytes().all(|c| c.is_ascii_alphanumeric() || c == b'-');
            match text.get_ref().split_once('=') {
                Some((name, value)) if is_name(name) && !value.is_empty() => {
                    blocking.push((name.to_owned(), value.to_owned()));
                }
                _ => {
                    let what = format!("`{}` is no attribute and value", text.get_ref());
                    self.refuse(text.span(), what, "write \"vPIMExtendedAbsenceStatus=MsgBlocked\"");
                }
            }
        }
        blocking
    }

    fn zone(&mut self, written: &Spanned<String>) -> String {
        let zone = written.get_ref().trim_end_matches('.');
        let label = |l: &str| {
            (1..=63).contains(&l.len())
                && l.bytes().all(|c| c.is_ascii_alphanumeric() || matches!(c, b'-' | b'_'))
        };
        // 15 digits come before it.
        if !zone.split('.').all(label) || zone.len() > 200 {
            let what = format!("`{}` is no zone", written.get_ref());
            self.refuse(written.span(), what, "write zone = \"e164.arpa\"");
        }
        zone.to_owned()
    }

    fn servers(&mut self, written: &[Spanned<String>]) -> Vec<SocketAddr> {
        let mut servers = Vec::new();
        for text in written {
            let bare = || text.get_ref().parse::<IpAddr>().ok().map(|ip| SocketAddr::new(ip, 53));
            match text.get_ref().parse().ok().or_else(bare) {
                Some(address) => servers.push(address),
                None => {
                    let what = format!("`{}` is no address of a name server", text.get_ref());
                    self.refuse(
                        text.span(),
                        what,
                        "write \"192.0.2.53\", \"127.0.0.1:5353\" or \"[::1]:53\"",
                    );
                }
            }
        }
        servers
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Config, load_text, show};
    use crate::policy::profile::builtin;

    fn good(text: &str) -> Config {
        load_text(&[("t", text)], builtin()).unwrap_or_else(|p| panic!("{}", p[0]))
    }

    const ROUTE: &str = "[[route]]\nname = \"r\"\nprofile = \"vpim2\"\ndirectory = true\n";

    #[test]
    fn what_is_written_takes_effect_and_is_shown() {
        let text = format!(
            "{ROUTE}[directory]\norder = [\"enum\", \"ldap\"]\ndomains = [\"*.example.edu\"]\n\
             [directory.ldap]\nurl = \"ldaps://ldap.example.edu\"\nbase = \"dc=x\"\nblocked = [\"locked=*\"]\n\
             [directory.enum]\nzone = \"enum.example.edu.\"\nservers = [\"192.0.2.53\", \"[::1]:5353\"]\n"
        );
        let config = good(&text);
        let directory = config.directory.as_ref().unwrap();
        assert_eq!(directory.order, [Source::Enum, Source::Ldap]);
        assert_eq!(directory.ldap.as_ref().unwrap().blocking, [("locked".to_owned(), "*".to_owned())]);
        let zone = directory.enum_dns.as_ref().unwrap();
        assert_eq!(zone.zone, "enum.example.edu");
        assert_eq!(zone.servers, ["192.0.2.53:53".parse().unwrap(), "[::1]:5353".parse().unwrap()]);
        assert_eq!(directory.kept.stale, Duration::from_secs(3_600));
        assert!(config.settings.is_directory_domain("1@VPIM.example.edu"));
        assert!(config.settings.routes[0].directory);
        let again = good(&show(&config).unwrap());
        assert_eq!((again.directory, again.settings), (config.directory, config.settings));
        assert_eq!(good("").directory, None);
    }

    #[test]
    fn what_cannot_work_is_refused_with_a_remedy() {
        let ldap = "[directory]\norder = [\"ldap\"]\n[directory.ldap]\nbase = \"dc=x\"\n";
        for (text, what) in [
            (ROUTE.to_owned(), "a route asks the directory, and there is none"),
            ("[directory]\norder = [\"ldpa\"]".into(), "no source `ldpa`; did you mean `ldap`?"),
            ("[directory]\norder = [\"enum\", \"enum\"]".into(), "`enum` twice"),
            ("[directory]\ntimeout_ms = 9000".into(), "directory.timeout_ms is 9000"),
            ("[directory]\norder = [\"file\"]".into(), "no directory.file.path"),
            ("[directory]\norder = [\"file\"]\nfile.path = \"/nonexistent\"".into(), "/nonexistent: "),
            (ldap.into(), "`` is no directory server"),
            (format!("{ldap}url = \"ldap://x\"\nbind_dn = \"cn=x\""), "go together"),
            (format!("{ldap}url = \"ldap://x\"\nfilter = \"(mail={{adress}})\""), "is no filter"),
            (
                format!("{ldap}url = \"ldap://x\"\nbind_dn = \"cn=x\"\npassword_file = \"/nonexistent\""),
                "/nonexistent",
            ),
            ("[directory]\norder = [\"enum\"]\nenum.zone = \"a..b\"".into(), "`a..b` is no zone"),
            (
                "[directory]\norder = [\"enum\"]\nenum.servers = [\"ns.test\"]".into(),
                "no address of a name server",
            ),
            ("[directory]\ncache.stale_seconds = 99999999".into(), "directory.cache.stale_seconds"),
            ("[directory]\nldap.blocked = [\"locked\"]".into(), "no attribute and value"),
        ] {
            let problems = load_text(&[("t", &text)], builtin()).unwrap_err();
            let first = problems[0].to_string();
            assert!(first.contains(what) && first.starts_with("t:"), "{text}: {first}");
        }
    }
}
