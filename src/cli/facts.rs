//! Facts of audio and fax bodies in one line of text.

use crate::media::Facts;
use crate::media::audio::AudioFacts;
use crate::media::fax::FaxFacts;

/// What a body is: `audio wav/pcm-s16, 8000 Hz, 1 channel, 4.00 s, -25.2 dBFS`.
pub fn line(facts: &Facts) -> String {
    match facts {
        Facts::Audio(audio) => audio_line(audio),
        Facts::Fax(fax) => fax_line(fax),
    }
}

/// Damage that was read around.
pub fn defects(facts: &Facts) -> &[String] {
    match facts {
        Facts::Audio(audio) => &audio.defects,
        Facts::Fax(fax) => &fax.defects,
    }
}

fn audio_line(audio: &AudioFacts) -> String {
    let mut out = format!("audio {}/{}", audio.container, audio.codec);
    if audio.sample_rate_hz > 0 {
        out.push_str(&format!(", {} Hz", audio.sample_rate_hz));
    }
    out.push_str(&format!(", {}", count(u64::from(audio.channels), "channel")));
    if let Some(seconds) = audio.duration_s() {
        out.push_str(&format!(", {seconds:.2} s"));
    }
    if let Some(level) = audio.rms_dbfs {
        out.push_str(&format!(", {level:.1} dBFS"));
    }
    if let Some(order) = audio.nibble_order.filter(|order| order.swapped) {
        out.push_str(&format!(", code words in the wrong order (confidence {:.2})", order.confidence));
    }
    out
}

fn fax_line(fax: &FaxFacts) -> String {
    let mut out = format!("fax {}", fax.container);
    let known = u32::try_from(fax.pages.len()).ok().filter(|n| *n > 0);
    if let Some(pages) = fax.page_count.or(known) {
        out.push_str(&format!(", {}", count(u64::from(pages), "page")));
    }
    let mut kinds: Vec<String> = Vec::new();
    for page in &fax.pages {
        let kind = format!("{} {}x{}", page.coding, page.width, page.length);
        if !kinds.contains(&kind) {
            kinds.push(kind);
        }
    }
    const SHOWN: usize = 3;
    if kinds.len() > SHOWN {
        kinds.truncate(SHOWN);
        kinds.push("...".to_owned());
    }
    if !kinds.is_empty() {
        out.push_str(&format!(", {}", kinds.join(", ")));
    }
    out
}

fn count(n: u64, what: &str) -> String {
    format!("{n} {what}{}", if n == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::media::audio::NibbleOrder;
    use crate::media::fax::PageFacts;

    #[test]
    fn audio_in_a_line() {
        let audio = AudioFacts {
            container: "raw".into(),
            codec: "g726-32".into(),
            sample_rate_hz: 8000,
            channels: 1,
            samples: Some(12_000),
            rms_dbfs: Some(-24.44),
            peak_dbfs: None,
            silence_share: Some(0.25),
            outline: Vec::new(),
            nibble_order: Some(NibbleOrder { swapped: true, confidence: 1.0 }),
            g726_doubt: None,
            defects: Vec::new(),
        };
        let text = line(&Facts::Audio(audio));
        let wanted = "audio raw/g726-32, 8000 Hz, 1 channel, 1.50 s, -24.4 dBFS, code words in the wrong order (confidence 1.00)";
        assert_eq!(text, wanted);
    }

    #[test]
    fn a_fax_in_a_line() {
        let page = |length| PageFacts { coding: "MH".into(), width: 1728, length, ..PageFacts::default() };
        let fax = FaxFacts {
            container: "tiff".into(),
            pages: vec![page(432), page(864), page(432)],
            ..FaxFacts::default()
        };
        assert_eq!(line(&Facts::Fax(fax)), "fax tiff, 3 pages, MH 1728x432, MH 1728x864");
    }
}
