//! What this machine and this program are, as far as the system tells, and what speaks against measuring here.

pub(crate) mod accelerator;
mod cache;
mod cgroup;
mod clock;
mod commitment;
mod cpu;
mod doubts;
mod memory;
mod oom;
mod processors;
mod program;
mod root;
mod system;
#[cfg(test)]
mod tree;

use std::path::PathBuf;

use proofmark_models::exact::isa::Isa;
use proofmark_reports::profile::printable;
use proofmark_reports::schema::v1::{Clock, Harness, Machine};

use crate::Failure;
use root::Root;

pub use accelerator::{FoundAccelerator, Management, accelerator_apart, accelerators};
pub use doubts::{Reading, accelerator_doubts, ceilings_doubt, standing_doubts};

/// The machine.
///
/// # Errors
/// When the machine's commitment can neither be derived nor stored.
pub fn machine() -> Result<Machine, Failure> {
    let root = &Root::of_this_machine();
    let cpu = cpu::read(root);
    let memory_bytes = memory::installed_bytes(root).unwrap_or(0);
    Ok(Machine {
        commitment: commitment::read()?,
        cpu_model: printable(&cpu.model),
        cpu_features: cpu.features,
        logical_cpus: logical_cpus(),
        physical_cpus: cpu.physical,
        memory_bytes,
        available_memory_bytes: memory::available_bytes(root).unwrap_or(memory_bytes).min(memory_bytes),
        cgroup_memory_bytes: memory::cgroup_limit_bytes(root),
        cgroup_cpu_milli: cpu::cgroup_quota_milli(root),
        accelerators: Vec::new(),
        os: std::env::consts::OS.to_owned(),
        os_release: printable(&system::os_release(root)),
        kernel: printable(&system::kernel(root)),
        architecture: std::env::consts::ARCH.to_owned(),
        virtualisation: printable(&system::virtualisation(root, cpu.has_hypervisor)),
        clock: clock::read(root),
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

/// The program that runs, even if its file was replaced meanwhile: the profile names the digest of this one.
///
/// # Errors
/// When the system does not tell.
pub fn own_program() -> anyhow::Result<PathBuf> {
    program::path()
}

/// The monotonic clock, measured in some milliseconds.
#[must_use]
pub fn clock() -> Clock {
    clock::read(&Root::of_this_machine())
}

/// The processors' largest cache; `None` where the system does not tell.
#[must_use]
pub fn last_level_cache_bytes() -> Option<u64> {
    cache::last_level_bytes(&Root::of_this_machine())
}

/// Processes that the kernel killed for lack of memory so far, in this process's control group where that is counted, else on the
/// machine. If a cell died by signal 9 and this rose meanwhile, memory was the cause.
#[must_use]
pub fn oom_kills() -> Option<u64> {
    oom::kills(&Root::of_this_machine())
}

fn logical_cpus() -> u32 {
    std::thread::available_parallelism().map_or(1, |count| u32::try_from(count.get()).unwrap_or(u32::MAX))
}
