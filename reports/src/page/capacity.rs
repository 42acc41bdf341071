//! What becomes of requests as they arrive faster.

use proofmark_workloads::{Limits, Suite, Workload};

use super::markup::Markup;
use super::scale::Scale;
use super::svg::{self, Path, label};
use super::{grouped, part, time, typeset};
use crate::schema::v1::{Capacity, CapacityBasis, Cell, Profile, Trial, TrialVerdict};
use crate::words::{self, percent};

const MILLION: u64 = 1_000_000;
/// Cells whose curves are drawn at most.
const CURVES: usize = 24;
/// A panel and, within it, the box of the curves: left, top, right, bottom.
const SIZE: (u32, u32) = (360, 190);
const BOX: (f64, f64, f64, f64) = (52.0, 10.0, 350.0, 150.0);
const TICKS: usize = 5;

pub(super) fn section(page: &mut Markup, profile: &Profile, suite: Option<&Suite>) {
    part(page, "capacity", "Capacity", |section| {
        let open: Vec<(&Cell, &Capacity)> = profile
            .cells
            .iter()
            .filter_map(|cell| Some((cell, cell.capacity.as_ref()?)))
            .filter(|(_, capacity)| capacity.basis == CapacityBasis::OpenLoop && !capacity.trials.is_empty())
            .collect();
        if open.is_empty() {
            section.element("p", &[], NO_TRIALS);
            return;
        }
        section.element("p", &[("class", "note")], NOTE);
        if open.len() > CURVES {
            let text = format!("The first {CURVES} of {} workloads with such trials are drawn.", open.len());
            section.element("p", &[("class", "note")], &text);
        }
        legend(section);
        section.within("div", &[("class", "curves")], |curves| {
            for (cell, capacity) in open.into_iter().take(CURVES) {
                let workload = suite.and_then(|suite| suite.workload(&cell.workload));
                curve(curves, cell, capacity, workload);
            }
        });
    });
}

const NO_TRIALS: &str = "Rates were measured in a closed loop: the next request starts when the last one ends. They are \
                         among all figures below.";
const NOTE: &str = "Requests arrived at random (a Poisson process) at each of these rates. The capacity is the highest rate \
                    up to which every trial was met: the SLO's share of requests in time, with 95 % confidence. Other \
                    workloads were measured in a closed loop, the next request starting when the last one ends.";

fn curve(curves: &mut Markup, cell: &Cell, capacity: &Capacity, workload: Option<&Workload>) {
    let trials = &capacity.trials;
    let rates = trials.iter().map(|trial| trial.requests_per_hour);
    let Some(rate) = Scale::over(rates.chain([capacity.requests_per_hour])) else { return };
    // Where no trial failed, the search ended before it found the rate.
    let is_open = trials.last().is_some_and(|last| last.verdict == TrialVerdict::Met);
    let least = if is_open { "at least " } else { "" };
    let mut text = format!("{least}{} requests an hour sustained", grouped(capacity.requests_per_hour));
    if let Some(workload) = workload {
        text += &format!(", {} asked", grouped(workload.requests_per_hour));
    }
    // A rate far from all trials would leave no room for them; the caption says it.
    let asked = workload.map(|workload| workload.requests_per_hour).filter(|asked| rate.holds(*asked));
    let frame = Frame { rate, asked, found: capacity.requests_per_hour };
    curves.within("figure", &[], |figure| {
        figure.within("figcaption", &[], |caption| {
            caption.element("h3", &[], &cell.workload);
            caption.element("p", &[], &text);
        });
        let share = workload.map(|workload| workload.slo.share_ppm);
        let title = format!("{}: share of requests in time", cell.workload);
        svg::panel(figure, SIZE, &title, &in_words(trials), |panel| attainment(panel, &frame, trials, share));
        let limit = workload.and_then(|workload| match workload.slo.limits {
            Limits::Latency { latency_ns } => Some(latency_ns),
            Limits::Tokens { .. } => None,
        });
        let title = format!("{}: latency", cell.workload);
        svg::panel(figure, SIZE, &title, &latency_in_words(trials), |panel| {
            latency(panel, &frame, trials, limit)
        });
    });
}

/// What both panels of a curve share.
struct Frame {
    rate: Scale,
    asked: Option<u64>,
    found: u64,
}

impl Frame {
    fn x(&self, rate: u64) -> f64 {
        BOX.0 + (BOX.2 - BOX.0) * self.rate.place(rate)
    }

    /// Axes, their labels, and the lines at the asked and the found rate.
    fn draw(&self, panel: &mut Markup, name: &str, ticks: &[(f64, String)]) {
        let (left, top, right, bottom) = BOX;
        let mut grid = Path::default();
        for (place, _) in ticks {
            grid = grid.horizontal(y(*place), left, right);
        }
        grid.draw(panel, "grid");
        for (place, text) in ticks {
            label(panel, "end", left - 6.0, y(*place) + 4.0, text);
        }
        for tick in self.rate.ticks(TICKS) {
            Path::default().vertical(self.x(tick), bottom, bottom + 4.0).draw(panel, "axis-line");
            label(panel, "middle", self.x(tick), bottom + 17.0, &compact(tick));
        }
        Path::default().horizontal(bottom, left, right).draw(panel, "axis-line");
        label(panel, "middle", f64::midpoint(left, right), bottom + 34.0, name);
        if let Some(asked) = self.asked {
            Path::default().vertical(self.x(asked), top, bottom).draw(panel, "asked");
        }
        Path::default().vertical(self.x(self.found), top, bottom).draw(panel, "found");
    }
}

/// The height of a place from 0, below, to 1.
fn y(place: f64) -> f64 {
    BOX.3 - (BOX.3 - BOX.1) * place
}

fn share_of(trial: &Trial) -> f64 {
    (trial.within_slo as f64 / trial.requests.max(1) as f64).min(1.0)
}

fn attainment(panel: &mut Markup, frame: &Frame, trials: &[Trial], share_ppm: Option<u64>) {
    let ticks = [0, 50, 100].map(|percent| (f64::from(percent) / 100.0, format!("{percent}\u{a0}%")));
    frame.draw(panel, "in time, by requests an hour", &ticks);
    if let Some(share) = share_ppm {
        let height = y(share.min(MILLION) as f64 / MILLION as f64);
        Path::default().horizontal(height, BOX.0, BOX.2).draw(panel, "limit");
    }
    let points = trials.iter().map(|trial| (frame.x(trial.requests_per_hour), y(share_of(trial))));
    Path::default().through(points.clone()).draw(panel, "curve");
    for (trial, (x, top)) in trials.iter().zip(points) {
        let low = trial.attainment_low_ppm.min(MILLION) as f64 / MILLION as f64;
        if low > 0.0 {
            Path::default()
                .vertical(x, top, y(low).max(top))
                .horizontal(y(low), x - 3.0, x + 3.0)
                .draw(panel, "whisker");
        }
        mark(panel, trial.verdict, (x, top));
    }
}

fn latency(panel: &mut Markup, frame: &Frame, trials: &[Trial], limit_ns: Option<u64>) {
    let statistics = || trials.iter().filter_map(|trial| Some((trial, trial.statistics?)));
    let values = statistics().flat_map(|(_, all)| [Some(all.median_ns), all.p90_ns]).flatten();
    let Some(scale) = Scale::over(values.chain(limit_ns)) else { return };
    let ticks: Vec<(f64, String)> = scale
        .ticks(TICKS)
        .into_iter()
        .map(|tick| (scale.place(tick), time(tick).replace(".00", "").replace(".0", "")))
        .collect();
    frame.draw(panel, "median and p90, by requests an hour", &ticks);
    if let Some(limit) = limit_ns {
        Path::default().horizontal(y(scale.place(limit)), BOX.0, BOX.2).draw(panel, "limit");
    }
    let at = |trial: &Trial, ns: u64| (frame.x(trial.requests_per_hour), y(scale.place(ns)));
    let p90 = statistics().filter_map(|(trial, all)| Some(at(trial, all.p90_ns?)));
    Path::default().through(p90).draw(panel, "percentile");
    Path::default().through(statistics().map(|(trial, all)| at(trial, all.median_ns))).draw(panel, "curve");
    for (trial, all) in statistics() {
        if let Some((low, high)) = all.median_low_ns.zip(all.median_high_ns) {
            let ((x, low), (_, high)) = (at(trial, low), at(trial, high));
            Path::default().vertical(x, low, high).draw(panel, "whisker");
        }
        mark(panel, trial.verdict, at(trial, all.median_ns));
    }
}

/// A filled disc, an open square or a cross.
fn mark(drawing: &mut Markup, verdict: TrialVerdict, (x, y): (f64, f64)) {
    match verdict {
        TrialVerdict::Met => Path::default().dot((x, y)).draw(drawing, "met"),
        TrialVerdict::Missed => {
            Path::default().rectangle((x - 4.0, y - 4.0), (x + 4.0, y + 4.0)).draw(drawing, "missed");
        }
        TrialVerdict::Saturated => Path::default()
            .line((x - 4.0, y - 4.0), (x + 4.0, y + 4.0))
            .line((x - 4.0, y + 4.0), (x + 4.0, y - 4.0))
            .draw(drawing, "saturated"),
    }
}

fn legend(section: &mut Markup) {
    section.within("ul", &[("class", "legend")], |list| {
        for (verdict, meaning) in [
            (TrialVerdict::Met, "met"),
            (TrialVerdict::Missed, "missed"),
            (TrialVerdict::Saturated, "saturated: stopped, because the queue grew past all hope"),
        ] {
            list.within("li", &[], |item| {
                svg::glyph(item, |svg| mark(svg, verdict, (14.0, 8.0)));
                item.text(meaning);
            });
        }
        for (class, meaning) in
            [("asked", "asked rate"), ("found", "capacity found"), ("limit", "what the SLO asks")]
        {
            list.within("li", &[], |item| {
                let (from, to) =
                    if class == "limit" { ((2.0, 8.0), (26.0, 8.0)) } else { ((14.0, 0.0), (14.0, 16.0)) };
                svg::glyph(item, |svg| Path::default().line(from, to).draw(svg, class));
                item.text(meaning);
            });
        }
    });
}

fn in_words(trials: &[Trial]) -> String {
    let trial = |trial: &Trial| {
        let share = typeset(&percent((share_of(trial) * MILLION as f64) as u64));
        format!(
            "{} an hour: {share} in time, {}",
            grouped(trial.requests_per_hour),
            words::trial(trial.verdict)
        )
    };
    trials.iter().map(trial).collect::<Vec<_>>().join("; ")
}

fn latency_in_words(trials: &[Trial]) -> String {
    let trial = |trial: &Trial| {
        let median = trial.statistics.map_or_else(|| "none served".to_owned(), |all| time(all.median_ns));
        format!("{} an hour: median {median}", grouped(trial.requests_per_hour))
    };
    trials.iter().map(trial).collect::<Vec<_>>().join("; ")
}

/// A round count in few characters.
fn compact(count: u64) -> String {
    match count {
        0..1_000 => count.to_string(),
        1_000..1_000_000 => format!("{}k", count / 1_000),
        1_000_000..1_000_000_000 => format!("{}M", count / MILLION),
        _ => format!("{}G", count / 1_000_000_000),
    }
}
