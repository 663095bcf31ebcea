//! ITU-T G.711: A-law and mu-law, exact with the G.711 tool of ITU-T G.191.
//!
//! Other encoders (ffmpeg, SoX) pick other codes near decision points; decoders all agree. The same
//! laws serve G.726, which sees them on a 14-bit scale (COMPRESS and EXPAND).

use super::{Codec, Decoder, Encoder};

/// `audio/PCMU`, and `audio/basic` (RFC 2046 4.2: 8-bit ISDN mu-law at 8000 Hz).
pub static PCMU: Codec = Codec {
    decoder: Some(|_| Box::new(Expander(&MU_DECODE))),
    encoder: Some(|_| Box::new(Compressor(&MU_ENCODE))),
    ..codec("pcmu", &["audio/basic", "audio/pcmu"], 7)
};
/// `audio/PCMA`.
pub static PCMA: Codec = Codec {
    decoder: Some(|_| Box::new(Expander(&A_DECODE))),
    encoder: Some(|_| Box::new(Compressor(&A_ENCODE))),
    ..codec("pcma", &["audio/pcma"], 6)
};

const fn codec(name: &'static str, media_types: &'static [&'static str], wav_tag: u16) -> Codec {
    Codec {
        bits_per_sample: 8,
        unit_bytes: 1,
        max_channels: 8,
        wav_tag: Some(wav_tag),
        ..Codec::new(name, media_types)
    }
}

/// The two laws of G.711.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Law {
    /// Tables 1a and 1b: 13 bits.
    A,
    /// Tables 2a and 2b: 14 bits.
    Mu,
}

/// Samples of 16 bits by code.
static A_DECODE: [i16; 256] = decode_table(Law::A);
static MU_DECODE: [i16; 256] = decode_table(Law::Mu);
/// Codes by the upper 14 bits of a sample; neither law looks at the two lowest.
static A_ENCODE: [u8; 1 << 14] = encode_table(Law::A);
static MU_ENCODE: [u8; 1 << 14] = encode_table(Law::Mu);

const fn decode_table(law: Law) -> [i16; 256] {
    let mut table = [0; 256];
    let mut code = 0;
    while code < 256 {
        table[code] = law.expand_16(code as u8);
        code += 1;
    }
    table
}

const fn encode_table(law: Law) -> [u8; 1 << 14] {
    let mut table = [0; 1 << 14];
    let mut k = 0;
    while k < 1 << 14 {
        table[k] = law.compress_16(((k << 2) as u16).cast_signed());
        k += 1;
    }
    table
}

/// Bits of a number.
const fn length(x: i32) -> i32 {
    32 - x.leading_zeros().cast_signed()
}

impl Law {
    /// The law of a codec of this file.
    pub fn of(codec: &Codec) -> Option<Law> {
        [(&PCMA, Law::A), (&PCMU, Law::Mu)]
            .into_iter()
            .find(|(c, _)| c.name == codec.name)
            .map(|(_, law)| law)
    }

    const fn expand_16(self, code: u8) -> i16 {
        match self {
            Law::A => {
                // "The character signals are obtained by inverting the even bits" (table 1a, note 2).
                let code = code ^ 0x55;
                let (segment, step) = (((code >> 4) & 7) as i32, (code & 15) as i32);
                let magnitude =
                    if segment == 0 { 2 * step + 1 } else { (2 * step + 33) << (segment - 1) } << 3;
                (if code & 0x80 != 0 { magnitude } else { -magnitude }) as i16
            }
            Law::Mu => {
                let code = !code;
                let (segment, step) = (((code >> 4) & 7) as i32, (code & 15) as i32);
                let magnitude = (((2 * step + 33) << segment) - 33) << 2;
                (if code & 0x80 != 0 { -magnitude } else { magnitude }) as i16
            }
        }
    }

    const fn compress_16(self, sample: i16) -> u8 {
        let negative = sample < 0;
        // One's complement, as the ITU tool: -1 falls into the first step of the negative side.
        let magnitude = (if negative { !sample } else { sample }) as i32;
        match self {
            Law::A => {
                let magnitude = magnitude >> 4;
                let segment = length(magnitude >> 4);
                let code = if segment == 0 {
                    magnitude
                } else {
                    (segment << 4) | ((magnitude >> (segment - 1)) & 15)
                };
                (code as u8 | if negative { 0 } else { 0x80 }) ^ 0x55
            }
            Law::Mu => {
                let magnitude = (magnitude >> 2) + 33;
                let magnitude = if magnitude > 8191 { 8191 } else { magnitude };
                let segment = length(magnitude >> 6);
                let code = (segment << 4) | ((magnitude >> (segment + 1)) & 15);
                !(code as u8 | if negative { 0x80 } else { 0 })
            }
        }
    }

    /// EXPAND of G.726: 14 bits.
    #[inline]
    pub fn expand(self, octet: u8) -> i32 {
        let table = if self == Law::A { &A_DECODE } else { &MU_DECODE };
        i32::from(table[usize::from(octet)]) >> 2
    }

    /// COMPRESS of G.726 (4.2.8): a reconstructed signal of 16 bits. -32768 counts as minus zero, and
    /// mu-law takes the magnitude of negative signals, not the one's complement of the G.711 tool.
    #[inline]
    pub fn compress(self, sr: i32) -> u8 {
        let magnitude = (sr.wrapping_abs() & 32767).min(8191);
        let sample = match (self, sr < 0) {
            (_, false) => magnitude << 2,
            (Law::A, true) => (-magnitude << 2).min(-1),
            (Law::Mu, true) => !(magnitude << 2),
        };
        let table = if self == Law::A { &A_ENCODE } else { &MU_ENCODE };
        table[usize::from(sample as u16 >> 2)]
    }

    /// The octet of the next higher value, the highest for itself.
    pub fn next_up(self, octet: u8) -> u8 {
        self.step(octet, 1)
    }

    /// The octet of the next lower value, the lowest for itself.
    pub fn next_down(self, octet: u8) -> u8 {
        self.step(octet, -1)
    }

    fn step(self, octet: u8, by: i16) -> u8 {
        // A rank that grows with the value: -128..=-1 and 0..=127, both zeros apart.
        let (negative, magnitude) = match self {
            Law::A => (octet & 0x80 == 0, (octet ^ 0x55) & 0x7F),
            Law::Mu => (octet & 0x80 == 0, !octet & 0x7F),
        };
        let magnitude = i16::from(magnitude);
        let rank = if negative { -1 - magnitude } else { magnitude };
        let mut next = (rank + by).clamp(-128, 127);
        // The two zeros of mu-law are one value: a step away from one skips the other.
        if self == Law::Mu && (rank, next) == (0, -1) {
            next = -2;
        } else if self == Law::Mu && (rank, next) == (-1, 0) {
            next = 1;
        }
        let magnitude = (if next < 0 { -1 - next } else { next }) as u8;
        match (self, next < 0) {
            (Law::A, false) => (magnitude | 0x80) ^ 0x55,
            (Law::A, true) => magnitude ^ 0x55,
            (Law::Mu, false) => !magnitude,
            (Law::Mu, true) => !(magnitude | 0x80),
        }
    }
}

struct Expander(&'static [i16; 256]);

impl Decoder for Expander {
    fn decode(&mut self, input: &[u8], out: &mut Vec<i16>) {
        // Eight at a time: the loop around them costs as much as two.
        let (groups, rest) = input.as_chunks::<8>();
        out.reserve(input.len());
        out.extend(groups.iter().flat_map(|group| group.map(|octet| self.0[usize::from(octet)])));
        out.extend(rest.iter().map(|&octet| self.0[usize::from(octet)]));
    }
}

struct Compressor(&'static [u8; 1 << 14]);

impl Encoder for Compressor {
    fn encode(&mut self, samples: &[i16], out: &mut Vec<u8>) {
        let code = |sample: i16| self.0[usize::from(sample.cast_unsigned() >> 2)];
        // Sixteen at a time, in place: an array of octets would be put together in a register first.
        let (groups, rest) = samples.as_chunks::<16>();
        let start = out.len();
        out.resize(start + 16 * groups.len(), 0);
        for (codes, group) in out[start..].as_chunks_mut::<16>().0.iter_mut().zip(groups) {
            for (octet, &sample) in codes.iter_mut().zip(group) {
                *octet = code(sample);
            }
        }
        out.extend(rest.iter().map(|&sample| code(sample)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use sha2::{Digest, Sha256};

    const LAWS: [(Law, &Codec, &str); 2] = [(Law::A, &PCMA, "alaw"), (Law::Mu, &PCMU, "ulaw")];

    fn decoded(codec: &Codec, octets: &[u8]) -> Vec<i16> {
        let mut out = Vec::new();
        codec.decoder.unwrap()(codec).decode(octets, &mut out);
        out
    }

    fn encoded(codec: &Codec, samples: &[i16]) -> Vec<u8> {
        let mut out = Vec::new();
        codec.encoder.unwrap()(codec).encode(samples, &mut out);
        out
    }

    fn all_codes() -> Vec<u8> {
        (0..=255).collect()
    }

    /// 0..=32767, then -32768..=-1.
    fn all_samples() -> Vec<i16> {
        (0..=u16::MAX).map(u16::cast_signed).collect()
    }

    fn sha256(bytes: &[u8]) -> String {
        Sha256::digest(bytes).iter().map(|octet| format!("{octet:02x}")).collect()
    }

    #[test]
    fn equals_the_tables_of_the_itu_tool() {
        // Hashes of the four tables that the G.711 tool of ITU-T G.191 gives, samples little endian.
        let hashes = [
            (
                "e04788d110e58ff8c70c93b8480190d973e3b67876b6119abbaec766cc75c174",
                "f77c76aa923ee25617453f87514828a12896227f82ff383bf3bb53d6ac7c2a0f",
            ),
            (
                "3dab54339e520bb2c924826e3b72a917a2b612e9fd12fc867500f1d983a75827",
                "455d3ccb989aea3ed20d8783a99859635739069ad7ffab3bfc61f36feb6de709",
            ),
        ];
        for ((_, codec, name), (decode, encode)) in LAWS.into_iter().zip(hashes) {
            let samples = decoded(codec, &all_codes());
            let bytes: Vec<u8> = samples.iter().flat_map(|sample| sample.to_le_bytes()).collect();
            assert_eq!(sha256(&bytes), decode, "{name} decoding");
            assert_eq!(sha256(&encoded(codec, &all_samples())), encode, "{name} encoding");
        }
    }

    #[test]
    fn equals_the_stored_tables_where_they_are_at_hand() {
        let folder = std::path::Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../shared/vectors/g711"));
        if !folder.is_dir() {
            println!("skipped: G.711 tables (no ../shared)");
            return;
        }
        for (_, codec, name) in LAWS {
            let want = std::fs::read(folder.join(format!("{name}_encode_65536.bin"))).unwrap();
            assert!(encoded(codec, &all_samples()) == want, "{name} encoding");
            let table = std::fs::read_to_string(folder.join(format!("{name}_decode.tsv"))).unwrap();
            let want: Vec<i16> =
                table.lines().filter_map(|line| line.split('\t').next_back()?.trim().parse().ok()).collect();
            assert_eq!(decoded(codec, &all_codes()), want, "{name} decoding");
        }
    }

    #[test]
    fn coding_a_decoded_octet_changes_nothing_but_the_negative_zero_of_mu_law() {
        for (_, codec, name) in LAWS {
            let again = encoded(codec, &decoded(codec, &all_codes()));
            for (code, again) in all_codes().into_iter().zip(again) {
                let want = if name == "ulaw" && code == 0x7F { 0xFF } else { code };
                assert_eq!(again, want, "{name}");
            }
        }
    }

    #[test]
    fn steps_go_to_the_next_value_and_stop_at_the_ends() {
        for (law, codec, name) in LAWS {
            let value = |octet: u8| law.expand(octet);
            let mut values: Vec<i32> =
                decoded(codec, &all_codes()).iter().map(|&x| i32::from(x) >> 2).collect();
            values.sort_unstable();
            values.dedup();
            for octet in all_codes() {
                let at = values.binary_search(&value(octet)).unwrap();
                assert_eq!(
                    value(law.next_up(octet)),
                    values[(at + 1).min(values.len() - 1)],
                    "{name} {octet:#x}"
                );
                assert_eq!(value(law.next_down(octet)), values[at.saturating_sub(1)], "{name} {octet:#x}");
            }
        }
    }
}
