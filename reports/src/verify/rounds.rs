//! Each round of a cell: a warm-up that was long enough, and as many iterations as it fixes.

use proofmark_workloads::{Suite, Timing, Workload};

use super::cells::Faults;
use crate::derived;
use crate::schema::v1::{Cell, Round, WarmUp};

/// Every fault of a cell's rounds, each of which has ended well, whatever became of the cell.
pub(super) fn check(cell: &Cell, workload: &Workload, suite: &Suite, faults: &mut Faults) {
    for (place, round) in cell.rounds.iter().enumerate() {
        for fact in faults_of(round, workload, &suite.timing) {
            faults.add(format!("round {place}: {fact}"));
        }
    }
}

fn faults_of(round: &Round, workload: &Workload, timing: &Timing) -> Vec<String> {
    let mut facts = warm_up_faults(&round.warm_up, timing);
    let (iterations, digests) = (round.latency_ns.len(), round.output_digests.len());
    let fixed = timing.iterations(round.warm_up.median_ns());
    if iterations as u64 != fixed {
        facts.push(format!("{iterations} timed iterations, warm-up and suite fix {fixed}"));
    }
    if round.latency_ns.contains(&0) {
        facts.push("an iteration took no time".to_owned());
    }
    if digests != iterations {
        facts.push(format!("{iterations} timed iterations, {digests} output digests"));
    }
    facts.extend(token_fault(round, workload));
    facts
}

/// Long enough, and not ended before the times had settled while there was time left.
fn warm_up_faults(warm_up: &WarmUp, timing: &Timing) -> Vec<String> {
    let mut facts = Vec::new();
    let (least_ns, cap_ns) = (timing.warm_up_ms * 1_000_000, timing.warm_up_cap_ms * 1_000_000);
    let windows = warm_up.window_median_ns.len() as u64;
    if windows == 0 || warm_up.iterations < windows || warm_up.window_median_ns.contains(&0) {
        facts.push("warm_up has an empty window".to_owned());
    }
    // Each window has an iteration that took its median.
    if warm_up.window_median_ns.iter().any(|median| *median > warm_up.duration_ns) {
        facts.push("warm_up has an iteration that is longer than all of it".to_owned());
    }
    let is_settled = warm_up.duration_ns >= cap_ns || derived::is_stable(warm_up);
    if warm_up.duration_ns < least_ns || !is_settled {
        let (least_ms, cap_ms) = (timing.warm_up_ms, timing.warm_up_cap_ms);
        facts.push(format!(
            "warm_up ended before the suite's {least_ms} ms, or unstable before its {cap_ms} ms"
        ));
    }
    facts
}

/// TTFT lies within the request, and TPOT follows from what is left.
fn token_fault(round: &Round, workload: &Workload) -> Option<String> {
    if workload.shape.output_tokens().is_none() {
        let is_there = !round.ttft_ns.is_empty() || !round.tpot_ns.is_empty();
        return is_there.then(|| "token times of an output that comes whole".to_owned());
    }
    let (iterations, ttft, tpot) = (round.latency_ns.len(), round.ttft_ns.len(), round.tpot_ns.len());
    if ttft != iterations || tpot != iterations {
        return Some(format!("{iterations} timed iterations, {ttft} ttft_ns, {tpot} tpot_ns"));
    }
    let mut times = round.latency_ns.iter().zip(&round.ttft_ns).zip(&round.tpot_ns);
    let follows = |((latency, ttft), tpot): ((&u64, &u64), &u64)| {
        *ttft > 0 && *tpot > 0 && derived::tpot_ns(workload.shape, *latency, *ttft) == Some(*tpot)
    };
    let iteration = times.position(|times| !follows(times))?;
    Some(format!("tpot_ns of iteration {iteration} does not follow from latency_ns and ttft_ns"))
}
