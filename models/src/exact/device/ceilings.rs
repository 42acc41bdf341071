//! Work that nothing but the device's speed limits, as [`crate::exact::ceilings`] for the processor. Each function returns when the work
//! has ended; whoever holds a clock makes a speed of it.

use super::kernels::{self, CHAINS, filling_threads};
use super::memory::Buffer;
use super::{Device, Result};
use crate::exact::ceilings::{ADDEND, FACTOR};

/// Carries out `rounds` multiply-adds in each chain of as many threads as the device holds at once, without touching memory. Returns how
/// many f32 operations these were; a multiply-add counts two.
///
/// # Errors
/// When the device has no memory left, or failed.
pub fn multiply_adds(device: &'static Device, rounds: u32) -> Result<u64> {
    let threads = filling_threads(device);
    let mut sink = Buffer::uninitialised(device, 4 * threads)?;
    kernels::multiply_adds(&mut sink, rounds as usize, FACTOR, ADDEND)?;
    device.synchronize()?;
    Ok(2 * u64::from(rounds) * (threads * CHAINS) as u64)
}

/// Memory of a device to be read.
#[derive(Debug)]
pub struct ReadBuffer(Buffer);

impl ReadBuffer {
    /// A buffer of `bytes`, or up to 15 less.
    ///
    /// # Errors
    /// When the device has no memory left, or failed.
    pub fn new(device: &'static Device, bytes: usize) -> Result<Self> {
        Ok(Self(Buffer::uninitialised(device, bytes - bytes % 16)?))
    }

    /// Reads all of it `passes` times, one behind another. Returns how many bytes these were.
    ///
    /// # Errors
    /// When the device has no memory left, or failed.
    pub fn read(&self, passes: u64) -> Result<u64> {
        let device = self.0.device();
        let mut sink = Buffer::uninitialised(device, 4 * filling_threads(device))?;
        (0..passes).try_for_each(|_| kernels::read_memory(&mut sink, &self.0))?;
        device.synchronize()?;
        Ok(passes * self.0.bytes() as u64)
    }
}
