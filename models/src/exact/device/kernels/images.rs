//! Windows of images: `images.cu`.

use super::{Arguments, holds, over_columns};
use crate::exact::device::Result;
use crate::exact::device::memory::Buffer;

/// `ImageShape` of `images.cu`, and how many images.
#[derive(Clone, Copy, Debug)]
pub(in super::super) struct ImageShape {
    pub(in super::super) images: usize,
    pub(in super::super) size: (usize, usize),
    pub(in super::super) channels: usize,
    pub(in super::super) windows: (usize, usize),
    pub(in super::super) kernel: (usize, usize),
    pub(in super::super) stride: (usize, usize),
    pub(in super::super) padding: (usize, usize),
    pub(in super::super) dilation: (usize, usize),
}

impl ImageShape {
    /// Elements of a window.
    pub(in super::super) fn elements(&self) -> usize {
        self.kernel.0 * self.kernel.1 * self.channels
    }

    /// Windows of all images.
    pub(in super::super) fn all_windows(&self) -> usize {
        self.images * self.windows.0 * self.windows.1
    }

    fn bytes(&self) -> usize {
        4 * self.images * self.size.0 * self.size.1 * self.channels
    }
}

/// Some windows of `x`, from `first` on, as rows.
pub(in super::super) fn gather_windows(
    rows: &mut Buffer,
    x: &Buffer,
    first: usize,
    count: usize,
    shape: &ImageShape,
) -> Result<()> {
    assert!(first + count <= shape.all_windows());
    holds(rows, 4 * count * shape.elements());
    holds(x, shape.bytes());
    let arguments = Arguments::default().buffer(rows).buffer(x).count(first).images(shape);
    over_columns(arguments, x.device(), "gather_windows", count, shape.elements())
}

/// The largest element of each window, channel by channel.
pub(in super::super) fn max_pool(y: &mut Buffer, x: &Buffer, shape: &ImageShape) -> Result<()> {
    assert!(shape.dilation == (1, 1));
    holds(y, 4 * shape.all_windows() * shape.channels);
    holds(x, shape.bytes());
    let arguments = Arguments::default().buffer(y).buffer(x).images(shape);
    over_columns(arguments, x.device(), "max_pool", shape.all_windows(), shape.channels)
}

impl Arguments {
    fn images(self, shape: &ImageShape) -> Self {
        let ImageShape { size, channels, windows, kernel, stride, padding, dilation, .. } = *shape;
        let pairs = [size, (channels, windows.0), (windows.1, kernel.0), (kernel.1, stride.0)];
        let later = [(stride.1, padding.0), (padding.1, dilation.0)];
        let mut counts: Vec<usize> = pairs.into_iter().chain(later).flat_map(|(a, b)| [a, b]).collect();
        counts.push(dilation.1);
        self.structure(&[], &counts)
    }
}
