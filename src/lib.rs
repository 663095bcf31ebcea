//! vpim-milter judges voice and fax mail in transit and rewrites it for the system that receives it.
//!
//! The library is the program; `src/main.rs` only hands the command line to [`cli`]. See
//! ARCHITECTURE.md for the map. Arrows between modules point one way; the core (everything but
//! [`milter`], [`probe`], [`config`] files and [`cli`]) takes bytes and gives values: it opens no
//! file and no socket and reads no clock.
//!
//! Citations in comments name the RFC and its section: `RFC 3801 4.2.10`.
#![forbid(unsafe_code)]

pub mod cli;
pub mod config;
pub mod conformance;
pub mod directory;
pub mod engine;
pub mod limits;
pub mod media;
pub mod message;
pub mod milter;
pub mod plan;
pub mod policy;
pub mod probe;
pub mod samples;
pub mod socket;
pub mod vpim;
