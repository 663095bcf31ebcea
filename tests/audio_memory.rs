//! Two hours of sound: memory grows with input and output only.

use vpim_milter::limits::{Budget, Limits};
use vpim_milter::media::{Job, run};

/// Highest resident memory of this process so far, in KiB.
fn peak_kib() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
    line.split_whitespace().nth(1)?.parse().ok()
}

// The only test of this file: others would share the process.
#[test]
fn two_hours_take_no_more_memory_than_the_output() {
    let Some(before) = peak_kib() else {
        println!("skipped: no /proc/self/status");
        return;
    };
    let limits = Limits::default();
    let samples = u64::from(limits.audio_seconds) * 8_000;
    // AMR frames without data: comfort noise from one octet in 20 ms, so that the input is small.
    let frames = (samples / 160) as usize;
    let amr = [b"#!AMR\n".as_slice(), &vec![0x7C; frames]].concat();
    let job = Job::convert("audio/amr".parse().unwrap(), "audio/G726-16".parse().unwrap());
    let output = run(&job, &amr, &limits, &mut Budget::new(&limits)).unwrap();
    assert_eq!(output.bytes.len() as u64, samples / 4);
    let grown = peak_kib().unwrap() - before;
    let output_kib = output.bytes.len() as u64 / 1_024;
    println!("output {output_kib} KiB, memory grown by {grown} KiB");
    // A buffer that doubles has both sizes for a moment. The linear samples would be 112,500 KiB.
    assert!(grown < 3 * output_kib + 16_384, "{grown} KiB");
}
