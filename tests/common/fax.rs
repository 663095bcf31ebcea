//! Fax test helpers: a plain TIFF builder, an independent MMR encoder and decoder, reading of PBM.

use hayro_ccitt::{DecodeSettings, Decoder, DecoderContext, EncodingMode};
use sha2::{Digest, Sha256};
use vpim_milter::limits::{Budget, Limits};
use vpim_milter::media::{self, MediaError, Output};

/// Converts with default limits.
pub fn convert(input: &[u8], target: &str) -> Result<Output, MediaError> {
    convert_with(&Limits::default(), input, target)
}

pub fn convert_with(limits: &Limits, input: &[u8], target: &str) -> Result<Output, MediaError> {
    let declared = "image/tiff".parse().unwrap();
    media::fax::convert(&declared, &target.parse().unwrap(), input, limits, &mut Budget::new(limits))
}

/// Converts what is declared as another type, with default limits.
pub fn convert_as(declared: &str, input: &[u8], target: &str) -> Result<Output, MediaError> {
    convert_from(&Limits::default(), declared, input, target)
}

pub fn convert_from(
    limits: &Limits,
    declared: &str,
    input: &[u8],
    target: &str,
) -> Result<Output, MediaError> {
    let job = media::Job::convert(declared.parse().unwrap(), target.parse().unwrap());
    media::run(&job, input, limits, &mut Budget::new(limits))
}

/// Inspects with default limits, labelled image/tiff.
pub fn inspect(input: &[u8]) -> Result<media::fax::FaxFacts, MediaError> {
    let limits = Limits::default();
    media::fax::inspect(&"image/tiff".parse().unwrap(), input, &limits, &mut Budget::new(&limits))
}

/// Decodes MMR data with hayro-ccitt: packed rows.
pub fn read_by_hayro(data: &[u8], width: usize, rows: usize) -> Vec<u8> {
    let settings = DecodeSettings {
        columns: width as u32,
        rows: rows as u32,
        end_of_block: true,
        end_of_line: false,
        rows_are_byte_aligned: false,
        encoding: EncodingMode::Group4,
        strict: false,
    };
    let mut found = PaintedRows { packed: Vec::with_capacity(width.div_ceil(8) * rows), width };
    hayro_ccitt::decode(data, &mut found, &mut DecoderContext::new(settings)).unwrap();
    found.packed
}

/// Rows as hayro-ccitt hands them out, painted octet by octet.
struct PaintedRows {
    packed: Vec<u8>,
    width: usize,
}

impl Decoder for PaintedRows {
    fn push_row(&mut self, changes: &[u32]) {
        let start = self.packed.len();
        self.packed.resize(start + self.width.div_ceil(8), 0);
        let row = &mut self.packed[start..];
        for pair in changes.chunks(2) {
            let begin = pair[0] as usize;
            let end = pair.get(1).map_or(self.width, |&end| end as usize);
            if begin >= end {
                continue;
            }
            let (first, last) = (begin / 8, (end - 1) / 8);
            let (head, tail) = (0xff >> (begin % 8), 0xff << (7 - (end - 1) % 8));
            if first == last {
                row[first] |= head & tail;
            } else {
                row[first] |= head;
                row[first + 1..last].fill(0xff);
                row[last] |= tail;
            }
        }
    }
}

pub fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Width, height and packed rows of every page of concatenated binary PBM.
pub fn pages_of_pbm(mut bytes: &[u8]) -> Vec<(u32, u32, Vec<u8>)> {
    let mut pages = Vec::new();
    while bytes.starts_with(b"P4") {
        let mut at = 2;
        let mut numbers = [0u32; 2];
        for number in &mut numbers {
            while bytes[at].is_ascii_whitespace() || bytes[at] == b'#' {
                if bytes[at] == b'#' {
                    while bytes[at] != b'\n' {
                        at += 1;
                    }
                }
                at += 1;
            }
            while bytes[at].is_ascii_digit() {
                *number = *number * 10 + u32::from(bytes[at] - b'0');
                at += 1;
            }
        }
        let size = (numbers[0] as usize).div_ceil(8) * numbers[1] as usize;
        pages.push((numbers[0], numbers[1], bytes[at + 1..at + 1 + size].to_vec()));
        bytes = &bytes[at + 1 + size..];
    }
    pages
}

/// A TIFF of one page and one strip.
#[derive(Clone)]
pub struct TiffSpec {
    pub width: u32,
    pub length: u32,
    pub compression: u16,
    pub t4_options: u32,
    pub fill_order: u16,
    pub photometric: u16,
    pub x_resolution: u32,
    pub y_resolution: u32,
    pub orientation: u16,
    pub data: Vec<u8>,
}

impl Default for TiffSpec {
    fn default() -> Self {
        TiffSpec {
            width: 1728,
            length: 1,
            compression: 4,
            t4_options: 0,
            fill_order: 1,
            photometric: 0,
            x_resolution: 204,
            y_resolution: 196,
            orientation: 1,
            data: Vec::new(),
        }
    }
}

impl TiffSpec {
    pub fn build(&self) -> Vec<u8> {
        let after = 8 + 2 + 13 * 12 + 4;
        let fields: [(u16, u16, u32); 13] = [
            (256, 4, self.width),
            (257, 4, self.length),
            (258, 3, 1),
            (259, 3, self.compression.into()),
            (262, 3, self.photometric.into()),
            (266, 3, self.fill_order.into()),
            (273, 4, after + 16),
            (274, 3, self.orientation.into()),
            (278, 4, self.length),
            (279, 4, self.data.len() as u32),
            (282, 5, after),
            (283, 5, after + 8),
            (292, 4, self.t4_options),
        ];
        let mut out = b"II*\0\x08\0\0\0\x0d\0".to_vec();
        for (tag, kind, value) in fields {
            out.extend(tag.to_le_bytes());
            out.extend(kind.to_le_bytes());
            out.extend(1u32.to_le_bytes());
            out.extend(value.to_le_bytes());
        }
        out.extend([0; 4]);
        for value in [self.x_resolution, 1, self.y_resolution, 1] {
            out.extend(value.to_le_bytes());
        }
        out.extend(&self.data);
        out
    }
}

/// A page with runs of many lengths, the same every time.
pub fn sample_page(width: usize, rows: usize) -> Vec<u8> {
    let stride = width.div_ceil(8);
    let mut page = vec![0u8; stride * rows];
    let mut state = 1u32;
    for row in 0..rows {
        let mut at = 0;
        let mut black = false;
        while at < width {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let run = 1 + (state >> 20) as usize % if row % 5 == 0 { 300 } else { 12 };
            for x in at..(at + run).min(width) {
                if black {
                    page[row * stride + x / 8] |= 0x80 >> (x % 8);
                }
            }
            black = !black;
            at += run;
        }
    }
    page
}

/// MMR by the `fax` crate.
pub fn encode_mmr(page: &[u8], width: usize) -> Vec<u8> {
    let mut encoder = fax::encoder::Encoder::new(fax::VecWriter::new());
    for row in page.chunks(width.div_ceil(8)) {
        let pixel = |x: usize| {
            if row[x / 8] << (x % 8) & 0x80 != 0 { fax::Color::Black } else { fax::Color::White }
        };
        let Ok(()) = encoder.encode_line((0..width).map(pixel), width as u32);
    }
    let Ok(writer) = encoder.finish();
    writer.finish()
}

/// RFC 3949 4.2.1: columns by columns per inch, then what lines to the inch go with them.
const RESOLUTIONS: [(u32, u32, [u32; 3]); 8] = [
    (204, 98, [1728, 2048, 2432]),
    (204, 196, [1728, 2048, 2432]),
    (204, 391, [1728, 2048, 2432]),
    (200, 100, [1728, 2048, 2432]),
    (200, 200, [1728, 2048, 2432]),
    (300, 300, [2592, 3072, 3648]),
    (408, 391, [3456, 4096, 4864]),
    (400, 400, [3456, 4096, 4864]),
];
/// Rows of each of [`legal_pages`].
pub const LEGAL_ROWS: u32 = 60;

/// One page in MMR in each resolution and width of TIFF-F: name, file.
pub fn legal_pages() -> Vec<(String, Vec<u8>)> {
    let mut pages = Vec::new();
    for (x, y, widths) in RESOLUTIONS {
        for width in widths {
            let data = encode_mmr(&sample_page(width as usize, LEGAL_ROWS as usize), width as usize);
            let (x_resolution, y_resolution) = (x, y);
            let spec = TiffSpec {
                width,
                length: LEGAL_ROWS,
                x_resolution,
                y_resolution,
                data,
                ..TiffSpec::default()
            };
            pages.push((format!("{width} at {x} x {y}"), spec.build()));
        }
    }
    pages
}
