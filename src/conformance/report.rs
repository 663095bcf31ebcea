//! Findings and parts as an administrator or a program reads them.
