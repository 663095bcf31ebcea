//! Sample messages to try VPIM and fax systems with, and what a judge must say of each.
//!
//! Golden messages have every structure that the standards allow; broken ones break one rule each, and
//! are the bad samples of the rules themselves ([`crate::conformance::rule::Samples`]). All of it is
//! made by code, audio and fax pages included, and is the same octets every time.

mod build;
mod golden;
mod page;
mod sound;

use crate::conformance::{Rule, conformant, judge, notes, rules};
use crate::limits::{Budget, Limits};
use crate::media::MediaError;
use crate::message::Message;
use crate::vpim::{Class, Survey};
use build::Builder;
use golden::Golden;
use serde::Serialize;

/// A message and its verdict.
pub struct Sample {
    /// The octets.
    pub octets: Vec<u8>,
    /// What has to be said of them.
    pub verdict: Verdict,
}

/// What a judge must say: names and shapes as in `check --format json`.
#[derive(Clone, Debug, Serialize)]
pub struct Verdict {
    /// Name of the message below the folder: `golden/vpim2-message.eml`.
    pub file: String,
    /// What it is, in words.
    pub about: String,
    /// Who sends it to whom.
    pub envelope: SampleEnvelope,
    /// `--profile` to judge by, where the message does not show it.
    pub judge_as: Option<&'static str>,
    /// True where the rule is one of level MAY (`--notes`).
    pub notes: bool,
    /// Its class.
    pub profile: &'static str,
    /// No MUST is broken.
    pub conformant: bool,
    /// The rule it was made to break; `None` for a golden message.
    pub breaks: Option<&'static str>,
    /// All rules it breaks, in alphabetical order.
    pub rules: Vec<&'static str>,
    /// Its audio and fax parts; `None` for broken messages, whose bodies are stubs.
    pub parts: Option<Vec<PartVerdict>>,
}

/// The envelope of a sample.
#[derive(Clone, Debug, Serialize)]
#[allow(missing_docs)]
pub struct SampleEnvelope {
    pub mail_from: Option<String>,
    pub rcpt_to: Vec<String>,
}

/// What must be found of an audio or fax part.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[allow(missing_docs)]
pub struct PartVerdict {
    pub part: String,
    #[serde(rename = "type")]
    pub media_type: &'static str,
    pub voice: Option<&'static str>,
    pub codec: Option<&'static str>,
    pub duration_s: Option<f64>,
    pub pages: Option<u16>,
}

/// The golden messages. An error is a fault of ours: nothing here is input.
pub fn golden() -> Result<Vec<Sample>, MediaError> {
    golden::ALL.iter().map(written).collect()
}

fn written(golden: &Golden) -> Result<Sample, MediaError> {
    let report = golden.name.contains("-report-");
    let (mail_from, rcpt_to, fields) = golden::header(golden.class, report);
    let mut builder = Builder::new();
    let head: String =
        fields.iter().chain(golden.fields).map(|(name, value)| format!("{name}: {value}\r\n")).collect();
    let octets = (head + &builder.message(&[], &golden.item)?).into_bytes();
    let verdict = Verdict {
        file: format!("golden/{}.eml", golden.name),
        about: golden.about.to_owned(),
        envelope: SampleEnvelope { mail_from: Some(mail_from.to_owned()), rcpt_to: vec![rcpt_to.to_owned()] },
        // A message alone does not show that it follows the older text.
        judge_as: (golden.class == Class::Vpim2Rfc2421).then(|| golden.class.name()),
        notes: false,
        profile: golden.class.name(),
        conformant: true,
        breaks: None,
        rules: golden.rules.to_vec(),
        parts: Some(builder.parts),
    };
    Ok(Sample { octets, verdict })
}

/// The broken messages, one for each rule that octets and envelope alone can show. The verdict holds
/// what else such a message breaks: the lack of a part, say, is seldom the only fault of a message.
pub fn broken() -> Vec<Sample> {
    rules::all().filter(|rule| rule.samples.bad.is_offline()).map(breaking).collect()
}

fn breaking(rule: &'static Rule) -> Sample {
    let sample = rule.samples.bad;
    let octets = sample.octets();
    let limits = Limits::default();
    let message = Message::parse(&octets, &limits);
    let envelope = sample.envelope();
    let survey = Survey::new(&message, &envelope, sample.class, &limits, &mut Budget::new(&limits));
    let is_note = !rule.level.is_must() && !rule.level.is_should();
    let mut findings = judge(&survey);
    let conformant = conformant(&survey, &findings);
    if is_note {
        findings.extend(notes(&survey));
    }
    let mut ids: Vec<&'static str> = findings.iter().map(|f| f.rule.id).collect();
    ids.sort_unstable();
    ids.dedup();
    let verdict = Verdict {
        file: format!("{}/{}.eml", if is_note { "notes" } else { "broken" }, rule.id),
        about: format!("{} (RFC {} {}, {})", rule.text, rule.rfc, rule.section, rule.level.name()),
        envelope: SampleEnvelope { mail_from: envelope.mail_from.clone(), rcpt_to: envelope.rcpt_to.clone() },
        judge_as: sample.class.map(Class::name),
        notes: is_note,
        profile: survey.class.name(),
        conformant,
        breaks: Some(rule.id),
        rules: ids,
        parts: None,
    };
    Sample { octets, verdict }
}
