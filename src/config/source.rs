//! Where a value was written: all configuration text laid end to end, so that one offset names file,
//! line and column, also after files were merged.

use std::fmt;
use std::ops::Range;
use std::path::PathBuf;

/// One text.
#[derive(Clone, Debug)]
struct Source {
    name: String,
    /// The text behind as many blank lines as the texts before it are long: a parser of it reports
    /// offsets of the whole.
    padded: String,
    start: usize,
}

/// All texts read, in order. Offset 0 belongs to none: it is the place of defaults.
#[derive(Clone, Debug, Default)]
pub struct Sources {
    all: Vec<Source>,
}

/// A place: file, line and column from 1 (in characters).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// File name as given, or what the text is.
    pub file: String,
    /// Line.
    pub line: usize,
    /// Column.
    pub column: usize,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}", self.file, self.line, self.column)
    }
}

/// What is wrong with a configuration, and what to do about it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct Problem {
    /// Where, if it has a place.
    pub place: Option<Place>,
    /// The file, where there is no better place.
    pub file: Option<PathBuf>,
    /// What is wrong.
    pub what: String,
    /// What to do.
    pub remedy: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.place, &self.file) {
            (Some(place), _) => write!(f, "{place}: ")?,
            (None, Some(file)) => write!(f, "{}: ", file.display())?,
            (None, None) => {}
        }
        f.write_str(&self.what)?;
        if self.remedy.is_empty() { Ok(()) } else { write!(f, "; {}", self.remedy) }
    }
}

impl Sources {
    /// Adds a text.
    pub fn add(&mut self, name: impl Into<String>, text: &str) {
        let start = self.all.last().map_or(1, |s| s.padded.len() + 1);
        let mut padded = "\n".repeat(start);
        padded.push_str(text);
        self.all.push(Source { name: name.into(), padded, start });
    }

    /// The place of an offset; `None` for a default.
    pub fn place(&self, offset: usize) -> Option<Place> {
        let source = self.all.iter().rev().find(|s| s.start <= offset)?;
        let before = source.padded.get(source.start..offset.min(source.padded.len())).unwrap_or_default();
        let line_start = before.rfind('\n').map_or(0, |i| i + 1);
        let column = before.get(line_start..).unwrap_or_default().chars().count() + 1;
        Some(Place { file: source.name.clone(), line: before.matches('\n').count() + 1, column })
    }

    /// The texts, to be parsed.
    pub fn padded(&self) -> impl Iterator<Item = &str> {
        self.all.iter().map(|s| s.padded.as_str())
    }

    /// A problem at a span.
    pub fn problem(&self, at: Range<usize>, what: impl Into<String>, remedy: impl Into<String>) -> Problem {
        Problem { place: self.place(at.start), file: None, what: what.into(), remedy: remedy.into() }
    }

    /// A problem the TOML reader found.
    pub fn toml(&self, error: &toml::de::Error) -> Problem {
        let (what, remedy) = reworded(error.message());
        Problem { place: error.span().and_then(|s| self.place(s.start)), file: None, what, remedy }
    }

    /// The texts' names.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.all.iter().map(|s| s.name.as_str())
    }
}

/// Serde's "unknown field `x`, expected one of ..." as a problem and the nearest name.
fn reworded(message: &str) -> (String, String) {
    let message = message.trim();
    let mut quoted = message.split('`').skip(1).step_by(2);
    for (start, thing) in [("unknown field", "key"), ("unknown variant", "value")] {
        if message.starts_with(start)
            && let Some(unknown) = quoted.next()
        {
            let known: Vec<&str> = quoted.collect();
            let nearest = nearest(unknown, &known);
            let what = format!("unknown {thing} `{unknown}`");
            return match nearest {
                Some(name) => (what, format!("did you mean `{name}`?")),
                None => (what, format!("known are {}", known.join(", "))),
            };
        }
    }
    (message.replace('\n', " "), String::new())
}

/// The known name nearest to `given`, if one is near enough to be meant.
pub fn nearest<'a>(given: &str, known: &[&'a str]) -> Option<&'a str> {
    let (distance, name) = known.iter().map(|k| (distance(given, k), *k)).min()?;
    (distance <= 1 + given.len() / 4).then_some(name)
}

/// Levenshtein's distance, two neighbours swapped counting as one step.
fn distance(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    let mut rows = vec![(0..=b.len()).collect::<Vec<usize>>()];
    for (i, x) in a.iter().enumerate() {
        let mut row = vec![i + 1];
        for (j, y) in b.iter().enumerate() {
            let mut best = (rows[i][j + 1] + 1).min(row[j] + 1).min(rows[i][j] + usize::from(x != y));
            if i > 0 && j > 0 && a[i - 1] == *y && b[j - 1] == *x {
                best = best.min(rows[i - 1][j - 1] + 1);
            }
            row.push(best);
        }
        rows.push(row);
    }
    rows[a.len()][b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_offset_names_its_file_line_and_column() {
        let mut sources = Sources::default();
        sources.add("a.toml", "x = 1\n");
        sources.add("b.toml", "y = 2\n\u{e9}z = 3");
        let padded: Vec<String> = sources.padded().map(str::to_owned).collect();
        let [a, b] = &padded[..] else { panic!() };
        assert_eq!(sources.place(0), None);
        assert_eq!(sources.place(a.find('x').unwrap()).unwrap().to_string(), "a.toml:1:1");
        assert_eq!(sources.place(b.find('y').unwrap()).unwrap().to_string(), "b.toml:1:1");
        assert_eq!(sources.place(b.find('z').unwrap()).unwrap().to_string(), "b.toml:2:2");
        assert_eq!(sources.place(usize::MAX / 2).unwrap().file, "b.toml");
    }

    #[test]
    fn near_names_are_found_and_far_ones_not() {
        let known = ["listen", "mode", "limits"];
        assert_eq!(nearest("listne", &known), Some("listen"));
        assert_eq!(nearest("limit", &known), Some("limits"));
        assert_eq!(nearest("directory", &known), None);
        assert_eq!(nearest("x", &[]), None);
    }
}
