//! ITU-T G.726 at 16, 24, 32 and 40 kbit/s, bit exact with the sequences of its Appendix II.
//!
//! RFC 3802 takes the 32 kbit/s rate as `audio/32KADPCM`: no header, no frames, the codec starts in its
//! reset state. Two orders of the code words within octets are in use and both still sound like speech
//! when taken for the other: RFC 3802 section 4 and RFC 3551 section 4.5.4 put the first code word into
//! the *low* bits; ITU-T I.366.2 Annex E (AAL2) and WAVE files put it into the *high* bits.
//!
//! Linear samples are the reconstructed signal limited to 14 bits (Annex A), in the upper bits of 16;
//! G.711 output goes through the synchronous coding adjustment instead, so that tandem codings do not
//! add up. Any octets are valid code words: there is no bad input here.

mod lanes;
mod predictor;
mod tables;

use super::g711::Law;
use super::{Codec, Decoder, Encoder, Transcoder};
use predictor::{BLOCK, Predictor, quantize};
use std::marker::PhantomData;
use tables::{Rate, Rate16, Rate24, Rate32, Rate40};

/// Where the first of the code words that share an octet stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Packing {
    /// RFC 3802, RFC 3551 `G726-xx`.
    LowFirst,
    /// RFC 3551 `AAL2-G726-xx`, WAVE tag 0x45.
    HighFirst,
}

impl Packing {
    fn of(codec: &Codec) -> Packing {
        if codec.name.starts_with(AAL2) { Packing::HighFirst } else { Packing::LowFirst }
    }
}

/// Prefix of the names of codecs with the AAL2 packing; what follows it is the rate.
const AAL2: &str = "aal2-";

/// G.726 at 32 kbit/s as RFC 3802 has it.
pub static G726_32: Codec = codec::<Rate32>("g726-32", &["audio/32kadpcm", "audio/g726-32"]);
/// G.726 at 32 kbit/s as AAL2 has it.
pub static AAL2_G726_32: Codec =
    Codec { wav_tag: Some(0x45), ..codec::<Rate32>("aal2-g726-32", &["audio/aal2-g726-32"]) };
/// G.726 at 16 kbit/s.
pub static G726_16: Codec = codec::<Rate16>("g726-16", &["audio/g726-16"]);
/// G.726 at 24 kbit/s.
pub static G726_24: Codec = codec::<Rate24>("g726-24", &["audio/g726-24"]);
/// G.726 at 40 kbit/s.
pub static G726_40: Codec = codec::<Rate40>("g726-40", &["audio/g726-40"]);
/// G.726 at 16 kbit/s, AAL2.
pub static AAL2_G726_16: Codec = codec::<Rate16>("aal2-g726-16", &["audio/aal2-g726-16"]);
/// G.726 at 24 kbit/s, AAL2.
pub static AAL2_G726_24: Codec = codec::<Rate24>("aal2-g726-24", &["audio/aal2-g726-24"]);
/// G.726 at 40 kbit/s, AAL2.
pub static AAL2_G726_40: Codec = codec::<Rate40>("aal2-g726-40", &["audio/aal2-g726-40"]);

/// Table line of one rate.
const fn codec<R: Rate + 'static>(name: &'static str, media_types: &'static [&'static str]) -> Codec {
    Codec {
        name,
        media_types,
        wav_tag: None,
        bits_per_sample: R::BITS as u16,
        // 8 code words: the smallest number that fills whole octets at every rate.
        unit_bytes: R::BITS as usize,
        unit_samples: 8,
        max_channels: 1,
        source: None,
        decoder: Some(|codec| Box::new(G726Decoder::<R>::new(Packing::of(codec)))),
        encoder: Some(|codec| Box::new(G726Encoder::<R>::new(Packing::of(codec)))),
        direct: Some(direct::<R>),
    }
}

/// Ways to a target that do not go through linear samples.
fn direct<R: Rate + 'static>(source: &Codec, target: &Codec) -> Option<Box<dyn Transcoder>> {
    if let Some(law) = Law::of(target) {
        return Some(Box::new(LawDecoder::<R> { decoder: G726Decoder::new(Packing::of(source)), law }));
    }
    let rate = |codec: &Codec| codec.name.strip_prefix(AAL2).unwrap_or(codec.name);
    if rate(source) != rate(target) {
        return None;
    }
    Some(Box::new(Repacker::<R> { from: Packing::of(source), to: Packing::of(target), rate: PhantomData }))
}

/// Takes the code words out of at most [`BLOCK`] words' worth of octets; gives their number.
#[inline(always)]
fn unpack<R: Rate>(octets: &[u8], packing: Packing, codes: &mut [u8; BLOCK]) -> usize {
    if R::BITS == 4 {
        unpack_nibbles(octets, packing, codes);
    } else {
        unpack_units::<R>(octets, packing, codes);
    }
    (octets.len() * 8 / R::BITS as usize).min(BLOCK)
}

/// The usual case by itself: [`unpack_units`] would cost six instructions a sample.
#[inline(always)]
fn unpack_nibbles(octets: &[u8], packing: Packing, codes: &mut [u8; BLOCK]) {
    for (octet, pair) in octets.iter().zip(codes.as_chunks_mut().0) {
        let (low, high) = (octet & 15, octet >> 4);
        *pair = if packing == Packing::LowFirst { [low, high] } else { [high, low] };
    }
}

#[inline(always)]
fn unpack_units<R: Rate>(octets: &[u8], packing: Packing, codes: &mut [u8; BLOCK]) {
    let mask = (1u64 << R::BITS) - 1;
    for (unit, codes) in octets.chunks(R::BITS as usize).zip(codes.chunks_exact_mut(8)) {
        let mut word = [0u8; 8];
        match packing {
            Packing::LowFirst => word[..unit.len()].copy_from_slice(unit),
            // The same with every bit mirrored: the last octet of the unit is the lowest.
            Packing::HighFirst => {
                for (to, from) in word[..R::BITS as usize].iter_mut().rev().zip(unit) {
                    *to = *from;
                }
            }
        }
        let word = u64::from_le_bytes(word);
        for (k, code) in codes.iter_mut().enumerate() {
            let position = if packing == Packing::LowFirst { k } else { 7 - k };
            *code = ((word >> (position as u32 * R::BITS)) & mask) as u8;
        }
    }
}

/// Puts code words into octets; a last unit of fewer than 8 words gives as many octets as it fills.
#[inline(always)]
fn pack<R: Rate>(codes: &[u8], packing: Packing, out: &mut Vec<u8>) {
    for unit in codes.chunks(8) {
        let mut word = 0u64;
        for (k, &code) in unit.iter().enumerate() {
            let position = if packing == Packing::LowFirst { k } else { 7 - k };
            word |= u64::from(code) << (position as u32 * R::BITS);
        }
        let mut octets = word.to_le_bytes();
        let octets = &mut octets[..R::BITS as usize];
        if packing == Packing::HighFirst {
            octets.reverse();
        }
        out.extend_from_slice(&octets[..(unit.len() * R::BITS as usize).div_ceil(8)]);
    }
}

/// Reconstructed signals of a block of code words.
#[inline(always)]
fn decode_codes<R: Rate, const EXACT: bool, T>(
    predictor: &mut Predictor,
    codes: &[u8],
    out: &mut [T],
    finish: impl Fn(usize, predictor::Estimate, i32) -> T,
) {
    // A local copy: the compiler keeps its fields in registers across the loop.
    let mut p = predictor.clone();
    for (&code, out) in codes.iter().zip(out) {
        let code = usize::from(code);
        let estimate = p.estimate::<EXACT>();
        let sr = p.update::<R, EXACT>(code, estimate);
        *out = finish(code, estimate, sr);
    }
    *predictor = p;
}

/// LIMO (Annex A): 14 bits, in the upper bits of 16.
#[inline(always)]
fn limit_14_bits(sr: i32) -> i16 {
    (sr.clamp(-8192, 8191) << 2) as i16
}

fn decode_linear<R: Rate>(predictor: &mut Predictor, codes: &[u8], out: &mut [i16; BLOCK]) {
    let finish = |_, _, sr| limit_14_bits(sr);
    if predictor.is_steady() {
        decode_codes::<R, false, _>(predictor, codes, out, finish);
    } else {
        decode_codes::<R, true, _>(predictor, codes, out, finish);
    }
}

fn decode_law<R: Rate>(predictor: &mut Predictor, codes: &[u8], law: Law, out: &mut [u8; BLOCK]) {
    let finish = |code, estimate, sr| synchronous_adjustment::<R>(law, code, estimate, sr);
    if predictor.is_steady() {
        decode_codes::<R, false, _>(predictor, codes, out, finish);
    } else {
        decode_codes::<R, true, _>(predictor, codes, out, finish);
    }
}

/// COMPRESS, EXPAND, SUBTA, LOG, SUBTB, SYNC (4.2.8): the G.711 octet that a following encoder would code
/// into the code word that was received.
fn synchronous_adjustment<R: Rate>(law: Law, code: usize, estimate: predictor::Estimate, sr: i32) -> u8 {
    let octet = law.compress(sr);
    let difference = i32::from((law.expand(octet) - estimate.se) as i16);
    let again = quantize::<R>(difference, estimate.y);
    match order::<R>(again).cmp(&order::<R>(code)) {
        std::cmp::Ordering::Equal => octet,
        std::cmp::Ordering::Less => law.next_up(octet),
        std::cmp::Ordering::Greater => law.next_down(octet),
    }
}

/// Code words as two's complement numbers grow with the difference they stand for.
fn order<R: Rate>(code: usize) -> usize {
    code ^ (1 << (R::BITS - 1))
}

/// Code words of a block of linear samples.
#[inline(always)]
fn encode_samples<R: Rate, const EXACT: bool>(predictor: &mut Predictor, samples: &[i16], codes: &mut [u8]) {
    let mut p = predictor.clone();
    for (&sample, code) in samples.iter().zip(codes) {
        let estimate = p.estimate::<EXACT>();
        let difference = (i32::from(sample) >> 2).wrapping_sub(estimate.se);
        let word = quantize::<R>(i32::from(difference as i16), estimate.y);
        p.update::<R, EXACT>(word, estimate);
        *code = word as u8;
    }
    *predictor = p;
}

fn encode_linear<R: Rate>(predictor: &mut Predictor, samples: &[i16], codes: &mut [u8; BLOCK]) {
    if predictor.is_steady() {
        encode_samples::<R, false>(predictor, samples, codes);
    } else {
        encode_samples::<R, true>(predictor, samples, codes);
    }
}

/// Octets that hold [`BLOCK`] code words.
const fn block_bytes<R: Rate>() -> usize {
    BLOCK / 8 * R::BITS as usize
}

struct G726Decoder<R> {
    predictor: Predictor,
    packing: Packing,
    rate: PhantomData<R>,
}

impl<R: Rate> G726Decoder<R> {
    fn new(packing: Packing) -> Self {
        G726Decoder { predictor: Predictor::reset(), packing, rate: PhantomData }
    }
}

impl<R: Rate> Decoder for G726Decoder<R> {
    fn decode(&mut self, input: &[u8], out: &mut Vec<i16>) {
        let (mut codes, mut samples) = ([0; BLOCK], [0; BLOCK]);
        for octets in input.chunks(block_bytes::<R>()) {
            let n = unpack::<R>(octets, self.packing, &mut codes);
            decode_linear::<R>(&mut self.predictor, &codes[..n], &mut samples);
            out.extend_from_slice(&samples[..n]);
        }
    }
}

/// A decoder of 32 kbit/s code words that also tells the quantized difference, for [`super::super::nibble`].
pub struct Tracer {
    predictor: Predictor,
    packing: Packing,
}

impl Tracer {
    /// A decoder in its reset state.
    pub fn new(high_first: bool) -> Self {
        let packing = if high_first { Packing::HighFirst } else { Packing::LowFirst };
        Tracer { predictor: Predictor::reset(), packing }
    }

    /// Appends reconstructed signal and quantized difference of each code word.
    pub fn trace(&mut self, input: &[u8], out: &mut Vec<(f32, f32)>) {
        let (mut codes, mut pairs) = ([0; BLOCK], [(0.0, 0.0); BLOCK]);
        let finish = |_, estimate: predictor::Estimate, sr: i32| (sr as f32, (sr - estimate.se) as f32);
        for octets in input.chunks(block_bytes::<Rate32>()) {
            let n = unpack::<Rate32>(octets, self.packing, &mut codes);
            if self.predictor.is_steady() {
                decode_codes::<Rate32, false, _>(&mut self.predictor, &codes[..n], &mut pairs, finish);
            } else {
                decode_codes::<Rate32, true, _>(&mut self.predictor, &codes[..n], &mut pairs, finish);
            }
            out.extend_from_slice(&pairs[..n]);
        }
    }
}

struct LawDecoder<R> {
    decoder: G726Decoder<R>,
    law: Law,
}

impl<R: Rate> Transcoder for LawDecoder<R> {
    fn transcode(&mut self, input: &[u8], out: &mut Vec<u8>) {
        let (mut codes, mut law_octets) = ([0; BLOCK], [0; BLOCK]);
        for octets in input.chunks(block_bytes::<R>()) {
            let n = unpack::<R>(octets, self.decoder.packing, &mut codes);
            decode_law::<R>(&mut self.decoder.predictor, &codes[..n], self.law, &mut law_octets);
            out.extend_from_slice(&law_octets[..n]);
        }
    }
}

/// Changes the order of code words in octets; loses nothing.
struct Repacker<R> {
    from: Packing,
    to: Packing,
    rate: PhantomData<R>,
}

impl<R: Rate> Transcoder for Repacker<R> {
    fn transcode(&mut self, input: &[u8], out: &mut Vec<u8>) {
        let mut codes = [0; BLOCK];
        for octets in input.chunks(block_bytes::<R>()) {
            let n = unpack::<R>(octets, self.from, &mut codes);
            pack::<R>(&codes[..n], self.to, out);
        }
    }
}

struct G726Encoder<R> {
    predictor: Predictor,
    packing: Packing,
    /// Code words that do not fill a unit of 8 yet.
    pending: Vec<u8>,
    rate: PhantomData<R>,
}

impl<R: Rate> G726Encoder<R> {
    fn new(packing: Packing) -> Self {
        G726Encoder {
            predictor: Predictor::reset(),
            packing,
            pending: Vec::with_capacity(8),
            rate: PhantomData,
        }
    }
}

impl<R: Rate> Encoder for G726Encoder<R> {
    fn encode(&mut self, samples: &[i16], out: &mut Vec<u8>) {
        let mut codes = [0; BLOCK];
        let (ahead, samples) = samples.split_at(samples.len().min((8 - self.pending.len()) % 8));
        encode_linear::<R>(&mut self.predictor, ahead, &mut codes);
        self.pending.extend_from_slice(&codes[..ahead.len()]);
        if self.pending.len() == 8 {
            pack::<R>(&self.pending, self.packing, out);
            self.pending.clear();
        }
        for block in samples.chunks(BLOCK) {
            encode_linear::<R>(&mut self.predictor, block, &mut codes);
            let whole = block.len() / 8 * 8;
            pack::<R>(&codes[..whole], self.packing, out);
            self.pending.extend_from_slice(&codes[whole..block.len()]);
        }
    }

    /// "It is preferred that the voice sample be extended with silence such that the encoded value
    /// comprises an even number of code words" (RFC 3802 section 4): silence up to a whole octet.
    fn finish(&mut self, out: &mut Vec<u8>) {
        let mut codes = [0; BLOCK];
        while !(self.pending.len() * R::BITS as usize).is_multiple_of(8) {
            encode_linear::<R>(&mut self.predictor, &[0], &mut codes);
            self.pending.push(codes[0]);
        }
        pack::<R>(&self.pending, self.packing, out);
        self.pending.clear();
    }
}

#[cfg(test)]
mod tests;
