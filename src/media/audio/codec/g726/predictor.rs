//! The adaptive quantizer and predictor that encoder and decoder share (G.726 sections 2 and 4).
//!
//! Names in capitals are the blocks of section 4.2. The state is kept as the arithmetic wants it, not as
//! table 4 lists it: the delayed signals (DQ1..DQ6, SR1, SR2), which the Recommendation holds as sign,
//! 4-bit exponent and 6-bit mantissa, are single precision numbers cut to 6 significant bits, so that
//! FMULT becomes one multiplication of such numbers; the eight products are two four-lane vectors. The
//! numbers are exact, so this is the integer arithmetic of the Recommendation, bit for bit; what cannot
//! be said in it (products beyond 15 bits, coefficients that wrap) is rare, noticed, and done in integers.

use super::lanes::{F32x4, I32x4, truncate};
use super::tables::Rate;
use std::num::Wrapping;

/// A register of the scalar part. No value here comes near 32 bits; `Wrapping` only says so to the
/// compiler, as overflow checks, which are on in release builds too, cost 8 % of a sample.
type Reg = Wrapping<i32>;

/// A constant of the scalar part.
#[inline(always)]
const fn reg(x: i32) -> Reg {
    Wrapping(x)
}

/// Samples between two looks at the size of the zero coefficients, see [`Predictor::is_steady`].
pub const BLOCK: usize = 64;

/// Sign, exponent and 5 stored bits of the mantissa (the sixth is implied) of a single precision number.
const FLOAT_MASK: i32 = -1 << 18;
/// Sign and exponent.
const POWER_MASK: i32 = -1 << 23;
/// Exponent of 1.0.
const ONE: i32 = 127 << 23;
/// Delayed signals are stored times 2^-11, which is what FMULT shifts its product by.
const SIGNAL_SCALE: i32 = 11 << 23;
/// A zero has exponent 0 and mantissa 32/64 in FLOATA, FLOATB and FMULT: it acts as one half.
const HALF: i32 = 126 << 23;

/// State of one channel.
#[derive(Clone, Debug)]
pub struct Predictor {
    yu: Reg,
    yl: Reg,
    dms: Reg,
    dml: Reg,
    ap: Reg,
    /// TD: a partial band signal (tone) was detected.
    tone: bool,
    a1: Reg,
    a2: Reg,
    /// Signs of the partially reconstructed signal (PK1, PK2): 0 or -1.
    pk1: Reg,
    pk2: Reg,
    /// B1..B4.
    b1234: I32x4,
    /// B5, B6, A1, A2.
    b56a12: I32x4,
    /// DQ1..DQ4 as bits of scaled single precision numbers.
    dq1234: I32x4,
    /// DQ5, DQ6, SR1, SR2.
    dq56sr12: I32x4,
    /// Bits 0..5: samples for which a delayed signal of 8192 or more (15-bit exponent range) stays.
    loud: u32,
}

/// What the predictor says before the code word of a sample is known.
#[derive(Clone, Copy, Debug)]
pub struct Estimate {
    /// Signal estimate of the zeros alone.
    sez: i32,
    /// Signal estimate.
    pub se: i32,
    /// Quantizer scale factor.
    pub y: i32,
}

impl Default for Predictor {
    fn default() -> Self {
        Predictor::reset()
    }
}

/// A value as a 16-bit two's complement register holds it.
#[inline(always)]
fn wrap16(x: i32) -> i32 {
    i32::from(x as i16)
}

/// FLOATA, FLOATB: a magnitude below 32768 and a sign (0 or -1), scaled for [`products`].
#[inline(always)]
fn float(magnitude: i32, sign: i32) -> i32 {
    // `max` gives zero its mantissa of 32 and exponent 0.
    let number = (magnitude as f32).max(0.5).to_bits().cast_signed();
    ((number & FLOAT_MASK).wrapping_sub(SIGNAL_SCALE)) | (sign & i32::MIN)
}

/// FMULT of four coefficients and four delayed signals, for products below 32768.
///
/// With coefficient and signal as `cm * 2^(ea-6)` and `m * 2^(ed-6)`, the Recommendation asks for
/// `floor((m*cm + 48) / 16) * 2^(ea+ed-19)`, truncated. `unit` below is the value of 1 in `m*cm`. The
/// inner floor is a rounding to the nearest multiple of 16 after adding 40.5 = 48 - 7.5 (never a tie),
/// and rounding comes from adding a number so large that its last place is 16 units.
#[inline(always)]
fn products(coefficients: I32x4, signals: I32x4) -> I32x4 {
    const UNIT_40_5: i32 = (40.5f32 / 1024.0).to_bits().cast_signed().wrapping_sub(ONE).wrapping_sub(ONE);
    const TIMES_2_22: i32 = 22 << 23;
    let an = coefficients.shr::<2>();
    let an = an.to_float().bits().or(an.is_zero().and(I32x4::splat(HALF)));
    let product: F32x4 = an.and(I32x4::splat(FLOAT_MASK)).as_float().mul(signals.as_float());
    // Powers of two are multiplied by adding their exponents; the sign bits add like an exclusive or.
    let powers = an.and(I32x4::splat(POWER_MASK)).add(signals.and(I32x4::splat(POWER_MASK)));
    let units_40_5 = powers.add(I32x4::splat(UNIT_40_5));
    let rounder = units_40_5.add(I32x4::splat(TIMES_2_22)).as_float();
    product.add(units_40_5.as_float()).add(rounder).sub(rounder).truncate()
}

/// FMULT as written, for any operands.
fn product_exact(coefficient: i32, signal: i32) -> i32 {
    let negative = (coefficient < 0) != (signal < 0);
    let magnitude = (coefficient >> 2).unsigned_abs() & 8191;
    let exponent = 32 - magnitude.leading_zeros();
    let mantissa = if magnitude == 0 { 32 } else { (magnitude << 6) >> exponent };
    let signal_bits = ((signal & i32::MAX) + SIGNAL_SCALE).cast_unsigned();
    let exponent = exponent + (signal_bits >> 23) - 126;
    let product = (mantissa * ((signal_bits >> 18) & 31 | 32) + 48) >> 4;
    let magnitude =
        if exponent <= 26 { (product << 7) >> (26 - exponent) } else { (product << 7) << (exponent - 26) };
    let magnitude = (magnitude & 32767).cast_signed();
    if negative { -magnitude } else { magnitude }
}

/// Sums of the products of zeros and of poles where a product may need more than 15 bits.
#[cold]
#[inline(never)]
fn sums_exact(b1234: I32x4, b56a12: I32x4, dq1234: I32x4, dq56sr12: I32x4) -> (i32, i32) {
    let low = b1234.lanes().into_iter().zip(dq1234.lanes());
    let [b5, b6, a1, a2] = b56a12.lanes();
    let [dq5, dq6, sr1, sr2] = dq56sr12.lanes();
    let zeros = low.chain([(b5, dq5), (b6, dq6)]).map(|(b, dq)| product_exact(b, dq)).sum();
    (zeros, product_exact(a1, sr1) + product_exact(a2, sr2))
}

/// TRANS, once a tone was detected: the difference is too large for the tone to go on.
#[cold]
#[inline(never)]
fn is_transition(yl: i32, dq_magnitude: i32) -> bool {
    let exponent = yl >> 15;
    let threshold = (32 + ((yl >> 10) & 31)) << exponent;
    let threshold = if exponent > 9 { 31 << 10 } else { threshold };
    dq_magnitude > (threshold + (threshold >> 1)) >> 1
}

/// FILTC while a tone is detected. A call, not a select: the scale factor of the next sample need not
/// wait for the poles then.
#[cold]
#[inline(never)]
fn speed_of_tone(ap: i32) -> i32 {
    ap + ((512 - ap) >> 4)
}

impl Predictor {
    /// The state after a reset (table 4, "reset value"); RFC 3802 bodies start from it.
    pub fn reset() -> Self {
        let zero = float(0, 0);
        Predictor {
            yu: reg(544),
            yl: reg(34816),
            dms: reg(0),
            dml: reg(0),
            ap: reg(0),
            tone: false,
            a1: reg(0),
            a2: reg(0),
            pk1: reg(0),
            pk2: reg(0),
            b1234: I32x4::splat(0),
            b56a12: I32x4::splat(0),
            dq1234: I32x4::splat(zero),
            dq56sr12: I32x4::splat(zero),
            loud: 0,
        }
    }

    /// True where no zero coefficient can leave its 16 bits within [`BLOCK`] samples: UPB moves one by
    /// at most 128 a sample. Unsteady blocks are computed with `EXACT`.
    #[inline(always)]
    pub fn is_steady(&self) -> bool {
        let [b1, b2, b3, b4] = self.b1234.lanes();
        let [b5, b6, ..] = self.b56a12.lanes();
        [b1, b2, b3, b4, b5, b6].iter().all(|b| b.abs() < 32767 - 128 * BLOCK as i32)
    }

    /// FMULT, ACCUM, LIMA and MIX.
    #[inline(always)]
    pub fn estimate<const EXACT: bool>(&self) -> Estimate {
        let (zeros, poles) = if EXACT || self.loud != 0 {
            sums_exact(self.b1234, self.b56a12, self.dq1234, self.dq56sr12)
        } else {
            products(self.b1234, self.dq1234).sums(products(self.b56a12, self.dq56sr12))
        };
        Estimate {
            sez: wrap16(zeros) >> 1,
            se: wrap16(zeros.wrapping_add(poles)) >> 1,
            y: self.scale_factor(),
        }
    }

    /// LIMA, MIX: the fast and the slow scale factor, mixed by the speed control.
    #[inline(always)]
    fn scale_factor(&self) -> i32 {
        let al = (self.ap >> 2).min(reg(64));
        let slow = self.yl >> 6;
        let product = (self.yu - slow) * al;
        // The product is shifted as sign and magnitude: towards zero.
        (slow + ((product + ((product >> 31) & reg(63))) >> 6)).0
    }

    /// Everything after the code word is known: reconstructs the signal and adapts. Gives SR.
    #[inline(always)]
    pub fn update<R: Rate, const EXACT: bool>(&mut self, code: usize, e: Estimate) -> i32 {
        let word = R::WORDS[code & 31];
        // RECONST, ADDA, ANTILOG: the logarithm has 7 fraction bits, as many as we place at the top of a
        // mantissa. A negative logarithm is a number below one and truncates to the 0 it should be.
        let dql = word.dqln.wrapping_add(e.y >> 2);
        let dq_magnitude = truncate(f32::from_bits((dql << 16).cast_unsigned()));
        let dq = (dq_magnitude ^ word.sign).wrapping_sub(word.sign);
        let sr = wrap16(dq.wrapping_add(e.se));

        let transition = self.tone && is_transition(self.yl.0, dq_magnitude);
        self.adapt_scale(reg(word.w), reg(e.y));
        self.adapt_predictor::<R, EXACT>(dq_magnitude, word.sign, wrap16(dq.wrapping_add(e.sez)));
        self.adapt_speed(reg(word.f), reg(e.y));
        if transition {
            self.reset_predictor();
        }
        self.delay(dq_magnitude, word.sign, sr);
        sr
    }

    /// FUNCTW, FILTD, LIMB, FILTE.
    #[inline(always)]
    fn adapt_scale(&mut self, w: Reg, y: Reg) {
        self.yu = (y + ((w - y) >> 5)).clamp(reg(544), reg(5120));
        self.yl += self.yu + ((-self.yl) >> 6);
    }

    /// UPA1, UPA2, LIMC, LIMD, XOR, UPB; `dqsez` is the signal of which PK0 is the sign.
    #[inline(always)]
    fn adapt_predictor<R: Rate, const EXACT: bool>(&mut self, dq_magnitude: i32, sign: i32, dqsez: i32) {
        let pk0 = reg(dqsez >> 31);
        let gain = reg(if dqsez == 0 { 0 } else { -1 });
        // Signs as masks: (x ^ mask) - mask negates where the mask is -1.
        let differs1 = pk0 ^ self.pk1;
        let differs2 = pk0 ^ self.pk2;
        let fa1 = self.a1.clamp(reg(-8191), reg(8191)) << 2;
        let minus_fa1 = (fa1 ^ !differs1) - !differs1;
        let uga2 = ((((reg(16384) ^ differs2) - differs2) + minus_fa1) >> 7) & gain;
        self.a2 = (self.a2 + uga2 - (self.a2 >> 7)).clamp(reg(-12288), reg(12288));
        let limit = reg(15360) - self.a2;
        let uga1 = ((reg(192) ^ differs1) - differs1) & gain;
        self.a1 = (self.a1 + uga1 - (self.a1 >> 8)).min(limit).max(-limit);
        self.pk2 = self.pk1;
        self.pk1 = pk0;

        let step = I32x4::splat(if dq_magnitude == 0 { 0 } else { 128 });
        let sign = I32x4::splat(sign);
        self.b1234 = adapt_zeros::<R, EXACT>(self.b1234, self.dq1234, sign, step);
        let high = adapt_zeros::<R, EXACT>(self.b56a12, self.dq56sr12, sign, step);
        self.b56a12 = high.with_high(self.a1.0, self.a2.0);
    }

    /// FUNCTF, FILTA, FILTB, SUBTC, FILTC, TONE.
    #[inline(always)]
    fn adapt_speed(&mut self, f: Reg, y: Reg) {
        self.dms += (f - self.dms) >> 5;
        self.dml += ((f << 2) - self.dml) >> 7;
        let difference = ((self.dms << 2) - self.dml).0.wrapping_abs();
        let stationary = (y.0 >= 1536) & (difference < (self.dml.0 >> 3));
        let before = self.ap;
        self.ap += (reg(if stationary { 0 } else { 512 }) - before) >> 4;
        self.tone = false;
        if self.a2.0 < -11776 {
            self.ap = reg(speed_of_tone(before.0));
            self.tone = true;
        }
    }

    /// TRIGA, TRIGB: start again after a tone.
    #[inline(always)]
    fn reset_predictor(&mut self) {
        self.a1 = reg(0);
        self.a2 = reg(0);
        self.b1234 = I32x4::splat(0);
        self.b56a12 = I32x4::splat(0);
        self.ap = reg(256);
        self.tone = false;
    }

    /// FLOATA, FLOATB and the delay lines.
    #[inline(always)]
    fn delay(&mut self, dq_magnitude: i32, sign: i32, sr: i32) {
        let sr_magnitude = sr.wrapping_abs() & 32767;
        self.dq56sr12 = self.dq56sr12.push_pairs(self.dq1234.last(), float(sr_magnitude, sr >> 31));
        self.dq1234 = self.dq1234.push_front(float(dq_magnitude, sign));
        // A loud difference stays for six samples, a loud signal for two.
        self.loud = (self.loud << 1) & 63;
        if (dq_magnitude | sr_magnitude) >= 8192 {
            self.loud |= if dq_magnitude >= 8192 { 1 } else { 16 };
        }
    }
}

/// XOR, UPB for four coefficients.
#[inline(always)]
fn adapt_zeros<R: Rate, const EXACT: bool>(b: I32x4, dq: I32x4, sign: I32x4, step: I32x4) -> I32x4 {
    let negative = dq.xor(sign).shr::<31>();
    let leak = if R::SLOW_LEAK { b.shr::<9>() } else { b.shr::<8>() };
    let b = b.add(step.xor(negative).sub(negative)).sub(leak);
    if EXACT { I32x4::new(b.lanes().map(wrap16)) } else { b }
}

/// LOG, SUBTB and QUAN: the code word for a difference at a scale factor.
#[inline(always)]
pub fn quantize<R: Rate>(difference: i32, y: i32) -> usize {
    let all = (1 << R::BITS) - 1;
    let magnitude = difference.wrapping_abs() & 32767;
    // Exponent and 7 bits of mantissa of a single precision number are the logarithm of LOG. The
    // logarithm of 0 is that of 1; both lie below every decision level after SUBTB, as Y is >= 544.
    let log = (magnitude.max(1) as f32).to_bits().cast_signed() >> 16;
    let dln = log.wrapping_sub(127 << 7).wrapping_sub(y >> 2);
    let magnitude: usize = R::LEVELS.iter().map(|&level| usize::from(dln >= level)).sum();
    // Code word 0 is never sent, but at 16 kbit/s.
    if difference < 0 || (magnitude == 0 && R::BITS != 2) { all - magnitude } else { magnitude }
}
