//! Text as contents of an element.

use crate::conformance::report::printable;

/// Characters shown of one text: an address field may be a megabyte.
const LONGEST: usize = 1_000;

/// Text that no browser takes for anything but text: no controls, nothing invisible, no markup.
pub(super) fn escaped(text: &str) -> String {
    let cut = text.char_indices().nth(LONGEST).map(|(at, _)| at);
    let shown = printable(text.get(..cut.unwrap_or(text.len())).unwrap_or_default());
    let mut out = String::with_capacity(shown.len() + 16);
    for c in shown.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            c => out.push(c),
        }
    }
    if cut.is_some() {
        out.push_str("...");
    }
    out
}

/// The same apart from the direction of the text around it.
pub(super) fn bdi(text: &str) -> String {
    format!("<bdi>{}</bdi>", escaped(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn markup_controls_and_hidden_characters_are_shown_as_text() {
        assert_eq!(escaped("<a b='c\"&>"), "&lt;a b=&#39;c&quot;&amp;&gt;");
        assert_eq!(escaped("\0\u{202e}\u{200b}\u{61c}\r\n"), "\\u{0}\\u{202e}\\u{200b}\\u{61c}\\r\\n");
        assert_eq!(escaped(&"\u{e9}".repeat(LONGEST + 1)), "\u{e9}".repeat(LONGEST) + "...");
    }
}
