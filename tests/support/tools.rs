//! Other people's programs that tests compare with.

use std::process::{Command, Stdio};

/// True where all `programs` are installed. Otherwise says what is missing, or fails where the
/// environment asks for everything (`VPIM_REQUIRE_TOOLS=1`).
pub fn available(programs: &[&str]) -> bool {
    let missing: Vec<&str> = programs.iter().copied().filter(|p| !is_installed(p)).collect();
    if missing.is_empty() {
        return true;
    }
    let missing = missing.join(", ");
    assert!(std::env::var_os("VPIM_REQUIRE_TOOLS").is_none(), "not installed: {missing}");
    println!("skipped: not installed: {missing}");
    false
}

fn is_installed(program: &str) -> bool {
    let found =
        Command::new("sh").args(["-c", &format!("command -v {program}")]).stdout(Stdio::null()).status();
    found.is_ok_and(|s| s.success())
}
