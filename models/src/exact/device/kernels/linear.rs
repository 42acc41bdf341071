//! Products with weights that are numbers: `linear_narrow.cu` and `linear_wide.cu`.

use super::{Arguments, Epilogue, NARROW_ROWS, PANEL, TALL_ROWS, TILE_OUTPUTS, holds, packed_bytes};
use crate::exact::BLOCK;
use crate::exact::device::Result;
use crate::exact::device::memory::Buffer;
use crate::exact::precision::Precision;

/// `x w^T` and what becomes of it; `x`: `(rows, width)`. Not for eight bits.
pub(in super::super) fn linear(
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
