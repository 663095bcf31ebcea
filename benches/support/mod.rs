//! Peers built and run beside our own code; CPU time.
#![allow(dead_code)]

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

/// Millions of `units` a second of CPU time of this thread, over about half a second.
pub fn rate(units: usize, mut round: impl FnMut()) -> f64 {
    let (begin, cpu) = (Instant::now(), cpu_seconds());
    let mut rounds = 0;
    while rounds < 3 || begin.elapsed() < Duration::from_millis(500) {
        round();
        rounds += 1;
    }
    let wall = begin.elapsed().as_secs_f64();
    let spent = cpu.zip(cpu_seconds()).map_or(wall, |(before, after)| after - before);
    (rounds * units) as f64 / 1e6 / spent
}

/// CPU time of this thread where the system tells it (Linux); the peers count theirs too.
fn cpu_seconds() -> Option<f64> {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").ok()?;
    let nanoseconds: f64 = text.split(' ').next()?.parse().ok()?;
    Some(nanoseconds / 1e9)
}

/// CPU time of the children that ended, user and system (Linux: fields 16 and 17 of `stat`, in 10 ms).
pub fn children_milliseconds() -> Option<f64> {
    let stat = std::fs::read_to_string("/proc/self/stat").ok()?;
    let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
    let ticks = |at: usize| fields.get(at)?.parse::<f64>().ok();
    Some(10.0 * (ticks(13)? + ticks(14)?))
}

/// Where cargo builds.
pub fn target_dir() -> PathBuf {
    std::env::var_os("CARGO_TARGET_DIR")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("target"), PathBuf::from)
}

/// Compiles a peer; says so where that is not possible.
pub fn built(name: &str, libraries: &str) -> Option<PathBuf> {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/peers").join(format!("{name}.c"));
    let program = target_dir().join(name);
    let output =
        Command::new("cc").arg("-O2").arg(source).arg("-o").arg(&program).args(libraries.split(' ')).output();
    match output {
        Ok(output) if output.status.success() => Some(program),
        Ok(_) => {
            println!("skipped: {name} (its library is not installed)");
            None
        }
        Err(_) => {
            println!("skipped: {name} (no C compiler)");
            None
        }
    }
}

/// Figures of a peer, in millions a second: of encoding, of decoding.
pub fn run_peer(program: &Path, input: &Path) -> Option<(f64, f64)> {
    let output = Command::new(program).arg(input).arg("0.5").output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    let figure = |name: &str| text.lines().find_map(|line| line.strip_prefix(name)?.trim().parse().ok());
    Some((figure("encode ")?, figure("decode ")?))
}
