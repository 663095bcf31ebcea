//! Decodes coded data that is as it should be, fast, and refuses all other; `lines` reads that.
//!
//! Three things make it fast: a T.6 row like the one above, which is most of a page, is a row of one bits and costs a
//! copy; two-dimensional codes go through one branch-free step (`modes`), V0 several at once; bits come from a 64-bit
//! word that is filled once for a few codes.
//!
//! Bounds: one pass over the data, two lists of colour changes.

mod bits;
mod line;
mod modes;
mod usual;

use super::Scheme;
use super::codes::{BLACK_RUNS, WHITE_RUNS};
use crate::media::fax::bitmap::Bitmap;
use bits::Bits;
use line::Line;

/// The data is not as it should be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Unclean;

/// What stands between the rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Between {
    /// Nothing.
    Nothing,
    /// Zeros up to a byte boundary.
    Alignment,
    /// An EOL before each row, with any number of zeros before it as fill (T.4 4.1.2, 4.1.3).
    Eol,
}

/// How the data is laid out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Layout {
    pub scheme: Scheme,
    pub between: Between,
}

impl Layout {
    /// As the tags say.
    pub fn of(scheme: Scheme) -> Self {
        let between = match scheme {
            Scheme::Rle => Between::Alignment,
            // Zeros that align an EOL count as fill, so the bit of T4Options for it need not be believed.
            Scheme::T4 { .. } => Between::Eol,
            Scheme::T6 => Between::Nothing,
        };
        Layout { scheme, between }
    }
}

/// Where rows go.
pub(super) trait Rows {
    /// Columns of a row.
    fn width(&self) -> u32;
    /// A row, by its colour changes.
    fn row(&mut self, changes: &[u32]);
    /// The last row again.
    fn again(&mut self, count: usize);
}

impl Rows for Bitmap {
    fn width(&self) -> u32 {
        Bitmap::width(self)
    }

    fn row(&mut self, changes: &[u32]) {
        self.push_changes(changes);
    }

    fn again(&mut self, count: usize) {
        self.repeat_last(count);
    }
}

/// For data that is only to be understood.
pub(super) struct Nowhere {
    pub width: u32,
}

impl Rows for Nowhere {
    fn width(&self) -> u32 {
        self.width
    }

    fn row(&mut self, _changes: &[u32]) {}

    fn again(&mut self, _count: usize) {}
}

/// Adds at most `rows` rows to `page` and gives their number. It is smaller where the data ends, or says by an
/// RTC or EOFB that it ends. On [`Unclean`] the rows before the fault are in `page`.
pub(super) fn decode(
    data: &[u8],
    layout: Layout,
    rows: usize,
    page: &mut impl Rows,
) -> Result<usize, Unclean> {
    let mut bits = Bits::new(data);
    let width = page.width();
    let (mut line, mut above) = (Line::new(width), Line::new(width));
    let mut done = 0;
    while done < rows {
        bits.refill();
        let two_dimensional = match (layout.between, layout.scheme) {
            (Between::Nothing, Scheme::T6) => {
                let alike = rows_alike(&mut bits, &above).min(rows - done);
                if alike > 0 {
                    // Above the first row of a strip there is a white one, whatever the page shows there.
                    if done == 0 {
                        page.row(&[]);
                    }
                    page.again(alike - usize::from(done == 0));
                    done += alike;
                    continue;
                }
                if bits.held >> 40 == EOFB || bits.at_end() {
                    break;
                }
                true
            }
            (between, scheme) => {
                if !bits.begin_row(between, scheme)? {
                    break;
                }
                scheme == (Scheme::T4 { two_dimensional: true }) && bits.take(1) == 0
            }
        };
        if two_dimensional {
            bits.line_2d(width, &above, &mut line)?;
        } else {
            line_1d(&mut bits, width, &mut line)?;
        }
        if bits.overdrawn() {
            return Err(Unclean);
        }
        page.row(line.changes());
        std::mem::swap(&mut line, &mut above);
        done += 1;
    }
    Ok(done)
}

/// Two EOLs (T.6 2.4.1.1).
const EOFB: u64 = 0x00_1001;
/// Takes T.6 rows that are like the one above, each one V0 for each of its changes and one for its end.
#[inline(always)]
fn rows_alike(bits: &mut Bits<'_>, above: &Line) -> usize {
    let ones = bits.held.leading_ones().min(bits.count);
    let row = above.len() + 1;
    let rows = if row > ones as usize { 0 } else { ones as usize / row };
    let taken = (rows * row).min(32);
    // `take` takes 32 bits at most: whole rows of them.
    let rows = taken / row;
    bits.take((rows * row) as u32);
    rows
}

/// One-dimensional line (T.4 4.1).
fn line_1d(bits: &mut Bits<'_>, width: u32, line: &mut Line) -> Result<(), Unclean> {
    let mut writer = line.begin();
    let mut at = 0u32;
    loop {
        for table in [&WHITE_RUNS, &BLACK_RUNS] {
            bits.refill();
            at = at.saturating_add(bits.run(table)?);
            if at >= width {
                writer.end(width);
                return if at == width { Ok(()) } else { Err(Unclean) };
            }
            writer.change(at);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::encode::{Target, encode_page};
    use super::*;

    const WIDTH: u32 = 70;

    /// Rows that use every mode and long and short runs, from a fixed generator.
    fn page(rows: usize) -> Bitmap {
        let mut page = Bitmap::new(WIDTH);
        let mut seed = 1u32;
        for row in 0..rows {
            let mut next = || {
                seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                seed >> 24
            };
            let sparse = row % 3 == 0;
            let mut changes: Vec<u32> =
                (0..WIDTH).filter(|_| next() < if sparse { 12 } else { 90 }).collect();
            changes.dedup();
            page.push_changes(&changes);
            if row % 4 == 3 {
                page.repeat_last(2);
            }
        }
        page
    }

    fn decoded(data: &[u8], layout: Layout, rows: usize) -> (Result<usize, Unclean>, Bitmap) {
        let mut page = Bitmap::new(WIDTH);
        let result = decode(data, layout, rows, &mut page);
        (result, page)
    }

    const MH: Scheme = Scheme::T4 { two_dimensional: false };
    const MR: Scheme = Scheme::T4 { two_dimensional: true };
    const CODINGS: [(Target, Scheme); 4] = [
        (Target::Mh { aligned: false }, MH),
        (Target::Mh { aligned: true }, MH),
        (Target::Mr { k: 4 }, MR),
        (Target::Mmr, Scheme::T6),
    ];

    #[test]
    fn every_coding_comes_back_to_the_pixel_and_says_where_it_ends() {
        let page = page(40);
        for (target, scheme) in CODINGS {
            let data = encode_page(&page, target);
            for asked in [page.rows(), page.rows() + 9] {
                let (result, found) = decoded(&data, Layout::of(scheme), asked);
                assert_eq!(result, Ok(page.rows()), "{target:?}");
                assert!(found.data() == page.data(), "{target:?}");
            }
            let (result, found) = decoded(&data, Layout::of(scheme), 3);
            assert_eq!((result, found.rows()), (Ok(3), 3));
        }
    }

    #[test]
    fn cut_data_gives_its_whole_rows_and_never_more() {
        let page = page(12);
        for (target, scheme) in CODINGS {
            let data = encode_page(&page, target);
            for len in 0..data.len() {
                let (_, found) = decoded(&data[..len], Layout::of(scheme), page.rows());
                assert!(found.rows() <= page.rows());
                assert_eq!(found.data(), &page.data()[..found.data().len()], "{target:?} {len}");
            }
        }
    }

    #[test]
    fn a_strip_begins_below_white_whatever_the_page_shows() {
        let mut page = Bitmap::new(WIDTH);
        page.push_changes(&[0]);
        // Two white rows: two V0.
        assert_eq!(decode(&[0xc0, 0x01, 0x00, 0x10], Layout::of(Scheme::T6), 2, &mut page), Ok(2));
        assert!(page.data()[9..].iter().all(|byte| *byte == 0), "{:?}", page.data());
    }

    #[test]
    fn what_is_no_code_is_refused() {
        for (_, scheme) in CODINGS {
            assert_eq!(
                decoded(&[0x00, 0x1f, 0x00, 0x02], Layout::of(scheme), 4).0,
                Err(Unclean),
                "{scheme:?}"
            );
        }
        // An RTC, and an RTC cut short.
        assert_eq!(
            decoded(&[0x00, 0x10, 0x01, 0x00, 0x10, 0x01, 0x00, 0x10, 0x01], Layout::of(MH), 4).0,
            Ok(0)
        );
        assert_eq!(decoded(&[0x00, 0x10, 0x01], Layout::of(MH), 4).0, Err(Unclean));
    }
}
