//! The fax page that something else is drawn on: its grid of dots and its size.

use super::MediaError;
use super::geometry::{LEGAL, Resolution};
use mime::Mime;

/// Inches of the longest page: legal paper. What is longer is made smaller.
const LONGEST: f64 = 14.0;
/// How much wider than the page a document may be and lose its edge rather than be made smaller: letter paper is
/// six dots wider than a fax page.
const CUT: f64 = 1.01;

/// A page to draw on.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Sheet {
    pub resolution: Resolution,
    /// Columns: those of A4 and letter paper (RFC 2306 3.2).
    pub columns: u32,
    /// The resolution was asked for: dots of another one are not kept.
    pub asked: bool,
}

/// How a document page lies on the sheet.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Fit {
    /// Turned by 90 degrees clockwise, as it is wider than high.
    pub turned: bool,
    /// Its size against the true one.
    pub scale: f64,
    /// Columns left of it; less than none where its edges are cut.
    pub left: f64,
    pub rows: u32,
}

impl Default for Sheet {
    fn default() -> Self {
        Sheet { resolution: Resolution { x: 204.0, y: 196.0 }, columns: 1_728, asked: false }
    }
}

impl Sheet {
    /// The parameter `resolution` of a target type: `204x98` and the other resolutions of TIFF-F.
    pub fn of(target: &Mime) -> Result<Self, MediaError> {
        let Some(value) = target.get_param("resolution") else { return Ok(Sheet::default()) };
        let value = value.as_str();
        let wanted = value.split_once(['x', 'X']).and_then(|(x, y)| Some((x.parse().ok()?, y.parse().ok()?)));
        let wanted = wanted.map(|(x, y)| Resolution { x, y });
        let legal = LEGAL.iter().find(|(legal, _)| Some(*legal) == wanted);
        let (resolution, [columns, ..]) =
            legal.ok_or_else(|| MediaError::Unsupported(format!("resolution={value} of a fax")))?;
        Ok(Sheet { resolution: *resolution, columns: *columns, asked: true })
    }

    /// Fits a page of so many points (1/72 inch).
    pub fn fit(&self, width: f64, height: f64) -> Fit {
        let points = |value: f64| if value.is_finite() { value.clamp(1.0, 1e6) } else { 1.0 };
        let (width, height) = (points(width), points(height));
        let columns = f64::from(self.columns);
        let across = |points: f64| points / 72.0 * self.resolution.x;
        let turned = width > height && across(width) > columns * CUT;
        let (width, height) = if turned { (height, width) } else { (width, height) };
        let natural = across(width);
        let narrower = if natural > columns * CUT { columns / natural } else { 1.0 };
        let scale = narrower.min(LONGEST * 72.0 / height);
        let rows = (height / 72.0 * self.resolution.y * scale).round().max(1.0) as u32;
        Fit { turned, scale, left: (columns - natural * scale) / 2.0, rows }
    }
}

impl Fit {
    /// What the page loses by it, in words.
    pub fn losses(&self) -> Vec<String> {
        let mut losses = Vec::new();
        if self.turned {
            losses.push("turned, as it is wider than a fax page".to_owned());
        }
        if self.scale < 0.999 {
            losses.push(format!("made smaller to {:.0} percent to fit a fax page", self.scale * 100.0));
        }
        losses
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sheet(value: &str) -> Result<Sheet, MediaError> {
        Sheet::of(&format!("image/tiff;resolution={value}").parse().unwrap())
    }

    #[test]
    fn the_target_names_one_of_the_legal_resolutions() {
        assert_eq!(Sheet::of(&"image/tiff".parse().unwrap()).unwrap(), Sheet::default());
        let coarse = sheet("204x98").unwrap();
        assert_eq!((coarse.resolution.y, coarse.columns, coarse.asked), (98.0, 1728, true));
        assert_eq!(sheet("300x300").unwrap().columns, 2592);
        for wrong in ["204", "205x98", "0x0", "nanxnan", "fine"] {
            assert!(sheet(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn paper_of_all_sizes_fits() {
        let fit = |width, height| Sheet::default().fit(width, height);
        let a4 = fit(595.0, 842.0);
        assert_eq!((a4.turned, a4.scale, a4.rows), (false, 1.0, 2292));
        assert!((a4.left - 21.0).abs() < 1.0);
        assert!((a4.left, fit(612.0, 792.0).scale) > (0.0, 0.99), "letter keeps its size");
        assert!(fit(842.0, 595.0).turned);
        assert!((fit(842.0, 1191.0).scale - 0.724).abs() < 0.01, "A3 on A4");
        assert_eq!(fit(100.0, 100_000.0).rows, 2744);
        assert_eq!(fit(f64::NAN, -1.0).rows, 3);
        assert!(!fit(400.0, 200.0).turned, "it is not too wide");
    }
}
