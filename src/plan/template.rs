//! Templates: text with names in braces, `{{` and `}}` for braces themselves.

/// A template with its names replaced; `None` where one is unknown or stands for nothing.
pub fn filled(template: &str, value: impl Fn(&str) -> Option<String>) -> Option<String> {
    let mut out = String::new();
    for piece in pieces(template).ok()? {
        match piece {
            Piece::Text(text) => out.push_str(text),
            Piece::Name(name) => out.push_str(&value(name).filter(|v| !v.is_empty())?),
        }
    }
    Some(out)
}

/// What is wrong with a template in which these names are known, with a remedy.
pub fn check(template: &str, known: &[&str]) -> Result<(), String> {
    for piece in pieces(template)? {
        if let Piece::Name(name) = piece
            && !known.contains(&name)
        {
            return Err(format!("`{{{name}}}` stands for nothing; known are {}", known.join(", ")));
        }
    }
    match template.chars().any(char::is_control) {
        true => Err("a template is one line without control characters".to_owned()),
        false => Ok(()),
    }
}

enum Piece<'a> {
    Text(&'a str),
    Name(&'a str),
}

/// Takes a template apart.
fn pieces(template: &str) -> Result<Vec<Piece<'_>>, String> {
    let mut out = Vec::new();
    let mut rest = template;
    while let Some(at) = rest.find(['{', '}']) {
        let (text, found) = rest.split_at(at);
        out.push(Piece::Text(text));
        if let Some(tail) = found.strip_prefix("{{").or_else(|| found.strip_prefix("}}")) {
            out.push(Piece::Text(found.get(..1).unwrap_or_default()));
            rest = tail;
            continue;
        }
        let named = found.strip_prefix('{').and_then(|f| f.split_once('}'));
        let Some((name, tail)) = named else {
            return Err(format!(
                "`{found}` has a brace without its fellow; write {{{{ or }}}} for a brace itself"
            ));
        };
        out.push(Piece::Name(name));
        rest = tail;
    }
    out.push(Piece::Text(rest));
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_replaced_or_nothing_is_said() {
        let value = |name: &str| match name {
            "a" => Some("{b}".to_owned()),
            "empty" => Some(String::new()),
            _ => None,
        };
        assert_eq!(filled("{{{a}}} {a}", value).as_deref(), Some("{{b}} {b}"));
        assert_eq!(filled("", value).as_deref(), Some(""));
        for nothing in ["{empty}", "{c}", "{a", "a}", "{}"] {
            assert_eq!(filled(nothing, value), None, "{nothing}");
        }
    }
}
