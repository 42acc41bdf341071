//! Memory of a device. What is given back is used again for the same size: calls of one shape allocate nothing, and their addresses
//! stay. Work runs in order, so memory may be used again before the last kernel that reads it has ended.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use super::{Device, DeviceError, Result};

/// Bytes of a device.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct MemoryUse {
    /// What models and activations use now.
    pub now_bytes: usize,
    /// What is held from the driver now: that, and what is kept to be used again.
    pub held_bytes: usize,
    /// The most that was held at one time.
    pub peak_bytes: usize,
}

#[derive(Default)]
pub(super) struct Pool(Mutex<Shelf>);

#[derive(Default)]
struct Shelf {
    /// Addresses of free memory, by size.
    free: BTreeMap<usize, Vec<u64>>,
    in_use: MemoryUse,
}

impl Pool {
    pub(super) fn memory_use(&self) -> MemoryUse {
        self.shelf(|shelf| shelf.in_use)
    }

    fn shelf<T>(&self, read: impl FnOnce(&mut Shelf) -> T) -> T {
        // Whoever panicked held it for a few lines that cannot leave it half done.
        read(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Memory of a device, which is given back when it is dropped.
#[derive(Debug)]
pub(super) struct Buffer {
    device: &'static Device,
    address: u64,
    bytes: usize,
    /// At least `bytes`.
    allocated: usize,
}

impl Buffer {
    /// Memory that holds anything.
    pub(super) fn uninitialised(device: &'static Device, bytes: usize) -> Result<Self> {
        let allocated = size_class(bytes.max(1));
        let shelved =
            device.pool.shelf(|shelf| shelf.free.get_mut(&allocated).and_then(|addresses| addresses.pop()));
        let address = match shelved {
            Some(address) => address,
            None => {
                let address = match device.backend.allocate(allocated) {
                    Err(DeviceError::OutOfMemory { .. }) => {
                        release(device);
                        device.backend.allocate(allocated)?
                    }
                    other => other?,
                };
                device.pool.shelf(|shelf| {
                    shelf.in_use.held_bytes += allocated;
                    shelf.in_use.peak_bytes = shelf.in_use.peak_bytes.max(shelf.in_use.held_bytes);
                });
                address
            }
        };
        device.pool.shelf(|shelf| shelf.in_use.now_bytes += allocated);
        Ok(Self { device, address, bytes, allocated })
    }

    /// A copy of `bytes`.
    pub(super) fn of_bytes(device: &'static Device, bytes: &[u8]) -> Result<Self> {
        let buffer = Self::uninitialised(device, bytes.len())?;
        // SAFETY: the buffer was made for as many bytes.
        #[expect(unsafe_code, reason = "the backend takes addresses")]
        unsafe {
            device.backend.upload(buffer.address, bytes)?;
        }
        Ok(buffer)
    }

    /// A copy of numbers.
    pub(super) fn of_f32(device: &'static Device, numbers: &[f32]) -> Result<Self> {
        Self::of_bytes(device, &numbers.iter().flat_map(|number| number.to_le_bytes()).collect::<Vec<_>>())
    }

    /// A copy of indices.
    pub(super) fn of_u32(device: &'static Device, indices: &[u32]) -> Result<Self> {
        Self::of_bytes(device, &indices.iter().flat_map(|index| index.to_le_bytes()).collect::<Vec<_>>())
    }

    /// The first `count` numbers, after all that was begun.
    ///
    /// # Panics
    /// When there are fewer.
    pub(super) fn to_f32(&self, count: usize) -> Result<Vec<f32>> {
        assert!(4 * count <= self.bytes);
        let mut bytes = vec![0; 4 * count];
        // SAFETY: the buffer has as many bytes.
        #[expect(unsafe_code, reason = "the backend takes addresses")]
        unsafe {
            self.device.backend.download(self.address, &mut bytes)?;
        }
        let (numbers, _) = bytes.as_chunks::<4>();
        Ok(numbers.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect())
    }

    pub(super) fn device(&self) -> &'static Device {
        self.device
    }

    pub(super) fn address(&self) -> u64 {
        self.address
    }

    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }
}

impl Drop for Buffer {
    fn drop(&mut self) {
        let Self { device, address, bytes, allocated } = *self;
        // SAFETY: allocated with this size, and this is its last use.
        #[expect(unsafe_code, reason = "the backend takes addresses")]
        unsafe {
            device.backend.shelve(address, bytes, allocated);
        }
        device.pool.shelf(|shelf| {
            shelf.in_use.now_bytes -= allocated;
            shelf.free.entry(allocated).or_default().push(address);
        });
    }
}

/// Gives all free memory back to the device.
pub(super) fn release(device: &Device) {
    let free = device.pool.shelf(|shelf| {
        let bytes: usize = shelf.free.iter().map(|(bytes, addresses)| bytes * addresses.len()).sum();
        shelf.in_use.held_bytes -= bytes;
        std::mem::take(&mut shelf.free)
    });
    for (bytes, addresses) in free {
        for address in addresses {
            // SAFETY: allocated with this size, and taken off the shelf, so nobody else has it.
            #[expect(unsafe_code, reason = "the backend takes addresses")]
            unsafe {
                device.backend.free(address, bytes);
            }
        }
    }
}

/// Sizes are rounded up by an eighth at most, so that neighbouring ones share memory.
fn size_class(bytes: usize) -> usize {
    let step = (bytes.next_power_of_two() / 16).max(256);
    bytes.next_multiple_of(step)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_size_grows_by_an_eighth_at_most_and_never_shrinks() {
        for bytes in (1..100_000).chain([1 << 30, (1 << 30) + 1, (7 << 28) + 5]) {
            let class = size_class(bytes);
            assert!(class >= bytes && class.is_multiple_of(256), "{bytes}");
            assert!(class - bytes <= (bytes / 8).max(255), "{bytes} {class}");
        }
    }
}
