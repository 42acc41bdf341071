//! The same arithmetic on another device than the processor: the kernels of `models/kernels`, which give the bits of
//! [`crate::exact`].
//!
//! A [`Device`] is a GPU behind CUDA's driver (feature `cuda-exact`), or the emulator of the kernels (feature `emulation`), which
//! runs their source on the processor, slowly, and draws the order of threads: so everything here but the driver is tested on any
//! machine. Without either feature this module compiles all the same, and no device can be opened.
//!
//! ```text
//! layers -> Matrix, Linear, KvCache, Images ...   what models know
//!        -> kernels                               shapes checked, launches
//!        -> Device                                memory
//!        -> Backend: cuda | emulated              addresses; the only unsafe code
//! ```
//!
//! *Architecture invariant:* every launch goes through `kernels/mod.rs`, which checks that the memory behind each address suffices.

mod attention;
mod backend;
pub mod ceilings;
#[cfg(feature = "cuda-exact")]
mod cuda;
#[cfg(feature = "emulation")]
mod emulated;
mod error;
mod facts;
mod images;
mod kernels;
mod linear;
mod matrix;
mod memory;
mod norm;
mod packing;
mod rotary;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Mutex, PoisonError};

pub use attention::{Attention, KvCache};
pub use error::DeviceError;
pub use facts::DeviceFacts;
pub use images::{Convolution, Images};
pub use linear::Linear;
pub use matrix::Matrix;
pub use memory::MemoryUse;
pub use norm::Norm;
pub use rotary::RotaryTable;

use backend::Backend;
use memory::Pool;

/// What functions of this module return.
pub type Result<T> = std::result::Result<T, DeviceError>;

/// A device that is open, for as long as the process lives: models refer to it by a copied reference.
pub struct Device {
    backend: Box<dyn Backend>,
    pool: Pool,
}

impl Device {
    /// The GPU that CUDA's driver counts as `index`, opened when it is first asked for. In a build with the emulator and without CUDA,
    /// the emulator stands for the first.
    ///
    /// # Errors
    /// When this build has no CUDA, the machine no driver, or the driver no such GPU.
    pub fn cuda(index: usize) -> Result<&'static Self> {
        static OPEN: Mutex<BTreeMap<usize, &Device>> = Mutex::new(BTreeMap::new());
        let mut open = OPEN.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(device) = open.get(&index) {
            return Ok(device);
        }
        let device = first_opened(index)?;
        open.insert(index, device);
        Ok(device)
    }

    /// How many GPUs CUDA's driver shows.
    ///
    /// # Errors
    /// When this build has no CUDA, or the machine no driver.
    pub fn cuda_count() -> Result<usize> {
        #[cfg(feature = "cuda-exact")]
        {
            cuda::count()
        }
        #[cfg(all(feature = "emulation", not(feature = "cuda-exact")))]
        {
            Ok(1)
        }
        #[cfg(not(any(feature = "cuda-exact", feature = "emulation")))]
        {
            Err(DeviceError::NotBuilt { index: 0 })
        }
    }

    /// Starts the emulator; `order` seeds the order in which threads run, which alters no result of a right kernel.
    #[cfg(feature = "emulation")]
    #[must_use]
    pub fn emulated(order: u64) -> &'static Self {
        Self::opened(Box::new(emulated::Emulated::new(order)))
    }

    #[cfg(any(feature = "cuda-exact", feature = "emulation"))]
    fn opened(backend: Box<dyn Backend>) -> &'static Self {
        Box::leak(Box::new(Self { backend, pool: Pool::default() }))
    }

    /// What it is.
    ///
    /// # Errors
    /// When the driver fails.
    pub fn facts(&self) -> Result<DeviceFacts> {
        self.backend.facts()
    }

    /// Waits until all that was begun has ended.
    ///
    /// # Errors
    /// When something that was begun has failed.
    pub fn synchronize(&self) -> Result<()> {
        self.backend.synchronize()
    }

    /// The most memory that stock candle held at one time in this process, as CUDA's driver counts its pool; `None` where that is not
    /// known. What libraries take beside it (cuBLAS's workspace, kernels) is not in it.
    #[must_use]
    pub fn native_peak_bytes(&self) -> Option<u64> {
        self.backend.driver_pool_peak_bytes()
    }

    /// Memory in use by models and activations.
    #[must_use]
    pub fn memory_use(&self) -> MemoryUse {
        self.pool.memory_use()
    }

    /// Gives what is kept to be used again back to the driver.
    pub fn release_free_memory(&self) {
        memory::release(self);
    }
}

#[cfg(feature = "cuda-exact")]
fn first_opened(index: usize) -> Result<&'static Device> {
    Ok(Device::opened(Box::new(cuda::Cuda::open(index)?)))
}

#[cfg(all(feature = "emulation", not(feature = "cuda-exact")))]
fn first_opened(index: usize) -> Result<&'static Device> {
    if index == 0 { Ok(Device::emulated(0)) } else { Err(DeviceError::NoSuchDevice { index, count: 1 }) }
}

#[cfg(not(any(feature = "cuda-exact", feature = "emulation")))]
fn first_opened(index: usize) -> Result<&'static Device> {
    Err(DeviceError::NotBuilt { index })
}

impl PartialEq for Device {
    /// Whether they are one.
    fn eq(&self, other: &Self) -> bool {
        std::ptr::eq(self, other)
    }
}

impl Eq for Device {}

impl fmt::Debug for Device {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.backend.name())
    }
}
