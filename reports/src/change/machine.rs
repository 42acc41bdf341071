//! Whether two profiles are of one machine, and what else differs between their runs.

use crate::schema::change::{Difference, SameMachine};
use crate::schema::v1::{Machine, PROCESSOR, Profile};
use crate::words;

/// What a kernel keeps for itself is no other memory: up to a sixteenth.
const KEPT_BY_THE_KERNEL: u64 = 16;

/// Two profiles of different machines.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the profiles are not of one machine: {fact} was {old}, is {new}")]
pub struct OtherMachine {
    /// What differs.
    pub fact: &'static str,
    /// In the old profile.
    pub old: String,
    /// In the new one.
    pub new: String,
}

/// What both have in common.
///
/// # Errors
/// When processor, memory, device or operator differ: the first that does.
pub(super) fn same(old: &Profile, new: &Profile) -> Result<SameMachine, OtherMachine> {
    let processors = |machine: &Machine| machine.logical_cpus.to_string();
    let facts = [
        ("operator", old.operator.clone(), new.operator.clone()),
        ("processor", old.machine.cpu_model.clone(), new.machine.cpu_model.clone()),
        ("number of processors", processors(&old.machine), processors(&new.machine)),
        ("device", device(old), device(new)),
    ];
    if let Some((fact, old, new)) = facts.into_iter().find(|(_, old, new)| old != new) {
        return Err(OtherMachine { fact, old, new });
    }
    let memory_bytes = [old.machine.memory_bytes, new.machine.memory_bytes];
    if memory_bytes[0].abs_diff(memory_bytes[1]) > memory_bytes[0].max(memory_bytes[1]) / KEPT_BY_THE_KERNEL {
        let [old, new] = memory_bytes.map(words::bytes);
        return Err(OtherMachine { fact: "memory", old, new });
    }
    Ok(SameMachine {
        cpu_model: new.machine.cpu_model.clone(),
        logical_cpus: new.machine.logical_cpus,
        memory_bytes: new.machine.memory_bytes,
        device: device(new),
        operator: new.operator.clone(),
    })
}

fn device(profile: &Profile) -> String {
    profile.cells.first().map_or_else(|| PROCESSOR.to_owned(), |cell| cell.device.clone())
}

/// Facts that may be why something changed, in the order in which one asks for them.
pub(super) fn differences(old: &Profile, new: &Profile) -> Vec<Difference> {
    facts(old)
        .into_iter()
        .zip(facts(new))
        .filter(|((_, old), (_, new))| old != new)
        .map(|((fact, old), (_, new))| Difference { fact: fact.to_owned(), old, new })
        .collect()
}

fn facts(profile: &Profile) -> [(&'static str, String); 21] {
    let Profile { suite, machine, harness, .. } = profile;
    let short = |digest: crate::Digest| words::clipped(&digest.to_string(), 12);
    let or_none = |text: Option<String>| text.unwrap_or_else(|| "none".to_owned());
    let threads = profile.cells.first().map(|cell| cell.threads.to_string());
    let crates = harness.crates.iter().map(|(name, version)| format!("{name} {version}"));
    [
        ("suite", format!("{} {}", suite.name, suite.version)),
        ("suite digest", short(suite.digest)),
        ("program", harness.version.clone()),
        ("commit", harness.git_commit.clone()),
        ("executable", short(harness.binary_digest)),
        ("compiler", harness.rustc.clone()),
        ("crates", crates.collect::<Vec<_>>().join(", ")),
        ("instruction set", harness.isa.clone()),
        ("threads", or_none(threads)),
        ("system", machine.os.clone()),
        ("system release", machine.os_release.clone()),
        ("kernel", machine.kernel.clone()),
        ("architecture", machine.architecture.clone()),
        ("virtualisation", machine.virtualisation.clone()),
        ("processor features", machine.cpu_features.join(" ")),
        ("cores", or_none(machine.physical_cpus.map(|cores| cores.to_string()))),
        ("clock", machine.clock.source.clone()),
        ("memory limit", or_none(machine.cgroup_memory_bytes.map(words::bytes))),
        ("processor quota", or_none(machine.cgroup_cpu_milli.map(|milli| format!("{milli} thousandths")))),
        ("machine id", short(machine.commitment)),
        ("GPU", or_none(machine.accelerators.first().map(words::accelerator))),
    ]
}
