//! GPUs: what they are and how they are just now. A GPU is opened by whoever asks, so only short-lived processes and cells do.

use std::process::{Command, Output, Stdio};

use anyhow::{Context, anyhow};
use proofmark_models::exact::device::{Device, DeviceError, DeviceFacts};
use proofmark_reports::profile::printable;
use proofmark_reports::schema::v1::{Accelerator, AcceleratorReading};

use crate::certify::internal;
use crate::place::Place;
use crate::{Failure, Outcome};

/// What the management library tells of a GPU beside its reading; `None` without the library.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Management {
    /// The driver's version.
    pub driver_version: Option<String>,
    /// The fastest clock that its multiprocessors may have.
    pub max_sm_clock_mhz: Option<u32>,
    /// How it is now.
    pub reading: AcceleratorReading,
}

/// A GPU that was opened, or why it was not.
pub type FoundAccelerator = Result<(Accelerator, Management), DeviceError>;

/// The GPU of a place, as profiles describe it, and what is known of it beside; `None` of the processor.
///
/// # Errors
/// When it cannot be opened.
pub(crate) fn accelerator(place: Place) -> Result<Option<(Accelerator, Management)>, DeviceError> {
    let Some(device) = place.device()? else { return Ok(None) };
    let facts = device.facts()?;
    let management = management(&facts);
    let version = |(major, minor): (u32, u32)| format!("{major}.{minor}");
    let accelerator = Accelerator {
        device: place.to_string(),
        model: printable(&facts.name),
        compute_capability: facts.compute_capability.map_or_else(|| "none".to_owned(), version),
        multiprocessors: facts.multiprocessors,
        memory_bytes: facts.memory_bytes,
        available_memory_bytes: facts.free_bytes.min(facts.memory_bytes),
        has_ecc: facts.has_ecc,
        cuda_version: facts.cuda_version.map(version),
        driver_version: management.driver_version.as_deref().map(printable),
    };
    Ok(Some((accelerator, management)))
}

/// The GPU of a place, asked for by a process of its own: a GPU that this one had opened would hold memory and be another user of it.
///
/// # Errors
/// When the GPU cannot be opened, or the process says something else.
pub fn accelerator_apart(place: Place) -> Result<Option<Accelerator>, Failure> {
    if place == Place::Cpu {
        return Ok(None);
    }
    let output = asked_apart(place).map_err(internal)?;
    if output.status.success() {
        return serde_json::from_slice(&output.stdout)
            .context("the process that looked at the GPU said something unintelligible")
            .map_err(internal);
    }
    // Its own line, with what to do, and its own exit code.
    let said = String::from_utf8_lossy(&output.stderr);
    let outcomes = [Outcome::Usage, Outcome::BadInput];
    let outcome = outcomes.into_iter().find(|outcome| Some(*outcome as i32) == output.status.code());
    let error = anyhow!("{place} cannot be used: {}", said.trim().trim_start_matches("error: "));
    Err(Failure::new(outcome.unwrap_or(Outcome::Internal), error))
}

fn asked_apart(place: Place) -> anyhow::Result<Output> {
    let mut command = Command::new(super::own_program()?);
    command.args(["accelerator", "--device", &place.to_string()]).stdin(Stdio::null());
    command.output().context("cannot start a process to look at the GPU")
}

/// How the GPU of a place is now; `None` of the processor.
///
/// # Errors
/// When it cannot be opened.
pub(crate) fn reading(place: Place) -> Result<Option<AcceleratorReading>, DeviceError> {
    Ok(accelerator(place)?.map(|(_, management)| management.reading))
}

/// The clock of the multiprocessors of a place's GPU; `None` of the processor, and where nothing tells it.
pub(crate) fn clock_mhz(place: Place) -> Option<u32> {
    #[cfg(feature = "cuda-exact")]
    {
        nvml::clock_mhz(&place.device().ok()??.facts().ok()?)
    }
    #[cfg(not(feature = "cuda-exact"))]
    {
        let _ = place;
        None
    }
}

/// All GPUs in the driver's order, and why one cannot be opened.
///
/// # Errors
/// When this build has no CUDA, or the machine no driver.
pub fn accelerators() -> Result<Vec<(Place, FoundAccelerator)>, DeviceError> {
    let places = (0..Device::cuda_count()?).map(Place::Cuda);
    Ok(places.filter_map(|place| Some((place, accelerator(place).transpose()?))).collect())
}

/// What NVIDIA's management library (NVML) tells: nothing where it is not, or in a build without CUDA.
fn management(facts: &DeviceFacts) -> Management {
    #[cfg(feature = "cuda-exact")]
    {
        nvml::management(facts).unwrap_or_default()
    }
    #[cfg(not(feature = "cuda-exact"))]
    {
        let _ = facts;
        Management::default()
    }
}

#[cfg(feature = "cuda-exact")]
mod nvml {
    use std::sync::LazyLock;

    use nvml_wrapper::bitmasks::device::ThrottleReasons;
    use nvml_wrapper::enum_wrappers::device::{Clock, TemperatureSensor};
    use nvml_wrapper::{Device, Nvml};
    use proofmark_models::exact::device::DeviceFacts;
    use proofmark_reports::schema::v1::AcceleratorReading;

    use super::Management;

    /// Opened once: that takes longer than a reading.
    static NVML: LazyLock<Option<Nvml>> = LazyLock::new(|| Nvml::init().ok());

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

    fn device(facts: &DeviceFacts) -> Option<(&'static Nvml, Device<'static>)> {
        let nvml = NVML.as_ref()?;
        Some((nvml, nvml.device_by_pci_bus_id(facts.pci_address.as_deref()?).ok()?))
    }

    pub(super) fn clock_mhz(facts: &DeviceFacts) -> Option<u32> {
        device(facts)?.1.clock_info(Clock::SM).ok()
    }

    pub(super) fn management(facts: &DeviceFacts) -> Option<Management> {
        let (nvml, device) = device(facts)?;
        let clocked = device.current_throttle_reasons().ok();
        let reasons = clocked.map(|now| {
            let held = REASONS.iter().filter(|(reason, _)| now.contains(*reason));
            held.map(|(_, name)| (*name).to_owned()).collect()
        });
        let processes = device.running_compute_processes().ok();
        let others = processes.map(|all| all.iter().filter(|one| one.pid != std::process::id()).count());
        let reading = AcceleratorReading {
            sm_clock_mhz: device.clock_info(Clock::SM).ok(),
            memory_clock_mhz: device.clock_info(Clock::Memory).ok(),
            temperature_celsius: device.temperature(TemperatureSensor::Gpu).ok(),
            power_milliwatts: device.power_usage().ok(),
            throttle_reasons: reasons,
            other_processes: others.and_then(|count| u32::try_from(count).ok()),
        };
        Some(Management {
            driver_version: nvml.sys_driver_version().ok(),
            max_sm_clock_mhz: device.max_clock_info(Clock::SM).ok(),
            reading,
        })
    }
}
