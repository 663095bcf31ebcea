//! Frame by frame against an independent decoder that is exact too (rvoip-codec-core), against what ffmpeg
//! with libopencore decoded, and the fast loops against those of the standard.

use super::arith::{l_mult, l_shl, mult, shl};
use super::pitch::{Excitation, Lag};
use super::*;
use codec_core::codecs::amr::AmrCodec;
use codec_core::types::{AudioCodec, CodecConfig, CodedFrame, FrameKind, VariableRateCodec};
use proptest::prelude::*;

/// Octets of speech bits by frame type.
const BYTES: [usize; 16] = [12, 13, 15, 17, 19, 20, 26, 31, 5, 0, 0, 0, 0, 0, 0, 0];

/// Numbers that look random (xorshift).
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, limit: u64) -> usize {
        (self.next() >> 20) as usize % limit as usize
    }

    fn bits(&mut self, frame_type: u8) -> Vec<u8> {
        // Some frames with few ones.
        let sparse = self.below(4) == 0;
        let octet = |random: &mut Self| {
            if sparse { random.next() & random.next() & random.next() } else { random.next() }
        };
        (0..BYTES[usize::from(frame_type)]).map(|_| octet(self) as u8).collect()
    }
}

fn coded(frame_type: u8, bits: &[u8]) -> Coded<'_> {
    match (Mode::of(frame_type), frame_type) {
        (Some(mode), _) => Coded::Speech(mode, bits),
        (None, 8) => Coded::Noise(bits),
        _ => Coded::Nothing,
    }
}

/// Both decoders.
struct Pair {
    ours: Decoder,
    other: AmrCodec,
    frames: usize,
}

impl Pair {
    fn new() -> Self {
        let other = AmrCodec::new(&CodecConfig::amr_nb()).unwrap();
        Pair { ours: Decoder::new(), other, frames: 0 }
    }

    fn agree(&mut self, frame_type: u8, good: bool, bits: &[u8]) {
        let ours = self.ours.frame(coded(frame_type, bits), good);
        let kind = match frame_type {
            0..=7 => FrameKind::Speech,
            8 => FrameKind::ComfortNoise,
            _ => FrameKind::NoData,
        };
        let frame = CodedFrame { kind, mode: self.ours.mode() as u8, quality_ok: good, data: bits.to_vec() };
        let other = self.other.decode_frame(&frame).unwrap();
        assert_eq!(ours.as_slice(), other, "frame {} of type {frame_type}, good: {good}", self.frames);
        self.frames += 1;
    }
}

fn speech() -> Vec<i16> {
    let speech = include_bytes!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/audio/s1.s16"));
    speech.as_chunks().0.iter().map(|&word| i16::from_le_bytes(word)).collect()
}

/// Speech, noise, square waves of full scale and a loud tone.
fn signals() -> Vec<Vec<i16>> {
    let mut random = Random(7);
    vec![
        speech()[..60 * FRAME].to_vec(),
        (0..30 * FRAME).map(|_| random.next() as i16).collect(),
        (0..30 * FRAME).map(|k| if k / 23 % 2 == 0 { i16::MAX } else { i16::MIN }).collect(),
        (0..30 * FRAME).map(|k| (32_767.0 * (k as f64 * 0.7).sin()) as i16).collect(),
    ]
}

/// A signal coded in a mode.
fn encoded(signal: &[i16], mode: u8) -> Vec<Vec<u8>> {
    let mut encoder = AmrCodec::new(&CodecConfig::amr_nb()).unwrap();
    encoder.set_mode(mode).unwrap();
    signal.as_chunks::<FRAME>().0.iter().map(|frame| encoder.encode(frame).unwrap()).collect()
}

#[test]
fn every_mode_decodes_as_another_exact_decoder_does() {
    let mut random = Random(11);
    for signal in signals() {
        let modes: Vec<Vec<Vec<u8>>> = (0..8).map(|mode| encoded(&signal, mode)).collect();
        for (mode, frames) in (0..).zip(&modes) {
            let mut pair = Pair::new();
            frames.iter().for_each(|bits| pair.agree(mode, true, bits));
            assert!(pair.frames >= 30);
        }
        // Another mode in each frame, with more and more losses.
        for losses in [0, 3, 12] {
            let mut pair = Pair::new();
            let mut frames = modes.iter().map(|frames| frames.iter()).collect::<Vec<_>>();
            while let Some(bits) = frames.iter_mut().map(Iterator::next).collect::<Option<Vec<_>>>() {
                let mode = random.below(8);
                match random.below(16) {
                    lost if lost >= losses => pair.agree(mode as u8, true, bits[mode]),
                    lost if lost & 1 == 0 => pair.agree(mode as u8, false, bits[mode]),
                    _ => pair.agree(15, true, &[]),
                }
            }
        }
    }
}

/// Frames of random bits: each mode alone, all mixed with noise, damage and gaps, and long silences.
fn random_frames_agree(frames: usize) {
    let mut random = Random(0x1234_5678);
    for mode in 0..8 {
        let mut pair = Pair::new();
        for _ in 0..frames / 16 {
            pair.agree(mode, true, &random.bits(mode));
        }
    }
    for round in 0..8 {
        let (mut pair, mut mode) = (Pair::new(), 0);
        for _ in 0..frames / 16 {
            let frame_type = match round % 4 {
                0 => random.below(8) as u8,
                1 => random.below(10) as u8,
                2 if random.below(3) > 0 => mode,
                2 => random.below(10) as u8,
                _ => [0, 0, 0, 8, 9, 9, 9, 9, 9][random.below(9)],
            };
            if frame_type < 8 {
                mode = frame_type;
            }
            pair.agree(frame_type, round % 3 == 0 || random.below(5) > 0, &random.bits(frame_type));
        }
    }
}

/// `VPIM_RANDOM_FRAMES=100000 cargo test --release --lib random_bits` looks longer.
#[test]
fn random_bits_decode_as_another_decoder_does() {
    let frames = std::env::var("VPIM_RANDOM_FRAMES").ok().and_then(|n| n.parse().ok());
    random_frames_agree(frames.unwrap_or(8_000));
}

#[test]
fn the_shared_vectors_are_exact() {
    let Ok(folder) = std::fs::canonicalize(concat!(env!("CARGO_MANIFEST_DIR"), "/../shared/vectors/speech"))
    else {
        println!("skipped: AMR vectors (no ../shared)");
        return;
    };
    let mut files = 0;
    for (speech, names) in [
        ("s1", &["amr0", "amr1", "amr2", "amr3", "amr4", "amr5", "amr6", "amr7", "amr7dtx"][..]),
        ("s2", &["amr0", "amr4", "amr7", "amr7dtx"]),
        ("s3", &["amr0", "amr4", "amr7", "amr7dtx"]),
    ] {
        for name in names {
            let file = folder.join(format!("{speech}/{speech}.{name}"));
            let amr = std::fs::read(file.with_extension(format!("{name}.amr"))).unwrap();
            let expected = std::fs::read(file.with_extension(format!("{name}.dec.s16"))).unwrap();
            let (mut decoder, mut samples) = (Decoder::new(), Vec::new());
            let mut rest = amr.strip_prefix(b"#!AMR\n").unwrap();
            while let Some((first, after)) = rest.split_first() {
                let frame_type = first >> 3 & 15;
                let (bits, after) = after.split_at(BYTES[usize::from(frame_type)]);
                samples.extend(decoder.frame(coded(frame_type, bits), first & 4 != 0).map(i16::to_le_bytes));
                rest = after;
            }
            assert!(samples.as_flattened() == expected, "{speech}.{name}");
            files += 1;
        }
    }
    assert_eq!(files, 17);
}

#[test]
fn too_few_bits_are_zeros() {
    let mut decoder = Decoder::new();
    let short = decoder.frame(Coded::Speech(Mode::M122, &[0x55; 7]), true);
    let padded = [[0x55; 7].as_slice(), &[0; 24]].concat();
    assert_eq!(short, Decoder::new().frame(Coded::Speech(Mode::M122, &padded), true));
    assert_eq!(bits::noise(&[1, 2]), bits::noise(&[1, 2, 0, 0, 0]));
}

/// Loud and soft numbers.
fn samples<const N: usize>() -> impl Strategy<Value = [i16; N]> {
    (0..12, any::<[i16; N]>()).prop_map(|(softer, samples)| samples.map(|x| x >> softer))
}

/// As `samples`, for lengths that `any` has not.
fn block() -> impl Strategy<Value = [i16; SUBFRAME]> {
    (0..12, proptest::collection::vec(any::<i16>(), SUBFRAME))
        .prop_map(|(softer, samples)| std::array::from_fn(|k| samples[k] >> softer))
}

proptest! {
    #[test]
    fn the_fast_synthesis_is_that_of_the_standard(
        mut filter in samples::<11>(),
        input in block(),
        memory in samples::<10>(),
    ) {
        filter[0] = 4096;
        let (mut fast, mut exact) = ([0; SUBFRAME], [0; SUBFRAME]);
        let fits = synthesis::synthesize(&filter, &input, &memory, &mut fast);
        prop_assert_eq!(fits, synthesis::synthesize_loud(&filter, &input, &memory, &mut exact));
        prop_assert_eq!(fast, exact);
    }

    #[test]
    fn the_fast_residual_is_that_of_the_standard(
        mut filter in samples::<11>(),
        head in samples::<10>(),
        tail in block(),
    ) {
        filter[0] = 4096;
        let mut signal = [0; lsf::ORDER + SUBFRAME];
        signal[..lsf::ORDER].copy_from_slice(&head);
        signal[lsf::ORDER..].copy_from_slice(&tail);
        prop_assert_eq!(synthesis::residual(&filter, &signal), synthesis::residual_loud(&filter, &signal));
    }

    #[test]
    fn the_fast_interpolation_is_that_of_the_standard(
        past in proptest::collection::vec(any::<i16>(), 160),
        softer in 0..4,
        whole in 17i16..145,
        sixths in -3i16..4,
    ) {
        let mut fast = Excitation::new();
        for block in past.as_chunks::<SUBFRAME>().0 {
            *fast.now() = block.map(|x| x >> softer);
            fast.advance();
        }
        let mut exact = fast.clone();
        fast.predict(Lag { whole, sixths });
        exact.predict_exactly(Lag { whole, sixths });
        prop_assert_eq!(fast.now(), exact.now());
    }

    #[test]
    fn operators_saturate(x in any::<i32>(), by in -40i32..40, a in any::<i16>(), b in any::<i16>()) {
        let wide = if by < 0 { i128::from(x) >> -by } else { i128::from(x) << by };
        prop_assert_eq!(i128::from(l_shl(x, by)), wide.clamp(i32::MIN.into(), i32::MAX.into()));
        let narrow = if by < 0 { i128::from(a) >> -by } else { i128::from(a) << by };
        prop_assert_eq!(i128::from(shl(a, by)), narrow.clamp(i16::MIN.into(), i16::MAX.into()));
        let product = 2 * i64::from(a) * i64::from(b);
        prop_assert_eq!(i64::from(l_mult(a, b)), product.min(i32::MAX.into()));
        prop_assert_eq!(i64::from(mult(a, b)), (product >> 16).min(i16::MAX.into()));
    }
}
