//! stub
use super::{Route, Settings};
use crate::message::Message;
use crate::vpim::Envelope;
/// x
pub enum Combined<'s> {
    /// a
    One(&'s Route),
    /// a
    None,
    /// a
    Conflict,
}
/// x
pub fn combine<'s>(settings: &'s Settings, _e: &Envelope, _m: &Message<'_>) -> Combined<'s> {
    settings.routes.first().map_or(Combined::None, Combined::One)
}
