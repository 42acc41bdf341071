use std::fmt;
use std::str::FromStr;
use std::time::{Duration, SystemTime};

use crate::words::clipped;

/// A second of UTC; on the wire exactly `2026-11-21T03:45:00Z`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Timestamp(SystemTime);

impl Timestamp {
    /// The second that `time` lies in.
    #[must_use]
    pub fn of(time: SystemTime) -> Self {
        let seconds = time.duration_since(SystemTime::UNIX_EPOCH).map_or(0, |since| since.as_secs());
        Self(SystemTime::UNIX_EPOCH + Duration::from_secs(seconds))
    }

    /// The time from `earlier` to this one; `None` if it is later.
    #[must_use]
    pub fn since(self, earlier: Self) -> Option<Duration> {
        self.0.duration_since(earlier.0).ok()
    }

    /// This time and `duration`; `None` beyond what the system can represent.
    #[must_use]
    pub fn checked_add(self, duration: Duration) -> Option<Self> {
        self.0.checked_add(duration).map(Self)
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        humantime::format_rfc3339_seconds(self.0).fmt(f)
    }
}

/// Characters of a foreign text that an error repeats.
const TOLD: usize = 40;

/// A text that is no time in the one accepted form.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a time of the form 2026-11-21T03:45:00Z")]
pub struct NotATimestamp(String);

impl FromStr for Timestamp {
    type Err = NotATimestamp;

    fn from_str(text: &str) -> Result<Self, NotATimestamp> {
        let parsed = humantime::parse_rfc3339(text).map(Self).ok();
        // Fractions and other spellings do not come back as they were.
        parsed.filter(|parsed| parsed.to_string() == text).ok_or_else(|| NotATimestamp(clipped(text, TOLD)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_spelling_is_accepted() {
        let text = "2026-11-21T03:45:00Z";
        assert_eq!(text.parse::<Timestamp>().unwrap().to_string(), text);
        for other in [
            "2026-11-21T03:45:00.0Z",
            "2026-11-21t03:45:00z",
            "2026-11-21 03:45:00Z",
            "2026-13-01T00:00:00Z",
            "",
        ] {
            assert!(other.parse::<Timestamp>().is_err(), "{other}");
        }
    }
}
