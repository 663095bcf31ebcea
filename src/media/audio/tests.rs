//! Laws that hold for every line of the tables, and the forms of files that occur.

use super::codec::CODECS;
use super::*;
use crate::limits::Exceeded;
use proptest::prelude::*;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

macro_rules! vector {
    ($name:literal) => {
        include_bytes!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/audio/", $name)).as_slice()
    };
}

fn mime(name: &str) -> Mime {
    name.parse().unwrap()
}

fn inspected(declared: &str, input: &[u8]) -> Result<AudioFacts, MediaError> {
    let limits = Limits::default();
    inspect(&mime(declared), input, &limits, &mut Budget::new(&limits))
}

fn converted(declared: &str, target: &str, input: &[u8]) -> Result<Vec<u8>, MediaError> {
    let limits = Limits::default();
    convert(&mime(declared), &mime(target), input, &limits, &mut Budget::new(&limits))
        .map(|output| output.bytes)
}

fn words(bytes: &[u8]) -> Vec<i16> {
    bytes.as_chunks().0.iter().map(|&word| i16::from_le_bytes(word)).collect()
}

fn snr_db(want: &[i16], got: &[i16]) -> f64 {
    let signal: f64 = want.iter().map(|&x| f64::from(x).powi(2)).sum();
    let noise: f64 = want.iter().zip(got).map(|(&a, &b)| (f64::from(a) - f64::from(b)).powi(2)).sum();
    10.0 * (signal / noise.max(1.0)).log10()
}

/// True for targets that are coded in frames.
fn is_gsm(target: &str) -> bool {
    target.contains("gsm") || target.ends_with("codec=31")
}

/// Everything that can be written, by name.
fn targets() -> Vec<String> {
    let names = formats().filter(|format| format.can_write).map(|format| format.media_types[0].to_owned());
    names
        .chain(
            [
                "audio/wav;codec=6",
                "audio/wav;codec=7",
                "audio/wav;codec=11",
                "audio/wav;codec=31",
                "audio/wav;codec=45",
            ]
            .map(String::from),
        )
        .collect()
}

/// True where the decoder gives the samples of the input back, as many and in their places; other codecs
/// have frames and a delay.
fn is_waveform(target: &str) -> bool {
    !["audio/amr", "audio/mpeg", "audio/ogg", "audio/opus"].contains(&target)
}

const S16: &str = "audio/x-s16le;rate=8000";
const ADPCM: &str = "audio/32KADPCM";

#[test]
fn names_of_codecs_are_unique() {
    for (k, codec) in CODECS.iter().enumerate() {
        assert!(CODECS[..k].iter().all(|other| other.name != codec.name), "{codec:?}");
        assert!(codec.wav_tag.is_none() || CODECS[..k].iter().all(|other| other.wav_tag != codec.wav_tag));
    }
}

#[test]
fn rfc_3802_bodies_convert_exactly() {
    assert_eq!(converted(ADPCM, S16, vector!("tone440.32kadpcm")).unwrap(), vector!("tone440.decoded.s16"));
    assert_eq!(converted(S16, ADPCM, vector!("tone440.s16")).unwrap(), vector!("tone440.32kadpcm"));
    let wav = converted(ADPCM, "audio/wav", vector!("tone440.32kadpcm")).unwrap();
    assert_eq!(wav[44..], *vector!("tone440.decoded.s16"));
}

#[test]
fn changing_the_packing_loses_nothing() {
    let other = converted("audio/AAL2-G726-32", ADPCM, vector!("tone440.wrong-order")).unwrap();
    assert_eq!(other, vector!("tone440.32kadpcm"));
    let back = converted(ADPCM, "audio/AAL2-G726-32", &other).unwrap();
    assert_eq!(back, vector!("tone440.wrong-order"));
    assert_eq!(converted("audio/G726-32", ADPCM, &other).unwrap(), other);
}

/// Synchronous coding adjustment (G.726 4.2.8): G.711 made from code words codes into the same words. A
/// single word may differ where mu-law is coarser than the quantizer, and the state with it for a while.
#[test]
fn tandem_codings_through_a_law_do_not_add_up() {
    let linear = words(&converted(ADPCM, S16, vector!("s1.32kadpcm")).unwrap());
    for law in ["audio/PCMU", "audio/PCMA"] {
        let mut coded = vector!("s1.32kadpcm").to_vec();
        let mut snr = Vec::new();
        for _ in 0..4 {
            coded = converted(law, ADPCM, &converted(ADPCM, law, &coded).unwrap()).unwrap();
            snr.push(snr_db(&linear, &words(&converted(ADPCM, S16, &coded).unwrap())));
        }
        println!("{law}: {snr:.1?} dB");
        assert!(snr[3] > 20.0 && snr[3] > snr[0] - 0.1, "{law}: {snr:?}");
    }
}

#[test]
fn every_codec_carries_speech_there_and_back() {
    let speech = vector!("s1.s16");
    for target in targets().into_iter().filter(|target| is_waveform(target)) {
        let coded = converted(S16, &target, speech).unwrap();
        let back = words(&converted(&target, S16, &coded).unwrap());
        let floor = if target.contains("726-16") || is_gsm(&target) {
            8.0
        } else if target.contains("726-24") {
            12.0
        } else {
            17.0
        };
        let snr = snr_db(&words(speech), &back);
        assert!(snr > floor, "{target}: {snr:.1} dB");
        assert_eq!(back.len(), speech.len() / 2, "{target}");
    }
}

#[test]
fn our_output_is_what_we_say_it_is() {
    for target in targets() {
        let limits = Limits::default();
        let output =
            convert(&mime(S16), &mime(&target), vector!("tone440.s16"), &limits, &mut Budget::new(&limits));
        let output = output.unwrap();
        let Some(Facts::Audio(said)) = output.report.output else { panic!("no facts") };
        let found = inspected(&target, &output.bytes).unwrap();
        assert_eq!((&found.container, &found.codec), (&said.container, &said.codec), "{target}");
        let samples = found.samples.unwrap();
        // Frames without a container cannot say that the last one is padded.
        let written = if target == "audio/gsm" { 480 } else { 400 };
        assert_eq!((found.sample_rate_hz, found.channels), (8_000, 1), "{target}");
        if is_waveform(&target) {
            assert_eq!(samples, written, "{target}");
        } else {
            assert!((400..4_000).contains(&samples), "{target}: {samples}");
        }
        assert_eq!(said.samples, Some(400), "{target}");
        assert_eq!(found.defects, [""; 0], "{target}");
        let floor_db = if is_gsm(&target) {
            2.5
        } else if is_waveform(&target) {
            1.5
        } else {
            12.0
        };
        assert!((found.rms_dbfs.unwrap() + 14.3).abs() < floor_db, "{target}: {found:?}");
    }
}

#[test]
fn frames_of_the_wanted_codec_are_copied() {
    for target in ["audio/amr", "audio/mpeg", "audio/ogg", "audio/wav;codec=11"] {
        let coded = converted(S16, target, vector!("tone440.s16")).unwrap();
        assert!(converted("application/octet-stream", target, &coded).unwrap() == coded, "{target}");
    }
    for (body, target) in [
        (vector!("foreign/lame.mp3"), "audio/mpeg"),
        (vector!("foreign/opus.ogg"), "audio/ogg"),
        (vector!("foreign/ima2.wav"), "audio/wav;codec=11"),
    ] {
        assert!(converted("application/octet-stream", target, body).unwrap() == body, "{target}");
    }
    let wide: Vec<u8> = [0xFF, 0xFB, 0x90, 0xC0].into_iter().chain([0; 413]).collect::<Vec<u8>>().repeat(4);
    assert!(converted("audio/mpeg", "audio/mpeg", &wide).unwrap() == wide);
    let narrow = converted("audio/mpeg", "audio/mpeg;rate=8000", &wide).unwrap();
    let facts = inspected("audio/mpeg", &narrow).unwrap();
    assert_eq!((facts.sample_rate_hz, facts.channels), (8_000, 1));
}

#[test]
fn what_we_write_our_decoders_read_to_the_last_frame() {
    let noise: Vec<u8> = (0..48_000u32).map(|k| (k.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    for target in targets() {
        for sound in [vector!("s1.s16"), &noise, &[0; 16_000]] {
            let coded = converted(S16, &target, sound).unwrap();
            assert_eq!(inspected(&target, &coded).unwrap().defects, [""; 0], "{target}");
        }
    }
}

/// The forms of `tests/data/audio/wav`, one second each, and where they differ from `expected.s16`.
const WAVES: &[(&str, &[u8], usize)] = &[
    ("pcm_s16", vector!("wav/pcm_s16.wav"), 0),
    ("pcm_s24", vector!("wav/pcm_s24.wav"), 0),
    ("pcm_s32", vector!("wav/pcm_s32.wav"), 0),
    ("float32", vector!("wav/float32.wav"), 0),
    ("float64", vector!("wav/float64.wav"), 0),
    ("extensible_s16", vector!("wav/extensible_s16.wav"), 0),
    ("list_before_data", vector!("wav/list_before_data.wav"), 0),
    ("list_after", vector!("wav/list_after.wav"), 0),
    ("odd_chunk_padded", vector!("wav/odd_chunk_padded.wav"), 0),
    ("fmt18", vector!("wav/fmt18.wav"), 0),
    ("trailing_id3", vector!("wav/trailing_id3.wav"), 0),
    ("rifx_be", vector!("wav/rifx_be.wav"), 0),
    ("data_size_ffffffff", vector!("wav/data_size_ffffffff.wav"), 1),
    ("data_size_0_streamed", vector!("wav/data_size_0_streamed.wav"), 1),
    ("bad_blockalign", vector!("wav/bad_blockalign.wav"), 1),
    ("bad_byterate", vector!("wav/bad_byterate.wav"), 1),
];

#[test]
fn every_form_of_wave_gives_the_same_samples() {
    let expected = vector!("wav/expected.s16");
    for (name, bytes, defects) in WAVES {
        let facts = inspected("audio/wav", bytes).unwrap();
        assert_eq!((facts.samples, facts.sample_rate_hz), (Some(8_000), 8_000), "{name}");
        assert_eq!(facts.defects.len(), *defects, "{name}: {:?}", facts.defects);
        assert!(converted("audio/wav", S16, bytes).unwrap() == expected, "{name}");
    }
}

#[test]
fn eight_bits_and_cut_files_give_what_they_have() {
    let expected = words(vector!("wav/expected.s16"));
    let eight = words(&converted("audio/wav", S16, vector!("wav/pcm_u8.wav")).unwrap());
    assert_eq!(eight.len(), expected.len());
    assert!(eight.iter().zip(&expected).all(|(&a, &b)| a == b & !0xFF), "rounded down to 8 bits");
    let facts = inspected("audio/wav", vector!("wav/truncated.wav")).unwrap();
    assert_eq!(facts.defects.len(), 2, "{:?}", facts.defects);
    let cut = words(&converted("audio/wav", S16, vector!("wav/truncated.wav")).unwrap());
    assert!(!cut.is_empty() && expected.starts_with(&cut));
}

#[test]
fn other_rates_and_channels_become_one_channel_at_8_khz() {
    let expected = words(vector!("wav/expected.s16"));
    let input = vector!("wav/pcm_11025.wav");
    let got = words(&converted("audio/wav", S16, input).unwrap());
    assert_eq!(got.len(), 8_000);
    let limits = Limits::default();
    let output =
        convert(&mime("audio/wav"), &mime(ADPCM), input, &limits, &mut Budget::new(&limits)).unwrap();
    let losses = ["11025 samples a second reduced to 8000", "sound coded anew in g726-32"];
    assert_eq!(output.report.losses, losses);
    let power = |x: &[i16]| x.iter().map(|&x| f64::from(x).powi(2)).sum::<f64>();
    let gain = power(&got) / power(&expected);
    assert!((0.9..1.1).contains(&gain), "{gain}");
    // The same signal on both channels is that signal.
    let mut stereo = converted(S16, "audio/wav", vector!("tone440.s16")).unwrap();
    stereo.truncate(44);
    stereo[22] = 2;
    stereo.extend(vector!("tone440.s16").chunks(2).flat_map(|sample| [sample, sample].concat()));
    stereo[40..44].copy_from_slice(&1_600u32.to_le_bytes());
    assert_eq!(converted("audio/wav", S16, &stereo).unwrap(), vector!("tone440.s16"));
}

#[test]
fn losses_are_named_where_samples_change_and_only_there() {
    let speech: &[u8] = vector!("s1.32kadpcm");
    let losses = |from: &str, to: &str, input: &[u8]| {
        let limits = Limits::default();
        convert(&mime(from), &mime(to), input, &limits, &mut Budget::new(&limits)).unwrap().report.losses
    };
    let nothing: [&str; 0] = [];
    let (wav, mu) =
        (converted(ADPCM, "audio/wav", speech).unwrap(), converted(ADPCM, "audio/basic", speech).unwrap());
    // Unpacked, packed the other way round, put into another container, taken out of it.
    for (from, to, input) in [
        (ADPCM, "audio/wav", speech),
        ("audio/AAL2-G726-32", ADPCM, speech),
        ("audio/basic", "audio/wav;codec=7", &mu),
        ("audio/basic", "audio/wav", &mu),
        ("audio/wav", S16, &wav),
    ] {
        assert_eq!(losses(from, to, input), nothing, "{from} {to}");
    }
    for (from, to, input, name) in [
        (ADPCM, "audio/basic", speech, "pcmu"),
        ("audio/basic", "audio/PCMA", &mu, "pcma"),
        ("audio/basic", ADPCM, &mu, "g726-32"),
        ("audio/wav", "audio/GSM", &wav, "gsm"),
    ] {
        assert_eq!(losses(from, to, input), [format!("sound coded anew in {name}")], "{from} {to}");
    }
    assert_eq!(
        losses("audio/wav", "audio/wav", vector!("wav/pcm_s24.wav")),
        ["samples of 24 bits reduced to 16"]
    );
}

#[test]
fn containers_are_recognised_whatever_is_declared() {
    let wav = converted(ADPCM, "audio/wav", vector!("tone440.32kadpcm")).unwrap();
    let au = converted(ADPCM, "audio/au", vector!("tone440.32kadpcm")).unwrap();
    for (bytes, container) in [(&wav, "wav"), (&au, "au")] {
        let facts = inspected(ADPCM, bytes).unwrap();
        assert_eq!(facts.container, container);
        assert_eq!(facts.nibble_order, None);
        assert_eq!(facts.defects, [format!("declared audio/32kadpcm, but the bytes are {container}")]);
        let facts = inspected("application/octet-stream", bytes).unwrap();
        assert_eq!((facts.container.as_str(), facts.defects.len()), (container, 0));
    }
    assert_eq!(inspected("audio/basic", &au).unwrap().defects.len(), 1);
}

#[test]
fn unknown_bytes_of_unknown_type_are_refused() {
    for declared in ["application/octet-stream", "audio/x-nothing"] {
        assert!(
            matches!(inspected(declared, vector!("s1.32kadpcm")), Err(MediaError::Unsupported(_))),
            "{declared}"
        );
    }
    for declared in ["audio/wav", "audio/amr", "audio/mpeg", "audio/ogg", "audio/mp4", "audio/aiff"] {
        assert!(
            matches!(inspected(declared, vector!("tone440.s16")), Err(MediaError::Malformed { .. })),
            "{declared}"
        );
    }
}

#[test]
fn formats_we_cannot_decode_are_named_and_refused() {
    let foreign = [
        ("application/octet-stream", b"#!AMR_MC1.0\n\0\0\0\x02".to_vec(), "amr", "unknown", None),
        ("audio/ogg", [b"OggS".as_slice(), &[0; 24], b"Speex   "].concat(), "ogg", "unknown", None),
    ];
    for (declared, bytes, container, codec, samples) in foreign {
        let facts = inspected(declared, &bytes).unwrap();
        assert_eq!((facts.container.as_str(), facts.codec.as_str()), (container, codec), "{declared}");
        assert_eq!((facts.samples, facts.defects.len()), (samples, 0), "{declared}: {facts:?}");
        assert!(matches!(converted(declared, ADPCM, &bytes), Err(MediaError::Unsupported(_))), "{declared}");
    }
}

#[test]
fn recognised_bytes_that_do_not_decode_are_named_and_malformed() {
    let empty_tag = b"ID3\x03\0\0\0\0\0\0".as_slice();
    let ogg = [b"OggS".as_slice(), &[0; 24], b"OpusHead"].concat();
    let cases: [(&str, &[u8], &str, &str); 4] = [
        ("audio/mpeg", empty_tag, "mp3", "mp3"),
        ("audio/ogg", &ogg, "ogg", "opus"),
        ("audio/flac", b"fLaC\0\0\0\x22", "flac", "flac"),
        ("audio/aac", &[0xFF, 0xF1, 0x50, 0x80, 1, 0x1F, 0xFC, 0].repeat(30), "adts", "aac"),
    ];
    for (declared, bytes, container, codec) in cases {
        let facts = inspected(declared, bytes).unwrap();
        assert_eq!((facts.container.as_str(), facts.codec.as_str()), (container, codec), "{declared}");
        assert_eq!((facts.samples, facts.defects.len()), (None, 1), "{declared}: {facts:?}");
        assert!(matches!(converted(declared, ADPCM, bytes), Err(MediaError::Malformed { .. })), "{declared}");
    }
}

/// Three frames of MPEG-1 layer III that hold silence.
#[test]
fn frames_without_a_container_are_enough() {
    let mp3: Vec<u8> =
        std::iter::repeat_n([[0xFF, 0xFB, 0x90, 0xC0].as_slice(), &[0; 413]].concat(), 4).flatten().collect();
    let facts = inspected("audio/mpeg", &mp3).unwrap();
    assert_eq!((facts.codec.as_str(), facts.sample_rate_hz, facts.channels), ("mp3", 44_100, 1), "{facts:?}");
    assert_eq!(facts.samples, Some(4 * 1_152), "{facts:?}");
    let amr = [b"#!AMR\n".as_slice(), &[[0x3C; 32]; 5].concat(), &[0x3C, 1]].concat();
    let facts = inspected("audio/amr", &amr).unwrap();
    assert_eq!((facts.codec.as_str(), facts.samples), ("amr", Some(800)));
    assert_eq!(facts.defects, ["the last frame is cut short"]);
}

#[test]
fn impossible_and_excessive_forms_are_errors() {
    let wav = |change: &dyn Fn(&mut [u8])| {
        let mut wav = converted(S16, "audio/wav", vector!("tone440.s16")).unwrap();
        change(&mut wav);
        converted("audio/wav", ADPCM, &wav)
    };
    assert!(wav(&|_| {}).is_ok());
    assert!(matches!(wav(&|w| w[24..28].fill(0)), Err(MediaError::Malformed { .. })), "rate 0");
    assert!(matches!(wav(&|w| w[22..24].fill(0)), Err(MediaError::Malformed { .. })), "no channels");
    assert!(matches!(wav(&|w| w[12] = b'x'), Err(MediaError::Malformed { .. })), "no fmt chunk");
    assert!(matches!(wav(&|w| w[36] = b'x'), Err(MediaError::Malformed { .. })), "no data chunk");
    assert!(matches!(wav(&|w| w[24..28].fill(0xFF)), Err(MediaError::Unsupported(_))), "rate 2^32 - 1");
    assert!(matches!(wav(&|w| w[22..24].fill(0xFF)), Err(MediaError::Unsupported(_))), "65535 channels");
    assert!(matches!(wav(&|w| w[34] = 64), Err(MediaError::Unsupported(_))), "64-bit integers");
    assert!(matches!(converted("audio/L16;rate=300000", ADPCM, &[0; 100]), Err(MediaError::Unsupported(_))));
    assert!(matches!(
        converted("audio/L16;rate=8000;channels=9", ADPCM, &[0; 99]),
        Err(MediaError::Unsupported(_))
    ));
}

#[test]
fn files_of_other_programs_decode() {
    let Ok(folder) = std::fs::canonicalize(concat!(env!("CARGO_MANIFEST_DIR"), "/../shared/vectors/speech"))
    else {
        println!("skipped: WAVE and AU files of other programs (no ../shared)");
        return;
    };
    let read = |name: &str| std::fs::read(folder.join(name)).unwrap();
    for name in ["s1", "s2", "s3"] {
        for (file, want) in [("alaw.ff.wav", "alaw.dec.s16"), ("ulaw.ff.wav", "ulaw.dec.s16")] {
            let got = converted("audio/wav", S16, &read(&format!("{name}/{name}.{file}"))).unwrap();
            assert!(got == read(&format!("{name}/{name}.{want}")), "{name}.{file}");
        }
        let speech = words(&read(&format!("{name}/{name}.s16")));
        for file in ["g726.ff.wav", "g721.au", "ulaw.au", "alaw.sox.wav"] {
            let got =
                converted("application/octet-stream", S16, &read(&format!("{name}/{name}.{file}"))).unwrap();
            let snr = snr_db(&speech, &words(&got));
            println!("{name}.{file}: {snr:.1} dB");
            // ffmpeg's G.726 encoder is not exact, libsndfile's is further off.
            let floor = if file == "g721.au" { 8.0 } else { 12.0 };
            assert!(snr > floor, "{name}.{file}: {snr:.1} dB");
        }
        for (file, seconds) in [("gsm", 4.0), ("amr0.amr", 4.0), ("amr7dtx.amr", 4.0), ("wav49.ff.wav", 4.0)]
        {
            let facts =
                inspected("application/octet-stream", &read(&format!("{name}/{name}.{file}"))).unwrap();
            let duration = facts.duration_s().unwrap();
            assert!((duration - seconds).abs() < 0.05, "{name}.{file}: {duration} s");
        }
        for (file, codec) in [("lame8k16.mp3", "mp3"), ("shine44k64.mp3", "mp3"), ("voip16.opus", "opus")] {
            let facts =
                inspected("application/octet-stream", &read(&format!("{name}/{name}.{file}"))).unwrap();
            assert_eq!(facts.codec, codec, "{name}.{file}");
        }
    }
}

#[test]
fn a_spent_budget_ends_the_work() {
    let input = [0x5A; 20_000];
    let with = |limits: Limits| {
        convert(&mime(ADPCM), &mime("audio/wav"), &input, &limits, &mut Budget::new(&limits)).map(|_| ())
    };
    assert_eq!(with(Limits::default()), Ok(()));
    let limits = Limits { audio_seconds: 4, ..Limits::default() };
    assert_eq!(with(limits), Err(MediaError::Limit(Exceeded::AudioSeconds)));
    let limits = Limits { output_bytes: 79_000, ..Limits::default() };
    assert_eq!(with(limits), Err(MediaError::Limit(Exceeded::OutputBytes)));
    let stopped = Budget::with_stop(&Limits::default(), Arc::new(AtomicBool::new(true)));
    let limits = Limits::default();
    let result = convert(&mime(ADPCM), &mime("audio/wav"), &input, &limits, &mut stopped.clone());
    assert_eq!(result, Err(MediaError::Limit(Exceeded::WorkTime)));
    let result = inspect(&mime(ADPCM), &input, &limits, &mut stopped.clone());
    assert_eq!(result, Err(MediaError::Limit(Exceeded::WorkTime)));
}

#[test]
fn inputs_cut_at_every_octet_are_no_panic() {
    let tone = &vector!("tone440.s16")[..240];
    for target in targets() {
        let whole = converted(S16, &target, tone).unwrap();
        for end in 0..=whole.len() {
            let cut = &whole[..end];
            let _ = inspected(&target, cut);
            let _ = converted(&target, S16, cut);
        }
    }
    for (_, wave, _) in WAVES {
        for end in 0..120 {
            let _ = converted("audio/wav", ADPCM, &wave[..end]);
        }
    }
}

#[test]
fn any_one_octet_of_a_header_may_be_wrong() {
    for target in ["audio/wav", "audio/wav;codec=45", "audio/au"] {
        let whole = converted(S16, target, &vector!("tone440.s16")[..80]).unwrap();
        for at in 0..whole.len().min(60) {
            for value in [0, 1, 0x7F, 0x80, 0xFF] {
                let mut wrong = whole.clone();
                wrong[at] = value;
                let _ = inspected(target, &wrong);
                let _ = converted(target, ADPCM, &wrong);
            }
        }
    }
}

fn declared_types() -> impl Strategy<Value = &'static str> {
    let names: Vec<_> = formats().flat_map(|format| format.media_types.iter().copied()).collect();
    prop::sample::select(names)
}

fn marks() -> impl Strategy<Value = Vec<u8>> {
    prop::sample::select(vec![
        Vec::new(),
        b"RIFF\xFF\xFF\xFF\xFFWAVE".to_vec(),
        b"RIFF\0\0\0\0WAVEfmt \x10\0\0\0\x01\0\x01\0\x40\x1F\0\0\x80\x3E\0\0\x02\0\x10\0data".to_vec(),
        b".snd\0\0\0\x18".to_vec(),
        b"#!AMR\n".to_vec(),
        b"OggS".to_vec(),
        b"ID3\x03".to_vec(),
        vec![0xFF, 0xFB, 0x90],
    ])
}

proptest! {
    #[test]
    fn any_bytes_are_no_panic(
        declared in declared_types(), target in prop::sample::select(targets()),
        mark in marks(), tail in prop::collection::vec(any::<u8>(), 0..600),
    ) {
        let input = [mark, tail].concat();
        let _ = inspected(declared, &input);
        if let Ok(bytes) = converted(declared, &target, &input) {
            prop_assert!(inspected(&target, &bytes).is_ok());
        }
    }

}

proptest! {
    // Transforms of odd lengths are slow in a debug build.
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn any_rate_and_channels_are_no_panic(rate: u32, channels: u16, data in prop::collection::vec(any::<u8>(), 0..300)) {
        let declared = format!("audio/L16;rate={};channels={}", rate % 200_000, channels % 12);
        if let Ok(bytes) = converted(&declared, S16, &data) {
            let frames = data.len() / 2 / usize::from(channels % 12);
            let want = (frames as f64 * 8_000.0 / f64::from(rate % 200_000)).round() as usize;
            prop_assert!(bytes.len().abs_diff(2 * want) <= 4);
        }
    }
}
