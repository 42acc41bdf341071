use std::time::{Duration, Instant, SystemTime};

use proofmark_reports::schema::v1::{Doubt, DoubtKind};

use super::doubt as doubt_of;
use crate::environment::root::Root;

/// A gradual correction reaches both clocks alike, so what they differ by was set at once; time servers set by more than this or
/// correct gradually.
const TOLERANCE_S: f64 = 0.5;

/// The clocks that ought to run alike.
#[derive(Clone, Copy, Debug)]
pub(super) struct Clocks {
    /// Stands still while the machine sleeps.
    monotonic: Instant,
    system: SystemTime,
    /// Since the start of the machine, asleep or awake.
    boot: Option<Duration>,
}

impl Clocks {
    pub(super) fn read(root: &Root) -> Self {
        let seconds = root.text("proc/uptime").and_then(|text| text.split_whitespace().next()?.parse().ok());
        let boot = seconds.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
        Self { monotonic: Instant::now(), system: SystemTime::now(), boot }
    }

    /// By the monotonic clock.
    pub(super) fn elapsed_until(&self, later: &Self) -> Duration {
        later.monotonic.saturating_duration_since(self.monotonic)
    }
}

/// Whether the machine slept, or else somebody set the system's clock.
pub(super) fn doubt(before: &Clocks, after: &Clocks) -> Option<Doubt> {
    let monotonic_s = before.elapsed_until(after).as_secs_f64();
    let boot_s = before.boot.zip(after.boot).map(|(before, after)| seconds_between(before, after));
    let asleep_s = boot_s.map_or(0.0, |boot_s| boot_s - monotonic_s);
    if asleep_s > TOLERANCE_S {
        return Some(doubt_of(
            DoubtKind::ClockJump,
            &format!("the machine slept for {asleep_s:.1} s"),
            "keep the machine awake and certify again",
        ));
    }
    let system_s = match after.system.duration_since(before.system) {
        Ok(forward) => forward.as_secs_f64(),
        Err(backward) => -backward.duration().as_secs_f64(),
    };
    let set_s = system_s - monotonic_s;
    (set_s.abs() > TOLERANCE_S).then(|| {
        let way = if set_s > 0.0 { "forward" } else { "back" };
        doubt_of(
            DoubtKind::ClockJump,
            &format!("the system's clock was set {way} by {:.1} s", set_s.abs()),
            "let the clock be synchronised and certify again",
        )
    })
}

fn seconds_between(before: Duration, after: Duration) -> f64 {
    after.as_secs_f64() - before.as_secs_f64()
}

#[cfg(test)]
mod tests {
    use super::super::super::tree::Tree;
    use super::*;

    fn clocks(uptime: &str) -> Clocks {
        Clocks::read(&Tree::of(&[("proc/uptime", uptime)]).root())
    }

    /// After so many milliseconds by each clock.
    fn later(clocks: &Clocks, monotonic: u64, system: i64, boot: u64) -> Clocks {
        let span = Duration::from_millis(system.unsigned_abs());
        Clocks {
            monotonic: clocks.monotonic + Duration::from_millis(monotonic),
            system: if system < 0 { clocks.system - span } else { clocks.system + span },
            boot: clocks.boot.map(|time| time + Duration::from_millis(boot)),
        }
    }

    #[test]
    fn a_clock_that_was_set_raises_a_doubt_with_the_figure() {
        let before = clocks("22671.31 22755.20\n");
        let forward = doubt(&before, &later(&before, 10_000, 13_500, 10_000)).unwrap();
        assert_eq!(forward.kind, DoubtKind::ClockJump);
        assert_eq!(forward.detail, "the system's clock was set forward by 3.5 s");
        let back = doubt(&before, &later(&before, 10_000, -50_000, 10_000)).unwrap();
        assert_eq!(back.detail, "the system's clock was set back by 60.0 s");
    }

    #[test]
    fn a_machine_that_slept_raises_a_doubt_with_the_figure() {
        let before = clocks("5.0 1.0");
        let doubt = doubt(&before, &later(&before, 10_000, 70_000, 70_000)).unwrap();
        assert_eq!(doubt.detail, "the machine slept for 60.0 s");
    }

    #[test]
    fn clocks_that_run_alike_raise_none_with_or_without_uptime() {
        let before = clocks("5.0 1.0");
        assert_eq!(doubt(&before, &later(&before, 10_000, 10_400, 10_010)), None);
        for uptime in ["", "nonsense", "-5", "NaN"] {
            let before = clocks(uptime);
            assert_eq!(doubt(&before, &later(&before, 10_000, 9_600, 0)), None);
        }
    }
}
