//! The kernels of `models/kernels`, one function each: shapes are checked, the grid is chosen, the kernel begun.
//!
//! *Architecture invariants:* a grid never reaches a bit, only speed. Nothing else launches; each function asserts that every buffer
//! holds what its kernel reads and writes, so that the functions are safe to call.

mod attention;
mod bytes;
mod ceilings;
mod epilogue;
mod images;
mod linear;
mod rows;

pub(super) use attention::{AttentionShape, append_to_cache, attention};
pub(super) use bytes::{bytes, quantise};
pub(super) use ceilings::{CHAINS, filling_threads, multiply_adds, read_memory};
pub(super) use epilogue::{Epilogue, Kind};
pub(super) use images::{ImageShape, gather_windows, max_pool};
pub(super) use linear::linear;
pub(super) use rows::{
    Heads, add_rows, add_weighted, gather, l2_normalise, look_up, mean_pool, normalise, normalise_in_place,
    rotate, scale,
};

use super::backend::Launch;
use super::memory::Buffer;
use super::{Device, DeviceError, Result};
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
/// Blocks along the axes of a grid, as every GPU takes them.
const MOST_BLOCKS: [usize; 3] = [(1 << 31) - 1, (1 << 16) - 1, (1 << 16) - 1];
/// Outputs a tile.
const TILE_OUTPUTS: usize = 128;

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

    fn launch(
        mut self,
        device: &Device,
        kernel: &'static str,
        grid: [usize; 3],
        threads: usize,
        shared_bytes: usize,
    ) -> Result<()> {
        for (size, most) in grid.into_iter().zip(MOST_BLOCKS) {
            if size > most {
                return Err(DeviceError::TooLarge { what: kernel, size, most });
            }
        }
        if grid.contains(&0) {
            return Ok(());
        }
        // SAFETY: the functions of this folder pass what each kernel declares, and have checked the buffers.
        #[expect(unsafe_code, reason = "the backend takes addresses")]
        unsafe {
            let launch = Launch { kernel, grid, threads, shared_bytes };
            device.backend.launch(launch, &mut self.words, &self.places)
        }
    }
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

#[track_caller]
fn holds(buffer: &Buffer, bytes: usize) {
    assert!(buffer.bytes() >= bytes, "{} bytes where {bytes} are needed", buffer.bytes());
}

/// Counts have 32 bits in the kernels; no model comes near.
#[track_caller]
fn narrowed(count: usize) -> u32 {
    match u32::try_from(count) {
        Ok(count) => count,
        Err(_) => panic!("a kernel is asked for {count} elements along an axis"),
    }
}
