//! A conversion with a [`Treatment`] of the sound between decoding and coding.

use super::convert;
use super::dsp::treat::{Survey, Treatment};
use crate::limits::{Budget, Limits};
use crate::media::{MediaError, Output};
use mime::Mime;

/// Linear samples between the two halves of the work.
const LINEAR: &str = "audio/x-s16le;rate=8000";
/// Samples that are treated at a time.
const PIECE: usize = 4_096;

/// Converts an audio body as [`convert`] does, with the sound treated on the way; without a treatment it
/// is [`convert`] itself. What was done stands among the losses of the report.
pub fn convert_treated(
    declared: &Mime,
    target: &Mime,
    treatment: Treatment,
    input: &[u8],
    limits: &Limits,
    budget: &mut Budget,
) -> Result<Output, MediaError> {
    let linear: Mime = match LINEAR.parse() {
        Ok(linear) if !treatment.is_none() => linear,
        _ => return convert(declared, target, input, limits, budget),
    };
    let decoded = convert(declared, &linear, input, limits, budget)?;
    let samples: Vec<i16> = decoded.bytes.as_chunks().0.iter().map(|&x| i16::from_le_bytes(x)).collect();
    let mut survey = Survey::default();
    for piece in samples.chunks(PIECE) {
        budget.check()?;
        survey.add(piece);
    }
    let (mut treater, mut changed) = (survey.finish(treatment), Vec::with_capacity(PIECE));
    let mut bytes = Vec::with_capacity(decoded.bytes.len());
    for piece in samples.chunks(PIECE) {
        budget.check()?;
        changed.clear();
        treater.push(piece, &mut changed);
        bytes.extend(changed.iter().flat_map(|x| x.to_le_bytes()));
    }
    let coded = convert(&linear, target, &bytes, limits, budget)?;
    let mut report = decoded.report;
    report.output = coded.report.output;
    report.losses.extend(coded.report.losses);
    report.losses.extend(treater.changes());
    Ok(Output { bytes: coded.bytes, report })
}

#[cfg(test)]
mod tests {
    use super::*;

    const SPEECH: &[u8] =
        include_bytes!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/audio/s1.32kadpcm")).as_slice();

    fn treated(target: &str, treatment: Treatment) -> Output {
        let limits = Limits::default();
        let declared = "audio/32KADPCM".parse().unwrap();
        let target = target.parse().unwrap();
        convert_treated(&declared, &target, treatment, SPEECH, &limits, &mut Budget::new(&limits)).unwrap()
    }

    #[test]
    fn without_a_treatment_codes_are_not_decoded() {
        assert_eq!(treated("audio/32KADPCM", Treatment::default()).bytes, SPEECH);
    }

    #[test]
    fn the_report_tells_what_was_done() {
        let output = treated("audio/32KADPCM", Treatment { normalise: true, trim: true });
        assert_ne!(output.bytes, SPEECH);
        assert!(output.bytes.len() <= SPEECH.len());
        assert!(output.report.losses.iter().any(|loss| loss.starts_with("level changed by ")));
    }
}
