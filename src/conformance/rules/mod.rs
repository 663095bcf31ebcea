//! The rules, one table per subject. A new subject is one file and one line here.

mod addressing;
mod amr;
mod audio;
mod codecs;
mod contents;
mod context;
mod critical;
mod delivery;
mod directory;
mod disposition;
mod duration;
mod encoding;
mod enum_routing;
mod envelope;
mod esmtp;
mod fax;
mod fax_extended;
mod header;
mod header_mend;
mod ivm;
mod labels;
mod lookup;
mod mailbox;
mod mdn;
mod mend;
mod mime;
mod parameters;
mod permitted;
mod receiver;
mod reply;
mod report;
mod rfc2421;
mod samples;
mod status;
mod structure;
mod structure_mend;
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
        delivery::RULES,
        mdn::RULES,
        context::RULES,
        codecs::RULES,
        amr::RULES,
        addressing::RULES,
        parameters::RULES,
        critical::RULES,
        report::RULES,
        directory::RULES,
        enum_routing::RULES,
        mime::RULES,
        mailbox::RULES,
        permitted::RULES,
        encoding::RULES,
        contents::RULES,
        receiver::RULES,
        reply::RULES,
        esmtp::RULES,
        rfc2421::RULES,
    ];
    TABLES.iter().flat_map(|table| table.iter())
}

/// The rule called `id`.
pub fn find(id: &str) -> Option<&'static Rule> {
    all().find(|rule| rule.id == id)
}

#[cfg(test)]
mod duties_addressing;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod tiff_written;
