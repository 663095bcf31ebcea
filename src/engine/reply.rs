//! SMTP replies that the other side's administrator can act on: rule, section, part, remedy.
//!
//! Bounds: [`LINES`] lines of at most [`OCTETS`] octets of printable ASCII (RFC 5321 4.5.3.1.5: 512
//! with code and line end; `%` may be doubled on the way to the MTA and comes out once).

use super::Reply;
use crate::conformance::{Finding, replies};
use crate::plan::Refused;
use crate::plan::duty::Unmet;
use crate::policy::route::Action;

/// Lines of a reply.
const LINES: usize = 10;
/// Octets of the text of a line.
const OCTETS: usize = 450;
/// Findings that are told, two lines each; one line before and one behind them.
const TOLD: usize = (LINES - 2) / 2;

/// A refusal for what was found. The code is that of the first rule that asks for one of its own.
pub fn findings(reasons: &[&Finding], action: Action) -> Reply {
    let codes = || reasons.iter().map(|f| replies::reply(f.rule.id));
    let (code, enhanced) = codes().find(|c| *c != replies::GENERAL).unwrap_or(replies::GENERAL);
    let mut lines = vec!["The message does not conform to its voice or fax profile:".to_owned()];
    // One finding a rule: more say nothing new to the sender.
    let mut told: Vec<&Finding> = Vec::new();
    for reason in reasons {
        if !told.iter().any(|t| t.rule.id == reason.rule.id) {
            told.push(reason);
        }
    }
    for finding in told.iter().take(TOLD) {
        let rule = finding.rule;
        let part = finding.part.as_ref().map(|p| format!("part {p}: ")).unwrap_or_default();
        lines.push(format!(
            "{} ({} of RFC {} section {}): {part}{}",
            rule.id,
            rule.level.name(),
            rule.rfc,
            rule.section,
            finding.message
        ));
        lines.push(format!("Remedy: {}", rule.remedy));
    }
    if told.len() > TOLD {
        lines.push(format!("and {} more rules", told.len() - TOLD));
    }
    reply(code, enhanced, lines, action)
}

/// A refusal for a demand that the recipients' system does not keep.
pub fn demand(unmet: &Unmet, action: Action) -> Reply {
    let (code, enhanced) = replies::reply(unmet.rule);
    let part = unmet.part.as_ref().map(|p| format!("part {p}: ")).unwrap_or_default();
    let lines = vec![
        format!("{} (RFC {} section {}): {part}{}", unmet.rule, unmet.rfc, unmet.section, unmet.why),
        format!("Remedy: {}", unmet.remedy),
    ];
    reply(code, enhanced, lines, action)
}

/// A refusal for a message that cannot be converted, of `class` 4 or 5.
pub fn not_converted(profile: &str, refused: &Refused, class: u8) -> Reply {
    // RFC 3463 3.7: x.6.1 media not supported, x.6.2 conversion prohibited, x.6.3 required but not
    // supported, x.6.5 failed.
    let (subject, detail) = match refused {
        // RFC 3463 3.3: message length exceeds administrative limit.
        Refused::TooLong(_) => (2, 3),
        Refused::Unreadable { .. } => (6, 1),
        Refused::Untouchable(_) | Refused::Prohibited { .. } => (6, 2),
        Refused::NotSupported { .. } => (6, 3),
        _ => (6, 5),
    };
    let action = if class == 4 { Action::Tempfail } else { Action::Reject };
    let code = if subject == 2 { 552 } else { 554 };
    reply(code, (5, subject, detail), vec![format!("cannot convert for {profile}: {refused}")], action)
}

/// A refusal for now, for a fault of ours.
pub fn temporary(enhanced: (u8, u8, u8), text: &str) -> Reply {
    Reply { code: 451, enhanced, lines: vec![text.to_owned()] }
}

/// Bounds and cleans the lines; a refusal for now says the same in class 4.
fn reply(code: u16, (class, subject, detail): (u8, u8, u8), lines: Vec<String>, action: Action) -> Reply {
    let lines = lines.iter().take(LINES).map(|l| plain(l)).collect();
    match action {
        Action::Tempfail => Reply { code: 451, enhanced: (4, subject, detail), lines },
        _ => Reply { code, enhanced: (class, subject, detail), lines },
    }
}

fn plain(line: &str) -> String {
    line.chars().take(OCTETS).map(|c| if matches!(c, ' '..='~') { c } else { '?' }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::conformance::rules;

    fn finding(id: &str, message: &str) -> Finding {
        let rule = rules::find(id).unwrap();
        Finding {
            rule,
            message: message.into(),
            part: Some("1.2".into()),
            header: None,
            at: None,
            line: None,
        }
    }

    #[test]
    fn a_refusal_names_rule_section_part_and_remedy_within_bounds() {
        let all: Vec<Finding> = rules::all().map(|r| finding(r.id, &"100% \u{e9}\r\n".repeat(200))).collect();
        let reply = findings(&all.iter().collect::<Vec<_>>(), Action::Reject);
        assert_eq!(reply.lines.len(), LINES);
        for line in &reply.lines {
            assert!(line.len() <= OCTETS && line.bytes().all(|c| (32..127).contains(&c)), "{line}");
        }
        let one = finding("vpim2-send-not-7bit", "7bit");
        let reply = findings(&[&one, &one], Action::Reject);
        assert_eq!(reply.lines.len(), 3, "{:?}", reply.lines);
        assert!(
            reply.lines[1].starts_with("vpim2-send-not-7bit (MUST NOT of RFC 3801 section "),
            "{reply:?}"
        );
        assert!(reply.lines[1].ends_with(": part 1.2: 7bit") && reply.lines[2].starts_with("Remedy: "));
    }

    #[test]
    fn the_code_is_that_of_the_rule_and_a_tempfail_its_temporary_form() {
        let magic = finding("image-tiff-magic", "no TIFF");
        let other = finding("vpim2-date-present", "no Date");
        let code = |reasons: &[&Finding], action| {
            let reply = findings(reasons, action);
            (reply.code, reply.enhanced)
        };
        assert_eq!(code(&[&other, &magic], Action::Reject), (554, (5, 6, 1)));
        assert_eq!(code(&[&other], Action::Reject), (554, (5, 6, 0)));
        assert_eq!(code(&[&magic], Action::Tempfail), (451, (4, 6, 1)));
    }
}
