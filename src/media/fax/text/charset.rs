//! The charsets that plain text of voice and fax mail comes in (RFC 2046 4.1.2).

use mime::Mime;

/// What ISO 8859-15 has in other places than ISO 8859-1.
const LATIN_9: [(u8, char); 8] =
    [(0xa4, '€'), (0xa6, 'Š'), (0xa8, 'š'), (0xb4, 'Ž'), (0xb8, 'ž'), (0xbc, 'Œ'), (0xbd, 'œ'), (0xbe, 'Ÿ')];

/// The octets 0x80 to 0x9f of windows-1252.
const WINDOWS: [char; 32] = [
    '€', '\u{fffd}', '‚', 'ƒ', '„', '…', '†', '‡', 'ˆ', '‰', 'Š', '‹', 'Œ', '\u{fffd}', 'Ž', '\u{fffd}',
    '\u{fffd}', '‘', '’', '“', '”', '•', '–', '—', '˜', '™', 'š', '›', 'œ', '\u{fffd}', 'ž', 'Ÿ',
];

/// The text, and what had to be guessed.
pub(super) fn decode(input: &[u8], declared: &Mime) -> (String, Vec<String>) {
    let name = declared.get_param("charset").map(|name| name.as_str().to_ascii_lowercase());
    let latin = |octet: u8| match octet {
        // Nobody means the control characters that ISO 8859-1 has there.
        0x80..=0x9f => WINDOWS.get(usize::from(octet - 0x80)).copied().unwrap_or('\u{fffd}'),
        _ => char::from(octet),
    };
    let single = |map: &dyn Fn(u8) -> char| input.iter().map(|&octet| map(octet)).collect::<String>();
    match name.as_deref() {
        Some("iso-8859-1" | "latin1" | "windows-1252" | "cp1252") => (single(&latin), Vec::new()),
        Some("iso-8859-15" | "latin-9") => {
            let latin_9 =
                |octet| LATIN_9.iter().find(|(at, _)| *at == octet).map_or(latin(octet), |(_, c)| *c);
            (single(&latin_9), Vec::new())
        }
        known => {
            let guessed = !matches!(known, None | Some("utf-8" | "utf8" | "us-ascii"));
            let mut notes = Vec::new();
            let text = match std::str::from_utf8(input) {
                Ok(text) => text.to_owned(),
                Err(_) if known == Some("utf-8") => {
                    notes.push("octets that are not UTF-8 are shown as U+FFFD".to_owned());
                    String::from_utf8_lossy(input).into_owned()
                }
                Err(_) => {
                    notes.push("text with octets that are not UTF-8 read as windows-1252".to_owned());
                    single(&latin)
                }
            };
            if guessed {
                notes.push(format!("charset {} is not known", known.unwrap_or_default()));
            }
            (text.strip_prefix('\u{feff}').map(str::to_owned).unwrap_or(text), notes)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(input: &[u8], declared: &str) -> (String, usize) {
        let (text, notes) = decode(input, &declared.parse().unwrap());
        (text, notes.len())
    }

    #[test]
    fn declared_charsets_are_read_and_others_are_guessed_and_named() {
        assert_eq!(text("Grüße €".as_bytes(), "text/plain;charset=UTF-8"), ("Grüße €".into(), 0));
        assert_eq!(text(b"\xef\xbb\xbfa", "text/plain"), ("a".into(), 0));
        assert_eq!(text(b"Gr\xfc\xdfe \x80", "text/plain;charset=iso-8859-1"), ("Grüße €".into(), 0));
        assert_eq!(text(b"\xa4 \xbd", "text/plain;charset=ISO-8859-15"), ("€ œ".into(), 0));
        assert_eq!(text(b"Gr\xfc\xdfe", "text/plain"), ("Grüße".into(), 1));
        assert_eq!(text(b"a\xff", "text/plain;charset=utf-8"), ("a\u{fffd}".into(), 1));
        assert_eq!(text(b"abc", "text/plain;charset=koi8-r"), ("abc".into(), 1));
    }
}
