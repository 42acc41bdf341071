use std::time::Duration;

use proofmark_reports::schema::v1::{Doubt, DoubtKind};

use super::doubt as doubt_of;
use super::processor_time::Spent;

/// A tenth of the processors: less is within what medians bear, and the kernel's own work for this program, which it counts as
/// nobody's, stays below.
const SHARE: f64 = 0.1;

/// Whether others used the processors. Of a short measurement only what the counters' rounding cannot explain is counted.
pub(super) fn doubt(spent: Spent, elapsed: Duration) -> Option<Doubt> {
    let foreign = spent.busy.saturating_sub(spent.own);
    let certain = foreign.saturating_sub(spent.rounding());
    let processors = spent.processors;
    (certain.as_secs_f64() > SHARE * f64::from(processors) * elapsed.as_secs_f64()).then(|| {
        let used = foreign.as_secs_f64() / elapsed.as_secs_f64();
        doubt_of(
            DoubtKind::ForeignLoad,
            &format!("other programs used {:.2} of {processors} processors", used.min(processors.into())),
            "stop other programs and certify again",
        )
    })
}

#[cfg(test)]
mod tests {
    use super::super::processor_time::tests::time;
    use super::*;

    fn of(busy: u64, own: u64, elapsed_ms: u64) -> Option<Doubt> {
        doubt(time(0, 0, 0).spent_until(time(busy, 0, own)), Duration::from_millis(elapsed_ms))
    }

    #[test]
    fn processors_that_others_use_raise_a_doubt_with_the_figure() {
        let doubt = of(195, 100, 2000).unwrap();
        assert_eq!(doubt.kind, DoubtKind::ForeignLoad);
        assert_eq!(doubt.detail, "other programs used 0.47 of 1 processors");
    }

    #[test]
    fn ones_own_work_raises_none() {
        assert_eq!(of(200, 200, 2000), None);
        assert_eq!(of(200, 300, 2000), None);
        // 8 %
        assert_eq!(of(208, 192, 2000), None);
    }

    #[test]
    fn in_a_short_measurement_rounding_raises_none_and_a_busy_processor_does() {
        assert_eq!(of(2, 0, 10), None);
        assert!(of(5, 0, 50).is_some());
    }
}
