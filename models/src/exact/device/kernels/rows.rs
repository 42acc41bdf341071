//! What is done row by row: `rows.cu`.

use super::{Arguments, PANEL, THREADS, holds, over_columns, packed_bytes};
use crate::exact::device::memory::Buffer;
use crate::exact::device::{DeviceError, Result};
use crate::exact::precision::Precision;
use crate::exact::quantise::Q8_BLOCK;

/// The widest row that is normalised, by the shared memory of a block.
const MOST_NORMALISED: usize = 12_000;

/// Where the rows of a normalisation lie.
#[derive(Clone, Copy, Debug)]
pub(in super::super) struct Heads {
    pub(in super::super) rows: usize,
    /// Elements from one row to the next.
    pub(in super::super) stride: usize,
    /// The first head's first element.
    pub(in super::super) first: usize,
    /// How many heads of a row.
    pub(in super::super) heads: usize,
    /// Elements of each.
    pub(in super::super) width: usize,
}

/// Normalises heads of `x`, to the same places of `y`.
pub(in super::super) fn normalise(
    x: &Buffer,
    y: &mut Buffer,
    heads: Heads,
    weight: &Buffer,
    bias: Option<&Buffer>,
    eps: f32,
) -> Result<()> {
    holds(y, 4 * heads.rows * heads.stride);
    normalise_to(x, y.address(), heads, weight, bias, eps)
}

/// Normalises heads of `x` in place.
pub(in super::super) fn normalise_in_place(
    x: &mut Buffer,
    heads: Heads,
    weight: &Buffer,
    bias: Option<&Buffer>,
    eps: f32,
) -> Result<()> {
    normalise_to(x, x.address(), heads, weight, bias, eps)
}

fn normalise_to(
    x: &Buffer,
    y: u64,
    heads: Heads,
    weight: &Buffer,
    bias: Option<&Buffer>,
    eps: f32,
) -> Result<()> {
    let Heads { rows, stride, first, heads, width } = heads;
    if width > MOST_NORMALISED {
        return Err(DeviceError::TooLarge { what: "a normalised row", size: width, most: MOST_NORMALISED });
    }
    assert!(first + heads * width <= stride && width > 0);
    holds(x, 4 * rows * stride);
    holds(weight, 4 * width);
    if let Some(bias) = bias {
        holds(bias, 4 * width);
    }
    let device = x.device();
    let arguments =
        Arguments::default().word(y).count(stride).buffer(x).count(stride).count(first).count(width);
    let arguments = arguments.buffer(weight).optional(bias).number(eps);
    let threads = width.next_multiple_of(32).min(THREADS);
    arguments.launch(device, "normalise", [rows, heads, 1], threads, 4 * width)
}

/// Divides each row by its Euclidean norm.
pub(in super::super) fn l2_normalise(x: &mut Buffer, rows: usize, width: usize) -> Result<()> {
    holds(x, 4 * rows * width);
    let arguments = Arguments::default().buffer(x).count(width);
    arguments.launch(x.device(), "l2_normalise", [rows, 1, 1], width.next_multiple_of(32).min(THREADS), 0)
}

/// Turns the first `heads` heads of each row of `x`: `(rows, stride)`; row `r` stands at position `first + r % tokens`.
#[expect(clippy::too_many_arguments, reason = "the kernel's")]
pub(in super::super) fn rotate(
    x: &mut Buffer,
    rows: usize,
    stride: usize,
    heads: usize,
    half: usize,
    (cosines, sines): (&Buffer, &Buffer),
    tokens: usize,
    first: usize,
) -> Result<()> {
    assert!(2 * half * heads <= stride && tokens > 0);
    holds(x, 4 * rows * stride);
    holds(cosines, 4 * (first + tokens) * half);
    holds(sines, 4 * (first + tokens) * half);
    let arguments = Arguments::default().buffer(x).count(stride).count(heads).count(half);
    let arguments = arguments.buffer(cosines).buffer(sines).count(tokens).count(first);
    over_columns(arguments, x.device(), "rotate", rows, heads * half)
}

/// Rows of packed weights by index; `ids` are below `outputs`.
#[expect(clippy::too_many_arguments, reason = "the kernel's")]
pub(in super::super) fn look_up(
    y: &mut Buffer,
    panels: &Buffer,
    scales: Option<&Buffer>,
    precision: Precision,
    outputs: usize,
    width: usize,
    ids: &Buffer,
    count: usize,
) -> Result<()> {
    holds(y, 4 * count * width);
    holds(panels, packed_bytes(outputs, width, precision));
    holds(ids, 4 * count);
    let name = match precision {
        Precision::F32 => "look_up_f32",
        Precision::Bf16 => "look_up_bf16",
        Precision::F16 => "look_up_f16",
        Precision::Q8 => "look_up_bytes",
    };
    let mut arguments = Arguments::default().buffer(y).buffer(panels);
    if let Some(scales) = scales {
        holds(scales, 4 * outputs.next_multiple_of(PANEL) * width.div_ceil(Q8_BLOCK));
        arguments = arguments.buffer(scales);
    }
    assert_eq!(scales.is_some(), precision == Precision::Q8);
    over_columns(arguments.buffer(ids).count(width), y.device(), name, count, width)
}

/// `y[place] = x[rows[place]]`; `x` has all those rows.
pub(in super::super) fn gather(
    y: &mut Buffer,
    x: &Buffer,
    rows: &Buffer,
    count: usize,
    width: usize,
) -> Result<()> {
    holds(y, 4 * count * width);
    holds(rows, 4 * count);
    let arguments = Arguments::default().buffer(y).buffer(x).buffer(rows).count(width);
    over_columns(arguments, y.device(), "gather", count, width)
}

/// `x[row] += y[row % period]`
pub(in super::super) fn add_rows(
    x: &mut Buffer,
    y: &Buffer,
    rows: usize,
    period: usize,
    width: usize,
) -> Result<()> {
    assert!(period > 0);
    holds(x, 4 * rows * width);
    holds(y, 4 * period.min(rows) * width);
    let arguments = Arguments::default().buffer(x).buffer(y).count(period).count(width);
    over_columns(arguments, x.device(), "add_rows", rows, width)
}

/// `x *= factor`
pub(in super::super) fn scale(x: &mut Buffer, factor: f32, rows: usize, width: usize) -> Result<()> {
    holds(x, 4 * rows * width);
    let arguments = Arguments::default().buffer(x).number(factor).count(width);
    over_columns(arguments, x.device(), "scale", rows, width)
}

/// `sums[tokens[place]]` takes `x[place] * weights[place]`, as its value where `is_first`; tokens are unlike, and `sums` has them all.
pub(in super::super) fn add_weighted(
    sums: &mut Buffer,
    x: &Buffer,
    (tokens, weights, is_first): (&Buffer, &Buffer, &Buffer),
    count: usize,
    width: usize,
) -> Result<()> {
    holds(x, 4 * count * width);
    for list in [tokens, weights, is_first] {
        holds(list, 4 * count);
    }
    let arguments =
        Arguments::default().buffer(sums).buffer(x).buffer(tokens).buffer(weights).buffer(is_first);
    over_columns(arguments.count(width), x.device(), "add_weighted", count, width)
}

/// The means of the first `lengths[s]` rows of each sequence of `x`: `(sequences, tokens, width)`; lengths are 1 to `tokens`.
pub(in super::super) fn mean_pool(
    y: &mut Buffer,
    x: &Buffer,
    lengths: &Buffer,
    sequences: usize,
    tokens: usize,
    width: usize,
) -> Result<()> {
    holds(y, 4 * sequences * width);
    holds(x, 4 * sequences * tokens * width);
    holds(lengths, 4 * sequences);
    let arguments = Arguments::default().buffer(y).buffer(x).buffer(lengths).count(tokens).count(width);
    over_columns(arguments, x.device(), "mean_pool", sequences, width)
}
