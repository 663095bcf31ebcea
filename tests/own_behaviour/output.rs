//! What we write: every message we have, converted, against the duties of a relay and a gateway.

use super::seen::{Seen, octets, processed};
use super::{Kept, need, seen};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use vpim_milter::conformance::judge;
use vpim_milter::limits::{Budget, Limits};
use vpim_milter::message::Message;
use vpim_milter::policy::Settings;
use vpim_milter::vpim::{Class, Survey};

/// A message before and after.
#[derive(Clone)]
pub struct Converted {
    name: String,
    profile: &'static str,
    before: Vec<u8>,
    after: Vec<u8>,
}

/// A duty every output keeps, and damage to an output (`None` where there is nothing to damage) that
/// it must catch.
pub struct Duty {
    pub id: &'static str,
    holds: fn(&Converted) -> Kept,
    damage: fn(&Converted) -> Option<Vec<u8>>,
}

pub const DUTIES: &[Duty] = &[
    Duty {
        id: "vpim2-cc-no-blind-recipients",
        holds: recipients_disclosed,
        damage: |c| insert(c, "Cc: <3002@vm.example.org>\r\n"),
    },
    Duty { id: "vpim2-received-not-removed", holds: received_kept, damage: |c| without_field(c, "Received") },
    Duty {
        id: "vpim2-recv-received-ignored",
        holds: received_kept,
        damage: |c| without_field(c, "Received"),
    },
    Duty {
        id: "vpim2-conforming-generation",
        holds: no_new_violation,
        damage: |c| replaced(c, "; voice=", "; x="),
    },
    Duty { id: "vpim2-recv-no-voice-discard", holds: no_voice_lost, damage: without_first_audio },
    Duty { id: "vpim2-recv-presentation-order", holds: order_kept, damage: without_first_audio },
    Duty {
        id: "duration-updated-on-rewrite",
        holds: durations_true,
        damage: |c| replaced(c, "Content-Duration: ", "Content-Duration: 9"),
    },
    Duty {
        id: "ivm-gateway-complete",
        holds: gateway_complete,
        damage: |c| replaced(c, "; version=2.0", ""),
    },
];

#[test]
fn outputs_keep_the_duties_of_a_gateway() {
    let all = conversions();
    assert!(all.len() >= 10, "{} conversions", all.len());
    let mut wrong = Vec::new();
    for duty in DUTIES {
        for case in all {
            if let Err(why) = (duty.holds)(case) {
                wrong.push(format!("{}: {} to {}: {why}", duty.id, case.name, case.profile));
            }
        }
        let damaged = all.iter().filter_map(|c| Some(Converted { after: (duty.damage)(c)?, ..c.clone() }));
        if !damaged.into_iter().any(|c| (duty.holds)(&c).is_err()) {
            wrong.push(format!("{}: cannot fail", duty.id));
        }
    }
    println!("{} conversions", all.len());
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Every message that changes on its way to a voice system or a desk.
fn conversions() -> &'static [Converted] {
    static ALL: OnceLock<Vec<Converted>> = OnceLock::new();
    ALL.get_or_init(|| {
        let mut out = Vec::new();
        for (name, before) in messages() {
            for profile in ["desktop", "vpim2"] {
                let outcome = processed(&before, &Settings::for_profile(profile, "mx.test"));
                let done = !outcome.record.actions.is_empty() || !outcome.record.losses.is_empty();
                if let (Some(after), true) = (outcome.rewritten, done) {
                    out.push(Converted { name: name.clone(), profile, before: before.clone(), after });
                }
            }
        }
        out
    })
}

fn messages() -> Vec<(String, Vec<u8>)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut files: Vec<PathBuf> = Vec::new();
    for folder in ["examples/messages", "tests/data/corpus", "../shared/corpus"] {
        match std::fs::read_dir(root.join(folder)) {
            Ok(entries) => files.extend(entries.flatten().map(|e| e.path())),
            Err(_) => println!("skipped: {folder} is not here"),
        }
    }
    files.retain(|f| f.extension().is_some_and(|e| e == "eml"));
    files.sort();
    let name = |f: &PathBuf| f.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    let mut out: Vec<_> = files.iter().map(|f| (name(f), std::fs::read(f).unwrap())).collect();
    let blind = octets(seen::INTERNET, &[("To:", "Bcc: <hidden@example.org>\nTo:")]);
    out.push(("blind copy".to_owned(), blind));
    let encoded = octets(seen::VOICE, &[("base64", "quoted-printable"), ("////////", "=FF=FF")]);
    out.push(("two lengths".to_owned(), encoded));
    out
}

fn fields(raw: &[u8], names: &[&str]) -> Vec<Vec<u8>> {
    let message = Message::parse(raw, &Limits::default());
    let root = message.root();
    let of = |name: &&str| message.fields(root, name).map(|f| f.span.of(raw).to_vec()).collect::<Vec<_>>();
    names.iter().flat_map(of).collect()
}

fn recipients_disclosed(c: &Converted) -> Kept {
    let (before, after) = (fields(&c.before, &["To", "Cc"]), fields(&c.after, &["To", "Cc"]));
    need(before == after, || "To or Cc changed".to_owned())?;
    let blind = fields(&c.after, &["Bcc"]);
    let named = c.profile == "vpim2" && blind.iter().any(|f| f.contains(&b'@'));
    need(!named, || "blind recipients are disclosed".to_owned())
}

fn received_kept(c: &Converted) -> Kept {
    let (before, after) = (fields(&c.before, &["Received"]), fields(&c.after, &["Received"]));
    need(before == after, || format!("{} Received fields became {}", before.len(), after.len()))
}

fn musts(raw: &[u8], class: Option<Class>) -> Vec<&'static str> {
    let limits = Limits::default();
    let message = Message::parse(raw, &limits);
    let envelope = seen::envelope();
    let survey = Survey::new(&message, &envelope, class, &limits, &mut Budget::new(&limits));
    judge(&survey).iter().filter(|f| f.rule.level.is_must()).map(|f| f.rule.id).collect()
}

/// Nothing broken that was not broken before, as far as the message was judged as the same.
fn no_new_violation(c: &Converted) -> Kept {
    if c.profile != "vpim2" {
        return Ok(());
    }
    let mut before = musts(&c.before, None);
    before.extend(musts(&c.before, Some(Class::Vpim2)));
    let mut new = musts(&c.after, None);
    new.retain(|id| !before.contains(id));
    need(new.is_empty(), || format!("new: {new:?}"))
}

fn gateway_complete(c: &Converted) -> Kept {
    let seen = Seen::of(c.before.clone());
    if seen.class != Class::Ivm || c.profile != "vpim2" {
        return Ok(());
    }
    let after = Seen::of(c.after.clone());
    need(after.class == Class::Vpim2, || after.shown())?;
    // What the sender said of itself is not ours to say.
    let own = |id: &&&str| !(id.starts_with("mail-") || seen.musts.contains(*id));
    let broken: Vec<_> = after.musts.iter().filter(own).collect();
    need(broken.is_empty(), || format!("{broken:?}"))
}

/// Lengths in seconds of the audio bodies that are not empty, in order.
fn lengths(raw: &[u8]) -> Vec<f64> {
    let limits = Limits::default();
    let message = Message::parse(raw, &limits);
    let envelope = seen::envelope();
    // As mail with voice, whatever it is called: a message for a desk claims nothing.
    let class = Some(Class::VoiceOther);
    let survey = Survey::new(&message, &envelope, class, &limits, &mut Budget::new(&limits));
    let facts = survey.bodies.iter().filter_map(|b| b.facts.as_ref().ok());
    let seconds = facts.filter_map(|r| match &r.facts {
        vpim_milter::media::Facts::Audio(audio) => audio.duration_s(),
        vpim_milter::media::Facts::Fax(_) => None,
    });
    seconds.filter(|s| *s > 0.0).collect()
}

fn no_voice_lost(c: &Converted) -> Kept {
    let (before, after) = (lengths(&c.before), lengths(&c.after));
    let (a, b) = (before.iter().sum::<f64>(), after.iter().sum::<f64>());
    need(before.len() <= after.len() && b > a - 0.1, || format!("{before:?} s became {after:?} s"))
}

fn order_kept(c: &Converted) -> Kept {
    let (before, after) = (lengths(&c.before), lengths(&c.after));
    let mut after_in_order = after.iter();
    let kept = before.iter().all(|b| after_in_order.any(|a| (a - b).abs() < 0.1));
    need(kept, || format!("{before:?} s became {after:?} s"))
}

/// The Content-Duration of every part we wrote is its length.
fn durations_true(c: &Converted) -> Kept {
    let limits = Limits::default();
    let message = Message::parse(&c.after, &limits);
    let envelope = seen::envelope();
    let class = Some(Class::VoiceOther);
    let survey = Survey::new(&message, &envelope, class, &limits, &mut Budget::new(&limits));
    for body in &survey.bodies {
        let Some(entity) = message.entity(body.entity) else { continue };
        let octets = entity.span().of(&c.after);
        let ours = !c.before.windows(octets.len().max(1)).any(|w| w == octets);
        let stated = message.value(entity, "Content-Duration").map(String::from_utf8_lossy);
        let (Some(stated), true) = (stated, ours) else { continue };
        let Ok(report) = &body.facts else { continue };
        let vpim_milter::media::Facts::Audio(audio) = &report.facts else { continue };
        let Some(seconds) = audio.duration_s() else { continue };
        let true_length = (seconds.round() as u64).max(1).to_string();
        need(stated.trim() == true_length, || format!("says {stated}, lasts {seconds} s"))?;
    }
    Ok(())
}

fn insert(c: &Converted, field: &str) -> Option<Vec<u8>> {
    Some([field.as_bytes(), &c.after].concat())
}

fn without_field(c: &Converted, name: &str) -> Option<Vec<u8>> {
    let message = Message::parse(&c.after, &Limits::default());
    let span = message.fields(message.root(), name).next()?.span;
    Some([&c.after[..span.start], &c.after[span.end..]].concat())
}

fn replaced(c: &Converted, old: &str, new: &str) -> Option<Vec<u8>> {
    let at = c.after.windows(old.len()).position(|w| w == old.as_bytes())?;
    Some([&c.after[..at], new.as_bytes(), &c.after[at + old.len()..]].concat())
}

fn without_first_audio(c: &Converted) -> Option<Vec<u8>> {
    let message = Message::parse(&c.after, &Limits::default());
    let (_, audio) = message.entities().find(|(_, e)| e.content_type.main == "audio")?;
    let span = audio.span();
    let text = b"Content-Type: text/plain\r\n\r\ngone";
    Some([&c.after[..span.start], text, &c.after[span.end..]].concat())
}
