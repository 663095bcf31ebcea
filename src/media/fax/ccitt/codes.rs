//! The code words of ITU-T T.4 (Tables 2, 3a, 3b for runs, Table 4 for the two-dimensional modes; T.6 uses
//! the same), once: the encoder reads them as they are, the decoder's look-up tables are made of them at
//! compile time, so the two cannot disagree.

/// One code word: its bits, right aligned, and how many there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Code {
    pub bits: u16,
    pub len: u8,
}

/// T.4 Table 2, white runs of 0 to 63.
#[rustfmt::skip]
const WHITE_TERMINATING: [&str; 64] = [
    "00110101", "000111", "0111", "1000", "1011", "1100", "1110", "1111", "10011", "10100", "00111",
    "01000", "001000", "000011", "110100", "110101", "101010", "101011", "0100111", "0001100", "0001000",
    "0010111", "0000011", "0000100", "0101000", "0101011", "0010011", "0100100", "0011000", "00000010",
    "00000011", "00011010", "00011011", "00010010", "00010011", "00010100", "00010101", "00010110",
    "00010111", "00101000", "00101001", "00101010", "00101011", "00101100", "00101101", "00000100",
    "00000101", "00001010", "00001011", "01010010", "01010011", "01010100", "01010101", "00100100",
    "00100101", "01011000", "01011001", "01011010", "01011011", "01001010", "01001011", "00110010",
    "00110011", "00110100",
];

/// T.4 Table 2, black runs of 0 to 63.
#[rustfmt::skip]
const BLACK_TERMINATING: [&str; 64] = [
    "0000110111", "010", "11", "10", "011", "0011", "0010", "00011", "000101", "000100", "0000100",
    "0000101", "0000111", "00000100", "00000111", "000011000", "0000010111", "0000011000", "0000001000",
    "00001100111", "00001101000", "00001101100", "00000110111", "00000101000", "00000010111", "00000011000",
    "000011001010", "000011001011", "000011001100", "000011001101", "000001101000", "000001101001",
    "000001101010", "000001101011", "000011010010", "000011010011", "000011010100", "000011010101",
    "000011010110", "000011010111", "000001101100", "000001101101", "000011011010", "000011011011",
    "000001010100", "000001010101", "000001010110", "000001010111", "000001100100", "000001100101",
    "000001010010", "000001010011", "000000100100", "000000110111", "000000111000", "000000100111",
    "000000101000", "000001011000", "000001011001", "000000101011", "000000101100", "000001011010",
    "000001100110", "000001100111",
];

/// T.4 Table 3a, white runs of 64, 128, ... 1728.
#[rustfmt::skip]
const WHITE_MAKE_UP: [&str; 27] = [
    "11011", "10010", "010111", "0110111", "00110110", "00110111", "01100100", "01100101", "01101000",
    "01100111", "011001100", "011001101", "011010010", "011010011", "011010100", "011010101", "011010110",
    "011010111", "011011000", "011011001", "011011010", "011011011", "010011000", "010011001", "010011010",
    "011000", "010011011",
];

/// T.4 Table 3a, black runs of 64, 128, ... 1728.
#[rustfmt::skip]
const BLACK_MAKE_UP: [&str; 27] = [
    "0000001111", "000011001000", "000011001001", "000001011011", "000000110011", "000000110100",
    "000000110101", "0000001101100", "0000001101101", "0000001001010", "0000001001011", "0000001001100",
    "0000001001101", "0000001110010", "0000001110011", "0000001110100", "0000001110101", "0000001110110",
    "0000001110111", "0000001010010", "0000001010011", "0000001010100", "0000001010101", "0000001011010",
    "0000001011011", "0000001100100", "0000001100101",
];

/// T.4 Table 3b, runs of 1792, 1856, ... 2560 of either colour.
#[rustfmt::skip]
const EXTENDED_MAKE_UP: [&str; 13] = [
    "00000001000", "00000001100", "00000001101", "000000010010", "000000010011", "000000010100",
    "000000010101", "000000010110", "000000010111", "000000011100", "000000011101", "000000011110",
    "000000011111",
];

/// The longest run one make-up code stands for; longer runs repeat it (T.4 4.1.1).
pub(super) const LONGEST_MAKE_UP: u32 = 2560;

/// Terminating codes of one colour, then its make-up codes: index `run` below 64, `63 + run / 64` from there.
pub(super) type RunCodes = [Code; 64 + 40];

/// Codes of white runs.
pub(super) static WHITE: RunCodes = run_codes(&WHITE_TERMINATING, &WHITE_MAKE_UP);
/// Codes of black runs.
pub(super) static BLACK: RunCodes = run_codes(&BLACK_TERMINATING, &BLACK_MAKE_UP);

/// End of line: eleven zeros and a one (T.4 4.1.2).
pub(super) const EOL: Code = code("000000000001");
/// Pass mode (T.4 Table 4).
pub(super) const PASS: Code = code("0001");
/// Horizontal mode (T.4 Table 4).
pub(super) const HORIZONTAL: Code = code("001");
/// Vertical modes VL3, VL2, VL1, V0, VR1, VR2, VR3 (T.4 Table 4): index 3 + (a1 - b1).
pub(super) const VERTICAL: [Code; 7] =
    [code("0000010"), code("000010"), code("010"), code("1"), code("011"), code("000011"), code("0000011")];

const fn code(text: &str) -> Code {
    let text = text.as_bytes();
    let mut bits = 0;
    let mut at = 0;
    while at < text.len() {
        bits = bits << 1 | (text[at] - b'0') as u16;
        at += 1;
    }
    Code { bits, len: text.len() as u8 }
}

const fn run_codes(terminating: &[&str; 64], make_up: &[&str; 27]) -> RunCodes {
    let mut codes = [Code { bits: 0, len: 0 }; 104];
    let mut at = 0;
    while at < 104 {
        codes[at] = code(if at < 64 {
            terminating[at]
        } else if at < 91 {
            make_up[at - 64]
        } else {
            EXTENDED_MAKE_UP[at - 91]
        });
        at += 1;
    }
    codes
}

/// Bits looked up at once: the length of the longest code.
pub(super) const RUN_BITS: u32 = 13;

/// What the next [`RUN_BITS`] bits begin with: the run and the length of its code, or length 0 for no code.
pub(super) type RunTable = [(u16, u8); 1 << RUN_BITS];

/// Look-up table of white runs.
pub(super) static WHITE_RUNS: RunTable = run_table(&WHITE);
/// Look-up table of black runs.
pub(super) static BLACK_RUNS: RunTable = run_table(&BLACK);

const fn run_table(codes: &RunCodes) -> RunTable {
    let mut table = [(0, 0); 1 << RUN_BITS];
    let mut at = 0;
    while at < codes.len() {
        let run = if at < 64 { at } else { (at - 63) * 64 };
        let spare = RUN_BITS - codes[at].len as u32;
        let mut entry = (codes[at].bits as usize) << spare;
        let end = entry + (1 << spare);
        while entry < end {
            table[entry] = (run as u16, codes[at].len);
            entry += 1;
        }
        at += 1;
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_code_word_begins_another_and_none_holds_an_end_of_line() {
        for codes in [&WHITE, &BLACK] {
            let table = run_table(codes);
            for (at, code) in codes.iter().enumerate() {
                let run = if at < 64 { at } else { (at - 63) * 64 };
                let first = (code.bits as usize) << (RUN_BITS - u32::from(code.len));
                let next = first + (1 << (RUN_BITS - u32::from(code.len)));
                for entry in &table[first..next] {
                    assert_eq!(*entry, (run as u16, code.len));
                }
                assert!(code.bits.trailing_zeros() < 6, "run {run}");
            }
            assert!(table[..4].iter().all(|entry| entry.1 == 0), "an end of line is no run");
        }
    }
}
