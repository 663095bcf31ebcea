//! Content-Duration: RFC 3803.

use super::lookup::*;
use super::samples::*;
use crate::conformance::rule::{Findings, Level, Rule, Samples};
use crate::message::edit::EditList;
use crate::message::{Entity, EntityId, Field};
use crate::vpim::Survey;

/// The rules.
pub static RULES: &[Rule] = &[
    Rule {
        id: "duration-syntax",
        level: Level::Must,
        rfc: 3803,
        section: "2.1",
        text: "The value is one unsigned decimal integer of 1 to 10 digits.",
        remedy: "Write whole seconds in digits.",
        classes: AUDIO,
        check: duration_syntax,
        repair: Some(correct_syntax),
        samples: Samples::changed(VOICE, &[("Content-Duration: 1", "Content-Duration: 1.5 s")]),
    },
    Rule {
        id: "duration-range",
        level: Level::Must,
        rfc: 3803,
        section: "2.1",
        text: "The practical maximum is 2147483647.",
        remedy: "Write the length in seconds.",
        classes: AUDIO,
        check: duration_range,
        repair: Some(correct_range),
        samples: Samples::changed(VOICE, &[("Content-Duration: 1", "Content-Duration: 4000000000")]),
    },
    Rule {
        id: "duration-accurate",
        level: Level::Should,
        rfc: 3803,
        section: "2.2",
        text: "The stated time matches the real length of the content.",
        remedy: "Let the voice system count the audio it sends.",
        classes: AUDIO,
        check: duration_accurate,
        repair: Some(correct_length),
        samples: Samples::changed(VOICE, &[("Content-Duration: 1", "Content-Duration: 25")]),
    },
    Rule {
        id: "duration-single-field",
        level: Level::Must,
        rfc: 3803,
        section: "2.1",
        text: "A part has a single Content-Duration.",
        remedy: "Write the field once.",
        classes: AUDIO,
        check: duration_single_field,
        repair: Some(keep_one),
        samples: Samples::changed(
            VOICE,
            &[("Content-Duration: 1", "Content-Duration: 1\nContent-Duration: 1")],
        ),
    },
    Rule {
        id: "duration-time-varying-only",
        level: Level::Should,
        rfc: 3803,
        section: "1",
        text: "The field belongs on audio or video contents.",
        remedy: "Write the field in the audio part it belongs to.",
        classes: AUDIO,
        check: duration_time_varying_only,
        repair: Some(remove_elsewhere),
        samples: Samples::changed(VOICE, &[("Subject:", "Content-Duration: 4\nSubject:")]),
    },
    Rule {
        id: "duration-local-use",
        level: Level::May,
        rfc: 3803,
        section: "2.2",
        text: "What a receiver does with the stated time is its own matter.",
        remedy: "State the length rounded to whole seconds, at least 1: some receivers show it as it is.",
        classes: AUDIO,
        check: duration_local_use,
        repair: None,
        samples: Samples::changed(VOICE, &[("Content-Duration: 1", "Content-Duration: 0")]),
    },
    Rule {
        id: "duration-may-be-withheld",
        level: Level::May,
        rfc: 3803,
        section: "4",
        text: "The field may be left out, as where the length is nobody else's concern.",
        remedy: "State the length where it may be known; few clients count it themselves.",
        classes: AUDIO,
        check: duration_may_be_withheld,
        repair: None,
        samples: Samples { good: INTERNET, bad: INTERNET.with(&[("Content-Duration: 1\n", "")]) },
    },
];

fn duration_syntax(s: &Survey<'_>, f: &mut Findings<'_>) {
    for (id, field, text) in durations(s) {
        if !is_number(&text) {
            f.field(id, field, format!("{} is no number of seconds", quoted(&text)));
        }
    }
}

fn duration_range(s: &Survey<'_>, f: &mut Findings<'_>) {
    for (id, field, text) in durations(s) {
        if is_too_large(&text) {
            f.field(id, field, format!("{text} is more than 2147483647"));
        }
    }
}

fn duration_accurate(s: &Survey<'_>, f: &mut Findings<'_>) {
    for (id, field, text) in durations(s) {
        let (Ok(stated), Some(found)) = (text.parse::<u32>(), s.audio_facts(id).and_then(|a| a.duration_s()))
        else {
            continue;
        };
        if differs(stated, found) {
            f.field(id, field, format!("says {stated} s, the audio lasts {found:.1} s"));
        }
    }
}

fn duration_single_field(s: &Survey<'_>, f: &mut Findings<'_>) {
    for (id, _) in s.judged() {
        if let Some(second) = s.fields(id, "Content-Duration").nth(1) {
            f.field(id, second, "a second Content-Duration");
        }
    }
}

fn duration_time_varying_only(s: &Survey<'_>, f: &mut Findings<'_>) {
    for (id, e) in not_time_varying(s) {
        for field in s.fields(id, "Content-Duration") {
            f.field(id, field, format!("on {}", quoted(&e.content_type.essence())));
        }
    }
}

fn duration_local_use(s: &Survey<'_>, f: &mut Findings<'_>) {
    for (id, field, text) in durations(s) {
        let Some(found) = s.audio_facts(id).and_then(|a| a.duration_s()) else { continue };
        let rounded = found.round().max(1.0);
        if text.parse::<u32>().is_ok_and(|stated| f64::from(stated) != rounded) {
            f.field(id, field, format!("says {text} s, rounded it is {rounded:.0} s"));
        }
    }
}

fn duration_may_be_withheld(s: &Survey<'_>, f: &mut Findings<'_>) {
    for (id, _) in s.audio().filter(|(id, _)| s.fields(*id, "Content-Duration").next().is_none()) {
        f.missing(id, "Content-Duration", "the length is not stated");
    }
}

/// The fields on audio parts, with their values.
fn durations<'a>(s: &'a Survey<'_>) -> impl Iterator<Item = (EntityId, &'a Field, String)> {
    s.audio().filter_map(|(id, _)| {
        let field = s.fields(id, "Content-Duration").next()?;
        Some((id, field, s.text(field)))
    })
}

/// RFC 3803 2.1: one to ten digits.
fn is_number(text: &str) -> bool {
    (1..=10).contains(&text.len()) && text.bytes().all(|c| c.is_ascii_digit())
}

fn is_too_large(text: &str) -> bool {
    text.len() <= 10 && text.parse::<u64>().is_ok_and(|n| n > 2_147_483_647)
}

fn differs(stated: u32, found: f64) -> bool {
    (f64::from(stated) - found).abs() > 1.0
}

/// The length of a part in whole seconds, at least 1, where the audio was decoded.
pub fn length(s: &Survey<'_>, id: EntityId) -> Option<String> {
    let seconds = s.audio_facts(id)?.duration_s().filter(|d| *d > 0.0)?;
    Some(seconds.clamp(1.0, 2_147_483_647.0).round().to_string())
}

/// Writes the length where `wrong` says so of the value; where it is not known, the field goes.
fn correct(s: &Survey<'_>, edits: &mut EditList, wrong: impl Fn(EntityId, &str) -> bool) {
    for (id, _, _) in durations(s).filter(|(id, _, text)| wrong(*id, text)) {
        s.set(edits, id, "Content-Duration", length(s, id).as_deref());
    }
}

fn correct_syntax(s: &Survey<'_>, edits: &mut EditList) {
    correct(s, edits, |_, text| !is_number(text));
}

fn correct_range(s: &Survey<'_>, edits: &mut EditList) {
    correct(s, edits, |_, text| is_too_large(text));
}

fn correct_length(s: &Survey<'_>, edits: &mut EditList) {
    let found = |id| s.audio_facts(id).and_then(|a| a.duration_s());
    correct(s, edits, |id, text| {
        text.parse::<u32>().is_ok_and(|stated| found(id).is_some_and(|found| differs(stated, found)))
    });
}

fn keep_one(s: &Survey<'_>, edits: &mut EditList) {
    for (id, _) in s.judged().filter(|(id, _)| s.fields(*id, "Content-Duration").nth(1).is_some()) {
        match length(s, id) {
            Some(length) => s.set(edits, id, "Content-Duration", Some(&length)),
            None => s.keep_first(edits, id, "Content-Duration"),
        }
    }
}

fn remove_elsewhere(s: &Survey<'_>, edits: &mut EditList) {
    for (id, _) in not_time_varying(s) {
        s.set(edits, id, "Content-Duration", None);
    }
}

/// The entities that last no time.
fn not_time_varying<'a>(s: &'a Survey<'_>) -> impl Iterator<Item = (EntityId, &'a Entity)> {
    s.judged().filter(|(_, e)| !matches!(e.content_type.main.as_str(), "audio" | "video" | "application"))
}
