//! Finds the EOLs of coded data at a fraction of a nanosecond an octet, without decoding it.
//!
//! An EOL is at least eleven zeros and a one (T.4 4.1.2). Eleven zeros hold two zero nibbles in a row, whatever bit
//! they begin at, so an octet can only end such a run where the octet before it is zero, or the low nibble of that
//! and its own high nibble are. Octets are held against that in blocks of 64; only those few that pass are counted
//! bit by bit.

/// One end-of-line code and the zeros before it, as bit positions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::media::fax) struct Eol {
    /// First zero of the run of zeros (fill, T.4 4.1.3, and the zeros of the code).
    pub zeros: usize,
    /// The one that ends it.
    pub one: usize,
}

/// Zeros of an EOL, at least.
const ZEROS: usize = 11;
/// Octets looked at together.
const BLOCK: usize = 64;

/// The EOLs of coded data, one after the other.
#[derive(Clone, Debug)]
pub(in crate::media::fax) struct Eols<'a> {
    data: &'a [u8],
    /// Bits before this one do not count.
    from: usize,
    /// The octet of the lowest bit of `marks`.
    block: usize,
    /// Octets of this block that may hold the last zeros of an EOL before the octet with its one.
    marks: u64,
    /// The first octet that is in no block yet.
    next: usize,
}

impl<'a> Eols<'a> {
    /// The EOLs whose zeros are at or after bit `from`.
    pub fn new(data: &'a [u8], from: usize) -> Self {
        Eols { data, from, block: 0, marks: 0, next: from / 8 }
    }

    /// Looks at the next block; false at the end of the data.
    #[inline(always)]
    fn advance(&mut self) -> bool {
        let rest = self.data.get(self.next..).unwrap_or_default();
        self.block = self.next;
        self.next += BLOCK;
        self.marks = rest.first_chunk().map_or_else(|| last_marks(rest), marks);
        rest.len() > 1
    }

    /// The run of zeros before the first one of octet `at`, if it is long enough.
    #[inline(always)]
    fn ending_in(&self, at: usize) -> Option<Eol> {
        let leading = self.data.get(at).map_or(0, |octet| octet.leading_zeros());
        let one = at * 8 + leading as usize;
        // The bits before the one, of its octet and the three before: mostly all of the run, found without a branch.
        let near = at.checked_sub(3).and_then(|first| self.data.get(first..)?.first_chunk());
        let near = near.map_or(0, |near| u32::from_be_bytes(*near) >> (8 - leading));
        let zeros = if near != 0 { one - near.trailing_zeros() as usize } else { self.first_zero(at) };
        let zeros = zeros.max(self.from);
        (zeros + ZEROS <= one).then_some(Eol { zeros, one })
    }

    /// Where the run of zeros before octet `at` begins.
    #[cold]
    fn first_zero(&self, at: usize) -> usize {
        let octets = self.data.get(..at).unwrap_or_default();
        let last = octets.iter().enumerate().rfind(|(_, octet)| **octet != 0);
        last.map_or(0, |(at, octet)| (at + 1) * 8 - octet.trailing_zeros() as usize)
    }
}

impl Iterator for Eols<'_> {
    type Item = Eol;

    #[inline(always)]
    fn next(&mut self) -> Option<Eol> {
        loop {
            while self.marks == 0 {
                if !self.advance() {
                    return None;
                }
            }
            let at = self.block + self.marks.trailing_zeros() as usize + 1;
            self.marks &= self.marks - 1;
            if let Some(eol) = self.ending_in(at) {
                return Some(eol);
            }
        }
    }
}

/// A bit for each octet but the last: set where a run of eight zeros or more may end with it and the next octet
/// holds a one.
#[cfg(target_arch = "x86_64")]
#[inline]
fn marks(octets: &[u8; BLOCK + 1]) -> u64 {
    use safe_arch::{
        bitand_m128i, bitandnot_m128i, bitor_m128i, cmp_eq_mask_i8_m128i, load_unaligned_m128i, min_u8_m128i,
        move_mask_i8_m128i, set_splat_i8_m128i, zeroed_m128i,
    };
    let (low, high, zero) = (set_splat_i8_m128i(0x0f), set_splat_i8_m128i(!0x0f), zeroed_m128i());
    let mut marks = 0;
    for lane in 0..BLOCK / 16 {
        let load = |at: usize| match octets.get(at..).and_then(|rest| rest.first_chunk()) {
            Some(sixteen) => load_unaligned_m128i(sixteen),
            None => zero,
        };
        let (here, next) = (load(lane * 16), load(lane * 16 + 1));
        let nibbles = bitor_m128i(bitand_m128i(here, low), bitand_m128i(next, high));
        let zeros = cmp_eq_mask_i8_m128i(min_u8_m128i(here, nibbles), zero);
        let ends = bitandnot_m128i(cmp_eq_mask_i8_m128i(next, zero), zeros);
        marks |= u64::from(move_mask_i8_m128i(ends) as u16) << (lane * 16);
    }
    marks
}

#[cfg(not(target_arch = "x86_64"))]
use plain_marks as marks;

/// The same where there is no SSE2.
#[cfg(any(not(target_arch = "x86_64"), test))]
fn plain_marks(octets: &[u8; BLOCK + 1]) -> u64 {
    octets.array_windows().enumerate().fold(0, |marks, (at, &[here, next])| {
        let zeros = here == 0 || (here & 0x0f) | (next & 0xf0) == 0;
        marks | u64::from(zeros && next != 0) << at
    })
}

/// The same of fewer octets. Behind them are zeros, which end no run.
#[cold]
fn last_marks(rest: &[u8]) -> u64 {
    let mut octets = [0; BLOCK + 1];
    octets.iter_mut().zip(rest).for_each(|(to, from)| *to = *from);
    marks(&octets)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Bit by bit.
    fn plainly(data: &[u8], from: usize) -> Vec<Eol> {
        let (mut eols, mut zeros) = (Vec::new(), from);
        for at in from..data.len() * 8 {
            if data[at / 8] << (at % 8) & 0x80 != 0 {
                if at - zeros >= ZEROS {
                    eols.push(Eol { zeros, one: at });
                }
                zeros = at + 1;
            }
        }
        eols
    }

    #[test]
    fn an_eol_is_found_at_every_bit_and_eleven_zeros_are_needed() {
        for shift in 0..1100 {
            for zeros in [10, 11, 12, 40] {
                let mut bits = vec![1u8; shift];
                bits.extend(std::iter::repeat_n(0, zeros));
                bits.push(1);
                bits.resize(bits.len().next_multiple_of(8), 1);
                let data: Vec<u8> =
                    bits.chunks(8).map(|octet| octet.iter().fold(0, |sum, bit| sum << 1 | bit)).collect();
                let expected = (zeros > 10).then_some(Eol { zeros: shift, one: shift + zeros });
                assert_eq!(Eols::new(&data, 0).next(), expected, "{shift} {zeros}");
                assert_eq!(Eols::new(&data, shift).next(), expected, "{shift} {zeros} from the first zero");
            }
        }
        assert_eq!(Eols::new(&[0; 200], 3).next(), None);
        assert_eq!(Eols::new(&[], 0).next(), None);
        assert_eq!(Eols::new(&[1], 9).next(), None);
    }

    proptest! {
        #[test]
        fn marks_are_the_same_with_and_without_sse2(octets in prop::array::uniform32(prop_oneof![Just(0), any::<u8>()])) {
            let mut block = [0; BLOCK + 1];
            block.iter_mut().zip(octets.iter().cycle()).for_each(|(to, from)| *to = *from);
            prop_assert_eq!(marks(&block), plain_marks(&block));
        }

        #[test]
        fn all_eols_are_those_found_bit_by_bit(
            // Mostly zeros and single ones, so that runs of all lengths are there.
            octets in prop::collection::vec(prop_oneof![4 => Just(0), 3 => (0u32..8).prop_map(|bit| 1u8 << bit), 1 => any::<u8>()], 0..300),
            from in 0usize..700,
        ) {
            let found: Vec<Eol> = Eols::new(&octets, from).collect();
            prop_assert_eq!(found, plainly(&octets, from));
        }
    }
}
