//! A page reduced to a small picture in grey: every pixel is the mean of the area it covers, at the
//! shape the page has on paper.

use super::MediaError;
use super::bitmap::Bitmap;
use super::geometry::Resolution;
use crate::limits::Budget;
use crate::media::preview::{PAGE_HEIGHT, PAGE_WIDTH, Thumbnail};

/// The thumbnail of an upright page whose pixels are `bitmap`.
pub(super) fn of(bitmap: &Bitmap, resolution: Resolution, budget: &Budget) -> Result<Thumbnail, MediaError> {
    let width = bitmap.width().clamp(1, PAGE_WIDTH);
    // Pixels of a fax are seldom square.
    let squeezed = f64::from(width) / f64::from(bitmap.width().max(1)) * resolution.x / resolution.y;
    let height = (bitmap.rows() as f64 * squeezed).round() as u32;
    let height = height.clamp(1, PAGE_HEIGHT);
    let rows: Vec<&[u8]> = bitmap.iter().collect();
    let mut grey = Vec::with_capacity(width as usize * height as usize);
    for y in 0..height {
        budget.check()?;
        let area = rows.get(covered(y, height, rows.len())).unwrap_or_default();
        for x in 0..width {
            grey.push(shade(area, covered(x, width, bitmap.width() as usize)));
        }
    }
    Ok(Thumbnail { width, height, grey })
}

/// The source positions under the pixel `at` of `of`; at least one where there is one.
fn covered(at: u32, of: u32, source: usize) -> std::ops::Range<usize> {
    let edge = |n: u32| (u64::from(n) * source as u64 / u64::from(of.max(1))) as usize;
    let start = edge(at);
    start..edge(at + 1).max(start + 1).min(source.max(start))
}

/// The grey of an area. Thin lines would fade away at their true share, so black counts half as much again.
fn shade(rows: &[&[u8]], columns: std::ops::Range<usize>) -> u8 {
    let area = rows.len() * columns.len();
    let is_black = |row: &[u8], x: usize| row.get(x / 8).is_some_and(|byte| byte << (x % 8) & 0x80 != 0);
    let black: usize = rows.iter().map(|row| columns.clone().filter(|&x| is_black(row, x)).count()).sum();
    let ink = (black * 255 * 3 / 2).checked_div(area).unwrap_or(0).min(255);
    255 - ink as u8
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn areas_cover_the_source_without_gaps() {
        for (of, source) in [(320, 1728), (320, 320), (320, 100), (1, 1)] {
            let areas: Vec<_> = (0..of).map(|at| covered(at, of, source)).collect();
            assert_eq!((areas[0].start, areas[areas.len() - 1].end), (0, source));
            assert!(areas.iter().all(|area| !area.is_empty()));
            assert!(areas.windows(2).all(|pair| pair[1].start <= pair[0].end));
        }
        assert!(covered(0, 1, 0).is_empty());
    }

    #[test]
    fn grey_follows_the_share_of_black() {
        let rows: [&[u8]; 2] = [&[0xf0], &[0x00]];
        assert_eq!(shade(&rows, 4..8), 255);
        assert_eq!(shade(&rows[..1], 0..4), 0);
        assert!((50..=160).contains(&shade(&rows, 0..4)));
        assert_eq!(shade(&[], 0..0), 255);
    }
}
