//! SMTP replies as both MTAs take them: ASCII, `%` doubled, one class in all lines, never empty.

use crate::engine::Reply;

/// Octets of one line (libmilter's MAXREPLYLEN), and lines of a reply.
const LINE_OCTETS: usize = 980;
const LINES: usize = 32;

/// The parts of a reply in the form that goes out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SafeReply {
    /// `451`.
    pub code: String,
    /// `4.3.0`.
    pub enhanced: String,
    /// At least one.
    pub lines: Vec<String>,
}

/// Makes a reply safe to send. What the core got wrong (a class of its own in the enhanced code, a
/// code that is no refusal) becomes a temporary failure of the same text: a 5yz for a fault of ours
/// would lose mail.
pub fn safe(reply: &Reply) -> SafeReply {
    let class = reply.code / 100;
    let (a, b, c) = reply.enhanced;
    let sound = matches!(class, 4 | 5) && u16::from(a) == class && reply.code % 100 < 60;
    let (code, enhanced) =
        if sound { (reply.code.to_string(), format!("{a}.{b}.{c}")) } else { ("451".into(), "4.3.0".into()) };
    let mut lines: Vec<String> = reply.lines.iter().take(LINES).map(|l| line(l)).collect();
    if lines.is_empty() {
        lines.push("Message refused".to_owned());
    }
    SafeReply { code, enhanced, lines }
}

fn line(text: &str) -> String {
    let mut out = String::new();
    for c in text.chars() {
        // Postfix eats a single `%`, Sendmail answers 554 for it; both take two as one.
        let piece = match c {
            '%' => "%%".to_owned(),
            ' '..='~' => c.to_string(),
            _ => "?".to_owned(),
        };
        if out.len() + piece.len() > LINE_OCTETS {
            break;
        }
        out.push_str(&piece);
    }
    out
}

/// A reply with one line.
pub fn reply(code: u16, enhanced: (u8, u8, u8), text: &str) -> Reply {
    Reply { code, enhanced, lines: vec![text.to_owned()] }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn replies_are_ascii_on_single_lines_with_percent_doubled() {
        let mut given = reply(550, (5, 6, 1), "100% caf\u{e9}\r\n250 ok");
        given.lines.push("%".repeat(1_000));
        let safe = safe(&given);
        assert_eq!((safe.code.as_str(), safe.enhanced.as_str()), ("550", "5.6.1"));
        assert_eq!(safe.lines[0], "100%% caf???250 ok");
        assert_eq!(safe.lines[1].len(), LINE_OCTETS);
        assert!(safe.lines[1].len().is_multiple_of(2), "no percent sign is cut in half");
    }

    #[test]
    fn an_unsound_reply_is_a_temporary_failure() {
        for (code, enhanced) in
            [(250, (2, 0, 0)), (550, (4, 7, 1)), (999, (9, 0, 0)), (0, (0, 0, 0)), (599, (5, 0, 0))]
        {
            let safe = safe(&Reply { code, enhanced, lines: vec![] });
            assert_eq!((safe.code.as_str(), safe.enhanced.as_str()), ("451", "4.3.0"));
            assert_eq!(safe.lines.len(), 1);
        }
    }
}
