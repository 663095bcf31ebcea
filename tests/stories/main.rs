//! The stories of administrators, each from end to end: the configuration of `packaging/examples` as it is
//! shipped, a real Postfix on both sides of the daemon, and what arrives read with other people's programs.
//! `cargo test --test stories -- --nocapture` shows every message before and after.

#![allow(clippy::unwrap_used)]

#[path = "../support/mod.rs"]
mod support;

mod hospital;
mod law_firm;
mod operator;
mod pbx;
mod scene;
mod sound;
