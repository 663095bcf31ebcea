//! Four-lane vectors for the predictor: what eight products at once cost decides the speed of G.726.
//!
//! On x86-64 the lanes are SSE2 registers; SSE2 belongs to the base target, so nothing is detected at run
//! time, and `safe_arch` offers its instructions as safe functions. Elsewhere the lanes are arrays, which
//! LLVM maps to the vectors of the target. Both give the same bits for every value the predictor forms.

#[cfg(target_arch = "x86_64")]
pub use sse2::{F32x4, I32x4, truncate};

#[cfg(not(target_arch = "x86_64"))]
pub use portable::{F32x4, I32x4, truncate};

#[cfg(target_arch = "x86_64")]
mod sse2 {
    use safe_arch::{
        add_i32_m128i, add_m128, bitand_m128i, bitor_m128i, bitxor_m128i, byte_shl_imm_u128_m128i,
        cast_to_m128_from_m128i, cast_to_m128i_from_m128, cmp_eq_mask_i32_m128i,
        convert_to_m128_from_i32_m128i, copy_i64_m128i_s, get_i32_from_m128i_s, m128, m128i, mul_m128,
        set_i32_m128i_s, set_m128_s, set_reversed_i32_m128i, set_splat_i32_m128i, shl_imm_u64_m128i,
        shr_imm_i32_m128i, shuffle_ai_f32_all_m128i, sub_i32_m128i, sub_m128, truncate_m128_to_m128i,
        unpack_high_i64_m128i, unpack_low_i32_m128i, unpack_low_i64_m128i, zeroed_m128i,
    };

    /// Four 32-bit integers.
    #[derive(Clone, Copy, Debug)]
    pub struct I32x4(m128i);

    /// Four single precision numbers.
    #[derive(Clone, Copy, Debug)]
    pub struct F32x4(m128);

    /// Integer part of a number whose integer part fits.
    #[inline(always)]
    pub fn truncate(x: f32) -> i32 {
        get_i32_from_m128i_s(truncate_m128_to_m128i(set_m128_s(x)))
    }

    impl I32x4 {
        #[inline(always)]
        pub fn new(lanes: [i32; 4]) -> Self {
            I32x4(set_reversed_i32_m128i(lanes[0], lanes[1], lanes[2], lanes[3]))
        }
        #[inline(always)]
        pub fn splat(x: i32) -> Self {
            I32x4(set_splat_i32_m128i(x))
        }
        #[inline(always)]
        pub fn lanes(self) -> [i32; 4] {
            let lane = |v| get_i32_from_m128i_s(v);
            [
                lane(self.0),
                lane(shuffle_ai_f32_all_m128i::<1>(self.0)),
                lane(shuffle_ai_f32_all_m128i::<2>(self.0)),
                lane(shuffle_ai_f32_all_m128i::<3>(self.0)),
            ]
        }
        #[inline(always)]
        pub fn add(self, o: Self) -> Self {
            I32x4(add_i32_m128i(self.0, o.0))
        }
        #[inline(always)]
        pub fn sub(self, o: Self) -> Self {
            I32x4(sub_i32_m128i(self.0, o.0))
        }
        #[inline(always)]
        pub fn and(self, o: Self) -> Self {
            I32x4(bitand_m128i(self.0, o.0))
        }
        #[inline(always)]
        pub fn or(self, o: Self) -> Self {
            I32x4(bitor_m128i(self.0, o.0))
        }
        #[inline(always)]
        pub fn xor(self, o: Self) -> Self {
            I32x4(bitxor_m128i(self.0, o.0))
        }
        /// All ones in the lanes that are zero.
        #[inline(always)]
        pub fn is_zero(self) -> Self {
            I32x4(cmp_eq_mask_i32_m128i(self.0, zeroed_m128i()))
        }
        /// Arithmetic shift right.
        #[inline(always)]
        pub fn shr<const N: i32>(self) -> Self {
            I32x4(shr_imm_i32_m128i::<N>(self.0))
        }
        /// Integers to numbers.
        #[inline(always)]
        pub fn to_float(self) -> F32x4 {
            F32x4(convert_to_m128_from_i32_m128i(self.0))
        }
        /// The same bits read as numbers.
        #[inline(always)]
        pub fn as_float(self) -> F32x4 {
            F32x4(cast_to_m128_from_m128i(self.0))
        }
        /// `[x, a0, a1, a2]`.
        #[inline(always)]
        pub fn push_front(self, x: i32) -> Self {
            I32x4(bitor_m128i(byte_shl_imm_u128_m128i::<4>(self.0), set_i32_m128i_s(x)))
        }
        /// `[x, a0, y, a2]`: two delay lines of two.
        #[inline(always)]
        pub fn push_pairs(self, x: i32, y: i32) -> Self {
            let new = unpack_low_i64_m128i(set_i32_m128i_s(x), set_i32_m128i_s(y));
            I32x4(bitor_m128i(shl_imm_u64_m128i::<32>(self.0), new))
        }
        /// Lane 3.
        #[inline(always)]
        pub fn last(self) -> i32 {
            get_i32_from_m128i_s(shuffle_ai_f32_all_m128i::<3>(self.0))
        }
        /// `[a0, a1, x, y]`.
        #[inline(always)]
        pub fn with_high(self, x: i32, y: i32) -> Self {
            let high = unpack_low_i32_m128i(set_i32_m128i_s(x), set_i32_m128i_s(y));
            I32x4(unpack_low_i64_m128i(self.0, high))
        }
        /// Sum of all lanes of `self` and the low two of `o`, and the sum of the high two of `o`.
        #[inline(always)]
        pub fn sums(self, o: Self) -> (i32, i32) {
            let high = unpack_high_i64_m128i(self.0, zeroed_m128i());
            let low = add_i32_m128i(copy_i64_m128i_s(self.0), high);
            let pairs = add_i32_m128i(low, o.0);
            let sums = add_i32_m128i(pairs, shuffle_ai_f32_all_m128i::<0b10_11_00_01>(pairs));
            (get_i32_from_m128i_s(sums), get_i32_from_m128i_s(shuffle_ai_f32_all_m128i::<2>(sums)))
        }
    }

    impl F32x4 {
        #[inline(always)]
        pub fn add(self, o: Self) -> Self {
            F32x4(add_m128(self.0, o.0))
        }
        #[inline(always)]
        pub fn sub(self, o: Self) -> Self {
            F32x4(sub_m128(self.0, o.0))
        }
        #[inline(always)]
        pub fn mul(self, o: Self) -> Self {
            F32x4(mul_m128(self.0, o.0))
        }
        /// The bits of the numbers.
        #[inline(always)]
        pub fn bits(self) -> I32x4 {
            I32x4(cast_to_m128i_from_m128(self.0))
        }
        /// Integer parts (towards zero).
        #[inline(always)]
        pub fn truncate(self) -> I32x4 {
            I32x4(truncate_m128_to_m128i(self.0))
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

#[cfg(all(test, target_arch = "x86_64"))]
mod tests {
    use super::{portable, sse2};
    use proptest::prelude::*;

    /// Runs one expression on both implementations and compares the lanes.
    macro_rules! same {
        ($($name:ident),* => $expression:expr) => {{
            let in_registers = {
                use sse2::I32x4;
                $(let $name = I32x4::new($name);)*
                $expression
            };
            let in_arrays = {
                use portable::I32x4;
                $(let $name = I32x4::new($name);)*
                $expression
            };
            prop_assert_eq!(in_registers, in_arrays, "{}", stringify!($expression));
        }};
    }

    proptest! {
        #[test]
        fn registers_and_arrays_give_the_same_bits(a: [i16; 4], b: [i16; 4], x: i32, y: i32) {
            let (a, b) = (a.map(i32::from), b.map(i32::from));
            same!(a, b => a.add(b).lanes());
            same!(a, b => a.sub(b).lanes());
            same!(a, b => a.and(b).lanes());
            same!(a, b => a.or(b).lanes());
            same!(a, b => a.xor(b).lanes());
            same!(a, b => a.sums(b));
            same!(a => a.is_zero().lanes());
            same!(a => a.shr::<2>().lanes());
            same!(a => a.push_front(x).lanes());
            same!(a => a.push_pairs(x, y).lanes());
            same!(a => a.with_high(x, y).lanes());
            same!(a => a.last());
            same!(a => a.add(I32x4::splat(x as i16 as i32)).lanes());
            same!(a => a.as_float().bits().lanes());
            same!(a, b => a.to_float().mul(b.to_float()).bits().lanes());
            same!(a, b => a.to_float().add(b.to_float()).bits().lanes());
            same!(a, b => a.to_float().sub(b.to_float()).truncate().lanes());
            prop_assert_eq!(sse2::truncate(x as i16 as f32 / 8.0), portable::truncate(x as i16 as f32 / 8.0));
        }
    }
}
