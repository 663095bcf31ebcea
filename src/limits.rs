//! What one message may cost: the numbers ([`Limits`]) and what is left of them ([`Budget`]).
//!
//! Work is counted in units the input cannot lie about (samples produced, pixels produced, bytes
//! written), never in lengths the input claims. Time is not read here: the caller that owns a clock
//! raises the stop flag of the budget, and every loop over input asks [`Budget::check`].

use serde::{Deserialize, Serialize};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Bounds for one message. Every number can be set in `[limits]`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Limits {
    /// Octets of a message we hold; a larger one passes untouched.
    pub message_bytes: usize,
    /// Octets of all header fields together.
    pub header_bytes: usize,
    /// Octets of one header field.
    pub header_field_bytes: usize,
    /// Header fields of one entity.
    pub header_fields: usize,
    /// Nesting of entities.
    pub mime_depth: usize,
    /// Entities of one message.
    pub mime_parts: usize,
    /// Recipients of one transaction.
    pub recipients: usize,
    /// Audio and fax bodies decoded of one message.
    pub media_parts: u32,
    /// Seconds of audio decoded of one message (counted at 8000 samples a second).
    pub audio_seconds: u32,
    /// Fax pages of one message.
    pub fax_pages: u32,
    /// Columns of a fax page.
    pub fax_width: u32,
    /// Scan lines of a fax page.
    pub fax_rows: u32,
    /// Pixels of one fax page.
    pub page_pixels: u64,
    /// Pixels of all fax pages of one message.
    pub fax_pixels: u64,
    /// Strips of one fax page.
    pub fax_strips: u32,
    /// Octets that conversions of one message may write.
    pub output_bytes: u64,
    /// Wall-clock milliseconds for a message at end of data.
    pub work_ms: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            message_bytes: 64 << 20,
            header_bytes: 1 << 20,
            header_field_bytes: 128 << 10,
            header_fields: 10_000,
            mime_depth: 64,
            mime_parts: 2_000,
            recipients: 10_000,
            media_parts: 50,
            audio_seconds: 7_200,
            fax_pages: 500,
            fax_width: 10_000,
            fax_rows: 30_000,
            page_pixels: 100_000_000,
            fax_pixels: 2_000_000_000,
            fax_strips: 4_096,
            output_bytes: 256 << 20,
            work_ms: 20_000,
        }
    }
}

/// The limit that a message ran into.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[allow(missing_docs)]
pub enum Exceeded {
    #[error("more audio and fax bodies than limits.media_parts")]
    MediaParts,
    #[error("more audio than limits.audio_seconds")]
    AudioSeconds,
    #[error("more fax pages than limits.fax_pages")]
    FaxPages,
    #[error("a fax page larger than limits.fax_width, fax_rows, page_pixels or fax_strips")]
    PageSize,
    #[error("more fax pixels than limits.fax_pixels")]
    FaxPixels,
    #[error("more work than a fax document is worth")]
    FaxWork,
    #[error("more output than limits.output_bytes")]
    OutputBytes,
    #[error("no time left within limits.work_ms")]
    WorkTime,
}

/// The work still allowed for one message. Spending more than is left is an error, not a panic.
#[derive(Clone, Debug)]
pub struct Budget {
    media_parts: u32,
    samples: u64,
    pages: u32,
    pixels: u64,
    output_bytes: u64,
    stop: Arc<AtomicBool>,
}

impl Budget {
    /// A full budget whose stop flag nobody raises.
    pub fn new(limits: &Limits) -> Self {
        Self::with_stop(limits, Arc::new(AtomicBool::new(false)))
    }

    /// A full budget that ends as soon as `stop` is true.
    pub fn with_stop(limits: &Limits, stop: Arc<AtomicBool>) -> Self {
        Budget {
            media_parts: limits.media_parts,
            samples: u64::from(limits.audio_seconds) * 8_000,
            pages: limits.fax_pages,
            pixels: limits.fax_pixels,
            output_bytes: limits.output_bytes,
            stop,
        }
    }

    /// Fails once the stop flag is raised. Cheap: ask it in every loop over input.
    pub fn check(&self) -> Result<(), Exceeded> {
        if self.stop.load(Ordering::Relaxed) { Err(Exceeded::WorkTime) } else { Ok(()) }
    }

    /// Takes one audio or fax body.
    pub fn media_part(&mut self) -> Result<(), Exceeded> {
        self.check()?;
        self.media_parts = self.media_parts.checked_sub(1).ok_or(Exceeded::MediaParts)?;
        Ok(())
    }

    /// Takes `n` decoded samples (of all channels together).
    pub fn samples(&mut self, n: usize) -> Result<(), Exceeded> {
        self.check()?;
        self.samples = self.samples.checked_sub(n as u64).ok_or(Exceeded::AudioSeconds)?;
        Ok(())
    }

    /// Takes one fax page of `pixels`.
    pub fn page(&mut self, pixels: u64) -> Result<(), Exceeded> {
        self.check()?;
        self.pages = self.pages.checked_sub(1).ok_or(Exceeded::FaxPages)?;
        self.pixels = self.pixels.checked_sub(pixels).ok_or(Exceeded::FaxPixels)?;
        Ok(())
    }

    /// Takes `n` octets of output.
    pub fn output(&mut self, n: usize) -> Result<(), Exceeded> {
        self.check()?;
        self.output_bytes = self.output_bytes.checked_sub(n as u64).ok_or(Exceeded::OutputBytes)?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spending_beyond_the_budget_names_the_limit() {
        let limits = Limits { audio_seconds: 1, fax_pages: 1, output_bytes: 10, ..Limits::default() };
        let mut budget = Budget::new(&limits);
        assert_eq!(budget.samples(8_000), Ok(()));
        assert_eq!(budget.samples(1), Err(Exceeded::AudioSeconds));
        assert_eq!(budget.page(5), Ok(()));
        assert_eq!(budget.page(5), Err(Exceeded::FaxPages));
        assert_eq!(budget.output(11), Err(Exceeded::OutputBytes));
    }

    #[test]
    fn the_stop_flag_ends_all_spending() {
        let stop = Arc::new(AtomicBool::new(false));
        let mut budget = Budget::with_stop(&Limits::default(), stop.clone());
        assert_eq!(budget.output(1), Ok(()));
        stop.store(true, Ordering::Relaxed);
        assert_eq!(budget.check(), Err(Exceeded::WorkTime));
        assert_eq!(budget.samples(0), Err(Exceeded::WorkTime));
    }
}
