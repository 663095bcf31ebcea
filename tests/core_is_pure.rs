//! The core takes bytes and gives values: it must not name the runtime, the milter library, files,
//! sockets or clocks. And each wrapped library is named where the map says, nowhere else.

use std::fs;
use std::path::{Path, PathBuf};

const CORE: [&str; 9] =
    ["limits.rs", "message", "vpim", "conformance", "media", "policy", "plan", "engine", "samples"];
const FORBIDDEN: [&str; 9] = [
    "tokio",
    "indymilter",
    "std::fs",
    "std::net::Tcp",
    "std::os::unix::net",
    "Instant::now",
    "SystemTime::now",
    "std::process",
    "std::thread",
];

fn sources(path: &Path, out: &mut Vec<PathBuf>) {
    if path.is_dir() {
        for entry in fs::read_dir(path).expect("own sources").flatten() {
            sources(&entry.path(), out);
        }
    } else if path.extension().is_some_and(|e| e == "rs") {
        out.push(path.to_owned());
    }
}

/// The code of a file, without its tests.
fn code(path: &Path) -> String {
    let text = fs::read_to_string(path).expect("own sources");
    text.split("#[cfg(test)]\nmod ").next().unwrap_or_default().to_owned()
}

fn src() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src")
}

#[test]
fn the_core_does_no_io() {
    let mut files = Vec::new();
    CORE.iter().for_each(|part| sources(&src().join(part), &mut files));
    assert!(files.len() > 20, "the core has moved: {files:?}");
    let is_test =
        |p: &Path| p.file_stem().is_some_and(|s| s == "tests" || s.to_string_lossy().ends_with("_tests"));
    for file in files.iter().filter(|f| !is_test(f)) {
        let code = code(file);
        for word in FORBIDDEN {
            assert!(!code.contains(word), "{} names {word}", file.display());
        }
    }
}

#[test]
fn wrapped_libraries_are_named_in_one_place() {
    let mut files = Vec::new();
    sources(&src(), &mut files);
    for (library, home) in [("mail_parser::", "message/value.rs"), ("indymilter::", "milter/")] {
        for file in files.iter().filter(|f| code(f).contains(library)) {
            assert!(file.to_string_lossy().contains(home), "{} names {library}", file.display());
        }
    }
}
