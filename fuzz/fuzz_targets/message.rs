//! The message scanner and the readers of field values.
#![no_main]

use libfuzzer_sys::fuzz_target;
use vpim_milter::limits::Limits;
use vpim_milter::message::{Message, edit::EditList, structured, value};

fuzz_target!(|raw: &[u8]| {
    let limits = Limits::default();
    let message = Message::parse(raw, &limits);
    assert_eq!(EditList::default().apply(&message).expect("no edits are valid"), raw);
    for (_, entity) in message.entities() {
        assert!(entity.body.end <= raw.len());
        let parent = entity.parent.and_then(|p| message.entity(p));
        assert!(parent.is_none_or(|p| p.body.contains(entity.span())));
        let _ = message.decoded(entity);
        for field in &entity.header.fields {
            let octets = field.value.of(raw);
            let _ = (structured::parameterized(octets), value::mailboxes(octets), value::date(octets), value::text(octets));
        }
    }
});
