//! How large a page is on paper.
//!
//! Fax pixels are seldom square (204 x 98, 204 x 196 dots per inch), so both axes count; a page shown with one
//! of them looks squashed. Resolutions are written in inches and centimetres, rounded in many ways, with the
//! unit "none" (only the ratio is meant, TIFF 6.0 ResolutionUnit), as zero, or not at all.

use super::PageFacts;

/// Dots per inch.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Resolution {
    pub x: f64,
    pub y: f64,
}

/// What a scanner or fax can have; other values are errors.
const PLAUSIBLE: std::ops::RangeInclusive<f64> = 20.0..=2540.0;

/// Resolutions of TIFF-F in dots per inch, with the widths that go with them (RFC 2306 3.2).
pub(super) const LEGAL: [(Resolution, [u32; 3]); 8] = [
    (Resolution { x: 204.0, y: 98.0 }, [1728, 2048, 2432]),
    (Resolution { x: 204.0, y: 196.0 }, [1728, 2048, 2432]),
    (Resolution { x: 204.0, y: 391.0 }, [1728, 2048, 2432]),
    (Resolution { x: 200.0, y: 100.0 }, [1728, 2048, 2432]),
    (Resolution { x: 200.0, y: 200.0 }, [1728, 2048, 2432]),
    (Resolution { x: 300.0, y: 300.0 }, [2592, 3072, 3648]),
    (Resolution { x: 408.0, y: 391.0 }, [3456, 4096, 4864]),
    (Resolution { x: 400.0, y: 400.0 }, [3456, 4096, 4864]),
];

impl Resolution {
    /// The resolution a page means.
    pub fn of(facts: &PageFacts) -> Self {
        let unit = match facts.resolution_unit {
            // The default is inches (TIFF 6.0).
            None | Some(2) => Some(1.0),
            Some(3) => Some(2.54),
            _ => None,
        };
        let inferred = Self::inferred(facts.width, facts.length);
        let value = |written: Option<f64>| written.filter(|&value| value > 0.0);
        let (x, y) = (value(facts.x_resolution), value(facts.y_resolution));
        match unit {
            Some(unit) => {
                let plausible = |v: Option<f64>| v.map(|v| v * unit).filter(|v| PLAUSIBLE.contains(v));
                match (plausible(x), plausible(y)) {
                    (Some(x), Some(y)) => Resolution { x, y },
                    (Some(x), None) => Resolution { x, y: x * inferred.y / inferred.x },
                    (None, Some(y)) => Resolution { x: inferred.x, y },
                    (None, None) => inferred,
                }
            }
            // Without a unit the two values only say the shape of a pixel.
            None => match (x, y) {
                (Some(x), Some(y)) if PLAUSIBLE.contains(&(inferred.x * y / x)) => {
                    Resolution { x: inferred.x, y: inferred.x * y / x }
                }
                _ => inferred,
            },
        }
    }

    /// Of a page turned by a quarter.
    pub fn turned(self) -> Self {
        Resolution { x: self.y, y: self.x }
    }

    /// What a fax page of that size most likely is: the width tells the columns per inch (RFC 2306 3.2), and
    /// of the line densities the one is taken that makes it about as long as a sheet. Short pages count as
    /// fine, the default of TIFF-F readers.
    fn inferred(width: u32, length: u32) -> Self {
        let (x, y) = match width {
            2592 | 3072 | 3648 => (300.0, 300.0),
            3456 | 4096 | 4864 => (408.0, 391.0),
            // 9.7 to 14.8 inches at 98 lines: A4, letter, legal.
            _ if (950..=1450).contains(&length) => (204.0, 98.0),
            _ if length > 3200 => (204.0, 391.0),
            _ => (204.0, 196.0),
        };
        Resolution { x, y }
    }

    /// The legal resolution of TIFF-F within a few percent (200 x 100 for 204 x 98 has always been used, and
    /// metric values are rounded in many ways), the nearest first, with its widths.
    pub fn legal(self) -> Option<&'static (Resolution, [u32; 3])> {
        let off = |legal: &Resolution| (self.x / legal.x - 1.0).abs() + (self.y / legal.y - 1.0).abs();
        LEGAL
            .iter()
            .filter(|(legal, _)| off(legal) < 0.08)
            .min_by(|(one, _), (other, _)| off(one).total_cmp(&off(other)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(x: f64, y: f64, unit: Option<u16>, width: u32, length: u32) -> (f64, f64) {
        let facts = PageFacts {
            width,
            length,
            x_resolution: Some(x),
            y_resolution: Some(y),
            resolution_unit: unit,
            ..PageFacts::default()
        };
        let found = Resolution::of(&facts);
        (found.x.round(), found.y.round())
    }

    #[test]
    fn inches_centimetres_ratios_and_nonsense_are_understood() {
        assert_eq!(of(204.0, 98.0, Some(2), 1728, 1145), (204.0, 98.0));
        assert_eq!(of(204.0, 98.0, None, 1728, 1145), (204.0, 98.0));
        assert_eq!(of(80.31, 38.5, Some(3), 1728, 1145), (204.0, 98.0));
        assert_eq!(of(1.0, 1.0, Some(1), 1728, 2291), (204.0, 204.0));
        assert_eq!(of(0.0, 0.0, Some(2), 1728, 1145), (204.0, 98.0));
        assert_eq!(of(1e9, 1e-9, Some(2), 1728, 2291), (204.0, 196.0));
        assert_eq!(of(0.0, 0.0, Some(2), 1728, 4600), (204.0, 391.0));
        assert_eq!(of(0.0, 0.0, Some(9), 2592, 3300), (300.0, 300.0));
    }

    #[test]
    fn rounded_resolutions_find_their_legal_neighbour() {
        let legal = |x, y| Resolution { x, y }.legal().map(|(legal, _)| (legal.x, legal.y));
        assert_eq!(legal(203.99, 97.79), Some((204.0, 98.0)));
        assert_eq!(legal(200.0, 100.0), Some((200.0, 100.0)));
        assert_eq!(legal(200.0, 200.0), Some((200.0, 200.0)));
        assert_eq!(legal(204.0, 195.58), Some((204.0, 196.0)));
        assert_eq!(legal(203.0, 391.0), Some((204.0, 391.0)));
        assert_eq!(legal(150.0, 150.0), None);
    }
}
