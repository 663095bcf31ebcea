//! A conversion with a [`Treatment`] of the sound between decoding and coding.

use super::convert;
use super::dsp::join::Joiner;
use super::dsp::treat::{Survey, Treatment};
use super::dsp::{FADE, fade_in, scaled};
use crate::limits::{Budget, Limits};
use crate::media::{MediaError, Output};
use mime::Mime;

/// Linear samples between the two halves of the work.
const LINEAR: &str = "audio/x-s16le;rate=8000";
/// Samples a second.
const RATE_HZ: usize = super::resample::RATE_HZ as usize;
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
    let (samples, changes) = treat(&samples, treatment, budget)?;
    let coded = convert(&linear, target, &octets(&samples), limits, budget)?;
    let mut report = decoded.report;
    report.output = coded.report.output;
    report.losses.extend(coded.report.losses);
    report.losses.extend(changes);
    Ok(Output { bytes: coded.bytes, report })
}

/// Joins recordings into one, without clicks and with a pause between them. `input` holds them one after
/// the other as linear samples (`audio/x-s16le;rate=8000`), each of so many samples as `lengths` says.
pub fn join(
    lengths: &[usize],
    target: &Mime,
    treatment: Treatment,
    input: &[u8],
    limits: &Limits,
    budget: &mut Budget,
) -> Result<Output, MediaError> {
    let mut rest = input.as_chunks().0;
    let (mut joiner, mut samples) = (Joiner::default(), Vec::with_capacity(rest.len()));
    for (k, length) in lengths.iter().enumerate() {
        let (own, others) = rest.split_at((*length).min(rest.len()));
        rest = others;
        if k > 0 {
            joiner.next(&mut samples);
        }
        for piece in own.chunks(PIECE) {
            budget.check()?;
            let piece: Vec<i16> = piece.iter().map(|&x| i16::from_le_bytes(x)).collect();
            joiner.push(&piece, &mut samples);
        }
    }
    joiner.finish(&mut samples);
    let linear: Mime = LINEAR.parse().map_err(|_| MediaError::Unsupported(LINEAR.to_owned()))?;
    convert_treated(&linear, target, treatment, &octets(&samples), limits, budget)
}

fn octets(samples: &[i16]) -> Vec<u8> {
    samples.iter().flat_map(|x| x.to_le_bytes()).collect()
}

/// The samples after a treatment, and what was done to them.
fn treat(
    samples: &[i16],
    treatment: Treatment,
    budget: &Budget,
) -> Result<(Vec<i16>, Vec<String>), MediaError> {
    let mut survey = Survey::default();
    for piece in samples.chunks(PIECE) {
        budget.check()?;
        survey.add(piece);
    }
    let (mut treater, mut out) = (survey.finish(treatment), Vec::with_capacity(samples.len()));
    for piece in samples.chunks(PIECE) {
        budget.check()?;
        treater.push(piece, &mut out);
    }
    treater.finish(&mut out);
    let mut changes = treater.changes();
    let most = treatment.longest_s.map_or(usize::MAX, |s| s as usize * RATE_HZ);
    if out.len() > most {
        changes.push(format!("{:.1} s at the end cut off", (out.len() - most) as f64 / RATE_HZ as f64));
        out.truncate(most);
        let fade = out.len().saturating_sub(FADE);
        for (k, sample) in out[fade..].iter_mut().rev().enumerate() {
            *sample = scaled(*sample, fade_in(k));
        }
    }
    Ok((out, changes))
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
        let output =
            treated("audio/32KADPCM", Treatment { normalise: true, trim: true, ..Treatment::default() });
        assert_ne!(output.bytes, SPEECH);
        assert!(output.bytes.len() <= SPEECH.len());
        assert!(output.report.losses.iter().any(|loss| loss.starts_with("level changed by ")));
    }

    #[test]
    fn what_is_too_long_is_cut_and_said() {
        let whole = treated("audio/x-s16le;rate=8000", Treatment::default()).bytes.len();
        let output =
            treated("audio/x-s16le;rate=8000", Treatment { longest_s: Some(1), ..Treatment::default() });
        assert_eq!(output.bytes.len(), 16_000);
        let seconds = (whole - 16_000) as f64 / 16_000.0;
        assert_eq!(output.report.losses, [format!("{seconds:.1} s at the end cut off")]);
    }

    #[test]
    fn recordings_are_joined_with_a_pause() {
        let limits = Limits::default();
        let one = treated("audio/x-s16le;rate=8000", Treatment::default()).bytes;
        let two = [one.clone(), one.clone()].concat();
        let lengths = [one.len() / 2, one.len() / 2];
        let target = "audio/x-s16le;rate=8000".parse().unwrap();
        let output =
            join(&lengths, &target, Treatment::default(), &two, &limits, &mut Budget::new(&limits)).unwrap();
        assert_eq!(output.bytes.len(), 2 * one.len() + 4_000);
        // A length that is not there takes what there is.
        assert!(
            join(&[usize::MAX], &target, Treatment::default(), &two, &limits, &mut Budget::new(&limits))
                .is_ok()
        );
    }
}
