//! Number rules of a route: which number a destination knows a mailbox by. Extensions become full
//! numbers, E.164 becomes national and back, a dialled number becomes its extension, a domain another.
//!
//! A rule changes the number of a local-part and perhaps the domain; a selector before it and elements
//! or an extension behind it stay (RFC 3191, 3192, 3804, RFC 3801 4.1.1) unless the rule says
//! otherwise. The first rule that matches holds, also one that changes nothing.
//!
//! Results must not be changed again by a second pass: [`fault`] finds lists of rules that would.

mod pattern;

pub use pattern::{Item, Pattern, Selector, is_selector};

use crate::vpim::numeric::Numeric;

/// Characters of the longest number that is made.
const LONGEST: usize = 64;

/// Where addresses are changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// The forward-path of the envelope.
    Recipient,
    /// From.
    From,
    /// To.
    To,
    /// Cc.
    Cc,
    /// Reply-To.
    ReplyTo,
}

impl Place {
    /// All, as the configuration writes them.
    pub const ALL: [(Place, &'static str); 5] = [
        (Place::Recipient, "recipient"),
        (Place::From, "from"),
        (Place::To, "to"),
        (Place::Cc, "cc"),
        (Place::ReplyTo, "reply-to"),
    ];
}

/// A rule.
#[derive(Clone, Debug, PartialEq)]
pub struct NumberRule {
    /// Where it holds.
    pub places: Vec<Place>,
    /// Which addresses it is for.
    pub pattern: Pattern,
    /// Characters taken off the front of the number, a plus sign counts.
    pub strip: usize,
    /// Digits kept at its end, at least one; nothing is stripped then.
    pub keep: Option<usize>,
    /// What is put before it then.
    pub prefix: String,
    /// Another selector; empty: the number alone, without selector, elements and extension.
    pub selector: Option<String>,
    /// Another domain.
    pub domain: Option<String>,
}

/// The address that the first matching rule for this place makes of `address`; `None` where no rule
/// matches or nothing changes.
pub fn renumbered(rules: &[NumberRule], place: Place, address: &str) -> Option<String> {
    let mut matching = rules.iter().filter(|r| r.places.contains(&place) && r.matches(address));
    // What stood in the address stands in the new one: nothing of it may end a path or a line.
    let plain = |c: char| !c.is_control() && !c.is_whitespace() && !matches!(c, '<' | '>' | ',');
    matching.next()?.applied(address).filter(|new| new != address && new.chars().all(plain))
}

impl NumberRule {
    /// True for addresses the rule is for.
    pub fn matches(&self, address: &str) -> bool {
        let (local, domain) = parts(address);
        let Some(numeric) = Numeric::split(local) else { return false };
        self.pattern.matches(selector(&numeric), &numeric.plain(), domain)
    }

    /// What it makes of an address; `None` where that would be no number.
    fn applied(&self, address: &str) -> Option<String> {
        let (local, domain) = parts(address);
        let numeric = Numeric::split(local)?;
        let number = match self.keeps_number() {
            true => numeric.number.to_owned(),
            false => self.number(&numeric.plain())?,
        };
        let (before, after) = match self.selector.as_deref() {
            None => (numeric.before.to_owned(), numeric.after.to_owned()),
            Some("") => (String::new(), String::new()),
            Some(new) => (
                format!(
                    "{}{new}=",
                    numeric.before.trim_end_matches(|c: char| c.is_ascii_alphabetic() || c == '=')
                ),
                match (numeric.before.is_empty(), numeric.after.strip_prefix('+')) {
                    // RFC 3804 4.1: with a selector the extension is an element.
                    (true, Some(extension)) => format!("/EXT={extension}"),
                    _ => numeric.after.to_owned(),
                },
            ),
        };
        let domain = self.domain.as_deref().or(domain);
        Some(match domain {
            Some(domain) => format!("{before}{number}{after}@{domain}"),
            None => format!("{before}{number}{after}"),
        })
    }

    fn keeps_number(&self) -> bool {
        self.strip == 0 && self.keep.is_none() && self.prefix.is_empty()
    }

    fn number(&self, plain: &str) -> Option<String> {
        let rest = match self.keep {
            Some(keep) => {
                let digits = plain.trim_start_matches('+');
                digits.get(digits.len().saturating_sub(keep)..)?
            }
            None => plain.get(self.strip..)?,
        };
        let new = format!("{}{rest}", self.prefix);
        let digits = new.strip_prefix('+').unwrap_or(&new);
        let good = !digits.is_empty() && digits.bytes().all(|c| c.is_ascii_digit()) && new.len() <= LONGEST;
        good.then_some(new)
    }

    /// The addresses the rule can make; a pattern without numbers where it can make none.
    fn results(&self) -> Pattern {
        let mut number: Vec<Vec<Item>> = Vec::new();
        for own in &self.pattern.number {
            for mut rest in self.rests(own) {
                if !self.prefix.is_empty() && rest.first() == Some(&Item::Char(b'+')) {
                    continue;
                }
                rest.splice(0..0, self.prefix.bytes().map(Item::Char));
                number.push(rest);
            }
        }
        let selector = match self.selector.as_deref() {
            None => self.pattern.selector.clone(),
            Some("") => Selector::None,
            Some(name) => Selector::Named(name.to_ascii_uppercase()),
        };
        Pattern { selector, number, domain: self.domain.clone().or_else(|| self.pattern.domain.clone()) }
    }

    /// What may be left of a number before the prefix is put on.
    fn rests(&self, own: &[Item]) -> Vec<Vec<Item>> {
        let front = own.get(..self.strip).filter(|f| !f.contains(&Item::Run));
        match self.keep {
            Some(keep) => {
                let tail = own.get(own.len().saturating_sub(keep)..).unwrap_or_default();
                let fixed =
                    tail.len() == keep && tail.iter().all(|i| !matches!(i, Item::Run | Item::Char(b'+')));
                let least = own.iter().filter(|i| !matches!(i, Item::Run | Item::Char(b'+'))).count();
                match fixed {
                    true => vec![tail.to_vec()],
                    false => (least.clamp(1, keep.max(1))..=keep).map(|n| vec![Item::Digit; n]).collect(),
                }
            }
            None => match front {
                Some(front) => vec![own.get(front.len()..).unwrap_or_default().to_vec()],
                None => vec![vec![Item::Run]],
            },
        }
    }

    /// True where the rule leaves every one of these addresses as it is.
    fn leaves(&self, addresses: &Pattern) -> bool {
        let number = self.strip == 0
            && self.prefix.is_empty()
            && self.keep.is_none_or(|keep| {
                !addresses.may_be_signed() && addresses.longest().is_some_and(|longest| longest <= keep)
            });
        let selector = match self.selector.as_deref() {
            None => true,
            Some("") => addresses.selector == Selector::None,
            Some(name) => addresses.selector == Selector::Named(name.to_ascii_uppercase()),
        };
        let domain = self.domain.as_ref().is_none_or(|new| addresses.domain.as_ref() == Some(new));
        number && selector && domain
    }
}

/// What is wrong with a list of rules.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The second changes what the first made.
    Again(usize, usize),
    /// The second never holds: the first takes all its addresses.
    Hidden(usize, usize),
    /// Makes no number of any address.
    Nothing(usize),
}

/// The first fault of a list of rules, if it has one. Errs to the safe side.
pub fn fault(rules: &[NumberRule]) -> Option<Fault> {
    for (index, rule) in rules.iter().enumerate() {
        let results = rule.results();
        if results.number.iter().all(Vec::is_empty) {
            return Some(Fault::Nothing(index));
        }
        let hides = |earlier: &NumberRule| {
            rule.places.iter().all(|p| earlier.places.contains(p)) && earlier.pattern.covers(&rule.pattern)
        };
        if let Some(first) = rules.iter().take(index).position(hides) {
            return Some(Fault::Hidden(first, index));
        }
        if rule.leaves(&rule.pattern) {
            continue;
        }
        for place in &rule.places {
            let there = rules.iter().enumerate().filter(|(_, r)| r.places.contains(place));
            for (second, next) in there.filter(|(_, r)| r.pattern.meets(&results)) {
                if !next.leaves(&results) {
                    return Some(Fault::Again(index, second));
                }
                if next.pattern.covers(&results) {
                    break;
                }
            }
        }
    }
    None
}

/// Local-part and domain.
fn parts(address: &str) -> (&str, Option<&str>) {
    address.rsplit_once('@').map_or((address, None), |(local, domain)| (local, Some(domain)))
}

/// The selector of a local-part, empty without one.
fn selector<'a>(numeric: &Numeric<'a>) -> &'a str {
    let before = numeric.before.trim_end_matches('=');
    before.trim_start_matches(|c: char| !c.is_ascii_alphabetic())
}

#[cfg(test)]
mod tests;
