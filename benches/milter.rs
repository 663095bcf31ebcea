//! A message's way through the running daemon: messages a second, latency, CPU and memory, beside a
//! milter that does nothing (the floor of this machine) and, where libmilter's headers and a C compiler
//! are installed, beside a no-op milter on libmilter, the way most milters are built.
//!
//! `cargo bench --bench milter`; figures of one run compare with each other, not between machines.

#[path = "../tests/support/mod.rs"]
mod support;

use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use support::directory::TestDirectory;
use support::milter_process::MilterProcess;
use support::scripted_milter::{Behaviour, ScriptedMilter};
use vpim_milter::probe::{Envelope, Options, Probe};
use vpim_milter::socket::Socket;

const CONFIG: &str = r#"
mode = "enforce"
[log]
level = "warn"
[[route]]
name = "people"
match = { recipient = ["*@desktop.example.org"] }
profile = "desktop"
"#;

/// One kind of mail.
struct Load {
    name: &'static str,
    raw: Vec<u8>,
    messages: usize,
}

fn main() {
    // `cargo test --benches` only wants to know that it builds.
    if !std::env::args().any(|a| a == "--bench") {
        return;
    }
    let loads = loads();
    let daemon = MilterProcess::start(CONFIG);
    println!("idle: {} KiB resident", memory_kib(daemon.pid()));
    println!(
        "{:<12} {:<14} {:>9} {:>9} {:>9} {:>12} {:>9}",
        "milter", "mail", "msg/s", "p50 us", "p99 us", "CPU us/msg", "RSS KiB"
    );
    let floor = ScriptedMilter::start(Behaviour::no_op());
    let directory = TestDirectory::new("bench");
    let peer = libmilter_no_op(directory.path());
    for load in &loads {
        measure("floor", &floor.socket(), None, load);
        if let Some((child, socket)) = &peer {
            measure("libmilter", socket, Some(child.id()), load);
        }
        measure("vpim-milter", &daemon.socket(), Some(daemon.pid()), load);
    }
    if let Some((mut child, _)) = peer {
        let _ = child.kill();
        let _ = child.wait();
    }
}

fn loads() -> Vec<Load> {
    let example = |name: &str| {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/messages").join(name);
        fs::read(path).expect("a bundled message")
    };
    let header = "Received: from a.test by b.test; Mon, 4 Mar 2024 09:00:00 +0000\r\nFrom: a@x.test\r\n\
        To: b@y.test\r\nSubject: hello\r\nDate: Mon, 4 Mar 2024 09:00:00 +0000\r\nMessage-ID: <a@x.test>\r\n\
        MIME-Version: 1.0\r\n";
    let line = "an ordinary line of an ordinary message\r\n";
    let text = format!("{header}Content-Type: text/plain\r\n\r\n{}", line.repeat(40));
    let attachment = format!(
        "{header}Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\nsee attachment\r\n--b\r\n\
         Content-Type: application/pdf\r\nContent-Transfer-Encoding: base64\r\n\r\n{}--b--\r\n",
        "JVBERi0xLjQKJeLjz9MKJVBERi0xLjQKJeLjz9MKJVBERi0xLjQKJeLjz9MKJVBERi0xLjQKJeLj\r\n".repeat(3_800)
    );
    vec![
        Load { name: "text 2 kB", raw: text.into_bytes(), messages: 4_000 },
        Load { name: "pdf 300 kB", raw: attachment.into_bytes(), messages: 500 },
        Load { name: "voice 4 s+fax", raw: example("desk-voice-fax.eml"), messages: 300 },
    ]
}

fn measure(milter: &str, socket: &str, pid: Option<u32>, load: &Load) {
    let socket: Socket = socket.parse().expect("a socket");
    let envelope = Envelope::of_addresses("a@x.test", ["b@desktop.example.org"]);
    let cpu_before = pid.map(cpu);
    let begin = Instant::now();
    let mut latencies: Vec<Duration> = (0..load.messages)
        .map(|_| {
            let begin = Instant::now();
            let mut probe = Probe::connect_with(&socket, Options::default()).expect("the milter listens");
            let report = probe.send(&envelope, &load.raw);
            assert!(report.is_delivered(), "{report}");
            begin.elapsed()
        })
        .collect();
    let elapsed = begin.elapsed();
    latencies.sort();
    let percentile = |p: usize| latencies[latencies.len() * p / 100].as_micros();
    let spent =
        pid.zip(cpu_before).map(|(pid, before)| (cpu(pid) - before).as_micros() / load.messages as u128);
    println!(
        "{milter:<12} {:<14} {:>9.0} {:>9} {:>9} {:>12} {:>9}",
        load.name,
        load.messages as f64 / elapsed.as_secs_f64(),
        percentile(50),
        percentile(99),
        spent.map_or("-".to_owned(), |s| s.to_string()),
        pid.map_or("-".to_owned(), |p| memory_kib(p).to_string()),
    );
}

/// CPU time of a process so far (proc(5): utime and stime in clock ticks of 10 ms).
fn cpu(pid: u32) -> Duration {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    let fields: Vec<u64> = stat
        .rsplit(')')
        .next()
        .unwrap_or_default()
        .split_whitespace()
        .map(|f| f.parse().unwrap_or(0))
        .collect();
    Duration::from_millis(10 * (fields.get(11).unwrap_or(&0) + fields.get(12).unwrap_or(&0)))
}

/// Resident memory of a process.
fn memory_kib(pid: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let line = status.lines().find(|l| l.starts_with("VmRSS:")).unwrap_or_default();
    line.split_whitespace().nth(1).and_then(|n| n.parse().ok()).unwrap_or(0)
}

/// A no-op milter on libmilter, built from `benches/peers/libmilter_no_op.c`.
fn libmilter_no_op(directory: &Path) -> Option<(Child, String)> {
    let program = directory.join("no_op");
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/peers/libmilter_no_op.c");
    let built = Command::new("cc")
        .arg("-O2")
        .arg("-o")
        .arg(&program)
        .arg(source)
        .args(["-lmilter", "-lpthread"])
        .stderr(Stdio::null())
        .status();
    if !built.is_ok_and(|s| s.success()) {
        println!("no libmilter peer (needs a C compiler and libmilter-dev)");
        return None;
    }
    let socket = format!("unix:{}", directory.join("peer.sock").display());
    let child = Command::new(program).arg(&socket).spawn().ok()?;
    support::poll(Duration::from_secs(5), || directory.join("peer.sock").exists().then_some(()))?;
    Some((child, socket))
}
