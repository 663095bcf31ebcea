//! Four-lane vectors for the predictor: what eight products at once cost decides the speed of G.726.
//!
//! On x86-64 the lanes are SSE2 registers; SSE2 belongs to the base target, so these calls are safe and
//! need no run-time detection. Elsewhere they are arrays, which LLVM maps to the vectors of the target.
//! Both give the same bits: the arithmetic is exact for every value the predictor forms.

#[cfg(target_arch = "x86_64")]
pub use sse2::{F32x4, I32x4, truncate};

#[cfg(not(target_arch = "x86_64"))]
pub use portable::{F32x4, I32x4, truncate};

#[cfg(target_arch = "x86_64")]
mod sse2 {
    use std::arch::x86_64::*;

    /// Four 32-bit integers.
    #[derive(Clone, Copy, Debug)]
    pub struct I32x4(__m128i);

    /// Four single precision numbers.
    #[derive(Clone, Copy, Debug)]
    pub struct F32x4(__m128);

    /// Integer part of a number whose integer part fits.
    #[inline(always)]
    pub fn truncate(x: f32) -> i32 {
        _mm_cvttss_si32(_mm_set_ss(x))
    }

    impl I32x4 {
        #[inline(always)]
        pub fn new(lanes: [i32; 4]) -> Self {
            I32x4(_mm_setr_epi32(lanes[0], lanes[1], lanes[2], lanes[3]))
        }
        #[inline(always)]
        pub fn splat(x: i32) -> Self {
            I32x4(_mm_set1_epi32(x))
        }
        #[inline(always)]
        pub fn lanes(self) -> [i32; 4] {
            let lane = |v| _mm_cvtsi128_si32(v);
            [
                lane(self.0),
                lane(_mm_shuffle_epi32::<1>(self.0)),
                lane(_mm_shuffle_epi32::<2>(self.0)),
                lane(_mm_shuffle_epi32::<3>(self.0)),
            ]
        }
        #[inline(always)]
        pub fn add(self, o: Self) -> Self {
            I32x4(_mm_add_epi32(self.0, o.0))
        }
        #[inline(always)]
        pub fn sub(self, o: Self) -> Self {
            I32x4(_mm_sub_epi32(self.0, o.0))
        }
        #[inline(always)]
        pub fn and(self, o: Self) -> Self {
            I32x4(_mm_and_si128(self.0, o.0))
        }
        #[inline(always)]
        pub fn or(self, o: Self) -> Self {
            I32x4(_mm_or_si128(self.0, o.0))
        }
        #[inline(always)]
        pub fn xor(self, o: Self) -> Self {
            I32x4(_mm_xor_si128(self.0, o.0))
        }
        /// All ones in the lanes that are zero.
        #[inline(always)]
        pub fn is_zero(self) -> Self {
            I32x4(_mm_cmpeq_epi32(self.0, _mm_setzero_si128()))
        }
        /// Arithmetic shift right.
        #[inline(always)]
        pub fn shr<const N: i32>(self) -> Self {
            I32x4(_mm_srai_epi32::<N>(self.0))
        }
        /// Integers to numbers.
        #[inline(always)]
        pub fn to_float(self) -> F32x4 {
            F32x4(_mm_cvtepi32_ps(self.0))
        }
        /// The same bits read as numbers.
        #[inline(always)]
        pub fn as_float(self) -> F32x4 {
            F32x4(_mm_castsi128_ps(self.0))
        }
        /// `[x, a0, a1, a2]`.
        #[inline(always)]
        pub fn push_front(self, x: i32) -> Self {
            I32x4(_mm_or_si128(_mm_slli_si128::<4>(self.0), _mm_cvtsi32_si128(x)))
        }
        /// `[x, a0, y, a2]`: two delay lines of two.
        #[inline(always)]
        pub fn push_pairs(self, x: i32, y: i32) -> Self {
            let new = _mm_unpacklo_epi64(_mm_cvtsi32_si128(x), _mm_cvtsi32_si128(y));
            I32x4(_mm_or_si128(_mm_slli_epi64::<32>(self.0), new))
        }
        /// Lane 3.
        #[inline(always)]
        pub fn last(self) -> i32 {
            _mm_cvtsi128_si32(_mm_shuffle_epi32::<3>(self.0))
        }
        /// `[a0, a1, x, y]`.
        #[inline(always)]
        pub fn with_high(self, x: i32, y: i32) -> Self {
            let high = _mm_unpacklo_epi32(_mm_cvtsi32_si128(x), _mm_cvtsi32_si128(y));
            I32x4(_mm_unpacklo_epi64(self.0, high))
        }
        /// Sum of all lanes of `self` and the low two of `o`, and the sum of the high two of `o`.
        #[inline(always)]
        pub fn sums(self, o: Self) -> (i32, i32) {
            let high = _mm_unpackhi_epi64(self.0, _mm_setzero_si128());
            let low = _mm_add_epi32(_mm_move_epi64(self.0), high);
            let pairs = _mm_add_epi32(low, o.0);
            let sums = _mm_add_epi32(pairs, _mm_shuffle_epi32::<0b10_11_00_01>(pairs));
            (_mm_cvtsi128_si32(sums), _mm_cvtsi128_si32(_mm_shuffle_epi32::<2>(sums)))
        }
    }

    impl F32x4 {
        #[inline(always)]
        pub fn add(self, o: Self) -> Self {
            F32x4(_mm_add_ps(self.0, o.0))
        }
        #[inline(always)]
        pub fn sub(self, o: Self) -> Self {
            F32x4(_mm_sub_ps(self.0, o.0))
        }
        #[inline(always)]
        pub fn mul(self, o: Self) -> Self {
            F32x4(_mm_mul_ps(self.0, o.0))
        }
        /// The bits of the numbers.
        #[inline(always)]
        pub fn bits(self) -> I32x4 {
            I32x4(_mm_castps_si128(self.0))
        }
        /// Integer parts (towards zero).
        #[inline(always)]
        pub fn truncate(self) -> I32x4 {
            I32x4(_mm_cvttps_epi32(self.0))
        }
    }
}

#[cfg(any(test, not(target_arch = "x86_64")))]
mod portable {
    /// Four 32-bit integers.
    #[derive(Clone, Copy, Debug)]
    pub struct I32x4([i32; 4]);

    /// Four single precision numbers.
    #[derive(Clone, Copy, Debug)]
    pub struct F32x4([f32; 4]);

    /// Integer part of a number whose integer part fits.
    #[inline(always)]
    pub fn truncate(x: f32) -> i32 {
        x as i32
    }

    #[inline(always)]
    fn zip<T: Copy, U: Copy + Default>(a: [T; 4], b: [T; 4], f: impl Fn(T, T) -> U) -> [U; 4] {
        std::array::from_fn(|k| f(a[k], b[k]))
    }

    impl I32x4 {
        #[inline(always)]
        pub fn new(lanes: [i32; 4]) -> Self {
            I32x4(lanes)
        }
        #[inline(always)]
        pub fn splat(x: i32) -> Self {
            I32x4([x; 4])
        }
        #[inline(always)]
        pub fn lanes(self) -> [i32; 4] {
            self.0
        }
        #[inline(always)]
        pub fn add(self, o: Self) -> Self {
            I32x4(zip(self.0, o.0, i32::wrapping_add))
        }
        #[inline(always)]
        pub fn sub(self, o: Self) -> Self {
            I32x4(zip(self.0, o.0, i32::wrapping_sub))
        }
        #[inline(always)]
        pub fn and(self, o: Self) -> Self {
            I32x4(zip(self.0, o.0, |a, b| a & b))
        }
        #[inline(always)]
        pub fn or(self, o: Self) -> Self {
            I32x4(zip(self.0, o.0, |a, b| a | b))
        }
        #[inline(always)]
        pub fn xor(self, o: Self) -> Self {
            I32x4(zip(self.0, o.0, |a, b| a ^ b))
        }
        /// All ones in the lanes that are zero.
        #[inline(always)]
        pub fn is_zero(self) -> Self {
            I32x4(self.0.map(|a| if a == 0 { -1 } else { 0 }))
        }
        /// Arithmetic shift right.
        #[inline(always)]
        pub fn shr<const N: i32>(self) -> Self {
            I32x4(self.0.map(|a| a >> N))
        }
        /// Integers to numbers.
        #[inline(always)]
        pub fn to_float(self) -> F32x4 {
            F32x4(self.0.map(|a| a as f32))
        }
        /// The same bits read as numbers.
        #[inline(always)]
        pub fn as_float(self) -> F32x4 {
            F32x4(self.0.map(|a| f32::from_bits(a.cast_unsigned())))
        }
        /// `[x, a0, a1, a2]`.
        #[inline(always)]
        pub fn push_front(self, x: i32) -> Self {
            I32x4([x, self.0[0], self.0[1], self.0[2]])
        }
        /// `[x, a0, y, a2]`: two delay lines of two.
        #[inline(always)]
        pub fn push_pairs(self, x: i32, y: i32) -> Self {
            I32x4([x, self.0[0], y, self.0[2]])
        }
        /// Lane 3.
        #[inline(always)]
        pub fn last(self) -> i32 {
            self.0[3]
        }
        /// `[a0, a1, x, y]`.
        #[inline(always)]
        pub fn with_high(self, x: i32, y: i32) -> Self {
            I32x4([self.0[0], self.0[1], x, y])
        }
        /// Sum of all lanes of `self` and the low two of `o`, and the sum of the high two of `o`.
        #[inline(always)]
        pub fn sums(self, o: Self) -> (i32, i32) {
            let [a, b, c, d] = self.0;
            (a + b + c + d + o.0[0] + o.0[1], o.0[2] + o.0[3])
        }
    }

    impl F32x4 {
        #[inline(always)]
        pub fn add(self, o: Self) -> Self {
            F32x4(zip(self.0, o.0, |a, b| a + b))
        }
        #[inline(always)]
        pub fn sub(self, o: Self) -> Self {
            F32x4(zip(self.0, o.0, |a, b| a - b))
        }
        #[inline(always)]
        pub fn mul(self, o: Self) -> Self {
            F32x4(zip(self.0, o.0, |a, b| a * b))
        }
        /// The bits of the numbers.
        #[inline(always)]
        pub fn bits(self) -> I32x4 {
            I32x4(self.0.map(|a| a.to_bits().cast_signed()))
        }
        /// Integer parts (towards zero).
        #[inline(always)]
        pub fn truncate(self) -> I32x4 {
            I32x4(self.0.map(|a| a as i32))
        }
    }
}
