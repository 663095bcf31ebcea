//! What drawing a page may cost, and how it is ended.
//!
//! The interpreter of PDF content takes no limits and cannot be told to stop. But whatever costs time shows at
//! our end of it: every form, path, glyph, image and clip is handed to the canvas, which counts it here. Once a
//! page has cost too much, or the stop flag is raised, the canvas unwinds through the interpreter; [`guarded`]
//! catches that, and panics of the other package as well.
//!
//! What never reaches the canvas (content that sets the same graphics state again and again) reads objects of the
//! file, each time anew: those are counted by the [`Octets`] they are read from.

use crate::limits::{Budget, Exceeded};
use crate::media::MediaError;
use std::cell::{Cell, RefCell};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::atomic::{AtomicU64, Ordering};

/// Steps for one page: pixels painted, edges crossed, octets of images decoded. A page of dense text takes some
/// 20 million.
const STEPS: u64 = 1_500_000_000;
/// Steps of a call, whatever it does.
const CALL: u64 = 200;
/// Steps for a form: to read its dictionary and begin its content takes longer than to draw a letter.
pub(super) const FORM: u64 = 20_000;
/// Steps for a rectangular clip.
pub(super) const CLIP: u64 = 2_000;
/// Octets of objects read for one page, and to open a file: some seconds. A page takes about 100 kB.
const READ: u64 = 1 << 30;
/// The same for each octet of a file, all whose objects are read to open it.
const READ_TO_OPEN: u64 = 256;
/// Octets of the content of one page.
const CONTENT: usize = 32 << 20;
/// Octets of the content of all pages.
const CONTENTS: u64 = 4 * CONTENT as u64;
/// Different things said of one page.
const NOTES: usize = 8;

/// Thrown by [`Work::spend`] and [`Octets`].
struct Stopped(Exceeded);
/// Thrown by [`Work::give_up`].
struct GivenUp;

/// What is left for a page.
pub(super) struct Work<'b> {
    left: Cell<u64>,
    budget: &'b Budget,
    notes: RefCell<Vec<String>>,
}

impl<'b> Work<'b> {
    pub fn new(budget: &'b Budget) -> Self {
        Work { left: Cell::new(STEPS), budget, notes: RefCell::new(Vec::new()) }
    }

    /// Takes `steps` for a call; ends the page where there are not so many.
    pub fn spend(&self, steps: u64) {
        let left = self.left.get().checked_sub(steps.saturating_add(CALL));
        unwound(left.map(|left| self.left.set(left)), self.budget);
    }

    /// Ends what [`attempt`] runs.
    pub fn give_up(&self) {
        resume_unwind(Box::new(GivenUp));
    }

    /// Remembers what the page does not show as it should.
    pub fn note(&self, what: &str) {
        let mut notes = self.notes.borrow_mut();
        if notes.len() < NOTES && !notes.iter().any(|note| note == what) {
            notes.push(what.to_owned());
        }
    }

    /// What was noted.
    pub fn into_notes(self) -> Vec<String> {
        self.notes.into_inner()
    }
}

/// The octets of a file, which are asked for with every object that is read.
pub(super) struct Octets {
    octets: Vec<u8>,
    /// Octets of the longest object that may be read now.
    longest: AtomicU64,
    /// Steps for a stream that belongs to an object.
    stream: AtomicU64,
    /// Octets of objects still to be read.
    left: AtomicU64,
    /// Octets of content still to be read.
    content: AtomicU64,
    budget: Budget,
}

impl Octets {
    /// Ready for the file to be opened.
    pub fn new(octets: Vec<u8>, longest: u64, budget: &Budget) -> Self {
        let left = READ.saturating_add(READ_TO_OPEN.saturating_mul(octets.len() as u64));
        let (left, content, stream) = (left.into(), CONTENTS.into(), 0.into());
        Octets { octets, longest: longest.into(), stream, left, content, budget: budget.clone() }
    }

    /// An object came out of a look at all of them: it is the one at its place, and the places were added up before.
    pub fn met(&self) {
        self.left.fetch_add(self.longest.load(Ordering::Relaxed), Ordering::Relaxed);
    }

    /// The file is open: `longest` are the octets of the longest object that drawing may read, `largest` those of the
    /// largest stream that is no image.
    pub fn opened(&self, longest: u64, largest: u64) {
        self.longest.store(longest, Ordering::Relaxed);
        // Inflating is so much faster than reading objects.
        self.stream.store(largest / 64, Ordering::Relaxed);
    }

    /// Ready for a page.
    pub fn begin(&self) {
        self.left.store(READ, Ordering::Relaxed);
    }

    /// Takes the content of a page, which is kept as long as the file is open. Each name in it may be that of the
    /// longest object, which is read from here, or is part of what was read before.
    pub fn content(&self, content: &[u8]) {
        let names = memchr::memchr_iter(b'/', content).count() as u64;
        self.take(&self.content, content.len() as u64);
        let most = names.saturating_mul(self.longest.load(Ordering::Relaxed));
        unwound((content.len() <= CONTENT && most <= READ).then_some(()), &self.budget);
    }

    /// One thread reads a file, so nothing is between the two halves of this.
    fn take(&self, from: &AtomicU64, octets: u64) {
        let left = from.load(Ordering::Relaxed).checked_sub(octets);
        unwound(left.map(|left| from.store(left, Ordering::Relaxed)), &self.budget);
    }
}

impl AsRef<[u8]> for Octets {
    fn as_ref(&self) -> &[u8] {
        let steps = self.longest.load(Ordering::Relaxed) + self.stream.load(Ordering::Relaxed);
        self.take(&self.left, CALL + steps);
        &self.octets
    }
}

/// Unwinds where there is nothing left, or no time.
fn unwound(left: Option<()>, budget: &Budget) {
    if let Err(exceeded) = budget.check().and(left.ok_or(Exceeded::FaxWork)) {
        resume_unwind(Box::new(Stopped(exceeded)));
    }
}

/// Runs `work`, which may give up.
pub(super) fn attempt(work: impl FnOnce()) {
    if let Err(thrown) = catch_unwind(AssertUnwindSafe(work))
        && !thrown.is::<GivenUp>()
    {
        resume_unwind(thrown);
    }
}

/// Runs code of the PDF packages on untrusted input.
pub(super) fn guarded<T>(work: impl FnOnce() -> Result<T, MediaError>) -> Result<T, MediaError> {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|thrown| {
        Err(match thrown.downcast_ref() {
            Some(Stopped(exceeded)) => (*exceeded).into(),
            None => MediaError::malformed("pdf", "the renderer failed on it"),
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limits::Limits;
    use std::sync::Arc;
    use std::sync::atomic::AtomicBool;

    #[test]
    fn work_ends_at_its_bound_and_at_the_stop_flag() {
        let stop = Arc::new(AtomicBool::new(false));
        let budget = Budget::with_stop(&Limits::default(), stop.clone());
        let spend = |steps: u64| {
            guarded(|| {
                let work = Work::new(&budget);
                work.spend(steps);
                Ok(())
            })
        };
        assert_eq!(spend(STEPS - CALL), Ok(()));
        assert_eq!(spend(STEPS), Err(MediaError::Limit(Exceeded::FaxWork)));
        assert_eq!(spend(u64::MAX), Err(MediaError::Limit(Exceeded::FaxWork)));
        stop.store(true, Ordering::Relaxed);
        assert_eq!(spend(1), Err(MediaError::Limit(Exceeded::WorkTime)));
    }

    #[test]
    fn a_panic_is_damage_in_the_input() {
        let result: Result<(), _> = guarded(|| std::panic::panic_any("as a renderer might"));
        assert!(matches!(result, Err(MediaError::Malformed { .. })));
    }
}
