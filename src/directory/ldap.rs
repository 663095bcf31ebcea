//! A directory server (RFC 4511) with entries of RFC 4237. The only file that names ldap3.
//!
//! One connection is kept and shared; where it is gone, one new one is tried. What comes back is bounded:
//! 10 entries of 100 values an attribute of 1,024 octets, referrals are not followed, aliases not
//! dereferenced. Limit: one message of the server is held as a whole for as long as the question may take.

use crate::vpim::directory::Entry;
use crate::vpim::listing::{Listing, Query};
use ldap3::{
    Ldap, LdapConnAsync, LdapConnSettings, LdapError, ResultEntry, Scope, SearchEntry, SearchOptions,
    ldap_escape,
};
use std::fmt;
use std::time::Duration;
use tokio::sync::Mutex;
use tokio::time::timeout;

/// Entries looked at; more than one mailbox is no answer, so a few tell enough.
const ENTRIES: usize = 10;
/// Values looked at of each attribute.
const VALUES: usize = 100;
/// Octets of a value; longer ones are left out. All that is read here is shorter.
const OCTETS: usize = 1_024;
/// Connecting may take so much of the time for an answer.
const CONNECT: Duration = Duration::from_secs(2);

/// Filter for an address with number: RFC 4237 2.1, "the normal search will be for this attribute".
const BY_NUMBER: &str =
    "(|(vPIMTelephoneNumber={number})(telephoneNumber={number})(vPIMRfc822Mailbox={address}))";
/// Filter for another.
const BY_ADDRESS: &str = "(vPIMRfc822Mailbox={address})";

/// A text that is not shown.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(pub String);

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

/// What the configuration says of the server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// `ldap://`, `ldaps://` or `ldapi://`.
    pub url: String,
    /// TLS is begun on an `ldap://` connection (RFC 4513 3).
    pub starttls: bool,
    /// Where the search begins, with everything below.
    pub base: String,
    /// Name and password; anonymous without.
    pub bind: Option<(String, Secret)>,
    /// Filter (RFC 4515) with `{number}`, `{address}`, `{local}`, `{domain}`; the one of RFC 4237 without.
    pub filter: Option<String>,
    /// Attributes and values of mailboxes that take no messages.
    pub blocking: Vec<(String, String)>,
    /// For one answer.
    pub timeout: Duration,
}

impl Settings {
    /// An anonymous search with the attributes of RFC 4237.
    pub fn new(url: &str, base: &str) -> Self {
        Settings {
            url: url.to_owned(),
            starttls: false,
            base: base.to_owned(),
            bind: None,
            filter: None,
            blocking: vec![("vPIMExtendedAbsenceStatus".to_owned(), "MsgBlocked".to_owned())],
            timeout: Duration::from_millis(1_500),
        }
    }

    /// The filter for a question; `None` where a word of it has no value.
    pub fn filter_for(&self, query: &Query) -> Option<String> {
        let standard = if query.number.is_some() { BY_NUMBER } else { BY_ADDRESS };
        let (local, domain) = query.address.rsplit_once('@')?;
        let mut rest = self.filter.as_deref().unwrap_or(standard);
        let mut out = String::new();
        // Word by word, so that nothing of a value is taken for a word.
        while let Some((before, after)) = rest.split_once('{') {
            let (word, after) = after.split_once('}')?;
            let value = match word {
                "number" => query.number.as_deref()?,
                "address" => &query.address,
                "local" => local,
                "domain" => domain,
                _ => return None,
            };
            out.push_str(before);
            out.push_str(&ldap_escape(value));
            rest = after;
        }
        Some(out + rest)
    }
}

/// True for a filter that can be asked: its words known, its syntax that of RFC 4515.
pub fn is_filter(filter: &str) -> bool {
    let settings = Settings { filter: Some(filter.to_owned()), ..Settings::new("", "") };
    let query = Query { address: "a@b.test".to_owned(), number: Some("+1".to_owned()) };
    settings.filter_for(&query).is_some_and(|f| ldap3::parse_filter(f).is_ok())
}

/// A directory server.
pub struct Server {
    settings: Settings,
    connection: Mutex<Option<Ldap>>,
}

/// Why there is no answer.
enum Failure {
    /// The connection is of no use any more.
    Connection(String),
    /// The server said no.
    Answer(String),
}

impl From<LdapError> for Failure {
    fn from(error: LdapError) -> Self {
        match error {
            LdapError::LdapResult { result } => {
                Failure::Answer(format!("result {}: {}", result.rc, result.text))
            }
            other => Failure::Connection(other.to_string()),
        }
    }
}

impl Server {
    /// A server that was not asked yet.
    pub fn new(settings: Settings) -> Self {
        Server { settings, connection: Mutex::new(None) }
    }

    /// What it knows; the reason where it cannot say within `time`.
    pub async fn ask(&self, query: &Query, time: Duration) -> Result<Option<Listing>, String> {
        let Some(filter) = self.settings.filter_for(query) else { return Ok(None) };
        let time = time.min(self.settings.timeout);
        let entries = match timeout(time, self.entries(&filter)).await {
            Ok(Ok(entries)) => entries,
            Ok(Err(Failure::Connection(why) | Failure::Answer(why))) => return Err(why),
            Err(_) => {
                // It may never answer again.
                if let Ok(mut kept) = self.connection.try_lock() {
                    *kept = None;
                }
                return Err(format!("no answer within {} ms", time.as_millis()));
            }
        };
        let mut found: Option<Listing> = None;
        for entry in &entries {
            let Some(listing) = Listing::of_entry(entry, query, &self.settings.blocking) else { continue };
            match &found {
                // Whose mail would go to whom, nobody could tell.
                Some(other) if other.mailbox != listing.mailbox => {
                    return Err(format!("{filter} finds more than one mailbox"));
                }
                _ => found = Some(listing),
            }
        }
        Ok(found)
    }

    /// The entries a filter finds, over a new connection where the old one is gone.
    async fn entries(&self, filter: &str) -> Result<Vec<Entry>, Failure> {
        let (mut ldap, used) = self.connection(None).await?;
        match self.search(&mut ldap, filter).await {
            Err(Failure::Connection(_)) if used => {
                let (mut ldap, _) = self.connection(Some(())).await?;
                self.search(&mut ldap, filter).await
            }
            answer => answer,
        }
    }

    /// The connection, and whether it was used before; a new one with `fresh`.
    async fn connection(&self, fresh: Option<()>) -> Result<(Ldap, bool), Failure> {
        let mut kept = self.connection.lock().await;
        if let Some(ldap) = kept.as_mut().filter(|_| fresh.is_none())
            && !ldap.is_closed()
        {
            return Ok((ldap.clone(), true));
        }
        *kept = None;
        let settings = LdapConnSettings::new().set_conn_timeout(CONNECT).set_starttls(self.settings.starttls);
        let (connection, mut ldap) = LdapConnAsync::with_settings(settings, &self.settings.url).await?;
        tokio::spawn(async move {
            // Its end is seen by whoever asks next.
            let _ = connection.drive().await;
        });
        if let Some((name, Secret(password))) = &self.settings.bind {
            ldap.simple_bind(name, password).await?.success()?;
        }
        *kept = Some(ldap.clone());
        Ok((ldap, false))
    }

    async fn search(&self, ldap: &mut Ldap, filter: &str) -> Result<Vec<Entry>, Failure> {
        let seconds = i32::try_from(self.settings.timeout.as_secs()).unwrap_or(1).max(1);
        let limits = SearchOptions::new().sizelimit(ENTRIES as i32).timelimit(seconds);
        let mut wanted =
            vec!["objectClass", "vPIMRfc822Mailbox", "vPIMSupportedAudioMediaTypes", "vPIMMaxMessageSize"];
        wanted.extend(self.settings.blocking.iter().map(|(name, _)| name.as_str()));
        let ldap = ldap.with_search_options(limits);
        let mut stream = ldap.streaming_search(&self.settings.base, Scope::Subtree, filter, wanted).await?;
        let mut entries = Vec::new();
        while let Some(found) = stream.next().await? {
            if entries.len() < ENTRIES && !found.is_ref() && !found.is_intermediate() {
                entries.push(entry(found));
            }
        }
        stream.finish().await.success()?;
        Ok(entries)
    }
}

fn entry(found: ResultEntry) -> Entry {
    let found = SearchEntry::construct(found);
    let text = found.attrs.into_iter().flat_map(|(name, values)| {
        values.into_iter().take(VALUES).map(move |value| (name.clone(), value.into_bytes()))
    });
    let octets = found
        .bin_attrs
        .into_iter()
        .flat_map(|(name, values)| values.into_iter().take(VALUES).map(move |value| (name.clone(), value)));
    Entry::new(found.dn, text.chain(octets).filter(|(_, value)| value.len() <= OCTETS))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_never_become_syntax_of_a_filter() {
        let settings = Settings::new("ldap://x", "dc=x");
        let hostile = Query { address: "a)(uid=*@x.test".into(), number: Some("+1*".into()) };
        let filter = settings.filter_for(&hostile).unwrap();
        assert_eq!(
            filter,
            "(|(vPIMTelephoneNumber=+1\\2a)(telephoneNumber=+1\\2a)(vPIMRfc822Mailbox=a\\29\\28uid=\\2a@x.test))"
        );
        let pat = Query::new("pat@x.test").unwrap();
        assert_eq!(settings.filter_for(&pat).unwrap(), "(vPIMRfc822Mailbox=pat@x.test)");
        let own = |filter: &str| Settings { filter: Some(filter.into()), ..settings.clone() };
        let words = Query { address: "{number}@x.test".into(), number: None };
        assert_eq!(own("(mail={local})").filter_for(&words).unwrap(), "(mail={number})");
        assert_eq!(own("(telephoneNumber={number})").filter_for(&pat), None);
    }

    #[test]
    fn filters_that_cannot_be_asked_are_known() {
        assert!(is_filter("(&(objectClass=person)(mail={address}))"));
        for bad in ["(mail={addres})", "(mail={address}", "mail", "(mail={address)"] {
            assert!(!is_filter(bad), "{bad}");
        }
    }

    #[test]
    fn a_password_is_not_shown() {
        let bind = Some(("cn=reader".to_owned(), Secret("sesame".to_owned())));
        let settings = Settings { bind, ..Settings::new("ldap://x", "dc=x") };
        assert!(!format!("{settings:?}").contains("sesame"));
    }
}
