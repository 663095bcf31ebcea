//! Number rules and templates. A line with `;` is a rule (pattern; strip; keep; prefix; selector; domain), a
//! line with a brace a template, any other an address.
#![no_main]

use libfuzzer_sys::fuzz_target;
use vpim_milter::plan::template;
use vpim_milter::policy::NumberRule;
use vpim_milter::policy::numbers::{Pattern, Place, fault, is_selector, renumbered};

const NAMES: [&str; 3] = ["from", "length", "pages"];

fuzz_target!(|text: &str| {
    let (rules, others): (Vec<&str>, Vec<&str>) = text.lines().partition(|line| line.contains(';'));
    let rules: Vec<NumberRule> = rules.into_iter().take(8).filter_map(rule).collect();
    let sound = fault(&rules).is_none();
    for line in others {
        if line.contains(['{', '}']) {
            let filled = template::filled(line, |name| NAMES.contains(&name).then(|| "{".to_owned()));
            assert!(filled.is_some() || template::check(line, &NAMES).is_err(), "{line}");
            continue;
        }
        let Some(once) = renumbered(&rules, Place::Recipient, line) else { continue };
        assert!(once != line && !once.contains(char::is_control));
        // The promise of `fault`.
        assert!(!sound || renumbered(&rules, Place::Recipient, &once).is_none(), "{once} from {line}");
    }
});

/// A rule that the configuration would take.
fn rule(line: &str) -> Option<NumberRule> {
    let mut fields = line.split(';');
    let pattern = Pattern::parse(fields.next()?).ok()?;
    let mut next = || fields.next().unwrap_or_default();
    let (strip, keep, prefix, selector, domain) = (next(), next(), next(), next(), next());
    let keep: Option<usize> = keep.parse().ok();
    let strip = if keep.is_some() { 0 } else { strip.parse().unwrap_or(0) };
    let digits = prefix.strip_prefix('+').unwrap_or(prefix);
    let good = keep.is_none_or(|keep| (1..=30).contains(&keep))
        && digits.bytes().all(|c| c.is_ascii_digit())
        && prefix.len() <= 30
        && prefix != "+"
        && matches!(selector, "" | "-" | "FAX" | "VPIM")
        && domain.bytes().all(|c| c.is_ascii_alphanumeric() || c == b'.');
    let selector = match selector {
        "" => None,
        "-" => Some(String::new()),
        name => is_selector(name).then(|| name.to_owned()),
    };
    let domain = (!domain.is_empty()).then(|| domain.to_owned());
    let places = vec![Place::Recipient];
    good.then(|| NumberRule { places, pattern, strip, keep, prefix: prefix.to_owned(), selector, domain })
}
