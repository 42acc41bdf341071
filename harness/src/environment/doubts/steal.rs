use std::time::Duration;

use proofmark_reports::schema::v1::{Doubt, DoubtKind};

use super::doubt as doubt_of;
use super::processor_time::Spent;

/// A hundredth: a hypervisor that gives each of its machines a processor of its own stays far below, and a thread that is
/// stopped for milliseconds holds up all threads of a pass.
const SHARE: f64 = 0.01;

/// Whether the hypervisor gave the processors to others, beyond what the counter's rounding explains.
pub(super) fn doubt(spent: Spent, elapsed: Duration) -> Option<Doubt> {
    let certain = spent.stolen.saturating_sub(spent.rounding());
    let processors = spent.processors;
    (certain.as_secs_f64() > SHARE * f64::from(processors) * elapsed.as_secs_f64()).then(|| {
        let share = spent.stolen.as_secs_f64() / elapsed.as_secs_f64();
        doubt_of(
            DoubtKind::CpuSteal,
            &format!(
                "the hypervisor gave {:.2} of {processors} processors to others",
                share.min(processors.into())
            ),
            "certify again when the host is idle, or on a machine with processors of its own",
        )
    })
}

#[cfg(test)]
mod tests {
    use super::super::processor_time::tests::time;
    use super::*;

    fn of(stolen: u64, elapsed_ms: u64) -> Option<Doubt> {
        doubt(time(5, 5, 5).spent_until(time(500, 5 + stolen, 500)), Duration::from_millis(elapsed_ms))
    }

    #[test]
    fn stolen_time_raises_a_doubt_with_the_figure() {
        let doubt = of(100, 5000).unwrap();
        assert_eq!(doubt.kind, DoubtKind::CpuSteal);
        assert_eq!(doubt.detail, "the hypervisor gave 0.20 of 1 processors to others");
    }

    #[test]
    fn a_hundredth_and_what_rounding_explains_raise_none() {
        assert_eq!(of(0, 5000), None);
        assert_eq!(of(7, 5000), None);
        assert!(of(8, 5000).is_some());
        assert_eq!(of(2, 10), None);
    }
}
