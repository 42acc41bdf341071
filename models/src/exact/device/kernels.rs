//! The kernels of `models/kernels`, one function each: shapes are checked, the grid is chosen, the kernel begun.
//!
//! *Architecture invariants:* a grid never reaches a bit, only speed. Nothing else launches; each function asserts that every buffer
//! holds what its kernel reads and writes, so that the functions are safe to call.

use super::backend::Launch;
use super::memory::Buffer;
use super::{Device, DeviceError, Result};
use crate::exact::BLOCK;
use crate::exact::function::Function;
use crate::exact::precision::Precision;
use crate::exact::quantise::Q8_BLOCK;

/// All kernels of `exact.cu`, by which they are looked up.
#[cfg(feature = "cuda-exact")]
pub(super) const NAMES: [&str; 37] = [
    "linear_narrow_f32_1",
    "linear_narrow_f32_4",
    "linear_narrow_bf16_1",
    "linear_narrow_bf16_4",
    "linear_narrow_f16_1",
    "linear_narrow_f16_4",
    "linear_wide_f32_32",
    "linear_wide_f32_128",
    "linear_wide_bf16_32",
    "linear_wide_bf16_128",
    "linear_wide_f16_32",
    "linear_wide_f16_128",
    "quantise",
    "bytes_narrow_1",
    "bytes_narrow_4",
    "bytes_wide_32",
    "bytes_wide_64",
    "normalise",
    "l2_normalise",
    "rotate",
    "look_up_f32",
    "look_up_bf16",
    "look_up_f16",
    "look_up_bytes",
    "gather",
    "add_rows",
    "scale",
    "add_weighted",
    "mean_pool",
    "append_to_cache",
    "attention_scores",
    "attention_weights",
    "attention_values",
    "gather_windows",
    "max_pool",
    "multiply_adds",
    "read_memory",
];

/// Outputs a panel of packed weights.
pub(super) const PANEL: usize = 32;
/// Threads a block where each has work of its own.
const THREADS: usize = 256;
/// Rows that are still multiplied by the kernel that reads weights once for few rows; more share a tile.
const NARROW_ROWS: usize = 16;
/// Rows from which on the larger tile pays, where it leaves no multiprocessor without work.
const TALL_ROWS: usize = 96;
/// Outputs a tile.
const TILE_OUTPUTS: usize = 128;
/// Blocks of [`THREADS`] that a multiprocessor holds at once: those of 2048 threads.
const BLOCKS_A_MULTIPROCESSOR: usize = 8;
/// Chains of multiply-adds of a thread: `CHAINS` of `ceilings.cu`.
pub(super) const CHAINS: usize = 8;
/// The widest row that is normalised, by the shared memory of a block.
pub(super) const MOST_NORMALISED: usize = 12_000;
/// Rows of queries a block of attention.
const QUERIES: usize = 4;

/// What becomes of products: `epilogue.cuh`.
pub(super) struct Epilogue<'a> {
    pub(super) y: &'a mut Buffer,
    pub(super) bias: Option<&'a Buffer>,
    /// Of channels: mean, inverse deviation, weight, bias.
    pub(super) norm: Option<&'a Buffer>,
    /// Outputs that count.
    pub(super) outputs: usize,
    pub(super) kind: Kind,
    pub(super) function: Option<Function>,
}

/// `EpilogueKind` of `epilogue.cuh`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Assign,
    Add,
    Gate,
}

/// `AttentionShape` of `attention.cu`.
#[derive(Clone, Copy, Debug)]
pub(super) struct AttentionShape {
    pub(super) sequences: usize,
    pub(super) all_tokens: usize,
    pub(super) begin: usize,
    pub(super) tokens: usize,
    pub(super) heads: usize,
    pub(super) kv_heads: usize,
    pub(super) head_dim: usize,
    pub(super) capacity: usize,
    pub(super) stride: usize,
    pub(super) origin: usize,
    pub(super) span: usize,
    pub(super) first: usize,
    /// [`u32::MAX`] where a token sees all keys up to itself.
    pub(super) window: usize,
}

/// `ImageShape` of `images.cu`, and how many images.
#[derive(Clone, Copy, Debug)]
pub(super) struct ImageShape {
    pub(super) images: usize,
    pub(super) size: (usize, usize),
    pub(super) channels: usize,
    pub(super) windows: (usize, usize),
    pub(super) kernel: (usize, usize),
    pub(super) stride: (usize, usize),
    pub(super) padding: (usize, usize),
    pub(super) dilation: (usize, usize),
}

/// The parameters of a launch, each in whole words.
#[derive(Default)]
struct Arguments {
    words: Vec<u64>,
    places: Vec<usize>,
}

impl Arguments {
    fn word(mut self, word: u64) -> Self {
        self.places.push(self.words.len());
        self.words.push(word);
        self
    }

    fn buffer(self, buffer: &Buffer) -> Self {
        self.word(buffer.address())
    }

    fn optional(self, buffer: Option<&Buffer>) -> Self {
        self.word(buffer.map_or(0, Buffer::address))
    }

    fn count(self, count: usize) -> Self {
        self.word(u64::from(narrowed(count)))
    }

    fn number(self, number: f32) -> Self {
        self.word(u64::from(number.to_bits()))
    }

    /// A structure of 32-bit fields, behind `addresses`.
    fn structure(mut self, addresses: &[u64], counts: &[usize]) -> Self {
        self.places.push(self.words.len());
        self.words.extend(addresses);
        for pair in counts.chunks(2) {
            let [low, high] = [pair[0], pair.get(1).copied().unwrap_or(0)].map(narrowed).map(u64::from);
            self.words.push(low | high << 32);
        }
        self
    }

    fn epilogue(self, epilogue: &Epilogue<'_>) -> Self {
        let Epilogue { y, bias, norm, outputs, kind, function } = epilogue;
        let addresses = [y.address(), bias.map_or(0, Buffer::address), norm.map_or(0, Buffer::address)];
        self.structure(&addresses, &[*outputs, epilogue.stride(), *kind as usize, function_number(*function)])
    }

    fn attention(self, shape: &AttentionShape) -> Self {
        let AttentionShape { all_tokens, begin, tokens, heads, kv_heads, head_dim, .. } = *shape;
        let AttentionShape { capacity, stride, origin, span, first, window, .. } = *shape;
        let queries = [all_tokens, begin, tokens, heads, kv_heads, head_dim];
        self.structure(&[], &[&queries[..], &[capacity, stride, origin, span, first, window]].concat())
    }

    fn images(self, shape: &ImageShape) -> Self {
        let ImageShape { size, channels, windows, kernel, stride, padding, dilation, .. } = *shape;
        let pairs = [size, (channels, windows.0), (windows.1, kernel.0), (kernel.1, stride.0)];
        let later = [(stride.1, padding.0), (padding.1, dilation.0)];
        let mut counts: Vec<usize> = pairs.into_iter().chain(later).flat_map(|(a, b)| [a, b]).collect();
        counts.push(dilation.1);
        self.structure(&[], &counts)
    }

    fn launch(
        mut self,
        device: &Device,
        kernel: &'static str,
        grid: [usize; 3],
        threads: usize,
        shared_bytes: usize,
    ) -> Result<()> {
        assert!(
            grid[0] < 1 << 31 && grid[1] < 1 << 16 && grid[2] < 1 << 16,
            "{kernel} on a grid of {grid:?}"
        );
        if grid.contains(&0) {
            return Ok(());
        }
        // SAFETY: the functions of this file pass what each kernel declares, and have checked the buffers.
        #[expect(unsafe_code, reason = "the backend takes addresses")]
        unsafe {
            let launch = Launch { kernel, grid, threads, shared_bytes };
            device.backend.launch(launch, &mut self.words, &self.places)
        }
    }
}

impl Epilogue<'_> {
    /// Elements from one row of the result to the next.
    fn stride(&self) -> usize {
        if self.kind == Kind::Gate { self.outputs / 2 } else { self.outputs }
    }

    fn check(&self, rows: usize) {
        holds(self.y, 4 * rows * self.stride());
        assert!(self.kind != Kind::Gate || self.outputs.is_multiple_of(2));
        if let Some(bias) = self.bias {
            holds(bias, 4 * self.outputs);
        }
        if let Some(norm) = self.norm {
            holds(norm, 16 * self.outputs);
        }
    }
}

/// `Function` of `arithmetic.cuh`.
fn function_number(function: Option<Function>) -> usize {
    match function {
        None => 0,
        Some(Function::Gelu) => 1,
        Some(Function::GeluTanh) => 2,
        Some(Function::Tanh) => 3,
        Some(Function::Silu) => 4,
        Some(Function::QuickGelu) => 5,
        Some(Function::Relu) => 6,
    }
}

/// Counts have 32 bits in the kernels; no model comes near.
#[track_caller]
fn narrowed(count: usize) -> u32 {
    match u32::try_from(count) {
        Ok(count) => count,
        Err(_) => panic!("a kernel is asked for {count} elements along an axis"),
    }
}

#[track_caller]
fn holds(buffer: &Buffer, bytes: usize) {
    assert!(buffer.bytes() >= bytes, "{} bytes where {bytes} are needed", buffer.bytes());
}

/// Bytes of packed weights.
pub(super) fn packed_bytes(outputs: usize, width: usize, precision: Precision) -> usize {
    let element = match precision {
        Precision::F32 => 4,
        Precision::Bf16 | Precision::F16 => 2,
        // Two packets a block.
        Precision::Q8 => return outputs.next_multiple_of(PANEL) * width.div_ceil(Q8_BLOCK) * Q8_BLOCK,
    };
    outputs.next_multiple_of(PANEL) * (width * element).next_multiple_of(16)
}

/// `x w^T` and what becomes of it; `x`: `(rows, width)`. Not for eight bits.
pub(super) fn linear(
    panels: &Buffer,
    precision: Precision,
    x: &Buffer,
    rows: usize,
    width: usize,
    epilogue: &Epilogue<'_>,
) -> Result<()> {
    holds(panels, packed_bytes(epilogue.outputs, width, precision));
    holds(x, 4 * rows * width);
    epilogue.check(rows);
    assert!(width > 0);
    let names = match precision {
        Precision::F32 => {
            ["linear_narrow_f32_1", "linear_narrow_f32_4", "linear_wide_f32_32", "linear_wide_f32_128"]
        }
        Precision::Bf16 => {
            ["linear_narrow_bf16_1", "linear_narrow_bf16_4", "linear_wide_bf16_32", "linear_wide_bf16_128"]
        }
        Precision::F16 => {
            ["linear_narrow_f16_1", "linear_narrow_f16_4", "linear_wide_f16_32", "linear_wide_f16_128"]
        }
        Precision::Q8 => unreachable!("integers have kernels of their own"),
    };
    let arguments = Arguments::default().buffer(panels).buffer(x).count(rows).count(width).epilogue(epilogue);
    let device = x.device();
    if rows <= NARROW_ROWS {
        let (name, a_block) = if rows == 1 { (names[0], 1) } else { (names[1], 4) };
        let most = if a_block == 1 { 16 } else { 8 };
        let warps = width.div_ceil(BLOCK).clamp(a_block, most);
        // Rows side by side, so that a panel is read by all of them while it is in the cache.
        let grid = [rows.div_ceil(a_block), epilogue.outputs.div_ceil(PANEL), 1];
        return arguments.launch(device, name, grid, 32 * warps, 4 * a_block * warps * (BLOCK + PANEL));
    }
    let tall_tiles = epilogue.outputs.div_ceil(TILE_OUTPUTS) * rows.div_ceil(128);
    let is_tall = rows >= TALL_ROWS && tall_tiles >= device.backend.multiprocessors();
    let (name, tile, threads) = if is_tall { (names[3], 128, 256) } else { (names[2], 32, 128) };
    let grid = [epilogue.outputs.div_ceil(TILE_OUTPUTS), rows.div_ceil(tile), 1];
    arguments.launch(device, name, grid, threads, 0)
}

/// Quantises `x`: `(rows, width)` to integers, `(rows, blocks, 32)`, and scales, `(rows, blocks)`.
pub(super) fn quantise(
    integers: &mut Buffer,
    scales: &mut Buffer,
    x: &Buffer,
    rows: usize,
    width: usize,
) -> Result<()> {
    let blocks = rows * width.div_ceil(Q8_BLOCK);
    holds(x, 4 * rows * width);
    holds(integers, Q8_BLOCK * blocks);
    holds(scales, 4 * blocks);
    let arguments = Arguments::default().buffer(integers).buffer(scales).buffer(x).count(rows).count(width);
    arguments.launch(x.device(), "quantise", [blocks.div_ceil(THREADS / Q8_BLOCK), 1, 1], THREADS, 0)
}

/// As [`linear`], of rows and weights of eight bits with their scales.
pub(super) fn bytes(
    (panels, weight_scales): (&Buffer, &Buffer),
    (integers, scales): (&Buffer, &Buffer),
    rows: usize,
    width: usize,
    epilogue: &Epilogue<'_>,
) -> Result<()> {
    let blocks = width.div_ceil(Q8_BLOCK);
    holds(panels, packed_bytes(epilogue.outputs, width, Precision::Q8));
    holds(weight_scales, 4 * epilogue.outputs.next_multiple_of(PANEL) * blocks);
    holds(integers, Q8_BLOCK * rows * blocks);
    holds(scales, 4 * rows * blocks);
    epilogue.check(rows);
    if rows == 0 {
        return Ok(());
    }
    let arguments = Arguments::default().buffer(panels).buffer(weight_scales).buffer(integers).buffer(scales);
    let arguments = arguments.count(rows).count(width).epilogue(epilogue);
    let device = integers.device();
    if rows <= NARROW_ROWS {
        let (name, a_block) = if rows == 1 { ("bytes_narrow_1", 1) } else { ("bytes_narrow_4", 4) };
        let most = if a_block == 1 { 16 } else { 8 };
        // Eight blocks of 32 a warp.
        let warps = blocks.div_ceil(8).clamp(a_block, most);
        let shared_bytes = 4 * PANEL * (8 * warps * (a_block + 1) + a_block);
        // Rows side by side, so that a panel is read by all of them while it is in the cache.
        let grid = [rows.div_ceil(a_block), epilogue.outputs.div_ceil(PANEL), 1];
        return arguments.launch(device, name, grid, 32 * warps, shared_bytes);
    }
    let (name, tile, threads) =
        if rows < TALL_ROWS { ("bytes_wide_32", 32, 128) } else { ("bytes_wide_64", 64, 256) };
    let grid = [epilogue.outputs.div_ceil(TILE_OUTPUTS), rows.div_ceil(tile), 1];
    arguments.launch(device, name, grid, threads, 0)
}

/// Where the rows of a normalisation lie.
#[derive(Clone, Copy, Debug)]
pub(super) struct Heads {
    pub(super) rows: usize,
    /// Elements from one row to the next.
    pub(super) stride: usize,
    /// The first head's first element.
    pub(super) first: usize,
    /// How many heads of a row.
    pub(super) heads: usize,
    /// Elements of each.
    pub(super) width: usize,
}

/// Normalises heads of `x`, to the same places of `y`.
pub(super) fn normalise(
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
pub(super) fn normalise_in_place(
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
pub(super) fn l2_normalise(x: &mut Buffer, rows: usize, width: usize) -> Result<()> {
    holds(x, 4 * rows * width);
    let arguments = Arguments::default().buffer(x).count(width);
    arguments.launch(x.device(), "l2_normalise", [rows, 1, 1], width.next_multiple_of(32).min(THREADS), 0)
}

/// Turns the first `heads` heads of each row of `x`: `(rows, stride)`; row `r` stands at position `first + r % tokens`.
#[expect(clippy::too_many_arguments, reason = "the kernel's")]
pub(super) fn rotate(
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
pub(super) fn look_up(
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
pub(super) fn gather(y: &mut Buffer, x: &Buffer, rows: &Buffer, count: usize, width: usize) -> Result<()> {
    holds(y, 4 * count * width);
    holds(rows, 4 * count);
    let arguments = Arguments::default().buffer(y).buffer(x).buffer(rows).count(width);
    over_columns(arguments, y.device(), "gather", count, width)
}

/// `x[row] += y[row % period]`
pub(super) fn add_rows(x: &mut Buffer, y: &Buffer, rows: usize, period: usize, width: usize) -> Result<()> {
    assert!(period > 0);
    holds(x, 4 * rows * width);
    holds(y, 4 * period.min(rows) * width);
    let arguments = Arguments::default().buffer(x).buffer(y).count(period).count(width);
    over_columns(arguments, x.device(), "add_rows", rows, width)
}

/// `x *= factor`
pub(super) fn scale(x: &mut Buffer, factor: f32, rows: usize, width: usize) -> Result<()> {
    holds(x, 4 * rows * width);
    let arguments = Arguments::default().buffer(x).number(factor).count(width);
    over_columns(arguments, x.device(), "scale", rows, width)
}

/// `sums[tokens[place]]` takes `x[place] * weights[place]`, as its value where `is_first`; tokens are unlike, and `sums` has them all.
pub(super) fn add_weighted(
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
pub(super) fn mean_pool(
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

/// A thread a column, blocks of a row side by side.
fn over_columns(
    arguments: Arguments,
    device: &Device,
    kernel: &'static str,
    rows: usize,
    width: usize,
) -> Result<()> {
    let threads = width.next_multiple_of(32).min(THREADS);
    arguments.launch(device, kernel, [rows, width.div_ceil(threads.max(1)), 1], threads, 0)
}

impl AttentionShape {
    /// Rows of queries of one key head.
    fn rows(&self) -> usize {
        self.tokens * (self.heads / self.kv_heads)
    }

    /// Key heads of all sequences.
    fn groups(&self) -> usize {
        self.sequences * self.kv_heads
    }

    /// Bytes of keys, and of values.
    pub(super) fn cache_bytes(&self) -> usize {
        4 * self.groups() * self.capacity * self.head_dim
    }

    /// Bytes of scores.
    pub(super) fn score_bytes(&self) -> usize {
        4 * self.groups() * self.rows() * self.span
    }

    /// Bytes of the sums of weights.
    pub(super) fn total_bytes(&self) -> usize {
        4 * self.groups() * self.rows()
    }

    fn check(&self) {
        assert!(self.kv_heads > 0 && self.heads.is_multiple_of(self.kv_heads) && self.head_dim > 0);
        assert!(self.capacity.is_multiple_of(PANEL) && self.span.is_multiple_of(PANEL));
        assert!(self.origin.is_multiple_of(BLOCK) && self.origin + self.span <= self.capacity);
        assert!(self.heads * self.head_dim <= self.stride && self.begin + self.tokens <= self.all_tokens);
    }
}

/// Takes over keys and values of `rows`: `(sequences, tokens, stride)`, behind the first `length` of each sequence.
pub(super) fn append_to_cache(
    (keys, values): (&mut Buffer, &mut Buffer),
    rows: &Buffer,
    (key_column, value_column): (usize, usize),
    length: usize,
    shape: &AttentionShape,
) -> Result<()> {
    let AttentionShape { sequences, all_tokens: tokens, kv_heads, head_dim, capacity, stride, .. } = *shape;
    let width = kv_heads * head_dim;
    assert!(length + tokens <= capacity && key_column.max(value_column) + width <= stride);
    holds(keys, shape.cache_bytes());
    holds(values, shape.cache_bytes());
    holds(rows, 4 * sequences * tokens * stride);
    let arguments = Arguments::default().buffer(keys).buffer(values).buffer(rows);
    let arguments = arguments.count(key_column).count(value_column).count(length).attention(shape);
    over_columns(arguments, rows.device(), "append_to_cache", sequences * tokens, width)
}

/// The three passes of attention. Each token sees the first `lengths[s]` keys of its sequence, or without lengths those up to itself: at
/// least one, none before `origin`, none from `origin + span` on. `scores` and `totals` are memory alone.
pub(super) fn attention(
    y: &mut Buffer,
    queries: &Buffer,
    (keys, values): (&Buffer, &Buffer),
    lengths: Option<&Buffer>,
    (scores, totals): (&mut Buffer, &mut Buffer),
    scale: f32,
    shape: &AttentionShape,
) -> Result<()> {
    let AttentionShape { sequences, all_tokens: tokens, heads, head_dim, stride, span, .. } = *shape;
    shape.check();
    holds(y, 4 * sequences * tokens * heads * head_dim);
    holds(queries, 4 * sequences * tokens * stride);
    holds(keys, shape.cache_bytes());
    holds(values, shape.cache_bytes());
    if let Some(lengths) = lengths {
        holds(lengths, 4 * sequences);
    }
    holds(scores, shape.score_bytes());
    holds(totals, shape.total_bytes());
    let (device, groups, tiles) = (queries.device(), shape.groups(), shape.rows().div_ceil(QUERIES));

    let warps = (span / PANEL).clamp(1, 8);
    let arguments = Arguments::default().buffer(scores).buffer(queries).buffer(keys).number(scale);
    let grid = [tiles, (span / PANEL).div_ceil(warps), groups];
    let shared = 4 * QUERIES * head_dim;
    arguments.attention(shape).launch(device, "attention_scores", grid, 32 * warps, shared)?;

    let arguments = Arguments::default().buffer(scores).buffer(totals).optional(lengths).attention(shape);
    arguments.launch(device, "attention_weights", [shape.rows(), groups, 1], 128, 0)?;

    let warps = span.div_ceil(BLOCK).clamp(QUERIES, 16);
    let arguments = Arguments::default().buffer(y).buffer(scores).buffer(totals).buffer(values);
    let arguments = arguments.optional(lengths).attention(shape);
    let grid = [tiles, head_dim.div_ceil(PANEL), groups];
    arguments.launch(device, "attention_values", grid, 32 * warps, 4 * warps * QUERIES * PANEL)
}

impl ImageShape {
    /// Elements of a window.
    pub(super) fn elements(&self) -> usize {
        self.kernel.0 * self.kernel.1 * self.channels
    }

    /// Windows of all images.
    pub(super) fn all_windows(&self) -> usize {
        self.images * self.windows.0 * self.windows.1
    }

    fn bytes(&self) -> usize {
        4 * self.images * self.size.0 * self.size.1 * self.channels
    }
}

/// Some windows of `x`, from `first` on, as rows.
pub(super) fn gather_windows(
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
pub(super) fn max_pool(y: &mut Buffer, x: &Buffer, shape: &ImageShape) -> Result<()> {
    assert!(shape.dilation == (1, 1));
    holds(y, 4 * shape.all_windows() * shape.channels);
    holds(x, shape.bytes());
    let arguments = Arguments::default().buffer(y).buffer(x).images(shape);
    over_columns(arguments, x.device(), "max_pool", shape.all_windows(), shape.channels)
}

/// Threads of a launch that fills the device.
pub(super) fn filling_threads(device: &Device) -> usize {
    device.backend.multiprocessors() * BLOCKS_A_MULTIPROCESSOR * THREADS
}

/// `rounds` multiply-adds in each of [`CHAINS`] chains of each of [`filling_threads`]; `sink` has a number for each thread.
pub(super) fn multiply_adds(sink: &mut Buffer, rounds: usize, factor: f32, addend: f32) -> Result<()> {
    let device = sink.device();
    let threads = filling_threads(device);
    holds(sink, 4 * threads);
    let arguments = Arguments::default().buffer(sink).count(rounds).number(factor).number(addend);
    arguments.launch(device, "multiply_adds", [threads / THREADS, 1, 1], THREADS, 0)
}

/// Reads all of `from`; `sink` has a number for each of [`filling_threads`].
pub(super) fn read_memory(sink: &mut Buffer, from: &Buffer) -> Result<()> {
    let device = sink.device();
    let threads = filling_threads(device);
    holds(sink, 4 * threads);
    let arguments = Arguments::default().buffer(sink).buffer(from).word(from.bytes() as u64 / 16);
    arguments.launch(device, "read_memory", [threads / THREADS, 1, 1], THREADS, 0)
}
