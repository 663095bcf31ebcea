//! The lines of a message that a finding is about, with the octets it is about marked.

use super::printable;
use crate::conformance::Finding;
use crate::message::{Field, Message, Span};

/// Lines of one excerpt: a field may be folded over hundreds.
const LINES: usize = 4;
/// Octets shown of a line.
const WIDTH: usize = 76;
/// Octets shown before a mark that lies far behind the start of its line.
const LEAD: usize = 20;
/// Octets around a place in which its line is looked for: a message may be one line.
const REACH: usize = 1 << 16;
/// What stands for octets left out.
const CUT: &str = "...";

/// Some lines of a message.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Excerpt {
    /// In order, at least one.
    pub lines: Vec<Line>,
}

/// One line, made printable, in three pieces.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Line {
    /// Its number in the message, from 1.
    pub number: usize,
    /// What stands before the mark.
    pub before: String,
    /// What is marked; empty where the mark is a place between octets (something is missing there).
    pub marked: String,
    /// What stands behind the mark.
    pub after: String,
}

/// Makes the excerpts of one message.
pub(super) struct Excerpts<'m> {
    raw: &'m [u8],
    /// All header fields of all entities in the order of the message.
    fields: Vec<Field>,
}

impl<'m> Excerpts<'m> {
    pub fn new(message: &Message<'m>) -> Self {
        let mut fields: Vec<Field> =
            message.entities().flat_map(|(_, e)| e.header.fields.iter().copied()).collect();
        fields.sort_by_key(|f| f.span.start);
        Excerpts { raw: message.raw(), fields }
    }

    /// The excerpt for a finding; `None` for the envelope, and where the message has ended.
    pub fn of(&self, finding: &Finding) -> Option<Excerpt> {
        let (at, number) = (finding.at?, finding.line?);
        let mark = self.mark(finding, at);
        let mut excerpt = Excerpt::default();
        let mut from = self.line_start(at)?;
        while excerpt.lines.len() < LINES && from < self.raw.len() {
            let (next, whole) = self.line_end(from);
            let text = Span::new(from, from + Span::new(from, next).of(self.raw).trim_ascii_end().len());
            excerpt.lines.push(self.line(number + excerpt.lines.len(), text, mark));
            if mark.end <= next || !whole {
                break;
            }
            from = next;
        }
        let shown =
            excerpt.lines.iter().any(|l| !l.before.is_empty() || !l.marked.is_empty() || !l.after.is_empty());
        shown.then_some(excerpt)
    }

    /// What of the message the finding is about.
    fn mark(&self, finding: &Finding, at: usize) -> Span {
        let index = self.fields.binary_search_by_key(&at, |f| f.span.start);
        let field = index.ok().and_then(|i| self.fields.get(i));
        match (field, &finding.header) {
            (Some(field), Some(name)) if field.name.of(self.raw).eq_ignore_ascii_case(name.as_bytes()) => {
                self.trimmed(field.value)
            }
            // The field is missing in the header that begins here.
            (_, Some(_)) => Span::at(at),
            // The entity that begins here, or the rest of a line.
            (_, None) => {
                let (end, _) = self.line_end(at);
                self.trimmed(Span::new(at, end))
            }
        }
    }

    /// Where the line of an offset begins; the farthest place looked at where it begins before that.
    fn line_start(&self, at: usize) -> Option<usize> {
        let from = at.saturating_sub(REACH);
        let line_feed = memchr::memrchr(b'\n', self.raw.get(from..at)?);
        Some(line_feed.map_or(from, |lf| from + lf + 1))
    }

    /// Where the next line begins, and whether there is a line end before that and within reach.
    fn line_end(&self, from: usize) -> (usize, bool) {
        let end = self.raw.len().min(from.saturating_add(REACH));
        match memchr::memchr(b'\n', self.raw.get(from..end).unwrap_or_default()) {
            Some(lf) => (from + lf + 1, true),
            None => (end, false),
        }
    }

    fn trimmed(&self, span: Span) -> Span {
        let octets = span.of(self.raw);
        let start = span.start + octets.len() - octets.trim_ascii_start().len();
        Span::new(start, start + octets.trim_ascii().len())
    }

    /// The line `text`, shortened, with the part of `mark` that lies in it.
    fn line(&self, number: usize, text: Span, mark: Span) -> Line {
        let blanks = text.of(self.raw).len() - text.of(self.raw).trim_ascii_start().len();
        // Folds are not marked.
        let first = if mark.start < text.start { text.start + blanks } else { mark.start };
        let mark = Span::new(first.clamp(text.start, text.end), mark.end.clamp(text.start, text.end));
        let from = if mark.start - text.start < WIDTH { text.start } else { mark.start - LEAD };
        let to = text.end.min(from + WIDTH);
        let piece = |start: usize, end: usize| {
            printable(&String::from_utf8_lossy(Span::new(start.min(to), end.min(to)).of(self.raw)))
        };
        let mut line = Line {
            number,
            before: piece(from, mark.start),
            marked: piece(mark.start, mark.end),
            after: piece(mark.end, to),
        };
        if from > text.start {
            line.before.insert_str(0, CUT);
        }
        if to < text.end {
            line.after.push_str(CUT);
        }
        line
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::conformance::rules;
    use crate::limits::Limits;

    fn lines(raw: &[u8], at: usize, header: Option<&str>) -> Vec<(usize, String, String, String)> {
        let message = Message::parse(raw, &Limits::default());
        let finding = Finding {
            rule: rules::all().next().unwrap(),
            message: String::new(),
            part: None,
            header: header.map(str::to_owned),
            at: Some(at),
            line: Some(message.line(at)),
        };
        let excerpt = Excerpts::new(&message).of(&finding).unwrap_or_default();
        excerpt.lines.into_iter().map(|l| (l.number, l.before, l.marked, l.after)).collect()
    }

    fn line(number: usize, before: &str, marked: &str, after: &str) -> (usize, String, String, String) {
        (number, before.into(), marked.into(), after.into())
    }

    #[test]
    fn the_value_of_a_field_is_marked() {
        let raw = b"To: a\r\nDate:  yesterday \r\n\r\n";
        assert_eq!(lines(raw, 7, Some("date")), [line(2, "Date:  ", "yesterday", "")]);
    }

    #[test]
    fn folded_fields_are_marked_without_their_folds() {
        let raw = b"To: a,\n\tb\n\n";
        assert_eq!(lines(raw, 0, Some("To")), [line(1, "To: ", "a,", ""), line(2, "\\t", "b", "")]);
        let long = format!("To: a{}\n\n", ",\n b".repeat(100));
        assert_eq!(lines(long.as_bytes(), 0, Some("To")).len(), LINES);
    }

    #[test]
    fn a_missing_field_marks_the_place_and_an_entity_its_first_line() {
        let raw = b"To: a\nDate: b\n\n";
        assert_eq!(lines(raw, 0, Some("From")), [line(1, "", "", "To: a")]);
        assert_eq!(lines(raw, 0, None), [line(1, "", "To: a", "")]);
    }

    #[test]
    fn an_offset_within_a_line_shows_the_line_and_long_lines_are_cut_around_it() {
        let raw = b"To: a\n\nabc def\n";
        assert_eq!(lines(raw, 11, None), [line(3, "abc ", "def", "")]);
        let long = format!("To: a\n\n{}X{}\n", "-".repeat(500), "y".repeat(500));
        let [(3, before, marked, after)] = &lines(long.as_bytes(), 507, None)[..] else { panic!("a line") };
        assert_eq!((before.len(), &marked[..2], &after[..]), (LEAD + 3, "Xy", "..."));
        assert_eq!(before.len() - 3 + marked.len(), WIDTH);
    }

    #[test]
    fn an_endless_line_is_searched_within_reach_only() {
        let raw = vec![b'x'; 3 * REACH];
        let excerpts = Excerpts { raw: &raw, fields: Vec::new() };
        assert_eq!(excerpts.line_start(2 * REACH), Some(REACH));
        assert_eq!(excerpts.line_end(REACH), (2 * REACH, false));
        let [(1, before, marked, after)] = &lines(&raw, 2 * REACH, None)[..] else { panic!("a line") };
        assert!(before.len() + marked.len() + after.len() < 2 * WIDTH);
    }

    #[test]
    fn what_is_hostile_is_escaped_and_the_end_of_the_message_has_no_excerpt() {
        assert_eq!(lines(b"To: \x1b[2J\xff\n\n", 0, Some("To")), [line(1, "To: ", "\\u{1b}[2J\u{fffd}", "")]);
        assert!(lines(b"To: a\n\n", 7, None).is_empty());
        assert!(lines(b"", 0, None).is_empty());
    }
}
