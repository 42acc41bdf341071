use clap::Args;
use proofmark_models::exact::device::DeviceError;
use proofmark_models::exact::isa::Isa;
use proofmark_reports::cli::{OutputFormat, print};
use proofmark_reports::words::{self, bytes};
use serde_json::{Value, json};

use crate::environment::{self, FoundAccelerator, Management};
use crate::place::{Place, device_failure};
use crate::{Failure, Outcome};

/// List what models can run on: the processor, and GPUs in a build with CUDA
#[derive(Debug, Args)]
pub(super) struct Devices {
    /// How to print them
    #[arg(long, value_enum, default_value = "table")]
    output: OutputFormat,
}

impl Devices {
    pub(super) fn run(self) -> Result<Outcome, Failure> {
        let machine = environment::machine()?;
        // That there is no GPU is a fact here, and no failure.
        let (gpus, none) = match environment::accelerators() {
            Ok(gpus) if gpus.is_empty() => (gpus, Some("the driver shows none".to_owned())),
            Ok(gpus) => (gpus, None),
            Err(DeviceError::NotBuilt { .. }) => (Vec::new(), Some("this build has no CUDA".to_owned())),
            Err(error @ DeviceError::NoDriver { .. }) => (Vec::new(), Some(error.to_string())),
            Err(error) => return Err(device_failure(error)),
        };
        let isa = Isa::detect();
        match self.output {
            OutputFormat::Json => {
                let cpu = json!({
                    "device": "cpu", "model": machine.cpu_model, "isa": isa.to_string(), "logical_cpus": machine.logical_cpus,
                    "memory_bytes": machine.memory_bytes, "available_memory_bytes": machine.available_memory_bytes,
                });
                let gpus = gpus.iter().map(|(place, found)| as_json(*place, found));
                let gpus = gpus.collect::<Result<Vec<_>, _>>().map_err(anyhow::Error::from)?;
                let devices: Vec<Value> = std::iter::once(cpu).chain(gpus).collect();
                print(&format!("{:#}\n", json!({ "devices": devices, "no_gpu": none })))?;
            }
            OutputFormat::Table => {
                let (cpus, memory) = (machine.logical_cpus, bytes(machine.memory_bytes));
                print(&format!("cpu     {}, {cpus} processors, {isa}, {memory}\n", machine.cpu_model))?;
                for (place, found) in &gpus {
                    print(&told(*place, found))?;
                }
                if let Some(none) = none {
                    print(&format!("no GPU  {none}\n"))?;
                }
            }
        }
        Ok(Outcome::Ok)
    }
}

fn told(place: Place, found: &FoundAccelerator) -> String {
    let (gpu, management) = match found {
        Ok(found) => found,
        Err(error) => return format!("{:<7} cannot be used: {error}\n", place.to_string()),
    };
    let is = [
        Some(words::accelerator(gpu)),
        gpu.cuda_version.as_ref().map(|cuda| format!("CUDA {cuda}")),
        Some(format!("{} multiprocessors", gpu.multiprocessors)),
        gpu.has_ecc.map(|has_ecc| if has_ecc { "ECC" } else { "no ECC" }.to_owned()),
    ];
    let Management { max_sm_clock_mhz, reading: now, .. } = management;
    let throttled = now.throttle_reasons.as_ref().map(|reasons| match &reasons[..] {
        [] => "not throttled".to_owned(),
        reasons => format!("throttled by {}", reasons.join(" ")),
    });
    let is_now = [
        Some(format!("{} free", bytes(gpu.available_memory_bytes))),
        now.sm_clock_mhz.zip(*max_sm_clock_mhz).map(|(now, most)| format!("{now} of {most} MHz")),
        now.temperature_celsius.map(|degrees| format!("{degrees} degrees Celsius")),
        now.power_milliwatts.map(|power| format!("{} W", power / 1000)),
        throttled,
        now.other_processes.map(|count| format!("{count} other processes")),
    ];
    let joined = |facts: &[Option<String>]| facts.iter().flatten().cloned().collect::<Vec<_>>().join(", ");
    format!("{:<7} {}\n        {}\n", gpu.device, joined(&is), joined(&is_now))
}

/// As profiles have them, and the clock that they leave out.
fn as_json(place: Place, found: &FoundAccelerator) -> serde_json::Result<Value> {
    let (gpu, management) = match found {
        Ok(found) => found,
        Err(error) => return Ok(json!({ "device": place.to_string(), "fault": error.to_string() })),
    };
    let mut gpu = serde_json::to_value(gpu)?;
    gpu["max_sm_clock_mhz"] = json!(management.max_sm_clock_mhz);
    gpu["reading"] = serde_json::to_value(&management.reading)?;
    Ok(gpu)
}

#[cfg(test)]
mod tests {
    use proofmark_reports::schema::v1::{Accelerator, AcceleratorReading};

    use super::*;

    /// Invented: no GPU was at hand.
    fn gpu() -> (Accelerator, Management) {
        let gpu = Accelerator {
            device: "cuda:1".to_owned(),
            model: "Some GPU".to_owned(),
            compute_capability: "9.0".to_owned(),
            multiprocessors: 132,
            memory_bytes: 80 << 30,
            available_memory_bytes: 79 << 30,
            has_ecc: Some(true),
            cuda_version: Some("13.0".to_owned()),
            driver_version: Some("580.65".to_owned()),
        };
        let management = Management {
            max_sm_clock_mhz: Some(1980),
            reading: AcceleratorReading {
                sm_clock_mhz: Some(345),
                throttle_reasons: Some(vec!["sw_power_cap".to_owned()]),
                other_processes: Some(1),
                ..AcceleratorReading::default()
            },
            ..Management::default()
        };
        (gpu, management)
    }

    #[test]
    fn what_is_known_of_a_gpu_is_told_in_two_lines() {
        let found = Ok(gpu());
        let is = "cuda:1  Some GPU, 80.0 GiB, compute capability 9.0, driver 580.65, CUDA 13.0, 132 multiprocessors, ECC";
        let now = "        79.0 GiB free, 345 of 1980 MHz, throttled by sw_power_cap, 1 other processes";
        assert_eq!(told(Place::Cuda(1), &found), format!("{is}\n{now}\n"));
        let told = as_json(Place::Cuda(1), &found).unwrap();
        assert_eq!(told["reading"]["throttle_reasons"], json!(["sw_power_cap"]));
        assert_eq!((&told["model"], &told["max_sm_clock_mhz"]), (&json!("Some GPU"), &json!(1980)));
        let unmanaged = Ok((gpu().0, Management::default()));
        assert_eq!(as_json(Place::Cuda(1), &unmanaged).unwrap()["reading"]["sm_clock_mhz"], Value::Null);
    }

    #[test]
    fn a_gpu_that_cannot_be_opened_is_listed_with_what_is_wrong() {
        let found = Err(DeviceError::Fault { during: "opening a context", fault: "no device".to_owned() });
        let fault = "opening a context failed on the device: no device";
        assert_eq!(told(Place::Cuda(2), &found), format!("cuda:2  cannot be used: {fault}\n"));
        assert_eq!(as_json(Place::Cuda(2), &found).unwrap(), json!({ "device": "cuda:2", "fault": fault }));
    }
}
