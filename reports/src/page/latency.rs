//! Every time of every request, a strip a distribution.

use proofmark_workloads::{Suite, Workload};

use super::lane::{Lane, TICKS, lanes};
use super::markup::Markup;
use super::scale::Scale;
use super::svg::{self, Path};
use super::{axis, grouped, part, time, typeset};
use crate::schema::v1::{Cell, Profile, Status};
use crate::words;

/// Marks of a strip at most, and of all strips together about.
const MARKS: usize = 400;
const ALL_MARKS: usize = 40_000;
/// A limit of so many times the longest time would leave no room for the times: it is not drawn.
const FAR: u64 = 8;

pub(super) fn section(page: &mut Markup, profile: &Profile, suite: Option<&Suite>) {
    part(page, "latency", "Latency", |section| {
        let workload = |cell: &Cell| suite.and_then(|suite| suite.workload(&cell.workload));
        let all: Vec<Vec<Lane>> = profile.cells.iter().map(|cell| lanes(cell, workload(cell))).collect();
        let times = all.iter().flatten().flat_map(|lane| &lane.samples).copied();
        let longest = times.clone().max().unwrap_or(0);
        let limits = all.iter().flatten().filter_map(|lane| lane.limit_ns);
        let far = longest.saturating_mul(FAR);
        let Some(scale) = Scale::over(times.chain(limits.filter(|limit| *limit <= far))) else {
            section.element("p", &[], "No cell was measured.");
            profile.cells.iter().for_each(|cell| unmeasured(section, cell));
            return;
        };
        let marks = (ALL_MARKS / all.iter().map(Vec::len).sum::<usize>().max(1)).clamp(20, MARKS);
        section.element("p", &[("class", "note")], &note(profile, suite, &all, scale, marks));
        legend(section);
        section.within("div", &[("class", "rows")], |rows| {
            time_axis(rows, scale);
            for (cell, lanes) in profile.cells.iter().zip(&all) {
                if lanes.is_empty() {
                    unmeasured(rows, cell);
                } else {
                    measured(rows, profile, cell, workload(cell), |row| {
                        lanes.iter().for_each(|lane| lane.draw(row, scale, marks));
                    });
                }
            }
            time_axis(rows, scale);
        });
    });
}

fn note(profile: &Profile, suite: Option<&Suite>, all: &[Vec<Lane>], scale: Scale, marks: usize) -> String {
    let mut text =
        "Each mark is one timed request: the longer it took, the further right, on a logarithmic scale; \
                    within a strip the first request is on top and the last at the bottom."
            .to_owned();
    if all.iter().flatten().any(|lane| lane.samples.len() > marks) {
        text += &format!(
            " Of longer series {marks} are drawn, spread evenly over the sorted times, with the least and the greatest."
        );
    }
    text += " A percentile is given only where the number of requests supports it with 99 % confidence.";
    let statistics = profile.cells.iter().filter_map(|cell| cell.statistics);
    if statistics.into_iter().all(|statistics| statistics.latency.p99_ns.is_none()) {
        text += " No cell has the 662 requests that a p99 needs.";
    }
    let limits = all.iter().flatten().filter_map(|lane| lane.limit_ns);
    if limits.into_iter().any(|limit| !scale.holds(limit)) {
        text += " A limit that is not drawn lies far to the right.";
    }
    if suite.is_none() {
        text += " The suite is not at hand, so the limits are missing.";
    }
    text
}

fn time_axis(rows: &mut Markup, scale: Scale) {
    rows.within("div", &[("class", "cell"), ("aria-hidden", "true")], |cell| {
        cell.literal("<div class=\"name\"></div>");
        cell.within("div", &[("class", "lanes")], |lanes| {
            lanes.within("div", &[("class", "lane")], |lane| {
                lane.literal("<span class=\"of\"></span>");
                lane.within("div", &[("class", "plot")], |plot| {
                    axis(plot, scale.ticks(TICKS).into_iter().map(|tick| (scale.place(tick), round(tick))));
                });
            });
        });
    });
}

/// A round time without decimals.
fn round(ns: u64) -> String {
    time(ns).replace(".00", "").replace(".0", "")
}

fn measured(
    rows: &mut Markup,
    profile: &Profile,
    cell: &Cell,
    workload: Option<&Workload>,
    lanes: impl FnOnce(&mut Markup),
) {
    rows.within("article", &[("class", "cell")], |row| {
        row.within("div", &[("class", "name")], |name| {
            name.element("h3", &[], &cell.workload);
            let covered = profile.coverage.workloads.iter().find(|row| row.workload == cell.workload);
            let (within, all) = covered.map_or((0, cell.requests()), |row| (row.within_slo, row.requests));
            let mut text = format!("{} requests", grouped(all));
            if covered.is_some() {
                text +=
                    &format!(", {} in time", if within == all { "all".to_owned() } else { grouped(within) });
            }
            if let Some(workload) = workload.filter(|_| within < all) {
                text += &format!(" ({} asked)", typeset(&words::percent(workload.slo.share_ppm)));
            }
            name.element("p", &[], &text);
        });
        row.within("div", &[("class", "lanes")], lanes);
    });
}

fn unmeasured(rows: &mut Markup, cell: &Cell) {
    rows.within("article", &[("class", "cell")], |row| {
        row.within("div", &[("class", "name")], |name| name.element("h3", &[], &cell.workload));
        row.within("p", &[("class", "lanes why")], |why| {
            let status = match cell.status {
                Status::Measured => "no times",
                Status::NotCovered => "not covered",
                Status::Failed => "failed",
            };
            why.element("strong", &[("class", "badge")], status);
            why.text(&typeset(cell.reason.as_deref().unwrap_or_default()));
        });
    });
}

fn legend(section: &mut Markup) {
    let line = || Path::default().vertical(14.0, 0.0, 16.0);
    let glyphs: [(&str, &'static str, Path); 6] = [
        ("a request", "sample", Path::default().dot((6.0, 5.0)).dot((15.0, 8.0)).dot((21.0, 12.0))),
        ("beyond its limit", "sample late", Path::default().dot((9.0, 6.0)).dot((18.0, 11.0))),
        ("median", "median", line()),
        (
            "its 95 % interval over the rounds",
            "interval",
            Path::default().rectangle((6.0, 1.0), (22.0, 15.0)),
        ),
        ("p90, p99", "percentile", line()),
        ("limit of the SLO", "limit", line()),
    ];
    section.within("ul", &[("class", "legend")], |list| {
        for (name, class, path) in glyphs {
            list.within("li", &[], |item| {
                svg::glyph(item, |svg| path.draw(svg, class));
                item.text(&typeset(name));
            });
        }
    });
}
