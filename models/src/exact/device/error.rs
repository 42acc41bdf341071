/// Why a device cannot be opened, or failed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DeviceError {
    /// The program was built without CUDA.
    #[error("cuda:{index} needs a build with CUDA")]
    NotBuilt {
        /// The GPU that was asked for.
        index: usize,
    },
    /// The program was built without stock candle's kernels for GPUs.
    #[error("stock candle on cuda:{index} needs a build with its kernels for GPUs")]
    NativeNotBuilt {
        /// The GPU that was asked for.
        index: usize,
    },
    /// The machine has no driver, or one that cannot be loaded.
    #[error("this machine has no CUDA driver: {reason}")]
    NoDriver {
        /// What loading it said.
        reason: String,
    },
    /// The driver is older than the compiler of the kernels.
    #[error("the driver knows CUDA {driver}, the kernels were compiled by CUDA {compiler}")]
    OldDriver {
        /// What the driver knows.
        driver: String,
        /// What compiled the kernels.
        compiler: &'static str,
    },
    /// The driver counts fewer GPUs.
    #[error("no GPU cuda:{index}, the driver shows {count}")]
    NoSuchDevice {
        /// The GPU that was asked for.
        index: usize,
        /// How many there are.
        count: usize,
    },
    /// The device's memory does not suffice.
    #[error("device memory is exhausted: {requested_bytes} bytes more, {free_bytes} free")]
    OutOfMemory {
        /// What was asked for.
        requested_bytes: usize,
        /// What the device has left.
        free_bytes: usize,
    },
    /// A kernel takes no shape like this.
    #[error("{what} takes at most {most}, not {size}")]
    TooLarge {
        /// What.
        what: &'static str,
        /// As asked.
        size: usize,
        /// The limit.
        most: usize,
    },
    /// The driver reported a fault.
    #[error("{during} failed on the device: {fault}")]
    Fault {
        /// What was being done.
        during: &'static str,
        /// What the driver says.
        fault: String,
    },
}
