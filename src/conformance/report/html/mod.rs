//! One page for people who do not live among RFCs: to read, print, and send to the other side's
//! support.
//!
//! The page is complete in itself: no script, nothing loaded, and a policy that forbids both should a
//! mistake of ours ever let one in. Everything from the message goes through `escaped`, stands in
//! element contents only, never in an attribute, a style or an address, and is isolated from the text
//! around it (`bdi`), so that it can neither become markup nor reorder what is said about it.
//!
//! Bounded: findings are (per rule), pages and columns of previews are, rows of the tree and the
//! length of a value here.

mod escape;
mod media;

use super::{Excerpt, FindingReport, Report};
use crate::limits::{Budget, Limits};
use crate::message::value;
use crate::vpim::Survey;
use escape::{bdi, escaped};
use std::fmt::Write as _;

/// What the browser may do for this page: use its own style and the pictures in it, nothing else.
const POLICY: &str =
    "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'";

const STYLE: &str = include_str!("style.css");

/// Rows of the tree shown.
const TREE_ROWS: usize = 400;
/// Indents shown of the tree.
const TREE_DEPTH: usize = 16;

/// The beginning of the page.
pub fn head() -> String {
    format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"{POLICY}\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"referrer\" content=\"no-referrer\">\n\
         <title>Voice and fax mail report</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n<main>\n"
    )
}

/// The end of the page.
pub fn tail() -> String {
    format!(
        "<footer>Made by {} {}. This page is complete: it runs no script and loads nothing from the \
         network.</footer>\n</main>\n</body>\n</html>\n",
        env!("CARGO_PKG_NAME"),
        env!("CARGO_PKG_VERSION")
    )
}

/// The report on one message. `budget` pays for the previews.
pub fn article(report: &Report, survey: &Survey<'_>, limits: &Limits, budget: &mut Budget) -> String {
    let mut out = format!(
        "<article>\n<p class=\"soft\">Voice and fax mail report</p>\n<h1>{}</h1>\n",
        bdi(&report.file)
    );
    out.push_str(&verdict(report));
    out.push_str(&about(survey));
    out.push_str(&media::section(report, survey, limits, budget));
    out.push_str(&findings(report));
    out.push_str(&tree(report, survey));
    out.push_str("</article>\n");
    out
}

/// What a class is to people.
fn profile_in_words(profile: &str) -> &'static str {
    match profile {
        "vpim2" => "VPIM version 2 (RFC 3801)",
        "vpim2-rfc2421" => "VPIM version 2 as of 1998 (RFC 2421)",
        "vpim1" => "VPIM version 1 (RFC 1911)",
        "ivm" => "Internet Voice Messaging (RFC 4239)",
        "fax" => "Internet fax (RFC 3965)",
        _ => "no profile of voice or fax mail",
    }
}

fn verdict(report: &Report) -> String {
    let count = |must: bool| {
        report.findings.iter().filter(|f| kind(f.level) == if must { "must" } else { "should" }).count()
    };
    let (musts, shoulds) = (count(true), count(false));
    let name = profile_in_words(report.profile);
    let (class, sentence) = match (report.profile, report.conformant) {
        ("none", _) => ("", "This message is neither voice nor fax mail.".to_owned()),
        ("voice-other", _) => {
            ("bad", "This message carries voice or fax, but follows no profile for it.".to_owned())
        }
        (_, true) => ("good", format!("This message conforms to {name}.")),
        (_, false) => ("bad", format!("This message does not conform to {name}.")),
    };
    let mut out = format!("<div class=\"card verdict {class}\">\n<p><strong>{sentence}</strong></p>\n");
    if report.profile != "none" {
        let _ = writeln!(
            out,
            "<p>{} {}</p>",
            counted(musts, "requirement is broken", "requirements are broken"),
            counted(shoulds, "recommendation is not followed", "recommendations are not followed")
        );
    }
    if let Some((first, marks)) = report.why.split_first() {
        let _ = write!(out, "<p class=\"soft\">Judged so because of: {}", bdi(first));
        marks.iter().for_each(|mark| {
            let _ = write!(out, "; {}", bdi(mark));
        });
        out.push_str("</p>\n");
    }
    if let Some(sender) = &report.sender {
        let _ = writeln!(out, "<p class=\"soft\">{}</p>", bdi(&super::sender_text(sender)));
    }
    out.push_str("</div>\n");
    out
}

fn counted(n: usize, one: &str, many: &str) -> String {
    match n {
        0 => format!("No {one}."),
        1 => format!("1 {one}."),
        n => format!("{n} {many}."),
    }
}

/// Who sent what to whom.
fn about(survey: &Survey<'_>) -> String {
    let message = survey.message;
    let mut rows = String::new();
    for name in ["From", "To", "Date", "Subject", "Message-ID"] {
        if let Some(octets) = message.value(message.root(), name) {
            let text = if name == "Subject" { value::text(octets) } else { value::unfolded(octets) };
            let _ = writeln!(rows, "<dt>{name}</dt><dd>{}</dd>", bdi(&text));
        }
    }
    let _ = writeln!(rows, "<dt>Size</dt><dd>{} octets</dd>", message.raw().len());
    format!("<div class=\"card\">\n<h3>The message</h3>\n<dl>\n{rows}</dl>\n</div>\n")
}

/// The three kinds of requirement.
fn kind(level: &str) -> &'static str {
    match level {
        "MUST" | "MUST NOT" => "must",
        "SHOULD" | "SHOULD NOT" => "should",
        _ => "may",
    }
}

fn findings(report: &Report) -> String {
    if report.findings.is_empty() {
        return match report.profile {
            "none" => String::new(),
            _ => "<h2>Findings</h2>\n<p>None.</p>\n".to_owned(),
        };
    }
    let mut out = "<h2>Findings</h2>\n<p class=\"soft\">MUST: the standard requires it, and other systems \
        may refuse the message or lose part of it. SHOULD: the standard recommends it. The marked text is \
        where the message shows it.</p>\n"
        .to_owned();
    // Requirements first, each kind in the order of the message.
    for wanted in ["must", "should", "may"] {
        report.findings.iter().filter(|f| kind(f.level) == wanted).for_each(|f| out.push_str(&finding(f)));
    }
    out
}

fn finding(finding: &FindingReport) -> String {
    let kind = kind(finding.level);
    let mut out = format!(
        "<section class=\"card finding {kind}\">\n<h3><span class=\"level\">{}</span> {}</h3>\n",
        finding.level,
        bdi(&finding.message)
    );
    let _ = writeln!(out, "<p class=\"soft\">{}</p>", bdi(&finding.place()));
    if let Some(excerpt) = &finding.excerpt {
        out.push_str(&excerpt_lines(excerpt));
    }
    let _ = writeln!(
        out,
        "<p>The rule: {} <span class=\"soft\">(<a href=\"{}\" rel=\"noreferrer noopener\">RFC {} section {}</a>, \
         rule {})</span></p>",
        escaped(finding.text),
        escaped(&super::sarif::rfc_uri(finding.rfc, finding.section)),
        finding.rfc,
        escaped(finding.section),
        escaped(finding.rule)
    );
    let repair =
        if finding.repairable { " <span class=\"soft\">(can be repaired in transit)</span>" } else { "" };
    let _ = writeln!(
        out,
        "<p class=\"remedy\"><strong>What to do:</strong> {}{repair}</p>\n</section>",
        escaped(finding.remedy)
    );
    out
}

fn excerpt_lines(excerpt: &Excerpt) -> String {
    let digits = excerpt.lines.last().map_or(1, |l| l.number.to_string().len()).max(3);
    let mut out = "<pre>".to_owned();
    for line in &excerpt.lines {
        // The mark is kept where it is empty: something is missing here.
        let marked = if line.marked.is_empty() { "&#8203;".to_owned() } else { escaped(&line.marked) };
        let _ = writeln!(
            out,
            "<span class=\"n\">{:>digits$} | </span><bdi>{}<mark>{marked}</mark>{}</bdi>",
            line.number,
            escaped(&line.before),
            escaped(&line.after)
        );
    }
    out.push_str("</pre>\n");
    out
}

/// Every entity of the message, indented as they are nested.
fn tree(report: &Report, survey: &Survey<'_>) -> String {
    let message = survey.message;
    let mut out = "<h2>Structure</h2>\n<div class=\"card scroll\">\n<table>\n<tr><th>Type</th><th>Part</th>\
        <th>Found in it</th><th>Octets</th><th>Findings</th></tr>\n"
        .to_owned();
    for (id, entity) in message.entities().take(TREE_ROWS) {
        let depth = message.lineage(id).count().saturating_sub(1).min(TREE_DEPTH);
        let part = message.part_number(id);
        let found = survey.bodies.iter().position(|b| b.entity == id).and_then(|n| report.parts.get(n));
        let details = found.map(|part| part.details().join(", ")).unwrap_or_default();
        let findings = report.findings.iter().filter(|f| f.part == part).count();
        let findings = if findings == 0 { String::new() } else { findings.to_string() };
        let _ = writeln!(
            out,
            "<tr><td class=\"tree\" style=\"--depth:{depth}\">{}</td><td>{}</td><td>{}</td><td>{}</td><td>{findings}</td></tr>",
            bdi(&entity.content_type.essence()),
            escaped(part.as_deref().unwrap_or("")),
            bdi(&details),
            entity.body.len()
        );
    }
    out.push_str("</table>\n");
    let more = message.entities().count().saturating_sub(TREE_ROWS);
    if more > 0 {
        let _ = writeln!(out, "<p class=\"soft\">and {more} more</p>");
    }
    out.push_str("</div>\n");
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::Message;
    use crate::vpim::Envelope;

    fn page(raw: &[u8]) -> String {
        let limits = Limits::default();
        let message = Message::parse(raw, &limits);
        let envelope = Envelope::default();
        let survey = Survey::new(&message, &envelope, None, &limits, &mut Budget::new(&limits));
        let report = Report::new("<i>m</i>.eml", &survey, &crate::conformance::judge(&survey));
        head() + &article(&report, &survey, &limits, &mut Budget::new(&limits)) + &tail()
    }

    #[test]
    fn the_page_forbids_scripts_and_loads_before_anything_else() {
        let page = page(b"Subject: x\n\ny\n");
        let policy = page.find("Content-Security-Policy").unwrap();
        assert!(policy < page.find("<style>").unwrap() && page.contains("default-src 'none'"));
        for forbidden in ["<script", "<link", "<iframe", "javascript:", "url(", "@import", "src=\"http"] {
            assert!(!page.contains(forbidden), "{forbidden}");
        }
        assert!(page.contains("neither voice nor fax mail"));
    }

    #[test]
    fn nothing_of_the_message_becomes_markup() {
        let raw = b"MIME-Version: 1.0 (Voice 2.0)\r\nSubject: </style><script>x\r\nFrom: \"a\" onload='b' <c@d>\r\n\
            Content-Type: audio/\"><img src=x>; x=y\r\nContent-Disposition: inline; filename=\"&<b>\"; voice=<q>\r\n\r\nxx\r\n";
        let page = page(raw);
        for forbidden in ["<script", "<img src=x", "<i>m", "<b>", "<c@d", "<q>"] {
            assert!(!page.contains(forbidden), "{forbidden}");
        }
        assert_eq!(page.matches("</style>").count(), 1);
        assert!(page.contains("&lt;script&gt;x") && page.contains("&lt;i&gt;m&lt;/i&gt;.eml"));
    }
}
