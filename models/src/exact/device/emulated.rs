//! The kernels' own source, compiled for the processor by `build.rs` and run block after block (`models/kernels/host`).

#![expect(unsafe_code, reason = "calls C++, and hands out memory by address")]

use std::alloc::{Layout, alloc, dealloc, handle_alloc_error};
use std::ffi::{c_int, c_void};
use std::sync::Mutex;
use std::sync::PoisonError;

use super::backend::{Backend, Launch};
use super::{DeviceError, DeviceFacts, Result};

/// What it says to have; none of it is counted.
const MEMORY: u64 = 1 << 30;
const ALIGNMENT: usize = 256;
/// Bytes behind each allocation that nobody may write.
const GUARD: usize = 256;
/// What memory holds where nothing was written: as binary32, NaN.
const UNWRITTEN: u8 = 0xff;

unsafe extern "C" {
    fn proofmark_emulate(
        name: *const u8,
        name_bytes: usize,
        grid: *const u32,
        threads: u32,
        shared_bytes: usize,
        arguments: *mut *mut c_void,
        order: u64,
    ) -> c_int;
}

/// The emulator has one block's state for all of the process.
static RUNNING: Mutex<()> = Mutex::new(());

pub(super) struct Emulated {
    /// The order of the next launch.
    order: Mutex<u64>,
}

impl Emulated {
    pub(super) fn new(order: u64) -> Self {
        Self { order: Mutex::new(order) }
    }

    fn layout(bytes: usize) -> Layout {
        match Layout::from_size_align(bytes + GUARD, ALIGNMENT) {
            Ok(layout) => layout,
            Err(_) => unreachable!("{bytes} bytes exceed the address space"),
        }
    }
}

impl Backend for Emulated {
    fn name(&self) -> &str {
        "emulated"
    }

    fn allocate(&self, bytes: usize) -> Result<u64> {
        let layout = Self::layout(bytes);
        // SAFETY: the layout has a size.
        let address = unsafe { alloc(layout) };
        if address.is_null() {
            handle_alloc_error(layout);
        }
        // SAFETY: just allocated.
        unsafe { address.write_bytes(UNWRITTEN, bytes + GUARD) };
        Ok(address as u64)
    }

    unsafe fn shelve(&self, address: u64, bytes: usize, allocated: usize) {
        // SAFETY: allocated with the guard behind it, and unused now, says the caller.
        let all = unsafe { std::slice::from_raw_parts_mut(address as *mut u8, allocated + GUARD) };
        let is_whole = all[bytes..].iter().all(|byte| *byte == UNWRITTEN);
        assert!(is_whole || std::thread::panicking(), "something wrote behind memory of {bytes} bytes");
        all.fill(UNWRITTEN);
    }

    unsafe fn free(&self, address: u64, bytes: usize) {
        let address = address as *mut u8;
        // SAFETY: allocated with this layout, and unused from now on, says the caller.
        unsafe { dealloc(address, Self::layout(bytes)) };
    }

    unsafe fn upload(&self, address: u64, bytes: &[u8]) -> Result<()> {
        // SAFETY: the memory has as many bytes, says the caller.
        unsafe { (address as *mut u8).copy_from_nonoverlapping(bytes.as_ptr(), bytes.len()) };
        Ok(())
    }

    unsafe fn download(&self, address: u64, bytes: &mut [u8]) -> Result<()> {
        // SAFETY: the memory has as many bytes, says the caller.
        unsafe { bytes.as_mut_ptr().copy_from_nonoverlapping(address as *const u8, bytes.len()) };
        Ok(())
    }

    unsafe fn launch(&self, launch: Launch, arguments: &mut [u64], places: &[usize]) -> Result<()> {
        let Launch { kernel, grid, threads, shared_bytes } = launch;
        let grid = grid.map(|blocks| blocks as u32);
        let mut pointers: Vec<*mut c_void> =
            places.iter().map(|place| (&raw mut arguments[*place]).cast()).collect();
        let order = {
            let mut order = self.order.lock().unwrap_or_else(PoisonError::into_inner);
            *order = order.wrapping_add(1);
            *order
        };
        let _running = RUNNING.lock().unwrap_or_else(PoisonError::into_inner);
        // SAFETY: the caller vouches for the arguments; only one call runs.
        let code = unsafe {
            proofmark_emulate(
                kernel.as_ptr(),
                kernel.len(),
                grid.as_ptr(),
                threads as u32,
                shared_bytes,
                pointers.as_mut_ptr(),
                order,
            )
        };
        let fault = |during, fault: &str| Err(DeviceError::Fault { during, fault: fault.to_owned() });
        match code {
            0 => Ok(()),
            1 => fault("a launch", &format!("no kernel `{kernel}`")),
            2 => fault(kernel, "more threads or shared memory than a block has"),
            _ => fault(kernel, "a block wrote behind its shared memory"),
        }
    }

    fn facts(&self) -> Result<DeviceFacts> {
        Ok(DeviceFacts {
            name: "emulator".to_owned(),
            compute_capability: None,
            memory_bytes: MEMORY,
            free_bytes: MEMORY,
            multiprocessors: 1,
            cuda_version: None,
            pci_address: None,
            has_ecc: None,
        })
    }

    fn driver_pool_peak_bytes(&self) -> Option<u64> {
        None
    }

    fn multiprocessors(&self) -> usize {
        1
    }

    fn synchronize(&self) -> Result<()> {
        Ok(())
    }
}
