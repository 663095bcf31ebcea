//! Repairs of the structure of a message that lose nothing of it: another container, or one around it.

use super::lookup::*;
use super::mend::is_profiled;
use crate::message::Span;
use crate::message::edit::EditList;
use crate::message::mend;
use crate::vpim::Survey;

const VOICE_MESSAGE: &str = "multipart/voice-message; version=2.0";

/// RFC 3801 4.4.1: a voice message where none is, of a multipart/mixed that has nothing else in it, else
/// around the audio.
pub fn contain_voice(s: &Survey<'_>, edits: &mut EditList) {
    let root = s.message.root();
    if s.containers().next().is_some() || s.is_report() {
        return;
    }
    if root.content_type.is("audio/32kadpcm") {
        return s.enclose(edits, VOICE_MESSAGE, &[]);
    }
    if !root.content_type.is("multipart/mixed") {
        return;
    }
    if s.children(root).all(|(_, e)| is_profiled(e)) {
        return s.make_container(edits, ROOT, root);
    }
    let children: Vec<_> = s.children(root).map(|(_, e)| e).collect();
    let is_voice = |at: &usize| children.get(*at).is_some_and(|e| e.content_type.is("audio/32kadpcm"));
    let (Some(first), Some(last)) = ((0..children.len()).find(is_voice), (0..children.len()).rfind(is_voice))
    else {
        return;
    };
    let Some([from, .., to] | [from @ to]) =
        children.get(first..=last).filter(|c| c.iter().all(|e| is_profiled(e)))
    else {
        return;
    };
    let (eol, boundary) = (s.message.eol().text(), mend::boundary(s.message, &[]));
    let head = format!("Content-Type: {VOICE_MESSAGE}; boundary=\"{boundary}\"{eol}{eol}--{boundary}{eol}");
    edits.body(Span::at(from.header.span.start), head.into_bytes());
    edits.body(Span::at(to.body.end), format!("{eol}--{boundary}--").into_bytes());
}

/// RFC 4239 3: multipart/mixed around a message that is something else. A report says what it is by its
/// outermost type, and so does a message that is sealed, or for a VPIM system.
pub fn enclose_in_mixed(s: &Survey<'_>, edits: &mut EditList) {
    let root = &s.message.root().content_type;
    let means_itself = ["mixed", "signed", "encrypted", "report", "voice-message"];
    if root.main != "multipart" || !means_itself.contains(&root.sub.as_str()) {
        s.enclose(edits, "multipart/mixed", &[]);
    }
}

/// RFC 3249 3.1.1: a fax beside what it was an alternative to, so that nothing of it is lost. Several faxes
/// would come out of the receiver several times.
pub fn mix_alternatives(s: &Survey<'_>, edits: &mut EditList) {
    for (id, e) in s.judged().filter(|(_, e)| e.content_type.is("multipart/alternative")) {
        if s.children(e).filter(|(_, c)| is_tiff(c)).count() == 1 {
            s.set_type(edits, id, "multipart/mixed");
        }
    }
}
