//! Pages stored turned or mirrored (TIFF 6.0 and Exif Orientation), put upright for readers that know no such field.

use super::bitmap::Bitmap;
use super::geometry::Resolution;
use super::halftone::Grey;

/// The page as it is seen, and its resolution across and down that way.
pub(super) fn shown(page: Bitmap, resolution: Resolution, orientation: u16) -> (Bitmap, Resolution) {
    let resolution = if matches!(orientation, 5..=8) { resolution.turned() } else { resolution };
    (upright(page, orientation), resolution)
}

/// The same of shades.
pub(super) fn shades(page: Grey, orientation: u16) -> Grey {
    if !(2..=8).contains(&orientation) {
        return page;
    }
    let (w, h) = (page.width, page.rows());
    let (width, height) = if orientation < 5 { (w, h) } else { (h, w) };
    let mut pixels = Vec::with_capacity(w * h);
    for y in 0..height {
        for x in 0..width {
            let (column, row) = match orientation {
                2 => (w - 1 - x, y),
                3 => (w - 1 - x, h - 1 - y),
                4 => (x, h - 1 - y),
                5 => (y, x),
                6 => (y, h - 1 - x),
                7 => (w - 1 - y, h - 1 - x),
                _ => (w - 1 - y, x),
            };
            pixels.push(page.pixels.get(row * w + column).copied().unwrap_or(255));
        }
    }
    Grey { width, pixels }
}

/// The page as it is seen: `orientation` says where its first row and column are. Values that mean nothing leave it
/// as it is.
fn upright(page: Bitmap, orientation: u16) -> Bitmap {
    // First the columns become rows, then the sides change places.
    let (transposed, mirrored, flipped) = match orientation {
        2 => (false, true, false),
        3 => (false, true, true),
        4 => (false, false, true),
        5 => (true, false, false),
        6 => (true, true, false),
        7 => (true, true, true),
        8 => (true, false, true),
        _ => return page,
    };
    let page = if transposed { transpose(&page) } else { page };
    let mut turned = Bitmap::new(page.width());
    let mut row = Vec::new();
    for y in 0..page.rows() {
        let from = if flipped { page.rows() - 1 - y } else { y };
        let packed = page.row(from);
        if mirrored {
            mirror(packed, page.width(), &mut row);
            turned.push_packed(&row);
        } else {
            turned.push_packed(packed);
        }
    }
    turned
}

/// The pixels of a row from right to left.
fn mirror(packed: &[u8], width: u32, row: &mut Vec<u8>) {
    row.clear();
    row.extend(packed.iter().rev().map(|octet| octet.reverse_bits()));
    // What was padding is at the left now.
    let padding = row.len() as u32 * 8 - width;
    if !(1..8).contains(&padding) {
        return;
    }
    let mut next = 0;
    for octet in row.iter_mut().rev() {
        let shifted = *octet << padding | next >> (8 - padding);
        next = *octet;
        *octet = shifted;
    }
}

/// Columns as rows.
fn transpose(page: &Bitmap) -> Bitmap {
    let width = u32::try_from(page.rows()).unwrap_or(u32::MAX);
    let stride = page.rows().div_ceil(8);
    let mut data = vec![0u8; stride * page.width() as usize];
    for (y, row) in page.iter().enumerate() {
        let (column, bit) = (y / 8, 0x80 >> (y % 8));
        for (at, &octet) in row.iter().enumerate() {
            let mut left = octet;
            while left != 0 {
                let first = left.leading_zeros() as usize;
                if let Some(place) = data.get_mut((at * 8 + first) * stride + column) {
                    *place |= bit;
                }
                left &= !(0x80 >> first);
            }
        }
    }
    let mut turned = Bitmap::new(width);
    data.chunks_exact(stride.max(1)).for_each(|row| turned.push_packed(row));
    turned
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Rows of `#` and `.`.
    fn page(rows: &[&str]) -> Bitmap {
        let mut page = Bitmap::new(rows[0].len() as u32);
        for row in rows {
            let bit = |(at, c): (usize, char)| u8::from(c == '#') << (7 - at % 8);
            let packed = row.chars().enumerate().map(bit).collect::<Vec<_>>();
            let packed: Vec<u8> = packed.chunks(8).map(|bits| bits.iter().fold(0, |a, b| a | b)).collect();
            page.push_packed(&packed);
        }
        page
    }

    #[test]
    fn a_page_is_turned_as_its_orientation_says() {
        let stored = page(&["##.", "#.."]);
        let seen: [&[&str]; 9] = [
            &["##.", "#.."],
            &["##.", "#.."],
            &[".##", "..#"],
            &["..#", ".##"],
            &["#..", "##."],
            &["##", "#.", ".."],
            &["##", ".#", ".."],
            &["..", ".#", "##"],
            &["..", "#.", "##"],
        ];
        for (orientation, rows) in (0..).zip(seen) {
            assert_eq!(upright(stored.clone(), orientation), page(rows), "{orientation}");
            // The same of shades.
            let grey = Grey { width: 3, pixels: vec![0, 1, 255, 2, 255, 255] };
            let dark = |row: &&str| row.chars().map(|c| c == '#').collect::<Vec<_>>();
            let turned = shades(grey, orientation);
            let found: Vec<bool> = turned.pixels.iter().map(|&shade| shade < 255).collect();
            assert_eq!(found, rows.iter().flat_map(dark).collect::<Vec<_>>(), "{orientation}");
            assert_eq!(turned.width, rows[0].len());
        }
    }

    #[test]
    fn rows_of_every_width_come_back_after_two_mirrorings() {
        for width in [1, 7, 8, 9, 15, 16, 17, 1728] {
            let mut stored = Bitmap::new(width);
            for seed in 1..5u8 {
                let row: Vec<u8> =
                    (0..width.div_ceil(8)).map(|n| (n as u8).wrapping_mul(37) ^ seed).collect();
                stored.push_packed(&row);
            }
            for orientation in [2, 3, 4, 5, 7] {
                let there = upright(stored.clone(), orientation);
                assert_eq!(upright(there, orientation), stored, "{width} {orientation}");
            }
            assert_eq!(upright(upright(stored.clone(), 6), 8), stored, "{width}");
        }
    }
}
