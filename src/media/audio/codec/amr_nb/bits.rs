//! From the bits of a frame to its parameters (TS 26.101 annex A and B, TS 26.090 table 7).

use super::Mode;
use super::tables::order::*;

/// The most parameters a mode has: 12.2 kbit/s.
pub const MOST: usize = 57;

/// Where the bits of a mode's payload go.
struct Layout {
    /// Bits of a frame.
    bits: usize,
    /// By payload bit: the parameter and the place in it.
    places: [(u8, u8); 244],
    /// Widths of the parameters in bits.
    widths: &'static [u8],
}

const fn layout(order: &[u8], widths: &'static [u8]) -> Layout {
    // By bit in the order of the parameters, the first bit of each being its highest.
    let mut by_parameter = [(0, 0); 244];
    let (mut parameter, mut bit) = (0, 0);
    while parameter < widths.len() {
        let mut place = widths[parameter];
        while place > 0 {
            place -= 1;
            by_parameter[bit] = (parameter as u8, place);
            bit += 1;
        }
        parameter += 1;
    }
    assert!(bit == order.len());
    let mut places = [(0, 0); 244];
    let mut at = 0;
    while at < order.len() {
        places[at] = by_parameter[order[at] as usize];
        at += 1;
    }
    Layout { bits: order.len(), places, widths }
}

static LAYOUTS: [Layout; 8] = [
    layout(&ORDER_475, &WIDTHS_475),
    layout(&ORDER_515, &WIDTHS_515),
    layout(&ORDER_59, &WIDTHS_59),
    layout(&ORDER_67, &WIDTHS_67),
    layout(&ORDER_74, &WIDTHS_74),
    layout(&ORDER_795, &WIDTHS_795),
    layout(&ORDER_102, &WIDTHS_102),
    layout(&ORDER_122, &WIDTHS_122),
];

/// Widths of a mode's parameters in bits.
pub fn widths(mode: Mode) -> &'static [u8] {
    LAYOUTS[mode as usize].widths
}

/// The parameters of a speech frame; the rest is zero. Missing octets are zero too.
pub fn speech(mode: Mode, payload: &[u8]) -> [u16; MOST] {
    let layout = &LAYOUTS[mode as usize];
    let mut parameters = [0; MOST];
    for (octet, places) in payload.iter().zip(layout.places[..layout.bits].chunks(8)) {
        for (k, &(parameter, place)) in places.iter().enumerate() {
            parameters[usize::from(parameter)] |= u16::from(octet >> (7 - k) & 1) << place;
        }
    }
    parameters
}

/// A comfort noise frame (TS 26.101 4.2.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Noise {
    /// True for an update, false for the first frame after speech, whose description is not used.
    pub update: bool,
    /// The mode of the speech around it.
    pub mode: Mode,
    /// Start of the prediction, three LSF indices, level.
    pub parameters: [u16; 5],
}

/// Reads 39 bits; missing octets are zero.
pub fn noise(payload: &[u8]) -> Noise {
    let bits =
        payload.iter().chain([0; 5].iter()).take(5).fold(0u64, |bits, &octet| bits << 8 | u64::from(octet));
    let mut left = 40;
    let mut field = |width: u8| {
        left -= u32::from(width);
        (bits >> left & ((1 << width) - 1)) as u16
    };
    let parameters = WIDTHS_SID.map(&mut field);
    let update = field(1) == 1;
    // The lowest bit of the mode comes first.
    let mode = (0..3).fold(0, |mode, place| mode | (field(1) as u8) << place);
    Noise { update, mode: Mode::of(mode).unwrap_or(Mode::M122), parameters }
}
