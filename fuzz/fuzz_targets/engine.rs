//! A message through both conversions. A second pass over the output must change nothing in it.
#![no_main]

use libfuzzer_sys::fuzz_target;
use vpim_milter::engine::{self, Ambient};
use vpim_milter::limits::Limits;
use vpim_milter::policy::{Settings, settings::Mode};
use vpim_milter::vpim::Envelope;

fuzz_target!(|raw: &[u8]| {
    let ambient = Ambient { date: Some("Sun, 22 Nov 2026 12:00:00 +0000".to_owned()), ..Ambient::default() };
    for profile in ["desktop", "vpim2"] {
        let mut settings = Settings::for_profile(profile, "fuzz.test");
        settings.mode = Mode::Enforce;
        settings.limits = Limits { audio_seconds: 60, fax_pixels: 20_000_000, ..Limits::default() };
        let once = engine::rewrite(raw, &Envelope::default(), &settings, &ambient);
        let Some(output) = once.rewritten else { continue };
        let twice = engine::rewrite(&output, &Envelope::default(), &settings, &ambient);
        assert!(twice.rewritten.is_none_or(|again| again == output), "not idempotent: {profile}");
    }
});
