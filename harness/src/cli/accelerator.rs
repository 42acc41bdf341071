use clap::Args;
use proofmark_reports::cli::print;

use crate::environment::accelerator::accelerator;
use crate::place::{Place, device_failure};
use crate::{Failure, Outcome};

/// Says what a GPU is; `certify` starts it.
#[derive(Debug, Args)]
pub(super) struct Accelerator {
    #[arg(long)]
    device: Place,
}

impl Accelerator {
    pub(super) fn run(self) -> Result<Outcome, Failure> {
        let found = accelerator(self.device).map_err(device_failure)?.map(|(accelerator, _)| accelerator);
        print(&format!("{}\n", serde_json::to_string(&found).map_err(anyhow::Error::from)?))?;
        Ok(Outcome::Ok)
    }
}
