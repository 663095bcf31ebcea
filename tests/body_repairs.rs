//! Repairs that write a body anew: fax pages by their profile, audio in the coding and order of code
//! words that the profile of the message asks for.

#![allow(clippy::unwrap_used)]

use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use vpim_milter::conformance::rule::Sample;
use vpim_milter::conformance::{Finding, judge, rewrites, rules};
use vpim_milter::engine::{self, Ambient};
use vpim_milter::limits::{Budget, Limits};
use vpim_milter::media::{self, Facts, Job};
use vpim_milter::message::Message;
use vpim_milter::plan::Refused;
use vpim_milter::plan::repair::{Repair, repair};
use vpim_milter::policy::profile::builtin;
use vpim_milter::policy::{Profile, Settings};
use vpim_milter::vpim::{Class, Envelope, Survey, Target};

const SHARED: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../shared/corpus");

fn surveyed<T>(
    raw: &[u8],
    class: Option<Class>,
    envelope: &Envelope,
    target: Option<&Target>,
    then: impl FnOnce(&Survey<'_>) -> T,
) -> T {
    let limits = Limits::default();
    let message = Message::parse(raw, &limits);
    let survey = Survey::new(&message, envelope, class, &limits, &mut Budget::new(&limits)).towards(target);
    then(&survey)
}

fn found(raw: &[u8], class: Option<Class>, envelope: &Envelope, target: Option<&Target>) -> Vec<Finding> {
    surveyed(raw, class, envelope, target, judge)
}

/// What is broken and a body written anew could cure, and the repair of that alone.
fn repaired(
    raw: &[u8],
    class: Option<Class>,
    envelope: &Envelope,
    target: Option<&Target>,
    wanted: impl Fn(&Finding) -> bool,
) -> Result<Option<Repair>, Refused> {
    let limits = Limits::default();
    let stop = Arc::new(AtomicBool::new(false));
    surveyed(raw, class, envelope, target, |survey| {
        repair(survey, &judge(survey), wanted, &limits, &stop, &mut Budget::new(&limits))
    })
}

/// The bodies of a message, with the message's own class and no envelope.
fn bodies(raw: &[u8]) -> Vec<(Facts, Vec<u8>)> {
    surveyed(raw, None, &Envelope::default(), None, |survey| {
        let octets = |id| survey.message.decoded(survey.message.entity(id).unwrap()).bytes.into_owned();
        survey.bodies.iter().map(|b| (b.facts.clone().unwrap().facts, octets(b.entity))).collect()
    })
}

fn tiffinfo(raw: &[u8], name: &str) -> Vec<String> {
    let mut said = Vec::new();
    for (n, (facts, octets)) in bodies(raw).into_iter().enumerate() {
        if !matches!(facts, Facts::Fax(_)) {
            continue;
        }
        let path = std::env::temp_dir().join(format!("vpim-body-{}-{name}-{n}.tif", std::process::id()));
        std::fs::write(&path, octets).unwrap();
        // -D reads the image data too.
        match Command::new("tiffinfo").arg("-D").arg(&path).output() {
            Ok(output) => {
                assert!(output.status.success(), "{name}: {output:?}");
                said.extend(String::from_utf8_lossy(&output.stderr).lines().map(str::to_owned));
            }
            Err(_) => println!("skipped: tiffinfo (not installed)"),
        }
        std::fs::remove_file(&path).unwrap();
    }
    said
}

/// Rules whose sample is beyond us though others that break them are not, and why.
const BEYOND: &[(&str, &str)] = &[
    ("tiff-s-image-width-1728", "profile S has no wide pages, and pages are not scaled"),
    ("tiff-s-resolution-unit", "204 columns a centimetre are no fax; whether inches are meant nobody says"),
];

#[test]
fn every_rule_with_a_rewrite_has_its_sample_cured_and_a_second_pass_changes_nothing() {
    let mut wrong = Vec::new();
    let mut cured = 0;
    for rule in rules::all().filter(|r| r.repair.is_none() && rewrites::find(r).is_some()) {
        let sample: Sample = rule.samples.bad;
        let (raw, envelope) = (sample.octets(), sample.envelope());
        let target = sample.target.map(|target| target());
        let class = surveyed(&raw, sample.class, &envelope, target.as_ref(), |s| s.class);
        if class == Class::VoiceOther || BEYOND.iter().any(|(id, _)| *id == rule.id) {
            continue;
        }
        let repair = match repaired(&raw, sample.class, &envelope, target.as_ref(), |_| true) {
            Ok(Some(repair)) => repair,
            other => {
                wrong.push(format!("{}: {:?}", rule.id, other.map(|r| r.is_some())));
                continue;
            }
        };
        let left = found(&repair.raw, sample.class, &envelope, target.as_ref());
        if left.iter().any(|f| f.rule.id == rule.id) {
            wrong.push(format!("{}: still broken, {:?} {:?}", rule.id, repair.actions, repair.left));
            continue;
        }
        if repair.actions.is_empty() {
            wrong.push(format!("{}: cured without a body written anew", rule.id));
            continue;
        }
        let again = repaired(&repair.raw, sample.class, &envelope, target.as_ref(), |_| true);
        if let Ok(Some(again)) = again {
            wrong.push(format!("{}: again {:?}", rule.id, again.cured));
        }
        let said = tiffinfo(&repair.raw, rule.id);
        if !said.is_empty() {
            wrong.push(format!("{}: tiffinfo says {said:?}", rule.id));
        }
        cured += 1;
    }
    println!("{cured} rules cured by writing a body anew");
    assert!(wrong.is_empty(), "{cured} cured, not:\n{}", wrong.join("\n"));
    assert!(cured >= 40, "{cured}");
}

/// The audio of a message as WAV, its octets read as `declared`.
fn wav(octets: &[u8], declared: &str) -> Vec<u8> {
    let limits = Limits::default();
    let job = Job::Convert {
        declared: declared.parse().unwrap(),
        target: "audio/wav".parse().unwrap(),
        treatment: Default::default(),
    };
    media::run(&job, octets, &limits, &mut Budget::new(&limits)).unwrap().bytes
}

fn swapped() -> Vec<u8> {
    rules::find("audio-32kadpcm-little-endian").unwrap().samples.bad.octets()
}

#[test]
fn code_words_in_the_wrong_order_are_put_right_and_sound_as_they_were_meant() {
    let mut messages = vec![swapped()];
    match std::fs::read(format!("{SHARED}/viol-nibble-order.eml")) {
        Ok(raw) => messages.push(raw),
        Err(_) => println!("skipped: viol-nibble-order (no ../shared)"),
    }
    for raw in messages {
        let little_endian = |f: &Finding| f.rule.id == "audio-32kadpcm-little-endian";
        let repair = repaired(&raw, None, &Envelope::default(), None, little_endian).unwrap().unwrap();
        assert_eq!(repair.cured, ["audio-32kadpcm-little-endian"]);
        assert_eq!(repair.losses, [""; 0]);
        let (before, after) = (bodies(&raw).remove(0).1, bodies(&repair.raw).remove(0).1);
        assert_eq!(wav(&after, "audio/32KADPCM"), wav(&before, "audio/AAL2-G726-32"));
        let turned: Vec<u8> = before.iter().map(|octet| octet.rotate_left(4)).collect();
        assert!(after == turned, "no code word changes");
        // Nothing but the body is another.
        assert_eq!(repair.raw.len(), raw.len());
        assert!(repair.edits.header_edits().is_empty() && repair.edits.splices().len() == 1);
    }
}

#[test]
fn damaged_lines_are_concealed_and_told_as_losses() {
    let rule = rules::find("tiff-s-clean-lines").unwrap();
    let (sample, target) = (rule.samples.bad, rule.samples.bad.target.map(|t| t()));
    let repair = repaired(&sample.octets(), None, &sample.envelope(), target.as_ref(), |_| true);
    let repair = repair.unwrap().unwrap();
    assert!(repair.cured.contains(&rule.id), "{:?}", repair.cured);
    assert!(repair.losses.iter().any(|l| l.contains("damaged")), "{:?}", repair.losses);
}

#[test]
fn sealed_mail_and_mail_whose_sender_forbids_it_is_left_alone() {
    let raw = String::from_utf8(swapped()).unwrap();
    let banned = format!("Conversion: Prohibited\r\n{raw}");
    let part = "--s\r\nContent-Type: message/rfc822\r\n\r\n";
    let signed = format!(
        "MIME-Version: 1.0 (Voice 2.0)\r\nContent-Type: multipart/signed; boundary=s\r\n\r\n{part}{raw}\r\n--s--\r\n"
    );
    for raw in [banned, signed] {
        let refused = repaired(raw.as_bytes(), Some(Class::Vpim2), &Envelope::default(), None, |_| true);
        assert!(matches!(refused, Err(Refused::Untouchable(_))), "{refused:?}");
    }
}

#[test]
fn a_sender_who_forbids_losses_gets_only_what_loses_nothing() {
    let prohibited = |raw: Vec<u8>| [b"Conversion-With-Loss: prohibited\r\n".as_slice(), &raw].concat();
    let repaired = |raw: &[u8]| repaired(raw, None, &Envelope::default(), None, |_| true);
    let swapped = repaired(&prohibited(swapped())).unwrap().unwrap();
    assert!(swapped.cured.contains(&"audio-32kadpcm-little-endian") && swapped.losses.is_empty());
    // The law of audio/basic does not come through a coding in four bits.
    let basic = rules::find("vpim2-audio-32kadpcm-default").unwrap().samples.bad.octets();
    let lossy = repaired(&basic).unwrap().unwrap();
    assert!(lossy.losses.iter().any(|l| l.ends_with("sound coded anew in g726-32")), "{:?}", lossy.losses);
    let why = repaired(&prohibited(basic)).unwrap_err().to_string();
    assert!(why.contains("Conversion-With-Loss: prohibited"), "{why}");
}

#[test]
fn a_part_whose_sender_permits_other_forms_only_is_left_as_it_is() {
    let raw = String::from_utf8(swapped()).unwrap();
    let with = |stated: &str| {
        let field = format!("Content-Convert: {stated}\r\nContent-Disposition");
        repaired(
            raw.replacen("Content-Disposition", &field, 1).as_bytes(),
            None,
            &Envelope::default(),
            None,
            |_| true,
        )
    };
    for stated in ["ANY", "(type=\"audio/32kadpcm\")"] {
        assert!(with(stated).unwrap().unwrap().cured.contains(&"audio-32kadpcm-little-endian"), "{stated}");
    }
    for stated in ["NONE", "(type=\"audio/basic\")"] {
        let why = with(stated).unwrap_err().to_string();
        assert!(why.contains("Content-Convert"), "{why}");
    }
}

#[test]
fn what_cannot_be_cured_is_left_with_the_reason() {
    let rule = rules::find("vpim2-fax-only-tiff-f").unwrap();
    // LZW is not read, and what is in the strip is none.
    let lzw = |tiff: &mut Vec<u8>| *tiff.get_mut(66).unwrap() = 5;
    let raw = rule.samples.good.edited(lzw).octets();
    let refused = repaired(&raw, None, &Envelope::default(), None, |f| f.rule.id == rule.id);
    assert!(refused.unwrap_err().to_string().contains("not written anew"));
}

#[test]
fn a_profile_says_that_its_faxes_are_of_profile_s() {
    let builtin = builtin().remove("repair").unwrap();
    let text = toml::to_string(&Profile { target: None, ..builtin }).unwrap();
    let profile: Profile = toml::from_str(&format!("{text}\n[target]\nfax_profile_s = true\n")).unwrap();
    let mut settings = Settings::for_profile("repair", "mx.test");
    settings.profiles.insert("repair".to_owned(), profile);
    let rule = rules::find("tiff-f-mh-for-portability").unwrap();
    let raw = rule.samples.bad.octets();
    let outcome = engine::rewrite(&raw, &rule.samples.bad.envelope(), &settings, &Ambient::default());
    let done = format!("repaired {}", rule.id);
    assert!(outcome.record.actions.contains(&done), "{:?}", outcome.record);
    let after = outcome.rewritten.unwrap();
    let again = engine::rewrite(&after, &rule.samples.bad.envelope(), &settings, &Ambient::default());
    assert_eq!(again.rewritten, None, "{:?}", again.record);
}

#[test]
fn the_corpus_repaired_twice_is_the_corpus_repaired_once() {
    let own = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/corpus");
    let settings = Settings::for_profile("repair", "mx.test");
    let (mut seen, mut rewritten) = (0, Vec::new());
    for path in [own, SHARED].iter().filter_map(|folder| std::fs::read_dir(folder).ok()).flatten() {
        let path = path.unwrap().path();
        if path.extension().is_none_or(|e| e != "eml") {
            continue;
        }
        seen += 1;
        let raw = std::fs::read(&path).unwrap();
        let once = engine::rewrite(&raw, &Envelope::default(), &settings, &Ambient::default());
        if once.record.actions.iter().any(|a| a.contains(" -> ")) {
            rewritten.push(format!("{}: {:?}", path.display(), once.record.losses));
        }
        let Some(after) = once.rewritten else { continue };
        let twice = engine::rewrite(&after, &Envelope::default(), &settings, &Ambient::default());
        assert_eq!(twice.rewritten, None, "{}: {:?}", path.display(), twice.record);
    }
    println!("{seen} messages, of which bodies were written anew:\n{}", rewritten.join("\n"));
    assert!(seen > 10);
}
