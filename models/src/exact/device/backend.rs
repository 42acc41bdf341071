//! What a device offers below: memory by address, and launches of the kernels of `models/kernels/exact.cu`.

use super::{DeviceFacts, Result};

/// How a grid is launched.
#[derive(Clone, Copy, Debug)]
#[cfg_attr(
    not(any(feature = "cuda-exact", feature = "emulation")),
    expect(dead_code, reason = "read by the backends")
)]
pub(super) struct Launch {
    /// The kernel's name.
    pub(super) kernel: &'static str,
    /// Thread blocks along each axis.
    pub(super) grid: [usize; 3],
    /// Threads a block.
    pub(super) threads: usize,
    /// Shared memory a block, beside what the kernel declares.
    pub(super) shared_bytes: usize,
}

/// A device. What is begun on it runs in the order of the calls.
#[expect(unsafe_code, reason = "memory of a device is known by its address alone")]
pub(super) trait Backend: Send + Sync {
    /// For messages.
    fn name(&self) -> &str;

    /// Memory of `bytes`, at least 1, aligned to 256, which holds anything.
    fn allocate(&self, bytes: usize) -> Result<u64>;

    /// Takes note that memory, of which `bytes` were asked for, is unused until it is handed out again.
    ///
    /// # Safety
    /// [`Self::allocate`] gave `address` for `allocated` bytes, and nothing uses it now.
    unsafe fn shelve(&self, address: u64, bytes: usize, allocated: usize);

    /// Gives memory back.
    ///
    /// # Safety
    /// [`Self::allocate`] gave `address` for as many bytes, and nothing uses it after this call.
    unsafe fn free(&self, address: u64, bytes: usize);

    /// Copies to the device; `bytes` may be used again when this returns.
    ///
    /// # Safety
    /// As many bytes from `address` on are of one allocation.
    unsafe fn upload(&self, address: u64, bytes: &[u8]) -> Result<()>;

    /// Copies from the device, after all that was begun.
    ///
    /// # Safety
    /// As many bytes from `address` on are of one allocation.
    unsafe fn download(&self, address: u64, bytes: &mut [u8]) -> Result<()>;

    /// Begins a kernel. `arguments` are its parameters in order, each in whole words of 8 bytes; `places` say where each begins.
    ///
    /// # Safety
    /// The arguments have the types of the kernel's parameters, and each address has memory for all that the kernel's contract says
    /// of this grid.
    unsafe fn launch(&self, launch: Launch, arguments: &mut [u64], places: &[usize]) -> Result<()>;

    /// What the device is.
    fn facts(&self) -> Result<DeviceFacts>;

    /// The most memory that the driver's own pool held at one time, from which stock candle takes its memory.
    fn driver_pool_peak_bytes(&self) -> Option<u64>;

    /// Parts of the device that run thread blocks side by side.
    fn multiprocessors(&self) -> usize;

    /// Waits until all that was begun has ended.
    fn synchronize(&self) -> Result<()>;
}
