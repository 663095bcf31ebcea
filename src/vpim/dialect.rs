//! Which system a voice or fax message comes from, told by its habits.
//!
//! One table, `DIALECTS`: a system and its marks, each with a weight. A system is named only where
//! its marks weigh `ENOUGH` together; of several the heaviest, then the first in the table. The name
//! is advice to a reader and decides nothing: what a message is, [`class`](super::class) says. Marks
//! can be forged, and a host that calls itself `xerox` is no proof.
//!
//! Limits: the first `FIELDS` fields of the header and `PARTS` entities, `OCTETS` octets of each
//! value.

use super::class::Class;
use super::survey::file_name;
use crate::message::{Entity, Message, value};
use serde::Serialize;
use wildmatch::WildMatch;

/// Weight from which a system is named.
const ENOUGH: u32 = 2;
/// Header fields looked at.
const FIELDS: usize = 200;
/// Entities looked at.
const PARTS: usize = 50;
/// Octets of a value looked at.
const OCTETS: usize = 500;

/// The system a message seems to come from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Sender {
    /// The system.
    pub name: &'static str,
    /// What tells.
    pub evidence: Vec<String>,
}

/// Where a mark is looked for.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Place {
    /// The name of a field of the message header.
    Name,
    /// The value of such a field.
    Field(&'static str),
    /// The boundary of the message.
    Boundary,
    /// The media type of the message or of a part.
    Type,
    /// The file name of a part.
    File,
    /// The Content-Description of a part.
    Description,
}
use Place::{Boundary, Description, Field, File, Name, Type};

/// A system and its marks: weight, place, glob without case.
struct Dialect {
    name: &'static str,
    marks: &'static [(u32, Place, &'static str)],
}

/// A glob that only a system with this word in its name satisfies, looked for where programs name
/// themselves.
macro_rules! named {
    ($glob:literal) => {
        [(2, Field("x-mailer"), $glob), (2, Field("user-agent"), $glob), (1, Field("from"), $glob)]
    };
}

/// The systems known, special ones before general ones.
static DIALECTS: &[Dialect] = &[
    Dialect {
        name: "Cisco T.37 fax gateway",
        marks: &[
            (2, Boundary, "yradnuob=*"),
            (2, Field("received"), "*(with cisco networks)*"),
            (1, Type, "multipart/fax-message"),
            (1, Field("x-mailer"), "ios (tm)*"),
            (1, Field("x-mailer"), "*http://www.cisco*"),
            (1, Field("subject"), "cisco has received a fax*"),
        ],
    },
    Dialect {
        name: "Cisco Unity Connection",
        marks: &[
            (2, Name, "x-cisco-unity*"),
            (2, Name, "x-ciscounity*"),
            (2, Field("x-mailer"), "*unity connection*"),
            (2, Field("from"), "*unityconnection@*"),
            (2, Field("return-path"), "*unityconnection@*"),
            (2, Field("sender"), "*unityconnection@*"),
            (1, Field("from"), "*unity connection*"),
            (1, File, "voicemessage.wav"),
        ],
    },
    Dialect {
        name: "Cisco Unity Express",
        marks: &[
            (2, Field("x-mailer"), "*unity express*"),
            (2, Field("from"), "*unity express*"),
            (1, Field("message-id"), "*@cue.*"),
            (1, Field("from"), "*@cue.*"),
        ],
    },
    Dialect {
        name: "Avaya Message Networking",
        marks: &[
            (2, Name, "x-avaya-mn*"),
            (2, Field("x-mailer"), "*message networking*"),
            (1, Field("from"), "*message networking*"),
        ],
    },
    Dialect {
        name: "Avaya Modular Messaging",
        marks: &[
            (2, Field("x-mailer"), "*modular messaging*"),
            (2, Field("from"), "*modular messaging*"),
            (1, Field("subject"), "*modular messaging*"),
        ],
    },
    Dialect {
        name: "Avaya Aura Messaging",
        marks: &[
            (2, Field("x-mailer"), "*aura messaging*"),
            (2, Field("from"), "*aura messaging*"),
            (1, Field("subject"), "*aura messaging*"),
        ],
    },
    Dialect { name: "Avaya voice mail", marks: &[(2, Name, "x-avaya*"), (2, Field("x-mailer"), "*avaya*")] },
    Dialect {
        name: "Nortel CallPilot",
        marks: &[
            (2, Name, "x-callpilot*"),
            (2, Field("x-mailer"), "*callpilot*"),
            (2, Field("from"), "*callpilot*"),
            (1, Field("message-id"), "*callpilot*"),
            (1, Field("received"), "*callpilot*"),
        ],
    },
    Dialect {
        name: "Mitel NuPoint",
        marks: &[
            (2, Name, "x-nupoint*"),
            (2, Field("x-mailer"), "*nupoint*"),
            (2, Field("from"), "*nupoint*"),
            (1, Field("subject"), "*nupoint*"),
            (1, Field("received"), "*nupoint*"),
        ],
    },
    Dialect {
        name: "Microsoft Exchange Unified Messaging",
        marks: &[
            (2, Name, "x-ms-exchange-um-*"),
            (1, Field("content-class"), "voice*"),
            (1, Field("content-class"), "urn:content-class?voice*"),
            (1, Field("content-class"), "fax*"),
            (1, Name, "x-voicemessageduration"),
            (1, Name, "x-callingtelephonenumber"),
            (1, Name, "x-attachmentorder"),
        ],
    },
    Dialect {
        name: "FreeSWITCH",
        marks: &[
            (2, Field("x-mailer"), "*freeswitch*"),
            (2, Name, "x-freeswitch*"),
            (1, Boundary, "xxxx_boundary_xxxx"),
            (1, File, "msg_????????-????-????-????-????????????.*"),
        ],
    },
    Dialect {
        name: "3CX",
        marks: &[
            (2, Field("x-mailer"), "*3cx*"),
            (2, Field("from"), "*@3cx.net*"),
            (1, Field("from"), "*3cx*"),
            (1, Field("subject"), "*3cx*"),
            (1, Field("message-id"), "*3cx*"),
        ],
    },
    Dialect {
        name: "FreePBX (Asterisk)",
        marks: &[(2, Field("x-mailer"), "*freepbx*"), (2, Field("from"), "*freepbx*")],
    },
    Dialect {
        name: "Asterisk",
        marks: &[
            (2, Field("message-id"), "<asterisk-*"),
            (2, Name, "x-asterisk*"),
            (1, Boundary, "*voicemail_*"),
            (1, Description, "voicemail sound attachment."),
            (1, Field("x-mailer"), "*asterisk*"),
            (1, Field("from"), "*asterisk*"),
            (1, File, "msg????.*"),
        ],
    },
    Dialect {
        name: "HylaFAX",
        marks: &[
            (2, Name, "x-hylafax*"),
            (2, Field("from"), "*hylafax*"),
            (2, Field("x-mailer"), "*hylafax*"),
            (1, Boundary, "nextpart*"),
            (1, Description, "fax document"),
        ],
    },
    Dialect {
        name: "visual voice mail of a mobile network (OMTP, GSMA TS.46)",
        marks: &[
            (1, Field("mime-version"), "*(*voice version 2.0*)*"),
            (1, Type, "audio/amr*"),
            (2, Name, "x-cns-*"),
            (2, Name, "x-umsi-*"),
        ],
    },
    Dialect { name: "Xerox multifunction device", marks: &named!("*xerox*") },
    Dialect {
        name: "Xerox multifunction device",
        marks: &[(2, Field("subject"), "scan* from a xerox*"), (2, File, "scanned from a xerox*")],
    },
    Dialect { name: "Kyocera multifunction device", marks: &named!("*kyocera*") },
    Dialect {
        name: "Kyocera multifunction device",
        marks: &[(2, Field("subject"), "*taskalfa*"), (1, Field("from"), "*taskalfa*")],
    },
    Dialect {
        name: "Ricoh multifunction device",
        marks: &[(2, Field("x-mailer"), "*ricoh*"), (2, Field("subject"), "message from ?rnp??????*")],
    },
    Dialect {
        name: "Konica Minolta multifunction device",
        marks: &[
            (2, Field("x-mailer"), "*bizhub*"),
            (2, Field("x-mailer"), "*konica*"),
            (2, Field("subject"), "message from km*"),
            (2, File, "skm*_*"),
            (1, Field("from"), "*bizhub*"),
        ],
    },
    Dialect {
        name: "HP multifunction device",
        marks: &[
            (2, Field("x-mailer"), "*hp digital sending*"),
            (2, Field("x-mailer"), "hp *"),
            (2, Field("from"), "*hp digital sending*"),
            (1, Field("from"), "*officejet*"),
            (1, Field("from"), "*laserjet*"),
            (1, Field("subject"), "*officejet*"),
            (1, Field("subject"), "*laserjet*"),
        ],
    },
    Dialect { name: "Canon multifunction device", marks: &named!("*canon*") },
    Dialect { name: "Brother multifunction device", marks: &named!("*brother*") },
    Dialect { name: "Sharp multifunction device", marks: &[(2, Field("x-mailer"), "sharp *")] },
    Dialect {
        name: "eFax",
        marks: &[
            (2, Field("from"), "*@*efax.com*"),
            (1, Field("from"), "*efax*"),
            (1, Field("subject"), "efax *"),
        ],
    },
    Dialect {
        name: "MetroFax",
        marks: &[(2, Field("from"), "*@*metro*fax.com*"), (1, Field("subject"), "metrofax *")],
    },
    Dialect {
        name: "RingCentral",
        marks: &[(2, Field("from"), "*@ringcentral.*"), (2, Field("from"), "*@*.ringcentral.com*")],
    },
    Dialect {
        name: "a multifunction device",
        marks: &[
            (2, Field("subject"), "scan* from *mfp*"),
            (1, Field("from"), "*mfp@*"),
            (1, Field("from"), "*copier*"),
            (1, Field("from"), "*scanner*"),
            (1, File, "scan*.*"),
        ],
    },
];

/// Names the system the message seems to come from; `None` for ordinary mail and for systems unknown.
pub fn sender(message: &Message<'_>, class: Class) -> Option<Sender> {
    if class == Class::None {
        return None;
    }
    let habits = habits(message);
    let mut best: Option<(u32, Sender)> = None;
    for dialect in DIALECTS {
        let mut weight = 0;
        let mut evidence: Vec<String> = Vec::new();
        for (mark, place, glob) in dialect.marks {
            let glob = WildMatch::new_case_insensitive(glob);
            let seen = habits.iter().find(|h| h.place.is(*place) && glob.matches(&h.text));
            if let Some(habit) = seen {
                weight += mark;
                let words = habit.words();
                if !evidence.contains(&words) {
                    evidence.push(words);
                }
            }
        }
        if weight >= ENOUGH && best.as_ref().is_none_or(|(w, _)| weight > *w) {
            best = Some((weight, Sender { name: dialect.name, evidence }));
        }
    }
    best.map(|(_, sender)| sender)
}

/// Something of the message that a mark may match.
struct Habit {
    place: Seen,
    text: String,
}

/// A place in this message.
enum Seen {
    Field(String),
    Fixed(Place),
}

impl Seen {
    fn is(&self, place: Place) -> bool {
        match (self, place) {
            (Seen::Field(name), Field(wanted)) => name.eq_ignore_ascii_case(wanted),
            (Seen::Fixed(own), wanted) => *own == wanted,
            _ => false,
        }
    }
}

impl Habit {
    fn words(&self) -> String {
        let text: String = self.text.chars().take(60).collect();
        match &self.place {
            Seen::Field(name) => format!("{name}: {text}"),
            Seen::Fixed(Name) => format!("header field {text}"),
            Seen::Fixed(Boundary) => format!("boundary {text:?}"),
            Seen::Fixed(File) => format!("file name {text:?}"),
            Seen::Fixed(Description) => format!("Content-Description: {text}"),
            Seen::Fixed(_) => text,
        }
    }
}

fn habits(message: &Message<'_>) -> Vec<Habit> {
    let raw = message.raw();
    let mut out = Vec::new();
    for field in message.root().header.fields.iter().take(FIELDS) {
        let name = String::from_utf8_lossy(field.name.of(raw)).into_owned();
        let octets = field.value.of(raw);
        let text = value::unfolded(octets.get(..OCTETS).unwrap_or(octets));
        out.push(Habit { place: Seen::Fixed(Name), text: name.clone() });
        out.push(Habit { place: Seen::Field(name), text });
    }
    for (_, entity) in message.entities().take(PARTS) {
        part(message, entity, &mut out);
    }
    out
}

fn part(message: &Message<'_>, entity: &Entity, out: &mut Vec<Habit>) {
    let mut add = |place, text: &str| {
        let text: String = text.chars().take(OCTETS).collect();
        out.push(Habit { place: Seen::Fixed(place), text });
    };
    add(Type, &entity.content_type.essence());
    if let Some(boundary) = entity.content_type.parameters.value("boundary") {
        add(Boundary, boundary);
    }
    if let Some(name) = file_name(entity) {
        add(File, &name);
    }
    if let Some(description) = message.value(entity, "Content-Description") {
        add(Description, &value::unfolded(description.get(..OCTETS).unwrap_or(description)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limits::Limits;

    fn name(raw: &str, class: Class) -> Option<Sender> {
        sender(&Message::parse(raw.as_bytes(), &Limits::default()), class)
    }

    #[test]
    fn a_system_is_named_with_the_evidence() {
        let raw = "Message-ID: <Asterisk-3-1-1212-4242@pbx.test>\r\nContent-Type: multipart/mixed; boundary=\"----voicemail_31\"\r\n\r\n\
            ------voicemail_31\r\nContent-Type: audio/x-wav; name=\"msg0003.wav\"\r\n\r\nx\r\n------voicemail_31--\r\n";
        let sender = name(raw, Class::VoiceOther).unwrap();
        assert_eq!(sender.name, "Asterisk");
        assert_eq!(
            sender.evidence,
            [
                "Message-ID: <Asterisk-3-1-1212-4242@pbx.test>",
                "boundary \"----voicemail_31\"",
                "file name \"msg0003.wav\""
            ]
        );
        assert_eq!(name(raw, Class::None), None);
    }

    #[test]
    fn one_weak_mark_names_nobody_and_the_heaviest_wins() {
        assert_eq!(name("From: Canon Law <a@b.test>\r\nContent-Type: image/tiff\r\n\r\n", Class::Fax), None);
        let both = "From: asterisk@b.test\r\nX-Mailer: FreeSWITCH\r\nContent-Type: audio/wav\r\n\r\n";
        assert_eq!(name(both, Class::VoiceOther).unwrap().name, "FreeSWITCH");
    }

    #[test]
    fn every_dialect_can_reach_the_weight_and_its_globs_are_its_own_text() {
        for dialect in DIALECTS {
            assert!(dialect.marks.iter().map(|m| m.0).sum::<u32>() >= ENOUGH, "{}", dialect.name);
            for (weight, place, glob) in dialect.marks {
                assert!((1..=2).contains(weight) && glob.len() >= 4, "{} {place:?} {glob}", dialect.name);
                if let Field(name) = place {
                    assert_eq!(*name, name.to_ascii_lowercase());
                }
            }
        }
    }

    #[test]
    fn hostile_headers_are_read_up_to_the_limits() {
        let raw = format!(
            "{}X-Mailer: FreeSWITCH\r\nContent-Type: audio/wav\r\n\r\n",
            "A: *?*?*?\r\n".repeat(5_000)
        );
        assert_eq!(name(&raw, Class::VoiceOther), None);
        let long = format!("Subject: {}\r\n\r\n", "a".repeat(200_000));
        assert!(
            habits(&Message::parse(long.as_bytes(), &Limits::default()))
                .iter()
                .all(|h| h.text.len() <= OCTETS)
        );
    }
}
