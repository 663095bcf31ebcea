//! The numbers of the standard.

pub mod functions;
pub mod gains;
pub mod lsf_five;
pub mod lsf_three;
pub mod lsf_three_rest;
pub mod order;
