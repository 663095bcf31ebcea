//! What a person sees of a body in a report: the shape of a sound, small pictures of fax pages.
//!
//! Both are bounded whatever the input: so many columns, so many pages of so many pixels. They travel
//! as octets of [`Output`] like every other result of a job: a sound as two octets a column (lowest
//! and highest sample, signed), pages as binary PGM one behind the other.

use super::{Facts, Output};

/// Columns of a waveform.
pub(super) const COLUMNS: usize = 600;
/// Pages shown of a fax; more are counted only.
pub(super) const PAGES: usize = 40;
/// Pixels of a thumbnail from left to right.
pub(super) const PAGE_WIDTH: u32 = 320;
/// Pixels of a thumbnail from top to bottom, for a page of any length.
pub(super) const PAGE_HEIGHT: u32 = 1_280;

/// A preview.
#[derive(Clone, Debug, PartialEq)]
pub enum Preview {
    /// Lowest and highest sample of equal pieces of a sound, in 1/128 of full scale.
    Waveform(Vec<(i8, i8)>),
    /// The first pages of a fax.
    Pages(Vec<Thumbnail>),
}

/// A page in grey.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Thumbnail {
    /// Pixels in a row.
    pub width: u32,
    /// Rows.
    pub height: u32,
    /// One octet a pixel, 0 black, row by row from the top.
    pub grey: Vec<u8>,
}

impl Preview {
    /// The preview in the output of [`super::Job::Preview`].
    pub fn of(output: &Output) -> Preview {
        match output.report.facts {
            Facts::Audio(_) => {
                let pairs = output.bytes.as_chunks().0;
                Preview::Waveform(pairs.iter().map(|&[low, high]| (low as i8, high as i8)).collect())
            }
            Facts::Fax(_) => Preview::Pages(pages(&output.bytes)),
        }
    }
}

/// A waveform as octets.
pub(super) fn waveform(extremes: &[(i16, i16)]) -> Vec<u8> {
    let coarse = |sample: i16| (sample >> 8) as u8;
    extremes.iter().flat_map(|&(low, high)| [coarse(low), coarse(high)]).collect()
}

/// A page as binary PGM.
pub(super) fn pgm(page: &Thumbnail) -> Vec<u8> {
    let mut out = format!("P5\n{} {}\n255\n", page.width, page.height).into_bytes();
    out.extend_from_slice(&page.grey);
    out
}

/// Reads what [`pgm`] wrote.
fn pages(mut bytes: &[u8]) -> Vec<Thumbnail> {
    let mut pages = Vec::new();
    while let Some((page, rest)) = first_page(bytes) {
        pages.push(page);
        bytes = rest;
    }
    pages
}

fn first_page(bytes: &[u8]) -> Option<(Thumbnail, &[u8])> {
    let rest = bytes.strip_prefix(b"P5\n")?;
    let (size, rest) = rest.split_at_checked(memchr::memchr(b'\n', rest)?)?;
    let rest = rest.strip_prefix(b"\n255\n")?;
    let (width, height) = std::str::from_utf8(size).ok()?.split_once(' ')?;
    let (width, height): (u32, u32) = (width.parse().ok()?, height.parse().ok()?);
    let pixels = usize::try_from(u64::from(width) * u64::from(height)).ok()?;
    let (grey, rest) = rest.split_at_checked(pixels)?;
    Some((Thumbnail { width, height, grey: grey.to_vec() }, rest))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limits::{Budget, Exceeded, Limits};
    use crate::media::{Job, MediaError, run};

    fn preview(declared: &str, input: &[u8], limits: &Limits) -> Result<Preview, MediaError> {
        let job = Job::Preview { declared: declared.parse().unwrap() };
        run(&job, input, limits, &mut Budget::new(limits)).map(|output| Preview::of(&output))
    }

    fn samples(of: impl IntoIterator<Item = i16>) -> Vec<u8> {
        of.into_iter().flat_map(i16::to_le_bytes).collect()
    }

    #[test]
    fn a_waveform_has_the_shape_of_the_sound() {
        // A second of silence, then a second at half scale.
        let sound = samples((0..16_000).map(|n| match (n < 8_000, n % 2) {
            (true, _) => 0,
            (_, 0) => 16_384,
            _ => -16_384,
        }));
        let Preview::Waveform(wave) = preview("audio/x-s16le;rate=8000", &sound, &Limits::default()).unwrap()
        else {
            panic!("no waveform");
        };
        assert_eq!(wave.len(), COLUMNS);
        assert!(wave[..COLUMNS / 2].iter().all(|piece| *piece == (0, 0)));
        assert!(wave[COLUMNS / 2..].iter().all(|piece| *piece == (-64, 64)));
    }

    #[test]
    fn short_and_empty_sounds_have_short_waveforms() {
        let limits = Limits::default();
        let wave = |of: &[i16]| preview("audio/x-s16le;rate=8000", &samples(of.iter().copied()), &limits);
        // The shortest span is 2.5 ms.
        assert_eq!(wave(&[256, -256]).unwrap(), Preview::Waveform(vec![(-1, 1)]));
        assert_eq!(wave(&[]).unwrap(), Preview::Waveform(Vec::new()));
    }

    #[test]
    fn previews_are_paid_from_the_budget() {
        let limits = Limits { audio_seconds: 1, ..Limits::default() };
        let long = samples(std::iter::repeat_n(1, 20_000));
        let error = preview("audio/x-s16le;rate=8000", &long, &limits).unwrap_err();
        assert_eq!(error, MediaError::Limit(Exceeded::AudioSeconds));
    }

    #[test]
    fn pages_written_are_pages_read() {
        let page = Thumbnail { width: 2, height: 1, grey: vec![b'\n', b'P'] };
        let two = [pgm(&page), pgm(&page)].concat();
        assert_eq!(pages(&two), [page.clone(), page]);
        assert_eq!(pages(b"P5\n99999 99999\n255\nx"), []);
    }
}
