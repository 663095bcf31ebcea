//! Duties of the filter itself that no message can break, and the test that shows each kept.

use crate::conformance::judge;
use crate::conformance::rule::Sample;
use crate::conformance::rules::samples::{INTERNET, VOICE};
use crate::limits::{Budget, Limits};
use crate::message::Message;
use crate::vpim::gstn::Gstn;
use crate::vpim::{Class, Survey};

/// Requirement and test.
const DUTIES: &[(&str, &str)] = &[
    ("gstn-submission-accepted", "addresses_of_all_four_selectors_are_accepted"),
    ("gstn-selector-case-insensitive", "spelling_makes_no_difference"),
    ("gstn-written-separators-ignored", "spelling_makes_no_difference"),
    ("gstn-slashes-accepted", "spelling_makes_no_difference"),
    ("ivm-smtp-transport", "the_transaction_decides_nothing_about_an_internet_voice_message"),
];

/// Rules with an MUST found on the addresses of a sample, and its class.
fn judged(sample: Sample) -> (Class, Vec<&'static str>) {
    let (limits, raw, envelope) = (Limits::default(), sample.octets(), sample.envelope());
    let message = Message::parse(&raw, &limits);
    let survey = Survey::new(&message, &envelope, None, &limits, &mut Budget::new(&limits));
    let findings = judge(&survey);
    let of_envelope = findings.iter().filter(|f| f.at.is_none() && f.rule.level.is_must());
    (survey.class, of_envelope.map(|f| f.rule.id).collect())
}

#[test]
fn addresses_of_all_four_selectors_are_accepted() {
    const FORMS: [&[&str]; 5] = [
        &["VPIM=+496912345/EXT=12@gw.example.org"],
        &["voice=+496912345@gw.example.org"],
        &["AMIS=+1/401+3278144+/SYSNUM=1+401+3279542+@gw.example.org"],
        &["FAX=+496912345/T33S=7@gw.example.org"],
        &["+496912345@gw.example.org"],
    ];
    for form in FORMS {
        assert_eq!(judged(VOICE.to(form)).1, [""; 0], "{form:?}");
    }
    assert_eq!(judged(VOICE.to(&["TEL=+496912345@gw.example.org"])).1, ["gstn-submission-forms"]);
}

#[test]
fn spelling_makes_no_difference() {
    let plain = Gstn::parse("FAX=+3940226338/T33S=7").unwrap();
    for other in ["fax=+39-40-226338/t33s=7", "/Fax=+39.40.226338/T33s=7/", "\"/FAX=+3940226338/T33S=7\""] {
        let other = Gstn::parse(other).unwrap();
        assert_eq!((&other.selector, other.digits()), (&plain.selector, plain.digits()));
        assert_eq!(other.elements, plain.elements);
    }
}

#[test]
fn the_transaction_decides_nothing_about_an_internet_voice_message() {
    for sample in [INTERNET, INTERNET.from(""), INTERNET.from("ann@example.net").to(&["tom@example.org"])] {
        assert_eq!(judged(sample), (Class::Ivm, Vec::new()));
    }
}

#[test]
fn duties_are_in_no_table_of_rules_and_name_a_test_of_this_file() {
    let source = include_str!("duties_addressing.rs");
    for (id, test) in DUTIES {
        assert!(crate::conformance::rules::find(id).is_none(), "{id} is a rule");
        assert!(source.contains(&format!("fn {test}()")), "{test}");
    }
}
