//! A machine of a class, as the generator knows it.

use super::classes::{CLASSES, HardwareClass};
use super::random::{Origin, Random};
use crate::Digest;
use crate::schema::v1::{Ceilings, Clock, Machine};

const MIB: f64 = 1_048_576.0;
/// Of the memory, what firmware and kernel keep to themselves; what the system's programs take beside that.
const RESERVED: f64 = 0.03;
const SYSTEM_BYTES: f64 = 400.0 * MIB;
/// Of the requests of a machine that straggles, those that do, at least and at most.
const STRAGGLERS: [f64; 2] = [0.01, 0.14];
/// A ceiling is the best of many bursts, so it varies less than requests do.
const CEILING_SPREAD: f64 = 0.5;

/// A machine of a class.
pub(super) struct Hardware {
    pub(super) class: &'static HardwareClass,
    /// What it is drawn from.
    pub(super) origin: Origin,
    /// True ceilings; a measurement comes close.
    pub(super) read_bytes_per_s: f64,
    pub(super) f32_flops_per_s: f64,
    /// The share of requests that take several times as long.
    pub(super) stragglers: f64,
    memory_bytes: u64,
    available_memory_bytes: u64,
}

impl Hardware {
    pub(super) fn of(origin: Origin) -> Self {
        let class = class(origin);
        let mut random = origin.random("hardware", 0);
        let [fewest, most] = STRAGGLERS;
        let stragglers =
            if random.happens(class.straggling) { fewest + (most - fewest) * random.uniform() } else { 0.0 };
        let memory_bytes = class.memory_mib as f64 * MIB * (1.0 - RESERVED);
        let available = (memory_bytes - SYSTEM_BYTES * random.factor(0.3)).max(0.0) * 0.98;
        Self {
            class,
            origin,
            read_bytes_per_s: class.read_bytes_per_s * random.factor(class.between),
            f32_flops_per_s: class.f32_flops_per_s * random.factor(class.between),
            stragglers,
            memory_bytes: memory_bytes as u64,
            available_memory_bytes: available as u64,
        }
    }

    /// As a harness sees it.
    pub(super) fn seen(&self) -> Machine {
        let class = self.class;
        Machine {
            commitment: commitment(self.origin),
            cpu_model: class.cpu_model.to_owned(),
            cpu_features: class.isa.cpu_features().iter().map(|name| (*name).to_owned()).collect(),
            logical_cpus: class.logical_cpus,
            physical_cpus: Some(class.physical_cpus),
            memory_bytes: self.memory_bytes,
            available_memory_bytes: self.available_memory_bytes,
            cgroup_memory_bytes: None,
            cgroup_cpu_milli: None,
            accelerators: Vec::new(),
            os: "linux".to_owned(),
            os_release: "Debian GNU/Linux 12 (bookworm)".to_owned(),
            kernel: "6.1.0".to_owned(),
            architecture: class.isa.architecture().to_owned(),
            virtualisation: class.virtualisation.to_owned(),
            clock: Clock { source: "tsc".to_owned(), resolution_ns: 1, overhead_ps: 25_000 },
        }
    }

    /// A measurement of the ceilings.
    pub(super) fn ceilings(&self, random: &mut Random) -> Ceilings {
        let spread = self.class.within * CEILING_SPREAD;
        let mut measured = |rate: f64| (rate * random.factor(spread)) as u64;
        Ceilings {
            read_bytes_per_s: measured(self.read_bytes_per_s),
            f32_flops_per_s: measured(self.f32_flops_per_s),
        }
    }
}

/// What a machine is known by, whoever signs for it.
pub(super) fn commitment(origin: Origin) -> Digest {
    origin.random("commitment", 0).digest()
}

/// The class of a machine; all machines of an operator stand in one kind of place.
fn class(origin: Origin) -> &'static HardwareClass {
    let mut random = origin.random("class", 0);
    let share = |class: &HardwareClass| match origin.machine {
        0 => class.share,
        _ if class.hosting == self::class(Origin { machine: 0, ..origin }).hosting => class.share,
        _ => 0,
    };
    random.weighted(&CLASSES, share).unwrap_or(&CLASSES[0])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fleet() -> impl Iterator<Item = Origin> {
        (0..2000).map(|operator| Origin::first(1, operator))
    }

    #[test]
    fn classes_come_as_often_as_their_shares_say() {
        for class in &CLASSES {
            let share = f64::from(class.share) / 1000.0;
            let count = fleet().filter(|origin| Hardware::of(*origin).class.name == class.name).count();
            let deviation = (share * (1.0 - share) * 2000.0).sqrt();
            assert!((count as f64 - share * 2000.0).abs() < 4.0 * deviation, "{} {count}", class.name);
        }
    }

    #[test]
    fn further_machines_of_an_operator_stand_where_the_first_does() {
        for first in fleet().take(100) {
            let hosting = |machine| class(Origin { machine, ..first }).hosting;
            assert!((1..4).all(|machine| hosting(machine) == hosting(0)));
        }
    }

    #[test]
    fn machines_of_a_class_differ_by_its_spread() {
        for class in &CLASSES {
            let logarithms: Vec<f64> = fleet()
                .map(Hardware::of)
                .filter(|hardware| hardware.class.name == class.name)
                .map(|hardware| libm::log(hardware.f32_flops_per_s / class.f32_flops_per_s))
                .collect();
            let count = logarithms.len() as f64;
            let spread = (logarithms.iter().map(|value| value * value).sum::<f64>() / count).sqrt();
            // Four standard deviations of a standard deviation: 1 / sqrt(2 n).
            let tolerance = 4.0 / (2.0 * count).sqrt();
            assert!((spread / class.between - 1.0).abs() < tolerance, "{} {spread} of {count}", class.name);
        }
    }
}
