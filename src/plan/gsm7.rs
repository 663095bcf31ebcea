//! The GSM 7 bit default alphabet with its extension table (3GPP TS 23.038 6.2.1): what fits one
//! short message, and near forms of letters that it has not.

/// Septets of one short message (3GPP TS 23.040 9.2.3.16).
pub const SEPTETS: usize = 160;
/// Code units of one short message in UCS-2.
pub const UNITS: usize = 70;

/// One septet each (TS 23.038 6.2.1). Line ends are no part of a text of one line.
const BASIC: &str = "@£$¥èéùìòÇØøÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?\
    ¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà";
/// Two septets each (TS 23.038 6.2.1.1).
const EXTENSION: &str = "^{}\\[~]|€";

/// Near forms, one line for each: the form, and the characters it stands for.
const NEAR: &[(&str, &str)] = &[
    ("A", "ÀÁÂÃĀĂĄǍ"),
    ("a", "áâãāăąǎª"),
    ("ae", "ǽ"),
    ("C", "ĆĈĊČ"),
    ("c", "çćĉċč"),
    ("D", "ĎĐÐ"),
    ("d", "ďđð"),
    ("E", "ÈÊËĒĔĖĘĚ"),
    ("e", "êëēĕėęě"),
    ("G", "ĜĞĠĢ"),
    ("g", "ĝğġģ"),
    ("H", "ĤĦ"),
    ("h", "ĥħ"),
    ("I", "ÌÍÎÏĨĪĬĮİ"),
    ("i", "íîïĩīĭįı"),
    ("J", "Ĵ"),
    ("j", "ĵ"),
    ("K", "Ķ"),
    ("k", "ķĸ"),
    ("L", "ĹĻĽĿŁ"),
    ("l", "ĺļľŀł"),
    ("N", "ŃŅŇŊ"),
    ("n", "ńņňŉŋ"),
    ("O", "ÒÓÔÕŌŎŐ"),
    ("o", "óôõōŏőº"),
    ("OE", "Œ"),
    ("oe", "œ"),
    ("R", "ŔŖŘ"),
    ("r", "ŕŗř"),
    ("S", "ŚŜŞŠȘ"),
    ("s", "śŝşšșſ"),
    ("SS", "ẞ"),
    ("T", "ŢŤŦȚ"),
    ("t", "ţťŧț"),
    ("Th", "Þ"),
    ("th", "þ"),
    ("U", "ÙÚÛŨŪŬŮŰŲ"),
    ("u", "úûũūŭůűųµ"),
    ("W", "ŴẀẂẄ"),
    ("w", "ŵẁẃẅ"),
    ("Y", "ÝŶŸ"),
    ("y", "ýŷÿ"),
    ("Z", "ŹŻŽ"),
    ("z", "źżž"),
    ("'", "‘’‚‛′`´ʹʼ"),
    ("\"", "“”„‟″«»"),
    ("<", "‹"),
    (">", "›"),
    ("-", "‐‑‒–—―−"),
    ("...", "…"),
    (".", "·"),
    ("*", "•×"),
    ("/", "÷⁄"),
    (" ", "\u{a0}\u{2007}\u{2009}\u{202f}"),
    ("1", "¹"),
    ("2", "²"),
    ("3", "³"),
    ("(c)", "©"),
    ("(R)", "®"),
    ("TM", "™"),
    ("No.", "№"),
];

/// Septets of a character; `None` where the alphabet has it not.
pub fn septets(c: char) -> Option<usize> {
    if BASIC.contains(c) { Some(1) } else { EXTENSION.contains(c).then_some(2) }
}

/// The near form of a character that the alphabet has not.
fn near(c: char) -> Option<&'static str> {
    NEAR.iter().find(|(_, all)| all.contains(c)).map(|(form, _)| *form)
}

/// A text that fits one kind of short message: its characters and how they are counted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Short {
    text: String,
    wide: bool,
}

impl Short {
    /// The text in the default alphabet: near forms of letters that it has not, `?` for signs that have
    /// none. Where a letter would be lost that way, as of a name in another script, the text stays as
    /// it is and counts as UCS-2: a name of question marks tells nobody anything.
    pub fn of(text: &str) -> Self {
        let lost = |c: char| c.is_alphabetic() && septets(c).is_none() && near(c).is_none();
        if text.chars().any(lost) {
            return Short { text: text.to_owned(), wide: true };
        }
        let mut out = String::new();
        for c in text.chars() {
            match (septets(c), near(c)) {
                (Some(_), _) => out.push(c),
                (None, Some(form)) => out.push_str(form),
                // Marks upon letters, joiners and variants of pictures are no signs of their own.
                (None, None) if is_mark(c) => {}
                (None, None) => out.push('?'),
            }
        }
        Short { text: out, wide: false }
    }

    /// Septets, or code units of UCS-2.
    pub fn length(&self) -> usize {
        self.text.chars().map(|c| self.cost(c)).sum()
    }

    /// What one message takes of them.
    pub fn limit(&self) -> usize {
        if self.wide { UNITS } else { SEPTETS }
    }

    /// True where it fits one message.
    pub fn fits(&self) -> bool {
        self.length() <= self.limit()
    }

    /// The text, shortened at a word with `..` behind it where it does not fit; a word that does not fit
    /// is cut.
    pub fn shortened(self) -> String {
        if self.fits() {
            return self.text;
        }
        let room = self.limit() - 2;
        let (mut taken, mut end, mut word_end) = (0, 0, 0);
        for (at, c) in self.text.char_indices() {
            taken += self.cost(c);
            // A mark belongs to the letter before it.
            if taken > room {
                break;
            }
            if c == ' ' {
                word_end = at;
            }
            end = at + c.len_utf8();
        }
        let next = self.text.get(end..).and_then(|t| t.chars().next());
        if next == Some(' ') {
            word_end = end;
        }
        let cut = if word_end > 0 { word_end } else { end };
        let kept = self.text.get(..cut).unwrap_or_default().trim_end();
        format!("{kept}..")
    }

    fn cost(&self, c: char) -> usize {
        if self.wide { c.len_utf16() } else { septets(c).unwrap_or(1) }
    }
}

/// Combining marks, joiners, variation selectors, tones of skin.
fn is_mark(c: char) -> bool {
    matches!(c, '\u{300}'..='\u{36f}' | '\u{200b}'..='\u{200f}' | '\u{fe00}'..='\u{fe0f}' | '\u{20d0}'..='\u{20ff}' | '\u{1f3fb}'..='\u{1f3ff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn short(text: &str) -> String {
        Short::of(text).shortened()
    }

    #[test]
    fn the_alphabet_has_its_128_characters() {
        // 128 places less LF, CR and the escape; form feed is the tenth of the extension.
        assert_eq!(BASIC.chars().count(), 125);
        assert_eq!(EXTENSION.chars().count(), 9);
        assert!(BASIC.chars().all(|c| !EXTENSION.contains(c) && BASIC.matches(c).count() == 1));
        for (form, all) in NEAR {
            assert!(form.chars().all(|c| septets(c) == Some(1)), "{form}");
            assert!(all.chars().all(|c| septets(c).is_none()), "{all}");
            assert!(all.chars().all(|c| near(c) == Some(*form)), "{all} stand for {form} alone");
        }
    }

    #[test]
    fn a_text_fits_up_to_160_septets() {
        for (text, kept) in [
            ("a".repeat(159), 159),
            ("a".repeat(160), 160),
            ("a".repeat(161), 160),
            (format!("{}[", "a".repeat(158)), 159),
            (format!("{}[", "a".repeat(159)), 160),
            (format!("{}é", "a".repeat(159)), 160),
        ] {
            let out = short(&text);
            assert_eq!(out.chars().count(), kept, "{out}");
            assert!(Short::of(&out).fits() && (out == text || out.ends_with("..")), "{out}");
        }
        assert_eq!(Short::of(&"€".repeat(80)).length(), 160);
        assert_eq!(short(&"€".repeat(81)), format!("{}..", "€".repeat(79)));
    }

    #[test]
    fn it_is_shortened_at_a_word() {
        let text = format!("{} word {}", "a".repeat(150), "b".repeat(20));
        assert_eq!(short(&text), format!("{} word..", "a".repeat(150)));
        let exact = format!("{} {}", "a".repeat(158), "b".repeat(20));
        assert_eq!(short(&exact), format!("{}..", "a".repeat(158)));
        assert_eq!(short(&format!("{} b", "a".repeat(160))), format!("{}..", "a".repeat(158)));
    }

    #[test]
    fn letters_get_near_forms_and_signs_question_marks() {
        assert_eq!(short("Łódź “Çelik” — naïve … №5"), "Lodz \"Çelik\" - naive ... No.5");
        assert_eq!(short("Zürich Ærø Ñandú β€"), short("Zürich Ærø Ñandú β€"));
        assert_eq!(short("call me 📞 ok 👍🏽"), "call me ? ok ?");
        assert_eq!(short("e\u{301}t\u{e9}"), "et\u{e9}");
    }

    #[test]
    fn other_scripts_stay_and_count_as_ucs_2() {
        let name = "Иван Петров";
        assert_eq!(short(name), name);
        assert_eq!((Short::of(name).limit(), Short::of("شادي").limit()), (70, 70));
        let text = format!("{name} {}", "б".repeat(58));
        assert_eq!(Short::of(&text).length(), 70);
        assert_eq!(short(&text), text);
        assert_eq!(short(&format!("{text}б")), format!("{name}.."));
        // A picture is two code units and is not halved.
        let pictures = format!("я{}", "😀".repeat(40));
        let out = short(&pictures);
        assert_eq!(out, format!("я{}..", "😀".repeat(33)));
        assert!(out.encode_utf16().count() <= UNITS);
    }
}
