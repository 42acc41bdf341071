//! One distribution as a strip of marks.

use proofmark_workloads::{Limits, Workload};

use super::markup::Markup;
use super::scale::Scale;
use super::svg::{self, Path, WIDTH};
use super::thin::thin;
use super::{grouped, time, typeset};
use crate::schema::v1::{Cell, Distribution};
use crate::words;

/// Ticks whose labels do not touch on a phone.
pub(super) const TICKS: usize = 6;
/// Of a strip, in pixels.
const HEIGHT: u32 = 24;
/// From here on marks are small, so that they do not run together.
const MANY: usize = 100;

/// One distribution of a cell's times.
pub(super) struct Lane {
    name: &'static str,
    pub(super) samples: Vec<u64>,
    statistics: Option<Distribution>,
    pub(super) limit_ns: Option<u64>,
}

/// The distributions that a cell has: of requests, and of generation those of its tokens.
pub(super) fn lanes(cell: &Cell, workload: Option<&Workload>) -> Vec<Lane> {
    let limits = workload.map(|workload| workload.slo.limits);
    let (mut latency_ns, mut ttft_ns, mut tpot_ns) = (None, None, None);
    match limits {
        Some(Limits::Latency { latency_ns: limit }) => latency_ns = Some(limit),
        Some(Limits::Tokens { ttft_ns: ttft, tpot_ns: tpot }) => {
            (ttft_ns, tpot_ns) = (Some(ttft), Some(tpot))
        }
        None => {}
    }
    let statistics = cell.statistics;
    let lanes = [
        ("request", cell.latency_ns(), statistics.map(|all| all.latency), latency_ns),
        ("first token", cell.ttft_ns(), statistics.and_then(|all| all.ttft), ttft_ns),
        ("next tokens", cell.tpot_ns(), statistics.and_then(|all| all.tpot), tpot_ns),
    ];
    let lane = |(name, samples, statistics, limit_ns)| Lane { name, samples, statistics, limit_ns };
    lanes.into_iter().map(lane).filter(|lane| !lane.samples.is_empty()).collect()
}

impl Lane {
    /// Its name, its strip with at most `marks` marks, and its figures.
    pub(super) fn draw(&self, row: &mut Markup, scale: Scale, marks: usize) {
        row.within("div", &[("class", "lane")], |lane| {
            lane.element("span", &[("class", "of")], self.name);
            lane.within("div", &[("class", "plot")], |plot| {
                svg::strip(plot, HEIGHT, self.name, &self.in_words(), |strip| {
                    self.strip(strip, scale, marks)
                });
            });
            lane.within("p", &[("class", "figures")], |figures| self.figures(figures));
        });
    }

    fn strip(&self, strip: &mut Markup, scale: Scale, marks: usize) {
        let x = |ns: u64| scale.place(ns) * WIDTH;
        let full = |ns: u64| Path::default().vertical(x(ns), 0.0, f64::from(HEIGHT));
        let grid = scale.ticks(TICKS).into_iter();
        grid.fold(Path::default(), |grid, tick| grid.vertical(x(tick), 0.0, f64::from(HEIGHT)))
            .draw(strip, "grid");

        let statistics = self.statistics;
        if let Some((low, high)) = statistics.and_then(|all| all.median_low_ns.zip(all.median_high_ns)) {
            Path::default().rectangle((x(low), 2.0), (x(high), 22.0)).draw(strip, "interval");
        }
        let (mut kept, mut late) = (Path::default(), Path::default());
        let last = self.samples.len().saturating_sub(1).max(1) as f64;
        for place in thin(&self.samples, marks) {
            let (ns, y) = (self.samples[place], 4.0 + 16.0 * place as f64 / last);
            if self.limit_ns.is_some_and(|limit| ns > limit) {
                late = late.dot((x(ns), y));
            } else {
                kept = kept.dot((x(ns), y));
            }
        }
        kept.draw(strip, if self.samples.len() > MANY { "sample many" } else { "sample" });
        late.draw(strip, "sample late");
        if let Some(statistics) = statistics {
            full(statistics.median_ns).draw(strip, "median");
            for percentile in [statistics.p90_ns, statistics.p99_ns].into_iter().flatten() {
                full(percentile).draw(strip, "percentile");
            }
        }
        if let Some(limit) = self.limit_ns.filter(|limit| scale.holds(*limit)) {
            full(limit).draw(strip, "limit");
        }
    }

    /// Median, interval and percentiles, as far as they are there.
    fn figures(&self, figures: &mut Markup) {
        let Some(statistics) = self.statistics else { return };
        figures.element("strong", &[], &time(statistics.median_ns));
        if let Some((low, high)) = statistics.median_low_ns.zip(statistics.median_high_ns) {
            figures.element("span", &[("class", "between")], &typeset(&words::interval(low, high)));
        }
        for (name, percentile) in [("p90", statistics.p90_ns), ("p99", statistics.p99_ns)] {
            if let Some(ns) = percentile {
                figures.element("span", &[("class", "at")], &format!("{name}\u{a0}{}", time(ns)));
            }
        }
    }

    fn in_words(&self) -> String {
        let mut text = format!("{} times", grouped(self.samples.len() as u64));
        if let Some(statistics) = self.statistics {
            text += &format!(
                ", {} to {}, median {}",
                time(statistics.min_ns),
                time(statistics.max_ns),
                time(statistics.median_ns)
            );
        }
        if let Some(limit) = self.limit_ns {
            let late = self.samples.iter().filter(|ns| **ns > limit).count();
            text += &format!("; limit {}, {} beyond it", time(limit), grouped(late as u64));
        }
        text
    }
}
