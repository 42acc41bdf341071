//! The point where a condition ends.

use std::ops::Range;

/// The last number of `range` for which `holds`; `None` if it does not hold for the first.
///
/// `holds` is true up to some number and false behind it.
pub(super) fn last_where(range: Range<u64>, holds: impl Fn(u64) -> bool) -> Option<u64> {
    // It holds for all before `start` and for none from `end` on.
    let (mut start, mut end) = (range.start, range.end);
    while start < end {
        let middle = start.midpoint(end);
        if holds(middle) {
            start = middle + 1;
        } else {
            end = middle;
        }
    }
    (start > range.start).then(|| start - 1)
}

/// [`last_where`], sooner where the answer lies near the beginning of a long range: numbers are tried at distances that double.
pub(super) fn last_where_from_start(range: Range<u64>, holds: impl Fn(u64) -> bool) -> Option<u64> {
    let (mut start, mut end, mut stride) = (range.start, range.end, 0_u64);
    while start < end {
        let number = start.saturating_add(stride).min(end - 1);
        if holds(number) {
            start = number + 1;
            stride = stride.saturating_mul(2).saturating_add(1);
        } else {
            end = number;
            break;
        }
    }
    last_where(start..end, holds).or((start > range.start).then(|| start - 1))
}

/// [`last_where`], sooner where the answer lies near `guess`, a number of the range.
pub(super) fn last_where_near(guess: u64, range: Range<u64>, holds: impl Fn(u64) -> bool) -> Option<u64> {
    if holds(guess) {
        return last_where_from_start(guess + 1..range.end, holds).or(Some(guess));
    }
    let fails = |below: u64| !holds(guess - below);
    let failing = last_where_from_start(1..guess - range.start + 1, fails).unwrap_or(0);
    (guess - range.start > failing).then(|| guess - failing - 1)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_range_without_a_number_has_no_last() {
        assert_eq!(last_where(3..3, |_| true), None);
        assert_eq!(last_where(0..u64::MAX, |_| true), Some(u64::MAX - 1));
        assert_eq!(last_where_from_start(3..3, |_| true), None);
        assert_eq!(last_where_from_start(0..u64::MAX, |_| true), Some(u64::MAX - 1));
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn searches_find_what_a_scan_finds(
            start in 0_u64..50,
            length in 1_u64..50,
            limit in 0_u64..120,
            guess in any::<prop::sample::Index>(),
        ) {
            let range = start..start + length;
            let last_reference = range.clone().rfind(|number| *number < limit);
            prop_assert_eq!(last_where(range.clone(), |number| number < limit), last_reference);
            prop_assert_eq!(last_where_from_start(range.clone(), |number| number < limit), last_reference);
            let guess = start + guess.index(length as usize) as u64;
            prop_assert_eq!(last_where_near(guess, range, |number| number < limit), last_reference);
        }
    }
}
