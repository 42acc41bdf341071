//! How much of a network is in how few hands: of regions, providers, hardware, operators; by machines and by reward.

use super::chances::Bounded;
use crate::draws::Draws;

/// Draws of all resamples together, and the least and most resamples.
const MAX_DRAWS: usize = 5_000_000;
const RESAMPLES: std::ops::RangeInclusive<usize> = 200..=1000;
/// More than half, and no rounding: ten tenths are ten, so six of them are it.
const ROUNDING: f64 = 1e-12;

/// Measures of concentration.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Concentration<T = f64> {
    /// Hill number of order 0: how many have a share at all.
    pub hill_0: T,
    /// Of order 1: as many of equal size have the same entropy.
    pub hill_1: T,
    /// Of order 2: as many of equal size have the same HHI.
    pub hill_2: T,
    /// Herfindahl and Hirschman's index: the probability that two requests, by share, meet the same.
    pub hhi: T,
    /// The least number that have more than half together.
    pub nakamoto: T,
}

/// Of shares that add up to 1; of weights, by their shares. All zero where nothing weighs anything.
#[must_use]
pub fn concentration(weights: &[f64]) -> Concentration {
    let sum: f64 = weights.iter().sum();
    let mut shares: Vec<f64> =
        weights.iter().map(|weight| weight / sum).filter(|share| *share > 0.0).collect();
    shares.sort_by(|a, b| b.total_cmp(a));
    if shares.is_empty() {
        return Concentration::default();
    }
    let hhi: f64 = shares.iter().map(|share| share * share).sum();
    let entropy: f64 = shares.iter().map(|share| -share * share.ln()).sum();
    let mut together = 0.0;
    let needed = shares.iter().take_while(|share| {
        let is_needed = together <= 0.5 + ROUNDING;
        together += *share;
        is_needed
    });
    let nakamoto = needed.count() as f64;
    Concentration { hill_0: shares.len() as f64, hill_1: entropy.exp(), hill_2: 1.0 / hhi, hhi, nakamoto }
}

/// Of machines in groups, with their weights; each interval holds 95 % of what resamples of the machines, drawn with replacement, show.
///
/// A resample misses groups, so on average it is more concentrated than what it was drawn from; the interval is moved back by that
/// difference (bias-corrected; Efron and Tibshirani, *An Introduction to the Bootstrap*, chapter 10), and ends where the measure does.
#[must_use]
pub fn of_groups(group_of: &[usize], groups: usize, weights: &[f64], seed: u64) -> Concentration<Bounded> {
    let value = concentration(&by_group(group_of, groups, weights));
    let resamples = (MAX_DRAWS / weights.len().max(1)).clamp(*RESAMPLES.start(), *RESAMPLES.end());
    let mut draws = Draws::new("proofmark/concentration/1", seed);
    let mut resample = || {
        let mut sums = vec![0.0; groups];
        for _ in weights {
            let machine = draws.below(weights.len());
            sums[group_of[machine]] += weights[machine];
        }
        concentration(&sums)
    };
    let shown: Vec<Concentration> = (0..resamples).map(|_| resample()).collect();
    let bounded = |of: fn(&Concentration) -> f64, (least, greatest): (f64, f64)| {
        let mut sorted: Vec<f64> = shown.iter().map(of).collect();
        sorted.sort_by(f64::total_cmp);
        let (value, cut) = (of(&value), resamples / 40);
        let bias = sorted.iter().sum::<f64>() / resamples as f64 - value;
        let end = |shown: f64| (shown - bias).clamp(least, greatest);
        Bounded { value, low: end(sorted[cut]).min(value), high: end(sorted[resamples - 1 - cut]).max(value) }
    };
    let count = (1.0, groups.max(1) as f64);
    Concentration {
        hill_0: bounded(|shown| shown.hill_0, count),
        hill_1: bounded(|shown| shown.hill_1, count),
        hill_2: bounded(|shown| shown.hill_2, count),
        hhi: bounded(|shown| shown.hhi, (1.0 / count.1, 1.0)),
        nakamoto: bounded(|shown| shown.nakamoto, count),
    }
}

/// The weight of each group.
#[must_use]
pub fn by_group(group_of: &[usize], groups: usize, weights: &[f64]) -> Vec<f64> {
    let mut sums = vec![0.0; groups];
    for (group, weight) in group_of.iter().zip(weights) {
        sums[*group] += weight;
    }
    sums
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_shares_count_as_many_as_they_are() {
        for count in [1_u32, 2, 3, 10, 1000] {
            let found = concentration(&vec![7.0; count as usize]);
            for hill in [found.hill_0, found.hill_1, found.hill_2, 1.0 / found.hhi] {
                assert!((hill / f64::from(count) - 1.0).abs() < 1e-12, "{count}: {found:?}");
            }
            assert_eq!(found.nakamoto, f64::from(count / 2 + 1), "{count}");
        }
    }

    #[test]
    fn nothing_has_no_concentration() {
        assert_eq!(concentration(&[]), Concentration::default());
        assert_eq!(concentration(&[0.0, 0.0]), Concentration::default());
    }

    #[test]
    fn an_interval_of_resamples_holds_the_share_of_a_fair_coin() {
        // 400 machines in two groups alike: the HHI of a resample is 0.5 + 2 (share - 0.5)^2, and the share's standard deviation 0.025.
        let group_of: Vec<usize> = (0..400).map(|machine| machine % 2).collect();
        let found = of_groups(&group_of, 2, &[1.0; 400], 1);
        assert_eq!((found.hhi.value, found.hill_0.low, found.hill_0.high), (0.5, 2.0, 2.0));
        assert!(
            found.hhi.high > 0.5 + 2.0 * 0.04_f64.powi(2) && found.hhi.high < 0.5 + 2.0 * 0.08_f64.powi(2)
        );
        assert_eq!(found, of_groups(&group_of, 2, &[1.0; 400], 1));
    }
}
