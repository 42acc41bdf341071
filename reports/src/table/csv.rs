//! CSV for spreadsheets and programs: RFC 4180, a row a cell, all columns always there, integers as in the profile.

use crate::schema::v1::{Cell, Distribution, Profile, WorkloadCoverage};
use crate::words;

/// A column's name and field.
type Field = (&'static str, fn(&Source<'_>) -> String);

const FIELDS: [Field; 29] = [
    ("workload", |row| row.cell.workload.clone()),
    ("task", |row| row.cell.task.clone()),
    ("model", |row| row.cell.model.clone()),
    ("numerics", |row| row.cell.numerics.clone()),
    ("precision", |row| row.cell.precision.clone()),
    ("threads", |row| row.cell.threads.to_string()),
    ("batch", |row| row.cell.batch.to_string()),
    ("status", |row| words::status(row.cell.status).to_owned()),
    ("reason", |row| row.cell.reason.clone().unwrap_or_default()),
    ("samples", |row| row.cell.requests().to_string()),
    ("median_ns", |row| row.latency(|latency| Some(latency.median_ns))),
    ("median_low_ns", |row| row.latency(|latency| latency.median_low_ns)),
    ("median_high_ns", |row| row.latency(|latency| latency.median_high_ns)),
    ("p90_ns", |row| row.latency(|latency| latency.p90_ns)),
    ("p99_ns", |row| row.latency(|latency| latency.p99_ns)),
    ("p999_ns", |row| row.latency(|latency| latency.p999_ns)),
    ("max_ns", |row| row.latency(|latency| Some(latency.max_ns))),
    ("ttft_median_ns", |row| number(row.cell.statistics.and_then(|all| all.ttft).map(|ttft| ttft.median_ns))),
    ("tpot_median_ns", |row| number(row.cell.statistics.and_then(|all| all.tpot).map(|tpot| tpot.median_ns))),
    ("within_slo", |row| number(row.covered.map(|covered| covered.within_slo))),
    ("requests", |row| number(row.covered.map(|covered| covered.requests))),
    ("success_ppm", |row| number(row.covered.map(|covered| covered.success_ppm))),
    ("requests_per_hour", |row| {
        number(row.cell.capacity.as_ref().map(|capacity| capacity.requests_per_hour))
    }),
    ("capacity_basis", |row| {
        row.cell.capacity.as_ref().map(|capacity| words::basis(capacity.basis).to_owned()).unwrap_or_default()
    }),
    ("roofline_ppm", |row| number(row.cell.roofline.map(|roofline| roofline.share_ppm))),
    ("bound", |row| {
        row.cell.roofline.map(|roofline| words::bound(roofline.bound).to_owned()).unwrap_or_default()
    }),
    ("peak_memory_bytes", |row| number(row.cell.peak_memory_bytes())),
    ("self_check", |row| words::self_check(row.cell.self_check).to_lowercase()),
    ("doubts", |row| words::doubts(&row.cell.doubts)),
];

/// The cells. Absent values are empty fields; kinds of doubt stand between spaces. A text that a spreadsheet would take for
/// a formula has an apostrophe before it, which spreadsheets take for "this is text".
#[must_use]
pub fn csv(profile: &Profile) -> String {
    let mut text = line(FIELDS.map(|(name, _)| name.to_owned()));
    for cell in &profile.cells {
        let covered = profile.coverage.workloads.iter().find(|row| row.workload == cell.workload);
        let row = Source { cell, covered };
        text += &line(FIELDS.map(|(_, field)| field(&row)));
    }
    text
}

struct Source<'a> {
    cell: &'a Cell,
    covered: Option<&'a WorkloadCoverage>,
}

impl Source<'_> {
    fn latency(&self, of: impl Fn(Distribution) -> Option<u64>) -> String {
        number(self.cell.statistics.and_then(|statistics| of(statistics.latency)))
    }
}

fn number(number: Option<u64>) -> String {
    number.map(|number| number.to_string()).unwrap_or_default()
}

/// A line of fields.
pub(super) fn line<T: AsRef<str>, const N: usize>(fields: [T; N]) -> String {
    fields.map(|field| quoted(field.as_ref())).join(",") + "\r\n"
}

fn quoted(field: &str) -> String {
    let is_formula = field.starts_with(['=', '+', '-', '@', '\t', '\r']);
    let text = if is_formula { format!("'{field}") } else { field.to_owned() };
    if text.contains([',', '"', '\r', '\n']) { format!("\"{}\"", text.replace('"', "\"\"")) } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_quoted_as_rfc_4180_says_and_are_no_formulas() {
        for (field, expected) in [
            ("chat", "chat"),
            ("a,b", "\"a,b\""),
            ("say \"no\"", "\"say \"\"no\"\"\""),
            ("two\nlines", "\"two\nlines\""),
            ("=1+1", "'=1+1"),
            ("@SUM(A1,A2)", "\"'@SUM(A1,A2)\""),
            ("-1", "'-1"),
            ("1-1", "1-1"),
        ] {
            assert_eq!(quoted(field), expected);
        }
    }
}
