//! `numbers` of a route: the rules, and what is wrong with them.

use super::check::Check;
use super::raw;
use super::source::nearest;
use crate::policy::NumberRule;
use crate::policy::numbers::{Fault, Pattern, Place, fault, is_selector};
use std::ops::Range;
use toml::Spanned;

/// Where a rule holds unless it says so: the destination's view of its own mailboxes.
const PLACES: [Place; 3] = [Place::Recipient, Place::To, Place::Cc];
/// Digits of the longest number with its extension (RFC 3801 4.1.1).
const DIGITS: usize = 30;

impl Check<'_> {
    /// The number rules of one route.
    pub(super) fn number_rules(&mut self, written: Vec<Spanned<raw::NumberRule>>) -> Vec<NumberRule> {
        let spans: Vec<Range<usize>> = written.iter().map(Spanned::span).collect();
        let wanted = written.len();
        let rules: Vec<NumberRule> =
            written.into_iter().filter_map(|rule| self.number_rule(rule.into_inner())).collect();
        if rules.len() == wanted
            && let Some((at, what, remedy)) = faulty(&rules)
        {
            self.refuse(spans.get(at).cloned().unwrap_or_default(), what, remedy);
        }
        rules
    }

    fn number_rule(&mut self, written: raw::NumberRule) -> Option<NumberRule> {
        let pattern = Pattern::parse(written.when.get_ref())
            .map_err(|(what, remedy)| self.refuse(written.when.span(), what, remedy));
        let places = match written.apply {
            Some(places) => self.places(places),
            None => PLACES.to_vec(),
        };
        let mut wrong = |at: Range<usize>, what: String, remedy: &str| {
            self.refuse(at, what, remedy);
            None::<()>
        };
        let keep = written.keep.map(|k| (k.span(), k.into_inner()));
        let strip = written.strip.into_inner();
        if let Some((at, keep)) = &keep
            && (!(1..=DIGITS).contains(keep) || strip > 0)
        {
            wrong(at.clone(), format!("keep = {keep} cannot be"), "write 1 to 30, without `strip`");
        }
        let prefix = written.prefix.get_ref();
        let digits = prefix.strip_prefix('+').unwrap_or(prefix);
        if !digits.bytes().all(|c| c.is_ascii_digit()) || prefix.len() > DIGITS || prefix == "+" {
            let what = format!("`{prefix}` cannot stand before a number");
            wrong(
                written.prefix.span(),
                what,
                "write digits, for international numbers `+` and the country code",
            );
        }
        if let Some(selector) = &written.selector
            && !selector.get_ref().is_empty()
            && !is_selector(selector.get_ref())
        {
            let what = format!("`{}` is no selector", selector.get_ref());
            wrong(selector.span(), what, "write FAX, VPIM, VOICE or AMIS, or nothing to take it away");
        }
        if let Some(domain) = &written.domain
            && !is_domain(domain.get_ref())
        {
            let what = format!("`{}` is no domain", domain.get_ref());
            wrong(domain.span(), what, "write a name such as vm2.example.org, without @");
        }
        Some(NumberRule {
            places,
            pattern: pattern.ok()?,
            strip,
            keep: keep.map(|(_, keep)| keep.clamp(1, DIGITS)),
            prefix: written.prefix.into_inner(),
            selector: written.selector.map(Spanned::into_inner),
            domain: written.domain.map(Spanned::into_inner),
        })
    }

    fn places(&mut self, written: Spanned<Vec<Spanned<String>>>) -> Vec<Place> {
        let names: Vec<&str> = Place::ALL.iter().map(|(_, name)| *name).collect();
        if written.get_ref().is_empty() {
            self.refuse(written.span(), "`apply` is empty", format!("known are {}", names.join(", ")));
        }
        let mut places = Vec::new();
        for name in written.into_inner() {
            match Place::ALL.iter().find(|(_, n)| n == name.get_ref()) {
                Some((place, _)) => places.push(*place),
                None => {
                    let remedy = match nearest(name.get_ref(), &names) {
                        Some(near) => format!("did you mean `{near}`?"),
                        None => format!("known are {}", names.join(", ")),
                    };
                    self.refuse(
                        name.span(),
                        format!("`{}` is no place of addresses", name.get_ref()),
                        remedy,
                    );
                }
            }
        }
        places
    }
}

/// What is wrong with a list: the rule, why, and what to write.
fn faulty(rules: &[NumberRule]) -> Option<(usize, String, &'static str)> {
    Some(match fault(rules)? {
        Fault::Again(rule, next) => (
            rule,
            match rule == next {
                true => "this rule changes its own results: a second pass would change the address again"
                    .to_owned(),
                false => format!(
                    "rule {} changes what this rule made: a second pass would change the address again",
                    next + 1
                ),
            },
            "write a narrower `match`, such as \"44??\" for four digits",
        ),
        Fault::Hidden(first, rule) => (
            rule,
            format!("this rule never holds: rule {} takes all its numbers", first + 1),
            "put the special one before the general one",
        ),
        Fault::Nothing(rule) => (
            rule,
            "this rule leaves no number".to_owned(),
            "take fewer characters off; a plus sign must be taken off (strip = 1) before a prefix",
        ),
    })
}

fn is_domain(text: &str) -> bool {
    let label = |l: &str| {
        (1..=63).contains(&l.len())
            && l.bytes().all(|c| c.is_ascii_alphanumeric() || matches!(c, b'-' | b'_'))
            && !l.starts_with('-')
            && !l.ends_with('-')
    };
    text.len() <= 253 && text.split('.').all(label)
}
