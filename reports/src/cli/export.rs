//! Verified rows as Parquet, for tools that take over where one machine ends.
//!
//! A folder of three files, the first two with all that coverage is computed from:
//! - `chances.parquet`: a row a machine and row of the demand: `machine, workload, class, share, failing_factor, success, chance,
//!   chance_low, chance_high, requests_per_s`; a chance is success times availability, 0 where a factor fails
//! - `machines.parquet`: a row a machine and operator: `machine, operator, part, hardware, software, region, provider, availability, stake`;
//!   `part` is the operator's part of what the machine is worth
//! - `operators.parquet`: a row an operator, with the figures of the comparison
//!
//! Absent values are nulls.

use std::fs::{self, File};
use std::path::Path;
use std::sync::Arc;

use anyhow::Context;
use parquet::basic::Compression;
use parquet::data_type::{ByteArray, ByteArrayType, DoubleType, Int64Type};
use parquet::file::properties::WriterProperties;
use parquet::file::writer::{SerializedFileWriter, SerializedRowGroupWriter};
use parquet::schema::parser::parse_message_type;

use crate::network::comparison::Compared;
use crate::network::demand::Demand;
use crate::network::fleet::Machine;
use crate::schema::comparison::OperatorFigures;
use crate::words;

/// Rows that are held at once.
const GROUP: usize = 1 << 18;

/// What is exported.
pub(super) struct Export<'a> {
    pub(super) compared: &'a Compared,
    pub(super) demand: &'a Demand,
}

/// A column's name and values.
enum Column {
    Text(&'static str, Vec<Option<String>>),
    Number(&'static str, Vec<Option<f64>>),
    Count(&'static str, Vec<Option<i64>>),
}

impl Export<'_> {
    /// Writes the folder, which gets its name when it is complete.
    pub(super) fn write(&self, out: &Path) -> anyhow::Result<()> {
        let parent = out.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let place = tempfile::Builder::new().prefix(".proofmark-").tempdir_in(parent)?;
        let file = |name: &str| place.path().join(name);
        write(&file("chances.parquet"), self.chances())?;
        write(&file("machines.parquet"), std::iter::once(self.machines()))?;
        write(&file("operators.parquet"), std::iter::once(self.operators()))?;
        super::fleet::set_ordinary_mode(place.path())?;
        File::open(place.path())?.sync_all()?;
        Ok(fs::rename(place.path(), out)?)
    }

    /// A group at a time.
    fn chances(&self) -> impl Iterator<Item = Vec<Column>> {
        let machines = self.compared.fleet.machines.len().max(1);
        let rows = machines * self.demand.rows.len();
        (0..rows).step_by(GROUP).map(move |from| {
            let places: Vec<(usize, usize)> =
                (from..rows.min(from + GROUP)).map(|place| (place / machines, place % machines)).collect();
            let text = |of: &dyn Fn(usize, usize) -> Option<String>| {
                places.iter().map(|(row, machine)| of(*row, *machine)).collect()
            };
            let number = |of: &dyn Fn(usize, usize) -> f64| {
                places.iter().map(|(row, machine)| Some(of(*row, *machine))).collect()
            };
            let (Compared { fleet, standing, .. }, demand) = (self.compared, self.demand);
            let chances = &standing.chances;
            vec![
                Column::Text(
                    "machine",
                    text(&|_, machine| Some(fleet.machines[machine].commitment.to_string())),
                ),
                Column::Text("workload", text(&|row, _| Some(demand.rows[row].workload.clone()))),
                Column::Text("class", text(&|row, _| Some(demand.rows[row].class.clone()))),
                Column::Number("share", number(&|row, _| demand.rows[row].share)),
                Column::Text(
                    "failing_factor",
                    text(&|row, machine| {
                        standing.failing[row][machine].map(|factor| words::factor(factor).to_owned())
                    }),
                ),
                Column::Number("success", number(&|row, machine| standing.in_time[row][machine])),
                Column::Number("chance", number(&|row, machine| chances.value.rows()[row][machine])),
                Column::Number("chance_low", number(&|row, machine| chances.low.rows()[row][machine])),
                Column::Number("chance_high", number(&|row, machine| chances.high.rows()[row][machine])),
                Column::Number("requests_per_s", number(&|row, machine| standing.rates[row][machine])),
            ]
        })
    }

    fn machines(&self) -> Vec<Column> {
        let fleet = &self.compared.fleet;
        let pairs: Vec<_> = fleet
            .machines
            .iter()
            .flat_map(|machine| machine.operators.iter().map(move |operator| (machine, *operator)))
            .collect();
        type Pair<'a> = (&'a Machine, usize);
        let text = |of: &dyn Fn(&Pair<'_>) -> Option<String>| pairs.iter().map(of).collect();
        let number = |of: &dyn Fn(&Pair<'_>) -> Option<f64>| pairs.iter().map(of).collect();
        vec![
            Column::Text("machine", text(&|(machine, _)| Some(machine.commitment.to_string()))),
            Column::Text("operator", text(&|(_, operator)| Some(fleet.operators[*operator].clone()))),
            Column::Number("part", number(&|(machine, _)| Some(1.0 / machine.operators.len() as f64))),
            Column::Text("hardware", text(&|(machine, _)| Some(machine.hardware.clone()))),
            Column::Text("software", text(&|(machine, _)| Some(machine.software.clone()))),
            Column::Text("region", text(&|(machine, _)| machine.attributes.region.clone())),
            Column::Text("provider", text(&|(machine, _)| machine.attributes.provider.clone())),
            Column::Number("availability", number(&|(machine, _)| machine.attributes.availability)),
            Column::Number("stake", number(&|(machine, _)| machine.attributes.stake)),
        ]
    }

    fn operators(&self) -> Vec<Column> {
        let rows = &self.compared.comparison.operators;
        let number = |of: &dyn Fn(&OperatorFigures) -> Option<f64>| rows.iter().map(of).collect();
        let count = |of: &dyn Fn(&OperatorFigures) -> u64| {
            rows.iter().map(|row| i64::try_from(of(row)).ok()).collect()
        };
        vec![
            Column::Text("operator", rows.iter().map(|row| Some(row.operator.clone())).collect()),
            Column::Count("machines", count(&|row| row.machines)),
            Column::Count("shared_machines", count(&|row| row.shared_machines)),
            Column::Number("marginal", number(&|row| Some(row.marginal.value))),
            Column::Number("marginal_low", number(&|row| Some(row.marginal.low))),
            Column::Number("marginal_high", number(&|row| Some(row.marginal.high))),
            Column::Number("shapley", number(&|row| Some(row.shapley.value))),
            Column::Number("shapley_low", number(&|row| Some(row.shapley.low))),
            Column::Number("shapley_high", number(&|row| Some(row.shapley.high))),
            Column::Number("shapley_common_cause", number(&|row| row.shapley_common_cause)),
            Column::Number("coverage_part", number(&|row| row.coverage_part)),
            Column::Number("volume_part", number(&|row| row.volume_part)),
        ]
    }
}

/// Groups of the same columns, one after another.
fn write(path: &Path, groups: impl Iterator<Item = Vec<Column>>) -> anyhow::Result<()> {
    let mut groups = groups.peekable();
    let first = groups.peek().context("there is nothing to export")?;
    let columns: String = first
        .iter()
        .map(|column| match column {
            Column::Text(name, _) => format!("OPTIONAL BYTE_ARRAY {name} (UTF8); "),
            Column::Number(name, _) => format!("OPTIONAL DOUBLE {name}; "),
            Column::Count(name, _) => format!("OPTIONAL INT64 {name}; "),
        })
        .collect();
    let schema = Arc::new(parse_message_type(&format!("message row {{ {columns} }}"))?);
    let properties = Arc::new(WriterProperties::builder().set_compression(Compression::SNAPPY).build());
    let mut writer = SerializedFileWriter::new(File::create(path)?, schema, properties)?;
    for columns in groups {
        let mut group = writer.next_row_group()?;
        for column in columns {
            column.write(&mut group)?;
        }
        group.close()?;
    }
    Ok(writer.into_inner()?.sync_all()?)
}

impl Column {
    fn write(self, group: &mut SerializedRowGroupWriter<'_, File>) -> anyhow::Result<()> {
        let mut column = group.next_column()?.context("there are more columns than the schema has")?;
        match self {
            Self::Text(_, values) => {
                let (levels, values) = present(values);
                let values: Vec<ByteArray> =
                    values.into_iter().map(|text: String| text.into_bytes().into()).collect();
                column.typed::<ByteArrayType>().write_batch(&values, Some(&levels), None)?;
            }
            Self::Number(_, values) => {
                let (levels, values) = present(values);
                column.typed::<DoubleType>().write_batch(&values, Some(&levels), None)?;
            }
            Self::Count(_, values) => {
                let (levels, values) = present(values);
                column.typed::<Int64Type>().write_batch(&values, Some(&levels), None)?;
            }
        }
        Ok(column.close()?)
    }
}

/// A level a value, 0 where there is none, and the others.
fn present<T>(values: Vec<Option<T>>) -> (Vec<i16>, Vec<T>) {
    let levels = values.iter().map(|value| i16::from(value.is_some())).collect();
    (levels, values.into_iter().flatten().collect())
}
