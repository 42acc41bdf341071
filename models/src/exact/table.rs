//! Rows by index (`EXACT.md`, section 8).

use half::{bf16, f16};

use super::precision::Precision;

/// `(count, width)` numbers of one precision, row-major.
#[derive(Clone, Debug)]
pub struct Table {
    values: Values,
    width: usize,
}

#[derive(Clone, Debug)]
enum Values {
    F32(Vec<f32>),
    Bf16(Vec<bf16>),
    F16(Vec<f16>),
}

impl Table {
    /// Takes `values`: `(count, width)`, which are numbers of `precision`; in eight bits a table stays binary32.
    #[must_use]
    pub fn new(values: Vec<f32>, width: usize, precision: Precision) -> Self {
        let values = match precision {
            Precision::F32 | Precision::Q8 => Values::F32(values),
            Precision::Bf16 => Values::Bf16(values.into_iter().map(bf16::from_f32).collect()),
            Precision::F16 => Values::F16(values.into_iter().map(f16::from_f32).collect()),
        };
        Self { values, width }
    }

    /// `(count, width)`
    #[must_use]
    pub fn dims(&self) -> (usize, usize) {
        let len = match &self.values {
            Values::F32(values) => values.len(),
            Values::Bf16(values) => values.len(),
            Values::F16(values) => values.len(),
        };
        (len.checked_div(self.width).unwrap_or(0), self.width)
    }

    /// Copies a row, widened.
    ///
    /// # Panics
    /// When there is no such row, or `row` has another length.
    pub fn copy_row(&self, index: usize, row: &mut [f32]) {
        assert_eq!(row.len(), self.width);
        let part = index * self.width..(index + 1) * self.width;
        match &self.values {
            Values::F32(values) => row.copy_from_slice(&values[part]),
            Values::Bf16(values) => {
                row.iter_mut().zip(&values[part]).for_each(|(row, value)| *row = value.to_f32());
            }
            Values::F16(values) => {
                row.iter_mut().zip(&values[part]).for_each(|(row, value)| *row = value.to_f32());
            }
        }
    }
}
