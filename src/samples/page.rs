//! Fax pages drawn by code: a frame, lines of something like writing, a grey field, and the number of
//! the page in large digits. As TIFF with packed pixels, which the media core codes as asked.

/// Columns of a page.
const WIDTH: usize = 1_728;
/// Scan lines of a page.
const ROWS: usize = 1_100;
/// Octets of a row.
const STRIDE: usize = WIDTH / 8;

/// Segments of digits as on a pocket calculator: top, upper right, lower right, bottom, lower left,
/// upper left, middle.
const DIGITS: [u8; 10] = [0x3f, 0x06, 0x5b, 0x4f, 0x66, 0x6d, 0x7d, 0x07, 0x7f, 0x6f];

/// A TIFF of `pages` pages at 204 by 98 dots an inch, not compressed.
pub(super) fn tiff(pages: u16) -> Vec<u8> {
    let mut out = b"II*\0\x08\0\0\0".to_vec();
    for number in 0..pages {
        directory(&mut out, number + 1 == pages);
        out.extend(draw(number + 1));
    }
    out
}

/// A directory; its page follows it.
fn directory(out: &mut Vec<u8>, last: bool) {
    const FIELDS: u32 = 11;
    let values = out.len() as u32 + 2 + FIELDS * 12 + 4;
    let data = values + 16;
    let bytes = (STRIDE * ROWS) as u32;
    let (short, long, rational) = (3u16, 4u16, 5u16);
    let fields = [
        (256u16, long, WIDTH as u32),
        (257, long, ROWS as u32),
        (258, short, 1),
        (259, short, 1),
        (262, short, 0),
        (273, long, data),
        (277, short, 1),
        (278, long, ROWS as u32),
        (279, long, bytes),
        (282, rational, values),
        (283, rational, values + 8),
    ];
    out.extend((FIELDS as u16).to_le_bytes());
    for (tag, kind, value) in fields {
        out.extend(tag.to_le_bytes());
        out.extend(kind.to_le_bytes());
        out.extend(1u32.to_le_bytes());
        out.extend(value.to_le_bytes());
    }
    let next = if last { 0 } else { data + bytes };
    out.extend(next.to_le_bytes());
    [204u32, 1, 98, 1].into_iter().for_each(|value| out.extend(value.to_le_bytes()));
}

/// The packed rows of a page, 1 = black.
fn draw(number: u16) -> Vec<u8> {
    let mut page = Page(vec![0; STRIDE * ROWS]);
    page.frame(48, 24, WIDTH - 48, ROWS - 24, 6);
    digit(&mut page, usize::from(number % 10));
    let mut state = u32::from(number);
    for line in 0..14 {
        let mut x = 140;
        loop {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let word = 30 + (state >> 24) as usize / 2;
            if x + word > WIDTH - 140 || (line % 7 == 6 && x > 700) {
                break;
            }
            page.word(x, 380 + line * 34, word);
            x += word + 26;
        }
    }
    // A field of small squares, as of something grey.
    for y in (900..1_020).step_by(8) {
        (140..900).step_by(16).for_each(|x| page.fill(x, y, x + 8, y + 4));
    }
    page.frame(140, 896, 902, 1_024, 4);
    page.0
}

fn digit(page: &mut Page, number: usize) {
    let on = DIGITS.get(number).copied().unwrap_or_default();
    // left, top, right, bottom of each segment
    let segments = [
        (160, 80, 340, 96),
        (316, 80, 340, 200),
        (316, 200, 340, 320),
        (160, 304, 340, 320),
        (160, 200, 184, 320),
        (160, 80, 184, 200),
        (160, 192, 340, 208),
    ];
    for (n, (left, top, right, bottom)) in segments.into_iter().enumerate() {
        if on >> n & 1 == 1 {
            page.fill(left, top, right, bottom);
        }
    }
}

struct Page(Vec<u8>);

impl Page {
    fn black(&mut self, x: usize, y: usize) {
        if let Some(byte) = self.0.get_mut(y * STRIDE + x / 8) {
            *byte |= 0x80 >> (x % 8);
        }
    }

    fn fill(&mut self, left: usize, top: usize, right: usize, bottom: usize) {
        for y in top..bottom {
            (left..right).for_each(|x| self.black(x, y));
        }
    }

    fn frame(&mut self, left: usize, top: usize, right: usize, bottom: usize, thick: usize) {
        self.fill(left, top, right, top + thick);
        self.fill(left, bottom - thick, right, bottom);
        self.fill(left, top, left + thick, bottom);
        self.fill(right - thick, top, right, bottom);
    }

    /// Strokes as of a word.
    fn word(&mut self, left: usize, top: usize, width: usize) {
        for x in (left..left + width).step_by(14) {
            self.fill(x, top, x + 4, top + 14);
        }
        self.fill(left, top + 6, left + width, top + 8);
    }
}
