//! How often two honest runs look changed, and how much of a change is found: many pairs of runs whose truth is known.
//!
//! Rounds scatter about as those of two runs of `standard` on a shared virtual machine did (METHODOLOGY.md): by 1.5 to 7 % from workload to workload, all workloads of a round together by
//! 1.5 %; on a quiet machine by 0.3 to 1.5 %, and 0.5 % together. Each fiftieth round of a workload is slower by 10 to 60 % for a neighbour's sake.

use super::family::Family;
use super::rounds::Rounds;
use super::verdict::{Evidence, Floor, Measured, Pace};
use super::{JUDGED_OF, all};
use crate::draws::Draws;
use crate::schema::change::{Metric, Ratio, Verdict};

const WORKLOADS: usize = 60;
const ROUNDS: usize = 6;

/// How far rounds scatter, as shares.
#[derive(Clone, Copy)]
struct Scatter {
    /// Each workload's by itself, from the steadiest to the least steady.
    workloads: [f64; 2],
    /// That of all workloads of a round together.
    rounds: f64,
}

const SHARED: Scatter = Scatter { workloads: [0.015, 0.07], rounds: 0.015 };
const QUIET: Scatter = Scatter { workloads: [0.003, 0.015], rounds: 0.005 };

/// Random runs.
struct Machine {
    draws: Draws,
    scatter: Scatter,
}

impl Machine {
    fn new(scatter: Scatter) -> Self {
        Self { draws: Draws::new("change/simulation", 1), scatter }
    }

    /// Of mean 0 and standard deviation 1, nearly normal.
    fn deviate(&mut self) -> f64 {
        (0..12).map(|_| self.draws.unit()).sum::<f64>() - 6.0
    }

    /// Of a run: a latency and two parts of it, a workload and a round.
    fn run(&mut self, scatters: &[f64], slower: impl Fn(usize) -> f64) -> Vec<[Vec<f64>; 3]> {
        let rounds: Vec<f64> = (0..ROUNDS).map(|_| 1.0 + self.scatter.rounds * self.deviate()).collect();
        let workload = |(workload, scatter): (usize, &f64)| {
            let mut times = [const { Vec::new() }; 3];
            for round in &rounds {
                let disturbed = if self.draws.below(50) == 0 { 1.1 + 0.5 * self.draws.unit() } else { 1.0 };
                let latency = slower(workload) * round * disturbed * (1.0 + scatter * self.deviate());
                times[0].push(latency);
                times[1].push(latency * (1.0 + 0.02 * self.deviate()));
                times[2].push(latency * (1.0 + 0.01 * self.deviate()));
            }
            times
        };
        scatters.iter().enumerate().map(workload).collect()
    }

    /// Two runs, the second slower by a factor a workload.
    fn pair(&mut self, slower: impl Fn(usize) -> f64) -> Vec<Vec<Measured>> {
        let [least, most] = self.scatter.workloads;
        let scatters: Vec<f64> =
            (0..WORKLOADS).map(|_| least * libm::pow(most / least, self.draws.unit())).collect();
        let (old, new) = (self.run(&scatters, |_| 1.0), self.run(&scatters, slower));
        let measured = |(old, new): ([Vec<f64>; 3], [Vec<f64>; 3])| {
            let metrics = [Metric::LatencyNs, Metric::TtftNs, Metric::TpotNs];
            let figures = metrics.into_iter().zip(old.into_iter().zip(new));
            let figure = |(metric, (old, new))| {
                let evidence = Evidence::Rounds(Rounds { old, new });
                Measured { metric, old: None, new: None, evidence, pace: Pace::SAME }
            };
            figures.map(figure).collect()
        };
        old.into_iter().zip(new).map(measured).collect()
    }
}

/// What a pair of runs ends with.
struct Ending {
    /// Workloads with a regression in some figure.
    regressed: Vec<usize>,
    /// That of the workload in the middle.
    middle: Verdict,
    too_noisy: usize,
}

impl Ending {
    fn of(measured: &[Vec<Measured>]) -> Self {
        let all = all(measured, Pace::SAME).unwrap();
        let figures = measured.iter().flatten().chain([&all]).filter_map(Measured::rounds);
        let family = Family::of(ROUNDS, ROUNDS, figures);
        let judged = |figure: &Measured| figure.judged(Some(&family), Floor::of(0.03)).verdict;
        let is_regressed =
            |figures: &[Measured]| figures.iter().any(|figure| judged(figure) == Verdict::Regression);
        Self {
            regressed: (0..measured.len()).filter(|workload| is_regressed(&measured[*workload])).collect(),
            middle: judged(&all),
            too_noisy: measured.iter().filter(|figures| judged(&figures[0]) == Verdict::TooNoisy).count(),
        }
    }

    fn is_alarm(&self) -> bool {
        !self.regressed.is_empty() || self.middle == Verdict::Regression
    }

    fn is_too_noisy(&self) -> bool {
        !self.is_alarm() && self.too_noisy as u64 * JUDGED_OF > WORKLOADS as u64
    }
}

/// What pairs of a hundred end with.
struct Shares {
    alarm: f64,
    first: f64,
    too_noisy: f64,
}

fn percent(pairs: u32, scatter: Scatter, slower: impl Fn(usize) -> f64) -> Shares {
    let mut machine = Machine::new(scatter);
    let endings: Vec<Ending> = (0..pairs).map(|_| Ending::of(&machine.pair(&slower))).collect();
    let share = |holds: fn(&Ending) -> bool| {
        endings.iter().filter(|ending| holds(ending)).count() as f64 * 100.0 / f64::from(pairs)
    };
    Shares {
        alarm: share(Ending::is_alarm),
        first: share(|ending| ending.regressed.contains(&0)),
        too_noisy: share(Ending::is_too_noisy),
    }
}

// The figures are those of METHODOLOGY.md.

#[test]
fn honest_pairs_seldom_show_a_regression() {
    for (name, scatter, expected) in [("shared", SHARED, [1.75, 16.25]), ("quiet", QUIET, [0.5, 0.0])] {
        let Shares { alarm, too_noisy, .. } = percent(400, scatter, |_| 1.0);
        assert_eq!([alarm, too_noisy], expected, "{name}");
    }
}

#[test]
fn slow_downs_of_one_workload_in_sixty_are_found_and_surely_those_of_all() {
    for (name, scatter, factor, expected) in [
        ("shared", SHARED, 1.05, [11.0, 88.0]),
        ("shared", SHARED, 1.1, [44.0, 100.0]),
        ("shared", SHARED, 1.2, [88.0, 100.0]),
        ("quiet", QUIET, 1.05, [74.0, 100.0]),
        ("quiet", QUIET, 1.1, [93.0, 100.0]),
        ("quiet", QUIET, 1.2, [95.0, 100.0]),
    ] {
        let one = percent(100, scatter, |workload| if workload == 0 { factor } else { 1.0 }).first;
        let all = percent(100, scatter, |_| factor).alarm;
        assert_eq!([one, all], expected, "{name} {factor}");
    }
}

#[test]
fn the_interval_covers_the_true_ratio_in_95_of_100_cells() {
    let mut machine = Machine::new(SHARED);
    let (mut covered, mut all) = (0, 0);
    for _ in 0..400 {
        for figures in machine.pair(|_| 1.2) {
            let Rounds { old, new } = figures[0].rounds().unwrap();
            let Ratio { low, high, .. } = Ratio::of(old, new).unwrap();
            covered += u32::from(low.unwrap() <= 1.2 && 1.2 <= high.unwrap());
            all += 1;
        }
    }
    assert!(covered * 100 >= all * 95, "{covered} of {all}");
}
