//! Classes of machines, as data: what a machine of the class is, how fast, and how steady.
//!
//! Speeds are assumptions of the right order, not measurements: what such processors reach with all threads and the exact kernels of the
//! stated instruction set. Native arithmetic follows the same ceilings.

/// What machines of one kind have in common.
#[derive(Debug)]
pub(super) struct HardwareClass {
    pub(super) name: &'static str,
    /// Of the machines of a fleet, in thousandths.
    pub(super) share: u32,
    pub(super) hosting: Hosting,
    pub(super) cpu_model: &'static str,
    pub(super) isa: Isa,
    pub(super) virtualisation: &'static str,
    pub(super) logical_cpus: u32,
    pub(super) physical_cpus: u32,
    pub(super) memory_mib: u64,
    pub(super) read_bytes_per_s: f64,
    pub(super) f32_flops_per_s: f64,
    /// The shares of both ceilings that exact kernels reach.
    pub(super) arithmetic: f64,
    pub(super) memory: f64,
    /// What a pass takes whatever its size: threads that wait for each other.
    pub(super) pass_ns: f64,
    /// Standard deviations of the logarithm: of speeds from machine to machine, and of times from request to request.
    pub(super) between: f64,
    pub(super) within: f64,
    /// The share of the machines of which some requests take several times as long.
    pub(super) straggling: f64,
}

/// Where machines stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Hosting {
    Home,
    Cloud,
    Colocation,
}

/// Instruction sets of the exact kernels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Isa {
    Portable,
    Avx2,
    Avx512,
    Neon,
}

impl Isa {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Portable => "portable",
            Self::Avx2 => "avx2",
            Self::Avx512 => "avx512",
            Self::Neon => "neon",
        }
    }

    pub(super) fn architecture(self) -> &'static str {
        match self {
            Self::Portable | Self::Avx2 | Self::Avx512 => "x86_64",
            Self::Neon => "aarch64",
        }
    }

    /// Ascending.
    pub(super) fn cpu_features(self) -> &'static [&'static str] {
        match self {
            Self::Portable => &[],
            Self::Avx2 => &["avx", "avx2", "f16c", "fma"],
            Self::Avx512 => &["avx", "avx2", "avx512bw", "avx512f", "avx512vl", "avx512vnni", "f16c", "fma"],
            Self::Neon => &["neon"],
        }
    }
}

const GIGA: f64 = 1e9;

/// From the smallest to the largest; the number in a name is that of the cores, of virtual machines that of the processors.
pub(super) const CLASSES: [HardwareClass; 16] = [
    HardwareClass {
        name: "arm_board_1g",
        share: 20,
        hosting: Hosting::Home,
        cpu_model: "Cortex-A53",
        isa: Isa::Neon,
        virtualisation: "none",
        logical_cpus: 4,
        physical_cpus: 4,
        memory_mib: 1024,
        read_bytes_per_s: 2.1 * GIGA,
        f32_flops_per_s: 18.0 * GIGA,
        arithmetic: 0.45,
        memory: 0.70,
        pass_ns: 900_000.0,
        between: 0.06,
        within: 0.06,
        straggling: 0.40,
    },
    HardwareClass {
        name: "arm_board_4g",
        share: 70,
        hosting: Hosting::Home,
        cpu_model: "Cortex-A72",
        isa: Isa::Neon,
        virtualisation: "none",
        logical_cpus: 4,
        physical_cpus: 4,
        memory_mib: 4096,
        read_bytes_per_s: 4.2 * GIGA,
        f32_flops_per_s: 40.0 * GIGA,
        arithmetic: 0.50,
        memory: 0.75,
        pass_ns: 600_000.0,
        between: 0.06,
        within: 0.05,
        straggling: 0.30,
    },
    HardwareClass {
        name: "home_server_4",
        share: 40,
        hosting: Hosting::Home,
        cpu_model: "Intel(R) Celeron(R) J4125 CPU @ 2.00GHz",
        isa: Isa::Portable,
        virtualisation: "none",
        logical_cpus: 4,
        physical_cpus: 4,
        memory_mib: 8192,
        read_bytes_per_s: 8.0 * GIGA,
        f32_flops_per_s: 8.0 * GIGA,
        arithmetic: 0.70,
        memory: 0.75,
        pass_ns: 500_000.0,
        between: 0.06,
        within: 0.05,
        straggling: 0.30,
    },
    HardwareClass {
        name: "vm_1",
        share: 60,
        hosting: Hosting::Cloud,
        cpu_model: "Intel(R) Xeon(R) CPU @ 2.20GHz",
        isa: Isa::Avx2,
        virtualisation: "Google",
        logical_cpus: 1,
        physical_cpus: 1,
        memory_mib: 1024,
        read_bytes_per_s: 9.0 * GIGA,
        f32_flops_per_s: 48.0 * GIGA,
        arithmetic: 0.60,
        memory: 0.80,
        pass_ns: 40_000.0,
        between: 0.15,
        within: 0.12,
        straggling: 0.60,
    },
    HardwareClass {
        name: "vm_2",
        share: 130,
        hosting: Hosting::Cloud,
        cpu_model: "Intel(R) Xeon(R) Platinum 8259CL CPU @ 2.50GHz",
        isa: Isa::Avx512,
        virtualisation: "Amazon EC2",
        logical_cpus: 2,
        physical_cpus: 1,
        memory_mib: 4096,
        read_bytes_per_s: 13.0 * GIGA,
        f32_flops_per_s: 130.0 * GIGA,
        arithmetic: 0.60,
        memory: 0.80,
        pass_ns: 120_000.0,
        between: 0.12,
        within: 0.09,
        straggling: 0.45,
    },
    HardwareClass {
        name: "laptop_2",
        share: 50,
        hosting: Hosting::Home,
        cpu_model: "Intel(R) Core(TM) i5-5200U CPU @ 2.20GHz",
        isa: Isa::Avx2,
        virtualisation: "none",
        logical_cpus: 4,
        physical_cpus: 2,
        memory_mib: 8192,
        read_bytes_per_s: 16.0 * GIGA,
        f32_flops_per_s: 140.0 * GIGA,
        arithmetic: 0.55,
        memory: 0.80,
        pass_ns: 300_000.0,
        between: 0.10,
        within: 0.08,
        straggling: 0.45,
    },
    HardwareClass {
        name: "desktop_4",
        share: 110,
        hosting: Hosting::Home,
        cpu_model: "Intel(R) Core(TM) i5-4570 CPU @ 3.20GHz",
        isa: Isa::Avx2,
        virtualisation: "none",
        logical_cpus: 4,
        physical_cpus: 4,
        memory_mib: 8192,
        read_bytes_per_s: 20.0 * GIGA,
        f32_flops_per_s: 360.0 * GIGA,
        arithmetic: 0.60,
        memory: 0.80,
        pass_ns: 180_000.0,
        between: 0.05,
        within: 0.04,
        straggling: 0.20,
    },
    HardwareClass {
        name: "arm_vm_4",
        share: 60,
        hosting: Hosting::Cloud,
        cpu_model: "Neoverse-V1",
        isa: Isa::Neon,
        virtualisation: "Amazon EC2",
        logical_cpus: 4,
        physical_cpus: 4,
        memory_mib: 8192,
        read_bytes_per_s: 26.0 * GIGA,
        f32_flops_per_s: 300.0 * GIGA,
        arithmetic: 0.60,
        memory: 0.80,
        pass_ns: 150_000.0,
        between: 0.08,
        within: 0.06,
        straggling: 0.25,
    },
    HardwareClass {
        name: "laptop_4",
        share: 80,
        hosting: Hosting::Home,
        cpu_model: "11th Gen Intel(R) Core(TM) i5-1135G7 @ 2.40GHz",
        isa: Isa::Avx512,
        virtualisation: "none",
        logical_cpus: 8,
        physical_cpus: 4,
        memory_mib: 16_384,
        read_bytes_per_s: 34.0 * GIGA,
        f32_flops_per_s: 330.0 * GIGA,
        arithmetic: 0.50,
        memory: 0.80,
        pass_ns: 250_000.0,
        between: 0.12,
        within: 0.09,
        straggling: 0.45,
    },
    HardwareClass {
        name: "vm_8",
        share: 120,
        hosting: Hosting::Cloud,
        cpu_model: "AMD EPYC 7R13 Processor",
        isa: Isa::Avx2,
        virtualisation: "Amazon EC2",
        logical_cpus: 8,
        physical_cpus: 4,
        memory_mib: 32_768,
        read_bytes_per_s: 36.0 * GIGA,
        f32_flops_per_s: 400.0 * GIGA,
        arithmetic: 0.60,
        memory: 0.80,
        pass_ns: 200_000.0,
        between: 0.10,
        within: 0.07,
        straggling: 0.35,
    },
    HardwareClass {
        name: "desktop_8",
        share: 90,
        hosting: Hosting::Home,
        cpu_model: "AMD Ryzen 7 5800X 8-Core Processor",
        isa: Isa::Avx2,
        virtualisation: "none",
        logical_cpus: 16,
        physical_cpus: 8,
        memory_mib: 32_768,
        read_bytes_per_s: 42.0 * GIGA,
        f32_flops_per_s: 980.0 * GIGA,
        arithmetic: 0.60,
        memory: 0.80,
        pass_ns: 200_000.0,
        between: 0.05,
        within: 0.04,
        straggling: 0.20,
    },
    HardwareClass {
        name: "vm_32",
        share: 70,
        hosting: Hosting::Cloud,
        cpu_model: "Intel(R) Xeon(R) Platinum 8375C CPU @ 2.90GHz",
        isa: Isa::Avx512,
        virtualisation: "Amazon EC2",
        logical_cpus: 32,
        physical_cpus: 16,
        memory_mib: 131_072,
        read_bytes_per_s: 95.0 * GIGA,
        f32_flops_per_s: 2_100.0 * GIGA,
        arithmetic: 0.50,
        memory: 0.75,
        pass_ns: 300_000.0,
        between: 0.08,
        within: 0.05,
        straggling: 0.25,
    },
    HardwareClass {
        name: "workstation_32",
        share: 30,
        hosting: Hosting::Colocation,
        cpu_model: "AMD Ryzen Threadripper PRO 5975WX 32-Cores",
        isa: Isa::Avx2,
        virtualisation: "none",
        logical_cpus: 64,
        physical_cpus: 32,
        memory_mib: 131_072,
        read_bytes_per_s: 140.0 * GIGA,
        f32_flops_per_s: 3_200.0 * GIGA,
        arithmetic: 0.50,
        memory: 0.75,
        pass_ns: 350_000.0,
        between: 0.04,
        within: 0.03,
        straggling: 0.15,
    },
    HardwareClass {
        name: "arm_server_80",
        share: 30,
        hosting: Hosting::Colocation,
        cpu_model: "Neoverse-N1",
        isa: Isa::Neon,
        virtualisation: "none",
        logical_cpus: 80,
        physical_cpus: 80,
        memory_mib: 262_144,
        read_bytes_per_s: 160.0 * GIGA,
        f32_flops_per_s: 3_400.0 * GIGA,
        arithmetic: 0.45,
        memory: 0.70,
        pass_ns: 500_000.0,
        between: 0.04,
        within: 0.03,
        straggling: 0.15,
    },
    HardwareClass {
        name: "server_64",
        share: 30,
        hosting: Hosting::Colocation,
        cpu_model: "AMD EPYC 7713 64-Core Processor",
        isa: Isa::Avx2,
        virtualisation: "none",
        logical_cpus: 128,
        physical_cpus: 64,
        memory_mib: 262_144,
        read_bytes_per_s: 180.0 * GIGA,
        f32_flops_per_s: 4_600.0 * GIGA,
        arithmetic: 0.45,
        memory: 0.70,
        pass_ns: 600_000.0,
        between: 0.04,
        within: 0.03,
        straggling: 0.15,
    },
    HardwareClass {
        name: "server_128",
        share: 10,
        hosting: Hosting::Colocation,
        cpu_model: "INTEL(R) XEON(R) PLATINUM 8592+",
        isa: Isa::Avx512,
        virtualisation: "none",
        logical_cpus: 256,
        physical_cpus: 128,
        memory_mib: 524_288,
        read_bytes_per_s: 420.0 * GIGA,
        f32_flops_per_s: 11_000.0 * GIGA,
        arithmetic: 0.40,
        memory: 0.65,
        pass_ns: 900_000.0,
        between: 0.04,
        within: 0.03,
        straggling: 0.15,
    },
];

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn shares_add_up_and_names_are_of_one_class() {
        assert_eq!(CLASSES.iter().map(|class| class.share).sum::<u32>(), 1000);
        assert_eq!(CLASSES.iter().map(|class| class.name).collect::<BTreeSet<_>>().len(), CLASSES.len());
    }

    #[test]
    fn no_class_reaches_its_ceilings() {
        for class in &CLASSES {
            assert!(class.arithmetic < 1.0 && class.memory < 1.0, "{}", class.name);
            assert!(class.between > 0.0 && class.within > 0.0 && class.pass_ns > 0.0, "{}", class.name);
        }
    }
}
