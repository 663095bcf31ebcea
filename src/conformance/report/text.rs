//! The report for a terminal: with colours where it is one.

use super::{Excerpt, FindingReport, PartReport, Report, printable, sender_text};
use std::fmt::Write as _;

/// Whether text carries colours.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Paint {
    /// Text alone.
    #[default]
    Plain,
    /// With SGR sequences (ECMA-48), as terminals read them.
    Colour,
}

/// What a piece of text says.
#[derive(Clone, Copy)]
enum Tone {
    Good,
    Bad,
    Warning,
    Note,
    Strong,
    Quiet,
}

impl Paint {
    fn paint(self, tone: Tone, text: &str) -> String {
        if self == Paint::Plain || text.is_empty() {
            return text.to_owned();
        }
        let code = match tone {
            Tone::Good => "1;32",
            Tone::Bad => "1;31",
            Tone::Warning => "1;33",
            Tone::Note => "1;36",
            Tone::Strong => "1",
            Tone::Quiet => "2",
        };
        format!("\x1b[{code}m{text}\x1b[0m")
    }
}

impl Report {
    /// The report for people.
    pub fn text(&self, paint: Paint) -> String {
        let (tone, verdict) = match (self.profile, self.conformant) {
            ("none", _) => (Tone::Quiet, "no voice or fax mail"),
            (_, true) => (Tone::Good, "conforming"),
            (_, false) => (Tone::Bad, "NOT conforming"),
        };
        let file = paint.paint(Tone::Strong, &printable(&self.file));
        let mut out = format!("{file}: {}, {}\n", self.profile, paint.paint(tone, verdict));
        for (n, why) in self.why.iter().enumerate() {
            let lead = if n == 0 { "because" } else { "    and" };
            let _ = writeln!(out, "  {lead} {}", printable(why));
        }
        out.extend(self.sender.as_ref().map(|s| format!("  {}\n", sender_text(s))));
        for part in &self.parts {
            let _ = writeln!(out, "  part {}", part.text());
        }
        for finding in &self.findings {
            out.push_str(&finding.text(paint));
        }
        out
    }
}

impl FindingReport {
    fn tone(&self) -> Tone {
        match self.level {
            "MUST" | "MUST NOT" => Tone::Bad,
            "SHOULD" | "SHOULD NOT" => Tone::Warning,
            _ => Tone::Note,
        }
    }

    /// Where it is, in words.
    pub fn place(&self) -> String {
        let mut place = Vec::new();
        place.extend(self.part.as_ref().map(|p| format!("part {p}")));
        place.extend(self.header.clone());
        place.extend(self.line.map(|l| format!("line {l}")));
        if place.is_empty() { "envelope".to_owned() } else { place.join(", ") }
    }

    fn text(&self, paint: Paint) -> String {
        let level = paint.paint(self.tone(), self.level);
        let rule = paint.paint(Tone::Strong, self.rule);
        let mut out = format!("  {level} {rule} (RFC {} {}): {}\n", self.rfc, self.section, self.place());
        let _ = writeln!(out, "      {}", self.message);
        if let Some(excerpt) = &self.excerpt {
            excerpt.write(&mut out, paint, self.tone());
        }
        let repair = if self.repairable { " [repairable]" } else { "" };
        let _ = writeln!(out, "      {} {}{repair}", paint.paint(Tone::Quiet, "remedy:"), self.remedy);
        out
    }
}

impl Excerpt {
    /// The lines with their numbers, and carets below what is marked.
    fn write(&self, out: &mut String, paint: Paint, tone: Tone) {
        let digits = self.lines.last().map_or(1, |l| l.number.to_string().len()).max(4);
        for line in &self.lines {
            let gutter = paint.paint(Tone::Quiet, &format!("{:>digits$} |", line.number));
            let marked = paint.paint(tone, &line.marked);
            let _ = writeln!(out, "      {gutter} {}{marked}{}", line.before, line.after);
            let carets = "^".repeat(line.marked.chars().count().max(1));
            let indent = " ".repeat(line.before.chars().count());
            let gutter = paint.paint(Tone::Quiet, &format!("{:>digits$} |", ""));
            let _ = writeln!(out, "      {gutter} {indent}{}", paint.paint(tone, &carets));
        }
    }
}

impl PartReport {
    /// One line for people.
    pub fn text(&self) -> String {
        let mut out = format!("{}: {}", self.part.as_deref().unwrap_or("-"), printable(&self.media_type));
        self.details().into_iter().for_each(|detail| {
            out.push_str(", ");
            out.push_str(&detail);
        });
        out
    }

    /// What is known of the part besides its number and type.
    pub(super) fn details(&self) -> Vec<String> {
        let details = [
            self.voice.as_deref().map(|v| format!("voice={}", printable(v))),
            self.codec.as_deref().map(|c| format!("found {}", printable(c))),
            self.duration_s.map(|d| format!("{d:.1} s")),
            self.sample_rate.map(|r| format!("{r} Hz")),
            self.channels.filter(|c| *c != 1).map(|c| format!("{c} channels")),
            self.pages.map(|p| format!("{p} page{}", if p == 1 { "" } else { "s" })),
            Some(format!("{}, {} octets", printable(&self.encoding), self.bytes)),
            self.unread.as_ref().map(|e| format!("not read: {}", printable(&e.to_string()))),
        ];
        details.into_iter().flatten().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::conformance::report::Line;

    fn finding() -> FindingReport {
        let line = Line { number: 7, before: "Date: ".into(), marked: "no".into(), after: "!".into() };
        FindingReport {
            rule: "r",
            rfc: 3801,
            section: "4.2.9",
            level: "MUST",
            message: "m".into(),
            part: None,
            header: Some("Date".into()),
            line: Some(7),
            repairable: true,
            text: "t",
            remedy: "do",
            excerpt: Some(Excerpt { lines: vec![line] }),
        }
    }

    #[test]
    fn the_offending_octets_stand_above_carets() {
        let expected = "  MUST r (RFC 3801 4.2.9): Date, line 7\n      m\n         7 | Date: no!\n           |       ^^\n      remedy: do [repairable]\n";
        assert_eq!(finding().text(Paint::Plain), expected);
    }

    #[test]
    fn colours_are_all_that_a_terminal_gets_more() {
        let coloured = finding().text(Paint::Colour);
        assert!(coloured.contains("\x1b[1;31mMUST\x1b[0m") && coloured.contains("\x1b[1;31mno\x1b[0m"));
        let mut plain = coloured.clone();
        for code in ["1;31", "1", "2", "0"] {
            plain = plain.replace(&format!("\x1b[{code}m"), "");
        }
        assert_eq!(plain, finding().text(Paint::Plain));
    }
}
