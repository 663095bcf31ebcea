//! The size that a page of TIFF-F is written with.
//!
//! A page narrower than a legal width gets white columns at the right. Profile F (RFC 3949 4.2.1) has widths for
//! nearly all that is sent; a page whose resolution is not near a legal one keeps its dots there. What is wider than
//! any of them, and all that profile S (RFC 3949 3.2.1: 1,728 columns, standard or fine) does not have, is scaled
//! with area averaging to its true size on paper, or made smaller to fit.

use super::MediaError;
use super::bitmap::Bitmap;
use super::geometry::{LEGAL, Resolution};
use super::halftone::{self, Grey};
use super::scale::scale;
use crate::limits::{Budget, Exceeded, Limits};
use mime::Mime;

/// Columns of profile S.
pub(super) const S_WIDTH: u32 = 1_728;
/// Lines to the inch above which nothing is of profile S.
const S_FINEST: f64 = 200.0;

/// The parameter `profile` of a target type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Profile {
    /// `s`: minimal black and white (RFC 3949 3).
    S,
    /// `f`, and where nothing is said: extended black and white (RFC 3949 4).
    F,
}

impl Profile {
    /// Reads the parameter.
    pub fn of(target: &Mime) -> Result<Self, MediaError> {
        let Some(value) = target.get_param("profile") else { return Ok(Profile::F) };
        match value.as_str().to_ascii_lowercase().as_str() {
            "s" => Ok(Profile::S),
            "f" => Ok(Profile::F),
            other => Err(MediaError::Unsupported(format!("profile={other} of TIFF for fax"))),
        }
    }

    /// Whether it has this resolution.
    pub fn has(self, resolution: Resolution) -> bool {
        self == Profile::F || (resolution.y <= S_FINEST && resolution.x < 300.0)
    }

    /// Its resolutions, each with its widths.
    fn grids(self) -> impl Iterator<Item = (Resolution, &'static [u32])> {
        LEGAL.iter().filter(move |(legal, _)| self.has(*legal)).map(move |(legal, widths)| {
            let count = if self == Profile::S { 1 } else { widths.len() };
            (*legal, widths.get(..count).unwrap_or(widths))
        })
    }
}

/// The legal size a page is written with.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Fit {
    pub width: u32,
    pub resolution: Resolution,
    /// Columns that the dots are scaled to, and new rows for an old one; `None` where every dot stays.
    pub scaled: Option<(u32, f64)>,
}

impl Fit {
    /// For a page of so many columns as it is seen.
    pub fn of(profile: Profile, columns: u32, resolution: Resolution) -> Self {
        let wide_enough = |widths: &[u32]| widths.iter().copied().find(|&width| width >= columns);
        let possible = || profile.grids().filter_map(|(legal, all)| Some((legal, wide_enough(all)?)));
        let near = resolution.legal().filter(|(legal, _)| profile.has(*legal));
        let near = near.and_then(|(near, _)| possible().find(|(legal, _)| legal == near));
        let kept = near.or_else(|| {
            let off = |legal: &Resolution| {
                (resolution.x / legal.x).ln().abs() + (resolution.y / legal.y).ln().abs()
            };
            let nearest = possible().min_by(|(one, _), (other, _)| off(one).total_cmp(&off(other)));
            nearest.filter(|_| profile == Profile::F)
        });
        match kept {
            Some((resolution, width)) => Fit { width, resolution, scaled: None },
            None => Self::scaled(profile, columns, resolution),
        }
    }

    /// For a page whose dots cannot stay.
    fn scaled(profile: Profile, columns: u32, old: Resolution) -> Self {
        // The grid the page fills best, as few columns as possible falling between two.
        let off = |&(new, width): &(Resolution, u32)| {
            let natural = f64::from(columns) * new.x / old.x;
            let coarser = if profile == Profile::F { (old.x / new.x).ln().abs() } else { 0.0 };
            2.0 * (natural / f64::from(width)).ln().abs() + (old.y / new.y).ln().abs() + coarser
        };
        let grids = profile.grids().filter_map(|(legal, widths)| Some((legal, *widths.last()?)));
        let best = grids.min_by(|one, other| off(one).total_cmp(&off(other)));
        let (resolution, width) = best.unwrap_or((old, columns));
        let natural = f64::from(columns) * resolution.x / old.x;
        let smaller = (f64::from(width) / natural).min(1.0);
        let new = (natural * smaller).round().clamp(1.0, f64::from(width)) as u32;
        Fit { width, resolution, scaled: Some((new, resolution.y / old.y * smaller)) }
    }

    /// Brings the pixels to this size.
    pub fn apply(&self, mut page: Bitmap, limits: &Limits, budget: &Budget) -> Result<Bitmap, MediaError> {
        if let Some((columns, ratio)) = self.scaled {
            let rows = (page.rows() as f64 * ratio).round().max(1.0);
            if rows > f64::from(limits.fax_rows) || rows * f64::from(columns) > limits.page_pixels as f64 {
                return Err(Exceeded::PageSize.into());
            }
            budget.check()?;
            page = resized(&page, columns as usize, rows as usize);
            budget.check()?;
        }
        if page.width() != self.width {
            page.set_width(self.width);
        }
        Ok(page)
    }
}

/// Scaled with area averaging, and black and white again.
fn resized(page: &Bitmap, columns: usize, rows: usize) -> Bitmap {
    let size = (page.width() as usize, page.rows());
    if size.1 == 0 {
        return page.clone();
    }
    let mut grey = Grey { width: columns, pixels: Vec::with_capacity(columns * rows) };
    let shades = |y: usize| -> Vec<u8> {
        let pixels = page.row(y).iter().flat_map(|octet| (0..8).map(move |at| octet << at & 0x80 == 0));
        pixels.take(size.0).map(|white| if white { 255 } else { 0 }).collect()
    };
    scale(size, shades, (columns, rows), |_, row| grey.pixels.extend_from_slice(row));
    halftone::reduce(&grey)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fit(profile: Profile, columns: u32, x: f64, y: f64) -> (u32, f64, f64, Option<(u32, f64)>) {
        let Fit { width, resolution, scaled } = Fit::of(profile, columns, Resolution { x, y });
        let scaled = scaled.map(|(columns, ratio)| (columns, (ratio * 1000.0).round() / 1000.0));
        (width, resolution.x, resolution.y, scaled)
    }

    #[test]
    fn pages_of_profile_f_keep_their_dots_unless_they_are_wider_than_any() {
        let f = |columns, x, y| fit(Profile::F, columns, x, y);
        assert_eq!(f(1728, 203.99, 97.79), (1728, 204.0, 98.0, None));
        assert_eq!(f(1700, 204.0, 391.0), (1728, 204.0, 391.0, None));
        assert_eq!(f(1729, 200.0, 200.0), (2048, 200.0, 200.0, None));
        assert_eq!(f(2550, 300.0, 300.0), (2592, 300.0, 300.0, None));
        assert_eq!(f(1275, 150.0, 150.0), (1728, 204.0, 196.0, None));
        assert_eq!(f(5100, 600.0, 600.0), (4864, 408.0, 391.0, Some((3468, 0.652))));
    }

    #[test]
    fn pages_of_profile_s_have_1728_columns_and_their_size_on_paper() {
        let s = |columns, x, y| fit(Profile::S, columns, x, y);
        assert_eq!(s(1728, 204.0, 98.0), (1728, 204.0, 98.0, None));
        assert_eq!(s(1000, 200.0, 200.0), (1728, 200.0, 200.0, None));
        assert_eq!(s(1728, 204.0, 391.0), (1728, 204.0, 196.0, Some((1728, 0.501))));
        assert_eq!(s(2592, 300.0, 300.0), (1728, 200.0, 200.0, Some((1728, 0.667))));
        assert_eq!(s(3456, 408.0, 391.0), (1728, 204.0, 196.0, Some((1728, 0.501))));
        assert_eq!(s(3456, 400.0, 400.0), (1728, 200.0, 200.0, Some((1728, 0.5))));
        assert_eq!(s(2048, 204.0, 98.0), (1728, 200.0, 100.0, Some((1728, 0.878))));
        assert_eq!(s(1200, 150.0, 75.0).3, Some((1632, 1.307)));
    }

    #[test]
    fn halves_are_the_means_of_two_rows() {
        let mut page = Bitmap::new(3456);
        for _ in 0..2 {
            page.push_changes(&[0, 8, 100, 200]);
        }
        let fit = Fit::of(Profile::S, 3456, Resolution { x: 400.0, y: 400.0 });
        let limits = Limits::default();
        let half = fit.apply(page, &limits, &Budget::new(&limits)).unwrap();
        let mut expected = Bitmap::new(1728);
        expected.push_changes(&[0, 4, 50, 100]);
        assert_eq!(half, expected);
    }

    #[test]
    fn a_page_that_would_become_too_long_is_refused() {
        let mut page = Bitmap::new(8);
        page.set_rows(25_000);
        let fit = Fit::of(Profile::S, 8, Resolution { x: 20.0, y: 20.0 });
        let limits = Limits::default();
        let error = fit.apply(page, &limits, &Budget::new(&limits)).unwrap_err();
        assert!(matches!(error, MediaError::Limit(Exceeded::PageSize)), "{error}");
    }
}
