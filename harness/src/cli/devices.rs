use clap::Args;
use proofmark_models::exact::device::{DeviceError, DeviceFacts};
use proofmark_models::exact::isa::Isa;
use proofmark_reports::cli::{OutputFormat, print};
use proofmark_reports::words::bytes;
use serde_json::{Value, json};

use crate::environment::{self, Management};
use crate::place::{Place, unreachable};
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
            Err(error) => return Err(unreachable(error)),
        };
        let isa = Isa::detect();
        match self.output {
            OutputFormat::Json => {
                let cpu = json!({
                    "device": "cpu", "name": machine.cpu_model, "isa": isa.to_string(), "logical_cpus": machine.logical_cpus,
                    "memory_bytes": machine.memory_bytes, "available_memory_bytes": machine.available_memory_bytes,
                });
                let gpus =
                    gpus.iter().enumerate().map(|(index, (facts, state))| as_json(index, facts, state));
                let devices: Vec<Value> = std::iter::once(cpu).chain(gpus).collect();
                print(&format!("{:#}\n", json!({ "devices": devices, "no_gpu": none })))?;
            }
            OutputFormat::Table => {
                let (cpus, memory) = (machine.logical_cpus, bytes(machine.memory_bytes));
                print(&format!("cpu     {}, {cpus} processors, {isa}, {memory}\n", machine.cpu_model))?;
                for (index, (facts, state)) in gpus.iter().enumerate() {
                    print(&told(index, facts, state))?;
                }
                if let Some(none) = none {
                    print(&format!("no GPU  {none}\n"))?;
                }
            }
        }
        Ok(Outcome::Ok)
    }
}

fn told(index: usize, facts: &DeviceFacts, state: &Management) -> String {
    let version = |version: Option<(u32, u32)>| version.map(|(major, minor)| format!("{major}.{minor}"));
    let joined = |facts: [Option<String>; 6]| facts.into_iter().flatten().collect::<Vec<_>>().join(", ");
    let of_memory = format!("{} of memory, {} free", bytes(facts.memory_bytes), bytes(facts.free_bytes));
    let is = [
        Some(facts.name.clone()),
        version(facts.compute_capability).map(|capability| format!("compute capability {capability}")),
        Some(format!("{} multiprocessors", facts.multiprocessors)),
        Some(of_memory),
        facts.has_ecc.map(|has_ecc| if has_ecc { "ECC" } else { "no ECC" }.to_owned()),
        version(facts.cuda_version).map(|cuda| format!("CUDA {cuda}")),
    ];
    let now = &state.reading;
    let throttled = now.throttle_reasons.as_ref().map(|reasons| match &reasons[..] {
        [] => "not throttled".to_owned(),
        reasons => format!("throttled by {}", reasons.join(" ")),
    });
    let is_now = [
        state.driver_version.as_ref().map(|driver| format!("driver {driver}")),
        now.sm_clock_mhz.zip(state.max_sm_clock_mhz).map(|(now, most)| format!("{now} of {most} MHz")),
        now.temperature_celsius.map(|degrees| format!("{degrees} degrees Celsius")),
        now.power_milliwatts.map(|power| format!("{} W", power / 1000)),
        throttled,
        now.other_processes.map(|count| format!("{count} other processes")),
    ];
    let name = Place::Cuda(index).to_string();
    let mut told = format!("{name:<7} {}\n", joined(is));
    let is_now = joined(is_now);
    if !is_now.is_empty() {
        told += &format!("        {is_now}\n");
    }
    told
}

fn as_json(index: usize, facts: &DeviceFacts, state: &Management) -> Value {
    let now = &state.reading;
    let version = |version: Option<(u32, u32)>| version.map(|(major, minor)| format!("{major}.{minor}"));
    json!({
        "device": Place::Cuda(index).to_string(),
        "name": facts.name,
        "compute_capability": version(facts.compute_capability),
        "multiprocessors": facts.multiprocessors,
        "memory_bytes": facts.memory_bytes,
        "free_memory_bytes": facts.free_bytes,
        "cuda_version": version(facts.cuda_version),
        "has_ecc": facts.has_ecc,
        "driver_version": state.driver_version,
        "sm_clock_mhz": now.sm_clock_mhz,
        "max_sm_clock_mhz": state.max_sm_clock_mhz,
        "memory_clock_mhz": now.memory_clock_mhz,
        "temperature_celsius": now.temperature_celsius,
        "power_milliwatts": now.power_milliwatts,
        "throttle_reasons": now.throttle_reasons,
        "other_processes": now.other_processes,
    })
}

#[cfg(test)]
mod tests {
    use proofmark_reports::schema::v1::AcceleratorReading;

    use super::*;

    /// Invented: no GPU was at hand.
    fn gpu() -> (DeviceFacts, Management) {
        let facts = DeviceFacts {
            name: "Some GPU".to_owned(),
            compute_capability: Some((9, 0)),
            memory_bytes: 80 << 30,
            free_bytes: 79 << 30,
            multiprocessors: 132,
            cuda_version: Some((13, 0)),
            pci_address: None,
            has_ecc: Some(true),
        };
        let state = Management {
            driver_version: Some("580.65".to_owned()),
            max_sm_clock_mhz: Some(1980),
            reading: AcceleratorReading {
                sm_clock_mhz: Some(345),
                throttle_reasons: Some(vec!["sw_power_cap".to_owned()]),
                other_processes: Some(1),
                ..AcceleratorReading::default()
            },
        };
        (facts, state)
    }

    #[test]
    fn what_is_known_of_a_gpu_is_told_in_two_lines() {
        let (facts, state) = gpu();
        let is = "cuda:1  Some GPU, compute capability 9.0, 132 multiprocessors, 80.0 GiB of memory, 79.0 GiB free, ECC, CUDA 13.0";
        let now = "        driver 580.65, 345 of 1980 MHz, throttled by sw_power_cap, 1 other processes";
        assert_eq!(told(1, &facts, &state), format!("{is}\n{now}\n"));
        assert_eq!(as_json(1, &facts, &state)["throttle_reasons"], json!(["sw_power_cap"]));
        assert_eq!(as_json(1, &facts, &Management::default())["sm_clock_mhz"], Value::Null);
    }
}
