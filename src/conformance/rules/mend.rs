//! What the repairs of several rules do: fields, parameters, bodies, parts.

use super::lookup::*;
use crate::message::edit::EditList;
use crate::message::{Content, Encoding, Entity, EntityId, Field, Span, mend, transfer};
use crate::vpim::Survey;

impl Survey<'_> {
    /// Sets a field, of which one is left; `None` removes it.
    pub fn set(&self, edits: &mut EditList, id: EntityId, name: &str, value: Option<&str>) {
        mend::set_field(edits, self.message, id, name, value);
    }

    /// Leaves one field `name`, with the value of the first.
    pub fn keep_first(&self, edits: &mut EditList, id: EntityId, name: &str) {
        if self.fields(id, name).nth(1).is_none() {
            return;
        }
        for field in self.fields(id, name).skip(1) {
            self.remove(edits, id, field);
        }
    }

    /// Removes a field, wherever it is.
    pub fn remove(&self, edits: &mut EditList, id: EntityId, field: &Field) {
        if id == ROOT {
            self.delete(edits, field);
        } else {
            edits.body(field.span, Vec::new());
        }
    }

    /// Sets a parameter of a field; other parameters, and how they are written, stay.
    pub fn set_parameter(&self, edits: &mut EditList, id: EntityId, field: &Field, name: &str, value: &str) {
        let octets = self.octets(field);
        let new = format!("{name}={}", parameter_value(value));
        let Some((first, rest)) = parameters(octets, name).split_first().map(|(f, r)| (*f, r.to_vec()))
        else {
            return self.append_parameter(edits, id, field, &new);
        };
        let mut out = Span::new(0, first.start).of(octets).to_vec();
        out.extend_from_slice(new.as_bytes());
        let mut at = first.end;
        // Sections of RFC 2231 and repetitions go, with the semicolon before them.
        for span in rest {
            let kept = Span::new(at, span.start).of(octets);
            let end = kept.iter().rposition(|c| *c == b';').unwrap_or(kept.len());
            out.extend_from_slice(kept.get(..end).unwrap_or_default());
            at = span.end;
        }
        out.extend_from_slice(Span::new(at, octets.len()).of(octets));
        self.replace(edits, id, field, &out);
    }

    /// Sets a parameter of Content-Disposition.
    pub fn set_disposition(&self, edits: &mut EditList, id: EntityId, name: &str, value: &str) {
        match self.fields(id, "Content-Disposition").next() {
            Some(field) => self.set_parameter(edits, id, field, name, value),
            None => {
                let value = format!("inline; {name}={}", parameter_value(value));
                self.set(edits, id, "Content-Disposition", Some(&value));
            }
        }
    }

    /// Writes another type over that of a part; its parameters stay.
    pub fn set_type(&self, edits: &mut EditList, id: EntityId, essence: &str) {
        let Some(field) = self.fields(id, "Content-Type").next() else { return };
        let octets = self.octets(field);
        let rest = octets.iter().position(|c| *c == b';').and_then(|at| octets.get(at..)).unwrap_or_default();
        self.replace(edits, id, field, &[b" ", essence.as_bytes(), rest].concat());
    }

    /// Removes a part, unless it is the last of its multipart.
    pub fn remove_part(&self, edits: &mut EditList, id: EntityId) {
        let parent = self.message.entity(id).and_then(|e| e.parent).and_then(|p| self.message.entity(p));
        if parent.is_some_and(|p| p.children().len() > 1) {
            mend::remove_part(edits, self.message, id);
        }
    }

    /// Gives a part another body, in base64.
    pub fn set_octets(&self, edits: &mut EditList, id: EntityId, entity: &Entity, octets: &[u8]) {
        let eol = self.message.eol().text();
        let text = transfer::encode_base64(octets, eol);
        let line_end = if id == ROOT { eol } else { "" };
        let text = text.strip_suffix(eol.as_bytes()).unwrap_or(&text);
        edits.body(entity.body, [text, line_end.as_bytes()].concat());
        if entity.encoding != Encoding::Base64 {
            self.set(edits, id, "Content-Transfer-Encoding", Some("base64"));
        }
    }

    /// Makes base64 of an audio or fax body that came in another encoding. What is base64 already only
    /// gets its label.
    pub fn recode(&self, edits: &mut EditList, id: EntityId, entity: &Entity) {
        let body = entity.body.of(self.message.raw());
        if is_base64(body) {
            self.set(edits, id, "Content-Transfer-Encoding", Some("base64"));
        } else if id != ROOT || entity.encoding == Encoding::QuotedPrintable {
            // The last line end of a message is the transport's as likely as the part's.
            self.set_octets(edits, id, entity, &self.message.decoded(entity).bytes);
        }
    }

    /// Moves the children of a multipart/voice-message that `foreign` says into a multipart/mixed around
    /// it, which is made where there is none.
    pub fn move_out(&self, edits: &mut EditList, foreign: impl Fn(EntityId, &Entity) -> bool) {
        for (id, container) in self.containers() {
            let (out, stay): (Vec<_>, Vec<_>) =
                self.children(container).partition(|(child, e)| foreign(*child, e));
            if out.is_empty() || stay.is_empty() {
                continue;
            }
            let outer = container.parent.and_then(|p| self.message.entity(p));
            if outer.is_some_and(|o| o.content_type.is("multipart/mixed")) {
                for (child, _) in out {
                    mend::move_outside(edits, self.message, child);
                }
            } else if id == ROOT {
                self.enclose(edits, "multipart/mixed", &out);
            }
        }
    }

    /// Puts what the message is into a multipart `essence` (with its parameters), and parts of it beside it.
    /// The fields that tell of its body go with it.
    pub fn enclose(&self, edits: &mut EditList, essence: &str, beside: &[(EntityId, &Entity)]) {
        let (raw, eol, root) = (self.message.raw(), self.message.eol().text(), self.message.root());
        let Some(content_type) = self.top("Content-Type") else { return };
        let boundary = mend::boundary(self.message, &[]);
        let mut head = format!("--{boundary}{eol}").into_bytes();
        for field in &root.header.fields {
            let name = field.name.of(raw);
            let is = |names: &[&str]| names.iter().any(|n| name.eq_ignore_ascii_case(n.as_bytes()));
            // The encoding of a multipart is that of all in it: the new one needs it as much.
            let goes = is(&mend::OF_THE_BODY) && (root.is_leaf() || !is(&["Content-Transfer-Encoding"]));
            if goes || field.span == content_type.span {
                head.extend_from_slice(field.span.of(raw));
            }
            if goes {
                self.delete(edits, field);
            }
        }
        head.extend_from_slice(eol.as_bytes());
        let mut tail = Vec::new();
        if !root.body.of(raw).ends_with(b"\n") {
            tail.extend_from_slice(eol.as_bytes());
        }
        for (child, e) in beside {
            tail.extend_from_slice(format!("--{boundary}{eol}").as_bytes());
            tail.extend_from_slice(e.span().of(raw));
            tail.extend_from_slice(eol.as_bytes());
            mend::remove_part(edits, self.message, *child);
        }
        tail.extend_from_slice(format!("--{boundary}--{eol}").as_bytes());
        edits.body(Span::at(root.body.start), head);
        edits.body(Span::at(root.body.end), tail);
        let value = format!(" {essence}; boundary=\"{boundary}\"");
        self.replace(edits, ROOT, content_type, value.as_bytes());
    }

    /// Makes a multipart/voice-message of a multipart/mixed that holds nothing else than RFC 3801 4.4.1
    /// has in one.
    pub fn make_container(&self, edits: &mut EditList, id: EntityId, entity: &Entity) {
        let Content::Multipart { boundary, .. } = &entity.content else { return };
        if entity.content_type.is("multipart/mixed") && self.children(entity).all(|(_, e)| is_profiled(e)) {
            let boundary = parameter_value(boundary);
            let value = format!("multipart/voice-message; version=2.0; boundary={boundary}");
            self.set(edits, id, "Content-Type", Some(&value));
        }
    }
}

/// What RFC 3801 4.4.1 has in a voice message.
pub fn is_profiled(e: &Entity) -> bool {
    ["audio/32kadpcm", "image/tiff", "message/rfc822"].iter().any(|t| e.content_type.is(t))
}

/// The value of a parameter, quoted where it is no token (RFC 2045 5.1).
fn parameter_value(value: &str) -> String {
    let token = |c: u8| c.is_ascii_graphic() && !b"()<>@,;:\\\"/[]?=".contains(&c);
    if !value.is_empty() && value.bytes().all(token) {
        return value.to_owned();
    }
    let mut out = String::from("\"");
    for c in value.chars().filter(|c| !c.is_control()) {
        if matches!(c, '"' | '\\') {
            out.push('\\');
        }
        out.push(c);
    }
    out.push('"');
    out
}

/// Where the parameter `name` (and its sections of RFC 2231) is in a field: name, `=` and value.
fn parameters(octets: &[u8], name: &str) -> Vec<Span> {
    let mut out = Vec::new();
    let (mut start, mut depth, mut quoted, mut escaped) = (None, 0usize, false, false);
    for at in 0..=octets.len() {
        let c = octets.get(at).copied();
        let literal = std::mem::take(&mut escaped);
        match c {
            Some(b'\\') if !literal => escaped = true,
            Some(b'"') if !literal && depth == 0 => quoted = !quoted,
            Some(b'(') if !literal && !quoted => depth += 1,
            Some(b')') if !literal && !quoted && depth > 0 => depth -= 1,
            Some(b';') if !quoted && depth == 0 => {
                out.extend(start.map(|from| Span::new(from, at)));
                start = Some(at + 1);
            }
            None => out.extend(start.map(|from| Span::new(from, at))),
            _ => {}
        }
    }
    let trimmed = |span: &Span| {
        let text = span.of(octets);
        let lead = text.len() - text.trim_ascii_start().len();
        Span::new(span.start + lead, span.start + lead + text.trim_ascii().len())
    };
    let is_it = |span: &Span| {
        let text = span.of(octets);
        let key = text.split(|c| *c == b'=').next().unwrap_or_default().trim_ascii();
        let key = key.split(|c| *c == b'*').next().unwrap_or_default();
        key.eq_ignore_ascii_case(name.as_bytes())
    };
    out.iter().map(trimmed).filter(is_it).collect()
}

/// True where a body reads as base64 and as nothing else: whole quanta of the alphabet in short lines.
fn is_base64(body: &[u8]) -> bool {
    let alphabet = |c: u8| c.is_ascii_alphanumeric() || b"+/=".contains(&c);
    let mut lines = body.trim_ascii_end().split(|c| *c == b'\n').map(<[u8]>::trim_ascii);
    let decoded = transfer::decode(&Encoding::Base64, body);
    lines.all(|line| !line.is_empty() && line.len() <= 76 && line.iter().all(|c| alphabet(*c)))
        && decoded.garbage == 0
        && !decoded.unpadded
        && !decoded.bytes.is_empty()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_are_found_whatever_is_around_them() {
        let octets = b" inline; a=\"x;b=1\" (;b=2);\r\n B = 3 ; b*0=4;c=5";
        let found: Vec<_> = parameters(octets, "b")
            .iter()
            .map(|s| String::from_utf8_lossy(s.of(octets)).into_owned())
            .collect();
        assert_eq!(found, ["B = 3", "b*0=4"]);
        assert!(parameters(b" b=1", "b").is_empty());
        assert_eq!(parameter_value("a b\""), "\"a b\\\"\"");
        assert_eq!(parameter_value("m1.726"), "m1.726");
    }

    #[test]
    fn base64_is_told_from_octets() {
        assert!(is_base64(b"////\r\nAAA=\r\n"));
        for other in [b"".as_slice(), b"//// ////", b"///", b"\xff\xff\xff\xff", b"AA==AAAA"] {
            assert!(!is_base64(other), "{other:?}");
        }
    }
}
