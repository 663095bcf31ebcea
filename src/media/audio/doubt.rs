//! What gives away octets that are labelled audio/32KADPCM and are something else.

/// Why octets are not the G.726 of audio/32KADPCM: the code word 0 is never written by an encoder
/// (G.726 2.5), and text or the header of a file is no code word at all.
pub fn of_g726(octets: &[u8]) -> Option<String> {
    /// Fewer octets decide nothing.
    const MIN_OCTETS: usize = 64;
    /// One zero among this many code words is noticed; other codings have four times as many.
    const ONE_IN: usize = 64;
    for magic in ["RIFF", ".snd", "#!AMR", "OggS"] {
        if octets.starts_with(magic.as_bytes()) {
            return Some(format!("begins with {magic} like a file"));
        }
    }
    if octets.len() < MIN_OCTETS {
        return None;
    }
    if is_base64(octets) {
        return Some("is encoded in base64 twice".to_owned());
    }
    let zeros: usize = octets.iter().map(|o| usize::from(o & 0x0F == 0) + usize::from(o & 0xF0 == 0)).sum();
    (zeros * ONE_IN > octets.len() * 2)
        .then(|| format!("has {zeros} code words 0 among {}, which G.726 never has", octets.len() * 2))
}

/// True for base64 text that is whole: its quanta of four, padded at the end alone (RFC 4648 4).
fn is_base64(octets: &[u8]) -> bool {
    let (mut coded, mut padding) = (0usize, 0usize);
    for octet in octets {
        match octet {
            b'\r' | b'\n' => {}
            b'=' => padding += 1,
            c if padding == 0 && (c.is_ascii_alphanumeric() || b"+/".contains(c)) => coded += 1,
            _ => return false,
        }
    }
    coded > 0 && padding <= 2 && (coded + padding).is_multiple_of(4)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_files_and_code_words_that_never_are_give_themselves_away() {
        for (octets, why) in
            [(&b"RIFF"[..], "begins with RIFF"), (&[b'A'; 64], "base64 twice"), (&[0x10; 64], "code words 0")]
        {
            assert!(of_g726(octets).is_some_and(|doubt| doubt.contains(why)), "{why}");
        }
        for octets in [&[0xFF; 64][..], &[b'A'; 63], &[b'A'; 65], &[], &[0; 63]] {
            assert_eq!(of_g726(octets), None, "{octets:?}");
        }
        let padded = [&[b'A'; 66][..], b"=="].concat();
        assert!(of_g726(&padded).is_some() && of_g726(&[b"==".as_slice(), &[b'A'; 66]].concat()).is_none());
    }
}
