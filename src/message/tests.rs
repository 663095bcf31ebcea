//! The laws of the message core, over written and generated messages.

use super::edit::{EditList, HeaderEdit, Modification, Place};
use super::*;
use proptest::prelude::*;

fn parse(raw: &str) -> Message<'_> {
    Message::parse(raw.as_bytes(), &Limits::default())
}

fn outline(message: &Message<'_>) -> Vec<(String, String, String)> {
    let text = |s: Span| String::from_utf8_lossy(s.of(message.raw())).into_owned();
    message.entities().map(|(_, e)| (e.path.to_string(), e.content_type.essence(), text(e.body))).collect()
}

const NESTED: &str = "Content-Type: multipart/mixed; boundary=b\r\n\r\npre\r\n--b\r\n\r\none\r\n--b  \r\n\
Content-Type: multipart/voice-message; boundary=b1\r\n\r\n--b1\r\nContent-Type: audio/32KADPCM\r\n\r\nxx\r\n--b1\r\n\
Content-Type: message/rfc822\r\n\r\nSubject: in\r\nContent-Type: multipart/mixed; boundary=c\r\n\r\n--c\r\n\r\ndeep\r\n--c--\r\n\
--b1--\r\nepi\r\n--b--\r\nend\r\n";

#[test]
fn parts_are_found_with_their_numbers_and_exact_bodies() {
    let message = parse(NESTED);
    let found = outline(&message);
    let numbers: Vec<_> = found.iter().map(|(p, t, _)| (p.as_str(), t.as_str())).collect();
    assert_eq!(
        numbers,
        [
            ("", "multipart/mixed"),
            ("1", "text/plain"),
            ("2", "multipart/voice-message"),
            ("2.1", "audio/32kadpcm"),
            ("2.2", "message/rfc822"),
            ("2.2", "multipart/mixed"),
            ("2.2.1", "text/plain"),
        ]
    );
    assert_eq!((found[1].2.as_str(), found[3].2.as_str(), found[6].2.as_str()), ("one", "xx", "deep"));
    assert!(message.defects().is_empty(), "{:?}", message.defects());
}

#[test]
fn damage_gives_a_tree_and_a_defect() {
    let kinds = |raw: &str| parse(raw).defects().iter().map(|d| d.kind).collect::<Vec<_>>();
    let head = "Content-Type: multipart/mixed; boundary=b\r\n\r\n";
    assert_eq!(kinds(&format!("{head}--b\r\n\r\nx\r\n")), [DefectKind::CloseDelimiterMissing]);
    assert_eq!(kinds(&format!("{head}text\r\n")), [DefectKind::NoDelimiter]);
    assert_eq!(
        kinds(&format!("{head}--b\r\n\r\nx\r\n--b--\r\n--b\r\n\r\ny\r\n")),
        [DefectKind::PartAfterClose]
    );
    assert_eq!(kinds(&format!("{head}--bx\r\n\r\nx\r\n--b--\r\n")), [DefectKind::DelimiterGarbage]);
    assert_eq!(kinds("Content-Type: multipart/mixed\r\n\r\nx\r\n"), [DefectKind::BoundaryUnusable]);
    assert_eq!(kinds("A: b\r\n\r\na\nb\r\n"), [DefectKind::BareLf]);
    assert_eq!(kinds("A: b\r\n\r\na\rb\r\n"), [DefectKind::BareCr]);
    assert_eq!(kinds("A: b\r\n\r\n\0\r\n"), [DefectKind::Nul]);
    assert_eq!(kinds("A: b\n\na\n"), []);
}

#[test]
fn a_part_without_empty_line_ends_at_the_delimiter() {
    let raw = "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nX: y\r\n--b\r\n--b--\r\n";
    let message = parse(raw);
    assert_eq!(outline(&message).len(), 3);
    assert!(message.entities().skip(1).all(|(_, e)| e.body.is_empty()));
}

#[test]
fn depth_and_part_limits_leave_an_opaque_rest() {
    let limits = Limits { mime_depth: 3, mime_parts: 10, ..Limits::default() };
    let nested = "Content-Type: message/rfc822\r\n\r\n".repeat(100_000);
    let message = Message::parse(nested.as_bytes(), &limits);
    assert!(message.entities().count() <= 10);
    assert_eq!(message.defects()[0].kind, DefectKind::TooDeep);
    let many =
        format!("Content-Type: multipart/mixed; boundary=b\r\n\r\n{}", "--b\r\n\r\nx\r\n".repeat(1000));
    let message = Message::parse(many.as_bytes(), &limits);
    assert_eq!(message.entities().count(), 10);
    assert!(message.defects().iter().any(|d| d.kind == DefectKind::TooManyParts));
}

#[test]
fn header_edits_and_splices_give_the_message_and_the_modifications() {
    let message = parse("A: 1\r\nB: 2\r\nA: 3\r\n\r\nbody\r\n");
    let mut edits = EditList::default();
    edits.header(HeaderEdit::Delete { field: 2 });
    edits.header(HeaderEdit::Replace { field: 0, value: b" new\n folded".to_vec() });
    edits.header(HeaderEdit::Insert { place: Place::Trace, name: "T".into(), value: b" t".to_vec() });
    let at = message.root().body.start;
    edits.body(Span::new(at, at + 4), b"BODY".to_vec());
    let out = edits.apply(&message).unwrap();
    assert_eq!(String::from_utf8(out).unwrap(), "T: t\r\nA: new\r\n folded\r\nB: 2\r\n\r\nBODY\r\n");
    let modifications = edits.modifications(&message).unwrap();
    assert_eq!(
        modifications,
        [
            Modification::DeleteHeader { name: "A".into(), occurrence: 2 },
            Modification::ChangeHeader { name: "A".into(), occurrence: 1, value: b" new\n folded".to_vec() },
            Modification::InsertHeader { index: 0, name: "T".into(), value: b" t".to_vec() },
            Modification::ReplaceBody(b"BODY\r\n".to_vec()),
        ]
    );
}

#[test]
fn values_that_would_inject_lines_are_refused() {
    let message = parse("A: 1\r\n\r\n");
    for (name, value) in
        [("X", " a\nB: c"), ("X", " a\r"), ("X Y", " a"), ("", " a"), ("X:", "a"), ("X", "\0")]
    {
        let mut edits = EditList::default();
        let value = value.as_bytes().to_vec();
        edits.header(HeaderEdit::Insert { place: Place::Fields, name: name.into(), value });
        assert!(edits.apply(&message).is_err(), "{name}");
        assert!(edits.modifications(&message).is_err(), "{name}");
    }
}

#[test]
fn overlapping_or_stray_edits_are_refused() {
    let message = parse("A: 1\r\n\r\nbody");
    for spans in [vec![Span::new(0, 2)], vec![Span::new(8, 11), Span::new(10, 12)], vec![Span::new(8, 99)]] {
        let mut edits = EditList::default();
        spans.into_iter().for_each(|s| edits.body(s, Vec::new()));
        assert!(edits.apply(&message).is_err());
    }
}

/// Messages made of the pieces that matter to a scanner, in any order.
fn messages() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        Just("Content-Type: multipart/mixed; boundary=b\r\n"),
        Just("Content-Type: multipart/voice-message; boundary=\"bb\"\r\n"),
        Just("Content-Type: message/rfc822\r\n"),
        Just("Content-Transfer-Encoding: base64\r\n"),
        Just("X: y\r\n z\r\n"),
        Just("\r\n"),
        Just("--b\r\n"),
        Just("--bb\r\n"),
        Just("--b--\r\n"),
        Just("--bb--\r\n"),
        Just("--"),
        Just("text\r\n"),
        Just("\n"),
        Just("\r"),
        Just("\0\u{e9}"),
    ];
    proptest::collection::vec(piece, 0..40).prop_map(|p| p.concat().into_bytes())
}

proptest! {
    #[test]
    fn no_edits_give_the_same_bytes(raw in messages()) {
        let message = Message::parse(&raw, &Limits::default());
        prop_assert_eq!(EditList::default().apply(&message).unwrap(), raw.clone());
        prop_assert_eq!(EditList::default().modifications(&message).unwrap(), vec![]);
    }

    #[test]
    fn any_bytes_give_a_tree_whose_spans_nest(raw in proptest::collection::vec(any::<u8>(), 0..600)) {
        spans_nest(&raw)?;
    }

    #[test]
    fn any_pieces_give_a_tree_whose_spans_nest(raw in messages()) {
        spans_nest(&raw)?;
    }

    #[test]
    fn bytes_outside_edits_are_untouched(raw in messages(), a in any::<prop::sample::Index>(), b in any::<prop::sample::Index>(), with in "[a-z]{0,8}") {
        let message = Message::parse(&raw, &Limits::default());
        let start = message.root().body.start;
        let pick = |i: prop::sample::Index| start + i.index(raw.len() - start + 1);
        let span = Span::new(pick(a).min(pick(b)), pick(a).max(pick(b)));
        let mut edits = EditList::default();
        edits.body(span, with.clone().into_bytes());
        let out = edits.apply(&message).unwrap();
        prop_assert_eq!(&out[..span.start], &raw[..span.start]);
        prop_assert_eq!(&out[span.start..span.start + with.len()], with.as_bytes());
        prop_assert_eq!(&out[span.start + with.len()..], &raw[span.end..]);
    }
}

fn spans_nest(raw: &[u8]) -> Result<(), TestCaseError> {
    let message = Message::parse(raw, &Limits::default());
    for (_, entity) in message.entities() {
        prop_assert!(entity.header.span.end <= entity.body.start && entity.body.end <= raw.len());
        if let Some(parent) = entity.parent.and_then(|p| message.entity(p)) {
            prop_assert!(parent.body.contains(entity.span()), "{:?} in {:?}", entity.span(), parent.body);
        }
        if let Content::Multipart { delimiters, children, .. } = &entity.content {
            prop_assert_eq!(delimiters.iter().filter(|d| !d.close).count(), children.len());
        }
    }
    Ok(())
}
