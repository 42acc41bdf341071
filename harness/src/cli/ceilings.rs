use std::time::Duration;

use clap::Args;
use proofmark_models::exact::isa::Isa;
use proofmark_reports::cli::print;

use crate::ceilings::{end_with_parent, measure_here};
use crate::place::Place;
use crate::{Failure, Outcome};

/// Measures what this machine reaches at most; `certify` starts it.
#[derive(Debug, Args)]
pub(super) struct Ceilings {
    #[arg(long, default_value = "cpu")]
    device: Place,
    #[arg(long)]
    isa: Isa,
    #[arg(long)]
    buffer_bytes: usize,
    #[arg(long)]
    time_ms: u64,
}

impl Ceilings {
    pub(super) fn run(self) -> Result<Outcome, Failure> {
        end_with_parent();
        let ceilings =
            measure_here(self.device, self.isa, self.buffer_bytes, Duration::from_millis(self.time_ms))?;
        let line = serde_json::to_string(&ceilings).map_err(anyhow::Error::from)?;
        print(&format!("{line}\n"))?;
        Ok(Outcome::Ok)
    }
}
