//! The 76 parameters of a frame and the two ways to put their 260 bits into octets.

/// Octets of a frame of its own: the signature 0xD in four bits, then the parameters, high bits first.
pub const FRAME_BYTES: usize = 33;
/// Octets of a WAVE block: two frames of 260 bits, low bits first, no signature.
pub const BLOCK_BYTES: usize = 65;
/// Signature of a frame of its own.
pub const SIGNATURE: u8 = 0xD;
/// Subframes of a frame.
pub const SUBFRAMES: usize = 4;
/// RPE samples of a subframe.
pub const PULSES: usize = 13;
/// Coded log area ratios of a frame.
pub const RATIOS: usize = 8;

/// Parameters of a frame.
const PARAMETERS: usize = RATIOS + SUBFRAMES * SUBFRAME_PARAMETERS;
const SUBFRAME_PARAMETERS: usize = 4 + PULSES;
/// Bits of each parameter, in the order of transmission (table 1.1 of GSM 06.10).
const BITS: [u32; PARAMETERS] = bits();

const fn bits() -> [u32; PARAMETERS] {
    const RATIO_BITS: [u32; RATIOS] = [6, 6, 5, 5, 4, 4, 3, 3];
    /// Nc, bc, Mc, xmaxc.
    const SUBFRAME_BITS: [u32; 4] = [7, 2, 2, 6];
    let mut bits = [3; PARAMETERS];
    let mut k = 0;
    while k < PARAMETERS {
        if k < RATIOS {
            bits[k] = RATIO_BITS[k];
        } else if (k - RATIOS) % SUBFRAME_PARAMETERS < 4 {
            bits[k] = SUBFRAME_BITS[(k - RATIOS) % SUBFRAME_PARAMETERS];
        }
        k += 1;
    }
    bits
}

/// Parameters of 5 ms.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Subframe {
    /// Nc: lag of the long term predictor, 40 to 120; 7 bits.
    pub lag: u8,
    /// bc: its gain; 2 bits.
    pub gain: u8,
    /// Mc: position of the RPE grid; 2 bits.
    pub grid: u8,
    /// xmaxc: block amplitude; 6 bits.
    pub amplitude: u8,
    /// xMc: RPE samples; 3 bits each.
    pub pulses: [u8; PULSES],
}

/// Parameters of 20 ms.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Frame {
    /// LARc: log area ratios.
    pub ratios: [u8; RATIOS],
    /// Four subframes.
    pub subframes: [Subframe; SUBFRAMES],
}

impl Frame {
    fn from_parameters(parameters: &[u8; PARAMETERS]) -> Self {
        let mut frame = Frame::default();
        let (ratios, rest) = parameters.split_at(RATIOS);
        frame.ratios.copy_from_slice(ratios);
        for (subframe, p) in frame.subframes.iter_mut().zip(rest.as_chunks::<SUBFRAME_PARAMETERS>().0) {
            let [lag, gain, grid, amplitude, pulses @ ..] = *p;
            *subframe = Subframe { lag, gain, grid, amplitude, pulses };
        }
        frame
    }

    fn parameters(&self) -> [u8; PARAMETERS] {
        let mut parameters = [0; PARAMETERS];
        let (ratios, rest) = parameters.split_at_mut(RATIOS);
        ratios.copy_from_slice(&self.ratios);
        for (p, s) in rest.as_chunks_mut::<SUBFRAME_PARAMETERS>().0.iter_mut().zip(&self.subframes) {
            p[..4].copy_from_slice(&[s.lag, s.gain, s.grid, s.amplitude]);
            p[4..].copy_from_slice(&s.pulses);
        }
        parameters
    }

    /// Reads a frame of its own; `None` without the signature.
    pub fn read(octets: &[u8; FRAME_BYTES]) -> Option<Self> {
        if octets[0] >> 4 != SIGNATURE {
            return None;
        }
        let mut parameters = [0; PARAMETERS];
        let mut next = octets.iter();
        let (mut word, mut held) = (0u32, 0u32);
        let mut take = |bits: u32| {
            while held < bits {
                word = (word << 8) | u32::from(*next.next().unwrap_or(&0));
                held += 8;
            }
            held -= bits;
            ((word >> held) & ((1 << bits) - 1)) as u8
        };
        take(4);
        for (parameter, bits) in parameters.iter_mut().zip(BITS) {
            *parameter = take(bits);
        }
        Some(Frame::from_parameters(&parameters))
    }

    /// Appends the frame with its signature.
    pub fn write(&self, out: &mut Vec<u8>) {
        let (mut word, mut held) = (u32::from(SIGNATURE), 4u32);
        for (parameter, bits) in self.parameters().into_iter().zip(BITS) {
            word = (word << bits) | u32::from(parameter);
            held += bits;
            if held >= 8 {
                held -= 8;
                out.push((word >> held) as u8);
            }
        }
    }

    /// Reads the two frames of a WAVE block.
    pub fn read_block(octets: &[u8; BLOCK_BYTES]) -> [Self; 2] {
        let mut next = octets.iter();
        let (mut word, mut held) = (0u32, 0u32);
        std::array::from_fn(|_| {
            let mut parameters = [0; PARAMETERS];
            for (parameter, bits) in parameters.iter_mut().zip(BITS) {
                while held < bits {
                    word |= u32::from(*next.next().unwrap_or(&0)) << held;
                    held += 8;
                }
                *parameter = (word & ((1 << bits) - 1)) as u8;
                word >>= bits;
                held -= bits;
            }
            Frame::from_parameters(&parameters)
        })
    }

    /// Appends two frames as a WAVE block.
    pub fn write_block(frames: &[Self; 2], out: &mut Vec<u8>) {
        let (mut word, mut held) = (0u32, 0u32);
        for frame in frames {
            for (parameter, bits) in frame.parameters().into_iter().zip(BITS) {
                word |= u32::from(parameter) << held;
                held += bits;
                if held >= 8 {
                    out.push(word as u8);
                    word >>= 8;
                    held -= 8;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_has_260_bits() {
        assert_eq!(BITS.iter().sum::<u32>(), 260);
    }

    #[test]
    fn both_packings_hold_every_bit() {
        for bit in 4..264 {
            let mut octets = [0; FRAME_BYTES];
            octets[0] = SIGNATURE << 4;
            octets[bit / 8] |= 0x80 >> (bit % 8);
            let frame = Frame::read(&octets).unwrap();
            assert_ne!(frame, Frame::default(), "bit {bit}");
            let mut again = Vec::new();
            frame.write(&mut again);
            assert_eq!(again, octets, "bit {bit}");
            let mut block = Vec::new();
            for pair in [[frame, Frame::default()], [Frame::default(), frame]] {
                block.clear();
                Frame::write_block(&pair, &mut block);
                assert_eq!(block.len(), BLOCK_BYTES);
                assert_eq!(block.iter().map(|octet| octet.count_ones()).sum::<u32>(), 1);
                assert_eq!(Frame::read_block(block.as_slice().try_into().unwrap()), pair, "bit {bit}");
            }
        }
        assert_eq!(Frame::read(&[0; FRAME_BYTES]), None);
    }
}
