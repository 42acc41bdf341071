//! Whether what a profile says of its machine can be true of one machine.

use super::Reason;
use crate::schema::v1::Profile;

/// Instruction sets of exact kernels, with the features of `machine.cpu_features` that each needs.
const INSTRUCTION_SETS: [(&str, &[&str]); 4] = [
    ("portable", &[]),
    ("avx2", &["avx2", "f16c", "fma"]),
    ("avx512", &["avx2", "avx512f", "f16c", "fma"]),
    ("neon", &["neon"]),
];

/// Every contradiction.
pub(super) fn check(profile: &Profile) -> Vec<Reason> {
    let (machine, isa) = (&profile.machine, &profile.harness.isa);
    let mut facts = Vec::new();
    match INSTRUCTION_SETS.iter().find(|(name, _)| name == isa) {
        None => facts.push(format!("harness.isa `{isa}` is unknown")),
        Some((_, needed)) => {
            let lacks = |feature: &&&str| !machine.cpu_features.iter().any(|has| has == **feature);
            facts.extend(
                needed.iter().filter(lacks).map(|feature| format!("harness.isa is {isa} without {feature}")),
            );
        }
    }
    if machine.logical_cpus == 0 || machine.physical_cpus == Some(0) {
        facts.push("machine has no processors".to_owned());
    }
    if machine.memory_bytes == 0 {
        facts.push("machine has no memory".to_owned());
    }
    if machine.available_memory_bytes > machine.memory_bytes {
        facts.push("machine has more memory free than installed".to_owned());
    }
    facts.extend(accelerator_faults(profile));
    let rounds = profile.cells.iter().flat_map(|cell| &cell.rounds);
    let mut ceilings = profile.ceilings.iter().chain(rounds.filter_map(|round| round.ceilings.as_ref()));
    if ceilings.any(|ceilings| ceilings.read_bytes_per_s == 0 || ceilings.f32_flops_per_s == 0) {
        facts.push("a ceiling is 0".to_owned());
    }
    facts.into_iter().map(|fact| Reason::Machine { fact }).collect()
}

/// GPUs that cannot be, are there twice, or that no cell ran on.
fn accelerator_faults(profile: &Profile) -> Vec<String> {
    let accelerators = &profile.machine.accelerators;
    let mut facts = Vec::new();
    let numbers: Vec<Option<u32>> = accelerators.iter().map(|gpu| number(&gpu.device)).collect();
    if numbers.iter().any(Option::is_none) || !numbers.is_sorted_by(|a, b| a < b) {
        facts.push("accelerators are not cuda:N in ascending order of N".to_owned());
    }
    for (place, gpu) in accelerators.iter().enumerate() {
        if gpu.memory_bytes == 0 || gpu.available_memory_bytes > gpu.memory_bytes {
            facts.push(format!("accelerator {place} has no memory, or more free than it has"));
        }
        if !profile.cells.iter().any(|cell| cell.device == gpu.device) {
            facts.push(format!("no cell ran on accelerator {place}"));
        }
    }
    facts
}

/// `N` of `cuda:N`, in its one spelling.
fn number(device: &str) -> Option<u32> {
    let number: u32 = device.strip_prefix("cuda:")?.parse().ok()?;
    (format!("cuda:{number}") == device).then_some(number)
}
