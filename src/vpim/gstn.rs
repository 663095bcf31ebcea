//! Telephone addresses in local-parts: RFC 3191, with the selectors and elements of RFC 3192 (FAX),
//! RFC 2846 and RFC 3804 (VPIM, VOICE, AMIS).

/// A local-part of the form `SELECTOR=number/ELEMENT=value`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Gstn {
    /// The service selector, in lower case.
    pub selector: String,
    /// What stands behind it up to the first element, as written.
    pub number: String,
    /// Elements behind slashes: names in lower case, values as written. A text without `=` is a value
    /// without name.
    pub elements: Vec<(String, String)>,
    /// A slash stands before or behind it (RFC 3191 4).
    pub slashes: bool,
}

/// The selectors that RFC 3804 4.2 names.
const SELECTORS: [&str; 4] = ["vpim", "voice", "amis", "fax"];

impl Gstn {
    /// Reads a local-part. `None` where it is no telephone address: a selector must be one of the four,
    /// or stand before a number.
    pub fn parse(local: &str) -> Option<Self> {
        let bare = local.strip_prefix('"').and_then(|l| l.strip_suffix('"')).unwrap_or(local).trim();
        let inner = bare.strip_prefix('/').unwrap_or(bare);
        let inner = inner.strip_suffix('/').unwrap_or(inner);
        let (selector, rest) = inner.split_once('=')?;
        let selector = selector.trim().to_ascii_lowercase();
        let mut elements = rest.split('/');
        let number = elements.next().unwrap_or_default().trim().to_owned();
        let known = SELECTORS.contains(&selector.as_str());
        let word = (1..=16).contains(&selector.len()) && selector.bytes().all(|c| c.is_ascii_alphabetic());
        if !(known || word && is_dialled(&number)) {
            return None;
        }
        let elements = elements
            .map(|e| match e.split_once('=') {
                Some((name, value)) => (name.trim().to_ascii_lowercase(), value.to_owned()),
                None => (String::new(), e.to_owned()),
            })
            .collect();
        Some(Gstn { selector, number, elements, slashes: bare.starts_with('/') || bare.ends_with('/') })
    }

    /// True for one of the selectors of RFC 3804 4.2.
    pub fn is_known(&self) -> bool {
        SELECTORS.contains(&self.selector.as_str())
    }

    /// The values of an element.
    pub fn values<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.elements.iter().filter(move |(n, _)| n == name).map(|(_, v)| v.as_str())
    }

    /// The number without its written separators (RFC 3191 2.1).
    pub fn digits(&self) -> String {
        self.number.chars().filter(|c| !matches!(c, '-' | '.')).collect()
    }
}

/// A number as people write it: at least five digits, separators, perhaps `+` before them.
fn is_dialled(number: &str) -> bool {
    let plain = number.strip_prefix('+').unwrap_or(number);
    plain.bytes().all(|c| c.is_ascii_digit() || matches!(c, b'-' | b'.'))
        && plain.bytes().filter(u8::is_ascii_digit).count() >= 5
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn case_separators_and_slashes_make_no_difference() {
        let plain = Gstn::parse("VPIM=+13035551212/EXT=12").unwrap();
        for same in
            ["vpim=+1-303-555-1212/ext=12", "/VPIM=+1.303.555.1212/Ext=12/", "\"Vpim=+13035551212/EXT=12\""]
        {
            let other = Gstn::parse(same).unwrap();
            assert_eq!((other.selector.as_str(), other.digits()), ("vpim", plain.digits()), "{same}");
            assert_eq!(other.elements, plain.elements, "{same}");
        }
        assert!(Gstn::parse("/FAX=+1/").unwrap().slashes && !plain.slashes);
    }

    #[test]
    fn other_local_parts_with_an_equals_sign_are_none() {
        for local in
            ["SRS0=ab=cd=example.com=ann", "prvs=0123456789=ann", "bounce+ann=example.com", "3002", "a=1"]
        {
            assert_eq!(Gstn::parse(local), None, "{local}");
        }
        assert!(!Gstn::parse("TEL=+496912345").unwrap().is_known());
    }
}
