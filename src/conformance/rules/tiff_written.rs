//! What our own TIFF-F writer makes is held against the rules of TIFF-F.

use super::samples::*;
use super::tiff_samples::*;
use crate::conformance::judge;
use crate::conformance::rule::{Rule, Sample};
use crate::limits::{Budget, Limits};
use crate::media::{Job, run};
use crate::message::Message;
use crate::message::transfer::{Encoding, decode, encode_base64};
use crate::vpim::{Envelope, Survey, Target};

/// The rules about TIFF that a message breaks.
fn tiff_faults(raw: &[u8], target: Option<&Target>) -> Vec<&'static Rule> {
    let limits = Limits::default();
    let message = Message::parse(raw, &limits);
    let envelope = Envelope::default();
    let survey = Survey::new(&message, &envelope, None, &limits, &mut Budget::new(&limits)).towards(target);
    assert!(survey.pages().next().is_some(), "no page is judged");
    let about_tiff = |rule: &&Rule| rule.id.contains("tiff") || rule.id.starts_with("vpim2-fax");
    judge(&survey).iter().map(|f| f.rule).filter(about_tiff).collect()
}

fn ids(rules: Vec<&'static Rule>) -> Vec<&'static str> {
    rules.into_iter().map(|rule| rule.id).collect()
}

/// The message of a sample, its TIFF file written anew by us.
fn rewritten(sample: &Sample, compression: &str) -> Vec<u8> {
    let text = String::from_utf8(sample.octets()).unwrap();
    let field = text.find("Content-Transfer-Encoding: base64").unwrap();
    let start = field + text[field..].find("\r\n\r\n").unwrap() + 4;
    let end = start + text[start..].find("\r\n--").unwrap();
    let tiff = decode(&Encoding::Base64, &text.as_bytes()[start..end]).bytes;
    let limits = Limits::default();
    let job = Job::convert(
        "image/tiff".parse().unwrap(),
        format!("image/tiff; compression={compression}").parse().unwrap(),
    );
    let written = run(&job, &tiff, &limits, &mut Budget::new(&limits)).unwrap().bytes;
    let base64 = String::from_utf8(encode_base64(&written, "\r\n")).unwrap();
    format!("{}{}{}", &text[..start], base64.trim_end(), &text[end..]).into_bytes()
}

#[test]
fn what_we_write_keeps_every_rule_of_tiff_f() {
    let spoilt: [fn(&mut Vec<u8>); 8] = [
        |t| put(t, 254, 0),
        directory_last,
        two_pages,
        second_page_first,
        big_endian,
        |t| mmr(t, 1),
        rtc,
        |t| octet(t, STRIP + 2, 0x3c),
    ];
    for (n, spoil) in spoilt.into_iter().enumerate() {
        let sample = VOICE_FAX.edited(spoil);
        for compression in ["any", "mh", "mr", "mmr"] {
            let written = rewritten(&sample, compression);
            // A file that breaks recommendations about its layout only is not touched.
            let untouched = written == sample.octets();
            let faults =
                tiff_faults(&written, None).into_iter().filter(|rule| rule.level.is_must() || !untouched);
            let faults = ids(faults.collect());
            assert!(faults.is_empty(), "change {n}, {compression}: {faults:?}");
        }
    }
}

#[test]
fn a_fax_of_profile_f_is_no_spoilt_profile_s() {
    // Right by F, wrong by S: one finding of the recommendation towards unknown receivers, no fault.
    for edit in [big_endian as fn(&mut Vec<u8>), |t| put(t, 262, 1), |t| mmr(t, 4)] {
        let faults = ids(tiff_faults(&SIMPLE_FAX.edited(edit).octets(), None));
        assert!(faults.iter().all(|id| !id.starts_with("tiff-s-")), "{faults:?}");
    }
    // Wrong by both and coded as S has it: held against S.
    let faults = ids(tiff_faults(&SIMPLE_FAX.edited(|t| put(t, 254, 0)).octets(), None));
    assert!(faults.contains(&"tiff-s-new-subfile-type") && faults.contains(&"tiff-f-new-subfile-type"));
}

#[test]
fn pages_we_code_anew_as_mh_are_of_profile_s() {
    let spoilt: [fn(&mut Vec<u8>); 3] = [|t| mmr(t, 4), |t| put(t, 262, 1), |t| octet(t, STRIP + 2, 0x3c)];
    for spoil in spoilt {
        let sample = SIMPLE_FAX.edited(spoil);
        let before = ids(tiff_faults(&sample.octets(), Some(&simple())));
        assert!(before.iter().any(|id| id.starts_with("tiff-s-")), "{before:?}");
        let after = ids(tiff_faults(&rewritten(&sample, "mh"), Some(&simple())));
        assert!(after.is_empty(), "{after:?}");
    }
}
