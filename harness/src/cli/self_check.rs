use std::collections::BTreeMap;
use std::path::PathBuf;

use clap::Args;
use proofmark_models::exact::environment::check_all_threads;
use proofmark_models::exact::isa::Isa;
use proofmark_reports::cli::{OutputFormat, print, suite_file};
use proofmark_reports::words::bytes;
use proofmark_workloads::Numerics;

use crate::place::{Place, device_failure};
use crate::plan::{Selection, given, plan};
use crate::progress::Progress;
use crate::{Failure, Outcome, environment, hub, trained};

/// Compute the digests of a suite's exact workloads and compare them with the suite's; nothing is timed
#[derive(Debug, Args)]
pub(super) struct SelfCheck {
    /// The suite: a name from `proofmark list`, or a TOML file
    #[arg(long, default_value = "smoke", value_name = "NAME|FILE")]
    suite: String,
    /// Only workloads whose id matches, `*` and `?` as in a shell; may be repeated
    #[arg(long, value_name = "GLOB")]
    workload: Vec<String>,
    /// The instruction set of the exact kernels: portable, avx2, avx512 or neon [default: the fastest of this machine]
    #[arg(long, value_name = "ISA", env = "PROOFMARK_ISA")]
    isa: Option<Isa>,
    /// Where to compute: cpu, or cuda:N in a build with CUDA
    #[arg(long, default_value = "cpu", value_name = "DEVICE")]
    device: Place,
    /// What is known of models of the hub [default: the built-in lock file]
    #[arg(long, value_name = "FILE")]
    lock: Option<PathBuf>,
    /// How to print the result
    #[arg(long, value_enum, default_value = "table")]
    output: OutputFormat,
}

impl SelfCheck {
    pub(super) fn run(self) -> Result<Outcome, Failure> {
        let source = suite_file::load(&self.suite)?;
        let isa = super::available(self.isa)?;
        check_all_threads(isa).map_err(|error| Failure::new(Outcome::CheckFailed, error))?;
        let numerics = self.device.exact(isa).map_err(device_failure)?;
        let selection = Selection { globs: self.workload, numerics: Some(Numerics::Exact1) };
        let machine = environment::machine()?;
        let free_bytes = match self.device.device().map_err(device_failure)? {
            Some(gpu) => gpu.facts().map_err(device_failure)?.free_bytes,
            None => machine.available_memory_bytes,
        };
        let threads = machine.logical_cpus;
        let mut outcome = Outcome::Ok;
        let mut digests = BTreeMap::new();
        let workloads = plan(&source.suite, &selection)?;
        let lock = hub::lock(self.lock.as_deref())?;
        let mut progress = Progress::new(false);
        let weights = hub::fetched(&workloads, &[], &lock, &mut progress)?;
        progress.finish();
        for workload in workloads {
            let needed_bytes = workload.memory_bytes(1, threads);
            let told = if needed_bytes > free_bytes {
                format!("not computed: needs {}, has {}", bytes(needed_bytes), bytes(free_bytes))
            } else {
                let digest = trained::self_check(workload, given(&weights, workload).as_ref(), numerics)?;
                digests.insert(workload.id.clone(), digest);
                let told = match workload.self_check {
                    Some(expected) if expected == digest => "match",
                    Some(_) => {
                        outcome = Outcome::CheckFailed;
                        "MISMATCH"
                    }
                    None => "the suite states none",
                };
                format!("{digest} {told}")
            };
            if self.output == OutputFormat::Table {
                print(&format!("{} {told}\n", workload.id))?;
            }
        }
        if self.output == OutputFormat::Json {
            print(&format!("{:#}\n", serde_json::json!(digests)))?;
        }
        Ok(outcome)
    }
}
