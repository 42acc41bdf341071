//! Drawing answers, and the odds of drawing none that is faked.

use crate::Digest;

const MILLION: f64 = 1e6;

/// What an audit's draws are made from.
#[must_use]
pub fn audit_seed(body_digest: Digest, randomness: &[u8]) -> Digest {
    Digest::of_fields("proofmark/audit/1", &[&body_digest.0, randomness])
}

/// The places of `wanted` of `count` answers of the cell `cell_index`, ascending; all of them where `wanted` is no less.
#[must_use]
pub fn sample(audit_seed: Digest, cell_index: u64, count: u64, wanted: u64) -> Vec<u64> {
    // Only the places that were exchanged differ from their number.
    let mut moved = std::collections::BTreeMap::new();
    let mut drawn = Vec::new();
    for place in 0..wanted.min(count) {
        let other = place + draw(audit_seed, cell_index, place, count - place);
        let here = moved.get(&place).copied().unwrap_or(place);
        drawn.push(if other == place { here } else { moved.insert(other, here).unwrap_or(other) });
    }
    drawn.sort_unstable();
    drawn
}

/// A number below `bound`, each as likely.
fn draw(audit_seed: Digest, cell_index: u64, place: u64, bound: u64) -> u64 {
    let number = |attempt: u64| {
        let fields = [cell_index, place, attempt].map(u64::to_le_bytes);
        let digest =
            Digest::of_fields("proofmark/draw/1", &[&audit_seed.0, &fields[0], &fields[1], &fields[2]]);
        digest.0[..8].iter().fold(0, |number, byte| number << 8 | u64::from(*byte))
    };
    // 2^64 mod bound
    let surplus = (u64::MAX % bound + 1) % bound;
    let below = |number: &u64| *number <= u64::MAX - surplus;
    (0..).map(number).find(below).unwrap_or(0) % bound
}

/// As [`miss_ppm`], of a tenth of the answers, rounded up.
///
/// # Panics
/// When more answers are checked than there are.
#[must_use]
pub fn tenth_missed_ppm(count: u64, checked: u64) -> u64 {
    miss_ppm(count, count.div_ceil(10), checked)
}

/// The probability, in millionths and rounded up, that `checked` of `count` answers, drawn without replacement, are all among the
/// genuine ones when `faked` are not: C(count - faked, checked) / C(count, checked).
///
/// # Panics
/// When more answers are faked or checked than there are.
#[must_use]
pub fn miss_ppm(count: u64, faked: u64, checked: u64) -> u64 {
    assert!(faked <= count && checked <= count);
    if checked > count - faked {
        return 0;
    }
    // The product of (count - checked - i) / (count - i) over the faked ones, which are the fewer factors where few are faked.
    let (factors, less) = if faked < checked { (faked, checked) } else { (checked, faked) };
    let product =
        (0..factors).fold(1.0, |product, i| product * ((count - less - i) as f64 / (count - i) as f64));
    // Each factor is rounded three times by at most 2^-53.
    let slack = 1.0 + 4.0 * factors as f64 * f64::EPSILON;
    ((product * slack * MILLION).ceil() as u64).min(1_000_000)
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, SystemTime};

    use proptest::prelude::*;

    use super::*;
    use crate::Timestamp;
    use crate::beacon::{BeaconRound, CHAIN, first_round_after};
    use crate::schema::v1::Beacon;

    /// Made by `reports/interop/audit_vectors.py`, an independent implementation.
    const VECTORS: &str = include_str!("../../tests/vectors/audit.json");

    #[test]
    fn draws_and_odds_match_the_independent_vectors() {
        let vectors: serde_json::Value = serde_json::from_str(VECTORS).unwrap();
        let digest = |value: &serde_json::Value| -> Digest { value.as_str().unwrap().parse().unwrap() };
        let seed = audit_seed(digest(&vectors["body_digest"]), &digest(&vectors["randomness"]).0);
        assert_eq!(seed, digest(&vectors["audit_seed"]));
        let number = |case: &serde_json::Value, name: &str| case[name].as_u64().unwrap();
        for case in vectors["samples"].as_array().unwrap() {
            let drawn =
                sample(seed, number(case, "cell_index"), number(case, "count"), number(case, "wanted"));
            let expected: Vec<u64> =
                case["places"].as_array().unwrap().iter().map(|place| place.as_u64().unwrap()).collect();
            assert_eq!(drawn, expected, "{case}");
        }
        for case in vectors["odds"].as_array().unwrap() {
            let miss = miss_ppm(number(case, "count"), number(case, "faked"), number(case, "checked"));
            let exact = number(case, "miss_ppm");
            assert!(miss == exact || miss == exact + 1, "{case}: {miss}");
        }
    }

    #[test]
    fn a_public_sample_matches_the_independent_vectors() {
        let vectors: serde_json::Value = serde_json::from_str(VECTORS).unwrap();
        let body_digest: Digest = vectors["body_digest"].as_str().unwrap().parse().unwrap();
        let public = &vectors["public"];
        let (round, signature) = (public["round"].as_u64().unwrap(), public["signature"].as_str().unwrap());
        let beacon = Beacon { chain: CHAIN, round, signature: signature.to_owned() };
        let round = BeaconRound::verify(&beacon).unwrap();
        let seed = audit_seed(body_digest, &round.randomness().0);
        assert_eq!(public["audit_seed"], seed.to_string());
        assert_eq!(public["places"], serde_json::json!(sample(seed, 1, 198, 5)));
        for case in vectors["first_rounds"].as_array().unwrap() {
            let time = SystemTime::UNIX_EPOCH + Duration::from_secs(case["time_s"].as_u64().unwrap());
            assert_eq!(case["round"], first_round_after(Timestamp::of(time)), "{case}");
        }
    }

    #[test]
    fn every_answer_is_drawn_as_often() {
        let mut times = [0_u32; 20];
        for trial in 0..4000_u64 {
            let seed = audit_seed(Digest::of(b"body"), &trial.to_le_bytes());
            for place in sample(seed, 3, 20, 5) {
                times[place as usize] += 1;
            }
        }
        // 1000 each in the mean, with a standard deviation of 27.
        assert!(times.iter().all(|times| (880..1120).contains(times)), "{times:?}");
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn a_sample_has_different_places_below_the_count(count in 0_u64..300, wanted in 0_u64..320, body in any::<u64>()) {
            let seed = audit_seed(Digest::of(&body.to_le_bytes()), b"");
            let drawn = sample(seed, 0, count, wanted);
            prop_assert_eq!(drawn.len() as u64, wanted.min(count));
            prop_assert!(drawn.windows(2).all(|pair| pair[0] < pair[1]));
            prop_assert!(drawn.last().is_none_or(|last| *last < count));
        }

        #[test]
        fn checking_more_misses_no_more(count in 1_u64..500, faked in 0_u64..500, checked in 0_u64..499) {
            let (faked, checked) = (faked.min(count), checked.min(count - 1));
            prop_assert!(miss_ppm(count, faked, checked + 1) <= miss_ppm(count, faked, checked));
            prop_assert_eq!(miss_ppm(count, faked, count) == 0, faked > 0);
            prop_assert_eq!(miss_ppm(count, 0, checked), 1_000_000);
        }
    }
}
