//! The messages from which the samples of the rules are made.

use crate::conformance::rule::Sample;
use crate::vpim::Class;

const SPOKEN: &str = "Received: from vm.example.net by vm.example.org; Tue, 4 Mar 2025 09:00:01 +0100
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
Content-Disposition: inline; voice=Originator-Spoken-Name; filename=name.726

////////
--b1
Content-Type: audio/32KADPCM
Content-Transfer-Encoding: base64
Content-Disposition: inline; voice=Voice-Message; filename=m1.726
Content-Duration: 1

////////
--b1--
";

/// A voice message with a spoken name.
pub const VOICE: Sample = Sample::of(SPOKEN).from("2001@vm.example.net").to(&["3002@vm.example.org"]);

/// A forwarded voice message.
pub const FORWARD: Sample = Sample::of(
    "Received: from vm.example.net by vm.example.org; Tue, 4 Mar 2025 09:00:01 +0100
From: \"Example, Ann\" <2001@vm.example.net>
To: <3002@vm.example.org>
Date: Tue, 4 Mar 2025 09:00:00 +0100
Message-ID: <a2@vm.example.net>
Subject: Fwd: Voice Message
MIME-Version: 1.0 (Voice 2.0)
Content-Type: multipart/voice-message; version=2.0; boundary=b1

--b1
Content-Type: audio/32KADPCM
Content-Transfer-Encoding: base64
Content-Disposition: inline; voice=Voice-Message; filename=note.726

////////
--b1
Content-Type: message/rfc822

From: \"Test, Tom\" <4004@vm.example.com>
Date: Mon, 3 Mar 2025 08:00:00 +0100
Subject: Voice Message
MIME-Version: 1.0 (Voice 2.0)
Content-Type: multipart/voice-message; version=2.0; boundary=b2

--b2
Content-Type: audio/32KADPCM
Content-Transfer-Encoding: base64
Content-Disposition: inline; voice=Voice-Message; filename=m1.726

////////
--b2--

--b1--
",
);

/// A voice message of version 1.
pub const VOICE1: Sample = Sample::of(
    "Received: from vm.example.net by vm.example.org; Tue, 4 Mar 2025 09:00:01 +0100
From: \"Example, Ann\" <2001@vm.example.net>
To: <3002@vm.example.org>
Date: Tue, 4 Mar 2025 09:00:00 +0100
Message-ID: <a3@vm.example.net>
MIME-Version: 1.0 (Voice 1.0)
Content-Type: multipart/voice-message; boundary=b1

--b1
Content-Type: audio/32KADPCM
Content-Transfer-Encoding: base64


--b1
Content-Type: audio/32KADPCM
Content-Transfer-Encoding: base64


--b1
Content-Type: audio/32KADPCM
Content-Transfer-Encoding: base64

////////
--b1--
",
);

/// An Internet voice message.
pub const INTERNET: Sample = Sample::of(
    "Received: from mail.example.net by mail.example.org; Tue, 4 Mar 2025 09:00:01 +0100
From: \"Ann Example\" <ann@example.net>
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
",
);

/// A fax in a voice message.
pub const VOICE_FAX: Sample = Sample::of(
    "Received: from vm.example.net by vm.example.org; Tue, 4 Mar 2025 09:00:01 +0100
From: \"Example, Ann\" <2001@vm.example.net>
To: <3002@vm.example.org>
Date: Tue, 4 Mar 2025 09:00:00 +0100
Message-ID: <a5@vm.example.net>
Subject: Fax Message
MIME-Version: 1.0 (Voice 2.0)
Content-Type: multipart/voice-message; version=2.0; boundary=b1

--b1
Content-Type: image/tiff; application=faxbw
Content-Transfer-Encoding: base64
Content-Disposition: inline; filename=fax.tif

SUkqAAgAAAAQAP4ABAABAAAAAgAAAAABAwABAAAAwAYAAAEBAwABAAAAAgAAAAIBAwABAAAAAQAA
AAMBAwABAAAAAwAAAAYBAwABAAAAAAAAAAoBAwABAAAAAgAAABEBBAABAAAA3gAAABUBAwABAAAA
AQAAABYBAwABAAAAAgAAABcBBAABAAAACAAAABoBBQABAAAAzgAAABsBBQABAAAA1gAAACQBBAAB
AAAAAAAAACgBAwABAAAAAgAAACkBAwACAAAAAAABAAAAAADMAAAAAQAAAGIAAAABAAAAACibFQBl
swI=
--b1--
",
);

/// An Internet fax.
pub const SIMPLE_FAX: Sample = Sample::of(
    "Received: from fax.example.net by fax.example.org; Tue, 4 Mar 2025 09:00:01 +0100
From: <FAX=+16135550100@fax.example.net>
To: <FAX=+3940226338@fax.example.org>
Date: Tue, 4 Mar 2025 09:00:00 +0100
Message-ID: <a6@fax.example.net>
Subject: Fax
MIME-Version: 1.0
Content-Type: multipart/mixed; boundary=b1

--b1
Content-Type: text/plain

A fax for you.
--b1
Content-Type: image/tiff
Content-Transfer-Encoding: base64

SUkqAAgAAAAQAP4ABAABAAAAAgAAAAABAwABAAAAwAYAAAEBAwABAAAAAgAAAAIBAwABAAAAAQAA
AAMBAwABAAAAAwAAAAYBAwABAAAAAAAAAAoBAwABAAAAAgAAABEBBAABAAAA3gAAABUBAwABAAAA
AQAAABYBAwABAAAAAgAAABcBBAABAAAACAAAABoBBQABAAAAzgAAABsBBQABAAAA1gAAACQBBAAB
AAAAAAAAACgBAwABAAAAAgAAACkBAwACAAAAAAABAAAAAADMAAAAAQAAAGIAAAABAAAAACibFQBl
swI=
--b1--
",
)
.from("FAX=+16135550100@fax.example.net")
.to(&["FAX=+3940226338@fax.example.org"]);

/// A spoken delivery status notification.
pub const DELIVERY: Sample = Sample::of(
    "Received: from vm.example.org by vm.example.net; Tue, 4 Mar 2025 09:00:01 +0100
From: Mail Delivery <MAILER-DAEMON@vm.example.org>
To: <2001@vm.example.net>
Date: Tue, 4 Mar 2025 09:00:00 +0100
Message-ID: <d1@vm.example.org>
Subject: Returned voice message
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status; boundary=b1

--b1
Content-Type: audio/32KADPCM
Content-Transfer-Encoding: base64
Content-Disposition: inline; voice=Voice-Message-Notification

////////
--b1
Content-Type: message/delivery-status

Reporting-MTA: dns; vm.example.org
Arrival-Date: Tue, 4 Mar 2025 08:59:00 +0100

Final-Recipient: rfc822; 3002@vm.example.org
Action: failed
Status: 5.1.1 (no such mailbox)

--b1--
",
)
.from("");

/// A spoken disposition notification.
pub const DISPOSITION: Sample = Sample::of(
    "Received: from vm.example.org by vm.example.net; Tue, 4 Mar 2025 09:00:01 +0100
From: <3002@vm.example.org>
To: <2001@vm.example.net>
Date: Tue, 4 Mar 2025 09:00:00 +0100
Message-ID: <d2@vm.example.org>
Subject: Voice message played
MIME-Version: 1.0
Content-Type: multipart/report; report-type=disposition-notification; boundary=b1

--b1
Content-Type: audio/32KADPCM
Content-Transfer-Encoding: base64
Content-Disposition: inline; voice=Voice-Message-Notification

////////
--b1
Content-Type: message/disposition-notification

Reporting-UA: vm.example.org; ExampleVoice
Final-Recipient: rfc822;3002@vm.example.org
Original-Message-ID: <a1@vm.example.net>
Disposition: manual-action/MDN-sent-manually; displayed

--b1--
",
)
.from("");

/// Voice mail of a telephone system.
pub const PBX: Sample = Sample::of(
    "Received: from pbx.example.com by mx.example.com; Tue, 4 Mar 2025 09:00:01 +0100
From: Asterisk PBX <asterisk@pbx.example.com>
To: <3002@vm.example.org>
Date: Tue, 4 Mar 2025 09:00:00 +0100
Message-ID: <Asterisk-1@pbx.example.com>
Subject: New message in mailbox 3002
MIME-Version: 1.0
Content-Type: multipart/mixed; boundary=b1

--b1
Content-Type: text/plain

You have a message.
--b1
Content-Type: audio/x-wav; name=msg0001.wav
Content-Transfer-Encoding: base64
Content-Disposition: attachment; filename=msg0001.wav

UklGRgAAAABXQVZF
--b1--
",
);

/// The voice message judged by RFC 2421.
pub const VOICE_2421: Sample = Sample { class: Some(Class::Vpim2Rfc2421), ..VOICE };

/// The disposition notification judged by RFC 2421.
pub const DISPOSITION_2421: Sample = Sample { class: Some(Class::Vpim2Rfc2421), ..DISPOSITION };

/// A voice message of RFC 2421 with the vCard of its originator.
pub const VCARD_2421: Sample = Sample {
    class: Some(Class::Vpim2Rfc2421),
    ..Sample::of(
        "Received: from vm.example.net by vm.example.org; Tue, 4 Mar 2025 09:00:01 +0100
From: \"Example, Ann\" <2001@vm.example.net>
To: <3002@vm.example.org>
Date: Tue, 4 Mar 2025 09:00:00 +0100
Message-ID: <a7@vm.example.net>
Subject: Voice Message
MIME-Version: 1.0 (Voice 2.0)
Content-Type: multipart/voice-message; version=2.0; boundary=b1

--b1
Content-Type: audio/32KADPCM
Content-Transfer-Encoding: base64
Content-Disposition: inline; voice=Originator-Spoken-Name; filename=name.726
Content-ID: <n1@vm.example.net>

////////
--b1
Content-Type: audio/32KADPCM
Content-Transfer-Encoding: base64
Content-Disposition: inline; voice=Voice-Message; filename=m1.726

////////
--b1
Content-Type: text/directory; charset=us-ascii; profile=vCard

BEGIN:VCARD
N:Example;Ann
ROLE:Operator
EMAIL;TYPE=INTERNET:2001@vm.example.net
TEL;TYPE=VOICE,MSG:+16135550100
SOUND;TYPE=32KADPCM;ENCODING=URI:
 CID:<n1@vm.example.net>
REV:20250304T090000Z
VERSION: 3.0
END:VCARD
--b1--
",
    )
};

/// A voice message whose code words are packed the other way round.
pub const SWAPPED: Sample = Sample::of(include_str!("swapped.eml"));

/// Parts in parts beyond any limit.
pub const DEEP: Sample = VOICE.with(&[(
    "multipart/voice-message; version=2.0; boundary=b1\n\n--b1\n",
    "multipart/mixed; boundary=b1\n\n\u{2427}",
)]);
