//! The arithmetic decoder of ITU-T T.88 Annex E, and the integers of Annex A.

/// A row of T.88 table E.1: Qe, the next state after the more and the less probable symbol, and whether they change
/// places.
type State = (u32, u8, u8, bool);

const STATES: [State; 47] = [
    (0x5601, 1, 1, true),
    (0x3401, 2, 6, false),
    (0x1801, 3, 9, false),
    (0x0ac1, 4, 12, false),
    (0x0521, 5, 29, false),
    (0x0221, 38, 33, false),
    (0x5601, 7, 6, true),
    (0x5401, 8, 14, false),
    (0x4801, 9, 14, false),
    (0x3801, 10, 14, false),
    (0x3001, 11, 17, false),
    (0x2401, 12, 18, false),
    (0x1c01, 13, 20, false),
    (0x1601, 29, 21, false),
    (0x5601, 15, 14, true),
    (0x5401, 16, 14, false),
    (0x5101, 17, 15, false),
    (0x4801, 18, 16, false),
    (0x3801, 19, 17, false),
    (0x3401, 20, 18, false),
    (0x3001, 21, 19, false),
    (0x2801, 22, 19, false),
    (0x2401, 23, 20, false),
    (0x2201, 24, 21, false),
    (0x1c01, 25, 22, false),
    (0x1801, 26, 23, false),
    (0x1601, 27, 24, false),
    (0x1401, 28, 25, false),
    (0x1201, 29, 26, false),
    (0x1101, 30, 27, false),
    (0x0ac1, 31, 28, false),
    (0x09c1, 32, 29, false),
    (0x08a1, 33, 30, false),
    (0x0521, 34, 31, false),
    (0x0441, 35, 32, false),
    (0x02a1, 36, 33, false),
    (0x0221, 37, 34, false),
    (0x0141, 38, 35, false),
    (0x0111, 39, 36, false),
    (0x0085, 40, 37, false),
    (0x0049, 41, 38, false),
    (0x0025, 42, 39, false),
    (0x0015, 43, 40, false),
    (0x0009, 44, 41, false),
    (0x0005, 45, 42, false),
    (0x0001, 45, 43, false),
    (0x5601, 46, 46, false),
];

/// What is known of the bits of one context: a state of [`STATES`] and the more probable symbol.
#[derive(Clone, Copy, Default)]
pub(super) struct Context {
    state: u8,
    symbol: bool,
}

/// Reads bits. Behind its end the data goes on with ones, as T.88 has it for what an encoder leaves away.
pub(super) struct Decoder<'a> {
    data: &'a [u8],
    at: usize,
    c: u32,
    a: u32,
    count: u32,
}

impl<'a> Decoder<'a> {
    /// T.88 E.3.5, INITDEC.
    pub fn new(data: &'a [u8]) -> Self {
        let mut decoder = Decoder { data, at: 0, c: 0, a: 0x8000, count: 0 };
        decoder.c = decoder.octet(0) << 16;
        decoder.octet_in();
        decoder.c <<= 7;
        decoder.count -= 7;
        decoder
    }

    fn octet(&self, behind: usize) -> u32 {
        self.data.get(self.at + behind).map_or(0xff, |&octet| octet.into())
    }

    /// T.88 E.3.4, BYTEIN.
    fn octet_in(&mut self) {
        let next = self.octet(1);
        self.count = 8;
        self.c = if self.octet(0) != 0xff {
            self.at += 1;
            self.c.wrapping_add(next << 8)
        } else if next > 0x8f {
            self.c.wrapping_add(0xff00)
        } else {
            self.at += 1;
            self.count = 7;
            self.c.wrapping_add(next << 9)
        };
    }

    /// T.88 E.3.2, DECODE.
    pub fn bit(&mut self, context: &mut Context) -> u32 {
        let Some(&(qe, more, less, exchange)) = STATES.get(usize::from(context.state)) else { return 0 };
        self.a -= qe;
        let lower = self.c >> 16 < qe;
        if !lower {
            self.c -= qe << 16;
            if self.a & 0x8000 != 0 {
                return context.symbol.into();
            }
        }
        let probable = (self.a < qe) == lower;
        if lower {
            self.a = qe;
        }
        let bit = context.symbol == probable;
        context.state = if probable { more } else { less };
        if !probable && exchange {
            context.symbol = !context.symbol;
        }
        while self.a & 0x8000 == 0 {
            if self.count == 0 {
                self.octet_in();
            }
            self.a <<= 1;
            self.c <<= 1;
            self.count -= 1;
        }
        bit.into()
    }
}

/// One integer decoding procedure (T.88 A.2).
pub(super) struct Integer(Vec<Context>);

impl Integer {
    pub fn new() -> Self {
        Integer(vec![Context::default(); 512])
    }

    /// The next value; `Ok(None)` is the value out of band. `Err` where it is none of 32 bits.
    pub fn next(&mut self, decoder: &mut Decoder<'_>) -> Result<Option<i32>, ()> {
        /// Bits of the value, and what is added to it, from the shortest code on.
        const RANGES: [(u32, i64); 6] = [(2, 0), (4, 4), (6, 20), (8, 84), (12, 340), (32, 4_436)];
        let mut before = 1usize;
        let mut bit = || {
            let bit = self.0.get_mut(before).map_or(0, |context| decoder.bit(context));
            before = before << 1 | bit as usize;
            if before >= 512 {
                before = before & 511 | 256;
            }
            bit
        };
        let negative = bit() == 1;
        let mut range = 0;
        while range < RANGES.len() - 1 && bit() == 1 {
            range += 1;
        }
        let (bits, offset) = RANGES.get(range).copied().unwrap_or_default();
        let value = (0..bits).fold(0i64, |value, _| value << 1 | i64::from(bit())) + offset;
        match (negative, value) {
            (true, 0) => Ok(None),
            (true, _) => i32::try_from(-value).map(Some).map_err(|_| ()),
            (false, _) => i32::try_from(value).map(Some).map_err(|_| ()),
        }
    }
}

/// The procedure for numbers of symbols (T.88 A.3).
pub(super) struct Identifier {
    contexts: Vec<Context>,
    bits: u32,
}

impl Identifier {
    /// For symbols whose numbers have so many bits.
    pub fn new(bits: u32) -> Self {
        Identifier { contexts: vec![Context::default(); 1 << bits], bits }
    }

    pub fn next(&mut self, decoder: &mut Decoder<'_>) -> usize {
        let mut value = 1usize;
        for _ in 0..self.bits {
            let bit = self.contexts.get_mut(value).map_or(0, |context| decoder.bit(context));
            value = value << 1 | bit as usize;
        }
        value - (1 << self.bits)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_test_sequence_of_the_standard_is_decoded() {
        // T.88 H.2.
        let coded = [
            0x84, 0xc7, 0x3b, 0xfc, 0xe1, 0xa1, 0x43, 0x04, 0x02, 0x20, 0x00, 0x00, 0x41, 0x0d, 0xbb, 0x86,
            0xf4, 0x31, 0x7f, 0xff, 0x88, 0xff, 0x37, 0x47, 0x1a, 0xdb, 0x6a, 0xdf, 0xff, 0xac,
        ];
        let plain = [
            0x00, 0x02, 0x00, 0x51, 0x00, 0x00, 0x00, 0xc0, 0x03, 0x52, 0x87, 0x2a, 0xaa, 0xaa, 0xaa, 0xaa,
            0x82, 0xc0, 0x20, 0x00, 0xfc, 0xd7, 0x9e, 0xf6, 0xbf, 0x7f, 0xed, 0x90, 0x4f, 0x46, 0xa3, 0xbf,
        ];
        let (mut decoder, mut context) = (Decoder::new(&coded), Context::default());
        let mut octet = || (0..8).fold(0, |octet, _| octet << 1 | decoder.bit(&mut context));
        let found: Vec<u32> = plain.iter().map(|_| octet()).collect();
        assert_eq!(found, plain);
    }
}
