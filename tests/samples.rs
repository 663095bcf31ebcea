//! The sample kit: the same octets every time, verdicts that `check` agrees with, bodies that other
//! people's decoders read. And the shape of `check --format json`, on every message of the kit.

mod support;

use serde_json::Value;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use support::directory::TestDirectory;
use support::tools;
use vpim_milter::conformance::rules;

const PROGRAM: &str = env!("CARGO_BIN_EXE_vpim-milter");

/// Writes the kit.
fn kit(directory: &TestDirectory) -> PathBuf {
    let path = directory.join("kit");
    let output = Command::new(PROGRAM).arg("samples").arg(&path).output().expect("the built binary starts");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    path
}

fn files(path: &Path, out: &mut BTreeMap<PathBuf, Vec<u8>>, root: &Path) {
    for entry in std::fs::read_dir(path).expect("the kit").flatten() {
        let path = entry.path();
        if path.is_dir() {
            files(&path, out, root);
        } else {
            let name = path.strip_prefix(root).expect("below its root").to_owned();
            out.insert(name, std::fs::read(&path).expect("a file of the kit"));
        }
    }
}

fn index(kit: &Path) -> Vec<Value> {
    let text = std::fs::read(kit.join("index.json")).expect("an index");
    serde_json::from_slice(&text).expect("JSON")
}

fn strings(value: &Value) -> Vec<&str> {
    value.as_array().into_iter().flatten().filter_map(Value::as_str).collect()
}

#[test]
fn the_kit_is_the_same_every_time() {
    let (one, two) = (TestDirectory::new("kit-one"), TestDirectory::new("kit-two"));
    let (one, two) = (kit(&one), kit(&two));
    let (mut first, mut second) = (BTreeMap::new(), BTreeMap::new());
    files(&one, &mut first, &one);
    files(&two, &mut second, &two);
    assert!(first == second, "two runs differ");
    for verdict in index(&one) {
        let file = PathBuf::from(verdict["file"].as_str().expect("a file name"));
        assert!(first.contains_key(&file), "{file:?}");
        let own: Value = serde_json::from_slice(&first[&file.with_extension("json")]).expect("JSON");
        assert_eq!(own, verdict);
    }
}

#[test]
fn every_rule_that_a_message_can_show_has_a_message() {
    let directory = TestDirectory::new("kit-rules");
    let kit = kit(&directory);
    for rule in rules::all().filter(|rule| rule.samples.bad.is_offline()) {
        let folder = if rule.level.is_must() || rule.level.is_should() { "broken" } else { "notes" };
        let path = kit.join(folder).join(format!("{}.json", rule.id));
        let text = std::fs::read(&path).unwrap_or_else(|_| panic!("{} is missing", path.display()));
        let verdict: Value = serde_json::from_slice(&text).expect("JSON");
        assert_eq!(verdict["breaks"], rule.id);
        assert!(strings(&verdict["rules"]).contains(&rule.id), "{} does not break its rule", rule.id);
        assert!(!(rule.level.is_must() && verdict["conformant"] == true), "{}", rule.id);
    }
}

/// What `check --format json` says of one message of the kit.
fn checked(kit: &Path, verdict: &Value) -> Value {
    let mut command = Command::new(PROGRAM);
    command.args(["check", "--format", "json"]);
    if let Some(from) = verdict["envelope"]["mail_from"].as_str() {
        command.args(["--mail-from", from]);
    }
    for to in strings(&verdict["envelope"]["rcpt_to"]) {
        command.args(["--rcpt-to", to]);
    }
    if let Some(profile) = verdict["judge_as"].as_str() {
        command.args(["--profile", profile]);
    }
    if verdict["notes"] == true {
        command.arg("--notes");
    }
    let file = kit.join(verdict["file"].as_str().expect("a file name"));
    let output = command.arg(&file).output().expect("the built binary starts");
    let broken = verdict["conformant"] == false;
    assert_eq!(output.status.code(), Some(i32::from(broken)), "{}", file.display());
    serde_json::from_slice(&output.stdout).expect("one JSON object")
}

#[test]
fn check_agrees_with_every_verdict() {
    let directory = TestDirectory::new("kit-verdicts");
    let kit = kit(&directory);
    let mut wrong = Vec::new();
    for verdict in index(&kit) {
        let report = checked(&kit, &verdict);
        promised_shape(&report);
        let mut rules: Vec<&str> =
            report["findings"].as_array().into_iter().flatten().filter_map(|f| f["rule"].as_str()).collect();
        rules.sort_unstable();
        rules.dedup();
        let same = report["profile"] == verdict["profile"]
            && report["conformant"] == verdict["conformant"]
            && rules == strings(&verdict["rules"])
            && verdict["parts"].as_array().is_none_or(|parts| same_parts(&report, parts));
        if !same {
            wrong.push(format!("{}: {report}", verdict["file"]));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Everything the verdict says of the parts is in the report.
fn same_parts(report: &Value, expected: &[Value]) -> bool {
    let found = report["parts"].as_array().map(Vec::as_slice).unwrap_or_default();
    found.len() == expected.len()
        && found.iter().zip(expected).all(|(found, expected)| {
            expected.as_object().is_some_and(|fields| fields.iter().all(|(key, value)| found[key] == *value))
        })
}

/// The keys and types that other people's scripts rely on.
fn promised_shape(report: &Value) {
    type Is = fn(&Value) -> bool;
    let or_null: fn(&Value, Is) -> bool = |value, is| value.is_null() || is(value);
    let check = |value: &Value, keys: &[(&str, Is, bool)]| {
        let object = value.as_object().expect("an object");
        assert_eq!(object.len(), keys.len(), "{value}");
        for (key, is, nullable) in keys {
            let value = object.get(*key).unwrap_or_else(|| panic!("no {key} in {object:?}"));
            assert!(if *nullable { or_null(value, *is) } else { is(value) }, "{key}: {value}");
        }
    };
    let (string, bool, list, whole, number): (Is, Is, Is, Is, Is) =
        (Value::is_string, Value::is_boolean, Value::is_array, Value::is_u64, Value::is_number);
    check(
        report,
        &[
            ("file", string, false),
            ("profile", string, false),
            ("conformant", bool, false),
            ("findings", list, false),
            ("parts", list, false),
            // What the sender looks like, beyond what was promised.
            ("sender", |value| !value.is_null(), true),
        ],
    );
    let profiles = ["vpim2", "vpim2-rfc2421", "vpim1", "ivm", "fax", "voice-other", "none"];
    assert!(profiles.iter().any(|p| report["profile"] == *p), "{report}");
    for finding in report["findings"].as_array().into_iter().flatten() {
        check(
            finding,
            &[
                ("rule", string, false),
                ("rfc", whole, false),
                ("section", string, false),
                ("level", string, false),
                ("message", string, false),
                ("part", string, true),
                ("header", string, true),
                ("line", whole, true),
                ("repairable", bool, false),
            ],
        );
        let levels = ["MUST", "MUST NOT", "SHOULD", "SHOULD NOT", "MAY"];
        assert!(levels.iter().any(|l| finding["level"] == *l), "{finding}");
        assert!(rules::find(finding["rule"].as_str().unwrap_or_default()).is_some(), "{finding}");
    }
    for part in report["parts"].as_array().into_iter().flatten() {
        check(
            part,
            &[
                ("part", string, true),
                ("type", string, false),
                ("disposition", string, true),
                ("voice", string, true),
                ("codec", string, true),
                ("duration_s", number, true),
                ("sample_rate", whole, true),
                ("channels", whole, true),
                ("pages", whole, true),
                ("encoding", string, false),
                ("bytes", whole, false),
            ],
        );
    }
}

/// The decoded leaves of a message whose media type begins with `prefix`, forwarded messages included.
fn bodies(raw: &[u8], prefix: &str, out: &mut Vec<Vec<u8>>) {
    let mail = mailparse::parse_mail(raw).expect("a message");
    for part in mail.parts() {
        let body = part.get_body_raw().expect("a body");
        if part.ctype.mimetype.eq_ignore_ascii_case("message/rfc822") {
            bodies(&body, prefix, out);
        } else if part.ctype.mimetype.to_ascii_lowercase().starts_with(prefix) && !body.is_empty() {
            out.push(body);
        }
    }
}

/// Golden messages with the bodies of a kind, and what the verdict says of them, in order.
fn golden(kit: &Path, prefix: &str) -> Vec<(String, Vec<u8>, Value)> {
    let mut all = Vec::new();
    for verdict in index(kit).into_iter().filter(|v| v["parts"].is_array()) {
        let file = verdict["file"].as_str().expect("a file name").to_owned();
        let mut found = Vec::new();
        bodies(&std::fs::read(kit.join(&file)).expect("a message"), prefix, &mut found);
        let is_kind =
            |p: &&Value| p["type"].as_str().is_some_and(|t| t.starts_with(prefix)) && p["duration_s"] != 0.0;
        let expected: Vec<Value> =
            verdict["parts"].as_array().into_iter().flatten().filter(is_kind).cloned().collect();
        assert_eq!(found.len(), expected.len(), "{file}");
        all.extend(found.into_iter().zip(expected).map(|(body, part)| (file.clone(), body, part)));
    }
    all
}

#[test]
fn ffmpeg_hears_every_golden_voice_at_its_length() {
    if !tools::available(&["ffmpeg"]) {
        return;
    }
    let directory = TestDirectory::new("kit-ffmpeg");
    let voices = golden(&kit(&directory), "audio/");
    assert!(voices.len() > 25, "{} voices", voices.len());
    // One run of the program for each length and codec: bodies that are the same are decoded once.
    let mut seen: Vec<Vec<u8>> = Vec::new();
    for (file, body, part) in voices {
        if seen.contains(&body) {
            continue;
        }
        let path = directory.join("voice");
        std::fs::write(&path, &body).expect("a temporary file");
        let format = if part["codec"] == "pcmu" { "mulaw -ar 8000" } else { "g726le -ar 8000 -code_size 4" };
        let mut command = Command::new("ffmpeg");
        command.args(["-v", "warning", "-f"]).args(format.split(' ')).arg("-i").arg(&path);
        let output = command.args(["-f", "s16le", "-"]).output().expect("ffmpeg runs");
        assert!(output.status.success(), "{file}: {}", String::from_utf8_lossy(&output.stderr));
        let samples: Vec<i16> = output.stdout.as_chunks().0.iter().map(|&s| i16::from_le_bytes(s)).collect();
        let seconds = samples.len() as f64 / 8_000.0;
        assert_eq!(Some(seconds), part["duration_s"].as_f64(), "{file}");
        let peak = samples.iter().map(|s| s.unsigned_abs()).max().unwrap_or(0);
        assert!((3_000..32_700).contains(&peak), "{file}: a voice, neither silence nor noise: {peak}");
        seen.push(body);
    }
}

#[test]
fn libtiff_reads_every_golden_fax_without_a_word() {
    if !tools::available(&["tiffinfo"]) {
        return;
    }
    let directory = TestDirectory::new("kit-tiff");
    let faxes = golden(&kit(&directory), "image/");
    assert!(faxes.len() >= 8, "{} faxes", faxes.len());
    for (file, body, part) in faxes {
        let path = directory.join("fax.tif");
        std::fs::write(&path, &body).expect("a temporary file");
        // -D reads the pixels too.
        let output = Command::new("tiffinfo").args(["-D"]).arg(&path).output().expect("tiffinfo runs");
        let words = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success() && words.is_empty(), "{file}: {words}");
        let text = String::from_utf8_lossy(&output.stdout);
        let pages = text.matches("Image Width: 1728").count();
        assert_eq!(Some(pages as u64), part["pages"].as_u64(), "{file}: {text}");
    }
}
