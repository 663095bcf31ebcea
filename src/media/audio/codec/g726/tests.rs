//! Exactness: the ITU-T sequences where they are at hand, our own vectors always.

use super::*;

const ITU: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../shared/vectors/g726-itu/");

/// The ITU sequences, or `None` (said once) where they are not at hand.
fn itu_present() -> bool {
    let present = std::path::Path::new(ITU).is_dir();
    if !present {
        println!("skipped: ITU-T G.726 Appendix II sequences (no ../shared)");
    }
    present
}

/// One 16-bit word per sample, value in the low octet.
fn itu_octets(name: &str) -> Vec<u8> {
    let path = format!("{ITU}{name}");
    let bytes = std::fs::read(&path).unwrap_or_else(|error| panic!("{path}: {error}"));
    bytes.chunks_exact(2).map(|word| word[0]).collect()
}

fn words_16(bytes: &[u8]) -> Vec<i16> {
    bytes.as_chunks().0.iter().map(|&word| i16::from_le_bytes(word)).collect()
}

/// Coders with one code word an octet, as the ITU files have them.
struct Plain<R> {
    predictor: Predictor,
    rate: PhantomData<R>,
}

impl<R: Rate> Plain<R> {
    fn after_reset() -> Self {
        Plain { predictor: Predictor::reset(), rate: PhantomData }
    }

    /// The coder that a homing sequence is to bring to the known state: one that has run at 32 kbit/s.
    /// At the other rates the sequences only bring the reset state there.
    fn before_homing() -> Self {
        let mut coder = Self::after_reset();
        if R::BITS != 4 {
            return coder;
        }
        let mut noise = 1u32;
        let samples: Vec<i16> = std::iter::repeat_with(|| {
            noise = noise.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (noise >> 16) as u16 as i16
        })
        .take(5000)
        .collect();
        coder.encode_linear(&samples);
        coder
    }

    fn encode_law(&mut self, law: Law, octets: &[u8]) -> Vec<u8> {
        let samples: Vec<i16> = octets.iter().map(|&octet| (law.expand(octet) << 2) as i16).collect();
        self.encode_linear(&samples)
    }

    fn encode_linear(&mut self, samples: &[i16]) -> Vec<u8> {
        let mut out = Vec::new();
        for block in samples.chunks(BLOCK) {
            let mut codes = [0; BLOCK];
            encode_linear::<R>(&mut self.predictor, block, &mut codes);
            out.extend_from_slice(&codes[..block.len()]);
        }
        out
    }

    fn decode_law(&mut self, law: Law, codes: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        for block in codes.chunks(BLOCK) {
            let mut octets = [0; BLOCK];
            decode_law::<R>(&mut self.predictor, block, law, &mut octets);
            out.extend_from_slice(&octets[..block.len()]);
        }
        out
    }

    fn decode_linear(&mut self, codes: &[u8]) -> Vec<i16> {
        let mut out = Vec::new();
        for block in codes.chunks(BLOCK) {
            let mut samples = [0; BLOCK];
            decode_linear::<R>(&mut self.predictor, block, &mut samples);
            out.extend_from_slice(&samples[..block.len()]);
        }
        out
    }
}

fn assert_same<T: PartialEq + std::fmt::Debug>(got: &[T], want: &[T], what: &str) {
    assert_eq!(got.len(), want.len(), "{what}: length");
    let wrong = got.iter().zip(want).position(|(got, want)| got != want);
    assert_eq!(wrong, None, "{what}: first wrong sample");
}

const LAWS: [(Law, &str, &str); 2] = [(Law::A, "a", "c"), (Law::Mu, "m", "x")];

/// All rows of the ITU table for one rate. `cross` is the letter of "other law in, this law out".
fn itu_sequences<R: Rate>(rate: &str) -> usize {
    let mut compared = 0;
    let mut check = |got: &[u8], name: &str| {
        assert_same(got, &itu_octets(name), name);
        compared += 1;
    };
    for (law, letter, cross) in LAWS {
        let other = if letter == "a" { "m" } else { "a" };
        for (kind, input) in [("n", "nrm"), ("v", "ovr")] {
            let pcm = itu_octets(&format!("input/{input}.{letter}"));
            let codes = format!("reset/r{kind}{rate}f{letter}.i");
            check(&Plain::<R>::after_reset().encode_law(law, &pcm), &codes);
            let out = Plain::<R>::after_reset().decode_law(law, &itu_octets(&codes));
            check(&out, &format!("reset/r{kind}{rate}f{letter}.o"));
            let other_codes = itu_octets(&format!("reset/r{kind}{rate}f{other}.i"));
            let out = Plain::<R>::after_reset().decode_law(law, &other_codes);
            check(&out, &format!("reset/r{kind}{rate}f{cross}.o"));
            compared_homing::<R>(rate, law, letter, other, cross, kind, input, &mut check);
        }
        let any = itu_octets(&format!("input/i{rate}"));
        check(&Plain::<R>::after_reset().decode_law(law, &any), &format!("reset/ri{rate}f{letter}.o"));
        let mut homed = homed_decoder::<R>(rate, letter);
        check(&homed.decode_law(law, &any), &format!("homing/hi{rate}f{letter}.o"));
    }
    compared
}

/// A decoder that had run and was brought home by the initialization sequence of its output law.
fn homed_decoder<R: Rate>(rate: &str, letter: &str) -> Plain<R> {
    let mut coder = Plain::<R>::before_homing();
    coder.decode_linear(&itu_octets(&format!("input/i_ini_{rate}.{letter}")));
    coder
}

#[allow(clippy::too_many_arguments)]
fn compared_homing<R: Rate>(
    rate: &str,
    law: Law,
    letter: &str,
    other: &str,
    cross: &str,
    kind: &str,
    input: &str,
    check: &mut impl FnMut(&[u8], &str),
) {
    let codes = format!("homing/h{kind}{rate}f{letter}.i");
    let mut encoder = Plain::<R>::before_homing();
    encoder.encode_law(law, &itu_octets(&format!("input/pcm_init.{letter}")));
    check(&encoder.encode_law(law, &itu_octets(&format!("input/{input}.{letter}"))), &codes);
    let mut decoder = homed_decoder::<R>(rate, letter);
    check(&decoder.decode_law(law, &itu_octets(&codes)), &format!("homing/h{kind}{rate}f{letter}.o"));
    // One file of the collection was made from reset instead.
    let from_reset = (rate, kind, cross) == ("16", "n", "c");
    let mut decoder = if from_reset { Plain::<R>::after_reset() } else { homed_decoder::<R>(rate, letter) };
    let other_codes = itu_octets(&format!("homing/h{kind}{rate}f{other}.i"));
    check(&decoder.decode_law(law, &other_codes), &format!("homing/h{kind}{rate}f{cross}.o"));
}

#[test]
fn equals_the_itu_sequences_at_all_rates() {
    if !itu_present() {
        return;
    }
    let compared = itu_sequences::<Rate16>("16")
        + itu_sequences::<Rate24>("24")
        + itu_sequences::<Rate32>("32")
        + itu_sequences::<Rate40>("40");
    assert_eq!(compared, 112);
}

fn itu_linear<R: Rate>(rate: &str) {
    let codes =
        ["rn", "rv"].into_iter().flat_map(|kind| ["a", "m"].map(|law| format!("{kind}{rate}f{law}.i")));
    for name in codes {
        let got = Plain::<R>::after_reset().decode_linear(&itu_octets(&format!("reset/{name}")));
        let want = std::fs::read(format!("{ITU}linear/{name}.s16")).unwrap();
        assert_same(&got, &words_16(&want), &name);
    }
    let got = Plain::<R>::after_reset().decode_linear(&itu_octets(&format!("input/i{rate}")));
    let want = std::fs::read(format!("{ITU}linear/i{rate}.s16")).unwrap();
    assert_same(&got, &words_16(&want), "any code words, linear");
}

#[test]
fn linear_output_of_the_itu_sequences_is_limited_to_14_bits() {
    if !itu_present() {
        return;
    }
    itu_linear::<Rate16>("16");
    itu_linear::<Rate24>("24");
    itu_linear::<Rate32>("32");
    itu_linear::<Rate40>("40");
}

macro_rules! vector {
    ($name:literal) => {
        include_bytes!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/audio/", $name))
    };
}

fn encoded(codec: &Codec, samples: &[i16]) -> Vec<u8> {
    let mut encoder = codec.encoder.unwrap()(codec);
    let mut out = Vec::new();
    encoder.encode(samples, &mut out);
    encoder.finish(&mut out);
    out
}

fn decoded(codec: &Codec, bytes: &[u8]) -> Vec<i16> {
    let mut out = Vec::new();
    codec.decoder.unwrap()(codec).decode(bytes, &mut out);
    out
}

#[test]
fn rfc_3802_tone_is_exact_both_ways() {
    let tone = words_16(vector!("tone440.s16"));
    assert_eq!(encoded(&G726_32, &tone), vector!("tone440.32kadpcm"));
    assert_same(
        &decoded(&G726_32, vector!("tone440.32kadpcm")),
        &words_16(vector!("tone440.decoded.s16")),
        "tone",
    );
    assert_eq!(encoded(&AAL2_G726_32, &tone), vector!("tone440.wrong-order"));
}

#[test]
fn speech_is_exact_both_ways() {
    assert_eq!(encoded(&G726_32, &words_16(vector!("s1.s16"))), vector!("s1.32kadpcm"));
    assert_same(&decoded(&G726_32, vector!("s1.32kadpcm")), &words_16(vector!("s1.g726.dec.s16")), "s1");
}

#[test]
fn random_code_words_are_exact() {
    // Overload, wrapping coefficients, products beyond 15 bits and code word 0 all occur here.
    let got = decoded(&G726_32, vector!("random.32kadpcm"));
    assert_same(&got, &words_16(vector!("random.32kadpcm.dec.s16")), "random");
}

#[test]
fn an_odd_last_sample_is_extended_with_silence() {
    let tone = words_16(vector!("tone440.s16"));
    let odd = encoded(&G726_32, &tone[..99]);
    assert_eq!(odd.len(), 50);
    assert_eq!(odd[..49], vector!("tone440.32kadpcm")[..49]);
    let even = [&tone[..99], &[0]].concat();
    assert_eq!(odd, encoded(&G726_32, &even));
    assert_eq!(decoded(&G726_32, &odd).len(), 100);
}

#[test]
fn the_pieces_a_signal_comes_in_do_not_matter() {
    let tone = words_16(vector!("tone440.s16"));
    for codec in [&G726_16, &G726_24, &G726_32, &G726_40, &AAL2_G726_24, &AAL2_G726_40] {
        let whole = encoded(codec, &tone);
        for piece in [1, 3, 7, 8, 63, 64, 65] {
            let mut encoder = codec.encoder.unwrap()(codec);
            let mut out = Vec::new();
            tone.chunks(piece).for_each(|samples| encoder.encode(samples, &mut out));
            encoder.finish(&mut out);
            assert_eq!(out, whole, "{codec:?} in pieces of {piece}");
            let mut decoder = codec.decoder.unwrap()(codec);
            let mut samples = Vec::new();
            whole.chunks(piece * codec.unit_bytes).for_each(|bytes| decoder.decode(bytes, &mut samples));
            assert_eq!(samples, decoded(codec, &whole), "{codec:?} in pieces of {piece}");
        }
    }
}

#[test]
fn packings_follow_rfc_3551() {
    // RFC 3551 4.5.4, G726-24: "the first code word is placed in the three least significant bits".
    let codes = [1, 2, 3, 4, 5, 6, 7, 1];
    let mut low = Vec::new();
    pack::<Rate24>(&codes, Packing::LowFirst, &mut low);
    assert_eq!(low, [0b1101_0001, 0b0101_1000, 0b0011_1111]);
    let mut high = Vec::new();
    pack::<Rate24>(&codes, Packing::HighFirst, &mut high);
    assert_eq!(high, [0b0010_1001, 0b1100_1011, 0b1011_1001]);
    let mut back = [0; BLOCK];
    assert_eq!(unpack::<Rate24>(&low, Packing::LowFirst, &mut back), 8);
    assert_eq!(back[..8], codes);
    assert_eq!(unpack::<Rate24>(&high, Packing::HighFirst, &mut back), 8);
    assert_eq!(back[..8], codes);
}

#[test]
fn the_exact_and_the_fast_arithmetic_agree() {
    let codes: Vec<u8> =
        vector!("random.32kadpcm").iter().flat_map(|octet| [octet & 15, octet >> 4]).collect();
    let (mut fast, mut exact) = (Predictor::reset(), Predictor::reset());
    for block in codes.chunks(BLOCK) {
        let (mut a, mut b) = ([0; BLOCK], [0; BLOCK]);
        decode_linear::<Rate32>(&mut fast, block, &mut a);
        decode_codes::<Rate32, true, _>(&mut exact, block, &mut b, |_, _, sr| limit_14_bits(sr));
        assert_eq!(a, b);
    }
}
