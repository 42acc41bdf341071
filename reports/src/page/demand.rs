//! Which share of real demand the machine serves.

use proofmark_workloads::{Basis, Mix, Suite, embedded_mixes};

use super::markup::Markup;
use super::svg::{self, Path, WIDTH};
use super::{part, share_axis, typeset};
use crate::demand::{Served, served};
use crate::schema::v1::Profile;
use crate::words::percent;

const MILLION: f64 = 1e6;
/// Of a strip, in pixels.
const HEIGHT: u32 = 18;
const NOTE: &str = "Requests of public traces, and of one assumed mix. A filled bar is the share that succeeds here within the \
                    suite's limits, by the measured workloads that are no easier; an open one is the share that the suite asked \
                    at all. Traces do not say which model answered, so each model stands by itself.";

pub(super) fn section(page: &mut Markup, profile: &Profile, suite: Option<&Suite>) {
    let Some(suite) = suite else { return };
    let mixes = embedded_mixes();
    let rows = served(suite, &profile.coverage, &mixes);
    if rows.is_empty() {
        return;
    }
    part(page, "demand", "Real demand", |section| {
        section.element("p", &[("class", "note")], NOTE);
        for of_mix in rows.chunk_by(|a, b| a.mix.name == b.mix.name) {
            group(section, of_mix[0].mix, of_mix);
        }
    });
}

fn group(section: &mut Markup, mix: &Mix, rows: &[Served<'_>]) {
    section.element("h3", &[], &mix.name);
    let basis = match &mix.basis {
        Basis::Trace(trace) => format!("{}. {}", mix.description, trace.attribution),
        Basis::Assumption { .. } => mix.description.clone(),
    };
    section.element("p", &[("class", "note")], &basis);
    section.within("div", &[("class", "rows")], |list| {
        for served in rows {
            row(list, served);
        }
        list.within("div", &[("class", "row"), ("aria-hidden", "true")], |row| {
            row.within("div", &[("class", "plot")], share_axis);
        });
    });
}

fn row(rows: &mut Markup, served: &Served<'_>) {
    let name = served.model.unwrap_or("any model");
    let (share, asked) = (percent(served.served_ppm), percent(served.asked_ppm));
    rows.within("article", &[("class", "row thin")], |row| {
        row.within("div", &[("class", "name")], |heading| heading.element("h4", &[], name));
        row.within("div", &[("class", "plot")], |plot| {
            let description = format!("{share} of the requests served, {asked} asked");
            svg::strip(plot, HEIGHT, name, &description, |strip| {
                let right = |ppm: u64| ppm as f64 / MILLION * WIDTH;
                Path::default().rectangle((0.0, 3.0), (WIDTH, 15.0)).draw(strip, "demand");
                Path::default().rectangle((0.0, 3.0), (right(served.asked_ppm), 15.0)).draw(strip, "open");
                Path::default().rectangle((0.0, 3.0), (right(served.served_ppm), 15.0)).draw(strip, "served");
            });
        });
        row.within("p", &[("class", "figures")], |figures| {
            figures.element("strong", &[], &typeset(&share));
            figures.text(&typeset(&format!(" of {asked}")));
            figures.text(" asked");
        });
    });
}
