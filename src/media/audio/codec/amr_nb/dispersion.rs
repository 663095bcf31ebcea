//! Phase dispersion: the pulses of low rates are spread where speech is not voiced (TS 26.090 6.1, in TS
//! 26.073 `ph_disp.c`).

use super::arith::{l_mult, l_shl, mult, round};
use super::innovation::Pulses;
use super::tables::functions::{MEDIUM, STRONG, STRONG_795};
use super::{Mode, SUBFRAME};

/// State of the phase dispersion.
#[derive(Clone, Debug)]
pub struct Dispersion {
    /// Pitch gains, Q14, the latest first.
    pitch_gains: [i16; 5],
    /// The last degree: 0 strong, 1 medium, 2 none.
    degree: i16,
    /// The last code gain, Q1.
    code_gain: i16,
    /// Subframes left of an onset.
    onset: i16,
}

/// Pitch gains of 0.6 and 0.9, Q14.
const WEAK: i16 = 9_830;
const VOICED: i16 = 14_746;

impl Dispersion {
    /// The initial state.
    pub fn new() -> Self {
        Dispersion { pitch_gains: [0; 5], degree: 0, code_gain: 0, onset: 0 }
    }

    /// The degree for a subframe; `locked` keeps it strong.
    pub fn degree(&mut self, pitch_gain: i16, code_gain: i16, locked: bool) -> i16 {
        self.pitch_gains.copy_within(..4, 1);
        self.pitch_gains[0] = pitch_gain;
        let mut degree = match pitch_gain {
            VOICED.. => 2,
            gain if gain > WEAK => 1,
            _ => 0,
        };
        // Twice the last gain.
        if code_gain > round(l_shl(l_mult(self.code_gain, 16_384), 2)) {
            self.onset = 2;
        } else {
            self.onset = (self.onset - 1).max(0);
        }
        if self.onset == 0 {
            if self.pitch_gains.iter().filter(|&&gain| gain < WEAK).count() > 2 {
                degree = 0;
            }
            degree = degree.min(if degree > self.degree + 1 { degree - 1 } else { degree });
        } else if degree < 2 {
            degree += 1;
        }
        if code_gain < 10 {
            degree = 2;
        }
        if locked {
            degree = 0;
        }
        self.degree = degree;
        self.code_gain = code_gain;
        degree
    }
}

/// The pulses convolved in a circle with the impulse response of a degree.
pub fn dispersed(mode: Mode, degree: i16, pulses: &Pulses) -> Pulses {
    let response = match (degree, mode) {
        (0, Mode::M795) => &STRONG_795,
        (0, _) => &STRONG,
        _ => &MEDIUM,
    };
    let mut out = [0i16; SUBFRAME];
    for (at, &pulse) in pulses.iter().enumerate().filter(|&(_, &pulse)| pulse != 0) {
        let (after, before) = response.split_at(SUBFRAME - at);
        let (start, rest) = out.split_at_mut(at);
        for (x, &tap) in rest.iter_mut().zip(after).chain(start.iter_mut().zip(before)) {
            *x = x.saturating_add(mult(pulse, tap));
        }
    }
    out
}
