//! A message as we read it, and the messages the tables change.

use vpim_milter::conformance::{Level, judge};
use vpim_milter::engine::{self, Ambient, Outcome, Verdict};
use vpim_milter::limits::{Budget, Limits};
use vpim_milter::media::Facts;
use vpim_milter::message::Message;
use vpim_milter::policy::Settings;
use vpim_milter::policy::profile::Refusal;
use vpim_milter::policy::route::Action;
use vpim_milter::vpim::{Class, Envelope, Survey, VoiceKind};

/// Texts to replace, each of which occurs: (old, new).
pub type Changes = &'static [(&'static str, &'static str)];

/// An audio or fax body.
#[derive(Debug, PartialEq)]
pub struct Heard {
    pub voice: Option<VoiceKind>,
    pub codec: String,
    pub octets: usize,
    pub samples: Option<u64>,
    pub pages: usize,
    pub seconds: f64,
}

/// What was understood of a message.
pub struct Seen {
    pub raw: Vec<u8>,
    pub class: Class,
    /// Rules broken, of level MUST or SHOULD.
    pub rules: Vec<&'static str>,
    /// Rules broken, of level MUST.
    pub musts: Vec<&'static str>,
    pub bodies: Vec<Heard>,
    /// Media types of the leaves.
    pub leaves: Vec<String>,
    /// Not refused where every violation of a MUST is.
    pub accepted: bool,
    /// Not refused where nothing but a failed conversion is.
    pub delivered: bool,
}

/// The envelope for a message: notices come from nobody.
pub fn envelope_of(raw: &[u8]) -> Envelope {
    let is_report = raw.windows(16).any(|w| w == b"multipart/report");
    if is_report { Envelope { mail_from: Some(String::new()), ..envelope() } } else { envelope() }
}

pub fn envelope() -> Envelope {
    Envelope {
        mail_from: Some("2001@vm.example.net".to_owned()),
        rcpt_to: vec!["3002@vm.example.org".to_owned()],
        ..Envelope::default()
    }
}

/// Settings towards `profile` that refuse what cannot be converted.
pub fn strict(profile: &str) -> Settings {
    let mut settings = Settings::for_profile(profile, "mx.test");
    for profile in settings.profiles.values_mut() {
        profile.cannot_convert = Refusal::Reject;
    }
    settings
}

pub fn processed(raw: &[u8], settings: &Settings) -> Outcome {
    let date = Some("Sun, 22 Nov 2026 12:00:00 +0000".to_owned());
    engine::rewrite(raw, &envelope_of(raw), settings, &Ambient { date, ..Ambient::default() })
}

impl Seen {
    pub fn of(raw: Vec<u8>) -> Self {
        let limits = Limits::default();
        let message = Message::parse(&raw, &limits);
        let envelope = envelope_of(&raw);
        let survey = Survey::new(&message, &envelope, None, &limits, &mut Budget::new(&limits));
        let findings = judge(&survey);
        let ids = |wanted: fn(Level) -> bool| {
            findings.iter().filter(|f| wanted(f.rule.level)).map(|f| f.rule.id).collect()
        };
        let (rules, musts) = (ids(|_| true), ids(Level::is_must));
        let bodies = survey.bodies.iter().map(heard).collect();
        let leaves = message.entities().filter(|(_, e)| e.is_leaf());
        let leaves = leaves.map(|(_, e)| e.content_type.essence()).collect();
        let class = survey.class;
        let passes = |settings: &Settings| processed(&raw, settings).verdict == Verdict::Deliver;
        let delivered = passes(&strict("vpim2"));
        let mut refusing = Settings::for_profile("vpim2", "mx.test");
        refusing.routes[0].on_must = Action::Reject;
        let accepted = passes(&refusing);
        Seen { class, rules, musts, bodies, leaves, accepted, delivered, raw }
    }

    /// What is made of it for a destination.
    pub fn converted(&self, profile: &str) -> Vec<u8> {
        processed(&self.raw, &Settings::for_profile(profile, "mx.test"))
            .rewritten
            .unwrap_or_else(|| self.raw.clone())
    }

    pub fn kinds(&self) -> Vec<Option<VoiceKind>> {
        self.bodies.iter().map(|b| b.voice).collect()
    }

    pub fn shown(&self) -> String {
        let Seen { class, rules, bodies, leaves, accepted, delivered, .. } = self;
        format!("{class:?} {rules:?} {leaves:?} accepted={accepted} delivered={delivered} {bodies:?}")
    }
}

fn heard(body: &vpim_milter::vpim::survey::Body) -> Heard {
    let mut heard = Heard {
        voice: body.voice,
        codec: String::new(),
        octets: body.octets,
        samples: None,
        pages: 0,
        seconds: 0.0,
    };
    match body.facts.as_ref().map(|r| &r.facts) {
        Ok(Facts::Audio(audio)) => {
            heard.codec.clone_from(&audio.codec);
            heard.samples = audio.samples;
            heard.seconds = audio.duration_s().unwrap_or(0.0);
        }
        Ok(Facts::Fax(fax)) => heard.pages = fax.pages.len(),
        Err(_) => {}
    }
    heard
}

/// The octets of a text in Latin-1: LF becomes CRLF, U+240A a bare LF.
pub fn octets(text: &str, changes: Changes) -> Vec<u8> {
    let mut text = text.to_owned();
    for (old, new) in changes {
        assert!(text.contains(old), "no {old:?} in the message");
        text = text.replacen(old, new, 1);
    }
    let mut out = Vec::new();
    for c in text.chars() {
        match c {
            '\n' => out.extend_from_slice(b"\r\n"),
            '\u{240a}' => out.push(b'\n'),
            c => out.push(u8::try_from(u32::from(c)).expect("Latin-1")),
        }
    }
    out
}

/// A voice message with a spoken name; each body has six octets, twelve samples.
pub const VOICE: &str = "Received: from vm.example.net by vm.example.org; Tue, 4 Mar 2025 09:00:01 +0100
From: \"Example, Ann\" <2001@vm.example.net>
To: <3002@vm.example.org>
Date: Tue, 4 Mar 2025 09:00:00 +0100
Message-ID: <a1@vm.example.net>
Subject: Voice Message
MIME-Version: 1.0 (Voice 2.0)
Content-Type: multipart/voice-message; version=2.0; boundary=b1

--b1
Content-Type: audio/32KADPCM
Content-Transfer-Encoding: base64
Content-Disposition: inline; voice=Originator-Spoken-Name

////////
--b1
Content-Type: audio/32KADPCM
Content-Transfer-Encoding: base64
Content-Disposition: inline; voice=Voice-Message; filename=m1.726
Content-Duration: 1

////////
--b1--
";

/// A forwarded voice message with a note.
pub const FORWARD: &str = "From: \"Example, Ann\" <2001@vm.example.net>
To: <3002@vm.example.org>
Date: Tue, 4 Mar 2025 09:00:00 +0100
Message-ID: <a2@vm.example.net>
Subject: Fwd: Voice Message
MIME-Version: 1.0 (Voice 2.0)
Content-Type: multipart/voice-message; version=2.0; boundary=b1

--b1
Content-Type: audio/32KADPCM
Content-Transfer-Encoding: base64
Content-Disposition: inline; voice=Voice-Message

////////
--b1
Content-Type: message/rfc822

From: \"Test, Tom\" <4004@vm.example.com>
Date: Mon, 3 Mar 2025 08:00:00 +0100
Message-ID: <a0@vm.example.com>
Subject: Voice Message
MIME-Version: 1.0 (Voice 2.0)
Content-Type: multipart/voice-message; version=2.0; boundary=b2

--b2
Content-Type: audio/32KADPCM
Content-Transfer-Encoding: base64
Content-Disposition: inline; voice=Voice-Message

////////////////
--b2--

--b1--
";

/// An Internet voice message of nine octets of mu-law.
pub const INTERNET: &str = "From: \"Ann Example\" <ann@example.net>
To: <tom@example.org>
Date: Tue, 4 Mar 2025 09:00:00 +0100
Message-ID: <a4@example.net>
Subject: Voice message
MIME-Version: 1.0
Message-Context: voice-message
Content-Type: multipart/mixed; boundary=b1

--b1
Content-Type: audio/basic
Content-Transfer-Encoding: base64
Content-Disposition: inline; voice=Voice-Message; filename=voice.au; handling=REQUIRED
Content-Duration: 1

////////////
--b1--
";
