use std::collections::BTreeMap;

use clap::Args;
use proofmark_models::Numerics;
use proofmark_models::exact::environment::check_all_threads;
use proofmark_models::exact::isa::Isa;
use proofmark_reports::Digest;
use proofmark_reports::cli::{OutputFormat, print, suite_file};
use proofmark_reports::words::bytes;
use proofmark_workloads::{Numerics as WorkloadNumerics, Workload, self_check_seed};

use crate::cell::model::Model;
use crate::plan::{Selection, plan};
use crate::{Failure, Outcome, environment};

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
    /// How to print the result
    #[arg(long, value_enum, default_value = "table")]
    output: OutputFormat,
}

impl SelfCheck {
    pub(super) fn run(self) -> Result<Outcome, Failure> {
        let source = suite_file::load(&self.suite)?;
        let isa = super::available(self.isa)?;
        check_all_threads(isa).map_err(|error| Failure::new(Outcome::CheckFailed, error))?;
        let selection = Selection { globs: self.workload, numerics: Some(WorkloadNumerics::Exact1) };
        let machine = environment::machine()?;
        let (free_bytes, threads) = (machine.available_memory_bytes, machine.logical_cpus);
        let mut outcome = Outcome::Ok;
        let mut digests = BTreeMap::new();
        for workload in plan(&source.suite, &selection)? {
            let needed_bytes = workload.memory_bytes(1, threads);
            let told = if needed_bytes > free_bytes {
                format!("not computed: needs {}, has {}", bytes(needed_bytes), bytes(free_bytes))
            } else {
                let digest = digest(workload, isa)?;
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

fn digest(workload: &Workload, isa: Isa) -> anyhow::Result<Digest> {
    let model = Model::load(workload, None, Numerics::Exact(isa))?;
    let input = model.prepare(vec![workload.input(self_check_seed())])?;
    Ok(Digest(model.run(&input)?.output.digest()?))
}
