//! The rules, one table per subject. A new subject is one file and one line here.

mod audio;
mod context;
mod disposition;
mod duration;
mod envelope;
mod fax;
mod fax_extended;
mod header;
mod ivm;
mod lookup;
mod mime;
mod notification;
mod samples;
mod structure;
mod tiff;
mod tiff_f;
mod tiff_f_data;
mod tiff_fields;
mod tiff_s;
mod tiff_samples;
mod vpim1;

use super::rule::Rule;

/// All rules in the order of the tables.
pub fn all() -> impl Iterator<Item = &'static Rule> {
    static TABLES: &[&[Rule]] = &[
        envelope::RULES,
        header::RULES,
        structure::RULES,
        disposition::RULES,
        audio::RULES,
        duration::RULES,
        tiff::RULES,
        tiff_f::RULES,
        tiff_f_data::RULES,
        tiff_s::RULES,
        vpim1::RULES,
        ivm::RULES,
        fax::RULES,
        fax_extended::RULES,
        notification::RULES,
        context::RULES,
        mime::RULES,
    ];
    TABLES.iter().flat_map(|table| table.iter())
}

/// The rule called `id`.
pub fn find(id: &str) -> Option<&'static Rule> {
    all().find(|rule| rule.id == id)
}

#[cfg(test)]
mod tests;
#[cfg(test)]
mod tiff_written;
