//! Structured field bodies: comments, quoted strings, tokens, parameters (RFC 2045 5.1, RFC 2183,
//! RFC 2231), as senders really write them.
//!
//! Tolerated: blanks around `=` and `/`, `;;`, a missing value, unquoted values with specials. Bounded
//! by counters: comment nesting, tokens, parameters. The `mime` crate cannot read such fields; it
//! names the result ([`ContentType::to_mime`]).

use mime::Mime;
use std::fmt::Write as _;

const MAX_COMMENT_DEPTH: usize = 64;
const MAX_TOKENS: usize = 10_000;
const MAX_PARAMETERS: usize = 100;

/// A lexical element of a structured field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Token {
    /// A run of characters that are neither blank nor special.
    Word(String),
    /// A quoted string, unescaped.
    Quoted(String),
    /// A comment without its outer parentheses.
    Comment(String),
    /// One of `;`, `=`, `/`, `,`, `<`, `>` and other separators.
    Special(char),
}

/// Splits a field value (folds included) into tokens. Octets that are not UTF-8 become U+FFFD.
pub fn lex(value: &[u8]) -> Vec<Token> {
    let text = String::from_utf8_lossy(value);
    let mut chars = text.chars().peekable();
    let mut tokens = Vec::new();
    while let Some(c) = chars.next() {
        if tokens.len() >= MAX_TOKENS {
            break;
        }
        match c {
            ' ' | '\t' | '\r' | '\n' => {}
            '(' => tokens.push(Token::Comment(comment(&mut chars))),
            '"' => tokens.push(Token::Quoted(quoted(&mut chars))),
            ';' | '=' | '/' | ',' | '<' | '>' => tokens.push(Token::Special(c)),
            _ => {
                let mut word = String::from(c);
                while let Some(&c) = chars.peek() {
                    if matches!(c, ' ' | '\t' | '\r' | '\n' | '(' | '"' | ';' | '=' | '/' | ',' | '<' | '>') {
                        break;
                    }
                    word.push(c);
                    chars.next();
                }
                tokens.push(Token::Word(word));
            }
        }
    }
    tokens
}

fn comment(chars: &mut std::iter::Peekable<std::str::Chars<'_>>) -> String {
    let mut depth = 1usize;
    let mut text = String::new();
    while let Some(c) = chars.next() {
        match c {
            '\\' => text.extend(chars.next()),
            '(' if depth < MAX_COMMENT_DEPTH => {
                depth += 1;
                text.push(c);
            }
            ')' => {
                depth -= 1;
                if depth == 0 {
                    break;
                }
                text.push(c);
            }
            '\r' | '\n' => {}
            _ => text.push(c),
        }
    }
    text
}

fn quoted(chars: &mut std::iter::Peekable<std::str::Chars<'_>>) -> String {
    let mut text = String::new();
    while let Some(c) = chars.next() {
        match c {
            '\\' => text.extend(chars.next()),
            '"' => break,
            '\r' | '\n' => {}
            _ => text.push(c),
        }
    }
    text
}

/// The parameters of a field, names in lower case, in order, RFC 2231 sections joined.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Parameters(Vec<(String, String)>);

impl Parameters {
    /// The first value of `name` (lower case).
    pub fn value(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(n, _)| n == name).map(|(_, v)| v.as_str())
    }

    /// How often `name` occurs.
    pub fn count(&self, name: &str) -> usize {
        self.0.iter().filter(|(n, _)| n == name).count()
    }

    /// All parameters in order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(n, v)| (n.as_str(), v.as_str()))
    }
}

/// A field body of the form `head *(";" name "=" value)`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Parameterized {
    /// What stands before the first semicolon, comments and blanks removed, in lower case.
    pub head: String,
    /// The parameters.
    pub parameters: Parameters,
    /// All comments, in order.
    pub comments: Vec<String>,
}

/// Reads a field body with parameters.
pub fn parameterized(value: &[u8]) -> Parameterized {
    let mut head = String::new();
    let mut comments = Vec::new();
    let mut raw: Vec<(String, String)> = Vec::new();
    let mut segment: Vec<Token> = Vec::new();
    let mut in_head = true;
    let mut tokens = lex(value).into_iter();
    loop {
        let token = tokens.next();
        match token {
            Some(Token::Comment(text)) => comments.push(text),
            Some(Token::Special(';')) | None => {
                if in_head {
                    head = segment.drain(..).map(|t| plain(&t)).collect::<String>().to_ascii_lowercase();
                    in_head = false;
                } else if raw.len() < MAX_PARAMETERS {
                    raw.extend(parameter(&segment));
                }
                segment.clear();
                if token.is_none() {
                    break;
                }
            }
            Some(other) => segment.push(other),
        }
    }
    Parameterized { head, parameters: Parameters(join_sections(raw)), comments }
}

fn plain(token: &Token) -> String {
    match token {
        Token::Word(text) | Token::Quoted(text) => text.clone(),
        Token::Comment(_) => String::new(),
        Token::Special(c) => c.to_string(),
    }
}

fn parameter(segment: &[Token]) -> Option<(String, String)> {
    let (name, rest) = segment.split_first()?;
    let Token::Word(name) = name else { return None };
    let value = match rest.split_first() {
        Some((Token::Special('='), value)) => value.iter().map(plain).collect(),
        _ => String::new(),
    };
    Some((name.to_ascii_lowercase(), value))
}

/// Joins `name*0`, `name*1*`... and decodes `name*=charset'lang'%41` (RFC 2231 3 and 4).
fn join_sections(raw: Vec<(String, String)>) -> Vec<(String, String)> {
    let mut out: Vec<(String, String)> = Vec::new();
    let mut sections: Vec<(String, usize, bool, String)> = Vec::new();
    for (name, value) in raw {
        let (base, extended) = match name.strip_suffix('*') {
            Some(base) => (base.to_owned(), true),
            None => (name, false),
        };
        match base.split_once('*') {
            // RFC 2231 3: numbers start at 0 and have no leading zeros.
            Some((stem, number)) if section_number(number).is_some() => {
                let n = section_number(number).unwrap_or(0);
                if !sections.iter().any(|(s, ..)| s == stem) {
                    // Keeps the place of the first section.
                    out.push((stem.to_owned(), String::new()));
                }
                sections.push((stem.to_owned(), n, extended, value));
            }
            _ if extended => out.push((base, decode_extended(&value, true))),
            _ => out.push((base, value)),
        }
    }
    sections.sort_by(|a, b| (&a.0, a.1).cmp(&(&b.0, b.1)));
    sections.dedup_by(|b, a| a.0 == b.0 && a.1 == b.1);
    for (name, value) in &mut out {
        let of_name = sections.iter().filter(|(stem, ..)| stem == name);
        // Only what stands before the first gap belongs together.
        for (_, n, extended, text) in of_name.enumerate().take_while(|(at, s)| *at == s.1).map(|(_, s)| s) {
            value.push_str(&if *extended { decode_extended(text, *n == 0) } else { text.clone() });
        }
    }
    // A set without its first section says nothing.
    let begun = |name: &String| sections.iter().any(|(stem, n, ..)| stem == name && *n == 0);
    out.retain(|(name, value)| !value.is_empty() || begun(name) || !sections.iter().any(|(s, ..)| s == name));
    out
}

/// The number of a section.
fn section_number(text: &str) -> Option<usize> {
    let canonical = text == "0" || !text.starts_with('0');
    text.parse().ok().filter(|n| canonical && *n < MAX_PARAMETERS)
}

fn decode_extended(value: &str, has_charset: bool) -> String {
    let text = match (has_charset, value.splitn(3, '\'').nth(2)) {
        (true, Some(text)) => text,
        _ => value,
    };
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&c, tail)) = rest.split_first() {
        let hex = tail.get(..2).filter(|_| c == b'%').and_then(|h| std::str::from_utf8(h).ok());
        match hex.and_then(|h| u8::from_str_radix(h, 16).ok()) {
            Some(octet) => {
                bytes.push(octet);
                rest = tail.get(2..).unwrap_or_default();
            }
            None => {
                bytes.push(c);
                rest = tail;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// A `Content-Type`, in lower case but for parameter values.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ContentType {
    /// `audio` of `audio/32KADPCM`.
    pub main: String,
    /// `32kadpcm`.
    pub sub: String,
    /// The parameters.
    pub parameters: Parameters,
}

impl ContentType {
    /// Reads a field value; `None` where there is no `type/subtype`.
    pub fn parse(value: &[u8]) -> Option<Self> {
        let field = parameterized(value);
        let (main, sub) = field.head.split_once('/')?;
        let token = |s: &str| !s.is_empty() && s.bytes().all(|c| c.is_ascii_graphic() && c != b'/');
        if !token(main) || !token(sub) {
            return None;
        }
        Some(ContentType { main: main.to_owned(), sub: sub.to_owned(), parameters: field.parameters })
    }

    /// A type without parameters.
    pub fn plain(main: &str, sub: &str) -> Self {
        ContentType { main: main.to_owned(), sub: sub.to_owned(), parameters: Parameters::default() }
    }

    /// `audio/32kadpcm`.
    pub fn essence(&self) -> String {
        format!("{}/{}", self.main, self.sub)
    }

    /// True for the type `essence`, given in lower case.
    pub fn is(&self, essence: &str) -> bool {
        essence.split_once('/').is_some_and(|(m, s)| self.main == m && self.sub == s)
    }

    /// The type as a [`Mime`]: the parameters that [`crate::media`] reads, quoted as needed.
    pub fn to_mime(&self) -> Mime {
        let mut text = self.essence();
        for name in ["rate", "channels", "codec", "codecs", "application"] {
            if let Some(value) = self.parameters.value(name) {
                let value: String =
                    value.chars().filter(|c| c.is_ascii_graphic() && *c != '"' && *c != '\\').collect();
                let _ = write!(text, ";{name}=\"{value}\"");
            }
        }
        text.parse().or_else(|_| self.essence().parse()).unwrap_or(mime::APPLICATION_OCTET_STREAM)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn real_world_content_types_are_read() {
        let read = |v: &str| ContentType::parse(v.as_bytes());
        let ct = read(
            " Multipart/Voice-Message (a (nested) comment) ; Version = \"2.0\";;\r\n\tboundary=a=b/c (x)",
        )
        .unwrap();
        assert!(ct.is("multipart/voice-message"));
        assert_eq!(ct.parameters.value("version"), Some("2.0"));
        assert_eq!(ct.parameters.value("boundary"), Some("a=b/c"));
        assert_eq!(read("audio / 32KADPCM").unwrap().essence(), "audio/32kadpcm");
        assert_eq!(read("text"), None);
        assert_eq!(read("audio/"), None);
        assert_eq!(read("boundary=\"x\""), None);
    }

    #[test]
    fn rfc_2231_sections_are_joined_and_decoded() {
        let field =
            parameterized(b"inline; voice*0=Originator-; voice*1=Spoken-Name; filename*=utf-8''a%20b%C3%A9");
        assert_eq!(field.head, "inline");
        assert_eq!(field.parameters.value("voice"), Some("Originator-Spoken-Name"));
        assert_eq!(field.parameters.value("filename"), Some("a b\u{e9}"));
    }

    #[test]
    fn comments_are_kept_apart() {
        let field = parameterized(b" 1.0 (Voice  2.0)");
        assert_eq!((field.head.as_str(), field.comments.as_slice()), ("1.0", &["Voice  2.0".to_owned()][..]));
    }

    #[test]
    fn mime_keeps_the_parameters_media_reads() {
        let ct = ContentType::parse(b"audio/L16; rate=8000; name=\"x\"").unwrap();
        assert_eq!(ct.to_mime().get_param("rate").unwrap().as_str(), "8000");
        assert_eq!(
            ContentType::parse(b"audio/32KADPCM (c)").unwrap().to_mime().essence_str(),
            "audio/32kadpcm"
        );
    }

    #[test]
    fn hostile_values_end() {
        for value in ["(((((", "\"\\", "a/b;x*0*=%", "a/b;x*99999999999=1", ";;;=;=;"] {
            let _ = parameterized(value.repeat(1000).as_bytes());
        }
    }
}
