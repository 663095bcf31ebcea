//! The pixels of a page: its strips decoded one below the other, at the width its lines have.

use super::bitmap::Bitmap;
use super::ccitt;
use super::geometry::LEGAL;
use super::page::{Page, Storage, note};
use crate::limits::{Budget, Limits};
use crate::media::MediaError;
use std::borrow::Cow;

impl<'a> Page<'a> {
    /// The pixels as seen on paper, 1 = black. `losses` says what had to be made up.
    pub fn decode(
        &self,
        limits: &Limits,
        budget: &mut Budget,
        losses: &mut Vec<String>,
    ) -> Result<Bitmap, MediaError> {
        if let Some(drawn) = &self.drawn {
            drawn.losses.iter().for_each(|loss| note(losses, format!("page {}: {loss}", self.number)));
            return Ok(drawn.bitmap.clone());
        }
        let mut said = Vec::new();
        let (mut bitmap, whole) = self.decode_at(self.width, limits, budget, &mut said)?;
        if !whole && let Some(width) = self.true_width(limits, budget)? {
            said.clear();
            bitmap = self.decode_at(width, limits, budget, &mut said)?.0;
            let (number, claimed) = (self.number, self.width);
            note(
                losses,
                format!("page {number}: its lines have {width} columns, not {claimed} as ImageWidth says"),
            );
        }
        said.into_iter().for_each(|loss| note(losses, loss));
        if self.inverted {
            bitmap.invert();
        }
        Ok(bitmap)
    }

    /// The pixels as lines of `width` columns, and whether no line was damaged.
    fn decode_at(
        &self,
        width: u32,
        limits: &Limits,
        budget: &mut Budget,
        losses: &mut Vec<String>,
    ) -> Result<(Bitmap, bool), MediaError> {
        let mut bitmap = Bitmap::new(width);
        // Where the length is unknown the data says it, up to what a page may be.
        let longest = limits.page_pixels / u64::from(width.max(1));
        let longest = u32::try_from(longest).unwrap_or(u32::MAX).min(limits.fax_rows);
        let rows = self.length.unwrap_or(longest);
        let (mut done, mut whole) = (0, true);
        for strip in &self.strips {
            budget.check()?;
            let wanted = self.rows_per_strip.min(rows - done);
            if wanted == 0 {
                break;
            }
            whole &= self.decode_strip(strip, wanted, &mut bitmap, losses);
            done += wanted;
            if self.length.is_some() {
                bitmap.set_rows(done as usize);
            }
        }
        self.complete(&mut bitmap, done, budget, losses)?;
        Ok((bitmap, whole))
    }

    /// The width of TIFF-F at which every line is right, where ImageWidth is another.
    fn true_width(&self, limits: &Limits, budget: &Budget) -> Result<Option<u32>, MediaError> {
        let (Storage::Ccitt(scheme), Some(length)) = (self.storage, self.length) else { return Ok(None) };
        let strips: Vec<Cow<'_, [u8]>> = self.strips.iter().map(|strip| self.upright(strip)).collect();
        let widths = LEGAL.iter().flat_map(|(_, widths)| widths).copied();
        let possible = |&width: &u32| {
            width != self.width
                && width <= limits.fax_width
                && u64::from(width) * u64::from(length) <= limits.page_pixels
        };
        let mut tried = Vec::new();
        for width in widths.filter(possible) {
            budget.check()?;
            if tried.contains(&width) {
                continue;
            }
            tried.push(width);
            let mut left = length;
            let right = strips.iter().all(|strip| {
                let wanted = self.rows_per_strip.min(left);
                left -= wanted;
                ccitt::count(strip, scheme, width, wanted as usize) == Some(wanted)
            });
            // A single line is right at many widths.
            if right && left == 0 && length > 1 {
                return Ok(Some(width));
            }
        }
        Ok(None)
    }

    /// Adds the rows of a strip; false where some were damaged or missing.
    fn decode_strip(
        &self,
        strip: &'a [u8],
        wanted: u32,
        bitmap: &mut Bitmap,
        losses: &mut Vec<String>,
    ) -> bool {
        let mut lose = |what: String| note(losses, format!("page {}: {what}", self.number));
        let Storage::Ccitt(scheme) = self.storage else {
            let (stride, octets) = ((self.width as usize).div_ceil(8), self.upright(strip));
            octets.chunks(stride).take(wanted as usize).for_each(|row| bitmap.push_packed(row));
            let rows = octets.len() / stride.max(1);
            if self.length.is_some() && rows < wanted as usize {
                lose(format!("data ends after {rows} of {wanted} rows of a strip; the rest is white"));
            }
            return true;
        };
        let found = ccitt::decode(&self.upright(strip), scheme, wanted as usize, bitmap);
        if found.mislabelled {
            lose("coded data is not of the kind its tags say".into());
        }
        if found.damaged > 0 {
            lose(format!("{} damaged rows concealed", found.damaged));
        }
        if self.length.is_some() && found.rows < wanted as usize {
            let why = if found.broken { "coded data breaks off" } else { "coded data ends" };
            lose(format!("{why} after {} of {wanted} rows of a strip; the rest is white", found.rows));
        }
        found.damaged == 0 && !found.broken && found.rows >= wanted as usize
    }

    /// Makes the page as long as its directory says, or takes the rows found where it says nothing.
    fn complete(
        &self,
        bitmap: &mut Bitmap,
        done: u32,
        budget: &mut Budget,
        losses: &mut Vec<String>,
    ) -> Result<(), MediaError> {
        match self.length {
            Some(length) => {
                if done < length {
                    let missing = length - done;
                    note(losses, format!("page {}: {missing} rows have no strip and are white", self.number));
                }
                bitmap.set_rows(length as usize);
            }
            None if bitmap.rows() == 0 => {
                let reason = format!("page {} has no ImageLength and no rows", self.number);
                return Err(MediaError::malformed("tiff", reason));
            }
            None => {
                let pixels = bitmap.rows() as u64 * u64::from(bitmap.width());
                budget.page(pixels)?;
                note(losses, format!("page {}: no ImageLength, {} rows found", self.number, bitmap.rows()));
            }
        }
        Ok(())
    }
}
