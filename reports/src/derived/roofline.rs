//! What memory and arithmetic allow: how close a cell came, and what is out of reach.

use proofmark_workloads::{Limits, Work, Workload};

use crate::canonical_json::MAX_SAFE_INTEGER;
use crate::schema::v1::{Bound, Ceilings, Limit, Machine, Obstacle, Roofline};

/// A machine that must miss a limit by this factor is not asked to.
const HOPELESS: u64 = 10;
const SECOND_NS: u128 = 1_000_000_000;

/// Why this machine is not asked to run a workload on `device` with `threads` threads: it lacks the memory, or its ceilings put a limit
/// out of reach by far. Both are estimates: of memory from above, of time from below.
#[must_use]
pub fn obstacle(
    workload: &Workload,
    device: &str,
    threads: u32,
    machine: &Machine,
    ceilings: Option<Ceilings>,
) -> Option<Obstacle> {
    let needed_bytes = safe(workload.memory_bytes(workload.max_batch.unwrap_or(1), threads));
    let available_bytes = machine.available_bytes_on(device);
    if needed_bytes > available_bytes {
        return Some(Obstacle::Memory { needed_bytes, available_bytes });
    }
    let ceilings = ceilings?;
    let work = workload.work(1);
    let first_ns = least_ns(work.first, ceilings)?.0;
    let estimates = match (workload.slo.limits, workload.shape.output_tokens()) {
        (Limits::Tokens { ttft_ns, tpot_ns }, Some(output_tokens)) => {
            let further_ns = least_ns(work.further, ceilings)?.0 / u64::from(output_tokens - 1).max(1);
            vec![(Limit::Ttft, first_ns, ttft_ns), (Limit::Tpot, further_ns, tpot_ns)]
        }
        (Limits::Latency { latency_ns }, _) => vec![(Limit::Latency, first_ns, latency_ns)],
        (Limits::Tokens { .. }, None) => Vec::new(),
    };
    let hopeless =
        |(_, estimate_ns, limit_ns): &(Limit, u64, u64)| *estimate_ns >= limit_ns.saturating_mul(HOPELESS);
    let (limit, estimate_ns, limit_ns) = estimates.into_iter().find(hopeless)?;
    Some(Obstacle::Slo { limit, estimate_ns, limit_ns })
}

/// The place of a median latency below the ceilings; `None` of no ceilings or no time.
pub(super) fn of(workload: &Workload, ceilings: Ceilings, median_ns: u64) -> Option<Roofline> {
    let work = workload.work(1);
    let (first_ns, first_bound) = least_ns(work.first, ceilings)?;
    let (further_ns, further_bound) = least_ns(work.further, ceilings)?;
    let least_ns = u128::from(first_ns) + u128::from(further_ns);
    let share = (least_ns * 1_000_000).checked_div(u128::from(median_ns))?;
    Some(Roofline {
        share_ppm: safe(u64::try_from(share).unwrap_or(u64::MAX)),
        bound: if first_ns >= further_ns { first_bound } else { further_bound },
    })
}

/// The least time that arithmetic alone allows for a request, at this rate; `None` of no rate. Unlike memory's it holds for any model,
/// because caches add nothing to it.
#[must_use]
pub fn least_arithmetic_ns(workload: &Workload, f32_flops_per_s: u64) -> Option<u64> {
    let work = workload.work(1);
    let flops = u128::from(work.first.flops) + u128::from(work.further.flops);
    let least_ns = (flops * SECOND_NS).checked_div(u128::from(f32_flops_per_s))?;
    Some(safe(u64::try_from(least_ns).unwrap_or(u64::MAX)))
}

/// The least time that the ceilings allow for some work, and the side that sets it.
fn least_ns(work: Work, ceilings: Ceilings) -> Option<(u64, Bound)> {
    let time =
        |amount: u64, per_second: u64| (u128::from(amount) * SECOND_NS).checked_div(u128::from(per_second));
    let compute = time(work.flops, ceilings.f32_flops_per_s)?;
    let memory = time(work.read_bytes, ceilings.read_bytes_per_s)?;
    let bound = if compute >= memory { Bound::Compute } else { Bound::Memory };
    Some((safe(u64::try_from(compute.max(memory)).unwrap_or(u64::MAX)), bound))
}

/// A number that canonical JSON can hold: sizes that no machine has are cut off there.
fn safe(number: u64) -> u64 {
    number.min(MAX_SAFE_INTEGER.unsigned_abs())
}
