//! What the standards ask of the filter itself: how it reads, writes and answers. Each duty of kind
//! `own-behaviour` in `src/conformance/coverage` is one row of a table here, and each row comes with a
//! spoiled case that it must catch.

#![allow(clippy::unwrap_used)]

#[path = "../common/mod.rs"]
mod common;
#[path = "../support/mod.rs"]
mod support;

mod audio;
mod contents;
mod critical;
mod fax;
mod header;
mod milter;
mod output;
mod replies;
mod reports;
mod seen;

use seen::{Changes, Seen, octets};
use std::collections::BTreeSet;
use vpim_milter::conformance::coverage;

/// A verdict on a duty, with what is wrong.
type Kept = Result<(), String>;

/// A duty in reading: every variant of the message is read as `holds` says, the spoiled one is not.
struct Reading {
    id: &'static str,
    message: &'static str,
    variants: &'static [Changes],
    holds: fn(&Seen) -> Kept,
    spoiled: Changes,
}

/// A duty that needs a scene of its own: kept where `sound`, caught where not.
struct Scene {
    id: &'static str,
    play: fn(sound: bool) -> Kept,
}

/// `Ok` where `kept`.
fn need(kept: bool, otherwise: impl FnOnce() -> String) -> Kept {
    if kept { Ok(()) } else { Err(otherwise()) }
}

const READINGS: [(&str, &[Reading]); 5] = [
    ("header", header::READINGS),
    ("contents", contents::READINGS),
    ("audio", audio::READINGS),
    ("reports", reports::READINGS),
    ("critical", critical::READINGS),
];

const SCENES: [(&str, &[Scene]); 5] = [
    ("audio", audio::SCENES),
    ("fax", fax::SCENES),
    ("header", header::SCENES),
    ("milter", milter::SCENES),
    ("replies", replies::SCENES),
];

#[test]
fn messages_are_read_as_the_standards_ask() {
    let mut wrong = Vec::new();
    for (file, reading) in READINGS.iter().flat_map(|(file, rows)| rows.iter().map(move |r| (file, r))) {
        for changes in reading.variants {
            if let Err(why) = (reading.holds)(&Seen::of(octets(reading.message, changes))) {
                wrong.push(format!("{file}: {}: {changes:?}: {why}", reading.id));
            }
        }
        if (reading.holds)(&Seen::of(octets(reading.message, reading.spoiled))).is_ok() {
            wrong.push(format!("{file}: {}: cannot fail", reading.id));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn scenes_go_as_the_standards_ask() {
    let mut wrong = Vec::new();
    for (file, scene) in SCENES.iter().flat_map(|(file, rows)| rows.iter().map(move |s| (file, s))) {
        if let Err(why) = (scene.play)(true) {
            wrong.push(format!("{file}: {}: {why}", scene.id));
        }
        if (scene.play)(false).is_ok() {
            wrong.push(format!("{file}: {}: cannot fail", scene.id));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_tables_are_those_of_the_catalogue() {
    let readings = READINGS.iter().flat_map(|(file, rows)| rows.iter().map(move |r| (*file, r.id)));
    let scenes = SCENES.iter().flat_map(|(file, rows)| rows.iter().map(move |s| (*file, s.id)));
    let outputs = output::DUTIES.iter().map(|d| ("output", d.id));
    let here: BTreeSet<(String, String)> = readings
        .chain(scenes)
        .chain(outputs)
        .map(|(file, id)| (format!("tests/own_behaviour/{file}.rs"), id.to_owned()))
        .collect();
    let all = coverage::subjects().into_iter().flat_map(|s| s.requirements);
    let listed = all.filter(|r| r.kind == coverage::Kind::OwnBehaviour);
    let listed: BTreeSet<_> = listed.filter_map(|r| Some((r.test?, r.id))).collect();
    let only = |a: &BTreeSet<_>, b: &BTreeSet<_>| a.difference(b).cloned().collect::<Vec<(String, String)>>();
    assert_eq!((only(&listed, &here), only(&here, &listed)), (vec![], vec![]), "(only listed, only here)");
}
