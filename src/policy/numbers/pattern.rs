//! Patterns of numbers. `?` is one digit, `*` any run of digits (at the beginning perhaps with a plus
//! sign before it), other characters stand for themselves.
//!
//! Sets of numbers are compared, too: whether two patterns have a number in common, whether one holds
//! all numbers of another. That is what tells rules that would change their own results.

use std::collections::HashMap;
use wildmatch::WildMatch;

/// Items of a pattern: a number with its extension is shorter.
const ITEMS: usize = 64;

/// An item of a pattern of numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Item {
    /// A plus sign or a digit.
    Char(u8),
    /// Any digit.
    Digit,
    /// Any run of digits, none included.
    Run,
}

/// The service selector of an address (RFC 3191 2).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Selector {
    /// With this one, or without any.
    Any,
    /// Without.
    None,
    /// With this one, in upper case.
    Named(String),
}

/// Which addresses a rule is for; also which addresses a rule can make.
#[derive(Clone, Debug, PartialEq)]
pub struct Pattern {
    /// The selector.
    pub selector: Selector,
    /// The number without separators: any of these.
    pub number: Vec<Vec<Item>>,
    /// The domain, a glob; `None` for any.
    pub domain: Option<String>,
}

impl Pattern {
    /// Reads `[SELECTOR=]number[@domain]`.
    pub fn parse(text: &str) -> Result<Self, (String, &'static str)> {
        let (local, domain) = match text.rsplit_once('@') {
            Some((_, "")) => {
                return Err((format!("`{text}` has no domain"), "write one, or leave the @ out for any"));
            }
            Some((local, domain)) => (local, Some(domain.to_owned())),
            None => (text, None),
        };
        let (selector, number) = match local.split_once('=') {
            Some((selector, number)) if is_selector(selector) => {
                (Selector::Named(selector.to_ascii_uppercase()), number)
            }
            Some(_) => {
                return Err((
                    format!("`{local}` has no selector before its `=`"),
                    "write FAX=+1416*, VPIM=*",
                ));
            }
            None => (Selector::Any, local),
        };
        let mut items = Vec::new();
        for (at, c) in number.bytes().enumerate() {
            match c {
                b'0'..=b'9' => items.push(Item::Char(c)),
                b'+' if at == 0 => items.push(Item::Char(c)),
                b'?' => items.push(Item::Digit),
                b'*' if items.last() != Some(&Item::Run) => items.push(Item::Run),
                b'*' | b'-' | b'.' => {}
                _ => {
                    return Err((
                        format!("`{number}` is no pattern of numbers"),
                        "write digits, `?` for one digit, `*` for any: \"44??\", \"+1604*\"",
                    ));
                }
            }
        }
        if items.is_empty() || items.len() > ITEMS {
            return Err((format!("`{number}` is no pattern of numbers"), "write 1 to 64 digits, `?` or `*`"));
        }
        let mut number = vec![items];
        if let Some([Item::Run, ..]) = number.first().map(Vec::as_slice) {
            let mut signed = number.first().cloned().unwrap_or_default();
            signed.insert(0, Item::Char(b'+'));
            number.push(signed);
        }
        Ok(Pattern { selector, number, domain })
    }

    /// True for the addresses of the pattern, taken apart: selector (empty for none), number without
    /// separators, domain.
    pub fn matches(&self, selector: &str, number: &str, domain: Option<&str>) -> bool {
        let number: Vec<Item> = number.bytes().map(Item::Char).collect();
        let selected = match &self.selector {
            Selector::Any => true,
            Selector::None => selector.is_empty(),
            Selector::Named(name) => name.eq_ignore_ascii_case(selector),
        };
        let there = self
            .domain
            .as_deref()
            .is_none_or(|glob| domain.is_some_and(|d| WildMatch::new_case_insensitive(glob).matches(d)));
        selected && there && self.number.iter().any(|own| covers(own, &number))
    }

    /// True where an address may belong to both.
    pub fn meets(&self, other: &Pattern) -> bool {
        let selected = match (&self.selector, &other.selector) {
            (Selector::Any, _) | (_, Selector::Any) => true,
            (a, b) => a == b,
        };
        let there = match (self.domain.as_deref(), other.domain.as_deref()) {
            (Some(a), Some(b)) => {
                let matches = |a: &str, b| WildMatch::new_case_insensitive(a).matches(b);
                // Two globs may have a name in common though neither matches the other's text.
                matches(a, b) || matches(b, a) || (is_glob(a) && is_glob(b))
            }
            _ => true,
        };
        let number = || self.number.iter().any(|a| other.number.iter().any(|b| meets(a, b)));
        selected && there && number()
    }

    /// True where every address of `other` is of this pattern. May say no where it is so.
    pub fn covers(&self, other: &Pattern) -> bool {
        let selected = self.selector == Selector::Any || self.selector == other.selector;
        let there = match (self.domain.as_deref(), other.domain.as_deref()) {
            (None, _) => true,
            (Some(a), Some(b)) => {
                a.eq_ignore_ascii_case(b) || (!is_glob(b) && WildMatch::new_case_insensitive(a).matches(b))
            }
            (Some(_), None) => false,
        };
        selected && there && other.number.iter().all(|b| self.number.iter().any(|a| covers(a, b)))
    }

    /// Digits of the longest number of the pattern; `None` without bound.
    pub fn longest(&self) -> Option<usize> {
        let length = |items: &Vec<Item>| {
            let digits = items.iter().filter(|i| **i != Item::Char(b'+')).count();
            (!items.contains(&Item::Run)).then_some(digits)
        };
        self.number.iter().map(length).try_fold(0, |longest, l| Some(longest.max(l?)))
    }

    /// True where a number of the pattern may begin with a plus sign.
    pub fn may_be_signed(&self) -> bool {
        self.number.iter().any(|items| items.first() == Some(&Item::Char(b'+')))
    }
}

/// A selector as RFC 3191 2 has them.
pub fn is_selector(text: &str) -> bool {
    (1..=16).contains(&text.len()) && text.bytes().all(|c| c.is_ascii_alphabetic())
}

fn is_glob(text: &str) -> bool {
    text.contains(['*', '?'])
}

fn is_digit(item: Item) -> bool {
    item != Item::Char(b'+')
}

/// True where a number belongs to both.
fn meets(a: &[Item], b: &[Item]) -> bool {
    compare(
        a,
        b,
        |x, y| match (x, y) {
            (Item::Char(x), Item::Char(y)) => x == y,
            (x, y) => is_digit(x) && is_digit(y),
        },
        true,
    )
}

/// True where every number of `b` belongs to `a`.
fn covers(a: &[Item], b: &[Item]) -> bool {
    compare(
        a,
        b,
        |x, y| match (x, y) {
            (Item::Char(x), Item::Char(y)) => x == y,
            (Item::Digit, y) => is_digit(y),
            _ => false,
        },
        false,
    )
}

/// Lays two lists of items side by side. `both`: a run on either side takes items of the other, else
/// only one of `a`, which then takes runs of `b` too. Each pair of places is looked at once.
fn compare(a: &[Item], b: &[Item], single: fn(Item, Item) -> bool, both: bool) -> bool {
    let mut seen = HashMap::new();
    place(a, b, single, both, &mut seen)
}

fn place(
    a: &[Item],
    b: &[Item],
    single: fn(Item, Item) -> bool,
    both: bool,
    seen: &mut HashMap<(usize, usize), bool>,
) -> bool {
    if let Some(known) = seen.get(&(a.len(), b.len())) {
        return *known;
    }
    let fits = match (a.split_first(), b.split_first()) {
        (None, None) => true,
        (Some((Item::Run, rest)), _) if place(rest, b, single, both, seen) => true,
        (_, Some((Item::Run, rest))) if both && place(a, rest, single, both, seen) => true,
        (Some((Item::Run, _)), Some((y, rest))) if is_digit(*y) => place(a, rest, single, both, seen),
        (Some((x, rest)), Some((Item::Run, _))) if both && is_digit(*x) => place(rest, b, single, both, seen),
        (Some((x, rest_a)), Some((y, rest_b))) if *x != Item::Run && *y != Item::Run => {
            single(*x, *y) && place(rest_a, rest_b, single, both, seen)
        }
        _ => false,
    };
    seen.insert((a.len(), b.len()), fits);
    fits
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pattern(text: &str) -> Pattern {
        Pattern::parse(text).unwrap_or_else(|e| panic!("{text}: {e:?}"))
    }

    #[test]
    fn numbers_match_as_written() {
        for (text, number, fits) in [
            ("44??", "4411", true),
            ("44??", "44111", false),
            ("44??", "441", false),
            ("*", "4411", true),
            ("*", "+16045554411", true),
            ("?*", "+1", false),
            ("+1*", "+1604", true),
            ("+1*", "1604", false),
            ("1-604-*", "1604555", true),
            ("*11", "4411", true),
            ("*11", "4412", false),
            ("4*4*4", "414141414", true),
            ("4*4*4", "41414141", false),
        ] {
            assert_eq!(pattern(text).matches("", number, None), fits, "{text} {number}");
        }
        let fax = pattern("fax=+1416*@*.Test");
        assert!(fax.matches("FAX", "+14161", Some("a.test")));
        for (selector, number, domain) in
            [("", "+14161", Some("a.test")), ("FAX", "+1", Some("a.test")), ("FAX", "+14161", Some("b"))]
        {
            assert!(!fax.matches(selector, number, domain));
        }
        assert!(!fax.matches("FAX", "+14161", None));
        assert!(pattern("*").matches("FAX", "1", None));
    }

    #[test]
    fn sets_are_compared() {
        for (a, b, meet, covered) in [
            ("44??", "4411", true, true),
            ("44??", "60455544??", false, false),
            ("*", "+1*", true, true),
            ("+1*", "*", true, false),
            ("?*", "+1*", false, false),
            ("*1", "2*", true, false),
            ("1*", "2*", false, false),
            ("??*", "?*?", true, false),
            ("*", "*", true, true),
            ("????", "*", true, false),
            ("44??@a.test", "44??@b.test", false, false),
            ("44??@*.test", "44??@b.test", true, true),
            ("44??@b.test", "44??@*.test", true, false),
            ("44??", "44??@b.test", true, true),
            ("FAX=*", "VPIM=*", false, false),
            ("FAX=*", "*", true, false),
            ("*", "FAX=*", true, true),
        ] {
            assert_eq!(pattern(a).meets(&pattern(b)), meet, "{a} meets {b}");
            assert_eq!(pattern(b).meets(&pattern(a)), meet, "{b} meets {a}");
            assert_eq!(pattern(a).covers(&pattern(b)), covered, "{a} covers {b}");
        }
    }

    #[test]
    fn long_patterns_are_compared_in_bounded_time() {
        let many = pattern(&"*1".repeat(32));
        assert!(many.meets(&pattern(&"1*".repeat(32))) && !many.matches("", &"12".repeat(30), None));
        assert!(Pattern::parse(&"1".repeat(65)).is_err());
    }

    #[test]
    fn bad_patterns_are_told() {
        for text in ["", "x", "1+2", "@a.test", "44@", "=44", "F A=1", "pat"] {
            assert!(Pattern::parse(text).is_err(), "{text}");
        }
        assert_eq!((pattern("+1??").longest(), pattern("1*").longest()), (Some(3), None));
        assert!(pattern("*").may_be_signed() && !pattern("?*").may_be_signed());
    }
}
