//! What drawing a page may cost, and how it is ended.
//!
//! The interpreter of PDF content takes no limits and cannot be told to stop. But whatever costs time shows at
//! our end of it: every form, path, glyph, image and clip is handed to the canvas, which counts it here. Once a
//! page has cost too much, or the stop flag is raised, the canvas unwinds through the interpreter; [`guarded`]
//! catches that, and panics of the other package as well.

use crate::limits::{Budget, Exceeded};
use crate::media::MediaError;
use std::cell::{Cell, RefCell};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

/// Steps for one page: pixels painted, edges crossed, octets of images decoded. A page of dense text takes some
/// 20 million.
const STEPS: u64 = 1_500_000_000;
/// Steps of a call, whatever it does.
const CALL: u64 = 200;
/// Steps for a form: to read its dictionary and begin its content takes longer than to draw a letter.
pub(super) const FORM: u64 = 20_000;
/// Steps for a rectangular clip.
pub(super) const CLIP: u64 = 2_000;
/// Different things said of one page.
const NOTES: usize = 8;

/// Thrown by [`Work::spend`].
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
        match (left, self.budget.check()) {
            (Some(left), Ok(())) => self.left.set(left),
            (None, _) => resume_unwind(Box::new(Stopped(Exceeded::FaxPixels))),
            (_, Err(exceeded)) => resume_unwind(Box::new(Stopped(exceeded))),
        }
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
        assert_eq!(spend(STEPS), Err(MediaError::Limit(Exceeded::FaxPixels)));
        assert_eq!(spend(u64::MAX), Err(MediaError::Limit(Exceeded::FaxPixels)));
        stop.store(true, std::sync::atomic::Ordering::Relaxed);
        assert_eq!(spend(1), Err(MediaError::Limit(Exceeded::WorkTime)));
    }

    #[test]
    fn a_panic_is_damage_in_the_input() {
        let result: Result<(), _> = guarded(|| std::panic::panic_any("as a renderer might"));
        assert!(matches!(result, Err(MediaError::Malformed { .. })));
    }
}
