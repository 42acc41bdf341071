//! A row a cell.

use super::{Column, Kind, Row, Table};
use crate::schema::v1::{
    Capacity, CapacityBasis, Cell, CellStatistics, Distribution, Profile, Status, WorkloadCoverage,
};
use crate::words::{self, duration, interval, percent};

/// A column's name and kind, and the field of a measured cell.
type Field = (&'static str, Kind, fn(&Measured<'_>) -> String);

const FIELDS: [Field; 14] = [
    ("threads", Kind::Setting, |row| row.cell.threads.to_string()),
    ("p50", Kind::Figure, |row| row.latency(|latency| Some(latency.median_ns))),
    ("95 % interval", Kind::Figure, |row| row.median_interval()),
    ("p90", Kind::Figure, |row| row.latency(|latency| latency.p90_ns)),
    ("p99", Kind::Figure, |row| row.latency(|latency| latency.p99_ns)),
    ("ttft", Kind::Figure, |row| row.median(|statistics| statistics.ttft)),
    ("tpot", Kind::Figure, |row| row.median(|statistics| statistics.tpot)),
    ("in time", Kind::Figure, |row| row.in_time()),
    ("requests/h", Kind::Figure, |row| row.capacity()),
    ("roofline", Kind::Figure, |row| row.roofline()),
    ("memory", Kind::Figure, |row| row.memory()),
    ("self-check", Kind::Figure, |row| words::self_check(row.cell.self_check).to_owned()),
    ("vs native", Kind::Figure, |row| {
        row.speed_against_native().map(|ratio| format!("{ratio:.2}x")).unwrap_or_default()
    }),
    ("doubts", Kind::Figure, |row| match row.cell.doubts.len() {
        0 => String::new(),
        count => count.to_string(),
    }),
];

/// The figures of each measured cell, and what is said of the others. What a cell does not have is empty.
#[must_use]
pub fn cells(profile: &Profile) -> Table {
    let first = Column { name: "workload", kind: Kind::Words };
    let further = FIELDS.map(|(name, kind, _)| Column { name, kind });
    let row = |cell: &Cell| {
        if cell.status != Status::Measured {
            return Row::Remark(cell.workload.clone(), remark(cell));
        }
        let covered = profile.coverage.workloads.iter().find(|row| row.workload == cell.workload);
        let row = Measured { cell, covered, cells: &profile.cells };
        let fields = FIELDS.map(|(_, _, field)| field(&row));
        Row::Fields(std::iter::once(cell.workload.clone()).chain(fields).collect())
    };
    Table {
        columns: std::iter::once(first).chain(further).collect(),
        rows: profile.cells.iter().map(row).collect(),
    }
}

/// Why a cell has no figures.
fn remark(cell: &Cell) -> String {
    let reason = cell.reason.as_deref().unwrap_or_default();
    match cell.status {
        Status::NotCovered => format!("not covered: {reason}"),
        Status::Failed | Status::Measured => format!("FAILED: {reason}"),
    }
}

/// A measured cell among the others.
struct Measured<'a> {
    cell: &'a Cell,
    covered: Option<&'a WorkloadCoverage>,
    cells: &'a [Cell],
}

impl Measured<'_> {
    fn latency(&self, of: impl Fn(Distribution) -> Option<u64>) -> String {
        self.cell.statistics.and_then(|statistics| of(statistics.latency)).map(duration).unwrap_or_default()
    }

    fn median(&self, of: impl Fn(CellStatistics) -> Option<Distribution>) -> String {
        self.cell.statistics.and_then(of).map(|times| duration(times.median_ns)).unwrap_or_default()
    }

    fn median_interval(&self) -> String {
        let latency = self.cell.statistics.map(|statistics| statistics.latency);
        let bounds = latency.and_then(|latency| latency.median_low_ns.zip(latency.median_high_ns));
        bounds.map(|(low_ns, high_ns)| interval(low_ns, high_ns)).unwrap_or_default()
    }

    /// Of the GPU, where it ran on one and that is known; model and activations are there.
    fn memory(&self) -> String {
        let of_process = || self.cell.peak_memory_bytes().map(words::bytes);
        let of_gpu =
            self.cell.peak_accelerator_memory_bytes().map(|peak| format!("GPU {}", words::bytes(peak)));
        of_gpu.or_else(of_process).unwrap_or_default()
    }

    fn in_time(&self) -> String {
        self.covered.map(|row| format!("{}/{}", row.within_slo, row.requests)).unwrap_or_default()
    }

    fn capacity(&self) -> String {
        let told = |capacity: &Capacity| match capacity.basis {
            CapacityBasis::ClosedLoop => capacity.requests_per_hour.to_string(),
            CapacityBasis::OpenLoop => format!("open {}", capacity.requests_per_hour),
        };
        self.cell.capacity.as_ref().map(told).unwrap_or_default()
    }

    fn roofline(&self) -> String {
        let roofline = self.cell.roofline;
        roofline
            .map(|roofline| format!("{} {}", percent(roofline.share_ppm), words::bound(roofline.bound)))
            .unwrap_or_default()
    }

    /// How many times as fast as its native twin an exact cell is, by medians of one run.
    fn speed_against_native(&self) -> Option<f64> {
        if self.cell.numerics == "native" {
            return None;
        }
        let twin = self.cell.workload.replace("-exact-", "-native-");
        let native = self.cells.iter().find(|other| other.workload == twin && other.numerics == "native")?;
        let median = |cell: &Cell| cell.statistics.map(|statistics| statistics.latency.median_ns as f64);
        let ratio = median(native)? / median(self.cell)?;
        ratio.is_finite().then_some(ratio)
    }
}
