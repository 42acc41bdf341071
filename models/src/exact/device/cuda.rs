//! A GPU behind CUDA's driver, one stream; the kernels were compiled by `build.rs`.

#![expect(unsafe_code, reason = "calls the driver")]

use std::collections::BTreeMap;
use std::ffi::c_void;
use std::sync::Arc;

use cudarc::driver::sys::{CUdevice_attribute, CUmemPool_attribute, CUresult};
use cudarc::driver::{CudaContext, CudaFunction, CudaStream, DriverError, result};
use cudarc::nvrtc::Ptx;

use super::backend::{Backend, Launch};
use super::{DeviceError, DeviceFacts, Result, kernels};

/// The kernels for the GPUs that `build.rs` names, and as PTX for later ones.
const KERNELS: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/exact.fatbin"));

/// The version of CUDA that compiled them.
const COMPILER: &str = env!("PROOFMARK_NVCC_VERSION");

pub(super) struct Cuda {
    name: String,
    multiprocessors: u32,
    stream: Arc<CudaStream>,
    functions: BTreeMap<&'static str, CudaFunction>,
}

impl Cuda {
    pub(super) fn open(index: usize) -> Result<Self> {
        let count = count()?;
        if index >= count {
            return Err(DeviceError::NoSuchDevice { index, count });
        }
        let context = CudaContext::new(index).map_err(fault("opening the GPU"))?;
        let module = context.load_module(Ptx::from_binary(KERNELS.to_vec())).map_err(|error| {
            let major = |version: &str| version.split('.').next().and_then(|major| major.parse::<u32>().ok());
            match (driver_version(), major(COMPILER)) {
                (Some(driver), Some(compiler)) if driver.0 < compiler => {
                    let driver = format!("{}.{}", driver.0, driver.1);
                    DeviceError::OldDriver { driver, compiler: COMPILER }
                }
                _ => fault("loading the kernels")(error),
            }
        })?;
        let functions = kernels::NAMES
            .iter()
            .map(|name| Ok((*name, module.load_function(name).map_err(fault("loading a kernel"))?)))
            .collect::<Result<_>>()?;
        let name = context.name().map_err(fault("asking for the name"))?;
        let multiprocessors =
            attribute(&context, CUdevice_attribute::CU_DEVICE_ATTRIBUTE_MULTIPROCESSOR_COUNT)?.max(1);
        Ok(Self { name, multiprocessors, stream: context.default_stream(), functions })
    }

    fn bind(&self) -> Result<()> {
        self.stream.context().bind_to_thread().map_err(fault("choosing the GPU"))
    }
}

impl Backend for Cuda {
    fn name(&self) -> &str {
        &self.name
    }

    fn allocate(&self, bytes: usize) -> Result<u64> {
        self.bind()?;
        // SAFETY: bytes are not zero; whoever reads the memory has it written first.
        let allocated = unsafe { result::malloc_sync(bytes) };
        allocated.map_err(|error| {
            if error.0 == CUresult::CUDA_ERROR_OUT_OF_MEMORY {
                let free_bytes = result::mem_get_info().map_or(0, |(free, _)| free);
                DeviceError::OutOfMemory { requested_bytes: bytes, free_bytes }
            } else {
                fault("allocating memory")(error)
            }
        })
    }

    unsafe fn shelve(&self, _: u64, _: usize, _: usize) {}

    unsafe fn free(&self, address: u64, _: usize) {
        // SAFETY: allocated above, and unused from now on, says the caller. The driver waits for kernels that still read it. A failure
        // to free leaves nothing to do.
        let _ = self.bind().map(|()| unsafe { result::free_sync(address) });
    }

    unsafe fn upload(&self, address: u64, bytes: &[u8]) -> Result<()> {
        self.bind()?;
        // SAFETY: the memory has as many bytes, says the caller; `bytes` live until the copy has ended.
        unsafe { result::memcpy_htod_async(address, bytes, self.stream.cu_stream()) }
            .map_err(fault("copying to the GPU"))?;
        self.synchronize()
    }

    unsafe fn download(&self, address: u64, bytes: &mut [u8]) -> Result<()> {
        self.bind()?;
        // SAFETY: the memory has as many bytes, says the caller; `bytes` live until the copy has ended.
        unsafe { result::memcpy_dtoh_async(bytes, address, self.stream.cu_stream()) }
            .map_err(fault("copying from the GPU"))?;
        self.synchronize()
    }

    unsafe fn launch(&self, launch: Launch, arguments: &mut [u64], places: &[usize]) -> Result<()> {
        let Launch { kernel, grid, threads, shared_bytes } = launch;
        self.bind()?;
        let Some(function) = self.functions.get(kernel) else {
            return Err(DeviceError::Fault { during: "a launch", fault: format!("no kernel `{kernel}`") });
        };
        let mut pointers: Vec<*mut c_void> =
            places.iter().map(|place| (&raw mut arguments[*place]).cast()).collect();
        let [x, y, z] = grid.map(|blocks| blocks as u32);
        // SAFETY: the caller vouches for the arguments, which the driver copies before it returns.
        unsafe {
            result::launch_kernel(
                function.cu_function(),
                (x, y, z),
                (threads as u32, 1, 1),
                shared_bytes as u32,
                self.stream.cu_stream(),
                &mut pointers,
            )
        }
        .map_err(fault(kernel))
    }

    fn facts(&self) -> Result<DeviceFacts> {
        self.bind()?;
        let (free, total) = result::mem_get_info().map_err(fault("asking for free memory"))?;
        let capability = self.stream.context().compute_capability();
        let (major, minor) = capability.map_err(fault("asking for the compute capability"))?;
        let number = |number: i32| u32::try_from(number).unwrap_or(0);
        let place = [
            CUdevice_attribute::CU_DEVICE_ATTRIBUTE_PCI_DOMAIN_ID,
            CUdevice_attribute::CU_DEVICE_ATTRIBUTE_PCI_BUS_ID,
            CUdevice_attribute::CU_DEVICE_ATTRIBUTE_PCI_DEVICE_ID,
        ];
        let context = self.stream.context();
        let [domain, bus, device] = place.map(|place| attribute(context, place));
        Ok(DeviceFacts {
            name: self.name.clone(),
            compute_capability: Some((number(major), number(minor))),
            memory_bytes: total as u64,
            free_bytes: free as u64,
            multiprocessors: self.multiprocessors,
            cuda_version: driver_version(),
            pci_address: Some(format!("{:08x}:{:02x}:{:02x}.0", domain?, bus?, device?)),
            has_ecc: Some(attribute(context, CUdevice_attribute::CU_DEVICE_ATTRIBUTE_ECC_ENABLED)? != 0),
        })
    }

    fn driver_pool_peak_bytes(&self) -> Option<u64> {
        let context = self.stream.context();
        // Without pools stock candle takes its memory otherwise, and nobody counts it.
        if !context.has_async_alloc() {
            return None;
        }
        let device = context.cu_device();
        let mut peak_bytes = 0_u64;
        // SAFETY: the context's device and its pool; the attribute is a number of 64 bits.
        unsafe {
            let pool = result::device::get_default_mem_pool(device).ok()?;
            let high = CUmemPool_attribute::CU_MEMPOOL_ATTR_RESERVED_MEM_HIGH;
            result::mem_pool::get_attribute(pool, high, (&raw mut peak_bytes).cast()).ok()?;
        }
        Some(peak_bytes)
    }

    fn multiprocessors(&self) -> usize {
        self.multiprocessors as usize
    }

    fn synchronize(&self) -> Result<()> {
        self.stream.synchronize().map_err(fault("waiting for the GPU"))
    }
}

/// How many GPUs the driver shows.
pub(super) fn count() -> Result<usize> {
    // SAFETY: asks whether the library is there, before its first call, which would panic. A program that is linked to it would not have
    // started.
    #[cfg(not(feature = "cuda"))]
    if !unsafe { cudarc::driver::sys::is_culib_present() } {
        return Err(DeviceError::NoDriver { reason: "libcuda.so.1 cannot be loaded".to_owned() });
    }
    match result::init() {
        Ok(()) => {}
        Err(DriverError(CUresult::CUDA_ERROR_NO_DEVICE)) => return Ok(0),
        // A library to link to, on a machine without a driver.
        Err(error @ DriverError(CUresult::CUDA_ERROR_STUB_LIBRARY)) => {
            return Err(DeviceError::NoDriver { reason: told(error) });
        }
        Err(error) => return Err(fault("starting the driver")(error)),
    }
    let count = result::device::get_count().map_err(fault("counting GPUs"))?;
    Ok(usize::try_from(count).unwrap_or(0))
}

fn attribute(context: &CudaContext, attribute: CUdevice_attribute) -> Result<u32> {
    let value = context.attribute(attribute).map_err(fault("asking for an attribute"))?;
    Ok(u32::try_from(value).unwrap_or(0))
}

/// 13000 is 13.0.
fn driver_version() -> Option<(u32, u32)> {
    let mut version = 0;
    // SAFETY: writes one number.
    unsafe { cudarc::driver::sys::cuDriverGetVersion(&raw mut version) }.result().ok()?;
    let version = u32::try_from(version).ok()?;
    Some((version / 1000, version % 1000 / 10))
}

fn fault(during: &'static str) -> impl Fn(DriverError) -> DeviceError {
    move |error| DeviceError::Fault { during, fault: told(error) }
}

fn told(error: DriverError) -> String {
    match (error.error_name(), error.error_string()) {
        (Ok(name), Ok(text)) => format!("{}: {}", name.to_string_lossy(), text.to_string_lossy()),
        _ => format!("{:?}", error.0),
    }
}
