//! The wall clock as text.

use std::time::{SystemTime, UNIX_EPOCH};

const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
const DAYS: [&str; 7] = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"];

/// A date as RFC 5322 3.3 writes it, in UTC.
pub fn rfc5322_date(now: SystemTime) -> String {
    // A clock before 1970 is wrong; 1970 is then as good as any date.
    let seconds = now.duration_since(UNIX_EPOCH).map_or(0, |d| d.as_secs());
    let (days, rest) = (seconds / 86_400, seconds % 86_400);
    let weekday = usize::try_from(days % 7).ok().and_then(|d| DAYS.get(d)).unwrap_or(&"Thu");
    let (year, month, day) = civil(days);
    let month = MONTHS.get(month).unwrap_or(&"Jan");
    let (hour, minute, second) = (rest / 3_600, rest / 60 % 60, rest % 60);
    format!("{weekday}, {day} {month} {year} {hour:02}:{minute:02}:{second:02} +0000")
}

/// Year, month from 0, day from 1 of a count of days since 1970-01-01, in eras of 400 years that
/// begin in March.
fn civil(days: u64) -> (u64, usize, u64) {
    let days = days.saturating_add(719_468);
    let (era, day_of_era) = (days / 146_097, days % 146_097);
    let year = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year + year / 4 - year / 100);
    let shifted = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted + 2) / 5 + 1;
    let month = usize::try_from((shifted + 2) % 12).unwrap_or(0);
    (year + era * 400 + u64::from(month < 2), month, day)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn dates_are_right_at_the_edges_of_the_calendar() {
        for (seconds, date) in [
            (0, "Thu, 1 Jan 1970 00:00:00 +0000"),
            (951_782_400, "Tue, 29 Feb 2000 00:00:00 +0000"),
            (2_147_483_648, "Tue, 19 Jan 2038 03:14:08 +0000"),
            (4_107_542_400, "Mon, 1 Mar 2100 00:00:00 +0000"),
            (1_798_761_599, "Thu, 31 Dec 2026 23:59:59 +0000"),
        ] {
            assert_eq!(rfc5322_date(UNIX_EPOCH + Duration::from_secs(seconds)), date);
        }
        assert_eq!(rfc5322_date(UNIX_EPOCH - Duration::from_secs(1)), "Thu, 1 Jan 1970 00:00:00 +0000");
    }
}
