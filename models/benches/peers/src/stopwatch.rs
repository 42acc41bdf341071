//! Durations of single calls, in nanoseconds.

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};

/// Fewer would make the median an accident.
const MIN_REPETITIONS: usize = 5;

/// Repeats `run` for about `seconds`, at least five times, after a call that is not timed.
pub(crate) fn repeat_for(seconds: f64, mut run: impl FnMut() -> Result<()>) -> Result<Vec<u64>> {
    let budget = Duration::try_from_secs_f64(seconds)?;
    run()?;
    let mut durations_ns = Vec::new();
    let begin = Instant::now();
    while durations_ns.len() < MIN_REPETITIONS || begin.elapsed() < budget {
        durations_ns.push(time_ns(&mut run)?);
    }
    Ok(durations_ns)
}

/// Repeats `run` so often, after a call that is not timed.
pub(crate) fn repeat(repetitions: usize, mut run: impl FnMut() -> Result<()>) -> Result<Vec<u64>> {
    ensure!(repetitions > 0, "no repetitions");
    run()?;
    (0..repetitions).map(|_| time_ns(&mut run)).collect()
}

pub(crate) fn time_ns(run: impl FnOnce() -> Result<()>) -> Result<u64> {
    let begin = Instant::now();
    run()?;
    Ok(u64::try_from(begin.elapsed().as_nanos())?)
}

/// The mean of the middle two where their number is even; `None` for none.
pub(crate) fn median_ns(mut durations_ns: Vec<u64>) -> Option<u64> {
    durations_ns.sort_unstable();
    let middle = durations_ns.len() / 2;
    let upper = *durations_ns.get(middle)?;
    let lower = durations_ns[durations_ns.len().div_ceil(2) - 1];
    Some(lower.midpoint(upper))
}
