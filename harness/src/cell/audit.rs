//! Answers of a profile, computed once more.

use proofmark_reports::Digest;
use proofmark_workloads::Workload;

use super::model::Model;
use super::protocol::Event;
use super::{request, say};

/// Says the digest of what each seed's input gives.
pub(super) fn answer(workload: &Workload, model: &Model, seeds: &[Digest]) -> anyhow::Result<()> {
    say(&Event::Loaded { weights_digest: model.weights_digest })?;
    for seed in seeds {
        say(&Event::Answer { digest: request(model, workload, *seed)?.digest })?;
    }
    Ok(())
}
