//! What administrators write, what comes of it, and what is refused.

use super::*;
use proptest::prelude::*;

fn rule(pattern: &str) -> NumberRule {
    NumberRule {
        places: vec![Place::Recipient],
        pattern: Pattern::parse(pattern).unwrap(),
        strip: 0,
        keep: None,
        prefix: String::new(),
        selector: None,
        domain: None,
    }
}

fn made(rule: &NumberRule, address: &str) -> Option<String> {
    renumbered(std::slice::from_ref(rule), Place::Recipient, address)
}

#[test]
fn an_extension_becomes_the_full_number() {
    let full = NumberRule { prefix: "604555".into(), ..rule("44??") };
    assert_eq!(made(&full, "4411@avaya.test").as_deref(), Some("6045554411@avaya.test"));
    assert_eq!(made(&full, "44-11+7@avaya.test").as_deref(), Some("6045554411+7@avaya.test"));
    for other in ["6045554411@avaya.test", "4511@avaya.test", "pat@avaya.test", "4411x@avaya.test", ""] {
        assert_eq!(made(&full, other), None, "{other}");
    }
    assert_eq!(fault(&[full]), None);
}

#[test]
fn international_national_extension_and_back() {
    let national = NumberRule { strip: 2, ..rule("+1??????????") };
    assert_eq!(made(&national, "+16045554411@a.test").as_deref(), Some("6045554411@a.test"));
    let international = NumberRule { prefix: "+1".into(), ..rule("??????????") };
    assert_eq!(made(&international, "6045554411@a.test").as_deref(), Some("+16045554411@a.test"));
    let trunk = NumberRule { strip: 1, prefix: "+49".into(), ..rule("0*") };
    assert_eq!(made(&trunk, "0301234@a.test").as_deref(), Some("+49301234@a.test"));
    assert_eq!(made(&trunk, "0@a.test").as_deref(), Some("+49@a.test"));
    let extension = NumberRule { keep: Some(4), ..rule("+1604555????") };
    assert_eq!(made(&extension, "+1-604-555-4411@a.test").as_deref(), Some("4411@a.test"));
    for rule in [&national, &international, &trunk, &extension] {
        assert_eq!(fault(std::slice::from_ref(rule)), None, "{rule:?}");
    }
    assert_eq!(fault(&[national, international]), Some(Fault::Again(0, 1)));
}

#[test]
fn selectors_elements_and_domains() {
    let national = NumberRule { strip: 2, ..rule("+1*") };
    assert_eq!(
        made(&national, "FAX=+14165551212/T33S=6@g.test").as_deref(),
        Some("FAX=4165551212/T33S=6@g.test")
    );
    let moved = NumberRule { domain: Some("vm2.test".into()), ..rule("*") };
    assert_eq!(made(&moved, "+1-613@vpim.test").as_deref(), Some("+1-613@vm2.test"));
    assert_eq!(made(&moved, "+1613@vm2.test"), None);
    assert_eq!(made(&moved, "1613").as_deref(), Some("1613@vm2.test"));
    let plain = NumberRule { selector: Some(String::new()), ..rule("VPIM=*") };
    assert_eq!(made(&plain, "/VPIM=+1303/EXT=7/@g.test").as_deref(), Some("+1303@g.test"));
    let fax = NumberRule { selector: Some("FAX".into()), ..rule("+*") };
    assert_eq!(made(&fax, "+1416@g.test").as_deref(), Some("FAX=+1416@g.test"));
    assert_eq!(made(&fax, "+1416+22@g.test").as_deref(), Some("FAX=+1416/EXT=22@g.test"));
    assert_eq!(made(&fax, "\"/vpim=+1416/EXT=2\"@g.test").as_deref(), Some("\"/FAX=+1416/EXT=2\"@g.test"));
    for rule in [&national, &moved, &plain, &fax] {
        assert_eq!(fault(std::slice::from_ref(rule)), None, "{rule:?}");
    }
}

#[test]
fn the_first_rule_that_matches_holds_also_one_that_changes_nothing() {
    let rules = [rule("4400"), NumberRule { prefix: "604555".into(), ..rule("44??") }];
    assert_eq!(renumbered(&rules, Place::Recipient, "4400@a.test"), None);
    assert_eq!(renumbered(&rules, Place::Recipient, "4401@a.test").as_deref(), Some("6045554401@a.test"));
    assert_eq!(renumbered(&rules, Place::From, "4401@a.test"), None);
    assert_eq!(fault(&rules), None);
}

#[test]
fn what_is_no_number_afterwards_is_left_alone() {
    for (rule, address) in [
        (NumberRule { strip: 4, ..rule("*") }, "4411@a.test"),
        (NumberRule { strip: 9, ..rule("*") }, "4411@a.test"),
        (NumberRule { prefix: "9".into(), ..rule("*") }, "+1604@a.test"),
        (NumberRule { prefix: "1".repeat(62), ..rule("*") }, "4411@a.test"),
    ] {
        assert_eq!(made(&rule, address), None, "{rule:?}");
    }
}

#[test]
fn lists_that_would_change_their_own_results_are_found() {
    let again = |rule: NumberRule| fault(&[rule]) == Some(Fault::Again(0, 0));
    assert!(again(NumberRule { prefix: "604555".into(), ..rule("*") }));
    assert!(again(NumberRule { strip: 1, ..rule("*") }));
    assert!(again(NumberRule { strip: 1, ..rule("0*") }));
    assert!(again(NumberRule { keep: Some(4), prefix: "9".into(), ..rule("*") }));
    assert!(!again(NumberRule { keep: Some(4), ..rule("*") }));
    let shield = [rule("604555????"), NumberRule { keep: Some(4), prefix: "604555".into(), ..rule("????*") }];
    assert_eq!(fault(&shield), None);
    let short = NumberRule { pattern: Pattern::parse("*").unwrap(), ..shield[1].clone() };
    assert_eq!(
        fault(&[shield[0].clone(), short]),
        Some(Fault::Again(1, 1)),
        "411 -> 604555411 -> 6045555411"
    );
    assert_eq!(fault(&[rule("*"), rule("44??")]), Some(Fault::Hidden(0, 1)));
    assert_eq!(fault(&[NumberRule { prefix: "9".into(), ..rule("+1*") }]), Some(Fault::Nothing(0)));
    assert_eq!(fault(&[NumberRule { strip: 4, ..rule("44??") }]), Some(Fault::Nothing(0)));
}

fn patterns() -> impl Strategy<Value = String> {
    prop_oneof!["[+]?[0-2?*]{1,5}", "(FAX=|VPIM=)[+]?[01?*]{1,3}", "[01?*]{1,3}@(a|b|[*])[.]test"]
}

fn rules() -> impl Strategy<Value = Vec<NumberRule>> {
    let one = (
        patterns(),
        0usize..3,
        proptest::option::of(1usize..4),
        "[+]?[0-2]{0,2}",
        proptest::option::of(prop_oneof![Just(String::new()), Just("FAX".to_owned())]),
        proptest::option::of("[ab][.]test"),
    );
    let one = one.prop_map(|(pattern, strip, keep, prefix, selector, domain)| {
        let prefix = if prefix == "+" { String::new() } else { prefix };
        NumberRule { strip, keep: keep.filter(|_| strip == 0), prefix, selector, domain, ..rule(&pattern) }
    });
    proptest::collection::vec(one, 1..4)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4_000, ..ProptestConfig::default() })]

    /// The promise of `fault`: what it lets pass gives the same after two passes as after one.
    #[test]
    fn rules_without_fault_do_not_change_their_own_results(
        rules in rules(),
        address in "(FAX=|VPIM=|/fax=)?[+]?[0-2]{1,6}([+][12]|/T33S=1)?@[ab][.]test",
    ) {
        if fault(&rules).is_none()
            && let Some(once) = renumbered(&rules, Place::Recipient, &address)
        {
            prop_assert_eq!(renumbered(&rules, Place::Recipient, &once), None, "{} from {}", once, address);
        }
    }
}
