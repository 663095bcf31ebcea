//! Audio bodies.

use super::seen::{INTERNET, Seen, VOICE, octets};
use super::{Kept, Reading, Scene, need};
use vpim_milter::limits::{Budget, Limits};
use vpim_milter::media::{self, Job};

fn samples(s: &Seen, n: u64) -> Kept {
    need(s.delivered && s.bodies.first().is_some_and(|b| b.samples == Some(n)), || s.shown())
}

/// The field of every body in the output tells its true length, whatever the input said.
fn true_length(s: &Seen) -> Kept {
    let heard = s.bodies.iter().all(|b| b.samples == Some(12));
    let out = String::from_utf8_lossy(&s.converted("desktop")).into_owned();
    let told = out.matches("Content-Duration: ").count() == out.matches("Content-Duration: 1\r\n").count();
    need(heard && told && out.contains("Content-Duration: 1\r\n"), || out.clone())
}

pub const READINGS: &[Reading] = &[
    Reading {
        id: "vpim2-recv-32kadpcm",
        message: VOICE,
        variants: &[
            &[("////////", "//////8=")],
            &[("////////", "//////8="), ("audio/32KADPCM", "audio/32kadpcm; rate=8000; x-new=1")],
        ],
        holds: |s| samples(s, 10),
        spoiled: &[("////////", "//////8="), ("audio/32KADPCM", "audio/basic")],
    },
    Reading {
        id: "audio-amr-unknown-parameters",
        message: INTERNET,
        variants: &[
            &[("audio/basic", "audio/AMR"), ("////////////", "IyFBTVIKfA==")],
            &[
                ("audio/basic", "audio/AMR; octet-align=1; mode-set=\"0,2,5,7\""),
                ("////////////", "IyFBTVIKfA=="),
            ],
        ],
        holds: |s| {
            let plain = octets(INTERNET, &[("audio/basic", "audio/AMR"), ("////////////", "IyFBTVIKfA==")]);
            let plain = Seen::of(plain);
            let same = (&s.rules, &s.bodies, s.delivered) == (&plain.rules, &plain.bodies, plain.delivered);
            need(same, || format!("{} but without parameters {}", s.shown(), plain.shown()))
        },
        spoiled: &[("audio/basic", "audio/basic; octet-align=1"), ("////////////", "IyFBTVIKfA==")],
    },
    Reading {
        id: "duration-not-trusted",
        message: VOICE,
        variants: &[
            &[],
            &[("Content-Duration: 1", "Content-Duration: 2147483647")],
            &[("Content-Duration: 1", "Content-Duration: many")],
        ],
        holds: true_length,
        spoiled: &[
            ("Content-Duration: 1", "Content-Duration: 99"),
            ("Subject:", "Conversion: prohibited\nSubject:"),
        ],
    },
];

pub const SCENES: &[Scene] = &[
    Scene { id: "ivm-vpim-aware-codec", play: both_codecs },
    Scene { id: "ivm-play-mulaw", play: mulaw_for_everybody },
];

fn convert(from: &str, to: &str, input: &[u8]) -> Result<Vec<u8>, String> {
    let limits = Limits::default();
    let media_type = |name: &str| name.parse::<mime::Mime>().map_err(|e| e.to_string());
    let job = Job::convert(media_type(from)?, media_type(to)?);
    let output = media::run(&job, input, &limits, &mut Budget::new(&limits));
    output.map(|o| o.bytes).map_err(|e| e.to_string())
}

/// A tone in 16 bit linear, little-endian.
fn tone() -> Vec<u8> {
    let sample = |n: u32| ((f64::from(n) * 0.3).sin() * 8_000.0) as i16;
    (0..8_000).flat_map(|n| sample(n).to_le_bytes()).collect()
}

/// RMS of the difference to the tone, of full scale.
fn distance(decoded: &[u8]) -> f64 {
    let number = |b: &[u8]| f64::from(i16::from_le_bytes([b[0], b[1]]));
    let pairs = tone()
        .chunks_exact(2)
        .zip(decoded.chunks_exact(2))
        .map(|(a, b)| number(a) - number(b))
        .collect::<Vec<_>>();
    (pairs.iter().map(|d| d * d).sum::<f64>() / pairs.len().max(1) as f64).sqrt()
}

/// Both codecs write what they read.
fn both_codecs(sound: bool) -> Kept {
    for codec in ["audio/basic", "audio/32KADPCM"] {
        let coded = convert("audio/x-s16le;rate=8000", codec, &tone())?;
        let read_as = if sound { codec } else { "audio/PCMA" };
        let decoded = convert(read_as, "audio/x-s16le;rate=8000", &coded)?;
        let (length, far) = (decoded.len(), distance(&decoded));
        need(length == 16_000 && far < 500.0, || format!("{codec}: {length} octets, {far} off"))?;
    }
    Ok(())
}

/// Mu-law is taken for every destination.
fn mulaw_for_everybody(sound: bool) -> Kept {
    let label = if sound { "audio/basic" } else { "audio/x-no-such-codec" };
    let raw = String::from_utf8_lossy(&octets(INTERNET, &[])).replacen("audio/basic", label, 1);
    for profile in ["desktop", "vpim2", "untouched"] {
        let settings = super::seen::strict(profile);
        let outcome = super::seen::processed(raw.as_bytes(), &settings);
        // That it was coded anew for a voice system is said, and all that is.
        let coded = |loss: &String| loss.ends_with("sound coded anew in g726-32");
        let losses = outcome.record.losses.iter().filter(|l| profile != "vpim2" || !coded(l)).count();
        let why = outcome.record.unchanged_because;
        need(why.is_none() && losses == 0, || format!("{profile}: {why:?}"))?;
    }
    Ok(())
}
