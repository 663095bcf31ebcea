//! What the administrator wants: settings, routes, profiles. Values only; [`crate::config`] reads
//! them from files.

pub mod bounds;
pub mod combine;
pub mod listed;
pub mod numbers;
pub mod profile;
pub mod route;
pub mod settings;

pub use combine::{Combined, Split};
pub use numbers::NumberRule;
pub use profile::{Profile, Profiles};
pub use route::{EarlyRoute, Match, Route};
pub use settings::{Mode, Settings};
