//! One line for a pager or a short message: who called, how long, when. It fits one short message and
//! never stands for private mail (RFC 3801 4.2.13: the recipient's system would not keep it private).

use super::Refused;
use super::facts::Facts;
use super::gsm7::Short;
use super::language::Language;
use super::template;

/// Characters a name keeps at least, when names make a text too long.
const NAME_CHARS: usize = 12;

/// The text, of at most 160 septets of the GSM default alphabet, or 70 code units of UCS-2 where a name
/// is in another script.
///
/// The first template of the language whose names are all known is taken. A text that is too long loses
/// the end of the caller's name first, then its own.
pub fn text(facts: &Facts, language: &Language) -> Result<String, Refused> {
    if facts.private {
        return Err(Refused::Untouchable("private mail is not summed up for a pager".to_owned()));
    }
    let whole = written(facts, language);
    if whole.fits() {
        return Ok(whole.shortened());
    }
    let named = |keep: usize| {
        let name = cut(&facts.caller_name, keep);
        written(&Facts { caller_name: name, ..facts.clone() }, language)
    };
    let chars = facts.caller_name.chars().count();
    let fitting = (NAME_CHARS..chars).rev().map(named).find(Short::fits);
    Ok(fitting.unwrap_or_else(|| named(NAME_CHARS)).shortened())
}

fn written(facts: &Facts, language: &Language) -> Short {
    let pager = &language.pager;
    let templates = match (facts.voice_seconds, facts.fax_pages) {
        (Some(_), _) => &pager.voice,
        (None, Some(_)) => &pager.fax,
        (None, None) => &pager.other,
    };
    let value = |name: &str| language.value(facts, name);
    Short::of(&templates.iter().find_map(|t| template::filled(t, value)).unwrap_or_default())
}

/// At most `keep` characters and `..`, ended at a word where that leaves half of them.
fn cut(name: &str, keep: usize) -> String {
    if name.chars().count() <= keep {
        return name.to_owned();
    }
    let head: String = name.chars().take(keep).collect();
    let word = head.rfind(' ').filter(|at| at * 2 >= head.len());
    format!("{}..", word.and_then(|at| head.get(..at)).unwrap_or(&head).trim_end())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::value;
    use crate::plan::gsm7::septets;

    fn call(name: &str) -> Facts {
        Facts {
            caller_name: name.to_owned(),
            caller_number: "+16135550199".to_owned(),
            when: value::date(b"Tue, 24 Nov 2026 09:15:02 -0500"),
            voice_seconds: Some(42.0),
            ..Facts::default()
        }
    }

    fn said(facts: &Facts, code: &str) -> String {
        text(facts, Language::named(code).unwrap()).unwrap()
    }

    #[test]
    fn it_tells_who_how_long_and_when() {
        let pat = call("Pat");
        assert_eq!(said(&pat, "en"), "Voice 0:42 from Pat +16135550199 24 Nov 09:15");
        assert_eq!(said(&pat, "de"), "Sprachnachricht 0:42 von Pat +16135550199 24. Nov. 09:15");
        assert_eq!(said(&pat, "fr"), "Message vocal 0:42 de Pat +16135550199 24 nov. 09:15");
        assert_eq!(said(&pat, "es"), "Mensaje de voz 0:42 de Pat +16135550199 24 nov 09:15");
        let nobody = Facts { caller_number: String::new(), ..call("") };
        assert_eq!(said(&nobody, "en"), "Voice 0:42 24 Nov 09:15");
        assert_eq!(said(&call(""), "en"), "Voice 0:42 from +16135550199 24 Nov 09:15");
        let fax = Facts { voice_seconds: None, fax_pages: Some(3), ..call("Pat") };
        assert_eq!(said(&fax, "en"), "Fax 3 p. from Pat +16135550199 24 Nov 09:15");
        assert_eq!(said(&Facts::default(), "en"), "Message");
        let undated = Facts { when: None, ..call("Pat") };
        assert_eq!(said(&undated, "en"), "Voice message from Pat");
    }

    #[test]
    fn private_mail_is_never_summed_up() {
        let private = Facts { private: true, ..call("Pat") };
        assert!(matches!(text(&private, Language::english()), Err(Refused::Untouchable(_))));
    }

    #[test]
    fn a_long_name_is_shortened_and_number_and_date_stay() {
        let fixed = said(&call("X"), "en").len() - 1;
        for length in [159, 160, 161, 200] {
            let name = "n".repeat(length - fixed);
            let out = said(&call(&name), "en");
            assert_eq!(out.len(), length.min(160), "{out}");
            assert!(
                out.ends_with(" +16135550199 24 Nov 09:15") && (length <= 160) == out.contains(&name),
                "{out}"
            );
        }
        let words = "Word ".repeat(40);
        let out = said(&call(words.trim()), "en");
        assert!(out.contains("Word.. +16135550199 24 Nov 09:15") && out.len() <= 160, "{out}");
        let long_number = Facts { caller_number: "1".repeat(300), ..call("Pat") };
        let out = said(&long_number, "en");
        assert_eq!(out, "Voice 0:42 from Pat..", "{out}");
    }

    #[test]
    fn extension_characters_pictures_and_other_scripts_keep_the_limits() {
        for name in ["[".repeat(200), "😀".repeat(200), "é".repeat(200), "ł".repeat(200), "…".repeat(200)]
        {
            let out = said(&call(&name), "en");
            let length: usize = out.chars().map(|c| septets(c).expect("of the alphabet")).sum();
            assert!((100..=160).contains(&length), "{length}: {out}");
        }
        for name in ["Иван ".repeat(40), "שלום ".repeat(40), "你好".repeat(100), "я😀".repeat(100)]
        {
            let out = said(&call(&name), "en");
            let units = out.encode_utf16().count();
            assert!((50..=70).contains(&units) && out.starts_with("Voice 0:42 from"), "{units}: {out}");
        }
        assert_eq!(said(&call("Zoë O’Łam"), "en"), "Voice 0:42 from Zoe O'Lam +16135550199 24 Nov 09:15");
    }
}
