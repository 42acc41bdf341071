//! What two builds that ran in turns say of each other: pure arithmetic, free of clocks and files.
//!
//! Runs come in fours, old new new old or new old old new, so that a machine that becomes slower bit by bit makes both builds slower
//! alike. Of each four the logarithm of new by old is one number; what differs from four to four (neighbours, where memory
//! lies) is then in the spread of these numbers, and a bootstrap over them is honest about it.

use serde::{Deserialize, Serialize};

/// Two runs of each build, in nanoseconds a repetition.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Four {
    pub(crate) old_ns: [f64; 2],
    pub(crate) new_ns: [f64; 2],
}

/// A time in nanoseconds, or new by old: above 1, the new build is slower.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub(crate) struct Estimate {
    pub(crate) value: f64,
    /// The ends of its 99 % interval.
    pub(crate) low: f64,
    pub(crate) high: f64,
}

/// What is a change, and what cannot be told.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rules {
    /// The least change that counts, as a share.
    pub(crate) floor: f64,
    /// The slow-down that must not pass unseen, as a share: where the interval does not exclude it, the machine was too noisy.
    pub(crate) caught: f64,
}

/// What an attempt says of a benchmark.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Verdict {
    Unchanged,
    Regression,
    Improvement,
    TooNoisy,
}

/// Of the interval.
const TAIL: f64 = 0.005;
const RESAMPLES: usize = 2000;

impl Four {
    /// The logarithm of new by old.
    pub(crate) fn log_ratio(&self) -> f64 {
        let mean = |[a, b]: [f64; 2]| f64::midpoint(a.ln(), b.ln());
        mean(self.new_ns) - mean(self.old_ns)
    }
}

impl Estimate {
    /// New by old, as these fours say; `None` of fewer than two.
    pub(crate) fn of_fours(fours: &[Four]) -> Option<Self> {
        Self::of_logs(fours.iter().map(Four::log_ratio).collect())
    }

    /// The time of a round; `None` of fewer than two rounds.
    pub(crate) fn of_rounds(rounds_ns: &[f64]) -> Option<Self> {
        Self::of_logs(rounds_ns.iter().map(|ns| ns.ln()).collect())
    }

    fn of_logs(logs: Vec<f64>) -> Option<Self> {
        if logs.len() < 2 {
            return None;
        }
        // The same numbers give the same interval.
        let mut draws = Draws(logs.len() as u64);
        let means = (0..RESAMPLES)
            .map(|_| midmean((0..logs.len()).map(|_| logs[draws.below(logs.len())]).collect()))
            .collect();
        Some(Self::of_resamples(midmean(logs), means))
    }

    /// New by old, as rounds say that were run apart, as of a stored baseline: what the machine did between is in it, unseen.
    pub(crate) fn apart(old_ns: &[f64], new_ns: &[f64]) -> Option<Self> {
        if old_ns.len() < 2 || new_ns.len() < 2 {
            return None;
        }
        let logs = |times: &[f64]| -> Vec<f64> { times.iter().map(|ns| ns.ln()).collect() };
        let (old, new) = (logs(old_ns), logs(new_ns));
        let mut draws = Draws((old.len() + new.len()) as u64);
        let mut drawn =
            |logs: &[f64]| midmean((0..logs.len()).map(|_| logs[draws.below(logs.len())]).collect());
        let differences: Vec<f64> = (0..RESAMPLES).map(|_| drawn(&new) - drawn(&old)).collect();
        Some(Self::of_resamples(midmean(new) - midmean(old), differences))
    }

    fn of_resamples(log: f64, mut resamples: Vec<f64>) -> Self {
        resamples.sort_by(f64::total_cmp);
        let at = |share: f64| resamples[(share * (RESAMPLES - 1) as f64).round() as usize].exp();
        Self { value: log.exp(), low: at(TAIL), high: at(1.0 - TAIL) }
    }

    /// Whether the whole interval lies on one side of each floor, so that more fours would say nothing new.
    pub(crate) fn is_decided(self, rules: Rules) -> bool {
        let (least, most) = (1.0 / (1.0 + rules.floor), 1.0 + rules.floor);
        self.low > most || self.high < least || (self.low > least && self.high < most)
    }

    /// The verdict of one attempt.
    pub(crate) fn verdict(self, rules: Rules) -> Verdict {
        let Self { value: ratio, low, high } = self;
        if low > 1.0 && ratio > 1.0 + rules.floor {
            Verdict::Regression
        } else if high < 1.0 && ratio < 1.0 / (1.0 + rules.floor) {
            Verdict::Improvement
        } else if high > 1.0 + rules.caught {
            Verdict::TooNoisy
        } else {
            Verdict::Unchanged
        }
    }
}

impl Verdict {
    /// A change counts where a second attempt agrees.
    pub(crate) fn confirmed(self, second: Self) -> Self {
        match (self, second) {
            (first, second) if first == second => first,
            (_, Self::Unchanged) | (Self::Unchanged, _) => Self::Unchanged,
            _ => Self::TooNoisy,
        }
    }
}

/// The mean of the middle half: nearly as sharp as a mean where nothing disturbs, and untouched by what disturbs a quarter.
fn midmean(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    let cut = values.len() / 4;
    let middle = &values[cut..values.len() - cut];
    middle.iter().sum::<f64>() / middle.len() as f64
}

/// SplitMix64 (Steele, Lea and Flood 2014).
pub(crate) struct Draws(pub(crate) u64);

impl Draws {
    /// A number below `bound`, each as likely as the next but for 2^-40.
    pub(crate) fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut word = self.0;
        word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((u128::from(word ^ (word >> 31)) * bound as u128) >> 64) as usize
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RULES: Rules = Rules { floor: 0.03, caught: 0.10 };

    /// Fours whose builds differ by `ratio`, disturbed by up to `noise`, on a machine that becomes slower all the while.
    fn fours(count: usize, ratio: f64, noise: f64) -> Vec<Four> {
        let mut draws = Draws(count as u64);
        let mut disturbed = |ns: f64| ns * (1.0 + noise * (draws.below(2001) as f64 / 1000.0 - 1.0));
        (0..count)
            .map(|four| {
                let ns = 1e6 * 1.05_f64.powi(four as i32);
                let (old, new) = ([ns, ns * 1.03], [ns * 1.01 * ratio, ns * 1.02 * ratio]);
                Four { old_ns: old.map(&mut disturbed), new_ns: new.map(&mut disturbed) }
            })
            .collect()
    }

    fn verdict(count: usize, ratio: f64, noise: f64) -> Verdict {
        Estimate::of_fours(&fours(count, ratio, noise)).unwrap().verdict(RULES)
    }

    #[test]
    fn a_drift_of_the_machine_is_no_change() {
        let change = Estimate::of_fours(&fours(8, 1.0, 0.0)).unwrap();
        assert!((change.value - 1.0).abs() < 1e-4 && (change.high - change.low).abs() < 1e-9, "{change:?}");
        assert_eq!(Estimate::of_fours(&fours(1, 1.0, 0.0)), None);
    }

    #[test]
    fn a_change_counts_where_it_is_sure_and_larger_than_the_floor() {
        assert_eq!(verdict(8, 1.10, 0.02), Verdict::Regression);
        assert_eq!(verdict(8, 0.90, 0.02), Verdict::Improvement);
        assert_eq!(verdict(8, 1.02, 0.005), Verdict::Unchanged);
        assert_eq!(verdict(8, 1.0, 0.02), Verdict::Unchanged);
        let loud = [1.3, 0.8, 1.2, 0.75, 1.25, 0.9];
        let loud = loud.map(|ratio| Four { old_ns: [1.0, 1.0], new_ns: [ratio, ratio] });
        assert_eq!(Estimate::of_fours(&loud).unwrap().verdict(RULES), Verdict::TooNoisy);
    }

    #[test]
    fn an_interval_decides_where_it_crosses_no_floor() {
        let decided = |low, high| Estimate { value: 1.0, low, high }.is_decided(RULES);
        assert!(decided(0.98, 1.02) && decided(1.031, 1.2) && decided(0.8, 0.97));
        assert!(!decided(0.99, 1.04) && !decided(0.96, 1.01) && !decided(0.9, 1.1));
    }

    #[test]
    fn one_four_in_four_that_is_disturbed_changes_little() {
        let mut disturbed = fours(8, 1.0, 0.01);
        disturbed[2].new_ns = disturbed[2].new_ns.map(|ns| ns * 3.0);
        disturbed[5].old_ns = disturbed[5].old_ns.map(|ns| ns * 2.0);
        let change = Estimate::of_fours(&disturbed).unwrap();
        assert!((change.value - 1.0).abs() < 0.02, "{change:?}");
    }

    #[test]
    fn a_change_that_a_second_attempt_does_not_see_is_none() {
        use Verdict::{Improvement, Regression, TooNoisy, Unchanged};
        for (first, second, expected) in [
            (Regression, Regression, Regression),
            (Improvement, Improvement, Improvement),
            (Regression, Unchanged, Unchanged),
            (TooNoisy, Unchanged, Unchanged),
            (Regression, TooNoisy, TooNoisy),
            (TooNoisy, Regression, TooNoisy),
            (Regression, Improvement, TooNoisy),
        ] {
            assert_eq!(first.confirmed(second), expected, "{first:?} {second:?}");
        }
    }

    #[test]
    fn rounds_that_ran_apart_are_compared_by_their_middles() {
        let change = Estimate::apart(&[100.0, 101.0, 99.0, 100.0], &[120.0, 121.0, 119.0, 120.0]).unwrap();
        assert!((change.value - 1.2).abs() < 0.01 && change.low > 1.15 && change.high < 1.25, "{change:?}");
        assert_eq!(Estimate::apart(&[1.0], &[1.0, 2.0]), None);
        let time = Estimate::of_rounds(&[5.0, 5.0, 5.0]).unwrap();
        assert!((time.value - 5.0).abs() < 1e-9 && (time.high - time.low).abs() < 1e-9);
    }
}
