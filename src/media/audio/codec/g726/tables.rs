//! What differs between the four rates of G.726 (sections 2.2, 2.4 and 2.6 of the Recommendation).

/// Everything a code word selects: three tables of the Recommendation in one row.
#[derive(Clone, Copy, Debug)]
pub struct Word {
    /// DQLN (table 13 ff.), plus 127 << 7: the exponent and mantissa of a single precision number.
    pub dqln: i32,
    /// W of the scale factor adaptation, shifted as FILTD uses it.
    pub w: i32,
    /// F of the speed control, shifted as FILTA uses it.
    pub f: i32,
    /// -1 for a negative difference, else 0.
    pub sign: i32,
}

/// One rate: the size of a code word and its tables.
pub trait Rate {
    /// Bits of a code word.
    const BITS: u32;
    /// UPB leaks 2^-8 of a zero coefficient a sample; 2^-9 at 40 kbit/s.
    const SLOW_LEAK: bool = false;
    /// Decision levels of the quantizer (QUAN), for the magnitudes 1, 2, ...
    const LEVELS: &'static [i32];
    /// Rows of all code words; the table is 32 long for every rate so that a masked index always fits.
    const WORDS: &'static [Word; 32];
}

/// Table rows from the magnitudes: code words of negative differences count backwards.
const fn words<const N: usize>(dqln: [i32; N], w: [i32; N], f: [i32; N]) -> [Word; 32] {
    let mut rows = [Word { dqln: 0, w: 0, f: 0, sign: 0 }; 32];
    let mut code = 0;
    while code < 2 * N {
        let negative = code >= N;
        let k = if negative { 2 * N - 1 - code } else { code };
        let sign = if negative { -1 } else { 0 };
        rows[code] = Word { dqln: dqln[k] + (127 << 7), w: w[k] << 5, f: f[k] << 9, sign };
        code += 1;
    }
    rows
}

/// 16 kbit/s.
#[derive(Clone, Copy, Debug)]
pub struct Rate16;
/// 24 kbit/s.
#[derive(Clone, Copy, Debug)]
pub struct Rate24;
/// 32 kbit/s, the rate of RFC 3802.
#[derive(Clone, Copy, Debug)]
pub struct Rate32;
/// 40 kbit/s.
#[derive(Clone, Copy, Debug)]
pub struct Rate40;

impl Rate for Rate16 {
    const BITS: u32 = 2;
    const LEVELS: &'static [i32] = &[261];
    const WORDS: &'static [Word; 32] = &words([116, 365], [-22, 439], [0, 7]);
}

impl Rate for Rate24 {
    const BITS: u32 = 3;
    const LEVELS: &'static [i32] = &[8, 218, 331];
    const WORDS: &'static [Word; 32] = &words([-2048, 135, 273, 373], [-4, 30, 137, 582], [0, 1, 2, 7]);
}

impl Rate for Rate32 {
    const BITS: u32 = 4;
    const LEVELS: &'static [i32] = &[-124, 80, 178, 246, 300, 349, 400];
    const WORDS: &'static [Word; 32] = &words(
        [-2048, 4, 135, 213, 273, 323, 373, 425],
        [-12, 18, 41, 64, 112, 198, 355, 1122],
        [0, 0, 0, 1, 1, 1, 3, 7],
    );
}

impl Rate for Rate40 {
    const BITS: u32 = 5;
    const SLOW_LEAK: bool = true;
    const LEVELS: &'static [i32] =
        &[-122, -16, 68, 139, 198, 250, 298, 339, 378, 413, 445, 475, 502, 528, 553];
    const WORDS: &'static [Word; 32] = &words(
        [-2048, -66, 28, 104, 169, 224, 274, 318, 358, 395, 429, 459, 488, 514, 539, 566],
        [14, 14, 24, 39, 40, 41, 58, 100, 141, 179, 219, 280, 358, 440, 529, 696],
        [0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 2, 3, 4, 5, 6, 6],
    );
}
