//! The algebraic codebooks: a few pulses in a subframe (TS 26.090 5.7).
//!
//! Pulses are in Q13, in Q12 at 12.2 kbit/s. Up to 7.95 kbit/s a sign bit of 1 stands for a positive pulse,
//! above for a negative one, and there the second pulse of a track turns its sign if it comes before the
//! first.

use super::{Mode, SUBFRAME};

/// A subframe of pulses.
pub type Pulses = [i16; SUBFRAME];

/// Position index of a Gray code.
const OF_GRAY: [usize; 8] = [0, 1, 3, 2, 5, 6, 4, 7];

/// How many parameters a subframe's pulses take.
pub fn parameters(mode: Mode) -> usize {
    match mode {
        Mode::M122 => 10,
        Mode::M102 => 7,
        _ => 2,
    }
}

/// The pulses of a subframe.
pub fn pulses(mode: Mode, parameters: &[u16], subframe: usize) -> Pulses {
    let parameter = |k: usize| parameters.get(k).map_or(0, |&parameter| usize::from(parameter));
    let (index, signs) = (parameter(0), parameter(1));
    match mode {
        Mode::M475 | Mode::M515 => {
            /// First positions of the two tracks, by subset and subframe.
            const TRACKS: [[[usize; 2]; 4]; 2] =
                [[[0, 2], [0, 3], [0, 2], [0, 3]], [[1, 3], [2, 4], [1, 4], [1, 4]]];
            let [first, second] = TRACKS[index >> 6 & 1][subframe & 3];
            signed([5 * (index & 7) + first, 5 * (index >> 3 & 7) + second], signs)
        }
        Mode::M59 => {
            let first = 5 * (index >> 1 & 7) + 1 + 2 * (index & 1);
            let second = 5 * (index >> 6 & 7) + [0, 1, 2, 4][index >> 4 & 3];
            signed([first, second], signs)
        }
        Mode::M67 => {
            let first = 5 * (index & 7);
            let second = 5 * (index >> 4 & 7) + 1 + 2 * (index >> 3 & 1);
            let third = 5 * (index >> 8 & 7) + 2 + 2 * (index >> 7 & 1);
            signed([first, second, third], signs)
        }
        Mode::M74 | Mode::M795 => {
            let gray = |at: usize| 5 * OF_GRAY[index >> at & 7];
            signed([gray(0), gray(3) + 1, gray(6) + 2, gray(10) + 3 + (index >> 9 & 1)], signs)
        }
        Mode::M102 => {
            let [a, b, c] = triple(parameter(4));
            let [d, e, f] = triple(parameter(5));
            let [g, h] = pair(parameter(6));
            let tracks = [[a, b], [c, f], [d, e], [g, h]];
            let [first, second] =
                [0, 1].map(|k| [0, 1, 2, 3].map(|track: usize| 4 * tracks[track][k] + track));
            twice(first, second, [0, 1, 2, 3].map(|track| parameter(track) & 1 == 1), 8191)
        }
        Mode::M122 => {
            let position = |k: usize, track: usize| 5 * OF_GRAY[parameter(k) & 7] + track;
            let tracks = [0, 1, 2, 3, 4];
            let [first, second] = [0, 5].map(|from| tracks.map(|track| position(from + track, track)));
            twice(first, second, tracks.map(|track| parameter(track) >> 3 & 1 == 1), 4096)
        }
    }
}

/// Pulses with a sign bit each; a later one replaces an earlier one.
fn signed<const N: usize>(positions: [usize; N], signs: usize) -> Pulses {
    let mut code = [0; SUBFRAME];
    for (k, position) in positions.into_iter().enumerate() {
        code[position] = if signs >> k & 1 == 1 { 8191 } else { -8192 };
    }
    code
}

/// Two pulses a track with one sign bit; two at one place add.
fn twice<const N: usize>(first: [usize; N], second: [usize; N], negative: [bool; N], pulse: i16) -> Pulses {
    let mut code = [0; SUBFRAME];
    for ((first, second), negative) in first.into_iter().zip(second).zip(negative) {
        let sign = if negative { -pulse } else { pulse };
        code[first] = sign;
        code[second] += if second < first { -sign } else { sign };
    }
    code
}

/// Three positions of 0 to 9 in ten bits: their halves in a number to the base 5, then their lowest bits.
/// They belong to the two pulses of one track and to one of the next.
fn triple(word: usize) -> [usize; 3] {
    let (halves, lowest) = ((word >> 3 & 127).min(124), word & 7);
    let [a, b, c] = [halves % 5, halves / 5 % 5, halves / 25];
    [2 * a + (lowest & 1), 2 * b + (lowest >> 1 & 1), 2 * c + (lowest >> 2)]
}

/// Two positions of 0 to 9 in seven bits: halves in 0 to 24 of five bits, snaking through the square.
fn pair(word: usize) -> [usize; 2] {
    let (cell, lowest) = (((word >> 2 & 31) * 25 + 12) >> 5, word & 3);
    let row = cell / 5;
    let column = if row & 1 == 1 { 4 - cell % 5 } else { cell % 5 };
    [2 * column + (lowest & 1), 2 * row + (lowest >> 1)]
}
