//! GPUs: what they are and how they are just now.

use proofmark_models::exact::device::{Device, DeviceError, DeviceFacts};

/// How a GPU is at one moment, as NVIDIA's management library (NVML) tells; what it does not tell is `None`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AcceleratorState {
    /// The driver's version.
    pub driver_version: Option<String>,
    /// Clock of the multiprocessors.
    pub sm_clock_mhz: Option<u32>,
    /// The fastest that it may have.
    pub max_sm_clock_mhz: Option<u32>,
    /// Clock of the memory.
    pub memory_clock_mhz: Option<u32>,
    /// Of the chip.
    pub temperature_celsius: Option<u32>,
    /// What it draws.
    pub power_milliwatts: Option<u32>,
    /// Why it does not clock higher, ascending; an idle GPU has none.
    pub throttle_reasons: Option<Vec<String>>,
    /// Processes beside this one that compute on it.
    pub other_processes: Option<u32>,
}

/// All GPUs in the driver's order.
///
/// # Errors
/// When this build has no CUDA, the machine no driver, or a GPU cannot be opened.
pub fn accelerators() -> Result<Vec<(DeviceFacts, AcceleratorState)>, DeviceError> {
    (0..Device::cuda_count()?)
        .map(|index| {
            let facts = Device::cuda(index)?.facts()?;
            let state = state(&facts);
            Ok((facts, state))
        })
        .collect()
}

/// How a GPU is now; nothing is known without the library, or in a build without CUDA.
#[must_use]
pub fn state(facts: &DeviceFacts) -> AcceleratorState {
    #[cfg(feature = "cuda-exact")]
    {
        nvml::state(facts).unwrap_or_default()
    }
    #[cfg(not(feature = "cuda-exact"))]
    {
        let _ = facts;
        AcceleratorState::default()
    }
}

#[cfg(feature = "cuda-exact")]
mod nvml {
    use nvml_wrapper::Nvml;
    use nvml_wrapper::bitmasks::device::ThrottleReasons;
    use nvml_wrapper::enum_wrappers::device::{Clock, TemperatureSensor};
    use proofmark_models::exact::device::DeviceFacts;

    use super::AcceleratorState;

    /// By the names of NVML's documentation.
    const REASONS: [(ThrottleReasons, &str); 8] = [
        (ThrottleReasons::APPLICATIONS_CLOCKS_SETTING, "applications_clocks_setting"),
        (ThrottleReasons::DISPLAY_CLOCK_SETTING, "display_clock_setting"),
        (ThrottleReasons::HW_POWER_BRAKE_SLOWDOWN, "hw_power_brake_slowdown"),
        (ThrottleReasons::HW_SLOWDOWN, "hw_slowdown"),
        (ThrottleReasons::HW_THERMAL_SLOWDOWN, "hw_thermal_slowdown"),
        (ThrottleReasons::SW_POWER_CAP, "sw_power_cap"),
        (ThrottleReasons::SW_THERMAL_SLOWDOWN, "sw_thermal_slowdown"),
        (ThrottleReasons::SYNC_BOOST, "sync_boost"),
    ];

    pub(super) fn state(facts: &DeviceFacts) -> Option<AcceleratorState> {
        let nvml = Nvml::init().ok()?;
        let device = nvml.device_by_pci_bus_id(facts.pci_address.as_deref()?).ok()?;
        let clocked = device.current_throttle_reasons().ok();
        let reasons = clocked.map(|now| {
            let held = REASONS.iter().filter(|(reason, _)| now.contains(*reason));
            held.map(|(_, name)| (*name).to_owned()).collect()
        });
        let processes = device.running_compute_processes().ok();
        let others = processes.map(|all| all.iter().filter(|one| one.pid != std::process::id()).count());
        Some(AcceleratorState {
            driver_version: nvml.sys_driver_version().ok(),
            sm_clock_mhz: device.clock_info(Clock::SM).ok(),
            max_sm_clock_mhz: device.max_clock_info(Clock::SM).ok(),
            memory_clock_mhz: device.clock_info(Clock::Memory).ok(),
            temperature_celsius: device.temperature(TemperatureSensor::Gpu).ok(),
            power_milliwatts: device.power_usage().ok(),
            throttle_reasons: reasons,
            other_processes: others.and_then(|count| u32::try_from(count).ok()),
        })
    }
}
