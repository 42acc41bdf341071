//! How close cells come to what memory and arithmetic allow.

use super::markup::Markup;
use super::svg::{self, Path, WIDTH};
use super::{part, share_axis, typeset};
use crate::schema::v1::{Bound, Cell, Profile, Roofline};
use crate::words::{self, percent};

const MILLION: u64 = 1_000_000;
/// Of a strip, in pixels.
const HEIGHT: u32 = 18;

pub(super) fn section(page: &mut Markup, profile: &Profile) {
    part(page, "roofline", "Roofline", |section| {
        let Some(ceilings) = profile.ceilings else {
            section.element("p", &[], "The ceilings of memory and arithmetic were not measured.");
            return;
        };
        section.within("ul", &[("class", "ceilings")], |list| {
            for (rate, unit, what) in [
                (ceilings.read_bytes_per_s, "GB/s", "read from memory"),
                (ceilings.f32_flops_per_s, "GFLOP/s", "of f32 arithmetic"),
            ] {
                list.within("li", &[], |item| {
                    item.element("strong", &[], &format!("{}\u{a0}{unit}", giga(rate)));
                    item.text(&format!(" {what}"));
                });
            }
        });
        section.element("p", &[("class", "note")], NOTE);
        let rows: Vec<(&Cell, Roofline)> =
            profile.cells.iter().filter_map(|cell| Some((cell, cell.roofline?))).collect();
        if rows.iter().any(|(_, roofline)| roofline.share_ppm > MILLION) {
            section.element("p", &[("class", "note")], BEYOND);
        }
        section.within("div", &[("class", "rows")], |list| {
            for (cell, roofline) in rows {
                row(list, cell, roofline);
            }
            list.within("div", &[("class", "row"), ("aria-hidden", "true")], |row| {
                row.within("div", &[("class", "plot")], share_axis);
            });
        });
    });
}

const NOTE: &str = "These ceilings were measured with all threads of the run. A bar is the least time that they allow for a \
                    request, as a share of its median latency: at 100 % nothing could be faster on this machine. Filled bars \
                    are bound by memory, open ones by arithmetic.";
const BEYOND: &str = "A share above 100 % means that the work was less than the ceilings assume, as when weights stay in \
                      the caches.";

fn row(rows: &mut Markup, cell: &Cell, roofline: Roofline) {
    let share = typeset(&percent(roofline.share_ppm));
    let side = match roofline.bound {
        Bound::Memory => "by memory",
        Bound::Compute => "by arithmetic",
    };
    rows.within("article", &[("class", "row thin")], |row| {
        row.within("div", &[("class", "name")], |name| name.element("h3", &[], &cell.workload));
        row.within("div", &[("class", "plot")], |plot| {
            let description = format!("{share} of the roofline, bound {}", words::bound(roofline.bound));
            svg::strip(plot, HEIGHT, &cell.workload, &description, |strip| {
                let right = roofline.share_ppm.min(MILLION) as f64 / MILLION as f64 * WIDTH;
                Path::default().rectangle((0.0, 3.0), (WIDTH, 15.0)).draw(strip, "demand");
                let class = match roofline.bound {
                    Bound::Memory => "served",
                    Bound::Compute => "open",
                };
                Path::default().rectangle((0.0, 3.0), (right, 15.0)).draw(strip, class);
            });
        });
        row.within("p", &[("class", "figures")], |figures| {
            figures.element("strong", &[], &share);
            figures.text(&format!(" {side}"));
        });
    });
}

/// Thousand millions with three digits.
fn giga(rate: u64) -> String {
    let value = rate as f64 / 1e9;
    let decimals = usize::from(value < 100.0) + usize::from(value < 10.0);
    format!("{value:.decimals$}")
}
