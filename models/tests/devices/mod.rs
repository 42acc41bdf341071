//! The devices that tests run on, beside the processor.

use std::io::Write;
use std::sync::LazyLock;

use proofmark_models::exact::device::Device;

/// The emulator under two orders of threads (feature `emulation`), and the first GPU (feature `cuda-exact`) where there is one.
/// `PROOFMARK_REQUIRE_GPU` makes its absence a failure.
pub(crate) fn devices() -> &'static [&'static Device] {
    static DEVICES: LazyLock<Vec<&'static Device>> = LazyLock::new(|| {
        let mut devices = Vec::new();
        #[cfg(feature = "emulation")]
        devices.extend([Device::emulated(0), Device::emulated(1 << 32)]);
        match Device::cuda(0) {
            // The emulator stands for the first GPU in builds without CUDA.
            Ok(_) if cfg!(not(feature = "cuda-exact")) => {}
            Ok(device) => devices.push(device),
            Err(reason) if std::env::var_os("PROOFMARK_REQUIRE_GPU").is_some() => panic!("{reason}"),
            // Written past what the test harness captures, so that it is seen.
            Err(reason) => drop(writeln!(std::io::stderr(), "SKIPPED on a GPU: {reason}")),
        }
        devices
    });
    &DEVICES
}
