//! Products with weights of eight bits: `bytes.cu`.

use super::{Arguments, Epilogue, NARROW_ROWS, PANEL, TALL_ROWS, THREADS, TILE_OUTPUTS, holds, packed_bytes};
use crate::exact::device::Result;
use crate::exact::device::memory::Buffer;
use crate::exact::precision::Precision;
use crate::exact::quantise::Q8_BLOCK;

/// Quantises `x`: `(rows, width)` to integers, `(rows, blocks, 32)`, and scales, `(rows, blocks)`.
pub(in super::super) fn quantise(
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

/// As `linear`, of rows and weights of eight bits with their scales.
pub(in super::super) fn bytes(
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
