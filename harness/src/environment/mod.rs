//! What this machine and this program are, as far as the system tells.

mod cgroup;
mod commitment;
mod cpu;
mod memory;
mod program;
mod system;

use proofmark_models::exact::isa::Isa;
use proofmark_reports::profile::printable;
use proofmark_reports::schema::v1::{Clock, Doubt, DoubtKind, Harness, Machine};

use crate::Failure;

/// A load beyond this share of the processors speaks against the figures.
const FOREIGN_LOAD_SHARE: f64 = 0.25;

/// The machine.
///
/// # Errors
/// When the machine's commitment can neither be derived nor stored.
pub fn machine() -> Result<Machine, Failure> {
    let cpu = cpu::read();
    Ok(Machine {
        commitment: commitment::read()?,
        cpu_model: printable(&cpu.model),
        cpu_features: cpu.features,
        logical_cpus: logical_cpus(),
        physical_cpus: cpu.physical,
        memory_bytes: memory::installed_bytes().unwrap_or(0),
        available_memory_bytes: 0,
        cgroup_memory_bytes: memory::cgroup_limit_bytes(),
        cgroup_cpu_milli: cpu::cgroup_quota_milli(),
        os: std::env::consts::OS.to_owned(),
        os_release: printable(&system::os_release()),
        kernel: printable(&system::kernel()),
        architecture: std::env::consts::ARCH.to_owned(),
        virtualisation: printable(&system::virtualisation(cpu.has_hypervisor)),
        clock: Clock { source: "unknown".to_owned(), resolution_ns: 1, overhead_ps: 0 },
    })
}

/// The program.
///
/// # Errors
/// When its own file cannot be read.
pub fn harness(isa: Isa) -> Result<Harness, Failure> {
    Ok(Harness {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        git_commit: env!("PROOFMARK_GIT_COMMIT").to_owned(),
        binary_digest: program::binary_digest()?,
        rustc: printable(env!("PROOFMARK_RUSTC")),
        crates: program::crate_versions(),
        isa: isa.to_string(),
    })
}

/// What speaks against measuring now.
#[must_use]
pub fn doubts(logical_cpus: u32) -> Vec<Doubt> {
    let load = system::load_average();
    let foreign_load = load.filter(|load| *load > f64::from(logical_cpus) * FOREIGN_LOAD_SHARE);
    foreign_load
        .map(|load| Doubt {
            kind: DoubtKind::ForeignLoad,
            detail: format!("load average {load:.2} on {logical_cpus} processors before the run"),
            advice: "stop other programs and certify again".to_owned(),
        })
        .into_iter()
        .collect()
}

fn logical_cpus() -> u32 {
    std::thread::available_parallelism().map_or(1, |count| u32::try_from(count.get()).unwrap_or(u32::MAX))
}
