//! The rules, one table per subject. A new subject is one file and one line here.

use super::rule::Rule;

/// All rules in the order of the tables.
pub fn all() -> impl Iterator<Item = &'static Rule> {
    const TABLES: &[&[Rule]] = &[];
    TABLES.iter().flat_map(|table| table.iter())
}
