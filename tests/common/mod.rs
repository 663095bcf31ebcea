//! Shared by the integration tests.
#![allow(dead_code, clippy::unwrap_used)]

pub mod fax;
pub mod judge;
pub mod pages;
pub mod pdf;
pub mod programs;
