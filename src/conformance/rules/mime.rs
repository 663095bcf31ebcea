//! The mail underneath: RFC 5322, 2045, 2046. Checked for voice and fax mail only; a voice system
//! that breaks these is misread by the mail systems between it and the recipient.

use super::lookup::*;
use super::samples::*;
use crate::conformance::rule::{Findings, Level, Rule, Samples};
use crate::message::edit::EditList;
use crate::message::{DefectKind, Encoding};
use crate::vpim::Survey;

/// The rules.
pub static RULES: &[Rule] = &[
    Rule {
        id: "mail-bare-lf",
        level: Level::MustNot,
        rfc: 5322,
        section: "2.3",
        text: "CR and LF occur only together.",
        remedy: "Check what changed the line ends on the way: SMTP ends lines with CR LF.",
        classes: ALL,
        check: mail_bare_lf,
        repair: None,
        samples: Samples::changed(VOICE, &[("Subject: Voice Message\n", "Subject: Voice Message␤")]),
    },
    Rule {
        id: "mail-nul",
        level: Level::MustNot,
        rfc: 5322,
        section: "4",
        text: "No NUL octet occurs.",
        remedy: "Encode binary data in base64.",
        classes: ALL,
        check: mail_nul,
        repair: None,
        samples: Samples::changed(VOICE, &[("Voice Message", "Voice\0Message")]),
    },
    Rule {
        id: "mail-header-broken",
        level: Level::Must,
        rfc: 5322,
        section: "2.2",
        text: "A header consists of fields: a name, a colon, a value.",
        remedy: "Remove the line that is no field.",
        classes: ALL,
        check: mail_header_broken,
        repair: None,
        samples: Samples::changed(VOICE, &[("boundary=b1\n\n", "boundary=b1\nno field\n\n")]),
    },
    Rule {
        id: "mail-8bit-header",
        level: Level::Must,
        rfc: 5322,
        section: "2.2",
        text: "Header fields are ASCII.",
        remedy: "Write other characters as encoded words (RFC 2047).",
        classes: ALL,
        check: mail_8bit_header,
        repair: None,
        samples: Samples::changed(VOICE, &[("Subject: Voice Message", "Subject: Sprachnachricht für Sie")]),
    },
    Rule {
        id: "mail-line-too-long",
        level: Level::Must,
        rfc: 5322,
        section: "2.1.1",
        text: "No line is longer than 998 characters.",
        remedy: "Let the system break base64 lines at 76 characters.",
        classes: ALL,
        check: mail_line_too_long,
        repair: None,
        samples: Samples::changed(VOICE, &[("////////\n", "␦\n")]),
    },
    Rule {
        id: "mail-field-once",
        level: Level::Must,
        rfc: 5322,
        section: "3.6",
        text: "Date, From, Sender, Reply-To, Cc, Message-ID, In-Reply-To, References and Subject occur at most once.",
        remedy: "Let the system write the field once.",
        classes: ALL,
        check: mail_field_once,
        repair: None,
        samples: Samples::changed(VOICE, &[("Subject:", "Subject: One\nSubject:")]),
    },
    Rule {
        id: "mail-address-brackets",
        level: Level::Must,
        rfc: 5322,
        section: "3.4",
        text: "An address that follows a display name stands in angle brackets.",
        remedy: "Write the address as \"Name\" <address>.",
        classes: ALL,
        check: mail_address_brackets,
        repair: None,
        samples: Samples::changed(VOICE, &[("Subject:", "Sender: Ann Example 1@a.test\nSubject:")]),
    },
    Rule {
        id: "mime-duplicate-field",
        level: Level::Must,
        rfc: 2045,
        section: "3",
        text: "Content-Type and Content-Transfer-Encoding occur once in a header.",
        remedy: "Let the system write the field once; readers disagree on which one counts.",
        classes: ALL,
        check: mime_duplicate_field,
        repair: None,
        samples: Samples::changed(
            VOICE,
            &[(
                "Content-Type: audio/32KADPCM\n",
                "Content-Type: audio/32KADPCM\nContent-Type: audio/32KADPCM\n",
            )],
        ),
    },
    Rule {
        id: "mime-boundary-usable",
        level: Level::Must,
        rfc: 2046,
        section: "5.1.1",
        text: "A multipart has a boundary parameter of 1 to 70 characters.",
        remedy: "Let the system write a boundary.",
        classes: ALL,
        check: mime_boundary_usable,
        repair: None,
        samples: Samples::changed(VOICE, &[("--b1--", "--b1\nContent-Type: multipart/mixed\n\nx\n--b1--")]),
    },
    Rule {
        id: "mime-delimiter-present",
        level: Level::Must,
        rfc: 2046,
        section: "5.1.1",
        text: "The boundary of a multipart occurs in its body.",
        remedy: "Check what cut or rewrote the message on its way.",
        classes: ALL,
        check: mime_delimiter_present,
        repair: None,
        samples: Samples::changed(VOICE, &[("boundary=b1", "boundary=b9")]),
    },
    Rule {
        id: "mime-close-delimiter",
        level: Level::Must,
        rfc: 2046,
        section: "5.1.1",
        text: "A multipart ends with its close delimiter.",
        remedy: "Check what cut the message on its way.",
        classes: ALL,
        check: mime_close_delimiter,
        repair: None,
        samples: Samples::changed(VOICE, &[("--b1--\n", "")]),
    },
    Rule {
        id: "mime-delimiter-clean",
        level: Level::Must,
        rfc: 2046,
        section: "5.1.1",
        text: "Nothing but blanks follows a boundary on its line.",
        remedy: "Let the system write a boundary that is no beginning of another line.",
        classes: ALL,
        check: mime_delimiter_clean,
        repair: None,
        samples: Samples::changed(VOICE, &[("--b1--", "--b1--x")]),
    },
    Rule {
        id: "mime-part-after-close",
        level: Level::Should,
        rfc: 2046,
        section: "5.1.1",
        text: "No line behind the close delimiter looks like a delimiter; readers disagree on what it is.",
        remedy: "Let the system end the message with the close delimiter.",
        classes: ALL,
        check: mime_part_after_close,
        repair: None,
        samples: Samples::changed(VOICE, &[("--b1--\n", "--b1--\n--b1\n")]),
    },
    Rule {
        id: "mime-boundary-distinct",
        level: Level::Must,
        rfc: 2046,
        section: "5.1.2",
        text: "A multipart within a multipart has a boundary of its own.",
        remedy: "Let the system make a new boundary for every multipart.",
        classes: ALL,
        check: mime_boundary_distinct,
        repair: None,
        samples: Samples::changed(FORWARD, &[("boundary=b2", "boundary=b1")]),
    },
    Rule {
        id: "mime-boundary-prefix",
        level: Level::Should,
        rfc: 2046,
        section: "5.1.1",
        text: "The boundary of an inner multipart does not begin with the outer one: delimiters are told by the beginning of a line.",
        remedy: "Let the system make boundaries none of which begins like another.",
        classes: ALL,
        check: mime_boundary_prefix,
        repair: None,
        samples: Samples::changed(
            FORWARD,
            &[("boundary=b2", "boundary=b12"), ("--b2\n", "--b12\n"), ("--b2--", "--b12--")],
        ),
    },
    Rule {
        id: "mime-composite-identity",
        level: Level::MustNot,
        rfc: 2045,
        section: "6.4",
        text: "Multipart and message entities are not encoded.",
        remedy: "Encode the parts, not the multipart.",
        classes: ALL,
        check: mime_composite_identity,
        repair: None,
        samples: Samples::changed(
            VOICE,
            &[(
                "--b1--",
                "--b1\nContent-Type: message/rfc822\nContent-Transfer-Encoding: base64\n\nAAAA\n--b1--",
            )],
        ),
    },
    Rule {
        id: "mime-nesting",
        level: Level::Should,
        rfc: 2046,
        section: "5.1",
        text: "Entities are not nested or repeated without bound.",
        remedy: "Send the parts beside each other.",
        classes: ALL,
        check: mime_nesting,
        repair: None,
        samples: Samples { good: VOICE, bad: DEEP },
    },
    Rule {
        id: "mime-encoding-known",
        level: Level::Must,
        rfc: 2045,
        section: "6.1",
        text: "Content-Transfer-Encoding is 7bit, 8bit, binary, quoted-printable or base64.",
        remedy: "Let the system write base64.",
        classes: NOT_VPIM1,
        check: mime_encoding_known,
        repair: Some(rename_base64),
        samples: Samples::changed(VOICE, &[("base64", "Base-64")]),
    },
    Rule {
        id: "mime-base64-padding",
        level: Level::Must,
        rfc: 2045,
        section: "6.8",
        text: "The last quantum of base64 is padded.",
        remedy: "Check what cut the part on its way, or the encoder.",
        classes: ALL,
        check: mime_base64_padding,
        repair: None,
        samples: Samples::changed(VOICE, &[("////////", "//////")]),
    },
    Rule {
        id: "mime-base64-alphabet",
        level: Level::Should,
        rfc: 2045,
        section: "6.8",
        text: "Base64 holds no other characters than its alphabet.",
        remedy: "Check what changed the part on its way.",
        classes: ALL,
        check: mime_base64_alphabet,
        repair: None,
        samples: Samples::changed(VOICE, &[("////////", "////!!!!////")]),
    },
    Rule {
        id: "mime-base64-line",
        level: Level::Must,
        rfc: 2045,
        section: "6.8",
        text: "Lines of base64 are at most 76 characters long.",
        remedy: "Let the encoder break lines at 76 characters.",
        classes: ALL,
        check: mime_base64_line,
        repair: None,
        samples: Samples::changed(
            VOICE,
            &[(
                "////////\n",
                "////////////////////////////////////////////////////////////////////////////////\n",
            )],
        ),
    },
    Rule {
        id: "mime-content-type-readable",
        level: Level::Must,
        rfc: 2045,
        section: "5.1",
        text: "Content-Type holds a type and a subtype.",
        remedy: "Let the system write type/subtype.",
        classes: ALL,
        check: mime_content_type_readable,
        repair: None,
        samples: Samples::changed(VOICE, &[("Content-Type: audio/32KADPCM", "Content-Type: audio")]),
    },
];

fn mail_bare_lf(s: &Survey<'_>, f: &mut Findings<'_>) {
    if s.message.eol() == crate::message::Eol::Lf {
        f.offset(ROOT, 0, "all lines end with LF alone, as in a file and not as in transit");
    }
    defect(s, f, &[DefectKind::BareLf, DefectKind::BareCr]);
}

fn mail_nul(s: &Survey<'_>, f: &mut Findings<'_>) {
    defect(s, f, &[DefectKind::Nul]);
}

fn mail_header_broken(s: &Survey<'_>, f: &mut Findings<'_>) {
    defect(s, f, &[DefectKind::HeaderBroken, DefectKind::HeaderTooLarge, DefectKind::ControlInHeader]);
}

fn mail_8bit_header(s: &Survey<'_>, f: &mut Findings<'_>) {
    for (id, e) in s.judged() {
        if let Some(field) = e.header.fields.iter().find(|x| !x.span.of(s.message.raw()).is_ascii()) {
            f.field(id, field, "octets above 127 in a header field");
        }
    }
}

fn mail_line_too_long(s: &Survey<'_>, f: &mut Findings<'_>) {
    let raw = s.message.raw();
    let binary = |at: usize| {
        s.judged().any(|(_, e)| {
            e.is_leaf() && e.encoding == Encoding::Binary && e.body.start <= at && at < e.body.end
        })
    };
    let mut start = 0;
    for end in memchr::memchr_iter(b'\n', raw).chain([raw.len()]) {
        let long = end.saturating_sub(start) > 999 && !binary(start);
        if long {
            f.offset(ROOT, start, format!("a line of {} characters", end - start));
            break;
        }
        start = end + 1;
    }
}

fn mail_address_brackets(s: &Survey<'_>, f: &mut Findings<'_>) {
    for field in ["From", "Sender", "Reply-To", "To", "Cc"].into_iter().flat_map(|n| s.fields(ROOT, n)) {
        if bare_address_after_name(&s.text(field)) {
            f.field(ROOT, field, "an address follows a name without angle brackets");
        }
    }
}

/// True where a word stands in front of an address that has no brackets. Blanks around the `@` and
/// the dots of an address are old, not wrong (RFC 5322 4.4).
fn bare_address_after_name(list: &str) -> bool {
    let (mut quoted, mut escaped) = (false, false);
    let unquoted: String = list
        .chars()
        .map(|c| {
            let literal = std::mem::take(&mut escaped);
            escaped = c == '\\' && !literal;
            quoted ^= c == '"' && !literal;
            if quoted { '"' } else { c }
        })
        .collect();
    unquoted.split([',', ';', ':']).filter(|one| !one.contains('<')).any(|one| {
        let mut words = one.split_whitespace().rev();
        let address = words.next().is_some_and(|w| w.find('@').is_some_and(|at| at > 0));
        address && words.next().is_some_and(|w| !w.ends_with(['@', '.']))
    })
}

fn mail_field_once(s: &Survey<'_>, f: &mut Findings<'_>) {
    for name in ["Subject", "Sender", "Reply-To", "In-Reply-To", "References"] {
        if let Some(second) = s.fields(ROOT, name).nth(1) {
            f.field(ROOT, second, format!("a second {name}"));
        }
    }
}

fn mime_duplicate_field(s: &Survey<'_>, f: &mut Findings<'_>) {
    defect(s, f, &[DefectKind::DuplicateField]);
}

fn mime_boundary_usable(s: &Survey<'_>, f: &mut Findings<'_>) {
    defect(s, f, &[DefectKind::BoundaryUnusable]);
}

fn mime_delimiter_present(s: &Survey<'_>, f: &mut Findings<'_>) {
    defect(s, f, &[DefectKind::NoDelimiter]);
}

fn mime_close_delimiter(s: &Survey<'_>, f: &mut Findings<'_>) {
    defect(s, f, &[DefectKind::CloseDelimiterMissing]);
}

fn mime_delimiter_clean(s: &Survey<'_>, f: &mut Findings<'_>) {
    let defects = s.message.defects();
    let in_epilogue = |at| defects.iter().any(|d| d.kind == DefectKind::PartAfterClose && d.at == at);
    for defect in defects.iter().filter(|d| d.kind == DefectKind::DelimiterGarbage).take(16) {
        // RFC 2046 5.1.1: what follows the close delimiter has no meaning.
        if !in_epilogue(defect.at) {
            f.offset(ROOT, defect.at, defect.kind.text());
        }
    }
}

fn mime_part_after_close(s: &Survey<'_>, f: &mut Findings<'_>) {
    defect(s, f, &[DefectKind::PartAfterClose]);
}

fn mime_boundary_distinct(s: &Survey<'_>, f: &mut Findings<'_>) {
    boundaries(s, f, |inner, outer| inner == outer);
}

fn mime_boundary_prefix(s: &Survey<'_>, f: &mut Findings<'_>) {
    boundaries(s, f, |inner, outer| inner != outer && inner.starts_with(outer));
}

/// Findings for boundaries within others that they collide with.
fn boundaries(s: &Survey<'_>, f: &mut Findings<'_>, collide: fn(&str, &str) -> bool) {
    fn boundary(e: &crate::message::Entity) -> Option<&str> {
        let is_multipart = e.content_type.main == "multipart";
        e.content_type.parameters.value("boundary").filter(|b| is_multipart && !b.is_empty())
    }
    for (id, inner) in s.judged().filter_map(|(id, e)| Some((id, boundary(e)?))) {
        let outer = s.message.lineage(id).skip(1).filter_map(boundary).find(|outer| collide(inner, outer));
        if let Some(outer) = outer {
            f.entity(id, format!("boundary {} within boundary {}", quoted(inner), quoted(outer)));
        }
    }
}

fn mime_composite_identity(s: &Survey<'_>, f: &mut Findings<'_>) {
    defect(s, f, &[DefectKind::EncodedComposite]);
}

fn mime_nesting(s: &Survey<'_>, f: &mut Findings<'_>) {
    defect(s, f, &[DefectKind::TooDeep, DefectKind::TooManyParts]);
}

fn mime_encoding_known(s: &Survey<'_>, f: &mut Findings<'_>) {
    for (id, field, name) in odd_encodings(s) {
        f.field(id, field, format!("{} is no encoding", quoted(&name)));
    }
}

fn mime_base64_padding(s: &Survey<'_>, f: &mut Findings<'_>) {
    for (body, _) in s.judged_bodies().filter(|(b, _)| b.unpadded) {
        f.entity(body.entity, "the end of the base64 is cut or not padded");
    }
}

fn mime_base64_alphabet(s: &Survey<'_>, f: &mut Findings<'_>) {
    for (body, e) in s.judged_bodies().filter(|(b, _)| b.garbage > 0) {
        f.entity(body.entity, format!("{} characters that are not of {}", body.garbage, e.encoding.name()));
    }
}

fn mime_base64_line(s: &Survey<'_>, f: &mut Findings<'_>) {
    let of_alphabet = |c: &&u8| c.is_ascii_alphanumeric() || b"+/=".contains(c);
    let length = |l: &[u8]| l.iter().filter(of_alphabet).count();
    for (id, e) in s.judged().filter(|(_, e)| e.is_leaf() && e.encoding == Encoding::Base64) {
        let body = e.body.of(s.message.raw());
        let ends = memchr::memchr_iter(b'\n', body).chain([body.len()]);
        let mut lines = ends.scan(0, |start, end| {
            let line = body.get(std::mem::replace(start, end + 1)..end).unwrap_or_default();
            Some(line.strip_suffix(b"\r").unwrap_or(line))
        });
        // Most lines are of 76 characters: their length alone tells.
        if let Some(line) = lines.find(|l| l.len() > 76 && length(l) > 76) {
            f.offset(id, e.body.start, format!("a line of {} characters", length(line)));
        }
    }
}

fn mime_content_type_readable(s: &Survey<'_>, f: &mut Findings<'_>) {
    for (id, _) in s.judged().filter(|(_, e)| !e.type_declared) {
        if let Some(field) = s.fields(id, "Content-Type").next() {
            f.field(id, field, "no type/subtype; read as text/plain");
        }
    }
}

/// Findings for defects of these kinds.
fn defect(s: &Survey<'_>, f: &mut Findings<'_>, kinds: &[DefectKind]) {
    for defect in s.message.defects().iter().filter(|d| kinds.contains(&d.kind)) {
        f.offset(ROOT, defect.at, defect.kind.text());
    }
}

/// Encoding names that are none (`Base-64` was one in VPIM version 1).
pub fn odd_encodings<'a>(
    s: &'a Survey<'_>,
) -> impl Iterator<Item = (crate::message::EntityId, &'a crate::message::Field, String)> {
    s.judged().filter_map(|(id, _)| {
        let field = s.fields(id, "Content-Transfer-Encoding").next()?;
        let name = words(s.octets(field)).concat();
        let known = ["7bit", "8bit", "binary", "quoted-printable", "base64"]
            .iter()
            .any(|n| n.eq_ignore_ascii_case(&name));
        (!known).then_some((id, field, name))
    })
}

pub fn rename_base64(s: &Survey<'_>, edits: &mut EditList) {
    for (id, field, name) in odd_encodings(s) {
        if name.eq_ignore_ascii_case("base-64") {
            s.replace(edits, id, field, b" base64");
        }
    }
}
