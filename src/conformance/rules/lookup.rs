//! What the rules ask about a message, in one place: which entities are judged, values of fields,
//! facts of bodies. Keeps the check functions short.

use crate::media::Facts;
use crate::media::audio::AudioFacts;
use crate::media::fax::{FaxFacts, PageFacts};
use crate::message::edit::{EditList, HeaderEdit, Place};
use crate::message::structured::{Token, lex};
use crate::message::value::{self, Mailbox};
use crate::message::{Entity, EntityId, Field, Span};
use crate::vpim::{Body, Class, Survey};

/// The message's own entity.
pub const ROOT: EntityId = 0;

/// VPIM version 2.
pub const VPIM2: &[Class] = &[Class::Vpim2, Class::Vpim2Rfc2421];
/// VPIM version 2 in the reading of RFC 3801 only.
pub const RFC3801: &[Class] = &[Class::Vpim2];
/// All voice and fax mail but VPIM version 1.
pub const NOT_VPIM1: &[Class] =
    &[Class::Vpim2, Class::Vpim2Rfc2421, Class::Ivm, Class::Fax, Class::VoiceOther];
/// VPIM version 2 in the reading of RFC 2421.
pub const RFC2421: &[Class] = &[Class::Vpim2Rfc2421];
/// VPIM version 1.
pub const VPIM1: &[Class] = &[Class::Vpim1];
/// VPIM of either version.
pub const VPIM: &[Class] = &[Class::Vpim2, Class::Vpim2Rfc2421, Class::Vpim1];
/// VPIM version 2, and what a conversion to it would have to do.
pub const VPIM2_OR_OTHER: &[Class] = &[Class::Vpim2, Class::Vpim2Rfc2421, Class::VoiceOther];
/// Internet voice messaging.
pub const IVM: &[Class] = &[Class::Ivm];
/// Internet fax.
pub const FAX: &[Class] = &[Class::Fax];
/// Messages with fax pages that claim to follow a profile.
pub const FAX_PAGES: &[Class] = &[Class::Vpim2, Class::Vpim2Rfc2421, Class::Fax, Class::Ivm];
/// Messages with audio that claim to follow a profile.
pub const AUDIO: &[Class] = &[Class::Vpim2, Class::Vpim2Rfc2421, Class::Vpim1, Class::Ivm];
/// Messages with audio.
pub const WITH_AUDIO: &[Class] =
    &[Class::Vpim2, Class::Vpim2Rfc2421, Class::Vpim1, Class::Ivm, Class::VoiceOther];
/// All voice and fax mail.
pub const ALL: &[Class] =
    &[Class::Vpim2, Class::Vpim2Rfc2421, Class::Vpim1, Class::Ivm, Class::Fax, Class::VoiceOther];

impl Survey<'_> {
    /// True for a delivery or disposition notification.
    pub fn is_report(&self) -> bool {
        self.message.root().content_type.is("multipart/report")
    }

    /// The entities that are judged. What a report returns is evidence, not a message of its sender.
    pub fn judged(&self) -> impl Iterator<Item = (EntityId, &Entity)> {
        self.message.entities().filter(|(id, e)| match e.parent {
            None => true,
            Some(ROOT) if self.is_report() => true,
            Some(_) => !self.message.lineage(*id).skip(1).any(|a| a.content_type.is("multipart/report")),
        })
    }

    /// The judged leaves of type `main`.
    pub fn leaves<'a>(&'a self, main: &'a str) -> impl Iterator<Item = (EntityId, &'a Entity)> {
        self.judged().filter(move |(_, e)| e.is_leaf() && e.content_type.main == main)
    }

    /// The judged leaves of type audio.
    pub fn audio(&self) -> impl Iterator<Item = (EntityId, &Entity)> {
        self.leaves("audio")
    }

    /// True where audio is found, by label or by its bytes.
    pub fn has_audio(&self) -> bool {
        self.judged().any(|(id, e)| e.content_type.main == "audio" || self.audio_facts(id).is_some())
    }

    /// The judged leaves of type audio or image.
    pub fn media(&self) -> impl Iterator<Item = (EntityId, &Entity)> {
        self.judged()
            .filter(|(_, e)| e.is_leaf() && matches!(e.content_type.main.as_str(), "audio" | "image"))
    }

    /// The judged leaves of type image/tiff or image/tiff-fx.
    pub fn tiffs(&self) -> impl Iterator<Item = (EntityId, &Entity)> {
        self.leaves("image").filter(|(_, e)| is_tiff(e))
    }

    /// The judged multipart/voice-message entities.
    pub fn containers(&self) -> impl Iterator<Item = (EntityId, &Entity)> {
        self.judged().filter(|(_, e)| e.content_type.is("multipart/voice-message"))
    }

    /// The children of an entity.
    pub fn children(&self, entity: &Entity) -> impl Iterator<Item = (EntityId, &Entity)> {
        entity.children().iter().filter_map(|id| Some((*id, self.message.entity(*id)?)))
    }

    /// The children of all containers.
    pub fn contents(&self) -> impl Iterator<Item = (EntityId, &Entity)> {
        self.containers().flat_map(|(_, e)| self.children(e))
    }

    /// The headers of messages forwarded in a container.
    pub fn forwarded(&self) -> impl Iterator<Item = (EntityId, &Entity)> {
        self.contents().filter(|(_, e)| e.content_type.main == "message").flat_map(|(_, e)| self.children(e))
    }

    /// The fields `name` of an entity.
    pub fn fields<'a>(&'a self, id: EntityId, name: &'a str) -> impl Iterator<Item = &'a Field> {
        self.message.entity(id).into_iter().flat_map(move |e| self.message.fields(e, name))
    }

    /// The first field `name` of the message header.
    pub fn top<'a>(&'a self, name: &'a str) -> Option<&'a Field> {
        self.fields(ROOT, name).next()
    }

    /// The octets of a field behind its colon.
    pub fn octets(&self, field: &Field) -> &[u8] {
        field.value.of(self.message.raw())
    }

    /// The value of a field without comments and folds.
    pub fn text(&self, field: &Field) -> String {
        without_comments(self.octets(field))
    }

    /// The value of the first field `name` of the message header, in lower case.
    pub fn top_token(&self, name: &str) -> Option<String> {
        self.top(name).map(|f| self.text(f).to_ascii_lowercase())
    }

    /// The mailboxes of an address field.
    pub fn mailboxes(&self, field: &Field) -> Vec<Mailbox> {
        value::mailboxes(self.text(field).as_bytes())
    }

    /// The mailboxes of all fields `name` of the message header.
    pub fn all_mailboxes(&self, name: &str) -> Vec<Mailbox> {
        self.fields(ROOT, name).flat_map(|f| self.mailboxes(f)).collect()
    }

    /// Who the message is for: the envelope, where known, else To and Cc.
    pub fn recipients(&self) -> Vec<String> {
        if self.envelope.rcpt_to.is_empty() {
            ["To", "Cc"].iter().flat_map(|n| self.all_mailboxes(n)).map(|m| m.address).collect()
        } else {
            self.envelope.rcpt_to.clone()
        }
    }

    /// What the audio of an entity is.
    pub fn audio_facts(&self, id: EntityId) -> Option<&AudioFacts> {
        match &self.body(id)?.facts.as_ref().ok()?.facts {
            Facts::Audio(facts) => Some(facts),
            Facts::Fax(_) => None,
        }
    }

    /// The judged bodies that are fax documents, with what was read.
    pub fn faxes(&self) -> impl Iterator<Item = (EntityId, &FaxFacts)> {
        self.tiffs().filter_map(|(id, _)| match &self.body(id)?.facts.as_ref().ok()?.facts {
            Facts::Fax(facts) if facts.container == "tiff" => Some((id, facts)),
            _ => None,
        })
    }

    /// The judged fax pages: entity, number from 1, fields.
    pub fn pages(&self) -> impl Iterator<Item = (EntityId, usize, &PageFacts)> {
        self.faxes().flat_map(|(id, facts)| facts.pages.iter().enumerate().map(move |(n, p)| (id, n + 1, p)))
    }

    /// The judged audio and fax bodies.
    pub fn judged_bodies(&self) -> impl Iterator<Item = (&Body, &Entity)> {
        self.judged().filter_map(|(id, e)| Some((self.body(id)?, e)))
    }

    /// The value of a parameter of Content-Disposition.
    pub fn disposition<'a>(&self, entity: &'a Entity, parameter: &str) -> Option<&'a str> {
        entity.disposition.as_ref()?.parameters.value(parameter).map(str::trim)
    }

    /// Replaces the octets of a field behind its colon, wherever the field is.
    pub fn replace(&self, edits: &mut EditList, id: EntityId, field: &Field, with: &[u8]) {
        if id != ROOT {
            edits.body(field.value, with.to_vec());
        } else if let Some(index) = self.index(field) {
            let value = with.iter().copied().filter(|c| *c != b'\r').collect();
            edits.header(HeaderEdit::Replace { field: index, value });
        }
    }

    /// Deletes a field of the message header.
    pub fn delete(&self, edits: &mut EditList, field: &Field) {
        if let Some(field) = self.index(field) {
            edits.header(HeaderEdit::Delete { field });
        }
    }

    fn index(&self, field: &Field) -> Option<usize> {
        self.message.root().header.fields.iter().position(|f| f.span == field.span)
    }

    /// Appends a parameter to a field with parameters.
    pub fn append_parameter(&self, edits: &mut EditList, id: EntityId, field: &Field, parameter: &str) {
        let mut value = self.octets(field).trim_ascii_end().to_vec();
        if !value.ends_with(b";") {
            value.push(b';');
        }
        value.push(b' ');
        value.extend_from_slice(parameter.as_bytes());
        self.replace(edits, id, field, &value);
    }
}

/// Adds a field to the message header.
pub fn insert(edits: &mut EditList, name: &str, value: &str) {
    let value = format!(" {value}").into_bytes();
    edits.header(HeaderEdit::Insert { place: Place::Fields, name: name.to_owned(), value });
}

/// Adds a field at the end of the header of a part.
pub fn insert_in_part(s: &Survey<'_>, edits: &mut EditList, entity: &Entity, field: &str) {
    let line = format!("{field}{}", s.message.eol().text());
    edits.body(Span::at(entity.header.span.end), line.into_bytes());
}

/// image/tiff and image/tiff-fx.
pub fn is_tiff(entity: &Entity) -> bool {
    entity.content_type.main == "image" && matches!(entity.content_type.sub.as_str(), "tiff" | "tiff-fx")
}

/// text/directory and its other names (RFC 2426, RFC 6350).
pub fn is_vcard(entity: &Entity) -> bool {
    ["text/directory", "text/vcard", "text/x-vcard", "application/directory"]
        .iter()
        .any(|t| entity.content_type.is(t))
}

/// A field value without comments, folds undone, blanks at the ends removed.
pub fn without_comments(octets: &[u8]) -> String {
    let (mut out, mut depth, mut quoted, mut escaped) =
        (Vec::with_capacity(octets.len()), 0usize, false, false);
    for &c in octets {
        let literal = std::mem::take(&mut escaped);
        match c {
            b'\r' | b'\n' => continue,
            b'\\' if !literal => escaped = true,
            b'"' if !literal && depth == 0 => quoted = !quoted,
            b'(' if !literal && !quoted => depth += 1,
            b')' if !literal && !quoted && depth > 0 => {
                depth -= 1;
                continue;
            }
            _ => {}
        }
        if depth == 0 {
            out.push(c);
        }
    }
    String::from_utf8_lossy(&out).trim().to_owned()
}

/// The words of a structured field, comments left out.
pub fn words(octets: &[u8]) -> Vec<String> {
    let word = |t| match t {
        Token::Word(w) | Token::Quoted(w) => Some(w),
        Token::Special(c) => Some(c.to_string()),
        Token::Comment(_) => None,
    };
    lex(octets).into_iter().filter_map(word).collect()
}

/// A text of the message for a finding: short, and safe to print.
pub fn quoted(text: &str) -> String {
    let mut out: String = text.chars().take(60).flat_map(char::escape_debug).collect();
    if text.chars().nth(60).is_some() {
        out.push_str("...");
    }
    format!("\"{out}\"")
}

/// A domain of at least two labels of letters, digits and hyphens.
pub fn is_dns_domain(domain: &str) -> bool {
    let label = |l: &str| {
        !l.is_empty()
            && l.len() <= 63
            && !l.starts_with('-')
            && !l.ends_with('-')
            && l.bytes().all(|c| c.is_ascii_alphanumeric() || c == b'-')
    };
    let domain = domain.strip_suffix('.').unwrap_or(domain);
    domain.contains('.') && domain.split('.').all(label)
}

/// The part before the last `@`.
pub fn local_part(address: &str) -> &str {
    address.rsplit_once('@').map_or(address, |(local, _)| local)
}

/// The part behind the last `@`.
pub fn domain(address: &str) -> Option<&str> {
    address.rsplit_once('@').map(|(_, domain)| domain)
}

/// RFC 3801 4.1.2: the mailbox nobody can answer.
pub fn is_non_mail_user(address: &str) -> bool {
    local_part(address).trim_matches('"').eq_ignore_ascii_case("non-mail-user")
}

/// Equal mailboxes: local part as written, domain without case.
pub fn same_mailbox(a: &str, b: &str) -> bool {
    local_part(a) == local_part(b)
        && domain(a).unwrap_or_default().eq_ignore_ascii_case(domain(b).unwrap_or_default())
}

/// True where `x` is one of `values`, give or take one half (TIFF resolutions).
pub fn near(x: f64, values: &[f64]) -> bool {
    values.iter().any(|v| (x - v).abs() <= 0.5)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_are_removed_but_not_from_quoted_strings() {
        assert_eq!(without_comments(b" a (b (c) \\) d) e\r\n \"(f)\" "), "a  e \"(f)\"");
        assert_eq!(without_comments(b"(open"), "");
    }

    #[test]
    fn dns_domains_have_two_labels_at_least() {
        assert!(is_dns_domain("vm.example.net"));
        for bad in ["", "localhost", "[192.0.2.1]", "a..b", "-a.b", "a_b.c"] {
            assert!(!is_dns_domain(bad), "{bad}");
        }
    }
}
