//! What a device reaches at most: `ceilings.cu`.

use super::{Arguments, THREADS, holds};
use crate::exact::device::memory::Buffer;
use crate::exact::device::{Device, Result};

/// Blocks of [`THREADS`] that a multiprocessor holds at once: those of 2048 threads.
const BLOCKS_A_MULTIPROCESSOR: usize = 8;
/// Chains of multiply-adds of a thread: `CHAINS` of `ceilings.cu`.
pub(in super::super) const CHAINS: usize = 8;

/// Threads of a launch that fills the device.
pub(in super::super) fn filling_threads(device: &Device) -> usize {
    device.backend.multiprocessors() * BLOCKS_A_MULTIPROCESSOR * THREADS
}

/// `rounds` multiply-adds in each of [`CHAINS`] chains of each of [`filling_threads`]; `sink` has a number for each thread.
pub(in super::super) fn multiply_adds(
    sink: &mut Buffer,
    rounds: usize,
    factor: f32,
    addend: f32,
) -> Result<()> {
    let device = sink.device();
    let threads = filling_threads(device);
    holds(sink, 4 * threads);
    let arguments = Arguments::default().buffer(sink).count(rounds).number(factor).number(addend);
    arguments.launch(device, "multiply_adds", [threads / THREADS, 1, 1], THREADS, 0)
}

/// Reads all of `from`; `sink` has a number for each of [`filling_threads`].
pub(in super::super) fn read_memory(sink: &mut Buffer, from: &Buffer) -> Result<()> {
    let device = sink.device();
    let threads = filling_threads(device);
    holds(sink, 4 * threads);
    let arguments = Arguments::default().buffer(sink).buffer(from).word(from.bytes() as u64 / 16);
    arguments.launch(device, "read_memory", [threads / THREADS, 1, 1], THREADS, 0)
}
