//! Repairs of the header fields of a message: what the rules of [`super::header`] and of fax have in common.

use super::header::{DAYS, is_date, is_day, short_year, zone};
use super::lookup::*;
use crate::message::edit::EditList;
use crate::message::{Field, mend, value};
use crate::vpim::Survey;

/// From the envelope, or the mailbox nobody can answer where the reverse-path is null (RFC 3801 4.1.2).
pub fn insert_from(s: &Survey<'_>, edits: &mut EditList) {
    if s.fields(ROOT, "From").any(|field| !s.mailboxes(field).is_empty()) {
        return;
    }
    let address = match (s.envelope.mail_from.as_deref(), s.stamp.host) {
        (Some(""), Some(host)) => format!("non-mail-user@{host}"),
        (Some(path), _) => path.to_owned(),
        _ => return,
    };
    if domain(&address).is_some_and(is_dns_domain) && value::mailboxes(address.as_bytes()).len() == 1 {
        s.set(edits, ROOT, "From", Some(&format!("<{address}>")));
    }
}

/// RFC 3939 4: the caller's name, where the telephone network told it.
pub fn name_from_caller(s: &Survey<'_>, edits: &mut EditList) {
    let (Some(field), Some(name)) = (s.top("From"), s.top("Caller-Name")) else { return };
    let (name, mailboxes) = (s.text(name), s.mailboxes(field));
    let plain = |c: u8| matches!(c, b' '..=b'~') && !matches!(c, b'"' | b'\\');
    let [mailbox] = mailboxes.as_slice() else { return };
    let nameless = mailbox.name.as_deref().is_none_or(str::is_empty) && !is_non_mail_user(&mailbox.address);
    // An encoded word would mean nothing in quotes.
    if nameless && !name.is_empty() && name.bytes().all(plain) && !name.contains("=?") && !s.is_report() {
        s.set(edits, ROOT, "From", Some(&format!("\"{name}\" <{}>", mailbox.address)));
    }
}

/// The time of arrival, where no Date can be read; the first of several that can.
pub fn insert_date(s: &Survey<'_>, edits: &mut EditList) {
    let dates: Vec<String> = s.fields(ROOT, "Date").map(|f| value::unfolded(s.octets(f))).collect();
    let readable = dates.iter().find(|d| is_date(&without_comments(d.as_bytes())));
    match (readable, s.stamp.date) {
        (Some(_), _) if dates.len() == 1 => {}
        (Some(date), _) => s.set(edits, ROOT, "Date", Some(date)),
        (None, Some(date)) => s.set(edits, ROOT, "Date", Some(date)),
        (None, None) => {}
    }
}

/// RFC 5322 3.3: -0000 says that nothing is known of the zone.
const UNKNOWN_ZONE: &str = "-0000";

pub fn add_zone(s: &Survey<'_>, edits: &mut EditList) {
    for field in s.fields(ROOT, "Date") {
        let text = s.text(field);
        if is_date(&text) && zone(&text).is_none() {
            let value = [s.octets(field).trim_ascii_end(), b" ", UNKNOWN_ZONE.as_bytes()].concat();
            s.replace(edits, ROOT, field, &value);
        }
    }
}

/// RFC 5322 4.3: what the names mean.
fn offset(zone: &str) -> &'static str {
    const ZONES: [(&str, &str); 10] = [
        ("UT", "+0000"),
        ("GMT", "+0000"),
        ("EST", "-0500"),
        ("EDT", "-0400"),
        ("CST", "-0600"),
        ("CDT", "-0500"),
        ("MST", "-0700"),
        ("MDT", "-0600"),
        ("PST", "-0800"),
        ("PDT", "-0700"),
    ];
    ZONES.iter().find(|(name, _)| name.eq_ignore_ascii_case(zone)).map_or(UNKNOWN_ZONE, |(_, offset)| offset)
}

pub fn number_zone(s: &Survey<'_>, edits: &mut EditList) {
    for field in s.fields(ROOT, "Date") {
        let text = s.text(field);
        let Some(zone) = zone(&text).filter(|z| !z.starts_with(['+', '-']) && is_date(&text)) else {
            continue;
        };
        let (before, after) = text.split_at(zone.as_ptr() as usize - text.as_ptr() as usize);
        let rest = after.get(zone.len()..).unwrap_or_default();
        s.replace(edits, ROOT, field, format!(" {before}{}{rest}", offset(zone)).as_bytes());
    }
}

/// Writes a date whose year is short or whose day of the week is another.
pub fn write_date(s: &Survey<'_>, edits: &mut EditList) {
    const MONTHS: [&str; 12] =
        ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    for field in s.fields(ROOT, "Date") {
        let text = s.text(field);
        let Some(date) = value::date(text.as_bytes()).filter(|_| is_date(&text)) else { continue };
        let Some(month) = MONTHS.get(usize::from(date.month).wrapping_sub(1)) else { continue };
        let year = match date.year {
            year @ 0..50 => 2000 + year,
            year @ 50..1000 => 1900 + year,
            year => year,
        };
        let (day, zone) = (date.day, zone(&text).unwrap_or(UNKNOWN_ZONE));
        let time = format!("{:02}:{:02}:{:02}", date.hour, date.minute, date.second);
        let written = format!("{day} {month} {year} {time} {zone}");
        // The day of the week belongs to the whole year.
        let Some(weekday) = value::date(written.as_bytes()).and_then(|d| DAYS.get(usize::from(d.weekday)))
        else {
            continue;
        };
        let stated = text.split_once(',').map(|(d, _)| d.trim());
        if short_year(&text) || stated.is_some_and(|d| !is_day(d, weekday)) {
            s.replace(edits, ROOT, field, format!(" {weekday}, {written}").as_bytes());
        }
    }
}

/// Made where there is none, from the octets of the message; the first of several stays.
pub fn insert_message_id(s: &Survey<'_>, edits: &mut EditList) {
    let ids: Vec<String> = s.fields(ROOT, "Message-ID").map(|f| s.text(f)).collect();
    let first = ids.iter().find(|id| !id.is_empty());
    match (first, s.stamp.host) {
        (Some(_), _) if ids.len() == 1 => {}
        (Some(id), _) => s.set(edits, ROOT, "Message-ID", Some(id)),
        (None, Some(host)) => s.set(edits, ROOT, "Message-ID", Some(&mend::identifier(s.message, host))),
        (None, None) => {}
    }
}

/// An identifier in its brackets (RFC 5322 3.6.4), `None` where it is none even without them.
pub fn bracketed(text: &str) -> Option<String> {
    let bare = text.strip_prefix('<').and_then(|t| t.strip_suffix('>')).unwrap_or(text).trim();
    let (left, right) = bare.split_once('@')?;
    let whole = !left.is_empty() && !right.is_empty() && !bare.contains([' ', '\t']);
    whole.then(|| format!("<{bare}>"))
}

pub fn bracket_message_id(s: &Survey<'_>, edits: &mut EditList) {
    for field in s.fields(ROOT, "Message-ID") {
        let text = s.text(field);
        if let Some(id) = bracketed(&text).filter(|id| *id != text) {
            s.replace(edits, ROOT, field, format!(" {id}").as_bytes());
        }
    }
}

pub fn delete_same_reply_to(s: &Survey<'_>, edits: &mut EditList) {
    let from = s.all_mailboxes("From");
    let [from] = from.as_slice() else { return };
    for field in s.fields(ROOT, "Reply-To") {
        let mailboxes = s.mailboxes(field);
        if !mailboxes.is_empty() && mailboxes.iter().all(|m| same_mailbox(&m.address, &from.address)) {
            s.delete(edits, field);
        }
    }
}

/// Private wins over whatever stands beside it.
pub fn make_private(s: &Survey<'_>, edits: &mut EditList) {
    let values: Vec<String> = s.fields(ROOT, "Sensitivity").map(|x| s.text(x).to_ascii_lowercase()).collect();
    let private = values.iter().flat_map(|v| v.split(',')).any(|v| v.trim() == "private");
    let alone = values.len() == 1 && values.first().is_some_and(|v| v == "private");
    if private && !alone {
        s.set(edits, ROOT, "Sensitivity", Some("Private"));
    } else if !private && values.len() > 1 && values.windows(2).all(|pair| matches!(pair, [a, b] if a == b)) {
        s.keep_first(edits, ROOT, "Sensitivity");
    }
}

/// The words of X.400 and RFC 2156 have counterparts; another value has none.
pub fn name_importance(s: &Survey<'_>, edits: &mut EditList) {
    for field in s.fields(ROOT, "Importance") {
        match s.text(field).to_ascii_lowercase().as_str() {
            "low" | "normal" | "high" => {}
            "urgent" => s.replace(edits, ROOT, field, b" high"),
            "non-urgent" => s.replace(edits, ROOT, field, b" low"),
            _ => s.delete(edits, field),
        }
    }
}

pub fn delete_private(s: &Survey<'_>, edits: &mut EditList) {
    let private = |x: &&Field| s.is_report() && s.text(x).eq_ignore_ascii_case("private");
    s.fields(ROOT, "Sensitivity").filter(private).for_each(|field| s.delete(edits, field));
}

/// One field `name` with the addresses of all.
pub fn merge_addresses(s: &Survey<'_>, edits: &mut EditList, name: &str) {
    let mut all = s.fields(ROOT, name);
    let (Some(first), Some(_)) = (all.next(), all.next()) else { return };
    let values: Vec<_> =
        s.fields(ROOT, name).map(|x| s.octets(x).trim_ascii()).filter(|v| !v.is_empty()).collect();
    let value = [b" ", values.join(b",\n\t".as_slice()).as_slice()].concat();
    s.replace(edits, ROOT, first, &value);
    s.fields(ROOT, name).skip(1).for_each(|x| s.delete(edits, x));
}

/// RFC 5322 3.6: each field once, and those every message has. Fields that contradict each other stay:
/// nobody knows which of them is meant.
pub fn write_fields_once(s: &Survey<'_>, edits: &mut EditList) {
    merge_addresses(s, edits, "To");
    merge_addresses(s, edits, "Cc");
    for name in ["From", "Date", "MIME-Version", "Subject"] {
        let mut values = s.fields(ROOT, name).map(|x| s.octets(x).trim_ascii());
        if values.next().is_some_and(|first| values.all(|v| v == first)) {
            s.keep_first(edits, ROOT, name);
        }
    }
    if s.top("Date").is_none() {
        insert_date(s, edits);
    }
    if s.top("From").is_none() {
        insert_from(s, edits);
    }
    if s.top("MIME-Version").is_none() {
        s.set(edits, ROOT, "MIME-Version", Some("1.0"));
    }
}
