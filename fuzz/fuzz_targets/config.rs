//! The configuration file.
#![no_main]

use libfuzzer_sys::fuzz_target;
use vpim_milter::{config, policy::profile};

fuzz_target!(|text: &str| {
    let _ = config::load_text(&[("fuzz.toml", text)], profile::builtin());
});
