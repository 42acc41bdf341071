//! Untimed iterations until the times have settled.
//!
//! Windows of [`Timing::warm_up_window`], each at least one iteration; they end when the last three agree ([`derived::is_stable`])
//! and a GPU's clock no longer rises from one such window to the next, not before `warm_up_ms` and not after `warm_up_cap_ms`.

use std::time::{Duration, Instant};

use proofmark_reports::derived;
use proofmark_reports::schema::v1::WarmUp;
use proofmark_workloads::Timing;

use super::nanoseconds;

/// A clock that rises by less from one window to the next has settled.
const RISING_PERCENT: u64 = 1;

/// Calls `iterate` with the iteration's number until its latencies, in nanoseconds, have settled, and `clock_mhz`, where there is such
/// a clock.
pub(super) fn warm_up(
    timing: &Timing,
    mut clock_mhz: impl FnMut() -> Option<u32>,
    mut iterate: impl FnMut(u64) -> anyhow::Result<u64>,
) -> anyhow::Result<WarmUp> {
    let (least, cap) =
        (Duration::from_millis(timing.warm_up_ms), Duration::from_millis(timing.warm_up_cap_ms));
    let length = timing.warm_up_window();
    let started = Instant::now();
    let mut warm_up = WarmUp { iterations: 0, duration_ns: 0, window_median_ns: Vec::new() };
    let mut clock = clock_mhz();
    loop {
        let window = Instant::now();
        let mut latencies = Vec::new();
        while latencies.is_empty() || window.elapsed() < length {
            latencies.push(iterate(warm_up.iterations)?);
            warm_up.iterations += 1;
        }
        latencies.sort_unstable();
        warm_up.window_median_ns.push(latencies[latencies.len() / 2].max(1));
        warm_up.duration_ns = nanoseconds(started);
        let elapsed = Duration::from_nanos(warm_up.duration_ns);
        let before = std::mem::replace(&mut clock, clock_mhz());
        let has_settled = derived::is_stable(&warm_up) && !is_rising(before, clock);
        if elapsed >= cap || (elapsed >= least && has_settled) {
            return Ok(warm_up);
        }
    }
}

fn is_rising(before_mhz: Option<u32>, now_mhz: Option<u32>) -> bool {
    let by_percent =
        |(before, now): (u32, u32)| u64::from(now) * 100 >= u64::from(before) * (100 + RISING_PERCENT);
    before_mhz.zip(now_mhz).is_some_and(by_percent)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn timing(warm_up_ms: u64, warm_up_cap_ms: u64) -> Timing {
        Timing {
            rounds: 1,
            warm_up_ms,
            warm_up_cap_ms,
            measure_ms: 1,
            min_iterations: 1,
            max_iterations: 1,
            time_limit_s: 1,
            capacity_ms: 1,
            ceilings_ms: 1,
        }
    }

    #[test]
    fn it_ends_as_soon_as_three_windows_agree() {
        let latencies = [500, 300, 100, 105, 97];
        let result = warm_up(
            &timing(0, 600),
            || None,
            |iteration| {
                // Longer than a window, so that each has one.
                std::thread::sleep(Duration::from_millis(3));
                Ok(latencies[iteration as usize])
            },
        )
        .unwrap();
        assert_eq!(result.window_median_ns, [500, 300, 100, 105, 97]);
        assert_eq!(result.iterations, 5);
    }

    #[test]
    fn it_outlasts_a_clock_that_rises() {
        let settled = |clocks: &[u32]| {
            let mut clocks = clocks.iter().copied();
            let result = warm_up(
                &timing(0, 100),
                || clocks.next(),
                |_| {
                    std::thread::sleep(Duration::from_millis(3));
                    Ok(100)
                },
            );
            result.unwrap().iterations
        };
        // Before the first window and behind each; three agree from the third on.
        assert_eq!(settled(&[1000, 1000, 1000, 1000]), 3);
        assert_eq!(settled(&[1000, 1000, 1000, 1009]), 3);
        assert_eq!(settled(&[1000, 1000, 1000, 1010, 1010]), 4);
        assert_eq!(settled(&[345, 345, 600, 1200, 1980, 1980]), 5);
        let rising: Vec<u32> = (0..1000).map(|window| 100 * (window + 1)).collect();
        assert!(settled(&rising) > 10);
    }

    #[test]
    fn it_ends_at_its_cap_if_they_never_do() {
        let result = warm_up(
            &timing(3, 12),
            || Some(1),
            |iteration| {
                std::thread::sleep(Duration::from_micros(200));
                Ok(1 << (iteration % 60))
            },
        )
        .unwrap();
        assert!(!derived::is_stable(&result));
        assert!(result.duration_ns >= 12_000_000, "{result:?}");
        assert!(result.window_median_ns.len() >= 2, "{result:?}");
    }
}
