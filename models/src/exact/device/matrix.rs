use super::memory::Buffer;
use super::{Device, Result, kernels};

/// Activations on a device: `(rows, width)`, row-major.
#[derive(Debug)]
pub struct Matrix {
    pub(super) buffer: Buffer,
    pub(super) rows: usize,
    pub(super) width: usize,
}

impl Matrix {
    /// Copies row-major `values` to the device.
    ///
    /// # Errors
    /// When the device has no memory left, or failed.
    ///
    /// # Panics
    /// When they are no whole number of rows.
    pub fn upload(device: &'static Device, values: &[f32], width: usize) -> Result<Self> {
        assert!(width > 0 && values.len().is_multiple_of(width));
        Ok(Self { buffer: Buffer::of_f32(device, values)?, rows: values.len() / width, width })
    }

    /// Memory that holds anything, all of which is written before it is read.
    pub(crate) fn uninitialised(device: &'static Device, rows: usize, width: usize) -> Result<Self> {
        Ok(Self { buffer: Buffer::uninitialised(device, 4 * rows * width)?, rows, width })
    }

    /// Copies them back, after all that was begun.
    ///
    /// # Errors
    /// When the device failed.
    pub fn download(&self) -> Result<Vec<f32>> {
        self.buffer.to_f32(self.rows * self.width)
    }

    /// `(rows, width)`
    #[must_use]
    pub fn dims(&self) -> (usize, usize) {
        (self.rows, self.width)
    }

    /// Where it lies.
    #[must_use]
    pub fn device(&self) -> &'static Device {
        self.buffer.device()
    }

    /// The rows of these indices, in their order.
    ///
    /// # Errors
    /// When the device has no memory left, or failed.
    ///
    /// # Panics
    /// When there is no such row.
    pub fn picked(&self, rows: &[u32]) -> Result<Self> {
        assert!(rows.iter().all(|row| (*row as usize) < self.rows), "a row beyond {}", self.rows);
        let device = self.device();
        let mut picked = Self::uninitialised(device, rows.len(), self.width)?;
        let indices = Buffer::of_u32(device, rows)?;
        kernels::gather(&mut picked.buffer, &self.buffer, &indices, rows.len(), self.width)?;
        Ok(picked)
    }

    /// Adds `other`, again and again where it has fewer rows.
    ///
    /// # Errors
    /// When the device failed.
    ///
    /// # Panics
    /// When widths differ, or the rows are no whole number of times those of `other`.
    pub fn add(&mut self, other: &Self) -> Result<()> {
        assert!(self.width == other.width && self.rows.is_multiple_of(other.rows));
        kernels::add_rows(&mut self.buffer, &other.buffer, self.rows, other.rows, self.width)
    }

    /// Multiplies each number by `factor`.
    ///
    /// # Errors
    /// When the device failed.
    pub fn scale(&mut self, factor: f32) -> Result<()> {
        kernels::scale(&mut self.buffer, factor, self.rows, self.width)
    }

    /// Adds `x[place] * weights[place]` to row `tokens[place]`, or sets the row to that where `is_first[place]` (`EXACT.md`, section 9:
    /// the first product is the starting value).
    ///
    /// # Errors
    /// When the device has no memory left, or failed.
    ///
    /// # Panics
    /// When a token comes twice or has no row, or the lengths differ.
    pub fn add_weighted(
        &mut self,
        x: &Self,
        tokens: &[u32],
        weights: &[f32],
        is_first: &[u32],
    ) -> Result<()> {
        assert!(
            tokens.is_sorted_by(|a, b| a < b)
                && tokens.last().is_none_or(|last| (*last as usize) < self.rows)
        );
        assert!([weights.len(), is_first.len(), x.rows].iter().all(|count| *count == tokens.len()));
        assert_eq!(x.width, self.width);
        let device = self.device();
        let (tokens, weights) = (Buffer::of_u32(device, tokens)?, Buffer::of_f32(device, weights)?);
        let is_first = Buffer::of_u32(device, is_first)?;
        let lists = (&tokens, &weights, &is_first);
        kernels::add_weighted(&mut self.buffer, &x.buffer, lists, x.rows, x.width)
    }

    /// Overwrites the rows of these indices, which ascend, with those of `x`.
    ///
    /// # Errors
    /// When the device has no memory left, or failed.
    ///
    /// # Panics
    /// When a row comes twice or is not there, or the shapes do not fit.
    pub(super) fn put(&mut self, x: &Self, rows: &[u32]) -> Result<()> {
        // A product by one is exact.
        self.add_weighted(x, rows, &vec![1.0; rows.len()], &vec![1; rows.len()])
    }

    /// The mean over the first `lengths[s]` rows of each sequence: `(sequences, width)` (`EXACT.md`, section 8).
    ///
    /// # Errors
    /// When the device has no memory left, or failed.
    ///
    /// # Panics
    /// When a length is zero or above a sequence's.
    pub fn mean_pool(&self, lengths: &[usize]) -> Result<Self> {
        let tokens = self.rows / lengths.len();
        assert!(
            tokens * lengths.len() == self.rows && lengths.iter().all(|length| (1..=tokens).contains(length))
        );
        let device = self.device();
        let mut means = Self::uninitialised(device, lengths.len(), self.width)?;
        let lengths =
            Buffer::of_u32(device, &lengths.iter().map(|length| *length as u32).collect::<Vec<_>>())?;
        kernels::mean_pool(&mut means.buffer, &self.buffer, &lengths, means.rows, tokens, self.width)?;
        Ok(means)
    }

    /// Divides each row by its Euclidean norm.
    ///
    /// # Errors
    /// When the device failed.
    pub fn l2_normalise(&mut self) -> Result<()> {
        kernels::l2_normalise(&mut self.buffer, self.rows, self.width)
    }

    /// For each of `batch` parts of `patches`, `(batch * (rows - 1), width)`, the first row, then the parts' rows with the others added:
    /// `(batch * rows, width)`.
    ///
    /// # Errors
    /// When the device has no memory left, or failed.
    ///
    /// # Panics
    /// When the shapes do not fit.
    pub fn with_first_row(&self, patches: &Self, batch: usize) -> Result<Self> {
        let others = self.rows - 1;
        assert!(patches.dims() == (batch * others, self.width));
        let mut all = Self::uninitialised(self.device(), batch * self.rows, self.width)?;
        let firsts: Vec<u32> = (0..batch).map(|part| (part * self.rows) as u32).collect();
        all.put(&self.picked(&vec![0; batch])?, &firsts)?;
        if others > 0 {
            let mut placed = patches.copied()?;
            placed.add(&self.picked(&(1..self.rows as u32).collect::<Vec<_>>())?)?;
            let rows = (0..batch * self.rows).filter(|row| row % self.rows != 0);
            all.put(&placed, &rows.map(|row| row as u32).collect::<Vec<_>>())?;
        }
        Ok(all)
    }

    /// A copy on the same device.
    ///
    /// # Errors
    /// When the device has no memory left, or failed.
    pub fn copied(&self) -> Result<Self> {
        self.picked(&(0..self.rows as u32).collect::<Vec<_>>())
    }
}
